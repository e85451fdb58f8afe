"""Strict reading of TOML records that carry evidence: unknown keys and items without a status are errors."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from povstudy.errors import StandardError, did_you_mean
from povstudy.standards.terms import AREAS, STATUSES, Evidence

__all__ = ["EvidenceFile", "Table", "check_record"]

Table = Mapping[str, Any]
EVIDENCE_KEYS = {"status": str, "sources": list, "note": str}
ADDRESS_STARTS = ("https://", "http://", "data/raw/sources.csv#")


def check_record(raw: Any, where: str, required: Table, optional: Table) -> Table:
    """Check the keys and types of one table and return it.

    Parameters
    ----------
    raw : object
        What stands in the file.
    where : str
        File and key, for messages.
    required, optional : mapping of key to type, or to a tuple of types
        What may stand there.

    Returns
    -------
    mapping
        ``raw`` itself.

    Raises
    ------
    StandardError
        When it is no table, a key is unknown or absent, or a value has another type.

    Examples
    --------
    >>> check_record({"code": "water"}, "x.toml", {"code": str}, {})
    {'code': 'water'}
    """
    if not isinstance(raw, dict):
        raise StandardError(f"{where}: got {type(raw).__name__}, needed a table.")
    known = {**required, **optional}
    for key in raw:
        if key not in known:
            raise StandardError(
                f"{where}: unknown key {key[:60]!r}; possible: {', '.join(known)}.{did_you_mean(key, known)}"
            )
    if absent := [key for key in required if key not in raw]:
        raise StandardError(f"{where}: no key {', '.join(map(repr, absent))}; it must be there.")
    for key, value in raw.items():
        kinds = known[key] if isinstance(known[key], tuple) else (known[key],)
        if type(value) not in kinds:
            raise StandardError(
                f"{where}: {key} is {type(value).__name__}, needed {' or '.join(k.__name__ for k in kinds)}."
            )
    return raw


class EvidenceFile:
    """A TOML file whose records name entries of its ``[sources]`` and ``[notes]``.

    Parameters
    ----------
    text : str
        The file's content.
    where : str
        Its name, for messages.
    required, optional : mapping of key to type
        Keys at the top, beside ``sources`` and ``notes``.

    Raises
    ------
    StandardError
        On the first fault, here and in every method.
    """

    def __init__(self, text: str, where: str, required: Table, optional: Table) -> None:
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as fault:
            raise StandardError(f"{where}: this is not valid TOML: {fault}.") from fault
        self.where = where
        self.data = check_record(data, where, {**required, "sources": dict, "notes": dict}, optional)
        self.sources = {name: self._address(name, value) for name, value in self.data["sources"].items()}
        self.notes = {
            name: check_record(value, self.at(f"notes.{name}"), {"en": str, "vi": str}, {})
            for name, value in self.data["notes"].items()
        }
        self.used: set[str] = set()

    def at(self, key: str) -> str:
        """Name a place in the file for a message."""
        return f"{self.where}: {key}"

    def record(self, raw: Any, key: str, required: Table, optional: Table | None = None) -> tuple[Table, Evidence]:
        """Check one record and read its evidence."""
        checked = check_record(raw, self.at(key), required, {**(optional or {}), **EVIDENCE_KEYS})
        return checked, self._evidence(checked, key)

    def each(
        self,
        rows: Sequence[Any],
        key: str,
        make: Callable[[Table, Evidence, str], Any],
        required: Table,
        optional: Table | None = None,
    ) -> tuple[Any, ...]:
        """Make one object of every record of a list; ``make`` gets record, evidence and place."""
        made = []
        for number, raw in enumerate(rows):
            place = f"{key}[{number}]"
            checked, evidence = self.record(raw, place, required, optional)
            made.append(make(checked, evidence, place))
        return tuple(made)

    def choice(self, value: str, choices: Sequence[str], key: str) -> str:
        """Refuse a word that is not among the choices."""
        if value not in choices:
            raise StandardError(
                f"{self.at(key)}: got {value[:60]!r}; possible: {', '.join(choices)}.{did_you_mean(value, choices)}"
            )
        return value

    def area(self, record: Table, key: str) -> str:
        """Read rural or urban."""
        return self.choice(record["area"], AREAS, f"{key}.area")

    def fraction(self, text: str | None, key: str) -> Fraction | None:
        """Read a fraction such as ``"1/18"``, above 0 and at most 1; None stays None."""
        if text is None:
            return None
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError) as fault:
            raise StandardError(f"{self.at(key)}: {text[:60]!r} is no fraction like '1/6'.") from fault
        if not 0 < value <= 1:
            raise StandardError(f"{self.at(key)}: {text[:60]!r} is not above 0 and at most 1.")
        return value

    def refuse_unused(self) -> None:
        """Refuse sources and notes that no record names."""
        there = {f"sources.{name}" for name in self.sources} | {f"notes.{name}" for name in self.notes}
        if idle := sorted(there - self.used):
            raise StandardError(f"{self.where}: no item names {', '.join(idle)}. Use it or remove it.")

    def _evidence(self, record: Table, key: str) -> Evidence:
        if "status" not in record:
            raise StandardError(
                f"{self.at(key)}: no status. Every item says how well it is known: {', '.join(STATUSES)}."
            )
        status = self.choice(record["status"], STATUSES, f"{key}.status")
        addresses = tuple(self._look_up(name, self.sources, key, "source") for name in record.get("sources", []))
        note = {"en": "", "vi": ""}
        if "note" in record:
            note = self._look_up(record["note"], self.notes, key, "note")
        if status == "VERIFIED" and not addresses:
            raise StandardError(f"{self.at(key)}: VERIFIED without a source. Name where it was read, or weaken it.")
        if status != "VERIFIED" and not note["en"]:
            raise StandardError(f"{self.at(key)}: {status} without a note. Say in a note what is not known.")
        return Evidence(status, addresses, note["en"], note["vi"])

    def _address(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not value.startswith(ADDRESS_STARTS):
            raise StandardError(
                f"{self.at(f'sources.{name}')}: got {str(value)[:60]!r}; a source is an address that starts with "
                f"{', '.join(ADDRESS_STARTS)}."
            )
        return value

    def _look_up(self, name: Any, known: Mapping[str, Any], key: str, what: str) -> Any:
        if not isinstance(name, str) or name not in known:
            raise StandardError(
                f"{self.at(key)}: {what} {str(name)[:60]!r} is not in [{what}s].{did_you_mean(str(name), known)}"
            )
        self.used.add(f"{what}s.{name}")
        return known[name]

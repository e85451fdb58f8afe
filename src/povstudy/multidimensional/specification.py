"""A multidimensional measure as data: indicators, weights, cut-off, and the rule of each indicator."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from povstudy.errors import DataError, NotAvailableError, StandardError, did_you_mean
from povstudy.multidimensional.patterns import checked_flags
from povstudy.multidimensional.rules import Roster, Rule, read_rule, roster_of
from povstudy.standards import load_standard

__all__ = [
    "FLAG",
    "Specification",
    "SpecifiedIndicator",
    "list_specifications",
    "load_specification",
    "read_specification",
]

#: A column ``deprived_<code>`` of the households' table holds a deprivation that is already known.
FLAG = "deprived_"

OWN_KEYS = ("id", "title_en", "title_vi", "identification", "k", "indicators", "rules")
INDICATOR_KEYS = ("code", "dimension", "weight", "en", "vi")


@dataclass(frozen=True)
class SpecifiedIndicator:
    """One indicator of a specification.

    Attributes
    ----------
    code, dimension : str
        Codes.
    weight : fractions.Fraction
        Weight; all sum to one.
    en, vi : str
        Names.
    cutoff_en, cutoff_vi : str
        When a household is deprived, in words; "" where it is not known.
    status : str
        Evidence status of the cut-off: VERIFIED, CORROBORATED, UNVERIFIED, or "own" for a user's file.
    rule : Rule or None
        The same in terms of columns; None where only a known flag can be used.
    """

    code: str
    dimension: str
    weight: Fraction
    en: str
    vi: str
    cutoff_en: str
    cutoff_vi: str
    status: str
    rule: Rule | None


@dataclass(frozen=True)
class Specification:
    """A multidimensional measure.

    Attributes
    ----------
    id : str
        Name, for a national or international measure that of its standard.
    title_en, title_vi : str
        Full names.
    instrument, clause : str
        Where it is laid down.
    identification : str
        Who is identified as poor, and who is counted.
    k : fractions.Fraction
        Poverty cut-off: share of the weighted deprivations.
    k_status : str
        Evidence status of the cut-off.
    indicators : tuple of SpecifiedIndicator
        In the order of the instrument.
    """

    id: str
    title_en: str
    title_vi: str
    instrument: str
    clause: str
    identification: str
    k: Fraction
    k_status: str
    indicators: tuple[SpecifiedIndicator, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the indicators."""
        return tuple(i.code for i in self.indicators)

    @property
    def columns(self) -> list[str]:
        """Names of the flag columns, ``deprived_<code>``."""
        return [FLAG + code for code in self.codes]

    @property
    def weights(self) -> dict[str, Fraction]:
        """Weight of each flag column."""
        return {FLAG + i.code: i.weight for i in self.indicators}

    def arguments(self) -> dict[str, Any]:
        """Return what ``povstudy.measure("alkire_foster", **...)`` needs for tables with the flag columns.

        Returns
        -------
        dict
            ``deprivations, indicator_weights, k``.
        """
        return {"deprivations": self.columns, "indicator_weights": self.weights, "k": self.k}

    def table(self, lang: str = "en") -> pd.DataFrame:
        """Return the indicators with weights, cut-offs, evidence and the columns that they need.

        Parameters
        ----------
        lang : {"en", "vi"}
            Language of names and cut-offs.

        Returns
        -------
        pandas.DataFrame
            ``indicator, dimension, name, weight, cutoff, status, table, columns``.
        """
        if lang not in ("en", "vi"):
            raise StandardError(f"lang: 'en' or 'vi', got {lang!r:.20}.")
        rows = []
        for i in self.indicators:
            name, cutoff = (i.en, i.cutoff_en) if lang == "en" else (i.vi, i.cutoff_vi)
            columns = ", ".join(i.rule.columns) if i.rule else FLAG + i.code
            place = i.rule.of if i.rule else "household"
            rows.append((i.code, i.dimension, name, str(i.weight), cutoff, i.status, place, columns))
        names = ["indicator", "dimension", "name", "weight", "cutoff", "status", "table", "columns"]
        return pd.DataFrame(rows, columns=names)

    def missing(self, households: pd.DataFrame, members: pd.DataFrame | None = None) -> dict[str, tuple[str, ...]]:
        """Return the indicators that cannot be computed and the columns that they lack.

        Parameters
        ----------
        households : pandas.DataFrame
            One row a household.
        members : pandas.DataFrame, optional
            One row a person.

        Returns
        -------
        dict of str to tuple of str
            Empty where the measure is computable.
        """
        found = {}
        for indicator in self.indicators:
            if FLAG + indicator.code in households.columns:
                continue
            rule = indicator.rule
            if rule is None:
                found[indicator.code] = (FLAG + indicator.code,)
                continue
            table = households if rule.of == "household" else members
            known = set() if table is None else set(table.columns)
            lacking = tuple(c for c in rule.columns if c not in known)
            if lacking or table is None:
                found[indicator.code] = lacking or rule.columns
        return found

    def deprivations(
        self,
        households: pd.DataFrame,
        members: pd.DataFrame | None = None,
        *,
        household: str = "household",
        member: str | None = None,
    ) -> pd.DataFrame:
        """Return the deprivation of each household in each indicator; nothing is filled in.

        A column ``deprived_<code>`` of the households' table is used as it is; otherwise the indicator's rule is
        applied to the columns of the households or, collapsed, of their members.

        Parameters
        ----------
        households : pandas.DataFrame, shape (n, ...)
            One row a household.
        members : pandas.DataFrame, optional
            One row a person.
        household : str
            Column that identifies a household in both tables; needed with members.
        member : str, optional
            Column that identifies a person within a household, to find persons entered twice.

        Returns
        -------
        pandas.DataFrame of bool, shape (n, d)
            Columns ``deprived_<code>``, index of ``households``.

        Raises
        ------
        NotAvailableError
            "not computable, n of d indicators missing", with the columns that are lacking.
        DataError
            When a household or person stands there twice, or a missing value decides.

        Examples
        --------
        >>> households = pd.DataFrame({f"deprived_{code}": [0, 1] for code in load_specification("wb_mpm").codes})
        >>> load_specification("wb_mpm").deprivations(households).sum(axis=1).tolist()
        [0, 6]
        """
        lacking = self.missing(households, members)
        if lacking:
            shown = "; ".join(f"{code} (needs {', '.join(columns)})" for code, columns in lacking.items())
            raise NotAvailableError(
                f"{self.title_en}: not computable, {len(lacking)} of {len(self.indicators)} indicators missing: "
                f"{shown}. Each may also be given as a column {FLAG}<code> of zeros and ones."
            )
        roster = self._roster(households, members, household, member)
        flags = {}
        for indicator in self.indicators:
            name = FLAG + indicator.code
            if name in households.columns:
                flags[name] = checked_flags(households[[name]])[0][:, 0]
            else:
                assert indicator.rule is not None
                flags[name] = indicator.rule.flags(households, roster)
        return pd.DataFrame(flags, index=households.index)

    def _roster(self, households: Any, members: Any, household: str, member: str | None) -> Roster | None:
        """Return the members where a rule needs them."""
        needed = any(
            i.rule is not None and i.rule.of == "members" and FLAG + i.code not in households.columns
            for i in self.indicators
        )
        if not needed:
            if household in households.columns and households[household].duplicated().any():
                twice = households[household].duplicated()
                raise DataError(
                    f"households: {int(twice.sum())} rows repeat a household (column {household!r}, first at position"
                    f" {int(np.argmax(twice))}). One row a household is needed."
                )
            return None
        return roster_of(households, members, household, member)


def list_specifications() -> tuple[str, ...]:
    """Return the ids of the specifications that ship with the package.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "global_mpi" in list_specifications()
    True
    """
    folder = resources.files("povstudy.multidimensional") / "specifications"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_specification(id: str) -> Specification:
    """Load a specification that ships with the package.

    Parameters
    ----------
    id : str
        One of `list_specifications`.

    Returns
    -------
    Specification

    Raises
    ------
    StandardError
        When there is none of this name.

    Examples
    --------
    >>> load_specification("vn_2022_2025_nd07").k
    Fraction(1, 4)
    """
    known = list_specifications()
    if id not in known:
        raise StandardError(
            f"specification: no {str(id)[:60]!r}.{did_you_mean(str(id), known)} There are {', '.join(known)}; your own"
            " file is read with read_specification."
        )
    text = (resources.files("povstudy.multidimensional") / "specifications" / f"{id}.toml").read_text("utf-8")
    return _parse(text, f"{id}.toml")


def read_specification(path: str | Path) -> Specification:
    """Read a specification file of your own.

    Parameters
    ----------
    path : str or pathlib.Path
        A TOML file: either ``standard`` (the id of a standard, whose indicators and weights are taken) and
        ``rules``; or ``id, title_en, title_vi, identification, k, indicators`` and ``rules``.

    Returns
    -------
    Specification

    Raises
    ------
    StandardError
        When the file cannot be read or is not a specification.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StandardError(f"specification: {str(path)[:200]!r} cannot be read ({error}).") from None
    return _parse(text, Path(path).name)


def _parse(text: str, where: str) -> Specification:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StandardError(f"{where}: not a TOML file ({error}).") from None
    allowed = ("standard", "rules") if "standard" in data else OWN_KEYS
    unknown = [key for key in data if key not in allowed]
    if unknown:
        raise StandardError(
            f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(allowed)}."
            f"{did_you_mean(unknown[0], allowed)}"
        )
    entries = data.get("rules", [])
    if not isinstance(entries, list):
        raise StandardError(f"{where}: rules is a list of tables ([[rules]]).")
    rules = [read_rule(entry, where) for entry in entries]
    named = [rule.indicator for rule in rules]
    twice = sorted({code for code in named if named.count(code) > 1})
    if twice:
        raise StandardError(f"{where}: two rules for {', '.join(twice)}.")
    given = {rule.indicator: rule for rule in rules}
    found = _of_standard(data["standard"], given, where) if "standard" in data else _own(data, given, where)
    strange = [code for code in given if code not in found.codes]
    if strange:
        raise StandardError(
            f"{where}: a rule for {', '.join(strange)}, which is no indicator.{did_you_mean(strange[0], found.codes)}"
            f" There are {', '.join(found.codes)}."
        )
    total = sum((i.weight for i in found.indicators), Fraction(0))
    if total != 1:
        raise StandardError(f"{where}: the weights sum to {total}, not to 1; write them as fractions ('1/6').")
    return found


def _of_standard(id: Any, rules: Mapping[str, Rule], where: str) -> Specification:
    """Return the specification of a standard, whose file holds indicators, weights, cut-offs and evidence."""
    standard = load_standard(id)
    if standard.poverty_cutoff is None or not standard.indicators:
        raise StandardError(f"{where}: standard {standard.id!r} counts no deprivations.")
    cutoffs = {c.indicator: c for c in standard.cutoffs}
    indicators = tuple(
        SpecifiedIndicator(
            i.code,
            i.dimension,
            i.weight,
            i.en,
            i.vi,
            cutoffs[i.code].en if i.code in cutoffs else "",
            cutoffs[i.code].vi if i.code in cutoffs else "",
            cutoffs[i.code].evidence.status if i.code in cutoffs else "UNVERIFIED",
            rules.get(i.code),
        )
        for i in standard.indicators
    )
    return Specification(
        standard.id,
        standard.title_en,
        standard.title_vi,
        standard.instrument,
        standard.clause,
        standard.identification,
        standard.poverty_cutoff.share,
        standard.poverty_cutoff.evidence.status,
        indicators,
    )


def _own(data: Mapping[str, Any], rules: Mapping[str, Rule], where: str) -> Specification:
    """Return a user's own specification."""
    lacking = [key for key in OWN_KEYS[:-1] if key not in data]
    if lacking:
        raise StandardError(f"{where}: {', '.join(lacking)} missing (or name a standard).")
    if not isinstance(data["indicators"], list) or not data["indicators"]:
        raise StandardError(f"{where}: indicators is a list of tables with {', '.join(INDICATOR_KEYS)}.")
    indicators = []
    for entry in data["indicators"]:
        if not isinstance(entry, Mapping) or sorted(entry) != sorted(INDICATOR_KEYS):
            raise StandardError(f"{where}: an indicator has exactly the keys {', '.join(INDICATOR_KEYS)}.")
        weight = _fraction(entry["weight"], f"{where}, weight of {entry['code']!r:.40}")
        names = (str(entry["code"]), str(entry["dimension"]))
        indicators.append(
            SpecifiedIndicator(
                *names, weight, str(entry["en"]), str(entry["vi"]), "", "", "own", rules.get(str(entry["code"]))
            )
        )
    codes = [i.code for i in indicators]
    if len(set(codes)) != len(codes):
        raise StandardError(f"{where}: an indicator stands there twice.")
    k = _fraction(data["k"], f"{where}, k")
    if not 0 < k <= 1:
        raise StandardError(f"{where}: k is a share in (0, 1], got {k}.")
    texts = [str(data[key]) for key in ("id", "title_en", "title_vi")]
    return Specification(*texts, "", "", str(data["identification"]), k, "own", tuple(indicators))


def _fraction(value: Any, where: str) -> Fraction:
    """Return a number written as '1/6', 0.25 or 1 as a fraction; a decimal is taken as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise StandardError(f"{where}: a number or a fraction such as '1/6' is needed, got {value!r:.40}.")
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise StandardError(f"{where}: a number or a fraction such as '1/6' is needed, got {value!r:.40}.") from None

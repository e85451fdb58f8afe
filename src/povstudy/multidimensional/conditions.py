"""Conditions on columns as a specification file writes them, evaluated with missing values kept apart.

A missing value is never taken as true or false.  It does no harm where the outcome does not depend on it (whether
a person without wage work has a contract); where it does, the row is unknown and the caller refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from povstudy.errors import DataError, StandardError, did_you_mean

__all__ = ["Condition", "Truth", "read_condition"]

COMPARISONS = ("below", "at_most", "at_least", "above")
TESTS = ("is", "in", "not_in", *COMPARISONS)
COMBINATIONS = ("any_of", "all_of", "count_of")


@dataclass(frozen=True, eq=False)
class Truth:
    """Truth values of n rows: ``true`` and ``known`` as booleans, shape (n,) each."""

    true: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Condition:
    """A test of one column, or a combination of conditions.

    Attributes
    ----------
    kind : str
        One of the tests (is, in, not_in, below, at_most, at_least, above) or of the combinations (any_of, all_of,
        count_of).
    column : str
        The column of a test.
    value : object
        What it is compared with; for ``count_of`` the comparison and the number.
    parts : tuple of Condition
        The parts of a combination.
    """

    kind: str
    column: str = ""
    value: Any = None
    parts: tuple[Condition, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once, in order."""
        own = (self.column,) if self.column else ()
        return tuple(dict.fromkeys((*own, *(c for part in self.parts for c in part.columns))))

    def evaluate(self, table: pd.DataFrame) -> Truth:
        """Return the truth of the condition for each row.

        Parameters
        ----------
        table : pandas.DataFrame, shape (n, ...)
            Holds the columns.

        Returns
        -------
        Truth
        """
        if not self.parts:
            return _test(self, table[self.column])
        found = [part.evaluate(table) for part in self.parts]
        sure = sum((t.true & t.known).astype(int) for t in found)
        possible = sure + sum((~t.known).astype(int) for t in found)
        if self.kind == "any_of":
            return Truth(sure > 0, (sure > 0) | (possible == 0))
        if self.kind == "all_of":
            return Truth(sure == len(found), (sure == len(found)) | (possible < len(found)))
        comparison, number = self.value
        low, high = _compare(sure, comparison, number), _compare(possible, comparison, number)
        return Truth(low, low == high)


def _compare(values: np.ndarray, comparison: str, number: float) -> np.ndarray:
    """Return the outcome of a comparison for each row."""
    if comparison == "below":
        return values < number
    if comparison == "at_most":
        return values <= number
    return values >= number if comparison == "at_least" else values > number


def _test(condition: Condition, column: pd.Series) -> Truth:
    """Return the truth of a test of one column."""
    known = column.notna().to_numpy()
    if condition.kind in COMPARISONS:
        try:
            values = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
        except (TypeError, ValueError):
            raise DataError(f"column {condition.column!r}: numbers are needed for {condition.kind!r}.") from None
        return Truth(_compare(np.where(known, values, 0.0), condition.kind, float(condition.value)) & known, known)
    if condition.kind == "is" and isinstance(condition.value, bool):
        return Truth((_truths(condition.column, column, known) == condition.value) & known, known)
    members = [condition.value] if condition.kind == "is" else list(condition.value)
    inside = column.isin(members).to_numpy()
    return Truth((inside if condition.kind != "not_in" else ~inside) & known, known)


def _truths(name: str, column: pd.Series, known: np.ndarray) -> np.ndarray:
    """Return a yes/no column as booleans, refusing anything but 0, 1, False and True."""
    values = column.to_numpy(dtype=object)[known]
    if not pd.Series(values, dtype=object).isin([0, 1]).all():
        odd = next(v for v in values if v not in (0, 1))
        raise DataError(f"column {name!r}: yes/no is needed (True/False or 1/0), got {odd!r:.40}.")
    result = np.zeros(len(column), dtype=bool)
    result[known] = values.astype(bool)
    return result


def read_condition(entry: Any, where: str) -> Condition:
    """Read a condition from a specification file.

    Parameters
    ----------
    entry : mapping
        ``{column = "age", at_least = 6}``, or ``{any_of = [...]}``, ``{all_of = [...]}``,
        ``{count_of = [...], at_most = 1}``.
    where : str
        Where it stands, for messages.

    Returns
    -------
    Condition

    Raises
    ------
    StandardError
        When a key is unknown or absent.

    Examples
    --------
    >>> read_condition({"column": "age", "at_least": 6}, "example").columns
    ('age',)
    """
    if not isinstance(entry, Mapping):
        raise StandardError(f"{where}: a condition is a table such as {{column = 'age', at_least = 6}}.")
    combined = [key for key in COMBINATIONS if key in entry]
    if len(combined) == 1:
        return _read_combination(entry, combined[0], where)
    tests = [key for key in entry if key in TESTS]
    unknown = [key for key in entry if key not in ("column", *TESTS)]
    if unknown or combined or len(tests) != 1 or not isinstance(entry.get("column"), str):
        hint = did_you_mean(str(unknown[0]), (*TESTS, *COMBINATIONS)) if unknown else ""
        raise StandardError(
            f"{where}: a condition has a column and one of {', '.join(TESTS)}, or is one of {', '.join(COMBINATIONS)}; "
            f"got {sorted(map(str, entry))}.{hint}"
        )
    return Condition(tests[0], entry["column"], _checked_value(tests[0], entry[tests[0]], where))


def _checked_value(test: str, value: Any, where: str) -> Any:
    """Return what a test compares with, of the type it needs."""
    if test in COMPARISONS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise StandardError(f"{where}: {test} needs a number, got {value!r:.60}.")
    if test in ("in", "not_in"):
        if not isinstance(value, list) or not value:
            raise StandardError(f"{where}: {test} needs a list of values, got {value!r:.60}.")
        return tuple(value)
    return value


def _read_combination(entry: Mapping[str, Any], kind: str, where: str) -> Condition:
    """Read a combination of conditions."""
    parts = entry[kind]
    if not isinstance(parts, list) or not parts:
        raise StandardError(f"{where}: {kind} needs a list of conditions.")
    read = tuple(read_condition(part, f"{where}, {kind}") for part in parts)
    rest = {key: value for key, value in entry.items() if key != kind}
    if kind != "count_of":
        if rest:
            raise StandardError(f"{where}: {kind} stands alone, got also {sorted(map(str, rest))}.")
        return Condition(kind, parts=read)
    if len(rest) != 1 or next(iter(rest)) not in COMPARISONS:
        raise StandardError(f"{where}: count_of needs one of {', '.join(COMPARISONS)} and a number.")
    comparison, number = next(iter(rest.items()))
    return Condition(kind, value=(comparison, _checked_value(comparison, number, where)), parts=read)

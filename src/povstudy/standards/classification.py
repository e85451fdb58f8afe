"""The arithmetic of a decision table, and the checks of what goes into it.

Messages name columns and row positions, never the text found in a cell: a household file may hold names.
"""

from __future__ import annotations

import numbers
import sys
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError, did_you_mean
from povstudy.standards.terms import Gap

__all__ = ["check_columns", "decide", "flags", "levels_in", "numbers_in", "refuse_gaps"]

ROWS_SHOWN = 5


def decide(
    amount: np.ndarray,
    urban: np.ndarray,
    count: np.ndarray | None,
    rules: Sequence[tuple[int, bool, float | None, int]],
) -> np.ndarray:
    """Apply an ordered decision table: the first row that holds decides.

    Parameters
    ----------
    amount : numpy.ndarray of float, shape (n,)
        Income, or B1 points.
    urban : numpy.ndarray of bool, shape (n,)
        Area.
    count : numpy.ndarray, shape (n,), or None
        Deprivations, or B2 points; None where no row has a minimum.
    rules : sequence of (code, urban, ceiling, minimum)
        ``ceiling`` is inclusive, None for any amount; ``minimum`` is inclusive, 0 for any count.

    Returns
    -------
    numpy.ndarray of int8, shape (n,)
        Code of the row that decided; -1 where none did.

    Examples
    --------
    >>> rules = [(0, False, 100, 3), (1, False, None, 0)]
    >>> decide(np.array([100.0, 101.0]), np.array([False, False]), np.array([3, 3]), rules).tolist()
    [0, 1]
    """
    codes = np.full(amount.shape, -1, dtype=np.int8)
    for code, in_urban, ceiling, minimum in rules:
        holds = (codes < 0) & (urban == in_urban)
        if ceiling is not None:
            holds &= amount <= ceiling
        if minimum:
            holds &= count >= minimum
        codes[holds] = code
    return codes


def rows_text(wrong: np.ndarray) -> str:
    """Describe which rows are wrong by position, the first few of them.

    Examples
    --------
    >>> rows_text(np.array([False, True, True]))
    '2 of 3 rows (positions 1, 2, counted from 0)'
    """
    found = np.flatnonzero(wrong)
    shown = ", ".join(map(str, found[:ROWS_SHOWN])) + (", ..." if found.size > ROWS_SHOWN else "")
    rows = "row" if wrong.size == 1 else "rows"
    positions = "position" if found.size == 1 else "positions"
    return f"{found.size} of {wrong.size} {rows} ({positions} {shown}, counted from 0)"


def check_columns(households: pd.DataFrame, needed: Sequence[str], law: str) -> None:
    """Refuse a table without the columns that a standard needs.

    Raises
    ------
    DataError
        When it is no DataFrame, or a column is absent or there twice; all faults at once.
    """
    if not isinstance(households, pd.DataFrame):
        raise DataError(
            f"households for standard {law}: got {type(households).__name__}, needed a pandas DataFrame with the "
            f"columns {', '.join(needed)}."
        )
    times = {name: sum(1 for c in households.columns if isinstance(c, str) and c == name) for name in needed}
    absent = [name for name, n in times.items() if n == 0]
    twice = [name for name, n in times.items() if n > 1]
    if absent or twice:
        there = [str(c)[:40] for c in households.columns if isinstance(c, str)][:20]
        faults = [f"no column {name!r}{_near(name, there)}" for name in absent]
        faults += [f"column {name!r} is there more than once" for name in twice]
        raise DataError(
            f"households for standard {law}: {'; '.join(faults)}. Needed are {', '.join(needed)} (income in VND per "
            "person and month, urban true or false, deprivations a count, b1 and b2 in points)."
        )


def numbers_in(households: pd.DataFrame, name: str, law: str) -> np.ndarray:
    """Read a column of finite numbers.

    Returns
    -------
    numpy.ndarray of float, shape (n,)

    Raises
    ------
    DataError
        On a missing value, text, true/false, or an infinite number.
    """
    column = households[name]
    _refuse_missing(column, name, law)
    if column.dtype == object:
        wrong = np.array([isinstance(v, bool) or not isinstance(v, numbers.Real | Decimal) for v in column])
    else:
        kind = getattr(column.dtype, "kind", "O")
        wrong = np.full(len(column), kind not in "iuf")
    if wrong.any():
        raise DataError(
            f"households for standard {law}: column {name!r} holds {_dtype_word(column)} in {rows_text(wrong)}; needed "
            "are numbers, without separators or units."
        )
    values = _floats(column)
    infinite = ~np.isfinite(values)
    if infinite.any():
        raise DataError(
            f"households for standard {law}: column {name!r} is not finite in {rows_text(infinite)}; correct or drop "
            "these rows and say so."
        )
    return values


def levels_in(households: pd.DataFrame, name: str, law: str, *, highest: int, step: int = 1) -> np.ndarray:
    """Read a column of whole numbers 0, step, 2 step, ..., highest.

    Returns
    -------
    numpy.ndarray of float, shape (n,)

    Raises
    ------
    DataError
        On a missing, negative, broken or too large number.
    """
    values = numbers_in(households, name, law)
    checks = (
        (values < 0, "is negative"),
        (np.mod(values, step) != 0, "is not a whole number" if step == 1 else f"is not a multiple of {step}"),
        (values > highest, f"is above {highest}"),
    )
    for wrong, fault in checks:
        if wrong.any():
            got = ", ".join(f"{v:g}" for v in np.unique(values[wrong])[:ROWS_SHOWN])
            raise DataError(
                f"households for standard {law}: column {name!r} {fault} in {rows_text(wrong)}; got {got}; "
                f"possible: 0 to {highest} in steps of {step}."
            )
    return values


def flags(households: pd.DataFrame, name: str, law: str) -> np.ndarray:
    """Read a column of true and false.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)

    Raises
    ------
    DataError
        On a missing value, or anything but true and false: 0/1 or text must be converted by who knows it.
    """
    column = households[name]
    _refuse_missing(column, name, law)
    if column.dtype == object:
        wrong = np.array([not isinstance(v, bool | np.bool_) for v in column], dtype=bool)
    else:
        wrong = np.full(len(column), getattr(column.dtype, "kind", "O") != "b")
    if wrong.any():
        raise DataError(
            f"households for standard {law}: column {name!r} holds {_dtype_word(column)} in {rows_text(wrong)}; needed "
            f"is true or false (convert it, for instance with households[{name!r}] == 1)."
        )
    return column.to_numpy(dtype=bool)


def refuse_gaps(
    choice: str, choices: Sequence[str], gaps: Sequence[Gap], income: np.ndarray, urban: np.ndarray, law: str
) -> None:
    """Raise for incomes without a class in the wording of the law, when that was asked for.

    Raises
    ------
    ParameterError
        When the choice is not known.
    DataError
        When ``choice`` is ``"refuse"`` and an income falls into a gap.
    """
    if choice not in choices:
        raise ParameterError(
            f"gaps: got {str(choice)[:60]!r}; possible: {', '.join(map(repr, choices))}."
            f"{did_you_mean(str(choice), choices)}"
        )
    if choice == "closed":
        return
    inside = np.zeros(income.shape, dtype=bool)
    for gap in gaps:
        inside |= (urban == (gap.area == "urban")) & (income > gap.above) & (income < gap.below)
    if inside.any():
        bands = "; ".join(f"{g.area} between {g.above:,} and {g.below:,}" for g in gaps)
        raise DataError(
            f"households for standard {law}: the wording of the law gives no class to {rows_text(inside)} "
            f"({bands} VND). gaps='closed' puts them into the class above the line."
        )


def _floats(column: pd.Series) -> np.ndarray:
    try:
        return column.to_numpy(dtype=np.float64)
    except OverflowError:  # a Python integer beyond the largest float counts as infinite
        return np.array([float(v) if abs(v) < sys.float_info.max else np.inf for v in column])


def _near(name: str, there: Sequence[str]) -> str:
    hint = did_you_mean(name, there).strip().rstrip("?")
    return f" ({hint[0].lower()}{hint[1:]}?)" if hint else ""


def _refuse_missing(column: pd.Series, name: str, law: str) -> None:
    missing = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise DataError(
            f"households for standard {law}: column {name!r} is missing in {rows_text(missing)}. A household "
            "without a value is not counted as not poor: fill it in, or drop the rows and say so."
        )


def _dtype_word(column: pd.Series) -> str:
    kind = getattr(column.dtype, "kind", "O")
    words = {
        "b": "true/false",
        "i": "whole numbers",
        "u": "whole numbers",
        "f": "numbers",
        "c": "complex numbers",
    }
    return words.get(kind, "text or other objects" if kind in "OUST" else f"values of type {column.dtype}")

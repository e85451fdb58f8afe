"""Turn what a caller passes into checked arrays; every refusal says what, where and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from povstudy.errors import DataError

__all__ = [
    "check_choice",
    "check_number",
    "check_positive",
    "numbers",
    "positive_line",
    "same_length",
    "weights",
]


def _as_float(values: Any, what: str) -> np.ndarray:
    """Convert to a float array, refusing text, dates and complex numbers."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise DataError(
            f"{what}: {int(np.ma.getmaskarray(values).sum())} masked (missing) values. A missing value is never 'not "
            "poor': drop these rows explicitly, or impute them before the call."
        )
    array = np.asarray(values)
    if array.dtype.kind in "biu":
        return array.astype(float)
    if array.dtype.kind == "f":
        return array.astype(float, copy=False)
    if array.dtype.kind == "O":
        try:
            return array.astype(float)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{what}: not every value is a number ({error}). A missing value is never 'not poor': pass numbers "
                "only, and drop or impute the missing rows before the call."
            ) from None
    raise DataError(f"{what}: numbers are needed, got values of type {array.dtype}.")


def numbers(values: Any, what: str) -> np.ndarray:
    """Return a finite one-dimensional float array.

    Parameters
    ----------
    values : array-like, shape (n,)
        What the caller passed; it is never written to.
    what : str
        How the message calls it, for instance ``"income"``.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Raises
    ------
    DataError
        When it is empty, not one-dimensional, holds text, a missing value or an infinite one.

    Examples
    --------
    >>> numbers([1, 2], "income")
    array([1., 2.])
    """
    array = _as_float(values, what)
    if array.ndim != 1:
        raise DataError(f"{what}: one value per row is needed (shape (n,)), got shape {array.shape}.")
    if array.size == 0:
        raise DataError(f"{what}: no rows. An indicator of an empty group does not exist.")
    with np.errstate(all="ignore"):
        total = array.sum()
    if not np.isfinite(total):
        _refuse_non_finite(array, what)
    return array


def _refuse_non_finite(array: np.ndarray, what: str) -> None:
    """Raise where a value is missing or infinite (a sum alone can overflow: look at the values)."""
    missing = np.isnan(array)
    if missing.any():
        raise DataError(
            f"{what}: {int(missing.sum())} of {array.size} values are missing (first at position "
            f"{int(np.argmax(missing))}). A missing value is never 'not poor': drop these rows explicitly, or impute "
            "them before the call."
        )
    infinite = np.isinf(array)
    if infinite.any():
        raise DataError(
            f"{what}: {int(infinite.sum())} values are infinite (first at position {int(np.argmax(infinite))}). "
            "Correct them before the call."
        )


def weights(values: Any, n: int, what: str = "weight") -> np.ndarray:
    """Return checked weights: none missing, none negative, not all zero.

    Parameters
    ----------
    values : array-like, shape (n,)
        Survey or population weights; zero is allowed.
    n : int
        Number of rows of the variable they belong to.
    what : str
        How the message calls them.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Raises
    ------
    DataError
        When a weight is missing, infinite or negative, the length differs, or all are zero.

    Examples
    --------
    >>> weights([1, 0], 2)
    array([1., 0.])
    """
    array = numbers(values, what)
    same_length(n, array, what)
    if array.min() < 0:
        negative = array < 0
        raise DataError(
            f"{what}: {int(negative.sum())} of {n} weights are negative (first at position {int(np.argmax(negative))}, "
            f"{array[np.argmax(negative)]:g}). Weights are zero or more."
        )
    if not array.any():
        raise DataError(f"{what}: all {n} weights are zero, so nobody is represented. Check the column.")
    return array


def same_length(n: int, array: np.ndarray, what: str) -> None:
    """Raise when an array has not one value for each of the ``n`` rows.

    Parameters
    ----------
    n : int
        Rows of the first variable.
    array : numpy.ndarray
        The variable to compare.
    what : str
        How the message calls it.

    Raises
    ------
    DataError
        When the lengths differ.
    """
    if array.shape[0] != n:
        raise DataError(f"{what}: {array.shape[0]} values for {n} rows. Arrays are matched by position.")


def positive_line(line: Any, n: int, what: str = "line") -> float | np.ndarray:
    """Return a poverty line: one positive number, or one for each row.

    Parameters
    ----------
    line : float or array-like, shape (n,)
        In the units of income.
    n : int
        Number of rows.
    what : str
        How the message calls it.

    Returns
    -------
    float or numpy.ndarray, shape (n,)

    Raises
    ------
    DataError
        When a line is missing, not positive, or of another length.

    Examples
    --------
    >>> positive_line(1_500_000, 3)
    1500000.0
    """
    if np.ndim(line) == 0:
        value = check_number(line, what)
        if value <= 0:
            raise DataError(f"{what}: a line is greater than zero, got {value:g}.")
        return value
    array = numbers(line, what)
    same_length(n, array, what)
    if array.min() <= 0:
        raise DataError(
            f"{what}: {int((array <= 0).sum())} of {n} lines are not greater than zero (first at position "
            f"{int(np.argmax(array <= 0))})."
        )
    return array


def check_number(value: Any, what: str) -> float:
    """Return one finite number.

    Parameters
    ----------
    value : float
        What the caller passed.
    what : str
        How the message calls it.

    Returns
    -------
    float

    Raises
    ------
    DataError
        When it is not a finite number.

    Examples
    --------
    >>> check_number(2, "alpha")
    2.0
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(f"{what}: a number is needed, got {value!r:.80}.") from None
    if not np.isfinite(number):
        raise DataError(f"{what}: a finite number is needed, got {number}.")
    return number


def check_positive(array: np.ndarray, what: str, measure: str, *, zero_allowed: bool = False) -> None:
    """Raise when a measure that needs positive values meets others.

    Parameters
    ----------
    array : numpy.ndarray, shape (n,)
        The incomes.
    what : str
        How the message calls them.
    measure : str
        The measure that cannot be computed, for the message.
    zero_allowed : bool
        Whether zero has a defined limit.

    Raises
    ------
    DataError
        With the number of values concerned and the two ways out.
    """
    bad = array < 0 if zero_allowed else array <= 0
    if bad.any():
        kind = "negative" if zero_allowed else "zero or negative"
        raise DataError(
            f"{what}: {int(bad.sum())} of {array.size} values are {kind}, where {measure} is not defined. Take the "
            "rows with positive income as a group of their own and say so beside the number, or choose a measure that "
            "allows them (fgt, gini)."
        )


def check_choice(value: Any, choices: Iterable[str], what: str) -> str:
    """Return the value when it is one of the choices.

    Parameters
    ----------
    value : str
        What the caller passed.
    choices : iterable of str
        What is possible.
    what : str
        How the message calls it.

    Returns
    -------
    str

    Raises
    ------
    DataError
        Naming the choices.
    """
    choices = list(choices)
    if value not in choices:
        raise DataError(f"{what}: {value!r:.80} is not one of {', '.join(map(repr, choices))}.")
    return value

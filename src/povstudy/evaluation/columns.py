"""Columns of a user's table, taken out as checked arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError, did_you_mean

__all__ = ["arm_counts", "binary", "choice", "codes", "named", "numbers", "require_columns"]

NAMED = 5
"""At most this many offenders are named in a message."""


def require_columns(data: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    """Refuse a table that lacks a column or holds no row.

    Parameters
    ----------
    data : DataFrame
    columns : sequence of str
        Names that must be there.
    where : str
        Which call wants them, for the message.

    Raises
    ------
    DataError
        A column is missing or the table is empty.

    Examples
    --------
    >>> require_columns(pd.DataFrame({"income": [1.0]}), ["income"], "did")
    """
    if not isinstance(data, pd.DataFrame):
        raise DataError(f"{where} wants a DataFrame, one row a unit and period; got {type(data).__name__}.")
    for column in columns:
        if column not in data.columns:
            hint = did_you_mean(str(column), map(str, data.columns))
            raise DataError(f"{where}: no column {column!r}; the table has {list(data.columns)[:20]}.{hint}")
    if data.empty:
        raise DataError(f"{where}: the table has no rows.")


def named(values: Sequence[object] | np.ndarray) -> str:
    """Return the first few values and how many there are, for a message.

    Parameters
    ----------
    values : sequence
        The offenders.

    Returns
    -------
    str

    Examples
    --------
    >>> named(["a", "b"])
    "2 ('a', 'b')"
    """
    shown = ", ".join(repr(getattr(v, "item", lambda v=v: v)()) for v in list(values)[:NAMED])
    more = ", ..." if len(values) > NAMED else ""
    return f"{len(values)} ({shown}{more})"


def choice(value: str, options: Sequence[str], what: str) -> str:
    """Return ``value`` if it is one of the options, else say which there are.

    Parameters
    ----------
    value : str
        What was asked for.
    options : sequence of str
        What is possible.
    what : str
        Name of the argument.

    Returns
    -------
    str

    Raises
    ------
    ParameterError
        It is none of them.

    Examples
    --------
    >>> choice("reg", ["reg", "ipw"], "adjust")
    'reg'
    """
    if value not in options:
        hint = did_you_mean(str(value), options)
        raise ParameterError(f"{what}={value!r} is not possible; it is one of {list(options)}.{hint}")
    return value


def numbers(data: pd.DataFrame, column: str, where: str) -> np.ndarray:
    """Return a column as finite floats.

    Parameters
    ----------
    data : DataFrame, shape (n, columns)
    column : str
    where : str
        Which call wants it.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    DataError
        A value is text, missing or infinite; the message counts them.

    Examples
    --------
    >>> numbers(pd.DataFrame({"income": [1, 2]}), "income", "did")
    array([1., 2.])
    """
    values = pd.to_numeric(data[column], errors="coerce").to_numpy(float)
    bad = ~np.isfinite(values)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{where}: column {column!r} has {int(bad.sum())} values of {bad.size} that are missing or no number "
            f"(first: row {first + 1}, {data[column].tolist()[first]!r}). A missing value is never a zero: fill it "
            "from the source or drop the row, and say so."
        )
    return values


def arm_counts(data: pd.DataFrame, column: str, arm: np.ndarray) -> str:
    """Return how many values are missing in each arm, for a message.

    Parameters
    ----------
    data : DataFrame, shape (n, columns)
    column : str
    arm : ndarray of bool, shape (n,)
        True for rows of units that are ever treated.

    Returns
    -------
    str

    Examples
    --------
    >>> arm_counts(pd.DataFrame({"y": [1.0, np.nan, 2.0]}), "y", np.array([True, True, False]))
    '1 of 2 rows in the treated arm, 0 of 1 in the comparison arm'
    """
    missing = pd.to_numeric(data[column], errors="coerce").isna().to_numpy()
    return (
        f"{int((missing & arm).sum())} of {int(arm.sum())} rows in the treated arm, {int((missing & ~arm).sum())} of "
        f"{int((~arm).sum())} in the comparison arm"
    )


def binary(data: pd.DataFrame, column: str, where: str) -> np.ndarray:
    """Return a column of 0 and 1.

    Parameters
    ----------
    data : DataFrame, shape (n, columns)
    column : str
    where : str
        Which call wants it.

    Returns
    -------
    ndarray, shape (n,)
        Floats 0 and 1.

    Raises
    ------
    DataError
        A value is something else, or there is only one value.

    Examples
    --------
    >>> binary(pd.DataFrame({"treated": [True, False]}), "treated", "did")
    array([1., 0.])
    """
    values = numbers(data, column, where)
    found = np.unique(values)
    if not np.isin(found, (0.0, 1.0)).all():
        raise DataError(
            f"{where}: column {column!r} must be 0 or 1; it holds {found[:6].tolist()}. For a start date use cohort=."
        )
    return values


def codes(data: pd.DataFrame, column: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return integer codes of a column and its sorted labels.

    Parameters
    ----------
    data : DataFrame, shape (n, columns)
    column : str
    where : str
        Which call wants it.

    Returns
    -------
    codes : ndarray of int, shape (n,)
    labels : ndarray, shape (k,)

    Raises
    ------
    DataError
        A label is missing.

    Examples
    --------
    >>> codes(pd.DataFrame({"commune": ["b", "a", "b"]}), "commune", "did")[0]
    array([1, 0, 1])
    """
    found, labels = pd.factorize(data[column], sort=True)
    if (found < 0).any():
        raise DataError(f"{where}: column {column!r} has {int((found < 0).sum())} missing labels; every row needs one.")
    return found, np.asarray(labels)

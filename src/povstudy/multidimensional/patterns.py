"""Patterns of deprivation: the flags of a row packed into one small number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.indicators.checks import check_number

__all__ = [
    "TOLERANCE",
    "Patterns",
    "checked_cutoff",
    "checked_flags",
    "checked_indicator_weights",
    "pack",
    "pattern_scores",
]

#: A score is compared with k up to this rounding error, so that at k = 1/3 nobody is lost.
TOLERANCE = 1e-9

#: Up to this many indicators all patterns are counted; above, only those that occur.
MOST_BITS = 16


@dataclass(frozen=True, eq=False)
class Patterns:
    """The patterns of deprivation of n rows over d indicators.

    Attributes
    ----------
    codes : numpy.ndarray of uint16 or int32, shape (n,)
        Pattern of each row; with up to 16 indicators bit j is indicator j.
    flags : numpy.ndarray of bool, shape (patterns, d)
        The deprivations of each pattern.
    names : tuple of str
        The indicators.
    """

    codes: np.ndarray
    flags: np.ndarray
    names: tuple[str, ...]

    def histogram(self, weight: np.ndarray) -> np.ndarray:
        """Return the weight of each pattern, shape (patterns,)."""
        return np.bincount(self.codes, weights=weight, minlength=self.flags.shape[0])

    def take(self, index: np.ndarray | None) -> Patterns:
        """Return the patterns of some rows."""
        return self if index is None else Patterns(self.codes[index], self.flags, self.names)


def pack(deprivations: Any, names: Sequence[str] | None = None) -> Patterns:
    """Pack a matrix of deprivation flags.

    Parameters
    ----------
    deprivations : array-like of 0 and 1 (or bool), shape (n, d)
        One column an indicator; a DataFrame names them.
    names : sequence of str, optional
        Names of the indicators.

    Returns
    -------
    Patterns

    Raises
    ------
    DataError
        When a flag is missing or neither 0 nor 1, or the shape is not (n, d).

    Examples
    --------
    >>> pack([[True, False], [True, True]]).codes.tolist()
    [1, 3]
    """
    flags, found = checked_flags(deprivations, names)
    d = flags.shape[1]
    if d <= MOST_BITS:
        codes = np.zeros(flags.shape[0], dtype=np.uint16)
        for j in range(d):
            codes |= np.left_shift(flags[:, j], j, dtype=np.uint16, casting="unsafe")
        every = np.arange(2**d, dtype=np.uint32)
        return Patterns(codes, (every[:, None] >> np.arange(d, dtype=np.uint32)) % 2 == 1, found)
    packed = np.packbits(flags, axis=1)
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return Patterns(inverse.reshape(-1).astype(np.int32), flags[first], found)


def checked_flags(deprivations: Any, names: Sequence[str] | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return deprivations as a boolean matrix with names, refusing missing values.

    Parameters
    ----------
    deprivations : array-like, shape (n, d)
        Flags.
    names : sequence of str, optional
        Names of the indicators.

    Returns
    -------
    numpy.ndarray of bool, shape (n, d), tuple of str

    Raises
    ------
    DataError
        When a flag is missing or neither 0 nor 1, or the shape is not (n, d).
    """
    if isinstance(deprivations, pd.DataFrame):
        names = list(map(str, deprivations.columns)) if names is None else names
        missing = deprivations.isna().to_numpy().sum(axis=0)
        if missing.any():
            first = int(np.argmax(missing > 0))
            raise DataError(
                f"deprivations: {names[first]} is missing in {int(missing[first])} of {len(deprivations)} rows. A "
                "missing deprivation is never 'not deprived': drop these rows explicitly, or leave the indicator out "
                "and say so."
            )
        deprivations = deprivations.to_numpy()
    matrix = np.asarray(deprivations)
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] == 0:
        raise DataError(
            "deprivations: one row a household and one column an indicator are needed (shape (n, d)), got shape "
            f"{matrix.shape}."
        )
    found = tuple(map(str, names)) if names is not None else tuple(f"d{j + 1}" for j in range(matrix.shape[1]))
    if len(found) != matrix.shape[1]:
        raise DataError(f"names: {len(found)} names for {matrix.shape[1]} indicators.")
    return _as_bool(matrix, found), found


def _as_bool(matrix: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return a matrix of zeros and ones as booleans."""
    if matrix.dtype == bool:
        return matrix
    if matrix.dtype.kind not in "biufO":
        raise DataError(f"deprivations: zeros and ones (or False and True) are needed, got type {matrix.dtype}.")
    if matrix.dtype.kind == "O":
        try:
            matrix = matrix.astype(float)
        except (TypeError, ValueError):
            raise DataError(
                "deprivations: zeros and ones (or False and True) are needed; the table holds text or missing values."
                " A missing deprivation is never 'not deprived'."
            ) from None
    flags = matrix != 0
    wrong = flags & (matrix != 1)
    if wrong.any():
        row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        shown = matrix[row, column]
        if np.isnan(shown):
            raise DataError(
                f"deprivations: {names[column]} is missing in {int(np.isnan(matrix[:, column]).sum())} of "
                f"{matrix.shape[0]} rows. A missing deprivation is never 'not deprived': drop these rows explicitly, "
                "or leave the indicator out and say so."
            )
        raise DataError(
            f"deprivations: {names[column]} holds {shown:g} at position {row}; only 0 (not deprived) and 1 (deprived) "
            "are possible."
        )
    return flags


def checked_indicator_weights(indicator_weights: Any, names: tuple[str, ...]) -> np.ndarray:
    """Return the weights of the indicators, which sum to one.

    Parameters
    ----------
    indicator_weights : sequence of numbers, shape (d,), or mapping of name to number
        Floats or `fractions.Fraction`.
    names : tuple of str
        The indicators.

    Returns
    -------
    numpy.ndarray, shape (d,)

    Raises
    ------
    DataError
        When the number or the names differ, a weight is negative, or they do not sum to one.

    Examples
    --------
    >>> from fractions import Fraction
    >>> checked_indicator_weights([Fraction(1, 3), Fraction(2, 3)], ("a", "b")).tolist()
    [0.3333333333333333, 0.6666666666666666]
    """
    if isinstance(indicator_weights, Mapping):
        lacking = [name for name in names if name not in indicator_weights]
        extra = [str(name) for name in indicator_weights if name not in names]
        if lacking or extra:
            raise DataError(
                f"indicator_weights: no weight for {', '.join(lacking) or 'none'}; weight without an indicator: "
                f"{', '.join(extra) or 'none'}."
            )
        indicator_weights = [indicator_weights[name] for name in names]
    values = [check_number(value, "indicator_weights") for value in indicator_weights]
    if len(values) != len(names):
        raise DataError(f"indicator_weights: {len(values)} weights for {len(names)} indicators.")
    array = np.array(values)
    if (array < 0).any():
        raise DataError(f"indicator_weights: a weight is zero or more, got {array.min():g}.")
    total = float(array.sum())
    if abs(total - 1.0) > TOLERANCE:
        raise DataError(
            f"indicator_weights: they sum to {total:.10g}, not to 1. Divide each by the sum (1/12 each for twelve"
            " indicators counted alike)."
        )
    return array


def checked_cutoff(k: Any) -> float:
    """Return the poverty cut-off, a share in (0, 1].

    Parameters
    ----------
    k : float or fractions.Fraction
        The weighted share of deprivations from which somebody is poor.

    Returns
    -------
    float

    Raises
    ------
    DataError
        When it is outside (0, 1].

    Examples
    --------
    >>> from fractions import Fraction
    >>> checked_cutoff(Fraction(1, 3))
    0.3333333333333333
    """
    value = check_number(k, "k")
    if not 0 < value <= 1:
        hint = f" Percent or a count? Write {value:g} / 100, or count / number of indicators." if value > 1 else ""
        raise DataError(f"k: a share in (0, 1] is needed (1/3, or 3/12 for three of twelve), got {value:g}.{hint}")
    return value


def pattern_scores(flags: np.ndarray, indicator_weights: np.ndarray, k: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the deprivation score of each pattern and whether it is poor at k.

    .. math:: c = \sum_j w_j g_j,\quad \text{poor if } c \ge k - 10^{-9}

    Parameters
    ----------
    flags : numpy.ndarray of bool, shape (patterns, d)
        Deprivations.
    indicator_weights : numpy.ndarray, shape (d,)
        Summing to one.
    k : float
        Poverty cut-off.

    Returns
    -------
    numpy.ndarray, shape (patterns,), numpy.ndarray of bool, shape (patterns,)
    """
    scores = flags @ indicator_weights
    return scores, scores >= k - TOLERANCE

r"""An estimate together with its influence column, and the arithmetic of both.

The influence column of an estimate is its derivative with respect to each weight,
:math:`z_k = \partial \hat\theta / \partial w_k`.  The design-based variance of any estimate is then the
variance of the total :math:`\sum_k w_k z_k`, so one kernel serves all measures (Deville 1999).  Sums, products,
ratios and powers of estimates follow the chain rule; the column itself stays a short sum of coefficients times
base columns until somebody asks for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from povstudy.errors import DataError

__all__ = [
    "Column",
    "Linearized",
    "PatternColumn",
    "PerReplicate",
    "SampleColumn",
    "exp",
    "log",
    "ratio",
]


@dataclass(frozen=True, eq=False)
class Column:
    """One base column of an influence, compared by identity so that it is aggregated once.

    Attributes
    ----------
    n : int
        Number of rows.
    values : numpy.ndarray, shape (n,), or None
        None stands for a column of ones.
    """

    n: int
    values: np.ndarray | None = None

    def array(self) -> np.ndarray:
        """Return the column, shape (n,)."""
        return np.ones(self.n) if self.values is None else np.asarray(self.values, dtype=float)


@dataclass(frozen=True, eq=False)
class PatternColumn(Column):
    """A column that depends on a row only through its pattern of deprivations.

    Attributes
    ----------
    codes : numpy.ndarray, shape (n,)
        The pattern of each row; shared between columns.
    table : numpy.ndarray, shape (number of patterns,)
        The value of each pattern.
    """

    codes: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.uint16))
    table: np.ndarray = field(default_factory=lambda: np.empty(0))

    def array(self) -> np.ndarray:
        """Return the column, shape (n,)."""
        return self.table[self.codes]


@dataclass(frozen=True, eq=False)
class SampleColumn(Column):
    """A column over the whole sample, used by an estimate of one group (a national line, for instance)."""

    base: Column | None = None

    def array(self) -> np.ndarray:
        """Return the column over the whole sample."""
        assert self.base is not None
        return self.base.array()


@dataclass(frozen=True, eq=False)
class Linearized:
    """An estimate and its influence column.

    Attributes
    ----------
    value : float
        The estimate.
    terms : dict of Column to float
        The influence column as a sum of coefficients times base columns.
    note : str
        Why the estimate is a convention rather than a number, or ``""``.
    """

    value: float
    terms: dict[Column, float] = field(default_factory=dict)
    note: str = ""

    @property
    def influence(self) -> np.ndarray:
        """The influence column, shape (n,): the derivative of the estimate with respect to each weight."""
        sizes = {column.n for column in self.terms}
        if len(sizes) != 1:
            raise DataError(
                "influence: the estimate mixes columns of a group and of the whole sample (a line estimated "
                "nationally), or none; ask povstudy.estimate for its standard error instead."
            )
        total = np.zeros(sizes.pop())
        for column, coefficient in self.terms.items():
            total += coefficient * column.array()
        return total

    def over_sample(self) -> Linearized:
        """Return the same estimate with its columns marked as belonging to the whole sample."""
        terms = {SampleColumn(c.n, None, c): v for c, v in self.terms.items()}
        return Linearized(self.value, terms, self.note)

    def chain(self, value: float, slope: float) -> Linearized:
        """Return a function of the estimate, given its value and its derivative.

        Parameters
        ----------
        value : float
            The function at the estimate.
        slope : float
            Its derivative there.

        Returns
        -------
        Linearized
        """
        return Linearized(value, {c: slope * v for c, v in self.terms.items()}, self.note)

    def plus(self, value: float, slope: float, other: Linearized, other_slope: float) -> Linearized:
        """Return a function of two estimates, given its value and its two derivatives.

        Parameters
        ----------
        value, slope, other_slope : float
            The function, its derivative by this estimate and by the other.
        other : Linearized
            The second estimate.

        Returns
        -------
        Linearized
        """
        terms = {c: slope * v for c, v in self.terms.items()}
        for column, coefficient in other.terms.items():
            terms[column] = terms.get(column, 0.0) + other_slope * coefficient
        return Linearized(value, terms, self.note or other.note)

    def __add__(self, other: Any) -> Linearized:
        if isinstance(other, Linearized):
            return self.plus(self.value + other.value, 1.0, other, 1.0)
        return Linearized(self.value + float(other), self.terms, self.note)

    __radd__ = __add__

    def __neg__(self) -> Linearized:
        return self.chain(-self.value, -1.0)

    def __sub__(self, other: Any) -> Linearized:
        return self + (-other)

    def __rsub__(self, other: Any) -> Linearized:
        return (-self) + other

    def __mul__(self, other: Any) -> Linearized:
        if isinstance(other, Linearized):
            return self.plus(self.value * other.value, other.value, other, self.value)
        return self.chain(self.value * float(other), float(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Linearized:
        if isinstance(other, Linearized):
            value = self.value / other.value
            return self.plus(value, 1.0 / other.value, other, -value / other.value)
        return self * (1.0 / float(other))

    def __rtruediv__(self, other: Any) -> Linearized:
        value = float(other) / self.value
        return self.chain(value, -value / self.value)

    def __pow__(self, power: float) -> Linearized:
        return self.chain(self.value**power, power * self.value ** (power - 1.0))


class PerReplicate(np.ndarray):
    """Values of one estimate over replicates, shape (replicates,): an array told apart from a column over rows."""


def log(value: Any) -> Any:
    """Return the natural logarithm of a number, of an array of replicates or of a linearized estimate.

    Parameters
    ----------
    value : float, numpy.ndarray or Linearized
        Greater than zero.

    Returns
    -------
    float, numpy.ndarray or Linearized

    Examples
    --------
    >>> log(1.0)
    0.0
    """
    if isinstance(value, Linearized):
        return value.chain(math.log(value.value), 1.0 / value.value)
    return np.log(value) if isinstance(value, np.ndarray) else math.log(value)


def exp(value: Any) -> Any:
    """Return the exponential of a number, of an array of replicates or of a linearized estimate.

    Parameters
    ----------
    value : float, numpy.ndarray or Linearized
        Any number.

    Returns
    -------
    float, numpy.ndarray or Linearized

    Examples
    --------
    >>> exp(0.0)
    1.0
    """
    if isinstance(value, Linearized):
        result = math.exp(value.value)
        return value.chain(result, result)
    return np.exp(value) if isinstance(value, np.ndarray) else math.exp(value)


def ratio(numerator: Any, denominator: Any, *, empty: float = 0.0, note: str = "") -> Any:
    """Return a ratio with a stated convention where the denominator is exactly zero.

    Parameters
    ----------
    numerator, denominator : float, numpy.ndarray or Linearized
        Two totals of the same kind.
    empty : float
        The value by convention where the denominator is zero.
    note : str
        What to say beside an estimate that is such a convention.

    Returns
    -------
    float, numpy.ndarray or Linearized

    Examples
    --------
    >>> ratio(1.0, 4.0), ratio(0.0, 0.0)
    (0.25, 0.0)
    """
    if isinstance(denominator, Linearized):
        return numerator / denominator if denominator.value != 0 else Linearized(empty, {}, note)
    if isinstance(denominator, np.ndarray):
        defined = denominator != 0
        return np.where(defined, numerator / np.where(defined, denominator, 1.0), empty).view(PerReplicate)
    return numerator / denominator if denominator != 0 else empty

"""The multidimensional measures by name, for `povstudy.measure`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from povstudy.errors import DataError
from povstudy.indicators.catalogue import Indicator
from povstudy.indicators.checks import numbers
from povstudy.multidimensional.alkire_foster import alkire_foster_formula, cardinal_formula, checked_power
from povstudy.multidimensional.patterns import Patterns, checked_cutoff, pack

__all__ = ["MULTIDIMENSIONAL", "MatrixIndicator"]


@dataclass(frozen=True)
class MatrixIndicator(Indicator):
    """An indicator of several columns at once, named in a list."""

    binary: bool = True

    def read(self, table: Any, names: Sequence[str], used: np.ndarray | None = None) -> Any:
        """Return the columns of a table as patterns or as arrays.

        Parameters
        ----------
        table : Design
            Has ``raw_values(name)``.
        names : sequence of str
            The columns.
        used : numpy.ndarray, optional
            Positions of the rows that are used; a missing value elsewhere does no harm.

        Returns
        -------
        Patterns, or tuple of numpy.ndarray
        """
        columns = tuple(_checked(table.raw_values(name), name, used, self.binary) for name in names)
        if not self.binary:
            return columns
        return pack(np.stack([c == 1 for c in columns]).T, names)

    @staticmethod
    def take(values: Any, index: np.ndarray | None) -> Any:
        """Return some rows of what `read` gave."""
        if isinstance(values, Patterns):
            return values.take(index)
        return values if index is None else tuple(c[index] for c in values)


def _checked(column: np.ndarray, name: str, used: np.ndarray | None, binary: bool) -> np.ndarray:
    """Return a column, refusing missing values and (for flags) anything but zeros and ones in the rows used."""
    own = numbers(column if used is None else column[used], f"column {name!r}")
    if binary:
        wrong = (own != 0) & (own != 1)
        if wrong.any():
            raise DataError(
                f"deprivations: column {name!r} holds {own[wrong][0]:g}; only 0 (not deprived) and 1 (deprived) are "
                "possible."
            )
    return column


def _names(value: Any) -> list[str]:
    """Return a list of distinct column names."""
    if isinstance(value, str) or not all(isinstance(name, str) for name in value) or not list(value):
        raise DataError("deprivations: a list of column names is needed, one for each indicator.")
    if len(set(value)) != len(list(value)):
        raise DataError("deprivations: a column is named twice.")
    return list(value)


MULTIDIMENSIONAL: dict[str, Indicator] = {
    "alkire_foster": MatrixIndicator(
        "alkire_foster",
        alkire_foster_formula,
        ("deprivations",),
        "share",
        "logit",
        {"deprivations": _names, "k": checked_cutoff},
        lambda a: "mpi",
    ),
    "alkire_foster_cardinal": MatrixIndicator(
        "alkire_foster_cardinal",
        cardinal_formula,
        ("achievements",),
        "share",
        "logit",
        {"achievements": _names, "k": checked_cutoff, "alpha": checked_power},
        lambda a: f"m{a.get('alpha', 1.0):g}",
        binary=False,
    ),
}

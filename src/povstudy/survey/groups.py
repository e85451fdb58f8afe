"""Groups of a sample: their rows, their weight, their degrees of freedom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.indicators.checks import numbers, same_length
from povstudy.survey.design import Design
from povstudy.survey.variance import Rows

__all__ = ["df_of", "domain_rows", "group_columns", "group_weight", "groups_of", "psus_of"]

#: Columns of a result table, which a group column may not be called.
RESERVED = frozenset(
    ["measure", "value", "std_error", "low", "high", "df", "n", "unit", "line", "inclusive", "population", "note"]
)


def group_columns(by: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the group columns as a tuple."""
    if by is None:
        return ()
    return (by,) if isinstance(by, str) else tuple(by)


def domain_rows(design: Design, where: Any) -> np.ndarray | None:
    """Return the positions of the rows of a domain.

    Parameters
    ----------
    design : Design
        The survey design.
    where : str, array-like of bool, shape (n,), or None
        Column of the table, or the values themselves; None for the whole sample.

    Returns
    -------
    numpy.ndarray, or None

    Raises
    ------
    DataError
        When a value is missing or not yes/no, or no row is left.
    """
    if where is None:
        return None
    values = design.values(where, "where") if isinstance(where, str) else numbers(where, "where")
    same_length(len(design.data), values, "where")
    if not ((values == 0) | (values == 1)).all():
        raise DataError("where: yes/no is needed (True/False or 1/0) for every row.")
    if not values.any():
        raise DataError("where: no row is left, so there is no domain to estimate.")
    return np.flatnonzero(values)


def groups_of(
    design: Design, columns: tuple[str, ...], rows: np.ndarray | None = None
) -> Iterator[tuple[tuple[Any, ...], np.ndarray | None]]:
    """Yield each group's key and the positions of its rows, in the order of the keys.

    Parameters
    ----------
    design : Design
        The survey design.
    columns : tuple of str
        Group columns; without any the whole sample, or domain, is one group.
    rows : numpy.ndarray, optional
        Positions of the rows of the domain; all by default.

    Yields
    ------
    tuple, numpy.ndarray or None
    """
    if not columns:
        yield (), rows
        return
    for name in columns:
        if name in RESERVED:
            raise DataError(f"by: a group column may not be called {name!r}, which the result table uses; rename it.")
    keys = pd.DataFrame({name: design.column(name, "by") for name in columns})
    keys = keys if rows is None else keys.iloc[rows]
    for name in columns:
        missing = int(keys[name].isna().sum())
        if missing:
            raise DataError(
                f"by: column {name!r} is missing in {missing} rows. Give them a group of their own ('not stated'), or "
                "leave them out explicitly."
            )
    grouped = keys.groupby(list(columns), sort=True, observed=True).indices
    for key, index in grouped.items():
        own = np.asarray(index)
        yield key if isinstance(key, tuple) else (key,), own if rows is None else rows[own]


def group_weight(group: Rows, columns: tuple[str, ...], key: tuple[Any, ...]) -> np.ndarray:
    """Return the weights of a group, refusing one that represents nobody."""
    if not group.weight.any():
        shown = ", ".join(f"{c} = {k}" for c, k in zip(columns, key, strict=True))
        raise DataError(f"by: all weights of the group {shown} are zero, so it represents nobody.")
    return group.weight


def psus_of(design: Design, group: Rows) -> np.ndarray:
    """Return the PSUs that have weight in a group.

    Parameters
    ----------
    design : Design
        The survey design.
    group : Rows
        The group.

    Returns
    -------
    numpy.ndarray
    """
    used = np.bincount(group.codes[0], weights=group.weight, minlength=group.clusters[0].size) > 0
    return group.clusters[0][used]


def df_of(design: Design, psus: np.ndarray) -> int:
    """Return the degrees of freedom of some PSUs: their number less the strata that they lie in.

    Parameters
    ----------
    design : Design
        The survey design.
    psus : numpy.ndarray
        Distinct PSUs.

    Returns
    -------
    int
    """
    return int(psus.size - np.unique(design.stages[0].stratum[psus]).size)

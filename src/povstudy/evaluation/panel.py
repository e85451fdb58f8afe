"""A panel is checked before anything is estimated on it: who is treated when, what is missing, under which standard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.columns import arm_counts, binary, codes, named, numbers, require_columns
from povstudy.evaluation.notes import note
from povstudy.standards import one_standard

__all__ = ["Panel", "check_panel"]

VINTAGES = ("vn63-", "vn34-")
"""Prefixes of area ids whose territories must not be mixed in one panel."""
THIN = 5
"""A cohort of at most this many clusters is called out."""


@dataclass(frozen=True)
class Panel:
    """A checked panel of N units and T periods; absent cells are missing.

    Attributes
    ----------
    outcome : str
    units, periods : ndarray, shapes (N,) and (T,)
        Sorted labels.
    y : ndarray, shape (N, T)
    cohort : ndarray, shape (N,)
        First treated period; infinite for units that are never treated.
    cluster : ndarray of int, shape (N,)
    weight : ndarray, shape (N, T)
        Zero where the cell is absent.
    covariates : ndarray, shape (N, T, p)
    names : tuple of str, length p
    standard : str
        Series label of the outcome, "" when the table has none.
    table : DataFrame
        One row a cohort: ``cohort, units, clusters, periods_before, periods_after``.
    warnings : tuple of str
        Findings that limit what may be said.
    """

    outcome: str
    units: np.ndarray
    periods: np.ndarray
    y: np.ndarray
    cohort: np.ndarray
    cluster: np.ndarray
    weight: np.ndarray
    covariates: np.ndarray
    names: tuple[str, ...]
    standard: str
    table: pd.DataFrame = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def treated(self) -> np.ndarray:
        """Whether a unit is treated in a period, shape (N, T)."""
        return self.periods[None, :] >= self.cohort[:, None]

    @property
    def ever(self) -> np.ndarray:
        """Whether a unit is ever treated, shape (N,)."""
        return np.isfinite(self.cohort)

    @property
    def unit_weight(self) -> np.ndarray:
        """Mean weight of a unit over the periods in which it is observed, shape (N,)."""
        return self.weight.sum(axis=1) / np.maximum((~np.isnan(self.y)).sum(axis=1), 1)

    @property
    def balanced(self) -> bool:
        """Whether every unit is observed in every period."""
        return not bool(np.isnan(self.y).any())

    @property
    def rows(self) -> int:
        """Number of observed cells."""
        return int((~np.isnan(self.y)).sum())

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(np.unique(self.cluster).size)

    @property
    def treated_clusters(self) -> int:
        """Number of clusters with a unit that is ever treated."""
        return int(np.unique(self.cluster[self.ever]).size)

    def keep(self, units: np.ndarray, *sentences: str) -> Panel:
        """Return the panel of some units only, with warnings that say what was dropped.

        Parameters
        ----------
        units : ndarray of bool, shape (N,)
        *sentences : str
            Warnings to add.

        Returns
        -------
        Panel
        """
        return Panel(
            self.outcome,
            self.units[units],
            self.periods,
            self.y[units],
            self.cohort[units],
            np.unique(self.cluster[units], return_inverse=True)[1],
            self.weight[units],
            self.covariates[units],
            self.names,
            self.standard,
            self.table,
            (*self.warnings, *sentences),
        )


def check_panel(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    treatment: str | None = None,
    cohort: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    covariates: Sequence[str] = (),
    standard: str | None = None,
    anticipation: int = 0,
    where: str = "the panel",
) -> Panel:
    """Read a table as a panel, or say what keeps it from being one.

    Parameters
    ----------
    data : DataFrame
        One row a unit and period.
    outcome, unit, time : str
        Column names; periods are whole numbers.
    treatment : str, optional
        Column of 0 and 1; treatment must be absorbing.  Either this or ``cohort``.
    cohort : str, optional
        Column with the first treated period; 0 or missing for never treated.
    cluster : str, optional
        Level at which the programme was assigned; by default the unit.
    weight : str, optional
        Column of weights, not negative.
    covariates : sequence of str
    standard : str, optional
        Column with the series label of the outcome; ``"standard"`` is used when the table has it.
    anticipation : int
        Periods before the start in which units may already react.
    where : str
        Which call asks, for messages.

    Returns
    -------
    Panel

    Raises
    ------
    DataError
        A missing column or value, a unit-period twice, one period, treatment that switches off, a cohort, cluster
        that changes within a unit, no treated unit, every unit treated in every period, one cluster.
    StandardError
        The outcome was measured under more than one standard, or on two territories.

    Examples
    --------
    >>> t = pd.DataFrame({"area": ["a", "a", "b", "b"], "year": [1, 2, 1, 2], "y": [1.0, 2, 1, 5], "d": [0, 0, 0, 1]})
    >>> check_panel(t, outcome="y", unit="area", time="year", treatment="d").cohort
    array([inf,  2.])
    """
    if (treatment is None) == (cohort is None):
        raise ParameterError(
            f"{where}: give either treatment= (a column of 0 and 1) or cohort= (first treated period), not "
            f"{'both' if treatment else 'neither'}."
        )
    wanted = [outcome, unit, time, treatment or cohort, *covariates]
    require_columns(data, [c for c in (*wanted, cluster, weight, standard) if c is not None], where)
    found, notes = _one_standard(data, standard, unit, outcome)
    i, units = codes(data, unit, where)
    when = _whole(data, time, where)
    periods, j = np.unique(when, return_inverse=True)
    _refuse_twice(i, j, units, periods, where)
    if periods.size < 2:
        raise DataError(
            f"{where}: there is one period only ({periods[0]:g}). A change needs a period before the programme and "
            "one after; with one period compare groups (doubly_robust) and say that it is no change."
        )
    start = _first_treated(data, treatment, cohort, i, when, units, where)
    arm = np.isfinite(start[i])
    for column in (outcome, *covariates):
        if pd.to_numeric(data[column], errors="coerce").isna().any():
            raise DataError(
                f"{where}: column {column!r} is missing or no number in {arm_counts(data, column, arm)}. Dropping "
                "rows by what happened to them changes the question: complete them, or drop whole units from both "
                "arms and report how many."
            )
    shape = (units.size, periods.size)
    y = np.full(shape, np.nan)
    y[i, j] = numbers(data, outcome, where)
    w = np.zeros(shape)
    w[i, j] = 1.0 if weight is None else _weights(data, weight, where)
    x = np.full((*shape, len(covariates)), np.nan)
    for k, column in enumerate(covariates):
        x[i, j, k] = numbers(data, column, where)
    if treatment is not None:
        _refuse_unclear_start(start, ~np.isnan(y), units, periods, where)
    group = _clusters(data, cluster, i, units, where)
    _refuse_no_comparison(start, periods, units, where)
    if np.unique(group).size < 2:
        raise DataError(
            f"{where}: all {units.size} units stand in one cluster; with one cluster there is no comparison "
            "between clusters and no standard error. Give the level at which the programme was assigned."
        )
    notes += _findings(y, start, periods, units, anticipation)
    start = np.where(start > periods[-1], np.inf, start)
    table = _cohort_table(start, group, periods)
    thin = table[np.isfinite(table["cohort"]) & (table["clusters"] <= THIN)]
    if np.isfinite(table["cohort"]).sum() > 1 and len(thin):
        rests = ", ".join(f"{r.cohort:g} ({r.clusters})" for r in thin.itertuples())
        notes.append(note("thin_cohorts", cohorts=rests))
    return Panel(
        outcome,
        units,
        periods,
        y,
        start,
        group,
        w,
        x,
        tuple(covariates),
        found,
        table,
        tuple(notes),
    )


def _one_standard(data: pd.DataFrame, standard: str | None, unit: str, outcome: str) -> tuple[str, list[str]]:
    """Return the one series label of the outcome; refuse two standards or two territories."""
    column = standard or ("standard" if "standard" in data.columns else None)
    ids = [u for u in pd.unique(data[unit]) if isinstance(u, str)]
    if all(any(u.startswith(v) for u in ids) for v in VINTAGES):
        from povstudy.areas import one_territory

        one_territory(sorted(ids))
    if column is None:
        return "", [note("no_standard")]
    each = data[column].drop_duplicates()
    labels = each.astype(object).where(each.notna(), "")
    return one_standard(labels.to_list(), what="one evaluation", where=f"the outcome {outcome!r}"), []


def _whole(data: pd.DataFrame, time: str, where: str) -> np.ndarray:
    """Return the periods, which must be whole numbers."""
    when = numbers(data, time, where)
    if (when != np.round(when)).any():
        raise DataError(f"{where}: periods in {time!r} must be whole numbers, for instance years.")
    return when


def _refuse_twice(i: np.ndarray, j: np.ndarray, units: np.ndarray, periods: np.ndarray, where: str) -> None:
    """Refuse a unit that has two rows in one period."""
    cell = i * periods.size + j
    values, count = np.unique(cell, return_counts=True)
    if (count > 1).any():
        twice = values[count > 1]
        offenders = [f"{units[c // periods.size]} in {periods[c % periods.size]:g}" for c in twice]
        raise DataError(f"{where}: unit-periods with more than one row: {named(offenders)}. Keep one row each.")


def _first_treated(
    data: pd.DataFrame,
    treatment: str | None,
    cohort: str | None,
    i: np.ndarray,
    when: np.ndarray,
    units: np.ndarray,
    where: str,
) -> np.ndarray:
    """Return the first treated period of each unit, infinite for never; refuse a treatment that ends."""
    start = np.full(units.size, np.inf)
    if treatment is not None:
        d = binary(data, treatment, where)
        np.minimum.at(start, i[d == 1], when[d == 1])
        off = (when >= start[i]) & (d == 0)
        if off.any():
            offenders = [f"{units[i[r]]} in {when[r]:g}" for r in np.flatnonzero(off)]
            raise DataError(
                f"{where}: {treatment!r} switches off for {named(offenders)}. These estimators take treatment as "
                "absorbing: once treated, always treated. Evaluate the start only (drop rows after it ends), or "
                "call a unit treated from its first year on and say so."
            )
        return start
    values = pd.to_numeric(data[cohort], errors="coerce").to_numpy(float)
    values = np.where(np.isnan(values) | (values == 0), np.inf, values)
    low, high = np.full(units.size, np.inf), np.full(units.size, -np.inf)
    np.minimum.at(low, i, values)
    np.maximum.at(high, i, values)
    if (low != high).any():
        raise DataError(f"{where}: {cohort!r} changes within {named(units[low != high])}; a unit starts once.")
    return low


def _refuse_unclear_start(
    start: np.ndarray, seen: np.ndarray, units: np.ndarray, periods: np.ndarray, where: str
) -> None:
    """Refuse a unit whose period before its first treated row is absent: it may have started then."""
    place = np.searchsorted(periods, np.where(np.isfinite(start), start, periods[0]))
    inside = np.isfinite(start) & (place > 0)
    unclear = np.flatnonzero(inside & ~seen[np.arange(units.size), np.maximum(place - 1, 0)])
    if unclear.size:
        offenders = [f"{units[u]}: no row in {periods[place[u] - 1]:g}, treated in {start[u]:g}" for u in unclear]
        raise DataError(
            f"{where}: the start is unclear for {named(offenders)}. Give the start dates as cohort=, or add the rows."
        )


def _weights(data: pd.DataFrame, weight: str, where: str) -> np.ndarray:
    """Return weights; a negative one is an error."""
    w = numbers(data, weight, where)
    if (w < 0).any():
        raise DataError(f"{where}: {int((w < 0).sum())} weights in {weight!r} are negative.")
    return w


def _clusters(data: pd.DataFrame, cluster: str | None, i: np.ndarray, units: np.ndarray, where: str) -> np.ndarray:
    """Return the cluster of each unit."""
    if cluster is None:
        return np.arange(units.size)
    c, _ = codes(data, cluster, where)
    first = np.full(units.size, -1)
    first[i[::-1]] = c[::-1]
    moved = np.unique(i[c != first[i]])
    if moved.size:
        raise DataError(f"{where}: {cluster!r} changes within {named(units[moved])}; a unit has one cluster.")
    return first


def _refuse_no_comparison(start: np.ndarray, periods: np.ndarray, units: np.ndarray, where: str) -> None:
    """Refuse a panel in which nothing changes or nothing is untreated."""
    starts_inside = (start > periods[0]) & (start <= periods[-1])
    if not (start <= periods[-1]).any():
        raise DataError(f"{where}: no unit is treated up to {periods[-1]:g}; there is nothing to evaluate.")
    if not starts_inside.any():
        raise DataError(
            f"{where}: every treated unit ({named(units[start <= periods[0]])}) is treated in every period; without "
            "a period before the start its change cannot be seen. Add earlier periods."
        )


def _findings(y: np.ndarray, start: np.ndarray, periods: np.ndarray, units: np.ndarray, anticipation: int) -> list[str]:
    """Return the sentences that a reader of the result must see."""
    notes = []
    gaps = int(np.isnan(y).sum())
    if gaps:
        notes.append(note("unbalanced", gaps=gaps, cells=y.size))
    always = units[start <= periods[0]]
    if always.size:
        notes.append(note("always_treated", units=named(always)))
    if not (start > periods[-1]).any():
        notes.append(note("none_never"))
    late = units[np.isfinite(start) & (start > periods[-1])]
    if late.size:
        notes.append(note("late", units=named(late)))
    for g in np.unique(start[(start > periods[0]) & (start <= periods[-1])]):
        if (periods < g - anticipation).sum() < 2:
            notes.append(note("short_before", cohort=f"{g:g}"))
    if anticipation:
        notes.append(note("anticipation", periods=anticipation))
    return notes


def _cohort_table(start: np.ndarray, cluster: np.ndarray, periods: np.ndarray) -> pd.DataFrame:
    """One row a cohort: units, clusters, periods before and after."""
    rows = [
        {
            "cohort": g,
            "units": int((start == g).sum()),
            "clusters": int(np.unique(cluster[start == g]).size),
            "periods_before": int((periods < g).sum()),
            "periods_after": int((periods >= g).sum()),
        }
        for g in np.unique(start)
    ]
    return pd.DataFrame(rows)

"""Did it work better for some: differences between groups are tested as such, never two p-values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.disclosure import MIN_CELL, suppress
from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.assignment import make_assignment
from povstudy.evaluation.columns import binary, choice, codes, numbers, require_columns
from povstudy.evaluation.differences import PLACEMENTS, prepare
from povstudy.evaluation.effect import check_level, critical_value
from povstudy.evaluation.inference import MANY, smaller_arm, two_sided
from povstudy.evaluation.moments import Moments, fit_moments, panel_moments, row_moments
from povstudy.evaluation.permutation import invert, path_statistics

__all__ = ["Heterogeneity", "effects_by_group", "holm"]


@dataclass(frozen=True)
class Heterogeneity:
    """Effects by group and the tests of their differences.

    Attributes
    ----------
    table : DataFrame
        ``by, group, households, treated, estimate, std_error, low, high, suppressed``; blank where a cell is small.
    tests : DataFrame
        ``by, group, against, difference, low, high, p_value, p_adjusted``: p_adjusted by Holm over all rows.
    inference : str
    warnings : tuple of str
    level : float
    """

    table: pd.DataFrame
    tests: pd.DataFrame
    inference: str
    warnings: tuple[str, ...]
    level: float


@dataclass(frozen=True)
class _Group:
    """One group's regression with cluster scores on common cluster codes."""

    label: str
    estimate: float
    influence: np.ndarray
    moments: Moments
    present: np.ndarray
    households: int
    treated: int


def holm(p: np.ndarray) -> np.ndarray:
    r"""Return p-values that hold for all tests together (Holm's step-down).

    .. math:: \tilde p_{(k)} = \max_{j \le k} \min\{1, (m - j + 1)\,p_{(j)}\}

    Parameters
    ----------
    p : ndarray, shape (m,)
        Missing values stay missing and are not counted.

    Returns
    -------
    ndarray, shape (m,)

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6(2).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, float)
    out = np.full(p.size, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = (order.size - np.arange(order.size)) * p[order]
    out[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return out


def effects_by_group(
    data: pd.DataFrame,
    *,
    outcome: str,
    treatment: str,
    by: Sequence[str],
    unit: str | None = None,
    time: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    covariates: Sequence[str] = (),
    placement: str = "not_random",
    threshold: int = MIN_CELL,
    draws: int = 999,
    level: float = 0.95,
    seed: int = 0,
) -> Heterogeneity:
    r"""Estimate the effect in each group and test the difference between groups.

    Within each group the effect is a regression coefficient (unit and period effects with ``time``); the difference
    of
    two has the variance :math:`\sum_c (\psi_{1c} - \psi_{2c})^2 G/(G-1)`, clusters shared by both groups counted
    once.

    Parameters
    ----------
    data : DataFrame
    outcome, treatment : str
    by : sequence of str
        Columns known before the programme, constant within a unit.
    unit, time, cluster, weight, covariates
        As in ``did``; without ``time`` a cross-section.
    placement : {"not_random", "random"}
    threshold : int
        Smallest number of households in a group and arm.
    draws, level, seed
        As in ``did``.

    Returns
    -------
    Heterogeneity

    Raises
    ------
    DataError
        A group column changes within a unit, or no group has both arms.

    Examples
    --------
    >>> t = pd.DataFrame({"y": np.arange(80.0) % 7, "d": [0, 1] * 40, "minority": [0, 0, 1, 1] * 20})
    >>> result = effects_by_group(t, outcome="y", treatment="d", by=["minority"])
    >>> len(result.table), len(result.tests)
    (2, 1)
    """
    choice(placement, PLACEMENTS, "placement")
    check_level(level)
    where = "effects_by_group"
    if isinstance(by, str) or not by:
        raise ParameterError(f"{where}: by must be a list of columns, for instance ['ethnicity'].")
    require_columns(data, [outcome, treatment, *by, *(c for c in (unit, time, cluster, weight) if c)], where)
    level_of = cluster or unit
    common = codes(data, level_of, where)[0] if level_of else np.arange(len(data))
    treated = binary(data, treatment, where)
    tables, tests, notes, inferences = [], [], [], []
    for column in by:
        groups = _groups(data, column, outcome, treatment, unit, time, cluster, weight, covariates, common, where)
        table = _cells(column, groups, level, int(common.max()) + 1)
        table = suppress(
            table,
            by=["group"],
            count="households",
            parts=["treated"],
            threshold=threshold,
            values=["estimate", "std_error", "low", "high", "households", "treated"],
        )
        hidden = set(table.loc[table["suppressed"], "group"])
        if hidden:
            notes.append(
                f"{column}: groups with fewer than {threshold} households in an arm, and what would give them away, "
                "are left blank and not tested."
            )
        shown = [g for g in groups if g.label not in hidden]
        found, words = _differences(column, shown, common, treated, time is None, draws, level, seed)
        tests += found
        inferences.append(words)
        tables.append(table)
    rows = pd.DataFrame(tests, columns=["by", "group", "against", "difference", "low", "high", "p_value"])
    rows["p_adjusted"] = holm(rows["p_value"].to_numpy(float))
    notes.append(
        "An effect that is significant in one group and not in another is no evidence of a difference: read the tests, "
        f"adjusted for {len(rows)} comparisons (Holm)."
    )
    if placement != "random":
        notes.append("Groups are compared as far as the comparison within each holds; placement was not random.")
    return Heterogeneity(
        pd.concat(tables, ignore_index=True),
        rows,
        "; ".join(dict.fromkeys(w for w in inferences if w)) or "nothing could be tested",
        tuple(notes),
        level,
    )


def _groups(
    data: pd.DataFrame,
    column: str,
    outcome: str,
    treatment: str,
    unit: str | None,
    time: str | None,
    cluster: str | None,
    weight: str | None,
    covariates: Sequence[str],
    common: np.ndarray,
    where: str,
) -> list[_Group]:
    """Return the regressions of each group of one column."""
    code, labels = codes(data, column, where)
    if unit is not None and data.groupby(unit, observed=True)[column].nunique().max() > 1:
        raise DataError(
            f"{where}: {column!r} changes within a unit. Groups must be fixed before the programme, or they are "
            "themselves an outcome."
        )
    found = []
    for k, label in enumerate(labels):
        rows = np.flatnonzero(code == k)
        part = data.iloc[rows]
        d = binary(part, treatment, where)
        ever = part.loc[d == 1, unit].nunique() if unit else int(d.sum())
        households = part[unit].nunique() if unit else rows.size
        if ever in (0, households):
            found.append(_Group(str(label), np.nan, np.zeros(0), None, np.zeros(0, int), households, ever))
            continue
        if time is not None:
            panel = prepare(
                part,
                outcome,
                str(unit),
                time,
                treatment,
                None,
                cluster,
                weight,
                covariates,
                None,
                0,
                "not_yet_treated",
                "twfe",
            )
            moments = panel_moments(panel.y, panel.treated, panel.cluster, panel.weight, panel.covariates)
            first = dict(zip(part[cluster or unit], common[rows], strict=True))
            own = (
                panel.units
                if cluster is None
                else part.drop_duplicates(unit).set_index(unit).loc[panel.units, cluster].to_numpy()
            )
            present = np.empty(panel.clusters, int)
            present[panel.cluster] = [first[c] for c in own]
        else:
            controls = np.column_stack([np.ones(rows.size), *(numbers(part, x, where) for x in covariates)])
            present, inner = np.unique(common[rows], return_inverse=True)
            w = numbers(part, weight, where) if weight else np.ones(rows.size)
            moments = row_moments(numbers(part, outcome, where), d, controls, inner, w)
            moments = Moments(moments.gram, moments.controls, 1, moments.rows, 0)
        fit = fit_moments(moments)
        score = moments.gram @ (fit.b - fit.estimate * fit.a) @ fit.a / fit.precision
        found.append(_Group(str(label), fit.estimate, score, moments, present, households, ever))
    if not any(np.isfinite(g.estimate) for g in found):
        raise DataError(f"{where}: no group of {column!r} has both treated and untreated households.")
    return found


def _cells(column: str, groups: list[_Group], level: float, clusters: int) -> pd.DataFrame:
    """Return estimates by group with clustered intervals."""
    rows = []
    for g in groups:
        error = np.nan
        size = g.present.size
        if size > 1:
            error = float(np.sqrt(size / (size - 1) * (g.influence @ g.influence)))
        half = critical_value(level, max(size - 1, 1)) * error
        rows.append((column, g.label, g.households, g.treated, g.estimate, error, g.estimate - half, g.estimate + half))
    return pd.DataFrame(rows, columns=["by", "group", "households", "treated", "estimate", "std_error", "low", "high"])


def _differences(
    column: str,
    groups: list[_Group],
    common: np.ndarray,
    treated: np.ndarray,
    cross_section: bool,
    draws: int,
    level: float,
    seed: int,
) -> tuple[list[tuple[object, ...]], str]:
    """Return the difference of each group from the largest one, tested."""
    usable = [g for g in groups if np.isfinite(g.estimate)]
    if len(usable) < 2:
        return [], ""
    base = max(usable, key=lambda g: g.households)
    total = int(common.max()) + 1
    arm = np.zeros(total)
    np.maximum.at(arm, common, treated)
    many = smaller_arm(int(arm.sum()), total) >= MANY
    low_arm = np.ones(total)
    np.minimum.at(low_arm, common, treated)
    whole = cross_section and bool((low_arm == arm).all())
    rows = []
    for g in usable:
        if g is base:
            continue
        difference = g.estimate - base.estimate
        if many or not whole:
            spread = np.zeros(total)
            np.add.at(spread, g.present, g.influence)
            np.add.at(spread, base.present, -base.influence)
            used = np.union1d(g.present, base.present).size
            error = float(np.sqrt(used / max(used - 1, 1) * (spread @ spread)))
            half = critical_value(level, max(used - 1, 1)) * error
            rows.append(
                (
                    column,
                    g.label,
                    base.label,
                    difference,
                    difference - half,
                    difference + half,
                    two_sided(difference, error, max(used - 1, 1)),
                )
            )
            continue
        low, high, p = _permuted(g, base, arm.astype(int), draws, level, seed)
        rows.append((column, g.label, base.label, difference, low, high, p))
    words = (
        "clustered influence functions, clusters shared by groups counted once"
        if many or not whole
        else "assignment of whole clusters permuted"
    )
    return rows, words


def _permuted(
    g: _Group, base: _Group, path: np.ndarray, draws: int, level: float, seed: int
) -> tuple[float, float, float]:
    """Return interval and p-value of a difference by permuting whole clusters."""
    assignment = make_assignment(path)
    drawn = assignment.draws(draws, seed=seed)
    paths = np.array([[0.0], [1.0]])
    statistics = [path_statistics(x.moments, paths, drawn[:, x.present]) for x in (g, base)]
    result = invert(
        g.estimate - base.estimate,
        statistics[0][0] - statistics[1][0],
        statistics[0][1] - statistics[1][1],
        level=level,
        enumerated=assignment.enumerable(draws),
    )
    return np.nan, np.nan, result.p_value

"""Tests for few clusters: permute the assignment as it was made, or bootstrap whole clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.assignment import Assignment, make_assignment
from povstudy.evaluation.columns import binary, choice, codes, numbers, require_columns
from povstudy.evaluation.design_inference import mechanism_of
from povstudy.evaluation.differences import PLACEMENTS, prepare
from povstudy.evaluation.effect import check_level
from povstudy.evaluation.inference import from_permutation
from povstudy.evaluation.moments import Moments, fit_moments, panel_moments, row_moments
from povstudy.evaluation.permutation import cluster_paths, invert, path_statistics
from povstudy.evaluation.wild import WildTest, wild_bootstrap

__all__ = ["RandomizationTest", "randomization_test", "wild_cluster_test"]


@dataclass(frozen=True)
class RandomizationTest:
    """What permuting the assignment says about an effect.

    Attributes
    ----------
    estimate : float
    p_value, low, high : float
        Missing when the assignment has too few possibilities to reject anything at ``level``.
    smallest_p : float
        The smallest p-value that the assignment allows.
    possible : float
        Number of different assignments.
    draws : int
        Assignments looked at.
    enumerated : bool
    inference : str
        Name of the test, the mechanism and the number of assignments.
    statistic : str
    level : float
    warnings : tuple of str
    distribution : ndarray, shape (draws,)
        The statistic of each assignment under no effect.
    """

    estimate: float
    p_value: float
    low: float
    high: float
    smallest_p: float
    possible: float
    draws: int
    enumerated: bool
    inference: str
    statistic: str
    level: float
    warnings: tuple[str, ...]
    distribution: np.ndarray = field(repr=False)


def randomization_test(
    data: pd.DataFrame,
    *,
    outcome: str,
    treatment: str | None = None,
    cohort: str | None = None,
    unit: str | None = None,
    time: str | None = None,
    cluster: str | None = None,
    strata: str | None = None,
    pairs: str | None = None,
    assign: Callable[[np.random.Generator], np.ndarray] | None = None,
    covariates: Sequence[str] = (),
    weight: str | None = None,
    placement: str = "random",
    draws: int = 999,
    level: float = 0.95,
    seed: int = 0,
) -> RandomizationTest:
    r"""Test an effect by permuting the assignment the way it was made.

    The statistic is the regression coefficient of the treatment: with ``time`` given unit and period effects, else
    given strata (or pairs) and covariates.  :math:`p = (1 + \#\{|b^*| \ge |b|\})/(1 + B)`, or the plain share when
    all
    assignments are looked at.

    Parameters
    ----------
    data : DataFrame
        One row a unit, or a unit and period when ``time`` is given.
    outcome : str
    treatment, cohort : str, optional
        As in ``did``.
    unit, time : str, optional
        Of a panel.
    cluster : str, optional
        What was assigned as a whole; by default the unit (a panel) or the row.
    strata, pairs : str, optional
        Within which it was assigned.  Leaving them out when there were any gives a wrong p-value.
    assign : callable, optional
        Your own mechanism: takes a Generator, returns the path of each cluster (0 untreated, 1 ... the starts) in the
        order of the sorted cluster labels.
    covariates : sequence of str
    weight : str, optional
    placement : {"random", "not_random"}
        Not random: the result is called a placebo rank.
    draws, level, seed
        As in ``did``.

    Returns
    -------
    RandomizationTest

    Raises
    ------
    DataError
        Treatment differs within a cluster, a pair is not one treated and one untreated cluster, and the conditions of
        ``check_panel``.

    References
    ----------
    Athey and Imbens (2017), Handbook of Economic Field Experiments 1, section 4.

    Examples
    --------
    >>> t = pd.DataFrame({"y": [1.0, 2, 3, 9], "d": [0, 0, 0, 1]})
    >>> test = randomization_test(t, outcome="y", treatment="d", level=0.7)
    >>> test.p_value, test.possible
    (0.25, 4)
    """
    choice(placement, PLACEMENTS, "placement")
    check_level(level)
    if draws < 1:
        raise ParameterError(f"draws is {draws}; at least one assignment must be looked at.")
    if time is not None:
        if unit is None:
            raise ParameterError("randomization_test: time= needs unit=, so that unit effects can be taken out.")
        moments, paths, assignment, notes = _of_panel(
            data, outcome, unit, time, treatment, cohort, cluster, weight, covariates, strata, pairs, assign
        )
        statistic = "two-way fixed effects coefficient"
    else:
        moments, paths, assignment, notes = _of_rows(
            data, outcome, treatment, cluster, weight, covariates, strata, pairs, assign
        )
        statistic = "regression coefficient" + (" given strata" if strata or pairs else "")
    fit = fit_moments(moments)
    drawn = assignment.draws(draws, seed=seed)
    a, b = path_statistics(moments, paths, drawn)
    enumerated = assignment.enumerable(draws)
    inverted = invert(fit.estimate, a, b, level=level, enumerated=enumerated)
    words = from_permutation(inverted, assignment, drawn=len(drawn), level=level, placement=placement)
    return RandomizationTest(
        fit.estimate,
        words.p_value,
        words.low,
        words.high,
        inverted.smallest,
        assignment.possible,
        len(drawn),
        enumerated,
        words.words,
        statistic,
        level,
        (*notes, *words.notes),
        a,
    )


def _of_panel(
    data: pd.DataFrame,
    outcome: str,
    unit: str,
    time: str,
    treatment: str | None,
    cohort: str | None,
    cluster: str | None,
    weight: str | None,
    covariates: Sequence[str],
    strata: str | None,
    pairs: str | None,
    assign: Callable[[np.random.Generator], np.ndarray] | None,
) -> tuple[Moments, np.ndarray, Assignment, tuple[str, ...]]:
    """Return the moments, paths and mechanism of a panel."""
    panel = prepare(
        data, outcome, unit, time, treatment, cohort, cluster, weight, covariates, None, 0, "not_yet_treated", "twfe"
    )
    known = cluster_paths(panel)
    if known is None:
        raise DataError(
            f"units of one cluster ({cluster!r}) start at different dates, so clusters were not what was assigned; "
            "give the level of assignment as cluster=."
        )
    path, starts = known
    mechanism = mechanism_of(data, panel, unit=unit, cluster=cluster, strata=strata, pairs=pairs, assign=assign)
    assignment = make_assignment(path, **mechanism)
    moments = panel_moments(panel.y, panel.treated, panel.cluster, panel.weight, panel.covariates)
    paths = (panel.periods[None, :] >= starts[:, None]).astype(float)
    return moments, paths, assignment, panel.warnings


def _of_rows(
    data: pd.DataFrame,
    outcome: str,
    treatment: str | None,
    cluster: str | None,
    weight: str | None,
    covariates: Sequence[str],
    strata: str | None,
    pairs: str | None,
    assign: Callable[[np.random.Generator], np.ndarray] | None,
) -> tuple[Moments, np.ndarray, Assignment, tuple[str, ...]]:
    """Return the moments, paths and mechanism of a cross-section."""
    where = "randomization_test"
    if treatment is None:
        raise ParameterError(f"{where}: give treatment= (a column of 0 and 1), or time= and cohort= for a panel.")
    group = strata or pairs
    columns = [outcome, treatment, *covariates, *(c for c in (cluster, weight, group) if c)]
    require_columns(data, columns, where)
    d = binary(data, treatment, where)
    c = codes(data, cluster, where)[0] if cluster else np.arange(d.size)
    path = np.full(int(c.max()) + 1, -1)
    path[c] = d.astype(int)
    if (path[c] != d).any():
        raise DataError(
            f"{where}: {treatment!r} differs within clusters of {cluster!r}; a cluster is assigned as a whole. Give "
            "the level of assignment as cluster=, or leave it out if rows were assigned."
        )
    if path.min() == path.max():
        raise DataError(f"{where}: every row has {treatment!r} = {path[0]}; there is nothing to compare.")
    controls = [np.ones(d.size), *(numbers(data, x, where) for x in covariates)]
    labels = None
    if group:
        g, names = codes(data, group, where)
        controls += [(g == k).astype(float) for k in range(1, names.size)]
        first = np.zeros(path.size, int)
        first[c] = g
        if (first[c] != g).any():
            raise DataError(f"{where}: {group!r} differs within clusters of {cluster!r}.")
        labels = names[first]
    w = numbers(data, weight, where) if weight else np.ones(d.size)
    moments = row_moments(numbers(data, outcome, where), d, np.column_stack(controls), c, w)
    moments = Moments(moments.gram, moments.controls, 1, moments.rows, 0)
    assignment = make_assignment(path, strata=labels if strata else None, pairs=labels if pairs else None, draw=assign)
    return moments, np.array([[0.0], [1.0]]), assignment, ()


def wild_cluster_test(
    data: pd.DataFrame,
    *,
    outcome: str,
    treatment: str,
    cluster: str,
    unit: str | None = None,
    time: str | None = None,
    covariates: Sequence[str] = (),
    weight: str | None = None,
    null: float = 0.0,
    restricted: bool = True,
    weights: str = "rademacher",
    draws: int = 9999,
    level: float = 0.95,
    seed: int = 0,
) -> WildTest:
    """Test the coefficient of a treatment by the wild cluster bootstrap, on cluster sums.

    Parameters
    ----------
    data : DataFrame
    outcome, treatment : str
        In a panel the treatment may be any absorbing column of 0 and 1.
    cluster : str
    unit, time : str, optional
        With both, unit and period effects are taken out; units are nested in clusters.
    covariates : sequence of str
    weight : str, optional
    null : float
    restricted : bool
        Impose the null when residuals are drawn (WCR); without it (WCU) few treated clusters over-reject.
    weights : {"rademacher", "webb"}
    draws : int
        All sign vectors are used instead when there are no more.
    level : float
    seed : int

    Returns
    -------
    WildTest

    Raises
    ------
    DataError
        One cluster, or a treatment explained by the controls.

    Examples
    --------
    >>> t = pd.DataFrame({"y": np.arange(8.0), "d": [0] * 4 + [1] * 4, "c": [0, 0, 1, 1, 2, 2, 3, 3]})
    >>> wild_cluster_test(t, outcome="y", treatment="d", cluster="c").p_value
    0.125
    """
    if (unit is None) != (time is None):
        raise ParameterError("wild_cluster_test: give unit= and time= together, or neither.")
    if unit is not None and time is not None:
        panel = prepare(
            data,
            outcome,
            unit,
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
    else:
        where = "wild_cluster_test"
        require_columns(data, [outcome, treatment, cluster, *covariates, *([weight] if weight else [])], where)
        d = numbers(data, treatment, where)
        controls = np.column_stack([np.ones(d.size), *(numbers(data, x, where) for x in covariates)])
        w = numbers(data, weight, where) if weight else np.ones(d.size)
        c = codes(data, cluster, where)[0]
        moments = row_moments(numbers(data, outcome, where), d, controls, c, w)
    return wild_bootstrap(
        moments, null=null, restricted=restricted, weights=weights, draws=draws, level=level, seed=seed
    )

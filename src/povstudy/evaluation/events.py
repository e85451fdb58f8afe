"""Event study: the effect by time since the start, before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from povstudy.errors import DataError
from povstudy.evaluation.assignment import make_assignment
from povstudy.evaluation.columns import choice
from povstudy.evaluation.design_inference import mechanism_of
from povstudy.evaluation.differences import PLACEMENTS, did, prepare
from povstudy.evaluation.effect import Effect, check_level, critical_value
from povstudy.evaluation.group_time import (
    CONTROLS,
    aggregate,
    group_time,
    influence_covariance,
)
from povstudy.evaluation.inference import FEW, choose_inference, smaller_arm, two_sided
from povstudy.evaluation.notes import note
from povstudy.evaluation.panel import Panel
from povstudy.evaluation.permutation import cell_statistics, cluster_paths
from povstudy.evaluation.staggered import imputation_path, sun_abraham_path

__all__ = ["event_study", "uniform_critical_value"]

METHODS = ("callaway_santanna", "sun_abraham", "imputation")


@dataclass(frozen=True)
class _Path:
    """Effects by event time before the choice of inference."""

    event: np.ndarray
    effect: np.ndarray
    error: np.ndarray
    covariance: np.ndarray | None
    influence: np.ndarray | None
    pretest: tuple[float, int, float] | None
    words: str


def event_study(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    treatment: str | None = None,
    cohort: str | None = None,
    method: str = "callaway_santanna",
    control: str = "never_treated",
    adjust: str = "dr",
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    weight: str | None = None,
    anticipation: int = 0,
    base: str = "universal",
    inference: str = "auto",
    placement: str = "not_random",
    strata: str | None = None,
    pairs: str | None = None,
    assign: Callable[[np.random.Generator], np.ndarray] | None = None,
    standard: str | None = None,
    draws: int = 999,
    level: float = 0.95,
    seed: int = 0,
) -> Effect:
    r"""Estimate effects by time since the start; the estimate is their average after the start.

    .. math:: \theta(e) = \sum_g P(G = g \mid g + e \le T)\, ATT(g, g + e)

    Parameters
    ----------
    data, outcome, unit, time, treatment, cohort, control, adjust, covariates, cluster, weight, anticipation
        As in ``did``.
    method : {"callaway_santanna", "sun_abraham", "imputation"}
    base : {"universal", "varying"}
        Universal: every event time is compared with the last period before the start, so the path can be read as one
        curve and enters ``honest_did``.  Varying: before the start each period is compared with the one before.  The
        two have different pre-trends; the numbers after the start are the same.
    inference, placement, strata, pairs, assign, standard, draws, level, seed
        As in ``did``.

    Returns
    -------
    Effect
        ``table``: ``event_time, estimate, std_error, low, high, band_low, band_high, p_value, reference``.
        The bands hold for the whole path at once.  Where clusters are too few for a clustered error, intervals by
        event
        time are missing and ``p_value`` comes from permuting the assignment.

    Raises
    ------
    DataError, ParameterError, StandardError
        As in ``did``.

    Examples
    --------
    >>> rows = [(u, t, u + t + 3.0 * (u < 30 and t >= 3) + (u * t) % 7 / 7, 3 if u < 30 else 0)
    ...     for u in range(60) for t in (1, 2, 3, 4)]
    >>> panel = pd.DataFrame(rows, columns=["commune", "year", "income", "start"])
    >>> path = event_study(panel, outcome="income", unit="commune", time="year", cohort="start")
    >>> path.table["event_time"].tolist(), bool(path.low < 3 < path.high)
    ([-2, -1, 0, 1], True)
    """
    choice(method, METHODS, "method")
    choice(control, CONTROLS, "control")
    choice(placement, PLACEMENTS, "placement")
    check_level(level)
    overall = did(
        data,
        outcome=outcome,
        unit=unit,
        time=time,
        treatment=treatment,
        cohort=cohort,
        method=method,
        control=control,
        adjust=adjust,
        covariates=covariates,
        cluster=cluster,
        weight=weight,
        aggregate="event",
        anticipation=anticipation,
        base=base,
        inference=inference,
        placement=placement,
        strata=strata,
        pairs=pairs,
        assign=assign,
        standard=standard,
        draws=draws,
        level=level,
        seed=seed,
    )
    panel = prepare(
        data,
        outcome,
        unit,
        time,
        treatment,
        cohort,
        cluster,
        weight,
        covariates,
        standard,
        anticipation,
        control,
        method,
    )
    path = _path(panel, method, control, adjust, anticipation, base)
    kind = inference if inference != "auto" else choose_inference(panel.treated_clusters, panel.clusters, linear=False)
    mechanism = mechanism_of(data, panel, unit=unit, cluster=cluster, strata=strata, pairs=pairs, assign=assign)
    known = cluster_paths(panel)
    notes: list[str] = []
    if kind == "randomization" and known is not None:
        table = _permuted_table(panel, path, known, mechanism, control, anticipation, base, method, draws, seed)
        notes.append(note("no_event_intervals"))
    else:
        table, sentence = _clustered_table(panel, path, level, seed)
        notes.append(sentence)
    return replace(
        overall,
        method=path.words,
        table=table,
        covariance=path.covariance if table["std_error"].notna().any() else None,
        pretest=path.pretest if smaller_arm(overall.treated_clusters, overall.clusters) > FEW else None,
        warnings=tuple(dict.fromkeys((*overall.warnings, *(n for n in notes if n)))),
    )


def _path(panel: Panel, method: str, control: str, adjust: str, anticipation: int, base: str) -> _Path:
    """Return effects by event time of one estimator, with the reference period as a row of zero."""
    if method != "callaway_santanna":
        found = (imputation_path if method == "imputation" else sun_abraham_path)(panel, anticipation=anticipation)
        event, effect, error, covariance = _with_reference(
            found.event, found.effect, found.error, found.covariance, -1 - anticipation
        )
        words = (
            "imputation, event times; before the start from untreated unit-periods only"
            if method == "imputation"
            else "Sun-Abraham, event times against -1"
        )
        return _Path(event, effect, error, covariance, None, None, words)
    cells = group_time(panel, control=control, adjust=adjust, anticipation=anticipation, base=base)
    event, effect, influence, _, _ = aggregate(cells, panel, "event", anticipation=anticipation)
    covariance = influence_covariance(influence, panel.cluster)
    pretest = _pretest(panel, control, adjust, anticipation)
    error = np.sqrt(np.diag(covariance))
    against = np.unique(cells.base[cells.post] - cells.cohort[cells.post])
    if base == "universal" and against.size == 1:
        event, effect, error, covariance = _with_reference(event, effect, error, covariance, int(against[0]))
        place = int(np.flatnonzero(event == against[0])[0])
        influence = np.insert(influence, place, 0.0, axis=1) if influence.shape[1] < event.size else influence
    words = f"Callaway-Sant'Anna, event times, base period {base}"
    return _Path(event.astype(int), effect, error, covariance, influence, pretest, words)


def _with_reference(
    event: np.ndarray, effect: np.ndarray, error: np.ndarray, covariance: np.ndarray | None, reference: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the path with the reference period as a row of zero without error."""
    if reference in event:
        place = int(np.flatnonzero(event == reference)[0])
        effect, error = effect.copy(), error.copy()
        effect[place], error[place] = 0.0, np.nan
        return event, effect, error, covariance
    place = int(np.searchsorted(event, reference))
    if covariance is not None:
        covariance = np.insert(np.insert(covariance, place, np.nan, axis=0), place, np.nan, axis=1)
    return (
        np.insert(event, place, reference),
        np.insert(effect, place, 0.0),
        np.insert(error, place, np.nan),
        covariance,
    )


def _pretest(panel: Panel, control: str, adjust: str, anticipation: int) -> tuple[float, int, float] | None:
    r"""Return the Wald test that all group-time effects before the start are zero (base period varying)."""
    cells = group_time(panel, control=control, adjust=adjust, anticipation=anticipation, base="varying")
    early = cells.period < cells.cohort - anticipation
    if not early.any():
        return None
    covariance = influence_covariance(cells.influence[:, early], panel.cluster)
    if np.linalg.matrix_rank(covariance) < early.sum():
        return None
    effect = cells.effect[early]
    statistic = float(effect @ np.linalg.solve(covariance, effect))
    return statistic, int(early.sum()), float(stats.chi2.sf(statistic, early.sum()))


def uniform_critical_value(
    influence: np.ndarray, cluster: np.ndarray, *, level: float, draws: int = 999, seed: int = 0
) -> float:
    r"""Return the critical value of a band that holds for all rows at once, by a multiplier bootstrap.

    .. math:: \hat c = \text{quantile}_{level}\, \max_k |\textstyle\sum_c V_c \psi_{ck}| / (n\, \mathrm{se}_k),
        \quad V_c = \pm 1

    Parameters
    ----------
    influence : ndarray, shape (N, k)
        Columns without variation are left out.
    cluster : ndarray of int, shape (N,)
    level : float
    draws, seed : int

    Returns
    -------
    float
        At least the pointwise normal value.

    References
    ----------
    Callaway and Sant'Anna (2021), algorithm 1.
    """
    sums = np.zeros((int(cluster.max()) + 1, influence.shape[1]))
    np.add.at(sums, cluster, influence)
    error = np.sqrt((sums**2).sum(axis=0))
    live = error > 0
    signs = np.random.default_rng(seed).integers(0, 2, (draws, sums.shape[0])) * 2.0 - 1.0
    largest = np.abs(signs @ (sums[:, live] / error[live])).max(axis=1)
    return max(float(np.quantile(largest, level)), critical_value(level))


def _clustered_table(panel: Panel, path: _Path, level: float, seed: int) -> tuple[pd.DataFrame, str]:
    """Return the path with pointwise intervals and, where influence functions are known, uniform bands."""
    df = panel.clusters - 1
    point = critical_value(level, df)
    if path.influence is not None:
        band = uniform_critical_value(path.influence, panel.cluster, level=level, seed=seed)
        sentence = ""
    else:
        tests = max(int(np.isfinite(path.error).sum()), 1)
        band = critical_value(1 - (1 - level) / tests, df)
        sentence = note("bonferroni", times=tests)
    error = np.where(path.error > 0, path.error, np.nan)
    return (
        pd.DataFrame(
            {
                "event_time": path.event,
                "estimate": path.effect,
                "std_error": error,
                "low": path.effect - point * error,
                "high": path.effect + point * error,
                "band_low": path.effect - band * error,
                "band_high": path.effect + band * error,
                "p_value": [two_sided(b, e, df) for b, e in zip(path.effect, error, strict=True)],
                "reference": ~np.isfinite(error),
            }
        ),
        sentence,
    )


def _permuted_table(
    panel: Panel,
    path: _Path,
    known: tuple[np.ndarray, np.ndarray],
    mechanism: dict[str, object],
    control: str,
    anticipation: int,
    base: str,
    method: str,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Return the path with p-values from permuting the assignment, without intervals."""
    own, starts = known
    assignment = make_assignment(own, **mechanism)
    drawn = np.vstack([own, assignment.draws(draws, seed=seed)])
    labels, parts, _, _ = cell_statistics(
        panel,
        starts,
        drawn,
        control="never_treated" if method != "callaway_santanna" else control,
        kind="event",
        anticipation=anticipation,
        base="universal" if method != "callaway_santanna" else base,
    )
    scale = np.maximum(np.abs(parts).max(axis=0), 1e-300)
    far = (np.abs(parts[1:]) >= np.abs(parts[0]) - 1e-9 * scale).sum(axis=0)
    n = len(drawn) - 1
    p = far / n if assignment.enumerable(draws) else (1 + far) / (1 + n)
    at = {int(e): float(v) for e, v in zip(labels, p, strict=True)}
    if 1.0 / n > 0.05:
        at = {}
    missing = np.full(path.event.size, np.nan)
    reference = ~np.isfinite(path.error)
    return pd.DataFrame(
        {
            "event_time": path.event,
            "estimate": path.effect,
            "std_error": missing,
            "low": missing,
            "high": missing,
            "band_low": missing,
            "band_high": missing,
            "p_value": [np.nan if r else at.get(int(e), np.nan) for e, r in zip(path.event, reference, strict=True)],
            "reference": reference,
        }
    )


def post_average(effect: Effect) -> np.ndarray:
    """Return weights of the rows of an event study in its estimate: equal over event times from 0 on.

    Parameters
    ----------
    effect : Effect
        From ``event_study``.

    Returns
    -------
    ndarray, shape (k,)

    Raises
    ------
    DataError
        The effect is not an event study.
    """
    if "event_time" not in effect.table:
        raise DataError(f"{effect.method!r} is not an event study; give the result of event_study.")
    after = effect.table["event_time"].to_numpy() >= 0
    return after / after.sum()

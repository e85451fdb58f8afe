"""Point estimates of difference-in-differences designs on a checked panel, before any choice of inference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.evaluation.group_time import CONTROLS, aggregate, group_time, influence_covariance
from povstudy.evaluation.moments import Moments, clustered_variance, fit_moments, panel_moments
from povstudy.evaluation.notes import note
from povstudy.evaluation.panel import Panel
from povstudy.evaluation.staggered import bacon_shares, imputation_path, sun_abraham_path

__all__ = ["METHODS", "Estimation", "collapse_two_periods", "estimate_did"]

METHODS = ("two_by_two", "twfe", "callaway_santanna", "imputation", "sun_abraham")
CONTROL_WORDS = dict(
    zip(
        CONTROLS,
        (
            "units that are never treated",
            "units not yet treated in that period",
            "units untreated when the cohort starts, some of them treated later",
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class Estimation:
    """An estimate with its clustered standard error.

    Attributes
    ----------
    estimate, error : float
    words : str
        The estimator and its definition.
    convention : str
        How the standard error was made.
    table : DataFrame
    covariance : ndarray, optional
        Of the rows of ``table``.
    moments : Moments, optional
        When the estimator is one regression.
    panel : Panel
        What was used.
    notes : tuple of str
    """

    estimate: float
    error: float
    words: str
    convention: str
    table: pd.DataFrame
    covariance: np.ndarray | None
    moments: Moments | None
    panel: Panel
    notes: tuple[str, ...] = ()


def estimate_did(
    panel: Panel,
    *,
    method: str,
    control: str,
    adjust: str,
    aggregate_by: str,
    anticipation: int,
    base: str,
    small_sample: str,
) -> Estimation:
    """Estimate the effect on the treated by one of the methods.

    Parameters
    ----------
    panel : Panel
        Without units that are treated in every period.
    method, control, adjust, aggregate_by, anticipation, base, small_sample
        As in ``did``.

    Returns
    -------
    Estimation
    """
    if method in ("two_by_two", "twfe"):
        return _regression(panel, method, small_sample)
    if method == "callaway_santanna":
        return _group_time(panel, control, adjust, aggregate_by, anticipation, base)
    path = (imputation_path if method == "imputation" else sun_abraham_path)(panel, anticipation=anticipation)
    table = pd.DataFrame({"event_time": path.event, "estimate": path.effect, "std_error": path.error})
    words = (
        "imputation: untreated outcomes from unit and period effects, mean over treated unit-periods"
        if method == "imputation"
        else "Sun-Abraham: regression saturated in cohorts, reference period -1, cohort shares as weights"
    )
    return Estimation(
        path.overall,
        path.overall_error,
        words,
        "clustered, diff-diff",
        table,
        path.covariance,
        None,
        panel,
        path.notes,
    )


def collapse_two_periods(panel: Panel) -> Panel:
    """Return the panel of mean outcomes before and after the one start.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    Panel
        Periods 0 and 1.

    Raises
    ------
    DataError
        There is more than one start.
    """
    starts = np.unique(panel.cohort[panel.ever])
    if starts.size > 1:
        raise DataError(
            f"two_by_two knows one start; the panel has {starts.tolist()}. Use callaway_santanna, which compares each "
            "start with units that are not treated."
        )
    after = panel.periods >= starts[0]
    w = np.where(np.isnan(panel.y), 0.0, panel.weight)
    y, total = np.where(np.isnan(panel.y), 0.0, panel.y), []
    means, shares = [], []
    for side in (~after, after):
        count = w[:, side].sum(axis=1)
        total.append(count)
        means.append(np.divide((w * y)[:, side].sum(axis=1), count, out=np.full(count.size, np.nan), where=count > 0))
        x = np.where(np.isnan(panel.covariates), 0.0, panel.covariates)[:, side]
        shares.append((w[:, side, None] * x).sum(axis=1) / np.maximum(count, 1e-300)[:, None])
    whole = (total[0] > 0) & (total[1] > 0)
    lost = int((~whole).sum())
    kept = replace(
        panel,
        periods=np.array([0.0, 1.0]),
        y=np.column_stack(means),
        cohort=np.where(panel.ever, 1.0, np.inf),
        weight=np.repeat((panel.weight.max(axis=1))[:, None], 2, axis=1),
        covariates=np.stack(shares, axis=1),
    )
    return kept.keep(whole, *([note("one_sided", units=lost)] if lost else []))


def _regression(panel: Panel, method: str, small_sample: str) -> Estimation:
    """Estimate 2x2 or two-way fixed effects by one regression."""
    used = collapse_two_periods(panel) if method == "two_by_two" else panel
    moments = panel_moments(used.y, used.treated, used.cluster, used.weight, used.covariates)
    fit = fit_moments(moments)
    error = float(np.sqrt(clustered_variance(moments, fit, small_sample)))
    starts = np.unique(used.cohort[used.ever])
    notes: tuple[str, ...] = used.warnings[len(panel.warnings) :]
    if starts.size > 1:
        table, sentence = bacon_shares(used)
        notes = (*notes, *([sentence] if sentence else []))
    else:
        table = _four_means(used)
    words = (
        "2x2 difference in differences of mean outcomes before and after"
        if method == "two_by_two"
        else "two-way fixed effects: one coefficient of treatment given unit and period effects"
    )
    convention = f"clustered (CRV1, small-sample convention '{small_sample}')"
    return Estimation(fit.estimate, error, words, convention, table, None, moments, used, notes)


def _four_means(panel: Panel) -> pd.DataFrame:
    """Return mean outcomes of both arms before and after."""
    start = panel.cohort[panel.ever].min()
    w = np.where(np.isnan(panel.y), 0.0, panel.weight)
    y = np.where(np.isnan(panel.y), 0.0, panel.y)
    rows = []
    for arm, units in (("treated", panel.ever), ("comparison", ~panel.ever)):
        for when, side in (("before", panel.periods < start), ("after", panel.periods >= start)):
            weight = w[np.ix_(units, side)]
            mean = (weight * y[np.ix_(units, side)]).sum() / max(weight.sum(), 1e-300)
            rows.append({"arm": arm, "period": when, "mean": mean, "rows": int((weight > 0).sum())})
    return pd.DataFrame(rows)


def _group_time(panel: Panel, control: str, adjust: str, aggregate_by: str, anticipation: int, base: str) -> Estimation:
    """Estimate group-time effects and add them up."""
    cells = group_time(panel, control=control, adjust=adjust, anticipation=anticipation, base=base)
    labels, effects, influence, overall, over = aggregate(cells, panel, aggregate_by, anticipation=anticipation)
    everything = influence_covariance(np.column_stack([influence, over]), panel.cluster)
    if aggregate_by == "simple":
        covariance = influence_covariance(cells.influence, panel.cluster)
        table = pd.DataFrame(
            {
                "cohort": cells.cohort.astype(int),
                "period": cells.period.astype(int),
                "base": cells.base.astype(int),
                "estimate": cells.effect,
                "std_error": np.sqrt(np.diag(covariance)),
                "treated": cells.treated,
                "controls": cells.controls,
            }
        )
    else:
        covariance = everything[:-1, :-1]
        name = {"group": "cohort", "event": "event_time", "calendar": "period"}[aggregate_by]
        table = pd.DataFrame({name: labels.astype(int), "estimate": effects, "std_error": np.sqrt(np.diag(covariance))})
    notes = []
    if control == "not_yet_treated_at_start":
        notes.append(note("contaminated"))
    if np.isfinite(cells.overlap) and cells.overlap > 0.95:
        notes.append(note("weak_overlap", probability=f"{cells.overlap:.3f}"))
    adjusted = f", {adjust} for {', '.join(panel.names)}" if panel.names else ""
    return Estimation(
        overall,
        float(np.sqrt(everything[-1, -1])),
        f"Callaway-Sant'Anna, compared with {CONTROL_WORDS[control]}, base period {base}{adjusted}, "
        f"{aggregate_by} average",
        "clustered influence function",
        table,
        covariance,
        None,
        panel,
        tuple(notes),
    )

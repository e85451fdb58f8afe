"""Imputation, Sun-Abraham and the Bacon decomposition, computed by diff-diff on a checked panel."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.notes import note
from povstudy.evaluation.panel import Panel

__all__ = ["EventPath", "bacon_shares", "caught", "imputation_path", "long_table", "sun_abraham_path"]

BACON_CELLS = 200_000
"""Above this many unit-periods the decomposition is not computed; its message says so."""


@dataclass(frozen=True)
class EventPath:
    """Effects by event time of one estimator, with the overall effect.

    Attributes
    ----------
    overall, overall_error : float
    event : ndarray of int, shape (k,)
    effect, error : ndarray, shape (k,)
        The reference period has effect 0 and a missing error.
    covariance : ndarray, shape (k, k), optional
        Missing rows for the reference period.
    notes : tuple of str
        What the estimator warned of.
    """

    overall: float
    overall_error: float
    event: np.ndarray
    effect: np.ndarray
    error: np.ndarray
    covariance: np.ndarray | None
    notes: tuple[str, ...]


def long_table(panel: Panel) -> pd.DataFrame:
    """Return the observed cells of a panel as a table.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    DataFrame
        Columns ``unit, time, outcome, start`` (0 = never), ``cluster`` and ``x0, x1 ...``.
    """
    i, j = np.nonzero(~np.isnan(panel.y))
    start = np.where(panel.ever, panel.cohort, 0.0)
    columns = {
        "unit": i,
        "time": panel.periods[j].astype(int),
        "outcome": panel.y[i, j],
        "start": start[i].astype(int),
        "cluster": panel.cluster[i],
    }
    columns |= {f"x{k}": panel.covariates[i, j, k] for k in range(len(panel.names))}
    return pd.DataFrame(columns)


def caught(call: Callable[[], Any], what: str) -> tuple[Any, tuple[str, ...]]:
    """Run a call of a library and return its result with its warnings as sentences.

    Parameters
    ----------
    call : callable
    what : str
        The estimator, for the message.

    Returns
    -------
    result : object
    notes : tuple of str

    Raises
    ------
    DataError
        The library refused the data; its reason is passed on.

    Examples
    --------
    >>> caught(lambda: 1 + 1, "a sum")
    (2, ())
    """
    with python_warnings.catch_warnings(record=True) as found:
        python_warnings.simplefilter("always")
        try:
            result = call()
        except (ValueError, np.linalg.LinAlgError) as error:
            raise DataError(f"{what} cannot be computed on this panel: {error}") from error
    # what a library will change one day is no caution to a reader of the effect
    said = [
        w for w in found if not issubclass(w.category, (DeprecationWarning, FutureWarning, PendingDeprecationWarning))
    ]
    shown = dict.fromkeys(" ".join(str(w.message).split())[:300] for w in said)
    return result, tuple(f"{what}: {text}" for text in shown)


def _refuse_weights(panel: Panel, method: str) -> None:
    """Refuse weights that the estimator would not use."""
    seen = ~np.isnan(panel.y)
    if np.ptp(panel.weight[seen]) > 0:
        raise ParameterError(
            f"method={method!r} takes no weights here; use 'callaway_santanna' or 'twfe', or leave weight= out."
        )


def imputation_path(panel: Panel, *, anticipation: int = 0, leads: bool = True) -> EventPath:
    """Impute untreated outcomes from unit and period effects (Borusyak, Jaravel and Spiess).

    Parameters
    ----------
    panel : Panel
    anticipation : int
    leads : bool
        Also estimate event times before the start, from untreated cells only.

    Returns
    -------
    EventPath

    References
    ----------
    Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6).
    """
    import diff_diff

    _refuse_weights(panel, "imputation")
    data = long_table(panel)
    names = [f"x{k}" for k in range(len(panel.names))]
    model = diff_diff.ImputationDiD(anticipation=anticipation, cluster="cluster", pretrends=leads)
    result, notes = caught(
        lambda: model.fit(
            data, outcome="outcome", unit="unit", time="time", first_treat="start", covariates=names or None
        ),
        "imputation",
    )
    path, more = caught(lambda: result.aggregate("event_study"), "imputation")
    return _path(result, path.event_time, path.att, path.se, path.vcov, path.vcov_index, (*notes, *more))


def sun_abraham_path(panel: Panel, *, anticipation: int = 0) -> EventPath:
    """Estimate event times by a regression saturated in cohorts, averaged by cohort shares (Sun and Abraham).

    Parameters
    ----------
    panel : Panel
    anticipation : int

    Returns
    -------
    EventPath

    Raises
    ------
    DataError
        No unit is never treated.

    References
    ----------
    Sun and Abraham (2021), Journal of Econometrics 225(2).
    """
    import diff_diff

    _refuse_weights(panel, "sun_abraham")
    if panel.ever.all():
        raise DataError(
            "sun_abraham compares with units that are never treated and there are none; use "
            "method='callaway_santanna' with control='not_yet_treated'."
        )
    data = long_table(panel)
    names = [f"x{k}" for k in range(len(panel.names))]
    model = diff_diff.SunAbraham(anticipation=anticipation, cluster="cluster")
    result, notes = caught(
        lambda: model.fit(
            data, outcome="outcome", unit="unit", time="time", first_treat="start", covariates=names or None
        ),
        "sun_abraham",
    )
    events = np.array(sorted(result.event_study_effects))
    effect = np.array([float(result.event_study_effects[e]["effect"]) for e in events])
    error = np.array([float(result.event_study_effects[e]["se"]) for e in events])
    return _path(result, events, effect, error, result.event_study_vcov, result.event_study_vcov_index, notes)


def _path(
    result: Any,
    event: np.ndarray,
    effect: np.ndarray,
    error: np.ndarray,
    covariance: np.ndarray | None,
    index: Any,
    notes: tuple[str, ...],
) -> EventPath:
    """Return the path with its covariance in the order of the event times."""
    event = np.asarray(event, int)
    full = None
    if covariance is not None and index is not None:
        place = {int(e): k for k, e in enumerate(index)}
        full = np.full((event.size, event.size), np.nan)
        known = [k for k, e in enumerate(event) if int(e) in place]
        chosen = [place[int(event[k])] for k in known]
        full[np.ix_(known, known)] = np.asarray(covariance)[np.ix_(chosen, chosen)]
    return EventPath(
        float(result.overall_att),
        float(result.overall_se),
        event,
        np.asarray(effect, float),
        np.asarray(error, float),
        full,
        notes,
    )


def bacon_shares(panel: Panel) -> tuple[pd.DataFrame, str]:
    """Return what a two-way regression compares with what, and a sentence about the share that misleads.

    Parameters
    ----------
    panel : Panel
        With more than one start.

    Returns
    -------
    table : DataFrame
        ``comparison, weight, effect``; weights sum to one.
    sentence : str
        The weight of comparisons with units that are already treated; "" when there are none.

    References
    ----------
    Goodman-Bacon (2021), Journal of Econometrics 225(2).
    """
    import diff_diff

    empty = pd.DataFrame({"comparison": [], "weight": [], "effect": []})
    if not panel.balanced or panel.y.size > BACON_CELLS:
        return empty, (note("bacon_large", cells=f"{BACON_CELLS:,}") if panel.balanced else note("bacon_unbalanced"))
    data = long_table(panel)
    result, _ = caught(
        lambda: diff_diff.BaconDecomposition(weights="exact").fit(
            data, outcome="outcome", unit="unit", time="time", first_treat="start"
        ),
        "the Bacon decomposition",
    )
    weight, effect = result.weight_by_type(), result.effect_by_type()
    kinds = sorted(weight)
    table = pd.DataFrame(
        {
            "comparison": kinds,
            "weight": [float(weight[k]) for k in kinds],
            "effect": [float(effect[k] if effect[k] is not None else np.nan) for k in kinds],
        }
    )
    bad = float(weight.get("later_vs_earlier", 0.0))
    return table, note("bacon", share=f"{100 * bad:.1f}") if bad > 0 else ""

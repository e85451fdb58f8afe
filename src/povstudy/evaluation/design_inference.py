"""The inference that a design allows: how clusters were assigned, and what permuting or bootstrapping them says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.assignment import make_assignment
from povstudy.evaluation.columns import codes
from povstudy.evaluation.estimators import Estimation
from povstudy.evaluation.inference import Inference, choose_inference, from_normal, from_permutation
from povstudy.evaluation.notes import note
from povstudy.evaluation.panel import Panel
from povstudy.evaluation.permutation import (
    cell_statistics,
    cluster_paths,
    invert,
    path_statistics,
    unit_statistics,
)
from povstudy.evaluation.wild import wild_bootstrap

__all__ = ["cluster_labels", "infer", "mechanism_of", "per_cluster", "permute"]


def cluster_labels(data: pd.DataFrame, unit: str, cluster: str | None, panel: Panel) -> np.ndarray:
    """Return the label of each cluster of a panel, in the order of its codes.

    Parameters
    ----------
    data : DataFrame
    unit : str
    cluster : str, optional
    panel : Panel

    Returns
    -------
    ndarray, shape (C,)
    """
    first = data.drop_duplicates(unit).set_index(unit)
    own = panel.units if cluster is None else first.loc[panel.units, cluster].to_numpy()
    labels = np.empty(panel.clusters, dtype=object)
    labels[panel.cluster] = own
    return labels


def per_cluster(
    data: pd.DataFrame, column: str | None, unit: str, panel: Panel, labels: np.ndarray
) -> np.ndarray | None:
    """Return a column that is constant within clusters, one value a cluster."""
    if column is None:
        return None
    if column not in data.columns:
        raise DataError(f"did: no column {column!r} for the assignment; the table has {list(data.columns)[:20]}.")
    code, names = codes(data, column, "did")
    unit_code = pd.Index(panel.units).get_indexer(data[unit])
    inside = unit_code >= 0
    low, high = np.full(panel.clusters, np.iinfo(int).max), np.full(panel.clusters, -1)
    np.minimum.at(low, panel.cluster[unit_code[inside]], code[inside])
    np.maximum.at(high, panel.cluster[unit_code[inside]], code[inside])
    if (low != high).any():
        raise DataError(
            f"did: {column!r} changes within cluster {labels[np.flatnonzero(low != high)[0]]!r}; clusters were "
            "assigned as a whole, so each belongs to one stratum or pair."
        )
    return names[low]


def mechanism_of(
    data: pd.DataFrame,
    panel: Panel,
    *,
    unit: str,
    cluster: str | None,
    strata: str | None,
    pairs: str | None,
    assign: Callable[[np.random.Generator], np.ndarray] | None,
) -> dict[str, object]:
    """Return how clusters were assigned, as arguments of ``make_assignment``.

    Parameters
    ----------
    data : DataFrame
    panel : Panel
    unit, cluster, strata, pairs, assign
        As in ``did``.

    Returns
    -------
    dict
        ``strata, pairs, draw``.
    """
    labels = cluster_labels(data, unit, cluster, panel)
    return {
        "strata": per_cluster(data, strata, unit, panel, labels),
        "pairs": per_cluster(data, pairs, unit, panel, labels),
        "draw": assign,
    }


def infer(
    found: Estimation,
    asked: str,
    placement: str,
    mechanism: dict[str, object],
    settings: dict[str, object],
    *,
    draws: int,
    level: float,
    seed: int,
) -> Inference:
    """Return the inference that the design allows, or the one asked for with what is wrong with it.

    Parameters
    ----------
    found : Estimation
    asked : str
        One of ``INFERENCES``.
    placement : {"not_random", "random"}
    mechanism : dict
        From ``mechanism_of``.
    settings : dict
        As in ``permute``.
    draws, level, seed
        As in ``did``.

    Returns
    -------
    Inference

    Raises
    ------
    ParameterError
        The bootstrap is asked for where the estimator is not one regression.
    """
    panel, notes = found.panel, []
    treated, clusters = panel.treated_clusters, panel.clusters
    allowed = choose_inference(treated, clusters, linear=found.moments is not None)
    kind = allowed if asked == "auto" else asked
    known = cluster_paths(panel)
    if kind == "randomization" and known is None:
        kind = "wild" if found.moments is not None else "clustered"
        notes.append(note("shared_clusters", treated=treated, clusters=clusters))
    elif asked != "auto" and kind != allowed and kind == "clustered":
        notes.append(note("narrow", treated=treated, clusters=clusters))
    if kind == "wild" and found.moments is None:
        raise ParameterError(
            "inference='wild' needs an estimator that is one regression: method='twfe' or 'two_by_two'. For this "
            "method use 'randomization'."
        )
    if kind == "clustered":
        df = float(clusters - 1)
        words = f"{found.convention}, t({clusters - 1}), {clusters} clusters, {treated} treated"
        result = from_normal(found.estimate, found.error, level=level, df=df, words=words)
    elif kind == "wild":
        test = wild_bootstrap(found.moments, draws=max(draws, 999), level=level, seed=seed)
        words = f"{test.inference}, {treated} treated"
        result = Inference(found.error, test.low, test.high, test.p_value, words, float(clusters - 1))
    else:
        result = _permutation(found, placement, known, mechanism, settings, draws=draws, level=level, seed=seed)
    return Inference(
        result.std_error,
        result.low,
        result.high,
        result.p_value,
        result.words,
        result.degrees_of_freedom,
        result.confidence,
        (*notes, *result.notes),
    )


def _permutation(
    found: Estimation,
    placement: str,
    known: tuple[np.ndarray, np.ndarray],
    mechanism: dict[str, object],
    settings: dict[str, object],
    *,
    draws: int,
    level: float,
    seed: int,
) -> Inference:
    """Return the test that permutes the assignment."""
    path, starts = known
    assignment = make_assignment(path, **mechanism)
    drawn = assignment.draws(draws, seed=seed)
    outcome, observed, actual = permute(found, starts, np.vstack([path, drawn]), settings)
    inverted = invert(actual, outcome[1:], observed[1:], level=level, enumerated=assignment.enumerable(draws))
    result = from_permutation(inverted, assignment, drawn=len(drawn), level=level, placement=placement)
    # Two ways to add up the same numbers differ by rounding, in the unit of the outcome.
    if abs(actual - found.estimate) > 1e-6 * abs(found.estimate) + 1e-9 * np.nanstd(found.panel.y):
        result = Inference(
            result.std_error,
            result.low,
            result.high,
            result.p_value,
            result.words,
            confidence=result.confidence,
            notes=(
                *result.notes,
                note("other_statistic", statistic=f"{actual:.4g}", estimate=f"{found.estimate:.4g}"),
            ),
        )
    return result


def permute(
    found: Estimation, starts: np.ndarray, drawn: np.ndarray, settings: dict[str, object]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the statistic of the outcome and of the observed treatment for each draw; the first row is what was.

    Parameters
    ----------
    found : Estimation
    starts : ndarray, shape (K + 1,)
    drawn : ndarray of int, shape (1 + B, C)
    settings : dict
        ``method, control, adjust, kind, anticipation, base``.

    Returns
    -------
    outcome, observed : ndarray, shape (1 + B,)
    actual : float
        The statistic of the observed assignment.
    """
    panel, method = found.panel, settings["method"]
    if found.moments is not None:
        paths = (panel.periods[None, :] >= starts[:, None]).astype(float)
        outcome, observed = path_statistics(found.moments, paths, drawn)
    elif method == "imputation" or (method == "callaway_santanna" and panel.names):
        outcome, observed = unit_statistics(
            panel,
            starts,
            drawn,
            method=str(method),
            control=str(settings["control"]),
            adjust=str(settings["adjust"]),
            kind=str(settings["kind"]),
        )
    else:
        saturated = method == "sun_abraham"
        _, _, outcome, observed = cell_statistics(
            panel,
            starts,
            drawn,
            control="never_treated" if saturated else str(settings["control"]),
            kind="simple" if saturated else str(settings["kind"]),
            anticipation=int(settings["anticipation"]),
            base=str(settings["base"]),
        )
    return outcome, observed, float(outcome[0])

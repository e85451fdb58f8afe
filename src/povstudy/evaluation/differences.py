"""Difference in differences: whether the outcome changed more where the programme ran than where it did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.assignment import make_assignment
from povstudy.evaluation.columns import choice, codes
from povstudy.evaluation.effect import Effect, check_level
from povstudy.evaluation.estimators import CONTROL_WORDS, METHODS, Estimation, estimate_did
from povstudy.evaluation.group_time import AGGREGATES, CONTROLS
from povstudy.evaluation.inference import (
    INFERENCES,
    Inference,
    choose_inference,
    from_normal,
    from_permutation,
)
from povstudy.evaluation.moments import SMALL_SAMPLE
from povstudy.evaluation.notes import note
from povstudy.evaluation.panel import Panel, check_panel
from povstudy.evaluation.permutation import (
    cell_statistics,
    cluster_paths,
    invert,
    path_statistics,
    unit_statistics,
)
from povstudy.evaluation.wild import wild_bootstrap

__all__ = ["PLACEMENTS", "cluster_labels", "did", "per_cluster", "permute", "prepare"]

PLACEMENTS = ("not_random", "random")


def did(
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
    aggregate: str = "simple",
    anticipation: int = 0,
    base: str = "varying",
    small_sample: str = "nested",
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
    r"""Estimate the effect on the treated of a programme that starts at known dates and does not end.

    .. math:: ATT(g, t) = E[Y_t - Y_{b} \mid G = g] - E[Y_t - Y_{b} \mid C]

    Parameters
    ----------
    data : DataFrame
        One row a unit and period.
    outcome, unit, time : str
        Column names; periods are whole numbers.
    treatment : str, optional
        Column of 0 and 1, absorbing; or give ``cohort``.
    cohort : str, optional
        First treated period; 0 or missing for never.
    method : {"callaway_santanna", "twfe", "two_by_two", "imputation", "sun_abraham"}
    control : {"never_treated", "not_yet_treated", "not_yet_treated_at_start"}
        Comparison units of ``callaway_santanna``.
    adjust : {"dr", "reg", "ipw"}
        How covariates enter ``callaway_santanna``.
    covariates : sequence of str
    cluster : str, optional
        The level at which the programme was assigned; by default the unit.
    weight : str, optional
    aggregate : {"simple", "group", "event", "calendar"}
        Which average of the group-time effects.
    anticipation : int
    base : {"varying", "universal"}
        Base period of effects before the start; changes pre-trends, not effects.
    small_sample : {"nested", "counted", "none"}
        Convention of the clustered standard error of a regression: they differ by up to 12 %.
    inference : {"auto", "clustered", "wild", "randomization"}
        ``auto`` follows the number of clusters in the smaller arm.
    placement : {"not_random", "random"}
        Whether the programme was placed by lot; otherwise a permutation test is a placebo rank.
    strata, pairs : str, optional
        Columns within which clusters were drawn.
    assign : callable, optional
        Your own mechanism: takes a Generator, returns the path of each cluster (0 untreated, 1 ... the starts), in
        the order of the sorted cluster labels.
    standard : str, optional
        Column with the series label of the outcome.
    draws : int
        Of the permutation or the bootstrap.
    level : float
    seed : int

    Returns
    -------
    Effect

    Raises
    ------
    DataError
        The panel breaks a condition of the design (see ``check_panel``), or there is nothing to compare with.
    ParameterError
        An argument is not possible.
    StandardError
        The outcome was measured under more than one standard.

    References
    ----------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2); for the inference ``choose_inference``.

    Examples
    --------
    >>> rows = [(u, t, u % 3 + t + (5.0 if u < 2 and t == 2 else 0.0), int(u < 2 and t == 2))
    ...     for u in range(24) for t in (1, 2)]
    >>> panel = pd.DataFrame(rows, columns=["commune", "year", "income", "treated"])
    >>> effect = did(panel, outcome="income", unit="commune", time="year", treatment="treated", method="two_by_two")
    >>> round(effect.estimate, 6), effect.inference.split(",")[0]
    (5.0, 'placebo rank')
    """
    for value, options, what in (
        (method, METHODS, "method"),
        (control, CONTROLS, "control"),
        (adjust, ("dr", "reg", "ipw"), "adjust"),
        (aggregate, AGGREGATES, "aggregate"),
        (base, ("varying", "universal"), "base"),
        (small_sample, SMALL_SAMPLE, "small_sample"),
        (inference, INFERENCES, "inference"),
        (placement, PLACEMENTS, "placement"),
    ):
        choice(value, options, what)
    check_level(level)
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
    found = estimate_did(
        panel,
        method=method,
        control=control,
        adjust=adjust,
        aggregate_by=aggregate,
        anticipation=anticipation,
        base=base,
        small_sample=small_sample,
    )
    labels = cluster_labels(data, unit, cluster, panel)
    mechanism = {
        "strata": per_cluster(data, strata, unit, panel, labels),
        "pairs": per_cluster(data, pairs, unit, panel, labels),
        "draw": assign,
    }
    settings = {
        "method": method,
        "control": control,
        "adjust": adjust,
        "kind": aggregate,
        "anticipation": anticipation,
        "base": base,
    }
    chosen = _infer(found, inference, placement, mechanism, settings, draws=draws, level=level, seed=seed)
    used = found.panel
    valid = not np.isnan(chosen.std_error)
    table = found.table if valid or "std_error" not in found.table else found.table.assign(std_error=np.nan)
    return Effect(
        found.estimate,
        chosen.std_error,
        chosen.low,
        chosen.high,
        chosen.p_value,
        chosen.words,
        found.words,
        used.rows if method != "two_by_two" else panel.rows,
        used.clusters,
        used.treated_clusters,
        table,
        tuple(dict.fromkeys((*panel.warnings, *found.notes, *chosen.notes))),
        level,
        _design_words(panel, control if method == "callaway_santanna" else "never_treated"),
        outcome,
        degrees_of_freedom=chosen.degrees_of_freedom,
        covariance=found.covariance if valid else None,
        confidence=chosen.confidence,
        kind="difference",
        placement=placement,
    )


def prepare(
    data: pd.DataFrame,
    outcome: str,
    unit: str,
    time: str,
    treatment: str | None,
    cohort: str | None,
    cluster: str | None,
    weight: str | None,
    covariates: Sequence[str],
    standard: str | None,
    anticipation: int,
    control: str,
    method: str,
) -> Panel:
    """Return the checked panel without the units that cannot be used; every argument is one of ``did``.

    Parameters
    ----------
    data, outcome, unit, time, treatment, cohort, cluster, weight, covariates, standard, anticipation, control, method
        As in ``did``.

    Returns
    -------
    Panel

    Raises
    ------
    DataError
        Nothing is left to compare with.
    """
    if anticipation < 0 or anticipation != int(anticipation):
        raise ParameterError(f"anticipation is {anticipation!r}; it is a whole number of periods, 0 or more.")
    panel = check_panel(
        data,
        outcome=outcome,
        unit=unit,
        time=time,
        treatment=treatment,
        cohort=cohort,
        cluster=cluster,
        weight=weight,
        covariates=covariates,
        standard=standard,
        anticipation=anticipation,
        where="did",
    )
    panel = panel.keep(panel.cohort > panel.periods[0])
    if panel.ever.all() and (control == "never_treated" or method in ("two_by_two", "sun_abraham")):
        starts = np.unique(panel.cohort)
        if method == "callaway_santanna" or starts.size == 1:
            raise DataError(
                f"no unit is never treated (starts {starts.tolist()}), so control='never_treated' has no comparison. "
                "Use control='not_yet_treated' when starts differ, or add untreated units."
            )
    return panel


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
            "assigned as "
            "a whole, so each belongs to one stratum or pair."
        )
    return names[low]


def _infer(
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
    """Return the inference that the design allows, or the one asked for with what is wrong with it."""
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


def _design_words(panel: Panel, control: str) -> str:
    """Return the comparison in one sentence."""
    starts = [f"{g:g}" for g in np.unique(panel.cohort[panel.ever])]
    when = f"in {starts[0]}" if len(starts) == 1 else f"at {len(starts)} dates from {starts[0]} to {starts[-1]}"
    return (
        f"{int(panel.ever.sum())} of {panel.units.size} units start {when}; their change in {panel.outcome} is "
        "compared "
        f"with that of {CONTROL_WORDS[control]}, periods {panel.periods[0]:g}-{panel.periods[-1]:g}."
    )

"""Difference in differences: whether the outcome changed more where the programme ran than where it did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.columns import choice
from povstudy.evaluation.design_inference import infer, mechanism_of
from povstudy.evaluation.effect import Effect, check_level
from povstudy.evaluation.estimators import CONTROL_WORDS, METHODS, estimate_did
from povstudy.evaluation.group_time import AGGREGATES, CONTROLS
from povstudy.evaluation.inference import (
    INFERENCES,
)
from povstudy.evaluation.moments import SMALL_SAMPLE
from povstudy.evaluation.notes import note
from povstudy.evaluation.panel import Panel, check_panel

__all__ = ["PLACEMENTS", "did", "prepare"]

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
    mechanism = mechanism_of(data, panel, unit=unit, cluster=cluster, strata=strata, pairs=pairs, assign=assign)
    settings = {
        "method": method,
        "control": control,
        "adjust": adjust,
        "kind": aggregate,
        "anticipation": anticipation,
        "base": base,
    }
    chosen = infer(found, inference, placement, mechanism, settings, draws=draws, level=level, seed=seed)
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
    if control != "never_treated" and method != "callaway_santanna":
        panel = replace(panel, warnings=(*panel.warnings, note("own_comparison", method=method)))
    if np.nanmin(panel.y) == np.nanmax(panel.y):
        panel = replace(panel, warnings=(*panel.warnings, note("never_changes", outcome=outcome)))
    return panel


def _design_words(panel: Panel, control: str) -> str:
    """Return the comparison in one sentence."""
    starts = [f"{g:g}" for g in np.unique(panel.cohort[panel.ever])]
    when = f"in {starts[0]}" if len(starts) == 1 else f"at {len(starts)} dates from {starts[0]} to {starts[-1]}"
    return (
        f"{int(panel.ever.sum())} of {panel.units.size} units start {when}; their change in {panel.outcome} is "
        f"compared with that of {CONTROL_WORDS[control]}, periods {panel.periods[0]:g}-{panel.periods[-1]:g}."
    )

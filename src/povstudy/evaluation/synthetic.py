"""Synthetic controls: what a weighted mean of untreated units says would have happened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.columns import choice, named
from povstudy.evaluation.differences import PLACEMENTS
from povstudy.evaluation.effect import Effect, check_level
from povstudy.evaluation.inference import from_normal
from povstudy.evaluation.panel import check_panel
from povstudy.evaluation.placebos import Block, jackknife_error, placebo_inference
from povstudy.evaluation.weights import Synthetic, estimate_synthetic

__all__ = ["in_time_placebos", "synthetic_control", "synthetic_did"]

FEW_UNITS = 3
"""Up to this many treated units there is no jackknife: only placebos say what chance does."""
SHOWN = 1e-3
"""Donor weights below this are not listed."""
METHODS = ("outcome", "demeaned", "synthdid_control")
WORDS = {
    "synthetic_did": "synthetic difference in differences",
    "outcome": "synthetic control on all outcomes before the start",
    "demeaned": "demeaned synthetic control",
    "synthdid_control": "synthetic control by synthdid's solver (ridge 1e-6 of the noise)",
    "did": "difference in differences with equal weights",
}


def synthetic_did(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    treatment: str | None = None,
    cohort: str | None = None,
    inference: str = "auto",
    placement: str = "not_random",
    standard: str | None = None,
    draws: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Effect:
    r"""Estimate an effect with unit weights that match trends and time weights that match the period after.

    Parameters
    ----------
    data : DataFrame
        Balanced; one start for all treated units.
    outcome, unit, time, treatment, cohort, standard
        As in ``did``.
    inference : {"auto", "jackknife", "placebo"}
        With one to three treated units only placebos: the rank of the effect among the same number of controls.
    placement : {"not_random", "random"}
    draws : int
        Placebo groups, when not all can be looked at.
    level, seed
        As in ``did``.

    Returns
    -------
    Effect
        ``table``: ``part, label, value`` with unit weights, time weights, gaps and placebo effects.

    Raises
    ------
    DataError
        The panel is unbalanced, starts differ, or there are fewer than two controls.

    References
    ----------
    Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review 111(12).
    """
    choice(inference, ("auto", "jackknife", "placebo"), "inference")
    block = _block(data, outcome, unit, time, treatment, cohort, standard, "synthetic_did")
    found = estimate_synthetic(block.y, block.treated, block.before, "synthetic_did")
    return _effect(block, found, "synthetic_did", inference, placement, draws, level, seed, ratio=False)


def synthetic_control(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    treatment: str | None = None,
    cohort: str | None = None,
    method: str = "demeaned",
    predictors: dict[str, Sequence[float]] | None = None,
    inference: str = "auto",
    placement: str = "not_random",
    standard: str | None = None,
    draws: int = 200,
    level: float = 0.95,
    seed: int = 0,
    starts: int = 4,
) -> Effect:
    r"""Estimate an effect on treated units against a weighted mean of untreated ones.

    Parameters
    ----------
    data : DataFrame
        Balanced; one start for all treated units.
    outcome, unit, time, treatment, cohort, standard, placement, draws, level, seed
        As in ``synthetic_did``.
    method : {"demeaned", "outcome", "synthdid_control", "predictors"}
        ``demeaned`` matches shapes, ``outcome`` also levels.  ``predictors`` is the original form with optimised
        predictor weights, which depends on where its search starts: it is started several times and the loss is
        printed.
    predictors : dict, optional
        For ``method="predictors"``: column -> periods over which it is averaged.
    inference : {"auto", "placebo", "jackknife"}
        The placebo rank compares gaps after the start in units of the misfit before it.
    starts : int
        Starts of the search for predictor weights.

    Returns
    -------
    Effect
        ``table``: ``part, label, value`` with weights, gaps, leave-one-out estimates, placebos in space and in time.

    Raises
    ------
    DataError, ParameterError
        As in ``synthetic_did``; or predictors are missing.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), Journal of the American Statistical Association 105(490); Ferman and Pinto
    (2021), Quantitative Economics 12(4).

    Examples
    --------
    >>> rows = [(u, t, u + t * (u % 3) + 4.0 * (u == 0 and t > 3), int(u == 0 and t > 3))
    ...     for u in range(24) for t in range(1, 6)]
    >>> panel = pd.DataFrame(rows, columns=["area", "year", "rate", "treated"])
    >>> effect = synthetic_control(panel, outcome="rate", unit="area", time="year", treatment="treated")
    >>> round(effect.estimate, 4)
    4.0
    """
    choice(method, (*METHODS, "predictors"), "method")
    choice(inference, ("auto", "jackknife", "placebo"), "inference")
    block = _block(data, outcome, unit, time, treatment, cohort, standard, "synthetic_control")
    if method == "predictors":
        return _with_predictors(data, block, outcome, unit, time, predictors, inference, placement, level, seed, starts)
    found = estimate_synthetic(block.y, block.treated, block.before, method)
    effect = _effect(block, found, method, inference, placement, draws, level, seed, ratio=True)
    extra = pd.concat([_leave_one_out(block, found, method), _in_time(block, method)], ignore_index=True)
    table = pd.concat([effect.table, extra], ignore_index=True)
    return Effect(**{**{f: getattr(effect, f) for f in effect.__dataclass_fields__}, "table": table})


def in_time_placebos(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    start: float,
    method: str = "synthetic_did",
    standard: str | None = None,
) -> pd.DataFrame:
    """Return the "effect" of a programme that did not happen, for every unit in turn.

    Parameters
    ----------
    data : DataFrame
        Balanced, without any treatment; one standard.
    outcome, unit, time, standard
        As in ``did``.
    start : float
        First period of the invented programme.
    method : str
        As in ``synthetic_control``, or ``"synthetic_did"``, ``"did"``.

    Returns
    -------
    DataFrame
        ``unit, effect, fit, rank``: rank 1 is the largest fall.

    Raises
    ------
    DataError, StandardError
        As in ``synthetic_did``.

    Examples
    --------
    >>> t = pd.DataFrame({"area": list("abc") * 3, "year": [1] * 3 + [2] * 3 + [3] * 3, "rate": range(9)})
    >>> in_time_placebos(t, outcome="rate", unit="area", time="year", start=3, method="did")["effect"].tolist()
    [0.0, 0.0, 0.0]
    """
    choice(method, ("synthetic_did", "did", *METHODS), "method")
    marked = data.assign(_placebo=(pd.to_numeric(data[time]) >= start).astype(int))
    first = data[unit].iloc[0]
    marked["_placebo"] = marked["_placebo"].where(marked[unit] == first, 0)
    block = _block(marked, outcome, unit, time, "_placebo", None, standard, "in_time_placebos")
    rows = []
    for i, label in enumerate(block.panel.units):
        alone = np.arange(block.y.shape[0]) == i
        found = estimate_synthetic(block.y, alone, block.before, method)
        rows.append((label, found.estimate, found.fit))
    table = pd.DataFrame(rows, columns=["unit", "effect", "fit"])
    table["rank"] = table["effect"].rank(method="min").astype(int)
    return table


def _block(
    data: pd.DataFrame,
    outcome: str,
    unit: str,
    time: str,
    treatment: str | None,
    cohort: str | None,
    standard: str | None,
    where: str,
) -> Block:
    """Return the panel as a block: balanced, one start, at least two controls."""
    panel = check_panel(
        data,
        outcome=outcome,
        unit=unit,
        time=time,
        treatment=treatment,
        cohort=cohort,
        standard=standard,
        where=where,
    )
    panel = panel.keep(panel.cohort > panel.periods[0])
    starts = np.unique(panel.cohort[panel.ever])
    if starts.size > 1:
        raise DataError(
            f"{where} knows one start; the panel has {starts.tolist()}. Give one cohort and the never treated at a "
            "time, or use did(method='callaway_santanna')."
        )
    if not panel.balanced:
        holes = panel.units[np.isnan(panel.y).any(axis=1)]
        raise DataError(
            f"{where} needs every unit in every period; {named(holes)} have gaps. Drop these units, or the periods."
        )
    controls = int((~panel.ever).sum())
    if controls < 2:
        raise DataError(f"{where} needs at least two units that are never treated; there are {controls}.")
    return Block(panel, panel.y, panel.ever, int((panel.periods < starts[0]).sum()))


def _effect(
    block: Block,
    found: Synthetic,
    kind: str,
    inference: str,
    placement: str,
    draws: int,
    level: float,
    seed: int,
    *,
    ratio: bool,
) -> Effect:
    """Return the effect with the inference that the number of treated units allows."""
    choice(placement, PLACEMENTS, "placement")
    check_level(level)
    treated = int(block.treated.sum())
    if inference == "jackknife" and treated <= 1:
        raise ParameterError("a jackknife needs two or more treated units; with one use inference='placebo'.")
    use = inference if inference != "auto" else ("placebo" if treated <= FEW_UNITS else "jackknife")
    notes: list[str] = list(block.panel.warnings)
    placebo = pd.DataFrame({"part": [], "label": [], "value": []})
    if use == "jackknife":
        error = jackknife_error(block, found, kind)
        if treated <= FEW_UNITS:
            notes.append(f"A jackknife over {treated} treated units is not reliable; see inference='placebo'.")
        chosen = from_normal(
            found.estimate, error, level=level, df=np.inf, words=f"jackknife over {block.y.shape[0]} units, normal"
        )
    else:
        chosen, placebo = placebo_inference(block, found, kind, placement, draws, level, seed, ratio=ratio)
    panel = block.panel
    table = pd.concat([_weight_table(block, found), placebo], ignore_index=True)
    return Effect(
        found.estimate,
        chosen.std_error,
        chosen.low,
        chosen.high,
        chosen.p_value,
        chosen.words,
        WORDS[kind],
        panel.rows,
        panel.units.size,
        treated,
        table,
        tuple(dict.fromkeys((*notes, *chosen.notes))),
        level,
        f"{treated} treated units against a weighted mean of {panel.units.size - treated}; start "
        f"{panel.periods[block.before]:g}, {block.before} periods before, root mean square misfit before the start "
        f"{found.fit:.3g}.",
        panel.outcome,
        degrees_of_freedom=chosen.degrees_of_freedom,
        confidence=chosen.confidence,
        kind="synthetic",
        placement=placement,
    )


def _weight_table(block: Block, found: Synthetic) -> pd.DataFrame:
    """Return unit weights, time weights and gaps as rows."""
    donors = block.panel.units[~block.treated]
    rows = [
        ("unit weight", str(u), w)
        for u, w in sorted(zip(donors, found.unit_weights, strict=True), key=lambda p: -p[1])
        if w > SHOWN
    ]
    before = block.panel.periods[: block.before]
    rows += [("time weight", f"{t:g}", w) for t, w in zip(before, found.time_weights, strict=True) if w > SHOWN]
    rows += [("gap", f"{t:g}", g) for t, g in zip(block.panel.periods, found.gap, strict=True)]
    return pd.DataFrame(rows, columns=["part", "label", "value"])


def _leave_one_out(block: Block, found: Synthetic, method: str) -> pd.DataFrame:
    """Return the estimate without each donor that has weight."""
    donors = np.flatnonzero(~block.treated)
    rows = []
    for d, w in zip(donors, found.unit_weights, strict=True):
        if w > SHOWN and donors.size > 2:
            keep = np.arange(block.y.shape[0]) != d
            without = estimate_synthetic(block.y[keep], block.treated[keep], block.before, method)
            rows.append(("leave one out", str(block.panel.units[d]), without.estimate))
    return pd.DataFrame(rows, columns=["part", "label", "value"])


def _in_time(block: Block, method: str) -> pd.DataFrame:
    """Return the "effect" of each earlier start that leaves two periods before it, on periods before the real start."""
    rows = []
    for start in range(2, block.before):
        early = estimate_synthetic(block.y[:, : block.before], block.treated, start, method)
        rows.append(("placebo in time", f"{block.panel.periods[start]:g}", early.estimate))
    return pd.DataFrame(rows, columns=["part", "label", "value"])


def _with_predictors(
    data: pd.DataFrame,
    block: Block,
    outcome: str,
    unit: str,
    time: str,
    predictors: dict[str, Sequence[float]] | None,
    inference: str,
    placement: str,
    level: float,
    seed: int,
    starts: int,
) -> Effect:
    """Return the synthetic control with optimised predictor weights, by diff-diff."""
    import diff_diff

    from povstudy.evaluation.staggered import caught

    if not predictors:
        raise ParameterError(
            "method='predictors' needs predictors=, a dict of column -> periods to average over, for instance "
            "{'income': range(2010, 2015)}."
        )
    if block.treated.sum() != 1:
        raise DataError(f"method='predictors' takes one treated unit; there are {int(block.treated.sum())}.")
    panel = block.panel
    start = panel.periods[block.before]
    target = panel.units[block.treated][0]
    frame = data.copy()
    frame["_treated"] = ((frame[unit] == target) & (frame[time] >= start)).astype(int)
    special = [(column, list(periods), "mean") for column, periods in predictors.items()]
    result, notes = caught(
        lambda: diff_diff.SyntheticControl(v_method="nested", n_starts=starts, seed=seed).fit(
            frame,
            outcome=outcome,
            treatment="_treated",
            unit=unit,
            time=time,
            post_periods=[t for t in sorted(frame[time].unique()) if t >= start],
            special_predictors=special,
        ),
        "synthetic control with predictors",
    )
    p, more, words = np.nan, (), "not tested: placebos of this form take minutes; ask for inference='placebo'"
    if inference == "placebo":
        placebos, more = caught(result.in_space_placebo, "synthetic control with predictors")
        p = float(result.placebo_p_value)
        name = "randomisation inference" if placement == "random" else "placebo rank"
        words = f"{name}, gap after the start over misfit before, {len(placebos)} placebos; no interval"
    rows = [("unit weight", str(u), float(w)) for u, w in result.donor_weights.items() if w > SHOWN]
    rows += [("predictor weight", str(k), float(v)) for k, v in dict(result.v_weights).items()]
    rows += [("loss", "mean square of the gap before the start", float(result.pre_rmspe) ** 2)]
    rows += [("gap", str(k), float(v)) for k, v in dict(result.gap_path).items()]
    return Effect(
        float(result.att),
        np.nan,
        np.nan,
        np.nan,
        p,
        words,
        f"synthetic control with optimised predictor weights, best of {starts} starts, loss {result.pre_rmspe**2:.4g}",
        panel.rows,
        panel.units.size,
        1,
        pd.DataFrame(rows, columns=["part", "label", "value"]),
        (
            *panel.warnings,
            *notes,
            *more,
            "Predictor weights are found by a search that can stop at different places: other starts, solvers or "
            "donors have changed the sign of published estimates. Read it beside method='demeaned'.",
        ),
        level,
        f"{target} against a weighted mean of {panel.units.size - 1} units; start {start:g}.",
        outcome,
        kind="synthetic",
        placement=placement,
    )

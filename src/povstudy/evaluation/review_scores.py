"""The yearly review's cut-off: what being listed as poor does to those just on either side of the line in B1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.columns import binary, choice, numbers, require_columns
from povstudy.evaluation.discontinuity import regression_discontinuity
from povstudy.evaluation.effect import Effect
from povstudy.evaluation.manipulation import heaping
from povstudy.standards import load_standard

__all__ = ["ReviewDiscontinuity", "review_discontinuity"]

SOURCES = ("outside", "score")


@dataclass(frozen=True)
class ReviewDiscontinuity:
    """The jump at the review's line, where crossing it decides between poor and not, and where it decides less.

    Attributes
    ----------
    heaping : DataFrame
        Rows on each B1 score near the line (``group, score, rows, expected, excess``); read it first.
    heaping_words : str
    deprived : Effect or None
        Among households with enough points in B2: crossing the line in B1 decides poor or not.
    other : Effect or None
        Among the rest: crossing decides near-poor or not.
    why_missing : tuple of str
        Reasons where one of the two could not be estimated.
    cutoffs : DataFrame
        ``area, b1_max, b2_min`` of the standard, with its evidence ``status``.
    """

    heaping: pd.DataFrame
    heaping_words: str
    deprived: Effect | None
    other: Effect | None
    why_missing: tuple[str, ...]
    cutoffs: pd.DataFrame


def review_discontinuity(
    data: pd.DataFrame,
    *,
    outcome: str,
    standard: str,
    measured: str,
    b1: str = "b1",
    b2: str = "b2",
    urban: str = "urban",
    score_items: Sequence[str] = (),
    running: str = "b1",
    method: str = "auto",
    cluster: str | None = None,
    donut: float = 0.0,
    window: float | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> ReviewDiscontinuity:
    """Compare households just below and just above the review's line in B1.

    Parameters
    ----------
    data : DataFrame
        One row a household of the review.
    outcome : str
    standard : str
        Id of the standard whose lines apply; lines are read from the law, not given here.
    measured : {"outside", "score"}
        Whether the outcome was measured outside the score.  An outcome that is part of the score jumps by
        construction.
    b1, b2 : str
        Columns of points.
    urban : str
        Column of 0 and 1.
    score_items : sequence of str
        Columns that entered the score; the outcome must be none of them.
    running : {"b1"}
        ``"b2"`` is refused.
    method, cluster, donut, window, level, seed
        As in ``regression_discontinuity``.

    Returns
    -------
    ReviewDiscontinuity

    Raises
    ------
    ParameterError
        B2 as the running score, or an outcome that is part of the score.
    DataError
        The standard has no review lines, or a column is missing.
    """
    choice(measured, SOURCES, "measured")
    if running != "b1":
        raise ParameterError(
            f"running={running!r}: the review's B2 counts deprivations in steps of the points of one indicator, so it "
            "takes few values and each step is a different kind of household; no line through them reaches the "
            "cut-off. Use B1, within B2 groups."
        )
    if measured == "score" or outcome in {b1, b2, *score_items}:
        raise ParameterError(
            f"outcome {outcome!r} is part of the review's score: it jumps, or bends, at the line by construction. Take "
            "an outcome measured outside the score (a survey, school records, next year's income), measured='outside'."
        )
    where = "review_discontinuity"
    require_columns(data, [outcome, b1, b2, urban, *([cluster] if cluster else [])], where)
    cutoffs = _cutoffs(standard)
    is_urban = binary(data, urban, where) == 1
    line = np.where(is_urban, *(float(cutoffs.loc[a, "b1_max"]) for a in ("urban", "rural")))
    floor = np.where(is_urban, *(float(cutoffs.loc[a, "b2_min"]) for a in ("urban", "rural")))
    distance = numbers(data, b1, where) - line
    deprived = numbers(data, b2, where) >= floor
    frame = data.assign(_distance=distance)
    tables, words, effects, missing = [], [], [], []
    for name, group in (("B2 at or above its floor", deprived), ("B2 below its floor", ~deprived)):
        table, sentence = heaping(distance[group])
        tables.append(table.assign(group=name))
        words.append(f"{name}: {sentence}" if sentence else "")
        try:
            effect = regression_discontinuity(
                frame[group],
                outcome=outcome,
                score="_distance",
                treated_side="below",
                method=method,
                cluster=cluster,
                donut=donut,
                window=window,
                level=level,
                seed=seed,
            )
            effects.append(_named(effect, name, b1))
        except DataError as error:
            effects.append(None)
            missing.append(f"{name}: {error}")
    if not any(effects):
        raise DataError(f"{where}: neither group can be compared. " + " ".join(missing))
    return ReviewDiscontinuity(
        pd.concat(tables, ignore_index=True)[["group", "score", "rows", "expected", "excess"]],
        " ".join(w for w in words if w) or "No score near the line holds clearly more households than its neighbours.",
        effects[0],
        effects[1],
        tuple(missing),
        cutoffs.reset_index(),
    )


def _cutoffs(standard: str) -> pd.DataFrame:
    """Return, by area, the line in B1 below which enough points in B2 make a household poor."""
    found = load_standard(standard)
    if found.review is None:
        raise DataError(f"standard {standard!r} has no review lines on file; take one that is reviewed by points.")
    rows = [(s.area, s.b1_max, s.b2_min, s.evidence.status) for s in found.review.scores if s.b2_min]
    table = pd.DataFrame(rows, columns=["area", "b1_max", "b2_min", "status"])
    table = table.sort_values("b1_max").drop_duplicates("area", keep="last").set_index("area")
    if not {"rural", "urban"} <= set(table.index):
        raise DataError(f"standard {standard!r}: no line in B1 that holds within a floor in B2 for both areas.")
    return table


def _named(effect: Effect, group: str, b1: str) -> Effect:
    """Return the effect with its group in words."""
    from dataclasses import replace

    crossing = "poor or not" if "at or above" in group else "near-poor or not, no matter for the poor list"
    return replace(
        effect,
        design=f"{group}: households at or just under the line in {b1!r} against those just over it; crossing decides "
        f"{crossing}.",
    )

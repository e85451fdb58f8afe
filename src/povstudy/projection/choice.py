"""The default: which method each area gets, by points, siblings, trend and parent, and the reason it gives."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from povstudy.projection.evidence import FIRM, drift_error, panel_weight, ratio_of, record_weight, shock_of
from povstudy.projection.methods import Course, Method, Situation, named_course
from povstudy.projection.parents import OWN_MEAN, Guide, believed, damped_steps, own_guide
from povstudy.projection.paths import DAMPING
from povstudy.projection.pooling import MIN_SIBLINGS, logits_of, mean_steps
from povstudy.projection.scenario import Plan
from povstudy.projection.spell import WINDOW

__all__ = ["PANEL_DAMPING", "course_of", "default_course"]

LED, OWN, SHRUNK, STILL = "behind a parent", "behind their own mean", "shrunk", "still"
"""What an area gets: `national_first`, the same damped behind the mean of a panel, `eb_drift`, `last_value`."""

PANEL_DAMPING = 0.95
"""phi where the mean of a panel leads its areas: no plan is known behind it, and a fall that stops costs less."""


def course_of(situation: Situation, horizon: int, method: Method, *, plan: Plan | None = None) -> Course:
    """Return the path of a method for every area.

    Parameters
    ----------
    situation : Situation
    horizon : int
    method : Method
    plan : Plan, optional
        For `plan_path`.

    Returns
    -------
    Course
    """
    if method.name == "default":
        return default_course(situation, horizon)
    reason = "chosen by the caller" if plan is None else f"scenario {plan.name[:60]}"
    return named_course(situation, horizon, method, plan=plan, reason=reason)


def default_course(situation: Situation, horizon: int) -> Course:
    """Pick a method for each area and say why.

    1. A parent that leads: `national_first`, its trend weighed against its own shocks.
    2. No parent, fewer than `MIN_SIBLINGS` areas with two points: their own mean leads (a lone area itself).
    3. No parent, that many areas or more: their own mean leads, lightly damped, where its drift is firm (`FIRM`
       standard errors); else `eb_drift`, its mean drift weighed likewise but never cut off (`panel_weight`).
    4. A leader without a trend, or nothing to read one from: `last_value`.

    Parameters
    ----------
    situation : Situation
    horizon : int

    Returns
    -------
    Course
    """
    spell = situation.spell
    count = len(spell.last)
    choice = np.full(count, STILL, dtype=object)
    reason = np.full(count, "", dtype=object)
    guides = tuple(believed(guide) for guide in situation.guides if guide.trended)
    led = np.zeros(count, dtype=bool)
    for guide in guides:
        led[guide.children] = True
        choice[guide.children], reason[guide.children] = _behind(guide, spell.points)
    free = np.flatnonzero(~led)
    shrunk = Method("eb_drift", per_area=True)
    if len(free):
        choice[free], reason[free], more, shrunk = _alone(situation, free)
        guides += more
    used = tuple(guide for guide in guides if guide.weight > 0)
    here = replace(situation, guides=used)
    methods = {
        LED: Method("national_first"),
        OWN: Method("national_first", damping=PANEL_DAMPING),
        SHRUNK: shrunk,
        STILL: Method("last_value"),
    }
    courses = {kind: named_course(here, horizon, methods[kind]) for kind in dict.fromkeys(choice)}
    return _merge(courses, choice, reason, used)


def _behind(guide: Guide, points: np.ndarray) -> tuple[str, np.ndarray]:
    """Return what the children of a parent get, and the reason for each of them."""
    children = guide.children
    if not guide.weight:
        text = f"parent {guide.name} has no trend beyond its error: the last value stands"
        return STILL, np.full(len(children), text, dtype=object)
    many = len(guide.reference) > 1
    text = f"parent {guide.name} first, mean of its pp and logit path, its drift counted {guide.weight:.2f}; " + (
        f"{len(guide.reference)} areas add up to {guide.ratio:.3f} of it, as at the origin"
        if many
        else "the only child takes its logit shift"
    )
    reason = np.full(len(children), text, dtype=object)
    _no_own_trend(reason, points[children], two=not many)
    return LED, reason


def _no_own_trend(reason: np.ndarray, points: np.ndarray, *, two: bool) -> None:
    """Say of areas with one point (or, behind a lone leader, two) that no trend of their own is claimed."""
    for number, words in ((1, "one point"), (2, "two points"))[: 1 + two]:
        here = points == number
        reason[here] = [f"{text}; {words}: no trend of its own is claimed" for text in reason[here]]


def _alone(situation: Situation, free: np.ndarray) -> tuple[str, np.ndarray, tuple[Guide, ...], Method]:
    """Return what the areas without a parent get, the reasons, their leader and the options of `eb_drift`."""
    spell, series = situation.spell, situation.series
    shrunk = Method("eb_drift", per_area=True)
    reason = np.full(len(free), "", dtype=object)
    several = int(spell.trended[free].sum())
    if not several:
        reason[:] = (
            "one point and no parent or siblings with a trend: no trend can be claimed, the last value stands "
            "with a wide interval"
        )
        return STILL, reason, (), shrunk
    if several < MIN_SIBLINGS:
        guide = own_guide(series, spell, free)
        guide = None if guide is None else believed(guide)
        few = "no siblings" if len(free) == 1 else f"only {several} siblings"
        if guide is None or not guide.weight:
            why = "no area has a weight" if guide is None else "its drift is less than one standard error"
            reason[:] = f"no parent and {few}; {why}: the last value stands"
            return STILL, reason, (), shrunk
        reason[:] = _leading(guide, f"no parent and {few}")
        _no_own_trend(reason, spell.points[free], two=False)
        return LED, reason, (guide,), shrunk
    pool = situation.pool
    error = drift_error(shock_of(pool.common_scatter, pool.common_degrees), pool.span, pool.drift_variance)
    ratio, kept = ratio_of(pool.drift, error), _record(series.values)
    weight = kept * panel_weight(pool.drift, error)
    if ratio >= FIRM and weight:
        guide = own_guide(series, spell, free)
        if guide is not None:
            guide = replace(guide, weight=weight, damping=PANEL_DAMPING)
            why = f"no parent; {several} areas drift by {ratio:.1f} standard errors{_came_true(kept)}"
            reason[:] = _leading(guide, why, damped=True)
            _no_own_trend(reason, spell.points[free], two=False)
            return OWN, reason, (guide,), shrunk
    reason[:] = (
        f"no parent; {several} areas lend strength: own drift shrunk to their mean, damped, the mean drift of "
        f"{pool.drift:.3f} logit a year ({ratio:.1f} standard errors) counted {weight:.2f}{_came_true(kept)}"
    )
    reason[spell.points[free] < 2] = (
        f"no parent; one point: no trend of its own is claimed, {weight:.2f} of the mean drift of {several} areas "
        "is taken"
    )
    return SHRUNK, reason, (), replace(shrunk, believed=weight)


def _record(values: np.ndarray) -> float:
    """Return the share of a panel's own drifts, as `eb_drift` would have damped them, that came true so far."""
    steps, gaps = mean_steps(logits_of(values))
    return record_weight(steps, gaps, damped_steps(gaps, DAMPING), window=WINDOW)


def _came_true(kept: float) -> str:
    """Return what the record says of drifts that were claimed before; nothing where all of them came true."""
    return f" ({kept:.0%} of the drifts claimed before came true)" if kept < 0.995 else ""


def _leading(guide: Guide, why: str, *, damped: bool = False) -> str:
    """Return the reason of areas that lead themselves."""
    who = OWN_MEAN if guide.name == OWN_MEAN else "its own path"
    return (
        f"{why}: {who} first, mean of its pp and logit path, its drift counted "
        f"{guide.weight:.2f}{f' and damped by {PANEL_DAMPING:g}' if damped else ''}"
    )


def _merge(courses: dict[str, Course], choice: np.ndarray, reason: np.ndarray, guides: tuple[Guide, ...]) -> Course:
    """Take each area's rows from the course of what was chosen for it."""
    first = next(iter(courses.values()))
    parts = {}
    for field in fields(Course):
        if field.name in ("reason", "guides"):
            continue
        merged = getattr(first, field.name).copy()
        for kind, course in courses.items():
            merged[choice == kind] = getattr(course, field.name)[choice == kind]
        parts[field.name] = merged
    return Course(**parts, reason=reason, guides=guides)

"""The menu: every method by name, its options, and the path of one method over all areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from povstudy.errors import DataError, ParameterError, did_you_mean
from povstudy.projection import paths
from povstudy.projection.parents import Guide, damped_steps, guides_of
from povstudy.projection.pooling import MIN_SIBLINGS, PRIOR_DRIFT_SD, Pool, pool_of, shrinkage
from povstudy.projection.scenario import Plan
from povstudy.projection.series import RateSeries
from povstudy.projection.spell import WINDOW, Spell, spell_of

__all__ = ["METHODS", "Course", "Method", "Situation", "method_of", "named_course", "need_rates", "situation_of"]

METHODS = (
    "default",
    "last_value",
    "linear_pp",
    "constant_rate",
    "logistic",
    "damped_logit",
    "half_drift",
    "panel_drift",
    "eb_drift",
    "national_first",
    "plan_path",
    "mean_path",
)
"""What ``method`` may be."""


@dataclass(frozen=True)
class Method:
    """A method with its options.

    Attributes
    ----------
    name : str
        One of `METHODS`.
    label : str
        What result tables call it; the name if empty.
    damping : float or None
        phi; None for the method's own (1 or .9).
    share : float
        lambda of `national_first`.
    scale : {"both", "pp", "logit"}
        Parent path of `national_first`.
    floor : float
        Share of its last rate that the parent's pp path does not fall below.
    per_area : bool
        `eb_drift` shrinks by each area's own posterior variance instead of the pooled one.
    believed : float
        Share of the mean drift that `eb_drift` carries on.
    own_weight : float or None
        Weight B of the own slope in `eb_drift`; None learns it.
    """

    name: str
    label: str = ""
    damping: float | None = None
    share: float = paths.DEVIATION
    scale: str = "both"
    floor: float = 0.0
    per_area: bool = False
    believed: float = 1.0
    own_weight: float | None = None

    @property
    def title(self) -> str:
        """The label, or the name where there is none."""
        return self.label or self.name

    @property
    def phi(self) -> float:
        """The damping that is used."""
        if self.damping is not None:
            return self.damping
        return paths.DAMPING if self.name in ("damped_logit", "half_drift", "eb_drift") else 1.0


@dataclass(frozen=True)
class Situation:
    """Everything that a method may look at: the series, their summary, what is pooled, who guides."""

    series: RateSeries
    spell: Spell
    pool: Pool
    guides: tuple[Guide, ...]


@dataclass(frozen=True)
class Course:
    """A path with what its interval needs to know about it.

    Attributes
    ----------
    rates : ndarray, shape (A, H)
        Percent; NaN where the method has nothing to say about an area.
    own_share : ndarray, shape (A,)
        Weight that the area's own slope has in the drift used.
    steps : ndarray, shape (A, H)
        S_h, the years that the drift counts for.
    high, low : ndarray, shape (A, H)
        Highest and lowest of the paths that the record cannot tell from this one; the path itself where it
        stands alone.
    common : ndarray, shape (A, H)
        Years ahead in which the parent, if it leads, is not yet known.
    base : ndarray, shape (A,)
        Span (years) that the common trend was read from.
    scatter, degrees : ndarray, shape (A,)
        Of the yearly steps that shocks shared by all areas are learnt from: the parent's, else the panel's.
    between, mean_variance : ndarray, shape (A,)
        Variance of true drifts between areas, and of their estimated mean, as the method pooled them.
    withheld : ndarray, shape (A,)
        Drift (logit a year) of the leader or of the mean that the path leaves out because it is not believed.
    still : ndarray of bool, shape (A,)
        The path leaves drift out altogether (`last_value`).
    used : ndarray of str, shape (A,)
        Name of the method.
    reason : ndarray of str, shape (A,)
        Why it was used.
    guides : tuple of Guide
        The leaders that were followed, with the weights of their trends.
    """

    rates: np.ndarray
    own_share: np.ndarray
    steps: np.ndarray
    high: np.ndarray
    low: np.ndarray
    common: np.ndarray
    base: np.ndarray
    scatter: np.ndarray
    degrees: np.ndarray
    between: np.ndarray
    mean_variance: np.ndarray
    withheld: np.ndarray
    still: np.ndarray
    used: np.ndarray
    reason: np.ndarray
    guides: tuple[Guide, ...] = ()


def method_of(method: str | Method) -> Method:
    """Return the method of a name.

    Raises
    ------
    ParameterError
        There is no such method; the closest names are given.
    """
    if isinstance(method, Method):
        method_of(method.name)
        return method
    if not isinstance(method, str) or method not in METHODS:
        raise ParameterError(
            f"method: there is no {str(method)[:40]!r}; possible are {', '.join(METHODS)}."
            f"{did_you_mean(str(method), METHODS)}"
        )
    return Method(method)


def situation_of(series: RateSeries, *, window: int = WINDOW) -> Situation:
    """Summarise, pool and find the guides of a panel; each trend is read from the last ``window`` years."""
    spell = spell_of(series.years, series.values, window=window)
    pool = pool_of(spell, series.values, window=window)
    return Situation(series, spell, pool, guides_of(series, spell, window=window))


def named_course(
    situation: Situation, horizon: int, method: Method, *, reason: str = "", plan: Plan | None = None
) -> Course:
    """Run one method over all areas and describe its path.

    Parameters
    ----------
    situation : Situation
    horizon : int
    method : Method
        Any but ``default``.
    reason : str
        Why it is used.
    plan : Plan, optional
        For `plan_path`.

    Returns
    -------
    Course
        NaN rates where the method has nothing to say about an area.
    """
    spell, pool, guides = situation.spell, situation.pool, situation.guides
    count, name, phi = len(spell.last), method.name, method.phi
    pooled = pool_of(spell, situation.series.values, per_area=True) if method.per_area else pool
    own = np.where(spell.trended, 1.0, 0.0)
    withheld = np.zeros(count)
    members: list[np.ndarray] = []
    if name == "last_value":
        rates, own = paths.last_value(spell, horizon), np.zeros(count)
    elif name in ("linear_pp", "constant_rate", "logistic"):
        rates = getattr(paths, name)(spell, horizon)
    elif name == "damped_logit":
        rates = paths.damped_logit(spell, horizon, damping=phi)
    elif name == "half_drift":
        rates, own = paths.half_drift(spell, horizon, pool=pool, damping=phi), 0.5 * own
    elif name == "panel_drift":
        rates, own = paths.panel_drift(spell, horizon, pool=pool, damping=phi), np.zeros(count)
    elif name == "eb_drift":
        own = shrinkage(pooled) if method.own_weight is None else method.own_weight * own
        options = {"pool": pooled, "believed": method.believed, "weight": own}
        rates = paths.eb_drift(spell, horizon, damping=phi, **options)
        members = [rates, paths.eb_drift(spell, horizon, damping=1.0, **options)] if phi < 1.0 else []
        withheld += (1.0 - method.believed) * (pooled.drift if pooled.siblings else 0.0)
    elif name == "mean_path":
        rates, own = paths.mean_path(spell, horizon, pool=pool), 0.2 * (3.0 * own + shrinkage(pool))
    elif name == "plan_path":
        weights = situation.series.weights
        rates = paths.plan_path(spell, horizon, guides=guides, weights=weights, plan=plan)
        own = np.zeros(count)
    else:
        members, own = _led(situation, horizon, method), method.share * own
        for guide in guides:
            if guide.own and len(guide.children) == 1:
                own[guide.children] = 1.0
            elif len(guide.reference) == 1:
                own[guide.children] *= spell.points[guide.children] >= paths.MIN_OWN_TREND
            withheld[guide.children] = (1.0 - guide.weight) * guide.slope_z if guide.trended else 0.0
        rates = paths.mean_of(members[:2]) if method.scale == "both" else members[0]
    ahead = np.repeat(np.arange(1.0, horizon + 1.0)[None, :], count, axis=0)
    common, base = ahead.copy(), np.where(spell.trended, np.maximum(spell.span, 1.0), pool.span)
    scatter, degrees = np.full(count, pool.common_scatter), np.full(count, float(pool.common_degrees))
    if name in ("national_first", "plan_path"):
        for guide in guides:
            if guide.own:
                continue
            scatter[guide.children], degrees[guide.children] = guide.scatter, guide.degrees
            lead = np.maximum(guide.last_year - spell.last_year[guide.children], 0)
            common[guide.children] = np.maximum(ahead[guide.children] - lead[:, None], 0.0)
            base[guide.children] = max(float(guide.spell.span[0]), 1.0)
    if name == "national_first" and method.scale == "both":
        members = [*members, _unled(situation, rates, common > 0)]
    return Course(
        rates=rates,
        own_share=own,
        steps=damped_steps(ahead, phi),
        high=np.max(members, axis=0) if members else rates,
        low=np.min(members, axis=0) if members else rates,
        common=common,
        base=base,
        scatter=scatter,
        degrees=degrees,
        between=np.full(count, pooled.between if pool.siblings >= MIN_SIBLINGS else PRIOR_DRIFT_SD**2),
        mean_variance=np.full(count, pooled.drift_variance if pool.siblings else 0.0),
        withheld=withheld,
        still=np.full(count, name == "last_value"),
        used=np.full(count, name, dtype=object),
        reason=np.full(count, reason, dtype=object),
        guides=guides if name in ("national_first", "plan_path") else (),
    )


def _led(situation: Situation, horizon: int, method: Method) -> list[np.ndarray]:
    """Return the paths behind their leaders: pp, logit and damped logit; or the one scale that was asked for."""
    options = {
        "guides": situation.guides,
        "weights": situation.series.weights,
        "share": method.share,
        "floor": method.floor,
    }
    spell, phi = situation.spell, method.phi
    if method.scale != "both":
        return [paths.national_first(spell, horizon, scale=method.scale, damping=phi, **options)]
    return [
        paths.national_first(spell, horizon, scale=scale, damping=damping, **options)
        for scale, damping in (("pp", phi), ("logit", phi), ("logit", min(phi, paths.DAMPING)))
    ]


def _unled(situation: Situation, rates: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Return the damped path that the areas' own record gives without a leader, in years not known of the leader.

    `eb_drift` in a panel, `damped_logit` elsewhere; the path itself where there is neither.
    """
    spell, pool, horizon = situation.spell, situation.pool, rates.shape[1]
    alone = (
        paths.eb_drift(spell, horizon, pool=pool)
        if pool.siblings >= MIN_SIBLINGS
        else paths.damped_logit(spell, horizon)
    )
    return np.where(unknown & np.isfinite(alone), alone, rates)


def need_rates(situation: Situation, course: Course, method: Method) -> None:
    """Refuse areas that a method named by the caller has nothing to say about.

    Raises
    ------
    DataError
        Names the areas, what the method needs and what to do.
    """
    empty = [situation.series.areas[i] for i in np.flatnonzero(np.isnan(course.rates).any(axis=1))]
    if not empty:
        return
    needs = {
        "national_first": "a parent in the panel with two figures that reach the origin",
        "plan_path": "a positive weight",
        "panel_drift": "at least one area with two points",
        "eb_drift": "at least one area with two points",
    }.get(method.name, "two points on the standard")
    raise DataError(
        f"method {method.name!r} needs {needs}; this fails for "
        f"{', '.join(sorted(empty)[:5])}{f' and {len(empty) - 5} more' if len(empty) > 5 else ''}. One point is no "
        "trend: use method 'default', which says what can be said, or 'plan_path' with a named scenario."
    )

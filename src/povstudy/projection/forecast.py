"""From a rate panel on one standard to a forecast with intervals and joint draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from povstudy.errors import ParameterError
from povstudy.memory import remembered
from povstudy.projection.choice import course_of
from povstudy.projection.draws import joint_draws
from povstudy.projection.intervals import margins_of
from povstudy.projection.methods import Course, Method, Situation, method_of, need_rates, situation_of
from povstudy.projection.parents import path_at
from povstudy.projection.result import Forecast, probabilities_of, table_of
from povstudy.projection.scenario import NO_SCENARIO, Plan, plan_of
from povstudy.projection.series import rate_series
from povstudy.projection.shocks import DEFAULT_INTERVAL, IntervalRule

__all__ = ["MAX_HORIZON", "MIN_DRAWS", "forecast", "forecast_with"]

MAX_HORIZON = 30
MIN_DRAWS = 100
MAX_DRAWS = 1_000_000


@remembered
def forecast(
    panel: pd.DataFrame,
    *,
    horizon: int,
    method: str = "default",
    scenario: Mapping[str, object] | None = None,
    levels: Sequence[float] = (0.5, 0.8, 0.95),
    draws: int = 2000,
    seed: int = 0,
) -> Forecast:
    """Forecast the rates of every area of a panel that is nobody's parent.

    The logit of the rate ``h`` years after an area's last figure is Student around the path of the method;
    the variance adds the area's own shocks and drift error, shocks that all areas share, the distance between
    the pp and the logit path where both are averaged, rounding, and the sampling error of survey rates.

    Parameters
    ----------
    panel : DataFrame
        Columns ``area, year, value`` (%), optionally ``weight, standard, std_error`` (points) and ``parent``;
        see `povstudy.projection.series.check_panel`.
    horizon : int
        Years ahead, 1 to 30, counted from each area's own last figure.
    method : str
        ``"default"`` picks by points, siblings, trend and parent, and says what it picked and why.
    scenario : mapping, optional
        For ``method="plan_path"``: ``{"name": ..., "annual_decline": points a year}`` or
        ``{"name": ..., "path": {year: rate}}``.
    levels : sequence of float
        Central intervals of the table.
    draws : int
        Joint draws, 100 or more.
    seed : int
        The same seed gives the same bytes.

    Returns
    -------
    Forecast

    Raises
    ------
    DataError
        The panel has faults, or the method needs what an area does not have.
    StandardError
        More than one standard, family or territory.
    ParameterError
        An option is unknown or out of its range.

    References
    ----------
    docs/forecasting.md: formulas, default rule and interval rule.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": ["x-1", "x-1"], "year": [2022, 2024], "value": [4.64, 2.53]})
    >>> forecast(rows, horizon=1, method="linear_pp").table["median"].round(3).tolist()
    [1.475]
    """
    chosen = method_of(method)
    horizon, levels, draws, seed = _options(horizon, levels, draws, seed)
    if scenario is not None and chosen.name != "plan_path":
        raise ParameterError(
            f"scenario is followed by method 'plan_path' only; got method {chosen.name!r}. A scenario is never mixed "
            "into a forecast: make both and show them side by side"
        )
    plan = plan_of(scenario) if chosen.name == "plan_path" else None
    return forecast_with(panel, chosen, horizon=horizon, plan=plan, levels=levels, draws=draws, seed=seed)


def forecast_with(
    panel: pd.DataFrame,
    method: Method,
    *,
    horizon: int,
    plan: Plan | None = None,
    scenario: str = NO_SCENARIO,
    levels: Sequence[float] = (0.5, 0.8, 0.95),
    draws: int = 2000,
    seed: int = 0,
) -> Forecast:
    """Forecast with a method and options of one's own; see `forecast`.

    Parameters
    ----------
    panel, horizon, levels, draws, seed
        As `forecast`.
    method : Method
    plan : Plan, optional
        For `plan_path`.
    scenario : str
        What the column ``scenario`` says; the plan's name where there is one.

    Returns
    -------
    Forecast
    """
    horizon, levels, draws, seed = _options(horizon, levels, draws, seed)
    situation = situation_of(rate_series(panel))
    course = course_of(situation, horizon, method, plan=plan)
    need_rates(situation, course, method)
    return _assemble(situation, course, method, plan.name if plan else scenario, DEFAULT_INTERVAL, levels, draws, seed)


def _assemble(
    situation: Situation,
    course: Course,
    method: Method,
    scenario: str,
    rule: IntervalRule,
    levels: tuple[float, ...],
    draws: int,
    seed: int,
) -> Forecast:
    """Put intervals and draws around a course and sort the areas by id."""
    series, spell = situation.series, situation.spell
    margins, variance = margins_of(situation, course, rule)
    order = np.argsort(np.array(series.areas, dtype=object))
    areas = tuple(series.areas[i] for i in order)
    joint = joint_draws(margins, variance, spell.last_year, draws=draws, seed=seed)
    joint = np.ascontiguousarray(joint[:, order])
    quantiles = np.quantile(joint, probabilities_of(levels), axis=0, method="hazen")
    table = table_of(
        areas,
        spell.last_year[order],
        quantiles,
        levels,
        method=list(course.used[order]),
        rule=list(course.reason[order]),
        scenario=scenario,
        standard=series.standard,
    )
    return Forecast(
        table=table,
        draws=joint,
        areas=areas,
        origin_years=spell.last_year[order],
        method=method.title,
        scenario=scenario,
        standard=series.standard,
        reason=_reasons(areas, course.reason[order], course.used[order]),
        levels=levels,
        parents=_parent_table(course, method),
    )


def _reasons(areas: Sequence[str], reasons: Sequence[str], used: Sequence[str]) -> str:
    """Group areas by what was done with them: one line each."""
    groups: dict[tuple[str, str], list[str]] = {}
    for area, reason, name in zip(areas, reasons, used, strict=True):
        groups.setdefault((name, reason), []).append(area)
    lines = []
    for (name, reason), members in groups.items():
        who = ", ".join(members[:3]) + (f" and {len(members) - 3} more" if len(members) > 3 else "")
        lines.append(f"{name}: {reason} ({who})")
    return "\n".join(lines)


def _parent_table(course: Course, method: Method) -> pd.DataFrame:
    """Lay out the path of each leader that was followed, on both scales."""
    horizon = course.rates.shape[1]
    columns = ["parent", "standard", "year", "scale", "value", "known", "ratio", "children"]
    rows = []
    for guide in course.guides:
        if not guide.trended:
            continue
        years = np.arange(int(guide.years[0]), guide.origin + horizon + 1)
        known = np.isin(years, guide.years)
        for scale in ("pp", "logit"):
            path = path_at(guide, years, scale, damping=guide.damping if method.name == "default" else method.phi)
            rows += [
                (
                    guide.name,
                    guide.standard,
                    int(y),
                    scale,
                    float(v),
                    bool(k),
                    guide.ratio,
                    len(guide.reference),
                )
                for y, v, k in zip(years, path, known, strict=True)
            ]
    return pd.DataFrame(rows, columns=columns)


def whole(value: object, name: str, low: int, high: int, unit: str) -> int:
    """Return an option that must be a whole number in a range."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ParameterError(
            f"{name} must be a whole number of {unit} between {low} and {high}; got {str(value)[:40]!r}"
        )
    return int(value)


def _options(horizon: object, levels: object, draws: object, seed: object) -> tuple[int, tuple[float, ...], int, int]:
    """Check horizon, levels, draws and seed."""
    if isinstance(levels, str | bytes) or not isinstance(levels, Sequence | np.ndarray) or not len(levels):
        raise ParameterError(
            f"levels must be a sequence of probabilities such as (.5, .8, .95); got {str(levels)[:40]!r}"
        )
    for level in levels:
        number = isinstance(level, float | int | np.floating | np.integer) and not isinstance(level, bool)
        if not number or not 0.0 < level < 1.0:
            raise ParameterError(f"levels must lie inside (0, 1), as .8 for an 80 % interval; got {str(level)[:40]!r}")
    if len(set(levels)) != len(levels):
        raise ParameterError(f"levels must differ from one another; got {str(tuple(levels))[:60]}")
    return (
        whole(horizon, "horizon", 1, MAX_HORIZON, "years"),
        tuple(sorted(float(level) for level in levels)),
        whole(draws, "draws", MIN_DRAWS, MAX_DRAWS, "draws"),
        whole(seed, "seed", 0, 2**63 - 1, "the random generator"),
    )

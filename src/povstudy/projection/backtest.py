"""How wrong a rule was: forecasts from every past origin, with what was known then, against what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.projection.choice import course_of
from povstudy.projection.intervals import margins_of
from povstudy.projection.methods import Method, Situation, method_of, situation_of
from povstudy.projection.scores import crps_of_quantiles, weighted_interval_score
from povstudy.projection.series import RateSeries, rate_series
from povstudy.projection.shocks import DEFAULT_INTERVAL, IntervalRule
from povstudy.projection.spell import WINDOW

__all__ = ["BACKTEST_COLUMNS", "backtest", "backtest_cases", "summarise_cases"]

LEVELS = (0.5, 0.8, 0.95)
GRID = (np.arange(100) + 0.5) / 100
"""Levels at which the quantile loss is averaged into the CRPS."""

BENCHMARKS = (Method("last_value", label="_last"), Method("linear_pp", label="_own"))

BACKTEST_COLUMNS = (
    "method",
    "horizon",
    "n",
    "target_years",
    "mae",
    "relative_mae",
    "relative_mae_own",
    "bias",
    "crps",
    "wis",
    "coverage_50",
    "coverage_80",
    "coverage_95",
    "width_80",
)
ENDS = tuple(f"{end}_{100 * level:g}" for level in LEVELS for end in ("low", "high"))
CASE_NUMBERS = ("horizon", "target_year", "observed", "error", "error_last", "error_own", "crps", "wis", *ENDS)


def backtest(
    panel: pd.DataFrame,
    *,
    methods: Sequence[str | Method],
    horizons: Sequence[int] = (1, 2, 3, 5),
    min_points: int = 4,
    window: int = WINDOW,
) -> pd.DataFrame:
    """Forecast from every past year and score against what was published later.

    At each origin everything after it is hidden, of the parents too.  Scored are the areas seen in the origin
    year with at least ``min_points`` figures in the ``window``, where the target year has a figure.

    Parameters
    ----------
    panel : DataFrame
        As `forecast` takes it: one standard.
    methods : sequence of str or Method
        Names, or `Method` objects with options and a label.
    horizons : sequence of int
        Years ahead.
    min_points : int
        Figures an area needs at the origin.
    window : int
        Calendar years, the origin's included, that a method may see.

    Returns
    -------
    DataFrame
        One row a method and horizon: ``method, horizon, n, target_years, mae, relative_mae,
        relative_mae_own, bias, crps, wis, coverage_50, coverage_80, coverage_95, width_80``.  Errors and
        widths in points, bias is forecast less observed, coverages are shares; ``relative_mae`` is to the last
        value and ``relative_mae_own`` to the area's own pp path on the same cases.  ``target_years`` is the
        number of different years scored: areas share the shocks of a year, so it, not ``n``, says how much
        evidence there is.

    Raises
    ------
    DataError, StandardError
        As `forecast`.
    ParameterError
        A method or an option cannot be used.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": "x-1", "year": range(2010, 2016), "value": [9.0, 8.0, 7.0, 6.0, 5.0, 4.0]})
    >>> scores = backtest(rows, methods=["last_value", "linear_pp"], horizons=[1])
    >>> scores[["method", "n", "mae", "relative_mae"]].to_records(index=False).tolist()
    [('last_value', 2, 1.0, 1.0), ('linear_pp', 2, 0.0, 0.0)]
    """
    cases = backtest_cases(panel, methods=methods, horizons=horizons, min_points=min_points, window=window)
    return summarise_cases(cases, methods=methods, horizons=horizons)


def backtest_cases(
    panel: pd.DataFrame | RateSeries,
    *,
    methods: Sequence[str | Method],
    horizons: Sequence[int] = (1, 2, 3, 5),
    min_points: int = 4,
    window: int = WINDOW,
    rule: IntervalRule = DEFAULT_INTERVAL,
) -> pd.DataFrame:
    """Return every single forecast of a backtest with its scores.

    Parameters
    ----------
    panel, methods, horizons, min_points, window
        As `backtest`.
    rule : IntervalRule
        Interval around every method's path.

    Returns
    -------
    DataFrame
        One row a method, area, origin and horizon: ``method, area, origin_year, horizon, target_year,
        observed, median, crps, wis, low_50, high_50, ..., high_95, error, error_last, error_own``.
    """
    chosen = _methods(methods)
    horizons = _horizons(horizons)
    min_points = _count(min_points, "min_points", 1)
    window = _count(window, "window", 1)
    series = panel if isinstance(panel, RateSeries) else rate_series(panel)
    frames = []
    for origin in series.years[:-1]:
        known = series.until(int(origin))
        seen = np.isfinite(known.values).any(axis=1)
        if not seen.any():
            continue
        situation = situation_of(known.select(seen), window=window)
        ready = (situation.spell.last_year == origin) & (situation.spell.points >= min_points)
        if ready.any():
            outcomes = _outcomes(series, np.flatnonzero(seen), int(origin), horizons)
            frames += _origin_cases(situation, ready, outcomes, int(origin), chosen, horizons, rule)
    if not frames:
        raise DataError(
            f"backtest: no origin has an area with {min_points} figures in {window} years and a later figure "
            f"{', '.join(map(str, horizons))} years on; lower min_points or give a longer series"
        )
    return pd.concat(frames, ignore_index=True)


def _outcomes(series: RateSeries, rows: np.ndarray, origin: int, horizons: Sequence[int]) -> np.ndarray:
    """Return what was published ``h`` years after the origin, shape (rows, horizons); NaN where nothing was."""
    columns = origin + np.array(horizons) - series.years[0]
    inside = columns < len(series.years)
    outcomes = np.full((len(rows), len(horizons)), np.nan)
    outcomes[:, inside] = series.values[np.ix_(rows, columns[inside])]
    return outcomes


def _origin_cases(
    situation: Situation,
    ready: np.ndarray,
    outcomes: np.ndarray,
    origin: int,
    methods: Sequence[Method],
    horizons: Sequence[int],
    rule: IntervalRule,
) -> list[pd.DataFrame]:
    """Score every method at one origin."""
    areas = np.array(situation.series.areas, dtype=object)
    longest = max(horizons)
    last, own = (course_of(situation, longest, method).rates for method in BENCHMARKS)
    frames = []
    for method in methods:
        course = course_of(situation, longest, method)
        margins, _ = margins_of(situation, course, rule)
        for number, horizon in enumerate(horizons):
            column = horizon - 1
            case = ready & np.isfinite(outcomes[:, number]) & np.isfinite(course.rates[:, column])
            if not case.any():
                continue
            here = margins.column(case, horizon)
            ends = here.quantiles(np.array([p for v in LEVELS for p in ((1 - v) / 2, (1 + v) / 2)]))[:, :, 0]
            observed, median = outcomes[case, number], course.rates[case, column]
            intervals = {level: (ends[2 * i], ends[2 * i + 1]) for i, level in enumerate(LEVELS)}
            frame = {
                "method": method.title,
                "area": areas[case],
                "origin_year": origin,
                "horizon": horizon,
                "target_year": origin + horizon,
                "observed": observed,
                "median": median,
                "error": median - observed,
                "error_last": last[case, column] - observed,
                "error_own": own[case, column] - observed,
                "crps": crps_of_quantiles(observed, here.quantiles(GRID)[:, :, 0], GRID),
                "wis": weighted_interval_score(observed, median, intervals),
            }
            for level, (low, high) in intervals.items():
                frame[f"low_{100 * level:g}"], frame[f"high_{100 * level:g}"] = low, high
            frames.append(pd.DataFrame(frame))
    return frames


def summarise_cases(cases: pd.DataFrame, *, methods: Sequence[str | Method], horizons: Sequence[int]) -> pd.DataFrame:
    """Average cases into the rows of `backtest`; a method and horizon without a case has n = 0."""
    numbers = {name: cases[name].to_numpy(float) for name in CASE_NUMBERS}
    method_names = cases["method"].to_numpy(object)
    rows = []
    for title in [method.title for method in _methods(methods)]:
        of_method = method_names == title
        for horizon in _horizons(horizons):
            chosen = of_method & (numbers["horizon"] == horizon)
            case = {name: values[chosen] for name, values in numbers.items()}
            years = case["target_year"]
            row = {"method": title, "horizon": horizon, "n": len(years), "target_years": len(np.unique(years))}
            rows.append(row | (_averages(case) if len(years) else {}))
    return pd.DataFrame(rows, columns=list(BACKTEST_COLUMNS))


def _averages(case: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the mean scores of cases of one method and horizon."""
    mae = _mean(np.abs(case["error"]))

    def relative(column: str) -> float:
        other = _mean(np.abs(case[column]))
        return mae / other if other > 0 else np.nan

    row = {
        "mae": mae,
        "relative_mae": relative("error_last"),
        "relative_mae_own": relative("error_own"),
        "bias": _mean(case["error"]),
        "crps": _mean(case["crps"]),
        "wis": _mean(case["wis"]),
        "width_80": _mean(case["high_80"] - case["low_80"]),
    }
    for level in (50, 80, 95):
        low, high = case[f"low_{level}"], case[f"high_{level}"]
        row[f"coverage_{level}"] = float(np.mean((case["observed"] >= low) & (case["observed"] <= high)))
    return row


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is known, NaN if nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _methods(methods: Sequence[str | Method]) -> list[Method]:
    """Check the methods of a backtest."""
    if isinstance(methods, str | Method):
        methods = [methods]
    chosen = [method_of(method) for method in methods]
    if not chosen:
        raise ParameterError("methods: name at least one, for instance ['default', 'last_value']")
    titles = [method.title for method in chosen]
    if len(set(titles)) < len(titles):
        raise ParameterError(f"methods: each once, with labels that differ; got {', '.join(titles)[:80]}")
    if any(method.name == "plan_path" for method in chosen):
        raise ParameterError("methods: 'plan_path' follows a scenario and is no forecast; it has no backtest here")
    return chosen


def _horizons(horizons: Sequence[int]) -> list[int]:
    """Check the horizons of a backtest."""
    checked = [_count(horizon, "horizons", 1) for horizon in horizons]
    if not checked or len(set(checked)) < len(checked):
        raise ParameterError(f"horizons: whole years ahead, each once; got {str(list(horizons))[:40]}")
    return checked


def _count(value: object, name: str, low: int) -> int:
    """Return a whole number of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ParameterError(f"{name} must be a whole number of {low} or more; got {str(value)[:40]!r}")
    return int(value)

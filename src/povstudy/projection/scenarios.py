"""The named scenarios of a panel: plan, recent pace, stall, a shock year, an indexed line.  None is a forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from povstudy.errors import NotAvailableError, ParameterError
from povstudy.projection.forecast import forecast_with
from povstudy.projection.methods import Method
from povstudy.projection.result import Forecast, probabilities_of, table_of
from povstudy.projection.scenario import plan_of
from povstudy.projection.series import rate_series
from povstudy.projection.spell import logit

__all__ = [
    "INDEXED",
    "PLAN",
    "RECENT_PP",
    "RECENT_RELATIVE",
    "SHOCK",
    "STALL",
    "Shock",
    "indexed_line",
    "named_scenarios",
    "past_shock",
    "recent_pace",
    "run_scenarios",
    "scenario_table",
]

PLAN, RECENT_PP, RECENT_RELATIVE = "plan path", "recent points a year", "recent relative pace"
STALL, SHOCK, INDEXED = "stall", "shock year", "indexed line"
"""Names of the scenarios."""


@dataclass(frozen=True)
class Shock:
    """The largest rise of a leader above its own drift that history holds.

    Attributes
    ----------
    size : float
        Logit.
    year : int
        When it was seen.
    steps : int
        Yearly steps that were looked at.
    """

    size: float
    year: int
    steps: int


def leader_figures(panel: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return years and rates (%) of what leads a panel: its one parent, else the weighted mean of its areas.

    The mean is taken in the years in which every area was seen.
    """
    series = rate_series(panel)
    if len(series.parents) == 1:
        known = np.isfinite(series.parent_values[0])
        return series.years[known], series.parent_values[0, known]
    if len(series.parents) > 1:
        raise ParameterError(f"the panel has {len(series.parents)} parents; scenarios need one leader")
    whole = np.isfinite(series.values).all(axis=0)
    weights = series.weights if series.weights.sum() > 0 else np.ones(len(series.areas))
    return series.years[whole], (weights[:, None] * series.values[:, whole]).sum(axis=0) / weights.sum()


def recent_pace(years: np.ndarray, rates: np.ndarray) -> tuple[float, float]:
    """Return what the rate lost between its two newest figures: points a year, and percent of the rate a year.

    Raises
    ------
    NotAvailableError
        There is one figure, or the earlier one is zero.

    Examples
    --------
    >>> recent_pace(np.array([2022, 2024]), np.array([4.0, 1.0]))
    (1.5, 50.0)
    """
    if len(rates) < 2:
        raise NotAvailableError("a recent pace takes two figures on the standard, and there is one")
    if not rates[-2] > 0:
        raise NotAvailableError(f"the figure for {years[-2]} is zero: there is no relative pace from it")
    gap = float(years[-1] - years[-2])
    return float((rates[-2] - rates[-1]) / gap), float(100.0 * (1.0 - (rates[-1] / rates[-2]) ** (1.0 / gap)))


def past_shock(histories: Sequence[Mapping[int, float]]) -> Shock:
    """Return the largest rise of a yearly logit step above the mean step of its own series.

    Parameters
    ----------
    histories : sequence of mapping of year to rate (%)
        One a standard, never joined; series with fewer than three figures say nothing.

    Returns
    -------
    Shock

    Raises
    ------
    NotAvailableError
        No series has three figures.

    Examples
    --------
    >>> past_shock([{2019: 8.0, 2020: 8.0, 2021: 4.0}]).year
    2020
    """
    found: list[tuple[float, int]] = []
    for history in histories:
        years = np.array(sorted(history))
        if len(years) < 3:
            continue
        z = logit(np.array([history[year] for year in years], dtype=float))
        gaps = np.diff(years).astype(float)
        steps = np.diff(z) / gaps
        mean = (z[-1] - z[0]) / (years[-1] - years[0])
        found += [(float(step - mean), int(year)) for step, year in zip(steps, years[1:], strict=True)]
    if not found:
        raise NotAvailableError("the size of a shock year is read off history, and no series has three figures")
    size, year = max(found)
    return Shock(size, year, len(found))


def named_scenarios(
    panel: pd.DataFrame,
    *,
    plan: float | None = None,
    histories: Sequence[Mapping[int, float]] = (),
    shock_year: int | None = None,
) -> dict[str, dict[str, object]]:
    """Return the scenarios that a panel allows, as `povstudy.projection.forecast` takes them.

    Parameters
    ----------
    panel : DataFrame
        As `forecast` takes it; its leader is its parent, else the weighted mean of its areas.
    plan : float, optional
        Points a year that the leader's plan says.
    histories : sequence of mapping
        Past series of the leader, one a standard, for the size of a shock; the panel's own if empty.
    shock_year : int, optional
        When the shock comes; two years after the newest figure by default.

    Returns
    -------
    dict of name to scenario
        `PLAN` (where a plan is given), `RECENT_PP` and `RECENT_RELATIVE` (two figures), `STALL`, and `SHOCK` (three
        figures in some history): the recent relative pace with a common shock that stays.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": "a", "year": [2022, 2023, 2024], "value": [4.0, 3.0, 2.5]})
    >>> made = named_scenarios(rows, plan=1.0)
    >>> list(made)
    ['plan path', 'recent points a year', 'recent relative pace', 'stall', 'shock year']
    >>> made["recent points a year"]
    {'name': 'recent points a year', 'annual_decline': 0.5}
    """
    years, rates = leader_figures(panel)
    made: dict[str, dict[str, object]] = {}
    if plan is not None:
        made[PLAN] = {"name": PLAN, "annual_decline": plan}
    try:
        points, share = recent_pace(years, rates)
        made[RECENT_PP] = {"name": RECENT_PP, "annual_decline": points}
        made[RECENT_RELATIVE] = {"name": RECENT_RELATIVE, "relative_decline": share}
    except NotAvailableError:
        share = 0.0
    made[STALL] = {"name": STALL, "stall": True}
    try:
        shock = past_shock(histories or [dict(zip(years.tolist(), rates.tolist(), strict=True))])
    except NotAvailableError:
        return made
    when = shock_year if shock_year is not None else int(years[-1]) + 2 if len(years) else 0
    made[SHOCK] = {
        "name": SHOCK,
        "relative_decline": share,
        "shock": {"year": when, "size": max(shock.size, 0.0)},
    }
    return made


def run_scenarios(
    panel: pd.DataFrame,
    scenarios: Mapping[str, Mapping[str, object]],
    *,
    horizon: int,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, Forecast]:
    """Return each scenario run over the panel; ``scenario`` in every table is its name.

    Parameters
    ----------
    panel : DataFrame
    scenarios : mapping of name to scenario
        Of `named_scenarios`, or one's own.
    horizon, draws, seed : int

    Returns
    -------
    dict of name to Forecast
    """
    options = {"horizon": horizon, "draws": draws, "seed": seed}
    return {
        name: forecast_with(panel, Method("plan_path"), plan=plan_of(scenario), **options)
        for name, scenario in scenarios.items()
    }


def scenario_table(made: Mapping[str, Forecast], area: str) -> pd.DataFrame:
    """Return one area under every scenario side by side: ``scenario, target_year, median, low_80, high_80``."""
    frames = [one.table[one.table["area"].eq(area)] for one in made.values()]
    columns = ["scenario", "target_year", "median", "low_80", "high_80"]
    return pd.concat(frames, ignore_index=True)[columns]


def indexed_line(
    made: Forecast,
    *,
    rate: float,
    mean_income: float,
    line: float,
    factors: Mapping[int, float],
    scenario: str = INDEXED,
) -> Forecast:
    r"""Return a forecast as it would read had the line followed prices: a log-normal approximation, not a measurement.

    .. math:: p' = \Phi\left(\Phi^{-1}(p) + \frac{\ln f}{\sigma}\right)

    with sigma of the log-normal income whose mean and share at or below the line are published.

    Parameters
    ----------
    made : Forecast
    rate : float
        Last published rate (%), above 0 and below 50.
    mean_income, line : float
        đồng per person and month, of the same year.
    factors : mapping of year to float
        By how much the line would have been multiplied, for every target year (1: as it is).
    scenario : str
        What it is called.

    Returns
    -------
    Forecast
        ``scenario`` is its name; ``rule`` states the approximation.

    Raises
    ------
    ParameterError
        A target year has no factor, or a factor is not above zero.
    DataError
        No log-normal income fits the rate, the mean and the line.

    Examples
    --------
    >>> from povstudy.projection import forecast
    >>> rows = pd.DataFrame({"area": "x", "year": [2022, 2024], "value": [4.64, 2.53]})
    >>> plain = forecast(rows, horizon=1)
    >>> higher = indexed_line(plain, rate=2.53, mean_income=5e6, line=1.5e6, factors={2025: 1.1})
    >>> bool(higher.table["median"][0] > plain.table["median"][0]), higher.scenario
    (True, 'indexed line')
    """
    from povstudy.registry import lognormal_of

    _, sigma = lognormal_of(mean_income, line, rate / 100.0)
    years = made.origin_years[:, None] + np.arange(1, made.draws.shape[2] + 1)[None, :]
    absent = sorted({int(year) for year in years.ravel()} - set(factors))
    if absent:
        raise ParameterError(f"indexed line: no factor for {', '.join(map(str, absent[:5]))}; give one a target year")
    factor = np.vectorize(factors.__getitem__, otypes=[float])(years)
    if not (np.isfinite(factor) & (factor > 0)).all():
        raise ParameterError("indexed line: factors are above zero, 1 where the line stays as it is")
    share = np.clip(made.draws / 100.0, 0.0, 1.0)
    draws = 100.0 * ndtr(ndtri(share) + np.log(factor)[None] / sigma)
    rule = f"{scenario}: log-normal approximation, not a measurement (sigma {sigma:.3f})"
    per_area = made.table.drop_duplicates("area").set_index("area")
    table = table_of(
        made.areas,
        made.origin_years,
        np.quantile(draws, probabilities_of(made.levels), axis=0, method="hazen"),
        made.levels,
        method=[str(per_area.at[area, "method"]) for area in made.areas],
        rule=[rule] * len(made.areas),
        scenario=scenario,
        standard=made.standard,
    )
    return replace(made, table=table, draws=draws, scenario=scenario, reason=f"{made.reason}\n{rule}")

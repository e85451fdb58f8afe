"""What else could become of a series: named scenarios, the ways past a break, other income lines.

None of them is a forecast; each has a name and says what it assumes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from povstudy.errors import DataError, NotAvailableError, ParameterError
from povstudy.projection.breaks import HALF_DRIFT, PANEL_DRIFT, PLAN_PRO_RATA, break_scenarios
from povstudy.projection.outlook import COUNTRY, Outlook, of_territory
from povstudy.projection.result import Forecast
from povstudy.projection.scenarios import (
    INDEXED,
    PLAN,
    RECENT_PP,
    RECENT_RELATIVE,
    SHOCK,
    STALL,
    Shock,
    indexed_line,
    named_scenarios,
    past_shock,
    run_scenarios,
)
from povstudy.standards import standard_of_series, standards_for

__all__ = ["ALTERNATIVES", "NEXT_LINE", "alternatives", "histories_of", "line_factors", "plan_of_targets", "shock_of"]

NEXT_LINE = "income line of the next law"
ALTERNATIVES = (
    PLAN,
    PLAN_PRO_RATA,
    RECENT_PP,
    RECENT_RELATIVE,
    PANEL_DRIFT,
    HALF_DRIFT,
    STALL,
    SHOCK,
    INDEXED,
    NEXT_LINE,
)
"""Names in the order of a report."""

INCOME = "income_per_capita_monthly"
THOUSAND = 1000.0


def histories_of(rates: pd.DataFrame, outlook: Outlook) -> list[dict[int, float]]:
    """Return the past series of what leads an outlook's panel, one a standard: the nation's, else the area's own.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    outlook : Outlook

    Returns
    -------
    list of dict of year to rate (%)
    """
    if outlook.family == "user":
        own = outlook.observed
        return [dict(zip(own["year"].tolist(), own["value"].tolist(), strict=True))]
    kept = rates[
        rates["area"].eq(COUNTRY)
        & rates["family"].eq("survey")
        & rates["group"].eq("all")
        & rates["concept"].eq("poor")
        & rates["preferred"]
        & rates["confidence"].ne("low")
    ]
    return [
        dict(zip(rows["year"].tolist(), rows["value"].tolist(), strict=True)) for _, rows in kept.groupby("standard")
    ]


def shock_of(rates: pd.DataFrame, outlook: Outlook) -> Shock | None:
    """Return the largest past shock of the leader, None where no series has three figures."""
    try:
        return past_shock(histories_of(rates, outlook))
    except NotAvailableError:
        return None


def plan_of_targets(targets: pd.DataFrame) -> float:
    """Return the points a year of the nation's newest decline target for all households (the low end).

    Parameters
    ----------
    targets : DataFrame
        ``load("targets")``.

    Returns
    -------
    float
        NaN where there is none.
    """
    rows = targets[
        targets["area"].eq(COUNTRY)
        & targets["group"].eq("all")
        & targets["concept"].eq("poor")
        & targets["kind"].eq("annual_decline")
    ]
    return float(rows.sort_values("period_end", kind="stable")["low"].iloc[-1]) if len(rows) else float("nan")


def line_factors(outlook: Outlook, minimum: pd.DataFrame) -> tuple[dict[int, float], dict[int, float], float]:
    """Return by how much the income line would be multiplied: had it followed prices, and under the next law.

    Prices: NSO's minimum living standard at its mean yearly growth under the law, from the year of the last figure on.
    The next law: its rural line over the present one, from its first year on.

    Parameters
    ----------
    outlook : Outlook
        A survey series.
    minimum : DataFrame
        `povstudy.decomposition.law.line_against_minimum`.

    Returns
    -------
    prices, law : dict of year to float
        Of every target year; ``law`` is empty where no later law is known.
    growth : float
        Yearly growth of the minimum, a share.

    Raises
    ------
    NotAvailableError
        The minimum is known in fewer than two years of the law.
    """
    law = standard_of_series(outlook.standard)
    years = [int(year) for year in outlook.forecast.table["target_year"]]
    rows = minimum[minimum["law"].eq(law.id) & minimum["area"].eq("rural")].sort_values("year")
    if len(rows) < 2:
        raise NotAvailableError(
            f"NSO's minimum living standard is known in {len(rows)} year(s) of {law.id}; two needed"
        )
    span = int(rows["year"].iloc[-1] - rows["year"].iloc[0])
    growth = float((rows["minimum"].iloc[-1] / rows["minimum"].iloc[0]) ** (1.0 / span) - 1.0)
    last = int(outlook.last["year"])
    prices = {year: (1.0 + growth) ** (year - last) for year in years}
    starts = law.valid_to.year + 1
    following = [one for one in standards_for(starts, use="survey") if one.id != law.id] if years[-1] >= starts else []
    if not following:
        return prices, {}, growth
    ratio = following[0].line("rural") / law.line("rural")
    return prices, {year: ratio if year >= starts else 1.0 for year in years}, growth


def _income_of(outlook: Outlook, covariates: pd.DataFrame) -> float:
    """Return the mean monthly income a head (đồng) of a territory in the year of its last figure; NaN if unknown."""
    rows = covariates[
        covariates["indicator"].eq(INCOME)
        & covariates["group"].eq("all")
        & covariates["preferred"]
        & covariates["year"].eq(int(outlook.last["year"]))
    ].set_index("area")["value"]
    parts = outlook.parts or (outlook.area,)
    if not set(parts) <= set(rows.index):
        return float("nan")
    newest = outlook.panel.sort_values("year").drop_duplicates("area", keep="last").set_index("area")
    weight = newest.loc[list(parts), "weight"].to_numpy(float) if len(parts) > 1 else np.ones(1)
    return float(THOUSAND * (weight @ rows[list(parts)].to_numpy(float)) / weight.sum())


def alternatives(
    outlook: Outlook,
    rates: pd.DataFrame,
    *,
    plan: float | None = None,
    before: pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    minimum: pd.DataFrame | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, Forecast]:
    """Return every scenario that a series allows, for its territory.

    Parameters
    ----------
    outlook : Outlook
    rates : DataFrame
        ``load("rates")``, for the history of shocks.
    plan : float, optional
        Points a year that the leader's plan says.
    before : DataFrame, optional
        Panel of the standard before, for `PANEL_DRIFT`.
    covariates, minimum : DataFrame, optional
        ``load("covariates")`` and `povstudy.decomposition.law.line_against_minimum`, for `INDEXED` and `NEXT_LINE`:
        log-normal approximations, on survey rates only.
    draws, seed : int

    Returns
    -------
    dict of name to Forecast
        In the order of `ALTERNATIVES`; what the figures do not allow is left out.

    Examples
    --------
    >>> from povstudy.projection.outlook import outlooks
    >>> from povstudy.sources import load
    >>> rates = load("rates")
    >>> one = outlooks(rates, "vn-mekong-river-delta", horizon=2)[0]
    >>> list(alternatives(one, rates, plan=1.0, draws=200))[:3]
    ['plan path', 'plan pro-rata', 'recent points a year']
    """
    horizon = int(outlook.forecast.table["horizon"].max())
    options = {"horizon": horizon, "draws": draws, "seed": seed}
    made: dict[str, Forecast] = {}
    try:
        scenarios = named_scenarios(outlook.panel, plan=plan, histories=histories_of(rates, outlook))
        made |= run_scenarios(outlook.panel, scenarios, **options)
    except ParameterError:  # a panel with two leaders has no one path to follow
        scenarios = {}
    made |= break_scenarios(outlook.panel, plan=plan, before=before, **options)
    territory = outlook.parts or (outlook.area,)
    made = {name: of_territory(one, outlook.panel, outlook.area, territory) for name, one in made.items()}
    if covariates is not None and minimum is not None and outlook.family == "survey" and outlook.group == "all":
        made |= _other_lines(outlook, covariates, minimum)
    return {name: made[name] for name in ALTERNATIVES if name in made}


def _other_lines(outlook: Outlook, covariates: pd.DataFrame, minimum: pd.DataFrame) -> dict[str, Forecast]:
    """Return the forecast as it would read on other income lines, where income and line are known."""
    income = _income_of(outlook, covariates)
    rate = float(outlook.last["value"])
    if not np.isfinite(income) or not 0.0 < rate < 50.0:
        return {}
    found: dict[str, Forecast] = {}
    try:
        prices, law, _ = line_factors(outlook, minimum)
        line = standard_of_series(outlook.standard).line("rural")
        factors: Mapping[str, dict[int, float]] = {INDEXED: prices, NEXT_LINE: law}
        for name, factor in factors.items():
            if factor:
                found[name] = indexed_line(
                    outlook.forecast, rate=rate, mean_income=income, line=line, factors=factor, scenario=name
                )
    except (NotAvailableError, DataError):
        return found
    return found

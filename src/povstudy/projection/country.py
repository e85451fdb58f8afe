"""All localities of the country at once: their forecasts, how far apart they will be, every target of every area."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from povstudy.errors import DataError, NotAvailableError
from povstudy.memory import remembered
from povstudy.projection.gaps import locality_gaps
from povstudy.projection.goals import answer_table
from povstudy.projection.levels import forecast_levels
from povstudy.projection.outlook import Outlook, outlooks
from povstudy.projection.result import Forecast
from povstudy.projection.targets import verdict_band

__all__ = ["all_answers", "gaps_of_incomes", "gaps_of_rates", "households_of", "rank_areas"]

NO_SERIES = "no series of this area, group and concept can be forecast"
WHY = ("", "no_series", "before_series", "after_series", "other")
"""Why a target has no answer: ``before_series`` ended before the figures of its series begin, ``after_series`` ends
after the last year that is forecast; the column ``reason`` says it in full."""


def rank_areas(made: Forecast, panel: pd.DataFrame, *, at_most: float, year: int) -> pd.DataFrame:
    """Return every area's last figure, its forecast for a year and the probability of a level, worst first.

    Parameters
    ----------
    made : Forecast
        Joint, of the panel.
    panel : DataFrame
        Its figures; areas that lead others are left out.
    at_most : float
        Percent.
    year : int
        A target year of every area.

    Returns
    -------
    DataFrame
        ``area, last_year, last, median, low_80, high_80, probability, band, recent_pace, required_pace``: paces in
        points a year, ``recent_pace`` missing with one figure, ``required_pace`` from the last figure to the level.

    Examples
    --------
    >>> from povstudy.projection import forecast
    >>> rows = pd.DataFrame({"area": ["a", "a", "b", "b"], "year": [2022, 2024] * 2, "value": [8.0, 4.0, 2.0, 1.5]})
    >>> rank_areas(forecast(rows, horizon=2), rows, at_most=2.0, year=2026)["area"].tolist()
    ['a', 'b']
    """
    leaders = set(panel["parent"].dropna()) if "parent" in panel else set()
    table = made.table[made.table["target_year"].eq(year) & ~made.table["area"].isin(leaders)].set_index("area")
    rows = []
    for area, own in panel[panel["area"].isin(table.index)].sort_values("year").groupby("area", sort=True):
        value, when = own["value"].to_numpy(float), own["year"].to_numpy(int)
        row = table.loc[area]
        chance = made.probability_at_most(at_most, year, area=str(area))
        recent = (value[-2] - value[-1]) / (when[-1] - when[-2]) if len(value) > 1 else np.nan
        required = max(value[-1] - at_most, 0.0) / (year - when[-1])
        figures = (row["median"], row["low_80"], row["high_80"])
        rows.append((area, when[-1], value[-1], *figures, chance, verdict_band(chance), recent, required))
    columns = ["area", "last_year", "last", "median", "low_80", "high_80", "probability", "band"]
    ranked = pd.DataFrame(rows, columns=[*columns, "recent_pace", "required_pace"])
    return ranked.sort_values(["median", "area"], ascending=[False, True], ignore_index=True)


def gaps_of_rates(made: Forecast, panel: pd.DataFrame) -> pd.DataFrame:
    """Return how far the localities of a panel will be apart in poverty, as `locality_gaps` gives it.

    Parameters
    ----------
    made : Forecast
    panel : DataFrame
        Areas without a figure in the newest year are left out.

    Returns
    -------
    DataFrame
    """
    leaders = set(panel["parent"].dropna()) if "parent" in panel else set()
    newest = int(panel.loc[~panel["area"].isin(leaders), "year"].max())
    start = panel[panel["year"].eq(newest) & ~panel["area"].isin(leaders)].set_index("area")["value"]
    places = [place for place, area in enumerate(made.areas) if area in start.index]
    years = newest + np.arange(1, made.draws.shape[2] + 1)
    kept = tuple(made.areas[place] for place in places)
    return locality_gaps(made.draws[:, places], kept, years, start.to_dict(), start_year=newest)


@remembered
def gaps_of_incomes(covariates: pd.DataFrame, *, end: int, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Return how far the 63 provinces will be apart in monthly income a head; the poorest is the worst.

    Parameters
    ----------
    covariates : DataFrame
        ``load("covariates")``.
    end : int
        Last year.
    draws, seed : int

    Returns
    -------
    DataFrame
        As `locality_gaps` gives it, in thousand đồng of each year.

    Raises
    ------
    NotAvailableError
        Incomes are not known before ``end``.
    """
    rows = covariates[
        covariates["indicator"].eq("income_per_capita_monthly")
        & covariates["level"].eq("province")
        & covariates["vintage"].eq("63")
        & covariates["group"].eq("all")
        & covariates["preferred"]
    ]
    if rows.empty or int(rows["year"].max()) >= end:
        raise NotAvailableError(f"there are no provincial incomes from before {end}")
    made = forecast_levels(
        rows[["area", "year", "value"]], horizon=end - int(rows["year"].max()), draws=draws, seed=seed
    )
    newest = int(rows["year"].max())
    start = rows[rows["year"].eq(newest)].set_index("area")["value"].to_dict()
    return locality_gaps(made.draws, made.areas, made.years, start, start_year=newest, worst="lowest")


def households_of(reviews: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the households of an area and group: listed poor households over their published rate, newest year.

    Parameters
    ----------
    reviews : DataFrame
        ``load("reviews")``.

    Returns
    -------
    dict of (area, group) to households

    Examples
    --------
    >>> rows = pd.DataFrame({"area": "x", "year": 2021, "group": "all", "confidence": "high",
    ...     "indicator": ["poor_households", "poor_rate_pct"], "value": [20074.0, 3.81]})
    >>> round(households_of(rows)["x", "all"])
    526877
    """
    known = reviews[reviews["year"].notna() & reviews["confidence"].ne("low") & reviews["group"].ne("")]
    keys = ["area", "group", "year"]
    count = known[known["indicator"].eq("poor_households")].drop_duplicates(keys).set_index(keys)["value"]
    rate = known[known["indicator"].eq("poor_rate_pct")].drop_duplicates(keys).set_index(keys)["value"]
    both = pd.concat([count.rename("count"), rate.rename("rate")], axis=1, join="inner")
    both = both[both["rate"].gt(0)]
    sizes = (100.0 * both["count"] / both["rate"]).reset_index(name="households").sort_values("year", kind="stable")
    newest = sizes.drop_duplicates(["area", "group"], keep="last")
    return {(row.area, row.group): float(row.households) for row in newest.itertuples()}


def all_answers(
    rates: pd.DataFrame,
    targets: pd.DataFrame,
    *,
    end: int,
    own: Mapping[str, tuple[Outlook, ...]] | None = None,
    households: Mapping[tuple[str, str], float] | None = None,
    method: str = "default",
    seed: int = 0,
) -> pd.DataFrame:
    """Return every target of a rate, of every area and group, with what can be said about it or why nothing can.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    targets : DataFrame
        ``load("targets")``, a user's file, or both; targets of other things than rates (communes, services) are left
        out.
    end : int
        Last year that is forecast.
    own : mapping of area to outlooks, optional
        Outlooks that are made already.
    households : mapping of (area, group) to float, optional
        For the gaps.
    method, seed
        As in `outlooks`.

    Returns
    -------
    DataFrame
        As `answer_table`, with ``why`` (of `WHY`); a target that no series answers has its row, ``available`` False.
    """
    asked = targets[
        targets["area"].ne("")
        & targets["concept"].isin(["poor", "near_poor", "poor_near_poor"])
        & targets["same_as"].fillna("").eq("")
    ]
    made: dict[str, tuple[Outlook, ...]] = dict(own or {})
    for area in dict.fromkeys(asked["area"]):
        if area in made:
            continue
        newest = rates.loc[rates["area"].eq(area), "year"].max()
        horizon = max(end - int(newest), 1) if pd.notna(newest) else 1
        try:
            found = outlooks(rates, area, horizon=min(horizon, 15), method=method, seed=seed)
        except (NotAvailableError, DataError):
            found = ()
        made[area] = tuple(one for one in found if one.area == area)
    series = [one for area in dict.fromkeys(asked["area"]) for one in made[area] if not one.context]
    answered = answer_table(series, asked, households=households)
    spans = {
        (one.area, one.group, one.concept, one.family, one.standard): (
            int(one.observed["year"].min()),
            int(one.forecast.table["target_year"].max()),
        )
        for one in series
    }
    answered["why"] = [_why(row, spans) for row in answered.to_dict("records")]
    lost = asked[~asked["target_id"].isin(answered["target_id"])]
    rest = pd.DataFrame(
        {
            **{name: lost[name] for name in ("area", "group", "concept", "target_id", "whose", "instrument")},
            **{name: lost[name] for name in ("status", "kind", "period_start", "low", "high")},
            "end_year": lost["period_end"],
            "available": False,
            "reason": NO_SERIES,
            "why": "no_series",
        }
    ).reindex(columns=answered.columns)
    if rest.empty:
        return answered
    order = ["area", "group", "concept", "target_id"]
    return pd.concat([answered.astype(object), rest.astype(object)]).sort_values(
        order, kind="stable", ignore_index=True
    )


def _why(row: Mapping[str, object], spans: Mapping[tuple, tuple[int, int]]) -> str:
    """Return why a row has no answer, as one of `WHY`."""
    if row["available"]:
        return ""
    first, last = spans[tuple(row[name] for name in ("area", "group", "concept", "family", "standard"))]
    end = row["end_year"]
    if pd.notna(end) and int(end) <= first:
        return "before_series"
    return "after_series" if pd.notna(end) and int(end) > last else "other"

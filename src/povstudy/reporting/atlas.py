"""What the tile maps of the index page show: one rate of one series on one standard for every province that has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from povstudy.reporting import wording
from povstudy.reporting.all_forecasts import OFFICIAL, ReportForecast
from povstudy.reporting.entries import DONE
from povstudy.reporting.ledger import FORECAST_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SHADES",
    "VINTAGES",
    "Measure",
    "Tile",
    "Value",
    "forecast_measures",
    "layout",
    "legend",
    "published_measure",
    "series_words",
    "shade",
]

VINTAGES = ("63", "34")
SHADES = 5
"""Classes of the map, each with about as many provinces as the others."""

SERIES = ("model_id", "group", "target", "standard", "scenario")
QUANTILES = {"0.1": "low", "0.5": "median", "0.9": "high"}


@dataclass(frozen=True)
class Value:
    """The rate of a province.

    Parameters
    ----------
    value : float
        Percent.
    low, high : float or None
        Ends of the 80 % interval of a forecast.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Tile:
    """The square of a province.

    Parameters
    ----------
    area : str
        Its id.
    row, column : int
        From 1; row 1 is in the north, column 1 in the west.
    """

    area: str
    row: int
    column: int


@dataclass(frozen=True)
class Measure:
    """One map.

    Parameters
    ----------
    kind : str
        ``published`` or ``forecast``.
    series : str
        Key of the series in the wording: family, concept and group.
    standard : str
        The one standard of all values: rates on two standards are never compared.
    year : int
        Year of all values.
    model : str
        Rule of a forecast; empty for published rates.
    values : dict of str to Value
        By area.
    """

    kind: str
    series: str
    standard: str
    year: int
    model: str
    values: Mapping[str, Value]


def published_measure(rates: pd.DataFrame, parts_by_area: Mapping[str, Sequence[str]]) -> Measure | None:
    """Return the newest published rate that most of the 63 provinces share.

    A province of today has no published rate yet: it gets the mean of its parts, weighted as its forecasts are, where
    all of them have one.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    parts_by_area : mapping of str to sequence of str
        The former provinces of each province of today.

    Returns
    -------
    Measure or None
        None where there is no rate of a province.
    """
    old = rates["level"].eq("province") & rates["vintage"].eq("63") & rates["preferred"]
    rows = rates[old & rates["group"].eq("all") & rates["concept"].eq("poor")]
    if rows.empty:
        return None
    sizes = rows.groupby(["family", "standard", "year"]).size()
    family, standard, year = max(sizes[sizes.eq(sizes.max())].index, key=lambda key: key[-1])
    chosen = rows[rows["family"].eq(family) & rows["standard"].eq(standard) & rows["year"].eq(year)]
    rate = dict(zip(chosen["area"], chosen["value"].astype(float), strict=True))
    weight = dict(zip(chosen["area"], chosen["weight"].astype(float), strict=True))
    values = {str(area): Value(value) for area, value in rate.items()}
    for area, parts in parts_by_area.items():
        if parts and all(weight.get(part, 0) > 0 for part in parts):
            total = sum(weight[part] for part in parts)
            values[area] = Value(sum(rate[part] * weight[part] for part in parts) / total)
    return Measure("published", f"{family}_poor_all", str(standard), int(year), "", values)


def forecast_measures(forecasts: Iterable[ReportForecast]) -> list[Measure]:
    """Return a map for each series that the reports of provinces forecast, at the last year that most of them reach.

    Parameters
    ----------
    forecasts : iterable of ReportForecast
        The newest first; an older forecast of a province is not shown, nor one of a user's or of simulated figures.

    Returns
    -------
    list of Measure
        Those with the most provinces first.
    """
    from povstudy.sources.ids import vintage_of

    place = {name: FORECAST_COLUMNS.index(name) for name in FORECAST_COLUMNS}
    found: dict[tuple[str, ...], dict[tuple[str, int], dict[str, float]]] = {}
    taken: dict[tuple[tuple[str, ...], str], str] = {}
    for one in forecasts:
        if one.entry.status != DONE or one.rests_on != OFFICIAL:
            continue
        for row in one.rows:
            area, end = row[place["location"]], QUANTILES.get(row[place["output_type_id"]])
            if row[place["output_type"]] != "quantile" or end is None or not vintage_of(area):
                continue
            series = tuple(row[place[name]] for name in SERIES)
            if taken.setdefault((series, area), one.entry.fact("id")) != one.entry.fact("id"):
                continue
            try:
                year, value = int(row[place["target_year"]]), float(row[place["value"]])
            except ValueError:
                continue
            found.setdefault(series, {}).setdefault((area, year), {})[end] = value
    measures = [_at_common_year(series, cells) for series, cells in found.items()]
    return sorted(measures, key=lambda one: (-len(one.values), one.series, one.standard, one.model))


def _at_common_year(series: tuple[str, ...], cells: Mapping[tuple[str, int], Mapping[str, float]]) -> Measure:
    """Return a series at the last year that most provinces reach."""
    whole = {key: ends for key, ends in cells.items() if set(ends) == set(QUANTILES.values())}
    count = Counter(year for _, year in whole)
    year = max(count, key=lambda year: (count[year], year), default=0)
    values = {
        area: Value(ends["median"], ends["low"], ends["high"]) for (area, at), ends in whole.items() if at == year
    }
    facts = dict(zip(SERIES, series, strict=True))
    words = facts["target"].removesuffix(" rate").split()
    key = "_".join([*words, facts["group"]])
    return Measure("forecast", key, facts["standard"], year, facts["model_id"], values)


def legend(values: Iterable[float]) -> list[float]:
    """Return the limits between the classes of a map: each class has about as many provinces as the others.

    Parameters
    ----------
    values : iterable of float
        Percent.

    Returns
    -------
    list of float
        At most ``SHADES - 1`` limits, rounded to a tenth of a point, rising; a value on a limit is in the class above.

    Examples
    --------
    >>> legend([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), legend([2.0, 2.0]), legend([])
    ([2.0, 3.0, 4.0, 5.0], [], [])
    """
    ordered = sorted(values)
    if not ordered:
        return []
    limits = {round(ordered[len(ordered) * step // SHADES], 1) for step in range(1, SHADES)}
    return sorted(limit for limit in limits if limit > ordered[0])


def shade(value: float, limits: Iterable[float]) -> int:
    """Return the class of a rate, from 1.

    Parameters
    ----------
    value : float
        Percent.
    limits : iterable of float
        What `legend` gives.

    Returns
    -------
    int
        1 for the lowest class.

    Examples
    --------
    >>> shade(1.9, [2.0, 3.0]), shade(2.0, [2.0, 3.0]), shade(9.0, [2.0, 3.0])
    (1, 2, 3)
    """
    return 1 + sum(value >= limit for limit in limits)


def layout(vintage: str) -> list[Tile]:
    """Return the tiles of a map from north to south.

    Parameters
    ----------
    vintage : str
        ``63`` or ``34``.

    Returns
    -------
    list of Tile
        One for each province.
    """
    from povstudy.areas import tile_layout

    table = tile_layout(vintage)
    cells = zip(table["row"], table["column"], table["area"], strict=True)
    return [Tile(str(area), int(row) + 1, int(column) + 1) for row, column, area in sorted(cells)]


def series_words(measure: Measure, lang: str) -> str:
    """Return the name of a measure's series; a key that has no words stays as it is.

    Parameters
    ----------
    measure : Measure
        A map.
    lang : str
        Language.

    Returns
    -------
    str
        Plain text.
    """
    key = f"series.{measure.series}"
    return wording.text_of(key, lang) if key in wording.catalogue() else measure.series

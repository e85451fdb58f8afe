"""Which series of an area can be forecast today, and their forecasts: the territory now, and its parts.

An area may have a survey rate, a review rate of poor households, one of poor and near-poor households, and the
same for its ethnic minorities.  Each is a concept of its own, on a standard of its own, with a forecast of its
own; nothing is joined across them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from povstudy.areas import parts_of, vintage_of
from povstudy.errors import NotAvailableError
from povstudy.projection.choice import course_of
from povstudy.projection.forecast import forecast
from povstudy.projection.methods import method_of, situation_of
from povstudy.projection.result import Forecast
from povstudy.projection.series import rate_series
from povstudy.projection.spell import CLIP
from povstudy.sources import rate_panel, weighted_mean
from povstudy.standards import standard_of_series

__all__ = ["COUNTRY", "Outlook", "of_territory", "outlook_of_panel", "outlooks", "panel_of_series"]

COUNTRY = "vn"
MINORITIES = "ethnic_minority"
SERIES = (("all", "poor"), ("all", "poor_near_poor"), (MINORITIES, "poor"))
"""Group and concept of the series that are forecast; the order is that of the report."""
CONCEPTS = tuple(dict.fromkeys(concept for _, concept in SERIES))
UNWEIGHTED = "equal"
"""How `rate_panel` says that no one weight is known: such parts are never added up."""


@dataclass(frozen=True)
class Outlook:
    """One series of one territory, with its forecast.

    Attributes
    ----------
    key : str
        ``<family>_<concept>_<group>``: unique within a territory, fit for a name in numbers.json.
    area, group, concept, family, standard : str
    observed : DataFrame
        ``area, year, value, std_error, standard``: what was published, one row a year; for a territory made of
        parts the weighted mean of the parts, in the years in which every part has a figure.
    panel : DataFrame
        What the forecast was made from: the area, its siblings and its parent.
    forecast : Forecast
        Of this territory alone.
    parts : tuple of str
        The areas that were added up, empty if the figure is the territory's own.
    context : bool
        The series is not of this territory; it stands beside it because the territory has none.
    rule : str
        Why the method was used, in the words of `forecast`.
    """

    key: str
    area: str
    group: str
    concept: str
    family: str
    standard: str
    observed: pd.DataFrame
    panel: pd.DataFrame
    forecast: Forecast
    parts: tuple[str, ...] = ()
    context: bool = False
    rule: str = ""

    @property
    def last(self) -> pd.Series:
        """The newest observed figure."""
        return self.observed.iloc[-1]

    def under(self, methods: Iterable[str]) -> pd.Series:
        """Return the path's rate in the last year under other rules; missing where a rule needs what is not there.

        Parameters
        ----------
        methods : iterable of str
            Of `METHODS`.

        Returns
        -------
        Series of float
            Percent, by method.
        """
        parts = self.parts or (self.area,)
        horizon = int(self.forecast.table["horizon"].max())
        situation = situation_of(rate_series(self.panel))
        rows = [situation.series.areas.index(part) for part in parts]
        # The paths of the parts, weighted: a sum of wide draws has another median than its parts.
        weights = _newest(self.panel)["weight"][list(parts)] if len(parts) > 1 else [1.0]
        found = {}
        for method in methods:
            ends = np.clip(course_of(situation, horizon, method_of(method)).rates[rows, -1], *CLIP)
            found[method] = np.nan if np.isnan(ends).any() else weighted_mean(ends, weights)
        return pd.Series(found, name="median", dtype=float)

    @property
    def method(self) -> str:
        """The method that the forecast used for this territory."""
        return str(self.forecast.table["method"].iloc[0])


def _usable(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the preferred figures that may be forecast."""
    return rates[rates["preferred"] & rates["confidence"].ne("low")]


def _newest_standard(rows: pd.DataFrame) -> str:
    """Return the standard of the newest figure; the later law, then the longer series, where years are equal."""
    years: dict[tuple[str, str], set[int]] = {}
    for standard, law, year in zip(rows["standard"], rows["law"], rows["year"], strict=True):
        years.setdefault((standard, law), set()).add(year)
    return max(years, key=lambda series: (max(years[series]), series[1], len(years[series]), series[0]))[0]


def _still_in_force(rows: pd.DataFrame, standard: str, newest_year: int) -> bool:
    """Tell whether a series stands on the law of the newest figures (a user's own label always does)."""
    law = rows.loc[rows["standard"].eq(standard), "law"].iloc[0]
    return law == "" or standard_of_series(standard).valid_to.year >= newest_year


def _common_year(rows: pd.DataFrame, parts: tuple[str, ...]) -> int:
    """Return the newest year in which every part has a figure, 0 if there is none."""
    counts = rows[rows["area"].isin(parts)].groupby("year")["area"].nunique()
    shared = counts.index[counts.eq(len(parts))]
    return int(shared.max()) if len(shared) else 0


def _observed(panel: pd.DataFrame, parts: tuple[str, ...], area: str) -> pd.DataFrame:
    """Return the published figures of a territory, or the weighted mean of its parts year by year."""
    columns = ["area", "year", "value", "std_error", "standard"]
    if parts == (area,):
        return panel.loc[panel["area"].eq(area), columns].sort_values("year", ignore_index=True)
    rows = panel[panel["area"].isin(parts)]
    found = []
    for year, own in rows.groupby("year"):
        if set(own["area"]) != set(parts):
            continue
        share = own["weight"].to_numpy(float) / own["weight"].sum()
        error = float(np.sqrt(np.sum((share * own["std_error"].to_numpy(float)) ** 2)))
        value = weighted_mean(own["value"], own["weight"])
        found.append((area, int(year), value, error, own["standard"].iloc[0]))
    return pd.DataFrame(found, columns=columns)


def _outlook(
    rates: pd.DataFrame,
    *,
    area: str,
    parts: tuple[str, ...],
    group: str,
    concept: str,
    family: str,
    standard: str,
    end_year: int,
    method: str,
    seed: int,
    draws: int,
    context: bool = False,
) -> Outlook | None:
    """Make the panel of one series and forecast the territory from it; None if its parts have no weights."""
    panel = panel_of_series(rates, parts, standard, group, concept, family)
    own = panel[panel["area"].isin(parts)]
    origin = _common_year(own, parts)
    if len(parts) > 1:
        # Parts are added up in the newest year that all of them have.
        panel = panel[~panel["area"].isin(parts) | panel["year"].le(origin)]
    horizon = max(end_year - origin, 1)
    if len(parts) > 1 and str(panel.attrs["weight"]).startswith(UNWEIGHTED):
        return None
    made = forecast(panel, horizon=horizon, method=method, seed=seed, draws=draws)
    rule = _rule_of(made, parts)
    made = of_territory(made, panel, area, parts)
    return Outlook(
        key=f"{family}_{concept}_{group}",
        area=area,
        group=group,
        concept=concept,
        family=family,
        standard=standard,
        observed=_observed(panel, parts, area),
        panel=panel,
        forecast=made,
        parts=parts if parts != (area,) else (),
        context=context,
        rule=rule,
    )


def _newest(panel: pd.DataFrame) -> pd.DataFrame:
    """Return the newest row of each area, by area."""
    return panel.sort_values("year").drop_duplicates("area", keep="last").set_index("area")


def of_territory(made: Forecast, panel: pd.DataFrame, area: str, parts: tuple[str, ...]) -> Forecast:
    """Return the forecast of a territory alone: one of the areas, or the joint draws of its parts by weight.

    Parameters
    ----------
    made : Forecast
        Of a panel's areas.
    panel : DataFrame
        With ``weight``, where there are parts.
    area : str
        Id of the territory.
    parts : tuple of str
        The areas that make it up; itself if it is one of them.

    Returns
    -------
    Forecast
    """
    if parts == (area,):
        return _only(made, area)
    newest = _newest(panel)
    return made.aggregate(parts, [float(newest.at[part, "weight"]) for part in parts], name=area)


def _only(made: Forecast, area: str) -> Forecast:
    """Return the forecast of one of its areas."""
    row = made.areas.index(area)
    return replace(
        made,
        table=made.table[made.table["area"].eq(area)].reset_index(drop=True),
        draws=made.draws[:, [row]],
        areas=(area,),
        origin_years=made.origin_years[[row]],
        reason=_rule_of(made, (area,)),
    )


def _rule_of(made: Forecast, parts: tuple[str, ...]) -> str:
    """Return the reasons that a forecast gives for its parts, each once."""
    return "; ".join(dict.fromkeys(made.table.loc[made.table["area"].isin(parts), "rule"]))


def panel_of_series(
    rates: pd.DataFrame,
    parts: tuple[str, ...],
    standard: str,
    group: str,
    concept: str,
    family: str,
    *,
    min_confidence: str = "medium",
) -> pd.DataFrame:
    """Return the panel that a series is forecast from: siblings where they were measured, and the nation.

    Survey rates: all areas of the same level, the published nation as parent.  A review: the area alone, the
    nation's review as parent; for ethnic minorities NSO's national minority series of the same law.
    """
    level = str(rates.loc[rates["area"].eq(parts[0]), "level"].iloc[0])
    if family == "review" or group != "all":
        parent_standard = standard
        if group == MINORITIES:
            law = standard_of_series(standard).id
            national = _usable(rates)
            national = national[
                national["area"].eq(COUNTRY)
                & national["group"].eq(group)
                & national["concept"].eq("poor")
                & national["law"].eq(law)
            ]
            parent_standard = str(national["standard"].iloc[0]) if len(national) else standard
        return rate_panel(
            rates,
            standard=standard,
            group=group,
            concept=concept,
            areas=parts,
            parent=None if parts == (COUNTRY,) else COUNTRY,
            parent_standard=parent_standard,
            min_confidence=min_confidence,
        )
    if family == "user":
        panel = rate_panel(
            rates,
            standard=standard,
            group=group,
            concept=concept,
            level=level,
            vintage=None,
            parent=None,
            min_confidence=min_confidence,
        )
        return _led_by_none(panel, parts[0])
    return rate_panel(
        rates,
        standard=standard,
        group=group,
        concept=concept,
        areas=(COUNTRY,) if level == "country" else None,
        level=level,
        vintage=vintage_of(parts[0]) or "",
        parent=None if level == "country" else COUNTRY,
        min_confidence=min_confidence,
    )


def _led_by_none(panel: pd.DataFrame, area: str) -> pd.DataFrame:
    """Return an area that leads others as a series of its own; other panels as they are."""
    if "parent" not in panel or area not in set(panel["parent"].dropna()):
        return panel
    return panel[panel["area"].eq(area)].assign(parent=None).reset_index(drop=True)


def _series_of(rates: pd.DataFrame, parts: tuple[str, ...], newest_year: int) -> list[tuple[str, str, str, str]]:
    """Return family, concept, group and standard of each series that every part has, surveys first."""
    series = dict(tuple(_usable(rates[rates["area"].isin(parts)]).groupby(["family", "group", "concept"])))
    found = []
    for family in ("survey", "user", "review"):
        for group, concept in SERIES:
            own = series.get((family, group, concept))
            if own is None:
                continue
            standard = _newest_standard(own)
            if not _still_in_force(own, standard, newest_year):
                continue
            if _common_year(own[own["standard"].eq(standard)], parts):
                found.append((family, concept, group, standard))
    return found


def outlooks(
    rates: pd.DataFrame,
    area: str,
    *,
    horizon: int,
    method: str = "default",
    seed: int = 0,
    draws: int = 2000,
    beside: Iterable[str] = (),
) -> tuple[Outlook, ...]:
    """Forecast every series that an area has on the standard in force.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    area : str
        Id.  One of the 34 provinces without figures of its own is the joint forecast of its parts.
    horizon : int
        Years ahead of the area's newest figure; series that end earlier are forecast to the same year.
    method, seed, draws
        As in `forecast`.
    beside : iterable of str
        Further areas whose series stand beside, for instance the old territory whose plan it was.

    Returns
    -------
    tuple of Outlook
        The area's own series first.  Where it has none for ethnic minorities, the nation's stands as context.

    Raises
    ------
    NotAvailableError
        The area has no figure that can be forecast.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> found = outlooks(load("rates"), "vn34-91", horizon=1, beside=["vn63-89"])
    >>> [o.key for o in found if o.area == "vn63-89"][:2]
    ['survey_poor_all', 'review_poor_all']
    """
    usable = _usable(rates)
    found: list[Outlook | None] = []
    own_rows = usable[usable["area"].eq(area) & usable["concept"].isin(CONCEPTS)]
    own_parts = parts_of(area) if vintage_of(area) == "34" and own_rows.empty else (area,)
    newest = usable[usable["area"].isin(own_parts) & usable["concept"].isin(CONCEPTS)]
    if newest.empty:
        raise NotAvailableError(
            f"there is no figure for {area} that can be forecast: the rates hold none of medium or high confidence "
            "for it or for its parts"
        )
    newest_year = int(newest["year"].max())
    data_year = int(usable["year"].max())
    end_year = newest_year + horizon
    options = {"end_year": end_year, "method": method, "seed": seed, "draws": draws}
    for territory in dict.fromkeys([area, *beside]):
        parts = own_parts if territory == area else (territory,)
        for family, concept, group, standard in _series_of(rates, parts, data_year):
            series = {"group": group, "concept": concept, "family": family, "standard": standard}
            found.append(_outlook(rates, area=territory, parts=parts, **series, **options))
    found = [outlook for outlook in found if outlook is not None]
    if not found:
        raise NotAvailableError(
            f"the figures for {area} stand on standards no longer in force in {data_year}: nothing to forecast"
        )
    vietnamese = all(o.family != "user" for o in found)
    if vietnamese and not any(o.group == MINORITIES and o.area in (area, *beside) for o in found):
        for family, concept, group, standard in _series_of(rates, (COUNTRY,), data_year):
            if group == MINORITIES:
                series = {"group": group, "concept": concept, "family": family, "standard": standard}
                found.append(_outlook(rates, area=COUNTRY, parts=(COUNTRY,), **series, **options, context=True))
    return tuple(found)


def outlook_of_panel(
    panel: pd.DataFrame, area: str, *, horizon: int, method: str = "default", seed: int = 0, draws: int = 2000
) -> Outlook:
    """Forecast one area of a user's own panel.

    Parameters
    ----------
    panel : DataFrame
        As `read_panel` gives it: one standard, any areas.
    area : str
        One of its areas.
    horizon, method, seed, draws
        As in `outlooks`.

    Returns
    -------
    Outlook
        Family ``"user"``.
    """
    own = panel[panel["area"].eq(area)].sort_values("year")
    if own.empty:
        raise NotAvailableError(f"the file has no figure for {area[:80]!r}")
    panel = _led_by_none(panel, area)
    made = _only(forecast(panel, horizon=horizon, method=method, seed=seed, draws=draws), area)
    columns = ["area", "year", "value", "std_error", "standard"]
    observed = own.reindex(columns=columns).assign(
        std_error=lambda rows: rows["std_error"].astype(float), standard=made.standard
    )
    return Outlook(
        key="user_poor_all",
        area=area,
        group="all",
        concept="poor",
        family="user",
        standard=made.standard,
        observed=observed.reset_index(drop=True),
        panel=panel,
        forecast=made,
        rule=made.reason,
    )

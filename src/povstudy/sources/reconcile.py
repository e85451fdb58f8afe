"""Whether the parts add up to the published whole, and whether a series is smoother than life."""

from __future__ import annotations

import pandas as pd

from povstudy.errors import DataError
from povstudy.sources.ids import COUNTRY
from povstudy.sources.panel import combine_rates, weighted_mean

__all__ = ["newest_rates", "reconciliation", "yearly_falls"]

COLUMNS = ("standard", "year", "whole", "areas", "published", "weighted", "unweighted", "ratio")


def _complete(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the preferred survey rates of poor households, all groups together."""
    return rates[
        rates["preferred"] & rates["family"].eq("survey") & rates["group"].eq("all") & rates["concept"].eq("poor")
    ]


def reconciliation(rates: pd.DataFrame, areas: pd.DataFrame, *, vintage: str = "63") -> pd.DataFrame:
    """Return provinces weighted by population against the published figure of their region and of the nation.

    Parameters
    ----------
    rates, areas : DataFrame
        ``load("rates")``, ``load("areas")``.
    vintage : str
        Which provinces.

    Returns
    -------
    DataFrame
        One row a standard, year and whole in which every province has a figure: ``standard, year, whole, areas``
        (their number), ``published``, ``weighted``, ``unweighted`` (%), ``ratio`` (weighted over published).
        Newest year of each standard first; standards in their order of first year.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> table = reconciliation(load("rates"), load("areas"))
    >>> row = table[(table["whole"] == "vn") & (table["year"] == 2022)].iloc[0]
    >>> [round(float(row[name]), 2) for name in ("weighted", "published", "unweighted")]
    [4.5, 4.19, 6.94]
    """
    rows = _complete(rates)
    provinces = areas[areas["level"].eq("province") & areas["vintage"].eq(vintage)].set_index("area")
    found = []
    for (standard, year), own in rows.groupby(["standard", "year"]):
        known = own.set_index("area")
        wholes = {COUNTRY: list(provinces.index)}
        wholes |= {region: list(members.index) for region, members in provinces.groupby("region")}
        for whole, members in wholes.items():
            if whole not in known.index or not set(members) <= set(known.index):
                continue
            parts = known.loc[members]
            if parts["weight"].isna().any():
                continue
            published = float(known.at[whole, "value"])
            weighted = weighted_mean(parts["value"], parts["weight"])
            mean = float(parts["value"].mean())
            found.append((standard, int(year), whole, len(members), published, weighted, mean, weighted / published))
    table = pd.DataFrame(found, columns=list(COLUMNS))
    table["order"] = table["standard"].map(table.groupby("standard")["year"].min())
    return (
        table.sort_values(["order", "year", "whole"], ascending=[True, False, True], kind="stable")
        .drop(columns="order")
        .reset_index(drop=True)
    )


def newest_rates(rates: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """Return the rate of every province of both vintages in the newest year that can be forecast from.

    A province of the 34 has the rates of its parts weighted by population: nobody publishes them for that year.

    Parameters
    ----------
    rates, areas : DataFrame
        ``load("rates")``, ``load("areas")``.

    Returns
    -------
    DataFrame
        ``area, vintage, standard, year, value`` (%), the 63 before the 34.

    Raises
    ------
    DataError
        If no province has a preferred survey rate of high or medium confidence.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> table = newest_rates(load("rates"), load("areas")).set_index("area")
    >>> len(table), int(table.loc["vn34-91", "year"]), round(float(table.loc["vn34-91", "value"]), 2)
    (97, 2024, 2.39)
    """
    provinces = areas[areas["level"].eq("province") & areas["vintage"].isin(["63", "34"])]
    rows = _complete(rates)
    rows = rows[rows["area"].isin(provinces["area"]) & rows["confidence"].ne("low")]
    if rows.empty:
        raise DataError(
            "No province has a preferred survey rate of poor households of high or medium confidence; "
            "newest_rates needs one. Check data/raw with `povstudy build`."
        )
    newest = rows.loc[rows["year"].idxmax()]
    standard, year = newest["standard"], int(newest["year"])
    rows = rows[rows["standard"].eq(standard) & rows["year"].eq(year)]
    known = rows.set_index("area")["value"]
    values = dict(known)
    for area, parts in provinces.loc[provinces["vintage"].eq("34"), ["area", "parts"]].itertuples(index=False):
        if set(parts.split()) <= set(known.index):
            values[area] = combine_rates(rows, parts.split(), year=year, standard=standard)
    table = provinces[["area", "vintage"]].sort_values("vintage", ascending=False, kind="stable")
    table = table.assign(standard=standard, year=year, value=table["area"].map(values))
    return table.reset_index(drop=True)


def yearly_falls(rates: pd.DataFrame, standard: str, *, level: str = "province") -> dict[str, int]:
    """Count the areas whose rate fell in every single year of a series.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    standard : str
        Series label.
    level : str
        Level of the areas.

    Returns
    -------
    dict
        ``areas``: those with figures in three consecutive years or more; ``always``: those that fell every time.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> yearly_falls(load("rates"), "nso-mdp-2016-2020")
    {'areas': 63, 'always': 61}
    """
    rows = _complete(rates)
    rows = rows[rows["standard"].eq(standard) & rows["level"].eq(level) & rows["confidence"].ne("low")]
    wide = rows.pivot_table(index="area", columns="year", values="value")
    runs = wide[wide.notna().sum(axis=1).ge(3)]
    steps = runs.diff(axis=1)
    return {"areas": len(runs), "always": int((steps.lt(0) | steps.isna()).all(axis=1).sum())}

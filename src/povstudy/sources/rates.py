"""Raw figures to tidy tables: one row a rate, with its series, its reading and what speaks against it.

Decisions are data: ``readings.csv`` says for each figure whose source leaves the year or the group open, or
which another figure is better than, how it was read and why.  A figure whose year or standard cannot be told
belongs to no series: it stays in the reviews with the reason, and out of the rates.  The preferred one of
several figures for the same thing is, in this order: not set aside by ``readings.csv``; of higher confidence;
first in the files.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.sources.ids import COUNTRY
from povstudy.tables import CONFIDENCE

__all__ = [
    "ASSUMED_DEFF",
    "ASSUMED_N_COUNTRY",
    "ASSUMED_N_PROVINCE",
    "RATE_COLUMNS",
    "assumed_std_error",
    "covariates_table",
    "implied_share",
    "rates_table",
    "read_reviews",
]

ASSUMED_N_PROVINCE = 746
"""ASSUMED households of NSO's survey in one province: about 47,000 spread evenly over 63."""

ASSUMED_N_COUNTRY = 47_000
"""ASSUMED households of NSO's survey in one year."""

ASSUMED_DEFF = 1.5
"""ASSUMED design effect of NSO's survey."""

KEY = ("area", "year", "group", "concept", "standard")
"""At most one row of each is preferred."""

RATE_COLUMNS = (
    "area",
    "area_name",
    "level",
    "vintage",
    "year",
    "group",
    "concept",
    "family",
    "standard",
    "law",
    "value",
    "unit",
    "std_error",
    "std_error_status",
    "source_id",
    "confidence",
    "note",
    "file",
    "preferred",
    "preferred_reason",
    "weight",
    "weight_basis",
    "parent",
)

_CONCEPT = {
    "poverty_rate_multidimensional": "poor",
    "poverty_rate_monetary": "poor",
    "poverty_rate_expenditure": "expenditure_poor",
    "poor_household_rate": "poor",
    "near_poor_household_rate": "near_poor",
    "md_poor_and_near_poor_household_rate": "poor_near_poor",
    "poor_household_rate_income_poor": "income_poor",
    "mpi_gso_undp_rate": "mpi",
    "poor_rate_pct": "poor",
    "near_poor_rate_pct": "near_poor",
    "multidim_poverty_rate_pct": "poor_near_poor",
}

_GROUP = {
    "ethnic: Kinh & Hoa": "kinh_hoa",
    "ethnic: other groups": "ethnic_minority",
    "ethnic_minority_khmer": "khmer",
    "ethnic_minority_cham": "cham",
    "rural_ntm_communes": "rural_ntm",
}

_SERIES = {
    "GSO-UNDP multidimensional poverty rate (MPI report)": "gso-undp-mpi",
    "NSO minimum living standard": "",
    "not stated in source (2006-2010 income standard, QĐ 170/2005, presumed)": "review-income-2006-2010",
    "2011-2015 (income)": "review-income-2011-2015",
    "2016-2020 (multidimensional)": "review-mdp-2016-2020",
    "2022-2025 (multidimensional, NĐ 07/2021)": "review-mdp-2022-2025",
    "not stated": "",
    "n/a": "",
    "mixed": "",
}

_EXPENDITURE = "gso-wb-expenditure"
_COUNTS = {
    "households": "households_total",
    "population": "population_persons",
    "poor_households": "poor_households",
    "near_poor_households": "near_poor_households",
    "poor_plus_near_poor_households": "poor_and_near_poor_households",
    "poor_persons": "poor_persons",
    "income_per_capita_mVND": "income_per_capita_yearly",
}
_READING_KEY = [
    "file",
    "source_id",
    "area_code",
    "area_name",
    "period",
    "population_group",
    "indicator",
    "value",
]


def assumed_std_error(rate, *, n=ASSUMED_N_PROVINCE, deff=ASSUMED_DEFF):
    """Return the sampling error of a survey rate under an ASSUMED design.

    SE = 100 sqrt(p (1 - p) deff / n),  p = rate / 100.

    Parameters
    ----------
    rate : array-like, shape (m,) or float
        Rates in percent.
    n : array-like or float
        Households in the sample.
    deff : float
        Design effect.

    Returns
    -------
    ndarray, shape (m,), or float
        Percentage points.

    Examples
    --------
    >>> round(float(assumed_std_error(4.64)), 3)
    0.943
    """
    p = np.asarray(rate, dtype=float) / 100
    return 100 * np.sqrt(p * (1 - p) * deff / np.asarray(n, dtype=float))


def implied_share(total, part, rest):
    """Return the share of a group that its rate, the rate of the rest and the rate of all imply.

    share = (total - rest) / (part - rest)

    Examples
    --------
    >>> round(implied_share(4.19, 23.71, 1.98), 3)
    0.102
    """
    return (total - rest) / (part - rest)


def law_of(series: str) -> str:
    """Return the id of the legal standard of a series, ``""`` where none applies.

    Examples
    --------
    >>> law_of("a user's own standard")
    ''
    """
    from povstudy.standards import standard_of_series

    standard = standard_of_series(series)
    return "" if standard.kind == "user" else standard.id


def read_reviews(reviews: pd.DataFrame, readings: pd.DataFrame, file: str) -> pd.DataFrame:
    """Return raw figures with the year and group that they are read as.

    Parameters
    ----------
    reviews : DataFrame
        Raw figures with ``period`` and ``value_text`` (the value as it stands in the file).
    readings : DataFrame
        ``readings.csv``.
    file : str
        Name of the raw file.

    Returns
    -------
    DataFrame
        Same rows, in the same order, with ``year`` (Int64), ``group``, ``use`` and ``reason``.

    Raises
    ------
    DataError
        If a reading fits no figure, or if a rate whose period is no plain year has no reading.
    """
    own = readings[readings["file"] == file].rename(columns={"value": "value_text"})
    key = [name if name != "value" else "value_text" for name in _READING_KEY]
    out = reviews.assign(file=file).merge(own, on=key, how="left", validate="many_to_one", indicator="read")
    lost = own.merge(reviews.assign(file=file), on=key, how="left", indicator="fits").query("fits == 'left_only'")
    plain = out["period"].str.fullmatch(r"\d{4}")
    known = out["read"] == "both"
    year = pd.to_numeric(out["period"].where(plain), errors="coerce").astype("Int64")
    out["year"] = year.where(~known, out["read_year"]).astype("Int64")
    group = out["population_group"].replace(_GROUP)
    out["group"] = group.where(~known | (out["read_group"].fillna("") == ""), out["read_group"])
    out["use"] = out["use"].where(known, "rate")
    out["reason"] = out["reason"].where(known, "")
    open_rates = out[out["indicator"].isin(list(_CONCEPT)) & ~plain & ~known]
    faults = [f"  no figure fits the reading of {r.area_name}, {r.period}, {r.value_text}" for r in lost.itertuples()]
    faults += [
        f"  {r.area_name}, {r.period}, {r.value_text}: the period is no plain year and there is no reading for it"
        for r in open_rates.itertuples()
    ]
    if faults:
        raise DataError(
            f"data/raw/readings.csv does not fit {file}:\n" + "\n".join(faults) + "\n"
            "Write one line in readings.csv for each such figure, with its cells as they stand in the file."
        )
    return out.drop(columns=["read", "read_year", "read_group"])


def _series(figures: pd.DataFrame) -> pd.Series:
    return figures["standard"].map(lambda text: _SERIES.get(text, text))


def why_not(figures: pd.DataFrame) -> pd.Series:
    """Return for each figure why it is no row of the rates, ``""`` where it is one."""
    reason = pd.Series("", index=figures.index)
    reason[_series(figures) == ""] = "The standard is not stated, so it belongs to no series."
    unread = (figures["use"] == "none") & (figures["reason"] != "")
    reason = reason.where(~unread, figures["reason"])
    return reason.where(figures["indicator"].isin(list(_CONCEPT)), "Not a rate.")


def as_rates(figures: pd.DataFrame) -> pd.DataFrame:
    """Return the rates among raw figures in the columns of the rates table, as far as the figures tell."""
    rows = figures[why_not(figures) == ""].copy()
    series = _series(rows)
    concept = rows["indicator"].map(_CONCEPT).where(series != _EXPENDITURE, "expenditure_poor")
    read_as = rows["population_group"].replace(_GROUP)
    reading = rows["reason"].where(rows["use"] == "rate", "")
    note = (rows["note"] + " " + reading).str.strip()
    regrouped = read_as != rows["group"]
    note = note.where(~regrouped, note + " The file says " + read_as + ", read as " + rows["group"] + ".")
    return pd.DataFrame(
        {
            "area": rows["area"],
            "year": rows["year"].astype("int64"),
            "group": rows["group"],
            "concept": concept,
            "family": series.str.startswith("review-").map({True: "review", False: "survey"}),
            "standard": series,
            "value": rows["value"],
            "unit": "%",
            "source_id": rows["source_id"],
            "confidence": rows["confidence"],
            "note": note,
            "file": "data/raw/" + rows["file"],
            "set_aside": rows["reason"].where(rows["use"] == "second", ""),
        }
    )


def derived_sums(rates: pd.DataFrame) -> pd.DataFrame:
    """Return poor + near-poor where one source gives both and none publishes the sum; labelled as derived.

    Parameters
    ----------
    rates : DataFrame
        Rows of :func:`as_rates`.

    Returns
    -------
    DataFrame
        Rows of concept ``poor_near_poor``; the lower confidence of the two; the sum has the decimals of its
        parts.
    """
    same = ["area", "year", "group", "family", "standard", "source_id", "file"]
    usable = rates[rates["set_aside"] == ""]
    poor = usable[usable["concept"] == "poor"]
    near = usable[usable["concept"] == "near_poor"]
    both = poor.merge(near, on=same, suffixes=("", "_near"), validate="one_to_one")
    have = usable.loc[usable["concept"] == "poor_near_poor", list(KEY)]
    both = both.assign(concept="poor_near_poor").merge(have, on=list(KEY), how="left", indicator="published")
    both = both[both["published"] == "left_only"]
    rank = {name: i for i, name in enumerate(CONFIDENCE)}
    lower = [max(a, b, key=rank.get) for a, b in zip(both["confidence"], both["confidence_near"], strict=True)]
    terms = [f"{a:g} poor + {b:g} near-poor" for a, b in zip(both["value"], both["value_near"], strict=True)]
    return both.assign(
        value=(both["value"] + both["value_near"]).round(2),
        confidence=lower,
        note=[f"derived: {text}, both of this source; the sum itself is not published." for text in terms],
    )[list(rates.columns)]


def with_preference(rows: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    """Return rows with ``preferred`` and ``preferred_reason`` in place of ``set_aside``.

    Parameters
    ----------
    rows : DataFrame
        With the columns of ``key``, ``value``, ``confidence``, ``source_id`` and ``set_aside`` (why not, or
        "").
    key : tuple of str
        At most one row of each is preferred.

    Returns
    -------
    DataFrame
        Same rows in the same order.
    """
    rank = rows["confidence"].map({name: i for i, name in enumerate(CONFIDENCE)})
    order = rows.assign(rank=rank, aside=rows["set_aside"] != "").sort_values(["aside", "rank"], kind="stable")
    best = order.drop_duplicates(list(key))
    first = rows[list(key)].merge(
        best[[*key, "value", "source_id", "aside"]], on=list(key), how="left", suffixes=("", "_best")
    )
    first.index = rows.index
    repeats = rows["value"] == first["value"]
    reason = np.where(
        repeats,
        "Repeats the figure of " + first["source_id"] + ".",
        "Conflicts with the figure of " + first["source_id"] + ", which is more reliable or comes first.",
    )
    chosen = rows.index.isin(best.index[~best["aside"]])
    out = rows.assign(
        preferred=chosen,
        preferred_reason=np.where(chosen, "", np.where(rows["set_aside"] != "", rows["set_aside"], reason)),
    )
    return out.drop(columns="set_aside")


def assumed_sample(rates: pd.DataFrame, areas: pd.DataFrame) -> pd.Series:
    """Return the ASSUMED number of households behind each survey rate, missing where nothing can be said.

    A province has :data:`ASSUMED_N_PROVINCE`, a region as many for each of its provinces, the country
    :data:`ASSUMED_N_COUNTRY`; a group of the country its implied share of that (:func:`implied_share`).

    Parameters
    ----------
    rates : DataFrame
        With ``area, level, year, group, concept, standard, value, preferred``.
    areas : DataFrame
        The table of areas.

    Returns
    -------
    Series of float, shape (n,)
    """
    in_region = areas[areas["vintage"].eq("63") & areas["level"].eq("province")].groupby("region").size()
    n = rates["area"].map(in_region * ASSUMED_N_PROVINCE).astype("float64")
    n = n.mask(rates["level"].eq("province"), ASSUMED_N_PROVINCE).mask(rates["area"].eq(COUNTRY), ASSUMED_N_COUNTRY)
    pairs = {"ethnic_minority": "kinh_hoa", "kinh_hoa": "ethnic_minority", "rural": "urban", "urban": "rural"}
    best = rates[rates["preferred"] & rates["area"].eq(COUNTRY)]
    value = best.set_index(["group", "year", "concept", "standard"])["value"]
    for row in rates[rates["family"].eq("survey") & rates["group"].ne("all")].itertuples():
        same = (row.year, row.concept, row.standard)
        rest = value.get((pairs.get(row.group, ""), *same))
        total = value.get(("all", *same))
        known = row.area == COUNTRY and rest is not None and total is not None and row.value != rest
        share = implied_share(total, row.value, rest) if known else np.nan
        n[row.Index] = share * ASSUMED_N_COUNTRY if 0 < share < 1 else np.nan
    return n.where(rates["family"].eq("survey"))


def with_std_error(rates: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """Return rates with ``std_error`` and its status; none for a review, which counts every household."""
    n = assumed_sample(rates, areas)
    error = pd.Series(assumed_std_error(rates["value"], n=n), index=rates.index)
    return rates.assign(std_error=error, std_error_status=np.where(error.notna(), "ASSUMED", ""))


def with_weight(rates: pd.DataFrame, covariates: pd.DataFrame) -> pd.DataFrame:
    """Return rates with a weight: population, else households, of the nearest known year.

    Parameters
    ----------
    rates, covariates : DataFrame
        The tables; a group other than all takes a weight of its own group only.

    Returns
    -------
    DataFrame
        Same rows; the weight is missing where no population and no count of households is known.
    """
    bases = {"population_average": "population, thousand persons", "households_total": "households"}
    known = covariates[covariates["indicator"].isin(list(bases)) & covariates["preferred"]]
    known = known[known["confidence"] != "low"]
    tables = {
        (indicator, *key): part.set_index("year")["value"].sort_index()
        for (indicator, *key), part in known.groupby(["indicator", "area", "group"])
    }

    def weigh(area: str, group: str, year: int) -> tuple[float, str]:
        for indicator, basis in bases.items():
            series = tables.get((indicator, area, group))
            if series is not None:
                nearest = min(series.index, key=lambda y: (abs(y - year), y))
                return float(series[nearest]), basis
        return np.nan, ""

    found = [weigh(*row) for row in rates[["area", "group", "year"]].itertuples(index=False, name=None)]
    return rates.assign(weight=[w for w, _ in found], weight_basis=[basis for _, basis in found])


def covariates_table(panel: pd.DataFrame, reviews: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """Return income, population, output, labour, inequality, living standard and counts.

    Parameters
    ----------
    panel, reviews : DataFrame
        Read raw figures.
    areas : DataFrame
        The table of areas.

    Returns
    -------
    DataFrame
        ``area, area_name, level, vintage, year, group, indicator, value, unit, standard, source_id,
        confidence, note, file, preferred, preferred_reason``.
    """
    counts = reviews[reviews["indicator"].isin(list(_COUNTS))].assign(
        indicator=lambda rows: rows["indicator"].map(_COUNTS)
    )
    rows = pd.concat([panel[~panel["indicator"].isin(list(_CONCEPT))], counts], ignore_index=True)
    rows = rows[rows["year"].notna()].reset_index(drop=True)
    label = rows["standard"].map(lambda text: _SERIES.get(text, text))
    table = pd.DataFrame(
        {
            "area": rows["area"],
            "year": rows["year"].astype("int64"),
            "group": rows["group"],
            "indicator": rows["indicator"],
            "value": rows["value"],
            "unit": rows["unit"],
            "standard": label,
            "source_id": rows["source_id"],
            "confidence": rows["confidence"],
            "note": rows["note"],
            "file": "data/raw/" + rows["file"],
            "set_aside": "",
        }
    )
    return _named(with_preference(table, ("area", "year", "group", "indicator", "standard")), areas)


def _named(rows: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the name, level and vintage of their area after ``area``."""
    facts = areas.set_index("area")
    out = rows.copy()
    for position, (column, source) in enumerate({"area_name": "name", "level": "level", "vintage": "vintage"}.items()):
        out.insert(position + 1, column, out["area"].map(facts[source]))
    return out


def rates_table(
    panel: pd.DataFrame,
    reviews: pd.DataFrame,
    user: pd.DataFrame,
    areas: pd.DataFrame,
    covariates: pd.DataFrame,
) -> pd.DataFrame:
    """Return every rate, one row a figure, conflicts kept and flagged.

    Parameters
    ----------
    panel, reviews : DataFrame
        Read raw figures.
    user : DataFrame
        A user's own figures (may have no row).
    areas, covariates : DataFrame
        The other tables.

    Returns
    -------
    DataFrame
        Columns :data:`RATE_COLUMNS`, sorted by standard, concept, group, area and year.

    Raises
    ------
    DataError
        If two preferred rows stand for the same area, year, group, concept and standard.
    """
    figures = pd.concat([as_rates(panel), as_rates(reviews)], ignore_index=True)
    shipped = pd.concat([figures, derived_sums(figures)], ignore_index=True)
    shipped = with_preference(shipped, KEY)
    shipped = _named(shipped, areas)
    shipped = with_weight(with_std_error(shipped, areas), covariates)
    shipped["law"] = shipped["standard"].map({label: law_of(label) for label in shipped["standard"].unique()})
    shipped["parent"] = ""
    rows = pd.concat([shipped, user], ignore_index=True) if len(user) else shipped
    rows = rows[list(RATE_COLUMNS)].sort_values(
        ["standard", "concept", "group", "area", "year", "preferred"],
        ascending=[True, True, True, True, True, False],
        kind="stable",
        ignore_index=True,
    )
    twice = rows[rows["preferred"] & rows.duplicated([*KEY, "preferred"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise DataError(
            f"Two preferred figures for {first['area']}, {first['year']}, {first['group']}, {first['concept']} on "
            f"{first['standard']} in {first['file']}: set one aside in data/raw/readings.csv."
        )
    return rows

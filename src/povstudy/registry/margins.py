"""The published margins of An Giang that the simulated registry reproduces, each with its source.

Only households, poor and near-poor households are published by district (end-2016); for 2021 the districts have
counts of poor and near-poor minority households.  What is derived or assumed on the way is a row of its own with
the status ``derived`` or ``assumed``: it is never passed off as published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.sources import load

__all__ = ["CLASSES", "REVIEWS", "Margins", "published_margins"]

REVIEWS = {2016: "vn_2016_2020_qd59", 2021: "vn_2022_2025_nd07", 2022: "vn_2022_2025_nd07"}
"""Reviews (year at whose end they were made) that can be simulated, and the law they were made on."""
CLASSES = ("poor", "near_poor", "not_poor")
AREA = "vn63-89"
DISTRICT_YEAR = 2016
MINORITY_DISTRICT_YEAR = 2021


@dataclass(frozen=True)
class Margins:
    """Counts of households of one review.

    Attributes
    ----------
    review : int
    law : str
        Id of the standard.
    districts : tuple of str
        Names, length d.
    codes : tuple of str
        District codes, length d.
    counts : ndarray of int, shape (d, 2, 3)
        Households by district, majority or minority, and class (:data:`CLASSES`).
    table : DataFrame
        Every margin: ``district, group, concept, value, status, source_id, note``.
    """

    review: int
    law: str
    districts: tuple[str, ...]
    codes: tuple[str, ...]
    counts: np.ndarray
    table: pd.DataFrame


def published_margins(review: int = 2021) -> Margins:
    """Return the margins of An Giang (territory before the merger) for one review.

    Parameters
    ----------
    review : {2016, 2021, 2022}
        The year at whose end the review was made.

    Returns
    -------
    Margins

    Raises
    ------
    DataError
        Another review was asked for, or a published figure is no longer in the data.

    Examples
    --------
    >>> m = published_margins(2021)
    >>> int(m.counts[:, :, 0].sum()), int(m.counts[:, 1, 0].sum())
    (20074, 3969)
    """
    if review not in REVIEWS:
        raise DataError(
            f"review is {review!r}; margins are published for {', '.join(map(str, REVIEWS))} (2016 has households, "
            "poor and near-poor by district; 2021 and 2022 have the law now in force)."
        )
    book = _Book(load("reviews"), [])
    places = book.rows(DISTRICT_YEAR, "all", "households", "district")
    known = places.drop_duplicates("area_code").sort_values("area_code")
    minority_places = book.rows(
        MINORITY_DISTRICT_YEAR, "ethnic_minority", "poor_plus_near_poor_households", "district"
    ).sort_values("area_code")
    codes = tuple(minority_places["area_code"])
    names = tuple(name.split(",")[0] for name in minority_places["area_name"])
    minority_low = minority_places["value"].to_numpy(float)
    by_2016 = {
        concept: _with_remainder(book, concept, codes, names)
        for concept in ("households", "poor_households", "near_poor_households")
    }
    if len(known) + 1 != len(codes):
        raise DataError(
            f"the end-2016 review gives {len(known)} districts and the list of 2021 has {len(codes)}; exactly one is "
            "expected to follow by subtraction from the province."
        )
    counts = (
        _counts_2016(book, by_2016, minority_low)
        if review == DISTRICT_YEAR
        else _counts_later(book, review, by_2016, minority_low, codes, names)
    )
    for name, value in zip(names, minority_low, strict=True):
        book.note(name, "ethnic_minority", "poor + near-poor", value, "published", minority_places, "end-2021")
    table = pd.DataFrame(book.notes, columns=["district", "group", "concept", "value", "status", "source_id", "note"])
    return Margins(review, REVIEWS[review], names, codes, counts, table)


@dataclass(frozen=True)
class _Book:
    """The reviews file and the notes made while reading it."""

    reviews: pd.DataFrame
    notes: list[tuple[str, str, str, float, str, str, str]]

    def rows(self, year: int, group: str, indicator: str, level: str = "province") -> pd.DataFrame:
        """Return the rows of one figure, the most reliable first; none is an error."""
        r = self.reviews
        start = r["period"].eq(f"{year} (start of period)").to_numpy(bool)
        found = r[
            ((r["year"] == year).fillna(False).to_numpy(bool) | start)
            & (r["population_group"] == group)
            & (r["indicator"] == indicator)
            & (r["area_level"] == level)
            & (r["area"].str.startswith(AREA) | (level != "province"))
        ]
        if found.empty:
            raise DataError(
                f"the reviews file has no {indicator!r} of {group} for {year}; the simulated registry is "
                "calibrated to it: run 'povstudy build' or restore data/raw/an_giang_reviews.csv."
            )
        rank = found["confidence"].map({"high": 0, "medium": 1, "low": 2}).fillna(3)
        return found.assign(_rank=rank).sort_values("_rank", kind="stable").drop(columns="_rank")

    def figure(self, year: int, group: str, indicator: str, *, name: str | None = None) -> float:
        """Return one figure of the province, or of one district, and note its source."""
        found = self.rows(year, group, indicator, "province" if name is None else "district")
        if name is not None:
            found = found[found["area_name"].str.startswith(name)]
        value = float(found["value"].iloc[0])
        self.note(name or "all", group, indicator, value, "published", found, f"end-{year}")
        return value

    def note(
        self,
        district: str,
        group: str,
        concept: str,
        value: float,
        status: str,
        rows: pd.DataFrame | None,
        text: str,
    ) -> None:
        """Write down one margin."""
        source = "" if rows is None else str(rows["source_id"].iloc[0])
        self.notes.append((district, group, concept, float(value), status, source, text))


def _with_remainder(book: _Book, concept: str, codes: tuple[str, ...], names: tuple[str, ...]) -> np.ndarray:
    """Return the end-2016 counts by district; the one that is not printed is the province less the others."""
    found = book.rows(DISTRICT_YEAR, "all", concept, "district")
    by_code = found.drop_duplicates("area_code").set_index("area_code")["value"]
    total = book.figure(DISTRICT_YEAR, "all", concept)
    values = by_code.reindex(list(codes)).to_numpy(float, copy=True)
    absent = np.isnan(values)
    values[absent] = total - np.nansum(values)
    for name, value, derived in zip(names, values, absent, strict=True):
        book.note(
            name,
            "all",
            concept,
            value,
            "derived" if derived else "published",
            found,
            "end-2016" + (", province less the other districts" if derived else ""),
        )
    return values


def whole_parts(total: float, shares: np.ndarray) -> np.ndarray:
    """Split a whole number in proportion to shares, by largest remainders, so that it adds up exactly.

    Examples
    --------
    >>> whole_parts(10, np.array([1.0, 1.0, 1.0]))
    array([4, 3, 3])
    """
    exact = round(total) * shares / shares.sum()
    low = np.floor(exact).astype(int)
    order = np.argsort(-(exact - low), kind="stable")
    low[order[: round(total) - int(low.sum())]] += 1
    return low


def _counts_2016(book: _Book, by_2016: dict[str, np.ndarray], minority_low: np.ndarray) -> np.ndarray:
    """Return (d, 2, 3) counts for the end-2016 review: all published but the minorities by district."""
    poor = by_2016["poor_households"].astype(int)
    near = by_2016["near_poor_households"].astype(int)
    households = by_2016["households"].astype(int)
    minority_poor_total = book.figure(2017, "ethnic_minority", "poor_households")
    minority_total = 100 * minority_poor_total / book.figure(2017, "ethnic_minority", "poor_rate_pct")
    minority = whole_parts(minority_total, minority_low)
    minority_poor = np.minimum(whole_parts(minority_poor_total, minority_low), poor)
    rate_near = near.sum() / households.sum()
    minority_near = np.minimum(whole_parts(minority_total * rate_near, minority_low), near)
    book.note("all", "ethnic_minority", "households", minority_total, "derived", None, "poor / rate")
    book.note(
        "each",
        "ethnic_minority",
        "households, poor",
        np.nan,
        "assumed",
        None,
        "spread over districts like the poor and near-poor minority households of 2021",
    )
    book.note("all", "ethnic_minority", "near-poor rate", 100 * rate_near, "assumed", None, "as all households")
    return _fill(households, poor, near, minority, minority_poor, minority_near)


def _counts_later(
    book: _Book,
    review: int,
    by_2016: dict[str, np.ndarray],
    minority_low: np.ndarray,
    codes: tuple[str, ...],
    names: tuple[str, ...],
) -> np.ndarray:
    """Return (d, 2, 3) counts for the reviews on the standard of 2022-2025."""
    poor_total = book.figure(review, "all", "poor_households")
    households_total = round(100 * poor_total / book.figure(review, "all", "poor_rate_pct"))
    minority_poor_total = book.figure(review, "ethnic_minority", "poor_households")
    minority_total = round(100 * minority_poor_total / book.figure(review, "ethnic_minority", "poor_rate_pct"))
    if review == MINORITY_DISTRICT_YEAR:
        near_total = book.figure(review, "all", "near_poor_households")
        minority_near_total = book.figure(review, "ethnic_minority", "near_poor_households")
    else:
        both = book.figure(review, "all", "multidim_poverty_rate_pct")
        near_total = round(both * households_total / 100) - poor_total
        was = book.figure(MINORITY_DISTRICT_YEAR, "ethnic_minority", "near_poor_households")
        of = book.figure(MINORITY_DISTRICT_YEAR, "all", "near_poor_households")
        minority_near_total = round(near_total * was / of)
        book.note("all", "all", "near-poor households", near_total, "derived", None, "poor + near-poor less poor")
        book.note("all", "ethnic_minority", "near-poor", minority_near_total, "assumed", None, "share of 2021")
    book.note("all", "all", "households", households_total, "derived", None, "poor / rate")
    book.note("all", "ethnic_minority", "households", minority_total, "derived", None, "poor / rate")
    households = whole_parts(households_total, by_2016["households"])
    minority = whole_parts(minority_total, minority_low)
    minority_poor = whole_parts(minority_poor_total, minority_low)
    minority_near = whole_parts(minority_near_total, minority_low)
    poor = whole_parts(poor_total, by_2016["poor_households"])
    if review == MINORITY_DISTRICT_YEAR:
        low = minority_low.astype(int)
        minority_near = low - minority_poor
        minority_near[-1] += round(minority_near_total) - int(minority_near.sum())
        poor = _with_tri_ton(book, poor, poor_total, by_2016["poor_households"], names)
    near = whole_parts(near_total, by_2016["near_poor_households"])
    poor, near = _at_least(poor, minority_poor), _at_least(near, minority_near)
    book.note("each", "all", "households, poor, near-poor", np.nan, "assumed", None, "shares of end-2016")
    book.note("each", "ethnic_minority", "households, poor", np.nan, "assumed", None, "like poor + near-poor of 2021")
    return _fill(households, poor, near, minority, minority_poor, minority_near)


def _with_tri_ton(
    book: _Book, poor: np.ndarray, total: float, shares: np.ndarray, names: tuple[str, ...]
) -> np.ndarray:
    """Put in the one district whose poor households of 2021 are published; the others share the rest."""
    name = "Huyện Tri Tôn"
    value = book.figure(MINORITY_DISTRICT_YEAR, "all", "poor_households", name=name)
    place = np.array([n == name for n in names])
    out = poor.copy()
    out[place] = round(value)
    out[~place] = whole_parts(total - value, shares[~place])
    return out


def _at_least(counts: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Raise counts to a floor and take the difference from the others in proportion; the sum stays.

    Examples
    --------
    >>> _at_least(np.array([5, 45]), np.array([10, 0]))
    array([10, 40])
    """
    short = counts < floor
    if not short.any():
        return counts
    out = np.where(short, floor, counts)
    out[~short] = floor[~short] + whole_parts(
        int(counts.sum() - out[short].sum() - floor[~short].sum()), (counts - floor)[~short].astype(float)
    )
    return out


def _fill(
    households: np.ndarray,
    poor: np.ndarray,
    near: np.ndarray,
    minority: np.ndarray,
    minority_poor: np.ndarray,
    minority_near: np.ndarray,
) -> np.ndarray:
    """Return the cells that the margins leave: (district, majority or minority, class)."""
    minority = np.minimum(np.maximum(minority, minority_poor + minority_near), households)
    counts = np.zeros((households.size, 2, 3), dtype=int)
    counts[:, 1] = np.column_stack([minority_poor, minority_near, minority - minority_poor - minority_near])
    counts[:, 0, 0] = poor - minority_poor
    counts[:, 0, 1] = near - minority_near
    counts[:, 0, 2] = households - poor - near - counts[:, 1, 2]
    if (counts < 0).any():
        raise DataError(
            "the published margins contradict each other: a district would have fewer than no households in "
            f"{int((counts < 0).sum())} cells; check data/raw/an_giang_reviews.csv."
        )
    return counts

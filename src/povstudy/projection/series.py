"""A rate panel: checked once where it enters, then arrays (areas, years) with NaN for a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from povstudy.areas import one_territory
from povstudy.errors import DataError, did_you_mean
from povstudy.memory import remembered
from povstudy.standards import one_standard

__all__ = ["RateSeries", "check_panel", "rate_series"]

REQUIRED = ("area", "year", "value")
OPTIONAL = ("weight", "standard", "std_error", "parent")
FIRST_YEAR, LAST_YEAR = 1900, 2100
SHOWN = 5
"""Faults of one kind that an error lists before it counts the rest."""


@dataclass(frozen=True)
class RateSeries:
    """Rates of areas that are forecast together, and of the parents that guide them.

    Areas stand in an order that depends on their figures only, never on their names or on the order of the
    rows, so that renaming every area changes no number.

    Attributes
    ----------
    areas : tuple of str, length A
        Areas that are nobody's parent.
    years : ndarray of int, shape (T,)
        Consecutive calendar years.
    values, std_errors : ndarray, shape (A, T)
        Rate in percent and its standard error in points; NaN where there is none.
    weights : ndarray, shape (A,)
        Weight of the newest row of each area; ones where the panel has no weights.
    weighted : bool
        Whether the panel had a weight column.
    parent : ndarray of int, shape (A,)
        Position of the parent in ``parents``, -1 without one.
    parents : tuple of str, length P
    parent_values : ndarray, shape (P, T)
    standard : str
        The one label of the areas' figures; empty if the panel has none.
    parent_standards : tuple of str, length P
    unit : float
        What the figures are rounded to, in points (0.1, 0.01 or smaller).
    """

    areas: tuple[str, ...]
    years: np.ndarray
    values: np.ndarray
    std_errors: np.ndarray
    weights: np.ndarray
    weighted: bool
    parent: np.ndarray
    parents: tuple[str, ...]
    parent_values: np.ndarray
    standard: str
    parent_standards: tuple[str, ...]
    unit: float

    def until(self, year: int) -> RateSeries:
        """Return what was known in ``year``: later years, of the parents too, are gone."""
        keep = self.years <= year
        return replace(
            self,
            years=self.years[keep],
            values=self.values[:, keep],
            std_errors=self.std_errors[:, keep],
            parent_values=self.parent_values[:, keep],
            unit=rounding_unit(self.values[:, keep]),
        )

    def select(self, rows: np.ndarray) -> RateSeries:
        """Return the areas picked by a mask or by positions; every parent stays."""
        positions = np.arange(len(self.areas))[rows]
        return replace(
            self,
            areas=tuple(self.areas[i] for i in positions),
            values=self.values[positions],
            std_errors=self.std_errors[positions],
            weights=self.weights[positions],
            parent=self.parent[positions],
        )


def check_panel(panel: pd.DataFrame) -> pd.DataFrame:
    """Return a clean copy of a rate panel, or raise one error that lists every fault found.

    Parameters
    ----------
    panel : DataFrame
        Columns ``area`` (text), ``year`` (whole number), ``value`` (%, in [0, 100]); optionally ``weight``
        (0 or more; parents may go without), ``standard`` (text), ``std_error`` (points; missing = no
        sampling term) and ``parent`` (an area of the panel).  Gaps between years are allowed.

    Returns
    -------
    DataFrame
        The same rows in all seven columns that are known here, sorted by area and year.

    Raises
    ------
    DataError
        A column is missing, or cells are of the wrong type or out of range, or an area has two rows for a
        year or two parents, or a parent has no rows.
    StandardError
        The areas (their parents aside) stand on more than one standard, or on both vintages of provinces.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": ["x-1", "x-1"], "year": [2022, 2024], "value": [4.64, 2.53]})
    >>> check_panel(rows)["value"].tolist()
    [4.64, 2.53]
    """
    if not isinstance(panel, pd.DataFrame):
        raise DataError(
            f"a rate panel is a DataFrame with the columns {', '.join(REQUIRED)}; got {type(panel).__name__}"
        )
    missing = [name for name in REQUIRED if name not in panel.columns]
    if missing:
        columns = [str(name)[:40] for name in panel.columns]
        hints = "".join(did_you_mean(name, columns) for name in missing)
        raise DataError(
            f"rate panel: column {', '.join(missing)} is missing; it has {', '.join(columns[:12]) or 'none'}."
            f"{hints} Needed are {', '.join(REQUIRED)}; optional are {', '.join(OPTIONAL)}."
        )
    if panel.empty:
        raise DataError("rate panel: it has no rows; give at least one figure (area, year, value)")
    rows = pd.DataFrame({name: panel.get(name, np.nan) for name in REQUIRED + OPTIONAL})
    rows = rows.reset_index(drop=True)
    faults: list[str] = []
    rows["area"] = _text(rows, "area", faults, needed=True)
    rows["parent"] = _text(rows, "parent", faults)
    rows["standard"] = _text(rows, "standard", faults)
    rows["year"] = _years(rows, faults)
    rows["value"] = _numbers(rows, "value", faults, low=0.0, high=100.0, needed=True)
    rows["std_error"] = _numbers(rows, "std_error", faults, low=0.0, high=100.0)
    is_parent = rows["area"].isin(set(rows["parent"]) - {""})
    rows["weight"] = _numbers(
        rows, "weight", faults, low=0.0, high=np.inf, needed="weight" in panel.columns, unless=is_parent
    )
    if not faults:
        _structure(rows, faults)
    if faults:
        more = f"\n  ... and {len(faults) - 20} more kinds of fault" if len(faults) > 20 else ""
        raise DataError("rate panel:\n  " + "\n  ".join(faults[:20]) + more)
    leaves = rows[~rows["area"].isin(set(rows["parent"]))]
    labelled = leaves["standard"].ne("")
    if labelled.any() and not labelled.all():
        raise DataError(
            f"rate panel: {int((~labelled).sum())} of {len(leaves)} rows have no standard and the others have one; "
            "fill the column for every area or leave it out"
        )
    if labelled.any():
        one_standard(leaves["standard"], what="one forecast", years=leaves["year"])
    one_territory(sorted(set(leaves["area"])))
    return rows.sort_values(["area", "year"], kind="stable", ignore_index=True)


def _where(rows: pd.DataFrame, bad: pd.Series, column: str) -> str:
    """Name the rows at fault: area, year, what was got."""
    found = [
        f"{str(r['area'])[:40]} {str(r['year'])[:12]}: {str(r[column])[:40]!r}"
        for _, r in rows[bad].head(SHOWN).iterrows()
    ]
    rest = int(bad.sum()) - SHOWN
    return "; ".join(found) + (f" and {rest} more" if rest > 0 else "")


def _text(rows: pd.DataFrame, column: str, faults: list[str], *, needed: bool = False) -> pd.Series:
    """Read a column of ids or labels as text; empty where missing."""
    absent = rows[column].isna()
    wrong = ~absent & ~_is_text(rows[column])
    empty = absent | (~wrong & rows[column].where(~absent & ~wrong, "").astype("str").str.strip().eq(""))
    if wrong.any():
        faults.append(
            f"{column} must be text (read codes with dtype=str, else leading zeros are lost); got "
            + _where(rows, wrong, column)
        )
    if needed and (empty & ~wrong).any():
        faults.append(f"{column} is empty in {int((empty & ~wrong).sum())} rows; every figure needs its {column}")
    return rows[column].where(~absent, "").astype(str)


def _is_text(cells: pd.Series) -> pd.Series:
    """Tell which cells are text."""
    if isinstance(cells.dtype, pd.StringDtype):
        return cells.notna()
    return cells.map(lambda cell: isinstance(cell, str)).astype(bool)


def _read_numbers(cells: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return numbers (NaN where there is none) and a mask of what is there and is no number."""
    if pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype):
        return cells.astype(float), pd.Series(False, index=cells.index)
    wrong = cells.map(lambda cell: isinstance(cell, str | bool | np.bool_)).astype(bool)
    numbers = pd.to_numeric(cells.where(~wrong), errors="coerce").astype(float)
    return numbers, wrong | (numbers.isna() & cells.notna())


def _numbers(
    rows: pd.DataFrame,
    column: str,
    faults: list[str],
    *,
    low: float,
    high: float,
    needed: bool = False,
    unless: pd.Series | None = None,
) -> pd.Series:
    """Read a column of numbers; what is not a number in [low, high] becomes a fault."""
    cells = rows[column]
    numbers, text = _read_numbers(cells)
    if text.any():
        faults.append(f"{column} must be a number; got {_where(rows, text, column)}")
    absent = cells.isna() if unless is None else cells.isna() & ~unless
    if needed and (absent & ~text).any():
        faults.append(
            f"{column} is missing for {_where(rows, absent & ~text, column)}; leave out the row of a year that has "
            "no figure, or fill it"
        )
    outside = ~text & ((numbers < low) | (numbers > high) | np.isinf(numbers))
    if outside.any():
        limits = f"between {low:g} and {high:g}" if np.isfinite(high) else f"{low:g} or more, and finite"
        faults.append(f"{column} must be {limits}; got {_where(rows, outside, column)}")
    return numbers


def _years(rows: pd.DataFrame, faults: list[str]) -> pd.Series:
    """Read years: whole numbers inside a plausible range."""
    numbers, text = _read_numbers(rows["year"])
    bad = text | numbers.isna() | (numbers % 1 != 0) | (numbers < FIRST_YEAR) | (numbers > LAST_YEAR)
    if bad.any():
        faults.append(
            f"year must be a whole number between {FIRST_YEAR} and {LAST_YEAR}; got {_where(rows, bad, 'year')}"
        )
    return numbers.where(~bad, FIRST_YEAR).astype(int)


def _structure(rows: pd.DataFrame, faults: list[str]) -> None:
    """Find duplicated area-years and parents that cannot be used."""
    twice = rows.duplicated(["area", "year"], keep=False)
    if twice.any():
        faults.append(
            f"more than one row for an area and year: {_where(rows, twice, 'value')}; keep the figure you trust"
        )
    named = rows[rows["parent"].ne("")]
    known = set(rows["area"])
    pairs = rows[["area", "parent"]].drop_duplicates()
    for area in sorted(set(pairs.loc[pairs["area"].duplicated(), "area"]))[:SHOWN]:
        own = sorted(set(pairs.loc[pairs["area"].eq(area), "parent"]))
        faults.append(
            f"area {area[:40]!r} has more than one parent: {', '.join(repr(name[:40]) for name in own[:SHOWN])}; "
            "give every row of it the same"
        )
    for name in sorted(set(named["parent"]) - known)[:SHOWN]:
        faults.append(
            f"parent {name[:40]!r} has no rows of its own; add its figures or leave the parent out."
            f"{did_you_mean(name, known)}"
        )
    up = dict(zip(pairs["area"], pairs["parent"], strict=True))
    for area in sorted(set(up.values()) - {""})[:SHOWN]:
        seen, here = {area}, up.get(area, "")
        while here and here not in seen:
            seen.add(here)
            here = up.get(here, "")
        if here == area:
            faults.append(f"area {area[:40]!r} is its own parent or grandparent")
    leaves = known - set(up.values())
    if not leaves:
        faults.append("every area is a parent of another: there is nothing left to forecast")


def rounding_unit(values: np.ndarray) -> float:
    """Return what figures are rounded to: the largest of 1, .1, .01, .001 that divides them all, else 0.

    Examples
    --------
    >>> rounding_unit(np.array([9.2, 7.1, np.nan])), rounding_unit(np.array([4.64, 2.5]))
    (0.1, 0.01)
    """
    seen = values[np.isfinite(values)]
    for digits in (0, 1, 2, 3):
        scaled = seen * 10.0**digits
        if np.all(np.abs(scaled - np.round(scaled)) < 1e-7):
            return 10.0**-digits
    return 0.0


def _matrix(rows: pd.DataFrame, areas: Sequence[str], years: np.ndarray, column: str) -> np.ndarray:
    """Spread one column over (areas, years)."""
    wide = np.full((len(areas), len(years)), np.nan)
    position = {area: i for i, area in enumerate(areas)}
    inside = rows["area"].isin(position)
    wide[rows.loc[inside, "area"].map(position).to_numpy(int), rows.loc[inside, "year"].to_numpy() - years[0]] = (
        rows.loc[inside, column].to_numpy(float)
    )
    return wide


@remembered
def rate_series(panel: pd.DataFrame) -> RateSeries:
    """Check a panel and spread it over arrays.

    Parameters
    ----------
    panel : DataFrame
        As `check_panel` takes it.

    Returns
    -------
    RateSeries

    Raises
    ------
    DataError, StandardError
        As `check_panel`.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": ["x-1", "x-1"], "year": [2022, 2024], "value": [4.64, 2.53]})
    >>> rate_series(rows).values
    array([[4.64,  nan, 2.53]])
    """
    rows = check_panel(panel)
    years = np.arange(rows["year"].min(), rows["year"].max() + 1)
    parents = tuple(sorted(set(rows["parent"]) - {""}))
    names = sorted(set(rows["area"]) - set(parents))
    values = _matrix(rows, names, years, "value")
    newest = rows.drop_duplicates("area", keep="last").set_index("area")
    weighted = bool(rows["weight"].notna().any())
    weights = newest["weight"].reindex(names).to_numpy(float) if weighted else np.ones(len(names))
    # Order by the figures themselves: names break ties only.
    order = np.lexsort(np.vstack([np.nan_to_num(weights), np.nan_to_num(values.T, nan=-1.0)]))
    areas = tuple(names[i] for i in order)
    row = {name: i for i, name in enumerate(parents)}
    parent = np.array([row.get(name, -1) for name in newest["parent"].reindex(areas)])
    parent_values = _matrix(rows, parents, years, "value") if parents else np.empty((0, len(years)))
    standards = sorted(set(rows.loc[rows["area"].isin(areas), "standard"]))
    return RateSeries(
        areas=areas,
        years=years,
        values=values[order],
        std_errors=_matrix(rows, areas, years, "std_error"),
        weights=weights[order],
        weighted=weighted,
        parent=parent,
        parents=parents,
        parent_values=parent_values,
        standard=standards[0],
        parent_standards=tuple(newest.at[name, "standard"] for name in parents),
        unit=rounding_unit(values),
    )

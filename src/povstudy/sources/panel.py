"""Panels for forecast and backtest, and weighted means of rates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from povstudy.errors import DataError, StandardError, did_you_mean
from povstudy.memory import remembered
from povstudy.sources.ids import COUNTRY, one_territory, vintage_of
from povstudy.sources.raw import LOCAL
from povstudy.tables import CONFIDENCE, shown

__all__ = ["combine_rates", "rate_panel", "standing_ratio", "weighted_mean"]

_COLUMNS = ("area", "year", "value", "weight", "standard", "std_error", "parent")


def weighted_mean(value, weight) -> float:
    """Return the weighted mean of values.

    sum(w x) / sum(w)

    Parameters
    ----------
    value, weight : array-like, shape (n,)
        A weight may be zero, not negative and not missing.

    Returns
    -------
    float

    Raises
    ------
    DataError
        If a value or weight is missing, a weight is negative, or all are zero.

    Examples
    --------
    >>> round(weighted_mean([2.53, 2.24], [1912.58, 1766.66]), 2)
    2.39
    """
    x, w = np.asarray(value, dtype=float), np.asarray(weight, dtype=float)
    if x.shape != w.shape or x.ndim != 1 or x.size == 0:
        raise DataError(f"A weighted mean needs as many weights as values: got shapes {x.shape} and {w.shape}.")
    if np.isnan(x).any() or np.isnan(w).any() or (w < 0).any() or w.sum() == 0:
        raise DataError(
            "A weighted mean needs a value and a weight of zero or more for every row, not all zero: got "
            f"{int(np.isnan(x).sum())} missing values, {int(np.isnan(w).sum())} missing and {int((w < 0).sum())} "
            "negative weights. Drop the rows, or fill them on purpose."
        )
    return float((w * x).sum() / w.sum())


def _select(rates: pd.DataFrame, **equal) -> pd.DataFrame:
    keep = rates["preferred"].copy()
    for column, wanted in equal.items():
        keep &= rates[column].eq(wanted)
    return rates[keep]


def combine_rates(
    rates: pd.DataFrame,
    parts: Iterable[str],
    *,
    year: int,
    standard: str,
    group: str = "all",
    concept: str = "poor",
) -> float:
    """Return the rate of several areas together, in one year and on one standard, by their weights.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    parts : iterable of str
        Area ids of one vintage, for instance ``parts_of("vn34-91")``.
    year : int
        The year.
    standard, group, concept : str
        The series.

    Returns
    -------
    float
        Percent.

    Raises
    ------
    DataError
        If a part has no preferred figure for that year, or no weight.
    StandardError
        If the parts are of both vintages.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> parts = ["vn63-89", "vn63-91"]
    >>> round(combine_rates(load("rates"), parts, year=2024, standard="nso-mdp-2022-2025"), 2)
    2.39
    """
    parts = list(parts)
    one_territory(parts)
    rows = _select(rates, year=year, standard=standard, group=group, concept=concept).set_index("area")
    lost = [part for part in parts if part not in rows.index]
    if lost:
        raise DataError(
            f"No figure for {', '.join(lost)} in {year} on {standard} ({group}, {concept}). All parts need one in the "
            "same year on the same standard."
        )
    rows = rows.loc[parts]
    if rows["weight_basis"].nunique() > 1:
        raise DataError(f"The parts are weighted by different things: {', '.join(sorted(set(rows['weight_basis'])))}.")
    return weighted_mean(rows["value"], rows["weight"])


def standing_ratio(
    rates: pd.DataFrame,
    standard: str,
    year: int,
    *,
    concept: str = "poor",
    level: str = "province",
    vintage: str = "63",
    parent: str = COUNTRY,
) -> float:
    """Return the standing ratio of the weighted mean of areas to the figure published for all of them.

    The two differ for good: the survey weights households of its sample, we weight provinces by population.
    A national path that is broken down to provinces has to be multiplied by this ratio first.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    standard : str
        Series label.
    year : int
        The year.
    concept, level, vintage, parent : str
        Which areas, and which area's published figure.

    Returns
    -------
    float

    Raises
    ------
    DataError
        If the areas or the parent have no figure for that year.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> round(standing_ratio(load("rates"), "nso-mdp-2022-2025", 2022), 3)
    1.073
    """
    rows = _select(rates, year=year, standard=standard, group="all", concept=concept)
    areas = rows[rows["level"].eq(level) & rows["vintage"].eq(vintage)]
    published = rows.loc[rows["area"].eq(parent), "value"]
    if areas.empty or published.empty:
        raise DataError(
            f"No standing ratio for {standard} in {year}: {len(areas)} areas of level {level} and "
            f"{len(published)} published figures of {parent}. Choose a year and a series that have both."
        )
    return weighted_mean(areas["value"], areas["weight"]) / float(published.iloc[0])


def _unknown(rates: pd.DataFrame, column: str, wanted: str) -> DataError:
    known = sorted(set(rates[column]))
    return DataError(
        f"The rates hold no {column} {shown(wanted)}.{did_you_mean(wanted, known)} Possible: {', '.join(known)[:2000]}."
    )


def _same_law(rates: pd.DataFrame, standard: str, parent_standard: str) -> None:
    """Refuse a parent on another law than its children."""
    if parent_standard == standard:
        return
    law = rates.drop_duplicates("standard").set_index("standard")["law"]
    if law[standard] != law[parent_standard] or law[standard] == "":
        raise StandardError(
            f"The parent stands on {parent_standard} ({law[parent_standard] or 'no law known'}), its areas on "
            f"{standard} ({law[standard] or 'no law known'}): one panel needs one legal standard. Choose a parent "
            "series of the same law, or parent=None."
        )


@remembered
def rate_panel(
    rates: pd.DataFrame,
    *,
    standard: str,
    group: str = "all",
    concept: str = "poor",
    areas: Iterable[str] | None = None,
    level: str | None = "province",
    vintage: str | None = "63",
    parent: str | None = COUNTRY,
    parent_standard: str | None = None,
    parent_group: str | None = None,
    min_confidence: str = "medium",
) -> pd.DataFrame:
    """Return a panel on one standard, ready for ``forecast`` and ``backtest``.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    standard : str
        Series label: the family of figures and the law.
    group, concept : str
        Whom and what the rates describe.
    areas : iterable of str or None
        Area ids of one vintage; None takes all of ``level`` and ``vintage`` (each None for any), or all areas
        of a user's series, for which neither applies.
    parent : str or None
        Area whose own rows join the panel and which is never pooled; None for no parent.  Where the figures
        name parents of their own (a user's file), those are used.  A parent without figures is left out, and
        ``panel.attrs["parent"]`` says so.
    parent_standard, parent_group : str or None
        Series of the parent, if it is another one of the same law: NSO's minority series above a review.
    min_confidence : str
        ``high``, ``medium`` or ``low``: rows below are dropped (the provinces' 2025 is low).

    Returns
    -------
    DataFrame
        ``area, year, value, weight, standard, std_error, parent``, preferred rows only, sorted by area and
        year. ``weight`` is population, else households, of the nearest known year, or one for every row where
        it is not known for all; ``panel.attrs["weight"]`` says which.  ``parent`` is missing for the parent's
        own rows.

    Raises
    ------
    DataError
        If the series, the confidence or an area is not known, or no row is left.
    StandardError
        If areas of both vintages would share the panel, or the parent stands on another law.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> panel = rate_panel(load("rates"), standard="nso-mdp-2022-2025")
    >>> panel["area"].nunique(), sorted(panel["year"].unique().tolist())
    (64, [2022, 2023, 2024, 2025])
    """
    if standard not in set(rates["standard"]):
        raise _unknown(rates, "standard", standard)
    if min_confidence not in CONFIDENCE:
        raise DataError(f"min_confidence is one of {', '.join(CONFIDENCE)}: got {shown(min_confidence)}.")
    usable = rates[rates["confidence"].isin(CONFIDENCE[: CONFIDENCE.index(min_confidence) + 1])]
    series = _select(usable, standard=standard, group=group, concept=concept)
    if areas is None:
        in_scope = series["area"].ne(parent or "")
        for column, wanted in (("level", level), ("vintage", vintage)):
            in_scope &= series[column].eq(wanted) if wanted is not None else True
        children = series[in_scope]
        if children.empty:
            children = series[series["file"].str.startswith(LOCAL.as_posix())]
    else:
        areas = list(areas)
        one_territory(areas)
        lost = [a for a in areas if a not in set(series["area"])]
        if lost:
            raise _no_rows(lost, standard, group, concept, min_confidence)
        children = series[series["area"].isin(areas) & series["area"].ne(parent or "")]
        children = series[series["area"].isin(areas)] if children.empty else children
    if children.empty:
        raise _no_rows([], standard, group, concept, min_confidence)
    one_territory(children["area"].unique())
    panel, above = _join_parent(usable, children, standard, group, concept, parent, parent_standard, parent_group)
    panel, basis = _weigh(panel)
    panel = panel[list(_COLUMNS)].sort_values(["area", "year"], kind="stable", ignore_index=True)
    panel.attrs = {"weight": basis, "parent": above}
    return panel


def _no_rows(areas: list[str], standard: str, group: str, concept: str, min_confidence: str) -> DataError:
    new = next((a for a in areas if vintage_of(a) == "34"), None)
    advice = f" Figures exist for the parts of {new}: parts_of({new!r}) names them." if new else ""
    names = ", ".join(areas[:10]) or "no area"
    return DataError(
        f"No figure on {standard} ({group}, {concept}, confidence at least {min_confidence}) for {names}.{advice} "
        "load('rates') lists what there is."
    )


def _join_parent(usable, children, standard, group, concept, parent, parent_standard, parent_group):
    """Return the children with their parent's rows below them, and a sentence about the parent."""
    own = children["parent"].ne("")
    if own.any():
        panel = children.assign(parent=children["parent"].where(own))
        above = usable[usable["preferred"] & usable["standard"].eq(standard) & usable["group"].eq(group)]
        above = above[above["concept"].eq(concept) & above["area"].isin(set(children["parent"]))]
        above = above[~above["area"].isin(set(children["area"]))].assign(parent=None)
        return pd.concat([panel, above], ignore_index=True), "as the user's file says"
    if parent is None or set(children["area"]) == {parent}:
        return children.assign(parent=None), "none"
    series = parent_standard or standard
    if series not in set(usable["standard"]):
        raise _unknown(usable, "standard", series)
    _same_law(usable, standard, series)
    above = _select(usable, area=parent, standard=series, group=parent_group or group, concept=concept)
    if above.empty:
        return children.assign(parent=None), f"none: {parent} has no figure on {series}"
    panel = pd.concat([children.assign(parent=parent), above.assign(parent=None)], ignore_index=True)
    return panel, f"{parent} on {series}"


def _weigh(panel: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return a panel with one kind of weight for all children, and its name.

    A parent whose weight is of another kind takes the sum of its children's in their last year.
    """
    child = panel["parent"].notna()
    if not child.any():
        child = pd.Series(True, index=panel.index)
    bases = set(panel.loc[child, "weight_basis"])
    if len(bases) > 1 or "" in bases:
        return panel.assign(weight=1.0), "equal: no one weight is known for all areas"
    basis = bases.pop()
    total = panel[child].sort_values("year").drop_duplicates("area", keep="last")["weight"].sum()
    other = ~child & panel["weight_basis"].ne(basis)
    return panel.assign(weight=panel["weight"].mask(other, total)), f"{basis}, nearest known year"

"""Falls of areas set beside each other, without causal words; and the jumps that a change of standard makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.evaluation.columns import numbers, require_columns
from povstudy.standards import one_standard

__all__ = ["FallComparison", "compare_falls", "relative_jumps"]

CLIP = 0.05
"""Percent: rates closer to 0 or 100 are moved here before the logit is taken."""
APART = 0.1
"""Two scales disagree when the share of areas that fell less differs by more than this."""


@dataclass(frozen=True)
class FallComparison:
    """How one area fell beside others.

    Attributes
    ----------
    table : DataFrame
        One row an area: ``area, start, end, fall, fall_logit, rank, rank_logit, nearest, region``.  Falls are
        positive
        when the rate fell; rank 1 fell most.
    summary : DataFrame
        ``group, areas, fall, fall_logit, fell_less, fell_less_logit``: the median fall of all areas, of those nearest
        in
        level and of the region, and the share that fell less than the area.
    agree : bool
        Whether points and logit rank the area alike.
    words : str
        The comparison in one sentence, without causal words.
    standard : str
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    agree: bool
    words: str
    standard: str


def _logit(rate: np.ndarray) -> np.ndarray:
    """Return the log odds of a rate in percent."""
    share = np.clip(rate, CLIP, 100 - CLIP) / 100
    return np.log(share / (1 - share))


def compare_falls(
    panel: pd.DataFrame,
    *,
    area: str,
    start: int,
    end: int,
    neighbours: int = 10,
    region: Sequence[str] = (),
) -> FallComparison:
    """Set the fall of one area beside those of others, inside one standard.

    Parameters
    ----------
    panel : DataFrame
        ``area, year, value, standard``; percent.
    area : str
    start, end : int
        Years.
    neighbours : int
        How many areas nearest in level at the start.
    region : sequence of str
        Areas of the same region.

    Returns
    -------
    FallComparison

    Raises
    ------
    StandardError
        The years stand on different standards.
    DataError
        The area has no figure in one of the years, or there is nothing to compare with.

    Examples
    --------
    >>> rows = [(a, y, v, "nso-mdp-2022-2025") for a, v0, v1 in [("a", 5, 3), ("b", 6, 5), ("c", 20, 16)]
    ...     for y, v in ((2022, v0), (2024, v1))]
    >>> panel = pd.DataFrame(rows, columns=["area", "year", "value", "standard"])
    >>> found = compare_falls(panel, area="a", start=2022, end=2024, neighbours=1)
    >>> found.table[["area", "rank", "rank_logit"]].to_numpy().tolist()
    [['a', 2, 1], ['b', 3, 3], ['c', 1, 2]]
    """
    where = "compare_falls"
    require_columns(panel, ["area", "year", "value", "standard"], where)
    used = panel[panel["year"].isin([start, end])]
    standard = one_standard(
        used["standard"].to_list(), what="one comparison of falls", where=f"{start}-{end}", years=used["year"].to_list()
    )
    numbers(used, "value", where)
    wide = used.pivot(index="area", columns="year", values="value")
    if area not in wide.index or wide.reindex(columns=[start, end]).loc[area].isna().any():
        raise DataError(f"{where}: {area!r} has no figure in {start} or in {end}; nothing can be set beside others.")
    wide = wide.reindex(columns=[start, end]).dropna()
    if len(wide) < 2:
        raise DataError(f"{where}: no other area has figures in both {start} and {end}.")
    first, last = wide[start].to_numpy(float), wide[end].to_numpy(float)
    table = pd.DataFrame(
        {
            "area": wide.index,
            "start": first,
            "end": last,
            "fall": first - last,
            "fall_logit": _logit(first) - _logit(last),
        }
    )
    table["rank"] = table["fall"].rank(ascending=False, method="min").astype(int)
    table["rank_logit"] = table["fall_logit"].rank(ascending=False, method="min").astype(int)
    own = table[table["area"] == area].iloc[0]
    away = (table["start"] - own["start"]).abs().where(table["area"] != area, np.inf)
    nearest = table.assign(away=away).sort_values(["away", "area"]).head(min(neighbours, len(table) - 1))["area"]
    table["nearest"] = table["area"].isin(nearest)
    table["region"] = table["area"].isin([a for a in region if a != area])
    summary = pd.DataFrame(
        [
            _row(name, table[rows & (table["area"] != area)], own)
            for name, rows in (
                ("all areas", table["area"].notna()),
                (f"{int(table['nearest'].sum())} nearest in level", table["nearest"]),
                ("region", table["region"]),
            )
            if (rows & (table["area"] != area)).any()
        ]
    )
    apart = (summary["fell_less"] - summary["fell_less_logit"]).abs().max()
    agree = bool(apart <= APART)
    words = (
        f"From {start} to {end} the rate went from {own['start']:g} to {own['end']:g} %, rank {own['rank']} of "
        f"{len(table)} in points and {own['rank_logit']} in log odds."
    )
    if not agree:
        words += " The two scales disagree: points favour areas that start high, log odds those that start low."
    return FallComparison(table, summary, agree, words, standard)


def _row(name: str, others: pd.DataFrame, own: pd.Series) -> dict[str, object]:
    """Return medians of a group and the share that fell less than the area."""
    return {
        "group": name,
        "areas": len(others),
        "fall": float(others["fall"].median()),
        "fall_logit": float(others["fall_logit"].median()),
        "fell_less": float((others["fall"] < own["fall"]).mean()),
        "fell_less_logit": float((others["fall_logit"] < own["fall_logit"]).mean()),
    }


def relative_jumps(panel: pd.DataFrame, *, nation: str) -> pd.DataFrame:
    """Return how far each area's ratio to the nation moved from year to year, and the spread of that over areas.

    A description of a break, not an estimate: it is the one place where figures of two standards stand side by side,
    and
    it says so in ``new_standard``.

    Parameters
    ----------
    panel : DataFrame
        ``area, year, value, standard`` with the nation's own rows.
    nation : str
        Id of the nation.

    Returns
    -------
    DataFrame
        ``area, year, ratio, jump, spread, new_standard``: spread is the standard deviation of the jumps of all areas
        in
        that year.

    Raises
    ------
    DataError
        The nation has no rows.

    Examples
    --------
    >>> rows = [(a, y, v, "s") for a, vs in [("vn", (5, 4)), ("a", (4, 4)), ("b", (10, 8))] for y,
    ...     v in zip((2021, 2022), vs)]
    >>> t = relative_jumps(pd.DataFrame(rows, columns=["area", "year", "value", "standard"]), nation="vn")
    >>> t[t.year == 2022]["jump"].round(2).tolist()
    [0.2, 0.0]
    """
    require_columns(panel, ["area", "year", "value", "standard"], "relative_jumps")
    whole = panel[panel["area"] == nation].set_index("year")
    if whole.empty:
        raise DataError(f"relative_jumps: {nation!r} has no rows in the panel.")
    parts = panel[panel["area"] != nation].copy()
    parts["ratio"] = parts["value"] / parts["year"].map(whole["value"])
    parts = parts.sort_values(["area", "year"])
    parts["jump"] = parts.groupby("area")["ratio"].diff()
    before = parts.groupby("area")["year"].shift()
    parts["jump"] = parts["jump"].where(parts["year"] - before == 1)
    parts["new_standard"] = parts["standard"] != parts.groupby("area")["standard"].shift().fillna(parts["standard"])
    parts["spread"] = parts.groupby("year")["jump"].transform("std")
    return parts[["area", "year", "ratio", "jump", "spread", "new_standard"]].reset_index(drop=True)

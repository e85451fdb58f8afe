"""Evaluations: jumps and falls of many areas, effects with their intervals, effects by time since the start."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from povstudy.plots.style import (
    COLOURS,
    GREY,
    MARKERS,
    axes_of,
    finish,
    finish_rows,
    grouped_ticks,
    legend_below,
    log_axis,
    plain,
    words,
)

__all__ = [
    "plot_effects",
    "plot_event_study",
    "plot_falls",
    "plot_spread",
]


def plot_spread(
    table: pd.DataFrame,
    *,
    named: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw one dot for each unit and group, side by side, with some units named.

    Parameters
    ----------
    table : DataFrame
        Columns ``group`` (in order of appearance), ``unit``, ``value``.
    named : mapping of str to str, optional
        Unit to the name under which its dots are drawn large.
    ax : Axes, optional
        Drawn on; a new figure otherwise.
    labels : mapping, optional
        Words for ``x``, ``y`` and ``others``.
    comma : bool
        Decimal comma.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Year", y="Change", others="other areas")
    ax = axes_of(ax, height=4.2)
    groups = list(dict.fromkeys(table["group"]))
    named = dict(named or {})
    for place, group in enumerate(groups):
        rows = table[table["group"].eq(group) & ~table["unit"].isin(named)].sort_values("value", kind="stable")
        # A unit's place across its column follows its rank, so that the same table gives the same figure.
        across = ((np.arange(len(rows)) * 7) % 11 - 5) / 16
        ax.plot(
            place + across,
            rows["value"],
            linestyle="none",
            marker="o",
            markersize=4,
            markerfacecolor="none",
            color=GREY,
            alpha=0.8,
            label=text["others"] if place == 0 else None,
        )
    for position, (unit, name) in enumerate(named.items()):
        rows = table[table["unit"].eq(unit)]
        ax.plot(
            [groups.index(group) for group in rows["group"]],
            rows["value"],
            linestyle="none",
            marker=MARKERS[1 + position % 6],
            markersize=9,
            color=COLOURS[position % 4],
            markeredgecolor="black",
            label=plain(name),
            zorder=5,
        )
    ax.axhline(0, color=GREY, linewidth=0.8)
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    ax.set_xticks(range(len(groups)), [plain(group) for group in groups])
    ax.set_xlim(-0.6, len(groups) - 0.4)
    legend_below(ax)
    return ax


def plot_falls(
    table: pd.DataFrame,
    *,
    value: str = "fall",
    named: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
    legend: bool = True,
) -> Axes:
    """Draw how much each area fell against where it started.

    Parameters
    ----------
    table : DataFrame
        Columns ``area``, ``start`` (%), the column ``value``, ``nearest`` and ``region`` (bool).
    value : str
        ``fall`` (points) or ``fall_logit``.
    named : mapping of str to str, optional
        Area to the name under which it is drawn large.
    ax, labels, comma
        As in `plot_spread`; labels ``x, y, others, nearest, region``.
    legend : bool
        Whether to draw the legend.

    Returns
    -------
    Axes
    """
    text = words(
        labels,
        x="Rate in the first year (%, logarithmic)",
        y="Fall",
        others="other areas",
        nearest="nearest in level",
        region="same region",
    )
    ax = axes_of(ax, height=4.2)
    named = dict(named or {})
    shown = table[table["start"].gt(0)]
    rest = shown[~shown["area"].isin(named)]
    kinds = (
        (text["others"], rest[~rest["nearest"] & ~rest["region"]], "o", "none", GREY),
        (text["region"], rest[rest["region"] & ~rest["nearest"]], "^", "none", COLOURS[2]),
        (text["nearest"], rest[rest["nearest"]], "s", COLOURS[4], COLOURS[0]),
    )
    for label, rows, marker, face, edge in kinds:
        if len(rows):
            ax.plot(
                rows["start"],
                rows[value],
                linestyle="none",
                marker=marker,
                markersize=6,
                markerfacecolor=face,
                markeredgecolor=edge,
                label=label,
            )
    for position, (area, name) in enumerate(named.items()):
        rows = shown[shown["area"].eq(area)]
        ax.plot(
            rows["start"],
            rows[value],
            linestyle="none",
            marker=("D", "P", "X", "v")[position % 4],
            markersize=10,
            color=COLOURS[1],
            markeredgecolor="black",
            label=plain(name),
            zorder=5,
        )
    ax.axhline(0, color=GREY, linewidth=0.8)
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    log_axis(ax, comma=comma)
    if legend:
        legend_below(ax)
    return ax


def plot_effects(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw estimates with their intervals, one a row, and the truth where it is known.

    Parameters
    ----------
    table : DataFrame
        Columns ``label``, ``estimate``, ``low``, ``high`` and, where it is known, ``truth``; first row on top.
    ax, labels, comma
        As in `plot_spread`; labels ``x, estimate, truth``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Effect", estimate="estimate with its interval", truth="truth")
    ax = axes_of(ax, height=1.3 + 0.42 * len(table))
    places = np.arange(len(table))
    for place, row in zip(places, table.itertuples(), strict=True):
        ax.plot([row.low, row.high], [place, place], color=COLOURS[0], linewidth=2, solid_capstyle="butt")
    ax.plot(
        table["estimate"],
        places,
        linestyle="none",
        marker="o",
        markersize=7,
        color=COLOURS[0],
        label=text["estimate"],
    )
    if "truth" in table and table["truth"].notna().any():
        ax.plot(
            table["truth"],
            places,
            linestyle="none",
            marker="D",
            markersize=7,
            markerfacecolor="none",
            markeredgewidth=1.6,
            color=COLOURS[1],
            label=text["truth"],
        )
    ax.axvline(0, color=GREY, linewidth=0.8)
    finish_rows(ax, table["label"], x=text["x"])
    ax.xaxis.set_major_locator(MaxNLocator(nbins=7))
    ax.xaxis.set_major_formatter(grouped_ticks(comma))
    legend_below(ax)
    return ax


def plot_event_study(
    table: pd.DataFrame,
    *,
    truth: pd.DataFrame | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw effects by time since the start, with the band of the whole path.

    Parameters
    ----------
    table : DataFrame
        Columns ``event_time, estimate, low, high, band_low, band_high, reference``.
    truth : DataFrame, optional
        Columns ``event_time, truth``.
    ax, labels, comma
        As in `plot_spread`; labels ``x, y, estimate, alone`` (without intervals), ``band, truth``.

    Returns
    -------
    Axes
    """
    text = words(
        labels,
        x="Years since the start",
        y="Effect",
        estimate="estimate with its interval",
        alone="estimate, no valid interval",
        band="band of the whole path",
        truth="truth",
    )
    ax = axes_of(ax)
    table = table.sort_values("event_time")
    band = table[table["band_low"].notna()]
    if len(band):
        ax.fill_between(
            table["event_time"],
            table["band_low"].where(~table["reference"], table["estimate"]),
            table["band_high"].where(~table["reference"], table["estimate"]),
            color=COLOURS[0],
            alpha=0.2,
            linewidth=0,
            label=text["band"],
        )
    for row in table[table["low"].notna()].itertuples():
        ax.plot([row.event_time] * 2, [row.low, row.high], color=COLOURS[0], linewidth=2)
    known = "estimate" if table["low"].notna().any() else "alone"
    ax.plot(table["event_time"], table["estimate"], marker="o", color=COLOURS[0], label=text[known])
    if truth is not None:
        ax.plot(
            truth["event_time"],
            truth["truth"],
            linestyle="none",
            marker="D",
            markersize=8,
            markerfacecolor="none",
            markeredgewidth=1.6,
            color=COLOURS[1],
            label=text["truth"],
            zorder=5,
        )
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.axvline(-0.5, color=GREY, linestyle=":", linewidth=1)
    finish(ax, x=text["x"], y=text["y"], comma=comma)
    legend_below(ax)
    return ax

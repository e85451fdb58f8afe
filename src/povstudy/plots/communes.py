"""Communes on their way off the list: what they are made of, the chance that none is left, what a rate would need."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from povstudy.plots.style import (
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    axes_of,
    finish,
    finish_rows,
    legend_below,
    plain,
    words,
)

__all__ = ["plot_exit_by_rate", "plot_exit_probabilities", "plot_members", "plot_none_left"]

BOX = {
    "III": {"facecolor": COLOURS[0], "edgecolor": COLOURS[0]},
    "coastal": {"facecolor": COLOURS[0], "edgecolor": COLOURS[0]},
    "II": {"facecolor": "#CFE5F3", "edgecolor": COLOURS[0]},
    "I": {"facecolor": "white", "edgecolor": COLOURS[0]},
    "none": {"facecolor": "white", "edgecolor": "#BFBFBF", "linestyle": ":"},
    "unknown": {"facecolor": "#E6E6E6", "edgecolor": "#E6E6E6"},
}
"""Frame of a former unit by its class; dark, light, white and dotted differ without colour."""
SHOWN = 40
"""At most this many communes in one figure."""


def plot_members(
    table: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw which former units each unit of today is made of, and their class on the list before.

    Parameters
    ----------
    table : DataFrame
        Columns ``unit, former, former_class`` (III, coastal, II, I, none, unknown); first row on top; an empty
        ``former`` is a unit whose parts are not known.
    names : mapping, optional
        Words for the classes that occur.
    ax : Axes, optional
        Drawn on; a new figure otherwise.
    labels : mapping, optional
        Words for ``x``, ``y`` and ``not_known``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Former units (before July 2025)", y="", not_known="parts not known")
    units = list(dict.fromkeys(table["unit"]))
    ax = axes_of(ax, width=6.8, height=0.9 + 0.4 * len(units))
    widest = 1
    for place, unit in enumerate(units):
        rows = table[table["unit"].eq(unit)]
        widest = max(widest, len(rows))
        for position, (former, klass) in enumerate(zip(rows["former"], rows["former_class"], strict=True)):
            style = BOX[klass]
            ax.text(
                position + 0.5,
                place,
                plain(former or text["not_known"]),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if klass in ("III", "coastal") else "black",
                bbox={"boxstyle": "round,pad=0.35", "linewidth": 1.1, **style},
            )
    ax.set_xlim(0, widest)
    ax.set_ylim(len(units) - 0.4, -0.6)
    finish(ax, x=text["x"], y=text["y"], years=False)
    ax.set_xticks([])
    ax.set_yticks(range(len(units)), [plain(unit) for unit in units])
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
    used = [klass for klass in BOX if klass in set(table["former_class"])]
    ax.legend(
        [Patch(linewidth=1.1, **BOX[klass]) for klass in used],
        [plain((names or {}).get(klass, klass)) for klass in used],
        frameon=False,
        fontsize="small",
        ncols=2,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
    )
    return ax


def plot_none_left(
    table: pd.DataFrame,
    *,
    needed: pd.DataFrame | None = None,
    chance: float | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the chance that no commune is left against the exit probability of each.

    Parameters
    ----------
    table : DataFrame
        Columns ``series`` (name of a line), ``exit_probability`` and ``none_left`` (shares in [0, 1]).
    needed : DataFrame, optional
        Columns ``series``, ``exit_probability``: where each line reaches the wanted chance.
    chance : float, optional
        The wanted chance, a line across.
    ax, labels, comma
        As in `plot_series`; labels ``x, y, wanted``.

    Returns
    -------
    Axes
    """
    text = words(
        labels, x="Exit probability of each commune (%)", y="Chance that none is left (%)", wanted="wanted chance"
    )
    ax = axes_of(ax, height=4.3)
    names = list(dict.fromkeys(table["series"]))
    for position, name in enumerate(names):
        rows = table[table["series"].eq(name)].sort_values("exit_probability")
        style = position % len(COLOURS)
        ax.plot(
            100 * rows["exit_probability"],
            100 * rows["none_left"],
            color=COLOURS[style],
            linestyle=DASHES[style],
            label=plain(name),
        )
        if needed is not None and chance is not None:
            reached = needed.loc[needed["series"].eq(name), "exit_probability"]
            ax.plot(
                100 * reached,
                np.full(len(reached), 100 * chance),
                color=COLOURS[style],
                marker=MARKERS[style],
                linestyle="none",
            )
    if chance is not None:
        ax.axhline(100 * chance, color=GREY, linestyle="--", linewidth=1, label=plain(text["wanted"]))
    ax.set_xlim(100 * table["exit_probability"].min(), 100)
    ax.set_ylim(0, 102)
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    legend_below(ax)
    return ax


def plot_exit_by_rate(
    table: pd.DataFrame,
    *,
    needed: float | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the probability that a commune leaves against the rate from which it starts.

    Parameters
    ----------
    table : DataFrame
        Columns ``series`` (name of a line), ``rate`` (%), ``exit_probability`` (share in [0, 1]).
    needed : float, optional
        Exit probability that each commune needs, a line across.
    ax, labels, comma
        As in `plot_series`; labels ``x, y, needed``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Poor households today (%)", y="Probability of leaving (%)", needed="needed of each")
    ax = axes_of(ax, height=4.6)
    for position, (name, rows) in enumerate(table.groupby("series", sort=False)):
        rows = rows.sort_values("rate")
        style = position % len(COLOURS)
        ax.plot(
            rows["rate"],
            100 * rows["exit_probability"],
            color=COLOURS[style],
            linestyle=DASHES[style],
            label=plain(name),
        )
    if needed is not None:
        ax.axhline(100 * needed, color=GREY, linestyle="--", linewidth=1, label=plain(text["needed"]))
    ax.set_xlim(left=0)
    ax.set_ylim(0, 102)
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    legend_below(ax, ncols=1)
    return ax


def plot_exit_probabilities(
    table: pd.DataFrame,
    *,
    needed: float | None = None,
    names: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the exit probability of each commune, those first whose certain exit would gain most.

    Parameters
    ----------
    table : DataFrame
        Columns ``commune, exit_probability, basis, gain``; at most `SHOWN` communes are drawn.
    needed : float, optional
        Exit probability that each commune needs, a line from top to bottom.
    names : mapping, optional
        Words for the bases that occur.
    ax, labels, comma
        As in `plot_series`; labels ``x, needed``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Probability of leaving (%)", needed="needed of each")
    rows = table.sort_values(["gain", "exit_probability"], ascending=[False, True], kind="stable").head(SHOWN)
    ax = axes_of(ax, height=1.1 + 0.28 * len(rows))
    bases = list(dict.fromkeys(rows["basis"]))
    places = np.arange(len(rows))
    for position, basis in enumerate(bases):
        own = rows["basis"].eq(basis).to_numpy()
        ax.plot(
            100 * rows["exit_probability"][own],
            places[own],
            marker=MARKERS[position],
            color=COLOURS[position],
            linestyle="none",
        )
    ax.hlines(places, 0, 100 * rows["exit_probability"], color="#BFBFBF", linewidth=1.2, zorder=1)
    shapes = [Line2D([], [], marker=MARKERS[i], color=COLOURS[i], linestyle="none") for i in range(len(bases))]
    spoken = [plain((names or {}).get(basis, basis)) for basis in bases]
    if needed is not None:
        ax.axvline(100 * needed, color=GREY, linestyle="--", linewidth=1)
        shapes.append(Line2D([], [], color=GREY, linestyle="--", linewidth=1))
        spoken.append(plain(text["needed"]))
    finish_rows(ax, [str(name)[:40] for name in rows["commune"]], x=text["x"], comma=comma)
    ax.set_xlim(0, 102)
    ax.legend(shapes, spoken, frameon=False, fontsize="small", ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax

"""What the data hold, and whether the parts add up to the published whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from povstudy.plots.style import COLOURS, GREY, MARKERS, axes_of, finish, plain, words

__all__ = ["plot_availability", "plot_reconciliation"]


def plot_availability(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw how many areas have a figure, by series and year; an empty cell is a year without any.

    Parameters
    ----------
    table : DataFrame
        Index: series; columns: years; values: number of areas with a figure (0 is drawn empty).
    ax : Axes, optional
        Drawn on; a new figure otherwise.
    labels : mapping, optional
        Words for ``x`` and ``y``.

    Returns
    -------
    Axes
    """
    import seaborn as sns  # three seconds that the other figures need not pay

    text = words(labels, x="Year", y="")
    ax = axes_of(ax, width=6.8, height=1.1 + 0.32 * len(table))
    counts = table.astype(float).where(table > 0)
    sns.heatmap(
        counts,
        ax=ax,
        annot=True,
        fmt=".0f",
        annot_kws={"fontsize": 7.2},
        cmap=sns.light_palette(COLOURS[0], as_cmap=True),
        vmin=0,
        vmax=max(float(np.nanmax(counts.to_numpy())), 1.0) if counts.notna().any().any() else 1.0,
        cbar=False,
        linewidths=0.6,
        linecolor="white",
    )
    ax.set_facecolor("#F2F2F2")
    ax.set_xlabel(text["x"])
    ax.set_ylabel(text["y"])
    ax.tick_params(axis="x", rotation=90, labelsize=8)
    ax.tick_params(axis="y", rotation=0, labelsize=8, length=0)
    return ax


def plot_reconciliation(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the weighted mean of the parts against the published figure of the whole.

    Parameters
    ----------
    table : DataFrame
        Columns ``series`` (legend), ``published`` and ``weighted`` (%).
    ax, labels, comma
        As in `plot_series`; labels ``x, y, equal``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Published for the whole (%)", y="Provinces, weighted by population (%)", equal="equal")
    ax = axes_of(ax, width=4.6, height=4.2)
    top = float(max(table["published"].max(), table["weighted"].max())) * 1.08
    ax.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--", label=text["equal"])
    for position, (name, rows) in enumerate(table.groupby("series", sort=False)):
        style = position % len(COLOURS)
        ax.plot(
            rows["published"],
            rows["weighted"],
            color=COLOURS[style],
            marker=MARKERS[style],
            linestyle="none",
            markersize=5,
            label=plain(name),
        )
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.legend(frameon=False, fontsize="small")
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    ax.xaxis.set_major_formatter(ax.yaxis.get_major_formatter())
    return ax

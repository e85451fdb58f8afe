"""All provinces at once: a map of equal tiles, and the provinces of a region beside each other on shared axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from povstudy.plots.style import COLOURS, DASHES, GREY, axes_of, finish_panel, panels_of, plain, words, wrapped

__all__ = ["plot_panels", "plot_tiles"]

SHADES = LinearSegmentedColormap.from_list("povstudy", ["#EAF3FA", "#9CCBE8", COLOURS[0], "#00304D"])
"""From light to dark without a turn, so that a map printed in grey keeps its order."""
DARK = 0.179
"""Relative luminance below which white letters stand out more than black ones (WCAG 2: both 4.58 to 1 here)."""
WEIGHTS = (0.2126, 0.7152, 0.0722)
TILE = (0.82, 0.44)
"""Width and height of a tile in inches: a name in two lines and a number, in letters of seven points."""
TILE_LETTERS = 13


def plot_tiles(
    table: pd.DataFrame,
    *,
    own: Iterable[str] = (),
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw one tile for each province, as dark as its rate is high, with name and rate written on it.

    Parameters
    ----------
    table : DataFrame
        Columns ``area`` (id), ``name``, ``row``, ``column`` (from 0, the north on top), ``value`` (%; missing: an
        empty tile that says so).
    own : iterable of str
        Ids to set off by a frame.
    ax, labels, comma
        As in `plot_series`; label ``missing``.

    Returns
    -------
    Axes

    Examples
    --------
    >>> cells = pd.DataFrame({"area": ["x-1", "x-2"], "name": ["One", "Two"], "row": [0, 1], "column": [0, 0],
    ...                       "value": [4.6, None]})
    >>> [text.get_text().split() for text in plot_tiles(cells).texts]
    [['One', '4.60'], ['Two', 'not', 'known']]
    """
    text = words(labels, missing="not known")
    rows, columns = int(table["row"].max()) + 1, int(table["column"].max()) + 1
    ax = axes_of(ax, width=TILE[0] * columns, height=TILE[1] * rows)
    # Equal steps of shade for equal factors: a few provinces have rates ten times those of most.
    level = np.sqrt(table["value"].to_numpy(float) / max(float(table["value"].max()), 1e-9))
    chosen = set(own)
    for shade, cell in zip(level, table.itertuples(), strict=True):
        known, mine = bool(np.isfinite(shade)), cell.area in chosen
        ax.add_patch(
            Rectangle(
                (cell.column + 0.03, cell.row + 0.04),
                0.94,
                0.92,
                facecolor=SHADES(shade) if known else "white",
                edgecolor=COLOURS[1] if mine else GREY,
                linewidth=2.6 if mine else 0.5,
                linestyle="-" if known else ":",
                zorder=3 if mine else 2,
            )
        )
        number = f"{cell.value:.2f}".replace(".", "," if comma else ".") if known else text["missing"]
        ax.text(
            cell.column + 0.5,
            cell.row + 0.5,
            f"{wrapped(cell.name, TILE_LETTERS)}\n{number}",
            ha="center",
            va="center_baseline",
            fontsize=7.2,
            linespacing=1.05,
            fontweight="bold" if mine else "normal",
            color="white" if known and luminance(SHADES(shade)) < DARK else "black",
            zorder=4,
        )
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.set_axis_off()
    return ax


def luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance of a colour (WCAG 2.2), from 0 (black) to 1.

    Examples
    --------
    >>> round(luminance((1.0, 1.0, 1.0)), 3)
    1.0
    """
    parts = np.asarray(colour[:3])
    return float(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ WEIGHTS)


def plot_panels(
    table: pd.DataFrame,
    *,
    own: Iterable[str] = (),
    behind: pd.DataFrame | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Figure:
    """Draw the published rates of each area in a panel of its own, all on the same axes.

    It makes its own figure, because it needs one Axes for each area.

    Parameters
    ----------
    table : DataFrame
        Columns ``area``, ``name`` (the heading of a panel), ``standard``, ``year``, ``value`` (%); a new standard
        breaks the line.  Panels come in their order of first appearance.
    own : iterable of str
        Ids whose panels are set off.
    behind : DataFrame, optional
        Columns ``standard``, ``year``, ``value``: what every panel shows in grey, such as the whole region.
    labels, comma
        As in `plot_series`; labels ``x, y``.

    Returns
    -------
    Figure
    """
    text = words(labels, x="Year", y="Poor households (%)")
    areas = dict(zip(table["area"], table["name"], strict=True))
    figure, panels = panels_of(len(areas))
    chosen = set(own)
    for ax, (area, name) in zip(panels, areas.items(), strict=True):
        mine = area in chosen
        rows = table[table["area"].eq(area)]
        if behind is not None:
            _lines(ax, behind, color="#B3B3B3", linewidth=1.6, linestyle="-")
        _lines(ax, rows, color=COLOURS[1] if mine else COLOURS[0], linewidth=2.2 if mine else 1.4)
        finish_panel(ax, wrapped(name, 26), bold=mine, comma=comma)
    panels[0].set_ylim(bottom=0)
    figure.supxlabel(plain(text["x"]), fontsize="small")
    figure.supylabel(plain(text["y"]), fontsize="small")
    return figure


def _lines(ax: Axes, table: pd.DataFrame, **style: object) -> None:
    """Draw one line for each standard: a dash of its own, and never one across two."""
    for position, (_, rows) in enumerate(table.groupby("standard", sort=False)):
        rows = rows.sort_values("year")
        dash = {"linestyle": DASHES[position % len(DASHES)]} | style
        ax.plot(rows["year"], rows["value"], marker="o", markersize=2.4, **dash)

"""Who is poor, in what, where, and what moved: figures of a household file and of the gap between localities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from povstudy.plots.style import COLOURS, GREY, MARKERS, axes_of, finish, finish_rows, legend_below, words, wrapped

__all__ = [
    "plot_deprivations",
    "plot_gap",
    "plot_line_share",
    "plot_lorenz",
    "plot_moves",
    "plot_rates",
    "plot_targeting",
]

LABEL_STRIP = 0.06
"""Inches above a figure, as a share of a page of ten, that stay free for a label of the data."""
LIGHT = "#CFE5F3"
HATCHES = ("", "////", "....")


def _framed(ax: Axes | None, *, width: float = 6.4, height: float = 3.8) -> Axes:
    """Return the given Axes, or new ones with a free strip on top where a label of the data can stand."""
    if ax is not None:
        return ax
    ax = axes_of(None, width=width, height=height)
    ax.figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 10 * LABEL_STRIP / (2 * height)))
    return ax


def plot_rates(
    table: pd.DataFrame,
    *,
    reference: float | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw rates with their intervals, one a row; a row without a value says why.

    Parameters
    ----------
    table : DataFrame
        Columns ``name``, ``value``, ``low``, ``high`` (%), and ``note``: what stands in the place of a missing value.
    reference : float, optional
        A rate to compare with, a line from top to bottom.
    ax : Axes, optional
        Drawn on; a new figure otherwise.
    labels : mapping, optional
        Words for ``x`` and ``reference``.
    comma : bool
        Decimal comma on the value axis.

    Returns
    -------
    Axes

    Examples
    --------
    >>> rows = pd.DataFrame({"name": ["a", "b"], "value": [4.0, None], "low": [3.0, None], "high": [5.0, None],
    ...                      "note": ["", "not computable"]})
    >>> [text.get_text() for text in plot_rates(rows).texts]
    ['not computable']
    """
    text = words(labels, x="Households (%)", reference="all")
    ax = _framed(ax, height=1.4 + 0.36 * len(table))
    places = np.arange(len(table))
    values = table["value"].to_numpy(float)
    known = np.isfinite(values)
    errors = np.vstack([values - table["low"].to_numpy(float), table["high"].to_numpy(float) - values])
    ax.errorbar(
        values[known],
        places[known],
        xerr=np.nan_to_num(np.maximum(errors[:, known], 0.0)),
        color=COLOURS[0],
        marker=MARKERS[0],
        linestyle="none",
        elinewidth=1.6,
        capsize=3,
        markersize=5,
    )
    top = np.nanmax([*table["high"].to_numpy(float)[known], *values[known], reference or 0.0, 1e-9])
    if reference is not None:
        ax.axvline(reference, color=GREY, linestyle="--", linewidth=1, label=wrapped(text["reference"]))
    for place, note in zip(places[~known], table["note"].to_numpy(object)[~known], strict=True):
        ax.text(0.01 * top, place, wrapped(note, 60), va="center", fontsize="small", color=GREY, style="italic")
    finish_rows(ax, table["name"], x=text["x"], comma=comma)
    ax.set_xlim(-0.02 * top, 1.06 * top)
    if reference is not None:
        legend_below(ax)
    return ax


def plot_deprivations(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw which services are lacking: among all households, and among those that are poor as well.

    Parameters
    ----------
    table : DataFrame
        Columns ``name``, ``uncensored``, ``censored`` (% of all households), and ``note`` for rows without a value.
    ax, labels, comma
        As in `plot_rates`; labels ``x, uncensored, censored``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Households (%)", uncensored="lacking", censored="poor and lacking")
    ax = _framed(ax, height=1.7 + 0.36 * len(table))
    places = np.arange(len(table))
    outer, inner = (np.nan_to_num(table[c].to_numpy(float)) for c in ("uncensored", "censored"))
    ax.barh(places, outer, height=0.66, color=LIGHT, edgecolor=COLOURS[0], linewidth=0.8, label=text["uncensored"])
    ax.barh(places, inner, height=0.34, color=COLOURS[0], label=text["censored"])
    top = max(float(outer.max(initial=0.0)), 1e-9)
    for place, (value, note) in enumerate(zip(table["uncensored"], table["note"], strict=True)):
        if not np.isfinite(value):
            ax.text(0.01 * top, place, wrapped(note, 60), va="center", fontsize="small", color=GREY, style="italic")
    finish_rows(ax, table["name"], x=text["x"], comma=comma)
    ax.set_xlim(0, 1.05 * top)
    legend_below(ax)
    return ax


def plot_gap(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw each measure of the gap at the end as a percentage of the start: left of 100 narrower, right wider.

    Parameters
    ----------
    table : DataFrame
        Columns ``name`` and ``end_over_start`` (%), ``series`` (what the gap is in), ``scale`` (``absolute`` or
        ``relative``).
    ax, labels, comma
        As in `plot_rates`; labels ``x, start, absolute, relative``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="End, start = 100", start="no change", absolute="absolute", relative="relative")
    ax = _framed(ax, height=1.8 + 0.34 * len(table))
    places = np.arange(len(table))
    values = table["end_over_start"].to_numpy(float)
    for position, scale in enumerate(("absolute", "relative")):
        own = table["scale"].eq(scale).to_numpy()
        ax.hlines(places[own], 100, values[own], color=COLOURS[position], linewidth=2)
        ax.plot(
            values[own],
            places[own],
            color=COLOURS[position],
            marker=MARKERS[position],
            linestyle="none",
            markersize=7,
            label=wrapped(text[scale]),
        )
    ax.axvline(100, color=GREY, linestyle="--", linewidth=1, label=wrapped(text["start"]))
    many = table["series"].nunique() > 1
    names = [f"{s}: {n}" if many else n for s, n in zip(table["series"], table["name"], strict=True)]
    finish_rows(ax, names, x=text["x"], comma=comma)
    legend_below(ax, ncols=3)
    return ax


def plot_lorenz(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the Lorenz curve of income.

    Parameters
    ----------
    table : DataFrame
        Columns ``people`` and ``income``: cumulative shares (%), from 0 to 100.
    ax, labels, comma
        As in `plot_rates`; labels ``x, y, equal, curve``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Poorest (%)", y="Their share of income (%)", equal="all equal", curve="income")
    ax = _framed(ax, width=4.8, height=4.6)
    ax.plot([0, 100], [0, 100], color=GREY, linestyle="--", linewidth=1, label=text["equal"])
    ax.plot(table["people"], table["income"], color=COLOURS[0], marker=MARKERS[0], markersize=4, label=text["curve"])
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 100)
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


def plot_line_share(
    table: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the income line as a percentage of the minimum living standard by year; a new law breaks the line.

    Parameters
    ----------
    table : DataFrame
        Columns ``year``, ``area`` (rural, urban), ``law``, ``line_over_minimum`` (a ratio).
    names : mapping, optional
        Words for the areas.
    ax, labels, comma
        As in `plot_rates`; labels ``x, y, minimum``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Year", y="Income line (% of the minimum)", minimum="minimum living standard")
    ax = _framed(ax, height=3.8)
    for position, (area, rows) in enumerate(table.groupby("area", sort=False)):
        for number, (_, part) in enumerate(rows.groupby("law", sort=False)):
            part = part.sort_values("year")
            ax.plot(
                part["year"],
                100 * part["line_over_minimum"],
                color=COLOURS[position],
                marker=MARKERS[position],
                linestyle=("-", "--")[position % 2],
                label=None if number else wrapped((names or {}).get(area, area)),
            )
    ax.axhline(100, color=GREY, linestyle=":", linewidth=1.2, label=wrapped(text["minimum"]))
    ax.set_ylim(0, 108)
    finish(ax, x=text["x"], y=text["y"], comma=comma)
    legend_below(ax, ncols=3)
    return ax


def plot_moves(
    table: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw where the households of each class are a review later, as bars that add up to 100.

    Parameters
    ----------
    table : DataFrame
        Columns ``from``, ``to``, ``share`` (in [0, 1]; missing where it is not shown).
    names : mapping, optional
        Words for the classes.
    ax, labels, comma
        As in `plot_rates`; label ``x``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Households of the class (%)")
    spoken = names or {}
    starts, ends = list(dict.fromkeys(table["from"])), list(dict.fromkeys(table["to"]))
    wide = 100 * table.pivot_table(index="from", columns="to", values="share", dropna=False, observed=False)
    wide = wide.reindex(index=starts, columns=ends)
    ax = _framed(ax, height=1.9 + 0.55 * len(starts))
    left = np.zeros(len(starts))
    for position, end in enumerate(ends):
        values = np.nan_to_num(wide[end].to_numpy(float))
        ax.barh(
            np.arange(len(starts)),
            values,
            left=left,
            height=0.6,
            color=(COLOURS[0], "#9CCBE8", "white")[position % 3],
            edgecolor="#1A1A1A",
            linewidth=0.8,
            hatch=HATCHES[position % 3],
            label=wrapped(spoken.get(end, end)),
        )
        left += values
    finish_rows(ax, [spoken.get(start, start) for start in starts], x=text["x"], comma=comma)
    ax.set_xlim(0, 100)
    legend_below(ax, ncols=len(ends))
    return ax


def plot_targeting(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw leakage and undercoverage of each programme, with intervals.

    Parameters
    ----------
    table : DataFrame
        Columns ``name``, ``item`` (``leakage`` or ``undercoverage``), ``value``, ``low``, ``high`` (%).
    ax, labels, comma
        As in `plot_rates`; labels ``x, leakage, undercoverage``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="%", leakage="reached, outside the target", undercoverage="in the target, not reached")
    names = list(dict.fromkeys(table["name"]))
    ax = _framed(ax, height=1.8 + 0.5 * len(names))
    for position, item in enumerate(("leakage", "undercoverage")):
        rows = table[table["item"].eq(item) & table["value"].notna()]
        values = rows["value"].to_numpy(float)
        low, high = (rows[c].fillna(rows["value"]).to_numpy(float) for c in ("low", "high"))
        ax.errorbar(
            values,
            [names.index(name) + (-0.14, 0.14)[position] for name in rows["name"]],
            xerr=np.vstack([np.maximum(values - low, 0.0), np.maximum(high - values, 0.0)]),
            color=COLOURS[position],
            marker=MARKERS[position],
            linestyle="none",
            elinewidth=1.4,
            capsize=3,
            label=wrapped(text[item], 60),
        )
    finish_rows(ax, names, x=text["x"], comma=comma)
    ax.set_xlim(0, 100)
    legend_below(ax)
    return ax

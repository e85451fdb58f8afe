"""Costs and what they buy: break-even, the cost-effectiveness plane, acceptability, a budget, the path with a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from povstudy.plots.style import (
    COLOURS,
    DASHES,
    GREY,
    HATCHES,
    LEGEND_LETTERS,
    MARKERS,
    axes_of,
    finish,
    finish_rows,
    grouped,
    grouped_ticks,
    legend_below,
    log_axis,
    plain,
    words,
    wrapped,
)

__all__ = [
    "plot_acceptability",
    "plot_allocation",
    "plot_break_even",
    "plot_difference",
    "plot_plane",
    "plot_with_without",
]

SHADES = ("#0072B2", "#E69F00", "#56B4E9", "#BBBBBB", "#009E73", "#CC79A7")


def plot_break_even(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw which share of the served households must leave poverty for each model to be worth its cost.

    Parameters
    ----------
    table : DataFrame
        Columns ``model`` (name), ``worth`` (what an exit is worth), ``share`` (in [0, 1] or above: not possible).
    ax : Axes, optional
        Drawn on; a new figure otherwise.
    labels : mapping, optional
        Words for ``x, worth`` (with ``{worth}``) and ``all``.
    comma : bool
        Decimal comma.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Share of those served (%)", worth="{worth}", all="everybody served")
    models = list(dict.fromkeys(table["model"]))
    ax = axes_of(ax, height=1.5 + 0.5 * len(models))
    for position, (worth, rows) in enumerate(table.groupby("worth", sort=True)):
        share = rows.set_index("model")["share"].reindex(models)
        ax.plot(
            100 * share,
            np.arange(len(models)),
            linestyle="none",
            marker=MARKERS[position % len(MARKERS)],
            markersize=7,
            color=COLOURS[position % len(COLOURS)],
            label=text["worth"].format(worth=grouped(float(worth), comma)),
        )
    ax.axvline(100, color=GREY, linestyle="--", linewidth=1, label=text["all"])
    finish_rows(ax, models, x=text["x"])
    log_axis(ax, comma=comma)
    legend_below(ax, ncols=1)
    return ax


def plot_plane(
    table: pd.DataFrame,
    *,
    worth: Sequence[float],
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the cost-effectiveness plane: what a model does across, what it costs upwards, nothing done at the origin.

    A ray from the origin is all that costs the same for each exit: a model below it is worth its cost if an exit is
    worth that much.

    Parameters
    ----------
    table : DataFrame
        Columns ``model`` (name), ``exits``, ``low``, ``high`` (of 100 households served, with the interval), ``cost``
        (for 100 households served).  A model without ``exits`` has a known cost only: a mark on the left edge.
    worth : sequence of float
        What an exit may be worth, in the money of ``cost``: one ray each.
    ax, labels, comma
        As in `plot_break_even`; labels ``x, y, worth`` (with ``{worth}``), ``unknown``.

    Returns
    -------
    Axes
    """
    text = words(
        labels,
        x="Exits of 100 households served",
        y="Cost of 100 households served",
        worth="an exit costs {worth}",
        unknown="cost known, effect not",
    )
    ax = axes_of(ax, height=4.6)
    known = table[table["exits"].notna()]
    left = min(0.0, float(known["low"].min())) if len(known) else 0.0
    right = max(1.0, float(known["high"].max()) if len(known) else 1.0)
    left, right = (1.08 * end for end in (left, right))
    top = 1.15 * float(table["cost"].max())
    for position, value in enumerate(worth):
        end = min(right, top / value)
        ax.plot(
            [0, end],
            [0, end * value],
            color=GREY,
            linestyle=DASHES[1 + position],
            linewidth=1.2,
            label=plain(text["worth"].format(worth=grouped(float(value), comma))),
        )
    rest = table[table["exits"].isna()]
    if len(rest):
        ax.plot(
            np.full(len(rest), left),
            rest["cost"],
            color=GREY,
            marker=">",
            markersize=6,
            linestyle="none",
            clip_on=False,
            label=text["unknown"],
        )
    for position, row in enumerate(known.itertuples()):
        style = position % len(COLOURS)
        ax.plot([row.low, row.high], [row.cost, row.cost], color=COLOURS[style], linewidth=2, solid_capstyle="butt")
        ax.plot(
            row.exits,
            row.cost,
            color=COLOURS[style],
            marker=MARKERS[style],
            markersize=8,
            linestyle="none",
            label=wrapped(row.model, LEGEND_LETTERS),
        )
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_xlim(left, right)
    ax.set_ylim(0, top)
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    ax.xaxis.set_major_formatter(grouped_ticks(comma))
    ax.yaxis.set_major_formatter(grouped_ticks(comma))
    legend_below(ax)
    return ax


def plot_acceptability(
    table: pd.DataFrame,
    *,
    worth: Sequence[float] = (),
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw how sure it is that each model is worth its cost, by what an exit is worth.

    Parameters
    ----------
    table : DataFrame
        Columns ``model`` (name), ``threshold`` (what an exit is worth), ``probability`` (in [0, 1]).
    worth : sequence of float
        Values of an exit that are marked.
    ax, labels, comma
        As in `plot_break_even`; labels ``x, y, worth`` (with ``{worth}``).

    Returns
    -------
    Axes
    """
    text = words(labels, x="What an exit is worth", y="Chance that it is worth its cost (%)", worth="{worth}")
    ax = axes_of(ax)
    for position, (model, rows) in enumerate(table.groupby("model", sort=False)):
        rows = rows.sort_values("threshold")
        style = position % len(COLOURS)
        ax.plot(
            rows["threshold"],
            100 * rows["probability"],
            color=COLOURS[style],
            linestyle=DASHES[style],
            linewidth=2,
            label=wrapped(model, LEGEND_LETTERS),
        )
    for position, value in enumerate(worth):
        ax.axvline(
            value,
            color=GREY,
            linestyle=DASHES[1 + position],
            linewidth=1.2,
            label=plain(text["worth"].format(worth=grouped(float(value), comma))),
        )
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    ax.set_ylim(0, 102)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(grouped_ticks(comma))
    legend_below(ax)
    return ax


def plot_allocation(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw how the money of each plan is spread over models and kinds of commune, as stacked bars.

    Parameters
    ----------
    table : DataFrame
        Columns ``plan`` (one bar each, in order of appearance), ``part`` (stacked), ``cost``.
    ax, labels, comma
        As in `plot_break_even`; label ``x``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Money")
    plans, parts = list(dict.fromkeys(table["plan"])), list(dict.fromkeys(table["part"]))
    ax = axes_of(ax, height=1.6 + 0.55 * len(plans))
    left = np.zeros(len(plans))
    places = np.arange(len(plans))
    for position, part in enumerate(parts):
        cost = table[table["part"].eq(part)].groupby("plan")["cost"].sum().reindex(plans).fillna(0.0).to_numpy()
        ax.barh(
            places,
            cost,
            left=left,
            height=0.6,
            color=SHADES[position % len(SHADES)],
            hatch=HATCHES[position % len(HATCHES)],
            edgecolor="white",
            label=plain(part),
        )
        left += cost
    finish_rows(ax, plans, x=text["x"])
    ax.xaxis.set_major_formatter(grouped_ticks(comma))
    legend_below(ax)
    return ax


def plot_with_without(
    observed: pd.DataFrame,
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the forecast without and with a scaled-up model beside each other.

    Parameters
    ----------
    observed : DataFrame
        Columns ``year, value`` (%).
    table : DataFrame
        Columns ``year, scenario, median, low, high``: scenarios in order of appearance, at most three.
    ax, labels, comma
        As in `plot_break_even`; labels ``x, y, observed, band`` (with ``{scenario}``).

    Returns
    -------
    Axes
    """
    text = words(labels, x="Year", y="Poor households (%)", observed="observed", band="{scenario}: interval")
    ax = axes_of(ax, height=4.4)
    last = observed.sort_values("year").iloc[-1]
    for position, (scenario, rows) in enumerate(table.groupby("scenario", sort=False)):
        rows = rows.sort_values("year")
        years = np.r_[last["year"], rows["year"]]
        low, high, median = (np.r_[last["value"], rows[column]] for column in ("low", "high", "median"))
        colour = COLOURS[position % 3]
        if position == 0:
            ax.fill_between(
                years,
                low,
                high,
                color=colour,
                alpha=0.2,
                linewidth=0,
                label=text["band"].format(scenario=plain(scenario)),
            )
        else:
            for edge, label in ((low, text["band"].format(scenario=plain(scenario))), (high, None)):
                ax.plot(years, edge, color=colour, linestyle=":", linewidth=1.6, label=label)
        ax.plot(
            years,
            median,
            color=colour,
            linestyle=DASHES[1] if position == 0 else "-",
            linewidth=2,
            label=plain(scenario),
        )
    ax.plot(observed["year"], observed["value"], color="black", marker="o", markersize=5, label=text["observed"])
    ax.set_ylim(bottom=0)
    finish(ax, x=text["x"], y=text["y"], comma=comma)
    legend_below(ax)
    return ax


def plot_difference(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw what a scaled-up model changes in the rate, year by year: two paths that lie close hide it.

    Parameters
    ----------
    table : DataFrame
        Columns ``year, median, low, high`` (percentage points, below zero where the rate is lower with the model).
    ax, labels, comma
        As in `plot_break_even`; labels ``x, y, median, band``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Year", y="Difference (pp)", median="median", band="interval")
    ax = axes_of(ax, height=2.9)
    rows = table.sort_values("year")
    ax.axhline(0, color=GREY, linewidth=1)
    ax.vlines(rows["year"], rows["low"], rows["high"], color=COLOURS[1], linewidth=5, alpha=0.45, label=text["band"])
    ax.plot(
        rows["year"], rows["median"], color=COLOURS[1], marker="o", markersize=5, linewidth=1.6, label=text["median"]
    )
    finish(ax, x=text["x"], y=text["y"], comma=comma)
    legend_below(ax)
    return ax

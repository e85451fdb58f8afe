"""Forecasts, the probability of their targets, and how wrong they were before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from povstudy.areas import one_territory
from povstudy.errors import DataError
from povstudy.plots.style import (
    COLOURS,
    DASHES,
    GREY,
    GRID,
    LEGEND_LETTERS,
    MARKERS,
    axes_of,
    finish,
    finish_panel,
    finish_rows,
    legend_below,
    panels_of,
    plain,
    words,
    wrapped,
)
from povstudy.standards import one_standard

__all__ = ["plot_coverage", "plot_errors", "plot_fan", "plot_probabilities", "plot_ranking", "plot_scenarios"]

BANDS = ((95, "#D1E6F1"), (80, "#92C3DE"), (50, "#519ECA"))
"""Interval levels, widest first, with the colour of their band: opaque, so that the legend shows it as it is drawn."""
MEDIAN = "#00304D"
"""Dark enough to be seen on the innermost band, in grey as well."""
TARGET_DASHES = ("-.", ":", *DASHES[4:6], "--")
NAME_LINE, BAR_LINE = 0.17, 0.38
"""Inches of a line of a name, and of its bar with the gap below."""
PANEL_LETTERS = 30
"""Of a line of the heading of a panel where three stand in a row."""
BAR_LETTERS = 88
"""Of a line above a bar, so that it is no wider than the axes."""


def plot_fan(
    observed: pd.DataFrame,
    forecast: pd.DataFrame,
    *,
    targets: pd.DataFrame | None = None,
    past: pd.DataFrame | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw what was observed and the fan of its forecast, with what the rule said before in grey.

    Parameters
    ----------
    observed : DataFrame
        Columns ``area``, ``year``, ``value`` (%), ``standard``: one area, one standard.
    forecast : DataFrame
        Rows of ``Forecast.table`` for one area, one scenario.
    targets : DataFrame, optional
        Columns ``target`` (name), ``year``, ``value``: each target is a line (or a point, if it has one row).
    past : DataFrame, optional
        Columns ``origin_year, target_year, median`` of past forecasts of the same area on the same standard.
    ax, labels, comma
        As in `plot_series`; labels ``x, y, observed, median, past, band`` (with ``{level}``).

    Returns
    -------
    Axes

    Raises
    ------
    StandardError
        The observed figures are on more than one standard or territory, or not on that of the forecast.
    DataError
        The forecast holds more than one area or scenario.
    """
    text = words(
        labels,
        x="Year",
        y="Poor households (%)",
        observed="observed",
        median="forecast (median)",
        past="past forecasts (median)",
        band="{level} % interval",
    )
    for column in ("area", "scenario"):
        if forecast[column].nunique(dropna=False) > 1:
            raise DataError(
                f"plot_fan draws one {column}, the forecast holds {forecast[column].nunique(dropna=False)}; "
                "select one first"
            )
    one_standard([*observed["standard"], *forecast["standard"]], what="one line of a figure", where="plot_fan")
    one_territory([*observed["area"], *forecast["area"]])
    ax = axes_of(ax, height=4.4)
    observed = observed.sort_values("year")
    forecast = forecast.sort_values("target_year")
    last = observed.iloc[-1]
    years = np.r_[last["year"], forecast["target_year"]]
    for level, colour in BANDS:
        ax.fill_between(
            years,
            np.r_[last["value"], forecast[f"low_{level}"]],
            np.r_[last["value"], forecast[f"high_{level}"]],
            color=colour,
            linewidth=0,
            label=text["band"].format(level=level),
        )
    ax.plot(
        years,
        np.r_[last["value"], forecast["median"]],
        color=MEDIAN,
        linestyle="--",
        label=text["median"],
    )
    if past is not None:
        _draw_past(ax, observed, past, text["past"])
    ax.plot(observed["year"], observed["value"], color="black", marker="o", markersize=5, label=text["observed"])
    if targets is not None:
        for position, (name, rows) in enumerate(targets.groupby("target", sort=False)):
            ax.plot(
                rows["year"],
                rows["value"],
                color=COLOURS[1],
                linestyle=TARGET_DASHES[position % len(TARGET_DASHES)] if len(rows) > 1 else "none",
                marker=MARKERS[1 + position % 6] if len(rows) == 1 else None,
                label=wrapped(name, LEGEND_LETTERS),
            )
    ax.set_ylim(bottom=0)
    finish(ax, x=text["x"], y=text["y"], comma=comma)
    legend_below(ax)
    return ax


def _draw_past(ax: Axes, observed: pd.DataFrame, past: pd.DataFrame, label: str) -> None:
    """Draw each past forecast from the figure that it started from."""
    figures = dict(zip(observed["year"], observed["value"], strict=True))
    named = label
    for origin, rows in past.groupby("origin_year"):
        if origin not in figures:
            continue
        rows = rows.sort_values("target_year")
        ax.plot(
            [origin, *rows["target_year"]],
            [figures[origin], *rows["median"]],
            color=COLOURS[7],
            linewidth=1.2,
            marker=".",
            markevery=slice(1, None),
            label=named,
        )
        named = "_nolegend_"


def plot_errors(
    scores: pd.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the mean absolute error of each method against the horizon.

    Parameters
    ----------
    scores : DataFrame
        Columns ``method, horizon, mae`` (points) of `backtest`; methods in their order of appearance.
    names : mapping, optional
        Words for the methods.
    ax, labels, comma
        As in `plot_series`.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Years ahead", y="Mean absolute error (points)")
    ax = axes_of(ax, height=3.7)
    for position, (method, rows) in enumerate(scores.groupby("method", sort=False)):
        style = position % len(COLOURS)
        rows = rows.sort_values("horizon")
        ax.plot(
            rows["horizon"],
            rows["mae"],
            color=COLOURS[style],
            marker=MARKERS[style],
            linestyle=DASHES[style],
            label=(names or {}).get(method, method),
        )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylim(bottom=0)
    finish(ax, x=text["x"], y=text["y"], years=False, comma=comma)
    legend_below(ax)
    return ax


def plot_coverage(
    scores: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw how often past intervals held the figure that came, against what they promised.

    Parameters
    ----------
    scores : DataFrame
        Columns ``spell`` (name of the panel), ``horizon``, ``coverage_80`` (share in [0, 1]).
    ax, labels, comma
        As in `plot_series`; labels ``x, nominal, horizon`` (with ``{horizon}``).

    Returns
    -------
    Axes
    """
    text = words(
        labels,
        x="Past intervals that held (%)",
        nominal="promised: 80 %",
        horizon="{horizon} years ahead",
    )
    spells = list(dict.fromkeys(scores["spell"]))
    ax = axes_of(ax, height=1.2 + 0.5 * len(spells))
    horizons = sorted(scores["horizon"].unique())
    offsets = np.linspace(0.22, -0.22, len(horizons)) if len(horizons) > 1 else [0.0]
    for position, horizon in enumerate(horizons):
        rows = scores[scores["horizon"] == horizon]
        ax.plot(
            100 * rows["coverage_80"],
            [spells.index(spell) - offsets[position] for spell in rows["spell"]],
            color=COLOURS[position % len(COLOURS)],
            marker=MARKERS[position % len(MARKERS)],
            markersize=6,
            linestyle="none",
            clip_on=False,
            label=text["horizon"].format(horizon=horizon),
        )
    ax.axvline(80, color=GREY, linestyle="--", linewidth=1, label=text["nominal"])
    finish_rows(ax, spells, x=text["x"], comma=comma)
    ax.set_xlim(0, 100)
    legend_below(ax)
    return ax


def plot_probabilities(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw the probability that each target is met, as bars with their verdict in words.

    Parameters
    ----------
    table : DataFrame
        Columns ``target`` (name), ``probability`` (share in [0, 1]), ``verdict`` (words); first row on top.
    ax, labels, comma
        As in `plot_series`.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Probability (%)", y="")
    names = [wrapped(name, BAR_LETTERS) for name in table["target"]]
    lines = np.array([1 + name.count("\n") for name in names])
    heights = NAME_LINE * lines + BAR_LINE
    ax = axes_of(ax, height=0.7 + float(heights.sum()))
    tops = np.r_[0.0, np.cumsum(heights)[:-1]]
    places = tops + NAME_LINE * lines + BAR_LINE / 2 - 0.06
    values = 100 * table["probability"].to_numpy()
    ax.barh(places, values, color=COLOURS[0], height=0.2)
    for top, place, value, name, verdict in zip(tops, places, values, names, table["verdict"], strict=True):
        # The name stands above its bar: long names would push the bars off the page.
        ax.text(0, top + 0.02, name, va="top", ha="left", fontsize="small")
        inside = value > 55
        ax.text(
            value + (-1.5 if inside else 1.5),
            place,
            plain(verdict),
            va="center_baseline",
            ha="right" if inside else "left",
            color="white" if inside else "black",
            fontsize="small",
        )
    ax.set_xlim(0, 100)
    ax.set_ylim(float(heights.sum()), 0)
    finish(ax, x=text["x"], y=text["y"], years=False)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", **GRID)
    return ax


def plot_scenarios(
    observed: pd.DataFrame,
    forecast: pd.DataFrame,
    scenarios: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Figure:
    """Draw each named scenario in a panel over the 80 % band of the forecast, which stays grey: none is a forecast.

    It makes its own figure, because it needs one Axes for each scenario.

    Parameters
    ----------
    observed : DataFrame
        Columns ``area``, ``year``, ``value`` (%), ``standard``.
    forecast : DataFrame
        Rows of ``Forecast.table`` of the same area and standard.
    scenarios : DataFrame
        Columns ``scenario`` (name), ``target_year``, ``median``; panels come in their order of first appearance.
    labels, comma
        As in `plot_series`; labels ``x, y, observed, band``.

    Returns
    -------
    Figure

    Raises
    ------
    StandardError
        Figures and forecast are on more than one standard or territory.
    DataError
        No scenario is there.
    """
    text = words(
        labels, x="Year", y="Poor households (%)", observed="observed", band="forecast, median and 80 % interval"
    )
    one_standard([*observed["standard"], *forecast["standard"]], what="one line of a figure", where="plot_scenarios")
    one_territory([*observed["area"], *forecast["area"]])
    if scenarios.empty:
        raise DataError("plot_scenarios has no scenario to draw. Give at least one row in 'scenarios'.")
    observed, forecast = observed.sort_values("year"), forecast.sort_values("target_year")
    last = observed.iloc[-1]
    years = np.r_[last["year"], forecast["target_year"]]
    low, middle, high = (np.r_[last["value"], forecast[column]] for column in ("low_80", "median", "high_80"))
    named = list(scenarios.groupby("scenario", sort=False))
    figure, panels = panels_of(len(named), across=3)
    for ax, (name, rows) in zip(panels, named, strict=True):
        rows = rows.sort_values("target_year")
        path = np.r_[last["value"], rows["median"]]
        ax.fill_between(years, low, high, color=GREY, alpha=0.18, linewidth=0, label="_nolegend_")
        ax.plot(years, middle, color=GREY, linewidth=3, alpha=0.6, label=text["band"])
        ax.plot(observed["year"], observed["value"], color="black", marker="o", markersize=3, label=text["observed"])
        ax.plot(np.r_[last["year"], rows["target_year"]], path, color=COLOURS[1], marker="D", markersize=2.8)
        ax.annotate(
            f"{path[-1]:.2f}".replace(".", "," if comma else "."),
            (float(rows["target_year"].iloc[-1]), float(path[-1])),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=7.2,
            color=COLOURS[1],
        )
        finish_panel(ax, wrapped(name, PANEL_LETTERS), comma=comma)
    panels[0].set_ylim(bottom=0)
    panels[0].margins(x=0.1)
    figure.supxlabel(plain(text["x"]), fontsize="small")
    figure.supylabel(plain(text["y"]), fontsize="small")
    handles = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles, loc="outside upper left", ncols=2, frameon=False, fontsize="small", borderaxespad=0.2
    )
    return figure


def plot_ranking(
    table: pd.DataFrame,
    *,
    own: Iterable[str] = (),
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw areas in the order of their forecast, each with its 80 % interval and its last figure.

    Parameters
    ----------
    table : DataFrame
        Columns ``area`` (id), ``name``, ``last``, ``median``, ``low_80``, ``high_80`` (%); first row on top.
    own : iterable of str
        Ids to set off.
    ax, labels, comma
        As in `plot_series`; labels ``x, last, median``.

    Returns
    -------
    Axes
    """
    text = words(labels, x="Poor households (%)", last="last figure", median="forecast (median) and 80 % interval")
    ax = axes_of(ax, height=1.1 + 0.2 * len(table))
    places = np.arange(len(table))
    chosen = table["area"].isin(list(own)).to_numpy()
    for mine in (False, True):
        rows, at = table[chosen == mine], places[chosen == mine]
        colour = COLOURS[1] if mine else COLOURS[0]
        ax.hlines(at, rows["low_80"], rows["high_80"], color=colour, linewidth=2.4 if mine else 1.6, alpha=0.8)
        ax.plot(
            rows["median"],
            at,
            color=colour,
            marker="D" if mine else "o",
            markersize=5,
            linestyle="none",
            label="_nolegend_" if mine else text["median"],
        )
    ax.plot(table["last"], places, color=GREY, marker="|", markersize=8, linestyle="none", label=text["last"])
    finish_rows(ax, table["name"], x=text["x"], comma=comma, size=7.2)
    for label, mine in zip(ax.get_yticklabels(), chosen, strict=True):
        label.set_fontweight("bold" if mine else "normal")
    ax.set_xlim(left=0)
    legend_below(ax)
    return ax

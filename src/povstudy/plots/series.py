"""What has been published: one line for each standard, never one across two."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from povstudy.areas import one_territory
from povstudy.plots.style import COLOURS, DASHES, LEGEND_LETTERS, MARKERS, axes_of, finish, legend_below, plain, words
from povstudy.standards import one_standard

__all__ = ["plot_series"]


def plot_series(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    comma: bool = False,
) -> Axes:
    """Draw published rates, one line per series.

    Parameters
    ----------
    table : DataFrame
        Columns ``series`` (the name of a line in the legend), ``area``, ``standard`` (the label of the series
        of figures), ``year``, ``value`` (%); optional ``std_error`` (points), drawn as a bar of one standard
        error on either side.  Series come in their order of first appearance.
    ax : Axes, optional
        Drawn on; a new figure otherwise.
    labels : mapping, optional
        Words for ``x`` and ``y``.
    comma : bool
        Decimal comma on the value axis.

    Returns
    -------
    Axes

    Raises
    ------
    StandardError
        One line would cross two standards, survey and review, or the merger of 2025.

    Examples
    --------
    >>> rows = pd.DataFrame({"series": ["a", "a"], "area": ["x-1", "x-1"], "standard": ["s", "s"],
    ...                      "year": [2022, 2023], "value": [4.6, 3.7]})
    >>> ax = plot_series(rows)
    >>> len(ax.lines)
    1
    """
    text = words(labels, x="Year", y="Poor households (%)")
    names = list(dict.fromkeys(table["series"]))
    long = max(map(len, map(str, names)), default=0) > LEGEND_LETTERS - 6
    ax = axes_of(ax, height=3.8 + 0.18 * (len(names) if long else (len(names) + 1) // 2))
    for position, (name, rows) in enumerate(table.groupby("series", sort=False)):
        one_standard(rows["standard"], what="one line of a figure", where=f"series {name!r}")
        one_territory(rows["area"])
        rows = rows.sort_values("year")
        style = position % len(COLOURS)
        error = rows.get("std_error")
        drawn = error is not None and error.notna().any()
        ax.errorbar(
            rows["year"],
            rows["value"],
            yerr=error.fillna(0.0) if drawn else None,
            color=COLOURS[style],
            marker=MARKERS[style],
            linestyle=DASHES[style],
            linewidth=1.6,
            markersize=5,
            elinewidth=0.9,
            capsize=2.5 if drawn else 0,
            markerfacecolor="white" if position >= len(COLOURS) else None,
            label=plain(name),
        )
    ax.set_ylim(bottom=0)
    finish(ax, x=text["x"], y=text["y"], comma=comma)
    legend_below(ax, ncols=1 if long else 2)
    return ax

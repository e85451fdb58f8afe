"""The one visual language of all figures: colours, markers, frame, number format.

Colours are the Okabe-Ito set, which colour-blind readers can tell apart; every colour is paired with a marker
and a dash, so that a figure printed in grey keeps its meaning.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from functools import partial

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

__all__ = [
    "COLOURS",
    "DASHES",
    "HATCHES",
    "MARKERS",
    "axes_of",
    "decimal_ticks",
    "finish",
    "finish_panel",
    "finish_rows",
    "grouped_ticks",
    "legend_below",
    "log_axis",
    "panels_of",
    "plain",
    "words",
    "wrapped",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3)))
HATCHES = ("", "//", "..", "xx", "\\\\", "++")
GREY = "#595959"
GRID = {"color": "#D9D9D9", "linewidth": 0.6}
NAME_LETTERS = 34
"""Of a name on the left before it is broken."""
LEGEND_LETTERS = 44
"""Of a line of the legend, so that two columns are no wider than the figure."""
PANEL = (1.56, 1.2)
"""Width and height of a panel of small multiples in inches, where four stand in a row."""
LINE = 1.25
"""Height of a line of text, in letter heights."""


def axes_of(ax: Axes | None, *, width: float = 6.4, height: float = 3.8) -> Axes:
    """Return the given Axes, or one on a new figure of ``width`` x ``height`` inches."""
    if ax is not None:
        return ax
    _, made = plt.subplots(figsize=(width, height), layout="constrained")
    return made


def words(labels: Mapping[str, str] | None, **defaults: str) -> dict[str, str]:
    """Return the words of a figure: the defaults, replaced where ``labels`` has the key.

    Raises
    ------
    KeyError
        ``labels`` has a key that the figure does not use.

    Examples
    --------
    >>> words({"x": "Năm"}, x="Year", y="Rate (%)")
    {'x': 'Năm', 'y': 'Rate (%)'}
    """
    unknown = set(labels or {}) - set(defaults)
    if unknown:
        raise KeyError(f"labels {sorted(unknown)} are not used by this figure; it has {sorted(defaults)}")
    return {**defaults, **(labels or {})}


def plain(text: object) -> str:
    """Return a text that matplotlib does not read as mathematics."""
    return str(text).replace("$", r"\$")


def wrapped(text: object, width: int = NAME_LETTERS) -> str:
    """Return a text broken into lines of at most ``width`` letters, which matplotlib does not read as mathematics."""
    return "\n".join(plain(line) for line in textwrap.wrap(str(text), width)) or " "


def decimal(value: float, comma: bool) -> str:
    """Return a tick label without trailing zeros, with a decimal comma if asked."""
    # Six digits: two would write the ticks .025, .05, .075 as .03, .05, .08.
    text = f"{value:z.6f}".rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}")
    return (text or "0").replace(".", ",") if comma else text or "0"


def finish(ax: Axes, *, x: str, y: str, years: bool = True, comma: bool = False) -> Axes:
    """Give the Axes its frame: units on both axes, whole years, a light grid, no box."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(axis="y", **GRID)
    ax.set_axisbelow(True)
    if years:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
        ax.xaxis.set_major_formatter(FuncFormatter(_whole))
    ax.yaxis.set_major_formatter(decimal_ticks(comma))
    return ax


def finish_rows(ax: Axes, names: Sequence[object], *, x: str, comma: bool = False, size: str | float = "small") -> Axes:
    """Give an Axes with one name a row its frame; the first name stands on top, at place 0.

    Parameters
    ----------
    ax : Axes
        Its rows are drawn at the places 0, 1, … from the top.
    names : sequence of str
        Names of the rows, broken into lines where they are long.
    x : str
        Label of the value axis.
    comma : bool
        Decimal comma.
    size : str or float
        Size of the names.
    """
    finish(ax, x=x, y="", years=False, comma=comma)
    ax.xaxis.set_major_formatter(decimal_ticks(comma))
    ax.set_yticks(range(len(names)), [wrapped(name) for name in names], fontsize=size)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", **GRID)
    return ax


def panels_of(count: int, *, across: int = 4) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``count`` panels on the same axes, ``across`` in a row, and their Axes."""
    across = min(across, count)
    down, size = -(-count // across), 4 * PANEL[0] / max(across, 3)
    figure, grid = plt.subplots(
        down,
        across,
        figsize=(0.5 + size * across, 0.5 + PANEL[1] * size / PANEL[0] * down),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for position in range(count, down * across):
        grid.flat[position].set_axis_off()
        grid.flat[position - across].tick_params(labelbottom=True)
    return figure, list(grid.flat[:count])


def finish_panel(ax: Axes, title: str, *, bold: bool = False, comma: bool = False) -> Axes:
    """Give a panel of small multiples its frame, its heading and few ticks."""
    finish(ax, x="", y="", comma=comma)
    ax.set_title(title, fontsize=8, fontweight="bold" if bold else "normal", loc="left", pad=3)
    ax.tick_params(labelsize=7.2)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
    return ax


def legend_below(ax: Axes, *, ncols: int = 2) -> None:
    """Put the legend below the label of the years or values, clear of it whatever the height of the figure.

    Call it when the axis has its ticks and its label.  A legend of a chart with names on the left ends where the axes
    end, so that it can use the room below the names.
    """
    label, (ticks, size) = ax.xaxis.label, _tick_names(ax.xaxis)
    points = LINE * size * (1 + max([text.count("\n") for text in ticks], default=0))
    points += LINE * label.get_fontsize() * (1 + label.get_text().count("\n")) if label.get_text() else 0
    rows = any(tick.strip() for tick in _tick_names(ax.yaxis)[0]) and not ax.yaxis.label.get_text()
    ax.legend(
        frameon=False,
        fontsize="small",
        ncols=ncols,
        borderaxespad=0.3,
        loc="upper right" if rows else "upper left",
        bbox_to_anchor=(1 if rows else 0, 0),
        bbox_transform=ax.transAxes + ScaledTranslation(0, -(points + 12) / 72, ax.figure.dpi_scale_trans),
    )


def _tick_names(axis: Axis) -> tuple[Sequence[str], float]:
    """Return the names at the ticks of an axis and their size in points.

    The ticks themselves are not asked: each would be made, a tenth of the time of a figure.
    """
    names = axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
    size = axis.get_tick_params().get("labelsize", plt.rcParams[f"{axis.axis_name}tick.labelsize"])
    return names, FontProperties(size=size).get_size_in_points() if len(names) else 0.0


def log_axis(ax: Axes, *, comma: bool) -> None:
    """Make the value axis logarithmic, with numbers as on the others and none between the powers of ten."""
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(grouped_ticks(comma))
    ax.xaxis.set_minor_formatter(NullFormatter())


def grouped(value: float, comma: bool) -> str:
    """Return a tick label, thousands grouped from 1,000 on."""
    if abs(value) < 1000:
        return decimal(value, comma)
    return f"{value:,.0f}".replace(",", "." if comma else ",").replace("-", "\N{MINUS SIGN}")


def grouped_ticks(comma: bool) -> FuncFormatter:
    """Return what writes large numbers along an axis."""
    return FuncFormatter(partial(_grouped, comma=comma))


def decimal_ticks(comma: bool) -> FuncFormatter:
    """Return what writes numbers along an axis."""
    return FuncFormatter(partial(_decimal, comma=comma))


# Named functions: a figure with a lambda cannot be pickled, and a sweep compares figures by their pickles.
def _whole(value: float, _: int | None) -> str:
    return f"{value:z.0f}".replace("-", "\N{MINUS SIGN}")


def _decimal(value: float, _: int | None, *, comma: bool) -> str:
    return decimal(value, comma)


def _grouped(value: float, _: int | None, *, comma: bool) -> str:
    return grouped(value, comma)

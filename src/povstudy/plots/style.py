"""The one visual language of all figures: colours, markers, frame, number format.

Colours are the Okabe-Ito set, which colour-blind readers can tell apart; every colour is paired with a marker
and a dash, so that a figure printed in grey keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

__all__ = ["COLOURS", "DASHES", "MARKERS", "axes_of", "decimal_ticks", "finish", "words"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3)))
GREY = "#595959"


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


def decimal(value: float, comma: bool) -> str:
    """Return a tick label without trailing zeros, with a decimal comma if asked."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return (text or "0").replace(".", ",") if comma else text or "0"


def finish(ax: Axes, *, x: str, y: str, years: bool = True, comma: bool = False) -> Axes:
    """Give the Axes its frame: units on both axes, whole years, a light grid, no box."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(axis="y", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    if years:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
        ax.xaxis.set_major_formatter(FuncFormatter(_whole))
    ax.yaxis.set_major_formatter(decimal_ticks(comma))
    return ax


def decimal_ticks(comma: bool) -> FuncFormatter:
    """Return what writes numbers along an axis."""
    return FuncFormatter(partial(_decimal, comma=comma))


# Named functions: a figure with a lambda cannot be pickled, and a sweep compares figures by their pickles.
def _whole(value: float, _: int | None) -> str:
    return f"{value:.0f}"


def _decimal(value: float, _: int | None, *, comma: bool) -> str:
    return decimal(value, comma)

"""A figure as PNG, and the table behind it: what was drawn, read off the figure itself."""

from __future__ import annotations

import copyreg
import hashlib
import io
import math
import pickle
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from povstudy.memory import recall

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox
    from PIL import Image

__all__ = ["figure_png", "figure_table"]

PNG_DPI = 200
PNG_COLOURS = 256
PNG_SAMPLE = 3  # every third pixel each way tells the commonest colour
PNG_LEVEL = 6  # a twentieth larger than 9, in a fifth of the time
COLUMNS = ("axes", "kind", "item", "point", "x", "y", "text")


def figure_png(figure: Figure) -> bytes:
    """Return the figure as PNG of at most 256 colours, without date or software version.

    A palette makes a chart a third as large, so that a report of ten figures stays a page that can be mailed.

    Parameters
    ----------
    figure : Figure
        A matplotlib figure.

    Returns
    -------
    bytes
        The same each time on one platform with one version of matplotlib.
    """
    return recall(lambda: _fingerprint(figure), lambda: _drawn_png(figure))


def _drawn_png(figure: Figure) -> bytes:
    from PIL import Image

    pixels, file = _Pixels(), io.BytesIO()
    figure.savefig(pixels, format="rgba", dpi=PNG_DPI, bbox_inches=_settled(figure), facecolor="white")
    picture = _with_palette(Image.frombuffer("RGBA", pixels.size, pixels.content).convert("RGB"))
    picture.save(file, format="png", compress_level=PNG_LEVEL, dpi=(PNG_DPI, PNG_DPI))
    return file.getvalue()


def _settled(figure: Figure) -> Bbox:
    """Lay a figure out once and for all; return what ``bbox_inches="tight"`` would find after a drawing of its own."""
    import matplotlib

    dpi = figure.dpi
    figure.dpi = PNG_DPI
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    found = figure.get_tightbbox().padded(matplotlib.rcParams["savefig.pad_inches"])
    figure.dpi = dpi
    return found


class _Pixels(io.RawIOBase):
    """Takes a drawing as matplotlib's canvas writes it, with its size: nothing is packed only to be unpacked."""

    def writable(self) -> bool:
        return True

    def write(self, drawn: memoryview) -> int:
        height, width, _ = drawn.shape
        self.size, self.content = (width, height), bytes(drawn)
        return drawn.nbytes


def _with_palette(image: Image.Image) -> Image.Image:
    """Return the picture in at most 256 colours: an octree, a sixth of the time of a median cut.

    An octree gives the mean of a cell, so white would be 254: each cell gets its commonest colour instead, and paper
    and ink stay what they were.
    """
    import numpy as np
    from PIL import Image

    chosen = image.quantize(PNG_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    cells = np.asarray(chosen)[::PNG_SAMPLE, ::PNG_SAMPLE].astype(np.uint32)
    red, green, blue = np.moveaxis(np.asarray(image)[::PNG_SAMPLE, ::PNG_SAMPLE].astype(np.uint32), 2, 0)
    found, counts = np.unique((cells << 24) | (red << 16) | (green << 8) | blue, return_counts=True)
    found = found[np.lexsort((found, counts))]  # the commonest of a cell last, so that it is the one that stays
    palette = np.array(chosen.getpalette(), dtype=np.uint8).reshape(-1, 3)
    palette[found >> 24] = np.stack([found >> 16 & 255, found >> 8 & 255, found & 255], axis=1)
    chosen.putpalette(palette.tobytes())
    return chosen


def _fingerprint(figure: Figure) -> str:
    """Return a hash of everything that is drawn: the areas of a sweep share the figures that are not about one of them.

    Raises
    ------
    TypeError
        If it cannot be told: an artist cannot be pickled, or calls a function of the notebook itself.
    """
    import matplotlib

    file = io.BytesIO()
    try:
        _AddressFree(file, protocol=pickle.HIGHEST_PROTOCOL).dump(figure)
    except (pickle.PicklingError, AttributeError) as error:
        raise TypeError(str(error)) from None
    if b"__main__" in file.getbuffer().tobytes():
        raise TypeError("a function of the notebook takes part")
    settings = repr(sorted(matplotlib.rcParams.items(), key=lambda item: item[0]))
    return hashlib.sha256(file.getbuffer().tobytes() + settings.encode()).hexdigest()


class _AddressFree(pickle.Pickler):
    """Pickles a figure without the memory addresses by which its transforms know each other."""

    def reducer_override(self, value: object) -> object:
        from matplotlib.transforms import TransformNode

        if not isinstance(value, TransformNode):
            return NotImplemented
        state = value.__getstate__()
        state["_parents"] = dict(enumerate(state["_parents"].values()))
        return copyreg.__newobj__, (type(value),), state


def figure_table(figure: Figure) -> pd.DataFrame:
    """Return the table behind a figure: the points of its lines, areas and bars, and its words.

    Pixels depend on platform and library version, these figures do not.

    Parameters
    ----------
    figure : Figure
        A matplotlib figure.

    Returns
    -------
    DataFrame
        ``axes`` and ``item`` (numbers from 0), ``kind``, ``point`` (from 0), ``x``, ``y`` (as drawn, in the units of
        the axes; missing for words and gaps), ``text`` (label or words).

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> _ = figure.subplots().plot([2022, 2024], [4.64, 2.53], label="rate")
    >>> figure_table(figure)[["kind", "x", "y", "text"]].values.tolist()
    [['line', 2022.0, 4.64, 'rate'], ['line', 2024.0, 2.53, 'rate']]
    """
    import pandas as pd

    rows: list[tuple] = []
    for number, axes in enumerate(figure.axes):
        counts: dict[str, int] = {}
        for kind, points, text in _drawn(axes):
            item = counts[kind] = counts.get(kind, -1) + 1
            rows += [(number, kind, item, place, _finite(x), _finite(y), text) for place, (x, y) in enumerate(points)]
    words = [text.get_text() for text in figure.texts] + [figure.get_suptitle()]
    rows += [(None, "text", item, 0, None, None, text) for item, text in enumerate(filter(None, words))]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"axes": "Int64", "item": "Int64", "point": "Int64", "x": float, "y": float})


def _drawn(axes: Axes) -> Iterator[tuple[str, Iterable[tuple[float, float]], str]]:
    """Give kind, points and words of everything drawn on the axes, in the order of drawing."""
    from matplotlib.collections import PathCollection

    for line in axes.lines:
        yield "line", line.get_xydata(), _label(line)
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            yield "points", collection.get_offsets(), _label(collection)
        else:
            yield "area", [point for path in collection.get_paths() for point in path.vertices], _label(collection)
    for patch in axes.patches:
        yield "patch", patch.get_patch_transform().transform(patch.get_path().vertices), _label(patch)
    for image in axes.images:
        values = image.get_array()
        yield "image", [(place, value) for place, value in enumerate(values.ravel().tolist())], _label(image)
    for text in axes.texts:
        yield "words", [text.get_position()], text.get_text()
    legend = axes.get_legend()
    names = [text.get_text() for text in legend.get_texts()] if legend is not None else []
    for kind, text in (
        ("title", axes.get_title()),
        ("x label", axes.get_xlabel()),
        ("y label", axes.get_ylabel()),
        *(("legend", name) for name in names),
        *(("x tick", name) for name in _fixed_ticks(axes.xaxis)),
        *(("y tick", name) for name in _fixed_ticks(axes.yaxis)),
    ):
        if text:
            yield kind, [(math.nan, math.nan)], text


def _label(artist: object) -> str:
    label = str(artist.get_label())
    return "" if label.startswith("_") else label


def _fixed_ticks(axis: object) -> list[str]:
    """Return tick labels that were set by name; those that matplotlib chooses depend on the size of its letters."""
    from matplotlib.ticker import FixedFormatter

    formatter = axis.get_major_formatter()
    return list(formatter.seq) if isinstance(formatter, FixedFormatter) else []


def _finite(value: object) -> float | None:
    """Return a coordinate, or None for a gap."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None

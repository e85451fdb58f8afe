"""Words that must travel with data: SIMULATED / MÔ PHỎNG and nội bộ / internal.

A table carries two boolean columns, ``simulated`` and ``internal``; everything that is made from the table
(a caption, a figure, a sheet, a file name, a row of an index, a citation) asks :func:`data_label` what it
must say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "INTERNAL",
    "SIMULATED",
    "carry_labels",
    "data_label",
    "label_figure",
    "labelled_file_name",
    "labelled_key",
    "labelled_sheet_name",
    "labelled_text",
    "said_labels",
]

SIMULATED = {"en": "SIMULATED", "vi": "MÔ PHỎNG"}
INTERNAL = {"vi": "nội bộ", "en": "internal"}
_COLUMNS = {"simulated": SIMULATED, "internal": INTERNAL}
_ASCII = {"SIMULATED / MÔ PHỎNG": "SIMULATED-MO-PHONG", "nội bộ / internal": "NOI-BO-INTERNAL"}
SHEET_NAME_LENGTH = 31
"""Excel's limit for the name of a sheet."""


def _any_true(values: pd.Series) -> bool:
    """Whether any value is true; a missing one counts as true."""
    return bool(values.isna().any() or values.dropna().astype(bool).any())


def _flag(source: object, column: str) -> bool:
    """Whether a table, a mapping or a collection of them carries ``column`` with any true value."""
    if source is None or isinstance(source, str):
        return False
    if isinstance(source, pd.DataFrame):
        return column in source.columns and _any_true(source[column])
    if isinstance(source, Mapping):
        value = source.get(column, False)
        return _any_true(pd.Series([value]).explode())
    if hasattr(source, "table"):
        return _flag(source.table, column)
    if isinstance(source, Iterable):
        return any(_flag(item, column) for item in source)
    return False


def data_label(*sources: object, lang: str | None = None) -> str:
    """Return what a table, figure, sheet or citation made from ``sources`` must say about its data.

    Parameters
    ----------
    *sources : DataFrame, mapping, object with a ``table``, or iterable of them
        Looked at for a true value in the columns ``simulated`` and ``internal``; missing counts as true.
    lang : {"en", "vi"}, optional
        One language only; both by default, so that the label is understood wherever the file lands.

    Returns
    -------
    str
        ``""``, ``"SIMULATED / MÔ PHỎNG"``, ``"nội bộ / internal"`` or both, joined by a middle dot.

    Examples
    --------
    >>> data_label(pd.DataFrame({"poor": [3], "simulated": [True]}))
    'SIMULATED / MÔ PHỎNG'
    >>> data_label({"simulated": True, "internal": True}, lang="vi")
    'MÔ PHỎNG · nội bộ'
    >>> data_label(pd.DataFrame({"poor": [3]}))
    ''
    """
    if lang not in (None, "en", "vi"):
        raise ValueError(f"lang is {lang!r}; it can be 'en', 'vi' or None for both")
    said = [
        words[lang] if lang else " / ".join(words.values())
        for column, words in _COLUMNS.items()
        if any(_flag(source, column) for source in sources)
    ]
    return " · ".join(said)


def said_labels(text: str) -> dict[str, bool]:
    """Return which labels a text says, as a source that the other functions of this module take.

    Examples
    --------
    >>> said_labels("SIMULATED / MÔ PHỎNG: poor households by district")
    {'simulated': True, 'internal': False}
    """
    return {column: " / ".join(words.values()) in text for column, words in _COLUMNS.items()}


def carry_labels(table: pd.DataFrame, *sources: object) -> pd.DataFrame:
    """Return ``table`` with the columns ``simulated`` and ``internal`` that its ``sources`` require.

    ``simulated`` is always written; ``internal`` only where it is true.

    Examples
    --------
    >>> households = pd.DataFrame({"income": [1.0], "simulated": [True]})
    >>> carry_labels(pd.DataFrame({"rate": [0.1]}), households)
       rate  simulated
    0   0.1       True
    """
    out = table.copy()
    out["simulated"] = any(_flag(source, "simulated") for source in (*sources, table))
    if any(_flag(source, "internal") for source in (*sources, table)):
        out["internal"] = True
    return out


def labelled_text(text: str, *sources: object, lang: str | None = None) -> str:
    """Return ``text`` with the label in front: for captions, titles, index rows and citations.

    Examples
    --------
    >>> labelled_text("Poor households by district", {"simulated": True})
    'SIMULATED / MÔ PHỎNG: Poor households by district'
    """
    label = data_label(*sources, lang=lang)
    return f"{label}: {text}" if label else text


def labelled_file_name(name: str, *sources: object) -> str:
    """Return a file name that says what its data are, in letters that every file system keeps.

    Examples
    --------
    >>> labelled_file_name("profile.csv", {"simulated": True})
    'SIMULATED-MO-PHONG_profile.csv'
    """
    label = data_label(*sources)
    if not label:
        return name
    return "_".join([*(_ASCII[part] for part in label.split(" · ")), name])


def labelled_key(name: str, *sources: object) -> str:
    """Return the name of a table or figure that says what its data are, in lower-case letters, digits and ``_``.

    Examples
    --------
    >>> labelled_key("profile", {"simulated": True})
    'simulated_mo_phong_profile'
    """
    return labelled_file_name(name, *sources).lower().replace("-", "_")


def labelled_sheet_name(name: str, *sources: object) -> str:
    """Return the name of a spreadsheet's sheet with the label, within Excel's rules.

    Examples
    --------
    >>> labelled_sheet_name("Poor by district", {"simulated": True})
    'SIMULATED MÔ PHỎNG Poor by dist'
    """
    text = " ".join(filter(None, [data_label(*sources).replace(" / ", " ").replace(" · ", " "), name]))
    return re.sub(r"[\[\]:*?/\\]", " ", text)[:SHEET_NAME_LENGTH]


def label_figure(figure: Figure, *sources: object, lang: str | None = None) -> Figure:
    """Draw the label inside the picture, across its top left corner, so that a copied image keeps it.

    Nothing is drawn when the data need no label.  The figure is changed in place and returned.
    """
    label = data_label(*sources, lang=lang)
    if label:
        figure.text(
            0.01,
            0.99,
            label,
            ha="left",
            va="top",
            fontsize=11,
            fontweight="bold",
            color="#B00020",
            gid="povstudy-data-label",
            bbox={"facecolor": "white", "edgecolor": "#B00020", "linewidth": 0.8, "pad": 2},
            zorder=1000,
        )
    return figure

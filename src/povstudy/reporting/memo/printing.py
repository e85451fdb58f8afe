"""What every paper form of a memo shares: cells as printed, and text that no writer can stumble over."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from povstudy.reporting import wording
from povstudy.reporting.formats import Phrase, format_number, unit_named
from povstudy.reporting.memo.blocks import Run, Table, runs_of

__all__ = ["Cell", "cells_of", "harmless", "heads_of", "is_number", "said_source", "unit_of"]

LONGEST = 600
# What changes the direction of the text around it: an area name must not turn the line that it stands in.
DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
KEPT_CONTROLS = frozenset("\n\t")
# Between the parts of a source: "forecast, all rules", "SIMULATED / MÔ PHỎNG: households".
BETWEEN = re.compile(r"(, |: )")


def harmless(text: str, longest: int = LONGEST) -> str:
    r"""Return a text without control characters and marks of direction, cut if it is very long.

    Parameters
    ----------
    text : str
        Any text, from whatever file.
    longest : int
        Number of characters kept.

    Returns
    -------
    str
        Text that XML and PDF can hold and that stays inside its own line.

    Examples
    --------
    >>> harmless("a\x00b\u202egnp.exe"), harmless("x" * 9, 5)
    ('abgnp.exe', 'xxxx…')
    """
    kept = "".join(sign for sign in text[: 4 * longest] if _is_harmless(sign))
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def _is_harmless(sign: str) -> bool:
    return sign in KEPT_CONTROLS or (
        sign not in DIRECTION and unicodedata.category(sign) not in ("Cc", "Cs", "Cn", "Co") and sign != "\ufeff"
    )


@dataclass(frozen=True)
class Cell:
    """A cell as printed.

    Parameters
    ----------
    runs : tuple of Run
        Its text.
    number : bool
        Whether it stands to the right.
    """

    runs: tuple[Run, ...]
    number: bool

    @property
    def text(self) -> str:
        """Its plain text."""
        return "".join(run.text for run in self.runs)


def is_number(value: object) -> bool:
    """Tell whether a value is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def unit_of(table: Table, column: str, value: object) -> str:
    """Return the unit in which a number of a table is printed: its column's, else a plain number."""
    return table.units.get(column) or ("count" if isinstance(value, int) else "ratio")


def heads_of(table: Table, lang: str) -> list[str]:
    """Return the heads of a table with their units.

    Parameters
    ----------
    table : Table
        The table.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    list of str
        For instance ``"Probability (%)"``.
    """
    found = []
    for column in table.frame.columns:
        unit = table.units.get(column, "")
        label = unit_named(unit).label[lang] if unit else ""
        text = str(column)
        found.append(wording.fill("unit_in_head", lang, {"label": text, "unit": label}) if label else text)
    return [harmless(text) for text in found]


def cells_of(table: Table, lang: str) -> list[list[Cell]]:
    """Return the rows of a table as printed.

    Parameters
    ----------
    table : Table
        The table.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    list of list of Cell
        Numbers without their units, which the heads name.
    """
    return [
        [_cell(table, column, value, lang) for column, value in zip(table.frame.columns, row, strict=True)]
        for row in table.frame.astype(object).itertuples(index=False, name=None)
    ]


def _cell(table: Table, column: str, value: object, lang: str) -> Cell:
    if hasattr(value, "item"):
        value = value.item()
    if is_number(value) and value == value:
        unit = unit_of(table, column, value)
        text = format_number(value, unit, lang, digits=table.digits.get(column), with_unit=False)
        return Cell((Run(text),), True)
    if value is None or value != value:
        return Cell((Run("–"),), False)
    text = value if isinstance(value, Phrase) else harmless(str(value))
    return Cell(tuple(clean_runs(runs_of(text))), False)


def clean_runs(runs: list[Run]) -> list[Run]:
    """Return runs whose text is harmless."""
    return [Run(harmless(run.text), run.bold, run.note) for run in runs]


def said_source(source: str, lang: str) -> str:
    """Return what a number was computed from, its ordinary words in a language.

    Parameters
    ----------
    source : str
        The ``source`` of a number: words, and names of functions, tables, standards, targets or reports.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    str
        The words as `wording` has them under ``source``; names stay as they are.

    Examples
    --------
    >>> said_source("forecast nso-mdp-2022-2025, joint draws", "vi")
    'dự báo nso-mdp-2022-2025, các mẫu mô phỏng đồng thời'
    """
    return "".join(part if BETWEEN.fullmatch(part) else _said_part(part, lang) for part in BETWEEN.split(source))


def _said_part(part: str, lang: str) -> str:
    first, _, rest = part.partition(" ")
    for words, name in ((part, ""), (first, f" {rest}" if rest else "")):
        key = f"source.{'_'.join(re.findall('[a-z0-9]+', words.lower()))}"
        if key in wording.catalogue():
            return wording.text_of(key, lang) + name
    return part

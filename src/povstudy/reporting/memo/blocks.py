"""What stands in a memo, in order, before it is written as a page, a PDF or a Word file."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from povstudy.reporting.figures import figure_png
from povstudy.reporting.formats import Phrase, as_html

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Block", "Figure", "Headline", "Memo", "Paragraph", "Run", "Section", "Sources", "Table", "runs_of"]

BOLD = frozenset({"strong", "b"})
NOTE = "note"
SPACES = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True)
class Run:
    """A piece of text in one style.

    Parameters
    ----------
    text : str
        Plain text.
    bold : bool
        Whether it is set in bold.
    note : bool
        Whether it is a reference to a source, set above the line.
    """

    text: str
    bold: bool = False
    note: bool = False


class _Runs(HTMLParser):
    """Splits the HTML of a phrase into runs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bold = self.note = 0
        self.runs: list[Run] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bold += tag in BOLD
        if tag == "sup":
            self.note += 1

    def handle_endtag(self, tag: str) -> None:
        self.bold -= tag in BOLD
        if tag == "sup":
            self.note -= 1

    def handle_data(self, data: str) -> None:
        text = SPACES.sub(" ", data)
        if text:
            self.runs.append(Run(text, self.bold > 0, self.note > 0))


def runs_of(value: Phrase | str) -> list[Run]:
    """Return a sentence as runs; neighbours of one style are joined.

    Parameters
    ----------
    value : Phrase or str
        A filled sentence, or plain text.

    Returns
    -------
    list of Run
        Their texts joined are the text of the sentence.

    Examples
    --------
    >>> [(run.text, run.bold) for run in runs_of(Phrase("It is <strong>4 &lt; 5</strong>."))]
    [('It is ', False), ('4 < 5', True), ('.', False)]
    """
    parser = _Runs()
    parser.feed(as_html(value))
    parser.close()
    joined: list[Run] = []
    for run in parser.runs:
        last = joined[-1] if joined else None
        if last is not None and (last.bold, last.note) == (run.bold, run.note):
            joined[-1] = Run(last.text + run.text, run.bold, run.note)
        else:
            joined.append(run)
    return joined


@dataclass(frozen=True)
class Paragraph:
    """A sentence or a few.

    Parameters
    ----------
    phrase : Phrase
        Its text; numbers in it are stated numbers.
    style : str
        ``body``, ``point`` (of a list), ``small`` or ``warning``.
    """

    phrase: Phrase
    style: str = "body"


@dataclass(frozen=True)
class Headline:
    """The one figure that a reader takes away.

    Parameters
    ----------
    value : str
        As printed, for instance ``"0.13 %"``.
    phrase : Phrase
        What it is: the forecast with its interval, its standard and the last figure.
    """

    value: str
    phrase: Phrase


@dataclass(frozen=True, eq=False)
class Table:
    """A table.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and ``_``.
    frame : DataFrame
        Columns are heads as shown; cells are text, Phrase or number.
    caption : Phrase
        Above it.
    units : dict of str to str
        Unit by column.
    digits : dict of str to int
        Digits by column.
    widths : tuple of float
        Relative width of each column, on paper.
    """

    name: str
    frame: pd.DataFrame
    caption: Phrase
    units: Mapping[str, str] = field(default_factory=dict)
    digits: Mapping[str, int] = field(default_factory=dict)
    widths: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and ``_``.
    drawn : matplotlib Figure
        The picture.
    alt, caption : Phrase
        What it shows, for those who do not see it, and what stands below it.
    """

    name: str
    drawn: object
    alt: Phrase
    caption: Phrase

    @property
    def svg(self) -> str:
        """The picture with the outlines of its letters, without date or version: the same each time."""
        import matplotlib

        file = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": "povstudy", "svg.fonttype": "path"}):
            self.drawn.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
        return file.getvalue()

    @property
    def png(self) -> bytes:
        """The picture as pixels."""
        return figure_png(self.drawn)


Block = Paragraph | Headline | Table | Figure


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Parameters
    ----------
    key : str
        Key of the heading in the wording catalogue.
    heading : str
        As shown.
    blocks : tuple of Block
        In their order.
    """

    key: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Sources:
    """How a report is cited: its number, identifier and title.

    Parameters
    ----------
    number : int
        From 1.
    id, title, command : str
        Identifier, title and the command that checks it.
    """

    number: int
    id: str
    title: str
    command: str


@dataclass(frozen=True)
class Memo:
    """A memo: its two pages, its sheet, and what it rests on.

    Parameters
    ----------
    lang, area, area_name : str
        Language, id and name of the area.
    title, subtitle : str or Phrase
        Of the two pages.
    sections : tuple of Section
        Of the two pages.
    sheet_title, sheet_subtitle : str or Phrase
        Of the sheet for a commune.
    sheet : tuple of Section
        Of the sheet.
    sources : tuple of Sources
        The reports that are cited.
    footer : str
        At the foot of each page of paper.
    """

    lang: str
    area: str
    area_name: str
    title: str
    subtitle: Phrase
    sections: tuple[Section, ...]
    sheet_title: str
    sheet_subtitle: Phrase
    sheet: tuple[Section, ...]
    sources: tuple[Sources, ...]
    footer: str

    def section(self, key: str) -> Section:
        """Return the section of the memo or its sheet with this key."""
        return next(one for one in (*self.sections, *self.sheet) if one.key == key)

"""What moved between a report and its recomputation, file by file: no hash is believed."""

from __future__ import annotations

import base64
import csv
import difflib
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from povstudy.errors import ReportError
from povstudy.reporting.formats import SIGNIFICANT_DIGITS
from povstudy.reporting.prose import BLOCKS, VOID

__all__ = [
    "Move",
    "compare_csv",
    "compare_files",
    "compare_notebooks",
    "compare_numbers",
    "compare_pages",
    "notebook_images",
    "page_images",
    "page_text",
]

ABSENT = "nothing"
CONTEXT = 60
UNREAD = frozenset({"style", "script"})
TEXT_ATTRIBUTES = ("alt", "value", "data-name", "title", "datetime", "href", "lang")
IMAGE = re.compile(r'(?:<figure id="figure-([a-z0-9_]+)"[^>]*>)?<img src="data:image/png;base64,([A-Za-z0-9+/=]*)"')
IMAGE_DATA = re.compile(r'src="data:image/png;base64,[A-Za-z0-9+/=]*"')


@dataclass(frozen=True)
class Move:
    """One thing that is not as it was recomputed.

    Parameters
    ----------
    file : str
        File of the report.
    place : str
        Name of a number, row and column, or a piece of text.
    recorded, recomputed : str
        What stands there, and what should.
    against : str
        Where the second comes from, if not from the recomputation.
    """

    file: str
    place: str
    recorded: str
    recomputed: str
    against: str = "recomputed"

    def __str__(self) -> str:
        at = f"{self.file}, {self.place}" if self.place else self.file
        return f"{at}: {self.recorded or ABSENT} on record, {self.recomputed or ABSENT} {self.against}"


def compare_numbers(recorded: str, recomputed: str, file: str = "numbers.json") -> list[Move]:
    """Compare two files of numbers, name by name: value at 10 significant digits, unit, digits and source.

    Parameters
    ----------
    recorded, recomputed : str
        Their texts.
    file : str
        Name of the file.

    Returns
    -------
    list of Move
        Empty if they state the same.

    Examples
    --------
    >>> one, two = ('{"rate": {"value": %s, "unit": "%%"}}' % value for value in (4.64, 4.65))
    >>> [str(move) for move in compare_numbers(one, two)]
    ['numbers.json, rate, value: 4.64 on record, 4.65 recomputed']
    """
    try:
        before, after = (json.loads(text, object_pairs_hook=_once) for text in (recorded, recomputed))
        if not all(isinstance(facts, dict) for facts in before.values()):
            raise ValueError("a number is not an object")
    except (ValueError, AttributeError) as error:
        return [Move(file, "", f"what cannot be read ({str(error)[:80]})", "numbers by name")]
    moves = []
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            moves.append(Move(file, name, _shown(before.get(name, {})), _shown(after.get(name, {}))))
            continue
        for part in sorted({*before[name], *after[name]}):
            one, two = (facts[name].get(part) for facts in (before, after))
            if not _same_value(one, two):
                moves.append(Move(file, f"{name}, {part}", json.dumps(one, ensure_ascii=False), json.dumps(two)))
    if not moves and recorded != recomputed:
        moves.append(Move(file, "", "the same numbers, written otherwise", "the text that povstudy writes"))
    return moves


def _once(pairs: list[tuple[str, object]]) -> dict:
    """Return a JSON object, or refuse one in which a name stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _shown(facts: Mapping) -> str:
    return f"{facts['value']} {facts.get('unit', '')}".strip() if "value" in facts else ""


def _same_value(one: object, two: object) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, two))
    same = _significant(float(one)) == _significant(float(two)) if numbers else one == two
    return same and isinstance(one, bool) == isinstance(two, bool)


def _significant(number: float) -> str:
    return f"{number:.{SIGNIFICANT_DIGITS}g}"


def compare_csv(recorded: str, recomputed: str, file: str) -> list[Move]:
    r"""Compare two tables cell by cell, numbers at 10 significant digits.

    Parameters
    ----------
    recorded, recomputed : str
        CSV texts with one header row.
    file : str
        Name of the file.

    Returns
    -------
    list of Move
        Rows are counted from 1, below the header.

    Examples
    --------
    >>> str(compare_csv("a,b\nx,1\n", "a,b\nx,2\n", "t.csv")[0])
    't.csv, row 1 (x), b: 1 on record, 2 recomputed'
    """
    before, after = (list(csv.reader(io.StringIO(text, newline=""))) for text in (recorded, recomputed))
    head = after[0] if after else []
    if not before or before[0] != head:
        return [Move(file, "header", ",".join(before[0]) if before else "", ",".join(head))]
    moves = []
    for number, (one, two) in enumerate(itertools.zip_longest(before[1:], after[1:], fillvalue=[]), start=1):
        row = f"row {number}"
        if len(one) != len(two):
            moves.append(Move(file, row, ",".join(one), ",".join(two)))
            continue
        for column, (was, now) in enumerate(zip(one, two, strict=True)):
            if not _same_cell(was, now):
                name = head[column] if column < len(head) else str(column + 1)
                moves.append(Move(file, f"{row} ({_label_of(two, column)}), {name}", was, now))
    if not moves and recorded != recomputed:
        moves.append(Move(file, "", "the same cells, written otherwise", "the text that povstudy writes"))
    return moves


def _label_of(row: list[str], column: int) -> str:
    """Return the cells before a cell that name its row."""
    cells = [cell for cell in row[:column] if cell]
    while len(" ".join(cells)) > CONTEXT:
        cells = cells[1:]
    return " ".join(cells) or "first cell"


def _same_cell(one: str, two: str) -> bool:
    if one == two:
        return True
    try:
        return _significant(float(one)) == _significant(float(two))
    except ValueError:
        return False


class _Text(HTMLParser):
    """Collects what a reader of a page reads, block by block, with the texts of attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.line: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS or tag in {"tr", "pre", "summary", "title", "caption"}:
            self.end_line()
        if tag in UNREAD:
            self.hidden += 1
        self.line += [f" [{value}] " for name, value in attrs if name in TEXT_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in UNREAD:
            self.hidden -= 1
        elif tag in BLOCKS or (tag in {"tr", "pre", "summary", "title", "caption"} and tag not in VOID):
            self.end_line()

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        first, *rest = data.split("\n")
        self.line.append(first)
        for more in rest:
            self.end_line()
            self.line.append(more)

    def end_line(self) -> None:
        text = " ".join("".join(self.line).split())
        if text:
            self.lines.append(text)
        self.line = []


def page_text(page: str) -> list[str]:
    """Return the text of a page: its blocks in their order, with alt texts, values and links.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    list of str
        One line a block, white space collapsed; no style sheet.

    Examples
    --------
    >>> page_text('<p>It fell to <data value="4.64">4.64 %</data>.</p><style>p {}</style>')
    ['It fell to [4.64] 4.64 %.']
    """
    parser = _Text()
    parser.feed(page)
    parser.close()
    parser.end_line()
    return parser.lines


def compare_pages(recorded: str, recomputed: str, file: str, *, same_code: bool) -> list[Move]:
    """Compare two pages without their images: text, and with the same code the markup too.

    Parameters
    ----------
    recorded, recomputed : str
        HTML.
    file : str
        Name of the file.
    same_code : bool
        Whether the code that made them is the same, so that every character must be.

    Returns
    -------
    list of Move
        One for each piece of text.
    """
    one, two = (IMAGE_DATA.sub('src=""', page) for page in (recorded, recomputed))
    if one == two:
        return []
    moves = list(_changes(page_text(one), page_text(two), file))
    if not moves and same_code:
        moves = list(_changes(one.splitlines(), two.splitlines(), f"{file} (markup)"))
    return moves


def _changes(before: list[str], after: list[str], file: str) -> Iterator[Move]:
    """Give the lines that differ, cut to where they do."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        for one, two in itertools.zip_longest(before[a:b], after[c:d], fillvalue=""):
            was, now = _around(one, two)
            yield Move(file, "", was and f"{was!r}", now and f"{now!r}")


def _around(one: str, two: str) -> tuple[str, str]:
    """Return two texts cut to some characters around the first that differs."""
    first = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = max(0, first - CONTEXT // 2)
    return tuple(("..." if start else "") + text[start : first + CONTEXT] if text else "" for text in (one, two))


def page_images(page: str) -> list[tuple[str, bytes]]:
    """Return the images of a page: name of the figure (empty without one) and PNG.

    Parameters
    ----------
    page : str
        HTML of a report.

    Returns
    -------
    list of (str, bytes)
        In their order.
    """
    return [(name, base64.b64decode(data)) for name, data in IMAGE.findall(page)]


def notebook_images(text: str) -> list[bytes]:
    """Return the PNG images in the outputs of a notebook, in their order."""
    outputs = [o for cell in json.loads(text)["cells"] for o in cell.get("outputs", [])]
    data = [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    return [base64.b64decode("".join(png)) for png in data]


def compare_notebooks(recorded: str, recomputed: str, file: str) -> list[Move]:
    """Compare two executed notebooks cell by cell, images aside.

    Parameters
    ----------
    recorded, recomputed : str
        JSON texts.
    file : str
        Name of the file.

    Returns
    -------
    list of Move
        One for each cell.
    """
    try:
        before, after = (_without_images(json.loads(text)) for text in (recorded, recomputed))
        cells = [
            [json.dumps(cell, sort_keys=True, ensure_ascii=False) for cell in n.pop("cells")] for n in (before, after)
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return [Move(file, "", f"what is no notebook ({str(error)[:80]})", "the executed notebook")]
    moves = []
    for number, (one, two) in enumerate(itertools.zip_longest(*cells, fillvalue=""), start=1):
        if one != two:
            was, now = _around(one, two)
            moves.append(Move(file, f"cell {number}", was and f"{was!r}", now and f"{now!r}"))
    if before != after:
        moves.append(Move(file, "metadata", json.dumps(before)[:200], json.dumps(after)[:200]))
    return moves


def _without_images(value: object) -> object:
    if isinstance(value, dict):
        return {k: "" if k == "image/png" and isinstance(v, str) else _without_images(v) for k, v in value.items()}
    return [_without_images(item) for item in value] if isinstance(value, list) else value


def compare_files(folder: Path, again: Path, file: str, compare: Callable[[str, str, str], list[Move]]) -> list[Move]:
    """Compare a text file of two report folders; one that only one of them has is a move.

    Parameters
    ----------
    folder, again : Path
        The report and its recomputation.
    file : str
        Relative path.
    compare : callable
        Compares two texts of that file.

    Returns
    -------
    list of Move
        What differs.
    """
    there = [(place / file).is_file() for place in (folder, again)]
    if not all(there):
        return [Move(file, "", *("a file" if found else "no file" for found in there))] if any(there) else []
    try:
        texts = [(place / file).read_bytes().decode("utf-8") for place in (folder, again)]
    except (OSError, ValueError) as error:
        return [Move(file, "", f"what cannot be read ({str(error)[:80]})", "a file")]
    try:
        return compare(*texts, file)
    except (ReportError, ValueError, csv.Error) as error:
        return [Move(file, "", f"what cannot be read ({str(error)[:80]})", "a file")]

"""All tables of the reports as Excel workbooks: numbers as numbers, units in the heads, the record of each sheet.

What was made from simulated households stands in a workbook of its own, whose name and sheets say so.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from dataclasses import dataclass

from povstudy.disclosure import labelled_key
from povstudy.reporting import wording
from povstudy.reporting.formats import Name, phrase, unit_named
from povstudy.reporting.memo.collect import SIMULATED
from povstudy.reporting.memo.parts import Part, PartTable, Reports, plain_cell
from povstudy.reporting.memo.printing import harmless, is_number, said_source

__all__ = ["OFFICIAL", "SIMULATED_BOOK", "workbooks"]

OFFICIAL, SIMULATED_BOOK = "tables", labelled_key("tables", {"simulated": True})
FIXED = datetime.datetime(2000, 1, 1)
SHEET_NAME = 31
REFUSED_IN_NAMES = re.compile(r"[\[\]:*?/\\']")
FIRST_ROW = 4  # of the table: above it caption, source and data
MARK = "SIM "
# A table for the eyes of an office only stays in its report.
INTERNAL = "noi_bo_internal"
WIDEST = 60
OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}


@dataclass(frozen=True)
class _Sheet:
    """One sheet: a table with its caption and source."""

    name: str
    caption: str
    source: str
    simulated: bool
    heads: list[str]
    units: list[str]
    digits: list[int | None]
    rows: list[list[object]]


def workbooks(reports: Reports) -> dict[str, bytes]:
    """Return the workbooks of an area.

    Parameters
    ----------
    reports : Reports
        The reports.

    Returns
    -------
    dict of str to bytes
        By stem of the file name: that of official figures, and that of simulated ones where there are some.  The same
        reports give the same bytes.
    """
    sheets = [sheet for part in reports.parts.values() for sheet in _sheets(part, reports.lang)]
    found = {}
    for name, simulated in ((OFFICIAL, False), (SIMULATED_BOOK, True)):
        own = [sheet for sheet in sheets if sheet.simulated == simulated]
        if own:
            found[name] = _book(reports, own, simulated=simulated)
    return found


def _sheets(part: Part, lang: str) -> list[_Sheet]:
    """Return the sheets of one report: its numbers, its tables, its forecast."""
    source = str(
        phrase("memo.book.source", lang, {"id": part.id, "notebook": Name(part.notebook), "title": part.title})
    )
    sheets = [_numbers(part, lang, source, simulated=simulated) for simulated in (False, True)]
    sheets += [_table(part, table, source) for table in part.tables.values() if INTERNAL not in table.name]
    if part.forecast:
        sheets.append(_forecast(part, lang, source))
    return [sheet for sheet in sheets if sheet.rows]


def _numbers(part: Part, lang: str, source: str, *, simulated: bool) -> _Sheet:
    own = {name: facts for name, facts in part.numbers.items() if (name in part.simulated) == simulated}
    heads = [wording.text_of(f"memo.w.{word}", lang) for word in ("name", "value", "unit", "source")]
    rows = [
        [name, facts["value"], unit_named(facts["unit"]).label[lang], said_source(str(facts.get("source", "")), lang)]
        for name, facts in own.items()
    ]
    title = wording.text_of("memo.book.numbers", lang)
    return _Sheet(f"{part.key} {title}", title, source, simulated, heads, [""] * 4, [None] * 4, rows)


def _table(part: Part, table: PartTable, source: str) -> _Sheet:
    heads, rows = table.rows
    units = [table.units.get(head, "") for head in heads]
    digits = [table.digits.get(head) for head in heads]
    name = f"{part.key} {table.name.removeprefix(labelled_key('', {'simulated': True}))}"
    return _Sheet(name, table.caption or table.name, source, table.simulated, heads, units, digits, rows)


def _forecast(part: Part, lang: str, source: str) -> _Sheet:
    heads, *texts = list(csv.reader(io.StringIO(part.forecast, newline="")))
    numeric = {"origin_year", "horizon", "target_year", "output_type_id", "value"}
    rows = [
        [_value(cell) if head in numeric else plain_cell(cell) for head, cell in zip(heads, row, strict=True)]
        for row in texts
    ]
    title = wording.text_of("memo.book.forecast", lang)
    units = ["%" if head == "value" else "" for head in heads]
    return _Sheet(f"{part.key} {title}", title, source, False, heads, units, [None] * len(heads), rows)


def _value(cell: str) -> object:
    """Return a cell of a numeric column: a number, or the text that stands there instead."""
    try:
        return float(cell)
    except ValueError:
        return plain_cell(cell)


def _book(reports: Reports, sheets: list[_Sheet], *, simulated: bool) -> bytes:
    import xlsxwriter

    lang = reports.lang
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, OPTIONS)
    area = harmless(next(iter(reports.parts.values())).area_name, 100)
    key = "memo.book.title_simulated" if simulated else "memo.book.title"
    title = str(phrase(key, lang, {"area": Name(area)}))
    book.set_properties({"title": title, "author": "povstudy", "created": FIXED, "comments": ""})
    formats = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "label": book.add_format({"bold": True, "font_color": "#9C1C1C"}),
        "link": book.get_default_url_format(),
    }
    contents = wording.text_of("memo.book.contents", lang)
    taken = {contents.casefold()}
    first = book.add_worksheet(contents)
    first.write_string(0, 0, title, formats["title"])
    words = ("memo.book.sheet", "memo.w.report", "memo.book.table", "memo.w.data")
    for place, word in enumerate(words):
        first.write_string(2, place, wording.text_of(word, lang), formats["head"])
    official = wording.text_of("memo.book.official", lang)
    for row, sheet in enumerate(sheets, start=3):
        name = _sheet_name(sheet, taken)
        first.write_url(row, 0, f"internal:'{name}'!A1", formats["link"], name)
        for place, text in enumerate((sheet.source, sheet.caption, SIMULATED if simulated else official), start=1):
            first.write_string(row, place, harmless(text))
        _fill(book.add_worksheet(name), sheet, book, formats, official, lang)
    first.set_column(0, 0, 34)
    first.set_column(1, 2, WIDEST)
    first.set_column(3, 3, 24)
    first.freeze_panes(3, 0)
    book.close()
    return file.getvalue()


def _sheet_name(sheet: _Sheet, taken: set[str]) -> str:
    """Return a name that Excel allows and that no other sheet has."""
    base = REFUSED_IN_NAMES.sub(" ", (MARK if sheet.simulated else "") + harmless(sheet.name)).strip()[:SHEET_NAME]
    name, count = base, 1
    while name.casefold() in taken:
        count += 1
        name = f"{base[: SHEET_NAME - len(str(count)) - 1]} {count}"
    taken.add(name.casefold())
    return name


def _fill(page: object, sheet: _Sheet, book: object, formats: dict, official: str, lang: str) -> None:
    """Write caption, source, data and the table."""
    page.write_string(0, 0, harmless(sheet.caption), formats["title"])
    page.write_string(1, 0, harmless(sheet.source))
    page.write_string(2, 0, SIMULATED if sheet.simulated else official, formats["label"] if sheet.simulated else None)
    for column, head in enumerate(sheet.heads):
        unit = sheet.units[column]
        label = unit_named(unit).label[lang] if unit else ""
        text = wording.fill("unit_in_head", lang, {"label": head, "unit": label}) if label else head
        page.write_string(FIRST_ROW, column, harmless(text), formats["head"])
        values = [row[column] for row in sheet.rows]
        shown = book.add_format({"num_format": _pattern(unit, sheet.digits[column], values)})
        for row, value in enumerate(values, start=FIRST_ROW + 1):
            if is_number(value):
                page.write_number(row, column, value, shown)
            elif value is not None:
                page.write_string(row, column, harmless(str(value)))
        longest = max((len(str(value)) for value in values if not is_number(value)), default=0)
        page.set_column(column, column, min(max(12, longest, len(text) // 2), WIDEST))
    page.freeze_panes(FIRST_ROW + 1, 1)


def _pattern(unit: str, digits: int | None, values: list[object]) -> str:
    """Return the number format of a column: shares in percent, counts grouped, years plain."""
    numbers = [value for value in values if is_number(value)]
    if not unit:
        whole = all(isinstance(value, int) or float(value).is_integer() for value in numbers)
        if digits is None:
            return "0" if whole else "General"
        return "0" + ("." + "0" * digits if digits else "")
    kind = unit_named(unit)
    places = kind.digits if digits is None else digits
    tail = "." + "0" * places if places else ""
    if kind.kind == "percent_of_one":
        return f"0{tail}%"
    return ("0" if kind.kind == "year" else "#,##0") + tail

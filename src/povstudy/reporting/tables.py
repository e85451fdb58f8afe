"""A table of a report: written as CSV that no spreadsheet executes, shown as HTML by language.

A text cell that a spreadsheet would take for a formula gets a leading apostrophe in the CSV; numbers are
untouched and written at 10 significant digits.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from povstudy.errors import ReportError
from povstudy.reporting import wording
from povstudy.reporting.formats import (
    SIGNIFICANT_DIGITS,
    Number,
    as_html,
    format_number,
    in_language,
    rounded,
    unit_named,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_cell", "csv_text", "html_table", "spoken_table"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
NEEDS_QUOTES = re.compile(r'[,"\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')
EMPTY = "\N{EN DASH}"


def plain_columns(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the table with a named index as columns, so that it has one header row.

    Parameters
    ----------
    table : DataFrame
        Any table.
    name : str
        Its name, for messages.

    Returns
    -------
    DataFrame
        With a plain index and one level of text columns.

    Raises
    ------
    ReportError
        If columns have several levels or two have the same name, or the index has labels but no name.
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise ReportError(f"Table {name!r}: expected a DataFrame, got {type(table).__name__}.")
    if table.columns.nlevels > 1:
        raise ReportError(f"Table {name!r} has a header of {table.columns.nlevels} rows. Join them into one.")
    if all(level is not None for level in table.index.names):
        table = table.reset_index()
    elif not isinstance(table.index, pd.RangeIndex) and not pd.api.types.is_integer_dtype(table.index):
        raise ReportError(f"Table {name!r}: its index has labels but no name. Name it or use reset_index().")
    table = table.set_axis([str(column) for column in table.columns], axis=1)
    if not table.columns.is_unique:
        twice = sorted(set(table.columns[table.columns.duplicated()]))
        raise ReportError(f"Table {name!r} has two columns named {twice[0]!r}. Rename one.")
    return table


def spoken_table(table: pd.DataFrame, lang: str) -> pd.DataFrame:
    """Return the table with the English words of the records in the language of the report; see `wording.recorded`.

    Parameters
    ----------
    table : DataFrame
        Any table.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    DataFrame
        A new table where text changed, else the same one.

    Examples
    --------
    >>> import pandas as pd
    >>> spoken_table(pd.DataFrame({"Tình trạng": ["VERIFIED"]}), "vi").values.tolist()
    [['ĐÃ KIỂM CHỨNG']]
    """
    if lang == "en" or not hasattr(table, "columns"):
        return table
    text = [
        place for place in range(table.shape[1]) if any(isinstance(v, str) for v in table.iloc[:, place].astype(object))
    ]
    said = table.copy() if text else table
    for place in text:
        column = table.iloc[:, place].astype(object)
        said.isetitem(place, column.map(lambda value: in_language(value, lang)))
    return said


def csv_cell(value: object) -> str:
    """Return a cell as CSV text: numbers at 10 significant digits, text that no spreadsheet executes.

    Parameters
    ----------
    value : object
        A number, text, bool, date or a missing value.

    Returns
    -------
    str
        The text of the cell, not yet quoted.

    Raises
    ------
    ReportError
        If a number is infinite.

    Examples
    --------
    >>> csv_cell(-1.5), csv_cell("-1.5"), csv_cell("=cmd()"), csv_cell(None), csv_cell(1 / 3), csv_cell(True)
    ('-1.5', "'-1.5", "'=cmd()", '', '0.3333333333', 'true')
    """
    value = value.value if isinstance(value, Number) else value
    if _is_missing(value):
        return ""
    if _is_bool(value):
        return "true" if value else "false"
    if _is_number(value):
        number = rounded(value)
        return str(number) if isinstance(number, int) else format(number, f".{SIGNIFICANT_DIGITS}g")
    text = str(value)
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def csv_text(table: pd.DataFrame, name: str = "table") -> str:
    """Return a table as CSV: UTF-8, one header row, lines ended by a line feed.

    Parameters
    ----------
    table : DataFrame
        Any table; a named index becomes columns.
    name : str
        Its name, for messages.

    Returns
    -------
    str
        The file's text.

    Raises
    ------
    ReportError
        As in `plain_columns` and `csv_cell`.
    """
    table = plain_columns(table, name)
    columns = [[csv_cell(value) for value in table[column].tolist()] for column in table.columns]
    rows = [tuple(csv_cell(column) for column in table.columns), *zip(*columns, strict=True)]
    return "".join(",".join(map(_quoted, row)) + "\n" if row != ("",) else '""\n' for row in rows)


def _quoted(cell: str) -> str:
    """Return a cell quoted where a comma, a quote or any line break stands in it (Python 3.11 forgets some)."""
    return '"' + cell.replace('"', '""') + '"' if NEEDS_QUOTES.search(cell) else cell


def html_table(
    table: pd.DataFrame,
    lang: str,
    *,
    name: str = "table",
    caption: object = "",
    units: Mapping[str, str] | None = None,
    digits: Mapping[str, int] | int | None = None,
) -> str:
    """Return a table as HTML: one header row, numbers right-aligned and printed by language, all text escaped.

    Parameters
    ----------
    table : DataFrame
        Any table; a named index becomes columns.
    lang : str
        ``en`` or ``vi``.
    name : str
        Its name: the ``id`` of the table.
    caption : str or Phrase
        Caption above it.
    units : mapping of str to str, optional
        Unit by column; its label is added to the head.  A number column without one is a plain number, and
        a column ``year`` or ``..._year`` is a year.
    digits : mapping of str to int, or int, optional
        Digits behind the decimal sign; default: the unit's.

    Returns
    -------
    str
        A ``table`` element.

    Raises
    ------
    ReportError
        As in `plain_columns`, or if ``units`` or ``digits`` name no column.
    """
    table = plain_columns(table, name)
    units = dict(units or {})
    places = dict(digits) if isinstance(digits, Mapping) else dict.fromkeys(table.columns, digits)
    unknown = sorted((set(units) | set(places)) - set(table.columns))
    if unknown:
        raise ReportError(f"Table {name!r} has no column {unknown[0]!r}; its columns are {list(table.columns)}.")
    head, columns = [], []
    for column in table.columns:
        values = table[column].tolist()
        numeric = any(_is_number(v) for v in values)
        unit = units.get(column, "year" if column == "year" or column.endswith("_year") else "")
        css = ' class="number"' if numeric else ""
        head.append(f'<th scope="col"{css}>{_heading(column, unit if column in units else "", lang)}</th>')
        columns.append([f"<td{css}>{_html_cell(v, unit, lang, places.get(column))}</td>" for v in values])
    rows = "".join(f"<tr>{''.join(row)}</tr>\n" for row in zip(*columns, strict=True))
    above = f"<caption>{as_html(caption, where=f'caption of table {name!r}')}</caption>\n" if caption else ""
    return (
        f'<table class="report-table" id="table-{html.escape(name)}">\n{above}'
        f"<thead><tr>{''.join(head)}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"
    )


def _heading(column: str, unit: str, lang: str) -> str:
    key = f"column.{column}"
    label = wording.text_of(key, lang) if key in wording.catalogue() else html.escape(column)
    if not unit:
        return label
    named = html.escape(unit_named(unit).label[lang])
    return label if named == label else wording.fill("unit_in_head", lang, {"label": label, "unit": named})


def _html_cell(value: object, unit: str, lang: str, places: int | None) -> str:
    if _is_missing(value):
        return f'<span title="{html.escape(wording.text_of("missing", lang))}">{EMPTY}</span>'
    if _is_bool(value):
        return wording.text_of("yes" if value else "no", lang)
    if _is_number(value):
        number = rounded(value)
        if not unit:
            unit = "count" if isinstance(number, int) else "ratio"
        return html.escape(format_number(number, unit, lang, digits=places, with_unit=False))
    return html.escape(value) if isinstance(value, str) else as_html(_as_value(value), where="a table cell")


def _as_value(value: object) -> object:
    """Return a value of a sentence unchanged and anything else (dates, categories) as text."""
    return value if hasattr(value, "html") else str(value)


def _is_missing(value: object) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def _is_number(value: object) -> bool:
    return (isinstance(value, int | float) or hasattr(value, "__index__")) and not _is_bool(value) and value == value

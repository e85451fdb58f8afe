"""Schemas of the tidy tables: one declaration per file, one check where a table enters.

A :class:`Table` is written down once: for the shipped files in their descriptor ``data/raw/datapackage.json``
(:func:`table_of` reads it), for a user's files here.  The pandera schema that ``povstudy build`` runs is made
from it. A check reports all faults at once, one line a bad cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError, did_you_mean

__all__ = [
    "CONFIDENCE",
    "GROUPS",
    "MAX_TEXT",
    "PANEL",
    "USER_FIGURES",
    "Field",
    "Rule",
    "Table",
    "check",
    "numbers",
    "shown",
    "table_of",
    "typed",
]

CONFIDENCE = ("high", "medium", "low")
"""How far a figure can be relied on, best first."""

GROUPS = (
    "all",
    "ethnic_minority",
    "kinh_hoa",
    "khmer",
    "cham",
    "ethnic_minority_area",
    "rural",
    "urban",
    "rural_ntm",
)
"""Population groups of the shipped rates; a user's file may name its own."""

MAX_TEXT = 10_000
"""Longest text of one cell; a longer one is refused with its line."""

MAX_LISTED = 1_000
"""At most this many faults are written out; the message says how many more there are."""

SHOWN = 60
"""Characters of a bad value that a message repeats."""

_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_INTEGER = r"[-+]?[0-9]+"
_BAD = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Field:
    """One column: its Frictionless type, unit, meaning and allowed values.

    Parameters
    ----------
    name : str
        Column name as in the header.
    type : str
        ``string``, ``integer`` or ``number``.
    description : str
        What the column means, in one sentence.
    unit : str
        Unit of a number, ``""`` for text.
    required : bool
        False if a cell may be empty.
    enum : tuple of str
        Allowed texts, empty if free.
    minimum, maximum : float or None
        Inclusive bounds of a number.
    pattern : str
        Regular expression that a text must match as a whole, ``""`` if free.
    optional : bool
        True if the whole column may be left out of a user's file.
    """

    name: str
    type: str
    description: str
    unit: str = ""
    required: bool = False
    enum: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    optional: bool = False

    @property
    def allowed(self) -> str:
        """What a cell may hold, in words."""
        if self.enum:
            text = "one of " + ", ".join(self.enum)
        elif self.type == "string":
            text = f"text that matches {self.pattern}" if self.pattern else f"text of at most {MAX_TEXT} characters"
        else:
            text = {"integer": "a whole number", "number": "a number with a decimal point"}[self.type]
            if self.minimum is not None and self.maximum is not None:
                text += f" from {self.minimum:g} to {self.maximum:g}"
            elif self.minimum is not None:
                text += f" of at least {self.minimum:g}"
        return text if self.required else text + ", or empty"


@dataclass(frozen=True)
class Rule:
    """A condition on whole rows; ``ok(frame)`` is True where ``column`` is as it may be."""

    name: str
    column: str
    ok: Callable[[pd.DataFrame], pd.Series]
    allowed: str


@dataclass(frozen=True)
class Table:
    """A file: its columns, the columns that make a row unique, and rules on whole rows."""

    name: str
    title: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(field.name for field in self.fields)


def shown(value: object) -> str:
    """Return a value as a message repeats it: quoted, and cut when it is long.

    Examples
    --------
    >>> shown("12,5")
    "'12,5'"
    >>> len(shown("x" * 10_000)) < 100
    True
    """
    text = str(value)
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}... ({len(text)} characters)"


def bad_characters(text: str) -> str:
    """Return the control, line-break and text-direction characters in a text, as code points.

    Examples
    --------
    >>> bad_characters("Hà Nội <script>")
    ''
    >>> bad_characters("a" + chr(0) + "b")
    'U+0000'
    """
    return " ".join(f"U+{ord(c):04X}" for c in dict.fromkeys(_BAD.findall(text)))


def percent_where_percent(frame: pd.DataFrame) -> pd.Series:
    """Return True where a row is not a percentage, or is one from 0 to 100 (an empty value passes).

    Examples
    --------
    >>> rows = pd.DataFrame({"value": ["105", "105", "4.64"], "unit": ["%", "persons", "%"]})
    >>> percent_where_percent(rows).tolist()
    [False, True, True]
    """
    number = pd.to_numeric(frame["value"], errors="coerce")
    is_percent = frame["unit"].str.startswith("%")
    return ~is_percent | number.isna() | number.between(0, 100)


PERCENT = Rule("percent", "value", percent_where_percent, "a percentage from 0 to 100")
"""Holds for every table that has a value and a unit."""


def _cell_ok(cells: pd.Series, field: Field) -> pd.Series:
    """Return, for the texts of one column, shape (n,), True where the text is allowed."""
    empty = cells == ""
    plain = (cells.str.len() <= MAX_TEXT) & ~cells.map(lambda text: _BAD.search(text) is not None).astype(bool)
    if field.enum:
        good = cells.isin(field.enum)
    elif field.type == "string":
        good = cells.str.fullmatch(field.pattern) if field.pattern else pd.Series(True, index=cells.index)
    else:
        good = cells.str.fullmatch(_INTEGER if field.type == "integer" else _NUMBER)
        number = pd.to_numeric(cells.where(good), errors="coerce")
        if field.minimum is not None:
            good &= number >= field.minimum
        if field.maximum is not None:
            good &= number <= field.maximum
    return plain & (good.astype(bool) | (empty & (not field.required))) & ~(empty & field.required)


def _hint(text: str, field: Field) -> str:
    """Return a remark on a bad cell that the user can act on, or an empty string."""
    if text == "" and field.required:
        return " (a missing value is an error here, never zero)"
    found = bad_characters(text)
    if found:
        return f" (holds the control character {found.split()[0]})"
    if len(text) > MAX_TEXT:
        return f" (longer than {MAX_TEXT} characters)"
    if field.type != "string" and text.count(",") == 1 and text.replace(",", "").strip("-").isdigit():
        return f" (write the decimal with a point: {text.replace(',', '.')[:20]})"
    return did_you_mean(text, field.enum) if field.enum else ""


def check_header(header: Iterable[str], table: Table, file: str) -> None:
    """Raise a DataError that names every missing, repeated and unknown column.

    Parameters
    ----------
    header : iterable of str
        Column names of the file.
    table : Table
        What the file should hold.
    file : str
        How the message names the file.

    Raises
    ------
    DataError
        If a column is missing, repeated or unknown.
    """
    header = list(header)
    faults = [
        f"  the column {name!r} is missing" + did_you_mean(name, [h for h in header if h not in table.columns])
        for name in (field.name for field in table.fields if not field.optional)
        if name not in header
    ]
    faults += [f"  the column {shown(name)} stands twice" for name in dict.fromkeys(header) if header.count(name) > 1]
    faults += [
        f"  the column {shown(name)} is not known" + did_you_mean(name, table.columns)
        for name in dict.fromkeys(header)
        if name not in table.columns
    ]
    if faults:
        raise DataError(
            f"{file}: the header does not fit the table {table.name!r}:\n"
            + "\n".join(faults)
            + f"\nPossible columns: {', '.join(table.columns)}. Correct the first line of the file."
        )


def pandera_schema(table: Table, header: Iterable[str]):
    """Return the pandera schema of a table as text, for the columns that the file has.

    Parameters
    ----------
    table : Table
        The declaration.
    header : iterable of str
        Columns of the file; an optional column that is absent is not checked.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Every check is vectorised over one column, or over the rows for a :class:`Rule`.
    """
    import pandera.pandas as pa

    present = set(header)
    columns = {
        field.name: pa.Column(
            checks=pa.Check(lambda cells, field=field: _cell_ok(cells, field), name=field.name, error=field.allowed)
        )
        for field in table.fields
        if field.name in present
    }
    rules = [pa.Check(rule.ok, name=rule.name, error=rule.name) for rule in table.rules]
    if table.key:
        key = [name for name in table.key if name in present]
        rules.append(pa.Check(lambda rows: ~rows.duplicated(key), name="key", error="key"))
    return pa.DataFrameSchema(columns, checks=rules, strict=False)


def _faults(frame: pd.DataFrame, table: Table) -> dict[tuple[int, str], str]:
    """Return ``{(line, column): sentence}`` for every bad cell of a table of texts."""
    import pandera.errors

    try:
        pandera_schema(table, frame.columns).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        return {}
    fields = {field.name: field for field in table.fields}
    rules = {rule.name: rule for rule in table.rules}
    key = [name for name in table.key if name in frame.columns]
    cell = {name: dict(zip(frame.index, frame[name], strict=True)) for name in frame.columns}
    first: dict[tuple, int] = {}
    for row in frame[key].itertuples(name=None):
        first.setdefault(row[1:], row[0])
    faults: dict[tuple[int, str], str] = {}
    for context, column, name, line in zip(
        cases["schema_context"], cases["column"], cases["check"], cases["index"], strict=True
    ):
        if context == "Column":
            field, text = fields[column], cell[column][line]
            faults[line, column] = f"got {shown(text)}, allowed: {field.allowed}{_hint(text, field)}"
        elif name in rules:
            rule = rules[name]
            text = cell.get(rule.column, {}).get(line, "")  # a rule may speak of a column that the file leaves out
            faults.setdefault((line, rule.column), f"got {shown(text)}, allowed: {rule.allowed}")
        else:
            texts = {name: cell[name][line] for name in key}
            got = ", ".join(f"{name} {shown(text)}" for name, text in texts.items())
            at = first[tuple(texts.values())]
            faults.setdefault((line, key[0]), f"got {got} again, first in line {at}; allowed: one row for each")
    return dict(sorted(faults.items()))


def check(frame: pd.DataFrame, table: Table, file: str) -> pd.DataFrame:
    """Check a table of texts against its declaration and return it with its types.

    Parameters
    ----------
    frame : DataFrame of str
        The cells as they stand in the file; the index is the line of each row in the file.
    table : Table
        The declaration.
    file : str
        How the message names the file.

    Returns
    -------
    DataFrame
        Same rows; numbers are float64 (empty = missing), whole numbers Int64, the rest text.

    Raises
    ------
    DataError
        With one line for each bad cell of the whole file.

    Examples
    --------
    >>> rates = pd.DataFrame({"area": ["idn-32"], "year": ["2020"], "value": ["105"]}, index=[2])
    >>> check(rates, PANEL, "my.csv")
    Traceback (most recent call last):
    povstudy.errors.DataError: my.csv does not fit the table 'panel': 1 cell is wrong.
      line 2, column value: got '105', allowed: a number with a decimal point from 0 to 100
    Nothing was changed or written. Correct the cell in the file and try again.
    """
    check_header(frame.columns, table, file)
    faults = _faults(frame, table)
    if faults:
        one = len(faults) == 1
        lines = [f"  line {line}, column {column}: {text}" for (line, column), text in faults.items()]
        if len(lines) > MAX_LISTED:
            lines = [*lines[:MAX_LISTED], f"  and {len(faults) - MAX_LISTED} more"]
        raise DataError(
            f"{file} does not fit the table {table.name!r}: {len(faults)} cell{'' if one else 's'} "
            f"{'is' if one else 'are'} wrong.\n"
            + "\n".join(lines)
            + f"\nNothing was changed or written. Correct the cell{'' if one else 's'} in the file and try "
            "again."
        )
    return typed(frame, table)


def numbers(cells: pd.Series) -> np.ndarray:
    """Return texts as numbers, exactly as Python reads them; an empty text is nan.

    Examples
    --------
    >>> numbers(pd.Series(["4.64", "", "1e-3"])).tolist()
    [4.64, nan, 0.001]
    """
    return np.array([text or "nan" for text in cells], dtype=str).astype("float64")


def typed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return a checked table of texts with the types of its declaration, rows numbered from 0.

    Examples
    --------
    >>> texts = pd.DataFrame({"area": ["01"], "year": ["2020"], "value": ["4.5"]})
    >>> typed(texts, PANEL).to_dict("records")
    [{'area': '01', 'year': 2020, 'value': 4.5}]
    """
    out = {}
    for field in table.fields:
        if field.name not in frame.columns:
            continue
        cells = frame[field.name]
        if field.type == "integer":
            out[field.name] = pd.Series(numbers(cells), index=cells.index).astype("Int64")
        elif field.type == "number":
            out[field.name] = numbers(cells)
        else:
            out[field.name] = cells.astype(str)
    return pd.DataFrame(out).reset_index(drop=True)


def table_of(resource: dict) -> Table:
    """Return the declaration that a resource of a Frictionless data package holds.

    Parameters
    ----------
    resource : dict
        With ``name``, ``title`` and ``schema``; a table with the columns ``value`` and ``unit`` gets the rule
        that a percentage lies between 0 and 100.

    Returns
    -------
    Table

    Examples
    --------
    >>> year = {"name": "year", "type": "integer", "constraints": {"required": True, "minimum": 1990}}
    >>> table_of({"name": "x", "schema": {"fields": [year]}}).fields[0].allowed
    'a whole number of at least 1990'
    """
    fields = []
    for entry in resource["schema"]["fields"]:
        limits = dict(entry.get("constraints", {}))
        limits["enum"] = tuple(limits.get("enum", ()))
        fields.append(
            Field(entry["name"], entry["type"], entry.get("description", ""), entry.get("unit", ""), **limits)
        )
    names = {field.name for field in fields}
    key = resource["schema"].get("primaryKey", ())
    rules = (PERCENT,) if {"value", "unit"} <= names else ()
    return Table(resource["name"], resource.get("title", ""), tuple(fields), tuple(key), rules)


# ------------------------------------------------------------------------- declarations of a user's files


def _text(name: str, description: str, **limits) -> Field:
    return Field(name, "string", description, **limits)


_USER_VALUE = Field("value", "number", "The rate.", unit="%", required=True, minimum=0, maximum=100)
_USER_YEAR = Field("year", "integer", "Year of the figure.", required=True, minimum=1900, maximum=2100)
_USER_ID = r"[A-Za-z][A-Za-z0-9]{0,15}-[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


def _optional(*fields: Field) -> tuple[Field, ...]:
    from dataclasses import replace

    return tuple(replace(field, optional=True) for field in fields)


_USER_OPTIONAL = _optional(
    _text("area_name", "Name of the area."),
    _text("group", "Population group; default all.", pattern=r"[a-z0-9_]{1,40}"),
    _text("concept", "What counts as poor; default poor.", pattern=r"[a-z0-9_]{1,40}"),
    _text("family", "survey, review or user; default user.", enum=("survey", "review", "user")),
    _text(
        "level",
        "Level of the area; default other.",
        enum=("country", "region", "province", "district", "commune", "hamlet", "other"),
    ),
    _text("parent", "Area whose own rows are in the file and which is never pooled with its children."),
    Field(
        "weight",
        "number",
        "Households or population.",
        unit="households or persons",
        required=True,
        minimum=0,
    ),
    Field(
        "std_error",
        "number",
        "Standard error of the rate; empty: none known.",
        unit="percentage points",
        minimum=0,
        maximum=100,
    ),
    _text("source", "Where the figure comes from."),
    _text("note", "Remarks."),
    _text("unit", "Unit; only % is possible.", enum=("%",)),
    _text("confidence", "How far the figure can be relied on; default high.", enum=CONFIDENCE),
)

USER_FIGURES = Table(
    "figures of your own",
    "Rates that a user puts into data/raw/local/",
    (
        _text(
            "area",
            "Id of the area, with a prefix of its own such as idn-32.",
            required=True,
            pattern=_USER_ID,
        ),
        _USER_YEAR,
        _USER_VALUE,
        _text("standard", "What the rates were measured by, in the user's own words.", required=True),
        *_USER_OPTIONAL,
    ),
    key=("area", "year", "group", "concept", "standard"),
)
"""A user's CSV in data/raw/local/: required area, year, value, standard; the rest may be left out."""

PANEL = Table(
    "panel",
    "A panel file that a user names in a notebook",
    (
        _text("area", "Id or name of the area, any text.", required=True),
        _USER_YEAR,
        _USER_VALUE,
        *_optional(_text("standard", "What the rates were measured by.", required=True)),
        *_USER_OPTIONAL,
    ),
    key=("area", "year"),
)
"""A panel file given by its path: required area, year, value; one row an area and year."""

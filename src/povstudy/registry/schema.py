"""The columns of a household registry: one list that checks a file, documents it and makes its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.disclosure import safe_name, safe_value
from povstudy.errors import DataError, did_you_mean
from povstudy.multidimensional.specification import FLAG
from povstudy.standards import list_standards

__all__ = ["Column", "check_registry", "registry_columns", "registry_schema", "registry_template"]

ROWS_SHOWN = 3
FAULTS_SHOWN = 40
TRUE_WORDS = ("true", "1", "1.0", "yes", "y", "có", "co", "x")
FALSE_WORDS = ("false", "0", "0.0", "no", "n", "không", "khong")
PROGRAMME = "programme_"
"""A column whose name starts so is a programme: true where the household receives it."""


@dataclass(frozen=True)
class Column:
    """One column of a registry.

    ``kind`` is ``"id"``, ``"text"``, ``"number"``, ``"whole"`` or ``"flag"``; ``low`` and ``high`` are inclusive
    bounds; ``need`` is ``"required"``, ``"income or scores"`` or ``"optional"``.
    """

    name: str
    kind: str
    need: str
    unit: str
    meaning_en: str
    meaning_vi: str
    low: float | None = None
    high: float | None = None
    missing_allowed: bool = False


_C = Column
_FIXED = (
    _C("household_id", "id", "required", "", "id of the household; a pseudonym replaces it", "mã hộ"),
    _C("year", "whole", "optional", "year", "year at whose end the review was made", "năm rà soát", 1990, 2100),
    _C("area", "text", "optional", "", "province: id with its vintage, e.g. vn63-89", "tỉnh"),
    _C("district", "text", "optional", "", "district (until 30 June 2025)", "huyện (đến 30/6/2025)"),
    _C("commune", "text", "optional", "", "commune or ward", "xã, phường"),
    _C("urban", "flag", "required", "", "urban area: the higher line applies", "khu vực thành thị"),
    _C("minority", "flag", "optional", "", "household of an ethnic minority", "hộ dân tộc thiểu số"),
    _C("ethnicity", "text", "optional", "", "kinh_hoa, khmer, cham or another", "dân tộc"),
    _C("size", "whole", "optional", "persons", "members of the household", "số nhân khẩu", 1, 40),
    _C("income", "number", "income or scores", "VND/person/month", "income per head", "thu nhập bình quân"),
    _C("deprivations", "whole", "income or scores", "count", "indicators lacking, of the law in force",
       "số chỉ số thiếu hụt", 0, 12),
    _C("b1", "number", "income or scores", "points", "B1 of the review form, as recorded", "điểm B1", 0, 1000),
    _C("b2", "whole", "income or scores", "points", "B2 of the review form: 10 x deprivations", "điểm B2", 0, 120),
    _C("can_work", "flag", "optional", "", "a member can work", "có người có khả năng lao động"),
    _C("female_head", "flag", "optional", "", "headed by a woman", "chủ hộ là nữ"),
    _C("listed", "text", "optional", "", "class on the list in force: poor, near_poor, not_poor",
       "diện trên danh sách đang áp dụng", missing_allowed=True),
    _C("newly_escaped", "flag", "optional", "", "left the list within three years", "hộ mới thoát nghèo"),
    _C("supported", "flag", "optional", "", "took part in a support model", "có tham gia mô hình hỗ trợ",
       missing_allowed=True),
    _C("previous_id", "text", "optional", "", "id of the household it comes from in the last file",
       "mã hộ ở kỳ trước", missing_allowed=True),
    _C("psu", "text", "optional", "", "primary sampling unit, if a sample", "đơn vị mẫu cấp một"),
    _C("stratum", "text", "optional", "", "stratum, if a sample", "tầng mẫu"),
    _C("weight", "number", "optional", "households", "households that the row stands for", "quyền số", 0),
    _C("duplicate_identity", "flag", "optional", "", "an identity number stands in two rows (made at reading)",
       "trùng số định danh"),
    _C("simulated", "flag", "optional", "", "true where the row was made by a computer", "dòng mô phỏng"),
)  # fmt: skip


def registry_schema() -> tuple[Column, ...]:
    """Return every column that a registry can have: the fixed ones and one flag an indicator of any law.

    Returns
    -------
    tuple of Column
        In the order of the documentation.  Programme columns (``programme_...``) are flags of the user's own.

    Examples
    --------
    >>> [c.name for c in registry_schema() if c.need == "required"]
    ['household_id', 'urban']
    """
    flags: dict[str, Column] = {}
    for standard in list_standards():
        if standard.kind != "national":
            continue
        for indicator in standard.indicators:
            flags.setdefault(
                indicator.code,
                Column(
                    FLAG + indicator.code,
                    "flag",
                    "optional",
                    "",
                    f"deprived in: {indicator.en}",
                    f"thiếu hụt: {indicator.vi}",
                ),
            )
    return (*_FIXED, *flags.values())


def registry_columns() -> pd.DataFrame:
    """Return the documentation of the columns, one row a column.

    Returns
    -------
    DataFrame
        ``name, kind, need, unit, low, high, meaning_en, meaning_vi``.

    Examples
    --------
    >>> registry_columns().set_index("name").loc["income", "unit"]
    'VND/person/month'
    """
    rows = [(c.name, c.kind, c.need, c.unit, c.low, c.high, c.meaning_en, c.meaning_vi) for c in registry_schema()]
    rows.append((f"{PROGRAMME}...", "flag", "optional", "", None, None, "receives the programme", "được hỗ trợ"))
    names = ["name", "kind", "need", "unit", "low", "high", "meaning_en", "meaning_vi"]
    return pd.DataFrame(rows, columns=names)


def registry_template() -> pd.DataFrame:
    """Return an empty table with the columns of a registry: the template that a user fills in.

    Examples
    --------
    >>> registry_template().shape[0]
    0
    """
    made = {"duplicate_identity", "simulated"}
    return pd.DataFrame(columns=[c.name for c in registry_schema() if c.name not in made])


def is_declared(name: str, columns: Sequence[Column]) -> bool:
    """Whether a column belongs to the schema or is a programme."""
    return str(name).startswith(PROGRAMME) or any(c.name == name for c in columns)


def check_registry(table: pd.DataFrame, *, where: str = "the registry") -> pd.DataFrame:
    """Return ``table`` with its columns in their types, or raise one error that lists every fault.

    Parameters
    ----------
    table : DataFrame, shape (n, columns)
        One row a household (and year).  Columns outside the schema are left alone.
    where : str
        What the message calls it: a file name.

    Returns
    -------
    DataFrame
        ``simulated`` is added (False) where it is missing.

    Raises
    ------
    DataError
        Every fault, one line each, with the first row numbers (data rows, counted from 1); never a text that
        stands in a cell.

    Examples
    --------
    >>> rows = pd.DataFrame({"household_id": ["a"], "income": ["x"], "deprivations": [3], "urban": ["có"]})
    >>> check_registry(rows)
    Traceback (most recent call last):
    povstudy.errors.DataError: the registry has 1 fault:
    - column 'income': row 1 is no number (text of 1 character); write plain numbers in VND/person/month.
    """
    schema = registry_schema()
    out = table.copy(deep=False)
    faults = _shape_faults(out, schema)
    for column in schema:
        if column.name in out.columns and not _twice(out, column.name):
            out[column.name], found = _read_column(out[column.name], column)
            faults += found
    for name in [c for c in out.columns if str(c).startswith(PROGRAMME)]:
        out[name], found = _read_column(
            out[name], Column(str(name), "flag", "optional", "", "", "", missing_allowed=False)
        )
        faults += found
    faults += _row_faults(out)
    if faults:
        shown = faults[:FAULTS_SHOWN]
        more = [f"and {len(faults) - len(shown)} more"] if len(faults) > len(shown) else []
        plural = "" if len(faults) == 1 else "s"
        raise DataError(f"{where} has {len(faults)} fault{plural}:\n- " + "\n- ".join([*shown, *more]))
    if "simulated" not in out.columns:
        out["simulated"] = False
    return out


def _twice(table: pd.DataFrame, name: str) -> bool:
    return int((table.columns == name).sum()) > 1


def _shape_faults(table: pd.DataFrame, schema: Sequence[Column]) -> list[str]:
    """Faults of the table as a whole: no rows, columns missing or there twice."""
    faults = []
    if len(table) == 0:
        faults.append("it has no rows")
    there = [str(c) for c in table.columns]
    for name in dict.fromkeys(c for c in there if there.count(c) > 1):
        faults.append(f"column {safe_name(name)} is there {there.count(name)} times; keep one")
    for column in schema:
        if column.need == "required" and column.name not in there:
            close = [c for c in there if safe_name(c) == repr(c)]
            faults.append(f"column {column.name!r} is missing ({column.meaning_en}).{did_you_mean(column.name, close)}")
    if not ({"income", "deprivations"} <= set(there) or {"b1", "b2"} <= set(there)):
        faults.append(
            "columns 'income' and 'deprivations' (or the recorded scores 'b1' and 'b2') are needed to know a class"
        )
    return faults


def _rows(bad: np.ndarray) -> str:
    """Name the first faulty rows."""
    found = np.flatnonzero(bad) + 1
    first = ", ".join(map(str, found[:ROWS_SHOWN]))
    if found.size == 1:
        return f"row {first}"
    return f"{found.size} rows ({first}{', ...' if found.size > ROWS_SHOWN else ''})"


def _says(values: pd.Series, bad: np.ndarray) -> str:
    return safe_value(values.iloc[int(np.flatnonzero(bad)[0])])


def _missing(values: pd.Series) -> np.ndarray:
    """Return where a cell is empty; blanks in a text count as empty."""
    empty = values.isna().to_numpy(bool)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return empty
    if isinstance(values.dtype, pd.StringDtype):
        return empty | values.str.strip().eq("").fillna(True).to_numpy(bool)
    codes, distinct = pd.factorize(values)
    blank = np.array([isinstance(v, str) and not v.strip() for v in distinct], dtype=bool)
    return empty | np.append(blank, False)[codes]


def _read_column(values: pd.Series, column: Column) -> tuple[pd.Series, list[str]]:
    """Return a column in its type, and its faults."""
    missing = _missing(values)
    name = f"column {column.name!r}"
    faults = []
    if missing.any() and not column.missing_allowed:
        why = " (a missing income is never 'not poor')" if column.name == "income" else ""
        faults.append(f"{name}: {_rows(missing)} empty{why}; fill in or leave out the household and say so.")
    if column.kind in ("id", "text"):
        text = values if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("str")
        return (text.where(~missing) if missing.any() else text), faults
    if column.kind == "flag":
        return _read_flag(values, missing, column, faults)
    number = pd.to_numeric(values, errors="coerce")
    if values.dtype == bool:
        number = pd.Series(np.full(len(values), np.nan), index=values.index)
    got = number.to_numpy(float, na_value=np.nan)
    bad = np.isnan(got) & ~missing
    if bad.any():
        faults.append(
            f"{name}: {_rows(bad)} {'is' if bad.sum() == 1 else 'are'} no number ({_says(values, bad)}); write plain "
            f"numbers in {column.unit}."
        )
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    finite = np.isfinite(got)
    checks = (
        (np.isinf(got), "infinite"),
        (finite & (got != np.floor(got)) & (column.kind == "whole"), "not whole"),
        (finite & ((got < low) | (got > high)), f"outside {low:g} to {high:g}"),
    )
    for wrong, what in checks:
        if wrong.any():
            faults.append(f"{name}: {_rows(wrong)} {what} (got {_says(values, wrong)}); unit: {column.unit}.")
    whole = column.kind == "whole" and not faults and not missing.any()
    return pd.Series(got.astype("int64") if whole else got, index=values.index), faults


def _read_flag(
    values: pd.Series, missing: np.ndarray, column: Column, faults: list[str]
) -> tuple[pd.Series, list[str]]:
    """Return a column of true and false (nullable where missing values are allowed), and its faults."""
    if values.dtype == bool:
        return values, faults
    if pd.api.types.is_numeric_dtype(values.dtype):
        got = values.to_numpy(float, na_value=np.nan)
        true, false = got == 1, got == 0
    else:
        codes, distinct = pd.factorize(values)
        words = [str(v).strip().lower() for v in distinct]
        true = np.array([*(w in TRUE_WORDS for w in words), False], dtype=bool)[codes]
        false = np.array([*(w in FALSE_WORDS for w in words), False], dtype=bool)[codes]
    bad = ~(true | false | missing)
    if bad.any():
        faults.append(
            f"column {column.name!r}: {_rows(bad)} neither true nor false ({_says(values, bad)}); write 1 or 0, true "
            "or false, có or không."
        )
    flag = pd.Series(true, index=values.index)
    return (flag.astype("boolean").mask(missing) if missing.any() else flag), faults


def _row_faults(table: pd.DataFrame) -> list[str]:
    """Faults that need two columns: a household twice, B2 that is not 10 x deprivations."""
    faults = []
    if "household_id" in table.columns and not _twice(table, "household_id"):
        ids = table["household_id"]
        years = "year" in table.columns and not _twice(table, "year") and table["year"].nunique() > 1
        again = table.duplicated(["household_id", "year"], keep=False) if years else ids.duplicated(keep=False)
        twice = again.to_numpy() & ids.notna().to_numpy()
        if twice.any():
            faults.append(
                f"column 'household_id': {_rows(twice)} share an id with another row of the same year; the file must "
                "have one row a household (collapse a roster of persons first)."
            )
    if {"b2", "deprivations"} <= set(table.columns):
        b2 = pd.to_numeric(table["b2"], errors="coerce").to_numpy(float)
        count = pd.to_numeric(table["deprivations"], errors="coerce").to_numpy(float)
        apart = np.isfinite(b2) & np.isfinite(count) & (b2 != 10 * count)
        if apart.any():
            faults.append(f"column 'b2': {_rows(apart)} differ from 10 x deprivations; correct one of the two.")
    return faults

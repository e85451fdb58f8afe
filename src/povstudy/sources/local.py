"""Figures of a user's own: CSV files in data/raw/local/ and panels given by their path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from povstudy.errors import DataError
from povstudy.sources.ids import FOREIGN_PREFIXES
from povstudy.sources.rates import KEY, RATE_COLUMNS
from povstudy.sources.raw import local_files, read_table
from povstudy.tables import PANEL, USER_FIGURES, shown

__all__ = ["read_local", "read_panel"]

_DEFAULTS = {
    "area_name": "",
    "group": "all",
    "concept": "poor",
    "family": "user",
    "level": "other",
    "parent": "",
    "source": "",
    "note": "",
    "unit": "%",
    "confidence": "high",
}
_PANEL_COLUMNS = ("area", "year", "value", "weight", "standard", "std_error", "parent", "area_name")


def _with_defaults(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a user's figures with every optional text column; an empty cell takes the default."""
    out = frame.copy()
    for name, default in _DEFAULTS.items():
        given = out[name] if name in out else pd.Series("", index=out.index)
        out[name] = given.where(given != "", default)
    out["area_name"] = out["area_name"].where(out["area_name"] != "", out["area"])
    return out


def _one_fact_an_area(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """Return a user's figures with the same name, level and parent in every row of an area.

    A row that leaves one of them empty takes it from the other rows; two that differ are an error.
    """
    out = frame.copy()
    for column in ("area_name", "level", "parent"):
        if column not in out:
            continue
        given = out[out[column] != ""].groupby("area")[column].unique()
        faults = [
            f"  {area}: {column} {' and '.join(shown(text) for text in texts[:3])}"
            for area, texts in given.items()
            if len(texts) > 1
        ]
        if faults:
            raise DataError(
                f"{file}: an area has one {column}, in all its rows:\n" + "\n".join(faults) + "\nWrite one of them."
            )
        first = {area: texts[0] for area, texts in given.items()}
        out[column] = [first.get(area, "") for area in out["area"]]
    return out


def _refuse_repeats(frame: pd.DataFrame, file: str) -> None:
    """Raise a DataError for figures that are the same once empty cells have their defaults."""
    twice = frame[frame.duplicated(list(KEY))]
    if len(twice):
        rows = "\n".join(f"  {', '.join(str(cell)[:60] for cell in row)}" for row in twice[list(KEY)].to_numpy())
        raise DataError(
            f"{file}: {', '.join(KEY)} stand twice (an empty group is all, an empty concept is poor):\n{rows}\n"
            "Keep one row for each."
        )


def _one_file(path: Path, file: str) -> pd.DataFrame:
    frame = _with_defaults(_one_fact_an_area(read_table(path, USER_FIGURES, file), file))
    _check_parents(frame, file)
    _refuse_repeats(frame, file)
    error = frame["std_error"] if "std_error" in frame else pd.Series(float("nan"), index=frame.index)
    weight = frame["weight"] if "weight" in frame else pd.Series(float("nan"), index=frame.index)
    note = (frame["source"] + " " + frame["note"]).str.strip()
    return frame.assign(
        year=frame["year"].astype("int64"),
        vintage="",
        law="",
        std_error=error,
        std_error_status=error.notna().map({True: "given", False: ""}),
        source_id="",
        note=note,
        file=file,
        preferred=True,
        preferred_reason="",
        weight=weight,
        weight_basis=weight.notna().map({True: "given", False: ""}),
    )[list(RATE_COLUMNS)]


def _check_parents(frame: pd.DataFrame, file: str) -> None:
    """Raise a DataError for a parent without rows of its own in the file, or with a parent of its own."""
    if "parent" not in frame:
        return
    parents = [p for p in dict.fromkeys(frame["parent"]) if p]
    nested = set(frame.loc[frame["parent"] != "", "area"])
    if both := [p for p in parents if p in nested]:
        raise DataError(
            f"{file}: {', '.join(shown(p) for p in both)} is a parent and has a parent too. One level of parents is "
            "possible: leave the column parent empty in the rows of a parent."
        )
    lost = [p for p in parents if p not in set(frame["area"])]
    if lost:
        raise DataError(
            f"{file}: the parent {', '.join(shown(p) for p in lost)} has no rows of its own in the file. Add its rows "
            "(area, year, value), or leave the column parent empty."
        )


def read_local(home: Path, shipped: Iterable[str]) -> pd.DataFrame:
    """Return the figures of all files in data/raw/local/ in the columns of the rates table.

    A file has the columns ``area, year, value, standard`` and may have ``area_name, group, concept, family,
    level, parent, weight, std_error, source, note, unit, confidence``.  ``area`` is an id with a prefix of
    its own, such as ``idn-32`` (letters and digits, a hyphen, letters, digits, ``_`` and ``-``); ``value`` is
    a percentage with a decimal point; ``standard`` is any text: figures on different standards are never put
    in one line.  Gaps between years and single observations are allowed.  An area name may be any text of at
    most 10,000 characters without control characters; it stays text wherever it is shown.

    Parameters
    ----------
    home : Path
        Project folder.
    shipped : iterable of str
        Area ids that are taken.

    Returns
    -------
    DataFrame
        No row if there is no such file.

    Raises
    ------
    DataError
        If a file is not CSV in UTF-8, a cell is not allowed, or an area id clashes with a shipped one or with
        one of another file (the message names both files).
    """
    owner = dict.fromkeys(shipped, "the shipped figures (data/raw)")
    faults, frames = [], []
    for path in local_files(home):
        file = path.relative_to(home).as_posix()
        frame = _one_file(path, file)
        for area in frame["area"].unique():
            if area.split("-", 1)[0].casefold() in FOREIGN_PREFIXES and area not in owner:
                faults.append(f"  {area} in {file}: the prefix {area.split('-', 1)[0]} belongs to the shipped figures")
            elif area in owner:
                faults.append(f"  {area} stands in {file} and in {owner[area]}")
            owner.setdefault(area, file)
        frames.append(frame)
    if faults:
        raise DataError(
            "Area ids clash:\n" + "\n".join(faults) + "\n"
            "Give the areas of each file a prefix of their own, such as idn-32, or put one area's figures into one "
            "file."
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(RATE_COLUMNS))


def read_panel(path: str | Path) -> pd.DataFrame:
    """Return a panel from a CSV file of the user's, checked.

    Parameters
    ----------
    path : str or Path
        A CSV file in UTF-8, separated by commas, with the columns ``area, year, value`` and, as far as there
        are any, ``weight, standard, std_error, parent, area_name`` (``group, concept, family, level, source,
        note, unit, confidence`` are allowed and must not vary within a panel where they define the series).

    Returns
    -------
    DataFrame
        ``area, year, value``, then ``weight, standard, std_error, parent`` where the file has them, and
        ``area_name`` (the area itself where the file has none); sorted by area and year.  Gaps and single
        observations are kept.

    Raises
    ------
    DataError
        If the file cannot be read or is no such table: one line for each bad cell.
    """
    path = Path(path)
    file = shown(path.name)[1:-1]
    try:
        frame = read_table(path, PANEL, file)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"The panel file {shown(path)} cannot be opened: {error}. Name a CSV file.") from None
    for column in ("group", "concept", "family"):
        if column in frame and frame[column].nunique() > 1:
            found = ", ".join(shown(text) for text in frame[column].unique()[:5])
            raise DataError(
                f"{file}: the column {column} holds {found}: a panel is one series. Keep the rows of one {column}."
            )
    frame = _one_fact_an_area(frame, file)
    if "parent" in frame:
        _check_parents(frame, file)
        frame["parent"] = frame["parent"].where(frame["parent"] != "")
    if "area_name" not in frame:
        frame["area_name"] = frame["area"]
    frame["area_name"] = frame["area_name"].where(frame["area_name"] != "", frame["area"])
    frame["year"] = frame["year"].astype("int64")
    columns = [name for name in _PANEL_COLUMNS if name in frame]
    return frame[columns].sort_values(["area", "year"], kind="stable", ignore_index=True)

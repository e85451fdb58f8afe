"""The forecasts of all reports as one table: every row with its report, its standard and what it rests on."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from povstudy.reporting.entries import DONE, EARLIER, Entry
from povstudy.reporting.ledger import FORECAST_COLUMNS, VINTAGE
from povstudy.reporting.memo.collect import SIMULATED
from povstudy.reporting.record import FORECAST_FILE
from povstudy.reporting.report import NUMBERS_FILE
from povstudy.reporting.tables import FORMULA_STARTS, csv_cell
from povstudy.sources.ids import vintage_of

__all__ = ["ALL_FORECASTS_FILE", "COLUMNS", "ReportForecast", "all_forecasts_text", "report_forecasts", "rests_on"]

ALL_FORECASTS_FILE = "forecasts.csv"
COLUMNS = ("id", "rests_on", "status", "notebook", "area_name", "folder", *FORECAST_COLUMNS, VINTAGE)
NEGATIVE = re.compile(r"-[0-9.]+(e-?[0-9]+)?")
OFFICIAL, OWN = "official figures", "figures of the user"


@dataclass(frozen=True)
class ReportForecast:
    """The forecast of a report.

    Parameters
    ----------
    entry : Entry
        The report.
    rests_on : str
        ``official figures``, ``figures of the user`` or the label of simulated ones.
    rows : tuple of tuple of str
        Cells as they stand in the report, in the order of `FORECAST_COLUMNS`.
    """

    entry: Entry
    rests_on: str
    rows: tuple[tuple[str, ...], ...]


def report_forecasts(output: Path, found: Iterable[Entry]) -> Iterator[ReportForecast]:
    """Read the forecasts of reports: each forecast once, in whatever languages it was reported.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    found : iterable of Entry
        What `entries` gives.

    Yields
    ------
    ReportForecast
        The newest reports first.  A file that is no forecast of ours is left out: its report lists it all the same.
    """
    made = [entry for entry in found if entry.status in (DONE, EARLIER) and FORECAST_FILE in entry.files]
    made.sort(key=lambda entry: entry.fact("finished"), reverse=True)
    seen: set[str] = set()
    for entry in made:
        identifier = entry.fact("id")
        if identifier in seen:
            continue
        rows = _rows(output / entry.folder / FORECAST_FILE)
        if rows:
            seen.add(identifier)
            yield ReportForecast(entry, rests_on(output, entry), rows)


def _rows(path: Path) -> tuple[tuple[str, ...], ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            head = next(reader, [])
            if not set(FORECAST_COLUMNS) <= set(head):
                return ()
            places = [head.index(name) for name in FORECAST_COLUMNS]
            return tuple(tuple(row[place] for place in places) for row in reader if len(row) == len(head))
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()


def rests_on(output: Path, entry: Entry) -> str:
    """Return on what the numbers of a report rest.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    entry : Entry
        A report.

    Returns
    -------
    str
        The label of simulated numbers where its numbers, its inputs or its name say so; too many labels do less harm
        than one too few.
    """
    said = " ".join([entry.fact("area_name"), entry.fact("standard"), entry.fact("area"), *map(str, _inputs(entry))])
    if NUMBERS_FILE in entry.files:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            said += (output / entry.folder / NUMBERS_FILE).read_text(encoding="utf-8")
    if any(word in said.casefold() for word in SIMULATED.casefold().split(" / ")):
        return SIMULATED
    return OWN if any(_inputs(entry)) else OFFICIAL


def _inputs(entry: Entry) -> list[object]:
    files = entry.facts.get("input_files")
    names = list(files.values()) if isinstance(files, dict) else []
    return [*names, *([entry.parameters["panel"]] if entry.parameters.get("panel") else [])]


def all_forecasts_text(forecasts: Iterable[ReportForecast]) -> str:
    """Return the forecasts of all reports as CSV.

    Parameters
    ----------
    forecasts : iterable of ReportForecast
        What `report_forecasts` gives.

    Returns
    -------
    str
        CSV with the columns `COLUMNS`; no cell starts a formula.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    location = FORECAST_COLUMNS.index("location")
    for one in forecasts:
        entry = one.entry
        before = (entry.fact("id"), one.rests_on, entry.status, entry.notebook, entry.fact("area_name"))
        before = tuple(map(csv_cell, (*before, entry.folder.as_posix())))
        writer.writerows((*before, *map(_harmless, row), vintage_of(row[location])) for row in one.rows)
    return file.getvalue()


def _harmless(cell: str) -> str:
    """Return a cell of a report, made harmless where somebody altered the file; a negative number stays one."""
    return csv_cell(cell) if cell.startswith(FORMULA_STARTS) and not NEGATIVE.fullmatch(cell) else cell

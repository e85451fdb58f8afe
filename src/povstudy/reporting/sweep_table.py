"""The summary of sweeps: one CSV beside the reports with the last result of every report that was asked for."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from povstudy.reporting import folders, record
from povstudy.reporting.tables import csv_cell

if TYPE_CHECKING:
    from povstudy.reporting.sweep import Result

__all__ = ["COLUMNS", "SUMMARY_FILE", "read_summary", "update_summary"]

SUMMARY_FILE = "sweep.csv"
LOCK_FILE = ".sweep.lock"
COLUMNS = ("notebook", "area", "area_name", "parameters", "status", "cell", "reason", "seconds", "attempts")
COLUMNS += ("folder", "finished")
KEY = ("notebook", "parameters")
REASON_LENGTH = 500


def read_summary(output: Path) -> list[dict[str, str]]:
    """Read the summary.

    Parameters
    ----------
    output : Path
        The parent of all reports.

    Returns
    -------
    list of dict of str to str
        By column; empty if there is none, or none of ours.
    """
    try:
        text = (output / SUMMARY_FILE).read_text(encoding="utf-8")
    except OSError:
        return []
    reader = csv.DictReader(io.StringIO(text, newline=""))
    return list(reader) if tuple(reader.fieldnames or ()) == COLUMNS else []


def update_summary(output: Path, results: Sequence[Result]) -> None:
    """Put results into the summary; a report that was asked for before keeps its last result.

    Other processes may do the same: a lock keeps them in turn, and the file is replaced by rename, so no row is lost
    and none is ever seen half.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    results : sequence of Result
        New results.

    Raises
    ------
    OSError
        If it cannot be written; the old file is untouched.
    """
    if not results:
        return
    with folders.locked(output / LOCK_FILE):
        rows = {tuple(row[name] for name in KEY): row for row in read_summary(output)}
        for result in results:
            row = _row(result)
            rows[tuple(row[name] for name in KEY)] = row
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for _, row in sorted(rows.items()))
        folders.write_atomically(output / SUMMARY_FILE, file.getvalue())


def _row(result: Result) -> dict[str, str]:
    """Return a result as text that no spreadsheet executes."""
    row, reason = result.row, " ".join(result.reason.split())
    cells = (
        row.notebook,
        row.area,
        row.area_name,
        record.canonical(row.parameters),
        result.status,
        result.cell or None,
        reason[:REASON_LENGTH],
        result.seconds or None,
        result.attempts or None,
        _place(result),
        datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return dict(zip(COLUMNS, map(csv_cell, cells), strict=True))


def _place(result: Result) -> str:
    """Return the folder of a result relative to the parent of all reports; empty if there is none."""
    name = result.row.folder_name
    if result.status in ("done", "unchanged"):
        return name
    if result.status == "not available":
        return f"{folders.NOT_AVAILABLE}/{name}"
    return f"{folders.FAILED}/{name}" if result.cell else ""

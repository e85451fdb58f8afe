"""The ledger: every forecast that was handed out, one file an identifier, kept to be scored.

A file is written once, by rename, and its name follows from its content: writers need no lock, and the same forecast
again changes nothing.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import secrets
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from povstudy.errors import DataError, ReportError
from povstudy.reporting.record import FORECAST_FILE, forecast_id, sha256_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "HINDCAST",
    "HINDCASTS",
    "LEDGER",
    "LEDGER_COLUMNS",
    "add_forecast",
    "ledger_text",
    "parse_hindcasts",
    "read_hindcasts",
    "read_ledger",
]

LEDGER = "ledger"
HINDCASTS = Path("data") / "ledger" / "hindcasts.csv.gz"
FORECAST_COLUMNS = ("model_id", "origin_year", "horizon", "target_year", "location", "group", "target", "standard")
FORECAST_COLUMNS += ("scenario", "output_type", "output_type_id", "value")
VINTAGE = "location_vintage"
LEDGER_COLUMNS = (*FORECAST_COLUMNS, VINTAGE)
KIND, HINDCAST = "kind", "hindcast"
WHOLE = ("origin_year", "horizon", "target_year")
NEW = ".new-"
STALE_SECONDS = 3600


def ledger_text(forecast: str, where: str = FORECAST_FILE) -> str:
    r"""Return the text of a ledger file: the rows of a forecast, each with the vintage of its area.

    Parameters
    ----------
    forecast : str
        Text of forecast.csv.
    where : str
        Its name, for messages.

    Returns
    -------
    str
        CSV with the columns `LEDGER_COLUMNS`.

    Raises
    ------
    ReportError
        If a column of the contract is missing.

    Examples
    --------
    >>> head = ",".join(FORECAST_COLUMNS)
    >>> row = "povstudy-default,2024,1,2025,vn34-91,all,survey poor rate,s,none,quantile,0.5,1.4"
    >>> ledger_text(head + "\n" + row + "\n").splitlines()[1]
    'povstudy-default,2024,1,2025,vn34-91,all,survey poor rate,s,none,quantile,0.5,1.4,34'
    """
    from povstudy.sources.ids import vintage_of

    rows = csv.reader(io.StringIO(forecast, newline=""))
    head = next(rows, [])
    missing = [column for column in FORECAST_COLUMNS if column not in head]
    if missing:
        raise ReportError(f"{where} has no column {missing[0]!r}; the ledger needs {', '.join(FORECAST_COLUMNS)}.")
    places = [head.index(column) for column in FORECAST_COLUMNS]
    location = head.index("location")
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(LEDGER_COLUMNS)
    writer.writerows([*(row[place] for place in places), vintage_of(row[location])] for row in rows)
    return file.getvalue()


def add_forecast(output: Path, report: Path) -> Path | None:
    """Add the forecast of a report to the ledger beside it.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    report : Path
        The report folder.

    Returns
    -------
    Path or None
        The ledger file, named by the identifier that follows from the forecast; None if there is no forecast.

    Raises
    ------
    ReportError
        If it cannot be written, or the file of that identifier holds something else.
    """
    source = report / FORECAST_FILE
    if not source.is_file():
        return None
    folder = output / LEDGER
    try:
        identifier = forecast_id("", {}, {FORECAST_FILE: sha256_file(source)})
        text = ledger_text(source.read_text(encoding="utf-8"))
        path = folder / f"{identifier}.csv"
        if not path.is_file():
            folder.mkdir(exist_ok=True)
            _clean(folder)
            _write_once(path, text)
        kept = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReportError(
            f"{report.name} is finished, but its forecast could not be added to {folder}: {error.strerror or error}. "
            "Run it again when there is room."
        ) from None
    if kept != text:
        raise ReportError(
            f"{report.name} is finished, but {path} holds another forecast under its identifier: that file was "
            "altered. Move it away and run again."
        )
    return path


def _write_once(path: Path, text: str) -> None:
    """Write a file by rename; it is whole as soon as it is there."""
    temporary = path.with_name(f"{NEW}{path.name}-{secrets.token_hex(6)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _clean(folder: Path) -> None:
    """Remove what killed writers left behind an hour ago or more."""
    for path in folder.glob(f"{NEW}*"):
        try:
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink(missing_ok=True)
        except OSError:
            continue


def read_ledger(output: Path) -> pd.DataFrame:
    """Read every forecast of a ledger.

    Parameters
    ----------
    output : Path
        The parent of all reports.

    Returns
    -------
    DataFrame
        Columns ``forecast_id`` and `LEDGER_COLUMNS`; texts are categories.  Empty where there is no ledger.

    Raises
    ------
    DataError
        If a file is no ledger file; the message names it.
    """
    head = (",".join(LEDGER_COLUMNS) + "\n").encode()
    names, bodies, counts = [], [], []
    for path in sorted((output / LEDGER).glob("*.csv")):
        if path.name.startswith("."):
            continue
        content = _read(path)
        if not content.startswith(head) or not content.endswith(b"\n"):
            raise DataError(f"{path} is no file of the ledger: its columns are not {', '.join(LEDGER_COLUMNS)}.")
        body = content[len(head) :]
        names.append(path.stem)
        bodies.append(body)
        counts.append(_rows(body))
    try:
        return _parse(b"".join(bodies), names, counts)
    except ValueError as error:
        raise DataError(_culprit(output, names, bodies, counts) or f"The ledger cannot be read: {error}.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


def _rows(body: bytes) -> int:
    """Return the number of rows; only a quoted cell can hold a line break."""
    if b'"' not in body:
        return body.count(b"\n")
    return sum(1 for _ in csv.reader(io.StringIO(body.decode("utf-8", "replace"), newline="")))


def _parse(body: bytes, names: list[str], counts: list[int]) -> pd.DataFrame:
    """Return the rows of several files as one table with the name of the file of each.

    Raises
    ------
    ValueError
        If a cell is not of its type or a row has too few or too many cells.
    """
    import numpy as np
    import pandas as pd

    texts = [name for name in LEDGER_COLUMNS if name not in (*WHOLE, "value")]
    kinds = dict.fromkeys(texts, "str") | dict.fromkeys(WHOLE, "int64") | {"value": "float64"}
    if body:
        options = {"header": None, "names": list(LEDGER_COLUMNS), "na_filter": False, "index_col": False}
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row with too many cells
            try:
                table = pd.read_csv(io.BytesIO(body), dtype=kinds, **options)
            except pd.errors.ParserWarning:
                raise ValueError(f"a row has more than {len(LEDGER_COLUMNS)} cells") from None
    else:
        table = pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in LEDGER_COLUMNS})
    table = table.astype(dict.fromkeys(texts, "category"))
    if len(table) != sum(counts):
        raise ValueError("rows and lines do not agree")
    if not np.isfinite(table["value"].to_numpy()).all():
        raise ValueError("a value is not finite")
    identifiers = pd.Categorical.from_codes(np.repeat(np.arange(len(names)), counts), categories=names)
    table.insert(0, "forecast_id", identifiers)
    return table


def _culprit(output: Path, names: list[str], bodies: list[bytes], counts: list[int]) -> str:
    """Return which file of a ledger cannot be read and why, or an empty text."""
    for name, body, count in zip(names, bodies, counts, strict=True):
        try:
            _parse(body, [name], [count])
        except ValueError as error:
            path = output / LEDGER / f"{name}.csv"
            return f"{path} is no file of the ledger: {str(error)[:200]}. Move it away, or restore it from its report."
    return ""


def read_hindcasts(home: Path) -> pd.DataFrame:
    """Read what this version would have said at past origins: made by a script, never by a run.

    Parameters
    ----------
    home : Path
        The project folder.

    Returns
    -------
    DataFrame
        As `read_ledger`; every identifier is ``hindcast``.  Empty where the file is not shipped.

    Raises
    ------
    DataError
        If the file cannot be read or holds anything but hindcasts.
    """
    path = home / HINDCASTS
    if not path.is_file():
        return _parse(b"", [], [])
    try:
        return parse_hindcasts(gzip.decompress(_read(path)).decode("utf-8"))
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}. `python scripts/hindcasts.py` makes it anew.") from None


def parse_hindcasts(content: str) -> pd.DataFrame:
    """Return the rows of a file of hindcasts.

    Parameters
    ----------
    content : str
        CSV with the column ``kind`` before `LEDGER_COLUMNS`.

    Returns
    -------
    DataFrame
        As `read_ledger`; every identifier is ``hindcast``.

    Raises
    ------
    ValueError
        If it has other columns or a row is not marked.
    """
    head, _, body = content.partition("\n")
    if head != ",".join((KIND, *LEDGER_COLUMNS)):
        raise ValueError(f"its columns are not {KIND}, {', '.join(LEDGER_COLUMNS)}")
    lines = body.splitlines()
    if not all(line.startswith(f"{HINDCAST},") for line in lines):
        raise ValueError(f"a row is not marked {KIND} = {HINDCAST}")
    rows = "".join(line.partition(",")[2] + "\n" for line in lines).encode()
    return _parse(rows, [HINDCAST], [len(lines)])

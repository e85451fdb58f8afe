"""Reading files as they are: bytes, checksum, cells as text with the line they stand in."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from pathlib import Path

import pandas as pd

from povstudy.errors import DataError, ProjectError, did_you_mean
from povstudy.tables import Table, check, shown, table_of

__all__ = [
    "LOCAL",
    "RAW_FOLDER",
    "checked_package",
    "data_hashes",
    "parse_csv",
    "read_bytes",
    "read_table",
    "sha256",
]

RAW_FOLDER = Path("data", "raw")
"""The shipped figures, below the project folder."""

LOCAL = RAW_FOLDER / "local"
"""A user's own figures, below the project folder; not in git."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u2028\u2029]")
_SPREADSHEET = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes as hexadecimal text.

    Examples
    --------
    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def read_bytes(path: Path, file: str) -> bytes:
    """Return the bytes of a file, or raise a DataError that says why they cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise DataError(
            f"{file}: there is no such file.{did_you_mean(path.name, near)} Check the name and the folder."
        ) from None
    except IsADirectoryError:
        raise DataError(f"{file} is a folder, not a CSV file. Name a file in it.") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}. Check its permissions.") from None


def _text(data: bytes, file: str) -> str:
    """Return the text of a UTF-8 file (with or without BOM) that has no control character."""
    for start, what in _SPREADSHEET.items():
        if data.startswith(start):
            raise DataError(f"{file} is {what}, not a CSV file. Save it as CSV (comma-separated, UTF-8).")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{file} is not UTF-8 text: line {line} holds the byte 0x{data[error.start]:02x}. Save the file as CSV "
            "with the encoding UTF-8."
        ) from None
    if not text.strip():
        raise DataError(f"{file} is empty. Its first line must name the columns, separated by commas.")
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise DataError(
            f"{file} holds the control character U+{ord(found.group()):04X} in line {line}. Control characters are "
            "refused: remove it."
        )
    return text


def _check_separator(header: str, file: str) -> None:
    """Raise a DataError if the header is separated by something other than commas."""
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if mark in header and header.count(mark) > header.count(","):
            raise DataError(
                f"{file} is separated by {name}: its first line is {shown(header)}. Save it as CSV with commas between "
                "the columns and a point in the numbers (4.64, not 4,64)."
            )


def parse_csv(data: bytes, file: str) -> pd.DataFrame:
    """Return the cells of a CSV file as text; the index is the line in which each row starts.

    Parameters
    ----------
    data : bytes
        The file.
    file : str
        How a message names the file.

    Returns
    -------
    DataFrame of str
        One column for each name of the header; empty cells are ``""``; rows without any text are left out.

    Raises
    ------
    DataError
        If the file is empty, not UTF-8, not CSV, separated by semicolons, has a header only, or if a row has
        more or fewer cells than the header: every such row in one message.

    Examples
    --------
    >>> parse_csv(b"area,value", "x.csv")
    Traceback (most recent call last):
    povstudy.errors.DataError: x.csv has a header but no row. Add at least one row below the header.
    """
    text = _text(data, file)
    _check_separator(text.lstrip().split("\n", 1)[0].rstrip("\r"), file)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    rows, lines, faults, start = [], [], [], 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cells):
                continue
            if header is None:
                header = [name.strip() for name in cells]
            elif len(cells) != len(header):
                faults.append(f"  line {line}: got {len(cells)} cells, allowed: {len(header)}")
            else:
                rows.append(cells)
                lines.append(line)
    except csv.Error as error:
        raise DataError(
            f"{file} is not CSV: line {reader.line_num}: {error}. Put quotes around a cell that holds a comma."
        ) from None
    if faults:
        raise DataError(
            f"{file}: {len(faults)} row{'s have' if len(faults) > 1 else ' has'} another number of cells than the "
            "header:\n"
            + "\n".join(faults[:1000])
            + "\nPut quotes around a cell that holds a comma; write decimals with a point (4.64, not 4,64)."
        )
    if not rows:
        raise DataError(f"{file} has a header but no row. Add at least one row below the header.")
    return pd.DataFrame(rows, index=lines, columns=header, dtype=str)


def read_table(path: Path, table: Table, file: str) -> pd.DataFrame:
    """Read and check one CSV file.

    Parameters
    ----------
    path : Path
        The file.
    table : Table
        What it must hold.
    file : str
        How a message names it.

    Returns
    -------
    DataFrame
        Typed as the declaration says.

    Raises
    ------
    DataError
        With every bad cell of the file, one line each.
    """
    return check(parse_csv(read_bytes(path, file), file), table, file)


def local_files(home: Path) -> list[Path]:
    """Return the CSV files in data/raw/local/, in the order of their names.

    Raises
    ------
    DataError
        If a workbook or a tab-separated file lies there, which would otherwise be passed over in silence.
    """
    folder = home / LOCAL
    files = sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    lost = [shown(p.name) for p in files if p.suffix.casefold() in {".xlsx", ".xls", ".ods", ".tsv"}]
    if lost:
        raise DataError(
            f"{LOCAL.as_posix()}/ holds {', '.join(lost)}: only CSV files are read there. Save it as CSV "
            "(comma-separated, UTF-8), or move it away."
        )
    return [p for p in files if p.suffix.casefold() == ".csv"]


def data_hashes(home: Path) -> dict[str, str]:
    """Return the SHA-256 of every raw file, by its path below the project folder."""
    shipped = sorted(p for p in (home / RAW_FOLDER).glob("*") if p.suffix in {".csv", ".json"} and p.is_file())
    files = [*shipped, *local_files(home)]
    return {p.relative_to(home).as_posix(): sha256(read_bytes(p, p.name)) for p in files}


def read_package(home: Path) -> dict[str, dict]:
    """Return the resources of data/raw/datapackage.json by file name.

    Raises
    ------
    ProjectError
        If the file is missing or is no data package.
    """
    try:
        package = json.loads((home / RAW_FOLDER / "datapackage.json").read_bytes())
        return {resource["path"]: resource for resource in package["resources"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"{RAW_FOLDER.as_posix()}/datapackage.json cannot be read ({type(error).__name__}: {error}). Restore it "
            "from the repository: git checkout -- data/raw"
        ) from None


def checked_package(home: Path) -> dict[str, tuple[Table, bytes]]:
    """Return the declaration and bytes of every shipped file, after comparing each with its checksum.

    Parameters
    ----------
    home : Path
        Project folder.

    Returns
    -------
    dict of str to tuple
        By file name, in the order of the descriptor.

    Raises
    ------
    ProjectError
        If datapackage.json cannot be read.
    DataError
        With one line for each missing, changed or unlisted file.
    """
    folder = home / RAW_FOLDER
    faults, found = [], {}
    resources = read_package(home)
    for name, resource in resources.items():
        file, path = f"  {RAW_FOLDER.as_posix()}/{name}", folder / name
        expected = str(resource.get("hash", "")).removeprefix("sha256:")
        if not path.is_file():
            faults.append(f"{file}: expected sha256 {expected}, got no file")
            continue
        data = path.read_bytes()
        if sha256(data) != expected:
            faults.append(f"{file}: expected sha256 {expected}, got {sha256(data)}")
        found[name] = (table_of(resource), data)
    faults += [
        f"  {RAW_FOLDER.as_posix()}/{shown(path.name)[1:-1]}: not listed in datapackage.json"
        for path in sorted(folder.glob("*.csv"))
        if path.name not in resources
    ]
    if faults:
        raise DataError(
            "The shipped figures are not as published:\n" + "\n".join(faults) + "\n"
            "Restore them from the repository (git checkout -- data/raw); put figures of your own into "
            f"{LOCAL.as_posix()}/, which needs no checksum."
        )
    return found

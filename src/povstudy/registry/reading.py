"""Reading a user's registry: CSV or Parquet in, checked table out, personal data left behind.

Columns whose name announces personal data are not even read, except an identity number, of which only the fact
that it stands in two rows is kept.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from povstudy.disclosure import drop_personal, find_personal, kind_of_name, pseudonyms, safe_name
from povstudy.errors import DataError
from povstudy.registry.generator import simulate_registry
from povstudy.registry.schema import Column, check_registry, is_declared, registry_schema

__all__ = ["inspect_registry", "iterate_registry", "load_registry", "read_registry"]

CHUNK_ROWS = 200_000
IDS = ("household_id", "previous_id")


def load_registry(
    path: str | Path | None = None,
    *,
    size: int | None = None,
    seed: int = 0,
    review: int = 2021,
    keep_personal: Sequence[str] = (),
    key: str | None = None,
) -> pd.DataFrame:
    """Return the user's registry if ``path`` is given, else the simulated one: the one parameter of a notebook.

    See :func:`read_registry` and :func:`povstudy.registry.simulate_registry` for the arguments.

    Examples
    --------
    >>> bool(load_registry(size=1000)["simulated"].all())
    True
    """
    if path is None or str(path) == "":
        return simulate_registry(size=size, seed=seed, review=review)
    return read_registry(path, keep_personal=keep_personal, key=key)


def read_registry(path: str | Path, *, keep_personal: Sequence[str] = (), key: str | None = None) -> pd.DataFrame:
    """Read a household registry, without its personal data.

    Parameters
    ----------
    path : str or Path
        CSV (UTF-8; comma, or semicolon with decimal comma) or Parquet (needs pyarrow), one row a household.
    keep_personal : sequence of str
        Columns of personal data to keep; each must be named, and whoever names one answers for it.  The table
        then carries ``internal``, so that everything made from it says "nội bộ / internal".
    key : str, optional
        Secret for the pseudonyms, the same for two years that are to be linked; without it a household's
        pseudonym is its order in the file.

    Returns
    -------
    DataFrame, shape (n, columns)
        Columns of :func:`povstudy.registry.registry_columns` and the file's others; ``simulated`` is False unless
        the file says otherwise, ``duplicate_identity`` tells where an identity number stands in two rows.

    Raises
    ------
    DataError
        The file cannot be read, or is of the wrong shape: every fault at once, no cell's text in the message.
    """
    path = Path(path)
    header = _header(path)
    wanted = _columns_to_read(header, keep_personal)
    return _finish(_read(path, wanted), path.name, keep_personal, key)


def inspect_registry(path: str | Path, *, keep_personal: Sequence[str] = ()) -> pd.DataFrame:
    """Return what reading a file does with each of its columns, without showing a value.

    Returns
    -------
    DataFrame
        ``column`` (or its form, where the name itself may be personal), ``kept`` (bool), ``why``: ``"schema"``,
        ``"programme"``, ``"your column"``, or the kind of personal data and where it was seen.
    """
    path = Path(path)
    header = _header(path)
    schema = registry_schema()
    declared = [c for c in header if is_declared(c, schema)]
    table = _read(path, [c for c in header if not kind_of_name(c) or c in declared])
    found = find_personal(table, declared=declared, ids=_typed(schema, declared)).set_index("column")
    rows = []
    for column in header:
        by_name = "" if column in declared else kind_of_name(column)
        kind, seen = (by_name, "name") if by_name else tuple(found.loc[column, ["kind", "seen_in"]])
        kept = not kind or column in keep_personal
        own = "schema" if any(c.name == column for c in schema) else "programme"
        why = f"personal data: {kind} (seen in {seen})" if kind else own if column in declared else "your column"
        rows.append((safe_name(column).strip("'"), kept, why))
    return pd.DataFrame(rows, columns=["column", "kept", "why"])


def iterate_registry(
    path: str | Path,
    *,
    rows: int = CHUNK_ROWS,
    by: str | None = None,
    keep_personal: Sequence[str] = (),
    key: str | None = None,
) -> Iterator[pd.DataFrame]:
    """Read a large registry piece by piece, in memory that does not grow with the file.

    Parameters
    ----------
    path, keep_personal, key
        As in :func:`read_registry`.
    rows : int
        Rows read at a time.
    by : str, optional
        Give one piece for each value of this column (for instance ``"area"``); the file must be sorted by it.

    Yields
    ------
    DataFrame
        As from :func:`read_registry`; a household that stands in two pieces is not noticed, and pseudonyms
        without a key count on from piece to piece.

    Raises
    ------
    DataError
        As :func:`read_registry`, or the file is not sorted by ``by``.
    """
    path = Path(path)
    header = _header(path)
    wanted = _columns_to_read(header, keep_personal)
    if by is not None and by not in wanted:
        raise DataError(f"{path.name} has no column {by!r} to give pieces by; it has {_named(wanted)}.")
    seen: set[object] = set()
    start, piece = 0, None
    for chunk in _chunks(path, wanted, rows):
        piece = chunk if piece is None else pd.concat([piece, chunk], ignore_index=True)
        if by is None:
            yield _finish(piece, path.name, keep_personal, key, start=start)
            start, piece = start + len(piece), None
            continue
        last = piece[by].iloc[-1]
        ready, piece = piece[piece[by] != last], piece[piece[by] == last]
        for value, part in ready.groupby(by, sort=False, observed=True):
            yield _sorted_piece(part, value, seen, path.name, by, keep_personal, key, start)
            start += len(part)
    if by is not None and piece is not None and len(piece):
        yield _sorted_piece(piece, piece[by].iloc[0], seen, path.name, by, keep_personal, key, start)


def _sorted_piece(
    part: pd.DataFrame,
    value: object,
    seen: set[object],
    name: str,
    by: str,
    keep_personal: Sequence[str],
    key: str | None,
    start: int,
) -> pd.DataFrame:
    """Return one piece, or say that the file is not sorted."""
    if value in seen:
        raise DataError(f"{name} is not sorted by {by!r}: a value comes back after others; sort the file first.")
    seen.add(value)
    return _finish(part.reset_index(drop=True), name, keep_personal, key, start=start)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in {".parquet", ".pq"}


def _need_pyarrow(path: Path) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError(
            f"{path.name} is Parquet, and pyarrow, which reads it, is not installed: pip install 'povstudy[parquet]', "
            "or save the file as CSV."
        )


def _delimiter(line: str) -> str:
    return ";" if line.count(";") > line.count(",") else "\t" if line.count("\t") > line.count(",") else ","


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return stream.readline()
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not UTF-8; save it as 'CSV UTF-8' (in Excel: Save as, CSV UTF-8).") from None
    except OSError as error:
        raise DataError(
            f"{path.name} cannot be read ({error.strerror}); give the path of a CSV or Parquet file."
        ) from None


def _header(path: Path) -> list[str]:
    """Return the column names of a file."""
    if path.suffix.lower() not in {".csv", ".txt", ".tsv", ".parquet", ".pq"}:
        raise DataError(f"{path.name} is neither CSV nor Parquet (by its ending); save the sheet as CSV UTF-8 first.")
    if _is_parquet(path):
        _need_pyarrow(path)
        import pyarrow.parquet

        try:
            return list(pyarrow.parquet.read_schema(path).names)
        except (OSError, ValueError):
            raise DataError(f"{path.name} cannot be read as Parquet; check that it is complete.") from None
    line = _first_line(path)
    names = next(csv.reader([line], delimiter=_delimiter(line)), [])
    if not [n for n in names if n.strip()]:
        raise DataError(f"{path.name} is empty; its first line must hold the column names.")
    names = [n.strip() for n in names]
    twice = [n for n in dict.fromkeys(names) if names.count(n) > 1]
    if twice:
        raise DataError(
            f"{path.name}: "
            + "; ".join(f"column {safe_name(n)} is there {names.count(n)} times" for n in twice)
            + "; keep one of each."
        )
    return names


def _named(columns: Sequence[str]) -> str:
    return ", ".join(safe_name(c) for c in columns)


def _columns_to_read(header: Sequence[str], keep: Sequence[str]) -> list[str]:
    """Return the columns to read: all but those whose name announces personal data."""
    unknown = [c for c in keep if c not in header]
    if unknown:
        raise DataError(
            f"keep_personal names {_named(unknown)}, which the file does not have; it has {_named(header)}."
        )
    schema = registry_schema()
    return [c for c in header if c in keep or is_declared(c, schema) or kind_of_name(c) in ("", "identity_number")]


def _typed(schema: Sequence[Column], declared: Sequence[str]) -> list[str]:
    """Return ids and the columns of numbers and flags: the schema judges those, and a pseudonym replaces ids."""
    text = {c.name for c in schema if c.kind == "text"} - set(IDS)
    return [c for c in declared if c not in text]


def _types(columns: Sequence[str]) -> dict[str, type]:
    """Text columns are read as text, so that leading zeros stay; numbers and flags as they come."""
    free = {c.name for c in registry_schema() if c.kind in ("number", "whole", "flag")}
    return {c: str for c in columns if c not in free and not c.startswith("programme_")}


def _csv_options(path: Path, columns: Sequence[str]) -> dict:
    line = _first_line(path)
    delimiter = _delimiter(line)
    header = [n.strip() for n in next(csv.reader([line], delimiter=delimiter))]
    return {
        "sep": delimiter,
        "decimal": "," if delimiter == ";" else ".",
        "encoding": "utf-8-sig",
        "header": 0,
        "names": header,
        "usecols": list(columns),
        "dtype": _types(columns),
        "keep_default_na": False,
        "na_values": ["", "NA", "NaN", "nan", "NULL", "null"],
        "skipinitialspace": True,
    }


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return the wanted columns of a file."""
    if _is_parquet(path):
        return pd.read_parquet(path, columns=list(columns))
    try:
        return pd.read_csv(path, low_memory=False, **_csv_options(path, columns))
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError):
        raise DataError(
            f"{path.name} cannot be read as a table: a row has another number of fields than the header, or a "
            "quotation mark is not closed; open it in a spreadsheet and save it as CSV UTF-8."
        ) from None


def _chunks(path: Path, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """Yield the wanted columns piece by piece."""
    if _is_parquet(path):
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(path) as stream:
            for batch in stream.iter_batches(batch_size=rows, columns=list(columns)):
                yield batch.to_pandas()
        return
    try:
        with pd.read_csv(path, chunksize=rows, **_csv_options(path, columns)) as stream:
            yield from stream
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError):
        raise DataError(f"{path.name} cannot be read as a table; save it as CSV UTF-8.") from None


def _finish(table: pd.DataFrame, name: str, keep: Sequence[str], key: str | None, *, start: int = 0) -> pd.DataFrame:
    """Drop personal data, check the rest, and put pseudonyms in the place of ids."""
    schema = registry_schema()
    table = table.reset_index(drop=True)
    identity = [c for c in table.columns if not is_declared(c, schema) and kind_of_name(c) == "identity_number"]
    if identity and "duplicate_identity" not in table.columns:
        twice = np.zeros(len(table), dtype=bool)
        for column in identity:
            twice |= (table[column].notna() & table[column].duplicated(keep=False)).to_numpy()
        table["duplicate_identity"] = twice
    declared = [c for c in table.columns if is_declared(c, schema)]
    kept, _ = drop_personal(table, keep=list(keep), declared=declared, ids=_typed(schema, declared))
    checked = check_registry(kept, where=name)
    if any(c in checked.columns for c in keep):
        checked["internal"] = True
    return _with_pseudonyms(checked, key, start)


def _with_pseudonyms(table: pd.DataFrame, key: str | None, start: int) -> pd.DataFrame:
    """Replace ids; equal ids of ``household_id`` and ``previous_id`` get equal pseudonyms where there is a key."""
    out = table.copy(deep=False)
    if key is None and start:
        out["household_id"] = pseudonyms(out["household_id"], prefix=f"h{start}-")
    else:
        out["household_id"] = pseudonyms(out["household_id"], key=key)
    if "previous_id" in out.columns:
        known = out["previous_id"].notna().to_numpy()
        made = np.full(len(out), None, dtype=object)
        made[known] = pseudonyms(out["previous_id"][known], key=key, prefix="h" if key else "before-")
        out["previous_id"] = made
    return out

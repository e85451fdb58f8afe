"""data/raw to data/processed: build under a lock and by rename; load what the manifest vouches for."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pandas as pd

import povstudy
from povstudy import tables
from povstudy.errors import DataError, ProjectError, did_you_mean
from povstudy.sources.home import project_home
from povstudy.sources.ids import area_id
from povstudy.sources.local import read_local
from povstudy.sources.places import areas_table, region_ids, with_area
from povstudy.sources.rates import covariates_table, rates_table, read_reviews, why_not
from povstudy.sources.raw import RAW_FOLDER, checked_package, parse_csv, sha256
from povstudy.sources.raw import data_hashes as _data_hashes
from povstudy.sources.targets import targets_table
from povstudy.sources.tiles import tiles_table

__all__ = ["NAMES", "Manifest", "build", "data_hashes", "load", "make_tables"]

NAMES = ("rates", "covariates", "reviews", "programmes", "communes", "targets", "areas", "tiles", "sources")
"""Tables that :func:`load` gives."""

SCHEMA_VERSION = 1
"""Raised when a processed table changes its columns."""

PROCESSED = Path("data", "processed")
_MANIFEST = "manifest.json"
_TYPES = {
    "str": "string",
    "object": "string",
    "int64": "integer",
    "Int64": "integer",
    "float64": "number",
    "bool": "boolean",
}


@dataclass(frozen=True)
class Manifest:
    """What data/processed was built from and what it holds.

    Attributes
    ----------
    home : Path
        Project folder.
    inputs : dict of str to str
        SHA-256 of every raw file, by its path below ``home``; those of data/raw/local/ too.
    outputs : dict of str to str
        SHA-256 of every processed file, by name.
    rows : dict of str to int
        Rows of every table.
    types : dict of str to dict
        Type of every column of every table: string, integer, number or boolean.
    package_version, schema_version, code : str, int, str
        What built it; ``code`` is the SHA-256 of the modules that make the tables.
    built : bool
        True if this call built the tables, False if they were up to date.
    """

    home: Path
    inputs: dict[str, str]
    outputs: dict[str, str]
    rows: dict[str, int]
    types: dict[str, dict[str, str]] = field(repr=False)
    package_version: str
    schema_version: int
    code: str
    built: bool = field(default=False, compare=False)

    def to_json(self) -> str:
        """Return the manifest as JSON text; it holds no date and no path of this machine."""
        names = ("schema_version", "package_version", "code", "inputs", "outputs", "rows", "types")
        return json.dumps({name: getattr(self, name) for name in names}, indent=2, ensure_ascii=False) + "\n"


@lru_cache(maxsize=1)
def _code() -> str:
    """Return the SHA-256 of the modules and law files that the tables depend on."""
    package = Path(povstudy.__file__).parent
    folders = [package / "sources", package / "standards", package / "tables"]
    files = [p for folder in folders for p in folder.rglob("*") if p.suffix in {".py", ".toml"}]
    files += [p for p in [package / "tables.py"] if p.is_file()]
    return sha256("".join(sha256(p.read_bytes()) for p in sorted(files)).encode())


def _read_raw(home: Path) -> dict[str, pd.DataFrame]:
    """Return the shipped tables checked and typed; the faults of all files are reported together."""
    raw, faults = {}, []
    for name, (table, data) in checked_package(home).items():
        file = f"{RAW_FOLDER.as_posix()}/{name}"
        try:
            text = parse_csv(data, file)
            raw[name] = tables.check(text, table, file)
            raw[name].attrs["text"] = text
        except DataError as error:
            faults.append(str(error))
    if faults:
        raise DataError("\n".join(faults))
    return raw


def _figures(raw: dict[str, pd.DataFrame], file: str) -> pd.DataFrame:
    """Return a raw table of figures with area ids and with the year and group that each is read as."""
    text = raw[file].attrs["text"]
    frame = raw[file].assign(value_text=text["value"].to_numpy())
    frame.attrs = {}
    if "period" not in frame:
        frame = frame.assign(period=text["year"].to_numpy()).drop(columns="year")
    placed = with_area(frame, region_ids(raw["regions.csv"]))
    return read_reviews(placed, raw["readings.csv"], file)


def make_tables(home: Path) -> dict[str, pd.DataFrame]:
    """Return every processed table, made from data/raw and data/raw/local.

    Parameters
    ----------
    home : Path
        Project folder.

    Returns
    -------
    dict of str to DataFrame
        By the names of :data:`NAMES`.

    Raises
    ------
    DataError
        If a checksum or a cell is not as it must be.
    """
    raw = _read_raw(home)
    panel = _figures(raw, "vietnam_panel.csv")
    reviews = _figures(raw, "an_giang_reviews.csv")
    shipped = areas_table(raw, reviews, read_local(Path(os.devnull), ()))
    user = read_local(home, shipped["area"])
    areas = areas_table(raw, reviews, user)
    covariates = covariates_table(panel, reviews, areas)
    reason = why_not(reviews)
    return {
        "rates": rates_table(panel, reviews, user, areas, covariates),
        "covariates": covariates,
        "reviews": reviews.assign(in_rates=reason == "", why_not=reason).drop(columns=["use", "reason", "value_text"]),
        "programmes": _placed(raw["an_giang_programmes.csv"]),
        "communes": raw["an_giang_communes.csv"].assign(file="data/raw/an_giang_communes.csv"),
        "targets": targets_table(raw, reviews),
        "areas": areas,
        "tiles": tiles_table(raw["province_centres.csv"], raw["area_crosswalk.csv"]),
        "sources": raw["sources.csv"],
    }


def _placed(programmes: pd.DataFrame) -> pd.DataFrame:
    """Return the programmes with the area id of their code."""
    ids = [area_id(code, "", "province", {}) if code else "" for code in programmes["area_code"]]
    return programmes.assign(area=ids, file="data/raw/an_giang_programmes.csv")


def _csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV bytes: UTF-8, LF, no index, a missing value as an empty cell."""
    text = io.StringIO(newline="")
    table.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode("utf-8")


def _types(table: pd.DataFrame) -> dict[str, str]:
    return {name: _TYPES[str(dtype)] for name, dtype in table.dtypes.items()}


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold an operating-system lock on a folder; it vanishes with the process, however that ends."""
    with (folder / ".lock").open("a+b") as handle:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _read_manifest(home: Path) -> Manifest | None:
    """Return the manifest of data/processed, or None if there is none that can be read."""
    try:
        data = json.loads((home / PROCESSED / _MANIFEST).read_bytes())
        manifest = Manifest(home=home, **data)
    except (OSError, ValueError, TypeError):
        return None
    parts = (manifest.inputs, manifest.outputs, manifest.rows, manifest.types)
    return manifest if all(isinstance(part, dict) for part in parts) else None


def _is_current(manifest: Manifest | None, inputs: dict[str, str]) -> bool:
    return (
        manifest is not None
        and manifest.inputs == inputs
        and manifest.code == _code()
        and manifest.schema_version == SCHEMA_VERSION
        and manifest.package_version == povstudy.__version__
    )


def _is_whole(manifest: Manifest) -> bool:
    """Return whether every processed file is the one that the manifest names."""
    folder = manifest.home / PROCESSED
    with contextlib.suppress(OSError):
        return all(sha256((folder / name).read_bytes()) == digest for name, digest in manifest.outputs.items())
    return False


def _write(home: Path, inputs: dict[str, str]) -> Manifest:
    """Build all tables into a temporary folder beside the old ones, then rename them into place."""
    folder = home / PROCESSED
    for left in folder.glob(".build-*"):
        shutil.rmtree(left, ignore_errors=True)
    built = make_tables(home)
    files = {f"{name}.csv": _csv(table) for name, table in built.items()}
    manifest = Manifest(
        home=home,
        inputs=inputs,
        outputs={name: sha256(data) for name, data in files.items()},
        rows={name: len(table) for name, table in built.items()},
        types={name: _types(table) for name, table in built.items()},
        package_version=povstudy.__version__,
        schema_version=SCHEMA_VERSION,
        code=_code(),
        built=True,
    )
    files[_MANIFEST] = manifest.to_json().encode("utf-8")
    temporary = Path(tempfile.mkdtemp(prefix=".build-", dir=folder))
    try:
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        for name in files:
            (temporary / name).replace(folder / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return manifest


def build(home: str | Path | None = None, *, force: bool = False) -> Manifest:
    """Check data/raw and write data/processed, if it is not up to date.

    Checksums and schemas of all files are checked before anything is written.  The tables are built into a
    temporary folder and renamed into place under a lock, the manifest last: an interrupted build leaves the
    old tables, and :func:`load` never takes a table that the manifest does not vouch for.  Two builds give
    the same bytes.

    Parameters
    ----------
    home : str, Path or None
        Project folder; None finds it.
    force : bool
        True builds even if the manifest matches.

    Returns
    -------
    Manifest
        ``built`` says whether anything was written.

    Raises
    ------
    DataError
        If a checksum or a cell is not as it must be: all faults at once; nothing is written.
    ProjectError
        If there is no project folder, or data/processed cannot be written.
    """
    home = Path(home) if home is not None else project_home()
    folder = home / PROCESSED
    manifest = _read_manifest(home)
    if not force and _is_current(manifest, _data_hashes(home)) and _is_whole(manifest):
        return manifest
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder):
            inputs = _data_hashes(home)
            manifest = _read_manifest(home)
            if not force and _is_current(manifest, inputs) and _is_whole(manifest):
                return manifest
            return _write(home, inputs)
    except OSError as error:
        raise ProjectError(
            f"{PROCESSED.as_posix()} in {str(home)!r} cannot be written: {error.strerror or error}. Make the folder "
            "writable, or set POVSTUDY_HOME to a copy of the project that is."
        ) from error


def data_hashes(home: str | Path | None = None) -> dict[str, str]:
    """Return the SHA-256 of every raw file, those of data/raw/local/ included.

    Parameters
    ----------
    home : str, Path or None
        Project folder; None finds it.

    Returns
    -------
    dict of str to str
        By path below the project folder, for instance ``data/raw/vietnam_panel.csv``.

    Examples
    --------
    >>> len(data_hashes()["data/raw/vietnam_panel.csv"])
    64
    """
    return _data_hashes(Path(home) if home is not None else project_home())


def _parse(data: bytes, types: dict[str, str]) -> pd.DataFrame:
    """Return a processed file with the types that the manifest states; codes stay text."""
    table = pd.read_csv(io.BytesIO(data), dtype="str", keep_default_na=False)
    for name, kind in types.items():
        if kind == "boolean":
            table[name] = table[name].eq("True")
        elif kind in {"integer", "number"}:
            values = pd.Series(tables.numbers(table[name]), index=table.index)
            whole = "Int64" if values.isna().any() else "int64"
            table[name] = values.astype(whole) if kind == "integer" else values
    return table


def load(name: str, *, home: str | Path | None = None) -> pd.DataFrame:
    """Return a tidy table of data/processed, built first if data/raw has changed.

    Parameters
    ----------
    name : str
        ``rates``, ``covariates``, ``reviews``, ``programmes``, ``communes``, ``targets``, ``areas``, ``tiles`` or
        ``sources``.
    home : str, Path or None
        Project folder; None finds it.

    Returns
    -------
    DataFrame
        Codes and ids are text; a missing number is nan, a missing whole number ``<NA>``, a missing text
        ``""``.

    Raises
    ------
    DataError
        If there is no such table, or data/raw is not as it must be.
    ProjectError
        If there is no project folder, or data/processed must be written and cannot be.

    Examples
    --------
    >>> rates = load("rates")
    >>> an_giang = rates.query("area == 'vn63-89' and standard == 'nso-mdp-2022-2025'")
    >>> an_giang.set_index("year")["value"].head(3).to_dict()
    {2022: 4.64, 2023: 3.71, 2024: 2.53}
    """
    if name not in NAMES:
        raise DataError(
            f"There is no table {tables.shown(name)}.{did_you_mean(str(name), NAMES)} Possible: {', '.join(NAMES)}."
        )
    home = Path(home) if home is not None else project_home()
    manifest = _read_manifest(home)
    inputs = _data_hashes(home)
    for _ in range(2):
        if _is_current(manifest, inputs):
            with contextlib.suppress(OSError):
                data = (home / PROCESSED / f"{name}.csv").read_bytes()
                if sha256(data) == manifest.outputs.get(f"{name}.csv"):
                    return _parse(data, manifest.types[name])
        manifest = build(home)
        inputs = manifest.inputs
    raise ProjectError(
        f"{PROCESSED.as_posix()}/{name}.csv changes while it is read. End other programs that write to it, then run "
        "povstudy build."
    )

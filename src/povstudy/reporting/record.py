"""The record of a report: what went in, what came out, and what it was made with."""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import importlib.metadata
import json
import platform
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import povstudy

__all__ = [
    "RECORD_FILE",
    "canonical",
    "code_hash",
    "code_version",
    "command_line",
    "forecast_id",
    "input_hash",
    "lock_hash",
    "make_record",
    "notebook_hash",
    "output_hashes",
    "sha256_text",
]

RECORD_FILE = "record.json"
FORECAST_FILE = "forecast.csv"
SCHEMA_VERSION = 1
LOCK_FILE = "constraints.txt"
HASH_LENGTH = 12
LIBRARIES = (
    "babel",
    "jupyterlab",
    "matplotlib",
    "nbclient",
    "nbconvert",
    "numpy",
    "pandas",
    "papermill",
    "pillow",
    "python-docx",
    "scipy",
    "seaborn",
    "statsmodels",
    "typst",
    "xlsxwriter",
)
CODE_FOLDERS = ("src", "notebooks")
CODE_SUFFIXES = frozenset({".py", ".toml", ".j2", ".css", ".json", ".yaml", ".csv", ".typ"})


def canonical(content: object) -> str:
    """Return JSON with sorted keys and no spaces: the text that is hashed.

    Parameters
    ----------
    content : object
        Plain data.

    Returns
    -------
    str
        JSON text.

    Examples
    --------
    >>> canonical({"b": 1, "a": [2]})
    '{"a":[2],"b":1}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, as 64 hexadecimal digits.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The digest.

    Examples
    --------
    >>> sha256_text("")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def notebook_hash(notebook: Mapping) -> str:
    """Return the hash of the sources of a notebook: type, text and tags of its cells, no outputs.

    Parameters
    ----------
    notebook : mapping
        A notebook as read by `povstudy.reporting.parameters.read_notebook`.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    cells = [[c["cell_type"], c["source"], sorted(c["metadata"].get("tags", []))] for c in notebook["cells"]]
    return sha256_text(canonical(cells))


def code_hash(package: Path | None = None) -> str:
    """Return the hash of the package: every source file, standard, catalogue and template by relative path.

    Parameters
    ----------
    package : Path, optional
        Folder of the package; default: povstudy's own, read once per process.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return _own_code_hash() if package is None else _tree_hash(package)


@functools.cache
def _own_code_hash() -> str:
    return _tree_hash(Path(povstudy.__file__).parent)


def _tree_hash(folder: Path) -> str:
    files = sorted(p for p in folder.rglob("*") if p.suffix in CODE_SUFFIXES and p.is_file())
    return sha256_text(canonical({p.relative_to(folder).as_posix(): sha256_file(p) for p in files}))


def code_version(package: str, notebook: str) -> str:
    """Return the version of the code that made a report: one hash of the package and of the notebook's sources.

    Parameters
    ----------
    package : str
        What `code_hash` gives: sources and standards.
    notebook : str
        What `notebook_hash` gives.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> code_version("a", "b") == code_version("a", "b") != code_version("a", "c")
    True
    """
    return sha256_text(canonical([package, notebook]))


def lock_hash(home: Path) -> str:
    """Return the hash of constraints.txt, or an empty text where there is none.

    Parameters
    ----------
    home : Path
        The project folder.

    Returns
    -------
    str
        64 hexadecimal digits or an empty text.
    """
    path = home / LOCK_FILE
    return sha256_file(path) if path.is_file() else ""


def input_hash(inputs: Mapping[str, object]) -> str:
    """Return the hash of what goes into a report: it stands in the name of its folder.

    Parameters
    ----------
    inputs : mapping of str to object
        Notebook, parameters, input files, data, code and lock, as plain data.

    Returns
    -------
    str
        12 hexadecimal digits.
    """
    return sha256_text(canonical(inputs))[:HASH_LENGTH]


def output_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a report but its record.

    Parameters
    ----------
    folder : Path
        The report folder.

    Returns
    -------
    dict of str to str
        By relative path, sorted.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != RECORD_FILE and p.name[0] != ".")
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in files}


def forecast_id(notebook: str, parameters: Mapping[str, object], outputs: Mapping[str, str]) -> str:
    """Return the short identifier of a forecast or, where there is none, of a report.

    It is derived from the content: the same forecast has the same identifier, in whatever language, under whatever
    title and by whatever version it was made.

    Parameters
    ----------
    notebook : str
        Name of the notebook.
    parameters : mapping of str to object
        Its parameters.
    outputs : mapping of str to str
        Hashes of the outputs.  Where one is forecast.csv it alone counts; else notebook, parameters, numbers and
        tables do, pages and figures do not.

    Returns
    -------
    str
        ``pv-`` and ten letters or digits.

    Examples
    --------
    >>> forecast_id("03_forecast", {"area": "vn34-91"}, {"numbers.json": "0" * 64})
    'pv-l5ihlqk6mb'
    >>> forecast_id("03_forecast", {"lang": "en"}, {"forecast.csv": "1" * 64, "numbers.json": "0" * 64})
    'pv-tcj5x3hkgc'
    """
    stated: object = outputs.get(FORECAST_FILE)
    if stated is None:
        tables = {p: h for p, h in outputs.items() if p.endswith("numbers.json") or p.startswith("tables/")}
        stated = [notebook, dict(parameters), tables]
    digest = hashlib.sha256(canonical(stated).encode("utf-8")).digest()
    return "pv-" + base64.b32encode(digest).decode("ascii").lower()[:10]


def command_line(notebook: str, parameters: Mapping[str, object]) -> str:
    """Return the command that runs a report again, quoted for a shell.

    Parameters
    ----------
    notebook : str
        Name of the notebook.
    parameters : mapping of str to object
        Its parameters.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> command_line("03_forecast", {"area": "vn34-91", "panel": None, "years": [2025, 2030]})
    "povstudy run 03_forecast -p area=vn34-91 -p panel=none -p 'years=[2025, 2030]'"
    """
    words = ["povstudy", "run", notebook]
    for name, value in parameters.items():
        text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
        words += ["-p", f"{name}={text}"]
    return " ".join(map(shlex.quote, words))


def commit(home: Path) -> dict[str, object]:
    """Return the git commit of the project folder and whether the code differs from it, read once per process.

    Parameters
    ----------
    home : Path
        The project folder.

    Returns
    -------
    dict
        ``commit`` (40 hexadecimal digits) and ``changed`` (bool), or an empty text and False without git.
    """
    head, changed = _state_of_code(home)
    return {"commit": head, "changed": changed}


@functools.cache
def _state_of_code(home: Path) -> tuple[str, bool]:
    head = _git(home, "rev-parse", "HEAD") if (home / ".git").exists() else None
    if head is None:
        return "", False
    return head, bool(_git(home, "status", "--porcelain", "--", *CODE_FOLDERS))


def _git(home: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(home), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that can move a number.

    Returns
    -------
    dict of str to str
        By name.
    """
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def make_record(
    *,
    folder: Path,
    home: Path,
    notebook: str,
    titles: Mapping[str, str],
    area_name: str,
    standard: str,
    headline: Mapping[str, object] | None,
    inputs: Mapping[str, object],
    files: Mapping[str, Mapping[str, str]],
    started: datetime.datetime,
    finished: datetime.datetime,
) -> dict[str, object]:
    """Return the record of a report whose numbers, tables and forecast are written.

    Parameters
    ----------
    folder, home : Path
        The report folder and the project folder.
    notebook : str
        Name of the notebook.
    titles : mapping of str to str
        Title of the report by language.
    area_name, standard : str
        Name of the area and standard as the report shows them.
    headline : mapping or None
        The forecast that the citation states: see `povstudy.reporting.cite.headline`.
    inputs : mapping
        What was hashed: see `input_hash`.
    files : mapping of str to mapping
        A user's files: name, file and sha256 by parameter.
    started, finished : datetime
        With time zone.

    Returns
    -------
    dict
        Plain data; ``outputs`` is filled in when all files are written.
    """
    parameters = dict(inputs["parameters"])
    lang = str(parameters.get("lang", "en"))
    begin, end = _moment(started), _moment(finished)
    return {
        "schema_version": SCHEMA_VERSION,
        "id": forecast_id(notebook, parameters, output_hashes(folder)),
        "povstudy": povstudy.__version__,
        "notebook": {"name": notebook, "sha256": inputs["notebook"]},
        "title": titles[lang],
        "titles": dict(titles),
        "area": str(parameters.get("area") or ""),
        "area_name": area_name,
        "standard": standard,
        "lang": lang,
        "parameters": parameters,
        "seed": parameters.get("seed"),
        "input_files": {k: dict(v) for k, v in files.items()},
        "hash": input_hash(inputs),
        "data": dict(inputs["data"]),
        "data_sha256": sha256_text(canonical(inputs["data"])),
        "code": {
            "sha256": code_version(str(inputs["code"]), str(inputs["notebook"])),
            "package": inputs["code"],
            **commit(home),
        },
        "lock": {"file": LOCK_FILE, "sha256": inputs["lock"]},
        "versions": versions(),
        "platform": {"system": platform.system(), "machine": platform.machine()},
        "started": begin,
        "finished": end,
        "seconds": seconds_between(begin, end),
        "command": command_line(notebook, parameters),
        "headline": dict(headline) if headline is not None else None,
        "outputs": {},
    }


def _moment(when: datetime.datetime) -> str:
    return when.astimezone(datetime.UTC).isoformat(timespec="milliseconds")


def seconds_between(started: str, finished: str) -> float:
    """Return the seconds between two moments of a record.

    Parameters
    ----------
    started, finished : str
        ISO 8601, with time zone.

    Returns
    -------
    float
        To the millisecond.

    Raises
    ------
    ValueError
        If one is not a moment.

    Examples
    --------
    >>> seconds_between("2026-11-25T22:54:03.000+00:00", "2026-11-25T22:54:15.250+00:00")
    12.25
    """
    first, last = (datetime.datetime.fromisoformat(text) for text in (started, finished))
    return round((last - first).total_seconds(), 3)


def page_record(record: Mapping[str, object]) -> str:
    """Return the part of a record that its page carries: all but the hashes of the outputs.

    Record and page vouch for each other: what only one of them says was altered in the other.

    Parameters
    ----------
    record : mapping
        What `make_record` gives.

    Returns
    -------
    str
        JSON.
    """
    return record_json({name: value for name, value in record.items() if name != "outputs"})


def record_json(record: Mapping[str, object]) -> str:
    """Return a record as JSON text.

    Parameters
    ----------
    record : mapping
        What `make_record` gives.

    Returns
    -------
    str
        JSON, in the order of the record.
    """
    return json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

"""Recomputing a report from its record, in a temporary folder, and saying what moved and why it can have moved."""

from __future__ import annotations

import html
import json
import platform
import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import povstudy
from povstudy.errors import NotAvailableError, PovstudyError, ReportError, did_you_mean
from povstudy.reporting.compare import (
    Move,
    compare_csv,
    compare_files,
    compare_notebooks,
    compare_numbers,
    compare_pages,
    notebook_images,
    page_images,
)
from povstudy.reporting.inputs import REPORTS
from povstudy.reporting.lookup import UnreadableRecordError, fault_of, read_record
from povstudy.reporting.plan import Plan, notebook_files, plan
from povstudy.reporting.record import (
    FORECAST_FILE,
    RECORD_FILE,
    canonical,
    code_hash,
    code_version,
    commit,
    input_hash,
    output_hashes,
    seconds_between,
    sha256_text,
    versions,
)
from povstudy.reporting.report import NUMBERS_FILE, TABLES_FILE, documents
from povstudy.reporting.runner import NOTEBOOK_FILE, PAGE_FILE, linked_files, make_report, read_json

__all__ = ["Verification", "circumstances", "compare_reports", "how_to_recompute", "reasons", "recompute", "verify"]

RECOMPUTED = ("id", "title", "titles", "area", "area_name", "standard", "lang", "parameters", "seed", "command")
RECOMPUTED += ("headline",)
DRAWING = ("matplotlib", "pillow")
WRITING = ("python-docx", "typst", "xlsxwriter")
SHOWN = 8  # of one file
EMBEDDED = re.compile(r'<details class="record">.*?<code>(.*?)</code>', re.DOTALL)
IN_PAGE = "in the copy inside report.html"


@dataclass(frozen=True)
class Verification:
    """What became of the recomputation of a report.

    Parameters
    ----------
    identifier : str
        Identifier of the report.
    compared : str
        What was compared, in words.
    moves : tuple of Move
        What is not as recomputed.
    reasons : tuple of str
        What is different from when the report was made, so that it can have moved.
    notes : tuple of str
        What else a reader must know.
    advice : str
        How to recompute the report as it was made, where that is not here.
    """

    identifier: str
    compared: str
    moves: tuple[Move, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    advice: str

    @property
    def same(self) -> bool:
        """Whether nothing moved."""
        return not self.moves

    def __str__(self) -> str:
        if self.same:
            lines = [f"{self.identifier}: same. Recomputed and compared: {self.compared}."]
            lines += [f"  different from when it was made, without effect: {reason}" for reason in self.reasons]
            lines += [f"  {note}" for note in self.notes]
            return "\n".join([*lines, self.advice] if self.advice else lines)
        count = len(self.moves)
        lines = [f"{self.identifier}: {count} {'thing' if count == 1 else 'things'} moved."]
        for file in dict.fromkeys(move.file for move in self.moves):
            own = [move for move in self.moves if move.file == file]
            lines += [f"  {move}" for move in own[:SHOWN]]
            lines += [f"  {file}: and {len(own) - SHOWN} more"] if len(own) > SHOWN else []
        lines += ["Why it can have moved:"]
        lines += [f"  {reason}" for reason in self.reasons or (ALTERED,)]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join([*lines, self.advice] if self.advice else lines)


ALTERED = (
    "nothing that goes in is different: data, code, notebook, libraries and platform are those of the record, so a "
    "file was altered after it was written"
)


def verify(
    folder: Path,
    *,
    notebook: Path | None = None,
    files: Mapping[str, Path] | None = None,
    on_cell: object = None,
) -> Verification:
    """Rebuild the data, run the same notebook with the same parameters elsewhere, and compare every file.

    Parameters
    ----------
    folder : Path
        A report folder, see `povstudy.reporting.lookup.find_record`.
    notebook : Path, optional
        The notebook, if it is not one of the project.
    files : mapping of str to Path, optional
        By parameter, the user's files that a report does not keep: those with households in them.
    on_cell : callable, optional
        Called with index, number of cells and title before each cell.

    Returns
    -------
    Verification
        Nothing is written into the report folder, its parent or its ledger.

    Raises
    ------
    UnreadableRecordError
        If the record cannot be checked, or its notebook is not here.
    DataError
        If the data cannot be built.
    ReportError
        If the notebook fails.
    """
    record = read_record(folder)
    planned = _plan(record, folder, notebook, files or {})
    with tempfile.TemporaryDirectory(prefix="povstudy-") as temporary:
        again = Path(temporary).resolve() / "report"
        again.mkdir()
        recompute(record, planned, again, on_cell=on_cell)
        moves, notes = compare_reports(record, folder, again)
        compared = _compared(again)
    here = circumstances(planned)
    return Verification(
        identifier=record["id"],
        compared=compared,
        moves=tuple(moves),
        reasons=tuple(reasons(record, here)),
        notes=(*notes, *_cited(planned)),
        advice=how_to_recompute(record, here),
    )


def _cited(planned: Plan) -> list[str]:
    """Return what to verify besides: the reports that this one was made from."""
    if REPORTS not in planned.files:
        return []
    from povstudy.reporting.memo.parts import parse

    parts = parse(planned.files[REPORTS].content).parts
    ids = ", ".join(f"{part.id} ({part.notebook})" for part in parts.values())
    return [f"it states what other reports say, from its own copy of them; verify these as well: {ids}"]


def _plan(record: Mapping, folder: Path, notebook: Path | None, given: Mapping[str, Path]) -> Plan:
    """Return the same run: only a notebook of this project, or the one that the user names, is ever run."""
    from povstudy.sources import data_hashes, project_home

    name, home = record["notebook"]["name"], project_home()
    known = notebook_files(home)
    path = notebook or known.get(name)
    if path is None:
        raise UnreadableRecordError(
            f"The notebook {name[:80]!r} of this record is not in the project, which has {', '.join(known) or 'none'}."
            f"{did_you_mean(name, known)} Give its file with --notebook."
        )
    files = {}
    for parameter, facts in record["input_files"].items():
        file = given.get(parameter, folder / facts["file"])
        if not file.is_file():
            raise UnreadableRecordError(
                f"The file {facts['name'][:80]!r} that this report was made from is not kept in it. Give it with "
                f"--file {parameter}=PATH."
            )
        files[parameter] = str(file)
    try:
        return plan(path, {**record["parameters"], **files})
    except PovstudyError as error:
        data = _changed(record["data"], data_hashes(home))
        why = f"\nSince it was made: {'; '.join(data)}." if data else ""
        raise UnreadableRecordError(f"{error}{why}{_as_made(record)}") from None


def _as_made(record: Mapping) -> str:
    return f"\n{text}" if (text := how_to_recompute(record, _here())) else ""


def recompute(record: Mapping, planned: Plan, again: Path, *, on_cell: object = None) -> None:
    """Rebuild the data and run the notebook into a folder.

    Parameters
    ----------
    record : mapping
        The record.
    planned : Plan
        The same run.
    again : Path
        An empty folder.
    on_cell : callable, optional
        As in `verify`.

    Raises
    ------
    DataError
        If the data cannot be built.
    ReportError
        If the notebook fails.
    """
    from povstudy import sources

    sources.build(planned.home, force=True)
    _, failure = make_report(planned, again, on_cell=on_cell)
    if failure is not None:
        outcome = "is not available" if failure.kind == NotAvailableError.__name__ else "cannot be recomputed"
        raise ReportError(f"{record['id']} {outcome} here: {failure.kind}: {failure.message}{_as_made(record)}")


def compare_reports(record: Mapping, folder: Path, again: Path) -> tuple[list[Move], list[str]]:
    """Compare a report with its recomputation, file by file.

    Parameters
    ----------
    record : mapping
        The record of the report.
    folder, again : Path
        The report and its recomputation.

    Returns
    -------
    moves : list of Move
        Numbers, forecast, tables, page, figures, notebook, record: in this order.
    notes : list of str
        What could be compared by other means only.
    """
    fresh = read_json(again / RECORD_FILE) or {}
    same_code = record["code"]["sha256"] == fresh["code"]["sha256"]
    moves = compare_files(folder, again, NUMBERS_FILE, compare_numbers)
    for file in _tables(folder, again):
        moves += compare_files(folder, again, file, compare_csv)
    moves += compare_files(folder, again, TABLES_FILE, compare_numbers)
    moves += compare_files(
        folder, again, PAGE_FILE, lambda old, _, file: _compare_page(record, old, again, file, same_code=same_code)
    )
    figures, notes = _compare_figures(record, fresh, folder, again)
    moves += figures
    written, more = _compare_documents(record, fresh, folder, again)
    moves += written
    notes += more
    if same_code:
        moves += compare_files(folder, again, NOTEBOOK_FILE, compare_notebooks)
    moves += _compare_record(record, fresh, folder)
    return moves, notes


def _tables(folder: Path, again: Path) -> list[str]:
    """Return the tables of two report folders: the forecast, then tables, then what is behind the figures."""
    found = {
        path.relative_to(place).as_posix()
        for place in (folder, again)
        for pattern in (FORECAST_FILE, "tables/*.csv", "figures/*.csv")
        for path in place.glob(pattern)
    }
    return sorted(found, key=lambda file: (file != FORECAST_FILE, file.startswith("figures/"), file))


def _compare_page(record: Mapping, page: str, again: Path, file: str, *, same_code: bool) -> list[Move]:
    """Compare a page with the one that the recomputed notebook gives under the page's own record."""
    import nbformat

    from povstudy.reporting import render

    notebook = nbformat.read(again / NOTEBOOK_FILE, as_version=4)
    own = {**(_embedded(page) or {}), "outputs": {}}
    facts = record if fault_of(own) else own
    try:
        expected = render.render(notebook, facts, linked_files(again))
    except (PovstudyError, ValueError, TypeError, KeyError, AttributeError) as error:
        return [Move(RECORD_FILE, "", f"what cannot be printed ({str(error)[:80]})", "")]
    return compare_pages(page, expected, file, same_code=same_code)


def _embedded(page: str) -> dict | None:
    """Return the record that a page carries, or None."""
    found = EMBEDDED.search(page)
    try:
        own = json.loads(html.unescape(found.group(1))) if found else None
    except ValueError:
        return None
    return own if isinstance(own, dict) else None


def _compare_figures(record: Mapping, fresh: Mapping, folder: Path, again: Path) -> tuple[list[Move], list[str]]:
    """Compare figures: each with its copies in page and notebook, and with the recomputed one where it can be."""
    pages = [_text(place / PAGE_FILE) for place in (folder, again)]
    shown, redrawn = (page_images(page) for page in pages)
    files = {path.name for place in (folder, again) for path in place.glob("figures/*.png")}
    moves = [move for name in sorted(files) for move in _compare_copies(f"figures/{name}", folder, again, dict(shown))]
    if [name for name, _ in shown] != [name for name, _ in redrawn]:
        moves.append(Move(PAGE_FILE, "images", _names(shown), _names(redrawn)))
    try:
        kept = notebook_images(_text(folder / NOTEBOOK_FILE))
    except (ValueError, TypeError, KeyError, AttributeError):
        kept = []
    if kept != [png for _, png in shown]:
        moves.append(Move(NOTEBOOK_FILE, "images", "other images", "the images", "in report.html"))
    differing = [name for name in DRAWING if record["versions"].get(name) != fresh["versions"].get(name)]
    if record["platform"] != fresh["platform"] or differing:
        why = ", ".join(f"{name} {record['versions'].get(name, '?')}" for name in differing) or _machine(record)
        return moves, [f"figures were drawn with {why}: they are compared by the table behind them, not by bytes"]
    for name in sorted(files):
        if _bytes(folder / "figures" / name) != _bytes(again / "figures" / name):
            moves.append(Move(f"figures/{name}", "", "other bytes", "the bytes", "drawn again"))
    for number, ((name, one), (_, two)) in enumerate(zip(shown, redrawn, strict=False), start=1):
        if not name and one != two:
            moves.append(Move(PAGE_FILE, f"image {number}", "other bytes", "the bytes", "drawn again"))
    return moves, []


def _compare_documents(record: Mapping, fresh: Mapping, folder: Path, again: Path) -> tuple[list[Move], list[str]]:
    """Compare the documents beside the page by their bytes, where the same libraries write them."""
    names = [
        n for n in sorted({*documents(folder), *documents(again)}) if n in record["outputs"] or (again / n).exists()
    ]
    missing = [n for n in names if not ((folder / n).is_file() and (again / n).is_file())]
    moves = [move for name in missing for move in compare_files(folder, again, name, compare_csv)]
    differing = [n for n in (*DRAWING, *WRITING) if record["versions"].get(n) != fresh["versions"].get(n)]
    if names and (differing or record["platform"] != fresh["platform"]):
        why = ", ".join(f"{name} {record['versions'].get(name, '?')}" for name in differing) or _machine(record)
        return moves, [f"documents were written with {why}: only their presence is compared, not their bytes"]
    return moves + [
        Move(name, "", "other bytes", "the bytes", "written again")
        for name in names
        if name not in missing and _bytes(folder / name) != _bytes(again / name)
    ], []


def _compare_copies(file: str, folder: Path, again: Path, shown: Mapping[str, bytes]) -> list[Move]:
    if not all((place / file).is_file() for place in (folder, again)):
        return compare_files(folder, again, file, compare_csv)
    same = shown.get(Path(file).stem) == _bytes(folder / file)
    return [] if same else [Move(file, "", "other bytes", "the bytes", IN_PAGE)]


def _names(images: list[tuple[str, bytes]]) -> str:
    return ", ".join(name or "unnamed" for name, _ in images)


def _machine(record: Mapping) -> str:
    return f"{record['platform']['system']} {record['platform']['machine']}"


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _compare_record(record: Mapping, fresh: Mapping, folder: Path) -> list[Move]:
    """Compare a record with the recomputed one, with itself, with its page and with the files it lists."""
    file = RECORD_FILE
    moves = []
    for name in RECOMPUTED:
        moves += _differences(record[name], fresh[name], name)
    moves += _differences(record["notebook"]["name"], fresh["notebook"]["name"], "notebook, name")
    files = {name: facts["sha256"] for name, facts in record["input_files"].items()}
    for name, facts in record["input_files"].items():
        kept = record["outputs"].get(facts["file"], facts["sha256"])
        moves += _differences(facts["sha256"], fresh["input_files"].get(name, {}).get("sha256"), _input(name))
        moves += _differences(facts["sha256"], kept, _input(name), "by its file")
    for name, value, expected in _derived(record, files):
        if value != expected:
            moves.append(Move(file, name, str(value), str(expected), "by its other fields"))
    if record["code"]["package"] == fresh["code"]["package"] and record["povstudy"] != fresh["povstudy"]:
        moves.append(Move(file, "povstudy", record["povstudy"], fresh["povstudy"], "by its code"))
    own = _embedded(_text(folder / PAGE_FILE))
    if own is not None:
        kept = {name: value for name, value in record.items() if name != "outputs"}
        moves += _differences(kept, own, "", IN_PAGE)
    actual = output_hashes(folder)
    moves += [move for move in _differences(record["outputs"], actual, "outputs", "by its file") if _ours(move, record)]
    return moves


def _input(name: str) -> str:
    return f"input_files, {name}, sha256"


def _ours(move: Move, record: Mapping) -> bool:
    """Tell whether a file belongs to the report: a stranger's file beside it is none of its business."""
    name = move.place.removeprefix("outputs, ")
    return name in record["outputs"] or name.startswith(("tables/", "figures/", "input/"))


def _derived(record: Mapping, files: Mapping) -> list[tuple[str, object, object]]:
    """Return name, value and what it must be, of each field that follows from others."""
    code, notebook = record["code"], record["notebook"]["sha256"]
    inputs = {
        "notebook": notebook,
        "parameters": record["parameters"],
        "files": dict(files),
        "data": record["data"],
        "code": code["package"],
        "lock": record["lock"]["sha256"],
    }
    try:
        seconds: object = seconds_between(record["started"], record["finished"])
    except (ValueError, TypeError):
        seconds = "no time"
    return [
        ("hash", record["hash"], input_hash(inputs)),
        ("data_sha256", record["data_sha256"], sha256_text(canonical(record["data"]))),
        ("code, sha256", code["sha256"], code_version(code["package"], notebook)),
        ("seconds", record["seconds"], seconds),
    ]


def _differences(one: object, two: object, place: str, against: str = "recomputed") -> list[Move]:
    """Return where two plain values differ, down to single fields."""
    if isinstance(one, dict) and isinstance(two, dict):
        return [
            move
            for name in {**one, **two}
            for move in _differences(one.get(name), two.get(name), f"{place}, {name}".strip(", "), against)
        ]
    if one == two and type(one) is type(two):
        return []
    shown = [json.dumps(value, ensure_ascii=False)[:80] if value is not None else "" for value in (one, two)]
    return [Move(RECORD_FILE, place, *shown, against)]


def circumstances(planned: Plan) -> dict[str, object]:
    """Return what a run would be made with here and now, in the shape of a record.

    Parameters
    ----------
    planned : Plan
        The run.

    Returns
    -------
    dict
        ``povstudy, notebook, data, input_files, code, versions, platform``.
    """
    return {
        **_here(),
        "notebook": {"sha256": planned.inputs["notebook"]},
        "data": planned.inputs["data"],
        "input_files": {name: {"sha256": file.sha256} for name, file in planned.files.items()},
        "code": {"package": planned.inputs["code"], **commit(planned.home)},
    }


def _here() -> dict[str, object]:
    return {
        "povstudy": povstudy.__version__,
        "code": {"package": code_hash()},
        "versions": versions(),
        "platform": {"system": platform.system(), "machine": platform.machine()},
    }


def reasons(record: Mapping, here: Mapping) -> list[str]:
    """Return what is different from when a report was made.

    Parameters
    ----------
    record : mapping
        The record.
    here : mapping
        What `circumstances` gives.

    Returns
    -------
    list of str
        Data, code, notebook, library versions and platform, as far as they differ.
    """
    found = []
    files, given = ({n: f["sha256"] for n, f in facts["input_files"].items()} for facts in (record, here))
    data = [*_changed(record["data"], here["data"]), *_changed(files, given, "the user's file for ")]
    if data:
        found.append("data: " + "; ".join(data))
    if record["code"]["package"] != here["code"]["package"]:
        found.append(f"code: {_code(record)} made it, here is {_code(here)}")
    if record["notebook"]["sha256"] != here["notebook"]["sha256"]:
        found.append(f"notebook: the cells of {record['notebook']['name']} are not those that ran")
    libraries = [
        f"{name} {record['versions'].get(name, 'absent')} made it, here is {here['versions'].get(name, 'none')}"
        for name in {**record["versions"], **here["versions"]}
        if record["versions"].get(name) != here["versions"].get(name)
    ]
    if libraries:
        found.append("library versions: " + "; ".join(libraries))
    if record["platform"] != here["platform"]:
        found.append(f"platform: {_machine(record)} made it, here is {_machine(here)}")
    return found


def _changed(before: Mapping[str, str], after: Mapping[str, str], what: str = "") -> list[str]:
    """Return which files of the data changed, came or went."""
    return [
        f"{what}{name} {'is gone' if name not in after else 'is new' if name not in before else 'has other content'}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _code(record: Mapping) -> str:
    """Return version, commit and hash of the code of a record in words."""
    head = str(record["code"].get("commit") or "")[:12]
    changed = " with changes that no commit holds" if record["code"].get("changed") else ""
    at = f", commit {head}{changed}" if head else ""
    return f"povstudy {record['povstudy']} ({str(record['code']['package'])[:12]}{at})"


def how_to_recompute(record: Mapping, here: Mapping) -> str:
    """Return which versions to install to recompute a report as it was made.

    Parameters
    ----------
    record : mapping
        The record.
    here : mapping
        What `circumstances` gives.

    Returns
    -------
    str
        Empty if code and libraries are those of the record.
    """
    libraries = {name: text for name, text in record["versions"].items() if name != "python"}
    same_code = record["code"]["package"] == here["code"]["package"] and record["povstudy"] == here["povstudy"]
    if same_code and record["versions"] == here["versions"]:
        return ""
    pins = " ".join(shlex.quote(f"{name}=={text}") for name, text in libraries.items())
    head = str(record["code"].get("commit") or "")
    lines = [
        f"To recompute it as it was made, by povstudy {record['povstudy']} under Python {record['versions']['python']}:"
    ]
    lines += [f"  git checkout {shlex.quote(head)}"] if head else [f"  get povstudy {record['povstudy']}"]
    lines.append(f"  python -m pip install -e . {pins}")
    if record["code"].get("changed"):
        lines.append("  its code had changes that the commit does not hold")
    return "\n".join(lines)


def _compared(again: Path) -> str:
    """Return what a recomputed report holds, in words."""
    forecast = again / FORECAST_FILE
    rows = len(forecast.read_text(encoding="utf-8").splitlines()) - 1 if forecast.is_file() else 0
    counts = (
        (len(read_json(again / NUMBERS_FILE) or {}), "number", "numbers"),
        (rows, "row of the forecast", "rows of the forecast"),
        (len(list(again.glob("tables/*.csv"))), "table", "tables"),
        (len(list(again.glob("figures/*.png"))), "figure", "figures"),
        (len(documents(again)), "document", "documents"),
    )
    found = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return ", ".join([*found, "the page", "the notebook", "the record"])

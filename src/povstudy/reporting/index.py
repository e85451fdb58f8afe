"""All notebooks for one area, and the page that lists every report of a folder.

The page is static: no scripts, no request, everything from data escaped, written by rename.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import ReportError
from povstudy.reporting import folders, record, wording
from povstudy.reporting.parameters import read_notebook, read_parameters
from povstudy.reporting.plan import notebook_files
from povstudy.reporting.report import DOCUMENTS, NUMBERS_FILE, documents
from povstudy.reporting.runner import (
    NOTEBOOK_FILE,
    OUTCOME_FILE,
    PAGE_FILE,
    Outcome,
    read_json,
    run_notebook,
)

__all__ = ["Entry", "entries", "report_area", "write_index"]

INDEX_FILE = "index.html"
COMMON_PARAMETERS = ("area", "lang", "seed")
EXPLORING = "00_"
FILE_WORDS = ((NOTEBOOK_FILE, "notebook"), (NUMBERS_FILE, "numbers"), (record.FORECAST_FILE, "forecast"))
FILE_WORDS += ((record.RECORD_FILE, "record"),)


@dataclass(frozen=True)
class Entry:
    """One line of the index page.

    Parameters
    ----------
    folder : Path
        Folder relative to the parent of all reports.
    status : str
        ``done``, ``earlier``, ``failed`` or ``not-available``.
    facts : dict
        Record, or outcome of a run that made no report.
    files : tuple of str
        Files of the folder that are linked.
    """

    folder: Path
    status: str
    facts: dict
    files: tuple[str, ...]


def report_area(
    area: str,
    *,
    lang: str = "en",
    output: str | Path | None = None,
    force: bool = False,
    progress: Callable[[str], AbstractContextManager] | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """Run all notebooks of the project in their order for one area and write the index page.

    Parameters
    ----------
    area : str
        Id, code or name of the area.
    lang : str
        ``en`` or ``vi``.
    output : str or Path, optional
        The parent of all reports; default: ``reports`` in the project folder.
    force : bool
        Run what is unchanged too.
    progress : callable, optional
        Gives, for the name of a notebook, a context manager with the function that tells which cell runs.
    tell : callable
        Called with a line for each notebook.

    Returns
    -------
    list of Outcome
        Done, unchanged and not available ones.

    Raises
    ------
    AreaError, DataError, ParameterError
        Before anything starts.
    ReportError
        After all notebooks, if one failed; the index page names it.
    """
    import contextlib

    from povstudy.areas import resolve_area
    from povstudy.sources import project_home

    home = project_home()
    area = resolve_area(area)
    out = folders.make_output(home / "reports" if output is None else output)
    outcomes: list[Outcome] = []
    failures: list[str] = []
    chosen = {name: path for name, path in notebook_files(home).items() if not name.startswith(EXPLORING)}
    if not chosen:
        raise ReportError(f"There are no notebooks in {home / 'notebooks'}.")
    try:
        for name, path in chosen.items():
            declared = read_parameters(read_notebook(path), where=path.name)
            given = {k: v for k, v in {"area": area, "lang": lang}.items() if k in declared}
            try:
                with progress(name) if progress else contextlib.nullcontext() as on_cell:
                    outcome = run_notebook(path, given, output=out, force=force, on_cell=on_cell)
            except ReportError as error:
                if error.exit_status != ReportError.exit_status:
                    raise
                failures.append(str(error))
                tell(f"{name}: failed")
                continue
            outcomes.append(outcome)
            tell(f"{name}: {outcome.status}" + (f": {outcome.reason}" if outcome.reason else ""))
    finally:
        write_index(out, lang=lang)
    if failures:
        raise ReportError("\n".join(failures))
    return outcomes


def entries(output: Path) -> list[Entry]:
    """Read what every folder of reports says about itself.

    Parameters
    ----------
    output : Path
        The parent of all reports.

    Returns
    -------
    list of Entry
        Newest first within a notebook, area, language and further parameters; older ones are ``earlier``.
    """
    found: list[Entry] = []
    for path in sorted(output.glob(f"*/{record.RECORD_FILE}")):
        if not path.parent.name.startswith("."):
            found.append(_entry(output, path, "done"))
    for status in (folders.FAILED, folders.NOT_AVAILABLE):
        for path in sorted((output / status).glob(f"*/{OUTCOME_FILE}")):
            if not path.parent.name.startswith("."):
                found.append(_entry(output, path, status))
    found = [entry for entry in found if entry.facts]
    found.sort(key=lambda entry: str(entry.facts.get("finished", "")), reverse=True)
    seen: set[str] = set()
    marked = []
    for entry in found:
        key = record.canonical([_notebook(entry.facts), entry.facts.get("parameters", {})])
        status = "earlier" if entry.status == "done" and key in seen else entry.status
        if entry.status == "done" or key not in seen:
            marked.append(Entry(entry.folder, status, entry.facts, entry.files))
        seen.add(key)
    return sorted(marked, key=lambda e: (str(e.facts.get("area", "")), _notebook(e.facts), e.status == "earlier"))


def _entry(output: Path, path: Path, status: str) -> Entry:
    facts = read_json(path) or {}
    known = (f for f in (PAGE_FILE, *(name for name, _ in FILE_WORDS)) if (path.parent / f).is_file())
    files = (*known, *documents(path.parent))
    return Entry(path.parent.relative_to(output), status, facts, files)


def _notebook(facts: Mapping) -> str:
    named = facts.get("notebook", "")
    return str(named.get("name", "")) if isinstance(named, Mapping) else str(named)


def write_index(output: Path, *, lang: str = "en") -> Path:
    """Write ``index.html``: every report of the folder with its status and links.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    lang : str
        Language of the page.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        If it cannot be written; the old one is untouched.
    """
    import jinja2

    from povstudy.reporting.render import CSP, TEMPLATES, page_css

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    names = ("title", "intro", "empty", "report", "status", "computed", "files", "scores")
    text = environment.get_template("index.html.j2").render(
        lang=lang,
        csp=CSP,
        css=page_css(),
        words={name: wording.text_of(f"index.{name}", lang) for name in names},
        groups=_groups(entries(output), lang),
        scores=folders.SCORES_PAGE.as_posix() if (output / folders.SCORES_PAGE).is_file() else "",
    )
    path = output / INDEX_FILE
    try:
        folders.write_atomically(path, text)
    except OSError as error:
        raise ReportError(f"The index page {path} could not be written: {error.strerror or error}.") from None
    return path


def _groups(found: list[Entry], lang: str) -> list[dict[str, object]]:
    """Return the entries by area, as plain text for the template, which escapes it."""
    groups: dict[str, list[Entry]] = {}
    for entry in found:
        groups.setdefault(str(entry.facts.get("area") or ""), []).append(entry)
    return [
        {"name": _heading(area, listed, lang), "anchor": f"area-{number}", "rows": [_row(e, lang) for e in listed]}
        for number, (area, listed) in enumerate(sorted(groups.items()), start=1)
    ]


def _heading(area: str, listed: list[Entry], lang: str) -> str:
    """Return the name of an area in the language of the page, where a report has it in that language."""
    names = {str(e.facts.get("lang")): str(e.facts.get("area_name", "")) for e in listed}
    name = names.get(lang) or next(iter(names.values()))
    return f"{name}, {area}" if name and area and name != area else name or area


def _row(entry: Entry, lang: str) -> dict[str, object]:
    facts = entry.facts
    parameters = facts.get("parameters", {})
    further = {k: v for k, v in parameters.items() if k not in COMMON_PARAMETERS and v not in (None, "", [])}
    values = {"cell": str(facts.get("cell", "")), "reason": str(facts.get("reason", ""))}
    texts = {
        "failed": ("index.failed", values),
        "not-available": ("index.not_available", {"reason": values["reason"]}),
    }
    key, filled = texts.get(entry.status, (f"index.{entry.status}", {}))
    linked = [(file, Path(file).suffix[1:].upper()) for file in entry.files if Path(file).suffix in DOCUMENTS]
    linked += [(file, wording.text_of(f"index.{word}", lang)) for file, word in FILE_WORDS if file in entry.files]
    return {
        "title": str(facts.get("title") or _notebook(facts)),
        "lang": str(facts.get("lang", lang)),
        "id": str(facts.get("id", "")),
        "parameters": " ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in further.items())[:300],
        "page": _href(entry.folder / PAGE_FILE) if PAGE_FILE in entry.files else "",
        "status": entry.status,
        "status_text": wording.fill(key, lang, filled),
        "finished": str(facts.get("finished", "")),
        "files": [{"href": _href(entry.folder / file), "name": name} for file, name in linked],
    }


def _href(path: Path) -> str:
    return urllib.parse.quote(path.as_posix())

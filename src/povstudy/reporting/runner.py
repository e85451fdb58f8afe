"""Runs a notebook strictly: checked parameters in, a complete report folder out, or nothing but a clear message.

Everything is written into a temporary folder beside the reports and put in place by one rename.  The name of the
folder holds the hash of what went in, so an unchanged report is not run again.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import NotAvailableError, ReportError
from povstudy.reporting import cite, cleaning, folders, fork, ledger, record, wording
from povstudy.reporting.environment import kernel_environment
from povstudy.reporting.plan import MESSAGE_LENGTH, Plan, plan, prepare, speaks
from povstudy.reporting.report import NUMBERS_FILE, documents
from povstudy.reporting.schemas import report_faults

__all__ = [
    "Outcome",
    "RunError",
    "earlier_outcome",
    "linked_files",
    "make_report",
    "read_json",
    "run_notebook",
    "run_planned",
]

NOTEBOOK_FILE = "report.ipynb"
PAGE_FILE = "report.html"
OUTCOME_FILE = "outcome.json"
BROKEN = "BrokenSchema"
FULL = (errno.ENOSPC, errno.EDQUOT)


class RunError(ReportError):
    """A run that made no report.

    Parameters
    ----------
    message : str
        What, where, and what to do.
    failure : CellFailure, optional
        The cell that failed.
    disk_full : bool
        Whether there was no room on the disk.
    """

    def __init__(self, message: str, *, failure: object = None, disk_full: bool = False) -> None:
        super().__init__(message)
        self.failure = failure
        self.disk_full = disk_full


@dataclass(frozen=True)
class Outcome:
    """What became of a notebook.

    Parameters
    ----------
    status : str
        ``done``, ``unchanged`` (finished before with the same inputs) or ``not available``.
    notebook, area : str
        Name of the notebook and id of the area.
    folder : Path
        The report folder, or the folder that holds the reason.
    lang : str
        Language of the report.
    reason : str
        Why it is not available.
    """

    status: str
    notebook: str
    area: str
    folder: Path
    lang: str
    reason: str = ""


def run_notebook(
    notebook: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    assignments: Sequence[str] = (),
    output: str | Path | None = None,
    force: bool = False,
    on_cell: object = None,
    engine: str | None = None,
    timeout: float | None = None,
) -> Outcome:
    """Run a notebook into a report folder.

    Parameters
    ----------
    notebook, parameters, assignments
        As in `plan`.
    output : str or Path, optional
        The parent of all reports; default: ``reports`` in the project folder.
    force : bool
        Run even if the report is there already.
    on_cell : callable, optional
        Called with index, number of cells and title before each cell.
    engine, timeout
        As in `povstudy.reporting.kernel.execute`; both engines write the same bytes.

    Returns
    -------
    Outcome
        Done, unchanged, or not available with its reason.

    Raises
    ------
    ParameterError, AreaError, DataError
        As in `plan`, before anything starts.
    ReportError
        If a cell failed, the kernel died, or the report or its entry in the ledger could not be written.  What was
        there before is untouched.
    """
    planned = plan(notebook, parameters, assignments=assignments, output=output)
    options = {"on_cell": on_cell, "engine": engine, "timeout": timeout}
    return run_planned(planned, output=output, force=force, **options)


def run_planned(planned: Plan, *, output: str | Path | None = None, force: bool = False, **options: object) -> Outcome:
    """Run what was checked before into a report folder.

    Parameters
    ----------
    planned : Plan
        The run.
    output, force
        As in `run_notebook`.
    **options : object
        ``on_cell``, ``engine`` and ``timeout`` of `run_notebook`.

    Returns
    -------
    Outcome
        Done, unchanged, or not available with its reason.

    Raises
    ------
    ReportError
        As in `run_notebook`.
    """
    out = folders.make_output(planned.home / "reports" if output is None else output)
    folders.clean_leftovers(out)
    earlier = None if force else earlier_outcome(planned, out)
    if earlier is not None:
        return _on_record(earlier, out)
    from povstudy import sources

    sources.build(planned.home)
    try:
        with folders.work_folder(out) as work:
            outcome = _run(planned, out, work, options)
    except OSError as error:
        full = error.errno in FULL
        advice = "Free some space" if full else "Check the folder"
        raise RunError(
            f"The report {planned.folder_name} could not be written: {error.strerror or error}. {advice} and run "
            f"again; nothing was changed in {out}.",
            disk_full=full,
        ) from None
    return _on_record(outcome, out)


def _on_record(outcome: Outcome, out: Path) -> Outcome:
    """Keep the forecast of a finished report in the ledger."""
    if outcome.status != "not available":
        ledger.add_forecast(out, outcome.folder)
    return outcome


def earlier_outcome(planned: Plan, out: Path) -> Outcome | None:
    """Return what became of the same run before, or None.

    Parameters
    ----------
    planned : Plan
        The run.
    out : Path
        The parent of all reports.

    Returns
    -------
    Outcome or None
        Unchanged, or not available; a failed run is run again.
    """
    folder = out / planned.folder_name
    done = read_json(folder / record.RECORD_FILE)
    if done is not None and all((folder / file).is_file() for file in done.get("outputs", [])):
        return Outcome("unchanged", planned.notebook, planned.area, folder, planned.lang)
    folder = out / folders.NOT_AVAILABLE / planned.folder_name
    noted = read_json(folder / OUTCOME_FILE)
    if noted is not None:
        return Outcome(
            "not available", planned.notebook, planned.area, folder, planned.lang, str(noted.get("reason", ""))
        )
    return None


def read_json(path: Path) -> dict | None:
    """Return a JSON object from a file, or None if there is none that can be read.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict or None
        Its content.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def make_report(planned: Plan, work: Path, **options: object) -> tuple[object, object]:
    """Run a notebook and write its report into a folder; nothing is written anywhere else.

    Parameters
    ----------
    planned : Plan
        The run.
    work : Path
        An empty folder.
    **options : object
        ``on_cell``, ``engine`` and ``timeout`` of `povstudy.reporting.kernel.execute`.

    Returns
    -------
    NotebookNode
        The executed notebook.
    CellFailure or None
        None if the report is complete; else why there is none.
    """
    environment = kernel_environment(
        {"POVSTUDY_OUTPUT": str(work), "POVSTUDY_HOME": str(planned.home), "POVSTUDY_LANG": planned.lang}
    )
    if options.get("engine") != "kernel":
        fork.get_ready(environment, [cell["source"] for cell in planned.source["cells"] if cell["cell_type"] == "code"])
    from povstudy.reporting import kernel

    notebook = prepare(planned)
    for file in planned.files.values():
        (work / file.relative).parent.mkdir(exist_ok=True)
        (work / file.relative).write_bytes(file.content)
    started = datetime.datetime.now(datetime.UTC)
    notebook, failure = kernel.execute(notebook, environment=environment, folder=work, **options)
    _forget(planned, work)
    cleaning.clean(notebook, work, planned.home)
    faults = report_faults(work) if failure is None else []
    if faults:
        failure = kernel.CellFailure(-1, BROKEN, "; ".join(faults))
    if failure is None:
        _finish(planned, notebook, work, started)
    return notebook, failure


def _run(planned: Plan, out: Path, work: Path, options: Mapping[str, object]) -> Outcome:
    notebook, failure = make_report(planned, work, **options)
    if failure is None:
        folders.publish(work, out / planned.folder_name)
        for other in (folders.FAILED, folders.NOT_AVAILABLE):
            shutil.rmtree(out / other / planned.folder_name, ignore_errors=True)
            with contextlib.suppress(OSError):
                (out / other).rmdir()
        return Outcome("done", planned.notebook, planned.area, out / planned.folder_name, planned.lang)
    if failure.kind == NotAvailableError.__name__:
        folder = out / folders.NOT_AVAILABLE / planned.folder_name
        reason = wording.recorded(failure.message, planned.lang)
        _note(planned, out, folder, {"status": "not available", "reason": reason})
        return Outcome("not available", planned.notebook, planned.area, folder, planned.lang, reason)
    raise _failed(planned, notebook, out, failure)


def _forget(planned: Plan, work: Path) -> None:
    """Delete the copies of household files: a report can be passed on, its households can not."""
    for file in planned.files.values():
        if file.private:
            (work / file.relative).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (work / file.relative).parent.rmdir()


def _finish(planned: Plan, notebook: object, work: Path, started: datetime.datetime) -> None:
    """Write the files of a finished run: numbers, record, notebook and page."""
    import nbformat

    from povstudy.reporting import render

    _complete_numbers(work, planned.area)
    said = render.about(notebook)
    titles = {lang: render.title_of(_cells_in(planned.source, lang), planned.notebook) for lang in wording.LANGUAGES}
    made = record.make_record(
        folder=work,
        home=planned.home,
        notebook=planned.notebook,
        titles=titles | ({planned.lang: said["title"]} if said.get("title") else {}),
        headline=cite.headline(work, planned.area),
        area_name=said.get("area") or planned.area_name,
        standard=said.get("standard", ""),
        inputs=planned.inputs,
        files={n: {"name": f.name, "file": f.relative, "sha256": f.sha256} for n, f in planned.files.items()},
        started=started,
        finished=datetime.datetime.now(datetime.UTC),
    )
    (work / NOTEBOOK_FILE).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    page = render.render(notebook, made, linked_files(work))
    (work / PAGE_FILE).write_text(page, encoding="utf-8")
    made["outputs"] = record.output_hashes(work)
    (work / record.RECORD_FILE).write_text(record.record_json(made), encoding="utf-8")


def linked_files(folder: Path) -> list[str]:
    """Return the files that the page of a report links to.

    Parameters
    ----------
    folder : Path
        The report folder.

    Returns
    -------
    list of str
        Those that are there, and the record.
    """
    present = [f for f in (NUMBERS_FILE, record.FORECAST_FILE, NOTEBOOK_FILE) if (folder / f).is_file()]
    return [*documents(folder), *present, record.RECORD_FILE]


def _cells_in(source: Mapping, lang: str) -> dict[str, list]:
    return {"cells": [cell for cell in source["cells"] if speaks(cell, lang)]}


def _complete_numbers(work: Path, area: str) -> None:
    """Add the numbers that the citation states to numbers.json."""
    numbers = read_json(work / NUMBERS_FILE) or {}
    facts = cite.headline(work, area)
    for number in cite.headline_numbers(facts, "en") if facts else []:
        numbers[number.name] = {
            "value": number.value,
            "unit": number.unit,
            "digits": number.digits,
            "source": number.source,
        }
    text = json.dumps(dict(sorted(numbers.items())), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    (work / NUMBERS_FILE).write_text(text, encoding="utf-8")


def _note(planned: Plan, out: Path, folder: Path, facts: Mapping[str, object], notebook: object = None) -> None:
    """Write a folder that says what became of a run that made no report."""
    content = {
        "notebook": planned.notebook,
        "area": planned.area,
        "area_name": planned.area_name,
        "lang": planned.lang,
        "parameters": planned.values,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **facts,
    }
    with folders.work_folder(out) as work:
        if notebook is not None:
            import nbformat

            (work / NOTEBOOK_FILE).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        (work / OUTCOME_FILE).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        folders.publish(work, folder)


def _failed(planned: Plan, notebook: object, out: Path, failure: object) -> ReportError:
    """Keep the failed notebook with its error marked; return the error that says so."""
    import nbformat

    message = failure.message.strip()[:MESSAGE_LENGTH] or "no message"
    what = f"{failure.kind}: {message}"
    cell = failure.index + 1
    at = f"cell {cell}" if cell else ("its files" if failure.kind == BROKEN else "the kernel")
    line = f"\n  line: {failure.line}" if failure.line else ""
    text = f"{planned.notebook} failed in {at}: {what}"
    mark = nbformat.v4.new_markdown_cell(
        f"**{wording.text_of('page.failed', planned.lang)}**\n\n```text\n{what.replace('```', '` ` `')}{line}\n```",
        id="povstudy-error",
        metadata={"tags": ["povstudy-error"]},
    )
    notebook.cells.insert(max(failure.index, 0), mark)
    folder = out / folders.FAILED / planned.folder_name
    facts = {"status": "failed", "cell": cell, "reason": what, "line": failure.line}
    try:
        _note(planned, out, folder, facts, notebook)
    except OSError as error:
        why = f"the notebook could not be kept either: {error.strerror or error}"
        return RunError(f"{text}{line}\n  {why}", failure=failure, disk_full=error.errno in FULL)
    return RunError(f"{text}{line}\n  notebook with the error: {folder / NOTEBOOK_FILE}", failure=failure)

"""A notebook over many areas: what is finished is skipped, what fails stops nothing, what is lost is made again.

Each report is made in a process of its own, here or on a cluster, and put in its place by one rename; so a sweep that
was interrupted, killed or ran out of room is finished by running the same command again.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from povstudy.errors import ReportError
from povstudy.reporting import folders, ledger
from povstudy.reporting.fork import close_all
from povstudy.reporting.plan import find_notebook
from povstudy.reporting.runner import NOTEBOOK_FILE, earlier_outcome
from povstudy.reporting.sweep_rows import Row
from povstudy.reporting.sweep_table import SUMMARY_FILE, update_summary
from povstudy.reporting.task import perform, request_of

__all__ = ["DONE", "FAILED", "NOT_AVAILABLE", "NOT_RUN", "UNCHANGED", "Result", "Sweep", "states", "summary_lines"]
__all__ += ["sweep", "would_run"]

DONE, UNCHANGED, NOT_AVAILABLE, FAILED, NOT_RUN = "done", "unchanged", "not available", "failed", "not run"
WORKERS = 2
REASON_LENGTH = 300
CELL_SECONDS = 900.0
SUMMARY_SECONDS = 2.0
INDEX_SECONDS = 30.0
INDEX_SHARE = 20  # at most one part in twenty of the time goes into the index page
ENDING_SECONDS = 3.0  # how long the processes that an interruption ended may take to be gone


@dataclass(frozen=True)
class Result:
    """What became of a row.

    Parameters
    ----------
    row : Row
        The row.
    status : str
        ``done``, ``unchanged`` (finished before), ``not available``, ``failed`` or ``not run``.
    reason : str
        Why, for the last three.
    cell : int
        Number of the cell that failed, from 1; 0 if none.
    seconds : float
        Wall time.
    attempts : int
        How often its process was started.
    """

    row: Row
    status: str
    reason: str = ""
    cell: int = 0
    seconds: float = 0.0
    attempts: int = 0


@dataclass(frozen=True)
class Sweep:
    """What became of a sweep.

    Parameters
    ----------
    results : tuple of Result
        In the order of the rows.
    output : Path
        The parent of the reports.
    """

    results: tuple[Result, ...]
    output: Path

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by status, those that occur."""
        counts = dict.fromkeys((DONE, UNCHANGED, NOT_AVAILABLE, FAILED, NOT_RUN), 0)
        for result in self.results:
            counts[result.status] += 1
        return {status: count for status, count in counts.items() if count}

    @property
    def complete(self) -> bool:
        """Whether every report is there, or can not be: nothing failed, nothing was left out."""
        return not {FAILED, NOT_RUN} & self.counts.keys()


Told = Callable[[Result, int, int], None]


def states(rows: Sequence[Row], output: Path, *, force: bool = False) -> dict[int, Result]:
    """Return what is finished already, by number of the row; nothing is written.

    Parameters
    ----------
    rows : sequence of Row
        Checked rows.
    output : Path
        The parent of all reports.
    force : bool
        Nothing counts as finished.

    Returns
    -------
    dict of int to Result
        ``unchanged`` and ``not available`` ones.
    """
    found = {}
    for row in [] if force else rows:
        earlier = earlier_outcome(row, output)
        if earlier is not None:
            found[row.number] = Result(row, earlier.status, earlier.reason)
    return found


def would_run(rows: Sequence[Row], output: Path, *, force: bool = False) -> list[str]:
    """Return, a line for each row, what a sweep would do with it; nothing is written.

    Parameters
    ----------
    rows, output, force
        As in `states`.

    Returns
    -------
    list of str
        The last line counts.
    """
    known = states(rows, Path(output), force=force)
    said = {row.number: known[row.number].status if row.number in known else "would run" for row in rows}
    lines = [f"{said[row.number]}: {row.folder_name}" for row in rows]
    run = sum(word == "would run" for word in said.values())
    return [*lines, f"{run} of {len(rows)} would run; {len(rows) - run} are finished."]


def summary_lines(swept: Sweep) -> list[str]:
    """Return what a sweep came to: what failed and why, the counts, where the summary and the page are.

    Parameters
    ----------
    swept : Sweep
        A finished sweep.

    Returns
    -------
    list of str
        Lines for a terminal.
    """
    lines = []
    for result in swept.results:
        if result.status == FAILED:
            reason = " ".join(result.reason.split())[:REASON_LENGTH]
            lines.append(
                f"failed: {result.row.label}" + (f", cell {result.cell}" if result.cell else "") + f": {reason}"
            )
            if result.cell:
                lines.append(f"  {swept.output / folders.FAILED / result.row.folder_name / NOTEBOOK_FILE}")
    counts = ", ".join(f"{count} {status}" for status, count in swept.counts.items())
    again = "" if swept.complete else " Run the same command again for the rest."
    lines.append(f"{len(swept.results)} reports: {counts}.{again}")
    return [*lines, str(swept.output / SUMMARY_FILE), str(swept.output / "index.html")]


def sweep(
    notebook: str,
    rows: Sequence[Row],
    *,
    output: str | Path | None = None,
    workers: int = WORKERS,
    scheduler: str | None = None,
    force: bool = False,
    engine: str | None = None,
    timeout: float | None = CELL_SECONDS,
    lang: str = "en",
    tell: Told = lambda result, done, total: None,
) -> Sweep:
    """Make the reports of checked rows.

    Parameters
    ----------
    notebook : str
        Name or path.
    rows : sequence of Row
        What `povstudy.reporting.sweep_rows` gives.
    output : str or Path, optional
        The parent of all reports; default: ``reports`` in the project folder.
    workers : int
        Reports made at once on this machine.
    scheduler : str, optional
        Address of a dask scheduler; then its workers make the reports.
    force, engine, timeout
        As in `povstudy.reporting.runner.run_notebook`.
    lang : str
        Language of the index page.
    tell : callable
        Called with each result, the number of finished rows and of all.

    Returns
    -------
    Sweep
        Every row with what became of it.

    Raises
    ------
    ReportError
        If the folder or the summary cannot be written.
    KeyboardInterrupt
        After the processes were ended; summary and index say what is finished.
    """
    from povstudy import sources
    from povstudy.sources.home import project_home

    home = project_home()
    path = find_notebook(notebook, home).absolute()
    out = folders.make_output(home / "reports" if output is None else output)
    folders.clean_leftovers(out)
    sources.build(home)
    book = _Book(rows, out, lang, tell)
    for result in states(rows, out, force=force).values():
        if result.status == UNCHANGED:
            ledger.add_forecast(out, out / result.row.folder_name)
        book.take(result)
    requests = {
        row.number: request_of(
            path,
            row.values,
            home=home,
            output=out,
            expected=row.folder_name,
            force=force,
            engine=engine,
            timeout=timeout,
        )
        for row in rows
        if row.number not in book.results
    }
    by_number = {row.number: row for row in rows}
    if scheduler is None:
        answers = _here(requests, workers)
    else:
        from povstudy.reporting.cluster import answers_of

        answers = answers_of(requests, scheduler)
    with book, contextlib.closing(answers):
        for number, answer in answers:
            full = bool(answer.pop("full"))
            answer.pop("lost")
            book.take(Result(by_number[number], **answer))
            if full:
                break
    return book.sweep()


def _here(requests: Mapping[int, Mapping], workers: int) -> Iterator[tuple[int, dict]]:
    """Make reports on this machine, some at once; give each answer as it comes.

    When the caller stops, or is interrupted, the processes are ended before this returns.
    """
    stopped = threading.Event()

    def begin() -> None:
        if stopped.is_set():
            raise _StoppedError

    left = iter(requests.items())
    with tempfile.TemporaryDirectory(prefix="povstudy-memory-") as memory, ThreadPoolExecutor(workers) as pool:
        running: dict[Future, int] = {}
        try:
            while True:
                for number, request in itertools.islice(left, workers - len(running)):
                    running[pool.submit(perform, {**request, "memory": memory}, begin=begin)] = number
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            stopped.set()
            while wait(running, timeout=0.02).not_done:
                close_all()


class _StoppedError(Exception):
    """Nothing more is begun."""


class _Book:
    """Keeps the results of a sweep: tells them, and writes summary and index now and then and at the end."""

    def __init__(self, rows: Sequence[Row], output: Path, lang: str, tell: Told) -> None:
        self.rows, self.output, self.lang, self.tell = rows, output, lang, tell
        self.results: dict[int, Result] = {}
        self._new: list[Result] = []
        self._summary_at = self._index_at = time.monotonic()
        self._index_cost = 0.0

    def __enter__(self) -> _Book:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        # Of processes that were lost, or that were ended just now.
        folders.clean_leftovers(self.output, patience=0.0 if kind is None else ENDING_SECONDS)
        if kind is None:
            self._write()
            return
        with contextlib.suppress(ReportError):  # the interruption is what has to be told
            self._write()

    def take(self, result: Result) -> None:
        """Take the result of a row."""
        self.results[result.row.number] = result
        self._new.append(result)
        self.tell(result, len(self.results), len(self.rows))
        now = time.monotonic()
        if now - self._summary_at > SUMMARY_SECONDS:
            self._summary()
        if now - self._index_at > max(INDEX_SECONDS, INDEX_SHARE * self._index_cost):
            self._index()

    def sweep(self) -> Sweep:
        """Return every row with its result."""
        return Sweep(tuple(self.results.get(row.number, Result(row, NOT_RUN)) for row in self.rows), self.output)

    def _write(self) -> None:
        # A report may be in its place although the answer of its process was not waited for.
        for number, result in states([row for row in self.rows if row.number not in self.results], self.output).items():
            self.results[number] = replace(result, status=DONE if result.status == UNCHANGED else result.status)
            self._new.append(self.results[number])
        self._new += [result for result in self.sweep().results if result.status == NOT_RUN]
        self._summary()
        self._index()

    def _summary(self) -> None:
        new, self._new = self._new, []
        try:
            update_summary(self.output, new)
        except BaseException as error:
            self._new = new + self._new
            if not isinstance(error, OSError):
                raise  # an interruption; the summary is written once more at the end
            raise ReportError(
                f"The summary {self.output / SUMMARY_FILE} could not be written: {error.strerror or error}. "
                "Finished reports are kept; free some space and run the same command again for the rest."
            ) from None
        self._summary_at = time.monotonic()

    def _index(self) -> None:
        from povstudy.reporting.index import write_index

        before = time.monotonic()
        write_index(self.output, lang=self.lang)
        self._index_at = time.monotonic()
        self._index_cost = self._index_at - before

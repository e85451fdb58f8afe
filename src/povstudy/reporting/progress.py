"""Says on stderr which cell runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

__all__ = ["cell_progress", "duration", "printable", "sweep_progress"]


def printable(text: str, length: int = 4000) -> str:
    """Return a text that a terminal cannot take for a command: control characters dropped, cut to a length.

    Parameters
    ----------
    text : str
        Any text.
    length : int
        Longest result.

    Returns
    -------
    str
        Line breaks are kept.

    Examples
    --------
    >>> printable("a" + chr(27) + "[31mb")
    'a[31mb'
    """
    kept = "".join(c for c in text if c.isprintable() or c in "\n\t").encode("utf-8", "replace").decode("utf-8")
    return kept if len(kept) <= length else kept[:length] + "..."


@contextlib.contextmanager
def cell_progress(name: str, file: TextIO | None = None) -> Iterator[Callable[[int, int, str], None]]:
    """Give the function that tells which cell runs.

    Parameters
    ----------
    name : str
        Name of the notebook.
    file : text file, optional
        Default: stderr.

    Yields
    ------
    callable
        Called with index, number of cells and title of the cell.
    """
    file = sys.stderr if file is None else file
    if not file.isatty():

        def plain(index: int, total: int, title: str) -> None:
            print(f"{name}: cell {index + 1} of {total}  {printable(title, 80)}".rstrip(), file=file, flush=True)

        yield plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.fields[name]}", markup=False), BarColumn(), MofNCompleteColumn()]
    columns += [TimeElapsedColumn(), TextColumn("{task.fields[title]}", markup=False)]
    with Progress(*columns, console=Console(file=file), transient=True) as bar:
        task = bar.add_task("", total=None, name=name, title="starting")

        def show(index: int, total: int, title: str) -> None:
            bar.update(task, completed=index + 1, total=total, title=printable(title, 60))

        yield show


def duration(seconds: float) -> str:
    """Return a time span as hours, minutes and seconds.

    Parameters
    ----------
    seconds : float
        At least 0.

    Returns
    -------
    str
        For instance ``1:05`` or ``2:00:09``.

    Examples
    --------
    >>> duration(65.4), duration(7209)
    ('1:05', '2:00:09')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _left(spent: float, made: int, rest: int) -> str:
    """Return the time left, from the reports that were made; those that were finished before cost nothing."""
    return f", {duration(spent / made * rest)} left" if made and rest else ""


@contextlib.contextmanager
def sweep_progress(name: str, total: int, file: TextIO | None = None) -> Iterator[Callable[[object, int, int], None]]:
    """Give the function that tells which report of a sweep is finished: a bar on a terminal, plain lines elsewhere.

    Parameters
    ----------
    name : str
        Name of the notebook.
    total : int
        Number of reports.
    file : text file, optional
        Default: stderr.

    Yields
    ------
    callable
        Called with the result, the number of finished reports and of all.
    """
    file = sys.stderr if file is None else file
    started, made = time.monotonic(), 0

    def line(result: object, done: int, total: int) -> str:
        nonlocal made
        made += result.attempts > 0
        what = f": {' '.join(result.reason.split())}" if result.reason else ""
        took = f" ({result.seconds:.1f} s)" if result.seconds else ""
        left = _left(time.monotonic() - started, made, total - done)
        text = printable(f"{name} {result.row.label}: {result.status}{took}{what}", 300)
        return f"{done} of {total}{left}  {text}"

    if not file.isatty():

        def plain(result: object, done: int, total: int) -> None:
            text = line(result, done, total)
            if result.status != "unchanged":
                print(text, file=file, flush=True)

        yield plain
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(file=file)
    columns = [TextColumn("{task.fields[name]}", markup=False), BarColumn(), MofNCompleteColumn()]
    columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    columns += [TextColumn("{task.fields[last]}", markup=False)]
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, name=name, last="starting")

        def show(result: object, done: int, total: int) -> None:
            text = line(result, done, total)
            bar.update(task, completed=done, last=printable(f"{result.row.label}: {result.status}", 60))
            if result.status == "failed":
                console.print(text, markup=False, highlight=False)

        yield show

"""One report of a sweep, made in a process of its own: a request comes in, a small answer goes out.

A request and an answer are plain JSON, so that it does not matter where the process runs.  A task is idempotent: the
report that is there already is not made again.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from povstudy.errors import PovstudyError, ReportError
from povstudy.memory import FOLDER_VARIABLE
from povstudy.reporting.fork import CannotForkError, can_fork, import_early, imported_late, warm_process
from povstudy.reporting.imports import modules_in
from povstudy.reporting.warm import TASK, Channel

__all__ = ["ATTEMPTS", "get_ready", "main", "make", "perform", "prime", "request_of", "serve"]

ATTEMPTS = 3
KILLED = "SIGKILL"


def request_of(
    notebook: Path,
    values: Mapping[str, object],
    *,
    home: Path,
    output: Path,
    expected: str,
    force: bool = False,
    engine: str | None = None,
    timeout: float | None = None,
) -> dict[str, object]:
    """Return the request for a report.

    Parameters
    ----------
    notebook : Path
        The notebook.
    values : mapping of str to object
        Values by parameter.
    home, output : Path
        The project folder and the parent of all reports.
    expected : str
        Name of the report folder; a process that comes to another name has other code or data.
    force, engine, timeout
        As in `povstudy.reporting.runner.run_notebook`.

    Returns
    -------
    dict of str to object
        JSON; ``memory`` is the folder of `povstudy.memory`, if the processes share one.
    """
    return {
        "notebook": str(notebook),
        "values": dict(values),
        "home": str(home),
        "output": str(output),
        "expected": expected,
        "memory": "",
        "force": force,
        "engine": engine,
        "timeout": timeout,
        "folder": str(Path.cwd()),
    }


def make(request: Mapping[str, object]) -> dict[str, object]:
    """Make a report in this process.

    Parameters
    ----------
    request : mapping
        What `request_of` gives.

    Returns
    -------
    dict of str to object
        ``status`` (``done``, ``unchanged``, ``not available`` or ``failed``), ``reason``, ``cell``, ``seconds``,
        ``full`` (no room on the disk), ``lost`` (the kernel was killed from outside), ``late`` (modules that the run
        imported itself).
    """
    from povstudy.reporting.plan import plan
    from povstudy.reporting.runner import run_planned

    started = time.monotonic()
    answer: dict[str, object] = {"cell": 0, "reason": "", "full": False, "lost": False}
    try:
        planned = plan(request["notebook"], request["values"], output=request["output"])
        if planned.folder_name != request["expected"]:
            raise ReportError(
                f"This process would make {planned.folder_name}, the sweep asked for {request['expected']}: code, data "
                "or libraries differ between the two, or changed meanwhile. Make them the same and run again."
            )
        options = {"engine": request["engine"], "timeout": request["timeout"]}
        outcome = run_planned(planned, output=request["output"], force=bool(request["force"]), **options)
        answer |= {"status": outcome.status, "reason": outcome.reason}
    except PovstudyError as error:
        failure = getattr(error, "failure", None)
        answer |= {"status": "failed", "reason": str(error), "full": getattr(error, "disk_full", False)}
        if failure is not None:
            answer |= {"cell": failure.index + 1, "reason": f"{failure.kind}: {failure.message}"[:2000]}
            answer["lost"] = failure.kind == "KernelDied" and KILLED in failure.message
    return answer | {"late": imported_late(), "seconds": round(time.monotonic() - started, 2)}


def serve(channel: Channel) -> None:
    """Answer one request in a child of the warm process.

    Parameters
    ----------
    channel : Channel
        The request comes in with the environment of the process that asks.
    """
    body = channel.receive()
    if body is None:
        return
    request = json.loads(body)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    channel.send(json.dumps(make(request)).encode())


def prime(home: str, notebook: str, values: Mapping[str, object]) -> list[str]:
    """Read in the warm process what every report of a sweep reads: wording, law, tables, templates.

    Parameters
    ----------
    home, notebook : str
        The project folder and the notebook.
    values : mapping of str to object
        Values of one report.

    Returns
    -------
    list of str
        Sources of the code cells of that report.
    """
    import nbformat

    from povstudy.reporting.plan import plan, prepare
    from povstudy.reporting.render import compile_templates

    compile_templates()
    os.environ["POVSTUDY_HOME"] = home
    planned = plan(notebook, values)
    nbformat.v4.new_output("stream", text="")  # compiles the schema of outputs
    return [cell.source for cell in prepare(planned).cells if cell.cell_type == "code"]


def get_ready(notebook: str) -> None:
    """Start the process from which reports are forked: it imports while the rows of a sweep are checked.

    Parameters
    ----------
    notebook : str
        Name or path; a wrong one is refused later, where the rows are checked.
    """
    from povstudy.reporting.environment import kernel_environment
    from povstudy.reporting.plan import find_notebook
    from povstudy.sources.home import project_home

    if can_fork():
        with contextlib.suppress(PovstudyError):
            home = project_home()
            path = str(find_notebook(notebook, home).absolute())
            warm_process(kernel_environment({}), TASK, _modules_of(path), [str(home), path, {}])


@functools.cache
def _modules_of(notebook: str) -> list[str]:
    """Return what a notebook imports; an unreadable one is refused elsewhere."""
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
        return modules_in("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    except (OSError, ValueError, LookupError, TypeError):
        return []


def perform(request: Mapping[str, object], *, begin: Callable[[], None] = lambda: None) -> dict[str, object]:
    """Have a report made in a process of its own; one that is lost is made again.

    Parameters
    ----------
    request : mapping
        What `request_of` gives.
    begin : callable
        Called before each attempt; an exception of it ends the waiting.

    Returns
    -------
    dict of str to object
        As `make`, with ``attempts``.
    """
    answer: dict[str, object] = {}
    for attempt in range(1, ATTEMPTS + 1):
        begin()
        answer = (_in_child(request) if can_fork() else _in_program(request)) | {"attempts": attempt}
        import_early(answer.pop("late", ()))
        if not answer["lost"]:
            break
    return answer


def _environment(request: Mapping[str, object]) -> dict[str, str]:
    """Return the environment of the process that makes a report."""
    return {**os.environ, "POVSTUDY_HOME": str(request["home"]), FOLDER_VARIABLE: str(request["memory"])}


def _lost(how: str, seconds: float = 0.0) -> dict[str, object]:
    reason = f"the process that made it was lost {ATTEMPTS} times ({how}); is there memory enough?"
    return {"status": "failed", "reason": reason, "cell": 0, "seconds": seconds, "full": False, "lost": True}


def _in_child(request: Mapping[str, object]) -> dict[str, object]:
    """Make a report in a child of the warm process."""
    from povstudy.reporting.environment import kernel_environment

    primer = [request["home"], request["notebook"], request["values"]]
    modules = _modules_of(request["notebook"])
    warm = warm_process(kernel_environment({}), TASK, modules, primer)
    started = time.monotonic()
    try:
        channel, pid = warm.start(TASK, modules)
    except CannotForkError as error:
        return _in_program(request) if not warm.was_ready else _lost(str(error))
    try:
        with contextlib.suppress(OSError):
            channel.send(json.dumps({**request, "environment": _environment(request)}).encode())
        body = channel.receive()
    finally:
        channel.close()
        status = warm.end(pid)
    if body is not None:
        return json.loads(body)
    return _lost(f"it ended with {status}", round(time.monotonic() - started, 2))


def _in_program(request: Mapping[str, object]) -> dict[str, object]:
    """Make a report in a program that is started for it: where there is no fork."""
    code = "from povstudy.reporting.task import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(request).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=request["folder"],
        env=_environment(request),
        check=False,
    )
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if done.returncode == 0 and lines else _lost(f"it ended with {done.returncode}")


def main() -> None:
    """Answer one request from standard input on standard output."""
    print(json.dumps(make(json.load(sys.stdin))))

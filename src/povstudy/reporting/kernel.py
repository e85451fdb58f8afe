"""Running the cells of a notebook with papermill: in a forked child, or in a kernel of our own interpreter.

No installed kernel specification is used, the environment of a run is fixed, and a run counts as finished only if
every code cell completed.  Both engines give the same bytes; the forked one is chosen where it can be had.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from papermill import execute_notebook
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import remove_error_markers
from papermill.log import logger

from povstudy.errors import ParameterError
from povstudy.reporting.cells import OnCell, TellingClient
from povstudy.reporting.engine import ForkEngine
from povstudy.reporting.fork import CannotForkError, can_fork

__all__ = ["ENGINES", "CellFailure", "OnCell", "execute"]

FORK, KERNEL = "fork", "kernel"
ENGINES = (FORK, KERNEL)
NAMES = {FORK: "povstudy", KERNEL: "povstudy-kernel"}
SOCKET_PATH_LIMIT = 90
CELL_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class CellFailure:
    """Why a notebook did not finish.

    Parameters
    ----------
    index : int
        Position of the cell in the notebook, from 0; -1 if no cell is to blame.
    kind : str
        Name of the exception, or ``KernelDied``, ``SystemExit``, ``NotCompleted``.
    message : str
        Its message.
    line : str
        The source line of the cell that failed, if known.
    """

    index: int
    kind: str
    message: str
    line: str = ""


class _OwnKernelManager(AsyncKernelManager):
    """Starts this interpreter's own ipykernel, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=CRITICAL"]
        return KernelSpec(argv=argv, display_name="povstudy", language="python")


@contextlib.contextmanager
def _own_kernel() -> Iterator[_OwnKernelManager]:
    """Give a kernel manager; whatever happens, its process is gone afterwards.

    The sockets are files in a private folder, so that kernels that start at once never compete for a port; where
    that cannot be (Windows, a long temporary path) they are local ports.
    """
    folder = Path(tempfile.mkdtemp(prefix="povstudy-"))
    connection = str(folder / "k.json")
    transport = "ipc" if os.name == "posix" and len(connection) < SOCKET_PATH_LIMIT else "tcp"
    manager = _OwnKernelManager(connection_file=connection, transport=transport, kernel_name="python3")
    try:
        yield manager
    finally:
        _end(getattr(manager.provisioner, "process", None), getattr(manager.provisioner, "pgid", None))
        shutil.rmtree(folder, ignore_errors=True)


def _end(process: object, group: int | None) -> None:
    """End a kernel that still runs, and what it started."""
    if process is None or process.poll() is not None:
        return
    if group is not None and group != os.getpgrp():
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    process.kill()
    process.wait()


class _Engine(NBClientEngine):
    """Papermill's own engine with our kernel and its environment."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: object,
        kernel_name: str,
        *,
        environment: Mapping[str, str],
        folder: str,
        executed: list,
        on_cell: OnCell | None = None,
        execution_timeout: float | None = None,
        start_timeout: int = 120,
        **_: object,
    ) -> None:
        executed.append(nb_man.nb)
        with _own_kernel() as manager:
            client = TellingClient(
                nb_man,
                km=manager,
                timeout=execution_timeout,
                startup_timeout=start_timeout,
                record_timing=False,
                log=logger,
            )
            client.on_cell = on_cell
            # A profile of its own: no start-up file or setting of the user runs in the kernel.
            profile = {"IPYTHONDIR": str(Path(manager.connection_file).with_name("ipython"))}
            client.execute(env={**environment, **profile}, cwd=folder, cleanup_kc=True)


def execute(
    notebook: object,
    *,
    environment: Mapping[str, str],
    folder: Path,
    on_cell: OnCell | None = None,
    engine: str | None = None,
    timeout: float | None = None,
) -> tuple[object, CellFailure | None]:
    """Run all cells of a notebook.

    Parameters
    ----------
    notebook : NotebookNode
        Parameters already injected.
    environment : mapping of str to str
        Environment of the kernel.
    folder : Path
        Working folder of the kernel.
    on_cell : callable, optional
        Called with index, number of cells and title before each cell.
    engine : str, optional
        ``fork`` (a child of a warm process) or ``kernel`` (a kernel that is started for the run); default: ``fork``
        where it can be had.
    timeout : float, optional
        Seconds that a cell may take; then its process is killed.

    Returns
    -------
    NotebookNode
        The notebook with the outputs of the cells that ran.
    CellFailure or None
        None if every code cell completed; else why not.

    Raises
    ------
    ParameterError
        If the engine is not known.
    """
    if engine not in (None, *ENGINES):
        raise ParameterError(f"There is no engine {engine!r}; possible are {' and '.join(ENGINES)}.")
    for name, found in ((FORK, ForkEngine), (KERNEL, _Engine)):
        papermill_engines.register(NAMES[name], found)
    options = {
        "environment": environment,
        "folder": str(folder),
        "on_cell": on_cell,
        "execution_timeout": timeout,
    }
    if engine == KERNEL or (engine is None and not can_fork()):
        return _execute(notebook, KERNEL, options)
    try:
        return _execute(notebook, FORK, options)
    except CannotForkError:
        return _execute(notebook, KERNEL, options)


def _execute(notebook: object, engine: str, options: Mapping) -> tuple[object, CellFailure | None]:
    died: tuple[str, str] | None = None
    executed: list = []
    level = logger.level
    logger.setLevel("CRITICAL")
    try:
        execute_notebook(
            notebook,
            None,
            engine_name=NAMES[engine],
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            executed=executed,
            **options,
        )
    except PapermillExecutionError:
        pass
    except CannotForkError:
        raise
    except TimeoutError:
        died = "Timeout", f"the cell took longer than {options['execution_timeout']:g} seconds"
    except RuntimeError as error:
        died = "KernelDied", str(error)
    finally:
        logger.setLevel(level)
    result = remove_error_markers(executed[-1]) if executed else notebook
    if died is not None:
        return result, CellFailure(_last_started(result), *died)
    return result, first_failure(result)


def _status(cell: Mapping) -> str | None:
    return cell.metadata.get("papermill", {}).get("status")


def _last_started(notebook: object) -> int:
    """Return the cell that ran when the kernel died (papermill marks it and all others "completed")."""
    cells = enumerate(notebook.cells)
    started = [i for i, c in cells if c.cell_type == "code" and c.metadata["papermill"].get("start_time")]
    return started[-1] if started else -1


def first_failure(notebook: object) -> CellFailure | None:
    """Return the first cell that did not complete, judged by what it left, not by papermill's status alone.

    Parameters
    ----------
    notebook : NotebookNode
        An executed notebook.

    Returns
    -------
    CellFailure or None
        None if every code cell ran to its end without an error (``sys.exit(0)`` is one).
    """
    code = [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]
    for index, cell in code:
        for output in cell.outputs:
            if output.output_type == "error":
                line = error_line(cell.source, output.traceback)
                return CellFailure(index, output.ename, output.evalue, line)
    for index, cell in code:
        if cell.execution_count is None or _status(cell) != "completed":
            return CellFailure(index, "NotCompleted", "the cell did not run to its end")
    return None


def error_line(source: str, traceback: list[str]) -> str:
    r"""Return the line of a cell's source that its traceback names.

    Parameters
    ----------
    source : str
        Source of the cell.
    traceback : list of str
        Traceback of IPython.

    Returns
    -------
    str
        The line without indentation, or an empty text.

    Examples
    --------
    >>> error_line("a = 1\nb = 1 / 0", ["Cell In[2], line 2"])
    'b = 1 / 0'
    """
    found = CELL_LINE.search(ANSI.sub("", "\n".join(traceback)))
    lines = source.splitlines()
    number = int(found.group(1)) if found else 0
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""

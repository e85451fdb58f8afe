"""The cells of a notebook, run in a forked child: papermill's bookkeeping, nbclient's reading of a kernel's messages.

Where there is no fork a kernel is started instead, with the same outputs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine
from papermill.log import logger

from povstudy.reporting.fork import CannotForkError, ForkedKernel, can_fork, forked_kernel

__all__ = ["CellEngine", "OnCell", "TellingClient", "cell_title", "merge_streams"]

OnCell = Callable[[int, int, str], None]


class TellingClient(PapermillNotebookClient):
    """Tells which cell starts."""

    on_cell: OnCell | None = None

    def execute_cell(self, cell: object, index: int, **options: object) -> object:
        """Run a cell in a kernel that was started."""
        self._tell(index)
        try:
            return super().execute_cell(cell, index, **options)
        finally:
            merge_streams(cell)

    def _tell(self, index: int) -> None:
        if self.on_cell is not None:
            self.on_cell(index, len(self.nb.cells), cell_title(self.nb, index))


class _ForkedClient(TellingClient):
    """Runs cells in a forked child."""

    kernel: ForkedKernel
    seconds: float | None = None

    def execute(self, **_: object) -> object:
        """Run all cells, as nbclient and papermill do."""
        self.reset_execution_trackers()
        self.papermill_execute_cells()
        self.nb.metadata["language_info"] = self.kernel.language_info
        self.set_widgets_metadata()
        return self.nb

    def execute_cell(self, cell: object, index: int, **_: object) -> object:
        """Run a cell in the child."""
        self._tell(index)
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip() or self.skip_cells_with_tag in tags:
            return cell
        cell.outputs, self.clear_before_next_output = [], False
        self.code_cells_executed += 1
        reply = self._reply(cell, index)
        merge_streams(cell)
        allowed = self.allow_errors or reply.get("ename") in self.allow_error_names or "raises-exception" in tags
        if reply["status"] == "error" and (self.force_raise_errors or not allowed):
            raise CellExecutionError.from_cell_and_msg(cell, reply)
        return cell

    def _reply(self, cell: object, index: int) -> dict:
        """Return the reply to a cell, after all messages that come before it."""
        reply: dict = {}
        try:
            for message in self.kernel.execute(cell.source, cell.get("id"), self.seconds):
                if message["msg_type"] == "execute_reply":
                    reply = message["content"]
                    cell.execution_count = reply["execution_count"]
                else:
                    self.process_message(message, cell, index)
        except EOFError:
            self._give_up(cell, index)
            raise DeadKernelError(f"Kernel died{_how(self.kernel.end())}") from None
        except TimeoutError:
            self._give_up(cell, index)
            self.kernel.end()
            raise CellTimeoutError.error_from_timeout_and_cell("Timed out", self.seconds, cell) from None
        return reply

    def _give_up(self, cell: object, index: int) -> None:
        """Mark a cell as failed; papermill would call it completed when its kernel is gone."""
        self.nb_man.cell_exception(cell, cell_index=index)


def _how(status: int | None) -> str:
    """Return how a child ended, in words."""
    if status is None or status >= 0:
        return ""
    import signal

    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    return f" ({name}" + (": often for want of memory)" if name == "SIGKILL" else ")")


class CellEngine(NBClientEngine):
    """The engine behind `povstudy.reporting.engine.ForkEngine`."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: object,
        kernel_name: str,
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        executed: list | None = None,
        on_cell: OnCell | None = None,
        execution_timeout: float | None = None,
        **options: object,
    ) -> None:
        """Run a notebook in a forked child, or in a kernel where that cannot be.

        Parameters
        ----------
        nb_man : NotebookExecutionManager
            papermill's bookkeeper, with the notebook.
        kernel_name : str
            Kernel for the fall back.
        environment : mapping of str to str, optional
            Environment of the run; default: that of this process.
        folder : str, optional
            Working folder; default: that of this process.
        executed : list, optional
            Takes the notebook, so that it is not lost when the run fails.
        on_cell : callable, optional
            Called with index, number of cells and title before each cell.
        execution_timeout : float, optional
            Seconds that a cell may take; then its child is killed.
        **options : object
            What papermill gives.
        """
        if executed is not None:
            executed.append(nb_man.nb)
        try:
            if not can_fork():
                raise CannotForkError("no fork")
            sources = [cell.source for cell in nb_man.nb.cells if cell.cell_type == "code"]
            with forked_kernel(environment or os.environ, folder or str(Path.cwd()), sources) as kernel:
                written = {k: options.get(k) for k in ("log_output", "stdout_file", "stderr_file")}
                client = _ForkedClient(nb_man, record_timing=False, log=logger, **written)
                client.kernel, client.on_cell, client.seconds = kernel, on_cell, execution_timeout
                client.execute()
                kernel.learn()
        except CannotForkError:
            if environment is not None:
                raise
            super().execute_managed_notebook(nb_man, kernel_name, execution_timeout=execution_timeout, **options)


def merge_streams(cell: object) -> None:
    """Join what a code cell printed between two other outputs: one stdout, then one stderr.

    A kernel cuts a stream wherever its clock says so; joined, the same run gives the same notebook.

    Parameters
    ----------
    cell : NotebookNode
        An executed cell; changed in place.
    """
    if cell.get("cell_type") != "code":
        return
    merged: list = []
    run: dict[str, object] = {}
    for output in [*cell.outputs, None]:
        if output is not None and output.output_type == "stream":
            if output.name in run:
                run[output.name].text += output.text
            else:
                run[output.name] = output
            continue
        merged += [run[name] for name in ("stdout", "stderr") if name in run]
        run = {}
        if output is not None:
            merged.append(output)
    cell.outputs = merged


def cell_title(notebook: object, index: int) -> str:
    """Return the nearest heading at or above a cell: what a progress bar shows.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook.
    index : int
        Position of the cell.

    Returns
    -------
    str
        The heading without ``#``, or an empty text.
    """
    for cell in reversed(notebook.cells[: index + 1]):
        if cell.cell_type == "markdown":
            for line in reversed(cell.source.splitlines()):
                if re.match(r"#{1,6} ", line):
                    return line.lstrip("#").strip()
    return ""

"""The warm process from outside: start it, have it fork a child for each run, talk to the child, end it.

One warm process serves all runs of a process that have the same environment, the variables of a single run aside.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from povstudy.reporting.environment import THREAD_VARIABLES
from povstudy.reporting.imports import modules_in
from povstudy.reporting.warm import KERNEL, REQUEST_BYTES, Channel

__all__ = [
    "CannotForkError",
    "ForkedKernel",
    "WarmProcess",
    "can_fork",
    "forked_kernel",
    "get_ready",
    "import_early",
    "imported_late",
    "seat_ready",
    "warm_process",
]

# What may differ between two runs of one warm process: nothing reads these at import.
PER_RUN = frozenset({"POVSTUDY_OUTPUT", "POVSTUDY_HOME", "POVSTUDY_LANG", "POVSTUDY_MEMORY"})
PER_RUN |= {"IPYTHONDIR", "PYTEST_CURRENT_TEST", "PWD"}
# A process with threads must not be forked: linear algebra on one, and pyarrow's allocator without one of its own.
NO_THREADS = {**dict.fromkeys(THREAD_VARIABLES, "1"), "JE_ARROW_MALLOC_CONF": "background_thread:false"}
DEBUG_VARIABLE = "POVSTUDY_DEBUG"
START_TIMEOUT = 120.0
LEARN_TIMEOUT = 5.0
START = "from povstudy.reporting.warm import main; main({}, {!r})"


class CannotForkError(RuntimeError):
    """A warm process cannot be had here; a kernel has to be started instead."""


def can_fork() -> bool:
    """Tell whether runs can be forked here: on Linux, where a child can be made to die with its parent.

    Returns
    -------
    bool
        False on macOS, whose frameworks do not survive a fork, and on Windows, which has none.
    """
    return sys.platform == "linux" and hasattr(os, "memfd_create")


class WarmProcess:
    """A warm process that was started and is ready.

    Parameters
    ----------
    environment : mapping of str to str
        Its environment.
    part : str
        ``kernel`` or ``task``, see `povstudy.reporting.warm.PARTS`.
    modules : iterable of str
        What it imports beside that, see `povstudy.reporting.imports.modules_in`.
    primer : list, optional
        What `povstudy.reporting.task.prime` reads before the first fork.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        part: str = KERNEL,
        modules: Iterable[str] = (),
        primer: list | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self.owner = os.getpid()
        self._folder = Path(tempfile.mkdtemp(prefix="povstudy-"))
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        surroundings = {**environment, **NO_THREADS, "IPYTHONDIR": str(self._folder / "ipython")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", START.format(theirs.fileno(), part)],
            pass_fds=[theirs.fileno()],
            env=surroundings,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if os.environ.get(DEBUG_VARIABLE) == "1" else subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._imported = set(modules)
        first = {"modules": sorted(self._imported), "primer": primer}
        if len(json.dumps(first)) > REQUEST_BYTES:
            first["primer"] = None
        self._control.send(json.dumps(first).encode())
        self.was_ready = False

    def _wait(self) -> None:
        if self.was_ready:
            return
        self._control.settimeout(START_TIMEOUT)
        try:
            body = self._control.recv(1 << 16)
        except OSError as error:
            body = b""
            problem = str(error)
        else:
            problem = "it ended while it was starting"
        answer = json.loads(body) if body else {"error": problem}
        if "error" in answer:
            self.close()
            raise CannotForkError(answer["error"])
        self.was_ready = True

    def start(self, kind: str = KERNEL, modules: Iterable[str] = ()) -> tuple[Channel, int]:
        """Have a child forked.

        Parameters
        ----------
        kind : str
            ``kernel`` runs cells; ``task`` makes whole reports.
        modules : iterable of str
            What is imported first, if it was not before.

        Returns
        -------
        Channel
            The way to it.
        int
            Its process id.

        Raises
        ------
        CannotForkError
            If the warm process is gone.
        """
        mine, theirs = socket.socketpair()
        try:
            with self._lock:
                self._wait()
                new = sorted({*modules, *_late} - self._imported)
                self._imported.update(new)
                request = json.dumps({"do": kind, "modules": new}).encode()
                socket.send_fds(self._control, [request], [theirs.fileno()])
                answer = json.loads(self._control.recv(1 << 16) or b'{"error": "it has ended"}')
            if "error" in answer:
                raise OSError(answer["error"])
        except (OSError, CannotForkError) as error:
            mine.close()
            self.close()
            raise CannotForkError(str(error)) from None
        finally:
            theirs.close()
        return Channel(mine), answer["pid"]

    def end(self, pid: int) -> int | None:
        """End a child for certain: when this returns it is gone.

        Parameters
        ----------
        pid : int
            What `start` gave.

        Returns
        -------
        int or None
            Its exit status, negative for a signal; None if the warm process is gone, and its children with it.
        """
        with self._lock, contextlib.suppress(OSError):
            self._control.send(json.dumps({"do": "end", "pid": pid}).encode())
            answer = self._control.recv(1 << 16)
            if answer:
                return json.loads(answer)["status"]
        return None

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it; its children end with it."""
        self._control.close()
        if self.owner != os.getpid():
            return
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


_warm: dict[str, tuple[dict[str, str], WarmProcess]] = {}
_starting = threading.Lock()
_seat: list[tuple[Channel, int]] = []
_late: set[str] = set()


def import_early(modules: Iterable[str]) -> None:
    """Have warm processes import, before their next fork, what runs were seen to import late."""
    _late.update(modules)


def imported_late() -> list[str]:
    """Return what the runs of this process were seen to import late."""
    return sorted(_late)


def get_ready(environment: Mapping[str, str], sources: Iterable[str]) -> None:
    """Start the warm process that a run will want: it imports while the run is prepared.

    Parameters
    ----------
    environment : mapping of str to str
        Environment of the run.
    sources : iterable of str
        Source of its code cells.
    """
    if can_fork() and not _seat:
        warm_process(environment, modules=modules_in(sources))


def warm_process(
    environment: Mapping[str, str],
    part: str = KERNEL,
    modules: Iterable[str] = (),
    primer: list | None = None,
) -> WarmProcess:
    """Return the warm process for an environment; start it if there is none, or one for another environment.

    Parameters
    ----------
    environment : mapping of str to str
        Environment of a run.
    part : str
        ``kernel`` or ``task``.
    modules, primer
        What a new one imports and reads before its first fork.

    Returns
    -------
    WarmProcess
        It may still be importing; the first request waits for it.
    """
    wanted = {name: value for name, value in environment.items() if name not in PER_RUN}
    with _starting:
        before, process = _warm.get(part, ({}, None))
        if process is not None and (before != wanted or not process.alive or process.owner != os.getpid()):
            process.close()
            process = None
        if process is None:
            process = WarmProcess(wanted, part, modules, primer)
            _warm[part] = wanted, process
        return process


@atexit.register
def close_all() -> None:
    """End the warm processes of this process."""
    for _, process in list(_warm.values()):  # a thread may be starting one
        process.close()
    _warm.clear()


def seat_ready(channel: Channel, pid: int) -> None:
    """Take a child that was forked beside this process as the kernel of its next run."""
    _seat.append((channel, pid))


class ForkedKernel:
    """A child that runs cells.

    Parameters
    ----------
    channel : Channel
        The way to it.
    pid : int
        Its process id.
    end : callable
        Ends it for certain and returns its exit status.
    """

    def __init__(self, channel: Channel, pid: int, end: object) -> None:
        self.channel, self.pid, self._end = channel, pid, end
        self.language_info: dict[str, object] = {}

    def settle(self, environment: Mapping[str, str], folder: str) -> None:
        """Put it into its environment and folder."""
        self.channel.send(json.dumps({"environment": dict(environment), "folder": folder}).encode())
        self.language_info = self._next(None)["content"]["language_info"]

    def execute(self, source: str, cell_id: str | None = None, timeout: float | None = None) -> Iterator[dict]:
        """Run a cell; give the messages of the kernel, the last one is ``execute_reply``.

        Parameters
        ----------
        source : str
            The cell.
        cell_id : str, optional
            Its id.
        timeout : float, optional
            Seconds that the cell may take.

        Yields
        ------
        dict
            Messages.

        Raises
        ------
        TimeoutError
            If the cell takes longer.
        EOFError
            If the child died.
        """
        content = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            "cell_id": cell_id,
        }
        with contextlib.suppress(OSError):
            self.channel.send(json.dumps(content).encode())
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            message = self._next(until)
            yield message
            if message["msg_type"] == "execute_reply":
                return

    def _next(self, until: float | None) -> dict:
        body = self._frame(until)
        message = json.loads(body)
        message["buffers"] = [self._frame(until) for _ in range(message.pop("frames"))]
        return message

    def _frame(self, until: float | None) -> bytes:
        body = self.channel.receive(until)
        if body is None:
            raise EOFError("the kernel died")
        return body

    def learn(self) -> None:
        """Ask what it imported late, so that the next child need not."""
        # A thread that a cell left behind may still send something; the run is over, and nothing of that may fail it.
        with contextlib.suppress(EOFError, OSError, ValueError):
            self.channel.send(b"")
            answer = json.loads(self._frame(time.monotonic() + LEARN_TIMEOUT))
            import_early(answer if isinstance(answer, list) else ())

    def end(self) -> int | None:
        """End it for certain; return its exit status."""
        self.channel.close()
        return self._end(self.pid)


@contextlib.contextmanager
def forked_kernel(environment: Mapping[str, str], folder: str, sources: Iterable[str] = ()) -> Iterator[ForkedKernel]:
    """Give a kernel in a forked child; whatever happens, it is gone afterwards.

    Parameters
    ----------
    environment : mapping of str to str
        Its environment.
    folder : str
        Its working folder.
    sources : iterable of str
        Source of the cells that it will run.

    Yields
    ------
    ForkedKernel
        Ready for its first cell.

    Raises
    ------
    CannotForkError
        If there is no warm process; nothing was run.
    """
    if _seat:
        channel, pid = _seat.pop()
        kernel = ForkedKernel(channel, pid, _end_own)
    else:
        modules = modules_in(sources)
        warm = warm_process(environment, modules=modules)
        channel, pid = warm.start(KERNEL, modules)
        kernel = ForkedKernel(channel, pid, warm.end)
    try:
        try:
            kernel.settle(environment, folder)
        except (EOFError, OSError) as error:
            raise CannotForkError(str(error)) from None
        yield kernel
    finally:
        kernel.end()


def _end_own(pid: int) -> int:
    """End a child of this process."""
    from povstudy.reporting.warm import _end

    return _end(pid, {pid})

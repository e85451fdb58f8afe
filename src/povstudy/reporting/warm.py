"""The warm process: it has imported what notebooks import, runs nothing itself, and forks a child for every run.

It stays single-threaded (a fork of a process with threads may hang) and pristine: what a notebook does happens in a
child that ends with it.  A child dies with the process that forked it, whatever ends that one.

The child is IPython's own kernel without sockets: it sends the messages that a kernel would send, in the same form,
through a pipe.  `povstudy.reporting.fork` is the other end.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from povstudy.reporting.imports import import_all, without_slow_grammar

__all__ = ["PARTS", "Channel", "main"]

PR_SET_PDEATHSIG = 1
# A child is short-lived: what it leaves goes with it, so it need not look for cycles every few hundred objects.
GC_THRESHOLD = (50_000, 20, 50)
FRAME = struct.Struct("!I")
MATPLOTLIB_BACKEND = "MPLBACKEND"
INLINE_BACKEND = "module://matplotlib_inline.backend_inline"
KERNEL, TASK = "kernel", "task"
REQUEST_BYTES = 1 << 17
THREAD_STARTED = "a library started a thread, so this process must not be forked"
# What every report needs.
KERNEL_MODULES = (
    "PIL.PngImagePlugin",
    "babel.numbers",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "numpy",
    "pandas",
    "pyarrow.pandas_compat",
    "povstudy.plots",
    "povstudy.reporting.report",
    "povstudy.reporting.seat",
    "povstudy.sources",
    "povstudy.standards",
)
# What writing the pages of a report needs, for a child that makes a whole report.
REPORT_MODULES = (
    "jinja2",
    "latex2mathml.converter",
    "nbconvert.exporters.templateexporter",
    "papermill",
    "papermill.clientwrap",
    "povstudy.reporting.cells",
    "povstudy.reporting.kernel",
    "povstudy.reporting.render",
    "povstudy.reporting.runner",
    "povstudy.reporting.task",
    "povstudy.reporting.text_cells",
)
PARTS = {KERNEL: KERNEL_MODULES, TASK: (*KERNEL_MODULES, *REPORT_MODULES)}


class Channel:
    """Frames of bytes over a socket, each with its length in front.

    Parameters
    ----------
    end : socket
        A connected stream socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._writing = threading.Lock()
        self._waiting = bytearray()

    def send(self, *parts: bytes) -> None:
        """Send one frame of each part, together."""
        with self._writing:
            self.end.sendall(b"".join(piece for part in parts for piece in (FRAME.pack(len(part)), part)))

    def receive(self, until: float | None = None) -> bytes | None:
        """Return the next frame; None when the other end is gone, in the middle of a frame too.

        Parameters
        ----------
        until : float, optional
            Moment of ``time.monotonic`` at which a TimeoutError is raised.
        """
        head = self._exactly(FRAME.size, until)
        return None if head is None else self._exactly(FRAME.unpack(head)[0], until)

    def _exactly(self, size: int, until: float | None) -> bytes | None:
        while len(self._waiting) < size:
            self.end.settimeout(None if until is None else max(until - time.monotonic(), 0.001))
            try:
                piece = self.end.recv(1 << 18)
            except ConnectionError:
                return None
            finally:
                self.end.settimeout(None)
            if not piece:
                return None
            self._waiting += piece
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken

    def close(self) -> None:
        """Close this end."""
        self.end.close()


def die_with(parent: int) -> None:
    """Have the system kill this process when its parent ends; leave at once if it has ended already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def main(control: int, part: str) -> None:
    """Import, then serve requests until the process that asked for it is gone.

    Parameters
    ----------
    control : int
        File descriptor of a ``SOCK_SEQPACKET`` socket.  A request is JSON, with the child's end of a stream socket.
    part : str
        ``kernel`` or ``task``: how much is imported.  The first message is JSON: ``modules``, what is imported too,
        and ``primer``, what `povstudy.reporting.task.prime` gets, or null.
    """
    asker = socket.socket(fileno=control)
    seat = _Seat()
    _import(part)
    first = json.loads(asker.recv(REQUEST_BYTES) or b"{}")
    import_all(first.get("modules", ()))
    _warm_up()
    primer = first.get("primer")
    if primer is not None:
        from povstudy.reporting.task import prime

        with contextlib.suppress(Exception):  # whatever is wrong with it, its own run will say so
            for source in prime(*primer):
                seat.kernel.shell.transform_cell(source)
    if _threads() > 1:
        asker.send(json.dumps({"error": THREAD_STARTED}).encode())
        return
    asker.send(json.dumps({"ready": os.getpid()}).encode())
    _settle_memory()
    gc.set_threshold(*GC_THRESHOLD)
    with contextlib.suppress(ConnectionError):
        _serve(asker, seat)


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _settle_memory() -> None:
    """Have the collector leave alone what is there, so that children share its pages."""
    gc.collect()
    gc.freeze()


def _import(part: str) -> None:
    """Import what a part needs; an optional library may be missing."""
    with without_slow_grammar():
        for name in PARTS[part]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def _warm_up() -> None:
    """Fill the caches of pure functions that every report asks: sentences, number formats, letters of a figure."""
    from babel import numbers
    from matplotlib.figure import Figure

    from povstudy.reporting import wording
    from povstudy.standards import list_series

    list_series()
    for lang in wording.LANGUAGES:
        wording.text_of("page.contents", lang)
        numbers.format_decimal(0.5, locale=lang)
    figure = Figure(figsize=(3, 2), layout="constrained")
    for weight in ("normal", "bold"):
        figure.text(0.1, 0.5, "Tỷ lệ hộ nghèo 0.5 %", fontweight=weight)
    figure.subplots().plot([2022, 2024], [4.64, 2.53])
    figure.savefig(io.BytesIO(), format="png", dpi=200)


def _serve(asker: socket.socket, seat: _Seat) -> None:
    children: set[int] = set()
    while True:
        body, ends, _, _ = socket.recv_fds(asker, REQUEST_BYTES, 1)
        if not body:
            return
        request = json.loads(body)
        if request["do"] == "end":
            asker.send(json.dumps({"status": _end(request["pid"], children)}).encode())
            continue
        for pid in [pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]]:
            children.discard(pid)
        if request["modules"]:
            import_all(request["modules"])
            if _threads() > 1:
                asker.send(json.dumps({"error": THREAD_STARTED}).encode())
                return
            _settle_memory()
        seat.imported = frozenset(sys.modules)
        pid = fork(partial(_child, request["do"], ends[0], asker, seat))
        os.close(ends[0])
        children.add(pid)
        asker.send(json.dumps({"pid": pid}).encode())


def _end(pid: int, children: set[int]) -> int | None:
    """Kill a child and what it started; return its exit status, or None if it is none of ours any more."""
    if pid not in children:
        return None
    children.discard(pid)
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def fork(run: Callable[[], None]) -> int:
    """Fork a child that runs a function and leaves; return its process id to the parent.

    Parameters
    ----------
    run : callable
        What the child does.  It never returns to the code of the parent.

    Returns
    -------
    int
        Process id of the child, which leads a process group of its own.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status, complaints = 1, os.dup(2)
    try:
        die_with(parent)
        os.setsid()
        run()
        status = 0
    except BaseException:
        import traceback

        os.write(complaints, traceback.format_exc().encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _child(kind: str, end: int, asker: socket.socket, seat: _Seat) -> None:
    asker.close()
    channel = Channel(socket.socket(fileno=end))
    if kind == KERNEL:
        seat.serve(channel)
        return
    mine, kernels = socket.socketpair()
    pid = fork(lambda: (mine.close(), channel.close(), seat.serve(Channel(kernels))))
    kernels.close()
    from povstudy.reporting import fork as client
    from povstudy.reporting.task import serve

    client.seat_ready(Channel(mine), pid)
    serve(channel)


class _Seat:
    """A kernel that is ready: made once in the warm process, used by one child."""

    def __init__(self) -> None:
        from povstudy.reporting.seat import make_kernel

        self.kernel = make_kernel()
        self.imported: frozenset[str] = frozenset()

    def serve(self, channel: Channel) -> None:
        from povstudy.reporting.seat import serve

        serve(self.kernel, channel, self.imported)

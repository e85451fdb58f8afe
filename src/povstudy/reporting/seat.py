"""IPython's own kernel in a forked child: its messages go through a pipe instead of sockets.

Outputs are the same as those of a kernel that was started, because the same code makes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import sys
import threading
from collections.abc import Callable, Collection
from functools import partial
from io import TextIOBase, UnsupportedOperation

from ipykernel.ipkernel import IPythonKernel
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.shellapp import InteractiveShellApp
from jupyter_client.session import Session
from traitlets.config import Config

from povstudy.reporting.imports import late_since
from povstudy.reporting.warm import INLINE_BACKEND, MATPLOTLIB_BACKEND, Channel

__all__ = ["make_kernel", "serve"]

STANDARD = {"stdout": 1, "stderr": 2}


class _Session(Session):
    """Sends every message as one frame of JSON."""

    channel: Channel | None = None

    def send(
        self,
        stream: object,
        msg_or_type: object,
        content: object = None,
        parent: object = None,
        ident: object = None,
        buffers: object = None,
        track: bool = False,
        header: object = None,
        metadata: object = None,
    ) -> dict:
        """Send a message; ``stream`` and ``ident`` have no meaning here."""
        message = msg_or_type
        if not isinstance(message, dict):
            message = self.msg(msg_or_type, content=content, parent=parent, header=header, metadata=metadata)
        if self.channel is not None and os.getpid() == self.pid:
            frames = [bytes(memoryview(buffer).cast("B")) for buffer in buffers or message.get("buffers") or []]
            kept = {key: message[key] for key in ("msg_type", "header", "parent_header", "metadata", "content")}
            self.channel.send(self.pack(kept | {"frames": len(frames)}), *frames)
        return message


class _Kernel(IPythonKernel):
    """A kernel that stays in its place when a cell fails: no queue of requests has to be aborted."""

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        pass


class _Stream(TextIOBase):
    """Standard output or error of a cell: sent before anything else is, and at the end of the cell.

    What a subprocess or a C library writes to the file descriptor itself lands in a file in memory and is sent along.

    Parameters
    ----------
    name : str
        ``stdout`` or ``stderr``.
    session : Session
        Where messages go.
    """

    encoding = "UTF-8"
    errors = "strict"

    def __init__(self, name: str, session: Session) -> None:
        self.name = name
        self._session = session
        self._parent: dict = {}
        self._waiting: list[str] = []
        self._lock = threading.RLock()
        self._raw = os.memfd_create(f"povstudy-{name}")
        self._read = 0
        os.dup2(self._raw, STANDARD[name])

    def set_parent(self, parent: dict) -> None:
        """Take the request that outputs answer."""
        self._parent = parent

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False."""
        return False

    def fileno(self) -> int:
        """Raise, as a kernel's stream does that is not backed by a file."""
        raise UnsupportedOperation("fileno")

    def write(self, string: str) -> int:
        """Keep text until the next flush."""
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if os.getpid() != self._session.pid:
            return os.write(STANDARD[self.name], string.encode("utf-8", "replace"))
        with self._lock:
            self._take_raw()
            self._waiting.append(string)
        return len(string)

    def _take_raw(self) -> None:
        """Take what was written to the file descriptor."""
        size = os.fstat(self._raw).st_size
        if size > self._read:
            self._waiting.append(os.pread(self._raw, size - self._read, self._read).decode("utf-8", "replace"))
            self._read = size

    def flush(self) -> None:
        """Send what waits."""
        if os.getpid() != self._session.pid:
            return
        with self._lock:
            self._take_raw()
            text, self._waiting = "".join(self._waiting), []
            if text:
                self._session.send(None, "stream", {"name": self.name, "text": text}, parent=self._parent)


def make_kernel() -> IPythonKernel:
    """Make the kernel in the warm process, before anything else is imported, as a kernel does.

    Returns
    -------
    IPythonKernel
        Ready, but without a channel; `serve` gives it one in the child.
    """
    os.environ.setdefault(MATPLOTLIB_BACKEND, INLINE_BACKEND)
    sys.path[:] = [place for place in sys.path if place]  # a kernel has the working folder in another place
    InteractiveShellApp().init_path()
    config = Config()
    config.HistoryManager.enabled = False  # no thread, no database; In and Out stay
    sys.modules["debugpy"] = None  # nobody debugs a report; it prints, and starts threads
    log = logging.getLogger("povstudy.seat")
    log.setLevel(logging.CRITICAL)
    session = _Session(key=b"", config=config)
    kernel = _Kernel.instance(config=config, session=session, iopub_socket=object(), log=log)
    del sys.modules["debugpy"]
    kernel.shell.enable_gui = partial(_enable_gui, kernel)
    kernel.shell.extension_manager.load_extension("storemagic")
    manager = kernel.shell.input_transformer_manager
    manager.transform_cell = partial(_transformed, manager, manager.transform_cell, {})
    return kernel


def _transformed(
    manager: TransformerManager, transform: Callable[[str], str], known: dict[tuple, str], source: str
) -> str:
    """Return the plain Python of a cell.  IPython asks twice for each cell, and cuts it into tokens each time."""
    steps = (*manager.cleanup_transforms, *manager.line_transforms, *manager.token_transformers)
    key = (source, *map(id, steps))
    if key not in known:
        known[key] = transform(source)
    return known[key]


def _enable_gui(kernel: IPythonKernel, gui: str | None = None) -> None:
    """Do what ``%matplotlib`` asks of a shell, for this kernel: there is no application that would know it."""
    from ipykernel.eventloops import enable_gui

    enable_gui(gui, kernel=kernel)
    kernel.shell.active_eventloop = gui


def serve(kernel: IPythonKernel, channel: Channel, imported: Collection[str] = ()) -> None:
    """Run the cells that come through a channel until it is closed.

    Parameters
    ----------
    kernel : IPythonKernel
        What `make_kernel` gave.
    channel : Channel
        First a frame with the surroundings, then one for each cell; the answers are the messages of a kernel.  An
        empty frame asks what was imported late.
    imported : collection of str
        Names of the modules that were there before.
    """
    first = channel.receive()
    if first is None:
        return
    _settle(kernel, json.loads(first))
    session = kernel.session
    session.pid, session.channel = os.getpid(), channel
    session.send(None, "kernel_info_reply", {"language_info": kernel.language_info})
    streams = {name: _Stream(name, session) for name in STANDARD}
    kernel._stdout, kernel._stderr = sys.stdout, sys.stderr = streams["stdout"], streams["stderr"]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    kernel.shell_channel_thread = _MainThread()
    with contextlib.suppress(BrokenPipeError):
        while (frame := channel.receive()) is not None:
            if not frame:
                channel.send(json.dumps(late_since(imported)).encode())
                continue
            loop.run_until_complete(_answer(kernel, json.loads(frame)))


class _MainThread:
    """Says, where the kernel asks, that it runs in the main thread."""

    parent_thread = threading.main_thread()


async def _answer(kernel: IPythonKernel, content: dict) -> None:
    from tornado.ioloop import IOLoop

    kernel.io_loop = IOLoop.current()
    session = kernel.session
    request = session.msg("execute_request", content, metadata={"cellId": content.pop("cell_id", None)})
    kernel.set_parent([], request)
    await kernel.execute_request(None, [], request)


def _settle(kernel: IPythonKernel, surroundings: dict) -> None:
    """Put the child where a kernel would have been started: environment, folder, fresh random numbers."""
    os.environ.clear()
    os.environ.update(surroundings["environment"])
    os.environ.setdefault(MATPLOTLIB_BACKEND, INLINE_BACKEND)
    kernel.shell.init_environment()
    os.chdir(surroundings["folder"])
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()

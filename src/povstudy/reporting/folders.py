"""Folders of reports: named by what went in, written beside their place, put there by one rename.

A run writes into ``DIR/.running-...``, which it keeps locked.  What a killed run left behind is unlocked, so the next
run removes it.  A finished report is never touched before its successor is complete.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from povstudy.errors import ReportError

__all__ = [
    "FAILED",
    "NOT_AVAILABLE",
    "SCORES_PAGE",
    "UnwritableError",
    "clean_leftovers",
    "folder_name",
    "locked",
    "make_output",
    "publish",
    "slug",
    "work_folder",
    "write_atomically",
]

FAILED = "failed"
NOT_AVAILABLE = "not-available"
RUNNING = ".running-"
NEW = ".new-"
REPLACED = ".replaced-"
LOCK = ".lock"
SLUG_LENGTH = 40
STALE_SECONDS = 3600
SCORES_PAGE = Path("scores") / "scores.html"


class UnwritableError(ReportError):
    """The output folder cannot be written: nothing was started."""

    exit_status = 2


def slug(text: str, length: int = SLUG_LENGTH) -> str:
    """Return a harmless part of a file name: letters, digits, ``_`` and ``-`` only.

    Parameters
    ----------
    text : str
        Any text: an area id, a name from a user's file.
    length : int
        Longest result.

    Returns
    -------
    str
        Diacritics dropped; ``area`` if nothing is left.

    Examples
    --------
    >>> slug("vn34-91"), slug("../../x"), slug("Đồng Tháp"), slug("<script>"), slug("=?")
    ('vn34-91', 'x', 'Dong-Thap', 'script', 'area')
    """
    plain = unicodedata.normalize("NFKD", text[: 8 * length].replace("đ", "d").replace("Đ", "D"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain)[:length].strip("-") or "area"


def folder_name(notebook: str, area: str, digest: str) -> str:
    """Return the name of a report folder: ``<notebook>-<area>-<hash>``.

    Parameters
    ----------
    notebook, area : str
        Name of the notebook and id of the area (may be empty).
    digest : str
        Hash of what went in.

    Returns
    -------
    str
        A harmless file name.

    Examples
    --------
    >>> folder_name("03_forecast", "vn34-91", "0123456789ab")
    '03_forecast-vn34-91-0123456789ab'
    """
    parts = [slug(notebook), slug(area), digest] if area else [slug(notebook), digest]
    return "-".join(parts)


def make_output(folder: str | Path) -> Path:
    """Make the output folder and see that it can be written.

    Parameters
    ----------
    folder : str or Path
        The parent of all reports.

    Returns
    -------
    Path
        Its absolute path.

    Raises
    ------
    UnwritableError
        If it cannot be made or written; nothing is left behind.
    """
    path = Path(folder).absolute()
    made: list[Path] = []
    try:
        for parent in [*reversed(path.parents), path]:
            if not parent.exists():
                parent.mkdir()
                made.append(parent)
        probe = path / f"{NEW}{secrets.token_hex(6)}"
        probe.mkdir()
        probe.rmdir()
    except (OSError, ValueError) as error:
        for parent in reversed(made):
            with contextlib.suppress(OSError):
                parent.rmdir()
        reason = getattr(error, "strerror", None) or str(error)
        raise UnwritableError(
            f"The output folder {str(path)[:300]} cannot be written: {reason}. Give another one with -o DIR. Nothing "
            "was written."
        ) from None
    return path


@contextlib.contextmanager
def work_folder(output: Path) -> Iterator[Path]:
    """Make a locked working folder beside the reports; remove it afterwards unless it was published.

    Parameters
    ----------
    output : Path
        The parent of all reports.

    Yields
    ------
    Path
        The folder.
    """
    folder, lock = _claim(output)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()
        _lock_file(folder).unlink(missing_ok=True)


def _lock_file(folder: Path) -> Path:
    """Return the file beside a working folder that its run keeps locked (an open file inside would pin it)."""
    return folder.with_name(folder.name + LOCK)


def _claim(output: Path) -> tuple[Path, IO]:
    """Return the path of a working folder that is not made yet, and its locked file."""
    while True:
        folder = output / f"{RUNNING}{os.getpid()}-{secrets.token_hex(6)}"
        file = _lock_file(folder).open("x")
        if _lock(file) and _lock_file(folder).exists():
            return folder, file
        file.close()  # another run took it for a leftover in between


def _lock(file: IO) -> bool:
    """Lock a file without waiting; return False if another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
    return True


def clean_leftovers(output: Path, patience: float = 0.0) -> None:
    """Remove what killed runs left behind and put back a report whose replacement was interrupted.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    patience : float
        Seconds to wait for runs that are about to end: a killed process keeps its lock until it is gone.
    """
    until = time.monotonic() + patience
    while True:
        for path in sorted(output.glob(f"{RUNNING}*{LOCK}")):
            _clean_run(path)
        if time.monotonic() >= until or next(output.glob(f"{RUNNING}*{LOCK}"), None) is None:
            break
        time.sleep(0.05)
    for path in [*output.glob(f"{RUNNING}*"), *output.glob(f"{NEW}*"), *output.glob(f"{REPLACED}*")]:
        if path.name.startswith(REPLACED):
            target = output / path.name.removeprefix(REPLACED).rpartition(".")[0]
            with contextlib.suppress(OSError):
                if not target.exists():
                    path.rename(target)
                    continue
        if not path.name.endswith(LOCK) and not _lock_file(path).exists() and _is_old(path):
            _remove(path)


def _clean_run(lock: Path) -> None:
    """Remove a working folder if the process that made it is gone: its lock is free."""
    try:
        with lock.open("r+") as file:
            if not _lock(file):
                return
            _remove(lock.with_name(lock.name.removesuffix(LOCK)))
        lock.unlink(missing_ok=True)
    except OSError:
        return


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE_SECONDS
    except OSError:
        return False


def publish(work: Path, target: Path) -> None:
    """Put a finished folder in its place; an older one there is replaced, never lost.

    Parameters
    ----------
    work : Path
        A complete folder on the same file system.
    target : Path
        Its place.

    Raises
    ------
    OSError
        If it cannot be renamed.
    """
    target.parent.mkdir(exist_ok=True)
    aside: list[Path] = []
    for attempt in range(20):
        try:
            work.rename(target)
            break
        except OSError:
            if attempt == 19 or not target.exists():
                _put_back(aside, target)
                raise
            old = target.with_name(f"{REPLACED}{target.name}.{secrets.token_hex(6)}")
            with contextlib.suppress(FileNotFoundError):
                target.rename(old)
                aside.append(old)
    for old in aside:
        shutil.rmtree(old, ignore_errors=True)


def _put_back(aside: list[Path], target: Path) -> None:
    with contextlib.suppress(OSError):
        if aside and not target.exists():
            aside[-1].rename(target)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file by rename, so that a reader sees the old or the new one.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Its content.

    Raises
    ------
    OSError
        If it cannot be written; the old file is untouched.
    """
    temporary = path.with_name(f"{NEW}{path.name}-{secrets.token_hex(6)}")
    try:
        temporary.write_bytes(text.encode("utf-8"))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock, waiting for it; it ends with the process, whatever ends that.

    Parameters
    ----------
    path : Path
        The file that is locked; made if it is not there, and left there.

    Yields
    ------
    None
        While the lock is held.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    with path.open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            while True:
                with contextlib.suppress(OSError):
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                time.sleep(0.1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield

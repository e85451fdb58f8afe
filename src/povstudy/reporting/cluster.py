"""A sweep on the workers of a dask scheduler: the same tasks, small answers, and a lost worker costs only its tasks.

The workers need the same code, data and libraries (a task that comes to another name is refused) and see the folder of
the reports under the same path.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from povstudy.errors import ParameterError
from povstudy.reporting.task import ATTEMPTS, perform

__all__ = ["answers_of"]

CONNECT_SECONDS = 10


def answers_of(requests: Mapping[int, Mapping], address: str) -> Iterator[tuple[int, dict]]:
    """Make reports on a cluster; give each answer as it comes.

    Parameters
    ----------
    requests : mapping of int to mapping
        By number of the row, what `povstudy.reporting.task.request_of` gives.
    address : str
        For instance ``tcp://10.0.0.1:8786``.

    Yields
    ------
    int
        Number of the row.
    dict
        What became of it, as of `povstudy.reporting.task.perform`.

    Raises
    ------
    ParameterError
        If dask.distributed is not installed, or the scheduler cannot be reached.
    """
    client, as_completed = _connect(address)
    try:
        with contextlib.closing(client):
            numbers = {
                client.submit(perform, dict(request), pure=False, retries=ATTEMPTS - 1): number
                for number, request in requests.items()
            }
            try:
                for future in as_completed(list(numbers)):
                    yield numbers.pop(future), _answer(future)
                    future.release()
            finally:
                client.cancel(list(numbers), force=True)
    except OSError as error:
        raise ParameterError(f"The scheduler {address[:80]} was lost: {error}. Finished reports are kept.") from None


def _connect(address: str) -> tuple[object, object]:
    """Return a client and the function that waits for its tasks."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ParameterError(
            "--scheduler needs dask.distributed, which is not installed: pip install 'povstudy[cluster]'."
        ) from None
    try:
        return Client(address, timeout=CONNECT_SECONDS), as_completed
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise ParameterError(
            f"The scheduler {address[:80]!r} cannot be reached: {reason}. Give the address that dask-scheduler prints, "
            "for instance tcp://10.0.0.1:8786."
        ) from None


def _answer(future: object) -> dict[str, object]:
    """Return the answer of a task; one whose workers were lost again and again is a failure."""
    error = future.exception()
    if error is None:
        return future.result()
    reason = f"its workers were lost, or could not run it: {type(error).__name__}: {error}"[:500]
    return {
        "status": "failed",
        "reason": reason,
        "cell": 0,
        "seconds": 0.0,
        "full": False,
        "lost": True,
        "attempts": ATTEMPTS,
    }

"""Results of pure functions, shared between the processes of one sweep.

The reports of a sweep forecast and score the same panels over and over.  While `FOLDER_VARIABLE` names a folder (the
sweep makes it, private and empty, and removes it), a remembered function looks its result up by the content of its
arguments.  Without the variable it is just called.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import pickle
import secrets
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

__all__ = ["FOLDER_VARIABLE", "content_hash", "recall", "remembered"]

FOLDER_VARIABLE = "POVSTUDY_MEMORY"
FOLDER_BYTES = 256 * 2**20
Made = TypeVar("Made")
Function = TypeVar("Function", bound=Callable)


def remembered(function: Function) -> Function:
    """Let a pure function look its result up, if a sweep keeps results.

    Parameters
    ----------
    function : callable
        Its result depends on its arguments only and can be pickled.  A call that warns is never kept, and neither is
        one with arguments that have no `content_hash`.

    Returns
    -------
    callable
        Gives the same result, as an object of its own each time.
    """

    @functools.wraps(function)
    def call(*arguments: object, **options: object) -> object:
        def key() -> str:
            return content_hash([function.__module__, function.__qualname__, list(arguments), options])

        return recall(key, lambda: function(*arguments, **options))

    return call


def recall(key: Callable[[], str], make: Callable[[], Made]) -> Made:
    """Look a result up under a key, if a sweep keeps results, or make it.

    Parameters
    ----------
    key : callable
        Gives a file name that tells all that the result depends on; raises a TypeError if nothing does.
    make : callable
        Gives the result.

    Returns
    -------
    object
        The result.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return make()
    try:
        path = Path(folder) / key()
    except TypeError:
        return make()
    with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):
        return pickle.loads(path.read_bytes())
    with warnings.catch_warnings(record=True) as raised:
        result = make()
    for warning in raised:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if not raised:
        _keep(path, result)
    return result


def _keep(path: Path, result: object) -> None:
    """Write a result by rename; a sweep without room for it goes on without."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
    try:
        content = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
        if len(content) + sum(entry.stat().st_size for entry in os.scandir(path.parent)) > FOLDER_BYTES:
            return
        temporary.write_bytes(content)
        temporary.replace(path)
    except (OSError, pickle.PicklingError):
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def content_hash(value: object) -> str:
    """Return the SHA-256 of plain data, arrays and tables: equal for equal content, whatever object holds it.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, bytes, list, tuple, mapping, numpy array or DataFrame, nested.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> one, two = pd.DataFrame({"a": [1.0, None]}), pd.DataFrame({"a": [1.0, float("nan")]})
    >>> content_hash(one) == content_hash(two), content_hash(one) == content_hash(one.astype(object))
    (True, False)
    """
    return hashlib.sha256(json.dumps(_plain(value), sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    """Return nested data as JSON that tells types apart."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(_plain, value)]
    if isinstance(value, Mapping):
        return {"mapping": [[_plain(k), _plain(v)] for k, v in value.items()]}
    kind = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
    if kind == "pandas.DataFrame":
        columns = [[str(name), str(dtype)] for name, dtype in value.dtypes.items()]
        return {kind: columns, "cells": _cells(value), "attrs": _plain(value.attrs)}
    if kind == "builtins.bytes":
        return {kind: hashlib.sha256(value).hexdigest()}
    if kind == "numpy.ndarray" and value.dtype.kind in "biuf":
        return {kind: [str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]}
    raise TypeError(f"no content hash for {kind}")


def _cells(table: object) -> list:
    """Return what stands for the cells of a table, its index first; any missing value is one."""
    bare = table.copy(deep=False)
    bare.attrs = {}  # each column would copy them
    return [_column(bare.index), *(_column(column) for _, column in bare.items())]


def _column(column: object) -> object:
    """Return what stands for the values of a column or an index."""
    import numpy as np

    if str(column.dtype) in ("str", "string"):
        if getattr(column.dtype, "storage", "") == "pyarrow":
            import pyarrow

            # As bytes with offsets from 0 and nothing where nothing is missing: the same for a slice and its copy.
            batch = pyarrow.record_batch([column.array.__arrow_array__().combine_chunks()], names=["text"])
            return hashlib.sha256(batch.serialize()).hexdigest()
        return column.to_numpy(dtype=object, na_value=None).tolist()
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    if kind not in "biuf":
        return [_cell(cell) for cell in column.to_numpy(dtype=object)]
    values = column.to_numpy(copy=kind == "f")
    if kind == "f":
        values[np.isnan(values)] = np.nan
    return hashlib.sha256(np.ascontiguousarray(values)).hexdigest()


def _cell(cell: object) -> object:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or cell != cell:
        return None
    return cell if type(cell) in (bool, int, float, str) else f"{type(cell).__name__} {cell!r}"

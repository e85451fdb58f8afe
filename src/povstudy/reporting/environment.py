"""The environment of a run: that of this process, with everything fixed that could move a result."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["THREAD_VARIABLES", "kernel_environment"]

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
FIXED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "MPLBACKEND": "agg",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "TZ": "UTC",
    **dict.fromkeys(THREAD_VARIABLES, "1"),
}
DROPPED = ("LANGUAGE", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONWARNINGS")


def kernel_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the kernel: ours, with everything fixed that could move a result.

    Parameters
    ----------
    extra : mapping of str to str
        Further variables.

    Returns
    -------
    dict of str to str
        Hash seed, time zone, language, threads and plotting style are fixed; warning filters, start-up files and
        plotting settings of the user are dropped.
    """
    kept = {k: v for k, v in os.environ.items() if k not in DROPPED and not k.startswith(("JPY_", "LC_"))}
    return {**kept, **FIXED, **_plain_plots(), **extra}


def _plain_plots() -> dict[str, str]:
    """Return the variable that makes matplotlib read its own settings instead of the user's."""
    found = importlib.util.find_spec("matplotlib")
    settings = Path(found.origin).parent / "mpl-data" / "matplotlibrc" if found and found.origin else None
    return {"MATPLOTLIBRC": str(settings)} if settings and settings.is_file() else {}

"""What a warm process imports: the modules that a notebook names, and those that its runs were seen to import late.

Only modules on the list and our own: importing them does nothing but define names.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
import threading
from collections.abc import Iterable, Iterator

__all__ = ["import_all", "late_since", "may_import", "modules_in", "without_slow_grammar"]

# Libraries that notebooks import, and what the functions they call import late.
LIBRARIES = frozenset(
    {
        "PIL.BmpImagePlugin",
        "PIL.GifImagePlugin",
        "PIL.JpegImagePlugin",
        "PIL.PngImagePlugin",
        "PIL.PpmImagePlugin",
        "babel.dates",
        "babel.numbers",
        "diff_diff",
        "jinja2",
        "matplotlib.backends.backend_agg",
        "matplotlib.dates",
        "matplotlib.figure",
        "matplotlib.pyplot",
        "numpy",
        "pandas",
        "pandas.core.methods.to_dict",
        "pandera.pandas",
        "pyarrow.pandas_compat",
        "scipy.optimize",
        "scipy.sparse",
        "scipy.special",
        "scipy.stats",
        "seaborn",
    }
)
OURS = "povstudy"
# Of our own modules these need the notebook libraries, which only a process that makes whole reports has.
LATER = frozenset({f"{OURS}.{name}" for name in ("cli", "reporting.cells", "reporting.kernel", "reporting.cluster")})

SLOW_GRAMMAR = "rfc3987_syntax"
# Python 3.11 counts the depth of a syntax tree once for all threads, and raises when two of them parse.
_parsing = threading.Lock()


@contextlib.contextmanager
def without_slow_grammar() -> Iterator[None]:
    """Have jsonschema do without the library that checks addresses with letters beyond ASCII.

    Building its grammar takes two seconds, and no schema of a notebook or a report has such an address.
    """
    absent = SLOW_GRAMMAR not in sys.modules
    if absent:
        sys.modules[SLOW_GRAMMAR] = None
    try:
        yield
    finally:
        if absent:
            sys.modules.pop(SLOW_GRAMMAR, None)


def may_import(module: str) -> bool:
    """Tell whether a warm process may import a module.

    Parameters
    ----------
    module : str
        Its full name.

    Returns
    -------
    bool

    Examples
    --------
    >>> may_import("povstudy.plots"), may_import("antigravity")
    (True, False)
    """
    return module in LIBRARIES or (module.split(".")[0] == OURS and module not in LATER)


def modules_in(sources: Iterable[str]) -> list[str]:
    """Return what code cells import and a warm process may import for them.

    Parameters
    ----------
    sources : iterable of str
        Source of each cell; one that is not plain Python (a magic) is passed over.

    Returns
    -------
    list of str
        ``module``, or ``module:name`` for a name of ours, which may be an object that its package imports when asked.

    Examples
    --------
    >>> modules_in(["import pandas as pd, antigravity", "%matplotlib inline", "from povstudy import load"])
    ['pandas', 'povstudy:load']
    """
    found: list[str] = []
    for source in sources:
        with contextlib.suppress(SyntaxError, ValueError, SystemError), _parsing:
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    found += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    ours = node.module.split(".")[0] == OURS
                    found += [f"{node.module}:{alias.name}" for alias in node.names] if ours else [node.module]
    return [name for name in dict.fromkeys(found) if may_import(name.partition(":")[0])]


def import_all(names: Iterable[str]) -> None:
    """Import modules; one that is missing is left to the run that needs it.

    Parameters
    ----------
    names : iterable of str
        As `modules_in` gives them.
    """
    for name in names:
        module, _, attribute = name.partition(":")
        if may_import(module):
            with contextlib.suppress(ImportError):
                getattr(importlib.import_module(module), attribute or "__name__", None)


def late_since(before: Iterable[str]) -> list[str]:
    """Return what this process has imported since, of the modules that a warm process may import.

    Parameters
    ----------
    before : iterable of str
        Names of the modules that were there.

    Returns
    -------
    list of str
        Module names, sorted.
    """
    return sorted(name for name in set(sys.modules) - set(before) if may_import(name))

"""All notebooks for one area, and the page that lists every report of a folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from povstudy.errors import ReportError
from povstudy.reporting import folders
from povstudy.reporting.all_forecasts import ALL_FORECASTS_FILE, all_forecasts_text, report_forecasts
from povstudy.reporting.entries import entries
from povstudy.reporting.index_page import index_page
from povstudy.reporting.parameters import read_notebook, read_parameters
from povstudy.reporting.plan import notebook_files
from povstudy.reporting.runner import Outcome, run_notebook

__all__ = ["report_area", "write_index"]

INDEX_FILE = "index.html"
LOCK_FILE = ".index.lock"
EXPLORING = "00_"


def report_area(
    area: str,
    *,
    lang: str = "en",
    output: str | Path | None = None,
    force: bool = False,
    progress: Callable[[str], AbstractContextManager] | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """Run all notebooks of the project in their order for one area and write the index page.

    Parameters
    ----------
    area : str
        Id, code or name of the area.
    lang : str
        ``en`` or ``vi``.
    output : str or Path, optional
        The parent of all reports; default: ``reports`` in the project folder.
    force : bool
        Run what is unchanged too.
    progress : callable, optional
        Gives, for the name of a notebook, a context manager with the function that tells which cell runs.
    tell : callable
        Called with a line for each notebook.

    Returns
    -------
    list of Outcome
        Done, unchanged and not available ones.

    Raises
    ------
    AreaError, DataError, ParameterError
        Before anything starts.
    ReportError
        After all notebooks, if one failed; the index page names it.
    """
    import contextlib

    from povstudy.areas import resolve_area
    from povstudy.sources import project_home

    home = project_home()
    area = resolve_area(area)
    out = folders.make_output(home / "reports" if output is None else output)
    outcomes: list[Outcome] = []
    failures: list[str] = []
    chosen = {name: path for name, path in notebook_files(home).items() if not name.startswith(EXPLORING)}
    if not chosen:
        raise ReportError(f"There are no notebooks in {home / 'notebooks'}.")
    try:
        for name, path in chosen.items():
            declared = read_parameters(read_notebook(path), where=path.name)
            given = {k: v for k, v in {"area": area, "lang": lang}.items() if k in declared}
            try:
                with progress(name) if progress else contextlib.nullcontext() as on_cell:
                    outcome = run_notebook(path, given, output=out, force=force, on_cell=on_cell)
            except ReportError as error:
                if error.exit_status != ReportError.exit_status:
                    raise
                failures.append(str(error))
                tell(f"{name}: failed")
                continue
            outcomes.append(outcome)
            tell(f"{name}: {outcome.status}" + (f": {outcome.reason}" if outcome.reason else ""))
    finally:
        write_index(out, lang=lang)
    if failures:
        raise ReportError("\n".join(failures))
    return outcomes


def write_index(output: Path, *, lang: str = "en") -> Path:
    """Write ``index.html``, every report of the folder with its status and links, and ``forecasts.csv`` beside it.

    Processes that do it at once take turns, so the page that stands last holds the reports of all.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    lang : str
        Language of the page.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ReportError
        If it cannot be written; the old one is untouched.
    """
    path = output / INDEX_FILE
    try:
        with folders.locked(output / LOCK_FILE):
            found = entries(output)
            forecasts = list(report_forecasts(output, found))
            if forecasts:
                folders.write_atomically(output / ALL_FORECASTS_FILE, all_forecasts_text(forecasts))
            else:
                (output / ALL_FORECASTS_FILE).unlink(missing_ok=True)
            scores = (output / folders.SCORES_PAGE).is_file()
            folders.write_atomically(path, index_page(output, found, forecasts, lang=lang, scores=scores))
    except OSError as error:
        raise ReportError(f"The index page {path} could not be written: {error.strerror or error}.") from None
    return path

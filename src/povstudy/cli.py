"""Command line: parses, calls, prints.  Everything else is in the package.

Exit status: 0 done; 1 a report failed or could not be written; 2 wrong usage or bad input; 3 verify found a
difference; 130 interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from povstudy import __version__
from povstudy.errors import PovstudyError
from povstudy.reporting.imports import without_slow_grammar

__all__ = ["app", "main"]

DEBUG_VARIABLE = "POVSTUDY_DEBUG"
DEFAULT_AREA = "vn34-91"
DIFFERENT = 3
INTERRUPTED = 130
TERMINATED = 143
MESSAGE_LENGTH = 20_000

app = typer.Typer(
    name="povstudy",
    help="Forecast poverty decline from official records, with the legal standard, the interval and the track record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="DIR", help="Parent of the report folders; default: reports in the project."
    ),
]
LangOption = Annotated[str, typer.Option("--lang", metavar="en|vi", help="Language of what is written.")]
RecordArgument = Annotated[
    str, typer.Argument(metavar="RECORD", help="A report folder, its record.json, or the identifier of a report.")
]
LookupOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Where an identifier is looked up; default: reports."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Run even if nothing has changed.")]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="fork|kernel",
        help="fork: a child of one warm process (default on Linux); kernel: start a kernel for each run. Same bytes.",
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"povstudy {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


@app.command()
def build(
    force: Annotated[bool, typer.Option("--force", help="Build even if nothing has changed.")] = False,
) -> None:
    """Check data/raw and write data/processed."""
    from povstudy import sources

    manifest = sources.build(force=force)
    state = "built" if manifest.built else "up to date"
    print(f"data/processed is {state}: " + ", ".join(f"{name} {rows}" for name, rows in manifest.rows.items()))


@app.command("list")
def list_notebooks() -> None:
    """List the notebooks and what each one asks."""
    from povstudy.reporting.describe import question_of
    from povstudy.reporting.plan import notebook_files
    from povstudy.sources.home import project_home

    found = notebook_files(project_home())
    width = max(map(len, found), default=0)
    for name, path in found.items():
        print(f"{name:<{width}}  {question_of(path)}".rstrip())


@app.command()
def show(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, or path of a .ipynb file.")],
    template: Annotated[
        Path | None,
        typer.Option("--template", metavar="DIR", help="Write an example of each input file there."),
    ] = None,
) -> None:
    """Show the parameters of a notebook: types, ranges, defaults, meaning."""
    from povstudy.reporting.describe import describe, parameters_of
    from povstudy.reporting.inputs import write_templates
    from povstudy.reporting.plan import find_notebook
    from povstudy.sources.home import project_home

    path = find_notebook(notebook, project_home())
    declared = parameters_of(path)
    if template is None:
        print(describe(path, declared))
        return
    written = write_templates(list(declared), template)
    print("\n".join(map(str, written)) if written else f"{path.stem} reads no file of yours.")


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, or path of a .ipynb file.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="See `povstudy show NOTEBOOK`."),
    ] = None,
    output: OutputOption = None,
    force: ForceOption = False,
    engine: EngineOption = None,
) -> None:
    """Run one notebook into a report folder."""
    from povstudy.errors import NotAvailableError
    from povstudy.reporting.index import write_index
    from povstudy.reporting.progress import cell_progress
    from povstudy.reporting.runner import run_notebook

    name = Path(notebook).stem
    try:
        with cell_progress(name) as on_cell:
            options = {"output": output, "force": force, "engine": engine, "on_cell": on_cell}
            outcome = run_notebook(notebook, assignments=parameter or [], **options)
    except PovstudyError as error:
        _index_after_failure(error, output)
        raise
    parent = outcome.folder.parent
    write_index(parent.parent if outcome.status == "not available" else parent, lang=outcome.lang)
    if outcome.status == "not available":
        raise NotAvailableError(f"{outcome.notebook} is not available for {outcome.area}: {outcome.reason}")
    print(f"{outcome.folder / 'report.html'}" + (" (unchanged)" if outcome.status == "unchanged" else ""))


def _index_after_failure(error: PovstudyError, output: Path | None) -> None:
    """List a failed run in the index page, if its folder could be written at all."""
    from povstudy.errors import ReportError
    from povstudy.reporting.index import write_index
    from povstudy.sources import project_home

    if isinstance(error, ReportError) and error.exit_status == ReportError.exit_status:
        try:
            write_index(output if output is not None else project_home() / "reports")
        except PovstudyError as second:
            print(second, file=sys.stderr)


@app.command()
def report(
    area: Annotated[str, typer.Option("--area", metavar="ID", help="Id, code or name of an area.")] = DEFAULT_AREA,
    lang: LangOption = "en",
    output: OutputOption = None,
    force: ForceOption = False,
) -> None:
    """Run all notebooks for one area and write an index page; unchanged ones are not run again."""
    from povstudy.reporting.index import report_area
    from povstudy.reporting.progress import cell_progress
    from povstudy.sources import project_home

    _check_language(lang)
    report_area(area, lang=lang, output=output, force=force, progress=cell_progress, tell=_tell)
    print((output if output is not None else project_home() / "reports") / "index.html")


@app.command()
def sweep(
    notebook: Annotated[str, typer.Argument(help="Name of a notebook, or path of a .ipynb file.")],
    areas: Annotated[
        str | None,
        typer.Option("--areas", metavar="all|REGION|ID,ID", help="All provinces, a region, or a list."),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", metavar="FILE", help="CSV or YAML: a report for each row of parameters.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="For every report.")
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, metavar="N", help="Reports made at once on this machine.")
    ] = 2,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Let the workers of a dask scheduler do it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run; write nothing.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="What one cell may take at most.")
    ] = 900,
    output: OutputOption = None,
    force: ForceOption = False,
    engine: EngineOption = None,
) -> None:
    """Run a notebook for many areas or parameters; what is finished is skipped, one failure stops nothing."""
    from povstudy.errors import ParameterError
    from povstudy.reporting.task import get_ready

    if (areas is None) == (table is None):
        raise ParameterError("Give either --areas all|REGION|ID,ID or --table FILE.")
    if not dry_run and scheduler is None:
        get_ready(notebook)

    from povstudy.reporting.progress import printable, sweep_progress
    from povstudy.reporting.sweep import summary_lines, sweep, would_run
    from povstudy.reporting.sweep_rows import rows_of_areas, rows_of_table
    from povstudy.sources import project_home

    options = {"assignments": parameter or [], "output": output}
    rows = rows_of_table(notebook, table, **options) if table else rows_of_areas(notebook, areas, **options)
    parent = output if output is not None else project_home() / "reports"
    if dry_run:
        print(*map(printable, would_run(rows, parent, force=force)), sep="\n")
        return
    with sweep_progress(rows[0].notebook, len(rows)) as tell:
        swept = sweep(
            notebook,
            rows,
            output=output,
            workers=workers,
            scheduler=scheduler,
            force=force,
            engine=engine,
            timeout=timeout,
            lang=rows[0].lang,
            tell=tell,
        )
    print(*map(printable, summary_lines(swept)), sep="\n")
    if not swept.complete:
        raise typer.Exit(1)


def _check_language(lang: str) -> None:
    from povstudy.errors import ParameterError
    from povstudy.reporting.wording import LANGUAGES

    if lang not in LANGUAGES:
        raise ParameterError(f"--lang got {lang[:40]!r}; possible are {' and '.join(LANGUAGES)}.")


def _tell(line: str) -> None:
    from povstudy.reporting.progress import printable

    print(printable(line), file=sys.stderr, flush=True)


@app.command()
def cite(
    record: RecordArgument,
    style: Annotated[str, typer.Option("--format", metavar="text|bibtex|csl", help="Form of the citation.")] = "text",
    lang: Annotated[
        str | None, typer.Option("--lang", metavar="en|vi", help="Language; default: that of the report.")
    ] = None,
    output: LookupOption = None,
) -> None:
    """Print how a report is cited: standard, origin year, interval and identifier."""
    from povstudy.reporting.cite import cite as citation_of
    from povstudy.reporting.lookup import find_record, read_record

    print(citation_of(read_record(find_record(record, reports=output)), style=style, lang=lang))


@app.command()
def verify(
    record: RecordArgument,
    output: LookupOption = None,
    notebook: Annotated[
        Path | None, typer.Option("--notebook", metavar="FILE", help="The notebook, if the project does not have it.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="NAME=PATH", help="A file of yours that the report does not keep."),
    ] = None,
) -> None:
    """Recompute a report in a temporary folder and say what moved and why it can have moved."""
    from povstudy.reporting.lookup import find_record
    from povstudy.reporting.parameters import split_assignments
    from povstudy.reporting.progress import cell_progress, printable
    from povstudy.reporting.verify import verify as verify_report

    folder = find_record(record, reports=output)
    files = {name: Path(path) for name, path in split_assignments(file or [], where="--file").items()}
    with cell_progress("verify") as on_cell:
        result = verify_report(folder, notebook=notebook, files=files, on_cell=on_cell)
    print(printable(str(result), MESSAGE_LENGTH))
    if not result.same:
        raise typer.Exit(DIFFERENT)


@app.command()
def score(
    output: OutputOption = None,
    lang: LangOption = "en",
    hubverse: Annotated[
        Path | None,
        typer.Option("--hubverse", metavar="FOLDER", help="Write the forecasts as a hubverse folder there, too."),
    ] = None,
) -> None:
    """Score forecasts on record against what was published since; write a page of scores."""
    from povstudy.reporting.hub import export_ledger
    from povstudy.reporting.index import write_index
    from povstudy.reporting.score_page import score as score_folder
    from povstudy.reporting.score_page import text_table

    _check_language(lang)
    page = score_folder(output, lang=lang)
    write_index(page.path.parents[1], lang=lang)
    written = [page.path, *([export_ledger(output, hubverse)] if hubverse is not None else [])]
    print(text_table(page.scores.summary), *written, sep="\n")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the notebooks; further arguments go to JupyterLab."""
    from povstudy.reporting.lab import lab_command, lab_environment
    from povstudy.sources.home import project_home

    home = project_home()
    command, environment = lab_command(home, context.args), lab_environment(home, os.environ)
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(sys.executable, command, environment)
    import subprocess

    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def _fail(text: str, status: int, length: int = 4000) -> int:
    from povstudy.reporting.progress import printable

    print(f"povstudy: {printable(text, length)}", file=sys.stderr)
    return status


def _terminate(number: int, frame: object) -> NoReturn:
    raise SystemExit(TERMINATED)


def call(arguments: list[str] | None = None) -> int:
    """Run a command line; print errors without a traceback (with one if POVSTUDY_DEBUG=1).

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit status.
    """
    debug = os.environ.get(DEBUG_VARIABLE) == "1"
    try:
        with without_slow_grammar():
            status = app(arguments, standalone_mode=False)
        sys.stdout.flush()
        if status == INTERRUPTED:  # typer turns KeyboardInterrupt into this status
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0
    except KeyboardInterrupt:
        return _fail("interrupted; finished reports are kept, the one that ran left nothing.", INTERRUPTED)
    except PovstudyError as error:
        if debug:
            raise
        every = len(str(error)) if hasattr(error, "faults") else 4000  # each fault is short, and all are told
        return _fail(str(error), error.exit_status, every)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show(file=sys.stderr)
            return int(error.exit_code)
        if debug:
            raise
        what = f"{type(error).__name__}: {error}".strip()
        hint = f"This is a fault of povstudy; {DEBUG_VARIABLE}=1 shows where."
        return _fail(f"{what}\n  {hint}", 1)


def main() -> NoReturn:
    """Entry point of the command ``povstudy``."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(call())


if __name__ == "__main__":
    main()

"""What would run: a notebook, its parameters and the files they name, all checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import AreaError, ParameterError, did_you_mean
from povstudy.reporting import folders, record
from povstudy.reporting.inputs import REPORTS, InputFile, read_inputs
from povstudy.reporting.memo.collect import collect, earlier_notebooks
from povstudy.reporting.parameters import (
    PARAMETERS_TAG,
    check_value,
    injected_source,
    known,
    parse_assignments,
    read_notebook,
    read_parameters,
    show,
)

__all__ = ["Plan", "find_notebook", "notebook_files", "plan", "prepare", "speaks"]

INJECTED_TAG = "injected-parameters"
LANGUAGE_TAG = "lang-"
LAB_TAG = "jupyterlab"
MESSAGE_LENGTH = 500
LISTED_AREAS = 12


@dataclass(frozen=True)
class Plan:
    """A run whose notebook, parameters and files are checked; nothing has started.

    Parameters
    ----------
    notebook : str
        Name of the notebook.
    source : dict
        The notebook as JSON.
    values : dict of str to object
        All parameters; one that names a user's file holds its path inside the report.
    files : dict of str to InputFile
        The user's files by parameter.
    inputs : dict
        Everything that is hashed.
    area, area_name, lang : str
        Id and name of the area, language of the report.
    home : Path
        The project folder.
    """

    notebook: str
    source: dict
    values: dict[str, object]
    files: dict[str, InputFile]
    inputs: dict[str, object]
    area: str
    area_name: str
    lang: str
    home: Path

    @property
    def folder_name(self) -> str:
        """Name of the report folder."""
        return folders.folder_name(self.notebook, self.area, record.input_hash(self.inputs))


def notebook_files(home: Path) -> dict[str, Path]:
    """Return the notebooks of a project in their order.

    Parameters
    ----------
    home : Path
        The project folder.

    Returns
    -------
    dict of str to Path
        File by name.
    """
    return {path.stem: path for path in sorted((home / "notebooks").glob("*.ipynb"))}


def find_notebook(name: str, home: Path) -> Path:
    """Return the file of a notebook.

    Parameters
    ----------
    name : str
        A name of `notebook_files`, the same without its number, the number alone, or the path of a ``.ipynb`` file.
    home : Path
        The project folder.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        If there is no such notebook, or several.
    """
    if name.endswith(".ipynb"):
        return Path(name)
    found = notebook_files(home)
    if name in found:
        return found[name]
    short = [path for stem, path in found.items() if name in (stem.partition("_")[2], stem.partition("_")[0])]
    if len(short) == 1:
        return short[0]
    possible = ", ".join(found) or "none"
    raise ParameterError(
        f"There is no notebook {show(name)} in {home / 'notebooks'}; there are: {possible}.{did_you_mean(name, found)} "
        "Give one of these names or the path of a .ipynb file."
    )


def plan(
    notebook: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    assignments: Sequence[str] = (),
    output: str | Path | None = None,
) -> Plan:
    """Check a notebook, its parameters and the files they name; start nothing.

    Parameters
    ----------
    notebook : str or Path
        Name or path, see `find_notebook`.
    parameters : mapping of str to object, optional
        Values by name.
    assignments : sequence of str
        ``NAME=VALUE`` texts of the command line, parsed by the declared types.
    output : str or Path, optional
        The parent of all reports, where a notebook with the parameter ``reports`` finds those of the others; default:
        ``reports`` in the project folder.

    Returns
    -------
    Plan
        What would run.

    Raises
    ------
    ParameterError
        If the notebook, a name or a value is not valid.
    AreaError
        If the area is unknown or ambiguous.
    DataError
        If a user's file breaks its schema.
    """
    from povstudy import sources

    home = sources.project_home()
    path = find_notebook(str(notebook), home)
    source = read_notebook(path)
    declared = read_parameters(source, where=path.name)
    given = {name: check_value(known(name, declared, path.stem), value) for name, value in (parameters or {}).items()}
    given |= parse_assignments(assignments, declared, where=path.stem)
    values = {name: given.get(name, parameter.default) for name, parameter in declared.items()}
    files = read_inputs(values)
    places = _areas_of_panel(values)
    lang = str(values.get("lang", "en"))
    area_name = ""
    for name, parameter in declared.items():
        if parameter.type.base == "area":
            values[name], named = _area(values, name, places, lang) if name in given or not places else _first(places)
            area_name = named if name == "area" else area_name
        elif parameter.type.item is not None and parameter.type.item.base == "area":
            values[name] = [_area(values | {name: item}, name, places, lang)[0] for item in values[name] or []]
    data = sources.data_hashes(home)
    if REPORTS in declared:
        place = Path(str(values[REPORTS] or output or home / "reports")).expanduser()
        files[REPORTS] = _reports(
            place, str(values["area"]), lang, earlier_notebooks(notebook_files(home), path.stem), data
        )
    values |= {name: file.relative for name, file in files.items()}
    inputs = {
        "notebook": record.notebook_hash(source),
        "parameters": values,
        "files": {name: file.sha256 for name, file in files.items()},
        "data": data,
        "code": record.code_hash(),
        "lock": record.lock_hash(home),
    }
    _check_no_machine_path(source, home, path.name)
    area = str(values.get("area") or "")
    return Plan(path.stem, source, values, files, inputs, area, area_name or area, lang, home)


def _reports(place: Path, area: str, lang: str, notebooks: Mapping[str, Path], data: Mapping[str, str]) -> InputFile:
    """Return the reports of other notebooks as one file: gathered from a folder, or kept in a memo before."""
    if place.is_file() and place.suffix == ".json":
        from povstudy.reporting.memo.parts import parse_for

        content = place.read_bytes()
        parse_for(content, area, lang)
    else:
        digest = record.sha256_text(record.canonical(data))
        content = collect(place, area=area, lang=lang, notebooks=notebooks, data_sha256=digest)
    return InputFile(REPORTS, "reports.json", content)


def _areas_of_panel(values: Mapping[str, object]) -> dict[str, str]:
    """Return the areas of the user's panel, id to name, in the order of the file; the file is checked."""
    if values.get("panel") is None:
        return {}
    from povstudy.sources import read_panel

    panel = read_panel(Path(str(values["panel"])).expanduser())
    names = panel["area_name"] if "area_name" in panel else panel["area"]
    return dict(zip(panel["area"].astype(str), names.astype(str), strict=True))


def _first(places: Mapping[str, str]) -> tuple[str, str]:
    return next(iter(places.items()))


def _area(values: Mapping[str, object], name: str, places: Mapping[str, str], lang: str) -> tuple[str | None, str]:
    """Return the id and the name of an area: of the user's panel where there is one, else of the country's list."""
    if values[name] is None:
        return None, ""
    wanted = str(values[name])
    if not places:
        from povstudy.areas import area_label, resolve_area

        area = resolve_area(wanted)
        return area, area_label(area, lang)
    if wanted in places:
        return wanted, places[wanted]
    named = [area for area, text in places.items() if text == wanted]
    if len(named) == 1:
        return named[0], wanted
    more = f" and {len(places) - LISTED_AREAS} more" if len(places) > LISTED_AREAS else ""
    raise AreaError(
        f"The area {show(wanted)} is not in {Path(str(values.get('panel', 'the panel'))).name}; its areas are: "
        f"{', '.join(map(show, list(places)[:LISTED_AREAS]))}{more}.{did_you_mean(wanted, places)}"
    )


def _check_no_machine_path(source: Mapping, home: Path, name: str) -> None:
    for index, cell in enumerate(source["cells"]):
        if len(str(home)) > 2 and str(home) in cell["source"]:
            raise ParameterError(
                f"{name}, cell {index + 1} holds the path of this machine {home}. Use load(...) or a path relative to "
                "project_home()."
            )


def speaks(cell: Mapping, lang: str) -> bool:
    """Tell whether a cell belongs to a report in a language: code does, text in it, and text without a language.

    Parameters
    ----------
    cell : mapping
        A cell of a notebook.
    lang : str
        ``en`` or ``vi``.

    Returns
    -------
    bool
        False for text in another language, and for text that only helps who has the notebook open in JupyterLab.

    Examples
    --------
    >>> speaks({"cell_type": "markdown", "metadata": {"tags": ["lang-vi"]}}, "en")
    False
    """
    tags = cell["metadata"].get("tags", [])
    languages = [tag.removeprefix(LANGUAGE_TAG) for tag in tags if tag.startswith(LANGUAGE_TAG)]
    return cell["cell_type"] != "markdown" or (LAB_TAG not in tags and (not languages or lang in languages))


def prepare(planned: Plan) -> object:
    """Return the notebook that is run: text of one language, no outputs, the parameters in a cell of their own.

    Parameters
    ----------
    planned : Plan
        The run.

    Returns
    -------
    NotebookNode
        A new notebook.

    Raises
    ------
    ParameterError
        If the file is not a valid notebook.
    """
    import nbformat

    notebook = nbformat.from_dict(planned.source)
    kept = []
    for index, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        if INJECTED_TAG in tags or not speaks(cell, planned.lang):
            continue
        cell.setdefault("id", f"cell-{index}")
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        kept.append(cell)
        if cell.cell_type == "code" and PARAMETERS_TAG in tags:
            source = injected_source(planned.values)
            kept.append(nbformat.v4.new_code_cell(source, id=INJECTED_TAG, metadata={"tags": [INJECTED_TAG]}))
    notebook.cells = kept
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise ParameterError(
            f"{planned.notebook}.ipynb is not a valid notebook: {str(error).splitlines()[0][:MESSAGE_LENGTH]}"
        ) from None
    return notebook

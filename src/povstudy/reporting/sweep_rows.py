"""The rows of a sweep: from areas or from a table of parameters, all checked before the first run.

A table is CSV (a column for each parameter; an empty cell is the default) or YAML (a list of mappings).  Its texts are
data: they are parsed by the declared types and never become code, a path of ours or markup.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import AreaError, ParameterError, PovstudyError, did_you_mean
from povstudy.reporting.parameters import (
    Parameter,
    check_value,
    known,
    parse_assignments,
    parse_value,
    read_notebook,
    read_parameters,
    show,
)
from povstudy.reporting.plan import find_notebook, plan

__all__ = ["Row", "RowsError", "rows_of_areas", "rows_of_table"]

YAML_ENDINGS = (".yaml", ".yml")
FAULT_LENGTH = 300


class RowsError(ParameterError):
    """Rows of a sweep cannot be run: every fault at once.

    Parameters
    ----------
    where : str
        What was read.
    faults : sequence of str
        One line each.
    """

    def __init__(self, where: str, faults: Sequence[str]) -> None:
        self.faults = tuple(fault if len(fault) <= FAULT_LENGTH else fault[:FAULT_LENGTH] + "..." for fault in faults)
        many = f"{len(faults)} faults" if len(faults) > 1 else "one fault"
        super().__init__("\n".join([f"{where} has {many}; nothing was run.", *(f"  {f}" for f in self.faults)]))


@dataclass(frozen=True)
class Row:
    """One report of a sweep, checked.

    Parameters
    ----------
    number : int
        Position, from 1.
    values : dict of str to object
        Values by parameter, as given: a user's file is still named by its own path.
    parameters : dict of str to object
        All parameters, as they stand in the report.
    notebook, area, area_name, lang, folder_name : str
        As of `povstudy.reporting.plan.Plan`; what is large of it is not kept.
    """

    number: int
    values: dict[str, object]
    parameters: dict[str, object]
    notebook: str
    area: str
    area_name: str
    lang: str
    folder_name: str

    @property
    def label(self) -> str:
        """What progress and messages call it."""
        return self.area or f"row {self.number}"


def rows_of_areas(
    notebook: str, areas: str, *, assignments: Sequence[str] = (), output: Path | None = None
) -> list[Row]:
    """Return a row for each area.

    Parameters
    ----------
    notebook : str
        Name or path.
    areas : str
        ``all``, a region, or ids and names separated by commas; where the parameters name a panel of the user, ``all``
        is its areas.
    assignments : sequence of str
        ``NAME=VALUE``, for every row.
    output : Path, optional
        The parent of all reports.

    Returns
    -------
    list of Row
        Checked.

    Raises
    ------
    ParameterError, AreaError
        If a parameter or an area is not known, or there is no area.
    RowsError
        With every row that cannot be run.
    """
    from povstudy.sources.home import project_home

    path = find_notebook(notebook, project_home())
    declared = read_parameters(read_notebook(path), where=path.name)
    common = parse_assignments(assignments, declared, where=path.name)
    known("area", declared, path.name)
    if "area" in common:
        raise ParameterError("--areas names the areas; leave out -p area=....")
    named = list(dict.fromkeys(_panel_areas(common, areas) if common.get("panel") else _country_areas(areas)))
    if not named:
        raise ParameterError(f"--areas got {show(areas)}, which names no area. Give all, a region, or ids with commas.")
    given = [common | {"area": area} for area in named]
    return _checked(path, given, output, where=f"--areas {areas[:40]}", place=lambda n: f"area {show(named[n], 60)}")


def _country_areas(areas: str) -> list[str]:
    """Return the ids of the areas that are meant: all provinces, those of a region, or a list."""
    from povstudy.areas import areas_of, resolve_area

    named = [text.strip() for text in areas.split(",") if text.strip()]
    if len(named) < 2:
        return list(areas_of(areas))
    ids, faults = [], []
    for text in named:
        try:
            ids.append(resolve_area(text))
        except AreaError as error:
            faults.append(str(error))
    if faults:
        raise RowsError("--areas", faults)
    return ids


def _panel_areas(common: Mapping[str, object], areas: str) -> list[str]:
    """Return the areas of the user's panel that are meant."""
    if areas.strip().casefold() != "all":
        return [text.strip() for text in areas.split(",") if text.strip()]
    from povstudy.sources import read_panel

    return list(read_panel(Path(str(common["panel"])).expanduser())["area"].astype(str))


def rows_of_table(
    notebook: str, table: Path, *, assignments: Sequence[str] = (), output: Path | None = None
) -> list[Row]:
    """Return the rows of a table of parameters.

    Parameters
    ----------
    notebook : str
        Name or path.
    table : Path
        A CSV or YAML file.
    assignments : sequence of str
        ``NAME=VALUE``, for every row.
    output : Path, optional
        The parent of all reports.

    Returns
    -------
    list of Row
        Checked.

    Raises
    ------
    ParameterError
        If the file cannot be read, or a common parameter is not right.
    RowsError
        With every fault of every row.
    """
    from povstudy.sources.home import project_home

    path = find_notebook(notebook, project_home())
    declared = read_parameters(read_notebook(path), where=path.name)
    common = parse_assignments(assignments, declared, where=path.name)
    read = _read_yaml if table.suffix.lower() in YAML_ENDINGS else _read_csv
    places, rows = read(table, _text(table))
    faults, given = [], []
    for name in dict.fromkeys(name for row in rows for name in row if name not in declared):
        possible = f"possible are {', '.join(declared)}.{did_you_mean(name, declared)}"
        faults.append(f"there is no parameter {show(name, 60)}; {possible}")
    faults += [
        f"{show(name, 60)} is given in the table and with -p. Give it once."
        for name in common
        if any(name in row for row in rows)
    ]
    for place, row in zip(places, rows, strict=True):
        values = dict(common)
        for name, value in row.items():
            if name in declared:
                try:
                    values[name] = _value(declared[name], value)
                except ParameterError as error:
                    faults.append(f"{place}: {error}")
        given.append(values)
    if faults:
        raise RowsError(table.name, faults)
    return _checked(path, given, output, where=table.name, place=lambda n: places[n])


def _value(parameter: Parameter, value: object) -> object:
    """Return a value of a table: text by its declared type, as on the command line; anything else as it is."""
    return parse_value(parameter, value) if isinstance(value, str) else check_value(parameter, value)


def _text(table: Path) -> str:
    try:
        return table.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterError(f"{table} is not UTF-8 text (byte {error.start}). Save it as CSV UTF-8.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ParameterError(
            f"The table {show(str(table), 200)} cannot be read: {reason}. Give a CSV or YAML."
        ) from None


def _read_csv(table: Path, text: str) -> tuple[list[str], list[dict[str, object]]]:
    header_line = text.partition("\n")[0]
    separator = ";" if ";" in header_line and "," not in header_line else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    faults: list[str] = []
    places: list[str] = []
    rows: list[dict[str, object]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"line {reader.line_num}"
            if len(cells) != len(header):
                faults.append(f"{place}: {len(cells)} cells, the header has {len(header)}.")
                continue
            places.append(place)
            rows.append({name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()})
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: {error}.")
        header = []
    twice = sorted({name for name in header if header.count(name) > 1})
    faults += [f"the column {show(name, 60)} stands twice." for name in twice]
    if not rows and not faults:
        faults.append("no row; the first line names the parameters, each further line is a report.")
    if faults:
        raise RowsError(table.name, faults)
    return places, rows


def _read_yaml(table: Path, text: str) -> tuple[list[str], list[dict[str, object]]]:
    import yaml

    try:
        content = yaml.load(text, Loader=yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RowsError(table.name, [" ".join(str(error).split())]) from None
    if not isinstance(content, list) or not content:
        raise RowsError(table.name, [f"expected a list with a mapping for each report, got {type(content).__name__}."])
    faults = [
        f"row {number}: expected a mapping of parameter to value, got {show(row, 60)}."
        for number, row in enumerate(content, start=1)
        if not isinstance(row, dict) or not all(isinstance(name, str) for name in row)
    ]
    if faults:
        raise RowsError(table.name, faults)
    return [f"row {number}" for number in range(1, len(content) + 1)], content


def _checked(
    path: Path, given: Iterable[dict[str, object]], output: Path | None, *, where: str, place: Callable[[int], str]
) -> list[Row]:
    """Plan every row; return them, or raise with the faults of all."""
    faults: list[str] = []
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for index, values in enumerate(given):
        try:
            planned = plan(path, values, output=output)
        except PovstudyError as error:
            faults.append(f"{place(index)}: {' '.join(str(error).split())}")
            continue
        name = planned.folder_name
        if name in seen:
            faults.append(f"{place(index)}: the same report as {place(seen[name])}. Give it once.")
            continue
        seen[name] = index
        facts = (planned.notebook, planned.area, planned.area_name, planned.lang, name)
        rows.append(Row(len(rows) + 1, values, planned.values, *facts))
    if faults:
        raise RowsError(where, faults)
    return rows

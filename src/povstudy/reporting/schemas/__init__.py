"""What numbers.json and forecast.csv of every report must look like, and the check that they do.

``numbers.schema.json`` is a JSON Schema (draft 7), ``forecast.schema.json`` a Frictionless Table Schema: other programs
can read a report with them.
"""

from __future__ import annotations

import csv
import functools
import io
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

__all__ = ["FORECAST_SCHEMA", "NUMBERS_SCHEMA", "forecast_faults", "numbers_faults", "report_faults"]

FOLDER = Path(__file__).parent
NUMBERS_SCHEMA, FORECAST_SCHEMA = FOLDER / "numbers.schema.json", FOLDER / "forecast.schema.json"
SHOWN = 5


def report_faults(folder: Path) -> list[str]:
    """Return how the files of a report break their schemas.

    Parameters
    ----------
    folder : Path
        A report folder; it need not have a forecast.

    Returns
    -------
    list of str
        A line each, the first few of a file; empty if all is well.
    """
    faults = []
    for name, check in (("numbers.json", numbers_faults), ("forecast.csv", forecast_faults)):
        if (folder / name).is_file():
            found = list(itertools.islice(check((folder / name).read_text(encoding="utf-8")), SHOWN + 1))
            faults += [f"{name}, {fault}" for fault in found[:SHOWN]]
            faults += [f"{name} has more faults"] if len(found) > SHOWN else []
    return faults


@functools.cache
def _numbers_validator() -> object:
    import fastjsonschema

    return fastjsonschema.compile(json.loads(NUMBERS_SCHEMA.read_text(encoding="utf-8")))


def numbers_faults(text: str) -> Iterator[str]:
    """Give the first fault of a numbers.json.

    Parameters
    ----------
    text : str
        Its text.

    Yields
    ------
    str
        Place and what is expected.

    Examples
    --------
    >>> list(numbers_faults('{"rate": {"value": 1.5, "unit": "probability", "digits": 2, "source": ""}}'))
    ['rate.value must be smaller than or equal to 1']
    """
    import fastjsonschema

    try:
        _numbers_validator()(json.loads(text, parse_constant=_refuse))
    except fastjsonschema.JsonSchemaValueException as error:
        yield error.message.removeprefix("data.").removeprefix("data ")
    except ValueError as error:
        yield f"no JSON: {error}"


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


@functools.cache
def _forecast_schema() -> dict:
    return json.loads(FORECAST_SCHEMA.read_text(encoding="utf-8"))


def forecast_faults(text: str) -> Iterator[str]:
    r"""Give the faults of a forecast.csv: those that its schema knows, and quantiles that cross.

    Parameters
    ----------
    text : str
        Its text.

    Yields
    ------
    str
        Line, column, what was got and what is expected.

    Examples
    --------
    >>> list(forecast_faults("a,b\n"))[0][:40]
    'line 1: the columns are a, b; expected m'
    """
    schema = _forecast_schema()
    names = [field["name"] for field in schema["fields"]]
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    if header != names:
        yield f"line 1: the columns are {', '.join(header)[:200]}; expected {', '.join(names)}"
        return
    seen: dict[tuple, int] = {}
    quantiles: dict[tuple, list[tuple[float, float, int]]] = {}
    for cells in reader:
        line = reader.line_num
        if len(cells) != len(names):
            yield f"line {line}: {len(cells)} cells; expected {len(names)}"
            continue
        row = dict(zip(names, (None if cell in schema["missingValues"] else cell for cell in cells), strict=True))
        faults = [fault for field in schema["fields"] if (fault := _fault(field, row[field["name"]]))]
        if faults:
            yield from (f"line {line}, {fault}" for fault in faults)
            continue
        key = tuple(row[name] for name in schema["primaryKey"])
        if key in seen:
            yield f"line {line}: the same forecast as line {seen[key]}"
        seen[key] = line
        yield from _sense(row, line)
        if row["output_type"] == "quantile":
            point = (float(row["output_type_id"] or math.nan), float(row["value"]), line)
            quantiles.setdefault(key[:-1], []).append(point)
    yield from _crossing(quantiles)


def _fault(field: Mapping, cell: str | None) -> str:
    """Return how a cell breaks its field, or an empty text."""
    rules, got = field.get("constraints", {}), f"{field['name']} is {str(cell)[:60]!r}"
    if cell is None:
        return f"{field['name']} is missing" if rules.get("required") else ""
    if "enum" in rules and cell not in rules["enum"]:
        return f"{got}; expected one of {', '.join(rules['enum'])}"
    if field["type"] == "string":
        return ""
    try:
        number = int(cell) if field["type"] == "integer" else float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return f"{got}; expected {'a whole number' if field['type'] == 'integer' else 'a number'}"
    low, high = rules.get("minimum", -math.inf), rules.get("maximum", math.inf)
    return "" if low <= number <= high else f"{got}; expected {low} to {high}"


def _sense(row: Mapping[str, str | None], line: int) -> Iterator[str]:
    """Give what is wrong between the cells of a row."""
    if int(row["target_year"]) != int(row["origin_year"]) + int(row["horizon"]):
        yield f"line {line}: target_year is not origin_year + horizon"
    level = row["output_type_id"]
    if row["output_type"] == "cdf" and not float(row["value"]) <= 1:
        yield f"line {line}: the probability {row['value'][:60]} is above 1"
    if row["output_type"] == "quantile" and not (level is not None and 0 < float(level) < 1):
        yield f"line {line}: a quantile needs a level between 0 and 1, got {str(level)[:60]}"
    if row["output_type"] == "cdf" and level is None:
        yield f"line {line}: a probability needs the value that it is about"


def _crossing(quantiles: Mapping[tuple, Sequence[tuple[float, float, int]]]) -> Iterator[str]:
    for points in quantiles.values():
        for (low, below, _), (high, above, line) in itertools.pairwise(sorted(points)):
            if above < below:
                yield f"line {line}: the {high} quantile lies below the {low} quantile"

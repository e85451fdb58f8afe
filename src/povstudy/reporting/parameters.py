"""The parameters of a notebook, read from its cell tagged ``parameters`` without running it.

Each line of that cell is ``name: type = default  # meaning``.  Types are ``str``, ``int``, ``float``, ``bool``,
``Literal[...]``, ``Area``, ``Annotated[int, Range(1, 15)]``, ``list[T]`` and ``T | None``.  A value is data:
it is checked by its declared type and written into the injected cell as a Python literal, nothing else.
"""

from __future__ import annotations

import ast
import io
import json
import math
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import ParameterError, did_you_mean

__all__ = [
    "Area",
    "Parameter",
    "ParameterType",
    "Range",
    "check_value",
    "injected_source",
    "parse_assignments",
    "parse_value",
    "read_notebook",
    "read_parameters",
    "show",
]

PARAMETERS_TAG = "parameters"
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Area(str):
    """Marker for a parameter that names an area: ``area: Area = "vn34-91"  # meaning``.

    The runner resolves codes and names to an id before anything starts.

    Examples
    --------
    >>> Area("vn34-91") == "vn34-91"
    True
    """

    __slots__ = ()


@dataclass(frozen=True)
class Range:
    """Closed range of a number, for ``Annotated[int, Range(1, 15)]``; an end that is None is open.

    Parameters
    ----------
    low, high : float or None
        Smallest and largest allowed value.

    Examples
    --------
    >>> 15 in Range(1, 15), 16 in Range(1, 15), 16 in Range(1)
    (True, False, True)
    >>> print(Range(1, 15), Range(0), Range())
    from 1 to 15 at least 0 any number
    """

    low: float | None = None
    high: float | None = None

    def __contains__(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.low is None:
            return "any number" if self.high is None else f"at most {self.high}"
        return f"at least {self.low}" if self.high is None else f"from {self.low} to {self.high}"


@dataclass(frozen=True)
class ParameterType:
    """Declared type of a parameter.

    Parameters
    ----------
    base : str
        ``str``, ``int``, ``float``, ``bool``, ``area``, ``choice`` or ``list``.
    text : str
        The type as it stands in the notebook.
    choices : tuple
        Allowed values of a ``Literal``.
    range : Range or None
        Allowed range of a number.
    optional : bool
        Whether None is allowed.
    item : ParameterType or None
        Type of the items of a list.
    """

    base: str
    text: str
    choices: tuple[str | int | bool, ...] = ()
    range: Range | None = None
    optional: bool = False
    item: ParameterType | None = None

    @property
    def allowed(self) -> str:
        """What is possible, in words: ``a whole number from 1 to 15``."""
        words = {
            "str": "text",
            "int": "a whole number",
            "float": "a number",
            "bool": "true or false",
            "area": "an area: id, code or name",
        }
        if self.base == "choice":
            text = "one of " + ", ".join(str(choice) or "'' (empty)" for choice in self.choices)
        elif self.base == "list":
            text = f"a list (a,b,c or JSON), each {self.item.allowed}"
        else:
            text = words[self.base]
        if self.range is not None and (self.range.low, self.range.high) != (None, None):
            text += f" {self.range}"
        return f"{text}, or none" if self.optional else text


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of a notebook.

    Parameters
    ----------
    name : str
        Name, a Python identifier.
    type : ParameterType
        Declared type.
    default : object
        Default value, of that type.
    meaning : str
        The comment behind it.
    where : str
        File, cell line: for messages.
    """

    name: str
    type: ParameterType
    default: object
    meaning: str
    where: str = ""


def show(value: object, width: int = 80) -> str:
    """Return ``repr(value)``, cut to ``width`` characters: for messages.

    Examples
    --------
    >>> show("a" * 200, 10)
    "'aaaaaaa..."
    """
    text = ascii(value) if isinstance(value, str) and not _is_text(value) else repr(value)
    return text if len(text) <= width else text[: width - 2] + "..."


def read_notebook(path: str | Path) -> dict:
    """Read a notebook file as plain JSON (nbformat 4), without a notebook library.

    Parameters
    ----------
    path : str or Path
        A ``.ipynb`` file.

    Returns
    -------
    dict
        The notebook; ``source`` of each cell is one string.

    Raises
    ------
    ParameterError
        If the file is missing, or is not a notebook.
    """
    path = Path(path)
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
            cell["cell_type"], cell["metadata"].get("tags", [])
    except OSError as error:
        raise ParameterError(
            f"The notebook {path} cannot be read: {error.strerror}. Give a name of `povstudy list` or a path."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ParameterError(
            f"{path} is not a notebook: expected a Jupyter notebook file (nbformat 4). Give a .ipynb file."
        ) from None
    return notebook


def read_parameters(notebook: Mapping, *, where: str = "notebook") -> dict[str, Parameter]:
    """Read the declared parameters of a notebook; nothing is executed.

    Parameters
    ----------
    notebook : mapping
        What `read_notebook` gives.
    where : str
        File name for messages.

    Returns
    -------
    dict of str to Parameter
        In the order of the cell; empty if the notebook has no cell tagged ``parameters``.

    Raises
    ------
    ParameterError
        If there are two such cells, or a line is anything but ``name: type = default  # meaning``.

    Examples
    --------
    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]},
    ...         "source": "horizon: Annotated[int, Range(1, 15)] = 5  # years ahead"}
    >>> read_parameters({"cells": [cell]})["horizon"].type.allowed
    'a whole number from 1 to 15'
    """
    cells = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and PARAMETERS_TAG in cell["metadata"].get("tags", [])
    ]
    if len(cells) > 1:
        raise ParameterError(
            f"{where}: {len(cells)} cells are tagged 'parameters'; expected one. Keep the tag on one cell only."
        )
    return _read_cell(cells[0]["source"], where) if cells else {}


def _read_cell(source: str, where: str) -> dict[str, Parameter]:
    try:
        statements = ast.parse(source).body
        comments = _comments(source)
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise _bad_line(where, source, line) from None
    found: dict[str, Parameter] = {}
    lines_used: set[int] = set()
    for statement in statements:
        line = statement.lineno
        plain = (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.simple == 1
            and statement.value is not None
            and statement.end_lineno == line
            and line not in lines_used
        )
        meaning = comments.get(line, "")
        if not plain or not meaning:
            raise _bad_line(where, source, line)
        lines_used.add(line)
        at = f"{where}, parameters cell, line {line}"
        name = statement.target.id
        if name in found:
            raise ParameterError(f"{at}: the parameter {name!r} is declared twice. Keep one line.")
        declared = _read_type(statement.annotation, at)
        try:
            default = ast.literal_eval(statement.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            text = ast.get_source_segment(source, statement.value) or ""
            raise ParameterError(
                f"{at}: the default of {name!r} is not a plain value: got {show(text)}; expected text, a number, True, "
                "False, None or a list of them."
            ) from None
        parameter = Parameter(name, declared, None, meaning, at)
        value = check_value(parameter, default)
        found[name] = Parameter(name, declared, value, meaning, at)
    return found


def _comments(source: str) -> dict[int, str]:
    """Return the comment of each line (line number from 1), without ``#``."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("#").strip() for t in tokens if t.type == tokenize.COMMENT}


def _bad_line(where: str, source: str, line: int) -> ParameterError:
    lines = source.splitlines()
    got = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return ParameterError(
        f"{where}, parameters cell, line {line}: got {show(got)}; each line must be `name: type = default  # meaning`, "
        "with a plain value and a comment. Move other code to another cell."
    )


def _read_type(node: ast.expr, at: str) -> ParameterType:
    text = ast.unparse(node)
    if isinstance(node, ast.Name) and node.id in ("str", "int", "float", "bool", "Area"):
        return ParameterType(node.id.lower(), text)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [node.left, node.right]
        rest = [side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)]
        if len(rest) == 1:
            inner = _read_type(rest[0], at)
            return ParameterType(inner.base, text, inner.choices, inner.range, True, inner.item)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if node.value.id == "Literal":
            values = [a.value for a in arguments if isinstance(a, ast.Constant)]
            if len(values) == len(arguments) and all(isinstance(v, str | int) for v in values):
                return ParameterType("choice", text, tuple(values))
        elif node.value.id == "list" and len(arguments) == 1:
            item = _read_type(arguments[0], at)
            if item.base != "list":
                return ParameterType("list", text, item=item)
        elif node.value.id == "Annotated" and len(arguments) == 2:
            base = _read_type(arguments[0], at)
            limits = _read_range(arguments[1])
            if base.base in ("int", "float") and limits is not None:
                return ParameterType(base.base, text, range=limits)
    raise ParameterError(
        f"{at}: the type {show(text)} is not known; possible are str, int, float, bool, Area, Literal['a', 'b'], "
        "Annotated[int, Range(1, 15)], Annotated[float, Range(0, 1)], list[T] and T | None."
    )


def _read_range(node: ast.expr) -> Range | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Range"):
        return None
    try:
        values = [ast.literal_eval(a) for a in node.args]
        named = {k.arg: ast.literal_eval(k.value) for k in node.keywords}
        limits = Range(*values, **named)
    except (ValueError, TypeError):
        return None
    ends = (limits.low, limits.high)
    numeric = all(e is None or (isinstance(e, int | float) and not isinstance(e, bool)) for e in ends)
    return limits if numeric else None


def parse_assignments(
    assignments: Iterable[str], parameters: Mapping[str, Parameter], *, where: str = "notebook"
) -> dict[str, object]:
    """Parse ``NAME=VALUE`` texts of the command line by the declared types.

    Parameters
    ----------
    assignments : iterable of str
        Each split at its first ``=``.
    parameters : mapping of str to Parameter
        What `read_parameters` gives.
    where : str
        Name of the notebook for messages.

    Returns
    -------
    dict of str to object
        Values by name.

    Raises
    ------
    ParameterError
        If a name is unknown or given twice, or a value has the wrong type or is out of its range.

    Examples
    --------
    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]},
    ...         "source": "code: str = '89'  # code of a province"}
    >>> parse_assignments(["code=01"], read_parameters({"cells": [cell]}))
    {'code': '01'}
    """
    texts = split_assignments(assignments, where=where)
    return {name: parse_value(known(name, parameters, where), text) for name, text in texts.items()}


def split_assignments(assignments: Iterable[str], *, where: str) -> dict[str, str]:
    """Split ``NAME=VALUE`` texts of the command line.

    Parameters
    ----------
    assignments : iterable of str
        Each split at its first ``=``.
    where : str
        For messages.

    Returns
    -------
    dict of str to str
        Text by name.

    Raises
    ------
    ParameterError
        If there is no ``=`` or a name is given twice.

    Examples
    --------
    >>> split_assignments(["area=vn", "query=a=b"], where="x")
    {'area': 'vn', 'query': 'a=b'}
    """
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ParameterError(f"{where}: got {show(assignment)}; expected NAME=VALUE, for instance -p area=vn34-91.")
        if name in values:
            raise ParameterError(f"{where}: the parameter {show(name)} is given twice. Give it once.")
        values[name] = text
    return values


def known(name: str, parameters: Mapping[str, Parameter], where: str) -> Parameter:
    """Return the parameter of that name, or raise with the names that exist.

    Parameters
    ----------
    name : str
        What the user gave.
    parameters : mapping of str to Parameter
        Declared ones.
    where : str
        Name of the notebook for messages.

    Returns
    -------
    Parameter
        The declared parameter.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if name not in parameters:
        possible = ", ".join(parameters) if parameters else "none"
        raise ParameterError(
            f"{where} has no parameter {show(name)}; its parameters are: {possible}.{did_you_mean(name, parameters)}"
        )
    return parameters[name]


def parse_value(parameter: Parameter, text: str) -> object:
    """Parse the text of a value by the declared type of its parameter.

    Parameters
    ----------
    parameter : Parameter
        Declared parameter.
    text : str
        Text of the value; ``none`` or an empty text is None where None is allowed.

    Returns
    -------
    object
        Value of the declared type.

    Raises
    ------
    ParameterError
        If the text is not a value of that type, or out of its range.

    Examples
    --------
    >>> years = Parameter("years", ParameterType("list", "list[int]", item=ParameterType("int", "int")), [], "m")
    >>> parse_value(years, "2025,2030"), parse_value(years, "[2025, 2030]"), parse_value(years, "")
    ([2025, 2030], [2025, 2030], [])
    """
    return check_value(parameter, _from_text(parameter, parameter.type, text))


def _from_text(parameter: Parameter, declared: ParameterType, text: str) -> object:
    if declared.optional and text.strip().lower() in ("", "none"):
        return None
    word = text.strip()
    if declared.base == "int" and INTEGER.fullmatch(word):
        return int(word)
    if declared.base == "float" and DECIMAL.fullmatch(word):
        return float(word)
    if declared.base == "bool" and word.lower() in TRUTHS:
        return TRUTHS[word.lower()]
    if declared.base == "choice":
        return {str(choice): choice for choice in declared.choices}.get(text, text)
    if declared.base == "list":
        return _list_from_text(parameter, declared, text)
    if declared.base in ("str", "area"):
        return text
    raise _wrong(parameter, text)


def _list_from_text(parameter: Parameter, declared: ParameterType, text: str) -> list:
    if not text.strip():
        return []
    if not text.lstrip().startswith("["):
        return [_from_text(parameter, declared.item, part) for part in text.split(",")]
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong(parameter, text) from None
    as_text = declared.item.base not in ("str", "area")
    return [_from_text(parameter, declared.item, item) if isinstance(item, str) and as_text else item for item in items]


def check_value(parameter: Parameter, value: object) -> object:
    """Check a value against the declared type of its parameter; return it as a plain Python value.

    Parameters
    ----------
    parameter : Parameter
        Declared parameter.
    value : object
        Python value; a whole number is accepted where a float is declared, numpy integers as integers.

    Returns
    -------
    object
        str, int, float, bool, None or a list of them.

    Raises
    ------
    ParameterError
        If the value is of another type, not among the choices, or out of its range.

    Examples
    --------
    >>> horizon = Parameter("horizon", ParameterType("int", "int", range=Range(1, 15)), 5, "years ahead")
    >>> check_value(horizon, 16)
    Traceback (most recent call last):
    povstudy.errors.ParameterError: The parameter 'horizon' got 16; expected a whole number from 1 to 15.
    """
    return _check(parameter, parameter.type, value)


def _check(parameter: Parameter, declared: ParameterType, value: object) -> object:
    if value is None and declared.optional:
        return None
    if declared.base == "list":
        if isinstance(value, list | tuple):
            return [_check(parameter, declared.item, item) for item in value]
        raise _wrong(parameter, value)
    if declared.base in ("str", "area"):
        if isinstance(value, str) and _is_text(value):
            return str(value)
        raise _wrong(parameter, value)
    if declared.base == "choice":
        for choice in declared.choices:
            if type(choice) is type(value) and choice == value:
                return choice
        close = did_you_mean(value, map(str, declared.choices)) if isinstance(value, str) else ""
        raise _wrong(parameter, value, close)
    if declared.base == "bool":
        if isinstance(value, bool):
            return value
        raise _wrong(parameter, value)
    number = _plain_number(value, whole=declared.base == "int")
    if number is None or (declared.range is not None and number not in declared.range):
        raise _wrong(parameter, value)
    return number


def _plain_number(value: object, *, whole: bool) -> int | float | None:
    if isinstance(value, (bool, str)):
        return None
    if hasattr(value, "__index__"):
        return int(value) if whole else float(value)
    if whole or not isinstance(value, float) or not math.isfinite(value):
        return None
    return float(value)


def _is_text(value: str) -> bool:
    """Return whether a string can be written as UTF-8 (no lone surrogates)."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _wrong(parameter: Parameter, value: object, hint: str = "") -> ParameterError:
    allowed = parameter.type.allowed
    if isinstance(value, str) and not _is_text(value):
        allowed += "; this text holds bytes that are no characters"
    return ParameterError(f"The parameter {parameter.name!r} got {show(value)}; expected {allowed}.{hint}")


def injected_source(values: Mapping[str, object]) -> str:
    """Return the source of the cell that sets the parameters: one literal a line, checked to be data only.

    Parameters
    ----------
    values : mapping of str to object
        Checked values by name.

    Returns
    -------
    str
        Python source that assigns exactly these values.

    Raises
    ------
    ParameterError
        If a value is not one that Python reads back as the same value.

    Examples
    --------
    >>> print(injected_source({"area": '"); import os #', "horizon": 5}))
    # Parameters
    area = '"); import os #'
    horizon = 5
    """
    source = "\n".join(["# Parameters", *(f"{name} = {value!r}" for name, value in values.items())])
    try:
        body = ast.parse(source).body
        read = [(statement.targets[0].id, ast.literal_eval(statement.value)) for statement in body]
        same = read == list(values.items()) and len(source.splitlines()) == len(values) + 1
    except (SyntaxError, ValueError, AttributeError):
        same = False
    if not same or not all(name.isidentifier() for name in values):
        bad = show(dict(values), 200)
        raise ParameterError(f"These values cannot be written as Python data: {bad}. Use text and numbers.")
    return source

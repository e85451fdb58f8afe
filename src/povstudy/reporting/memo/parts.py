"""What a memo is made from: the reports of the other notebooks, read from the one file that `collect` writes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from povstudy.errors import NotAvailableError, ParameterError
from povstudy.reporting.memo.collect import BUNDLE_VERSION, SIMULATED
from povstudy.reporting.tables import FORMULA_STARTS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COMMUNES", "FORECAST", "MODELS", "PLANS", "PROFILE", "Absent", "Part", "PartTable", "Reports", "parse"]
__all__ += ["parse_for", "read_reports", "require"]

PROFILE, FORECAST, COMMUNES = "02_poverty_profile", "03_forecast", "04_communes"
PLANS, MODELS = "05_plan_evaluation", "06_model_evaluation"
LONGEST_NAME = 160
NUMERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?")
IDENTIFIER = re.compile(r"pv-[a-z2-7]{10}")


@dataclass(frozen=True)
class PartTable:
    """A table of a report.

    Parameters
    ----------
    name, text, caption : str
        Name, CSV text, caption.
    units : dict of str to str
        Unit by column.
    digits : dict of str to int
        Digits behind the decimal sign by column.
    """

    name: str
    text: str
    caption: str
    units: dict[str, str]
    digits: dict[str, int]

    @property
    def simulated(self) -> bool:
        """Whether its rows were made by a computer: the name, the caption or a cell says so."""
        return self.name.startswith("simulated") or SIMULATED in self.caption or SIMULATED in self.text

    @property
    def rows(self) -> tuple[list[str], list[list[object]]]:
        """Head and rows; a column whose cells are all numerals holds numbers, an empty cell is None."""
        head, *rows = list(csv.reader(io.StringIO(self.text, newline=""))) or [[]]
        head = [plain_cell(name) for name in head]
        rows = [row for row in rows if len(row) == len(head)]
        columns = [_column([row[place] for row in rows]) for place in range(len(head))]
        return head, [list(row) for row in zip(*columns, strict=True)]

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a DataFrame."""
        import pandas as pd

        head, rows = self.rows
        return pd.DataFrame(rows, columns=head, dtype=object)


def plain_cell(text: str) -> str:
    """Return the text of a CSV cell without the apostrophe that keeps a spreadsheet from taking it for a formula.

    Parameters
    ----------
    text : str
        As `povstudy.reporting.tables.csv_cell` writes it.

    Returns
    -------
    str
        The text that was meant.

    Examples
    --------
    >>> plain_cell("'=cmd()"), plain_cell("'Tis"), plain_cell("a")
    ('=cmd()', "'Tis", 'a')
    """
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def _column(cells: list[str]) -> list[object]:
    filled = [cell for cell in cells if cell]
    if filled and all(NUMERAL.fullmatch(cell) for cell in filled):
        return [None if not cell else int(cell) if re.fullmatch(r"-?\d+", cell) else float(cell) for cell in cells]
    return [plain_cell(cell) or None for cell in cells]


@dataclass(frozen=True)
class Part:
    """One report.

    Parameters
    ----------
    notebook, id, title, area_name, standard, command, povstudy : str
        As in its record.
    parameters, numbers : dict
        Its parameters and its numbers.json.
    said, simulated : frozenset of str
        Keys of the sentences that it says; names of the numbers that it states as simulated only.
    tables : dict of str to PartTable
        By name.
    figures : dict of str to str
        CSV behind the figures that a memo draws again.
    forecast : str
        Its forecast.csv, or an empty text.
    """

    notebook: str
    id: str
    title: str
    area_name: str
    standard: str
    command: str
    povstudy: str
    parameters: dict[str, object]
    numbers: dict[str, dict]
    said: frozenset[str]
    simulated: frozenset[str]
    tables: dict[str, PartTable]
    figures: dict[str, str]
    forecast: str

    @property
    def key(self) -> str:
        """The number of the notebook, for instance ``03``."""
        return self.notebook.partition("_")[0]

    def has(self, *names: str) -> bool:
        """Tell whether the report states all these numbers."""
        return all(name in self.numbers for name in names)


@dataclass(frozen=True)
class Absent:
    """A notebook without a report.

    Parameters
    ----------
    status : str
        ``missing``, ``failed``, ``outdated`` or ``not available``.
    reason : str
        Why, for the last one.
    """

    status: str
    reason: str


@dataclass(frozen=True)
class Reports:
    """The reports of one area in one language.

    Parameters
    ----------
    area, lang : str
        Id of the area and language.
    parts : dict of str to Part
        By notebook, in their order.
    absent : dict of str to Absent
        The notebooks without a report.
    """

    area: str
    lang: str
    parts: dict[str, Part]
    absent: dict[str, Absent]

    def note(self, part: Part) -> int:
        """Return the number under which a report is cited, from 1."""
        return list(self.parts).index(part.notebook) + 1


def parse(content: bytes) -> Reports:
    """Read what `povstudy.reporting.memo.collect.collect` wrote.

    Parameters
    ----------
    content : bytes
        JSON.

    Returns
    -------
    Reports
        The reports.

    Raises
    ------
    ParameterError
        If it is something else.
    """
    try:
        stored = json.loads(content)
        if stored["version"] != BUNDLE_VERSION:
            raise ValueError(f"version {stored['version']!r}")
        parts = [_part(one) for one in stored["parts"]]
        absent = {name: Absent(str(one["status"]), str(one["reason"])) for name, one in stored["absent"].items()}
        area, lang = str(stored["area"]), str(stored["lang"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(
            f"The reports that the memo is made from cannot be read ({str(error)[:80]}). Give the folder of reports "
            "that `povstudy report -o DIR` wrote, or the input/reports.json of a memo."
        ) from None
    return Reports(area, lang, {p.notebook: p for p in sorted(parts, key=lambda p: p.notebook)}, absent)


def parse_for(content: bytes, area: str, lang: str) -> Reports:
    """Read what `povstudy.reporting.memo.collect.collect` wrote for an area and a language.

    Parameters
    ----------
    content : bytes
        JSON.
    area, lang : str
        Id of the area, ``en`` or ``vi``.

    Returns
    -------
    Reports
        The reports.

    Raises
    ------
    ParameterError
        If it is something else, or of another area or language.
    """
    kept = parse(content)
    if (kept.area, kept.lang) != (area, lang):
        raise ParameterError(
            f"The reports that the memo is made from are those of {kept.area[:60]} ({kept.lang[:10]}), the memo is "
            f"asked for {area} ({lang}). Give area and lang of the reports, or their folder."
        )
    return kept


def _part(stored: Mapping) -> Part:
    if not IDENTIFIER.fullmatch(str(stored["id"])):
        raise ValueError(f"{str(stored['id'])[:40]!r} is no identifier")
    from povstudy.reporting.memo.printing import harmless

    texts = ("notebook", "id", "title", "area_name", "standard", "command", "povstudy")
    numbers = {str(name): dict(facts) for name, facts in stored["numbers"].items()}
    for facts in numbers.values():
        facts["value"], facts["unit"], facts["digits"]  # a KeyError says which is missing
    tables = {
        str(name): PartTable(str(name), str(t["csv"]), str(t["caption"]), dict(t["units"]), dict(t["digits"]))
        for name, t in stored["tables"].items()
    }
    return Part(
        *(harmless(str(stored[name]), LONGEST_NAME) for name in texts),
        parameters=dict(stored["parameters"]),
        numbers=numbers,
        said=frozenset(stored["said"]),
        simulated=frozenset(stored["simulated"]),
        tables=tables,
        figures=dict(stored["figures"]),
        forecast=str(stored["forecast"]),
    )


def read_reports(reports: str | None, *, area: str, lang: str, notebook: str) -> Reports:
    """Read the reports that a memo is made from: the runner's file, or a folder when there is no runner.

    Parameters
    ----------
    reports : str or None
        The file, a folder, or None for ``reports`` in the project folder.
    area, lang : str
        Area (id, code or name) and language.
    notebook : str
        Name of the notebook that asks: those before it count.

    Returns
    -------
    Reports
        What is there, and what is not.

    Raises
    ------
    ParameterError
        If the file is not one of ours, or of another area or language.
    """
    from povstudy import sources
    from povstudy.areas import resolve_area
    from povstudy.reporting import record
    from povstudy.reporting.memo.collect import collect, earlier_notebooks
    from povstudy.reporting.plan import notebook_files

    if reports is not None and Path(reports).is_file():
        return parse_for(Path(reports).read_bytes(), resolve_area(area), lang)
    home = sources.project_home()
    content = collect(
        Path(reports) if reports else home / "reports",
        area=resolve_area(area),
        lang=lang,
        notebooks=earlier_notebooks(notebook_files(home), notebook),
        data_sha256=record.sha256_text(record.canonical(sources.data_hashes(home))),
    )
    return parse(content)


def require(reports: Reports) -> Reports:
    """Return the reports if a memo can be made from them: every notebook was run, and there is a forecast.

    Parameters
    ----------
    reports : Reports
        What was found.

    Returns
    -------
    Reports
        The same.

    Raises
    ------
    NotAvailableError
        If some are missing, failed or out of date; the message names them and the command that makes them.
    """
    from povstudy.reporting.formats import Clause, phrase

    lacking = {name: one for name, one in reports.absent.items() if one.status != "not available"}
    lang = reports.lang
    if lacking:
        words = [f"{name} ({phrase('memo.absent.' + one.status, lang, {})})" for name, one in lacking.items()]
        command = f"povstudy report --area {reports.area} --lang {lang} -o DIR"
        values = {"notebooks": Clause(", ".join(words)), "command": Clause(command)}
        raise NotAvailableError(str(phrase("memo.not_available", lang, values)))
    if FORECAST not in reports.parts:
        reason = reports.absent[FORECAST].reason if FORECAST in reports.absent else FORECAST
        raise NotAvailableError(str(phrase("memo.no_forecast", lang, {"reason": reason})))
    return reports

"""Gathering the reports of one area and language from a folder into the one file that a memo is made from.

The file holds what the reports state (numbers, tables, forecast) and who says so (identifier, command), and neither a
time nor a path of the machine: the same reports give the same bytes.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from povstudy.errors import ParameterError
from povstudy.reporting import folders, record
from povstudy.reporting.lookup import fault_of
from povstudy.reporting.parameters import Parameter, read_notebook, read_parameters
from povstudy.reporting.report import NUMBERS_FILE, TABLES_FILE

__all__ = ["BUNDLE_VERSION", "SIMULATED", "collect", "earlier_notebooks"]

BUNDLE_VERSION = 1
SIMULATED = "SIMULATED / MÔ PHỎNG"
EXPLORING = "00_"
COMMON = ("area", "lang")
OUTCOME_FILE = "outcome.json"
PAGE_FILE = "report.html"
# Figures whose table the memo draws again.
FIGURES = ("fan_0",)
SAID = re.compile(r'<p class="said" data-key="([a-z0-9_.]+)">(.*?)</p>', re.DOTALL)
# How the sources begin of numbers that are real beside simulated ones: records, trials, choices of the reader.
REAL = ("programmes", "break_even", "causaldata", "doubly_robust", "parameter", "rates", "targets", "standards")


@dataclass(frozen=True)
class _Found:
    """A report, or an outcome without one, that the folder holds for a notebook."""

    folder: Path
    facts: Mapping
    usual: bool
    done: bool

    @property
    def rank(self) -> tuple[bool, str, str]:
        """Usual parameters first, then the newest."""
        return self.usual, str(self.facts.get("finished", "")), self.folder.name


def earlier_notebooks(notebooks: Mapping[str, Path], name: str) -> dict[str, Path]:
    """Return the notebooks that stand before one in their order, without those for exploring.

    Parameters
    ----------
    notebooks : mapping of str to Path
        What `povstudy.reporting.plan.notebook_files` gives.
    name : str
        Name of the notebook that reads their reports.

    Returns
    -------
    dict of str to Path
        File by name.

    Examples
    --------
    >>> list(earlier_notebooks(dict.fromkeys(["00_explore", "01_a", "02_b", "03_memo"], Path("x")), "03_memo"))
    ['01_a', '02_b']
    """
    return {stem: path for stem, path in notebooks.items() if stem < name and not stem.startswith(EXPLORING)}


def collect(folder: Path, *, area: str, lang: str, notebooks: Mapping[str, Path], data_sha256: str) -> bytes:
    """Gather the newest report of each notebook for an area and a language.

    Parameters
    ----------
    folder : Path
        The parent of all reports.
    area, lang : str
        Id of the area, ``en`` or ``vi``.
    notebooks : mapping of str to Path
        The notebooks whose reports are wanted.
    data_sha256 : str
        Hash of the official figures now: a report on others is out of date.

    Returns
    -------
    bytes
        JSON: ``parts`` (one a report) and ``absent`` (status and reason of the others).

    Raises
    ------
    ParameterError
        If the folder is there but is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise ParameterError(
            f"The parameter 'reports' names {str(folder)[:200]!r}, which is no folder of reports and no file "
            "input/reports.json of a memo. Give the DIR that `povstudy report -o DIR` wrote."
        )
    parts, absent = [], {}
    for name, path in notebooks.items():
        found = max(_of_notebook(folder, name, path, area, lang), key=lambda one: one.rank, default=None)
        if found is None:
            absent[name] = {"status": "missing", "reason": ""}
        elif not found.done:
            absent[name] = {"status": str(found.facts["status"]), "reason": str(found.facts.get("reason", ""))}
        elif found.facts["data_sha256"] != data_sha256:
            absent[name] = {"status": "outdated", "reason": ""}
        else:
            part = _part(found.folder, found.facts)
            parts.append(part)
    content = {"version": BUNDLE_VERSION, "area": area, "lang": lang, "parts": parts, "absent": absent}
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8")


def _of_notebook(folder: Path, name: str, path: Path, area: str, lang: str) -> Iterable[_Found]:
    """Give the reports and outcomes of one notebook for an area and a language."""
    declared = read_parameters(read_notebook(path), where=path.name)
    pattern = folders.folder_name(name, area, "*")
    for file in sorted(folder.glob(f"{pattern}/{record.RECORD_FILE}")):
        facts = _json(file)
        if fault_of(facts) or facts["notebook"]["name"] != name or not _is_for(facts, area, lang):
            continue
        if all((file.parent / listed).is_file() for listed in facts["outputs"]):
            yield _Found(file.parent, facts, _is_usual(facts["parameters"], declared), done=True)
    for place in (folders.FAILED, folders.NOT_AVAILABLE):
        for file in sorted((folder / place).glob(f"{pattern}/{OUTCOME_FILE}")):
            facts = _json(file)
            if not isinstance(facts, dict) or facts.get("notebook") != name or not _is_for(facts, area, lang):
                continue
            if facts.get("status") in ("failed", "not available"):
                yield _Found(file.parent, facts, _is_usual(facts.get("parameters", {}), declared), done=False)


def _is_for(facts: Mapping, area: str, lang: str) -> bool:
    return facts.get("area") == area and facts.get("lang") == lang


def _is_usual(parameters: Mapping, declared: Mapping[str, Parameter]) -> bool:
    """Tell whether all parameters but area and language are as the notebook has them."""
    return all(
        name in COMMON or name not in declared or value == declared[name].default for name, value in parameters.items()
    )


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _part(folder: Path, facts: Mapping) -> dict[str, object]:
    """Return what one report states."""
    captions = _json(folder / TABLES_FILE) or {}
    numbers = _json(folder / NUMBERS_FILE) or {}
    sentences = SAID.findall(_text(folder / PAGE_FILE))
    return {
        "notebook": facts["notebook"]["name"],
        "id": facts["id"],
        "title": facts["title"],
        "area_name": facts["area_name"],
        "standard": facts["standard"],
        "command": facts["command"],
        "parameters": facts["parameters"],
        "povstudy": facts["povstudy"],
        "numbers": numbers,
        "said": sorted({key for key, _ in sentences}),
        "simulated": _simulated(sentences, numbers),
        "tables": {
            path.stem: {"csv": _text(path), **captions.get(path.stem, {"caption": "", "units": {}, "digits": {}})}
            for path in sorted(folder.glob("tables/*.csv"))
        },
        "figures": {name: _text(folder / "figures" / f"{name}.csv") for name in FIGURES},
        "forecast": _text(folder / record.FORECAST_FILE),
    }


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError:
        return ""


def _simulated(sentences: Iterable[tuple[str, str]], numbers: Mapping) -> list[str]:
    """Return the names of the numbers that were made by a computer.

    A report that labels the sources of such numbers is believed.  Of one that labels its sentences only, every number
    counts as simulated whose source is not known to be real: too many labels do less harm than one too few.
    """
    sources = {name: str(facts.get("source", "")) for name, facts in numbers.items()}
    by_source = {name for name, source in sources.items() if SIMULATED in source}
    if by_source or not any(SIMULATED in html.unescape(sentence) for _, sentence in sentences):
        return sorted(by_source)
    return sorted(name for name, source in sources.items() if not source.startswith(REAL))

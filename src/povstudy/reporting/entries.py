"""What every folder of reports says about itself: one entry for each, with its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from povstudy.reporting import folders, record
from povstudy.reporting.report import NUMBERS_FILE, documents
from povstudy.reporting.runner import NOTEBOOK_FILE, OUTCOME_FILE, PAGE_FILE, read_json

__all__ = ["DONE", "EARLIER", "FILE_WORDS", "STATUSES", "Entry", "entries"]

DONE, EARLIER = "done", "earlier"
STATUSES = (DONE, EARLIER, folders.FAILED, folders.NOT_AVAILABLE)
FILE_WORDS = ((NOTEBOOK_FILE, "notebook"), (NUMBERS_FILE, "numbers"), (record.FORECAST_FILE, "forecast"))
FILE_WORDS += ((record.RECORD_FILE, "record"),)


@dataclass(frozen=True)
class Entry:
    """One line of the index page.

    Parameters
    ----------
    folder : Path
        Folder relative to the parent of all reports.
    status : str
        ``done``, ``earlier``, ``failed`` or ``not-available``.
    facts : dict
        Record, or outcome of a run that made no report.
    files : tuple of str
        Files of the folder that are linked.
    """

    folder: Path
    status: str
    facts: dict
    files: tuple[str, ...]

    @property
    def notebook(self) -> str:
        """Name of the notebook; empty if the folder does not say it."""
        named = self.facts.get("notebook", "")
        return str(named.get("name", "")) if isinstance(named, Mapping) else str(named)

    @property
    def parameters(self) -> Mapping[str, object]:
        """What the notebook was run with."""
        given = self.facts.get("parameters")
        return given if isinstance(given, Mapping) else {}

    def fact(self, name: str) -> str:
        """Return a fact as text; empty where there is none.

        Parameters
        ----------
        name : str
            Key of the record or outcome.

        Returns
        -------
        str
            Plain text, not escaped.
        """
        return str(self.facts.get(name) or "")


def entries(output: Path) -> list[Entry]:
    """Read what every folder of reports says about itself.

    Parameters
    ----------
    output : Path
        The parent of all reports.

    Returns
    -------
    list of Entry
        By area and notebook.  Of reports of the same notebook, area, language and further parameters all but the
        newest are ``earlier``; a failure is listed as long as nothing newer was made.
    """
    found: list[Entry] = []
    for path in sorted(output.glob(f"*/{record.RECORD_FILE}")):
        if not path.parent.name.startswith("."):
            found.append(_entry(output, path, DONE))
    for status in (folders.FAILED, folders.NOT_AVAILABLE):
        for path in sorted((output / status).glob(f"*/{OUTCOME_FILE}")):
            if not path.parent.name.startswith("."):
                found.append(_entry(output, path, status))
    found = [entry for entry in found if entry.facts]
    found.sort(key=lambda entry: entry.fact("finished"), reverse=True)
    seen: set[str] = set()
    marked = []
    for entry in found:
        key = record.canonical([entry.notebook, entry.facts.get("parameters", {})])
        status = EARLIER if entry.status == DONE and key in seen else entry.status
        if entry.status == DONE or key not in seen:
            marked.append(Entry(entry.folder, status, entry.facts, entry.files))
        seen.add(key)
    return sorted(marked, key=lambda e: (e.fact("area"), e.notebook, e.status == EARLIER))


def _entry(output: Path, path: Path, status: str) -> Entry:
    facts = read_json(path)
    known = (f for f in (PAGE_FILE, *(name for name, _ in FILE_WORDS)) if (path.parent / f).is_file())
    files = (*known, *documents(path.parent))
    return Entry(path.parent.relative_to(output), status, facts if isinstance(facts, dict) else {}, files)

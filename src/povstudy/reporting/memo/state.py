"""Stating the numbers of other reports: each keeps its value, unit and digits, and names the record it comes from."""

from __future__ import annotations

import re

from povstudy.errors import ReportError
from povstudy.reporting.formats import Number, Phrase
from povstudy.reporting.memo.collect import SIMULATED
from povstudy.reporting.memo.parts import Part, Reports
from povstudy.reporting.report import Report

__all__ = ["Statements"]

# Keeps a mark on the line of the word before it.
JOINED = "\N{WORD JOINER}"
STATED = re.compile(r'data-name="p(\d\d)_')


class Statements:
    """States numbers through a report and knows which record each comes from.

    Parameters
    ----------
    report : Report
        The report of the memo.
    reports : Reports
        What it is made from.
    """

    def __init__(self, report: Report, reports: Reports) -> None:
        self.report = report
        self.reports = reports
        self._notes = {part.key: reports.note(part) for part in reports.parts.values()}

    def number(self, part: Part, name: str, *, digits: int | None = None) -> Number:
        """State a number of a report.

        Parameters
        ----------
        part : Part
            The report.
        name : str
            Name in its numbers.json.
        digits : int, optional
            Digits behind the decimal sign; default: as the report prints it.

        Returns
        -------
        Number
            Named ``p<number of the notebook>_<name>``.

        Raises
        ------
        ReportError
            If the report does not state it.
        """
        if name not in part.numbers:
            raise ReportError(
                f"The report {part.id} ({part.notebook}) states no number {name!r}. It was made by another version: "
                f"run `povstudy report --area {self.reports.area} --lang {self.reports.lang}` again."
            )
        facts = part.numbers[name]
        label = f"{SIMULATED}: " if name in part.simulated else ""
        return self.report.number(
            f"p{part.key}_{name}"[:80],
            facts["value"],
            facts["unit"],
            digits=int(facts["digits"]) if digits is None else digits,
            source=f"{label}{part.id} {name}",
        )

    def phrase(self, key: str, **values: object) -> Phrase:
        """Fill a sentence and set behind it the number of every record that it states a number of."""
        return self.cited(self.report.phrase(key, **values))

    def cited(self, phrase: Phrase, *parts: Part) -> Phrase:
        """Set behind a sentence the number of every record that it states a number of, and of further ones."""
        keys = {*STATED.findall(phrase.html), *(part.key for part in parts)}
        notes = sorted(self._notes[key] for key in keys if key in self._notes)
        marks = ",".join(map(str, notes))
        return (
            Phrase(f'{phrase.html}{JOINED}<sup><cite class="note"><a href="#table-sources">[{marks}]</a></cite></sup>')
            if notes
            else phrase
        )

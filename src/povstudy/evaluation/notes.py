"""What a reader must know before using a number: sentences with a code and values, so that reports can word them.

A note is its English sentence.  It also carries what the sentence says as data, for whoever writes it in another
language.
"""

from __future__ import annotations

from typing import Any

__all__ = ["NOTES", "Note", "note"]

NOTES = {
    "no_standard": (
        "The table has no column 'standard': that the outcome was measured under one standard throughout is taken from "
        "you."
    ),
    "unbalanced": "The panel is unbalanced: {gaps} of {cells} unit-periods are absent.",
    "always_treated": "{units} units are treated in every period; they show no change and are left out.",
    "none_never": "No unit is never treated: only units that are treated later can stand for no programme.",
    "late": "{units} units start after the last period; within the panel they are untreated.",
    "short_before": "Cohort {cohort} has fewer than two periods before it reacts: its trend is not checked.",
    "anticipation": "Units may react {periods} periods before the start; the base period moves with it.",
    "thin_cohorts": ("Cohorts that rest on few clusters: {cohorts}. What is said of one of them alone is weak."),
    "one_sided": "{units} units are seen only before or only after the start and are left out.",
    "bacon": (
        "Start dates differ: {share} % of the two-way estimate compares newly treated with already treated units "
        "(Bacon weights), which misleads when effects change over time. Prefer callaway_santanna."
    ),
    "bacon_unbalanced": (
        "Start dates differ and the panel is unbalanced: how much of the two-way estimate compares with units that are "
        "already treated was not computed. Prefer callaway_santanna."
    ),
    "bacon_large": (
        "Start dates differ and the panel has more than {cells} unit-periods: how much of the two-way estimate "
        "compares with units that are already treated was not computed. Prefer callaway_santanna."
    ),
    "contaminated": (
        "From lead 1 on the comparison holds units that are treated by then: these numbers are contaminated and are "
        "given only to reproduce DIDdesign's definition."
    ),
    "own_comparison": "The method {method} chooses its comparison itself: control= changes nothing here.",
    "never_changes": "{outcome} is the same in every row: the zero found here tells nothing of the programme.",
    "weak_overlap": "Overlap is weak: a treated unit has a fitted probability of treatment of {probability}.",
    "shared_clusters": (
        "Treated and untreated units share clusters, so clusters were not what was assigned and are not "
        "permuted: {treated} of {clusters} clusters hold treated units. Give the level of assignment as cluster=."
    ),
    "narrow": (
        "With {treated} of {clusters} clusters treated the clustered interval is too narrow: a true null is rejected "
        "far more often than stated. inference='auto' gives the one that holds."
    ),
    "other_statistic": (
        "The permuted statistic, {statistic}, is the same contrast without covariates; the estimate is {estimate}."
    ),
    "untestable": (
        'The effect cannot be tested with so few clusters. That is not the same as "not significant": the data could '
        "not have shown an effect of any size."
    ),
    "placebo_rank": (
        "Placement was not random: the p-value is a placebo rank, the share of placements that would have shown a "
        "change as large. It says how unusual the change is, not that the programme caused it."
    ),
    "no_event_intervals": (
        "Intervals by event time are not given: with so few clusters in an arm the clustered error is too small. The "
        "p-values by event time permute the assignment and are not corrected for looking at many."
    ),
    "bonferroni": "The band over all event times is Bonferroni's ({times} event times).",
}
"""English sentence of each code, with places for its values."""


class Note(str):
    """A sentence that knows what it says.

    Attributes
    ----------
    code : str
        Key of ``NOTES``.
    values : dict
        What fills the places of the sentence: text, ready to be read.

    Examples
    --------
    >>> found = note("unbalanced", gaps=3, cells=40)
    >>> found
    'The panel is unbalanced: 3 of 40 unit-periods are absent.'
    >>> found.code, found.values
    ('unbalanced', {'gaps': '3', 'cells': '40'})
    """

    code: str
    values: dict[str, str]

    def __new__(cls, code: str, values: dict[str, Any]) -> Note:
        """Fill the sentence of the code."""
        texts = {name: str(value) for name, value in values.items()}
        made = super().__new__(cls, NOTES[code].format(**texts))
        made.code, made.values = code, texts
        return made

    def __getnewargs__(self) -> tuple[str, dict[str, str]]:
        """Let a note be copied and pickled."""
        return self.code, self.values


def note(code: str, **values: object) -> Note:
    """Return the note of a code.

    Parameters
    ----------
    code : str
        Key of ``NOTES``.
    **values : object
        Exactly the places of its sentence.

    Returns
    -------
    Note

    Raises
    ------
    KeyError
        The code is not known, or a value is missing.

    Examples
    --------
    >>> note("anticipation", periods=2).code
    'anticipation'
    """
    return Note(code, values)

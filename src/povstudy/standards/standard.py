"""A legal standard read from its file: dates, lines, decision table, indicators, evidence."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import StandardError, did_you_mean
from povstudy.standards.classification import (
    check_columns,
    decide,
    flags,
    levels_in,
    numbers_in,
    refuse_gaps,
)
from povstudy.standards.evidence import evidence_items, evidence_table
from povstudy.standards.terms import (
    AREAS,
    GROUPS,
    Category,
    ClassRule,
    Cutoff,
    Dimension,
    Evidence,
    Fact,
    Gap,
    Indicator,
    LegalBasis,
    Line,
    LowIncomeWorker,
    PovertyCutoff,
    Review,
    Series,
    Use,
    text_in,
)

__all__ = ["GAP_CHOICES", "Standard"]

GAP_CHOICES = ("closed", "refuse")
"""What `Standard.classify` does with incomes that the wording of the law leaves without a class."""


@dataclass(frozen=True, repr=False)
class Standard:
    """One poverty standard as dated data.

    Attributes
    ----------
    id : str
        Name of the file, for instance ``"vn_2022_2025_nd07"``.
    kind : str
        ``"national"`` (law, can classify), ``"international"`` or ``"statistical"`` (a measure), ``"user"``
        (the label of a user's own series).
    title_en, title_vi, short_en, short_vi : str
        Names; see `name` and `short`.
    instrument, clause : str
        The instrument that sets the standard and where in it.
    measure, identification, currency : str
        What is measured, on which unit, in which currency.
    valid_from, valid_to : datetime.date or None
        First and last day in force.
    validity : Evidence
        How well these days are known.
    legal_basis : tuple of LegalBasis
    uses : tuple of Use
        Years in which the standard serves entitlements, the survey and the review.
    series : tuple of Series
        Labels of the rate series measured on it.
    lines : tuple of Line
    categories : tuple of Category
        Classes of households from the poorest.
    classes : tuple of ClassRule
        The ordered decision table: the first row that holds decides.
    gaps : tuple of Gap
    poverty_cutoff : PovertyCutoff or None
    dimensions, indicators, cutoffs : tuple
    low_income_worker : LowIncomeWorker or None
    review : Review or None
    facts : tuple of Fact
    """

    id: str
    kind: str
    title_en: str
    title_vi: str
    short_en: str
    short_vi: str
    instrument: str
    clause: str
    measure: str
    identification: str
    currency: str
    valid_from: datetime.date | None
    valid_to: datetime.date | None
    validity: Evidence
    legal_basis: tuple[LegalBasis, ...] = ()
    uses: tuple[Use, ...] = ()
    series: tuple[Series, ...] = ()
    lines: tuple[Line, ...] = ()
    categories: tuple[Category, ...] = ()
    classes: tuple[ClassRule, ...] = ()
    gaps: tuple[Gap, ...] = ()
    poverty_cutoff: PovertyCutoff | None = None
    dimensions: tuple[Dimension, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    cutoffs: tuple[Cutoff, ...] = ()
    low_income_worker: LowIncomeWorker | None = None
    review: Review | None = None
    facts: tuple[Fact, ...] = ()

    def __repr__(self) -> str:
        return f"Standard({self.id[:80]!r})"

    def name(self, lang: str = "en") -> str:
        """Full title in English or Vietnamese."""
        return text_in(lang, self.title_en, self.title_vi)

    def short(self, lang: str = "en") -> str:
        """Short name for a legend in English or Vietnamese."""
        return text_in(lang, self.short_en, self.short_vi)

    @property
    def clauses(self) -> tuple[str, ...]:
        """Clauses of the decision table, each once, in order."""
        return tuple(dict.fromkeys(rule.clause for rule in self.classes))

    @property
    def k(self) -> int | None:
        """Number of deprivations from which the law calls a household deprived; None without one."""
        return self.poverty_cutoff.count if self.poverty_cutoff else None

    @property
    def status(self) -> dict[str, str]:
        """Evidence status of every item, by the item's id."""
        return {item.id: item.evidence.status for item in evidence_items(self)}

    def in_force_on(self, day: datetime.date) -> bool:
        """Say whether the standard is in force on a day, first and last day included.

        Examples
        --------
        >>> from povstudy.standards import load_standard
        >>> load_standard("vn_2022_2025_nd07").in_force_on(datetime.date(2026, 12, 31))
        True
        """
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def use_status(self, use: str, year: int) -> str:
        """Evidence status of a use in a year; an empty text where the standard does not serve it.

        Examples
        --------
        >>> from povstudy.standards import load_standard
        >>> load_standard("vn_2027_2030_nd351").use_status("review", 2026)
        'UNVERIFIED'
        """
        return next((u.evidence.status for u in self.uses if u.use == use and u.first <= year <= u.last), "")

    def line(self, area: str, code: str = "poor") -> int:
        """Amount of an income line.

        Parameters
        ----------
        area : {"rural", "urban"}
            Where the household lives.
        code : str
            ``"poor"``, ``"near_poor"``, ``"average_living"`` or ``"low_income_worker"``, as the law has them.

        Returns
        -------
        int
            VND per person and month.

        Raises
        ------
        StandardError
            When the standard has no such line.

        Examples
        --------
        >>> from povstudy.standards import load_standard
        >>> load_standard("vn_2022_2025_nd07").line("rural")
        1500000
        """
        for line in self.lines:
            if (line.code, line.area) == (code, area):
                return line.amount
        known = ", ".join(f"{line.code}/{line.area}" for line in self.lines) or "none"
        raise StandardError(
            f"standard {self.id}: no line {str(code)[:60]!r} for area {str(area)[:60]!r}; it has {known}."
            f"{did_you_mean(str(area), AREAS)}"
        )

    def cutoff(self, indicator: str) -> Cutoff:
        """When a household counts as deprived in an indicator.

        Raises
        ------
        StandardError
            When the standard has no such indicator.
        """
        for cutoff in self.cutoffs:
            if cutoff.indicator == indicator:
                return cutoff
        codes = [c.indicator for c in self.cutoffs]
        raise StandardError(
            f"standard {self.id}: no indicator {str(indicator)[:60]!r}; it has {', '.join(codes) or 'none'}."
            f"{did_you_mean(str(indicator), codes)}"
        )

    def categories_in(self, group: str) -> tuple[str, ...]:
        """Codes of the classes that the law counts as poor, near-poor or neither.

        Raises
        ------
        StandardError
            When ``group`` is not one of ``"poor"``, ``"near_poor"``, ``"not_poor"``.

        Examples
        --------
        >>> from povstudy.standards import load_standard
        >>> load_standard("vn_2016_2020_qd59").categories_in("poor")
        ('poor_income', 'poor_deprived')
        """
        if group not in GROUPS:
            raise StandardError(
                f"group {str(group)[:60]!r} is not known; possible: {', '.join(GROUPS)}."
                f"{did_you_mean(str(group), GROUPS)}"
            )
        return tuple(c.code for c in self.categories if c.group == group)

    def classify(self, households: pd.DataFrame, *, gaps: str = "closed") -> pd.Categorical:
        """Give every household its class under this law.

        The rows of the decision table are tried in order and the first that holds decides: area, income at
        most the inclusive ceiling, deprivations at least the minimum.

        Parameters
        ----------
        households : pandas.DataFrame, shape (n, ...)
            Columns ``income`` (VND per person and month; may be negative), ``urban`` (bool) and, where the
            law counts them, ``deprivations`` (whole number from 0 to the number of indicators). Other columns
            are left alone.
        gaps : {"closed", "refuse"}
            Where the wording of the law leaves incomes between two classes without one (2011-2015: the
            thousand above the poverty line), ``"closed"`` puts them into the class above and ``"refuse"``
            raises for the rows concerned.

        Returns
        -------
        pandas.Categorical, shape (n,)
            Ordered, its categories the classes of the law from the poorest.

        Raises
        ------
        StandardError
            When the standard has no decision table.
        DataError
            When a column is absent, has a missing value, or holds what cannot be in it; the message names
            column and rows. A missing value is never "not poor".
        ParameterError
            When ``gaps`` is neither choice.

        Examples
        --------
        >>> import pandas as pd
        >>> from povstudy.standards import load_standard
        >>> households = pd.DataFrame(
        ...     {"income": [1_500_000, 1_500_000, 1_500_001], "urban": False, "deprivations": [3, 2, 12]}
        ... )
        >>> list(load_standard("vn_2022_2025_nd07").classify(households))
        ['poor', 'near_poor', 'average_living_standard']
        """
        self._require_classes()
        counts = any(rule.min_deprivations for rule in self.classes)
        check_columns(households, ("income", "urban", *(("deprivations",) if counts else ())), self.id)
        income = numbers_in(households, "income", self.id)
        urban = flags(households, "urban", self.id)
        deprivations = levels_in(households, "deprivations", self.id, highest=len(self.indicators)) if counts else None
        refuse_gaps(gaps, GAP_CHOICES, self.gaps, income, urban, self.id)
        order = [c.code for c in self.categories]
        rules = [(order.index(r.category), r.area == "urban", r.income_max, r.min_deprivations) for r in self.classes]
        return _ordered(decide(income, urban, deprivations, rules), order)

    def classify_scores(self, scores: pd.DataFrame) -> pd.Categorical:
        """Give every household its class from the points of the yearly review.

        Parameters
        ----------
        scores : pandas.DataFrame, shape (n, ...)
            Columns ``b1`` (points of the income form; never computed here), ``b2`` (points of the deprivation
            form, 10 a deprivation) and ``urban`` (bool).

        Returns
        -------
        pandas.Categorical, shape (n,)
            Ordered from the poorest; the last category is ``"not_poor"``: the scores do not tell who has an
            average living standard.

        Raises
        ------
        StandardError
            When no review method is on file for the standard.
        DataError
            When a column is absent, has a missing value, or holds what cannot be in it.

        Examples
        --------
        >>> import pandas as pd
        >>> from povstudy.standards import load_standard
        >>> scores = pd.DataFrame({"b1": [140, 140, 141], "b2": [30, 20, 90], "urban": False})
        >>> list(load_standard("vn_2022_2025_nd07").classify_scores(scores))
        ['poor', 'near_poor', 'not_poor']
        """
        if self.review is None:
            raise StandardError(
                f"standard {self.id}: no review method (B1, B2) is on file; use classify() with income and "
                "deprivations, or a standard that has one (2016-2020, 2022-2025)."
            )
        review, points = self.review, self.review.points_per_deprivation
        check_columns(scores, ("b1", "b2", "urban"), self.id)
        b1 = numbers_in(scores, "b1", self.id)
        b2 = levels_in(scores, "b2", self.id, highest=points * len(self.indicators), step=points)
        urban = flags(scores, "urban", self.id)
        order = [*dict.fromkeys(s.category for s in review.scores), review.otherwise.code]
        rules = [(order.index(s.category), s.area == "urban", s.b1_max, s.b2_min) for s in review.scores]
        rules += [(order.index(review.otherwise.code), flag, None, 0) for flag in (False, True)]
        return _ordered(decide(b1, urban, b2, rules), order)

    def low_income_worker_households(self, households: pd.DataFrame) -> np.ndarray:
        """Say whose workers are low-income workers: at or below the line, neither poor nor near-poor.

        Parameters
        ----------
        households : pandas.DataFrame, shape (n, ...)
            As for `classify`.

        Returns
        -------
        numpy.ndarray of bool, shape (n,)

        Raises
        ------
        StandardError
            When the law of this standard has no such criterion.

        Examples
        --------
        >>> import pandas as pd
        >>> from povstudy.standards import load_standard
        >>> households = pd.DataFrame(
        ...     {"income": [1_500_000, 2_250_000, 2_250_001], "urban": False, "deprivations": 0}
        ... )
        >>> load_standard("vn_2022_2025_nd07").low_income_worker_households(households).tolist()
        [False, True, False]
        """
        if self.low_income_worker is None:
            raise StandardError(
                f"standard {self.id}: it has no low-income worker; the criterion came with Decree 30/2025 into "
                "vn_2022_2025_nd07."
            )
        rule = self.low_income_worker
        listed = np.isin(np.asarray(self.classify(households), dtype=object), rule.excluded)
        urban = flags(households, "urban", self.id)
        ceiling = np.where(urban, self.line("urban", rule.line), self.line("rural", rule.line))
        return ~listed & (numbers_in(households, "income", self.id) <= ceiling)

    def decision_table(self) -> pd.DataFrame:
        """Give the decision table: class, area, income_max, min_deprivations, clause, status, source."""
        return pd.DataFrame(
            {
                "class": [r.category for r in self.classes],
                "area": [r.area for r in self.classes],
                "income_max": pd.array([r.income_max for r in self.classes], dtype="Int64"),
                "min_deprivations": pd.array([r.min_deprivations for r in self.classes], dtype="int64"),
                "clause": [r.clause for r in self.classes],
                "status": [r.evidence.status for r in self.classes],
                "source": [" ".join(r.evidence.sources) for r in self.classes],
            }
        )

    def evidence(self, lang: str = "en") -> pd.DataFrame:
        """Give the evidence of every item: ``item, label, status, note, sources``."""
        return evidence_table(self, lang)

    def unverified(self, lang: str = "en") -> pd.DataFrame:
        """Give what is not verified: ``item, label, status, note``, for a report to show.

        Parameters
        ----------
        lang : {"en", "vi"}
            Language of label and note.

        Returns
        -------
        pandas.DataFrame
            One row an item whose status is CORROBORATED or UNVERIFIED; empty when there is none.

        Examples
        --------
        >>> from povstudy.standards import load_standard
        >>> load_standard("vn_2011_2015_qd09").unverified()["item"].tolist()[-1]
        'fact:higher_provincial_lines'
        """
        table = self.evidence(lang)
        weak = table[table["status"] != "VERIFIED"]
        return weak[["item", "label", "status", "note"]].reset_index(drop=True)

    def _require_classes(self) -> None:
        if not self.classes:
            raise StandardError(
                f"standard {self.id[:80]!r} ({self.kind}) has no decision table on income and deprivations, so "
                "households cannot be classified with it. Use a national standard (see list_standards()); a weighted "
                "measure is computed with alkire_foster()."
            )


def _ordered(codes: np.ndarray, order: list[str]) -> pd.Categorical:
    """Make the ordered Categorical of codes, shape (n,), categories from the poorest."""
    return pd.Categorical.from_codes(codes, categories=order, ordered=True)

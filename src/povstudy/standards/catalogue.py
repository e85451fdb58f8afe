"""Which standards there are, which one serves a year, and in which years two were measured."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

from povstudy.errors import StandardError, did_you_mean
from povstudy.standards.reader import read_standard
from povstudy.standards.standard import Standard
from povstudy.standards.terms import STATUSES, USES

__all__ = ["BridgeYear", "bridge_years", "list_standards", "load_standard", "standards_for"]


FAR = 100_000
"""Years from here on are not printed: a hostile integer may have thousands of digits."""


@dataclass(frozen=True)
class BridgeYear:
    """A year in which one family of figures stands on two standards, earlier law first.

    Only there may a difference of level between the two be read off. ``status`` is the weaker of the two
    uses; where it is not VERIFIED, ``note`` says why.
    """

    year: int
    use: str
    earlier: str
    later: str
    status: str
    note_en: str
    note_vi: str


@cache
def _catalogue() -> dict[str, Standard]:
    folder = resources.files("povstudy.standards") / "law"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    found = [read_standard(f.read_text(encoding="utf-8"), f.name) for f in files]
    found.sort(key=lambda s: (s.kind != "national", s.valid_from, s.id))
    labels = [series.label for standard in found for series in standard.series]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise StandardError(f"standards: the series labels {', '.join(twice)} are claimed by two files.")
    return {standard.id: standard for standard in found}


def list_standards() -> tuple[Standard, ...]:
    """List all standards: the national ones in order of their dates, then measures that are not law.

    Returns
    -------
    tuple of Standard

    Examples
    --------
    >>> [s.id for s in list_standards() if s.kind == "national"][-1]
    'vn_2027_2030_nd351'
    """
    return tuple(_catalogue().values())


def load_standard(id: str) -> Standard:
    """Load one standard by its id.

    Parameters
    ----------
    id : str
        For instance ``"vn_2022_2025_nd07"``.

    Returns
    -------
    Standard

    Raises
    ------
    StandardError
        When there is no such standard; the message lists those there are.

    Examples
    --------
    >>> load_standard("vn_2022_2025_nd07").line("urban")
    2000000
    """
    known = _catalogue()
    if not isinstance(id, str) or id not in known:
        raise StandardError(
            f"standard {str(id)[:80]!r} is not known; there are {', '.join(known)}.{did_you_mean(str(id), known)}"
        )
    return known[id]


def standards_for(year: int, *, use: str) -> tuple[Standard, ...]:
    """Give the national standards of a year for one use, earlier law first.

    Two standards in one year are two series: never one line, and the only place where a level bridge may be
    read off (`bridge_years`).

    Parameters
    ----------
    year : int
        For ``use="review"`` the year at whose end the review is made: it makes the list of the year after,
        so the last review of a period may already stand on the next standard.
    use : {"entitlement", "survey", "review"}
        Who is entitled in that year; the survey of that year; the household review at the end of it.

    Returns
    -------
    tuple of Standard
        One or two. How well each is known: ``standard.use_status(use, year)``.

    Raises
    ------
    StandardError
        When the use or the year is not known.

    Examples
    --------
    >>> [s.id for s in standards_for(2021, use="entitlement")]
    ['vn_2016_2020_qd59']
    >>> [s.id for s in standards_for(2021, use="review")]
    ['vn_2016_2020_qd59', 'vn_2022_2025_nd07']
    """
    _check_use(use)
    if isinstance(year, bool) or not isinstance(year, numbers.Integral):
        raise StandardError(
            f"year: got {str(year)[:60]!r} ({type(year).__name__}); needed is a whole number such as 2021."
        )
    found = tuple(s for s in _catalogue().values() if s.kind == "national" and s.use_status(use, int(year)))
    if not found:
        years = sorted(y for s in _catalogue().values() for u in s.uses if u.use == use for y in (u.first, u.last))
        raise StandardError(
            f"year {year if abs(year) < FAR else 'far away'}: no national standard for use {use!r}; the years "
            f"{years[0]} to {years[-1]} are known. Figures of other years need a standard of their own."
        )
    return found


def bridge_years(use: str | None = None) -> tuple[BridgeYear, ...]:
    """List the years in which a family of figures stands on two standards.

    Parameters
    ----------
    use : {"survey", "review"}, optional
        Only this family; without it both.

    Returns
    -------
    tuple of BridgeYear
        By use, then year.

    Raises
    ------
    StandardError
        When the use is unknown, or ``"entitlement"``: nothing is measured by an entitlement.

    Examples
    --------
    >>> [(b.year, b.status) for b in bridge_years("review")]
    [(2015, 'VERIFIED'), (2021, 'VERIFIED'), (2026, 'UNVERIFIED')]
    """
    if use == "entitlement":
        raise StandardError("use 'entitlement': a bridge is read off measured figures; possible: survey, review.")
    if use is not None:
        _check_use(use)
    return tuple(bridge for u in ("survey", "review") if use in (None, u) for bridge in _bridges(u))


def _bridges(use: str) -> list[BridgeYear]:
    spans = [u for s in _catalogue().values() for u in s.uses if u.use == use]
    bridges = []
    for year in range(min(u.first for u in spans), max(u.last for u in spans) + 1):
        served = [(s, u) for s in _catalogue().values() for u in s.uses if u.use == use and u.first <= year <= u.last]
        for (earlier, a), (later, b) in pairwise(served):
            weaker = max((a, b), key=lambda u: STATUSES.index(u.evidence.status)).evidence
            bridges.append(BridgeYear(year, use, earlier.id, later.id, weaker.status, weaker.note_en, weaker.note_vi))
    return bridges


def _check_use(use: str) -> None:
    if use not in USES:
        raise StandardError(
            f"use: got {str(use)[:60]!r}; possible: {', '.join(USES)} (they differ: a year-end review makes next "
            f"year's list).{did_you_mean(str(use), USES)}"
        )

"""Labels of rate series: which standard and family each stands on, and the refusal to mix them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from povstudy.errors import StandardError, did_you_mean
from povstudy.standards.catalogue import BridgeYear, bridge_years, list_standards
from povstudy.standards.standard import Standard
from povstudy.standards.terms import Evidence, Series

__all__ = [
    "family_of_series",
    "list_series",
    "one_standard",
    "series_name",
    "standard_of_series",
]

LABEL_SHOWN = 80
YEARS_SHOWN = 8


@cache
def _by_label() -> dict[str, tuple[Standard, Series]]:
    return {series.label: (standard, series) for standard in list_standards() for series in standard.series}


def list_series() -> tuple[Series, ...]:
    """List the series of official figures, in order of their standards.

    Examples
    --------
    >>> [s.label for s in list_series() if s.family == "review"][0]
    'review-income-2006-2010'
    """
    return tuple(series for _, series in _by_label().values())


def standard_of_series(label: str) -> Standard:
    """Give the standard that a rate series was measured on.

    Parameters
    ----------
    label : str
        A label of `list_series`, or a user's own text: that is a standard of its own, of kind ``"user"``,
        which cannot classify.

    Returns
    -------
    Standard

    Raises
    ------
    StandardError
        When the label is empty or no text.

    Examples
    --------
    >>> standard_of_series("review-mdp-2022-2025").id
    'vn_2022_2025_nd07'
    >>> standard_of_series("BPS national line 2011").kind
    'user'
    """
    label = _check_label(label)
    if label in _by_label():
        return _by_label()[label][0]
    return Standard(
        id=label,
        kind="user",
        title_en=label,
        title_vi=label,
        short_en=label,
        short_vi=label,
        instrument="",
        clause="",
        measure="",
        identification="",
        currency="",
        valid_from=None,
        valid_to=None,
        validity=Evidence("UNVERIFIED", (), "The label of a user's own figures.", "Nhãn do người dùng đặt."),
    )


def family_of_series(label: str) -> str:
    """Give the family of a series: ``"survey"``, ``"review"``, or ``"user"`` for an unknown label.

    Examples
    --------
    >>> family_of_series("nso-mdp-2022-2025"), family_of_series("my own")
    ('survey', 'user')
    """
    label = _check_label(label)
    return _by_label()[label][1].family if label in _by_label() else "user"


def series_name(label: str, lang: str = "en", *, short: bool = False) -> str:
    """Name of a series for captions and legends; a user's own label is its own name.

    Examples
    --------
    >>> series_name("review-mdp-2022-2025", "vi", short=True)
    'Rà soát, đa chiều 2022-2025'
    """
    label = _check_label(label)
    if label not in _by_label():
        return standard_of_series(label).short(lang)
    series = _by_label()[label][1]
    return series.short(lang) if short else series.name(lang)


def one_standard(
    labels: str | Iterable[str], *, what: str = "one line", where: str = "", years: Iterable[int] | None = None
) -> str:
    """Return the one series label that all figures share, or refuse to mix them.

    Parameters
    ----------
    labels : str or iterable of str
        Series labels of the figures (column ``standard`` of the rates), one a figure or each once.
    what : str
        What would be made of them, for the message: ``"one line"``, ``"one forecast"``.
    where : str
        Of what, for the message: an area, a file.
    years : iterable of int, optional
        Year of each figure, to be named in the message.

    Returns
    -------
    str
        The label.

    Raises
    ------
    StandardError
        When there is no label, one is missing, or they stand on different standards or families. The message
        says which, whether a year exists in which both were measured, and what to do.

    Examples
    --------
    >>> one_standard(["nso-mdp-2022-2025", "nso-mdp-2022-2025"])
    'nso-mdp-2022-2025'
    """
    place = f" for {where[:LABEL_SHOWN]}" if where else ""
    listed = [labels] if isinstance(labels, str) else list(labels)
    found = [_check_label(label, f"{what}{place}") for label in listed]
    if not found:
        raise StandardError(f"{what}{place}: no figures, so no standard. Give at least one figure with its label.")
    unique = list(dict.fromkeys(found))
    if len(unique) == 1:
        return unique[0]
    of_label = _years_of(found, None if years is None else list(years), f"{what}{place}")
    parts = [_describe(label, of_label.get(label, "")) for label in unique]
    raise StandardError(
        f"{what}{place} would mix {len(unique)} series that are not comparable: {'; '.join(parts)}. "
        f"{_reasons(unique)} Fit and draw each one apart. {_bridge_text(unique)}{_typing_hint(unique)}"
    )


def _describe(label: str, years: str) -> str:
    standard, family = standard_of_series(label), family_of_series(label)
    law = "a user's own label" if standard.kind == "user" else f"standard {standard.id}, {family}"
    return f"{label[:LABEL_SHOWN]!r} ({law}{', ' + years if years else ''})"


def _reasons(labels: list[str]) -> str:
    families = sorted({family_of_series(label) for label in labels})
    laws = {standard_of_series(label).id for label in labels}
    reasons = []
    if len(laws) > 1:
        reasons.append("A change of standard moves the rate by itself.")
    if {"review", "survey"} <= set(families):
        reasons.append("A survey estimates a rate, a review counts listed households: two concepts.")
    if "user" in families:
        reasons.append("A user's own label counts as a standard of its own.")
    return " ".join(reasons)


def _bridge_text(labels: list[str]) -> str:
    bridges = bridges_between(labels)
    if bridges:
        named = ", ".join(
            f"{b.use} {b.year}" + ("" if b.status == "VERIFIED" else f" ({b.status}: {b.note_en})") for b in bridges
        )
        return f"The difference in level may be read off only where both were measured in one year: {named}."
    return "No year is known in which one family was measured on both, so there is no level bridge."


def bridges_between(labels: Iterable[str]) -> tuple[BridgeYear, ...]:
    """List the bridge years between any two of the series, each inside one family.

    Examples
    --------
    >>> [b.year for b in bridges_between(["review-income-2011-2015", "review-mdp-2016-2020"])]
    [2015]
    """
    ids: dict[str, set[str]] = {}
    for label in labels:
        ids.setdefault(family_of_series(label), set()).add(standard_of_series(label).id)
    return tuple(b for b in bridge_years() if {b.earlier, b.later} <= ids.get(b.use, set()))


def _typing_hint(labels: list[str]) -> str:
    for label in labels:
        if label not in _by_label() and (hint := did_you_mean(label, _by_label())):
            return f" If {label[:LABEL_SHOWN]!r} is a slip:{hint}"
    return ""


def _years_of(labels: list[str], years: list[int] | None, what: str) -> dict[str, str]:
    if years is None:
        return {}
    if len(years) != len(labels):
        raise StandardError(f"{what}: {len(labels)} labels but {len(years)} years; give one year a label.")
    texts = {}
    for label in dict.fromkeys(labels):
        own = sorted({int(y) for name, y in zip(labels, years, strict=True) if name == label})
        texts[label] = ", ".join(map(str, own[:YEARS_SHOWN])) + (", ..." if len(own) > YEARS_SHOWN else "")
    return texts


def _check_label(label: object, what: str = "series") -> str:
    if not isinstance(label, str) or not label.strip():
        shown = "an empty text" if isinstance(label, str) else f"{type(label).__name__} {str(label)[:40]!r}"
        raise StandardError(
            f"{what}: a series label is {shown}; every figure names the series it was measured on, for instance "
            f"{next(iter(_by_label()))!r}, or a text of your own."
        )
    return label

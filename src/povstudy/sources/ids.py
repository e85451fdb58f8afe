"""Area ids are text and carry their vintage: what an id alone can tell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from povstudy.errors import StandardError

__all__ = ["COUNTRY", "FOREIGN_PREFIXES", "area_id", "fold", "one_territory", "slug", "vintage_of"]

COUNTRY = "vn"
"""Id of the country."""

FOREIGN_PREFIXES = ("vn", "vn63", "vn34")
"""Prefixes of shipped ids, which a user's own ids may not carry."""

HA_TAY = "vn-ha-tay"
"""Hà Tây, a province until 2008: none of the 63."""

_MERGED = "AG34_MERGED"


def fold(text: str) -> str:
    """Return a text in lower case without diacritics, punctuation or repeated blanks.

    Examples
    --------
    >>> fold("Bà Rịa - Vũng Tàu"), fold("ĐẮK LẮK")
    ('ba ria vung tau', 'dak lak')
    """
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^0-9a-z]+", " ", plain).split())


def slug(text: str) -> str:
    """Return a text as part of an id.

    Examples
    --------
    >>> slug("Ấp Phú Nhơn, xã Phú Hội")
    'ap-phu-nhon-xa-phu-hoi'
    """
    return fold(text).replace(" ", "-")


def area_id(code: str, name: str, level: str, regions: dict[str, str]) -> str:
    """Return the id of an area as a raw file names it.

    Parameters
    ----------
    code, name, level : str
        As in the raw file; the code may be empty.
    regions : dict of str to str
        Region id by Vietnamese name.

    Returns
    -------
    str
        For instance ``vn63-89``, ``vn34-91``, ``vn63-891`` (a district), ``vn``.

    Examples
    --------
    >>> area_id("89", "An Giang", "province", {}), area_id("VNM", "Việt Nam", "country", {})
    ('vn63-89', 'vn')
    """
    if level == "country":
        return COUNTRY
    if level == "region":
        return regions[name]
    if code == _MERGED:
        return "vn34-91"
    if code:
        return f"vn63-{code}"
    if level == "province":
        return f"vn-{slug(name.split('(')[0])}"
    return f"vn63-{slug(name.split(', An Giang')[0])}"


def vintage_of(area: str) -> str:
    """Return the vintage of an id: ``"63"``, ``"34"`` or ``""`` where none applies.

    Examples
    --------
    >>> vintage_of("vn63-89"), vintage_of("vn34-91"), vintage_of("vn"), vintage_of("idn-32")
    ('63', '34', '', '')
    """
    return {"vn63": "63", "vn34": "34"}.get(area.split("-", 1)[0], "")


def one_territory(areas: Iterable[str]) -> None:
    """Refuse areas of both vintages in one line or panel.

    Parameters
    ----------
    areas : iterable of str
        Area ids.

    Raises
    ------
    StandardError
        If ids of the 63 and of the 34 provinces stand together.

    Examples
    --------
    >>> one_territory(["vn63-89", "vn63-91", "vn"])
    >>> one_territory(["vn63-89", "vn34-91"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    povstudy.errors.StandardError: vn63-89 (...) and vn34-91 (...) are different territories ...
    """
    areas = list(areas)
    old = next((a for a in areas if vintage_of(a) == "63"), None)
    new = next((a for a in areas if vintage_of(a) == "34"), None)
    if old and new:
        raise StandardError(
            f"{old} (one of the 63 provinces until 30 June 2025) and {new} (one of the 34 since 1 July 2025) are "
            "different territories and cannot share one line or panel. Forecast the parts and add them up: "
            f"parts_of({new!r}) names them."
        )

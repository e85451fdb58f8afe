"""Areas: ids that carry their vintage, names, parts and successors, "did you mean".

All 34 codes of today exist among the 63 of before, some for another place: 91 was Kiên Giang and is An Giang
now.  A bare code or a name is therefore accepted only where it can mean one area.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache

import pandas as pd

from povstudy.errors import AreaError, did_you_mean
from povstudy.sources.home import project_home
from povstudy.sources.ids import fold, one_territory, vintage_of
from povstudy.sources.raw import LOCAL, RAW_FOLDER
from povstudy.sources.store import load
from povstudy.tables import shown

__all__ = [
    "area_label",
    "area_name",
    "areas_of",
    "one_territory",
    "parts_of",
    "region_of",
    "resolve_area",
    "siblings_of",
    "successor_of",
    "tile_layout",
    "vintage_of",
]

_VINTAGE = {
    "63": {"en": "one of the 63 provinces, until 30 June 2025", "vi": "một trong 63 tỉnh, đến 30/6/2025"},
    "34": {"en": "one of the 34 provinces, since 1 July 2025", "vi": "một trong 34 tỉnh, từ 1/7/2025"},
}
_SHORT = {
    "63": {"en": "to June 2025", "vi": "đến 6/2025"},
    "34": {"en": "since July 2025", "vi": "từ 7/2025"},
}


def _stamp() -> tuple:
    """Return what changes when the raw files change, without reading them."""
    home = project_home()
    files = [p for folder in (RAW_FOLDER, LOCAL) for p in sorted((home / folder).glob("*.*"))]
    return str(home), tuple((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in files)


@lru_cache(maxsize=4)
def _cached(stamp: tuple) -> pd.DataFrame:
    return load("areas").set_index("area", drop=False)


def _areas(areas: pd.DataFrame | None = None) -> pd.DataFrame:
    return _cached(_stamp()) if areas is None else areas.set_index("area", drop=False)


def _row(area: str, areas: pd.DataFrame | None = None) -> pd.Series:
    table = _areas(areas)
    if area not in table.index:
        raise AreaError(
            f"There is no area with the id {shown(area)}.{did_you_mean(str(area), table.index)} Ids look like vn63-89, "
            "vn34-91, vn-mekong-river-delta, vn; povstudy.load('areas') lists them."
        )
    return table.loc[area]


def _keys(row: pd.Series) -> set[str]:
    names = [row["name"], row["name_en"], *row["also"].split(";")]
    return {fold(name) for name in names} - {""}


def _candidate(row: pd.Series) -> str:
    when = _VINTAGE.get(row["vintage"], {}).get("en", row["level"])
    what = when if row["level"] == "province" else row["level"]
    return f"{row['area']} ({shown(row['name'])[1:-1]}, {what})"


def _nearest(text: str, table: pd.DataFrame) -> str:
    """Return a sentence with the areas whose id or name is closest to a text, or an empty string."""
    near: dict[str, list[str]] = {}
    for _, row in table.iterrows():
        for key in {row["area"], *_keys(row)}:
            near.setdefault(key, []).append(_candidate(row))
    close = dict.fromkeys(c for key in get_close_matches(text[:200], sorted(near)) for c in near[key])
    return f" Did you mean {' or '.join(list(close)[:4])}?" if close else ""


def resolve_area(text: str, *, areas: pd.DataFrame | None = None) -> str:
    """Return the id that a text names.

    Parameters
    ----------
    text : str
        An id (``vn63-89``), a bare code (``89``) or a name with or without diacritics (``Kien Giang``).
    areas : DataFrame or None
        ``load("areas")``; None loads it.

    Returns
    -------
    str
        The id.

    Raises
    ------
    AreaError
        If nothing has this code or name (with the closest names), or several areas have (with all of them).

    Examples
    --------
    >>> resolve_area("vn63-89"), resolve_area("89"), resolve_area("kien giang")
    ('vn63-89', 'vn63-89', 'vn63-91')
    >>> resolve_area("91")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    povstudy.errors.AreaError: '91' can mean vn63-91 (Kiên Giang, ...) or vn34-91 (An Giang, ...
    """
    table = _areas(areas)
    text = str(text).strip()
    if text in table.index:
        return text
    by_fold = {area.casefold(): area for area in table.index}
    if text.casefold() in by_fold:
        return by_fold[text.casefold()]
    wanted = fold(text)
    found = [row for _, row in table.iterrows() if wanted and (text == row["code"] or wanted in _keys(row))]
    if len(found) == 1:
        return found[0]["area"]
    if found:
        raise AreaError(
            f"{shown(text)} can mean {' or '.join(_candidate(row) for row in found)}. Give the id of the one you mean."
        )
    hint = _nearest(wanted or text, table)
    raise AreaError(
        f"There is no area {shown(text)}.{hint} Give an id such as vn34-91, a code of the 63 or 34 provinces, or a "
        "name; povstudy.load('areas') lists them all."
    )


def area_name(area: str, lang: str = "en") -> str:
    """Return the name of an area.

    Parameters
    ----------
    area : str
        Its id.
    lang : str
        ``en`` or ``vi``.

    Raises
    ------
    AreaError
        If there is no such id.

    Examples
    --------
    >>> area_name("vn63-79"), area_name("vn63-79", "vi")
    ('Ho Chi Minh City', 'Hồ Chí Minh')
    """
    return _row(area)["name_en" if lang == "en" else "name"]


def area_label(area: str, lang: str = "en") -> str:
    """Return the name of an area with its vintage, where it has one: what a title or legend needs.

    Examples
    --------
    >>> area_label("vn63-89"), area_label("vn34-91"), area_label("vn")
    ('An Giang (to June 2025)', 'An Giang (since July 2025)', 'Vietnam')
    """
    row = _row(area)
    when = _SHORT.get(row["vintage"], {}).get("en" if lang == "en" else "vi")
    name = row["name_en" if lang == "en" else "name"]
    return f"{name} ({when})" if when and row["level"] == "province" else name


def parts_of(area: str) -> tuple[str, ...]:
    """Return the areas that make up an area: of the 63 for one of the 34, provinces of the 63 for a region.

    Parameters
    ----------
    area : str
        Its id.

    Returns
    -------
    tuple of str
        Ids of the parts; the area itself where it has none.

    Examples
    --------
    >>> parts_of("vn34-91"), parts_of("vn63-89")
    (('vn63-89', 'vn63-91'), ('vn63-89',))
    """
    row = _row(area)
    if row["parts"]:
        return tuple(row["parts"].split())
    if (row["level"] in {"region", "country"} and row["file"] != "") or area == "vn":
        table = _areas()
        old = table[(table["level"] == "province") & (table["vintage"] == "63")]
        inside = old if area == "vn" else old[old["region"] == area]
        if len(inside):
            return tuple(inside["area"])
    return (area,)


def successor_of(area: str) -> str:
    """Return the province of the 34 that took in one of the 63.

    Raises
    ------
    AreaError
        If the area has no successor.

    Examples
    --------
    >>> successor_of("vn63-89")
    'vn34-91'
    """
    row = _row(area)
    if not row["successor"]:
        raise AreaError(
            f"{area} has no successor: only the 63 provinces, which ended on 30 June 2025, have one. Use the id itself."
        )
    return row["successor"]


def region_of(area: str) -> str:
    """Return the id of the region in which an area lies.

    It is ``""`` for the country, a user's area and a province of the 34 whose parts lie in two regions.

    Examples
    --------
    >>> region_of("vn63-89"), region_of("vn34-80")
    ('vn-mekong-river-delta', '')
    """
    return _row(area)["region"]


def siblings_of(area: str) -> tuple[str, ...]:
    """Return the areas of the same level and vintage, without the area itself.

    Districts, communes and a user's areas have only siblings under the same parent or from the same file.

    Examples
    --------
    >>> len(siblings_of("vn63-89")), len(siblings_of("vn34-91")), siblings_of("vn")
    (62, 33, ())
    """
    row, table = _row(area), _areas()
    same = table[(table["level"] == row["level"]) & (table["vintage"] == row["vintage"]) & (table["area"] != area)]
    if row["vintage"] == "":
        same = same[(same["file"] == row["file"]) & (same["parent"] == row["parent"])]
    elif row["level"] != "province":
        same = same[same["parent"] == row["parent"]]
    return tuple(same["area"])


def areas_of(which: str) -> tuple[str, ...]:
    """Return the areas that a sweep means: ``all``, a region, or ids and names separated by commas.

    Parameters
    ----------
    which : str
        ``all`` is the 63 provinces, on which there are figures.

    Returns
    -------
    tuple of str

    Raises
    ------
    AreaError
        If one of the names is unknown or ambiguous.

    Examples
    --------
    >>> len(areas_of("all")), len(areas_of("vn-mekong-river-delta")), areas_of("vn63-89, vn34-91")
    (63, 13, ('vn63-89', 'vn34-91'))
    """
    if which.strip().casefold() == "all":
        return parts_of("vn")
    ids = tuple(resolve_area(text) for text in which.split(",") if text.strip())
    if len(ids) == 1 and _row(ids[0])["level"] == "region":
        return parts_of(ids[0])
    return ids


def tile_layout(vintage: str) -> pd.DataFrame:
    """Return the cell of each province on a tile map: a grid of squares, the north at the top.

    Parameters
    ----------
    vintage : str
        ``63`` (to June 2025) or ``34`` (since July 2025).

    Returns
    -------
    DataFrame
        ``area, row, column``, whole numbers from 0; no two provinces share a cell.

    Raises
    ------
    AreaError
        If there is no such vintage.

    Examples
    --------
    >>> layout = tile_layout("34").set_index("area")
    >>> len(layout), bool(layout.loc["vn34-01", "row"] < layout.loc["vn34-91", "row"])
    (34, True)
    """
    if str(vintage) not in _VINTAGE:
        raise AreaError(
            f"There is no tile map of the vintage {shown(vintage)}. Possible: 63 (the provinces until 30 June 2025) "
            "or 34 (since 1 July 2025)."
        )
    tiles = load("tiles")
    return tiles.loc[tiles["vintage"] == str(vintage), ["area", "row", "column"]].reset_index(drop=True)

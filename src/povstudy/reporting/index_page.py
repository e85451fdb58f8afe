"""The index page: an atlas of the reports of a folder, in one file that asks nothing of the network.

Without scripts it is a list with its maps.  Its own script, which the content-security policy names by hash, adds
search, filters and sorting.  Everything from data is escaped by the template.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import json
import textwrap
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from povstudy.disclosure import labelled_key
from povstudy.errors import PovstudyError
from povstudy.reporting import atlas, folders, wording
from povstudy.reporting.all_forecasts import ALL_FORECASTS_FILE, SIMULATED, ReportForecast
from povstudy.reporting.entries import DONE, FILE_WORDS, STATUSES, Entry
from povstudy.reporting.formats import format_number
from povstudy.reporting.record import FORECAST_FILE
from povstudy.reporting.report import DOCUMENTS
from povstudy.reporting.runner import NOTEBOOK_FILE, PAGE_FILE
from povstudy.sources.ids import vintage_of

__all__ = ["index_page", "policy"]

COMMON_PARAMETERS = ("area", "lang", "seed")
LONGEST = 300
NO_REGION, NO_VINTAGE = "none", "none"
INDEX_WORDS = ("title", "intro", "empty", "report", "computed", "files", "scores")
ATLAS_WORDS = ("search", "region", "vintage", "notebook", "status", "language", "all", "reset", "filters", "shown")
ATLAS_WORDS += ("sorted", "area", "reports", "download", "maps", "show", "tiles", "table", "province", "rate")
ATLAS_WORDS += ("low", "high", "skip")


@dataclass(frozen=True)
class _Place:
    """An official area: its name in the page's language, its region and its parts."""

    name: str
    region: str = ""
    parts: tuple[str, ...] = ()


def policy(script: str) -> str:
    """Return the content-security policy of a page with one script of its own.

    Parameters
    ----------
    script : str
        The text between its tags.

    Returns
    -------
    str
        The policy of every page, and the hash of the script: no other runs.

    Examples
    --------
    >>> policy("1")
    "default-src 'none'; ...; script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"
    """
    from povstudy.reporting.render import CSP

    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return f"{CSP}; script-src 'sha256-{digest}'"


@functools.cache
def _template(name: str) -> str:
    from povstudy.reporting.render import TEMPLATES

    return (TEMPLATES / name).read_text(encoding="utf-8")


def index_page(
    output: Path, found: Sequence[Entry], forecasts: Sequence[ReportForecast], *, lang: str, scores: bool = False
) -> str:
    """Return the index page.

    Parameters
    ----------
    output : Path
        The parent of all reports.
    found : sequence of Entry
        Every report.
    forecasts : sequence of ReportForecast
        Their forecasts.
    lang : str
        Language of the page.
    scores : bool
        Whether there is a page of scores.

    Returns
    -------
    str
        A complete HTML document.
    """
    import jinja2

    from povstudy.reporting.render import CSP, TEMPLATES, page_css

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    places = _places(lang)
    simulated = {one.entry.folder for one in forecasts if one.rests_on == SIMULATED}
    rows = [_row(e, places, lang, simulated=e.folder in simulated or _shows_simulated(e)) for e in found]
    script = _template("index.js")
    words = {name: wording.text_of(f"index.{name}", lang) for name in INDEX_WORDS}
    words |= {name: wording.text_of(f"atlas.{name}", lang) for name in ATLAS_WORDS}
    count = Counter(entry.status for entry in found)
    counts = {status.replace("-", "_"): str(count[status]) for status in STATUSES} | {"all": str(len(found))}
    return environment.get_template("index.html.j2").render(
        lang=lang,
        csp=policy(script) if rows else CSP,
        css=page_css() + _template("index.css"),
        script=script,
        words=words,
        rows=rows,
        counts=wording.fill("atlas.counts", lang, counts),
        choices=_choices(rows, places, lang),
        measures=_measures(found, forecasts, places, lang) if places and rows else [],
        forecasts=ALL_FORECASTS_FILE if forecasts else "",
        download_says=wording.fill("atlas.download_says", lang, {"count": str(len(forecasts))}),
        scores=folders.SCORES_PAGE.as_posix() if scores else "",
    )


def _places(lang: str) -> dict[str, _Place]:
    """Return the official areas by id; none where there is no project folder with data."""
    from povstudy.sources import load

    try:
        table = load("areas")
    except PovstudyError:
        return {}
    name = "name_en" if lang == "en" else "name"
    rows = zip(*(table[column] for column in ("area", name, "region", "level", "parts")), strict=True)
    return {
        str(area): _Place(
            str(named),
            str(area) if level == "region" else str(region or ""),
            tuple(str(parts).split()),
        )
        for area, named, region, level, parts in rows
    }


def _shows_simulated(entry: Entry) -> bool:
    """Tell whether a table, a figure or the title of a report says that it is simulated."""
    mark = labelled_key("", {"simulated": True})
    outputs = entry.facts.get("outputs")
    names = [Path(str(name)).name for name in outputs] if isinstance(outputs, Mapping | Sequence) else []
    return SIMULATED in entry.fact("title") or any(name.startswith(mark) for name in names)


def _row(entry: Entry, places: Mapping[str, _Place], lang: str, *, simulated: bool) -> dict[str, object]:
    """Return a report as plain text for the template, which escapes it."""
    further = {k: v for k, v in entry.parameters.items() if k not in COMMON_PARAMETERS and v not in (None, "", [])}
    values = {
        "cell": entry.fact("cell")[:20],
        "reason": textwrap.shorten(entry.fact("reason"), LONGEST, placeholder=" …"),
    }
    texts = {
        folders.FAILED: ("index.failed", values),
        folders.NOT_AVAILABLE: ("index.not_available", {"reason": values["reason"]}),
    }
    key, filled = texts.get(entry.status, (f"index.{entry.status}", {}))
    area = entry.fact("area")
    place = places.get(area, _Place(entry.fact("area_name")))
    vintage = vintage_of(area)
    about = [area, wording.text_of(f"atlas.vintage_{vintage}", lang) if vintage else ""]
    about.append(places[place.region].name if place.region in places and place.region != area else "")
    return {
        "area": (place.name or area)[:LONGEST],
        "place": " · ".join(part[:LONGEST] for part in about if part),
        "region": place.region or NO_REGION,
        "vintage": vintage or NO_VINTAGE,
        "notebook": entry.notebook[:LONGEST],
        "title": (entry.fact("title") or entry.notebook)[:LONGEST],
        "lang": str(entry.facts.get("lang", lang)),
        "id": entry.fact("id")[:LONGEST],
        "label": SIMULATED if simulated else "",
        "parameters": " ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in further.items())[:LONGEST],
        "page": _href(entry.folder / PAGE_FILE) if PAGE_FILE in entry.files else "",
        "status": entry.status,
        "status_key": str(STATUSES.index(entry.status)),
        "status_text": wording.fill(key, lang, filled),
        "finished": entry.fact("finished")[:LONGEST],
        "files": _files(entry, lang),
    }


def _files(entry: Entry, lang: str) -> list[dict[str, str]]:
    linked = [(file, Path(file).suffix[1:].upper()) for file in entry.files if Path(file).suffix in DOCUMENTS]
    for file, word in FILE_WORDS:
        if file in entry.files:
            stopped = file == NOTEBOOK_FILE and entry.status == folders.FAILED
            key = "atlas.failed_notebook" if stopped else f"index.{word}"
            linked.append((file, wording.text_of(key, lang)))
    return [{"href": _href(entry.folder / file), "name": name} for file, name in linked]


def _href(path: Path) -> str:
    return urllib.parse.quote(path.as_posix())


def _choices(rows: Iterable[Mapping], places: Mapping[str, _Place], lang: str) -> dict[str, list[tuple[str, str]]]:
    """Return what each filter can be set to: only what occurs."""
    there = {name: {str(row[name]) for row in rows} for name in ("region", "vintage", "notebook", "status", "lang")}
    regions = sorted((places[one].name, one) for one in there["region"] if one in places)
    named = [(region, name) for name, region in regions]
    if NO_REGION in there["region"]:
        named.append((NO_REGION, wording.text_of("atlas.no_region", lang)))
    known = [one for one in wording.LANGUAGES if one in there["lang"]]
    return {
        "region": named,
        "vintage": [
            (one, wording.text_of(f"atlas.vintage_{one}", lang))
            for one in (*atlas.VINTAGES, NO_VINTAGE)
            if one in there["vintage"]
        ],
        "notebook": [(one, one) for one in sorted(there["notebook"])],
        "status": [
            (one, wording.text_of(f"atlas.status_{one.replace('-', '_')}", lang))
            for one in STATUSES
            if one in there["status"]
        ],
        "language": [(one, wording.text_of("page.language_name", one)) for one in known],
    }


def _measures(
    found: Sequence[Entry], forecasts: Sequence[ReportForecast], places: Mapping[str, _Place], lang: str
) -> list[dict[str, object]]:
    """Return the maps, as plain text for the template."""
    from povstudy.sources import load

    parts = {area: place.parts for area, place in places.items() if vintage_of(area) == "34"}
    published = atlas.published_measure(load("rates"), parts)
    made = [*([published] if published else []), *atlas.forecast_measures(forecasts)]
    pages, layouts = _pages(found, lang), {vintage: atlas.layout(vintage) for vintage in atlas.VINTAGES}
    return [_measure(f"map-{number}", one, layouts, places, pages, lang) for number, one in enumerate(made, start=1)]


def _pages(found: Sequence[Entry], lang: str) -> dict[str, str]:
    """Return the page of each area's forecast: in the language of the index where there is one."""
    pages: dict[str, str] = {}
    order = sorted(found, key=lambda one: (one.fact("lang") == lang, one.fact("finished")))
    for entry in order:
        if entry.status == DONE and PAGE_FILE in entry.files and FORECAST_FILE in entry.files:
            pages[entry.fact("area")] = _href(entry.folder / PAGE_FILE)
    return pages


def _measure(
    name: str,
    measure: atlas.Measure,
    layouts: Mapping[str, list[atlas.Tile]],
    places: Mapping[str, _Place],
    pages: Mapping[str, str],
    lang: str,
) -> dict[str, object]:
    from povstudy.standards.series import series_name

    forecast = measure.kind == "forecast"
    try:
        standard = series_name(measure.standard, lang)
    except PovstudyError:
        standard = measure.standard
    values = {"year": str(measure.year), "series": atlas.series_words(measure, lang)}
    limits = atlas.legend(one.value for one in measure.values.values())
    note = wording.fill("atlas.rule", lang, {"model": measure.model}) if forecast else ""
    return {
        "id": name,
        "forecast": forecast,
        "title": wording.fill(f"atlas.{measure.kind}", lang, values),
        "standard": wording.fill("atlas.one_standard", lang, {"standard": standard}),
        "note": note or wording.text_of("atlas.weighted", lang),
        "legend": _legend(limits, lang),
        "grids": [
            {
                "title": wording.text_of(f"atlas.vintage_{vintage}", lang),
                "columns": max(tile.column for tile in layout),
                "tiles": (tiles := [_tile(one, measure, limits, places, pages, lang) for one in layout]),
                "rows": sorted(tiles, key=lambda tile: str(tile["area"])),
            }
            for vintage, layout in layouts.items()
        ],
    }


def _legend(limits: Sequence[float], lang: str) -> list[tuple[int, str]]:
    """Return the classes of a map in words; class 0 has no figure."""
    said = [_rate(limit, lang) for limit in limits]
    if not said:
        texts = [wording.text_of("atlas.one_class", lang)]
    else:
        between = [wording.fill("atlas.between", lang, {"low": a, "high": b}) for a, b in itertools.pairwise(said)]
        texts = [wording.fill("atlas.below", lang, {"limit": said[0]}), *between]
        texts.append(wording.fill("atlas.from", lang, {"limit": said[-1]}))
    return [*enumerate(texts, start=1), (0, wording.text_of("missing", lang))]


def _rate(value: float | None, lang: str, digits: int = 1) -> str:
    return "" if value is None else format_number(value, "%", lang, digits=digits, with_unit=False)


def _tile(
    tile: atlas.Tile,
    measure: atlas.Measure,
    limits: Sequence[float],
    places: Mapping[str, _Place],
    pages: Mapping[str, str],
    lang: str,
) -> dict[str, object]:
    value = measure.values.get(tile.area)
    return {
        "area": tile.area,
        "name": places[tile.area].name,
        "row": tile.row,
        "column": tile.column,
        "shade": 0 if value is None else atlas.shade(value.value, limits),
        "href": pages.get(tile.area, ""),
        "short": _rate(value.value, lang) if value else "",
        "text": _rate(value.value, lang, 2) if value else wording.text_of("missing", lang),
        "low": _rate(value.low, lang, 2) if value else "",
        "high": _rate(value.high, lang, 2) if value else "",
    }

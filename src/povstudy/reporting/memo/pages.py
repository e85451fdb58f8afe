"""The two pages of a memo: what is said, in which order, from which record."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import pandas as pd

from povstudy.areas import area_label, parts_of
from povstudy.errors import AreaError
from povstudy.reporting.cite import series_in
from povstudy.reporting.formats import Clause, Name, Phrase, Year
from povstudy.reporting.memo.advice import advice
from povstudy.reporting.memo.blocks import Figure, Headline, Memo, Paragraph, Section, Sources, Table
from povstudy.reporting.memo.outlook import Series, Target, fan_of, series_of, target_lines, targets_of, track_rows
from povstudy.reporting.memo.parts import COMMUNES, FORECAST, PROFILE, Part, Reports
from povstudy.reporting.memo.sheet import sheet
from povstudy.reporting.memo.state import Statements
from povstudy.standards import list_series, series_name, standard_of_series, standards_for

if TYPE_CHECKING:
    from povstudy.reporting.report import Report

__all__ = ["memo_of"]

LOW_COVERAGE = 0.7
LABEL_WIDTH = 24
FIGURE_INCHES = (6.9, 2.75)


def memo_of(report: Report, reports: Reports) -> Memo:
    """Say what the reports of an area say, on two pages and a sheet.

    Parameters
    ----------
    report : Report
        The report of the memo: every number is stated in it.
    reports : Reports
        What `povstudy.reporting.memo.parts.require` gives.

    Returns
    -------
    Memo
        Nothing is written yet.

    Raises
    ------
    ReportError
        If a report does not state what the memo needs.
    """
    state = Statements(report, reports)
    part = reports.parts[FORECAST]
    series = series_of(part)
    targets = targets_of(part, reports.lang)
    place = part.area_name
    own = series[0]
    standard = standard_name(own, reports.lang)
    subtitle = report.phrase("memo.subtitle", standard=Clause(standard), year=Year(own.origin_year))
    sections = (
        _headline(state, part, own, targets),
        _targets(state, part, own, targets),
        _track(state, part, own),
        _changes(state, part, own),
        advice(state),
        _sources(state),
    )
    title, sheet_subtitle, sheet_sections = sheet(state, part, series)
    return Memo(
        lang=reports.lang,
        area=reports.area,
        area_name=place,
        title=report.words("memo.title", area=Name(place)),
        subtitle=subtitle,
        sections=sections,
        sheet_title=title,
        sheet_subtitle=sheet_subtitle,
        sheet=sheet_sections,
        sources=tuple(
            Sources(reports.note(one), one.id, one.title, f"povstudy verify {one.id}") for one in reports.parts.values()
        ),
        footer=report.words("memo.footer", id=Clause(part.id)),
    )


def standard_name(series: Series, lang: str) -> str:
    """Return the name of the standard of a series; a user's own label is its own name."""
    known = {one.label for one in list_series()}
    return series_name(series.standard, lang) if series.standard in known else series.standard


def place_of(state: Statements, area: str) -> str:
    """Return the name of an area, or of the area of a user's file as the report has it."""
    try:
        return area_label(area, state.reports.lang)
    except AreaError:
        return state.reports.parts[FORECAST].area_name if area == state.reports.area else area


def _section(state: Statements, key: str, *blocks: object) -> Section:
    kept = tuple(block for block in blocks if block is not None)
    return Section(key, state.report.words(f"memo.heading.{key}"), kept)


def _named(series: Series, lang: str) -> str:
    return series_in({"target": series.target, "group": series.group}, lang)


def _headline(state: Statements, part: Part, own: Series, targets: tuple[Target, ...]) -> Section:
    """Give the headline figure, the verdict on the first target, how far it can be trusted, and the fan chart."""
    report, lang = state.report, state.reports.lang
    facts = {name: state.number(part, own.number(name)) for name in ("last", "median", "low_80", "high_80")}
    level = state.number(part, "interval_level")
    years = {"last_year": Year(own.origin_year), "target_year": Year(own.target_year)}
    series, standard = _named(own, lang), standard_name(own, lang)
    figure = state.phrase(
        "memo.headline",
        series=series,
        standard=Clause(standard),
        median=facts["median"],
        low=facts["low_80"],
        high=facts["high_80"],
        last=facts["last"],
        level=level,
        **years,
    )
    judged = [target for target in targets if target.role == "target"]
    said = _verdict(state, part, judged[0]) if judged else state.phrase("memo.no_target", area=Name(part.area_name))
    drawn = _fan(part, own, targets, report, lang)
    picture = Figure(
        "fan",
        drawn,
        alt=report.phrase(
            "memo.alt_fan",
            area=Name(part.area_name),
            last=facts["last"],
            median=facts["median"],
            low=facts["low_80"],
            high=facts["high_80"],
            level=level,
            **years,
        ),
        caption=state.cited(
            report.phrase("memo.caption_fan", area=Name(part.area_name), standard=Clause(standard)), part
        ),
    )
    return _section(
        state,
        "headline",
        Headline(str(facts["median"]), figure),
        Paragraph(said),
        Paragraph(_reach(state, part, own)),
        picture,
    )


def _reach(state: Statements, part: Part, own: Series) -> Phrase:
    """Say how far ahead the rule could be tried, and how wrong it was there."""
    if not part.has(own.number("mae"), own.number("longest")):
        return state.phrase("memo.no_track")
    names = {name: state.number(part, own.number(name)) for name in ("mae", "longest", "target_years", "mae_last")}
    return state.phrase("memo.track", **names)


def _fan(part: Part, own: Series, targets: tuple[Target, ...], report: Report, lang: str) -> object:
    from povstudy.plots import plot_fan

    observed, forecast, past = fan_of(part, own, lang)
    lines = target_lines(part, targets)
    lines["target"] = ["\n".join(wrap(text, LABEL_WIDTH)) for text in lines["target"]]

    words = {
        "x": report.words("w03.year"),
        "y": report.words("w03.rate"),
        "observed": report.words("w03.observed"),
        "median": report.words("w03.median"),
        "past": report.words("w03.past"),
        "band": report.words("w03.band", level="{level}"),
    }
    goals = lines if len(lines) else None
    ax = plot_fan(observed, forecast, targets=goals, past=past, labels=words, comma=lang == "vi")
    ax.figure.set_size_inches(*FIGURE_INCHES)
    ax.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), ncols=1)
    return ax.figure


def _verdict(state: Statements, part: Part, target: Target) -> Phrase:
    known = part.numbers[target.probability]["value"] in (0, 1)
    values = {"series": Name(target.series), "target": Name(target.goal), "verdict": target.verdict}
    if known:
        return state.cited(state.report.phrase("memo.verdict_known", **values), part)
    return state.phrase("memo.verdict", probability=state.number(part, target.probability), **values)


def _targets(state: Statements, part: Part, own: Series, targets: tuple[Target, ...]) -> Section:
    """Judge each target: those of the area first, then what is there to compare with."""
    report = state.report
    asked = [target for target in targets if target.role != "benchmark"]
    # The nation's targets are no targets of an area: those on its own series are enough to compare with.
    first = report.words("short." + own.kind) if targets else ""
    compared = [t for t in targets if t.role == "benchmark" and t.series.endswith(f": {first}")]
    compared = [t for t in compared if t.series.startswith(part.area_name)][: 2 if asked else len(targets)]
    shown = [*asked, *compared]
    heads = {word: report.words(f"memo.w.{word}") for word in ("series", "target", "probability", "verdict", "role")}
    table = None
    if shown:
        frame = pd.DataFrame(
            {
                heads["series"]: [t.series for t in shown],
                heads["target"]: [t.goal for t in shown],
                heads["probability"]: [state.number(part, t.probability).value for t in shown],
                heads["verdict"]: [t.verdict for t in shown],
                heads["role"]: [report.words(f"memo.role.{t.role}") for t in shown],
            }
        )
        table = Table(
            "targets",
            frame,
            state.cited(report.phrase("memo.caption_targets"), part),
            units={heads["probability"]: "probability"},
            widths=(3.0, 3.4, 1.25, 2.4, 1.9),
        )
    left = len(targets) - len(shown)
    more = None
    if left:
        count = report.number("targets_left", left, "items", source=f"{part.id} targets.csv")
        more = state.cited(report.phrase("memo.targets_left", count=count), part)
    disagree = state.cited(report.phrase("memo.disagree"), part) if "targets_disagree" in part.said else None
    bases = ", ".join(dict.fromkeys(t.instrument for t in shown if t.instrument))
    basis = state.cited(report.phrase("memo.instruments", instruments=Clause(bases)), part) if bases else None
    none = None if shown else state.phrase("memo.no_target", area=Name(part.area_name))
    sentences = [one for one in (none, disagree, basis, more) if one is not None]
    together = Phrase(" ".join(one.html for one in sentences)) if sentences else None
    return _section(
        state,
        "targets",
        table,
        Paragraph(together, "small") if together is not None else None,
        Paragraph(_communes(state)),
    )


def _communes(state: Statements) -> Phrase:
    """Say what is known of the target on extremely disadvantaged communes, or why nothing is."""
    part = state.reports.parts.get(COMMUNES)
    needed = ("now_0", "chance", "needed_independent_0", "needed_dependent_0")
    if part is None or not part.has(*needed) or "end_year" not in part.parameters:
        return state.phrase("memo.no_communes", area=Name(state.reports.parts[FORECAST].area_name))
    names = {"count": "now_0", "chance": "chance", "alone": "needed_independent_0", "together": "needed_dependent_0"}
    numbers = {word: state.number(part, name) for word, name in names.items()}
    return state.phrase("memo.communes", year=Year(int(part.parameters["end_year"])), **numbers)


def _track(state: Statements, part: Part, own: Series) -> Section:
    """Say how wrong the rule was before: a table by years ahead, the held-out test, and the worst case."""
    report, lang = state.report, state.reports.lang
    rows = track_rows(part, lang)
    table = None
    if len(rows):
        horizon, n, years, mae, coverage = rows.columns
        table = Table(
            "track",
            rows,
            state.cited(report.phrase("memo.caption_track", series=Name(_named(own, lang))), part),
            units={mae: "pp", coverage: "share"},
            digits={horizon: 0, n: 0, years: 0, coverage: 0},
            widths=(1.2, 1.2, 1.2, 1.8, 1.8),
        )
    level = state.number(part, "interval_level")
    held = None
    if part.has("held_out_1", "held_out_2"):
        held = state.phrase(
            "memo.held_out", level=level, one=state.number(part, "held_out_1"), two=state.number(part, "held_out_2")
        )
    worst = _worst(part)
    failed = None
    if worst is not None:
        failed = state.phrase(
            "memo.worst",
            level=level,
            coverage=state.number(part, f"{worst}_coverage"),
            horizon=state.number(part, f"{worst}_horizon"),
        )
    said = [one for one in (held, failed) if one is not None] or [state.phrase("memo.no_track")]
    return _section(state, "track", table, Paragraph(Phrase(" ".join(one.html for one in said))))


def _worst(part: Part) -> str | None:
    """Return the stem of the numbers of the standard and horizon whose intervals failed worst, if one did."""
    shares = {
        name.removesuffix("_coverage"): facts["value"]
        for name, facts in part.numbers.items()
        if name.startswith("c") and name.endswith("_coverage")
    }
    low = {stem: share for stem, share in shares.items() if share < LOW_COVERAGE and part.has(f"{stem}_horizon")}
    return min(low, key=lambda stem: (low[stem], stem), default=None)


def _changes(state: Statements, part: Part, own: Series) -> Section:
    """Say what could change the headline figure: the law, the rule, the sample, prices."""
    points = [_next_standard(state, own)]
    if part.has(own.number("rules_low"), own.number("rules_high")):
        ends = {"low": own.number("rules_low"), "high": own.number("rules_high"), "median": own.number("median")}
        numbers = {word: state.number(part, name) for word, name in ends.items()}
        points.append(state.phrase("memo.rules", year=Year(own.target_year), **numbers))
    if part.has(own.number("std_error")):
        error = state.number(part, own.number("std_error"))
        points.append(state.phrase("memo.sampling", error=error, year=Year(own.origin_year)))
    points.append(_prices(state))
    return _section(state, "changes", *(Paragraph(point, "point") for point in points if point is not None))


def _next_standard(state: Statements, own: Series) -> Phrase | None:
    law = standard_of_series(own.standard)
    if law.kind != "national" or law.valid_to is None:
        return None
    year = law.valid_to.year + 1
    after = standards_for(year, use="entitlement")[-1]
    name, old = Clause(after.name(state.reports.lang)), Clause(law.instrument)
    return state.report.phrase("memo.next_standard", year=Year(year), standard=name, instrument=old)


def _prices(state: Statements) -> Phrase | None:
    """Say which part of the fall is due to a line that did not follow prices."""
    part = state.reports.parts.get(PROFILE)
    area = state.reports.area
    if part is None:
        return None
    for place in (area, *parts_of(area), "vn"):
        names = {word: f"split_{place.replace('-', '_')}_{word}" for word in ("change", "prices", "indexed")}
        if part.has(*names.values()):
            numbers = {word: state.number(part, name) for word, name in names.items()}
            return state.phrase("memo.prices", area=Name(place_of(state, place)), **numbers)
    return None


def _sources(state: Statements) -> Section:
    """List the reports cited, what was not available, and how to check."""
    report, reports = state.report, state.reports
    heads = [report.words(f"memo.w.{word}") for word in ("note", "id", "report")]
    rows = [(f"[{reports.note(one)}]", one.id, one.title) for one in reports.parts.values()]
    table = Table(
        "sources",
        pd.DataFrame(rows, columns=heads),
        report.phrase("memo.caption_sources", version=Clause(next(iter(reports.parts.values())).povstudy)),
        widths=(0.6, 2.4, 9.0),
    )
    first = reports.parts[FORECAST]
    cite = report.phrase(
        "memo.cite", command=Clause(f"povstudy cite {first.id}"), verify=Clause(f"povstudy verify {first.id}")
    )
    absent = [
        Paragraph(report.phrase("memo.absent_part", notebook=Clause(name), reason=one.reason), "small")
        for name, one in reports.absent.items()
    ]
    return _section(state, "sources", table, Paragraph(cite, "small"), *absent)

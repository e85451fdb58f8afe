"""The sheet for a commune: what the classes mean, what the figures say, what changed, what support is on record.

It is read by people without training in statistics: short sentences, no interval without its meaning.  What the law
says comes from the standards of the package, everything else from the reports.
"""

from __future__ import annotations

import pandas as pd

from povstudy.areas import area_label, parts_of, vintage_of
from povstudy.reporting.formats import Clause, Date, Name, Phrase, Year
from povstudy.reporting.memo.blocks import Paragraph, Section, Table
from povstudy.reporting.memo.outlook import Series
from povstudy.reporting.memo.parts import COMMUNES, MODELS, Part
from povstudy.reporting.memo.state import Statements
from povstudy.reporting.wording import text_of
from povstudy.standards import Standard, legal_facts, standard_of_series, standards_for

__all__ = ["sheet"]

SETTLEMENTS = ("rural", "urban")
LISTED = 4
PER_THOUSAND = 10  # households in a thousand for one percent


def sheet(state: Statements, part: Part, series: tuple[Series, ...]) -> tuple[str, Phrase, tuple[Section, ...]]:
    """Return title, subtitle and sections of the sheet.

    Parameters
    ----------
    state : Statements
        States the numbers.
    part : Part
        The report of the forecast.
    series : tuple of Series
        What it forecasts.

    Returns
    -------
    title : str
        For the whole area.
    subtitle : Phrase
        What the sheet is for.
    sections : tuple of Section
        Classes, figures, changes, support.
    """
    report = state.report
    own = [one for one in series if one.location == state.reports.area] or [series[0]]
    counted = next((one for one in own if one.family == "review" and one.kind == "review_poor_all"), own[0])
    law = standard_of_series(counted.standard)
    law = law if law.kind == "national" else None
    sections = (
        _classes(state, law),
        _figures(state, part, counted),
        _changed(state, part, counted, law),
        _support(state, law),
    )
    title = report.words("memo.sheet.title", area=Name(part.area_name))
    return title, report.phrase("memo.sheet.subtitle"), sections


def _section(state: Statements, key: str, *blocks: object) -> Section:
    kept = tuple(block for block in blocks if block is not None)
    return Section(key, state.report.words(f"memo.heading.{key}"), kept)


def _line(state: Statements, law: Standard, settlement: str) -> object:
    return state.report.number(f"line_{law.id}_{settlement}", law.line(settlement), "VND", source=law.instrument)


def _classes(state: Statements, law: Standard | None) -> Section:
    """Say who is poor, near-poor, newly escaped: income line and number of services lacking."""
    report, lang = state.report, state.reports.lang
    if law is None or not law.k:
        return _section(state, "classes", Paragraph(report.phrase("memo.sheet.own_standard")))
    lines = {settlement: _line(state, law, settlement) for settlement in SETTLEMENTS}
    least = report.number(f"k_{law.id}", law.k, "items", source=law.instrument)
    of = report.number(f"indicators_{law.id}", len(law.indicators), "items", source=law.instrument)
    facts = legal_facts("dynamics", lang).set_index("code")
    years = report.number(
        "newly_escaped_years", int(facts.loc["newly_escaped_years", "value"]), "years",
        source=facts.loc["newly_escaped_years", "instrument"],
    )  # fmt: skip
    heads = [report.words(f"memo.sheet.w.{word}") for word in ("class", "who", "law")]
    escaped = facts.loc["newly_escaped"]
    rows = [
        ("poor", report.phrase("memo.sheet.poor", least=least, of=of, **lines), law.instrument),
        ("near_poor", report.phrase("memo.sheet.near_poor", least=least, of=of, **lines), law.instrument),
        ("newly_escaped", report.phrase("memo.sheet.newly_escaped", years=years), escaped["instrument"]),
    ]
    frame = pd.DataFrame(
        [(report.words(f"memo.sheet.class.{code}"), text, instrument) for code, text, instrument in rows], columns=heads
    )
    table = Table("classes", frame, report.phrase("memo.sheet.caption_classes"), widths=(2.0, 7.6, 2.4))
    listed = ", ".join(indicator.vi if lang == "vi" else indicator.en for indicator in law.indicators)
    return _section(
        state,
        "classes",
        table,
        Paragraph(report.phrase("memo.sheet.indicators", of=of, indicators=Name(listed))),
    )


def _figures(state: Statements, part: Part, counted: Series) -> Section:
    """Say the last figure and the forecast, in households of a thousand where households were counted."""
    report = state.report
    names = {word: counted.number(word) for word in ("last", "median", "low_80", "high_80")}
    facts = {word: state.number(part, name) for word, name in names.items()}
    years = {"last_year": Year(counted.origin_year), "target_year": Year(counted.target_year)}
    place = Name(part.area_name)
    if counted.family == "review":
        numbers = {
            word: report.number(
                f"per_thousand_{word}",
                round(PER_THOUSAND * float(number.value)),
                "households",
                source=f"{part.id} {names[word]}",
            )
            for word, number in facts.items()
        }
        thousand = report.number("thousand", 100 * PER_THOUSAND, "households", source="definition")
        now = report.phrase("memo.sheet.now_households", area=place, thousand=thousand, n=numbers["last"], **{
            "rate": facts["last"], "year": years["last_year"]})  # fmt: skip
        ahead = report.phrase(
            "memo.sheet.ahead_households",
            thousand=thousand,
            n=numbers["median"],
            low=numbers["low_80"],
            high=numbers["high_80"],
            year=years["target_year"],
        )
    else:
        now = report.phrase("memo.sheet.now_rate", area=place, rate=facts["last"], year=years["last_year"])
        ahead = report.phrase(
            "memo.sheet.ahead_rate",
            median=facts["median"],
            low=facts["low_80"],
            high=facts["high_80"],
            year=years["target_year"],
        )
    told = Phrase(f"{now.html} {ahead.html}")
    return _section(
        state,
        "figures",
        Paragraph(state.cited(told, part)),
        Paragraph(report.phrase("memo.sheet.not_a_quota")),
    )


def _changed(state: Statements, part: Part, counted: Series, law: Standard | None) -> Section:
    """Say what changed: the rate, the line of income, the territory, the list of communes."""
    report = state.report
    points: list[Phrase] = []
    lines = None
    if part.has(counted.number("change")):
        change = state.number(part, counted.number("change"))
        size = report.number("change_size", abs(float(change.value)), "pp", source=change.source)
        key = "memo.sheet.fell" if float(change.value) < 0 else "memo.sheet.rose"
        points.append(state.cited(report.phrase(key, size=size, year=Year(counted.origin_year)), part))
    if law is not None and law.valid_to is not None:
        points.append(_new_lines(state, law))
        lines = _lines_table(state, law)
    area = state.reports.area
    if vintage_of(area) == "34" and len(parts_of(area)) > 1:
        names = Name(", ".join(area_label(one, state.reports.lang) for one in parts_of(area)))
        points.append(report.phrase("memo.sheet.merged", area=Name(part.area_name), parts=names))
    elif vintage_of(area) == "63":
        points.append(report.phrase("memo.sheet.old_territory", area=Name(part.area_name), year=Year(2025)))
    points.append(_commune_list(state, part))
    return _section(state, "changed", *(Paragraph(point, "point") for point in points), lines)


def _new_lines(state: Statements, law: Standard) -> Phrase:
    """Say how the line of income changes when the next standard applies."""
    report = state.report
    after = standards_for(law.valid_to.year + 1, use="entitlement")[-1]
    return report.phrase(
        "memo.sheet.new_lines",
        day=Date(after.valid_from, state.reports.lang),
        instrument=Clause(after.instrument),
    )


def _lines_table(state: Statements, law: Standard) -> Table:
    """Return the income lines of today and of the next standard."""
    report, lang = state.report, state.reports.lang
    after = standards_for(law.valid_to.year + 1, use="entitlement")[-1]
    heads = [
        report.words("memo.sheet.w.until", day=Date(law.valid_to, lang)),
        report.words("memo.sheet.w.from", day=Date(after.valid_from, lang)),
    ]
    frame = pd.DataFrame({report.words("memo.sheet.w.where"): [report.words(f"memo.sheet.{s}") for s in SETTLEMENTS]})
    for head, one in zip(heads, (law, after), strict=True):
        frame[head] = [_line(state, one, settlement).value for settlement in SETTLEMENTS]
    units = dict.fromkeys(heads, "VND")
    return Table("lines", frame, report.phrase("memo.sheet.caption_lines"), units, widths=(3.0, 4.5, 4.5))


def _commune_list(state: Statements, first: Part) -> Phrase:
    part = state.reports.parts.get(COMMUNES)
    if part is None or not part.has("now_0"):
        return state.report.phrase("memo.sheet.no_communes", area=Name(first.area_name))
    return state.phrase("memo.sheet.communes", area=Name(part.area_name), count=state.number(part, "now_0"))


def _support(state: Statements, law: Standard | None) -> Section:
    """Say what support is on record, what is not known of it, and what a household can do."""
    report = state.report
    part = state.reports.parts.get(MODELS)
    if part is not None and part.has("recorded_models", "recorded_low", "recorded_high"):
        names = {"count": "recorded_models", "low": "recorded_low", "high": "recorded_high"}
        said = state.phrase("memo.sheet.support", **{word: state.number(part, name) for word, name in names.items()})
    else:
        said = report.phrase("memo.sheet.no_support")
    return _section(
        state,
        "support",
        Paragraph(said),
        _recorded(state, part) if part is not None else None,
        _ask(state, law),
        Paragraph(report.phrase("memo.sheet.no_decision"), "warning"),
    )


def _ask(state: Statements, law: Standard | None) -> Paragraph | None:
    """Say when a household can ask for a review, where the law that is known says so."""
    fact = next((fact for fact in law.facts if fact.code == "review_monthly"), None) if law is not None else None
    if fact is None or fact.value is None:
        return None
    basis = next((one.instrument for one in law.legal_basis if one.role == "yearly review"), law.instrument)
    day = state.report.number("review_day", int(fact.value), "count", source=basis)
    return Paragraph(state.report.phrase("memo.sheet.ask", day=day, instrument=Clause(basis)))


def _recorded(state: Statements, part: Part) -> Table | None:
    """Return the recorded programmes that reached most households."""
    report, lang = state.report, state.reports.lang
    if "recorded" not in part.tables:
        return None
    frame = part.tables["recorded"].frame
    model, households, each = (text_of(f"p06.w.{word}", lang) for word in ("model", "households", "per_household"))
    if not {model, households, each} <= set(frame.columns):
        return None
    largest = frame.sort_values([households, model], ascending=[False, True], kind="stable").head(LISTED)
    return Table(
        "support",
        largest[[model, households, each]].reset_index(drop=True),
        state.cited(report.phrase("memo.sheet.caption_support", id=Clause(part.id)), part),
        units={each: "million VND"},
        digits={households: 0, each: 1},
        widths=(7.4, 1.8, 2.8),
    )

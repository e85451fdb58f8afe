"""The policy memo: gathered from reports, two pages and a sheet, in four forms, with every number's record."""

from __future__ import annotations

import copy
import csv
import dataclasses
import io
import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import docx
import matplotlib
import nbformat
import pypdf
import pytest

matplotlib.use("Agg")

from povstudy import load_standard, sources
from povstudy.errors import NotAvailableError, ParameterError, ReportError
from povstudy.reporting import index, record, wording
from povstudy.reporting.compare import Move
from povstudy.reporting.formats import Phrase
from povstudy.reporting.memo import collect as collecting
from povstudy.reporting.memo.blocks import Figure, Table, runs_of
from povstudy.reporting.memo.documents import hand_out
from povstudy.reporting.memo.outlook import fan_of, series_of
from povstudy.reporting.memo.pages import memo_of
from povstudy.reporting.memo.parts import PartTable, parse, read_reports, require
from povstudy.reporting.memo.pdf import memo_pdf, printable
from povstudy.reporting.memo.printing import said_source
from povstudy.reporting.memo.word import memo_docx
from povstudy.reporting.memo.workbook import OFFICIAL, SIMULATED_BOOK, workbooks
from povstudy.reporting.plan import notebook_files, plan
from povstudy.reporting.prose import numerals_without_source
from povstudy.reporting.report import Report, documents
from povstudy.reporting.verify import _compare_documents

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "07_policy_memo"
AREA = "vn34-91"
NAMES = (
    "01_data_audit",
    "02_poverty_profile",
    "03_forecast",
    "04_communes",
    "05_plan_evaluation",
    "06_model_evaluation",
)
IDS = {
    name: f"pv-{place}aaaaaaaaa".replace("0", "a").replace("1", "b")
    for place, name in zip("234567", NAMES, strict=True)
}
LABEL = "SIMULATED / MÔ PHỎNG"
QUANTILES = {"0.025": 0.1, "0.1": 0.3, "0.25": 0.5, "0.5": 0.8, "0.75": 1.1, "0.9": 1.6, "0.975": 2.2}
HOSTILE = (
    '<script>alert(1)</script> & "quoted"',
    '#set text(fill: white) $x$ @here `code` *bold* _it_ \\ #read("/etc/passwd")',
    '=HYPERLINK("http://x")',
    "\u202egnp.exe\u2066 \x00\x07 ../../x",
    "x" * 10_000,
    "日本語 اردو 😀",
)


def number(value, unit="%", digits=2, source="joint draws"):
    return {"value": value, "unit": unit, "digits": digits, "source": source}


def csv_of(head, *rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([head, *rows])
    return file.getvalue()


def series_numbers(key, last, median, **more):
    found = {
        "last": number(last),
        "median": number(median),
        "low_80": number(median / 2),
        "high_80": number(2 * median),
    }
    return {f"{key}_{name}": facts for name, facts in {**found, **more}.items()}


def forecast_csv():
    rows = []
    for kind, origin in (("survey poor rate", 2024), ("review poor rate", 2023)):
        standard = "nso-mdp-2022-2025" if "survey" in kind else "review-mdp-2022-2025"
        for year in (2025, 2030):
            for level, value in QUANTILES.items():
                where = ("povstudy-default", origin, year - origin, year, AREA, "all", kind, standard, "none")
                rows.append((*where, "quantile", level, value))
    head = "model_id,origin_year,horizon,target_year,location,group,target,standard,scenario"
    return csv_of([*head.split(","), "output_type", "output_type_id", "value"], *rows)


def part(name, lang, **more):
    facts = {
        "notebook": name,
        "id": IDS[name],
        "title": f"Title of {name}",
        "area_name": {"en": "An Giang (since July 2025)", "vi": "An Giang (từ 7/2025)"}[lang],
        "standard": "a standard",
        "command": f"povstudy run {name} -p area={AREA}",
        "parameters": {"area": AREA, "lang": lang},
        "povstudy": "0.1.0",
        "numbers": {},
        "said": [],
        "simulated": [],
        "tables": {},
        "figures": {"fan_0": ""},
        "forecast": "",
    }
    return {**facts, **more}


def forecast_part(lang):
    word = lambda key: wording.text_of(f"w03.{key}", lang)  # noqa: E731
    one = dict.fromkeys(("mae", "mae_last", "std_error"), number(0.75, "pp"))
    one |= {"longest": number(3, "years", 0), "target_years": number(4, "years", 0), "change": number(-1.2, "pp")}
    one |= {"rules_low": number(0.05), "rules_high": number(2.4)}
    numbers = series_numbers("s0_survey_poor_all", 2.39, 0.8, **one)
    numbers |= series_numbers("s1_review_poor_all", 1.69, 0.12, change=number(-0.74, "pp"))
    numbers |= {"interval_level": number(0.8, "share", 0), "c0_coverage": number(0.38, "share", 0)}
    numbers |= {"c0_horizon": number(2, "years", 0), "held_out_1": number(0.89, "share", 0)}
    numbers |= {"held_out_2": number(0.82, "share", 0)}
    numbers |= {f"t{place}_probability": number(p, "probability", 0) for place, p in enumerate((0.821, 0.0, 0.5915))}
    targets = [
        word(w) for w in ("series_column", "role", "target_column", "probability", "verdict_column", "instrument")
    ]
    place = {"en": "An Giang (since July 2025)", "vi": "An Giang (từ 7/2025)"}[lang]
    short = wording.text_of("short.survey_poor_all", lang)
    rows = [
        (f"{place}: {kind}", wording.text_of(f"role.{role}", lang), goal, p, verdict, "Kế hoạch thực hiện 23-KH/TU")
        for kind, role, goal, p, verdict in (
            ("review", "target", "at most 0.91 % in 2025", 0.821, "likely to be met"),
            ("review", "concept", "a mean fall", 0, "not attainable"),
            (short, "benchmark", "a mean fall", 0.5915, "open"),
            ("other", "benchmark", "a mean fall", 0.5, "open"),
        )
    ]
    heads = ("series_column", "standard_column", "horizon", "n", "target_years", "mae", "coverage")
    track = [word(w) for w in heads]
    pooled = [("first", word("all_standards"), year, 500, 9, 0.43, 0.92) for year in (1, 2)]
    fan = csv_of(
        ["axes", "kind", "item", "point", "x", "y", "text"],
        *((0, "line", 0, place, 2022 + place, value, word("observed")) for place, value in enumerate((4.4, 3.6, 2.39))),
        (0, "line", 1, 0, 2025, 0.91, "at most 0.91 % in 2025"),
        *((0, "line", 2, place, 2022 + place, value, word("past")) for place, value in enumerate((4.4, 3.4, 2.7))),
        *((0, "line", 3, place, 2023 + place, value, "") for place, value in enumerate((3.6, 2.5))),
    )
    return part(
        "03_forecast",
        lang,
        numbers=numbers,
        said=["targets_disagree"],
        forecast=forecast_csv(),
        figures={"fan_0": fan},
        tables={
            "targets": {"csv": csv_of(targets, *rows), "caption": "Targets", "units": {}, "digits": {}},
            "track": {
                "csv": csv_of(track, ("first", "one", 1, 9, 2, 0.5, 0.9), *pooled),
                "caption": "Track record",
                "units": {word("mae"): "pp", word("coverage"): "share"},
                "digits": {word("coverage"): 0},
            },
        },
    )


def model_part(lang):
    numbers = {"recorded_models": number(13, "count", 0), "recorded_low": number(0.3, "million VND", 1)}
    numbers |= {"recorded_high": number(30.0, "million VND", 1), "worth": number(50.0, "million VND", 0)}
    numbers |= {"break_even_low": number(0.006, "share", 1), "break_even_high": number(0.6, "share", 1)}
    numbers = {name: {**facts, "source": "programmes"} for name, facts in numbers.items()}
    simulated = {
        "grade": number(5, "count", 0),
        "truths_held": number(14, "count", 0),
        "truths": number(14, "count", 0),
    }
    simulated |= {"budget": number(20000.0, "million VND", 0), "plan_exits_exits": number(4971, "households", 0)}
    simulated |= {"plan_exits_gap": number(17508.0, "million VND", 0)}
    simulated |= {
        "plan_gap_closed_exits": number(1, "households", 0),
        "plan_gap_closed_gap": number(55470.0, "million VND", 0),
    }
    simulated |= {f"end_less{end}": number(-0.01, "pp") for end in ("", "_low", "_high")}
    heads = [wording.text_of(f"p06.w.{word}", lang) for word in ("model", "households", "per_household")]
    rows = [("=cmd|' /C calc'!A0", 587, 8.2), ("Beef cattle (2024)", 35, 25), ("Tết (2019)", 4089, 0.3)]
    recorded = {
        "csv": csv_of(heads, *((f"'{a}" if a[0] == "=" else a, b, c) for a, b, c in rows)),
        "caption": "Recorded",
    }
    effects = {"csv": csv_of(["Outcome", "Effect"], ("income", 89.6)), "caption": f"{LABEL}: effects"}
    return part(
        "06_model_evaluation",
        lang,
        numbers=numbers | simulated,
        simulated=sorted(simulated),
        tables={
            "recorded": {**recorded, "units": {heads[2]: "million VND"}, "digits": {heads[2]: 1}},
            "effects": {**effects, "units": {"Effect": "thousand VND"}, "digits": {}},
        },
    )


def content(lang="en"):
    """What six reports of one area state, small and made up."""
    split = {f"split_vn63_89_{word}": number(-1.3, "pp") for word in ("change", "prices")}
    communes = {"now_0": number(13, "communes", 0), "chance": number(0.8, "probability", 0)}
    communes |= {f"needed_{word}_0": number(0.98, "probability", 1) for word in ("independent", "dependent")}
    plans = {"provinces": number(63, "count", 0), "tries": number(12, "count", 0), "refused": number(12, "count", 0)}
    places = {"csv": csv_of(["place", "rate"], ("A", 2.0)), "caption": "Places", "units": {"rate": "%"}, "digits": {}}
    return {
        "version": 1,
        "area": AREA,
        "lang": lang,
        "absent": {},
        "parts": [
            part("01_data_audit", lang, numbers={"figures": number(5, "items", 0)}),
            part(
                "02_poverty_profile",
                lang,
                numbers=split | {"split_vn63_89_indexed": number(3.87)},
                tables={"simulated_mo_phong_places": places, "noi_bo_internal_list": places},
            ),
            forecast_part(lang),
            part("04_communes", lang, numbers=communes, parameters={"area": AREA, "lang": lang, "end_year": 2030}),
            part("05_plan_evaluation", lang, numbers=plans | {"detectable_1": number(8.0, "pp")}),
            model_part(lang),
        ],
    }


def reports_of(stored):
    return parse(json.dumps(stored).encode())


@pytest.fixture
def make(tmp_path):
    """Make a memo from stored content: report, reports, memo."""

    def made(stored):
        folder = tmp_path / f"memo{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        report, found = Report(lang=stored["lang"], folder=folder), reports_of(stored)
        return report, found, memo_of(report, require(found))

    return made


def pdf_text(pdf):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def docx_text(content_of_file):
    file = docx.Document(io.BytesIO(content_of_file))
    cells = [cell.text for table in file.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in file.paragraphs), *cells])


def sheets_of(book):
    """Cells of each sheet of a workbook by name: numbers as float, text as str."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        names = [s.get("name") for s in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter(f"{space}sheet")]
        shared = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
        texts = ["".join(t.text or "" for t in item.iter(f"{space}t")) for item in shared.iter(f"{space}si")]
        found = {}
        for place, name in enumerate(names, start=1):
            root = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{place}.xml"))
            assert not list(root.iter(f"{space}f"))
            cells = [
                texts[int(c.find(f"{space}v").text)] if c.get("t") == "s" else float(c.find(f"{space}v").text)
                for c in root.iter(f"{space}c")
                if c.find(f"{space}v") is not None
            ]
            found[name] = cells
    return found


# Content


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_every_number_is_that_of_its_record(make, lang):
    report, found, memo = make(content(lang))
    by_id = {one.id: one for one in found.parts.values()}
    copied = {name: n for name, n in report.numbers.items() if re.match(r"p\d\d_", name)}
    assert len(copied) > 35
    for name, stated in copied.items():
        label, _, rest = stated.source.rpartition(": ")
        identifier, own = rest.split(" ", 1)
        facts = by_id[identifier].numbers[own]
        assert (stated.value, stated.unit, stated.digits) == (facts["value"], facts["unit"], facts["digits"]), name
        assert label == (LABEL if own in by_id[identifier].simulated else "")
    law = load_standard("vn_2022_2025_nd07")
    assert report.numbers["line_vn_2022_2025_nd07_rural"].value == law.line("rural")
    rest = set(report.numbers) - set(copied)
    assert rest == {
        "targets_left", "newly_escaped_years", "review_day", "thousand", "k_vn_2022_2025_nd07",
        "indicators_vn_2022_2025_nd07", "change_size",
        *(f"per_thousand_{w}" for w in ("last", "median", "low_80", "high_80")),
        *(f"line_{one}_{s}" for one in ("vn_2022_2025_nd07", "vn_2027_2030_nd351") for s in ("rural", "urban")),
    }  # fmt: skip
    assert report.numbers["per_thousand_last"].value == 17  # 1.69 % of a thousand households
    assert memo.sources[2].id == IDS["03_forecast"]


def test_each_sentence_names_the_record_of_its_numbers(make):
    _, _, memo = make(content())
    headline = memo.section("headline").blocks[0]
    assert headline.value == "0.80\N{NO-BREAK SPACE}%"
    assert runs_of(headline.phrase)[-1].text == "[3]" and runs_of(headline.phrase)[-1].note
    advice = next(block for block in memo.section("advice").blocks if isinstance(block, Table))
    marks = [re.findall(r"\[(\d)\]", str(cell)) for cell in advice.frame.iloc[:, 1]]
    assert marks == [["5"], ["6"], ["6"], ["6"], ["6"]]


def test_simulated_rows_say_so_and_no_other(make):
    _, _, memo = make(content())
    advice = next(block for block in memo.section("advice").blocks if isinstance(block, Table))
    labelled = [LABEL in str(cell) for cell in advice.frame.iloc[:, 1]]
    assert labelled == [False, False, True, True, True]
    assert [LABEL in str(cell) for cell in advice.frame.iloc[:, 2]] == labelled


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_the_verdicts_are_those_of_the_report_and_the_rest_is_counted(make, lang):
    report, _, memo = make(content(lang))
    table = next(block for block in memo.section("targets").blocks if isinstance(block, Table))
    assert table.frame.iloc[:, 2].tolist() == [0.821, 0.0, 0.5915]
    assert table.frame.iloc[:, 3].tolist() == ["likely to be met", "not attainable", "open"]
    roles = [wording.text_of(f"memo.role.{role}", lang) for role in ("target", "concept", "benchmark")]
    assert table.frame.iloc[:, 4].tolist() == roles
    assert report.numbers["targets_left"].value == 1
    assert Phrase(wording.text_of("memo.disagree", lang)).html in memo.section("targets").blocks[1].phrase.html


def test_what_is_lacking_is_said_in_one_line_each(make):
    stored = content("vi")
    stored["parts"] = [one for one in stored["parts"] if one["notebook"] in ("01_data_audit", "03_forecast")]
    for name in set(NAMES) - {"01_data_audit", "03_forecast"}:
        stored["absent"][name] = {"status": "not available", "reason": f"không có {name}"}
    _, _, memo = make(stored)
    assert "số liệu không nêu xã nào" in str(memo.section("targets").blocks[-1].phrase)
    said = " ".join(str(block.phrase) for block in memo.section("sources").blocks if not isinstance(block, Table))
    assert all(f"không có {name}" in said for name in stored["absent"])
    assert len(pypdf.PdfReader(io.BytesIO(memo_pdf(memo))).pages) == 3


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_past_forecasts_are_those_of_the_reports_chart(lang):
    found = parse(json.dumps(content(lang)).encode()).parts["03_forecast"]
    observed, _, past = fan_of(found, series_of(found)[0], lang)
    assert past.to_records(index=False).tolist() == [(2022, 2023, 3.4), (2022, 2024, 2.7), (2023, 2024, 2.5)]
    assert observed["value"].tolist() == [4.4, 3.6, 2.39]
    without = dataclasses.replace(found, figures={})
    assert fan_of(without, series_of(found)[0], lang)[2] is None


def test_a_series_of_a_user_has_no_law_and_no_track(make):
    stored = content()
    forecast = next(one for one in stored["parts"] if one["notebook"] == "03_forecast")
    forecast["forecast"] = (
        forecast["forecast"].replace("nso-mdp-2022-2025", "my own").replace("review-mdp-2022-2025", "my own")
    )
    forecast["tables"] = {}
    for name in [n for n in forecast["numbers"] if n.endswith(("_mae", "_longest")) or n.startswith(("c0", "held"))]:
        del forecast["numbers"][name]
    _, _, memo = make(stored)
    assert "Ask whoever made them" in str(memo.section("classes").blocks[0].phrase)
    assert "track record here is unknown" in str(memo.section("headline").blocks[2].phrase)
    assert "No target of its own" in str(memo.section("headline").blocks[1].phrase)


def test_a_number_that_the_report_does_not_state_is_named(make):
    stored = content()
    del next(one for one in stored["parts"] if one["notebook"] == "03_forecast")["numbers"]["s0_survey_poor_all_median"]
    with pytest.raises(
        ReportError, match=r"states no number 's0_survey_poor_all_median'.*povstudy report --area vn34-91"
    ):
        make(stored)


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_the_headings_of_the_notebook_are_those_of_the_paper(lang):
    cells = nbformat.read(ROOT / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4).cells
    shown = [match for cell in cells for match in re.findall(r'show\(report, memo, "(\w+)"\)', cell.source)]
    texts = [c.source for c in cells if c.cell_type == "markdown" and f"lang-{lang}" in c.metadata.get("tags", [])]
    headings = [line.lstrip("# ") for text in texts for line in text.splitlines() if line.startswith("##")]
    assert len(shown) == 10
    assert set(headings) >= {wording.text_of(f"memo.heading.{key}", lang) for key in shown}


# Forms


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_the_pdf_has_two_pages_and_a_sheet_and_is_accessible(make, lang):
    _, _, memo = make(content(lang))
    pdf = memo_pdf(memo)
    assert memo_pdf(memo) == pdf
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    assert len(reader.pages) == 3
    catalog = reader.trailer["/Root"]
    assert catalog["/Lang"] == lang and catalog["/MarkInfo"]["/Marked"]
    assert "/CreationDate" not in (reader.metadata or {}) and reader.metadata.title == memo.title
    assert b"pdfuaid" in catalog["/Metadata"].get_data()
    alts = [str(one["/Alt"]) for one in (o.get_object() for o in _objects(reader)) if "/Alt" in one]
    assert alts == [printable(str(memo.section("headline").blocks[3].alt))]
    first, second, sheet = (page.extract_text() for page in reader.pages)
    assert wording.text_of("memo.heading.track", lang) in second and memo.sections[0].heading in first
    assert memo.sheet[0].heading in sheet and memo.sheet[-1].heading in sheet
    assert LABEL in second and IDS["03_forecast"] in second
    if lang == "vi":
        assert "Mục tiêu có đạt không?" in first and "Trước đây là hộ nghèo hoặc cận nghèo" in " ".join(sheet.split())


def _objects(reader):
    """Every dictionary of the structure tree of a PDF."""
    todo, found = [reader.trailer["/Root"]["/StructTreeRoot"]], []
    while todo:
        node = todo.pop().get_object()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            found.append(node)
            todo += [node["/K"]] if "/K" in node and not isinstance(node["/K"], int) else []
    return found


def test_the_paper_is_set_smaller_when_there_is_more_to_say(make):
    stored = content()
    forecast = next(one for one in stored["parts"] if one["notebook"] == "03_forecast")
    table = forecast["tables"]["targets"]
    head, *rows = table["csv"].splitlines()
    table["csv"] = "\n".join([head, *[rows[1]] * 16]) + "\n"
    forecast["numbers"] |= {f"t{place}_probability": number(0.5, "probability", 0) for place in range(16)}
    _, _, memo = make(stored)
    pages = pypdf.PdfReader(io.BytesIO(memo_pdf(memo))).pages
    assert len(pages) == 3 and memo.sections[2].heading in pages[1].extract_text()


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_the_word_file_can_be_edited_and_read_aloud(make, lang):
    report, _, memo = make(content(lang))
    written = memo_docx(memo, report.numbers)
    assert memo_docx(memo, report.numbers) == written
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        body, styles = (archive.read(f"word/{name}.xml").decode() for name in ("document", "styles"))
    file = docx.Document(io.BytesIO(written))
    assert (
        file.core_properties.title == memo.title
        and file.core_properties.language == {"en": "en-GB", "vi": "vi-VN"}[lang]
    )
    assert f'w:val="{file.core_properties.language}"' in styles
    headings = [p.text for p in file.paragraphs if p.style.name == "Heading 1"]
    assert headings == [one.heading for one in (*memo.sections, *memo.sheet)] + [wording.text_of("memo.annex", lang)]
    tables = sum(isinstance(block, Table) for one in (*memo.sections, *memo.sheet) for block in one.blocks)
    assert len(file.tables) == tables + 1 and body.count("<w:tblHeader/>") == tables + 1
    picture = next(b for one in memo.sections for b in one.blocks if isinstance(b, Figure))
    assert [shape._inline.docPr.get("descr") for shape in file.inline_shapes] == [str(picture.alt)]
    annex = {row.cells[0].text: [c.text for c in row.cells] for row in file.tables[-1].rows[1:]}
    assert set(annex) == set(report.numbers)
    median = annex["p03_s0_survey_poor_all_median"]
    assert median[3] == f"{IDS['03_forecast']} s0_survey_poor_all_median"
    assert median[1].replace("\N{NO-BREAK SPACE}", " ") == {"en": "0.80 %", "vi": "0,80%"}[lang]
    assert LABEL in annex["p06_grade"][3]


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_the_workbooks_hold_all_tables_as_numbers_with_units_and_sources(lang):
    found = reports_of(content(lang))
    books = workbooks(found)
    assert workbooks(found) == books and list(books) == [OFFICIAL, SIMULATED_BOOK]
    official, simulated = (sheets_of(books[name]) for name in books)
    contents = wording.text_of("memo.book.contents", lang)
    assert not any("internal" in name for name in (*official, *simulated))
    assert next(iter(official)) == next(iter(simulated)) == contents
    assert all(name in official[contents] for name in list(official)[1:])
    assert {"03 targets", "03 track", "06 recorded"} < set(official)
    assert set(simulated) - {contents} == {
        "SIM 02 places",
        "SIM 06 effects",
        "SIM 06 " + wording.text_of("memo.book.numbers", lang),
    }
    assert all(LABEL in cells for name, cells in simulated.items() if name != contents)
    assert not any(LABEL in str(cell) for cells in official.values() for cell in cells)
    track = official["03 track"]
    unit = wording.text_of("unit_in_head", lang).format(label=wording.text_of("w03.coverage", lang), unit="%")
    assert unit in track and 0.92 in track and f"{IDS['03_forecast']} (03_forecast): Title of 03_forecast" in track
    assert "=cmd|' /C calc'!A0" in official["06 recorded"]
    numbers = official["03 " + wording.text_of("memo.book.numbers", lang)]
    assert 2.39 in numbers and "s0_survey_poor_all_last" in numbers
    said = numbers[numbers.index("s0_survey_poor_all_last") + 3]
    assert said == {"en": "joint draws", "vi": "các mẫu mô phỏng đồng thời"}[lang]


def test_no_word_of_a_source_is_left_in_english():
    pieces = set()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        code = "".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"])
        for text in re.findall(r"source=f?\"([^\"]*)\"", code):
            pieces |= {(path.stem, part) for part in re.split(", |: ", re.sub(r"\{[^}]*\}", "x1", text)) if part}
    assert len(pieces) > 60
    left = [
        (notebook, part)
        for notebook, part in sorted(pieces)
        if re.search(r"[a-z]+[ /]+[a-z]+", part, re.IGNORECASE)
        and said_source(part, "vi") == part
        and part not in ("SIMULATED / MÔ PHỎNG", "causaldata nsw_mixtape", "causaldata cps_mixtape")
    ]
    assert left == []
    assert said_source("compare_falls", "vi") == "compare_falls"
    assert said_source("scenario plan path", "vi") == "kịch bản “theo kế hoạch”"


def test_a_cell_of_a_report_is_read_as_it_was_meant():
    table = PartTable("t", "code,rate,note\n01,1.5,'=x\n91,,\"'quoted\"\n", "", {}, {})
    assert table.rows == (["code", "rate", "note"], [["01", 1.5, "=x"], ["91", None, "'quoted"]])


def hostile_content(turn, lang="en"):
    """Stored content whose names, titles, goals and reasons are hostile."""
    area, title, reason, series, goal, caption = HOSTILE[turn:] + HOSTILE[:turn]
    stored = content(lang)
    for one in stored["parts"]:
        one["area_name"], one["title"], one["standard"] = area, title, caption
        for table in one["tables"].values():
            table["caption"] = caption
    forecast = next(one for one in stored["parts"] if one["notebook"] == "03_forecast")
    head, first, *rest = list(csv.reader(io.StringIO(forecast["tables"]["targets"]["csv"])))
    forecast["tables"]["targets"]["csv"] = csv_of(head, [series, first[1], goal, first[3], caption, reason], *rest)
    stored["absent"]["08_more"] = {"status": "not available", "reason": reason}
    return stored


@pytest.mark.parametrize("turn", [0, 3])
def test_a_hostile_name_is_only_text_in_all_forms(make, turn):
    area, title, *_ = HOSTILE[turn:] + HOSTILE[:turn]
    stored = hostile_content(turn)
    report, found, memo = make(stored)
    hand_out(report, found, memo)
    books = (OFFICIAL, SIMULATED_BOOK)
    assert documents(report.folder) == sorted(
        [*(f"policy_memo-{AREA}-en.{ending}" for ending in ("docx", "pdf")), *(f"{n}-{AREA}-en.xlsx" for n in books)]
    )
    told, written = (
        read((report.folder / f"policy_memo-{AREA}-en.{ending}").read_bytes())
        for read, ending in ((pdf_text, "pdf"), (docx_text, "docx"))
    )
    sheets = [sheets_of((report.folder / f"{name}-{AREA}-en.xlsx").read_bytes()) for name in books]
    cells = "\n".join(str(cell) for book in sheets for sheet in book.values() for cell in sheet)
    assert "root:" not in told
    for name in books:
        with zipfile.ZipFile(report.folder / f"{name}-{AREA}-en.xlsx") as book:
            assert not [part for part in book.namelist() if b"<f>" in book.read(part) or "external" in part.lower()]
    for shown in (told, written, cells):
        assert not set(shown) & set("\u202e\u2066\x00\x07")
        assert any(text[:12] in " ".join(shown.split()) for text in (area, title))
    for block in (b for one in memo.sections for b in one.blocks if hasattr(b, "phrase")):
        assert "<script" not in block.phrase.html


# Gathering


def write_report(
    parent, stored, *, finished="2026-11-26T10:00:00.000+00:00", data=None, folder="0" * 12, parameters=None
):
    """Write a report folder that states what a part does."""
    name, lang = stored["notebook"], stored["parameters"]["lang"]
    home = sources.project_home()
    path = parent / f"{name}-{AREA}-{folder}"
    (path / "tables").mkdir(parents=True)
    (path / "figures").mkdir()
    (path / "numbers.json").write_text(json.dumps(stored["numbers"]), encoding="utf-8")
    for table, facts in stored["tables"].items():
        (path / "tables" / f"{table}.csv").write_text(facts["csv"], encoding="utf-8")
    units = {table: {k: v for k, v in facts.items() if k != "csv"} for table, facts in stored["tables"].items()}
    (path / "tables.json").write_text(json.dumps(units), encoding="utf-8")
    (path / "figures" / "fan_0.csv").write_text(stored["figures"]["fan_0"], encoding="utf-8")
    said = "".join(f'<p class="said" data-key="{key}">yes</p>' for key in stored["said"])
    said += f'<p class="said" data-key="x">{LABEL}: made by a computer</p>' if stored["simulated"] else ""
    (path / "report.html").write_text(said, encoding="utf-8")
    if stored["forecast"]:
        (path / "forecast.csv").write_text(stored["forecast"], encoding="utf-8")
    now = sources.data_hashes(home) if data is None else data
    facts = {
        "schema_version": 1, "id": stored["id"], "povstudy": "0.1.0", "notebook": {"name": name, "sha256": "0"},
        "title": stored["title"], "titles": {lang: stored["title"]}, "area": AREA, "area_name": stored["area_name"],
        "standard": stored["standard"], "lang": lang, "parameters": parameters or stored["parameters"], "seed": 0,
        "input_files": {}, "hash": folder, "data": now, "data_sha256": record.sha256_text(record.canonical(now)),
        "code": {"sha256": "0", "package": "0", "commit": ""}, "lock": {"sha256": "0"}, "versions": {"python": "3"},
        "platform": {"system": "s", "machine": "m"}, "started": finished, "finished": finished, "seconds": 1,
        "command": stored["command"], "headline": None, "outputs": record.output_hashes(path),
    }  # fmt: skip
    (path / "record.json").write_text(json.dumps(facts), encoding="utf-8")
    return path


def gathered(parent, lang="en"):
    return read_reports(str(parent), area=AREA, lang=lang, notebook=NOTEBOOK)


def test_reports_are_gathered_as_they_stand(tmp_path):
    stored = content()
    for one in stored["parts"]:
        write_report(tmp_path, one)
    found = gathered(tmp_path)
    assert found.absent == {}
    expected = reports_of(stored)
    assert list(found.parts) == list(NAMES)
    for name, one in found.parts.items():
        assert one.numbers == expected.parts[name].numbers and one.simulated == expected.parts[name].simulated, name
        assert one.tables == expected.parts[name].tables and one.forecast == expected.parts[name].forecast
    planned = plan(NOTEBOOK, {"area": AREA}, output=tmp_path)
    kept = planned.files["reports"].content
    assert planned.values["reports"] == "input/reports.json" and parse(kept) == found
    assert str(tmp_path).encode() not in kept and b"2026-11-26" not in kept
    file = tmp_path / "reports.json"
    file.write_bytes(kept)
    assert plan(NOTEBOOK, {"area": AREA, "reports": str(file)}).folder_name == planned.folder_name


def test_a_memo_is_another_one_when_a_report_changes(tmp_path):
    before = plan(NOTEBOOK, {"area": AREA}, output=tmp_path).folder_name
    path = write_report(tmp_path, content()["parts"][0])
    first = plan(NOTEBOOK, {"area": AREA}, output=tmp_path).folder_name
    facts = json.loads((path / "record.json").read_text(encoding="utf-8"))
    facts["finished"] = "2027-01-01T00:00:00.000+00:00"
    (path / "record.json").write_text(json.dumps(facts), encoding="utf-8")
    assert plan(NOTEBOOK, {"area": AREA}, output=tmp_path).folder_name == first  # the time is no input
    (path / "numbers.json").write_text(json.dumps({"figures": number(6, "items", 0)}), encoding="utf-8")
    assert len({before, first, plan(NOTEBOOK, {"area": AREA}, output=tmp_path).folder_name}) == 3


def test_the_newest_report_with_usual_parameters_counts(tmp_path):
    stored = content()["parts"][2]
    usual = {"area": AREA, "lang": "en", "seed": 0}
    write_report(tmp_path, {**stored, "id": "pv-oldoldoldo"}, folder="a" * 12, parameters=usual)
    newer = "2026-11-27T10:00:00.000+00:00"
    write_report(tmp_path, {**stored, "id": "pv-newnewnewn"}, folder="b" * 12, finished=newer, parameters=usual)
    latest = "2026-11-28T10:00:00.000+00:00"
    write_report(
        tmp_path, {**stored, "id": "pv-otherother"}, folder="c" * 12, finished=latest, parameters={**usual, "seed": 7}
    )
    torn = write_report(tmp_path, {**stored, "id": "pv-torntornto"}, folder="d" * 12, finished=latest, parameters=usual)
    (torn / "numbers.json").unlink()
    (write_report(tmp_path, stored, folder="e" * 12, finished=latest) / "record.json").write_text("{", encoding="utf-8")
    assert gathered(tmp_path).parts["03_forecast"].id == "pv-newnewnewn"
    assert "03_forecast" not in gathered(tmp_path, "vi").parts


def test_what_is_lacking_is_named_with_the_command_that_makes_it(tmp_path):
    write_report(tmp_path, content()["parts"][0])
    write_report(tmp_path, content()["parts"][1], data={"data/raw/x.csv": "0"})
    for status, name in (("failed", "04_communes"), ("not available", "05_plan_evaluation")):
        folder = tmp_path / {"failed": "failed", "not available": "not-available"}[status] / f"{name}-{AREA}-{'0' * 12}"
        folder.mkdir(parents=True)
        facts = {"notebook": name, "area": AREA, "lang": "en", "status": status, "reason": "none on record"}
        (folder / "outcome.json").write_text(json.dumps(facts), encoding="utf-8")
    found = gathered(tmp_path)
    assert {name: one.status for name, one in found.absent.items()} == {
        "02_poverty_profile": "outdated",
        "03_forecast": "missing",
        "04_communes": "failed",
        "05_plan_evaluation": "not available",
        "06_model_evaluation": "missing",
    }
    wanted = (
        r"these are lacking: 02_poverty_profile \(made from other data\), 03_forecast \(not run\), "
        r"04_communes \(failed\), 06_model_evaluation \(not run\)\. "
        r"Make them with povstudy report --area vn34-91 --lang en -o DIR"
    )
    with pytest.raises(NotAvailableError, match=wanted):
        require(found)


def test_the_reports_are_those_of_the_area_and_language_asked_for(tmp_path):
    file = tmp_path / "reports.json"
    file.write_text(json.dumps(content()), encoding="utf-8")
    assert read_reports(str(file), area="vn34-91", lang="en", notebook=NOTEBOOK).area == AREA
    for area, lang in (("vn63-89", "en"), ("vn34-91", "vi")):
        with pytest.raises(ParameterError, match=rf"those of vn34-91 \(en\), the memo is asked for {area} \({lang}\)"):
            plan(NOTEBOOK, {"area": area, "lang": lang, "reports": str(file)})


def test_without_a_forecast_there_is_no_memo():
    stored = content()
    stored["parts"] = [one for one in stored["parts"] if one["notebook"] != "03_forecast"]
    stored["absent"] = {"03_forecast": {"status": "not available", "reason": "no figure was published"}}
    with pytest.raises(NotAvailableError, match="there is no forecast to build a memo on: no figure was published"):
        require(reports_of(stored))


def test_a_file_that_is_none_of_ours_is_refused(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a,b\n", encoding="utf-8")
    with pytest.raises(
        ParameterError, match=r"which is no folder of reports and no file input/reports\.json of a memo"
    ):
        plan(NOTEBOOK, {"area": AREA, "reports": str(file)})
    changes = [{"version": 2}, {"parts": [{"id": "x"}]}, {"parts": [{**content()["parts"][0], "id": "../../x"}]}]
    for change in changes:
        with pytest.raises(ParameterError, match=r"cannot be read .*Give the folder of reports"):
            reports_of({**content(), **change})
    with pytest.raises(ParameterError, match="cannot be read"):
        parse(b"[")


def test_only_what_stands_before_the_memo_is_asked_for():
    asked = collecting.earlier_notebooks(notebook_files(ROOT), NOTEBOOK)
    assert list(asked) == list(NAMES)


# In the report


def test_a_document_is_listed_linked_and_named_plainly(tmp_path):
    report = Report(lang="en", folder=tmp_path)
    report.file("memo-1.pdf", b"%PDF", title=Phrase("The <b>memo</b>"))
    assert documents(tmp_path) == ["memo-1.pdf"]
    for name in ("../x.pdf", "x.html", "X.pdf", "x", ".pdf", 5):
        with pytest.raises(ReportError, match=r"The document name .* is not valid"):
            report.file(name, b"", title="x")
    with pytest.raises(ReportError, match=r"two documents named 'memo-1\.pdf'"):
        report.file("memo-1.pdf", b"", title="x")


def test_the_index_links_the_documents_of_a_report(tmp_path):
    path = write_report(tmp_path, content()["parts"][0])
    (path / "memo.pdf").write_bytes(b"%PDF")
    page = index.write_index(tmp_path).read_text(encoding="utf-8")
    assert f'href="{path.name}/memo.pdf"' in page and ">PDF<" in page


def test_verify_finds_an_altered_document_where_the_same_libraries_wrote_it(tmp_path):
    facts = {
        "outputs": {"a.pdf": "", "b.docx": ""},
        "versions": {"typst": "1"},
        "platform": {"system": "s", "machine": "m"},
    }
    for place, ending in (("one", b"x"), ("two", b"y")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.pdf").write_bytes(b"%PDF" + ending)
    (tmp_path / "one" / "b.docx").write_bytes(b"PK")
    (tmp_path / "one" / "mine.xlsx").write_bytes(b"PK")  # a stranger's file beside the report
    moves, notes = _compare_documents(facts, facts, tmp_path / "one", tmp_path / "two")
    assert notes == []
    assert moves == [
        Move("b.docx", "", "a file", "no file"),
        Move("a.pdf", "", "other bytes", "the bytes", "written again"),
    ]
    moves, notes = _compare_documents(facts, {**facts, "versions": {"typst": "2"}}, tmp_path / "one", tmp_path / "two")
    assert [move.file for move in moves] == ["b.docx"] and "documents were written with typst 1" in notes[0]


def test_the_page_states_no_numeral_without_a_name(make):
    report, _, memo = make(content())
    said = [b.phrase.html for one in (*memo.sections, *memo.sheet) for b in one.blocks if hasattr(b, "phrase")]
    captions = [b.caption.html for one in (*memo.sections, *memo.sheet) for b in one.blocks if hasattr(b, "caption")]
    numbers = json.loads((report.folder / "numbers.json").read_text(encoding="utf-8"))
    page = "".join(f"<p>{text}</p>" for text in (*said, *captions))
    assert numerals_without_source(page, numbers, "en") == []
    broken = copy.deepcopy(numbers)
    broken["p03_s0_survey_poor_all_median"]["value"] = 9.9
    assert numerals_without_source(page, broken, "en") != []

"""What a notebook hands out: numbers, tables, figures, sentences, forecast, page, record and citation."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import subprocess
import sys

import IPython.display
import nbformat
import numpy as np
import pandas as pd
import pytest

from povstudy.errors import ReportError
from povstudy.reporting import cite, index, record, render
from povstudy.reporting.cleaning import clean_text
from povstudy.reporting.entries import entries
from povstudy.reporting.formats import Clause, Name, Year
from povstudy.reporting.ledger import FORECAST_COLUMNS
from povstudy.reporting.prose import numerals_without_source
from povstudy.reporting.report import Report, open_report
from povstudy.reporting.tables import csv_text, html_table

PAGE_TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body header h1 dl div dt dd cite time code main details summary pre p table "
        "caption thead tr th tbody td figure img figcaption footer h2 a",
    )
)
INDEX_TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body main h1 p h2 h3 section div table thead tr th tbody td a b bdi code time span "
        "ul li figure figcaption details summary form label input select option button",
    )
)
HOSTILE = ['"); import os #', "<script>alert(1)</script>", "../../x", "=cmd()", "x" * 10_000, "\u202egnp.exe"]


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    """What a notebook displays: outputs as they stand in a notebook."""
    outputs: list[dict] = []

    def display(data, metadata=None, raw=False):
        assert raw
        outputs.append({"output_type": "display_data", "data": data, "metadata": metadata or {}})

    monkeypatch.setattr(IPython.display, "display", display)
    return outputs


@pytest.fixture
def report(tmp_path, shown) -> Report:
    return Report(lang="en", folder=tmp_path)


def a_figure():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3))
    figure.subplots().plot([2022, 2024], [4.64, 2.53])
    return figure


def numbers(folder) -> dict:
    return json.loads((folder / "numbers.json").read_text(encoding="utf-8"))


# Numbers


def test_numbers_json_holds_value_unit_digits_and_source_sorted_by_name(report, tmp_path):
    report.number("rate_2024", np.float64(2 / 3), "%", source="nso")
    report.number("households", np.int64(9823), "households")
    report.number("chance", 0.123, "probability", digits=1)
    assert list(numbers(tmp_path)) == ["chance", "households", "rate_2024"]
    assert numbers(tmp_path)["rate_2024"] == {"value": 0.6666666667, "unit": "%", "digits": 2, "source": "nso"}
    assert numbers(tmp_path)["households"] == {"value": 9823, "unit": "households", "digits": 0, "source": ""}


def test_the_same_number_twice_is_one_number_and_another_value_is_an_error(report):
    report.number("rate", 4.64, "%")
    report.number("rate", 4.64, "%")
    with pytest.raises(ReportError, match=r"Number 'rate' is stated twice: first 4\.64 %, now 4\.65 %"):
        report.number("rate", 4.65, "%")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "4.64", True])
def test_a_number_is_finite(report, value, tmp_path):
    with pytest.raises(ReportError, match="Number 'rate': Expected a"):
        report.number("rate", value, "%")
    assert numbers(tmp_path) == {}


@pytest.mark.parametrize("name", ["", "Rate", "a-b", "../x", "a b", "đ", "a" * 81, "a\n", None, 5])
def test_names_become_file_names_so_only_plain_ones_are_allowed(report, name):
    for hand_out in (
        lambda: report.number(name, 1, "%"),
        lambda: report.table(name, pd.DataFrame({"a": [1]})),
        lambda: report.figure(name, a_figure(), alt="a", caption="b"),
    ):
        with pytest.raises(ReportError, match=r"name .* is not valid: use 1 to 80 lower-case letters"):
            hand_out()


def test_a_number_prints_itself_in_the_language_of_the_report(tmp_path, shown):
    assert str(Report(lang="vi", folder=tmp_path).number("rate", 4.64, "%")) == "4,64%"


# Where it writes


def test_without_a_folder_everything_is_shown_and_nothing_written(tmp_path, shown, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POVSTUDY_OUTPUT", raising=False)
    report = open_report()
    rate = report.number("rate", 4.64, "%")
    report.number("rate", 4.65, "%")
    report.say("interval", low=rate, high=rate)
    for _ in range(2):
        report.table("rates", pd.DataFrame({"a": [1]}))
        report.figure("decline", a_figure(), alt="a", caption="b")
    report.forecast(hub_rows())
    assert len(shown) == 7
    assert list(tmp_path.iterdir()) == []


def test_the_folder_and_the_language_come_from_the_runner(tmp_path, monkeypatch):
    monkeypatch.setenv("POVSTUDY_OUTPUT", str(tmp_path))
    monkeypatch.setenv("POVSTUDY_LANG", "vi")
    report = open_report()
    assert (report.folder, report.lang) == (tmp_path, "vi")
    assert numbers(tmp_path) == {}


def test_a_report_is_opened_once(tmp_path, monkeypatch):
    monkeypatch.setenv("POVSTUDY_OUTPUT", str(tmp_path))
    open_report()
    with pytest.raises(ReportError, match="called twice in this run"):
        open_report()


def test_the_parameter_lang_of_the_notebook_goes_first(monkeypatch):
    class Shell:
        user_ns = {"lang": "vi"}  # noqa: RUF012

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    monkeypatch.setenv("POVSTUDY_LANG", "en")
    assert open_report().lang == "vi"


def test_a_folder_that_does_not_exist_and_a_wrong_language_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("POVSTUDY_OUTPUT", str(tmp_path / "none"))
    with pytest.raises(ReportError, match=r"POVSTUDY_OUTPUT names .*none, which is not a folder"):
        open_report()
    with pytest.raises(ReportError, match="Language 'fr' is not known"):
        open_report(lang="fr")


# Tables


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    rows = read_csv(csv_text(pd.DataFrame({text: [text, "a"], "n": [-1.5, 2]})))
    assert rows[0][0] == "'" + text
    assert rows[1] == ["'" + text, "-1.5"]


def test_csv_cells_are_written_exactly():
    table = pd.DataFrame(
        {
            "area": ["An Giang", 'a "b", c'],
            "value": [1 / 3, float("nan")],
            "count": pd.array([1, None], dtype="Int64"),
            "flag": [True, False],
            "when": [datetime.date(2025, 7, 1), None],
            "kind": pd.Categorical(["poor", None]),
        }
    )
    assert csv_text(table) == (
        'area,value,count,flag,when,kind\nAn Giang,0.3333333333,1,true,2025-07-01,poor\n"a ""b"", c",,,false,,\n'
    )


def test_a_named_index_becomes_columns_and_there_is_one_header_row():
    table = pd.DataFrame({"value": [4.64]}, index=pd.Index(["An Giang"], name="area"))
    assert csv_text(table) == "area,value\nAn Giang,4.64\n"
    assert html_table(table, "en").count("<tr>") == 2


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({("a", "b"): [1]}), "has a header of 2 rows"),
        (pd.DataFrame({"a": [1]}, index=["x"]), "its index has labels but no name"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "has two columns named 'a'"),
        (pd.DataFrame({"a": [float("inf")]}), "Expected a finite number, got inf"),
        ([1], "expected a DataFrame, got list"),
    ],
)
def test_a_table_that_cannot_be_written_plainly_is_refused(table, message):
    with pytest.raises(ReportError, match=message):
        csv_text(table)


def test_a_table_is_shown_by_language_with_numbers_to_the_right():
    table = pd.DataFrame(
        {"area": ["An Giang", None], "year": [2022, 2024], "value": [1234.5, float("nan")], "n": [1234, 5]}
    )
    page = html_table(table, "vi", units={"value": "%"}, digits={"value": 1}, caption="Tỷ lệ")
    assert "<caption>Tỷ lệ</caption>" in page
    assert '<th scope="col" class="number">value (%)</th>' in page
    assert '<td class="number">1.234,5</td>' in page
    assert '<td class="number">2022</td>' in page
    assert '<td class="number">1.234</td>' in page
    assert page.count('<span title="không có số liệu">–</span>') == 2


def test_units_and_digits_must_name_columns():
    with pytest.raises(ReportError, match=r"Table 'table' has no column 'rate'; its columns are \['value'\]"):
        html_table(pd.DataFrame({"value": [1.0]}), "en", units={"rate": "%"})


def test_a_stated_number_in_a_table_keeps_its_value(report):
    rate = report.number("rate", 4.64, "%")
    table = pd.DataFrame({"what": ["rate"], "figure": [rate]})
    assert csv_text(table) == "what,figure\nrate,4.64\n"
    assert rate.html in html_table(table, "en")


def test_the_table_lands_in_its_folder_once(report, tmp_path, shown):
    report.table("rates", pd.DataFrame({"value": [4.64]}), caption=report.phrase("yes"))
    assert (tmp_path / "tables" / "rates.csv").read_bytes() == b"value\n4.64\n"
    assert shown[0]["metadata"]["povstudy"] == {"kind": "table", "name": "rates"}
    with pytest.raises(ReportError, match="The report has two tables named 'rates'"):
        report.table("rates", pd.DataFrame({"value": [4.64]}))


# Figures


def test_a_figure_is_the_same_bytes_each_time_and_carries_no_software_or_date(report, tmp_path, shown):
    report.figure("one", a_figure(), alt="A line falls.", caption="Rate")
    report.figure("two", a_figure(), alt="A line falls.", caption="Rate")
    one, two = ((tmp_path / "figures" / f"{n}.png").read_bytes() for n in ("one", "two"))
    assert one == two
    assert one.startswith(b"\x89PNG")
    assert b"Software" not in one and b"tIME" not in one and b"matplotlib" not in one
    assert shown[0]["metadata"]["image/png"]["alt"] == "A line falls."


def test_what_is_simulated_says_so_in_the_name_of_its_file(report, tmp_path, shown):
    figure, table = a_figure(), pd.DataFrame({"n": [1]})
    report.figure("places", figure, alt="a", caption="SIMULATED / MÔ PHỎNG: places")
    report.table("places", table, caption="SIMULATED / MÔ PHỎNG: places")
    report.table("rows", table.assign(data="SIMULATED / MÔ PHỎNG"), caption="One column says it")
    report.table("gap", table, caption="Official figures")
    names = {path.name for folder in ("figures", "tables") for path in (tmp_path / folder).iterdir()}
    assert names == {
        "simulated_mo_phong_places.png",
        "simulated_mo_phong_places.csv",
        "simulated_mo_phong_rows.csv",
        "gap.csv",
    }
    assert {"simulated_mo_phong_places", "simulated_mo_phong_rows", "gap"} == set(
        json.loads((tmp_path / "tables.json").read_text(encoding="utf-8"))
    )
    with pytest.raises(ReportError, match="two tables named 'simulated_mo_phong_places'"):
        report.table("places", table, caption="SIMULATED / MÔ PHỎNG: again")


def test_axes_are_taken_for_their_figure(report, tmp_path, shown):
    report.figure("one", a_figure().axes[0], alt="a", caption="b")
    assert (tmp_path / "figures" / "one.png").exists()


def test_a_figure_is_closed(report, shown):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    report.figure("one", figure, alt="a", caption="b")
    assert plt.get_fignums() == before


@pytest.mark.parametrize(("alt", "caption"), [("", "b"), ("a", ""), (" ", "b")])
def test_alt_text_and_caption_are_required(report, alt, caption):
    with pytest.raises(ReportError, match="Figure 'one' needs an alt text and a caption"):
        report.figure("one", a_figure(), alt=alt, caption=caption)


# Forecast


def hub_rows(location="vn34-91", median=1.475, year=2026, scenario="") -> pd.DataFrame:
    quantiles = {"0.025": 0.3, "0.1": 0.8, "0.25": 1.1, "0.5": median, "0.75": 1.9, "0.9": 2.4, "0.975": 3.1}
    fixed = {"model_id": "m", "origin_year": 2024, "horizon": year - 2024, "target_year": year, "location": location}
    fixed |= {"group": "all", "target": "poverty rate", "standard": "nso-mdp-2022-2025", "scenario": scenario}
    rows = [fixed | {"output_type": "quantile", "output_type_id": q, "value": v} for q, v in quantiles.items()]
    return pd.DataFrame([*rows, fixed | {"output_type": "mean", "output_type_id": "NA", "value": 1 / 3}])


class Forecast:
    def to_hubverse(self, *, group="all", targets=()):
        return hub_rows().assign(group=group, targets=str(list(targets)))


def test_forecasts_stand_below_each_other_at_ten_digits(report, tmp_path):
    report.forecast(hub_rows())
    report.forecast(hub_rows("vn63-89"))
    rows = read_csv((tmp_path / "forecast.csv").read_text())
    assert len(rows) == 17
    assert rows[8][-1] == "0.3333333333"
    with pytest.raises(ReportError, match=r"forecast\.csv would hold two values for \{'model_id': 'm'"):
        report.forecast(hub_rows(median=2))


def test_targets_and_labels_go_to_the_forecast(report, tmp_path):
    report.forecast(Forecast(), targets=[1.0], group="ethnic_minority")
    row = read_csv((tmp_path / "forecast.csv").read_text())[1]
    assert "ethnic_minority" in row and "[1.0]" in row


def test_what_is_no_forecast_is_refused(report):
    with pytest.raises(ReportError, match="expected a Forecast or a DataFrame, got list"):
        report.forecast([1])


def test_the_citation_states_the_last_year_of_the_area(report, tmp_path):
    report.forecast(hub_rows("vn63-89"))
    report.forecast(hub_rows(year=2026, median=2.0))
    report.forecast(hub_rows(year=2030, median=1.2))
    facts = cite.headline(tmp_path, "vn34-91")
    assert {k: facts[k] for k in ("location", "target_year", "median", "low_80", "high_80", "origin_year")} == {
        "location": "vn34-91",
        "target_year": 2030,
        "median": 1.2,
        "low_80": 0.8,
        "high_80": 2.4,
        "origin_year": 2024,
    }
    assert cite.headline(tmp_path, "other")["location"] == "vn63-89"


def test_without_a_forecast_there_is_no_headline(tmp_path):
    assert cite.headline(tmp_path, "vn34-91") is None


# Page


def a_record(**changes) -> dict:
    made = {
        "id": "pv-abcdefghij",
        "povstudy": "0.1.0",
        "title": "Where is poverty heading?",
        "area": "vn34-91",
        "area_name": "An Giang",
        "standard": "NĐ 07/2021",
        "lang": "en",
        "input_files": {},
        "finished": "2026-11-25T22:54:03+00:00",
        "data_sha256": "d" * 64,
        "code": {"sha256": "c" * 64, "commit": ""},
        "lock": {"file": "constraints.txt", "sha256": "e" * 64},
        "command": "povstudy run 03_forecast -p area=vn34-91",
        "headline": None,
    }
    return made | changes


def a_notebook(*cells) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=list(cells))


def text(source: str):
    return nbformat.v4.new_markdown_cell(source)


def code(source: str, outputs: list[dict] | None = None):
    return nbformat.v4.new_code_cell(source, outputs=[nbformat.from_dict(o) for o in outputs or []])


def test_the_page_has_title_contents_figures_tables_and_citation(report, shown):
    rate = report.number("rate", 4.64, "%")
    report.say("interval", low=rate, high=rate)
    report.table("rates", pd.DataFrame({"value": [4.64]}), caption="Rates")
    report.figure("decline", a_figure(), alt="A line falls.", caption="The rate")
    cells = [text("# Where is poverty heading?"), code("a = 1"), text("## Tỷ lệ hiện nay"), code("b = 2", shown)]
    page = render.render(a_notebook(*cells), a_record(), ["numbers.json"])
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert page.count("<h1>") == 1 and "<h1>Where is poverty heading?</h1>" in page
    assert '<a href="#ty-le-hien-nay">Tỷ lệ hiện nay</a>' in page and '<h2 id="ty-le-hien-nay">' in page
    assert '<figure id="figure-decline" tabindex="0"><img src="data:image/png;base64,' in page
    assert 'alt="A line falls."' in page and "<figcaption>The rate</figcaption>" in page
    assert page.count("<caption>") == 1 and page.count("<thead>") == 1
    assert 'class="caption"' not in page
    assert "povstudy run 03_forecast -p area=vn34-91" in page
    assert "Identifier" in page and "pv-abcdefghij" in page and "d" * 64 in page
    assert "@page" in page and "@media print" in page and "@media (max-width" in page


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(shown, report):
    report.figure("decline", a_figure(), alt="a", caption="b")
    page = render.render(a_notebook(text("# A"), code("b", shown)), a_record(), ["numbers.json"])
    assert "<script" not in page and "javascript:" not in page and "http" not in re.sub("http-equiv", "", page)
    assert '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;' in page


def test_code_is_folded_and_code_that_shows_nothing_goes_together(shown, report):
    report.say("yes")
    page = render.render(a_notebook(code("a = 1"), code("b = 2"), code("c = 3", shown), code("d = 4")), a_record(), [])
    assert page.count("<details") == 3
    assert page.index("a = 1") < page.index("c = 3") < page.index(">yes<") < page.index("d = 4")


def test_only_what_report_displayed_is_taken_as_markup():
    outputs = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>raw</b>", "text/plain": "<plain>"}},
        {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": "<Axes>"}, "execution_count": 1},
        {"output_type": "stream", "name": "stdout", "text": "\x1b[31m<out>\x1b[0m\n"},
        {"output_type": "stream", "name": "stderr", "text": "UserWarning: <err>\n"},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "aGk=", "text/plain": '"<fig>'}},
    ]
    page = render.render(a_notebook(code("x", outputs)), a_record(), [])
    assert "<b>raw" not in page
    for kept in ("&lt;plain&gt;", "&lt;Axes&gt;", "<pre>&lt;out&gt;</pre>", 'alt="&quot;&lt;fig&gt;"'):
        assert kept in page
    assert "UserWarning" not in page


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_is_text_on_the_page(value, report, shown):
    report.say("index.not_available", reason=value)
    report.say("index.not_available", reason=Name(value))
    report.say("index.not_available", reason=Clause(value))
    report.table("rates", pd.DataFrame({value: [value]}), caption=value)
    report.figure("decline", a_figure(), alt=value, caption=value)
    made = a_record(title=value, area_name=value, standard=value, command=value, id=value, povstudy=value)
    page = render.render(a_notebook(code(value, shown)), made, [value])
    assert "<script" not in page
    assert 'onload="' not in page
    inside = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert set(re.findall(r"<(\w+)", inside)) <= PAGE_TAGS


def test_headings_with_the_same_text_have_anchors_of_their_own():
    page = render.render(a_notebook(text("# A\n\n## B\n\n## B\n\n## Cite")), a_record(), [])
    assert re.findall(r'<h2 id="([^"]*)"', page) == ["contents-heading", "b", "b-2", "cite-2"]


def test_the_title_falls_back_to_the_name():
    assert render.title_of(a_notebook(text("## B")), "03_forecast") == "03_forecast"
    assert render.title_of(a_notebook(text("x\n# A <time>2022</time>")), "03") == "A 2022"


def test_what_a_notebook_says_about_itself_is_read(report, shown):
    report.about(standard="NĐ 07/2021", area="An Giang")
    assert render.about(a_notebook(code("x", shown))) == {"standard": "NĐ 07/2021", "area": "An Giang"}


# Prose


def prose_of(*sentences: str, lang="en") -> list[str]:
    made = {
        "rate": {"value": 4.64, "unit": "%", "digits": 2},
        "households": {"value": 9823, "unit": "households", "digits": 0},
        "change": {"value": -0.3, "unit": "pp", "digits": 1},
        "chance": {"value": 0.0004, "unit": "probability", "digits": 0},
    }
    return numerals_without_source("<main>" + "".join(f"<p>{s}</p>" for s in sentences) + "</main>", made, lang)


def test_a_numeral_with_a_source_passes_and_one_without_is_found():
    assert prose_of("It fell to 4.64 %, that is 9,823 households, by −0.3 points, with less than 1 %.") == []
    assert prose_of("It fell to 4.65 %.") == ["4.65 in 'It fell to 4.65 %.'"]
    assert prose_of("9823 households") == ["9823 in '9823 households'"]
    assert prose_of("Giảm còn 4,64%, tức 9.823 hộ.", lang="vi") == []
    assert len(prose_of("Giảm còn 4.64%.", lang="vi")) == 2


def test_numerals_inside_words_are_found():
    assert len(prose_of("H2O", "vn34-91", "x²3")) == 4


def test_years_clauses_names_code_and_tables_are_exempt_through_markup():
    assert prose_of("<time>2022</time> <cite>5</cite> <code>77</code>", "<b>no</b>") == []
    assert numerals_without_source("<table><td>5</td></table><pre>5</pre><details>5</details>", {}, "en") == []
    assert len(prose_of("in 2022")) == 1


def test_a_marked_number_must_be_the_one_of_its_name():
    said = '<data class="number" value="{}" data-name="{}">{}</data>'
    assert prose_of(said.format("4.64", "rate", "4.64&nbsp;%")) == []
    assert prose_of(said.format("4.64", "rate", "4.65 %")) == ["'4.65 %' (4.64) is named 'rate', which is '4.64\\xa0%'"]
    assert len(prose_of(said.format("4.6", "rate", "4.64 %"))) == 1
    assert prose_of(said.format("4.64", "other", "4.64 %")) == [
        "'4.64 %' is named 'other', which numbers.json does not hold"
    ]


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_a_whole_page_passes_when_all_numbers_are_stated(lang, tmp_path, shown):
    report = Report(lang=lang, folder=tmp_path)
    low, high = report.number("low", 0.8, "%"), report.number("high", 1234.5, "%")
    report.say("interval", low=low, high=high)
    report.forecast(hub_rows())
    facts = cite.headline(tmp_path, "vn34-91")
    stated = numbers(tmp_path) | {
        n.name: {"value": n.value, "unit": n.unit, "digits": n.digits} for n in cite.headline_numbers(facts, lang)
    }
    made = a_record(lang=lang, headline=facts, area_name="Quận 5")
    page = render.render(a_notebook(text("# A\n\nSince <time>2022</time>."), code("x = 5", shown)), made, [])
    assert numerals_without_source(page, stated, lang) == []
    assert len(numerals_without_source(page, {}, lang)) >= 6


# Record and citation


def test_the_citation_names_area_standard_interval_and_identifier(tmp_path, report):
    report.forecast(hub_rows())
    made = a_record(headline=cite.headline(tmp_path, "vn34-91"))
    english = str(cite.citation(made, "en")).replace("\xa0", " ")
    assert english == (
        "povstudy 0.1.0: Where is poverty heading?, An Giang. Forecast for 2026 from 2024, poverty rate: 1.48 % (80 % "
        "interval 0.80 % to 2.40 %), standard NSO survey, multidimensional poverty, 2022-2025 standard. Computed on 25 "
        "November 2026. Identifier pv-abcdefghij."
    )
    vietnamese = str(cite.citation(made, "vi"))
    assert "Dự báo cho năm 2026 từ năm 2024, poverty rate: 1,48% (khoảng 80%: 0,80% đến 2,40%)" in vietnamese
    assert vietnamese.endswith("Tính ngày 25 tháng 11, 2026. Mã pv-abcdefghij.")


def test_a_report_without_a_forecast_is_cited_too():
    assert str(cite.citation(a_record(), "en")).endswith(
        "An Giang. Computed on 25 November 2026. Identifier pv-abcdefghij."
    )


def test_the_same_forecast_has_the_same_identifier_whatever_is_written_around_it():
    outputs = {"numbers.json": "1", "forecast.csv": "2", "tables/a.csv": "3"}
    base = record.forecast_id("03_forecast", {"lang": "en"}, outputs)
    assert record.forecast_id("03_other", {"lang": "vi"}, outputs | {"numbers.json": "9", "tables/a.csv": "9"}) == base
    assert record.forecast_id("03_forecast", {"lang": "en"}, outputs | {"forecast.csv": "9"}) != base


def test_the_identifier_follows_what_is_stated():
    outputs = {"numbers.json": "1", "tables/a.csv": "2", "report.html": "3", "figures/a.png": "4"}
    base = record.forecast_id("03_forecast", {"area": "vn"}, outputs)
    assert re.fullmatch(r"pv-[a-z2-7]{10}", base)
    assert (
        record.forecast_id("03_forecast", {"area": "vn"}, outputs | {"report.html": "9", "figures/a.png": "9"}) == base
    )
    for other in (
        record.forecast_id("03_forecast", {"area": "vn"}, outputs | {"numbers.json": "9"}),
        record.forecast_id("03_forecast", {"area": "vn"}, outputs | {"tables/a.csv": "9"}),
        record.forecast_id("03_forecast", {"area": "vn63-89"}, outputs),
        record.forecast_id("01_data_audit", {"area": "vn"}, outputs),
    ):
        assert other != base


def test_the_hash_moves_with_everything_that_goes_in():
    inputs = {"notebook": "n", "parameters": {"a": 1}, "files": {}, "data": {"x": "1"}, "code": "c", "lock": "l"}
    base = record.input_hash(inputs)
    assert re.fullmatch(r"[0-9a-f]{12}", base)
    for key in inputs:
        assert record.input_hash(inputs | {key: {"other": "1"}}) != base


def test_the_code_hash_moves_with_any_source_file_and_not_with_byte_code(tmp_path):
    (tmp_path / "standards").mkdir()
    (tmp_path / "a.py").write_text("a = 1")
    (tmp_path / "standards" / "b.toml").write_text("b = 1")
    base = record.code_hash(tmp_path)
    (tmp_path / "a.cpython-311.pyc").write_bytes(b"x")
    assert record.code_hash(tmp_path) == base
    (tmp_path / "standards" / "b.toml").write_text("b = 2")
    assert record.code_hash(tmp_path) != base


def test_the_notebook_hash_ignores_outputs():
    cell = {"cell_type": "code", "source": "a", "metadata": {"tags": ["x"]}, "outputs": []}
    base = record.notebook_hash({"cells": [cell]})
    assert record.notebook_hash({"cells": [cell | {"outputs": [1], "execution_count": 3}]}) == base
    assert record.notebook_hash({"cells": [cell | {"source": "b"}]}) != base
    assert record.notebook_hash({"cells": [cell | {"metadata": {"tags": []}}]}) != base


def test_the_command_is_quoted_for_a_shell():
    import shlex

    values = {"area": '"); import os #', "panel": None, "years": [2025, 2030], "draws": True, "rate": 0.5, "t": "a'b"}
    words = shlex.split(record.command_line("03_forecast", values))
    assert words[:3] == ["povstudy", "run", "03_forecast"]
    assert words[3::2] == ["-p"] * 6
    assert words[4] == 'area="); import os #' and words[6] == "panel=none" and words[14] == "t=a'b"


# Paths


def test_the_folders_of_this_machine_are_taken_out_of_texts(tmp_path):
    import sys
    import tempfile

    work, home = tmp_path / "r" / ".running-1", tmp_path / "p"
    text = f"{work}/a {home}/data {home}x {sys.prefix}/lib/x.py {tempfile.gettempdir()}/ipykernel_12/34.py:1: W"
    assert clean_text(text, work, home) == f"[report]/a [project]/data {home}x [python]/lib/x.py [cell]:1: W"


# Index


def a_folder(output, name, facts, files=("report.html", "report.ipynb", "numbers.json"), outcome="record.json"):
    folder = output / name
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_text("x")
    (folder / outcome).write_text(json.dumps(facts))


def facts_of(area="vn34-91", name="03_forecast", finished="2026-11-25T01:00:00+00:00", **more) -> dict:
    return {
        "notebook": {"name": name},
        "title": "Where to?",
        "area": area,
        "area_name": "An Giang",
        "lang": "en",
        "parameters": {"area": area, "lang": "en", **more.pop("parameters", {})},
        "finished": finished,
        **more,
    }


def test_the_index_lists_done_earlier_failed_and_not_available(tmp_path):
    a_folder(tmp_path, "03_forecast-vn34-91-1", facts_of(id="pv-1"))
    a_folder(tmp_path, "03_forecast-vn34-91-0", facts_of(id="pv-0", finished="2025-11-25T01:00:00+00:00"))
    failed = facts_of(name="01_data_audit", cell=4, reason="ValueError: <b>")
    a_folder(tmp_path, "failed/01-x", failed, files=["report.ipynb"], outcome="outcome.json")
    not_available = facts_of("vn63-01", name="04_communes", reason="no communes")
    a_folder(tmp_path, "not-available/04-x", not_available, files=[], outcome="outcome.json")
    a_folder(tmp_path, ".running-1-abc", facts_of(id="pv-hidden"))
    a_folder(tmp_path, "broken", {})
    (tmp_path / "broken" / "record.json").write_text("{")
    page = index.write_index(tmp_path).read_text(encoding="utf-8")
    assert [e.status for e in entries(tmp_path)] == ["failed", "done", "earlier", "not-available"]
    assert "failed in cell 4: ValueError: &lt;b&gt;" in page
    assert "not available: no communes" in page
    assert 'href="03_forecast-vn34-91-1/report.html"' in page and 'href="failed/01-x/report.ipynb"' in page
    assert "pv-hidden" not in page and page.count("<script") == 1
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".new")]


def test_a_failure_that_was_mended_is_not_listed(tmp_path):
    a_folder(tmp_path, "03_forecast-vn34-91-1", facts_of())
    failed = facts_of(finished="2026-11-24T01:00:00+00:00", cell=1, reason="x")
    a_folder(tmp_path, "failed/03-x", failed, files=[], outcome="outcome.json")
    assert [e.status for e in entries(tmp_path)] == ["done"]


def test_other_parameters_are_another_report(tmp_path):
    a_folder(tmp_path, "a", facts_of(parameters={"horizon": 5}))
    a_folder(tmp_path, "b", facts_of(parameters={"horizon": 6}))
    assert [e.status for e in entries(tmp_path)] == ["done", "done"]
    assert "horizon=6" in index.write_index(tmp_path).read_text()


def test_the_index_speaks_vietnamese_and_an_empty_folder_has_one(tmp_path):
    page = index.write_index(tmp_path, lang="vi").read_text(encoding="utf-8")
    assert '<html lang="vi">' in page and "Chưa có báo cáo nào." in page


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_is_text_in_the_index(tmp_path, value):
    made = facts_of(value, title=value, id=value, area_name=value, parameters={"panel": value}, finished=value)
    a_folder(tmp_path, "a b&#<x>", made)
    a_folder(tmp_path, "failed/c", made | {"cell": value, "reason": value}, outcome="outcome.json")
    page = index.write_index(tmp_path).read_text(encoding="utf-8")
    assert page.count("<script") == 1
    inside = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    assert set(re.findall(r"<(\w+)", inside)) <= INDEX_TAGS
    assert 'href="a%20b%26%23%3Cx%3E/report.html"' in page


def test_the_old_index_stays_when_the_new_one_cannot_be_written(tmp_path, monkeypatch):
    index.write_index(tmp_path)
    before = (tmp_path / "index.html").read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(ReportError, match="could not be written: No space left on device"):
        index.write_index(tmp_path)
    assert (tmp_path / "index.html").read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", ".index.lock"}


def test_an_index_written_by_ten_processes_at_once_loses_no_report(tmp_path):
    """Each adds a report and writes the page: the one that stands last holds all of them."""
    code = """
import json, os, sys
from pathlib import Path
from povstudy.reporting.index import write_index
output, facts, row = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
write_index(output)
children = []
for child in range(10):
    pid = os.fork()
    if pid == 0:
        for n in range(2):
            folder = output / f"r{child}-{n}"
            folder.mkdir()
            (folder / "forecast.csv").write_text(row)
            told = facts | {"id": f"pv-{child}-{n}", "parameters": {"area": "vn34-91", "n": [child, n]}}
            (folder / "record.json").write_text(json.dumps(told))
            write_index(output)
        os._exit(0)
    children.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
"""
    forecast = ",".join(FORECAST_COLUMNS) + "\nm,2024,1,2025,vn34-91,all,=x,s,none,quantile,0.5,1.5\n"
    subprocess.run([sys.executable, "-c", code, str(tmp_path), json.dumps(facts_of()), forecast], check=True)
    wanted = {f"pv-{child}-{n}" for child in range(10) for n in range(2)}
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r"pv-\d-\d", page)) == wanted
    with (tmp_path / "forecasts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows} == wanted and len(rows) == len(wanted)
    assert {row["target"] for row in rows} == {"'=x"} and {row["rests_on"] for row in rows} == {"official figures"}
    assert {p.name for p in tmp_path.iterdir() if not p.is_dir()} == {"index.html", "forecasts.csv", ".index.lock"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "official figures"),
        ({"input_files": {"panel": {"name": "mine.csv"}}}, "figures of the user"),
        ({"standard": "SIMULATED panel"}, "SIMULATED / MÔ PHỎNG"),
        ({"area_name": "tỉnh mô phỏng"}, "SIMULATED / MÔ PHỎNG"),
    ],
)
def test_every_forecast_says_what_it_rests_on(tmp_path, more, said):
    a_folder(tmp_path, "a", facts_of(id="pv-1", **more), files=["report.html", "forecast.csv"])
    forecast = ",".join(FORECAST_COLUMNS) + "\nm,2024,1,2025,vn34-91,all,t,s,none,quantile,0.5,-1.5e-05\n"
    (tmp_path / "a" / "forecast.csv").write_text(forecast)
    page = index.write_index(tmp_path).read_text(encoding="utf-8")
    with (tmp_path / "forecasts.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["rests_on"] == said and row["id"] == "pv-1" and row["standard"] == "s" and row["value"] == "-1.5e-05"
    assert ('<span class="label">SIMULATED' in page) == (said not in ("official figures", "figures of the user"))


@pytest.mark.parametrize(
    ("more", "labelled"),
    [
        ({"outputs": {"tables/gap.csv": "0", "figures/gap.png": "0"}}, False),
        ({"outputs": {"tables/gap.csv": "0", "figures/simulated_mo_phong_places.png": "0"}}, True),
        ({"title": "SIMULATED / MÔ PHỎNG: poverty profile"}, True),
    ],
)
def test_a_report_without_a_forecast_says_in_the_index_that_it_is_simulated(tmp_path, more, labelled):
    a_folder(tmp_path, "a", facts_of(id="pv-1", **more), files=["report.html"])
    page = index.write_index(tmp_path).read_text(encoding="utf-8")
    assert ('<span class="label">SIMULATED' in page) == labelled


def test_a_year_is_a_year(report):
    assert str(report.phrase("interval", low=Year(2022), high=Year(2024))) == "2022 to 2024"

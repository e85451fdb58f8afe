"""A value never becomes code, markup, a formula or a path: one report of hostile values only, in a real kernel."""

from __future__ import annotations

import ast
import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from povstudy.errors import PovstudyError
from povstudy.reporting import index
from povstudy.reporting.folders import folder_name, make_output, slug
from povstudy.reporting.parameters import check_value, read_parameters
from povstudy.reporting.plan import plan
from povstudy.reporting.runner import run_notebook

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = [
    '"); import os #',
    "'); import os; os.system('touch pwned') #",
    "<script>document.title = 'pwned'</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></pre></details><h1>pwned</h1>",
    "{{ 7 * 7 }}{% raw %}",
    "../../x",
    "/etc/passwd",
    "C:\\Windows\\x",
    "=cmd()",
    "+1+1",
    "@SUM(1)",
    "a\nb\rc",
    "\u202egnp.exe",
    "%time 1",
    "!touch pwned",
    "Đồng Tháp",
    "x" * 10_000,
]
SETTINGS = """\
area: Area = "vn34-91"  # area of the report
lang: Literal["en", "vi"] = "en"  # language
panel: str | None = None  # a file of yours
names: list[str] = []  # any texts
"""
BODY = """\
import json
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

report = open_report()
assert [area, *names] == json.loads(Path("{expected}").read_text(encoding="utf-8"))
rate = report.number("rate", 4.64, "%", source=names[2])
report.about(standard=names[2])
for name in names:
    report.say("index.not_available", reason=name)
    report.say("index.not_available", reason=Name(name))
report.table("names", pd.DataFrame({{"name": names, names[9]: range(len(names))}}), caption=names[2])
figure = Figure(figsize=(3, 2))
figure.subplots().plot([1, 2])
report.figure("one", figure, alt=names[3], caption=names[2])
hub = {{"model_id": names[1], "origin_year": 2025, "horizon": 1, "target_year": 2026}}
hub |= {{"location": area, "group": names[2], "target": names[3], "standard": names[4], "scenario": "none"}}
hub |= {{"output_type": "mean", "output_type_id": "NA", "value": 1.0}}
report.forecast(pd.DataFrame([hub]))
print(*names, sep="\\n")
names[2]
"""


def hostile_report(base):
    """Make a report whose area, texts, file name and notebook title are hostile."""
    home = base / "home"
    (home / "notebooks").mkdir(parents=True)
    (home / "data").symlink_to(ROOT / "data")
    (base / "expected.json").write_text(json.dumps(HOSTILE[:1] + HOSTILE), encoding="utf-8")
    cells = [
        nbformat.v4.new_code_cell(
            "from typing import Literal\n\nfrom povstudy import Area, open_report\nfrom povstudy.reporting import Name"
        ),
        nbformat.v4.new_code_cell(SETTINGS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(BODY.format(expected=base / "expected.json")),
    ]
    path = home / "notebooks" / "x <b> ..ipynb.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    panel = base / "=a <script> '.csv"
    with panel.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["area", "area_name", "year", "value"], [HOSTILE[0], HOSTILE[2], 2022, 5.0]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POVSTUDY_HOME", str(home))
        outcome = run_notebook(
            path, {"panel": str(panel)}, assignments=["names=" + json.dumps(HOSTILE)], output=base / "reports"
        )
        index.write_index(base / "reports")
    return outcome


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report, and the folder around it."""
    base = tmp_path_factory.mktemp("hostile")
    return hostile_report(base), base


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


@pytest.mark.parametrize("page", ["report.html", "../index.html"])
def test_no_value_becomes_markup(made, page):
    outcome, _ = made
    seen = _Tags()
    seen.feed((outcome.folder / page).read_text(encoding="utf-8"))
    assert not seen.tags & {"iframe", "object", "embed", "link", "base"}
    if page == "report.html":
        assert not seen.tags & {"script", "form", "b"}
    else:  # the index has one script and one form of its own, and bold numbers on its maps
        text = (outcome.folder / page).read_text(encoding="utf-8")
        assert text.count("<script") == 1 and text.count("<form") == 1 and "x <b>" not in text
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "pwned" not in str([value for name, value in seen.attributes if name in ("href", "src")])
    for name, value in seen.attributes:
        if name == "src":
            assert value.startswith("data:image/png;base64,")
        if name == "href":
            assert re.fullmatch(r"#[a-z0-9-]+|[\w./%-]+", value)


def test_every_text_is_on_the_page_as_text(made):
    import html

    outcome, _ = made
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    for value in HOSTILE:
        assert html.escape(value.splitlines()[0]) in page
    assert page.count("<h1>") == 1


def test_the_injected_cell_holds_literals_only(made):
    outcome, _ = made
    notebook = nbformat.read(outcome.folder / "report.ipynb", as_version=4)
    (cell,) = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    values = {s.targets[0].id: ast.literal_eval(s.value) for s in ast.parse(cell.source).body}
    assert values == {"area": HOSTILE[0], "lang": "en", "panel": "input/panel.csv", "names": HOSTILE}


def test_no_cell_of_a_csv_starts_a_formula(made):
    outcome, _ = made
    for file in ("tables/names.csv", "forecast.csv", "../forecasts.csv"):
        with (outcome.folder / file).open(encoding="utf-8", newline="") as text:
            cells = [cell for row in csv.reader(text) for cell in row]
        assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n")]
        assert "'=cmd()" in cells or file != "tables/names.csv"


def test_nothing_is_written_anywhere_else(made):
    outcome, base = made
    assert sorted(p.name for p in base.iterdir()) == ["=a <script> '.csv", "expected.json", "home", "reports"]
    assert sorted(p.name for p in (base / "home").iterdir()) == ["data", "notebooks"]
    assert sorted(p.name for p in (base / "reports").iterdir()) == sorted(
        [".index.lock", "forecasts.csv", "index.html", "ledger", outcome.folder.name]
    )
    assert re.fullmatch(r"x-b-ipynb-import-os-[0-9a-f]{12}", outcome.folder.name)
    assert not list(base.rglob("pwned"))


def test_the_record_holds_the_values_as_data(made):
    outcome, _ = made
    record = json.loads((outcome.folder / "record.json").read_text(encoding="utf-8"))
    assert record["area"] == HOSTILE[0] and record["area_name"] == HOSTILE[2]
    assert record["parameters"]["names"] == HOSTILE
    assert record["input_files"]["panel"]["name"] == "=a <script> '.csv"


@pytest.mark.parametrize("value", [*HOSTILE, "", ".", "..", "-", "CON", "\x00", "a/b", "٣"])
def test_a_value_in_a_folder_name_is_harmless(value):
    name = folder_name(value, value, "0123456789ab")
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name)
    assert not name.startswith("-") and len(slug(value)) <= 40


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_area_or_notebook_is_refused_in_few_words(value, monkeypatch, tmp_path):
    monkeypatch.setenv("POVSTUDY_HOME", str(tmp_path))
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "notebooks").mkdir()
    cell = nbformat.v4.new_code_cell('area: Area = "vn34-91"  # area', metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "notebooks" / "01_toy.ipynb")
    for call in (lambda: plan("toy", {"area": value}), lambda: plan(value), lambda: plan("toy", {value: "x"})):
        try:
            call()
        except PovstudyError as error:
            assert error.exit_status == 2 and len(str(error)) < 1000
        else:
            assert value == "Đồng Tháp"


@pytest.mark.parametrize("value", ["x" * 10_000, "a\x00b"])
def test_a_folder_that_no_system_can_make_is_refused(tmp_path, value):
    with pytest.raises(PovstudyError, match="cannot be written") as caught:
        make_output(tmp_path / value)
    assert caught.value.exit_status == 2 and len(str(caught.value)) < 700
    assert not list(tmp_path.iterdir())


def test_a_relative_path_is_a_folder_and_stays_where_the_user_put_it(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert make_output("=cmd()") == tmp_path / "a" / "=cmd()"


def test_text_that_is_no_text_is_refused():
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "a: str = ''  # any text"}
    parameter = read_parameters({"cells": [cell]})["a"]
    with pytest.raises(PovstudyError, match="bytes that are no characters"):
        check_value(parameter, "\udcff")

"""The shipped notebooks: clean in git, right for every kind of area, the same bytes twice, every number known."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from povstudy.reporting import numerals_without_source, read_parameters
from povstudy.reporting.plan import LAB_TAG, speaks
from povstudy.reporting.report import DOCUMENTS

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SAME_EVERYWHERE = ("numbers.json", "forecast.csv", "tables", "figures")

ODD = {
    "PYTHONHASHSEED": "1",
    "TZ": "Asia/Ho_Chi_Minh",
    "LANG": "C",
    "LC_ALL": "C",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
OTHER = {
    "PYTHONHASHSEED": "2",
    "TZ": "America/New_York",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
}


def command(arguments, *, cwd, **variables):
    """Run the command line as a user types it, from some other folder."""
    environment = {**os.environ, "POVSTUDY_HOME": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-m", "povstudy.cli", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def folders(parent):
    """Report folders by notebook."""
    return {path.parent.name.split("-")[0]: path.parent for path in sorted(parent.glob("*/report.html"))}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The default report, from scratch."""
    out = tmp_path_factory.mktemp("report")
    done = command(["report", "--area", "vn34-91", "-o", str(out)], cwd="/", **ODD)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_in_git_is_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert "papermill" not in notebook.metadata
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    for cell in code:
        tree = ast.parse(cell.source)
        assert not any(
            isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) for node in ast.walk(tree)
        )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_has_the_common_parameters_each_explained(path):
    parameters = read_parameters(nbformat.read(path, as_version=4))
    assert {"area", "lang", "seed"} <= set(parameters)
    assert all(len(parameter.meaning) > 10 for parameter in parameters.values())
    assert str(parameters["area"].default) == "vn34-91"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_text_cells_come_in_both_languages_in_turn(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    tags = [tuple(cell.metadata.get("tags", [])) for cell in cells]
    further = [tag[1:] for tag in tags[::2]]
    assert set(further) <= {(), (LAB_TAG,)}
    assert tags[::2] == [("lang-en", *rest) for rest in further]
    assert tags[1::2] == [("lang-vi", *rest) for rest in further]
    for english, vietnamese in zip(cells[::2], cells[1::2], strict=True):
        marks = [re.findall(r"^(#+ |- )", cell.source, flags=re.MULTILINE) for cell in (english, vietnamese)]
        assert marks[0] == marks[1], english.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_says_above_its_parameters_what_to_change(path):
    cells = nbformat.read(path, as_version=4).cells
    place = next(place for place, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", []))
    english, vietnamese = cells[place - 2 : place]
    assert english.metadata["tags"] == ["lang-en", LAB_TAG] and "Change these and run again" in english.source
    assert vietnamese.metadata["tags"] == ["lang-vi", LAB_TAG] and "rồi chạy lại" in vietnamese.source
    assert not speaks(english, "en") and not speaks(vietnamese, "vi")  # of no use to who reads a report


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_number_is_typed_into_the_text(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"<(time|cite)[^>]*>.*?</\1>", "", cell.source)
            assert not re.search(r"\d", prose), prose


def test_every_notebook_of_the_report_is_there(report):
    assert set(folders(report)) == {path.stem for path in NOTEBOOKS if not path.stem.startswith("00_")}
    assert (report / "index.html").is_file()


def test_every_numeral_in_the_prose_is_in_numbers_json(report):
    for name, folder in folders(report).items():
        numbers = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
        html = (folder / "report.html").read_text(encoding="utf-8")
        assert len(numbers) > 10
        assert numerals_without_source(html, numbers, "en") == [], name
        changed = re.sub(r'(<data class="number"[^>]*>)\d', r"\g<1>9", html, count=1)
        assert numerals_without_source(changed, numbers, "en") != [], name


class Images(HTMLParser):
    """Collects what images say to those who do not see them."""

    def __init__(self):
        super().__init__()
        self.alts = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.alts.append(dict(attrs).get("alt") or "")


def test_every_figure_has_an_alt_text_and_a_caption(report):
    for folder in folders(report).values():
        html = (folder / "report.html").read_text(encoding="utf-8")
        images = Images()
        images.feed(html)
        figures = list((folder / "figures").glob("*.png"))
        assert len(images.alts) == len(figures) > 0
        assert all(len(alt) > 30 for alt in images.alts)
        assert html.count("<figcaption") == len(figures)


def test_a_report_holds_no_path_of_this_machine_and_no_trace_of_papermill(report):
    for folder in folders(report).values():
        text = (folder / "report.ipynb").read_text(encoding="utf-8")
        notebook = json.loads(text)
        assert "papermill" not in notebook["metadata"]
        assert not any("papermill" in cell["metadata"] for cell in notebook["cells"])
        for file in ("report.ipynb", "report.html", "record.json"):
            content = (folder / file).read_text(encoding="utf-8")
            assert str(ROOT) not in content
            assert str(report) not in content


@pytest.mark.parametrize("name", ["03_forecast", "06_model_evaluation", "08_scenarios"])
def test_the_same_inputs_give_the_same_bytes(report, tmp_path, name):
    """Two processes, from scratch, with other hash seeds, time zones, locales, folders and thread counts.

    The notebooks that draw at random, optimise and bootstrap; the machinery around them is compared in test_runner,
    the registry of 02 in test_registry, the documents of 07 in test_memo.
    """
    done = command(["run", name, "-p", "area=vn34-91", "-o", str(tmp_path / "again")], cwd=tmp_path, **OTHER)
    assert done.returncode == 0, done.stderr
    first = folders(report)[name]
    (second,) = folders(tmp_path / "again").values()
    assert first.name == second.name
    files = [p.relative_to(first) for p in sorted(first.rglob("*")) if p.is_file()]
    same = [file for file in files if file.parts[0] in SAME_EVERYWHERE or file.suffix in DOCUMENTS]
    assert len(same) > 10
    for file in same:
        assert (first / file).read_bytes() == (second / file).read_bytes(), file


def test_numbers_of_a_simulated_case_say_so_in_their_source_and_no_other(report):
    """What the memo asks before it repeats a number of the shipped roll-out."""
    numbers = json.loads((folders(report)["06_model_evaluation"] / "numbers.json").read_text(encoding="utf-8"))
    made = {name for name, facts in numbers.items() if "SIMULATED" in facts["source"]}
    assert {"lead_estimate", "clusters", "exits_net", "bought_0", "plan_exits_exits", "end_with", "end_less"} <= made
    real = ("nsw_", "cps_", "must_", "recorded_", "break_even_", "end_without", "unit_price", "worth")
    assert not [name for name in made if name.startswith(real)]
    assert {name for name in numbers if name.startswith(("lots_", "group_", "plan_", "units"))} <= made


def test_the_report_answers_the_question_of_the_plan(report):
    """Base 3.81 at the end of 2021, four reviews: one point a year cannot be reached; the concepts disagree."""
    folder = folders(report)["03_forecast"]
    html = (folder / "report.html").read_text(encoding="utf-8")
    with (folder / "tables" / "targets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    own = [row for row in rows if row["Role"] == "target" and "to June 2025" in row["Series"]]
    poor = next(row for row in own if row["Series"].endswith("review, poor"))
    assert (poor["Verdict"], float(poor["Probability"])) == ("not attainable from this base", 0.0)
    others = {row["Series"]: row["Verdict"] for row in rows if row["Role"] == "same target, another concept"}
    assert set(others.values()) != {poor["Verdict"]}
    assert "The concepts disagree." in html
    assert any("ethnic minorities" in row["Series"] for row in own)
    assert all(row["Role"].startswith("benchmark") for row in rows if "257/2025" in row["Instrument"])


def test_forecast_csv_has_the_columns_of_the_contract(report):
    with (folders(report)["03_forecast"] / "forecast.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "model_id",
        "origin_year",
        "horizon",
        "target_year",
        "location",
        "group",
        "target",
        "standard",
        "scenario",
        "output_type",
        "output_type_id",
        "value",
    ]
    assert {row["location"] for row in rows} == {"vn34-91", "vn63-89"}
    assert {row["group"] for row in rows} == {"all", "ethnic_minority"}
    quantiles = {row["output_type_id"] for row in rows if row["output_type"] == "quantile"}
    assert quantiles == {"0.025", "0.1", "0.25", "0.5", "0.75", "0.9", "0.975"}
    assert all(0 <= float(row["value"]) <= 100 for row in rows)

"""Verification: one report and one recomputation with real kernels, then every way to alter the report."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from povstudy import cli
from povstudy.errors import ReportError
from povstudy.reporting import verify as verifying
from povstudy.reporting.compare import Move, compare_csv, compare_notebooks, compare_numbers, compare_pages, page_text
from povstudy.reporting.kernel import CellFailure
from povstudy.reporting.lookup import UnreadableRecordError, find_record, read_record
from povstudy.reporting.record import (
    canonical,
    code_version,
    forecast_id,
    input_hash,
    output_hashes,
    page_record,
    record_json,
    sha256_text,
)
from povstudy.reporting.runner import make_report, run_notebook
from povstudy.reporting.verify import (
    ALTERED,
    Verification,
    circumstances,
    compare_reports,
    how_to_recompute,
    reasons,
    verify,
)

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = """\
area: Area = "vn34-91"  # area of the report
lang: Literal["en", "vi"] = "en"  # language
seed: int = 7  # seed of the draws
panel: str | None = None  # a file of yours
"""
BODY = """\
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

report = open_report()
own = pd.read_csv(panel)
draws = np.random.default_rng(seed).normal(2 + own["value"].mean() / 100, size=200)
rate = report.number("rate", draws.mean(), "%", source="draws of 2024")
report.about(standard="my standard 2024")
report.say("interval", low=rate, high=rate)
report.table("draws", pd.DataFrame({"n": range(9), "draw": draws[:9], "who": "a1"}), caption=report.phrase("yes"))
figure = Figure(figsize=(4, 3))
ax = figure.subplots()
ax.plot(draws[:20], label="draw")
ax.fill_between([0, 20], 1, 3)
ax.scatter([1, 2], [3, 4])
report.figure("draws", figure, alt="20 draws go up and down.", caption="Draws")
hub = {"model_id": "m", "origin_year": 2024, "horizon": 1, "target_year": 2025, "location": area, "group": "all"}
hub |= {"target": "user poor rate", "standard": "my standard 2024", "scenario": "none", "output_type": "quantile"}
ends = [{"output_type_id": f"{q:g}", "value": np.quantile(draws, q)} for q in (0.1, 0.5, 0.9)]
report.forecast(pd.DataFrame([hub | end for end in ends]))
"""
HEADLINE = dict.fromkeys(("location", "group", "target", "standard", "scenario", "model_id"), "x")
HEADLINE |= dict.fromkeys(("origin_year", "target_year", "median", "low_80", "high_80"), 1)
PANEL = "area,area_name,year,value\nidn-a,Aceh,2022,15.0\nidn-a,Aceh,2023,14.0\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project of its own, one report of its notebook, and its recomputation: two kernels for all tests here."""
    base = tmp_path_factory.mktemp("made")
    home = base / "home"
    shutil.copytree(ROOT / "data" / "raw", home / "data" / "raw", ignore=shutil.ignore_patterns("local"))
    (home / "notebooks").mkdir()
    (home / "constraints.txt").write_text("numpy==2\n")
    cells = [
        nbformat.v4.new_markdown_cell("# What does a toy say?", metadata={"tags": ["lang-en"]}),
        nbformat.v4.new_markdown_cell("# Một ví dụ nói gì?", metadata={"tags": ["lang-vi"]}),
        nbformat.v4.new_code_cell("from typing import Literal\n\nfrom povstudy import Area, open_report"),
        nbformat.v4.new_code_cell(SETTINGS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(BODY),
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, home / "notebooks" / "03_toy.ipynb")
    panel = base / "my panel.csv"
    panel.write_text(PANEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POVSTUDY_HOME", str(home))
        outcome = run_notebook("toy", {"panel": str(panel), "seed": 8}, output=base / "reports")
        again = base / "again"
        kept = {}

        def keep(planned, work, on_cell=None):
            kept["made"] = make_report(planned, work, on_cell=on_cell)
            shutil.copytree(work, again)
            return kept["made"]

        patch.setattr(verifying, "make_report", keep)
        before = listing(base / "reports")
        result = verify(outcome.folder)
        assert listing(base / "reports") == before
    return {"home": home, "report": outcome.folder, "again": again, "result": result, "base": base}


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def home(made, monkeypatch):
    monkeypatch.setenv("POVSTUDY_HOME", str(made["home"]))
    monkeypatch.delenv("POVSTUDY_DEBUG", raising=False)
    return made["home"]


@pytest.fixture
def report(made, tmp_path):
    """A copy of the report to be altered."""
    return Path(shutil.copytree(made["report"], tmp_path / "reports" / made["report"].name))


@pytest.fixture
def no_kernel(made, monkeypatch):
    """Give the recomputation that was made once, whatever is asked; the data are rebuilt there only."""

    class Recomputed:
        failure = None
        builds: list[bool] = []  # noqa: RUF012

    def make(planned, work, on_cell=None):
        if Recomputed.failure is None:
            shutil.copytree(made["again"], work, dirs_exist_ok=True)
        return None, Recomputed.failure

    monkeypatch.setattr(verifying, "make_report", make)
    monkeypatch.setattr("povstudy.sources.build", lambda home, *, force: Recomputed.builds.append(force))
    return Recomputed


def moved(report: Path, again: Path) -> list[str]:
    return [str(move) for move in compare_reports(read_record(report), report, again)[0]]


def write(report: Path, record: dict) -> None:
    (report / "record.json").write_text(record_json(record), encoding="utf-8")


def refit(report: Path, record: dict | None = None, *, page: bool = True) -> None:
    """Rewrite every hash and identifier so that they fit the altered files, as a careful forger would."""
    record = json.loads((report / "record.json").read_text()) if record is None else record
    old = record["id"]
    code = record["code"]
    code["sha256"] = code_version(code["package"], record["notebook"]["sha256"])
    record["data_sha256"] = sha256_text(canonical(record["data"]))
    inputs = {"notebook": record["notebook"]["sha256"], "parameters": record["parameters"], "data": record["data"]}
    files = {name: facts["sha256"] for name, facts in record["input_files"].items()}
    record["hash"] = input_hash({**inputs, "files": files, "code": code["package"], "lock": record["lock"]["sha256"]})
    record["id"] = forecast_id(record["notebook"]["name"], record["parameters"], output_hashes(report))
    if page:
        text = (report / "report.html").read_text().replace(old, record["id"])
        own = re.search(r'(<details class="record">.*?<code>)(.*?)(</code>)', text, re.DOTALL)
        kept = json.loads(html.unescape(own.group(2))) | {n: record[n] for n in ("id", "hash", "code", "data_sha256")}
        text = text.replace(own.group(0), own.group(1) + escaped(record_json(kept)) + own.group(3))
        (report / "report.html").write_text(text)
    record["outputs"] = output_hashes(report)
    write(report, record)


def escaped(text: str) -> str:
    return html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def other_digit(text: str, at: int) -> str:
    return text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]


# The same


def test_a_report_is_the_same_when_it_is_recomputed_and_nothing_else_is_written(made):
    result = made["result"]
    assert result.same and result.reasons == () and result.notes == () and result.advice == ""
    assert re.fullmatch(
        r"pv-[a-z2-7]{10}: same\. Recomputed and compared: 5 numbers, 3 rows of the forecast, 1 table, 1 figure, "
        r"the page, the notebook, the record\.",
        str(result),
    )


def test_rewriting_hashes_that_fit_alters_nothing(report, made):
    refit(report)
    assert moved(report, made["again"]) == []


def test_a_strangers_file_beside_the_report_is_none_of_its_business(report, made):
    (report / "notes.txt").write_text("mine")
    assert moved(report, made["again"]) == []


# One digit, every hash rewritten to fit


def test_one_digit_of_numbers_json_is_found(report, made):
    path = report / "numbers.json"
    text = path.read_text()
    at = text.index('"value": ', text.index('"rate"')) + len('"value": ') + 6
    path.write_text(other_digit(text, at))
    refit(report)
    found = moved(report, made["again"])
    assert re.match(r"numbers\.json, rate, value: 2\.\d+ on record, 2\.\d+ recomputed", found[0])


def test_one_digit_of_forecast_csv_is_found(report, made):
    path = report / "forecast.csv"
    text = path.read_text()
    path.write_text(other_digit(text, len(text) - 2))
    refit(report)
    found = moved(report, made["again"])
    assert re.match(
        r"forecast\.csv, row 3 \(.* quantile 0\.9\), value: \d\.\d+ on record, \d\.\d+ recomputed", found[0]
    )
    assert any(line.startswith("record.json, id: ") for line in found)


@pytest.mark.parametrize(
    ("piece", "line"),
    [
        ('<td class="number">', "report.html: "),
        ('<data class="number" value="', "report.html: "),
        ('alt="', "report.html: '[30 draws"),
        ("Identifier <cite", "report.html: "),
        ("Code (<cite>SHA-256</cite>)</dt><dd><code>", "report.html: "),
        ("&#34;seconds&#34;: ", "record.json, seconds: "),
        ("font: 1", "report.html (markup): "),
    ],
)
def test_one_digit_of_report_html_is_found(report, made, piece, line):
    path = report / "report.html"
    text = path.read_text()
    at = next(i for i in range(text.index(piece) + len(piece.rstrip("1")), len(text)) if text[i].isdigit())
    path.write_text(other_digit(text, at))
    refit(report, page=False)
    found = moved(report, made["again"])
    assert any(move.startswith(line) for move in found), found


def test_one_byte_of_a_figure_is_found(report, made):
    path = report / "figures" / "draws.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refit(report)
    assert moved(report, made["again"]) == [
        "figures/draws.png: other bytes on record, the bytes in the copy inside report.html",
        "figures/draws.png: other bytes on record, the bytes drawn again",
    ]


def test_a_figure_altered_in_page_and_folder_and_notebook_is_found(report, made):
    import base64

    path = report / "figures" / "draws.png"
    old = path.read_bytes()
    new = old[:-30] + bytes([old[-30] ^ 1]) + old[-29:]
    path.write_bytes(new)
    one, two = (base64.b64encode(png).decode() for png in (old, new))
    for file in ("report.html", "report.ipynb"):
        text = (report / file).read_text()
        assert one in text
        (report / file).write_text(text.replace(one, two))
    refit(report)
    assert moved(report, made["again"]) == ["figures/draws.png: other bytes on record, the bytes drawn again"]


@pytest.mark.parametrize("file", ["report.html", "report.ipynb"])
def test_a_figure_altered_only_where_it_is_shown_is_found(report, made, file):
    text = (report / file).read_text()
    at = text.index("iVBORw0KGgo") + 3000
    (report / file).write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
    refit(report)
    assert any("images" in line or "figures/draws.png" in line for line in moved(report, made["again"]))


def leaves(value: object, path: tuple = ()) -> list[tuple]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]
    return [path]


def altered(value: object) -> object:
    """Return a value with one digit changed (a word changed where it has none)."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        text = repr(value)
        return type(value)(other_digit(text, next(i for i in range(len(text)) if text[i].isdigit())))
    place = re.search(r"\d", value)
    return other_digit(value, place.start()) if place else value + "1"


def test_one_digit_of_any_field_of_record_json_is_found(report, made):
    record = read_record(report)
    fields = [path for path in leaves(record) if path[0] != "schema_version"]
    assert len(fields) > 60
    for path in fields:
        copy = json.loads(json.dumps(record))
        holder = copy
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = altered(holder[path[-1]])
        if path[0] not in ("id", "hash", "data_sha256", "outputs") and path != ("code", "sha256"):
            refit(report, copy, page=False)
        else:
            write(report, copy)
        try:
            assert moved(report, made["again"]) != [], path
        except UnreadableRecordError:
            assert path in {("lang",), ("parameters", "panel"), ("input_files", "panel", "file")}, path


def rewritten(report: Path, change: dict) -> None:
    """Change a field in the record and in its copy inside the page, and nothing that follows from it."""
    record = read_record(report) | change
    path = report / "report.html"
    own = re.search(r'<details class="record">.*?<code>(.*?)</code>', path.read_text(), re.DOTALL)
    path.write_text(path.read_text().replace(own.group(1), escaped(page_record(record))))
    record["outputs"] = output_hashes(report)
    write(report, record)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"hash": "0" * 12}, "record.json, hash: 000000000000 on record, "),
        ({"data_sha256": "0" * 64}, "record.json, data_sha256: 0000"),
        ({"seconds": 1.5}, "record.json, seconds: 1.5 on record, "),
        ({"finished": "2036-11-25T22:54:03.000+00:00"}, "record.json, seconds: "),
        ({"started": "no time"}, "no time by its other fields"),
        ({"povstudy": "0.1.9"}, "record.json, povstudy: 0.1.9 on record, 0.1.0 by its code"),
    ],
)
def test_a_field_that_does_not_follow_from_the_others_is_found_in_record_and_page_together(report, made, change, line):
    rewritten(report, change)
    assert any(line in move for move in moved(report, made["again"]))


def test_every_digit_of_numbers_and_forecast_counts(made):
    for file, compare in (("numbers.json", compare_numbers), ("forecast.csv", compare_csv)):
        text = (made["report"] / file).read_text()
        for at, sign in enumerate(text):
            if sign.isdigit():
                assert compare(other_digit(text, at), text, file) != [], (file, at)


def test_every_kind_of_digit_of_the_page_counts(made):
    page = re.sub(r'src="data[^"]*"', "", (made["report"] / "report.html").read_text())
    digits = [at for at, sign in enumerate(page) if sign.isdigit()]
    for at in digits[:: max(1, len(digits) // 100)]:
        assert compare_pages(other_digit(page, at), page, "report.html", same_code=True) != [], page[at - 40 : at + 40]


# Files that came or went, or say the same in another way


@pytest.mark.parametrize(
    "file", ["numbers.json", "forecast.csv", "tables/draws.csv", "figures/draws.png", "report.html"]
)
def test_a_file_that_is_gone_is_found(report, made, file):
    (report / file).unlink()
    assert f"{file}: no file on record, a file recomputed" in moved(report, made["again"])


def test_a_table_that_was_added_is_found(report, made):
    (report / "tables" / "more.csv").write_text("a\n1\n")
    found = moved(report, made["again"])
    assert found[0] == "tables/more.csv: a file on record, no file recomputed"


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        ('{"a": {"value": 1}, "a": {"value": 1}}', '{"a": {"value": 1}}', "a name stands twice"),
        ('{"a": {"value": 1.0}}', '{"a": {"value": 1}}', "the same numbers, written otherwise"),
        ("[1]", '{"a": {"value": 1}}', "what cannot be read"),
        ("{", "{}", "what cannot be read"),
        ('{"a": 1}', "{}", "a number is not an object"),
        ('{"a": {"value": 1}}', "{}", "numbers.json, a: 1 on record, nothing recomputed"),
        ('{"a": {"value": true}}', '{"a": {"value": 1}}', "a, value: true on record, 1 recomputed"),
    ],
)
def test_numbers_that_say_the_same_otherwise_or_nothing_are_found(one, two, message):
    assert message in str(compare_numbers(one, two)[0])


def test_numbers_are_compared_at_ten_significant_digits():
    one, two = (f'{{"a": {{"value": {value}}}}}' for value in ("0.12345678901", "0.12345678904"))
    assert [str(move) for move in compare_numbers(one, two)] == [
        "numbers.json: the same numbers, written otherwise on record, the text that povstudy writes recomputed"
    ]
    assert "value" in str(compare_numbers(one.replace("8901", "8911"), two)[0])


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        ("a,b\n1,2\n", "a,c\n1,2\n", "t.csv, header: a,b on record, a,c recomputed"),
        ("a,b\n1,2\n3,4\n", "a,b\n1,2\n", "t.csv, row 2: 3,4 on record, nothing recomputed"),
        ("a\n1\n", "a\n1,2\n", "t.csv, row 1: 1 on record, 1,2 recomputed"),
        ("a\n1.0\n", "a\n1\n", "t.csv: the same cells, written otherwise"),
        ("a\nx\n", "a\n1\n", "t.csv, row 1 (first cell), a: x on record, 1 recomputed"),
        ("", "a\n1\n", "t.csv, header: nothing on record, a recomputed"),
    ],
)
def test_tables_that_differ_are_told_by_row_and_column(one, two, message):
    assert str(compare_csv(one, two, "t.csv")[0]).startswith(message)


def test_pages_are_compared_by_text_where_the_code_is_another():
    one, two = "<p class='a'>It fell to <b>4</b>.</p>", "<p>It fell to 4.</p>"
    assert page_text(one) == page_text(two)
    assert compare_pages(one, two, "report.html", same_code=False) == []
    assert "report.html (markup)" in str(compare_pages(one, two, "report.html", same_code=True)[0])


def test_notebooks_are_compared_cell_by_cell_without_images():
    cell = {"cell_type": "code", "source": "a", "outputs": [{"data": {"image/png": "x", "text/plain": "4"}}]}
    text = json.dumps({"cells": [cell], "metadata": {}})
    assert compare_notebooks(text.replace('"x"', '"y"'), text, "n") == []
    assert "n, cell 1: " in str(compare_notebooks(text.replace('"4"', '"5"'), text, "n")[0])
    assert "n, metadata: " in str(
        compare_notebooks(text.replace('"metadata": {}', '"metadata": {"a": 1}'), text, "n")[0]
    )
    assert "what is no notebook" in str(compare_notebooks("[]", text, "n")[0])


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b'{"cells": [{"outputs": 3}]}', b"<html>"],
    ids=["empty", "bytes", "list", "cells", "page"],
)
@pytest.mark.parametrize("file", ["numbers.json", "forecast.csv", "report.html", "report.ipynb", "figures/draws.png"])
def test_broken_files_are_differences_and_not_faults(report, made, file, content):
    (report / file).write_bytes(content)
    assert moved(report, made["again"]) != []


# Another platform


@pytest.fixture
def elsewhere(made, tmp_path):
    """The recomputation as another version of matplotlib would draw it."""
    again = Path(shutil.copytree(made["again"], tmp_path / "again"))
    record = json.loads((again / "record.json").read_text())
    record["versions"]["matplotlib"] = "9.9"
    write(again, record)
    for file in ("report.html", "report.ipynb"):
        text = (again / file).read_text()
        at = text.index("iVBORw0KGgo") + 3000
        (again / file).write_text(text[:at] + "AAAA" + text[at + 4 :])
    (again / "figures" / "draws.png").write_bytes(b"\x89PNG other")
    return again


def test_figures_of_another_matplotlib_are_compared_by_the_table_behind_them(report, elsewhere):
    record = read_record(report)
    moves, notes = compare_reports(record, report, elsewhere)
    assert moves == []
    version = record["versions"]["matplotlib"]
    assert notes == [
        f"figures were drawn with matplotlib {version}: they are compared by the table behind them, not by bytes"
    ]


def test_a_figure_of_another_platform_says_so(report, elsewhere):
    record = json.loads((elsewhere / "record.json").read_text())
    record["versions"]["matplotlib"] = read_record(report)["versions"]["matplotlib"]
    record["platform"]["machine"] = "other"
    write(elsewhere, record)
    moves, (note,) = compare_reports(read_record(report), report, elsewhere)
    assert (moves == [] and note.startswith("figures were drawn with Linux")) or "figures were drawn with" in note


def test_a_digit_of_a_figure_is_found_on_another_platform_too(report, elsewhere):
    table = report / "figures" / "draws.csv"
    text = table.read_text()
    table.write_text(other_digit(text, text.index("0,line,0,0,0,") + len("0,line,0,0,0,") + 5))
    refit(report)
    assert moved(report, elsewhere)[0].startswith("figures/draws.csv, row 1 (0 line 0 0 0), y: ")
    path = report / "figures" / "draws.png"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    refit(report)
    assert "figures/draws.png: other bytes on record, the bytes in the copy inside report.html" in moved(
        report, elsewhere
    )


def test_the_table_behind_a_figure_holds_lines_areas_points_and_words(made):
    lines = (made["report"] / "figures" / "draws.csv").read_text().splitlines()
    kinds = [line.split(",")[1] for line in lines[1:]]
    assert kinds.count("line") == 20 and kinds.count("points") == 2 and kinds.count("area") >= 4
    assert lines[1].endswith(",draw")


# Why it can have moved


def test_each_circumstance_is_named_that_is_different(home, made):
    from povstudy.reporting.plan import plan

    record = read_record(made["report"])
    here = circumstances(plan("toy", {"panel": str(made["report"] / "input" / "panel.csv"), "seed": 8}))
    assert reasons(record, here) == [] and how_to_recompute(record, here) == ""
    old = json.loads(json.dumps(record))
    old["povstudy"], old["code"]["package"], old["code"]["commit"] = "0.0.9", "f" * 64, "a" * 40
    old["code"]["changed"] = True
    old["notebook"]["sha256"] = "0" * 64
    old["data"]["data/raw/vietnam_panel.csv"] = "0" * 64
    old["data"]["data/raw/old.csv"] = old["data"].pop("data/raw/sources.csv")
    old["versions"] |= {"numpy": "1.26.4", "gone": "1.0"}
    old["versions"].pop("scipy")
    old["platform"]["machine"] = "other"
    old["input_files"]["panel"]["sha256"] = "0" * 64
    lines = reasons(old, here)
    assert lines[0] == (
        "data: data/raw/old.csv is gone; data/raw/sources.csv is new; data/raw/vietnam_panel.csv has other content; "
        "the user's file for panel has other content"
    )
    assert lines[1].startswith(
        "code: povstudy 0.0.9 (ffffffffffff, commit aaaaaaaaaaaa with changes that no commit holds) made it, here is "
    )
    assert lines[2] == "notebook: the cells of 03_toy are not those that ran"
    assert "numpy 1.26.4 made it, here is" in lines[3] and "gone 1.0 made it, here is none" in lines[3]
    assert "scipy absent made it" in lines[3]
    assert lines[4].startswith("platform: ") and len(lines) == 5
    advice = how_to_recompute(old, here)
    assert "To recompute it as it was made, by povstudy 0.0.9 under Python 3." in advice
    assert f"git checkout {'a' * 40}" in advice and "numpy==1.26.4" in advice and "gone==1.0" in advice
    assert "python==" not in advice and "changes that the commit does not hold" in advice
    old["code"]["commit"] = ""
    assert "get povstudy 0.0.9" in how_to_recompute(old, here)


def test_verify_says_what_moved_and_why(home, report, no_kernel, capsys):
    path = report / "forecast.csv"
    path.write_text(other_digit(path.read_text(), len(path.read_text()) - 2))
    refit(report)
    assert cli.call(["verify", str(report)]) == 3
    assert no_kernel.builds == [True]
    printed = capsys.readouterr().out
    assert "things moved.\n  forecast.csv, row 3 (" in printed
    assert f"Why it can have moved:\n  {ALTERED}\n" in printed


def test_verify_of_an_older_report_says_which_versions_to_install(home, report, no_kernel, capsys):
    record = read_record(report)
    record["povstudy"], record["code"]["package"] = "0.0.9", "f" * 64
    record["versions"]["numpy"] = "1.26.4"
    path = report / "report.html"
    text = path.read_text()
    own = re.search(r'<details class="record">.*?<code>(.*?)</code>', text, re.DOTALL)
    code_before = read_record(report)["code"]["sha256"]
    refit(report, record, page=False)
    record = read_record(report)
    text = text.replace(own.group(1), escaped(page_record(record))).replace("povstudy 0.1.0", "povstudy 0.0.9")
    text = text.replace('povstudy <cite class="clause">0.1.0', 'povstudy <cite class="clause">0.0.9')
    path.write_text(text.replace(code_before, record["code"]["sha256"]))
    record["outputs"] = output_hashes(report)
    write(report, record)
    assert cli.call(["verify", str(report)]) == 0
    printed = capsys.readouterr().out
    assert "different from when it was made, without effect: code: povstudy 0.0.9 (ffffffffffff" in printed
    assert "To recompute it as it was made, by povstudy 0.0.9" in printed and "numpy==1.26.4" in printed
    numbers = report / "numbers.json"
    numbers.write_text(numbers.read_text().replace('"value": 2.', '"value": 3.', 1))
    assert cli.call(["verify", str(report)]) == 3
    printed = capsys.readouterr().out
    assert "library versions: numpy 1.26.4 made it" in printed
    assert "To recompute it as it was made, by povstudy 0.0.9" in printed and "numpy==1.26.4" in printed


def test_many_moves_are_cut_file_by_file():
    moves = [Move(file, f"row {n}", "1", "2") for file in ("a.csv", "b.csv") for n in range(12)]
    text = str(Verification("pv-x", "", tuple(moves), (), (), ""))
    assert text.startswith("pv-x: 24 things moved.\n  a.csv, row 0: 1 on record, 2 recomputed\n")
    assert "  a.csv: and 4 more\n  b.csv, row 0: " in text and "  b.csv: and 4 more\n" in text
    assert str(Verification("pv-x", "", tuple(moves[:1]), (), (), "")).startswith("pv-x: 1 thing moved.\n")


def test_data_that_are_gone_are_named_where_the_run_cannot_start(home, report, no_kernel, capsys):
    record = read_record(report)
    record["parameters"] |= {"panel": None, "area": "xyz-03"}
    record["input_files"], record["data"]["data/raw/local/own.csv"] = {}, "0" * 64
    write(report, record)
    assert cli.call(["verify", str(report)]) == 2
    printed = capsys.readouterr().err
    assert "There is no area 'xyz-03'" in printed
    assert "Since it was made: data/raw/local/own.csv is gone." in printed


def test_verify_by_folder_record_or_identifier(home, made, no_kernel, capsys):
    identifier = read_record(made["report"])["id"]
    for name in (made["report"], made["report"] / "record.json", made["report"] / "report.html"):
        assert find_record(name) == made["report"]
    assert find_record(identifier, reports=made["base"] / "reports") == made["report"]
    assert cli.call(["verify", identifier, "-o", str(made["base"] / "reports")]) == 0
    assert capsys.readouterr().out.startswith(f"{identifier}: same.")
    assert cli.call(["verify", identifier]) == 2
    assert f"has the identifier {identifier}" in capsys.readouterr().err
    assert listing(made["base"] / "reports" / "ledger").keys() == {f"{identifier}.csv"}


def test_a_notebook_that_fails_now_is_one(home, report, no_kernel, capsys):
    no_kernel.failure = CellFailure(3, "ValueError", "no <b>")
    assert cli.call(["verify", str(report)]) == 1
    assert "cannot be recomputed here: ValueError: no <b>" in capsys.readouterr().err
    no_kernel.failure = CellFailure(3, "NotAvailableError", "two points are no trend")
    with pytest.raises(ReportError, match="is not available here: NotAvailableError: two points"):
        verify(report)


def test_a_users_file_that_was_altered_is_found(home, report, no_kernel):
    panel = report / "input" / "panel.csv"
    panel.write_text(PANEL.replace("14.0", "13.0"))
    refit(report)
    assert any("input_files, panel, sha256" in str(move) for move in verify(report).moves)
    record = read_record(report)
    record["input_files"]["panel"]["sha256"] = record["outputs"]["input/panel.csv"]
    refit(report, record)
    assert any("input_files, panel, sha256" in str(move) for move in verify(report).moves)


def test_a_file_that_the_report_does_not_keep_is_asked_for(home, report, no_kernel, capsys, tmp_path):
    kept = tmp_path / "mine.csv"
    (report / "input" / "panel.csv").rename(kept)
    assert cli.call(["verify", str(report)]) == 2
    assert "The file 'my panel.csv' that this report was made from is not kept in it. Give it with --file" in (
        capsys.readouterr().err
    )
    verifying_result = verify(report, files={"panel": kept})
    assert [str(move) for move in verifying_result.moves if "input" not in str(move)] == []
    assert cli.call(["verify", str(report), "--file", "panel"]) == 2
    assert "expected NAME=VALUE" in capsys.readouterr().err


# What cannot be read


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 7}, "its schema_version is 7, this povstudy reads 1. It was made by povstudy 0.1.0"),
        ({"seed": ..., "headline": ...}, "'headline' is missing"),
        ({"versions": []}, "'versions' is of type list"),
        ({"lang": "fr"}, "its language 'fr' is none of en, vi"),
        ({"finished": "2026-13-25T00:00:00+00:00"}, "its 'finished' is '2026-13-25T00:00:00+00:00', which is no date"),
        ({"seconds": float("nan")}, "NaN is no number of JSON"),
        ({"headline": HEADLINE | {"median": True}}, "'headline' has no number 'median'"),
        ({"notebook": {"name": 3, "sha256": ""}}, "'notebook' has no text 'name'"),
        ({"data": {"a": 3}}, "'data' holds what is no text"),
        ({"headline": {"location": "x"}}, "'headline' has no text 'group'"),
        ({"outputs": {"../../x": "0"}}, "'outputs' names '../../x', which is not inside the report folder"),
        ({"outputs": {"/etc/passwd": "0"}}, "which is not inside the report folder"),
        ({"input_files": {"panel": {"file": "/x.csv", "name": "", "sha256": ""}}}, "'input_files' names '/x.csv'"),
        ({"parameters": {"panel": "/etc/passwd"}}, "the parameter 'panel' does not name 'input/panel.csv'"),
        ({"notebook": {"name": "/tmp/x.ipynb", "sha256": ""}}, "The notebook '/tmp/x.ipynb' of this record is not in"),
        ({"notebook": {"name": "03_toi", "sha256": ""}}, "Did you mean '03_toy'? Give its file with --notebook"),
        ({"parameters": {"panel": "input/panel.csv", "x": 1}}, "03_toy has no parameter 'x'"),
    ],
)
def test_a_record_that_cannot_be_checked_is_two(home, report, no_kernel, capsys, change, message):
    record = json.loads((report / "record.json").read_text()) | change
    (report / "record.json").write_text(json.dumps({k: v for k, v in record.items() if v is not ...}))
    no_kernel.failure = CellFailure(0, "AssertionError", "it ran")
    assert cli.call(["verify", str(report)]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and "Traceback" not in printed.err and printed.out == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b"3", b"[" * 100_000],
    ids=["empty", "cut", "list", "bytes", "number", "deep"],
)
def test_what_is_no_record_is_two(home, report, capsys, content):
    (report / "record.json").write_bytes(content)
    assert cli.call(["verify", str(report)]) == 2
    assert "record.json cannot be" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nothing", "", "x" * 10_000, "../..", "a\0b"])
def test_what_is_not_there_is_two(home, tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    for command in ("verify", "cite"):
        assert cli.call([command, name]) == 2
        assert "There is no record at" in capsys.readouterr().err


def test_a_notebook_of_the_users_own_is_named(home, report, no_kernel, tmp_path, capsys):
    own = shutil.copy(home / "notebooks" / "03_toy.ipynb", tmp_path / "own.ipynb")
    record = read_record(report)
    record["notebook"]["name"] = "own"
    write(report, record)
    assert cli.call(["verify", str(report)]) == 2
    capsys.readouterr()
    assert cli.call(["verify", str(report), "--notebook", str(own)]) == 3
    assert "record.json, notebook, name" in capsys.readouterr().out

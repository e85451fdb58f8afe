"""The shipped notebooks for every kind of area, for a user's own figures, and under plain papermill."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from povstudy.memory import FOLDER_VARIABLE
from povstudy.reporting import wording

ROOT = Path(__file__).resolve().parents[1]


def command(arguments, *, cwd, home=ROOT):
    """Run the command line as a user types it, from some other folder."""
    return subprocess.run(
        [sys.executable, "-m", "povstudy.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "POVSTUDY_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def only_folder(parent):
    """The one report folder below a folder."""
    (report,) = parent.glob("*/report.html")
    return report.parent


EVERY_KIND = """
import json, os, sys
os.environ["MPLBACKEND"] = "agg"
import nbformat
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.io import capture_output
notebook, cases, out = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
cells = [c for c in nbformat.read(notebook, as_version=4).cells if c.cell_type == "code"]
shell = InteractiveShell.instance()
for number, case in enumerate(cases):
    shell.reset(new_session=False)
    folder = out / str(number)
    folder.mkdir()
    os.environ["POVSTUDY_OUTPUT"] = str(folder)
    for cell in cells:
        with capture_output() as seen:
            result = shell.run_cell(cell.source)
            if "parameters" in cell.metadata.get("tags", []):
                shell.user_ns.update(case)
        if not result.success:
            print(json.dumps({"case": case, "error": repr(result.error_in_exec or result.error_before_exec)}))
            sys.exit(1)
"""


def english_of_figures():
    """What a figure says in English: the words that its function falls back on, and the English sentences."""
    said = {entry.texts["en"] for entry in wording.catalogue().values()}
    said -= {entry.texts["vi"] for entry in wording.catalogue().values()}
    for file in (ROOT / "src" / "povstudy" / "plots").glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "words":
                said |= {ast.literal_eval(key.value) for key in call.keywords} - {"", "%"}
    return said


KINDS = {
    "01_data_audit": [
        {"area": "vn63-01"},
        {"area": "vn63-89", "lang": "vi"},
        {"area": "vn34-44"},
        {"area": "vn-central-highlands", "lang": "vi"},
        {"area": "vn"},
    ],
    "03_forecast": [
        {"area": "vn63-01"},
        {"area": "vn63-89", "lang": "vi", "horizon": 1},
        {"area": "vn34-44", "target_rate": 1.0},
        {"area": "vn34-01", "horizon": 15},
        {"area": "vn-mekong-river-delta", "lang": "vi"},
        {"area": "vn", "method": "linear_pp"},
        {"area": "vn63-51", "method": "eb_drift", "seed": 7},
    ],
}


@pytest.mark.parametrize("name", list(KINDS))
def test_a_notebook_runs_for_every_kind_of_area(name, tmp_path):
    """One process for all cases: a province of either vintage, a region, the nation, both languages."""
    memory = tmp_path / "memory"  # as in a sweep: what the cases have in common is computed once
    memory.mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            EVERY_KIND,
            str(ROOT / "notebooks" / f"{name}.ipynb"),
            json.dumps(KINDS[name]),
            tmp_path,
        ],
        env={**os.environ, "POVSTUDY_HOME": str(ROOT), FOLDER_VARIABLE: str(memory)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for number in range(len(KINDS[name])):
        assert (tmp_path / str(number) / "numbers.json").stat().st_size > 1000
    drawn = {
        text
        for number, case in enumerate(KINDS[name])
        if case.get("lang") == "vi"
        for file in (tmp_path / str(number) / "figures").glob("*.csv")
        for text in pd.read_csv(file, dtype=str)["text"].dropna()
    }
    assert len(drawn) > 20 and drawn & english_of_figures() == set()


def test_03_runs_on_a_users_own_panel_and_states_its_gaps(tmp_path):
    rows = ["area,area_name,year,value,standard"]
    for number in range(12):
        name = "<script>alert(1)</script>" if number == 0 else f"=cmd(){number}"
        years = [2018, 2019, 2021, 2022] if number == 0 else [2022] if number == 1 else range(2018, 2023)
        rows += [
            f"idn-{number:02d},{name},{year},{20 - number - 0.8 * (year - 2018):.2f},national line" for year in years
        ]
    file = tmp_path / "own figures.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = command(["run", "03_forecast", "-p", f"panel={file}", "-p", "area=idn-00", "-o", "out"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = only_folder(tmp_path / "out")
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Years without a figure" in html
    assert (folder / "input" / "panel.csv").read_bytes() == file.read_bytes()
    assert str(tmp_path) not in (folder / "report.ipynb").read_text(encoding="utf-8")


def test_03_runs_on_a_file_in_data_raw_local(tmp_path):
    """A user's file in data/raw/local is picked up like the shipped figures."""
    home = tmp_path / "home"
    shutil.copytree(ROOT / "data" / "raw", home / "data" / "raw", ignore=shutil.ignore_patterns("local"))
    (home / "data" / "processed").mkdir()
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    (home / "data" / "raw" / "local").mkdir()
    rows = ["area,area_name,year,value,standard"]
    for number in range(12):
        rows += [
            f"xyz-{number:02d},Region {number},{year},{30 - number - (year - 2019):.1f},own line"
            for year in range(2019, 2025)
        ]
    (home / "data" / "raw" / "local" / "own.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = command(["run", "03_forecast", "-p", "area=xyz-03", "-o", str(tmp_path / "out")], cwd=tmp_path, home=home)
    assert done.returncode == 0, done.stderr
    folder = only_folder(tmp_path / "out")
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert "local/own.csv" in json.dumps(record)


def test_plain_papermill_writes_the_notebook_and_nothing_else(tmp_path):
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "data").rglob("*")}
    notebook = str(ROOT / "notebooks" / "03_forecast.ipynb")
    run = subprocess.run(
        [sys.executable, "-m", "papermill", notebook, "X0.ipynb", "-r", "area", "vn63-01", "--no-progress-bar"],
        cwd=tmp_path,
        env={**os.environ, "POVSTUDY_HOME": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["X0.ipynb"]
    assert {path: path.stat().st_mtime_ns for path in (ROOT / "data").rglob("*")} == before
    executed = nbformat.read(tmp_path / "X0.ipynb", as_version=4)
    assert any("image/png" in output.get("data", {}) for cell in executed.cells for output in cell.get("outputs", []))

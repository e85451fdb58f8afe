"""Sweeps: every fault before the first run; killed, interrupted or out of room, nothing is torn, nothing is redone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from povstudy import cli
from povstudy.errors import ParameterError
from povstudy.memory import FOLDER_VARIABLE, content_hash, recall, remembered
from povstudy.reporting import schemas
from povstudy.reporting.fork import can_fork
from povstudy.reporting.sweep import sweep
from povstudy.reporting.sweep_rows import RowsError, rows_of_areas, rows_of_table
from povstudy.reporting.sweep_table import COLUMNS, read_summary

ROOT = Path(__file__).resolve().parents[1]
linux = pytest.mark.skipif(not can_fork(), reason="the tests look for children of a warm process")
SETTINGS = """\
area: Area = "vn63-01"  # area of the report
lang: Literal["en", "vi"] = "en"  # language
seed: Annotated[int, Range(0, 9)] = 0  # seed of the draws
mode: str = "ok"  # what happens
note: str | None = None  # any text
"""
BODY = """\
import os, signal, time
from pathlib import Path
import psutil
from povstudy.errors import NotAvailableError

report = open_report()
report.number("one", 1.0, "%")
log = Path(os.environ["SWEEP_LOG"])
first = not (log / f"{area}-{seed}").exists()
with (log / f"{area}-{seed}").open("a") as file:
    file.write("run\\n")
if mode == "fail":
    raise ValueError("no <b>luck</b>\\u202e")
if mode == "unknown":
    raise NotAvailableError("nothing was measured")
if mode.startswith("kill") and first:
    process = psutil.Process()
    for _ in range(int(mode[4:])):
        process = process.parent()
    process.kill()
    time.sleep(60)
if mode == "slow":
    time.sleep(0.7)
if mode == "large":
    report.file("noise.docx", os.urandom(400_000), title="noise")
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    home = tmp_path / "home"
    (home / "notebooks").mkdir(parents=True)
    (home / "data").symlink_to(ROOT / "data")
    (tmp_path / "log").mkdir()
    cells = [
        nbformat.v4.new_markdown_cell("# What does a toy say?", metadata={"tags": ["lang-en"]}),
        nbformat.v4.new_code_cell(
            "from typing import Annotated, Literal\n\nfrom povstudy import Area, Range, open_report"
        ),
        nbformat.v4.new_code_cell(SETTINGS, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(BODY),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), home / "notebooks" / "01_toy.ipynb")
    monkeypatch.setenv("POVSTUDY_HOME", str(home))
    monkeypatch.setenv("SWEEP_LOG", str(tmp_path / "log"))
    return home


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "reports"


def table(tmp_path: Path, *lines: str, header: str = "area,seed,mode") -> Path:
    path = tmp_path / "table.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def runs(tmp_path: Path) -> dict[str, int]:
    """How often each row was run."""
    return {path.name: len(path.read_text().splitlines()) for path in sorted((tmp_path / "log").iterdir())}


LOCKS = (".sweep.lock", ".index.lock")


def torn(output: Path) -> list[str]:
    """What is not a whole report, and what should not be there."""
    faults = [path.name for path in output.rglob(".*") if path.name not in LOCKS]
    for path in output.glob("*/record.json"):
        for file, digest in json.loads(path.read_text(encoding="utf-8"))["outputs"].items():
            if hashlib.sha256((path.parent / file).read_bytes()).hexdigest() != digest:
                faults.append(f"{path.parent.name}/{file}")
    folders = {path.name for path in output.iterdir() if path.is_dir()} - {"failed", "not-available", "ledger"}
    return faults + sorted(folders - {path.parent.name for path in output.glob("*/record.json")})


@linux
def test_a_sweep_survives_a_killed_worker_and_a_failing_row_and_redoes_nothing(home, output, tmp_path, capsys):
    rows = table(tmp_path, "vn63-01,,ok", "Hà Giang,1,fail", "vn63-04,2,unknown", "vn63-06,3,kill1", "vn63-08,4,")
    command = ["sweep", "toy", "--table", str(rows), "-o", str(output)]
    assert cli.call([*command, "--dry-run"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("would run: 01_toy-vn63-01-") and printed[-1] == "5 of 5 would run; 0 are finished."
    assert not output.exists() and runs(tmp_path) == {}

    assert cli.call(command) == 1
    done = capsys.readouterr()
    assert "failed: vn63-02, cell 5: ValueError: no <b>luck</b>\n" in done.out
    assert "5 reports: 3 done, 1 not available, 1 failed. Run the same command again for the rest.\n" in done.out
    assert "5 of 5  01_toy " in done.err and " left  01_toy " in done.err
    assert torn(output) == []
    assert runs(tmp_path) == {"vn63-01-0": 1, "vn63-02-1": 1, "vn63-04-2": 1, "vn63-06-3": 2, "vn63-08-4": 1}
    summary = {row["area"]: row for row in read_summary(output)}
    assert {area: row["status"] for area, row in summary.items()} == {
        "vn63-01": "done",
        "vn63-02": "failed",
        "vn63-04": "not available",
        "vn63-06": "done",
        "vn63-08": "done",
    }
    assert summary["vn63-06"]["attempts"] == "2" and summary["vn63-02"]["attempts"] == "1"
    assert summary["vn63-02"]["cell"] == "5" and (output / summary["vn63-02"]["folder"] / "report.ipynb").is_file()
    assert "Ha Giang" in (output / "index.html").read_text(encoding="utf-8")

    assert cli.call([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 5 would run; 4 are finished."
    assert cli.call(command) == 1
    assert runs(tmp_path) == {"vn63-01-0": 1, "vn63-02-1": 2, "vn63-04-2": 1, "vn63-06-3": 2, "vn63-08-4": 1}
    assert "5 reports: 3 unchanged, 1 not available, 1 failed." in capsys.readouterr().out


@linux
def test_an_interrupted_sweep_leaves_no_process_and_the_second_call_finishes_the_rest_only(home, output, tmp_path):
    rows = table(tmp_path, *(f"vn63-{code},0,slow" for code in ("01", "02", "04", "06", "08")))
    command = [sys.executable, "-m", "povstudy.cli", "sweep", "toy", "--table", str(rows), "-o", str(output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr.readline().startswith("1 of 5")
        below, end = [], time.monotonic() + 10
        while len(below) < 2 and time.monotonic() < end:  # between two reports there may be the warm process alone
            below = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        _, message = process.communicate(timeout=30)
    assert process.returncode == 130 and "povstudy: interrupted; finished reports are kept" in message
    assert len(below) > 1 and psutil.wait_procs(below, timeout=5)[1] == []
    assert torn(output) == []
    finished = [path.parent.name for path in output.glob("*/record.json")]
    statuses = [row["status"] for row in read_summary(output)]
    assert 0 < len(finished) < 5 and statuses.count("done") == len(finished)
    assert statuses.count("not run") == 5 - len(finished)
    before = runs(tmp_path)
    assert cli.call(command[3:]) == 0
    after = runs(tmp_path)
    for name in finished:
        area = "-".join(name.split("-")[1:3])
        assert after[f"{area}-0"] == before[f"{area}-0"] == 1
    assert len(list(output.glob("*/record.json"))) == 5 and torn(output) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for two reports; without the right to mount one the test is skipped, but not in CI."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("a tmpfs cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@linux
def test_a_full_disk_tears_nothing_and_the_second_call_finishes_the_rest_only(home, small_disk, tmp_path, capsys):
    output = small_disk / "reports"
    rows = table(tmp_path, *(f"vn63-{code},0,large" for code in ("01", "02", "04", "06", "08", "10")))
    command = ["sweep", "toy", "--table", str(rows), "-o", str(output), "--workers", "1"]
    assert cli.call(command) == 1
    said = capsys.readouterr()
    assert "No space left on device" in said.out + said.err and "Traceback" not in said.err
    finished = sorted(path.parent.name for path in output.glob("*/record.json"))
    assert 0 < len(finished) < 5 and torn(output) == []
    assert len(runs(tmp_path)) < 6  # the rest was not even begun
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    before = runs(tmp_path)
    assert cli.call(command) == 0
    assert torn(output) == [] and len(list(output.glob("*/record.json"))) == 6
    for name in finished:
        area = "-".join(name.split("-")[1:3])
        assert runs(tmp_path)[f"{area}-0"] == before[f"{area}-0"]


@linux
def test_a_cluster_makes_the_same_reports_and_survives_a_killed_worker(home, output, tmp_path, capsys):
    from distributed import LocalCluster

    rows = table(tmp_path, "vn63-01,0,ok", "vn63-02,1,kill3", "vn63-04,2,fail")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": "CRITICAL"}
    with LocalCluster(**options) as cluster:
        command = ["sweep", "toy", "--table", str(rows), "-o", str(output), "--scheduler", cluster.scheduler_address]
        assert cli.call(command) == 1
    assert "3 reports: 2 done, 1 failed." in capsys.readouterr().out
    # What a lost worker had not handed over is run again; a report that is there is not made again.
    assert runs(tmp_path)["vn63-01-0"] == 1 and runs(tmp_path)["vn63-02-1"] == 2
    assert runs(tmp_path)["vn63-04-2"] in (1, 2)
    assert torn(output) == []
    assert cli.call([*command[:-2], "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 3 would run; 2 are finished."


def test_a_scheduler_that_is_not_there_is_bad_input(home, output, tmp_path, capsys, monkeypatch):
    command = ["sweep", "toy", "--areas", "vn63-01", "-o", str(output), "--scheduler"]
    assert cli.call([*command, "nonsense://x"]) == 2
    assert "The scheduler 'nonsense://x' cannot be reached: " in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.call([*command, "tcp://127.0.0.1:9"]) == 2
    assert "not installed: pip install 'povstudy[cluster]'" in capsys.readouterr().err


def test_without_fork_each_report_is_made_by_a_program_of_its_own(home, output, monkeypatch):
    monkeypatch.setattr("povstudy.reporting.task.can_fork", lambda: False)
    (result,) = sweep("toy", rows_of_areas("toy", "vn63-01"), output=output).results
    assert (result.status, result.reason, result.attempts) == ("done", "", 1)


# Rows


def test_every_fault_of_a_table_is_told_before_anything_runs(home, output, tmp_path, capsys):
    lines = ["vn63-01,12,ok,", "nowhere,0,ok,", "91,0,ok,", "vn63-02,0,ok,", "vn63-02,0,ok,", 'vn63-04,x,"=1+1",y']
    path = table(tmp_path, *lines, "vn63-06,0", header="area,seed,mode,horizn")
    assert cli.call(["sweep", "toy", "--table", str(path), "-o", str(output)]) == 2
    assert "line 8: 2 cells, the header has 4." in capsys.readouterr().err
    table(tmp_path, *lines, header="area,seed,mode,notes")
    assert cli.call(["sweep", "toy", "--table", str(path), "-o", str(output)]) == 2
    said = capsys.readouterr().err
    assert "table.csv has 3 faults; nothing was run." in said
    assert "there is no parameter 'notes'; possible are area, lang, seed, mode, note. Did you mean 'note'?" in said
    assert "line 2: The parameter 'seed' got 12; expected a whole number from 0 to 9." in said
    assert "line 7: The parameter 'seed' got 'x'" in said
    table(tmp_path, *(line.rpartition(",")[0] for line in ["vn63-01,1,ok,", *lines[1:5]]))
    assert cli.call(["sweep", "toy", "--table", str(path), "-o", str(output)]) == 2
    said = capsys.readouterr().err
    assert "line 3: There is no area 'nowhere'" in said and "line 4: '91' can mean vn63-91" in said
    assert "line 6: the same report as line 5. Give it once." in said
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "no row; the first line names the parameters"),
        ("t.csv", b"area,area\nvn63-01,vn63-01\n", "the column 'area' stands twice."),
        ("t.csv", b'area,mode\n"vn63-01,ok\n', "unexpected end of data"),
        ("t.csv", b"area\n\xff\xfe\n", "is not UTF-8 text (byte 5)"),
        ("t.yaml", b"area: vn63-01\n", "expected a list with a mapping for each report, got dict."),
        ("t.yaml", b"- 5\n- [area]\n", "row 1: expected a mapping of parameter to value, got 5."),
        ("t.yaml", b"- area: 01\n", "row 1: The parameter 'area' got 1; expected an area"),
        ("t.yml", b"- area: !!python/object/apply:os.system [x]\n", "could not determine a constructor"),
        ("t.yaml", b"- {area: [\n", "has one fault"),
    ],
)
def test_a_table_that_is_none_is_refused(home, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ParameterError) as caught:
        rows_of_table("toy", tmp_path / name)
    assert message in str(caught.value) and caught.value.exit_status == 2


def test_a_table_may_be_yaml_or_a_spreadsheets_csv_and_its_texts_stay_texts(home, tmp_path):
    (tmp_path / "t.yaml").write_text("- {area: vn63-01, seed: 3}\n- area: '89'\n  note: \"=cmd|' /C calc'!A0\"\n")
    first, second = rows_of_table("toy", tmp_path / "t.yaml", assignments=["lang=vi"])
    assert (first.area, first.parameters["seed"], first.lang) == ("vn63-01", 3, "vi")
    assert second.area == "vn63-89" and second.parameters["note"] == "=cmd|' /C calc'!A0"
    (tmp_path / "t.csv").write_text("﻿area;note\nvn63-01;../../x\n\nvn63-02;\n", encoding="utf-8")
    first, second = rows_of_table("toy", tmp_path / "t.csv")
    assert first.parameters["note"] == "../../x" and second.parameters["note"] is None
    assert first.folder_name.startswith("01_toy-vn63-01-") and "/" not in first.folder_name


def test_areas_are_all_a_region_a_list_or_those_of_a_panel(home):
    assert len(rows_of_areas("toy", "all")) == 63
    assert len(rows_of_areas("toy", "vn-mekong-river-delta")) == 13
    assert [row.area for row in rows_of_areas("toy", "vn63-01,vn34-91, vn63-01")] == ["vn63-01", "vn34-91"]
    with pytest.raises(RowsError) as caught:
        rows_of_areas("toy", "nowhere,vn63-01,91")
    assert len(caught.value.faults) == 2 and "has 2 faults" in str(caught.value)
    with pytest.raises(ParameterError, match="--areas names the areas"):
        rows_of_areas("toy", "all", assignments=["area=vn63-01"])


def test_areas_or_a_table_but_not_both(home, capsys):
    for more in ([], ["--areas", "all", "--table", "x.csv"]):
        assert cli.call(["sweep", "toy", *more]) == 2
        assert "Give either --areas all|REGION|ID,ID or --table FILE." in capsys.readouterr().err


# Summary, schemas, memory


def test_a_summary_written_by_ten_processes_at_once_loses_no_row(tmp_path):
    code = """
import os, sys
from pathlib import Path
from povstudy.reporting.sweep import Result
from povstudy.reporting.sweep_rows import Row
from povstudy.reporting.sweep_table import update_summary
children = []
for child in range(10):
    pid = os.fork()
    if pid == 0:
        for n in range(10):
            number = 10 * child + n
            row = Row(number, {}, {"n": number}, "01_toy", "=evil()", "<b>", "en", f"01_toy-{number}")
            update_summary(Path(sys.argv[1]), [Result(row, "failed", "a\\nb" * 900, 1, 1.0, 1)])
        os._exit(0)
    children.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    rows = read_summary(tmp_path)
    assert len(rows) == 100 and {row["parameters"] for row in rows} == {f'{{"n":{n}}}' for n in range(100)}
    assert tuple(rows[0]) == COLUMNS and rows[0]["area"] == "'=evil()" and len(rows[0]["reason"]) == 500
    assert sorted(path.name for path in tmp_path.iterdir()) == [".sweep.lock", "sweep.csv"]


GOOD = {
    "model_id": "m",
    "origin_year": "2024",
    "horizon": "1",
    "target_year": "2025",
    "location": "vn63-01",
    "group": "all",
    "target": "rate",
    "standard": "s",
    "scenario": "",
    "output_type": "quantile",
    "output_type_id": "0.5",
    "value": "4.5",
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"output_type": "mean", "output_type_id": "NA"}, None),
        ({"value": "nan"}, "line 2, value is 'nan'; expected a number"),
        ({"value": "101"}, "line 2, value is '101'; expected 0 to 100"),
        ({"horizon": "1.5"}, "line 2, horizon is '1.5'; expected a whole number"),
        ({"location": ""}, "line 2, location is missing"),
        ({"output_type": "pmf"}, "line 2, output_type is 'pmf'; expected one of quantile, cdf, mean"),
        ({"target_year": "2026"}, "line 2: target_year is not origin_year + horizon"),
        ({"output_type_id": "1"}, "line 2: a quantile needs a level between 0 and 1, got 1"),
        ({"output_type": "cdf", "output_type_id": "2", "value": "1.1"}, "line 2: the probability 1.1 is above 1"),
    ],
)
def test_a_forecast_is_checked_against_its_schema(change, fault):
    row = GOOD | change
    text = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
    assert list(schemas.forecast_faults(text)) == ([fault] if fault else [])


def test_quantiles_that_cross_and_a_row_that_comes_twice_are_faults():
    rows = [GOOD, GOOD | {"output_type_id": "0.9", "value": "4"}, GOOD]
    text = "\n".join([",".join(GOOD), *(",".join(row.values()) for row in rows)])
    assert list(schemas.forecast_faults(text)) == [
        "line 4: the same forecast as line 2",
        "line 3: the 0.9 quantile lies below the 0.5 quantile",
    ]


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ({"value": 1, "unit": "%", "digits": 2, "source": ""}, None),
        ({"value": "1", "unit": "%", "digits": 2, "source": ""}, "rate.value must be number"),
        ({"value": 1, "unit": "%", "digits": 2}, "rate must contain ["),
        ({"value": 2, "unit": "probability", "digits": 2, "source": ""}, "rate.value must be smaller than or equal to"),
        ({"value": float("nan"), "unit": "%", "digits": 2, "source": ""}, "no JSON: NaN is no number"),
    ],
)
def test_numbers_are_checked_against_their_schema(number, fault):
    found = list(schemas.numbers_faults(json.dumps({"rate": number})))
    assert (not found) if fault is None else found[0].startswith(fault)


@linux
def test_a_report_that_breaks_its_schema_is_a_failure(home, output):
    path = home / "notebooks" / "01_toy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = (
        "import os, json\nfrom pathlib import Path\nreport = open_report()\n"
        "(Path(os.environ['POVSTUDY_OUTPUT']) / 'numbers.json').write_text(json.dumps({'rate': {'value': 'high'}}))"
    )
    nbformat.write(notebook, path)
    (result,) = sweep("toy", rows_of_areas("toy", "vn63-01"), output=output).results
    assert result.status == "failed" and result.reason.startswith("BrokenSchema: numbers.json, rate must contain")
    assert [path.name for path in output.iterdir() if path.name.startswith("01_")] == []


def test_a_content_hash_tells_every_cell_apart_and_asks_not_what_holds_it():
    import pandas as pd

    def of():
        return pd.DataFrame(
            {
                "text": ["a", None, "bc", "đ"],
                "number": [1.5, np.nan, -0.0, 2.0],
                "count": [1, 2, 3, 4],
                "flag": [True, False, True, True],
                "mixed": ["1", 1, None, 2.5],
                "when": pd.to_datetime(["2020-01-01", None, "2021-01-01", "2022-01-01"]),
                "kind": pd.Categorical(["x", "y", "x", "y"]),
            },
            index=["i", "j", "k", "l"],
        )

    one = content_hash(of())
    longer = pd.concat([of(), of()])
    assert one == content_hash(of()) == content_hash(longer.iloc[4:]) == content_hash(of()[::-1][::-1])
    assert one == content_hash(pd.concat([of().iloc[:1], of().iloc[1:]]).astype({"kind": "category"}))
    changed = {one}
    for column, value in (
        ("text", "ab"),
        ("number", 1.25),
        ("count", 9),
        ("flag", False),
        ("mixed", 1),
        ("when", pd.Timestamp("2019-01-01")),
        ("kind", "y"),
    ):
        table = of()
        table.loc["i", column] = value
        changed.add(content_hash(table))
    # Moved from one cell to the next, another order, another name, another index, another kind of the same number.
    changed.add(content_hash(of().assign(text=["ab", None, "c", "đ"])))
    changed.add(content_hash(of().iloc[::-1]))
    changed.add(content_hash(of().rename(columns={"text": "texts"})))
    changed.add(content_hash(of().reset_index(drop=True)))
    changed.add(content_hash(of().astype({"count": float})))
    changed.add(content_hash(of().assign(text=["a", "", "bc", "đ"])))
    assert len(changed) == 14


def test_a_remembered_function_gives_the_same_and_only_where_a_sweep_keeps_results(tmp_path, monkeypatch):
    import pandas as pd

    called = []

    @remembered
    def double(table, *, times=2):
        called.append(times)
        return table * times

    frame = pd.DataFrame({"a": [1.5, None]})
    double(frame), double(frame)
    assert len(called) == 2
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    for _ in range(2):
        pd.testing.assert_frame_equal(double(frame), frame * 2)
    assert len(called) == 3
    double(frame, times=3), double(frame.astype(object)), double(frame.rename(columns={"a": "b"}))
    assert len(called) == 6
    double(pd.DataFrame({"a": [pd.Timestamp("2020-01-01")]}).astype(str), times=1)
    assert len(called) == 7

    def refuse() -> str:
        raise TypeError

    assert [recall(refuse, lambda: called.append(0)) for _ in range(2)] == [None, None] and len(called) == 9

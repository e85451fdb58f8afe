"""The runner: a complete report folder or nothing but a clear message, whatever happens in between."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from povstudy.errors import AreaError, DataError, NotAvailableError, ParameterError, ReportError
from povstudy.reporting import folders, index, kernel
from povstudy.reporting.environment import kernel_environment
from povstudy.reporting.fork import warm_process
from povstudy.reporting.kernel import CellFailure, error_line, first_failure
from povstudy.reporting.plan import find_notebook, plan, prepare
from povstudy.reporting.prose import numerals_without_source
from povstudy.reporting.runner import run_notebook

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = """\
area: Area = "vn34-91"  # area of the report
lang: Literal["en", "vi"] = "en"  # language
seed: int = 0  # seed of the draws
"""
BODY = """\
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

report = open_report()
draws = np.random.default_rng(seed).normal(size=1000)
rate = report.number("rate", 4.64, "%", source="nso")
spread = report.number("spread", draws.std(), "pp", digits=3)
report.about(standard="NĐ 07/2021")
report.say("interval", low=rate, high=spread)
report.table("draws", pd.DataFrame({"n": range(9), "draw": draws[:9], "who": sorted({"a", "b", "c"})[:1] * 9}))
figure = Figure(figsize=(4, 3))
figure.subplots().plot(draws[:50])
report.figure("draws", figure, alt="Draws go up and down.", caption="Draws")
hub = {"model_id": "m", "origin_year": 2024, "horizon": 1, "target_year": 2025, "location": area, "group": "all"}
hub |= {"target": "poverty rate", "standard": "s", "scenario": "", "output_type": "quantile"}
quantiles = {"0.1": 0.5, "0.5": 1.0, "0.9": 2.0}
report.forecast(pd.DataFrame([hub | {"output_type_id": q, "value": v} for q, v in quantiles.items()]))
"""


def markdown(source: str, *tags: str):
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def code(source: str, *tags: str):
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


def write(path: Path, *cells) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": kernelspec}), path)
    return path


def toy(path: Path, settings: str = SETTINGS, body: str = BODY) -> Path:
    return write(
        path,
        markdown("# What does a toy say?", "lang-en"),
        markdown("# Một ví dụ nói gì?", "lang-vi"),
        code("from typing import Literal\n\nfrom povstudy import Area, open_report"),
        code(settings, "parameters"),
        markdown("## The draws\n\nSince <time>2022</time>.", "lang-en"),
        markdown("## Các phép thử", "lang-vi"),
        code(body),
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def visible(output: Path) -> list[str]:
    return sorted(p.name for p in output.iterdir())


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A project folder with the shipped data and one notebook."""
    home = tmp_path / "home"
    toy(home / "notebooks" / "01_toy.ipynb")
    (home / "data").symlink_to(ROOT / "data")
    monkeypatch.setenv("POVSTUDY_HOME", str(home))
    return home


@pytest.fixture
def output(tmp_path) -> Path:
    return tmp_path / "reports"


@pytest.fixture
def no_kernel(monkeypatch):
    """Fill in what a kernel would: tests of files and folders need none. Returns what happens in the run."""

    class Happening:
        runs = 0
        failure: CellFailure | None = None

        def before_end(self, folder: Path) -> None:
            (folder / "numbers.json").write_text("{}\n")

    happening = Happening()

    def execute(notebook, *, environment, folder, on_cell=None, **options):
        happening.runs += 1
        happening.environment = environment
        happening.before_end(folder)
        return notebook, happening.failure

    monkeypatch.setattr(kernel, "execute", execute)
    return happening


# One run with a kernel


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One report of the toy notebook in Vietnamese, made with a real kernel."""
    base = tmp_path_factory.mktemp("done")
    (base / "home").mkdir()
    (base / "home" / "data").symlink_to(ROOT / "data")
    (base / "home" / "constraints.txt").write_text("numpy==2\n")
    body = BODY + "import os\nprint(os.getcwd(), os.environ['POVSTUDY_HOME'], __import__('sys').prefix)\n"
    toy(base / "home" / "notebooks" / "01_toy.ipynb", body=body)
    seen: list[tuple[int, int, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POVSTUDY_HOME", str(base / "home"))
        patch.setenv("PYTHONWARNINGS", "error")
        patch.setenv("MPLBACKEND", "tkagg")
        outcome = run_notebook(
            "toy", {"lang": "vi"}, output=base / "reports", on_cell=lambda *event: seen.append(event)
        )
    return outcome, seen, base


def test_the_folder_is_named_by_notebook_area_and_hash(done):
    outcome, _, base = done
    assert outcome.status == "done" and outcome.area == "vn34-91"
    assert re.fullmatch(r"01_toy-vn34-91-[0-9a-f]{12}", outcome.folder.name)
    assert visible(base / "reports") == [outcome.folder.name, "ledger"]


def test_the_folder_holds_the_whole_report(done):
    outcome, _, _ = done
    assert list(contents(outcome.folder)) == [
        "figures/draws.csv",
        "figures/draws.png",
        "forecast.csv",
        "numbers.json",
        "record.json",
        "report.html",
        "report.ipynb",
        "tables/draws.csv",
        "tables.json",
    ]


def test_each_cell_is_announced(done):
    _, seen, _ = done
    assert [index for index, _, _ in seen] == list(range(6))
    assert {total for _, total, _ in seen} == {6}
    assert seen[-1][2] == "Các phép thử"


def test_the_text_is_in_one_language_and_every_number_has_its_source(done):
    outcome, _, _ = done
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    numbers = json.loads((outcome.folder / "numbers.json").read_text(encoding="utf-8"))
    shown, _, own_record = page.partition('<details class="record">')
    assert "Một ví dụ nói gì?" in shown and "What does a toy say?" not in shown
    assert "&#34;en&#34;: &#34;What does a toy say?&#34;" in own_record
    assert "4,64%" in page and "An Giang" in page and "NĐ 07/2021" in page
    assert numerals_without_source(page, numbers, "vi") == []
    assert numbers["headline_median"] == {"value": 1.0, "unit": "%", "digits": 2, "source": "forecast.csv"}


def test_the_notebook_holds_no_path_of_this_machine_and_no_trace_of_papermill(done):
    outcome, _, base = done
    text = (outcome.folder / "report.ipynb").read_text(encoding="utf-8")
    assert "papermill" not in text and "iopub" not in text and '"execution":' not in text
    for place in (str(base), str(ROOT), sys.prefix, str(Path.home())):
        assert place + "/" not in text
    assert "[report] [project] [python]" in text
    notebook = nbformat.reads(text, as_version=4)
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert injected[0].source == "# Parameters\narea = 'vn34-91'\nlang = 'vi'\nseed = 0"


def test_the_record_says_what_went_in_and_what_came_out(done):
    import hashlib

    outcome, _, _ = done
    record = json.loads((outcome.folder / "record.json").read_text(encoding="utf-8"))
    assert record["schema_version"] == 1
    assert record["parameters"] == {"area": "vn34-91", "lang": "vi", "seed": 0} and record["seed"] == 0
    assert record["hash"] == outcome.folder.name.rpartition("-")[2]
    assert record["lock"]["sha256"] == hashlib.sha256(b"numpy==2\n").hexdigest()
    assert record["data"]["data/raw/vietnam_panel.csv"] and len(record["code"]["sha256"]) == 64
    assert record["versions"]["python"].startswith("3.") and "numpy" in record["versions"]
    assert record["started"] <= record["finished"] and record["seconds"] > 0
    assert record["command"] == "povstudy run 01_toy -p area=vn34-91 -p lang=vi -p seed=0"
    assert record["headline"]["median"] == 1.0
    assert set(record["outputs"]) == set(contents(outcome.folder)) - {"record.json"}
    for file, digest in record["outputs"].items():
        assert hashlib.sha256((outcome.folder / file).read_bytes()).hexdigest() == digest
    assert str(ROOT) not in json.dumps(record)


# Failures with a kernel


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a = 1\nb = 1 / 0", "failed in cell 2: ZeroDivisionError: division by zero\n  line: b = 1 / 0\n"),
        ("import sys\nsys.exit(0)", "failed in cell 2: SystemExit: 0\n"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "failed in cell 2: KernelDied: Kernel died"),
    ],
)
def test_a_cell_that_fails_leaves_its_notebook_and_no_report(home, output, source, message):
    path = write(home / "x.ipynb", code("print('before')"), code(source), code("print('after')"))
    with pytest.raises(ReportError) as caught:
        run_notebook(path, output=output)
    assert f"x {message}" in str(caught.value) and caught.value.exit_status == 1
    assert visible(output) == ["failed"]
    (kept,) = (output / "failed").iterdir()
    assert f"notebook with the error: {kept / 'report.ipynb'}" in str(caught.value)
    assert sorted(contents(kept)) == ["outcome.json", "report.ipynb"]
    notebook = nbformat.read(kept / "report.ipynb", as_version=4)
    assert [c.cell_type for c in notebook.cells] == ["code", "markdown", "code", "code"]
    assert "This run failed in the next cell" in notebook.cells[1].source
    assert notebook.cells[0].outputs[0].text == "before\n" and notebook.cells[3].outputs == []
    assert str(home) not in json.dumps(notebook)
    assert json.loads((kept / "outcome.json").read_text())["cell"] == 2


# Interruptions


@pytest.fixture
def slow(home, output):
    """A run in a process of its own that has come to a cell that sleeps; ended at the latest after the test."""
    path = write(home / "slow.ipynb", code("import time"), code("time.sleep(60)"))
    command = [sys.executable, "-m", "povstudy.cli", "run", str(path), "-o", str(output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        for line in process.stderr:
            if "cell 2" in line:
                break
        yield process
        process.kill()


def children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until(condition, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


def test_ctrl_c_ends_the_kernel_and_leaves_nothing(slow, output):
    kernels = children(slow.pid)
    assert kernels and {p.name[:9] for p in output.iterdir()} == {".running-"}
    os.killpg(slow.pid, signal.SIGINT)
    _, message = slow.communicate(timeout=30)
    assert slow.returncode == 130
    assert message == "povstudy: interrupted; finished reports are kept, the one that ran left nothing.\n"
    assert wait_until(lambda: not any(map(alive, kernels)))
    assert visible(output) == []


def test_the_kernel_is_gone_when_an_interruption_is_told(home, output):
    def interrupt(index: int, total: int, title: str) -> None:
        seen.extend(set(children(os.getpid())) - before)
        raise KeyboardInterrupt

    warm_process(kernel_environment({}))  # it stays: what it forks for a run must not
    before, seen = set(children(os.getpid())), []
    with pytest.raises(KeyboardInterrupt):
        run_notebook(write(home / "x.ipynb", code("a = 1")), output=output, on_cell=interrupt)
    assert seen and not any(map(alive, seen))
    assert visible(output) == []


def test_what_a_killed_run_left_is_cleaned_by_the_next_and_a_living_one_is_let_alone(slow, output, no_kernel):
    kernels = children(slow.pid)
    (left,) = (path for path in output.iterdir() if path.is_dir())
    run_notebook("toy", output=output)
    assert left.exists()
    slow.kill()
    slow.communicate(timeout=30)
    assert left.exists() and wait_until(lambda: not any(map(alive, kernels)))
    run_notebook("toy", output=output)
    assert not left.exists()
    assert len(visible(output)) == 1


# The same bytes


def test_two_processes_in_different_surroundings_write_the_same_bytes(home, tmp_path):
    def start(name: str, **surroundings: str) -> subprocess.Popen:
        (tmp_path / name).mkdir()
        command = [sys.executable, "-m", "povstudy.cli", "run", "toy", "-o", str(tmp_path / name / "reports")]
        kept = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LANG", "TZ")}
        return subprocess.Popen(
            command, env=kept | surroundings, cwd=tmp_path / name, stderr=subprocess.PIPE, text=True
        )

    one = start("one", PYTHONHASHSEED="1", TZ="Asia/Ho_Chi_Minh", LANG="vi_VN.UTF-8", OMP_NUM_THREADS="4")
    settings = {"IPYTHONDIR": str(tmp_path / "ipython"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "mine.py"
    matplotlibrc = tmp_path / "config" / "matplotlib" / "matplotlibrc"
    for path, text in ((startup, "print('mine')\n"), (matplotlibrc, "axes.facecolor: red\nlines.linewidth: 9\n")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    surroundings = {"PYTHONHASHSEED": "2", "TZ": "America/Lima", "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    two = start("two", MPLBACKEND="svg", **surroundings, **settings)
    for process in (one, two):
        assert process.communicate(timeout=120)[1] and process.returncode == 0
    folders_ = [next((tmp_path / n / "reports").glob("01_toy-*")) for n in ("one", "two")]
    assert folders_[0].name == folders_[1].name
    made = [contents(folder) for folder in folders_]
    assert list(made[0]) == list(made[1])
    for file in set(made[0]) - {"record.json", "report.html"}:
        assert made[0][file] == made[1][file], file


def test_plain_papermill_twice_at_once_writes_nothing_else(home, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    before = contents(home / "notebooks")
    command = [sys.executable, "-m", "papermill", "--log-level", "ERROR", "--no-progress-bar"]
    command += [str(home / "notebooks" / "01_toy.ipynb"), "{}", "-r", "area", "vn63-01"]
    running = [
        subprocess.Popen([word.format(f"x{i}.ipynb") for word in command], cwd=tmp_path / "elsewhere", env=os.environ)
        for i in (1, 2)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert visible(tmp_path / "elsewhere") == ["x1.ipynb", "x2.ipynb"]
    assert contents(home / "notebooks") == before and visible(home) == ["data", "notebooks"]
    assert visible(tmp_path) == ["elsewhere", "home"]


# Files and folders, without a kernel


def test_unchanged_is_not_run_again_unless_forced(home, output, no_kernel):
    first = run_notebook("toy", output=output)
    again = run_notebook("01", {"area": "vn34-91"}, output=output)
    assert (first.status, again.status, no_kernel.runs) == ("done", "unchanged", 1)
    assert again.folder == first.folder
    assert run_notebook("01_toy", output=output, force=True).status == "done" and no_kernel.runs == 2
    assert visible(output) == [first.folder.name]


FORECAST = """\
model_id,origin_year,horizon,target_year,location,group,target,standard,scenario,output_type,output_type_id,value
m,2024,1,2025,vn34-91,all,survey poor rate,s,none,quantile,0.5,1.5
"""


def test_a_forecast_goes_on_record_once_and_comes_back_when_its_file_is_lost(home, output, no_kernel, monkeypatch):
    def before_end(folder: Path) -> None:
        (folder / "numbers.json").write_text("{}\n")
        (folder / "forecast.csv").write_text(FORECAST)

    no_kernel.before_end = before_end
    first = run_notebook("toy", output=output)
    (kept,) = (output / "ledger").iterdir()
    record = json.loads((first.folder / "record.json").read_text())
    assert kept.name == f"{record['id']}.csv" and kept.read_text().endswith(",0.5,1.5,34\n")
    assert run_notebook("toy", {"lang": "vi"}, output=output).folder != first.folder
    assert visible(output / "ledger") == [kept.name]
    kept.unlink()
    assert run_notebook("toy", output=output).status == "unchanged" and kept.is_file()
    no_kernel.failure = CellFailure(0, "ValueError", "no")
    kept.unlink()
    with pytest.raises(ReportError):
        run_notebook("toy", output=output, force=True)
    assert visible(output / "ledger") == []


def test_a_ledger_that_cannot_be_written_is_a_failure_that_keeps_the_report(home, output, no_kernel):
    def before_end(folder: Path) -> None:
        (folder / "numbers.json").write_text("{}\n")
        (folder / "forecast.csv").write_text(FORECAST)

    no_kernel.before_end = before_end
    output.mkdir()
    (output / "ledger").write_text("a file")
    with pytest.raises(ReportError, match=r"is finished, but its forecast could not be added to .*ledger") as caught:
        run_notebook("toy", output=output)
    assert caught.value.exit_status == 1 and len(list(output.glob("01_toy-*/record.json"))) == 1


def test_a_report_that_lost_a_file_is_made_again(home, output, no_kernel):
    first = run_notebook("toy", output=output)
    (first.folder / "report.html").unlink()
    assert run_notebook("toy", output=output).status == "done"
    assert (first.folder / "report.html").exists()


@pytest.mark.parametrize("what", ["notebook", "parameters", "data", "lock", "code"])
def test_whatever_goes_in_changes_the_name(home, output, no_kernel, what, monkeypatch):
    first = plan("toy").folder_name
    parameters = {}
    if what == "notebook":
        toy(home / "notebooks" / "01_toy.ipynb", body=BODY + "\n# a comment")
    elif what == "parameters":
        parameters = {"seed": 1}
    elif what == "data":
        monkeypatch.setattr("povstudy.sources.data_hashes", lambda home: {"data/raw/local/mine.csv": "1"})
    elif what == "lock":
        (home / "constraints.txt").write_text("numpy==3\n")
    else:
        monkeypatch.setattr("povstudy.reporting.record.code_hash", lambda: "1")
    assert plan("toy", parameters).folder_name != first


def test_a_finished_report_survives_a_failed_run_and_the_failure_goes_when_it_is_mended(home, output, no_kernel):
    first = run_notebook("toy", output=output)
    before = contents(first.folder)
    no_kernel.failure = CellFailure(3, "ValueError", "no")
    with pytest.raises(ReportError, match="01_toy failed in cell 4: ValueError: no"):
        run_notebook("toy", output=output, force=True)
    assert contents(first.folder) == before
    assert visible(output) == [first.folder.name, "failed"]
    no_kernel.failure = None
    run_notebook("toy", output=output, force=True)
    assert visible(output) == [first.folder.name]


def test_a_failed_run_is_run_again(home, output, no_kernel):
    no_kernel.failure = CellFailure(0, "ValueError", "no")
    for _ in range(2):
        with pytest.raises(ReportError):
            run_notebook("toy", output=output)
    assert no_kernel.runs == 2


def test_not_available_is_an_outcome_that_is_kept(home, output, no_kernel):
    no_kernel.failure = CellFailure(3, NotAvailableError.__name__, "two points are no trend")
    first, again = run_notebook("toy", output=output), run_notebook("toy", output=output)
    assert first == again and no_kernel.runs == 1
    assert (first.status, first.reason) == ("not available", "two points are no trend")
    assert visible(output) == ["not-available"]
    assert run_notebook("toy", output=output, force=True).status == "not available" and no_kernel.runs == 2


@pytest.mark.parametrize("moment", ["numbers", "page", "record", "publish"])
def test_a_full_disk_leaves_what_was_there(home, output, no_kernel, moment, monkeypatch):
    first = run_notebook("toy", output=output)
    before = contents(first.folder)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    place = {
        "numbers": "povstudy.reporting.runner._complete_numbers",
        "page": "povstudy.reporting.render.render",
        "record": "povstudy.reporting.record.record_json",
        "publish": "povstudy.reporting.folders.publish",
    }[moment]
    monkeypatch.setattr(place, full)
    with pytest.raises(ReportError, match=r"could not be written: No space left on device\. Free some space") as caught:
        run_notebook("toy", output=output, force=True)
    assert caught.value.exit_status == 1
    assert contents(first.folder) == before and visible(output) == [first.folder.name]


def test_a_failure_that_cannot_be_kept_is_still_told(home, output, no_kernel, monkeypatch):
    no_kernel.failure = CellFailure(3, "OSError", "[Errno 28] No space left on device")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("povstudy.reporting.folders.publish", full)
    with pytest.raises(ReportError, match=r"cell 4: OSError.*\n.*could not be kept either: No space left"):
        run_notebook("toy", output=output)
    assert visible(output) == []


def test_an_unwritable_output_is_refused_before_anything_starts(home, tmp_path, no_kernel):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        ReportError, match=r"The output folder .*file/below cannot be written: .*Nothing was written"
    ) as caught:
        run_notebook("toy", output=tmp_path / "file" / "below")
    assert caught.value.exit_status == 2 and no_kernel.runs == 0
    assert visible(tmp_path) == ["file", "home"]


def test_a_folder_made_in_vain_is_removed(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(folders.UnwritableError):
        folders.make_output(tmp_path / "a" / "b" / ("x" * 300))
    assert visible(tmp_path / "a") == []


def test_an_interrupted_replacement_is_put_back(output):
    output.mkdir()
    (output / ".replaced-01_toy-x.abc").mkdir()
    (output / ".replaced-01_toy-x.abc" / "record.json").write_text("{}")
    folders.clean_leftovers(output)
    assert visible(output) == ["01_toy-x"]


def test_young_folders_of_others_are_let_alone_and_old_ones_go(output):
    for name in (".new-1-a", ".running-1-a", ".replaced-x.a", "x"):
        (output / name).mkdir(parents=True)
    folders.clean_leftovers(output)
    assert len(visible(output)) == 4
    for path in output.iterdir():
        os.utime(path, (0, 0))
    folders.clean_leftovers(output)
    assert visible(output) == ["x"]


def test_two_runs_that_finish_together_both_find_a_report(output):
    for name in ("a", "b"):
        (output / name).mkdir(parents=True)
        (output / name / "record.json").write_text(name)
    folders.publish(output / "a", output / "target")
    folders.publish(output / "b", output / "target")
    assert (output / "target" / "record.json").read_text() == "b"
    assert visible(output) == ["target"]


# Bad input, before anything starts


@pytest.mark.parametrize(
    ("assignments", "error", "message"),
    [
        (["areaa=vn"], ParameterError, "01_toy has no parameter 'areaa'.*Did you mean 'area'"),
        (["seed=x"], ParameterError, "The parameter 'seed' got 'x'; expected a whole number"),
        (["area=An Giang"], AreaError, "can mean"),
        (["area=nowhere at all"], AreaError, "There is no area 'nowhere at all'"),
    ],
)
def test_bad_parameters_are_refused_and_nothing_is_made(home, output, no_kernel, assignments, error, message):
    with pytest.raises(error, match=message) as caught:
        run_notebook("toy", assignments=assignments, output=output)
    assert caught.value.exit_status == 2
    assert no_kernel.runs == 0 and not output.exists()


def test_areas_in_a_list_become_ids(home):
    toy(home / "notebooks" / "01_toy.ipynb", SETTINGS + "others: list[Area] = []  # areas beside it\n")
    assert plan("toy", assignments=["others=Vietnam,vn63-89"]).values["others"] == ["vn", "vn63-89"]
    with pytest.raises(AreaError, match="There is no area"):
        plan("toy", assignments=["others=vn,nowhere at all"])


def test_a_name_of_an_area_becomes_its_id(home):
    assert plan("toy", assignments=["area=vn63-89"]).area == "vn63-89"
    assert plan("toy", assignments=["area=Vietnam"]).area == "vn"


def test_an_unknown_notebook_is_suggested(home):
    with pytest.raises(
        ParameterError, match=r"There is no notebook '01_tox'.*there are: 01_toy\..*Did you mean '01_toy'"
    ):
        find_notebook("01_tox", home)
    assert find_notebook("toy", home) == find_notebook("01", home) == home / "notebooks" / "01_toy.ipynb"


def test_a_notebook_with_a_path_of_this_machine_is_refused(home, output):
    path = write(home / "x.ipynb", code("a = 1"), code(f"open('{home}/data')"))
    with pytest.raises(ParameterError, match=r"x\.ipynb, cell 2 holds the path of this machine"):
        run_notebook(path, output=output)


def test_a_corrupted_raw_file_is_refused(home, output, no_kernel):
    import shutil

    (home / "data").unlink()
    shutil.copytree(ROOT / "data" / "raw", home / "data" / "raw")
    with (home / "data" / "raw" / "vietnam_panel.csv").open("a") as file:
        file.write("x\n")
    with pytest.raises(DataError, match=r"vietnam_panel\.csv"):
        run_notebook("toy", output=output)
    assert no_kernel.runs == 0 and not output.exists()


# A user's panel

PANEL = "area,area_name,year,value\nidn-b,Bali,2022,5.0\nidn-a,Aceh,2022,15.0\nidn-a,Aceh,2023,14.0\n"
WITH_PANEL = SETTINGS + "panel: str | None = None  # a file of yours\n"


@pytest.fixture
def panel(home, tmp_path) -> Path:
    toy(home / "notebooks" / "01_toy.ipynb", WITH_PANEL)
    path = tmp_path / "my panel.csv"
    path.write_text(PANEL)
    return path


def test_a_panel_brings_its_own_areas_and_a_copy_stays_in_the_report(panel, output, no_kernel):
    outcome = run_notebook("toy", {"panel": str(panel)}, output=output)
    assert outcome.area == "idn-a"
    assert (outcome.folder / "input" / "panel.csv").read_text() == PANEL
    record = json.loads((outcome.folder / "record.json").read_text())
    assert record["parameters"]["panel"] == "input/panel.csv" and record["area_name"] == "Aceh"
    assert record["input_files"]["panel"]["name"] == "my panel.csv"
    notebook = (outcome.folder / "report.ipynb").read_text()
    assert "panel = 'input/panel.csv'" in notebook and str(panel.parent) not in notebook


def test_an_area_of_the_panel_is_found_by_id_or_name(panel):
    assert plan("toy", {"panel": str(panel), "area": "idn-b"}).area == "idn-b"
    assert plan("toy", {"panel": str(panel), "area": "Bali"}).area == "idn-b"
    with pytest.raises(
        AreaError, match=r"The area 'idn-bb' is not in my panel\.csv; its areas are: .*Did you mean 'idn-b'"
    ):
        plan("toy", {"panel": str(panel), "area": "idn-bb"})


def test_the_content_of_the_panel_counts_and_not_its_place(panel, tmp_path):
    first = plan("toy", {"panel": str(panel)}).folder_name
    other = tmp_path / "other.csv"
    other.write_text(PANEL)
    assert plan("toy", {"panel": str(other)}).folder_name == first
    other.write_text(PANEL.replace("14.0", "13.0"))
    assert plan("toy", {"panel": str(other)}).folder_name != first


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, ParameterError, "which cannot be read: No such file or directory"),
        ("area,year\nx,2022\n", DataError, "value"),
        ("area,year,value\nx,2022,105\n", DataError, "105"),
        ("area,year,value\nx,2022,many\n", DataError, "many"),
        ("area,year,value\nx,2022,1\nx,2022,2\n", DataError, "2022"),
    ],
)
def test_a_bad_panel_is_refused_before_anything_starts(panel, output, content, error, message):
    if content is None:
        panel.unlink()
    else:
        panel.write_text(content)
    with pytest.raises(error, match=message) as caught:
        run_notebook("toy", {"panel": str(panel)}, output=output)
    assert caught.value.exit_status == 2 and not output.exists()


def test_a_folder_is_no_panel(panel, tmp_path):
    with pytest.raises(ParameterError, match="it is not a file"):
        plan("toy", {"panel": str(tmp_path)})


# What is run


def test_text_of_one_language_is_kept_and_ids_are_the_same_each_time(home):
    one, two = prepare(plan("toy", {"lang": "en"})), prepare(plan("toy", {"lang": "en"}))
    assert one == two
    assert [c.source.splitlines()[0] for c in one.cells if c.cell_type == "markdown"] == [
        "# What does a toy say?",
        "## The draws",
    ]


def test_a_notebook_that_is_not_valid_is_refused(home):
    path = home / "x.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "odd", "metadata": {}, "source": "x"}], "metadata": {}}))
    with pytest.raises(ParameterError, match=r"x\.ipynb is not a valid notebook"):
        prepare(plan(path))


def test_the_environment_of_the_kernel_is_fixed(monkeypatch):
    for name in ("PYTHONWARNINGS", "PYTHONSTARTUP", "LC_TIME", "TZ", "LANGUAGE", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("MY_OWN", "kept")
    environment = kernel_environment({"POVSTUDY_OUTPUT": "x"})
    assert environment["MY_OWN"] == "kept" and environment["POVSTUDY_OUTPUT"] == "x"
    assert (environment["TZ"], environment["PYTHONHASHSEED"], environment["OMP_NUM_THREADS"]) == ("UTC", "0", "1")
    assert not {"PYTHONWARNINGS", "PYTHONSTARTUP", "LC_TIME", "LANGUAGE"} & set(environment)


def executed(*cells) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    for cell in notebook.cells:
        cell.metadata["papermill"] = {"status": "completed"}
        cell.execution_count = 1
    return notebook


def test_a_cell_that_says_completed_without_having_run_is_a_failure():
    notebook = executed(code("a"), code("b"), code(" "))
    notebook.cells[2].execution_count = None
    assert first_failure(notebook) is None
    notebook.cells[1].execution_count = None
    assert first_failure(notebook) == CellFailure(1, "NotCompleted", "the cell did not run to its end")
    notebook.cells[0].metadata["papermill"]["status"] = "running"
    assert first_failure(notebook).index == 0


def test_an_error_counts_even_where_a_tag_allows_it():
    notebook = executed(code("a", "raises-exception"))
    notebook.cells[0].outputs = [nbformat.v4.new_output("error", ename="E", evalue="x", traceback=[])]
    assert first_failure(notebook) == CellFailure(0, "E", "x", "")


def test_the_failing_line_is_found_in_a_coloured_traceback():
    trace = [
        "\x1b[31mValueError\x1b[39m",
        "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[3]\x1b[39m, line 2\x1b[0m in f",
    ]
    assert error_line("a\n    b = f()", trace) == "b = f()"
    assert error_line("a", trace) == "" and error_line("a", []) == ""


# All notebooks of an area


def test_a_report_runs_all_notebooks_and_lists_them(home, output, no_kernel):
    toy(home / "notebooks" / "00_explore.ipynb")
    toy(home / "notebooks" / "02_more.ipynb")
    told: list[str] = []
    outcomes = index.report_area("vn34-91", lang="vi", output=output, tell=told.append)
    assert [(o.notebook, o.status, o.lang) for o in outcomes] == [("01_toy", "done", "vi"), ("02_more", "done", "vi")]
    again = index.report_area("vn34-91", lang="vi", output=output)
    assert [o.status for o in again] == ["unchanged", "unchanged"] and no_kernel.runs == 2
    assert told == ["01_toy: done", "02_more: done"]
    page = (output / "index.html").read_text(encoding="utf-8")
    assert page.count("Một ví dụ nói gì?") == 2 and '<html lang="vi">' in page


def test_one_failure_does_not_stop_the_rest_and_is_told_at_the_end(home, output, no_kernel):
    toy(home / "notebooks" / "02_more.ipynb")
    no_kernel.failure = CellFailure(3, "ValueError", "no")
    with pytest.raises(ReportError, match=r"01_toy failed in cell 4(.|\n)*02_more failed in cell 4"):
        index.report_area("vn34-91", output=output)
    assert no_kernel.runs == 2
    page = (output / "index.html").read_text()
    assert page.count("failed in cell 4: ValueError: no") == 2


def test_what_is_not_available_stands_on_the_index(home, output, no_kernel):
    no_kernel.failure = CellFailure(3, "NotAvailableError", "no communes here")
    (outcome,) = index.report_area("vn34-91", output=output)
    assert outcome.status == "not available"
    assert "not available: no communes here" in (output / "index.html").read_text()


def test_a_project_without_notebooks_says_so(home, output):
    (home / "notebooks" / "01_toy.ipynb").unlink()
    with pytest.raises(ReportError, match="There are no notebooks in"):
        index.report_area("vn34-91", output=output)

"""The command line: what it prints, its exit statuses, and what it must not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import povstudy
from povstudy import cli
from povstudy.errors import ParameterError, ReportError
from povstudy.reporting import kernel
from povstudy.reporting.kernel import CellFailure
from povstudy.reporting.progress import cell_progress, printable

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = """\
area: Area = "vn34-91"  # area of the report
lang: Literal["en", "vi"] = "en"  # language
horizon: Annotated[int, Range(1, 15)] = 5  # years ahead
panel: str | None = None  # a file of yours
years: list[int] = [2025, 2030]  # target years
"""


def cell(kind: str, source: str, *tags: str) -> dict:
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {"tags": list(tags)}, "source": source, **code}


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    home = tmp_path / "home"
    (home / "notebooks").mkdir(parents=True)
    (home / "data").symlink_to(ROOT / "data")
    cells = [
        cell("markdown", "# Một ví dụ?", "lang-vi"),
        cell("markdown", "# What does a *toy* say?\n\nMore.", "lang-en"),
        cell("code", SETTINGS, "parameters"),
        cell("code", "x = 1"),
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (home / "notebooks" / "03_toy.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (home / "notebooks" / "01_bare.ipynb").write_text(
        json.dumps(notebook | {"cells": [cell("code", "x = 1")]}), encoding="utf-8"
    )
    monkeypatch.setenv("POVSTUDY_HOME", str(home))
    monkeypatch.delenv("POVSTUDY_DEBUG", raising=False)
    return home


@pytest.fixture
def kernels(monkeypatch):
    """What the kernel makes of each run: None is success."""

    class Kernels:
        result: CellFailure | BaseException | None = None
        runs = 0

    def execute(notebook, *, environment, folder, on_cell=None, **options):
        Kernels.runs += 1
        on_cell(0, 2, "A title")
        if isinstance(Kernels.result, BaseException):
            raise Kernels.result
        return notebook, Kernels.result

    monkeypatch.setattr(kernel, "execute", execute)
    return Kernels


def fresh(code: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=False)


HEAVY = ("pandas", "numpy", "scipy", "statsmodels", "matplotlib", "papermill", "nbformat", "nbconvert", "IPython")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["show", "03_toy"], ["run", "--help"], ["verify", "--help"], ["score", "-h"], ["--version"]],
)
def test_the_light_commands_load_no_heavy_library(home, arguments):
    done = fresh(
        f"import sys\nfrom povstudy import cli\nstatus = cli.call({arguments!r})\n"
        f"print(status, sorted(set({HEAVY!r}) & set(sys.modules)))",
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr


@pytest.mark.parametrize("module", ["povstudy.reporting", "povstudy.cli", "povstudy.reporting.parameters"])
def test_importing_reporting_loads_no_heavy_library(module):
    done = fresh(f"import sys\nimport {module}\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))")
    assert done.stdout == "[]\n", done.stderr


def test_every_lazy_name_of_reporting_exists():
    from povstudy import reporting

    assert [name for name in reporting.__all__ if getattr(reporting, name, None) is None] == []
    assert set(reporting.__all__) <= set(dir(reporting))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = reporting.nothing


def test_the_version_is_printed(capsys):
    assert cli.call(["--version"]) == 0
    assert capsys.readouterr().out == f"povstudy {povstudy.__version__}\n"


def test_the_notebooks_are_listed_with_what_they_ask(home, capsys):
    assert cli.call(["list"]) == 0
    assert capsys.readouterr().out == "01_bare\n03_toy   What does a toy say?\n"


def test_the_parameters_are_shown(home, capsys):
    assert cli.call(["show", "toy"]) == 0
    assert capsys.readouterr().out == (
        "03_toy: What does a toy say?\n"
        "\n  -p area=...  Area\n      area of the report\n"
        "      allowed: an area: id, code or name; default: vn34-91\n"
        "\n  -p lang=...  Literal['en', 'vi']\n      language\n      allowed: one of en, vi; default: en\n"
        "\n  -p horizon=...  Annotated[int, Range(1, 15)]\n      years ahead\n"
        "      allowed: a whole number from 1 to 15; default: 5\n"
        "\n  -p panel=...  str | None\n      a file of yours\n      allowed: text, or none; default: none\n"
        "      a CSV file of yours; `povstudy show 03_toy --template DIR` writes an example\n"
        "\n  -p years=...  list[int]\n      target years\n"
        "      allowed: a list (a,b,c or JSON), each a whole number; default: 2025,2030\n"
    )
    assert cli.call(["show", "01_bare"]) == 0
    assert capsys.readouterr().out == "01_bare\nIt has no parameters.\n"


def test_templates_are_written_once_and_can_be_read(home, tmp_path, capsys):
    from povstudy.sources import read_panel

    assert cli.call(["show", "toy", "--template", str(tmp_path / "mine")]) == 0
    path = tmp_path / "mine" / "panel.csv"
    assert capsys.readouterr().out == f"{path}\n"
    assert list(read_panel(path)["area"].unique()) == ["my-country", "my-north", "my-south"]
    path.write_text("mine")
    assert cli.call(["show", "toy", "--template", str(tmp_path / "mine")]) == 2
    assert "panel.csv exists already and is not overwritten" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert cli.call(["show", "bare", "--template", str(tmp_path / "mine")]) == 0
    assert capsys.readouterr().out == "01_bare reads no file of yours.\n"
    assert cli.call(["show", "toy", "--template", str(path / "below")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_build_says_what_there_is(home, capsys):
    assert cli.call(["build"]) == 0
    assert capsys.readouterr().out.startswith("data/processed is ")


def test_run_prints_the_report_and_writes_the_index(home, tmp_path, kernels, capsys):
    arguments = ["run", "toy", "-p", "horizon=3", "-o", str(tmp_path / "out")]
    assert cli.call(arguments) == 0
    printed = capsys.readouterr()
    (folder,) = (tmp_path / "out").glob("03_toy-vn34-91-*")
    assert printed.out == f"{folder / 'report.html'}\n"
    assert printed.err == "toy: cell 1 of 2  A title\n"
    assert "horizon=3" in (tmp_path / "out" / "index.html").read_text()
    assert cli.call(arguments) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'} (unchanged)\n"
    assert cli.call([*arguments, "--force"]) == 0 and kernels.runs == 2


def test_the_default_output_is_in_the_project_and_not_in_the_working_folder(home, tmp_path, kernels, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli.call(["run", "toy"]) == 0
    assert (home / "reports" / "index.html").exists() and not list((tmp_path / "elsewhere").iterdir())


def test_a_failed_run_is_one_and_stands_in_the_index(home, tmp_path, kernels, capsys):
    kernels.result = CellFailure(1, "ValueError", "no <b>")
    assert cli.call(["run", "toy", "-o", str(tmp_path / "out")]) == 1
    assert "povstudy: 03_toy failed in cell 2: ValueError: no <b>\n" in capsys.readouterr().err
    assert "failed in cell 2: ValueError: no &lt;b&gt;" in (tmp_path / "out" / "index.html").read_text()


def test_not_available_is_two_for_a_run_and_zero_for_a_report(home, tmp_path, kernels, capsys):
    kernels.result = CellFailure(1, "NotAvailableError", "two points are no trend")
    assert cli.call(["run", "toy", "-o", str(tmp_path / "out")]) == 2
    assert "povstudy: 03_toy is not available for vn34-91: two points are no trend\n" in capsys.readouterr().err
    assert cli.call(["report", "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert "03_toy: not available: two points are no trend\n" in printed.err
    assert printed.out == f"{tmp_path / 'out' / 'index.html'}\n"


def test_a_report_runs_every_notebook_for_the_area_and_language(home, tmp_path, kernels, capsys):
    arguments = ["report", "--area", "vn63-01", "--lang", "vi", "-o", str(tmp_path / "out")]
    assert cli.call(arguments) == 0 and kernels.runs == 2
    assert len(list((tmp_path / "out").glob("03_toy-vn63-01-*"))) == 1
    assert '<html lang="vi">' in (tmp_path / "out" / "index.html").read_text()
    assert cli.call(arguments) == 0 and kernels.runs == 2
    assert "03_toy: unchanged\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "toy", "-p", "horizn=3"], "03_toy has no parameter 'horizn'"),
        (["run", "toy", "-p", "horizon=16"], "The parameter 'horizon' got 16; expected a whole number from 1 to 15."),
        (["run", "toy", "-p", "horizon"], "expected NAME=VALUE"),
        (["run", "toy", "-p", "area=An Giang"], "can mean"),
        (["run", "toi"], "There is no notebook 'toi'"),
        (["run", "none.ipynb"], "cannot be read: No such file or directory"),
        (["show", "../../x"], "There is no notebook '../../x'"),
        (["report", "--area", "nowhere at all"], "There is no area 'nowhere at all'"),
        (["report", "--lang", "fr"], "--lang got 'fr'; possible are en and vi."),
        (["run"], "Missing argument"),
        (["run", "toy", "--no-such-option"], "No such option"),
        (["no-such-command"], "No such command"),
        (["cite", "nothing"], "There is no record at 'nothing'"),
        (["cite", "nothing", "--format"], "requires an argument"),
        (["verify"], "Missing argument"),
        (["verify", "{file}"], "There is no record at"),
        (["score", "--lang", "fr"], "--lang got 'fr'; possible are en and vi."),
        (["run", "toy", "-o", "{file}/below"], "cannot be written"),
        (["report", "-o", "{file}/below"], "cannot be written"),
    ],
)
def test_wrong_usage_and_bad_input_are_two_with_one_message(home, tmp_path, kernels, capsys, arguments, message):
    (tmp_path / "file").write_text("x")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    assert cli.call([word.format(file=tmp_path / "file") for word in arguments]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and "Traceback" not in printed.err and printed.out == ""
    assert kernels.runs == 0 and sorted(p.name for p in tmp_path.rglob("*")) == before


def test_a_project_that_is_none_is_two(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POVSTUDY_HOME", str(tmp_path))
    assert cli.call(["list"]) == 2
    assert "POVSTUDY_HOME" in capsys.readouterr().err


def test_a_full_disk_is_one(home, tmp_path, kernels, capsys):
    kernels.result = OSError(28, "No space left on device")
    assert cli.call(["run", "toy", "-o", str(tmp_path / "out")]) == 1
    assert "could not be written: No space left on device" in capsys.readouterr().err


def test_ctrl_c_is_130_and_leaves_nothing(home, tmp_path, kernels, capsys):
    kernels.result = KeyboardInterrupt()
    for command in (["run", "toy"], ["report"]):
        assert cli.call([*command, "-o", str(tmp_path / "out")]) == 130
        assert "povstudy: interrupted; finished reports are kept" in capsys.readouterr().err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [".index.lock", "index.html"]


def test_a_fault_of_ours_is_one_line_with_a_hint_and_a_traceback_only_when_asked(home, kernels, capsys, monkeypatch):
    kernels.result = ZeroDivisionError("a \x1b[31mfault")
    assert cli.call(["run", "toy"]) == 1
    printed = capsys.readouterr().err
    assert "povstudy: ZeroDivisionError: a [31mfault\n  This is a fault of povstudy; POVSTUDY_DEBUG=1" in printed
    assert "Traceback" not in printed
    monkeypatch.setenv("POVSTUDY_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.call(["run", "toy"])
    with pytest.raises(ParameterError):
        cli.call(["run", "toi"])


def test_a_message_of_ten_thousand_characters_is_cut(home, capsys):
    assert cli.call(["run", "x" * 10_000]) == 2
    assert len(capsys.readouterr().err) < 1000


def test_lab_opens_the_notebooks_with_our_python(home, monkeypatch):
    called = {}

    def execve(path, arguments, environment):
        called.update(path=path, arguments=arguments, environment=environment)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(SystemExit):
        cli.call(["lab", "--no-browser", "--port=9999"])
    assert called["path"] == sys.executable
    arguments = called["arguments"]
    assert arguments[1:4] == ["-m", "jupyterlab", f"--ServerApp.root_dir={home}"]
    assert "--LabApp.default_url=/lab/tree/notebooks" in arguments
    assert arguments[-2:] == ["--no-browser", "--port=9999"]
    assert called["environment"]["POVSTUDY_HOME"] == str(home)


def test_the_command_is_installed_and_leaves_with_its_status(home):
    command = [str(Path(sys.executable).with_name("povstudy")), "run", "toi"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "There is no notebook 'toi'" in done.stderr and "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_traceback(home):
    command = f"{sys.executable} -m povstudy.cli show toy | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_progress_is_plain_lines_where_there_is_no_terminal(capsys):
    with cell_progress("03_toy") as on_cell:
        on_cell(3, 17, "Where \x1b[31mit stands")
        on_cell(4, 17, "")
    assert capsys.readouterr().err == "03_toy: cell 4 of 17  Where [31mit stands\n03_toy: cell 5 of 17\n"


def test_progress_is_a_bar_on_a_terminal():
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    with cell_progress("03_toy", file) as on_cell:
        on_cell(3, 17, "[red]Where it stands")
    assert "03_toy" in file.getvalue()


def test_what_a_terminal_would_obey_is_dropped():
    assert printable("a\x1b]0;x\x07b\rc\nd\te\u202ef\udcff") == "a]0;xbc\nd\tef"
    assert printable("x" * 10, 5) == "xxxxx..."


def test_errors_of_a_report_keep_their_status():
    assert ReportError.exit_status == 1 and ParameterError.exit_status == 2

"""The forked engine: what a kernel would have given, cell for cell, and nothing left of one run in the next."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest

from povstudy.errors import ParameterError
from povstudy.reporting import cells, fork, imports, kernel
from povstudy.reporting.environment import kernel_environment
from povstudy.reporting.kernel import execute

linux = pytest.mark.skipif(not fork.can_fork(), reason="no fork here: a kernel is started for every run")
EVERYTHING = (
    "a = 1\nprint('out'); import sys; print('err', file=sys.stderr); print('out again')",
    "from IPython.display import display, HTML, clear_output, update_display\ndisplay(HTML('<b>x</b>')); print(a); a",
    "!echo shell {a}",
    "import pandas as pd\npd.DataFrame({'x': [1.5, None], 'y': ['ệ', '<&>']})",
    "import matplotlib.pyplot as plt\nfigure = plt.figure(figsize=(2, 1)); figure.gca().plot([1, 3, 2])\n"
    "display(figure, metadata={'image/png': {'alt': 'a line'}})",
    "from IPython.display import Markdown\nhandle = display(Markdown('first'), display_id='d')\nprint('between')\n"
    "handle.update(Markdown('second'))",
    "print('gone'); clear_output(); print('stays')",
    "import warnings\nwarnings.warn('careful')\nwarnings.warn('deprecated', DeprecationWarning)",
    "class Odd:\n    def _repr_mimebundle_(self, **_):\n        return {'text/plain': 'odd', 'application/json': 1}, "
    "{'application/json': {'expanded': True}}\nOdd()",
    "%%capture caught\nprint('kept')",
    "caught.stdout",
    "import logging; logging.warning('logged')\nprint('no end of line', end='')",
    "Ellipsis; None",
    "await __import__('asyncio').sleep(0, 'awaited')",
    "display({'text/plain': 'raw'}, metadata={'povstudy': {'kind': 'say'}}, raw=True)",
    "from ipywidgets import IntSlider\nIntSlider(value=3).value",
    "len(In), sorted(Out), _",
    "%matplotlib inline\nplt.plot([1, 2]);",
    "print('before it fails')\ndef inner(x):\n    return 1 / x\ninner(0)",
    "print('never')",
)


def notebook(*sources: str, tags: dict[int, list[str]] | None = None):
    made = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    for index, names in (tags or {}).items():
        made[index].metadata["tags"] = names
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title", id="title"), *made])


def run(tmp_path: Path, *sources: str, engine: str | None = "fork", timeout: float | None = None, **variables: str):
    environment = kernel_environment({"POVSTUDY_OUTPUT": str(tmp_path), **variables})
    return execute(notebook(*sources), environment=environment, folder=tmp_path, engine=engine, timeout=timeout)


def plain(cell) -> dict:
    """What a cell left, without the process id that stands in a traceback."""
    text = json.dumps({"outputs": cell.get("outputs"), "count": cell.get("execution_count")}, sort_keys=True)
    return json.loads(re.sub(r"ipykernel_\d+/\d+\.py", "FILE", text))


@linux
def test_outputs_are_those_of_a_kernel_cell_for_cell(tmp_path):
    made = {engine: run(tmp_path, *EVERYTHING, engine=engine) for engine in ("fork", "kernel")}
    forked, started = (made[engine][0] for engine in ("fork", "kernel"))
    for one, two in zip(forked.cells, started.cells, strict=True):
        assert plain(one) == plain(two), one.source
        assert one.metadata.papermill.status == two.metadata.papermill.status
    assert made["fork"][1] == made["kernel"][1]
    assert made["fork"][1].kind == "ZeroDivisionError" and made["fork"][1].line == "inner(0)"
    assert forked.metadata.language_info == started.metadata.language_info
    failed = forked.cells[-2]
    assert [o.output_type for o in failed.outputs] == ["stream", "error"] and forked.cells[-1].outputs == []
    assert sum(len(cell.get("outputs", [])) for cell in forked.cells) > 20


@linux
def test_what_goes_to_the_file_descriptor_is_an_output(tmp_path):
    """A kernel catches it too, when its threads are quick enough."""
    code = "import os, sys\nprint('a'); os.write(1, b'b\\n'); os.system('echo c; echo d >&2'); print('e')"
    done, failure = run(tmp_path, code)
    assert failure is None
    assert [(o.name, o.text) for o in done.cells[1].outputs] == [("stdout", "a\nb\nc\ne\n"), ("stderr", "d\n")]


@linux
def test_nothing_of_a_run_is_left_in_the_next(tmp_path, monkeypatch):
    spoil = (
        "import os, sys, warnings, random, builtins, matplotlib, numpy as np, pandas as pd, povstudy\n"
        "os.environ['LEFT'] = '1'; os.chdir('/'); sys.path.append('/left'); warnings.simplefilter('ignore')\n"
        "matplotlib.rcParams['lines.linewidth'] = 9; pd.options.display.max_rows = 3; np.seterr(all='raise')\n"
        "povstudy.load = None; builtins.left = 1; x = 1"
    )
    look = (
        "import os, sys, warnings, random, builtins, matplotlib, numpy as np, pandas as pd, povstudy\n"
        "print(os.environ.get('LEFT'), os.getcwd() == os.environ['POVSTUDY_OUTPUT'], '/left' in sys.path)\n"
        "print(matplotlib.rcParams['lines.linewidth'], pd.options.display.max_rows, np.geterr()['over'])\n"
        "print(povstudy.load is None, hasattr(builtins, 'left'), 'x' in globals(), os.environ.get('OWN'))\n"
        'print(("ignore", None, Warning, None, 0) in warnings.filters, len(In), sys.path)'
    )
    environment = kernel_environment({})
    warm = fork.warm_process(environment)
    assert run(tmp_path, spoil)[1] is None
    forked, failure = run(tmp_path, look, POVSTUDY_LANG="vi")
    assert failure is None
    assert fork.warm_process(environment) is warm
    started, _ = run(tmp_path, look, engine="kernel")
    assert forked.cells[1].outputs == started.cells[1].outputs
    assert forked.cells[1].outputs[0].text.startswith("None True False\n1.5 60 warn\nFalse False False None\n")


@linux
def test_two_runs_draw_other_unseeded_numbers(tmp_path):
    draw = "import random, numpy as np\nprint(random.random(), np.random.rand(), np.random.default_rng().random())"
    texts = [run(tmp_path, draw)[0].cells[1].outputs[0].text.split() for _ in range(2)]
    assert all(one != two for one, two in zip(*texts, strict=True))


@linux
@pytest.mark.parametrize(
    ("source", "timeout", "kind", "message"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", None, "KernelDied", "Kernel died (SIGKILL: "),
        ("import os\nos._exit(0)", None, "KernelDied", "Kernel died"),
        ("import ctypes\nctypes.string_at(0)", None, "KernelDied", "Kernel died (SIGSEGV)"),
        ("while True: pass", 0.5, "Timeout", "the cell took longer than 0.5 seconds"),
        ("import sys\nsys.exit(0)", None, "SystemExit", "0"),
        ("raise KeyboardInterrupt", None, "KeyboardInterrupt", ""),
        ("input()", None, "StdinNotImplementedError", "raw_input was called"),
    ],
)  # fmt: skip
def test_a_run_that_does_not_come_to_its_end_is_a_failure(tmp_path, source, timeout, kind, message):
    done, failure = run(tmp_path, "print('before')", source, "print('after')", timeout=timeout)
    assert (failure.index, failure.kind) == (2, kind) and failure.message.startswith(message)
    assert done.cells[1].outputs[0].text == "before\n" and done.cells[3].outputs == []
    statuses = [cell.metadata.papermill.status for cell in done.cells]
    assert statuses == ["completed", "completed", "failed", "pending"]


@linux
def test_a_child_dies_with_its_warm_process_and_with_the_run(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom povstudy.reporting import fork\n"
        "from povstudy.reporting.environment import kernel_environment\n"
        "warm = fork.warm_process(kernel_environment({}))\nchannel, pid = warm.start()\n"
        "print(pid, warm._process.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        pids = [int(word) for word in process.stdout.readline().split()]
        assert all(map(psutil.pid_exists, pids))
        process.kill()
    end = time.monotonic() + 10
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, pids))


@linux
def test_a_warm_process_that_was_killed_is_replaced(tmp_path):
    warm = fork.warm_process(kernel_environment({}))
    os.kill(warm._process.pid, signal.SIGKILL)
    warm._process.wait()
    assert run(tmp_path, "print(1)")[1] is None
    assert fork.warm_process(kernel_environment({})) is not warm


@linux
def test_what_a_run_imported_late_is_there_before_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(fork, "_late", set())
    look = "import sys\nprint('povstudy.targeting' in sys.modules, 'wave' in sys.modules)"
    late = "import importlib\nimportlib.import_module('povstudy.targeting'); importlib.import_module('wave')"
    fork.close_all()
    assert run(tmp_path, look)[0].cells[1].outputs[0].text == "False False\n"
    assert run(tmp_path, late)[1] is None
    assert "povstudy.targeting" in fork.imported_late() and "wave" not in fork.imported_late()
    assert run(tmp_path, look)[0].cells[1].outputs[0].text == "True False\n"


@linux
def test_a_frame_that_is_no_answer_does_not_fail_a_run_that_is_over():
    ours, theirs = socket.socketpair()
    kernel_side = fork.Channel(theirs)
    for stray in (b'{"msg_type": "stream"}', b"\xff\x00", b""):
        kernel_side.send(stray)
        fork.ForkedKernel(fork.Channel(ours), 0, None).learn()
    kernel_side.close()
    fork.ForkedKernel(fork.Channel(ours), 0, None).learn()
    assert "msg_type" not in fork.imported_late()
    ours.close()


@linux
def test_what_a_notebook_names_is_imported_before_it_runs_and_nothing_else(tmp_path):
    look = "import sys\nprint('povstudy.decomposition.bridge' in sys.modules, 'wave' in sys.modules)"
    done, failure = run(tmp_path, look, "%precision 3\nimport wave", "from povstudy.decomposition import bridge, wave")
    assert (failure.index, failure.kind) == (3, "ImportError")
    assert done.cells[1].outputs[0].text == "True False\n"


@linux
@pytest.mark.parametrize("early", [[], ["diff_diff"]])
def test_a_process_with_a_thread_is_never_forked(tmp_path, early):
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    (tmp_path / "diff_diff.py").write_text(thread, encoding="utf-8")
    warm = fork.WarmProcess(kernel_environment({"PYTHONPATH": str(tmp_path)}), modules=early)
    with pytest.raises(fork.CannotForkError, match="a library started a thread, so this process must not be forked"):
        warm.start(modules=["diff_diff"])
    assert not warm.alive


def test_without_fork_a_kernel_is_started(tmp_path, monkeypatch):
    used = []
    monkeypatch.setattr(kernel, "can_fork", lambda: False)
    monkeypatch.setattr(kernel, "_execute", lambda notebook, engine, options: used.append(engine))
    run(tmp_path, "1", engine=None)
    monkeypatch.setattr(kernel, "can_fork", lambda: True)
    run(tmp_path, "1", engine=None)

    def refuse(notebook, engine, options):
        used.append(engine)
        if engine == "fork":
            raise fork.CannotForkError("a thread runs")

    monkeypatch.setattr(kernel, "_execute", refuse)
    run(tmp_path, "1")
    assert used == ["kernel", "fork", "fork", "kernel"]


def test_an_unknown_engine_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"There is no engine 'spoon'; possible are fork and kernel\."):
        run(tmp_path, "1", engine="spoon")


def test_the_engine_is_registered_with_papermill_by_entry_point():
    (point,) = importlib.metadata.entry_points(group="papermill.engine", name="povstudy")
    assert point.value == "povstudy.reporting.engine:ForkEngine"


@linux
def test_plain_papermill_can_use_it_and_says_failed_where_a_child_died(tmp_path):
    from papermill import execute_notebook

    path = tmp_path / "x.ipynb"
    nbformat.write(notebook("print(1)", "import os; os._exit(1)", "print(2)"), path)
    with pytest.raises(RuntimeError, match="Kernel died"):
        execute_notebook(
            path,
            tmp_path / "out.ipynb",
            engine_name="povstudy",
            kernel_name="python3",
            progress_bar=False,
            cwd=tmp_path,
        )
    out = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [cell.metadata.papermill.status for cell in out.cells] == ["completed", "completed", "failed", "pending"]


def test_what_is_printed_between_two_outputs_is_joined():
    stream = nbformat.v4.new_output
    cell = nbformat.v4.new_code_cell(
        outputs=[
            stream("stream", name="stderr", text="e"),
            stream("stream", name="stdout", text="a"),
            stream("stream", name="stdout", text="b"),
            stream("display_data", data={}),
            stream("stream", name="stdout", text="c"),
        ]
    )
    cells.merge_streams(cell)
    assert [output.get("text", "shown") for output in cell.outputs] == ["ab", "e", "shown", "c"]


def test_syntax_trees_are_built_one_at_a_time(monkeypatch):
    """Python 3.11 raises a SystemError where a thread begins a tree while another is at its own."""
    at_once, most = [], []

    def slow(source):
        at_once.append(source)
        most.append(len(at_once))
        time.sleep(0.01)
        at_once.pop()
        return ast.parse(source)

    monkeypatch.setattr(imports, "ast", SimpleNamespace(**{**vars(ast), "parse": slow}))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: imports.modules_in(["import pandas"]), range(8)))
    assert found == [["pandas"]] * 8 and max(most) == 1

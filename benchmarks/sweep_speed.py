"""Speed of runs and sweeps; run by hand on a quiet machine, each appends one row to results.csv.

    python benchmarks/sweep_speed.py warm       one report, forked, against the same cells in a warm process (1.3)
    python benchmarks/sweep_speed.py forty      40 areas, 2 workers, against xargs -P2 papermill (5 times faster)
    python benchmarks/sweep_speed.py provinces  63 provinces of 03_forecast to HTML, 2 workers (60 s), against the same
    python benchmarks/sweep_speed.py many       252 reports: memory flat, cost of a report not rising

With --dry-run nothing is appended.  Start-up is inside every figure; set-up (`povstudy build`) is not.
"""

from __future__ import annotations

import csv
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import psutil

import povstudy
from povstudy.areas import areas_of
from povstudy.reporting import kernel
from povstudy.reporting.environment import kernel_environment
from povstudy.reporting.plan import plan, prepare
from povstudy.sources.home import project_home

RESULTS = Path(__file__).with_name("results.csv")
NOTEBOOK = "03_forecast"
REPEATS = 7


def folder_of(parent: Path, name: str) -> Path:
    """Return a new empty folder."""
    folder = parent / name
    folder.mkdir()
    return folder


def warm(parent: Path) -> tuple[str, float, float, int, str]:
    """One report whose warm process is there, against the same cells run in this process, in turn; best of each."""
    import matplotlib

    matplotlib.use("agg")
    planned = plan(NOTEBOOK, {"area": "vn63-01"})
    forked, bare = [], []
    for turn in range(REPEATS):
        folder = folder_of(parent, f"fork-{turn}")
        environment = kernel_environment({"POVSTUDY_OUTPUT": str(folder), "POVSTUDY_LANG": "en"})
        start = time.perf_counter()
        _, failure = kernel.execute(prepare(planned), environment=environment, folder=folder, engine="fork")
        forked.append(time.perf_counter() - start)
        assert failure is None and len(list(folder.glob("figures/*.png"))) == 5
        os.environ |= {"POVSTUDY_OUTPUT": str(folder_of(parent, f"bare-{turn}")), "POVSTUDY_LANG": "en"}
        start, names = time.perf_counter(), {}
        hidden, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115
        for cell in prepare(planned).cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, NOTEBOOK, "exec"), names)
        sys.stdout = hidden
        bare.append(time.perf_counter() - start)
    note = f"best of {REPEATS} in turn; limit 1.3 times; the cells only, page and record aside"
    return "one report warm: forked run", min(forked[1:]), min(bare[1:]), 0, note


def sweep(areas: tuple[str, ...], output: Path) -> float:
    """Return the seconds of a sweep in a process of its own; every page must be there."""
    command = [sys.executable, "-m", "povstudy.cli", "sweep", NOTEBOOK, "--areas", ",".join(areas), "--workers", "2"]
    start = time.perf_counter()
    subprocess.run([*command, "-o", str(output)], check=True, capture_output=True)
    spent = time.perf_counter() - start
    assert len(list(output.glob("*/report.html"))) == len(areas)
    return spent


def xargs(areas: tuple[str, ...], output: Path) -> float:
    """Return the seconds of two papermills at a time; every notebook must be there, and complete."""
    notebook = project_home() / "notebooks" / f"{NOTEBOOK}.ipynb"
    papermill = f"{sys.executable} -m papermill --no-progress-bar --log-level ERROR {notebook}"
    command = ["xargs", "-P2", "-I{}", "sh", "-c", f"{papermill} {output}/{{}}.ipynb -r area {{}}"]
    start = time.perf_counter()
    subprocess.run(command, input="\n".join(areas), text=True, check=True, capture_output=True)
    spent = time.perf_counter() - start
    for area in areas:
        cells = json.loads((output / f"{area}.ipynb").read_text(encoding="utf-8"))["cells"]
        assert all(cell["metadata"]["papermill"]["status"] == "completed" for cell in cells)
    return spent


def against_xargs(count: int, parent: Path) -> tuple[str, float, float, int, str]:
    """Some provinces, this package's sweep against plain papermill, one after the other in the same run."""
    areas = areas_of("all")[:count]
    ours, peer = sweep(areas, folder_of(parent, "sweep")), xargs(areas, folder_of(parent, "papermill"))
    limit = "limit 60 s" if count == 63 else "limit 5 times faster"
    note = f"{limit}; ours checks, renders HTML, cites and records, papermill writes a notebook; every output there"
    return f"{NOTEBOOK} x {count} provinces, 2 workers", ours, peer, 0, note


def many(parent: Path) -> tuple[str, float, float, int, str]:
    """252 reports: seconds of a report in the last quarter against the first, and memory over the run."""
    table = parent / "table.csv"
    rows = [f"{area},{horizon}" for horizon in (3, 4, 5, 6) for area in areas_of("all")]
    table.write_text("\n".join(["area,horizon", *rows]) + "\n", encoding="utf-8")
    output = folder_of(parent, "many")
    command = [sys.executable, "-m", "povstudy.cli", "sweep", NOTEBOOK, "--table", str(table), "-o", str(output)]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    moments, memory, over = [], [], threading.Event()

    def watch() -> None:
        while not over.wait(1):
            total = 0
            for one in [process, *process.children(recursive=True)]:
                try:
                    total += one.memory_full_info().pss
                except psutil.Error:
                    continue
            memory.append((len(moments), total))

    watching = threading.Thread(target=watch)
    watching.start()
    for line in process.stderr:
        if " of " in line:
            moments.append(time.perf_counter())
    over.set()
    watching.join()
    assert process.wait() == 0 and len(list(output.glob("*/report.html"))) == len(rows)
    part = len(rows) // 4
    first, last = (
        (moments[end - 1] - moments[begin]) / (part - 1)
        for begin, end in ((part // 2, part // 2 + part), (3 * part, 4 * part))
    )
    early = max(size for done, size in memory if part // 2 <= done < part // 2 + part)
    late = max(size for done, size in memory if done >= 3 * part)
    peaks = f"highest memory {early >> 20} MB early, {late >> 20} MB late"
    note = f"seconds a report, last quarter against an early one; {peaks}"
    return f"{NOTEBOOK} x {len(rows)} reports, 2 workers", last, first, late >> 20, note


def main(arguments: list[str]) -> int:
    """Measure one benchmark, print it, and append it unless --dry-run."""
    names = {
        "warm": warm,
        "forty": lambda parent: against_xargs(40, parent),
        "provinces": lambda parent: against_xargs(63, parent),
        "many": many,
    }
    chosen = [name for name in arguments if name in names]
    if len(chosen) != 1:
        print(__doc__)
        return 2
    parent = Path(tempfile.mkdtemp(prefix="povstudy-benchmark-"))
    try:
        benchmark, ours, peer, memory, note = names[chosen[0]](parent)
    finally:
        shutil.rmtree(parent, ignore_errors=True)
    info = Path("/proc/cpuinfo")
    models = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    libraries = {name: version(name) for name in ("papermill", "nbclient", "pandas", "matplotlib")}
    versions = {"povstudy": povstudy.__version__, "python": platform.python_version(), **libraries}
    peers = {"warm": "same cells in a warm process", "many": "an early quarter of the same sweep"}
    row = [
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        benchmark,
        f"{models[0] if models else platform.machine()}, {len(models) or '?'} threads seen",
        " ".join(f"{name} {number}" for name, number in versions.items()),
        peers.get(chosen[0], "xargs -P2 papermill"),
        f"{ours:.3f}",
        f"{peer:.3f}",
        f"{peer / ours:.2f}",
        str(memory) if memory else "",
        note,
    ]
    with RESULTS.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    print("\n".join(f"{name}: {value}" for name, value in zip(header, row, strict=True)))
    if "--dry-run" not in arguments:
        with RESULTS.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(row)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

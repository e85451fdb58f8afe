"""02_poverty_profile: labels that travel, personal data that do not, small cells, every fault at once."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from povstudy.disclosure import MIN_CELL, SIMULATED
from povstudy.errors import DataError, NotAvailableError, ParameterError
from povstudy.plots import (
    plot_deprivations,
    plot_gap,
    plot_line_share,
    plot_lorenz,
    plot_moves,
    plot_rates,
    plot_targeting,
)
from povstudy.registry import read_registry, simulate_registry
from povstudy.reporting import numerals_without_source
from povstudy.reporting.inputs import PRIVATE, TEMPLATES, read_inputs
from povstudy.reporting.memo.collect import collect

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "02_poverty_profile.ipynb"
LABEL = " / ".join(SIMULATED.values())
FILE_LABEL = "simulated_mo_phong_"
OFFICIAL = {"margins", "gap", "lines", "published_bridge", "split_official"}
RED = (0xB0, 0x00, 0x20)
NAME, NUMBER, PHONE, STREET = "Nguyễn Thị Bí Mật", "089099012345", "0912345678", "đường Trần Hưng Đạo"


def command(arguments, *, cwd="/", **variables):
    """Run the command line as a user types it."""
    return subprocess.run(
        [sys.executable, "-m", "povstudy.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "POVSTUDY_HOME": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def run_here(folder, monkeypatch, **parameters):
    """Run the cells in this process into a folder, without a kernel."""
    folder.mkdir()
    monkeypatch.setenv("POVSTUDY_OUTPUT", str(folder))
    monkeypatch.setenv("POVSTUDY_LANG", parameters.get("lang", "en"))
    space: dict[str, object] = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "02_poverty_profile", "exec"), space)
            if "parameters" in cell.metadata.get("tags", []):
                space.update(parameters)
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """The notebook on the registry that ships."""
    out = tmp_path_factory.mktemp("simulated")
    done = command(["run", "02_poverty_profile", "-p", "size=4000", "-o", str(out)])
    assert done.returncode == 0, done.stderr
    return out, next(out.glob("02_*"))


def personal_file(path):
    """A user's list of two years, with names, numbers, telephones and addresses."""
    first = simulate_registry(size=1500, seed=2, review=2021).drop(columns=["simulated", "weight"])
    rows = pd.concat([first, first.assign(year=2022, income=first["income"] * 1.05)], ignore_index=True)
    n = len(rows)
    rows["Họ và tên"] = NAME
    rows["cccd"] = [f"{NUMBER[:-4]}{i:04d}" for i in range(n)]
    rows["lien_he"] = PHONE
    rows["thong_tin"] = [f"nhà {i} {STREET}" for i in range(n)]
    rows["ten_xom"] = [f"Trần Văn {chr(65 + i % 26)}" for i in range(n)]
    rows.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The notebook on a user's file."""
    folder = tmp_path_factory.mktemp("own")
    file = personal_file(folder / "list.csv")
    out = folder / "out"
    done = command(["run", "02_poverty_profile", "-p", f"registry={file}", "-p", "lang=vi", "-o", str(out)])
    assert done.returncode == 0, done.stderr
    return out, next(out.glob("02_*")), done


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# What is simulated says so, in everything that is made from it.


def test_every_table_from_simulated_households_says_so_in_name_and_rows(simulated):
    tables = sorted((simulated[1] / "tables").glob("*.csv"))
    labelled = [path for path in tables if path.stem.startswith(FILE_LABEL)]
    assert {path.stem for path in tables if path not in labelled} == OFFICIAL
    assert len(labelled) > 12
    for path in labelled:
        assert all(LABEL in row["data"] for row in rows_of(path)), path.name


def test_every_table_and_figure_of_the_page_says_so_in_its_caption(simulated):
    html = (simulated[1] / "report.html").read_text(encoding="utf-8")
    for path in (simulated[1] / "tables").glob(FILE_LABEL + "*.csv"):
        start = html.index(f'id="table-{path.stem}"')
        assert LABEL in html[start : html.index("</caption>", start)], path.stem
    assert html.count("<figcaption") >= 8
    captions = [part.split("</figcaption>")[0] for part in html.split("<figcaption")[1:]]
    assert sum(LABEL in caption for caption in captions) == len(
        list((simulated[1] / "figures").glob(FILE_LABEL + "*.png"))
    )


def has_label(path):
    """Whether the label's red stands in the upper part of a picture."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    top = pixels[: max(pixels.shape[0] // 6, 60)]
    return bool((np.abs(top - RED).sum(axis=2) < 30).sum() > 200)


def test_every_figure_from_simulated_households_says_so_inside_the_picture(simulated):
    figures = sorted((simulated[1] / "figures").glob("*.png"))
    assert {path.stem for path in figures if not path.stem.startswith(FILE_LABEL)} == {"gap", "lines"}
    for path in figures:
        assert has_label(path) == path.stem.startswith(FILE_LABEL), path.name


def test_index_record_and_citations_say_so(simulated):
    out, folder = simulated
    assert LABEL in (out / "index.html").read_text(encoding="utf-8")
    assert json.loads((folder / "record.json").read_text(encoding="utf-8"))["title"].startswith(LABEL)
    for form in ("text", "bibtex", "csl"):
        done = command(["cite", str(folder), "--format", form])
        if done.returncode != 0:
            done = command(["cite", str(folder / "record.json"), "--format", form])
        said = done.stdout.encode("utf-8").decode("unicode_escape") if form == "csl" else done.stdout
        assert done.returncode == 0, done.stderr
        assert "SIMULATED" in said, form


def test_every_number_from_simulated_households_says_so_in_its_source(simulated):
    numbers = json.loads((simulated[1] / "numbers.json").read_text(encoding="utf-8"))
    assert numbers["poor_rate"]["source"].startswith(LABEL)
    assert numbers["gini"]["source"].startswith(LABEL)


def test_the_prose_states_no_number_of_its_own(simulated):
    numbers = json.loads((simulated[1] / "numbers.json").read_text(encoding="utf-8"))
    html = (simulated[1] / "report.html").read_text(encoding="utf-8")
    assert numerals_without_source(html, numbers, "en") == []


# What the report says.


def test_the_gap_narrows_on_one_scale_and_widens_on_the_other(simulated):
    rows = [row for row in rows_of(simulated[1] / "tables" / "gap.csv") if row["gap in"] == "poverty rate"]
    found = {row["measure"]: (float(row["2022"]), float(row["2024"])) for row in rows}
    assert found["standard deviation"] == pytest.approx((7.94, 5.37), abs=0.005)
    assert found["worst from mean"] == pytest.approx((26.6, 19.1), abs=0.05)
    assert found["coefficient of variation"] == pytest.approx((1.14, 1.32), abs=0.01)
    assert found["worst to mean, ratio"] == pytest.approx((4.8, 5.7), abs=0.05)
    assert "The two scales disagree" in (simulated[1] / "report.html").read_text(encoding="utf-8")


def test_the_rates_agree_with_the_published_margins(simulated):
    numbers = json.loads((simulated[1] / "numbers.json").read_text(encoding="utf-8"))
    assert numbers["poor_rate"]["value"] == pytest.approx(2.81, abs=0.02)
    assert numbers["poor_rate"]["value"] + numbers["near_poor_rate"]["value"] == pytest.approx(7.42, abs=0.04)


def test_a_measure_that_lacks_columns_is_not_computable_and_says_how_many(simulated):
    rows = {row["measure"]: row for row in rows_of(simulated[1] / "tables" / f"{FILE_LABEL}measures.csv")}
    world = rows["index, Global MPI"]
    assert world["note"] == "not computable, 10 of 10 indicators missing"
    assert world["value"] == ""
    known = [row for row in rows.values() if row["value"]]
    assert len(known) > 15
    assert all(row["standard error"] and row["low"] and row["high"] for row in known)


def test_parts_of_an_official_change_add_up(simulated):
    rows = rows_of(simulated[1] / "tables" / "split_official.csv")
    assert len(rows) == 3
    for row in rows:
        parts = sum(float(row[part]) for part in ("law", "prices", "life"))
        assert parts == pytest.approx(float(row["change"]), abs=1e-6)


# Small cells.


def test_no_small_count_is_in_any_table(simulated, own):
    seen = 0
    for _, folder, *_ in (simulated, own):
        for path in (folder / "tables").glob("*.csv"):
            for row in rows_of(path):
                for column, value in row.items():
                    if (
                        column in ("households in the file", "số hộ trong tệp", "households", "hộ", "gross exits")
                        and value
                    ):
                        seen += 1
                        assert float(value) == 0 or float(value) >= MIN_CELL, (path.name, row)
    assert seen > 50


def test_internal_use_shows_small_cells_and_says_so_everywhere(tmp_path, monkeypatch, capsys):
    file = tmp_path / "registry.csv"
    file.write_text(TEMPLATES["registry"], encoding="utf-8")
    folder = run_here(tmp_path / "inner", monkeypatch, registry=str(file), internal=True)
    names = [path.stem for path in folder.rglob("*.csv")]
    assert all(name.startswith("noi_bo_internal_") for name in names)
    groups = rows_of(folder / "tables" / "noi_bo_internal_groups.csv")
    assert {float(row["households in the file"]) for row in groups} <= set(map(float, range(1, 9)))
    assert all(row["data"] == "nội bộ / internal" for row in groups)
    assert all(has_label(path) for path in folder.rglob("*.png"))
    capsys.readouterr()
    folder = run_here(tmp_path / "outer", monkeypatch, registry=str(file))
    assert all(row["households in the file"] == "" for row in rows_of(folder / "tables" / "groups.csv"))
    assert not list(folder.rglob("*second_look_list*"))


# A user's file.


SECRETS = (NAME, "Bí Mật", NUMBER[:-4], PHONE, STREET, "Trần Hưng Đạo", "Trần Văn")


def texts_of(folder):
    """What the files of a folder say; those that are archives (Word, Excel), member by member."""
    for path in filter(Path.is_file, folder.rglob("*")):
        content = path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = b"".join(archive.read(name) for name in archive.namelist())
        yield content.decode("utf-8", errors="replace")


def leaks(texts):
    """The secrets of `personal_file` that stand in texts, as they are or escaped."""
    whole = "\n".join(texts)
    return [secret for secret in SECRETS if secret in whole or json.dumps(secret)[1:-1] in whole]


def test_personal_data_of_a_users_file_are_in_no_output(own):
    out, folder, done = own
    texts = [done.stdout, done.stderr, *texts_of(out)]
    assert leaks(texts) == [] and "h0001" not in "".join(texts)
    assert not (folder / "input").exists()
    assert leaks([personal_file(out.parent / "again.csv").read_text("utf-8")]) == list(SECRETS), "they would be found"


def test_personal_data_are_in_no_memo_and_in_no_verification(own):
    out, folder, _ = own
    facts = json.loads((folder / "record.json").read_text("utf-8"))
    found = {"02_poverty_profile": ROOT / "notebooks" / "02_poverty_profile.ipynb"}
    options = {"lang": "vi", "notebooks": found, "data_sha256": facts["data_sha256"]}
    read = collect(out, area=facts["area"], **options).decode("utf-8")
    assert json.loads(read)["parts"] and leaks([read]) == [], "what a memo is made from"
    file = f"registry={out.parent / 'list.csv'}"
    checked = command(["verify", str(folder / "record.json"), "--file", file])
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert ": same." in checked.stdout and leaks([checked.stdout, checked.stderr]) == []


def test_a_users_file_is_not_called_simulated(own):
    _, folder, _ = own
    assert not any(path.stem.startswith(FILE_LABEL) for path in folder.rglob("*.csv"))
    assert "MÔ PHỎNG:" not in (folder / "report.html").read_text(encoding="utf-8")
    numbers = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    assert numbers["columns_dropped"]["value"] == 5
    assert numbers["households"]["value"] == 1500


def test_a_file_of_the_wrong_shape_gets_every_fault_at_once_and_nothing_is_written(tmp_path):
    file = tmp_path / "wrong.csv"
    file.write_text(f"household_id,income,deprivations,size,ten\nx,abc,3,0,{NAME}\nx,,44,2,{NAME}\n", encoding="utf-8")
    done = command(["run", "02_poverty_profile", "-p", f"registry={file}", "-o", str(tmp_path / "out")])
    assert done.returncode == 2
    for fault in (
        "wrong.csv has 6 faults",
        "column 'urban' is missing",
        "column 'income': row 2 empty",
        "column 'income': row 1 is no number",
        "column 'deprivations': row 2 outside 0 to 12",
        "column 'size': row 1 outside 1 to 40",
        "share an id with another row",
    ):
        assert fault in done.stderr, done.stderr
    assert NAME not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not any((tmp_path / "out").rglob("*.json"))


def test_show_documents_the_columns_and_writes_a_file_that_can_be_read(tmp_path):
    done = command(["show", "02_poverty_profile"])
    assert done.returncode == 0, done.stderr
    assert "household_id: required; id; id of the household; a pseudonym replaces it" in done.stdout
    assert "income: income or scores; number (VND/person/month)" in done.stdout
    assert "deprived_toilet: optional; flag; deprived in: hygienic toilet" in done.stdout
    assert "no copy stays in a report" in done.stdout
    done = command(["show", "02_poverty_profile", "--template", str(tmp_path)])
    assert done.returncode == 0, done.stderr
    table = read_registry(tmp_path / "registry.csv")
    assert len(table) == 8
    flags = [c for c in table if c.startswith("deprived_")]
    assert (table[flags].sum(axis=1) == table["deprivations"]).all()


def test_a_household_file_is_checked_before_anything_starts_and_keeps_its_ending(tmp_path):
    assert set(TEMPLATES) >= PRIVATE
    good = tmp_path / "good.csv"
    good.write_text(TEMPLATES["registry"], encoding="utf-8")
    read = read_inputs({"registry": str(good)})["registry"]
    assert read.private
    assert read.relative == "input/registry.csv"
    bad = tmp_path / "bad.csv"
    bad.write_text("household_id\nx\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"column 'urban' is missing"):
        read_inputs({"registry": str(bad)})
    with pytest.raises(ParameterError, match=r"which cannot be read"):
        read_inputs({"registry": str(tmp_path / "none.csv")})
    pytest.importorskip("pyarrow")
    table = pd.read_csv(io.StringIO(TEMPLATES["registry"]))
    table.to_parquet(tmp_path / "good.parquet")
    assert read_inputs({"registry": str(tmp_path / "good.parquet")})["registry"].relative == "input/registry.parquet"


def test_where_no_margins_are_published_a_file_is_asked_for(tmp_path, monkeypatch):
    with pytest.raises(NotAvailableError, match=r"no household file was given for Ha Noi.*Give your own file"):
        run_here(tmp_path / "x", monkeypatch, area="vn63-01")


def test_a_file_without_households_of_the_area_names_those_it_has(tmp_path, monkeypatch):
    table = pd.read_csv(io.StringIO(TEMPLATES["registry"])).assign(area="vn63-01")
    table.to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(DataError, match=r"no household of vn63-89: its column 'area' holds 'vn63-01'"):
        run_here(tmp_path / "x", monkeypatch, area="vn63-89", registry=str(tmp_path / "r.csv"))


def test_scores_alone_give_classes_and_say_what_they_do_not_give(tmp_path, monkeypatch, capsys):
    table = simulate_registry(size=600, seed=1, review=2022)
    wanted = ["household_id", "year", "district", "urban", "b1", "b2", "simulated"]
    table[wanted].to_csv(tmp_path / "r.csv", index=False)
    folder = run_here(tmp_path / "x", monkeypatch, area="vn63-89", registry=str(tmp_path / "r.csv"))
    rows = rows_of(folder / "tables" / f"{FILE_LABEL}measures.csv")
    notes = {row["measure"]: row["note"] for row in rows}
    assert notes["poor, 2016-2020 multidimensional standard"] == "not computable: the file has no income"
    poor = next(row for row in rows if row["measure"] == "poor, 2022-2025 multidimensional standard")
    assert float(poor["value"]) == pytest.approx(2.8, abs=0.2)
    assert not list(folder.rglob("*inequality*"))
    assert "The file has no income" in capsys.readouterr().out


# The figures.


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_a_rate_that_is_not_known_is_words_and_no_point():
    rows = pd.DataFrame(
        {
            "name": ["a", "b $x$"],
            "value": [4.0, np.nan],
            "low": [3.0, np.nan],
            "high": [6.0, np.nan],
            "note": ["", "few"],
        }
    )
    ax = plot_rates(rows, reference=5.0, labels={"reference": "all of it"})
    assert [text.get_text() for text in ax.texts] == ["few"]
    (points,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert points.get_xdata().tolist() == [4.0]
    assert ax.get_yticklabels()[1].get_text() == r"b \$x\$"
    assert ax.get_legend().get_texts()[0].get_text() == "all of it"


def test_a_service_that_the_file_lacks_is_words_and_no_bar():
    rows = pd.DataFrame(
        {
            "name": ["a", "b"],
            "uncensored": [9.0, np.nan],
            "censored": [2.0, np.nan],
            "note": ["", "not in the file"],
        }
    )
    ax = plot_deprivations(rows)
    assert [bar.get_width() for bar in ax.patches] == [9.0, 0.0, 2.0, 0.0]
    assert ax.texts[0].get_text() == "not in the file"


def test_both_scales_of_a_gap_have_a_mark_of_their_own():
    rows = pd.DataFrame(
        {"name": ["sd", "cv"], "end_over_start": [70.0, 115.0], "scale": ["absolute", "relative"], "series": "s"}
    )
    marks = {line.get_marker(): line.get_xdata().tolist() for line in plot_gap(rows).lines[:2]}
    assert marks == {"o": [70.0], "s": [115.0]}


def test_a_new_law_breaks_the_line():
    rows = pd.DataFrame(
        {
            "year": [2020, 2022, 2023],
            "area": "rural",
            "law": ["a", "b", "b"],
            "line_over_minimum": [0.4, 0.63, 0.61],
        }
    )
    drawn = [list(line.get_xdata()) for line in plot_line_share(rows).lines]
    assert drawn[:2] == [[2020], [2022, 2023]]


def test_moves_add_up_and_hidden_ones_leave_a_gap():
    rows = pd.DataFrame({"from": ["p", "p", "q", "q"], "to": ["p", "q", "p", "q"], "share": [0.7, 0.3, np.nan, 0.9]})
    ax = plot_moves(rows, names={"p": "poor"})
    assert [round(bar.get_width(), 6) for bar in ax.patches] == [70.0, 0.0, 30.0, 90.0]
    assert ax.patches[2].get_x() == pytest.approx(70.0)


def test_lorenz_and_targeting_are_drawn_in_percent():
    curve = plot_lorenz(pd.DataFrame({"people": [0, 50, 100], "income": [0, 20, 100]}))
    assert list(curve.lines[1].get_ydata()) == [0, 20, 100]
    rows = pd.DataFrame(
        {
            "name": ["a", "a"],
            "item": ["leakage", "undercoverage"],
            "value": [30.0, np.nan],
            "low": [20.0, np.nan],
            "high": [40.0, np.nan],
        }
    )
    ax = plot_targeting(rows)
    assert ax.get_xlim() == (0, 100)
    assert len(ax.get_yticklabels()) == 1

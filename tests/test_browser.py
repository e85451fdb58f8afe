"""Pages as people see them, in Debian's Chromium: the atlas, reports, the memo; and what a hostile text does there."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from povstudy.reporting import index
from povstudy.reporting.record import code_hash
from povstudy.reporting.render import TEMPLATES
from povstudy.reporting.runner import run_notebook
from povstudy.reporting.score_page import score
from povstudy.reporting.sweep import sweep
from povstudy.reporting.sweep_rows import rows_of_table

ROOT = Path(__file__).resolve().parents[1]
FAILED = {
    "notebook": "03_forecast",
    "area": "vn63-62",
    "area_name": "Kon Tum",
    "lang": "en",
    "parameters": {"area": "vn63-62"},
    "cell": 7,
    "reason": "ValueError: no luck",
    "finished": "2020-01-01T00:00:00+00:00",
}
TRY_TO_RUN = """() => {
  const script = document.createElement("script");
  script.textContent = "window.ran = 1";
  document.body.append(script);
  const button = document.createElement("button");
  button.setAttribute("onclick", "window.ran = 2");
  document.body.append(button);
  button.click();
  return window.ran ?? 0;
}"""


def beside(name):
    """Another test file, for the hostile things that it makes."""
    spec = importlib.util.spec_from_file_location(f"browser_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # root has no sandbox
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(browser, tmp_path_factory):
    """Reports in both languages, a memo of hostile texts, a failure, and the atlas of all."""
    base = tmp_path_factory.mktemp("browser")
    bundle = base / "reports.json"
    bundle.write_text(json.dumps(beside("test_memo").hostile_content(0, "vi")), encoding="utf-8")
    made = base / "reports"
    table = base / "rows.csv"
    table.write_text("area,lang\nvn63-89,en\nvn63-89,vi\n", encoding="utf-8")
    assert sweep("03_forecast", rows_of_table("03_forecast", table), output=made).complete
    run_notebook("07_policy_memo", {"area": "vn34-91", "lang": "vi", "reports": str(bundle)}, output=made)
    stopped = made / "failed" / "03_forecast-vn63-62-0"
    stopped.mkdir(parents=True)
    (stopped / "outcome.json").write_text(json.dumps(FAILED), encoding="utf-8")
    (stopped / "report.ipynb").write_text("{}", encoding="utf-8")
    index.write_index(made)
    score(made)
    return made


@pytest.fixture(scope="module")
def hostile(browser, tmp_path_factory):
    base = tmp_path_factory.mktemp("hostile")
    return beside("test_hostile").hostile_report(base).folder


@pytest.fixture
def page(browser):
    """A page that tells what went wrong: messages of the console, dialogs, requests that leave the machine."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.wrong = []
    opened.on("console", lambda message: message.type == "error" and opened.wrong.append(message.text))
    opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
    opened.on("dialog", lambda dialog: (opened.wrong.append(dialog.message), dialog.dismiss()))
    inside = ("file://", "data:")
    opened.on("request", lambda asked: asked.url.startswith(inside) or opened.wrong.append(asked.url))
    yield opened
    opened.close()


def report_of(folder, name):
    notebook, lang = name.split()
    (found,) = [
        path for path in folder.glob(f"{notebook}-*/report.html") if f'<html lang="{lang}"' in path.read_text("utf-8")
    ]
    return found.as_uri()


def shown(page):
    return page.locator("#reports tbody tr:visible")


def test_the_atlas_searches_sorts_filters_and_opens_a_report(page, folder):
    page.goto((folder / "index.html").as_uri())
    said = page.get_by_role("status")
    assert said.inner_text() == "4 of 4 reports are shown."
    search = page.get_by_role("searchbox", name="Search area, report, identifier")
    search.fill("AN giang du bao")  # without the marks that the Vietnamese title has
    assert shown(page).count() == 1 and "Dự báo tỷ lệ nghèo" in shown(page).inner_text()
    assert said.inner_text() == "1 of 4 reports are shown."
    search.fill("no such report")
    assert shown(page).count() == 0
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("document.getElementById('shown').textContent.startsWith('4 ')")
    for name, value, areas in (
        ("Provinces", "63", {"vn63-89", "vn63-62"}),
        ("Region", "vn-mekong-river-delta", {"vn63-89", "vn34-91"}),
        ("Notebook", "07_policy_memo", {"vn34-91"}),
        ("Status", "failed", {"vn63-62"}),
        ("Language", "vi", {"vn63-89", "vn34-91"}),
    ):
        choice = page.get_by_role("combobox", name=name, exact=True)
        choice.select_option(value)
        assert {text.split(" ")[0] for text in shown(page).locator(".place").all_inner_texts()} == areas, name
        choice.select_option("")
    head = page.get_by_role("columnheader", name="Computed")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending" and "vn63-62" in shown(page).first.inner_text()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending" and "vn63-62" in shown(page).last.inner_text()
    assert said.inner_text() == "4 of 4 reports are shown, by Computed."
    stopped = shown(page).last
    assert "failed in cell 7: ValueError: no luck" in stopped.inner_text()
    (link,) = stopped.get_by_role("link", name="the notebook as it stopped").all()
    assert link.get_attribute("href") == "failed/03_forecast-vn63-62-0/report.ipynb"
    page.get_by_role("link", name="Forecast of the poverty rate").click()
    assert page.url == report_of(folder, "03_forecast en")
    assert page.locator("h1").inner_text() == "Forecast of the poverty rate"
    assert page.locator("figure img").first.evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.wrong == []


def test_the_map_and_the_table_below_it_hold_the_same_rates(page, folder):
    page.goto((folder / "index.html").as_uri())
    measure = page.get_by_role("combobox", name="Show on the map")
    assert page.locator(".measure:visible").count() == 1
    maps = page.locator(".measure:visible .maps > figure")
    tiles, rows = (
        maps.evaluate_all(f"maps => maps.map(map => [...map.querySelectorAll({what})].map(one => {texts}))")
        for what, texts in (
            ("'.tiles > *'", "[one.firstChild.textContent.trim(), one.lastChild.textContent]"),
            ("'tbody tr'", "[...one.cells].map(cell => cell.textContent)"),
        )
    )
    assert [len(one) for one in tiles] == [63, 34]
    for drawn, listed in zip(tiles, rows, strict=True):
        listed = {name: float(rate) for name, rate in listed}
        assert {name for name, _ in drawn} == set(listed)
        assert all(abs(float(rate) - listed[name]) < 0.051 for name, rate in drawn)
    measure.select_option(
        label=next(t for t in measure.locator("option").all_inner_texts() if t.startswith("Forecast"))
    )
    tile = page.locator(".measure:visible .tiles a", has_text="An Giang").first
    page.locator(".measure:visible summary").first.click()
    row = page.locator(".measure:visible tr", has=page.locator("th[scope=row] >> text='An Giang'")).first
    rate, low, high = row.locator("td").all_inner_texts()
    assert tile.locator("b").inner_text() == f"{float(rate):.1f}" and float(low) <= float(rate) <= float(high)
    with (folder / "forecasts.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["location"] == "vn63-89" and r["output_type_id"] == "0.5"]
    assert rate in {f"{float(r['value']):.2f}" for r in rows}
    assert {r["rests_on"] for r in rows} == {"official figures"} and all(r["id"] and r["standard"] for r in rows)
    tile.click()
    assert page.url == report_of(folder, "03_forecast en")
    assert page.wrong == []


def test_without_javascript_the_atlas_is_a_list(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    assert shown(page).count() == 4
    assert page.locator("form:visible, select:visible, thead button").count() == 0
    assert page.locator(".measure:visible").count() > 1
    context.close()


FILES = ("index.html", "03_forecast en", "03_forecast vi", "07_policy_memo vi", "scores/scores.html")


@pytest.mark.parametrize("file", FILES)
def test_a_page_is_accessible_fits_a_phone_and_runs_nothing(page, folder, file):
    is_accessible_fits_a_phone_and_runs_nothing(
        page, (folder / file).as_uri() if file.endswith(".html") else report_of(folder, file)
    )


@pytest.mark.parametrize("notebook", sorted(path.stem for path in (ROOT / "notebooks").glob("0[1-9]_*.ipynb")))
def test_the_pages_of_make_report_are_accessible_fit_a_phone_and_run_nothing(page, notebook):
    made = [
        path
        for path in (ROOT / "reports").glob(f"{notebook}-vn34-91-*/report.html")
        if json.loads(path.with_name("record.json").read_text("utf-8"))["code"]["package"] == code_hash()
    ]
    if not made:
        pytest.skip("reports/ has none by this code: run `make report` first, as .ci/run does")
    is_accessible_fits_a_phone_and_runs_nothing(page, made[0].as_uri())


def is_accessible_fits_a_phone_and_runs_nothing(page, address):
    page.goto(address)
    faults = Axe().run(page).response["violations"]
    assert not [
        (fault["id"], fault["nodes"][0]["html"][:200]) for fault in faults if fault["impact"] in ("serious", "critical")
    ]
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (
        page.eval_on_selector_all("caption", "all => all.filter(c => c.getBoundingClientRect().right > 390).length")
        == 0
    )
    assert page.wrong == []
    assert page.evaluate(TRY_TO_RUN) == 0
    assert any("Content Security Policy" in text for text in page.wrong)


def test_without_its_policy_a_page_would_run_what_is_put_into_it(page, folder, tmp_path):
    path = next(folder.glob("03_forecast-*/report.html"))
    bare, times = re.subn('<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text(encoding="utf-8"))
    assert times == 1
    (tmp_path / "bare.html").write_text(bare, encoding="utf-8")
    page.goto((tmp_path / "bare.html").as_uri())
    assert page.evaluate(TRY_TO_RUN) == 2


def test_hostile_texts_run_nothing(page, hostile):
    for file in (hostile / "report.html", hostile.parent / "index.html"):
        page.goto(file.as_uri())
        title = page.title()
        for element in page.locator("button:visible, summary:visible").all():
            element.click()
        assert page.title() == title and "pwned" not in page.url
        assert page.locator("h1").all_inner_texts() != ["pwned"] and page.locator("h1").count() == 1
    assert page.wrong == []


def test_every_page_that_is_written_has_a_policy():
    pages = [path for path in TEMPLATES.rglob("*.j2") if "<html" in path.read_text(encoding="utf-8")]
    assert len(pages) == 3  # a report (the memo is one), the atlas, the scores
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert text.index("Content-Security-Policy") < min(text.index("<title"), text.index("<style")), path.name

"""The exploration without a browser: controls that renew the page, and one plain setting where there are no widgets."""

from __future__ import annotations

import json

import pytest

from povstudy import load
from povstudy.errors import NotAvailableError
from povstudy.reporting.explore import Explorer, Setting, explore
from povstudy.reporting.report import Report

START = Setting("vn63-01", horizon=3)


@pytest.fixture(scope="module")
def explorer():
    return Explorer(Report(lang="en"), load("rates"))


def test_every_control_renews_the_page(explorer):
    box = explorer.controls(START, ("default", "last_value"))
    (area, series), (horizon, method, target), shown = (
        box.children[0].children,
        box.children[1].children,
        box.children[2],
    )
    assert [value for _, value in method.options] == ["default", "last_value"]
    pages = [shown.value]
    for control, value in ((horizon, 4), (method, "last_value"), (target, 2.5), (area, "vn63-89")):
        control.value = value
        pages.append(shown.value)
    assert len(set(pages)) == len(pages)
    wanted = Setting("vn63-89", horizon=4, method="last_value", target=2.5, series=series.value)
    assert pages[-1] == explorer.page(wanted) and "An Giang (to June 2025)" in pages[-1]


def test_where_there_are_no_widgets_one_setting_is_a_report(tmp_path):
    report = Report(lang="vi", folder=tmp_path)
    explore(report, load("rates"), START)
    numbers = json.loads((tmp_path / "numbers.json").read_text(encoding="utf-8"))
    assert {"last", "median", "low_80", "high_80", "probability", "target"} <= set(numbers)
    assert [path.name for path in (tmp_path / "figures").glob("*.png")] == ["fan.png"]
    assert (tmp_path / "forecast.csv").is_file() and (tmp_path / "tables" / "years.csv").is_file()


def test_an_area_without_figures_says_why(explorer, tmp_path):
    nowhere = Setting("vn63-894", horizon=3)
    page = explorer.page(nowhere)
    assert "<img" not in page and "povstudy-explore" in page
    with pytest.raises(NotAvailableError):
        explore(Report(lang="en", folder=tmp_path), load("rates"), nowhere)

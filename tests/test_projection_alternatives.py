"""Scenarios of a territory, all areas at once, every target's answer; and the notebook over them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from povstudy.decomposition.law import line_against_minimum
from povstudy.errors import NotAvailableError
from povstudy.projection import forecast
from povstudy.projection.alternatives import (
    ALTERNATIVES,
    NEXT_LINE,
    alternatives,
    histories_of,
    line_factors,
    plan_of_targets,
)
from povstudy.projection.country import (
    NO_SERIES,
    all_answers,
    gaps_of_incomes,
    gaps_of_rates,
    households_of,
    rank_areas,
)
from povstudy.projection.outlook import outlooks
from povstudy.projection.scenarios import INDEXED, PLAN, STALL
from povstudy.projection.target_file import read_targets
from povstudy.reporting.inputs import TEMPLATES
from povstudy.sources import load, rate_panel

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "08_scenarios.ipynb"
NSO, OLD = "nso-mdp-2022-2025", "nso-mdp-2016-2020"


@pytest.fixture(scope="module")
def rates():
    return load("rates")


@pytest.fixture(scope="module")
def provinces(rates):
    return rate_panel(rates, standard=NSO, vintage="63", level="province", parent="vn")


@pytest.fixture(scope="module")
def an_giang(rates):
    return outlooks(rates, "vn34-91", horizon=6)[0]


@pytest.fixture(scope="module")
def made(rates, an_giang):
    before = rate_panel(rates, standard=OLD, vintage="63", level="province", parent="vn")
    return alternatives(
        an_giang,
        rates,
        plan=1.0,
        before=before,
        covariates=load("covariates"),
        minimum=line_against_minimum(),
        draws=400,
    )


def test_every_scenario_has_its_name_and_none_is_the_forecast(made, an_giang):
    assert tuple(made) == ALTERNATIVES
    for name, one in made.items():
        assert one.areas == ("vn34-91",) and set(one.table["scenario"]) == {name}
        assert one.table["target_year"].tolist() == an_giang.forecast.table["target_year"].tolist()


def test_a_stall_stays_and_a_plan_ends_below_it(made):
    end = {name: one.table["median"].iloc[-1] for name, one in made.items()}
    assert end[PLAN] < 0.2 < end[STALL]
    # The nation's figure for 2025 is known, so a stall holds that one.
    assert end[STALL] == pytest.approx(made[STALL].table["median"].iloc[0], rel=0.1)


def test_other_income_lines_raise_the_rate_and_only_from_their_year_on(made, an_giang):
    plain = an_giang.forecast.table.set_index("target_year")["median"]
    indexed, following = (made[name].table.set_index("target_year")["median"] for name in (INDEXED, NEXT_LINE))
    assert (indexed > plain).all()
    assert following[[2025, 2026]].to_numpy() == pytest.approx(plain[[2025, 2026]].to_numpy())
    assert (following.loc[2027:] > 3 * plain.loc[2027:]).all()


def test_the_factors_of_the_line_are_those_of_law_and_prices(an_giang):
    minimum = line_against_minimum()
    prices, law, growth = line_factors(an_giang, minimum)
    rural = minimum[minimum["area"].eq("rural")].set_index("year")["minimum"]
    assert growth == pytest.approx((rural[2025] / rural[2022]) ** (1 / 3) - 1)
    assert prices[2026] == pytest.approx((1 + growth) ** 2) and list(law) == list(prices)
    assert law[2026] == 1.0 and law[2027] == pytest.approx(2.2 / 1.5)
    with pytest.raises(NotAvailableError, match=r"known in 1 year\(s\) of vn_2022_2025_nd07; two needed"):
        line_factors(an_giang, minimum[minimum["year"].le(2022)])


def test_histories_keep_standards_apart_and_a_users_series_is_its_own(rates, an_giang):
    histories = histories_of(rates, an_giang)
    assert (
        len(histories)
        == rates[rates["area"].eq("vn") & rates["preferred"]]
        .pipe(
            lambda t: t[
                t["family"].eq("survey") & t["group"].eq("all") & t["concept"].eq("poor") & t["confidence"].ne("low")
            ]
        )["standard"]
        .nunique()
    )
    assert all(len(set(history)) == len(history) for history in histories)


def test_a_panel_with_two_leaders_has_break_scenarios_only(rates):
    rows = [
        (area, year, value, parent)
        for area, parent, values in (
            ("n", None, (9.0, 8.0)),
            ("s", None, (6.0, 5.0)),
            ("n1", "n", (9.0, 8.2)),
            ("n2", "n", (9.0, 7.8)),
            ("s1", "s", (6.0, 5.5)),
            ("s2", "s", (6.0, 4.5)),
        )
        for year, value in zip((2022, 2024), values, strict=True)
    ]
    from povstudy.projection.outlook import outlook_of_panel

    panel = pd.DataFrame(rows, columns=["area", "year", "value", "parent"]).assign(standard="mine", weight=1.0)
    view = outlook_of_panel(panel, "n1", horizon=2)
    assert "recent points a year" not in alternatives(view, rates, draws=200)


def test_the_plan_is_the_nations_newest_decline():
    assert plan_of_targets(load("targets")) == 1.0
    assert np.isnan(plan_of_targets(load("targets").query("area != 'vn'")))


# ------------------------------------------------------------------------------------------------ all areas at once


def test_gaps_start_where_the_published_figures_say(provinces):
    """The figures for 2024 that stand in docs/indicators.md: absolute 5.37 and 19.1, relative 1.32 and 5.7."""
    gap = gaps_of_rates(forecast(provinces, horizon=6, draws=400), provinces).query("year == 2030").set_index("measure")
    start = gap["start"].round(2).to_dict()
    assert (start["standard_deviation"], start["coefficient_of_variation"]) == (5.37, 1.32)
    assert (start["worst_minus_mean"], start["worst_over_mean"]) == (19.09, 5.68)
    chance = gap.groupby("scale")["probability_narrower"].mean()
    assert chance["absolute"] > 0.9 > 0.2 > chance["relative"]


def test_incomes_grow_apart_and_need_a_year_ahead():
    gap = gaps_of_incomes(load("covariates"), end=2030, draws=400).query("year == 2030")
    assert len(gap) == 5 and gap["start_year"].eq(2025).all()
    with pytest.raises(NotAvailableError, match="no provincial incomes from before 2025"):
        gaps_of_incomes(load("covariates"), end=2025)


def test_areas_are_ranked_by_their_forecast_and_leaders_are_left_out(provinces):
    ranked = rank_areas(forecast(provinces, horizon=6, draws=400), provinces, at_most=1.0, year=2030)
    assert len(ranked) == 63 and "vn" not in set(ranked["area"])
    assert ranked["median"].is_monotonic_decreasing
    one = ranked.set_index("area").loc["vn63-89"]
    assert one["required_pace"] == pytest.approx((2.53 - 1.0) / 6) and one["recent_pace"] == pytest.approx(1.18)


def test_households_are_listed_households_over_the_rate():
    found = households_of(load("reviews"))
    assert found["vn63-89", "all"] == pytest.approx(14872 / 0.0281)
    assert found["vn63-89", "ethnic_minority"] == pytest.approx(3161 / 0.1170)


def test_every_target_of_a_rate_has_a_row_and_a_reason_where_it_has_no_answer(rates, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(TEMPLATES["own_targets"], encoding="utf-8")
    targets = pd.concat([read_targets(path), load("targets")], ignore_index=True)
    answers = all_answers(rates, targets, end=2030, households={("vn63-89", "all"): 529_000.0})
    asked = targets[targets["concept"].isin(["poor", "near_poor", "poor_near_poor"]) & targets["area"].ne("")]
    asked = asked[asked["same_as"].fillna("").eq("")]
    assert set(answers["target_id"]) == set(asked["target_id"])
    assert {"ours-decline", "ours-level", "ours-half"} <= set(answers["target_id"])
    lost = answers[~answers["available"].astype(bool)]
    assert (lost["why"] != "").all() and (lost["reason"] != "").all()
    assert set(lost.loc[lost["why"].eq("no_series"), "reason"]) == {NO_SERIES}
    assert lost.set_index("target_id")["why"]["nat-03"].eq("before_series").all()
    plan = answers[answers["target_id"].eq("ag-plan-all-households")].set_index("family")
    assert not plan.at["review", "attainable"] and 0.5 < plan.at["survey", "probability"] < 1.0
    assert plan.at["review", "gap_median"] > 1000


# ------------------------------------------------------------------------------------------------------ the notebook


def run_here(folder, monkeypatch, upto=None, **parameters):
    """Run the cells in this process, up to the one that calls `upto` if that is given."""
    folder.mkdir()
    monkeypatch.setenv("POVSTUDY_OUTPUT", str(folder))
    monkeypatch.setenv("POVSTUDY_LANG", parameters.get("lang", "en"))
    space: dict[str, object] = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "08_scenarios", "exec"), space)
            if "parameters" in cell.metadata.get("tags", []):
                space.update(parameters)
            if upto and upto + "(" in cell.source:
                break
    numbers = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    return space, {name: entry["value"] for name, entry in numbers.items()}


def table(folder, name):
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_notebook_answers_each_question_for_an_giang(tmp_path, monkeypatch, capsys):
    own = tmp_path / "own.csv"
    own.write_text(TEMPLATES["own_targets"], encoding="utf-8")
    few = tmp_path / "registry.csv"
    few.write_text(TEMPLATES["registry"], encoding="utf-8")
    folder = tmp_path / "out"
    parameters = {"area": "vn63-89", "lang": "vi", "floor": 0.6, "own_targets": str(own), "registry": str(few)}
    space, numbers = run_here(folder, monkeypatch, **parameters)
    printed = capsys.readouterr().out
    assert numbers["account_residual"] == 0 and numbers["with_floor"] > 0.6
    assert len(table(folder, "scenarios")) == len(ALTERNATIVES) + 1
    account = table(folder, "simulated_mo_phong_account")
    assert all("MÔ PHỎNG" in row["Dữ liệu"] for row in account)
    assert [row["Ghi chú"] for row in table(folder, "readings")][1] == "không có"
    spliced = {row["Năm"]: row for row in table(folder, "splice_vn63_89")}
    assert float(spliced["2015"]["Tỷ lệ"]) == 8.45 and spliced["2014"]["Ghi chú"] == "đưa về: ước tính"
    whose = {row["Của ai"] for row in table(folder, "targets")}
    assert "a district's own plan" in whose
    # Eight households are too few for a rate of their own.
    assert not (folder / "tables" / "growth.csv").exists() and numbers["least_households"] == 10
    english = re.findall(r"\b(?:the|and|of|forecast|scenario|households)\b", "".join(re.sub("<[^>]*>", "", printed)))
    assert len(space["views"]) == 4 and not english


def test_a_next_reading_through_simulated_households_is_labelled(tmp_path, monkeypatch):
    from povstudy.registry import simulate_registry

    people, folder = tmp_path / "people.csv", tmp_path / "out"
    made = simulate_registry(size=1500, seed=1, review=2021)
    for place, name in enumerate(("nutrition", "telecom_digital", "waste")):
        made[f"deprived_{name}"] = np.arange(len(made)) % (5 + place) == 0
    made.to_csv(people, index=False)
    run_here(folder, monkeypatch, area="vn63-89", registry=str(people), upto="readings")
    rows = table(folder, "simulated_mo_phong_readings")
    assert [row["Note"] for row in rows] == ["", "SIMULATED / MÔ PHỎNG"] * 4
    medians = [float(row["Median"]) for row in rows]
    assert all(new > now for now, new in zip(medians[::2], medians[1::2], strict=True))


def test_the_notebook_runs_on_a_users_own_figures_and_on_households(tmp_path, monkeypatch):
    from povstudy.registry import simulate_registry

    panel, people = tmp_path / "panel.csv", tmp_path / "people.csv"
    panel.write_text(TEMPLATES["panel"], encoding="utf-8")
    simulate_registry(size=1500, seed=1, review=2021).to_csv(people, index=False)
    folder = tmp_path / "out"
    parameters = {"area": "my-north", "panel": str(panel), "registry": str(people), "horizon": 3}
    _, numbers = run_here(folder, monkeypatch, **parameters)
    assert numbers["growth_equal"] <= numbers["growth_unequal"]
    grown = table(folder, "simulated_mo_phong_growth")
    assert len(grown) == 2 and all("SIMULATED" in row["Data"] for row in grown)
    assert {row["Area"] for row in table(folder, "areas")} == {
        "Example north (invented figures)",
        "Example south (invented figures)",
    }

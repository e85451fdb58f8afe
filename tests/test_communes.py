"""Communes to zero: lists, rule, scenarios, chances, a user's own file, and the notebook over them."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from povstudy import cli
from povstudy.errors import DataError, NotAvailableError, ParameterError
from povstudy.projection import communes as ways
from povstudy.projection.communes import chances, hazard, paths, rules, simulation
from povstudy.projection.communes.lists import EXTREME, class_of, composition_of
from povstudy.reporting.inputs import TEMPLATES
from povstudy.sources import load

AN_GIANG, AN_GIANG_NOW = "vn63-89", "vn34-91"


@pytest.fixture(scope="module")
def listed():
    return load("communes")


@pytest.fixture(scope="module")
def rates():
    return load("rates")


@pytest.fixture(scope="module")
def setting(rates):
    return ways.setting_of(rates, AN_GIANG_NOW, end_year=2030, draws=400)


def file_of(tmp_path, text, name="communes.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def template(tmp_path):
    return ways.read_communes(file_of(tmp_path, TEMPLATES["communes"]))


# --------------------------------------------------------------------------------------------- the lists


def test_nine_units_on_the_old_territory_and_thirteen_in_the_province_now(listed):
    size = {
        area: int(ways.newest_list(ways.units_of(listed, area))["extreme"].sum()) for area in (AN_GIANG, AN_GIANG_NOW)
    }
    assert size == {AN_GIANG: 9, AN_GIANG_NOW: 13}


def test_a_poor_district_is_no_unit(listed):
    units = ways.units_of(listed, AN_GIANG)
    assert not units["unit"].str.contains("Huyện").any()
    assert units.loc[units["start"].eq(2021), "class"].value_counts().to_dict() == {"I": 9, "III": 7, "none": 1}


def test_the_list_names_as_many_as_its_sources_state(listed):
    stated = ways.stated_counts(listed, AN_GIANG_NOW).set_index("start")["extreme"]
    named = ways.count_by_period(ways.units_of(listed, AN_GIANG_NOW)).set_index("start")["extreme"]
    assert stated[2026] == named[2026]
    assert stated[2007] == 12


def test_counts_by_class_leave_unknown_what_a_list_does_not_say(listed):
    table = ways.count_by_period(ways.units_of(listed, AN_GIANG)).set_index("start")
    assert table.loc[2021, ["extreme", "area_ii", "area_i"]].tolist() == [7, 0, 9]
    assert pd.isna(table.loc[2014, "extreme"]) and table.loc[2014, "unseparated"] == 17
    assert pd.isna(table.loc[2026, "area_i"])


def test_all_seven_of_before_lie_in_four_units_of_today(listed):
    made = ways.members(ways.units_of(listed, AN_GIANG))
    held = made[made["former_class"].isin(EXTREME)]
    assert len(held) == 7
    assert sorted(set(held["unit"])) == sorted(["An Cư", "Ô Lâm", "Tri Tôn", "Ba Chúc"])
    assert made["unit"].nunique() - held["unit"].nunique() == 5


def test_what_a_unit_was_before_is_unknown_where_no_earlier_list_is(listed):
    made = ways.members(ways.units_of(listed, AN_GIANG_NOW)).set_index("unit")
    assert set(made.loc[["Long Thạnh", "Bình Giang"], "former_class"]) == {"unknown"}
    assert made.loc["Bình Giang", "former"] == ""


def test_no_round_of_the_history_is_clean_because_every_one_was_redefined(listed):
    fate = ways.fates(ways.units_of(listed, AN_GIANG))
    of_seven = fate[fate["class"].isin(EXTREME)]
    assert not fate["clean"].any()
    assert of_seven["next_class"].isin(EXTREME).all()
    assert not of_seven["same_criteria"].any() and not of_seven["same_borders"].any()


def test_a_round_under_the_same_criteria_in_the_same_borders_is_clean(listed):
    units = ways.units_of(listed, AN_GIANG)
    again = units["start"].eq(2026) & units["unit"].eq("Ô Lâm")
    units.loc[again, "criteria"] = units.loc[units["start"].eq(2021), "criteria"].iloc[0]
    units["composition"] = [() if own else made for own, made in zip(again, units["composition"], strict=True)]
    assert ways.fates(units).query("clean")["unit"].tolist() == ["Ô Lâm"]


@pytest.mark.parametrize("area", ["vn63-91", "vn63-01", "vn34-01", "vn-mekong-river-delta", "vn"])
def test_elsewhere_the_records_name_no_communes(listed, area):
    with pytest.raises(NotAvailableError, match=r"name the communes of the lists for An Giang only .*-p communes=FILE"):
        ways.newest_list(ways.units_of(listed, area))


def test_a_status_that_contradicts_its_flag_is_refused(listed):
    wrong = listed.copy()
    wrong.loc[wrong["status"].str.contains("khu vực III"), "is_extremely_disadvantaged"] = "no"
    with pytest.raises(DataError, match=r"is_extremely_disadvantaged 'no'; the two must agree"):
        ways.units_of(wrong, AN_GIANG)


def test_statuses_and_compositions_are_read_as_they_stand():
    assert class_of("xã đặc biệt khó khăn vùng bãi ngang, ven biển và hải đảo") == "coastal"
    assert class_of("has extremely disadvantaged hamlets; area class (I or none) not visible") == "unseen"
    assert composition_of("An Phú (Quốc Thái, parts of Phước Hưng)") == ("Quốc Thái", "Phước Hưng")


# ------------------------------------------------------------------------------------- the chance of none


@pytest.mark.parametrize(("n", "needed"), [(9, 0.976), (13, 0.983), (20, 0.989)])
def test_needed_exit_probabilities(n, needed):
    """shared/reference/projection.md, formula k, and issue 3, item 3: 9 need 97.6 %, 13 98.3 %, 20 98.9 %."""
    assert ways.needed_probability(n, 0.8) == pytest.approx(needed, abs=5e-4)
    assert ways.none_left(np.full(n, ways.needed_probability(n, 0.8)), 0.0) == pytest.approx(0.8)


def test_nine_at_ninety_percent_give_39_percent():
    """shared/reference/projection.md, formula k."""
    assert round(ways.none_left_independent([0.9] * 9), 2) == 0.39


@pytest.mark.parametrize("dependence", [0.2, 0.5, 0.9])
def test_the_common_factor_agrees_with_the_multivariate_normal(dependence):
    p = np.array([0.9, 0.7, 0.55])
    covariance = np.full((3, 3), dependence) + (1 - dependence) * np.eye(3)
    expected = stats.multivariate_normal(cov=covariance).cdf(stats.norm.ppf(p), rng=np.random.default_rng(1))
    assert ways.none_left(p, dependence) == pytest.approx(expected, abs=2e-5)


def test_the_chance_lies_between_its_ends_and_grows_with_dependence():
    random = np.random.default_rng(3)
    for _ in range(20):
        p = random.uniform(0, 1, random.integers(1, 15))
        found = [ways.none_left(p, rho) for rho in (0.0, 0.1, 0.4, 0.8, 0.99, 0.9999, 1.0)]
        assert found[0] == pytest.approx(np.prod(p)) and found[-1] == p.min()
        assert np.all(np.diff(found) >= -1e-9)


@pytest.mark.parametrize("dependence", [0.0, 0.3, 0.95, 1.0])
def test_number_left_is_a_distribution_with_the_right_mean(dependence):
    p = np.array([0.2, 0.9, 0.6, 0.95])
    left = ways.number_left(p, dependence)
    assert left.sum() == pytest.approx(1)
    assert left[0] == pytest.approx(ways.none_left(p, dependence), abs=1e-9)
    assert left @ np.arange(5) == pytest.approx(np.sum(1 - p), abs=1e-6)


@pytest.mark.parametrize("dependence", [0.0, 0.5, 1.0])
def test_a_gain_is_what_a_certain_exit_adds(dependence):
    p = np.array([0.9, 0.5, 0.0, 0.7])
    expected = [
        ways.none_left(np.where(np.arange(4) == i, 1.0, p), dependence) - ways.none_left(p, dependence)
        for i in range(4)
    ]
    assert ways.gains(p, dependence) == pytest.approx(expected, abs=1e-9)
    assert ways.gains(p, dependence).argmax() == 2


@pytest.mark.parametrize("dependence", [0.0, 0.5, 1.0])
def test_needed_probability_is_the_inverse_of_the_chance(dependence):
    needed = ways.needed_probability(7, 0.6, dependence)
    assert ways.none_left(np.full(7, needed), dependence) == pytest.approx(0.6, abs=1e-8)


def test_drawn_exits_have_their_probabilities_and_the_common_factor():
    p = np.array([0.3, 0.8])
    left = chances.leave_together(p, 0.5, draws=40_000, seed=5)
    assert left.mean(axis=0) == pytest.approx(p, abs=0.01)
    assert left.all(axis=1).mean() == pytest.approx(ways.none_left(p, 0.5), abs=0.01)
    assert (chances.leave_together(p, 0.5, draws=50, seed=5) == chances.leave_together(p, 0.5, draws=50, seed=5)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ways.none_left([0.5, math.nan], 0.5), "one a commune; got nan in place 2"),
        (lambda: ways.none_left([], 0.5), "got none"),
        (lambda: ways.none_left([0.5], 1.5), r"dependence lies between 0 \(independent\) and 1 .*; got 1.5"),
        (lambda: ways.needed_probability(0, 0.8), "at least 1; got 0"),
        (lambda: ways.needed_probability(9, 1.0), "between 0 and 1; got 1.0"),
    ],
)
def test_what_is_no_probability_is_refused(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


# --------------------------------------------------------------------------------------------- the fallback


def test_the_prior_says_that_it_is_one():
    assert ways.hazard_of(0, 0).note == ways.PRIOR_ONLY == "prior, no observed clean exit"
    assert ways.hazard_of(0, 4).note == ways.PRIOR_ONLY
    assert ways.hazard_of(1, 4).note == ""


def test_the_beta_binomial_has_its_closed_form():
    """E[h^9] under Beta(1/2, 1/2) is C(18, 9) / 4^9."""
    assert ways.none_left_common(ways.hazard_of(0, 0), 9, 1.0) == pytest.approx(math.comb(18, 9) / 4**9, abs=1e-5)
    assert ways.number_left_common(ways.hazard_of(0, 0), 9, 1.0)[0] == pytest.approx(
        ways.none_left_common(ways.hazard_of(0, 0), 9, 1.0)
    )
    assert ways.number_left_common(ways.hazard_of(2, 3), 6, 0.6).sum() == pytest.approx(1)


def test_a_part_of_a_period_agrees_with_the_integral():
    prior = ways.hazard_of(2, 3)
    density = stats.beta(2.5, 3.5).pdf
    mean = integrate.quad(lambda h: density(h) * (1 - (1 - h) ** 0.6), 0, 1)[0]
    joint = integrate.quad(lambda h: density(h) * (1 - (1 - h) ** 0.6) ** 5, 0, 1)[0]
    assert ways.mean_exit(prior, 0.6) == pytest.approx(mean, abs=1e-6)
    assert ways.none_left_common(prior, 5, 0.6) == pytest.approx(joint, abs=1e-6)
    assert mean**5 < joint < mean
    assert ways.exposure_until(2028) == 0.6


def test_exits_raise_and_stays_lower_the_hazard():
    assert ways.mean_exit(ways.hazard_of(3, 0), 1.0) > 0.5 > ways.mean_exit(ways.hazard_of(0, 3), 1.0)
    with pytest.raises(ParameterError, match="counts are 0 or more"):
        ways.hazard_of(-1, 0)


# ------------------------------------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("facts", "delta", "mark"),
    [
        ({}, True, 15.0),
        ({}, False, 20.0),
        ({"minority_share_of_poor": 60.0}, True, 15.0),
        ({"minority_share_of_poor": 60.1}, True, 12.0),
        ({"illiterate_share": 20.0}, True, 12.0),
        ({"illiterate_share": 19.9}, True, 15.0),
        ({"untrained_share": 80.0}, False, 20.0),
        ({"untrained_share": 80.1}, False, 15.0),
        ({"far_unpaved_road": 1.0}, True, 12.0),
        ({"far_unpaved_road": 0.0}, True, 15.0),
    ],
)
def test_marks_of_area_iii_on_the_line_and_one_step_off(facts, delta, mark):
    """QĐ 33/2020, area III: "from 20 %", "over 60 %", and what holds in the Mekong Delta."""
    assert ways.pass_mark(ways.rule_of("III"), facts, rate=30.0, in_delta=delta) == mark


@pytest.mark.parametrize(("count", "mark"), [(0.0, 15.0), (150.0, 15.0), (300.0, 10.0)])
def test_poor_minority_households_count_in_the_delta_and_move_with_the_rate(count, mark):
    rule = ways.rule_of("III")
    facts = {"poor_minority_households": count}
    assert ways.pass_mark(rule, facts, rate=20.0, in_delta=True) == pytest.approx(mark)
    assert ways.pass_mark(rule, facts, rate=20.0, in_delta=False) == 20.0


def test_exactly_a_hundred_and_fifty_is_not_more_than_a_hundred_and_fifty():
    mark = ways.pass_mark(ways.rule_of("III"), {"poor_minority_households": 300.0}, rate=20.0, in_delta=True)
    with_150, with_151 = 20.0 * 150 / 300, 20.0 * 151 / 300
    assert with_150 < mark < with_151


@pytest.mark.parametrize(
    ("facts", "mark"),
    [
        ({"works_missing": 3.0, "salt_months": 0.0}, 15.0),
        ({"works_missing": 3.0, "salt_months": 3.0}, 12.0),
        ({"works_missing": 2.0, "salt_months": 12.0}, math.inf),
    ],
)
def test_marks_of_a_coastal_commune(facts, mark):
    assert ways.pass_mark(ways.rule_of("coastal"), facts, in_delta=True) == mark


def test_an_unknown_fact_is_decided_by_the_scenario_and_a_known_one_is_not():
    rule = ways.rule_of("III")
    named = {scenario.key: scenario for scenario in ways.scenarios()}
    marks = {
        key: ways.pass_mark(rule, in_delta=True, holds=named[key].holds)
        for key in ("no_further_ground", "one_condition", "minority_poor")
    }
    assert marks == {"no_further_ground": 15.0, "one_condition": 12.0, "minority_poor": 0.0}
    known = {"poor_minority_households": 0.0}
    assert ways.pass_mark(rule, known, rate=20.0, in_delta=True, holds=named["minority_poor"].holds) == 12.0


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_every_bound_of_a_rule_stands_in_the_legal_fact_that_it_restates(lang):
    facts = rules.legal_facts("areas", lang).set_index("code")["text"]
    spelled = {"en": {3: "three"}, "vi": {3: "ba"}}[lang]
    for rule in rules.rules():
        text = facts[rule.fact]
        for test in (test for ground in rule.grounds for test in ground.tests):
            for bound in {test.at_least, test.above, test.delta} - {None}:
                if test.of != "far_unpaved_road":
                    assert re.search(rf"\b{bound:g}\b", text) or spelled.get(bound, "?") in text, (rule.id, test)


def test_every_criterion_has_an_evidence_status_and_the_marks_in_force_are_unverified():
    table = ways.criteria().set_index("code")
    assert set(table["status"]) <= {"VERIFIED", "CORROBORATED", "UNVERIFIED"}
    assert (
        table.loc[["commune_pass_marks_2026", "certified_2026", "revision_2026"], "status"].tolist()
        == ["UNVERIFIED"] * 3
    )
    assert table.loc[table["status"].eq("VERIFIED"), "sources"].str.startswith("http").all()
    assert {rule.fact for rule in rules.rules()} <= set(table.index)
    assert not ways.criteria("vi")["text"].eq(ways.criteria("en")["text"]).any()


def test_scenarios_follow_where_and_until_when():
    keys = lambda **options: [scenario.key for scenario in ways.scenarios(**options)]  # noqa: E731
    assert "minority_poor" not in keys(delta=False) and "minority_poor" in keys()
    assert "certification_only" not in keys(list_stands=False)
    assert keys(rule=False) == []
    with pytest.raises(ParameterError, match="possible are III, coastal"):
        ways.rule_of("IV")


# ------------------------------------------------------------------------------------------------ the paths


def test_the_step_of_2015_comes_from_reviews_counted_on_both_standards(rates):
    """data README and issue 3: An Giang 2015 2.5 and 8.45, Quảng Ngãi 9.22 and 15.19."""
    found = paths.steps(rates).set_index("area")
    assert found.loc[AN_GIANG, ["old", "new"]].tolist() == [2.5, 8.45]
    assert found.loc["vn63-51", ["old", "new"]].tolist() == [9.22, 15.19]
    assert paths.stepped(2.5, found.loc[AN_GIANG, "step"]) == pytest.approx(8.45)
    assert paths.step_of(found.reset_index(), AN_GIANG_NOW)["area"].tolist() == [AN_GIANG]
    assert len(paths.step_of(found.reset_index(), "vn63-01")) == 2


def test_the_required_rate_is_the_inverse_of_the_exit_probability(setting):
    for mark, p, step in [(15.0, 0.9, 0.0), (12.0, 0.6, 1.0)]:
        rate = paths.required_rate(mark, p, setting.shift, step=step)
        assert paths.exit_by_rate([rate], mark, setting.shift, step=step)[0] == pytest.approx(p, abs=0.01)
    assert math.isnan(paths.required_rate(0.0, 0.9, setting.shift))
    assert paths.exit_by_rate([1.0], 0.0, setting.shift).tolist() == [0.0]


def test_a_commune_exactly_at_its_mark_has_not_passed_it():
    assert paths.exit_by_rate([15.0, 14.999], 15.0, np.zeros(10)).tolist() == [0.0, 1.0]


def test_what_the_scenarios_ask_of_a_commune(setting):
    asked = ways.requirements(setting, ways.scenarios(10.0), needed=0.98, pace=3.0).set_index("scenario")
    years = setting.review - setting.leader.origin
    assert asked.loc["own_mark", "pace"] == 10.0 + 3.0 * years
    assert (asked["forecast_step"].dropna() <= asked["forecast"].dropna() + 0.1).all()
    assert asked.loc["minority_poor", ["forecast", "pace"]].isna().all()
    assert asked.loc["twice_nation", "mark"] == pytest.approx(2 * setting.nation)
    assert setting.review == 2029 and setting.change == 2026 and setting.delta


def test_a_change_of_standard_makes_leaving_less_likely(setting):
    plain, stepped = ways.exit_at_mark(setting)
    assert 0.5 < stepped < plain < 1


def test_the_same_seed_gives_the_same_draws(rates, setting):
    again = ways.setting_of(rates, AN_GIANG_NOW, end_year=2030, draws=400)
    other = ways.setting_of(rates, AN_GIANG_NOW, end_year=2030, draws=400, seed=1)
    assert (again.shift == setting.shift).all() and not (other.shift == setting.shift).all()


# -------------------------------------------------------------------------------------------- a user's file


def test_the_template_is_a_file_that_is_accepted(template):
    now = ways.still_in(template)
    assert now["commune"].str.contains("invented").all() and len(now) == 5
    assert now.set_index("commune").loc["Alpha (invented)", "poverty_rate"] == 15.9
    assert ways.clean_rounds(template) == (0, 0)


def test_every_fault_of_a_file_is_named_at_once(tmp_path):
    text = (
        "commune,year,class,poverty_rate,near_poor_rate,households,poor_minority_households,new_rural\n"
        "A,2025,IV,105,,,,\n"
        'B,2025,III,"12,5",,,,maybe\n'
        ",2025,III,60,50,,,\n"
        "C,2025,III,10,,100,50,\n"
        "D,2025,I,,,,,\n"
        "D,2025,I,,,,,\n"
    )
    with pytest.raises(DataError) as caught:
        ways.read_communes(file_of(tmp_path, text))
    for part in (
        "communes.csv does not fit the table 'communes': 8 cells are wrong.",
        "line 2, column class: got 'IV', allowed: one of III, coastal, II, I, none",
        "line 2, column poverty_rate: got '105'",
        "line 3, column poverty_rate: got '12,5'",
        "write the decimal with a point: 12.5",
        "line 3, column new_rural: got 'maybe', allowed: one of yes, no, or empty",
        "line 4, column commune: got ''",
        "line 4, column near_poor_rate: got '50', allowed: at most 100 together with poverty_rate",
        "line 5, column poor_minority_households: got '50', allowed: at most the poor households",
        "line 7, column commune: got commune 'D', year '2025' again, first in line 6",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("commune,year\nA,2025\n", "the column 'class' is missing"),
        ("commune,year,class,poverty\nA,2025,III,1\n", r"'poverty' is not known Did you mean 'poverty_rate'|poverty"),
        ("commune;year;class\nA;2025;III\n", "separated by semicolons"),
        ("", "is empty"),
        (
            "commune,year,class,poverty_rate,standard\nA,2025,III,9,x\nB,2025,III,9,y\n",
            "rates on different standards are never one path",
        ),
    ],
)
def test_a_file_that_is_no_commune_table_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        ways.read_communes(file_of(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        ways.read_communes(tmp_path / "communes.csv")


def test_a_file_without_a_commune_of_the_class_says_that_none_is_left(tmp_path):
    rows = ways.read_communes(file_of(tmp_path, "commune,year,class\nA,2021,III\nA,2026,II\n"))
    with pytest.raises(NotAvailableError, match="none is left already"):
        ways.still_in(rows)


@pytest.mark.parametrize(
    ("change", "counted"),
    [({}, (1, 1)), ({"list": "k"}, (0, 0)), ({"criteria": "new"}, (0, 0)), ({"borders": ""}, (0, 0))],
)
def test_a_clean_round_needs_another_list_the_same_criteria_and_the_same_borders(change, counted):
    rows = pd.DataFrame(
        {
            "commune": ["a", "a", "b", "b"],
            "year": [2021, 2026] * 2,
            "class": ["III", "II", "III", "coastal"],
            "list": ["k", "l"] * 2,
            "criteria": "q",
            "borders": "1",
        }
    )
    rows.loc[rows["year"].eq(2026), list(change)] = list(change.values()) if change else []
    assert ways.clean_rounds(rows) == counted


# ------------------------------------------------------------------------------------------- the simulation


def now_of(**columns):
    size = len(next(iter(columns.values())))
    empty = {name: [math.nan] * size for name in rules.FACTS}
    base = {
        "commune": [f"c{i}" for i in range(size)],
        "class": ["III"] * size,
        "poverty_rate": [math.nan] * size,
        "near_poor_rate": [math.nan] * size,
        "new_rural": [""] * size,
        "certification_probability": [math.nan] * size,
        "exit_probability": [math.nan] * size,
    }
    return pd.DataFrame({**empty, **base, **columns})


def run(now, marks, drawn, **options):
    given = {"hazard": ways.hazard_of(0, 0), "exposure": 1.0, "dependence": 0.5, "scenario": "s", "path": "forecast"}
    return ways.simulate(now, np.asarray(marks, float), np.asarray(drawn, float), **{**given, **options})


def test_communes_leave_in_the_draws_in_which_their_rate_is_below_their_mark():
    now = now_of(poverty_rate=[20.0, 20.0])
    outcome = run(now, [15.0, 12.0], [[14.9, 12.0], [15.0, 11.9], [10.0, 10.0], [30.0, 30.0]])
    assert outcome.probability.tolist() == [0.5, 0.5]
    assert outcome.joint == 0.25 and outcome.independent == 0.25 and outcome.dependent == 0.5
    assert outcome.left == 1.0 and set(outcome.table["basis"]) == {"rule"}


def test_certification_takes_off_area_iii_and_not_the_coast():
    now = now_of(**{"class": ["III", "coastal", "III"], "certification_probability": [1.0, 1.0, math.nan]})
    now["new_rural"] = ["", "", "yes"]
    outcome = run(now, [0.0, 0.0, 0.0], np.full((50, 3), 30.0))
    assert outcome.probability.tolist() == [1.0, 0.0, 1.0]


def test_an_own_probability_replaces_the_rule_and_the_prior_fills_what_is_unknown():
    now = now_of(exit_probability=[0.7, math.nan, math.nan])
    outcome = run(now, [15.0, 15.0, math.inf], np.full((10, 3), math.nan))
    assert outcome.table["basis"].tolist() == ["yours", "prior", "rule"]
    assert outcome.probability == pytest.approx([0.7, 0.5, 1.0])
    assert math.isnan(outcome.joint)
    assert outcome.table["gain"].idxmax() == 1


def test_the_coast_is_judged_on_poor_and_near_poor_together():
    now = now_of(**{"class": ["III", "coastal"], "poverty_rate": [9.0, 9.0], "near_poor_rate": [5.0, 5.0]})
    assert simulation.measured(now).tolist() == [9.0, 14.0]


def test_a_commune_file_replaces_ours_in_every_scenario(template, setting):
    found = ways.outcomes(
        template,
        setting,
        ways.scenarios(10.0),
        hazard=ways.hazard_of(0, 0),
        dependence=0.5,
        certification=0.65,
        draws=400,
    )
    paths_of = {outcome.scenario: [] for outcome in found}
    for outcome in found:
        paths_of[outcome.scenario].append(outcome.path)
        assert outcome.independent <= outcome.common <= outcome.dependent
        assert outcome.table["commune"].tolist() == ways.still_in(template)["commune"].tolist()
        assert outcome.table.set_index("commune").loc["Epsilon (invented)", "basis"] == "yours"
    assert paths_of["own_mark"] == ["forecast", "forecast_step", "stall"]
    assert paths_of["certification_only"] == ["forecast"]
    by_key = {(outcome.scenario, outcome.path): outcome.table.set_index("commune") for outcome in found}
    alpha = by_key["no_further_ground", "forecast"].loc["Alpha (invented)"]
    assert alpha["mark"] == pytest.approx(15.9 * 150 / 460)
    assert by_key["own_mark", "stall"].loc["Alpha (invented)", "exit_probability"] == 0.0
    assert by_key["certification_only", "forecast"].loc["Beta (invented)", "exit_probability"] == pytest.approx(
        0.4, abs=0.08
    )


def test_elsewhere_only_a_mark_of_ones_own_and_no_leader(template, rates):
    setting = ways.setting_of(rates, "idn-32", end_year=2030)
    own = template.assign(standard="my-standard")
    assert ways.scenarios(rule=False) == ()
    found = ways.outcomes(
        own,
        setting,
        ways.scenarios(10.0, rule=False),
        hazard=ways.hazard_of(0, 0),
        dependence=0.0,
        by_rule=False,
        draws=200,
    )
    assert [(outcome.scenario, outcome.path) for outcome in found] == [("own_mark", "forecast"), ("own_mark", "stall")]
    assert found[0].common == found[0].independent
    assert not simulation.is_led("my-standard", paths.leader_of(rates))


def test_names_like_area_ids_are_communes_all_the_same(tmp_path, setting):
    text = "commune,year,class,poverty_rate\nvn63-89,2025,III,14\nvn34-91,2025,III,13\n"
    rows = ways.read_communes(file_of(tmp_path, text)).assign(standard="review-mdp-2022-2025")
    drawn = simulation.rate_draws(rows, ["vn63-89", "vn34-91"], 2029, setting.leader, draws=200, seed=0)
    assert drawn.shape == (200, 2) and not np.isnan(drawn).any()


# --------------------------------------------------------------------------------------------- the notebook


class Cells:
    """The notebook's cells, run here without a kernel."""

    def __init__(self, root, tmp_path, monkeypatch):
        self.cells = json.loads((root / "notebooks" / "04_communes.ipynb").read_text(encoding="utf-8"))["cells"]
        self.folder, self.shown = tmp_path, []
        monkeypatch.setenv("POVSTUDY_OUTPUT", str(tmp_path))
        monkeypatch.setattr("IPython.display.display", lambda data, **_: self.shown.append(data.get("text/html", "")))

    def run(self, **values):
        import matplotlib

        matplotlib.use("Agg")
        lang = values.get("lang", "en")
        space = {"__name__": "notebook"}
        for cell in self.cells:
            tags = cell["metadata"].get("tags", [])
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                if f"lang-{lang}" in tags:
                    self.shown.append(f"<p>{source}</p>")
                continue
            exec(compile(source, "cell", "exec"), space)
            if "parameters" in tags:
                space.update(values)
        numbers = json.loads((self.folder / "numbers.json").read_text(encoding="utf-8"))
        return "\n".join(self.shown), numbers


@pytest.fixture
def cells(root, tmp_path, monkeypatch):
    return Cells(root, tmp_path, monkeypatch)


def prose_faults(page, numbers, lang):
    from povstudy.reporting.prose import numerals_without_source

    return numerals_without_source(page, numbers, lang)


def test_the_notebook_states_the_headline_and_no_numeral_without_its_source(cells):
    page, numbers = cells.run()
    assert numbers["now_0"]["value"] == 13 and numbers["now_1"]["value"] == 9 and numbers["before_1"]["value"] == 7
    assert round(numbers["needed_independent_0"]["value"], 3) == 0.983
    assert round(numbers["needed_independent_1"]["value"], 3) == 0.976
    assert numbers["clean_rounds"]["value"] == 0
    assert ways.PRIOR_ONLY in page
    assert prose_faults(page, numbers, "en") == []


def test_the_notebook_runs_on_a_file_in_vietnamese_with_names_that_are_data(cells, tmp_path, monkeypatch):
    hostile = '<script>alert("x")</script> $a_b$'
    quoted = hostile.replace('"', '""')
    text = TEMPLATES["communes"].replace("Alpha (invented)", f'"{quoted}"')
    path = file_of(tmp_path, text, "own.csv")
    monkeypatch.setenv("POVSTUDY_LANG", "vi")
    page, numbers = cells.run(area="vn63-01", lang="vi", communes=str(path), pass_mark=10.0, end_year=2033)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert numbers["now_0"]["value"] == 5
    assert prose_faults(page, numbers, "vi") == []


def test_the_notebook_assumes_no_rule_for_a_list_of_another_country(cells, tmp_path, monkeypatch):
    monkeypatch.setattr("povstudy.areas.area_label", lambda area, lang: area)
    text = TEMPLATES["communes"].replace("review-mdp-2022-2025", "my-standard")
    path = file_of(tmp_path, text, "own.csv")
    page, numbers = cells.run(area="idn-32", communes=str(path))
    assert "no rule of that list is known here" in page and "NĐ 272" not in page
    assert "at_mark" not in numbers and "lead_common" not in numbers
    assert prose_faults(page, numbers, "en") == []


def test_the_notebook_is_not_available_elsewhere_without_a_file(cells):
    with pytest.raises(NotAvailableError, match="for An Giang only"):
        cells.run(area="vn63-01")


def test_the_printed_prior_is_the_wording(root):
    from povstudy.reporting.wording import text_of

    assert text_of("c04.prior_only", "en") == hazard.PRIOR_ONLY


def test_the_page_about_it_states_what_is_computed(root):
    text = (root / "docs" / "communes.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text, flags=re.MULTILINE)
    assert len(table) >= 3
    for n, *stated in table:
        computed = [100 * ways.needed_probability(int(n), 0.8, rho) for rho in (0.0, 0.5, 1.0)]
        assert [float(value) for value in stated] == [round(value, 1) for value in computed]
    for column in ways.COMMUNE_FILE.columns:
        assert f"`{column}`" in text


def test_a_wrong_commune_file_is_refused_before_anything_starts_with_every_fault(tmp_path, capsys):
    path = file_of(tmp_path, "commune,year,class\nA,20x4,IV\nA,2024,III\nA,2024,III\n")
    out = tmp_path / "out"
    assert cli.call(["run", "04_communes", "-p", f"communes={path}", "-o", str(out)]) == 2
    said = capsys.readouterr().err
    for fault in ("column class: got 'IV'", "column year: got '20x4'", "first in line 3"):
        assert fault in said
    assert not out.exists()

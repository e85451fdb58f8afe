"""Which series of an area are forecast, which target speaks about which, and the record of the rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from povstudy.errors import NotAvailableError
from povstudy.projection import forecast
from povstudy.projection.judgement import drawn_decline, judge, own_target
from povstudy.projection.outlook import outlook_of_panel, outlooks
from povstudy.projection.track import POOLED, track_record
from povstudy.sources import combine_rates, load, rate_panel, weighted_mean

NSO = "nso-mdp-2022-2025"


@pytest.fixture(scope="module")
def rates():
    return load("rates")


@pytest.fixture(scope="module")
def an_giang(rates):
    return outlooks(rates, "vn34-91", horizon=6, beside=["vn63-89"])


def by_key(found):
    return {(outlook.area, outlook.key): outlook for outlook in found}


def test_each_concept_has_a_forecast_of_its_own(an_giang):
    assert set(by_key(an_giang)) == {
        ("vn34-91", "survey_poor_all"),
        ("vn34-91", "review_poor_all"),
        ("vn63-89", "survey_poor_all"),
        ("vn63-89", "review_poor_all"),
        ("vn63-89", "review_poor_near_poor_all"),
        ("vn63-89", "review_poor_ethnic_minority"),
    }
    for outlook in an_giang:
        assert outlook.observed["standard"].nunique() == 1
        assert set(outlook.forecast.table["standard"]) == {outlook.standard}


def test_all_series_are_forecast_to_the_same_year(an_giang):
    assert {int(outlook.forecast.table["target_year"].max()) for outlook in an_giang} == {2030}


def test_the_province_of_today_is_the_joint_forecast_of_its_parts(rates, an_giang):
    whole = by_key(an_giang)["vn34-91", "survey_poor_all"]
    assert whole.parts == ("vn63-89", "vn63-91")
    for year, value in zip(whole.observed["year"], whole.observed["value"], strict=True):
        assert value == combine_rates(rates, whole.parts, year=year, standard=NSO)
    assert round(float(whole.last["value"]), 2) == 2.39
    weights = whole.panel.drop_duplicates("area", keep="last").set_index("area")["weight"]
    joint = forecast(whole.panel, horizon=6)
    rows = [joint.areas.index(part) for part in whole.parts]
    share = weights[list(whole.parts)].to_numpy() / weights[list(whole.parts)].sum()
    assert np.allclose(whole.forecast.draws[:, 0, :], np.tensordot(joint.draws[:, rows, :], share, ([1], [0])))


def test_parts_without_a_known_weight_are_not_added_up(an_giang):
    """Nobody published how many minority households each part had."""
    assert ("vn34-91", "review_poor_ethnic_minority") not in by_key(an_giang)


def test_the_review_of_the_minorities_leans_on_the_national_minority_series(an_giang):
    minorities = by_key(an_giang)["vn63-89", "review_poor_ethnic_minority"]
    assert len(minorities.observed) == 2
    assert minorities.method == "national_first"
    assert set(minorities.forecast.parents["standard"]) == {NSO}
    assert "no trend of its own is claimed" in minorities.rule


def test_low_confidence_figures_of_2025_are_not_forecast_from(an_giang):
    assert int(by_key(an_giang)["vn63-89", "survey_poor_all"].last["year"]) == 2024


def test_an_area_without_minority_figures_shows_the_nation_as_context(rates):
    found = outlooks(rates, "vn63-01", horizon=6)
    assert [(outlook.area, outlook.context) for outlook in found] == [("vn63-01", False), ("vn", True)]


def test_one_of_the_34_with_a_single_part_carries_its_own_name(rates):
    (first, *_) = outlooks(rates, "vn34-01", horizon=2)
    assert (first.area, first.parts, first.forecast.areas) == ("vn34-01", ("vn63-01",), ("vn34-01",))


def test_an_area_without_figures_is_not_available(rates):
    with pytest.raises(NotAvailableError, match="there is no figure for vn63-89 that can be forecast"):
        outlooks(rates[rates["area"].ne("vn63-89")], "vn63-89", horizon=1)


def test_an_old_standard_alone_is_not_forecast(rates):
    """Nothing but the income rates of 2006 and 2008: the law of these figures has ended."""
    stale = rates[~rates["area"].eq("vn63-89") | rates["standard"].eq("gso-income-2006-2010")]
    with pytest.raises(NotAvailableError, match=r"vn63-89 stand on standards no longer in force in 2025"):
        outlooks(stale, "vn63-89", horizon=1)


def test_other_rules_are_medians_of_the_same_year(an_giang):
    outlook = by_key(an_giang)["vn63-89", "survey_poor_all"]
    ends = outlook.under(["default", "last_value", "linear_pp"])
    assert ends["default"] == pytest.approx(outlook.forecast.table["median"].iloc[-1], rel=1e-3)
    assert ends["last_value"] == pytest.approx(2.53, rel=1e-12)
    whole = by_key(an_giang)["vn34-91", "survey_poor_all"].under(["last_value"])
    assert round(whole["last_value"], 2) == 2.39
    single = by_key(an_giang)["vn34-91", "review_poor_all"].under(["linear_pp"])
    assert np.isnan(single["linear_pp"])


def test_a_users_panel_is_forecast_as_it_is():
    rows = [("abc-1", year, 9.0 - (year - 2018), "own") for year in range(2018, 2024)]
    panel = pd.DataFrame(rows, columns=["area", "year", "value", "standard"])
    outlook = outlook_of_panel(panel, "abc-1", horizon=3)
    assert (outlook.family, outlook.standard) == ("user", "own")
    assert outlook.forecast.table["target_year"].tolist() == [2024, 2025, 2026]
    with pytest.raises(NotAvailableError, match="the file has no figure for 'abc-2'"):
        outlook_of_panel(panel, "abc-2", horizon=3)


@pytest.fixture(scope="module")
def verdicts(an_giang):
    table = judge(an_giang, load("targets"))
    return table.assign(
        key=[an_giang[i].key for i in table["outlook"]], place=[an_giang[i].area for i in table["outlook"]]
    )


def test_the_plan_is_judged_on_the_review_of_poor_households(verdicts):
    own = verdicts[verdicts["role"].eq("target") & verdicts["place"].eq("vn63-89")]
    assert set(own["key"]) == {"review_poor_all", "review_poor_ethnic_minority"}
    poor = own[own["key"].eq("review_poor_all")].iloc[0]
    assert (poor["base"], poor["largest"], poor["probability"]) == (3.81, 0.9525, 0.0)
    assert poor["flag"] == "not attainable from this base"


def test_other_concepts_stand_beside_and_disagree(verdicts):
    beside = verdicts[verdicts["role"].eq("concept")].set_index("key")
    assert set(beside.index) == {"survey_poor_all", "review_poor_near_poor_all"}
    assert beside.loc["review_poor_near_poor_all", "base"] == 9.70
    assert (beside["probability"] > 0.5).all()


def test_a_national_target_is_a_benchmark_of_a_province_never_its_target(verdicts):
    national = verdicts[verdicts["whose"].eq("national")]
    assert len(national)
    assert set(national["role"]) == {"benchmark"}
    assert national.loc[national["end_year"].eq(2030), "base_year"].eq(2025).all()


def test_a_level_of_the_new_province_is_its_target(verdicts):
    level = verdicts[verdicts["kind"].eq("level")].iloc[0]
    assert (level["place"], level["key"], level["goal"], level["end_year"]) == (
        "vn34-91",
        "review_poor_all",
        0.91,
        2025,
    )


def test_a_readers_own_level_comes_first(an_giang):
    targets = own_target(an_giang[0], 0.5, year=2030)
    row = judge(an_giang, targets).iloc[0]
    assert (row["role"], row["whose"], row["goal"]) == ("target", "user", 0.5)
    assert row["probability"] == an_giang[0].forecast.probability_at_most(0.5, 2030)


def test_a_decline_between_two_forecast_years_uses_the_same_draw_for_both(an_giang):
    outlook = an_giang[0]
    verdict = drawn_decline(outlook, base_year=2025, end_year=2027, at_least=0.4)
    fall = (outlook.forecast.samples(2025) - outlook.forecast.samples(2027)) / 2
    assert verdict.probability == np.mean(fall >= 0.4)
    assert 0 < verdict.probability < 1


def test_the_track_record_names_its_target_years_and_keeps_low_confidence_apart(rates, an_giang):
    outlook = by_key(an_giang)["vn63-89", "survey_poor_all"]
    track = track_record(rates, outlook)
    assert track.longest == 3
    rows = track.scores[track.scores["method"].eq("default")]
    low = rows[rows["low_confidence"]]
    assert set(low["standard"]) == {NSO}
    pooled = rows[rows["standard"].eq(POOLED)].set_index("horizon")
    each = rows[rows["standard"].ne(POOLED) & ~rows["low_confidence"]]
    assert pooled["n"].to_dict() == each.groupby("horizon")["n"].sum().to_dict()
    assert track.at(1)["mae"] < track.at(1, "last_value")["mae"]
    assert set(track.own["area"]) == {"vn63-89"}


def test_past_forecasts_of_a_territory_stand_on_its_standard_and_weigh_its_parts(rates, an_giang):
    found = by_key(an_giang)
    survey = "survey_poor_all"
    whole = track_record(rates, found["vn34-91", survey]).past
    assert whole[["origin_year", "target_year"]].to_numpy().tolist() == [[2023, 2024]]
    parts = {
        part: track_record(rates, outlooks(rates, part, horizon=1)[0]).past["median"].item()
        for part in ("vn63-89", "vn63-91")
    }
    weight = rate_weights(found["vn34-91", survey], parts)
    assert whole["median"].item() == pytest.approx(weighted_mean(pd.Series(parts), weight))
    assert min(parts.values()) < whole["median"].item() < max(parts.values())


def rate_weights(outlook, parts):
    """Newest weights of the parts of a territory."""
    newest = outlook.panel.sort_values("year").drop_duplicates("area", keep="last").set_index("area")
    return newest.loc[list(parts), "weight"]


def test_two_points_have_no_track_record(rates, an_giang):
    track = track_record(rates, by_key(an_giang)["vn63-89", "review_poor_ethnic_minority"])
    assert (track.longest, track.at(1)) == (0, None)


def test_the_record_is_that_of_a_panel_read_at_the_origin(rates, an_giang):
    """The rule is tried on the same panel that the forecast uses, not on the area alone."""
    outlook = by_key(an_giang)["vn63-89", "survey_poor_all"]
    assert outlook.panel["area"].nunique() == 64
    pd.testing.assert_frame_equal(outlook.panel, rate_panel(rates, standard=NSO))


def test_an_area_that_leads_others_is_a_series_of_its_own():
    rows = [
        (area, year, level - (year - 2018), "own", parent)
        for area, level, parent in [("abc", 9.0, None), ("abc-1", 12.0, "abc")]
        for year in range(2018, 2024)
    ]
    panel = pd.DataFrame(rows, columns=["area", "year", "value", "standard", "parent"])
    assert set(outlook_of_panel(panel, "abc", horizon=2).panel["area"]) == {"abc"}
    assert set(outlook_of_panel(panel, "abc-1", horizon=2).panel["area"]) == {"abc", "abc-1"}

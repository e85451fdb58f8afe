"""A change of standard: scenarios from one and two points, the level splice, and both readings of a forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from povstudy.errors import DataError, NotAvailableError, ParameterError, StandardError
from povstudy.projection import forecast
from povstudy.projection.breaks import (
    HALF_DRIFT,
    PANEL_DRIFT,
    PLAN_PRO_RATA,
    Shift,
    break_scenarios,
    bridge_shift,
    level_splice,
    logit_shift,
    on_standard,
    overlap_shift,
    panel_drift_of,
    readings,
    shift_spread,
)
from povstudy.projection.spell import expit, logit
from povstudy.sources import load, rate_panel

GSO, MDP, NEW = "gso-income-2011-2015", "nso-mdp-2016-2020", "nso-mdp-2022-2025"
OLD_REVIEW, MDP_REVIEW = "review-income-2011-2015", "review-mdp-2016-2020"


@pytest.fixture(scope="module")
def rates() -> pd.DataFrame:
    return load("rates")


def errors(made, panel: pd.DataFrame, years) -> list[float]:
    both = made.table.merge(panel, left_on=["area", "target_year"], right_on=["area", "year"])
    both = both[both["target_year"].isin(years)]
    return (both["median"] - both["value"]).abs().groupby(both["target_year"]).mean().round(3).tolist()


# --- ../shared/reference/projection.md, section 4.4 ------------------------------------------------------------------
# Plan pro-rata: one common logit shift, that of the nation on its plan.  No weights enter: the nation is a series of
# its own, and every province takes its shift.


def test_the_break_of_2022(rates):
    """The published nation (4.19 % in 2022) falls by 1.0 points a year."""
    panel = rate_panel(rates, standard=NEW, min_confidence="low")
    made = break_scenarios(panel[panel["year"].eq(2022)], horizon=3, plan=1.0, draws=100)
    assert set(made) == {PLAN_PRO_RATA}
    found = errors(made[PLAN_PRO_RATA], panel, (2023, 2024, 2025))
    assert found == pytest.approx([0.50, 0.43, 0.69], abs=0.02)
    steeper = break_scenarios(panel[panel["year"].eq(2022)], horizon=3, plan=1.25, draws=100)[PLAN_PRO_RATA]
    assert errors(steeper, panel, (2023, 2024, 2025)) == pytest.approx([0.76, 1.06, 1.63], abs=0.02)


def test_the_break_of_2010(rates):
    """The reference took the plain mean of the 62 provinces (18.67 %) for the nation, and 2.0 points a year."""
    panel = rate_panel(rates, standard=GSO, parent=None, min_confidence="low")
    kept = set(panel.loc[panel["year"].eq(2016), "area"])
    panel = panel[panel["area"].isin(kept)].assign(weight=1.0)
    one = panel[panel["year"].eq(2010)]
    years = (2012, 2013, 2014, 2015, 2016)
    made = break_scenarios(one, horizon=6, plan=2.0, draws=100)[PLAN_PRO_RATA]
    assert errors(made, panel, years) == pytest.approx([0.83, 1.12, 1.16, 1.15, 1.32], abs=0.02)
    still = forecast(one, horizon=6, method="last_value", draws=100)
    assert errors(still, panel, years) == pytest.approx([3.83, 5.37, 7.43, 9.17, 10.77], abs=0.02)


def test_the_published_nation_of_2010_fell_more_slowly_than_its_plan(rates):
    """From 14.2 % the nation lost 1.4 points a year, not 2.0: with it as parent the scenario is too low."""
    panel = rate_panel(rates, standard=GSO, min_confidence="low")
    one = panel[panel["year"].eq(2010)]
    assert one.loc[one["area"].eq("vn"), "value"].item() == 14.2
    years = (2012, 2013, 2014, 2015, 2016)
    too_low = errors(break_scenarios(one, horizon=6, plan=2.0, draws=100)[PLAN_PRO_RATA], panel, years)
    actual = errors(break_scenarios(one, horizon=6, plan=1.4, draws=100)[PLAN_PRO_RATA], panel, years)
    assert min(too_low) > 1.0 and too_low[-1] > 4.0 and max(actual) < 2.1


def test_the_drift_of_the_panel_before_the_break(rates):
    before = rate_panel(rates, standard=MDP, parent=None, min_confidence="low")
    panel = rate_panel(rates, standard=NEW, min_confidence="low")
    made = break_scenarios(panel[panel["year"].eq(2022)], horizon=3, before=before, draws=100)
    assert set(made) == {PANEL_DRIFT}
    assert errors(made[PANEL_DRIFT], panel, (2023, 2024, 2025)) == pytest.approx([0.45, 1.00, 1.95], abs=0.02)
    assert panel_drift_of(before) == pytest.approx(-0.182, abs=0.001)


def test_two_points_after_the_break(rates):
    """The 62 provinces with a figure for 2016, as in the reference."""
    panel = rate_panel(rates, standard=GSO, parent=None, min_confidence="low")
    panel = panel[panel["area"].isin(set(panel.loc[panel["year"].eq(2016), "area"]))]
    made = break_scenarios(panel[panel["year"].le(2012)], horizon=4, draws=100)
    assert set(made) == {HALF_DRIFT}
    found = errors(made[HALF_DRIFT], panel, (2013, 2014, 2015, 2016))
    assert found == pytest.approx([0.28, 0.45, 0.80, 1.14], abs=0.02)
    assert made[HALF_DRIFT].table["scenario"].eq(HALF_DRIFT).all()


def test_each_is_a_named_scenario_and_none_a_forecast(rates):
    panel = rate_panel(rates, standard=NEW)
    before = rate_panel(rates, standard=MDP, parent=None)
    two = panel[panel["year"].isin([2022, 2023])]
    made = break_scenarios(two, horizon=2, plan=1.0, before=before, draws=100)
    assert list(made) == [PLAN_PRO_RATA, PANEL_DRIFT, HALF_DRIFT]
    for name, scenario in made.items():
        assert scenario.scenario == name and (scenario.table["scenario"] == name).all()
    assert break_scenarios(panel[panel["year"].eq(2022)], horizon=1, draws=100) == {}


def test_pro_rata_takes_the_leaders_own_shift_whatever_the_weights():
    rows = pd.DataFrame({"area": ["a", "b"], "year": 2022, "value": [8.0, 2.0], "weight": [1.0, 9.0], "parent": "top"})
    rows = pd.concat([rows, pd.DataFrame({"area": ["top"], "year": [2022], "value": [4.0], "weight": [10.0]})])
    made = break_scenarios(rows, horizon=1, plan=1.0, draws=100)[PLAN_PRO_RATA]
    shift = logit_shift(4.0, 3.0)
    assert made.table["median"].tolist() == pytest.approx([*expit(logit(np.array([8.0, 2.0])) + shift)], rel=1e-3)
    other = break_scenarios(rows.assign(weight=[5.0, 1.0, 6.0]), horizon=1, plan=1.0, draws=100)[PLAN_PRO_RATA]
    assert sorted(other.table["median"]) == pytest.approx(sorted(made.table["median"]))


def test_a_panel_without_a_drift():
    with pytest.raises(ParameterError, match="no area of the panel has two points"):
        panel_drift_of(pd.DataFrame({"area": ["a"], "year": [2022], "value": [3.0]}))


# --- level splice ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("area", "old", "new", "before", "after"),
    [("vn63-89", 2.5, 8.45, 2014, 12.01), ("vn63-51", 9.22, 15.19, 2014, 18.99)],
)
def test_a_year_on_both_standards_carries_the_level_over(rates, area, old, new, before, after):
    shift = overlap_shift(rates, area, OLD_REVIEW, MDP_REVIEW)
    assert shift.value == pytest.approx(logit_shift(old, new)) and shift.std_error == 0.0
    assert shift.source == "measured on both in 2015"
    both = level_splice(rates, area, OLD_REVIEW, MDP_REVIEW)
    assert both["year"].is_unique and set(both["standard"]) == {MDP_REVIEW}
    row = both.set_index("year")
    assert row.at[2015, "value"] == new and not row.at[2015, "spliced"]
    assert row.at[before, "spliced"] and row.at[before, "measured_on"] == OLD_REVIEW
    assert row.at[before, "value"] == pytest.approx(after, abs=0.01)
    assert (both.loc[both["spliced"], "value"].diff().dropna() < 0).all()
    assert forecast(both[["area", "year", "value", "standard"]], horizon=2, draws=100).standard == MDP_REVIEW


def test_without_a_common_year_nothing_is_carried_over(rates):
    with pytest.raises(StandardError) as caught:
        overlap_shift(rates, "vn63-89", MDP, NEW)
    assert "no year was measured on both" in str(caught.value) and "bridge_shift" in str(caught.value)
    assert "2016" in str(caught.value) and "2022" in str(caught.value)
    with pytest.raises(StandardError, match="never measured"):
        overlap_shift(rates, "vn63-89", "review-income-2006-2010", NEW.replace("nso", "nsx"))


def test_survey_and_review_are_never_spliced(rates):
    with pytest.raises(StandardError, match="different families"):
        overlap_shift(rates, "vn63-89", OLD_REVIEW, MDP)


def test_how_much_the_shift_differs_between_provinces(rates):
    spread = shift_spread(rates, GSO, MDP)
    assert 0.25 < spread < 0.45
    with pytest.raises(StandardError, match="a spread takes three"):
        shift_spread(rates, OLD_REVIEW, MDP_REVIEW)


def test_a_splice_through_a_bridge(rates):
    shift = Shift(MDP, NEW, 0.4, 0.1, "bridge table of classified households")
    both = level_splice(rates, "vn63-89", MDP, NEW, shift=shift).set_index("year")
    measured = rates[
        rates["area"].eq("vn63-89") & rates["standard"].eq(MDP) & rates["year"].eq(2021) & rates["preferred"]
    ]
    assert both.at[2021, "value"] == pytest.approx(float(expit(logit(measured["value"].to_numpy()) + 0.4)[0]))
    assert not both.at[2022, "spliced"]


# --- bridge and both readings ----------------------------------------------------------------------------------------


def bridge(**changes: object) -> pd.DataFrame:
    row = {
        "from": "vn_2022_2025_nd07",
        "to": "vn_2027_2030_nd351",
        "group": "all",
        "concept": "poor",
        "rate_from": 2.0,
        "rate_to": 3.0,
        "std_error": 0.2,
        "simulated": False,
    }
    return pd.DataFrame([row | changes])


@pytest.fixture(scope="module")
def made(rates):
    panel = rate_panel(rates, standard=NEW)
    whole = forecast(panel, horizon=6, draws=2000)
    return whole.aggregate(["vn63-89"], [1.0], name="vn63-89")


def test_a_bridge_gives_a_shift_with_its_error():
    shift = bridge_shift(bridge(), "vn_2022_2025_nd07", "vn_2027_2030_nd351")
    assert shift.value == pytest.approx(np.log(0.03 / 0.97) - np.log(0.02 / 0.98))
    assert shift.std_error == pytest.approx(0.002 / (0.03 * 0.97))
    assert not shift.simulated
    # The law of a series stands for the series.
    assert bridge_shift(bridge(), NEW, "vn_2027_2030_nd351").value == shift.value


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, "no bridge from vn_2022_2025_nd07 to vn_2027_2030_nd351 is known: a bridge table of households"),
        (bridge(group="khmer"), "the bridge holds 0 rows"),
        (pd.concat([bridge(), bridge()]), "the bridge holds 2 rows"),
        (bridge(rate_from=0.0), "strictly between 0 and 100"),
        (bridge(std_error=np.nan), "states no standard error"),
    ],
)
def test_what_is_not_known_is_not_available(table, words):
    with pytest.raises(NotAvailableError) as caught:
        bridge_shift(table, "vn_2022_2025_nd07", "vn_2027_2030_nd351")
    assert words in str(caught.value)


def test_both_readings_beyond_2026(made):
    both = readings(made, second="vn_2027_2030_nd351", from_year=2027, bridge=bridge())
    assert both["target_year"].tolist() == [y for y in (2027, 2028, 2029, 2030) for _ in range(2)]
    old, new = (both[both["reading"].eq(r)] for r in ("as measured so far", "next standard"))
    assert (new["median"].to_numpy() > old["median"].to_numpy()).all() and set(both["status"]) == {"given"}

    def width(table: pd.DataFrame) -> np.ndarray:
        return logit(table["high_95"].to_numpy()) - logit(table["low_80"].to_numpy())

    wide = readings(made, second="vn_2027_2030_nd351", from_year=2027, bridge=bridge(std_error=2.0))
    wider = readings(made, second="vn_2027_2030_nd351", from_year=2027, bridge=bridge(std_error=2.0), spread=0.5)
    widths = [width(t[t["reading"].eq("next standard")]) for t in (both, wide, wider)]
    assert (widths[0] < widths[1]).all() and (widths[1] < widths[2]).all()
    same = made.table[made.table["target_year"].ge(2027)]["median"].tolist()
    assert old["median"].tolist() == same


def test_without_a_bridge_the_next_reading_is_not_available(made):
    both = readings(made, second="vn_2027_2030_nd351", from_year=2027)
    new = both[both["reading"].eq("next standard")]
    assert new["status"].eq("not available").all() and new["median"].isna().all() and new["high_80"].isna().all()
    assert new["reason"].str.contains("standards_bridge").all()
    assert both.loc[both["reading"].ne("next standard"), "median"].notna().all()


def test_a_simulated_bridge_says_so(made):
    both = readings(made, second="vn_2027_2030_nd351", from_year=2027, bridge=bridge(simulated=True))
    assert set(both.loc[both["reading"].eq("next standard"), "status"]) == {"SIMULATED bridge"}
    moved = on_standard(made, bridge_shift(bridge(simulated=True), NEW, "vn_2027_2030_nd351"), "x")
    assert "SIMULATED households" in moved.table["rule"][0] and moved.standard == "x"


def test_the_bridge_is_wrong_by_the_same_for_all_areas_and_years(rates):
    panel = rate_panel(rates, standard=NEW)
    whole = forecast(panel, horizon=2, draws=500)
    shift = Shift(NEW, "x", 0.3, 0.5, "test")
    moved = on_standard(whole, shift, "x", seed=4)
    by = logit(moved.draws) - logit(whole.draws)
    inside = (moved.draws > 0.06) & (whole.draws > 0.06)
    poor = whole.areas.index("vn63-11")
    first = by[:, poor : poor + 1, :1]
    assert inside[:, poor].all() and inside.mean() > 0.9
    assert np.abs(np.where(inside, by - first, 0.0)).max() < 1e-6
    assert by[:, poor, 0].std() == pytest.approx(0.5, rel=0.15)
    assert np.array_equal(on_standard(whole, shift, "x", seed=4).draws, moved.draws)
    assert not np.array_equal(on_standard(whole, shift, "x", seed=5).draws, moved.draws)


def test_the_bridge_of_the_household_module_is_one_that_is_read():
    from povstudy.decomposition import standards_bridge
    from povstudy.survey import Design

    random = np.random.default_rng(0)
    households = pd.DataFrame(
        {
            "income": np.exp(random.normal(14.8, 0.5, 800)),
            "urban": random.random(800) < 0.3,
            "d": random.integers(0, 6, 800),
            "w": 1.0,
        }
    )
    laws = ["vn_2016_2020_qd59", "vn_2022_2025_nd07"]
    table = standards_bridge(Design(households, weight="w"), laws, deprivations=dict.fromkeys(laws, "d"))
    shift = bridge_shift(table, *laws)
    row = table[table["concept"].eq("poor")].iloc[0]
    assert float(shift(np.array(row["rate_from"]))) == pytest.approx(row["rate_to"])
    assert shift.std_error > 0


def test_the_file_that_the_report_asks_for_gives_the_second_reading(made, tmp_path):
    from povstudy.decomposition import bridge_columns, standards_bridge
    from povstudy.registry import load_registry
    from povstudy.survey import Design

    laws = ["vn_2022_2025_nd07", "vn_2027_2030_nd351"]
    named, random = bridge_columns(laws), np.random.default_rng(0)
    flags = pd.DataFrame((random.random((2000, len(named) - 1)) < 0.25).astype(int), columns=named[1:])
    count = flags.filter(like="deprived_").drop(columns=["deprived_telecom_digital", "deprived_waste"]).sum(axis=1)
    income = np.exp(random.normal(14.6, 0.6, 2000)).round()
    flags = flags.assign(income=income, household_id=range(2000), deprivations=count)
    flags.to_csv(tmp_path / "households.csv", index=False)
    sample = load_registry(tmp_path / "households.csv").assign(weight=1.0)
    table = standards_bridge(Design(sample, weight="weight"), laws)
    both = readings(made, second=laws[1], from_year=2027, bridge=table)
    assert both["status"].eq("given").all() and both["median"].notna().all(), both["reason"].tolist()
    for column in named:
        with pytest.raises((DataError, NotAvailableError), match=column):
            standards_bridge(Design(sample.drop(columns=column), weight="weight"), laws)

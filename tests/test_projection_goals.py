"""Targets of every kind against every series, in one table, and a user's own targets file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from povstudy.errors import DataError, NotAvailableError, ParameterError
from povstudy.projection import ATTAINABLE, NOT_ATTAINABLE, forecast
from povstudy.projection.goals import (
    ANSWER_COLUMNS,
    BASICALLY_NONE,
    answer_table,
    answer_target,
    first_year,
    share_target,
)
from povstudy.projection.result import Forecast
from povstudy.projection.target_file import COLUMNS, TARGET_FILE, read_targets
from povstudy.projection.targets import drawn_decline_target

REVIEW = {2021: 3.81, 2022: 2.81, 2023: 2.07}


@pytest.fixture(scope="module")
def made() -> Forecast:
    rows = pd.DataFrame({"area": "x-1", "year": list(REVIEW), "value": list(REVIEW.values())})
    return forecast(rows, horizon=7)


def target(**changes: object) -> dict[str, object]:
    row = {
        "target_id": "t",
        "kind": "annual_decline",
        "period_start": 2021,
        "period_end": 2025,
        "low": 0.6,
        "high": 0.7,
    }
    return row | changes


# --- first year and ever below ---------------------------------------------------------------------------------------


def by_hand(paths: list[list[float]], origin: int = 2023) -> Forecast:
    """A forecast whose draws are written down."""
    made = forecast(
        pd.DataFrame({"area": "x", "year": [origin - 1, origin], "value": [5.0, 4.0]}), horizon=len(paths[0]), draws=100
    )
    from dataclasses import replace

    return replace(made, draws=np.array(paths, dtype=float)[:, None, :])


PATHS = [[3.0, 1.0, 3.0], [3.0, 3.0, 1.0], [3.0, 3.0, 3.0], [1.0, 3.0, 3.0]]


def test_the_first_year_is_that_of_a_path():
    found = first_year(by_hand(PATHS), 2.0)
    assert (found.observed, found.low, found.median, found.high) == (None, 2024, 2025, None)
    assert found.never == 0.25
    assert first_year(by_hand(PATHS), 2.0, observed={2022: 1.5, 2023: 4.0}).observed == 2022
    assert first_year(by_hand(PATHS), 0.5).median is None


def test_ever_below_is_joint_over_the_years():
    """A path that dips below and rises again was below once; at the end it is not."""
    seen = {2022: 5.0, 2023: 4.0}
    answer = answer_target(target(kind="level", high=2.0, period_end=2026), seen, by_hand(PATHS))
    assert answer.verdict.probability == 0.25 and answer.ever_below == 0.75
    sooner = answer_target(target(kind="level", high=2.0, period_end=2025), seen, by_hand(PATHS))
    assert (sooner.verdict.probability, sooner.ever_below) == (0.25, 0.5)


def test_what_was_observed_below_was_below():
    seen = {2022: 1.0, 2023: 4.0}
    answer = answer_target(target(kind="level", high=2.0, period_end=2025), seen, by_hand(PATHS))
    assert answer.ever_below == 1.0 and answer.first.observed == 2022


# --- kinds -----------------------------------------------------------------------------------------------------------


def test_a_range_of_declines_has_two_probabilities(made):
    answer = answer_target(target(), REVIEW, made, households=500_000)
    assert answer.verdict.goal == 0.6
    draws = made.samples(2025)
    assert answer.verdict.probability == pytest.approx(np.mean((3.81 - draws) / 4 >= 0.6))
    assert answer.probability_high == pytest.approx(np.mean((3.81 - draws) / 4 >= 0.7))
    assert answer.probability_high < answer.verdict.probability
    assert np.isnan(answer_target(target(high=np.nan), REVIEW, made).probability_high)


def test_the_gap_in_households(made):
    answer = answer_target(target(), REVIEW, made, households=500_000)
    gap = 5000 * np.maximum(made.samples(2025) - (3.81 - 4 * 0.6), 0)
    assert answer.gap_median == pytest.approx(np.median(gap)) and answer.gap_high_80 == pytest.approx(
        np.quantile(gap, 0.9)
    )
    assert answer.gap_low_80 <= answer.gap_median <= answer.gap_high_80 and answer.households == 500_000
    # A target that cannot be met leaves everybody who is poor above it.
    none = answer_target(target(low=1.0, high=1.2), REVIEW, made, households=500_000)
    assert none.verdict.flag == NOT_ATTAINABLE and none.ever_below == 0.0 and none.first.never == 1.0
    assert none.gap_median == pytest.approx(5000 * np.median(made.samples(2025)))
    assert np.isnan(answer_target(target(), REVIEW, made).gap_median)
    known = answer_target(target(period_end=2023), REVIEW, made, households=1000)
    assert known.verdict.observed and known.gap_median == pytest.approx(
        10 * (2.07 - (3.81 - 1.2)) if 2.07 > 2.61 else 0.0
    )
    with pytest.raises(ParameterError, match="households is a number above zero"):
        answer_target(target(), REVIEW, made, households=0)


def test_zero_is_basically_none(made):
    answer = answer_target(
        target(kind="count_zero", period_start=pd.NA, period_end=2030, low=0.0, high=0.0), REVIEW, made
    )
    assert answer.verdict.goal == BASICALLY_NONE
    assert answer.verdict.probability == made.probability_at_most(BASICALLY_NONE, 2030)
    assert 0 < answer.verdict.probability < answer.ever_below <= 1


def test_half_is_half_of_the_base(made):
    answer = answer_target(target(kind="halving", low=np.nan, high=0.5, period_start=pd.NA), REVIEW, made)
    assert answer.verdict.goal == pytest.approx(3.81 / 2)


def test_half_by_a_year_counts_from_the_first_figure(made):
    answer = answer_target(target(kind="halving", low=np.nan, high=0.5, period_start=2025), REVIEW, made)
    assert answer.verdict.goal == pytest.approx(3.81 / 2) and answer.verdict.base_year == 2021


def test_a_share_that_leaves_is_a_net_fall(made):
    leaving = target(kind="share", indicator="share escaping poverty", low=30.0, high=30.0, period_start=pd.NA)
    answer = answer_target(leaving, REVIEW, made)
    assert answer.verdict.goal == pytest.approx(0.7 * 3.81) and answer.verdict.base_year == 2021
    with pytest.raises(NotAvailableError, match="use share_target on its own series"):
        answer_target(leaving | {"indicator": "new-rural certified communes"}, REVIEW, made)


def test_a_share_that_rises(made):
    assert share_target({2030: 66.0}, end_year=2030, at_least=65.0) == (1.0, "very_likely")
    probability, band = share_target(REVIEW, made, end_year=2025, at_least=1.0)
    assert probability == pytest.approx(np.mean(made.samples(2025) >= 1.0)) and band
    with pytest.raises(DataError, match="2025 is not observed"):
        share_target(REVIEW, end_year=2025, at_least=1.0)
    with pytest.raises(ParameterError, match="a share in percent"):
        share_target(REVIEW, made, end_year=2025, at_least=101)


def test_a_base_that_is_a_forecast_is_drawn_with_its_end(made):
    answer = answer_target(target(period_start=2026, period_end=2030, low=0.1, high=0.2), REVIEW, made)
    start, end = made.samples(2025), made.samples(2030)
    assert answer.verdict.probability == pytest.approx(np.mean((start - end) / 5 >= 0.1))
    assert answer.verdict.base == pytest.approx(np.median(start)) and not answer.verdict.observed
    steep = drawn_decline_target(REVIEW, made, base_year=2025, end_year=2030, at_least=1.0)
    assert steep.flag == NOT_ATTAINABLE
    flat = drawn_decline_target(REVIEW, made, base_year=2025, end_year=2030, at_least=0.05)
    assert flat.flag == ATTAINABLE and flat.required_pace == 0.05
    with pytest.raises(DataError, match="not after its base year"):
        drawn_decline_target(REVIEW, made, base_year=2025, end_year=2025, at_least=1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "other"}, "is of kind 'other'"),
        ({"period_end": pd.NA}, "has no period_end"),
        ({"period_end": 2040}, "runs from 2024 to 2030"),
        ({"period_end": 2019, "period_start": 2016}, "are of 2021-2023"),
        ({"low": np.nan, "high": np.nan}, "has no figure"),
    ],
)
def test_what_cannot_be_answered_says_why(made, changes, words):
    with pytest.raises(NotAvailableError) as caught:
        answer_target(target(**changes), REVIEW, made)
    assert words in str(caught.value)


# --- one table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OneSeries:
    area: str
    group: str
    concept: str
    family: str
    standard: str
    observed: pd.DataFrame
    forecast: Forecast


def series(area: str = "x-1", group: str = "all", concept: str = "poor", scale: float = 1.0) -> OneSeries:
    rows = pd.DataFrame({"area": area, "year": list(REVIEW), "value": [scale * v for v in REVIEW.values()]})
    return OneSeries(area, group, concept, "review", "s", rows, forecast(rows, horizon=7, draws=200))


def targets(*rows: dict[str, object]) -> pd.DataFrame:
    plain = {
        "area": "x-1",
        "group": "all",
        "concept": "poor",
        "whose": "province plan",
        "instrument": "plan",
        "status": "ok",
    }
    return pd.DataFrame([plain | {"same_as": "", "indicator": ""} | row for row in rows])


def test_all_areas_and_groups_in_one_table():
    made = [series(), series(group="khmer", scale=4.0), series(concept="poor_near_poor", scale=2.5), series(area="x-2")]
    asked = targets(
        target(target_id="a", low=0.75, high=0.8),
        target(target_id="b", group="khmer", low=3.0, high=4.0),
        target(target_id="c", kind="other"),
        target(target_id="d", same_as="a"),
        target(target_id="e", area="x-2", kind="level", low=np.nan, high=1.0, period_start=pd.NA),
    )
    table = answer_table(made, asked, households={("x-1", "all"): 500_000.0})
    assert tuple(table.columns) == ANSWER_COLUMNS
    assert table["target_id"].tolist() == ["a", "c", "b", "e"]
    by = table.set_index("target_id")
    assert by["available"].tolist() == [True, False, True, True] and "is of kind 'other'" in by.at["c", "reason"]
    assert by.at["a", "gap_high_80"] > 0 and np.isnan(by.at["b", "gap_median"])
    assert by.at["b", "group"] == "khmer" and by.at["e", "kind"] == "level"
    assert by.loc[["a", "b", "e"], "band"].notna().all()
    beside = answer_table(made, asked, every=True)
    assert beside["concept"].tolist().count("poor_near_poor") == 2


def test_the_plan_of_an_giang_and_of_its_minorities():
    from povstudy.projection.outlook import outlooks
    from povstudy.sources import load

    rates, known = load("rates"), load("targets")
    found = [o for o in outlooks(rates, "vn63-89", horizon=6, draws=500) if o.family == "review"]
    table = answer_table(found, known, households={("vn63-89", "all"): 526_877.0}).set_index("target_id")
    plan, minorities = table.loc["ag-plan-all-households"], table.loc["ag-plan-ethnic-minority-households"]
    assert plan["flag"] == NOT_ATTAINABLE and plan["largest"] == 0.9525 and plan["probability"] == 0.0
    assert minorities["attainable"] and 0 < minorities["probability"] < 1
    assert plan["gap_median"] > 1000
    half = table[table["kind"].eq("halving")]
    assert len(half) == 1 and half["concept"].item() == "poor_near_poor" and half["available"].item()
    assert table["available"].any() and (table.loc[~table["available"], "reason"].str.len() > 20).all()


def test_no_target_gives_an_empty_table_with_its_columns():
    assert tuple(answer_table([series(area="z")], targets(target())).columns) == ANSWER_COLUMNS


# --- a targets file of one's own -------------------------------------------------------------------------------------

HEADER = "target_id,area,concept,kind,period_start,period_end,low,high,binding,group\n"


def written(folder, *lines: str, header: str = HEADER):
    path = folder / "mine.csv"
    path.write_text(header + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_targets_file_stands_beside_ours(tmp_path):
    from povstudy.sources import load

    path = written(
        tmp_path,
        "mine-1,x-1,poor,annual_decline,2021,2025,0.5,,,",
        "mine-2,x-1,poor,level,,2025,,1.0,no,khmer",
        "mine-3,x-1,poor,count_zero,,2030,,,,",
    )
    mine = read_targets(path)
    assert tuple(mine.columns) == COLUMNS == tuple(load("targets").columns)
    assert mine["group"].tolist() == ["all", "khmer", "all"] and mine["whose"].eq("user").all()
    assert mine["binding"].tolist() == [True, False, True] and mine["file"].eq("mine.csv").all()
    assert mine["unit"].tolist() == ["pp/year", "%", ""]
    both = pd.concat([load("targets"), mine], ignore_index=True)
    table = answer_table([series()], both)
    assert table["target_id"].tolist() == ["mine-1", "mine-3"] and table["available"].all()


def test_five_columns_are_enough(tmp_path):
    header = "target_id,area,concept,kind,period_end,low\n"
    mine = read_targets(written(tmp_path, "a,x-1,poor,annual_decline,2025,0.5", header=header))
    assert len(mine) == 1 and mine["period_start"].isna().all() and np.isnan(mine.at[0, "high"])


def test_all_faults_of_a_file_at_once(tmp_path):
    path = written(
        tmp_path,
        "a,x-1,poor,anual_decline,2021,2025,0.5,,,",
        "b,x-1,poor,level,2021,twenty,,1.0,,",
        "c,x-1,poor,level,2026,2025,,,,",
        "d,,poor,annual_decline,2021,2025,2.0,1.0,maybe,",
        "e,x-1,poor,halving,2021,2025,,50,,",
        "e,x-1,poor,level,,2025,,105,,",
    )
    with pytest.raises(DataError) as caught:
        read_targets(path)
    message = str(caught.value)
    for words in (
        "Did you mean 'annual_decline'",
        "'twenty'",
        "a figure in low or in high",
        "at most the year in period_end",
        "at most the figure in high",
        "'maybe'",
        "a ratio to the base of at most 1",
        "'105'",
        "area",
    ):
        assert words in message, words
    assert "<script>" not in message


def test_half_is_a_ratio_and_not_fifty(tmp_path):
    with pytest.raises(DataError, match="a ratio to the base of at most 1"):
        read_targets(written(tmp_path, "e,x-1,poor,halving,2021,2025,,50,,"))
    assert read_targets(written(tmp_path, "e,x-1,poor,halving,2021,2025,,0.5,,")).at[0, "high"] == 0.5


def test_a_figure_is_asked_for_where_no_column_could_hold_one(tmp_path):
    header = "target_id,area,concept,kind,period_end\n"
    with pytest.raises(DataError, match=r"line 2, column low: got '', allowed: a figure in low or in high") as caught:
        read_targets(written(tmp_path, "a,x-1,poor,level,20x", header=header))
    assert "column period_end: got '20x'" in str(caught.value)


def test_a_missing_column_and_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="kind"):
        read_targets(written(tmp_path, "a,x-1,poor,2025", header="target_id,area,concept,period_end\n"))
    with pytest.raises(DataError, match=r"mine\.csv|nothing"):
        read_targets(tmp_path / "nothing.csv")


@pytest.mark.parametrize("text", ['"); import os #', "<script>alert(1)</script>", "../../x", "=cmd()"])
def test_a_hostile_name_is_only_a_name(tmp_path, text):
    quoted = '"' + text.replace('"', '""') + '"'
    mine = read_targets(written(tmp_path, f"{quoted},x-1,poor,level,,2025,,1.0,,"))
    assert mine.at[0, "target_id"] == text
    assert answer_table([series()], mine)["target_id"].tolist() == [text]


def test_the_schema_says_what_each_column_means():
    assert all(len(field.description) > 10 for field in TARGET_FILE.fields)
    assert {field.name for field in TARGET_FILE.fields if field.required} == {
        "target_id",
        "area",
        "concept",
        "kind",
        "period_end",
    }

"""The backtest: no look ahead, scores by hand, and the published figures of the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from povstudy.errors import DataError, ParameterError
from povstudy.projection import METHODS, Method, backtest
from povstudy.projection.backtest import BACKTEST_COLUMNS, GRID, backtest_cases
from povstudy.projection.scores import crps_of_quantiles, interval_score, pinball, weighted_interval_score

RUN = [m for m in METHODS if m != "plan_path"]


def panel(count: int = 14, points: int = 8, seed: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    z = np.linspace(0.0, -3.0, count)[:, None] - np.cumsum(0.2 + 0.1 * random.standard_normal((count, points)), axis=1)
    rows = pd.DataFrame(
        {
            "area": np.repeat([f"a{i:02d}" for i in range(count)], points),
            "year": np.tile(np.arange(2010, 2010 + points), count),
            "value": (100 / (1 + np.exp(-z))).ravel(),
            "parent": "top",
        }
    )
    top = rows.groupby("year", as_index=False)["value"].mean().assign(area="top")
    return pd.concat([rows, top], ignore_index=True)


def test_the_contract_of_the_columns():
    scores = backtest(panel(), methods=RUN, horizons=(1, 3))
    assert tuple(scores.columns) == BACKTEST_COLUMNS
    assert scores["method"].tolist() == [m for m in RUN for _ in (1, 3)]
    assert (scores["n"] == [14 * 4, 14 * 2] * len(RUN)).all()
    assert (scores["target_years"] == [4, 2] * len(RUN)).all()


def test_scores_by_hand():
    rows = pd.DataFrame({"area": "a", "year": range(2010, 2015), "value": [9.0, 8.0, 7.0, 5.0, 6.0]})
    scores = backtest(rows, methods=["last_value", "linear_pp"], horizons=[1], min_points=2).set_index("method")
    assert scores.loc["last_value", "mae"] == pytest.approx((1 + 2 + 1) / 3)
    assert scores.loc["last_value", "bias"] == pytest.approx((1 + 2 - 1) / 3)
    own = np.array([7.0, 6.0, 5 - 4 / 3]) - [7.0, 5.0, 6.0]
    assert scores.loc["linear_pp", "mae"] == pytest.approx(np.abs(own).mean())
    assert scores.loc["linear_pp", "relative_mae"] == pytest.approx(np.abs(own).mean() / (4 / 3))
    assert scores.loc["last_value", "relative_mae_own"] == pytest.approx((4 / 3) / np.abs(own).mean())


def test_later_figures_do_not_change_earlier_forecasts():
    rows = panel()
    rows["value"] = rows["value"].round(2)
    altered = rows.assign(value=rows["value"].where(rows["year"].le(2014), 99.0 - rows["value"] / 3))
    for method in RUN:
        one, two = (
            backtest_cases(p, methods=[method], horizons=(1, 2, 3)).query("origin_year <= 2014")
            for p in (rows, altered)
        )
        keys = ["area", "origin_year", "horizon"]
        columns = ["median", "low_80", "high_80", "low_95", "high_95"]
        assert len(one) > 14
        one, two = (cases.set_index(keys)[columns].sort_index() for cases in (one, two))
        pd.testing.assert_frame_equal(one, two, rtol=1e-12, obj=method)


def test_the_parents_later_years_are_hidden():
    rows = panel()
    late = rows["area"].eq("top") & rows["year"].gt(2013)
    altered = rows.assign(value=rows["value"].where(~late, 0.1))
    one, two = (
        backtest_cases(p, methods=["default"], horizons=(1,)).query("origin_year == 2013") for p in (rows, altered)
    )
    assert len(one) == 14 and one["median"].tolist() == pytest.approx(two["median"].tolist(), rel=1e-12)


def test_an_area_not_seen_at_the_origin_is_not_scored():
    rows = panel()
    rows = rows[~(rows["area"].eq("a00") & rows["year"].eq(2014))]
    cases = backtest_cases(rows, methods=["last_value"], horizons=(1,))
    assert "a00" not in set(cases.query("origin_year == 2014")["area"])
    assert "a00" in set(cases.query("origin_year == 2015")["area"])
    assert not (cases["area"].eq("a00") & cases["target_year"].eq(2014)).any()


def test_min_points_and_window_limit_what_is_scored():
    assert backtest(panel(), methods=["last_value"], horizons=[1], min_points=7)["target_years"].tolist() == [1]
    with pytest.raises(DataError, match="no origin has an area with 5 figures in 4 years"):
        backtest(panel(), methods=["last_value"], horizons=[1], min_points=5, window=4)
    short, long = (
        backtest(panel(), methods=["linear_pp"], horizons=[1], min_points=4, window=w)["mae"][0] for w in (4, 8)
    )
    assert short != long


def test_a_horizon_without_a_target_has_no_score():
    scores = backtest(panel(), methods=["last_value"], horizons=(1, 20))
    assert scores["n"].tolist()[1] == 0 and np.isnan(scores["mae"][1])


def test_a_method_that_needs_a_parent_has_no_case_without():
    rows = panel()
    rows = rows[rows["area"].ne("top")].drop(columns="parent")
    scores = backtest(rows, methods=["national_first", "eb_drift"], horizons=[1])
    assert scores["n"].tolist() == [0, 56]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": []}, "name at least one"),
        ({"methods": ["plan_path"]}, "has no backtest here"),
        ({"methods": ["eb_drif"]}, "Did you mean 'eb_drift'"),
        ({"methods": ["eb_drift", "eb_drift"]}, "each once"),
        ({"horizons": (0,)}, "horizons must be a whole number of 1 or more"),
        ({"horizons": (1, 1)}, "each once"),
        ({"min_points": 0}, "min_points must be"),
        ({"window": 2.5}, "window must be"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ParameterError) as caught:
        backtest(panel(), **({"methods": ["last_value"]} | options))
    assert words in str(caught.value)


def test_crps_against_numerical_integration():
    law = stats.norm(3.0, 1.5)
    for observed in (1.0, 3.2, 9.0):
        exact = integrate.quad(lambda x, y=observed: (law.cdf(x) - (x >= y)) ** 2, -20, 30, points=[observed])[0]
        quantiles = law.ppf(GRID)[:, None]
        assert crps_of_quantiles(np.array([observed]), quantiles, GRID)[0] == pytest.approx(exact, abs=0.01)


def test_interval_scores_by_hand():
    assert pinball(np.array(1.0), np.array(2.0), 0.9) == pytest.approx(0.1)
    assert interval_score(np.array(1.0), np.array(2.0), np.array(4.0), 0.5) == pytest.approx(2 + 4 * 1)
    wis = weighted_interval_score(
        np.array([1.0]),
        np.array([3.0]),
        {0.5: (np.array([2.0]), np.array([4.0])), 0.8: (np.array([0.0]), np.array([6.0]))},
    )
    assert wis[0] == pytest.approx((0.5 * 2 + 0.25 * 6 + 0.1 * 6) / 2.5)


def test_coverage_counts_the_ends_in():
    rows = pd.DataFrame({"area": "a", "year": range(2010, 2016), "value": 5.0})
    scores = backtest(rows, methods=["last_value"], horizons=[1])
    assert scores["coverage_50"][0] == 1.0 and scores["width_80"][0] > 0


# --- ../shared/reference/projection.md, section 4.3, from the shipped figures -----------------------------------------

NATIONAL = {"floor": 1 / 8}
VARIANTS = (
    Method("last_value"),
    Method("linear_pp"),
    Method("logistic"),
    Method("eb_drift", label="eb_1", damping=1.0),
    Method("eb_drift", label="eb_.9"),
    Method("panel_drift"),
    Method("national_first", label="nf_pp", scale="pp", **NATIONAL),
    Method("national_first", label="nf_logit", scale="logit", **NATIONAL),
    Method("national_first", label="nf_both_.9", damping=0.9, **NATIONAL),
)
SPELLS = {
    "2010-16": ("gso-income-2011-2015", 3, {1: 188, 2: 125, 3: 62}),
    "2016-21": ("nso-mdp-2016-2020", 3, {1: 189, 2: 126, 3: 63}),
    "2022-25": ("nso-mdp-2022-2025", 2, {1: 126, 2: 63}),
}
PUBLISHED = {
    "2010-16": {
        "last_value": (1.782, 3.542, 5.400),
        "linear_pp": (0.472, 0.948, 1.435),
        "logistic": (0.504, 0.994, 1.604),
        "eb_1": (0.447, 0.867, 1.398),
        "eb_.9": (0.547, 1.165, 2.001),
        "panel_drift": (0.400, 0.724, 1.057),
        "nf_pp": (0.390, 0.644, 0.755),
        "nf_logit": (0.480, 0.929, 1.501),
        "nf_both_.9": (0.447, 0.919, 1.624),
    },
    "2016-21": {
        "last_value": (0.954, 1.894, 2.862),
        "linear_pp": (0.528, 1.158, 1.781),
        "logistic": (0.288, 0.514, 0.653),
        "eb_1": (0.392, 0.759, 1.070),
        "eb_.9": (0.308, 0.503, 0.553),
        "panel_drift": (0.415, 0.782, 1.070),
        "nf_pp": (0.520, 1.152, 1.817),
        "nf_logit": (0.272, 0.498, 0.651),
        "nf_both_.9": (0.301, 0.513, 0.581),
    },
    "2022-25": {
        "last_value": (1.666, 3.280),
        "linear_pp": (0.806, 1.627),
        "logistic": (0.852, 1.774),
        "panel_drift": (0.660, 1.289),
        "nf_pp": (0.557, 1.085),
        "nf_logit": (0.774, 1.587),
        "nf_both_.9": (0.733, 1.566),
    },
}


def spell_panel(standard: str) -> pd.DataFrame:
    """The 63 provinces on one standard, 2025 included; the nation is their unweighted mean."""
    from povstudy.sources import load, rate_panel

    rows = rate_panel(load("rates"), standard=standard, parent=None, min_confidence="low")
    rows = rows.assign(parent="mean", weight=1.0, std_error=np.nan)
    mean = rows.groupby("year", as_index=False)["value"].mean().assign(area="mean", standard=standard)
    return pd.concat([rows, mean], ignore_index=True)


@pytest.fixture(scope="module")
def reproduced() -> dict[str, pd.DataFrame]:
    return {
        spell: backtest(spell_panel(standard), methods=VARIANTS, horizons=tuple(counts), min_points=points)
        for spell, (standard, points, counts) in SPELLS.items()
    }


@pytest.mark.parametrize(
    ("spell", "method", "horizon", "mae"),
    [
        (spell, method, horizon, mae)
        for spell, table in PUBLISHED.items()
        for method, maes in table.items()
        for horizon, mae in enumerate(maes, start=1)
    ],
)
def test_section_4_3(reproduced, spell, method, horizon, mae):
    scores = reproduced[spell]
    row = scores[scores["method"].eq(method) & scores["horizon"].eq(horizon)].iloc[0]
    assert row["n"] == SPELLS[spell][2][horizon]
    assert row["mae"] == pytest.approx(mae, abs=0.005)


def published_panel(standard: str, parent: str | None = "vn") -> pd.DataFrame:
    from povstudy.sources import load, rate_panel

    return rate_panel(load("rates"), standard=standard, parent=parent, min_confidence="low")


@pytest.mark.parametrize("parent", ["vn", None])
@pytest.mark.parametrize("spell", SPELLS)
def test_the_default_beats_last_value_and_the_own_pp_path_in_every_spell(spell, parent):
    standard, points, counts = SPELLS[spell]
    panel = published_panel(standard, parent)
    scores = backtest(panel, methods=["default"], horizons=tuple(counts), min_points=points)
    assert scores["n"].tolist() == list(counts.values())
    assert (scores["relative_mae"] < 0.5).all() and (scores["relative_mae_own"] < 0.92).all()


def test_the_rates_of_countries_hold_together():
    # scripts/data/README.md: what a slip of the copying hand would break.
    table = pd.read_csv(Path(__file__).resolve().parents[1] / "scripts" / "data" / "wdi_poverty.csv")
    national, low, high = (table[f"SI.POV.{line}"] for line in ("NAHC", "DDAY", "UMIC"))
    assert not table.duplicated(["code", "year"]).any() and table.groupby("code")["country"].nunique().eq(1).all()
    assert (low.notna() == high.notna()).all() and (low <= high)[low.notna()].all()
    assert (national.notna().sum(), low.notna().sum(), table["code"].nunique()) == (1050, 2351, 175)
    figures = pd.concat([national, low, high]).dropna()
    assert figures.between(0, 100).all() and np.allclose(figures.mul(10), figures.mul(10).round())
    vietnam = table[table["code"].eq("VNM")].set_index("year")
    assert (vietnam.loc[2022, "SI.POV.NAHC"], vietnam.loc[1992, "SI.POV.UMIC"]) == (4.3, 94.8)

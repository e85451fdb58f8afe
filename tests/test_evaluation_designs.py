"""Synthetic controls, discontinuities, cross-sections, sensitivity, strength, comparisons."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from povstudy.errors import DataError, ParameterError, StandardError
from povstudy.evaluation import (
    Effect,
    compare_falls,
    did,
    doubly_robust,
    event_study,
    grade_design,
    heaping,
    honest_did,
    in_time_placebos,
    regression_discontinuity,
    relative_jumps,
    review_discontinuity,
    synthetic_control,
    synthetic_did,
)
from povstudy.evaluation.local_polynomial import nearest_residuals
from povstudy.evaluation.sensitivity import smooth_interval
from povstudy.evaluation.weights import simplex_weights

# --- synthetic controls ---------------------------------------------------------------------------------------------


def factor_panel(units: int = 22, periods: int = 9, treated: int = 1, effect: float = 3.0) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    loading, factor = rng.normal(size=(units, 2)), rng.normal(size=(2, periods)).cumsum(axis=1)
    y = loading @ factor + 0.2 * rng.normal(size=(units, periods))
    y[:treated, 6:] += effect
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    return pd.DataFrame(
        {"area": unit, "year": time, "rate": y.ravel(), "treated": ((unit < treated) & (time >= 6)).astype(int)}
    )


BLOCK = {"outcome": "rate", "unit": "area", "time": "year", "treatment": "treated"}


@pytest.mark.parametrize("method", ["demeaned", "outcome", "synthdid_control"])
def test_synthetic_control_shows_its_checks(method):
    effect = synthetic_control(factor_panel(), method=method, **BLOCK)
    parts = effect.table.groupby("part")["value"]
    assert parts.size()["placebo in space"] == 21
    assert set(effect.table["label"][effect.table["part"] == "placebo in time"]) == {"2", "3", "4", "5"}
    assert parts.size()["leave one out"] == parts.size()["unit weight"]
    assert parts.sum()["unit weight"] == pytest.approx(1.0, abs=0.02)
    assert effect.inference.startswith("placebo rank, effect, 21 placebo groups of 1")
    assert any("more controls than periods" in w for w in effect.warnings)
    assert effect.p_value * 22 == pytest.approx(round(effect.p_value * 22))


def test_one_to_three_treated_units_get_placebos_only():
    for treated in (1, 3):
        effect = synthetic_did(factor_panel(treated=treated), **BLOCK)
        assert effect.inference.startswith(
            f"placebo rank, effect, {21 if treated == 1 else 200} placebo groups of {treated}"
        )
        assert any("not that the programme caused it" in w for w in effect.warnings)
    many = synthetic_did(factor_panel(treated=4), **BLOCK)
    assert many.inference.startswith("jackknife over 22 units")
    with pytest.raises(ParameterError, match="a jackknife needs two or more treated units"):
        synthetic_did(factor_panel(), inference="jackknife", **BLOCK)


def test_too_few_controls_cannot_be_tested():
    effect = synthetic_did(factor_panel(units=8), **BLOCK)
    assert effect.inference.startswith("cannot be tested: 7 placebo groups") and not effect.testable


def test_gaps_are_ranked_in_units_of_the_misfit_where_there_is_one(shared):
    """Abadie's ratio: 31 years, 38 states."""
    data = pd.read_csv(shared / "golden" / "interventions" / "prop99.csv")
    effect = synthetic_control(
        data, outcome="PacksPerCapita", unit="State", time="Year", treatment="treated", method="outcome"
    )
    assert effect.inference.startswith("placebo rank, gap after the start over misfit before, 38 placebo groups of 1")
    assert effect.p_value == pytest.approx(3 / 39)


def test_a_placebo_interval_agrees_with_its_rank():
    for size in (0.0, 6.0):
        effect = synthetic_control(factor_panel(effect=size), **BLOCK)
        assert (effect.p_value <= 0.05) == (effect.low > 0 or effect.high < 0)


def test_the_highest_rank_among_21_placebos_is_one_of_22():
    for estimator in (synthetic_control, synthetic_did):
        assert estimator(factor_panel(effect=1e4), **BLOCK).p_value == pytest.approx(1 / 22)


def test_trap_g_predictor_weights_print_their_loss_and_are_not_the_default(shared):
    """Trap G: the nested form depends on where its search starts."""
    data = pd.read_csv(shared / "golden" / "interventions" / "basque.csv")
    data = data[(data["regionno"] != 1) & (data["year"] >= 1960)].assign(
        year=lambda d: d["year"].astype(int),
        treated=lambda d: (d["regionname"].str.startswith("Basque") & (d["year"] >= 1970)).astype(int),
    )
    columns = {"outcome": "gdpcap", "unit": "regionname", "time": "year", "treatment": "treated"}
    effect = synthetic_control(
        data, method="predictors", predictors={"gdpcap": range(1960, 1970), "popdens": [1969]}, starts=1, **columns
    )
    assert re.search(r"best of 1 starts, loss 0\.0\d+", effect.method)
    assert "loss" in set(effect.table["part"])
    assert any("changed the sign of published estimates" in w for w in effect.warnings)
    assert effect.inference.startswith("not tested") and not effect.has_interval
    assert synthetic_control(data, **columns).method == "demeaned synthetic control"
    with pytest.raises(ParameterError, match="needs predictors="):
        synthetic_control(data, method="predictors", **columns)


def test_simplex_weights_solve_their_problem():
    rng = np.random.default_rng(0)
    donors = rng.normal(size=(12, 6))
    target = donors @ np.array([0.5, 0.3, 0.2, 0, 0, 0]) + 0.01 * rng.normal(size=12)
    w = simplex_weights(target, donors)
    assert w.min() >= 0 and w.sum() == pytest.approx(1.0)
    best = np.sum((target - donors @ w) ** 2)
    for _ in range(200):
        other = rng.dirichlet(np.ones(6))
        near = 0.99 * w + 0.01 * other
        assert np.sum((target - donors @ near) ** 2) >= best - 1e-8


def test_in_time_placebos_of_all_provinces(shared):
    """How large "effects" of nothing are: 63 provinces, a programme invented in 2019."""
    raw = pd.read_csv(shared / "data" / "vietnam_panel.csv", dtype={"area_code": str})
    rows = raw[(raw["indicator"] == "poverty_rate_multidimensional") & (raw["area_level"] == "province")]
    rows = rows[rows["year"].between(2016, 2021) & (rows["population_group"] == "all")]
    table = pd.DataFrame(
        {
            "area": "vn63-" + rows["area_code"],
            "year": rows["year"],
            "value": rows["value"],
            "standard": "nso-mdp-2016-2020",
        }
    )
    found = in_time_placebos(table, outcome="value", unit="area", time="year", start=2019)
    assert len(found) == 63 and set(found["rank"]) <= set(range(1, 64))
    assert 0.2 < found["effect"].std() < 1.5
    with pytest.raises(StandardError):
        in_time_placebos(
            table.assign(standard=np.where(table["year"] > 2018, "nso-mdp-2022-2025", "nso-mdp-2016-2020")),
            outcome="value",
            unit="area",
            time="year",
            start=2019,
        )


# --- discontinuity ----------


def test_nearest_residuals_by_hand():
    """Scores 0, 1, 1, 4: ties are taken whole; three neighbours of each."""
    u, y = np.array([0.0, 1.0, 1.0, 4.0]), np.array([[1.0], [2.0], [6.0], [3.0]])
    found = nearest_residuals(u, y, 2).ravel()
    by_hand = [
        np.sqrt(2 / 3) * (1 - (2 + 6) / 2),
        np.sqrt(2 / 3) * (2 - (6 + 1) / 2),
        np.sqrt(2 / 3) * (6 - (2 + 1) / 2),
        np.sqrt(2 / 3) * (3 - (2 + 6) / 2),
    ]
    assert found.tolist() == pytest.approx(by_hand)


def test_discontinuity_agrees_with_diff_diff_sharp_and_fuzzy(shared):
    import diff_diff

    senate = pd.read_csv(shared / "golden" / "interventions" / "rd_senate.csv").dropna(subset=["vote"])
    ours = regression_discontinuity(senate, outcome="vote", score="margin")
    theirs = diff_diff.RegressionDiscontinuity().fit(senate, outcome="vote", running="margin")
    assert (ours.low, ours.high) == pytest.approx(theirs.conf_int, abs=1e-6)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 2000)
    t = (rng.uniform(size=2000) < 0.2 + 0.5 * (x >= 0)).astype(int)
    table = pd.DataFrame({"x": x, "t": t, "y": x + 2 * t + rng.normal(size=2000)})
    ours = regression_discontinuity(table, outcome="y", score="x", takeup="t", bandwidth=0.4, bias_bandwidth=0.5)
    theirs = diff_diff.RegressionDiscontinuity(h=0.4, b=0.5).fit(table, outcome="y", running="x", takeup="t")
    assert ours.estimate == pytest.approx(theirs.att_conventional, abs=1e-9)
    assert (ours.low, ours.high) == pytest.approx(theirs.conf_int, abs=1e-8)


def test_clustered_errors_of_the_discontinuity(shared):
    """rdrobust 2.1.1 (run once): clustered by locality, rho 1: h .404589, estimate -22.974, [-56.731, 54.279]."""
    data = pd.read_csv(shared / "golden" / "interventions" / "progresa_rd_urban.csv").dropna()
    effect = regression_discontinuity(data, outcome="conspcfood_t1", score="index", cluster="clus", rho=1)
    values = effect.table.set_index("part")["value"]
    assert values["bandwidth"] == pytest.approx(0.404589, abs=1e-6)
    assert effect.estimate == pytest.approx(-22.974, abs=5e-4)
    assert (effect.low, effect.high) == pytest.approx((-56.731, 54.279), abs=5e-4)
    assert values["conventional standard error"] == pytest.approx(21.766, abs=5e-4)
    assert effect.clusters == data["clus"].nunique()


def test_treated_below_includes_the_cut_off(shared):
    data = pd.read_csv(shared / "golden" / "interventions" / "rd_senate.csv").dropna(subset=["vote"])
    above = regression_discontinuity(data, outcome="vote", score="margin")
    mirrored = data.assign(margin=-data["margin"])
    below = regression_discontinuity(mirrored, outcome="vote", score="margin", treated_side="below")
    assert below.estimate == pytest.approx(above.estimate, abs=1e-9)


def test_a_weak_first_stage_prints_no_number_that_looks_fine():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, 800)
    table = pd.DataFrame({"x": x, "t": (rng.uniform(size=800) < 0.5).astype(int), "y": x + rng.normal(size=800)})
    effect = regression_discontinuity(table, outcome="y", score="x", takeup="t")
    assert any("Take-up hardly jumps" in w for w in effect.warnings)
    assert effect.spans_zero


def review_table(seed: int = 0, heap: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 5000
    table = pd.DataFrame(
        {"b1": rng.integers(100, 220, n), "b2": 10 * rng.integers(0, 8, n), "urban": rng.integers(0, 2, n)}
    )
    if heap:
        table.loc[(table["b1"] == 141) & (table["urban"] == 0), "b1"] = 140
        table.loc[table["b1"].between(142, 143) & (table["urban"] == 0), "b1"] = 140
    poor = (table["b1"] <= np.where(table["urban"] == 1, 175, 140)) & (table["b2"] >= 30)
    return table.assign(schooling=0.02 * table["b1"] + 2.0 * poor + rng.normal(size=n))


REVIEW = {"outcome": "schooling", "standard": "vn_2022_2025_nd07"}


def test_the_review_is_compared_on_b1_within_b2_and_below():
    found = review_discontinuity(review_table(), measured="outside", **REVIEW)
    assert found.cutoffs.set_index("area")["b1_max"].to_dict() == {"rural": 140, "urban": 175}
    assert found.deprived.low < 2.0 < found.deprived.high and found.deprived.low > 0
    assert found.other.spans_zero
    assert "poor or not" in found.deprived.design and "near-poor or not" in found.other.design
    assert not found.heaping.empty


def test_heaping_at_the_line_is_said_before_any_estimate():
    found = review_discontinuity(review_table(heap=True), measured="outside", **REVIEW)
    assert re.search(r"Heaping: \d+ rows stand on 0 from the cut-off", found.heaping_words)
    assert "Heaping" in found.deprived.warnings[0]


def test_a_coarse_score_is_locally_randomised():
    table = review_table().assign(b1=lambda d: d["b1"] // 5 * 5)
    found = review_discontinuity(table, measured="outside", **REVIEW)
    assert found.deprived.method.startswith("regression discontinuity by local randomisation")
    assert found.deprived.inference.startswith("local randomisation") and np.isnan(found.deprived.std_error)
    by_score = regression_discontinuity(
        table,
        outcome="schooling",
        score="b1",
        cutoff=140,
        treated_side="below",
        method="local_linear",
        bandwidth=30,
        cluster="b1",
    )
    assert "clustered (CR1) by 'b1'" in by_score.inference


def test_b2_and_outcomes_inside_the_score_are_refused():
    table = review_table().assign(tv=0.0)
    with pytest.raises(ParameterError, match="B2 counts deprivations in steps"):
        review_discontinuity(table, measured="outside", running="b2", **REVIEW)
    for extra in ({"measured": "score"}, {"measured": "outside", "score_items": ["schooling"]}):
        with pytest.raises(ParameterError, match="part of the review's score"):
            review_discontinuity(table, **REVIEW, **extra)
    with pytest.raises(DataError, match="no review lines on file"):
        review_discontinuity(table, outcome="schooling", standard="vn_2006_2010_qd170", measured="outside")


def test_missing_outcomes_are_counted_by_side():
    table = review_table()
    table.loc[table.index[:30], "schooling"] = np.nan
    with pytest.raises(DataError, match=r"missing in \d+ of \d+ rows on the treated side and \d+ of \d+ on the other"):
        regression_discontinuity(table, outcome="schooling", score="b1", cutoff=140)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bandwidth": -1}, "bandwidth is -1; it must be above zero"),
        ({"donut": -0.1}, "donut is -0.1"),
        ({"treated_side": "left"}, "treated_side='left' is not possible"),
        ({"cutoff": 900}, "0 rows on the treated side of 900"),
    ],
)
def test_impossible_discontinuities_are_refused(arguments, message):
    with pytest.raises((ParameterError, DataError), match=message):
        regression_discontinuity(review_table(), outcome="schooling", score="b1", **({"cutoff": 140} | arguments))


def test_a_donut_leaves_rows_out():
    table = review_table(2)
    whole = regression_discontinuity(
        table, outcome="schooling", score="b1", cutoff=160, treated_side="below", method="local_linear"
    )
    ring = regression_discontinuity(
        table, outcome="schooling", score="b1", cutoff=160, treated_side="below", donut=3, method="local_linear"
    )
    assert whole.n - ring.n == (table["b1"] - 160).abs().lt(3).sum()
    assert any("Donut" in w for w in ring.warnings)


def test_heaping_needs_a_discrete_score():
    assert heaping(np.random.default_rng(0).normal(size=500))[1] == ""


# --- cross-sections -------------------------------------------------------------------------------------------------


def test_doubly_robust_equals_statsmodels():
    from pathlib import Path

    import statsmodels.treatment.tests as tests_of_statsmodels
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.regression.linear_model import OLS
    from statsmodels.treatment.treatment_effects import TreatmentEffect

    data = pd.read_csv(Path(tests_of_statsmodels.__file__).parent / "results" / "cataneo2.csv")
    outcome, selection = ["prenatal1_", "mmarried_", "mage"], ["mmarried_", "mage", "medu"]
    treated = data["mbsmoke_"].to_numpy().astype(int)
    z = np.column_stack([np.ones(len(data)), data[selection]])
    x = np.column_stack([np.ones(len(data)), data[outcome]])
    theirs = TreatmentEffect(OLS(data["bweight"].to_numpy(), x), treated, results_select=Logit(treated, z).fit(disp=0))
    for method in ("ra", "ipw", "aipw", "aipw_wls", "ipw_ra"):
        ours = doubly_robust(
            data, outcome="bweight", treatment="mbsmoke_", covariates=outcome, propensity=selection, method=method
        )
        assert ours.estimate == pytest.approx(getattr(theirs, method)(return_results=False)[0], abs=1e-4)


def trial(n: int = 600, clusters: int = 60, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 10, n)
    commune = rng.integers(0, clusters, n)
    helped = (rng.uniform(size=n) < 1 / (1 + np.exp(-(age - 40) / 15))).astype(int)
    return pd.DataFrame(
        {"age": age, "commune": commune, "helped": helped, "income": 0.1 * age + 1.5 * helped + rng.normal(size=n)}
    )


def test_overlap_balance_and_trimming_are_shown():
    effect = doubly_robust(trial(), outcome="income", treatment="helped", covariates=["age"], trim=0.1)
    assert abs(effect.table["difference"].item()) > 0.2 > abs(effect.table["difference_weighted"].item())
    assert any(w.startswith("Fitted probabilities of treatment:") for w in effect.warnings)
    assert any(re.match(r"Trimmed at 0.1: \d+ treated and \d+ untreated", w) for w in effect.warnings)
    assert any("nothing unseen differs" in w for w in effect.warnings)
    assert effect.low < 1.5 < effect.high


def test_no_overlap_is_refused_not_extrapolated():
    table = trial().assign(helped=lambda d: (d["age"] > 45).astype(int))
    with pytest.raises(DataError, match=r"separate|nobody comparable|does not converge"):
        doubly_robust(table, outcome="income", treatment="helped", covariates=["age"])


def test_the_naive_comparison_of_the_famous_experiment_is_graded_lowest(shared):
    folder = shared / "golden" / "interventions"
    experiment = pd.read_csv(folder / "nsw_dw.csv")
    survey = pd.concat([experiment[experiment["treat"] == 1], pd.read_csv(folder / "cps_mixtape.csv.gz")])
    columns = {"outcome": "re78", "treatment": "treat"}
    by_lot = doubly_robust(experiment, method="means", placement="random", **columns)
    naive = doubly_robust(survey, method="means", **columns)
    covariates = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]
    with pytest.raises(DataError, match="target='treated'"):
        doubly_robust(survey, covariates=covariates, **columns)
    adjusted = doubly_robust(survey, covariates=covariates, method="ipw_ra", target="treated", **columns)
    assert by_lot.low < adjusted.estimate < by_lot.high
    assert naive.high < 0 < by_lot.low
    assert grade_design(by_lot).grade == 5 > grade_design(adjusted).grade > grade_design(naive).grade == 1


def test_few_clusters_in_a_cross_section_are_permuted():
    table = trial().assign(helped=lambda d: (d["commune"] < 4).astype(int))
    effect = doubly_robust(
        table, outcome="income", treatment="helped", covariates=["age"], cluster="commune", method="ols"
    )
    assert effect.inference.startswith("placebo rank") and np.isnan(effect.std_error)
    assert (effect.clusters, effect.treated_clusters) == (60, 4)
    many = doubly_robust(trial(), outcome="income", treatment="helped", covariates=["age"], cluster="commune")
    assert "clustered, t(59), 60 clusters" in many.inference


def test_clusters_of_one_row_change_nothing_but_the_small_sample():
    table = trial().assign(own=lambda d: np.arange(len(d)))
    plain = doubly_robust(table, outcome="income", treatment="helped", covariates=["age"])
    own = doubly_robust(table, outcome="income", treatment="helped", covariates=["age"], cluster="own")
    assert own.std_error == pytest.approx(plain.std_error * np.sqrt(600 / 599), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(helped=1), "every row has 'helped' = 1; there is nobody to compare with"),
        (
            lambda d: d.assign(income=d["income"].where((d["helped"] == 0) | (d.index > 50))),
            r"'income' is missing in \d+ of \d+ treated and 0 of \d+ untreated rows",
        ),
        (lambda d: d.assign(helped=d["helped"] * 2), "must be 0 or 1"),
        (lambda d: d.iloc[:0], "the table has no rows"),
    ],
)
def test_broken_cross_sections_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        doubly_robust(change(trial()), outcome="income", treatment="helped", covariates=["age"])


# --- sensitivity ----------


def vat_reform(shared) -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_csv(shared / "golden" / "interventions" / "honestdid_BC.csv")
    return table["betahat"].to_numpy(), table.filter(like="v").to_numpy()


@pytest.mark.parametrize("m", [0.0, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("weights", [[1, 0, 0, 0], [0.25] * 4])
def test_smooth_intervals_equal_diff_diff(shared, m, weights):
    """Benzarti and Carloni's event study: HonestDiD's smoothness intervals, which diff-diff reproduces."""
    import diff_diff

    beta, v = vat_reform(shared)
    periods = [-4, -3, -2, -1, 1, 2, 3, 4]
    effects = {
        p: diff_diff.PeriodEffect(p, b, s, 0, 1, (0, 0))
        for p, b, s in zip(periods, beta, np.sqrt(np.diag(v)), strict=True)
    }
    study = diff_diff.MultiPeriodDiDResults(
        effects,
        0,
        1,
        0,
        1,
        (0, 0),
        10,
        5,
        5,
        periods[:4],
        periods[4:],
        vcov=v,
        interaction_indices={p: i for i, p in enumerate(periods)},
        reference_period=0,
    )
    theirs = diff_diff.HonestDiD(method="smoothness", M=m, l_vec=np.array(weights, float)).fit(study)
    _, low, high = smooth_interval(beta, v, 4, np.array(weights, float), m)
    assert high - low <= theirs.ci_ub - theirs.ci_lb + 1e-7
    assert (low, high) == pytest.approx((theirs.ci_lb, theirs.ci_ub), abs=1e-4)


def test_the_bias_is_the_worst_that_the_restriction_allows(shared):
    """The interval holds the truth for trends at the edge of the restriction, drawn many times."""
    _, v = vat_reform(shared)
    rng = np.random.default_rng(0)
    m, weights = 0.05, np.full(4, 0.25)
    root = np.linalg.cholesky(v)
    hits = 0
    for _ in range(100):
        bends = m * rng.choice([-1.0, 1.0], size=7)
        slope = rng.normal() + np.r_[0, np.cumsum(bends)]
        path = np.r_[0.0, np.cumsum(slope)]
        path = path - path[4]
        trend = np.r_[path[:4], path[5:]]
        truth = 0.3
        drawn = trend + np.r_[np.zeros(4), np.full(4, truth)] + root @ rng.normal(size=8)
        _, low, high = smooth_interval(drawn, v, 4, weights, m)
        hits += low <= truth <= high
    assert hits >= 91


def test_trap_a_relative_magnitudes_are_not_offered():
    """Trap A: the common shortcut rejects where the published interval does not."""
    with pytest.raises(ParameterError, match="relative magnitudes needs a conditional test"):
        honest_did(Effect(1, 1, 0, 2, 1, "", "", 1, 2, 1, pd.DataFrame()), restriction="relative_magnitudes")


def test_breakdown_and_default_target(shared):
    data = pd.read_csv(shared / "golden" / "interventions" / "mpdta.csv")
    columns = {"outcome": "lemp", "unit": "countyreal", "time": "year", "cohort": "first_treat"}
    study = event_study(data, **columns)
    found = honest_did(study)
    assert found.weights.tolist() == [0.25] * 4
    assert found.table["m"].iloc[0] == 0 and found.table["half_length"].is_monotonic_increasing
    assert 0 < found.breakdown < found.seen
    at = honest_did(study, m=[0.999 * found.breakdown, 1.001 * found.breakdown]).table
    assert at.loc[0, "high"] < 0 < at.loc[1, "high"]
    assert "is overturned if the arms' trends bend apart by" in found.words
    with pytest.raises(DataError, match="one reference period"):
        honest_did(event_study(data, base="varying", **columns))
    with pytest.raises(DataError, match="is not an event study"):
        honest_did(did(data, **columns))
    with pytest.raises(ParameterError, match="m must be 0 or more"):
        honest_did(study, m=[-0.1])


# --- strength ----------


def test_each_failed_criterion_costs_a_grade(shared):
    data = pd.read_csv(shared / "golden" / "interventions" / "mpdta.csv")
    columns = {"outcome": "lemp", "unit": "countyreal", "time": "year", "cohort": "first_treat"}
    study = event_study(data, **columns)
    plain = grade_design(study)
    assert plain.grade == 3 and plain.table["met"].all()
    tested = grade_design(study, sensitivity=honest_did(study))
    assert tested.grade == 2 and not tested.table["met"].all()
    assert tested.overturn[0].startswith("The result is overturned if")
    assert grade_design(study, lost=0.2).grade == 2
    assert grade_design(did(data, **columns)).grade == 2
    with pytest.raises(ParameterError, match="does not name its kind of design"):
        grade_design(Effect(1, 1, 0, 2, 1, "", "x", 1, 2, 1, pd.DataFrame()))


def test_what_cannot_be_tested_has_the_lowest_grade():
    effect = synthetic_did(factor_panel(units=8), **BLOCK)
    graded = grade_design(effect)
    assert graded.grade == 1 and graded.overturn[0].startswith("It cannot be tested, so there is no result")


def roll_out(seed, clusters, treated):
    """Return a panel without an effect; the first clusters start in the fourth of eight periods."""
    rng = np.random.default_rng(seed)
    commune, year = np.repeat(np.arange(clusters), 8), np.tile(np.arange(8), clusters)
    served = ((commune < treated) & (year >= 3)).astype(int)
    income = rng.standard_normal(clusters * 8) + np.repeat(rng.standard_normal(clusters), 8)
    return pd.DataFrame({"commune": commune, "year": year, "income": income, "treated": served})


COMMUNE = {"outcome": "income", "unit": "commune", "time": "year", "treatment": "treated"}


def test_trends_of_few_clusters_are_judged_by_permutation_and_not_by_a_clustered_wald_test():
    apart = 0
    for seed in range(20):
        study = event_study(roll_out(seed, 40, 2), **COMMUNE)
        assert study.pretest is None
        trends = grade_design(study).table.iloc[2]
        assert trends["why"].startswith("smallest permuted p-value before the start")
        apart += not trends["met"]
    assert apart <= 3


def test_a_trend_that_could_not_be_found_does_not_count_as_checked():
    graded = grade_design(event_study(roll_out(1, 30, 1), **COMMUNE))
    assert graded.grade == 1
    assert graded.table.iloc[2]["why"] == "1 of 30 clusters: no difference could have been found"


def test_a_synthetic_control_without_invented_starts_loses_a_grade():
    table = grade_design(synthetic_did(roll_out(1, 40, 2), **COMMUNE)).table
    assert "invented earlier starts are shown" in table.loc[~table["met"], "criterion"].tolist()


def test_deprecations_of_a_library_are_no_notes_of_an_effect():
    assert not [w for w in did(roll_out(1, 40, 8), method="imputation", **COMMUNE).warnings if "deprecated" in w]


# --- comparison without causal words ----------


def rates(shared) -> pd.DataFrame:
    raw = pd.read_csv(shared / "data" / "vietnam_panel.csv", dtype={"area_code": str})
    rows = raw[(raw["indicator"] == "poverty_rate_multidimensional") & (raw["population_group"] == "all")]
    rows = rows[rows["area_level"].isin(["province", "country"]) & (rows["year"] <= 2024)]
    rows = rows.drop_duplicates(["area_code", "year"])
    return pd.DataFrame(
        {
            "area": np.where(rows["area_level"] == "country", "vn", "vn63-" + rows["area_code"]),
            "year": rows["year"].to_numpy(),
            "value": rows["value"].to_numpy(),
            "standard": np.where(rows["year"] <= 2021, "nso-mdp-2016-2020", "nso-mdp-2022-2025"),
        }
    )


def test_an_giang_over_the_nation_jumps_with_the_standard(shared):
    """The issue's own reason why the plan's effect is not identified: .81 to 1.11 in the year the standard changes."""
    jumps = relative_jumps(rates(shared), nation="vn")
    own = jumps[jumps["area"] == "vn63-89"].set_index("year")
    assert own.loc[2021, "ratio"] == pytest.approx(0.81, abs=0.006)
    assert own.loc[2022, "ratio"] == pytest.approx(1.11, abs=0.006)
    assert own["new_standard"].to_dict() == {y: y == 2022 for y in range(2016, 2025)}
    spread = own["spread"]
    assert spread[2022] > 2 * spread[2021]


def test_falls_inside_one_standard_in_two_scales(shared):
    provinces = rates(shared).query("area != 'vn'")
    found = compare_falls(provinces, area="vn63-89", start=2022, end=2024)
    own = found.table.set_index("area").loc["vn63-89"]
    assert own["fall"] == pytest.approx(4.64 - 2.53)
    assert found.table["nearest"].sum() == 10 and not own["nearest"]
    assert (found.table.loc[found.table["nearest"], "start"] - 4.64).abs().max() < 1.5
    assert found.standard == "nso-mdp-2022-2025"
    assert not re.search(r"because|caus|effect|led to|due to", found.words)
    if not found.agree:
        assert "The two scales disagree" in found.words
    with pytest.raises(StandardError):
        compare_falls(provinces, area="vn63-89", start=2021, end=2022)
    with pytest.raises(DataError, match="has no figure in 2022 or in 2030"):
        compare_falls(provinces, area="vn63-89", start=2022, end=2030)


@pytest.mark.parametrize("area", ["vn63-01", "vn63-11", "vn63-96"])
def test_any_province_can_be_compared(shared, area):
    provinces = rates(shared).query("area != 'vn'")
    found = compare_falls(provinces, area=area, start=2022, end=2024)
    assert found.table["rank"].between(1, 63).all() and found.summary["fell_less"].between(0, 1).all()


# --- the effect itself ----------


def test_draws_have_the_shape_of_the_interval():
    effect = Effect(2.0, np.nan, 1.0, 5.0, 0.01, "", "", 10, 10, 5, pd.DataFrame())
    drawn = effect.draws(200_000, seed=1)
    assert np.quantile(drawn, [0.025, 0.5, 0.975]).tolist() == pytest.approx([1.0, 2.0, 5.0], abs=0.03)
    assert effect.spread == pytest.approx(4 / 2 / 1.96, rel=1e-3)
    assert (effect.draws(5, seed=1) == effect.draws(5, seed=1)).all()


def test_an_effect_without_an_interval_gives_no_draws():
    with pytest.raises(DataError, match=r"has no interval .*break_even"):
        Effect(2.0, np.nan, np.nan, np.nan, np.nan, "cannot be tested", "", 10, 10, 5, pd.DataFrame()).draws(10)

"""Inference follows the design: size under a true null, power against the randomisation test, few clusters."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation import (
    did,
    effects_by_group,
    event_study,
    honest_did,
    minimum_detectable_effect,
    randomization_test,
    wild_cluster_test,
)
from povstudy.evaluation.assignment import make_assignment
from povstudy.evaluation.heterogeneity import holm
from povstudy.evaluation.inference import FEW, MANY, choose_inference
from povstudy.evaluation.moments import fit_moments, panel_moments
from povstudy.evaluation.permutation import cell_statistics, cluster_paths, imputation_statistic, path_statistics
from povstudy.evaluation.wild import cluster_signs, wild_bootstrap

SIMULATIONS = 300
WITH_EFFECT = 80
ROOT = Path(__file__).resolve().parents[1]


def script():
    """The design of inference_size.csv and of the table in docs/evaluation.md."""
    spec = importlib.util.spec_from_file_location("inference_size", ROOT / "scripts" / "inference_size.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


size = script()
PERIODS, START, COLUMNS, simulated, as_table = size.PERIODS, size.START, size.COLUMNS, size.simulated, size.as_table


def test_the_published_rates_of_the_printed_inference_keep_the_limits():
    block = size.BLOCK.search(size.PAGE.read_text(encoding="utf-8")).group(0)
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in block.splitlines() if line.startswith("| ")
    ]
    table = pd.DataFrame(rows[1:], columns=rows[0]).set_index(["clusters", "treated"])
    assert list(table.index) == [(str(clusters), str(treated)) for clusters, treated in size.DESIGNS]
    rates = table.drop(columns="printed").astype(float)
    assert rates["rejects a true null"].between(0.02, 0.08).all()
    assert (rates["finds the effect"] >= 2 / 3 * rates["the permutation test finds it"]).all()
    assert rates.loc[("40", "2"), "clustered t"] > 0.2


@pytest.mark.parametrize(("clusters", "treated"), [(40, 2), (12, 2), (40, 5)])
def test_printed_inference_keeps_its_size_and_does_not_give_up(clusters, treated):
    """Rejects 2-8 % of true nulls; at the randomisation test's own minimum detectable effect at least 2/3 as often."""
    rng = np.random.default_rng(20261125)
    draws = [simulated(rng, clusters) for _ in range(SIMULATIONS)]
    minimum = minimum_detectable_effect(
        data=as_table(draws[0], treated),
        outcome="income",
        unit="commune",
        time="year",
        start=START,
        treated_clusters=treated,
    ).effect
    null = [did(as_table(y, treated), method="twfe", **COLUMNS).p_value <= 0.05 for y in draws]
    printed = permuted = 0
    for y in draws[:WITH_EFFECT]:
        moved = y.copy()
        moved[:treated, START:] += minimum
        table = as_table(moved, treated)
        effect = did(table, method="twfe", **COLUMNS)
        printed += effect.p_value <= 0.05
        assert (effect.p_value <= 0.05) == (effect.low > 0 or effect.high < 0)
        permuted += randomization_test(table, **COLUMNS).p_value <= 0.05
    assert 0.02 <= np.mean(null) <= 0.08
    assert permuted / WITH_EFFECT > 0.5
    assert printed >= 2 / 3 * permuted


def test_the_usual_interval_would_fail_the_same_test(shared):
    """Clustered t rejects far too often with 2 of 40 treated, as the golden simulation says (.33)."""
    rng = np.random.default_rng(1)
    rate = np.mean(
        [
            did(as_table(simulated(rng, 40), 2), method="twfe", inference="clustered", **COLUMNS).p_value <= 0.05
            for _ in range(80)
        ]
    )
    golden = pd.read_csv(shared / "golden" / "interventions" / "inference_size.csv")
    stated = golden.loc[(golden["G"] == 40) & (golden["treated"] == 2), "CRV1_tG1"].item()
    assert rate == pytest.approx(stated, abs=0.15) and rate > 0.2


def test_the_middle_range_is_bootstrapped_and_keeps_its_size():
    rng = np.random.default_rng(2)
    effects = [did(as_table(simulated(rng, 24), 8), method="twfe", **COLUMNS) for _ in range(120)]
    assert {e.inference.split(",")[0] for e in effects} == {"wild cluster bootstrap"}
    assert 0.02 <= np.mean([e.p_value <= 0.05 for e in effects]) <= 0.09


def test_inference_by_number_of_clusters():
    assert choose_inference(FEW, 100, linear=True) == "randomization"
    assert choose_inference(FEW + 1, 100, linear=True) == "wild"
    assert choose_inference(FEW + 1, 100, linear=False) == "randomization"
    assert choose_inference(MANY, 100, linear=True) == "clustered"
    assert choose_inference(98, 100, linear=True) == "randomization"


def test_asking_for_the_clustered_interval_with_few_clusters_says_what_is_wrong():
    effect = did(as_table(simulated(np.random.default_rng(3), 40), 2), method="twfe", inference="clustered", **COLUMNS)
    assert any("the clustered interval is too narrow" in w for w in effect.warnings)
    assert "small-sample convention 'nested'" in effect.inference and "2 treated" in effect.inference


@pytest.mark.parametrize("method", ["twfe", "callaway_santanna", "two_by_two", "imputation", "sun_abraham"])
def test_with_few_treated_no_method_prints_a_clustered_interval(method):
    table = as_table(simulated(np.random.default_rng(4), 24), 3)
    effect = did(table, method=method, draws=199, **COLUMNS)
    assert effect.inference.startswith("placebo rank") and np.isnan(effect.std_error)
    assert any("Placement was not random" in w for w in effect.warnings)
    drawn_by_lot = did(table, method=method, draws=199, placement="random", **COLUMNS)
    assert drawn_by_lot.inference.startswith("randomisation inference")
    assert drawn_by_lot.p_value == effect.p_value


def test_an_effect_of_nothing_is_not_another_statistic():
    """Rounding alone (1e-17) is no difference; covariates are one, and are said."""
    rng = np.random.default_rng(0)
    parallel = np.round(rng.normal(size=24), 2)[:, None] + np.round(rng.normal(size=PERIODS), 2)
    table = as_table(parallel, 3).assign(start=lambda d: np.where(d["commune"] < 3, 3 + d["commune"] % 2, 0))
    columns = {"outcome": "income", "unit": "commune", "time": "year", "cohort": "start"}
    assert not any("without covariates" in w for w in did(table, draws=199, **columns).warnings)
    moved = as_table(simulated(np.random.default_rng(4), 24), 3).assign(x=lambda d: d["income"] * (d["commune"] % 5))
    found = did(moved, method="sun_abraham", covariates=["x"], draws=199, **COLUMNS)
    assert [w.code for w in found.warnings if getattr(w, "code", "") == "other_statistic"] == ["other_statistic"]


def test_cannot_be_tested_is_not_called_not_significant():
    """Trap H: 1 of 12 clusters gives 12 assignments; the smallest p-value is .083."""
    effect = did(as_table(simulated(np.random.default_rng(5), 12), 1), method="twfe", **COLUMNS)
    assert effect.inference.startswith("cannot be tested")
    assert np.isnan(effect.p_value) and np.isnan(effect.low) and not effect.testable
    assert any('not the same as "not significant"' in w for w in effect.warnings)
    assert "cannot be tested" in str(effect)
    nine_in_ten = did(as_table(simulated(np.random.default_rng(5), 12), 1), method="twfe", level=0.9, **COLUMNS)
    assert np.isfinite(nine_in_ten.p_value)


def test_an_event_study_with_few_clusters_has_no_clustered_bands():
    path = event_study(as_table(simulated(np.random.default_rng(6), 24), 3), **COLUMNS)
    assert path.table[["low", "high", "band_low", "band_high", "std_error"]].isna().all().all()
    assert path.table.loc[~path.table["reference"], "p_value"].between(0, 1).all()


def test_nothing_rests_on_a_clustered_covariance_with_few_clusters():
    table = as_table(simulated(np.random.default_rng(31), 24), 3)
    effect, path = did(table, **COLUMNS), event_study(table, **COLUMNS)
    assert effect.table["std_error"].isna().all() and effect.covariance is None and path.covariance is None
    with pytest.raises(DataError, match="With few clusters there is no covariance"):
        honest_did(path)


def test_bands_are_wider_than_intervals_and_the_pretest_is_there():
    path = event_study(as_table(simulated(np.random.default_rng(7), 80), 40), **COLUMNS)
    rows = path.table[~path.table["reference"]]
    assert ((rows["band_high"] - rows["band_low"]) > (rows["high"] - rows["low"])).all()
    assert path.table["event_time"].tolist() == [-3, -2, -1, 0, 1, 2]
    assert path.pretest[1] == 2 and 0 <= path.pretest[2] <= 1


# --- the mechanism is an argument -------------------------------------------------------------------------------


def paired_trial(rng: np.random.Generator, pairs: int = 8) -> pd.DataFrame:
    """Matched pairs of communes with large differences between pairs; one of each treated."""
    rows = []
    for pair in range(pairs):
        first = rng.integers(0, 2)
        for member in (0, 1):
            level = 5.0 * pair + rng.normal(0, 0.5)
            rows += [(f"p{pair}", f"c{pair}{member}", int(member == first), level + rng.normal()) for _ in range(10)]
    table = pd.DataFrame(rows, columns=["pair", "commune", "treated", "income"])
    return table.assign(income=table["income"] + 0.8 * table["treated"])


def test_trap_f_leaving_out_the_pairs_changes_the_p_value():
    """Trap F: without the pairs the p-value of a paired trial more than doubled."""
    trial = paired_trial(np.random.default_rng(8))
    paired = randomization_test(trial, outcome="income", treatment="treated", cluster="commune", pairs="pair")
    plain = randomization_test(trial, outcome="income", treatment="treated", cluster="commune")
    assert paired.possible == 2**8 and paired.enumerated
    assert "within 8 pairs" in paired.inference
    assert plain.p_value > 2 * paired.p_value


def test_full_enumeration_equals_the_definition():
    """All 20 assignments of 3 of 6, counted by hand."""
    import itertools

    y = np.array([3.0, 1.0, 4.0, 1.5, 5.0, 9.0])
    table = pd.DataFrame({"y": y, "d": [0, 1, 0, 0, 1, 1]})
    test = randomization_test(table, outcome="y", treatment="d", level=0.8)
    own = abs(y[[1, 4, 5]].mean() - y[[0, 2, 3]].mean())
    far = 0
    for chosen in itertools.combinations(range(6), 3):
        rest = [i for i in range(6) if i not in chosen]
        far += abs(y[list(chosen)].mean() - y[rest].mean()) >= own - 1e-12
    assert test.possible == 20 and test.draws == 20
    assert test.p_value == pytest.approx(far / 20)


def test_the_interval_is_the_set_of_effects_that_are_not_rejected():
    rng = np.random.default_rng(9)
    table = pd.DataFrame({"y": rng.normal(size=16), "d": [1] * 5 + [0] * 11})
    test = randomization_test(table, outcome="y", treatment="d", draws=5000)

    def p_at(tau: float) -> float:
        moved = table.assign(y=table["y"] - tau * table["d"])
        return randomization_test(moved, outcome="y", treatment="d", draws=5000).p_value

    width = test.high - test.low
    assert p_at(test.low + 1e-6 * width) > 0.05 >= p_at(test.low - 1e-3 * width)
    assert p_at(test.high - 1e-6 * width) > 0.05 >= p_at(test.high + 1e-3 * width)


def test_roll_out_order_is_permuted():
    path = np.array([0, 0, 1, 2, 3])
    mechanism = make_assignment(path)
    drawn = mechanism.draws(1000)
    assert mechanism.possible == 60 and len(drawn) == 60 and len(np.unique(drawn, axis=0)) == 60
    assert "roll-out order permuted" in mechanism.words


def test_a_drawn_p_value_counts_what_was_observed():
    """1,000 with the observed one: never 0 however large the effect."""
    table = as_table(simulated(np.random.default_rng(30), 40), 5)
    table["income"] += 100 * table["treated"]
    assert did(table, method="twfe", **COLUMNS).p_value == pytest.approx(1 / 1000)
    assert randomization_test(table, draws=199, **COLUMNS).p_value == pytest.approx(1 / 200)


def test_strata_keep_their_numbers():
    path, strata = np.array([1, 0, 0, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 1])
    for drawn in (
        make_assignment(path, strata=strata).draws(50),
        make_assignment(path, strata=strata).draws(3, seed=1),
    ):
        assert (drawn[:, :3].sum(axis=1) == 1).all() and (drawn[:, 3:].sum(axis=1) == 2).all()


def test_a_mechanism_of_ones_own_is_checked():
    table = as_table(simulated(np.random.default_rng(10), 8), 4)
    test = randomization_test(table, assign=lambda rng: rng.permutation([1, 1, 1, 1, 0, 0, 0, 0]), draws=199, **COLUMNS)
    assert test.draws == 199 and "mechanism given" in test.inference
    with pytest.raises(DataError, match="assign must return one path for each of the 8 clusters"):
        randomization_test(table, assign=lambda rng: np.array([1, 0]), **COLUMNS)
    with pytest.raises(ParameterError, match="give one mechanism only"):
        make_assignment(np.array([0, 1]), strata=np.array([0, 0]), pairs=np.array([0, 0]))


def test_a_pair_with_two_treated_is_refused():
    trial = paired_trial(np.random.default_rng(11))
    trial.loc[trial["pair"] == "p3", "treated"] = 1
    with pytest.raises(DataError, match=r"pair 'p3' holds 2 clusters, 2 of them treated"):
        randomization_test(trial, outcome="income", treatment="treated", cluster="commune", pairs="pair")


def test_treatment_inside_a_cluster_is_refused():
    table = pd.DataFrame({"y": [1.0, 2, 3, 4], "d": [0, 1, 0, 1], "c": [0, 0, 1, 1]})
    with pytest.raises(DataError, match="'d' differs within clusters of 'c'"):
        randomization_test(table, outcome="y", treatment="d", cluster="c")


# --- algebra against the long way -------------------------------------------------------------------------------


def brute_regression(y: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outcome and treatment with unit and period effects taken out by dummies."""
    n, t = y.shape
    unit, period = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
    z = np.column_stack([np.eye(n)[unit], np.eye(t)[period][:, 1:]])
    keep = ~np.isnan(y.ravel())
    maker = np.eye(int(keep.sum())) - z[keep] @ np.linalg.pinv(z[keep])
    return maker @ y.ravel()[keep], maker @ d.ravel()[keep]


@pytest.mark.parametrize("hole", [False, True])
def test_moments_equal_dummies(hole):
    rng = np.random.default_rng(12)
    y = rng.normal(size=(9, 5))
    if hole:
        y[2, 1], y[7, 4] = np.nan, np.nan
    d = np.zeros((9, 5))
    d[:4, 3:] = 1
    w = np.where(np.isnan(y), 0.0, 1.0)
    fit = fit_moments(panel_moments(y, d, np.arange(9) // 2, w))
    ry, rd = brute_regression(y, d)
    assert fit.estimate == pytest.approx(rd @ ry / (rd @ rd), abs=1e-10)


def test_permuted_regression_equals_refitting():
    rng = np.random.default_rng(13)
    y = rng.normal(size=(8, 5))
    start = np.array([2, 3, 0, 0, 0, 0, 3, 0])
    d = ((np.arange(5)[None, :] >= start[:, None]) & (start[:, None] > 0)).astype(float)
    moments = panel_moments(y, d, np.arange(8), np.ones_like(y))
    paths = np.array([np.zeros(5), np.r_[0, 0, 1, 1, 1], np.r_[0, 0, 0, 1, 1]], float)
    codes = rng.permuted(np.tile([1, 2, 0, 0, 0, 0, 2, 0], (6, 1)), axis=1)
    a, b = path_statistics(moments, paths, codes)
    for row, code in enumerate(codes):
        drawn = paths[code]
        ry, rd = brute_regression(y, drawn)
        ro, _ = brute_regression(d, drawn)
        assert a[row] == pytest.approx(rd @ ry / (rd @ rd), abs=1e-10)
        assert b[row] == pytest.approx(rd @ ro / (rd @ rd), abs=1e-10)


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("null", [0.0, 0.3])
def test_wild_bootstrap_equals_refitting(restricted, null):
    rng = np.random.default_rng(14)
    y = rng.normal(size=(12, 4))
    d = np.zeros((12, 4))
    d[:6, 2:] = 1
    cluster = np.arange(12) // 2
    moments = panel_moments(y, d, cluster, np.ones_like(y))
    fast = wild_bootstrap(moments, null=null, restricted=restricted, draws=99, interval=False)
    rows = np.repeat(cluster, 4)

    def statistic(outcome: np.ndarray, at: float) -> tuple[float, float]:
        ry, rd = brute_regression(outcome, d)
        beta = rd @ ry / (rd @ rd)
        scores = np.bincount(rows, weights=rd * (ry - beta * rd))
        return rd @ rd * (beta - at) / np.sqrt(scores @ scores), beta

    own, beta = statistic(y, null)
    at = null if restricted else beta
    residual = brute_regression(y - at * d, d)[0].reshape(y.shape)
    signs = cluster_signs(6, 99, "rademacher", np.random.default_rng(0))
    drawn = [statistic(y - residual + s[cluster][:, None] * residual, at)[0] for s in signs]
    assert fast.enumerated and fast.statistic == pytest.approx(own)
    assert fast.p_value == pytest.approx(np.mean(np.abs(drawn) >= abs(own) * (1 - 1e-9)))


def test_trap_h_wild_tests_of_one_treated_cluster_disagree_as_known(shared):
    """Trap H: California, one treated of 27: the restricted p is .45, the unrestricted one is next to 0."""
    organ = pd.read_csv(shared / "golden" / "interventions" / "organ_donations.csv")
    organ["D"] = ((organ["State"] == "California") & (organ["Quarter_Num"] > 3)).astype(int)
    columns = {"outcome": "Rate", "treatment": "D", "unit": "State", "time": "Quarter_Num", "cluster": "State"}
    restricted = wild_cluster_test(organ, **columns)
    free = wild_cluster_test(organ, restricted=False, **columns)
    assert restricted.p_value == pytest.approx(0.45, abs=0.02) and np.isinf(restricted.low)
    assert free.p_value < 0.001
    assert "null imposed" in restricted.inference and "null not imposed" in free.inference


def test_cell_statistics_equal_the_estimator():
    table = as_table(simulated(np.random.default_rng(15), 14), 0)
    table["start"] = np.where(table["commune"] < 3, 3, np.where(table["commune"] < 7, 4, 0))
    columns = {"outcome": "income", "unit": "commune", "time": "year", "cohort": "start"}
    from povstudy.evaluation.panel import check_panel

    panel = check_panel(table, **columns)
    path, starts = cluster_paths(panel)
    for kind in ("simple", "event", "group", "calendar"):
        _, _, outcome, observed = cell_statistics(
            panel, starts, path[None, :], control="not_yet_treated", kind=kind, anticipation=0, base="varying"
        )
        effect = did(table, control="not_yet_treated", aggregate=kind, inference="clustered", **columns)
        assert outcome[0] == pytest.approx(effect.estimate, abs=1e-10)
        assert observed[0] == pytest.approx(1.0, abs=1e-10)
    imputed = did(table, method="imputation", inference="clustered", **columns)
    assert imputation_statistic(panel.y, panel.cohort, panel.periods) == pytest.approx(imputed.estimate, abs=1e-8)


def test_speedy_forms_agree_with_diff_diff(shared):
    """Own group-time effects equal diff-diff's without covariates, and by regression and weighting with them."""
    import diff_diff

    data = pd.read_csv(shared / "golden" / "interventions" / "mpdta.csv").astype(
        {"countyreal": int, "year": int, "first_treat": int}
    )
    columns = {"outcome": "lemp", "unit": "countyreal", "time": "year"}
    for adjust, covariates in (("reg", ["lpop"]), ("ipw", ["lpop"]), ("dr", [])):
        theirs = diff_diff.CallawaySantAnna(estimation_method=adjust).fit(
            data, first_treat="first_treat", covariates=covariates or None, **columns
        )
        ours = did(data, cohort="first_treat", adjust=adjust, covariates=covariates, **columns)
        assert ours.estimate == pytest.approx(theirs.overall_att, abs=1e-9)
        assert ours.std_error == pytest.approx(theirs.overall_se, abs=1e-9)


# --- differences between groups ---------------------------------------------------------------------------------


def grouped_trial(rng: np.random.Generator, gain: float, households: int = 1200) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "treated": rng.integers(0, 2, households),
            "ethnicity": np.where(rng.uniform(size=households) < 0.3, "Khmer", "Kinh"),
        }
    )
    effect = 0.2 + gain * (table["ethnicity"] == "Khmer")
    return table.assign(
        income=effect * table["treated"] + rng.normal(size=households),
        class_=np.where(rng.uniform(size=households) < 0.5, "poor", "near-poor"),
    )


def test_trap_k_two_p_values_are_no_difference():
    """Trap K: .100 for some and .060 for others is no difference when the difference is .040 (.029)."""
    found = effects_by_group(
        grouped_trial(np.random.default_rng(16), 0.0), outcome="income", treatment="treated", by=["ethnicity", "class_"]
    )
    assert len(found.tests) == 2
    by_hand = found.table.set_index(["by", "group"])["estimate"]
    row = found.tests.iloc[0]
    assert row["difference"] == pytest.approx(by_hand["ethnicity", row["group"]] - by_hand["ethnicity", row["against"]])
    assert (found.tests["p_adjusted"] >= found.tests["p_value"]).all()
    assert any("no evidence of a difference" in w for w in found.warnings)


def test_a_real_difference_is_found_and_the_error_is_the_interaction_s():
    import statsmodels.api as sm

    trial = grouped_trial(np.random.default_rng(17), 1.0)
    found = effects_by_group(trial, outcome="income", treatment="treated", by=["ethnicity"])
    khmer = (trial["ethnicity"] == "Khmer").astype(float)
    x = np.column_stack([np.ones(len(trial)), trial["treated"], khmer, trial["treated"] * khmer])
    fit = sm.OLS(trial["income"].to_numpy(), x).fit(cov_type="HC0")
    row = found.tests.iloc[0]
    assert row["difference"] == pytest.approx(fit.params[3], abs=1e-10)
    assert (row["high"] - row["low"]) / 2 / 1.96 == pytest.approx(fit.bse[3], rel=0.01)
    assert row["p_adjusted"] < 0.01


@pytest.mark.parametrize(("count", "hidden"), [(9, True), (10, False), (11, False)])
def test_small_groups_are_blank(count, hidden):
    trial = grouped_trial(np.random.default_rng(18), 0.0, 400)
    trial["ethnicity"] = "Kinh"
    trial.loc[trial.index[trial["treated"] == 1][:count], "ethnicity"] = "Khmer"
    trial.loc[trial.index[trial["treated"] == 0][:50], "ethnicity"] = "Khmer"
    found = effects_by_group(trial, outcome="income", treatment="treated", by=["ethnicity"])
    assert found.table["estimate"].isna().all() == hidden
    assert (len(found.tests) == 0) == hidden


def test_groups_of_few_clusters_are_tested_by_permuting_clusters():
    trial = paired_trial(np.random.default_rng(19))
    trial["ethnicity"] = np.where(np.arange(len(trial)) % 2, "Khmer", "Kinh")
    found = effects_by_group(trial, outcome="income", treatment="treated", by=["ethnicity"], cluster="commune")
    assert "permuted" in found.inference and 0 < found.tests["p_value"].item() <= 1


def test_a_group_that_changes_is_refused():
    table = as_table(simulated(np.random.default_rng(20), 12), 6).assign(poor=lambda d: d["year"] % 2)
    with pytest.raises(DataError, match="'poor' changes within a unit"):
        effects_by_group(table, by=["poor"], **COLUMNS)


def test_holm_by_hand():
    assert holm(np.array([0.02, np.nan, 0.005, 0.04])).tolist()[0] == pytest.approx(0.04)
    assert np.isnan(holm(np.array([np.nan]))[0])


# --- power ------------------------------------------------------------------------------------------------------


def test_the_closed_form_has_the_power_it_promises():
    """Trap: the normal version is 12 % too small with ten clusters."""
    t = minimum_detectable_effect(clusters=10, size=100, icc=0.05, treated_share=0.3)
    normal = minimum_detectable_effect(clusters=10, size=100, icc=0.05, treated_share=0.3, quantiles="normal")
    assert normal.effect / t.effect == pytest.approx(1 - 0.12, abs=0.01)
    at = t.table.set_index("effect")["power"]
    assert at.iloc[4] == pytest.approx(0.8, abs=0.005)
    assert any("too small when clusters are few" in w for w in normal.warnings)


def test_no_effect_can_be_seen_with_one_of_twelve():
    found = minimum_detectable_effect(
        data=as_table(simulated(np.random.default_rng(21), 12), 0).drop(columns="treated"),
        outcome="income",
        unit="commune",
        time="year",
        start=START,
        treated_clusters=1,
    )
    assert np.isnan(found.effect) and found.words.startswith("cannot be detected: 12 assignments")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give clusters= (a planned study) or data="),
        ({"clusters": 2}, "clusters is 2; it must be at least 3"),
        ({"clusters": 20, "icc": 1.2}, "icc is 1.2"),
        ({"clusters": 20, "treated_share": 1.0}, "both arms need clusters"),
        ({"clusters": 20, "power": 1.5}, "power is 1.5"),
        ({"data": pd.DataFrame({"a": [1]})}, "with data= give also outcome=, unit=, time=, start=, treated_clusters="),
    ],
)
def test_impossible_designs_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        minimum_detectable_effect(**arguments)


def test_same_seed_same_numbers():
    table = as_table(simulated(np.random.default_rng(22), 40), 3)
    one, two = (did(table, method="twfe", seed=7, **COLUMNS) for _ in range(2))
    assert (one.p_value, one.low, one.high) == (two.p_value, two.low, two.high)
    assert did(table, method="twfe", seed=8, **COLUMNS).low != one.low

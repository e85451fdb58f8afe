"""Point values against laeken, ineq, dineq, wbpip and Hmisc on eusilc, and grouped data against Datt's paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from povstudy.errors import DataError
from povstudy.indicators import (
    atkinson,
    fgt,
    fit_lorenz,
    generalized_entropy,
    gini,
    headcount,
    lorenz,
    quantile,
    quantile_shares,
    relative_line,
    relative_median_gap,
    s80_s20,
    sen,
    sen_shorrocks_thon,
    watts,
)


@pytest.fixture(scope="module")
def golden(shared):
    return shared / "golden" / "indicators"


@pytest.fixture(scope="module")
def people(golden):
    return pd.read_csv(golden / "data_eusilc_design.csv")


@pytest.fixture(scope="module")
def tools(golden):
    return pd.read_csv(golden / "eusilc_other_tools.csv", keep_default_na=False)


def sample(people, weighted, domain="all", positive=False):
    """Incomes and weights of the whole sample or of a region."""
    frame = people if domain in ("all", "row") else people[people["db040"] == domain]
    frame = frame[frame["eqincome"] > 0] if positive else frame
    weight = frame["rb050"] if weighted else np.ones(len(frame))
    return frame["eqincome"].to_numpy(), np.asarray(weight)


def laeken(row, y, w, whole):
    """Our value of a row of laeken; its poor are strictly below the line."""
    national = relative_line(*whole)
    if row.measure == "arpt":
        return relative_line(y, w)
    if row.measure == "arpr_pct":
        share = float(row.param[2:]) if row.param.startswith("p=") else 0.6
        line = national if row.param == "national line" else relative_line(y, w, share=share)
        return 100 * headcount(y, line, w, inclusive=False)
    if row.measure == "qsr":
        return s80_s20(y, w, rule="eurostat")
    if row.measure == "rmpg_pct":
        return 100 * relative_median_gap(y, relative_line(y, w), w)
    if row.measure == "weightedQuantile":
        return quantile(y, w, p=float(row.param[2:]))
    return 100 * gini(y, w)


def test_laeken(people, tools):
    """For unweighted data laeken takes R's quantile, which interpolates: those rows are not ours."""
    checked = 0
    for row in tools[tools["tool"].str.startswith("laeken")].itertuples():
        if not row.weighted and row.measure in ("arpt", "qsr"):
            continue
        y, w = sample(people, row.weighted, row.domain)
        assert laeken(row, y, w, sample(people, True)) == pytest.approx(float(row.value), rel=1e-10), row
        checked += 1
    assert checked == 45


def ineq(row, people):
    """Our value of a row of ineq, which has no weights.

    The README says that its Sen carries a factor q / (q + 1); the number printed is the form without it.
    """
    y, w = sample(people, False)
    positive = sample(people, False, positive=True)
    n = y.size
    if row.measure == "gini":
        return gini(y, w) * (n / (n - 1) if row.param == "corr=TRUE" else 1.0)
    if row.measure == "atkinson":
        return atkinson(*positive, epsilon=float(row.param[4:].split(";")[0]))
    if row.measure == "theil":
        return generalized_entropy(*positive, alpha=0 if "MLD" in row.param else 1)
    if row.measure == "entropy":
        return generalized_entropy(*positive, alpha=float(row.param[4:].split(";")[0]))
    if row.measure == "foster":
        return fgt(y, 10000, w, alpha=float(row.param.split("par=")[1][0]) - 1, inclusive=False)
    if row.measure == "sen":
        return sen(y, 10000, w)
    if row.measure == "sst":
        return sen_shorrocks_thon(y, 10000, w)
    if row.measure == "watts":
        return watts(positive[0], 10000, positive[1])
    if row.measure == "cv":
        return np.sqrt(2 * generalized_entropy(y, w, alpha=2))
    return None


def test_ineq(people, tools):
    checked = set()
    for row in tools[tools["tool"].str.startswith("ineq")].itertuples():
        ours = ineq(row, people)
        if ours is not None:
            assert ours == pytest.approx(float(row.value), rel=1e-10), row
            checked.add(row.measure)
    assert checked == {"gini", "atkinson", "theil", "entropy", "foster", "sen", "sst", "watts", "cv"}


def test_dineq_and_wbpip(people, tools):
    """Gini to the digits that dineq and wbpip have (1e-12); wbpip's Watts divides by everybody, zeros included."""
    y, w = sample(people, True)
    yp, wp = sample(people, True, positive=True)
    ours = {
        ("dineq", "gini"): gini(y, w),
        ("dineq", "mld"): generalized_entropy(yp, wp, alpha=0),
        ("dineq", "theil"): generalized_entropy(yp, wp, alpha=1),
        ("dineq", "rif_gini_weighted_mean"): gini(y, w),
        ("wbpip", "headcount"): headcount(y, 10000, w, inclusive=False),
        ("wbpip", "poverty_gap"): fgt(y, 10000, w, alpha=1),
        ("wbpip", "poverty_severity"): fgt(y, 10000, w, alpha=2),
        ("wbpip", "watts"): watts(yp, 10000, wp) * wp.sum() / w.sum(),
        ("wbpip", "gini"): gini(y, w),
        ("wbpip", "dist_gini"): gini(y, w),
        ("wbpip", "dist_median"): quantile(y, w, p=0.5),
    }
    found = set()
    for row in tools.itertuples():
        key = (row.tool.split()[0], row.measure)
        if key in ours:
            assert ours[key] == pytest.approx(float(row.value), rel=1e-10), row
            found.add(key)
    assert found == set(ours)


def test_dineq_by_region(people, tools):
    """Between: the measure of the regions' means; within: what the regions hold; the Gini leaves an overlap."""
    kept = people[people["eqincome"] > 0]
    y, w = kept["eqincome"].to_numpy(), kept["rb050"].to_numpy()
    parts = [sample(people, True, region, positive=True) for region in sorted(set(kept["db040"]))]
    size = np.array([weight.sum() for _, weight in parts])
    held = np.array([income @ weight for income, weight in parts])
    mean, n, total = held / size, size / size.sum(), held / held.sum()
    ours = {
        "mld_total": generalized_entropy(y, w, alpha=0),
        "mld_within": n @ [generalized_entropy(*part, alpha=0) for part in parts],
        "mld_between": generalized_entropy(mean, size, alpha=0),
        "gini_total": gini(y, w),
        "gini_within": (n * total) @ [gini(*part) for part in parts],
        "gini_between": gini(mean, size),
    }
    ours["gini_overlap"] = ours["gini_total"] - ours["gini_within"] - ours["gini_between"]
    rows = tools[tools["measure"].isin(["mld_decomp", "gini_decomp"])]
    theirs = {row.param.split()[0]: float(row.value) for row in rows.itertuples()}
    assert ours == pytest.approx(theirs, rel=1e-10)


def test_wbpip_shares_are_close(people, tools):
    """wbpip gives a row at a border wholly to the lower group; ours splits it: equal to 1e-4."""
    rows = tools[(tools["measure"] == "dist_quantiles")]
    theirs = rows["value"].astype(float).to_numpy()
    np.testing.assert_allclose(quantile_shares(*sample(people, True), n=10), theirs, rtol=2e-4)


def test_hmisc_quantiles(people, tools):
    rows = tools[tools["measure"] == "wtd.quantile:quantile"]
    for row in rows.itertuples():
        assert quantile(*sample(people, True), p=float(row.param[2:])) == pytest.approx(float(row.value), rel=1e-10)


def test_lorenz_of_ineq(people, golden):
    rows = pd.read_csv(golden / "eusilc_lorenz_ineq_unweighted_every1000.csv")
    ours = lorenz(*sample(people, False), p=rows["p"].astype(float))
    np.testing.assert_allclose(ours, rows["L"].astype(float), rtol=1e-10, atol=1e-12)


def test_sen_and_sst_of_the_readme(people):
    y, w = sample(people, True)
    assert sen(y, 10000, w) == pytest.approx(0.0476532148313557, rel=1e-12)
    assert sen_shorrocks_thon(y, 10000, w) == pytest.approx(0.0622805572343736, rel=1e-12)


# Grouped data --------------------------------------------------------------------------------------------------------

RURAL_INDIA = {
    "p": [0.0092, 0.0339, 0.085, 0.164, 0.2609, 0.4133, 0.5497, 0.7196, 0.8196, 0.9174, 0.957, 0.9751, 1],
    "L": [0.00208, 0.01013, 0.03122, 0.07083, 0.12808, 0.23498, 0.34887, 0.51994, 0.6427, 0.79201, 0.86966, 0.91277, 1],
}


@pytest.mark.parametrize(
    ("form", "head", "gap", "severity", "index"),
    [("quadratic", 0.450615, 0.124747, 0.047520, 0.289017), ("beta", 0.45118, 0.127353, 0.049663, 0.289404)],
)
def test_datt_1998_rural_india(form, head, gap, severity, index):
    """The worked example of Datt (1998), rural India 1983, line 89, mean 109.9."""
    fit = fit_lorenz(RURAL_INDIA["p"], RURAL_INDIA["L"], mean=109.9, form=form)
    assert fit.valid
    assert fit.headcount(89) == pytest.approx(head, abs=1e-5)
    assert fit.fgt(89) == fit.headcount(89)
    assert fit.fgt(89, alpha=1) == pytest.approx(gap, abs=1e-6)
    assert fit.fgt(89, alpha=2) == pytest.approx(severity, abs=1e-6)
    assert fit.gini() == pytest.approx(index, abs=1e-6)
    assert fit.quantile_shares(n=5).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("form", "name"), [("quadratic", "lq"), ("beta", "lb")])
def test_grouped_data_of_wbpip(golden, form, name):
    """wbpip solves the beta form's headcount by bisection to about 1e-5 and its Gini by a sum to 1e-6."""
    data = pd.read_csv(golden / "data_datt1998_rural_india_1983.csv")
    rows = pd.read_csv(golden / "datt1998_grouped_wbpip.csv").query("form == @name")
    theirs = {s: g["value"].astype(float).to_numpy() for s, g in rows.groupby("stat") if s != "is_normal"}
    fit = fit_lorenz(data["p"], data["L"], mean=109.9, form=form)
    np.testing.assert_allclose(fit.coefficients, theirs["coef"], rtol=1e-9)
    assert fit.headcount(89) == pytest.approx(theirs["headcount"][0], abs=1e-6 if form == "quadratic" else 1e-5)
    assert fit.fgt(89, alpha=1) == pytest.approx(theirs["poverty_gap"][0], rel=1e-6)
    assert fit.fgt(89, alpha=2) == pytest.approx(theirs["poverty_severity"][0], rel=1e-6)
    assert fit.gini() == pytest.approx(theirs["gini"][0], abs=1e-6)
    assert fit.quantile(0.5) == pytest.approx(theirs["median"][0], rel=1e-9)
    np.testing.assert_allclose(fit.quantile_shares(n=10), theirs["deciles"], rtol=1e-9)


def test_grouped_edges():
    fit = fit_lorenz(RURAL_INDIA["p"], RURAL_INDIA["L"], mean=100.0)
    assert fit.headcount(1.0) == 0.0
    assert fit.fgt(1.0, alpha=2) == 0.0
    assert fit.headcount(1000.0) == 1.0
    assert fit.fgt(89, alpha=1.5) == pytest.approx(np.sqrt(fit.fgt(89, alpha=1) * fit.fgt(89, alpha=2)), rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.2, 0.4, 0.6], [0.1, 0.2, 0.3], 1), "at least 4 points below 1 are needed"),
        (([0.2, 0.4, 0.3, 0.8], [0.1, 0.2, 0.25, 0.5], 1), "sort the groups from the poorest"),
        (([0.2, 0.4, 0.6, 0.8], [0.3, 0.4, 0.5, 0.7], 1), "income's stay below the population's"),
        (([0.2, 0.4, 0.6, 0.8], [0.1, 0.2, 0.4, np.nan], 1), "1 of 4 values are missing"),
        (([0.2, 0.4, 0.6, 0.8], [0.1, 0.2, 0.4, 0.6], 0), "mean: greater than zero"),
        (([0.2, 0.4, 0.6, 0.8], [0.1, 0.2, 0.4], 1), "3 values for 4 rows"),
    ],
)
def test_bad_grouped_data(arguments, message):
    with pytest.raises(DataError, match=message):
        fit_lorenz(arguments[0], arguments[1], mean=arguments[2])


def test_bad_grouped_questions():
    fit = fit_lorenz(RURAL_INDIA["p"], RURAL_INDIA["L"], mean=100.0)
    with pytest.raises(DataError, match=r"p: a share in \(0, 1\)"):
        fit.quantile(0)
    with pytest.raises(DataError, match="line: a line is greater than zero"):
        fit.headcount(-1)
    with pytest.raises(DataError, match="form: 'cubic' is not one of 'quadratic', 'beta'"):
        fit_lorenz(RURAL_INDIA["p"], RURAL_INDIA["L"], mean=100.0, form="cubic")

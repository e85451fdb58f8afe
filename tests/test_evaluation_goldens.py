"""Every row of the golden table of evaluation, on real data.

Data that a package on the index ships are read from there, so their rows run on any machine against the numbers typed
below; all rows, and the other data sets, are read from the folder of golden values beside the checkout.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from povstudy.evaluation import (
    did,
    doubly_robust,
    event_study,
    minimum_detectable_effect,
    regression_discontinuity,
    synthetic_control,
    synthetic_did,
    wild_cluster_test,
)
from povstudy.evaluation.group_time import group_time, influence_covariance
from povstudy.evaluation.panel import check_panel
from povstudy.evaluation.placebos import jackknife_error
from povstudy.evaluation.synthetic import _block
from povstudy.evaluation.weights import estimate_synthetic

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "golden" / "interventions"
NO_DATA = {
    "lalonde614": "lalonde614.csv",
    "card_krueger": "card_krueger.csv",
    "anzia2012": "anzia2012.csv.gz",
}
"""Cases whose data file is not in the folder: nothing to compute from."""


def package_file(package: str, *parts: str) -> Path | None:
    """A file that an installed package ships, or None."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    path = Path(next(iter(spec.submodule_search_locations))).joinpath(*parts)
    return path if path.is_file() else None


def read(package: tuple[str, ...], name: str) -> pd.DataFrame:
    """A data set from the package index, else from the folder beside the checkout; never a made-up one."""
    path = package_file(*package) if package else None
    path = path or (GOLDEN / name if (GOLDEN / name).is_file() else None)
    if path is None:
        pytest.skip(f"{name}: neither {package[0] if package else 'a package'} nor ../shared holds it")
    if path.name.endswith(".pkl.gz"):
        with gzip.open(path) as file:
            return pickle.load(file)
    if path.suffix == ".dta":
        return pd.read_stata(path)
    with path.open("rb") as file:
        return pd.read_csv(path, sep=";" if b";" in file.readline() else ",")


@functools.cache
def mpdta() -> pd.DataFrame:
    data = read(("moderndid", "core", "datasets", "mpdta_long.pkl.gz"), "mpdta.csv")
    data = data.rename(columns={"first.treat": "first_treat"})
    return data[["countyreal", "year", "lemp", "lpop", "first_treat"]].astype(float)


@functools.cache
def prop99() -> pd.DataFrame:
    return read(("synthdid", "data", "california_prop99.csv"), "prop99.csv")


@functools.cache
def organ() -> pd.DataFrame:
    data = read(("causaldata", "organ_donations", "organ_donations.dta"), "organ_donations.csv")
    treated = (data["State"] == "California") & (data["Quarter_Num"] > 3)
    return data[["State", "Quarter_Num", "Rate"]].assign(D=treated.astype(int))


@functools.cache
def castle() -> pd.DataFrame:
    data = read(("causaldata", "castle", "castle.dta"), "castle.csv.gz")
    region_years = [c for c in data.columns if re.fullmatch(r"r20\d{3}", c)]
    return data[["sid", "year", "l_homicide", "post", "popwt", *region_years]].astype(float)


@functools.cache
def nsw() -> pd.DataFrame:
    return read(("causaldata", "nsw_mixtape", "nsw_mixtape.dta"), "nsw_dw.csv")


@functools.cache
def cps() -> pd.DataFrame:
    rest = read(("causaldata", "cps_mixtape", "cps_mixtape.dta"), "cps_mixtape.csv.gz")
    treated = nsw()
    columns = ["treat", "re78"]
    return pd.concat([treated.loc[treated["treat"] == 1, columns], rest[columns]]).astype(float)


@functools.cache
def cattaneo() -> pd.DataFrame:
    path = package_file("statsmodels", "treatment", "tests", "results", "cataneo2.csv")
    if path is None:
        pytest.skip("this statsmodels ships no cataneo2.csv")
    return pd.read_csv(path)


# --- results by case: (spec, quantity) -> value, standard error ------------------------------------------------

COUNTY = {"outcome": "lemp", "unit": "countyreal", "time": "year", "cohort": "first_treat"}
Results = dict[tuple[str, str], tuple[float, float]]


def callaway(spec: str, covariates: list[str]) -> Results:
    out: Results = {}
    simple = did(mpdta(), covariates=covariates, **COUNTY)
    for row in simple.table.itertuples():
        out[spec, f"ATT({row.cohort},{row.period})"] = (row.estimate, row.std_error)
    out[spec, "simple"] = (simple.estimate, simple.std_error)
    for by, label, column in (
        ("group", "group", "cohort"),
        ("event", "event", "event_time"),
        ("calendar", "calendar", "period"),
    ):
        effect = did(mpdta(), covariates=covariates, aggregate=by, **COUNTY)
        for row in effect.table.itertuples():
            out[spec, f"{label} {getattr(row, column)}"] = (row.estimate, row.std_error)
        if by == "event":
            out[spec, "dynamic overall"] = (effect.estimate, effect.std_error)
    return out


def path_of(spec: str, method: str) -> Results:
    path = event_study(mpdta(), method=method, **COUNTY)
    return {(spec, f"event {r.event_time}"): (r.estimate, r.std_error) for r in path.table.itertuples()}


@functools.cache
def mpdta_results() -> Results:
    adjusted = "CS DR, never-treated, covariate lpop"
    plain = "CS, no covariates, never-treated"
    out = callaway(adjusted, ["lpop"]) | callaway(plain, [])
    out["CS no cov", "simple ATT"] = out[plain, "simple"]
    pretest = event_study(mpdta(), covariates=["lpop"], **COUNTY).pretest
    out["CS DR lpop", "pretest chi2(5)"] = (pretest[0], np.nan)
    twfe = did(mpdta(), method="twfe", **COUNTY)
    out["TWFE D|unit+time", "coef / SE fixest ssc (nonnested)"] = (twfe.estimate, twfe.std_error)
    imputed = did(mpdta(), method="imputation", **COUNTY)
    out["BJS imputation", "overall"] = (imputed.estimate, imputed.std_error)
    return out | path_of("BJS imputation", "imputation") | path_of("Sun-Abraham (ref -1)", "sun_abraham")


def block_results(data: pd.DataFrame, columns: dict[str, str], spec: str, *, jackknife: bool = False) -> Results:
    out: Results = {}
    block = _block(data, columns["outcome"], columns["unit"], columns["time"], columns["treatment"], None, None, "test")
    for kind, name in (("synthetic_did", "SDID"), ("synthdid_control", "SC"), ("did", "DID")):
        found = estimate_synthetic(block.y, block.treated, block.before, kind)
        error = jackknife_error(block, found, kind) if jackknife else np.nan
        out[spec, name] = (found.estimate, error)
    return out


@functools.cache
def prop99_results() -> Results:
    columns = {"outcome": "PacksPerCapita", "unit": "State", "time": "Year", "treatment": "treated"}
    out = block_results(prop99(), columns, "synthdid R")
    out["synthdid R", "SC (synthdid reg.)"] = out["synthdid R", "SC"]
    simplex = synthetic_control(prop99(), method="outcome", **columns)
    out["outcome-only simplex SC (all pre lags)", "mean post gap"] = (simplex.estimate, np.nan)
    assert synthetic_did(prop99(), **columns).estimate == out["synthdid R", "SDID"][0]
    return out


@functools.cache
def cattaneo_results() -> Results:
    out: Results = {}
    for method, label in (
        ("ra", "RA"),
        ("ipw", "IPW"),
        ("aipw", "AIPW"),
        ("aipw_wls", "AIPW-WLS"),
        ("ipw_ra", "IPWRA"),
    ):
        effect = doubly_robust(
            cattaneo(),
            outcome="bweight",
            treatment="mbsmoke_",
            covariates=["prenatal1_", "mmarried_", "mage", "fbaby_"],
            propensity=["mmarried_", "mage", "mage2", "fbaby_", "medu"],
            method=method,
            link="probit",
        )
        out["teffects probit ps", f"{label} ATE"] = (effect.estimate, effect.std_error)
    return out


@functools.cache
def experiment_results(case: str) -> Results:
    data, spec = (nsw(), "experimental diff in means") if case == "NSW-DW" else (cps(), "naive diff")
    effect = doubly_robust(data, outcome="re78", treatment="treat", method="means", error="classical")
    return {(spec, "ATE"): (effect.estimate, effect.std_error)}


@functools.cache
def organ_results() -> Results:
    effect = did(
        organ(), outcome="Rate", unit="State", time="Quarter_Num", treatment="D", method="twfe", inference="clustered"
    )
    wild = wild_cluster_test(organ(), outcome="Rate", unit="State", time="Quarter_Num", treatment="D", cluster="State")
    return {
        ("2x2 TWFE", "D"): (effect.estimate, effect.std_error),
        ("WCR 9999 Rademacher, 1 treated of 27", "p"): (wild.p_value, np.nan),
    }


@functools.cache
def castle_results() -> Results:
    plain = castle()[["sid", "year", "l_homicide", "post"]]
    columns = {"outcome": "l_homicide", "unit": "sid", "time": "year", "treatment": "post", "method": "twfe"}
    twfe = did(plain, **columns)
    weighted = did(castle(), weight="popwt", covariates=[c for c in castle().columns if c.startswith("r20")], **columns)
    wild = wild_cluster_test(plain, outcome="l_homicide", unit="sid", time="year", treatment="post", cluster="sid")
    return {
        ("unweighted TWFE post; WCR p", "coef"): (twfe.estimate, twfe.std_error),
        ("unweighted TWFE post; WCR p", "p"): (wild.p_value, np.nan),
        ("popwt TWFE + region-year FE", "post"): (weighted.estimate, weighted.std_error),
    }


# --- numbers that run everywhere: value, standard error, tolerance; where they come from ------------------------

EVERYWHERE = [
    # Stata csdid README (dripw, xvar lpop, asymptotic standard errors)
    ("mpdta", ("CS DR, never-treated, covariate lpop", "ATT(2004,2006)"), -0.1404483, 0.0353782, 1e-6),
    ("mpdta", ("CS DR, never-treated, covariate lpop", "ATT(2006,2004)"), -0.0004721, 0.0222234, 1e-6),
    ("mpdta", ("CS DR, never-treated, covariate lpop", "simple"), -0.0417518, 0.0115028, 1e-6),
    ("mpdta", ("CS DR, never-treated, covariate lpop", "group 2006"), -0.0201666, 0.0174696, 1e-6),
    ("mpdta", ("CS DR, never-treated, covariate lpop", "event 0"), -0.0210604, 0.0114942, 1e-6),
    ("mpdta", ("CS DR, never-treated, covariate lpop", "calendar 2007"), -0.0395822, 0.0129299, 1e-6),
    ("mpdta", ("CS DR lpop", "pretest chi2(5)"), 6.84, np.nan, 0.005),
    # R did 2.5.1 README (4 digits); diff-diff, csdid, differences and statspai agree on the last
    ("mpdta", ("CS, no covariates, never-treated", "event 2"), -0.1373, np.nan, 5e-5),
    ("mpdta", ("CS, no covariates, never-treated", "dynamic overall"), -0.0772, np.nan, 5e-5),
    ("mpdta", ("CS no cov", "simple ATT"), -0.039951, 0.012034, 1e-6),
    # pyfixest, linearmodels, statsmodels, numpy: one coefficient; the error by fixest's convention
    ("mpdta", ("TWFE D|unit+time", "coef / SE fixest ssc (nonnested)"), -0.036549, 0.013265, 1e-6),
    # diff-diff, did-imputation, py2sdid
    ("mpdta", ("BJS imputation", "overall"), -0.047710, 0.013222, 1e-6),
    ("mpdta", ("Sun-Abraham (ref -1)", "event -2"), 0.024459, 0.014267, 1e-6),
    # R synthdid 0.0.9
    ("prop99", ("synthdid R", "SDID"), -15.603828, np.nan, 1e-5),
    ("prop99", ("synthdid R", "SC"), -19.619663, np.nan, 1e-5),
    ("prop99", ("synthdid R", "DID"), -27.349111, np.nan, 1e-5),
    # Stata teffects, in statsmodels' tests
    ("cattaneo2", ("teffects probit ps", "RA ATE"), -239.6392, 23.82402, 1e-3),
    ("cattaneo2", ("teffects probit ps", "IPW ATE"), -230.6886, 25.81524, 1e-3),
    ("cattaneo2", ("teffects probit ps", "AIPW ATE"), -230.9892, 26.21056, 1e-3),
    ("cattaneo2", ("teffects probit ps", "AIPW-WLS ATE"), -227.1956, 27.34794, 1e-3),
    ("cattaneo2", ("teffects probit ps", "IPWRA ATE"), -229.9671, 26.62668, 1e-3),
    # Dehejia and Wahba (1999); Cunningham, The Mixtape
    ("NSW-DW", ("experimental diff in means", "ATE"), 1794.342, 632.853392, 1e-3),
    ("NSW-CPS", ("naive diff", "ATE"), -8497.516, 712.02072, 1e-3),
    # Huntington-Klein, The Effect, ch. 18; wildboottest 0.3.2 and pyfixest 0.60
    ("organ_donations", ("2x2 TWFE", "D"), -0.022459, 0.006131, 1e-5),
    ("organ_donations", ("WCR 9999 Rademacher, 1 treated of 27", "p"), 0.4503, np.nan, 0.02),
    ("castle", ("unweighted TWFE post; WCR p", "coef"), 0.069398, 0.055348, 1e-3),
    ("castle", ("popwt TWFE + region-year FE", "post"), 0.0857, 0.0262, 1e-3),
]
RESULTS = {
    "mpdta": mpdta_results,
    "prop99": prop99_results,
    "cattaneo2": cattaneo_results,
    "NSW-DW": functools.partial(experiment_results, "NSW-DW"),
    "NSW-CPS": functools.partial(experiment_results, "NSW-CPS"),
    "organ_donations": organ_results,
    "castle": castle_results,
}


@pytest.mark.parametrize(
    ("case", "key", "value", "error", "tolerance"), EVERYWHERE, ids=lambda v: v[1] if isinstance(v, tuple) else None
)
def test_published_number(case, key, value, error, tolerance):
    found, found_error = RESULTS[case]()[key]
    assert found == pytest.approx(value, abs=tolerance)
    if np.isfinite(error):
        assert found_error == pytest.approx(error, abs=max(tolerance, 1e-6))


# --- the whole table, from the folder beside the checkout --------------------------------------------------------


def complete(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "progresa_rd_urban.csv").dropna()


def block_frame(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "synthetic_block36x12.csv")


def basque_frame(folder: Path, *, spain: bool) -> pd.DataFrame:
    data = pd.read_csv(folder / "basque.csv")
    data["year"] = data["year"].astype(int)
    treated = data["regionname"].str.startswith("Basque") & (data["year"] >= 1970)
    data = data.assign(treated=treated.astype(int))
    return data if spain else data[data["regionno"] != 1]


def basque_adh(folder: Path) -> Results:
    """Outcome 1960-69 fits the predictor weights, as in R's Synth example; Spain among the donors."""
    data = basque_frame(folder, spain=True)
    schooling = ["school.illit", "school.prim", "school.med", "school.high", "school.post.high", "invest"]
    sectors = [c for c in data.columns if c.startswith("sec.")]
    predictors = {c: range(1964, 1970) for c in schooling} | {"gdpcap": range(1960, 1970)}
    predictors |= {c: range(1961, 1970, 2) for c in sectors} | {"popdens": [1969]}
    effect = synthetic_control(
        data[data["year"] >= 1960],
        outcome="gdpcap",
        unit="regionname",
        time="year",
        treatment="treated",
        method="predictors",
        predictors=predictors,
        starts=1,
    )
    weights = effect.table[effect.table["part"] == "unit weight"].set_index("label")["value"]
    spec = "nested-V SC incl. Spain, Nelder-Mead equal start"
    return {
        (spec, "w Cataluna"): (weights["Cataluna"], np.nan),
        (spec, "w Madrid"): (weights["Madrid (Comunidad De)"], np.nan),
    }


def senate(folder: Path) -> Results:
    data = pd.read_csv(folder / "rd_senate.csv").dropna(subset=["vote"])
    effect = regression_discontinuity(data, outcome="vote", score="margin")
    h = effect.table.set_index("part").loc["bandwidth", "value"]
    return {("rdrobust default", "tau; robust CI; h"): ((effect.estimate, effect.low, effect.high, h), np.nan)}


def progresa(folder: Path) -> Results:
    out: Results = {}
    for quantity, column in (
        ("food t1", "conspcfood_t1"),
        ("nonfood t1", "conspcnonfood_t1"),
        ("food t2", "conspcfood_t2"),
        ("nonfood t2", "conspcnonfood_t2"),
    ):
        effect = regression_discontinuity(complete(folder), outcome=column, score="index", rho=1)
        for spec in ("rdrobust rho=1 complete cases n=1944", "rdrobust rho=1 complete cases"):
            out[spec, quantity] = (effect.estimate, effect.std_error)
    return out


def paglayan(folder: Path) -> Results:
    data = pd.read_csv(folder / "paglayan2019.csv")
    data = data[~data["state"].isin(["WI", "DC"])].assign(y=lambda d: np.log(d["pupil_expenditure"] + 1))
    columns = {"outcome": "y", "unit": "state", "time": "year", "treatment": "treatment", "aggregate": "event"}
    by_event = {}
    for control in ("not_yet_treated", "not_yet_treated_at_start"):
        table = did(data, control=control, inference="clustered", **columns).table.set_index("event_time")
        by_event[control] = {k: (table.loc[k, "estimate"], table.loc[k, "std_error"]) for k in (0, 1)}
    return {
        ("SA-DID lead 0", "ATT"): by_event["not_yet_treated"][0],
        ("SA-DID lead 1 (controls untreated at c -> contaminated)", "ATT"): by_event["not_yet_treated_at_start"][1],
        ("clean lead 1", "ATT"): by_event["not_yet_treated"][1],
    }


def mde(spec: str) -> tuple[float, float]:
    numbers = dict(re.findall(r"(\w+)=([\d.]+)", spec))
    design = {
        "clusters": int(numbers["J"]),
        "size": float(numbers["m"]),
        "icc": float(numbers["icc"]),
        "treated_share": float(numbers["P"]),
        "sd": float(numbers["sd"]),
    }
    normal = minimum_detectable_effect(quantiles="normal", **design).effect
    return normal, minimum_detectable_effect(**design).effect


def of_table(folder: Path, case: str) -> Results:
    """Results of a case of the golden table."""
    regions = {"outcome": "gdpcap", "unit": "regionname", "time": "year", "treatment": "treated"}
    communes = {"outcome": "poverty", "unit": "commune", "time": "year", "treatment": "treated"}
    makers = {
        **RESULTS,
        "synthetic_block36x12": lambda: block_results(
            block_frame(folder), communes, "R synthdid jackknife SE", jackknife=True
        ),
        "basque (treat 1970)": lambda: block_results(basque_frame(folder, spain=False), regions, "R synthdid"),
        "basque ADH": lambda: basque_adh(folder),
        "senate_RD": lambda: senate(folder),
        "progresa_RD_urban": lambda: progresa(folder),
        "paglayan2019": lambda: paglayan(folder),
    }
    return makers[case]()


CASES = [
    "mpdta",
    "prop99",
    "synthetic_block36x12",
    "basque (treat 1970)",
    "basque ADH",
    "cattaneo2",
    "NSW-DW",
    "NSW-CPS",
    "organ_donations",
    "castle",
    "senate_RD",
    "progresa_RD_urban",
    "paglayan2019",
    "MDE_cluster",
]


def test_every_case_is_held_or_has_no_data(shared):
    folder = shared / "golden" / "interventions"
    table = pd.read_csv(folder / "expected.csv")
    assert set(table["case"]) == set(CASES) | set(NO_DATA)
    for case, name in NO_DATA.items():
        assert not (folder / name).exists(), f"{name} is there now: write the test of {case}"
        assert set(table.loc[table["case"] == case, "data_file"]) == {name}


@pytest.mark.parametrize("case", CASES)
def test_every_row_at_its_tolerance(shared, case):
    folder = shared / "golden" / "interventions"
    table = pd.read_csv(folder / "expected.csv", dtype=str)
    rows = table[table["case"] == case]
    faults, checked = [], 0
    found = {} if case == "MDE_cluster" else of_table(folder, case)
    for _, row in rows.iterrows():
        tolerance = float(row["suggested_tol"])
        if case == "MDE_cluster":
            pairs = list(zip(mde(row["spec"]), (row["published"], row["reproduced"]), strict=True))
        elif row["quantity"] == "coef; p":
            pairs = [(found[row["spec"], "coef"][0], "0.069398"), (found[row["spec"], "p"][0], "0.2365")]
        elif row["quantity"] == "tau; robust CI; h":
            values = re.findall(r"-?\d+\.\d+", row["published"])
            pairs = list(zip(found[row["spec"], row["quantity"]][0], values, strict=True))
        else:
            value = found[row["spec"], row["quantity"]][0]
            pairs = [(value, row[c]) for c in ("published", "reproduced") if is_number(row[c])]
        for value, text in pairs:
            checked += 1
            slack = max(tolerance, rounding(text))
            if abs(value - float(text)) > slack * (1 + 1e-9):
                faults.append(f"{row['spec']}, {row['quantity']}: {value:.7f} against {text} (tolerance {slack})")
    assert not faults, "\n".join(faults)
    assert checked >= len(rows)


def is_number(text: object) -> bool:
    """Whether a cell of the table is one number."""
    return isinstance(text, str) and re.fullmatch(r"-?\d*\.?\d+", text) is not None


def rounding(text: str) -> float:
    """Half a unit of the last digit printed: a published number with four digits cannot be held to six."""
    decimals = len(text.split(".")[1]) if "." in text else 0
    return 0.5 * 10.0**-decimals


def test_standard_errors_of_the_r_jackknife(shared):
    """R synthdid 0.0.9, vcov(method="jackknife"), on the block of 6 treated of 36 communes."""
    found = of_table(shared / "golden" / "interventions", "synthetic_block36x12")
    errors = {name: found["R synthdid jackknife SE", name][1] for name in ("DID", "SC", "SDID")}
    assert errors == pytest.approx({"DID": 0.201973, "SC": 1.277756, "SDID": 0.137616}, abs=1e-6)


def test_standard_errors_of_the_table(shared):
    """Every published or reproduced standard error of the group-time rows and the discontinuities."""
    folder = shared / "golden" / "interventions"
    table = pd.read_csv(folder / "expected.csv", dtype=str)
    faults = []
    for case, columns, tolerance in (
        ("mpdta", ("published_se",), 1e-6),
        ("mpdta", ("reproduced_se",), 1.1e-6),
        ("progresa_RD_urban", ("reproduced_se",), 1e-3),
        ("cattaneo2", ("published_se",), 1e-3),
    ):
        found = of_table(folder, case)
        for _, row in table[table["case"] == case].iterrows():
            rounded = "bootstrap" in row["published_source"] or row["source_confidence"] == "recalled"
            for column in columns:
                if pd.isna(row[column]) or (
                    column == "published_se" and (rounded or "etwfe" in row["published_source"])
                ):
                    continue
                error = found[row["spec"], row["quantity"]][1]
                if abs(error - float(row[column])) > tolerance:
                    faults.append(f"{row['quantity']}: {error:.7f} against {row[column]}")
    assert not faults, "\n".join(faults)


def test_trap_c_the_data_are_real(shared):
    """Trap C: packages ship what the field uses, to 1e-6; libraries' loaders hand out made-up data offline."""
    folder = shared / "golden" / "interventions"
    theirs = pd.read_csv(folder / "mpdta.csv").sort_values(["countyreal", "year"])
    ours = mpdta().sort_values(["countyreal", "year"])
    assert np.abs(ours["lemp"].to_numpy() - theirs["lemp"].to_numpy()).max() < 1e-6
    assert prop99()["PacksPerCapita"].sum() == pytest.approx(
        pd.read_csv(folder / "prop99.csv")["PacksPerCapita"].sum(), abs=1e-6
    )
    assert nsw()["re78"].sum() == pytest.approx(pd.read_csv(folder / "nsw_dw.csv")["re78"].sum(), rel=1e-6)
    assert cps()["re78"].size == 185 + 15992


def test_trap_b_a_made_up_data_set_under_a_real_name_would_be_found(monkeypatch):
    """Trap B: were a loader to fall back to simulated numbers, the first published number would fail."""
    real = mpdta()
    fake = real.assign(lemp=np.random.default_rng(0).normal(size=len(real)))
    effect = did(fake, **COUNTY)
    assert abs(effect.estimate - -0.039951) > 1e-6


def test_no_loader_of_a_library_is_used():
    """Trap B and C: no line of the package or its tests calls a data loader of an evaluation library."""
    root = Path(__file__).resolve().parents[1]
    files = [*(root / "src" / "povstudy" / "evaluation").rglob("*.py"), *(root / "tests").glob("test_evaluation_*.py")]
    loaders = re.compile(r"diff_diff\.load_\w+\(|statspai\.datasets|dd\.load_\w+\(")
    assert [f.name for f in files if f != Path(__file__) and loaders.search(f.read_text(encoding="utf-8"))] == []


def test_trap_d_synthetic_did_is_not_the_number_of_the_faulty_package():
    """Trap D: the package sdid 0.4.0 gives -12.19 on Proposition 99, R and the paper -15.60; it is no dependency."""
    columns = {"outcome": "PacksPerCapita", "unit": "State", "time": "Year", "treatment": "treated"}
    assert synthetic_did(prop99(), **columns).estimate == pytest.approx(-15.603828, abs=1e-5)
    locked = (Path(__file__).resolve().parents[1] / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"^sdid==", locked, re.MULTILINE) and re.search(r"^diff-diff==", locked, re.MULTILINE)


def test_trap_e_imputation_keeps_units_with_one_untreated_period():
    """Trap E: 20 counties start in the second year; a first stage that drops them as singletons fits 2,400 of 2,500."""
    panel = mpdta()
    one_before = panel["first_treat"].eq(panel["year"].min() + 1)
    assert panel.loc[one_before, "countyreal"].nunique() == 20
    whole, path = did(panel, method="imputation", **COUNTY), event_study(panel, method="imputation", **COUNTY)
    assert whole.n == len(panel) == 2500 and whole.clusters == 500
    # Only those counties are seen three years after their start.
    last = path.table.set_index("event_time").loc[3]
    assert last["estimate"] == pytest.approx(-0.104707, abs=1e-6)
    assert last["std_error"] == pytest.approx(0.033766, abs=1e-6)


def test_trap_j_clean_lead_is_not_the_contaminated_one(shared):
    """Trap J: DIDdesign's lead 1 keeps controls that are treated by then; without them it is .00291."""
    found = paglayan(shared / "golden" / "interventions")
    assert found["clean lead 1", "ATT"][0] == pytest.approx(0.002908, abs=5e-6)


def test_group_time_covariance_is_clustered():
    """One cluster of two copies of each county gives the errors of one copy."""
    once = check_panel(mpdta(), **COUNTY)
    both = pd.concat([mpdta().assign(copy=0), mpdta().assign(copy=1)])
    both["own"] = both["countyreal"] * 10 + both["copy"]
    twice = check_panel(both, outcome="lemp", unit="own", time="year", cohort="first_treat", cluster="countyreal")
    one, two = (influence_covariance(group_time(p).influence, p.cluster) for p in (once, twice))
    assert np.allclose(one, two, rtol=1e-10)

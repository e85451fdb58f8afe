"""What keeps a panel from being evaluated is said clearly, and nothing that looks fine is printed instead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from povstudy.errors import DataError, ParameterError, StandardError
from povstudy.evaluation import check_panel, did, event_study, synthetic_control, synthetic_did

COLUMNS = {"outcome": "income", "unit": "commune", "time": "year", "treatment": "treated"}


def panel(communes: int = 24, years: int = 5, treated: int = 8, start: int = 2023, first: int = 2020) -> pd.DataFrame:
    rng = np.random.default_rng(communes)
    rows = [
        (f"c{i:02d}", first + t, 10 + i + t + rng.normal() + 3.0 * (i < treated and first + t >= start))
        for i in range(communes)
        for t in range(years)
    ]
    table = pd.DataFrame(rows, columns=["commune", "year", "income"])
    inside = (table["commune"] < f"c{treated:02d}") & (table["year"] >= start)
    return table.assign(treated=inside.astype(int))


def test_a_good_panel_is_described():
    found = check_panel(panel(), **COLUMNS)
    assert found.balanced and found.rows == 120 and found.clusters == 24 and found.treated_clusters == 8
    assert found.table.to_dict("list") == {
        "cohort": [2023.0, np.inf],
        "units": [8, 16],
        "clusters": [8, 16],
        "periods_before": [3, 5],
        "periods_after": [2, 0],
    }
    assert any("no column 'standard'" in w for w in found.warnings)


def edit(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """A fault in an otherwise good panel."""
    table = table.copy()
    if what == "no such column":
        return table.rename(columns={"income": "incom"})
    if what == "twice":
        return pd.concat([table, table.iloc[[7]]])
    if what == "one period":
        return table[table["year"] == 2023]
    if what == "switches off":
        table.loc[(table["commune"] == "c01") & (table["year"] == 2024), "treated"] = 0
    if what == "always treated":
        table["treated"] = (table["commune"] < "c08").astype(int)
    if what == "nobody treated":
        table["treated"] = 0
    if what == "everybody treated":
        table["treated"] = (table["year"] >= 2023).astype(int)
    if what == "missing in one arm":
        table.loc[(table["commune"] < "c03") & (table["year"] == 2024), "income"] = np.nan
    if what == "text":
        table["income"] = table["income"].astype(object)
        table.loc[3, "income"] = "12 triệu"
    if what == "half treated":
        table["treated"] = table["treated"] * 0.5
    if what == "half years":
        table["year"] = table["year"] + 0.5
    return table


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no such column", "no column 'income'.*Did you mean 'incom'"),
        ("twice", r"unit-periods with more than one row: 1 \('c01 in 2022'\)"),
        ("one period", r"there is one period only \(2023\).*a period before the programme and one after"),
        ("switches off", r"'treated' switches off for 1 \('c01 in 2024'\).*absorbing"),
        ("always treated", r"every treated unit \(8 \('c00', .*\) is treated in every period"),
        ("nobody treated", "no unit is treated up to 2024; there is nothing to evaluate"),
        ("everybody treated", r"no unit is never treated \(starts \[2023.0\]\)"),
        (
            "missing in one arm",
            "missing or no number in 3 of 40 rows in the treated arm, 0 of 80 in the comparison arm",
        ),
        ("text", "missing or no number in 1 of 40 rows in the treated arm"),
        ("half treated", r"column 'treated' must be 0 or 1; it holds \[0.0, 0.5\]"),
        ("half years", "periods in 'year' must be whole numbers"),
    ],
)
def test_each_fault_is_named(what, message):
    with pytest.raises(DataError, match=message):
        did(edit(panel(), what), **COLUMNS)


def test_one_cluster_is_refused():
    with pytest.raises(DataError, match="all 24 units stand in one cluster"):
        did(panel().assign(province="An Giang"), cluster="province", **COLUMNS)


def test_a_cluster_that_moves_is_refused():
    table = panel().assign(district=lambda d: np.where(d["year"] > 2022, "A", d["commune"]))
    with pytest.raises(DataError, match="'district' changes within 24"):
        did(table, cluster="district", **COLUMNS)


def test_a_start_that_moves_is_refused():
    table = panel().assign(start=lambda d: np.where(d["treated"] == 1, 2023, 0))
    with pytest.raises(DataError, match="'start' changes within 8"):
        did(table, outcome="income", unit="commune", time="year", cohort="start")


@pytest.mark.parametrize("arguments", [{}, {"treatment": "treated", "cohort": "treated"}])
def test_treatment_or_cohort_and_not_both(arguments):
    with pytest.raises(ParameterError, match=r"give either treatment= .* or cohort="):
        did(panel(), outcome="income", unit="commune", time="year", **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "twfee"}, "method='twfee' is not possible.*Did you mean 'twfe'"),
        ({"control": "notyettreated"}, "control='notyettreated' is not possible.*Did you mean 'not_yet_treated'"),
        ({"level": 95}, "level is 95"),
        ({"anticipation": -1}, "anticipation is -1"),
        ({"inference": "wild"}, "needs an estimator that is one regression"),
    ],
)
def test_arguments_are_checked_and_not_ignored(arguments, message):
    with pytest.raises(ParameterError, match=message):
        did(panel(40, treated=20), **(COLUMNS | arguments))


def test_weights_are_used_or_refused_never_ignored():
    table = panel(60, treated=30).assign(households=lambda d: 1 + (d["commune"].str[1:].astype(int) % 5) * 10)
    for method in ("twfe", "callaway_santanna", "two_by_two"):
        assert did(table, method=method, weight="households", **COLUMNS).estimate != pytest.approx(
            did(table, method=method, **COLUMNS).estimate, abs=1e-6
        )
    for method in ("imputation", "sun_abraham"):
        with pytest.raises(ParameterError, match="takes no weights here"):
            did(table, method=method, weight="households", **COLUMNS)
    with pytest.raises(DataError, match="5 weights in 'households' are negative"):
        did(
            table.assign(households=table["households"].where(table["commune"] != "c05", -1)),
            weight="households",
            **COLUMNS,
        )


def test_weights_repeat_households():
    """A commune of weight two is two communes (clusters kept)."""
    table = panel(30, treated=12).assign(w=lambda d: np.where(d["commune"] < "c05", 2.0, 1.0))
    copies = pd.concat([table, table[table["w"] == 2].assign(commune=lambda d: d["commune"] + "x")])
    copies["origin"] = copies["commune"].str[:3]
    for method in ("twfe", "callaway_santanna", "two_by_two"):
        one = did(table, method=method, weight="w", inference="clustered", **COLUMNS)
        two = did(copies, method=method, cluster="origin", inference="clustered", **COLUMNS)
        assert one.estimate == pytest.approx(two.estimate, abs=1e-10)
        assert one.std_error == pytest.approx(two.std_error, rel=0.02)


@pytest.mark.parametrize("kind", ["simple", "group", "event", "calendar"])
def test_weights_repeat_households_in_every_average_of_cohorts(kind):
    table = panel(40).assign(
        start=lambda d: np.where(d["commune"] < "c10", 2022, np.where(d["commune"] < "c25", 2023, 0)),
        w=lambda d: np.where(d["commune"] < "c05", 2.0, 1.0),
    )
    copies = pd.concat([table, table[table["w"] == 2].assign(commune=lambda d: d["commune"] + "x")])
    copies["origin"] = copies["commune"].str[:3]
    columns = {"outcome": "income", "unit": "commune", "time": "year", "cohort": "start", "aggregate": kind}
    one = did(table, weight="w", inference="clustered", **columns)
    two = did(copies, cluster="origin", inference="clustered", **columns)
    assert one.estimate == pytest.approx(two.estimate, abs=1e-10)
    assert one.std_error == pytest.approx(two.std_error, rel=1e-9)
    permuted = did(table, weight="w", inference="randomization", draws=99, **columns)
    assert not any("permuted statistic" in w for w in permuted.warnings)


def test_always_treated_units_are_left_out_and_said():
    table = panel(30, treated=12)
    table.loc[table["commune"] == "c11", "treated"] = 1
    effect = did(table, **COLUMNS)
    assert any("'c11'" in w and "treated in every period" in w for w in effect.warnings)
    assert effect.n == 145


def test_a_start_after_the_last_year_is_untreated():
    table = panel(30).assign(
        start=lambda d: np.where(d["commune"] < "c08", 2023, np.where(d["commune"] < "c10", 2030, 0))
    )
    effect = did(table, outcome="income", unit="commune", time="year", cohort="start")
    assert any("start after the last period" in w for w in effect.warnings)
    assert effect.table["cohort"].unique().tolist() == [2023]


def test_all_treated_later_are_compared_with_those_not_yet_treated():
    table = panel(30).assign(start=lambda d: np.where(d["commune"] < "c15", 2022, 2024))
    columns = {"outcome": "income", "unit": "commune", "time": "year", "cohort": "start"}
    with pytest.raises(DataError, match=r"starts \[2022.0, 2024.0\].*not_yet_treated"):
        did(table, **columns)
    effect = did(table, control="not_yet_treated", **columns)
    assert np.isfinite(effect.estimate)
    assert any("No unit is never treated" in w for w in effect.warnings)
    assert not any("chooses its comparison itself" in w for w in effect.warnings)
    imputed = did(table, control="not_yet_treated", method="imputation", **columns)
    assert any("'imputation'" in repr(w.values) for w in imputed.warnings if getattr(w, "code", "") == "own_comparison")


def test_an_outcome_that_never_changes_is_said_to_tell_nothing():
    table = panel(12)
    columns = {"outcome": "income", "unit": "commune", "time": "year", "treatment": "treated"}
    same = did(table.assign(income=3.0), **columns)
    assert same.estimate == 0 and [w for w in same.warnings if getattr(w, "code", "") == "never_changes"]
    assert not [w for w in did(table, **columns).warnings if getattr(w, "code", "") == "never_changes"]


def test_two_starts_are_no_two_by_two():
    table = panel(30).assign(
        start=lambda d: np.where(d["commune"] < "c08", 2022, np.where(d["commune"] < "c16", 2024, 0))
    )
    columns = {"outcome": "income", "unit": "commune", "time": "year", "cohort": "start"}
    for call in (lambda: did(table, method="two_by_two", **columns), lambda: synthetic_did(table, **columns)):
        with pytest.raises(DataError, match=r"knows one start; the panel has \[2022.0, 2024.0\]"):
            call()


def test_thin_cohorts_are_called_out():
    table = panel(30).assign(
        start=lambda d: np.where(d["commune"] < "c02", 2022, np.where(d["commune"] < "c16", 2024, 0))
    )
    effect = did(table, outcome="income", unit="commune", time="year", cohort="start")
    assert any(w.startswith("Cohorts that rest on few clusters: 2022 (2).") for w in effect.warnings)


def test_bacon_weights_warn_of_forbidden_comparisons():
    table = panel(30).assign(
        start=lambda d: np.where(d["commune"] < "c08", 2022, np.where(d["commune"] < "c16", 2024, 0))
    )
    effect = did(table, outcome="income", unit="commune", time="year", cohort="start", method="twfe")
    assert any("compares newly treated with already treated units (Bacon weights)" in w for w in effect.warnings)
    assert effect.table["weight"].sum() == pytest.approx(1.0)
    assert (effect.table["weight"] @ effect.table["effect"]) == pytest.approx(effect.estimate, abs=1e-9)


def test_trap_i_the_convention_of_the_error_is_printed_and_matters():
    """Trap I: conventions differ by up to 12 %."""
    errors = {}
    for convention in ("nested", "counted", "none"):
        effect = did(panel(50, treated=25), method="twfe", small_sample=convention, **COLUMNS)
        assert f"'{convention}'" in effect.inference and "50 clusters, 25 treated" in effect.inference
        errors[convention] = effect.std_error
    assert errors["counted"] > errors["nested"] > errors["none"]


def test_a_gap_is_kept_and_said():
    table = panel(40, treated=20).drop(index=[1, 76])
    effect = did(table, method="twfe", **COLUMNS)
    assert any("unbalanced: 2 of 200" in w for w in effect.warnings)
    with pytest.raises(DataError, match=r"needs every unit in every period; 2 \("):
        synthetic_control(table, **COLUMNS)


def test_a_gap_just_before_the_first_treated_row_leaves_the_start_unclear():
    table = panel(40, treated=20).drop(index=[3])
    with pytest.raises(DataError, match=r"the start is unclear for 1 \('c00: no row in 2023, treated in 2024'\)"):
        did(table, **COLUMNS)
    given = table.assign(start=np.where(table["commune"] < "c20", 2023, 0))
    assert np.isfinite(did(given, outcome="income", unit="commune", time="year", cohort="start").estimate)


def test_base_periods_change_pre_trends_only():
    """Trap J."""
    table = panel(40, treated=20)
    one, two = (event_study(table, base=b, **COLUMNS).table.set_index("event_time") for b in ("universal", "varying"))
    assert one.loc[-2, "estimate"] == pytest.approx(-two.loc[-1, "estimate"])
    assert one.loc[[0, 1], "estimate"].tolist() == pytest.approx(two.loc[[0, 1], "estimate"].tolist())
    assert "base period universal" in event_study(table, **COLUMNS).method


def test_anticipation_moves_the_base():
    table = panel(40, treated=20, years=6)
    effect = event_study(table, anticipation=1, **COLUMNS)
    assert effect.table.loc[effect.table["reference"], "event_time"].tolist() == [-2]
    assert any("react 1 periods before the start" in w for w in effect.warnings)


# --- one standard -------------------------------------------------------------------------------------------------


def provinces(shared) -> pd.DataFrame:
    """NSO's multidimensional rates of the 63 provinces, each year on the standard in force."""
    raw = pd.read_csv(shared / "data" / "vietnam_panel.csv", dtype={"area_code": str})
    rows = raw[
        (raw["indicator"] == "poverty_rate_multidimensional")
        & (raw["area_level"] == "province")
        & (raw["population_group"] == "all")
        & (raw["year"] <= 2024)
    ].drop_duplicates(["area_code", "year"])
    return pd.DataFrame(
        {
            "area": "vn63-" + rows["area_code"],
            "year": rows["year"],
            "value": rows["value"],
            "standard": np.where(rows["year"] <= 2021, "nso-mdp-2016-2020", "nso-mdp-2022-2025"),
        }
    ).reset_index(drop=True)


PLAN = {"outcome": "value", "unit": "area", "time": "year", "treatment": "plan"}


@pytest.mark.parametrize("estimator", [did, event_study, synthetic_control, synthetic_did])
def test_no_estimator_runs_across_2021_22(shared, estimator):
    table = provinces(shared)
    table["plan"] = ((table["area"] == "vn63-89") & (table["year"] >= 2022)).astype(int)
    with pytest.raises(StandardError, match=r"one evaluation for the outcome 'value' would mix 2 series"):
        estimator(table, **PLAN)
    inside = table[table["year"].between(2016, 2021)].assign(
        plan=lambda d: ((d["area"] == "vn63-89") & (d["year"] >= 2020)).astype(int)
    )
    assert not any("no column 'standard'" in w for w in estimator(inside, **PLAN).warnings)


def test_two_territories_are_not_one_panel(shared):
    table = provinces(shared)
    table = table[table["year"].between(2016, 2021)].assign(
        plan=lambda d: ((d["area"] == "vn63-89") & (d["year"] >= 2020)).astype(int)
    )
    mixed = table.assign(area=table["area"].where(table["area"] != "vn63-91", "vn34-91"))
    with pytest.raises(StandardError):
        did(mixed, **PLAN)


def test_a_missing_label_is_no_standard():
    table = panel().assign(standard="nso-mdp-2022-2025")
    table.loc[4, "standard"] = np.nan
    with pytest.raises(StandardError):
        did(table, **COLUMNS)


# --- hostile values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ['"); import os #', "<script>", "../../x", "=cmd()", "x" * 10_000, "Ô Lâm"])
def test_names_are_data(value):
    table = panel(40, treated=20).rename(columns={"income": value})
    table["commune"] = table["commune"] + value[:20]
    effect = did(table, **(COLUMNS | {"outcome": value}))
    assert effect.outcome == value and np.isfinite(effect.estimate)


def test_the_order_of_rows_does_not_matter():
    table = panel(40, treated=20)
    shuffled = table.sample(frac=1, random_state=1)
    for method in ("twfe", "callaway_santanna", "imputation"):
        assert did(table, method=method, **COLUMNS).estimate == pytest.approx(
            did(shuffled, method=method, **COLUMNS).estimate, abs=1e-12
        )

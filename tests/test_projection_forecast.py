"""forecast(): options, the default rule and its reasons, invariances, and what a Forecast answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import povstudy
from povstudy.errors import DataError, ParameterError
from povstudy.projection import METHODS, forecast
from povstudy.projection.evidence import panel_weight, record_weight, trend_weight
from povstudy.projection.result import HUB_COLUMNS, HUB_QUANTILES
from povstudy.projection.spell import expit, logit

TABLE = ["area", "origin_year", "target_year", "horizon", "method", "scenario", "standard", "median"]
BOUNDS = ["low_50", "high_50", "low_80", "high_80", "low_95", "high_95"]


def panel(count: int = 12, points: int = 4, *, drift: float = -0.25, noise: float = 0.05, seed: int = 3):
    random = np.random.default_rng(seed)
    z = np.linspace(-0.5, -3.0, count)[:, None] + np.concatenate(
        [np.zeros((count, 1)), (drift + noise * random.standard_normal((count, points - 1))).cumsum(axis=1)], axis=1
    )
    return pd.DataFrame(
        {
            "area": np.repeat([f"a{i:02d}" for i in range(count)], points),
            "year": np.tile(np.arange(2016, 2016 + points), count),
            "value": (100 / (1 + np.exp(-z))).round(2).ravel(),
            "weight": np.repeat(random.uniform(1.0, 9.0, count).round(3), points),
            "standard": "own",
        }
    )


def led(rows: pd.DataFrame, **top: float) -> pd.DataFrame:
    values = top or {"y2016": 20.0, "y2017": 17.0, "y2018": 14.0, "y2019": 12.0}
    parent = pd.DataFrame({"area": "top", "year": [int(y[1:]) for y in values], "value": list(values.values())})
    return pd.concat([rows.assign(parent="top"), parent], ignore_index=True)


def test_the_contract_of_the_table():
    made = povstudy.forecast(panel(), horizon=3)
    assert list(made.table.columns) == [*TABLE, *BOUNDS, "rule"]
    assert isinstance(made, povstudy.Forecast)
    assert made.draws.shape == (2000, 12, 3)
    assert made.areas == tuple(sorted(made.areas))
    assert made.table["area"].tolist() == [a for a in made.areas for _ in range(3)]
    assert (made.table["target_year"] - made.table["origin_year"]).equals(made.table["horizon"])
    ordered = made.table[["low_95", "low_80", "low_50", "median", "high_50", "high_80", "high_95"]].to_numpy()
    assert (np.diff(ordered, axis=1) > 0).all()


def test_the_median_is_the_path():
    rows = pd.DataFrame({"area": "vn63-89", "year": [2022, 2024], "value": [4.64, 2.53]})
    medians = {m: forecast(rows, horizon=1, method=m).table["median"][0] for m in METHODS[2:5]}
    assert medians == pytest.approx({"linear_pp": 1.475, "constant_rate": 1.868, "logistic": 1.861}, abs=5e-4)


def test_levels_name_their_columns():
    table = forecast(panel(), horizon=1, levels=(0.9, 0.975)).table
    assert [c for c in table if c.startswith(("low", "high"))] == ["low_90", "high_90", "low_97.5", "high_97.5"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"horizon": 0}, "horizon must be a whole number of years between 1 and 30; got '0'"),
        ({"horizon": 31}, "between 1 and 30"),
        ({"horizon": 2.0}, "horizon must be a whole number"),
        ({"horizon": True}, "horizon must be a whole number"),
        ({"method": "logistik"}, "Did you mean 'logistic'?"),
        ({"method": "<script>" * 1000}, "possible are default, last_value"),
        ({"levels": (0.8, 1.0)}, "inside (0, 1)"),
        ({"levels": (80,)}, "inside (0, 1)"),
        ({"levels": ()}, "sequence of probabilities"),
        ({"levels": 0.8}, "sequence of probabilities"),
        ({"levels": (0.8, 0.8)}, "differ"),
        ({"draws": 99}, "draws must be a whole number of draws between 100"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"scenario": {"name": "x", "annual_decline": 1}}, "scenario is followed by method 'plan_path' only"),
        ({"method": "plan_path"}, "none was given"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(ParameterError) as caught:
        forecast(panel(), **({"horizon": 2} | options))
    assert words in str(caught.value) and len(str(caught.value)) < 500


def rule_of(made, area: str) -> tuple[str, str]:
    row = made.table[made.table["area"].eq(area)].iloc[0]
    return row["method"], row["rule"]


def test_default_with_a_parent():
    made = forecast(led(panel()), horizon=2)
    assert rule_of(made, "a00")[0] == "national_first"
    assert "parent top first, mean of its pp and logit path, its drift counted 0.96; 12 areas add up to" in made.reason
    assert set(made.parents["scale"]) == {"pp", "logit"}
    assert made.parents.loc[made.parents["year"].le(2019), "known"].all()


def test_default_without_a_parent_lends_strength():
    method, rule = rule_of(forecast(panel(drift=-0.08, noise=0.1), horizon=2), "a00")
    assert method == "eb_drift" and "12 areas lend strength" in rule
    assert re.search(r"the mean drift of -0\.07\d logit a year \(1\.\d standard errors\) counted 0\.[67]", rule)


def test_a_firm_fall_leads_the_areas_without_a_parent():
    made = forecast(panel(), horizon=2)
    method, rule = rule_of(made, "a00")
    assert method == "national_first" and "standard errors: the areas' own mean first" in rule
    assert set(made.parents["parent"]) == {"the areas' own mean"} and (made.parents["ratio"] == 1).all()


def test_default_with_few_siblings():
    method, rule = rule_of(forecast(panel(count=3), horizon=2), "a00")
    assert method == "national_first" and "no parent and only 3 siblings: the areas' own mean first" in rule


def test_a_lone_series_leads_itself():
    made = forecast(panel(count=1), horizon=2)
    method, rule = rule_of(made, "a00")
    assert method == "national_first" and "no parent and no siblings: its own path first" in rule
    assert set(made.parents["parent"]) == {"a00"}


def test_a_lone_series_needs_no_weight():
    method, rule = rule_of(forecast(panel(count=1).assign(weight=0.0), horizon=2), "a00")
    assert method == "national_first" and "its own path first" in rule
    method, rule = rule_of(forecast(panel(count=3).assign(weight=0.0), horizon=2), "a00")
    assert method == "last_value" and "no area has a weight" in rule


def test_a_nation_alone_and_the_path_that_leads_its_provinces_are_one():
    from povstudy.sources import load, rate_panel

    rates = load("rates")
    alone = forecast(rate_panel(rates, standard="nso-mdp-2022-2025", areas=["vn"], parent=None), horizon=6)
    above = forecast(rate_panel(rates, standard="nso-mdp-2022-2025"), horizon=7)
    mean = above.parents.groupby("year")["value"].mean()
    ahead = alone.table.set_index("target_year")["median"]
    assert len(ahead) == 6 and ahead.to_numpy() == pytest.approx(mean[ahead.index].to_numpy(), rel=1e-4)
    both = [made.parents[["year", "scale", "value"]].set_index(["year", "scale"])["value"] for made in (alone, above)]
    same = both[0].index.intersection(both[1].index)
    assert len(same) > 12 and both[0][same].to_numpy() == pytest.approx(both[1][same].to_numpy(), rel=1e-9)


def test_default_without_a_trend():
    # A panel's mean is never cut off: below one standard error it counts for less than half.
    method, rule = rule_of(forecast(panel(drift=0.0, noise=0.2), horizon=2), "a00")
    ratio, share = map(float, re.search(r"\((\d\.\d) standard errors\) counted (\d\.\d\d)", rule).groups())
    assert method == "eb_drift" and ratio < 1 and 0 < share < 0.5
    still = led(panel(), y2016=12.0, y2019=12.1)
    method, rule = rule_of(forecast(still, horizon=2), "a00")
    assert method == "last_value" and "parent top has no trend beyond its error" in rule
    method, rule = rule_of(forecast(panel(count=1, drift=0.02), horizon=2), "a00")
    assert method == "last_value" and "its drift is less than one standard error" in rule


def of_steps(*steps: float, count: int = 12) -> pd.DataFrame:
    """A panel whose areas all take these yearly logit steps."""
    z = np.linspace(-2.0, -0.5, count)[:, None] + np.concatenate([[0.0], np.cumsum(steps)])
    years = range(2020 - len(steps), 2021)
    areas = [f"a{number:02d}" for number in range(count)]
    return (
        pd.DataFrame(expit(z), index=areas, columns=years)
        .rename_axis("area")
        .melt(var_name="year", value_name="value", ignore_index=False)
        .reset_index()
        .astype({"year": int})
    )


def test_a_panel_is_believed_as_far_as_what_it_said_before_came_true():
    fickle = (-0.2, -0.2, -0.2, 0.2, 0.2, -0.2, -0.2, -0.2, -0.2)
    method, rule = rule_of(forecast(of_steps(*fickle), horizon=1), "a00")
    share = re.search(r"counted (0\.\d\d) \((\d+)% of the drifts claimed before came true\)", rule)
    assert method == "eb_drift" and float(share[1]) < 0.5 and int(share[2]) < 75
    # As many falls and rises in another order: nothing that was claimed failed.
    kept = (0.2, -0.2, 0.2, -0.2, -0.2, -0.2, -0.2, -0.2, -0.2)
    made = {steps: forecast(of_steps(*steps), horizon=1) for steps in (fickle, kept)}
    moved = {steps: logit(one.table["median"].to_numpy()).mean() for steps, one in made.items()}
    assert "came true" not in rule_of(made[kept], "a00")[1] and moved[kept] < moved[fickle] - 0.02
    # Areas of one year share its shock: a hundred of them are no more record than twelve.
    many = rule_of(forecast(of_steps(*fickle, count=100), horizon=1), "a00")[1]
    assert share[2] in many


def test_the_record_by_hand():
    # One past origin: two equal steps of .2 claimed k .2, and -.1 followed.
    prior, year = 4 * 0.045**2, np.ones(3)
    error = 3 * prior / 5 / 2
    claimed = 0.2**2 / (0.2**2 + error) * 0.2
    now = 3 * (prior + 0.06) / 6
    expected = (1 - claimed * 0.1 / now) / (1 + claimed**2 / now)
    steps = np.array([0.2, 0.2, -0.1])
    assert record_weight(steps, year, year, window=10) == pytest.approx(expected)
    assert record_weight(steps, year, 0.9 * year, window=10) > expected
    assert record_weight(steps[:2], year[:2], year[:2], window=10) == 1.0
    always = np.array([0.1, 0.1, -0.02] + [-0.03, 0.1, 0.1, -0.02] * 6)
    assert record_weight(always, np.ones(27), np.ones(27), window=3) < 0.5


def test_areas_that_drift_apart_keep_their_own_drift_where_their_mean_has_none():
    rows = panel(count=20, points=8, drift=0.0, noise=0.02)
    year = rows["year"] - rows["year"].min()
    tilt = (0.015 + np.where(rows["area"].str[1:].astype(int) % 2 == 0, -0.15, 0.15)) * year
    z = np.log(rows["value"] / (100 - rows["value"])) + tilt
    made = forecast(rows.assign(value=(100 / (1 + np.exp(-z))).round(2)), horizon=3)
    method, rule = rule_of(made, "a00")
    share = float(re.search(r"0\.015 logit a year \(0\.\d standard errors\) counted (0\.\d\d)", rule)[1])
    assert method == "eb_drift" and 0.05 < share < 0.25
    ends = made.table.groupby("area")["median"].agg(["first", "last"])
    assert (ends["last"] < ends["first"])[::2].all() and (ends["last"] > ends["first"])[1::2].all()
    # Of the mean's own fifteen thousandths a year only that share is carried on.
    z = np.log(ends / (100 - ends))
    assert (z["last"] - z["first"]).mean() / 2 == pytest.approx(0.015 * share * 0.9**2.5, abs=0.001)


def test_a_panels_mean_counts_by_its_own_error_without_a_step():
    assert panel_weight(-0.3, 0.01) == pytest.approx(0.9) == trend_weight(-0.3, 0.01)
    assert panel_weight(0.05, 0.01) == pytest.approx(0.2) and trend_weight(0.05, 0.01) == 0.0
    assert panel_weight(0.0, 0.01) == 0.0
    drifts = np.linspace(0.001, 0.5, 400)
    shares = np.array([panel_weight(drift, 0.01) for drift in drifts])
    assert (np.diff(shares) > 0).all() and np.diff(shares).max() < 0.01 and (shares < 1).all()


def test_one_point_claims_no_trend():
    lone = panel(count=1, points=1)
    made = forecast(lone, horizon=3)
    method, rule = rule_of(made, "a00")
    assert method == "last_value" and "no trend can be claimed" in rule and "wide interval" in rule
    row = made.table.iloc[2]
    assert row["low_80"] < 0.6 * row["median"] and row["high_80"] > 1.25 * row["median"]
    method, rule = rule_of(forecast(led(lone.assign(year=2019)), horizon=3), "a00")
    assert method == "national_first" and "one point: no trend of its own is claimed" in rule
    for rows, expected in ((panel(), "national_first"), (panel(drift=-0.08, noise=0.1), "eb_drift")):
        rows = pd.concat([rows, lone.assign(area="new", year=2019)])
        method, rule = rule_of(forecast(rows, horizon=3), "new")
        assert method == expected and "one point: no trend of its own is claimed" in rule


def test_two_points_and_a_parent_claim_no_trend():
    rows = led(panel(count=1, points=2).assign(year=[2018, 2019]))
    method, rule = rule_of(forecast(rows, horizon=2), "a00")
    assert method == "national_first" and "two points: no trend of its own is claimed" in rule


def test_a_parent_that_cannot_lead_is_left_aside():
    for top in ({"y2019": 12.0}, {"y2025": 9.0, "y2026": 8.0}):
        made = forecast(led(panel(), **top), horizon=2)
        assert "no parent" in rule_of(made, "a00")[1] and "top" not in set(made.parents["parent"])


def test_the_rule_never_sees_a_name():
    rows = led(panel())
    names = {f"a{i:02d}": name for i, name in enumerate(np.random.default_rng(0).permutation(100)[:12].astype(str))}
    names = {old: "vn63-" + new.zfill(2) for old, new in names.items()} | {"top": "vn"}
    renamed = rows.assign(area=rows["area"].map(names), parent=rows["parent"].map(names))
    one, two = forecast(rows, horizon=3), forecast(renamed, horizon=3)
    order = [two.areas.index(names[a]) for a in one.areas]
    assert np.array_equal(one.draws, two.draws[:, order])
    numbers = ["median", *BOUNDS]
    there = two.table.set_index(["area", "horizon"]).loc[
        [(names[a], h) for a, h in zip(one.table["area"], one.table["horizon"], strict=True)], numbers
    ]
    assert np.array_equal(one.table[numbers].to_numpy(), there.to_numpy())


def test_the_order_of_rows_does_not_matter():
    rows = led(panel())
    one, two = forecast(rows, horizon=3), forecast(rows.sample(frac=1.0, random_state=5), horizon=3)
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
    assert np.array_equal(one.draws, two.draws)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    rows = panel()
    one, two, three = (forecast(rows, horizon=2, seed=s) for s in (7, 7, 8))
    assert one.draws.tobytes() == two.draws.tobytes()
    assert one.draws.tobytes() != three.draws.tobytes()


def test_the_scale_of_weights_does_not_matter():
    rows = led(panel())
    one, two = forecast(rows, horizon=2), forecast(rows.assign(weight=rows["weight"] * 1000), horizon=2)
    assert one.table["median"].to_numpy() == pytest.approx(two.table["median"].to_numpy(), rel=1e-9)


def test_weights_are_used():
    rows = led(panel())
    heavy = rows.assign(weight=rows["weight"].where(rows["area"].ne("a00"), 500.0))
    assert not np.allclose(forecast(rows, horizon=2).table["median"], forecast(heavy, horizon=2).table["median"])


def test_no_names_of_countries_or_areas_in_the_rules():
    import inspect

    from povstudy.projection import choice, evidence, methods, parents, paths, pooling

    for module in (choice, evidence, methods, parents, paths, pooling):
        source = inspect.getsource(module).lower()
        assert "vn63" not in source and "viet" not in source and '"vn"' not in source


def test_probability_and_first_year_come_from_the_draws():
    made = forecast(panel(), horizon=4)
    value = made.table["median"][1]
    assert made.probability_at_most(value, 2021, area="a00") == pytest.approx(0.5, abs=1e-3)
    first = made.first_year_at_most(value, area="a00")
    assert list(first.index) == [2020, 2021, 2022, 2023, "never"]
    assert first.sum() == pytest.approx(1.0)
    below = made.draws[:, 0] <= value
    assert first["never"] == pytest.approx(1 - below.any(axis=1).mean())
    # "Ever below" is more than "below at the end", and the first year is joint over years.
    assert 1 - first["never"] >= made.probability_at_most(value, 2023, area="a00")
    assert first[2021] == pytest.approx((below[:, 1] & ~below[:, 0]).mean())
    made = forecast(panel(count=1), horizon=1)
    assert made.probability_at_most(100.0, 2020) == 1.0


def test_questions_outside_the_forecast():
    made = forecast(panel(), horizon=2)
    with pytest.raises(ParameterError, match="runs from 2020 to 2021"):
        made.probability_at_most(1.0, 2022, area="a00")
    with pytest.raises(DataError, match="holds 12 areas; say which one"):
        made.first_year_at_most(1.0)
    with pytest.raises(DataError, match="Did you mean"):
        made.probability_at_most(1.0, 2020, area="a0")


def test_aggregate_is_the_weighted_sum_of_joint_draws():
    made = forecast(panel(), horizon=2)
    whole = made.aggregate(["a00", "a05"], [3.0, 1.0], name="both")
    by_hand = 0.75 * made.draws[:, 0] + 0.25 * made.draws[:, 5]
    assert whole.draws[:, 0] == pytest.approx(by_hand)
    assert whole.areas == ("both",) and whole.table["area"].eq("both").all()
    assert whole.table["median"].to_numpy() == pytest.approx(np.median(by_hand, axis=0), rel=1e-3)
    assert "a00 (0.750), a05 (0.250)" in whole.table["rule"][0]
    mapped = made.aggregate(["a00", "a05"], {"a05": 1.0, "a00": 3.0}, name="both")
    assert np.array_equal(mapped.draws, whole.draws)
    assert 0 < whole.probability_at_most(float(np.median(by_hand[:, 0])), 2020) < 1


def test_shared_shocks_stay_shared_in_a_sum():
    made = forecast(led(panel(count=40), y2016=20.0, y2017=18.0, y2018=12.0, y2019=11.0), horizon=2)
    whole = made.aggregate(list(made.areas), [1.0] * 40)
    apart = np.stack([np.random.default_rng(i).permutation(made.draws[:, i, 1]) for i in range(40)]).mean(axis=0)
    assert whole.draws[:, 0, 1].std() > 2 * apart.std()


@pytest.mark.parametrize(
    ("parts", "weights", "words"),
    [
        (["a00", "zz"], [1, 1], "area 'zz' is not in this forecast"),
        (["a00", "a00"], [1, 1], "each part once"),
        ([], [], "each part once"),
        (["a00", "a01"], [1], "weights must be 2 numbers"),
        (["a00", "a01"], [1, -1], "none negative"),
        (["a00", "a01"], [1, np.nan], "none negative or missing"),
        (["a00", "a01"], [0, 0], "positive in sum"),
        (["a00", "a01"], {"a00": 1.0}, "no weight for a01"),
    ],
)
def test_a_sum_that_cannot_be_made(parts, weights, words):
    with pytest.raises(DataError) as caught:
        forecast(panel(), horizon=1).aggregate(parts, weights)
    assert words in str(caught.value)


def test_parts_with_different_origins_are_not_added():
    rows = panel()
    rows = rows[~(rows["area"].eq("a00") & rows["year"].eq(2019))]
    with pytest.raises(DataError, match="last seen in different years \\(2018, 2019\\)"):
        forecast(rows, horizon=2).aggregate(["a00", "a01"], [1, 1])


def test_an_area_with_an_older_last_figure_is_forecast_from_it():
    rows = panel()
    rows = rows[~(rows["area"].eq("a00") & rows["year"].eq(2019))]
    table = forecast(rows, horizon=2).table
    assert table.loc[table["area"].eq("a00"), "target_year"].tolist() == [2019, 2020]
    assert table.loc[table["area"].eq("a01"), "target_year"].tolist() == [2020, 2021]


def test_hub_rows():
    made = forecast(panel(), horizon=2)
    value = round(made.table["median"][1], 1)
    rows = made.to_hubverse(group="all", targets={2021: [0.5, value]}, areas=["a00"])
    assert list(rows.columns) == list(HUB_COLUMNS)
    assert len(rows) == 2 * (len(HUB_QUANTILES) + 1) + 2
    assert set(rows["model_id"]) == {"povstudy-default"}
    mean = rows[rows["output_type"].eq("mean")]
    assert mean["output_type_id"].tolist() == ["NA", "NA"]
    assert mean["value"].to_numpy() == pytest.approx(made.draws[:, 0].mean(axis=0))
    cdf = rows[rows["output_type"].eq("cdf")].set_index("output_type_id")["value"]
    assert 0.1 < cdf[f"{value:g}"] == made.probability_at_most(value, 2021, area="a00") < 0.9
    half = rows[rows["output_type"].eq("quantile") & rows["output_type_id"].eq("0.5")]["value"]
    assert half.to_numpy() == pytest.approx(made.table.loc[made.table["area"].eq("a00"), "median"].to_numpy(), rel=0)
    tenth = rows[rows["output_type_id"].eq("0.1")]["value"].to_numpy()
    assert tenth == pytest.approx(made.table.loc[made.table["area"].eq("a00"), "low_80"].to_numpy(), rel=1e-12)


HOSTILE = ['"); import os #', "<script>alert(1)</script>", "../../x", "=cmd()", "x" * 10_000]


def test_a_hostile_name_is_only_a_name():
    rows = led(panel(count=5))
    names = dict(zip([f"a{i:02d}" for i in range(5)], HOSTILE, strict=True))
    renamed = rows.assign(area=rows["area"].replace(names), standard=HOSTILE[1])
    made = forecast(renamed, horizon=2, draws=100)
    assert set(made.areas) == set(HOSTILE)
    assert set(made.to_hubverse()["location"]) == set(HOSTILE)
    plain = forecast(rows, horizon=2, draws=100)
    assert sorted(plain.table["median"]) == sorted(made.table["median"])


def test_bytes_do_not_depend_on_the_hash_seed():
    code = (
        "import hashlib, pandas as pd; from povstudy import forecast; "
        "rows = pd.DataFrame([(f'a{i}', y, 30.0 - i - y % 2010, 't') for i in range(14) for y in (2010, 2012, 2013)], "
        "columns=['area', 'year', 'value', 'parent']); "
        "top = pd.DataFrame({'area': 't', 'year': [2010, 2013], 'value': [20.0, 17.0]}); "
        "made = forecast(pd.concat([rows, top]), horizon=2, draws=100); "
        "print(hashlib.sha256(made.draws.tobytes() + made.table.to_csv().encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_scenario_is_named_in_the_table():
    made = forecast(led(panel()), horizon=2, method="plan_path", scenario={"name": "plan 1.0", "annual_decline": 1.0})
    assert made.table["scenario"].eq("plan 1.0").all() and made.scenario == "plan 1.0"
    assert made.table["method"].eq("plan_path").all() and "scenario plan 1.0" in made.reason
    assert forecast(panel(), horizon=1).table["scenario"].eq("none").all()


@pytest.mark.parametrize("method", [m for m in METHODS if m != "plan_path"])
def test_every_method_forecasts(method):
    made = forecast(led(panel()), horizon=2, method=method, draws=200)
    assert made.table[["median", *BOUNDS]].notna().all(axis=None)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=7), min_size=1, max_size=14),
    st.booleans(),
    st.integers(1, 12),
)
def test_whatever_the_figures_draws_are_rates(series, with_parent, horizon):
    rows = pd.concat(
        [
            pd.DataFrame({"area": f"a{i}", "year": range(2010, 2010 + len(own)), "value": own})
            for i, own in enumerate(series)
        ]
    )
    if with_parent:
        rows = pd.concat([rows.assign(parent="t"), pd.DataFrame({"area": "t", "year": [2010, 2014], "value": [9, 4]})])
    made = forecast(rows, horizon=horizon, draws=100)
    assert np.isfinite(made.draws).all() and (made.draws >= 0).all() and (made.draws <= 100).all()
    assert (made.table["rule"].str.len() > 10).all()


def test_an_giangs_interval_spans_the_rules_that_the_record_cannot_tell_apart():
    """From the fourth year on, which no spell could score in full: pp, logit, damped and EB, each by itself."""
    from povstudy.sources import load, rate_panel

    panel = rate_panel(load("rates"), standard="nso-mdp-2022-2025")
    made = forecast(panel, horizon=6).table.set_index(["area", "horizon"]).loc["vn63-89"].loc[4:]
    for method in ("linear_pp", "logistic", "damped_logit", "eb_drift"):
        other = forecast(panel, horizon=6, method=method, draws=100).table.set_index(["area", "horizon"])
        medians = other.loc["vn63-89", "median"].loc[4:]
        assert medians.between(made["low_80"], made["high_80"]).all(), method
    whole = forecast(panel, horizon=6).table
    own = whole[whole["area"].eq("vn63-89")]
    # No bump: after the year whose national figure is known the bounds only fall.
    assert (np.diff(own["high_80"]) < 0).all() and (np.diff(own["high_95"]) < 0).all()

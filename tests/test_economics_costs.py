"""Costs, what they buy, how long it lasts, who is counted, and forecasts with a scaled-up model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from povstudy.economics import (
    acceptability,
    annuity,
    break_even,
    check_costs,
    cost_effectiveness,
    cost_summary,
    count_once,
    disbursement,
    fieller,
    household_years,
    net_exits,
    real_costs,
    scale_up,
    shrink,
    staying_out,
)
from povstudy.errors import DataError, ParameterError
from povstudy.evaluation import Effect


def ledger(**changes: object) -> pd.DataFrame:
    """A cattle model: herd from the centre, training by the province, the household's own part."""
    rows = [
        ("cattle", "calves", "central", 2023, 20.0, "capital", "per_household", 5.0, 0.2, 2026),
        ("cattle", "own shed", "household", 2023, 5.0, "capital", "per_household", 10.0, 0.0, np.nan),
        ("cattle", "training", "province", 2023, 300.0, "recurrent", "fixed", np.nan, 0.0, np.nan),
        ("cattle", "follow-up", "fund_for_the_poor", 2024, 100.0, "recurrent", "fixed", np.nan, 0.0, np.nan),
    ]
    columns = ["model", "item", "payer", "year", "amount", "kind", "basis", "lifetime", "repaid_share", "repaid_year"]
    return pd.DataFrame(rows, columns=columns).assign(price_year=2023).assign(**changes)


def effect(estimate: float, low: float, high: float, **more: object) -> Effect:
    se = (high - low) / 2 / 1.959964
    return Effect(
        estimate, se, low, high, 0.5, "clustered", "2x2", 100, 100, 50, pd.DataFrame(), outcome="poor", **more
    )


KNOWN = effect(-0.2, -0.28, -0.12)


# --- the ledger -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"amount": [20.0, -5.0, 300.0, 100.0]}, "row 2: amount -5 is negative; money that comes back is repaid_share"),
        ({"price_year": [2023, None, 2023, 2023]}, r"row 2: 'price_year' is nan \(a cost without its price year"),
        ({"price_year": [2023, 2023.5, 2023, 2023]}, "row 2: 'price_year' is 2023.5; it is a year such as 2024"),
        ({"year": [2023, 2023, 24, 2023]}, "row 3: 'year' is 24; it is a year such as 2024"),
        (
            {"payer": ["central", "centrl", "province", "province"]},
            "row 2: payer 'centrl' is none of.*Did you mean 'central'",
        ),
        ({"kind": "asset"}, "row 1: kind 'asset' is none of"),
        ({"repaid_share": [1.2, 0, 0, 0]}, "repaid_share must lie between 0 and 1"),
        ({"amount": ["20", "5", "nhiều", "1"]}, "row 3: 'amount' is 'nhiều'"),
    ],
)
def test_faults_of_a_ledger_are_named(changed, message):
    with pytest.raises(DataError, match=message):
        check_costs(ledger(**changed))


def test_a_ledger_without_price_year_is_refused():
    with pytest.raises(
        DataError, match=r"columns \['price_year'\] are missing.*Without the price year an amount cannot"
    ):
        cost_effectiveness(KNOWN, ledger().drop(columns="price_year"), households=50)


def test_all_faults_at_once():
    with pytest.raises(DataError) as found:
        check_costs(ledger(payer="nobody", amount=-1.0))
    assert str(found.value).count("\n- ") == 2


def test_real_discounted_and_repaid_by_hand():
    out = real_costs(ledger(), base_year=2024, prices={2023: 100.0, 2024: 105.0}, discount_rate=0.1, start_year=2023)
    calves, _, _, follow_up = (row for row in out.itertuples())
    assert calves.real == pytest.approx(21.0) and calves.present == pytest.approx(21.0)
    assert calves.repaid == pytest.approx(21.0 * 0.2 / 1.1**3)
    assert calves.net == pytest.approx(calves.present - calves.repaid)
    assert follow_up.present == pytest.approx(105.0 / 1.1)
    assert calves.yearly == pytest.approx(21.0 * 0.1 / (1 - 1.1**-5))
    assert follow_up.yearly == pytest.approx(105.0)


def test_a_missing_index_names_the_years():
    with pytest.raises(DataError, match=r"row 1 is in money of 2023 and the result in money of 2025.*for \[2025\]"):
        real_costs(ledger(), base_year=2025, prices={2023: 100.0})


def test_an_annuity_pays_its_sum_back():
    paid = annuity(1000.0, 8, 0.06)
    assert sum(paid / 1.06**t for t in range(1, 9)) == pytest.approx(1000.0)


def test_who_pays_and_average_against_marginal():
    found = cost_summary(ledger(), households=50, base_year=2023).iloc[0]
    assert found["fixed"] == 400 and found["marginal"] == pytest.approx(20 * 0.8 + 5)
    assert found["net"] == pytest.approx(400 + 50 * 21) and found["total"] == pytest.approx(400 + 50 * 25)
    assert found["per_household"] == pytest.approx(29.0) and found["repaid"] == pytest.approx(50 * 4)
    assert found[["central", "province", "fund_for_the_poor", "household"]].tolist() == [800.0, 300.0, 100.0, 250.0]
    budget = cost_summary(ledger(), households=50, base_year=2023, payers=["central", "province"]).iloc[0]
    assert budget["net"] == pytest.approx(1100.0)


def test_disbursed_over_assigned_with_its_date():
    table = ledger(assigned=[40.0, np.nan, 300.0, 200.0], as_of=["2023-11-30", "", "2023-12-31", "2024-06-30"])
    found = disbursement(table).set_index("payer")
    assert found.loc["central", "rate"] == 50.0 and found.loc["fund_for_the_poor", "as_of"] == "2024-06-30"
    assert "household" not in found.index
    with pytest.raises(DataError, match="no row of the ledger says how much money was assigned"):
        disbursement(ledger())


# --- cost per household lifted out ----------------------------------------------------------------------------------


def test_the_two_argument_call_reads_the_ledger():
    table = cost_effectiveness(KNOWN, ledger(households=50))
    assert table.loc[0, "value"] == pytest.approx(1450 / (0.2 * 50))
    assert table["unit"].str.startswith("money of 2023").all()
    with pytest.raises(DataError, match="give households=, the number served"):
        cost_effectiveness(KNOWN, ledger())


def test_the_three_quantities_by_hand():
    path = staying_out(3, relapse=0.2)
    table = cost_effectiveness(KNOWN, ledger(), households=50, staying=path, population=2000).set_index("quantity")
    lifted = 0.2 * 50
    assert table.loc["household lifted out", "value"] == pytest.approx(1450 / lifted)
    assert table.loc["household-year out of poverty", "value"] == pytest.approx(1450 / (lifted * 2.44))
    assert table.loc["percentage point of those served", "value"] == pytest.approx(1450 / 20)
    assert table.loc["percentage point of the area", "value"] == pytest.approx(1450 / (100 * lifted / 2000))
    in_points = cost_effectiveness(effect(-20, -28, -12), ledger(), households=50, unit="points")
    assert in_points.loc[0, "value"] == pytest.approx(1450 / lifted)
    income = cost_effectiveness(effect(6.0, 2.0, 10.0), ledger(), households=50, unit="amount", lower_is_better=False)
    assert income.loc[0, "value"] == pytest.approx(29 / 6)


@pytest.mark.parametrize("method", ["fieller", "bootstrap"])
def test_unknown_when_the_interval_spans_zero(method):
    table = cost_effectiveness(effect(-0.2, -0.45, 0.05), ledger(), households=50, method=method)
    assert set(table["status"]) == {"unknown"}
    assert table[["value", "low", "high"]].isna().all().all()
    assert table.loc[0, "best_case"] == pytest.approx(1450 / (0.45 * 50))


def test_dominated_when_it_does_harm():
    table = cost_effectiveness(effect(0.1, 0.05, 0.15), ledger(), households=50)
    assert set(table["status"]) == {"dominated"} and table["value"].isna().all()


def test_an_effect_without_an_interval_gives_no_cost_that_looks_known():
    blind = Effect(-0.2, np.nan, np.nan, np.nan, np.nan, "cannot be tested", "did", 9, 9, 1, pd.DataFrame())
    with pytest.raises(DataError, match=r"its effect has no interval \(cannot be tested\).*break_even"):
        cost_effectiveness(blind, ledger(), households=50)


def test_a_share_of_thirty_is_refused():
    with pytest.raises(DataError, match="is no share; for percentage points use unit='points'"):
        cost_effectiveness(effect(-20, -28, -12), ledger(), households=50)


def test_fieller_holds_the_ratio_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        cost, benefit = rng.normal(100, 10), rng.normal(10, 1.5)
        low, high = fieller(cost, benefit, 10.0, 1.5)
        hits += not np.isnan(low) and low <= 10.0 <= high
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)
    assert np.isnan(fieller(100.0, 1.0, 0.0, 1.0)).all()


def test_fieller_and_bootstrap_agree_where_the_effect_is_sure():
    sure = effect(-0.2, -0.24, -0.16)
    a = cost_effectiveness(sure, ledger(), households=50, cost_error=0.05).iloc[0]
    b = cost_effectiveness(sure, ledger(), households=50, cost_error=0.05, method="bootstrap", draws=40_000).iloc[0]
    assert (a["low"], a["high"]) == pytest.approx((b["low"], b["high"]), rel=0.03)
    assert a["low"] < a["value"] < a["high"]


def test_acceptability_rises_with_what_one_would_pay():
    curve = acceptability(KNOWN, ledger(), households=50, base_year=2023, thresholds=[0, 100, 145, 200, 1e6])
    assert curve["probability"].is_monotonic_increasing
    assert curve["probability"].iloc[2] == pytest.approx(0.5, abs=0.03)
    assert curve["probability"].iloc[[0, 4]].tolist() == [0.0, 1.0]


def test_one_effect_a_model_or_a_clear_message():
    two = pd.concat([ledger(), ledger(model="credit")])
    table = cost_effectiveness({"cattle": KNOWN, "credit": effect(-0.1, -0.15, -0.05)}, two, households=50)
    by_model = table[table["quantity"] == "household lifted out"].set_index("model")["value"]
    assert by_model["credit"] == pytest.approx(2 * by_model["cattle"])
    with pytest.raises(DataError, match="model 'credit' of the ledger has no effect"):
        cost_effectiveness({"cattle": KNOWN}, two, households=50)


def test_break_even_of_an_giang_s_real_models(shared):
    """Costs and households are real, effects are not known: what would they have to be?"""
    raw = pd.read_csv(shared / "data" / "an_giang_programmes.csv", dtype={"area_code": str})
    rows = raw[raw["id"].isin(["I001", "I003"])]
    table = pd.DataFrame(
        {
            "model": rows["id"],
            "item": "all",
            "payer": "central",
            "year": 2020,
            "amount": rows["total_cost_mVND"],
            "price_year": 2020,
            "kind": "capital",
            "basis": "fixed",
        }
    )
    served = dict(zip(rows["id"], rows["participants_households"], strict=True))
    assert served == {"I001": 587, "I003": 993}
    found = break_even(
        table, households=served, base_year=2020, worth=[10.0, 40.0], staying=staying_out(3, relapse=0.2)
    )
    first = found[(found["model"] == "I001") & (found["worth"] == 10.0)].iloc[0]
    assert first["per_household"] == pytest.approx(4800 / 587)
    assert first["exits"] == pytest.approx(4800 / (10 * 2.44)) and first["share"] == pytest.approx(first["exits"] / 587)
    dear = break_even(table, households=served, base_year=2020, worth=[2.0])
    assert not dear["possible"].any()


def test_net_exits_subtract_the_comparison():
    from statsmodels.stats.proportion import confint_proportions_2indep

    found = net_exits(60, 100, 90, 200)
    assert found.estimate == pytest.approx(-0.15)
    low, high = confint_proportions_2indep(60, 100, 90, 200, method="newcomb", compare="diff")
    assert (-found.high, -found.low) == pytest.approx((low, high), abs=1e-6)
    assert any("differ from those that do not" in w for w in found.warnings)
    with pytest.raises(DataError, match="exits at most households"):
        net_exits(120, 100, 1, 10)


# --- persistence, ranking, overlap ----------------------------------------------------------------------------------


def test_relapse_and_fade_multiply():
    path = staying_out(4, relapse=0.1, fade=0.5)
    assert path.tolist() == pytest.approx([0.45**t for t in range(4)])
    assert household_years(path, discount_rate=0.05) == pytest.approx(sum(0.45**t / 1.05**t for t in range(4)))
    with pytest.raises(ParameterError, match=r"relapse is 1.2"):
        staying_out(3, relapse=1.2)
    with pytest.raises(ParameterError, match="years is 0"):
        staying_out(0)


def test_shrinking_takes_back_the_winner_s_curse():
    rng = np.random.default_rng(1)
    plain, shrunk = [], []
    for _ in range(300):
        truth = rng.normal(0, 1, 12)
        found = shrink(pd.DataFrame({"label": range(12), "estimate": truth + rng.normal(0, 1, 12), "std_error": 1.0}))
        best = int(found["estimate"].idxmax())
        plain.append(found["estimate"][best] - truth[best])
        shrunk.append(found["shrunk"][best] - truth[best])
    assert np.mean(plain) > 0.5 and abs(np.mean(shrunk)) < 0.25
    assert found["best"].sum() == pytest.approx(1.0)


def test_shrinking_weighs_precision_and_direction():
    table = pd.DataFrame({"label": list("abcd"), "estimate": [5.0, 5.0, 1.0, 0.0], "std_error": [0.1, 3.0, 1.0, 1.0]})
    found = shrink(table).set_index("label")
    assert found.loc["a", "weight"] > found.loc["b", "weight"] and found.loc["a", "shrunk"] > found.loc["b", "shrunk"]
    assert shrink(table, higher_is_better=False)["rank"].tolist() == [3, 3, 2, 1]
    with pytest.raises(DataError, match="fewer than three"):
        shrink(table.iloc[:2])
    with pytest.raises(DataError, match="drop rows without an interval"):
        shrink(table.assign(std_error=[1, 1, np.nan, 1]))


def test_a_household_is_counted_once_by_each_rule():
    table = pd.DataFrame(
        {
            "household": [1, 1, 2, 3, 3, 3],
            "programme": ["cattle", "credit", "cattle", "cattle", "credit", "housing"],
            "lifted": [1, 1, 0, 1, 1, 1],
            "cost": [20.0, 30.0, 20.0, 20.0, 10.0, 40.0],
            "year": [2021, 2020, 2021, 2022, 2021, 2023],
        }
    )
    for rule, counted in (("share", [5 / 6, 5 / 6, 1 / 3]), ("first", [0, 2, 0]), ("largest_cost", [0, 1, 1])):
        found = count_once(table, rule=rule)
        assert found["counted"].tolist()[:3] == pytest.approx(counted)
        assert found["counted"].iloc[-1] == pytest.approx(2) and found["claimed"].iloc[-1] == 5
        assert found["cost"].iloc[-1] == 140 and found["shared"].iloc[-1] == 2
    with pytest.raises(DataError, match="'lifted' differs between rows of one household"):
        count_once(table.assign(lifted=[1, 0, 0, 1, 1, 1]))
    with pytest.raises(DataError, match="1 rows repeat a household"):
        count_once(pd.concat([table, table.iloc[[0]]]))


# --- forecast with and without --------------------------------------------------------------------------------------


def rates(draws: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.clip(np.array([2.5, 2.2, 1.9, 1.7]) + rng.normal(0, 0.3, (draws, 4)), 0, 100)


YEARS = [2027, 2028, 2029, 2030]


def test_without_penalty_the_difference_is_served_times_effect():
    out = scale_up(rates(), YEARS, KNOWN, served=[0.5, 0.5, 0.0, 0.0])
    table = out.table.query("scenario == 'difference'").set_index("year")["median"]
    assert table.tolist() == pytest.approx([-0.1, -0.2, -0.2, -0.2], abs=0.01)
    assert out.with_model.shape == (2000, 4)
    assert out.table["scenario"].unique().tolist() == ["no change", "with the model", "difference"]


def test_fade_saturation_and_transfer_each_shrink_it():
    full = scale_up(rates(), YEARS, KNOWN, served=[0.5] * 4).difference[:, -1].mean()
    for change in ({"fade": 0.5}, {"saturation": 0.8}, {"transfer": (0.5, 0.0)}):
        assert full < scale_up(rates(), YEARS, KNOWN, served=[0.5] * 4, **change).difference[:, -1].mean() < 0
    doubt = scale_up(rates(), YEARS, KNOWN, served=[0.5] * 4, transfer=(1.0, 0.5)).difference[:, -1]
    assert doubt.std() > scale_up(rates(), YEARS, KNOWN, served=[0.5] * 4).difference[:, -1].std()


def test_a_rate_never_falls_below_zero():
    big = effect(-1.0, -1.0 - 1e-9, -1.0 + 1e-9)
    assert scale_up(rates(), YEARS, big, served=[2.4, 0, 0, 0]).with_model.min() == 0.0


def test_impossible_scale_ups_are_refused():
    with pytest.raises(DataError, match="served counts poor households, each once"):
        scale_up(rates(), YEARS, KNOWN, served=[2.0, 2.0, 0, 0])
    with pytest.raises(DataError, match="one number of served a year"):
        scale_up(rates(), YEARS, KNOWN, served=[0.5])
    with pytest.raises(ParameterError, match="fade is 2"):
        scale_up(rates(), YEARS, KNOWN, served=[0.5] * 4, fade=2)
    blind = Effect(-0.2, np.nan, np.nan, np.nan, np.nan, "cannot be tested", "did", 9, 9, 1, pd.DataFrame())
    with pytest.raises(DataError, match="has no interval"):
        scale_up(rates(), YEARS, blind, served=[0.5] * 4)


def test_same_seed_same_forecast():
    one, two = (scale_up(rates(), YEARS, KNOWN, served=[0.5] * 4, seed=3) for _ in range(2))
    assert (one.with_model == two.with_model).all()

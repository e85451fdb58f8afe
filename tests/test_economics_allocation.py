"""A budget over models and communes: against every plan by hand, constraints rechecked, clashes named."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from povstudy.economics import Constraints, allocate, compare_objectives
from povstudy.economics.decomposition import solve_decomposed, spending
from povstudy.economics.options import read_options
from povstudy.economics.plan_checks import check_plan
from povstudy.errors import DataError, ParameterError


def options(communes: int, models: int = 4, seed: int = 0, pools: int = 1) -> pd.DataFrame:
    """Livelihood models and one transfer; exits go to those near the line, the gap is closed among the deep poor."""
    rng = np.random.default_rng(seed)
    rows = []
    for c in range(communes):
        disadvantaged, minority = int(rng.random() < 0.25), int(rng.random() < 0.3)
        eligible = rng.integers(10, 120, pools)
        workers = (eligible * rng.uniform(0.5, 0.9, pools)).astype(int)
        for m in range(models):
            livelihood = m < models - 1
            unit, fixed = (rng.uniform(8, 30), rng.uniform(20, 200)) if livelihood else (6.0, 5.0)
            for p in range(pools):
                deep = p == 0 and pools > 1
                rows.append(
                    {
                        "commune": f"c{c:04d}",
                        "model": f"m{m}" if livelihood else "transfer",
                        "pool": f"p{p}",
                        "unit_cost": unit,
                        "fixed_cost": fixed,
                        "capacity": rng.integers(10, 80) if livelihood else 200,
                        "eligible": eligible[p],
                        "eligible_workers": workers[p],
                        "livelihood": livelihood,
                        "extremely_disadvantaged": disadvantaged,
                        "ethnic_minority": minority,
                        "gap_closed": rng.uniform(1, 5) * (1.5 if deep else 1.0) if livelihood else 2.5,
                        "exits": rng.uniform(0.05, 0.4) * (0.2 if deep else 1.0) if livelihood else 0.03,
                        "deprivations": rng.uniform(0, 1),
                        "poorest": float(deep),
                    }
                )
    return pd.DataFrame(rows)


LIMITS = Constraints(floor_shares={"extremely_disadvantaged": 0.25, "ethnic_minority": 0.3}, max_models=2)


def tiny(
    values: list[list[float]], costs: list[list[float]], caps: list[list[int]], eligible: list[int]
) -> pd.DataFrame:
    rows = [
        (
            f"c{c}",
            f"m{m}",
            costs[c][m],
            2.0 * m,
            caps[c][m],
            eligible[c],
            max(eligible[c] - 1, 0),
            m == 0,
            c == 0,
            values[c][m],
        )
        for c in range(len(values))
        for m in range(2)
    ]
    columns = "commune model unit_cost fixed_cost capacity eligible eligible_workers livelihood poor_area gap_closed"
    return pd.DataFrame(rows, columns=columns.split())


def every_plan(table: pd.DataFrame, budget: float, limits: Constraints) -> float:
    """The best of all plans, one by one."""
    best = -np.inf
    floor = limits.floors(budget).get("poor_area", 0.0)
    for x in itertools.product(*(range(int(min(r.capacity, r.eligible)) + 1) for r in table.itertuples())):
        served = np.array(x)
        spent = served * table["unit_cost"] + (served > 0) * table["fixed_cost"]
        if spent.sum() > budget + 1e-9 or spent[table["poor_area"]].sum() < floor - 1e-9:
            continue
        ok = True
        for _, part in table.assign(x=served).groupby("commune"):
            ok &= part["x"].sum() <= part["eligible"].iloc[0]
            ok &= part.loc[part["livelihood"], "x"].sum() <= part["eligible_workers"].iloc[0]
            ok &= (part["x"] > 0).sum() <= (limits.max_models or 9)
        if ok:
            best = max(best, float(served @ table["gap_closed"]))
    return best


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.lists(st.floats(0.1, 9), min_size=2, max_size=2), min_size=2, max_size=2),
    costs=st.lists(st.lists(st.floats(1, 9), min_size=2, max_size=2), min_size=2, max_size=2),
    caps=st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=2, max_size=2),
    eligible=st.lists(st.integers(0, 4), min_size=2, max_size=2),
    budget=st.floats(0, 60),
    floor=st.sampled_from([0.0, 0.2]),
    most=st.sampled_from([None, 1]),
)
def test_no_plan_beats_the_plan(values, costs, caps, eligible, budget, floor, most):
    table = tiny(values, costs, caps, eligible)
    limits = Constraints(floor_shares={"poor_area": floor} if floor else {}, max_models=most)
    best = every_plan(table, budget, limits)
    if best == -np.inf:
        with pytest.raises(DataError, match="no plan"):
            allocate(table, budget=budget, constraints=limits)
        return
    found = allocate(table, budget=budget, constraints=limits, gap=1e-9)
    assert found.objective == pytest.approx(best, abs=1e-6)
    assert found.bound >= best - 1e-6
    assert found.checks["holds"].all()


def test_the_bound_of_communes_apart_is_valid_and_close():
    """Prices and communes apart against branch and bound."""
    for pools, caps in ((1, {}), (2, {"m0": 150})):
        limits = Constraints(floor_shares={"extremely_disadvantaged": 0.2}, max_models=2, model_households=caps)
        table = options(60, pools=pools, seed=pools)
        problem = read_options(table, budget=8000.0, constraints=limits)
        exact = allocate(table, budget=8000.0, constraints=limits, gap=1e-4)
        apart = solve_decomposed(problem)
        assert apart.bound >= exact.objective - 1e-6
        assert apart.bound <= exact.bound * 1.001
        assert check_plan(problem, apart.x)["holds"].all()
        assert problem.value @ apart.x >= 0.95 * apart.bound


def test_trap_l_a_large_plan_has_a_certified_gap_and_holds_in_whole_households():
    """Trap L: integer household counts at scale; every constraint rechecked here, by hand."""
    table = options(700, 5, seed=3)
    found = allocate(table, budget=150_000.0, constraints=LIMITS)
    assert found.gap <= 1e-3 and found.objective <= found.bound
    plan = found.plan.merge(table, on=["commune", "model", "pool"], suffixes=("", "_per"))
    fixed = plan.drop_duplicates(["commune", "model"])["fixed_cost"].sum()
    assert (plan["households"] * plan["unit_cost"]).sum() + fixed == pytest.approx(
        found.spent
    ) and found.spent <= 150_000
    assert found.plan["cost"].sum() == pytest.approx(found.spent)
    for column, share in LIMITS.floor_shares.items():
        inside = plan[plan[column] == 1]
        cost = (inside["households"] * inside["unit_cost"]).sum() + inside.drop_duplicates(["commune", "model"])[
            "fixed_cost"
        ].sum()
        assert cost >= share * 150_000 - 1e-6
    assert (plan["households"] <= plan["capacity"]).all() and plan["households"].dtype.kind == "i"
    assert (plan.groupby("commune")["model"].nunique() <= 2).all()
    per_pool = plan.groupby(["commune", "pool"])
    assert (per_pool["households"].sum() <= per_pool["eligible"].first()).all()
    working = plan[plan["livelihood"]].groupby(["commune", "pool"])
    assert (working["households"].sum() <= working["eligible_workers"].first()).all()
    assert (plan["gap_closed_per"] * plan["households"]).sum() == pytest.approx(found.objective)


def test_the_same_call_gives_the_same_plan():
    one, two = (allocate(options(400, seed=5), budget=60_000.0, constraints=LIMITS) for _ in range(2))
    assert one.plan.equals(two.plan) and one.bound == two.bound
    shuffled = allocate(options(400, seed=5).sample(frac=1, random_state=0), budget=60_000.0, constraints=LIMITS)
    assert shuffled.plan.equals(one.plan)


def test_shadow_prices_are_what_one_more_unit_adds():
    table = options(400, seed=6)
    problem = read_options(table, budget=60_000.0, constraints=LIMITS)
    base, more = (
        solve_decomposed(read_options(table, budget=b, constraints=LIMITS)).bound for b in (60_000.0, 60_600.0)
    )
    prices = solve_decomposed(problem).prices
    floors = sum(prices[f"floor {c}"] * s for c, s in LIMITS.floor_shares.items())
    assert (more - base) / 600 == pytest.approx(prices["budget"] - floors, rel=0.05)
    found = allocate(table, budget=60_000.0, constraints=LIMITS)
    assert set(found.shadow_prices["constraint"]) == {
        "budget",
        "floor extremely_disadvantaged",
        "floor ethnic_minority",
    }
    assert "one more unit of money adds" in found.shadow_prices["words"].iloc[0]
    assert any(w.startswith("budget: used") for w in found.binding)


def test_the_objective_is_printed_and_exits_buy_those_under_the_line():
    table, plans = compare_objectives(
        options(40, pools=2, seed=7), budget=4000.0, constraints=LIMITS, poorest="poorest"
    )
    assert table["objective"].tolist() == ["poverty gap closed", "households lifted out"]
    assert table["lost_by_poorest"].iloc[0] == 0 < table["lost_by_poorest"].iloc[1]
    assert table["exits"].iloc[1] > table["exits"].iloc[0] and table["gap_closed"].iloc[1] < table["gap_closed"].iloc[0]
    assert str(plans["gap_closed"]).startswith("objective: poverty gap closed; ")
    assert allocate(options(10), budget=500.0).objective_name == "poverty gap closed"


def test_households_without_a_worker_go_to_transfers():
    table = options(20, seed=8).assign(eligible_workers=0)
    found = allocate(table, budget=5000.0)
    assert set(found.plan["model"]) == {"transfer"}
    with pytest.raises(DataError, match="Households without a member able to work go to transfers"):
        allocate(table.drop(columns="eligible_workers"), budget=5000.0)


def test_clashing_constraints_are_named_with_what_is_short():
    table = options(20, seed=9)
    with pytest.raises(DataError, match=r"no plan can keep these constraints together: .*short by"):
        allocate(table, budget=1000.0, constraints=Constraints(floor_amounts={"extremely_disadvantaged": 2000.0}))
    with pytest.raises(DataError, match=r"floor nowhere \(short by 500\)"):
        allocate(table.assign(nowhere=0), budget=1000.0, constraints=Constraints(floor_shares={"nowhere": 0.5}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="unit_cost"), r"columns \['unit_cost'\] are missing"),
        (lambda t: t.assign(unit_cost=-1.0), "'unit_cost' is missing or negative in 80 rows"),
        (lambda t: t.assign(gap_closed=np.nan), "'gap_closed' is missing or negative"),
        (lambda t: pd.concat([t, t.iloc[[0]]]), "1 options are twice"),
        (lambda t: t.assign(eligible_workers=t["eligible"] + 1), "'eligible_workers' exceeds 'eligible'"),
        (lambda t: t.assign(eligible=range(1000, 1000 + len(t))), "'eligible' differs between households of one pool"),
        (lambda t: t.iloc[:0], "one row a commune and model"),
    ],
)
def test_broken_options_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        allocate(change(options(20, seed=10)), budget=1000.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": -1.0}, "budget is -1.0"),
        ({"budget": float("nan")}, "budget is nan"),
        ({"budget": 1.0, "gap": 0}, "gap is 0"),
        ({"budget": 1.0, "constraints": Constraints(max_models=0)}, "max_models is 0"),
        (
            {"budget": 1.0, "constraints": Constraints(floor_shares={"ethnic_minority": 1.5})},
            "is a share of the budget",
        ),
        ({"budget": 1.0, "constraints": Constraints(model_households={"m9": 3})}, r"names \['m9'\]"),
    ],
)
def test_impossible_limits_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        allocate(options(5, seed=11), **arguments)


def test_no_money_buys_nothing():
    found = allocate(options(5, seed=12), budget=0.0)
    assert found.objective == 0.0 and found.plan.empty and found.gap == 0.0


def test_a_plan_that_breaks_a_constraint_is_never_handed_out():
    problem = read_options(options(5, seed=13), budget=100.0)
    checks = check_plan(problem, problem.cap).set_index("constraint")
    assert not checks.loc["budget", "holds"] and not checks.loc["no double service", "holds"]
    assert spending(problem, problem.cap).sum() == pytest.approx(checks.loc["budget", "used"])
    assert not check_plan(problem, problem.cap + 1).loc[0, "holds"]


def test_the_robust_plan_gives_up_average_for_the_worst_draws():
    table = options(12, seed=14)
    rng = np.random.default_rng(0)
    spread = np.where(table["model"] == "m0", 1.2, 0.1)
    draws = np.maximum(table["gap_closed"].to_numpy() * (1 + spread * rng.standard_normal((60, 1))), 0.0)
    robust = allocate(table, budget=1500.0, draws=draws, worst=0.2)
    mean = allocate(table.assign(gap_closed=draws.mean(axis=0)), budget=1500.0)

    def worst(plan: pd.DataFrame) -> float:
        x = table.merge(plan[["commune", "model", "pool", "households"]], how="left")["households"].fillna(0).to_numpy()
        return float(np.sort(draws @ x)[:12].mean())

    assert worst(robust.plan) >= worst(mean.plan) * (1 - 2e-3)
    assert robust.objective == pytest.approx(worst(robust.plan), rel=1e-9)
    assert "worst 20 % of 60 draws" in robust.warnings[0]
    with pytest.raises(DataError, match="one column for each of the 48 rows"):
        allocate(table, budget=1500.0, draws=draws[:, :5])


@pytest.mark.parametrize("name", ['"); import os #', "<script>", "../../x", "=cmd()", "x" * 10_000])
def test_names_are_data(name):
    table = options(3, seed=15).replace({"commune": {"c0000": name}})
    assert name in set(allocate(table, budget=3000.0).plan["commune"])

"""A plan of whole households: its rows, every constraint rechecked on it, prices and what binds in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from povstudy.economics.exact import constraint_rows
from povstudy.economics.options import OBJECTIVES, Problem

__all__ = ["TINY", "binding_words", "check_plan", "plan_table", "price_table"]

TINY = 1e-6
"""Below this a difference is rounding."""


def plan_table(problem: Problem, x: np.ndarray) -> pd.DataFrame:
    """Return the rows of the plan that serve somebody.

    Parameters
    ----------
    problem : Problem
    x : ndarray of int, shape (n,)
        Households of each row.

    Returns
    -------
    DataFrame
        ``commune, model, pool, households, cost`` and what they give by each objective.
    """
    used = np.flatnonzero(x)
    rows = problem.rows.iloc[used]
    first = ~pd.Series(problem.pair[used]).duplicated().to_numpy()
    cost = problem.unit_cost[used] * x[used] + np.where(first, problem.fixed_cost[problem.pair[used]], 0.0)
    table = pd.DataFrame(
        {
            "commune": rows["commune"].to_numpy(),
            "model": rows["model"].to_numpy(),
            "pool": rows["pool"].to_numpy(),
            "households": x[used],
            "cost": cost,
        }
    )
    for column in dict.fromkeys([problem.objective, *OBJECTIVES]):
        if column in rows.columns:
            per = problem.value[used] if column == problem.objective else pd.to_numeric(rows[column]).to_numpy(float)
            table[column] = per * x[used]
    return table.reset_index(drop=True)


def check_plan(problem: Problem, x: np.ndarray) -> pd.DataFrame:
    """Recheck every constraint on a plan in whole households.

    Parameters
    ----------
    problem : Problem
    x : ndarray of int, shape (n,)
        Households of each row.

    Returns
    -------
    DataFrame
        ``constraint, used, limit, slack, binding, holds``: shared constraints one by one, those of communes by kind
        (the
        tightest one shown, ``binding`` as the number that bind).
    """
    x = np.asarray(x)
    y = (np.bincount(problem.pair, weights=x, minlength=problem.fixed_cost.size) > 0).astype(float)
    rows = constraint_rows(problem)
    used = rows.matrix @ np.r_[x, y]
    whole = bool((x == np.round(x)).all() and (x >= 0).all() and (x <= problem.cap).all())
    found = [("whole households within capacity", float((x < 0).sum()), 0.0, 0.0, 0, whole)]
    slack = rows.limit - used
    tolerance = TINY * np.maximum(np.abs(rows.limit), 1.0)
    for k in range(rows.shared):
        sign = -1.0 if rows.names[k].startswith("floor") else 1.0
        least = (
            float(problem.unit_cost[problem.unit_cost > 0].min(initial=np.inf))
            if "households" not in rows.names[k]
            else 1.0
        )
        found.append(
            (
                rows.names[k],
                float(sign * used[k]),
                float(sign * rows.limit[k]),
                float(slack[k]),
                int(slack[k] < least),
                bool(slack[k] >= -tolerance[k]),
            )
        )
    names = np.array(rows.names[rows.shared :], dtype=object)
    for kind in dict.fromkeys(names):
        here = np.flatnonzero(names == kind) + rows.shared
        live = (
            here[(used[here] > 0) | (rows.limit[here] <= 0)]
            if kind not in ("capacity", "at least one household")
            else here
        )
        tight = int(((slack[live] < 1.0 - TINY) & (used[live] > 0)).sum()) if live.size else 0
        worst = here[int(np.argmin(slack[here]))]
        if kind in ("capacity", "at least one household"):
            tight = int((x == problem.cap)[problem.cap > 0].sum()) if kind == "capacity" else 0
        found.append(
            (
                kind,
                float(used[worst]),
                float(rows.limit[worst]),
                float(slack[worst]),
                tight,
                bool((slack[here] >= -tolerance[here]).all()),
            )
        )
    return pd.DataFrame(found, columns=["constraint", "used", "limit", "slack", "binding", "holds"])


def price_table(prices: dict[str, float], problem: Problem) -> pd.DataFrame:
    """Return shadow prices with their meaning.

    Parameters
    ----------
    prices : dict of str to float
        By name of the constraint.
    problem : Problem

    Returns
    -------
    DataFrame
        ``constraint, price, words``.
    """
    name = OBJECTIVES.get(problem.objective, problem.objective)
    rows = []
    for constraint, price in prices.items():
        if constraint == "budget":
            words = f"one more unit of money adds {price:.4g} of {name}"
        elif constraint.startswith("floor"):
            words = f"one more unit of money reserved there costs {price:.4g} of {name}"
        else:
            words = f"one more household of it adds {price:.4g} of {name}"
        rows.append((constraint, price, words))
    return pd.DataFrame(rows, columns=["constraint", "price", "words"])


def binding_words(checks: pd.DataFrame, prices: dict[str, float], problem: Problem) -> list[str]:
    """Return the constraints that bind, in words.

    Parameters
    ----------
    checks : DataFrame
        From ``check_plan``.
    prices : dict of str to float
    problem : Problem

    Returns
    -------
    list of str
    """
    out = []
    for row in checks.itertuples():
        if not row.binding:
            continue
        if row.constraint in prices:
            kind = "least" if row.constraint.startswith("floor") else "limit"
            out.append(f"{row.constraint}: used {row.used:,.6g}, {kind} {row.limit:,.6g}")
        elif row.constraint in ("no double service", "able to work", "models a commune"):
            what = {
                "no double service": "all eligible households of {} pools are served",
                "able to work": "all households able to work in {} pools are in a livelihood model",
                "models a commune": "{} communes have as many models as allowed",
            }[row.constraint]
            out.append(what.format(row.binding))
        elif row.constraint == "capacity":
            out.append(f"{row.binding} options are at their capacity")
    return out

"""Where the money should go: a budget over models and communes, with a bound, a certified gap and prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from povstudy.economics.decomposition import solve_decomposed, spending
from povstudy.economics.exact import clash, relax, solve_exact, solve_worst_share
from povstudy.economics.options import OBJECTIVES, Constraints, Problem, read_options
from povstudy.economics.plan_checks import TINY, binding_words, check_plan, plan_table, price_table
from povstudy.errors import DataError, ParameterError

__all__ = ["Allocation", "allocate", "compare_objectives"]

SMALL = 1500
"""Up to this many options branch and bound goes first; above, prices and communes apart."""
GAP = 1e-3
SECONDS = 25.0
WHOLE = (
    "no plan in whole households can keep these constraints together, though one in fractions could: a floor asks for "
    "spending that the capacity or the budget allows only by splitting a household. Loosen a floor a little."
)
STOPPED = (
    "The search was stopped by its time limit: a faster machine may give another plan. Bound and gap hold for this "
    "one; give more seconds, or a larger gap, for a plan that is the same everywhere."
)


@dataclass(frozen=True)
class Allocation:
    """A plan, and how far from the best it can be.

    Attributes
    ----------
    plan : DataFrame
        Rows with households: ``commune, model, pool, households, cost`` (fixed cost on the first pool of a model) and
        what
        they give by each objective.
    objective : float
        What the plan gives.
    bound : float
        No plan can give more.
    gap : float
        (bound - objective) / bound, 0 when the bound is 0.
    shadow_prices : DataFrame
        ``constraint, price, words``: what one more unit of each shared limit would add.
    objective_name : str
    checks : DataFrame
        ``constraint, used, limit, slack, binding, holds``, rechecked on the integer plan.
    binding : tuple of str
        Binding constraints in words.
    spent, budget : float
    warnings : tuple of str
    """

    plan: pd.DataFrame
    objective: float
    bound: float
    gap: float
    shadow_prices: pd.DataFrame
    objective_name: str
    checks: pd.DataFrame
    binding: tuple[str, ...]
    spent: float
    budget: float
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line: what is maximised, what it gives, how sure."""
        return (
            f"objective: {self.objective_name}; {self.objective:,.6g} of at most {self.bound + 0.0:,.6g} (gap "
            f"{100 * self.gap:.3f} %); {int(self.plan['households'].sum()):,} households in "
            f"{self.plan['commune'].nunique():,} communes; spent {self.spent:,.6g} of {self.budget:,.6g}"
        )


def allocate(
    options: pd.DataFrame,
    *,
    budget: float,
    constraints: Constraints | None = None,
    objective: str = "gap_closed",
    draws: np.ndarray | None = None,
    worst: float = 0.2,
    gap: float = GAP,
    seconds: float = SECONDS,
) -> Allocation:
    r"""Spread a budget over models and communes.

    .. math:: \max_{x, y} \sum_i v_i x_i \quad \text{s.t.} \quad \sum_i u_i x_i + \sum_j f_j y_j \le B, \quad
        x_i \le k_i y_{j(i)}, \; x \in \mathbb{N}, \; y \in \{0, 1\}

    Parameters
    ----------
    options : DataFrame
        As in ``read_options``: a household is served at most once in its pool; livelihood models take only households
        with a
        member able to work.
    budget : float
    constraints : Constraints, optional
        Floors, most models a commune, most households a model.
    objective : str
        ``"gap_closed"`` (default), ``"exits"``, ``"deprivations"`` or another column: what one household served
        gives.
    draws : ndarray, shape (D, n), optional
        What a household gives in each draw of the effects, rows of options in the order of ``options``: the plan is
        then the
        one whose mean over the worst draws is best.
    worst : float
        Share of draws that counts as the worst, in (0, 1].
    gap : float
        Relative gap at which the search may stop.
    seconds : float
        Time limit of each search.

    Returns
    -------
    Allocation

    Raises
    ------
    DataError
        Faults of the options; constraints that clash, named with what is short.
    ParameterError
        A budget, share or limit that is not possible.

    Examples
    --------
    >>> t = pd.DataFrame({"commune": ["A", "A", "B"], "model": ["cattle", "cash", "cash"], "unit_cost": [25.0,
    ...     10.0, 10.0],
    ...     "fixed_cost": [20.0, 0.0, 0.0], "capacity": [5, 9, 9], "eligible": [6, 6, 4], "gap_closed": [6.0,
    ...     2.0, 1.0]})
    >>> plan = allocate(t, budget=160.0)
    >>> plan.objective, plan.plan[["commune", "model", "households"]].to_numpy().tolist()
    (32.0, [['A', 'cash', 1], ['A', 'cattle', 5]])
    """
    if not 0 < gap < 1 or seconds <= 0:
        raise ParameterError(f"gap is {gap!r} and seconds {seconds!r}; gap is a share above 0, seconds a time above 0.")
    problem = read_options(options, budget=budget, constraints=constraints, objective=objective)
    short = clash(problem) if problem.floors else []
    if short:
        raise DataError(
            "no plan can keep these constraints together: "
            + "; ".join(short)
            + ". Raise the budget, lower a floor, or add "
            "options (capacity, models) where the floor asks for spending."
        )
    if draws is not None:
        return _robust(options, problem, draws, worst, gap, seconds)
    x, bound, prices, words = _solve(problem, gap, seconds)
    return _finish(problem, x, bound, prices, words)


def _solve(problem: Problem, gap: float, seconds: float) -> tuple[np.ndarray, float, dict[str, float], tuple[str, ...]]:
    """Return households, bound, prices and warnings, by the method that suits the size."""
    if problem.value.size <= SMALL:
        x, bound, outcome = solve_exact(problem, gap=gap, seconds=seconds)
        if outcome == "infeasible":
            raise DataError(WHOLE)
        if x is not None:
            relaxed = relax(problem)
            return x, min(bound, relaxed[0]), relaxed[1], (STOPPED,) if outcome == "stopped" else ()
    found = solve_decomposed(problem)
    x, bound, outcome = found.x, found.bound, "done"
    if x is None or bound - float(problem.value @ x) > gap * max(bound, TINY):
        again, other, outcome = solve_exact(problem, gap=gap, seconds=seconds)
        if outcome == "infeasible":
            raise DataError(WHOLE)
        bound = min(bound, other)
        if again is not None and (x is None or problem.value @ again > problem.value @ x):
            x = again
    if x is None:
        raise DataError(
            f"no plan in whole households was found in {seconds:g} seconds, though the constraints do not clash in "
            "fractions; give more seconds, or loosen a floor a little."
        )
    return x, bound, found.prices, (STOPPED,) if outcome == "stopped" else ()


def _robust(
    options: pd.DataFrame, problem: Problem, draws: np.ndarray, worst: float, gap: float, seconds: float
) -> Allocation:
    """Return the plan that is best in the mean over the worst draws."""
    values = np.asarray(draws, float)
    if values.ndim != 2 or values.shape[1] != len(options) or not np.isfinite(values).all():
        raise DataError(
            f"draws has shape {values.shape}; it needs one column for each of the {len(options)} rows of options and "
            "no missing value."
        )
    if not 0 < worst <= 1:
        raise ParameterError(f"worst is {worst!r}; it is a share of the draws, above 0 and at most 1.")
    keys = pd.Series(range(len(options)), index=_keys(options))
    values = values[:, keys.loc[list(_keys(problem.rows))].to_numpy()]
    x, bound, outcome = solve_worst_share(problem, values, share=worst, gap=gap, seconds=seconds)
    if x is None:
        raise DataError(f"no plan was found in {seconds:g} seconds; give more seconds, or fewer draws.")
    gains = np.sort(values @ x)
    count = worst * gains.size
    whole = int(np.floor(count + 1e-9))
    mean = (gains[:whole].sum() + (count - whole) * gains[min(whole, gains.size - 1)]) / count
    averaged = replace(problem, value=values.mean(axis=0))
    relaxed = relax(averaged)
    words = (
        f"The plan is the best in the mean over the worst {100 * worst:g} % of {gains.size} draws of the effects: "
        f"{mean:,.6g} there, {gains.mean():,.6g} on average, {gains[0]:,.6g} in the worst draw. Bound and gap are "
        "those of the worst-share mean; prices are those of the average.",
        *([STOPPED] if outcome == "stopped" else []),
    )
    done = _finish(averaged, x, max(bound, float(mean)), relaxed[1], words)
    top = max(bound, float(mean))
    return replace(done, objective=float(mean), bound=top, gap=_gap(float(mean), top))


def _keys(table: pd.DataFrame) -> list[str]:
    """Return a text key of each option."""
    pool = table["pool"].astype(str) if "pool" in table.columns else pd.Series("", index=table.index)
    return list(table["commune"].astype(str) + "\0" + table["model"].astype(str) + "\0" + pool)


def _gap(objective: float, bound: float) -> float:
    """Return the relative distance to the bound."""
    return float(max(bound - objective, 0.0) / bound) if bound > TINY else 0.0


def _finish(
    problem: Problem, x: np.ndarray, bound: float, prices: dict[str, float], words: tuple[str, ...]
) -> Allocation:
    """Return the plan with its constraints rechecked on whole households."""
    checks = check_plan(problem, x)
    broken = checks[~checks["holds"]]
    if len(broken):
        raise DataError(
            "the plan found breaks "
            + "; ".join(f"{r.constraint} (used {r.used:,.6g}, limit {r.limit:,.6g})" for r in broken.itertuples())
            + ". This is a fault of the search, not of your data: report it with the options."
        )
    value = float(problem.value @ x)
    bound = max(bound, value)
    spent = float(spending(problem, x).sum())
    return Allocation(
        plan_table(problem, x),
        value,
        bound,
        _gap(value, bound),
        price_table(prices, problem),
        OBJECTIVES.get(problem.objective, problem.objective),
        checks,
        tuple(binding_words(checks, prices, problem)),
        spent,
        problem.budget,
        words,
    )


def compare_objectives(
    options: pd.DataFrame,
    *,
    budget: float,
    constraints: Constraints | None = None,
    objectives: Sequence[str] = ("gap_closed", "exits"),
    poorest: str | None = None,
    gap: float = GAP,
    seconds: float = SECONDS,
) -> tuple[pd.DataFrame, dict[str, Allocation]]:
    """Return plans under several objectives side by side, with what the poorest lose.

    Maximising exits buys those just under the line: the table shows how much less of the poverty gap that closes, and
    how
    many fewer of the poorest it serves.

    Parameters
    ----------
    options, budget, constraints, gap, seconds
        As in ``allocate``.
    objectives : sequence of str
        The first is what the others are compared with.
    poorest : str, optional
        Column of 0 and 1, or a share, saying how much of an option's households belong to the poorest.

    Returns
    -------
    table : DataFrame
        ``objective, gap_closed, exits, deprivations`` (those in the options), ``households, poorest, spent`` and
        ``lost_by_poorest``:
        fewer of the poorest served than under the first objective (fewer units of gap closed when ``poorest`` is not
        given).
    plans : dict of str to Allocation

    Raises
    ------
    DataError
        As in ``allocate``, or the column of the poorest is missing.
    """
    if poorest is not None and poorest not in options.columns:
        raise DataError(f"compare_objectives: no column {poorest!r}; the table has {list(options.columns)[:25]}.")
    plans = {
        o: allocate(options, budget=budget, constraints=constraints, objective=o, gap=gap, seconds=seconds)
        for o in objectives
    }
    share = None
    if poorest is not None:
        share = pd.Series(pd.to_numeric(options[poorest]).to_numpy(float), index=_keys(options))
    rows = []
    for name, found in plans.items():
        row: dict[str, object] = {"objective": OBJECTIVES.get(name, name)}
        for column in OBJECTIVES:
            if column in options.columns:
                row[column] = float(found.plan[column].sum())
        row["households"] = int(found.plan["households"].sum())
        if share is not None:
            row["poorest"] = float(found.plan["households"].to_numpy() @ share.loc[_keys(found.plan)].to_numpy())
        row["spent"] = found.spent
        rows.append(row)
    table = pd.DataFrame(rows)
    measure = "poorest" if share is not None else "gap_closed"
    table["lost_by_poorest"] = table[measure].iloc[0] - table[measure] if measure in table else np.nan
    return table, plans

"""Models x communes as arrays: what each option costs, holds and gives, and what limits them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError, did_you_mean

__all__ = ["OBJECTIVES", "Constraints", "Problem", "read_options"]

OBJECTIVES = {
    "gap_closed": "poverty gap closed",
    "exits": "households lifted out",
    "deprivations": "deprivations removed",
}
"""Columns with what one household served gives, and their words; the first is the default."""
NEEDED = ("commune", "model", "unit_cost", "fixed_cost", "capacity", "eligible")


@dataclass(frozen=True)
class Constraints:
    """What a plan must keep besides the budget.

    Attributes
    ----------
    floor_shares : mapping of str to float
        Column of 0 and 1 (for instance ``extremely_disadvantaged``) -> least share of the budget spent there.
    floor_amounts : mapping of str to float
        The same in money.
    max_models : int, optional
        Most models in one commune.
    model_households : mapping of str to int
        Most households of a model over all communes.

    Examples
    --------
    >>> Constraints(floor_shares={"extremely_disadvantaged": 0.3}, max_models=2).floors(100.0)
    {'extremely_disadvantaged': 30.0}
    """

    floor_shares: Mapping[str, float] = field(default_factory=dict)
    floor_amounts: Mapping[str, float] = field(default_factory=dict)
    max_models: int | None = None
    model_households: Mapping[str, int] = field(default_factory=dict)

    def floors(self, budget: float) -> dict[str, float]:
        """Return the floors in money.

        Parameters
        ----------
        budget : float

        Returns
        -------
        dict

        Raises
        ------
        ParameterError
            A share outside [0, 1], a negative amount, or a column with both.
        """
        both = set(self.floor_shares) & set(self.floor_amounts)
        if both:
            raise ParameterError(f"floors for {sorted(both)} are given as a share and as an amount; give one.")
        out = {}
        for column, share in self.floor_shares.items():
            if not 0 <= share <= 1:
                raise ParameterError(f"floor_shares[{column!r}] is {share!r}; it is a share of the budget, 0 to 1.")
            out[column] = share * budget
        for column, amount in self.floor_amounts.items():
            if amount < 0:
                raise ParameterError(f"floor_amounts[{column!r}] is {amount!r}; it is money, 0 or more.")
            out[column] = float(amount)
        return out


@dataclass(frozen=True)
class Problem:
    """An allocation as arrays: n rows (commune, model, pool of households), q pairs (commune, model).

    Attributes
    ----------
    rows : DataFrame, shape (n, ...)
        The options, in order of commune, model and pool.
    value, unit_cost : ndarray, shape (n,)
        Objective and money per household served.
    cap : ndarray of int, shape (n,)
        Most households of a row: capacity, and who is eligible.
    pair : ndarray of int, shape (n,)
        The (commune, model) of each row.
    pool : ndarray of int, shape (n,)
    livelihood : ndarray of bool, shape (n,)
    fixed_cost : ndarray, shape (q,)
    pair_commune, pair_model : ndarray of int, shape (q,)
    eligible, workers : ndarray of int, shape (p,)
        Households of each pool, and those with a member able to work.
    pool_commune : ndarray of int, shape (p,)
    communes, models : ndarray
        Labels.
    budget : float
    floors : dict of str to (ndarray of bool, shape (communes,), float)
    max_models : int
    model_cap : ndarray, shape (models,)
        Infinite where none.
    objective : str
    """

    rows: pd.DataFrame
    value: np.ndarray
    unit_cost: np.ndarray
    cap: np.ndarray
    pair: np.ndarray
    pool: np.ndarray
    livelihood: np.ndarray
    fixed_cost: np.ndarray
    pair_commune: np.ndarray
    pair_model: np.ndarray
    eligible: np.ndarray
    workers: np.ndarray
    pool_commune: np.ndarray
    communes: np.ndarray
    models: np.ndarray
    budget: float
    floors: dict[str, tuple[np.ndarray, float]]
    max_models: int
    model_cap: np.ndarray
    objective: str

    @property
    def row_commune(self) -> np.ndarray:
        """Commune of each row, shape (n,)."""
        return self.pair_commune[self.pair]


def read_options(
    options: pd.DataFrame, *, budget: float, constraints: Constraints | None = None, objective: str = "gap_closed"
) -> Problem:
    """Read a table of options, or say every fault in it.

    Parameters
    ----------
    options : DataFrame
        One row a commune and model (and pool): ``commune, model, unit_cost, fixed_cost, capacity, eligible``, the
        objective's
        column (per household served), and where they matter ``pool`` (households that must not be served twice, by
        default
        all of the commune), ``livelihood`` (needs a member able to work), ``eligible_workers``, and the columns of
        floors.
    budget : float
    constraints : Constraints, optional
    objective : str
        ``"gap_closed"``, ``"exits"``, ``"deprivations"`` or another column of the table.

    Returns
    -------
    Problem

    Raises
    ------
    DataError
        A column or value is missing or negative, an option is twice, a pool's households differ between its rows, a
        livelihood model without ``eligible_workers``.
    ParameterError
        Budget or limits are not possible.

    Examples
    --------
    >>> t = pd.DataFrame({"commune": ["A", "B"], "model": ["cattle"] * 2, "unit_cost": [25.0] * 2,
    ...     "fixed_cost": [10.0] * 2,
    ...     "capacity": [5, 5], "eligible": [9, 3], "gap_closed": [2.0, 3.0]})
    >>> read_options(t, budget=100.0).cap.tolist()
    [5, 3]
    """
    limits = constraints or Constraints()
    if not np.isfinite(budget) or budget < 0:
        raise ParameterError(f"budget is {budget!r}; it is money, 0 or more.")
    table = _checked(options, objective, limits, budget)
    table = table.sort_values(["commune", "model", "pool"], kind="stable").reset_index(drop=True)
    communes, c = np.unique(table["commune"].astype(str), return_inverse=True)
    models, m = np.unique(table["model"].astype(str), return_inverse=True)
    pairs, pair = np.unique(c * models.size + m, return_inverse=True)
    keys = table["commune"].astype(str) + "\0" + table["pool"].astype(str)
    _, first, pool = np.unique(keys, return_index=True, return_inverse=True)
    first_pair = np.unique(pair, return_index=True)[1]
    eligible = table["eligible"].to_numpy(float)[first].astype(int)
    workers = table["eligible_workers"].to_numpy(float)[first].astype(int)
    livelihood = table["livelihood"].to_numpy(bool)
    able = np.where(livelihood, workers[pool], eligible[pool])
    cap = np.minimum(np.floor(table["capacity"].to_numpy(float)), able).astype(int)
    floors = {}
    for column, amount in limits.floors(budget).items():
        inside = np.zeros(communes.size, bool)
        inside[c] = table[column].to_numpy(float) > 0
        floors[column] = (inside, amount)
    cap_of = {str(k): float(v) for k, v in limits.model_households.items()}
    unknown = sorted(set(cap_of) - set(models))
    if unknown:
        raise ParameterError(
            f"model_households names {unknown}, which no option has; models are "
            f"{models.tolist()}.{did_you_mean(unknown[0], models)}"
        )
    most = models.size if limits.max_models is None else int(limits.max_models)
    if most < 1:
        raise ParameterError(f"max_models is {limits.max_models!r}; at least one model must be possible in a commune.")
    return Problem(
        table,
        table[objective].to_numpy(float),
        table["unit_cost"].to_numpy(float),
        cap,
        pair,
        pool,
        livelihood,
        table["fixed_cost"].to_numpy(float)[first_pair],
        pairs // models.size,
        pairs % models.size,
        eligible,
        workers,
        c[first],
        communes,
        models,
        float(budget),
        floors,
        min(most, models.size),
        np.array([cap_of.get(str(k), np.inf) for k in models]),
        objective,
    )


def _checked(options: pd.DataFrame, objective: str, limits: Constraints, budget: float) -> pd.DataFrame:
    """Return the options with optional columns filled."""
    if not isinstance(options, pd.DataFrame) or options.empty:
        raise DataError("allocate: options must be a DataFrame with one row a commune and model.")
    wanted = [*NEEDED, objective, *limits.floors(budget)]
    missing = [c for c in wanted if c not in options.columns]
    if missing:
        hint = did_you_mean(missing[0], map(str, options.columns))
        raise DataError(f"allocate: columns {missing} are missing; the table has {list(options.columns)[:25]}.{hint}")
    table = options.copy()
    if "pool" not in table.columns:
        table["pool"] = ""
    if "livelihood" not in table.columns:
        table["livelihood"] = False
    if "eligible_workers" not in table.columns:
        if table["livelihood"].astype(bool).any():
            raise DataError(
                "allocate: a livelihood model is among the options and the table has no column 'eligible_workers'. "
                "Households without a member able to work go to transfers, so their number must be known."
            )
        table["eligible_workers"] = table["eligible"]
    faults = []
    for column in (
        "unit_cost",
        "fixed_cost",
        "capacity",
        "eligible",
        "eligible_workers",
        objective,
        *limits.floors(budget),
    ):
        number = pd.to_numeric(table[column], errors="coerce")
        bad = ~np.isfinite(number.to_numpy(float)) | (number < 0).to_numpy()
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            faults.append(
                f"{column!r} is missing or negative in {int(bad.sum())} rows (first: row {first + 1}, "
                f"{table[column].tolist()[first]!r})"
            )
        table[column] = number
    twice = table.duplicated(["commune", "model", "pool"])
    if twice.any():
        row = table[twice].iloc[0]
        faults.append(f"{int(twice.sum())} options are twice (first: {row['model']!r} in {row['commune']!r})")
    for keys, columns, what in (
        (["commune", "pool"], ["eligible", "eligible_workers"], "households of one pool"),
        (["commune", "model"], ["fixed_cost", "livelihood"], "options of one model in a commune"),
        (["commune"], list(limits.floors(budget)), "rows of one commune"),
    ):
        for column in columns:
            if (table.groupby(keys)[column].nunique() > 1).any():
                faults.append(f"{column!r} differs between {what}")
    if (table["eligible_workers"] > table["eligible"]).any():
        faults.append("'eligible_workers' exceeds 'eligible', of which it is a part")
    if faults:
        raise DataError("allocate: the options cannot be used:\n- " + "\n- ".join(faults))
    return table

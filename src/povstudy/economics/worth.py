"""How large an effect must be for a model to be worth its cost, where nobody knows how large it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from povstudy.economics.costs import PAYERS, cost_summary
from povstudy.economics.persistence import household_years
from povstudy.errors import ParameterError

__all__ = ["break_even"]


def break_even(
    costs: pd.DataFrame,
    *,
    households: Mapping[str, float] | float,
    base_year: int,
    worth: Sequence[float],
    prices: Mapping[int, float] | None = None,
    discount_rate: float = 0.0,
    payers: Sequence[str] = PAYERS,
    staying: np.ndarray | None = None,
) -> pd.DataFrame:
    r"""Return how large the effect must be for a model to be worth its cost; no effect is needed to ask.

    .. math:: \delta^* = \frac{C}{\lambda\,n\,Y}

    Parameters
    ----------
    costs, households, base_year, prices, discount_rate, payers
        As in ``cost_summary``.
    worth : sequence of float
        What one household-year out of poverty is worth (for instance a year of the transfer that closes its gap), or
        one
        household lifted out when ``staying`` is not given.
    staying : ndarray, shape (T,), optional
        From ``staying_out``.

    Returns
    -------
    DataFrame
        ``model, worth, cost, per_household, exits, share, possible``: exits and share of the served that must leave
        poverty
        beyond those who would have left anyway; not possible when the share exceeds 1.

    Raises
    ------
    DataError
        The faults of ``check_costs``.

    Examples
    --------
    >>> row = {"model": "25 models", "item": "all", "payer": "central", "year": 2019, "amount": 4800.0,
    ...     "price_year": 2019,
    ...     "kind": "capital", "basis": "fixed"}
    >>> t = break_even(pd.DataFrame([row]), households=587, base_year=2019, worth=[20.0])
    >>> t[["exits", "share"]].round(3).to_numpy().tolist()
    [[240.0, 0.409]]
    """
    grid = np.asarray(list(worth), float)
    if grid.size == 0 or not (grid > 0).all():
        raise ParameterError("worth must hold at least one amount, all above 0.")
    summary = cost_summary(
        costs, households=households, base_year=base_year, prices=prices, discount_rate=discount_rate, payers=payers
    )
    years = 1.0 if staying is None else household_years(staying, discount_rate=discount_rate)
    rows = []
    for line in summary.itertuples():
        for value in grid:
            exits = line.net / (value * years)
            rows.append(
                (
                    line.model,
                    value,
                    line.net,
                    line.per_household,
                    exits,
                    exits / line.households,
                    exits <= line.households,
                )
            )
    return pd.DataFrame(rows, columns=["model", "worth", "cost", "per_household", "exits", "share", "possible"])

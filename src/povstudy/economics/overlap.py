"""A household in two programmes leaves poverty once: its benefit is counted once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError

__all__ = ["count_once"]

RULES = ("share", "first", "largest_cost")


def count_once(
    services: pd.DataFrame,
    *,
    household: str = "household",
    programme: str = "programme",
    benefit: str = "lifted",
    cost: str = "cost",
    order: str = "year",
    rule: str = "share",
) -> pd.DataFrame:
    """Return households, benefits and costs by programme with each household's benefit counted once.

    Parameters
    ----------
    services : DataFrame
        One row a household and programme.
    household, programme, benefit, cost, order : str
        Columns; the benefit (for instance 1 when lifted out) is the household's, the same in all its rows; ``order``
        is
        needed by ``rule="first"`` only.
    rule : {"share", "first", "largest_cost"}
        Who is credited: all its programmes equally, the first one, or the one that spent most.

    Returns
    -------
    DataFrame
        One row a programme and one for all: ``programme, households, shared`` (also in another programme),
        ``claimed``
        (benefits as programmes would count them), ``counted`` (once), ``cost``.

    Raises
    ------
    DataError
        A column is missing, a household is twice in a programme, or its benefit differs between its rows.

    Examples
    --------
    >>> t = pd.DataFrame({"household": [1, 1, 2], "programme": ["cattle", "credit", "credit"], "lifted": [1, 1,
    ...     1], "cost": [25.0, 10, 10]})
    >>> count_once(t)[["programme", "claimed", "counted"]].to_numpy().tolist()
    [['cattle', 1.0, 0.5], ['credit', 2.0, 1.5], ['all', 3.0, 2.0]]
    """
    if rule not in RULES:
        raise ParameterError(f"rule={rule!r} is not possible; it is one of {list(RULES)}.")
    needed = [household, programme, benefit, cost, *([order] if rule == "first" else [])]
    missing = [c for c in needed if c not in services.columns]
    if missing:
        raise DataError(f"count_once: columns {missing} are missing; the table has {list(services.columns)}.")
    if services[needed].isna().any().any():
        raise DataError("count_once: a value is missing; a household without a known benefit cannot be counted.")
    if services.duplicated([household, programme]).any():
        raise DataError(
            f"count_once: {int(services.duplicated([household, programme]).sum())} rows repeat a household in the same "
            "programme; add their costs into one row."
        )
    if (services.groupby(household)[benefit].nunique() > 1).any():
        raise DataError(
            f"count_once: {benefit!r} differs between rows of one household; it is the household's, not the row's."
        )
    rows = services[needed].copy()
    times = rows.groupby(household)[programme].transform("size")
    if rule == "share":
        credit = 1.0 / times
    else:
        key = rows[order] if rule == "first" else -rows[cost]
        ranked = rows.assign(_key=key).sort_values([household, "_key", programme], kind="stable")
        credit = (~ranked.duplicated(household)).astype(float).reindex(rows.index)
    value = rows[benefit].astype(float)
    rows = rows.assign(_shared=(times > 1).astype(int), _claimed=value, _counted=value * np.asarray(credit, float))
    out = (
        rows.groupby(programme, sort=True)
        .agg(
            households=(household, "nunique"),
            shared=("_shared", "sum"),
            claimed=("_claimed", "sum"),
            counted=("_counted", "sum"),
            cost=(cost, "sum"),
        )
        .reset_index(names="programme")
    )
    total = {
        "programme": "all",
        "households": rows[household].nunique(),
        "shared": int(rows.loc[times > 1, household].nunique()),
        "claimed": out["claimed"].sum(),
        "counted": out["counted"].sum(),
        "cost": out["cost"].sum(),
    }
    return pd.concat([out, pd.DataFrame([total])], ignore_index=True)

"""A cost ledger: which ingredient, who pays, in which year's money, once or every year, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError, did_you_mean

__all__ = [
    "BASES",
    "KINDS",
    "PAYERS",
    "annuity",
    "check_costs",
    "cost_summary",
    "disbursement",
    "real_costs",
]

PAYERS = ("central", "province", "fund_for_the_poor", "donors", "household", "other")
"""Central budget, provincial budget, Quỹ Vì người nghèo, donors, the household's own part, others."""
KINDS = ("capital", "recurrent")
BASES = ("fixed", "per_household")
REQUIRED = ("model", "item", "payer", "year", "amount", "price_year", "kind", "basis")
OPTIONAL = {"lifetime": np.nan, "repaid_share": 0.0, "repaid_year": np.nan, "assigned": np.nan, "as_of": ""}


def check_costs(costs: pd.DataFrame, *, where: str = "the cost ledger") -> pd.DataFrame:
    """Return a ledger with its optional columns filled, or say every fault in it.

    Parameters
    ----------
    costs : DataFrame
        One row an ingredient, payer and year: ``model, item, payer, year, amount, price_year, kind, basis``, and
        where
        known ``lifetime`` (years, of capital), ``repaid_share`` and ``repaid_year`` (revolving models: 20-30 % of a
        herd's
        value comes back), ``assigned`` (money planned) and ``as_of`` (date of the disbursement figure).
    where : str
        Of what, for messages.

    Returns
    -------
    DataFrame
        A copy.

    Raises
    ------
    DataError
        A missing column, price year or amount, a negative amount, an unknown payer, kind or basis, a repaid share
        outside
        [0, 1], capital without a lifetime when one is needed later is not an error here.

    Examples
    --------
    >>> row = {"model": "cattle", "item": "calves", "payer": "central", "year": 2024, "amount": 875.0,
    ...     "price_year": 2024,
    ...     "kind": "capital", "basis": "fixed"}
    >>> check_costs(pd.DataFrame([row]))["repaid_share"].item()
    0.0
    """
    if not isinstance(costs, pd.DataFrame) or costs.empty:
        raise DataError(f"{where}: give a DataFrame with one row an ingredient, payer and year.")
    missing = [c for c in REQUIRED if c not in costs.columns]
    if missing:
        why = " Without the price year an amount cannot be compared with another." if "price_year" in missing else ""
        raise DataError(f"{where}: columns {missing} are missing; it has {list(costs.columns)}.{why}")
    out = costs.copy().reset_index(drop=True)
    for column, value in OPTIONAL.items():
        if column not in out.columns:
            out[column] = value
    out["repaid_share"] = pd.to_numeric(out["repaid_share"], errors="coerce").fillna(0.0)
    faults = []
    for column in ("year", "amount", "price_year"):
        number = pd.to_numeric(out[column], errors="coerce")
        gone = np.flatnonzero(~np.isfinite(number.to_numpy(float)))
        if gone.size:
            faults.append(
                f"row {gone[0] + 1}: {column!r} is {costs[column].tolist()[gone[0]]!r}"
                + (" (a cost without its price year cannot be used)" if column == "price_year" else "")
                + (f", and {gone.size - 1} more rows" if gone.size > 1 else "")
            )
        out[column] = number
        if column != "amount":
            odd = np.flatnonzero(np.isfinite(number) & ((number % 1 != 0) | (number < 1900) | (number > 2200)))
            if odd.size:
                faults.append(f"row {odd[0] + 1}: {column!r} is {number.iloc[odd[0]]:g}; it is a year such as 2024")
    negative = np.flatnonzero((out["amount"] < 0).to_numpy())
    if negative.size:
        faults.append(
            f"row {negative[0] + 1}: amount {out['amount'].iloc[negative[0]]:g} is negative; money that comes back is "
            "repaid_share, not a negative cost"
        )
    for column, options in (("payer", PAYERS), ("kind", KINDS), ("basis", BASES)):
        for i, value in enumerate(out[column]):
            if value not in options:
                hint = did_you_mean(str(value), options)
                faults.append(f"row {i + 1}: {column} {value!r} is none of {list(options)}.{hint}")
                break
    share = out["repaid_share"]
    if ((share < 0) | (share > 1)).any():
        faults.append(f"repaid_share must lie between 0 and 1; it goes from {share.min():g} to {share.max():g}")
    lifetime = pd.to_numeric(out["lifetime"], errors="coerce")
    if (lifetime <= 0).any():
        faults.append("lifetime must be above 0 years")
    out["lifetime"] = lifetime
    if faults:
        raise DataError(f"{where} cannot be used:\n- " + "\n- ".join(faults))
    return out


def annuity(amount: float, lifetime: float, rate: float) -> float:
    r"""Return the yearly equivalent of a sum spent once.

    .. math:: a = A\,\frac{r}{1 - (1 + r)^{-L}}

    Parameters
    ----------
    amount : float
    lifetime : float
        L, years.
    rate : float
        r, yearly; 0 gives A/L.

    Returns
    -------
    float

    Examples
    --------
    >>> round(annuity(100.0, 10, 0.05), 2), annuity(100.0, 10, 0.0)
    (12.95, 10.0)
    """
    return amount / lifetime if rate == 0 else amount * rate / (1 - (1 + rate) ** -lifetime)


def real_costs(
    costs: pd.DataFrame,
    *,
    base_year: int,
    prices: Mapping[int, float] | None = None,
    discount_rate: float = 0.0,
    start_year: int | None = None,
) -> pd.DataFrame:
    r"""Return the ledger in the money of one year, discounted to the start, with what comes back.

    .. math:: \text{present} = A\,\frac{P_{base}}{P_{price\ year}}\,(1 + r)^{-(t - t_0)}

    Parameters
    ----------
    costs : DataFrame
        As in ``check_costs``.
    base_year : int
        Whose money the result is in.
    prices : mapping of int to float, optional
        Price index by year; needed when a price year differs from the base year.
    discount_rate : float
        Real, yearly.
    start_year : int, optional
        To which costs are discounted; by default the first year of the ledger.

    Returns
    -------
    DataFrame
        With ``real, present, repaid, net`` (present value less repayments) and ``yearly``: the annuity of capital
        with a
        lifetime, else the real amount.

    Raises
    ------
    DataError
        A price index is missing or not above zero.
    ParameterError
        A discount rate of -100 % or less.

    Examples
    --------
    >>> row = {"model": "cattle", "item": "calves", "payer": "central", "year": 2024, "amount": 100.0,
    ...     "price_year": 2022,
    ...     "kind": "capital", "basis": "fixed", "repaid_share": 0.2}
    >>> out = real_costs(pd.DataFrame([row]), base_year=2024, prices={2022: 100.0, 2024: 107.0})
    >>> out[["real", "repaid", "net"]].round(2).to_numpy().tolist()
    [[107.0, 21.4, 85.6]]
    """
    if discount_rate <= -1:
        raise ParameterError(f"discount_rate is {discount_rate!r}; it is a yearly share, for instance 0.03.")
    out = check_costs(costs)
    factor = np.ones(len(out))
    for i, year in enumerate(out["price_year"].astype(int)):
        if year == base_year:
            continue
        index = {y: (prices or {}).get(y) for y in (year, base_year)}
        bad = [y for y, v in index.items() if v is None or not v > 0]
        if bad:
            raise DataError(
                f"row {i + 1} is in money of {year} and the result in money of {base_year}: give prices= with an index "
                f"above 0 for {bad}."
            )
        factor[i] = index[base_year] / index[year]
    start = int(out["year"].min()) if start_year is None else start_year
    out["real"] = out["amount"] * factor
    out["present"] = out["real"] * (1 + discount_rate) ** -(out["year"] - start)
    back = pd.to_numeric(out["repaid_year"], errors="coerce").fillna(out["year"])
    out["repaid"] = out["real"] * out["repaid_share"] * (1 + discount_rate) ** -(back - start)
    out["net"] = out["present"] - out["repaid"]
    out["yearly"] = [
        annuity(r, life, discount_rate) if kind == "capital" and life > 0 else r
        for r, kind, life in zip(out["real"], out["kind"], out["lifetime"], strict=True)
    ]
    return out


def cost_summary(
    costs: pd.DataFrame,
    *,
    households: Mapping[str, float] | float,
    base_year: int,
    prices: Mapping[int, float] | None = None,
    discount_rate: float = 0.0,
    payers: Sequence[str] = PAYERS,
) -> pd.DataFrame:
    """Return what each model costs for a number of households, by who pays.

    Parameters
    ----------
    costs, base_year, prices, discount_rate
        As in ``real_costs``.
    households : mapping or float
        Households served by model; per-household items are multiplied by it.
    payers : sequence of str
        Whose money counts; leave out ``"household"`` for the budget's view.

    Returns
    -------
    DataFrame
        One row a model: ``model, households, fixed, variable, total, repaid, net, per_household`` (the average),
        ``marginal``
        (of one more household) and one column a payer (net).

    Raises
    ------
    DataError
        A model has no number of households.

    Examples
    --------
    >>> rows = [("cattle", "training", "province", 50.0, "fixed"), ("cattle", "calves", "central", 25.0,
    ...     "per_household")]
    >>> ledger = pd.DataFrame(
    ...     [dict(model=m, item=i, payer=p, year=2024, amount=a, price_year=2024, kind="recurrent",
    ...     basis=b) for m, i, p, a, b in rows])
    >>> cost_summary(ledger, households=10, base_year=2024)[["total", "per_household", "marginal"]].to_numpy().tolist()
    [[300.0, 30.0, 25.0]]
    """
    unknown = [p for p in payers if p not in PAYERS]
    if unknown:
        raise ParameterError(f"payers {unknown} are none of {list(PAYERS)}.")
    real = real_costs(costs, base_year=base_year, prices=prices, discount_rate=discount_rate)
    real = real[real["payer"].isin(list(payers))]
    rows = []
    for model, part in real.groupby("model", sort=True):
        n = households.get(model) if isinstance(households, Mapping) else households
        if n is None or not n > 0:
            raise DataError(f"model {model!r}: give the number of households served, above 0; got {n!r}.")
        times = np.where(part["basis"] == "per_household", float(n), 1.0)
        fixed = float(part.loc[part["basis"] == "fixed", "net"].sum())
        marginal = float(part.loc[part["basis"] == "per_household", "net"].sum())
        row = {
            "model": model,
            "households": float(n),
            "fixed": fixed,
            "variable": marginal * n,
            "total": float((part["present"] * times).sum()),
            "repaid": float((part["repaid"] * times).sum()),
            "net": float((part["net"] * times).sum()),
            "per_household": float((part["net"] * times).sum() / n),
            "marginal": marginal,
        }
        row |= {p: float((part["net"] * times)[part["payer"] == p].sum()) for p in payers}
        rows.append(row)
    return pd.DataFrame(rows)


def disbursement(costs: pd.DataFrame) -> pd.DataFrame:
    """Return money spent over money assigned, by payer and year, with the date of the figure.

    Parameters
    ----------
    costs : DataFrame
        As in ``check_costs``; rows without ``assigned`` are left out.

    Returns
    -------
    DataFrame
        ``payer, year, assigned, disbursed, rate, as_of``: rate in percent; ``as_of`` the latest date given, "" when
        none is.

    Raises
    ------
    DataError
        No row says what was assigned, or nothing was.

    Examples
    --------
    >>> row = {"model": "m", "item": "i", "payer": "central", "year": 2024, "amount": 60.0, "price_year": 2024,
    ...     "kind": "recurrent", "basis": "fixed", "assigned": 120.0, "as_of": "2024-11-30"}
    >>> disbursement(pd.DataFrame([row]))[["rate", "as_of"]].to_numpy().tolist()
    [[50.0, '2024-11-30']]
    """
    ledger = check_costs(costs)
    assigned = pd.to_numeric(ledger["assigned"], errors="coerce")
    known = ledger[assigned.notna()].assign(assigned=assigned)
    if known.empty or not (known["assigned"] > 0).any():
        raise DataError("no row of the ledger says how much money was assigned (column 'assigned', above 0).")
    grouped = known.groupby(["payer", "year"], sort=True)
    out = grouped.agg(
        assigned=("assigned", "sum"), disbursed=("amount", "sum"), as_of=("as_of", lambda d: max(map(str, d)))
    ).reset_index()
    out["year"] = out["year"].astype(int)
    out["rate"] = 100 * out["disbursed"] / out["assigned"]
    return out[["payer", "year", "assigned", "disbursed", "rate", "as_of"]]

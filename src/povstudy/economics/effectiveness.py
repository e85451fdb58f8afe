"""What a programme costs per household lifted out, with the uncertainty of its effect; "unknown" when it spans zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.economics.costs import PAYERS, check_costs, cost_summary
from povstudy.economics.persistence import household_years
from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.effect import Effect, check_level, critical_value

__all__ = ["acceptability", "cost_effectiveness", "fieller"]

UNITS = ("share", "points", "amount")
METHODS = ("fieller", "bootstrap")


@dataclass(frozen=True)
class _Case:
    """Cost and benefit of one model: benefit is what improved, positive when it did."""

    cost: float
    cost_error: float
    benefit: float
    benefit_error: float
    low: float
    high: float
    known: bool
    harmful: bool
    draws: np.ndarray


def fieller(
    numerator: float, denominator: float, se_numerator: float, se_denominator: float, *, level: float = 0.95
) -> tuple[float, float]:
    r"""Return the interval of a ratio of two independent estimates.

    .. math:: \{R : (C - R E)^2 \le z^2(\sigma_C^2 + R^2\sigma_E^2)\}

    Parameters
    ----------
    numerator, denominator : float
    se_numerator, se_denominator : float
    level : float

    Returns
    -------
    low, high : float
        Missing when the denominator cannot be told from zero: the set then has no two ends.

    References
    ----------
    Fieller (1954), Journal of the Royal Statistical Society B 16(2).

    Examples
    --------
    >>> tuple(round(x, 3) for x in fieller(100.0, 10.0, 0.0, 1.0))
    (8.361, 12.438)
    """
    z2 = critical_value(level) ** 2
    a = denominator**2 - z2 * se_denominator**2
    half, c = numerator * denominator, numerator**2 - z2 * se_numerator**2
    root = half**2 - a * c
    if a <= 0 or root < 0:
        return float("nan"), float("nan")
    return float((half - np.sqrt(root)) / a), float((half + np.sqrt(root)) / a)


def cost_effectiveness(
    effect: Effect | Mapping[str, Effect],
    costs: pd.DataFrame,
    *,
    households: Mapping[str, float] | float | None = None,
    base_year: int | None = None,
    unit: str = "share",
    lower_is_better: bool = True,
    prices: Mapping[int, float] | None = None,
    discount_rate: float = 0.0,
    payers: Sequence[str] = PAYERS,
    staying: np.ndarray | None = None,
    population: float | None = None,
    cost_error: float = 0.0,
    method: str = "fieller",
    level: float = 0.95,
    draws: int = 4000,
    seed: int = 0,
    money: str = "",
) -> pd.DataFrame:
    r"""Return cost per household lifted out, per household-year and per percentage point, by model.

    .. math:: R = \frac{C}{n\,\hat\delta}, \qquad R_{year} = \frac{C}{n\,\hat\delta\,\sum_t s_t(1 + r)^{-t}}

    Parameters
    ----------
    effect : Effect or mapping of str to Effect
        On the share that is poor (already net of the comparison's exits), or another outcome; one for all models of
        the
        ledger, or one a model.
    costs, prices, discount_rate, payers
        As in ``cost_summary``.
    base_year : int, optional
        By default the price year of the ledger, when it has one only.
    households : mapping or float, optional
        Households served by model; by default the ledger's own column ``households``.
    unit : {"share", "points", "amount"}
        Unit of the effect: share in [0, 1], percentage points, or money a household and year.
    lower_is_better : bool
        For poverty and deprivations; set to False for income.
    staying : ndarray, shape (T,), optional
        Share of net exits still out in each year, from ``staying_out``; without it no household-year is counted.
    population : float, optional
        Households of the area: then also the cost of one percentage point of the area's rate.
    cost_error : float
        Standard error of the cost over the cost, for instance .1.
    method : {"fieller", "bootstrap"}
    level : float
    draws, seed : int
        Of the bootstrap.
    money : str
        Unit of the amounts, for the table ("million VND").

    Returns
    -------
    DataFrame
        One row a model and quantity: ``model, quantity, value, low, high, status, unit, cost, benefit, best_case,
        method``.
        ``status`` is ``known``; ``unknown`` when the effect's interval spans zero (value and bounds missing,
        ``best_case``
        is the cost at the favourable end); ``dominated`` when the effect is harmful for sure: it costs more than
        nothing and
        does worse.

    Raises
    ------
    DataError
        An effect without an interval, a model of the ledger without an effect, and the faults of ``check_costs``.
    ParameterError
        An argument is not possible.

    Examples
    --------
    >>> e = Effect(-0.2, 0.02, -0.24, -0.16, 0.0, "", "", 10, 10, 5, pd.DataFrame())
    >>> row = {"model": "cattle", "item": "calves", "payer": "central", "year": 2024, "amount": 25.0,
    ...     "price_year": 2024,
    ...     "kind": "capital", "basis": "per_household"}
    >>> t = cost_effectiveness(e, pd.DataFrame([row]), households=100, base_year=2024)
    >>> t.loc[0, "quantity"], float(t.loc[0, "value"]), t.loc[0, "status"]
    ('household lifted out', 125.0, 'known')
    """
    check_level(level)
    for value, options, what in ((unit, UNITS, "unit"), (method, METHODS, "method")):
        if value not in options:
            raise ParameterError(f"{what}={value!r} is not possible; it is one of {list(options)}.")
    if cost_error < 0:
        raise ParameterError(f"cost_error is {cost_error!r}; it is a share of the cost, 0 or more.")
    served, year = _defaults(costs, households, base_year)
    summary = cost_summary(
        costs, households=served, base_year=year, prices=prices, discount_rate=discount_rate, payers=payers
    )
    years = None if staying is None else household_years(staying, discount_rate=discount_rate)
    rows: list[dict[str, object]] = []
    for i, line in enumerate(summary.itertuples()):
        own = effect.get(line.model) if isinstance(effect, Mapping) else effect
        if own is None:
            raise DataError(f"model {line.model!r} of the ledger has no effect; there are {sorted(effect)}.")
        case = _case(
            own, line.net, line.households, unit, lower_is_better, cost_error, draws, seed + i, level, str(line.model)
        )
        for quantity, divisor in _quantities(unit, years, population, line.households):
            rows.append(
                {"model": line.model, "quantity": quantity}
                | _ratio(case, divisor, method, level)
                | {"unit": f"{money or 'money'} of {year} per {quantity}", "cost": line.net, "method": method}
            )
    return pd.DataFrame(rows)


def _defaults(
    costs: pd.DataFrame, households: Mapping[str, float] | float | None, base_year: int | None
) -> tuple[Mapping[str, float] | float, int]:
    """Return households served and the base year, read off the ledger where they were not given."""
    ledger = check_costs(costs)
    if base_year is None:
        found = sorted({int(y) for y in ledger["price_year"]})
        if len(found) > 1:
            raise DataError(
                f"the ledger holds money of {found}; say in whose money the result is: base_year= (and prices=)."
            )
        base_year = found[0]
    if households is None:
        if "households" not in ledger.columns:
            raise DataError(
                "give households=, the number served by model, or a column 'households' in the ledger; without it "
                "there is no cost per household."
            )
        households = {str(m): float(pd.to_numeric(g["households"]).max()) for m, g in ledger.groupby("model")}
    return households, base_year


def _case(
    effect: Effect,
    cost: float,
    households: float,
    unit: str,
    lower_is_better: bool,
    cost_error: float,
    draws: int,
    seed: int,
    level: float,
    model: str,
) -> _Case:
    """Return cost and benefit (households lifted, or money gained) with bounds."""
    if not (np.isfinite(effect.low) and np.isfinite(effect.high)):
        raise DataError(
            f"model {model!r}: its effect has no interval ({effect.inference}); a cost per household would look known "
            "and is not. Use break_even to ask how large the effect would have to be."
        )
    scale = {"share": 1.0, "points": 0.01, "amount": 1.0}[unit]
    sign = -1.0 if lower_is_better else 1.0
    if unit == "share" and max(abs(effect.low), abs(effect.high), abs(effect.estimate)) > 1:
        raise DataError(
            f"model {model!r}: an effect of {effect.estimate:g} [{effect.low:g}, {effect.high:g}] is no share; for "
            "percentage points use unit='points', for money unit='amount'."
        )
    ends = sorted((sign * scale * effect.low, sign * scale * effect.high))
    return _Case(
        cost,
        cost_error * cost,
        sign * scale * effect.estimate * households,
        scale * effect.spread * households,
        ends[0] * households,
        ends[1] * households,
        ends[0] > 0,
        ends[1] < 0,
        sign * scale * effect.draws(draws, seed=seed) * households,
    )


def _quantities(unit: str, years: float | None, population: float | None, households: float) -> list[tuple[str, float]]:
    """Return what is counted and how much of it one unit of benefit is."""
    if unit == "amount":
        found = [("unit of yearly gain", 1.0)]
        return found + ([("unit of gain over the years it lasts", years)] if years else [])
    found = [("household lifted out", 1.0)]
    if years:
        found.append(("household-year out of poverty", years))
    found.append(("percentage point of those served", 100.0 / households))
    if population:
        found.append(("percentage point of the area", 100.0 / population))
    return found


def _ratio(case: _Case, divisor: float, method: str, level: float) -> dict[str, object]:
    """Return the ratio with its interval and status."""
    best = case.cost / (case.high * divisor) if case.high > 0 else np.nan
    missing = {"value": np.nan, "low": np.nan, "high": np.nan, "benefit": case.benefit * divisor, "best_case": best}
    if case.harmful:
        return missing | {"status": "dominated"}
    if not case.known:
        return missing | {"status": "unknown"}
    value = case.cost / (case.benefit * divisor)
    if method == "fieller":
        low, high = fieller(
            case.cost, case.benefit * divisor, case.cost_error, case.benefit_error * divisor, level=level
        )
    else:
        low, high = _bootstrap(case, divisor, level)
    if not (np.isfinite(low) and np.isfinite(high)):
        return missing | {"status": "unknown"}
    return {
        "value": value,
        "low": low,
        "high": high,
        "benefit": case.benefit * divisor,
        "best_case": best,
        "status": "known",
    }


def _bootstrap(case: _Case, divisor: float, level: float) -> tuple[float, float]:
    """Return quantiles of the ratio; draws without benefit count as infinitely dear."""
    rng = np.random.default_rng(case.draws.size)
    cost = case.cost + case.cost_error * rng.standard_normal(case.draws.size)
    ratio = np.where(case.draws > 0, cost / np.maximum(case.draws * divisor, 1e-300), np.inf)
    low, high = np.quantile(ratio, [(1 - level) / 2, (1 + level) / 2], method="higher")
    return float(low), float(high)


def acceptability(
    effect: Effect,
    costs: pd.DataFrame,
    *,
    thresholds: Sequence[float],
    households: Mapping[str, float] | float | None = None,
    base_year: int | None = None,
    unit: str = "share",
    lower_is_better: bool = True,
    prices: Mapping[int, float] | None = None,
    discount_rate: float = 0.0,
    payers: Sequence[str] = PAYERS,
    cost_error: float = 0.0,
    draws: int = 4000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Return the chance that a model is worth its cost, for each amount one would pay per household lifted out.

    .. math:: P(\lambda\,n\,\delta \ge C)

    Parameters
    ----------
    effect, costs, households, base_year, unit, lower_is_better, prices, discount_rate, payers, cost_error
        As in ``cost_effectiveness``; one effect.
    thresholds : sequence of float
        What one would pay per household lifted out (or per unit of yearly gain).
    draws, seed : int

    Returns
    -------
    DataFrame
        ``model, threshold, probability``.

    Raises
    ------
    DataError
        As in ``cost_effectiveness``.

    Examples
    --------
    >>> e = Effect(-0.2, 0.02, -0.24, -0.16, 0.0, "", "", 10, 10, 5, pd.DataFrame())
    >>> row = {"model": "cattle", "item": "calves", "payer": "central", "year": 2024, "amount": 25.0,
    ...     "price_year": 2024,
    ...     "kind": "capital", "basis": "per_household"}
    >>> acceptability(e, pd.DataFrame([row]), households=100, base_year=2024, thresholds=[50,
    ...     200])["probability"].tolist()
    [0.0, 1.0]
    """
    served, year = _defaults(costs, households, base_year)
    summary = cost_summary(
        costs, households=served, base_year=year, prices=prices, discount_rate=discount_rate, payers=payers
    )
    grid = np.asarray(list(thresholds), float)
    if grid.size == 0 or not (grid >= 0).all():
        raise ParameterError("thresholds must hold at least one amount, none of them negative.")
    rows = []
    for i, line in enumerate(summary.itertuples()):
        case = _case(
            effect, line.net, line.households, unit, lower_is_better, cost_error, draws, seed + i, 0.95, str(line.model)
        )
        rng = np.random.default_rng(seed + i)
        cost = case.cost + case.cost_error * rng.standard_normal(draws)
        rows += [(line.model, t, float((t * case.draws >= cost).mean())) for t in grid]
    return pd.DataFrame(rows, columns=["model", "threshold", "probability"])

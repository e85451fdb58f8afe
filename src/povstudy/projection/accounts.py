"""The review's account carried forward: stocks and flows of poor and near-poor households, exact in every draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.dynamics import FORMS, Account, review_account
from povstudy.errors import DataError

__all__ = ["PRIOR_YEAR_SD", "AccountDraws", "account_draws", "account_rates", "forms_of"]

PRIOR_YEAR_SD = 0.3
"""Spread from year to year of the logit of exit rates, where fewer than three reviews tell it: a binomial error on
thousands of households would be absurdly narrow."""

MIN_REVIEWS = 3

EXITS = {"poor": ("to_near_poor", "above_near_poor"), "near_poor": ("to_poor", "above_near_poor")}
NEW = ("relapsed", "newly_arising")
OTHER = ("other_decrease", "other_increase")
CROSS = {"to_near_poor": "from_poor", "to_poor": "from_near_poor"}


@dataclass(frozen=True)
class AccountDraws:
    """Draws of a review's account.

    Attributes
    ----------
    years : ndarray of int, shape (H,)
    flows : dict of (form, flow) to ndarray of int, shape (draws, H)
        ``("poor", "start")`` and so on, the flows of `povstudy.dynamics.FORMS`; start + flows - end is 0 in each draw.
    rates : DataFrame
        The rates that were used, with their base; ``other`` flows are held at them.
    table : DataFrame
        ``form, flow, year, median, low_80, high_80``: households.
    year_sd : float
        Spread of exit rates between years (logit) that was used.
    year_sd_status : str
        "from the reviews" or "prior".
    """

    years: np.ndarray
    flows: dict[tuple[str, str], np.ndarray]
    rates: pd.DataFrame
    table: pd.DataFrame
    year_sd: float
    year_sd_status: str


def forms_of(accounts: Mapping[str, Account], *, year: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the two accounts of one review as `account_rates` takes them.

    Parameters
    ----------
    accounts : mapping of form to Account
        ``poor`` and ``near_poor``, of `povstudy.dynamics.review_account` or `Linked.account`.
    year : int
        Of the review.

    Returns
    -------
    poor, near_poor : DataFrame
        One row each: ``year`` and every flow that is reported.

    Examples
    --------
    >>> flows = {"start": 20, "to_near_poor": 4, "above_near_poor": 2, "other_decrease": 0, "from_near_poor": 1,
    ...     "relapsed": 0, "newly_arising": 1, "other_increase": 0, "end": 16}
    >>> account = review_account(flows)
    >>> forms_of({"poor": account, "near_poor": account}, year=2022)[0].loc[0, ["year", "end"]].tolist()
    [2022, 16]
    """
    made = []
    for form in ("poor", "near_poor"):
        table = accounts[form].table
        flows = dict(zip(table["item"], table["households"], strict=True))
        made.append(pd.DataFrame([{"year": year} | {name: flows[name] for name in FORMS[form] if name in flows}]))
    return made[0], made[1]


def account_rates(poor: pd.DataFrame, near_poor: pd.DataFrame, households: float) -> tuple[pd.DataFrame, float, str]:
    """Return the historical rate of every flow, pooled over reviews, and how much exits differ between years.

    Decreases count against the stock at the start; relapsed and newly arising against the households outside both
    classes; an other increase against the stock at the start.

    Parameters
    ----------
    poor, near_poor : DataFrame
        One review a row: ``year`` and every flow of the form.
    households : float
        All households.

    Returns
    -------
    rates : DataFrame
        ``form, flow, rate, base``.
    year_sd : float
    status : str

    Raises
    ------
    DataError
        A review's identity does not hold, a flow is missing, or the moves between the classes disagree.
    """
    forms = {"poor": poor, "near_poor": near_poor}
    for form, table in forms.items():
        _check(form, table)
    both = poor.merge(near_poor, on="year", suffixes=("_p", "_n"))
    if len(both) != len(poor) or len(both) != len(near_poor):
        raise DataError(
            "the accounts of poor and near-poor households cover different years; give the same reviews for both"
        )
    for leaving, coming in (("to_near_poor", "from_poor"), ("to_poor", "from_near_poor")):
        moved = both[leaving] - both[coming]
        if moved.ne(0).any():
            row = both[moved.ne(0)].iloc[0]
            raise DataError(
                f"{int(row['year'])}: {leaving} counts {int(row[leaving])} households and {coming} of the other form "
                f"{int(row[coming])}; they are the same households"
            )
    outside = (households - both["start_p"] - both["start_n"]).sum()
    if not outside > 0:
        raise DataError(f"{households:g} households are fewer than the poor and near-poor among them")
    rows = []
    for form, table in forms.items():
        start = table["start"].sum()
        for flow in (*EXITS[form], *OTHER):
            rows.append((form, flow, table[flow].sum() / start, "stock at the start"))
        rows += [(form, flow, table[flow].sum() / outside, "households outside both classes") for flow in NEW]
    out = poor[list(EXITS["poor"])].sum(axis=1) / poor["start"]
    sd, status = PRIOR_YEAR_SD, "prior"
    if len(poor) >= MIN_REVIEWS and out.between(0, 1, inclusive="neither").all():
        sd, status = float(np.std(np.log(out / (1.0 - out)), ddof=1)), "from the reviews"
    return pd.DataFrame(rows, columns=["form", "flow", "rate", "base"]), sd, status


def _check(form: str, table: pd.DataFrame) -> None:
    """Refuse reviews whose flows are missing or do not add up."""
    absent = [flow for flow in ("year", *FORMS[form]) if flow not in table]
    if absent or table.empty:
        raise DataError(
            f"the {form} account lacks {', '.join(absent) or 'every row'}: each flow of the form is needed (see "
            "povstudy.dynamics.review_account)"
        )
    for row in table.to_dict("records"):
        account = review_account({flow: row[flow] for flow in FORMS[form]}, form=form, where=str(row["year"]))
        if account.missing:
            raise DataError(f"{row['year']}: the {form} account does not report {', '.join(account.missing)}")


def account_draws(
    poor: pd.DataFrame,
    near_poor: pd.DataFrame,
    *,
    households: float,
    years: int,
    poor_rates: np.ndarray | None = None,
    near_rates: np.ndarray | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> AccountDraws:
    """Carry the account of the last review forward; the identity holds in every draw, in whole households.

    Other increases and decreases go on at their historical rate.  Without ``poor_rates`` households leave and enter by
    chance at historical rates that share a shock each year (up for exits, down for entries).  With them, the stock of
    each draw is the one that the forecast says, entries are drawn as before, and exits are what the identity then
    leaves; where that would be less than nothing, more households arise newly.

    Parameters
    ----------
    poor, near_poor : DataFrame
        Reviews, oldest first, as `account_rates` takes them.
    households : float
        All households, held constant.
    years : int
        Reviews ahead.
    poor_rates, near_rates : ndarray, shape (draws, years), optional
        Percent of all households, both or none: the draws of `povstudy.projection.groups.split_classes`.
    draws, seed : int

    Returns
    -------
    AccountDraws

    Raises
    ------
    DataError
        As `account_rates`; or the rates do not have the shape of the draws.

    Examples
    --------
    >>> flows = {"year": [2022], "start": [200], "to_near_poor": [40], "above_near_poor": [20], "other_decrease": [4],
    ...     "from_near_poor": [10], "relapsed": [2], "newly_arising": [8], "other_increase": [4], "end": [160]}
    >>> near = {"year": [2022], "start": [300], "to_poor": [10], "above_near_poor": [50], "other_decrease": [6],
    ...     "from_poor": [40], "relapsed": [3], "newly_arising": [9], "other_increase": [4], "end": [290]}
    >>> made = account_draws(pd.DataFrame(flows), pd.DataFrame(near), households=10_000, years=2, draws=100)
    >>> out = sum(sign * made.flows["poor", flow] for flow, (sign, *_) in FORMS["poor"].items())
    >>> bool((out == 0).all())
    True
    """
    rates, year_sd, status = account_rates(poor, near_poor, households)
    rate = {(row.form, row.flow): float(row.rate) for row in rates.itertuples()}
    if (poor_rates is None) != (near_rates is None):
        raise DataError("give the rates of both classes or of neither: the two accounts are carried forward together")
    for what, given in (("poor_rates", poor_rates), ("near_rates", near_rates)):
        if given is not None and (given.shape != (draws, years) or not np.isfinite(given).all() or (given < 0).any()):
            raise DataError(f"{what} must have the shape (draws, years) = ({draws}, {years}), none missing or negative")
    random = np.random.default_rng(seed)
    stock = {
        "poor": np.full(draws, int(poor["end"].iloc[-1])),
        "near_poor": np.full(draws, int(near_poor["end"].iloc[-1])),
    }
    level = random.standard_normal(draws) * year_sd / np.sqrt(max(len(poor), 1))
    flows = {(form, flow): np.zeros((draws, years), dtype=np.int64) for form in FORMS for flow in FORMS[form]}
    for step in range(years):
        shock = level + year_sd * random.standard_normal(draws)
        wanted = None
        if poor_rates is not None:
            wanted = {
                "poor": np.rint(poor_rates[:, step] * households / 100.0).astype(np.int64),
                "near_poor": np.rint(near_rates[:, step] * households / 100.0).astype(np.int64),
            }
        now = _year(stock, rate, households, shock, wanted, random)
        for key, value in now.items():
            flows[key][:, step] = value
        stock = {form: now[form, "end"] for form in FORMS}
    first = int(poor["year"].iloc[-1]) + 1
    when = np.arange(first, first + years)
    return AccountDraws(when, flows, rates, _summary(flows, when), year_sd, status)


def _year(
    stock: Mapping[str, np.ndarray],
    rate: Mapping[tuple[str, str], float],
    households: float,
    shock: np.ndarray,
    wanted: Mapping[str, np.ndarray] | None,
    random: np.random.Generator,
) -> dict[tuple[str, str], np.ndarray]:
    """Return the flows of one review for every draw."""
    out: dict[tuple[str, str], np.ndarray] = {}
    outside = np.maximum(households - stock["poor"] - stock["near_poor"], 0.0).astype(np.int64)
    for form in FORMS:
        start = stock[form]
        out[form, "start"] = start
        for flow in OTHER:
            out[form, flow] = np.rint(rate[form, flow] * start).astype(np.int64)
        for flow in NEW:
            out[form, flow] = random.binomial(outside, _moved(rate[form, flow], -shock))
        able = start - out[form, "other_decrease"]
        first, second = EXITS[form]
        leave = {flow: _moved(rate[form, flow], _sign(flow) * shock) for flow in EXITS[form]}
        total = leave[first] + leave[second]
        scale = np.where(total > 1.0, 1.0 / np.where(total > 0, total, 1.0), 1.0)
        out[form, first] = random.binomial(able, np.clip(leave[first] * scale, 0.0, 1.0))
        rest = np.clip(leave[second] * scale / np.maximum(1.0 - leave[first] * scale, 1e-12), 0.0, 1.0)
        out[form, second] = random.binomial(able - out[form, first], rest)
    _cross(out)
    if wanted is not None:
        for form in FORMS:
            _follow(out, form, wanted[form], rate)
        _cross(out)
        # What the poor cannot settle by themselves are near-poor who do not become poor after all; what the near-poor
        # cannot settle are poor who leave past them.  Both happen where a stock is to fall to almost nothing.
        left = _settle(out, "poor", wanted["poor"])
        out["near_poor", "to_poor"] = out["near_poor", "to_poor"] - np.minimum(left, out["near_poor", "to_poor"])
        _cross(out)
        left = np.minimum(_settle(out, "near_poor", wanted["near_poor"]), out["poor", "to_near_poor"])
        out["poor", "to_near_poor"] = out["poor", "to_near_poor"] - left
        out["poor", "above_near_poor"] = out["poor", "above_near_poor"] + left
        _cross(out)
    for form in FORMS:
        out[form, "end"] = _balance(out, form)
    return out


def _sign(flow: str) -> float:
    """Return +1 for a way up (more in a good year) and -1 for the near-poor who become poor."""
    return -1.0 if flow == "to_poor" else 1.0


def _moved(rate: float, shift: np.ndarray) -> np.ndarray:
    """Return a rate moved on the logit; zero and one stay."""
    if not 0.0 < rate < 1.0:
        return np.full(len(shift), float(np.clip(rate, 0.0, 1.0)))
    return 1.0 / (1.0 + np.exp(-(np.log(rate / (1.0 - rate)) + shift)))


def _cross(out: dict[tuple[str, str], np.ndarray]) -> None:
    """Write the moves between the two classes into the other class's account."""
    out["near_poor", "from_poor"] = out["poor", "to_near_poor"]
    out["poor", "from_near_poor"] = out["near_poor", "to_poor"]


def _balance(out: Mapping[tuple[str, str], np.ndarray], form: str) -> np.ndarray:
    """Return the stock at the end that the flows give."""
    return sum(sign * out[form, flow] for flow, (sign, *_) in FORMS[form].items() if flow != "end")


def _follow(
    out: dict[tuple[str, str], np.ndarray], form: str, wanted: np.ndarray, rate: Mapping[tuple[str, str], float]
) -> None:
    """Set the exits of a class to what the wanted stock leaves, split as they were split before."""
    first, second = EXITS[form]
    exits = out[form, first] + out[form, second]
    able = out[form, "start"] - out[form, "other_decrease"]
    needed = np.clip(exits + _balance(out, form) - wanted, 0, able)
    both = rate[form, first] + rate[form, second]
    split = rate[form, first] / both if both > 0 else 0.0
    # The near-poor who become poor are a way down and stay as drawn, if there are as many exits.
    out[form, first] = (
        np.minimum(out[form, first], needed) if first == "to_poor" else np.rint(split * needed).astype(np.int64)
    )
    out[form, second] = needed - out[form, first]


def _settle(out: dict[tuple[str, str], np.ndarray], form: str, wanted: np.ndarray) -> np.ndarray:
    """Let the rest of an account be exits past the near-poor, or households that arise newly; return what stays."""
    left = _balance(out, form) - wanted
    able = out[form, "start"] - out[form, "other_decrease"] - out[form, EXITS[form][0]]
    more = np.clip(out[form, "above_near_poor"] + left, 0, able)
    left = left - (more - out[form, "above_near_poor"])
    out[form, "above_near_poor"] = more
    out[form, "newly_arising"] = out[form, "newly_arising"] + np.maximum(-left, 0)
    left = np.maximum(left, 0)
    for flow in NEW[::-1]:
        fewer = np.minimum(left, out[form, flow])
        out[form, flow] = out[form, flow] - fewer
        left = left - fewer
    return left


def _summary(flows: Mapping[tuple[str, str], np.ndarray], years: np.ndarray) -> pd.DataFrame:
    """Return medians and 80 % intervals of every flow."""
    rows = []
    for (form, flow), counts in flows.items():
        low, middle, high = np.quantile(counts, [0.1, 0.5, 0.9], axis=0)
        rows += [(form, flow, int(year), middle[i], low[i], high[i]) for i, year in enumerate(years)]
    return pd.DataFrame(rows, columns=["form", "flow", "year", "median", "low_80", "high_80"])

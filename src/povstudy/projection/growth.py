"""Growth, pass-through and distributional change on a household file: scenarios, never forecasts (formulas d-g)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from povstudy.errors import DataError, ParameterError
from povstudy.indicators import fgt, gini
from povstudy.indicators.checks import numbers, positive_line, weights

__all__ = [
    "BOTTOM",
    "PASS_THROUGH",
    "bottom_share",
    "convex_gic",
    "distribution_neutral",
    "growth_elasticity",
    "growth_scenario",
    "linear_gic",
    "lognormal_headcount",
    "lognormal_sigma",
    "semi_elasticity",
    "world_bank_example",
]

PASS_THROUGH = 0.7
"""Share of growth in national accounts that reaches household income (World Bank, GPM Technical Note 35)."""

BOTTOM = 0.4
"""The bottom 40 percent, of which a shared-prosperity premium speaks."""

SMALLEST = 1e-6
"""What an income that a scenario would make negative is held at, as in the World Bank's code."""


def distribution_neutral(income: ArrayLike, *, growth: float, pass_through: float = PASS_THROUGH) -> np.ndarray:
    r"""Return :math:`y (1 + \pi g)`: everyone grows alike (formula d).

    Parameters
    ----------
    income : array-like, shape (n,)
    growth : float
        A share: .02 for two percent.
    pass_through : float
        pi.

    Examples
    --------
    >>> distribution_neutral([1.0, 2.0], growth=0.1, pass_through=0.5)
    array([1.05, 2.1 ])
    """
    return numbers(income, "income") * (1.0 + pass_through * growth)


def convex_gic(income: ArrayLike, weight: ArrayLike, *, growth: float, gini_change: float) -> np.ndarray:
    r"""Return :math:`(1 + g)((1 + \alpha) y - \alpha \bar y)`: the Gini coefficient times 1 + alpha (formula e).

    Parameters
    ----------
    income, weight : array-like, shape (n,)
    growth : float
        What reaches incomes, pass-through included; the mean grows by it.
    gini_change : float
        alpha: .02 raises the Gini coefficient by two percent, not by two points.

    Returns
    -------
    ndarray, shape (n,)
        May be negative for large alpha; `growth_scenario` holds such incomes at a small positive one.

    Examples
    --------
    >>> grown = convex_gic([1.0, 3.0], [1.0, 1.0], growth=0.0, gini_change=0.1)
    >>> grown.round(9).tolist(), round(gini(grown, [1.0, 1.0]) / gini([1.0, 3.0], [1.0, 1.0]), 9)
    ([0.9, 3.1], 1.1)
    """
    y = numbers(income, "income")
    w = weights(weight, y.size)
    mean = (w * y).sum() / w.sum()
    return (1.0 + growth) * ((1.0 + gini_change) * y - gini_change * mean)


def linear_gic(income: ArrayLike, weight: ArrayLike, *, growth: float, premium: float) -> np.ndarray:
    r"""Return :math:`(1 + \delta) y - \theta y r`: growth falls in a line with the rank r (formula f).

    theta = premium / (R - R40) and delta = g + theta R, R the income-weighted mean rank of all and R40 of the
    bottom 40 percent: then the mean grows by g and the bottom 40 by g + premium.

    Parameters
    ----------
    income, weight : array-like, shape (n,)
    growth : float
    premium : float
        By how much the bottom 40 percent grow faster (a share).

    Examples
    --------
    >>> y, w = np.arange(1.0, 11.0), np.ones(10)
    >>> grown = linear_gic(y, w, growth=0.02, premium=0.01)
    >>> round(float(grown.sum() / y.sum() - 1), 9), round(float(grown[:4].sum() / y[:4].sum() - 1), 9)
    (0.02, 0.03)
    """
    y = numbers(income, "income")
    w = weights(weight, y.size)
    rank, bottom = _ranks(y, w)
    all_mean = (w * y * rank).sum() / (w * y).sum()
    low = w * bottom
    low_mean = (low * y * rank).sum() / (low * y).sum()
    if not y.max() > y.min():
        raise DataError("linear_gic: all incomes are equal, so nobody can grow faster than the others")
    theta = premium / (all_mean - low_mean)
    return (1.0 + growth + theta * all_mean) * y - theta * y * rank


def _ranks(y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each household's middle rank in (0, 1), and the part of it that lies in the bottom 40 percent.

    Equal incomes share one rank, so the order of the rows does not matter.
    """
    _, which = np.unique(y, return_inverse=True)
    share = np.bincount(which, weights=w) / w.sum()
    upper = np.cumsum(share)
    lower = upper - share
    part = np.clip((BOTTOM - lower) / np.where(share > 0, share, 1.0), 0.0, 1.0)
    return (0.5 * (lower + upper))[which], part[which]


def bottom_share(income: ArrayLike, weight: ArrayLike) -> float:
    """Return the share of all income that the bottom 40 percent have.

    Examples
    --------
    >>> round(bottom_share(np.arange(1.0, 11.0), np.ones(10)), 4)
    0.1818
    """
    y = numbers(income, "income")
    w = weights(weight, y.size)
    _, part = _ranks(y, w)
    return float((w * part * y).sum() / (w * y).sum())


def lognormal_sigma(gini_coefficient: float) -> float:
    r"""Return :math:`\sqrt 2 \Phi^{-1}((1 + G)/2)`: the log standard deviation of a log-normal with this Gini.

    Examples
    --------
    >>> round(lognormal_sigma(0.36), 4)
    0.6614
    """
    if not 0.0 < gini_coefficient < 1.0:
        raise ParameterError(f"a Gini coefficient lies strictly between 0 and 1; got {str(gini_coefficient)[:20]}")
    return float(np.sqrt(2.0) * ndtri((1.0 + gini_coefficient) / 2.0))


def lognormal_headcount(mean: float, line: float, gini_coefficient: float) -> float:
    r"""Return :math:`100 \Phi(\ln(z/\bar y)/\sigma + \sigma/2)`, percent (formula g).

    Examples
    --------
    >>> round(lognormal_headcount(3.0, 1.5, 0.36), 2)
    23.66
    """
    sigma = lognormal_sigma(gini_coefficient)
    return float(100.0 * ndtr(np.log(line / mean) / sigma + sigma / 2.0))


def growth_elasticity(mean: float, line: float, gini_coefficient: float) -> float:
    r"""Return the percent change of the headcount per percent of growth, :math:`-\phi(\cdot)/(\sigma \Phi(\cdot))`.

    Examples
    --------
    >>> round(growth_elasticity(3.0, 1.5, 0.36), 2)
    -1.97
    """
    sigma = lognormal_sigma(gini_coefficient)
    at = np.log(line / mean) / sigma + sigma / 2.0
    return float(-_density(at) / (sigma * ndtr(at)))


def semi_elasticity(mean: float, line: float, gini_coefficient: float) -> float:
    r"""Return the points that the headcount changes per percent of growth, :math:`-\phi(\cdot)/\sigma`.

    Examples
    --------
    >>> round(semi_elasticity(3.0, 1.5, 0.36), 2)
    -0.47
    """
    sigma = lognormal_sigma(gini_coefficient)
    return float(-_density(np.log(line / mean) / sigma + sigma / 2.0) / sigma)


def _density(x: float) -> float:
    """Return the standard normal density."""
    return float(np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi))


def growth_scenario(
    income: ArrayLike,
    weight: ArrayLike,
    line: ArrayLike,
    *,
    name: str,
    growth: Mapping[int, float],
    pass_through: float = PASS_THROUGH,
    extra_growth: float = 0.0,
    gini_change: float = 0.0,
    premium: float = 0.0,
) -> pd.DataFrame:
    """Return poverty year by year as incomes grow from a household file: a scenario, not a forecast.

    Each year: g = pass_through x (growth + extra_growth); with neither ``gini_change`` nor ``premium`` formula d, with
    the first formula e, with the second formula f.  The distribution of one year is where the next one starts.

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        Per person, and what each household counts for.
    line : float or array-like, shape (n,)
        Held constant: in the prices of the incomes.
    name : str
        Of the scenario.
    growth : mapping of year to float
        Real growth a head as a share; consecutive years.
    pass_through, extra_growth : float
    gini_change, premium : float
        A year; one of them at most.

    Returns
    -------
    DataFrame
        ``scenario, year, mean, gini, headcount, gap, severity``: percent from ``headcount`` on; the first row is the
        file itself, in the year before the first.

    Raises
    ------
    ParameterError
        Years with gaps, no growth, or both kinds of distributional change at once.
    DataError
        A missing value, a negative weight, a line that is not positive.

    References
    ----------
    Lakner, Mahler, Negre and Prydz (2022), Journal of Economic Inequality 20.

    Examples
    --------
    >>> out = growth_scenario([1.0, 2.0, 4.0], [1, 1, 1], 1.05, name="growth", growth={2025: 0.1}, pass_through=1.0)
    >>> out[["year", "headcount"]].round(1).to_numpy().tolist()
    [[2024.0, 33.3], [2025.0, 0.0]]
    """
    y = numbers(income, "income")
    w = weights(weight, y.size)
    z = positive_line(line, y.size)
    years = sorted(growth)
    if not years or years != list(range(years[0], years[-1] + 1)):
        raise ParameterError(
            "growth is a mapping of consecutive years to rates such as .05; got years "
            f"{', '.join(map(str, years)) or 'none'}"
        )
    if gini_change and premium:
        raise ParameterError("give gini_change (formula e) or premium (formula f), not both")
    rows = [(name, years[0] - 1, *_poverty(y, w, z))]
    for year in years:
        g = pass_through * (growth[year] + extra_growth)
        y = np.maximum(_grown(gini_change, premium)(y, w, g), SMALLEST)
        rows.append((name, year, *_poverty(y, w, z)))
    return pd.DataFrame(rows, columns=["scenario", "year", "mean", "gini", "headcount", "gap", "severity"])


def _grown(gini_change: float, premium: float) -> Callable[[np.ndarray, np.ndarray, float], np.ndarray]:
    """Return what one year does to incomes."""
    if premium:
        return lambda y, w, g: linear_gic(y, w, growth=g, premium=premium)
    return lambda y, w, g: convex_gic(y, w, growth=g, gini_change=gini_change)


def _poverty(y: np.ndarray, w: np.ndarray, z: float | np.ndarray) -> tuple[float, ...]:
    """Return mean, Gini and the three measures in percent."""
    measures = (100.0 * fgt(y, z, w, alpha=float(alpha)) for alpha in (0, 1, 2))
    return (float((w * y).sum() / w.sum()), gini(y, w), *measures)


def world_bank_example(
    consumption: str | Path,
    growth: str | Path,
    published: str | Path,
    *,
    lines: Sequence[float] = (1.9, 3.2),
) -> pd.DataFrame:
    """Return our measures beside those of the World Bank's example, where the distribution does not change.

    The three files are those of danielmahler/InequalitySensitiveProjections (not shipped): a consumption vector of
    quantiles (``welf``), a growth table (``year`` and one column a growth scenario) and the forecasts made from them.
    Rows with a change of the Gini coefficient are left out: their order of clipping is not stated.

    Parameters
    ----------
    consumption, growth, published : path
        Stata files.
    lines : sequence of float
        Those of the columns ``FGT0_1_9`` and so on.

    Returns
    -------
    DataFrame
        ``growth, extra_growth, pass_through, year, measure, line, ours, published, difference`` (percent).

    Raises
    ------
    DataError
        A file lacks a column.
    """
    welfare = pd.read_stata(consumption)
    rates = pd.read_stata(growth)
    known = pd.read_stata(published)
    for table, what, needed in (
        (welfare, consumption, ["welf"]),
        (rates, growth, ["year"]),
        (known, published, ["year", "alpha", "growth", "extragrowth", "passthrough"]),
    ):
        absent = [column for column in needed if column not in table]
        if absent:
            raise DataError(
                f"{Path(what).name}: column {', '.join(absent)} is missing; it has {', '.join(table)[:200]}"
            )
    y = welfare["welf"].to_numpy(float)
    neutral = known[known["alpha"].abs() < 1e-9]
    neutral = neutral.drop_duplicates(["growth", "extragrowth", "passthrough", "year"])
    rows = []
    for (scenario, extra, share), own in neutral.groupby(["growth", "extragrowth", "passthrough"], sort=True):
        if scenario not in rates:
            raise DataError(f"{Path(growth).name}: no column {str(scenario)[:40]!r} for the growth that was published")
        by_year = dict(zip(rates["year"].astype(int), rates[scenario].astype(float), strict=True))
        for line in lines:
            made = growth_scenario(
                y,
                np.ones(y.size),
                line,
                name=str(scenario),
                growth=by_year,
                pass_through=float(share),
                extra_growth=float(extra) / 100.0,
            ).set_index("year")
            for row in own.to_dict("records"):
                for number, measure in enumerate(("headcount", "gap", "severity")):
                    column = f"FGT{number}_{line:g}".replace(".", "_")
                    if column not in row:
                        continue
                    ours, theirs = float(made.at[int(row["year"]), measure]), float(row[column])
                    key = (str(scenario), float(extra), float(share), int(row["year"]), measure, line)
                    rows.append((*key, ours, theirs, ours - theirs))
    columns = ["growth", "extra_growth", "pass_through", "year", "measure", "line", "ours", "published", "difference"]
    return pd.DataFrame(rows, columns=columns)

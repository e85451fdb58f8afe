"""Inequality measures of a welfare variable; none depends on the scale of the incomes or of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from povstudy.errors import DataError
from povstudy.indicators.checks import check_choice, check_number, check_positive, numbers, weights
from povstudy.indicators.linearized import Linearized, exp, log, ratio
from povstudy.indicators.totals import Points, density_total, weighted_total

__all__ = [
    "atkinson",
    "generalized_entropy",
    "gini",
    "j_divergence",
    "lorenz",
    "palma",
    "quantile_shares",
    "s80_s20",
]

#: The rules of `s80_s20`: the border row split (Lorenz curve), or whole rows at the border (Eurostat).
SHARE_RULES = ("lorenz", "eurostat")


def gini_formula(t: Points, *, income: np.ndarray) -> Any:
    """Gini over totals: D / (2 N Y)."""
    return t.difference(income) / (2.0 * t.count() * t.total(income))


def generalized_entropy_formula(t: Points, *, income: np.ndarray, alpha: float) -> Any:
    """GE(alpha) over totals of incomes relative to a constant near their mean."""
    check_positive(income, "income", f"generalized_entropy(alpha={alpha:g})", zero_allowed=alpha > 0)
    x = _relative(income, t.weight)
    count, mean = t.count(), t.total(x) / t.count()
    if alpha == 0:
        return log(mean) - t.total(np.log(x)) / count
    if alpha == 1:
        return t.total(_x_log_x(x)) / t.total(x) - log(mean)
    return (t.total(x**alpha) / count / mean**alpha - 1.0) / (alpha * (alpha - 1.0))


def atkinson_formula(t: Points, *, income: np.ndarray, epsilon: float) -> Any:
    """Atkinson(epsilon) over totals of incomes relative to a constant near their mean."""
    check_positive(income, "income", f"atkinson(epsilon={epsilon:g})", zero_allowed=epsilon < 1)
    x = _relative(income, t.weight)
    count, mean = t.count(), t.total(x) / t.count()
    if epsilon == 1:
        return 1.0 - exp(t.total(np.log(x)) / count) / mean
    power = 1.0 - epsilon
    return 1.0 - (t.total(x**power) / count) ** (1.0 / power) / mean


def j_divergence_formula(t: Points, *, income: np.ndarray) -> Any:
    """J-divergence over totals: GE(0) + GE(1)."""
    return generalized_entropy_formula(t, income=income, alpha=0.0) + generalized_entropy_formula(
        t, income=income, alpha=1.0
    )


def share_below(t: Points, *, income: np.ndarray, p: float) -> Any:
    """Lorenz ordinate L(p) over totals."""
    if p in (0.0, 1.0):
        return 0.0 * t.count() + p
    return t.lorenz_total(income, p) / t.total(income)


def quantile_shares_formula(t: Points, *, income: np.ndarray, n: int = 5) -> dict[str, Any]:
    """Shares of the n equal groups over totals, from the lowest."""
    ordinates = [share_below(t, income=income, p=i / n) for i in range(n + 1)]
    return {f"share_{i + 1}_of_{n}": ordinates[i + 1] - ordinates[i] for i in range(n)}


def lorenz_formula(t: Points, *, income: np.ndarray, p: Any) -> dict[str, Any]:
    """Lorenz ordinates at the shares p over totals."""
    return {f"lorenz_{value:g}": share_below(t, income=income, p=float(value)) for value in np.atleast_1d(p)}


def s80_s20_formula(t: Points, *, income: np.ndarray, rule: str = "lorenz", bandwidth: float | None = None) -> Any:
    """Top over bottom fifth over totals, by the Lorenz curve or by whole rows."""
    if check_choice(rule, SHARE_RULES, "rule") == "lorenz":
        top = 1.0 - share_below(t, income=income, p=0.8)
        return _over_bottom(top, share_below(t, income=income, p=0.2))
    top = t.total(income) - total_up_to_quantile(t, income=income, p=0.8, bandwidth=bandwidth)
    return _over_bottom(top, total_up_to_quantile(t, income=income, p=0.2, bandwidth=bandwidth))


def total_up_to_quantile(t: Points, *, income: np.ndarray, p: float, bandwidth: float | None = None) -> Any:
    """Total income of the rows at or below the quantile p over totals (whole rows)."""
    quantile = t.quantile(income, p, bandwidth)

    def slope(q: float, w: np.ndarray) -> float:
        return density_total(income, w, q, bandwidth, of=income)

    return t.total_at(quantile, lambda q: np.where(income <= q, income, 0.0), slope)


def palma_formula(t: Points, *, income: np.ndarray) -> Any:
    """Top tenth over bottom four tenths over totals."""
    return _over_bottom(1.0 - share_below(t, income=income, p=0.9), share_below(t, income=income, p=0.4))


def _over_bottom(top: Any, bottom: Any) -> Any:
    """Return top / bottom, refusing a bottom group that holds nothing."""
    value = bottom.value if isinstance(bottom, Linearized) else bottom
    if np.ndim(value) == 0 and not value > 0:
        raise DataError(
            "income: the bottom group's total income is zero or negative, so its ratio to the top group does not "
            "exist. Use quantile_shares, which shows both."
        )
    return ratio(top, bottom)


def _relative(income: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return incomes over a constant near their mean; exactly one where all incomes are equal."""
    mean = weighted_total(weight, income) / float(weight.sum())
    lowest, highest = float(income.min()), float(income.max())
    constant = lowest if lowest == highest else mean
    _refuse_mean(constant)
    return income / constant


def _refuse_mean(mean: float) -> None:
    """Raise when relative inequality has no meaning because the mean is not positive."""
    if not mean > 0:
        raise DataError(
            f"income: the mean is {mean:g}; relative inequality needs a mean greater than zero. Use an absolute gap, "
            "or check the income variable."
        )


def _x_log_x(x: np.ndarray) -> np.ndarray:
    """Return x ln x with its limit 0 at x = 0."""
    return x * np.log(np.where(x > 0, x, 1.0))


def checked_incomes(income: ArrayLike, weight: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return checked incomes with a positive mean, and weights."""
    y = numbers(income, "income")
    w = weights(weight, y.size)
    _refuse_mean(weighted_total(w, y) / float(w.sum()))
    return y, w


def gini(income: ArrayLike, weight: ArrayLike) -> float:
    r"""Gini coefficient, population (mean difference) form.

    .. math:: G = \frac{\sum_i \sum_j w_i w_j |y_i - y_j|}{2 \sum w \sum w y}

    It does not change when all weights are multiplied, when rows are replicated, or when equal rows are merged.

    Parameters
    ----------
    income : array-like, shape (n,)
        Negative incomes are allowed as long as the mean is positive; the coefficient may then exceed one.
    weight : array-like, shape (n,)
        Weights, zero or more.

    Returns
    -------
    float
        In [0, 1) for incomes >= 0; 0 when all incomes are equal.

    Raises
    ------
    DataError
        When a value or weight is missing, a weight negative, or the mean is not positive.

    References
    ----------
    Yitzhaki and Schechtman (2013), The Gini Methodology, equation 2.1.

    Examples
    --------
    >>> round(gini([1, 2, 3, 4], [1, 2, 3, 4]), 12)
    0.18
    """
    y, w = checked_incomes(income, weight)
    return gini_formula(Points(w), income=y)


def generalized_entropy(income: ArrayLike, weight: ArrayLike, *, alpha: float) -> float:
    r"""Generalized entropy measure of inequality.

    .. math:: GE(\alpha) = \frac{1}{\alpha(\alpha - 1)}
       \left[\frac{1}{N} \sum w_i \left(\frac{y_i}{\mu}\right)^\alpha - 1\right]

    with the limits GE(0) = mean log deviation and GE(1) = Theil.

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        As in `gini`; greater than zero for alpha <= 0, zero or more for alpha > 0 (0 ln 0 = 0).
    alpha : float
        Any number; 0 is the mean log deviation, 1 Theil, 2 half the squared coefficient of variation.

    Returns
    -------
    float
        Zero or more.

    Raises
    ------
    DataError
        As `gini`, and when an income is out of the measure's domain.

    References
    ----------
    Shorrocks (1980), Econometrica 48(3), equation 33.

    Examples
    --------
    >>> round(generalized_entropy([1, 3], [1, 1], alpha=2), 12)
    0.125
    """
    y, w = checked_incomes(income, weight)
    return generalized_entropy_formula(Points(w), income=y, alpha=check_number(alpha, "alpha"))


def checked_epsilon(epsilon: Any) -> float:
    """Return the aversion to inequality, zero or more."""
    value = check_number(epsilon, "epsilon")
    if value < 0:
        raise DataError(f"epsilon: zero or more is needed, got {value:g}.")
    return value


def atkinson(income: ArrayLike, weight: ArrayLike, *, epsilon: float) -> float:
    r"""Atkinson measure of inequality.

    .. math:: A_\epsilon = 1 - \frac{1}{\mu}
       \left[\frac{1}{N} \sum w_i y_i^{1 - \epsilon}\right]^{1 / (1 - \epsilon)},\quad
       A_1 = 1 - \frac{1}{\mu} \exp\left(\frac{1}{N} \sum w_i \ln y_i\right)

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        As in `gini`; greater than zero for epsilon >= 1, zero or more below.
    epsilon : float
        Aversion to inequality, zero or more.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    DataError
        As `gini`, when epsilon is negative, and when an income is out of the measure's domain.

    References
    ----------
    Atkinson (1970), Journal of Economic Theory 2(3).

    Examples
    --------
    >>> round(atkinson([1, 4], [1, 1], epsilon=1), 12)
    0.2
    """
    y, w = checked_incomes(income, weight)
    return atkinson_formula(Points(w), income=y, epsilon=checked_epsilon(epsilon))


def j_divergence(income: ArrayLike, weight: ArrayLike) -> float:
    """J-divergence, the symmetric entropy measure GE(0) + GE(1).

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        As in `gini`; greater than zero.

    Returns
    -------
    float
        Zero or more.

    References
    ----------
    Rohde (2016), Journal of the Royal Statistical Society A 179(3).

    Examples
    --------
    >>> j_divergence([5, 5], [1, 2])
    0.0
    """
    y, w = checked_incomes(income, weight)
    return j_divergence_formula(Points(w), income=y)


def checked_groups(n: Any) -> int:
    """Return the number of equal groups, a whole number of at least one."""
    number = check_number(n, "n")
    if number != int(number) or number < 1:
        raise DataError(f"n: a whole number of groups, at least 1, is needed (5 fifths, 10 tenths), got {n!r}.")
    return int(number)


def quantile_shares(income: ArrayLike, weight: ArrayLike, *, n: int = 5) -> np.ndarray:
    """Shares of total income of n equal groups, from the lowest; a row at a border is split.

    .. math:: S_i = L(i / n) - L((i - 1) / n)

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        As in `gini`.
    n : int
        Number of groups: 5 for fifths, 10 for tenths.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Their sum is one.

    Raises
    ------
    DataError
        As `gini`, and when n is not a whole number of at least one.

    Examples
    --------
    >>> quantile_shares([1, 2, 3, 4, 10], [1, 1, 1, 1, 1]).round(12).tolist()
    [0.05, 0.1, 0.15, 0.2, 0.5]
    """
    y, w = checked_incomes(income, weight)
    return np.array(list(quantile_shares_formula(Points(w), income=y, n=checked_groups(n)).values()))


def lorenz(income: ArrayLike, weight: ArrayLike, *, p: ArrayLike | None = None) -> np.ndarray:
    r"""Lorenz curve: its corners, or its ordinates at given population shares.

    .. math:: L(p) = \frac{1}{\sum w y} \sum_{F(y_i) \le p} w_i y_i

    and linear between the corners; rows with the same income are one corner.

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        As in `gini`.
    p : array-like, optional
        Population shares in [0, 1].

    Returns
    -------
    numpy.ndarray
        Without ``p``: shape (corners, 2), population share and income share, from (0, 0) to (1, 1).
        With ``p``: the ordinates, same shape as ``p``.

    Raises
    ------
    DataError
        As `gini`, and when a share lies outside [0, 1].

    Examples
    --------
    >>> lorenz([1, 3], [1, 1]).tolist()
    [[0.0, 0.0], [0.5, 0.25], [1.0, 1.0]]
    >>> lorenz([1, 3], [1, 1], p=[0.25, 0.75]).tolist()
    [0.125, 0.625]
    """
    y, w = checked_incomes(income, weight)
    order = Points(w).order(y)
    last = np.concatenate([np.diff(order.values) > 0, [True]])
    population = np.concatenate([[0.0], order.cumulated[last] / order.cumulated[-1]])
    totals = np.cumsum(order.weight * order.values)
    incomes = np.concatenate([[0.0], totals[last] / totals[-1]])
    if p is None:
        return np.column_stack([population, incomes])
    return np.interp(checked_shares(p), population, incomes)


def checked_shares(p: ArrayLike) -> np.ndarray:
    """Return population shares in [0, 1], shape as given."""
    shares = np.asarray(p, dtype=float)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise DataError(f"p: population shares lie in [0, 1], got {shares.min():g} to {shares.max():g}.")
    return shares


def s80_s20(income: ArrayLike, weight: ArrayLike, *, rule: str = "lorenz") -> float:
    r"""Income of the top fifth over income of the bottom fifth.

    .. math:: \frac{1 - L(0.8)}{L(0.2)}

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        As in `gini`.
    rule : {"lorenz", "eurostat"}
        "lorenz" splits the row at a border (ties and replication do not matter); "eurostat" takes whole rows,
        y > q80 over y <= q20, as EU-SILC does.

    Returns
    -------
    float
        One or more.

    Raises
    ------
    DataError
        As `gini`, and when the bottom fifth holds no income.

    References
    ----------
    Eurostat, income quintile share ratio (S80/S20), for rule "eurostat".

    Examples
    --------
    >>> s80_s20([1, 2, 3, 4, 10], [1, 1, 1, 1, 1])
    10.0
    """
    y, w = checked_incomes(income, weight)
    return s80_s20_formula(Points(w), income=y, rule=rule)


def palma(income: ArrayLike, weight: ArrayLike) -> float:
    r"""Income of the top tenth over income of the bottom four tenths.

    .. math:: \frac{1 - L(0.9)}{L(0.4)}

    Parameters
    ----------
    income, weight : array-like, shape (n,)
        As in `gini`.

    Returns
    -------
    float

    Raises
    ------
    DataError
        As `gini`, and when the bottom four tenths hold no income.

    References
    ----------
    Palma (2011), Development and Change 42(1); Cobham and Sumner (2013).

    Examples
    --------
    >>> round(palma([1] * 9 + [4], [1] * 10), 12)
    1.0
    """
    y, w = checked_incomes(income, weight)
    return palma_formula(Points(w), income=y)

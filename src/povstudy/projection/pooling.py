"""What the areas of a panel lend each other: scatter, mean drift, its spread."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from povstudy.projection.spell import WINDOW, Spell, logit

__all__ = [
    "MIN_SIBLINGS",
    "PRIOR_DEGREES",
    "PRIOR_DRIFT_SD",
    "PRIOR_SD",
    "Pool",
    "between_variance",
    "cochran_q",
    "common_scatter",
    "logits_of",
    "mean_drift",
    "mean_steps",
    "own_variance",
    "pool_of",
    "pooled_variance",
    "scatter_of",
    "step_scatter",
]

PRIOR_SD = 0.09
"""Reference scatter of yearly logit steps about an area's own drift (reference, section 7)."""

PRIOR_DEGREES = 4.0
"""Degrees of freedom that the reference scatter, or the panel's, is worth for one area."""

PRIOR_DRIFT_SD = 0.15
"""Spread of yearly logit drifts where no panel tells it: reference panels drift by .03 to .3 a year."""

MIN_SIBLINGS = 10
"""Areas with two points or more that a panel needs before its spread of drifts is used."""


def pooled_variance(scatter: np.ndarray, degrees: np.ndarray) -> float:
    """Return the variance of yearly logit steps within areas, with the reference scatter as prior.

    (nu0 * .09^2 + sum of scatter) / (nu0 + sum of degrees): two points in every area leave no degrees of
    freedom, and then the prior stands alone instead of a variance of zero.

    Examples
    --------
    >>> round(pooled_variance(np.zeros(63), np.zeros(63)) ** 0.5, 2)
    0.09
    """
    return float((PRIOR_DEGREES * PRIOR_SD**2 + scatter.sum()) / (PRIOR_DEGREES + degrees.sum()))


def own_variance(scatter: np.ndarray, degrees: np.ndarray, pooled: float) -> np.ndarray:
    """Return each area's posterior variance: (nu0 * pooled + its scatter) / (nu0 + its degrees); shape (A,).

    Examples
    --------
    >>> own_variance(np.array([0.0, 0.03]), np.array([0, 2]), 0.01)
    array([0.01      , 0.01166667])
    """
    return (PRIOR_DEGREES * pooled + scatter) / (PRIOR_DEGREES + degrees)


def cochran_q(slopes: np.ndarray, variances: np.ndarray) -> float:
    """Return sum w (b - weighted mean)^2, w = 1 / v: chi-squared with k - 1 degrees where all true drifts are equal.

    Examples
    --------
    >>> round(cochran_q(np.array([-0.3, -0.1, -0.2]), np.full(3, 0.001)), 9)
    20.0
    """
    w = 1.0 / variances
    centre = (w * slopes).sum() / w.sum()
    return float((w * (slopes - centre) ** 2).sum())


def between_variance(slopes: np.ndarray, variances: np.ndarray) -> float:
    """Return the DerSimonian-Laird estimate of the variance of true drifts between areas.

    max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w)), w = 1 / v, Q = sum w (b - weighted mean)^2.

    Parameters
    ----------
    slopes, variances : ndarray, shape (k,)
        Own slopes and their sampling variances (> 0).

    References
    ----------
    DerSimonian and Laird (1986), Controlled Clinical Trials 7, equation 8.

    Examples
    --------
    >>> round(between_variance(np.array([-0.3, -0.1, -0.2]), np.full(3, 0.001)), 4)
    0.009
    """
    if len(slopes) < 2:
        return 0.0
    w = 1.0 / variances
    q = cochran_q(slopes, variances)
    return float(max(0.0, (q - (len(slopes) - 1)) / (w.sum() - (w * w).sum() / w.sum())))


def mean_drift(slopes: np.ndarray, variances: np.ndarray, between: float) -> tuple[float, float]:
    """Return the random-effects mean of the drifts and its variance, 1 / sum 1 / (v + between).

    Examples
    --------
    >>> mean_drift(np.array([-0.3, -0.1]), np.array([0.01, 0.01]), 0.0)
    (-0.2, 0.005)
    """
    w = 1.0 / (variances + between)
    return float((w * slopes).sum() / w.sum()), float(1.0 / w.sum())


def mean_steps(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas' mean step between neighbouring years, and the years that each step takes.

    A step is the mean over the areas seen at both of its ends; only years count that at least half of the areas
    were seen in.

    Parameters
    ----------
    z : ndarray, shape (A, T)
        Logits or logarithms in consecutive years, NaN for a gap.

    Returns
    -------
    steps, gaps : ndarray, shape (K,)

    Examples
    --------
    >>> steps, gaps = mean_steps(np.array([[0.0, np.nan, -0.4, -0.6], [1.0, np.nan, 0.6, 0.5]]))
    >>> steps.round(9), gaps
    (array([-0.4 , -0.15]), array([2., 1.]))
    """
    seen = np.isfinite(z)
    columns = np.flatnonzero(seen.sum(axis=0) >= max(1.0, 0.5 * len(z)))
    steps, gaps = [], []
    for before, after in itertools.pairwise(columns):
        both = seen[:, before] & seen[:, after]
        if both.any():
            steps.append((z[both, after] - z[both, before]).mean())
            gaps.append(after - before)
    return np.array(steps), np.array(gaps, dtype=float)


def step_scatter(z: np.ndarray) -> tuple[float, int]:
    """Return what the areas' mean yearly step scatters about its own mean, and the degrees of freedom.

    Sum of (m_k - g_k m)^2 / g_k over the steps m_k of `mean_steps` with gap g_k in years, m = sum m_k / sum g_k.

    Parameters
    ----------
    z : ndarray, shape (A, T)
        Logits or logarithms in consecutive years, NaN for a gap.

    Examples
    --------
    >>> scatter, degrees = step_scatter(np.array([[0.0, -0.2, -0.4], [1.0, 0.8, 0.6]]))
    >>> round(scatter, 9), degrees
    (0.0, 1)
    """
    step, gap = mean_steps(z)
    if len(step) < 2:
        return 0.0, 0
    return scatter_of(step, gap), len(step) - 1


def scatter_of(step: np.ndarray, gap: np.ndarray) -> float:
    """Return the sum of (m_k - g_k m)^2 / g_k, m = sum m_k / sum g_k.

    Examples
    --------
    >>> round(scatter_of(np.array([-0.1, -0.3]), np.array([1.0, 1.0])), 9)
    0.02
    """
    rest = step - gap * step.sum() / gap.sum()
    return float((rest * rest / gap).sum())


def common_scatter(values: np.ndarray, window: int) -> tuple[float, int]:
    """Return `step_scatter` of the logits of the last years.

    Parameters
    ----------
    values : ndarray, shape (A, T)
        Percent, NaN for a gap.
    window : int
        Calendar years, up to the last.

    Examples
    --------
    >>> from povstudy.projection.spell import expit
    >>> same = expit(np.array([[0.0, -0.2, -0.4], [1.0, 0.8, 0.6]]))
    >>> scatter, degrees = common_scatter(same, 10)
    >>> round(scatter, 9), degrees
    (0.0, 1)
    """
    return step_scatter(logits_of(values[:, -window:]))


def logits_of(values: np.ndarray) -> np.ndarray:
    """Return the logits of rates in percent, NaN for a gap.

    Examples
    --------
    >>> logits_of(np.array([50.0, np.nan]))
    array([ 0., nan])
    """
    seen = np.isfinite(values)
    return np.where(seen, logit(np.where(seen, values, 50.0)), np.nan)


@dataclass(frozen=True)
class Pool:
    """What the areas of one panel say together, on the logit a year.

    Attributes
    ----------
    siblings : int
        Areas with two points or more.
    variance : float
        Pooled variance of yearly steps within areas.
    own : ndarray, shape (A,)
        Posterior variance of each area.
    slope_variance : ndarray, shape (A,)
        Sampling variance of each own slope under the pooled variance; infinite with one point.
    between : float
        Variance of true drifts between areas.
    drift, drift_variance : float
        Mean drift and its variance; NaN and infinite where no area has two points.
    ols_drift : float
        Unweighted mean of least-squares slopes.
    span : float
        Median span (years) of the areas with two points or more; 1 where none has.
    common_scatter : float
    common_degrees : int
        Scatter of the areas' mean yearly step and its degrees of freedom; 0 with too few areas.
    """

    siblings: int
    variance: float
    own: np.ndarray
    slope_variance: np.ndarray
    between: float
    drift: float
    drift_variance: float
    ols_drift: float
    span: float
    common_scatter: float
    common_degrees: int


def pool_of(spell: Spell, values: np.ndarray, *, window: int = WINDOW, per_area: bool = False) -> Pool:
    """Pool the areas of a panel.

    Parameters
    ----------
    spell : Spell
    values : ndarray, shape (A, T)
        The figures that the spell summarises, for the mean step of each year.
    window : int
        Calendar years, up to the last.
    per_area : bool
        Take each area's posterior variance, not the pooled one, for the sampling variance of its slope.

    Returns
    -------
    Pool
    """
    several = spell.trended
    variance = pooled_variance(spell.scatter[several], spell.degrees[several])
    own = own_variance(spell.scatter, spell.degrees, variance)
    base = own if per_area else np.full(len(own), variance)
    slope_variance = np.where(several, base / np.where(several, spell.span, 1.0), np.inf)
    if not several.any():
        return Pool(0, variance, own, slope_variance, PRIOR_DRIFT_SD**2, np.nan, np.inf, np.nan, 1.0, 0.0, 0)
    slopes, variances = spell.slope_z[several], slope_variance[several]
    between = between_variance(slopes, variances)
    drift, drift_variance = mean_drift(slopes, variances, between)
    shared, degrees = common_scatter(values, window) if several.sum() >= MIN_SIBLINGS else (0.0, 0)
    return Pool(
        siblings=int(several.sum()),
        variance=variance,
        own=own,
        slope_variance=slope_variance,
        between=between,
        drift=drift,
        drift_variance=drift_variance,
        ols_drift=float(spell.slope_ols[several].mean()),
        span=float(np.median(spell.span[several])),
        common_scatter=shared,
        common_degrees=degrees,
    )


def shrinkage(pool: Pool) -> np.ndarray:
    """Return the weight on each own slope, between / (between + its variance); 0 with one point; shape (A,)."""
    return np.where(np.isfinite(pool.slope_variance), pool.between / (pool.between + pool.slope_variance), 0.0)

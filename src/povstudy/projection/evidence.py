"""How far a trend is believed: its drift against the shocks that it may be made of, and its own record so far."""

from __future__ import annotations

import numpy as np

from povstudy.projection.pooling import scatter_of

__all__ = [
    "FIRM",
    "INFLATION",
    "NEIGHBOURS",
    "PRIOR_SHOCK_SD",
    "RECORD_SD",
    "drift_error",
    "panel_weight",
    "ratio_of",
    "record_weight",
    "shock_of",
    "trend_weight",
]

PRIOR_SHOCK_SD = 0.045
"""Prior sd of the yearly shock (logit) that the drift of a leader, or of a panel's mean, is weighed against."""

PRIOR_SHOCK_DEGREES = 4.0
"""Degrees of freedom that this prior is worth."""

NEIGHBOURS = 0.5
"""Correlation of the shocks of neighbouring years: a boom or a plan lasts longer than a year."""

INFLATION = (1.0 + NEIGHBOURS) / (1.0 - NEIGHBOURS)
"""What such a correlation multiplies the variance of a mean of many years with."""

FIRM = 3.0
"""Standard errors from which the drift of a panel without a parent is firm enough to lead its areas undamped."""

RECORD_SD = 1.0
"""Prior sd, about 1, of the share of the drifts claimed before that came true."""


def shock_of(scatter: float, degrees: float) -> float:
    """Return the variance of the leader's yearly shocks: (nu0 .045^2 + scatter) / (nu0 + degrees).

    Parameters
    ----------
    scatter : float
        What its yearly logit steps scatter about their drift.
    degrees : float
        Degrees of freedom of that scatter.

    Examples
    --------
    >>> round(shock_of(0.0555, 2) ** 0.5, 3)
    0.103
    """
    return (PRIOR_SHOCK_DEGREES * PRIOR_SHOCK_SD**2 + scatter) / (PRIOR_SHOCK_DEGREES + degrees)


def drift_error(shock: float, span: float, between: float = 0.0) -> float:
    """Return the variance of a drift read off ``span`` years: 3 x shock / span, plus ``between``.

    Parameters
    ----------
    shock : float
        Variance of yearly shocks.
    span : float
        Years, at least one counts.
    between : float
        Variance that comes from averaging over few areas.

    Examples
    --------
    >>> round(drift_error(0.01, 3.0), 4)
    0.01
    """
    return INFLATION * shock / max(span, 1.0) + between


def ratio_of(drift: float, variance: float) -> float:
    """Return a drift in standard errors, |d| / sqrt(v).

    Examples
    --------
    >>> ratio_of(-0.2, 0.01)
    2.0
    """
    return abs(drift) / variance**0.5


def panel_weight(drift: float, variance: float) -> float:
    """Return the share of a panel's mean drift that is carried on, k = d^2 / (d^2 + v).

    A drift below one standard error counts for less than half and is not cut off as a leader's is: the areas of a
    panel are shrunk to this mean, and a mean that is small is small on their paths as well.

    Parameters
    ----------
    drift, variance : float
        As in `trend_weight`.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> panel_weight(-0.3, 0.01), panel_weight(0.05, 0.0025)
    (0.9, 0.5)
    """
    squared = drift * drift
    return squared / (squared + variance)


def trend_weight(drift: float, variance: float) -> float:
    r"""Return the share of a leader's drift that is carried on.

    .. math:: k = \frac{d^2}{d^2 + v}, \qquad k = 0 \text{ where } d^2 < v

    The square of the drift stands where the spread of true drifts stands in `shrinkage`: a drift is shrunk to
    none as an area's own drift is shrunk to the mean.  Below one standard error there is no trend.

    Parameters
    ----------
    drift : float
        Logit a year.
    variance : float
        Of `drift_error`, above 0.

    Returns
    -------
    float
        0, or between .5 and 1.

    Examples
    --------
    >>> trend_weight(-0.3, 0.01), trend_weight(0.05, 0.01)
    (0.9, 0.0)
    """
    return panel_weight(drift, variance) if drift * drift >= variance else 0.0


def record_weight(steps: np.ndarray, gaps: np.ndarray, counted: np.ndarray, *, window: int) -> float:
    r"""Return the share of the drifts claimed at past origins that came true in the step after.

    At each past origin t the drift d_t of the steps then known is weighed and damped as it is now,
    x_t = k_t d_t S(g_t), and set against the step y_t that followed, g_t years long.  The share w is the mean of a
    normal posterior,

    .. math:: w = \frac{1/s^2 + \sum x_t y_t / v_t}{1/s^2 + \sum x_t^2 / v_t}, \qquad v_t = 3 \sigma_c^2 g_t^2

    held inside 0 and 1.  Steps are means over the areas, so that a year counts once however many areas there are,
    and an origin that claimed no drift says nothing.  With no record w = 1.

    Parameters
    ----------
    steps, gaps : ndarray, shape (K,)
        Of `povstudy.projection.pooling.mean_steps`, every year that is known at the origin.
    counted : ndarray, shape (K,)
        S(g), the years that a drift counts for in a step: g where nothing is damped.
    window : int
        Calendar years that a drift is read from, both ends included.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> year = np.ones(5)
    >>> round(record_weight(np.full(5, -0.2), year, year, window=10), 2)
    1.0
    >>> round(record_weight(np.array([0.1, 0.1, 0.1, 0.0, -0.05]), year, year, window=10), 2)
    0.56
    """
    if len(steps) < 3:
        return 1.0
    ends = np.concatenate([[0.0], np.cumsum(gaps)])
    recent = ends[:-1] > ends[-1] - window
    degrees = max(int(recent.sum()) - 1, 0)
    shock = shock_of(scatter_of(steps[recent], gaps[recent]) if degrees else 0.0, degrees)
    precision = agreement = 1.0 / RECORD_SD**2
    for origin in range(2, len(steps)):
        known = np.flatnonzero(ends[:origin] > ends[origin] - window)
        if len(known) < 2:
            continue
        step, gap = steps[known], gaps[known]
        span = float(gap.sum())
        drift = float(step.sum()) / span
        error = drift_error(shock_of(scatter_of(step, gap), len(known) - 1), span)
        claimed = panel_weight(drift, error) * drift * counted[origin]
        variance = drift_error(shock, 1.0) * gaps[origin] ** 2
        precision += claimed**2 / variance
        agreement += claimed * float(steps[origin]) / variance
    return float(min(1.0, max(0.0, agreement / precision)))

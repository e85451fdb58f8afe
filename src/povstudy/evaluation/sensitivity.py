r"""How far parallel trends may fail before the conclusion does: intervals under smooth differential trends.

There is no bound by relative magnitudes here.  The true one needs a conditional test that no light library implements
rightly; a common shortcut rejects where the published interval does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import minimize_scalar

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.effect import Effect, check_level
from povstudy.evaluation.events import post_average

__all__ = ["HonestDid", "folded_quantile", "honest_did", "smooth_interval"]

GRID = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Default M, in units of the largest second difference seen before the start."""
HALVINGS = 40


@dataclass(frozen=True)
class HonestDid:
    """Intervals when the trends of both arms may bend apart.

    Attributes
    ----------
    table : DataFrame
        ``m, estimate, low, high, half_length``: for each bound *m* on the change of slope from one period to the
        next.
    breakdown : float
        Largest *m* at which zero stays outside; 0 when it is inside already without any bend; infinite when no bend
        brings it inside.
    seen : float
        Largest change of slope between the coefficients before the start.
    weights : ndarray, shape (q,)
        Of the post-start coefficients in the target.
    words : str
        What would overturn the result.
    level : float
    """

    table: pd.DataFrame
    breakdown: float
    seen: float
    weights: np.ndarray
    words: str
    level: float


def folded_quantile(level: float, shift: float) -> float:
    r"""Return the quantile of :math:`|N(t, 1)|`, the critical value of a biased normal estimate.

    Parameters
    ----------
    level : float
    shift : float
        Bias in standard errors, 0 or more.

    Returns
    -------
    float

    Examples
    --------
    >>> round(folded_quantile(0.95, 0.0), 3), round(folded_quantile(0.95, 10.0), 3)
    (1.96, 11.645)
    """
    if shift > 6.0:
        return float(shift + stats.norm.ppf(level))
    return float(np.sqrt(stats.ncx2.ppf(level, 1, shift**2))) if shift > 0 else float(stats.norm.ppf((1 + level) / 2))


def _slopes(pre: int) -> np.ndarray:
    r"""Return the matrix from second sums :math:`z` to weights of the pre-start coefficients, shape (pre, pre).

    With :math:`z_s = \sum_{k>s} (k-s) v_k` the weights are :math:`v_k = z_{k-1} - 2 z_k + z_{k+1}`; row k - 1 holds
    the
    coefficient k periods before the reference.
    """
    t = np.zeros((pre, pre))
    for k in range(1, pre + 1):
        t[k - 1, k - 1] = 1.0
        if k < pre:
            t[k - 1, k] = -2.0
        if k + 1 < pre:
            t[k - 1, k + 1] = 1.0
    return t


def smooth_interval(
    beta: np.ndarray, covariance: np.ndarray, pre: int, weights: np.ndarray, m: float, *, level: float = 0.95
) -> tuple[float, float, float]:
    r"""Return the shortest fixed-length interval when slopes change by at most *m* from period to period.

    .. math:: \hat\theta = l'\hat\beta_{post} + v'\hat\beta_{pre}, \quad
        \mathrm{bias} = m\,(|\textstyle\sum t\,l_t| + \sum_s|\sum_{t>s}(t-s)l_t| + \sum_s |z_s|), \quad
        \mathrm{length} = q_{level}(|N(\mathrm{bias}/\sigma, 1)|)\,\sigma

    The weights *v* leave a linear trend without effect; in terms of *z* the bias is an absolute sum and the variance
    a
    quadratic, so the best trade-off lies on a lasso path.

    Parameters
    ----------
    beta : ndarray, shape (pre + q,)
        Event-study coefficients in order, the reference left out.
    covariance : ndarray, shape (pre + q, pre + q)
    pre : int
        Coefficients before the reference, at least 1.
    weights : ndarray, shape (q,)
    m : float
    level : float

    Returns
    -------
    estimate, low, high : float

    References
    ----------
    Rambachan and Roth (2023), Review of Economic Studies 90(5), section 4.1; Armstrong and Kolesár (2018),
    Econometrica 86(2).

    Examples
    --------
    >>> smooth_interval(np.array([0.0, 1.0]), np.eye(2) * 0.01, 1, np.array([1.0]), 0.0)[0]
    1.0
    """
    post = beta.size - pre
    distance = np.arange(1, post + 1)
    total = float(distance @ weights)
    constant = abs(total) + sum(abs(float(np.maximum(distance - s, 0) @ weights)) for s in range(1, post))
    to_weights = _slopes(pre)
    order = np.arange(pre - 1, -1, -1)
    s_vv = covariance[:pre, :pre][np.ix_(order, order)]
    s_vl = covariance[:pre, pre:][order] @ weights
    s_ll = float(weights @ covariance[pre:, pre:] @ weights)
    fixed, free = to_weights[:, 0] * total, to_weights[:, 1:]
    quadratic = 2 * free.T @ s_vv @ free
    linear = 2 * free.T @ (s_vv @ fixed + s_vl)
    offset = float(fixed @ s_vv @ fixed + 2 * fixed @ s_vl + s_ll)

    def summary(z: np.ndarray) -> tuple[float, float, float]:
        v = fixed + free @ z
        variance = max(offset + float(linear @ z) + 0.5 * float(z @ quadratic @ z), 1e-300)
        sd = float(np.sqrt(variance))
        bias = m * (constant + float(np.abs(z).sum()))
        return float(weights @ beta[pre:] + v @ beta[:pre][order]), sd, folded_quantile(level, bias / sd) * sd

    path = _lasso_path(quadratic, linear)
    if m == 0.0 or len(path) == 1:
        best = path[-1]
    else:
        best, shortest = path[0], summary(path[0])[2]
        for start, stop in itertools.pairwise(path):
            found = minimize_scalar(
                lambda x, a=start, b=stop: summary(a + x * (b - a))[2],
                bounds=(0.0, 1.0),
                method="bounded",
                options={"xatol": 1e-10},
            )
            for x in (float(found.x), 1.0):
                z = start + x * (stop - start)
                if summary(z)[2] < shortest:
                    best, shortest = z, summary(z)[2]
    centre, _, half = summary(best)
    return centre, centre - half, centre + half


def _lasso_path(a: np.ndarray, g: np.ndarray) -> list[np.ndarray]:
    r"""Return the corners of the lasso path, from no *z* to no penalty.

    .. math:: \min_z \tfrac12 z'Az + g'z + \lambda\lVert z\rVert_1
    """
    n = g.size
    z = np.zeros(n)
    path = [z.copy()]
    if n == 0:
        return path
    penalty = float(np.abs(g).max())
    active = [int(np.argmax(np.abs(g)))]
    sign = {active[0]: -np.sign(g[active[0]])}
    for _ in range(8 * n + 8):
        if penalty <= 1e-14 * max(float(np.abs(g).max()), 1e-300):
            break
        s = np.array([sign[i] for i in active])
        inverse = np.linalg.inv(a[np.ix_(active, active)])
        base, slope = -inverse @ g[active], inverse @ s
        step, event = 0.0, None
        for i, b, d in zip(active, base, slope, strict=True):
            cross = b / d if d != 0 else -1.0
            if step < cross < penalty * (1 - 1e-12):
                step, event = float(cross), ("drop", i, 0.0)
        for j in (k for k in range(n) if k not in active):
            c, d = g[j] + a[j, active] @ base, -a[j, active] @ slope
            for side in (1.0, -1.0):
                cross = side * c / (1 - side * d) if side * d != 1 else -1.0
                if step < cross < penalty * (1 - 1e-12):
                    step, event = float(cross), ("add", j, -side)
        z = np.zeros(n)
        z[active] = base - step * slope
        path.append(z.copy())
        penalty = step
        if event is None:
            break
        kind, index, side = event
        if kind == "drop":
            active.remove(index)
            if not active:
                break
        else:
            active.append(index)
            sign[index] = side
    return path


def honest_did(
    effect: Effect,
    *,
    m: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
    restriction: str = "smoothness",
    level: float = 0.95,
) -> HonestDid:
    """Return intervals that hold when the arms' trends bend apart, and the bend that overturns the result.

    Parameters
    ----------
    effect : Effect
        From ``event_study(base="universal")`` with its covariance.
    m : sequence of float, optional
        Bounds on the change of slope per period, in the outcome's unit; by default multiples of the largest one seen
        before the start, and 0: a linear difference in trends.
    weights : sequence of float, optional
        Of the event times from 0 on; by default their average.
    restriction : {"smoothness"}
    level : float

    Returns
    -------
    HonestDid

    Raises
    ------
    ParameterError
        Another restriction, or a negative bound.
    DataError
        No event study, no covariance (few clusters), no coefficient before the reference, or a gap in event times.

    References
    ----------
    Rambachan and Roth (2023), Review of Economic Studies 90(5).
    """
    if restriction != "smoothness":
        raise ParameterError(
            f"restriction={restriction!r} is not offered: the bound by relative magnitudes needs a conditional test, "
            "and the shortcuts in use are too narrow. Use 'smoothness'."
        )
    check_level(level)
    average = post_average(effect)
    table = effect.table
    event = table["event_time"].to_numpy(int)
    reference = table["reference"].to_numpy(bool) & (event < 0)
    if effect.covariance is None or reference.sum() != 1 or not np.isfinite(effect.low):
        raise DataError(
            "honest_did needs an event study with one reference period and a clustered covariance: "
            "event_study(base='universal') with enough clusters in both arms. With few clusters there is no covariance "
            "to build on; compare placebos instead."
        )
    keep = ~reference
    if (np.diff(event) != 1).any():
        raise DataError(f"honest_did needs event times without gaps; there are {event.tolist()}.")
    covariance = effect.covariance[np.ix_(keep, keep)]
    beta = table["estimate"].to_numpy(float)[keep]
    before = int((event[keep] < event[reference][0]).sum())
    if before == 0:
        raise DataError("honest_did needs at least one coefficient before the reference period; add earlier periods.")
    if not np.isfinite(covariance).all():
        raise DataError("honest_did: some event times have no standard error; leave them out of the panel.")
    after = event[keep] > event[reference][0]
    target = average[keep][after] if weights is None else np.asarray(weights, float)
    if target.size != after.sum():
        raise ParameterError(
            f"weights has {target.size} values for {int(after.sum())} event times after the reference."
        )
    around = np.r_[beta[:before], 0.0]
    bends = np.abs(np.diff(around, 2)) if around.size > 2 else np.abs(np.diff(around))
    seen = float(bends.max())
    values = [float(x) for x in (m if m is not None else np.array(GRID) * seen)]
    if any(x < 0 for x in values):
        raise ParameterError(f"m must be 0 or more; got {min(values):g}.")
    rows = []
    for x in values:
        centre, low, high = smooth_interval(beta, covariance, before, target, x, level=level)
        rows.append((x, centre, low, high, (high - low) / 2))
    breakdown = _breakdown(beta, covariance, before, target, level, seen)
    return HonestDid(
        pd.DataFrame(rows, columns=["m", "estimate", "low", "high", "half_length"]),
        breakdown,
        seen,
        target,
        _words(breakdown, seen),
        level,
    )


def _breakdown(
    beta: np.ndarray, covariance: np.ndarray, pre: int, weights: np.ndarray, level: float, seen: float
) -> float:
    """Return the largest bend at which zero stays outside the interval."""

    def outside(m: float) -> bool:
        _, low, high = smooth_interval(beta, covariance, pre, weights, m, level=level)
        return low > 0 or high < 0

    if not outside(0.0):
        return 0.0
    low, high = 0.0, max(seen, float(np.sqrt(np.diag(covariance)).max()) * 1e-3)
    for _ in range(60):
        if not outside(high):
            break
        low, high = high, 2 * high
    else:
        return float("inf")
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if outside(middle) else (low, middle)
        if high - low < 1e-6 * high:
            break
    return low


def _words(breakdown: float, seen: float) -> str:
    """Return what would overturn the result."""
    if breakdown == 0.0:
        return (
            "Zero lies inside the interval already when the arms' trends differ by a straight line: the result rests "
            "on trends having been parallel."
        )
    if not np.isfinite(breakdown):
        return "No bend of the trends brings zero inside the interval."
    ratio = breakdown / seen if seen > 0 else np.inf
    beside = f", {ratio:.2g} times the largest bend seen before the start ({seen:.3g})" if np.isfinite(ratio) else ""
    return f"The result is overturned if the arms' trends bend apart by {breakdown:.3g} per period or more{beside}."

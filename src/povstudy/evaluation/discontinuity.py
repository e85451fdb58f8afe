"""Regression discontinuity: households just on either side of a cut-off in a score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.bandwidth import mse_bandwidths
from povstudy.evaluation.cluster_tests import randomization_test
from povstudy.evaluation.columns import choice, codes, numbers, require_columns
from povstudy.evaluation.effect import Effect, check_level
from povstudy.evaluation.inference import two_sided
from povstudy.evaluation.jump import WEAK, Jump, local_linear_jump
from povstudy.evaluation.local_polynomial import Side
from povstudy.evaluation.manipulation import density_test, heaping

__all__ = ["regression_discontinuity"]

DISCRETE = 20
"""A side whose bandwidth holds fewer different scores than this is treated as discrete."""
WINDOW_ROWS = 20
"""Rows a side that the smallest window of local randomisation must hold."""
METHODS = ("auto", "local_linear", "local_randomization")


def regression_discontinuity(
    data: pd.DataFrame,
    *,
    outcome: str,
    score: str,
    cutoff: float = 0.0,
    treated_side: str = "above",
    takeup: str | None = None,
    cluster: str | None = None,
    method: str = "auto",
    bandwidth: float | None = None,
    bias_bandwidth: float | None = None,
    rho: float | None = None,
    donut: float = 0.0,
    window: float | None = None,
    draws: int = 999,
    level: float = 0.95,
    seed: int = 0,
) -> Effect:
    r"""Estimate the jump of an outcome where a score crosses a cut-off.

    .. math:: \tau = \lim_{x \downarrow c} E[Y \mid x] - \lim_{x \uparrow c} E[Y \mid x],
        \quad \tau_{fuzzy} = \tau_Y/\tau_{takeup}

    Parameters
    ----------
    data : DataFrame
        One row a household.
    outcome, score : str
    cutoff : float
        The treated side includes it.
    treated_side : {"above", "below"}
    takeup : str, optional
        Column of 0 and 1, who really took part: a fuzzy design, the effect on those whom the cut-off moved.
    cluster : str, optional
        Errors are summed by it (CR1).
    method : {"auto", "local_linear", "local_randomization"}
        ``auto`` takes local randomisation when the score has too few different values near the cut-off.
    bandwidth, bias_bandwidth : float, optional
        By default those that minimise the mean square error.
    rho : float, optional
        ``bandwidth / bias_bandwidth``; 1 uses one bandwidth for both.
    donut : float
        Rows closer to the cut-off than this are left out.
    window : float, optional
        Half-width of local randomisation; by default the smallest that holds 20 rows a side.
    draws, level, seed
        Of the permutation test of local randomisation.

    Returns
    -------
    Effect
        ``estimate`` is local linear; the interval is the robust bias-corrected one, whose centre is another number,
        in
        ``table``.  ``table``: ``part, value``.

    Raises
    ------
    DataError
        A missing value, one side only, too few different scores.
    ParameterError
        An argument is not possible.

    References
    ----------
    Calonico, Cattaneo and Titiunik (2014), Econometrica 82(6); Cattaneo, Frandsen and Titiunik (2015), Journal of
    Causal Inference 3(1), for local randomisation.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 400)
    >>> noise = np.random.default_rng(0).standard_normal(400)
    >>> t = pd.DataFrame({"score": x, "income": 2 * x + 3 * (x >= 0) + noise})
    >>> effect = regression_discontinuity(t, outcome="income", score="score")
    >>> effect.low < 3 < effect.high
    True
    """
    choice(treated_side, ("above", "below"), "treated_side")
    choice(method, METHODS, "method")
    check_level(level)
    for value, what in ((bandwidth, "bandwidth"), (bias_bandwidth, "bias_bandwidth"), (rho, "rho"), (window, "window")):
        if value is not None and not value > 0:
            raise ParameterError(f"{what} is {value!r}; it must be above zero.")
    if donut < 0:
        raise ParameterError(f"donut is {donut!r}; it is a distance from the cut-off, 0 or more.")
    where = "regression_discontinuity"
    columns = [outcome, score, *([takeup] if takeup else []), *([cluster] if cluster else [])]
    require_columns(data, columns, where)
    sign = 1.0 if treated_side == "above" else -1.0
    u = sign * (numbers(data, score, where) - cutoff)
    y = _values(data, [outcome, *([takeup] if takeup else [])], u >= 0, where)
    group = codes(data, cluster, where)[0] if cluster else None
    keep = np.abs(u) >= donut if donut else np.ones(u.size, bool)
    order = np.flatnonzero(keep)[np.argsort(u[keep], kind="stable")]
    u, y = u[order], y[order]
    group = None if group is None else group[order]
    below, above = u < 0, u >= 0
    if not below.any() or not above.any():
        raise DataError(
            f"{where}: {int(above.sum())} rows on the treated side of {cutoff:g} in {score!r} and {int(below.sum())} "
            "on the other; both are needed."
        )
    left, right = (Side(u[m], y[m], None if group is None else group[m]) for m in (below, above))
    notes = [heaping(u, 0.0)[1]]
    if donut:
        notes.append(f"Donut: {int((~keep).sum())} rows closer than {donut:g} to the cut-off are left out.")
    use = method
    if method == "auto":
        discrete = min(np.unique(s.u).size for s in (left, right)) < DISCRETE
        h = b = np.nan
        if not discrete:
            h, b = _bandwidths(left, right, bandwidth, bias_bandwidth, rho)
            discrete = min(np.unique(s.u[np.abs(s.u) <= h]).size for s in (left, right)) < DISCRETE
        use = "local_randomization" if discrete else "local_linear"
        if discrete:
            notes.append(
                f"The score has fewer than {DISCRETE} different values near the cut-off on one side: a line through "
                "them to the cut-off rests on its form, so households in a window are compared as if drawn by lot."
            )
    if use == "local_randomization":
        return _local_randomization(
            data.iloc[order], u, y, outcome, takeup, cluster, window, notes, cutoff, score, draws, level, seed
        )
    h, b = _bandwidths(left, right, bandwidth, bias_bandwidth, rho)
    jump = local_linear_jump(left, right, h, b, level=level, fuzzy=takeup is not None)
    return _as_effect(jump, left, right, outcome, score, cutoff, takeup, cluster, level, notes)


def _values(data: pd.DataFrame, columns: list[str], treated: np.ndarray, where: str) -> np.ndarray:
    """Return outcome and take-up, shape (n, m); a missing value is counted by side."""
    out = []
    for column in columns:
        gone = pd.to_numeric(data[column], errors="coerce").isna().to_numpy()
        if gone.any():
            raise DataError(
                f"{where}: column {column!r} is missing in {int((gone & treated).sum())} of {int(treated.sum())} rows "
                f"on the treated side and {int((gone & ~treated).sum())} of {int((~treated).sum())} on the other. If "
                "presence in the data jumps at the cut-off the comparison is broken: test that first, then drop rows "
                "and say how many."
            )
        out.append(numbers(data, column, where))
    return np.column_stack(out)


def _bandwidths(
    left: Side, right: Side, bandwidth: float | None, bias_bandwidth: float | None, rho: float | None
) -> tuple[float, float]:
    """Return the bandwidths asked for or chosen."""
    if bandwidth is not None:
        h = bandwidth
        b = bias_bandwidth or (h / rho if rho else h)
        return h, b
    h, b = mse_bandwidths(left, right)
    return h, bias_bandwidth or (h / rho if rho else b)


def _as_effect(
    jump: Jump,
    left: Side,
    right: Side,
    outcome: str,
    score: str,
    cutoff: float,
    takeup: str | None,
    cluster: str | None,
    level: float,
    notes: list[str],
) -> Effect:
    """Return the jump as an Effect with its density test."""
    density = density_test(np.r_[left.u, right.u])
    if density[1] < 0.05:
        notes.append(
            f"The density of the score jumps at the cut-off (p = {density[1]:.2g}): households may have been moved "
            "across."
        )
    rows = [
        ("local linear", jump.estimate),
        ("bias-corrected", jump.corrected),
        ("conventional standard error", jump.plain_error),
        ("robust standard error", jump.error),
        ("bandwidth", jump.h),
        ("bias bandwidth", jump.b),
        ("rows below", jump.rows[0]),
        ("rows above", jump.rows[1]),
        ("density test t", density[0]),
        ("density test p", density[1]),
    ]
    if takeup:
        rows += [("jump in take-up", jump.first_stage), ("its robust standard error", jump.first_error)]
        if (jump.first_stage / jump.first_error) ** 2 < WEAK if jump.first_error else False:
            notes.append(
                "Take-up hardly jumps at the cut-off: the interval is Anderson and Rubin's, and missing where it has "
                "no ends."
            )
    known = np.isfinite(jump.low)
    group = left.cluster
    clusters = sum(s.u.size for s in (left, right))
    treated = right.u.size
    if group is not None:
        clusters = int(np.unique(np.r_[left.cluster, right.cluster]).size)
        treated = int(np.unique(right.cluster).size)
    words = "robust bias-corrected, " + (
        f"clustered (CR1) by {cluster!r}, normal" if cluster else "3 nearest neighbours, normal"
    )
    return Effect(
        jump.estimate,
        jump.error if known else np.nan,
        jump.low,
        jump.high,
        two_sided(jump.corrected, jump.error) if known else np.nan,
        words if known else "cannot be tested: take-up hardly jumps at the cut-off",
        f"{'fuzzy' if takeup else 'sharp'} regression discontinuity, local linear, triangular kernel",
        left.u.size + right.u.size,
        clusters,
        treated,
        pd.DataFrame(rows, columns=["part", "value"]),
        tuple(n for n in notes if n),
        level,
        f"Households just past {cutoff:g} in {score!r} against those just before it; it speaks for them only.",
        outcome,
        kind="discontinuity",
    )


def _local_randomization(
    data: pd.DataFrame,
    u: np.ndarray,
    y: np.ndarray,
    outcome: str,
    takeup: str | None,
    cluster: str | None,
    window: float | None,
    notes: list[str],
    cutoff: float,
    score: str,
    draws: int,
    level: float,
    seed: int,
) -> Effect:
    """Return the difference within a window, tested by permuting which side a household is on."""
    if takeup:
        raise ParameterError(
            "local randomisation compares the two sides of the cut-off; with take-up in between give "
            "method='local_linear', or evaluate the offer (leave takeup out)."
        )
    if window is None:
        window = _smallest_window(u)
    inside = np.abs(u) <= window
    frame = pd.DataFrame({"outcome": y[inside, 0], "treated": (u[inside] >= 0).astype(int)})
    if cluster:
        frame["cluster"] = data[cluster].to_numpy()[inside]
    counts = [int((frame["treated"] == k).sum()) for k in (0, 1)]
    if min(counts) == 0:
        raise DataError(
            f"regression_discontinuity: within {window:g} of the cut-off one side has no rows ({counts[0]} and "
            f"{counts[1]}); widen window=."
        )
    if cluster:
        notes.append(f"Sides are permuted by household, not by {cluster!r}: households are what the cut-off sorts.")
    test = randomization_test(
        frame, outcome="outcome", treatment="treated", placement="not_random", draws=draws, level=level, seed=seed
    )
    words = test.inference.replace("placebo rank", "local randomisation")
    notes.append(
        f"It is taken as given that within {window:g} of the cut-off the side is as good as drawn by lot and that the "
        "outcome does not depend on the score itself; compare other windows."
    )
    rows = [("window", window), ("rows below", counts[0]), ("rows above", counts[1]), ("difference", test.estimate)]
    return Effect(
        test.estimate,
        np.nan,
        test.low,
        test.high,
        test.p_value,
        words,
        "regression discontinuity by local randomisation, difference of means in a window",
        int(inside.sum()),
        int(inside.sum()),
        counts[1],
        pd.DataFrame(rows, columns=["part", "value"]),
        tuple(n for n in notes if n),
        level,
        f"Households within {window:g} of {cutoff:g} in {score!r}, the two sides compared.",
        outcome,
        kind="discontinuity",
    )


def _smallest_window(u: np.ndarray) -> float:
    """Return the smallest distance within which each side has enough rows."""
    reach = []
    for side in (np.sort(-u[u < 0]), np.sort(u[u >= 0])):
        reach.append(float(side[min(WINDOW_ROWS, side.size) - 1]))
    return max(reach)

"""Exits from poverty in a programme, net of those that would have happened anyway."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from povstudy.errors import DataError
from povstudy.evaluation.effect import Effect, check_level, critical_value

__all__ = ["net_exits"]


def net_exits(
    exits: int, households: int, comparison_exits: int, comparison_households: int, *, level: float = 0.95
) -> Effect:
    r"""Return the share that left poverty in a programme less that of the comparison group.

    .. math:: \hat\delta = \frac{e_1}{n_1} - \frac{e_0}{n_0}

    Parameters
    ----------
    exits, households : int
        Of the programme.
    comparison_exits, comparison_households : int
        Of households without it.
    level : float

    Returns
    -------
    Effect
        On the share that is poor (negative when more left); Newcombe's interval.

    Raises
    ------
    DataError
        A count is negative or exceeds its households.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17(8), method 10.

    Examples
    --------
    >>> e = net_exits(60, 100, 45, 100)
    >>> round(e.estimate, 2), e.low < e.estimate < e.high < 0
    (-0.15, True)
    """
    check_level(level)
    for e, n, what in ((exits, households, "programme"), (comparison_exits, comparison_households, "comparison")):
        if n < 1 or not 0 <= e <= n or e != int(e) or n != int(n):
            raise DataError(
                f"net_exits: {e} exits of {n} households in the {what} group; counts are whole, exits at most "
                "households."
            )
    z = critical_value(level)
    p1, p0 = exits / households, comparison_exits / comparison_households
    bounds = [_wilson(p, n, z) for p, n in ((p1, households), (p0, comparison_households))]
    difference = p1 - p0
    low = difference - np.hypot(p1 - bounds[0][0], bounds[1][1] - p0)
    high = difference + np.hypot(bounds[0][1] - p1, p0 - bounds[1][0])
    error = float(np.sqrt(p1 * (1 - p1) / households + p0 * (1 - p0) / comparison_households))
    pooled = (exits + comparison_exits) / (households + comparison_households)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / households + 1 / comparison_households))
    p = float(2 * stats.norm.sf(abs(difference) / spread)) if spread > 0 else 1.0
    table = pd.DataFrame(
        {
            "group": ["programme", "comparison"],
            "exits": [exits, comparison_exits],
            "households": [households, comparison_households],
            "share": [p1, p0],
        }
    )
    return Effect(
        -difference,
        error,
        -float(high),
        -float(low),
        p,
        "difference of shares, Newcombe's interval",
        "exits of the programme less exits of the comparison group",
        households + comparison_households,
        households + comparison_households,
        households,
        table,
        (
            "Whether the comparison group is comparable is taken from you; households that join a programme differ "
            "from those that do not.",
        ),
        level,
        outcome="poor",
        unit="share",
        kind="means",
    )


def _wilson(p: float, n: int, z: float) -> tuple[float, float]:
    """Return Wilson's interval of a share."""
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)

"""Were households moved across a cut-off: the density of the score, and heaps on single scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from povstudy.errors import DataError

__all__ = ["density_test", "heaping"]

UNLIKELY = 1e-3
"""A score is called heaped when a Poisson count is this unlikely to reach it; ten scores are looked at."""


def density_test(u: np.ndarray) -> tuple[float, float]:
    """Return the t and p of a jump in the density of the score at zero (diff-diff's local polynomial density).

    Parameters
    ----------
    u : ndarray, shape (n,)

    Returns
    -------
    t, p : float
        Missing where there are too few different scores.

    References
    ----------
    Cattaneo, Jansson and Ma (2020), Journal of the American Statistical Association 115(531).
    """
    import diff_diff

    from povstudy.evaluation.staggered import caught

    try:
        result, _ = caught(
            lambda: diff_diff.RDDensityTest().fit(pd.DataFrame({"score": u}), running="score"), "the density test"
        )
    except DataError:
        return float("nan"), float("nan")
    return float(result.t_stat), float(result.p_value)


def heaping(u: np.ndarray, cutoff: float = 0.0) -> tuple[pd.DataFrame, str]:
    """Return how many rows stand on each score near the cut-off, and a sentence when one score stands out.

    Parameters
    ----------
    u : ndarray, shape (n,)
    cutoff : float

    Returns
    -------
    table : DataFrame
        ``score, rows, expected, excess`` of the ten different scores nearest to the cut-off; expected from their
        neighbours on both sides.
    sentence : str
        "" when the score is continuous or no score holds twice what its neighbours do.

    Examples
    --------
    >>> heaping(np.repeat([-2.0, -1, 0, 1, 2], [10, 10, 40, 10, 10]))[1]
    'Heaping: 40 rows stand on 0 from the cut-off, 10.0 were expected from its neighbours.'
    """
    values, rows = np.unique(np.asarray(u, float) - cutoff, return_counts=True)
    if values.size < 3 or values.size > u.size / 2:
        return pd.DataFrame({"score": [], "rows": [], "expected": [], "excess": []}), ""
    expected = np.array([np.mean([rows[k] for k in (i - 1, i + 1) if 0 <= k < rows.size]) for i in range(rows.size)])
    near = np.sort(np.argsort(np.abs(values), kind="stable")[:10])
    table = pd.DataFrame(
        {
            "score": values[near],
            "rows": rows[near],
            "expected": expected[near],
            "excess": rows[near] - expected[near],
        }
    )
    p = stats.poisson.sf(table["rows"] - 1, np.maximum(table["expected"], 0.5))
    out = table[(table["rows"] >= 2 * table["expected"]) & (p < UNLIKELY)]
    if out.empty:
        return table, ""
    worst = out.loc[out["excess"].idxmax()]
    return table, (
        f"Heaping: {int(worst['rows'])} rows stand on {worst['score']:g} from the cut-off, {worst['expected']:.1f} "
        "were expected from its neighbours."
    )

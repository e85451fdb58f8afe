"""What an evaluation returns: one number with its interval, its inference and its design in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from povstudy.errors import DataError, ParameterError

__all__ = ["Effect", "check_level", "critical_value"]


@dataclass(frozen=True)
class Effect:
    """The effect of a programme on one outcome.

    Attributes
    ----------
    estimate : float
        In the unit of the outcome.
    std_error : float
        Missing when the design gives none that is valid; then ``low`` and ``high`` come from a test.
    low, high : float
        Bounds at ``level``; missing where the effect cannot be tested.
    p_value : float
        Two-sided, of no effect; missing where the effect cannot be tested, which is not "not significant".
    inference : str
        How ``low``, ``high`` and ``p_value`` were made, in words, with the convention of the standard error.
    method : str
        The estimator, with the definition that makes its number unique (trap J of the reference).
    n, clusters, treated_clusters : int
        Rows used; clusters of the inference; clusters that are ever treated.
    table : DataFrame
        The parts of the estimate: cohorts and periods, event times, models of a balance table.
    warnings : tuple of str
        What a reader must know before using the number.
    level : float
        Coverage of the interval, in (0, 1).
    design : str
        The comparison in words.
    outcome, unit : str
        Name of the outcome and its unit ("" when not stated).
    degrees_of_freedom : float
        Of the t distribution behind the interval; infinite for the normal.
    covariance : ndarray, shape (k, k), optional
        Of the k rows of ``table`` that hold estimates, in their order.
    confidence : ndarray, shape (d,), optional
        Equally likely draws of the effect read off the test that made the interval, where there is no standard
        error.
    pretest : tuple (statistic, degrees of freedom, p-value), optional
        Wald test that all effects before the start are zero.  Not rejecting it does not show parallel trends.  None
        with few clusters in an arm, where it rejects far too often.
    kind : str
        ``difference, synthetic, discontinuity, adjusted, means``; read by ``grade_design``.
    placement : {"not_random", "random"}

    Examples
    --------
    >>> e = Effect(-2.0, 0.5, -2.98, -1.02, 0.0001, "normal", "2x2", 80, 40, 20, pd.DataFrame(), ())
    >>> e.spans_zero, e.testable
    (False, True)
    >>> print(e)
    2x2: -2 [-2.98, -1.02] (95 %), p = 0.0001; normal; 80 rows, 40 clusters, 20 of them treated
    """

    estimate: float
    std_error: float
    low: float
    high: float
    p_value: float
    inference: str
    method: str
    n: int
    clusters: int
    treated_clusters: int
    table: pd.DataFrame
    warnings: tuple[str, ...] = ()
    level: float = 0.95
    design: str = ""
    outcome: str = ""
    unit: str = ""
    degrees_of_freedom: float = np.inf
    covariance: np.ndarray | None = field(default=None, repr=False)
    confidence: np.ndarray | None = field(default=None, repr=False)
    pretest: tuple[float, int, float] | None = None
    kind: str = ""
    placement: str = "not_random"

    @property
    def testable(self) -> bool:
        """Whether the data can reject "no effect" at all."""
        return bool(np.isfinite(self.p_value)) or self.has_interval

    @property
    def has_interval(self) -> bool:
        """Whether at least one end of the interval is known."""
        return bool(np.isfinite(self.low) or np.isfinite(self.high))

    @property
    def spans_zero(self) -> bool:
        """Whether the interval holds zero; an effect without an interval does."""
        return not self.has_interval or bool(
            (np.isnan(self.low) or self.low <= 0.0) and (np.isnan(self.high) or self.high >= 0.0)
        )

    @property
    def spread(self) -> float:
        """The standard error that the interval implies; missing when an end is missing or infinite."""
        half = (self.high - self.low) / 2.0
        return half / critical_value(self.level, self.degrees_of_freedom) if np.isfinite(half) else float("nan")

    def with_warnings(self, *sentences: str) -> Effect:
        """Return the same effect with further warnings.

        Parameters
        ----------
        *sentences : str
            Each one sentence; empty ones are left out.

        Returns
        -------
        Effect
        """
        return replace(self, warnings=(*self.warnings, *(s for s in sentences if s)))

    def draws(self, n: int, *, seed: int = 0) -> np.ndarray:
        """Return equally likely values of the effect, for what is computed from it.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int
            Same seed, same draws.

        Returns
        -------
        ndarray, shape (n,)
            From ``confidence`` when there is one, else t-shaped on each side of the estimate, as wide as the
            interval.

        Raises
        ------
        DataError
            The effect has no interval: nothing may be drawn from it.

        Examples
        --------
        >>> e = Effect(1.0, 0.5, 0.02, 1.98, 0.05, "normal", "2x2", 8, 4, 2, pd.DataFrame())
        >>> e.draws(4000, seed=1).std().round(1)
        np.float64(0.5)
        """
        rng = np.random.default_rng(seed)
        if self.confidence is not None and self.has_interval:
            return np.asarray(self.confidence)[rng.integers(0, len(self.confidence), n)]
        if not (np.isfinite(self.low) and np.isfinite(self.high)):
            raise DataError(
                f"the effect of {self.method!r} on {self.outcome or 'the outcome'} has no interval "
                f"({self.inference}); nothing can be drawn from it. Give an effect whose inference is valid, or "
                "ask how large the effect would have to be (break_even)."
            )
        df = self.degrees_of_freedom
        shape = rng.standard_normal(n) if not np.isfinite(df) else rng.standard_t(df, n)
        inside = self.low < self.estimate < self.high
        centre = self.estimate if inside else (self.low + self.high) / 2.0
        side = np.where(shape < 0, centre - self.low, self.high - centre)
        return centre + shape * side / critical_value(self.level, df)

    def __str__(self) -> str:
        """One line: what was estimated, how sure, on how much."""
        bounds = f"[{self.low:.4g}, {self.high:.4g}] ({100 * self.level:g} %)"
        interval = (
            f"{bounds if self.has_interval else 'without an interval'}, p = {self.p_value:.2g}"
            if self.testable
            else "cannot be tested"
        )
        return (
            f"{self.method}: {self.estimate:.4g} {interval}; {self.inference}; {self.n} rows, {self.clusters} "
            f"clusters, {self.treated_clusters} of them treated"
        )


def check_level(level: float) -> float:
    """Return a coverage level, or say what it may be.

    Parameters
    ----------
    level : float
        For instance .95.

    Returns
    -------
    float
        The level, in (0, 1).

    Raises
    ------
    ParameterError
        It is not between 0 and 1.

    Examples
    --------
    >>> check_level(0.9)
    0.9
    """
    if not 0.0 < level < 1.0:
        raise ParameterError(f"level is {level!r}; it is a share between 0 and 1, for instance 0.95.")
    return float(level)


def critical_value(level: float, df: float = np.inf) -> float:
    r"""Return the two-sided critical value :math:`t_{(1+level)/2}(df)`.

    Parameters
    ----------
    level : float
        Coverage, in (0, 1).
    df : float
        Degrees of freedom; infinite for the normal.

    Returns
    -------
    float

    Examples
    --------
    >>> round(critical_value(0.95), 3), round(critical_value(0.95, 10), 3)
    (1.96, 2.228)
    """
    return float(stats.t.ppf((1.0 + check_level(level)) / 2.0, df))

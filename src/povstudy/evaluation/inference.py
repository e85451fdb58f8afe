"""Which inference a design allows: it follows the number of clusters in the smaller arm, not the wish of the reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from povstudy.evaluation.assignment import Assignment
from povstudy.evaluation.effect import critical_value
from povstudy.evaluation.notes import note
from povstudy.evaluation.permutation import Inversion

__all__ = [
    "FEW",
    "INFERENCES",
    "MANY",
    "Inference",
    "choose_inference",
    "from_normal",
    "from_permutation",
    "smaller_arm",
    "two_sided",
]

FEW = 5
"""With at most this many clusters in the smaller arm only the assignment itself can say what chance does."""
MANY = 20
"""From this many clusters in the smaller arm on the clustered t is used as it is."""
INFERENCES = ("auto", "clustered", "wild", "randomization")


@dataclass(frozen=True)
class Inference:
    """An interval and how it was made.

    Attributes
    ----------
    std_error, low, high, p_value : float
    words : str
    degrees_of_freedom : float
    confidence : ndarray, optional
        Draws read off a test.
    notes : tuple of str
    """

    std_error: float
    low: float
    high: float
    p_value: float
    words: str
    degrees_of_freedom: float = np.inf
    confidence: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def smaller_arm(treated: int, clusters: int) -> int:
    """Return the number of clusters in the smaller arm; without untreated clusters that of the treated.

    Parameters
    ----------
    treated, clusters : int

    Returns
    -------
    int

    Examples
    --------
    >>> smaller_arm(2, 40), smaller_arm(38, 40), smaller_arm(12, 12)
    (2, 2, 12)
    """
    return min(treated, clusters - treated) if clusters > treated else treated


def choose_inference(treated: int, clusters: int, *, linear: bool) -> str:
    """Return the inference that keeps its size at this number of clusters.

    Parameters
    ----------
    treated, clusters : int
        Clusters ever treated; all clusters.
    linear : bool
        The estimator is one regression, so the wild cluster bootstrap is available.

    Returns
    -------
    {"randomization", "wild", "clustered"}

    Notes
    -----
    At 5 % the clustered t rejects a true null in .33 of 400 simulations with 2 of 40 clusters treated and in .13
    with 5 of 40; the restricted wild bootstrap never with 2 of 40.  Permuting the assignment keeps its size in all.

    Examples
    --------
    >>> choose_inference(2, 40, linear=True), choose_inference(8, 40, linear=True), choose_inference(20, 40,
    ...     linear=True)
    ('randomization', 'wild', 'clustered')
    """
    arm = smaller_arm(treated, clusters)
    if arm <= FEW:
        return "randomization"
    if arm < MANY:
        return "wild" if linear else "randomization"
    return "clustered"


def two_sided(estimate: float, error: float, df: float = np.inf) -> float:
    r"""Return the two-sided p-value of no effect, :math:`2 P(T > |\hat\tau|/\mathrm{se})`.

    Parameters
    ----------
    estimate, error : float
    df : float

    Returns
    -------
    float
        Missing without a standard error.

    Examples
    --------
    >>> round(two_sided(1.96, 1.0), 3)
    0.05
    """
    return float(2 * stats.t.sf(abs(estimate) / error, df)) if error > 0 else float("nan")


def from_normal(estimate: float, error: float, *, level: float, df: float, words: str) -> Inference:
    """Return a t interval.

    Parameters
    ----------
    estimate, error : float
    level, df : float
    words : str
        The convention of the standard error.

    Returns
    -------
    Inference

    Examples
    --------
    >>> round(from_normal(1.0, 0.5, level=0.95, df=np.inf, words="").low, 2)
    0.02
    """
    half = critical_value(level, df) * error
    return Inference(error, estimate - half, estimate + half, two_sided(estimate, error, df), words, float(df))


def from_permutation(
    inverted: Inversion, assignment: Assignment, *, drawn: int, level: float, placement: str
) -> Inference:
    """Return what permuting the assignment says, named after what placement was.

    Parameters
    ----------
    inverted : Inversion
    assignment : Assignment
    drawn : int
        Assignments looked at.
    level : float
    placement : {"random", "not_random"}

    Returns
    -------
    Inference
    """
    name = "randomisation inference" if placement == "random" else "placebo rank"
    count = f"all {drawn:,}" if assignment.enumerable(drawn) else f"{drawn:,} drawn"
    if np.isnan(inverted.p_value):
        return Inference(
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            f"cannot be tested: {assignment.words} gives {count} assignments, so the smallest p-value possible is "
            f"{inverted.smallest:.3g}, above {1 - level:.2g}",
            notes=(note("untestable"),),
        )
    notes = () if placement == "random" else (note("placebo_rank"),)
    return Inference(
        np.nan,
        inverted.low,
        inverted.high,
        inverted.p_value,
        f"{name}, {assignment.words}, {count} assignments",
        confidence=inverted.confidence,
        notes=notes,
    )

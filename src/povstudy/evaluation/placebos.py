"""Chance in synthetic controls: untreated units in the place of the treated, or one unit left out at a time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd

from povstudy.errors import DataError
from povstudy.evaluation.inference import Inference
from povstudy.evaluation.panel import Panel
from povstudy.evaluation.weights import Synthetic, estimate_synthetic, noise_level

__all__ = ["Block", "jackknife_error", "placebo_inference"]

EXACT = 0.01
"""A misfit below this share of the noise is called none: effects over such a misfit mean nothing."""


@dataclass(frozen=True)
class Block:
    """A complete panel with one start.

    Attributes
    ----------
    panel : Panel
    y : ndarray, shape (N, T)
    treated : ndarray of bool, shape (N,)
    before : int
        Periods before the start.
    """

    panel: Panel
    y: np.ndarray
    treated: np.ndarray
    before: int


def jackknife_error(block: Block, found: Synthetic, kind: str) -> float:
    r"""Return the jackknife standard error with weights kept and rescaled.

    .. math:: \hat V = \frac{n-1}{n}\sum_i (\hat\tau^{(-i)} - \bar\tau)^2

    Parameters
    ----------
    block : Block
    found : Synthetic
    kind : str
        As in ``estimate_synthetic``.

    Returns
    -------
    float

    Raises
    ------
    DataError
        All weight lies on one control.

    References
    ----------
    Arkhangelsky et al. (2021), American Economic Review 111(12), algorithm 3.
    """
    y, treated = block.y, block.treated
    omega = np.zeros(y.shape[0])
    omega[~treated] = found.unit_weights
    if (found.unit_weights > 0).sum() < 2:
        raise DataError("all weight lies on one control; a jackknife would leave nothing. Use inference='placebo'.")
    level = kind in ("synthetic_did", "demeaned", "did")
    contrast = y[:, block.before :].mean(axis=1) - (y[:, : block.before] @ found.time_weights if level else 0.0)
    estimates = np.empty(y.shape[0])
    for i in range(y.shape[0]):
        keep = np.arange(y.shape[0]) != i
        w = np.where(keep, omega, 0.0)
        estimates[i] = contrast[keep & treated].mean() - (w / w.sum()) @ contrast
    n = estimates.size
    return float(np.sqrt((n - 1) / n * ((estimates - estimates.mean()) ** 2).sum()))


def placebo_inference(
    block: Block,
    found: Synthetic,
    kind: str,
    placement: str,
    draws: int,
    level: float,
    seed: int,
    *,
    ratio: bool,
) -> tuple[Inference, pd.DataFrame]:
    """Return the rank of the effect among groups of as many controls.

    Parameters
    ----------
    block : Block
    found : Synthetic
    kind : str
        As in ``estimate_synthetic``.
    placement : {"not_random", "random"}
    draws : int
        Groups, when not all can be looked at.
    level : float
    seed : int
    ratio : bool
        Compare effects in units of the misfit before the start.

    Returns
    -------
    Inference
    table : DataFrame
        ``part, label, value``: the effect of each group.

    Raises
    ------
    DataError
        Not more controls than treated units.
    """
    y, treated = block.y[~block.treated], int(block.treated.sum())
    names = block.panel.units[~block.treated]
    if treated >= y.shape[0]:
        raise DataError(f"placebo groups of {treated} units need more controls than that; there are {y.shape[0]}.")
    fakes, rows = [], []
    for group in _groups(y.shape[0], treated, draws, seed):
        pick = np.zeros(y.shape[0], bool)
        pick[group] = True
        fakes.append(estimate_synthetic(y, pick, block.before, kind))
        rows.append(("placebo in space", ", ".join(map(str, names[group])), fakes[-1].estimate))
    raw, fits = np.array([f.estimate for f in fakes]), np.array([f.fit for f in fakes])
    notes: list[str] = []
    if ratio and min(fits.min(), found.fit) < EXACT * noise_level(block.y[:, : block.before]):
        ratio = False
        notes.append(
            "Some units are matched without misfit before the start (more controls than periods), so effects are "
            "ranked as they are, not in units of the misfit."
        )
    scale = found.fit if ratio else 1.0
    scores = np.abs(raw) / (fits if ratio else 1.0)
    score = abs(found.estimate) / scale
    n = scores.size
    p = (1 + int((scores >= score * (1 - 1e-9)).sum())) / (1 + n)
    name = "randomisation inference" if placement == "random" else "placebo rank"
    statistic = "gap after the start over misfit before" if ratio else "effect"
    error = float(np.std(raw, ddof=0))
    need = int(np.floor((1 - level) * (1 + n) + 1e-12))
    if need < 1:
        return Inference(
            np.nan,
            np.nan,
            np.nan,
            np.nan,
            f"cannot be tested: {n} placebo groups, smallest p-value possible {1 / (1 + n):.3g}",
            notes=('The effect cannot be tested with so few controls. That is not the same as "not significant".',),
        ), pd.DataFrame(rows, columns=["part", "label", "value"])
    reach = float(np.sort(scores)[::-1][need - 1]) * scale
    spread = np.r_[-scores, scores] * scale
    if placement != "random":
        notes.append(
            f"Placement was not random: the p-value ranks the {statistic} among {n} placebo groups. It says how "
            "unusual the change is, not that the programme caused it."
        )
    return Inference(
        error,
        found.estimate - reach,
        found.estimate + reach,
        p,
        f"{name}, {statistic}, {n} placebo groups of {treated}",
        confidence=np.sort(found.estimate + spread),
        notes=tuple(notes),
    ), pd.DataFrame(rows, columns=["part", "label", "value"])


def _groups(controls: int, size: int, draws: int, seed: int) -> list[np.ndarray]:
    """Return groups of controls of the size of the treated group: all, or as many as asked."""
    if comb(controls, size) <= max(draws, controls if size == 1 else 0):
        return [np.array(g) for g in itertools.combinations(range(controls), size)]
    rng = np.random.default_rng(seed)
    return [rng.permutation(controls)[:size] for _ in range(draws)]

"""A forecast with and without a model that is scaled up: the effect fades, saturates and may not travel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.effect import Effect

__all__ = ["ScaleUp", "scale_up"]


@dataclass(frozen=True)
class ScaleUp:
    """Draws of a rate with and without the model.

    Attributes
    ----------
    table : DataFrame
        ``year, scenario, median, low, high``: no change, with the model, and the difference; percent and points.
    with_model : ndarray, shape (draws, H)
    difference : ndarray, shape (draws, H)
        With less without; negative when the model lowers the rate.
    words : tuple of str
        What was assumed.
    """

    table: pd.DataFrame
    with_model: np.ndarray
    difference: np.ndarray
    words: tuple[str, ...]


def scale_up(
    draws: np.ndarray,
    years: list[int] | np.ndarray,
    effect: Effect,
    *,
    served: list[float] | np.ndarray,
    unit: str = "share",
    fade: float = 0.0,
    saturation: float = 0.0,
    transfer: tuple[float, float] = (1.0, 0.0),
    level: float = 0.8,
    seed: int = 0,
) -> ScaleUp:
    r"""Return a forecast with a scaled-up model beside the forecast without it.

    .. math:: y'_{t} = \max\Big(0,\; y_t + \sum_{s \le t} c_s\,\delta\,k\,(1 - \phi)^{t - s}(1 - \sigma C_{s-1})\Big)

    with :math:`c_s` the percent of all households newly served in year *s* and :math:`C_s` the share of the poor
    served so
    far.

    Parameters
    ----------
    draws : ndarray, shape (D, H)
        Rates without the model, percent; for instance ``forecast.draws[:, i, :]``.
    years : sequence of int, length H
    effect : Effect
        On the share of served households that is poor.
    served : sequence of float, length H
        Newly served poor households in each year, percent of all households.
    unit : {"share", "points"}
        Of the effect.
    fade : float
        Yearly share of the effect that is lost, in [0, 1].
    saturation : float
        Share of the effect that is lost when all the poor have been served: the easy cases come first, markets fill.
    transfer : tuple of float
        Mean and standard deviation of the factor by which an effect measured elsewhere is multiplied; (1, 0) takes it
        as it
        is, (.5, .25) halves it with doubt: the external-validity penalty.
    level : float
        Of the intervals in the table.
    seed : int

    Returns
    -------
    ScaleUp

    Raises
    ------
    DataError
        The effect has no interval, shapes do not fit, or more are served than are poor.
    ParameterError
        A share outside [0, 1].

    Examples
    --------
    >>> e = Effect(-0.5, 0.01, -0.52, -0.48, 0.0, "", "", 10, 10, 5, pd.DataFrame())
    >>> out = scale_up(np.full((100, 2), 4.0), [2026, 2027], e, served=[1.0, 0.0])
    >>> out.table.query("scenario == 'with the model'")["median"].round(1).tolist()
    [3.5, 3.5]
    """
    base = np.asarray(draws, float)
    served = np.asarray(served, float)
    if base.ndim != 2 or base.shape[1] != len(years) or served.size != len(years):
        raise DataError(
            f"scale_up: draws have shape {base.shape}, there are {len(years)} years and {served.size} numbers of "
            "served; give draws of shape (draws, years) and one number of served a year."
        )
    if not np.isfinite(base).all() or (served < 0).any():
        raise DataError("scale_up: a draw is missing, or a number of served is negative.")
    for value, what in ((fade, "fade"), (saturation, "saturation")):
        if not 0.0 <= value <= 1.0:
            raise ParameterError(f"{what} is {value!r}; it is a share between 0 and 1.")
    if unit not in ("share", "points"):
        raise ParameterError(f"unit={unit!r} is not possible; it is 'share' or 'points'.")
    if transfer[1] < 0:
        raise ParameterError("the second number of transfer is a standard deviation, 0 or more.")
    scale = 1.0 if unit == "share" else 0.01
    rng = np.random.default_rng(seed)
    size = effect.draws(base.shape[0], seed=seed) * scale
    size = size * np.maximum(transfer[0] + transfer[1] * rng.standard_normal(base.shape[0]), 0.0)
    poor = float(np.median(base[:, 0]))
    if served.sum() > poor:
        raise DataError(
            f"scale_up: {served.sum():g} % of all households would be served and {poor:g} % are poor in the first "
            "year; served counts poor households, each once."
        )
    before = np.r_[0.0, np.cumsum(served)[:-1]] / max(poor, 1e-12)
    reach = served * np.maximum(1 - saturation * np.minimum(before, 1.0), 0.0)
    lag = np.arange(len(years))[:, None] - np.arange(len(years))[None, :]
    keep = np.where(lag >= 0, (1 - fade) ** np.maximum(lag, 0), 0.0)
    change = size[:, None] * (keep @ reach)[None, :]
    with_model = np.clip(base + change, 0.0, 100.0)
    difference = with_model - base
    tail = (1 - level) / 2
    rows = []
    for name, values in (("no change", base), ("with the model", with_model), ("difference", difference)):
        for h, year in enumerate(years):
            low, median, high = np.quantile(values[:, h], [tail, 0.5, 1 - tail])
            rows.append((int(year), name, float(median), float(low), float(high)))
    words = (
        f"Served: {', '.join(f'{s:g}' for s in served)} % of all households in {', '.join(str(y) for y in years)}.",
        f"The effect loses {100 * fade:g} % a year, and {100 * saturation:g} % once all the poor are served.",
        f"An effect measured elsewhere is multiplied by {transfer[0]:g} (standard deviation {transfer[1]:g}).",
    )
    return ScaleUp(
        pd.DataFrame(rows, columns=["year", "scenario", "median", "low", "high"]), with_model, difference, words
    )

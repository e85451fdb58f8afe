"""Replicate weights: Rao-Wu bootstrap, jackknife, or a user's own; and totals over all replicates at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from povstudy.errors import DataError
from povstudy.indicators.checks import check_number, numbers
from povstudy.indicators.linearized import PerReplicate
from povstudy.indicators.totals import Order, Points, weighted_total
from povstudy.survey.design import Design
from povstudy.survey.variance import Rows, pattern_totals

__all__ = ["Replicated", "Replicates", "jackknife", "rao_wu", "replicate_weights"]

#: Replicates whose multipliers are spread out together (bounds the memory of a block).
BLOCK = 16


@dataclass(frozen=True, eq=False)
class Replicates:
    """Multipliers of the weights, one row a replicate and one column a unit.

    The multiplier of unit i in replicate r is ``base[i] + step[i] * draws[r, i]``; the variance of an estimate is
    ``scale * sum_r rscales[r] (estimate_r - centre)^2``.

    Attributes
    ----------
    draws : numpy.ndarray, shape (replicates, units)
        How often a unit was drawn, or the multipliers themselves.
    base, step : numpy.ndarray, shape (units,)
        Turn draws into multipliers.
    codes : numpy.ndarray, shape (n,)
        Unit of each row: its PSU, or the row itself.
    scale : float
        Factor of the sum.
    rscales : numpy.ndarray, shape (replicates,)
        Factor of each replicate.
    df : int
        Degrees of freedom.
    kind : str
        "rao-wu", "jackknife" or "given".
    """

    draws: np.ndarray
    base: np.ndarray
    step: np.ndarray
    codes: np.ndarray
    scale: float
    rscales: np.ndarray
    df: int
    kind: str

    @property
    def count(self) -> int:
        """How many replicates there are."""
        return self.draws.shape[0]

    def multipliers(self, first: int, last: int) -> np.ndarray:
        """Return the multipliers of some replicates, shape (last - first, units)."""
        return self.base + self.step * self.draws[first:last]


def rao_wu(design: Design, *, replicates: int = 200, seed: int = 0) -> Replicates:
    r"""Draw Rao-Wu bootstrap replicates: n - 1 PSUs of n with replacement within each stratum.

    .. math:: m_i = 1 - \lambda_h + \lambda_h \frac{n_h}{n_h - 1} k_i,\quad \lambda_h = \sqrt{1 - f_h}

    with :math:`k_i` the number of times that the PSU was drawn.

    Parameters
    ----------
    design : Design
        The survey design; its first stage is resampled.
    replicates : int
        How many, at least 2.
    seed : int
        Same seed, same replicates.

    Returns
    -------
    Replicates

    Raises
    ------
    DataError
        When a stratum has one PSU (unless ``lonely`` is "certainty" or "remove"), or the design is calibrated.

    References
    ----------
    Rao and Wu (1988), Journal of the American Statistical Association 83(401); Rao, Wu and Yue (1992), Survey
    Methodology 18(2).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"w": [1.0] * 4, "village": [1, 1, 2, 3]})
    >>> found = rao_wu(Design(frame, weight="w", psu="village"), replicates=3)
    >>> found.multipliers(0, 3).sum(axis=1).tolist()
    [3.0, 3.0, 3.0]
    """
    if isinstance(replicates, bool) or int(replicates) != replicates or replicates < 2:
        raise DataError(f"replicates: a whole number of at least 2 is needed, got {replicates!r:.40}.")
    _refuse_calibrated(design)
    stage = design.stages[0]
    alone = stage.size == 1
    if alone.any() and design.lonely not in ("certainty", "remove"):
        raise DataError(
            f"stratum: {int(alone.sum())} of {stage.size.size} strata have one PSU, which a bootstrap cannot redraw."
            " Merge them with a neighbour, or choose lonely='certainty' (they then contribute nothing)."
        )
    rng = np.random.default_rng(seed)
    largest = int(stage.size.max())
    draws = np.zeros((int(replicates), stage.stratum.size), dtype=np.uint8 if largest < 256 else np.uint32)
    members = np.argsort(stage.stratum, kind="stable")
    ends = np.cumsum(stage.size)
    shift = np.arange(int(replicates))[:, None]
    for stratum in np.flatnonzero(stage.size > 1):
        own = members[ends[stratum] - stage.size[stratum] : ends[stratum]]
        n = own.size
        drawn = rng.integers(0, n, size=(int(replicates), n - 1)) + shift * n
        draws[:, own] = np.bincount(drawn.ravel(), minlength=int(replicates) * n).reshape(-1, n)
    shrink = np.where(alone, 0.0, np.sqrt(1.0 - stage.fraction))
    step = shrink * stage.size / np.maximum(stage.size - 1, 1)
    weights = np.ones(int(replicates))
    return Replicates(
        draws,
        (1.0 - shrink)[stage.stratum],
        step[stage.stratum],
        stage.codes,
        1.0 / (int(replicates) - 1),
        weights,
        design.df,
        "rao-wu",
    )


def jackknife(design: Design) -> Replicates:
    """Return the stratified jackknife: one replicate for each PSU left out (JKn).

    Parameters
    ----------
    design : Design
        The survey design; its first stage is used.

    Returns
    -------
    Replicates

    Raises
    ------
    DataError
        When a stratum has one PSU (unless ``lonely`` is "certainty" or "remove"), or the design is calibrated.

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, section 4.5.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"w": [1.0] * 3, "village": [1, 2, 3]})
    >>> jackknife(Design(frame, weight="w", psu="village")).multipliers(0, 1).tolist()
    [[0.0, 1.5, 1.5]]
    """
    _refuse_calibrated(design)
    stage = design.stages[0]
    alone = stage.size == 1
    if alone.any() and design.lonely not in ("certainty", "remove"):
        raise DataError(
            f"stratum: {int(alone.sum())} of {stage.size.size} strata have one PSU, which cannot be left out. Merge "
            "them with a neighbour, or choose lonely='certainty' (they then contribute nothing)."
        )
    left_out = np.flatnonzero(~alone[stage.stratum])
    stratum = stage.stratum[left_out]
    size = stage.size[stratum].astype(float)
    draws = np.ones((left_out.size, stage.stratum.size))
    for row, (unit, own, n) in enumerate(zip(left_out, stratum, size, strict=True)):
        draws[row, stage.stratum == own] = n / (n - 1.0)
        draws[row, unit] = 0.0
    rscales = (1.0 - stage.fraction[stratum]) * (size - 1.0) / size
    units = stage.stratum.size
    return Replicates(draws, np.zeros(units), np.ones(units), stage.codes, 1.0, rscales, design.df, "jackknife")


def replicate_weights(
    design: Design,
    columns: Sequence[str] | np.ndarray,
    *,
    scale: float,
    rscales: Sequence[float] | None = None,
    df: int | None = None,
    multiply: bool = False,
) -> Replicates:
    """Take replicate weights that come with a survey.

    Parameters
    ----------
    design : Design
        The survey design; its weight is the full-sample weight.
    columns : sequence of str, or array, shape (replicates, PSUs)
        Columns of replicate weights in the design's table; or multipliers of the PSUs, in the order in which
        the PSUs first occur in the table.
    scale : float
        Factor of the sum of squares: 1 / R for a bootstrap, 1 / (R (1 - rho)^2) for Fay's BRR.
    rscales : sequence of float, optional
        Factor of each replicate; one by default, (n_h - 1) / n_h for a stratified jackknife.
    df : int, optional
        Degrees of freedom; by default the design's, or one less than the replicates where these are fewer.
    multiply : bool
        Whether the columns are multipliers of the weight rather than weights.

    Returns
    -------
    Replicates

    Raises
    ------
    DataError
        When a weight is missing or negative, ``scale`` is not positive, or the numbers of replicates differ.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"w": [1.0, 1.0], "r1": [2.0, 0.0], "r2": [0.0, 2.0]})
    >>> replicate_weights(Design(frame, weight="w"), ["r1", "r2"], scale=0.5).count
    2
    """
    if check_number(scale, "scale") <= 0:
        raise DataError(f"scale: greater than zero is needed, got {scale:g}.")
    if isinstance(columns, np.ndarray):
        draws, codes = _checked_multipliers(columns, design), design.stages[0].codes
    else:
        rows = [design.values(name, f"replicate weight {name!r}") for name in columns]
        if len(rows) < 2:
            raise DataError(f"columns: at least 2 replicate weights are needed, got {len(rows)}.")
        draws, codes = np.vstack(rows), np.arange(len(design.data), dtype=np.int32)
        if draws.min() < 0:
            raise DataError(f"columns: a replicate weight is negative ({draws.min():g}); they are zero or more.")
        if not multiply:
            full = design.weight
            if draws[:, full == 0].any():
                raise DataError("columns: a row with weight zero has a replicate weight; use multiply=True.")
            draws = np.divide(draws, full, out=np.zeros_like(draws), where=full > 0)
    factors = np.ones(draws.shape[0]) if rscales is None else numbers(rscales, "rscales")
    if factors.size != draws.shape[0]:
        raise DataError(f"rscales: {factors.size} factors for {draws.shape[0]} replicates.")
    units = draws.shape[1]
    freedom = min(design.df, draws.shape[0] - 1) if df is None else int(df)
    return Replicates(draws, np.zeros(units), np.ones(units), codes, float(scale), factors, freedom, "given")


def _checked_multipliers(multipliers: np.ndarray, design: Design) -> np.ndarray:
    """Return multipliers of PSUs, zero or more, one column for each PSU."""
    units = design.stages[0].stratum.size
    if multipliers.ndim != 2 or multipliers.shape[1] != units or multipliers.shape[0] < 2:
        raise DataError(
            f"columns: multipliers need shape (replicates, {units}), one column for each PSU, got {multipliers.shape}."
        )
    values = multipliers.astype(float)
    if not np.isfinite(values).all() or values.min() < 0:
        raise DataError("columns: multipliers are zero or more, none missing.")
    return values


def _refuse_calibrated(design: Design) -> None:
    """Raise where weights were calibrated, since each replicate would have to be calibrated again."""
    if design.calibration is not None:
        raise DataError(
            "design: its weights are calibrated; resampling would have to calibrate every replicate again. Use "
            "povstudy.estimate (linearised errors know the calibration), or bring replicate weights."
        )


class Replicated(Points):
    """Totals of one group in every replicate: each is an array with one number a replicate."""

    def __init__(self, replicates: Replicates, rows: Rows):
        super().__init__(rows.weight)
        self.replicates = replicates
        codes = replicates.codes if rows.index is None else replicates.codes[rows.index]
        self.units, self.codes = _compact(codes, replicates.base.size)

    def _sums(self, units: np.ndarray) -> np.ndarray:
        """Return replicate totals from the totals of units, shape (units, columns) -> (replicates, columns)."""
        given = self.replicates
        result = np.empty((given.count, units.shape[1]))
        base = np.einsum("u,uc->c", given.base[self.units], units)
        stepped = given.step[self.units][:, None] * units
        for first in range(0, given.count, BLOCK):
            last = min(first + BLOCK, given.count)
            block = (
                given.draws[first:last] if self.units.size == given.base.size else given.draws[first:last, self.units]
            )
            result[first:last] = base + np.einsum("ru,uc->rc", block.astype(float), stepped)
        return result.view(PerReplicate)

    def _unit_totals(self, x: np.ndarray | None) -> np.ndarray:
        weighted = self.weight if x is None else self.weight * x
        return np.bincount(self.codes, weights=weighted, minlength=self.units.size)

    def count(self) -> np.ndarray:
        """Return the weighted number of rows of every replicate."""
        return self._sums(self._unit_totals(None)[:, None])[:, 0]

    def total(self, x: np.ndarray) -> np.ndarray:
        """Return the weighted total of every replicate."""
        return self._sums(self._unit_totals(x)[:, None])[:, 0]

    def pattern_totals(self, codes: np.ndarray, tables: np.ndarray) -> list[np.ndarray]:
        """Return the totals of columns given by a table over patterns, for every replicate."""
        units = pattern_totals(codes, self.weight, self.codes, self.units.size, tables)
        return list(self._sums(units).T)

    def _each(self, function: Callable[[np.ndarray], float], weight: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return a function of the replicate weights of rows in a given order, for every replicate."""
        given = self.replicates
        base, step = given.base[self.units], given.step[self.units]
        whole = self.units.size == given.base.size
        codes = codes.astype(np.intp)
        result = np.empty(given.count)
        buffer = np.empty(weight.size)
        for r in range(given.count):
            draw = given.draws[r] if whole else given.draws[r, self.units]
            np.take(base + step * draw, codes, out=buffer, mode="clip")
            np.multiply(buffer, weight, out=buffer)
            result[r] = function(buffer)
        return result.view(PerReplicate)

    def _sorted(self, x: np.ndarray) -> tuple[Order, np.ndarray]:
        order = self.order(x)
        return order, self.codes[order.index]

    def difference(self, x: np.ndarray) -> np.ndarray:
        """Return the total absolute difference of every replicate; the rows are sorted once."""
        order, codes = self._sorted(x)
        step = np.diff(order.values)
        scratch = np.empty(step.size)

        def value(w: np.ndarray) -> float:
            cumulated = np.cumsum(w, out=w)
            inner = cumulated[:-1]
            np.multiply(step, inner, out=scratch)
            return 2.0 * (cumulated[-1] * float(scratch.sum()) - weighted_total(scratch, inner))

        return self._each(value, order.weight, codes)

    def difference_among(self, x: np.ndarray, member: np.ndarray) -> np.ndarray:
        """Return the total absolute difference among the members in every replicate."""
        if not member.any():
            return np.zeros(self.replicates.count).view(PerReplicate)
        part = object.__new__(Replicated)
        Points.__init__(part, self.weight[member])
        part.replicates, part.units, part.codes = self.replicates, self.units, self.codes[member]
        return part.difference(x[member])

    def lorenz_total(self, x: np.ndarray, p: float) -> np.ndarray:
        """Return the total of the lowest share of every replicate."""
        order, codes = self._sorted(x)

        def value(w: np.ndarray) -> float:
            cumulated = np.cumsum(w)
            position = _position(cumulated, p)
            before = cumulated[position - 1] if position else 0.0
            inner = weighted_total(w[:position], order.values[:position])
            return inner + order.values[position] * (p * cumulated[-1] - before)

        return self._each(value, order.weight, codes)

    def ranked_total(self, x: np.ndarray, rank: np.ndarray) -> np.ndarray:
        """Return the ranked total of every replicate."""
        order, codes = self._sorted(rank)
        held = x[order.index]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(order.values) > 0]))

        def value(w: np.ndarray) -> float:
            group = np.add.reduceat(w, starts)
            upto = np.cumsum(group)
            return weighted_total(np.add.reduceat(w * held, starts), 2.0 * upto - group)

        return self._each(value, order.weight, codes)

    def quantile(self, x: np.ndarray, p: Any, bandwidth: float | None = None) -> np.ndarray:
        """Return the quantile of every replicate; ``p`` may differ between replicates."""
        order, codes = self._sorted(x)
        shares = iter(np.broadcast_to(p, self.replicates.count))
        return self._each(lambda w: order.values[_position(np.cumsum(w), next(shares))], order.weight, codes)

    def ordered(
        self,
        x: np.ndarray,
        value: Callable[[np.ndarray, np.ndarray], float],
        influence: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """Return a function of the sorted values and the weights of every replicate."""
        order, codes = self._sorted(x)
        return self._each(lambda w: value(order.values, w), order.weight, codes)

    def total_at(
        self,
        parameter: Any,
        column: Callable[[float], np.ndarray],
        slope: Callable[[float, np.ndarray], float],
    ) -> np.ndarray:
        """Return the total of a column at the parameter of each replicate."""
        if not isinstance(parameter, PerReplicate):
            return self.total(column(parameter))
        values = iter(parameter)
        return self._each(lambda w: weighted_total(w, column(float(next(values)))), self.weight, self.codes)


def _compact(codes: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the units that occur and the codes counted within them."""
    present = np.zeros(units, dtype=bool)
    present[codes] = True
    found = np.flatnonzero(present)
    if found.size == units:
        return found, codes
    position = np.empty(units, dtype=np.int32)
    position[found] = np.arange(found.size, dtype=np.int32)
    return found, position[codes]


def _position(cumulated: np.ndarray, p: float) -> int:
    """Return the first position whose cumulated weight reaches the share p."""
    target = p * cumulated[-1] * (1.0 - 1e-12)
    return min(int(np.searchsorted(cumulated, target)), cumulated.size - 1)

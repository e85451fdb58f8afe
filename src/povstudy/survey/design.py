"""How a sample was drawn: weights, strata, primary sampling units, finite population corrections."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from povstudy.errors import DataError, did_you_mean
from povstudy.indicators.checks import check_choice, numbers, same_length, weights

__all__ = ["LONELY_RULES", "POPULATIONS", "Design", "Stage"]

#: What a stratum with one PSU contributes; see `Design`.
LONELY_RULES = ("fail", "remove", "certainty", "adjust", "average")

#: What a row of the results speaks of.
POPULATIONS = ("units", "persons", "households")


@dataclass(frozen=True, eq=False)
class Stage:
    """The clusters of one stage of sampling.

    Attributes
    ----------
    codes : numpy.ndarray, shape (n,)
        Cluster of each row, 0 .. clusters - 1.
    stratum : numpy.ndarray, shape (clusters,)
        Stratum of each cluster, 0 .. strata - 1.
    size : numpy.ndarray, shape (strata,)
        Clusters drawn in each stratum.
    fraction : numpy.ndarray, shape (strata,)
        Share of the stratum's clusters that was drawn; 0 without a finite population correction.
    earlier : numpy.ndarray, shape (strata,)
        Product of the sampling fractions of the earlier stages, 1 at the first.
    """

    codes: np.ndarray
    stratum: np.ndarray
    size: np.ndarray
    fraction: np.ndarray
    earlier: np.ndarray


class Design:
    """A survey design: whose weight, which strata, which clusters.

    A PSU is counted within its stratum: the same PSU code in two strata is two PSUs.  Stack two surveys and give
    both the same codes to let overlapping PSUs carry the covariance of a change.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per person or household; it is read, never written to.
    weight : str or array-like, shape (n,)
        Column of sampling weights, zero or more; with ``size`` the weight of the household.
    psu : str or sequence of str, optional
        Column of the primary sampling unit; a sequence names the units of further stages. Without it each row
        is its own PSU.
    stratum : str, optional
        Column of the stratum of the first stage.
    fpc : str or sequence of str, optional
        Column with the number of PSUs in the stratum's population (above 1), or the sampled fraction (up to 1);
        a sequence names one column for each stage.
    lonely : {"adjust", "fail", "remove", "certainty", "average"}
        A stratum with one PSU is centred at the grand mean (adjust, the default), is an error (fail),
        contributes nothing (remove, certainty), or the average of the other strata (average).
    size : str, optional
        Column of household sizes: weights become weight x size and results speak of persons.
    population : {"units", "persons", "households"}, optional
        What results speak of; "persons" where ``size`` is given, else "units" (the rows as weighted).

    Raises
    ------
    DataError
        When a column is unknown, a weight or code missing, a weight negative, a correction inconsistent, or a
        stratum has one PSU under ``lonely="fail"``.

    References
    ----------
    Lumley (2010), Complex Surveys, chapters 2 and 3; Binder (1983), International Statistical Review 51(3).

    Examples
    --------
    >>> frame = pd.DataFrame({"w": [1.0, 1, 2, 2], "village": [1, 1, 2, 2], "income": [1.0, 2, 3, 4]})
    >>> Design(frame, weight="w", psu="village").df
    1
    """

    def __init__(
        self,
        data: pd.DataFrame,
        *,
        weight: Any,
        psu: str | Sequence[str] | None = None,
        stratum: str | None = None,
        fpc: str | Sequence[str] | None = None,
        lonely: str = "adjust",
        size: str | None = None,
        population: str | None = None,
    ):
        if not isinstance(data, pd.DataFrame):
            raise DataError(f"data: a DataFrame is needed, got {type(data).__name__}.")
        if data.empty:
            raise DataError("data: the table has no rows, so there is nothing to estimate.")
        if not data.columns.is_unique:
            raise DataError("data: column names occur twice; rename them so that each has one meaning.")
        self.data = data
        self.lonely = check_choice(lonely, LONELY_RULES, "lonely")
        self.population = check_choice(
            population or ("persons" if size is not None else "units"), POPULATIONS, "population"
        )
        raw = self.column(weight, "weight") if isinstance(weight, str) else weight
        self.weight = weights(raw, len(data))
        if size is not None:
            self.weight = self.weight * _sizes(self.column(size, "size"))
        self._cache: dict[str, np.ndarray] = {}
        self.stages = self._stages(psu, stratum, fpc)
        self.calibration: tuple[np.ndarray, np.ndarray] | None = None
        self._refuse_lonely()

    def __repr__(self) -> str:
        stage = self.stages[0]
        return (
            f"Design: {len(self.data)} rows, {stage.stratum.size} PSUs, {stage.size.size} strata, "
            f"lonely={self.lonely!r}, population={self.population!r}"
        )

    def column(self, name: Any, what: str) -> pd.Series:
        """Return a column of the table, or say which columns there are."""
        if name not in self.data.columns:
            columns = [str(c) for c in self.data.columns]
            raise DataError(
                f"{what}: the table has no column {name!r}.{did_you_mean(str(name), columns)} Its columns: "
                f"{', '.join(columns[:30])}{' ...' if len(columns) > 30 else ''}."
            )
        return self.data[name]

    def values(self, name: str, what: str | None = None) -> np.ndarray:
        """Return a numeric column without missing values, read once.

        Parameters
        ----------
        name : str
            Column of the table.
        what : str, optional
            How a message calls it; by default ``column 'name'``.

        Returns
        -------
        numpy.ndarray, shape (n,)

        Raises
        ------
        DataError
            When the column is unknown, not numeric, or a value is missing.
        """
        return numbers(self.raw_values(name), what or f"column {name!r}")

    def raw_values(self, name: str) -> np.ndarray:
        """Return a numeric column, read once; missing values are nan, for a caller who uses some rows only.

        Parameters
        ----------
        name : str
            Column of the table.

        Returns
        -------
        numpy.ndarray, shape (n,)

        Raises
        ------
        DataError
            When the column is unknown or not numeric.
        """
        if name not in self._cache:
            plain = _plain(self.column(name, "measure"))
            if plain.dtype.kind == "O":
                plain = numbers(plain, f"column {name!r}")
            self._cache[name] = plain.astype(float, copy=False)
        return self._cache[name]

    def _codes(self, name: str, what: str) -> np.ndarray:
        """Return the categories of a column as codes, refusing missing ones."""
        series = self.column(name, what)
        codes, _ = pd.factorize(series)
        if (codes < 0).any():
            raise DataError(
                f"{what}: column {name!r} is missing in {int((codes < 0).sum())} of {len(series)} rows (first at "
                f"position {int(np.argmax(codes < 0))}). Every row needs its {what}."
            )
        return codes.astype(np.int32)

    def _stages(self, psu: Any, stratum: str | None, fpc: Any) -> tuple[Stage, ...]:
        n = len(self.data)
        names = [psu] if psu is None or isinstance(psu, str) else list(psu)
        corrections = [fpc] if fpc is None or isinstance(fpc, str) else list(fpc)
        if len(corrections) > len(names):
            raise DataError(
                f"fpc: {len(corrections)} columns for {len(names)} stage(s) of units. Name one unit for each column, "
                "from the largest to the smallest."
            )
        within = np.zeros(n, dtype=np.int32) if stratum is None else self._codes(stratum, "stratum")
        stages: list[Stage] = []
        earlier = np.ones(int(within.max()) + 1)
        for number, (name, correction) in enumerate(zip(names, corrections, strict=False)):
            if number and correction is None:
                break
            unit = np.arange(n, dtype=np.int32) if name is None else self._codes(name, "psu")
            stage = self._stage(within, unit, correction, earlier)
            stages.append(stage)
            within, earlier = stage.codes, (stage.earlier * stage.fraction)[stage.stratum]
        return tuple(stages)

    def _stage(self, within: np.ndarray, unit: np.ndarray, correction: Any, earlier: np.ndarray) -> Stage:
        """Return the clusters of one stage, nested in those of the stage before."""
        codes, keys = pd.factorize(within.astype(np.int64) * (int(unit.max()) + 1) + unit)
        stratum = (keys // (int(unit.max()) + 1)).astype(np.int32)
        size = np.bincount(stratum, minlength=earlier.size)
        fraction = np.zeros(earlier.size)
        if correction is not None:
            fraction = _fractions(self.values(correction, "fpc"), within, size, correction)
        return Stage(codes.astype(np.int32), stratum, size, fraction, earlier)

    def _refuse_lonely(self) -> None:
        """Raise where a stratum has one PSU and the caller wants to know."""
        stage = self.stages[0]
        alone = (stage.size == 1) & (stage.fraction < 1)
        if self.lonely == "fail" and alone.any():
            raise DataError(
                f"stratum: {int(alone.sum())} of {stage.size.size} strata have one PSU, so their variance is unknown. "
                "Merge them with a neighbour, or choose lonely='adjust' (centre at the grand mean), 'average', "
                "'certainty' or 'remove'."
            )

    @property
    def df(self) -> int:
        """Degrees of freedom: PSUs less strata."""
        return int(self.stages[0].stratum.size - np.count_nonzero(self.stages[0].size))

    def calibrated(self, totals: Mapping[str, Any]) -> Design:
        """Return the design with weights that reproduce known population totals.

        Linear (GREG) calibration; with one categorical column it is post-stratification.  Standard errors use
        the residuals of each influence column on the calibration columns.

        Parameters
        ----------
        totals : mapping of str to float or mapping
            For a numeric column its known total; for a categorical one the known population of each category.

        Returns
        -------
        Design

        Raises
        ------
        DataError
            When a category has no known total, the columns are collinear, or a weight would turn negative.

        References
        ----------
        Deville and Sarndal (1992), Journal of the American Statistical Association 87(418), section 2.

        Examples
        --------
        >>> frame = pd.DataFrame({"w": [1.0, 1, 1, 1], "sex": list("ffmm"), "income": [1.0, 2, 3, 4]})
        >>> Design(frame, weight="w").calibrated({"sex": {"f": 30, "m": 10}}).weight.tolist()
        [15.0, 15.0, 5.0, 5.0]
        """
        columns, known = self._calibration_columns(totals)
        moments = np.einsum("ni,n,nj->ij", columns, self.weight, columns)
        if np.linalg.matrix_rank(moments) < moments.shape[0]:
            raise DataError(
                "totals: the calibration columns are collinear (two categorical columns both cover everybody); leave "
                "one category of the second column out."
            )
        lacking = known - np.einsum("n,ni->i", self.weight, columns)
        factor = 1.0 + np.einsum("ni,i->n", columns, np.linalg.solve(moments, lacking))
        if (factor < 0).any():
            raise DataError(
                f"totals: {int((factor < 0).sum())} weights would turn negative; the known totals are too far from the "
                "sample. Check their units, or calibrate on fewer columns."
            )
        result = copy.copy(self)
        result.calibration = (columns, self.weight)
        result.weight = self.weight * factor
        return result

    def _calibration_columns(self, totals: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        columns: list[np.ndarray] = []
        known: list[float] = []
        for name, total in totals.items():
            if not isinstance(total, Mapping):
                columns.append(self.values(name))
                known.append(float(total))
                continue
            series = self.column(name, "totals")
            lacking = sorted(set(map(str, series.unique())) - set(map(str, total)))
            if lacking and len(known) == 0:
                raise DataError(f"totals: {name!r} has no known total for {', '.join(lacking)}.")
            for category, value in total.items():
                columns.append((series == category).to_numpy(dtype=float))
                known.append(float(value))
        return np.column_stack(columns), np.array(known)


def _plain(series: pd.Series) -> np.ndarray:
    """Return the values of a column as a numpy array; a missing value becomes nan or stays an object."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        return series.to_numpy()
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        return series.to_numpy(dtype=float, na_value=np.nan)
    return series.to_numpy(dtype=object)


def _sizes(series: pd.Series) -> np.ndarray:
    """Return household sizes, all greater than zero."""
    size = numbers(_plain(series), "size")
    if size.min() <= 0:
        raise DataError(
            f"size: {int((size <= 0).sum())} households have a size of zero or less (first at position "
            f"{int(np.argmax(size <= 0))})."
        )
    return size


def _fractions(values: np.ndarray, within: np.ndarray, size: np.ndarray, name: str) -> np.ndarray:
    """Return the sampled fraction of each stratum from population counts or fractions."""
    same_length(within.size, values, "fpc")
    lowest = np.full(size.size, np.inf)
    highest = np.full(size.size, -np.inf)
    np.minimum.at(lowest, within, values)
    np.maximum.at(highest, within, values)
    if (lowest != highest).any():
        raise DataError(
            f"fpc: column {name!r} differs within {int((lowest != highest).sum())} strata; it is one number for each "
            "stratum (PSUs in the population, or the sampled fraction)."
        )
    if (lowest <= 0).any():
        raise DataError(f"fpc: column {name!r} holds {lowest.min():g}; it is greater than zero.")
    counts = lowest > 1
    if counts.any() and (size[counts] > lowest[counts]).any():
        first = int(np.flatnonzero(counts & (size > lowest))[0])
        raise DataError(
            f"fpc: column {name!r} says {lowest[first]:g} PSUs in the population of a stratum where {size[first]}"
            " were drawn. It counts PSUs of the population, not of the sample."
        )
    return np.where(counts, size / lowest, lowest)

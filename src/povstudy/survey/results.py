"""Results of an estimation: the table, covariances, contrasts and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from povstudy.errors import DataError, did_you_mean
from povstudy.indicators.totals import weighted_total
from povstudy.survey.design import Design
from povstudy.survey.groups import df_of
from povstudy.survey.intervals import interval
from povstudy.survey.measures import Measure
from povstudy.survey.variance import Scores, covariance, cross_covariances, variances

__all__ = ["Contrast", "Estimates", "LinearisedError", "ReplicateError", "result_row", "result_table"]

#: Above this many estimates a covariance table is refused: it would not fit in memory.
MOST_COVARIANCES = 5_000


@dataclass(frozen=True)
class Contrast:
    """A linear combination of estimates.

    Attributes
    ----------
    value, std_error, low, high : float
        The combination, its standard error from the full covariance, and its t interval.
    df : int
        Degrees of freedom.
    p_value : float
        Two-sided, for the hypothesis that it is zero.
    """

    value: float
    std_error: float
    low: float
    high: float
    df: int
    p_value: float


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates with their design-based errors.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a result: the group columns, then ``measure, value, std_error, low, high, df, n, unit, line,
        inclusive, population, note``.
    level : float
        Confidence level of ``low`` and ``high``.
    """

    table: pd.DataFrame
    level: float
    by: tuple[str, ...]
    _labels: list[Any] = field(repr=False)
    _error: LinearisedError | ReplicateError = field(repr=False)

    @cached_property
    def covariance(self) -> pd.DataFrame:
        """The covariance of all estimates, labelled as in `contrast`."""
        if len(self._labels) > MOST_COVARIANCES:
            raise DataError(
                f"covariance: {len(self._labels)} estimates are more than {MOST_COVARIANCES}; ask for fewer groups or "
                "measures, or use .contrast, which needs no table."
            )
        index = pd.MultiIndex.from_tuples(self._labels) if self.by else pd.Index(self._labels)
        return pd.DataFrame(self._error.covariance(), index=index, columns=index)

    def contrast(self, coefficients: Mapping[Any, float]) -> Contrast:
        """Return a linear combination of estimates with its standard error.

        Degrees of freedom are those of the groups concerned taken together.

        Parameters
        ----------
        coefficients : mapping
            Label to coefficient. A label is the measure's name, or with groups the tuple (group..., measure).

        Returns
        -------
        Contrast

        Raises
        ------
        DataError
            When a label is unknown or none is given.

        Examples
        --------
        >>> import pandas as pd
        >>> from povstudy.survey import Design, estimate, measure
        >>> frame = pd.DataFrame({"w": [1.0] * 6, "x": [1.0, 2, 3, 5, 6, 7], "g": list("aaabbb")})
        >>> found = estimate(Design(frame, weight="w"), measure("mean", variable="x"), by="g")
        >>> found.contrast({("b", "mean"): 1, ("a", "mean"): -1}).value
        4.0
        """
        if not coefficients:
            raise DataError("contrast: no coefficients given; for instance {'fgt0': 1, 'fgt1': -1}.")
        vector = np.zeros(len(self._labels))
        positions = {label: i for i, label in enumerate(self._labels)}
        groups: set[int] = set()
        for label, coefficient in coefficients.items():
            position = self._position(label, positions)
            vector[position] += float(coefficient)
            groups |= {i for i, (first, last) in enumerate(self._error.spans) if first <= position < last}
        value = weighted_total(vector, self.table["value"].to_numpy(dtype=float))
        std_error = float(np.sqrt(max(self._error.variance_of(vector), 0.0)))
        df = self._error.df(groups)
        low, high = interval(value, std_error, df, level=self.level)
        return Contrast(value, std_error, low, high, df, _p_value(value, std_error, df))

    def _position(self, label: Any, positions: dict[Any, int]) -> int:
        if label not in positions:
            shown = [str(known) for known in positions]
            raise DataError(
                f"contrast: no estimate {label!r}.{did_you_mean(str(label), shown)} There are "
                f"{', '.join(shown[:12])}{' ...' if len(shown) > 12 else ''}."
            )
        return positions[label]

    def change(self, over: str, start: Any, end: Any, *, years: float | None = None) -> pd.DataFrame:
        """Return the change of every measure between two surveys (or any two groups), with standard errors.

        Overlapping PSUs carry their covariance when both surveys stand in one design with the same PSU codes.

        Parameters
        ----------
        over : str
            The group column that tells the surveys apart; estimates were made ``by`` it.
        start, end : object
            Its two values.
        years : float, optional
            Time between them; adds the changes a year (absolute) and the compound rate a year (relative).

        Returns
        -------
        pandas.DataFrame
            One row a measure and kind: the other group columns, ``measure, kind, start, end, value, std_error,
            low, high, df, p_value``; kind is "absolute", "relative" (end / start - 1), "absolute a year" or
            "relative a year". A relative change from zero is left out.

        Raises
        ------
        DataError
            When ``over`` is not a group column, a value has no estimates, or ``years`` is not positive.
        """
        if over not in self.by:
            raise DataError(f"change: {over!r} is not a group column; estimate by it first (by = {list(self.by)}).")
        if years is not None and not years > 0:
            raise DataError(f"years: the time between the surveys is greater than zero, got {years}.")
        place = self.by.index(over)
        sizes = [stop - start for start, stop in self._error.spans]
        keys = [self._labels[first][:-1] for first, _ in self._error.spans]
        known = {key[place] for key in keys}
        for value in (start, end):
            if value not in known:
                raise DataError(f"change: {over} has no estimates for {value!r}; there are {sorted(map(str, known))}.")
        number = {key: i for i, key in enumerate(keys)}
        rows: list[dict[str, Any]] = []
        for key, first in number.items():
            last = number.get((*key[:place], end, *key[place + 1 :]))
            if key[place] == start and last is not None and sizes[first] == sizes[last]:
                rest = {c: v for i, (c, v) in enumerate(zip(self.by, key, strict=True)) if i != place}
                rows += self._changes(rest, first, last, years)
        return pd.DataFrame(rows)

    def _changes(self, rest: dict[str, Any], first: int, last: int, years: float | None) -> Iterator[dict]:
        """Yield the changes of every measure from one group to another."""
        before = self.table.iloc[slice(*self._error.spans[first])]
        after = self.table.iloc[slice(*self._error.spans[last])]
        df = self._error.df([first, last])
        errors = (before["std_error"] ** 2, after["std_error"] ** 2, self._error.cross(first, last))
        columns = (before["measure"], before["value"], after["value"], *errors)
        for name, a, b, variance_a, variance_b, both in zip(*columns, strict=True):
            for kind, (value, slope_a, slope_b) in _slopes(float(a), float(b), years).items():
                variance = slope_a**2 * variance_a + slope_b**2 * variance_b + 2.0 * slope_a * slope_b * both
                std_error = float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else float("nan")
                low, high = interval(value, std_error, df, level=self.level)
                yield {
                    **rest,
                    "measure": name,
                    "kind": kind,
                    "start": a,
                    "end": b,
                    "value": value,
                    "std_error": std_error,
                    "low": low,
                    "high": high,
                    "df": df,
                    "p_value": _p_value(value, std_error, df),
                }


def _slopes(a: float, b: float, years: float | None) -> dict[str, tuple[float, float, float]]:
    """Return each kind of change from a to b with its derivatives by a and by b."""
    found = {"absolute": (b - a, -1.0, 1.0)}
    if a != 0:
        found["relative"] = (b / a - 1.0, -b / a**2, 1.0 / a)
    if years is not None:
        found["absolute a year"] = ((b - a) / years, -1.0 / years, 1.0 / years)
        if a > 0 and b > 0:
            growth = (b / a) ** (1.0 / years)
            found["relative a year"] = (growth - 1.0, -growth / (years * a), growth / (years * b))
    return found


def _p_value(value: float, std_error: float, df: int) -> float:
    """Return the two-sided p-value of a t test against zero; nan without degrees of freedom or error."""
    if df < 1 or not std_error > 0:
        return float("nan")
    return float(2.0 * special.stdtr(df, -abs(value) / std_error))


class GroupErrors:
    """What both kinds of errors know of the groups: where their estimates stand, and their PSUs."""

    def __init__(self, design: Design, sizes: list[int], psus: list[np.ndarray], most: int):
        self.design = design
        self.spans = _spans(sizes)
        self.psus = psus
        self.most = most

    def df(self, groups: Iterable[int]) -> int:
        """Return the degrees of freedom of some groups together: their PSUs less the strata of these."""
        together = np.unique(np.concatenate([self.psus[number] for number in groups]))
        return min(df_of(self.design, together), self.most)


class LinearisedError(GroupErrors):
    """Linearised errors of a set of estimates."""

    def __init__(self, design: Design, parts: list[Scores], psus: list[np.ndarray]):
        super().__init__(design, [part.totals[0].shape[1] for part in parts], psus, design.df)
        self.parts = parts

    def covariance(self) -> np.ndarray:
        """Return the covariance of all estimates."""
        return covariance(self.design, self.parts)

    def variance_of(self, vector: np.ndarray) -> float:
        """Return the variance of one linear combination, from the scores of the groups concerned."""
        stages = [np.zeros(stage.stratum.size) for stage in self.design.stages]
        for part, (start, stop) in zip(self.parts, self.spans, strict=True):
            if vector[start:stop].any():
                for total, clusters, scores in zip(stages, part.clusters, part.totals, strict=True):
                    total[clusters] += np.einsum("pm,m->p", scores, vector[start:stop])
        everything = tuple(np.arange(total.size) for total in stages)
        combined = Scores(everything, tuple(total[:, None] for total in stages))
        return float(variances(self.design, combined)[0])

    def cross(self, first: int, last: int) -> np.ndarray:
        """Return the covariance of each measure between two groups, shape (measures,)."""
        return cross_covariances(self.design, self.parts[first], self.parts[last])


class ReplicateError(GroupErrors):
    """Errors of a set of estimates from their replicates."""

    def __init__(self, design: Design, parts: list[np.ndarray], psus: list[np.ndarray], most: int):
        super().__init__(design, [part.shape[1] for part in parts], psus, most)
        self.deviations = np.hstack(parts)

    def covariance(self) -> np.ndarray:
        """Return the covariance of all estimates."""
        return np.einsum("ri,rj->ij", self.deviations, self.deviations)

    def variance_of(self, vector: np.ndarray) -> float:
        """Return the variance of one linear combination."""
        used = np.flatnonzero(vector)
        return float(np.sum(np.square(np.einsum("ri,i->r", self.deviations[:, used], vector[used]))))

    def cross(self, first: int, last: int) -> np.ndarray:
        """Return the covariance of each measure between two groups, shape (measures,)."""
        pair = (self.deviations[:, slice(*self.spans[number])] for number in (first, last))
        return np.einsum("rm,rm->m", *pair)


def _spans(sizes: list[int]) -> list[tuple[int, int]]:
    """Return where each group's estimates start and stop."""
    ends = np.cumsum(sizes).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def result_row(
    columns: tuple[str, ...],
    key: tuple[Any, ...],
    item: Measure,
    label: str,
    value: float,
    error: float,
    df: int,
    n: int,
    note: str,
    design: Design,
    level: float,
) -> dict[str, Any]:
    """Return one row of a result table."""
    std_error = float("nan") if note else float(error)
    low, high = interval(value, std_error, df, level=level, rule=item.interval)
    if df < 1:
        note = f"{note}; " * bool(note) + "one PSU in each stratum: no interval"
    return {
        **dict(zip(columns, key, strict=True)),
        "measure": label,
        "value": float(value),
        "std_error": std_error,
        "low": low,
        "high": high,
        "df": df,
        "n": n,
        "unit": item.unit,
        "line": item.line,
        "inclusive": item.inclusive,
        "population": design.population,
        "note": note,
    }


def result_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows as a table with stable column types."""
    table = pd.DataFrame(rows)
    table["inclusive"] = table["inclusive"].astype("boolean")
    return table

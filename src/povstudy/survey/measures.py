"""Measures: an indicator, the columns it reads and its options, before any data are seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from povstudy.errors import DataError, did_you_mean
from povstudy.indicators.catalogue import INDICATORS, Indicator
from povstudy.multidimensional.catalogue import MULTIDIMENSIONAL, MatrixIndicator

__all__ = ["Measure", "measure", "named_measures"]


@dataclass(frozen=True, eq=False)
class Measure:
    """One indicator applied to named columns.

    Attributes
    ----------
    indicator : Indicator
        The formula.
    name : str
        What the table calls it; a measure of several values adds each value's own name.
    arguments : dict
        Column names (str), constants, or another `Measure` whose value is estimated from the whole sample.
    unit : str
        Unit of the values.
    interval : str
        Interval rule, "logit" or "t".
    """

    indicator: Indicator
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    unit: str = ""
    interval: str = "t"

    @property
    def line(self) -> str:
        """The line as the table shows it: a number, a column, or how it is estimated; "" without a line."""
        return _shown(self.arguments["line"]) if "line" in self.arguments else ""

    @property
    def inclusive(self) -> bool | None:
        """Whether poor means income <= line; None where the measure has no line."""
        return self.arguments.get("inclusive", True) if "line" in self.arguments else None

    def label(self, key: str | None) -> str:
        """Return the name of one value of the measure."""
        if key is None:
            return self.name
        return key if self.name == self.indicator.name else f"{self.name}:{key}"


def _shown(line: Any) -> str:
    """Return a line as text."""
    if isinstance(line, str):
        return f"column {line}"
    if isinstance(line, Measure):
        options = {"share": 0.6, "of": "median", **line.arguments}
        if line.indicator.name == "relative_line":
            return f"{options['share']:g} x {options['of']} of {options['income']}, whole sample"
        return f"{line.name}, whole sample"
    return f"{float(line):.15g}"


def measure(indicator: str | Indicator, *, name: str | None = None, **arguments: Any) -> Measure:
    """Return a measure for `povstudy.estimate`.

    Parameters
    ----------
    indicator : str or Indicator
        A name of the catalogue (``fgt``, ``watts``, ``sen``, ``sen_shorrocks_thon``, ``income_gap_ratio``,
        ``gini``, ``generalized_entropy``, ``atkinson``, ``quantile_shares``, ``s80_s20``, ``palma``, ``lorenz``,
        ``concentration_index``, ``mean``, ``proportion``, ``total``, ``ratio``, ``quantile``,
        ``relative_line``, ``alkire_foster`` ...), or an `Indicator` of your own.
    name : str, optional
        What the table calls it; by default the indicator's name with its main option (``fgt1``).
    **arguments
        Its arguments: a text is a column of the table, a number a constant. A line may also be
        ``measure("relative_line", income=...)``: it is estimated from the whole sample, and its own sampling
        error enters the standard error.

    Returns
    -------
    Measure

    Raises
    ------
    DataError
        When the indicator or an argument is unknown, or one is missing or out of range.

    Examples
    --------
    >>> measure("fgt", income="income", line=1_500_000, alpha=1).name
    'fgt1'
    >>> measure("fgt", income="income", line=measure("relative_line", income="income")).line
    '0.6 x median of income, whole sample'
    """
    if isinstance(indicator, str):
        known = {**INDICATORS, **MULTIDIMENSIONAL}
        if indicator not in known:
            raise DataError(
                f"measure: no indicator {indicator!r}.{did_you_mean(indicator, known)} There are "
                f"{', '.join(sorted(known))}."
            )
        indicator = known[indicator]
    checked = indicator.check_arguments(arguments)
    for argument, value in checked.items():
        _refuse_argument(indicator, argument, value)
    return Measure(indicator, name or indicator.default_name(checked), checked, indicator.unit, indicator.interval)


def _refuse_argument(indicator: Indicator, argument: str, value: Any) -> None:
    """Raise where an argument is neither a column, a number, nor a measure where one may stand."""
    if argument in indicator.columns:
        if isinstance(indicator, MatrixIndicator):
            return
        if not isinstance(value, str):
            raise DataError(
                f"{indicator.name}: {argument} is the name of a column of the design's table, got "
                f"{type(value).__name__}. Add the values to the table, or call povstudy.{indicator.name} with arrays."
            )
    elif argument == "line":
        if isinstance(value, Measure) and not indicator.estimated_line:
            raise DataError(
                f"{indicator.name}: its line may not be an estimate; compute the line first (povstudy.relative_line) "
                "and give the number, or use fgt, watts or income_gap_ratio."
            )
        if isinstance(value, str | Measure):
            return
        if np.ndim(value) != 0:
            raise DataError(
                f"{indicator.name}: line is a number, the name of a column, or a measure; for one line per row add a "
                "column to the table and name it."
            )
        if not float(value) > 0:
            raise DataError(f"{indicator.name}: a line is greater than zero, got {float(value):g}.")


def named_measures(measures: Measure | Iterable[Measure] | Mapping[str, Measure]) -> list[Measure]:
    """Return the measures as a list with distinct names.

    Parameters
    ----------
    measures : Measure, iterable of Measure, or mapping of name to Measure
        What `povstudy.estimate` was given.

    Returns
    -------
    list of Measure

    Raises
    ------
    DataError
        When there is none, one is not a measure, or two share a name.
    """
    if isinstance(measures, Measure):
        measures = [measures]
    if isinstance(measures, Mapping):
        found = [
            Measure(m.indicator, str(name), m.arguments, m.unit, m.interval) if isinstance(m, Measure) else m
            for name, m in measures.items()
        ]
    else:
        found = list(measures)
    if not found:
        raise DataError("measures: none given; for instance [povstudy.measure('gini', income='income')].")
    for item in found:
        if not isinstance(item, Measure):
            raise DataError(
                f"measures: {item!r:.80} is not a measure; make one with povstudy.measure('fgt', income='income',"
                " line=1_500_000)."
            )
    names = [item.name for item in found]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(
            f"measures: two are named {', '.join(map(repr, twice))}; give name= to tell them apart (two lines, two "
            "incomes)."
        )
    return found

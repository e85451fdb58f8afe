"""The plan's own questions: is the target met, with what probability, and could it be met at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError, NotAvailableError, ParameterError
from povstudy.projection.result import Forecast

__all__ = [
    "ATTAINABLE",
    "NOT_ATTAINABLE",
    "VERDICT_BANDS",
    "TargetVerdict",
    "assess_target",
    "average_decline_target",
    "drawn_decline_target",
    "level_target",
    "verdict_band",
]

VERDICT_BANDS = (
    (0.90, "very_likely"),
    (0.66, "likely"),
    (0.33, "open"),
    (0.10, "unlikely"),
    (0.0, "very_unlikely"),
)
"""Lowest probability of each verdict; the words in both languages belong to `povstudy.reporting`."""

ATTAINABLE = "attainable from this base"
NOT_ATTAINABLE = "not attainable from this base"

KINDS = ("annual_decline", "level", "halving")
"""Kinds of target that a rate answers."""


def verdict_band(probability: float) -> str:
    """Return the band key of a probability.

    Raises
    ------
    ParameterError
        It is not in [0, 1].

    Examples
    --------
    >>> verdict_band(0.95), verdict_band(0.9), verdict_band(0.5), verdict_band(0.0)
    ('very_likely', 'very_likely', 'open', 'very_unlikely')
    """
    if not 0.0 <= probability <= 1.0:
        raise ParameterError(f"a probability lies between 0 and 1; got {str(probability)[:40]}")
    return next(band for lowest, band in VERDICT_BANDS if probability >= lowest)


@dataclass(frozen=True)
class TargetVerdict:
    """What can be said about one target of one area.

    Attributes
    ----------
    kind : {"annual_decline", "level"}
    area : str
    base_year, end_year : int
    base : float
        Rate (%) at the base.
    goal : float
        Points a year (annual_decline) or percent (level).
    last_year : int
    last : float
        Newest observed rate (%) up to the end year.
    observed : bool
        The end year itself is observed: the probability is 0 or 1.
    probability : float
        Of meeting the target; 0 where it is not attainable.
    band : str
        Key of `VERDICT_BANDS`.
    attainable : bool
        Whether a rate of zero at the end would meet it.
    flag : str
        `ATTAINABLE` or `NOT_ATTAINABLE`.
    largest : float
        Largest possible mean fall (points a year): base / years.
    level : float
        Highest end rate (%) that meets the target; negative where it is not attainable.
    pace : float
        Points a year that the rate fell from the base to the newest figure; NaN at the base itself.
    recent_pace : float
        Points a year between the two newest figures; NaN with one.
    required_pace : float
        Points a year that it must still fall to meet the target; 0 where it is there already, NaN when the
        end is observed.
    required_relative : float
        The same as percent of the remaining rate a year; NaN where the level is not above zero.
    expected : float
        Median end rate (%), or the observed one.
    expected_pace : float
        Mean fall (points a year) from the base to it.
    """

    kind: str
    area: str
    base_year: int
    base: float
    end_year: int
    goal: float
    last_year: int
    last: float
    observed: bool
    probability: float
    band: str
    attainable: bool
    flag: str
    largest: float
    level: float
    pace: float
    recent_pace: float
    required_pace: float
    required_relative: float
    expected: float
    expected_pace: float

    @property
    def table(self) -> pd.DataFrame:
        """One row with every attribute."""
        return pd.DataFrame([{name: getattr(self, name) for name in self.__dataclass_fields__}])


def average_decline_target(
    observed: pd.DataFrame | Mapping[int, float],
    forecast: Forecast | None = None,
    *,
    base_year: int,
    end_year: int,
    at_least: float,
    base: float | None = None,
    area: str | None = None,
) -> TargetVerdict:
    """Assess a target of the form "falls by at least k points a year on average".

    The mean fall is (base - rate at the end) / years, so only the end point counts: observed if it is known,
    else the draws of the forecast.  With k years x k > base no rate of zero or more can meet it.

    Parameters
    ----------
    observed : DataFrame or mapping
        ``year, value`` (and ``area`` if it holds more than one), or year: rate; one standard, percent.
    forecast : Forecast, optional
        Reaches ``end_year``; needed unless that is observed.
    base_year, end_year : int
        A review's year is the one at whose end it was made: base 2021 and end 2025 are four reviews.
    at_least : float
        Points a year, above 0.
    base : float, optional
        Rate at the base year; read from ``observed`` if not given.
    area : str, optional

    Returns
    -------
    TargetVerdict

    Raises
    ------
    DataError
        The base is not known, the years are in the wrong order, or no forecast reaches the end.

    Examples
    --------
    >>> v = average_decline_target({2021: 3.81, 2022: 2.81, 2023: 2.07, 2025: 0.5}, base_year=2021,
    ...     end_year=2025, at_least=1.0)
    >>> v.largest, v.probability, v.flag
    (0.9525, 0.0, 'not attainable from this base')
    """
    if not isinstance(at_least, int | float | np.number) or not 0 < at_least <= 100:
        raise ParameterError(f"at_least is points a year, above 0; got {str(at_least)[:40]!r}")
    known, base = _base(observed, area, base_year, end_year, base)
    years = end_year - base_year
    return _verdict(
        "annual_decline", known, forecast, area, base_year, base, end_year, float(at_least), base - at_least * years
    )


def level_target(
    observed: pd.DataFrame | Mapping[int, float],
    forecast: Forecast | None = None,
    *,
    end_year: int,
    at_most: float,
    base_year: int | None = None,
    base: float | None = None,
    area: str | None = None,
) -> TargetVerdict:
    """Assess a target of the form "at or below this rate in a year".

    Parameters
    ----------
    observed, forecast, area
        As `average_decline_target`.
    end_year : int
    at_most : float
        Percent.
    base_year : int, optional
        Where the pace is counted from; the first observed year by default.
    base : float, optional

    Returns
    -------
    TargetVerdict

    Raises
    ------
    DataError
        As `average_decline_target`.

    Examples
    --------
    >>> level_target({2021: 3.81, 2023: 2.07}, end_year=2023, at_most=3.0).probability
    1.0
    """
    if not isinstance(at_most, int | float | np.number) or not -100 <= at_most <= 100:
        raise ParameterError(f"at_most is a rate in percent; got {str(at_most)[:40]!r}")
    if base_year is None:
        base_year = min(_known(observed, area), default=end_year)
    known, base = _base(observed, area, base_year, end_year, base, same=True)
    return _verdict("level", known, forecast, area, base_year, base, end_year, float(at_most), float(at_most))


def drawn_decline_target(
    observed: pd.DataFrame | Mapping[int, float],
    forecast: Forecast,
    *,
    base_year: int,
    end_year: int,
    at_least: float,
    area: str | None = None,
) -> TargetVerdict:
    """Assess a mean fall whose base is itself a forecast: the same draw gives both ends.

    Parameters
    ----------
    observed : DataFrame or mapping
        As `average_decline_target`.
    forecast : Forecast
        Holds both years.
    base_year, end_year : int
    at_least : float
        Points a year, above 0.
    area : str, optional

    Returns
    -------
    TargetVerdict
        ``base`` is the median of the draws; it is attainable where the base could be high enough (its 97.5 % bound).

    Raises
    ------
    ParameterError
        A year is outside the forecast.

    Examples
    --------
    >>> from povstudy.projection import forecast
    >>> made = forecast(pd.DataFrame({"area": "x", "year": [2022, 2024], "value": [4.6, 2.5]}), horizon=6)
    >>> drawn_decline_target({2022: 4.6, 2024: 2.5}, made, base_year=2025, end_year=2030, at_least=1.0).flag
    'not attainable from this base'
    """
    start, ends = (forecast.samples(year, area=area) for year in (base_year, end_year))
    years = end_year - base_year
    if years <= 0:
        raise DataError(f"the target ends in {end_year}, which is not after its base year {base_year}")
    known = _known(observed, area)
    seen = sorted(known)
    fall = (start - ends) / years
    probability = float(np.mean(fall >= at_least))
    base = float(np.quantile(start, 0.5, method="hazen"))
    attainable = bool(np.quantile(start, 0.975) / years >= at_least)
    level = base - at_least * years
    return TargetVerdict(
        kind="annual_decline",
        area=area or (forecast.areas[0] if len(forecast.areas) == 1 else ""),
        base_year=base_year,
        base=base,
        end_year=end_year,
        goal=float(at_least),
        last_year=seen[-1],
        last=known[seen[-1]],
        observed=False,
        probability=probability,
        band=verdict_band(probability),
        attainable=attainable,
        flag=ATTAINABLE if attainable else NOT_ATTAINABLE,
        largest=base / years,
        level=level,
        pace=np.nan,
        recent_pace=(known[seen[-2]] - known[seen[-1]]) / (seen[-1] - seen[-2]) if len(seen) > 1 else np.nan,
        required_pace=float(at_least),
        required_relative=100.0 * (1.0 - (level / base) ** (1.0 / years)) if level > 0 else np.nan,
        expected=float(np.quantile(ends, 0.5, method="hazen")),
        expected_pace=float(np.quantile(fall, 0.5, method="hazen")),
    )


def assess_target(
    target: Mapping[str, object] | pd.Series,
    observed: pd.DataFrame | Mapping[int, float],
    forecast: Forecast | None = None,
    *,
    bound: str = "low",
    base_year: int | None = None,
    area: str | None = None,
) -> TargetVerdict:
    """Assess one row of ``load("targets")``.

    Parameters
    ----------
    target : mapping
        ``kind`` (annual_decline, level, halving), ``period_start``, ``period_end``, ``low``, ``high``.
    observed, forecast, area
        As `average_decline_target`.
    bound : {"low", "high"}
        Of a range such as 1-1.2 points a year: the low end is what counts as met.
    base_year : int, optional
        The first observed year from the year before the period on, if not given.

    Returns
    -------
    TargetVerdict

    Raises
    ------
    NotAvailableError
        A rate does not answer this kind of target, or the observed series does not reach into its period.
    """
    kind = str(target.get("kind"))
    if kind not in KINDS:
        raise NotAvailableError(
            f"target {str(target.get('target_id', ''))[:60]!r} is of kind {kind[:40]!r}: a rate answers "
            f"{', '.join(KINDS)}"
        )
    if bound not in ("low", "high"):
        raise ParameterError(f"bound is 'low' or 'high'; got {str(bound)[:40]!r}")
    end_year = _whole(target.get("period_end"), target, "period_end")
    known = _known(observed, area)
    if base_year is None:
        first = target.get("period_start")
        earliest = -np.inf if pd.isna(first) else int(first) - 1
        base_year = min((year for year in known if earliest <= year < end_year), default=None)
        if base_year is None and kind == "level" and end_year in known:
            base_year = end_year
        if base_year is None:
            raise NotAvailableError(
                f"the series has no figure between the start of the target's period and {end_year}: on this standard "
                f"its years are {', '.join(map(str, sorted(known))) or 'none'}"
            )
    if kind == "annual_decline":
        goal = _goal(target, bound, other="high" if bound == "low" else "low")
        return average_decline_target(known, forecast, base_year=base_year, end_year=end_year, at_least=goal, area=area)
    goal = _goal(target, "high", other="low")
    if kind == "halving":
        goal = goal * known[base_year]
    return level_target(known, forecast, end_year=end_year, at_most=goal, base_year=base_year, area=area)


def _goal(target: Mapping[str, object], bound: str, *, other: str) -> float:
    """Return one bound of a target, or the other where it has only that."""
    for name in (bound, other):
        value = target.get(name)
        if value is not None and not pd.isna(value):
            return float(value)
    raise NotAvailableError(f"target {str(target.get('target_id', ''))[:60]!r} has no figure")


def _whole(value: object, target: Mapping[str, object], name: str) -> int:
    """Return a year of a target."""
    if value is None or pd.isna(value):
        raise NotAvailableError(f"target {str(target.get('target_id', ''))[:60]!r} has no {name}")
    return int(value)


def _known(observed: pd.DataFrame | Mapping[int, float], area: str | None) -> dict[int, float]:
    """Return observed rates by year."""
    if isinstance(observed, Mapping):
        return {int(year): float(rate) for year, rate in observed.items()}
    rows = observed
    if "area" in rows:
        if area is not None:
            rows = rows[rows["area"].eq(area)]
        elif rows["area"].nunique() > 1:
            raise DataError(f"the observed figures hold {rows['area'].nunique()} areas; say which one with area=")
    if rows["year"].duplicated().any():
        twice = sorted(set(rows.loc[rows["year"].duplicated(), "year"]))
        raise DataError(
            f"the observed figures hold more than one for {', '.join(map(str, twice[:5]))}; pass one series on one "
            "standard"
        )
    return {int(year): float(rate) for year, rate in zip(rows["year"], rows["value"], strict=True)}


def _base(
    observed: pd.DataFrame | Mapping[int, float],
    area: str | None,
    base_year: int,
    end_year: int,
    base: float | None,
    *,
    same: bool = False,
) -> tuple[dict[int, float], float]:
    """Return the observed figures of the period and the rate at its base."""
    known = _known(observed, area)
    if end_year < base_year or (end_year == base_year and not same):
        raise DataError(f"the target ends in {end_year}, which is not after its base year {base_year}")
    if base is None:
        if base_year not in known:
            raise DataError(
                f"no figure for the base year {base_year}; observed are "
                f"{', '.join(map(str, sorted(known))) or 'none'}. Pass base=, on the same standard"
            )
        base = known[base_year]
    if not 0.0 <= base <= 100.0:
        raise DataError(f"the base is a rate between 0 and 100 %; got {base}")
    inside = {year: rate for year, rate in known.items() if base_year <= year <= end_year}
    return {base_year: base} | inside, float(base)


def _verdict(
    kind: str,
    known: dict[int, float],
    forecast: Forecast | None,
    area: str | None,
    base_year: int,
    base: float,
    end_year: int,
    goal: float,
    level: float,
) -> TargetVerdict:
    """Compare the end point, known or drawn, with the level that meets the target."""
    seen = sorted(known)
    last_year, last = seen[-1], known[seen[-1]]
    observed = end_year in known
    attainable = level >= 0.0
    if observed:
        ends = np.array([known[end_year]])
    elif forecast is None:
        raise DataError(f"{end_year} is not observed (newest figure: {last_year}); pass the forecast that reaches it")
    else:
        ends = forecast.samples(end_year, area=area)
    probability = float(np.mean(ends <= level + 1e-12)) if attainable else 0.0
    expected = float(np.quantile(ends, 0.5, method="hazen"))
    years, left = end_year - base_year, end_year - last_year
    gap = max(last - level, 0.0)
    return TargetVerdict(
        kind=kind,
        area=area or (forecast.areas[0] if forecast is not None and len(forecast.areas) == 1 else ""),
        base_year=base_year,
        base=base,
        end_year=end_year,
        goal=goal,
        last_year=last_year,
        last=last,
        observed=observed,
        probability=probability,
        band=verdict_band(probability),
        attainable=attainable,
        flag=ATTAINABLE if attainable else NOT_ATTAINABLE,
        largest=base / years if years else np.nan,
        level=level,
        pace=(base - last) / (last_year - base_year) if last_year > base_year else np.nan,
        recent_pace=(known[seen[-2]] - last) / (last_year - seen[-2]) if len(seen) > 1 else np.nan,
        required_pace=gap / left if left else np.nan,
        required_relative=100.0 * (1.0 - min(level / last, 1.0) ** (1.0 / left))
        if left and level > 0 and last > 0
        else np.nan,
        expected=expected,
        expected_pace=(base - expected) / years if years else np.nan,
    )

"""How wrong the rule of an outlook was before: on every past standard of the same family, area by area."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from povstudy.errors import DataError
from povstudy.memory import remembered
from povstudy.projection.backtest import BACKTEST_COLUMNS, backtest_cases, summarise_cases
from povstudy.projection.outlook import Outlook, panel_of_series
from povstudy.sources import weighted_mean
from povstudy.standards import list_series

__all__ = ["POOLED", "Track", "past_panels", "track_record"]

HORIZONS = (1, 2, 3)
MIN_POINTS = 2
BENCHMARKS = ("last_value", "linear_pp")
POOLED = "all standards"
PAST_COLUMNS = ("origin_year", "target_year", "median")


@dataclass(frozen=True)
class Track:
    """Past forecasts of one rule against what was published later.

    Attributes
    ----------
    scores : DataFrame
        One row a standard, method and horizon that could be scored: ``standard`` (`POOLED` for all together),
        ``low_confidence`` (whether figures of low confidence were scored too), and the columns of `backtest`.
        Methods: the rule, last value, own pp path.
    own : DataFrame
        The newest past forecast of the territory itself, or of each of its parts, one year ahead: columns of
        `backtest_cases`, with ``standard``.
    method : str
        The rule.
    past : DataFrame
        Every past forecast of the territory on the standard of the outlook: ``origin_year, target_year, median``; of
        a territory made of parts the weighted mean of the parts' medians.
    """

    scores: pd.DataFrame
    own: pd.DataFrame
    method: str
    past: pd.DataFrame

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Rows of the rule over all standards, figures of low confidence aside."""
        rows = self.scores
        return rows[rows["standard"].eq(POOLED) & rows["method"].eq(self.method)].reset_index(drop=True)

    def at(self, horizon: int, method: str | None = None) -> pd.Series | None:
        """Return the pooled row of a method at a horizon, or None if nothing could be scored."""
        rows = self.scores
        rows = rows[
            rows["standard"].eq(POOLED) & rows["method"].eq(method or self.method) & rows["horizon"].eq(horizon)
        ]
        return None if rows.empty else rows.iloc[0]

    @cached_property
    def longest(self) -> int:
        """Longest horizon that could be scored, 0 if none."""
        return 0 if self.pooled.empty else int(self.pooled["horizon"].max())


def past_panels(rates: pd.DataFrame, outlook: Outlook) -> list[tuple[str, bool, pd.DataFrame]]:
    """Return the panels on which a rule can be tried: each standard of the family on which the area was seen.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    outlook : Outlook

    Returns
    -------
    list of (standard, low_confidence, panel)
        Oldest law first.  A standard with figures of low confidence comes twice, with and without them.
    """
    if outlook.family == "user":
        return [(outlook.standard, False, outlook.panel)]
    parts = outlook.parts or (outlook.area,)
    labels = [series.label for series in list_series() if series.family == outlook.family]
    found = []
    rows = rates[rates["area"].isin(parts)]
    rows = rows[rows["group"].eq(outlook.group) & rows["concept"].eq(outlook.concept) & rows["preferred"]]
    for standard in labels:
        own = rows[rows["standard"].eq(standard)]
        if set(own.loc[own["confidence"].ne("low"), "area"]) != set(parts):
            continue
        series = (standard, outlook.group, outlook.concept, outlook.family)
        found.append((standard, False, panel_of_series(rates, parts, *series)))
        if own["confidence"].eq("low").any():
            found.append((standard, True, panel_of_series(rates, parts, *series, min_confidence="low")))
    return found


def track_record(rates: pd.DataFrame, outlook: Outlook, *, method: str = "default") -> Track:
    """Try the rule of an outlook at every past origin of every standard of its family.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    outlook : Outlook
    method : str
        The rule, as it was asked for.

    Returns
    -------
    Track
        Empty tables where no standard has enough figures.

    Examples
    --------
    >>> from povstudy.projection.outlook import outlooks
    >>> from povstudy.sources import load
    >>> rates = load("rates")
    >>> track = track_record(rates, outlooks(rates, "vn63-89", horizon=1)[0])
    >>> track.longest
    3
    """
    methods = list(dict.fromkeys([method, *BENCHMARKS]))
    parts = set(outlook.parts or (outlook.area,))
    scores, pooled, own, past = [], [], [], _past(pd.DataFrame(columns=["area", *PAST_COLUMNS]), outlook)
    for standard, low, panel in past_panels(rates, outlook):
        try:
            cases, table = _scored(panel, methods)
        except DataError:
            continue
        scores.append(table[table["n"].gt(0)].assign(standard=standard, low_confidence=low))
        if not low:
            pooled.append(cases)
            mine = cases[cases["area"].isin(parts) & cases["method"].eq(method)]
            if standard == outlook.standard:
                past = _past(mine, outlook)
            mine = mine[mine["horizon"].eq(1)]
            own.append(mine[mine["origin_year"].eq(mine["origin_year"].max())].assign(standard=standard))
    columns = ["standard", "low_confidence", *BACKTEST_COLUMNS]
    if not scores:
        return Track(pd.DataFrame(columns=columns), pd.DataFrame(), method, past)
    together = summarise_cases(pd.concat(pooled, ignore_index=True), methods=methods, horizons=HORIZONS)
    scores.append(together[together["n"].gt(0)].assign(standard=POOLED, low_confidence=False))
    return Track(
        scores=pd.concat(scores, ignore_index=True)[columns],
        own=pd.concat(own, ignore_index=True) if own else pd.DataFrame(),
        method=method,
        past=past,
    )


def _past(cases: pd.DataFrame, outlook: Outlook) -> pd.DataFrame:
    """Return the past medians of a territory, where each of its parts has one."""
    parts = outlook.parts or (outlook.area,)
    newest = outlook.panel.sort_values("year").drop_duplicates("area", keep="last").set_index("area")
    rows = []
    for (origin, target), found in cases.groupby(["origin_year", "target_year"]):
        medians = found.set_index("area")["median"].reindex(list(parts))
        weights = newest["weight"] if len(parts) > 1 else pd.Series(1.0, index=parts)
        if medians.notna().all():
            rows.append((int(origin), int(target), weighted_mean(medians, weights[list(parts)])))
    return pd.DataFrame(rows, columns=list(PAST_COLUMNS))


@remembered
def _scored(panel: pd.DataFrame, methods: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every past forecast on a panel, and their summary."""
    cases = backtest_cases(panel, methods=methods, horizons=HORIZONS, min_points=MIN_POINTS)
    return cases, summarise_cases(cases, methods=methods, horizons=HORIZONS)

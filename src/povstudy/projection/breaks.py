"""A change of legal standard: what can be said from one or two points, and one rate read on two standards.

Nothing is fitted across a break.  A level is carried over only where both standards were measured in the same year, or
through a bridge table of the same households classified under both; else the next standard's figure is not available.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from povstudy.errors import NotAvailableError, ParameterError, StandardError
from povstudy.projection.forecast import forecast_with
from povstudy.projection.methods import Method
from povstudy.projection.result import Forecast, probabilities_of, table_of
from povstudy.projection.scenario import plan_of
from povstudy.projection.series import rate_series
from povstudy.projection.spell import expit, logit, spell_of
from povstudy.standards import standard_of_series

__all__ = [
    "HALF_DRIFT",
    "PANEL_DRIFT",
    "PLAN_PRO_RATA",
    "Shift",
    "break_scenarios",
    "bridge_shift",
    "level_splice",
    "on_standard",
    "overlap_shift",
    "panel_drift_of",
    "readings",
    "shift_spread",
]

PLAN_PRO_RATA, PANEL_DRIFT, HALF_DRIFT = "plan pro-rata", "panel drift", "half own and half mean drift"
"""Names of the scenarios after a break."""

READING_COLUMNS = (
    "area",
    "target_year",
    "reading",
    "standard",
    "median",
    "low_80",
    "high_80",
    "low_95",
    "high_95",
    "status",
    "reason",
)


@dataclass(frozen=True)
class Shift:
    """What a change of the law alone does to a rate, on the logit.

    Attributes
    ----------
    first, second : str
        The two laws or series, earlier one first.
    value : float
        logit(rate on the second) - logit(rate on the first), of the same people.
    std_error : float
        Of ``value``; 0 where both rates are published counts of the same review.
    source : str
        What it was read off.
    simulated : bool
        The households that it was read off were simulated.
    """

    first: str
    second: str
    value: float
    std_error: float
    source: str
    simulated: bool = False

    def __call__(self, rate: np.ndarray, noise: np.ndarray | float = 0.0) -> np.ndarray:
        """Return rates (%) on the second standard: expit(logit(rate) + value + std_error x noise).

        Examples
        --------
        >>> overlap = Shift("old", "new", 1.2, 0.0, "overlap")
        >>> float(overlap(np.array(2.5)).round(2))
        7.85
        """
        rate = np.asarray(rate, dtype=float)
        with np.errstate(divide="ignore"):
            z = np.log(rate) - np.log(100.0 - rate)
        return expit(z + self.value + self.std_error * noise)


def logit_shift(first: float, second: float) -> float:
    """Return logit(second) - logit(first), both in percent.

    Examples
    --------
    >>> round(logit_shift(2.5, 8.45), 3)
    1.281
    """
    return float(logit(np.array(second)) - logit(np.array(first)))


def overlap_shift(
    rates: pd.DataFrame, area: str, first: str, second: str, *, group: str = "all", concept: str = "poor"
):
    """Return the shift of an area that was measured on two standards in the same year.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``; preferred figures are used.
    area : str
        Id.
    first, second : str
        Series labels, earlier standard first; of one family.
    group, concept : str

    Returns
    -------
    Shift
        Mean over the years measured on both.

    Raises
    ------
    StandardError
        The two series belong to different families, or no year was measured on both.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> shift = overlap_shift(load("rates"), "vn63-89", "review-income-2011-2015", "review-mdp-2016-2020")
    >>> round(shift.value, 3), shift.source
    (1.281, 'measured on both in 2015')
    """
    own = rates[rates["preferred"] & rates["area"].eq(area) & rates["group"].eq(group) & rates["concept"].eq(concept)]
    old, new = (own[own["standard"].eq(label)] for label in (first, second))
    families = {*old["family"], *new["family"]}
    if len(families) > 1:
        raise StandardError(
            f"{area}: {first} and {second} are of different families ({', '.join(sorted(families))}): a survey and a "
            "review are never spliced. Choose two series of one family."
        )
    both = old.merge(new, on="year", suffixes=("_old", "_new"))
    if both.empty:
        raise StandardError(
            f"{area}: no year was measured on both {first} ({_years(old)}) and {second} ({_years(new)}), so the level "
            "cannot be carried over. Use a bridge table (bridge_shift), or a named scenario on the new standard alone "
            "(break_scenarios)."
        )
    shifts = [logit_shift(row.value_old, row.value_new) for row in both.itertuples()]
    years = ", ".join(map(str, sorted(both["year"])))
    return Shift(first, second, float(np.mean(shifts)), 0.0, f"measured on both in {years}")


def _years(rows: pd.DataFrame) -> str:
    """Return the years of some figures as text."""
    return ", ".join(map(str, sorted(rows["year"]))) or "never measured"


def bridge_shift(
    bridge: pd.DataFrame | None, first: str, second: str, *, group: str = "all", concept: str = "poor"
) -> Shift:
    """Return the shift that a bridge table of classified households gives, with its error.

    Parameters
    ----------
    bridge : DataFrame or None
        ``from, to, group, concept, rate_from, rate_to, std_error`` (points) and ``simulated``, as
        `povstudy.decomposition.standards_bridge` makes it.
    first, second : str
        Laws (or series, whose laws are then taken), earlier one first.
    group, concept : str

    Returns
    -------
    Shift
        ``std_error`` is that of the difference in points, taken to the logit at the second rate.

    Raises
    ------
    NotAvailableError
        There is no bridge, not this one, or it states no rate or no error: what is missing and what would supply it.

    Examples
    --------
    >>> table = pd.DataFrame({"from": ["old"], "to": ["new"], "group": ["all"], "concept": ["poor"],
    ...     "rate_from": [2.0], "rate_to": [3.0], "std_error": [0.2], "simulated": [False]})
    >>> shift = bridge_shift(table, "old", "new")
    >>> round(shift.value, 3), round(shift.std_error, 3)
    (0.416, 0.069)
    """
    laws = [_law(label) for label in (first, second)]
    ways = (
        "a bridge table of households classified under both laws (povstudy.decomposition.standards_bridge) supplies it "
        "from a file with the columns of povstudy.decomposition.bridge_columns"
    )
    if bridge is None or not len(bridge):
        raise NotAvailableError(f"no bridge from {laws[0]} to {laws[1]} is known: {ways}")
    rows = bridge[bridge["concept"].eq(concept) & bridge["group"].astype("str").eq(str(group))]
    rows = rows[rows["from"].map(_law).eq(laws[0]) & rows["to"].map(_law).eq(laws[1])]
    if len(rows) != 1:
        raise NotAvailableError(
            f"the bridge holds {len(rows)} rows from {laws[0]} to {laws[1]} for {group}, {concept}; one is needed: "
            f"{ways}"
        )
    row = rows.iloc[0]
    if not (0 < row["rate_from"] < 100 and 0 < row["rate_to"] < 100):
        raise NotAvailableError(
            f"the bridge from {laws[0]} to {laws[1]} has rates of {row['rate_from']:g} and {row['rate_to']:g} %: a "
            "shift needs both strictly between 0 and 100"
        )
    if not np.isfinite(row.get("std_error", np.nan)):
        raise NotAvailableError(
            f"the bridge from {laws[0]} to {laws[1]} states no standard error, so the next standard's interval is not "
            "known"
        )
    share = row["rate_to"] / 100.0
    return Shift(
        laws[0],
        laws[1],
        logit_shift(float(row["rate_from"]), float(row["rate_to"])),
        float(row["std_error"] / 100.0 / (share * (1.0 - share))),
        "bridge table of classified households",
        bool(row.get("simulated", False)),
    )


def _law(label: object) -> str:
    """Return the law of a series label; a law's id, or a label that is neither, stands for itself."""
    found = standard_of_series(str(label))
    return str(label) if found.kind == "user" else found.id


def shift_spread(rates: pd.DataFrame, first: str, second: str, *, level: str = "province") -> float:
    """Return how much the shift between two standards differs from area to area: the sd of the areas' own shifts.

    A bridge of the whole country moves every area by the same; this is what an area may differ from it.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    first, second : str
        Series labels, earlier standard first.
    level : str

    Returns
    -------
    float
        Logits.

    Raises
    ------
    StandardError
        Fewer than three areas were measured on both in the same year.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> 0.2 < shift_spread(load("rates"), "gso-income-2011-2015", "nso-mdp-2016-2020") < 0.5
    True
    """
    rows = rates[rates["preferred"] & rates["level"].eq(level) & rates["group"].eq("all") & rates["concept"].eq("poor")]
    old, new = (rows[rows["standard"].eq(label)] for label in (first, second))
    both = old.merge(new, on=["area", "year"], suffixes=("_old", "_new"))
    inside = both[both["value_old"].gt(0) & both["value_new"].gt(0)]
    if inside["area"].nunique() < 3:
        raise StandardError(
            f"{inside['area'].nunique()} areas of level {level} were measured on both {first} and {second} in one "
            "year; a spread takes three"
        )
    return float(
        np.std(logit(inside["value_new"].to_numpy(float)) - logit(inside["value_old"].to_numpy(float)), ddof=1)
    )


def level_splice(
    rates: pd.DataFrame,
    area: str,
    first: str,
    second: str,
    *,
    group: str = "all",
    concept: str = "poor",
    shift: Shift | None = None,
) -> pd.DataFrame:
    """Return the older series of an area moved to the level of the newer standard, and the newer one after it.

    Parameters
    ----------
    rates : DataFrame
        ``load("rates")``.
    area, first, second, group, concept
        As `overlap_shift`.
    shift : Shift, optional
        Of `bridge_shift`; by default read off the years that were measured on both.

    Returns
    -------
    DataFrame
        ``area, year, value, standard`` (the newer), ``measured_on, spliced, shift``, one row a year: a figure of the
        newer standard where there is one, else the older one moved.  Spliced rows are an estimate and are marked; say
        so wherever they are shown.

    Raises
    ------
    StandardError
        As `overlap_shift`.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> both = level_splice(load("rates"), "vn63-89", "review-income-2011-2015", "review-mdp-2016-2020")
    >>> both.loc[both["year"].between(2014, 2016), ["year", "value", "spliced"]].round(2).to_numpy().tolist()
    [[2014, 12.0, True], [2015, 8.45, False], [2016, 6.75, False]]
    """
    move = overlap_shift(rates, area, first, second, group=group, concept=concept) if shift is None else shift
    own = rates[rates["preferred"] & rates["area"].eq(area) & rates["group"].eq(group) & rates["concept"].eq(concept)]
    new = own.loc[own["standard"].eq(second), ["area", "year", "value"]].assign(
        measured_on=second, spliced=False, shift=0.0
    )
    old = own.loc[own["standard"].eq(first), ["area", "year", "value"]]
    old = old[~old["year"].isin(new["year"])].assign(measured_on=first, spliced=True, shift=move.value)
    old["value"] = move(old["value"].to_numpy(float))
    both = pd.concat([old, new], ignore_index=True).assign(standard=second)
    columns = ["area", "year", "value", "standard", "measured_on", "spliced", "shift"]
    return both[columns].sort_values("year", ignore_index=True)


def panel_drift_of(panel: pd.DataFrame) -> float:
    """Return the mean yearly logit drift of a panel: the plain mean of its areas' end-to-end slopes.

    Raises
    ------
    ParameterError
        No area has two points.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": ["a", "a"], "year": [2020, 2022], "value": [10.0, 5.0]})
    >>> round(panel_drift_of(rows), 3)
    -0.374
    """
    series = rate_series(panel)
    spell = spell_of(series.years, series.values)
    if not spell.trended.any():
        raise ParameterError("no area of the panel has two points, so it has no drift; give a longer panel")
    return float(spell.slope_z[spell.trended].mean())


def break_scenarios(
    panel: pd.DataFrame,
    *,
    horizon: int,
    plan: float | None = None,
    before: pd.DataFrame | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, Forecast]:
    """Return what can be said after a break, each as a named scenario; none of them is called a forecast.

    * `PLAN_PRO_RATA`: the leader (the published nation as parent, else the areas' own mean) falls by ``plan`` points a
      year, and every area takes its logit shift; no weights are needed.
    * `PANEL_DRIFT`: every area goes on by the mean logit drift of the panel ``before`` the break.
    * `HALF_DRIFT`: with two points on the new standard, half of the area's own logit drift and half of the mean.

    Parameters
    ----------
    panel : DataFrame
        On the new standard; see `povstudy.projection.forecast`.
    horizon : int
        Years ahead.
    plan : float, optional
        Points a year.
    before : DataFrame, optional
        Panel on the old standard.
    draws, seed : int

    Returns
    -------
    dict of str to Forecast
        The scenarios that the input allows.

    References
    ----------
    Reference study, section 4.4: plan pro-rata erred least after both Vietnamese breaks.

    Examples
    --------
    >>> rows = pd.DataFrame({"area": ["a", "b"], "year": 2022, "value": [8.0, 2.0]})
    >>> made = break_scenarios(rows, horizon=1, plan=1.0, draws=100)[PLAN_PRO_RATA]
    >>> made.table["median"].round(2).tolist(), made.scenario
    ([6.44, 1.59], 'plan pro-rata')
    """
    options = {"horizon": horizon, "draws": draws, "seed": seed}
    found = {}
    if plan is not None:
        scenario = {"name": PLAN_PRO_RATA, "annual_decline": plan, "adds_up": False}
        found[PLAN_PRO_RATA] = forecast_with(panel, Method("plan_path"), plan=plan_of(scenario), **options)
    if before is not None:
        scenario = {"name": PANEL_DRIFT, "logit_drift": panel_drift_of(before), "adds_up": False}
        leaderless = panel[~panel["area"].isin(set(panel.get("parent", pd.Series(dtype=object)).dropna()))]
        alone = leaderless.drop(columns="parent", errors="ignore")
        found[PANEL_DRIFT] = forecast_with(alone, Method("plan_path"), plan=plan_of(scenario), **options)
    series = rate_series(panel)
    if (np.isfinite(series.values).sum(axis=1) >= 2).any():
        half = Method("eb_drift", label=HALF_DRIFT, damping=1.0, own_weight=0.5)
        found[HALF_DRIFT] = forecast_with(panel, half, scenario=HALF_DRIFT, **options)
    return found


def on_standard(made: Forecast, shift: Shift, standard: str, *, seed: int = 0) -> Forecast:
    """Return a forecast read on another standard: every draw moved by the shift and by its error.

    The error of the shift is one number a draw for all areas and years: the bridge is wrong by the same everywhere.

    Parameters
    ----------
    made : Forecast
        On the first standard of the shift.
    shift : Shift
    standard : str
        Label of the second.
    seed : int
        Of the shift's error.

    Returns
    -------
    Forecast
        Scenario and method are kept; ``rule`` names the shift.
    """
    noise = np.random.default_rng(seed).standard_normal((len(made.draws), 1, 1))
    draws = shift(made.draws, noise)
    quantiles = np.quantile(draws, probabilities_of(made.levels), axis=0, method="hazen")
    per_area = made.table.drop_duplicates("area").set_index("area")
    simulated = " (SIMULATED households)" if shift.simulated else ""
    rule = (
        f"read on {standard} by a logit shift of {shift.value:.3f} (standard error {shift.std_error:.3f}): "
        f"{shift.source}{simulated}"
    )
    table = table_of(
        made.areas,
        made.origin_years,
        quantiles,
        made.levels,
        method=[str(per_area.at[area, "method"]) for area in made.areas],
        rule=[f"{per_area.at[area, 'rule']}; {rule}" for area in made.areas],
        scenario=made.scenario,
        standard=standard,
    )
    return replace(made, table=table, draws=draws, standard=standard, reason=f"{made.reason}\n{rule}")


def readings(
    made: Forecast,
    *,
    second: str,
    from_year: int,
    bridge: pd.DataFrame | None = None,
    group: str = "all",
    concept: str = "poor",
    spread: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a forecast beyond a change of the law on both standards.

    Parameters
    ----------
    made : Forecast
        With the 80 and 95 % levels, on a series of the first law.
    second : str
        The next law (or series).
    from_year : int
        First target year of the next law.
    bridge : DataFrame, optional
        As `bridge_shift` takes it.
    group, concept : str
        Row of the bridge.
    spread : float
        What the area's own shift may differ from the bridge's (logit sd, see `shift_spread`): 0 where the bridge was
        read off the area's own households.
    seed : int

    Returns
    -------
    DataFrame
        Columns `READING_COLUMNS`: for every area and target year from ``from_year`` on one row a reading ("as measured
        so far", "next standard").  Without a usable bridge the second row has no figures, ``status`` is
        "not available" and ``reason`` says what is missing.

    Examples
    --------
    >>> from povstudy.projection import forecast
    >>> rows = pd.DataFrame({"area": "x", "year": [2022, 2024], "value": [4.64, 2.53], "standard": "old"})
    >>> both = readings(forecast(rows, horizon=3), second="new", from_year=2027)
    >>> both[["reading", "status"]].to_numpy().tolist()
    [['as measured so far', 'given'], ['next standard', 'not available']]
    """
    first = made.table[made.table["target_year"].ge(from_year)]
    old = first.assign(reading="as measured so far", status="given", reason="")
    new = first.assign(reading="next standard", standard=second, status="not available")
    try:
        shift = bridge_shift(bridge, made.standard, second, group=group, concept=concept)
    except NotAvailableError as missing:
        figures = [column for column in new if column.startswith(("median", "low_", "high_"))]
        new[figures] = np.nan
        new["reason"] = str(missing)
    else:
        shift = replace(shift, std_error=float(np.hypot(shift.std_error, spread)))
        moved = on_standard(made, shift, second, seed=seed).table
        moved = moved[moved["target_year"].ge(from_year)]
        status = "SIMULATED bridge" if shift.simulated else "given"
        new = moved.assign(reading="next standard", status=status, reason=shift.source)
    both = pd.concat([old, new], ignore_index=True)
    order = {"as measured so far": 0, "next standard": 1}
    both = both.assign(order=both["reading"].map(order)).sort_values(
        ["area", "target_year", "order"], ignore_index=True
    )
    return both.reindex(columns=list(READING_COLUMNS))

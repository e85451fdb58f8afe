"""Named scenarios: what a parent, or the areas together, are assumed to do.  A scenario is not a forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from povstudy.errors import ParameterError, did_you_mean
from povstudy.projection.spell import expit, logit

__all__ = ["KINDS", "NO_SCENARIO", "Plan", "plan_of"]

NO_SCENARIO = "none"
"""What the column ``scenario`` says of a forecast proper."""

KINDS = ("annual_decline", "relative_decline", "logit_drift", "path", "stall")
"""What a scenario says of the leading rate: exactly one of these."""

KEYS = ("name", *KINDS, "shock", "adds_up")


@dataclass(frozen=True)
class Plan:
    """A planned path of the leading rate.

    Attributes
    ----------
    name : str
    annual_decline : float or None
        Points a year from the last known rate, down to zero.
    relative_decline : float or None
        Percent of the rate a year.
    logit_drift : float or None
        Logit a year; falls where negative.
    path : tuple of (int, float), or None
        Planned rates (%) by year; straight lines between them and from the last known rate, flat after.
    stall : bool
        The rate stays where it is.
    shock : tuple of (int, float), or None
        Year and size (logit, up where positive) of a shock that all areas share and that stays; on top of the path.
    adds_up : bool
        The children's weighted mean follows the plan times their ratio at the origin.  Otherwise each child takes
        the leader's own logit shift (plan pro-rata), and no weights are needed.
    """

    name: str
    annual_decline: float | None = None
    relative_decline: float | None = None
    logit_drift: float | None = None
    path: tuple[tuple[int, float], ...] | None = None
    stall: bool = False
    shock: tuple[int, float] | None = None
    adds_up: bool = True

    def __call__(self, origin: int, rate: float, years: np.ndarray) -> np.ndarray:
        """Return the planned rate (%) in ``years``, starting from ``rate`` at ``origin``.

        Examples
        --------
        >>> Plan("plan", annual_decline=1.0)(2024, 2.35, np.array([2025, 2027]))
        array([1.35, 0.  ])
        >>> Plan("pace", relative_decline=50.0)(2024, 4.0, np.array([2025, 2026]))
        array([2., 1.])
        >>> Plan("shock", stall=True, shock=(2026, 0.5))(2024, 4.0, np.array([2025, 2026])).round(2)
        array([4.  , 6.43])
        """
        planned = self._without_shock(origin, rate, np.asarray(years))
        if self.shock is None:
            return planned
        year, size = self.shock
        return np.where(np.asarray(years) >= year, expit(logit(planned) + size), planned)

    def _without_shock(self, origin: int, rate: float, years: np.ndarray) -> np.ndarray:
        ahead = years - origin
        if self.annual_decline is not None:
            return np.clip(rate - self.annual_decline * ahead, 0.0, 100.0)
        if self.relative_decline is not None:
            return np.clip(rate * (1.0 - self.relative_decline / 100.0) ** ahead, 0.0, 100.0)
        if self.logit_drift is not None:
            return expit(logit(np.array(rate)) + self.logit_drift * ahead)
        if self.stall:
            return np.full(years.shape, float(rate))
        later = [(year, value) for year, value in self.path if year > origin]
        known = [origin, *(year for year, _ in later)]
        return np.interp(years, known, [rate, *(value for _, value in later)])


def plan_of(scenario: Mapping[str, object] | None) -> Plan:
    """Read a scenario.

    Parameters
    ----------
    scenario : mapping
        ``name`` (text) and exactly one of `KINDS`: ``annual_decline`` (points a year, 0 or more falls, below 0 rises),
        ``relative_decline`` (percent of the rate a year), ``logit_drift`` (logit a year), ``path`` (a mapping of year
        to planned rate in percent), ``stall`` (True).  Optionally ``shock`` ({"year": ..., "size": logit}) and
        ``adds_up`` (False: each area takes the leader's own logit shift).

    Returns
    -------
    Plan

    Raises
    ------
    ParameterError
        It is missing, or a key is unknown, or a value is not what it should be.

    Examples
    --------
    >>> plan_of({"name": "plan", "annual_decline": 1.0}).annual_decline
    1.0
    """
    example = "for instance {'name': 'plan', 'annual_decline': 1.0}"
    if scenario is None:
        raise ParameterError(f"method 'plan_path' follows a scenario and none was given; pass scenario=, {example}")
    if not isinstance(scenario, Mapping):
        raise ParameterError(f"scenario must be a mapping, {example}; got {type(scenario).__name__}")
    for key in scenario:
        if key not in KEYS:
            raise ParameterError(
                f"scenario: unknown key {str(key)[:40]!r}; possible are {', '.join(KEYS)}."
                f"{did_you_mean(str(key), KEYS)}"
            )
    name = scenario.get("name")
    if not isinstance(name, str) or not name.strip() or name == NO_SCENARIO:
        raise ParameterError(f"scenario: it needs a name (text, not {NO_SCENARIO!r}); got {str(name)[:40]!r}")
    given = [kind for kind in KINDS if scenario.get(kind) is not None]
    if len(given) != 1:
        raise ParameterError(
            f"scenario {name[:40]!r}: give one of annual_decline (points a year), relative_decline (percent of the "
            "rate a year), logit_drift (logit a year), path (year: rate) and stall (True); got "
            f"{', '.join(given) or 'none'}"
        )
    return _shocked(_base(name, given[0], scenario[given[0]]), scenario)


def _base(name: str, kind: str, value: object) -> Plan:
    """Return the plan without its shock."""
    limits = {
        "annual_decline": ("points a year between -100 and 100", -100.0, 100.0),
        "relative_decline": ("percent of the rate a year, -100 to 100", -100.0, 100.0),
        "logit_drift": ("logit a year between -5 and 5", -5.0, 5.0),
    }
    if kind in limits:
        words, low, high = limits[kind]
        if not _number(value) or not low <= value <= high:
            raise ParameterError(f"scenario {name[:40]!r}: {kind} is {words}; got {str(value)[:40]!r}")
        return Plan(name, **{kind: float(value)})
    if kind == "stall":
        if value is not True:
            raise ParameterError(f"scenario {name[:40]!r}: stall is True or left out; got {str(value)[:40]!r}")
        return Plan(name, stall=True)
    if not isinstance(value, Mapping) or not value:
        raise ParameterError(f"scenario {name[:40]!r}: path is a mapping of year to rate; got {str(value)[:40]!r}")
    for year, rate in value.items():
        if not _number(year) or year % 1 or not _number(rate) or not 0 <= rate <= 100:
            raise ParameterError(
                f"scenario {name[:40]!r}: path takes whole years and rates between 0 and 100; got {str(year)[:20]!r}: "
                f"{str(rate)[:20]!r}"
            )
    return Plan(name, path=tuple(sorted((int(year), float(rate)) for year, rate in value.items())))


def _shocked(plan: Plan, scenario: Mapping[str, object]) -> Plan:
    """Return the plan with what the scenario adds to it."""
    shock, adds_up = scenario.get("shock"), scenario.get("adds_up", True)
    if not isinstance(adds_up, bool):
        raise ParameterError(f"scenario {plan.name[:40]!r}: adds_up is True or False; got {str(adds_up)[:40]!r}")
    if shock is not None:
        known = isinstance(shock, Mapping) and set(shock) == {"year", "size"}
        if not known or not _number(shock["year"]) or shock["year"] % 1 or not _number(shock["size"]):
            raise ParameterError(
                f"scenario {plan.name[:40]!r}: shock is {{'year': a whole year, 'size': logit}}; got "
                f"{str(shock)[:60]!r}"
            )
        if abs(shock["size"]) > 5:
            raise ParameterError(
                f"scenario {plan.name[:40]!r}: a shock is -5 to 5 logits; got {str(shock['size'])[:20]}"
            )
        plan = replace(plan, shock=(int(shock["year"]), float(shock["size"])))
    return replace(plan, adds_up=adds_up)


def _number(value: object) -> bool:
    """Tell a finite number from everything else, booleans included."""
    return (
        isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and np.isfinite(value)
    )

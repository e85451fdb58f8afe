"""What a memo reads from the report of the forecast: series, targets, track record."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from povstudy.errors import ReportError
from povstudy.reporting import wording
from povstudy.reporting.memo.parts import Part
from povstudy.reporting.memo.printing import harmless

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Series", "Target", "fan_of", "series_of", "target_lines", "targets_of", "track_rows"]

IDENTITY = ("location", "group", "target", "standard")
QUANTILES = {"0.025": "low_95", "0.1": "low_80", "0.25": "low_50", "0.5": "median"}
QUANTILES |= {"0.75": "high_50", "0.9": "high_80", "0.975": "high_95"}
LONGEST_TEXT = 200
ROLES = ("target", "concept", "benchmark")


@dataclass(frozen=True)
class Series:
    """One series that the report forecasts.

    Parameters
    ----------
    position : int
        Its place in the report, from 0.
    location, group, target, standard : str
        As in forecast.csv.
    origin_year, target_year : int
        Year of the last figure and last year of the forecast.
    """

    position: int
    location: str
    group: str
    target: str
    standard: str
    origin_year: int
    target_year: int

    @property
    def kind(self) -> str:
        """Family, concept and group, for instance ``survey_poor_all``: the end of the keys of its words."""
        return "_".join([*self.target.removesuffix(" rate").split(), self.group])

    @property
    def family(self) -> str:
        """``survey``, ``review`` or ``user``."""
        return self.target.split()[0] if self.target else ""

    def number(self, name: str) -> str:
        """Return the name of one of its numbers in numbers.json."""
        return f"s{self.position}_{self.kind}_{name}"


def _forecast_rows(part: Part) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(part.forecast, newline="")))
    return [row for row in rows if row["output_type"] == "quantile" and row["scenario"] in ("none", "")]


def series_of(part: Part) -> tuple[Series, ...]:
    """Return the series that the report forecasts, in its order.

    Parameters
    ----------
    part : Part
        The report of 03_forecast.

    Returns
    -------
    tuple of Series
        The first one is the area's own.

    Raises
    ------
    ReportError
        If its forecast is empty.
    """
    found: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in _forecast_rows(part):
        found.setdefault(tuple(row[name] for name in IDENTITY), []).append(row)
    if not found:
        raise ReportError(f"The report {part.id} ({part.notebook}) holds no forecast. Run `{part.command}` again.")
    return tuple(
        Series(
            position,
            *identity,
            origin_year=int(rows[0]["origin_year"]),
            target_year=max(int(row["target_year"]) for row in rows),
        )
        for position, (identity, rows) in enumerate(found.items())
    )


def fan_of(part: Part, series: Series, lang: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """Return what a fan chart of the first series draws.

    Parameters
    ----------
    part : Part
        The report of 03_forecast.
    series : Series
        Its first series.
    lang : str
        Language of the report.

    Returns
    -------
    observed, forecast, past : DataFrame
        In the shape that `povstudy.plots.plot_fan` takes; ``past`` is None where the report draws no past forecast.
    """
    import pandas as pd

    wide: dict[int, dict[str, float]] = {}
    for row in _forecast_rows(part):
        if all(row[name] == getattr(series, name) for name in IDENTITY) and row["output_type_id"] in QUANTILES:
            wide.setdefault(int(row["target_year"]), {})[QUANTILES[row["output_type_id"]]] = float(row["value"])
    common = {"area": series.location, "standard": series.standard}
    forecast = pd.DataFrame([{"target_year": year, **ends} for year, ends in sorted(wide.items())])
    label = wording.text_of("w03.observed", lang)
    drawn = [
        row for row in csv.DictReader(io.StringIO(part.figures.get("fan_0", ""), newline="")) if row["kind"] == "line"
    ]
    seen = [row for row in drawn if row["text"] == label]
    points = [(int(float(row["x"])), float(row["y"])) for row in seen]
    if not points:
        points = [(series.origin_year, float(part.numbers[series.number("last")]["value"]))]
    observed = pd.DataFrame(points, columns=["year", "value"])
    return observed.assign(**common), forecast.assign(scenario="none", **common), _past(drawn, lang)


def _past(drawn: list[dict[str, str]], lang: str) -> pd.DataFrame | None:
    """Return the past forecasts among the lines of a fan chart: the first bears their name, the others none."""
    import pandas as pd

    lines: dict[str, list[dict[str, str]]] = {}
    for row in drawn:
        if row["text"] in ("", wording.text_of("w03.past", lang)):
            lines.setdefault(row["item"], []).append(row)
    steps = [
        (int(float(start["x"])), int(float(row["x"])), float(row["y"]))
        for start, *later in lines.values()
        for row in later
    ]
    return pd.DataFrame(steps, columns=["origin_year", "target_year", "median"]) if steps else None


@dataclass(frozen=True)
class Target:
    """A target and what the report says of it.

    Parameters
    ----------
    position : int
        Its place in the table of targets, from 0.
    series, role, goal, verdict, instrument : str
        As the report shows them; ``role`` is ``target``, ``concept`` or ``benchmark``.
    """

    position: int
    series: str
    role: str
    goal: str
    verdict: str
    instrument: str

    @property
    def probability(self) -> str:
        """Name of its probability in numbers.json."""
        return f"t{self.position}_probability"


def targets_of(part: Part, lang: str) -> tuple[Target, ...]:
    """Return the targets that the report judges, in its order.

    Parameters
    ----------
    part : Part
        The report of 03_forecast.
    lang : str
        Language of the report.

    Returns
    -------
    tuple of Target
        Empty if it judges none.
    """
    if "targets" not in part.tables:
        return ()
    head, rows = part.tables["targets"].rows
    words = ("series_column", "role", "target_column", "verdict_column", "instrument")
    places = [head.index(wording.text_of(f"w03.{word}", lang)) for word in words]
    roles = {wording.text_of(f"role.{role}", lang): role for role in ROLES}
    found = []
    for position, row in enumerate(rows):
        series, role, goal, verdict, instrument = (harmless(str(row[place] or ""), LONGEST_TEXT) for place in places)
        found.append(Target(position, series, roles.get(role, "benchmark"), goal, verdict, instrument))
    return tuple(found)


def target_lines(part: Part, targets: tuple[Target, ...]) -> pd.DataFrame:
    """Return the lines of targets that the report draws into the fan of its first series.

    Parameters
    ----------
    part : Part
        The report of 03_forecast.
    targets : tuple of Target
        What `targets_of` gives.

    Returns
    -------
    DataFrame
        Columns ``target, year, value``, as `povstudy.plots.plot_fan` takes them.
    """
    import pandas as pd

    goals = {target.goal for target in targets}
    drawn = csv.DictReader(io.StringIO(part.figures.get("fan_0", ""), newline=""))
    rows = [
        (row["text"], float(row["x"]), float(row["y"]))
        for row in drawn
        if row["kind"] == "line" and row["text"] in goals
    ]
    return pd.DataFrame(rows, columns=["target", "year", "value"])


def track_rows(part: Part, lang: str) -> pd.DataFrame:
    """Return the track record of the first series over all standards.

    Parameters
    ----------
    part : Part
        The report of 03_forecast.
    lang : str
        Language of the report.

    Returns
    -------
    DataFrame
        Columns of the report: years ahead, forecasts, target years, error, share of intervals that held; no row if
        nothing could be tried.
    """
    import pandas as pd

    names = [wording.text_of(f"w03.{word}", lang) for word in ("horizon", "n", "target_years", "mae", "coverage")]
    if "track" not in part.tables:
        return pd.DataFrame(columns=names)
    frame = part.tables["track"].frame
    series, standard = (wording.text_of(f"w03.{word}", lang) for word in ("series_column", "standard_column"))
    pooled = frame[frame[standard].eq(wording.text_of("w03.all_standards", lang))]
    first = pooled[pooled[series].eq(frame[series].iloc[0])] if len(frame) else pooled
    return first[names].reset_index(drop=True)

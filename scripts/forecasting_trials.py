"""Rules that were tried against the default, losers included, and how they are compared (see forecasting_tables.py).

Every rule sees what was known at its origin and nothing else.  Errors are compared by target year: provinces share the
shocks of a year, so target years, not provinces, are drawn anew in the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pandas as pd

from povstudy.areas import region_of
from povstudy.projection import Method, evidence
from povstudy.projection.backtest import backtest_cases
from povstudy.projection.choice import course_of
from povstudy.projection.methods import Situation, situation_of
from povstudy.projection.parents import Guide, path_at, shifted
from povstudy.projection.paths import DEVIATION, damped_steps, deviations
from povstudy.projection.pooling import pool_of, shrinkage
from povstudy.projection.series import RateSeries, rate_series
from povstudy.projection.spell import expit, logit
from povstudy.projection.stress import STRESS, stress_panel
from povstudy.sources import load

Path = Callable[[Situation, int], np.ndarray]

MOMENTUM = 0.5
RIDGE = 10.0
DRAWS, SEED = 2000, 0
SURE = 0.95
STRESS_SEEDS = (0, 1)
HORIZONS = (1, 3, 5)
STACKED = ("last_value", "linear_pp", "logistic", "eb_drift", "national_first")


@dataclass(frozen=True)
class Trial:
    """A rule that was tried."""

    name: str
    what: str
    path: Path
    anywhere: bool = False


# --- rules ------------------------------------------------------------------------------------------------------------


def by_method(method: Method) -> Path:
    """Return the path of a method of the menu."""
    return lambda situation, horizon: course_of(situation, horizon, method).rates


def led(
    situation: Situation, horizon: int, lead: Callable[[Guide, np.ndarray], list[np.ndarray]], apart=None
) -> np.ndarray:
    """Return the children's paths behind leaders with paths of their own making, the mean of them."""
    spell, weights = situation.spell, situation.series.weights
    rates = np.full((len(spell.last), horizon), np.nan)
    for guide in situation.guides:
        own = deviations(spell, guide, DEVIATION) if apart is None else apart(guide)
        paths = lead(guide, guide.origin + np.arange(1, horizon + 1))
        rates[guide.children] = np.mean([expit(shifted(guide, spell, weights, path, own)) for path in paths], axis=0)
    return rates


def weighed(inflation: float) -> Path:
    """Return the leader's mean path with its drift weighed against shocks inflated by another number."""

    def path(situation: Situation, horizon: int) -> np.ndarray:
        guides = tuple(
            replace(
                guide,
                weight=evidence.trend_weight(guide.slope_z, guide.error * inflation / evidence.INFLATION)
                if inflation
                else 1.0,
            )
            for guide in situation.guides
        )
        return course_of(replace(situation, guides=guides), horizon, Method("national_first")).rates

    return path


def both(guide: Guide, years: np.ndarray, share: float = 0.5) -> list[np.ndarray]:
    """Return the leader's pp and logit path mixed in percent, ``share`` of the pp path."""
    pp, z = (path_at(guide, years, scale) for scale in ("pp", "logit"))
    return [share * pp + (1.0 - share) * z]


def by_record(guide: Guide, years: np.ndarray) -> list[np.ndarray]:
    """Return the mix that the leader's own one-step errors on the two scales speak for; half and half without any."""
    rates = guide.values[guide.years <= guide.last_year]
    misses = {"pp": 0.0, "logit": 0.0}
    for end in range(2, len(rates)):
        gap = guide.years[end] - guide.years[end - 1]
        span = guide.years[end - 1] - guide.years[0]
        z = logit(rates)
        misses["pp"] += (rates[end - 1] + (rates[end - 1] - rates[0]) / span * gap - rates[end]) ** 2
        misses["logit"] += (expit(z[end - 1] + (z[end - 1] - z[0]) / span * gap) - rates[end]) ** 2
    total = sum(misses.values())
    return both(guide, years, share=misses["logit"] / total if total else 0.5)


def momentum(guide: Guide, years: np.ndarray) -> list[np.ndarray]:
    """Return the leader's mean path with half of its last shock carried on, a quarter the year after, and so on."""
    z = logit(guide.values)
    gap = float(guide.years[-1] - guide.years[-2]) if len(z) > 1 else 1.0
    shock = (z[-1] - z[-2]) / gap - guide.slope_z if len(z) > 1 else 0.0
    more = shock * damped_steps(np.maximum(years - guide.last_year, 0), MOMENTUM)
    return [expit(logit(path_at(guide, years, scale)) + more) for scale in ("pp", "logit")]


def regional(situation: Situation, guide: Guide) -> np.ndarray:
    """Return own deviations pooled in two steps: an area's to its region's mean, the region's to the nation's."""
    spell, pool = situation.spell, situation.pool
    several = spell.trended
    slopes = np.where(several, spell.slope_z, 0.0)
    centre = slopes[several].mean()
    regions = np.array([region_of(area) or "" for area in situation.series.areas])
    means = np.zeros(len(slopes))
    for region in np.unique(regions):
        here = (regions == region) & several
        means[regions == region] = slopes[here].mean() if here.any() else centre
    between = max(np.var(means[several]) - pool.variance / max(pool.span, 1.0) / 10.0, 0.0)
    keep = between / (between + pool.variance / max(pool.span, 1.0) / 10.0)
    own = shrinkage(pool)
    return np.where(several, keep * (means - centre) + own * (slopes - means), 0.0)


@cache
def covariates() -> pd.DataFrame:
    """Return income, product and trained labour of the provinces: (area, indicator) by year."""
    rows = load("covariates")
    kept = rows[
        rows["indicator"].isin(["income_per_capita_monthly", "grdp_per_capita", "trained_labour_share"])
        & rows["preferred"]
        & rows["group"].eq("all")
        & rows["area"].str.startswith("vn63-")
    ]
    return kept.pivot_table(index=["area", "indicator"], columns="year", values="value", aggfunc="first")


def explained(situation: Situation, guide: Guide) -> np.ndarray:
    """Return the deviations that covariates known at the origin speak for: ridge on past steps, years centred."""
    series = situation.series
    table, z = covariates(), logit(np.where(np.isfinite(series.values), series.values, 50.0))
    known = table.loc[:, [year for year in table.columns if year <= series.years[-1]]].ffill(axis=1)
    x = np.full((len(series.areas), len(series.years), 4), np.nan)
    for column, year in enumerate(series.years):
        seen = known.loc[:, [y for y in known.columns if y <= year]]
        if seen.shape[1]:
            wide = np.log(seen.iloc[:, -1].unstack("indicator").reindex(series.areas)).to_numpy()
            x[:, column, : wide.shape[1]] = wide
        x[:, column, 3] = z[:, column]
    usable = np.isfinite(x).all(axis=(0, 1)) | np.array([False, False, False, True])
    x = x[:, :, usable]
    left, right = [], []
    for column in range(len(series.years) - 1):
        both_seen = np.isfinite(series.values[:, column]) & np.isfinite(series.values[:, column + 1])
        both_seen &= np.isfinite(x[:, column]).all(axis=1)
        if both_seen.sum() > 10:
            step = z[both_seen, column + 1] - z[both_seen, column]
            own = x[both_seen, column]
            left.append(own - own.mean(axis=0))
            right.append(step - step.mean())
    if not left:
        return deviations(situation.spell, guide, DEVIATION)
    a, b = np.concatenate(left), np.concatenate(right)
    size = a.std(axis=0) + 1e-12
    slope = np.linalg.solve((a / size).T @ (a / size) + RIDGE * np.eye(a.shape[1]), (a / size).T @ b)
    now = x[:, -1]
    said = ((now - np.nanmean(now, axis=0)) / size) @ slope
    return np.where(np.isfinite(said), said, 0.0)


def smoothed(situation: Situation, horizon: int) -> np.ndarray:
    """Return the default's path from last figures cleaned of noise: shrunk to their areas' own trend.

    The noise is what neighbouring steps of an area, less the common step of the year, undo of each other.
    """
    series = situation.series
    z = np.where(np.isfinite(series.values), logit(np.where(np.isfinite(series.values), series.values, 50.0)), np.nan)
    steps = np.diff(z[:, -10:], axis=1)
    rows = np.isfinite(steps).all(axis=1)
    if steps.shape[1] < 3 or rows.sum() < 10:
        return course_of(situation, horizon, Method("default")).rates
    rest = steps[rows] - steps[rows].mean(axis=0)
    rest = rest - rest.mean(axis=1, keepdims=True)
    count = steps.shape[1]
    sums, pairs = (rest**2).sum() / rows.sum(), (rest[:, 1:] * rest[:, :-1]).sum() / rows.sum()
    a = np.array(
        [[count - 1.0, 2.0 * (count - 1.0 / count)], [-(count - 1.0) / count, -(count - 1.0) - 2.0 / count**2]]
    )
    walk, noise = np.maximum(np.linalg.solve(a, [sums, pairs]), 0.0)
    keep = (
        1.0
        if not noise
        else (walk + np.sqrt(walk**2 + 4 * walk * noise)) / (walk + np.sqrt(walk**2 + 4 * walk * noise) + 2 * noise)
    )
    spell = situation.spell
    before = series.values[np.arange(len(z)), np.maximum(spell.last_year - series.years[0] - 1, 0)]
    common = np.nanmean(steps[:, -1])
    expected = np.where(np.isfinite(before), logit(np.where(np.isfinite(before), before, 50.0)) + common, spell.z_last)
    cleaned = spell.z_last + (1.0 - keep) * (expected - spell.z_last)
    return course_of(
        replace(situation, spell=replace(spell, z_last=cleaned, last=expit(cleaned))), horizon, Method("default")
    ).rates


def stacked(cases: pd.DataFrame) -> pd.DataFrame:
    """Return cases of the mean of `STACKED`, weighted by one over the CRPS of targets known at each origin."""
    pieces = []
    members = cases[cases["method"].isin(STACKED)]
    for origin, now in members.groupby("origin_year"):
        past = members[members["target_year"].le(origin)]
        crps = past.groupby("method")["crps"].mean().reindex(STACKED)
        weight = (1.0 / crps) if crps.notna().all() else pd.Series(1.0, index=list(STACKED))
        wide = now.pivot_table(index=["area", "horizon", "target_year", "observed"], columns="method", values="median")
        kept = [method for method in STACKED if method in wide]
        mean = (wide[kept] * weight[kept]).sum(axis=1) / weight[kept].sum()
        pieces.append((mean.rename("median").reset_index()).assign(origin_year=origin))
    made = pd.concat(pieces, ignore_index=True)
    return made.assign(error=made["median"] - made["observed"])


def trials() -> tuple[Trial, ...]:
    """Return the rules, in the order of the table."""
    menu = [
        ("last_value", "nothing changes", Method("last_value")),
        ("linear_pp", "own points a year", Method("linear_pp")),
        ("constant_rate", "own relative rate", Method("constant_rate")),
        ("logistic", "own logit a year", Method("logistic")),
        ("damped_logit", "own logit a year, phi = .9", Method("damped_logit")),
        ("half_drift", "half of that, damped (what a lone series got before)", Method("half_drift")),
        ("mean_path", "mean of five", Method("mean_path")),
        ("panel_drift", "everyone the mean drift", Method("panel_drift")),
        ("eb_drift, phi = 1", "shrunk drift", Method("eb_drift", damping=1.0)),
        ("eb_drift, phi = .9", "shrunk drift, damped (the reference's default)", Method("eb_drift")),
        ("eb_drift, own variances", "the same, each area's own scatter", Method("eb_drift", per_area=True)),
    ]
    lead = [
        ("leader: pp path", "all of the pp path", partial(both, share=1.0)),
        ("leader: 3/4 pp", "", partial(both, share=0.75)),
        ("leader: 1/4 pp", "", partial(both, share=0.25)),
        ("leader: logit path", "none of it", partial(both, share=0.0)),
        ("leader: mix by record", "weights from the leader's own one-step errors on both scales", by_record),
        ("leader: common shocks go on", "half of its last shock is carried on, then a quarter", momentum),
    ]
    return (
        *(Trial(name, what, by_method(method), anywhere=True) for name, what, method in menu),
        Trial("leader: unweighed", "the drift counts in full (the default before)", weighed(0.0)),
        Trial("leader: weighed, 1", "shocks of neighbouring years independent", weighed(1.0)),
        Trial("leader: weighed, 2", "correlation 1/3", weighed(2.0)),
        Trial("leader: weighed, 5", "correlation 2/3", weighed(5.0)),
        Trial(
            "leader: damped",
            "phi = .9 on the leader and on deviations",
            by_method(Method("national_first", damping=0.9)),
        ),
        *(Trial(name, what, partial(led, lead=rule)) for name, what, rule in lead),
        Trial("children: no deviation", "lambda = 0", by_method(Method("national_first", share=0.0))),
        Trial("children: whole deviation", "lambda = 1", by_method(Method("national_first", share=1.0))),
        Trial(
            "children: shrunk deviation",
            "each area's own weight B in the place of lambda",
            lambda s, h: led(s, h, both, lambda g: _shrunk(s)),
        ),
        Trial(
            "children: partial pooling over regions",
            "deviations shrunk to the region's mean, that to the nation's",
            lambda s, h: led(s, h, both, lambda g: regional(s, g)),
        ),
        Trial(
            "children: covariates",
            "deviations from income, product, trained labour and level: ridge on past steps",
            lambda s, h: led(s, h, both, lambda g: explained(s, g)),
        ),
        Trial("measurement error", "the default from last figures cleaned of noise", smoothed, anywhere=True),
    )


def _shrunk(situation: Situation) -> np.ndarray:
    """Return own deviations times each area's own weight B."""
    pool = pool_of(situation.spell, situation.series.values, per_area=True)
    several = situation.spell.trended
    slopes = np.where(several, situation.spell.slope_z, 0.0)
    return np.where(several, shrinkage(pool) * (slopes - slopes[several].mean()), 0.0)


# --- scores -----------------------------------------------------------------------------------------------------------


def errors(panel: pd.DataFrame | RateSeries, paths: dict[str, Path], *, horizons: Sequence[int], min_points: int):
    """Return sums of absolute errors by rule, horizon and target year: ``rule, horizon, target_year, n, total``."""
    series = panel if isinstance(panel, RateSeries) else rate_series(panel)
    rows = []
    for origin in series.years[:-1]:
        known = series.until(int(origin))
        seen = np.isfinite(known.values).any(axis=1)
        if not seen.any():
            continue
        situation = situation_of(known.select(seen))
        ready = (situation.spell.last_year == origin) & (situation.spell.points >= min_points)
        if not ready.any():
            continue
        made = {name: path(situation, max(horizons)) for name, path in paths.items()}
        for horizon in horizons:
            column = int(origin + horizon - series.years[0])
            if column >= len(series.years):
                continue
            observed = series.values[seen][:, column]
            case = ready & np.isfinite(observed)
            for name, rates in made.items():
                missed = np.abs(rates[case, horizon - 1] - observed[case])
                rows.append((name, horizon, int(origin + horizon), int(case.sum()), float(missed.sum())))
    table = pd.DataFrame(rows, columns=["rule", "horizon", "target_year", "n", "total"])
    return table.groupby(["rule", "horizon", "target_year"], as_index=False).sum()


def spell_errors(panels) -> pd.DataFrame:
    """Return the errors of every rule in every spell, the default and the stack included."""
    rules = {trial.name: trial.path for trial in trials()} | {"default": by_method(Method("default"))}
    frames = []
    for spell, (panel, points) in panels.items():
        horizons = (1, 2, 3) if spell != "2022-25" else (1, 2)
        frames.append(errors(panel, rules, horizons=horizons, min_points=points).assign(spell=spell))
        cases = stacked(backtest_cases(panel, methods=STACKED, horizons=horizons, min_points=points))
        cases = cases.assign(total=cases["error"].abs(), n=1).groupby(["horizon", "target_year"], as_index=False)
        frames.append(cases[["n", "total"]].sum().assign(rule="stacked by past CRPS", spell=spell))
    return pd.concat(frames, ignore_index=True)


def compared(table: pd.DataFrame, rule: str) -> tuple[float, float, float]:
    """Return the geometric mean over spells and horizons of MAE relative to the default, and its bootstrap interval.

    Target years are drawn with replacement within each spell; a spell and horizon that a draw leaves without a target
    year is left out of that draw.
    """
    random = np.random.default_rng(SEED)
    cells = []
    for _, own in table.groupby("spell", sort=True):
        wide = {
            name: own[own["rule"].eq(name)].pivot_table(index="target_year", columns="horizon", values=["n", "total"])
            for name in (rule, "default")
        }
        years = wide["default"].index
        drawn = random.multinomial(len(years), np.full(len(years), 1.0 / len(years)), size=DRAWS)
        counts = np.vstack([np.ones((1, len(years))), drawn])
        mae = {
            name: (counts @ rows.reindex(years)["total"].fillna(0.0).to_numpy())
            / np.where((size := counts @ rows.reindex(years)["n"].fillna(0.0).to_numpy()) > 0, size, np.nan)
            for name, rows in wide.items()
        }
        cells.append(np.log(mae[rule]) - np.log(mae["default"]))
    mean = np.exp(np.nanmean(np.concatenate(cells, axis=1), axis=1))
    low, high = np.quantile(mean[1:], [(1.0 - SURE) / 2.0, (1.0 + SURE) / 2.0])
    return float(mean[0]), float(low), float(high)


def trial_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a rule: MAE relative to the default, its interval, the worst case against the own pp path."""
    known = {trial.name: trial.what for trial in trials()}
    known |= {
        "stacked by past CRPS": "mean of five, each weighted by one over its CRPS so far",
        "default": "what is shipped",
    }
    cells = table.groupby(["rule", "spell", "horizon"])[["n", "total"]].sum()
    mae = (cells["total"] / cells["n"]).unstack(["spell", "horizon"])
    rows = []
    for rule, what in known.items():
        mean, low, high = compared(table, rule)
        worst = float((mae.loc[rule] / mae.loc["linear_pp"]).max())
        verdict = "" if rule == "default" else "better" if high < 1 else "worse" if low > 1 else "blurred"
        rows.append((rule, what, mean, f"{low:.2f} - {high:.2f}", worst, verdict))
    columns = ["rule", "what", "MAE over the default's", "95 % of bootstraps", "worst over own pp path", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def relative_row(cases: pd.DataFrame) -> dict[str, str]:
    """Return MAE relative to the last value of the damped EB drift and the default, and the default's coverage."""
    row = {}
    for horizon in HORIZONS:
        here = cases[cases["horizon"].eq(horizon)]
        for method, title in (("eb_drift", "EB"), ("default", "default")):
            own = here[here["method"].eq(method)]
            ratio = own["error"].abs().mean() / own["error_last"].abs().mean() if len(own) else np.nan
            row[f"{title}, h = {horizon}"] = f"{ratio:.2f}" if len(own) else ""
        own = here[here["method"].eq("default")]
        inside = own["observed"].between(own["low_80"], own["high_80"]).mean()
        row[f"80 %, h = {horizon}"] = f"{inside:.2f}" if len(own) else ""
    return row


def stress_table() -> pd.DataFrame:
    """Return how the default and the damped EB drift do on every kind of SIMULATED panel."""
    rows = []
    for kind, stress in STRESS.items():
        frames = [_relative_cases(stress_panel(kind, seed)) for seed in STRESS_SEEDS]
        rows.append({"kind": kind, "what happens": stress.what} | relative_row(pd.concat(frames, ignore_index=True)))
    return pd.DataFrame(rows)


def unseen_table(panels: dict[str, pd.DataFrame], recent: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the same for real panels, and means over groups of them: geometric of ratios, plain of coverages.

    The panels of ``recent`` are parts of others: they have a mean of their own and are in no other.
    """
    rows, parts = (
        [{"panel": name} | relative_row(_relative_cases(panel)) for name, panel in some.items()]
        for some in (panels, recent)
    )
    poorer = [row for row in rows if "poorer countries" in row["panel"]]
    whole = [row for row in poorer if f"{row['panel'].rpartition(',')[0]}, from 2000" not in recent]
    means = {
        "mean, poorer countries": poorer,
        "mean, poorer countries, from 2000": [*whole, *parts],
        "mean, US states": [row for row in rows if "US states" in row["panel"]],
        "mean of all": rows,
    }
    return pd.DataFrame([*rows, *parts, *({"panel": title} | _mean_row(some) for title, some in means.items())])


def _mean_row(rows: list[dict[str, str]]) -> dict[str, str]:
    figures = pd.DataFrame(rows).drop(columns="panel").astype(float)
    return {
        name: f"{column.mean() if name.startswith('80 %') else np.exp(np.log(column).mean()):.2f}"
        for name, column in figures.items()
    }


def _relative_cases(panel: pd.DataFrame) -> pd.DataFrame:
    """Return the single forecasts of both rules from every origin with four figures."""
    return backtest_cases(panel, methods=["eb_drift", "default"], horizons=HORIZONS, min_points=4)

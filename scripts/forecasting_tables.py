"""Write the tables of docs/forecasting.md and the interval record; with --check, say what is not in step.

Every figure on that page comes from here: the shipped figures are backtested anew.  Takes a few seconds.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd

from povstudy.projection import (
    DEFAULT_INTERVAL,
    Method,
    backtest,
    calibration,
    choice,
    evidence,
    intervals,
    paths,
    pooling,
    spell,
    targets,
)
from povstudy.projection.backtest import backtest_cases
from povstudy.projection.breaks import break_scenarios
from povstudy.projection.stress import STRESS
from povstudy.sources import load, rate_panel

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "forecasting.md"
RECORD = ROOT / "src" / "povstudy" / "projection" / calibration.RECORD_FILE
BLOCK = re.compile(r"(<!-- table: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
NEAR_ZERO = 3.0

MENU = (
    Method("last_value"),
    Method("linear_pp"),
    Method("constant_rate"),
    Method("logistic"),
    Method("damped_logit"),
    Method("half_drift"),
    Method("panel_drift"),
    Method("eb_drift", label="eb_drift, phi = 1", damping=1.0),
    Method("eb_drift", label="eb_drift, phi = .9"),
    Method("eb_drift", label="eb_drift, phi = .9, own variances", per_area=True),
    Method("national_first", label="national_first, pp path", scale="pp"),
    Method("national_first", label="national_first, logit path", scale="logit"),
    Method("national_first", label="national_first, both, phi = .9", damping=0.9),
    Method("national_first", label="national_first, both"),
    Method("mean_path"),
    Method("default"),
)


def beside(name: str) -> ModuleType:
    """Return a module that lies beside this script and is in no package."""
    found = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def cell(value: object, digits: int = 3) -> str:
    """Return a figure with a fixed number of digits; an empty cell where there is none."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def constants() -> pd.DataFrame:
    """Return the numbers that the rules use."""
    rule = DEFAULT_INTERVAL
    rows = [
        ("window, calendar years", spell.WINDOW),
        ("rates are held inside, %", " - ".join(map(str, spell.CLIP))),
        ("damping phi (`damped_logit`, `half_drift`, `eb_drift`)", paths.DAMPING),
        ("share of own deviation lambda (`national_first`)", paths.DEVIATION),
        ("areas with two points that make a panel", pooling.MIN_SIBLINGS),
        ("prior sd of yearly logit steps", pooling.PRIOR_SD),
        ("degrees of freedom of that prior", pooling.PRIOR_DEGREES),
        ("prior sd of drifts where no panel tells it", pooling.PRIOR_DRIFT_SD),
        ("points for a lone child's own deviation", paths.MIN_OWN_TREND),
        ("prior sd of the shocks that a drift is weighed against", evidence.PRIOR_SHOCK_SD),
        ("degrees of freedom of that prior", evidence.PRIOR_SHOCK_DEGREES),
        ("correlation of the shocks of neighbouring years", evidence.NEIGHBOURS),
        ("which multiplies the variance of a drift by", evidence.INFLATION),
        ("a leader has no trend below, standard errors", 1),
        ("prior sd of the share of a panel's claimed drifts that came true", evidence.RECORD_SD),
        ("a panel without a parent is led by its mean from, standard errors", evidence.FIRM),
        ("damping phi behind the mean of a panel", choice.PANEL_DAMPING),
        ("sigma_c, prior sd of common shocks in the interval", rule.common_sd),
        ("sigma_c learnt from the parent's or the panel's yearly steps", "yes" if rule.learn else "no"),
        ("central interval that holds every path of the menu", intervals.WHOLE_MENU),
        *((f"verdict `{band}`: probability at least", lowest) for lowest, band in targets.VERDICT_BANDS),
    ]
    return pd.DataFrame(
        [(name, f"{v:g}" if isinstance(v, float) else v) for name, v in rows], columns=["what", "value"]
    )


def errors(panels: calibration.SpellPanels) -> pd.DataFrame:
    """Return the mean absolute error of every method, by spell and horizon."""
    columns: dict[str, list[object]] = {"method": [m.title for m in MENU] + ["cases", "target years"]}
    for name, (panel, points) in panels.items():
        horizons = (1, 2, 3) if name != "2022-25" else (1, 2)
        scores = backtest(panel, methods=MENU, horizons=horizons, min_points=points)
        for horizon in horizons:
            rows = scores[scores["horizon"].eq(horizon)]
            columns[f"{name}, h = {horizon}"] = [
                *(cell(mae) for mae in rows["mae"]),
                str(rows["n"].iloc[0]),
                str(rows["target_years"].iloc[0]),
            ]
    return pd.DataFrame(columns)


def candidates(scored: pd.DataFrame) -> pd.DataFrame:
    """Return coverage and CRPS of every interval candidate in every spell."""
    cells = scored.groupby(["candidate", "spell", "horizon"])[["inside", "crps"]].mean()
    rows = []
    for number in sorted(set(scored["candidate"])):
        rule = calibration.REFERENCE_RULE if number < 0 else calibration.CANDIDATES[number]
        row: dict[str, object] = {
            "rule": "reference" if number < 0 else f"sigma_c {rule.common_sd:g}{', learnt' if rule.learn else ''}"
        }
        for name in calibration.SPELLS:
            for horizon in calibration.HORIZONS:
                found = cells.loc[(number, name, horizon)]
                row[f"{name}, h = {horizon}"] = f"{found['inside']:.2f} ({found['crps']:.3f})"
        rows.append(row)
    return pd.DataFrame(rows)


def shipped(panels: calibration.SpellPanels) -> pd.DataFrame:
    """Return coverage and width of the shipped rule in each spell (all three were used to choose it)."""
    frames = []
    for name, (panel, points) in panels.items():
        horizons = (1, 2, 3) if name != "2022-25" else (1, 2)
        scores = backtest(panel, methods=["default"], horizons=horizons, min_points=points)
        frames.append(scores.assign(spell=name))
    kept = ["spell", "horizon", "n", "target_years", "mae", "relative_mae", "relative_mae_own", "bias", "crps", "wis"]
    return pd.concat(frames)[[*kept, "coverage_50", "coverage_80", "coverage_95", "width_80"]]


def near_zero(panels: calibration.SpellPanels) -> pd.DataFrame:
    """Return how the default does from a rate below `NEAR_ZERO`, all spells together."""
    frames = []
    for panel, points in panels.values():
        cases = backtest_cases(panel, methods=["default"], horizons=(1, 2), min_points=points)
        last = cases["observed"] + cases["error_last"]
        frames.append(cases[last < NEAR_ZERO])
    cases = pd.concat(frames)
    rows = []
    for horizon, own in cases.groupby("horizon"):
        inside = own["observed"].between(own["low_80"], own["high_80"]).mean()
        rows.append(
            (horizon, len(own), own["target_year"].nunique(), inside, own["error"].mean(), own["error"].abs().mean())
        )
    return pd.DataFrame(rows, columns=["horizon", "n", "target_years", "coverage_80", "bias", "mae"])


def lone(rates: pd.DataFrame) -> pd.DataFrame:
    """Return how series without parent and siblings were forecast: the nation and each region by itself."""
    rows = []
    rules = [Method("default"), Method("half_drift"), Method("linear_pp"), Method("last_value")]
    for spell_name, (standard, _) in calibration.SPELLS.items():
        for level, options in (("nation", {"areas": ["vn"]}), ("region", {"level": "region", "vintage": None})):
            panel = rate_panel(rates, standard=standard, parent=None, min_confidence="low", **options)
            cases = pd.concat(
                [
                    backtest_cases(own, methods=rules, horizons=(1, 2), min_points=2)
                    for _, own in panel.groupby("area", sort=True)
                ]
            )
            for horizon, own in cases.groupby("horizon"):
                mae = own["error"].abs().groupby(own["method"]).mean()
                inside = own[own["method"].eq("default")]
                rows.append(
                    {
                        "series": level,
                        "spell": spell_name,
                        "horizon": horizon,
                        "n": len(inside),
                        "target_years": inside["target_year"].nunique(),
                        **{rule.title: mae[rule.title] for rule in rules},
                        "coverage_80": inside["observed"].between(inside["low_80"], inside["high_80"]).mean(),
                    }
                )
    return pd.DataFrame(rows).sort_values(["series", "spell", "horizon"], ignore_index=True)


def breaks_table(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the error of each scenario after the breaks of 2010 and 2022, from one point on the new standard."""
    new = rate_panel(rates, standard="nso-mdp-2022-2025", min_confidence="low")
    old = rate_panel(rates, standard="gso-income-2011-2015", min_confidence="low")
    kept = {*old.loc[old["year"].eq(2016), "area"]}
    old = old[old["area"].isin(kept)]
    plain = old[old["area"].ne("vn")].drop(columns="parent").assign(weight=1.0)
    before = rate_panel(rates, standard="nso-mdp-2016-2020", parent=None, min_confidence="low")
    rows = []
    for title, panel, origin, options in (
        ("2010, mean of provinces as the nation, 2.0 points a year", plain, 2010, {"plan": 2.0}),
        ("2010, published nation, 2.0 points a year", old, 2010, {"plan": 2.0}),
        ("2022, published nation, 1.0 points a year", new, 2022, {"plan": 1.0}),
        ("2022, published nation, 1.25 points a year", new, 2022, {"plan": 1.25}),
        ("2022, mean drift of the provinces before", new, 2022, {"before": before}),
    ):
        one = panel[panel["year"].eq(origin)]
        horizon = int(panel["year"].max()) - origin
        for name, made in break_scenarios(one, horizon=horizon, draws=100, **options).items():
            both = made.table.merge(panel, left_on=["area", "target_year"], right_on=["area", "year"])
            mae = (both["median"] - both["value"]).abs().groupby(both["horizon"]).mean()
            cells = {f"h = {h}": cell(float(mae[h])) if h in mae.index else "" for h in range(1, 7)}
            rows.append({"scenario": name, "break and leader": title, "n": str(both["area"].nunique()), **cells})
    return pd.DataFrame(rows)


def record(scored: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out scores with and without the low-confidence year."""
    year = calibration.LOW_CONFIDENCE_YEAR
    return pd.concat(
        [
            calibration.leave_one_spell_out(scored, without=without).assign(low_confidence_year=without is None)
            for without in (None, year)
        ],
        ignore_index=True,
    )


def claims(tables: dict[str, pd.DataFrame], held_out: pd.DataFrame) -> dict[str, bool]:
    """Return what the page says in words about its tables, and whether it is so."""
    by_method = tables["errors"].set_index("method").drop(["cases", "target years"]).astype(float)
    both, pp, logit = (by_method.loc[f"national_first, {name}"] for name in ("both", "pp path", "logit path"))
    own, still, default = (by_method.loc[name] for name in ("linear_pp", "last_value", "default"))
    scores = held_out[held_out["low_confidence_year"]].set_index(["held_out", "horizon"])
    better = scores["crps"] < scores["crps_reference"]
    tried = tables["trials"].set_index("rule")
    alone = tables["lone"]
    stress = tables["stress"].set_index("kind")
    unseen = tables["unseen"].set_index("panel").astype(float)
    mean_row = {name: unseen.loc[f"mean, {name}"] for name in ("US states", "poorer countries")}
    ours, damped = (unseen.filter(like=f"{rule}, h") for rule in ("default", "EB"))
    flat = [kind for kind, panel in STRESS.items() if not panel.trend and kind != "cycle"]
    mean = tried["MAE over the default's"]
    return {
        "the mean of both paths is never the worst of the three": bool((both < pp.combine(logit, max)).all()),
        "the default beats last value and the own pp path": bool((default < own.combine(still, min)).all()),
        "nothing that was tried is better than the default": not tried["verdict"].eq("better").any(),
        "no rule that was tried errs less by more than two percent": bool(mean.min() > 0.98),
        "a lone series: less wrong than half_drift everywhere": bool((alone["default"] < alone["half_drift"]).all()),
        "panels without a trend: no worse than last value by more than two percent": bool(
            (stress.loc[flat].filter(like="default").replace("", "0").astype(float) <= 1.02).all(axis=None)
        ),
        "a cycle: worse than last value": float(stress.loc["cycle", "default, h = 5"]) > 1.1,
        "a cycle: less so than EB": float(stress.loc["cycle", "default, h = 5"])
        < float(stress.loc["cycle", "EB, h = 5"]),
        "poorer countries: the default beats the last value in each panel": bool(
            (ours[ours.index.str.contains("poorer countries")] < 1).all(axis=None)
        ),
        "poorer countries from 2000: under .91 / .87 / .83": bool(
            (ours.loc["mean, poorer countries, from 2000"].to_numpy() < [0.91, 0.87, 0.83]).all()
        ),
        "poorer countries: EB is ahead by one to three hundredths": bool(
            ((ours - damped.to_numpy()).round(2).filter(like="mean, poorer", axis=0)).stack().between(0.01, 0.03).all()
        ),
        "richer countries: EB loses up to ten hundredths": 1.09
        < damped.filter(like="richer", axis=0).max().max()
        <= 1.1,
        "richer countries: within two percent of the last value": bool(
            (ours[ours.index.str.contains("richer countries")] <= 1.02).all(axis=None)
        ),
        "US states: no better than the last value": bool((mean_row["US states"].filter(like="default") >= 1).all()),
        "US states: EB is worse still": bool(
            (mean_row["US states"].filter(like="default").to_numpy() < mean_row["US states"].filter(like="EB")).all()
        ),
        "all real panels: the default beats the last value and EB": bool(
            (ours.loc["mean of all"].to_numpy() < damped.loc["mean of all"].clip(upper=1)).all()
        ),
        "real panels: intervals cover 75-90 % on average": bool(
            unseen[unseen.index.str.startswith("mean")].filter(like="80 %").stack().between(0.75, 0.9).all()
        ),
        "2022-25: two years ahead less than half": scores.loc[("2022-25", 2), "coverage_80"] < 0.5,
        "2022-25: far less than 80 %": scores.loc[("2022-25", 1), "coverage_80"] < 0.7,
        "2016-21: the reference scores better": not better.loc["2016-21"].any(),
        "over three spells ours scores better": bool(better.loc["pooled"].all()),
    }


def blocks() -> tuple[dict[str, str], str]:
    """Return the tables of the page and the text of the record."""
    rates, tried, real = load("rates"), beside("forecasting_trials"), beside("forecasting_unseen")
    panels = calibration.spell_panels(rates)
    scored = calibration.score_candidates(panels)
    held_out = record(scored)
    shown = {
        flag: held_out[held_out["low_confidence_year"].eq(flag)].drop(columns="low_confidence_year")
        for flag in (True, False)
    }
    tables = {
        "constants": constants(),
        "errors": errors(panels),
        "candidates": candidates(scored),
        "held_out": shown[True],
        "held_out_without": shown[False],
        "shipped": shipped(panels),
        "near_zero": near_zero(panels),
        "trials": tried.trial_table(tried.spell_errors(panels)),
        "stress": tried.stress_table(),
        "unseen": tried.unseen_table(real.panels(), real.recent()),
        "lone": lone(rates),
        "breaks": breaks_table(rates),
    }
    wrong = [text for text, holds in claims(tables, held_out).items() if not holds]
    if wrong:
        raise SystemExit(f"docs/forecasting.md says what its tables do not: {'; '.join(wrong)}")
    best = calibration.CANDIDATES[calibration.choose_rule(scored, list(panels))]
    if best != DEFAULT_INTERVAL:
        raise SystemExit(f"the criterion picks {best} on all spells, shipped is {DEFAULT_INTERVAL}")
    return {name: markdown(table) for name, table in tables.items()}, held_out.round(4).to_csv(
        index=False, lineterminator="\n"
    )


def main(arguments: list[str]) -> int:
    """Write, or with --check compare."""
    if arguments not in ([], ["--check"]):
        print("usage: forecasting_tables.py [--check]", file=sys.stderr)
        return 2
    tables, text = blocks()
    page = PAGE.read_text(encoding="utf-8")
    names = [match["name"] for match in BLOCK.finditer(page)]
    if sorted(names) != sorted(tables):
        print(f"{PAGE.name} has tables {sorted(names)}, the script makes {sorted(tables)}", file=sys.stderr)
        return 1
    written = BLOCK.sub(lambda match: match[1] + tables[match["name"]] + match[3], page)
    stale = [path.name for path, new in ((PAGE, written), (RECORD, text)) if not same(path, new)]
    if arguments and stale:
        print(f"not in step: {', '.join(stale)}; run: python scripts/forecasting_tables.py", file=sys.stderr)
        return 1
    if not arguments:
        PAGE.write_text(written, encoding="utf-8", newline="\n")
        RECORD.write_text(text, encoding="utf-8", newline="\n")
    return 0


def same(path: Path, text: str) -> bool:
    """Tell whether a file holds this text already."""
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

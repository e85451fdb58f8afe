"""Rules meant to do less harm where rates have no trend, losers included: writes their table into docs/forecasting.md.

    python scripts/forecasting_harmless.py            about four minutes
    python scripts/forecasting_harmless.py --check    say whether the table is in step

Candidates are compared on SIMULATED panels and on `forecasting_unseen.CHOSEN_ON`; the panels that are held out are
scored for the rule before and the one that is shipped alone.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from forecasting_unseen import CHOSEN_ON, panels

from povstudy.projection import choice, evidence, intervals
from povstudy.projection.backtest import backtest_cases
from povstudy.projection.methods import Course, Situation
from povstudy.projection.shocks import IntervalRule
from povstudy.projection.stress import STRESS, stress_panel

PAGE = Path(__file__).resolve().parents[1] / "docs" / "forecasting.md"
BLOCK = re.compile(r"(<!-- harmless -->\n).*?(<!-- end -->)", re.DOTALL)
SEEDS = (10, 11, 12, 13)
HORIZONS = (1, 3, 5)
GROUPS = {
    "with a trend": [kind for kind, stress in STRESS.items() if stress.trend and kind not in ("break", "turn")],
    "without, or one that ends": [k for k, stress in STRESS.items() if not stress.trend or k in ("break", "turn")],
}
BEFORE, SHIPPED = "mean drift cut off below one standard error (before)", "never cut off (shipped)"
FLOORS = {f"at least s^2 / (s^2 + v) of it, s = {sd}": sd for sd in (0.05, 0.1)}

WHO = ("poorer countries", "richer countries", "US states")

Patch = Callable[[], contextlib.AbstractContextManager[object]]


def correlated(situation: Situation, course: Course, rule: IntervalRule) -> intervals.Variance:
    """Return the variance with shocks of neighbouring years correlated where no parent leads, as the drift's are."""
    parts = PLAIN(situation, course, rule)
    led = np.zeros(len(course.rates), dtype=bool)
    for guide in course.guides:
        led[guide.children] |= not guide.own
    years, rho = np.arange(1.0, course.rates.shape[1] + 1.0), evidence.NEIGHBOURS
    sums = years + 2.0 * rho / (1.0 - rho) * (years - (1.0 - rho**years) / (1.0 - rho))
    return replace(parts, common_walk=np.where(led[:, None], 1.0, sums / years) * parts.common_walk)


PLAIN = intervals.variance_of


def cut_off(drift: float, variance: float) -> float:
    """Return the share of a mean drift that was carried on before: none below one standard error."""
    return drift**2 / (drift**2 + variance) if drift**2 >= variance else 0.0


def candidates() -> dict[str, tuple[Patch, ...]]:
    """Return the rules as changes to the one that is shipped."""

    def changed(module: object, name: str, value: object) -> Patch:
        return lambda: patch.object(module, name, value)

    off = changed(choice, "_record", lambda values: 1.0)
    cut = [changed(module, "panel_weight", cut_off) for module in (choice, evidence)]
    floors = {
        name: (changed(choice, "panel_weight", lambda d, v, s2=sd**2: max(cut_off(d, v), s2 / (s2 + v))),)
        for name, sd in FLOORS.items()
    }
    return {
        BEFORE: tuple(cut),
        SHIPPED: (),
        **floors,
        "all of it": (changed(choice, "panel_weight", lambda drift, variance: 1.0),),
        "no record": (off,),
        "record, prior sd of the share .5": (changed(evidence, "RECORD_SD", 0.5),),
        "record of the drifts themselves, not of what was claimed": (
            changed(evidence, "panel_weight", lambda drift, variance: 1.0),
        ),
        "prior sd of shocks .08": (changed(evidence, "PRIOR_SHOCK_SD", 0.08),),
        "prior sd of shocks .12": (changed(evidence, "PRIOR_SHOCK_SD", 0.12),),
        "interval with correlated common shocks": (changed(intervals, "variance_of", correlated),),
    }


@contextmanager
def under(patches: Iterable[Patch]) -> Iterator[None]:
    """Run under changes of constants or functions."""
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one())
        yield


def scored(panel: pd.DataFrame) -> pd.DataFrame:
    """Return, by horizon, MAE relative to the last value and the share inside the 80 % interval."""
    cases = backtest_cases(panel, methods=["default"], horizons=HORIZONS, min_points=4)
    cases = cases.assign(
        miss=cases["error"].abs(),
        last=cases["error_last"].abs(),
        inside=cases["observed"].between(cases["low_80"], cases["high_80"]),
    )
    means = cases.groupby("horizon")[["miss", "last", "inside"]].mean()
    return pd.DataFrame({"ratio": means["miss"] / means["last"], "inside": means["inside"]})


def row(name: str, what: str, tables: list[pd.DataFrame]) -> dict[str, str]:
    """Return geometric means of ratios and plain means of coverages over panels."""
    together = pd.concat(tables)
    ratio = np.exp(np.log(together["ratio"]).groupby("horizon").mean())
    inside = together["inside"].groupby("horizon").mean()
    cells = {f"MAE, h = {h}": f"{ratio[h]:.3f}" for h in HORIZONS}
    return {"panels": what, "rule": name, **cells, **{f"80 %, h = {h}": f"{inside[h]:.2f}" for h in HORIZONS}}


def table() -> pd.DataFrame:
    """Return one row a group of panels and rule."""
    simulated = {what: [stress_panel(k, seed) for k in kinds for seed in SEEDS] for what, kinds in GROUPS.items()}
    real = panels()
    groups = {f"SIMULATED, {what}": own for what, own in simulated.items()}
    for who in WHO:
        if own := [real[name] for name in CHOSEN_ON if who in name]:
            groups[f"{who}, chosen on"] = own
    rows = []
    for what, own in groups.items():
        for name, patches in candidates().items():
            with under(patches):
                rows.append(row(name, what, [scored(panel) for panel in own]))
    for who in WHO:
        held = [panel for name, panel in real.items() if name not in CHOSEN_ON and who in name]
        for name in (BEFORE, SHIPPED, *FLOORS):
            with under(candidates()[name]):
                rows.append(row(name, f"{who}, held out", [scored(panel) for panel in held]))
    return pd.DataFrame(rows)


def main(arguments: list[str]) -> int:
    """Write, or with --check compare."""
    if arguments not in ([], ["--check"]):
        print("usage: forecasting_harmless.py [--check]", file=sys.stderr)
        return 2
    made = table()
    lines = [list(made.columns), ["---"] * made.shape[1], *made.to_numpy().tolist()]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    page = PAGE.read_text(encoding="utf-8")
    if not BLOCK.search(page):
        print(f"{PAGE.name} has no place for the table: <!-- harmless --> ... <!-- end -->", file=sys.stderr)
        return 1
    written = BLOCK.sub(lambda match: match[1] + text + match[2], page)
    if arguments and written != page:
        print(f"not in step: {PAGE.name}; run: python scripts/forecasting_harmless.py", file=sys.stderr)
        return 1
    PAGE.write_text(written, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Write into docs/evaluation.md how often the printed inference rejects a true null, and how often it finds an effect.

With --check, say whether the table is in step.  Takes about three minutes on two processors.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from povstudy.evaluation import did, minimum_detectable_effect, randomization_test

PAGE = Path(__file__).resolve().parents[1] / "docs" / "evaluation.md"
BLOCK = re.compile(r"(<!-- table: inference_size -->\n).*?(<!-- end -->)", re.DOTALL)
COLUMNS = {"outcome": "income", "unit": "commune", "time": "year", "treatment": "treated"}
PERIODS, START = 6, 3
DESIGNS = ((40, 2), (12, 2), (40, 5), (12, 6), (40, 20))
NULLS, EFFECTS, SEED, LEVEL = 1000, 300, 20261126, 0.05


def simulated(rng: np.random.Generator, clusters: int) -> np.ndarray:
    """Return outcomes, shape (clusters, periods): AR(.6) errors, cluster and period effects."""
    e = np.empty((clusters, PERIODS))
    e[:, 0] = rng.standard_normal(clusters) / np.sqrt(1 - 0.36)
    for t in range(1, PERIODS):
        e[:, t] = 0.6 * e[:, t - 1] + rng.standard_normal(clusters)
    return e + rng.standard_normal(clusters)[:, None] + rng.standard_normal(PERIODS)


def as_table(y: np.ndarray, treated: int) -> pd.DataFrame:
    """Return the panel; the first clusters are treated from the period ``START`` on."""
    clusters = y.shape[0]
    commune, year = np.repeat(np.arange(clusters), PERIODS), np.tile(np.arange(PERIODS), clusters)
    served = ((commune < treated) & (year >= START)).astype(int)
    return pd.DataFrame({"commune": commune, "year": year, "income": y.ravel(), "treated": served})


def rejects(table: pd.DataFrame, **options: object) -> bool:
    """Tell whether the two-way regression rejects no effect."""
    return bool(did(table, method="twfe", **COLUMNS, **options).p_value <= LEVEL)


def rates(design: tuple[int, int]) -> dict[str, object]:
    """Return one row of the table."""
    clusters, treated = design
    rng = np.random.default_rng([SEED, *design])
    draws = [simulated(rng, clusters) for _ in range(NULLS)]
    first = as_table(draws[0], treated)
    place = {"outcome": "income", "unit": "commune", "time": "year", "start": START, "treated_clusters": treated}
    minimum = minimum_detectable_effect(data=first, **place).effect
    moved = [
        y + minimum * np.outer(np.arange(clusters) < treated, np.arange(PERIODS) >= START) for y in draws[:EFFECTS]
    ]
    tables, found = [as_table(y, treated) for y in draws], [as_table(y, treated) for y in moved]
    row = {
        "clusters": clusters,
        "treated": treated,
        "printed": did(first, method="twfe", **COLUMNS).inference,
        "rejects a true null": np.mean([rejects(table) for table in tables]),
        "clustered t": np.mean([rejects(table, inference="clustered") for table in tables]),
        "finds the effect": np.mean([rejects(table) for table in found]),
        "the permutation test finds it": np.mean([randomization_test(t, **COLUMNS).p_value <= LEVEL for t in found]),
    }
    return row


def block() -> str:
    """Return the table as Markdown."""
    with ProcessPoolExecutor(max_workers=2) as pool:
        rows = list(pool.map(rates, DESIGNS))
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    for row in rows:
        lines.append("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the table, or compare it."""
    page = PAGE.read_text(encoding="utf-8")
    made = BLOCK.sub(lambda match: match.group(1) + block() + match.group(2), page)
    if "--check" in arguments:
        if made != page:
            print("docs/evaluation.md is stale: run python scripts/inference_size.py")
        return int(made != page)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

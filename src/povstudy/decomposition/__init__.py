"""Changes and gaps taken apart: by group, growth and redistribution, sector, locality, law, prices and life."""

from __future__ import annotations

from povstudy.decomposition.bridge import (
    bridge_columns,
    classes_under,
    published_bridge,
    reclassification,
    standards_bridge,
)
from povstudy.decomposition.growth import growth_incidence, growth_redistribution
from povstudy.decomposition.law import (
    APPROXIMATION,
    indexed_rate,
    indexed_rate_lognormal,
    law_prices_life,
    line_against_minimum,
)
from povstudy.decomposition.localities import (
    Convergence,
    beta_convergence,
    gap_change,
    gap_sentence,
    gap_verdict,
    locality_gap,
)
from povstudy.decomposition.sectors import (
    sector_decomposition,
    subgroup_decomposition,
    theil_decomposition,
)

__all__ = [
    "APPROXIMATION",
    "Convergence",
    "beta_convergence",
    "bridge_columns",
    "classes_under",
    "gap_change",
    "gap_sentence",
    "gap_verdict",
    "growth_incidence",
    "growth_redistribution",
    "indexed_rate",
    "indexed_rate_lognormal",
    "law_prices_life",
    "line_against_minimum",
    "locality_gap",
    "published_bridge",
    "reclassification",
    "sector_decomposition",
    "standards_bridge",
    "subgroup_decomposition",
    "theil_decomposition",
]

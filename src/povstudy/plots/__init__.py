"""Figures, one per function, drawn on the Axes that is given.

A plot takes tables, never a result type; it fits nothing, sets no global style and shows nothing.  Words on
axes and legends come in through ``labels``, so that a report can speak another language.
"""

from povstudy.plots.audit import plot_availability, plot_reconciliation
from povstudy.plots.communes import plot_exit_by_rate, plot_exit_probabilities, plot_members, plot_none_left
from povstudy.plots.economics import (
    plot_acceptability,
    plot_allocation,
    plot_break_even,
    plot_difference,
    plot_plane,
    plot_with_without,
)
from povstudy.plots.evaluation import plot_effects, plot_event_study, plot_falls, plot_spread
from povstudy.plots.forecasts import (
    plot_coverage,
    plot_errors,
    plot_fan,
    plot_probabilities,
    plot_ranking,
    plot_scenarios,
)
from povstudy.plots.places import plot_panels, plot_tiles
from povstudy.plots.profile import (
    plot_deprivations,
    plot_gap,
    plot_line_share,
    plot_lorenz,
    plot_moves,
    plot_rates,
    plot_targeting,
)
from povstudy.plots.series import plot_series

__all__ = [
    "plot_acceptability",
    "plot_allocation",
    "plot_availability",
    "plot_break_even",
    "plot_coverage",
    "plot_deprivations",
    "plot_difference",
    "plot_effects",
    "plot_errors",
    "plot_event_study",
    "plot_exit_by_rate",
    "plot_exit_probabilities",
    "plot_falls",
    "plot_fan",
    "plot_gap",
    "plot_line_share",
    "plot_lorenz",
    "plot_members",
    "plot_moves",
    "plot_none_left",
    "plot_panels",
    "plot_plane",
    "plot_probabilities",
    "plot_ranking",
    "plot_rates",
    "plot_reconciliation",
    "plot_scenarios",
    "plot_series",
    "plot_spread",
    "plot_targeting",
    "plot_tiles",
    "plot_with_without",
]

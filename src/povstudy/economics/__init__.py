"""What a programme costs, what that buys, and where the next money should go."""

from __future__ import annotations

import importlib

_HOME = {
    "allocation": ("Allocation", "allocate", "compare_objectives"),
    "plan_checks": ("check_plan",),
    "options": ("Constraints",),
    "costs": ("annuity", "check_costs", "cost_summary", "disbursement", "real_costs"),
    "effectiveness": ("acceptability", "cost_effectiveness", "fieller"),
    "exits": ("net_exits",),
    "worth": ("break_even",),
    "persistence": ("household_years", "staying_out"),
    "shrinkage": ("shrink",),
    "overlap": ("count_once",),
    "scaling": ("ScaleUp", "scale_up"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    """Import the module that holds ``name`` and remember the object."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *_MODULE_OF})

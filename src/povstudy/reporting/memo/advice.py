"""What a memo advises on plans, models and budgets, each advice with the strength of what it rests on."""

from __future__ import annotations

import pandas as pd

from povstudy.reporting.formats import Name, Phrase
from povstudy.reporting.memo.blocks import Paragraph, Section, Table
from povstudy.reporting.memo.collect import SIMULATED
from povstudy.reporting.memo.parts import FORECAST, MODELS, PLANS, Part
from povstudy.reporting.memo.state import Statements

__all__ = ["advice"]

RECORDED = {"count": "recorded_models", "low": "recorded_low", "high": "recorded_high"}
BREAK_EVEN = {"worth": "worth", "least": "break_even_low", "most": "break_even_high"}
BUDGET = {"budget": "budget", "exits": "plan_exits_exits", "gap": "plan_exits_gap"}
BUDGET |= {"other_exits": "plan_gap_closed_exits", "other_gap": "plan_gap_closed_gap"}
TRIAL = {"grade": "grade", "held": "truths_held", "tested": "truths"}
SCALED = {"less": "end_less", "low": "end_less_low", "high": "end_less_high"}


def advice(state: Statements) -> Section:
    """Return the section: a table of advice, finding and strength.

    Parameters
    ----------
    state : Statements
        States the numbers.

    Returns
    -------
    Section
        Rows that rest on simulated households say so.
    """
    report, parts = state.report, state.reports.parts
    rows = [_plan(state, parts.get(PLANS)), *_models(state, parts.get(MODELS))]
    rows = [row for row in rows if row is not None]
    heads = [report.words(f"memo.w.{word}") for word in ("advice", "finding", "strength")]
    blocks: list[object] = []
    if rows:
        caption = report.phrase("memo.caption_advice")
        blocks.append(Table("advice", pd.DataFrame(rows, columns=heads), caption, widths=(3.1, 6.5, 2.4)))
    missing = [name for name in (PLANS, MODELS) if name not in parts]
    for name in missing:
        blocks.append(Paragraph(report.phrase("memo.no_part", notebook=Name(name)), "small"))
    return Section("advice", report.words("memo.heading.advice"), tuple(blocks))


def _row(state: Statements, key: str, strength: Phrase, **numbers: object) -> tuple[Phrase, Phrase, Phrase]:
    return state.report.phrase(f"memo.advice.{key}"), state.phrase(f"memo.finding.{key}", **numbers), strength


def _numbers(state: Statements, part: Part, names: dict[str, str]) -> dict[str, object] | None:
    if not part.has(*names.values()):
        return None
    return {word: state.number(part, name) for word, name in names.items()}


def _plan(state: Statements, part: Part | None) -> tuple[Phrase, ...] | None:
    """Say whether the fall may be credited to the plan."""
    if part is None:
        return None
    names = {"provinces": "provinces", "tries": "tries", "refused": "refused", "seen": "detectable_1"}
    numbers = _numbers(state, part, names)
    if numbers is None:
        return None
    return _row(state, "plan", state.report.phrase("memo.strength.none"), **numbers)


def _models(state: Statements, part: Part | None) -> list[tuple[Phrase, ...] | None]:
    """Say what is known of models and of where a budget should go."""
    if part is None:
        return []
    report = state.report
    place = Name(state.reports.parts[FORECAST].area_name)
    recorded, even = _numbers(state, part, RECORDED), _numbers(state, part, BREAK_EVEN)
    weak = report.phrase("memo.strength.costs")
    if recorded is None:
        rows = [_row(state, "no_record", report.phrase("memo.strength.none"), area=place)]
    else:
        rows = [_row(state, "record", weak, **recorded, **(even or {}))] if even else []
    label = Name(SIMULATED)
    trial, budget, scaled = (_numbers(state, part, names) for names in (TRIAL, BUDGET, SCALED))
    if trial is not None:
        grade = trial.pop("grade")
        strength = state.phrase("memo.strength.trial", label=label, grade=grade)
        rows.append(_row(state, "trial", strength, label=label, **trial))
    simulated = report.phrase("memo.strength.simulated", label=label)
    if budget is not None:
        rows.append(_row(state, "budget", simulated, label=label, **budget))
    if scaled is not None:
        rows.append(_row(state, "scale", simulated, label=label, **scaled))
    return rows

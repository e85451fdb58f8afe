"""How strong a design is, on stated criteria, and what would overturn its result."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd

from povstudy.errors import ParameterError
from povstudy.evaluation.effect import Effect
from povstudy.evaluation.inference import FEW, smaller_arm
from povstudy.evaluation.sensitivity import HonestDid

__all__ = ["GRADES", "Strength", "grade_design"]

GRADES = {
    5: "random assignment of enough units",
    4: "a rule or lot places the programme and the comparison is checked",
    3: "before and after with a comparison group whose trends are checked",
    2: "a comparison group, but equality is taken as given, or few clusters carry it",
    1: "no comparison that can carry the result: none, few clusters with trends not shown, or a test that cannot fail",
}
BASE = {"difference": 3, "synthetic": 3, "discontinuity": 4, "adjusted": 2, "means": 1}
BALANCED = 0.1


@dataclass(frozen=True)
class Strength:
    """A grade from 1 to 5 on a scale like Maryland's.

    Attributes
    ----------
    grade : int
    label : str
    table : DataFrame
        ``criterion, met, why``; an unmet criterion costs one grade.
    overturn : tuple of str
        What would overturn the result.

    Notes
    -----
    The scale follows Sherman et al. (1998): 5 random assignment, 4 quasi-random placement, 3 before-after with a
    comparison group, 2 a comparison without a check, 1 none.
    """

    grade: int
    label: str
    table: pd.DataFrame
    overturn: tuple[str, ...]


def grade_design(effect: Effect, *, sensitivity: HonestDid | None = None, lost: float | None = None) -> Strength:
    """Grade the design behind an effect.

    Parameters
    ----------
    effect : Effect
    sensitivity : HonestDid, optional
        Of the same event study.
    lost : float, optional
        Difference between the arms in the share of units that dropped out, in [0, 1].

    Returns
    -------
    Strength

    Raises
    ------
    ParameterError
        The effect does not say what kind of design it has.

    Examples
    --------
    >>> e = Effect(1.0, 0.1, 0.8, 1.2, 0.0, "", "", 400, 400, 200, pd.DataFrame(), kind="means", placement="random")
    >>> grade_design(e).grade
    5
    """
    if effect.kind not in BASE:
        raise ParameterError(
            f"the effect of {effect.method!r} does not name its kind of design; grade the result of did, event_study, "
            "synthetic_control, synthetic_did, doubly_robust or regression_discontinuity."
        )
    random = effect.placement == "random"
    grade = 5 if random and effect.kind != "discontinuity" else BASE[effect.kind]
    rows = _criteria(effect, sensitivity, lost, random)
    grade -= sum(not met for _, met, _ in rows)
    grade = int(max(grade, 1)) if effect.testable else 1
    table = pd.DataFrame(rows, columns=["criterion", "met", "why"])
    return Strength(grade, GRADES[grade], table, _overturn(effect, sensitivity, random))


def _criteria(
    effect: Effect, sensitivity: HonestDid | None, lost: float | None, random: bool
) -> list[tuple[str, bool, str]]:
    """Return each criterion, whether it is met and why."""
    rows = [
        (
            "the effect can be tested",
            effect.testable,
            effect.inference,
        )
    ]
    if effect.kind != "discontinuity":
        arm = smaller_arm(effect.treated_clusters, effect.clusters)
        rows.append(
            (f"more than {FEW} clusters in the smaller arm", arm > FEW, f"{arm} cluster{'' if arm == 1 else 's'} there")
        )
    if effect.kind == "difference" and not random:
        few = smaller_arm(effect.treated_clusters, effect.clusters) <= FEW
        if few and "event_time" in effect.table:
            rows.append(_few_trends(effect))
        elif effect.pretest is None:
            rows.append(("trends before the start are shown", False, "no event study with periods before the start"))
        else:
            p = effect.pretest[2]
            rows.append(("trends before the start do not differ clearly", p > 0.05, f"Wald test, p = {p:.2g}"))
        if sensitivity is not None:
            ok = sensitivity.breakdown >= sensitivity.seen
            rows.append(("a bend as large as seen before would not overturn it", ok, sensitivity.words))
    if effect.kind == "synthetic":
        gaps = effect.table[effect.table["part"] == "placebo in time"]["value"]
        if len(gaps):
            worst = float(np.abs(gaps).max())
            rows.append(
                (
                    "invented earlier starts show less than the real one",
                    worst < abs(effect.estimate),
                    f"largest placebo in time {worst:.3g}",
                )
            )
        else:
            rows.append(("invented earlier starts are shown", False, "no placebo in time was computed"))
    if effect.kind == "discontinuity":
        values = dict(zip(effect.table["part"], effect.table["value"], strict=True))
        p = values.get("density test p", np.nan)
        heaped = any("Heaping" in w for w in effect.warnings)
        rows.append(
            ("households are not moved across the cut-off", not (p < 0.05) and not heaped, f"density test p = {p:.2g}")
        )
    if effect.kind == "adjusted" and not random and "difference_weighted" in effect.table:
        worst = float(np.nan_to_num(effect.table["difference_weighted"].abs().max()))
        rows.append(("covariates are balanced after weighting", worst <= BALANCED, f"largest difference {worst:.2f}"))
    if lost is not None:
        rows.append(("both arms lost as many units", abs(lost) <= 0.05, f"difference in losses {100 * lost:.1f} %"))
    return rows


def _few_trends(effect: Effect) -> tuple[str, bool, str]:
    """Return whether trends differ by the permuted p-values: a clustered Wald test rejects nearly always here."""
    early = effect.table[effect.table["event_time"] < 0]["p_value"].dropna()
    if not len(early):
        return "trends before the start are shown", False, "no p-value by event time before the start"
    if len(early) / comb(effect.clusters, effect.treated_clusters) > 0.05:
        why = f"{effect.treated_clusters} of {effect.clusters} clusters: no difference could have been found"
        return "trends before the start do not differ clearly", False, why
    p = min(1.0, float(len(early) * early.min()))
    return (
        "trends before the start do not differ clearly",
        p > 0.05,
        f"smallest permuted p-value before the start times {len(early)} = {p:.2g}",
    )


def _overturn(effect: Effect, sensitivity: HonestDid | None, random: bool) -> tuple[str, ...]:
    """Return what would overturn the result."""
    found = []
    if not effect.testable:
        return (
            "It cannot be tested, so there is no result to overturn: chance could show a change of any size; only more "
            "clusters could tell.",
        )
    if sensitivity is not None:
        found.append(sensitivity.words)
    if random:
        found.append("Units that dropped out of one arm more than of the other, or untreated units that got it anyway.")
    elif effect.kind == "difference":
        found.append(
            "Another change at the same time in the treated units only, or trends that would have parted anyway."
        )
    elif effect.kind == "synthetic":
        found.append(
            "A shock to the treated unit that its donors did not have, or a donor that also had the programme."
        )
    elif effect.kind == "discontinuity":
        found.append("Another benefit decided at the same cut-off, or households that were moved across it.")
    else:
        found.append("Something unseen that decides both who takes part and how they fare (motivation, health, ties).")
    if effect.spans_zero:
        found.append("Nothing has to be overturned: zero lies inside the interval.")
    return tuple(found)

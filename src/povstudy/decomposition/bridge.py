"""The same households under two laws: how the rate moves when only the law changes.

The bridge table goes into projections as a table; it says which households it was read from and whether they
were simulated.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from povstudy.decomposition.formulas import decompose
from povstudy.disclosure import MIN_CELL, carry_labels, suppress, suppress_groups
from povstudy.errors import DataError, NotAvailableError
from povstudy.indicators.totals import Points
from povstudy.multidimensional.specification import FLAG
from povstudy.standards import Standard, load_standard
from povstudy.survey import Design

__all__ = ["bridge_columns", "classes_under", "published_bridge", "reclassification", "standards_bridge"]

CONCEPTS = {"poor": ("poor",), "near_poor": ("near_poor",), "poor_near_poor": ("poor", "near_poor")}


def bridge_columns(standards: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a household file needs to be classified under every one of some laws.

    Parameters
    ----------
    standards : sequence of str
        Ids of laws.

    Returns
    -------
    tuple of str
        ``income``, ``urban`` and a flag ``deprived_<code>`` for each indicator of each law that counts them.

    Examples
    --------
    >>> bridge_columns(["vn_2022_2025_nd07", "vn_2027_2030_nd351"])[-2:]
    ('deprived_telecom_digital', 'deprived_waste')
    """
    laws = [load_standard(standard) for standard in standards]
    counting = [law for law in laws if any(rule.min_deprivations for rule in law.classes)]
    return tuple(dict.fromkeys(["income", "urban", *(FLAG + i.code for law in counting for i in law.indicators)]))


def classes_under(
    households: pd.DataFrame, standard: str, *, deprivations: str | None = None, line_factor: float = 1.0
) -> np.ndarray:
    """Return poor, near_poor or not_poor for each household under one law.

    Parameters
    ----------
    households : DataFrame
        ``income``, ``urban`` and, where the law counts them, deprivations: a column named here, or a flag
        ``deprived_<code>`` for every indicator of the law.
    standard : str
        Id of the law.
    deprivations : str, optional
        Column with the count under this law.  Naming a count that was made for another law is an assumption
        that the caller makes and must state.
    line_factor : float
        All lines of the law are multiplied by it (1: the law as it is).

    Returns
    -------
    ndarray of str, shape (n,)

    Raises
    ------
    NotAvailableError
        The count is not given and flags are missing: how many of how many, and which.
    DataError
        ``line_factor`` is not above zero, or a column is missing or holds a missing value.

    Examples
    --------
    >>> h = pd.DataFrame({"income": [1.4e6, 1.4e6, 3e6], "urban": False, "deprivations": [3, 2, 5]})
    >>> classes_under(h, "vn_2022_2025_nd07", deprivations="deprivations").tolist()
    ['poor', 'near_poor', 'not_poor']
    """
    law = load_standard(standard)
    if not line_factor > 0:
        raise DataError(f"line_factor is {line_factor!r}; it multiplies the lines of the law and is above zero.")
    absent = [c for c in ("income", "urban") if c not in households.columns]
    if absent:
        raise DataError(f"households lack {', '.join(absent)}; a law needs income and whether the area is urban.")
    table = pd.DataFrame({"income": households["income"] / line_factor, "urban": households["urban"]})
    if any(rule.min_deprivations for rule in law.classes):
        table["deprivations"] = _count(households, law, deprivations)
    names = np.asarray(law.classify(table), dtype=object)
    out = np.full(names.size, "not_poor", dtype=object)
    for group in ("poor", "near_poor"):
        out[np.isin(names, law.categories_in(group))] = group
    return out


def _count(households: pd.DataFrame, law: Standard, column: str | None) -> np.ndarray:
    """Return the deprivations counted by a law."""
    if column is not None:
        if column not in households.columns:
            raise DataError(f"households have no column {column!r} with the deprivations under {law.id}.")
        return households[column].to_numpy()
    flags = [FLAG + i.code for i in law.indicators]
    missing = [f for f in flags if f not in households.columns]
    if missing:
        raise NotAvailableError(
            f"deprivations under {law.id} are not computable: {len(missing)} of {len(flags)} indicators missing "
            f"({', '.join(missing)}). Give deprivations= the column that holds the count under this law."
        )
    blank = households[flags].isna().any(axis=1)
    if blank.any():
        raise DataError(
            f"{int(blank.sum())} households have an empty flag among {len(flags)} of {law.id}; a missing flag is "
            "never 'not deprived'."
        )
    return households[flags].astype(int).sum(axis=1).to_numpy()


def bridge_formula(
    t: Points,
    *,
    member: np.ndarray,
    poor_from: np.ndarray,
    poor_to: np.ndarray,
    near_from: np.ndarray,
    near_to: np.ndarray,
) -> dict[str, Any]:
    """Rates in percent of the members under two laws over totals; columns are zero or one."""
    size = t.total(member)
    poor = [100.0 * t.total(c) / size for c in (poor_from, poor_to)]
    near = [100.0 * t.total(c) / size for c in (near_from, near_to)]
    both = [p + q for p, q in zip(poor, near, strict=True)]
    out: dict[str, Any] = {}
    for concept, (before, after) in zip(CONCEPTS, (poor, near, both), strict=True):
        out.update({f"{concept}:from": before, f"{concept}:to": after, f"{concept}:difference": after - before})
    return out


def standards_bridge(
    design: Design,
    standards: Sequence[str],
    *,
    deprivations: Mapping[str, str] | None = None,
    by: str | None = None,
    level: float = 0.95,
    internal: bool = False,
    threshold: int = MIN_CELL,
) -> pd.DataFrame:
    r"""Return how the rates move when only the law changes: the same households under each pair of laws.

    .. math:: \Delta = 100 \, (H_{law_2} - H_{law_1}), \qquad ratio = H_{law_2} / H_{law_1}

    Parameters
    ----------
    design : Design
        Households, weighted as the official rate is (households, not persons).
    standards : sequence of str
        Two or more ids, earlier law first; every pair of neighbours is bridged.
    deprivations : mapping of str to str, optional
        Id of a law to the column with the count under it (see :func:`classes_under`).
    by : str, optional
        Group column (area, minority): a bridge for each group.
    level : float
        Confidence level.
    internal : bool
        Show groups of few households, and say "nội bộ / internal".
    threshold : int
        Smallest number of households, poor or near-poor under either law, that a group is shown with.

    Returns
    -------
    DataFrame
        ``from, to, group, concept, rate_from, rate_to, difference`` (percentage points), ``std_error, low, high,
        ratio, unit, n, suppressed, simulated``.  ``ratio`` is missing where nobody is poor under the first law.

    Raises
    ------
    DataError, NotAvailableError
        As :func:`classes_under`; or fewer than two laws are given.

    Examples
    --------
    >>> h = pd.DataFrame({"income": [0.6e6, 1.4e6, 3e6], "urban": False, "d": [3, 3, 0], "w": 1.0})
    >>> out = standards_bridge(
    ...     Design(h, weight="w"),
    ...     ["vn_2016_2020_qd59", "vn_2022_2025_nd07"],
    ...     deprivations={"vn_2016_2020_qd59": "d", "vn_2022_2025_nd07": "d"},
    ...     internal=True,
    ... )
    >>> out.query("concept == 'poor'")[["rate_from", "rate_to"]].round(1).to_numpy().tolist()
    [[33.3, 66.7]]
    """
    if isinstance(standards, str) or len(standards) < 2 or len(set(standards)) < len(standards):
        raise DataError("standards: two or more different ids are needed, earlier law first.")
    households, counts = design.data, deprivations or {}
    classes = {s: classes_under(households, s, deprivations=counts.get(s)) for s in standards}
    groups = [("all", np.ones(len(households), bool))]
    if by is not None:
        column = design.column(by, "by")
        groups += [(value, (column == value).to_numpy(bool)) for value in sorted(column.unique())]
    parts = []
    for name, member in groups:
        for first, second in itertools.pairwise(standards):
            parts.append(_one_bridge(design, classes, first, second, name, member, level))
    table = carry_labels(pd.concat(parts, ignore_index=True), households)
    counts = pd.DataFrame(
        {
            "n": [int(member.sum()) for _, member in groups],
            **{
                f"{law}:{name}": [int((member & (classes[law] == name)).sum()) for _, member in groups]
                for law in standards
                for name in CONCEPTS["poor_near_poor"]
            },
        },
        index=pd.Index([name for name, _ in groups], dtype=object),
    )
    values = ["rate_from", "rate_to", "difference", "std_error", "low", "high", "ratio", "n"]
    return suppress_groups(table, counts, by="group", values=values, threshold=threshold, internal=internal)


def _one_bridge(
    design: Design,
    classes: Mapping[str, np.ndarray],
    first: str,
    second: str,
    group: Any,
    member: np.ndarray,
    level: float,
) -> pd.DataFrame:
    """Return the rows of one pair of laws in one group; the rest of the sample stays in as zeros."""
    columns = {"member": member.astype(float)}
    for short, name in (("poor", "poor"), ("near", "near_poor")):
        for side, law in (("from", first), ("to", second)):
            columns[f"{short}_{side}"] = (member & (classes[law] == name)).astype(float)
    got = decompose(design, bridge_formula, "standards_bridge", columns, unit="%", level=level).set_index("item")
    rows = []
    for concept in CONCEPTS:
        before, after = got.loc[f"{concept}:from", "value"], got.loc[f"{concept}:to", "value"]
        moved = got.loc[f"{concept}:difference"]
        rows.append(
            {
                "from": first,
                "to": second,
                "group": group,
                "concept": concept,
                "rate_from": before,
                "rate_to": after,
                "difference": moved["value"],
                "std_error": moved["std_error"],
                "low": moved["low"],
                "high": moved["high"],
                "ratio": after / before if before > 0 else np.nan,
                "unit": "%",
                "n": int(member.sum()),
            }
        )
    return pd.DataFrame(rows)


def reclassification(
    design: Design,
    first: str,
    second: str,
    *,
    deprivations: Mapping[str, str] | None = None,
    internal: bool = False,
    threshold: int = MIN_CELL,
) -> pd.DataFrame:
    """Return how many households of each class under one law have which class under another.

    Returns
    -------
    DataFrame
        ``from, to, class_from, class_to, households`` (weighted), ``n`` (unweighted), ``share`` (of all),
        ``suppressed, simulated``; small cells are blank unless ``internal``.

    Examples
    --------
    >>> h = pd.DataFrame({"income": [0.6e6, 1.4e6], "urban": False, "d": 3, "w": [1.0, 3.0]})
    >>> laws = ("vn_2016_2020_qd59", "vn_2022_2025_nd07")
    >>> out = reclassification(Design(h, weight="w"), *laws, deprivations=dict.fromkeys(laws, "d"), internal=True)
    >>> out.query("n > 0")[["class_from", "class_to", "households"]].to_numpy().tolist()
    [['poor', 'poor', 1.0], ['not_poor', 'poor', 3.0]]
    """
    counts = deprivations or {}
    before = classes_under(design.data, first, deprivations=counts.get(first))
    after = classes_under(design.data, second, deprivations=counts.get(second))
    rows = []
    for a in ("poor", "near_poor", "not_poor"):
        for b in ("poor", "near_poor", "not_poor"):
            hit = (before == a) & (after == b)
            households = float(design.weight[hit].sum())
            rows.append((first, second, a, b, households, int(hit.sum()), households / design.weight.sum()))
    names = ["from", "to", "class_from", "class_to", "households", "n", "share"]
    table = carry_labels(pd.DataFrame(rows, columns=names), design.data)
    return suppress(
        table,
        by=["class_from", "class_to"],
        count="n",
        values=["households", "n", "share"],
        threshold=threshold,
        internal=internal,
    )


def published_bridge(rates: pd.DataFrame) -> pd.DataFrame:
    """Return the level bridges that official figures allow: one area, year, group and concept on two standards.

    Only figures of one family are bridged; survey and review are never.

    Parameters
    ----------
    rates : DataFrame
        From ``povstudy.load("rates")``.

    Returns
    -------
    DataFrame
        ``area, year, group, concept, family, from, to, rate_from, rate_to, difference, ratio, confidence,
        source_from, source_to`` sorted by area and year; empty where there is none.

    Examples
    --------
    >>> figures = pd.DataFrame({"area": "x", "year": 2015, "group": "all", "concept": "poor", "family": "review",
    ...     "standard": ["review-income-2011-2015", "review-mdp-2016-2020"], "value": [2.5, 8.45],
    ...     "preferred": True, "confidence": ["medium", "high"], "source_id": ["s032", "s031"]})
    >>> published_bridge(figures)[["difference", "confidence"]].to_numpy().tolist()
    [[5.95, 'medium']]
    """
    kept = rates[rates["preferred"] & rates["year"].notna()]
    keys = ["area", "year", "group", "concept", "family"]
    order = {label: i for i, label in enumerate(sorted(kept["standard"].unique(), key=_period))}
    rank = {"low": 0, "medium": 1, "high": 2}
    rows = []
    for key, both in kept.groupby(keys, sort=True, observed=True):
        if both["standard"].nunique() < 2:
            continue
        both = both.sort_values("standard", key=lambda s: s.map(order))
        for (_, a), (_, b) in zip(both.iloc[:-1].iterrows(), both.iloc[1:].iterrows(), strict=True):
            before, after = float(a["value"]), float(b["value"])
            rows.append(
                (
                    *key,
                    a["standard"],
                    b["standard"],
                    before,
                    after,
                    round(after - before, 10),
                    after / before if before > 0 else np.nan,
                    min(a["confidence"], b["confidence"], key=lambda c: rank.get(c, 0)),
                    a["source_id"],
                    b["source_id"],
                )
            )
    names = ["from", "to", "rate_from", "rate_to", "difference", "ratio", "confidence", "source_from", "source_to"]
    return pd.DataFrame(rows, columns=[*keys, *names])


def _period(label: str) -> tuple[str, str]:
    """Order series labels by the years in their names."""
    digits = "".join(c for c in str(label) if c.isdigit())
    return digits, str(label)

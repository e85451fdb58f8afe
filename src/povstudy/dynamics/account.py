"""The accounting identity of the yearly review, exactly, and what was not reported as a row of its own.

The form (diễn biến hộ nghèo) says: end = start - to near-poor - above near-poor - other decrease + near-poor to
poor + relapsed + newly arising + other increase; the near-poor form is alike.  Its evidence status is
CORROBORATED; the look-back windows of "relapsed" and "newly arising" are UNVERIFIED.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError, did_you_mean

__all__ = ["FORMS", "Account", "review_account", "review_accounts"]

UNEXPLAINED = "unexplained"
FORMS: dict[str, dict[str, tuple[int, str, str]]] = {
    "poor": {
        "start": (1, "poor at the start", "hộ nghèo đầu kỳ"),
        "to_near_poor": (-1, "became near-poor", "thoát nghèo, còn cận nghèo"),
        "above_near_poor": (-1, "rose above near-poor", "thoát nghèo, vượt cận nghèo"),
        "other_decrease": (-1, "other decrease (moved, dissolved)", "giảm khác"),
        "from_near_poor": (1, "near-poor that became poor", "hộ cận nghèo trở thành hộ nghèo"),
        "relapsed": (1, "relapsed", "tái nghèo"),
        "newly_arising": (1, "newly arising", "phát sinh mới"),
        "other_increase": (1, "other increase (moved in, divided)", "tăng khác"),
        "end": (-1, "poor at the end", "hộ nghèo cuối kỳ"),
    },
    "near_poor": {
        "start": (1, "near-poor at the start", "hộ cận nghèo đầu kỳ"),
        "to_poor": (-1, "became poor", "trở thành hộ nghèo"),
        "above_near_poor": (-1, "rose above near-poor", "thoát cận nghèo"),
        "other_decrease": (-1, "other decrease (moved, dissolved)", "giảm khác"),
        "from_poor": (1, "poor that became near-poor", "hộ nghèo trở thành cận nghèo"),
        "relapsed": (1, "relapsed", "tái cận nghèo"),
        "newly_arising": (1, "newly arising", "phát sinh mới"),
        "other_increase": (1, "other increase (moved in, divided)", "tăng khác"),
        "end": (-1, "near-poor at the end", "hộ cận nghèo cuối kỳ"),
    },
}
"""Each form: the flow, its sign in start + flows - end = 0, and its names."""
EXITS = {"poor": ("to_near_poor", "above_near_poor"), "near_poor": ("to_poor", "above_near_poor")}
ENTRIES = {
    "poor": ("from_near_poor", "relapsed", "newly_arising"),
    "near_poor": ("from_poor", "relapsed", "newly_arising"),
}


@dataclass(frozen=True)
class Account:
    """One review's stock and flows.

    Attributes
    ----------
    form : str
        ``"poor"`` or ``"near_poor"``.
    table : DataFrame
        ``item, sign, households, status`` (``given`` or ``missing``), ``label_en, label_vi``; the row
        ``unexplained`` is there whenever a flow is missing.
    start, end : int
        The stocks.
    net_fall : int
        Start less end: it says nothing about how many left.
    gross_exits : int or None
        Households that left the class; None where one of the flows is missing, never a part of them.
    gross_entries : int or None
        Near-poor (or poor) that came in, relapsed and newly arising; None where one is missing.
    unexplained : int
        What the missing flows must add up to, with their signs.
    missing : tuple of str
        Flows that were not reported.
    """

    form: str
    table: pd.DataFrame
    start: int
    end: int
    net_fall: int
    gross_exits: int | None
    gross_entries: int | None
    unexplained: int
    missing: tuple[str, ...]


def review_account(flows: Mapping[str, float | None], *, form: str = "poor", where: str = "") -> Account:
    r"""Check one review against its identity.

    .. math:: end = start - \sum decreases + \sum increases

    Parameters
    ----------
    flows : mapping of str to int
        ``start``, ``end`` and the flows of the form (:data:`FORMS`).  A flow that is absent, None or nan was not
        reported: the residual then stands in the row ``unexplained`` and is never spread over other flows.
    form : {"poor", "near_poor"}
        Which form.
    where : str
        Area and year, for messages.

    Returns
    -------
    Account

    Raises
    ------
    DataError
        All faults at once: an unknown or missing stock, a negative or broken count, or, with all flows
        reported, an identity that does not hold (by how much).

    Examples
    --------
    >>> a = review_account({"start": 126, "to_near_poor": 70, "above_near_poor": 56, "from_near_poor": 4,
    ...     "relapsed": 2, "newly_arising": 8, "other_decrease": 0, "other_increase": 0, "end": 14})
    >>> a.gross_exits, a.net_fall, a.unexplained
    (126, 112, 0)
    >>> b = review_account({"start": 100, "to_near_poor": 20, "above_near_poor": 10, "from_near_poor": 5,
    ...     "relapsed": 1, "newly_arising": 9, "end": 80})
    >>> b.unexplained, b.missing
    (-5, ('other_decrease', 'other_increase'))
    """
    parts = _form(form)
    at = f"{where}: " if where else ""
    values, faults = _counts(flows, parts)
    if faults:
        raise DataError(f"{at}the {form} account has faults:\n- " + "\n- ".join(faults))
    missing = tuple(name for name, value in values.items() if value is None)
    residual = -sum(parts[name][0] * value for name, value in values.items() if value is not None)
    if not missing and residual:
        raise DataError(
            f"{at}the {form} account does not balance: start, decreases and increases give {values['end'] - residual} "
            f"and the end is {values['end']} (off by {residual:+d}); correct a figure, or leave out the flow that was "
            "not counted."
        )
    rows = [
        (name, sign, value, "missing" if value is None else "given", en, vi)
        for (name, (sign, en, vi)), value in zip(parts.items(), values.values(), strict=True)
    ]
    if missing:
        labels = [f"unexplained: {', '.join(missing)} not reported", "chưa giải thích được (thiếu số liệu)"]
        rows.insert(len(rows) - 1, (UNEXPLAINED, 1, residual, "computed", *labels))
    table = pd.DataFrame(rows, columns=["item", "sign", "households", "status", "label_en", "label_vi"])
    table["households"] = table["households"].astype("Int64")
    start, end = values["start"], values["end"]
    return Account(
        form,
        table,
        start,
        end,
        start - end,
        _sum(values, EXITS[form]),
        _sum(values, ENTRIES[form]),
        residual,
        missing,
    )


def _form(form: str) -> dict[str, tuple[int, str, str]]:
    if form not in FORMS:
        raise DataError(f"form is {form!r}; it can be {', '.join(FORMS)}.{did_you_mean(str(form), FORMS)}")
    return FORMS[form]


def _counts(
    flows: Mapping[str, float | None], parts: Mapping[str, tuple[int, str, str]]
) -> tuple[dict[str, int | None], list[str]]:
    """Return each flow as a whole number or None, and the faults."""
    faults = [
        f"{name!r} is no flow of this form.{did_you_mean(str(name), parts)}" for name in flows if name not in parts
    ]
    values: dict[str, int | None] = {}
    for name in parts:
        raw = flows.get(name)
        if raw is None or (not isinstance(raw, str) and pd.isna(raw)):
            values[name] = None
            if name in ("start", "end"):
                faults.append(f"{name!r} is missing; both stocks are needed")
            continue
        try:
            number = float(raw)
        except (TypeError, ValueError):
            number = np.nan
        if not np.isfinite(number) or number < 0 or number != int(number):
            faults.append(f"{name!r} is no count of households (zero or more, whole)")
            values[name] = 0
        else:
            values[name] = int(number)
    return values, faults


def _sum(values: Mapping[str, int | None], names: Sequence[str]) -> int | None:
    """Return the sum of flows, or None where one is missing."""
    found = [values[name] for name in names]
    return None if any(v is None for v in found) else int(sum(v for v in found if v is not None))


def review_accounts(table: pd.DataFrame, *, keys: Sequence[str], form: str = "poor") -> pd.DataFrame:
    """Check many reviews, one row each, and return their stocks and flows side by side.

    Parameters
    ----------
    table : DataFrame
        Columns ``keys`` and those of the form that were reported.
    keys : sequence of str
        Columns that name a review (area, year).
    form : {"poor", "near_poor"}

    Returns
    -------
    DataFrame
        ``keys``, the flows, ``unexplained, net_fall, gross_exits, gross_entries, missing``.

    Raises
    ------
    DataError
        Every review that does not balance, at once.

    Examples
    --------
    >>> t = pd.DataFrame({"area": ["A"], "start": [10], "above_near_poor": [3], "end": [8]})
    >>> review_accounts(t, keys=["area"])[["net_fall", "unexplained"]].to_numpy().tolist()
    [[2, 1]]
    """
    parts = _form(form)
    absent = [k for k in keys if k not in table.columns]
    if absent:
        raise DataError(f"review_accounts: the table has no column {', '.join(map(repr, absent))}.")
    rows, faults = [], []
    for record in table.to_dict("records"):
        name = " ".join(str(record[k]) for k in keys)
        try:
            one = review_account({k: v for k, v in record.items() if k in parts}, form=form, where=name)
        except DataError as error:
            faults.append(str(error).replace("\n- ", "; "))
            continue
        flows = {
            item: None if pd.isna(n) else int(n)
            for item, n in zip(one.table["item"], one.table["households"], strict=True)
            if item in parts
        }
        rows.append(
            {
                **{k: record[k] for k in keys},
                **flows,
                UNEXPLAINED: one.unexplained,
                "net_fall": one.net_fall,
                "gross_exits": one.gross_exits,
                "gross_entries": one.gross_entries,
                "missing": ", ".join(one.missing),
            }
        )
    if faults:
        raise DataError(f"{len(faults)} of {len(table)} reviews do not add up:\n- " + "\n- ".join(faults))
    out = pd.DataFrame(rows)
    whole = [c for c in out.columns if c not in {*keys, "missing"}]
    return out.astype(dict.fromkeys(whole, "Int64"))

"""Costs on record: what real programmes spent, for how many households, as a ledger; and what they must achieve."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from povstudy.economics.worth import break_even
from povstudy.errors import NotAvailableError

__all__ = ["break_even_each", "recorded_ledger"]

KINDS = ("livelihood_model", "asset_transfer", "cash_support")
"""Kinds of programme whose money is spent; credit comes back, so its volume is no cost."""
PAYERS = (
    ("fund for the poor", "fund_for_the_poor"),
    ("vì người nghèo", "fund_for_the_poor"),
    ("provinc", "province"),
    ("programme 135", "central"),
    ("ntp", "central"),
    ("central", "central"),
    ("policy", "central"),
)
SMALLEST = 10
"""Programmes with fewer households are single cases, not models."""
YEAR = re.compile(r"(?:19|20)\d{2}")


def payer_of(text: object) -> str:
    """Return who pays, as far as a funder's name says it.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
        One of ``PAYERS`` of ``povstudy.economics.costs``.

    Examples
    --------
    >>> payer_of("Programme 135 (central budget)"), payer_of("Farmer Support Fund")
    ('central', 'other')
    """
    folded = str(text).casefold()
    return next((payer for mark, payer in PAYERS if mark in folded), "other")


def recorded_ledger(programmes: pd.DataFrame, areas: Sequence[str], *, kinds: Sequence[str] = KINDS) -> pd.DataFrame:
    """Return the programmes of areas with known cost and households, as rows of a cost ledger.

    Parameters
    ----------
    programmes : DataFrame
        ``load("programmes")``.
    areas : sequence of str
        Ids of a province and its districts.
    kinds : sequence of str
        Values of ``type`` that count.

    Returns
    -------
    DataFrame
        The columns that ``check_costs`` needs, and ``id, name, type, households, source_id, confidence``; amounts in
        million đồng of the programme's own last year.

    Raises
    ------
    NotAvailableError
        No programme of the areas has both a cost and households.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> ledger = recorded_ledger(load("programmes"), ["vn63-89"])
    >>> ledger.loc[ledger["id"].eq("I001"), ["households", "amount", "year"]].to_numpy().tolist()
    [[587.0, 4800.0, 2019.0]]
    """
    own = programmes[
        programmes["area"].isin(list(areas))
        & programmes["type"].isin(list(kinds))
        & programmes["participants_households"].ge(SMALLEST)
        & programmes["total_cost_mVND"].gt(0)
    ]
    own = own[[bool(YEAR.search(str(text))) for text in own["years"]]]
    if own.empty:
        raise NotAvailableError(
            f"no programme of {', '.join(areas)[:80]} with a year, a cost and a number of households is on record"
        )
    year = [max(map(int, YEAR.findall(str(text)))) for text in own["years"]]
    return pd.DataFrame(
        {
            "id": own["id"].to_numpy(),
            "name": own["name"].to_numpy(),
            "type": own["type"].to_numpy(),
            "model": own["id"].to_numpy(),
            "item": "all",
            "payer": [payer_of(text) for text in own["funder_programme"]],
            "year": year,
            "amount": own["total_cost_mVND"].astype(float).to_numpy(),
            "price_year": year,
            "kind": "capital",
            "basis": "fixed",
            "households": own["participants_households"].astype(float).to_numpy(),
            "source_id": own["source_id"].to_numpy(),
            "confidence": own["confidence"].to_numpy(),
        }
    ).reset_index(drop=True)


def break_even_each(ledger: pd.DataFrame, *, worth: Sequence[float]) -> pd.DataFrame:
    """Return how large the effect of each programme must be, each in the money of its own year.

    Parameters
    ----------
    ledger : DataFrame
        From ``recorded_ledger``.
    worth : sequence of float
        What one household lifted out is worth, in the same money.

    Returns
    -------
    DataFrame
        As ``break_even``, with ``name, year, served`` of the programme.

    Examples
    --------
    >>> from povstudy.sources import load
    >>> ledger = recorded_ledger(load("programmes"), ["vn63-89"])
    >>> found = break_even_each(ledger[ledger["id"].eq("I001")], worth=[50.0])
    >>> found["share"].round(3).tolist()
    [0.164]
    """
    parts = []
    for row in ledger.itertuples():
        own = ledger[ledger["model"].eq(row.model)]
        found = break_even(own, households=row.households, base_year=int(row.year), worth=worth)
        parts.append(found.assign(name=row.name, year=row.year, served=row.households))
    return pd.concat(parts, ignore_index=True)

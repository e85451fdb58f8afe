"""Households linked over two reviews: one to one, divided, merged, left, moved in; and the review form from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.disclosure import carry_labels
from povstudy.dynamics.account import Account, review_account
from povstudy.errors import DataError

__all__ = ["GROUPS", "Linked", "link_households", "links_of"]

GROUPS = ("poor", "near_poor", "not_poor")


@dataclass(frozen=True)
class Linked:
    """Two reviews of the same households.

    Attributes
    ----------
    pairs : DataFrame
        One row a link: ``start_id, end_id, from, to, share`` (of the start household that goes this way, adding
        up to 1 for each), ``continues`` (bool) and the columns asked for.  A household that divides has several
        rows, of which one continues it.
    left, arrived : DataFrame
        Households of the start without a continuation (gone or merged) and of the end without an origin (moved in
        or divided): ``id, group, why``.
    escaped_known : bool
        Whether it is known who had escaped before, so that relapsed and newly arising can be told apart.
    """

    pairs: pd.DataFrame
    left: pd.DataFrame
    arrived: pd.DataFrame
    escaped_known: bool

    def account(self, form: str = "poor") -> Account:
        """Return the review form that these households give; it balances by construction.

        A household that relapsed had escaped before the start.  Where that is not known, ``relapsed`` and
        ``newly_arising`` are missing and their sum is ``unexplained``.
        """
        other = "near_poor" if form == "poor" else "poor"
        kept = self.pairs[self.pairs["continues"]]
        before, after = kept["from"].to_numpy(object), kept["to"].to_numpy(object)
        new = (before == "not_poor") & (after == form)
        flows: dict[str, float | None] = {
            "start": float((before == form).sum() + (self.left["group"] == form).sum()),
            f"to_{other}": float(((before == form) & (after == other)).sum()),
            "above_near_poor": float(((before == form) & (after == "not_poor")).sum()),
            "other_decrease": float((self.left["group"] == form).sum()),
            f"from_{other}": float(((before == other) & (after == form)).sum()),
            "relapsed": None,
            "newly_arising": None,
            "other_increase": float((self.arrived["group"] == form).sum()),
            "end": float((after == form).sum() + (self.arrived["group"] == form).sum()),
        }
        if self.escaped_known:
            again = kept["escaped"].to_numpy(bool)
            flows["relapsed"] = float((new & again).sum())
            flows["newly_arising"] = float((new & ~again).sum())
        return review_account(flows, form=form)


def links_of(end: pd.DataFrame, *, id: str = "household_id", previous: str = "previous_id") -> pd.DataFrame:
    """Return links from the column of the later file that names the earlier household.

    Examples
    --------
    >>> links_of(pd.DataFrame({"household_id": ["b", "c"], "previous_id": ["a", None]})).to_numpy().tolist()
    [['a', 'b']]
    """
    known = end[end[previous].notna()]
    return pd.DataFrame({"start_id": known[previous].to_numpy(object), "end_id": known[id].to_numpy(object)})


def link_households(
    start: pd.DataFrame,
    end: pd.DataFrame,
    links: pd.DataFrame,
    *,
    id: str = "household_id",
    group: str = "group",
    escaped: str | None = None,
    keep: tuple[str, ...] = (),
) -> Linked:
    """Link two reviews; a household may divide, households may merge.

    The continuation of a household is its link with the most members (column ``members`` of ``links``, else the
    first), each household of either year continuing at most one of the other.

    Parameters
    ----------
    start, end : DataFrame
        One row a household: ``id`` and ``group`` (poor, near_poor, not_poor).
    links : DataFrame
        ``start_id, end_id`` and optionally ``members``; see :func:`links_of`.
    id, group : str
        Columns.
    escaped : str, optional
        Flag of ``start``: had left the list before (newly escaped).
    keep : tuple of str
        Columns of ``start`` to carry into ``pairs``.

    Returns
    -------
    Linked

    Raises
    ------
    DataError
        All faults at once: unknown groups, ids that stand twice, links to households that are not there.

    Examples
    --------
    >>> start = pd.DataFrame({"household_id": ["a", "b"], "group": ["poor", "near_poor"]})
    >>> end = pd.DataFrame({"household_id": ["x", "y", "z"], "group": ["near_poor", "poor", "poor"]})
    >>> links = pd.DataFrame({"start_id": ["a", "a", "b"], "end_id": ["x", "y", "z"]})
    >>> account = link_households(start, end, links).account()
    >>> account.table.set_index("item")["households"][["to_near_poor", "from_near_poor", "other_increase"]].to_list()
    [1, 1, 1]
    """
    _check(start, end, links, id, group, escaped, keep)
    first = start.drop_duplicates(id).set_index(id)
    last = end.set_index(id)
    table = links.reset_index(drop=True)
    size = table["members"].to_numpy(float) if "members" in table.columns else np.ones(len(table))
    continues = _continuations(pd.factorize(table["start_id"])[0], pd.factorize(table["end_id"])[0], size)
    whole = pd.Series(size).groupby(table["start_id"].to_numpy(object)).transform("sum").to_numpy()
    pairs = pd.DataFrame(
        {
            "start_id": table["start_id"].to_numpy(object),
            "end_id": table["end_id"].to_numpy(object),
            "from": first.loc[table["start_id"], group].to_numpy(object),
            "to": last.loc[table["end_id"], group].to_numpy(object),
            "share": size / whole if len(table) else size,
            "continues": continues,
        }
    )
    if escaped is not None:
        pairs["escaped"] = first.loc[table["start_id"], escaped].to_numpy(bool)
    for column in keep:
        pairs[column] = first.loc[table["start_id"], column].to_numpy()
    kept = pairs[continues]
    left = _rest(first, group, kept["start_id"], pairs["start_id"], ("merged", "gone"))
    arrived = _rest(last, group, kept["end_id"], pairs["end_id"], ("divided", "moved in"))
    return Linked(carry_labels(pairs, start, end), left, arrived, escaped is not None)


def _check(
    start: pd.DataFrame,
    end: pd.DataFrame,
    links: pd.DataFrame,
    id: str,
    group: str,
    escaped: str | None,
    keep: tuple[str, ...],
) -> None:
    """Raise a DataError that lists every fault."""
    faults = []
    for name, table, needed in (
        ("start", start, (id, group, *([escaped] if escaped else []), *keep)),
        ("end", end, (id, group)),
        ("links", links, ("start_id", "end_id")),
    ):
        absent = [c for c in needed if c not in table.columns]
        if absent:
            faults.append(f"{name} has no column {', '.join(map(repr, absent))}")
    if not faults:
        for name, table in (("start", start), ("end", end)):
            twice, unknown = int(table[id].duplicated().sum()), int((~table[group].isin(GROUPS)).sum())
            if twice:
                faults.append(f"{name}: {twice} ids stand twice; one row a household")
            if unknown:
                faults.append(f"{name}: {unknown} rows of {group!r} are none of {', '.join(GROUPS)}")
        for column, table in (("start_id", start), ("end_id", end)):
            lost = int((~_among(links[column], table[id])).sum())
            if lost:
                faults.append(f"links: {lost} values of {column!r} are no household of that year")
        if links.duplicated(["start_id", "end_id"]).any():
            faults.append(f"links: {int(links.duplicated(['start_id', 'end_id']).sum())} stand twice")
        if "members" in links.columns and not (pd.to_numeric(links["members"], errors="coerce") > 0).all():
            faults.append("links: 'members' must be above zero in every row")
        if escaped is not None and start[escaped].isna().any():
            faults.append(f"start: {int(start[escaped].isna().sum())} rows of {escaped!r} are empty")
    if faults:
        raise DataError("households cannot be linked:\n- " + "\n- ".join(faults))


def _continuations(start: np.ndarray, end: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return which links continue a household: most members first, each household used once on either side."""
    out = np.ones(start.size, dtype=bool)
    if start.size == 0:
        return out
    shared = (np.bincount(start)[start] > 1) | (np.bincount(end)[end] > 1)
    used_start: set[int] = set()
    used_end: set[int] = set()
    for i in np.flatnonzero(shared)[np.argsort(-members[shared], kind="stable")]:
        free = start[i] not in used_start and end[i] not in used_end
        out[i] = free
        if free:
            used_start.add(int(start[i]))
            used_end.add(int(end[i]))
    return out


def _rest(
    table: pd.DataFrame, group: str, continued: pd.Series, linked: pd.Series, why: tuple[str, str]
) -> pd.DataFrame:
    """Return households without a continuation, told apart by whether they are linked at all."""
    rest = table[~_among(table.index, continued)]
    return pd.DataFrame(
        {
            "id": rest.index.to_numpy(object),
            "group": rest[group].to_numpy(object),
            "why": np.where(_among(rest.index, linked), why[0], why[1]),
        }
    )


def _among(ids: pd.Series | pd.Index, known: pd.Series) -> np.ndarray:
    """Return which ids are known.  As objects: pandas' text columns look up every value by itself, a second a file."""
    return pd.Index(ids, dtype=object).isin(known.to_numpy(object))

"""Small cells: counts that could point at a household are suppressed here and nowhere else.

A cell that is small is blanked, and further cells with it, until no blanked cell, and no small sum of blanked
cells, can be worked out from what is still shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from povstudy.errors import DataError

__all__ = ["MIN_CELL", "recoverable", "suppress", "suppress_groups"]

MIN_CELL = 10
"""The smallest number of households that a published cell may stand on; 0 is shown."""
TOTAL = "all"
"""The label of a margin in a key column."""


@dataclass(frozen=True)
class _Table:
    """A table of cells with all its margins.

    ``quantities`` has shape (n, q): counts that must not be small.  ``kept`` has shape (n,): the key columns
    in which the row is no margin.  Equation ``e``: row ``totals[e]`` is the sum of rows ``parts[e]``.
    """

    quantities: np.ndarray
    kept: list[frozenset[int]]
    totals: np.ndarray
    parts: list[np.ndarray]


def suppress(
    table: pd.DataFrame,
    *,
    by: Sequence[str],
    count: str = "households",
    parts: Sequence[str] = (),
    values: Sequence[str] | None = None,
    threshold: int = MIN_CELL,
    totals_known: bool = True,
    internal: bool = False,
) -> pd.DataFrame:
    """Return ``table`` with small cells, and the cells that would give them away, left blank.

    Parameters
    ----------
    table : DataFrame, shape (cells, columns)
        One row a cell.  A row whose key is ``"all"`` is a margin: the sum of the rows that agree in the
        other keys.
    by : sequence of str
        Key columns; together they name a cell.
    count : str
        Column with the number of households (unweighted) that the cell stands on.
    parts : sequence of str
        Columns that count a part of ``count`` (for instance the poor, when a rate is shown): such a part, and
        what remains of ``count`` without it, must not be small either.
    values : sequence of str, optional
        Columns to blank; by default all but ``by`` and ``simulated``.
    threshold : int
        Counts from 1 to ``threshold - 1`` are small.
    totals_known : bool
        Take the sums over every subset of ``by`` for public knowledge even if the table does not show them.
    internal : bool
        Suppress nothing, and add the column ``internal``: every file made from it says "nội bộ / internal".

    Returns
    -------
    DataFrame
        The same rows, with ``suppressed`` (bool).  Blank cells are missing values.  It does not say which of
        them were small and which only protect others.

    Raises
    ------
    DataError
        A column is missing, a key repeats, a count is missing, negative or not whole, a part exceeds its
        count, or a margin is not the sum of its cells.

    Examples
    --------
    >>> t = pd.DataFrame({"district": ["A", "B", "C", "all"], "households": [4, 30, 50, 84]})
    >>> suppress(t, by=["district"])["households"].to_list()
    [nan, nan, 50.0, 84.0]
    >>> suppress(t, by=["district"], threshold=4)["suppressed"].any()
    np.False_
    """
    _check(table, by, count, parts, threshold)
    out = table.copy().reset_index(drop=True)
    if internal:
        out["suppressed"] = False
        out["internal"] = True
        return out
    full = _with_margins(out, by, _quantities(out, count, parts), totals_known=totals_known)
    hidden = _hide(full, threshold)[: len(out)]
    blank = [c for c in out.columns if c not in {*by, "simulated"}] if values is None else list(values)
    if hidden.any():
        for column in dict.fromkeys([*blank, count, *parts]):
            out[column] = out[column].where(~hidden)
    out["suppressed"] = hidden
    return out


def suppress_groups(
    table: pd.DataFrame,
    counts: pd.DataFrame,
    *,
    by: str,
    values: Sequence[str],
    threshold: int = MIN_CELL,
    internal: bool = False,
) -> pd.DataFrame:
    """Return a long table of results with the groups blanked that stand on few households.

    Parameters
    ----------
    table : DataFrame
        Several rows a group; a group named ``"all"`` is the sum of the others.
    counts : DataFrame, indexed by group
        Column ``n`` (households in the group) and any parts of it that must not be small either.
    by : str
        Group column of ``table``.
    values : sequence of str
        Columns to blank.
    threshold, internal
        As in :func:`suppress`.

    Returns
    -------
    DataFrame
        With ``suppressed``, and ``internal`` where asked for.

    Examples
    --------
    >>> t = pd.DataFrame({"d": ["A", "B", "all"], "rate": [0.5, 0.1, 0.2]})
    >>> c = pd.DataFrame({"n": [4, 90, 94]}, index=["A", "B", "all"])
    >>> suppress_groups(t, c, by="d", values=["rate"])["rate"].to_list()
    [nan, nan, 0.2]
    """
    cells = counts.reset_index(drop=True)
    cells["group"] = [str(name) for name in counts.index]
    parts = [c for c in counts.columns if c != "n"]
    known = suppress(cells, by=["group"], count="n", parts=parts, threshold=threshold, internal=internal)
    hidden = dict(zip(counts.index, known["suppressed"], strict=True))
    out = table.copy()
    out["suppressed"] = [bool(hidden[name]) for name in out[by]]
    for column in values:
        out[column] = out[column].astype(float).where(~out["suppressed"])
    if internal:
        out["internal"] = True
    return out


def recoverable(
    hidden: np.ndarray, totals: Sequence[int], parts: Sequence[np.ndarray], *, tolerance: float = 1e-9
) -> np.ndarray:
    r"""Return which hidden cells the shown ones determine.

    The equations restricted to the hidden cells are :math:`A u = b`; a cell is determined exactly when its
    row in a basis of the null space of :math:`A` is zero.

    Parameters
    ----------
    hidden : ndarray of bool, shape (n,)
        True where a cell is not shown.
    totals : sequence of int, shape (e,)
        For each equation the row of its total, or -1 where the total is known from elsewhere.
    parts : sequence of integer arrays, length e
        For each equation the rows that add up to the total.
    tolerance : float
        Below it an entry of the null space is zero.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> recoverable(np.array([True, False, False]), [-1], [np.array([0, 1, 2])])
    array([ True, False, False])
    """
    found = np.zeros(hidden.size, dtype=bool)
    cells = np.flatnonzero(hidden)
    if cells.size == 0:
        return found
    place = np.full(hidden.size, -1)
    place[cells] = np.arange(cells.size)
    rows, columns, signs = [], [], []
    for e, (total, part) in enumerate(zip(totals, parts, strict=True)):
        inside = part[hidden[part]]
        rows += [e] * inside.size
        columns += list(place[inside])
        signs += [1.0] * inside.size
        if total >= 0 and hidden[total]:
            rows.append(e)
            columns.append(int(place[total]))
            signs.append(-1.0)
    matrix = coo_array((signs, (rows, columns)), shape=(len(parts), cells.size)).tocsr()
    _, group = connected_components(matrix.T @ matrix, directed=False)
    for g in range(group.max() + 1):
        mine = np.flatnonzero(group == g)
        block = matrix[:, mine]
        block = block[np.diff(block.indptr) > 0].toarray()
        if block.size == 0:
            continue
        _, s, vt = np.linalg.svd(block)
        rank = int((s > tolerance * max(block.shape) * s[0]).sum())
        found[cells[mine]] = np.abs(vt[rank:]).max(axis=0, initial=0.0) < np.sqrt(tolerance)
    return found


def _check(table: pd.DataFrame, by: Sequence[str], count: str, parts: Sequence[str], threshold: int) -> None:
    """Raise a DataError that lists every fault of a table of cells."""
    missing = [c for c in (*by, count, *parts) if c not in table.columns]
    if missing:
        raise DataError(f"a table of cells needs the columns {missing}; it has {list(table.columns)}.")
    if isinstance(by, str) or not by:
        raise DataError("by must be a list of at least one key column, for instance ['district'].")
    if threshold < 1:
        raise DataError(f"threshold is {threshold}; it is a number of households, 1 or more.")
    faults = []
    if table.duplicated(list(by)).any():
        faults.append(f"the keys {list(by)} name {int(table.duplicated(list(by)).sum())} cells twice")
    for column in (count, *parts):
        number = pd.to_numeric(table[column], errors="coerce")
        bad = number.isna() | (number < 0) | (number != np.floor(number))
        if bad.any():
            faults.append(
                f"{column!r} has {int(bad.sum())} cells that are missing, negative or not whole (first: row "
                f"{int(np.flatnonzero(bad)[0]) + 1}); counts are unweighted households"
            )
        elif column != count and (number > pd.to_numeric(table[count], errors="coerce")).any():
            faults.append(f"{column!r} exceeds {count!r}, of which it must be a part")
    if faults:
        raise DataError("the table of cells cannot be made safe:\n- " + "\n- ".join(faults))


def _quantities(table: pd.DataFrame, count: str, parts: Sequence[str]) -> np.ndarray:
    """Columns that must not be small, shape (n, 1 + 2 parts): the count, each part and its remainder."""
    total = table[count].to_numpy(float)
    columns = [total]
    for part in parts:
        value = table[part].to_numpy(float)
        columns += [value, total - value]
    return np.column_stack(columns)


def _with_margins(table: pd.DataFrame, by: Sequence[str], quantities: np.ndarray, *, totals_known: bool) -> _Table:
    """Return the table with every margin that its keys imply and every equation between its rows.

    Margins that the table lacks are appended (if they are public knowledge); they obey the same rules as if
    they were published through :func:`suppress` themselves.
    """
    keys = [tuple(key) for key in table[list(by)].astype(str).to_numpy(object)]
    row_of = {key: i for i, key in enumerate(keys)}
    rows = list(quantities)
    if totals_known:
        cells = [i for i, key in enumerate(keys) if TOTAL not in key]
        for size in range(len(by)):
            for kept in itertools.combinations(range(len(by)), size):
                sums: dict[tuple[str, ...], np.ndarray] = {}
                for i in cells:
                    key = tuple(word if c in kept else TOTAL for c, word in enumerate(keys[i]))
                    sums[key] = sums.get(key, 0) + quantities[i]
                for key, value in sums.items():
                    if key not in row_of:
                        row_of[key] = len(rows)
                        rows.append(value)
    full = np.array(rows).reshape(len(rows), quantities.shape[1])
    groups: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for key, i in row_of.items():
        for j in range(len(by)):
            total = (*key[:j], TOTAL, *key[j + 1 :])
            if key[j] != TOTAL and total in row_of:
                groups.setdefault((j, total), []).append(i)
    _check_margins(groups, row_of, full[:, 0])
    return _Table(
        full,
        [frozenset(c for c, word in enumerate(key) if word != TOTAL) for key in row_of],
        np.array([row_of[total] for _, total in groups], dtype=int),
        [np.array(members) for members in groups.values()],
    )


def _check_margins(
    groups: dict[tuple[int, tuple[str, ...]], list[int]],
    row_of: dict[tuple[str, ...], int],
    count: np.ndarray,
) -> None:
    """Raise a DataError where a margin is not the sum of its cells."""
    for (_, key), members in groups.items():
        if count[row_of[key]] != count[members].sum():
            raise DataError(
                f"a margin over {len(members)} cells is {count[row_of[key]]:g} and the cells add up to "
                f"{count[members].sum():g}; give all cells of a margin, or leave the margin out."
            )


def _small(value: np.ndarray, threshold: int) -> np.ndarray:
    """Whether a count points at fewer than ``threshold`` households; nobody is not small."""
    return (value > 0) & (value < threshold)


def _hide(table: _Table, threshold: int) -> np.ndarray:
    """Return the rows to blank: the small ones, then others until nothing small can be worked out.

    Margins come first, the grand total before all: a margin is treated as it would be in its own table.
    """
    small = _small(table.quantities, threshold).any(axis=1)
    hidden = np.zeros(small.size, dtype=bool)
    for kept in sorted(set(table.kept), key=lambda k: (len(k), sorted(k))):
        mine = np.array([k == kept for k in table.kept])
        active = [e for e, part in enumerate(table.parts) if table.kept[part[0]] <= kept]
        hidden |= small & mine
        while hidden.any():
            exposed = _exposed(table, active, small, hidden, threshold)
            row = None if exposed is None else _next(table, active, exposed, mine, hidden)
            if row is None:
                break
            hidden[row] = True
    return hidden


def _exposed(
    table: _Table, active: list[int], small: np.ndarray, hidden: np.ndarray, threshold: int
) -> list[int] | None:
    """Return the equations that give something small away, the tightest first; None if there are none."""
    for e in active:
        inside = table.parts[e][hidden[table.parts[e]]]
        together = _small(table.quantities[inside].sum(axis=0), threshold).any()
        if inside.size and not hidden[table.totals[e]] and together:
            return [e]
    known = small & recoverable(hidden, table.totals[active], [table.parts[e] for e in active])
    if not known.any():
        return None
    cell = int(np.flatnonzero(known)[0])
    holding = [e for e in active if cell in table.parts[e] or table.totals[e] == cell]
    return sorted(holding, key=lambda e: int(hidden[table.parts[e]].sum()))


def _next(table: _Table, active: list[int], exposed: list[int], mine: np.ndarray, hidden: np.ndarray) -> int | None:
    """Return the row to hide next: in an exposed equation, the smallest positive count; margins last."""
    count = table.quantities[:, 0]
    empty = np.zeros(hidden.size, dtype=bool)
    members = {e: np.append(table.parts[e], table.totals[e]) for e in active}
    for e in active:
        if count[table.totals[e]] == 0 and not hidden[table.totals[e]]:
            empty[table.parts[e]] = True
    linked = [e for e in active if hidden[members[e]].any()]
    for allowed in (mine, ~mine):
        for e in (*exposed, *linked, *active):
            free = members[e][~hidden[members[e]] & ~empty[members[e]] & allowed[members[e]]]
            if free.size:
                return int(free[np.lexsort((free, count[free], count[free] == 0))[0]])
    return None

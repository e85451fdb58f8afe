"""The simulated registry one review on: the same households, with those that divide, leave and move in."""

from __future__ import annotations

import numpy as np
import pandas as pd

from povstudy.disclosure import numbered
from povstudy.errors import DataError
from povstudy.registry.generator import (
    assumptions,
    by_code,
    incomes_for,
    kinds_under,
    points_for,
    rows_for,
)
from povstudy.registry.margins import CLASSES, REVIEWS, Margins, published_margins, whole_parts
from povstudy.standards import Standard, load_standard

__all__ = ["simulate_next"]


def simulate_next(registry: pd.DataFrame, *, seed: int = 0, review: int = 2022) -> pd.DataFrame:
    """Make the registry of a later review from one that was simulated: the same households a review on.

    Households keep their place in the queue with noise; the margins of the later review are met.  Some leave,
    some arise by division (they share ``previous_id`` with the household they left), some move in (no
    ``previous_id``).

    Parameters
    ----------
    registry : DataFrame
        From :func:`simulate_registry`, on the same law, at any size.
    seed : int
    review : {2022}
        A review later than the registry's.

    Returns
    -------
    DataFrame
        As :func:`simulate_registry`, with ``previous_id``; ``listed`` is the class in ``registry``.

    Raises
    ------
    DataError
        The registry is not simulated, or the later review is not later or stands on another law.

    Examples
    --------
    >>> from povstudy.registry import simulate_registry
    >>> first = simulate_registry(size=2000)
    >>> later = simulate_next(first)
    >>> int(later["year"].iloc[0]), bool(later["simulated"].all())
    (2022, True)
    """
    needed = {"household_id", "year", "district", "minority", "income", "urban", "deprivations", "simulated"}
    if not needed <= set(registry.columns) or not registry["simulated"].all():
        raise DataError(
            "simulate_next makes the next review of a simulated registry only; for your own files read both with "
            "read_registry(path, key=...) and give them to povstudy.dynamics."
        )
    before, margins = int(registry["year"].iloc[0]), published_margins(review)
    if before not in REVIEWS or review <= before or REVIEWS[before] != margins.law:
        raise DataError(
            f"the registry is the review of {before} and {review} cannot follow it; give a later review on the "
            f"same law (there are {', '.join(f'{y}: {law}' for y, law in REVIEWS.items())})."
        )
    law, known = load_standard(margins.law), assumptions()["next_review"]
    rng = np.random.default_rng([seed, review, len(registry)])
    scale = len(registry) / int(published_margins(before).counts.sum())
    n = round(scale * margins.counts.sum())
    counts = whole_parts(n, margins.counts.ravel().astype(float)).reshape(margins.counts.shape)
    code = _class_codes(law, registry)
    place = pd.Categorical(registry["district"], categories=list(margins.districts)).codes
    minority = registry["minority"].to_numpy(bool)
    origin, arrived = _successors(counts, place, minority, known, rng)
    cell = np.repeat(np.arange(counts.shape[0] * 2), counts.sum(axis=2).ravel())
    new_place, new_minority = cell // 2, (cell % 2).astype(bool)
    remembered = rng.random(origin.size) >= known["fresh_share"]
    queue = known["persistence"] * (2 - code[origin]) * remembered + rng.gumbel(size=origin.size)
    klass = _by_queue(counts, new_place, new_minority, queue)
    table = rows_for(margins, law, new_place.astype(np.int8), new_minority, klass, rng)
    table["listed"] = by_code(CLASSES, code[origin])
    for column in ("urban", "ethnicity"):
        table[column] = registry[column].to_numpy()[origin]
    ids = registry["household_id"].to_numpy(object)[origin].copy()
    ids[arrived] = None
    table.insert(0, "household_id", numbered("n", n).astype(object))
    table["previous_id"] = ids
    table["weight"] = int(margins.counts.sum()) / n
    table["simulated"] = True
    return _again(table, law, margins, klass, rng)


def _again(
    table: pd.DataFrame, law: Standard, margins: Margins, klass: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw incomes and scores anew where the area of a household was taken from its earlier row."""
    urban = table["urban"].to_numpy(bool)
    table["income"] = incomes_for(law, margins, _kind_of_count(law, klass), urban, rng.random(klass.size))
    table["b1"] = points_for(law, table["income"].to_numpy(), urban)
    return table


def _kind_of_count(law: Standard, klass: np.ndarray) -> np.ndarray:
    """Return kinds where the law has one way into each class."""
    kinds = kinds_under(law)
    return np.array([next(i for i, kind in enumerate(kinds) if kind.klass == c) for c in range(len(CLASSES))])[klass]


def _class_codes(law: Standard, registry: pd.DataFrame) -> np.ndarray:
    """Return 0 poor, 1 near-poor, 2 not poor under the law."""
    names = np.asarray(law.classify(registry), dtype=object)
    code = np.full(names.size, 2, dtype=np.int8)
    for number, group in enumerate(("poor", "near_poor")):
        code[np.isin(names, law.categories_in(group))] = number
    return code


def _successors(
    counts: np.ndarray, place: np.ndarray, minority: np.ndarray, known: dict, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each later household, the row it comes from, and whether it moved in from elsewhere."""
    origin, arrived = [], []
    for d in range(counts.shape[0]):
        for g in (0, 1):
            rows = np.flatnonzero((place == d) & (minority == bool(g)))
            wanted = int(counts[d, g].sum())
            staying = rows[rng.random(rows.size) >= known["leaving_share"]][:wanted]
            if staying.size == 0 and wanted:
                staying = next(r[:1] for r in (rows, np.flatnonzero(place == d), np.arange(place.size)) if r.size)
            extra = wanted - staying.size
            origin += [staying, rng.choice(staying, extra)] if extra else [staying]
            arrived += [np.zeros(staying.size, bool), rng.random(extra) >= known["split_share"]]
    return np.concatenate(origin), np.concatenate(arrived)


def _by_queue(counts: np.ndarray, place: np.ndarray, minority: np.ndarray, queue: np.ndarray) -> np.ndarray:
    """Return classes: in each cell those first in the queue are poor, the next near-poor."""
    klass = np.full(queue.size, 2, dtype=np.int8)
    for d in range(counts.shape[0]):
        for g in (0, 1):
            rows = np.flatnonzero((place == d) & (minority == bool(g)))
            order = rows[np.argsort(-queue[rows], kind="stable")]
            poor, near = int(counts[d, g, 0]), int(counts[d, g, 1])
            klass[order[:poor]] = 0
            klass[order[poor : poor + near]] = 1
    return klass

"""Tile maps: one cell of a grid for each province, as near as can be to where it lies.

A tile map gives every province the same room, which a map drawn to scale does not: the small provinces of the two
deltas are as easy to read as the large ones of the mountains.  The layout is our own: it is computed from one point
for each province, nothing is placed by hand.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["tiles_table"]

GRIDS = {"63": (18, 8), "34": (14, 6)}
"""Rows and columns by vintage: about 0.4 cells filled, and near the shape of a country 1,650 km by 600 km."""

EVEN = 0.3
"""Weight of a province's rank, against its degrees, on each axis: it gives the crowded deltas room."""


def _axis(degrees: np.ndarray, size: int) -> np.ndarray:
    """Return where values would stand on an axis of ``size`` cells, from 0 to ``size - 1``; shape (n,)."""
    span = (degrees - degrees.min()) / np.ptp(degrees)
    rank = pd.Series(degrees).rank().to_numpy() - 1
    return ((1 - EVEN) * span + EVEN * rank / rank.max()) * (size - 1)


def assign(lat: np.ndarray, lon: np.ndarray, *, rows: int, columns: int) -> np.ndarray:
    """Give each point a cell of its own so that the sum of squared displacements is least.

    Parameters
    ----------
    lat, lon : array, shape (n,)
        Degrees north and east.
    rows, columns : int
        Size of the grid; row 0 is in the north, column 0 in the west.

    Returns
    -------
    array of int, shape (n, 2)
        Row and column of each point, no two the same.

    References
    ----------
    The linear assignment problem, solved exactly: Crouse (2016), IEEE Transactions on Aerospace and Electronic
    Systems 52(4), 1679-1696.

    Examples
    --------
    >>> assign(np.array([20.0, 10.0, 10.0]), np.array([106.0, 104.0, 106.0]), rows=2, columns=2).tolist()
    [[0, 1], [1, 0], [1, 1]]
    """
    from scipy.optimize import linear_sum_assignment  # only a build needs it

    wanted = np.column_stack([_axis(-lat, rows), _axis(lon, columns)])
    cells = np.array([(row, column) for row in range(rows) for column in range(columns)])
    cost = ((wanted[:, None, :] - cells[None, :, :]) ** 2).sum(axis=-1)
    return cells[linear_sum_assignment(cost)[1]]


def tiles_table(centres: pd.DataFrame, crosswalk: pd.DataFrame) -> pd.DataFrame:
    """Return the cell of each province of both vintages; one of the 34 lies in the middle of its parts' centres.

    Parameters
    ----------
    centres : DataFrame
        ``code_63, lat, lon`` (degrees).
    crosswalk : DataFrame
        ``code_63, code_34``.

    Returns
    -------
    DataFrame
        ``area, vintage, row, column``; row 0 is in the north, column 0 in the west; the order is that of the codes.
    """
    points = pd.DataFrame({name: centres[name] for name in ("code_63", "lat", "lon")})
    points["code_34"] = points["code_63"].map(dict(zip(crosswalk["code_63"], crosswalk["code_34"], strict=True)))
    tables = []
    for vintage, (rows, columns) in GRIDS.items():
        middle = points.groupby(f"code_{vintage}", sort=True)[["lat", "lon"]].mean()
        cells = assign(middle["lat"].to_numpy(), middle["lon"].to_numpy(), rows=rows, columns=columns)
        ids = [f"vn{vintage}-{code}" for code in middle.index]
        tables.append(pd.DataFrame({"area": ids, "vintage": vintage, "row": cells[:, 0], "column": cells[:, 1]}))
    return pd.concat(tables, ignore_index=True)

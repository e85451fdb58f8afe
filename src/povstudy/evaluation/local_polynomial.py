r"""Local polynomial regression on one side of a cut-off, with nearest-neighbour or clustered errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from povstudy.errors import DataError

__all__ = [
    "Side",
    "gram_inverse",
    "kernel_weights",
    "nearest_residuals",
    "polynomial",
    "residuals",
    "side_weights",
    "sum_of_squares",
]

NEIGHBOURS = 3
"""Nearest neighbours behind a residual."""


@dataclass(frozen=True)
class Side:
    """Rows on one side of the cut-off, sorted by the score.

    Attributes
    ----------
    u : ndarray, shape (n,)
        Score less the cut-off.
    y : ndarray, shape (n, m)
        Outcome, and take-up in a fuzzy design.
    cluster : ndarray of int, shape (n,), optional
    """

    u: np.ndarray
    y: np.ndarray
    cluster: np.ndarray | None = None

    def within(self, inside: np.ndarray) -> Side:
        """Return some of the rows.

        Parameters
        ----------
        inside : ndarray of bool, shape (n,)

        Returns
        -------
        Side
        """
        cluster = None if self.cluster is None else self.cluster[inside]
        return Side(self.u[inside], self.y[inside], cluster)


def kernel_weights(u: np.ndarray, h: float) -> np.ndarray:
    r"""Return triangular kernel weights :math:`(1 - |u|/h)_+ / h`.

    Parameters
    ----------
    u : ndarray, shape (n,)
    h : float

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> kernel_weights(np.array([0.0, 1.0, 3.0]), 2.0).tolist()
    [0.5, 0.25, 0.0]
    """
    return np.maximum(1.0 - np.abs(u) / h, 0.0) / h


def polynomial(u: np.ndarray, degree: int) -> np.ndarray:
    """Return the columns 1, u, ..., u^degree.

    Parameters
    ----------
    u : ndarray, shape (n,)
    degree : int

    Returns
    -------
    ndarray, shape (n, degree + 1)

    Examples
    --------
    >>> polynomial(np.array([2.0]), 2).tolist()
    [[1.0, 2.0, 4.0]]
    """
    return np.vander(u, degree + 1, increasing=True)


def gram_inverse(r: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the inverse of R'WR by QR; too few different scores are an error.

    Parameters
    ----------
    r : ndarray, shape (n, k)
    w : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (k, k)

    Raises
    ------
    DataError
        The polynomial cannot be fitted.

    Examples
    --------
    >>> gram_inverse(np.ones((4, 1)), np.ones(4)).tolist()
    [[0.25]]
    """
    triangular = np.linalg.qr(r * np.sqrt(w)[:, None], mode="r")
    diagonal = np.abs(np.diag(triangular))
    if triangular.shape[0] < r.shape[1] or diagonal.min() <= 1e-13 * max(diagonal.max(), 1e-300):
        raise DataError(
            f"{int((w > 0).sum())} rows within the bandwidth on one side of the cut-off have too few different scores "
            f"for a polynomial of degree {r.shape[1] - 1}. Widen the bandwidth, or use local randomisation."
        )
    inverse = np.linalg.inv(triangular)
    return inverse @ inverse.T


def nearest_residuals(u: np.ndarray, y: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    r"""Return residuals from the mean of the nearest neighbours, ties taken whole.

    .. math:: e_i = \sqrt{J_i/(J_i + 1)}\,(y_i - \bar y_{J(i)})

    Distances are compared at single precision, at which most sources keep a score: in double precision two equally
    near neighbours would differ by rounding.

    Parameters
    ----------
    u : ndarray, shape (n,)
        Sorted.
    y : ndarray, shape (n, m)
    neighbours : int
        At least this many, more where scores tie.

    Returns
    -------
    ndarray, shape (n, m)

    References
    ----------
    Calonico, Cattaneo and Titiunik (2014), Econometrica 82(6), supplement S.2.4.

    Examples
    --------
    >>> nearest_residuals(np.array([0.0, 1.0, 5.0]), np.array([[1.0], [3.0], [2.0]]), 1).round(3).ravel().tolist()
    [-1.414, 1.414, -0.707]
    """
    n = u.size
    want = min(neighbours, n - 1)
    values, first, count = np.unique(u.astype(np.float32), return_index=True, return_counts=True)
    group = np.repeat(np.arange(values.size), count)
    last = first + count
    low, high = np.arange(values.size), np.arange(values.size)
    while True:
        short = last[high] - first[low] - 1 < want
        if not short.any():
            break
        left = np.where(low > 0, values - values[np.maximum(low - 1, 0)], np.inf)
        right = np.where(high < values.size - 1, values[np.minimum(high + 1, values.size - 1)] - values, np.inf)
        low = np.where(short & (left <= right) & np.isfinite(left), low - 1, low)
        high = np.where(short & (right <= left) & np.isfinite(right), high + 1, high)
    total = np.vstack([np.zeros(y.shape[1]), np.cumsum(y, axis=0)])
    start, stop = first[low][group], last[high][group]
    j = (stop - start - 1)[:, None]
    mean = (total[stop] - total[start] - y) / j
    return np.sqrt(j / (j + 1.0)) * (y - mean)


def residuals(side: Side, r: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the errors of a window: from nearest neighbours, with clusters from the weighted fit.

    Parameters
    ----------
    side : Side
        The n rows within the window.
    r : ndarray, shape (n, k)
        Columns of the polynomial.
    w : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n, m)

    Examples
    --------
    >>> u = np.array([1.0, 2.0, 3.0])
    >>> residuals(Side(u, 2 * u[:, None], np.arange(3)), polynomial(u, 1), np.ones(3)).round(6).ravel().tolist()
    [-0.0, -0.0, -0.0]
    """
    if side.cluster is None:
        return nearest_residuals(side.u, side.y)
    return side.y - r @ (gram_inverse(r, w) @ (r * w[:, None]).T @ side.y)


def sum_of_squares(rows: np.ndarray, error: np.ndarray, cluster: np.ndarray | None) -> np.ndarray:
    r"""Return :math:`\sum e_i^2 r_i r_i'`, summed by cluster first where there are clusters (CR1).

    Parameters
    ----------
    rows : ndarray, shape (n, k)
    error : ndarray, shape (n,)
    cluster : ndarray of int, shape (n,), optional

    Returns
    -------
    ndarray, shape (k, k)

    Examples
    --------
    >>> sum_of_squares(np.ones((2, 1)), np.array([1.0, 2.0]), None).tolist()
    [[5.0]]
    """
    scores = rows * error[:, None]
    if cluster is None:
        return scores.T @ scores
    codes = np.unique(cluster, return_inverse=True)[1]
    sums = np.zeros((int(codes.max()) + 1, rows.shape[1]))
    np.add.at(sums, codes, scores)
    n, g, k = rows.shape[0], sums.shape[0], rows.shape[1]
    if g < 2:
        raise DataError("there is one cluster within the bandwidth on one side; clustered errors need at least two.")
    return ((n - 1) / (n - k)) * (g / (g - 1)) * (sums.T @ sums)


def side_weights(u: np.ndarray, h: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the weights that turn outcomes into the limit at the cut-off: local linear, and bias-corrected.

    .. math:: \hat\mu = e_0'\Gamma_1^{-1}R_1'W_h y, \quad
        \hat\mu_{bc} = \hat\mu - e_0'\Gamma_1^{-1}R_1'W_h u^2 \cdot e_2'\Gamma_2^{-1}R_2'W_b y

    Parameters
    ----------
    u : ndarray, shape (n,)
    h, b : float
        Bandwidths of the fit and of the bias.

    Returns
    -------
    plain, corrected : ndarray, shape (n,)

    References
    ----------
    Calonico, Cattaneo and Titiunik (2014), Econometrica 82(6), section 2.

    Examples
    --------
    >>> u = np.array([0.1, 0.2, 0.3, 0.4, 0.6])
    >>> plain, corrected = side_weights(u, 1.0, 1.0)
    >>> round(float(plain @ (2 + 3 * u)), 6), round(float(corrected @ (2 + 3 * u + u**2)), 6)
    (2.0, 2.0)
    """
    wh, wb = kernel_weights(u, h), kernel_weights(u, b)
    r1, r2 = polynomial(u, 1), polynomial(u, 2)
    one = gram_inverse(r1[wh > 0], wh[wh > 0])[0]
    plain = wh * (r1 @ one)
    curvature = wb * (r2 @ gram_inverse(r2[wb > 0], wb[wb > 0])[2])
    return plain, plain - (plain @ u**2) * curvature

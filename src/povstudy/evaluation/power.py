"""How large an effect must be to be seen: by formula for a planned study, by simulation on a panel that exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.assignment import make_assignment
from povstudy.evaluation.columns import choice, codes, require_columns
from povstudy.evaluation.design_inference import cluster_labels, per_cluster
from povstudy.evaluation.effect import check_level
from povstudy.evaluation.moments import Moments, panel_moments
from povstudy.evaluation.panel import check_panel

__all__ = ["MinimumEffect", "cluster_design_error", "minimum_detectable_effect"]

HALVINGS = 30


@dataclass(frozen=True)
class MinimumEffect:
    """The smallest effect that would be seen.

    Attributes
    ----------
    effect : float
        In the unit of the outcome; missing when no effect of any size could be seen.
    power, level : float
    clusters, treated_clusters : int
    words : str
        How it was found.
    table : DataFrame
        ``effect, power``: the power curve.
    size : float
        Rejection rate at no effect.
    warnings : tuple of str
    """

    effect: float
    power: float
    level: float
    clusters: int
    treated_clusters: int
    words: str
    table: pd.DataFrame
    size: float
    warnings: tuple[str, ...] = ()


def cluster_design_error(clusters: float, size: float, icc: float, treated_share: float, sd: float = 1.0) -> float:
    r"""Return the standard error of a difference of means when clusters are assigned.

    .. math:: \mathrm{se} = \sigma\sqrt{\frac{\rho + (1-\rho)/m}{P(1-P)J}}

    Parameters
    ----------
    clusters : float
        J, both arms together.
    size : float
        m, households a cluster.
    icc : float
        Intracluster correlation, in [0, 1].
    treated_share : float
        P, in (0, 1).
    sd : float
        Standard deviation of the outcome.

    Returns
    -------
    float

    References
    ----------
    Bloom (1995), Evaluation Review 19(5).

    Examples
    --------
    >>> round(cluster_design_error(80, 20, 0.05, 0.5), 5)
    0.06982
    """
    return float(sd * np.sqrt((icc + (1 - icc) / size) / (treated_share * (1 - treated_share) * clusters)))


def minimum_detectable_effect(
    *,
    clusters: int | None = None,
    size: float = 1.0,
    icc: float = 0.0,
    treated_share: float = 0.5,
    sd: float = 1.0,
    power: float = 0.8,
    level: float = 0.95,
    quantiles: str = "t",
    data: pd.DataFrame | None = None,
    outcome: str | None = None,
    unit: str | None = None,
    time: str | None = None,
    start: float | None = None,
    treated_clusters: int | None = None,
    cluster: str | None = None,
    strata: str | None = None,
    weight: str | None = None,
    covariates: Sequence[str] = (),
    standard: str | None = None,
    draws: int = 399,
    seed: int = 0,
) -> MinimumEffect:
    r"""Return the smallest effect that a study would see with a given power.

    By formula, :math:`\delta = (t_{(1+level)/2} + t_{power})\,\mathrm{se}` with J - 2 degrees of freedom; the normal
    version is 12 % too small with ten clusters.  With ``data``, by simulation: the panel before the programme is
    given
    invented programmes, each tested by permuting the assignment.

    Parameters
    ----------
    clusters, size, icc, treated_share, sd
        Of a planned study, as in ``cluster_design_error``.
    power, level : float
    quantiles : {"t", "normal"}
    data : DataFrame, optional
        A panel from before the programme; one row a unit and period.
    outcome, unit, time, cluster, strata, weight, covariates, standard
        Of that panel, as in ``did``.
    start : float
        First period of the invented programme.
    treated_clusters : int
        How many clusters would get it.
    draws : int
        Invented programmes, and assignments each is tested against.
    seed : int

    Returns
    -------
    MinimumEffect

    Raises
    ------
    ParameterError
        A share, correlation or number that is not possible.
    DataError
        The panel breaks a condition of ``check_panel``.

    Examples
    --------
    >>> round(minimum_detectable_effect(clusters=10, size=100, icc=0.05, treated_share=0.3).effect, 4)
    0.5378
    """
    choice(quantiles, ("t", "normal"), "quantiles")
    check_level(level)
    if not 0.0 < power < 1.0:
        raise ParameterError(f"power is {power!r}; it is a share between 0 and 1.")
    if data is not None:
        return _simulated(
            data,
            outcome,
            unit,
            time,
            start,
            treated_clusters,
            cluster,
            strata,
            weight,
            covariates,
            standard,
            power,
            level,
            draws,
            seed,
        )
    if clusters is None:
        raise ParameterError("give clusters= (a planned study) or data= (a panel from before the programme).")
    for value, low, high, what in (
        (clusters, 3, np.inf, "clusters"),
        (size, 1, np.inf, "size"),
        (icc, 0, 1, "icc"),
        (sd, 0, np.inf, "sd"),
    ):
        if not low <= value <= high:
            raise ParameterError(f"{what} is {value!r}; it must be at least {low:g} and at most {high:g}.")
    if not 0 < treated_share < 1:
        raise ParameterError(f"treated_share is {treated_share!r}; both arms need clusters.")
    df = clusters - 2 if quantiles == "t" else np.inf
    error = cluster_design_error(clusters, size, icc, treated_share, sd)
    reach = float(stats.t.ppf((1 + level) / 2, df))
    effect = (reach + float(stats.t.ppf(power, df))) * error
    grid = np.linspace(0, 2 * effect, 9)
    curve = [
        float(stats.nct.sf(reach, df, g / error) + stats.nct.cdf(-reach, df, g / error))
        if np.isfinite(df)
        else float(stats.norm.sf(reach - g / error) + stats.norm.cdf(-reach - g / error))
        for g in grid
    ]
    named = f"t({df:g})" if np.isfinite(df) else "normal"
    return MinimumEffect(
        float(effect),
        power,
        level,
        int(clusters),
        round(clusters * treated_share),
        f"closed form, {named} quantiles, intracluster correlation {icc:g}, {size:g} households a cluster",
        pd.DataFrame({"effect": grid, "power": curve}),
        1 - level,
        ("With normal quantiles the number is too small when clusters are few.",) if quantiles == "normal" else (),
    )


def _simulated(
    data: pd.DataFrame,
    outcome: str | None,
    unit: str | None,
    time: str | None,
    start: float | None,
    treated_clusters: int | None,
    cluster: str | None,
    strata: str | None,
    weight: str | None,
    covariates: Sequence[str],
    standard: str | None,
    power: float,
    level: float,
    draws: int,
    seed: int,
) -> MinimumEffect:
    """Return the minimum by inventing programmes in a panel without one."""
    where = "minimum_detectable_effect"
    given = {"outcome": outcome, "unit": unit, "time": time, "start": start, "treated_clusters": treated_clusters}
    absent = [name for name, value in given.items() if value is None]
    if absent:
        raise ParameterError(f"{where}: with data= give also {', '.join(f'{a}=' for a in absent)}.")
    require_columns(data, [c for c in (outcome, unit, time, cluster, strata) if c], where)
    level_of = cluster or unit
    code, _ = codes(data, str(level_of), where)
    total = int(code.max()) + 1
    if not 0 < treated_clusters < total:
        raise ParameterError(
            f"{where}: treated_clusters is {treated_clusters}; of {total} clusters between 1 and {total - 1} can be "
            "treated."
        )
    when = pd.to_numeric(data[str(time)], errors="coerce")
    marked = data.assign(_invented=((code < treated_clusters) & (when >= start)).astype(int))
    panel = check_panel(
        marked,
        outcome=str(outcome),
        unit=str(unit),
        time=str(time),
        treatment="_invented",
        cluster=cluster,
        weight=weight,
        covariates=covariates,
        standard=standard,
        where=where,
    )
    first = np.zeros(panel.clusters, int)
    first[panel.cluster] = panel.ever.astype(int)
    groups = per_cluster(data, strata, str(unit), panel, cluster_labels(data, str(unit), cluster, panel))
    assignment = make_assignment(first, strata=groups)
    drawn = assignment.draws(draws, seed=seed)
    moments = panel_moments(panel.y, panel.treated, panel.cluster, panel.weight, panel.covariates)
    path = (panel.periods >= float(start)).astype(float)
    null, crossed = _null_statistics(moments, path, drawn)
    smallest = 1.0 / len(drawn)
    if smallest > 1 - level:
        return MinimumEffect(
            float("nan"),
            power,
            level,
            panel.clusters,
            int(treated_clusters),
            f"cannot be detected: {len(drawn)} assignments, smallest p-value possible {smallest:.3g}",
            pd.DataFrame({"effect": [], "power": []}),
            float("nan"),
            ("With so few assignments no effect of any size could be told from chance.",),
        )

    def power_at(delta: float) -> float:
        values = np.abs(null[None, :] + delta * crossed)
        own = np.abs(null + delta)
        far = (values >= own[:, None] * (1 - 1e-9)).sum(axis=1)
        p = far / len(drawn)
        return float((p <= 1 - level + 1e-12).mean())

    low, high = 0.0, max(float(np.abs(null).max()), 1e-12)
    for _ in range(40):
        if power_at(high) >= power:
            break
        high *= 2
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    grid = np.linspace(0, 2 * high, 9)
    return MinimumEffect(
        high,
        power,
        level,
        panel.clusters,
        int(treated_clusters),
        f"simulated on {panel.rows} unit-periods without the programme: {len(drawn)} invented programmes, each tested "
        f"by permuting the assignment ({assignment.words}), two-way fixed effects",
        pd.DataFrame({"effect": grid, "power": [power_at(g) for g in grid]}),
        power_at(0.0),
        tuple(panel.warnings),
    )


def _null_statistics(moments: Moments, path: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the coefficient of each invented programme, and of one on another.

    Returns
    -------
    null : ndarray, shape (B,)
    crossed : ndarray, shape (B, B)
        Entry (p, q): coefficient of programme p when q is the regressor, so that with an effect :math:`\delta` of p
        the
        draw q has :math:`a_q + \delta\,b_{pq}`.
    """
    t, z = moments.periods, moments.controls
    total = moments.gram.sum(axis=0)
    inverse = np.linalg.pinv(total[np.ix_(z, z)], rcond=1e-12, hermitian=True)
    rows = np.einsum("t,ctq->cq", path, moments.gram[:, :t, :])
    hot = drawn.astype(float)
    dz, dy = hot @ rows[:, z], hot @ rows[:, moments.outcome]
    own = rows[:, :t] @ path
    cross = (hot * own) @ hot.T - dz @ inverse @ dz.T
    scale = np.diag(cross).copy()
    if (scale <= 0).any():
        raise DataError(
            "an invented programme is explained by the fixed effects; start= must leave periods on both sides."
        )
    null = (dy - dz @ inverse @ total[z, moments.outcome]) / scale
    return null, cross / scale[None, :]

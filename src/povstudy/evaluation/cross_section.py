"""Treated against untreated at one time, made comparable by covariates; an experiment is the special case of none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from povstudy.errors import DataError, ParameterError
from povstudy.evaluation.cluster_tests import randomization_test
from povstudy.evaluation.columns import binary, choice, codes, numbers, require_columns
from povstudy.evaluation.differences import PLACEMENTS
from povstudy.evaluation.effect import Effect, check_level
from povstudy.evaluation.group_time import influence_covariance
from povstudy.evaluation.inference import MANY, Inference, from_normal, smaller_arm
from povstudy.evaluation.potential_means import METHODS as WEIGHTED
from povstudy.evaluation.potential_means import potential_means, selection_model

__all__ = ["balance_table", "doubly_robust"]

METHODS = (*WEIGHTED, "ols", "means")
WORDS = {
    "aipw": "augmented inverse probability weighting",
    "aipw_wls": "augmented inverse probability weighting, weighted outcome regressions",
    "ipw_ra": "inverse probability weighted regression adjustment",
    "ipw": "inverse probability weighting",
    "ra": "regression adjustment, one regression an arm",
    "ols": "one linear regression",
    "means": "difference of means",
}
BALANCED = 0.1
"""A standardised difference above this is called out."""
NO_OVERLAP = 0.25
"""Share of the rows averaged over that may lie where the other arm has nobody before the average is refused."""


@dataclass(frozen=True)
class _Sample:
    """Arrays of a cross-section."""

    y: np.ndarray
    d: np.ndarray
    x: np.ndarray
    z: np.ndarray
    cluster: np.ndarray | None


def doubly_robust(
    data: pd.DataFrame,
    *,
    outcome: str,
    treatment: str,
    covariates: Sequence[str] = (),
    propensity: Sequence[str] | None = None,
    method: str = "aipw_wls",
    link: str = "logit",
    target: str = "all",
    trim: float = 0.0,
    cluster: str | None = None,
    error: str = "robust",
    placement: str = "not_random",
    draws: int = 999,
    level: float = 0.95,
    seed: int = 0,
) -> Effect:
    r"""Estimate the effect of a treatment in a cross-section, given covariates.

    .. math:: \hat\tau = \frac1n\sum_i \hat\mu_1(x_i) - \hat\mu_0(x_i) + \frac{D_i(y_i - \hat\mu_1)}{\hat p(x_i)}
        - \frac{(1 - D_i)(y_i - \hat\mu_0)}{1 - \hat p(x_i)}

    Parameters
    ----------
    data : DataFrame
        One row a household.
    outcome, treatment : str
    covariates : sequence of str
        Of the outcome regressions.
    propensity : sequence of str, optional
        Of the model for who is treated; by default the covariates.
    method : {"aipw_wls", "aipw", "ipw_ra", "ipw", "ra", "ols", "means"}
        The first three are right when either model is.
    link : {"logit", "probit"}
    target : {"all", "treated"}
        Mean over all rows, or over the treated (``ipw_ra``, ``ipw``, ``ra``).
    trim : float
        Rows whose fitted probability is below this or above one minus this are left out and counted.
    cluster : str, optional
        What was assigned as a whole; then influence is summed by cluster, or the assignment permuted when few.
    error : {"robust", "classical"}
        Of ``ols`` and ``means``: HC2 or equal variances.
    placement : {"not_random", "random"}
    draws : int
        Of the permutation, where clusters are few.
    level, seed
        As in ``did``.

    Returns
    -------
    Effect
        ``table``: one row a covariate with means, standardised differences before and after weighting.

    Raises
    ------
    DataError
        A missing value (with the number in each arm), one arm only, covariates that separate the arms.
    ParameterError
        An argument is not possible.

    References
    ----------
    Robins, Rotnitzky and Zhao (1994); statsmodels.treatment (values of Stata's teffects).

    Examples
    --------
    >>> t = pd.DataFrame({"income": [1.0, 2, 3, 5, 6, 8], "helped": [0, 0, 0, 1, 1, 1]})
    >>> effect = doubly_robust(t, outcome="income", treatment="helped", method="means", placement="random")
    >>> round(effect.estimate, 4)
    4.3333
    """
    for value, options, what in (
        (method, METHODS, "method"),
        (link, ("logit", "probit"), "link"),
        (target, ("all", "treated"), "target"),
        (error, ("robust", "classical"), "error"),
        (placement, PLACEMENTS, "placement"),
    ):
        choice(value, options, what)
    check_level(level)
    if not 0.0 <= trim < 0.5:
        raise ParameterError(f"trim is {trim!r}; it is a probability from 0 to below .5.")
    selection = list(covariates) if propensity is None else list(propensity)
    if method not in ("means", "ols") and not selection and not covariates:
        raise ParameterError(f"method={method!r} needs covariates=; without any use method='means'.")
    if target == "treated" and method not in ("ipw_ra", "ipw", "ra"):
        raise ParameterError("target='treated' is possible for method 'ipw_ra', 'ipw' and 'ra'.")
    sample = _sample(data, outcome, treatment, list(covariates), selection, cluster)
    notes = (
        []
        if placement == "random"
        else [
            "Placement was not random: the number is the effect only if nothing unseen differs between the arms given "
            "the covariates. Ask what would overturn it."
        ]
    )
    p = None
    if method not in ("means", "ols"):
        p = np.asarray(selection_model(sample.d, sample.z, link).predict())
        inside = (p >= trim) & (p <= 1 - trim)
        notes += _overlap_notes(p, sample.d, inside, trim, target)
        if not inside.all():
            sample = _rows(sample, inside)
            _two_arms(sample.d, treatment)
            p = np.asarray(selection_model(sample.d, sample.z, link).predict())
    estimate, influence, std_error, convention = _estimate(sample, method, link, target, error)
    names = list(dict.fromkeys([*covariates, *selection]))
    table = balance_table(data, treatment, names, None if p is None or trim else p, target=target)
    if trim and p is not None:
        kept = data.iloc[np.flatnonzero(inside)]
        table = balance_table(kept, treatment, names, p, target=target)
    worst = table["difference_weighted"].abs().max() if p is not None and len(table) else 0.0
    if worst > BALANCED:
        notes.append(f"After weighting a covariate still differs by {worst:.2f} standard deviations.")
    clusters, treated = sample.d.size, int(sample.d.sum())
    if sample.cluster is None:
        chosen = from_normal(estimate, std_error, level=level, df=np.inf, words=convention)
    else:
        clusters = int(np.unique(sample.cluster).size)
        treated = int(np.unique(sample.cluster[sample.d == 1]).size)
        chosen = _clustered(
            data, sample, outcome, treatment, covariates, cluster, placement, estimate, influence, draws, level, seed
        )
    return Effect(
        estimate,
        chosen.std_error,
        chosen.low,
        chosen.high,
        chosen.p_value,
        chosen.words,
        f"{WORDS[method]}{', mean over the treated' if target == 'treated' else ''}",
        sample.d.size,
        clusters,
        treated,
        table,
        tuple(dict.fromkeys((*notes, *chosen.notes))),
        level,
        f"{int(sample.d.sum())} treated and {int((sample.d == 0).sum())} untreated rows compared"
        + (f" given {', '.join(names)}." if names else " as they are."),
        outcome,
        degrees_of_freedom=chosen.degrees_of_freedom,
        confidence=chosen.confidence,
        kind="means" if method == "means" else "adjusted",
        placement=placement,
    )


def _sample(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    covariates: list[str],
    selection: list[str],
    cluster: str | None,
) -> _Sample:
    """Return checked arrays."""
    where = "doubly_robust"
    names = list(dict.fromkeys([*covariates, *selection]))
    require_columns(data, [outcome, treatment, *names, *([cluster] if cluster else [])], where)
    d = binary(data, treatment, where)
    _two_arms(d, treatment)
    for column in (outcome, *names):
        values = pd.to_numeric(data[column], errors="coerce")
        if values.isna().any():
            gone = values.isna().to_numpy()
            raise DataError(
                f"{where}: column {column!r} is missing in {int((gone & (d == 1)).sum())} of {int(d.sum())} treated "
                f"and {int((gone & (d == 0)).sum())} of {int((d == 0).sum())} untreated rows. Rows that are missing "
                "because of the programme would bias the comparison: complete them, or drop them and report how many "
                "by arm."
            )
    one = np.ones((d.size, 1))
    x = np.column_stack([one, *(numbers(data, c, where) for c in covariates)])
    z = np.column_stack([one, *(numbers(data, c, where) for c in selection)])
    return _Sample(numbers(data, outcome, where), d, x, z, codes(data, cluster, where)[0] if cluster else None)


def _two_arms(d: np.ndarray, treatment: str) -> None:
    """Refuse a sample with one arm."""
    if d.min() == d.max():
        raise DataError(
            f"doubly_robust: every row has {treatment!r} = {d[0]:g}; there is nobody to compare with. Add the "
            f"{'untreated' if d[0] == 1 else 'treated'} rows."
        )


def _rows(sample: _Sample, keep: np.ndarray) -> _Sample:
    """Return some rows of a sample."""
    return _Sample(
        sample.y[keep],
        sample.d[keep],
        sample.x[keep],
        sample.z[keep],
        None if sample.cluster is None else sample.cluster[keep],
    )


def _overlap_notes(p: np.ndarray, d: np.ndarray, inside: np.ndarray, trim: float, target: str) -> list[str]:
    """Return sentences about overlap and trimming."""
    notes = [
        f"Fitted probabilities of treatment: {p[d == 1].min():.3f}-{p[d == 1].max():.3f} among the treated, "
        f"{p[d == 0].min():.3f}-{p[d == 0].max():.3f} among the others."
    ]
    outside = int((p[d == 1] > p[d == 0].max()).sum())
    population = int(d.sum())
    if target == "all":
        outside += int((p[d == 0] < p[d == 1].min()).sum())
        population = d.size
    if outside > NO_OVERLAP * population and not trim:
        raise DataError(
            f"doubly_robust: {outside} of {population} rows lie where the other arm has nobody, so an average over "
            f"{'all rows' if target == 'all' else 'the treated'} would be extrapolation. "
            + ("Use target='treated', or " if target == "all" else "Use ")
            + "trim= to speak for the comparable rows only."
        )
    if outside:
        notes.append(f"{outside} rows lie where the other arm has nobody; the model extrapolates there.")
    if trim:
        notes.append(
            f"Trimmed at {trim:g}: {int((~inside & (d == 1)).sum())} treated and {int((~inside & (d == 0)).sum())} "
            "untreated rows are left out; the number speaks for the rest only."
        )
    elif p.min() < 0.01 or p.max() > 0.99:
        notes.append("Some probabilities are below .01 or above .99: a few rows carry much weight. Try trim=.05.")
    return notes


def _estimate(sample: _Sample, method: str, link: str, target: str, error: str) -> tuple[float, np.ndarray, float, str]:
    """Return estimate, influence function, standard error over rows and its convention."""
    if method in ("means", "ols"):
        return _least_squares(sample.y, sample.d, sample.x if method == "ols" else sample.x[:, :1], error)
    means = potential_means(sample.y, sample.d, sample.x, sample.z, method=method, link=link, target=target)
    variance = influence_covariance(means.influence[:, None], np.arange(sample.d.size))
    return (
        means.effect,
        means.influence,
        float(np.sqrt(variance[0, 0])),
        "sandwich with the error of both models, normal",
    )


def _least_squares(
    y: np.ndarray, d: np.ndarray, controls: np.ndarray, error: str
) -> tuple[float, np.ndarray, float, str]:
    """Return the coefficient of treatment with its influence function and HC2 or equal-variance error."""
    x = np.column_stack([d, controls])
    inverse = np.linalg.pinv(x.T @ x, hermitian=True)
    beta = inverse @ x.T @ y
    u = y - x @ beta
    n, k = x.shape[0], np.linalg.matrix_rank(x)
    if n <= k:
        raise DataError(f"doubly_robust: {n} rows for {k} coefficients; there is no error left to estimate.")
    influence = n * u * (x @ inverse[0])
    if error == "classical":
        return float(beta[0]), influence, float(np.sqrt(u @ u / (n - k) * inverse[0, 0])), "equal variances, normal"
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    meat = (x * (u**2 / np.maximum(1 - leverage, 1e-12))[:, None]).T @ x
    return float(beta[0]), influence, float(np.sqrt((inverse @ meat @ inverse)[0, 0])), "HC2, normal"


def _clustered(
    data: pd.DataFrame,
    sample: _Sample,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    cluster: str | None,
    placement: str,
    estimate: float,
    influence: np.ndarray,
    draws: int,
    level: float,
    seed: int,
) -> Inference:
    """Return inference over clusters: influence summed by cluster when many, assignment permuted when few."""
    labels = np.unique(sample.cluster)
    arms = [sample.d[sample.cluster == c] for c in labels]
    treated = sum(bool(a.any()) for a in arms)
    if labels.size < 2:
        raise DataError("doubly_robust: there is one cluster; with one cluster there is no standard error.")
    if all(a.min() == a.max() for a in arms) and smaller_arm(treated, labels.size) < MANY:
        test = randomization_test(
            data,
            outcome=outcome,
            treatment=treatment,
            cluster=cluster,
            covariates=covariates,
            placement=placement,
            draws=draws,
            level=level,
            seed=seed,
        )
        return Inference(
            np.nan,
            test.low,
            test.high,
            test.p_value,
            test.inference,
            notes=(
                *test.warnings,
                f"With {treated} of {labels.size} clusters treated the interval is that of the regression-adjusted "
                f"difference, {test.estimate:.4g}, by permuting clusters.",
            ),
        )
    codes_ = np.unique(sample.cluster, return_inverse=True)[1]
    factor = labels.size / (labels.size - 1)
    error = float(np.sqrt(factor * influence_covariance(influence[:, None], codes_)[0, 0]))
    return from_normal(
        estimate,
        error,
        level=level,
        df=float(labels.size - 1),
        words=f"influence function clustered, t({labels.size - 1}), {labels.size} clusters, {treated} treated",
    )


def balance_table(
    data: pd.DataFrame,
    treatment: str,
    covariates: Sequence[str],
    probability: np.ndarray | None = None,
    *,
    target: str = "all",
) -> pd.DataFrame:
    r"""Return means by arm and standardised differences before and after weighting.

    .. math:: d = (\bar x_1 - \bar x_0)/\sqrt{(s_1^2 + s_0^2)/2}

    Parameters
    ----------
    data : DataFrame, shape (n, columns)
    treatment : str
    covariates : sequence of str
    probability : ndarray, shape (n,), optional
        Fitted probabilities of treatment.
    target : {"all", "treated"}

    Returns
    -------
    DataFrame
        ``covariate, mean_treated, mean_untreated, difference, difference_weighted``.

    Examples
    --------
    >>> t = pd.DataFrame({"age": [20.0, 40, 30, 50], "helped": [0, 0, 1, 1]})
    >>> balance_table(t, "helped", ["age"])["difference"].round(3).tolist()
    [0.707]
    """
    d = binary(data, treatment, "balance_table")
    one, zero = d == 1, d == 0
    weight = np.ones(d.size)
    if probability is not None:
        p = np.clip(probability, 1e-6, 1 - 1e-6)
        weight = np.where(one, 1 / p, 1 / (1 - p)) * (p if target == "treated" else 1.0)
    rows = []
    for c in covariates:
        x = numbers(data, c, "balance_table")
        scale = np.sqrt((x[one].var(ddof=1) + x[zero].var(ddof=1)) / 2) if min(one.sum(), zero.sum()) > 1 else np.nan
        plain = x[one].mean() - x[zero].mean()
        after = np.average(x[one], weights=weight[one]) - np.average(x[zero], weights=weight[zero])
        ratio = [v / scale if scale > 0 else np.nan for v in (plain, after)]
        rows.append((c, x[one].mean(), x[zero].mean(), ratio[0], ratio[1] if probability is not None else np.nan))
    columns = ["covariate", "mean_treated", "mean_untreated", "difference", "difference_weighted"]
    return pd.DataFrame(rows, columns=columns)

"""Least squares on levels: against statsmodels and the definition, with all forms of errors."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import statsmodels.api as sm

from conjoint.answers import all_pairs, choices, dense, sandwich
from prefcore.conjoint import ConjointData, Design, fit_outcome_linear
from prefcore.errors import DomainError, RankDeficientError

PAIRS, RATINGS = choices(500, 11), choices(400, 12, size=1)


def close(got: Any, want: Any, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


@pytest.mark.parametrize("data", [PAIRS, RATINGS], ids=["pairs", "ratings"])
@pytest.mark.parametrize("interactions", [(), "all"])
def test_it_is_the_least_squares_of_statsmodels(data: ConjointData, interactions: Any) -> None:
    x, y = dense(data, all_pairs(data) if interactions else ())
    peer = sm.OLS(y, x)
    clusters = {"groups": data.respondents}
    want = {
        "CR1": peer.fit(cov_type="cluster", cov_kwds=clusters),
        "CR0": peer.fit(cov_type="cluster", cov_kwds={**clusters, "use_correction": False}),
        "HC1": peer.fit(cov_type="HC1"),
        "classical": peer.fit(),
    }
    for vcov, fit in want.items():
        model = fit_outcome_linear(data, interactions=interactions, vcov=vcov)
        close(model.coef, fit.params)
        close(model.covariance, fit.cov_params(), rtol=1e-8)
    close(model.loglik, want["CR1"].llf)
    close(
        model.predict(*((data.profiles,) if not model.paired else (data.profiles[::2], data.profiles[1::2]))),
        x @ fit.params,
    )
    assert (model.link, model.status, model.converged) == ("identity", "converged", True)
    assert model.residual < 1e-25
    mean = y.mean() if not model.paired else 0.5
    close(model.loglik_null, -len(y) / 2 * (np.log(2 * np.pi * ((y - mean) ** 2).mean()) + 1))


@pytest.mark.parametrize("data", [PAIRS, choices(300, 13, weighted=True)], ids=["plain", "weighted"])
def test_cr2_adjusts_residuals_cluster_by_cluster(data: ConjointData) -> None:
    x, y = dense(data)
    root = np.ones(len(y)) if data.weights is None else np.sqrt(data.weights)
    x, y = x * root[:, None], y * root
    inverse = np.linalg.inv(x.T @ x)
    residual = y - x @ inverse @ x.T @ y
    meat = np.zeros((7, 7))
    for g in np.unique(data.respondents):
        mine = data.respondents == g
        left = np.eye(mine.sum()) - x[mine] @ inverse @ x[mine].T
        score = x[mine].T @ scipy.linalg.sqrtm(np.linalg.pinv(left)).real @ residual[mine]
        meat += np.outer(score, score)
    close(fit_outcome_linear(data, vcov="CR2").covariance, inverse @ meat @ inverse, rtol=1e-7)


def test_cr2_of_equal_errors_is_unbiased() -> None:
    """With clusters of one and equal leverage CR2 is HC2: squares over 1 - h."""
    data = choices(60, 14, n_levels=(2, 3))
    alone = ConjointData(data.profiles, data.outcomes, np.arange(60), design=data.design, offsets=data.offsets)
    x, y = dense(alone)
    close(fit_outcome_linear(alone, vcov="CR2").covariance, sm.OLS(y, x).fit(cov_type="HC2").cov_params(), rtol=1e-8)


def test_weights_are_those_of_weighted_least_squares() -> None:
    data = choices(300, 15, weighted=True)
    x, y = dense(data)
    w = np.asarray(data.weights)
    want = sm.WLS(y[w > 0], x[w > 0], weights=w[w > 0]).fit()
    model = fit_outcome_linear(data, vcov="classical")
    close(model.coef, want.params)
    close(model.covariance, want.cov_params(), rtol=1e-8)
    cr0 = sandwich(x, w * (y - x @ want.params), want.normalized_cov_params, data.respondents)
    close(fit_outcome_linear(data, vcov="CR0").covariance, cr0, rtol=1e-8)


def test_without_an_intercept_equal_profiles_are_a_coin() -> None:
    x, y = dense(PAIRS, intercept=False)
    model = fit_outcome_linear(PAIRS, intercept=False)
    close(model.coef, np.linalg.lstsq(x, y - 0.5)[0])
    assert model.intercept == 0.5
    assert not model.has_intercept
    close(model.predict(PAIRS.profiles[:1], PAIRS.profiles[:1]), [0.5])
    rows = np.arange(1000).reshape(-1, 2)[:, ::-1].ravel()
    turned = ConjointData(
        PAIRS.profiles[rows], PAIRS.outcomes[rows], PAIRS.respondents, design=PAIRS.design, offsets=PAIRS.offsets
    )
    close(fit_outcome_linear(turned, intercept=False).coef, model.coef)
    ratings = fit_outcome_linear(RATINGS, intercept=False)
    x, y = dense(RATINGS, intercept=False)
    close(ratings.coef, np.linalg.lstsq(x, y)[0])
    assert ratings.intercept == 0.0


def test_a_ridge_of_ratings_moves_the_level_into_the_intercept() -> None:
    model = fit_outcome_linear(RATINGS, interactions="all", ridge=4.0, ridge_interactions=9.0)
    x, y = dense(RATINGS, all_pairs(RATINGS))
    close(model.predict(RATINGS.profiles), x @ model.coef)
    close(model.predict(RATINGS.profiles).sum(), y.sum())
    for d, scores in enumerate(model.main):
        close(scores.sum(), 0)
        residual = y - model.predict(RATINGS.profiles)
        slope = np.bincount(RATINGS.profiles[:, d], residual)
        close(slope - slope.mean(), 4.0 * scores, atol=1e-9)
    assert abs(model.intercept - model.coef[0]) > 0.01


def test_ratings_of_any_size() -> None:
    far = ConjointData(RATINGS.profiles, 1e6 + RATINGS.outcomes, RATINGS.respondents, design=RATINGS.design)
    near = fit_outcome_linear(RATINGS)
    model = fit_outcome_linear(far)
    close(model.coef[1:], near.coef[1:], atol=1e-8)
    close(model.intercept, near.intercept + 1e6)
    assert near.covariance is not None
    close(model.covariance, near.covariance, rtol=1e-6)


def test_a_perfect_fit_has_no_error() -> None:
    data = ConjointData([[0], [1], [1]], [1.0, 4.0, 4.0], [7, 8, 9], design=Design([2]))
    model = fit_outcome_linear(data)
    close(model.coef, [1, 3])
    close(model.covariance, np.zeros((2, 2)))


def test_what_it_refuses() -> None:
    with pytest.raises(
        DomainError, match="offsets must be boundaries of tasks of one or two profiles in a linear model"
    ):
        fit_outcome_linear(choices(50, size=3))
    with pytest.raises(RankDeficientError, match="got none with 'f0: 2'"):
        fit_outcome_linear(ConjointData([[0], [1], [1]], [1.0, 4.0, 6.0], [7, 8, 9], design=Design([3])))
    with pytest.raises(DomainError, match=r"outcomes\[0\] must be in \[0, 1\], got 2"):
        fit_outcome_linear(ConjointData([[0], [1]], [2, -1], [0], design=Design([2]), offsets=[0, 2]))
    with pytest.raises(DomainError, match="vcov must be 'CR0' or"):
        fit_outcome_linear(PAIRS, vcov="robust")

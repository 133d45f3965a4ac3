"""Plackett-Luce: against scipy, against Bradley-Terry, and where no rating exists."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from prefcore import ratings
from prefcore.errors import ConvergenceError, DomainError, SeparationError, ShapeError

RANKINGS = [[0, 1, 2, 3], [1, 0, 3, 2], [0, 2, 1, 3], [3, 0, 1], [2, 1, 0, 3], [1, 3, 2], [0, 3]]


def flat(rankings: list[list[int]]) -> tuple[Any, Any]:
    return np.concatenate(rankings), np.cumsum([0, *map(len, rankings)])


def loglik(theta: Any, rankings: list[list[int]], weights: Any = None) -> float:
    total = 0.0
    for ranking, weight in zip(rankings, np.ones(len(rankings)) if weights is None else weights, strict=True):
        strengths = theta[ranking]
        total += weight * sum(strengths[k] - np.logaddexp.reduce(strengths[k:]) for k in range(len(ranking) - 1))
    return total


def test_it_is_the_maximum() -> None:
    got = ratings.plackett_luce(*flat(RANKINGS))
    best = minimize(lambda theta: -loglik(theta - theta.mean(), RANKINGS), np.zeros(4), tol=1e-12)
    np.testing.assert_allclose(got.theta, best.x - best.x.mean(), atol=1e-5)
    np.testing.assert_allclose(got.loglik, loglik(got.theta, RANKINGS), rtol=1e-12)
    assert got.n_comparisons == 7
    assert got.residual <= 1e-10


def test_weights_are_copies_and_a_ridge_is_a_penalty() -> None:
    weights = np.array([1.0, 2, 1, 3, 1, 1, 2])
    copies = [ranking for ranking, weight in zip(RANKINGS, weights, strict=True) for _ in range(int(weight))]
    got = ratings.plackett_luce(*flat(RANKINGS), weights=weights)
    np.testing.assert_allclose(got.theta, ratings.plackett_luce(*flat(copies)).theta, atol=1e-9)
    pulled = ratings.plackett_luce(*flat(RANKINGS), ridge=0.7)
    best = minimize(lambda theta: 0.35 * theta @ theta - loglik(theta, RANKINGS), np.zeros(4), tol=1e-12)
    np.testing.assert_allclose(pulled.theta, best.x, atol=1e-5)


def test_rankings_of_two_are_bradley_terry() -> None:
    rng = np.random.default_rng(0)
    pairs = [list(rng.choice(5, 2, replace=False)) for _ in range(80)]
    one = ratings.plackett_luce(*flat(pairs))
    wins = np.zeros((5, 5))
    for above, below in pairs:
        wins[above, below] += 1
    other = ratings.bradley_terry(ratings.Comparisons.from_matrix(wins))
    np.testing.assert_allclose(one.theta, other.theta, atol=1e-9)
    np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-7)
    np.testing.assert_allclose(one.robust_std_error, other.robust_std_error, rtol=1e-7)


def test_errors_are_the_inverse_of_the_curvature() -> None:
    got, step = ratings.plackett_luce(*flat(RANKINGS)), 1e-4
    units = np.eye(4) * step
    curvature = np.array(
        [
            [sum(s * t * loglik(got.theta + s * a + t * b, RANKINGS) for s in (1, -1) for t in (1, -1)) for a in units]
            for b in units
        ]
    ) / (4 * step**2)
    np.testing.assert_allclose(got.covariance, np.linalg.pinv(-curvature, rcond=1e-4), rtol=1e-4, atol=1e-6)
    scores = np.array(
        [
            [(loglik(got.theta + a, [ranking]) - loglik(got.theta - a, [ranking])) / (2 * step) for a in units]
            for ranking in RANKINGS
        ]
    )
    want = got.covariance @ scores.T @ scores @ got.covariance
    np.testing.assert_allclose(got.robust_covariance, want, rtol=1e-5, atol=1e-8)


def test_names_of_items_do_not_matter() -> None:
    order = np.array([2, 0, 3, 1])
    items, offsets = flat(RANKINGS)
    got = ratings.plackett_luce(order[items], offsets).theta
    np.testing.assert_allclose(got[order], ratings.plackett_luce(items, offsets).theta, atol=1e-10)


def test_a_start_is_not_the_end() -> None:
    want = ratings.plackett_luce(*flat(RANKINGS))
    got = ratings.plackett_luce(*flat(RANKINGS), init=[3.0, -2.0, 1.0, 0.0])
    np.testing.assert_allclose(got.theta, want.theta, atol=1e-9)
    assert ratings.plackett_luce(*flat(RANKINGS), init=want.theta).iterations <= 2


def test_who_is_never_below_has_no_rating() -> None:
    with pytest.raises(SeparationError, match=r"got 3 components; never lost: 2; never won: 1; give ridge") as error:
        ratings.plackett_luce(*flat([[2, 0, 1], [2, 0], [0, 1]]))
    assert list(error.value.undefeated) == [2]
    assert list(error.value.winless) == [1]
    pulled = ratings.plackett_luce(*flat([[2, 0, 1], [2, 0], [0, 1]]), ridge=0.1)
    assert (np.diff(pulled.theta[[1, 0, 2]]) > 0).all()


def test_a_chain_over_several_rankings_is_enough() -> None:
    rankings = [[a, b] for a, b in pairwise([0, 1, 2, 3, 0])]
    np.testing.assert_allclose(ratings.plackett_luce(*flat(rankings)).theta, 0.0, atol=1e-12)


def test_rankings_of_one_and_of_weight_0_say_nothing() -> None:
    got = ratings.plackett_luce(*flat([*RANKINGS, [2], [3, 0]]), weights=[1.0] * 8 + [0.0])
    np.testing.assert_allclose(got.theta, ratings.plackett_luce(*flat(RANKINGS)).theta, atol=1e-12)
    assert got.n_comparisons == 7


def test_one_item_has_the_rating_0() -> None:
    got = ratings.plackett_luce([0], [0, 1])
    assert (got.theta.tolist(), got.converged, got.n_comparisons) == ([0.0], True, 0)


def test_bad_arguments_are_refused_by_name() -> None:
    call = ratings.plackett_luce
    with pytest.raises(DomainError, match=r"rankings\[2\] must be an item that ranking 0 does not hold twice, got 0"):
        call([0, 1, 0], [0, 3])
    with pytest.raises(DomainError, match=r"rankings\[1\] must be an item in 0..2, got 5"):
        call([0, 5], [0, 2], n_items=2)
    with pytest.raises(DomainError, match=r"offsets\[1\] must be 2, the number of rows, got 3"):
        call([0, 1], [0, 3])
    with pytest.raises(ShapeError, match=r"weights must have shape \[1\] like the rankings, got \[2\]"):
        call([0, 1], [0, 2], weights=[1.0, 1.0])
    with pytest.raises(DomainError, match=r"weights\[0\] must be a finite number >= 0, got -1"):
        call([0, 1], [0, 2], weights=[-1.0])
    with pytest.raises(ShapeError, match=r"init must have shape \[4\] like the items, got \[1\]"):
        call(*flat(RANKINGS), init=[0.0])
    with pytest.raises(DomainError, match="ridge must be a finite number >= 0, got -1"):
        call(*flat(RANKINGS), ridge=-1)
    with pytest.raises(ConvergenceError, match=r"expected residual <= tol = 1e-10, got .* after 1 iterations") as error:
        call(*flat(RANKINGS), max_iter=1)
    assert not error.value.result.converged

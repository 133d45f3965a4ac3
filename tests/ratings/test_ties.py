"""Davidson and Rao-Kupper: against scipy on the definitions, and at the edges of the tie parameter."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import recipes
from prefcore import ratings
from prefcore.errors import ConvergenceError, SeparationError
from prefcore.ratings import Comparisons

MODELS = [ratings.davidson, ratings.rao_kupper]


def chances(model: Any, theta: Any, tie: float) -> tuple[Any, Any]:
    """[n, n] p(row wins), p(tie), as the definitions have them."""
    p = np.exp(theta)
    if model is ratings.davidson:
        total = p[:, None] + p + tie * np.sqrt(p[:, None] * p)
        return p[:, None] / total, tie * np.sqrt(p[:, None] * p) / total
    win = p[:, None] / (p[:, None] + tie * p)
    return win, 1 - win - win.T


def loglik(model: Any, comparisons: Comparisons, theta: Any, tie: float) -> float:
    win, draw = chances(model, theta, tie)
    i, j = comparisons.first, comparisons.second
    with np.errstate(divide="ignore", invalid="ignore"):
        value = comparisons.wins @ np.log(win[i, j]) + comparisons.losses @ np.log(win[j, i])
        value += comparisons.ties @ np.log(draw[i, j])
    return float(value) if np.isfinite(value) else -1e10


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("ridge", [0.0, 0.8])
def test_it_is_the_maximum_that_scipy_finds(model: Any, ridge: float) -> None:
    comparisons = Comparisons.from_outcomes(*recipes.duel(5, 300, 17))
    board = model(comparisons, ridge=ridge)

    def cost(point: Any) -> float:
        theta = point[:5] if ridge else point[:5] - point[:5].mean()
        tie = np.exp(point[5])
        return -loglik(model, comparisons, theta, tie) + ridge / 2 * (theta @ theta)

    found = minimize(cost, [0, 0, 0, 0, 0, 0.3], method="BFGS", options={"gtol": 1e-7})
    theta = found.x[:5] if ridge else found.x[:5] - found.x[:5].mean()
    np.testing.assert_allclose(board.theta, theta, atol=2e-5)  # differences give scipy its gradient
    np.testing.assert_allclose(board.tie_parameter, np.exp(found.x[5]), rtol=1e-4)
    np.testing.assert_allclose(board.loglik, loglik(model, comparisons, board.theta, board.tie_parameter), rtol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_errors_are_those_of_the_numerical_hessian(model: Any) -> None:
    comparisons = Comparisons.from_outcomes(*recipes.duel(5, 400, 18))
    board = model(comparisons)
    point = np.append(board.theta, np.log(board.tie_parameter))
    step = 1e-4 * np.eye(6)

    def value(x: Any) -> float:
        return loglik(model, comparisons, x[:5], float(np.exp(x[5])))

    hessian = np.array(
        [
            [
                (value(point + a + b) - value(point + a - b) - value(point - a + b) + value(point - a - b)) / 4e-8
                for a in step
            ]
            for b in step
        ]
    )
    np.testing.assert_allclose(board.covariance, np.linalg.pinv(-hessian, rcond=1e-6)[:5, :5], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_robust_errors_are_sums_over_games(model: Any) -> None:
    first, second, outcomes = recipes.duel(4, 200, 19)
    comparisons = Comparisons.from_outcomes(first, second, outcomes)
    board = model(comparisons)
    point = np.append(board.theta, np.log(board.tie_parameter))

    def values(x: Any) -> Any:
        win, draw = chances(model, x[:4], float(np.exp(x[4])))
        kinds = [outcomes == 1, outcomes == 0.5]
        return np.log(np.select(kinds, [win[first, second], draw[first, second]], win[second, first]))

    scores = np.array([(values(point + h) - values(point - h)) / 2e-5 for h in 1e-5 * np.eye(5)])
    products = scores @ scores.T
    np.testing.assert_allclose(board._evidence.score_products(), products, rtol=1e-6, atol=1e-6)
    clustered = model(Comparisons.from_outcomes(first, second, outcomes, clusters=np.arange(200) // 10))
    sums = scores.reshape(5, 20, 10).sum(2)
    np.testing.assert_allclose(clustered._evidence.score_products(), sums @ sums.T, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(MODELS))
def test_relabelling_turning_and_doubling(seed: int, model: Any) -> None:
    draws = 1.0 + (recipes.stream(seed, 32) >> np.uint64(62)).astype(np.float64).reshape(2, 4, 4)
    wins, ties = draws * (1 - np.eye(4))
    ties = ties + ties.T
    board = model(Comparisons.from_matrix(wins, ties=ties))
    order = np.argsort(recipes.stream(seed + 1, 4))
    permuted = model(Comparisons.from_matrix(wins[np.ix_(order, order)], ties=ties[np.ix_(order, order)]))
    np.testing.assert_allclose(permuted.theta, board.theta[order], rtol=0, atol=1e-10)
    turned = model(Comparisons.from_matrix(wins, ties=ties).swapped())
    np.testing.assert_allclose(turned.theta, -board.theta, rtol=0, atol=1e-10)
    assert turned.tie_parameter == pytest.approx(board.tie_parameter, rel=1e-10)
    twice = model(Comparisons.from_matrix(2 * wins, ties=2 * ties))
    np.testing.assert_allclose(twice.theta, board.theta, rtol=0, atol=1e-10)
    np.testing.assert_allclose(twice.std_error, board.std_error / np.sqrt(2), rtol=1e-8)
    win, draw = chances(model, board.theta, board.tie_parameter)
    np.testing.assert_allclose(board.probabilities(), win + draw / 2, atol=1e-12)


@pytest.mark.parametrize(("model", "least"), [(ratings.davidson, 0.0), (ratings.rao_kupper, 1.0)])
def test_without_ties_it_is_bradley_terry(model: Any, least: float) -> None:
    comparisons = Comparisons.from_outcomes(*recipes.duel(6, 400, 23)).drop_ties()
    board, plain = model(comparisons), ratings.bradley_terry(comparisons)
    assert board.tie_parameter == least
    np.testing.assert_array_equal(board.theta, plain.theta)
    np.testing.assert_array_equal(board.robust_std_error, plain.robust_std_error)
    np.testing.assert_allclose(board.probabilities(), plain.probabilities())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("ridge", [0.0, 1.0])
def test_ties_alone_have_no_fit(model: Any, ridge: float) -> None:
    comparisons = Comparisons.from_outcomes([0, 1, 2], [1, 2, 0], [0.5, 0.5, 0.5])
    with pytest.raises(SeparationError, match=f"must not all be ties: the tie parameter of {model.__name__} would"):
        model(comparisons, ridge=ridge)


@pytest.mark.parametrize("model", MODELS)
def test_wins_and_ties_that_grow_together(model: Any) -> None:
    """One win and one tie: the loss can become impossible, though ties lead both ways."""
    comparisons = Comparisons.from_outcomes([0, 0], [1, 1], [1.0, 0.5], names=["a", "b"])
    with pytest.raises(SeparationError, match=r"no finite fit: the ratings of a \(0\), b \(1\) and the tie") as error:
        model(comparisons)
    direction = error.value.direction
    assert direction[0] > 0 > direction[1]
    assert direction[2] > 0
    assert model(comparisons, ridge=0.1).theta[0] > 0
    assert np.isfinite(ratings.bradley_terry(comparisons).theta).all()


@pytest.mark.parametrize("model", MODELS)
def test_one_who_never_lost_is_named(model: Any) -> None:
    comparisons = Comparisons.from_outcomes([0, 1, 1, 2], [1, 2, 2, 1], [1.0, 0.5, 1.0, 1.0])
    with pytest.raises(SeparationError, match="2 components; never lost: 0; give"):
        model(comparisons)


@pytest.mark.parametrize("model", MODELS)
def test_an_iteration_that_does_not_arrive(model: Any) -> None:
    comparisons = Comparisons.from_outcomes(*recipes.duel(6, 120, 11))
    with pytest.raises(ConvergenceError, match="after 2 iterations") as error:
        model(comparisons, max_iter=2)
    assert error.value.result.tie_parameter > 0


def test_far_apart_nothing_overflows() -> None:
    wins = np.array([[0, 999, 1000], [1, 0, 999], [0, 1, 0]])
    for model in MODELS:
        board = model(Comparisons.from_matrix(wins, ties=[[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
        p = board.probabilities()
        assert ((p >= 0) & (p <= 1)).all()
        extreme = board._evidence.expected(np.array([-2000.0, 0.0, 2000.0]))
        np.testing.assert_array_equal(extreme, [0, 0.5, 1])

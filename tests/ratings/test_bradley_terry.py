"""Bradley-Terry: against a logit of statsmodels, under relabelling, and where no maximum exists."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import recipes
from prefcore import ratings
from prefcore.errors import ConvergenceError, DomainError, SeparationError, ShapeError
from prefcore.ratings import Comparisons
from prefcore.ratings.connectivity import connectivity

DUELS = recipes.duel(7, 900, 3)
RT_01 = [[0, 3, 2, 4], [2, 0, 3, 2], [0, 0, 0, 0], [1, 3, 2, 0]]
RT_05 = [[0, 5, 2, 4], [3, 0, 4, 1], [6, 2, 0, 3], [2, 4, 1, 0]]


def counts(seed: int, n: int = 8) -> Any:
    """Wins of everybody over everybody, at least one of each."""
    return 1.0 + (recipes.stream(seed, n * n) >> np.uint64(62)).astype(np.float64).reshape(n, n) * (1 - np.eye(n))


def logit(first: Any, second: Any, outcomes: Any, **options: Any) -> Any:
    """The same by statsmodels: indicators of items, the last one left out, no intercept."""
    n = int(max(first.max(), second.max())) + 1
    design = (np.eye(n)[first] - np.eye(n)[second])[:, :-1]
    covariance = options.pop("cov", {})
    return sm.GLM(outcomes, design, family=sm.families.Binomial(), **options).fit(tol=1e-14, **covariance)


def test_it_is_the_logit_of_statsmodels() -> None:
    first, second, outcomes = DUELS
    board = ratings.bradley_terry(Comparisons.from_outcomes(first, second, outcomes))
    fits = {False: logit(*DUELS), True: logit(*DUELS, cov={"cov_type": "HC0"})}
    for robust, fit in fits.items():
        for item in range(6):
            estimate, error = board.difference(item, 6, robust=robust)
            np.testing.assert_allclose(estimate, fit.params[item], rtol=0, atol=1e-10)
            np.testing.assert_allclose(error, fit.bse[item], rtol=1e-8)
        one, other = fit.params[:2]
        assert board.difference(0, 1).estimate == pytest.approx(one - other, abs=1e-10)
    p = 1 / (1 + np.exp(board.theta[second] - board.theta[first]))
    assert board.loglik == pytest.approx((outcomes * np.log(p) + (1 - outcomes) * np.log(1 - p)).sum(), rel=1e-12)
    assert (board.n_comparisons, board.status, board.converged) == (900, "converged", True)


def test_errors_by_cluster_are_those_of_statsmodels() -> None:
    first, second, outcomes = DUELS
    judges = (recipes.stream(8, 900) % np.uint64(40)).astype(np.int64)
    board = ratings.bradley_terry(Comparisons.from_outcomes(first, second, outcomes, clusters=judges))
    options = {"cov_type": "cluster", "cov_kwds": {"groups": judges, "use_correction": False}}
    fit = logit(*DUELS, cov=options)
    for item in range(6):
        np.testing.assert_allclose(board.difference(item, 6, robust=True).std_error, fit.bse[item], rtol=1e-8)
    one_each = Comparisons.from_outcomes(first, second, outcomes, clusters=np.arange(900))
    plain = ratings.bradley_terry(Comparisons.from_outcomes(first, second, outcomes))
    own = ratings.bradley_terry(one_each).robust_covariance
    np.testing.assert_allclose(own, plain.robust_covariance, rtol=0, atol=1e-14)


def test_weights_multiply_the_likelihood_and_square_in_robust_errors() -> None:
    first, second, outcomes = DUELS
    weights = 0.5 + recipes.stream(4, 900) % np.uint64(3)
    board = ratings.bradley_terry(Comparisons.from_outcomes(first, second, outcomes, weights=weights))
    n = 7
    design = np.eye(n)[first] - np.eye(n)[second]
    p = 1 / (1 + np.exp(-design @ board.theta))
    np.testing.assert_allclose(design.T @ (weights * (outcomes - p)), 0, atol=1e-10)
    bread = np.linalg.pinv(design.T @ (design * (weights * p * (1 - p))[:, None]))
    scores = design * (weights * (outcomes - p))[:, None]
    np.testing.assert_allclose(board.covariance, bread, rtol=0, atol=1e-12)
    np.testing.assert_allclose(board.robust_covariance, bread @ scores.T @ scores @ bread, rtol=0, atol=1e-12)


def test_the_ridge_is_in_the_gradient_and_in_the_errors() -> None:
    wins = counts(5)
    np.fill_diagonal(wins, 0)
    board = ratings.bradley_terry(Comparisons.from_matrix(wins), ridge=0.7)
    p = board.probabilities()
    games = wins + wins.T
    np.testing.assert_allclose(wins.sum(1) - (games * p).sum(1), 0.7 * board.theta, atol=1e-11)
    curve = games * p * (1 - p)
    hessian = np.diag(curve.sum(1)) - curve + 0.7 * np.eye(8)
    np.testing.assert_allclose(board.covariance, np.linalg.inv(hessian), rtol=0, atol=1e-14)
    assert "penalised: ridge 0.7" in repr(board)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 9), st.integers(0, 10**6))
def test_relabelling_turning_and_doubling(n: int, seed: int) -> None:
    """RT-05: the likelihood knows only who beat whom how often."""
    wins = counts(seed, n)
    np.fill_diagonal(wins, 0)
    board = ratings.bradley_terry(Comparisons.from_matrix(wins))
    assert abs(board.theta.sum()) < 1e-12
    order = np.argsort(recipes.stream(seed + 1, n))
    permuted = ratings.bradley_terry(Comparisons.from_matrix(wins[np.ix_(order, order)]))
    np.testing.assert_allclose(permuted.theta, board.theta[order], rtol=0, atol=1e-11)
    turned = ratings.bradley_terry(Comparisons.from_matrix(wins).swapped())
    np.testing.assert_allclose(turned.theta, -board.theta, rtol=0, atol=1e-11)
    twice = ratings.bradley_terry(Comparisons.from_matrix(2 * wins))
    np.testing.assert_allclose(twice.theta, board.theta, rtol=0, atol=1e-11)
    np.testing.assert_allclose(twice.std_error, board.std_error / np.sqrt(2), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(twice.robust_std_error, board.robust_std_error / np.sqrt(2), rtol=1e-9, atol=1e-12)


def test_names_order_nothing() -> None:
    """RT-05: spelling changes no rating."""
    names = ["m2", "m10", "a", "Z"]
    board = ratings.bradley_terry(Comparisons.from_matrix(RT_05, names=names))
    padded = ratings.bradley_terry(Comparisons.from_matrix(RT_05, names=["m02", "m10", "0a", "00Z"]))
    np.testing.assert_array_equal(padded.theta, board.theta)
    np.testing.assert_allclose(
        ratings.elo_scale(board.theta), [1001.2856335107, 958.4745660911, 1060.8870005814, 979.3527998166], atol=1e-5
    )


def test_one_without_a_win() -> None:
    """RT-01: autogluon/tabarena#494, and ranking.md 1.3 no. 7: no number is better than a wrong one."""
    comparisons = Comparisons.from_matrix(RT_01, names=list("ABCD"))
    with pytest.raises(SeparationError, match=r"never won: C \(2\); give ridge > 0") as error:
        ratings.bradley_terry(comparisons)
    assert (list(error.value.winless), list(error.value.undefeated)) == ([2], [])
    assert error.value.names == tuple("ABCD")
    assert np.isfinite(ratings.bradley_terry(comparisons, ridge=0.1).theta).all()


def test_chains_and_parts_are_named() -> None:
    """ranking.md 1.3 no. 7 (evalica: all scores 1e-6) and no. 8 (choix: a message about a Markov chain)."""
    chain = Comparisons.from_outcomes([0, 1], [1, 2], [1.0, 1.0], names=["a", "b", "c"])
    with pytest.raises(SeparationError, match=r"3 components; never lost: a \(0\); never won: c \(2\)"):
        ratings.bradley_terry(chain)
    parts = Comparisons.from_outcomes([0, 1, 2, 3], [1, 0, 3, 2], [1.0] * 4)
    with pytest.raises(SeparationError, match="got 2 components; give ridge") as error:
        ratings.bradley_terry(parts)
    assert [list(part) for part in error.value.components] == [[0, 1], [2, 3]]
    np.testing.assert_array_equal(ratings.bradley_terry(parts, ridge=1.0).theta, 0.0)
    np.testing.assert_array_equal(ratings.bradley_terry(parts.select([0, 1])).theta, 0.0)


def test_far_apart_and_unlike_weights_still_converge() -> None:
    # a ladder: everybody beats the next one 999 times of 1000, so theta falls by log 999 a step
    n = 40
    wins = np.zeros((n, n))
    wins[np.arange(n - 1), np.arange(1, n)], wins[np.arange(1, n), np.arange(n - 1)] = 999, 1
    board = ratings.bradley_terry(Comparisons.from_matrix(wins))
    np.testing.assert_allclose(-np.diff(board.theta), np.log(999), rtol=1e-10)
    wins[0, 1], wins[1, 0] = 3e12, 1e12
    board = ratings.bradley_terry(Comparisons.from_matrix(wins))
    np.testing.assert_allclose(board.difference(0, 1).estimate, np.log(3), rtol=1e-9)


def test_many_items_by_conjugate_gradients() -> None:
    n = 2500
    first, second, outcomes = recipes.duel(n, 100_000, 21)
    board = ratings.bradley_terry(Comparisons.from_outcomes(first, second, outcomes), ridge=1e-3)
    p = 1 / (1 + np.exp(board.theta[second] - board.theta[first]))
    slope = np.bincount(first, outcomes - p, n) - np.bincount(second, outcomes - p, n) - 1e-3 * board.theta
    assert board.converged
    assert np.abs(slope).max() < 1e-8


def test_where_it_starts_does_not_matter() -> None:
    comparisons = Comparisons.from_matrix(RT_05)
    board = ratings.bradley_terry(comparisons)
    moved = ratings.bradley_terry(comparisons, init=[3.0, -2.0, 0.0, 1.0])
    np.testing.assert_allclose(moved.theta, board.theta, rtol=0, atol=1e-12)
    there = ratings.bradley_terry(comparisons, init=board.theta + 5.0)
    assert there.iterations <= 2
    np.testing.assert_allclose(there.theta, board.theta, rtol=0, atol=1e-12)


def test_an_iteration_that_does_not_arrive() -> None:
    comparisons = Comparisons.from_matrix(RT_05)
    with pytest.raises(
        ConvergenceError, match=r"expected residual <= tol = 1e-10, got residual .* \(max_iter\)"
    ) as error:
        ratings.bradley_terry(comparisons, max_iter=1)
    result = error.value.result
    assert (result.converged, result.iterations, result.status) == (False, 1, "max_iter")
    same = ratings.bradley_terry(comparisons, max_iter=1, strict=False)
    np.testing.assert_array_equal(same.theta, result.theta)
    assert ratings.bradley_terry(comparisons, tol=0.0).status == "floor"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"ridge": -1.0}, DomainError, r"ridge must be a number in \[0, 1e100\], got -1.0"),
        ({"ridge": float("nan")}, DomainError, r"ridge must be a number in \[0, 1e100\], got nan"),
        ({"ridge": "1"}, TypeError, "ridge must be a number, got '1'"),
        ({"init": [0.0]}, ShapeError, r"init must have shape \[4\] like the items, got \[1\]"),
        ({"init": [0.0, np.nan, 0.0, 0.0]}, DomainError, r"init\[1\] must be a finite number, got NaN"),
        ({"tol": -1.0}, DomainError, "tol must be a number >= 0, got -1.0"),
        ({"max_iter": 1.5}, TypeError, "max_iter must be an integer, got 1.5"),
        ({"strict": 1}, TypeError, "strict must be True or False, got 1"),
    ],
)
@pytest.mark.parametrize("estimator", [ratings.bradley_terry, ratings.davidson, ratings.rao_kupper])
def test_options_are_checked(estimator: Any, options: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        estimator(Comparisons.from_matrix(RT_05, ties=np.ones((4, 4)) - np.eye(4)), **options)


def test_comparisons_are_asked_for() -> None:
    with pytest.raises(TypeError, match="comparisons must be Comparisons, got a list"):
        ratings.bradley_terry([[0, 1], [1, 0]])  # type: ignore[arg-type]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0])), max_size=12))
def test_a_maximum_is_found_or_refused(rows: list[tuple[int, int, float]]) -> None:
    assume(rows)
    first = np.array([row[0] for row in rows])
    second = (first + [row[1] for row in rows]) % 5
    comparisons = Comparisons.from_outcomes(first, second, [row[2] for row in rows], n_items=5)
    if len(connectivity(comparisons).components) > 1:
        with pytest.raises(SeparationError):
            ratings.bradley_terry(comparisons)
        return
    board = ratings.bradley_terry(comparisons)
    p = board.probabilities()
    votes = comparisons.votes()
    np.testing.assert_allclose(votes.sum(1), ((votes + votes.T) * p).sum(1), atol=1e-8)

"""What a `RatingResult` says of its ratings."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

import recipes
from prefcore import ratings
from prefcore.errors import DomainError
from prefcore.ratings import Comparisons, RatingResult

NAMES = [f"model-{item}" for item in range(12)]


@pytest.fixture(scope="module")
def board() -> RatingResult:
    return ratings.bradley_terry(Comparisons.from_outcomes(*recipes.duel(12, 2000, 9), names=NAMES))


def test_a_difference_needs_no_gauge(board: RatingResult) -> None:
    """The anchor of a leaderboard: theta - theta[k], whose error is that of the difference."""
    contrast = np.zeros(12)
    contrast[[2, 7]] = 1, -1
    estimate, error = board.difference(2, 7)
    assert estimate == pytest.approx(board.theta[2] - board.theta[7])
    assert error == pytest.approx(np.sqrt(contrast @ board.covariance @ contrast), rel=1e-12)
    assert board.difference(7, 2) == (-estimate, error)
    assert board.difference(3, 3) == (0.0, 0.0)
    np.testing.assert_allclose(board.covariance.sum(0), 0, atol=1e-14)
    np.testing.assert_allclose(board.robust_covariance.sum(0), 0, atol=1e-14)


def test_intervals_are_those_of_the_normal(board: RatingResult) -> None:
    lower, upper = board.interval(confidence_level=0.9)
    expected = stats.norm.interval(0.9, board.theta, board.std_error)
    np.testing.assert_allclose([lower, upper], expected, rtol=1e-12)
    robust = board.interval(robust=True)
    np.testing.assert_allclose(robust, stats.norm.interval(0.95, board.theta, board.robust_std_error), rtol=1e-12)


def test_ranks_are_counted_by_differences(board: RatingResult) -> None:
    best, worst = board.rank_intervals(confidence_level=0.8)
    reach = stats.norm.ppf(0.9)
    for item in range(12):
        others = [board.difference(item, other) for other in range(12) if other != item]
        assert best[item] == 1 + sum(lead < -reach * error for lead, error in others)
        assert worst[item] == 12 - sum(lead > reach * error for lead, error in others)


def test_probabilities_are_a_payoff(board: RatingResult) -> None:
    p = board.probabilities()
    assert p[3, 5] == pytest.approx(1 / (1 + np.exp(board.theta[5] - board.theta[3])))
    np.testing.assert_allclose(p + p.T, 1, atol=1e-15)


def test_the_board_is_sorted(board: RatingResult) -> None:
    columns = board.leaderboard()
    assert list(columns) == ["rank", "item", "theta", "std_error", "best_rank", "worst_rank"]
    assert (np.diff(columns["theta"]) <= 0).all()
    item = NAMES.index(columns["item"][0])
    assert (columns["theta"][0], columns["std_error"][0]) == (board.theta[item], board.std_error[item])
    assert columns["best_rank"][0] == 1
    np.testing.assert_array_equal(np.asarray(board), board.theta)
    np.testing.assert_array_equal(np.argmax(board), item)


def test_the_repr_starts_with_the_best(board: RatingResult) -> None:
    lines = repr(board).splitlines()
    assert len(lines) <= 12
    assert lines[0] == "RatingResult: 12 items, 2000 comparisons"
    best = int(np.argmax(board.theta))
    assert lines[1] == f"model-{best}: {board.theta[best]:.4f}"
    assert lines[-1].startswith("converged: residual")
    assert "penalised" not in repr(board)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda board: board.difference(0, 12), DomainError, "j must be 0 to 11, got 12"),
        (lambda board: board.difference("a", 1), TypeError, "i must be an integer, got 'a'"),
        (lambda board: board.interval(confidence_level=1.0), DomainError, "confidence_level must be a number between"),
        (lambda board: board.rank_intervals(confidence_level=0), DomainError, "confidence_level must be a number"),
        (lambda board: board.interval(robust=None), TypeError, "robust must be True or False, got None"),
    ],
)
def test_arguments_are_checked(board: RatingResult, call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(board)


def test_a_single_item_and_an_empty_table() -> None:
    alone = ratings.bradley_terry(Comparisons.from_matrix([[0]]))
    assert (alone.theta.tolist(), alone.std_error.tolist(), alone.iterations) == ([0.0], [0.0], 0)
    nobody = ratings.bradley_terry(Comparisons.from_outcomes([], [], []), ridge=1.0)
    assert nobody.theta.shape == (0,)

"""Spectral ratings: against dense linear algebra."""

from typing import Any

import numpy as np
import pytest

import recipes
from prefcore import ratings
from prefcore.errors import ConvergenceError, DomainError, SeparationError
from prefcore.ratings import Comparisons

ALL = [ratings.eigenvector_centrality, ratings.pagerank, ratings.rank_centrality]


def duels(n: int = 9, rows: int = 400, seed: int = 2) -> Comparisons:
    first, second, outcomes = recipes.duel(n, rows, seed)
    return Comparisons.from_outcomes(first, second, outcomes)


def leading(matrix: Any) -> Any:
    values, vectors = np.linalg.eig(matrix)
    return np.abs(vectors[:, values.real.argmax()].real)


def test_the_eigenvector_is_that_of_the_win_matrix() -> None:
    wins = duels().votes()
    got = ratings.eigenvector_centrality(duels())
    np.testing.assert_allclose(got.score, leading(wins), rtol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(got.score), 1.0)
    assert got.residual <= 1e-12
    np.testing.assert_allclose(ratings.eigenvector_centrality(duels().swapped()).score, leading(wins.T), rtol=1e-10)


def test_pagerank_is_the_law_of_the_walk() -> None:
    wins = duels().votes()
    links = wins / wins.sum(0)
    want = leading(0.85 * links + 0.15 / len(wins))
    np.testing.assert_allclose(ratings.pagerank(duels()).score, want / want.sum(), rtol=1e-10)


def test_whoever_has_not_lost_links_to_all() -> None:
    wins = np.array([[0.0, 2, 1], [0, 0, 1], [0, 1, 0]])
    links = np.column_stack([np.full(3, 1 / 3), wins[:, 1] / 3, wins[:, 2] / 2])
    want = leading(0.5 * links + 0.5 / 3)
    got = ratings.pagerank(Comparisons.from_matrix(wins), damping=0.5)
    np.testing.assert_allclose(got.score, want / want.sum(), rtol=1e-10)


def test_rank_centrality_is_the_law_of_the_chain() -> None:
    wins = duels().votes()
    chain = wins.T / np.maximum(wins + wins.T, 1e-300) / len(wins)
    chain += np.diag(1 - chain.sum(1))
    want = leading(chain.T)
    np.testing.assert_allclose(ratings.rank_centrality(duels()).score, want / want.sum(), rtol=1e-9)


def test_rank_centrality_of_exact_fractions_is_bradley_terry() -> None:
    strength = np.array([1.0, 2, 4, 8])
    wins = strength[:, None] / (strength[:, None] + strength) * (1 - np.eye(4))
    got = ratings.rank_centrality(Comparisons.from_matrix(wins)).score
    np.testing.assert_allclose(got, strength / strength.sum(), rtol=1e-10)


@pytest.mark.parametrize("call", ALL)
def test_two_items_do_not_go_back_and_forth(call: Any) -> None:
    """The plain iteration has period 2 there."""
    got = call(Comparisons.from_matrix([[0, 1], [1, 0]]))
    np.testing.assert_allclose(got.score / got.score.sum(), 0.5)
    assert got.converged


@pytest.mark.parametrize("call", ALL)
def test_names_of_items_do_not_matter(call: Any) -> None:
    order = np.array([3, 1, 4, 0, 8, 5, 2, 6, 7])
    first, second, outcomes = recipes.duel(9, 400, 2)
    relabelled = Comparisons.from_outcomes(order[first], order[second], outcomes)
    np.testing.assert_allclose(call(relabelled).score[order], call(duels()).score, rtol=1e-8)


@pytest.mark.parametrize("call", [ratings.eigenvector_centrality, ratings.rank_centrality])
def test_what_is_not_linked_has_no_rating(call: Any) -> None:
    wins = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
    with pytest.raises(SeparationError, match="got 2 parts; pagerank needs no links") as error:
        call(Comparisons.from_matrix(wins))
    assert [list(part) for part in error.value.components] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("call", ALL)
def test_failures_are_errors_with_the_result(call: Any) -> None:
    with pytest.raises(ConvergenceError, match=r"expected residual <= tol = 1e-12, got residual .* after 2 iter") as e:
        call(duels(), max_iter=2)
    loose = call(duels(), max_iter=2, strict=False)
    np.testing.assert_array_equal(loose.score, e.value.result.score)
    with pytest.raises(DomainError, match="tol must be a number >= 0"):
        call(duels(), tol=float("nan"))
    with pytest.raises(TypeError, match="comparisons must be Comparisons, got a list"):
        call([[0, 1], [1, 0]])


def test_damping_below_1() -> None:
    with pytest.raises(DomainError, match=r"damping must be in \[0, 1\), got 1"):
        ratings.pagerank(duels(), damping=1.0)


def test_one_item_has_no_eigenvector() -> None:
    with pytest.raises(DomainError, match="comparisons must be of at least two items"):
        ratings.eigenvector_centrality(Comparisons.from_matrix([[0.0]]))
    with pytest.raises(TypeError, match="comparisons must be Comparisons, got a list"):
        ratings.average_win_rate([1, 2])  # type: ignore[arg-type]

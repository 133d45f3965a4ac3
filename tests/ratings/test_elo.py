"""Elo: against the loop, over orders, and on the labels of arenas."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recipes
from prefcore import ratings
from prefcore.errors import DomainError, ShapeError


def by_hand(first: Any, second: Any, outcomes: Any, weights: Any, n: int, k: float) -> Any:
    rating = np.full(n, 1000.0)
    for i, j, y, weight in zip(first, second, outcomes, weights, strict=True):
        expected = 1 / (1 + 10 ** ((rating[j] - rating[i]) / 400))
        rating[i] += k * weight * (y - expected)
        rating[j] -= k * weight * (y - expected)
    return rating


def test_it_is_the_loop() -> None:
    first, second, outcomes = recipes.duel(12, 3000, 5)
    weights = recipes.feature(3000, 6) + 1
    got = ratings.elo(first, second, outcomes, k=20.0, weights=weights)
    np.testing.assert_allclose(got, by_hand(first, second, outcomes, weights, 12, 20.0), rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 9), st.integers(0, 60), st.integers(0, 1000))
def test_what_one_side_gains_the_other_loses(n: int, rows: int, seed: int) -> None:
    first, second, outcomes = recipes.duel(n, rows, seed)
    got = ratings.elo(first, second, outcomes, n_items=n)
    np.testing.assert_allclose(got.sum(), 1000.0 * n, rtol=1e-12)
    exchanged = ratings.elo(second, first, 1 - outcomes, n_items=n)
    np.testing.assert_allclose(exchanged, got, rtol=1e-12)


def test_another_base_and_scale_are_other_units() -> None:
    first, second, outcomes = recipes.duel(5, 200, 1)
    points = ratings.elo(first, second, outcomes)
    nats = ratings.elo(first, second, outcomes, k=32 * np.log(10) / 400, initial=0, scale=1, base=np.e)
    np.testing.assert_allclose(ratings.elo_scale(nats), points, rtol=1e-12)


def test_a_lead_beyond_the_range_of_exp_is_a_certain_win() -> None:
    got = ratings.elo([0, 0], [1, 1], [1.0, 1.0], k=1e9)
    np.testing.assert_allclose(got, [5e8 + 1000, -5e8 + 1000])


def test_over_orders_it_is_the_mean_and_spread_of_elo() -> None:
    """Two comparisons have two orders, each in about half of the permutations."""
    both = [ratings.elo([0, 0], [1, 1], order) for order in ([1.0, 0.0], [0.0, 1.0])]
    spread = ratings.elo_permuted([0, 0], [1, 1], [1.0, 0.0], n_permutations=4000)
    np.testing.assert_allclose(spread.mean, np.mean(both, axis=0), atol=0.1)
    np.testing.assert_allclose(spread.std, np.std(both, axis=0), rtol=0.01)
    again = ratings.elo_permuted([0, 0], [1, 1], [1.0, 0.0], n_permutations=4000, seed=0)
    np.testing.assert_array_equal(again.mean, spread.mean)
    other = ratings.elo_permuted([0, 0], [1, 1], [1.0, 0.0], n_permutations=4000, seed=1)
    assert (other.mean != spread.mean).any()


def test_equal_comparisons_have_one_order() -> None:
    spread = ratings.elo_permuted([0] * 9, [1] * 9, [0.5] * 4 + [0.5] * 5, n_permutations=3)
    np.testing.assert_array_equal(spread.std, 0.0)
    np.testing.assert_allclose(spread.mean, 1000.0)


def test_labels_of_an_arena() -> None:
    """RT-03: 'tie (bothbad)' is a tie; an unknown label is an error that names its row."""
    battles = [
        ("A", "B", "model_a"),
        ("A", "B", "tie (bothbad)"),
        ("B", "C", "model_b"),
        ("C", "A", "tie"),
        ("B", "C", "model_a"),
    ]
    first, second, winners = (list(column) for column in zip(*battles, strict=True))
    items = ratings.factorize(first, second)
    got = ratings.elo(items.first, items.second, ratings.parse_winners(winners))
    np.testing.assert_allclose(got, [1014.5673737169959, 988.206150293842, 997.2264759891619], atol=1e-9)
    np.testing.assert_allclose(got.sum(), 3000.0)
    with pytest.raises(DomainError, match=r"winners\[5\] .*'gpt-4'"):
        ratings.parse_winners([*winners, "gpt-4"])


@pytest.mark.parametrize("call", [ratings.elo, lambda *a, **k: ratings.elo_permuted(*a, n_permutations=2, **k)])
def test_bad_arguments_are_refused_by_name(call: Any) -> None:
    with pytest.raises(ShapeError, match="second must have length 2 like first, got 1"):
        call([0, 1], [1], [1.0, 1.0])
    with pytest.raises(ShapeError, match="weights must have length 1 like first, got 2"):
        call([0], [1], [1.0], weights=[1.0, 1.0])
    with pytest.raises(DomainError, match=r"second\[1\] must be another item than first\[1\], got 2 in both"):
        call([0, 2], [1, 2], [1.0, 1.0])
    with pytest.raises(DomainError, match=r"first\[1\] must be an item, 0 to 2, got 3"):
        call([0, 3], [1, 2], [1.0, 1.0], n_items=3)
    with pytest.raises(DomainError, match=r"second\[0\] must be an item, 0 to 1, got -1"):
        call([1], [-1], [1.0])
    with pytest.raises(DomainError, match=r"outcomes\[0\] must be a number from 0 to 1, got 2"):
        call([0], [1], [2.0])
    with pytest.raises(DomainError, match=r"weights\[0\] must be 0 or a number from 1e-100 to 1e100, got inf"):
        call([0], [1], [1.0], weights=[np.inf])
    with pytest.raises(DomainError, match="base must be a finite number > 1, got 1"):
        call([0], [1], [1.0], base=1.0)
    with pytest.raises(DomainError, match="scale must be a finite number > 0, got 0"):
        call([0], [1], [1.0], scale=0)


def test_a_number_beyond_all_items_is_no_panic() -> None:
    with pytest.raises(DomainError, match=r"second\[0\] must be an item, 0 to 2147483647, got 4611686018427387904"):
        ratings.elo([0], [2**62], [1.0])
    with pytest.raises(DomainError, match=r"second\[0\] must be an item, 0 to 2147483647, got 4611686018427387904"):
        ratings.Comparisons.from_outcomes([0], [2**62], [1.0])


def test_an_order_alone_has_no_spread() -> None:
    with pytest.raises(DomainError, match="n_permutations must be 2 to"):
        ratings.elo_permuted([0], [1], [1.0], n_permutations=1)

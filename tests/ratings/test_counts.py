"""Win rates, components and cycles against loops."""

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefcore import ratings
from prefcore.errors import DomainError
from prefcore.ratings import Comparisons, ComparisonState

N = 6
ROWS = st.lists(st.tuples(st.integers(0, N - 1), st.integers(1, N - 1), st.sampled_from([0.0, 0.5, 1.0])), max_size=25)


def comparisons(rows: list[tuple[int, int, float]]) -> Comparisons:
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    first, step = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return Comparisons.from_outcomes(first, (first + step) % N, table[:, 2], n_items=N)


@given(ROWS)
def test_rates_are_means_over_games_and_over_opponents(rows: list[Any]) -> None:
    c = comparisons(rows)
    votes = c.votes()
    games = votes + votes.T
    np.testing.assert_array_equal(ratings.counting(c), votes.sum(axis=1))
    for item in range(N):
        met = games[item] > 0
        if not met.any():
            assert np.isnan(ratings.win_rate(c)[item])
            assert ratings.average_win_rate(c, unmet=0.25)[item] == ratings.win_rate(c, unmet=0.25)[item] == 0.25
            continue
        assert ratings.win_rate(c)[item] == pytest.approx(votes[item].sum() / games[item].sum(), rel=1e-14)
        mean = (votes[item, met] / games[item, met]).mean()
        assert ratings.average_win_rate(c)[item] == pytest.approx(mean, rel=1e-14)


def reach(c: Comparisons) -> Any:
    """Who beats whom, directly or through others (Warshall)."""
    to = (c.votes() > 0) | np.eye(N, dtype=bool)
    for middle in range(N):
        to |= to[:, [middle]] & to[[middle]]
    return to


@given(ROWS)
def test_components_reach_each_other(rows: list[Any]) -> None:
    c = comparisons(rows)
    got, to = ratings.connectivity(c), reach(c)
    assert sorted(np.concatenate(got.components).tolist()) == list(range(N))
    for part in got.components:
        assert to[np.ix_(part, part)].all()
        assert np.array_equal(part, np.sort(part))
    for left, right in combinations(got.components, 2):
        assert not to[np.ix_(right, left)].any()
    played, votes = c.n_games > 0, c.votes()
    np.testing.assert_array_equal(got.undefeated, np.flatnonzero(played & (votes.sum(axis=0) == 0)))
    np.testing.assert_array_equal(got.winless, np.flatnonzero(played & (votes.sum(axis=1) == 0)))
    assert got.rating_exists is bool(to.all())


def test_components_are_in_the_order_of_who_beat_whom() -> None:
    chain = Comparisons.from_outcomes([3, 1, 0], [1, 0, 2], [1.0, 1.0, 1.0])
    assert [part.tolist() for part in ratings.connectivity(chain).components] == [[3], [1], [0], [2]]
    apart = Comparisons.from_outcomes([2, 3, 0, 1], [3, 2, 1, 0], [1.0, 1.0, 1.0, 1.0])
    assert [part.tolist() for part in ratings.connectivity(apart).components] == [[0, 1], [2, 3]]
    nobody = ratings.connectivity(Comparisons.from_outcomes([], [], []))
    assert (nobody.components, nobody.rating_exists) == ((), False)


@given(ROWS)
def test_cyclic_triples_are_those_of_all_triples(rows: list[Any]) -> None:
    c = comparisons(rows)
    beats = c.win_matrix() > c.win_matrix().T
    total = sum(
        all(beats[a, b] or beats[b, a] for a, b in combinations(items, 2)) for items in combinations(range(N), 3)
    )
    ways = permutations(range(N), 3)
    cyclic = sum(beats[a, b] and beats[b, d] and beats[d, a] for a, b, d in ways) // 3
    assert ratings.cyclic_triples(c) == (cyclic, total)


def test_a_tournament_by_strength_has_no_cycle_and_one_of_coins_a_quarter() -> None:
    n = 60
    first, second = np.triu_indices(n, 1)
    ordered = Comparisons.from_outcomes(first, second, np.ones(len(first)))
    total = n * (n - 1) * (n - 2) // 6
    assert ratings.cyclic_triples(ordered) == (0, total)
    coins = Comparisons.from_outcomes(first, second, np.random.default_rng(0).integers(0, 2, len(first)))
    assert ratings.cyclic_triples(coins).cyclic / total == pytest.approx(0.25, abs=0.02)


VOTES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from("wxyz"),
        st.sampled_from(["model_a", "model_b", "tie"]),
        st.floats(2**-12, 1e6) | st.just(0.0),
        st.integers(0, 2),
    ),
    max_size=30,
)


def same_bits(one: Comparisons, other: Comparisons) -> None:
    for name in ("n_items", "first", "second", "wins", "losses", "ties", "n_games", "names", "n_clusters"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@given(VOTES)
def test_states_of_any_parts_are_the_batch_bit_for_bit(rows: list[Any]) -> None:
    """Weights below 2^-12 are rounded; these are not."""
    first, second, winners, weights, part = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 5
    state = ComparisonState()
    for number in (2, 0, 1):
        own = [row for row, value in enumerate(part) if value == number]
        columns = ([column[row] for row in own] for column in (first, second, winners))
        state = ComparisonState().update(*columns, weights=[weights[row] for row in own]).merge(state)
    whole = Comparisons.from_votes(first, second, winners, weights=weights)
    same_bits(state.finish(), whole)
    units, want = state.finish()._units, whole._units
    for power in (0, 1, 2):
        got, sums = (
            np.bincount(3 * u.cell + (2 * u.outcome).astype(int), u.weight**power * u.count, 3 * len(whole.first))
            for u in (units, want)
        )
        np.testing.assert_allclose(got, sums, rtol=1e-9)
    assert np.all(units.weight >= 0)
    assert np.all(units.count >= 1)


@given(VOTES)
def test_states_without_weights_have_the_units_of_the_batch(rows: list[Any]) -> None:
    first, second, winners, *_ = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 5
    half = len(first) // 2
    parts = [[column[:half] for column in (first, second, winners)], [x[half:] for x in (first, second, winners)]]
    got = ComparisonState().update(*parts[0]).update(*parts[1]).finish()
    whole = Comparisons.from_votes(first, second, winners)
    same_bits(got, whole)
    for name in ("cell", "outcome", "weight", "count"):
        np.testing.assert_array_equal(getattr(got._units, name), getattr(whole._units, name))


def test_states_do_not_change_and_name_what_does_not_fit() -> None:
    state = ComparisonState().update(["a"], ["b"], ["tie"])
    before = (state.names, state.counts.tobytes(), state.sums.tobytes())
    state.merge(state)
    state.update(["c"], ["d"], ["tie"])
    assert (state.names, state.counts.tobytes(), state.sums.tobytes()) == before
    with pytest.raises(
        DomainError, match=r"weights must be so small that neither they nor their squares add up to 2\^63"
    ):
        state.update(["a"], ["b"], ["tie"], weights=[1e20])
    with pytest.raises(DomainError, match=r"winners\[0\] must be one of"):
        state.update(["a"], ["b"], ["unknown"])

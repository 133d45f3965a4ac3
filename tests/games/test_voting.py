"""Voting rules against their definitions, written naively, and the properties that name them."""

from itertools import pairwise, permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prefcore
from prefcore import games
from prefcore.errors import DomainError

Table = Any
QUICK = settings(deadline=None, max_examples=60)


def drawn(seed: int, n: int, most: int = 4) -> Table:
    """Votes 0 ... most - 1, so that many pairs are tied or equally strong."""
    votes = np.random.default_rng(seed).integers(0, most, size=(n, n)).astype(float)
    np.fill_diagonal(votes, 0)
    return votes


def tables(least: int = 1, most: int = 6) -> st.SearchStrategy[Table]:
    return st.builds(drawn, st.integers(0, 1 << 32), st.integers(least, most), st.integers(2, 6))


def ballots(n: int, count: int, seed: int) -> Table:
    return np.argsort(np.random.default_rng(seed).random((count, n)), axis=1)


def counted(rankings: Table, **options: Any) -> Table:
    count, n = rankings.shape
    return games.pairwise_votes(rankings.ravel(), np.arange(count + 1) * n, n_items=n, **options)


def strengths(votes: Table, strength: str) -> Table:
    n = len(votes)
    out = np.zeros((n, n))
    for i, j in product(range(n), range(n)):
        if votes[i, j] > votes[j, i]:
            out[i, j] = votes[i, j] if strength == "winning_votes" else votes[i, j] - votes[j, i]
    return out


def agreement(votes: Table, order: Any) -> float:
    return float(sum(votes[i, j] for place, i in enumerate(order) for j in order[place + 1 :]))


@pytest.mark.parametrize("unranked", ["ignore", "last"])
@pytest.mark.parametrize("n", [7, 50])
def test_ballots_are_counted_as_two_loops_count_them(unranked: Any, n: int) -> None:
    rng = np.random.default_rng(0)
    lists = [rng.permutation(n)[: rng.integers(0, most)] for most in (8, n + 1) * 20]
    weights = rng.integers(0, 5, size=40) / 4
    want = np.zeros((n, n))
    for ballot, weight in zip(lists, weights, strict=True):
        for place, i in enumerate(ballot):
            passed = set(ballot[: place + 1])
            for j in set(ballot) - passed if unranked == "ignore" else set(range(n)) - passed:
                want[i, j] += weight
    offsets = np.cumsum([0, *map(len, lists)])
    got = games.pairwise_votes(np.concatenate(lists), offsets, n_items=n, weights=weights, unranked=unranked)
    np.testing.assert_array_equal(got, want)


def test_ballots_and_paths_have_the_same_bits_on_any_number_of_threads() -> None:
    """Weights that round, so that another order of sums would show."""
    rankings, weights = ballots(150, 60, 1), np.random.default_rng(2).random(60)
    before = prefcore.get_num_threads()
    found = []
    for threads in (1, 2, 3, 8):
        prefcore.set_num_threads(threads)
        votes = counted(rankings, weights=weights)
        found.append((votes, games.schulze(votes).paths))
    prefcore.set_num_threads(before)
    for votes, paths in found[1:]:
        np.testing.assert_array_equal(votes, found[0][0])
        np.testing.assert_array_equal(paths, found[0][1])


@QUICK
@given(tables())
def test_scores_are_their_definitions(votes: Table) -> None:
    n = len(votes)
    others = [[j for j in range(n) if j != i] for i in range(n)]
    wins = [sum(votes[i, j] > votes[j, i] for j in others[i]) for i in range(n)]
    ties = [sum(votes[i, j] == votes[j, i] for j in others[i]) for i in range(n)]
    np.testing.assert_array_equal(games.borda(votes), [sum(votes[i, j] for j in others[i]) for i in range(n)])
    np.testing.assert_array_equal(games.copeland(votes, ties=0.25), np.array(wins) + 0.25 * np.array(ties))
    for strength in ("margins", "winning_votes"):
        defeats = strengths(votes, strength)
        want = [-max([defeats[j, i] for j in others[i]], default=0.0) for i in range(n)]
        np.testing.assert_array_equal(games.minimax(votes, strength=strength), want)


@pytest.mark.parametrize(
    ("votes", "want"),
    [
        ([[0, 3, 2, 4], [2, 0, 4, 2], [3, 1, 0, 3], [1, 3, 2, 0]], [1, -1, 1, -1]),
        ([[0, 2, 2], [2, 0, 2], [2, 2, 0]], [0, 0, 0]),
        ([[0, 3, 3], [2, 0, 2], [2, 3, 0]], [2, -2, 0]),
        ([[0, 3, 3, 4], [3, 0, 2, 5], [3, 4, 0, 3], [2, 1, 3, 0]], [1, 0, 1, -2]),
    ],
)
def test_wins_minus_losses_is_another_scale_of_copeland(votes: Any, want: list[int]) -> None:
    """games_extra/voting_ties, copeland_wins_minus_losses of its four tables."""
    np.testing.assert_array_equal(2 * games.copeland(votes, ties=0.5) - (len(votes) - 1), want)


@QUICK
@given(tables(), st.sampled_from(["winning_votes", "margins"]))
def test_schulze_is_the_widest_path(votes: Table, strength: Any) -> None:
    """Of all chains without repetition, one by one."""
    n, majority = len(votes), strengths(votes, strength)
    want = np.zeros((n, n))
    for i, j in permutations(range(n), 2):
        rest = [k for k in range(n) if k not in (i, j)]
        for length in range(len(rest) + 1):
            for middle in permutations(rest, length):
                chain = (i, *middle, j)
                width = min(majority[a, b] for a, b in pairwise(chain))
                want[i, j] = max(want[i, j], width)
    got = games.schulze(votes, strength=strength)
    np.testing.assert_array_equal(got.paths, want)
    assert got.winners.tolist() == [i for i in range(n) if all(want[i, j] >= want[j, i] for j in range(n))]
    for i, j in product(range(n), range(n)):
        if want[i, j] > want[j, i]:
            assert got.ranks[i] < got.ranks[j]
    assert got.ranking.tolist() == sorted(range(n), key=lambda i: (got.ranks[i], i))


def test_schulze_of_many_items_is_the_loop_over_middle_items() -> None:
    """n = 77: more than two rounds of middle items, and rows that are no multiple of anything."""
    votes = drawn(3, 77, 1_000)
    want = strengths(votes, "winning_votes")
    for k in range(77):
        want = np.maximum(want, np.minimum(want[:, k, None], want[None, k, :]))
    np.fill_diagonal(want, 0)
    np.testing.assert_array_equal(games.schulze(votes).paths, want)


def locked_in(order: list[tuple[int, int]], n: int) -> frozenset[tuple[int, int]]:
    """Majorities taken in this order; each is skipped where its loser already reaches its winner."""
    edges: set[tuple[int, int]] = set()
    for i, j in order:
        reached = {j}
        while more := {b for a, b in edges if a in reached} - reached:
            reached |= more
        if i not in reached:
            edges.add((i, j))
    return frozenset(edges)


@QUICK
@given(tables(2, 4), st.sampled_from(["margins", "winning_votes"]))
def test_ranked_pairs_and_whether_another_order_of_equals_gives_another_result(votes: Table, strength: Any) -> None:
    n, majority = len(votes), strengths(votes, strength)
    pairs = [(i, j) for i, j in product(range(n), range(n)) if majority[i, j] > 0]
    levels = sorted({majority[pair] for pair in pairs}, reverse=True)
    equals = [[pair for pair in pairs if majority[pair] == level] for level in levels]
    results = {
        locked_in([pair for level in order for pair in level], n) for order in product(*map(permutations, equals))
    }
    got = games.ranked_pairs(votes, strength=strength)
    assert set(map(tuple, np.argwhere(got.locked).tolist())) == locked_in(
        [pair for level in equals for pair in level], n
    )
    assert got.ambiguous == (len(results) > 1)
    above = np.argsort(got.ranking)
    assert all(above[i] < above[j] for i, j in np.argwhere(got.locked))
    assert got.winners.tolist() == [j for j in range(n) if not got.locked[:, j].any()]


@QUICK
@given(tables(1, 5))
def test_kemeny_lists_the_best_of_all_permutations(votes: Table) -> None:
    scores = {order: agreement(votes, order) for order in permutations(range(len(votes)))}
    best = max(scores.values())
    got = games.kemeny(votes)
    assert got.score == got.bound == best
    assert got.optimal
    assert [tuple(order) for order in got.rankings.tolist()] == [order for order in scores if scores[order] == best]


def test_one_item_agrees_with_no_votes() -> None:
    """A score of 0, not of -0."""
    assert str(games.kemeny([[0.0]]).score) == "0.0"


@pytest.mark.parametrize("n", [9, 13])
def test_kemeny_of_more_items_is_the_best_over_subsets(n: int) -> None:
    votes = drawn(n, n, 30)
    best = np.zeros(1 << n)
    for chosen in range(1, 1 << n):
        items = [i for i in range(n) if chosen >> i & 1]
        best[chosen] = max(votes[i, items].sum() + best[chosen & ~(1 << i)] for i in items)
    got = games.kemeny(votes)
    assert got.score == got.bound == best[-1] == agreement(votes, got.rankings[0].tolist())
    assert got.optimal
    assert len(got.rankings) == 1


def test_kemeny_of_many_items_says_how_far_from_the_best_it_can_be() -> None:
    """24 items that no majorities separate: a local optimum under moves of one item, below its bound."""
    votes = drawn(5, 24, 100)
    got = games.kemeny(votes)
    order = got.rankings[0].tolist()
    assert got.score == agreement(votes, order) < got.bound <= np.maximum(votes, votes.T).sum() / 2
    assert not got.optimal
    for place, target in product(range(24), range(24)):
        moved = order[:place] + order[place + 1 :]
        moved.insert(target, order[place])
        assert agreement(votes, moved) <= got.score


def test_kemeny_of_many_items_is_exact_where_the_bound_is_reached() -> None:
    """One cycle through all 30 items whose weakest majority closes it: 29 items in order, and one majority lost."""
    votes = np.triu(np.full((30, 30), 5.0), 1)
    votes[29, 0], votes[0, 29] = 3.0, 0.0
    shuffled = np.random.default_rng(0).permutation(30)
    got = games.kemeny(votes[np.ix_(shuffled, shuffled)])
    assert shuffled[got.rankings[0]].tolist() == list(range(30))
    assert got.score == got.bound == 5 * (30 * 29 / 2 - 1)
    assert got.optimal


def test_items_below_by_majority_do_not_disturb_a_cycle() -> None:
    """Three items in a cycle, 40 below them in order: exact, though a table over 43 items would not fit."""
    votes = np.triu(np.full((43, 43), 2.0), 1) + np.tril(np.ones((43, 43)), -1)
    votes[0, 2], votes[2, 0] = 1.0, 2.0
    got = games.kemeny(votes)
    assert got.optimal
    assert got.rankings[0].tolist() == list(range(43))


@QUICK
@given(tables(2, 6), st.integers(0, 1 << 16))
def test_names_of_items_do_not_matter(votes: Table, seed: int) -> None:
    names = np.random.default_rng(seed).permutation(len(votes))
    other = votes[np.ix_(names, names)]
    np.testing.assert_array_equal(games.borda(other), games.borda(votes)[names])
    np.testing.assert_array_equal(games.copeland(other, ties=0.5), games.copeland(votes, ties=0.5)[names])
    np.testing.assert_array_equal(games.minimax(other), games.minimax(votes)[names])
    np.testing.assert_array_equal(games.schulze(other).ranks, games.schulze(votes).ranks[names])
    one, two = games.ranked_pairs(votes), games.ranked_pairs(other)
    assert one.ambiguous == two.ambiguous
    if not one.ambiguous:
        np.testing.assert_array_equal(two.locked, one.locked[np.ix_(names, names)])
    best, renamed = games.kemeny(votes), games.kemeny(other)
    assert best.score == renamed.score
    assert sorted(names[renamed.rankings].tolist()) == best.rankings.tolist()


@QUICK
@given(st.integers(2, 6), st.integers(1, 9), st.integers(0, 1 << 16))
def test_twice_the_ballots_are_twice_the_votes(n: int, count: int, seed: int) -> None:
    rankings = ballots(n, count, seed)
    votes, twice = counted(rankings), counted(np.concatenate([rankings, rankings]))
    np.testing.assert_array_equal(twice, 2 * votes)
    np.testing.assert_array_equal(counted(rankings, weights=np.full(count, 2)), twice)
    np.testing.assert_array_equal(games.schulze(twice).ranking, games.schulze(votes).ranking)
    np.testing.assert_array_equal(games.ranked_pairs(twice).locked, games.ranked_pairs(votes).locked)
    np.testing.assert_array_equal(games.kemeny(twice).rankings, games.kemeny(votes).rankings)
    assert games.kemeny(twice).score == 2 * games.kemeny(votes).score


@QUICK
@given(tables(2, 7), st.data())
def test_a_condorcet_winner_wins(votes: Table, data: st.DataObject) -> None:
    winner = data.draw(st.integers(0, len(votes) - 1))
    votes[winner] = votes[:, winner] + 1
    votes[winner, winner] = 0
    assert np.flatnonzero(games.copeland(votes, ties=1.0) == len(votes) - 1).tolist().count(winner) == 1
    assert games.copeland(votes, ties=0.5).argmax() == winner
    assert np.flatnonzero(games.minimax(votes) == 0).tolist() == [winner]
    assert games.schulze(votes).winners.tolist() == [winner]
    ranked = games.ranked_pairs(votes)
    assert ranked.winners.tolist() == [winner]
    assert ranked.ranking[0] == winner
    assert set(games.kemeny(votes).rankings[:, 0].tolist()) == {winner}


@QUICK
@given(st.integers(2, 6), st.integers(1, 9), st.integers(0, 1 << 16))
def test_what_all_prefer_stands_above(n: int, count: int, seed: int) -> None:
    """Item 0 moves to just above item 1 on every ballot where it is below."""
    rankings = []
    for ballot in ballots(n, count, seed).tolist():
        if ballot.index(0) > ballot.index(1):
            ballot.remove(0)
            ballot.insert(ballot.index(1), 0)
        rankings.append(ballot)
    votes = counted(np.array(rankings))
    assert games.borda(votes)[0] > games.borda(votes)[1]
    assert games.copeland(votes, ties=0.5)[0] > games.copeland(votes, ties=0.5)[1]
    assert games.minimax(votes)[0] >= games.minimax(votes)[1]
    assert games.schulze(votes).ranks[0] < games.schulze(votes).ranks[1]
    for order in (games.ranked_pairs(votes).ranking, *games.kemeny(votes).rankings):
        assert order.tolist().index(0) < order.tolist().index(1)


@QUICK
@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 1 << 16))
def test_a_maximal_lottery_is_beaten_by_none(n: int, count: int, seed: int) -> None:
    votes = counted(ballots(n, count, seed))
    lottery = games.maximal_lottery(votes).policy
    assert (lottery @ (votes - votes.T)).min() > -1e-9 * count
    signs = np.sign(votes - votes.T)
    assert (games.maximal_lottery(votes, strength="majority").policy @ signs).min() > -1e-9


def test_a_copy_takes_nothing_from_other_items() -> None:
    """Three in a circle with margins 1, 3, 5 the lottery of which is (3, 5, 1) / 9; the copy of item 1 shares."""
    margins = np.array([[0, 1, -5], [-1, 0, 3], [5, -3, 0]])
    lottery = games.maximal_lottery(np.maximum(margins, 0)).policy
    np.testing.assert_allclose(lottery, np.array([3, 5, 1]) / 9, atol=1e-12)
    items = [0, 1, 2, 1]
    copied = games.maximal_lottery(np.maximum(margins[np.ix_(items, items)], 0))
    np.testing.assert_allclose(copied.policy, np.array([3, 2.5, 1, 2.5]) / 9, atol=1e-9)
    assert not copied.unique
    np.testing.assert_allclose(games.maximal_lottery(np.maximum(margins, 0), strength="majority").policy, 1 / 3)


def test_a_lottery_takes_votes_like_the_other_rules() -> None:
    with pytest.raises(DomainError, match=r"votes\[1, 1\] must be 0 on the diagonal"):
        games.maximal_lottery([[0, 1], [2, 3]])
    with pytest.raises(DomainError, match="strength must be 'margins' or 'majority', got 'winning_votes'"):
        games.maximal_lottery([[0, 1], [2, 0]], strength="winning_votes")  # type: ignore[arg-type]
    assert games.maximal_lottery(np.zeros((3, 3))).policy.tolist() == pytest.approx([1 / 3] * 3)

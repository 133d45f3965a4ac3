"""What is no function of its own because two others give it: the equalities that the pages promise to users."""

import itertools
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pairs.lists import flatten, grid, quick, ragged, rows_of
from prefcore import _rust, groups, pairs

levels = st.lists(st.lists(st.integers(0, 3), max_size=6), max_size=5)


@given(levels)
@quick
def test_a_ladder_is_all_pairs_of_levels(lists: list[list[int]]) -> None:
    """Equality 1; right against wrong is a ladder of two levels."""
    flat = flatten(lists, np.int64)
    found, ladder = pairs.all_pairs(**flat), set()
    for start, end in itertools.pairwise(flat["offsets"].tolist()):
        ladder |= {
            (i, j) for i in range(start, end) for j in range(start, end) if flat["scores"][i] > flat["scores"][j]
        }
    assert {row[:2] for row in rows_of(found)} == ladder
    assert rows_of(pairs.all_pairs([0, 2, 1])) == [(1, 0, 2, 0), (2, 0, 1, 0), (1, 2, 1, 0)]
    correct = flat["scores"] > 1
    both = pairs.all_pairs(correct.astype(int), offsets=flat["offsets"])
    assert correct[both.chosen].all()
    assert not correct[both.rejected].any()


def test_best_and_worst_of_one_source_within_a_window() -> None:
    """Equality 2, fusechat3.same_source_pairs, evolve.chain_filter (improved), anyprefer/best_worst_filter."""
    scores = [0.12, 0.15, 0.135, 0.149, 0.121, 0.1, 0.3, 0.25, 0.101, 0.109]
    choice: dict[str, Any] = {"by": [0] * 5 + [1] * 5, "min_gap": 0.01, "max_gap": 0.1, "inclusive": True}
    assert [row[:2] for row in rows_of(pairs.best_worst(scores, **choice))] == [(1, 0)]
    correct = np.array([1, 1, 0, 0, 1, 0, 0, 1, 1, 1], dtype=bool)
    assert [row[:2] for row in rows_of(pairs.best_worst(scores, **choice, correct=correct))] == [(1, 2)]
    chain = np.array([[0.2, 0.5, 0.4, 0.9], [0.7, 0.6, 0.6, 0.1], [0.3, 0.3, 0.3, 0.3]])
    assert (chain[:, -1] > chain[:, 0]).tolist() == [True, False, False]
    judge, reward = [[7.0, 3.0, 9.0, 5.0], [4.0] * 4, [2.0, 8.0, 6.0, 1.0]], np.array([8.5, 2.0, 5.0])
    found = pairs.best_worst(judge)
    kept = found.take(reward[found.group] >= 5.0)
    assert [(c % 4, r % 4, g) for c, r, _, g in rows_of(kept)] == [(2, 1, 0), (1, 3, 2)]


@given(ragged, st.integers(1, 4), st.integers(0, 9))
@quick
def test_best_against_random_and_filters_by_gap(lists: list[list[float]], skip: int, seed: int) -> None:
    """Equality 3."""
    flat = flatten(lists)
    drawn, rest = pairs.best_vs_rest(**flat, max_pairs_per_group=1, seed=seed), pairs.best_vs_rest(**flat)
    want = []
    for group, rows in itertools.groupby(rows_of(rest), key=lambda row: row[3]):
        start = int(flat["offsets"][group])

        def key(row: Any, group: int = group, start: int = start) -> int:
            return _rust.random_keys(seed, group, *sorted((row[0] - start, row[1] - start)))

        want.append(min(rows, key=key))
    assert rows_of(drawn) == want
    each = [rows_of(pairs.adjacent(**flat, min_skip=s, max_skip=s)) for s in range(1, skip + 1)]
    assert sorted(rows_of(pairs.adjacent(**flat, max_skip=skip))) == sorted(itertools.chain(*each))
    every = pairs.all_pairs(**flat)
    filtered = rows_of(every.take(every.margin >= 1.25))
    assert filtered == rows_of(pairs.all_pairs(**flat, min_gap=1.25, inclusive=True))


def test_principles_with_whole_sums() -> None:
    """psycho/pairs_gap in integers: a mean gap of 1 over 7 principles is a sum of 7, without rounding at the edge."""
    sums = [30, 23, 22, 14]
    found = pairs.all_pairs(sums, min_gap=7, inclusive=True)
    assert rows_of(found) == [(0, 1, 7, 0), (0, 2, 8, 0), (0, 3, 16, 0), (1, 3, 9, 0), (2, 3, 8, 0)]


@given(st.integers(2, 6), st.integers(0, 99))
@quick
def test_ranked_pairs_of_a_preference_matrix(k: int, seed: int) -> None:
    """Equality 4: every two responses, ranked by their mean probability to win."""
    p = np.random.default_rng(seed).random((k, k))
    p = (p + 1 - p.T) / 2
    wins = (p.sum(1) - 0.5) / (k - 1)
    found = pairs.adjacent(wins, max_skip=None, ties="keep")
    order = np.argsort(-wins, kind="stable").tolist()
    assert [row[:2] for row in rows_of(found)] == list(itertools.combinations(order, 2))
    assert p[found.chosen, found.rejected].shape == (k * (k - 1) // 2,)


def test_easy_to_hard_is_a_stable_sort_of_margins() -> None:
    """Equality 5: curry/pairs, curry/all_pairs, curry/ties and curry/logp_difficulty in the order of the records."""

    def ordered(found: pairs.Pairs, gaps: Any) -> list[tuple[int, int]]:
        return [row[:2] for row in rows_of(found.take(np.argsort(-gaps, kind="stable")))]

    ratings = [5.0, 4.0, 3.5, 2.0]
    found = pairs.best_vs_rest(ratings)
    assert ordered(found, found.margin) == [(0, 3), (0, 2), (0, 1)]
    ref = np.array([-20.0, -26.0, -19.0, -41.0])
    gaps = ref[found.chosen] - ref[found.rejected]
    assert ordered(found, gaps) == [(0, 3), (0, 1), (0, 2)]
    assert sorted(gaps.tolist(), reverse=True) == [21.0, 6.0, -1.0]
    every = pairs.all_pairs(ratings)
    assert ordered(every, every.margin) == [(0, 3), (1, 3), (0, 2), (2, 3), (0, 1), (1, 2)]
    tied = pairs.best_vs_rest([4.0, 5.0, 5.0, 2.0, 4.0])
    assert ordered(tied, tied.margin) == [(1, 3), (1, 0), (1, 4)]


@given(st.lists(grid, min_size=2, max_size=8), st.data())
@quick
def test_equal_texts_are_dropped_and_sides_exchanged(scores: list[float], data: st.DataObject) -> None:
    """Equality 6."""
    found = pairs.all_pairs(scores)
    text_id = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(scores), max_size=len(scores))))
    kept = found.take(text_id[found.chosen] != text_id[found.rejected])
    assert all(text_id[c] != text_id[r] for c, r, _, _ in rows_of(kept))
    assert len(kept.chosen) == sum(text_id[c] != text_id[r] for c, r, _, _ in rows_of(found))
    flipped = found.swap(found.margin < 1)
    assert all((scores[c] < scores[r]) == (m < 0) for c, r, m, _ in rows_of(flipped))


def test_weights_per_pair() -> None:
    """Equality 7."""
    found = pairs.all_pairs([3.0, 1.0, 2.0, 5.0, 4.0], offsets=[0, 3, 5])
    np.testing.assert_array_equal(pairs.pair_weights(found), [1 / 3, 1 / 3, 1 / 3, 1.0])
    np.testing.assert_array_equal(pairs.pair_weights(found, found.margin), [0.5, 0.25, 0.25, 1.0])


@given(ragged, st.data())
@quick
def test_by_is_a_gather_of_group_and_source(lists: list[list[float]], data: st.DataObject) -> None:
    """data.md (4) smell 4: `by` spares `group_by_ids` and an index map."""
    flat = flatten(lists)
    n = len(flat["scores"])
    by = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype=np.int64)
    owner = np.repeat(np.arange(len(lists)), np.diff(flat["offsets"]))
    rows, offsets, ids = groups.group_by_ids(owner * 3 + by)
    found = pairs.best_worst(flat["scores"][rows], offsets=offsets)
    mapped = found._replace(chosen=rows[found.chosen], rejected=rows[found.rejected], group=ids[found.group] // 3)
    assert rows_of(mapped) == rows_of(pairs.best_worst(**flat, by=by))

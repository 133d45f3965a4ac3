"""`pairs.best_worst` against two sorts of every group in plain Python, and the faults of other libraries."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pair_lists import Row, bounds, flatten, quick, ragged, rows_of, window
from prefcore import pairs
from prefcore.errors import DomainError, ShapeError


def two_sorts(
    lists: list[list[float]], k: int = 1, *, ties: bool = False, min_gap: float = 0, correct: list[Any] | None = None
) -> list[Row]:
    """The definition: k best rows, each against the k worst others, the first of ties on both sides."""
    found, first, keep = [], 0, window(min_gap, None, inclusive=False)
    for group, scores in enumerate(lists):
        rows = range(len(scores))
        best = [row for row in rows if correct is None or correct[first + row]]
        worst = [row for row in rows if correct is None or not correct[first + row]]
        for b in sorted(best, key=lambda row: -scores[row])[:k]:
            others = sorted((row for row in worst if row != b), key=lambda row: scores[row])
            for w in others[:k]:
                tied = scores[b] == scores[w] and ties and min_gap == 0 and (b < w or correct is not None)
                if tied or (scores[b] > scores[w] and keep(scores[b] - scores[w])):
                    margin = 0.0 if tied else scores[b] - scores[w]
                    found.append((first + b, first + w, margin, group))
        first += len(scores)
    return found


@given(ragged, st.integers(1, 8), st.booleans(), bounds)
@quick
def test_best_worst_is_two_sorts(lists: list[list[float]], k: int, ties: bool, min_gap: float) -> None:
    want = two_sorts(lists, k, ties=ties, min_gap=min_gap)
    choice: dict[str, Any] = {"k": k, "ties": "keep" if ties else "drop", "min_gap": min_gap}
    for dtype in (np.float64, np.float32):
        assert rows_of(pairs.best_worst(**flatten(lists, dtype), **choice)) == want
    integers = [[int(4 * score) for score in scores if math.isfinite(score)] for scores in lists]
    want = two_sorts(integers, k, ties=ties, min_gap=min_gap)  # type: ignore[arg-type]
    assert rows_of(pairs.best_worst(**flatten(integers, np.int32), **choice)) == want


@given(ragged, st.integers(1, 8))
@quick
def test_sides_that_overlap_pair_no_row_with_itself_and_no_two_rows_twice(lists: list[list[float]], k: int) -> None:
    """Where 2 k exceeds the size of the group; k = size is every pair of different scores."""
    flat = flatten(lists)
    for ties in ("drop", "keep"):
        found = pairs.best_worst(**flat, k=k, ties=ties)  # type: ignore[arg-type]
        assert (found.chosen != found.rejected).all()
        assert (flat["scores"][found.chosen] >= flat["scores"][found.rejected]).all()
        met = [frozenset(row[:2]) for row in rows_of(found)]
        assert len(set(met)) == len(met)
    assert sorted(rows_of(pairs.best_worst(**flat, k=8))) == sorted(rows_of(pairs.all_pairs(**flat)))


@given(ragged, st.integers(1, 4), st.booleans(), st.data())
@quick
def test_correct_rows_are_chosen_and_wrong_ones_rejected(
    lists: list[list[float]], k: int, ties: bool, data: st.DataObject
) -> None:
    flat = flatten(lists)
    correct = data.draw(st.lists(st.booleans(), min_size=len(flat["scores"]), max_size=len(flat["scores"])))
    found = pairs.best_worst(**flat, k=k, correct=np.array(correct, dtype=bool), ties="keep" if ties else "drop")
    assert rows_of(found) == two_sorts(lists, k, ties=ties, correct=correct)


@given(ragged, st.integers(1, 3), st.data())
@quick
def test_by_is_a_group_of_its_own(lists: list[list[float]], k: int, data: st.DataObject) -> None:
    """The pairs within (group, value) are those of the rows of that value alone; `correct` goes with the rows."""
    flat = flatten(lists)
    n = len(flat["scores"])
    by = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype=np.int64)
    correct = np.arange(n) % 2 == 0
    for choice in ({}, {"correct": correct}):
        found = pairs.best_worst(**flat, k=k, by=by, **choice)
        want = []
        for group, (start, end) in enumerate(itertools.pairwise(flat["offsets"])):
            for value in dict.fromkeys(by[start:end].tolist()):
                rows = start + np.flatnonzero(by[start:end] == value)
                part = {name: column[rows] for name, column in choice.items()}
                own = pairs.best_worst(flat["scores"][rows], k=k, **part)
                want += rows_of(
                    own._replace(chosen=rows[own.chosen], rejected=rows[own.rejected], group=own.group + group)
                )
        assert rows_of(found) == want


@given(ragged, st.data())
@quick
def test_omitted_nan_is_a_row_that_does_not_exist(lists: list[list[float]], data: st.DataObject) -> None:
    flat = flatten(lists)
    absent = np.array([data.draw(st.booleans()) for _ in flat["scores"]], dtype=bool)
    rows = np.flatnonzero(~absent)
    fewer = {"scores": flat["scores"][rows], "offsets": np.searchsorted(rows, flat["offsets"])}
    flat["scores"][absent] = np.nan
    for choice in ({}, {"ties": "keep"}, {"k": 2}, {"k": 2, "ties": "keep"}):
        got, want = pairs.best_worst(**flat, nan="omit", **choice), pairs.best_worst(**fewer, **choice)  # type: ignore[arg-type]
        assert rows_of(got) == rows_of(want._replace(chosen=rows[want.chosen], rejected=rows[want.rejected]))


def test_a_group_of_equal_ratings_has_no_pair() -> None:
    """ranking.md 1.3 no. 5: `max` and `min` of [3, 3, 3] give index 0 for both, an answer paired with itself."""
    assert rows_of(pairs.best_worst([3, 3, 3])) == []
    assert rows_of(pairs.best_worst([3, 3, 3], ties="keep")) == [(0, 1, 0, 0)]
    assert rows_of(pairs.best_worst([3], ties="keep")) == []
    assert rows_of(pairs.best_worst([math.inf, math.inf], ties="keep")) == [(0, 1, 0.0, 0)]


def test_where_a_nan_stands_changes_nothing() -> None:
    """ranking.md 1.3 no. 6 and PR-03: `max` keeps a NaN that comes first."""
    for place in range(3):
        scores = np.insert([1.0, 2.0], place, np.nan)
        with pytest.raises(DomainError, match=rf"scores\[{place}\] must be a number"):
            pairs.best_worst(scores)
        (pair,) = rows_of(pairs.best_worst(scores, nan="omit"))
        assert (scores[pair[0]], scores[pair[1]]) == (2.0, 1.0)


def test_an_empty_group_does_not_take_the_value_of_its_neighbor() -> None:
    """ranking.md 1.3 no. 20: `np.maximum.reduceat` gives the next group's first element, and fails behind the last."""
    scores, offsets = np.array([1.0, 4.0, 3.0, 2.0]), np.array([0, 0, 2, 2, 4, 4, 4])
    with pytest.raises(IndexError):
        np.maximum.reduceat(scores, offsets[:-1])
    assert rows_of(pairs.best_worst(scores, offsets=offsets)) == [(1, 0, 3.0, 1), (2, 3, 1.0, 3)]
    assert rows_of(pairs.best_worst([], offsets=[0, 0])) == []


def test_a_column_of_a_matrix() -> None:
    """pairs/noncontiguous: scores with a stride, reversed and read-only."""
    matrix = np.array([[3.0, 9.0], [1.0, 9.0], [3.0, 9.0], [2.0, 9.0]])
    matrix.flags.writeable = False
    assert rows_of(pairs.best_worst(matrix[:, 0], offsets=[0, 4])) == [(0, 1, 2.0, 0)]
    assert rows_of(pairs.best_worst(matrix[::-1, 0], offsets=[0, 4])) == [(1, 2, 2.0, 0)]


def test_a_wrong_row_above_every_correct_one_gives_no_pair() -> None:
    correct = np.array([False, True, True])
    assert rows_of(pairs.best_worst([0.9, 0.5, 0.1], correct=correct)) == []
    assert rows_of(pairs.best_worst([0.3, 0.5, 0.1], correct=correct)) == [(1, 0, pytest.approx(0.2), 0)]
    assert rows_of(pairs.best_worst([0.3, 0.3, 0.1], correct=correct, ties="keep")) == [(1, 0, 0.0, 0)]
    assert rows_of(pairs.best_worst([0.3, 0.5, 0.1], correct=[True] * 3)) == []


def test_ties_are_kept_only_where_no_gap_is_asked_for() -> None:
    """An integer window from 1 on, and any above 0, leaves out margin 0."""
    for min_gap, inclusive, n in [(0, False, 1), (0, True, 1), (0.5, False, 0), (1, True, 0), (0.5, True, 0)]:
        found = pairs.best_worst([3, 3], ties="keep", min_gap=min_gap, inclusive=inclusive)
        assert len(found.chosen) == n


@pytest.mark.parametrize(("choice", "error", "message"), [
    ({"k": 0}, DomainError, r"k must be 1 to 2.63 - 1, got 0"),
    ({"k": 1.0}, TypeError, r"k must be an integer, got 1.0"),
    ({"ties": "half"}, DomainError, r"ties must be 'drop' or 'keep', got 'half'"),
    ({"correct": [1, 0, 0]}, TypeError, r"correct must be bool, got dtype int64; call .astype\(bool\)"),
    ({"correct": [True]}, ShapeError, r"correct must have shape \[3\] like scores, got \[1\]"),
    ({"min_gap": -1}, DomainError, r"min_gap must be a number >= 0, got -1"),
    ({"by": [0]}, ShapeError, r"by must have shape \[3\] like scores, got \[1\]"),
    ({"nan": "propagate"}, DomainError, r"nan must be 'raise' or 'omit', got 'propagate'"),
    ({"index_dtype": "int16"}, DomainError, r"index_dtype must be 'int64' or 'int32', got 'int16'"),
    ({"scores": np.array([2**62, -(2**62) - 1])}, DomainError, r"scores\[0\] must be so near to scores\[1\]"),
])  # fmt: skip
def test_error_messages(choice: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pairs.best_worst(**{"scores": [3.0, 1.0, 2.0], **choice})

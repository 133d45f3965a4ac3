"""`pairs.adjacent` against a sort of every group in plain Python."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pair_lists import Row, bounds, flatten, quick, ragged, rows_of, window
from prefcore import pairs
from prefcore.errors import DomainError


def sorted_lists(
    lists: list[list[float]], min_skip: int, max_skip: int | None, *, ties: bool, min_gap: float
) -> list[Row]:
    found, first, keep = [], 0, window(min_gap, None, inclusive=False)
    for group, scores in enumerate(lists):
        order = sorted(range(len(scores)), key=lambda row: -scores[row])
        for place in range(len(order)):
            for lower in range(place + min_skip, len(order)):
                if max_skip is None or lower - place <= max_skip:
                    a, b = order[place], order[lower]
                    tied = scores[a] == scores[b]
                    if (tied and ties and min_gap == 0) or (not tied and keep(scores[a] - scores[b])):
                        found.append((first + a, first + b, 0.0 if tied else scores[a] - scores[b], group))
        first += len(scores)
    return found


@given(ragged, st.integers(1, 3), st.none() | st.integers(0, 3), st.booleans(), bounds)
@quick
def test_adjacent_is_a_sort(
    lists: list[list[float]], min_skip: int, more: int | None, ties: bool, min_gap: float
) -> None:
    max_skip = None if more is None else min_skip + more
    found = pairs.adjacent(
        **flatten(lists), min_skip=min_skip, max_skip=max_skip, ties="keep" if ties else "drop", min_gap=min_gap
    )
    assert rows_of(found) == sorted_lists(lists, min_skip, max_skip, ties=ties, min_gap=min_gap)


@given(ragged)
@quick
def test_every_distance_is_every_pair(lists: list[list[float]]) -> None:
    flat = flatten(lists)
    every = pairs.adjacent(**flat, max_skip=None)
    assert sorted(rows_of(every)) == sorted(rows_of(pairs.all_pairs(**flat)))
    assert len(pairs.adjacent(**flat, min_skip=8, max_skip=2**62).chosen) == 0


@given(ragged)
@quick
def test_neighbors_with_ties_are_the_size_less_one(lists: list[list[float]]) -> None:
    found = pairs.adjacent(**flatten(lists), ties="keep")
    sizes = np.bincount(found.group, minlength=len(lists)).tolist()
    assert sizes == [max(len(scores) - 1, 0) for scores in lists]
    assert (found.margin >= 0).all()


def test_omitted_rows_take_no_place_and_by_sorts_each_value() -> None:
    scores = [3.0, math.nan, 1.0, 2.0]
    assert rows_of(pairs.adjacent(scores, nan="omit")) == [(0, 3, 1.0, 0), (3, 2, 1.0, 0)]
    assert rows_of(pairs.adjacent([3, 5, 1, 2], by=["a", "b", "a", "b"])) == [(0, 2, 2, 0), (1, 3, 3, 0)]


@pytest.mark.parametrize(("choice", "error", "message"), [
    ({"min_skip": 0}, DomainError, r"min_skip must be 1 to 2.63 - 1, got 0"),
    ({"min_skip": 2}, DomainError, r"max_skip must be at least min_skip = 2, got 1"),
    ({"max_skip": 1.0}, TypeError, r"max_skip must be an integer, got 1.0"),
    ({"ties": "half"}, DomainError, r"ties must be 'drop' or 'keep', got 'half'"),
    ({"max_gap": -1}, DomainError, r"max_gap must be at least min_gap = 0, got -1"),
    ({"scores": [math.nan]}, DomainError, r"scores\[0\] must be a number, or nan=\"omit\" given"),
])  # fmt: skip
def test_error_messages(choice: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pairs.adjacent(**{"scores": [3.0, 1.0, 2.0], **choice})

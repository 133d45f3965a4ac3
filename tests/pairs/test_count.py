"""`count_pairs` and `iter_pairs` against `all_pairs`."""

import itertools
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pair_lists import bounds, flatten, quick, ragged, rows_of
from prefcore import pairs
from prefcore.errors import DomainError
from prefcore.pairs import Pairs


def with_ids(lists: list[list[float]], use: bool) -> dict[str, Any]:
    flat = flatten(lists)
    return {**flat, "by": np.arange(len(flat["scores"])) * 7 % 3} if use else flat


@given(ragged, bounds, st.none() | bounds, st.booleans(), st.booleans())
@quick
def test_counts_are_the_sizes_of_all_pairs_and_add_up(
    lists: list[list[float]], min_gap: float, max_gap: float | None, inclusive: bool, by: bool
) -> None:
    if max_gap is not None and max_gap < min_gap:
        min_gap, max_gap = max_gap, min_gap
    given_ = with_ids(lists, by)
    choice: dict[str, Any] = {"min_gap": min_gap, "max_gap": max_gap, "inclusive": inclusive}
    found, counts = pairs.all_pairs(**given_, **choice), pairs.count_pairs(**given_, **choice)
    np.testing.assert_array_equal(counts.pairs, np.bincount(found.group, minlength=len(lists)))
    every, _, nothing = pairs.count_pairs(**given_)
    assert not nothing.any()
    np.testing.assert_array_equal(counts.pairs + counts.outside_gap, every)
    for group, (start, end) in enumerate(itertools.pairwise(given_["offsets"])):
        source = given_.get("by", np.zeros(len(given_["scores"])))[start:end].tolist()
        met = [i for i in itertools.combinations(range(end - start), 2) if source[i[0]] == source[i[1]]]
        assert counts.pairs[group] + counts.ties[group] + counts.outside_gap[group] == len(met)


def test_what_was_left_out_is_reported() -> None:
    """PR-01: 10 pairs less two ties, a group of equal ratings, a single answer."""
    counts = pairs.count_pairs([4, 4, 2, 5, 2, 3, 3, 3, 1], offsets=[0, 5, 8, 9])
    assert [column.tolist() for column in counts] == [[8, 0, 0], [2, 3, 0], [0, 0, 0]]


def test_a_long_list_is_counted_without_its_pairs() -> None:
    """Half a million rows, 1.2e11 pairs; scores 0..9 in turn, so that counts follow by hand."""
    n, levels = 500_000, 10
    each = n // levels
    counts = pairs.count_pairs(np.arange(n) % levels, min_gap=3, inclusive=True)
    assert counts.ties[0] == levels * each * (each - 1) // 2
    assert counts.pairs[0] == each**2 * sum(levels - gap for gap in range(3, levels))


def test_nan_is_left_out_or_named_and_margins_fit() -> None:
    scores = [1.0, math.nan, 1.0, 0.0]
    assert [column.tolist() for column in pairs.count_pairs(scores, nan="omit")] == [[2], [1], [0]]
    with pytest.raises(DomainError, match=r"scores\[1\] must be a number, or nan=\"omit\" given, got NaN in group 0"):
        pairs.count_pairs(scores)
    with pytest.raises(DomainError, match=r"scores\[1\] must be so near to scores\[0\] = -1 that the margin fits"):
        pairs.count_pairs(np.array([-1, 2**63 - 1]))
    assert pairs.count_pairs(np.array([-1, 2**63 - 1]), max_gap=5).outside_gap.tolist() == [1]


@given(ragged, st.integers(1, 30), st.booleans(), bounds, st.sampled_from(["int32", "int64"]))
@quick
def test_batches_are_all_pairs_cut_into_pieces(
    lists: list[list[float]], batch: int, by: bool, min_gap: float, index_dtype: Any
) -> None:
    choice: dict[str, Any] = {**with_ids(lists, by), "min_gap": min_gap, "index_dtype": index_dtype}
    whole, parts = pairs.all_pairs(**choice), list(pairs.iter_pairs(**choice, batch=batch))
    sizes = [len(part.chosen) for part in parts]
    assert all(size == batch for size in sizes[:-1])
    assert all(0 < size <= batch for size in sizes[-1:])
    for name, column in zip(Pairs._fields, whole, strict=True):
        pieces = [getattr(part, name) for part in parts]
        assert all(piece.dtype == column.dtype for piece in pieces)
        assert b"".join(piece.tobytes() for piece in pieces) == column.tobytes()


def test_batches_take_the_memory_of_one_batch() -> None:
    """8 million pairs would take 250 MB; 100,000 take 3."""
    scores, rows = np.arange(4_000.0), 0
    tracemalloc.start()
    for part in pairs.iter_pairs(scores, batch=100_000):
        rows += len(part.chosen)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 4_000 * 3_999 // 2
    assert peak < 20e6


def test_arguments_are_checked_before_the_first_batch() -> None:
    for choice, error, message in [
        ({"batch": 0}, DomainError, r"batch must be 1 to 2.63 - 1, got 0"),
        ({"scores": [math.nan]}, DomainError, r"scores\[0\] must be a number"),
        ({"offsets": [0, 9]}, DomainError, r"offsets\[1\] must be 3, the number of rows, got 9"),
        ({"min_gap": "1"}, TypeError, r"min_gap must be a number, got '1'"),
        ({"index_dtype": "int8"}, DomainError, r"index_dtype must be 'int64' or 'int32'"),
        ({"scores": np.array([0, 2**62, -(2**62) - 1])}, DomainError, r"scores\[1\] must be so near to scores\[2\]"),
    ]:
        arguments: dict[str, Any] = {"scores": [3.0, 1.0, 2.0], **choice}
        with pytest.raises(error, match=message):
            pairs.iter_pairs(**arguments)
    assert list(pairs.iter_pairs([])) == []
    assert list(pairs.iter_pairs([], offsets=[0])) == []


@given(ragged, st.data())
@quick
def test_whole_groups_may_be_paired_in_several_calls(lists: list[list[float]], data: st.DataObject) -> None:
    """Rows and groups are shifted; the pairs are the same bits. Samples are not: their keys hold the group's number."""
    flat = flatten(lists)
    cut = data.draw(st.integers(0, len(lists)))
    middle = int(flat["offsets"][cut])
    builders: list[Any] = [
        pairs.all_pairs,
        pairs.best_vs_rest,
        pairs.best_worst,
        lambda *args, **kwargs: pairs.best_worst(*args, k=2, ties="keep", **kwargs),
        lambda *args, **kwargs: pairs.adjacent(*args, max_skip=2, **kwargs),
    ]
    for build in builders:
        head = build(flat["scores"][:middle], offsets=flat["offsets"][: cut + 1])
        tail = build(flat["scores"][middle:], offsets=flat["offsets"][cut:] - middle)
        tail = Pairs(tail.chosen + middle, tail.rejected + middle, tail.margin, tail.group + cut)
        assert rows_of(head) + rows_of(tail) == rows_of(build(**flat))

"""`prefcore.pairs` against a double loop in plain Python, on every form of groups and every dtype."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import prefcore
from pair_lists import Row, bounds, flatten, grid, quick, ragged, rows_of, window
from prefcore import _rust, pairs
from prefcore.errors import DomainError, ShapeError
from prefcore.pairs import Pairs


def double_loop(lists: list[list[Any]], keep: Callable[[Any], bool], by: list[list[Any]] | None = None) -> list[Row]:
    """The definition: rows i < j of one group (and one value of `by`, in order of first appearance)."""
    found, first = [], 0
    for group, scores in enumerate(lists):
        source = by[group] if by else [0] * len(scores)
        for value in dict.fromkeys(source):
            own = [row for row in range(len(scores)) if source[row] == value]
            for i, j in itertools.combinations(own, 2):
                a, b = scores[i], scores[j]
                if a > b and keep(a - b):
                    found.append((first + i, first + j, a - b, group))
                elif b > a and keep(b - a):
                    found.append((first + j, first + i, b - a, group))
        first += len(scores)
    return found


@given(ragged, bounds, st.none() | bounds, st.booleans())
@quick
def test_all_pairs_is_the_double_loop(
    lists: list[list[float]], min_gap: float, max_gap: float | None, inclusive: bool
) -> None:
    if max_gap is not None and max_gap < min_gap:
        min_gap, max_gap = max_gap, min_gap
    keep = window(min_gap, max_gap, inclusive)
    choice: dict[str, Any] = {"min_gap": min_gap, "max_gap": max_gap, "inclusive": inclusive}
    for dtype in (np.float64, np.float32):  # the grid and its gaps are exact in both
        assert rows_of(pairs.all_pairs(**flatten(lists, dtype), **choice)) == double_loop(lists, keep)
    integers = [[int(4 * score) for score in scores if math.isfinite(score)] for scores in lists]
    for dtype in (np.int64, np.int32, np.int8):
        assert rows_of(pairs.all_pairs(**flatten(integers, dtype), **choice)) == double_loop(integers, keep)


@given(st.lists(st.lists(grid, min_size=3, max_size=3), min_size=1, max_size=5))
@quick
def test_two_dimensions_and_one_group_are_ragged_groups(lists: list[list[float]]) -> None:
    for builder in (pairs.all_pairs, pairs.best_vs_rest):
        want = rows_of(builder(**flatten(lists)))
        assert rows_of(builder(np.array(lists))) == want
        assert rows_of(builder(np.array(lists).T.copy().T)) == want  # column-major
        assert rows_of(builder(lists[0])) == rows_of(builder(**flatten(lists[:1])))


@given(ragged, st.data())
@quick
def test_by_pairs_within_group_and_value(lists: list[list[float]], data: st.DataObject) -> None:
    by = [data.draw(st.lists(st.sampled_from(["x", "y", "z"]), min_size=len(s), max_size=len(s))) for s in lists]
    flat = list(itertools.chain(*by))
    found = pairs.all_pairs(**flatten(lists), by=np.array(flat, dtype="U1"), min_gap=0.5)
    assert rows_of(found) == double_loop(lists, window(0.5, None, inclusive=False), by)
    codes = [ord(value) for value in flat]
    assert rows_of(pairs.all_pairs(**flatten(lists), by=np.array(codes, dtype=np.int16), min_gap=0.5)) == rows_of(found)


def best_first(lists: list[list[float]]) -> set[int]:
    """Rows that are the first maximum of their group."""
    firsts = np.cumsum([0, *map(len, lists)]).tolist()
    return {first + scores.index(max(scores)) for first, scores in zip(firsts, lists, strict=False) if scores}


@given(ragged, bounds)
@quick
def test_best_vs_rest_is_the_first_best_against_every_lower_row(lists: list[list[float]], min_gap: float) -> None:
    keep, best = window(min_gap, None, inclusive=False), best_first(lists)
    want = sorted((row for row in double_loop(lists, keep) if row[0] in best), key=lambda row: (row[3], row[1]))
    assert rows_of(pairs.best_vs_rest(**flatten(lists), min_gap=min_gap)) == want
    assert {row[0] for row in want} <= best


@given(ragged, st.integers(1, 5), st.integers(0, 2**64 - 1))
@quick
def test_a_sample_keeps_the_smallest_keys_in_input_order(lists: list[list[float]], size: int, seed: int) -> None:
    flat = flatten(lists)
    for builder in (pairs.all_pairs, pairs.best_vs_rest):
        want = []
        for group, rows in itertools.groupby(rows_of(builder(**flat)), key=lambda row: row[3]):
            start, kept = int(flat["offsets"][group]), list(rows)

            def key(row: Row, group: int = group, start: int = start) -> int:
                low, high = sorted(row[:2])
                return _rust.random_keys(seed, group, low - start, high - start)

            drawn = sorted(kept, key=key)[:size]
            want += [row for row in kept if row in drawn]
        assert rows_of(builder(**flat, max_pairs_per_group=size, seed=seed)) == want


@given(ragged, st.data())
@quick
def test_omitted_nan_is_a_row_that_does_not_exist(lists: list[list[float]], data: st.DataObject) -> None:
    flat = flatten(lists)
    absent = np.array([data.draw(st.booleans()) for _ in flat["scores"]], dtype=bool)
    rows = np.flatnonzero(~absent)
    fewer = {"scores": flat["scores"][rows], "offsets": np.searchsorted(rows, flat["offsets"])}
    flat["scores"][absent] = np.nan
    for builder in (pairs.all_pairs, pairs.best_vs_rest):
        got, want = builder(**flat, nan="omit"), builder(**fewer)
        assert rows_of(got) == rows_of(want._replace(chosen=rows[want.chosen], rejected=rows[want.rejected]))


def test_integer_margins_are_exact_and_bounds_are_compared_exactly() -> None:
    big = 2**53
    scores = np.array([big + 1, big, 0])  # float64 would tie the first two
    assert pairs.all_pairs(scores).margin.tolist() == [1, big + 1, big]
    assert pairs.all_pairs(scores, min_gap=big).margin.tolist() == [big + 1]
    assert pairs.all_pairs(scores, min_gap=np.int64(big), inclusive=True).margin.tolist() == [big + 1, big]
    assert pairs.all_pairs(scores, max_gap=1.5).margin.tolist() == [1]
    assert pairs.all_pairs(scores, min_gap=1.5, max_gap=big + 2.0).margin.tolist() == [big + 1, big]
    assert pairs.all_pairs(scores, min_gap=2**70).margin.tolist() == []


def test_float_bounds_become_numbers_of_the_scores_dtype() -> None:
    """0.7 as float32 lies below 0.7 as float64; the row that a user wrote as 0.7 meets the bound in both."""
    for dtype in (np.float32, np.float64):
        scores = np.array([0.7, 0.0], dtype=dtype)
        assert len(pairs.all_pairs(scores, min_gap=0.7, inclusive=True).chosen) == 1
        assert len(pairs.all_pairs(scores, min_gap=0.7).chosen) == 0


def test_inputs_of_every_kind() -> None:
    scores, by = [3.0, 1.0, 3.0, 2.0], ["a", "b", "a", "b"]
    want = rows_of(pairs.all_pairs(scores, by=by))
    read_only = np.array(scores)
    read_only.flags.writeable = False
    kinds: list[Any] = [
        read_only,
        np.repeat(scores, 2)[::2],
        np.array(scores[::-1])[::-1],
        np.array([scores, scores]).T[:, 0],
        np.array(scores, dtype=">f8"),
        torch.tensor(scores, dtype=torch.float64, requires_grad=True),
        pd.Series(scores, index=[9, 8, 7, 6]),
        pl.Series(scores),
        pa.array(scores),
        pa.chunked_array([scores[:1], scores[1:]]),
    ]
    for column in kinds:
        for source in (by, pl.Series(by), pd.Series(by, dtype="category"), pa.array(by)):
            assert rows_of(pairs.all_pairs(column, by=source)) == want
    offsets: Any
    for offsets in ([0, 4], (0, 4), np.int32([0, 4]), torch.tensor([0, 4]), pl.Series([0, 4]), pa.array([0, 4])):
        assert rows_of(pairs.all_pairs(scores, by=by, offsets=offsets)) == want


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
def test_no_pair_gives_empty_columns_of_the_right_dtype(dtype: Any, index_dtype: Any) -> None:
    """No rows, no groups, empty groups, groups of one, ties only, nothing but NaN."""
    empty: Any
    for empty in ([], np.ones((3, 0)), np.ones((0, 3)), np.ones((3, 1)), np.ones((2, 4))):
        for builder in (pairs.all_pairs, pairs.best_vs_rest):
            found = builder(np.array(empty, dtype=dtype), index_dtype=index_dtype)
            assert [len(column) for column in found] == [0, 0, 0, 0]
            assert found.margin.dtype == dtype
            assert {found.chosen.dtype, found.rejected.dtype, found.group.dtype} == {np.dtype(index_dtype)}
    assert len(pairs.all_pairs([np.nan, np.nan], nan="omit").chosen) == 0
    assert len(pairs.all_pairs([], offsets=[0, 0, 0]).chosen) == 0


@pytest.fixture
def many() -> dict[str, Any]:
    """Above 100,000 candidates several threads take part; one group outweighs the others."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 12, size=4_000)
    lengths[1234] = 600
    return {"scores": rng.integers(0, 40, size=lengths.sum()) / 4, "offsets": np.cumsum([0, *lengths])}


@pytest.fixture
def restore_threads() -> Iterator[None]:
    yield
    prefcore.set_num_threads(2)


@pytest.mark.usefixtures("restore_threads")
def test_same_bits_for_any_number_of_threads(many: dict[str, Any]) -> None:
    by = np.arange(len(many["scores"])) % 3
    settings_: list[dict[str, Any]] = [{"min_gap": 0.5}, {"by": by}, {"max_pairs_per_group": 5, "by": by, "seed": 1}]
    for builder in (pairs.all_pairs, pairs.best_vs_rest):
        for choice in settings_:
            results = []
            for threads in (1, 2, 3, 8):
                prefcore.set_num_threads(threads)
                results.append([column.tobytes() for column in builder(**many, **choice)])
            assert all(result == results[0] for result in results)


def test_groups_in_several_calls_are_the_groups_of_one_call(many: dict[str, Any]) -> None:
    whole = pairs.all_pairs(**many)
    parts: list[Row] = []
    for first, last in itertools.pairwise([0, 1, 1_000, 1_235, 4_000]):
        start, end = many["offsets"][[first, last]]
        part = pairs.all_pairs(many["scores"][start:end], offsets=many["offsets"][first : last + 1] - start)
        shifted = Pairs(part.chosen + start, part.rejected + start, part.margin, part.group + first)
        parts += rows_of(shifted)
    assert parts == rows_of(whole)


def test_out_is_viewed_by_the_result_and_written_only_when_it_suffices() -> None:
    scores = np.array([3, 1, 2], dtype=np.int32)
    out = Pairs(*(np.full(4, -7, dtype) for dtype in (np.int64, np.int64, np.int32, np.int64)))
    found = pairs.all_pairs(scores, out=out)
    assert rows_of(found) == rows_of(pairs.all_pairs(scores))
    assert all(np.shares_memory(column, room) for column, room in zip(found, out, strict=True))
    assert [column[3] for column in out] == [-7] * 4
    small = out._replace(rejected=np.full(2, -7))
    with pytest.raises(ShapeError, match="out must have room for 3 pairs, got 2"):
        pairs.all_pairs([9, 5, 7], out=small._replace(margin=np.zeros(4, np.int64)))
    assert small.rejected.tolist() == [-7, -7]
    assert small.chosen.tolist() == [0, 0, 2, -7]  # as the first call left it
    narrow = Pairs(*(np.zeros(3, dtype) for dtype in (np.int32, np.int32, np.float64, np.int32)))
    assert rows_of(pairs.all_pairs([3.0, 1.0, 2.0], out=narrow, index_dtype="int32"))[0] == (0, 1, 2.0, 0)


@pytest.mark.parametrize(("change", "message"), [
    ({"margin": np.zeros(3, np.float32)}, r"out.margin must be a 1-D array of float64, got float32"),
    ({"group": np.zeros(3, np.int32)}, r"out.group must be a 1-D array of int64, got int32"),
    ({"chosen": np.zeros((3, 1), np.int64)}, r"out.chosen must be a 1-D array of int64, got int64"),
    ({"chosen": [0, 0, 0]}, r"out.chosen must be a 1-D array of int64, got list"),
    ({"rejected": np.zeros(6, np.int64)[::2]}, r"out.rejected must be writable, aligned and contiguous"),
    ({"rejected": np.broadcast_to(np.int64(0), 1)}, r"out.rejected must be writable, aligned and contiguous"),
])  # fmt: skip
def test_out_that_cannot_be_written_to(change: dict[str, Any], message: str) -> None:
    out = Pairs(*(np.zeros(3, dtype) for dtype in (np.int64, np.int64, np.float64, np.int64)))
    with pytest.raises(TypeError, match=message):
        pairs.all_pairs([3.0, 1.0, 2.0], out=out._replace(**change))


@pytest.mark.parametrize(("choice", "error", "message"), [
    ({"min_gap": -0.5}, DomainError, "min_gap must be a number >= 0, got -0.5"),
    ({"min_gap": math.nan}, DomainError, "min_gap must be a number >= 0, got NaN"),
    ({"min_gap": "1"}, TypeError, "min_gap must be a number, got '1'"),
    ({"min_gap": 2, "max_gap": 1.5}, DomainError, "max_gap must be at least min_gap = 2, got 1.5"),
    ({"max_gap": math.nan}, DomainError, "max_gap must be at least min_gap = 0, got NaN"),
    ({"max_gap": [1.0]}, TypeError, r"max_gap must be a number, got \[1.0\]"),
    ({"max_pairs_per_group": 0}, DomainError, "max_pairs_per_group must be 1 to 2.63 - 1, got 0"),
    ({"max_pairs_per_group": 1.0}, TypeError, "max_pairs_per_group must be an integer, got 1.0"),
    ({"seed": -1}, DomainError, "seed must be 0 to 2.64 - 1, got -1"),
    ({"nan": "propagate"}, DomainError, "nan must be 'raise' or 'omit', got 'propagate'"),
    ({"index_dtype": "int16"}, DomainError, "index_dtype must be 'int64' or 'int32', got 'int16'"),
    ({"by": [0]}, ShapeError, r"by must have shape \[3\] like scores, got \[1\]"),
    ({"by": [0.0, 1.0, 1.0]}, TypeError, "by must hold integers or strings, got dtype float64"),
    ({"offsets": [0, 2]}, DomainError, r"offsets\[1\] must be 3, the number of rows, got 2"),
    ({"offsets": [0.0, 3.0]}, TypeError, "offsets must hold integers, got dtype float64"),
    ({"scores": [1.0, math.nan, 2.0, math.nan], "offsets": [0, 1, 4]}, DomainError,
     r"scores\[1\] must be a number, or nan=\"omit\" given, got NaN in group 1 \(2 NaN in all\)"),
    ({"scores": np.array([0, 2**62, -(2**62) - 1])}, DomainError,
     rf"scores\[1\] must be so near to scores\[2\] = {-(2**62) - 1} that the margin fits the dtype, got {2**62}"),
    ({"scores": np.zeros((1, 1, 1))}, ShapeError, "scores must be 1-D, or 2-D with a group in each row, got 3-D"),
])  # fmt: skip
def test_error_messages(choice: dict[str, Any], error: type[Exception], message: str) -> None:
    for builder in (pairs.all_pairs, pairs.best_vs_rest):
        with pytest.raises(error, match=message):
            builder(**{"scores": [3.0, 1.0, 2.0], **choice})


def test_a_margin_that_overflows_is_no_error_where_no_pair_has_it() -> None:
    scores = np.array([2**62, -(2**62) - 1])
    assert len(pairs.all_pairs(scores, max_gap=5).chosen) == 0
    assert len(pairs.all_pairs(scores, by=[0, 1]).chosen) == 0
    assert pairs.all_pairs(scores + np.array([0, 2])).margin.tolist() == [2**63 - 1]


def test_take_and_swap() -> None:
    found = pairs.all_pairs([3, 1, 2])
    assert rows_of(found.take(found.margin > 1)) == [(0, 1, 2, 0)]
    assert rows_of(found.take(torch.tensor([2, 0, 2]))) == [(2, 1, 1, 0), (0, 1, 2, 0), (2, 1, 1, 0)]
    assert rows_of(found.take([])) == []
    assert rows_of(found.swap(np.array([True, False, True]))) == [(1, 0, -2, 0), (0, 2, 1, 0), (1, 2, -1, 0)]
    assert rows_of(found.swap(found.margin > 0).swap(found.margin > 0)) == rows_of(found)
    assert found.swap(found.margin > 0).margin.dtype == np.int64
    for call, error, message in [
        (lambda: found.take([0, 3]), DomainError, r"rows_or_mask\[1\] must be a row of 0..3, got 3"),
        (lambda: found.take([-1]), DomainError, r"rows_or_mask\[0\] must be a row of 0..3, got -1"),
        (lambda: found.take([1.0]), TypeError, "rows_or_mask must hold integers, got dtype float64"),
        (lambda: found.take([True]), ShapeError, r"rows_or_mask must have shape \[3\] like chosen, got \[1\]"),
        (lambda: found.swap([1, 0, 1]), TypeError, r"mask must be bool, got dtype int64; call .astype\(bool\)"),
    ]:
        with pytest.raises(error, match=message):
            call()


@given(ragged)
@quick
def test_pair_weights_of_a_group_sum_to_one(lists: list[list[float]]) -> None:
    finite = [[score for score in scores if math.isfinite(score)] for scores in lists]
    found = pairs.all_pairs(**flatten(finite), index_dtype="int32")
    shuffled = found.take(np.random.default_rng(0).permutation(len(found.chosen)))
    for some in (found, shuffled):
        for values in (None, some.margin):
            weights = pairs.pair_weights(some, values)
            plain = np.ones(len(some.chosen)) if values is None else values
            for group in set(some.group.tolist()):
                own = some.group == group
                np.testing.assert_allclose(weights[own], plain[own] / plain[own].sum(), rtol=1e-14)


@pytest.mark.parametrize(("values", "error", "message"), [
    ([1.0], ShapeError, "values must have length 3 like pairs, got 1"),
    ([1.0, -1.0, 1.0], DomainError, r"values\[1\] must be finite and >= 0, got -1"),
    ([1.0, math.nan, 1.0], DomainError, r"values\[1\] must be finite and >= 0, got NaN"),
    ([0, 0, 0], DomainError, r"values\[0\] must be in a group \(here 0\) with a finite sum above 0, got the sum 0"),
    ([1e308, 1e308, 1], DomainError, r"values\[0\] must be in a group .* with a finite sum above 0, got the sum inf"),
])  # fmt: skip
def test_bad_values(values: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pairs.pair_weights(pairs.all_pairs([3.0, 1.0, 2.0]), values)


def test_out_that_is_none_or_shares_memory() -> None:
    scores = np.array([3.0, 1.0])
    out = pairs.all_pairs(scores)
    with pytest.raises(TypeError, match="out must be Pairs, got a int"):
        pairs.all_pairs(scores, out=3)  # type: ignore[arg-type]
    with pytest.raises(DomainError, match=r"out\.rejected must have memory of its own, got that of chosen"):
        pairs.all_pairs(scores, out=out._replace(rejected=out.chosen))
    with pytest.raises(DomainError, match=r"out\.margin must have memory of its own, got that of scores"):
        pairs.all_pairs(scores, out=out._replace(margin=scores))
    with pytest.raises(TypeError, match="pairs must be Pairs, got a list"):
        pairs.pair_weights([1, 2])  # type: ignore[arg-type]

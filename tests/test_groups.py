"""`prefcore.groups`, and the conversion of inputs that all of the data world shares (`prefcore._arrays`)."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import _arrays, groups
from prefcore.errors import DomainError, ShapeError

quick = settings(max_examples=60, deadline=None)
lists_of_floats = st.lists(st.none() | st.lists(st.floats(-9, 9), max_size=4), max_size=6)


@given(lengths=st.lists(st.integers(0, 5), max_size=8))
@quick
def test_offsets_from_lengths_is_a_running_sum(lengths: list[int]) -> None:
    offsets = groups.offsets_from_lengths(lengths)
    assert offsets.dtype == np.int64
    assert offsets.tolist() == [0, *itertools.accumulate(lengths)]
    assert groups.validate_offsets(offsets, sum(lengths)) == len(lengths)


@pytest.mark.parametrize(("lengths", "error", "message"), [
    ([1, -2], DomainError, r"lengths\[1\] must be at least 0, got -2"),
    ([2**62, 2**62], DomainError, rf"lengths\[1\] must be at most {2**62 - 1}, got {2**62}"),
    ([1.0, 2.0], TypeError, r"lengths must hold integers, got dtype float64"),
    ([True], TypeError, r"lengths must hold integers, got dtype bool"),
    ([[1, 2]], ShapeError, r"lengths must be 1-D, got 2-D"),
])  # fmt: skip
def test_bad_lengths(lengths: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        groups.offsets_from_lengths(lengths)


@given(ids=st.lists(st.integers(-3, 3), max_size=12))
@quick
def test_ids_as_integers_and_as_strings(ids: list[int]) -> None:
    """Against `itertools.groupby` for runs, and a dict of lists for the gather."""
    runs = [(key, len(list(rows))) for key, rows in itertools.groupby(ids)]
    members: dict[int, list[int]] = {}
    for row, key in enumerate(ids):
        members.setdefault(key, []).append(row)
    for same in (ids, np.array(ids, dtype=np.int8), [f"prompt {key}" for key in ids]):
        gathered = groups.group_by_ids(same)
        assert gathered.rows.tolist() == list(itertools.chain(*members.values()))
        assert np.diff(gathered.offsets).tolist() == [len(rows) for rows in members.values()]
        assert gathered.ids.tolist() == [same[rows[0]] for rows in members.values()]
        if len(runs) == len(members):
            assert np.diff(groups.offsets_from_ids(same)).tolist() == [length for _, length in runs]
        else:
            with pytest.raises(DomainError, match=r"ids\[\d+\] must be an id that had no run before"):
                groups.offsets_from_ids(same)


def test_ids_of_every_kind_of_column() -> None:
    names = ["b", "b", "a"]
    kinds: list[Any] = [names, np.array(names), np.array(names, dtype=object), pd.Series(names), pl.Series(names),
                        pa.array(names), pd.Series(names, dtype="category"), pa.array(names).dictionary_encode(),
                        torch.tensor([7, 7, 3]), np.array([2**64 - 1, 2**64 - 1, 1], dtype=np.uint64)]  # fmt: skip
    for ids in kinds:
        assert groups.offsets_from_ids(ids).tolist() == [0, 2, 3]


@pytest.mark.parametrize(("ids", "error", "message"), [
    (["a", None], DomainError, r"ids\[1\] must be an integer or a string, got None"),
    (pl.Series([1, None]), DomainError, r"ids\[1\] must be an integer, got null \(1 nulls in all\)"),
    ([0.5, 1.0], TypeError, r"ids must hold integers or strings, got dtype float64"),
    (pl.Series([[1], [2, 3]]), TypeError, r"ids must hold integers or strings, got an unhashable type"),
    ([["a"], ["b"]], ShapeError, r"ids must be 1-D, got 2-D"),
])  # fmt: skip
def test_bad_ids(ids: Any, error: type[Exception], message: str) -> None:
    for function in (groups.offsets_from_ids, groups.group_by_ids):
        with pytest.raises(error, match=message):
            function(ids)


@given(mask=st.integers(0, 4).flatmap(lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), max_size=5)))
@quick
def test_mask_gives_the_rows_of_the_flat_array(mask: list[list[bool]]) -> None:
    array = np.array(mask, dtype=bool).reshape(len(mask), -1) if mask else np.zeros((0, 3), dtype=bool)
    rows, offsets = groups.offsets_from_mask(array)
    assert rows.tolist() == np.flatnonzero(array).tolist()
    assert np.diff(offsets).tolist() == array.sum(axis=1).tolist()


@pytest.mark.parametrize(("mask", "error", "message"), [
    ([[1, 0]], TypeError, r"mask must be bool, got dtype int64; call .astype\(bool\)"),
    ([True], ShapeError, r"mask must be 2-D \[groups, rows\], got 1-D"),
])  # fmt: skip
def test_bad_masks(mask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        groups.offsets_from_mask(mask)


@pytest.mark.parametrize(("offsets", "n", "error", "message"), [
    ([0.0, 2.0], 2, TypeError, r"offsets must hold integers, got dtype float64"),
    ([0, 3], 2, DomainError, r"offsets\[1\] must be 2, the number of rows, got 3"),
    ([0], -1, DomainError, r"n must be 0 to 2.63 - 1, got -1"),
])  # fmt: skip
def test_bad_offsets(offsets: Any, n: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        groups.validate_offsets(offsets, n)


@given(lists=lists_of_floats)
@quick
def test_a_list_column_of_any_library_is_the_same(lists: list[list[float] | None]) -> None:
    """Arrow, polars and pandas columns of the same lists, sliced and chunked, against Python."""
    values = [value for row in lists for value in row or []]
    lengths = [len(row or []) for row in lists]
    kind = pa.list_(pa.float64())
    arrow = pa.array(lists, kind)
    padded = pa.array([[1.0, 2.0], *lists, [3.0]], kind)
    objects = np.empty(len(lists), dtype=object)
    objects[:] = [row if row is None else np.array(row) for row in lists]
    columns = [arrow, arrow.cast(pa.large_list(pa.float64())), padded.slice(1, len(lists)),
               pa.chunked_array([arrow.slice(0, 2), arrow.slice(2)]),
               pl.Series(lists, dtype=pl.List(pl.Float64)), pd.Series(lists, dtype=pd.ArrowDtype(kind)),
               pd.Series(lists, dtype=object), objects, lists]  # fmt: skip
    for column in [*columns, *([] if lists else [pa.chunked_array([], kind)])]:
        got = groups.from_lists(column)
        assert got.values.tolist() == values
        assert np.diff(got.offsets).tolist() == lengths
        assert got.offsets.dtype == np.int64
        assert got.values.dtype == np.float64


def test_fixed_size_lists_and_null_lists_that_hold_data() -> None:
    rows = [[1, 2], None, [3, 4]]
    hidden = pa.ListArray.from_arrays([0, 2, 4, 6], pa.array([1, 2, 9, 9, 3, 4]), mask=pa.array([False, True, False]))
    polars = pl.Series(rows, dtype=pl.Array(pl.Int64, 2))
    for column in (pa.array(rows, pa.list_(pa.int64(), 2)), hidden, polars):
        got = groups.from_lists(column)
        assert got.values.dtype == np.int64
        assert (got.values.tolist(), got.offsets.tolist()) == ([1, 2, 3, 4], [0, 2, 2, 4])


def test_values_of_one_buffer_are_not_copied() -> None:
    buffer = np.arange(6.0)
    arrow = pa.LargeListArray.from_arrays([0, 2, 2, 6], pa.array(buffer))
    for column in (arrow, arrow.slice(1), pa.chunked_array([arrow])):
        assert np.shares_memory(groups.from_lists(column).values, buffer)
    polars = pl.Series([[0.0, 1.0], [2.0]])
    assert not groups.from_lists(polars).values.flags.owndata


def test_lists_of_arrays_and_tensors_keep_their_dtype() -> None:
    for dtype in (np.float32, np.int32, bool):
        rows = [np.ones(2, dtype), np.zeros((0,), dtype), np.ones(1, dtype)]
        assert groups.from_lists(rows).values.dtype == dtype
        assert groups.from_lists([torch.from_numpy(row) for row in rows]).values.dtype == dtype
    assert groups.from_lists([np.array([2**53 + 1]), []]).values.tolist() == [2**53 + 1]  # [] is float64 to NumPy


@pytest.mark.parametrize(("column", "error", "message"), [
    ([[1.0, None]], TypeError, r"column must hold integers, float32 or float64, got dtype object"),
    (["abc"], ShapeError, r"column\[0\] must be 1-D, got 0-D"),
    ([np.ones(1), np.ones(1, int)], TypeError, "column must hold lists of one dtype, got float64 and int64"),
    ([1.0, 2.0], ShapeError, r"column\[0\] must be 1-D, got 0-D"),
    ([[[1.0]]], ShapeError, r"the lists of column must be 1-D, got 2-D"),
    (pa.array([[1, None]]), DomainError, r"column\[1\] must be an integer, got null"),
    (pa.array([["a"]]), TypeError, r"column must hold integers, float32 or float64, got dtype object"),
    ([np.float16([1.0])], TypeError, "column must be float32 or float64, got float16"),
    ([torch.ones(1).bfloat16()], TypeError, r"column\[0\] must be float32 or float64, got torch.bfloat16"),
])  # fmt: skip
def test_bad_list_columns(column: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        groups.from_lists(column)


def misaligned(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.frombuffer(b"x" + values.tobytes(), dtype=np.uint8)[1:].view(values.dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
def test_native_dtypes_stay_and_odd_layouts_become_contiguous(dtype: Any) -> None:
    plain = np.arange(6, dtype=dtype)
    assert np.shares_memory(_arrays.column("x", plain), plain)
    plain.flags.writeable = False
    assert np.shares_memory(_arrays.column("x", plain), plain)
    swapped = plain.astype(plain.dtype.newbyteorder())
    odd = [np.repeat(plain, 2)[::2], plain[::-1].copy()[::-1], misaligned(plain), swapped,
           np.stack([plain, plain], axis=1)[:, 0], torch.from_numpy(plain.copy()), pd.Series(plain), pl.Series(plain),
           pa.array(plain), pa.chunked_array([plain[:2], plain[2:]])]  # fmt: skip
    for column in odd:
        got = _arrays.column("x", column)
        assert got.dtype == dtype
        assert got.flags.c_contiguous
        assert got.flags.aligned
        np.testing.assert_array_equal(got, plain)
    assert _arrays.column("x", plain[:0]).dtype == dtype


def test_narrow_integers_and_booleans_widen() -> None:
    for dtype in (np.int8, np.int16, np.uint8, np.uint16, np.uint32, np.uint64, bool):
        got = _arrays.column("x", np.ones(2, dtype))
        assert got.dtype == np.int64
        assert got.tolist() == [1, 1]


def test_null_in_a_float_column_is_nan() -> None:
    for column in (pl.Series([1.0, None]), pa.array([1.0, None]), pd.Series([1.0, None], dtype="Float64")):
        np.testing.assert_array_equal(_arrays.column("x", column), [1.0, np.nan])


@pytest.mark.parametrize(("values", "error", "message"), [
    (pl.Series([2**53 + 1, None]), DomainError, r"x\[1\] must be an integer, got null \(1 nulls in all\)"),
    (pa.array([None, 2**53 + 1]), DomainError, r"x\[0\] must be an integer, got null"),
    (pd.Series([1, None], dtype="Int64"), DomainError, r"x\[1\] must be an integer, got null"),
    (pd.Series([1, None], dtype="int64[pyarrow]"), DomainError, r"x\[1\] must be an integer, got null"),
    (np.array([0, 2**63], dtype=np.uint64), DomainError, rf"x\[1\] must fit int64, got {2**63}"),
    (np.float16([1.0]), TypeError, r"x must be float32 or float64, got float16; call .float\(\)"),
    (torch.tensor([1.0]).half(), TypeError, r"x must be float32 or float64, got torch.float16; call .float\(\)"),
    (torch.tensor([1.0]).bfloat16(), TypeError, r"x must be float32 or float64, got torch.bfloat16; call .float\(\)"),
    (torch.ones(1, device="meta"), TypeError, r"x must be on the CPU, got a tensor on meta; call .cpu\(\)"),
    (np.array([1j]), TypeError, r"x must hold integers, float32 or float64, got dtype complex128"),
    (["a"], TypeError, r"x must hold integers, float32 or float64, got dtype <U1"),
    ([1.0, None], TypeError, r"got dtype object \(nulls or lists among the values\?\)"),
    (pl.Series([[1.0]]), TypeError, r"got dtype object \(nulls or lists among the values\?\)"),
    ([[1.0], [1.0, 2.0]], ShapeError, r"x must be rectangular; groups.from_lists takes lists of unequal length"),
    (pd.DataFrame({"a": [1.0]}), TypeError, r"x must be one column or an array, got a DataFrame; call .to_numpy\(\)"),
    (np.ma.masked_array([1.0], [True]), TypeError, r"x must not be a masked array; call .filled\(np.nan\)"),
])  # fmt: skip
def test_what_is_no_column_of_numbers(values: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        _arrays.column("x", values)


def test_the_three_forms_of_groups() -> None:
    flat = _arrays.grouped(np.array([0, 1, 3], dtype=np.int32), scores=[1.0, 2.0, 3.0], labels=[1, 0, 1])
    assert (flat.offsets.tolist(), flat.shape, flat.single) == ([0, 1, 3], (3,), False)
    assert [column.dtype for column in flat.columns] == [np.float64, np.int64]
    square = _arrays.grouped(None, scores=torch.ones(2, 3).T)
    assert (square.offsets.tolist(), square.shape, square.single) == ([0, 2, 4, 6], (3, 2), False)
    assert square.columns[0].flags.c_contiguous
    assert square.columns[0].shape == (6,)
    assert _arrays.grouped(None, scores=np.ones((2, 0))).offsets.tolist() == [0, 0, 0]
    single = _arrays.grouped(None, scores=[1.0, 2.0])
    assert (single.offsets.tolist(), single.single) == ([0, 2], True)


@pytest.mark.parametrize(("offsets", "columns", "message"), [
    (None, {"x": [1.0], "y": [1.0, 2.0]}, r"y must have shape \[1\] like x, got \[2\]"),
    ([0, 1], {"x": [[1.0]]}, r"offsets must be None where x is 2-D"),
    (None, {"x": 1.0}, r"x must be 1-D, or 2-D with a group in each row, got 0-D"),
    (None, {"x": [[[1.0]]]}, r"x must be 1-D, or 2-D with a group in each row, got 3-D"),
    ([[0, 1]], {"x": [1.0]}, r"offsets must be 1-D, got 2-D"),
])  # fmt: skip
def test_shapes_that_are_no_groups(offsets: Any, columns: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        _arrays.grouped(offsets, **columns)


def test_ids_of_mixed_types_stay_apart_and_a_missing_one_is_named() -> None:
    assert groups.offsets_from_ids([1, "1"]).tolist() == [0, 1, 2]
    assert groups.offsets_from_ids(["a", "a\0"]).tolist() == [0, 1, 2]
    with pytest.raises(DomainError, match=r"ids\[1\] must be an integer or a string, got nan"):
        groups.offsets_from_ids(["a", float("nan"), "b"])


def test_nan_in_place_of_a_list_is_a_null_list() -> None:
    """What pandas writes for a missing list after a merge."""
    assert groups.from_lists([[1.0, 2.0], None, float("nan"), [3.0]]).offsets.tolist() == [0, 2, 2, 2, 3]


@pytest.mark.parametrize(("ids", "want"), [
    (["1", 1, 1], ["1", 1]),
    (["a\0", "a"], ["a\0", "a"]),
    ([b"a\0", b"a"], [b"a\0", b"a"]),
    (np.array([np.int64(1), "a", np.int64(1)], dtype=object), [1, "a"]),
])  # fmt: skip
def test_ids_are_gathered_as_they_came(ids: Any, want: list[Any]) -> None:
    assert groups.group_by_ids(ids).ids.tolist() == want


def test_a_number_that_is_none_is_no_id() -> None:
    with pytest.raises(DomainError, match=r"ids\[1\] must be an integer or a string, got nan"):
        groups.group_by_ids(["a", math.nan, "a"])


@pytest.mark.parametrize(("values", "message"), [
    ([2**63, 2**53 + 1], r"x\[0\] must fit int64, got 9223372036854775808"),
    ([[0, -1], [2**53 + 1, 2**63]], r"x\[1, 1\] must fit int64"),
])  # fmt: skip
def test_lists_of_integers_do_not_become_floats(values: list[Any], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        _arrays.column("x", values)
    assert _arrays.column("x", [2**63, 0.5]).tolist() == [2.0**63, 0.5]


def test_a_mask_of_rows_without_length_can_be_too_long_for_memory() -> None:
    with pytest.raises(MemoryError):
        groups.offsets_from_mask(np.zeros((2**50, 0), dtype=bool))


def test_a_column_that_is_none() -> None:
    with pytest.raises(TypeError, match="column must be a column or a sequence of lists, got a NoneType"):
        groups.from_lists(None)

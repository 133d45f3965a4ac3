"""`split_common_prefix` and `kto_mismatch`."""

import itertools
from collections.abc import Iterator
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
from pair_lists import quick
from prefcore import pairs
from prefcore.errors import DomainError, ShapeError

# few characters, so that prefixes are common: outside of the basic plane, combining, a lone surrogate
texts = st.lists(st.tuples(*[st.text("ab é\u0301\U0001f600\ud800", max_size=6)] * 2), min_size=1, max_size=6)


def loop(one: Any, other: Any) -> int:
    """The definition."""
    return len(list(itertools.takewhile(lambda both: both[0] == both[1], zip(one, other, strict=False))))


@given(texts)
@quick
def test_lengths_are_in_characters_of_python(rows: list[tuple[str, str]]) -> None:
    chosen, rejected = ([row[side] for row in rows] for side in (0, 1))
    found = pairs.split_common_prefix(chosen, rejected)
    assert found.length.tolist() == [loop(*row) for row in rows]
    assert found.identical.tolist() == [a == b for a, b in rows]
    assert found.chosen_empty.tolist() == [b.startswith(a) for a, b in rows]
    assert found.rejected_empty.tolist() == [a.startswith(b) for a, b in rows]


@given(st.lists(st.tuples(*[st.lists(st.integers(0, 2), max_size=5)] * 2), min_size=1, max_size=6))
@quick
def test_tokens_with_offsets(rows: list[tuple[list[int], list[int]]]) -> None:
    columns: dict[str, Any] = {}
    for side, name in enumerate(("chosen", "rejected")):
        columns[name] = np.array([*itertools.chain(*(row[side] for row in rows))], dtype=np.int64)
        columns[f"{name}_offsets"] = np.cumsum([0, *(len(row[side]) for row in rows)])
    found = pairs.split_common_prefix(**columns)
    assert found.length.tolist() == [loop(*row) for row in rows]
    assert found.identical.tolist() == [a == b for a, b in rows]


def test_faults_of_extract_prompt() -> None:
    """ranking.md 1.3 no. 1 to 4: TRL cuts "What? Ye", "ab", fails on an empty text, and takes a space along."""
    chosen, rejected = ["What? Yes", "abc", "", "foo "], ["What? Yes, sure", "abc", "abc", "bar"]
    found = pairs.split_common_prefix(chosen, rejected)
    assert [text[:n] for text, n in zip(chosen, found.length, strict=True)] == ["What? Yes", "abc", "", ""]
    assert found.identical.tolist() == [False, True, False, False]
    assert found.chosen_empty.tolist() == [True, True, True, False]
    assert found.rejected_empty.tolist() == [False, True, False, False]


def test_one_row_each_gives_numbers() -> None:
    for one, other in (("prompt: yes", "prompt: no"), ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 0])):
        length, identical, *empty = pairs.split_common_prefix(one, other)
        assert length == 8
        assert [identical, *empty] == [False, False, False]
        assert length.shape == identical.shape == ()


def test_inputs_of_every_kind() -> None:
    chosen, rejected = ["ab", "b", ""], ["ac", "b", "x"]
    want = pairs.split_common_prefix(chosen, rejected).length.tolist()
    for column in (tuple, np.array, pd.Series, pl.Series, pa.array):
        assert pairs.split_common_prefix(column(chosen), column(rejected)).length.tolist() == want == [1, 1, 0]
    tokens, others = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, 2], [5, 5]])
    for dtype in (np.int64, np.int32, np.int16, np.uint8):
        assert pairs.split_common_prefix(tokens.astype(dtype), others.astype(np.int32)).length.tolist() == [2, 0]
    assert pairs.split_common_prefix(torch.tensor(tokens), torch.tensor(others)).length.tolist() == [2, 0]
    flat = pairs.split_common_prefix(tokens.ravel(), others, chosen_offsets=[0, 3, 6])
    assert flat.length.tolist() == [2, 0]
    assert pairs.split_common_prefix([1], [1], chosen_offsets=[0, 1]).length.tolist() == [1]


@pytest.fixture
def restore_threads() -> Iterator[None]:
    before = prefcore.get_num_threads()
    yield
    prefcore.set_num_threads(before)


@pytest.mark.usefixtures("restore_threads")
def test_many_rows_on_several_threads() -> None:
    rng = np.random.default_rng(0)
    length, alike = 200, rng.integers(0, 201, size=2_000)
    chosen = rng.integers(0, 50_000, size=(2_000, length))
    rejected = np.where(np.arange(length) < alike[:, None], chosen, -1)
    for threads in (1, 2, 8):
        prefcore.set_num_threads(threads)
        np.testing.assert_array_equal(pairs.split_common_prefix(chosen, rejected).length, alike)


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"chosen": ["a", "b"]}, ShapeError, r"rejected must have 2 rows like chosen, got 1"),
    ({"chosen": ["a", 1]}, TypeError, r"chosen\[1\] must be a string like the others, got 1"),
    ({"chosen": [0.5]}, TypeError, r"chosen must hold integers or strings, got dtype float64"),
    ({"chosen": [1, 2], "chosen_offsets": [0, 3], "rejected": [1]}, DomainError,
     r"chosen_offsets\[1\] must be 2, the number of rows, got 3"),
    ({"chosen": [1], "rejected": [1, 2], "rejected_offsets": [1, 2]}, DomainError,
     r"rejected_offsets\[0\] must be 0, got 1"),
    ({"chosen_offsets": [0, 1]}, ShapeError, r"chosen_offsets must be None where chosen is text, got offsets"),
    ({"chosen": [[1], [2, 3]]}, ShapeError, r"chosen must be rectangular"),
])  # fmt: skip
def test_error_messages(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pairs.split_common_prefix(**{"chosen": ["a"], "rejected": ["b"], **arguments})


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30))
@quick
def test_every_row_gets_a_row_of_another_prompt(ids: list[int]) -> None:
    if len(set(ids)) == 1:
        with pytest.raises(DomainError, match=rf"prompt_ids must hold two different prompts, got {len(ids)} rows of"):
            pairs.kto_mismatch(ids)
        return
    found = pairs.kto_mismatch(ids)
    assert found.dtype == np.int64
    assert all(ids[other] != own for own, other in zip(ids, found, strict=True))
    largest = max(map(ids.count, ids))
    if 2 * largest <= len(ids):
        assert sorted(found.tolist()) == list(range(len(ids)))
    else:  # the rows of the large prompt take turns: no row is taken much more often than another
        taken = np.bincount(found[np.array(ids) == max(ids, key=ids.count)], minlength=len(ids))
        others = np.array(ids) != max(ids, key=ids.count)
        assert taken[others].max() - taken[others].min() <= 1


def test_mismatch_of_odd_batches_strings_and_nothing() -> None:
    """huggingface/trl#1911, #2554: odd batches and batches of one prompt and a half."""
    assert pairs.kto_mismatch(["a", "b", "a"]).tolist() == [1, 2, 1]
    assert pairs.kto_mismatch(pl.Series(["x", "y", "z"])).tolist() == [1, 2, 0]
    assert pairs.kto_mismatch([]).tolist() == []
    for bad, error, message in [
        ([5], DomainError, r"prompt_ids must hold two different prompts, got 1 rows of one"),
        ([[1, 2]], ShapeError, r"prompt_ids must be 1-D, got 2-D"),
        ([0.5, 1.0], TypeError, r"prompt_ids must hold integers or strings, got dtype float64"),
    ]:
        with pytest.raises(error, match=message):
            pairs.kto_mismatch(bad)


@pytest.mark.parametrize(("chosen", "rejected", "kinds"), [
    ("ab", [97, 98], "text and integers"),
    ([[97, 98]], ["ab"], "integers and text"),
])  # fmt: skip
def test_text_is_not_compared_with_tokens(chosen: Any, rejected: Any, kinds: str) -> None:
    with pytest.raises(TypeError, match=f"both be integers or both text, got {kinds}"):
        pairs.split_common_prefix(chosen, rejected)

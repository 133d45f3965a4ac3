"""`pairs.step_pairs` against Python's sort of tuples."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pair_lists import quick, rows_of
from prefcore import _rust, pairs
from prefcore.errors import DomainError, ShapeError

COLUMNS = ("q", "prior", "rewards", "values", "visits")
step = st.tuples(*[st.sampled_from([-0.5, -0.0, 0.0, 1.0])] * 4, st.integers(0, 2))
siblings = st.lists(st.lists(step, max_size=6), max_size=5)


def tree(groups: list[list[Any]]) -> dict[str, Any]:
    flat = list(itertools.chain(*groups))
    columns = {name: np.array([s[i] for s in flat], dtype=np.float64) for i, name in enumerate(COLUMNS)}
    return {**columns, "offsets": np.cumsum([0, *map(len, groups)])}


@given(siblings, st.integers(0, 2**64 - 1))
@quick
def test_the_last_of_the_sorted_siblings_is_chosen(groups: list[list[Any]], seed: int) -> None:
    given_ = tree(groups)
    for worse in ("second", "worst", "random"):
        want = []
        for group, own in enumerate(groups):
            if len(own) < 2:
                continue
            order = sorted(range(len(own)), key=lambda place: own[place])
            best, others = order[-1], order[:-1]
            drawn = min(others, key=lambda place: _rust.random_keys(seed, group, place))
            other = {"second": others[-1], "worst": others[0], "random": drawn}[worse]
            start = int(given_["offsets"][group])
            want.append((start + best, start + other, abs(own[best][0] - own[other][0]), group))
        assert rows_of(pairs.step_pairs(**given_, worse=worse, seed=seed)) == want  # type: ignore[arg-type]


def test_steps_that_are_equal_in_q_are_decided_by_what_comes_next() -> None:
    for number, name in enumerate(COLUMNS):
        columns = {other: np.zeros(2) for other in COLUMNS}
        columns[name] = np.array([1.0, 0.0])
        (pair,) = rows_of(pairs.step_pairs(**columns))
        assert pair == (0, 1, 1.0 if number == 0 else 0.0, 0)
    alike = {name: np.zeros(3) for name in COLUMNS}
    assert rows_of(pairs.step_pairs(**alike)) == [(2, 1, 0.0, 0)]  # a stable sort leaves them as they are
    infinite = {**alike, "q": np.full(3, math.inf)}
    assert rows_of(pairs.step_pairs(**infinite)) == [(2, 1, 0.0, 0)]


def test_rows_and_dtypes() -> None:
    """A 2-D row is a group of siblings; q keeps float32, and integers have margins in float64."""
    matrix = {name: np.array([[1.0, 3.0, 2.0], [5.0, 4.0, 6.0]]) for name in COLUMNS}
    assert rows_of(pairs.step_pairs(**matrix)) == [(1, 2, 1.0, 0), (5, 3, 1.0, 1)]
    narrow = pairs.step_pairs(**{**matrix, "q": matrix["q"].astype(np.float32)}, index_dtype="int32")
    assert (narrow.margin.dtype, narrow.chosen.dtype) == (np.float32, np.int32)
    assert pairs.step_pairs(**{**matrix, "q": matrix["q"].astype(np.int64)}).margin.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_integers_are_compared_as_integers(dtype: type) -> None:
    columns: dict[str, Any] = {name: [1, 0] for name in COLUMNS}
    q = np.array([-(2**31), 2**31 - 1] if dtype is np.int32 else [2**53, 2**53 + 1], dtype=dtype)
    assert rows_of(pairs.step_pairs(**{**columns, "q": q})) == [(1, 0, float(int(q[1]) - int(q[0])), 0)]


@pytest.mark.parametrize(("changed", "error", "message"), [
    ({"worse": "first"}, DomainError, r"worse must be 'second' or 'worst' or 'random', got 'first'"),
    ({"seed": -1}, DomainError, r"seed must be 0 to 2.64 - 1, got -1"),
    ({"prior": [1.0]}, ShapeError, r"prior must have shape \[2\] like q, got \[1\]"),
    ({"values": [0.0, math.nan]}, DomainError, r"values\[1\] must be a number, got NaN$"),
    ({"visits": [3, -1]}, DomainError, r"visits\[1\] must be 0 or more, got -1"),
    ({"q": [math.nan, 0.0]}, DomainError, r"q\[0\] must be a number"),
    ({"offsets": [0, 1]}, DomainError, r"offsets\[1\] must be 2, the number of rows, got 1"),
])  # fmt: skip
def test_error_messages(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    columns: dict[str, Any] = {name: [1.0, 2.0] for name in COLUMNS}
    with pytest.raises(error, match=message):
        pairs.step_pairs(**{**columns, **changed})

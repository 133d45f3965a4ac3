"""`top_k`, `top_fraction` and `thin_by_gap` against the definition: sort every group, then take."""

import math
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore.errors import DomainError, ShapeError
from prefcore.selection import thin_by_gap, top_fraction, top_k

quick = settings(max_examples=100, deadline=None)
grid = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 0.5, 1.0, 1.25, 3.0, np.inf])
ragged = st.lists(st.lists(grid, max_size=40), max_size=6)
with_nan = st.lists(st.lists(st.one_of(grid, st.just(np.nan)), max_size=7), max_size=6)
DTYPES = [np.float64, np.float32, np.int64, np.int32]


def flatten(lists: list[list[float]], dtype: Any = np.float64) -> tuple[Any, Any]:
    return np.array(list(chain(*lists)), dtype=dtype), np.cumsum([0, *map(len, lists)])


def falling(scores: Any, offsets: Any) -> list[list[int]]:
    """The rows of every group without NaN, highest first, the earlier row first among equals."""
    groups = ([row for row in range(start, end) if scores[row] == scores[row]] for start, end in pairwise(offsets))
    return [sorted(rows, key=lambda row: -scores[row]) for rows in groups]


def in_groups(found: Any) -> list[list[int]]:
    return [found.rows[start:end].tolist() for start, end in pairwise(found.offsets)]


@quick
@given(ragged, st.integers(0, 45))
def test_top_k_takes_the_first_of_the_stable_order(lists: list[list[float]], k: int) -> None:
    scores, offsets = flatten(lists)
    assert in_groups(top_k(scores, k=k, offsets=offsets)) == [rows[:k] for rows in falling(scores, offsets)]


@pytest.mark.parametrize("k", [0, 1, 7, 8, 500, 5_000, 2**62])
@pytest.mark.parametrize("dtype", DTYPES)
def test_top_k_of_a_long_list_whose_candidates_are_dropped_again_and_again(dtype: Any, k: int) -> None:
    """Longer than a chunk of keys; many equal scores; a rising and a falling list are the worst and the best case."""
    drawn = np.random.default_rng(1).integers(-400, 400, size=5_000).astype(dtype)
    for scores in (drawn, np.sort(drawn), np.sort(drawn)[::-1]):
        want = np.argsort(-scores.astype(np.int64), kind="stable")[:k]
        assert top_k(scores, k=k).rows.tolist() == want.tolist()


def test_integers_above_2_to_the_53_are_told_apart() -> None:
    assert top_k(np.array([2**53, 2**53 + 1, -(2**63)]), k=2).rows.tolist() == [1, 0]
    big = np.array([-(2**63), 2**63 - 1])
    assert thin_by_gap(big, min_gap=2.0**64).rows.tolist() == [1]
    assert thin_by_gap(big, min_gap=2.0**63).rows.tolist() == [1, 0]


@quick
@given(with_nan)
def test_omit_leaves_rows_out_but_does_not_renumber_them(lists: list[list[float]]) -> None:
    scores, offsets = flatten(lists)
    want = falling(scores, offsets)
    assert in_groups(top_k(scores, k=2, offsets=offsets, nan="omit")) == [rows[:2] for rows in want]
    halves = top_fraction(scores, fraction=0.5, rounding="floor", offsets=offsets, nan="omit")
    assert in_groups(halves) == [rows[: len(rows) // 2] for rows in want]
    assert in_groups(thin_by_gap(scores, min_gap=0, offsets=offsets, nan="omit")) == want


@pytest.mark.parametrize(
    ("rounding", "whole"),
    [("floor", math.floor), ("ceil", math.ceil), ("round", round)],
    ids=["floor", "ceil", "round"],
)
def test_shares_are_those_of_exact_fractions(rounding: Any, whole: Any) -> None:
    """Where binary products miss them: floor(0.29 * 100) is 28, ceil(0.07 * 100) is 8."""
    lengths = np.arange(0, 120)
    scores, offsets = np.zeros(lengths.sum()), np.concatenate([[0], np.cumsum(lengths)])
    for percent in range(101):
        found = top_fraction(scores, fraction=percent / 100, rounding=rounding, offsets=offsets)
        assert np.diff(found.offsets).tolist() == [whole(Fraction(percent, 100) * int(n)) for n in lengths]


@quick
@given(ragged, st.sampled_from([0, 0.25, 0.5, 1.5, 4, np.inf]))
def test_thinning_is_greedy_from_the_top(lists: list[list[float]], min_gap: float) -> None:
    scores, offsets = flatten(lists)
    want = []
    for rows in falling(scores, offsets):
        kept: list[int] = []
        for row in rows:
            if not kept or (0 if scores[kept[-1]] == scores[row] else scores[kept[-1]] - scores[row]) >= min_gap:
                kept.append(row)
        want.append(kept)
    assert in_groups(thin_by_gap(scores, min_gap=min_gap, offsets=offsets)) == want


def test_gaps_are_those_of_the_dtype() -> None:
    assert 4.6 - 4.5 < 0.1
    assert thin_by_gap([4.6, 4.5], min_gap=0.1).rows.tolist() == [0]
    single = np.array([1.1, 1.0], dtype=np.float32)
    assert single[0] - single[1] > np.float32(0.1)
    assert thin_by_gap(single, min_gap=0.1).rows.tolist() == [0, 1]


def test_a_matrix_has_a_group_in_each_row_and_flat_numbers() -> None:
    found = top_k([[1.0, 3.0, 2.0], [5.0, 4.0, 6.0]], k=1)
    assert found.rows.tolist() == [1, 5]
    assert found.offsets.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: top_k([1.0], k=-1), r"k must be 0 to "),
        (
            lambda: top_k([1.0, np.nan, np.nan], k=1),
            r"scores\[1\] must be a number, .* got NaN in group 0 \(2 NaN in all\)",
        ),
        (lambda: top_k([1.0], k=1, nan="propagate"), 'nan must be "raise" or "omit" where the results are rows'),
        (lambda: top_fraction([1.0], fraction=1.5, rounding="floor"), r"fraction must be in \[0, 1\], got 1\.5"),
        (lambda: top_fraction([1.0], fraction=math.nan, rounding="floor"), r"fraction must be in \[0, 1\], got NaN"),
        (
            lambda: top_fraction([1.0], fraction=0.5, rounding="up"),
            'rounding must be "floor", "ceil" or "round", got "up"',
        ),
        (lambda: thin_by_gap([1.0], min_gap=-1), "min_gap must be a number >= 0, got -1"),
        (lambda: thin_by_gap([1.0], min_gap=math.nan), "min_gap must be a number >= 0, got NaN"),
    ],
)
def test_bad_numbers_are_named(call: Any, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        call()


def test_bad_types_and_shapes_are_named() -> None:
    with pytest.raises(TypeError, match=r"k must be an integer, got 1\.0"):
        top_k([1.0], k=1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fraction must be a number, got 'half'"):
        top_fraction([1.0], fraction="half", rounding="floor")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="scores must be 1-D, or 2-D"):
        top_k(np.zeros((1, 1, 1)), k=1)

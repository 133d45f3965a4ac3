"""Ranks: against scipy and the definition, in their symmetries, and their policies."""

from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prefcore.errors import DomainError, ShapeError
from prefcore.ranking import approx_rank, lambda_weights, neural_sort, rank, soft_rank, soft_rank_vjp

Array = NDArray[Any]
Method = Literal["average", "min", "max", "dense", "ordinal"]
METHODS: list[Method] = ["average", "min", "max", "dense", "ordinal"]
quick = settings(max_examples=80, deadline=None)
# Few values for ties, infinities and zeros of both signs; and the whole range of the dtype.
NUMBERS = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 2.0, np.inf]) | st.floats(allow_nan=False)
LISTS = st.lists(NUMBERS, max_size=60).map(lambda x: np.array(x, dtype=np.float64))  # compared up to 24, then sorted
MODERATE = st.lists(st.integers(-40, 40).map(lambda x: x / 4), min_size=1, max_size=9)


@quick
@given(LISTS, st.sampled_from(METHODS))
def test_ranks_equal_those_of_scipy(x: Array, method: Method) -> None:
    np.testing.assert_array_equal(rank(x, method=method), scipy.stats.rankdata(x, method=method))
    if method != "ordinal":  # whose ties keep the order of the input in both directions
        np.testing.assert_array_equal(rank(x, method=method, descending=True), scipy.stats.rankdata(-x, method=method))


@quick
@given(LISTS)
def test_ordinal_ranks_of_a_stable_order(x: Array) -> None:
    for key, descending in ((x, False), (-x, True)):
        order = np.argsort(key, kind="stable")
        np.testing.assert_array_equal(rank(x, method="ordinal", descending=descending)[order], np.arange(1, len(x) + 1))


# Compared, sorted, and long.
@pytest.mark.parametrize("n", [24, 25, 100_003])
@pytest.mark.parametrize("levels", [3, 2**60])
def test_long_lists_match_scipy(n: int, levels: int) -> None:
    x = np.random.default_rng(n).integers(-levels, levels, n)
    for method in METHODS:
        np.testing.assert_array_equal(rank(x, method=method), scipy.stats.rankdata(x, method=method))


def test_int64_is_ranked_exactly_and_float32_as_it_is() -> None:
    assert rank(np.array([2**53 + 1, 2**53])).tolist() == [2.0, 1.0]
    assert rank(np.array([1e-45, 0.0], dtype=np.float32)).tolist() == [2.0, 1.0]


@pytest.mark.parametrize("method", METHODS)
def test_groups_are_ranked_alone(method: Method) -> None:
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], rng.integers(0, 40, 300).cumsum()])
    x = rng.integers(0, 9, offsets[-1]) / 4
    whole = rank(x, method=method, descending=True, offsets=offsets)
    parts = [rank(x[start:end], method=method, descending=True) for start, end in pairwise(offsets)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@quick
@given(st.lists(st.just(np.nan) | st.integers(0, 4), max_size=40), st.sampled_from(METHODS), st.booleans())
def test_omitted_rows_have_rank_nan_and_take_no_place(x: list[float], method: Method, descending: bool) -> None:
    column = np.array(x, dtype=np.float64)
    missing = np.isnan(column)
    ranks = rank(column, method=method, descending=descending, nan="omit")
    assert np.isnan(ranks[missing]).all()
    np.testing.assert_array_equal(ranks[~missing], rank(column[~missing], method=method, descending=descending))


def test_propagate_makes_only_the_group_of_a_nan_undefined() -> None:
    ranks = rank([1.0, np.nan, 3.0, 2.0], offsets=[0, 2, 4], nan="propagate")
    np.testing.assert_array_equal(ranks, [np.nan, np.nan, 2.0, 1.0])


@quick
@given(MODERATE)
def test_smooth_ranks_tend_to_the_ranks_and_to_their_mean(scores: list[float]) -> None:
    """Scores are multiples of 1/4."""
    exact = rank(scores, descending=True)
    np.testing.assert_allclose(approx_rank(scores, temperature=0.001), exact, atol=1e-12)
    np.testing.assert_allclose(soft_rank(scores, strength=0.01), exact, atol=1e-9)
    np.testing.assert_allclose(soft_rank(scores, strength=1e9), (len(scores) + 1) / 2, atol=1e-6)
    np.testing.assert_allclose(approx_rank(scores, temperature=1e9), (len(scores) + 1) / 2, atol=1e-6)


@quick
@given(MODERATE, st.sampled_from([0.1, 1.0, 7.0]))
def test_approx_rank_matches_its_definition(scores: list[float], temperature: float) -> None:
    s = np.array(scores)
    sigmoids = 1 / (1 + np.exp(-np.subtract.outer(s, s).T / temperature))
    np.testing.assert_allclose(approx_rank(s, temperature=temperature), 0.5 + sigmoids.sum(axis=1), rtol=1e-13)


def test_a_score_of_minus_inf_has_the_last_approximate_rank() -> None:
    ranks = approx_rank([0.0, -np.inf, 0.0, -np.inf])
    np.testing.assert_array_equal(ranks, [1.5, 3.5, 1.5, 3.5])


@quick
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.sampled_from([0.3, 2.0]), st.booleans())
def test_soft_rank_is_the_nearest_point_of_the_permutahedron(
    scores: list[float], strength: float, descending: bool
) -> None:
    """Optimality: no permutation of (1, …, n) lies further in the direction from the ranks to z than the ranks do."""
    s = np.array(scores)
    z = (-s if descending else s) / strength
    ranks = soft_rank(s, strength=strength, descending=descending)
    assert ranks.sum() == pytest.approx(len(s) * (len(s) + 1) / 2)
    toward = z - ranks
    farthest = np.sort(toward) @ np.arange(1, len(s) + 1)
    assert farthest <= toward @ ranks + 1e-9 * (1 + np.abs(z).max() * len(s) ** 2)


def test_soft_rank_vjp_is_that_of_central_differences() -> None:
    rng = np.random.default_rng(3)
    scores, upstream, step = rng.normal(size=11), rng.normal(size=11), 1e-6
    for options in ({"offsets": [0, 4, 4, 11]}, {"descending": False, "strength": 0.4}):
        got = soft_rank_vjp(scores, upstream, **options)
        shifts = np.eye(11) * step
        want = [upstream @ (soft_rank(scores + d, **options) - soft_rank(scores - d, **options)) for d in shifts]
        np.testing.assert_allclose(got, np.array(want) / (2 * step), atol=1e-8)


def test_an_infinite_score_makes_the_soft_ranks_of_its_list_nan() -> None:
    ranks = soft_rank([[1.0, np.inf], [1.0, 0.0]], strength=0.1)
    np.testing.assert_array_equal(ranks, [[np.nan, np.nan], [1.0, 2.0]])


def test_neural_sort_matches_its_definition_and_tends_to_the_permutation() -> None:
    s = np.array([0.3, -1.0, 2.0, 0.1])
    spread = np.abs(np.subtract.outer(s, s)).sum(axis=1)
    x = np.array([((4 + 1 - 2 * i) * s - spread) / 0.7 for i in range(1, 5)])
    np.testing.assert_allclose(neural_sort(s, temperature=0.7), scipy.special.softmax(x, axis=1), rtol=1e-13)
    np.testing.assert_allclose(neural_sort(s, temperature=1e-3) @ s, np.sort(s)[::-1])
    np.testing.assert_allclose(neural_sort(s + 1e8), neural_sort(s), rtol=1e-6)
    assert neural_sort([]).shape == (0, 0)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: rank([1, 2], method="first"), DomainError, 'method must be "average", .* got "first"'),  # type: ignore[arg-type]
        (
            lambda: rank([0.0, np.nan, np.nan], offsets=[0, 1, 3]),
            DomainError,
            r'x\[1\] must be a number, or nan="omit" given, got NaN in group 1 \(2 NaN in all\)',
        ),
        (lambda: rank([1], nan="drop"), DomainError, 'nan must be "raise", "omit" or "propagate", got "drop"'),  # type: ignore[arg-type]
        (lambda: rank([1, 2], offsets=[0, 3]), DomainError, r"offsets\[1\] must be 2, the number of rows, got 3"),
        (lambda: approx_rank([0.0], temperature=0.0), DomainError, "temperature must be finite and > 0, got 0"),
        (lambda: approx_rank([0.0, np.nan]), DomainError, r"scores\[1\] must be a number, got NaN \(1 NaN in all\)"),
        (lambda: soft_rank([0.0], strength=np.inf), DomainError, "strength must be finite and > 0, got inf"),
        (
            lambda: soft_rank_vjp([0.0], [0.0, 1.0]),
            ShapeError,
            r"upstream must have shape \[1\] like scores, got \[2\]",
        ),
        (lambda: soft_rank_vjp([0.0], [np.nan]), DomainError, r"upstream\[0\] must be a number, got NaN"),
        (lambda: neural_sort([[0.0]]), ShapeError, "scores must be 1-D, got 2-D"),
        (lambda: neural_sort([0.0, np.inf]), DomainError, r"scores\[1\] must be finite, got inf"),
        (lambda: neural_sort([0.0], temperature=-1.0), DomainError, "temperature must be finite and > 0, got -1.0"),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize(("scores", "scale"), [
    ([1.0, 2.0, 3.0], 1e-308),
    ([1.0, 2.0, 2.5], 5e-324),
    ([1e308, 1.5e308, 1.7e308], 1.0),
    ([-1e308, 0.0, 1e308], 1.0),
])  # fmt: skip
def test_far_scores_have_hard_ranks(scores: list[float], scale: float) -> None:
    assert soft_rank(scores, strength=scale).tolist() == [3, 2, 1]
    assert soft_rank_vjp(scores, [1.0, 2.0, 3.0], strength=scale).tolist() == [0, 0, 0]
    assert neural_sort(scores, temperature=scale).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_far_scores_that_are_equal_share_their_rank() -> None:
    assert soft_rank([1e300, 1e300, -1e300], strength=1e-300).tolist() == [1.5, 1.5, 3]
    assert soft_rank([1e300, 1.0, 1.0, 0.0], strength=1e-10).tolist() == [1, 2.5, 2.5, 4]


def test_weights_that_do_not_fit_memory() -> None:
    rows = np.zeros(2**23)
    with pytest.raises(MemoryError):
        lambda_weights(rows, rows)

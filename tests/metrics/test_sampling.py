"""Best of n, pass@k, pass^k: against enumeration of subsets and exact fractions."""

import itertools
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import best_of_n, pass_all_k, pass_at_k

Array = NDArray[Any]
quick = settings(max_examples=60, deadline=None)
ROWS = st.lists(st.tuples(st.integers(-2, 2), st.integers(-9, 9)), min_size=1, max_size=6)


def definition(rows: list[tuple[int, int]], n: int, replace: bool) -> float:
    """Mean over all draws of the mean gold of the highest score: tied rows of the whole list share their gold."""
    shared = {score: np.mean([gold for other, gold in rows if other == score]) for score, _ in rows}
    draws = itertools.product(rows, repeat=n) if replace else itertools.combinations(rows, n)
    values = [shared[max(score for score, _ in draw)] for draw in draws]
    return float(np.mean(values)) if values else np.nan


@quick
@given(ROWS, st.integers(1, 5), st.booleans())
def test_best_of_n_is_the_mean_over_all_draws(rows: list[tuple[int, int]], n: int, replace: bool) -> None:
    scores, gold = np.array(rows).T
    got = best_of_n(scores, n=n, gold=gold, replace=replace)
    np.testing.assert_allclose(got, definition(rows, n, replace), rtol=1e-12, atol=1e-12)


@quick
@given(ROWS, st.integers(1, 7))
def test_0_1_scores_give_pass_at_k(rows: list[tuple[int, int]], k: int) -> None:
    """Equality 20 of the API page."""
    labels = np.array([score > 0 for score, _ in rows], dtype=np.int64)
    got = best_of_n(labels, n=k)
    np.testing.assert_allclose(got, pass_at_k(len(labels), labels.sum(), k=k), rtol=1e-13)


def test_one_draw_gives_the_mean_and_all_draws_the_maximum() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 50))
    np.testing.assert_allclose(best_of_n(scores, n=1), scores.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(best_of_n(scores, n=1, replace=True), scores.mean(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(best_of_n(scores, n=50), scores.max(axis=1))
    assert np.isnan(best_of_n(scores, n=51)).all()
    assert (best_of_n(scores, n=10**15, replace=True) == scores.max(axis=1)).all()


def test_half_of_a_hundred_thousand_rows_does_not_overflow() -> None:
    """C(1e5, 5e4) has 30,000 digits; the best of half the rows is one of the first with chance 1/2, 1/4, ..."""
    scores = np.arange(100_000.0)
    assert best_of_n(scores, n=50_000) == pytest.approx(99_998.0, abs=1e-4)
    # expected maximum of n of M numbers 0..M-1: n (M + 1)/(n + 1) - 1
    assert best_of_n(scores, n=7) == pytest.approx(7 * 100_001 / 8 - 1, rel=1e-12)


def test_several_n_make_a_second_axis() -> None:
    scores, offsets = [1.0, 2.0, 5.0, 7.0, 9.0], [0, 3, 3, 5]
    several = best_of_n(scores, n=[1, 3], offsets=offsets)
    assert several.shape == (3, 2)
    for column, n in enumerate((1, 3)):
        np.testing.assert_array_equal(several[:, column], best_of_n(scores, n=n, offsets=offsets))
    np.testing.assert_array_equal(np.isnan(several), [[False, False], [True, True], [False, True]])
    assert best_of_n(scores, n=np.array([1, 2])).shape == (2,)
    assert best_of_n(scores, n=[], offsets=offsets).shape == (3, 0)
    assert type(best_of_n(scores, n=2)) is np.float64


def test_infinite_gold_counts_where_it_can_be_drawn() -> None:
    gold = [np.inf, 1.0, 2.0]
    assert best_of_n([0.0, 1.0, 2.0], n=1, gold=gold) == np.inf
    assert best_of_n([0.0, 1.0, 2.0], n=2, gold=gold) == pytest.approx(5 / 3)


COUNTS = st.integers(0, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, 60)))


@quick
@given(COUNTS)
def test_pass_at_k_and_pass_all_k_equal_exact_fractions(counts: tuple[int, int, int]) -> None:
    """Records pass_at_k/*: exact rationals."""
    n, c, k = counts
    some, every = pass_at_k(n, c, k=k), pass_all_k(n, c, k=k)
    if n < k:  # human-eval's estimator says 1 here
        assert np.isnan([some, every]).all()
        return
    exact_some = 1 - Fraction(comb(n - c, k), comb(n, k))
    assert some == pytest.approx(float(exact_some), rel=1e-14)
    assert every == pytest.approx(float(Fraction(comb(c, k), comb(n, k))), rel=1e-13)


def test_small_chances_keep_their_digits_and_large_counts_do_not_overflow() -> None:
    assert pass_at_k(10**9, 1, k=1) == 1e-9  # 1 - (1 - 1e-9) has seven digits
    exact = 1 - Fraction(comb(100_000 - 300, 1_000), comb(100_000, 1_000))
    assert pass_at_k(100_000, 300, k=1_000) == pytest.approx(float(exact), rel=1e-13)
    exact = Fraction(comb(99_700, 1_000), comb(100_000, 1_000))
    assert pass_all_k(100_000, 99_700, k=1_000) == pytest.approx(float(exact), rel=1e-12)
    assert pass_at_k(2**62, 2**62, k=2**61) == pass_all_k(2**62, 2**62, k=2**61) == 1


def test_shapes_follow_n_correct() -> None:
    correct = np.array([[0, 1], [2, 3]])
    assert pass_at_k(3, correct, k=2).shape == (2, 2)
    np.testing.assert_array_equal(pass_at_k(np.full((2, 2), 3), correct, k=2), pass_at_k(3, correct, k=2))
    assert type(pass_at_k(3, 1, k=2)) is np.float64
    assert pass_all_k([], [], k=1).shape == (0,)


@pytest.mark.parametrize(
    ("error", "match", "n", "options"),
    [
        (DomainError, r"n must be 1 to .* got 0", 0, {}),
        (DomainError, r"n\[1\] must be at least 1, got 0", [1, 0], {}),
        (TypeError, "n must hold integers", [1.5], {}),
        (ShapeError, r"n must be 1-D, got 2-D", [[1]], {}),
        (ShapeError, r"gold must have shape \[2\] like scores, got \[1\]", 1, {"gold": [1]}),
        (DomainError, r'gold\[0\] must be a number, or nan="omit" given', 1, {"gold": [np.nan, 1]}),
    ],
)
def test_bad_arguments_of_best_of_n_are_named(
    error: type[Exception], match: str, n: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=match):
        best_of_n([1.0, 2.0], n=n, **options)


@pytest.mark.parametrize("metric", [pass_at_k, pass_all_k])
def test_bad_arguments_of_pass_are_named(metric: Any) -> None:
    with pytest.raises(DomainError, match=r"n_correct\[1\] must be in 0\.\.=3, the number of samples, got 4"):
        metric([3, 3], [1, 4], k=1)
    with pytest.raises(DomainError, match=r"n_correct\[0\] must be .* got -1"):
        metric(3, -1, k=1)
    with pytest.raises(DomainError, match=r"n_samples\[0\] must be a count >= 0, got -3"):
        metric(-3, 0, k=1)
    with pytest.raises(DomainError, match=r"k must be 1 to .*, got 0"):
        metric(3, 1, k=0)
    with pytest.raises(TypeError, match=r"n_correct must hold integers, got dtype float64; call \.astype"):
        metric(3, [1.0], k=1)
    with pytest.raises(ShapeError, match=r"n_samples must have shape \[1\] like n_correct, or be one, got \[2\]"):
        metric([3, 3], [1], k=1)


@pytest.mark.parametrize(("n", "c", "k"), [(10_000, 2_000, 1_500), (200_000, 1_100, 3_000), (4_000, 2_000, 2_000)])
def test_long_products_equal_exact_fractions(n: int, c: int, k: int) -> None:
    assert pass_all_k(n, n - c, k=k) == pytest.approx(float(Fraction(comb(n - c, k), comb(n, k))), rel=1e-12, abs=0)
    assert pass_at_k(n, c, k=k) == pytest.approx(float(1 - Fraction(comb(n - c, k), comb(n, k))), rel=1e-12)


def test_the_time_of_a_row_does_not_grow_with_k() -> None:
    assert pass_all_k(2**62, 2**61, k=2**40) == 0.0
    assert pass_all_k(2**62, 2**62 - 2**31, k=2**31) == pytest.approx(np.exp(-1.0), rel=1e-8)
    assert pass_at_k(2**62, 2**40, k=2**20) == pytest.approx(-np.expm1(-(2.0**-2)), rel=1e-6)


def test_large_gold_of_tied_rows_does_not_overflow() -> None:
    assert best_of_n([1e308, 1e308, 1e308], n=1) == pytest.approx(1e308)

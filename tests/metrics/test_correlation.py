"""Correlations beside Kendall's: against scipy, against the definition, and where others fail."""

from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import metrics
from prefcore.errors import DomainError, ShapeError

quick = settings(max_examples=60, deadline=None)
PAIRS = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=25)
BOTH_VARY = PAIRS.filter(lambda rows: all(len(set(column)) > 1 for column in zip(*rows, strict=True)))


def columns(rows: list[tuple[int, int]]) -> Any:
    return np.array(rows, dtype=np.float64).T


@quick
@given(BOTH_VARY)
def test_spearman_pearson_and_weighted_tau_equal_scipy(rows: list[tuple[int, int]]) -> None:
    x, y = columns(rows)
    got_want = [(metrics.spearman(x, y), scipy.stats.spearmanr(x, y).statistic), (metrics.pearson(x, y), np.nan)]
    got_want[1] = (metrics.pearson(x, y), np.corrcoef(x, y)[0, 1])
    ranks = np.arange(len(x))[::-1]
    for additive in (True, False):
        for given_ranks, of_scipy in ((None, True), (ranks, ranks)):
            want = scipy.stats.weightedtau(x, y, rank=of_scipy, additive=additive).statistic
            got_want.append((metrics.weighted_tau(x, y, ranks=given_ranks, additive=additive), want))
    got, want = zip(*got_want, strict=True)
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [47, 48, 49, 1_000, 20_000])
@pytest.mark.parametrize("levels", [5, 2**60])
def test_long_lists_equal_scipy(n: int, levels: int) -> None:
    x, y = np.random.default_rng(n).integers(-levels, levels, (2, n))
    assert metrics.spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, rel=1e-10)
    assert metrics.pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, rel=1e-9)
    for additive in (True, False):
        want = scipy.stats.weightedtau(x, y, additive=additive).statistic
        assert metrics.weighted_tau(x, y, additive=additive) == pytest.approx(want, rel=1e-9)


@quick
@given(PAIRS)
def test_weighted_tau_with_ranks_is_its_sum_over_pairs(rows: list[tuple[int, int]]) -> None:
    x, y = columns(rows)
    weights = 1 / (1 + np.arange(len(x)))
    excess = in_x = in_y = 0.0
    for i, j in combinations(range(len(x)), 2):
        weight = weights[i] + weights[j]
        excess += weight * np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
        in_x += weight * (x[i] != x[j])
        in_y += weight * (y[i] != y[j])
    want = excess / np.sqrt(in_x * in_y) if in_x and in_y else np.nan
    np.testing.assert_allclose(metrics.weighted_tau(x, y, ranks=np.arange(len(x))), want, rtol=1e-11, atol=1e-12)


@quick
@given(BOTH_VARY, st.sampled_from(["two-sided", "less", "greater"]))
def test_kendall_test_equals_scipy(rows: list[tuple[int, int]], alternative: Any) -> None:
    x, y = columns(rows)
    for method in ("auto", "asymptotic"):
        if method == "asymptotic" and len(x) == 2:
            continue  # 0 / 0 in scipy
        got = metrics.kendall_test(x, y, alternative=alternative, method=method)
        want = scipy.stats.kendalltau(x, y, alternative=alternative, method=method)
        np.testing.assert_allclose(got, (want.statistic, want.pvalue), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("n", [2, 3, 5, 6, 33, 34, 35, 60, 180])
@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_exact_p_values_equal_scipy(n: int, alternative: Any) -> None:
    x, rng = np.arange(n), np.random.default_rng(n)
    # Around the middle, and with scores that go along.
    for y in (rng.permutation(n), np.argsort(x + rng.normal(size=n) * n / 3)):
        got = metrics.kendall_test(x, y, alternative=alternative, method="exact")
        want = scipy.stats.kendalltau(x, y, alternative=alternative, method="exact")
        np.testing.assert_allclose(got, (want.statistic, want.pvalue), rtol=1e-9, atol=1e-14)


def test_me_03_exact_p_is_the_share_of_permutations_and_never_above_1() -> None:
    """Case ME-03: in the middle of the distribution both sides hold every permutation."""
    x = np.arange(5)
    taus = np.array([metrics.kendall_tau(x, y) for y in permutations(range(5))])
    for y in permutations(range(5)):
        tau, p = metrics.kendall_test(x, y, method="exact")
        assert p <= 1
        assert p == pytest.approx(np.mean(np.abs(taus) >= abs(tau) - 1e-12), rel=1e-14)
        assert metrics.kendall_test(x, y, method="exact", alternative="less").pvalue == pytest.approx(
            np.mean(taus <= tau + 1e-12), rel=1e-14
        )


def test_a_nan_reaches_the_weighted_tau() -> None:
    """ranking.md 1.3 no. 13: scipy gives 0.545."""
    assert np.isnan(metrics.weighted_tau([1, np.nan, 2], [1, 2, 3], nan="propagate"))
    with pytest.raises(DomainError, match=r"x\[1\] must be a number"):
        metrics.weighted_tau([1, np.nan, 2], [1, 2, 3])
    assert metrics.weighted_tau([1, np.nan, 2], [1, 2, 3], nan="omit") == 1.0


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e307])
def test_pearson_neither_overflows_nor_vanishes(scale: float) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    want = metrics.pearson(x, y)
    assert metrics.pearson(x * scale, y) == pytest.approx(want, rel=1e-13)
    assert metrics.pearson(x, y * scale) == pytest.approx(want, rel=1e-13)


def test_pearson_far_from_0_is_accurate_and_a_constant_is_undefined() -> None:
    x, y = np.random.default_rng(1).integers(0, 100, (2, 1000)).astype(np.float64)
    assert metrics.pearson(x + 1e10, y - 1e10) == pytest.approx(metrics.pearson(x, y), rel=1e-12)
    constant = np.full(1000, 0.1)
    for metric in (metrics.pearson, metrics.spearman, metrics.weighted_tau):
        assert np.isnan(metric(constant, y))
        assert np.isnan(metric([1.0], [2.0]))
        assert np.isnan(metric([], []))
    assert np.isnan(metrics.pearson([1, np.inf, 2], [1, 2, 3]))
    assert metrics.spearman([1, np.inf, 2], [1, 3, 2]) == 1.0


def overlap_by_definition(a: list[int], b: list[int], p: float) -> float:
    short, long = sorted((a, b), key=len)
    s, n = len(short), len(long)
    common = [len(set(short[:d]) & set(long[:d])) for d in range(n + 1)]
    sums = sum(common[d] / d * p**d for d in range(1, n + 1))
    sums += sum(common[s] * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1))
    return (1 - p) / p * sums + ((common[n] - common[s]) / n + common[s] / s) * p**n


@quick
@given(st.permutations(range(8)), st.permutations(range(2, 10)), st.integers(1, 8), st.integers(1, 8))
def test_rank_biased_overlap_is_its_definition(a: list[int], b: list[int], n: int, m: int) -> None:
    a, b = a[:n], b[:m]
    got = metrics.rank_biased_overlap(a, b, p=0.8)
    assert got.extrapolated == pytest.approx(overlap_by_definition(a, b, 0.8), rel=1e-12, abs=1e-15)
    assert np.isnan(got.truncated) == (n != m)
    names = [f"item {item}" for item in a], [f"item {item}" for item in b]
    np.testing.assert_array_equal(metrics.rank_biased_overlap(*names, p=0.8), got)


def test_rank_biased_overlap_in_groups() -> None:
    a, b = ["x", "y", "z", "x"], ["y", "x", "x"]
    got = metrics.rank_biased_overlap(a, b, p=0.5, a_offsets=[0, 3, 3, 4], b_offsets=[0, 2, 2, 3])
    alone = metrics.rank_biased_overlap(a[:3], b[:2], p=0.5)
    np.testing.assert_array_equal(got.extrapolated, [alone.extrapolated, np.nan, 1.0])
    np.testing.assert_array_equal(got.truncated, [np.nan, np.nan, 0.5])
    rows = metrics.rank_biased_overlap([[1, 2], [3, 4]], [[1, 2, 3], [5, 6, 7]], p=0.5)
    np.testing.assert_array_equal(rows.extrapolated, [1.0, 0.0])


def test_items_of_two_kinds_never_meet() -> None:
    assert metrics.rank_biased_overlap([1, 2], ["1", "2"], p=0.5).extrapolated == 0.0
    assert metrics.rank_biased_overlap([0, 1], ["a", "b"], p=0.5).extrapolated == 0.0


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (
            DomainError,
            'method must be "auto" or "asymptotic" where values are tied, got "exact"',
            lambda: metrics.kendall_test([1, 1, 2], [1, 2, 3], method="exact"),
        ),
        (
            DomainError,
            'method must be "auto" or "asymptotic" in a group of 5000 rows, got "exact"',
            lambda: metrics.kendall_test(np.arange(5000), np.random.default_rng(0).permutation(5000), method="exact"),
        ),
        (
            DomainError,
            'alternative must be "two-sided", "less" or "greater", got "more"',
            lambda: metrics.kendall_test([1], [1], alternative="more"),  # type: ignore[arg-type]
        ),
        (
            DomainError,
            'method must be "auto", "exact" or "asymptotic", got "mc"',
            lambda: metrics.kendall_test([1], [1], method="mc"),  # type: ignore[arg-type]
        ),
        (DomainError, r"ranks\[1\] must be >= 0, got -1", lambda: metrics.weighted_tau([1, 2], [1, 2], ranks=[0, -1])),
        (ShapeError, r"ranks must have shape \[2\]", lambda: metrics.weighted_tau([1, 2], [1, 2], ranks=[0])),
        (DomainError, r"p must be in \(0, 1\), got 1", lambda: metrics.rank_biased_overlap([1], [1], p=1)),
        (
            DomainError,
            r"b\[3\] must be an item that its ranking has not held yet, got the one of b\[1\]",
            lambda: metrics.rank_biased_overlap([1, 2], [1, 5, 6, 5], p=0.5, a_offsets=[0, 1, 2], b_offsets=[0, 1, 4]),
        ),
        (
            ShapeError,
            "b_offsets must have 3 entries like a_offsets, got 2",
            lambda: metrics.rank_biased_overlap([1, 2], [1], p=0.5, a_offsets=[0, 1, 2], b_offsets=[0, 1]),
        ),
        (
            DomainError,
            r"b_offsets\[1\] must be 1, the number of rows, got 2",
            lambda: metrics.rank_biased_overlap([1], [1], p=0.5, b_offsets=[0, 2]),
        ),
    ],
)
def test_bad_arguments_are_named(error: type[Exception], match: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=match):
        call()

"""Win rates and their intervals: against enumeration, exact sums, scipy and published numbers."""

import csv
import gzip
import itertools
import os
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import prefcore
from prefcore import _rust
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import (
    bootstrap_mean,
    clopper_pearson_interval,
    wald_interval,
    wilson_interval,
    win_rate,
)

Array = NDArray[Any]
INTERVALS = [wilson_interval, clopper_pearson_interval, wald_interval]
quick = settings(max_examples=60, deadline=None)


def test_me_09_ties_are_worth_one_half_to_each_side() -> None:
    """ME-09: 7 wins, 5 losses, 20 ties."""
    outcomes = np.repeat([1.0, 0.0, 0.5], [7, 5, 20])
    rate = win_rate(outcomes, ties=0.5)
    assert rate == 0.53125
    assert rate + win_rate(1 - outcomes, ties=0.5) == 1
    std_error = np.std(outcomes, ddof=1) / np.sqrt(32)
    assert std_error == pytest.approx(0.05470549819038361, abs=1e-12)
    drawn = bootstrap_mean([1, 0, 0.5], repeats=[7, 5, 20], n_resamples=100_000)
    assert drawn.estimate == 0.53125
    # the bootstrap divides by n, not n - 1; four standard errors of the draws
    assert drawn.std_error == pytest.approx(std_error * np.sqrt(31 / 32), abs=4 * std_error / np.sqrt(2e5))


@quick
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 0.25]), st.integers(0, 3)), max_size=12),
    st.sampled_from([0.0, 0.3, 1.0, "drop"]),
)
def test_win_rate_is_the_weighted_mean_by_definition(rows: list[tuple[float, int]], ties: Any) -> None:
    kept = [(Fraction(x), w) for x, w in rows if not (ties == "drop" and x == 0.5)]
    credit = [(Fraction(ties) if x == 0.5 else x, w) for x, w in kept]
    total = sum(w for _, w in credit)
    got = win_rate([x for x, _ in rows], weights=[w for _, w in rows], ties=ties)
    if total == 0:
        assert np.isnan(got)
    else:
        assert got == pytest.approx(float(sum(x * w for x, w in credit) / total), rel=1e-15)


def test_only_exactly_one_half_is_a_tie() -> None:
    near = np.nextafter(0.5, 1)
    assert win_rate([near, 0.5], ties="drop") == near
    assert win_rate([0.5, 0.5], ties=1) == 1


@pytest.mark.parametrize(
    ("error", "match", "outcomes", "options"),
    [
        (DomainError, r"outcomes\[1\] must be in \[0, 1\], got 1.5", [1, 1.5], {"ties": 0.5}),
        (DomainError, r"weights\[0\] must be a finite number >= 0, got -1", [1, 1], {"ties": 0, "weights": [-1, 1]}),
        (DomainError, r"weights\[1\] must be a finite .* got NaN", [1, 1], {"ties": 0, "weights": [1, np.nan]}),
        (DomainError, r'ties must be in \[0, 1\] or "drop", got 2', [1], {"ties": 2}),
        (DomainError, r"ties must be a number in \[0, 1\] or \"drop\", got 'half'", [1], {"ties": "half"}),
        (TypeError, "ties must be a number, got None", [1], {"ties": None}),
        (ShapeError, r"weights must have shape \[1\] like outcomes, got \[2\]", [1], {"ties": 0, "weights": [1, 2]}),
    ],
)
def test_bad_arguments_of_win_rate_are_named(
    error: type[Exception], match: str, outcomes: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=match):
        win_rate(outcomes, **options)


def exact_lower_tail(x: float, n: int, wins: int) -> Decimal:
    """P(at most `wins` of n) by its sum, in 50 digits."""
    with localcontext() as context:
        context.prec = 50
        p, q = Decimal(x), 1 - Decimal(x)
        term, total = q**n, Decimal(0)
        for k in range(wins + 1):
            total += term
            term = term * (n - k) / (k + 1) * p / q
        return total


@pytest.mark.parametrize("n", [3, 100, 10**5, 10**9])
@pytest.mark.parametrize("wins", [0, 1, 2])
@pytest.mark.parametrize("confidence_level", [0.5, 0.95, 0.999999])
def test_clopper_pearson_ends_have_the_tail_they_promise(n: int, wins: int, confidence_level: float) -> None:
    """To 1e-13, where scipy 1.17 is off by 1e-8 for n = 1e9."""
    tail = (1 - confidence_level) / 2
    interval = clopper_pearson_interval(wins, n, confidence_level=confidence_level)
    assert float(exact_lower_tail(interval.upper, n, wins)) == pytest.approx(tail, rel=1e-13)
    if wins:
        missed = 1 - exact_lower_tail(interval.lower, n, wins - 1)
        assert float(missed) == pytest.approx(tail, rel=1e-13)


@pytest.mark.parametrize("n", [1, 7, 150, 10**6])
@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.9, 1])
@pytest.mark.parametrize("confidence_level", [0.1, 0.95, 0.9999])
def test_intervals_equal_scipy(n: int, share: float, confidence_level: float) -> None:
    wins = round(share * n)
    for ours, method in ((wilson_interval, "wilson"), (clopper_pearson_interval, "exact")):
        theirs = scipy.stats.binomtest(wins, n).proportion_ci(confidence_level, method)
        got = ours(wins, n, confidence_level=confidence_level)
        np.testing.assert_allclose(got, [theirs.low, theirs.high], rtol=2e-11, atol=2e-12)  # of its root finder


def test_normal_quantiles_equal_scipy() -> None:
    p = np.concatenate([10.0 ** -np.arange(1, 300, 7), 1 - 10.0 ** -np.arange(1, 16), np.linspace(0.01, 0.98, 98)])
    got = [_rust.normal_quantile(x) for x in p]
    np.testing.assert_allclose(got, scipy.stats.norm.ppf(p), rtol=4e-15, atol=1e-17)


@pytest.mark.parametrize("interval", INTERVALS)
def test_intervals_mirror_and_keep_the_shape(interval: Callable[..., Any]) -> None:
    wins, n = np.array([[0, 3.5], [2, 9]]), np.array([[0, 7], [2, 30]])
    lower, upper = interval(wins, n)
    assert lower.shape == upper.shape == (2, 2)
    assert np.isnan([lower[0, 0], upper[0, 0]]).all()  # no trial
    mirrored = interval(n - wins, n)
    np.testing.assert_allclose(1 - mirrored.upper, lower, rtol=1e-13, atol=1e-15)
    assert interval(3, 8)[0] == interval([3], 8).lower[0]
    assert type(interval(3, 8).lower) is np.float64
    assert (interval(wins, n, confidence_level=0.5).upper <= upper)[~np.isnan(upper)].all()


@pytest.mark.parametrize(
    ("error", "match", "wins", "n", "options"),
    [
        (DomainError, r"wins must be in \[0, n\], got 9.0", 9, 8, {}),
        (DomainError, r"wins\[1\] must be in \[0, n\], got -1.0", [1, -1], 8, {}),
        (DomainError, r"n\[0\] must be a finite number >= 0, got inf", [1], [np.inf], {}),
        (DomainError, r"confidence_level must be in \(0, 1\), got 1", 1, 8, {"confidence_level": 1}),
        (TypeError, "confidence_level must be a number, got '95'", 1, 8, {"confidence_level": "95"}),
        (ShapeError, r"n must have shape \[2\] like wins, or be one number, got \[1\]", [1, 2], [8], {}),
    ],
)
@pytest.mark.parametrize("interval", INTERVALS)
def test_bad_arguments_of_intervals_are_named(
    interval: Callable[..., Any], error: type[Exception], match: str, wins: Any, n: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=match):
        interval(wins, n, **options)


def data_folder() -> Path:
    default = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("PREFCORE_DATA", default))


def test_published_win_rates_of_alpaca_eval() -> None:
    """Mean scores of the leaderboard: over 805 prompts 0.769 and 0.500; the file holds 797 of them."""
    file = data_folder() / "alpaca_win_probabilities.csv.gz"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    with gzip.open(file, "rt") as lines:
        table = list(csv.DictReader(lines))
    for model, published in (("NullModel", 0.769), ("gpt4_1106_preview", 0.5)):
        scores = np.array([float(row[model]) for row in table])
        assert len(scores) == 797
        # the 8 missing prompts can move the mean by 8/805
        assert win_rate(scores, ties=0.5) == pytest.approx(published, abs=8 / 805 + 5e-4)
        drawn = bootstrap_mean(scores)
        assert drawn.estimate == pytest.approx(scores.mean(), rel=1e-13)
        assert drawn.lower < drawn.estimate < drawn.upper or scores.std() == 0


def enumerated(units: list[tuple[float, int]]) -> Array:
    """Ratio of sums of every resample of units (sum, size)."""
    draws = itertools.product(units, repeat=len(units))
    return np.array([sum(s for s, _ in draw) / sum(n for _, n in draw) for draw in draws])


CLUSTERED = [1.0, 1.0, 1.0, 0.0, 0.0, 0.5, 0.25], [0, 0, 0, "b", "b", 2, 2]


def test_clusters_follow_the_enumerated_distribution() -> None:
    values, clusters = CLUSTERED
    exact = enumerated([(3.0, 3), (0.0, 2), (0.75, 2)])
    drawn = bootstrap_mean(values, clusters=clusters, n_resamples=200_000, confidence_level=0.8)
    noise = 4 * exact.std() / np.sqrt(200_000)
    assert drawn.estimate == pytest.approx(3.75 / 7, rel=1e-15)
    assert drawn.resample_mean == pytest.approx(exact.mean(), abs=noise)
    assert drawn.std_error == pytest.approx(exact.std(), abs=noise)
    assert (drawn.lower, drawn.upper) == pytest.approx(np.quantile(exact, [0.1, 0.9]), abs=1e-12)


@pytest.mark.parametrize("kinds", [2, 3, 40, 5_000])  # counts of kinds are drawn, and single values
def test_bootstrap_has_the_moments_of_the_mean(kinds: int) -> None:
    values = np.random.default_rng(kinds).integers(0, kinds, 5_000) / kinds
    drawn = bootstrap_mean(values, n_resamples=2_000, seed=3)
    std_error = values.std() / np.sqrt(5_000)
    assert drawn.estimate == pytest.approx(values.mean(), rel=1e-13)
    assert drawn.resample_mean == pytest.approx(values.mean(), abs=4 * std_error / np.sqrt(2_000))
    assert drawn.std_error == pytest.approx(std_error, rel=4 / np.sqrt(4_000))
    z = np.array([drawn.lower - values.mean(), drawn.upper - values.mean()]) / std_error
    np.testing.assert_allclose(
        z, [-1.96, 1.96], atol=0.25
    )  # 4 standard errors of such a quantile: 4 * 2.7 / sqrt(2000)


def test_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).gamma(1, size=60)
    theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    ours = bootstrap_mean(values, n_resamples=20_000)
    noise = theirs.standard_error * 0.08  # 4 standard errors of the difference of two quantiles
    assert (ours.lower, ours.upper) == pytest.approx(tuple(theirs.confidence_interval), abs=noise)


def test_order_repeats_and_clusters_of_one_change_no_bit() -> None:
    values = np.random.default_rng(1).integers(0, 3, 50) / 2
    want = bootstrap_mean(values, n_resamples=500)
    assert bootstrap_mean(values[::-1], n_resamples=500) == want
    assert bootstrap_mean([0, 1, 0.5], repeats=[(values == x).sum() for x in (0, 1, 0.5)], n_resamples=500) == want
    assert bootstrap_mean(values, clusters=np.arange(50)[::-1], n_resamples=500) == want
    assert bootstrap_mean(values, n_resamples=500, seed=1) != want


def test_constant_values_have_no_spread_and_no_values_no_mean() -> None:
    assert bootstrap_mean([0.1] * 7, n_resamples=100)[2:] == pytest.approx((0, 0.1, 0.1), abs=1e-16)
    assert bootstrap_mean([5.0], n_resamples=2) == (5, 5, 0, 5, 5)
    assert np.isnan(bootstrap_mean([])).all()
    assert np.isnan(bootstrap_mean([1.0], repeats=[0])).all()
    assert np.isnan(bootstrap_mean([1.0, np.nan], nan="propagate")).all()
    assert bootstrap_mean([1.0, np.nan, 0.0], nan="omit") == bootstrap_mean([1.0, 0.0])


@pytest.fixture
def thread_count() -> Iterator[Callable[[int], None]]:
    before = prefcore.get_num_threads()
    yield prefcore.set_num_threads
    prefcore.set_num_threads(before)


def test_bits_do_not_depend_on_the_thread_count(thread_count: Callable[[int], None]) -> None:
    values = np.random.default_rng(2).normal(size=3_000)
    outcomes = np.round(values) / 2

    def results() -> list[Any]:
        return [bootstrap_mean(x, n_resamples=1_111) for x in (values, outcomes)]

    thread_count(1)
    one = results()
    for threads in (2, 3, 8):
        thread_count(threads)
        assert results() == one


@pytest.mark.parametrize(
    ("error", "match", "values", "options"),
    [
        (DomainError, r"values\[1\] must be a finite number, got inf", [1, np.inf], {}),
        (DomainError, r'values\[1\] must be a number, or nan="omit" given, got NaN', [1, np.nan], {}),
        (DomainError, r"repeats\[0\] must be a count >= 0, got -1", [1], {"repeats": [-1]}),
        (DomainError, "the sum of repeats must be at most 4294967296", [1], {"repeats": [2**60]}),
        (DomainError, r"n_resamples must be 2 to ", [1], {"n_resamples": 1}),
        (DomainError, r"confidence_level must be in \(0, 1\), got 0", [1], {"confidence_level": 0}),
        (DomainError, "seed must be 0 to", [1], {"seed": -1}),
        (ShapeError, r"clusters must have shape \[1\] like values, got \[2\]", [1], {"clusters": [1, 2]}),
        (ShapeError, r"repeats must have shape \[1\] like values, got \[2\]", [1], {"repeats": [1, 2]}),
        (ShapeError, "values must be 1-D, got 2-D", [[1]], {}),
        (TypeError, "repeats must hold integers", [1], {"repeats": [0.5]}),
    ],
)
def test_bad_arguments_of_the_bootstrap_are_named(
    error: type[Exception], match: str, values: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=match):
        bootstrap_mean(values, **options)


def test_large_weights_are_refused_not_summed_to_infinity() -> None:
    with pytest.raises(DomainError, match=r"weights\[1\] must be at most 1e\+100, got 1e\+308"):
        win_rate([1, 0.5], ties=0.5, weights=[1, 1e308])
    assert win_rate([1, 0.5], ties=0.5, weights=[1e100] * 2) == 0.75


@pytest.mark.parametrize(("unit", "rounding"), [(1e308, 1e-14), (1e-320, 1e-3)])  # 1e-320 has four digits
def test_bootstrap_of_values_near_the_ends_of_the_range(unit: float, rounding: float) -> None:
    assert bootstrap_mean([unit] * 3) == pytest.approx((unit, unit, 0.0, unit, unit), rel=1e-14)
    values = np.array([0.0, 0.25, 0.5, 1.0])
    mean, plain = np.array(bootstrap_mean(values * unit)), np.array(bootstrap_mean(values))
    np.testing.assert_allclose(mean / unit, plain, rtol=rounding)


def test_values_that_all_differ_are_drawn_by_place() -> None:
    values = np.arange(100.0)
    twice = bootstrap_mean(np.repeat(values, 2), n_resamples=4000)
    once = bootstrap_mean(values, n_resamples=4000)
    assert once.estimate == twice.estimate == 49.5
    assert once.std_error == pytest.approx(values.std() / 10, rel=0.05)
    assert twice.std_error == pytest.approx(values.std() / np.sqrt(200), rel=0.05)


def test_more_trials_than_can_be_summed_over_are_refused() -> None:
    with pytest.raises(DomainError, match=r"n\[0\] must be at most 2\^40, got 2"):
        clopper_pearson_interval([1e300], [2e300])


@pytest.mark.parametrize(("wins", "n"), [(1, 10**9), (5 * 10**8, 10**9), (10**9 - 1, 10**9), (3, 4), (0.5, 1)])
def test_clopper_pearson_of_extreme_shares_equals_scipy(wins: float, n: int) -> None:
    lower, upper = clopper_pearson_interval(wins, n, confidence_level=0.99)
    assert lower == pytest.approx(scipy.stats.beta.ppf(0.005, wins, n - wins + 1), rel=1e-9)
    assert upper == pytest.approx(scipy.stats.beta.ppf(0.995, wins + 1, n - wins), rel=1e-9)

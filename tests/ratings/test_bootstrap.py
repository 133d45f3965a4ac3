"""Bootstrap and intervals: against theory, and on the recipe of the vectors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prefcore
import recipes
from prefcore import ratings
from prefcore.errors import DomainError, SeparationError, ShapeError
from prefcore.ratings import Comparisons

WINS = np.array([[0, 30, 20], [10, 0, 30], [10, 10, 0]])


def theta(comparisons: Comparisons) -> Any:
    return ratings.bradley_terry(comparisons).theta


def test_of_two_items_it_is_binomial() -> None:
    """A share of 30 in 40: error sqrt(p (1 - p) / 40)."""

    def share(comparisons: Comparisons) -> Any:
        return comparisons.wins / (comparisons.wins + comparisons.losses)

    got = ratings.bootstrap(Comparisons.from_matrix([[0, 30], [10, 0]]), share, n_resamples=4000)
    np.testing.assert_allclose(got.estimate, 0.75)
    np.testing.assert_allclose(got.std_error, np.sqrt(0.75 * 0.25 / 40), rtol=0.05)
    low, high = got.interval(confidence_level=0.9)
    np.testing.assert_allclose([low[0], high[0]], [0.75 - 0.1126, 0.75 + 0.1126], atol=0.02)


def test_a_matrix_is_resampled_by_both_ways_alike() -> None:
    """`bradley_terry` itself is refitted in Rust; any function of the resample gives the same."""
    comparisons = Comparisons.from_matrix(WINS)
    fast = ratings.bootstrap(comparisons, ratings.bradley_terry, n_resamples=20)
    slow = ratings.bootstrap(comparisons, theta, n_resamples=20)
    np.testing.assert_allclose(fast.samples, slow.samples, atol=1e-9)


def test_errors_of_bradley_terry_are_those_of_the_sandwich() -> None:
    comparisons = Comparisons.from_outcomes(*recipes.duel(6, 2000, 3))
    got = ratings.bootstrap(comparisons, ratings.bradley_terry, n_resamples=1500)
    np.testing.assert_allclose(got.estimate, theta(comparisons))
    np.testing.assert_allclose(got.std_error, ratings.bradley_terry(comparisons).robust_std_error, rtol=0.1)


def test_a_start_at_the_estimate_changes_nothing() -> None:
    """`bradley_terry` itself starts where that of the data ended, `theta` at 0."""
    comparisons = Comparisons.from_outcomes(*recipes.duel(6, 500, 3))
    warm = ratings.bootstrap(comparisons, ratings.bradley_terry, n_resamples=20)
    cold = ratings.bootstrap(comparisons, theta, n_resamples=20)
    np.testing.assert_allclose(warm.samples, cold.samples, rtol=0, atol=1e-12)


def test_clusters_are_drawn_whole() -> None:
    """Every comparison four times, in one cluster: as if it were there once."""
    first, second, outcomes = recipes.duel(5, 400, 3)
    one = ratings.bootstrap(Comparisons.from_outcomes(first, second, outcomes), theta, n_resamples=600)
    four = Comparisons.from_outcomes(
        *(np.tile(column, 4) for column in (first, second, outcomes)), clusters=np.tile(np.arange(400), 4)
    )
    whole = ratings.bootstrap(four, theta, n_resamples=600)
    np.testing.assert_allclose(whole.std_error, one.std_error, rtol=0.15)
    apart = ratings.bootstrap(Comparisons.from_outcomes(*(np.tile(c, 4) for c in (first, second, outcomes))), theta)
    np.testing.assert_allclose(2 * apart.std_error, one.std_error, rtol=0.15)


def test_a_resample_holds_as_many_comparisons_as_the_data() -> None:
    seen = []

    def look(comparisons: Comparisons) -> Any:
        seen.append(comparisons)
        return comparisons.n_games.sum()

    first, second, outcomes = recipes.duel(8, 50, 3)
    ratings.bootstrap(Comparisons.from_outcomes(first, second, outcomes), look, n_resamples=20)
    for sample in seen[1:]:
        assert sample.n_games.sum() == 100
        assert ((sample.wins + sample.losses + sample.ties) > 0).all()
        again = Comparisons.from_matrix(sample.win_matrix(), ties=sample.votes() * 2 - 2 * sample.win_matrix())
        np.testing.assert_array_equal(sample.first, again.first)
        np.testing.assert_allclose(sample.wins, again.wins)
        np.testing.assert_array_equal(sample.n_games, again.n_games)


def test_bits_depend_on_the_seed_and_on_the_resample_alone() -> None:
    comparisons = Comparisons.from_matrix(WINS)
    few = ratings.bootstrap(comparisons, theta, n_resamples=10, seed=3)
    many = ratings.bootstrap(comparisons, theta, n_resamples=20, seed=3)
    np.testing.assert_array_equal(few.samples, many.samples[:10])
    assert (ratings.bootstrap(comparisons, theta, n_resamples=10, seed=4).samples != few.samples).any()
    before = prefcore.get_num_threads()
    try:
        prefcore.set_num_threads(1)
        np.testing.assert_array_equal(
            ratings.bootstrap(comparisons, theta, n_resamples=10, seed=3).samples, few.samples
        )
    finally:
        prefcore.set_num_threads(before)


def test_resamples_without_a_rating_are_counted() -> None:
    """One loss in ten: drawn not at all in a third of the resamples."""
    got = ratings.bootstrap(Comparisons.from_matrix([[0, 9], [1, 0]]), theta, n_resamples=500)
    assert abs(got.n_failed / 500 - 0.9**10) < 0.08
    assert np.isnan(got.samples).all(axis=1).sum() == got.n_failed
    assert np.isfinite(got.std_error).all()
    with pytest.raises(SeparationError, match="never lost: 0"):
        ratings.bootstrap(Comparisons.from_matrix([[0, 9], [0, 0]]), theta)


def test_the_recipe_of_the_vectors() -> None:
    """ratings/cases/duel6.bootstrap: quantiles of the ratings of 200 given resamples, and their rank upper bounds."""
    record = json.loads((Path(__file__).parent / "duel6_bootstrap.json").read_text())
    columns = recipes.duel(6, 120, 11)
    stream = recipes.stream(777, 200 * 120)
    drawn = ((stream >> np.uint64(32)) % np.uint64(120)).astype(np.int64).reshape(200, 120)
    thetas = np.array([theta(Comparisons.from_outcomes(*(column[rows] for column in columns))) for rows in drawn])
    lower, upper = np.quantile(thetas, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(lower, record["q025"], atol=1e-9)
    np.testing.assert_allclose(upper, record["q975"], atol=1e-9)
    np.testing.assert_allclose(np.abs(thetas).max(), record["max_abs_theta"], rtol=1e-9)
    np.testing.assert_array_equal(ratings.rank_intervals(lower, upper).best, record["rank_upper_bound"])


def test_ranks_by_differences_are_narrower_than_by_overlap() -> None:
    comparisons = Comparisons.from_outcomes(*recipes.duel(8, 1500, 3))
    got = ratings.bootstrap(comparisons, ratings.bradley_terry, n_resamples=300)
    by_difference, by_overlap = got.rank_intervals(), ratings.rank_intervals(*got.interval())
    assert (by_difference.best >= by_overlap.best).all()
    assert (by_difference.worst <= by_overlap.worst).all()
    assert (by_difference.best <= by_difference.worst).all()
    assert by_difference.best.sum() > by_overlap.best.sum()


def test_rank_intervals_count_who_is_apart() -> None:
    low, high = np.random.default_rng(0).normal(size=(2, 40))
    low, high = np.minimum(low, high), np.maximum(low, high)
    got = ratings.rank_intervals(low, high)
    np.testing.assert_array_equal(got.best, [1 + (low > top).sum() for top in high])
    np.testing.assert_array_equal(got.worst, [40 - (high < bottom).sum() for bottom in low])


def test_bad_arguments_are_refused_by_name() -> None:
    comparisons = Comparisons.from_matrix(WINS)
    with pytest.raises(DomainError, match="n_resamples must be 2 to"):
        ratings.bootstrap(comparisons, theta, n_resamples=1)
    with pytest.raises(TypeError, match="comparisons must be Comparisons, got a ndarray"):
        ratings.bootstrap(WINS, theta)  # type: ignore[arg-type]
    calls = iter(range(10))
    with pytest.raises(ShapeError, match=r"statistic must have shape \[1\] as of the data, got \[2\] of resample 0"):
        ratings.bootstrap(comparisons, lambda _: np.zeros(1 + min(next(calls), 1)), n_resamples=5)
    got = ratings.bootstrap(comparisons, theta, n_resamples=5)
    with pytest.raises(DomainError, match=r"confidence_level must be in \(0, 1\), got 95"):
        got.interval(confidence_level=95)
    with pytest.raises(DomainError, match=r"upper\[1\] must be at least lower\[1\] = 2.0, got 1.0"):
        ratings.rank_intervals([0.0, 2.0], [1.0, 1.0])
    with pytest.raises(ShapeError, match="rank_intervals needs a statistic"):
        ratings.bootstrap(comparisons, lambda c: c.wins.sum(), n_resamples=5).rank_intervals()


@pytest.mark.parametrize("clustered", [False, True])
def test_fits_in_one_call_are_those_of_one_after_the_other(clustered: bool) -> None:
    """Of few comparisons, so that in some resamples an item never wins."""
    rng = np.random.default_rng(3)
    first = rng.integers(0, 4, 18)
    second = (first + rng.integers(1, 4, 18)) % 4
    outcomes = rng.choice([0.0, 0.25, 0.5, 1.0], 18)
    clusters = np.arange(18) // 2 if clustered else None
    votes = Comparisons.from_outcomes(first, second, outcomes, clusters=clusters)
    at_once = ratings.bootstrap(votes, ratings.bradley_terry, n_resamples=300, seed=1)
    one_by_one = ratings.bootstrap(votes, theta, n_resamples=300, seed=1)
    assert at_once.n_failed == one_by_one.n_failed > 0
    np.testing.assert_allclose(at_once.samples, one_by_one.samples, atol=1e-8)

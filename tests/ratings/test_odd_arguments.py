"""Odd arguments of ratings, which newcomers tried."""

from typing import Any

import numpy as np
import pytest

from prefcore import ratings
from prefcore.errors import DomainError, ShapeError
from prefcore.ratings import Comparisons, ComparisonState

WINS = np.array([[0.0, 3.0, 2.0], [1.0, 0.0, 3.0], [1.0, 1.0, 0.0]])


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e200])
def test_counts_that_would_underflow_are_refused(scale: float) -> None:
    with pytest.raises(DomainError, match=r"wins\[0, 1\] must be 0 or a number from 1e-100 to 1e100, got 3"):
        Comparisons.from_matrix(WINS * scale)


def test_weights_that_would_underflow_are_refused() -> None:
    with pytest.raises(DomainError, match=r"weights\[1\] must be 0 or a number from 1e-100 to 1e100, got 1e-320"):
        Comparisons.from_outcomes([0, 1], [1, 0], [1.0, 1.0], weights=[0.0, 1e-320])


@pytest.mark.parametrize("scale", [2.0**-330, 2.0**330])
def test_the_smallest_and_largest_weights_change_nothing(scale: float) -> None:
    plain, scaled = Comparisons.from_matrix(WINS), Comparisons.from_matrix(WINS * scale)
    for rating in (ratings.eigenvector_centrality, ratings.pagerank, ratings.rank_centrality, ratings.bradley_terry):
        np.testing.assert_allclose(np.asarray(rating(scaled)), np.asarray(rating(plain)), atol=1e-9)


@pytest.mark.parametrize("start", [1e2, 1e5, 1e300])
def test_a_start_far_out_finds_the_same_maximum(start: float) -> None:
    c = Comparisons.from_matrix(WINS)
    found = ratings.bradley_terry(c, init=[start, 0.0, -start])
    np.testing.assert_allclose(found.theta, ratings.bradley_terry(c).theta, atol=1e-12)


@pytest.mark.parametrize("names", [5, "abc"])
def test_names_that_are_no_sequence(names: Any) -> None:
    with pytest.raises(TypeError, match=f"names must be a sequence of strings, got {names!r}"):
        Comparisons.from_matrix(WINS, names=names)


def test_a_repeated_item_is_named_by_its_place() -> None:
    with pytest.raises(DomainError, match=r"items\[3\] must be an item of its own .* got 1 of items\[0\] again"):
        Comparisons.from_matrix(WINS).select([1, 0, 2, 1])


def test_clusters_of_floats() -> None:
    with pytest.raises(TypeError, match="clusters must hold integers or strings, got floats"):
        Comparisons.from_outcomes([0], [1], [1.0], clusters=[0.5])


@pytest.mark.parametrize("value", [None, "x", ["a", "b"], {"a": 1}])
def test_a_statistic_that_gives_no_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match=r"statistic must return numbers, .* for the data"):
        ratings.bootstrap(Comparisons.from_matrix(WINS), lambda _: value, n_resamples=2)


def test_a_statistic_that_gives_nan() -> None:
    c = Comparisons.from_matrix(WINS)
    with pytest.raises(DomainError, match=r"statistic\[1\] must be a number for the data, got NaN"):
        ratings.bootstrap(c, lambda _: [1.0, np.nan], n_resamples=2)
    values = iter([1.0, 2.0, np.nan, 4.0])
    assert ratings.bootstrap(c, lambda _: next(values), n_resamples=3).n_failed == 1


def test_a_state_is_not_restored_from_wrong_parts() -> None:
    state = ComparisonState().update(["a", "b"], ["b", "c"], ["model_a", "tie"])
    parts = {name: getattr(state, name) for name in ("names", "first", "second", "counts", "sums")}
    assert (ComparisonState(**parts).finish().votes() == state.finish().votes()).all()
    wrong: list[tuple[str, Any, type[Exception], str]] = [
        ("first", [1], ShapeError, r"first must have shape|second must have shape \[1\], got \[2\]"),
        ("second", np.array([1, 3]), DomainError, r"second\[1\] must be the place of one of 3 names, got 3"),
        ("first", np.array([0, 2]), DomainError, r"first\[1\] must be 0 to second - 1, got 2"),
        ("counts", -state.counts, DomainError, r"counts\[0, 2\] must be >= 0, got -1"),
        ("names", ("b", "a", "c"), DomainError, "names must be sorted"),
        ("sums", state.sums * 1.0, TypeError, "sums must be int64, got float64"),
    ]
    for name, part, error, text in wrong:
        with pytest.raises(error, match=text):
            ComparisonState(**{**parts, name: part})


@pytest.mark.parametrize("ridge", [1e-300, 1e-30, 1e-16])
def test_a_vanishing_ridge_finds_the_maximum_without(ridge: float) -> None:
    c = Comparisons.from_matrix(WINS)
    np.testing.assert_allclose(ratings.bradley_terry(c, ridge=ridge).theta, ratings.bradley_terry(c).theta, atol=1e-12)

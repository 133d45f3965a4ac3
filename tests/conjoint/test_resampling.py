"""Bootstrap of respondents: against theory, deterministic, and failures counted."""

from typing import Any

import numpy as np
import pytest

from prefcore.conjoint import ConjointData, Design, amce, bootstrap
from prefcore.errors import DomainError, SeparationError, ShapeError


def ratings(n: int, seed: int, tasks: int = 5) -> ConjointData:
    """Each respondent gives about the same rating to all profiles."""
    rng = np.random.default_rng(seed)
    outcomes = (rng.normal(size=(n, 1)) + 0.1 * rng.normal(size=(n, tasks))).ravel()
    who = np.repeat(np.arange(n), tasks)
    return ConjointData(rng.integers(0, 2, size=(n * tasks, 1)), outcomes, who, design=Design([2]))


def mean(data: ConjointData) -> Any:
    return np.average(data.outcomes, weights=data.weights)


def test_the_error_is_that_of_means_of_respondents() -> None:
    data = ratings(400, seed=1)
    found = bootstrap(data, mean, n_resamples=2_000)
    by_respondent = data.outcomes.reshape(400, 5).mean(1)
    assert found.std_error == pytest.approx(by_respondent.std() / 20, rel=0.07)
    assert found.estimate == pytest.approx(data.outcomes.mean(), rel=1e-14)
    lower, upper = found.interval()
    assert lower < found.estimate < upper


def test_a_resample_depends_on_its_number_and_the_seed() -> None:
    data = ratings(30, seed=2)
    few, many, other = (bootstrap(data, mean, n_resamples=n, seed=s) for n, s in ((5, 7), (50, 7), (5, 8)))
    np.testing.assert_array_equal(few.samples, many.samples[:5])
    assert not np.array_equal(few.samples, other.samples)


def test_weights_of_tasks_are_multiplied() -> None:
    data = ratings(30, seed=3)
    weighted = ConjointData(
        data.profiles, data.outcomes, data.respondents, design=data.design, weights=np.full(150, 3.0)
    )
    one, three = (bootstrap(d, lambda d: d.weights.sum(), n_resamples=20) for d in (data, weighted))
    np.testing.assert_allclose(three.samples, 3 * one.samples)
    assert one.estimate == 150


def test_failures_are_counted() -> None:
    data = ratings(3, seed=4)

    def statistic(part: ConjointData) -> Any:
        if part.n_respondents < 3:
            raise SeparationError("too few")
        return mean(part)

    found = bootstrap(data, statistic, n_resamples=200)
    assert found.n_failed == np.isnan(found.samples).sum()
    assert 100 < found.n_failed < 200, "three of three are drawn with chance 2/9"


def test_a_respondent_alone_is_no_sample() -> None:
    data = ratings(2, seed=6)
    found = bootstrap(data, amce, n_resamples=100)
    assert 30 < found.n_failed < 70, "both draws fall on one of two with chance 1/2"


def test_what_is_wrong_is_named() -> None:
    data = ratings(3, seed=5)
    with pytest.raises(TypeError, match="data must be ConjointData, got a str"):
        bootstrap("x", mean)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="statistic must be a function, got 3"):
        bootstrap(data, 3, n_resamples=2)  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="n_resamples must be 2"):
        bootstrap(data, mean, n_resamples=1)
    with pytest.raises(ShapeError, match=r"statistic must have shape \[3\] as of the data, got \[2\] of resample"):
        bootstrap(data, lambda d: np.arange(d.n_respondents), n_resamples=50)

"""Regressions against scipy, statsmodels and their definitions, where labels separate, and where columns depend."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

import prefcore
from prefcore.errors import ConvergenceError, DomainError, RankDeficientError, SeparationError, ShapeError
from prefcore.metrics import (
    LogitFit,
    fit_logit,
    fit_power_law,
    laplace_logistic_regression,
    style_controlled_bt,
)

Array = NDArray[Any]
quick = settings(max_examples=40, deadline=None)
LINE = np.arange(1.0, 7.0)


def data(seed: int, n: int = 60, columns: int = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns))
    return x, (rng.random(n) < expit(x @ rng.normal(size=columns) + 0.3)).astype(np.float64)


def gradient(
    fit: LogitFit, x: Array, y: Array, weights: Array | float = 1.0, ridge: float = 0.0
) -> tuple[Array, float]:
    """By the definition, of coefficients and intercept."""
    slope = weights * (expit(x @ fit.coef + fit.intercept) - y)
    return slope @ x + ridge * fit.coef, float(slope.sum())


@given(st.integers(0, 10**6), st.sampled_from([0.01, 1.0, 30.0]), st.booleans())
@quick
def test_the_gradient_is_zero_with_soft_labels_weights_and_ridge(seed: int, ridge: float, intercept: bool) -> None:
    rng = np.random.default_rng(seed)
    x, y, weights = rng.normal(3.0, 2.0, size=(30, 4)), rng.random(30), rng.random(30)
    fit = fit_logit(x, y, ridge=ridge, weights=weights, intercept=intercept)
    coef, constant = gradient(fit, x, y, weights, ridge)
    assert np.abs(coef).max() < 1e-12 * weights.sum()
    assert abs(constant) < 1e-12 * weights.sum() if intercept else fit.intercept == 0.0
    eta = x @ fit.coef + fit.intercept
    want = weights @ (np.logaddexp(0, eta) - y * eta) + ridge / 2 * fit.coef @ fit.coef
    assert fit.objective == pytest.approx(want, rel=1e-13)
    assert fit.converged
    assert fit.residual <= 1e-10


def test_bradley_terry_of_an_item_that_never_won_is_separated() -> None:
    """ranking.md 1.3 no. 7 and 8: evalica gives everybody 1e-6, choix speaks of a Markov chain."""
    a_b, b_c = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])  # a beats b, b beats c
    x, wins = np.stack([a_b, b_c, -a_b, -b_c]), np.array([1.0, 1.0, 0.0, 0.0])
    with pytest.raises(SeparationError, match=r"features columns? 0.*ridge > 0"):
        fit_logit(x[:, :2], wins, intercept=False)  # c is the reference
    a, b, c = fit_logit(x, wins, ridge=1.0, intercept=False).coef
    assert a > b > c
    assert b == pytest.approx(0.0, abs=1e-12)
    assert a == pytest.approx(-c)


def test_coefficients_and_errors_are_those_of_statsmodels() -> None:
    discrete = pytest.importorskip("statsmodels.api")
    x, y = data(0, 500)
    want = discrete.Logit(y, discrete.add_constant(x)).fit(disp=0)
    fit = fit_logit(x, y)
    np.testing.assert_allclose(fit.coef, want.params[1:], rtol=1e-9)
    np.testing.assert_allclose(fit.intercept, want.params[0], rtol=1e-9)
    np.testing.assert_allclose(fit.std_error, want.bse[1:], rtol=1e-9)
    np.testing.assert_allclose(fit.objective, -want.llf, rtol=1e-12)


def test_a_soft_label_is_two_rows_and_a_weight_is_a_repetition() -> None:
    x, y = data(1)
    soft = fit_logit(x, 0.75 * y + 0.125)
    twice = fit_logit(
        np.concatenate([x, x]), np.repeat([1.0, 0.0], 60), weights=np.concatenate([0.75 * y + 0.125, 0.875 - 0.75 * y])
    )
    np.testing.assert_allclose(soft.coef, twice.coef, rtol=1e-11)
    times = np.arange(60) % 3
    np.testing.assert_allclose(
        fit_logit(x, y, weights=times, ridge=1.0).coef,
        fit_logit(x.repeat(times, 0), y.repeat(times), ridge=1.0).coef,
        rtol=1e-11,
    )


def test_units_do_not_matter_without_a_ridge() -> None:
    """Time stamps beside fractions: the gradient of the first cannot fall below its rounding."""
    x, y = data(2)
    want = fit_logit(x, y)
    scales, origin = np.array([1e3, 1e-6, 1.0]), np.array([1.7e9, 0.0, 5.0])
    got = fit_logit(x * scales + origin, y)
    np.testing.assert_allclose(got.coef * scales, want.coef, rtol=1e-7)
    assert got.status == "floor"
    assert got.converged


def test_separation_is_an_error_that_names_the_columns() -> None:
    """CJ-01: x > 3.5 splits the labels, so that the likelihood has no maximum; a small gradient is no convergence."""
    split = [0, 0, 0, 1, 1, 1]
    noise = np.array([0.3, -1.0, 0.2, 0.1, -0.4, 0.5])
    with pytest.raises(SeparationError, match=r"labels are separated by features columns? 0.*: .*ridge > 0"):
        fit_logit(np.column_stack([LINE, noise]), split, tol=1e-6)
    with pytest.raises(SeparationError, match="separated"):
        fit_logit(LINE, split, max_iter=1000, strict=False)
    assert fit_logit(LINE, split, ridge=1e-3).converged


@given(st.integers(0, 10**6))
@quick
def test_quasi_complete_separation_is_found(seed: int) -> None:
    """A column that is 0 for both classes and 1 for positives only; the other columns overlap."""
    x, y = data(seed, 80, 2)
    rare = (y == 1) & (np.arange(80) % 3 == 0)
    with pytest.raises(SeparationError, match="features column 1:"):
        fit_logit(np.column_stack([x[:, 0], rare, x[:, 1]]), y)


@given(st.integers(0, 10**6), st.floats(0.01, 0.2))
@quick
def test_one_row_on_the_wrong_side_is_no_separation(seed: int, weight: float) -> None:
    """However little it weighs: the fit is steep, and finite. One column: a second may separate what one cannot."""
    x, _ = data(seed, 40, 1)
    y = (x[:, 0] > 0).astype(np.float64)
    far = np.abs(x[:, 0]).argmax()
    y[far] = 1 - y[far]
    weights = np.ones(40)
    weights[far] = weight
    fit = fit_logit(x, y, weights=weights)
    coef, constant = gradient(fit, x, y, weights)
    assert max(np.abs(coef).max(), abs(constant)) < 1e-8


def test_a_far_row_is_no_separation() -> None:
    x = np.append(np.tile([-1.0, 0.5, 1.0, -0.5], 10), 1e4)
    y = np.append(np.tile([0.0, 0.0, 1.0, 1.0], 10), 1.0)
    fit = fit_logit(x, y)
    coef, constant = gradient(fit, x[:, None], y)
    assert max(abs(coef[0]), abs(constant)) < 1e-8


def test_equal_labels_have_no_finite_intercept_whatever_the_ridge() -> None:
    for label in (0, 1):
        with pytest.raises(SeparationError, match=f"labels must not all be {label}: the intercept would be infinite"):
            fit_logit(LINE, np.full(6, label), ridge=1.0)
    assert fit_logit(LINE, np.full(6, 0.3), ridge=1.0).intercept == pytest.approx(np.log(3 / 7))


def test_columns_that_depend_on_others_are_named() -> None:
    x, y = data(3)
    with pytest.raises(RankDeficientError, match=r"features column 3 must not depend"):
        fit_logit(np.column_stack([x, x[:, 0]]), y)
    with pytest.raises(RankDeficientError, match=r"features columns? .*nor be constant beside the intercept"):
        fit_logit(np.column_stack([x, np.full(60, 0.1)]), y)
    ridge = fit_logit(np.column_stack([x, x[:, 0], np.full(60, 0.1)]), y, ridge=1.0)
    assert ridge.coef[0] == pytest.approx(ridge.coef[3], rel=1e-10)
    assert ridge.coef[4] == 0.0


def test_too_few_steps_raise_with_the_result_or_say_so() -> None:
    x, y = data(4)
    with pytest.raises(
        ConvergenceError, match=r"residual <= tol = 1e-10, got residual .* after 1 iterations"
    ) as caught:
        fit_logit(x, y, max_iter=1)
    loose = fit_logit(x, y, max_iter=1, strict=False)
    assert (loose.converged, loose.status, loose.iterations) == (False, "max_iter", 1)
    np.testing.assert_array_equal(caught.value.result.coef, loose.coef)
    assert repr(loose).startswith("LogitFit(coef=[")


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"labels": [0, 1, 2, 0, 1, 0]}, DomainError, r"labels\[2\] must be a number in \[0, 1\], got 2"),
        ({"weights": -LINE}, DomainError, r"weights\[0\] must be a finite number >= 0, got -1"),
        ({"ridge": -1.0}, DomainError, "ridge must be a finite number >= 0, got -1"),
        ({"tol": float("nan")}, DomainError, "tol must be a number >= 0, got NaN"),
        ({"features": np.full(6, 1e200)}, DomainError, r"features\[0, 0\] must be a number within 1e150"),
        ({"features": np.zeros((6, 0)), "intercept": False}, ShapeError, "features must have at least one column"),
        ({"features": [], "labels": []}, ShapeError, "labels must have at least one row of positive weight"),
        ({"weights": np.zeros(6)}, ShapeError, "labels must have at least one row of positive weight"),
    ],
)
def test_errors_of_fit_logit(changed: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        fit_logit(**{"features": LINE, "labels": [0, 1, 0, 1, 0, 1], **changed})


@pytest.fixture
def threads() -> Iterator[None]:
    before = prefcore.get_num_threads()
    yield
    prefcore.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_bits_do_not_depend_on_the_thread_count() -> None:
    x, y = data(5, 20_000, 4)
    results = []
    for count in (1, 3):
        prefcore.set_num_threads(count)
        fit = fit_logit(x, y)
        chains = laplace_logistic_regression(x[:300], y[:300], n_draws=50, n_warmup=10, strict=False)
        exact = laplace_logistic_regression(x[:50, :2], y[:50])
        results.append((fit.coef.tobytes(), fit.std_error.tobytes(), chains.mean.tobytes(), exact.mean.tobytes()))
    assert results[0] == results[1]


def test_feature_win_rates_and_conflict_tax_are_means() -> None:
    """data.md (1) 22, `wimhf/controlled_logit`: prevalence, win rates by sign, and differences of accuracies."""
    activation = np.array([0.0, 0.8, -0.5, 0.0, 1.2, 0.0, -0.9, 0.3])
    label = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    assert (activation != 0).mean() == 0.625
    assert label[activation > 0].mean() == 1.0
    assert label[activation < 0].mean() == 0.0


def test_style_control_is_the_logit_of_normalized_differences() -> None:
    rng = np.random.default_rng(6)
    score, first, second = rng.normal(size=50), *rng.integers(0, 4, size=(2, 50, 3)).astype(np.float64)
    labels = (rng.random(50) < expit(score)).astype(np.float64)
    fit = style_controlled_bt(score, first, second, labels, folds=50)
    total = first + second
    x = np.column_stack([score, np.where(total > 0, (first - second) / np.maximum(total, 1), 0.0)])
    whole = fit_logit(x, labels, ridge=1.0, intercept=False)
    np.testing.assert_array_equal(fit.coef, whole.coef)
    for row in (0, 17):
        rest = np.arange(50) != row
        coef = fit_logit(x[rest], labels[rest], ridge=1.0, intercept=False).coef
        assert fit.probs[row] == pytest.approx(expit(x[row] @ coef), rel=1e-12)
    swapped = style_controlled_bt(-score, second, first, 1 - labels, folds=50)
    np.testing.assert_allclose(swapped.probs, 1 - fit.probs, rtol=1e-9)
    assert (style_controlled_bt(score, first, second, labels, seed=1).probs != fit.probs).any()


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"style_a": [[1.0], [-1.0], [0.0]]}, DomainError, r"style_a\[1, 0\] must be a finite number >= 0, got -1.0"),
        ({"folds": 4}, DomainError, r"folds must be 2 to 3, got 4"),
        ({"ridge": 0.0}, SeparationError, "^labels are separated by score_diff: "),
        ({"style_a": [1.0, 2.0], "style_b": [1.0, 2.0]}, ShapeError, "must have 3 rows like score_diff, got 2"),
    ],
)
def test_errors_of_style_controlled_bt(changed: dict[str, Any], error: type[Exception], match: str) -> None:
    given = {
        "score_diff": [1.0, -1.0, 2.0],
        "style_a": [1.0, 2.0, 3.0],
        "style_b": [2.0, 2.0, 2.0],
        "labels": [1, 0, 1],
    }
    with pytest.raises(error, match=match):
        style_controlled_bt(**{"folds": 2, **given, **changed})


def test_quadrature_is_that_of_scipy() -> None:
    x, y = data(7, 12, 2)
    scale = 0.5

    def density(b: float, a: float) -> float:
        eta = x @ [a, b]
        return float(np.exp(y @ eta - np.logaddexp(0, eta).sum() + 8 - (abs(a) + abs(b)) / scale))

    def integral(f: Any) -> float:
        quadrants = [(a, b) for a in ((-25, 0), (0, 25)) for b in ((-25, 0), (0, 25))]
        options = {"epsabs": 1e-11, "epsrel": 1e-11}
        return sum(scipy.integrate.dblquad(f, *a, *b, **options)[0] for a, b in quadrants)

    found = laplace_logistic_regression(x, y, scale=scale)
    mass = integral(density)
    mean = integral(lambda b, a: a * density(b, a)) / mass, integral(lambda b, a: b * density(b, a)) / mass
    np.testing.assert_allclose(found.mean, mean, rtol=1e-8)
    square = integral(lambda b, a: a * a * density(b, a)) / mass
    assert found.std[0] == pytest.approx(np.sqrt(square - mean[0] ** 2), rel=1e-8)
    assert (found.iterations, found.residual, found.status) == (0, 0.0, "converged")


def test_a_narrow_posterior_far_from_the_prior_is_found() -> None:
    """4000 rows, a wide prior: the mean is the maximum of the likelihood to within its curvature."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(4000, 1))
    y = (rng.random(4000) < expit(2 * x[:, 0])).astype(np.float64)
    found, fit = laplace_logistic_regression(x, y, scale=1e3), fit_logit(x, y, intercept=False)
    assert found.mean[0] == pytest.approx(fit.coef[0], rel=2e-3)
    assert found.std[0] == pytest.approx(fit.std_error[0], rel=5e-3)


def test_sampling_agrees_with_quadrature_within_its_error() -> None:
    """A fourth column of zeros is left with its prior, and the others with their three-dimensional posterior."""
    x, y = data(9, 40)
    exact = laplace_logistic_regression(x, y, scale=0.3)
    drawn = laplace_logistic_regression(np.column_stack([x, np.zeros(40)]), y, scale=0.3)
    error = drawn.std / np.sqrt(drawn.ess)
    assert (np.abs(drawn.mean[:3] - exact.mean) < 4 * error[:3]).all()
    assert abs(drawn.mean[3]) < 4 * error[3]
    np.testing.assert_allclose(drawn.std, [*exact.std, 0.3 * np.sqrt(2)], rtol=0.08)
    assert (drawn.ess > 1000).all()
    assert drawn.residual == drawn.r_hat.max() - 1 <= 0.01
    again = laplace_logistic_regression(np.column_stack([x, np.zeros(40)]), y, scale=0.3, seed=1)
    assert (again.mean != drawn.mean).all()


def test_chains_that_have_not_met_raise() -> None:
    x = np.ones((40, 4)) + 1e-3 * np.random.default_rng(10).normal(size=(40, 4))
    with pytest.raises(ConvergenceError, match="residual"):
        laplace_logistic_regression(x, np.arange(40) % 2, scale=10.0, n_draws=20, n_warmup=0)
    with pytest.raises(DomainError, match=r"scale must be a number in 1e-100 to 1e100, got -1"):
        laplace_logistic_regression(x, np.arange(40) % 2, scale=-1.0)


@given(st.floats(-2, 2), st.floats(-5, 5), st.floats(0, 3))
@quick
def test_an_exact_power_law_is_recovered(exponent: float, log_prefactor: float, offset: float) -> None:
    sizes = np.array([1.0, 10.0, 1000.0, 5000.0])
    losses = offset + np.exp(log_prefactor) * sizes**-exponent
    found = fit_power_law(sizes, losses, offset=0.0 if (losses <= offset).any() else offset)
    if (losses - offset > 1e-3 * losses).all():
        np.testing.assert_allclose(found, (exponent, log_prefactor), atol=1e-9)


def test_errors_of_fit_power_law() -> None:
    with pytest.raises(DomainError, match=r"sizes\[1\] must be a finite number > 0, got 0"):
        fit_power_law([1, 0], [1, 1])
    with pytest.raises(DomainError, match=r"losses\[0\] must be a finite number > 2, got 1"):
        fit_power_law([1, 2], [1, 3], offset=2)
    with pytest.raises(DomainError, match="sizes must hold at least two numbers whose logarithms differ"):
        fit_power_law([3, 3], [1, 2])

"""Regressions on numbers at the ends of float64."""

import numpy as np
import pytest

from prefcore import metrics
from prefcore.errors import DomainError, RankDeficientError, SeparationError

LABELS = [0, 1, 0, 1]


@pytest.mark.parametrize(("unit", "origin"), [(1e-300, 0.0), (1.0, 1e15), (1e-160, 0.0), (1e140, 0.0)])
def test_units_and_origins_do_not_make_a_column_constant(unit: float, origin: float) -> None:
    coef = metrics.fit_logit(np.arange(4.0), LABELS).coef
    fit = metrics.fit_logit(np.arange(4.0) * unit + origin, LABELS, strict=False)
    np.testing.assert_allclose(fit.coef * unit, coef, rtol=1e-6)


@pytest.mark.parametrize("column", [[0.1] * 4, [1.0, np.nextafter(1.0, 2.0), 1.0, 1.0]])
def test_a_column_that_is_constant_up_to_rounding_is_named(column: list[float]) -> None:
    with pytest.raises(RankDeficientError, match="features column 0 must not depend"):
        metrics.fit_logit(column, LABELS)


def test_weights_whose_sum_overflows_are_refused() -> None:
    with pytest.raises(DomainError, match=r"weights\[0\] must be at most 1e100, got 1e\+308"):
        metrics.fit_logit(np.arange(4.0), LABELS, weights=[1e308] * 4)


def test_a_ridge_holds_a_tiny_column_at_nothing() -> None:
    assert metrics.fit_logit(np.arange(4) * 1e-300, LABELS, ridge=1.0).coef == pytest.approx(0.0, abs=1e-290)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_the_unit_of_lengths_does_not_matter(unit: float) -> None:
    outcomes, own, baseline = [0.9, 0.6, 0.7, 0.2], np.array([900.0, 500, 600, 300]), np.array([400.0, 500, 300, 500])
    want = metrics.length_controlled_win_rate(outcomes, own, baseline)
    got = metrics.length_controlled_win_rate(outcomes, own * unit, baseline * unit)
    np.testing.assert_allclose(got.coef, want.coef, rtol=1e-9)
    exact = metrics.length_controlled_win_rate(outcomes[:2], own[:2], baseline[:2])
    assert np.isnan(exact.std_error)  # two coefficients fit two rows


def test_errors_name_what_the_caller_gave() -> None:
    with pytest.raises(DomainError, match=r"\(style_a \+ style_b\)\[0, 0\] must be a finite number, got inf"):
        metrics.style_controlled_bt([1.0, -1.0], [1e308, 1.0], [1e308, 1.0], [1, 0], folds=2)
    with pytest.raises(
        RankDeficientError, match=r"^column 0 of style and column 1 of style must|^column \d of style must"
    ):
        metrics.style_controlled_bt(
            [1.0, -1.0, 2.0, 0.5],
            [[1, 1], [2, 2], [3, 3], [1, 1]],
            [[2, 2], [1, 1], [1, 1], [4, 4]],
            LABELS,
            ridge=0.0,
            folds=2,
        )
    with pytest.raises(SeparationError, match=r"^outcomes must not all be 1"):
        metrics.length_controlled_win_rate([1, 1, 1], [1, 2, 3], [2, 2, 2])


@pytest.mark.parametrize(
    ("sizes", "losses", "offset", "match"),
    [
        ([1e300, np.nextafter(1e300, 2e300)], [1.0, 0.5], 0.0, "two numbers whose logarithms differ"),
        ([10, 100], [1e308] * 2, -1e308, r"\(losses - offset\)\[0\] must be a finite number, got inf"),
        ([], [], 0.0, r"sizes must hold at least two numbers whose logarithms differ, got \[\]"),
    ],
)
def test_power_laws_that_are_not_defined(sizes: list[float], losses: list[float], offset: float, match: str) -> None:
    with pytest.raises(DomainError, match=match):
        metrics.fit_power_law(sizes, losses, offset=offset)


def test_a_prior_too_wide_for_its_data_is_refused() -> None:
    x, y = [1, 1, 1, -1], [1, 1, 0, 0]
    wide = metrics.laplace_logistic_regression(x, y, scale=1e20)
    np.testing.assert_allclose(wide.mean, metrics.laplace_logistic_regression(x, y, scale=1e12).mean, rtol=1e-9)
    for scale in (1e50, 1e-150):
        with pytest.raises(DomainError, match="scale must be"):
            metrics.laplace_logistic_regression(x, y, scale=scale)
    for bad in ({"n_draws": -5}, {"n_chains": "x"}, {"seed": -3}):
        with pytest.raises((DomainError, TypeError), match=rf"^{next(iter(bad))} must be"):
            metrics.laplace_logistic_regression(x, y, **bad)  # type: ignore[arg-type]

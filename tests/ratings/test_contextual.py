"""Ratings with features: against a logit of statsmodels, and where a coefficient has no value."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

import recipes
from prefcore import ratings
from prefcore.errors import DomainError, RankDeficientError, SeparationError, ShapeError
from prefcore.ratings import Comparisons

FIRST, SECOND, OUTCOMES = recipes.duel(6, 500, 31)
FEATURES = np.stack([recipes.feature(500, 1), 10 * recipes.feature(500, 2), np.ones(500)], axis=1)
WEIGHTS = 0.5 + (recipes.stream(3, 500) >> np.uint64(62)).astype(np.float64)


def statsmodels(covariance: Any, **options: Any) -> Any:
    """Indicators of items, the last left out, then the features."""
    design = (np.eye(6)[FIRST] - np.eye(6)[SECOND])[:, :-1]
    design = np.column_stack([design, FEATURES])
    return sm.GLM(OUTCOMES, design, family=sm.families.Binomial(), **options).fit(tol=1e-14, **covariance)


def test_it_is_the_logit_of_statsmodels() -> None:
    board = ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, FEATURES)
    for robust, covariance in ((False, {}), (True, {"cov_type": "HC0"})):
        fit = statsmodels(covariance)
        np.testing.assert_allclose(board.feature_coef, fit.params[5:], rtol=0, atol=1e-10)
        for item in range(5):
            estimate, error = board.difference(item, 5, robust=robust)
            np.testing.assert_allclose(estimate, fit.params[item], rtol=0, atol=1e-10)
            np.testing.assert_allclose(error, fit.bse[item], rtol=1e-8)
    assert board.n_comparisons == 500
    assert "feature_coef [" in repr(board)


def test_weights_multiply_and_clusters_are_summed() -> None:
    prompts = np.arange(500) // 7
    board = ratings.contextual_bradley_terry(
        FIRST, SECOND, OUTCOMES, FEATURES, weights=WEIGHTS, clusters=[f"prompt {prompt}" for prompt in prompts]
    )
    fit = statsmodels({}, freq_weights=WEIGHTS)
    np.testing.assert_allclose(board.feature_coef, fit.params[5:], rtol=0, atol=1e-10)
    design = np.column_stack([np.eye(6)[FIRST] - np.eye(6)[SECOND], FEATURES])
    p = 1 / (1 + np.exp(-design @ np.append(board.theta, board.feature_coef)))
    scores = design * (WEIGHTS * (OUTCOMES - p))[:, None]
    sums = np.array([scores[prompts == prompt].sum(0) for prompt in range(72)])
    bread = np.linalg.pinv(design.T @ (design * (WEIGHTS * p * (1 - p))[:, None]))
    np.testing.assert_allclose(board.robust_covariance, (bread @ sums.T @ sums @ bread)[:6, :6], rtol=0, atol=1e-12)


def test_both_ridges_are_in_the_gradient() -> None:
    board = ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, FEATURES, ridge=0.3, ridge_features=2.0)
    design = np.column_stack([np.eye(6)[FIRST] - np.eye(6)[SECOND], FEATURES])
    point = np.append(board.theta, board.feature_coef)
    penalty = np.repeat([0.3, 2.0], [6, 3])
    p = 1 / (1 + np.exp(-design @ point))
    np.testing.assert_allclose(design.T @ (OUTCOMES - p), penalty * point, atol=1e-9)
    hessian = design.T @ (design * (p * (1 - p))[:, None]) + np.diag(penalty)
    np.testing.assert_allclose(board.covariance, np.linalg.inv(hessian)[:6, :6], rtol=0, atol=1e-13)


def test_features_without_effect_leave_bradley_terry() -> None:
    comparisons = Comparisons.from_outcomes(FIRST, SECOND, OUTCOMES)
    plain = ratings.bradley_terry(comparisons)
    board = ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, np.zeros(500), ridge_features=1.0)
    np.testing.assert_allclose(board.theta, plain.theta, rtol=0, atol=1e-12)
    assert board.feature_coef == [0.0]
    np.testing.assert_allclose(board.robust_covariance, plain.robust_covariance, rtol=0, atol=1e-14)


def test_exchanging_sides_changes_nothing() -> None:
    board = ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, FEATURES)
    turned = ratings.contextual_bradley_terry(SECOND, FIRST, 1 - OUTCOMES, -FEATURES)
    np.testing.assert_allclose(turned.theta, board.theta, rtol=0, atol=1e-11)
    np.testing.assert_allclose(turned.feature_coef, board.feature_coef, rtol=0, atol=1e-11)


def test_units_of_features_do_not_matter() -> None:
    board = ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, FEATURES)
    scale = np.array([1e8, 1e-8, 1.0])
    scaled = ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, FEATURES * scale)
    np.testing.assert_allclose(scaled.feature_coef * scale, board.feature_coef, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(scaled.std_error, board.std_error, rtol=1e-7)


def test_many_items_by_conjugate_gradients() -> None:
    n = 2200
    first, second, outcomes = recipes.duel(n, 60_000, 5)
    x = recipes.feature(60_000, 6)
    board = ratings.contextual_bradley_terry(first, second, outcomes, x, ridge=0.1)
    p = 1 / (1 + np.exp(board.theta[second] - board.theta[first] - x * board.feature_coef))
    slope = np.bincount(first, outcomes - p, n) - np.bincount(second, outcomes - p, n) - 0.1 * board.theta
    assert np.abs(slope).max() < 1e-7
    assert abs(x @ (outcomes - p)) < 1e-7


def test_columns_that_depend_are_named() -> None:
    strength = np.array([0.0, 1.0, 3.0, -2.0, 0.5, 4.0])
    features = np.column_stack([FEATURES[:, 0], strength[FIRST] - strength[SECOND]])
    with pytest.raises(RankDeficientError, match="features column 1 must not depend on the items") as error:
        ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, features)
    assert error.value.columns == [1]
    twice = np.column_stack([FEATURES[:, 0], 2 * FEATURES[:, 0]])
    with pytest.raises(RankDeficientError, match=r"features column [01] must"):
        ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, twice)
    board = ratings.contextual_bradley_terry(FIRST, SECOND, OUTCOMES, twice, ridge_features=1.0)
    assert board.feature_coef is not None
    np.testing.assert_allclose(board.feature_coef[1], 2 * board.feature_coef[0], rtol=1e-9)


def test_a_feature_that_tells_all_outcomes_has_no_coefficient() -> None:
    decided = OUTCOMES != 0.5
    first, second, outcomes = FIRST[decided], SECOND[decided], OUTCOMES[decided]
    telling = 2 * outcomes - 1
    with pytest.raises(SeparationError, match="features column 0 would be infinite; give ridge") as error:
        ratings.contextual_bradley_terry(first, second, outcomes, telling)
    assert error.value.direction[6] > 0
    board = ratings.contextual_bradley_terry(first, second, outcomes, telling, ridge_features=1.0)
    assert board.feature_coef is not None
    assert board.feature_coef[0] > 1


def test_one_who_never_lost_is_named() -> None:
    with pytest.raises(SeparationError, match="never lost: 0"):
        ratings.contextual_bradley_terry([0, 0, 1, 2], [1, 2, 2, 1], [1, 1, 1, 1], [0.1, 0.2, 0.3, 0.7])


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"features": np.ones((3, 1))}, ShapeError, "features must have 500 rows like outcomes, got 3"),
        ({"features": np.ones((500, 0))}, ShapeError, "features must have at least one column, got none"),
        ({"features": np.where(FEATURES > 5, np.nan, FEATURES)}, DomainError, r"features\[\d+, 1\] must be a number w"),
        ({"second": FIRST}, DomainError, r"second\[0\] must be another item than first\[0\]"),
        ({"outcomes": OUTCOMES + 1}, DomainError, r"outcomes\[\d+\] must be a number from 0 to 1, got"),
        ({"ridge_features": -1}, DomainError, r"ridge_features must be a number in \[0, 1e100\], got -1.0"),
        ({"init": [0.0]}, ShapeError, r"init must have shape \[6\] like the items, got \[1\]"),
    ],
)
def test_arguments_are_checked(change: Any, error: type[Exception], text: str) -> None:
    arguments = {"first": FIRST, "second": SECOND, "outcomes": OUTCOMES, "features": FEATURES} | change
    with pytest.raises(error, match=text):
        ratings.contextual_bradley_terry(**arguments)

"""Conditional logit against scipy's minimizer and statsmodels, and what it refuses."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.special import logsumexp

from prefcore.conjoint import choice_probabilities, conditional_logit
from prefcore.errors import ConvergenceError, DomainError, RankDeficientError, SeparationError, ShapeError


def choices(seed: int = 0, sets: int = 80) -> tuple[Any, ...]:
    """Sets of one to five alternatives with three attributes; places of the chosen ones; clusters."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 6, size=sets))])
    features = rng.normal(size=(offsets[-1], 3)) * [1.0, 10.0, 0.1] + [0.0, 1e4, 0.0]
    utility = features @ [1.0, -0.05, 5.0] + rng.gumbel(size=len(features))
    places = np.array([np.argmax(utility[a:b]) for a, b in pairwise(offsets)])
    return features, offsets, places, rng.integers(15, size=sets)


def naive_loss(b: Any, features: Any, offsets: Any, places: Any, weights: Any, ridge: Any) -> float:
    total = 0.5 * np.sum(ridge * b**2)
    for a, z, place, weight in zip(offsets, offsets[1:], places, weights, strict=False):
        utility = features[a:z] @ b
        total -= weight * (utility[place] - logsumexp(utility))
    return float(total)


def naive_parts(b: Any, features: Any, offsets: Any, places: Any, weights: Any) -> tuple[Any, Any]:
    """Score of each set, and the information of all."""
    scores, information = [], np.zeros((len(b), len(b)))
    for a, z, place, weight in zip(offsets, offsets[1:], places, weights, strict=False):
        x = features[a:z]
        p = np.exp(x @ b - logsumexp(x @ b))
        centered = x - p @ x
        scores.append(weight * centered[place])
        information += weight * centered.T @ (p[:, None] * centered)
    return np.array(scores), information


@pytest.mark.parametrize("ridge", [0.0, 2.0, [0.0, 1e-4, 30.0]])
def test_the_estimate_is_the_minimum_that_scipy_finds(ridge: Any) -> None:
    features, offsets, places, _ = choices(1, sets=30)
    weights = np.random.default_rng(1).choice([0.0, 0.5, 3.0], size=len(places))
    scale = np.array([1.0, 0.1, 10.0])

    def loss(b: Any) -> float:
        return naive_loss(b * scale, features, offsets, places, weights, np.asarray(ridge))

    found = minimize(loss, np.zeros(3), tol=1e-9)
    model = conditional_logit(features, offsets, places, weights=weights, ridge=ridge)
    np.testing.assert_allclose(model.coef, found.x * scale, rtol=1e-4, atol=1e-5)
    assert loss(model.coef / scale) <= found.fun * (1 + 1e-12)
    scores, _ = naive_parts(model.coef, features, offsets, places, weights)
    np.testing.assert_allclose(scores.sum(0), np.asarray(ridge) * model.coef, atol=1e-7)
    assert model.loglik == pytest.approx(-naive_loss(model.coef, features, offsets, places, weights, 0.0), rel=1e-11)
    assert (model.converged, model.status) == (True, "converged")


@pytest.mark.parametrize("vcov", ["CR0", "CR1", "survey", "HC1", "classical"])
@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_forms_of_the_covariance_are_their_formulas(vcov: str, ridge: float) -> None:
    features, offsets, places, who = choices(2)
    weights = np.random.default_rng(2).choice([0.0, 0.5, 3.0], size=len(places))
    model = conditional_logit(features, offsets, places, weights=weights, clusters=who, ridge=ridge, vcov=vcov)
    scores, information = naive_parts(model.coef, features, offsets, places, weights)
    bread = np.linalg.inv(information + ridge * np.eye(3))
    clusters = np.unique(who[weights > 0])
    t, g = int((weights > 0).sum()), len(clusters)
    sums = scores if vcov == "HC1" else np.array([scores[who == c].sum(0) for c in clusters])
    factor = {
        "CR0": 1.0,
        "survey": g / (g - 1),
        "CR1": g / (g - 1) * (t - 1) / (t - 3),
        "HC1": t / (t - 3),
    }
    want = bread if vcov == "classical" else bread @ sums.T @ sums @ bread * factor[vcov]
    np.testing.assert_allclose(model.covariance, want, rtol=1e-7)
    np.testing.assert_allclose(model.std_error, np.sqrt(np.diag(want)), rtol=1e-7)
    assert (model.n_sets, model.n_clusters) == (t, g)


def test_sets_of_two_are_a_logit_of_differences() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(400, 2))
    difference = features[::2] - features[1::2]
    first = rng.random(200) < 1 / (1 + np.exp(-difference @ [0.8, -0.5]))
    who = rng.integers(30, size=200)
    want = sm.Logit(first.astype(float), difference).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": who}, tol=1e-12, method="newton"
    )
    model = conditional_logit(features, 2 * np.arange(201), (~first).astype(int), clusters=who)
    np.testing.assert_allclose(model.coef, want.params, rtol=1e-9)
    np.testing.assert_allclose(model.std_error, want.bse, rtol=1e-8)
    assert model.loglik == pytest.approx(want.llf, rel=1e-11)


def test_places_and_marks_say_the_same_and_orders_do_not_matter() -> None:
    features, offsets, places, who = choices(5)
    model = conditional_logit(features, offsets, places, clusters=who)
    marks = np.zeros(len(features), dtype=bool)
    marks[offsets[:-1] + places] = True
    same = conditional_logit(features, offsets, marks, clusters=[f"c{w}" for w in who], init=model.coef)
    np.testing.assert_allclose(same.coef, model.coef, rtol=1e-9)
    np.testing.assert_allclose(same.covariance, model.covariance, rtol=1e-7)
    shifted = conditional_logit(features + np.repeat(offsets[:-1], np.diff(offsets))[:, None], offsets, places)
    np.testing.assert_allclose(shifted.coef, model.coef, rtol=1e-8)


def test_predictions_are_the_softmax_of_each_set() -> None:
    features, offsets, places, _ = choices(6)
    model = conditional_logit(features, offsets, places)
    probs = model.predict(features, offsets)
    for a, z in pairwise(offsets):
        utility = features[a:z] @ model.coef
        np.testing.assert_allclose(probs[a:z], np.exp(utility - logsumexp(utility)), rtol=1e-9)
    assert np.log(probs[offsets[:-1] + places]).sum() == pytest.approx(model.loglik, rel=1e-10)


def test_the_text_of_a_model() -> None:
    features, offsets, places, _ = choices(6)
    model = conditional_logit(features, offsets, places, names=["price", "time", "comfort"])
    first, price, *_, errors, last = repr(model).splitlines()
    assert first == f"ChoiceModel: 80 sets, loglik {model.loglik:.6g}"
    assert price == f"price: {model.coef[0]:.4g} ({model.std_error[0]:.2g})"
    assert errors == "errors CR1, 80 clusters"
    assert last.startswith("converged: residual ")
    wide = conditional_logit(np.random.default_rng(0).normal(size=(400, 20)), 4 * np.arange(101), [0] * 100, ridge=1.0)
    assert len(repr(wide).splitlines()) == 12


def test_large_utilities_neither_overflow_nor_vanish() -> None:
    """CJ-03: rows sum to 1, and the log-likelihood of the choices 1, 2, 0 is finite."""
    utility = [[800.0, 799.0, -500.0], [0.0, -1000.0, 1.0], [1.0, 1.0, 1.0]]
    probs = choice_probabilities(utility, None)
    assert probs.shape == (3, 3)
    np.testing.assert_allclose(probs.sum(1), 1.0, rtol=1e-15)
    assert np.log(probs[[0, 1, 2], [1, 2, 0]]).sum() == pytest.approx(-2.725135663704555, rel=1e-10)
    np.testing.assert_array_equal(choice_probabilities([0.0, -np.inf, 0.0], [0, 2, 3]), [1.0, 0.0, 1.0])
    fit = conditional_logit([1000.0, 0.0, 1000.0, 0.0, 1000.0, 0.0], [0, 2, 4, 6], [0, 1, 0])
    assert fit.coef[0] * 1000 == pytest.approx(np.log(2), rel=1e-9)


def test_separation_names_the_column_and_a_ridge_holds_it() -> None:
    """CJ-01: x above 3.5 splits the outcomes; the intercept is a column of ones, penalized too."""
    x = np.zeros((12, 2))
    x[::2] = [[1.0, value] for value in range(1, 7)]
    sets, y = 2 * np.arange(7), np.array([0, 0, 0, 1, 1, 1])
    with pytest.raises(SeparationError, match=r"^chosen must not be separated .* by intercept, x: ") as found:
        conditional_logit(x, sets, 1 - y, names=["intercept", "x"])
    direction = found.value.direction
    assert found.value.names == ("intercept", "x")
    assert np.abs(direction).max() == 1
    assert (np.sign(2 * y - 1) * (x[::2] @ direction) >= 0).all()
    model = conditional_logit(x, sets, 1 - y, ridge=1.0)
    np.testing.assert_allclose(model.coef, [-0.7588304608738635, 0.3794586218973056], rtol=0, atol=1e-6)


def test_separation_by_one_column_leaves_out_the_others() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(60, 2))
    x[::2, 1], x[1::2, 1] = 1.0, 0.0
    with pytest.raises(SeparationError) as found:
        conditional_logit(x, 2 * np.arange(31), np.zeros(30, dtype=int), names=["noise", "always"])
    assert "always" in found.value.names
    assert found.value.direction[1] == pytest.approx(1.0)
    held = conditional_logit(x, 2 * np.arange(31), np.zeros(30, dtype=int), ridge=[0.0, 0.1])
    assert held.converged


def test_columns_that_depend_on_each_other_within_sets_are_named() -> None:
    features, offsets, places, _ = choices(8)
    constant = np.repeat(np.arange(len(places)), np.diff(offsets))
    twice = np.column_stack([features[:, 0], constant, features[:, 0] * 2])
    with pytest.raises(RankDeficientError, match=r"^features must have columns that differ within sets") as found:
        conditional_logit(twice, offsets, places, names=["a", "set", "b"])
    assert "set" in found.value.columns
    assert len(found.value.columns) == 2
    model = conditional_logit(twice, offsets, places, ridge=1.0)
    assert model.coef[1] == 0


def test_an_iteration_that_does_not_arrive_raises_with_its_result() -> None:
    features, offsets, places, _ = choices(9)
    with pytest.raises(ConvergenceError, match=r"after 1 iterations \(max_iter\)$") as found:
        conditional_logit(features, offsets, places, max_iter=1, tol=0.0)
    loose = conditional_logit(features, offsets, places, max_iter=1, tol=0.0, strict=False)
    assert (loose.converged, loose.status, loose.iterations) == (False, "max_iter", 1)
    np.testing.assert_array_equal(found.value.result.coef, loose.coef)


X = np.array([1.0, 0.0, 0.5, 0.2, 0.1, 0.9, 0.3])
ENDS = [0, 2, 4, 7]
CHOSEN = [0, 1, 0]


def fit(x: Any = X, ends: Any = ENDS, chosen: Any = CHOSEN, **options: Any) -> Any:
    return conditional_logit(x, ends, chosen, **options)


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda: fit(chosen=[0, 1, 3]), DomainError, r"^chosen\[2\] must be a place in its set of 3, got 3$"),
    (lambda: fit(chosen=[0, 1]), ShapeError, r"^chosen must hold 3 integer places, one per set, or 7 marks"),
    (lambda: fit(chosen=[0.0, 1.0, 1.0]), ShapeError, r"got shape \[3\] of dtype float64$"),
    (lambda: fit(chosen=[1, 0, 1, 1, 0, 0, 1]), DomainError, r"^chosen must mark one row of each set, got 2 in set 1$"),
    (lambda: fit(chosen=[1, 0, 2, 0, 0, 0, 1]), DomainError, r"^chosen\[2\] must be 0 or 1 where it marks rows, got 2"),
    (lambda: fit(ends=[0, 2, 4, 6]), DomainError, r"^offsets\[3\] must be 7"),
    (lambda: fit(ends=[0, 2, 2, 7]), DomainError, r"^chosen\[1\] must be a place in its set of 0, got 1$"),
    (lambda: fit(names=["a", "b"]), ShapeError, r"^names must have length 1 like the columns of features, got 2$"),
    (
        lambda: conditional_logit(np.eye(4)[:, :2], [0, 2, 4], [0, 1], names=["a", "a"]),
        DomainError,
        r"^names\[1\] must differ from the names before it, got 'a' again$",
    ),
    (lambda: fit(names="a"), TypeError, r"^names must be one name per column, got 'a'$"),
    (lambda: fit(clusters=[0, 1]), ShapeError, r"^clusters must have length 3 like the sets, got 2$"),
    (lambda: fit(clusters=[0, 0, 0]), DomainError, r"^clusters must be at least 2 for vcov = 'CR1', got 1$"),
    (lambda: fit(weights=[1, 1]), ShapeError, r"^weights must have length 3 like the sets, got shape \[2\]$"),
    (lambda: fit(weights=[1, -1, 1]), DomainError, r"^weights\[1\] must be a finite number >= 0, got -1"),
    (lambda: fit(weights=[0, 0, 0]), ShapeError, r"^offsets must hold at least one set of positive weight, got none$"),
    (lambda: fit(ridge=-1), DomainError, r"^ridge must be a finite number >= 0, got -1"),
    (lambda: fit(ridge=[1, 1]), ShapeError, r"^ridge must have length 1 like the columns, got shape \[2\]$"),
    (lambda: fit(init=[1, 1]), ShapeError, r"^init must have length 1 like the columns, got shape \[2\]$"),
    (lambda: fit(vcov="CR2"), DomainError, r"^vcov must be 'CR0' or .* got 'CR2'$"),
    (lambda: fit(X[:2], [0, 2], [0]), DomainError, r"^clusters must be at least 2 for vcov = 'CR1', got 1$"),
    (
        lambda: fit(X[:2], [0, 2], [0], vcov="HC1"),
        DomainError,
        r"^offsets must hold more sets than columns for vcov = 'HC1', got 1 sets and 1 columns$",
    ),
    (lambda: fit(X * np.nan), DomainError, r"^features\[0, 0\] must be a number between -1e150 and 1e150, got NaN$"),
    (lambda: fit(X * 1e300), DomainError, r"^features\[0, 0\] must be a number between -1e150 and 1e150, got 1"),
    (lambda: choice_probabilities([0.0, np.nan], [0, 2]), DomainError, r"^utility\[1\] must be a number or -inf, got"),
    (lambda: choice_probabilities([0.0, -np.inf], [0, 1, 2]), DomainError, r"^utility\[1\] must be above -inf some"),
]


@pytest.mark.parametrize(("call", "error", "match"), BAD)
def test_bad_arguments_are_named(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_predict_checks_the_columns() -> None:
    model = conditional_logit(X, ENDS, [0, 1, 0])
    with pytest.raises(ShapeError, match=r"^features must have 1 columns like coef, got 2$"):
        model.predict(np.ones((2, 2)), [0, 2])

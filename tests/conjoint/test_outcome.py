"""Logit on levels: against statsmodels and the definition on the dense design matrix, and what it refuses."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

import prefcore
from conjoint.answers import all_pairs, choices, dense, indicators, sandwich
from prefcore.conjoint import ConjointData, Design, OutcomeModel, fit_outcome_logit
from prefcore.errors import ConvergenceError, DomainError, RankDeficientError, SeparationError, ShapeError

DATA = choices(900, 1)


def close(got: Any, want: Any, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


@pytest.mark.parametrize("interactions", [(), "all"])
@pytest.mark.parametrize("intercept", [True, False])
def test_it_is_the_logit_of_statsmodels(interactions: Any, intercept: bool) -> None:
    x, y = dense(DATA, all_pairs(DATA) if interactions else (), intercept=intercept)
    peer = sm.GLM(y, x, family=sm.families.Binomial())
    clusters = {"groups": DATA.respondents}
    want = peer.fit(tol=1e-14, cov_type="cluster", cov_kwds=clusters)
    model = fit_outcome_logit(DATA, interactions=interactions, intercept=intercept)
    close(model.coef, want.params)
    close(model.covariance, want.cov_params(), rtol=1e-7, atol=1e-10)
    p = 1 / (1 + np.exp(-x @ want.params))
    close(model.loglik, (y * np.log(p) + (1 - y) * np.log(1 - p)).sum())
    close(model.loglik_null, -900 * np.log(2))
    classical = fit_outcome_logit(DATA, interactions=interactions, intercept=intercept, vcov="classical")
    close(classical.covariance, np.linalg.inv((x.T * (p * (1 - p))) @ x), atol=1e-10)
    by_task = fit_outcome_logit(DATA, interactions=interactions, intercept=intercept, vcov="HC1")
    hc0 = sandwich(x, y - p, np.asarray(classical.covariance), np.arange(900))
    close(by_task.covariance, hc0 * 900 / (900 - x.shape[1]), rtol=1e-8, atol=1e-10)
    assert (model.n_tasks, model.vcov, model.status, model.paired) == (900, "CR1", "converged", True)


def test_predictions_are_those_of_the_coefficients() -> None:
    model = fit_outcome_logit(DATA, interactions=[("f0", 2), (2, 1)])
    assert list(model.inter) == [(0, 2), (1, 2)]
    x, _ = dense(DATA, [(0, 2), (1, 2)])
    close(model.predict(DATA.profiles[::2], DATA.profiles[1::2]), 1 / (1 + np.exp(-x @ model.coef)))


def test_weights_count_tasks_and_zeros_drop_them() -> None:
    data = choices(600, 2, weighted=True)
    x, y = dense(data)
    assert data.weights is not None
    seen = data.weights > 0
    want = sm.GLM(y[seen], x[seen], family=sm.families.Binomial(), freq_weights=data.weights[seen]).fit(tol=1e-14)
    model = fit_outcome_logit(data, vcov="survey")
    close(model.coef, want.params)
    p = 1 / (1 + np.exp(-x @ want.params))
    inverse = np.linalg.inv((x.T * (data.weights * p * (1 - p))) @ x)
    groups = len(np.unique(data.respondents[seen]))
    cr0 = sandwich(x, data.weights * (y - p), inverse, data.respondents)
    close(model.covariance, cr0 * groups / (groups - 1), rtol=1e-8, atol=1e-11)
    assert model.n_tasks == seen.sum()
    dropped = fit_outcome_logit(data.subset(seen), vcov="survey")
    close(dropped.covariance, model.covariance)


def test_single_profiles_have_an_outcome_of_their_own() -> None:
    data = choices(500, 3, size=1)
    x, y = dense(data, [(0, 1)])
    want = sm.GLM(y, x, family=sm.families.Binomial()).fit(tol=1e-14)
    model = fit_outcome_logit(data, interactions=[(0, 1)])
    close(model.coef, want.params)
    close(model.predict(data.profiles), want.fittedvalues)
    assert not model.paired
    mean = y.mean()
    close(model.loglik_null, 500 * (mean * np.log(mean) + (1 - mean) * np.log(1 - mean)))


def test_three_alternatives_are_a_softmax() -> None:
    data = choices(700, 4, size=3, weighted=True)
    model = fit_outcome_logit(data, interactions="all", vcov="CR0")
    x = indicators(data, all_pairs(data)).reshape(700, 3, -1)
    y, w = data.outcomes.reshape(700, 3), data.weights
    assert w is not None
    assert not model.has_intercept
    assert model.intercept == 0.0
    p = np.exp(x @ model.coef)
    p /= p.sum(1, keepdims=True)
    scores = np.einsum("t,tj,tjp->tp", w, y - p, x)
    close(scores.sum(0), 0, atol=1e-8)
    centered = x - np.einsum("tj,tjp->tp", p, x)[:, None]
    inverse = np.linalg.inv(np.einsum("t,tj,tjp,tjq->pq", w, p, centered, centered))
    close(model.covariance, sandwich(scores, np.ones(700), inverse, data.respondents), rtol=1e-7, atol=1e-10)
    close(model.loglik, (w[:, None] * y * np.log(p)).sum())
    close(model.loglik_null, -w.sum() * np.log(3))


def test_pairs_are_choices_without_an_intercept() -> None:
    """A third profile that is never chosen and has no score left is no third profile."""
    pair = fit_outcome_logit(DATA, intercept=False)
    x = DATA.profiles[DATA.offsets[:-1]]
    longer = ConjointData(
        np.concatenate([DATA.profiles, x[:1], x[:1], x[:1]]),
        np.concatenate([DATA.outcomes, [1, 0, 0]]),
        np.append(DATA.respondents, 0),
        design=DATA.design,
        offsets=np.append(DATA.offsets, len(DATA.profiles) + 3),
    )
    close(fit_outcome_logit(longer).coef, pair.coef)


def test_the_ridge_does_not_see_the_reference() -> None:
    turned = ConjointData(
        (np.array([2, 3, 4]) - 1) - DATA.profiles,
        DATA.outcomes,
        DATA.respondents,
        design=DATA.design,
        offsets=DATA.offsets,
    )
    options: dict[str, Any] = {"interactions": "all", "ridge": 3.0, "ridge_interactions": 20.0}
    model, other = fit_outcome_logit(DATA, **options), fit_outcome_logit(turned, **options)
    for scores, turned_scores in zip(model.main, other.main, strict=True):
        close(scores, turned_scores[::-1])
        close(scores.sum(), 0)
    for pair, table in model.inter.items():
        close(table, other.inter[pair][::-1, ::-1])
        close(table.sum(0), 0)
        close(table.sum(1), 0)
    close(model.loglik, other.loglik)


def test_the_ridge_is_that_of_all_indicators() -> None:
    """Scipy on the over-complete basis: main and cells free, cells with margins of 0."""
    data = choices(120, 5, n_levels=(2, 3))
    model = fit_outcome_logit(data, interactions="all", ridge=0.7, ridge_interactions=2.5)
    main, table = model.main, model.inter[0, 1]
    left, right = data.profiles[::2].astype(int), data.profiles[1::2].astype(int)
    y = data.outcomes[::2]
    residual = y - model.predict(left, right)
    for d, scores in enumerate(main):
        one_hot = np.eye(len(scores))
        slope = (one_hot[left[:, d]] - one_hot[right[:, d]]).T @ residual
        close(slope - slope.mean(), 0.7 * scores, atol=1e-8)
    cells = np.eye(6)
    slope = (cells[left[:, 0] * 3 + left[:, 1]] - cells[right[:, 0] * 3 + right[:, 1]]).T @ residual
    slope = slope.reshape(2, 3)
    slope = slope - slope.mean(0) - slope.mean(1, keepdims=True) + slope.mean()
    close(slope, 2.5 * table, atol=1e-8)


def test_firth_solves_the_score_of_jeffreys() -> None:
    data = choices(60, 6, weighted=True)
    x, y = dense(data)
    w = np.asarray(data.weights)
    model = fit_outcome_logit(data, firth=True, vcov="CR0")
    p = 1 / (1 + np.exp(-x @ model.coef))
    inverse = np.linalg.inv((x.T * (w * p * (1 - p))) @ x)
    leverage = w * p * (1 - p) * np.einsum("tp,pq,tq->t", x, inverse, x)
    modified = w * (y - p) + leverage * (0.5 - p)
    close(x.T @ modified, 0, atol=1e-9)
    close(model.covariance, sandwich(x, modified, inverse, data.respondents), rtol=1e-8, atol=1e-10)
    assert model.status == "converged"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(), "all"]))
def test_exchanging_sides_flips_the_intercept(seed: int, interactions: Any) -> None:
    data = choices(400, seed, n_levels=(2, 3))
    rows = np.arange(800).reshape(-1, 2)[:, ::-1].ravel()
    turned = ConjointData(
        data.profiles[rows], data.outcomes[rows], data.respondents, design=data.design, offsets=data.offsets
    )
    model, other = (fit_outcome_logit(d, interactions=interactions) for d in (data, turned))
    close(other.coef, np.append(-model.coef[0], model.coef[1:]), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(3)))
def test_order_of_factors_and_levels_does_not_matter(seed: int, order: list[int]) -> None:
    data = choices(500, seed)
    n = np.array([2, 3, 4])
    turned = ConjointData(
        (n - 1 - data.profiles)[:, order],
        data.outcomes,
        data.respondents,
        design=Design(n[order]),
        offsets=data.offsets,
    )
    model, other = fit_outcome_logit(data), fit_outcome_logit(turned)
    for place, d in enumerate(order):
        close(other.main[place][::-1] - other.main[place][-1], model.main[d], atol=1e-9)


def test_respondents_twice_halve_cr0() -> None:
    both = DATA.concat([DATA])
    again = ConjointData(
        both.profiles,
        both.outcomes,
        np.concatenate([DATA.respondents, DATA.respondents + 1000]),
        design=DATA.design,
        offsets=both.offsets,
    )
    one, two = fit_outcome_logit(DATA, vcov="CR0"), fit_outcome_logit(again, vcov="CR0")
    close(two.coef, one.coef)
    assert one.covariance is not None
    assert two.covariance is not None
    close(two.covariance, one.covariance / 2)


def test_bits_do_not_depend_on_threads() -> None:
    data = choices(20_000, 7)
    threads = prefcore.get_num_threads()
    try:
        fits = []
        for count in (1, 3):
            prefcore.set_num_threads(count)
            fits.append(fit_outcome_logit(data, interactions="all"))
    finally:
        prefcore.set_num_threads(threads)
    np.testing.assert_array_equal(fits[0].coef, fits[1].coef)
    np.testing.assert_array_equal(np.asarray(fits[0].covariance), np.asarray(fits[1].covariance))


def test_a_start_at_the_answer_takes_one_step() -> None:
    model = fit_outcome_logit(DATA)
    again = fit_outcome_logit(DATA, init=model.coef)
    assert again.iterations <= 1 < model.iterations
    close(again.coef, model.coef, rtol=1e-12)


def pair(left: Any, right: Any, chose: Any, n_levels: Any = (2,), **options: Any) -> OutcomeModel:
    who = np.arange(len(left))
    return fit_outcome_logit(ConjointData.from_pairs(left, right, chose, who, design=Design(n_levels)), **options)


def test_separation_names_factor_and_level_with_a_direction() -> None:
    """edge_separation_complete, and separation of one factor among others."""
    with pytest.raises(SeparationError, match="got 'f0: 1' with an infinite score; give ridge > 0, or firth=True") as e:
        pair([[1], [1], [0], [1], [0], [0]], [[0], [0], [1], [0], [1], [0]], [1, 1, 0, 1, 0, 1], intercept=False)
    np.testing.assert_array_equal(e.value.direction, [1.0])
    wins = DATA.profiles.copy()
    wins[0::2, 0], wins[1::2, 0] = DATA.outcomes[::2] > 0.5, DATA.outcomes[::2] < 0.5
    told = ConjointData(wins, DATA.outcomes, DATA.respondents, design=DATA.design, offsets=DATA.offsets)
    with pytest.raises(SeparationError, match="got 'f0: 1' with an infinite score") as e:
        fit_outcome_logit(told)
    close(e.value.direction, np.eye(7)[1], atol=1e-6)
    with pytest.raises(SeparationError, match="'f0: 1'"):
        fit_outcome_logit(told, interactions=[(1, 2)], ridge_interactions=1.0)
    assert 1 < fit_outcome_logit(told, ridge=1.0).main[0][1] < 10


def test_separation_of_choices_and_of_single_profiles() -> None:
    design = Design([2])
    who = np.arange(4)
    chosen = ConjointData([[1], [0], [0]] * 4, [1, 0, 0] * 4, who, design=design, offsets=3 * np.arange(5))
    with pytest.raises(SeparationError, match="'f0: 1'"):
        fit_outcome_logit(chosen)
    rated = ConjointData([[1], [1], [0], [0]], [1, 1, 0, 1], who, design=design)
    with pytest.raises(SeparationError, match="'f0: 1'"):
        fit_outcome_logit(rated)
    with pytest.raises(SeparationError, match="'intercept'"):
        fit_outcome_logit(ConjointData([[1], [1], [0], [0]], [1] * 4, who, design=design), ridge=1.0)


def test_tasks_that_compare_nothing() -> None:
    """edge_tied_profiles."""
    with pytest.raises(RankDeficientError, match="tasks must compare profiles that differ, got 0 that do"):
        pair([[1], [0], [1]], [[1], [0], [1]], [1, 0, 1])


def test_levels_and_cells_that_never_occur_are_named() -> None:
    absent = "profiles must show every level and pair of levels with a score, got none with 'f0: 2'"
    with pytest.raises(RankDeficientError, match=absent) as error:
        pair([[1], [0], [1]], [[0], [1], [0]], [1, 1, 0], (3,))
    assert error.value.columns == [2]
    model = pair([[1], [0], [1]], [[0], [1], [0]], [1, 1, 0], (3,), ridge=0.1, vcov="CR0")
    close(model.main[0][2], 0, atol=1e-12)
    left, right = [[0, 0], [0, 1], [1, 0], [0, 0]] * 2, [[0, 1], [1, 0], [0, 0], [1, 0]] * 2
    with pytest.raises(RankDeficientError, match="got none with 'f0: 1 x f1: 1'"):
        pair(left, right, [1, 0] * 4, (2, 2), interactions="all")
    twice = np.repeat(DATA.profiles[:, :1], 2, axis=1)
    same = ConjointData(twice, DATA.outcomes, DATA.respondents, design=Design([2, 2]), offsets=DATA.offsets)
    with pytest.raises(RankDeficientError, match=r"tell the scores of all levels apart, got 'f\d: 1' that depend on"):
        fit_outcome_logit(same)


def test_it_says_where_it_stopped() -> None:
    with pytest.raises(ConvergenceError, match="expected residual <= tol = 1e-10") as error:
        fit_outcome_logit(DATA, max_iter=1)
    assert error.value.result.status == "max_iter"
    model = fit_outcome_logit(DATA, max_iter=1, strict=False)
    assert not model.converged
    assert model.iterations == 1
    assert model.residual > 1e-10


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"interactions": "some"}, DomainError, "interactions must be 'all', got 'some'"),
        ({"interactions": [0]}, ShapeError, r"interactions\[0\] must be a pair of factors, got 0"),
        (
            {"interactions": [(0, 1), (1, 0)]},
            DomainError,
            r"interactions\[1\] must be two factors, a pair that did not",
        ),
        ({"interactions": [(0, "x")]}, DomainError, "factor must be one of 'f0', 'f1', 'f2', got 'x'"),
        ({"ridge": -1.0}, DomainError, r"ridge must be a number in \[0, 1e100\], got -1.0"),
        ({"ridge_interactions": float("nan")}, DomainError, r"ridge_interactions must be a number in .*, got NaN"),
        ({"firth": True, "ridge": 1.0}, DomainError, "firth must be False where a ridge is given"),
        ({"firth": 1}, TypeError, "firth must be True or False, got 1"),
        ({"vcov": "CR2"}, DomainError, "vcov must be another than 'CR2'"),
        ({"vcov": "HC3"}, DomainError, "vcov must be 'CR0' or 'CR1'"),
        ({"init": [0.0]}, ShapeError, "init must have length 7, one for each coefficient, got 1"),
        ({"tol": -1.0}, DomainError, "tol must be a number >= 0"),
    ],
)
def test_options_are_refused_by_name(options: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        fit_outcome_logit(DATA, **options)


def test_answers_are_refused_by_name() -> None:
    design, who = Design([2]), [0, 1]
    with pytest.raises(TypeError, match="data must be ConjointData, got a list"):
        fit_outcome_logit([])  # type: ignore[arg-type]
    with pytest.raises(DomainError, match=r"outcomes\[1\] must be in \[0, 1\], got 4"):
        fit_outcome_logit(ConjointData([[0], [1]], [1, 4], who, design=design))
    both = ConjointData([[0], [1], [0], [1]], [1, 0, 1, 1], who, design=design, offsets=[0, 2, 4])
    with pytest.raises(
        DomainError, match=r"outcomes\[2\] must be shares of one choice that add up to 1 in task 1, got 2"
    ):
        fit_outcome_logit(both)
    mixed = ConjointData([[0], [1], [0]], [1, 0, 1], who, design=design, offsets=[0, 2, 3])
    with pytest.raises(
        DomainError, match=r"offsets\[1\] must be for all tasks to have one profile, or all more, got 1"
    ):
        fit_outcome_logit(mixed)
    nothing = ConjointData([[0], [1]], [1, 0], [0], design=design, offsets=[0, 2], weights=[0.0])
    with pytest.raises(DomainError, match="weights must be positive somewhere, got none"):
        fit_outcome_logit(nothing)
    alone = DATA.subset(np.arange(50))
    one = ConjointData(alone.profiles, alone.outcomes, [0] * 50, design=DATA.design, offsets=alone.offsets)
    with pytest.raises(DomainError, match="vcov='CR1' needs at least 2 respondents, got 1"):
        fit_outcome_logit(one, firth=True)
    with pytest.raises(DomainError, match=r"vcov='CR1' needs more tasks than coefficients \(7\), got 5"):
        fit_outcome_logit(DATA.subset(np.arange(5)), ridge=1.0)
    with pytest.raises(DomainError, match="firth must be False for choices of more than two profiles"):
        fit_outcome_logit(choices(50, size=3), firth=True)

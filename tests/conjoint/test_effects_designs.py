"""Effects under restrictions and of other populations, against dense regressions and averages by hand."""

import itertools
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from conjoint.dense import N_LEVELS, answers, dense, statsmodels_fit
from prefcore.conjoint import ConjointData, Design, amce
from prefcore.errors import DomainError, RankDeficientError

RESTRICTED = Design(
    N_LEVELS,
    probs=[[0.4, 0.6], [0.2, 0.3, 0.5], [0.25, 0.25, 0.3, 0.2]],
    restrictions=[("f0", 0, "f1", 2), ("f1", 1, "f2", 3)],
)


def restricted(seed: int, design: Design = RESTRICTED, tasks: int = 200) -> ConjointData:
    rng = np.random.default_rng(seed)
    allowed = [
        profile
        for profile in itertools.product(*map(range, N_LEVELS))
        if not any(profile[a] == x and profile[b] == y for a, x, b, y in design.restrictions)
    ]
    profiles = np.array(allowed)[rng.integers(len(allowed), size=2 * tasks)]
    outcomes = profiles[:, 0] * (profiles[:, 1] - 1) * 0.4 + rng.normal(size=2 * tasks)
    who = rng.integers(25, size=tasks)
    return ConjointData(profiles, outcomes, who, design=design, offsets=2 * np.arange(tasks + 1))


def by_hand(data: ConjointData, pairs: Any, effects: Any) -> tuple[Any, Any]:
    """Regression on dummies with the interactions of pairs, empty cells left out; estimates and errors of contrasts.

    An effect is a function from profile to weight: the sum of weight times fitted value over all profiles.
    """
    design, columns = data.design, []
    for d, n in enumerate(design.n_levels):
        columns += [((d, level),) for level in range(1, n)]
    gone = {((a, x), (b, y)) for a, x, b, y in design.restrictions}
    for d, e in pairs:
        cells = itertools.product(range(1, design.n_levels[d]), range(1, design.n_levels[e]))
        columns += [((d, x), (e, y)) for x, y in cells if ((d, x), (e, y)) not in gone]

    def expand(profiles: Any) -> Any:
        parts = [np.ones(len(profiles))]
        parts += [np.all([profiles[:, d] == level for d, level in column], axis=0) for column in columns]
        return np.column_stack(parts).astype(float)

    x = expand(data.profiles)
    fit = statsmodels_fit(data, x, "CR1")
    every = np.array(list(itertools.product(*map(range, design.n_levels))))
    weights = np.array([[effect(profile) for profile in every] for effect in effects]) @ expand(every)
    return weights @ fit.params, np.sqrt(np.einsum("ki,ij,kj->k", weights, fit.cov_params(), weights))


def averaged(design: Design, d: int, level: int, reference: int, probs: Any) -> Any:
    """Weight of each profile in the contrast of two levels, averaged over the profiles that may be shown with both."""

    def allowed(profile: Any) -> bool:
        return not any(profile[a] == x and profile[b] == y for a, x, b, y in design.restrictions)

    def swapped(profile: Any, to: int) -> Any:
        return [to if e == d else other for e, other in enumerate(profile)]

    def mass(profile: Any) -> float:
        if not (allowed(swapped(profile, level)) and allowed(swapped(profile, reference))):
            return 0.0
        return float(np.prod([probs[e][other] for e, other in enumerate(profile) if e != d]))

    every = [p for p in itertools.product(*map(range, design.n_levels)) if p[d] == level]
    total = sum(map(mass, every))
    return lambda profile: (float(profile[d] == level) - float(profile[d] == reference)) * mass(profile) / total


def test_restricted_effects_are_averages_over_allowed_cells() -> None:
    """A chain of two: 0 of f0 never with 2 of f1, 1 of f1 never with 3 of f2."""
    data = restricted(5)
    levels = [(d, level) for d, n in enumerate(N_LEVELS) for level in range(1, n)]
    effects = [averaged(data.design, d, level, 0, data.design.probs) for d, level in levels]
    estimate, error = cells_by_hand(data, [(0, 1), (1, 2)], effects)
    table = amce(data)
    np.testing.assert_allclose(table.estimate, estimate, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(table.std_error, error, rtol=1e-9)
    plain = amce(
        ConjointData(data.profiles, data.outcomes, data.respondents, design=Design(N_LEVELS), offsets=data.offsets)
    )
    assert np.abs(table.estimate - plain.estimate).max() > 0.02


def cells_by_hand(data: ConjointData, pairs: Any, effects: Any) -> tuple[Any, Any]:
    """As `by_hand`, on indicators of all cells by the pseudo-inverse: no column need be dropped."""
    design = data.design
    columns = [
        ((d, x), (e, y))
        for d, e in pairs
        for x, y in itertools.product(range(design.n_levels[d]), range(design.n_levels[e]))
    ]

    def expand(profiles: Any) -> Any:
        parts = [np.all([profiles[:, d] == level for d, level in column], axis=0) for column in columns]
        return np.column_stack(parts).astype(float)

    x = expand(data.profiles)
    bread = np.linalg.pinv(x.T @ x, rcond=1e-10, hermitian=True)
    coef = bread @ x.T @ data.outcomes
    who = np.repeat(data.respondents, 2)
    scores = np.array([x[who == g].T @ (data.outcomes - x @ coef)[who == g] for g in range(data.n_respondents)])
    g, n, k = len(scores), len(x), np.linalg.matrix_rank(x)
    covariance = bread @ scores.T @ scores @ bread * (g / (g - 1) * (n - 1) / (n - k))
    every = np.array(list(itertools.product(*map(range, design.n_levels))))
    weights = np.array([[effect(profile) for profile in every] for effect in effects]) @ expand(every)
    return weights @ coef, np.sqrt(np.einsum("ki,ij,kj->k", weights, covariance, weights))


def test_one_restriction_against_dummies_of_statsmodels() -> None:
    """The forbidden cell has no reference level in it, so that the usual dummies with interactions are of full rank."""
    design = Design(N_LEVELS, restrictions=[("f0", 1, "f1", 2)])
    data = restricted(6, design)
    levels = [(d, level) for d, n in enumerate(N_LEVELS) for level in range(1, n)]
    effects = [averaged(design, d, level, 0, design.probs) for d, level in levels]
    estimate, error = by_hand(data, [(0, 1)], effects)
    table = amce(data)
    np.testing.assert_allclose(table.estimate, estimate, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(table.std_error, error, rtol=1e-10)
    at_reference, its_error = by_hand(data, [(0, 1)], [lambda profile: float(not any(profile))])
    assert table.intercept == pytest.approx(at_reference[0], rel=1e-10)
    assert table.intercept_std_error == pytest.approx(its_error[0], rel=1e-10)
    assert amce(restricted(6, design), reference={"f0": 1, "f1": 2}, vcov="CR0").intercept is None


TARGET = [np.array([0.9, 0.1]), np.array([0.1, 0.2, 0.7]), np.array([0.0, 0.5, 0.25, 0.25])]


def target_by_hand(data: ConjointData, target: Any, d: int) -> tuple[Any, Any]:
    """Least squares weighted by the other population, the own factor aside, the profile beside it included."""
    ratio = [new / old for new, old in zip(target, data.design.probs, strict=True)]
    whole = np.prod([ratio[e][data.profiles[:, e]] for e in range(3)], axis=0)
    weights = np.prod([ratio[e][data.profiles[:, e]] for e in range(3) if e != d], axis=0)
    weights *= whole.reshape(-1, 2)[:, ::-1].ravel()
    references = [0 if e == d else int(np.argmax(target[e])) for e in range(3)]
    x = dense(data, references)
    kept = x[weights > 0].any(0)
    n = data.design.n_levels[d]
    before = 1 + sum(int(data.design.n_levels[e]) - 1 for e in range(d))
    fit = sm.WLS(data.outcomes, x[:, kept], weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(data.respondents, 2)}
    )
    own = np.flatnonzero(kept).searchsorted(np.arange(before, before + n - 1))
    return fit.params[own], fit.bse[own]


def test_another_population_weights_profiles() -> None:
    data = answers(7, tasks=300)
    table = amce(data, target=TARGET)
    for d in range(3):
        estimate, error = target_by_hand(data, TARGET, d)
        rows = np.array(table.factor) == f"f{d}"
        np.testing.assert_allclose(table.estimate[rows], estimate, rtol=1e-9)
        np.testing.assert_allclose(table.std_error[rows], error, rtol=1e-9)
    assert table.intercept is None


def test_the_own_population_as_target_changes_nothing() -> None:
    for data in (answers(8, weighted=True), restricted(8)):
        for vcov in ("CR0", "CR1", "CR2", "survey", "HC1"):
            table, same = amce(data, vcov=vcov), amce(data, target=data.design.probs, vcov=vcov)
            np.testing.assert_allclose(same.estimate, table.estimate, rtol=1e-10, atol=1e-13)
            np.testing.assert_allclose(same.covariance, table.covariance, rtol=1e-9, atol=1e-14)
    only = amce(answers(8), target={"f1": [0.5, 0.25, 0.25]}).estimate
    all_three = amce(answers(8), target=[None, [0.5, 0.25, 0.25], None]).estimate
    np.testing.assert_array_equal(only, all_three)


def test_a_population_effect_of_a_full_factorial_is_the_average_over_the_target() -> None:
    """Outcomes without noise that interact: the effect of f0 depends on f1, whose distribution the target changes."""
    profiles = np.array(list(itertools.product(range(2), range(3))))
    outcomes = profiles[:, 0] * np.array([1.0, 2.0, 4.0])[profiles[:, 1]] + profiles[:, 1]
    data = ConjointData(profiles, outcomes, np.arange(6), design=Design([2, 3]))
    assert amce(data).estimate[0] == pytest.approx(7 / 3, rel=1e-12)
    target = [[0.25, 0.75], [0.5, 0.3, 0.2]]
    estimate = amce(data, target=target).estimate
    assert estimate[0] == pytest.approx(0.5 * 1 + 0.3 * 2 + 0.2 * 4, rel=1e-12)
    np.testing.assert_allclose(estimate[1:], [1 + 0.75 * (2 - 1), 2 + 0.75 * (4 - 1)], rtol=1e-12)


def test_levels_that_share_no_profile_have_no_effect() -> None:
    design = Design(N_LEVELS, restrictions=[("f0", 0, "f1", 1), ("f0", 0, "f1", 2), ("f0", 1, "f1", 0)])
    match = r"^reference must have profiles in common with each level, got '1' and '0' of 'f0', which the restrictions"
    with pytest.raises(DomainError, match=match):
        amce(restricted(1, design))


def test_a_cell_without_data_is_no_effect_of_zero() -> None:
    """All allowed cells are needed; (1, 1) was never drawn."""
    design = Design([2, 3], restrictions=[("f0", 0, "f1", 2)])
    profiles = [[0, 0], [0, 1], [1, 0], [1, 2], [0, 0], [1, 0], [0, 1], [1, 2]]
    data = ConjointData(profiles, [0, 1, 1, 0, 1, 1, 0, 0], range(8), design=design)
    with pytest.raises(RankDeficientError, match=r"^data must show each level, and its cells where restrictions are"):
        amce(data)

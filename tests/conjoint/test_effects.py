"""Effects of levels against least squares on dense indicators, and what must hold of them."""

import itertools
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from prefcore.conjoint import ConjointData, Design, amce, marginal_means
from prefcore.errors import DomainError, RankDeficientError, ShapeError

N_LEVELS = (2, 3, 4)
VCOV = ("CR0", "CR1", "CR2", "survey", "HC1", "classical")


def answers(seed: int = 0, *, weighted: bool = False, tasks: int = 60, **options: Any) -> ConjointData:
    """Pairs of random profiles, three or so per respondent, in no order; ratings that follow the first factor."""
    rng = np.random.default_rng(seed)
    profiles = np.column_stack([rng.integers(n, size=2 * tasks) for n in N_LEVELS])
    outcomes = 0.3 * profiles[:, 0] + rng.normal(size=2 * tasks)
    weights = rng.choice([0.0, 0.5, 1.0, 2.0], size=tasks) if weighted else None
    who = rng.integers(20, size=tasks)
    design = options.pop("design", Design(N_LEVELS))
    return ConjointData(
        profiles, outcomes, who, design=design, offsets=2 * np.arange(tasks + 1), weights=weights, **options
    )


def dense(data: ConjointData, references: Any = (0, 0, 0)) -> np.ndarray[Any, Any]:
    columns = [np.ones(len(data.outcomes))]
    for d, n in enumerate(data.design.n_levels):
        columns += [data.profiles[:, d] == level for level in range(n) if level != references[d]]
    return np.column_stack(columns).astype(float)


def of_rows(data: ConjointData) -> Any:
    """Weights and respondents of the rows of positive weight, and which these are."""
    lengths = np.diff(data.offsets)
    weights = np.repeat(np.ones(data.n_tasks) if data.weights is None else data.weights, lengths)
    return weights[weights > 0], np.repeat(data.respondents, lengths)[weights > 0], weights > 0


def statsmodels_fit(data: ConjointData, x: Any, vcov: str) -> Any:
    weights, who, kept = of_rows(data)
    model = sm.WLS(data.outcomes[kept], x[kept], weights=weights)
    if vcov == "CR1":
        return model.fit(cov_type="cluster", cov_kwds={"groups": who})
    return model.fit(cov_type="HC1" if vcov == "HC1" else "nonrobust")


def naive_covariance(data: ConjointData, x: Any, vcov: str) -> np.ndarray[Any, Any]:
    """The formulas, cluster by cluster, with dense hat matrices."""
    weights, who, kept = of_rows(data)
    x, y = np.sqrt(weights)[:, None] * x[kept], np.sqrt(weights) * data.outcomes[kept]
    bread = np.linalg.inv(x.T @ x)
    residuals = y - x @ (bread @ x.T @ y)
    meat = np.zeros_like(bread)
    clusters = np.unique(who)
    for cluster in clusters:
        own = who == cluster
        e = residuals[own]
        if vcov == "CR2":
            values, vectors = np.linalg.eigh(np.eye(own.sum()) - x[own] @ bread @ x[own].T)
            root = np.where(values > 1e-10, 1 / np.sqrt(np.maximum(values, 1e-10)), 0.0)
            e = vectors @ (root * (vectors.T @ e))
        score = x[own].T @ e
        meat += np.outer(score, score)
    g, (n, k) = len(clusters), x.shape
    factor = {"CR0": 1.0, "CR2": 1.0, "survey": g / (g - 1), "CR1": g / (g - 1) * (n - 1) / (n - k)}[vcov]
    return bread @ meat @ bread * factor


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("vcov", ["CR1", "HC1", "classical"])
def test_amce_is_that_of_statsmodels(vcov: str, weighted: bool) -> None:
    data = answers(1, weighted=weighted)
    want = statsmodels_fit(data, dense(data), vcov)
    table = amce(data, vcov=vcov)
    np.testing.assert_allclose(table.estimate, want.params[1:], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(table.std_error, want.bse[1:], rtol=1e-10)
    np.testing.assert_allclose(table.covariance, want.cov_params()[1:, 1:], rtol=1e-9, atol=1e-12)
    assert table.intercept == pytest.approx(want.params[0], rel=1e-10)
    assert table.intercept_std_error == pytest.approx(want.bse[0], rel=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("vcov", ["CR0", "CR1", "CR2", "survey"])
@pytest.mark.parametrize("tasks", [60, 300])
def test_cluster_forms_are_their_formulas(vcov: str, weighted: bool, tasks: int) -> None:
    """With 60 tasks respondents have fewer rows than there are coefficients, with 300 more."""
    data = answers(2, weighted=weighted, tasks=tasks)
    want = naive_covariance(data, dense(data), vcov)
    table = amce(data, vcov=vcov)
    np.testing.assert_allclose(table.covariance, want[1:, 1:], rtol=1e-9, atol=1e-13)
    assert table.intercept_std_error == pytest.approx(np.sqrt(want[0, 0]), rel=1e-9)


def test_a_respondent_that_alone_fits_a_level_has_no_share_in_its_cr2_error() -> None:
    """Only the first respondent saw level 3: I - H is singular there, the pseudo-inverse root leaves it out."""
    profiles = np.array([[3], [3], [0], [1], [2], [0], [1], [2], [0], [1]])
    outcomes = np.array([1.0, 0.5, 0.2, 0.7, 0.1, 0.9, 0.4, 0.3, 0.8, 0.6])
    data = ConjointData(profiles, outcomes, [0, 0, 1, 1, 1, 2, 2, 2, 3, 3], design=Design([4]))
    x = (profiles == np.arange(4)).astype(float)
    x[:, 0] = 1.0
    want = naive_covariance(data, x, "CR2")
    np.testing.assert_allclose(amce(data, vcov="CR2").covariance, want[1:, 1:], rtol=1e-9, atol=1e-13)
    levels = x.copy()
    levels[:, 0] = profiles[:, 0] == 0
    means = marginal_means(data, vcov="CR2")
    np.testing.assert_allclose(means.covariance, naive_covariance(data, levels, "CR2"), rtol=1e-9, atol=1e-13)
    assert means.std_error[3] == 0


@pytest.mark.parametrize("vcov", VCOV)
def test_marginal_means_are_least_squares_on_the_levels_of_one_factor(vcov: str) -> None:
    data = answers(3, weighted=True)
    table = marginal_means(data, vcov=vcov)
    for d, n in enumerate(N_LEVELS):
        rows = np.array(table.factor) == f"f{d}"
        x = (data.profiles[:, [d]] == np.arange(n)).astype(float)
        if vcov in ("HC1", "classical"):
            want = statsmodels_fit(data, x, vcov).cov_params()
        else:
            want = naive_covariance(data, x, vcov)
        found = table.covariance[np.ix_(rows, rows)]
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(table.estimate[rows], statsmodels_fit(data, x, "HC1").params, rtol=1e-11)


def test_covariances_of_means_of_two_factors_are_those_of_their_influences() -> None:
    data = answers(3)
    table = marginal_means(data, vcov="CR0")
    flat = np.column_stack([data.profiles[:, d] == level for d, n in enumerate(N_LEVELS) for level in range(n)])
    who = np.repeat(data.respondents, 2)
    influence = flat * (data.outcomes[:, None] - table.estimate) / flat.sum(0)
    sums = np.array([influence[who == g].sum(0) for g in range(data.n_respondents)])
    np.testing.assert_allclose(table.covariance, sums.T @ sums, rtol=1e-10, atol=1e-15)
    assert np.all(np.linalg.eigvalsh(marginal_means(data, vcov="classical").covariance) > -1e-12)


def test_another_reference_moves_contrasts_only() -> None:
    data = answers(4)
    want = statsmodels_fit(data, dense(data, (1, 0, 2)), "CR1")
    for reference in ({"f0": 1, "f2": "2"}, [1, 0, 2], ["1", 0, 2]):
        table = amce(data, reference=reference)
        np.testing.assert_allclose(table.estimate, want.params[1:], rtol=1e-10)
        np.testing.assert_allclose(table.std_error, want.bse[1:], rtol=1e-10)
        assert table.level == ("0", "1", "2", "0", "1", "3")
        assert table.reference == ("1", "0", "0", "2", "2", "2")
        assert table.test("f2").chi2 == pytest.approx(amce(data).test("f2").chi2, rel=1e-9)


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
    """A chain of two restrictions: f0 with f1, f1 with f2; 0:2 of f0:f1 and 1:3 of f1:f2 are never shown.

    Dummies drop what a missing cell of a reference leaves without data: level 2 of f1 beside f0 = 0 is none of the
    columns, so that its main effect stands for its cell with f0 = 1.
    """
    data = restricted(5)
    levels = [(d, level) for d, n in enumerate(N_LEVELS) for level in range(1, n)]
    effects = [averaged(data.design, d, level, 0, data.design.probs) for d, level in levels]
    # of f0:f1 the column of (1, 2) is that of f1 = 2
    design_pairs = [(0, 1), (1, 2)]
    estimate, error = cells_by_hand(data, design_pairs, effects)
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


@given(st.integers(0, 2**16), st.permutations(range(4)))
def test_new_names_of_levels_permute_effects(seed: int, order: list[int]) -> None:
    data = answers(seed)
    profiles = data.profiles.copy()
    profiles[:, 2] = np.array(order)[profiles[:, 2]]
    renamed = ConjointData(
        profiles, data.outcomes, data.respondents, design=data.design, offsets=data.offsets, weights=data.weights
    )
    table, other = amce(data), amce(renamed, reference={"f2": order[0]})
    places = {level: k for k, level in enumerate(other.level[3:], 3)}
    rows = [0, 1, 2, *(places[str(order[level])] for level in range(1, 4))]
    np.testing.assert_allclose(other.estimate[rows], table.estimate, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(other.covariance[np.ix_(rows, rows)], table.covariance, rtol=1e-7, atol=1e-10)


@given(st.integers(0, 2**16))
def test_every_respondent_twice_halves_the_variance(seed: int) -> None:
    data = answers(seed)
    twins = ConjointData(data.profiles, data.outcomes, data.respondents + 100, design=data.design, offsets=data.offsets)
    for function in (amce, marginal_means):
        once, twice = function(data, vcov="CR0"), function(data.concat([twins]), vcov="CR0")
        np.testing.assert_allclose(twice.estimate, once.estimate, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(twice.covariance, once.covariance / 2, rtol=1e-8, atol=1e-12)


def test_a_weight_of_two_is_a_task_twice_and_of_zero_none() -> None:
    data = answers(9)
    weights = np.array([0.0, 1.0, 2.0])[np.arange(data.n_tasks) % 3]
    weighted = ConjointData(
        data.profiles, data.outcomes, data.respondents, design=data.design, offsets=data.offsets, weights=weights
    )
    places = np.repeat(np.arange(data.n_tasks), weights.astype(int))
    rows = (2 * places[:, None] + [0, 1]).ravel()
    repeated = ConjointData(
        data.profiles[rows],
        data.outcomes[rows],
        data.respondents[places],
        design=data.design,
        offsets=2 * np.arange(len(places) + 1),
    )
    for function in (amce, marginal_means):
        one, two = function(weighted, vcov="survey"), function(repeated, vcov="survey")
        np.testing.assert_allclose(one.estimate, two.estimate, rtol=1e-10)
        np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-9, atol=1e-14)
        assert one.n_clusters == two.n_clusters
        assert one.n_rows == 2 * int((weights > 0).sum())


def test_wide_codes_give_the_same() -> None:
    """With more than 256 levels codes have two bytes; levels that are never drawn do not matter."""
    data = answers(10)
    probs = [None, None, np.concatenate([np.full(4, 0.25), np.zeros(300)])]
    wide = answers(10, design=Design([2, 3, 304], probs=probs))
    assert (data.profiles.dtype, wide.profiles.dtype) == (np.uint8, np.uint16)
    np.testing.assert_allclose(amce(wide).estimate, amce(data).estimate, rtol=1e-10, atol=1e-13)


def test_more_respondents_than_a_block_holds() -> None:
    """10,000 respondents of one task each; scores are held for 4,096 at a time."""
    data = answers(11, tasks=10_000)
    alone = ConjointData(data.profiles, data.outcomes, np.arange(10_000), design=data.design, offsets=data.offsets)
    want = statsmodels_fit(alone, dense(alone), "CR1")
    np.testing.assert_allclose(amce(alone).std_error, want.bse[1:], rtol=1e-10)


APART = Design(N_LEVELS, restrictions=[("f0", 0, "f1", 1), ("f0", 0, "f1", 2), ("f0", 1, "f1", 0)])
BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda: amce([1]), TypeError, r"^data must be ConjointData, got a list$"),
    (lambda: marginal_means(None), TypeError, r"^data must be ConjointData, got a NoneType$"),
    (lambda: amce(answers(), vcov="HC3"), DomainError, r"^vcov must be 'CR0' or .*'classical', got 'HC3'$"),
    (lambda: marginal_means(answers(), vcov=1), DomainError, r"^vcov must be .* got 1$"),
    (lambda: amce(answers(), reference={"f9": 0}), DomainError, r"^factor must be one of 'f0', 'f1', 'f2', got 'f9'$"),
    (lambda: amce(answers(), reference=[0, 3, 0]), DomainError, r"^level must be 0 to 2, got 3$"),
    (lambda: amce(answers(), reference=[0]), ShapeError, r"^reference must hold one level for each of 3 factors"),
    (lambda: amce(answers(), reference="0"), TypeError, r"^reference must be a mapping .* got '0'$"),
    (lambda: amce(answers(), target=[None]), ShapeError, r"^target must hold one array for each of 3 factors, got 1$"),
    (lambda: amce(answers(), target={"g": None}), DomainError, r"^target must name factors of the design, got 'g'$"),
    (lambda: amce(answers(), target={"f0": [0.5, 0.6]}), DomainError, r"^target\[0\] must add up to 1, got 1.1$"),
    (
        lambda: amce(answers(), target=TARGET, vcov="classical"),
        DomainError,
        r"^vcov must be a robust form where target is given, got 'classical'$",
    ),
    (
        lambda: amce(
            answers(design=Design([2, 3, 5], probs=[None, None, [0.25, 0.25, 0.25, 0.25, 0]])),
            target={"f2": [0, 0, 0, 0.5, 0.5]},
        ),
        DomainError,
        r"^target\[2\]\[4\] must be 0 where the design never shows the level, got 0.5$",
    ),
    (
        lambda: amce(restricted(1, APART)),
        DomainError,
        r"^reference must have profiles in common with each level, got '1' and '0' of 'f0', which the restrictions",
    ),
    (
        lambda: marginal_means(ConjointData([[0], [1]], [1, 0], ["ann", "ann"], design=Design([2]))),
        DomainError,
        r"^data must hold at least 2 respondents of positive weight, got 1$",
    ),
    (
        lambda: amce(ConjointData([[0], [1]], [1, 0], ["ann", "bob"], design=Design([2]))),
        DomainError,
        r"^data must have more rows than coefficients for vcov = 'CR1', got 2 rows of positive weight and 2 coeff",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), BAD)
def test_bad_arguments_are_named(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_levels_that_the_data_do_not_tell_apart_are_named() -> None:
    profiles = [[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0]]
    design = Design({"a": ["x", "y"], "b": ["u", "v"], "c": ["r", "s", "t"]})
    data = ConjointData(profiles, [0, 1, 1, 0, 1, 1], range(6), design=design)
    with pytest.raises(RankDeficientError, match=r"got too little of 'y' of 'a', 'v' of 'b', 't' of 'c'$") as found:
        amce(data)
    assert found.value.columns == (("a", "y"), ("b", "v"), ("c", "t"))
    with pytest.raises(RankDeficientError) as found:
        marginal_means(data)
    assert found.value.columns == (("c", "t"),)


def test_a_cell_without_data_is_no_effect_of_zero() -> None:
    """All allowed cells are needed; (1, 1) was never drawn."""
    design = Design([2, 3], restrictions=[("f0", 0, "f1", 2)])
    profiles = [[0, 0], [0, 1], [1, 0], [1, 2], [0, 0], [1, 0], [0, 1], [1, 2]]
    data = ConjointData(profiles, [0, 1, 1, 0, 1, 1, 0, 0], range(8), design=design)
    with pytest.raises(RankDeficientError, match=r"^data must show each level, and its cells where restrictions are"):
        amce(data)

"""Effects of levels against least squares on dense indicators, and what must hold of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjoint.dense import N_LEVELS, answers, dense, naive_covariance, statsmodels_fit
from prefcore.conjoint import ConjointData, Design, amce, marginal_means
from prefcore.errors import DomainError, RankDeficientError, ShapeError

VCOV = ("CR0", "CR1", "CR2", "survey", "HC1", "classical")


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
    for vcov in VCOV:
        means, narrow = marginal_means(wide, vcov=vcov), marginal_means(data, vcov=vcov)
        np.testing.assert_allclose(means.estimate, narrow.estimate, rtol=1e-12)
        np.testing.assert_allclose(means.covariance, narrow.covariance, rtol=1e-10, atol=1e-15)
        assert means.level == narrow.level


def test_more_respondents_than_a_block_holds() -> None:
    """10,000 respondents of one task each; scores are held for 4,096 at a time."""
    data = answers(11, tasks=10_000)
    alone = ConjointData(data.profiles, data.outcomes, np.arange(10_000), design=data.design, offsets=data.offsets)
    want = statsmodels_fit(alone, dense(alone), "CR1")
    np.testing.assert_allclose(amce(alone).std_error, want.bse[1:], rtol=1e-10)


NEVER = Design([2, 3, 5], probs=[None, None, [0.25, 0.25, 0.25, 0.25, 0]])
BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda: amce([1]), TypeError, r"^data must be ConjointData, got a list$"),
    (lambda: marginal_means(None), TypeError, r"^data must be ConjointData, got a NoneType$"),
    (lambda: amce(answers(), vcov="HC3"), DomainError, r"^vcov must be 'CR0' or .*'classical', got 'HC3'$"),
    (lambda: marginal_means(answers(), vcov=1), DomainError, r"^vcov must be .* got 1$"),
    (lambda: amce(answers(), reference={"f9": 0}), DomainError, r"^factor must be one of 'f0', 'f1', 'f2', got 'f9'$"),
    (lambda: amce(answers(), reference=[0, 3, 0]), DomainError, r"^level must be 0 to 2, got 3$"),
    (lambda: amce(answers(), reference=[0]), ShapeError, r"^reference must hold one level for each of 3 factors"),
    (lambda: amce(answers(), reference="0"), TypeError, r"^reference must be a mapping .* got '0'$"),
    (
        lambda: amce(answers(design=NEVER), reference=[0, 0, 4]),
        DomainError,
        r"^reference of 'f2' must be a level of positive probability, got '4'$",
    ),
    (lambda: amce(answers(), target=[None]), ShapeError, r"^target must hold one array for each of 3 factors, got 1$"),
    (lambda: amce(answers(), target={"g": None}), DomainError, r"^target must name factors of the design, got 'g'$"),
    (lambda: amce(answers(), target={"f0": [0.5, 0.6]}), DomainError, r"^target\[0\] must add up to 1, got 1.1$"),
    (
        lambda: amce(answers(), target=[None, None, None], vcov="classical"),
        DomainError,
        r"^vcov must be a robust form where target is given, got 'classical'$",
    ),
    (
        lambda: amce(
            answers(design=NEVER),
            target={"f2": [0, 0, 0, 0.5, 0.5]},
        ),
        DomainError,
        r"^target\[2\] must be 0 where the design is, got weight on '4' of 'f2'$",
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

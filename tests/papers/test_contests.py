"""Adversarial conjoint: published effects and the equilibrium of real voters, through the module of the paper."""

import json
from pathlib import Path

import numpy as np
import pytest

import surveys
from conjoint.test_effects_real import CREGG
from prefcore import conjoint
from prefcore.errors import DomainError
from prefcore.papers import adversarial_conjoint as contest

RECORDS = json.loads((Path(__file__).parents[1] / "vectors" / "conjoint_adversarial.json").read_text())
DESIGN = conjoint.Design([2, 3])
RNG = np.random.default_rng(0)


def survey(tasks: int = 240, **more: object) -> conjoint.ConjointData:
    """Choices by scores 0, 1 and 0, 0.5, -0.5 of the levels."""
    left, right = (np.column_stack([RNG.integers(0, k, tasks) for k in (2, 3)]) for _ in range(2))
    score = [side[:, 0] + np.array([0.0, 0.5, -0.5])[side[:, 1]] for side in (left, right)]
    chose = RNG.random(tasks) < 1 / (1 + np.exp(score[1] - score[0]))
    return conjoint.ConjointData.from_pairs(left, right, chose, range(tasks), design=DESIGN, **more)  # type: ignore[arg-type]


def test_equilibrium_of_three_groups_of_voters() -> None:
    """real_taxes_equilibrium_lam0.05, from the answers on: parties alike, so both offer the same and nobody gains."""
    want = next(record for record in RECORDS if record["id"] == "real_taxes_equilibrium_lam0.05")
    data = surveys.taxes()
    found = contest.adversarial(data, beta=0.05)
    for policy, name in zip(found.policies, ("policy_a", "policy_b"), strict=True):
        np.testing.assert_allclose(np.concatenate(policy), want["expected"][name], rtol=1e-7, atol=1e-9)
    assert found.equilibrium.value == pytest.approx(0.5, abs=1e-10)
    assert found.equilibrium.gap == pytest.approx(0.0, abs=1e-10)
    shares = want["params"]["game"]["shares"]
    again = contest.adversarial(data, electorate=shares, beta=0.05)
    np.testing.assert_allclose(np.concatenate(again.policies[0]), np.concatenate(found.policies[0]), rtol=1e-9)
    assert list(found.effects) == list(found.models) == list(data.group_labels)
    own = conjoint.amce(data.by_group()["Democrat"], vcov="survey")
    np.testing.assert_array_equal(found.effects["Democrat"].estimate, own.estimate)


def test_published_effects_of_tax_plans() -> None:
    """real_taxes_amce: estimates and errors as cregg prints them."""
    table = contest.effects(surveys.taxes())
    for level, (estimate, error) in CREGG.items():
        row = table.level.index(level)
        assert table.estimate[row] == pytest.approx(estimate, abs=1e-8)
        assert table.std_error[row] == pytest.approx(error, abs=1e-8)


def test_average_case_is_the_sum_of_its_parts() -> None:
    data = survey()

    def fit(answers: conjoint.ConjointData) -> conjoint.OutcomeModel:
        return conjoint.fit_outcome_logit(answers, intercept=False)

    found = contest.average_case(data, beta=0.2, folds=3, seed=1)
    policy = conjoint.optimal_policy(fit(data), beta=0.2)
    np.testing.assert_array_equal(found.policy.policy[1], policy.policy[1])
    assert found.policy.policy[0][1] > 0.5
    value = conjoint.crossfit_policy_value(
        data, lambda model: conjoint.optimal_policy(model, beta=0.2).policy, fit=fit, folds=3, seed=1
    )
    assert found.value.hajek == value.hajek
    assert found.beta == 0.2


def test_average_case_takes_the_best_of_several_pulls() -> None:
    data, betas = survey(), [10.0, 0.05, 0.5]
    found = contest.average_case(data, beta=betas, folds=3, seed=1)
    assert found.beta in betas
    fit = contest._fitted
    assert found.beta == conjoint.select_beta(data, betas, fit=fit, folds=3, seed=1).best


def test_value_of_the_best_of_several_pulls_is_not_their_maximum() -> None:
    """Choices by coin: the largest of six values is 0.6 on average, folds within folds leave the truth, 1/2."""
    betas, found, largest = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0], [], []
    for seed in range(12):
        draws = np.random.default_rng(seed)
        left, right = (np.column_stack([draws.integers(0, k, 80) for k in (2, 3, 4)]) for _ in range(2))
        chose, design = draws.random(80) < 0.5, conjoint.Design([2, 3, 4])
        data = conjoint.ConjointData.from_pairs(left, right, chose, range(80), design=design)
        found.append(contest.average_case(data, beta=betas, seed=seed).value.dr_hajek.value)
        largest.append(conjoint.select_beta(data, betas, fit=contest._fitted, seed=seed).value.max())
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(0.5, abs=2 * error)
    assert np.mean(largest) > np.mean(found) + 0.05


def test_errors() -> None:
    with pytest.raises(DomainError, match="by_group needs groups, got data without"):
        contest.adversarial(survey(), beta=0.1)
    singles = conjoint.ConjointData([[0, 0], [1, 2]], [1.0, 0.0], [0, 1], design=DESIGN)
    with pytest.raises(DomainError, match="data must have two profiles in every task, got 1 in task 0"):
        contest.average_case(singles, beta=0.1)
    with pytest.raises(DomainError, match=r"beta.* must be .*-1"):
        contest.average_case(survey(), beta=-1.0)
    with pytest.raises(DomainError, match="electorate"):
        contest.adversarial(survey(groups=["a", "b"] * 120), electorate={"a": 1.0, "c": 0.0}, beta=0.1)

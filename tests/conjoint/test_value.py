"""Values off policy: by the definitions over enumerated profiles, known truths, and what is refused."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from prefcore.conjoint import (
    ConjointData,
    Design,
    OutcomeModel,
    crossfit_policy_value,
    fit_outcome_logit,
    policy_value,
    select_beta,
)
from prefcore.errors import DomainError, ShapeError

PROBS = [[0.5, 0.5], [0.2, 0.5, 0.3]]
POLICY = [[0.3, 0.7], [0.1, 0.3, 0.6]]
DESIGN = Design([2, 3], probs=PROBS)
MAIN = [[0.0, 0.6], [0.0, -0.4, 0.8]]
MODEL = OutcomeModel.from_scores(MAIN, {(0, 1): [[0.0, 0.0, 0.0], [0.0, 0.3, -0.2]]}, design=DESIGN, intercept=0.25)
PROFILES = np.array(list(product(range(2), range(3))))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def chances(policy: Any) -> Any:
    """Probability of each of the six profiles."""
    return np.outer(*policy).ravel()


def survey(n: int, seed: int, tasks: int = 4) -> ConjointData:
    """Answers that follow MODEL: n respondents in two groups."""
    rng = np.random.default_rng(seed)
    shown = PROFILES[rng.choice(6, size=(n * tasks, 2), p=chances(PROBS))]
    chose = rng.random(n * tasks) < MODEL.predict(shown[:, 0], shown[:, 1])
    who = np.repeat(np.arange(n), tasks)
    return ConjointData.from_pairs(shown[:, 0], shown[:, 1], chose, who, design=DESIGN, groups=who % 2)


def by_hand(data: ConjointData, policy: Any, model: OutcomeModel) -> dict[str, tuple[float, float]]:
    """Both orientations of each pair, one by one."""
    score = dict(zip(map(tuple, PROFILES.tolist()), model.score(PROFILES), strict=True))
    rows = []
    for t, (start, _) in enumerate(zip(data.offsets[:-1], data.offsets[1:], strict=True)):
        for focal, other, sign in ((start, start + 1, 1), (start + 1, start, -1)):
            mine, theirs = (tuple(data.profiles[row].tolist()) for row in (focal, other))
            w = np.prod([policy[d][level] / PROBS[d][level] for d, level in enumerate(mine)])
            expected = sum(
                chance * sigmoid(sign * model.intercept + score[tuple(profile)] - score[theirs])
                for chance, profile in zip(chances(policy), PROFILES.tolist(), strict=True)
            )
            m = sigmoid(sign * model.intercept + score[mine] - score[theirs])
            rows.append((w, data.outcomes[focal], m, expected, data.respondents[t]))
    w, y, m, mu, who = (np.array(column) for column in zip(*rows, strict=True))
    n, clusters = len(w), len(np.unique(who))

    def error(influence: Any) -> float:
        sums = np.array([influence[who == g].sum() for g in np.unique(who)]) / n
        return float(np.sqrt(clusters / (clusters - 1) * (sums**2).sum()))

    hajek, rest = (w * y).sum() / w.sum(), (w * (y - m)).sum() / w.sum()
    return {
        "ipw": ((w * y).mean(), error(w * y - (w * y).mean())),
        "hajek": (hajek, error(w * (y - hajek) / w.mean())),
        "model": (mu.mean(), error(mu - mu.mean())),
        "dr": ((mu + w * (y - m)).mean(), error(mu + w * (y - m) - (mu + w * (y - m)).mean())),
        "dr_hajek": (mu.mean() + rest, error(mu - mu.mean() + w * (y - m - rest) / w.mean())),
    }


def test_estimators_and_errors_follow_their_definitions() -> None:
    data = survey(30, seed=1)
    found = policy_value(data, POLICY, model=MODEL)
    for name, want in by_hand(data, POLICY, MODEL).items():
        np.testing.assert_allclose(getattr(found, name), want, rtol=1e-12, err_msg=name)


def test_the_design_itself_wins_half() -> None:
    found = policy_value(survey(40, seed=2), PROBS)
    np.testing.assert_allclose([found.ipw.value, found.hajek.value], 0.5, rtol=1e-14)
    assert found.effective_sample_size == pytest.approx(2 * 160)
    assert found.max_weight == pytest.approx(1.0)
    assert (found.model, found.dr, found.dr_hajek) == (None, None, None)


def test_without_residuals_dr_is_the_model() -> None:
    data = survey(20, seed=3)
    left, right = data.profiles[::2], data.profiles[1::2]
    exact = ConjointData.from_pairs(left, right, MODEL.predict(left, right), data.respondents, design=DESIGN)
    found = policy_value(exact, POLICY, model=MODEL)
    assert found.dr is not None
    assert found.dr_hajek is not None
    np.testing.assert_allclose([found.dr, found.dr_hajek], [found.model, found.model], rtol=1e-12)


def test_estimates_lie_around_the_truth() -> None:
    """Of a policy against the design, with the intercept on either side: within four errors."""
    data = survey(2_000, seed=4)
    pi, p, s = chances(POLICY), chances(PROBS), MODEL.score(PROFILES)
    gap = s[:, None] - s
    truth = pi @ (sigmoid(gap + MODEL.intercept) + sigmoid(gap - MODEL.intercept)) @ p / 2
    found = policy_value(data, POLICY, model=MODEL)
    for name in ("ipw", "hajek", "dr", "dr_hajek"):
        value, error = getattr(found, name)
        assert abs(value - truth) < 4 * error, name
    assert found.dr is not None
    assert found.dr.std_error < found.ipw.std_error


def test_an_electorate_weighs_its_groups() -> None:
    data = survey(40, seed=5)
    parts = [policy_value(part, POLICY) for part in data.by_group().values()]
    found = policy_value(data, POLICY, electorate={0: 0.8, 1: 0.2})
    assert found.ipw.value == pytest.approx(0.8 * parts[0].ipw.value + 0.2 * parts[1].ipw.value, rel=1e-13)
    only = policy_value(data, POLICY, electorate={0: 1.0})
    assert only.ipw.value == pytest.approx(parts[0].ipw.value, rel=1e-13)


def test_task_weights_repeat_tasks() -> None:
    data = survey(10, seed=6)
    twice = ConjointData(
        data.profiles,
        data.outcomes,
        data.respondents,
        design=DESIGN,
        offsets=data.offsets,
        weights=np.where(np.arange(40) < 20, 2.0, 1.0),
    )
    repeated = data.concat([data.subset(np.arange(20))])
    for name in ("ipw", "hajek"):
        value = getattr(policy_value(repeated, POLICY), name)
        np.testing.assert_allclose(getattr(policy_value(twice, POLICY), name), value, rtol=1e-12)


def test_single_profiles_are_rated_alone() -> None:
    model = OutcomeModel.from_scores(MAIN, design=DESIGN, link="identity", paired=False, intercept=2.0)
    rng = np.random.default_rng(7)
    shown = PROFILES[rng.choice(6, size=5_000, p=chances(PROBS))]
    data = ConjointData(shown, model.predict(shown) + rng.normal(size=5_000), np.arange(5_000), design=DESIGN)
    truth = 2.0 + 0.7 * 0.6 + 0.3 * -0.4 + 0.6 * 0.8
    found = policy_value(data, POLICY, model=model)
    assert found.model is not None
    assert found.model.value == pytest.approx(truth, rel=1e-13)
    assert abs(found.ipw.value - truth) < 4 * found.ipw.std_error


def test_clipped_weights_are_counted() -> None:
    data = survey(30, seed=8)
    found = policy_value(data, POLICY, clip=1.5)
    w = np.prod([np.divide(POLICY[d], PROBS[d])[data.profiles[:, d]] for d in range(2)], axis=0)
    assert found.clipped_share == pytest.approx((w > 1.5).mean())
    assert found.max_weight == pytest.approx(w.max())
    assert found.ipw.value == pytest.approx((np.minimum(w, 1.5) * data.outcomes).mean())


def test_folds_are_of_respondents_and_each_model_is_of_the_others() -> None:
    data = survey(60, seed=9)
    fold = np.arange(60) % 3
    seen: list[set[int]] = []

    def fit(part: ConjointData) -> OutcomeModel:
        seen.append(set(part.respondent_ids))
        return fit_outcome_logit(part)

    found = crossfit_policy_value(data, POLICY, fit=fit, folds=fold)
    assert seen == [set(np.flatnonzero(fold != k).tolist()) for k in range(3)]
    for k in range(3):
        model = fit_outcome_logit(data.subset(fold[data.respondents] != k))
        part = policy_value(data.subset(fold[data.respondents] == k), POLICY, model=model)
        assert part.dr is not None
        assert found.by_fold["dr"][k] == pytest.approx(part.dr.value, rel=1e-12)


def test_drawn_folds_depend_on_the_seed_alone() -> None:
    data = survey(50, seed=10)
    one, same, other = (
        crossfit_policy_value(data, POLICY, fit=fit_outcome_logit, folds=4, seed=seed) for seed in (0, 0, 1)
    )
    assert one.dr == same.dr
    assert one.dr != other.dr


def test_a_policy_may_be_learned_inside_each_fold() -> None:
    data = survey(60, seed=11)

    def learned(model: OutcomeModel) -> Any:
        weights = [np.exp(scores / 0.5) for scores in model.main]
        return [w / w.sum() for w in weights]

    found = crossfit_policy_value(data, learned, fit=fit_outcome_logit, folds=2)
    assert found.by_fold["dr_hajek"].shape == (2,)
    assert found.by_fold["model"].min() > 0.5


def test_the_one_error_rule_takes_a_stronger_pull() -> None:
    data = survey(300, seed=12)
    found = select_beta(data, [1.0, 0.01, 0.1, 10.0], fit=fit_outcome_logit)
    np.testing.assert_array_equal(found.betas, [0.01, 0.1, 1.0, 10.0])
    assert found.value[-1] == pytest.approx(0.5, abs=0.02)
    top = int(np.argmax(found.value))
    assert found.best == found.betas[top]
    within = found.betas[found.value >= found.value[top] - found.std_error[top]]
    assert found.one_se == within.max() >= found.best


def data() -> ConjointData:
    return survey(4, seed=13)


RESTRICTED = Design([2, 3], restrictions=[(0, 0, 1, 0)])
SINGLE = ConjointData([[0, 0], [1, 1]], [1.0, 0.0], [0, 1], design=DESIGN)
THREE = ConjointData([[0, 0], [1, 1], [1, 2]], [1.0, 0.0, 0.0], [0], design=DESIGN, offsets=[0, 3])
ZERO = Design([2, 3], probs=[[1.0, 0.0], [0.2, 0.5, 0.3]])
ONE_LEVEL = ConjointData.from_pairs([[0, 1]], [[0, 2]], [1], [0], design=ZERO)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: policy_value([1], POLICY), TypeError, "data must be ConjointData, got a list"),
        (
            lambda: policy_value(data(), POLICY[:1]),
            ShapeError,
            "policy must hold one array for each of 2 factors",
        ),
        (lambda: policy_value(data(), [[0.5, 0.4], POLICY[1]]), DomainError, r"policy\[0\] must add up to 1, got 0.9"),
        (lambda: policy_value(data(), [[0.5, 0.5], [0.5, 0.5]]), ShapeError, r"policy\[1\] must have length 3"),
        (lambda: policy_value(data(), "kl"), TypeError, "policy must hold one array for each factor, got a str"),
        (
            lambda: policy_value(ONE_LEVEL, POLICY),
            DomainError,
            r"policy\[0\] must be 0 where the design is, .*'1' of 'f0'",
        ),
        (lambda: policy_value(THREE, POLICY), ShapeError, "tasks of 2 profiles each, or of 1, got 3 to 3"),
        (
            lambda: policy_value(SINGLE, POLICY, opponent=POLICY),
            DomainError,
            "opponent must be None where profiles are",
        ),
        (
            lambda: policy_value(SINGLE, POLICY, model=MODEL),
            DomainError,
            "model must be of single profiles like the data",
        ),
        (
            lambda: policy_value(ConjointData([[1, 1]], [1.0], [0], design=RESTRICTED), POLICY),
            DomainError,
            "without restrictions",
        ),
        (lambda: policy_value(data(), POLICY, clip=0.0), DomainError, "clip must be a number > 0"),
        (lambda: policy_value(SINGLE, POLICY, electorate={0: 1.0}), DomainError, "electorate needs data with groups"),
        (
            lambda: policy_value(data(), POLICY, electorate={0: 0.5}),
            DomainError,
            "electorate must add up to 1, got 0.5",
        ),
        (lambda: policy_value(data(), POLICY, electorate={7: 1.0}), DomainError, r"groups of the data \(0, 1\), got 7"),
        (lambda: policy_value(data(), POLICY, electorate=[1.0]), TypeError, "electorate must map groups to shares"),
        (
            lambda: crossfit_policy_value(data(), POLICY, fit=fit_outcome_logit, folds=5),
            DomainError,
            "folds must be 2 to 4",
        ),
        (
            lambda: crossfit_policy_value(data(), POLICY, fit=fit_outcome_logit, folds=[0]),
            ShapeError,
            "length 4 like resp",
        ),
        (
            lambda: crossfit_policy_value(data(), POLICY, fit=fit_outcome_logit, folds=[0, 2, 2, 0]),
            DomainError,
            "folds must be 0, 1, ... without a gap",
        ),
        (lambda: policy_value(data(), POLICY, model=3), TypeError, "model must be an OutcomeModel, got a int"),
        (lambda: crossfit_policy_value(data(), POLICY, fit=3, folds=2), TypeError, "fit must be a function, got 3"),
        (
            lambda: crossfit_policy_value(data(), POLICY, fit=fit_outcome_logit, folds=[[0], [1, 0]]),
            ShapeError,
            "folds must be rectangular",
        ),
        (lambda: select_beta(data(), [], fit=fit_outcome_logit), ShapeError, "betas must hold at least one number"),
        (
            lambda: select_beta(data(), [-1.0], fit=fit_outcome_logit),
            DomainError,
            r"betas\[0\] must be a finite number >=",
        ),
    ],
)
def test_what_is_wrong_is_named(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()

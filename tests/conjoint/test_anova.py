"""The sum-to-zero form of scores, by its definition over all profiles."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from conjoint.answers import choices
from prefcore.conjoint import Design, OutcomeModel, fit_outcome_logit
from prefcore.errors import DomainError, ShapeError

PROBS = [[0.3, 0.7], [0.2, 0.5, 0.3], [0.1, 0.2, 0.3, 0.4]]
DATA = choices(800, 21)
PROFILES = np.array(list(product(range(2), range(3), range(4))))


def close(got: Any, want: Any, atol: float = 1e-12) -> None:
    np.testing.assert_allclose(got, want, rtol=0, atol=atol)


def naive(scores: Any, probs: Any) -> tuple[float, Any, Any]:
    """Means of a score over all profiles."""
    weights = np.prod([np.asarray(p)[PROFILES[:, d]] for d, p in enumerate(probs)], axis=0)
    mean = (weights * scores).sum()

    def given(conditions: dict[int, int]) -> float:
        seen = np.all([PROFILES[:, d] == level for d, level in conditions.items()], axis=0)
        return float((weights * scores)[seen].sum() / weights[seen].sum())

    main = [np.array([given({d: a}) - mean for a in range(len(p))]) for d, p in enumerate(probs)]
    inter = {
        (d, e): np.array(
            [
                [given({d: a, e: b}) - main[d][a] - main[e][b] - mean for b in range(len(probs[e]))]
                for a in range(len(probs[d]))
            ]
        )
        for d, e in [(0, 1), (0, 2), (1, 2)]
    }
    return mean, main, inter


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_parts_are_conditional_means(ridge: float) -> None:
    model = fit_outcome_logit(DATA, interactions="all", ridge=ridge, ridge_interactions=ridge)
    found = model.anova(probs=PROBS)
    mean, main, inter = naive(model.score(PROFILES), PROBS)
    close(found.mean, mean)
    for got, want in zip(found.main, main, strict=True):
        close(got, want)
    assert list(found.inter) == list(inter)
    for pair, want in inter.items():
        close(found.inter[pair], want)


def test_parts_add_up_to_the_score() -> None:
    model = fit_outcome_logit(DATA, interactions=[(0, 2)])
    found = model.anova(probs={"f1": [0.2, 0.5, 0.3]})
    total = found.mean + sum(scores[PROFILES[:, d]] for d, scores in enumerate(found.main))
    close(total + found.inter[0, 2][PROFILES[:, 0], PROFILES[:, 2]], model.score(PROFILES))


def test_the_covariance_maps_linearly() -> None:
    model = fit_outcome_logit(DATA, interactions=[(0, 1), (1, 2)])
    found = model.anova(probs=PROBS)
    assert found.covariance is not None
    assert model.covariance is not None

    def flat(coef: Any) -> Any:
        moved = OutcomeModel.from_scores(*scores_of(coef), design=DATA.design).anova(probs=PROBS)
        return np.concatenate([[moved.mean], *moved.main, *(table.ravel() for table in moved.inter.values())])

    jacobian = np.array([flat(unit) for unit in np.eye(len(model.coef) - 1)])
    close(found.covariance, jacobian.T @ model.covariance[1:, 1:] @ jacobian, 1e-13)
    assert np.linalg.matrix_rank(found.covariance) == len(model.coef) - 1
    margins = np.split(found.covariance, [1, 3, 6, 10], axis=1)[1:4]
    for margin, p in zip(margins, PROBS, strict=True):
        close(margin @ p, 0, 1e-14)


def scores_of(coef: Any) -> tuple[Any, Any]:
    """Contrasts of the design 2, 3, 4 with pairs (0, 1), (1, 2) as tables, written out."""
    main = [[0, coef[0]], [0, *coef[1:3]], [0, *coef[3:6]]]
    one, two = np.zeros((2, 3)), np.zeros((3, 4))
    one[1, 1:], two[1:, 1:] = coef[6:8], coef[8:14].reshape(2, 3)
    return main, {(0, 1): one, (1, 2): two}


def test_importance_of_a_factor_is_its_variance() -> None:
    """Parts are orthogonal under the probabilities: their variances add up to that of the score."""
    model = fit_outcome_logit(DATA, interactions="all")
    found = model.anova(probs=PROBS)
    weights = np.prod([np.asarray(p)[PROFILES[:, d]] for d, p in enumerate(PROBS)], axis=0)
    scores = model.score(PROFILES)
    variance = (weights * (scores - weights @ scores) ** 2).sum()
    main = sum(np.asarray(p) @ a**2 for p, a in zip(PROBS, found.main, strict=True))
    inter = sum(np.asarray(PROBS[d]) @ table**2 @ np.asarray(PROBS[e]) for (d, e), table in found.inter.items())
    close(main + inter, variance)


def test_default_probabilities_are_the_design_s() -> None:
    design = Design([2], probs=[[0.25, 0.75]])
    found = OutcomeModel.from_scores([[0.0, 1.0]], design=design).anova()
    assert found.mean == 0.75
    assert found.covariance is None
    close(found.main[0], [-0.75, 0.25])
    assert repr(found).startswith("Anova(mean=0.75, main=")


def test_what_it_refuses() -> None:
    model = fit_outcome_logit(DATA)
    with pytest.raises(ShapeError, match="probs must hold one array for each of 3 factors, got 1"):
        model.anova(probs=[[0.5, 0.5]])
    with pytest.raises(DomainError, match=r"probs\[0\] must add up to 1, got 0.6"):
        model.anova(probs=[[0.3, 0.3], None, None])

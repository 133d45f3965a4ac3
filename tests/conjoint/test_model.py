"""Models of known scores: what they predict, their contrasts, and what is refused."""

from typing import Any

import numpy as np
import pytest

from prefcore.conjoint import ConjointData, Design, OutcomeModel, fit_outcome_logit
from prefcore.errors import DomainError, ShapeError

DESIGN = Design([2, 3])
MAIN = [[0.5, 1.5], [0.0, -1.0, 2.0]]
TABLE = [[0.1, 0.2, 0.3], [0.4, -0.5, 0.6]]
PROFILES = np.array([[0, 0], [1, 2], [1, 1]])


def test_scores_are_sums_of_levels_and_cells() -> None:
    model = OutcomeModel.from_scores(MAIN, {(0, 1): TABLE}, design=DESIGN)
    np.testing.assert_allclose(model.score(PROFILES), [0.6, 4.1, 0.0], atol=1e-15)


def test_of_pairs_the_difference_counts_and_of_single_profiles_the_score() -> None:
    pairs = OutcomeModel.from_scores(MAIN, design=DESIGN, intercept=0.25)
    gap = 0.25 + 3.5 - 0.5
    np.testing.assert_allclose(pairs.predict([[1, 2]], [[0, 0]]), 1 / (1 + np.exp(-gap)), rtol=1e-15)
    single = OutcomeModel.from_scores(MAIN, design=DESIGN, intercept=0.25, link="identity", paired=False)
    np.testing.assert_allclose(single.predict(PROFILES), [0.75, 3.75, 0.75])


def test_contrasts_to_level_0_give_the_same_differences() -> None:
    model = OutcomeModel.from_scores(MAIN, {(0, 1): TABLE}, design=DESIGN, covariance=np.eye(6))
    assert model.has_intercept
    one, two, three, cell, other = model.coef[1:]
    zero = OutcomeModel.from_scores([[0, one], [0, two, three]], {(0, 1): [[0, 0, 0], [0, cell, other]]}, design=DESIGN)
    everything = np.array([[a, b] for a in range(2) for b in range(3)])
    shift = model.score(everything) - zero.score(everything)
    np.testing.assert_allclose(shift, shift[0], atol=1e-15)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: OutcomeModel.from_scores(MAIN, design=3), TypeError, "design must be a Design, got a int"),
        (
            lambda: OutcomeModel.from_scores(3, design=DESIGN),
            TypeError,
            "main must hold one array for each factor, got 3",
        ),
        (
            lambda: OutcomeModel.from_scores(MAIN[:1], design=DESIGN),
            ShapeError,
            "one array for each of 2 factors, got 1",
        ),
        (
            lambda: OutcomeModel.from_scores([[0.0], MAIN[1]], design=DESIGN),
            ShapeError,
            r"main\[0\] must have shape \[2\]",
        ),
        (lambda: OutcomeModel.from_scores(MAIN, [TABLE], design=DESIGN), TypeError, "inter must map pairs of factors"),
        (lambda: OutcomeModel.from_scores(MAIN, {(1, 0): TABLE}, design=DESIGN), DomainError, r"keys, got \(1, 0\)"),
        (
            lambda: OutcomeModel.from_scores(MAIN, {(0, 1): [[0.0]]}, design=DESIGN),
            ShapeError,
            r"inter\[0, 1\] must have",
        ),
        (
            lambda: OutcomeModel.from_scores(MAIN, design=DESIGN, link="probit"),
            DomainError,
            "link must be 'logit' or 'id",
        ),
        (
            lambda: OutcomeModel.from_scores(MAIN, design=DESIGN, covariance=[[1.0]]),
            ShapeError,
            r"covariance must be \[3",
        ),
        (lambda: OutcomeModel.from_scores(MAIN, design=DESIGN).predict([[0, 0]]), DomainError, "right must be given"),
        (
            lambda: OutcomeModel.from_scores(MAIN, design=DESIGN).score([[0, 3]]),
            DomainError,
            r"profiles\[0, 1\] must be",
        ),
        (
            lambda: fit_outcome_logit(ConjointData([[0, 0]], [1.0], [0], design=DESIGN), interactions=3),
            TypeError,
            'interactions must be "all", or list pairs of factors, got 3',
        ),
    ],
)
def test_what_is_wrong_is_named(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()

"""What is wrong with the input of reports and choices on arrays, in words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prefcore.errors import DomainError, RankDeficientError, ShapeError
from prefcore.papers import (
    action_preference,
    anyprefer,
    curry_dpo,
    follow_up_likelihood,
    gpm,
    mcts_dpo,
    medical_rpo,
    negotiative_alignment,
    psychocounsel,
    ranklist,
    regularized_relevance,
    themis,
    weak_to_strong_deception,
    wimhf,
    worldpm,
)

CYCLE = [[1.0, 0.0], [-0.5, 0.8660254037844386], [-0.5, -0.8660254037844386]]
ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "temperature": (lambda: gpm.rank(CYCLE, temperature=0.0), DomainError, r"temperature must be .* > 0, got 0\.0"),
    "embeddings": (lambda: gpm.rank([[1.0, 2.0, 3.0]]), ShapeError, r"embeddings must be \[n, 2k\]"),
    "beta": (lambda: gpm.equilibrium(CYCLE, np.zeros(3), beta=0.0), DomainError, "beta"),
    "outcomes": (lambda: curry_dpo.adjusted_win_rate([1, 2]), DomainError, r"outcomes\[1\] must be in \[0, 1\], got 2"),
    "scores": (lambda: ranklist.evaluate([1.0], [1.0, 2.0]), ShapeError, r"labels must have shape \[1\] like scores"),
    "gold": (
        lambda: regularized_relevance.monotonicity([1.0, 2.0], [1.0]),
        ShapeError,
        r"gold must have shape \[2\] like proxy, got \[1\]",
    ),
    "after": (
        lambda: negotiative_alignment.compare([1.0], [-1.0], low=0.0, high=1.0),
        DomainError,
        r"after\[0\] must be a finite number >= 0, got -1\.0",
    ),
    "one rater": (
        lambda: negotiative_alignment.disagreement([[1, 2]]),
        ShapeError,
        r"ratings must be \[raters, units\] of two raters or more, got \[1, 2\]",
    ),
    "21 items": (
        lambda: negotiative_alignment.package(np.ones((1, 21)), np.ones(21), 1.0),
        ShapeError,
        r"up to 20 items, and costs \[items\], got \[1, 21\] and \[21\]",
    ),
    "budget": (
        lambda: negotiative_alignment.package([[1.0]], [1.0], -1.0),
        DomainError,
        r"budget must be a finite number >= 0, got -1\.0",
    ),
    "no child": (lambda: mcts_dpo.select([], [], [], 1), ShapeError, "q must have at least one child, got none"),
    "pair reward": (
        lambda: anyprefer.synthesize([1.0, 2.0], [0, 2], [1.0, 2.0], threshold=0.0),
        ShapeError,
        r"pair_reward must have an entry for each of 1 prompts, got \[2\]",
    ),
    "unrewarded": (
        lambda: anyprefer.synthesize([1.0, 2.0], [0, 2], [np.nan], threshold=0.0),
        DomainError,
        r"pair_reward\[0\] must be a number where there is a pair, got NaN",
    ),
    "threshold": (
        lambda: anyprefer.synthesize([1.0, 2.0], [0, 2], [1.0], threshold=np.inf),
        DomainError,
        "threshold must be a finite number, got inf",
    ),
    "task": (lambda: themis.evaluate([1.0], [0.0], ["a", "b"]), ShapeError, r"task must have shape \[1\] like chosen"),
    "flat feature": (
        lambda: wimhf.features([[1.0, 2.0], [0.0, 2.0]], np.zeros((2, 0)), [1, 0], ridge=1.0),
        RankDeficientError,
        r"code\[:, 1\] must not be the same everywhere",
    ),
    "labels": (
        lambda: wimhf.features([[1.0], [0.0]], np.zeros((2, 0)), [1, 2]),
        DomainError,
        r"labels\[1\] must be 0 or 1, got 2\.0",
    ),
    "controls": (
        lambda: wimhf.features([[1.0], [0.0]], [1.0, 2.0], [1, 0]),
        ShapeError,
        r"controls \[N, C\], got \[2, 1\], \[2\] and \[2\]",
    ),
    "too many": (
        lambda: wimhf.select([[1.0], [0.0]], np.zeros((2, 0)), [1, 0], n_select=2),
        DomainError,
        "n_select must be 1 to 1, got 2",
    ),
    "twice the same": (
        lambda: wimhf.select([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]], np.zeros((3, 0)), [1, 0, 1], n_select=2),
        DomainError,
        "n_select must be a size that the path comes to, got 2, the largest is 1",
    ),
    "no news": (
        lambda: wimhf.select([[1.0, 1.0], [0.0, 2.0], [3.0, 4.0]], [[1.0], [2.0], [4.0]], [1, 0, 1], n_select=1),
        RankDeficientError,
        r"code\[:, 1\] must not be a combination of the controls",
    ),
    "feature": (lambda: wimhf.relabel([1], [[1.0]], 1), DomainError, "feature must be 0 to 0, got 1"),
    "rating": (
        lambda: follow_up_likelihood.evaluate([1.0], [0.0], [np.nan]),
        DomainError,
        r"rating\[0\] must be a finite number, got NaN",
    ),
    "confident": (
        lambda: weak_to_strong_deception.confident([0.5], threshold=0.4),
        DomainError,
        r"threshold must be in \[1/2, 1\], got 0\.4",
    ),
    "prob": (
        lambda: weak_to_strong_deception.confident([1.5]),
        DomainError,
        r"prob\[0\] must be in \[0, 1\], got 1\.5",
    ),
    "explained": (
        lambda: medical_rpo.stability([True], [1]),
        TypeError,
        r"explained_ok must be bool, got dtype int64; call .astype\(bool\)",
    ),
    "principles": (
        lambda: psychocounsel.pairs([1, 2], [0, 2]),
        ShapeError,
        r"principles must be \[n, principles\], got \[2\]",
    ),
    "half points": (
        lambda: psychocounsel.pairs([[1.5], [2.0]], [0, 2]),
        TypeError,
        "principles must hold integers, got dtype float64",
    ),
    "gap": (
        lambda: psychocounsel.pairs([[1], [2]], [0, 2], min_gap=-1.0),
        DomainError,
        r"min_gap must be a finite number >= 0, got -1\.0",
    ),
    "label": (lambda: psychocounsel.evaluate([0.5], [0.5]), DomainError, r"label\[0\] must be 0 or 1, got 0\.5"),
    "bins": (lambda: psychocounsel.evaluate([0.5], [1], bins=0), DomainError, "bins must be 1 to .*got 0"),
    "shares": (
        lambda: action_preference.sample(["correct"], correct=0.8, interaction=0.5),
        DomainError,
        r"correct \+ interaction must be at most 1, got 1\.3",
    ),
    "sizes": (lambda: worldpm.scaling_law([1.0, -2.0], [1.0, 2.0]), DomainError, r"sizes\[1\] must be .*got -2"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_came(name: str) -> None:
    function, error, text = ERRORS[name]
    with pytest.raises(error, match=text):
        function()

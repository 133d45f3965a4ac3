"""Papers that are a rule for pairs: recipes over `pairs`, on records, by their definition, and their errors."""

from typing import Any

import numpy as np
import pytest

from prefcore.errors import DomainError, ShapeError
from prefcore.pairs import best_worst
from prefcore.papers import (
    delta_learning,
    dr_sow,
    drift,
    evolve,
    follow_up_likelihood,
    fusechat3,
    infifpo,
    osp,
    suboptimal_on_policy,
)


def test_best_and_worst_of_chains_and_samples() -> None:
    rng = np.random.default_rng(0)
    scores, offsets = rng.integers(0, 4, size=20) / 2, [0, 6, 6, 11, 20]
    for pairs in (evolve.pairs, dr_sow.pairs, infifpo.pairs, follow_up_likelihood.pairs):
        for got, want in zip(pairs(scores, offsets), best_worst(scores, offsets=offsets), strict=True):
            np.testing.assert_array_equal(got, want)


def test_samples_that_differ_by_more_than_a_threshold() -> None:
    """onpolicy/threshold_mask: the gap has to exceed it."""
    found = suboptimal_on_policy.pairs([1.0, 0.5, 0.25], [0, 3], threshold=0.25)
    assert [column.tolist() for column in found[:2]] == [[0, 0], [1, 2]]


def test_same_source_pairs_of_several_prompts() -> None:
    """Prompts are counted, sources stay apart, and the window is closed at both ends."""
    scores = np.array([10, 11, 20, 30, 14, 10, 40, 41], dtype=np.int64)
    prompt, source = ["p", "p", "p", "p", "q", "q", "q", "q"], ["a", "a", "b", "b", "a", "a", "b", "b"]
    found = fusechat3.pairs(scores, prompt, source, min_gap=1, max_gap=4)
    assert [column.tolist() for column in found] == [[1, 4, 7], [0, 5, 6], [1, 4, 1], [0, 1, 1]]
    with pytest.raises(DomainError, match=r"prompt\[2\] must be an id that had no run before"):
        fusechat3.pairs([1.0, 2.0, 3.0], [0, 1, 0], [0, 0, 0])


def test_larger_models_beat_smaller_ones_unless_they_say_the_same() -> None:
    """delta.ladder_pairs: levels 2, 1, 0 of a prompt; the first and the last text are equal."""
    found = delta_learning.pairs([2, 1, 0], [0, 3], ["x", "y", "x"])
    assert [column.tolist() for column in found] == [[0, 1], [1, 2], [1, 1], [0, 0]]
    with pytest.raises(ShapeError, match=r"text_id must have an entry for each of 3 rows, got \[2\]"):
        delta_learning.pairs([2, 1, 0], [0, 3], ["x", "y"])


def test_fresh_samples_against_dissatisfying_replies() -> None:
    """drift/pairs: (y0+, y0-), (y1+, y1-); equality 6 drops equal texts."""
    fresh, replies = ["y0+", "y1+", "same"], ["y0-", "y1-", "same"]
    found = drift.pairs(fresh, replies)
    texts = [text for both in zip(fresh, replies, strict=True) for text in both]
    pairs = [[texts[c], texts[r]] for c, r in zip(found.chosen, found.rejected, strict=True)]
    assert pairs == [["y0+", "y0-"], ["y1+", "y1-"]]
    assert found.group.tolist() == [0, 1]
    assert drift.pairs([7, 8], [7, 9]).group.tolist() == [1]
    with pytest.raises(ShapeError, match=r"fresh_id and dissatisfied_id must be \[N\] both, got \[1\] and \[2\]"):
        drift.pairs(["a"], ["b", "c"])


def test_responses_ranked_by_their_probability_to_win() -> None:
    """osp.ranked_pairs: both orders averaged, means without the diagonal, pairs down the ranking."""
    p = np.array([[0.5, 0.8, 0.7, 0.9], [0.4, 0.5, 0.6, 0.7], [0.2, 0.5, 0.5, 0.4], [0.3, 0.4, 0.7, 0.5]])
    debiased = (p + 1 - p.T) / 2
    order = np.argsort(-((debiased.sum(1) - 0.5) / 3)).tolist()
    assert order == [0, 1, 3, 2]
    every, neighbors = osp.ranked_pairs(p), osp.ranked_pairs(p, adjacent=True)
    assert every.chosen.tolist() == [0, 0, 0, 1, 1, 3]
    assert every.rejected.tolist() == [1, 3, 2, 3, 2, 2]
    np.testing.assert_allclose(every.prob, debiased[every.chosen, every.rejected], rtol=1e-15)
    assert [neighbors.chosen.tolist(), neighbors.rejected.tolist()] == [[0, 1, 3], [1, 3, 2]]
    other = p.copy()
    np.fill_diagonal(other, np.nan)
    np.testing.assert_array_equal(osp.ranked_pairs(other).prob, every.prob)
    assert p[0, 0] == 0.5


@pytest.mark.parametrize(("p_first", "error", "message"), [
    ([[0.5, 1.5], [0.5, 0.5]], DomainError, r"p_first\[0, 1\] must be in \[0, 1\], got 1.5"),
    ([[0.5, 0.5], [np.nan, 0.5]], DomainError, r"p_first\[1, 0\] must be in \[0, 1\], got NaN"),
    ([[0.5]], ShapeError, r"p_first must be \[K, K\] with K >= 2, got \[1, 1\]"),
    ([[0.5, 0.5]], ShapeError, r"p_first must be \[K, K\] with K >= 2, got \[1, 2\]"),
])  # fmt: skip
def test_matrices_that_are_none(p_first: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        osp.ranked_pairs(p_first)

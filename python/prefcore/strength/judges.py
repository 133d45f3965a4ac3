"""Labels and confidence from judges: two orders of showing, several votes, visits of a search."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Array

__all__ = ["Debiased", "Vote", "majority_vote", "position_debiased", "visit_confidence"]


class Debiased(NamedTuple):
    """Preferences without the bias for a position; of the shape of the input."""

    p: NDArray[np.float64]
    """Probability that a is better, the mean over both orders."""
    consistent: NDArray[np.bool_]
    """Whether both orders name the same winner, or both a tie."""


class Vote(NamedTuple):
    """Votes of each group; [G], or one number each for one group."""

    label: NDArray[np.int8] | Any
    """+1, -1, or 0 for as many votes on either side."""
    agreement: NDArray[np.float64] | Any
    """Votes of the larger side among all votes, those for a tie included; NaN without a vote."""


def position_debiased(p_ab: Any, p_ba: Any) -> Debiased:
    """Average the verdicts of a judge that saw two responses in both orders.

    p = 1/2 + (p_ab - p_ba) / 2

    A label is `p > 0.5`; ties are the caller's. In sums of both orders, as some scripts have them, a has 2 p.

    Args:
        p_ab: [N] probabilities that the response shown first is better, a shown first.
        p_ba: [N] the same, b shown first.
    Returns: Debiased [N].
    Raises: DomainError (outside [0, 1], NaN), ShapeError, TypeError.
    Source: LLM-as-a-judge, Zheng et al. 2023, sec. 3.4; Dissecting Human and LLM Preferences (arXiv 2402.11296).

    >>> position_debiased([0.8, 0.55], [0.4, 0.5]).p
    array([0.7  , 0.525])
    """
    first, second = _arrays.floats("p_ab", p_ab), _arrays.floats("p_ba", p_ba)
    _arrays.same_shape(p_ab=first, p_ba=second)
    for name, p in (("p_ab", first), ("p_ba", second)):
        _arrays.refuse(name, p, ~((p >= 0) & (p <= 1)), "in [0, 1]")
    return Debiased(0.5 + (first - second) / 2, np.sign(first - 0.5) == np.sign(0.5 - second))


def majority_vote(votes: Any, *, offsets: Any = None) -> Vote:
    """Label each group by the majority of its votes.

    label = sign(sum of the votes),  agreement = max(#{+1}, #{-1}) / #votes

    Ties are votes for neither: a group of ties alone has label 0 and agreement 0.

    Args:
        votes: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; +1 for a, -1 for b, 0 for a
            tie.
        offsets: int [G + 1] boundaries of the groups of 1-D votes.
    Returns: Vote [G], or one number each for one group.
    Raises: DomainError (other votes, NaN), ShapeError, TypeError.
    Source: self-consistency, Wang et al. 2023; Self-Reference AI Feedback (arXiv 2406.11190).

    >>> majority_vote([1, 1, -1, 1, -1, 0], offsets=[0, 4, 6])
    Vote(label=array([ 1, -1], dtype=int8), agreement=array([0.75, 0.5 ]))
    """
    data = _arrays.grouped(offsets, votes=votes)
    flat = data.columns[0]
    _arrays.refuse("votes", flat, (flat != 1) & (flat != 0) & (flat != -1), "+1, 0 or -1")
    _rust.validate_offsets(data.offsets, len(flat))
    above, below = (_counts(flat == side, data.offsets) for side in (1, -1))
    with np.errstate(invalid="ignore"):  # 0 / 0 of an empty group
        agreement = np.maximum(above, below) / np.diff(data.offsets)
    label = np.sign(above - below).astype(np.int8)
    return Vote(label[0], agreement[0]) if data.single else Vote(label, agreement)


def visit_confidence(visits_better: Any, visits_worse: Any) -> NDArray[np.float64]:
    """Confidence of a preference between two steps of a tree search, from how often each was visited.

    confidence = 1 / (1 + N_worse / max(1, N_better))

    The label smoothing of MCTS-DPO is `np.minimum(1 - visit_confidence(better, worse), 0.5)`.

    Args:
        visits_better: [N] visits of the better steps, >= 0 and finite.
        visits_worse: [N] those of the worse ones.
    Returns: float64 [N] in (0, 1].
    Raises: DomainError, ShapeError, TypeError.
    Source: MCTS-DPO, Xie et al. 2024 (arXiv 2405.00451), sec. 2.2; YuxiXie/MCTS-DPO.

    >>> visit_confidence([7, 3, 0], [2, 3, 5]).round(4)
    array([0.7778, 0.5   , 0.1667])
    """
    better, worse = _arrays.floats("visits_better", visits_better), _arrays.floats("visits_worse", visits_worse)
    _arrays.same_shape(visits_better=better, visits_worse=worse)
    for name, visits in (("visits_better", better), ("visits_worse", worse)):
        _arrays.finite(name, visits, 0.0)
    return np.asarray(1 / (1 + worse / np.maximum(1, better)))


def _counts(passes: NDArray[np.bool_], offsets: Array) -> NDArray[np.int64]:
    """Rows of each group that pass: differences of a running count, because `add.reduceat` errs at an empty group."""
    running = np.concatenate([[0], np.cumsum(passes)])
    return np.diff(running[offsets])

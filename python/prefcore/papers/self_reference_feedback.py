"""Aligning language models from self-reference AI feedback with one general principle (arXiv 2406.11190)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.strength import Vote

__all__ = ["labels", "loss", "strength"]


def strength(verdict_a: Any, verdict_b: Any, mask_a: Any, mask_b: Any) -> NDArray[np.float64]:
    """How much likelier an AI judge finds the verdict "a is better" than "b is better", over the orders of showing.

    mean_o (mean_t verdict_a - mean_t verdict_b), the logarithm of a ratio of perplexities; > 0: a is better

    Args:
        verdict_a: [N, O, T] log-probs of the tokens of the verdict for a, in nats, in each of O orders.
        verdict_b: [N, O, U] of the verdict for b.
        mask_a: [N, O, T] bool, True = counts; at least one token a verdict.
        mask_b: [N, O, U] bool.
    Returns: float64 [N] in nats per token, the margins of `loss`.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract: semantic perplexity as the strength of a preference; equation derived.

    >>> ones = np.ones((1, 2, 2), bool)
    >>> strength([[[-0.2, -0.4], [-0.5, -0.5]]], [[[-0.9, -0.9], [-0.6, -0.6]]], ones, ones).round(4)
    array([0.35])
    """
    from prefcore.strength import ensemble_margin_stats

    a, b = _means("verdict_a", verdict_a, "mask_a", mask_a), _means("verdict_b", verdict_b, "mask_b", mask_b)
    if a.shape != b.shape:
        came = f"{list(a.shape)} and {list(b.shape)}"
        raise ShapeError(f"verdict_a and verdict_b must be of the same N pairs in the same O orders, got {came}")
    return ensemble_margin_stats((a - b).T, ddof=0).mean


def _means(name: str, verdict: Any, mask_name: str, mask: Any) -> NDArray[np.float64]:
    """[N, O] mean log-prob of each verdict."""
    x, counts = _arrays.floats(name, verdict), _arrays.mask(mask_name, mask)
    _arrays.same_shape(**{name: x, mask_name: counts})
    x = _arrays.finite(name, np.where(counts, x, 0.0))
    if x.ndim != 3 or x.shape[1] == 0:
        raise ShapeError(f"{name} must be [N, O, T] with O > 0, got {list(x.shape)}")
    n = counts.sum(2)
    if (n == 0).any():
        pair, order = np.argwhere(n == 0)[0].tolist()
        raise DomainError(f"{mask_name}[{pair}, {order}] must count a token, got False in all")
    return np.asarray((x / n[:, :, None]).sum(2))  # no sum overflows


def labels(votes: Any) -> Vote:
    """The majority of a judge's votes on each pair, asked several times: `strength.majority_vote`.

    Args:
        votes: [N, K] +1 for a, -1 for b, 0 for a tie or a verdict that cannot be read; four in the paper.
    Returns: Vote(label, agreement) [N]; label 0 where neither side has more, a pair that the paper drops.
    Raises: ShapeError, DomainError, TypeError.
    Source: data of rbao2018/self_ref_feedback, majority of four; the rule for ties is derived.

    >>> labels([[1, 1, -1, 1], [1, -1, -1, 1], [-1, -1, -1, 0]])
    Vote(label=array([ 1,  0, -1], dtype=int8), agreement=array([0.75, 0.5 , 0.75]))
    """
    from prefcore.strength import majority_vote

    if (given := _arrays.to_numpy("votes", votes)).ndim != 2:
        raise ShapeError(f"votes must be [N, K], got {list(given.shape)}")
    return majority_vote(votes)


def loss(chosen: Tensor, rejected: Tensor, margin: Num) -> Tensor:
    """Reward-model loss with the strength of each pair as its margin: `losses.bradley_terry`.

    loss = log(1 + exp(margin - (chosen - rejected)))

    The official code takes that literally, and overflows in f32 from 89 on; here a wrong pair costs its gap. It also
    adds the language-model loss of the chosen answer, times a coefficient (1 in its arguments, 1e-6 in its class): the
    caller's to add.

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
        margin: reward gap that is asked for, as `strength`; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN rewards give NaN, a NaN `margin` raises.
    Raises: ShapeError, DomainError, TypeError.
    Source: `LogExpWithLMLoss` in RLXF/trainer/rm_trainer.py of rbao2018/self_ref_feedback.

    >>> loss(torch.tensor([1.5, 0.0]), torch.tensor([0.5, 90.0]), torch.tensor([1.0, 0.5]))
    tensor([ 0.6931, 90.5000])
    """
    from prefcore.losses import bradley_terry

    return bradley_terry(chosen, rejected, margin=margin)

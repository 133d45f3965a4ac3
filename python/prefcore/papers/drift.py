"""DRIFT: learning from abundant user dissatisfaction (arXiv 2510.02341)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs

__all__ = ["Floor", "gradient_floor", "loss", "pairs"]


class Floor(NamedTuple):
    """A lower bound of the mean length of a gradient."""

    event: NDArray[np.bool_]
    """[B] whether the weight of a pair is at least tau."""
    probability: float
    """Share of such pairs."""
    bound: float
    actual: float
    """The mean that `bound` lies below."""


def loss(chosen: Tensor, rejected: Tensor, chosen_nll: Tensor, *, beta: Num = 0.1, nll_weight: Num = 0.001) -> Tensor:
    """DPO on a fresh sample against a reply that a user was not satisfied with, and a little likelihood.

    loss = dpo(chosen, rejected) + nll_weight chosen_nll

    Args:
        chosen: [B] log-ratios policy - reference of fresh samples, in nats.
        rejected: [B] log-ratios of the dissatisfying replies.
        chosen_nll: [B] negative log-likelihood of the fresh samples per token, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
        nll_weight: weight of the second term (`rpo_alpha`), >= 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: beta and `rpo_alpha` in configs/qwen2.5-7b and configs/qwen2.5-14b of cacayaya/DRIFT.

    >>> loss(torch.tensor([0.0]), torch.tensor([0.0]), torch.tensor([1.5]), nll_weight=0.1)
    tensor([0.8431])
    """
    from prefcore._checks import nonnegative, per_example
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    chosen, rejected, chosen_nll = alike(chosen=chosen, rejected=rejected, chosen_nll=chosen_nll)
    nonnegative(nll_weight=nll_weight)
    return dpo(chosen, rejected, beta=beta) + per_example("nll_weight", nll_weight, chosen) * chosen_nll


def gradient_floor(margin: Any, grad_difference: Any, *, beta: float = 0.1, tau: float) -> Floor:
    """Floor of the gradient of DPO: it stays away from 0 as long as some pairs are still hard.

    actual = mean_b beta sigmoid(-margin) |grad|  >=  bound = beta tau P(event) E[|grad| given event]
    event = 1[sigmoid(-margin) >= tau]

    Args:
        margin: [B] beta times the difference of the log-ratios of fresh sample and dissatisfying reply.
        grad_difference: [B] norms of the difference of the gradients of their log-probs, >= 0.
        beta: strength of the pull to the reference, > 0.
        tau: weight from which a pair counts as hard, in (0, 1].
    Returns: Floor(event, probability, bound, actual); NaN, but for the event, without a pair.
    Raises: ShapeError, DomainError, TypeError.
    Source: DRIFT, the argument that gradients do not vanish.

    >>> gradient_floor([-1.0, 0.5, 3.0], [2.0, 1.5, 0.2], tau=0.25).probability
    0.6666666666666666
    """
    from prefcore import _arrays

    gap = _arrays.finite("margin", _arrays.floats("margin", margin))
    norm = _arrays.finite("grad_difference", _arrays.floats("grad_difference", grad_difference), 0.0)
    _arrays.one_dimensional("margin", gap)
    _arrays.same_shape(margin=gap, grad_difference=norm)
    beta, tau = _arrays.number("beta", beta), _arrays.number("tau", tau)
    _arrays.refuse("beta", beta, not 0 < beta < np.inf, "a finite number > 0")
    _arrays.refuse("tau", tau, not 0 < tau <= 1, "in (0, 1]")
    wrong = np.exp(-np.logaddexp(0.0, gap))
    event = wrong >= tau
    if len(gap) == 0:
        return Floor(event, np.nan, np.nan, np.nan)
    bound = beta * tau * float((norm * event).mean())
    return Floor(event, float(event.mean()), bound, beta * float((wrong * norm).mean()))


def pairs(fresh_id: Any, dissatisfied_id: Any) -> Pairs:
    """Pair every fresh sample with the reply that a user was not satisfied with; equal texts are dropped.

    `pairs.all_pairs` of levels 1 and 0

    Args:
        fresh_id: [N] integers or strings that are equal where the texts are, or the texts.
        dissatisfied_id: [N] of the replies.
    Returns: Pairs [P]; rows are those of the [N, 2] array of both (2 n fresh, 2 n + 1 dissatisfied), `group` is n.
    Raises: ShapeError, DomainError, TypeError.
    Source: gen-drift.py of cacayaya/DRIFT; that equal texts go is derived.

    >>> pairs(["better", "same"], ["bad", "same"]).group
    array([0])
    """
    from prefcore.errors import ShapeError
    from prefcore.pairs import all_pairs
    from prefcore.papers._inputs import text_codes, with_other_text

    fresh, dissatisfied = text_codes(fresh_id=fresh_id, dissatisfied_id=dissatisfied_id)
    if fresh.shape != dissatisfied.shape or fresh.ndim != 1:
        raise ShapeError(
            f"fresh_id and dissatisfied_id must be [N] both, got {list(fresh.shape)} and {list(dissatisfied.shape)}"
        )
    ladder = np.tile([1, 0], (len(fresh), 1))
    return with_other_text(all_pairs(ladder), np.column_stack([fresh, dissatisfied]).ravel())

"""Preference fine-tuning should leverage suboptimal, on-policy data (Tajwar et al. 2024, arXiv 2404.14367)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore.pairs import Pairs

__all__ = ["Divergences", "best_of_n_loss", "mode_seeking", "pairs", "weights"]


class Divergences(NamedTuple):
    """Two divergences between a target p and a policy q, and where their gradients push the policy."""

    forward: Tensor
    """[...] KL(p to q), which covers the target: supervised learning."""
    reverse: Tensor
    """[...] KL(q to p), which seeks a mode: on-policy learning."""
    entropy: Tensor
    """[...] of q."""
    forward_grad: Tensor
    """[..., K] gradient of `forward` with respect to the logits of q."""
    reverse_grad: Tensor
    """[..., K]"""


def best_of_n_loss(logps: Tensor, rewards: Tensor, *, beta: float, negative_weights: Tensor | None = None) -> Tensor:
    """Best of n, with a negative gradient on other samples.

    loss = -logps[best] + beta sum_i w_i logps_i

    Not bounded below for beta > 0: the paper's study of negative gradients, not a loss to train long with.

    Args:
        logps: [B, N] log-probs of n samples for each prompt, in nats.
        rewards: [B, N] their rewards, any dtype; of equal ones the first is the best, and the worst.
        beta: weight of the negative gradient, >= 0; 0 = best of n alone.
        negative_weights: [B, N] w; None = 1 for the worst sample. 1/(n - 1) or 1 for all but the best are the paper's
            others.
    Returns: [B] losses (f32; f64 for f64 log-probs). A log-prob of -inf counts only where it has a weight. A NaN
        log-prob gives NaN.
    Raises: ShapeError, DomainError for rewards or weights that are not finite (on the CPU, outside compiled code),
        TypeError.
    Source: the bandit experiments of the official code.

    >>> best_of_n_loss(torch.tensor([[-1.0, -2.0, -3.0]]), torch.tensor([[0.1, 0.9, -0.3]]), beta=0.5)
    tensor([0.5000])
    """
    import torch
    from torch.nn.functional import one_hot

    from prefcore._checks import finite, nonnegative, numbers, same_shape, tensors, tensors_or_none, upcast
    from prefcore.errors import ShapeError

    tensors(logps=logps, rewards=rewards)
    tensors_or_none(negative_weights=negative_weights)
    weights = rewards if negative_weights is None else negative_weights
    same_shape(logps=logps, rewards=rewards, negative_weights=weights)
    if logps.ndim != 2 or logps.shape[1] == 0:
        raise ShapeError(f"logps must be [B, N] with N > 0, got {list(logps.shape)}")
    numbers(beta=beta)
    nonnegative(beta=beta)
    finite(rewards=rewards, negative_weights=weights)
    (logps,) = upcast(logps=logps)
    rewards = rewards.byte() if rewards.dtype == torch.bool else rewards  # argmax takes no bool
    best, worst = (one_hot(place, logps.shape[1]).to(logps.dtype) for place in (rewards.argmax(1), rewards.argmin(1)))
    scale = beta * (worst if negative_weights is None else negative_weights.to(logps.dtype)) - best
    unused = (scale == 0) & (logps == -torch.inf)
    return (scale * logps.masked_fill(unused, 0.0)).sum(1)


def mode_seeking(target: Tensor, logits: Tensor) -> Divergences:
    """Forward and reverse divergence of a policy from a target, with their gradients in closed form.

    forward = sum p log(p / q), gradient q - p;  reverse = sum q log(q / p), gradient q (log(q / p) - reverse)

    For training, `logps.paired_token_stats(logits, target.log(), ...)` has both with autograd.

    Args:
        target: [..., K] probabilities p of the target, > 0, with sum 1 (to within 1e-4), K > 0.
        logits: [..., K] of the policy, q = softmax(logits).
    Returns: Divergences(forward, reverse, entropy, forward_grad, reverse_grad), in nats, detached (f32; f64 for f64
        input). A logit of -inf counts nothing in all but `forward`, which is infinite. NaN logits give NaN.
    Raises: ShapeError, DomainError, TypeError.
    Source: dpo_utils.py of Asap7772/understanding-rlhf.

    >>> result = mode_seeking(torch.tensor([0.5, 0.5]), torch.tensor([1.0, -1.0]))
    >>> result.forward, result.reverse_grad
    (tensor(0.4338), tensor([ 0.2100, -0.2100]))
    """
    from prefcore._checks import positive, readable, refuse_where
    from prefcore.errors import ShapeError
    from prefcore.papers._inputs import alike

    target, logits = (value.detach() for value in alike(target=target, logits=logits))
    if target.ndim == 0 or target.shape[-1] == 0:
        raise ShapeError(f"target must be [..., K] with K > 0, got {list(target.shape)}")
    positive(target=target)
    if readable(target):
        total = target.sum(-1)
        refuse_where((total - 1).abs() > 1e-2, "sum of target", total, "1 to within 0.01")  # half types
    log_p, log_q = target.log(), logits.log_softmax(-1)
    q = log_q.exp()
    forward = (target * (log_p - log_q)).sum(-1)
    log_q = log_q.where(q > 0, 0.0)  # 0 log 0 = 0: a logit of -inf
    reverse = (q * (log_q - log_p)).sum(-1)
    reverse_grad = q * (log_q - log_p - reverse.unsqueeze(-1))
    return Divergences(forward, reverse, -(q * log_q).sum(-1), q - target, reverse_grad)


def pairs(rewards: Any, offsets: Any = None, *, threshold: float = 0.1) -> Pairs:
    """Pairs of samples whose rewards are further apart than a threshold.

    `pairs.all_pairs(rewards, min_gap=threshold)`

    Args:
        rewards: [n] with `offsets`, or [G, N] with the samples of a prompt in each row.
        offsets: int [G + 1] boundaries of the prompts of 1-D rewards.
        threshold: smallest gap, not itself enough, >= 0.
    Returns: Pairs.
    Raises: ShapeError, DomainError, TypeError.
    Source: dpo_utils.py of Asap7772/understanding-rlhf.

    >>> pairs([[0.0, 0.05, 1.0]]).chosen
    array([2, 2])
    """
    from prefcore import _arrays
    from prefcore.pairs import all_pairs
    from prefcore.papers._inputs import renamed

    r = _arrays.finite("rewards", _arrays.column("rewards", rewards))
    with renamed(scores="rewards", min_gap="threshold"):
        return all_pairs(r, offsets=offsets, min_gap=threshold)


def weights(scores: Any, *, temperature: float, limit: float) -> NDArray[np.float64]:
    """Weights of samples by their advantage, as in advantage-weighted regression.

    w = min(exp(score / temperature), limit)

    Args:
        scores: [n] advantages or rewards.
        temperature: > 0.
        limit: largest weight, > 0.
    Returns: float64, shape of `scores`.
    Raises: DomainError, TypeError.
    Source: the offline experiments of the official code.

    >>> weights([0.1, 1.2], temperature=0.5, limit=5.0)
    array([1.22140276, 5.        ])
    """
    import numpy as np

    from prefcore import _arrays

    s = _arrays.finite("scores", _arrays.floats("scores", scores))
    for name, number in {"temperature": temperature, "limit": limit}.items():
        _arrays.refuse(name, number, not 0 < _arrays.number(name, number) < np.inf, "finite and > 0")
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(np.exp(s / temperature), limit))

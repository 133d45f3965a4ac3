"""Secrets of RLHF, part II: reward modeling (Wang et al. 2024, arXiv 2401.06080); MetaRM (arXiv 2405.00438)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.optim import Optimizer

    from prefcore._checks import Num
    from prefcore.strength import MarginStats

__all__ = ["Denoised", "code_loss", "contrastive_loss", "denoise", "loss", "meta_difference", "meta_step", "strength"]


class Denoised(NamedTuple):
    """What becomes of each pair; [N] each. `margin` and `prob` are those of `loss`, after the flip."""

    flip: NDArray[np.bool_]
    """Whether the chosen and the rejected response change places."""
    margin: NDArray[np.float64]
    """Strength of the pair as it is then."""
    prob: NDArray[np.float64]
    """Probability that the response now chosen is preferred."""


def strength(chosen: Any, rejected: Any) -> MarginStats:
    """How strongly an ensemble of reward models prefers the chosen response of each pair.

    mean = mean_m (chosen_m - rejected_m), negative where they think the label is wrong; std with ddof 0

    Args:
        chosen: [M, N] rewards of the chosen responses, a reward model in each row; ten in the paper.
        rejected: [M, N] of the rejected ones.
    Returns: MarginStats(mean, std, n, agreement, sign_flip_fraction) [N], as `strength.ensemble_margin_stats`.
    Raises: ShapeError, DomainError, TypeError.
    Source: Secrets of RLHF II, section 2.1.

    >>> strength([[1.0, 0.0], [3.0, 0.5]], [[0.5, 1.0], [1.5, 1.0]]).mean
    array([ 1.  , -0.75])
    """
    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.strength import ensemble_margin_stats

    given = {"chosen": chosen, "rejected": rejected}
    c, r = (_arrays.finite(name, _arrays.floats(name, rewards)) for name, rewards in given.items())
    _arrays.same_shape(chosen=c, rejected=r)
    if c.ndim != 2:
        raise ShapeError(f"chosen must be [M, N], a reward model in each row, got {list(c.shape)}")
    with np.errstate(over="ignore"):
        margins = c - r
    return ensemble_margin_stats(_arrays.finite("(chosen - rejected)", margins), ddof=0)


def denoise(mean: Any, *, smoothing: float, flip_fraction: float = 0.1, smooth_below: float = 0.0) -> Denoised:
    """Flip the weakest share of the pairs, soften what still looks wrong, and make the strength the margin.

    flip = the lowest floor(flip_fraction N) means, the first of equal ones
    margin = -mean where flipped, else mean;  prob = 1 - smoothing where margin < smooth_below, else 1

    Args:
        mean: [N] strength of each pair, as `strength` gives it.
        smoothing: probability that a softened label is wrong, in [0, 1]; the paper names no number.
        flip_fraction: share of the pairs that is flipped, in [0, 1]; 0.2 in the paper's analysis.
        smooth_below: margin below which a label is softened.
    Returns: Denoised(flip, margin, prob).
    Raises: ShapeError, DomainError, TypeError.
    Source: Secrets of RLHF II, sections 2.3 and 2.4. The margin of a flipped pair is derived.

    >>> pairs = denoise([0.9, -1.3, 0.05, 2.2, -0.2], flip_fraction=0.2, smoothing=0.3)
    >>> pairs.margin, pairs.prob
    (array([ 0.9 ,  1.3 ,  0.05,  2.2 , -0.2 ]), array([1. , 1. , 1. , 1. , 0.7]))
    """
    from prefcore import _arrays
    from prefcore.selection import top_fraction

    x = _arrays.finite("mean", _arrays.floats("mean", mean))
    _arrays.one_dimensional("mean", x)
    smoothing, smooth_below = _arrays.number("smoothing", smoothing), _arrays.number("smooth_below", smooth_below)
    fraction = _arrays.number("flip_fraction", flip_fraction)
    for name, share in (("smoothing", smoothing), ("flip_fraction", fraction)):
        _arrays.refuse(name, share, not 0 <= share <= 1, "in [0, 1]")
    _arrays.refuse("smooth_below", smooth_below, np.isnan(smooth_below), "a number")
    flip = np.zeros(len(x), dtype=np.bool_)
    flip[top_fraction(-x, fraction=fraction, rounding="floor").rows] = True
    margin = np.where(flip, -x, x)
    return Denoised(flip, margin, np.where(margin < smooth_below, 1 - smoothing, 1.0))


def loss(chosen: Tensor, rejected: Tensor, margin: Num, prob: Num) -> Tensor:
    """Reward-model loss "soft label + margin": what an ensemble thinks of a pair as margin and label.

    loss = -p log sigmoid(z) - (1 - p) log sigmoid(-z),  z = chosen - rejected - margin

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
        margin: mean strength of the pair over the ensemble, negative where it is believed to be wrong; float or [B].
        prob: probability that `chosen` is preferred, in [0, 1]: 1, or less where the strength is negative; float or
            [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN rewards give NaN, a NaN `margin` or
        `prob` raises.
    Raises: ShapeError, DomainError, TypeError.
    Source: Secrets of RLHF II, section 2.4. Which of the two terms carries the margin is not said; here both.

    >>> loss(torch.tensor([1.5]), torch.tensor([0.5]), torch.tensor([1.0]), 0.7)
    tensor([0.6931])
    """
    from prefcore._checks import unit_interval
    from prefcore.losses import bradley_terry
    from prefcore.papers._inputs import alike, fitting

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    unit_interval(prob=prob)
    (prob,) = fitting(chosen, prob=prob)
    return bradley_terry(chosen, rejected, margin=margin, label_smoothing=1 - prob)


def code_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """The plain reward-model loss as the official code has it, with 1e-5 inside the log, for parity only.

    loss = -log(sigmoid(chosen - rejected) + 1e-5)

    It ends at 11.5 nats, and from there on a wrong pair has no gradient.

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: rm/reward_trainer.py of OpenLMLab/MOSS-RLHF.

    >>> code_loss(torch.tensor([0.0, -50.0]), torch.tensor([0.0, 0.0]))
    tensor([ 0.6931, 11.5129])
    """
    from prefcore.papers._inputs import alike, floored_logistic

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    return floored_logistic(chosen - rejected, 1.0, 1e-5)


def contrastive_loss(first: Tensor, second: Tensor, *, temperature: float = 0.05) -> Tensor:
    """Contrastive term that is added to the reward-model loss: `losses.info_nce` of two views of the same pairs.

    The views are two passes with other dropout, of the states of a pair or of the difference of its two states.

    Args:
        first: [N, d] embeddings.
        second: [N, d] embeddings of the same pairs.
        temperature: divides the cosines, > 0; SimCSE's, as the paper's is not known.
    Returns: [N] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Secrets of RLHF II, section 3.1.

    >>> contrastive_loss(torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 1.0]]), temperature=1.0)
    tensor([0.5574, 0.4008])
    """
    from prefcore.errors import ShapeError
    from prefcore.losses import info_nce
    from prefcore.papers._inputs import alike

    first, second = alike(first=first, second=second)
    if first.ndim != 2 or first.shape[1] == 0:
        raise ShapeError(f"first must be [N, d] with d > 0, got {list(first.shape)}")
    return info_nce(first, second, temperature=temperature)


def meta_difference(scores: Tensor) -> Tensor:
    """How far a reward model tells the responses to a prompt apart, to be maximized.

    2 / k^2 sum_{i<j} sigmoid(|s_i - s_j|)

    Args:
        scores: [P, k] rewards of k responses to each prompt.
    Returns: [P] (f32; f64 for f64 input); 0 for one response. The gradient at equal scores is 0. NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: MetaRM, eq. 3.

    >>> meta_difference(torch.tensor([[0.0, 1.0], [2.0, 2.0]]))
    tensor([0.3655, 0.2500])
    """
    from prefcore._checks import tensors, upcast
    from prefcore.errors import ShapeError

    tensors(scores=scores)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ShapeError(f"scores must be [P, k] with k > 0, got {list(scores.shape)}")
    (scores,) = upcast(scores=scores)
    k = scores.shape[1]
    gaps = (scores.unsqueeze(2) - scores.unsqueeze(1)).abs()  # each pair twice, and k zeros
    return (gaps.sigmoid().sum((1, 2)) - k / 2) / k**2


def meta_step(
    optimizer: Optimizer, meta_difference: Callable[[], Tensor], loss: Callable[[], Tensor], *, lr: float
) -> Tensor:
    """One step of MetaRM: learn preferences from where the model tells the responses of the shifted policy apart best.

    theta' = theta + lr grad meta_difference(theta),  theta <- optimizer step at theta with the gradient of loss(theta')

    First order: the second gradient is not taken through theta'.

    Args:
        optimizer: of the reward model.
        meta_difference: gives the mean of `meta_difference` on the meta data, a scalar that depends on the parameters.
        loss: gives the loss on the preference data.
        lr: step size of the ascent, > 0.
    Returns: [] the loss at theta', detached.
    Raises: DomainError, TypeError.
    Source: MetaRM, algorithm 1.

    >>> w = torch.nn.Parameter(torch.tensor(1.0))
    >>> meta_step(torch.optim.SGD([w], lr=0.5), lambda: 2 * w, lambda: w.square(), lr=1.0)
    tensor(9.)
    >>> w.item()
    -2.0
    """
    import torch

    from prefcore._checks import numbers, positive
    from prefcore.losses import temporary_step

    numbers(lr=lr)
    positive(lr=lr)
    optimizer.zero_grad()
    torch.autograd.backward(meta_difference())
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    with temporary_step(torch.optim.SGD(parameters, lr=lr, maximize=True)):
        optimizer.zero_grad()
        value = loss()
        torch.autograd.backward(value)
    optimizer.step()
    return value.detach()

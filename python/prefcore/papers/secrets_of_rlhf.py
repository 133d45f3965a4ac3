"""Secrets of RLHF, part II: reward modeling (Wang et al. 2024, arXiv 2401.06080); MetaRM (arXiv 2405.00438)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from prefcore._checks import Num

__all__ = ["code_loss", "loss", "meta_difference", "meta_step"]


def loss(chosen: Tensor, rejected: Tensor, margin: Num, prob: Num) -> Tensor:
    """Reward-model loss "soft label + margin": what an ensemble thinks of a pair as margin and label.

    loss = -p log sigmoid(z) - (1 - p) log sigmoid(-z),  z = chosen - rejected - margin

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
        margin: mean strength of the pair over the ensemble, negative where it is believed to be wrong; float or [B].
        prob: probability that `chosen` is preferred, in [0, 1]: 1, or less where the strength is negative; float or
            [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
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

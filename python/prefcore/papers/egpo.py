"""EGPO: extragradient preference optimization (Zhou et al. 2025, arXiv 2503.08942)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from prefcore._checks import Num

__all__ = ["extragradient_step", "loss"]


def extragradient_step(optimizer: Optimizer, loss: Callable[[], Tensor], opponent: Callable[[], object]) -> Tensor:
    """One step against the policy that the step itself would lead to.

    theta_half = step(theta, grad L(theta; opponent theta)),  theta <- step(theta, grad L(theta; opponent theta_half))

    Both gradients are taken at theta: only the preferences come from half-way.

    Args:
        optimizer: any torch optimizer of the policy.
        loss: gives the loss under the present preferences, a scalar that depends on the parameters.
        opponent: samples from the half-way policy and refreshes the preferences that `loss` uses.
    Returns: [] the loss of the second gradient, detached.
    Source: lms/trainers/extragradient_trainer.py and simulations/loss_funcs.py of zhourunlong/EGPO.

    >>> x, target = torch.nn.Parameter(torch.tensor(4.0)), {}
    >>> refresh = lambda: target.update(value=x.item() / 2)
    >>> refresh()
    >>> extragradient_step(torch.optim.SGD([x], lr=0.25), lambda: (x - target["value"]) ** 2, refresh)
    tensor(6.2500)
    >>> x.item()
    2.75
    """
    import torch

    from prefcore.losses import temporary_step

    def differentiate() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        return value.detach()

    differentiate()
    with temporary_step(optimizer):
        opponent()
    value = differentiate()
    optimizer.step()
    return value


def loss(first: Tensor, second: Tensor, first_pref: Num, second_pref: Num, *, beta: Num = 0.1) -> Tensor:
    """Online IPO on two samples of the policy, which an opponent has compared itself with.

    loss = (first - second - (first_pref - second_pref) / beta)^2

    Without an opponent's response: the preference of first over second, and 1/2.

    Args:
        first: [B] log-ratios policy - reference of one sample, in nats: means over tokens.
        second: [B] the same of another sample.
        first_pref: probability that the first sample beats the opponent's response, in [0, 1]; float or [B].
        second_pref: the same of the second sample.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats squared (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: `_compute_losses` in lms/trainers/extragradient_trainer.py of zhourunlong/EGPO.

    >>> loss(torch.tensor([3.0]), torch.tensor([0.0]), torch.tensor([0.75]), 0.5, beta=0.25)
    tensor([4.])
    """
    from prefcore._checks import unit_interval
    from prefcore.losses import ipo
    from prefcore.papers._inputs import alike, fitting

    first, second = alike(first=first, second=second)
    unit_interval(first_pref=first_pref, second_pref=second_pref)
    first_pref, second_pref = fitting(first, first_pref=first_pref, second_pref=second_pref)
    return ipo(first, second, beta=beta, preference_gap=first_pref - second_pref)

"""EGPO: extragradient preference optimization (Zhou et al. 2025, arXiv 2503.08942)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

__all__ = ["extragradient_step"]


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

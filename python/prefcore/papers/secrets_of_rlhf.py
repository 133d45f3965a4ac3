"""Secrets of RLHF, part II: reward modeling (Wang et al. 2024, arXiv 2401.06080); MetaRM (arXiv 2405.00438)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

__all__ = ["meta_difference", "meta_step"]


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
    Source: MetaRM, algorithm 1.

    >>> w = torch.nn.Parameter(torch.tensor(1.0))
    >>> meta_step(torch.optim.SGD([w], lr=0.5), lambda: 2 * w, lambda: w.square(), lr=1.0)
    tensor(9.)
    >>> w.item()
    -2.0
    """
    import torch

    from prefcore.losses import temporary_step

    optimizer.zero_grad()
    torch.autograd.backward(meta_difference())
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    with temporary_step(torch.optim.SGD(parameters, lr=lr, maximize=True)):
        optimizer.zero_grad()
        value = loss()
        torch.autograd.backward(value)
    optimizer.step()
    return value.detach()

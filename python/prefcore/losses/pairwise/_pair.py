"""What the pairwise losses share: checks of a pair, its margin, and the logistic curve."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore._checks import Num, finite, per_example, positive, same_shape, tensors, upcast


def pair(chosen: Tensor, rejected: Tensor) -> list[Tensor]:
    """Check the two sides and upcast them."""
    tensors(chosen=chosen, rejected=rejected)
    same_shape(chosen=chosen, rejected=rejected)
    return upcast(chosen=chosen, rejected=rejected)


def margin_of(chosen: Tensor, rejected: Tensor, beta: Num, margin: Num = 0.0) -> Tensor:
    """Return z = beta (chosen - rejected) - margin."""
    chosen, rejected = pair(chosen, rejected)
    positive(beta=beta)
    finite(margin=margin)
    return per_example("beta", beta, chosen) * (chosen - rejected) - per_example("margin", margin, chosen)


def logistic(z: Tensor, right: Num, wrong: Num) -> Tensor:
    """Return -right log sigmoid(z) - wrong log sigmoid(-z)."""
    return -_weighted(right, logsigmoid(z)) - _weighted(wrong, logsigmoid(-z))


def _weighted(weight: Num, x: Tensor) -> Tensor:
    """Product that is 0 where the weight is 0, though x may be infinite there."""
    if isinstance(weight, Tensor):
        return torch.where(weight == 0, 0.0, weight * x)
    return weight * x if weight else torch.zeros_like(x)

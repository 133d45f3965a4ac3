"""Losses of one margin z = beta (chosen - rejected) - margin: one curve each."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore._checks import Num, finite, per_example, positive, same_shape, tensors, unit_interval, upcast


def dpo(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, margin: Num = 0.0, label_smoothing: Num = 0.0) -> Tensor:
    """DPO: negative log-likelihood that the chosen response is preferred, under implicit rewards.

    loss = -(1 - e) log sigmoid(z) - e log sigmoid(-z),  z = beta (chosen - rejected) - margin,  e = label_smoothing

    With `label_smoothing` this is cDPO; with sequence means in place of sums, length-normalized DPO. Finite wherever z
    is, and both tails keep their relative accuracy; 0 for a rejected response of log-prob -inf. NaN in, NaN out.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B] (values inside tensors are looked at on the CPU,
            outside compiled code).
        margin: reward gap that is asked for, in nats; float or [B].
        label_smoothing: probability that the label is wrong, in [0, 1]; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise.
    Raises: ShapeError, DomainError, TypeError.
    Source: Rafailov et al. 2023, eq. 7; cDPO: Mitchell 2023; TRL `sigmoid` and `sigmoid_norm`
        (trl/trainer/dpo_trainer.py).

    >>> dpo(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 0.0]), beta=0.5)
    tensor([0.3133, 0.6931])
    """
    z = _margin(chosen, rejected, beta, margin)
    unit_interval(label_smoothing=label_smoothing)
    smoothing = per_example("label_smoothing", label_smoothing, z)
    return -_weighted(1 - smoothing, logsigmoid(z)) - _weighted(smoothing, logsigmoid(-z))


def _weighted(weight: Num, x: Tensor) -> Tensor:
    """Product that is 0 where the weight is 0, though x may be infinite there."""
    if isinstance(weight, Tensor):
        return torch.where(weight == 0, 0.0, weight * x)
    return weight * x if weight else torch.zeros_like(x)


def _margin(chosen: Tensor, rejected: Tensor, beta: Num, margin: Num) -> Tensor:
    tensors(chosen=chosen, rejected=rejected)
    same_shape(chosen=chosen, rejected=rejected)
    positive(beta=beta)
    finite(margin=margin)
    chosen, rejected = upcast(chosen=chosen, rejected=rejected)
    return per_example("beta", beta, chosen) * (chosen - rejected) - per_example("margin", margin, chosen)

"""Statistics of each token from logits."""

from typing import NamedTuple

import torch
from torch import Tensor

from prefcore._checks import Num, boolean, positive, same_device, tensors
from prefcore.errors import ShapeError
from prefcore.ops.token_stats import token_stats


class TokenStats(NamedTuple):
    """Statistics of each token, [...]; those not asked for are None."""

    logps: Tensor | None
    """log-prob of the target, nats"""
    entropy: Tensor | None
    """entropy of the softmax, nats"""
    lse: Tensor | None
    """log-sum-exp of the logits"""
    log_sum_sq_probs: Tensor | None
    """log of the sum of the squared probabilities"""
    is_top1: Tensor | None
    """bool: the target is the first of the largest logits"""
    mean_logits: Tensor | None
    """mean of the logits over the vocabulary"""


def token_logps(
    logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    temperature: Num = 1.0,
    softcap: float | None = None,
    logit_scale: float = 1.0,
) -> Tensor:
    """Log-prob of each target token under the softmax of its logits.

    logps = z_target - log sum_v exp(z_v),  z = softcap tanh(logit_scale logits / softcap) / temperature

    Differentiable with respect to `logits`. Nothing of the size of the vocabulary is allocated in forward. Views such
    as `logits[:, :-1]` are read in place. Logits of -inf are masked vocabulary: their log-prob is -inf. On the CPU,
    results are the same bits for any number of threads and any place in the batch. NaN in, NaN out, for that position.

    Args:
        logits: [..., V] in f16, bf16, f32 or f64; position t scores `targets[t]`, nothing is shifted here.
        targets: [...] token ids in 0..V.
        mask: [...] bool, True = counts. Other positions are not read (their target may be -100) and give 0.
        temperature: divides the logits, > 0; float or a tensor that broadcasts to [...], constant for autograd.
        softcap: bound of the logits as in Gemma 2, > 0; None = no bound.
        logit_scale: factor of the logits as in Cohere's models, > 0.
    Returns: [...] log-probs in nats, f32 (f64 for f64 logits).
    Raises: ShapeError, TypeError; DomainError on the CPU for a target outside 0..V or a row of -inf alone (on CUDA,
        where looking would cost a synchronization, that position is NaN).
    Source: `selective_log_softmax` of TRL (trl/trainer/utils.py).

    >>> logits = torch.tensor([[0.0, 0.0], [1.0, -torch.inf]])
    >>> token_logps(logits, torch.tensor([1, 0]))
    tensor([-0.6931,  0.0000])
    """
    _check_logits(logits, targets, mask)
    positive(softcap=1.0 if softcap is None else softcap, logit_scale=logit_scale, temperature=temperature)
    rows = _row_temperature(temperature, targets)
    mask = mask if mask is None else mask.contiguous()
    scalar = 1.0 if rows is not None else float(temperature)
    logps: Tensor = token_stats(logits, targets.long().contiguous(), mask, rows, scalar, softcap, logit_scale)[0]
    return logps


def _check_logits(logits: Tensor, targets: Tensor, mask: Tensor | None) -> None:
    tensors(logits=logits, targets=targets, mask=mask)
    if not logits.is_floating_point() or targets.is_floating_point() or targets.dtype == torch.bool:
        raise TypeError(f"expected floating-point logits and integer targets, got {logits.dtype} and {targets.dtype}")
    if logits.ndim == 0 or logits.shape[:-1] != targets.shape or logits.shape[-1] == 0:
        raise ShapeError(f"expected logits [..., V] and targets [...], got {list(logits.shape)}, {list(targets.shape)}")
    same_device(logits=logits, targets=targets)
    boolean(mask=mask)
    if mask is not None:
        if mask.shape != targets.shape:
            raise ShapeError(f"mask must have the shape of targets {list(targets.shape)}, got {list(mask.shape)}")
        same_device(targets=targets, mask=mask)


def _row_temperature(temperature: Num, targets: Tensor) -> Tensor | None:
    if not isinstance(temperature, Tensor):
        return None
    same_device(targets=targets, temperature=temperature)
    try:
        rows = temperature.detach().expand(targets.shape)
    except RuntimeError:
        got = list(temperature.shape)
        raise ShapeError(f"temperature must broadcast to targets {list(targets.shape)}, got {got}") from None
    return rows.double().contiguous()

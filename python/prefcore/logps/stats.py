"""Statistics of each token from logits."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from prefcore._checks import Num, tensors
from prefcore.errors import DomainError, ShapeError
from prefcore.logps._arguments import check_logits, check_outputs, transform
from prefcore.ops import token_stats as ops


class TokenStats(NamedTuple):
    """Statistics of each token, [...] each; None where not asked for."""

    logps: Tensor | None = None
    """Log-prob of the target, nats."""
    entropy: Tensor | None = None
    """-sum_v p_v log p_v, nats."""
    lse: Tensor | None = None
    """log sum_v exp(z_v)."""
    log_sum_sq_probs: Tensor | None = None
    """log sum_v p_v^2, at most 0."""
    is_top1: Tensor | None = None
    """bool: the target is the first of the largest logits."""
    mean_logits: Tensor | None = None
    """mean_v z_v."""


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
    return _columns(logits, targets, mask, temperature, softcap, logit_scale, ("logps",))["logps"]


def token_stats(
    logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    temperature: Num = 1.0,
    softcap: float | None = None,
    logit_scale: float = 1.0,
    outputs: Sequence[str] = ("logps",),
    inplace_backward: bool = False,
) -> TokenStats:
    """Log-prob of each target token, and what else is asked for of its distribution, in one pass over the logits.

    z = softcap tanh(logit_scale logits / softcap) / temperature,  p = softmax(z)
    logps = log p_target,  entropy = -sum p log p,  lse = log sum exp(z),  log_sum_sq_probs = log sum p^2,
    is_top1 = (target is the first argmax),  mean_logits = mean z

    Differentiable once with respect to `logits` through the first four, in closed form. Nothing of the size of the
    vocabulary is allocated in forward, and in backward the gradient alone. Views such as `logits[:, :-1]` are read in
    place. Logits of -inf are masked vocabulary: log-prob -inf, entropy contribution 0, `mean_logits` -inf. On the CPU,
    results are the same bits for any number of threads and any place in the batch. NaN in, NaN out, for that position.

    Args:
        logits: [..., V] in f16, bf16, f32 or f64; position t scores `targets[t]`, nothing is shifted here.
        targets: [...] token ids in 0..V.
        mask: [...] bool, True = counts. Other positions are not read (their target may be -100) and give 0.
        temperature: divides the logits, > 0; float or a tensor that broadcasts to [...], constant for autograd.
        softcap: bound of the logits as in Gemma 2, > 0; None = no bound.
        logit_scale: factor of the logits as in Cohere's models, > 0.
        outputs: names of the fields to compute.
        inplace_backward: write the gradient over `logits`, so that backward allocates nothing of their size. Their
            values are gone then; autograd refuses if another operation needs them in its backward.
    Returns: TokenStats, each field [...] in f32 (f64 for f64 logits; is_top1 bool) or None.
    Raises: ShapeError, TypeError; DomainError for an unknown output, for leaf logits with `inplace_backward` (a
        parameter would be overwritten), and on the CPU for a target outside 0..V or a row of -inf alone (on CUDA,
        where looking would cost a synchronization, that position is NaN, and False in `is_top1`).
    Source: `FusedCausalLMOutput` of TRL (trl/trainer/utils.py), names and order of the transforms; log sum p^2 is what
        WPO (Zhou et al. 2024) weights with.

    >>> logits = torch.tensor([[0.0, 0.0], [1.0, -torch.inf]])
    >>> stats = token_stats(logits, torch.tensor([1, 0]), outputs=("logps", "entropy", "is_top1"))
    >>> stats.entropy, stats.is_top1
    (tensor([0.6931, 0.0000]), tensor([False,  True]))
    """
    if inplace_backward:
        _check_overwritable(logits)
    return TokenStats(**_columns(logits, targets, mask, temperature, softcap, logit_scale, outputs, inplace_backward))


def _columns(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    temperature: Num,
    softcap: float | None,
    logit_scale: float,
    outputs: Sequence[str],
    inplace_backward: bool = False,
) -> dict[str, Tensor]:
    """Check the arguments, call the op, and return the columns asked for by name."""
    check_logits(logits, targets, mask)
    outputs = check_outputs(outputs, TokenStats._fields)
    to_z = transform(targets, temperature, softcap, logit_scale)
    mask = mask if mask is None else mask.contiguous()
    extras = sum(bit for name, bit in ops.EXTRAS.items() if name in outputs)
    ids = targets.long().contiguous()
    columns = ops.token_stats(logits, ids, mask, *to_z, extras, inplace_backward)
    names = ("logps", "lse", *ops.EXTRAS)
    return {name: column for name, column in zip(names, columns, strict=True) if name in outputs}


def _check_overwritable(logits: Tensor) -> None:
    tensors(logits=logits)
    if logits.requires_grad and logits.is_leaf:
        raise DomainError("inplace_backward must have logits that were computed, got a leaf, which it would overwrite")
    if any(stride == 0 and size > 1 for stride, size in zip(logits.stride(), logits.shape, strict=True)):
        raise ShapeError(f"inplace_backward needs an entry of its own for each logit, got strides {logits.stride()}")

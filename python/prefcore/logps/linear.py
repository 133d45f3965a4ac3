"""Statistics of each token from hidden states and the head."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from prefcore._checks import Num, boolean, same_device, tensors, tensors_or_none
from prefcore.errors import DomainError, ShapeError
from prefcore.logps._arguments import check_outputs, is_integer, transform
from prefcore.logps._dtensor import local_head, local_rows
from prefcore.logps.stats import TokenStats
from prefcore.ops import linear_token_stats as op
from prefcore.ops._linear_problem import factor_dtype
from prefcore.ops.token_stats import EXTRAS

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

#: rows of f32 exponentials for which "auto" makes room on the CPU, where products cost more than memory
ROWS_ON_CPU = 2048


def linear_token_stats(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    temperature: Num = 1.0,
    softcap: float | None = None,
    logit_scale: float = 1.0,
    outputs: Sequence[str] = ("logps",),
    stash: int | Literal["auto"] = "auto",
    group: "ProcessGroup | None" = None,
    vocab_start: int | None = None,
) -> TokenStats:
    """Statistics of each target token under the softmax of a linear head, without the logits of all tokens in memory.

    x = hidden head^T + bias;  z = softcap tanh(logit_scale x / softcap) / temperature;  then as `token_stats`

    Differentiable with respect to `hidden`, `head` and `bias`, through logps, lse, entropy and log_sum_sq_probs, for
    any upstream gradient. Masked rows enter no product. Rows whose upstream gradient is 0 enter none of backward,
    which costs one synchronization on CUDA.
    Sums are f32 (f64 for f64 operands) and the logits are never rounded to a half type. Where only `hidden` needs a
    gradient, forward makes it and backward scales it. The result is deterministic; two calls give the same bits.
    Under autocast the operands are cast as `torch.nn.functional.linear` casts them.

    Args:
        hidden: [..., D] hidden states in f16, bf16, f32 or f64; position t scores `targets[t]`, nothing is shifted.
        head: [V, D] rows of the head, of the dtype of `hidden`; [V_r, D], the rows of this rank, with `group`. A
            DTensor placed `Shard(0)` is used where it lies, and brings its own group.
        targets: [...] token ids in 0..V, with `group` ids of the whole vocabulary.
        bias: [V] (or [V_r]); -inf masks an entry of the vocabulary.
        mask: [...] bool, True = counts. Other positions are not read (their target may be -100) and give 0. On CUDA,
            gathering the rows costs one synchronization.
        temperature: divides the logits, > 0; float or a tensor that broadcasts to [...], constant for autograd.
        softcap: bound of the logits as in Gemma 2, > 0; None = no bound.
        logit_scale: factor of the logits as in Cohere's models, > 0.
        outputs: names of the fields to compute; the others are None.
        stash: bytes for exponentials that spare backward a third product of forward's size; at most 4 N V (2 N V in
            bf16 on CUDA, 8 N V in f64) are of use. "auto" = 4 V D, what an f32 copy of the head's gradient would take;
            on CUDA at most half of the free memory, on the CPU at least 8192 V. 0 = least memory. The bits of the
            gradients, not of the statistics, depend on it.
        group: ranks that hold parts of the vocabulary. Each calls with the same hidden states and targets, and gets the
            same statistics, the gradient of its part of the head, and the whole gradient of `hidden`. One more
            synchronization on CUDA. Parts may differ in size.
        vocab_start: first token of this rank's part; None on all ranks = parts in the order of the ranks.
    Returns: TokenStats, each field asked for [...] in f32 (f64 for f64 operands), is_top1 bool.
    Raises: ShapeError, TypeError; DomainError for parts of the vocabulary that overlap or leave a gap, and on the CPU
        for a target outside 0..V or a row of -inf alone (on CUDA that position is NaN).
    Source: outputs as `FusedCausalLMOutput` of TRL 1.15 (trl/kernels/chunked_logprob.py); parts of the vocabulary as in
        Megatron-LM's vocabulary-parallel cross entropy.

    >>> hidden, head = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 5.0], [2.0, 7.0]])
    >>> linear_token_stats(hidden, head, torch.tensor([1])).logps
    tensor([-0.6931])
    """
    head, bias, group, vocab_start = local_head(head, bias, group, vocab_start)
    hidden = local_rows(hidden)
    options = {"temperature": temperature, "softcap": softcap, "logit_scale": logit_scale, "outputs": outputs}
    return linear_columns(hidden, head, targets, bias, None, None, mask, stash, group, vocab_start, **options)  # type: ignore[arg-type]


def linear_columns(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    bias: Tensor | None,
    low_hidden: Tensor | None,
    low_head: Tensor | None,
    mask: Tensor | None,
    stash: int | Literal["auto"],
    group: "ProcessGroup | None",
    vocab_start: int | None,
    *,
    temperature: Num,
    softcap: float | None,
    logit_scale: float,
    outputs: Sequence[str],
) -> TokenStats:
    """Check, call the op, and name its results; low_hidden [..., r] and low_head [V, r] add their product to x."""
    tensors(hidden=hidden, head=head, targets=targets)
    tensors_or_none(bias=bias, mask=mask)
    hidden, head, bias, low_hidden, low_head = _autocast(hidden, head, bias, low_hidden, low_head)
    _check(hidden, head, targets, bias, mask, whole=group is None)
    to_z = transform(targets, temperature, softcap, logit_scale)
    outputs = check_outputs(outputs, TokenStats._fields)
    wanted = sum(bit for name, bit in EXTRAS.items() if name in outputs)
    frozen, stash_rows = _plan(hidden, head, [bias, low_hidden, low_head], targets, stash)
    found = op.linear_token_stats(
        hidden,
        head,
        targets.long(),
        bias,
        low_hidden,
        low_head,
        mask,
        *to_z,
        wanted,
        stash_rows,
        frozen,
        "" if group is None else group.group_name,
        -1 if vocab_start is None else vocab_start,
    )
    logps, lse, entropy, log_sum_sq_probs, is_top1, mean_logits = found[:6]
    fields = (logps, entropy, lse, log_sum_sq_probs, is_top1, mean_logits)
    named = zip(TokenStats._fields, fields, strict=True)
    return TokenStats(*(value if name in outputs else None for name, value in named))


def _autocast(*operands: Tensor | None) -> tuple[Tensor, ...]:
    """Cast as autocast casts the operands of a linear layer."""
    device = next(x.device.type for x in operands if x is not None)
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return operands  # type: ignore[return-value]
    dtype = torch.get_autocast_dtype(device)
    cast = (x if x is None or x.dtype == torch.float64 else x.to(dtype) for x in operands)
    return tuple(cast)  # type: ignore[arg-type]


def _plan(
    hidden: Tensor, head: Tensor, others: list[Tensor | None], targets: Tensor, stash: int | Literal["auto"]
) -> tuple[bool, int]:
    """Return whether forward makes the gradient of the hidden states, and how many rows go into the stash."""
    if stash != "auto" and (type(stash) is not int or stash < 0):
        raise DomainError(f'stash must be a number of bytes or "auto", got {stash!r}')
    head_needs = any(x is not None and x.requires_grad for x in (head, *others))
    if not torch.is_grad_enabled() or not (hidden.requires_grad or head_needs):
        return False, 0
    dtype = factor_dtype(hidden)
    if dtype == torch.float16:
        return False, 0  # exponentials do not fit into it
    if not head_needs:
        return True, 0
    wide = max(head.shape[1], ROWS_ON_CPU) if hidden.device.type == "cpu" else head.shape[1]
    room = 4 * head.shape[0] * wide if stash == "auto" else stash
    if hidden.is_cuda and stash == "auto" and not torch.compiler.is_compiling():
        room = min(room, torch.cuda.mem_get_info(hidden.device)[0] // 2)
    return False, min(targets.numel(), room // max(head.shape[0] * dtype.itemsize, 1))


def _check(
    hidden: Tensor, head: Tensor, targets: Tensor, bias: Tensor | None, mask: Tensor | None, *, whole: bool
) -> None:
    if not hidden.is_floating_point() or not is_integer(targets):
        raise TypeError(f"expected floating-point hidden and integer targets, got {hidden.dtype} and {targets.dtype}")
    if head.dtype != hidden.dtype or (bias is not None and bias.dtype != head.dtype):
        got = f"hidden {hidden.dtype}, head {head.dtype}" + ("" if bias is None else f", bias {bias.dtype}")
        raise TypeError(f"expected one dtype, got {got}; call hidden.to(head.dtype), or use torch.autocast")
    if hidden.ndim == 0 or hidden.shape[:-1] != targets.shape:
        got = f"{list(hidden.shape)}, {list(targets.shape)}"
        raise ShapeError(f"expected hidden [..., D] and targets [...], got {got}")
    if head.ndim != 2 or head.shape[1] != hidden.shape[-1] or (whole and head.shape[0] == 0):
        want = f"[V, {hidden.shape[-1]}] like hidden {list(hidden.shape)}"
        raise ShapeError(f"head must be {want}, got {list(head.shape)}")
    if bias is not None and bias.shape != head.shape[:1]:
        raise ShapeError(f"bias must be [{head.shape[0]}] like head {list(head.shape)}, got {list(bias.shape)}")
    boolean(mask=mask)
    if mask is not None and mask.shape != targets.shape:
        raise ShapeError(f"mask must have the shape of targets {list(targets.shape)}, got {list(mask.shape)}")
    others = {"bias": bias, "mask": mask}
    given = {name: tensor for name, tensor in others.items() if tensor is not None}
    same_device(hidden=hidden, head=head, targets=targets, **given)

"""Statistics of each token from hidden states and the head, without the logits of all tokens in memory.

x = hidden head^T + bias + low_hidden low_head^T;  z = softcap tanh(logit_scale x / softcap) / temperature
logps = z_target - lse;  lse = log sum_v exp(z_v);  entropy = lse - sum_v p_v z_v;  log_sum_sq_probs = log sum_v p_v^2

Masked rows are dropped before any product. The vocabulary is taken in strips, each over all rows: a tile of logits is
made, used and forgotten. Forward keeps exp(z - z_target), the stash, for as many rows as it is given room for; with it
backward is two products, and without it the tile is made again (8 N D V operations instead of 6). The sum of those
exponentials over the other tokens is exp(-logps) - 1, so that log-probs near 0 keep their relative accuracy and
shards of the vocabulary merge by a sum. Rows whose target is some 30 nats below another token leave the stash.
Each strip of the head's gradient is finished before the next, so no f32 copy of it exists; the gradient of the hidden
states is added up in f32. Rows to which no gradient comes back are in no product.
With a frozen head the gradient of logps by the hidden states is made in forward (4 N D V), and backward scales it.
Memory at N = 2048, D = 576, V = 49,152 in f32: a tile of 16 MiB; `linear` + `cross_entropy` keep logits, softmax and
gradient, 384 MiB each.
Source: the strips and the row skipping as in cut cross-entropy (arXiv 2411.09009); outputs as in TRL 1.15.
"""

from typing import Any

import torch
from torch import Tensor

from prefcore.ops import _linear_backward as backward_pass
from prefcore.ops import _linear_forward as forward_pass
from prefcore.ops._linear_problem import ANCHORED, Problem, factor_dtype, problem_of
from prefcore.ops._linear_tiles import ENTROPY, IS_TOP1, LOG_SUM_SQ_PROBS, MEAN_LOGITS, Upstream, add_strip, gradient
from prefcore.ops.token_stats import reference as of_logits

#: bits of `needs`, one for each operand that may have a gradient
HIDDEN, HEAD, BIAS, LOW_HIDDEN, LOW_HEAD = 1, 2, 4, 8, 16
#: logps, lse, entropy, log_sum_sq_probs, is_top1, mean_logits; then for backward: top, total, stash, pull
Outputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]

OperandGrads = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def reference(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    bias: Tensor | None,
    low_hidden: Tensor | None,
    low_head: Tensor | None,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
    outputs: int,
    *_: Any,
) -> tuple[Tensor, ...]:
    """Return the six statistics: the definition in plain torch, with all logits in memory."""
    dtype = torch.float64 if hidden.dtype == torch.float64 else torch.float32
    x = hidden.to(dtype) @ head.to(dtype).T
    if bias is not None:
        x = x + bias.to(dtype)
    if low_hidden is not None and low_head is not None:
        x = x + low_hidden.to(dtype) @ low_head.to(dtype).T
    transform = row_temperature, temperature, softcap, logit_scale
    return of_logits(x, targets, mask, *transform, outputs, inplace_backward=False)


@torch.library.custom_op("prefcore::linear_token_stats", mutates_args=())
def linear_token_stats(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    bias: Tensor | None,
    low_hidden: Tensor | None,
    low_head: Tensor | None,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
    outputs: int,
    stash_rows: int,
    frozen: bool,
    group: str,
    vocab_start: int,
) -> Outputs:
    """Forward, for every device that has no kernel for the work on a tile."""
    operands = hidden, head, targets, bias, low_hidden, low_head, mask, row_temperature
    rest = outputs, stash_rows, frozen, group, vocab_start
    return _statistics(add_strip, gradient, *operands, temperature, softcap, logit_scale, *rest)


@linear_token_stats.register_kernel("cuda")
def _forward_cuda(*args: Any) -> Outputs:
    from prefcore.ops import _linear_cuda as cuda

    return _statistics(cuda.add_strip, cuda.gradient, *args)


def _statistics(add: Any, into: Any, *args: Any) -> Outputs:
    outputs, stash_rows, frozen = args[11:14]
    call: Any = (*args[:11], *args[14:])
    hidden, targets, problem = args[0], args[2], problem_of(*call)
    on_cpu = targets.device.type == "cpu"
    if on_cpu:
        forward_pass.check_rows(problem, targets.shape)
    rows = problem.pairs[0].rows
    stash = rows.new_empty(stash_rows, problem.shard.size)
    pull = torch.zeros(rows.shape, dtype=problem.dtype, device=rows.device) if frozen else None
    scored = forward_pass.score(problem, outputs, stash, pull, add)
    if on_cpu:
        forward_pass.check_totals(scored, problem, targets.shape)
    if stash_rows:
        forward_pass.close_stash(stash, scored, problem)
    if pull is not None:
        pull = forward_pass.pulled(pull, scored, problem)
        _pull_far_rows(pull, scored, problem, into)
        pull = problem.shard.sum(pull)
    statistics = [_spread(value, problem, targets.shape) for value in scored[:8]]
    statistics[4] = statistics[4].bool()
    return (*statistics, stash, _spread(pull, problem, hidden.shape))  # type: ignore[return-value]


def _pull_far_rows(pull: Tensor, scored: forward_pass.Scored, problem: Problem, into: Any) -> None:
    """Replace what was anchored at two places by a second look at those rows."""
    far = (scored.logps < ANCHORED).nonzero().squeeze(1)
    if len(far):
        one = torch.ones_like(scored.logps)
        upstream = Upstream(one, None, None, None, scored.logps, None, None, scored.top, scored.total).take(far)
        none = [False] * len(problem.pairs)
        some, nothing = problem.take(far), pull.new_empty(0, 0)
        (grad, *_), _ = backward_pass.gradients(some, upstream, nothing, [True, *none[1:]], none, into)
        pull[far] = pull.new_zeros(()) if grad is None else grad


def _spread(values: Tensor | None, problem: Problem, shape: torch.Size) -> Tensor:
    """Put values of the rows that count, [K, ...], in their places, 0 in the others; None becomes empty."""
    if values is None:
        return problem.targets.new_empty(0, dtype=problem.dtype)
    if problem.index is None:
        return values.reshape(shape).clone()  # a view would drop FSDP2's hook before backward
    out = values.new_zeros(shape)
    out.view(-1, *values.shape[1:])[problem.index] = values
    return out


@linear_token_stats.register_fake
def _forward_fake(hidden: Tensor, head: Tensor, targets: Tensor, *rest: Any) -> Outputs:
    outputs, stash_rows, frozen = rest[8:11]
    dtype = torch.float64 if hidden.dtype == torch.float64 else torch.float32

    def rows(wanted: int, dtype: torch.dtype = dtype) -> Tensor:
        return targets.new_empty(targets.shape if wanted else (0,), dtype=dtype)

    top1 = rows(outputs & IS_TOP1, torch.bool)
    optional = rows(outputs & ENTROPY), rows(outputs & LOG_SUM_SQ_PROBS), top1, rows(outputs & MEAN_LOGITS)
    stash = hidden.new_empty(stash_rows, head.shape[0], dtype=factor_dtype(hidden))
    pull = hidden.new_empty(hidden.shape if frozen else (0,), dtype=dtype)
    return rows(1), rows(1), *optional, rows(1), rows(1), stash, pull


@torch.library.custom_op("prefcore::linear_token_stats_backward", mutates_args=())
def linear_token_stats_backward(
    grad_logps: Tensor | None,
    grad_lse: Tensor | None,
    grad_entropy: Tensor | None,
    grad_log_sum_sq_probs: Tensor | None,
    logps: Tensor,
    entropy: Tensor,
    log_sum_sq_probs: Tensor,
    top: Tensor,
    total: Tensor,
    stash: Tensor,
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    bias: Tensor | None,
    low_hidden: Tensor | None,
    low_head: Tensor | None,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
    needs: int,
    group: str,
    vocab_start: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of hidden, head, bias, low_hidden and low_head; those not needed are empty."""
    grads = grad_logps, grad_lse, grad_entropy, grad_log_sum_sq_probs
    statistics = logps, entropy, log_sum_sq_probs, top, total, stash
    operands = hidden, head, targets, bias, low_hidden, low_head, mask, row_temperature
    shard = group, vocab_start
    return _gradients(gradient, *grads, *statistics, *operands, temperature, softcap, logit_scale, needs, *shard)


@linear_token_stats_backward.register_kernel("cuda")
def _backward_cuda(*args: Any) -> OperandGrads:
    from prefcore.ops import _linear_cuda as cuda

    return _gradients(cuda.gradient, *args)


def _gradients(into: Any, *args: Any) -> OperandGrads:
    grads, (logps, *extra, top, total, stash), needs = args[:4], args[4:10], args[21]
    call: Any = (*args[10:21], *args[22:])
    hidden, _, _, bias, low_hidden, low_head = call[:6]
    problem = problem_of(*call)
    extra = [None if grad is None else value for grad, value in zip(grads[2:], extra, strict=True)]
    rows = [None if value is None else problem.rows(value) for value in (*grads, logps, *extra, top, total)]
    pairs = [(HIDDEN, HEAD)]
    pairs += [] if bias is None else [(0, BIAS)]
    pairs += [] if low_head is None else [(LOW_HIDDEN, LOW_HEAD)]
    wanted = [bool(needs & bit) for bit, _ in pairs], [bool(needs & bit) for _, bit in pairs]
    row_grads, vocabulary_grads = backward_pass.gradients(problem, Upstream(*rows), stash, *wanted, into)  # type: ignore[arg-type]
    found = {bit: grad for (_, bit), grad in zip(pairs, vocabulary_grads, strict=True) if grad is not None}
    for (bit, _), grad in zip(pairs, row_grads, strict=True):
        if grad is not None:
            like = hidden if bit == HIDDEN else low_hidden
            found[bit] = _spread(problem.shard.sum(grad).to(like.dtype), problem, like.shape)
    if BIAS in found:
        found[BIAS] = found[BIAS].squeeze(1)
    results = [found.get(bit, hidden.new_empty(0)) for bit in (HIDDEN, HEAD, BIAS, LOW_HIDDEN, LOW_HEAD)]
    return tuple(results)


@linear_token_stats_backward.register_fake
def _backward_fake(*args: Any) -> tuple[Tensor, ...]:
    hidden, head, _, bias, low_hidden, low_head = args[10:16]
    operands = hidden, head, bias, low_hidden, low_head
    return tuple(
        x.new_empty(x.shape) if args[21] & (1 << bit) else hidden.new_empty(0) for bit, x in enumerate(operands)
    )


def _save(ctx: Any, inputs: tuple[Any, ...], output: Outputs) -> None:
    ctx.set_materialize_grads(False)
    logps, _, entropy, log_sum_sq_probs, is_top1, mean_logits, top, total, stash, pull = output
    outputs, _, ctx.frozen, *ctx.shard = inputs[11:]
    ctx.transform = inputs[8:11]
    ctx.save_for_backward(logps, entropy, log_sum_sq_probs, top, total, stash, *inputs[:8], pull)
    unwanted = [x for bit, x in ((ENTROPY, entropy), (LOG_SUM_SQ_PROBS, log_sum_sq_probs)) if not outputs & bit]
    ctx.mark_non_differentiable(is_top1, mean_logits, top, total, stash, pull, *unwanted)


def _backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    *saved, pull = ctx.saved_tensors
    grads, hidden = grads[:4], saved[6]
    if all(grad is None for grad in grads):
        return (None,) * 16
    # Not where a second derivative may be asked for: the op below refuses it, a product with a constant would be 0.
    once = not torch.is_grad_enabled()
    if ctx.frozen and once and grads[1:] == (None,) * 3 and grads[0] is not None:
        up = grads[0].unsqueeze(-1)
        return torch.where(up == 0, 0.0, up * pull).to(hidden.dtype), *[None] * 15
    places = (0, 1, 3, 4, 5)
    needs = sum(1 << bit for bit, place in enumerate(places) if ctx.needs_input_grad[place])
    found = linear_token_stats_backward(*grads, *saved, *ctx.transform, needs, *ctx.shard)
    results: list[Tensor | None] = [None] * 16
    for bit, place in enumerate(places):
        results[place] = found[bit] if needs & (1 << bit) else None
    return tuple(results)


linear_token_stats.register_autograd(_backward, setup_context=_save)

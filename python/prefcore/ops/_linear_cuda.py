"""The two elementwise steps of linear_token_stats on CUDA: what the kernels take out of the problem."""

import torch
from torch import Tensor

from prefcore.ops._linear_problem import FAR, Problem
from prefcore.ops._linear_tiles import ENTROPY, IS_TOP1, LOG_SUM_SQ_PROBS, MEAN_LOGITS, Sums, Upstream


def add_strip(x: Tensor, sums: Sums, problem: Problem, at: slice, outputs: int, out: Tensor | None) -> None:
    """Add the logits of a strip to the sums; write e dz/dx / factor of the first rows to `out`, 0 at the target."""
    from prefcore.triton_kernels import linear_token_stats as kernels

    rows = sums.anchor, sums.best, sums.best_at, sums.own, sums.e, sums.e_gap, sums.e_squared, sums.z
    kernels.forward(
        x,
        problem.targets - at.start,
        *_transform(problem),
        rows,
        at.start + problem.shard.start,
        FAR,
        out,
        entropy=bool(outputs & ENTROPY),
        squares=bool(outputs & LOG_SUM_SQ_PROBS),
        top1=bool(outputs & IS_TOP1),
        mean=bool(outputs & MEAN_LOGITS),
    )


def gradient(x: Tensor, upstream: Upstream, problem: Problem, at: slice) -> Tensor:
    """Return dL/dx of a strip from its logits x, in the precision of the products."""
    from prefcore.triton_kernels import linear_token_stats as kernels

    def both(grad: Tensor | None, row: Tensor | None) -> tuple[Tensor, Tensor] | None:
        return None if grad is None or row is None else (grad.contiguous(), row.contiguous())

    zero = torch.zeros_like(upstream.top)
    linear = zero + upstream.linear()
    return kernels.backward(
        x,
        problem.targets - at.start,
        *_transform(problem),
        upstream.top.contiguous(),
        upstream.total.contiguous(),
        linear,
        upstream.own().contiguous(),
        both(upstream.entropy, upstream.row_entropy),
        both(upstream.log_sum_sq_probs, upstream.row_log_sum_sq_probs),
        problem.factors,
    )


def _transform(problem: Problem) -> tuple[Tensor | None, float, float, bool]:
    """Return the outer factor of each row, inner, outer, and whether tanh stands between them."""
    factor, softcap, logit_scale = problem.transform
    inner = 1.0 if softcap is None else logit_scale / softcap
    if isinstance(factor, Tensor):
        return (factor.double() / inner).contiguous(), inner, 1.0, softcap is not None
    return None, inner, factor / inner, softcap is not None

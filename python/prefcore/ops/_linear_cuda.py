"""The two elementwise steps of linear_token_stats on CUDA: what the kernels take out of the problem."""

from collections.abc import Callable

import torch
from torch import Tensor

from prefcore.ops._linear_problem import FAR, Problem
from prefcore.ops._linear_tiles import ENTROPY, IS_TOP1, LOG_SUM_SQ_PROBS, MEAN_LOGITS, Sums, Upstream


def add_strip(sums: Sums, problem: Problem, outputs: int) -> Callable[[Tensor, slice, Tensor | None], None]:
    """Return what adds the logits x of a strip to the sums.

    It writes e dz/dx / factor of the first rows to its last argument, 0 at the target.
    """
    from prefcore.triton_kernels import linear_token_stats as kernels

    transform, start = _transform(problem), problem.shard.start
    rows = sums.anchor, sums.best, sums.best_at, sums.own, sums.e, sums.e_gap, sums.e_squared, sums.z
    entropy, squares = bool(outputs & ENTROPY), bool(outputs & LOG_SUM_SQ_PROBS)
    top1, mean = bool(outputs & IS_TOP1), bool(outputs & MEAN_LOGITS)

    def add(x: Tensor, at: slice, out: Tensor | None) -> None:
        kernels.forward(
            x,
            problem.targets,
            *transform,
            rows,
            FAR,
            out,
            first=at.start,
            shard_start=start,
            entropy=entropy,
            squares=squares,
            top1=top1,
            mean=mean,
        )

    return add


def gradient(upstream: Upstream, problem: Problem) -> Callable[[Tensor, slice, Tensor], None]:
    """Return what turns the logits x of a strip into dL/dx, in the precision of the products."""
    from prefcore.triton_kernels import linear_token_stats as kernels

    def both(grad: Tensor | None, row: Tensor | None) -> tuple[Tensor, Tensor] | None:
        return None if grad is None or row is None else (grad.contiguous(), row.contiguous())

    transform = _transform(problem)
    top, total, own = upstream.top.contiguous(), upstream.total.contiguous(), upstream.own().contiguous()
    linear = torch.zeros_like(top) + upstream.linear()
    entropy = both(upstream.entropy, upstream.row_entropy)
    squares = both(upstream.log_sum_sq_probs, upstream.row_log_sum_sq_probs)

    def into(x: Tensor, at: slice, out: Tensor) -> None:
        kernels.backward(
            x, problem.targets, *transform, top, total, linear, own, entropy, squares, first=at.start, out=out
        )

    return into


def _transform(problem: Problem) -> tuple[Tensor | None, float, float, bool]:
    """Return the outer factor of each row, inner, outer, and whether tanh stands between them."""
    factor, softcap, logit_scale = problem.transform
    inner = 1.0 if softcap is None else logit_scale / softcap
    if isinstance(factor, Tensor):
        return (factor.double() / inner).contiguous(), inner, 1.0, softcap is not None
    return None, inner, factor / inner, softcap is not None

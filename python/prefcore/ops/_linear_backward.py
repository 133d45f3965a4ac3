"""Backward of linear_token_stats: the same strips; each part of the head's gradient is finished in its strip."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from prefcore.ops._linear_problem import ANCHORED, Pair, Problem, accumulate
from prefcore.ops._linear_tiles import Upstream, column, gradient

#: (tile of logits, upstream, problem, strip) -> dL/dx, in the precision of the operands
Gradient = Callable[[Tensor, Upstream, Problem, slice], Tensor]
Grads = list[Tensor | None]


class Part(NamedTuple):
    """Rows whose dL/dx comes about in the same way."""

    rows: Tensor
    """their places among the rows that count"""
    tile: Callable[[list[Tensor], slice], Tensor]
    """(head factors of a strip, strip) -> dL/dx up to `weight`, [rows, strip]"""
    factors: list[Tensor]
    """row factors, times `weight`"""
    weight: Tensor | None
    """number of each row that dL/dx still lacks; None = nothing"""


def gradients(
    problem: Problem,
    upstream: Upstream,
    stash: Tensor,
    wanted_rows: list[bool],
    wanted_vocabulary: list[bool],
    into: Gradient = gradient,
) -> tuple[Grads, Grads]:
    """Return the gradients of the row factors, [K, d] in the precision of sums, and of the vocabulary factors."""
    stashed, again = sort_rows(upstream, len(stash))
    # The stash lies in strips of the width that forward chose.
    widest = problem.widest(len(problem.targets) if len(stashed) else len(again))
    parts = []
    if len(stashed):
        parts.append(from_stash(problem, upstream, stash, stashed))
    if len(again):
        parts.append(recomputed(problem, upstream, again, widest, into))
    row_grads: Grads = [_zeros(pair.rows, problem) if want else None for pair, want in _zip(problem, wanted_rows)]
    vocabulary_grads: Grads = [
        torch.zeros_like(pair.vocabulary) if want else None for pair, want in _zip(problem, wanted_vocabulary)
    ]
    sums = [
        [_zeros(rows, problem) if want else None for rows, want in zip(part.factors, wanted_rows, strict=True)]
        for part in parts
    ]
    for at in problem.strips(widest) if parts else ():
        add_strip(problem.strip(at), at, parts, sums, vocabulary_grads, problem.dtype)
    for part, sums_of_part in zip(parts, sums, strict=True):
        for grad, total in zip(row_grads, sums_of_part, strict=True):
            if grad is not None and total is not None:
                grad[part.rows] = total if part.weight is None else total.mul_(column(part.weight, total))
    return row_grads, vocabulary_grads


def sort_rows(upstream: Upstream, stash_rows: int) -> tuple[Tensor, Tensor]:
    """Places of the rows that the stash serves and of those to compute again; no gradient comes back to the others."""
    others = [grad for grad in (upstream.lse, upstream.entropy, upstream.log_sum_sq_probs) if grad is not None]
    given = others if upstream.logps is None else [upstream.logps, *others]
    needed = torch.stack([grad != 0 for grad in given]).any(0)
    usable = torch.zeros_like(needed)
    if not others:
        usable[:stash_rows] = upstream.row_logps[:stash_rows] >= ANCHORED
    return (needed & usable).nonzero().squeeze(1), (needed & ~usable).nonzero().squeeze(1)


def from_stash(problem: Problem, upstream: Upstream, stash: Tensor, rows: Tensor) -> Part:
    """dL/dx of a row is its row of the stash times one number: exp(z - z_target) exp(logps) is p."""
    upstream, some = upstream.take(rows), problem.take(rows)
    weight = upstream.linear() * upstream.row_logps.exp() * some.transform.factor
    whole = len(rows) == min(len(stash), len(problem.targets))
    factors = [(pair.rows * column(weight, upstream.row_logps)).to(stash.dtype) for pair in some.pairs]

    def tile(_: list[Tensor], at: slice) -> Tensor:
        strip = problem.stashed(stash, at)
        return strip if whole else strip.index_select(0, rows)

    return Part(rows, tile, factors, weight)


def recomputed(problem: Problem, upstream: Upstream, rows: Tensor, widest: int, into: Gradient) -> Part:
    """dL/dx from logits that are computed again."""
    if len(rows) < len(problem.targets):
        problem, upstream = problem.take(rows), upstream.take(rows)
    memory = problem.memory(widest)

    def tile(strip: list[Tensor], at: slice) -> Tensor:
        return into(problem.logits(strip, problem.tile(memory, at)), upstream, problem, at)

    return Part(rows, tile, [pair.rows for pair in problem.pairs], None)


def add_strip(
    strip: list[Tensor], at: slice, parts: list[Part], sums: list[Grads], grads: Grads, dtype: torch.dtype
) -> None:
    """Add a strip to the sums of the rows, and finish that strip of the gradients of the vocabulary factors."""
    totals = [None if grad is None else _total(grad[at], dtype) for grad in grads]
    for part, sums_of_part in zip(parts, sums, strict=True):
        tile = part.tile(strip, at)
        for factor, row_sum, head, total in zip(part.factors, sums_of_part, strip, totals, strict=True):
            if row_sum is not None:
                accumulate(row_sum, tile, head)
            if total is not None:
                accumulate(total, tile.T, factor)
    for grad, total in zip(grads, totals, strict=True):
        if grad is not None and total is not None and grad.dtype != dtype:
            grad[at] = total


def _total(grad: Tensor, dtype: torch.dtype) -> Tensor:
    """Where a strip of a gradient is added up: in place if its precision allows."""
    return grad if grad.dtype == dtype else torch.zeros_like(grad, dtype=dtype)


def _zeros(rows: Tensor, problem: Problem) -> Tensor:
    return torch.zeros(rows.shape, dtype=problem.dtype, device=rows.device)


def _zip(problem: Problem, wanted: list[bool]) -> "zip[tuple[Pair, bool]]":
    return zip(problem.pairs, wanted, strict=True)

"""Backward of linear_token_stats: the same strips; each part of the head's gradient is finished in its strip."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from prefcore.ops._linear_problem import ANCHORED, Pair, Problem, accumulate, parts, within
from prefcore.ops._linear_tiles import Upstream, column, gradient

#: (upstream, problem) -> what takes a tile of logits, its strip, and where dL/dx goes
Gradient = Callable[[Upstream, Problem], Callable[[Tensor, slice, Tensor], None]]
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
    if whole_stash_serves(problem, stashed):
        return from_whole_stash(problem, upstream, stash, wanted_rows, wanted_vocabulary)
    if problem.sizes.stash_in_strips and len(stashed):
        broadest = problem.widest(len(problem.targets))  # the width that forward chose
    else:
        broadest = problem.broadest(max(len(stashed), len(again)))
    found = []
    if len(stashed):
        found.append(from_stash(problem, upstream, stash, stashed))
    if len(again):
        found.append(recomputed(problem, upstream, again, broadest, into))
    sums = [
        [_zeros(rows, problem) if want else None for rows, want in zip(part.factors, wanted_rows, strict=True)]
        for part in found
    ]
    allocate = torch.empty_like if found else torch.zeros_like
    vocabulary_grads: Grads = [
        allocate(pair.vocabulary) if want else None for pair, want in _zip(problem, wanted_vocabulary)
    ]
    for at in problem.strips(broadest) if found else ():
        add_strip(problem.strip(at), at, found, sums, vocabulary_grads, problem.dtype)
    row_grads: Grads = [_zeros(pair.rows, problem) if want else None for pair, want in _zip(problem, wanted_rows)]
    for part, sums_of_part in zip(found, sums, strict=True):
        for grad, total in zip(row_grads, sums_of_part, strict=True):
            if grad is not None and total is not None:
                grad[part.rows] = total if part.weight is None else total.mul_(column(part.weight, total))
    return row_grads, vocabulary_grads


def whole_stash_serves(problem: Problem, stashed: Tensor) -> bool:
    """Whether all rows come from a stash of whole rows, whose products can have the dtype of the gradients."""
    every = len(stashed) == len(problem.targets) and not problem.sizes.stash_in_strips
    return every and problem.factors == problem.pairs[0].vocabulary.dtype


def from_whole_stash(
    problem: Problem, upstream: Upstream, stash: Tensor, wanted_rows: list[bool], wanted_vocabulary: list[bool]
) -> tuple[Grads, Grads]:
    """Two products over the whole vocabulary."""
    stash = problem.stashed(stash, slice(0, problem.shard.size))
    weight = stash_weight(problem, upstream)
    row_grads = [
        _rows_from_whole_stash(problem, pair, stash, weight) if want else None
        for pair, want in _zip(problem, wanted_rows)
    ]
    vocabulary_grads: Grads = []
    for pair, want in _zip(problem, wanted_vocabulary):
        grad = torch.empty_like(pair.vocabulary) if want else None
        if grad is not None:
            accumulate(grad, stash.T, (pair.rows * column(weight, weight)).to(stash.dtype), keep=False)
        vocabulary_grads.append(grad)
    return row_grads, vocabulary_grads


def _rows_from_whole_stash(problem: Problem, pair: Pair, stash: Tensor, weight: Tensor) -> Tensor:
    """Gradient of row factors; 2,048 rows at a time are rounded, except where shards still have to add theirs."""
    out = torch.empty_like(pair.rows, dtype=problem.dtype if problem.shard.group else None)
    for rows in parts(slice(0, len(stash)), 2048):
        total = torch.empty_like(pair.rows[rows], dtype=problem.dtype)
        accumulate(total, stash[rows], pair.vocabulary, keep=False)
        out[rows] = total.mul_(column(weight[rows], total))
    return out


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
    weight = stash_weight(some, upstream)
    whole = len(rows) == min(len(stash), len(problem.targets))
    factors = [(pair.rows * column(weight, upstream.row_logps)).to(stash.dtype) for pair in some.pairs]

    def tile(_: list[Tensor], at: slice) -> Tensor:
        strip = problem.stashed(stash, at)
        return strip if whole else strip.index_select(0, rows)

    return Part(rows, tile, factors, weight)


def stash_weight(problem: Problem, upstream: Upstream) -> Tensor:
    """Return the number of each row that turns its stash into dL/dx."""
    return upstream.row_logps.exp() * upstream.linear() * problem.transform.factor


def recomputed(problem: Problem, upstream: Upstream, rows: Tensor, broadest: int, into: Gradient) -> Part:
    """dL/dx from logits that are computed again."""
    if len(rows) < len(problem.targets):
        problem, upstream = problem.take(rows), upstream.take(rows)
    widest = min(problem.widest(len(rows)), broadest)
    memory = problem.memory(widest)
    products = problem.products(memory, widest, broadest)
    to_gradient = into(upstream, problem)

    def tile(strip: list[Tensor], whole: slice) -> Tensor:
        out = problem.tile(products, whole)
        for at in parts(whole, widest):
            inside = within(at, whole)
            x = problem.logits([part[inside] for part in strip], problem.tile(memory, at))
            to_gradient(x, at, out[:, inside])
        return out

    return Part(rows, tile, [pair.rows for pair in problem.pairs], None)


def add_strip(
    strip: list[Tensor], at: slice, found: list[Part], sums: list[Grads], grads: Grads, dtype: torch.dtype
) -> None:
    """Add a strip to the sums of the rows, and finish that strip of the gradients of the vocabulary factors."""
    totals = [None if grad is None else _total(grad[at], found, dtype) for grad in grads]
    for number, (part, sums_of_part) in enumerate(zip(found, sums, strict=True)):
        tile = part.tile(strip, at)
        for factor, row_sum, head, total in zip(part.factors, sums_of_part, strip, totals, strict=True):
            if row_sum is not None:
                accumulate(row_sum, tile, head)
            if total is not None:
                accumulate(total, tile.T, factor, keep=number > 0)
    for grad, total in zip(grads, totals, strict=True):
        if grad is not None and total is not None and grad.dtype != total.dtype:
            grad[at] = total


def _total(grad: Tensor, found: list[Part], dtype: torch.dtype) -> Tensor:
    """Where a strip of a gradient is made: in place if it has the precision of sums, or is a single product."""
    alone = len(found) == 1 and found[0].factors[0].dtype == grad.dtype
    return grad if alone or grad.dtype == dtype else torch.empty_like(grad, dtype=dtype)


def _zeros(rows: Tensor, problem: Problem) -> Tensor:
    return torch.zeros(rows.shape, dtype=problem.dtype, device=rows.device)


def _zip(problem: Problem, wanted: list[bool]) -> "zip[tuple[Pair, bool]]":
    return zip(problem.pairs, wanted, strict=True)

"""Forward of linear_token_stats: strips of the vocabulary, one after the other, over all rows at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prefcore.errors import DomainError
from prefcore.ops._linear_problem import Problem, accumulate, parts, within
from prefcore.ops._linear_tiles import (
    ENTROPY,
    IS_TOP1,
    LOG_SUM_SQ_PROBS,
    MEAN_LOGITS,
    Sums,
    add_strip,
    finite,
    move_anchor,
    move_best,
    put_target,
    to_z,
)

#: (sums, problem, outputs) -> what takes a tile of logits, its strip, and where the exponentials of the first rows go
AddStrip = Callable[[Sums, Problem, int], Callable[[Tensor, slice, Tensor | None], None]]


class Scored(NamedTuple):
    """Statistics of the rows that count, [K]; those not asked for are None."""

    logps: Tensor
    lse: Tensor
    entropy: Tensor | None
    log_sum_sq_probs: Tensor | None
    is_top1: Tensor | None
    mean_logits: Tensor | None
    top: Tensor
    """largest z"""
    total: Tensor
    """sum of exp(z - top)"""
    others: Tensor
    """sum of exp(z - z of the target) over all tokens but the target, inf where the target is masked vocabulary"""
    target_slope: Tensor
    """dz/dx of the target over `factor`; 0 on other shards"""


def score(
    problem: Problem,
    outputs: int,
    stash: Tensor,
    pull: Tensor | None,
    add: AddStrip = add_strip,
) -> Scored:
    """Return the statistics; fill the stash, S V numbers in strips, and add e times the head to the pull, [K, D]."""
    target, target_slope = target_logits(problem)
    target = problem.shard.sum(target)
    sums = Sums.at(target)
    widest, broadest = problem.widest(len(target)), problem.broadest(len(target))
    memory = problem.memory(widest)
    products = None if pull is None else problem.products(memory, widest, broadest)
    add_to_sums = add(sums, problem, outputs)
    for whole in problem.strips(broadest):
        strip = problem.strip(whole)
        e = None if products is None else problem.tile(products, whole)
        for at in parts(whole, widest):
            inside = within(at, whole)
            out = problem.stashed(stash, at) if len(stash) else None if e is None else e[:, inside]
            add_to_sums(problem.logits([part[inside] for part in strip], problem.tile(memory, at)), at, out)
        if pull is not None and e is not None:
            accumulate(pull, e, strip[0])
    merge(sums, problem, outputs)
    return finish(sums, target, target_slope, problem, outputs)


def target_logits(problem: Problem) -> tuple[Tensor, Tensor]:
    """Return z of each target and dz/dx over `factor`: 0 on shards that do not hold it, NaN outside the vocabulary."""
    local, size = problem.targets, problem.shard.size
    x = torch.zeros(len(local), dtype=problem.dtype, device=local.device)
    mine = (local >= 0) & (local < size)
    if size:
        place = local.clamp(0, size - 1)
        for start in range(0, len(local), 1024):  # gathered rows of the head must not make the peak
            part = slice(start, start + 1024)
            for pair in problem.pairs:
                head = pair.vocabulary[place[part]].to(problem.dtype)
                x[part] += head.mul_(pair.rows[part]).sum(1)
    x = x.unsqueeze(1)
    slope = to_z(x, problem.transform)
    outside = (local + problem.shard.start < 0) | (local + problem.shard.start >= problem.shard.total)
    z = torch.where(mine, x.squeeze(1), 0.0).masked_fill(outside, torch.nan)
    return z, mine.to(x.dtype) if slope is None else torch.where(mine, slope.squeeze(1), 0.0)


def merge(sums: Sums, problem: Problem, outputs: int) -> None:
    """Add up the sums of the shards."""
    shard = problem.shard
    if not shard.group:
        return
    move_anchor(sums, shard.max(sums.anchor))
    best, here = shard.max(sums.best), sums.best.clone()
    move_best(sums, best)
    together = shard.sum(torch.stack([sums.e, sums.e_gap, sums.e_squared, sums.z]))
    for mine, all_of_them in zip((sums.e, sums.e_gap, sums.e_squared, sums.z), together, strict=True):
        mine.copy_(all_of_them)
    if outputs & IS_TOP1:
        sums.own.copy_(shard.sum(sums.own))
        nowhere = torch.iinfo(torch.int64).max
        sums.best_at.copy_(shard.min(sums.best_at.masked_fill(here != best, nowhere)))


def finish(sums: Sums, target: Tensor, target_slope: Tensor, problem: Problem, outputs: int) -> Scored:
    """Turn sums into statistics, in f64 until they are rounded once."""
    anchor = finite(sums.anchor).double()
    gap = target.double() - anchor
    own = gap.exp()
    total = sums.e + own
    log_total = torch.where(gap == 0, sums.e.log1p(), total.log())
    log_total = log_total.masked_fill(total == 0, torch.nan)  # a row of -inf alone
    entropy = log_squares = is_top1 = mean_logits = None
    if outputs & ENTROPY:
        own_gap = torch.where(own > 0, gap * own, 0.0 * own)
        entropy = log_total - (sums.e_gap + sums.e * (finite(sums.best).double() - anchor) + own_gap) / total
    if outputs & LOG_SUM_SQ_PROBS:
        log_squares = (sums.e_squared + own.square()).log() - 2 * log_total
    if outputs & IS_TOP1:
        place = problem.targets + problem.shard.start
        is_top1 = (sums.own > sums.best) | ((sums.own == sums.best) & (place < sums.best_at))
    if outputs & MEAN_LOGITS:
        mean_logits = sums.z / problem.shard.total
    logps, lse = torch.where(gap == 0, -log_total, gap - log_total), anchor + log_total
    top = torch.maximum(sums.best, target)
    of_top = total * (anchor - finite(top).double()).exp()
    others = (sums.e * (-gap).exp()).to(problem.dtype)
    floats = logps, lse, entropy, log_squares, mean_logits, of_top
    logps, lse, entropy, log_squares, mean_logits, of_top = (_rounded(x, problem.dtype) for x in floats)
    return Scored(logps, lse, entropy, log_squares, is_top1, mean_logits, top, of_top, others, target_slope)


def _rounded(values: Any, dtype: torch.dtype) -> Any:
    return None if values is None else values.to(dtype)


def close_stash(stash: Tensor, scored: Scored, problem: Problem) -> None:
    """Write what stands for the target in the stash: minus the sum of all others, so that rows sum to 0."""
    rows = min(len(stash), len(scored.logps))
    stash.view(-1)[rows * problem.shard.size :].zero_()
    own = (-scored.others * scored.target_slope)[:rows]
    for at in problem.strips(problem.widest(len(problem.targets)) if problem.sizes.stash_in_strips else stash.shape[1]):
        put_target(problem.stashed(stash, at), problem.targets[:rows] - at.start, own)


def pulled(pull: Tensor, scored: Scored, problem: Problem) -> Tensor:
    """Turn the pull into the gradient of logps by the hidden states, [K, D]; of rows with a far target it is not."""
    p = scored.logps.exp()
    own = -scored.logps.expm1() * scored.target_slope
    pull.mul_(-p.unsqueeze(1))
    size = problem.shard.size
    if size:
        place = problem.targets.clamp(0, size - 1)
        for start in range(0, len(place), 1024):
            part = slice(start, start + 1024)
            head = problem.pairs[0].vocabulary[place[part]].to(pull.dtype)
            pull[part].addcmul_(own[part].unsqueeze(1), head)
    factor = problem.transform.factor
    return pull.mul_(factor.to(pull.dtype).unsqueeze(1) if isinstance(factor, Tensor) else factor)


def check_rows(problem: Problem, shape: torch.Size) -> None:
    """Name the first target outside the vocabulary."""
    tokens = problem.targets + problem.shard.start
    wrong = (tokens < 0) | (tokens >= problem.shard.total)
    if bool(wrong.any()):
        at = int(wrong.nonzero()[0])
        where = position(problem, at, shape)
        raise DomainError(f"targets{where} must be >= 0 and < {problem.shard.total} (or masked), got {int(tokens[at])}")


def check_totals(scored: Scored, problem: Problem, shape: torch.Size) -> None:
    """Name the first row whose logits are all -inf."""
    nothing = scored.top == -torch.inf
    if bool(nothing.any()):
        where = position(problem, int(nothing.nonzero()[0]), shape)
        raise DomainError(f"logits{where} must be a row with at least one entry above -inf, got -inf everywhere")


def position(problem: Problem, row: int, shape: torch.Size) -> str:
    """Place of a row that counts, in the caller's shape."""
    flat = torch.tensor(row if problem.index is None else int(problem.index[row]))
    return str([int(axis) for axis in torch.unravel_index(flat, shape)]) if shape else ""

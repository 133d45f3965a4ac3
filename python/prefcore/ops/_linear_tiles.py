"""Elementwise work on a tile of logits, in place and in plain torch; CUDA has kernels for the same two steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prefcore.ops._linear_problem import FAR, Problem, Transform
from prefcore.ops.token_stats import EXTRAS

ENTROPY, LOG_SUM_SQ_PROBS, IS_TOP1, MEAN_LOGITS = EXTRAS.values()
#: in units of nats: exp of it is 0 in every dtype, and 0 times it is not NaN
NOTHING = -1e4
#: a quarter of what two cores have, so that a block and its temporaries stay there
BLOCK_BYTES = 256 << 10


class Sums(NamedTuple):
    """What the strips add up for each row, over all tokens but the target, in place; e = exp(z - anchor)."""

    anchor: Tensor
    """z of the target, or a larger z where another token is more than FAR above it."""
    e: Tensor
    """f64, as are the other sums."""
    e_gap: Tensor
    """sum of e (z - best): the entropy would cancel around an anchor far from the mass"""
    e_squared: Tensor
    z: Tensor
    """sum of z, the target included"""
    own: Tensor
    """z of the target as the tile has it, 0 on other shards"""
    best: Tensor
    """largest z"""
    best_at: Tensor
    """first token that has it, counted from the start of the whole vocabulary"""

    @classmethod
    def at(cls, anchor: Tensor) -> "Sums":
        """Nothing added up yet."""
        zero = torch.zeros(4, len(anchor), dtype=torch.float64, device=anchor.device)
        best_at = torch.full(anchor.shape, torch.iinfo(torch.int64).max, device=anchor.device)
        best = torch.full_like(anchor, -torch.inf)
        return cls(anchor.clone(), zero[0], zero[1], zero[2], zero[3], torch.zeros_like(anchor), best, best_at)


def column(values: float | Tensor, like: Tensor) -> float | Tensor:
    """Numbers of rows as a column that multiplies a tile."""
    return values.to(like.dtype).unsqueeze(1) if isinstance(values, Tensor) else values


def to_z(x: Tensor, transform: Transform) -> Tensor | None:
    """Turn logits x into z, in place; return dz/dx over `factor` where that is not 1."""
    factor = column(transform.factor, x)
    if transform.softcap is None:
        if isinstance(factor, Tensor) or factor != 1.0:
            x.mul_(factor)
        return None
    out = x == -torch.inf
    x.mul_(transform.logit_scale / transform.softcap).tanh_()
    slope = torch.addcmul(x.new_ones(()), x, x, value=-1)
    x.mul_(column(transform.factor * (transform.softcap / transform.logit_scale), x)).masked_fill_(out, -torch.inf)
    return slope


def add_strip(sums: Sums, problem: Problem, outputs: int) -> Callable[[Tensor, slice, Tensor | None], None]:
    """Return what adds the logits x of a strip to the sums.

    It writes e dz/dx / factor of the first rows to its last argument, 0 at the target.
    """

    def add(x: Tensor, at: slice, out: Tensor | None) -> None:
        for rows in blocks(x):
            some = Sums(*(value[rows] for value in sums))
            _add_block(x[rows], some, problem.take(rows), at, outputs, None if out is None else out[rows])

    return add


def blocks(tile: Tensor) -> Iterator[slice]:
    """Rows of a tile that stay in the cache of a core from one elementwise step to the next."""
    rows = max(BLOCK_BYTES // (tile.shape[1] * tile.itemsize), 1) if tile.device.type == "cpu" else max(len(tile), 1)
    return (slice(start, start + rows) for start in range(0, len(tile), rows))


def _add_block(x: Tensor, sums: Sums, problem: Problem, at: slice, outputs: int, out: Tensor | None) -> None:
    slope = to_z(x, problem.transform)
    if outputs & MEAN_LOGITS:
        sums.z.add_(x.sum(1, dtype=torch.float64))
    place, own = put_target(x, problem.targets - at.start, -torch.inf)
    sums.own.add_(torch.where(place, own, 0.0))
    top, top_at = x.max(1) if outputs & IS_TOP1 else (x.amax(1), None)
    if top_at is not None:
        sums.best_at.copy_(torch.where(top > sums.best, top_at + at.start + problem.shard.start, sums.best_at))
    move_best(sums, torch.maximum(sums.best, top))
    move_anchor(sums, torch.where(top - sums.anchor > FAR, top, sums.anchor))
    gap = x - finite(sums.best).unsqueeze(1) if outputs & ENTROPY else None
    x.sub_(finite(sums.anchor).unsqueeze(1))
    straight = out is not None and slope is None and out.shape == x.shape and out.dtype == x.dtype
    e = torch.exp(x, out=out if straight else x)
    if gap is not None:
        sums.e_gap.add_(gap.clamp_(min=NOTHING).mul_(e).sum(1))
    sums.e.add_(e.sum(1))
    if outputs & LOG_SUM_SQ_PROBS:
        sums.e_squared.add_(e.square().sum(1))
    if out is not None and not straight:
        out.copy_((e if slope is None else e.mul_(slope))[: len(out)])


def put_target(tile: Tensor, place: Tensor, value: float | Tensor) -> tuple[Tensor, Tensor]:
    """Write a value where the target is; return which rows have it in this tile, and what was there."""
    inside = (place >= 0) & (place < tile.shape[1])
    place = place.clamp(0, tile.shape[1] - 1).unsqueeze(1)
    old = tile.gather(1, place).squeeze(1)
    new = value.to(tile.dtype) if isinstance(value, Tensor) else torch.full_like(old, value)
    tile.scatter_(1, place, torch.where(inside, new, old).unsqueeze(1))
    return inside, old


def finite(anchor: Tensor) -> Tensor:
    """Return the anchor as it is subtracted: -inf - (-inf) would be NaN."""
    return anchor.masked_fill(anchor == -torch.inf, 0.0)


def move_anchor(sums: Sums, anchor: Tensor) -> None:
    """Express the sums in terms of another anchor."""
    down = torch.where(anchor > sums.anchor, finite(sums.anchor).double() - anchor.double(), 0.0)
    scale = torch.where(sums.anchor > -torch.inf, down.exp(), 1.0)  # nothing has been added to an anchor of -inf
    sums.e.mul_(scale)
    sums.e_gap.mul_(scale)
    sums.e_squared.mul_(scale.square())
    sums.anchor.copy_(anchor)


def move_best(sums: Sums, best: Tensor) -> None:
    """Express e_gap in terms of another largest z."""
    sums.e_gap.add_(sums.e * (finite(sums.best).double() - finite(best).double()))
    sums.best.copy_(best)


@dataclass(frozen=True)
class Upstream:
    """Gradients that come back to each row, [K] or None, and the statistics that forward returned for it."""

    logps: Tensor | None
    lse: Tensor | None
    entropy: Tensor | None
    log_sum_sq_probs: Tensor | None
    row_logps: Tensor
    row_entropy: Tensor | None
    row_log_sum_sq_probs: Tensor | None
    top: Tensor
    """largest z of the row"""
    total: Tensor
    """sum of exp(z - top)"""

    def take(self, chosen: Tensor | slice) -> "Upstream":
        """Those of some rows."""
        taken = {name: None if value is None else value[chosen] for name, value in vars(self).items()}
        return Upstream(**taken)  # type: ignore[arg-type]

    def linear(self) -> float | Tensor:
        """What p itself is multiplied by."""
        return -_zero(self.logps) + _zero(self.lse) - 2 * _zero(self.log_sum_sq_probs)

    def weigh(self, log_p: Tensor, p: Tensor) -> Tensor:
        """dL/dz of tokens other than the target, in the place of p; rows as columns."""
        linear = self.linear()
        weight: Any = column(linear, p)
        if self.entropy is not None and self.row_entropy is not None:
            weight = weight - column(self.entropy, p) * (log_p.clamp(min=NOTHING) + column(self.row_entropy, p))
        p = p * weight
        if self.log_sum_sq_probs is not None and self.row_log_sum_sq_probs is not None:
            share = torch.exp(2 * log_p - column(self.row_log_sum_sq_probs, p))
            p += share * column(2 * self.log_sum_sq_probs, p)
        return p

    def own(self) -> Tensor:
        """dL/dz of the target: 1 - p is -expm1(logp), which does not cancel; masked vocabulary has none."""
        log_p = self.row_logps.unsqueeze(1)
        own = self.weigh(log_p, log_p.exp()).squeeze(1)
        if self.logps is not None:  # g (1 - p) instead of g - g p
            without = replace(self, logps=None)
            own = without.weigh(log_p, log_p.exp()).squeeze(1) - self.logps * self.row_logps.expm1()
        return own.masked_fill(self.row_logps == -torch.inf, 0.0)


def _zero(values: Tensor | None) -> float | Tensor:
    return 0.0 if values is None else values


def gradient(upstream: Upstream, problem: Problem) -> Callable[[Tensor, slice, Tensor], None]:
    """Return what turns the logits x of a strip into dL/dx; its last argument, where that goes, may be x itself."""

    def into(x: Tensor, at: slice, out: Tensor) -> None:
        for rows in blocks(x):
            _block_gradient(x[rows], upstream.take(rows), problem.take(rows), at)
        if out.data_ptr() != x.data_ptr():
            out.copy_(x)

    return into


def _block_gradient(x: Tensor, upstream: Upstream, problem: Problem, at: slice) -> None:
    slope = to_z(x, problem.transform)
    x.sub_(column(finite(upstream.top), x))
    if upstream.entropy is None and upstream.log_sum_sq_probs is None:
        weight = upstream.linear() / upstream.total * problem.transform.factor
        x.exp_().mul_(column(weight, x))
    else:
        x.sub_(column(upstream.total.log(), x))
        x.copy_(upstream.weigh(x, x.exp())).mul_(column(problem.transform.factor, x))
    put_target(x, problem.targets - at.start, upstream.own() * problem.transform.factor)
    if slope is not None:
        x.mul_(slope)

"""What forward and backward of linear_token_stats share: the rows that count, the products, the transform."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from prefcore.ops._vocabulary_shard import Shard


class Sizes(NamedTuple):
    """How the work is cut on a kind of device."""

    tile_bytes: int
    """of a tile of logits"""
    product_bytes: int
    """of dL/dx that a product takes at once, tile after tile"""
    narrowest: int
    """columns: fewer would make the products slow, whatever the number of rows"""
    stash_in_strips: bool
    """whether the stash holds one strip after the other, or whole rows"""


SIZES = {
    # A tile fits into a last-level cache, and a product takes it from there. Rows as far apart as V are slow.
    "cpu": Sizes(16 << 20, 0, 128, stash_in_strips=True),
    # A tile passes through the cache too, but a product over so few columns would read and write its f32 sums once for
    # each tile. A stash of whole rows makes backward two products.
    "cuda": Sizes(64 << 20, 128 << 20, 1024, stash_in_strips=False),
}
#: exp of a gap of more nats is not kept: its square, summed over a vocabulary, must stay inside f32
FAR = 30.0
#: a log-prob above it says that no gap was above FAR, whatever the rounding
ANCHORED = 1.0 - FAR


class Pair(NamedTuple):
    """Two factors whose product is part of the logits: x = sum of rows @ vocabulary.T over the pairs."""

    rows: Tensor
    """[K, d], the rows that count."""
    vocabulary: Tensor
    """[V, d]"""


class Transform(NamedTuple):
    """z = factor x, or factor softcap / logit_scale tanh(logit_scale x / softcap)."""

    factor: float | Tensor
    """logit_scale / temperature, or that of each row, [K]."""
    softcap: float | None
    logit_scale: float


@dataclass(frozen=True)
class Problem:
    """Rows of the call that count, flattened to K, and what their logits are made of."""

    shard: Shard
    index: Tensor | None
    """Their places among all rows; None = all rows count, or the places are known to somebody else."""
    pairs: list[Pair]
    targets: Tensor
    """[K], counted from the start of the shard."""
    transform: Transform
    dtype: torch.dtype
    """Precision of sums."""
    factors: torch.dtype
    """Precision in which the products take their factors."""

    @property
    def sizes(self) -> Sizes:
        """Those of the device."""
        return SIZES["cuda" if self.targets.is_cuda else "cpu"]

    def widest(self, rows: int) -> int:
        """Columns of a tile of that many rows."""
        width = self.sizes.tile_bytes // (max(rows, 1) * self.dtype.itemsize)
        narrowest = self.sizes.narrowest
        return min(max(width // narrowest, 1) * narrowest, max(self.shard.size, 1))

    def broadest(self, rows: int) -> int:
        """Columns that a product takes at once: those of one tile or of several."""
        tile = self.widest(rows)
        tiles = self.sizes.product_bytes // (max(rows, 1) * tile * self.factors.itemsize)
        return min(max(tiles, 1) * tile, max(self.shard.size, 1))

    def strips(self, widest: int) -> Iterator[slice]:
        """Parts of the vocabulary that are at most so wide."""
        return parts(slice(0, self.shard.size), widest)

    def strip(self, at: slice) -> list[Tensor]:
        """Return the vocabulary factors of a strip as the products take them."""
        return [pair.vocabulary[at].to(self.factors) for pair in self.pairs]

    def logits(self, strip: list[Tensor], out: Tensor) -> Tensor:
        """Write the logits x of a strip into `out`."""
        for number, (pair, part) in enumerate(zip(self.pairs, strip, strict=True)):
            accumulate(out, pair.rows, part.T, keep=number > 0)
        return out

    def tile(self, memory: Tensor, at: slice) -> Tensor:
        """Return a contiguous [K, strip] part of a flat buffer."""
        shape = len(self.targets), at.stop - at.start
        return memory[: shape[0] * shape[1]].view(shape)

    def memory(self, width: int) -> Tensor:
        """Allocate a buffer for one tile."""
        return torch.empty(len(self.targets) * width, dtype=self.dtype, device=self.targets.device)

    def products(self, memory: Tensor, widest: int, broadest: int) -> Tensor:
        """Return a buffer for what a product takes at once: that of the tile where they are one and the same."""
        if widest == broadest and self.factors == self.dtype:
            return memory
        return torch.empty(len(self.targets) * broadest, dtype=self.factors, device=memory.device)

    def stashed(self, stash: Tensor, at: slice) -> Tensor:
        """Return a strip of the stash."""
        rows = min(len(stash), len(self.targets))
        if self.sizes.stash_in_strips:
            return stash.view(-1)[rows * at.start : rows * at.stop].view(rows, at.stop - at.start)
        return stash[:rows, at]

    def rows(self, values: Tensor) -> Tensor:
        """Pick the rows that count from values [...] of all rows."""
        flat = values.reshape(-1)
        return flat if self.index is None else flat[self.index]

    def take(self, chosen: Tensor | slice) -> "Problem":
        """Return the problem of some of its rows."""
        factor = self.transform.factor
        return Problem(
            self.shard,
            None,
            [Pair(pair.rows[chosen], pair.vocabulary) for pair in self.pairs],
            self.targets[chosen],
            self.transform._replace(factor=factor[chosen] if isinstance(factor, Tensor) else factor),
            self.dtype,
            self.factors,
        )


def parts(whole: slice, widest: int) -> Iterator[slice]:
    """Cut a slice into parts that are at most so wide."""
    for start in range(whole.start, whole.stop, widest):
        yield slice(start, min(start + widest, whole.stop))


def within(at: slice, whole: slice) -> slice:
    """Return a part as it is counted from the start of the whole."""
    return slice(at.start - whole.start, at.stop - whole.start)


def problem_of(
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
    group: str,
    vocab_start: int,
) -> Problem:
    """Drop the masked rows and bring the operands into the form of the products."""
    shard = Shard.of(group, vocab_start, len(head), targets)
    index = None if mask is None else mask.reshape(-1).nonzero().squeeze(1)
    dtype = torch.float64 if hidden.dtype == torch.float64 else torch.float32
    factors = factor_dtype(hidden)

    def kept(rows: Tensor) -> Tensor:
        flat = rows.reshape(targets.numel(), rows.shape[-1])
        return (flat if index is None else flat[index]).to(factors)

    pairs = [Pair(kept(hidden), head)]
    if bias is not None:
        pairs.append(Pair(bias.new_ones(len(pairs[0].rows), 1, dtype=factors), bias.unsqueeze(1)))
    if low_hidden is not None and low_head is not None:
        pairs.append(Pair(kept(low_hidden), low_head))
    flat = targets.reshape(-1)
    factor: float | Tensor = logit_scale / temperature
    if row_temperature is not None:
        factor = logit_scale / (row_temperature.reshape(-1) if index is None else row_temperature.reshape(-1)[index])
    local = (flat if index is None else flat[index]) - shard.start
    return Problem(shard, index, pairs, local, Transform(factor, softcap, logit_scale), dtype, factors)


def factor_dtype(hidden: Tensor) -> torch.dtype:
    """Precision in which products take their factors: only CUDA has a GEMM of half types that returns f32."""
    if hidden.dtype == torch.float64 or (hidden.is_cuda and torch.version.hip is None):
        return hidden.dtype
    return torch.float32


def accumulate(out: Tensor, a: Tensor, b: Tensor, *, keep: bool = True) -> None:
    """Add a @ b to `out` in its precision; without `keep`, `out` is overwritten."""
    if a.shape[1] == 1 and keep:  # an outer product, where a 0 of padding times -inf would be NaN
        out.addcmul_(a.to(out.dtype), b.to(out.dtype))
    elif a.dtype == out.dtype:
        torch.addmm(out, a, b, beta=int(keep), out=out)
    else:
        torch.addmm(out, a, b, out_dtype=out.dtype, beta=int(keep), out=out)

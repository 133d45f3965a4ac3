"""Cases of linear_token_stats."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ops.op_case import Args, OpCase, ids, keep
from prefcore.ops import linear_token_stats

ALL = 15
LOGPS = 0


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear(
    *shape: int,
    width: int = 16,
    vocab: int = 100,
    spread: float = 3.0,
    edit: Callable[[Tensor, Tensor, Tensor], None] = lambda *_: None,
    bias: Callable[[Tensor], Tensor] | None = None,
    rank: int = 0,
    mask: Tensor | None = None,
    rows: bool = False,
    temperature: float = 1.0,
    softcap: float | None = None,
    scale: float = 1.0,
    outputs: int = ALL,
    stash: int = 0,
    frozen: bool = False,
    view: Callable[[Tensor], Tensor] = lambda x: x,
) -> Callable[[torch.dtype], Args]:
    """Arguments for `shape` tokens, targets inside the vocabulary; logits have the standard deviation `spread`."""

    def make(dtype: torch.dtype) -> Args:
        hidden = view(normal(1, *shape, width))
        head = normal(2, vocab, hidden.shape[-1]) * spread * hidden.shape[-1] ** -0.5
        targets = ids(vocab, *hidden.shape[:-1])
        edit(hidden, head, targets)
        if mask is not None:
            targets = targets.masked_fill(~mask, -100)
        row = torch.linspace(0.5, 2.0, targets.numel(), dtype=torch.float64).reshape(targets.shape) if rows else None
        column = None if bias is None else bias(normal(3, vocab)).to(dtype)
        low: tuple[Any, Any] = (None, None)
        if rank:
            low = normal(4, *hidden.shape[:-1], rank).to(dtype), normal(5, vocab, rank).to(dtype)
        operands = hidden.to(dtype), head.to(dtype), targets, column, *low, mask, row
        return *operands, temperature, softcap, scale, outputs, stash, frozen, "", -1

    return make


def masked_vocabulary(bias: Tensor) -> Tensor:
    """The first half of the vocabulary out, whole strips of it; the targets of some rows are among them."""
    bias[: len(bias) // 2] = -torch.inf
    return bias


def peaked(hidden: Tensor, head: Tensor, targets: Tensor) -> None:
    """A trained head: the target of each row holds nearly all of the mass."""
    hidden += 25.0 * head[targets] / head[targets].square().sum(-1, keepdim=True)


def outlier(hidden: Tensor, head: Tensor, targets: Tensor) -> None:
    """Token 1 is 80 above the rest, so that nearly all targets are far below -60.

    Multiples of 1/8: the logits are exact in f32. Else the z that backward computes again would differ by
    the rounding of a product of another shape, 1e-5 here, and p with it.
    """
    for factor in (hidden, head):
        factor.mul_(8).round_().div_(8)
    hidden[..., 0] = 1.0
    head[:, 0] = 0.0
    head[1, 0] = 80.0


CASE = OpCase(
    op=linear_token_stats.linear_token_stats,
    reference=linear_token_stats.reference,
    differentiable=(0, 1, 3, 4, 5),
    inputs={
        "one_token": linear(3, vocab=1),
        "below_a_strip": linear(5, vocab=7),
        "strip_edges": linear(1100, width=8, vocab=7682),  # strips of 3,712 columns: two, and one of 258
        "batch_stash": linear(2, 5, vocab=333, stash=10, outputs=LOGPS),
        "partial_stash": linear(9, stash=4),
        "no_leading_axis": linear(vocab=129),
        "no_rows": linear(0, 4),
        "shifted_view": linear(3, 6, view=lambda x: x[:, :-1]),
        "strided_hidden": linear(3, 16, width=4, view=lambda x: x.transpose(1, 2)),
        "masked_rows_bias": linear(4, 9, mask=keep(4, 9), bias=lambda b: b),
        "masked_rows_stash": linear(4, 9, mask=keep(4, 9), stash=30, outputs=LOGPS, softcap=5.0),
        "all_masked": linear(2, 3, mask=torch.zeros(2, 3, dtype=torch.bool), stash=2),
        "masked_vocabulary": linear(40, vocab=3000, bias=masked_vocabulary, stash=20, outputs=LOGPS),
        "masked_vocabulary_softcap": linear(40, vocab=300, bias=masked_vocabulary, softcap=5.0),
        "peaked": linear(6, width=64, vocab=2050, edit=peaked),
        "peaked_stash": linear(6, width=64, vocab=2050, edit=peaked, stash=6, outputs=LOGPS),
        "outlier_stash": linear(6, vocab=300, edit=outlier, stash=6, outputs=LOGPS),
        "outlier": linear(6, vocab=300, edit=outlier),
        "row_temperature_stash": linear(2, 4, rows=True, stash=8, outputs=LOGPS, scale=0.5),
        "everything": linear(2, 4, rows=True, softcap=5.0, scale=0.5, rank=3, bias=lambda b: b, mask=keep(2, 4)),
        "low_rank_stash": linear(7, rank=3, bias=lambda b: b, stash=7, outputs=LOGPS, temperature=0.7),
    },
    tolerance={torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 3e-6, torch.bfloat16: 3e-6},
    smallest=1.0,
    rounded_products=True,
    internal=4,  # top, total, stash, pull
    small=linear(
        2, 3, width=4, vocab=9, mask=keep(2, 3), rows=True, softcap=4.0, scale=0.7, rank=2, bias=lambda b: b, stash=2
    ),
)

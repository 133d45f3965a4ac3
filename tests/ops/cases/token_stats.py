"""Cases of token_stats."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ops.op_case import Args, OpCase, ids, keep, logits
from prefcore.ops import token_stats


def stats(
    *shape: int,
    spread: float = 3.0,
    edit: Callable[[Tensor], Tensor] = lambda x: x,
    mask: Tensor | None = None,
    rows: bool = False,
    temperature: float = 1.0,
    softcap: float | None = None,
    scale: float = 1.0,
    extras: int = 15,
    inplace: bool = False,
) -> Callable[[torch.dtype], Args]:
    """Arguments of token_stats for logits of that shape, with targets inside the vocabulary."""

    def make(dtype: torch.dtype) -> Args:
        x = edit(logits(*shape, spread=spread)).to(dtype)
        targets = ids(shape[-1], *x.shape[:-1])
        if mask is not None:
            targets = targets.masked_fill(~mask, -100)
        row = torch.linspace(0.5, 2.0, targets.numel(), dtype=torch.float64).reshape(targets.shape) if rows else None
        return x, targets, mask, row, temperature, softcap, scale, extras, inplace

    return make


def _masked_vocabulary(x: Tensor) -> Tensor:
    """Half of the entries at -inf, block 0 of a long row completely, never a row's last entry."""
    x[..., : x.shape[-1] // 2] = -torch.inf
    return x


def _peaked(x: Tensor) -> Tensor:
    """A trained head: the first target holds nearly all of the mass."""
    return x.scatter_add(-1, ids(x.shape[-1], *x.shape[:-1]).unsqueeze(-1), torch.full_like(x[..., :1], 25.0))


INPUTS: dict[str, Callable[[torch.dtype], Args]] = {
    "one_entry": stats(3, 1),
    "below_a_vector": stats(3, 7),
    "vector_edges": stats(5, 1025),
    "odd_wide": stats(2, 50257),
    "batch": stats(2, 5, 333),
    "no_leading_axis": stats(129),
    "no_rows": stats(0, 4, 33),
    "shifted_view": stats(3, 6, 257, edit=lambda x: x[:, :-1]),
    "strided_vocabulary": stats(3, 257, 4, edit=lambda x: x.transpose(1, 2)),
    "in_place": stats(3, 6, 257, edit=lambda x: x[:, :-1], inplace=True),
    "in_place_strided": stats(3, 257, 4, edit=lambda x: x.transpose(1, 2), inplace=True),
    "masked_rows": stats(4, 9, 65, mask=keep(4, 9)),
    "all_masked": stats(2, 3, 17, mask=torch.zeros(2, 3, dtype=torch.bool)),
    "masked_vocabulary": stats(4, 3000, edit=_masked_vocabulary),
    "peaked": stats(6, 2050, edit=_peaked),
    "temperature": stats(4, 77, temperature=0.7),
    "row_temperature": stats(2, 4, 77, rows=True),
    "softcap_and_scale": stats(4, 77, softcap=5.0, scale=0.5, temperature=1.3),
    "softcap_masked_vocabulary": stats(4, 77, edit=_masked_vocabulary, softcap=5.0),
}


def with_extras(extras: int) -> dict[str, Callable[[torch.dtype], Args]]:
    """Every input, with other outputs asked for."""

    def changed(make: Callable[[torch.dtype], Args]) -> Callable[[torch.dtype], Args]:
        return lambda dtype: (*make(dtype)[:7], extras, make(dtype)[8])

    return {name: changed(make) for name, make in INPUTS.items()}


CASE = OpCase(
    op=token_stats.token_stats,
    reference=token_stats.reference,
    differentiable=(0,),
    inputs=with_extras(0),
    tolerance={torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 3e-6, torch.bfloat16: 3e-6},
    small=stats(2, 3, 9, mask=keep(2, 3), rows=True, softcap=4.0, scale=0.7, extras=0),
)
EXTRAS = replace(
    CASE,
    inputs={
        **with_extras(15),
        "entropy_alone": stats(5, 77, extras=1),
        "squares_alone": stats(5, 77, extras=2),
    },
    small=stats(2, 3, 9, mask=keep(2, 3), rows=True, softcap=4.0, scale=0.7),
    smallest=1e-2,  # the mean, and p (log p + H), cross 0
)

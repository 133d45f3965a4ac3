"""One `OpCase` per registered op: its reference, and inputs whose sizes each have a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from prefcore.ops import sequence_sums, token_stats

Args = tuple[Any, ...]


@dataclass(frozen=True)
class OpCase:
    """An op and what `test_ops.py` does with it."""

    op: Callable[..., Any]
    reference: Callable[..., Any]
    #: positions of the arguments that have a gradient
    differentiable: tuple[int, ...]
    #: id -> inputs in a given dtype, float64 first made and then rounded, so that every dtype sees the same case
    inputs: dict[str, Callable[[torch.dtype], Args]]
    #: absolute tolerance on top of the reference's own error in the same dtype
    tolerance: dict[torch.dtype, float]
    #: small inputs for gradcheck and opcheck
    small: Callable[[torch.dtype], Args]


def _logits(*shape: int, spread: float = 3.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * spread


def _ids(vocab: int, *shape: int) -> Tensor:
    return torch.randint(0, vocab, shape, generator=torch.Generator().manual_seed(2))


def _keep(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3)) > 0.3


def _stats(
    *shape: int,
    spread: float = 3.0,
    edit: Callable[[Tensor], Tensor] = lambda x: x,
    mask: Tensor | None = None,
    rows: bool = False,
    temperature: float = 1.0,
    softcap: float | None = None,
    scale: float = 1.0,
) -> Callable[[torch.dtype], Args]:
    """Arguments of token_stats for logits of that shape, with targets inside the vocabulary."""

    def make(dtype: torch.dtype) -> Args:
        logits = edit(_logits(*shape, spread=spread)).to(dtype)
        targets = _ids(shape[-1], *logits.shape[:-1])
        if mask is not None:
            targets = targets.masked_fill(~mask, -100)
        row = torch.linspace(0.5, 2.0, targets.numel(), dtype=torch.float64).reshape(targets.shape) if rows else None
        return logits, targets, mask, row, temperature, softcap, scale

    return make


def _masked_vocabulary(x: Tensor) -> Tensor:
    """Half of the entries at -inf, block 0 of a long row completely, never a row's last entry."""
    x[..., : x.shape[-1] // 2] = -torch.inf
    return x


def _peaked(x: Tensor) -> Tensor:
    """A trained head: the first target holds nearly all of the mass."""
    return x.scatter_add(-1, _ids(x.shape[-1], *x.shape[:-1]).unsqueeze(-1), torch.full_like(x[..., :1], 25.0))


TOKEN_STATS = OpCase(
    op=token_stats.token_stats,
    reference=token_stats.reference,
    differentiable=(0,),
    inputs={
        "one_entry": _stats(3, 1),
        "below_a_vector": _stats(3, 7),
        "vector_edges": _stats(5, 1025),
        "odd_wide": _stats(2, 50257),
        "batch": _stats(2, 5, 333),
        "no_leading_axis": _stats(129),
        "no_rows": _stats(0, 4, 33),
        "shifted_view": _stats(3, 6, 257, edit=lambda x: x[:, :-1]),
        "strided_vocabulary": _stats(3, 257, 4, edit=lambda x: x.transpose(1, 2)),
        "masked_rows": _stats(4, 9, 65, mask=_keep(4, 9)),
        "all_masked": _stats(2, 3, 17, mask=torch.zeros(2, 3, dtype=torch.bool)),
        "masked_vocabulary": _stats(4, 3000, edit=_masked_vocabulary),
        "peaked": _stats(6, 2050, edit=_peaked),
        "temperature": _stats(4, 77, temperature=0.7),
        "row_temperature": _stats(2, 4, 77, rows=True),
        "softcap_and_scale": _stats(4, 77, softcap=5.0, scale=0.5, temperature=1.3),
        "softcap_masked_vocabulary": _stats(4, 77, edit=_masked_vocabulary, softcap=5.0),
    },
    tolerance={torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 3e-6, torch.bfloat16: 3e-6},
    small=_stats(2, 3, 9, mask=_keep(2, 3), rows=True, softcap=4.0, scale=0.7),
)


def _sums(
    *shape: int, mask: bool = False, offsets: list[int] | None = None, weights: bool = False
) -> Callable[[torch.dtype], Args]:
    def make(dtype: torch.dtype) -> Args:
        values = _logits(*shape).to(dtype)
        counted = _keep(*shape) if mask else None
        bounds = None if offsets is None else torch.tensor(offsets)
        return values, counted, bounds, _logits(*shape).sigmoid().to(dtype) if weights else None, True

    return make


SEQUENCE_SUMS = OpCase(
    op=sequence_sums.sequence_sums,
    reference=lambda *args: sequence_sums.reference(*args[:-1]),
    differentiable=(0, 3),
    inputs={
        "padded": _sums(3, 5),
        "one_token": _sums(4, 1),
        "no_tokens": _sums(4, 0),
        "no_rows": _sums(0, 3),
        "masked_weighted": _sums(7, 130, mask=True, weights=True),
        "packed_empty_groups": _sums(10, offsets=[0, 0, 4, 4, 9, 10, 10]),
        "packed_masked_weighted": _sums(10, mask=True, offsets=[0, 3, 10], weights=True),
    },
    tolerance={torch.float64: 1e-13, torch.float32: 1e-6},
    small=_sums(3, 4, mask=True, weights=True),
)

CASES = {"token_stats": TOKEN_STATS, "sequence_sums": SEQUENCE_SUMS}

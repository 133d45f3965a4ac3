"""Cases of paired_token_stats."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ops.cases.token_stats import stats
from ops.op_case import Args, OpCase, keep
from prefcore.ops import paired_token_stats


def paired(
    *shape: int,
    far: float = 1.0,
    edit: Callable[[Tensor], Tensor] = lambda x: x,
    ref_edit: Callable[[Tensor], Tensor] | None = None,
    **rest: Any,
) -> Callable[[torch.dtype], Args]:
    """Arguments for a policy of that shape, and a reference whose logits differ from it by `far` times normal noise."""

    def make(dtype: torch.dtype) -> Args:
        logits, *others = stats(*shape, edit=edit, **rest)(dtype)[:7]
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * far
        apart = stats(*shape, edit=lambda x: (ref_edit or edit)(x + noise), **rest)(dtype)[0]
        return logits, apart, *others

    return make


def _half(x: Tensor) -> Tensor:
    """Half of the entries at -inf, block 0 of a long row completely, never a row's last entry."""
    x[..., : x.shape[-1] // 2] = -torch.inf
    return x


def _surer(x: Tensor) -> Tensor:
    """One entry holds nearly all of the mass."""
    x[..., 5] += 25.0
    return x


CASE = OpCase(
    op=paired_token_stats.paired_token_stats,
    reference=paired_token_stats.reference,
    differentiable=(0,),
    inputs={
        "one_entry": paired(3, 1),
        "below_a_vector": paired(3, 7),
        "vector_edges": paired(5, 1025),
        "odd_wide": paired(2, 50257),
        "batch": paired(2, 5, 333),
        "no_leading_axis": paired(129),
        "no_rows": paired(0, 4, 33),
        "near": paired(6, 2050, far=1e-2),
        "far": paired(6, 2050, far=8.0),
        "shifted_view": paired(3, 6, 257, edit=lambda x: x[:, :-1]),
        "strided_vocabulary": paired(3, 257, 4, edit=lambda x: x.transpose(1, 2)),
        "one_is_a_view": paired(3, 6, 257, edit=lambda x: x[:, :-1], ref_edit=lambda x: x[:, 1:].contiguous()),
        "masked_rows": paired(4, 9, 65, mask=keep(4, 9)),
        "all_masked": paired(2, 3, 17, mask=torch.zeros(2, 3, dtype=torch.bool)),
        "masked_vocabulary": paired(4, 3000, edit=_half),
        "peaked": paired(6, 2050, edit=_surer),
        "peaked_against_flat": paired(6, 2050, ref_edit=_surer),
        "temperature": paired(4, 77, temperature=0.7),
        "row_temperature": paired(2, 4, 77, rows=True),
        "softcap_and_scale": paired(4, 77, softcap=5.0, scale=0.5, temperature=1.3),
        "softcap_masked_vocabulary": paired(4, 77, edit=_half, softcap=5.0),
    },
    tolerance={torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 3e-6, torch.bfloat16: 3e-6},
    smallest=math.inf,  # the five terms of the gradient cancel anywhere; test_paired.py bounds each of them
    small=paired(2, 3, 9, mask=keep(2, 3), rows=True, softcap=4.0, scale=0.7),
)

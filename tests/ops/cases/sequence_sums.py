"""Cases of sequence_sums."""

from collections.abc import Callable

import torch

from ops.op_case import Args, OpCase, keep, logits
from prefcore.ops import sequence_sums


def _sums(
    *shape: int, mask: bool = False, offsets: list[int] | None = None, weights: bool = False
) -> Callable[[torch.dtype], Args]:
    def make(dtype: torch.dtype) -> Args:
        values = logits(*shape).to(dtype)
        counted = keep(*shape) if mask else None
        bounds = None if offsets is None else torch.tensor(offsets)
        return values, counted, bounds, logits(*shape).sigmoid().to(dtype) if weights else None, True

    return make


CASE = OpCase(
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

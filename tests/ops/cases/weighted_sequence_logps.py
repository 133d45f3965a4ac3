"""Cases of weighted_sequence_logps: those of its two parts are cases of token_stats and of sequence_sums."""

from collections.abc import Callable

import torch

from ops.cases.token_stats import stats
from ops.op_case import Args, OpCase, keep, logits
from prefcore.ops import weighted_sequence_logps


def weighted(
    *shape: int,
    offsets: list[int] | None = None,
    masked: bool = False,
    rows: bool = False,
    softcap: float | None = None,
    zeros: bool = True,
) -> Callable[[torch.dtype], Args]:
    """Arguments for logits of that shape; every fifth weight is 0, and targets of rows that are not read are -100."""

    def make(dtype: torch.dtype) -> Args:
        mask = keep(*shape[:-1]) if masked else None
        x, targets, _, row, *transform, _extras, _inplace = stats(*shape, mask=mask, rows=rows, softcap=softcap)(dtype)
        weights = logits(*shape[:-1]).to(torch.float64 if dtype == torch.float64 else torch.float32)
        if zeros:
            weights.view(-1)[4::5] = 0.0
        targets = targets.masked_fill(weights == 0, -100)
        bounds = None if offsets is None else torch.tensor(offsets)
        return x, targets, weights, mask, bounds, row, *transform, True

    return make


CASE = OpCase(
    op=weighted_sequence_logps.weighted_sequence_logps,
    reference=lambda *args: weighted_sequence_logps.reference(*args[:-1]),
    differentiable=(0, 2),
    inputs={
        "padded": weighted(3, 9, 65),
        "padded_masked": weighted(4, 9, 65, masked=True, rows=True),
        "packed_empty_group": weighted(11, 33, offsets=[0, 4, 4, 11]),
        "packed_masked_softcap": weighted(11, 33, offsets=[0, 5, 11], masked=True, softcap=5.0),
        "no_rows": weighted(0, 4, 33),
    },
    tolerance={torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 3e-6, torch.bfloat16: 3e-6},
    small=weighted(2, 4, 7, masked=True, rows=True, softcap=4.0, zeros=False),  # gradcheck would move a weight off 0
)

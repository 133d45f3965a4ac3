"""Cases of the ops of lists."""

from collections.abc import Callable
from typing import Any

import torch

from ops.op_case import Args, OpCase, logits
from prefcore.ops import list_likelihood, list_pairs, list_ranks

#: an empty list, one of one row, of two, of a whole step of the vector loops, and of steps and a rest
OFFSETS = [0, 0, 1, 3, 11, 11, 40]
WEIGHTS = torch.tensor([1.0 / (1 + place) for place in range(40)], dtype=torch.float64)


def _dense(rows: int, length: int, *how: Any) -> Callable[[torch.dtype], Args]:
    def make(dtype: torch.dtype) -> Args:
        return logits(rows, length).to(dtype), _grades(rows, length), None, *how

    return make


def _ragged(*how: Any, spread: float = 3.0) -> Callable[[torch.dtype], Args]:
    def make(dtype: torch.dtype) -> Args:
        return logits(40, spread=spread).to(dtype), _grades(40), torch.tensor(OFFSETS), *how

    return make


def _grades(*shape: int) -> torch.Tensor:
    """With ties."""
    return torch.randint(0, 4, shape, generator=torch.Generator().manual_seed(5)).double()


def _case(op: Any, reference: Any, *hows: tuple[Any, ...], **more: Callable[[torch.dtype], Args]) -> OpCase:
    inputs = {
        "dense": _dense(3, 9, *hows[0]),
        "no_rows": _dense(2, 0, *hows[0]),
        "no_lists": _dense(0, 3, *hows[0]),
        "wide_apart": _ragged(*hows[0], spread=300.0),
        **{f"ragged_{number}": _ragged(*how) for number, how in enumerate(hows)},
        **more,
    }
    tolerance = {torch.float64: 2e-13, torch.float32: 1e-6}
    return OpCase(op, reference, (0,), inputs, tolerance, _dense(2, 4, *hows[0]), 1e-5, internal=1)


def _ranking(*shape: int, flat: bool = False) -> Callable[[torch.dtype], Args]:
    """Every list ranked in part; the flat rankings share rows."""

    def make(dtype: torch.dtype) -> Args:
        order = logits(*shape).argsort(-1)
        if flat:
            rows = torch.cat([order[:5], order.flip(0)])
            return logits(*shape).to(dtype), rows, torch.tensor([0, 0, 5, len(rows)]), None
        return logits(*shape).to(dtype), order[:, : shape[1] // 2 + 1], None, 2

    return make


RULES = (None, None, 0.0, False), (3, None, 0.0, False), (None, WEIGHTS, 1.0, True), (2, WEIGHTS, 1.0, False)
CASES = {
    "listmle": _case(
        list_likelihood.listmle, list_likelihood.listmle_reference, (None, None), (2, None), (None, WEIGHTS)
    ),
    "softmax_loss": _case(list_likelihood.softmax_loss, list_likelihood.softmax_loss_reference, ()),
    "listnet": _case(list_likelihood.listnet, list_likelihood.listnet_reference, (0.7,)),
    "ranknet": _case(list_pairs.ranknet, list_pairs.ranknet_reference, *((1.3, *rule) for rule in RULES)),
    "ranklist": _case(list_pairs.ranklist, list_pairs.ranklist_reference, *((0.8, *rule) for rule in RULES)),
    "lambdarank": _case(
        list_pairs.lambdarank,
        list_pairs.lambdarank_reference,
        (None, "exponential", 1.2),
        (2, "exponential", 1.0),
        (None, "linear", 1.0),
    ),
    "approx_ndcg": _case(
        list_ranks.approx_ndcg, list_ranks.approx_ndcg_reference, (0.8, "exponential"), (0.8, "linear")
    ),
    "plackett_luce": OpCase(
        list_likelihood.plackett_luce,
        list_likelihood.plackett_luce_reference,
        (0,),
        {"dense": _ranking(3, 9), "one_row": _ranking(3, 1), "shared_rows": _ranking(9, flat=True)},
        {torch.float64: 1e-13, torch.float32: 1e-6},
        _ranking(2, 4),
        1e-5,
        internal=1,  # the slopes
    ),
    "soft_rank": OpCase(
        list_ranks.soft_rank,
        list_ranks.soft_rank_body,
        (0,),
        {
            "dense": lambda dtype: (logits(3, 9).to(dtype), None, 2.0, True),
            "ragged": lambda dtype: (logits(40).to(dtype), torch.tensor(OFFSETS), 0.5, False),
            "no_rows": lambda dtype: (logits(2, 0).to(dtype), None, 1.0, True),
            "exact": lambda dtype: (logits(40).to(dtype), torch.tensor(OFFSETS), 1e-3, True),
        },
        {torch.float64: 2e-11, torch.float32: 1e-6},
        lambda dtype: (logits(2, 4).to(dtype), None, 2.0, True),
        1e-5,
    ),
}

"""Losses of lists (losses/listwise/).

Scores are the numbers that may be of any size; labels are grades of any real type, so integers are allowed for them.
"""

import torch
from torch import Tensor

from functions.function_case import FunctionCase, log_probs, normal
from prefcore import losses

#: lists of 3, 0, 1 and 5 rows
OFFSETS = torch.tensor([0, 3, 3, 4, 9])
GRADES = torch.tensor([2.0, 0.0, 1.0, 3.0, 0.0, 1.0, 2.0, 1.0, 4.0], dtype=torch.float64)
BOTH = ("scores", "labels")
WEIGHTS = torch.tensor([1.0, 0.7, 0.5, 0.4, 0.3], dtype=torch.float64)


def _ragged(function: object, keywords: dict[str, object] | None = None, **more: Tensor) -> FunctionCase:
    inputs = {"scores": normal(9), "labels": GRADES, "offsets": OFFSETS, **more}
    return FunctionCase(  # type: ignore[arg-type]
        function,
        inputs,
        keywords or {},
        differentiable=("scores",),
        same_shape=BOTH,
        any_size=("scores",),
        floating=("scores",),
    )


def _dense(function: object, keywords: dict[str, object] | None = None) -> FunctionCase:
    inputs = {"scores": normal(2, 4), "labels": GRADES[:8].view(2, 4)}
    return FunctionCase(  # type: ignore[arg-type]
        function,
        inputs,
        keywords or {},
        differentiable=("scores",),
        same_shape=BOTH,
        any_size=("scores",),
        floating=("scores",),
    )


RANKING = FunctionCase(
    losses.plackett_luce,
    {"scores": normal(2, 4), "ranking": torch.tensor([[3, 0, 2], [1, 2, 0]])},
    differentiable=("scores",),
    any_size=("scores",),
    floating=("scores",),
)
CASES = {
    "plackett_luce": RANKING,
    "listmle": _ragged(losses.listmle, position_weights=WEIGHTS),
    "listmle_dense": _dense(losses.listmle, {"k": 2}),
    "softmax_loss": _ragged(losses.softmax_loss),
    "listnet": _ragged(losses.listnet, {"temperature": 0.7}),
    "ranknet": _ragged(losses.ranknet, {"sigma": 1.3}),
    "ranknet_skips": _ragged(losses.ranknet, {"max_skip": 3, "min_gap": 1.0, "inclusive": True}, skip_weights=WEIGHTS),
    "ranknet_dense": _dense(losses.ranknet),
    "ranklist": _ragged(losses.ranklist, {"temperature": 0.7}, skip_weights=WEIGHTS),
    "lambdarank": _ragged(losses.lambdarank, {"k": 2}),
    "approx_ndcg": _ragged(losses.approx_ndcg, {"temperature": 0.5}),
    "neural_sort": FunctionCase(
        losses.neural_sort,
        {"scores": normal(2, 4)},
        {"temperature": 0.8},
        differentiable=("scores",),
        any_size=("scores",),
        floating=("scores",),
    ),
    "soft_rank": FunctionCase(
        losses.soft_rank,
        {"scores": normal(9), "offsets": OFFSETS},
        {"strength": 0.4},
        differentiable=("scores",),
        any_size=("scores",),
        floating=("scores",),
    ),
    "pro": FunctionCase(
        losses.pro,
        {"logps": log_probs(2, 4), "rewards": normal(2, 4)},
        differentiable=("logps",),
        same_shape=("logps", "rewards"),
        any_size=("logps", "rewards"),
        floating=("logps", "rewards"),
    ),
}

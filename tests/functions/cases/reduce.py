"""From token losses to one number (losses/reduce.py)."""

import torch

from functions.function_case import FunctionCase, normal
from prefcore import losses

RAGGED = {
    "values": normal(3, 4, seed=1),
    "mask": torch.tensor([[True, True, False, True], [True, False, False, False], [True, True, True, True]]),
}
COMMON = {
    "differentiable": ("values",),
    "same_shape": ("values", "mask"),
    "any_size": ("values",),
    "floating": ("values",),
}
CASES = {
    "token_mean": FunctionCase(losses.token_mean, RAGGED, **COMMON),
    "token_mean_of_a_part": FunctionCase(losses.token_mean, RAGGED, {"denominator": 20.0}, **COMMON),
    "seq_mean_token_mean": FunctionCase(losses.seq_mean_token_mean, RAGGED, **COMMON),
    "seq_mean_token_sum": FunctionCase(losses.seq_mean_token_sum, RAGGED, **COMMON),
    "seq_mean_token_sum_norm": FunctionCase(losses.seq_mean_token_sum_norm, RAGGED, {"length": 8.0}, **COMMON),
}

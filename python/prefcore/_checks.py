"""Checks of tensor arguments: shape, dtype and device always, values on the CPU outside compiled code."""

import math
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor

from prefcore.errors import DomainError, ShapeError

Num = float | Tensor
#: largest log-prob above 0 that passes for a rounding error
ROUNDING = 1e-4


def tensors(**given: Tensor) -> None:
    """Refuse what is not a tensor."""
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}; call torch.as_tensor(...)")


def tensors_or_none(**given: Tensor | None) -> None:
    """Refuse what is neither a tensor nor None, which stands for an argument that was left out."""
    tensors(**{name: value for name, value in given.items() if value is not None})


def numbers(**given: object) -> None:
    """Refuse tensors where a plain number is meant."""
    for name, value in given.items():
        if isinstance(value, Tensor):
            raise TypeError(f"{name} must be a number, got a tensor {list(value.shape)}; call .item()")
        if not _is_number(value):
            raise TypeError(f"{name} must be a number, got {_described(value)}")


def numbers_or_none(**given: object) -> None:
    """Refuse what is neither a plain number nor None, which stands for an argument that was left out."""
    numbers(**{name: value for name, value in given.items() if value is not None})


def _is_number(value: object) -> bool:
    """int, float or a NumPy scalar. bool is an int to Python, and an array of one number would broadcast."""
    return isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"a NumPy array {list(value.shape)}; call .item() or torch.as_tensor(...)"
    return f"{type(value).__name__}; call float(...)" if hasattr(value, "__float__") else type(value).__name__


def same_shape(**tensors: Tensor) -> None:
    """Refuse tensors of different shapes: `[B, 1] - [B]` would broadcast in silence."""
    first, *others = tensors.values()
    if any(other.shape != first.shape for other in others):
        shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())
        raise ShapeError(f"expected equal shapes, got {shapes}")
    same_device(**tensors)


def same_device(**tensors: Tensor) -> None:
    """Refuse tensors on different devices."""
    if len({tensor.device for tensor in tensors.values()}) > 1:
        devices = ", ".join(f"{name} on {tensor.device}" for name, tensor in tensors.items())
        raise TypeError(f"expected one device, got {devices}")


def upcast(**tensors: Tensor) -> list[Tensor]:
    """Return the tensors as f64 if one of them is, else as f32; refuse everything that is not floating point."""
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise TypeError(f"{name} must be a floating-point tensor, got {tensor.dtype}; call .float()")
    dtype = torch.float64 if any(tensor.dtype == torch.float64 for tensor in tensors.values()) else torch.float32
    return [tensor.to(dtype) for tensor in tensors.values()]


def full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Keep products out of autocast, which would round their factors to bf16."""
    device = like.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def boolean(**masks: Tensor | None) -> None:
    """Refuse masks that are not bool: a 0/1 integer mask would index, a float one would weight."""
    for name, mask in masks.items():
        if mask is not None and mask.dtype != torch.bool:
            raise TypeError(f"{name} must be a bool tensor, got {mask.dtype}; call .bool()")


def token_columns(mask: Tensor, **columns: Tensor) -> None:
    """Refuse what is not a bool mask [B, T] and columns of its shape."""
    tensors(mask=mask, **columns)
    boolean(mask=mask)
    if mask.ndim != 2:
        raise ShapeError(f"mask must be [B, T], got {list(mask.shape)}")
    same_shape(mask=mask, **columns)


def dense_or_ragged(
    name: str, rows: Tensor, offsets: Tensor | None, *, dense: str = "[B, T]", flat: str = "[N]"
) -> None:
    """Refuse what is neither 2-D nor 1-D with int64 offsets `[G+1]`; `dense` and `flat` say the two in words."""
    if offsets is None:
        if rows.ndim != 2:
            raise ShapeError(f"{name} must be {dense}, or {flat} with offsets, got {list(rows.shape)}")
        return
    if rows.ndim != 1 or offsets.ndim != 1 or len(offsets) == 0:
        got = f"{list(rows.shape)} and {list(offsets.shape)}"
        raise ShapeError(f"expected {name} {flat} and offsets [G+1], got {got}")
    if offsets.dtype != torch.int64:
        raise TypeError(f"offsets must be int64, got {offsets.dtype}; call .long()")
    same_device(**{name: rows, "offsets": offsets})


def positive(**numbers: Num) -> None:
    """Refuse numbers that are not finite and above 0."""
    for name, number in numbers.items():
        _in_range(name, number, 0.0, math.inf, "finite and > 0", open_ends=True)


def nonnegative(**numbers: Num) -> None:
    """Refuse numbers that are not finite or below 0."""
    for name, number in numbers.items():
        _in_range(name, number, 0.0, math.inf, "finite and >= 0", open_ends=False, open_high=True)


def finite(**numbers: Num) -> None:
    """Refuse numbers that are infinite or NaN."""
    for name, number in numbers.items():
        _in_range(name, number, -math.inf, math.inf, "finite", open_ends=True)


def unit_interval(**numbers: Num) -> None:
    """Refuse numbers outside [0, 1]."""
    for name, number in numbers.items():
        _in_range(name, number, 0.0, 1.0, "in [0, 1]", open_ends=False)


def below_half(**numbers: Num) -> None:
    """Refuse numbers outside [0, 1/2)."""
    for name, number in numbers.items():
        _in_range(name, number, 0.0, 0.5, "in [0, 0.5)", open_ends=False, open_high=True)


def inside_unit_interval(**numbers: Num) -> None:
    """Refuse numbers outside (0, 1)."""
    for name, number in numbers.items():
        _in_range(name, number, 0.0, 1.0, "in (0, 1)", open_ends=True)


def log_probs(**given: Tensor) -> None:
    """Refuse numbers above 0 that are no rounding errors: log-ratios and rewards, say. NaN passes."""
    for name, tensor in given.items():
        if readable(tensor):
            refuse_where(tensor > ROUNDING, name, tensor, "a log-prob, <= 0")


def readable(tensor: Tensor) -> bool:
    """Whether a check may look at values: on the CPU, outside compiled code."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def _in_range(
    name: str, number: Num, low: float, high: float, expected: str, *, open_ends: bool, open_high: bool = False
) -> None:
    open_high = open_high or open_ends
    if isinstance(number, Tensor):
        if readable(number):
            right = (number > low if open_ends else number >= low) & (number < high if open_high else number <= high)
            refuse_where(~right, name, number, expected)
        return
    if not _is_number(number):
        raise TypeError(f"{name} must be a number or a torch tensor, got {_described(number)}")
    value = float(number)  # a NumPy scalar would round the bounds to its own type
    if not ((low < value if open_ends else low <= value) and (value < high if open_high else value <= high)):
        raise DomainError(f"{name} must be {expected}, got {number}")


def refuse_where(wrong: Tensor, name: str, tensor: Tensor, expected: str) -> None:
    if bool(wrong.any()):
        first = wrong.nonzero()[0].tolist()
        raise DomainError(f"{name}{first or ''} must be {expected}, got {tensor[tuple(first)].item()}")


def per_example(name: str, number: Num, like: Tensor) -> Num:
    """Return a hyper-parameter ready to combine with `like`: a float, a 0-d tensor, `[B]` or of `like`'s shape."""
    if not isinstance(number, Tensor):
        return number
    if number.ndim == 1 and like.ndim > 1 and len(number) == len(like):
        number = number.reshape(-1, *[1] * (like.ndim - 1))
    elif number.ndim > 0 and number.shape != like.shape:
        shape = list(number.shape)
        raise ShapeError(f"{name} must be a float, [B] or of the data's shape {list(like.shape)}, got {shape}")
    same_device(**{name: number, "the data": like})
    return number.to(like.dtype)

"""Checks of tensor arguments: shape, dtype and device always, values on the CPU outside compiled code."""

import math
import sys
from typing import SupportsFloat

import torch
from torch import Tensor

from prefcore.errors import DomainError, ShapeError

Num = float | Tensor


def tensors(**given: Tensor) -> None:
    """Refuse what is not a tensor."""
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}; call torch.as_tensor(...)")


def tensors_or_none(**given: Tensor | None) -> None:
    """Refuse what is neither a tensor nor None, which stands for an argument that was left out."""
    tensors(**{name: value for name, value in given.items() if value is not None})


def numbers(**given: object) -> None:
    """Refuse tensors where a plain number is meant (None stands for an argument that was left out)."""
    for name, value in given.items():
        if isinstance(value, Tensor):
            raise TypeError(f"{name} must be a number, got a tensor {list(value.shape)}; call .item()")
        if value is not None and not _is_number(value):
            raise TypeError(f"{name} must be a number, got {type(value).__name__}")


def _is_number(value: object) -> bool:
    """The two plain types first: asking for a protocol takes 4 µs."""
    return isinstance(value, int | float | SupportsFloat)


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
    """Return the tensors with f16 and bf16 turned into f32; refuse everything that is not floating point."""
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise TypeError(f"{name} must be a floating-point tensor, got {tensor.dtype}; call .float()")
    return [tensor if tensor.dtype == torch.float64 else tensor.float() for tensor in tensors.values()]


def boolean(**masks: Tensor | None) -> None:
    """Refuse masks that are not bool: a 0/1 integer mask would index, a float one would weight."""
    for name, mask in masks.items():
        if mask is not None and mask.dtype != torch.bool:
            raise TypeError(f"{name} must be a bool tensor, got {mask.dtype}; call .bool()")


def positive(**numbers: Num) -> None:
    """Refuse numbers that are not finite and above 0."""
    for name, number in numbers.items():
        _in_range(name, number, 0.0, math.inf, "finite and > 0", open_ends=True)


def nonnegative(**numbers: Num) -> None:
    """Refuse numbers that are not finite or below 0."""
    for name, number in numbers.items():
        _in_range(name, number, 0.0, sys.float_info.max, "finite and >= 0", open_ends=False)


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


def readable(tensor: Tensor) -> bool:
    """Whether a check may look at values: on the CPU, outside compiled code."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def _in_range(
    name: str, number: Num, low: float, high: float, expected: str, *, open_ends: bool, open_high: bool = False
) -> None:
    open_high = open_high or open_ends
    if isinstance(number, Tensor):
        if not readable(number):
            return
        right = (number > low if open_ends else number >= low) & (number < high if open_high else number <= high)
        if not bool(right.all()):
            first = (~right).nonzero()[0].tolist()
            place, value = first or "", number[tuple(first)].item()
            raise DomainError(f"{name}{place} must be {expected}, got {value}")
    elif not _is_number(number):
        raise TypeError(f"{name} must be a number or a torch tensor, got {type(number).__name__}")
    elif not ((low < number if open_ends else low <= number) and (number < high if open_high else number <= high)):
        raise DomainError(f"{name} must be {expected}, got {number}")


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

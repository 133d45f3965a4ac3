"""Checks of the arguments that the functions over a vocabulary share."""

from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from prefcore._checks import Num, boolean, numbers, numbers_or_none, positive, same_device, tensors, tensors_or_none
from prefcore.errors import DomainError, ShapeError

#: row_temperature, temperature, softcap, logit_scale
Transform = tuple[Tensor | None, float, float | None, float]


def check_logits(logits: Tensor, targets: Tensor, mask: Tensor | None) -> None:
    """Refuse logits, targets and a mask that do not fit one another."""
    tensors(logits=logits, targets=targets)
    tensors_or_none(mask=mask)
    if not logits.is_floating_point() or not is_integer(targets):
        raise TypeError(f"expected floating-point logits and integer targets, got {logits.dtype} and {targets.dtype}")
    if logits.ndim == 0 or logits.shape[:-1] != targets.shape or logits.shape[-1] == 0:
        raise ShapeError(f"expected logits [..., V] and targets [...], got {list(logits.shape)}, {list(targets.shape)}")
    same_device(logits=logits, targets=targets)
    boolean(mask=mask)
    if mask is not None:
        if mask.shape != targets.shape:
            raise ShapeError(f"mask must have the shape of targets {list(targets.shape)}, got {list(mask.shape)}")
        same_device(targets=targets, mask=mask)


def is_integer(tensor: Tensor) -> bool:
    """Whether it holds whole numbers: floats would be cut, masks and complex numbers mean something else."""
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def transform(targets: Tensor, temperature: Num, softcap: float | None, logit_scale: float) -> Transform:
    """Check the way from logits to z, and return it as the ops take it."""
    numbers(logit_scale=logit_scale)
    numbers_or_none(softcap=softcap)
    positive(softcap=1.0 if softcap is None else softcap, logit_scale=logit_scale, temperature=temperature)
    rows = _row_temperature(temperature, targets)
    return rows, 1.0 if rows is not None else float(temperature), softcap, logit_scale


def _row_temperature(temperature: Num, targets: Tensor) -> Tensor | None:
    if not isinstance(temperature, Tensor):
        return None
    same_device(targets=targets, temperature=temperature)
    try:
        rows = temperature.detach().expand(targets.shape)
    except RuntimeError:
        got = list(temperature.shape)
        raise ShapeError(f"temperature must broadcast to targets {list(targets.shape)}, got {got}") from None
    return rows.double().contiguous()


def check_outputs(outputs: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Refuse names of fields that do not exist; return the others, also those of an iterator."""
    if isinstance(outputs, str):
        raise TypeError(f'outputs must be a tuple of names, got {outputs!r}; write ("{outputs}",)')
    if not isinstance(outputs, Iterable):
        raise TypeError(f"outputs must be a tuple of names, got {outputs!r}")
    outputs = tuple(outputs)
    wrong = [name for name in outputs if name not in known]
    if wrong or not outputs:
        got = repr(wrong[0]) if wrong else "none"
        raise DomainError(f"outputs must be among {', '.join(known)}, got {got}")
    return outputs

"""Prefcore's kernel in the place from which TRL's trainers take theirs."""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from prefcore.errors import DomainError
from prefcore.integrations._fused_head import STATISTICS
from prefcore.integrations._handle import Handle
from prefcore.logps import linear_token_stats

if TYPE_CHECKING:
    from types import ModuleType

    from torch import Tensor

__all__ = ["Status", "patch", "status"]

MODULE, SLOT = "trl.trainer.utils", "_ChunkedLogProbFunction"
OPERANDS = ("hidden", "weight", "targets")
OPTIONS = ("bias", "temperature", "chunk_size", "final_logit_softcapping", "logit_scale", "outputs")
#: of TRL 1.16
ORDER = ("hidden", "weight", "bias", "targets", *OPTIONS[1:])
#: what TRL calls an operand in some of its versions -> in the others
RENAMED = {"last_hidden": "hidden"}
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class Status(NamedTuple):
    """What is patched."""

    version: str
    """of TRL"""
    seam: str | None
    """The name that `patch` sets; in TRL up to 0.24 the method that `with_loss` sets; else None."""
    active: bool
    """Whether prefcore's kernel is in place."""
    previous: object
    """What stood there before, if it is."""


class TokenKernel:
    """`linear_token_stats` behind the call of TRL's kernel.

    The parameters are those of the object that it replaces, which also gets every call that `linear_token_stats` is
    not made for: options, outputs, dtypes and devices it does not know, and weights that DeepSpeed gathers.
    """

    def __init__(self, previous: Any) -> None:
        self.previous = previous
        self.forward = getattr(previous, "forward", previous.apply)  # whoever comes next reads the parameters there
        self.handle = Handle(self.withdraw, previous=previous)
        self._names, self._defaults, self._open = _parameters(self.forward)

    def withdraw(self) -> None:
        """Put the previous object back; where another library's stands now, only step aside."""
        for place in _places():
            if vars(place)[SLOT] is self:
                setattr(place, SLOT, self.previous)

    def apply(self, *args: Any, **options: Any) -> Any:
        """Return what the previous object returns: a tuple of five, or in TRL 1.14 of log-probs and entropy."""
        call = self._named(args, options)
        if call is None or not self.handle.active or not _serves(call):
            return self.previous.apply(*args, **options)
        return _compute(call, all_five="outputs" in self._names)

    def _named(self, args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any] | None:
        """Return the arguments by name; None where only the previous object may know them."""
        options = {RENAMED.get(name, name): value for name, value in options.items()}
        unknown = [name for name in options if name not in self._names]
        unknown += [f"argument {len(self._names) + 1}"] * (len(args) > len(self._names))
        if not unknown:
            call = {**self._defaults, **dict(zip(self._names, args, strict=False)), **options}
            return call if call.keys() >= set(OPERANDS) else None
        if self._open:
            return None
        known = ", ".join(self._names)
        raise TypeError(f"neither prefcore nor {_name(self.previous)} knows {', '.join(unknown)}; expected {known}")


def _parameters(function: Any) -> tuple[tuple[str, ...], dict[str, Any], bool]:
    """Return names, defaults, and whether any argument is let through."""
    found = [p for name, p in inspect.signature(function).parameters.items() if name not in ("ctx", "self", "cls")]
    fixed = [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    let_through = len(fixed) < len(found)
    names = tuple(RENAMED.get(p.name, p.name) for p in fixed)
    if let_through and names == ORDER[: len(names)]:
        return ORDER, {}, True
    if not set(OPERANDS) <= set(names):
        raise DomainError(f"the kernel in {MODULE}.{SLOT} must take {', '.join(OPERANDS)}, got {', '.join(names)}")
    defaults = {name: p.default for name, p in zip(names, fixed, strict=True) if p.default is not p.empty}
    return names, defaults, let_through


def _serves(call: dict[str, Any]) -> bool:
    """Whether `linear_token_stats` does all that is asked for."""
    hidden, weight = call["hidden"], call["weight"]
    operands = [call[name] for name in ("hidden", "weight", "bias") if call.get(name) is not None]
    device = hidden.device
    if device.type not in ("cpu", "cuda") or any(x.device != device or x.dtype not in DTYPES for x in operands):
        return False
    cast = torch.is_autocast_enabled(device.type)  # then operands may differ
    extra = any(value is not None for name, value in call.items() if name not in OPERANDS and name not in OPTIONS)
    return (
        not extra
        and (cast or len({x.dtype for x in operands}) == 1)
        and not hasattr(weight, "ds_id")  # ZeRO-3 takes the weight away after forward; TRL's gathers it for backward
        and set(call.get("outputs") or ()) <= set(STATISTICS)
        and all(_positive(call.get(name)) for name in ("temperature", "final_logit_softcapping", "logit_scale"))
    )


def _positive(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and value > 0)


def _compute(call: dict[str, Any], *, all_five: bool) -> tuple[Tensor | None, ...]:
    asked = {"log_probs", *(call.get("outputs", STATISTICS) if all_five else ("entropy",))}
    stats = linear_token_stats(
        call["hidden"],
        call["weight"],
        call["targets"],
        bias=call.get("bias"),
        temperature=call.get("temperature", 1.0),
        softcap=call.get("final_logit_softcapping"),
        logit_scale=call.get("logit_scale", 1.0),
        outputs=[ours for theirs, ours in STATISTICS.items() if theirs in asked],
    )
    if not all_five:
        return stats.logps, stats.entropy
    constant = (None if x is None else x.detach() for x in (stats.log_sum_sq_probs, stats.mean_logits, stats.is_top1))
    return (stats.logps, stats.entropy, *constant)


def patch() -> Handle:
    """Let prefcore compute the token log-probs of TRL's trainers, those built before and after.

    DPO, KTO, GRPO, RLOO and SFT trainers of TRL 1.9 to 1.16 take log-probs, entropies and the other statistics of
    tokens from one object; this puts an object around `linear_token_stats` in its place. Losses, metrics and options
    stay TRL's. What prefcore's kernel does not know (an option of a later TRL, f64, another device, ZeRO-3) goes to the
    object that was there, as TRL's own or Unsloth's. Nothing of the model or of a class is changed.

    Returns: Handle; `undo()` or leaving a `with` block puts the previous object back. While it is active, a further
        call returns a Handle that undoes nothing: the patch is the first one's, also inside another `with patch()`.
    Raises: DomainError where this TRL has no such place (`with_loss` does not need it); a call with an option that
        nobody knows is a TypeError.
    Source: trl/trainer/utils.py (`_ChunkedLogProbFunction`), TRL 1.9 to 1.16.

    >>> with patch():  # and in it `trainer.train()`
    ...     status().active
    True
    """
    places = _places()
    if not places:
        raise DomainError(
            f"TRL {version('trl')} has no {MODULE}.{SLOT} to patch, TRL 1.9 to 1.16 have; with_loss works without it"
        )
    current = vars(places[0])[SLOT]
    if isinstance(current, TokenKernel) and current.handle.active:
        return Handle(lambda: None, previous=current)
    if hasattr(current, "_unsloth_fused_linear"):
        told = "Unsloth's fused head was in place: prefcore takes the calls that it knows, and hands Unsloth the others"
        warnings.warn(told, stacklevel=2)
    kernel = TokenKernel(current)
    for place in places:
        if vars(place)[SLOT] is current:
            setattr(place, SLOT, kernel)
    return kernel.handle


def status() -> Status:
    """Say whether prefcore's kernel is in place in the TRL that is installed, and what stood there before.

    Returns: Status.

    >>> status().seam, status().active
    ('trl.trainer.utils._ChunkedLogProbFunction', False)
    """
    places = _places()
    if places:
        current = vars(places[0])[SLOT]
        ours = isinstance(current, TokenKernel) and current.handle.active
        return Status(version("trl"), f"{MODULE}.{SLOT}", ours, current.previous if ours else None)
    method = hasattr(importlib.import_module("trl").DPOTrainer, "dpo_loss")
    return Status(version("trl"), "trl.DPOTrainer.dpo_loss" if method else None, active=False, previous=None)


def _places() -> list[ModuleType]:
    """Return the modules of TRL that hold the kernel: the one that trainers look it up in; in 1.14 their own, too."""
    first = importlib.import_module(MODULE)
    loaded = [module for name, module in list(sys.modules.items()) if name.startswith("trl.") and module is not None]
    return [module for module in (first, *(m for m in loaded if m is not first)) if SLOT in vars(module)]


def _name(kernel: object) -> str:
    return getattr(kernel, "__name__", type(kernel).__name__)

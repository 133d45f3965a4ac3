"""The form of a preference loss that trainers with a slot for one expect, around a loss of prefcore."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from prefcore import _checks as check
from prefcore.errors import DomainError, ShapeError
from prefcore.losses import pairwise

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["SCALED", "PairResult", "one_per_row", "pair_loss", "refuse_call"]

#: losses of pairs of log-ratios that need no more than a beta
SCALED = ("aot", "apo_down", "apo_zero", "bco_pair", "discopop", "dpo", "exo", "hinge", "ipo", "nca", "simpo")


class PairResult(NamedTuple):
    """Losses and implicit rewards of a batch of pairs."""

    losses: Tensor
    """[B], nats."""
    chosen_rewards: Tensor
    """[B], beta times the log-ratio, detached."""
    rejected_rewards: Tensor
    """[B]."""


def pair_loss(loss: str | Callable[..., Tensor], *, beta: float) -> Callable[..., PairResult]:
    """Turn `loss(chosen, rejected) -> [B]` of log-ratios into a function of four log-probs with three results.

    A name stands for the loss of `prefcore.losses`. A function with a parameter `beta` is called with this one, unless
    a `partial` has bound another.

    >>> from prefcore.losses import dpo
    >>> call = pair_loss(dpo, beta=0.5)
    >>> call(*(torch.tensor([x]) for x in (-1.0, -2.0, -1.0, -1.0))).losses
    tensor([0.4741])
    """
    check.numbers(beta=beta)
    check.positive(beta=beta)
    bound = _with_beta(_named(loss), beta)

    def call(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> PairResult:
        given = {"chosen": chosen, "rejected": rejected, "ref_chosen": ref_chosen, "ref_rejected": ref_rejected}
        check.tensors(**given)
        check.same_shape(**given)
        ours, theirs = chosen - ref_chosen, rejected - ref_rejected
        return PairResult(one_per_row(bound(ours, theirs), ours), beta * ours.detach(), beta * theirs.detach())

    return call


def one_per_row(losses: Any, like: Tensor) -> Tensor:
    """Return what a loss returned if it is one value per row of its first argument.

    >>> one_per_row(torch.tensor([0.5, 0.25]), like=torch.zeros(2))
    tensor([0.5000, 0.2500])
    """
    rows = list(like.shape)
    if not isinstance(losses, torch.Tensor) or list(losses.shape) != rows:
        got = list(losses.shape) if isinstance(losses, torch.Tensor) else type(losses).__name__
        raise ShapeError(f"loss must return one value per row, {rows} like its first argument, got {got}")
    return losses


def refuse_call(loss: Callable[..., Tensor], *names: str) -> None:
    """Refuse a loss that cannot be called with these arguments, or whose `partial` has bound what it does not have.

    >>> from prefcore.losses import kto
    >>> refuse_call(kto, "chosen", "rejected")
    Traceback (most recent call last):
    prefcore.errors.DomainError: loss is called as loss(chosen, rejected), got kto: missing a required argument: 'kl'
    """
    function, args, options = _parts(loss)
    signature = _signature(function)
    try:
        if signature is not None:
            signature.bind(*args, *names, **options)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise DomainError(f"loss is called as loss({', '.join(names)}), got {name}: {error}") from None


def _named(loss: Any) -> Callable[..., Tensor]:
    if callable(loss):
        return loss  # type: ignore[no-any-return]
    if loss not in SCALED:
        got = repr(loss) if isinstance(loss, str) else type(loss).__name__
        raise DomainError(f"loss must be a function or one of {', '.join(SCALED)}, got {got}")
    found: Callable[..., Tensor] = getattr(pairwise, loss)
    return found


def _with_beta(loss: Callable[..., Tensor], beta: float) -> Callable[..., Tensor]:
    function, _, options = _parts(loss)
    signature = _signature(function)
    if signature is not None and "beta" in signature.parameters and "beta" not in options:
        loss = partial(loss, beta=beta)
    refuse_call(loss, "chosen", "rejected")
    return loss


def _parts(loss: Callable[..., Tensor]) -> tuple[Callable[..., Tensor], tuple[Any, ...], dict[str, Any]]:
    """Return a function, and what a `partial` has bound of it."""
    return (loss.func, loss.args, loss.keywords) if isinstance(loss, partial) else (loss, (), {})


def _signature(function: Callable[..., Tensor]) -> inspect.Signature | None:
    """Return None for what Python cannot look into, as some functions of C."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None

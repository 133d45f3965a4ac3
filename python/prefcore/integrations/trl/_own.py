"""The loss that a trainer was given, and what is set on the trainer instance for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from prefcore.integrations._adapter import one_per_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class OwnLoss(NamedTuple):
    """The user's loss and what it is called with."""

    function: Callable[..., Tensor]
    average_logps: bool

    def of(self, arguments: tuple[Tensor, ...], weights: Tensor | None) -> Tensor:
        """Return the weighted losses, one per row."""
        losses = one_per_row(self.function(*arguments), arguments[0])
        return losses if weights is None else losses * weights[: len(losses)].to(losses)


class Override:
    """Something that stands on a trainer instance in the place of `theirs`."""

    def __init__(self, theirs: Callable[..., Any]) -> None:
        self.theirs = theirs


def original(trainer: Any, name: str) -> Any:
    """Return TRL's method or collator, also where ours stands now."""
    found = getattr(trainer, name)
    return found.theirs if isinstance(found, Override) else found

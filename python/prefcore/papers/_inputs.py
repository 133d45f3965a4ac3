"""What several modules do with their inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore.logps import SequenceLogps


def alike(**given: Tensor) -> list[Tensor]:
    """Check that all have one shape and one device, and upcast them."""
    from prefcore._checks import same_shape, tensors, upcast

    tensors(**given)
    same_shape(**given)
    return upcast(**given)


def token_sums(given: dict[str, Tensor], *, empty: Literal["raise", "zero"] = "raise") -> SequenceLogps:
    """[B] sums over the tokens that count, with their number, of [B, T] tokens and their mask, by name."""
    from prefcore._checks import boolean, same_shape, tensors, upcast
    from prefcore.logps import sequence_logps

    tensors(**given)
    same_shape(**given)
    (name, tokens), (mask_name, mask) = given.items()
    boolean(**{mask_name: mask})
    (tokens,) = upcast(**{name: tokens})
    return sequence_logps(tokens, mask, empty=empty)


def floored_logistic(gap: Tensor, prob: Tensor | float, eps: float) -> Tensor:
    """-p log(sigmoid(gap) + eps) - (1 - p) log(sigmoid(-gap) + eps), as official codes keep the log finite."""
    return -prob * (gap.sigmoid() + eps).log() - (1 - prob) * ((-gap).sigmoid() + eps).log()

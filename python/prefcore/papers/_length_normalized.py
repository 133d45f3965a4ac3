"""Length-normalized DPO on tokens, which FuseChat-3.0 and Delta Learning share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num


def length_normalized_dpo(
    chosen: Tensor, rejected: Tensor, chosen_mask: Tensor, rejected_mask: Tensor, beta: Num
) -> Tensor:
    """[B] `losses.dpo` on means over tokens."""
    from prefcore.losses import dpo
    from prefcore.papers._inputs import token_sums

    chosen = token_sums({"chosen": chosen, "chosen_mask": chosen_mask}).means
    rejected = token_sums({"rejected": rejected, "rejected_mask": rejected_mask}).means
    return dpo(chosen, rejected, beta=beta)

"""MAPL: multi-level aware preference learning (arXiv 2505.12845)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


def loss(
    strong_chosen: Tensor,
    strong_rejected: Tensor,
    weak_chosen: Tensor,
    weak_rejected: Tensor,
    met: Tensor,
    violated: Tensor,
    *,
    intra_weight: Num = 1.0,
    inter_weight: Num = 1.0,
) -> Tensor:
    """Three Bradley-Terry terms: two responses, one response under two prompts, two pairs.

    loss = bt(strong_chosen, strong_rejected) + intra_weight bt(met, violated)
           + inter_weight bt(strong_chosen - strong_rejected, weak_chosen - weak_rejected)

    The strong pair is the one whose responses differ in more instructions. The last term is derived.

    Args:
        strong_chosen: [B] rewards of the preferred responses of strong pairs; for DPO beta times a log-ratio.
        strong_rejected: [B] the same of the others.
        weak_chosen: [B] rewards of the preferred responses of weak pairs.
        weak_rejected: [B] the same of the others.
        met: [B] rewards of a response under a prompt whose instructions it meets.
        violated: [B] rewards of the same response under a prompt whose instructions it violates.
        intra_weight: weight of the second term, >= 0; float or [B].
        inter_weight: weight of the third term, >= 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: MAPL, L_intra; response-conditioned reward models (arXiv 2502.00814).

    >>> zero = torch.zeros(1)
    >>> loss(zero, zero, zero, zero, zero, zero, inter_weight=0.0)
    tensor([1.3863])
    """
    from prefcore._checks import nonnegative, per_example
    from prefcore.losses import bradley_terry
    from prefcore.papers._inputs import alike

    strong_chosen, strong_rejected, weak_chosen, weak_rejected, met, violated = alike(
        strong_chosen=strong_chosen,
        strong_rejected=strong_rejected,
        weak_chosen=weak_chosen,
        weak_rejected=weak_rejected,
        met=met,
        violated=violated,
    )
    nonnegative(intra_weight=intra_weight, inter_weight=inter_weight)
    intra = per_example("intra_weight", intra_weight, met) * bradley_terry(met, violated)
    inter = bradley_terry(strong_chosen - strong_rejected, weak_chosen - weak_rejected)
    return (
        bradley_terry(strong_chosen, strong_rejected) + intra + per_example("inter_weight", inter_weight, met) * inter
    )

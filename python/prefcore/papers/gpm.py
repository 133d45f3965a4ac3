"""GPM and GPO: general preferences, which may run in circles (Zhang et al. 2024, arXiv 2410.02197)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["gpo_loss"]


def gpo_loss(ratio: Tensor, score: Tensor, *, beta: Num = 1e-3) -> Tensor:
    """GPO: move the log-ratio of each response to its score against the policy, mean over the responses.

    loss = mean_k (ratio_k - score_k / beta)^2

    Args:
        ratio: [B, K] log-ratios of the policy to the one that sampled, in nats; K = 2 in the official code.
        score: [B, K] mean preference score of each response over the policy's responses.
        beta: strength of the pull to the old policy, > 0; float or [B]. The default is that of the run script.
    Returns: [B] losses (f32; f64 for f64 input). A NaN ratio gives NaN.
    Raises: ShapeError, DomainError, TypeError.
    Source: LLM-Alignment of general-preference/general-preference-model, an SPPO trainer with scores.

    >>> gpo_loss(torch.tensor([[1.0, -0.5]]), torch.tensor([[0.4, -0.3]]), beta=0.1)
    tensor([7.6250])
    """
    from prefcore._checks import finite
    from prefcore.errors import ShapeError
    from prefcore.losses import sppo
    from prefcore.papers._inputs import alike

    ratio, score = alike(ratio=ratio, score=score)
    if ratio.ndim != 2 or ratio.shape[1] == 0:
        raise ShapeError(f"ratio must be [B, K] with K > 0, got {list(ratio.shape)}")
    finite(score=score)
    return sppo(ratio, score, beta=beta).mean(1)

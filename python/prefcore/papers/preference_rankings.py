"""Preference learning algorithms do not learn preference rankings (Chen et al. 2024, arXiv 2405.19534)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["difficulty", "loss"]


def difficulty(ref_chosen: Tensor, ref_rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """The DPO loss at which a pair flips: the policy ranks it right just where its own loss is at most this.

    -log sigmoid(beta (ref_rejected - ref_chosen))

    Below log 2 where the reference has the pair wrong, and the nearer to 0 the harder.

    Args:
        ref_chosen: [B] log-probs of the preferred responses under the reference, in nats.
        ref_rejected: [B] log-probs of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024, theorem 4.1.

    >>> difficulty(torch.tensor([-5.0, -60.0]), torch.tensor([-5.0, -20.0]))
    tensor([0.6931, 0.0181])
    """
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    ref_chosen, ref_rejected = alike(ref_chosen=ref_chosen, ref_rejected=ref_rejected)
    return dpo(ref_rejected, ref_chosen, beta=beta)


def loss(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: Num = 0.1,
    gamma: Num = 1.0,
) -> Tensor:
    """DPO^gamma: DPO with the reference scaled; 0 leaves it out, 1 is DPO.

    loss = dpo(chosen - gamma ref_chosen, rejected - gamma ref_rejected)

    Args:
        chosen: [B] log-probs of the preferred responses under the policy, in nats.
        rejected: [B] log-probs of the others.
        ref_chosen: [B] log-probs of the preferred responses under the reference.
        ref_rejected: [B] log-probs of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
        gamma: scale of the reference, finite; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024, eq. 4; dpo_trainer.py (`alpha_scaling`) of angie-chen55/pref-learning-ranking-acc.

    >>> x = torch.tensor([-1.0])
    >>> loss(x, 2 * x, x, 3 * x, beta=1.0, gamma=0.5)
    tensor([0.6931])
    """
    from prefcore._checks import finite, per_example
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    chosen, rejected, ref_chosen, ref_rejected = alike(
        chosen=chosen, rejected=rejected, ref_chosen=ref_chosen, ref_rejected=ref_rejected
    )
    finite(gamma=gamma)
    scale = per_example("gamma", gamma, chosen)
    return dpo(chosen - scale * ref_chosen, rejected - scale * ref_rejected, beta=beta)

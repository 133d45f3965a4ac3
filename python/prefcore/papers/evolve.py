"""EVOLVE (ARIES): learning to answer and to refine an answer (arXiv 2502.05605). Derived from its abstract."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss", "squared_loss"]


def loss(
    direct_chosen: Tensor,
    direct_rejected: Tensor,
    refine_chosen: Tensor,
    refine_rejected: Tensor,
    *,
    alpha: Num = 0.5,
    beta: Num = 0.1,
) -> Tensor:
    """DPO on direct answers, mixed with DPO on the same answers as refinements of an earlier one.

    loss = (1 - alpha) dpo(direct_chosen, direct_rejected) + alpha dpo(refine_chosen, refine_rejected)

    Args:
        direct_chosen: [B] log-ratios policy - reference of the preferred responses given the prompt, in nats.
        direct_rejected: [B] the same of the others.
        refine_chosen: [B] log-ratios of the preferred responses given prompt, earlier answer and the request to
            improve it.
        refine_rejected: [B] the same of the others.
        alpha: weight of the refinement, in [0, 1]; float or [B].
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract of EVOLVE; equations derived.

    >>> zero = torch.zeros(1)
    >>> loss(torch.tensor([2.0]), zero, zero, zero, beta=0.5)
    tensor([0.5032])
    """
    from prefcore._checks import per_example, unit_interval
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    direct, refine = (direct_chosen, direct_rejected), (refine_chosen, refine_rejected)
    names = "direct_chosen", "direct_rejected", "refine_chosen", "refine_rejected"
    alike(**dict(zip(names, direct + refine, strict=True)))
    unit_interval(alpha=alpha)
    answer = dpo(*direct, beta=beta)
    return answer.lerp(dpo(*refine, beta=beta), per_example("alpha", alpha, answer))


def squared_loss(
    direct_chosen: Tensor,
    direct_rejected: Tensor,
    refine_chosen: Tensor,
    refine_rejected: Tensor,
    prob: Num,
    *,
    alpha: Num = 0.5,
    beta: Num = 0.1,
) -> Tensor:
    """The same with a squared refinement term, in the manner of self-improving robust preference optimization.

    loss = (1 - alpha) dpo(direct_chosen, direct_rejected) + alpha (p - 1/2 - beta (refine_chosen - refine_rejected))^2

    Args:
        direct_chosen: as in `loss`.
        direct_rejected: as in `loss`.
        refine_chosen: as in `loss`.
        refine_rejected: as in `loss`.
        prob: probability that `refine_chosen` is preferred, in [0, 1]; float or [B].
        alpha: weight of the refinement, in [0, 1]; float or [B].
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> zero = torch.zeros(1)
    >>> squared_loss(torch.tensor([2.0]), zero, zero, zero, 0.9, beta=0.5)
    tensor([0.2366])
    """
    from prefcore._checks import per_example, unit_interval
    from prefcore.losses import dpo, ipo
    from prefcore.papers._inputs import alike

    direct, refine = (direct_chosen, direct_rejected), (refine_chosen, refine_rejected)
    names = "direct_chosen", "direct_rejected", "refine_chosen", "refine_rejected"
    alike(**dict(zip(names, direct + refine, strict=True)))
    unit_interval(prob=prob, alpha=alpha)
    answer = dpo(*direct, beta=beta)
    refinement = ipo(*refine, beta=beta, preference_gap=prob - 0.5) * per_example("beta", beta, answer) ** 2
    return answer.lerp(refinement, per_example("alpha", alpha, answer))

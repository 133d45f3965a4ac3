"""OSP: online self-preferring language models (arXiv 2405.14103). Derived from its abstract."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


def loss(chosen: Tensor, rejected: Tensor, prob: Num, *, beta: Num = 0.1) -> Tensor:
    """Soft-preference cross-entropy (SPCE): DPO towards the probability that the model itself gives a preference.

    loss = -p log sigmoid(z) - (1 - p) log sigmoid(-z),  z = beta (chosen - rejected)

    Lowest where sigmoid(z) = p, at the entropy of p: an uncertain pair pulls z to 0 rather than apart.

    Args:
        chosen: [B] log-ratios policy - reference of the responses that the judge ranks higher, in nats.
        rejected: [B] log-ratios of the others.
        prob: probability that `chosen` is preferred, in [0, 1]; float or [B].
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract of OSP; equation derived.

    >>> loss(torch.tensor([2.0]), torch.tensor([0.0]), 0.9, beta=0.5)
    tensor([0.4133])
    """
    from prefcore._checks import unit_interval
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike, fitting

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    unit_interval(prob=prob)
    (prob,) = fitting(chosen, prob=prob)
    return dpo(chosen, rejected, beta=beta, label_smoothing=1 - prob)

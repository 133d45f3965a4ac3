"""3D-Properties: what DPO does to the likelihood of both responses (Yan et al. 2024, arXiv 2406.07327)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["Gradients", "flex_loss", "probability_gradients"]


class Gradients(NamedTuple):
    """Derivatives of the loss with respect to probabilities."""

    chosen: Tensor
    """[B] <= 0"""
    rejected: Tensor
    """[B] >= 0"""


def flex_loss(chosen: Tensor, rejected: Tensor, *, beta_chosen: Num = 0.1, beta_rejected: Num = 0.08) -> Tensor:
    """Flex-DPO: DPO with a strength for each side, so that the rejected response can be pushed down less.

    loss = -log sigmoid(beta_chosen chosen - beta_rejected rejected)

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        beta_chosen: > 0; float or [B].
        beta_rejected: > 0; float or [B]. The paper finds the best value slightly below `beta_chosen`.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: 3D-Properties, Flex-DPO.

    >>> flex_loss(torch.tensor([2.0]), torch.tensor([1.0]), beta_chosen=0.5, beta_rejected=1.0)
    tensor([0.6931])
    """
    from prefcore._checks import per_example, positive
    from prefcore.losses import bradley_terry
    from prefcore.papers._inputs import alike

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    positive(beta_chosen=beta_chosen, beta_rejected=beta_rejected)
    return bradley_terry(
        per_example("beta_chosen", beta_chosen, chosen) * chosen,
        per_example("beta_rejected", beta_rejected, rejected) * rejected,
    )


def probability_gradients(
    chosen: Tensor, rejected: Tensor, chosen_logps: Tensor, rejected_logps: Tensor, *, beta: Num = 0.1
) -> Gradients:
    """Slope of DPO in the probability of each response: how hard it is pulled up or pushed down.

    -beta sigmoid(-z) / p_chosen,  beta sigmoid(-z) / p_rejected,  z = beta (chosen - rejected)

    The ratio of the two is -p_chosen / p_rejected: the less likely a rejected response, the harder the push.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        chosen_logps: [B] log-probs of the preferred responses under the policy, in nats.
        rejected_logps: [B] log-probs of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: Gradients(chosen, rejected), detached (f32; f64 for f64 input); infinite where a probability is too small
        for the dtype. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: 3D-Properties, the gradient analysis.

    >>> logps = torch.tensor([0.5]).log(), torch.tensor([0.25]).log()
    >>> probability_gradients(torch.zeros(1), torch.zeros(1), *logps)
    Gradients(chosen=tensor([-0.1000]), rejected=tensor([0.2000]))
    """
    from torch.nn.functional import logsigmoid

    from prefcore._checks import per_example, positive
    from prefcore.papers._inputs import alike

    chosen, rejected, chosen_logps, rejected_logps = (
        value.detach()
        for value in alike(chosen=chosen, rejected=rejected, chosen_logps=chosen_logps, rejected_logps=rejected_logps)
    )
    positive(beta=beta)
    scale = per_example("beta", beta, chosen)
    wrong = logsigmoid(scale * (rejected - chosen))
    return Gradients(-scale * (wrong - chosen_logps).exp(), scale * (wrong - rejected_logps).exp())

"""3D-Properties: what DPO does to the likelihood of both responses (Yan et al. 2024, arXiv 2406.07327)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["Gradients", "ThreeD", "flex_loss", "probability_gradients", "track"]


class Gradients(NamedTuple):
    """Derivatives of the loss with respect to probabilities."""

    chosen: Tensor
    """[B] <= 0"""
    rejected: Tensor
    """[B] >= 0"""


class ThreeD(NamedTuple):
    """What training does to a pair: a drastic drop, a degraded response, a mass that goes elsewhere."""

    rejected_drop: float
    """Last log-prob minus the first: negative for a drop."""
    chosen_drop: float
    gradient_ratio: NDArray[np.float64]
    """[S] how much harder the rejected response is pushed than the chosen one is pulled."""
    unseen_mass: NDArray[np.float64]
    """[S] probability of neither; below 0 where the two together have more than 1, so do not exclude each other."""


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


def track(chosen_logps: Any, rejected_logps: Any) -> ThreeD:
    """Follow both responses of a pair over checkpoints.

    ratio = p_chosen / p_rejected,  unseen mass = 1 - p_chosen - p_rejected

    Args:
        chosen_logps: [S] log-probs of the preferred response at each checkpoint, <= 0, in nats.
        rejected_logps: [S] of the other. The unseen mass is one of a toy policy whose responses exclude each other.
    Returns: ThreeD(rejected_drop, chosen_drop, gradient_ratio, unseen_mass); the ratio is infinite where the difference
        exceeds 709 nats.
    Raises: ShapeError, DomainError, TypeError.
    Source: 3D-Properties, section 3.

    >>> track([-2.0, -2.5], [-2.0, -6.0]).rejected_drop
    -4.0
    """
    from prefcore import _arrays
    from prefcore.errors import ShapeError

    given = {"chosen_logps": chosen_logps, "rejected_logps": rejected_logps}
    columns = {name: _arrays.finite(name, _arrays.floats(name, values)) for name, values in given.items()}
    chosen, rejected = columns.values()
    _arrays.one_dimensional("chosen_logps", chosen)
    _arrays.same_shape(**columns)
    if len(chosen) == 0:
        raise ShapeError("chosen_logps must have at least one checkpoint, got none")
    for name, column in columns.items():
        _arrays.refuse(name, column, column > 0, "a log-prob <= 0")
    with np.errstate(over="ignore"):
        ratio = np.exp(chosen - rejected)
    unseen = 1 - np.exp(chosen) - np.exp(rejected)
    return ThreeD(float(rejected[-1] - rejected[0]), float(chosen[-1] - chosen[0]), ratio, unseen)

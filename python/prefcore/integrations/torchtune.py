"""Preference losses for torchtune's DPO recipes, by their config.

loss:
  _component_: prefcore.integrations.torchtune.PairLoss
  loss: hinge
  beta: 0.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefcore.integrations._adapter import PairResult, pair_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["PairLoss"]


class PairLoss:
    """A loss of prefcore in the place of torchtune's `DPOLoss`.

    (loss(c, r), beta c, beta r),  c = chosen - ref_chosen,  r = rejected - ref_rejected

    Args:
        loss: name of a loss of pairs in `prefcore.losses` that has a beta, which is all a config can say; or a function
            of the log-ratios of both sides, each [B], that returns [B].
        beta: scale of the rewards that are logged, and the beta of the loss: a function that has a parameter `beta` is
            called with it, unless it is a `functools.partial` with a beta of its own. Finite, > 0.
    Raises: DomainError for another name, for a loss that cannot be called so, and for a beta that is not > 0; at a call
        ShapeError for log-probs of different shapes, and for a loss that does not return one value per pair.
    Source: torchtune/rlhf/loss/dpo.py and recipes/full_dpo_distributed.py of torchtune 0.6.1.

    >>> call = PairLoss("dpo", beta=0.5)
    >>> call(*(torch.tensor([x]) for x in (-1.0, -2.0, -1.0, -1.0))).losses
    tensor([0.4741])
    """

    def __init__(self, loss: str | Callable[..., Tensor], *, beta: float) -> None:
        self._call = pair_loss(loss, beta=beta)

    def __call__(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> PairResult:
        """Return losses and the detached rewards of both sides, [B] each; inputs are log-probs [B] in nats."""
        return self._call(chosen, rejected, ref_chosen, ref_rejected)

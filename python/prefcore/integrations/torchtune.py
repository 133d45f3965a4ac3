"""Preference losses for torchtune's DPO recipes, by their config.

loss:
  _component_: prefcore.integrations.torchtune.PairLoss
  loss: hinge
  beta: 0.1
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prefcore.errors import DomainError
from prefcore.integrations._adapter import PairResult, pair_loss
from prefcore.losses import pairwise

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
        beta: of the named loss, and of the rewards that are logged.
    Raises: DomainError for another name, and for a loss that is neither.
    Source: torchtune/rlhf/loss/dpo.py and recipes/full_dpo_distributed.py of torchtune 0.6.1.

    >>> call = PairLoss("dpo", beta=0.1)
    >>> call(*(torch.tensor([x]) for x in (-1.0, -2.0, -1.0, -1.0))).losses
    tensor([0.6444])
    """

    def __init__(self, loss: str | Callable[[Tensor, Tensor], Tensor], *, beta: float) -> None:
        self._call = pair_loss(_named(loss, beta) if isinstance(loss, str) else loss, beta=beta)

    def __call__(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> PairResult:
        """Return losses and the detached rewards of both sides, [B] each; inputs are log-probs [B] in nats."""
        return self._call(chosen, rejected, ref_chosen, ref_rejected)


def _named(name: str, beta: float) -> Callable[[Tensor, Tensor], Tensor]:
    known = ("aot", "apo_down", "apo_zero", "bco_pair", "discopop", "dpo", "exo", "hinge", "ipo", "nca", "simpo")
    if name not in known:
        raise DomainError(f"loss must be a function or one of {', '.join(known)}, got {name!r}")
    return partial(getattr(pairwise, name), beta=beta)

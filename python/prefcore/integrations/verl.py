"""Policy losses and the log-prob kernel for verl.

Importing this module registers `prefcore_ppo`, `prefcore_gspo` and `prefcore_cispo`. verl imports it in every worker:

    VERL_USE_EXTERNAL_MODULES=prefcore.integrations.verl python -m verl.trainer.main_ppo \
        actor_rollout_ref.actor.policy_loss.loss_mode=prefcore_gspo
"""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor
from verl.trainer.ppo.core_algos import agg_loss, register_policy_loss

from prefcore.integrations._handle import Handle
from prefcore.logps import linear_token_stats
from prefcore.losses import cispo, ppo_clip

__all__ = ["patch"]

Result = tuple[Tensor, dict[str, float]]


@register_policy_loss("prefcore_ppo")  # type: ignore[untyped-decorator]
def _ppo(
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    loss_agg_mode: str = "token-mean",
    config: Any = None,
    rollout_is_weights: Tensor | None = None,
) -> Result:
    """Verl's "vanilla" with `losses.ppo_clip`: the ratio is clipped, twice where the advantage is negative."""
    low, high = _bounds(config)
    mask, dual = response_mask.bool(), config.get("clip_ratio_c", 3.0)
    losses = ppo_clip(
        log_prob,
        old_log_prob,
        advantages,
        mask=mask,
        weights=rollout_is_weights,
        clip_low=low,
        clip_high=high,
        dual_clip=dual,
    )
    ratio = (log_prob - old_log_prob).detach().exp()
    clipped = _clipped(ratio, advantages, low, high)
    lower = (advantages < 0) & (ratio > dual)
    return _reduced(losses, log_prob - old_log_prob, clipped, lower, mask, loss_agg_mode, config)


@register_policy_loss("prefcore_gspo")  # type: ignore[untyped-decorator]
def _gspo(
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    loss_agg_mode: str = "seq-mean-token-mean",  # noqa: ARG001
    config: Any = None,
    rollout_is_weights: Tensor | None = None,
) -> Result:
    """Verl's "gspo": every token has the ratio of its sequence, the mean of the log-ratios, and its own gradient.

    As there, the loss is the mean over sequences of their means over tokens, whatever `loss_agg_mode` says, and a mean
    log-ratio counts as at most 10, beyond which it has no gradient.
    """
    low, high = _bounds(config)
    mask = response_mask.bool()
    gap = (log_prob - old_log_prob).detach()
    mean = gap.where(mask, 0.0).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)
    losses = ppo_clip(
        log_prob.where(mean <= 10, log_prob.detach()),
        log_prob.detach() - mean.clamp(max=10),
        advantages,
        mask=mask,
        weights=rollout_is_weights,
        clip_low=low,
        clip_high=high,
    )
    ratio = mean.exp().expand_as(mask)
    clipped = _clipped(ratio, advantages, low, high)
    return _reduced(losses, gap, clipped, torch.zeros_like(mask), mask, "seq-mean-token-mean", config)


@register_policy_loss("prefcore_cispo")  # type: ignore[untyped-decorator]
def _cispo(
    old_log_prob: Tensor,
    log_prob: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    loss_agg_mode: str = "token-mean",
    config: Any = None,
    rollout_is_weights: Tensor | None = None,
) -> Result:
    """`losses.cispo`, bounded above only, as in its paper; verl's own "cispo" bounds the weight below too."""
    _, high = _bounds(config)
    mask = response_mask.bool()
    ours, old, gains = (x.where(mask, 0.0) for x in (log_prob, old_log_prob, advantages))
    losses = cispo(ours, old, gains, max_ratio=1 + high)
    if rollout_is_weights is not None:
        losses = losses * rollout_is_weights
    clipped = (ours - old).detach().exp() > 1 + high
    return _reduced(losses, ours - old, clipped, torch.zeros_like(mask), mask, loss_agg_mode, config)


def patch() -> Handle:
    """Let verl's fused log-probs (`use_fused_kernels`, backend torch) come from `logps.linear_token_stats`.

    verl looks its class up at each forward, so the patch works before and after models are built. Other backends and
    what else verl's class can do stay with it. A second patch returns a handle that undoes nothing.

    Returns: Handle that puts verl's class back.
    Source: `FusedLinearForPPO` in verl/utils/experimental/torch_functional.py of verl 0.9.1.

    >>> with patch() as handle:
    ...     handle.active
    True
    """
    place: Any = importlib.import_module("verl.utils.experimental.torch_functional")
    theirs = place.FusedLinearForPPO
    if issubclass(theirs, _FusedLinear):
        return Handle(lambda: None, previous=theirs)
    place.FusedLinearForPPO = type("FusedLinearForPPO", (_FusedLinear, theirs), {})
    return Handle(lambda: setattr(place, "FusedLinearForPPO", theirs), previous=theirs)


class _FusedLinear:
    """What takes the place of `FusedLinearForPPO.forward`, before it in the order of methods."""

    impl_backend = "torch"

    def forward(
        self, hidden_states: Tensor, vocab_weights: Tensor, input_ids: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return log-probs and entropies in the shape of input_ids."""
        if self.impl_backend != "torch":
            theirs: Any = super()
            return theirs.forward(hidden_states, vocab_weights, input_ids, temperature)  # type: ignore[no-any-return]
        outputs = ("logps", "entropy")
        stats = linear_token_stats(hidden_states, vocab_weights, input_ids, temperature=temperature, outputs=outputs)
        return stats.logps, stats.entropy.to(hidden_states.dtype)  # type: ignore[return-value, union-attr]


def _bounds(config: Any) -> tuple[float, float]:
    low, high = config.clip_ratio_low, config.clip_ratio_high
    return config.clip_ratio if low is None else low, config.clip_ratio if high is None else high


def _clipped(ratio: Tensor, advantages: Tensor, low: float, high: float) -> Tensor:
    """Where the clip takes the gradient."""
    return torch.where(advantages > 0, ratio > 1 + high, ratio < 1 - low) & (advantages != 0)


def _reduced(
    losses: Tensor, gap: Tensor, clipped: Tensor, lower: Tensor, mask: Tensor, mode: str, config: Any
) -> Result:
    """The loss as verl adds it up, and the figures that it logs."""
    count = mask.sum().clamp(min=1)
    shares = {"actor/pg_clipfrac": clipped, "actor/ppo_kl": -gap.detach(), "actor/pg_clipfrac_lower": lower}
    metrics = {name: (x.to(losses.dtype).where(mask, 0.0).sum() / count).item() for name, x in shares.items()}
    return agg_loss(losses, mask.to(losses.dtype), mode, **config.global_batch_info), metrics

"""TDPO: token-level direct preference optimization (Zeng et al. 2024, arXiv 2404.11999)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.logps import PairedTokenStats

__all__ = ["first_loss", "loss"]


def loss(
    chosen: PairedTokenStats,
    rejected: PairedTokenStats,
    chosen_mask: Tensor,
    rejected_mask: Tensor,
    *,
    beta: Num = 0.1,
    alpha: Num = 0.5,
) -> Tensor:
    """TDPO2 from the statistics of policy and reference: `losses.tdpo` on sums over the tokens.

    Args:
        chosen: logps, ref_logps and kl_ref_policy, [B, T], of the preferred responses.
        rejected: the same of the others.
        chosen_mask: [B, T] bool, True = counts.
        rejected_mask: [B, T] bool.
        beta: strength of the pull to the reference, > 0; float or [B].
        alpha: weight of the difference of the divergences, float or [B].
    Returns: [B] losses in nats.
    Raises: ShapeError, DomainError, TypeError.
    Source: trainers.py of the official code.

    >>> from prefcore.logps import paired_token_stats
    >>> stats = paired_token_stats(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), torch.tensor([[0, 3]]))
    >>> loss(stats, stats, torch.ones(1, 2).bool(), torch.ones(1, 2).bool())
    tensor([0.6931])
    """
    from prefcore.losses import tdpo

    chosen_sum, chosen_kl = _sums("chosen", chosen, chosen_mask)
    rejected_sum, rejected_kl = _sums("rejected", rejected, rejected_mask)
    return tdpo(chosen_sum, rejected_sum, chosen_kl, rejected_kl, beta=beta, alpha=alpha)


def first_loss(
    chosen: PairedTokenStats, rejected: PairedTokenStats, chosen_mask: Tensor, rejected_mask: Tensor, *, beta: Num = 0.1
) -> Tensor:
    """TDPO1: DPO on log-ratio plus divergence, with a gradient through both.

    Its gradient with respect to the logits of a token is a multiple of 1[v = target] - q, q the reference.

    Args:
        chosen: as in `loss`.
        rejected: as in `loss`.
        chosen_mask: [B, T] bool, True = counts.
        rejected_mask: [B, T] bool.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats.
    Raises: ShapeError, DomainError, TypeError.
    Source: trainers.py of the official code.

    >>> from prefcore.logps import paired_token_stats
    >>> stats = paired_token_stats(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), torch.tensor([[0, 3]]))
    >>> first_loss(stats, stats, torch.ones(1, 2).bool(), torch.ones(1, 2).bool())
    tensor([0.6931])
    """
    from prefcore.losses import dpo

    chosen_sum, chosen_kl = _sums("chosen", chosen, chosen_mask)
    rejected_sum, rejected_kl = _sums("rejected", rejected, rejected_mask)
    return dpo(chosen_sum + chosen_kl, rejected_sum + rejected_kl, beta=beta)


def _sums(name: str, stats: PairedTokenStats, mask: Tensor) -> tuple[Tensor, Tensor]:
    """[B] sums of log-ratios and of divergences."""
    from prefcore.papers._inputs import token_sums
    from prefcore.papers._stats import token_terms

    log_ratios, kl = (token_sums({name: x, f"{name}_mask": mask}).sums for x in token_terms(name, stats))
    return log_ratios, kl

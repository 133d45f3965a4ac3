"""SparsePO: preference alignment through sparse token masks (Christopoulou et al. 2024, arXiv 2410.05102)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.logps import PairedTokenStats

__all__ = ["common_loss", "loss"]


def loss(
    chosen: PairedTokenStats,
    rejected: PairedTokenStats,
    chosen_mask: Tensor,
    rejected_mask: Tensor,
    chosen_weight: Tensor,
    rejected_weight: Tensor,
    chosen_kl_weight: Tensor,
    rejected_kl_weight: Tensor,
    *,
    beta: Num = 0.1,
    l1: float = 1e-3,
    kl_l1: float = 1e-3,
) -> Tensor:
    """SparsePO with two masks: DPO on token-weighted log-ratios plus token-weighted divergences, and L1 terms.

    loss = dpo(sum_t (w r + v K)_chosen, the same of rejected) + l1 sum_t |w| + kl_l1 sum_t |v|  (both responses)

    r are log-ratios, K is KL(reference to policy). Differentiable with respect to policy and weights.

    Args:
        chosen: logps, ref_logps and kl_ref_policy, [B, T], of the preferred responses.
        rejected: the same of the others.
        chosen_mask: [B, T] bool, True = counts.
        rejected_mask: [B, T] bool.
        chosen_weight: [B, T] w, as `weights.LearnedMask` or `weights.mapo` gives it.
        rejected_weight: [B, T] w.
        chosen_kl_weight: [B, T] v.
        rejected_kl_weight: [B, T] v.
        beta: strength of the pull to the reference, > 0; float or [B].
        l1: weight of the sum of |w|, >= 0.
        kl_l1: weight of the sum of |v|, >= 0.
    Returns: [B] losses (f32; f64 for f64 statistics). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: SparsePO/src/trainers/sparse_trainer.py of huawei-noah/HEBO.

    >>> from prefcore.logps import paired_token_stats
    >>> stats = paired_token_stats(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), torch.tensor([[0, 3]]))
    >>> mask, one = torch.ones(1, 2).bool(), torch.ones(1, 2)
    >>> loss(stats, stats, mask, mask, one, one, one, one)
    tensor([0.7011])
    """
    from prefcore._checks import nonnegative, numbers
    from prefcore.losses import dpo
    from prefcore.weights import mask_sparsity

    numbers(l1=l1, kl_l1=kl_l1)
    nonnegative(l1=l1, kl_l1=kl_l1)
    chosen_sum = _weighted("chosen", chosen, chosen_mask, chosen_weight, chosen_kl_weight)
    rejected_sum = _weighted("rejected", rejected, rejected_mask, rejected_weight, rejected_kl_weight)
    norms = [
        mask_sparsity(chosen_weights, chosen_mask).l1 + mask_sparsity(rejected_weights, rejected_mask).l1
        for chosen_weights, rejected_weights in (
            (chosen_weight, rejected_weight),
            (chosen_kl_weight, rejected_kl_weight),
        )
    ]
    return dpo(chosen_sum, rejected_sum, beta=beta) + l1 * norms[0] + kl_l1 * norms[1]


def common_loss(
    chosen: PairedTokenStats,
    rejected: PairedTokenStats,
    chosen_mask: Tensor,
    rejected_mask: Tensor,
    chosen_weight: Tensor,
    rejected_weight: Tensor,
    *,
    beta: Num = 0.1,
    l1: float = 1e-3,
) -> Tensor:
    """SparsePO (and MaPO) with one mask for log-ratios and divergences: its norm counts once.

    Args:
        chosen: as in `loss`.
        rejected: as in `loss`.
        chosen_mask: [B, T] bool, True = counts.
        rejected_mask: [B, T] bool.
        chosen_weight: [B, T] token weights.
        rejected_weight: [B, T] token weights.
        beta: strength of the pull to the reference, > 0; float or [B].
        l1: weight of the sum of the absolute weights, >= 0; the official code gets there by halving it for each use.
    Returns: [B] losses (f32; f64 for f64 statistics). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: SparsePO/src/trainers/sparse_trainer.py and mapo_trainer.py of huawei-noah/HEBO.

    >>> from prefcore.logps import paired_token_stats
    >>> stats = paired_token_stats(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), torch.tensor([[0, 3]]))
    >>> mask, one = torch.ones(1, 2).bool(), torch.ones(1, 2)
    >>> common_loss(stats, stats, mask, mask, one, one)
    tensor([0.6971])
    """
    from prefcore._checks import nonnegative, numbers

    numbers(l1=l1)
    nonnegative(l1=l1)
    both = chosen_weight, rejected_weight
    return loss(chosen, rejected, chosen_mask, rejected_mask, *both, *both, beta=beta, l1=l1 / 2, kl_l1=l1 / 2)


def _weighted(name: str, stats: PairedTokenStats, mask: Tensor, weight: Tensor, kl_weight: Tensor) -> Tensor:
    from prefcore.papers._inputs import token_sums
    from prefcore.papers._stats import token_terms

    log_ratios, kl = token_terms(name, stats)
    mask_name, weight_name, kl_weight_name = f"{name}_mask", f"{name}_weight", f"{name}_kl_weight"
    weighted = token_sums({name: log_ratios, mask_name: mask, weight_name: weight})
    return weighted.sums + token_sums({name: kl, mask_name: mask, kl_weight_name: kl_weight}).sums

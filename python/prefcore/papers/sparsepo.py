"""SparsePO: preference alignment through sparse token masks (Christopoulou et al. 2024, arXiv 2410.05102)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.logps import PairedTokenStats
    from prefcore.weights import LearnedMask

__all__ = ["common_loss", "learned_weights", "loss", "mapo_weights", "sparsity"]


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


def mapo_weights(activations: Tensor, mask: Tensor) -> Tensor:
    """Token weights of MaPO from several places in the reference model: mean over the places of `weights.mapo`.

    w = mean_h (a_h - min a_h) / (max a_h - min a_h)

    Args:
        activations: [H, B, T] of H > 0 places (kinds of hooks), averaged over hidden units.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
    Returns: [B, T] in [0, 1] (f32; f64 for f64 activations), 0 outside the mask; `common_loss` takes them.
    Raises: ShapeError, TypeError.
    Source: SparsePO/src/masks/mask_models.py of huawei-noah/HEBO; its z-normalization before changes nothing.

    >>> mapo_weights(torch.tensor([[[0.0, 1.0, 4.0]], [[0.0, 3.0, 4.0]]]), torch.ones(1, 3).bool())
    tensor([[0.0000, 0.5000, 1.0000]])
    """
    import torch

    from prefcore._checks import tensors
    from prefcore.errors import ShapeError
    from prefcore.weights import mapo

    tensors(activations=activations, mask=mask)
    if activations.ndim != 3 or len(activations) == 0 or activations.shape[1:] != mask.shape:
        got = f"{list(activations.shape)} and {list(mask.shape)}"
        raise ShapeError(f"expected activations [H, B, T] with H > 0 and mask [B, T], got {got}")
    return torch.stack([mapo(place, mask) for place in activations]).mean(0)


def learned_weights(hidden: Tensor, head: LearnedMask, mask: Tensor) -> Tensor:
    """Token weights that a head learns from hidden states of the reference model.

    Args:
        hidden: [L, B, T, d] hidden states of L layers.
        head: `weights.LearnedMask(d, L)`; one for both terms (`common_loss`), or one for each (`loss`).
        mask: [B, T] bool, True = counts.
    Returns: [B, T] weights >= 0, with exact zeros, 0 outside the mask.
    Raises: ShapeError, TypeError.
    Source: SparsePO/src/masks/mask_models.py of huawei-noah/HEBO, which has a projection of its own for every layer.

    >>> from prefcore.weights import LearnedMask
    >>> learned_weights(torch.randn(2, 1, 3, 8), LearnedMask(8, 2), torch.tensor([[False, True, True]])).shape
    torch.Size([1, 3])
    """
    from prefcore.weights import LearnedMask

    if not isinstance(head, LearnedMask):
        raise TypeError(f"head must be weights.LearnedMask(...), got {type(head).__name__}")
    weights: Tensor = head(hidden, mask)
    return weights


def sparsity(weights: Tensor, mask: Tensor) -> Tensor:
    """Share of the tokens whose weight is 0, in percent: `weights.mask_sparsity(...).percent`.

    Args:
        weights: [B, T] token weights.
        mask: [B, T] bool, True = counts.
    Returns: [B] in [0, 100], detached.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`; the paper reports it for both masks.

    >>> sparsity(torch.tensor([[0.0, 0.5, 0.0, 2.0]]), torch.ones(1, 4).bool())
    tensor([50.])
    """
    from prefcore.weights import mask_sparsity

    return mask_sparsity(weights, mask).percent


def _weighted(name: str, stats: PairedTokenStats, mask: Tensor, weight: Tensor, kl_weight: Tensor) -> Tensor:
    from prefcore.papers._inputs import token_sums
    from prefcore.papers._stats import token_terms

    log_ratios, kl = token_terms(name, stats)
    mask_name, weight_name, kl_weight_name = f"{name}_mask", f"{name}_weight", f"{name}_kl_weight"
    weighted = token_sums({name: log_ratios, mask_name: mask, weight_name: weight})
    return weighted.sums + token_sums({name: kl, mask_name: mask, kl_weight_name: kl_weight}).sums

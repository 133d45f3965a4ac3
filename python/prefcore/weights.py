"""Weights of tokens and of examples, to multiply log-probs, KL terms or losses with.

Token weights are [B, T], 0 outside the mask (a row without a counted token is all 0), and go into
`sequence_logps(..., weights=)`. Masks are already shifted, as in `logps`.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from prefcore._checks import (
    Num,
    boolean,
    numbers,
    per_example,
    positive,
    same_device,
    tensors,
    token_columns,
    unit_interval,
    upcast,
)
from prefcore.errors import DomainError, ShapeError
from prefcore.ops.sequence_sums import sequence_sums

__all__ = [
    "LearnedMask",
    "MaskSparsity",
    "density_ratio",
    "last",
    "length_desensitized",
    "linear",
    "mapo",
    "mask_sparsity",
    "normalize",
    "wpo",
]


def normalize(weights: Tensor, mask: Tensor) -> Tensor:
    """Scale token weights so that each row sums to 1.

    w_t m_t / sum_t w_t m_t

    `normalize(mask, mask)` gives every counted token the same weight: a weighted sum is then the mean. Differentiable.

    Args:
        weights: [B, T] floating point, or bool.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
    Returns: [B, T], f32 (f64 for f64 weights); rows sum to 1.
    Raises: ShapeError, TypeError; DomainError for a row with counted tokens whose sum is not finite and > 0 (looked at
        on the CPU, outside compiled code; elsewhere such a row is not finite, or negative).
    Source: PAL (Chen et al. 2024), the uniform token weights of src/loss_function.py.

    >>> normalize(torch.tensor([[1.0, 3.0, 5.0]]), torch.tensor([[True, True, False]]))
    tensor([[0.2500, 0.7500, 0.0000]])
    """
    token_columns(mask, weights=weights)
    (values,) = upcast(weights=weights.float() if weights.dtype == torch.bool else weights)
    sums, counts = sequence_sums(values, mask, None, None, allow_empty=True)
    totals: Tensor = sums.where(counts > 0, 1.0)
    positive(**{"sum of weights": totals})
    return values.where(mask, 0.0) / totals.unsqueeze(1)


def linear(mask: Tensor) -> Tensor:
    """Token weights that grow linearly along the completion.

    k / (1 + 2 + ... + n) for the k-th of n counted tokens

    Args:
        mask: [B, T] bool, True = counts.
    Returns: [B, T] f32; rows sum to 1.
    Raises: ShapeError, TypeError.
    Source: PAL (Chen et al. 2024), the cumulative token weights of src/loss_function.py.

    >>> linear(torch.tensor([[False, True, True, True]]))
    tensor([[0.0000, 0.1667, 0.3333, 0.5000]])
    """
    token_columns(mask)
    rank = mask.long().cumsum(1) * mask
    return rank.float() / rank.sum(1, keepdim=True).clamp(min=1)


def last(mask: Tensor) -> Tensor:
    """Token weights that keep only the last counted token.

    Args:
        mask: [B, T] bool, True = counts.
    Returns: [B, T] f32, 1 at the last counted position and 0 elsewhere.
    Raises: ShapeError, TypeError.
    Source: PAL (Chen et al. 2024), the last-token weights of src/loss_function.py.

    >>> last(torch.tensor([[True, True, False], [False, True, True]]))
    tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    token_columns(mask)
    rank = mask.long().cumsum(1)
    return (mask & (rank == mask.sum(1, keepdim=True))).float()


def length_desensitized(mask: Tensor, other_mask: Tensor, *, alpha: Num) -> Tensor:
    """Token weights of LD-DPO: tokens beyond the length of the other response count less.

    1 for the first min(n, n_other) counted tokens, alpha for the rest

    Use them for the log-probs of the policy and of the reference, of both responses. In a batch of chosen responses
    followed by their rejected ones, the other mask is `mask.roll(len(mask) // 2, 0)`.

    Args:
        mask: [B, T] bool, True = counts.
        other_mask: [B, U] bool, the mask of the other response of each pair.
        alpha: weight of the tail, in [0, 1]; float or [B]. 1 = DPO, 0 = tails do not count.
    Returns: [B, T] f32.
    Raises: ShapeError, DomainError, TypeError.
    Source: LD-DPO (Liu et al. 2024, arXiv 2409.06411); TRL `ld_alpha` (trl/trainer/dpo_trainer.py).

    >>> longer, shorter = torch.tensor([[False, True, True, True]]), torch.tensor([[False, True, False, False]])
    >>> length_desensitized(longer, shorter, alpha=0.25)
    tensor([[0.0000, 1.0000, 0.2500, 0.2500]])
    >>> length_desensitized(shorter, longer, alpha=0.25)
    tensor([[0., 1., 0., 0.]])
    """
    tensors(mask=mask, other_mask=other_mask)
    boolean(mask=mask, other_mask=other_mask)
    if mask.ndim != 2 or other_mask.ndim != 2 or len(mask) != len(other_mask):
        raise ShapeError(f"expected masks [B, T] and [B, U], got {list(mask.shape)} and {list(other_mask.shape)}")
    same_device(mask=mask, other_mask=other_mask)
    unit_interval(alpha=alpha)
    counted = mask.float()
    shared = mask.long().cumsum(1) <= other_mask.sum(1, keepdim=True)
    return counted.where(shared, counted * per_example("alpha", alpha, counted))


def mapo(activations: Tensor, mask: Tensor) -> Tensor:
    """Token weights of MaPO: activations of the reference model, rescaled to [0, 1] over the completion.

    (a_t - min a) / (max a - min a) over the counted tokens; 1 for all of them where max = min

    The z-normalization of the paper before it changes nothing and is left out.

    Args:
        activations: [B, T] of the reference model, averaged over hidden units.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
    Returns: [B, T], f32 (f64 for f64 activations), 0 outside the mask.
    Raises: ShapeError, TypeError.
    Source: MaPO in SparsePO (Christopoulou et al. 2024, arXiv 2410.05102); SparsePO/src/masks/mask_models.py of
        huawei-noah/HEBO, which rounds the extrema to f16.

    >>> mapo(torch.tensor([[9.0, -1.0, 0.0, 1.0]]), torch.tensor([[False, True, True, True]]))
    tensor([[0.0000, 0.0000, 0.5000, 1.0000]])
    """
    token_columns(mask, activations=activations)
    (values,) = upcast(activations=activations)
    if values.shape[1] == 0:  # nothing to take the minimum of
        return values
    values = values.where(mask, 0.0) / 2  # halves: the span of two numbers may be more than the largest one
    low = values.where(mask, torch.inf).amin(1, keepdim=True)
    span = values.where(mask, -torch.inf).amax(1, keepdim=True) - low
    flat = span == 0
    return ((values - low) / span.where(~flat, 1.0)).where(~flat, 1.0).where(mask, 0.0)


class LearnedMask(nn.Module):
    """Token weights that SparsePO learns from the hidden states of the reference model.

    w_t = relu(mixer . [relu(proj . norm(h_1t)), ..., relu(proj . norm(h_Lt))]),  dropout after each relu

    `norm` and `proj` are shared by the layers; the mixer starts as their mean, because one that starts with a negative
    sum gives zeros and learns nothing. The weights are sparse: the relu makes exact zeros.

    Args:
        hidden_size: H, features of a hidden state.
        layers: L, number of layers that are given.
        dropout: probability of dropping a value, in [0, 1].
    Raises: DomainError.
    Source: SparsePO (Christopoulou et al. 2024, arXiv 2410.05102); SparsePO/src/masks/mask_models.py of
        huawei-noah/HEBO, which has a projection of its own for every layer.

    >>> head = LearnedMask(8, 2)
    >>> head(torch.randn(2, 1, 3, 8), torch.tensor([[False, True, True]])).shape
    torch.Size([1, 3])
    """

    def __init__(self, hidden_size: int, layers: int, *, dropout: float = 0.01) -> None:
        super().__init__()
        positive(hidden_size=hidden_size, layers=layers)
        unit_interval(dropout=dropout)
        self.norm = nn.LayerNorm(hidden_size)
        self.proj = nn.Linear(hidden_size, 1)
        self.mixer = nn.Linear(layers, 1, bias=False)
        nn.init.constant_(self.mixer.weight, 1 / layers)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return the weights [B, T] >= 0, 0 outside the mask.

        Args:
            hidden: [L, B, T, H] hidden states of the reference model, one per layer.
            mask: [B, T] bool, True = counts; hidden states elsewhere do not matter, not even NaN.
        Raises: ShapeError, TypeError.
        """
        token_columns(mask)
        tensors(hidden=hidden)
        expected = [self.mixer.in_features, *mask.shape, self.proj.in_features]
        if list(hidden.shape) != expected:
            raise ShapeError(f"hidden must be [L, B, T, H] = {expected}, got {list(hidden.shape)}")
        same_device(hidden=hidden, mask=mask)
        # Not only the result is masked: in backward, NaN times 0 would reach the parameters.
        (clean,) = upcast(hidden=hidden.masked_fill(~mask.unsqueeze(-1), 0.0))
        normed = self.norm(clean.to(self.proj.weight.dtype))
        per_layer = self.dropout(self.proj(normed).relu()).squeeze(-1)  # [L, B, T]
        mixed = self.dropout(self.mixer(per_layer.movedim(0, -1)).relu()).squeeze(-1)
        (weights,) = upcast(weights=mixed)
        return weights.where(mask, 0.0)


class MaskSparsity(NamedTuple):
    """How sparse token weights are."""

    percent: Tensor
    """[B], share of the counted tokens with weight 0, in percent, detached."""
    l1: Tensor
    """[B], sum of the absolute weights of the counted tokens."""


def mask_sparsity(weights: Tensor, mask: Tensor) -> MaskSparsity:
    """Share of zero token weights, and their L1 norm to keep them sparse with.

    percent = 100 #{t : m_t, w_t = 0} / #{t : m_t},  l1 = sum_t |w_t| m_t

    `l1` is differentiable; its gradient at a weight of 0 is 0.

    Args:
        weights: [B, T] floating point.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
    Returns: MaskSparsity(percent, l1), [B]; both 0 for a row without a counted token.
    Raises: ShapeError, TypeError.
    Source: SparsePO (Christopoulou et al. 2024, arXiv 2410.05102), the L1 terms and the reported sparsity.

    >>> mask_sparsity(torch.tensor([[0.0, 0.5, 1.0, 0.0]]), torch.tensor([[True, True, True, True]]))
    MaskSparsity(percent=tensor([50.]), l1=tensor([1.5000]))
    """
    token_columns(mask, weights=weights)
    (values,) = upcast(weights=weights)
    l1, counts = sequence_sums(values.abs(), mask, None, None, allow_empty=True)
    zeros = ((values == 0) & mask).sum(1)
    return MaskSparsity(100 * zeros.to(values.dtype) / counts.clamp(min=1), l1)


def wpo(logps: Tensor, log_sum_sq_probs: Tensor, mask: Tensor, *, empty: Literal["raise", "zero"] = "raise") -> Tensor:
    """Example weights of WPO: how likely a response is under the policy, next to what the policy would sample.

    weight = exp(mean_t (logps_t - log sum_v p_tv^2))

    The weight of a pair is the product of its two responses and multiplies the loss. It may exceed 1; the official code
    and TRL up to 0.24 clamp: `(chosen * rejected).clamp(max=1)`.

    Args:
        logps: [B, T] log-probs of the tokens under the policy, in nats.
        log_sum_sq_probs: [B, T] log of the sum of the squared probabilities of the vocabulary.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
        empty: what a response without a counted token does: "raise" names it (on CUDA this costs one synchronization),
            "zero" gives weight 0.
    Returns: [B] weights, detached, f32 (f64 for f64 input); 0 for a counted token of log-prob -inf.
    Raises: ShapeError, DomainError, TypeError.
    Source: WPO (Zhou et al. 2024, arXiv 2406.11827), run_wpo.py of wzhouad/WPO; TRL `use_weighting`.

    >>> uniform = torch.full((1, 2), 0.5).log()
    >>> wpo(uniform, uniform, torch.tensor([[True, True]]))
    tensor([1.])
    """
    token_columns(mask, logps=logps, log_sum_sq_probs=log_sum_sq_probs)
    if empty not in ("raise", "zero"):
        raise DomainError(f'empty must be "raise" or "zero", got {empty!r}')
    logps, log_sum_sq_probs = upcast(logps=logps.detach(), log_sum_sq_probs=log_sum_sq_probs.detach())
    sums, counts = sequence_sums(logps - log_sum_sq_probs, mask, None, None, allow_empty=empty == "zero")
    means: Tensor = sums / counts.clamp(min=1)
    return means.exp().where(counts > 0, 0.0)


def density_ratio(prob: Tensor, *, min_ratio: float = 0.5, max_ratio: float = 10.0, eps: float = 1e-8) -> Tensor:
    """Example weights of BCO for undesirable responses whose prompts come from another distribution.

    min(max(p / (1 - p + eps), min_ratio), max_ratio)

    Args:
        prob: [B] probabilities in [0, 1] that the prompt is one of the desirable set, from a classifier.
        min_ratio: lower bound, >= 0.
        max_ratio: upper bound, at least `min_ratio`.
        eps: keeps the ratio finite at p = 1, > 0.
    Returns: [B] weights, detached, f32 (f64 for f64 input). Any shape works elementwise.
    Raises: DomainError (values inside `prob` are looked at on the CPU, outside compiled code), TypeError.
    Source: BCO (Jung et al. 2024, arXiv 2404.04656); TRL `_get_udm_weight` (trl/experimental/bco/bco_trainer.py).

    >>> density_ratio(torch.tensor([0.1, 0.75, 1.0]))
    tensor([ 0.5000,  3.0000, 10.0000])
    """
    tensors(prob=prob)
    numbers(min_ratio=min_ratio, max_ratio=max_ratio, eps=eps)
    positive(eps=eps)
    if not 0 <= min_ratio <= max_ratio:
        raise DomainError(f"expected 0 <= min_ratio <= max_ratio, got {min_ratio} and {max_ratio}")
    (p,) = upcast(prob=prob.detach())
    unit_interval(prob=p)
    return (p / (1 - p + eps)).clamp(min_ratio, max_ratio)

"""Losses of the pairs of a list: every pair by itself, all pairs of a distance, and those of PRO's stages."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore._checks import nonnegative, numbers, positive, same_shape, tensors, upcast
from prefcore.errors import ShapeError
from prefcore.losses.listwise._arguments import at_least_one, by_position, flag, scores_and_labels
from prefcore.ops import list_pairs as ops


class PairLoss(NamedTuple):
    """A sum over the pairs of each list, and how many they were: the mean is `loss / n_terms`."""

    loss: Tensor
    """[G] losses in nats, 0 without a pair."""
    n_terms: Tensor
    """[G] int64, pairs that count."""


def ranknet(
    scores: Tensor,
    labels: Tensor,
    *,
    offsets: Tensor | None = None,
    sigma: float = 1.0,
    max_skip: int | None = None,
    skip_weights: Tensor | None = None,
    min_gap: float = 0.0,
    inclusive: bool = False,
) -> PairLoss:
    """RankNet: logistic loss of every two rows with different labels.

    loss = sum w_skip log(1 + exp(-sigma (s_i - s_j)))  over labels_i - labels_j > min_gap

    skip is the distance of the two in the order of the labels (ties in that of the input). RankList's sum is `sigma =
    1 / temperature`, its mean `skip_weights = 1 / (L - skip)`; VideoComp's hierarchical loss is `loss / n_terms` with
    labels = -severity. Finite at any scores, and small losses keep their digits. On the CPU O(L) memory a list;
    elsewhere several times L^2. Differentiable once, in `scores`.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better.
        labels: grades of the shape of `scores`, any real type; equal ones form no pair.
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
        sigma: factor of the score gap, > 0 (1 / temperature).
        max_skip: largest distance of a pair, >= 1: 1 = neighbors only; None = all pairs.
        skip_weights: [W] weights of the distances 1, 2, …, >= 0, W at least the largest distance; None = 1.
        min_gap: labels must differ by more than this, >= 0; compared in f64, which rounds integers above 2^53.
        inclusive: a difference of exactly `min_gap` counts too (never 0).
    Returns: PairLoss(loss, n_terms), [G] each; loss f32 (f64 for f64 scores). NaN in, NaN out.
    Raises: ShapeError, TypeError; DomainError (numbers; on the CPU, compiled or not, also offsets, labels that are NaN
        and negative weights; on CUDA such a label makes the loss of its list NaN).
    Source: RankNet, Burges et al. 2005; RankList (arXiv 2508.09826); VideoComp.

    >>> ranknet(torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[2, 1, 1]]))
    PairLoss(loss=tensor([0.4402]), n_terms=tensor([2]))
    """
    numbers(sigma=sigma)
    positive(sigma=sigma)
    scores, labels = scores_and_labels(scores, labels, offsets)
    rule = _rule(scores, max_skip, skip_weights, min_gap, inclusive)
    return PairLoss(*ops.ranknet(scores, labels, offsets, sigma, *rule)[:2])


def ranklist(
    scores: Tensor,
    labels: Tensor,
    *,
    offsets: Tensor | None = None,
    temperature: float = 1.0,
    max_skip: int | None = None,
    skip_weights: Tensor | None = None,
    min_gap: float = 0.0,
    inclusive: bool = False,
) -> PairLoss:
    """RankList: one log-sum-exp over all pairs at the same distance in the order of the labels.

    loss = sum_k w_k log(1 + sum_i exp(-(s_i - s_{i+k}) / temperature))  over labels_i - labels_{i+k} > min_gap

    At most the sum of `ranknet`, whose gradients it replaces by softmax weights. Finite at any scores. Differentiable
    once, in `scores`.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better.
        labels: grades of the shape of `scores`, any real type; equal ones form no pair and keep the order of the input.
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
        temperature: divides the score gap, > 0.
        max_skip: largest distance k, >= 1; None = all. Raising it in training is the paper's progressive exposure.
        skip_weights: [W] weights w_k, >= 0, W at least the largest distance; None = 1.
        min_gap: labels must differ by more than this, >= 0; compared in f64, which rounds integers above 2^53.
        inclusive: a difference of exactly `min_gap` counts too (never 0).
    Returns: PairLoss(loss, n_terms), [G] each, n_terms counts pairs; loss f32 (f64 for f64 scores). NaN in, NaN out.
    Raises: as `ranknet`.
    Source: RankList (arXiv 2508.09826), derived from its abstract: no code or full text was at hand.

    >>> ranklist(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[3, 2, 1]]))
    PairLoss(loss=tensor([0.6784]), n_terms=tensor([3]))
    """
    numbers(temperature=temperature)
    positive(temperature=temperature)
    scores, labels = scores_and_labels(scores, labels, offsets)
    rule = _rule(scores, max_skip, skip_weights, min_gap, inclusive)
    return PairLoss(*ops.ranklist(scores, labels, offsets, temperature, *rule)[:2])


def _rule(scores: Tensor, max_skip: int | None, weights: Tensor | None, min_gap: float, inclusive: bool) -> Any:
    at_least_one(max_skip=max_skip)
    flag(inclusive=inclusive)
    numbers(min_gap=min_gap)
    nonnegative(min_gap=min_gap)
    return max_skip, by_position("skip_weights", weights, scores), min_gap, inclusive


def pro(logps: Tensor, rewards: Tensor, *, eps: float = 0.0) -> Tensor:
    """PRO: each response against all that are worse, at temperatures that are reward gaps.

    loss = sum_k [log(eps + exp(s_k T_k) + sum_{i > k} exp(s_i (r_k - r_i))) - s_k T_k],  T_k = max_{i > k} (r_k - r_i)

    over the responses of a prompt, the highest reward first (equal ones as they come). s are mean log-probs; the
    likelihood of the best response is the caller's addition. Equal rewards give a constant without gradient. A log-prob
    of -inf gives the limit, if there is one. Calculated in the type of the log-probs: f32 is good to some 1e-6 of the
    loss.

    Args:
        logps: [B, K] mean token log-probs of K responses a prompt, in nats, in any order.
        rewards: [B, K] rewards, constant for autograd; scale them to order 1.
        eps: floor of the official code, 1e-10 there, inside a log whose terms may be smaller; for parity only.
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError, DomainError.
    Source: Song et al. 2023 (arXiv 2306.17492), eq. 8; AlibabaResearch/DAMO-ConvAI PRO/train/utils/process_manager.py.

    >>> pro(torch.tensor([[-1.0, -2.0, -1.5]]), torch.tensor([[1.0, 0.0, 0.5]]))
    tensor([1.5512])
    """
    tensors(logps=logps, rewards=rewards)
    same_shape(logps=logps, rewards=rewards)
    numbers(eps=eps)
    nonnegative(eps=eps)
    if logps.ndim != 2:
        raise ShapeError(f"logps must be [B, K], got {list(logps.shape)}")
    logps, rewards = upcast(logps=logps, rewards=rewards)
    rewards, order = rewards.detach().to(logps.dtype).sort(dim=1, descending=True, stable=True)
    s = logps.gather(1, order)
    losses = s.masked_fill(s == -math.inf, 0.0).sum(1) * 0.0
    for k in range(logps.shape[1] - 1):
        gaps = rewards[:, k, None] - rewards[:, k + 1 :]
        worse = _scaled(s[:, k + 1 :], gaps)
        worse = worse.masked_fill(worse == -math.inf, -math.inf)  # the same, but without a gradient, which would be NaN
        if eps:
            worse = torch.cat([worse, worse.new_full((len(worse), 1), math.log(eps))], 1)
        x = worse.logsumexp(1) - _scaled(s[:, k], gaps[:, -1])
        losses = losses - logsigmoid(-x)
    return losses


def _scaled(s: Tensor, gaps: Tensor) -> Tensor:
    """Product of both, where -inf times a gap of 0 is 0: exp(s)^0 is 1 however small exp(s)."""
    return s.masked_fill((gaps == 0) & (s == -math.inf), 0.0) * gaps

"""Scores of pairs and of candidates: what trainers log, general preference models, decisions, a schedule."""

from typing import NamedTuple

import torch
from torch import Tensor

from prefcore._checks import (
    Num,
    finite,
    full_precision,
    numbers,
    per_example,
    positive,
    same_device,
    same_shape,
    tensors,
    unit_interval,
    upcast,
)
from prefcore.errors import ShapeError


class PairMetrics(NamedTuple):
    """What trainers log of pairs, each [B] and detached."""

    chosen_rewards: Tensor
    """Implicit rewards of the preferred responses."""
    rejected_rewards: Tensor
    """Implicit rewards of the others."""
    margins: Tensor
    """Chosen minus rejected."""
    accuracies: Tensor
    """1 where the preferred response has the higher reward, the credit of a tie where they are equal, else 0."""


def pair_metrics(chosen: Tensor, rejected: Tensor, *, beta: Num, ties: float) -> PairMetrics:
    """Implicit rewards of pairs, their margin, and whether the preferred response is ahead.

    rewards = beta x,  margin = beta (chosen - rejected),  accuracy = [chosen > rejected] + ties [chosen = rejected]

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats (log-probs without a reference;
            rewards, with beta = 1).
        rejected: [B], the same of the others.
        beta: the beta of the loss, > 0; float or [B].
        ties: credit of equal rewards, in [0, 1]; no default, because papers use 0 (TRL, Unpacking), 0.5 and 1.
    Returns: PairMetrics(chosen_rewards, rejected_rewards, margins, accuracies), each [B], detached, f32 (f64 for f64
        input). Any common shape works elementwise. NaN in, NaN out, in the accuracy too.
    Raises: ShapeError, DomainError, TypeError.
    Source: TRL `rewards/chosen`, `rewards/rejected`, `rewards/margins`, `rewards/accuracies`
        (trl/trainer/dpo_trainer.py).

    >>> pair_metrics(torch.tensor([2.0, 1.0]), torch.tensor([1.0, 1.0]), beta=0.5, ties=0.5).accuracies
    tensor([1.0000, 0.5000])
    """
    tensors(chosen=chosen, rejected=rejected)
    same_shape(chosen=chosen, rejected=rejected)
    positive(beta=beta)
    numbers(ties=ties)
    unit_interval(ties=ties)
    chosen, rejected = upcast(chosen=chosen.detach(), rejected=rejected.detach())
    beta = per_example("beta", beta.detach() if isinstance(beta, Tensor) else beta, chosen)
    credit = (chosen > rejected).to(chosen.dtype).where(chosen != rejected, ties)
    accuracies = credit.where(~(chosen.isnan() | rejected.isnan()), torch.nan)
    return PairMetrics(beta * chosen, beta * rejected, beta * (chosen - rejected), accuracies)


def gpm_score(first: Tensor, second: Tensor, *, gate: Tensor | None = None) -> Tensor:
    """Score of one response over another under a general preference model, which may prefer in circles.

    s(v > w) = sum_l gate_l (v_2l w_2l+1 - v_2l+1 w_2l)

    Skew-symmetric to the bit: swapping the responses changes the sign, and s(v > v) = 0. P(v > w) = sigmoid(s / tau);
    its loss is `losses.dpo(gpm_score(v, w), zeros, beta=1 / tau, margin=margin / tau)`. Differentiable.

    Args:
        first: [..., 2k] embeddings of the responses that the score is for.
        second: [..., 2k] embeddings of the others. At inference the official code normalizes both to length 1.
        gate: weights of the k planes: [k], or [..., k] (a softmax of the prompt in the paper); None = 1 each.
    Returns: [...] scores (f32; f64 for f64 input).
    Raises: ShapeError, TypeError.
    Source: General Preference Modeling (Zhang et al. 2024, arXiv 2410.02197), general_preference/models/loss.py.

    >>> rock, paper = torch.tensor([1.0, 0.0]), torch.tensor([0.0, -1.0])
    >>> gpm_score(rock, paper), gpm_score(paper, rock)
    (tensor(-1.), tensor(1.))
    """
    tensors(first=first, second=second)
    same_shape(first=first, second=second)
    v, w = _planes("first", first), _planes("second", second)
    if gate is None:
        v, w = upcast(first=v, second=w)
    else:
        _check_gate(gate, first.shape[:-1], v.shape[-2], first)
        v, w, gate = upcast(first=v, second=w, gate=gate)
    areas = v[..., 0] * w[..., 1] - v[..., 1] * w[..., 0]
    return (areas if gate is None else areas * gate).sum(-1)


def gpm_scores(embeddings: Tensor, *, gate: Tensor | None = None) -> Tensor:
    """Scores of all candidates of a prompt over one another under a general preference model.

    S_ij = sum_l gate_l (v_i,2l v_j,2l+1 - v_i,2l+1 v_j,2l)

    S = M - M^T with M one matrix product over k terms, so S is skew-symmetric to the bit, with 0 on the diagonal. The
    mean of a row ranks the candidates; sigmoid(S / tau) is the table of win probabilities. Differentiable. Half types
    are computed in f32, under autocast too; with TF32 switched on, torch rounds the factors.

    Args:
        embeddings: [..., K, 2k] embeddings of the K candidates.
        gate: weights of the k planes: [k], or [..., k] for each prompt; None = 1 each.
    Returns: [..., K, K] scores (f32; f64 for f64 input), row over column.
    Raises: ShapeError, TypeError.
    Source: General Preference Modeling (Zhang et al. 2024, arXiv 2410.02197),
        LLM-Alignment/scripts/compute_score_from_raw.py, which loops over pairs and scores S - S^T = 2 S.

    >>> gpm_scores(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
    tensor([[ 0., -1.],
            [ 1.,  0.]])
    """
    tensors(embeddings=embeddings)
    if embeddings.ndim < 2:
        raise ShapeError(f"embeddings must be [..., K, 2k], got {list(embeddings.shape)}")
    planes = _planes("embeddings", embeddings)
    if gate is None:
        even, odd = upcast(embeddings=planes)[0].unbind(-1)
    else:
        _check_gate(gate, embeddings.shape[:-2], planes.shape[-2], embeddings)
        planes, gate = upcast(embeddings=planes, gate=gate)
        even, odd = planes[..., 0] * gate.unsqueeze(-2), planes[..., 1]
    with full_precision(even):
        product = even @ odd.mT
    return product - product.mT


def _planes(name: str, embeddings: Tensor) -> Tensor:
    if embeddings.ndim == 0 or embeddings.shape[-1] == 0 or embeddings.shape[-1] % 2:
        raise ShapeError(f"{name} must be [..., 2k] with k >= 1, got {list(embeddings.shape)}")
    return embeddings.reshape(*embeddings.shape[:-1], embeddings.shape[-1] // 2, 2)


def _check_gate(gate: Tensor, batch: torch.Size, planes: int, like: Tensor) -> None:
    tensors(gate=gate)
    if tuple(gate.shape) not in ((planes,), (*batch, planes)):
        expected = f"[{planes}] or {[*batch, planes]}"
        raise ShapeError(f"gate must be {expected}, one weight for each plane, got {list(gate.shape)}")
    same_device(gate=gate, embeddings=like)


class MinimumBayesRisk(NamedTuple):
    """The candidate most like what the model would say, and how alike each is."""

    best: Tensor
    """[B] int64, the candidate of the largest expected similarity, the first of equal ones."""
    expected: Tensor
    """[B, K] expected similarity of each candidate."""


def minimum_bayes_risk(probs: Tensor, similarity: Tensor) -> MinimumBayesRisk:
    """Candidate with the largest expected similarity to a draw from the model.

    expected_i = sum_j p_j s_ij,  best = argmax_i expected_i

    Probabilities from utilities at temperature T are `softmax(utility / T)`. `expected` is differentiable.

    Args:
        probs: [B, K] probabilities of the candidates, in [0, 1] (not log-probs; looked at on the CPU, outside compiled
            code). Rows that do not sum to 1 scale the result.
        similarity: [B, K, K], s_ij = how good candidate i is where j is right. Need not be symmetric.
    Returns: MinimumBayesRisk(best, expected), [B] int64 and [B, K] (f32; f64 for f64 input).
    Raises: ShapeError, TypeError, DomainError.
    Source: Kumar and Byrne 2004, minimum Bayes risk decoding. The transform of Utility-Probability Duality
        (arXiv 2305.14859), whose equation was not to be had, is here the softmax.

    >>> similarity = torch.tensor([[[1.0, 0.2, 0.2], [0.2, 1.0, 0.9], [0.2, 0.9, 1.0]]])
    >>> minimum_bayes_risk(torch.tensor([[0.4, 0.35, 0.25]]), similarity)
    MinimumBayesRisk(best=tensor([1]), expected=tensor([[0.5200, 0.6550, 0.6450]]))
    """
    tensors(probs=probs, similarity=similarity)
    if probs.ndim != 2 or probs.shape[1] == 0 or similarity.shape != (*probs.shape, probs.shape[-1]):
        got = f"{list(probs.shape)} and {list(similarity.shape)}"
        raise ShapeError(f"expected probs [B, K] and similarity [B, K, K] with K >= 1, got {got}")
    same_device(probs=probs, similarity=similarity)
    probs, similarity = upcast(probs=probs, similarity=similarity)
    unit_interval(probs=probs)
    with full_precision(probs):
        expected = (similarity @ probs.unsqueeze(-1)).squeeze(-1)
    return MinimumBayesRisk(expected.argmax(-1), expected)


def dynamic_beta(
    gap: Tensor, gap_mean: float | Tensor, *, beta: float = 0.1, alpha: float = 0.6, beta_min: float = 1e-3
) -> Tensor:
    """Beta of beta-DPO for a batch: larger where the pairs are further apart than usual.

    max(beta_min, beta (1 + alpha (mean gap - gap_mean)))

    Goes into `losses.dpo(beta=)`. The running mean is the caller's: `gap_mean = torch.lerp(gap.mean(), gap_mean, 0.9)`.

    Args:
        gap: [B] log-ratio of the chosen response minus that of the rejected one, in nats.
        gap_mean: the usual gap, a float or a tensor [].
        beta: beta at the usual gap, > 0.
        alpha: how strongly beta follows the gap.
        beta_min: smallest beta, > 0.
    Returns: [] beta, detached, f32 (f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError, DomainError.
    Source: beta-DPO (Wu et al. 2024, arXiv 2407.08639); trainers.py of junkangwu/beta-DPO.

    >>> dynamic_beta(torch.tensor([1.0, 3.0]), 1.0)
    tensor(0.1600)
    """
    tensors(gap=gap)
    numbers(beta=beta, alpha=alpha, beta_min=beta_min)
    positive(beta=beta, beta_min=beta_min)
    finite(alpha=alpha)
    if gap.ndim != 1 or len(gap) == 0:
        raise ShapeError(f"gap must be [B] with B >= 1, got {list(gap.shape)}")
    if isinstance(gap_mean, Tensor):
        if gap_mean.ndim:
            raise ShapeError(f"gap_mean must be a float or [], got {list(gap_mean.shape)}")
        same_device(gap=gap, gap_mean=gap_mean)
        gap_mean = gap_mean.detach()
    else:
        finite(gap_mean=gap_mean)
    (gap,) = upcast(gap=gap.detach())
    surplus = gap.double().mean() - gap_mean
    return (beta * (1 + alpha * surplus)).clamp(min=beta_min).to(gap.dtype)

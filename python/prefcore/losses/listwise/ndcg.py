"""Losses that follow NDCG: pairs weighted by its change, and its smooth form."""

from typing import Literal

from torch import Tensor

from prefcore._checks import numbers, positive
from prefcore.errors import DomainError
from prefcore.losses.listwise._arguments import at_least_one, scores_and_labels
from prefcore.ops import list_pairs, list_ranks

Gain = Literal["linear", "exponential"]


def lambdarank(
    scores: Tensor,
    labels: Tensor,
    *,
    offsets: Tensor | None = None,
    k: int | None = None,
    sigma: float = 1.0,
    gain: Gain = "exponential",
) -> Tensor:
    """LambdaRank: RankNet with each pair weighted by how much swapping it would change NDCG.

    loss = sum |dNDCG@k_ij| log(1 + exp(-sigma (s_i - s_j)))  over labels_i > labels_j

    The weights are constants for autograd. Places follow the scores, equal ones the order of the input; a place after k
    has discount 0, so pairs that move a row into the first k count (allRank drops pairs that are not wholly in them).
    Memory as `ranknet`. Differentiable once, in `scores`.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better.
        labels: grades of the shape of `scores`, any real type, >= 0 (at most 900 with the exponential gain).
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
        k: places that count in NDCG, >= 1; None = all.
        sigma: factor of the score gap, > 0.
        gain: what a label is worth: "exponential" 2^label - 1, "linear" the label. (The metric's default is linear.)
    Returns: [G] losses (f32; f64 for f64 scores); 0 for a list without a positive gain. NaN in, NaN out.
    Raises: ShapeError, TypeError; DomainError (numbers, gain; on the CPU, compiled or not, also offsets and labels out
        of range; on CUDA such a label makes the loss of its list NaN).
    Source: Burges 2010; LambdaLoss, Wang et al. 2018; allRank `lambdaLoss` with `lambdaRank_scheme`, whose sum is in
        bits (log2).

    >>> lambdarank(torch.tensor([[0.0, 1.0]]), torch.tensor([[1, 0]]))
    tensor([0.4847])
    """
    numbers(sigma=sigma)
    positive(sigma=sigma)
    at_least_one(k=k)
    _check_gain(gain)
    losses: Tensor = list_pairs.lambdarank(*scores_and_labels(scores, labels, offsets), offsets, k, gain, sigma)[0]
    return losses


def approx_ndcg(
    scores: Tensor,
    labels: Tensor,
    *,
    offsets: Tensor | None = None,
    temperature: float = 1.0,
    gain: Gain = "exponential",
) -> Tensor:
    """ApproxNDCG: minus the NDCG of ranks that are sums of sigmoids.

    loss = -sum_i gain_i / log2(1 + rank_i) / ideal,  rank_i = 1 + sum_{j != i} sigmoid((s_j - s_i) / temperature)

    A small temperature brings the ranks near the true ones and lets the gradients vanish. A score of -inf is below all
    others: with label 0 it pads a list. Memory as `ranknet`. Differentiable once, in `scores`.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better.
        labels: grades of the shape of `scores`, any real type, >= 0 (at most 900 with the exponential gain).
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
        temperature: divides the score gap, > 0; 1 / alpha of the paper.
        gain: as in `lambdarank`.
    Returns: [G] losses in [-1, 0] (f32; f64 for f64 scores); 0 for a list without a positive gain. NaN in, NaN out.
    Raises: as `lambdarank`.
    Source: Qin et al. 2010; Bruch et al. 2019; allRank `approxNDCGLoss`.

    >>> approx_ndcg(torch.tensor([[0.0, 1.0]]), torch.tensor([[1, 0]]))
    tensor([-0.6899])
    """
    numbers(temperature=temperature)
    positive(temperature=temperature)
    _check_gain(gain)
    losses: Tensor = list_ranks.approx_ndcg(*scores_and_labels(scores, labels, offsets), offsets, temperature, gain)[0]
    return losses


def _check_gain(gain: str) -> None:
    if gain not in ("linear", "exponential"):
        raise DomainError(f'gain must be "linear" or "exponential", got {gain!r}')

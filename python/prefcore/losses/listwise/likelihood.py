"""Likelihood losses of lists: of whole rankings, and of the top place."""

import torch
from torch import Tensor

from prefcore._checks import numbers, positive, same_device, tensors, upcast
from prefcore.errors import ShapeError
from prefcore.losses.listwise._arguments import at_least_one, by_position, lists, scores_and_labels
from prefcore.ops import list_likelihood as ops


def plackett_luce(scores: Tensor, ranking: Tensor, *, offsets: Tensor | None = None, k: int | None = None) -> Tensor:
    """Plackett-Luce: negative log-probability of a ranking, given as row indices, best first.

    loss = sum_{i <= k} (log sum_{j >= i} exp s_j - s_i)  over the rows of the ranking in its order

    Grades instead of a ranking: `listmle`. Two rows: Bradley-Terry. `k=1` with the chosen row first: InfoNCE, best
    against rest, `softmax_loss` with a one. Rows that stand in no ranking take no part. Finite at any scores; a row of
    score -inf costs nothing where only such rows are left, and inf anywhere else; one of +inf makes loss and gradient
    of its ranking NaN. Differentiable once.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better.
        ranking: int64, best first: [B, K] places in each list (as `argsort` gives them), or with `offsets` [R] rows of
            the flat scores, which may stand in several rankings; once in each.
        offsets: [G+1] int64 boundaries of the rankings in `ranking`: 0 first, R last. Every ranking of its own length.
        k: number of first stages that count, >= 1; None = all.
    Returns: [G] losses in nats (f32; f64 for f64 scores); 0 for a ranking of less than two rows. NaN in, NaN out.
    Raises: ShapeError, TypeError; DomainError (k; on the CPU, compiled or not, also offsets, rows out of range or twice
        in a ranking; on CUDA a row out of range makes its loss NaN, and offsets cost one synchronization).
    Source: Plackett 1975; choix; ListMLE, Xia et al. 2008.

    >>> plackett_luce(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[2, 1, 0]]))
    tensor([0.7209])
    """
    tensors(scores=scores, ranking=ranking)
    lists("ranking", ranking, offsets, dense="[B, K]", flat="[R]")
    at_least_one(k=k)
    if ranking.dtype != torch.int64:
        raise TypeError(f"ranking must be int64, got {ranking.dtype}; labels go to listmle")
    if scores.ndim != ranking.ndim or (offsets is None and len(scores) != len(ranking)):
        got = f"{list(scores.shape)} and {list(ranking.shape)}"
        raise ShapeError(f"expected scores [B, L] and ranking [B, K], or [N] and [R] with offsets, got {got}")
    same_device(scores=scores, ranking=ranking)
    losses: Tensor = ops.plackett_luce(upcast(scores=scores)[0], ranking, offsets, k)[0]
    return losses


def listmle(
    scores: Tensor,
    labels: Tensor,
    *,
    offsets: Tensor | None = None,
    k: int | None = None,
    position_weights: Tensor | None = None,
) -> Tensor:
    """ListMLE: Plackett-Luce negative log-likelihood of the order that the labels give.

    loss = sum_{i <= k} w_i (log sum_{j >= i} exp s_j - s_i)  over the rows, the highest label first

    Equal labels keep the order of the input. With `position_weights` this is p-ListMLE. A ranking instead of labels:
    `plackett_luce`. Finite at any scores, as there. Differentiable once, with respect to `scores`.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better.
        labels: grades of the shape of `scores`, any real type; higher is better.
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
        k: number of first stages that count, >= 1; None = all.
        position_weights: [W] weights of the first, second, … stage, >= 0, W at least the longest list (or k); None = 1.
    Returns: [G] losses in nats (f32; f64 for f64 scores); 0 for a list of less than two rows. NaN in, NaN out.
    Raises: ShapeError, TypeError; DomainError (k; on the CPU, compiled or not, also offsets, labels that are NaN and
        negative weights; on CUDA such a label makes the loss of its list NaN).
    Source: ListMLE, Xia et al. 2008; p-ListMLE, Lan et al. 2014; allRank `listMLE`, which shuffles ties and adds 1e-10
        inside the log.

    >>> listmle(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1, 2, 4]]))
    tensor([0.7209])
    """
    at_least_one(k=k)
    scores, labels = scores_and_labels(scores, labels, offsets)
    weights = by_position("position_weights", position_weights, scores)
    losses: Tensor = ops.listmle(scores, labels, offsets, k, weights)[0]
    return losses


def softmax_loss(scores: Tensor, labels: Tensor, *, offsets: Tensor | None = None) -> Tensor:
    """Softmax cross-entropy of a list, weighted by its labels as they are.

    loss = -sum_i labels_i log softmax(scores)_i

    With a one at the chosen row and zeros elsewhere this is the multi-negative loss of S-DPO, and InfoNCE over a list
    (on scores / temperature). A row of label 0 may have a score of -inf (masked); a list of such rows only
    has loss 0, whatever its labels. Differentiable once, in `scores`.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better.
        labels: weights of the shape of `scores`, any real type, finite, not normalized.
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
    Returns: [G] losses (f32; f64 for f64 scores); 0 for a list of less than two rows. NaN in, NaN out.
    Raises: ShapeError, TypeError; DomainError (on the CPU, compiled or not: offsets, labels that are not finite; on
        CUDA such a label makes the loss of its list NaN).
    Source: rax `softmax_loss`; ListNet, Cao et al. 2007.

    >>> softmax_loss(torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([[1, 0, 0]]))
    tensor([0.4076])
    """
    losses: Tensor = ops.softmax_loss(*scores_and_labels(scores, labels, offsets), offsets)[0]
    return losses


def listnet(scores: Tensor, labels: Tensor, *, offsets: Tensor | None = None, temperature: float = 1.0) -> Tensor:
    """ListNet: cross-entropy between the top-one probabilities of labels and scores.

    loss = -sum_i softmax(labels / temperature)_i log softmax(scores)_i

    A cross-entropy, not a KL divergence: the entropy of the labels is not taken off. Differentiable once, in `scores`.

    Args:
        scores: [B, L], or [N] with `offsets`; higher is better. They are not divided by the temperature.
        labels: grades of the shape of `scores`, any real type; -inf = probability 0 (loss 0 where all are).
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
        temperature: divides the labels, > 0.
    Returns: [G] losses in nats (f32; f64 for f64 scores); 0 for a list of less than two rows. NaN in, NaN out.
    Raises: ShapeError, TypeError; DomainError (temperature; on the CPU, compiled or not, also offsets and labels that
        are NaN or inf; on CUDA such a label makes the loss of its list NaN).
    Source: ListNet, Cao et al. 2007, top-one; allRank `listNet`, which adds 1e-10 to the softmax.

    >>> listnet(torch.tensor([[2.0, 0.0]]), torch.tensor([[1, 0]]))
    tensor([0.6648])
    """
    numbers(temperature=temperature)
    positive(temperature=temperature)
    losses: Tensor = ops.listnet(*scores_and_labels(scores, labels, offsets), offsets, temperature)[0]
    return losses

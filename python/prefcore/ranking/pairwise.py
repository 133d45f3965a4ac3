"""Losses of the pairs of a list: every pair by itself, or all pairs of a distance."""

from typing import Any

from prefcore import _arrays, _rust
from prefcore.ranking._lists import ListLoss, at_least_one, by_position, labeled, result

__all__ = ["ranklist", "ranknet"]


def ranknet(
    scores: Any,
    labels: Any,
    *,
    sigma: float = 1.0,
    max_skip: int | None = None,
    skip_weights: Any = None,
    min_gap: float = 0,
    inclusive: bool = False,
    offsets: Any = None,
) -> ListLoss:
    """RankNet: logistic loss of every two rows with different labels.

    loss = sum w_skip log(1 + exp(-sigma (s_i - s_j)))  over labels_i - labels_j > min_gap

    skip is the distance of the two in the order of the labels (ties in that of the input). RankList's sum is `sigma =
    1 / temperature`, its mean `skip_weights = 1 / (L - skip)`. The mean over pairs is `loss / n_terms`. Finite at any
    finite scores, and small losses keep their digits. O(n^2) time, O(n) memory a list.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list; higher is better.
        labels: grades of the shape of `scores`; equal ones form no pair. Integers above 2^53 are rounded.
        sigma: factor of the score gap, > 0 (1 / temperature).
        max_skip: largest distance of a pair, >= 1: 1 = neighbors only; None = all pairs.
        skip_weights: [W] weights of the distances 1, 2, …, >= 0, W at least the largest distance; None = 1.
        min_gap: labels must differ by more than this, >= 0.
        inclusive: a difference of exactly `min_gap` counts too (never 0).
        offsets: int [G + 1] boundaries of the lists of 1-D columns.
    Returns: ListLoss; n_terms counts the pairs.
    Raises: DomainError (NaN, numbers out of range, negative weights), ShapeError, TypeError.
    Source: RankNet, Burges et al. 2005; RankList (arXiv 2508.09826). allRank's mean over no pair is NaN.

    >>> loss, grad, n_terms = ranknet([2.0, 0.0, 1.0], [2, 1, 1])
    >>> loss.round(4), grad.round(4), n_terms
    (np.float64(0.4402), array([-0.3881,  0.1192,  0.2689]), np.int64(2))
    """
    rule = _rule(max_skip, skip_weights, min_gap, inclusive)
    data = labeled(offsets, scores, labels)
    s, y = data.columns
    return result(data, _rust.ranknet(s, y, data.offsets, _arrays.number("sigma", sigma), rule))


def ranklist(
    scores: Any,
    labels: Any,
    *,
    temperature: float = 1.0,
    max_skip: int | None = None,
    skip_weights: Any = None,
    min_gap: float = 0,
    inclusive: bool = False,
    offsets: Any = None,
) -> ListLoss:
    """RankList: one log-sum-exp over all pairs at the same distance in the order of the labels.

    loss = sum_k w_k log(1 + sum_i exp(-(s_i - s_{i+k}) / temperature))  over labels_i - labels_{i+k} > min_gap

    At most the sum of `ranknet`, whose gradients it replaces by softmax weights.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list; higher is better.
        labels: grades of the shape of `scores`; equal ones form no pair and keep the order of the input.
        temperature: divides the score gap, > 0.
        max_skip: largest distance k, >= 1; None = all. Raising it in training is the paper's progressive exposure.
        skip_weights: [W] weights w_k, >= 0, W at least the largest distance; None = 1.
        min_gap: labels must differ by more than this, >= 0.
        inclusive: a difference of exactly `min_gap` counts too (never 0).
        offsets: int [G + 1] boundaries of the lists of 1-D columns.
    Returns: ListLoss; n_terms counts the pairs.
    Raises: as `ranknet`.
    Source: RankList (arXiv 2508.09826), derived from its abstract: no code or full text was at hand.

    >>> ranklist([2.0, 1.0, 0.0], [3, 2, 1]).loss.round(4)
    np.float64(0.6784)
    """
    rule = _rule(max_skip, skip_weights, min_gap, inclusive)
    data = labeled(offsets, scores, labels)
    s, y = data.columns
    return result(data, _rust.ranklist(s, y, data.offsets, _arrays.number("temperature", temperature), rule))


def _rule(max_skip: int | None, weights: Any, min_gap: float, inclusive: bool) -> Any:
    _arrays.refuse("min_gap", min_gap, not 0 <= _arrays.number("min_gap", min_gap) < float("inf"), "finite and >= 0")
    every = _arrays.flag("inclusive", inclusive)
    return at_least_one("max_skip", max_skip), by_position("skip_weights", weights), min_gap, every

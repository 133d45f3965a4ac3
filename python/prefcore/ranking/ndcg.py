"""Losses made for NDCG."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.ranking._lists import Gain, ListLoss, at_least_one, labeled, one_list, result

__all__ = ["approx_ndcg", "lambda_weights", "lambdarank"]


def lambdarank(
    scores: Any,
    labels: Any,
    *,
    k: int | None = None,
    gain: Gain = "exponential",
    sigma: float = 1.0,
    offsets: Any = None,
) -> ListLoss:
    """LambdaRank: RankNet with each pair weighted by how much swapping it would change NDCG.

    loss = sum |dNDCG@k_ij| log(1 + exp(-sigma (s_i - s_j)))  over labels_i > labels_j

    The weights, those of `lambda_weights`, are constants for the gradient. Places follow the scores, equal ones the
    order of the input; a place after k has discount 0, so pairs that move a row into the first k count (allRank drops
    pairs that are not wholly in them). O(n^2) time, O(n) memory a list.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list; higher is better.
        labels: grades of the shape of `scores`, >= 0 (at most 900 with the exponential gain).
        k: places that count in NDCG, >= 1; None = all.
        gain: what a label is worth: "exponential" 2^label - 1, "linear" the label. (`metrics.ndcg` has linear by
            default.)
        sigma: factor of the score gap, > 0.
        offsets: int [G + 1] boundaries of the lists of 1-D columns.
    Returns: ListLoss; n_terms counts the pairs; loss 0 for a list without a positive gain.
    Raises: DomainError (NaN, labels, numbers out of range), ShapeError, TypeError.
    Source: Burges 2010; LambdaLoss, Wang et al. 2018; allRank `lambdaLoss` with `lambdaRank_scheme`, whose sum is in
        bits (log2).

    >>> lambdarank([0.0, 1.0], [1, 0]).loss.round(4)
    np.float64(0.4847)
    """
    k = at_least_one("k", k)
    data = labeled(offsets, scores, labels)
    s, y = data.columns
    return result(data, _rust.lambdarank(s, y, data.offsets, k, gain, _arrays.number("sigma", sigma)))


def lambda_weights(
    scores: Any, labels: Any, *, k: int | None = None, gain: Gain = "exponential"
) -> NDArray[np.float64]:
    """Absolute change of NDCG@k when two rows of one list swap places: the weights of `lambdarank`.

    w_ij = |gain_i - gain_j| |d_i - d_j| / ideal DCG@k,  d = 1 / log2(1 + place) up to place k, 0 after it

    Args:
        scores: [n], higher is better; they give the places, equal ones in the order of the input.
        labels: [n] grades, >= 0 (at most 900 with the exponential gain).
        k: places that count, >= 1; None = all.
        gain: as in `lambdarank`.
    Returns: float64 [n, n], symmetric; 0 where no label has a positive gain.
    Raises: DomainError, ShapeError, TypeError.
    Source: as `lambdarank`.

    >>> lambda_weights([0.0, 1.0, 2.0], [2, 0, 0]).round(4)
    array([[0.    , 0.1309, 0.5   ],
           [0.1309, 0.    , 0.    ],
           [0.5   , 0.    , 0.    ]])
    """
    k, s, y = at_least_one("k", k), one_list("scores", scores), one_list("labels", labels)
    _arrays.same_shape(scores=s, labels=y)
    return _rust.lambda_weights(s, y, k, gain).reshape(len(s), len(s))


def approx_ndcg(
    scores: Any, labels: Any, *, temperature: float = 1.0, gain: Gain = "exponential", offsets: Any = None
) -> ListLoss:
    """ApproxNDCG: minus the NDCG of ranks that are sums of sigmoids, those of `approx_rank`.

    loss = -sum_i gain_i / log2(1 + rank_i) / ideal,  rank_i = 1 + sum_{j != i} sigmoid((s_j - s_i) / temperature)

    A small temperature brings the ranks near the true ones and lets the gradients vanish. A score of -inf is below all
    others: with label 0 it pads a list. One of +inf makes loss and gradient of its list NaN. O(n^2) time.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list; higher is better.
        labels: grades of the shape of `scores`, >= 0 (at most 900 with the exponential gain).
        temperature: divides the score gap, > 0; 1 / alpha of the paper.
        gain: as in `lambdarank`.
        offsets: int [G + 1] boundaries of the lists of 1-D columns.
    Returns: ListLoss, losses in [-1, 0]; n_terms counts the rows with a positive gain; loss 0 where there are none.
    Raises: as `lambdarank`.
    Source: Qin et al. 2010; Bruch et al. 2019; allRank `approxNDCGLoss`.

    >>> approx_ndcg([0.0, 1.0], [1, 0]).loss.round(4)
    np.float64(-0.6899)
    """
    data = labeled(offsets, scores, labels)
    s, y = data.columns
    return result(data, _rust.approx_ndcg(s, y, data.offsets, _arrays.number("temperature", temperature), gain))

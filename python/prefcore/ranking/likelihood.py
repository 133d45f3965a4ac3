"""Likelihood losses of lists: of whole rankings, and of the top place."""

from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore.errors import ShapeError
from prefcore.ranking._lists import ListLoss, at_least_one, by_position, labeled, result, scored

__all__ = ["listmle", "listnet", "plackett_luce", "softmax_loss"]


def plackett_luce(scores: Any, ranking: Any, *, k: int | None = None, offsets: Any = None) -> ListLoss:
    """Plackett-Luce: negative log-probability of a ranking, given as row indices, best first.

    loss = sum_{i <= k} (log sum_{j >= i} exp s_j - s_i)  over the rows of the ranking in its order

    Grades instead of a ranking: `listmle`. Two rows: Bradley-Terry. Rows that stand in no ranking take no part and have
    gradient 0; for a row in several rankings the gradients add up. A row of score -inf costs nothing where only such
    rows are left, and inf anywhere else; one of +inf makes loss and gradient of its ranking NaN.

    Args:
        scores: [n], or [G, L] with a list in each row; higher is better.
        ranking: int, best first: [R] rows of [n] scores, cut into rankings by `offsets` (None: one ranking), or [G, K]
            places in each list of [G, L] scores, as `argsort` gives them; a row stands once in a ranking.
        k: number of first stages that count, >= 1; None = all.
        offsets: int [G + 1] boundaries of the rankings in `ranking`, not of the scores.
    Returns: ListLoss; n_terms counts the stages with a choice; loss 0 for a ranking of less than two rows.
    Raises: DomainError (NaN, rows out of range or twice in a ranking, k), ShapeError, TypeError.
    Source: Plackett 1975; choix; ListMLE, Xia et al. 2008.

    >>> loss, grad, n_terms = plackett_luce([0.0, 1.0, 2.0], [2, 0])
    >>> loss.round(4), grad.round(4), n_terms
    (np.float64(0.1269), array([ 0.1192,  0.    , -0.1192]), np.int64(1))
    """
    k = at_least_one("k", k)
    rows = _arrays.to_numpy("ranking", ranking)
    if rows.dtype.kind not in "iu" and rows.size:
        raise TypeError(f"ranking must hold integers, got dtype {rows.dtype}; labels go to listmle")
    order = _arrays.grouped(offsets, ranking=rows.astype(np.int64, copy=False))
    data, flat = scored(None, scores), order.columns[0]
    if len(data.shape) != len(order.shape) or (len(data.shape) == 2 and data.shape[0] != order.shape[0]):
        got = f"{list(data.shape)} and {list(order.shape)}"
        raise ShapeError(f"scores and ranking must be [n] and [R], or [G, L] and [G, K], got {got}")
    values = data.columns[0]
    if len(data.shape) == 2:
        return result(order._replace(shape=data.shape), _rust.plackett_luce_dense(values, flat, data.shape, k))
    loss, n_terms, by_entry = _rust.plackett_luce(values, flat, order.offsets, k)
    grad = np.bincount(flat, weights=by_entry, minlength=len(values)).astype(values.dtype)
    return result(order._replace(shape=data.shape), (loss, n_terms, grad))


def listmle(
    scores: Any, labels: Any, *, k: int | None = None, position_weights: Any = None, offsets: Any = None
) -> ListLoss:
    """ListMLE: Plackett-Luce negative log-likelihood of the order that the labels give.

    loss = sum_{i <= k} w_i (log sum_{j >= i} exp s_j - s_i)  over the rows, the highest label first

    Equal labels keep the order of the input. With `position_weights` this is p-ListMLE. A ranking instead of labels:
    `plackett_luce`, also for infinite scores: here one of +inf makes loss and gradient of its list NaN.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list; higher is better.
        labels: grades of the shape of `scores`; higher is better. Integers above 2^53 are rounded.
        k: number of first stages that count, >= 1; None = all.
        position_weights: [W] weights of the first, second, … stage, >= 0, W at least the longest list (or k); None = 1.
        offsets: int [G + 1] boundaries of the lists of 1-D columns.
    Returns: ListLoss; n_terms counts the stages with a choice.
    Raises: DomainError (NaN, negative weights, k), ShapeError, TypeError.
    Source: ListMLE, Xia et al. 2008; p-ListMLE, Lan et al. 2014; allRank `listMLE`, which shuffles ties and adds 1e-10
        inside the log.

    >>> listmle([0.0, 1.0, 2.0], [1, 2, 4]).loss.round(4)
    np.float64(0.7209)
    """
    k, weights = at_least_one("k", k), by_position("position_weights", position_weights)
    data = labeled(offsets, scores, labels)
    s, y = data.columns
    return result(data, _rust.listmle(s, y, data.offsets, k, weights))


def softmax_loss(scores: Any, labels: Any, *, offsets: Any = None) -> ListLoss:
    """Softmax cross-entropy of a list, weighted by its labels as they are.

    loss = -sum_i labels_i log softmax(scores)_i

    With a one at the chosen row and zeros elsewhere this is the multi-negative loss of S-DPO, and InfoNCE over a list
    (on scores / temperature). A row of label 0 may have a score of -inf (masked); a list of such rows only
    has loss 0, whatever its labels. One of +inf leaves neither loss nor gradient of its list finite.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list; higher is better.
        labels: weights of the shape of `scores`, finite, not normalized.
        offsets: int [G + 1] boundaries of the lists of 1-D columns.
    Returns: ListLoss; n_terms counts the labels that are not 0, 0 for a list of less than two rows.
    Raises: DomainError (NaN, labels that are not finite), ShapeError, TypeError.
    Source: rax `softmax_loss`; ListNet, Cao et al. 2007.

    >>> softmax_loss([2.0, 0.0, 1.0], [1, 0, 0]).loss.round(4)
    np.float64(0.4076)
    """
    data = labeled(offsets, scores, labels)
    s, y = data.columns
    return result(data, _rust.softmax_loss(s, y, data.offsets))


def listnet(scores: Any, labels: Any, *, temperature: float = 1.0, offsets: Any = None) -> ListLoss:
    """ListNet: cross-entropy between the top-one probabilities of labels and scores.

    loss = -sum_i softmax(labels / temperature)_i log softmax(scores)_i

    A cross-entropy, not a KL divergence: the entropy of the labels is not taken off. A score of +inf makes loss and
    gradient of its list NaN.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list. They are not divided by the
            temperature.
        labels: grades of the shape of `scores`; -inf = probability 0 (loss 0 where all are).
        temperature: divides the labels, > 0.
        offsets: int [G + 1] boundaries of the lists of 1-D columns.
    Returns: ListLoss; n_terms counts the probabilities that are not 0, 0 for a list of less than two rows.
    Raises: DomainError (NaN, labels of inf, temperature), ShapeError, TypeError.
    Source: ListNet, Cao et al. 2007, top-one; allRank `listNet`, which adds 1e-10 to the softmax.

    >>> listnet([2.0, 0.0], [1, 0]).loss.round(4)
    np.float64(0.6648)
    """
    data = labeled(offsets, scores, labels)
    s, y = data.columns
    return result(data, _rust.listnet(s, y, data.offsets, _arrays.number("temperature", temperature)))

"""Dissecting human and LLM preferences (Li et al. 2024, arXiv 2402.11296)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prefcore import _arrays, metrics
from prefcore.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["difference", "fit", "labels", "length_feature", "log_difference", "similarity"]

#: Words from which a response is longer than one of 0, 1, 2, ... words.
LONGER = np.array([1, 3, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19])


def labels(p_shown: Any, p_swapped: Any) -> NDArray[np.int8]:
    """Which of two responses a judge prefers that saw them in both orders; a tie goes to the second.

    label = 1 where p_shown_0 + p_swapped_1 > p_shown_1 + p_swapped_0, else 0

    Where the two numbers of each order sum to 1 that is `strength.position_debiased(...).p > 0.5`.

    Args:
        p_shown: [N, 2] probabilities of the verdicts for the response shown first and second, the first shown first.
        p_swapped: [N, 2] the same, the second shown first.
    Returns: int8 [N], 1 first preferred, 0 second: the labels of `fit`.
    Raises: ShapeError, DomainError, TypeError.
    Source: visualization/add_new_model_p2_collection.py of GAIR-NLP/Preference-Dissection.

    >>> labels([[0.6, 0.4], [0.2, 0.8], [0.5, 0.5]], [[0.3, 0.7], [0.6, 0.4], [0.5, 0.5]])
    array([1, 0, 0], dtype=int8)
    """
    shown, swapped = _arrays.floats("p_shown", p_shown), _arrays.floats("p_swapped", p_swapped)
    for name, p in (("p_shown", shown), ("p_swapped", swapped)):
        _arrays.refuse(name, p, ~((p >= 0) & (p <= 1)), "in [0, 1]")
    _arrays.same_shape(p_shown=shown, p_swapped=swapped)
    if shown.ndim != 2 or shown.shape[1] != 2:
        raise ShapeError(f"p_shown must be [N, 2], got {list(shown.shape)}")
    first, second = (shown + swapped[:, ::-1]).T
    return np.asarray(first > second, dtype=np.int8)


def fit(features: Any, labels: Any, *, scale: float = 0.1, folds: int = 10, seed: int = 0) -> NDArray[np.float64]:
    """How much a judge pays for each property: posterior means of a logistic regression, averaged over folds.

    mean over k of `metrics.laplace_logistic_regression` without the k-th of `folds` runs of consecutive rows

    Args:
        features: [N, F] comparisons of two responses in F properties, in [-1, 1]; 29 in the paper.
        labels: [N] probabilities that the first response is preferred, in [0, 1].
        scale: of the Laplace prior, > 0.
        folds: number of fits, 2 to N; each is 10,000 draws where F > 3, and takes its time: 1,000 rows of 29 properties
            in 10 folds are about a minute on one core.
        seed: of the draws.
    Returns: float64 [F]; what is shown in the paper is their sigmoid.
    Raises: ConvergenceError, ShapeError, DomainError, TypeError.
    Source: visualization/add_new_model_p3_logistic.py of GAIR-NLP/Preference-Dissection, there by NUTS.

    >>> fit([[1.0], [1.0], [-1.0], [1.0]], [1, 1, 0, 1], folds=2).round(4)
    array([0.0197])
    """
    x, y = _arrays.finite("features", _arrays.floats("features", features)), _arrays.floats("labels", labels)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ShapeError(f"expected features [N, F] and labels [N], got {list(x.shape)} and {list(y.shape)}")
    _arrays.refuse("labels", y, ~((y >= 0) & (y <= 1)), "in [0, 1]")
    folds = _arrays.whole_number("folds", folds, 2, max(len(x), 2) + 1)
    fold = np.arange(len(x)) * folds // max(len(x), 1)
    parts = [
        metrics.laplace_logistic_regression(x[fold != k], y[fold != k], scale=scale, seed=seed) for k in range(folds)
    ]
    return np.asarray(np.mean([part.mean for part in parts], axis=0))


def length_feature(first_words: Any, second_words: Any) -> NDArray[np.int8]:
    """Which of two responses is longer, if one clearly is.

    Up to 11 words in the shorter one a table decides. Beyond, it must have at most 70, 80 or 90 percent of the words of
    the other and at least 10, 20 or 40 words less.

    Args:
        first_words: int [N] words of the first responses, >= 0.
        second_words: int [N] of the second.
    Returns: int8 [N], 1 first longer, -1 second longer, 0 about equal.
    Raises: ShapeError, DomainError, TypeError.
    Source: `get_comparison_length` in annotation_codes/resolve_collected_data.py of GAIR-NLP/Preference-Dissection.

    >>> length_feature([5, 50, 300], [10, 20, 330])
    array([-1,  1,  0], dtype=int8)
    """
    first, second = _arrays.integers("first_words", first_words), _arrays.integers("second_words", second_words)
    _arrays.same_shape(first_words=first, second_words=second)
    for name, words in (("first_words", first), ("second_words", second)):
        _arrays.refuse(name, words, words < 0, "a number of words >= 0")
    short, long = np.minimum(first, second), np.maximum(first, second)
    gap = long - short
    few = long >= LONGER[np.minimum(short, len(LONGER) - 1)]
    # Whole numbers, as 0.7 * 100 is 70 only by luck: floor(share long / 10), without a product that could overflow.
    tens, ones = np.divmod(long, 10)
    many = [
        (short <= share * tens + share * ones // 10) & (gap >= least) for share, least in ((7, 10), (8, 20), (9, 40))
    ]
    longer = ((short < len(LONGER)) & few) | np.any(many, axis=0)
    return np.asarray(np.sign(first - second) * longer, dtype=np.int8)


def difference(d: Any, *, limit: float = 3) -> NDArray[np.float64]:
    """A difference of ratings as a feature in [-1, 1].

    clip(d / limit, -1, 1)

    Args:
        d: [N] first minus second.
        limit: difference that counts in full, > 0; the paper has 3 and 5.
    Returns: float64 [N].
    Raises: ShapeError, DomainError, TypeError.
    Source: `norm_a_diff` in annotation_codes/utils.py of GAIR-NLP/Preference-Dissection.

    >>> difference([-5.0, 1.5])
    array([-1. ,  0.5])
    """
    with np.errstate(over="ignore"):
        return np.clip(_checked(d, limit) / float(limit), -1.0, 1.0)


def log_difference(d: Any, *, limit: float = 500) -> NDArray[np.float64]:
    """A difference of counts as a feature in [-1, 1], on a logarithmic scale.

    clip(sign(d) log(1 + |d|) / log(1 + limit), -1, 1)

    Args:
        d: [N] first minus second.
        limit: difference that counts in full, > 0.
    Returns: float64 [N].
    Raises: ShapeError, DomainError, TypeError.
    Source: `norm_a_diff` in annotation_codes/utils.py of GAIR-NLP/Preference-Dissection.

    >>> log_difference([-800.0, 1.0]).round(4)
    array([-1.    ,  0.1115])
    """
    x = _checked(d, limit)
    with np.errstate(over="ignore"):
        return np.asarray(np.clip(np.sign(x) * np.log1p(np.abs(x)) / np.log1p(float(limit)), -1.0, 1.0))


def similarity(u: Any, v: Any) -> float:
    """How alike two judges are: mean correlation of their coefficients over scenarios.

    mean_s pearson(u_s, v_s)

    Args:
        u: [S, F] coefficients of one judge in each scenario, as of `metrics.laplace_logistic_regression`.
        v: [S, F] of the other.
    Returns: float in [-1, 1]; NaN where the coefficients of a scenario are all equal.
    Raises: ShapeError, DomainError, TypeError.
    Source: `get_similarity_local` in visualization/app.py of GAIR-NLP/Preference-Dissection.

    >>> round(similarity([[0.1, 0.3, -0.2, 0.5]], [[0.2, 0.25, -0.1, 0.3]]), 4)
    0.9396
    """
    first, second = (_arrays.finite(name, _arrays.floats(name, judge)) for name, judge in (("u", u), ("v", v)))
    _arrays.same_shape(u=first, v=second)
    if first.ndim != 2 or len(first) == 0:
        raise ShapeError(f"u must be [S, F] with S > 0, got {list(first.shape)}")
    return float(metrics.pearson(first, second).mean())


def _checked(d: Any, limit: float) -> NDArray[np.float64]:
    x = _arrays.finite("d", _arrays.floats("d", d))
    _arrays.one_dimensional("d", x)
    _arrays.refuse("limit", limit, not 0 < _arrays.number("limit", limit) < np.inf, "a finite number > 0")
    return x

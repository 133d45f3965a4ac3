"""What the best of several samples is worth."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import ShapeError
from prefcore.metrics._results import Values, per_group

__all__ = ["best_of_n", "pass_all_k", "pass_at_k"]


def best_of_n(
    scores: Any,
    *,
    n: Any,
    gold: Any = None,
    replace: bool = False,
    offsets: Any = None,
    nan: Literal["raise", "omit", "propagate"] = "raise",
) -> Values:
    """Expected gold value of the sample with the highest score among n.

    The mean, over all subsets of n rows of the group (an unbiased estimate) or with `replace` over all sequences of n
    rows (the plug-in estimate), of the gold value of the row with the highest score; tied rows share their gold.

    The divergence of best of n from its base policy is log n - (n - 1)/n (an upper bound). 0/1 scores give `pass_at_k`.

    Args:
        scores: what the best is chosen by; [N] with `offsets`, [G, L] with a group in each row, or [N] alone.
        n: number of draws, >= 1, or several of them [K].
        gold: what the chosen row is worth, of the shape of `scores`; None = its score.
        replace: whether a row can be drawn more than once.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's values are NaN.
    Returns: float64 [G], with several n [G, K]; without the G for one group. NaN without a row, and without
        replacement where n is larger than the group.
    Raises: DomainError, ShapeError, TypeError.
    Source: the estimator of WebGPT (Nakano et al. 2021, arXiv 2112.09332), appendix I, with ties.

    >>> best_of_n([0.0, 1.0, 4.0], n=[1, 2, 3])
    array([1.66666667, 3.        , 4.        ])
    """
    data = _arrays.grouped(offsets, scores=scores, gold=scores if gold is None else gold)
    several = not isinstance(n, int | np.integer)
    draws = _arrays.integers("n", n if several else [_arrays.whole_number("n", n, 1, 2**63)])
    scores, gold = data.columns
    flat = _rust.best_of_n(scores, gold, draws, _arrays.flag("replace", replace), data.offsets, nan)
    values = flat.reshape(-1, len(draws)) if len(draws) else np.empty((len(data.offsets) - 1, 0))
    return per_group(data, values if several else values[:, 0])


def pass_at_k(n_samples: Any, n_correct: Any, *, k: int) -> Values:
    """Chance that at least one of k samples is correct, estimated without bias from n samples.

    1 - C(n - c, k) / C(n, k)

    Args:
        n_samples: int n, of the shape of `n_correct`, or one integer for all.
        n_correct: int c in 0..n, of any shape.
        k: >= 1.
    Returns: float64 in [0, 1] of the shape of `n_correct`, or one number; NaN where n < k.
    Raises: DomainError, ShapeError, TypeError.
    Source: Chen et al. (2021, arXiv 2107.03374); openai/human-eval human_eval/evaluation.py, which gives 1 where n < k.

    >>> pass_at_k(10, [0, 1, 9], k=2)
    array([0. , 0.2, 1. ])
    """
    n_samples, n_correct = _samples(n_samples, n_correct)
    k = _arrays.whole_number("k", k, 1, 2**63)
    return _rust.pass_at_k(n_samples.reshape(-1), n_correct.reshape(-1), k).reshape(n_correct.shape)[()]


def pass_all_k(n_samples: Any, n_correct: Any, *, k: int) -> Values:
    """Chance that all of k samples are correct (pass^k), estimated without bias from n samples.

    C(c, k) / C(n, k)

    Args:
        n_samples: int n, of the shape of `n_correct`, or one integer for all.
        n_correct: int c in 0..n, of any shape.
        k: >= 1.
    Returns: float64 in [0, 1] of the shape of `n_correct`, or one number; NaN where n < k.
    Raises: DomainError, ShapeError, TypeError.
    Source: tau-bench (Yao et al. 2024, arXiv 2406.12045); sierra-research/tau-bench.

    >>> pass_all_k(4, [1, 3, 4], k=2)
    array([0. , 0.5, 1. ])
    """
    n_samples, n_correct = _samples(n_samples, n_correct)
    k = _arrays.whole_number("k", k, 1, 2**63)
    return _rust.pass_all_k(n_samples.reshape(-1), n_correct.reshape(-1), k).reshape(n_correct.shape)[()]


def _samples(n_samples: Any, n_correct: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both as int64 of one shape."""
    n, c = _counts("n_samples", n_samples), _counts("n_correct", n_correct)
    if n.shape not in {(), c.shape}:
        raise ShapeError(f"n_samples must have shape {list(c.shape)} like n_correct, or be one, got {list(n.shape)}")
    return np.ascontiguousarray(np.broadcast_to(n, c.shape)), c


def _counts(name: str, values: Any) -> NDArray[np.int64]:
    array = _arrays.column(name, values)
    if array.dtype.kind == "f" and array.size:
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}; call .astype(np.int64)")
    return array.astype(np.int64, copy=False)

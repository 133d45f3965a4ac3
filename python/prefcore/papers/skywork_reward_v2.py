"""Skywork-Reward-V2: scaling preference data curation by people and models together (arXiv 2507.01352)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore.groups import RaggedRows

__all__ = ["Curation", "best_of_n", "curate", "evaluate", "loss", "retrieve"]


class Curation(NamedTuple):
    """What becomes of each pair; all bool [N]."""

    confident: NDArray[np.bool_]
    """The best reward model agrees with the label: no judge is asked."""
    relabel: NDArray[np.bool_]
    """The others."""
    keep: NDArray[np.bool_]
    """The gold model agrees with the label, and so does the judge or the best model."""
    flip: NDArray[np.bool_]
    """The others, which come back with their sides exchanged."""


def retrieve(prob: Any, queries: Any, pool: Any, *, k_max: int = 8) -> RaggedRows:
    """Pool items that are nearest to what the model gets wrong, the more of them the surer it is of its error.

    k = k_max where p <= 1/2, else ceil(k_max (1 - p)); the k rows of highest cosine

    k_max p counts as whole where it is but for rounding: k_max = 10 and p = 0.7 give 3.

    Args:
        prob: [Q] probability that the reward model gives to the labeled preference, in [0, 1].
        queries: [Q, d] embeddings of these pairs.
        pool: [N, d] embeddings of the pool.
        k_max: most items for a pair, >= 1.
    Returns: RaggedRows(rows, offsets [Q + 1]) of the pool, nearest first; fewer where the pool is smaller than k.
    Raises: ShapeError, DomainError, TypeError.
    Source: Skywork-Reward-V2, section 3.2.

    >>> retrieve([0.3, 0.9], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.1], [0.1, 1.0], [1.0, 1.0]], k_max=2)
    RaggedRows(rows=array([0, 2, 1]), offsets=array([0, 2, 3]))
    """
    from prefcore.groups import RaggedRows, offsets_from_lengths
    from prefcore.selection import top_k_cosine

    p = _probability("prob", prob)
    k_max = _arrays.whole_number("k_max", k_max, 1, 2**31)
    items = _arrays.floats("pool", pool)
    if items.ndim != 2:
        raise ShapeError(f"pool must be [N, d], got {list(items.shape)}")
    left = k_max * p
    k = np.where(p <= 0.5, k_max, k_max - np.floor(left + 2 * np.spacing(left))).astype(np.int64)
    nearest = top_k_cosine(pool, queries, k=min(k_max, max(len(items), 1))).rows
    if len(nearest) != len(p):
        raise ShapeError(f"queries must have {len(p)} rows like prob, got {len(nearest)}")
    k = np.minimum(k, nearest.shape[1])
    return RaggedRows(nearest[np.arange(nearest.shape[1]) < k[:, None]], offsets_from_lengths(k))


def curate(p_best: Any, p_gold: Any, llm_agrees: Any, *, threshold: float = 0.5) -> Curation:
    """Which labels hold, by two reward models and a judge.

    confident = p_best > threshold;  keep = p_gold > threshold and (llm_agrees = 1 or p_best > threshold)

    Args:
        p_best: [N] probability that the best reward model so far gives to the labeled preference, in [0, 1].
        p_gold: [N] the same of the model trained on labels that people verified.
        llm_agrees: [N] 1 where a language model agrees with the label, 0 where not, NaN where it was not asked.
        threshold: above which a model agrees, in [0, 1].
    Returns: Curation(confident, relabel, keep, flip); relabel = not confident, flip = not keep.
    Raises: ShapeError, DomainError, TypeError.
    Source: Skywork-Reward-V2, section 3.3.

    >>> curate([0.9, 0.3, 0.2], [0.8, 0.7, 0.1], [np.nan, 1.0, 0.0]).keep
    array([ True,  True, False])
    """
    p, q = _probability("p_best", p_best), _probability("p_gold", p_gold)
    agrees = _arrays.floats("llm_agrees", llm_agrees)
    _arrays.same_shape(p_best=p, p_gold=q, llm_agrees=agrees)
    _arrays.refuse("llm_agrees", agrees, ~np.isnan(agrees) & (agrees != 0) & (agrees != 1), "1, 0 or NaN")
    threshold = _arrays.number("threshold", threshold)
    _arrays.refuse("threshold", threshold, not 0 <= threshold <= 1, "in [0, 1]")
    keep = (q > threshold) & ((agrees == 1) | (p > threshold))
    return Curation(p > threshold, p <= threshold, keep, ~keep)


def evaluate(scores: Any) -> NDArray[np.float64]:
    """Average of a model over benchmarks, each of which counts the same.

    Args:
        scores: [models, benchmarks], in percent; in the paper there are seven.
    Returns: float64 [models]; the tables print one decimal.
    Raises: ShapeError, DomainError, TypeError.
    Source: Skywork-Reward-V2, table 1.

    >>> evaluate([[97.8, 86.5, 79.8, 87.2, 89.3, 96.0, 83.4]]).round(1)
    array([88.6])
    """
    s = _arrays.finite("scores", _arrays.floats("scores", scores))
    if s.ndim != 2 or s.shape[1] == 0:
        raise ShapeError(f"scores must be [models, benchmarks] with a benchmark, got {list(s.shape)}")
    return np.asarray(s.mean(1))


def best_of_n(reward: Any, gold: Any, offsets: Any, *, n: int) -> float:
    """How good the response is that a reward model picks among n: `metrics.best_of_n`, its mean over prompts.

    Args:
        reward: [N] rewards of the responses.
        gold: [N] what each is worth, such as 1 where it is right.
        offsets: int [G + 1] boundaries of the prompts, each of at least n responses.
        n: responses to pick from, >= 1.
    Returns: float, an unbiased estimate; NaN without a prompt.
    Raises: ShapeError, DomainError, TypeError.
    Source: Skywork-Reward-V2, best-of-n evaluation.

    >>> best_of_n([0.1, 0.9, 0.5, 0.2], [0.0, 1.0, 1.0, 0.0], [0, 2, 4], n=2)
    1.0
    """
    from prefcore import metrics

    r, g = _arrays.finite("reward", _arrays.floats("reward", reward)), _arrays.floats("gold", gold)
    _arrays.same_shape(reward=r, gold=_arrays.finite("gold", g))
    n = _arrays.whole_number("n", n, 1, 2**63)
    values = metrics.best_of_n(r, gold=g, offsets=_arrays.integers("offsets", offsets), n=n)
    if (few := np.isnan(values)).any():
        raise DomainError(f"prompt {int(few.argmax())} must have at least n = {n} responses")
    return float(values.mean()) if len(values) else float("nan")


def loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """`losses.bradley_terry`, without margin or smoothing.

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: Skywork-Reward-V2, section 2.

    >>> loss(torch.tensor([1.0]), torch.tensor([0.0]))
    tensor([0.3133])
    """
    from prefcore.losses import bradley_terry

    return bradley_terry(chosen, rejected)


def _probability(name: str, values: Any) -> NDArray[np.float64]:
    p = _arrays.floats(name, values)
    _arrays.one_dimensional(name, p)
    _arrays.refuse(name, p, ~((p >= 0) & (p <= 1)), "in [0, 1]")
    return p

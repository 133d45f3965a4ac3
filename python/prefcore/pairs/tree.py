"""Pairs of steps in a search tree."""

from typing import Any, Literal

import numpy as np

from prefcore import _arrays, _rust
from prefcore.pairs.score import IndexDtype, Pairs, narrow_of

__all__ = ["step_pairs"]


def step_pairs(
    q: Any,
    prior: Any,
    rewards: Any,
    values: Any,
    visits: Any,
    *,
    worse: Literal["second", "worst", "random"] = "second",
    seed: int = 0,
    offsets: Any = None,
    index_dtype: IndexDtype = "int64",
) -> Pairs:
    """Pair the best of every group of sibling steps with another one of them.

    Siblings are sorted by (q, prior, reward, value, visits), the first that differs decides; the last is chosen.

    Steps that are alike in all five stay in input order, so that every group of two or more gives a pair; its margin,
    the difference of q, is 0 where something else decided.

    Args:
        q: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group: the q values of the steps.
        prior: prior probabilities of the steps, shape of `q`.
        rewards: their rewards, shape of `q`.
        values: their values, shape of `q`.
        visits: how often the search came to them, >= 0, shape of `q`.
        worse: which step is rejected: the "second" best, the "worst", or a "random" one of all but the best.
        seed: of "random", in 0..2^64: the smallest key (seed, group, place in the group) is drawn.
        offsets: int [G + 1] boundaries of the groups of siblings.
        index_dtype: dtype of `chosen`, `rejected` and `group`.
    Returns: Pairs [S], one for each group of two or more; the margin float32 where q is, else float64.
    Raises: DomainError (also NaN, and a margin of integers beyond int64), ShapeError, TypeError.
    Source: MCTS-DPO (Xie et al. 2024), mcts_rl/algorithms/mcts/trainer.py of YuxiXie/MCTS-DPO; "worst" is its
        `choose_worst`.

    >>> step_pairs([0.3, 0.9, 0.3], [0.2, 0.5, 0.25], [0.1, 0.4, 0.1], [0.3, 0.7, 0.3], [3, 7, 4])
    Pairs(chosen=array([1]), rejected=array([2]), margin=array([0.6]), group=array([0]))
    """
    data = _arrays.grouped(offsets, q=q, prior=prior, rewards=rewards, values=values, visits=visits)
    _arrays.one_of("worse", worse, "second", "worst", "random")
    seed = _arrays.whole_number("seed", seed, 0, 2**64)
    flat, *others = data.columns
    for name, column in zip(("q", "prior", "rewards", "values", "visits"), data.columns, strict=True):
        _arrays.refuse(name, column.reshape(data.shape), np.isnan(column), "a number")
    _arrays.refuse("visits", others[-1].reshape(data.shape), others[-1] < 0, "0 or more")
    if flat.dtype == np.int32:
        flat = flat.astype(np.int64)  # the margin of two int32 may not fit one
    pairs = Pairs(*_rust.step_pairs(flat, others, data.offsets, worse, seed, narrow_of(index_dtype))[0])
    return pairs if flat.dtype.kind == "f" else pairs._replace(margin=pairs.margin.astype(np.float64))

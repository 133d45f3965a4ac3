"""MCTS-DPO: tree search boosts reasoning by iterative preference learning (Xie et al. 2024, arXiv 2405.00451)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.selection import TreeValues

__all__ = ["StepPairs", "back_up", "loss", "pairs", "prior", "select", "value"]


class StepPairs(NamedTuple):
    """Pairs of steps of a search, one for each node with two children or more: what `loss` needs of them."""

    chosen: NDArray[np.int64]
    """[S] rows of the better steps."""
    rejected: NDArray[np.int64]
    """[S] rows of the worse ones."""
    chosen_visits: NDArray[np.float64]
    """[S]"""
    rejected_visits: NDArray[np.float64]
    """[S]"""


def loss(
    chosen: Tensor, rejected: Tensor, chosen_visits: Tensor, rejected_visits: Tensor, *, beta: Num = 0.1
) -> Tensor:
    """DPO on steps of a search tree, with a label that is the softer the more often the worse step was visited.

    loss = dpo(chosen, rejected, label_smoothing=e),  e = min(1/2, n_rejected / (n_rejected + max(1, n_chosen)))

    Args:
        chosen: [B] log-ratios policy - reference of the better steps, in nats, from the first different token on
            (`logps.diverge_slice`).
        rejected: [B] log-ratios of the worse steps.
        chosen_visits: [B] how often the search came to the better step, >= 0, any dtype.
        rejected_visits: [B] the same of the worse step.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: mcts_rl/algorithms/mcts/trainer.py and utils.py of YuxiXie/MCTS-DPO.

    >>> x = torch.tensor([2.0, 2.0])
    >>> loss(x, torch.zeros(2), torch.tensor([3, 0]), torch.tensor([1, 7]), beta=0.5)
    tensor([0.5633, 0.8133])
    """
    from prefcore._checks import nonnegative, same_shape, tensors, upcast
    from prefcore.losses import dpo

    given = {
        "chosen": chosen,
        "rejected": rejected,
        "chosen_visits": chosen_visits,
        "rejected_visits": rejected_visits,
    }
    tensors(**given)
    same_shape(**given)
    chosen, rejected = upcast(chosen=chosen, rejected=rejected)
    better, worse = chosen_visits.to(chosen.dtype), rejected_visits.to(chosen.dtype)
    nonnegative(chosen_visits=better, rejected_visits=worse)
    smoothing = (worse / (worse + better.clamp(min=1))).clamp(max=0.5)
    return dpo(chosen, rejected, beta=beta, label_smoothing=smoothing)


def prior(logps: Any, lengths: Any, *, length_penalty: float = 1.25) -> NDArray[np.float64]:
    """Prior of the candidate steps of a node for `selection.puct_scores`: their probability, long steps less punished.

    p = exp(logps / lengths^length_penalty)

    Args:
        logps: [C] sums of the token log-probs of each step, in nats, <= 0.
        lengths: [C] numbers of tokens, >= 1.
        length_penalty: exponent, finite.
    Returns: float64 [C].
    Raises: ShapeError, DomainError, TypeError.
    Source: mcts_rl/algorithms/mcts of YuxiXie/MCTS-DPO.

    >>> prior([-0.7, -1.4], [3, 2]).round(4)
    array([0.8375, 0.5551])
    """
    from prefcore import _arrays

    lp, n = _arrays.floats("logps", logps), _arrays.floats("lengths", lengths)
    _arrays.one_dimensional("logps", lp)
    _arrays.same_shape(logps=lp, lengths=_arrays.finite("lengths", n, 1.0))
    _arrays.refuse("logps", lp, ~(lp <= 0), "<= 0")
    length_penalty = _arrays.number("length_penalty", length_penalty)
    _arrays.refuse("length_penalty", length_penalty, not np.isfinite(length_penalty), "a finite number")
    return np.asarray(np.exp(lp / n**length_penalty))


def value(confidence: Any, depth: Any, parent_value: Any, terminal: Any, outcome: Any) -> NDArray[np.float64]:
    """Value of new leaves: the confidence of the judge, less the deeper they lie, and the outcome where an answer ends.

    v = confidence / max(depth - 3, 1), or parent_value where that is 0;  + outcome where terminal

    Args:
        confidence: [n] of the judge, >= 0.
        depth: [n] of the parents, >= 0.
        parent_value: [n]
        terminal: bool [n], whether the answer ends here.
        outcome: [n] score of the answer: -1 wrong, 1 right, 5/4 right in other words than the reference solution.
    Returns: float64 [n], the `leaf_values` of `selection.tree_backup`.
    Raises: ShapeError, DomainError, TypeError.
    Source: mcts_rl/algorithms/mcts of YuxiXie/MCTS-DPO.

    >>> value([0.8, 0.8, 0.0], [0, 5, 2], [0.1, 0.1, 0.25], [False, False, True], [0.0, 0.0, 1.0])
    array([0.8 , 0.4 , 1.25])
    """
    from prefcore import _arrays

    given = {"confidence": confidence, "depth": depth, "parent_value": parent_value, "outcome": outcome}
    low = {"confidence": 0.0, "depth": 0.0}
    columns = {
        name: _arrays.finite(name, _arrays.floats(name, values), low.get(name, -np.inf))
        for name, values in given.items()
    }
    ends = _arrays.mask("terminal", terminal)
    _arrays.same_shape(**columns, terminal=ends)
    judged = columns["confidence"] / np.maximum(columns["depth"] - 3, 1)
    return np.where(judged == 0, columns["parent_value"], judged) + np.where(ends, columns["outcome"], 0.0)


def select(q: Any, prior: Any, visits: Any, parent_visits: float, *, c: float = 1.0) -> int:
    """Choose which child of a node the search visits next: the first of the largest `selection.puct_scores`.

    argmax_i q_i + c prior_i sqrt(parent_visits) / (1 + visits_i)

    Args:
        q: [C] values of the C > 0 children.
        prior: [C] their priors, >= 0, as `prior` gives them.
        visits: [C] how often each was visited, >= 0.
        parent_visits: how often the node was, >= 0; the official root counts two an iteration.
        c: weight of exploration, >= 0.
    Returns: the place of the child.
    Raises: ShapeError, DomainError, TypeError.
    Source: mcts_rl/algorithms/mcts of YuxiXie/MCTS-DPO.

    >>> select([0.6, -0.25, 0.9], [0.8, 0.6, 0.8], [0, 0, 1], 3)
    0
    """
    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.selection import puct_scores

    scores = puct_scores(q, prior, visits, _arrays.number("parent_visits", parent_visits), c=c)
    if len(scores) == 0:
        raise ShapeError("q must have at least one child, got none")
    return int(scores.argmax())


def back_up(parents: Any, rewards: Any, leaf_values: Any, visits: Any) -> TreeValues:
    """Values of all nodes of a tree from its leaves up: `selection.tree_backup` without a discount.

    value = sum_c max(1, N_c) q_c / sum_c max(1, N_c) over the children c,  q = reward + value

    Args:
        parents: int [n] parent of each node, an earlier node; -1 for a root.
        rewards: [n] reward of the step to each node: its value less that of its parent.
        leaf_values: [n] value of each leaf, as `value` gives it; that of a node with children is not read.
        visits: [n] how often each node was visited, >= 0.
    Returns: selection.TreeValues(q, value).
    Raises: ShapeError, DomainError, TypeError.
    Source: mcts_rl/algorithms/mcts of YuxiXie/MCTS-DPO, gamma 1; the whole tree at once, which gives the same.

    >>> back_up([-1, 0, 0], [0.0, 0.5, 0.25], [0.0, 0.0, 0.0], [4, 3, 1]).value
    array([0.4375, 0.    , 0.    ])
    """
    from prefcore.selection import tree_backup

    return tree_backup(parents, rewards, leaf_values, visits)


def pairs(
    q: Any,
    prior: Any,
    rewards: Any,
    values: Any,
    visits: Any,
    offsets: Any = None,
    *,
    worse: Literal["second", "worst", "random"] = "second",
    seed: int = 0,
) -> StepPairs:
    """Pair the best child of every node with another one: `pairs.step_pairs`, with the visits that soften the label.

    The log-ratios of a pair are summed from the first token on that differs (`logps.diverge_slice`).

    Args:
        q: [n] q values of the steps, siblings together.
        prior: [n] their priors.
        rewards: [n] their rewards.
        values: [n] their values.
        visits: [n] how often the search came to them, >= 0.
        offsets: int [G + 1] boundaries of the groups of siblings; None: one group.
        worse: which sibling is rejected: the "second" best, the "worst" (`choose_worst` of the official script), or a
            "random" one.
        seed: of "random", 0 by default.
    Returns: StepPairs(chosen, rejected, chosen_visits, rejected_visits).
    Raises: ShapeError, DomainError, TypeError.
    Source: mcts_rl/algorithms/mcts/trainer.py of YuxiXie/MCTS-DPO.

    >>> pairs([0.3, 0.9, 0.5], [0.2, 0.5, 0.3], [0.1, 0.4, 0.2], [0.3, 0.7, 0.4], [3, 7, 4])
    StepPairs(chosen=array([1]), rejected=array([2]), chosen_visits=array([7.]), rejected_visits=array([4.]))
    """
    from prefcore import _arrays
    from prefcore.pairs import step_pairs

    found = step_pairs(q, prior, rewards, values, visits, worse=worse, seed=seed, offsets=offsets)
    counts = _arrays.floats("visits", visits).reshape(-1)
    return StepPairs(found.chosen, found.rejected, counts[found.chosen], counts[found.rejected])

"""Selection in a search tree: which node next, and what the visits say about the nodes."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import ShapeError

__all__ = ["TreeValues", "puct_scores", "tree_backup"]

Floats = NDArray[np.float64]


class TreeValues(NamedTuple):
    """What a search knows about each node."""

    q: Floats
    """[n] reward + gamma * value."""
    value: Floats
    """[n] that of a leaf as given, that of another node the mean of its children's q."""


def puct_scores(q: Any, prior: Any, visits: Any, parent_visits: Any, *, c: float = 1.0) -> Floats:
    """Scores of the candidates of a node, the highest of which a search visits next.

    score = q + c * prior * sqrt(parent_visits) / (1 + visits)

    Args:
        q: [C] values of the candidates.
        prior: [C] their prior probabilities, >= 0.
        visits: [C] how often each was visited, >= 0.
        parent_visits: how often their parent was, >= 0: a number, or [C] for candidates of several nodes.
        c: weight of exploration, >= 0.
    Returns: float64 [C]. `top_k(scores, k=1)` takes the first of the best.
    Raises: DomainError, ShapeError, TypeError.
    Source: PUCT, Rosin (2011), as in AlphaZero and in MCTS-DPO, Xie et al. (2024, arXiv 2405.00451).

    >>> puct_scores([0.6, -0.25], [0.8, 0.5], [1, 0], 4)
    array([1.4 , 0.75])
    """
    columns = {"q": q, "prior": prior, "visits": visits}
    arrays = {name: _arrays.floats(name, column) for name, column in columns.items()}
    _arrays.one_dimensional("q", arrays["q"])
    _arrays.same_shape(**arrays)
    parent = _arrays.floats("parent_visits", parent_visits)
    if parent.shape not in {(), arrays["q"].shape}:
        raise ShapeError(f"parent_visits must be a number or {list(arrays['q'].shape)}, got {list(parent.shape)}")
    weight = np.array(_arrays.number("c", c))
    _arrays.finite("q", arrays["q"])
    for name, array in {
        "prior": arrays["prior"],
        "visits": arrays["visits"],
        "parent_visits": parent,
        "c": weight,
    }.items():
        _arrays.finite(name, array, 0.0)
    return arrays["q"] + weight * arrays["prior"] * np.sqrt(parent) / (1 + arrays["visits"])


def tree_backup(parents: Any, rewards: Any, leaf_values: Any, visits: Any, *, gamma: float = 1.0) -> TreeValues:
    """Compute the values of a tree's nodes from its leaves up, in one pass.

    value = sum_c max(1, N_c) q_c / sum_c max(1, N_c) over the children c,  q = reward + gamma * value

    Args:
        parents: int [n] parent of each node, an earlier node; -1 for a root. Several roots are several trees.
        rewards: [n] reward of the step to each node, finite.
        leaf_values: [n] value of each leaf, finite; that of a node with children is not read.
        visits: [n] how often each node was visited (N), >= 0.
        gamma: discount, in [0, 1].
    Returns: TreeValues(q, value), float64 [n].
    Raises: DomainError, ShapeError, TypeError.
    Source: back-propagation of MCTS-DPO, Xie et al. (2024, arXiv 2405.00451), and its code.

    >>> tree_backup([-1, 0, 0], [0.0, 0.0, 0.5], [0.0, 1.0, 0.0], [4, 3, 0])
    TreeValues(q=array([0.875, 1.   , 0.5  ]), value=array([0.875, 1.   , 0.   ]))
    """
    parents = _arrays.integers("parents", parents)
    columns = {"rewards": rewards, "leaf_values": leaf_values, "visits": visits}
    arrays = {name: _arrays.floats(name, column) for name, column in columns.items()}
    for name, array in arrays.items():
        _arrays.one_dimensional(name, array)
    return TreeValues(*_rust.tree_backup(parents, **arrays, gamma=_arrays.number("gamma", gamma)))

"""Random answers, and the design matrix of their model written out."""

from itertools import combinations
from typing import Any

import numpy as np

from prefcore.conjoint import ConjointData, Design

N_LEVELS = (2, 3, 4)


def choices(
    tasks: int, seed: int = 0, *, n_levels: Any = N_LEVELS, size: int = 2, weighted: bool = False
) -> ConjointData:
    """Tasks of `size` profiles (1: outcomes in [0, 1]), ties among pairs, respondents of 1 to 7 tasks, unsorted."""
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, n, tasks * size) for n in n_levels], axis=1)
    scores = sum(np.sin(1.7 * codes[:, d] + d) for d in range(len(n_levels))) + 0.5 * np.cos(codes[:, 0] * codes[:, -1])
    if size == 1:
        outcomes = rng.integers(0, 5, tasks) / 4
    else:
        noisy = (scores + rng.gumbel(size=len(scores))).reshape(tasks, size)
        noisy[:, 0] += 0.3
        outcomes = np.eye(size)[noisy.argmax(1)]
        outcomes[rng.random(tasks) < 0.1] = 1 / size
    return ConjointData(
        codes,
        outcomes.ravel(),
        rng.permutation(np.repeat(np.arange(tasks), rng.integers(1, 8, tasks))[:tasks]),
        design=Design(n_levels),
        offsets=size * np.arange(tasks + 1),
        weights=rng.integers(0, 4, tasks) / 2 if weighted else None,
    )


def indicators(data: ConjointData, pairs: Any = ()) -> Any:
    """[N, P] of each profile: levels above 0, cells of levels above 0."""
    n = data.design.n_levels
    one_hot = [np.eye(n[d])[data.profiles[:, d]][:, 1:] for d in range(len(n))]
    cells = [(one_hot[d][:, :, None] * one_hot[e][:, None]).reshape(len(data.profiles), -1) for d, e in pairs]
    return np.concatenate([*one_hot, *cells], axis=1)


def dense(data: ConjointData, pairs: Any = (), *, intercept: bool = True) -> tuple[Any, Any]:
    """[T, P] left - right (or the profile), with a column of ones first, and [T] outcomes of the left."""
    x, first = indicators(data, pairs), data.offsets[:-1]
    rows = x[first] - x[first + 1] if len(x) == 2 * len(first) else x[first]
    return (np.column_stack([np.ones(len(rows)), rows]) if intercept else rows), data.outcomes[first]


def all_pairs(data: ConjointData) -> list[tuple[int, int]]:
    return list(combinations(range(len(data.design.factors)), 2))


def sandwich(x: Any, scores: Any, inverse: Any, clusters: Any) -> Any:
    """CR0 with the sums of clusters written out."""
    sums = np.array([(x * scores[:, None])[clusters == g].sum(0) for g in np.unique(clusters)])
    return inverse @ sums.T @ sums @ inverse

"""Sum-to-zero form of scores: the mean, what each level adds, and what each pair of levels adds to that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prefcore._estimates import Floats, Shown
from prefcore.conjoint.design import Design

Pair = tuple[int, int]

__all__ = ["Anova"]


@dataclass(frozen=True, repr=False, eq=False)
class Anova(Shown):
    """A score in parts whose means under the probabilities of the levels are 0, and so do not depend on a reference.

    s(t) = mean + sum_d main[d][t_d] + sum_de inter[d, e][t_d, t_e]
    """

    mean: float
    """E s, without the intercept of the model."""
    main: tuple[Floats, ...]
    """[L] per factor: E(s | level) - mean."""
    inter: Mapping[Pair, Floats]
    """[L_d, L_e] of each pair of factors that interact: what is left of E(s | both levels)."""
    covariance: Floats | None
    """[K, K] of the mean (above the score of the levels 0), all of `main`, and all cells of `inter`, row by row."""


def decompose(
    main: Sequence[Floats], inter: Mapping[Pair, Floats], probs: Sequence[Floats]
) -> tuple[Floats, list[Floats], dict[Pair, Floats]]:
    """Return mean, levels and cells of scores [..., L] and [..., L_d, L_e]; all leading axes are kept."""
    means = [scores @ p for scores, p in zip(main, probs, strict=True)]
    levels = [scores - mean[..., None] for scores, mean in zip(main, means, strict=True)]
    mean = np.asarray(sum(means))
    cells: dict[Pair, Floats] = {}
    for (d, e), table in inter.items():
        rows, columns = table @ probs[e], np.swapaxes(table, -1, -2) @ probs[d]
        both = (rows @ probs[d])[..., None]
        levels[d] = levels[d] + rows - both
        levels[e] = levels[e] + columns - both
        cells[d, e] = table - rows[..., None] - columns[..., None, :] + both[..., None]
        mean = mean + both[..., 0]
    return mean, levels, cells


def parts(design: Design, pairs: Sequence[Pair], probs: Sequence[Floats]) -> list[Floats]:
    """Return the linear maps [P, 1], [P, L], ..., [P, L_d L_e], ... of contrasts to mean, levels and cells."""
    n = design.n_levels.tolist()
    sizes = [size - 1 for size in n] + [(n[d] - 1) * (n[e] - 1) for d, e in pairs]
    count, ends = sum(sizes), np.cumsum(sizes)
    units = np.split(np.eye(count), ends[:-1], axis=1)
    main = [np.concatenate([np.zeros((count, 1)), unit], axis=1) for unit in units[: len(n)]]
    inter: dict[Pair, Floats] = {}
    for (d, e), unit in zip(pairs, units[len(n) :], strict=True):
        inter[d, e] = np.zeros((count, n[d], n[e]))
        inter[d, e][:, 1:, 1:] = unit.reshape(count, n[d] - 1, n[e] - 1)
    mean, levels, cells = decompose(main, inter, probs)
    return [mean[:, None], *levels, *(table.reshape(count, -1) for table in cells.values())]

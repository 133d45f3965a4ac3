"""Like comparisons counted, and their sums per pair: the arrays behind `Comparisons`."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """Comparisons that are alike, and how many there are: what is resampled, and summed for robust errors."""

    cell: Ints
    """[U] place of the pair among the cells; units are sorted by (cell, outcome, weight, cluster)."""
    outcome: Floats
    """[U] score of the cell's `first`."""
    weight: Floats
    """[U] weight of each of them, > 0."""
    count: Ints
    """[U] how many, >= 1."""
    cluster: Ints | None
    """[U] 0 to n_clusters - 1."""

    def taken(self, keep: Any, cell: Ints, outcome: Floats) -> "Units":
        """Return some of the units under other cells and outcomes, in their order."""
        cluster = None if self.cluster is None else np.unique(self.cluster[keep], return_inverse=True)[1]
        weight, count = self.weight[keep], self.count[keep]
        keys = (weight, outcome, cell) if cluster is None else (cluster, weight, outcome, cell)
        order = np.lexsort(keys)
        cluster = None if cluster is None else cluster[order]
        return Units(cell[order], outcome[order], weight[order], count[order], cluster)

    @property
    def n_clusters(self) -> int | None:
        """How many clusters there are, None without."""
        return None if self.cluster is None else int(self.cluster.max(initial=-1)) + 1


class Cells(NamedTuple):
    """Pairs that met, sorted, and the sums of each."""

    first: Ints
    second: Ints
    wins: Floats
    losses: Floats
    ties: Floats
    units: Units


def gathered(first: Ints, second: Ints, outcomes: Floats, weights: Floats | None, clusters: Ints | None) -> Cells:
    """Sort rows by pair, outcome, weight and cluster, and count those that are alike. O(M log M)."""
    flipped = first > second
    low, high = np.where(flipped, second, first), np.where(flipped, first, second)
    score = np.where(flipped, 1.0 - outcomes, outcomes)
    weight = np.ones(len(score)) if weights is None else weights
    cluster = np.zeros(len(score), dtype=np.int64) if clusters is None else clusters
    order = np.lexsort((cluster, weight, score, high, low))
    order = order[weight[order] > 0]
    low, high = low[order], high[order]
    score, weight, cluster = score[order], weight[order], cluster[order]
    new_cell = _changes(low, high)
    new_unit = new_cell | _changes(score, weight, cluster)
    starts = np.flatnonzero(new_unit)
    count = np.diff(np.append(starts, len(low)))
    cell = np.cumsum(new_cell)[starts] - 1
    own = None if clusters is None else np.unique(cluster[starts], return_inverse=True)[1]
    units = Units(cell, score[starts], weight[starts], count, own)
    return Cells(low[new_cell], high[new_cell], *sums(units, int(new_cell.sum())), units)


def _changes(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a row differs from the one before in any key; the first always does."""
    changed = np.ones(len(keys[0]), dtype=np.bool_)
    changed[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return changed


def sums(units: Units, n_cells: int) -> tuple[Floats, Floats, Floats]:
    """Wins, losses and ties of each cell."""
    tie = units.outcome == 0.5
    total = units.weight * units.count
    parts = (np.where(tie, 0.0, total * units.outcome), np.where(tie, 0.0, total * (1.0 - units.outcome)), total * tie)
    wins, losses, ties = (summed(units.cell, part, n_cells) for part in parts)
    return wins, losses, ties


def summed(places: Ints, values: Floats, n: int) -> Floats:
    """Sums of the values of each place, in their order."""
    return np.bincount(places, values, n).astype(np.float64, copy=False)

"""Like comparisons counted, and their sums per pair: the arrays behind `Comparisons`."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from prefcore._arrays import Ints
from prefcore._estimates import Floats


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

    def taken(self, keep: Any, cell: Ints, outcome: Floats) -> Self:
        """Return some of the units under other cells and outcomes, in their order."""
        cluster = None if self.cluster is None else np.unique(self.cluster[keep], return_inverse=True)[1]
        weight, count = self.weight[keep], self.count[keep]
        keys = (weight, outcome, cell) if cluster is None else (cluster, weight, outcome, cell)
        order = np.lexsort(keys)
        cluster = None if cluster is None else cluster[order]
        return type(self)(cell[order], outcome[order], weight[order], count[order], cluster)

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


def summed(places: Ints, values: Floats, n: int) -> Floats:
    """Sums of the values of each place, in their order."""
    return np.bincount(places, values, n).astype(np.float64, copy=False)

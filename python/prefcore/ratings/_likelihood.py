"""Second derivatives and scores of the Bradley-Terry family, summed per parameter."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from prefcore import _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats, sigmoid
from prefcore.ratings.comparisons import Comparisons

Model = Literal["bradley_terry", "davidson", "rao_kupper"]

#: numbers in the table of the scores of some clusters
TABLE = 1 << 22


class Duels(NamedTuple):
    """Who won how often; a pair may stand in several rows."""

    n_items: int
    first: Ints
    second: Ints
    wins: Floats
    losses: Floats
    ties: Floats
    features: Floats | None = None


class Games(NamedTuple):
    """Comparisons that are alike: one row each, `number` times."""

    duels: Duels
    weight: Floats
    number: Floats
    cluster: Ints | None


def games_of(comparisons: Comparisons) -> Games:
    """The games behind the cells."""
    units = comparisons._units
    tie = units.outcome == 0.5
    first, second = comparisons.first[units.cell], comparisons.second[units.cell]
    counts = units.outcome * ~tie, (1 - units.outcome) * ~tie, tie.astype(np.float64)
    duels = Duels(comparisons.n_items, first, second, *counts)
    return Games(duels, units.weight, units.count.astype(np.float64), units.cluster)


@dataclass(frozen=True)
class Likelihood:
    """An estimate, and what it was fitted to."""

    model: Model
    theta: Floats
    extra: Floats
    """Logarithm of the tie parameter, or coefficients of the features."""
    duels: Duels
    games: Callable[[], Games]
    """Made when robust errors are asked for."""
    ridge: Floats
    """[K] of every parameter."""

    def information(self) -> Floats:
        """[K, K] minus the second derivatives of the penalized log-likelihood: theta, then the extra parameters."""
        _, curve, _, tie_curve, mixed = self._derivatives(self.duels)
        design = self._design(self.duels)
        sides = (mixed, tie_curve) if self._has_tie else (curve, curve)
        matrix = _assembled(self.duels, curve, sides[0][:, None] * design, design.T @ (sides[1][:, None] * design))
        matrix[np.diag_indices(len(matrix))] += self.ridge
        return matrix

    def score_products(self) -> Floats:
        """[K, K] sum over comparisons, or clusters of them, of score score'."""
        duels, weight, number, cluster = self.games()
        slope, _, tie_slope, _, _ = self._derivatives(duels)
        own = slope * weight
        extra = self._design(duels) * (tie_slope * weight if self._has_tie else own)[:, None]
        if cluster is not None:
            return _of_clusters(duels, own * number, extra * number[:, None], cluster)
        return _assembled(duels, number * own**2, (number * own)[:, None] * extra, extra.T @ (number[:, None] * extra))

    def expected(self, difference: Floats) -> Floats:
        """Win + tie/2 against an item whose theta is lower by `difference`."""
        if self.model == "bradley_terry":
            return sigmoid(difference)
        if self.model == "rao_kupper":
            return np.asarray((1 + sigmoid(difference - self.extra[0]) - sigmoid(-difference - self.extra[0])) / 2)
        # the larger of the three terms is taken out
        half = np.abs(difference) / 2
        most = np.maximum(half, self.extra[0])
        win, loss, tie = np.exp(half - most), np.exp(-half - most), np.exp(self.extra[0] - most)
        return np.asarray((1 + np.sign(difference) * (win - loss) / (win + loss + tie)) / 2)

    @property
    def _has_tie(self) -> bool:
        return self.model != "bradley_terry"

    def _design(self, duels: Duels) -> Floats:
        """[R, extra] what the extra parameters are multiplied with."""
        if self._has_tie:
            return np.ones((len(duels.first), 1))
        return np.zeros((len(duels.first), 0)) if duels.features is None else duels.features

    def _derivatives(self, duels: Duels) -> list[Floats]:
        """slope, curve, tie_slope, tie_curve, mixed of each row."""
        difference = self.theta[duels.first] - self.theta[duels.second]
        if duels.features is not None:
            difference += duels.features @ self.extra
        return _rust.rating_derivatives(self.model, duels, difference, float(self.extra[0]) if self._has_tie else 0.0)


def _assembled(duels: Duels, between: Floats, mixed: Floats, corner: Floats) -> Floats:
    """[K, K] sum of between (e_i - e_j)(e_i - e_j)', of the mixed columns times e_i - e_j, and of the corner."""
    n, first, second = duels.n_items, duels.first, duels.second
    size = n + mixed.shape[1]
    matrix = np.zeros((size, size))
    links = np.bincount(first * n + second, between, n * n).reshape(n, n)
    matrix[:n, :n] = -links - links.T
    matrix[np.arange(n), np.arange(n)] += np.bincount(first, between, n) + np.bincount(second, between, n)
    for place, column in enumerate(mixed.T, n):
        matrix[:n, place] = matrix[place, :n] = np.bincount(first, column, n) - np.bincount(second, column, n)
    matrix[n:, n:] = corner
    return matrix


def _of_clusters(duels: Duels, slope: Floats, extra: Floats, cluster: Ints) -> Floats:
    """[K, K] sum over clusters of score score'; a table of scores at a time. O(clusters K^2)"""
    n, size = duels.n_items, duels.n_items + extra.shape[1]
    order = np.argsort(cluster, kind="stable")
    number = cluster[order]
    products = np.zeros((size, size))
    step = max(1, TABLE // size)
    for start in range(0, int(cluster.max(initial=-1)) + 1, step):
        rows = order[np.searchsorted(number, start) : np.searchsorted(number, start + step)]
        place = (cluster[rows] - start) * size
        places = [place + duels.first[rows], place + duels.second[rows]]
        places += [place + column for column in range(n, size)]
        values = [slope[rows], -slope[rows], *extra[rows].T]
        scores = np.bincount(np.concatenate(places), np.concatenate(values), step * size).reshape(step, size)
        products += scores.T @ scores
    return products

"""Least squares of outcomes on indicators of levels, from codes, and the forms of its errors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from prefcore import _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.conjoint.data import ConjointData
from prefcore.errors import DomainError

#: forms of the covariance
VCOV = ("CR0", "CR1", "CR2", "survey", "HC1", "classical")
#: clusters whose scores are held at a time
BLOCK = 4096
#: share of the largest eigenvalue of the scaled Gram matrix below which columns depend on each other
DEPENDENT = 1e-11
#: share of a combination of coefficients that may lie outside of what the data know
UNKNOWN = 1e-6

Rows = tuple[NDArray[np.uint8] | NDArray[np.uint16], list[int], Floats, Floats | None]


class Units(NamedTuple):
    """What errors are independent between: boundaries of tasks, tasks in the order of the units, and their bounds."""

    offsets: Ints
    tasks: Ints | None
    bounds: Ints

    def blocks(self) -> Iterator["Units"]:
        """Some of the units at a time."""
        for start in range(0, len(self.bounds) - 1, BLOCK):
            yield self._replace(bounds=self.bounds[start : start + BLOCK + 1])


def respondents_of(data: ConjointData) -> Units:
    """All tasks of a respondent."""
    counts = np.bincount(data.respondents, minlength=data.n_respondents)
    in_order = (data.respondents[1:] >= data.respondents[:-1]).all()
    order = None if in_order else np.argsort(data.respondents, kind="stable")
    return Units(data.offsets, order, np.concatenate([[0], np.cumsum(counts)]))


def rows_of(data: ConjointData) -> Units:
    """Each row."""
    bounds = np.arange(len(data.outcomes) + 1)
    return Units(bounds, None, bounds)


class Sizes(NamedTuple):
    """Rows and respondents whose weight is positive."""

    n_rows: int
    n_clusters: int


def sizes_of(data: ConjointData) -> Sizes:
    """Count what has a positive weight."""
    if data.weights is None:
        return Sizes(len(data.outcomes), data.n_respondents)
    counted = data.weights > 0
    return Sizes(int(np.diff(data.offsets)[counted].sum()), len(np.unique(data.respondents[counted])))


def row_weights(data: ConjointData) -> Floats | None:
    """Weight of the task of each row."""
    return None if data.weights is None else np.repeat(data.weights, np.diff(data.offsets))


class Part(Protocol):
    """A regression, and the K combinations of its coefficients that are asked for."""

    @property
    def spent(self) -> Floats:
        """[K] number of free coefficients of the regression that each comes from."""

    def influence(self, units: Units, *, adjusted: bool) -> Floats:
        """[G, K] share of each unit in the error of each estimate."""

    def spread(self, units: Units) -> Floats:
        """[K, K] sum over the units of the products of their influence, not adjusted, which is not held."""

    def classical(self, n_rows: int) -> Floats:
        """[K, K] covariance where errors of rows are independent and alike."""


@dataclass(frozen=True)
class Joint:
    """A regression on the levels of all factors at once."""

    rows: Rows
    coef: Floats
    """[M]; levels of several factors leave sums free, which no combination asked for depends on."""
    root: Floats
    """[M, R] whose square is a generalized inverse of the Gram matrix."""
    combinations: Floats
    """[M, K]"""
    fitted: float
    """Sum of squares of the outcomes that the fit explains."""

    @property
    def estimate(self) -> Floats:
        return self.combinations.T @ self.coef

    @property
    def spent(self) -> Floats:
        return np.full(self.combinations.shape[1], float(self.root.shape[1]))

    def influence(self, units: Units, *, adjusted: bool) -> Floats:
        along = self.root.T @ self.combinations  # [R, K]
        if adjusted:
            scores = _rust.adjusted_scores(self.rows, self.coef, self.root.ravel(), units)
            return scores.reshape(-1, len(along)) @ along
        scores = _rust.level_scores(self.rows, self.coef, separate=False, clusters=units)
        return scores.reshape(-1, len(self.coef)) @ (self.root @ along)

    def spread(self, units: Units) -> Floats:
        meat = _rust.level_meat(self.rows, self.coef, separate=False, clusters=units)
        along = self.root @ (self.root.T @ self.combinations)
        spread = along.T @ meat.reshape(len(along), len(along)) @ along
        return np.asarray((spread + spread.T) / 2)

    def classical(self, n_rows: int) -> Floats:
        along = self.root.T @ self.combinations
        left = max(squares(self.rows) - self.fitted, 0.0)
        return np.asarray(along.T @ along * (left / (n_rows - self.root.shape[1])))


@dataclass(frozen=True)
class Separate:
    """A regression on the levels of each factor alone: means of the outcomes at each level."""

    rows: Rows
    coef: Floats
    """[M]"""
    gram: Floats
    """[M, M]"""
    left: Floats
    """[M] sum of squares of the residuals of the level's factor."""

    @property
    def spent(self) -> Floats:
        starts = np.cumsum([0, *self.rows[1][:-1]])
        return np.repeat(np.add.reduceat((np.diag(self.gram) > 0) * 1.0, starts), self.rows[1])

    @property
    def _weight(self) -> Floats:
        """[M] of the rows that show the level; 1 for levels that are never shown, which have no residuals."""
        weight = np.diag(self.gram)
        return np.where(weight > 0, weight, 1.0)

    def influence(self, units: Units, *, adjusted: bool) -> Floats:
        weight, size = self._weight, len(self.coef)
        scores = _rust.level_scores(self.rows, self.coef, separate=True, clusters=units).reshape(-1, size)
        if adjusted:
            # of the hat matrix of a unit's rows with the level, the only eigenvalue is their share of the weight
            codes, n_levels, outcomes, weights = self.rows
            ones = codes, n_levels, np.ones_like(outcomes), weights
            own = _rust.level_scores(ones, np.zeros(size), separate=True, clusters=units).reshape(-1, size)
            rest = 1 - own / weight
            known = rest > UNKNOWN**2
            scores *= np.where(known, 1 / np.sqrt(np.where(known, rest, 1.0)), 0.0)
        return scores / weight

    def spread(self, units: Units) -> Floats:
        meat, weight = _rust.level_meat(self.rows, self.coef, separate=True, clusters=units), self._weight
        return np.asarray(meat.reshape(len(weight), len(weight)) / np.outer(weight, weight))

    def classical(self, n_rows: int) -> Floats:
        weight, spread = self._weight, np.sqrt(self.left / (n_rows - self.spent))
        return self.gram * np.outer(spread / weight, spread / weight)


def products(rows: Rows) -> tuple[Floats, Floats]:
    """Return the Gram matrix of the levels [M, M] and the sums of their outcomes [M]."""
    gram, totals = _rust.level_products(rows)
    return gram.reshape(len(totals), len(totals)), totals


def squares(rows: Rows) -> float:
    """Weighted sum of the squares of the outcomes."""
    _, _, outcomes, weights = rows
    return float(outcomes @ outcomes if weights is None else weights @ (outcomes * outcomes))


def joint(rows: Rows, combinations: Floats) -> tuple[Joint, NDArray[np.bool_]]:
    """Fit by least squares; also tell which combinations the data know nothing of."""
    gram, totals = products(rows)
    diagonal = np.diag(gram)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = gram * scale * scale[:, None]
    values, vectors = _rust.symmetric_eigen(scaled.ravel(), len(scaled))
    known = vectors.reshape(scaled.shape)[:, values > DEPENDENT * values[-1]]
    root = scale[:, None] * known / np.sqrt(values[values > DEPENDENT * values[-1]])
    coef = root @ (root.T @ totals)
    asked = scale[:, None] * combinations
    outside = np.abs(asked - known @ (known.T @ asked)).max(axis=0, initial=0.0)
    unknown = outside > UNKNOWN * np.abs(asked).max(axis=0, initial=0.0)
    return Joint(rows, coef, root, combinations, float(coef @ totals)), unknown


def covariance(parts: Sequence[Part], data: ConjointData, sizes: Sizes, vcov: str) -> Floats:
    """[K, K] of the estimates of all parts, in the form asked for."""
    if sizes.n_clusters < 2:
        raise DomainError(f"data must hold at least 2 respondents of positive weight, got {sizes.n_clusters}")
    spent = np.concatenate([part.spent for part in parts])
    rest = sizes.n_rows - spent
    if vcov in {"CR1", "HC1", "classical"} and (rest <= 0).any():
        raise DomainError(
            f"data must have more rows than coefficients for vcov = {vcov!r}, "
            f"got {sizes.n_rows} rows of positive weight and {int(spent.max())} coefficients"
        )
    if vcov == "classical":
        return parts[0].classical(sizes.n_rows)
    units = rows_of(data) if vcov == "HC1" else respondents_of(data)
    adjusted = vcov == "CR2"
    total = _products(parts, units, adjusted) if adjusted or len(parts) > 1 else parts[0].spread(units)
    factor = np.ones_like(spent)
    if vcov in {"CR1", "survey"}:
        factor *= sizes.n_clusters / (sizes.n_clusters - 1)
    if vcov == "CR1":
        factor *= (sizes.n_rows - 1) / rest
    if vcov == "HC1":
        factor *= sizes.n_rows / rest
    return total * np.sqrt(np.outer(factor, factor))


def _products(parts: Sequence[Part], units: Units, adjusted: bool) -> Floats:
    """[K, K] sum over the units of the products of their influence."""
    size = sum(len(part.spent) for part in parts)
    total = np.zeros((size, size))
    for block in units.blocks():
        influence = np.concatenate([part.influence(block, adjusted=adjusted) for part in parts], axis=1)
        total += influence.T @ influence
    return total

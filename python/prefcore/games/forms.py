"""Payoffs of one large game that are not a dense matrix."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore._estimates import Floats, Shown
from prefcore.errors import ShapeError

__all__ = ["FactorPayoff", "PackedPayoff"]


@dataclass(frozen=True, repr=False, eq=False)
class PackedPayoff(Shown):
    """The skew part of a payoff as its strict upper triangle: half the memory and half the traffic.

    >>> PackedPayoff.from_dense([[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]).values
    array([ 0.25 , -0.125,  0.375])
    """

    values: Array
    """[n (n - 1) / 2] float32 or float64: payoff[i, j] - constant / 2 for i < j, row by row."""
    n: int
    constant: float
    """What payoff[i, j] + payoff[j, i] is: 1 for win probabilities, 0 for margins."""

    def __post_init__(self) -> None:
        values = _arrays.column("values", self.values)
        n = _arrays.whole_number("n", self.n, 1, 1 << 31)
        if values.shape != (n * (n - 1) // 2,):
            raise ShapeError(f"values must have shape [{n * (n - 1) // 2}] for n = {n}, got {list(values.shape)}")
        values = values.astype(np.float64) if values.dtype.kind == "i" else values
        constant = _arrays.number("constant", self.constant)
        _arrays.refuse("values", values, ~np.isfinite(values), "a finite number")
        _arrays.refuse("constant", constant, not np.isfinite(constant), "a finite number")
        object.__setattr__(self, "values", values)

    @classmethod
    def from_dense(cls, payoff: Any) -> Self:
        """Pack a payoff [n, n] whose pairs sum to one constant; float32 stays float32.

        Raises: DomainError, ShapeError, TypeError.
        """
        array = _arrays.column("payoff", payoff)
        array = array.astype(np.float64) if array.dtype.kind == "i" else array
        if array.ndim != 2 or array.shape[0] != array.shape[1] or not len(array):
            raise ShapeError(f"payoff must be [n, n], got shape {list(array.shape)}")
        n = len(array)
        constant = _rust.payoff_constant(array.reshape(-1), np.array([0, n], dtype=np.int64), "one")
        upper = np.concatenate([array[i, i + 1 :] for i in range(n)]) - array.dtype.type(constant / 2)
        return cls(upper, n, constant)


@dataclass(frozen=True, repr=False, eq=False)
class FactorPayoff(Shown):
    """The score game of preference embeddings (GPM) in factor form: for large n no n x n matrix is built.

    payoff[i, j] = sum_l gate_l (v_i,2l v_j,2l+1 - v_i,2l+1 v_j,2l)

    >>> FactorPayoff([[1.0, 0.0], [0.0, 2.0]]).bound
    4.0
    """

    embeddings: Array
    """[n, 2k] float32 or float64."""
    gate: Any = None
    """[k] weights of the blocks; default all 1."""

    def __post_init__(self) -> None:
        embeddings, gate = planar(self.embeddings, self.gate)
        _arrays.refuse("embeddings", embeddings, ~np.isfinite(embeddings), "a finite number")
        object.__setattr__(self, "embeddings", embeddings)
        object.__setattr__(self, "gate", gate)

    @property
    def n(self) -> int:
        """Number of actions."""
        return len(self.embeddings)

    @property
    def bound(self) -> float:
        """Cauchy-Schwarz bound of the largest |payoff|, which the step sizes take."""
        pairs = np.square(self.embeddings, dtype=np.float64).reshape(self.n, -1, 2).sum(2)
        return float((pairs @ np.abs(self.gate)).max())


def planar(embeddings: Any, gate: Any) -> tuple[Array, Floats]:
    """Return embeddings [n, 2k] whose numbers are not checked yet, and the gate [k], of ones where it is None."""
    vectors = _arrays.column("embeddings", embeddings)
    if vectors.ndim != 2 or vectors.shape[1] % 2 or 0 in vectors.shape:
        raise ShapeError(f"embeddings must be [n, 2k], got shape {list(vectors.shape)}")
    vectors = vectors.astype(np.float64) if vectors.dtype.kind == "i" else vectors
    planes = vectors.shape[1] // 2
    weights: Floats = np.ones(planes) if gate is None else _arrays.floats("gate", gate)
    if weights.shape != (planes,):
        raise ShapeError(f"gate must have shape [{planes}], one weight a block, got {list(weights.shape)}")
    return vectors, _arrays.finite("gate", weights)

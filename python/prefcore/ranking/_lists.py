"""What the functions of lists share: their inputs, and the record that the losses return."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays
from prefcore._arrays import Array, Grouped
from prefcore.errors import DomainError

Gain = Literal["linear", "exponential"]
_END = 2**63


class ListLoss(NamedTuple):
    """The losses of lists and their gradients; losses and terms are plain numbers where the input was one list."""

    loss: NDArray[np.float64] | Any
    """[G] losses in nats, 0 for a list that has nothing to learn from."""
    grad: Array
    """Derivative of each list's own loss by its scores, in their shape and dtype (float64 for integers)."""
    n_terms: NDArray[np.int64] | Any
    """[G] terms in each list's sum; 0 where there is nothing to learn, so that the mean over lists can leave it out."""


def scored(offsets: Any, scores: Any) -> Grouped:
    """Return scores as float32 or float64 without NaN."""
    data = _arrays.grouped(offsets, scores=scores)
    flat = real("scores", data.columns[0])
    return data._replace(columns=(flat,))


def labeled(offsets: Any, scores: Any, labels: Any) -> Grouped:
    """Return scores as float32 or float64 without NaN, and labels as float64; Rust checks those."""
    data = _arrays.grouped(offsets, scores=scores, labels=labels)
    flat, grades = data.columns
    return data._replace(columns=(real("scores", flat), _arrays.floats("labels", grades)))


def one_list(name: str, values: Any) -> NDArray[np.float64]:
    """Return numbers without NaN of a function that knows one list only."""
    array = _arrays.floats(name, values)
    _arrays.one_dimensional(name, array)
    return real(name, array)


def real(name: str, flat: Array) -> Array:
    """Return numbers as float32 or float64; refuse NaN."""
    if flat.dtype.kind != "f":
        return flat.astype(np.float64)
    if (missing := np.isnan(flat)).any():
        first = int(np.argmax(missing))
        raise DomainError(f"{name}[{first}] must be a number, got NaN ({missing.sum()} NaN in all)")
    return flat


def at_least_one(name: str, value: Any) -> int | None:
    """Return a positive integer or None."""
    return None if value is None else _arrays.whole_number(name, value, 1, _END)


def by_position(name: str, weights: Any) -> NDArray[np.float64] | None:
    """Return weights of places or distances; Rust checks their number and values."""
    if weights is None:
        return None
    array = _arrays.floats(name, weights)
    _arrays.one_dimensional(name, array)
    return array


def result(data: Grouped, columns: tuple[Any, Any, Array]) -> ListLoss:
    """Return the columns that Rust gave: loss, n_terms, gradient."""
    loss, n_terms, grad = columns
    if data.single:
        loss, n_terms = loss[0], n_terms[0]
    return ListLoss(loss, grad.reshape(data.shape), n_terms)

"""What the estimators share: their columns, and what they do where an iteration does not arrive."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import ConvergenceError, RankDeficientError, SeparationError, ShapeError

Floats = NDArray[np.float64]


class Estimate(Protocol):
    """A result of an iteration."""

    @property
    def converged(self) -> bool: ...
    @property
    def iterations(self) -> int: ...
    @property
    def residual(self) -> float: ...
    @property
    def status(self) -> str: ...


E = TypeVar("E", bound=Estimate)


def settled(estimate: E, *, strict: bool, tol: float | None, advice: str = "") -> E:
    """Return the estimate, or raise where it must have converged and has not; name the first of many games.

    `advice` ends the message: what else would do.
    """
    converged = np.atleast_1d(estimate.converged)
    if not strict or converged.all():
        return estimate
    g = int(np.argmin(converged))
    ends = (estimate.residual, estimate.iterations, estimate.status)
    residual, iterations, status = (np.atleast_1d(end)[g] for end in ends)
    which = f" in game {g} ({(~converged).sum()} of {len(converged)} did not converge)" if len(converged) > 1 else ""
    came = f"residual {residual:.3g} after {iterations} iterations ({status})"
    raise ConvergenceError(f"expected residual <= tol = {tol:.3g}, got {came}{which}{advice}", estimate)


def matrix(name: str, values: Any) -> Floats:
    """Return [N, F] numbers as float64; a 1-D input is one column."""
    array = _arrays.floats(name, values)
    if array.ndim not in {1, 2}:
        raise ShapeError(f"{name} must be [N, F], or [N] for one column, got {array.ndim}-D")
    return array[:, None] if array.ndim == 1 else array


def rows_of(name: str, values: Any, features: Floats) -> Floats:
    """Return [N] numbers as float64, one for each row of the features."""
    array = _arrays.floats(name, values)
    _arrays.one_dimensional(name, array)
    if len(array) != len(features):
        raise ShapeError(f"{name} must have length {len(features)} like features, got {len(array)}")
    return array


def tolerance(tol: float) -> float:
    """Check the number below which a residual is small enough."""
    tol = _arrays.number("tol", tol)
    _arrays.refuse("tol", tol, not tol >= 0, "a number >= 0")
    return tol


def limits(tol: float, max_iter: int) -> tuple[float, int]:
    """Check the two numbers that end an iteration."""
    return tolerance(tol), _arrays.whole_number("max_iter", max_iter, 0, 1 << 62)


@contextmanager
def naming(labels: str, columns: Sequence[str]) -> Iterator[None]:
    """Give the labels and the columns of a logit their names of the caller where it finds something wrong with them."""
    try:
        yield
    except (RankDeficientError, SeparationError) as error:
        text = re.sub(r"^labels", labels, str(error))
        parts = re.sub(r"features columns? ([\d, ]*\d)", lambda m: _names(columns, m[1]), text)
        raise type(error)(parts) from None


def _names(columns: Sequence[str], numbers: str) -> str:
    return " and ".join(columns[int(number)] for number in numbers.split(", "))


class Shown:
    """The `repr` of a record: one line, arrays with four digits, the answer first, nothing private."""

    def __repr__(self) -> str:
        names = [field.name for field in fields(self) if not field.name.startswith("_")]  # type: ignore[arg-type]
        values = {name: getattr(self, name) for name in names}
        with np.printoptions(precision=4, threshold=8, edgeitems=3, linewidth=10_000):
            parts = [
                f"{key}={value:.6g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items()
            ]
        return f"{type(self).__name__}({', '.join(parts)})"


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def drawn_folds(n: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row: rows in random order, dealt out."""
    seed = _arrays.whole_number("seed", seed, 0, 1 << 64)
    fold = np.empty(n, dtype=np.int64)
    fold[np.argsort([_rust.random_keys(seed, row) for row in range(n)], kind="stable")] = np.arange(n) % folds
    return fold

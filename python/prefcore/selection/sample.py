"""Seeded samples of rows, without replacement."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore.errors import DomainError
from prefcore.groups import RaggedRows

__all__ = ["balanced_indices", "gumbel_top_k"]


def gumbel_top_k(
    log_weights: Any, *, k: int, seed: int = 0, offsets: Any = None, nan: Literal["raise", "omit"] = "raise"
) -> RaggedRows:
    """Draw k rows of every group without replacement, in proportion to exp(log_weights).

    the rows of the k largest log_w_i - log(-log u_i), u_i uniform in (0, 1)

    Which is drawing one after the other, each time from the rows that are left. The u of a row depends on seed, group
    and place in the group alone: the same draw for any thread count, and a larger k adds rows to those of a smaller.

    Args:
        log_weights: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; logarithms of weights
            up to a constant, in nats, below inf. A row of -inf is never drawn.
        k: number of rows per group, >= 0. Where fewer have a weight, all of those are drawn.
        seed: of the draw, in 0..2^64.
        offsets: int [G + 1] boundaries of the groups of 1-D weights.
        nan: "raise", or "omit": rows without a number are never drawn.
    Returns: RaggedRows: rows int64 [m], rising, and offsets int64 [G + 1].
    Raises: DomainError, ShapeError, TypeError.
    Source: Gumbel-top-k, Kool et al. (2019); the sampling of beta-DPO (Wu et al. 2024) with
        log_weights = -((gap - mean) / std)^2 / 2.

    >>> gumbel_top_k([0.0, -np.inf, 50.0, 0.0], k=2).rows
    array([2, 3])
    """
    data = _arrays.grouped(offsets, log_weights=log_weights)
    k = _arrays.whole_number("k", k, 0, 2**63)
    seed = _arrays.whole_number("seed", seed, 0, 2**64)
    return RaggedRows(*_rust.gumbel_top_k(data.columns[0], k, seed, data.offsets, nan))


def balanced_indices(labels: Any, *, ratios: Mapping[Any, float], seed: int = 0, n: int | None = None) -> Ints:
    """Draw rows without replacement so that classes stand in given ratios.

    n_c = n r_c / sum(r), rounded so that the sum is n: the largest remainders go up, the first class first among equals

    Within a class every row is equally likely. A row that is drawn depends on seed, row and n_c alone.

    Args:
        labels: [N] integers, booleans or strings.
        ratios: label -> share of it, finite, >= 0, not all 0; rows of other labels are never drawn.
        seed: of the draw, in 0..2^64.
        n: number of rows, >= 0; None: as many as fit, the largest n with n r_c / sum(r) <= rows of c for every class c.
    Returns: int64 [n] rows, rising.
    Raises: DomainError (also: a class has fewer rows than needed), ShapeError, TypeError.
    Source: desirable and undesirable actions in equal numbers, as in action preference optimization (APO).

    >>> balanced_indices([1, 1, 0, 1, 0, 1], ratios={1: 1, 0: 1})
    array([1, 2, 4, 5])
    """
    classes, shares = _classes(labels, ratios)
    seed = _arrays.whole_number("seed", seed, 0, 2**64)
    present = np.bincount(classes[classes >= 0], minlength=len(shares))
    if n is not None:
        sizes = _apportioned(_arrays.whole_number("n", n, 0, 2**63), shares)
        for label, size, rows in zip(ratios, sizes, present, strict=True):
            if size > rows:
                raise DomainError(f"n must need at most {rows} rows of label {label!r}, got {n}, which needs {size}")
        return _rust.balanced_indices(classes, sizes, seed)
    needed = shares > 0
    fitting = (present[needed] * shares.sum() / shares[needed]).min()
    sizes = _apportioned(int(fitting * (1 + 1e-12)), shares)  # a product just below a whole number is that number
    return _rust.balanced_indices(classes, sizes, seed)


def _classes(labels: Any, ratios: Mapping[Any, float]) -> tuple[Ints, NDArray[np.float64]]:
    """Number of the class of each row, -1 for none, and the share of each class."""
    if not isinstance(ratios, Mapping):
        raise TypeError(f"ratios must be a mapping from label to ratio, got a {type(ratios).__name__}")
    if not ratios:
        raise DomainError("ratios must hold at least one label, got none")
    _arrays.codes("labels", labels)  # refuses what is no label
    array = _arrays.to_numpy("labels", labels)
    _arrays.one_dimensional("labels", array)
    values = _arrays.floats("ratios", list(ratios.values()))
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        label = list(ratios)[int(np.argmax(bad))]
        raise DomainError(f"ratios[{label!r}] must be a finite number >= 0, got {ratios[label]}")
    if not values.any():
        raise DomainError("ratios must have one above 0, got only zeros")
    classes = np.full(len(array), -1, dtype=np.int64)
    for number, label in enumerate(ratios):
        classes[array == label] = number
    return classes, np.ldexp(values, -np.frexp(values.max())[1])  # a power of two rounds nothing


def _apportioned(n: int, shares: NDArray[np.float64]) -> Ints:
    """Whole numbers with sum n, in the ratio of the shares but for the rounding (largest remainders)."""
    exact = n * shares / shares.sum()
    sizes: Ints = np.floor(exact).astype(np.int64)
    order = np.argsort(sizes - exact, kind="stable")
    sizes[order[: n - int(sizes.sum())]] += 1
    return sizes

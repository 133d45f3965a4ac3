"""Mergeable states: totals that parts of the data add up to (protocol: `prefcore._states.State`).

Counts are integers and sums of floats are exact, 34 limbs of 64 bits each, so that neither the order of the rows nor
the way they were split changes a bit of the result.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import DomainError
from prefcore.metrics.accuracy import Outcomes, outcome_counts
from prefcore.metrics.calibration import CalibrationCurve, Closed, bin_count, predictions

__all__ = ["CalibrationState", "Mean", "MeanState", "OutcomeState"]

LIMBS = 34
SCALE = 1074  # limbs count units of 2^-1074
Limbs = NDArray[np.int64]


def _zero() -> Limbs:
    return np.zeros(LIMBS, dtype=np.int64)


class Mean(NamedTuple):
    """A mean and how sure it is."""

    mean: float
    """Of the values that are no NaN; NaN where there are none."""
    std_error: float
    """sd / sqrt(n), sd with ddof 1; NaN for less than two values."""
    n: int
    """Values that are no NaN."""
    n_undefined: int
    """NaN values."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MeanState:
    """Totals behind the mean of per-group or per-row values, such as those of `ndcg` or `kendall_tau`.

    mean = (sum of v) / n    std_error = sqrt((sum of v^2 - n mean^2) / (n - 1) / n)

    NaN are counted and left out. Both numbers are those of the exact sums, without cancellation, for values of a size
    between 1e-145 and 2^500 (or 0): squares below underflow, and one value above makes the standard error inf. An
    infinite value makes the mean infinite, or NaN with one of the other sign, and the standard error NaN.

    >>> state = MeanState().update([0.25, 0.75]).merge(MeanState().update([np.nan, 0.5]))
    >>> state.finish()
    Mean(mean=0.5, std_error=0.14433756729740643, n=3, n_undefined=1)
    """

    n: int = 0
    n_undefined: int = 0
    n_above: int = 0
    """+inf."""
    n_below: int = 0
    """-inf."""
    n_huge: int = 0
    """Finite values of a size of at least 2^500."""
    total: Limbs = field(default_factory=_zero)
    squares: Limbs = field(default_factory=_zero)

    def update(self, values: Any) -> Self:
        """Add values of any shape; float64 is what counts.

        Raises: TypeError.
        """
        (n, nans, above, below, huge), total, squares = _rust.moments(_arrays.floats("values", values).reshape(-1))
        more = type(self)(
            n=n - nans,
            n_undefined=nans,
            n_above=above,
            n_below=below,
            n_huge=huge,
            total=total,
            squares=squares,
        )
        return self.merge(more)

    def merge(self, other: Self) -> Self:
        """Add the totals of another state."""
        _same_kind(self, other)
        return type(self)(
            n=self.n + other.n,
            n_undefined=self.n_undefined + other.n_undefined,
            n_above=self.n_above + other.n_above,
            n_below=self.n_below + other.n_below,
            n_huge=self.n_huge + other.n_huge,
            total=_rust.add_exact(self.total, other.total),
            squares=_rust.add_exact(self.squares, other.squares),
        )

    def finish(self) -> Mean:
        """Return mean and standard error; each is rounded once, from integers."""
        n, total, squares = self.n, _integer(self.total), _integer(self.squares)
        if (self.n_above and self.n_below) or not n:
            mean = math.nan
        elif self.n_above or self.n_below:
            mean = math.inf if self.n_above else -math.inf
        else:
            mean = total / (n << SCALE)
        if n < 2 or self.n_above or self.n_below:
            std_error = math.nan
        elif self.n_huge:
            std_error = math.inf
        else:
            deviations = n * (squares << SCALE) - total**2
            std_error = math.sqrt(max(deviations, 0) / (n * n * (n - 1) << 2 * SCALE))
        return Mean(mean, std_error, n, self.n_undefined)


@dataclass(frozen=True, eq=False, kw_only=True)
class OutcomeState:
    """Totals behind `outcome_counts`, `pairwise_accuracy` and the win rates.

    >>> state = OutcomeState().update([3, 2], [1, 2]).merge(OutcomeState().update([0], [1]))
    >>> state.finish().rate(ties=0.5)
    np.float64(0.5)
    """

    wins: int = 0
    ties: int = 0
    losses: int = 0
    nans: int = 0

    def update(self, chosen: Any, rejected: Any, *, nan: Literal["raise", "omit"] = "raise") -> Self:
        """Add pairs: [n] columns, or one number as `rejected`; arguments and errors of `outcome_counts`."""
        chosen = _arrays.column("chosen", chosen)
        _arrays.one_dimensional("chosen", chosen)
        wins, ties, losses, nans = map(int, outcome_counts(chosen, rejected, nan=nan))
        return self.merge(type(self)(wins=wins, ties=ties, losses=losses, nans=nans))

    def merge(self, other: Self) -> Self:
        """Add the totals of another state."""
        _same_kind(self, other)
        return type(self)(
            wins=self.wins + other.wins,
            ties=self.ties + other.ties,
            losses=self.losses + other.losses,
            nans=self.nans + other.nans,
        )

    def finish(self) -> Outcomes:
        """Return what `outcome_counts` of all pairs as one group would."""
        return Outcomes(*map(np.int64, (self.wins, self.ties, self.losses, self.nans)))


@dataclass(frozen=True, eq=False, kw_only=True)
class CalibrationState:
    """Totals behind `calibration_curve` with bins of equal width; quantiles of parts do not add up.

    >>> state = CalibrationState(n_bins=2).update([0.1, 0.3], [0, 1])
    >>> state.merge(CalibrationState(n_bins=2).update([0.8, 1.0], [1, 1])).finish().mean_prob
    array([0.2, 0.9])
    """

    n_bins: int
    closed: Closed = "left"
    rows: NDArray[np.int64] | None = None
    """[n_bins] rows in each bin; None in a fresh state becomes 0."""
    sums: Limbs | None = None
    """[n_bins, 3, 34] exact sums of w, w p and w y in each bin; None in a fresh state becomes 0."""

    def __post_init__(self) -> None:
        """Check the bins and make the sums of a fresh state."""
        n_bins = bin_count(self.n_bins)
        _arrays.one_of("closed", self.closed, "left", "right")
        if self.rows is None:
            object.__setattr__(self, "rows", np.zeros(n_bins, dtype=np.int64))
        if self.sums is None:
            object.__setattr__(self, "sums", np.zeros((n_bins, 3, LIMBS), dtype=np.int64))

    def update(self, probs: Any, labels: Any, *, weights: Any = None, nan: Literal["raise", "omit"] = "raise") -> Self:
        """Add rows: [n] columns; arguments and errors of `calibration_curve`."""
        probs = _arrays.column("probs", probs)
        _arrays.one_dimensional("probs", probs)
        data, columns = predictions(probs, labels, weights, None)
        rows, sums = _rust.calibration_sums(columns, data.offsets, (self.n_bins, "uniform", self.closed), nan)
        sums = sums.reshape(self.n_bins, 3, LIMBS)
        return self.merge(type(self)(n_bins=self.n_bins, closed=self.closed, rows=rows, sums=sums))

    def merge(self, other: Self) -> Self:
        """Add the totals of another state; other bins are a DomainError."""
        _same_kind(self, other)
        for name in ("n_bins", "closed"):
            mine, others = getattr(self, name), getattr(other, name)
            if mine != others:
                raise DomainError(f"{name} must be {mine!r} in both states, got {others!r}")
        sums = _rust.add_exact(self._flat(), other._flat()).reshape(self.n_bins, 3, LIMBS)
        rows = np.add(self.rows, other.rows)  # type: ignore[arg-type]
        return type(self)(n_bins=self.n_bins, closed=self.closed, rows=rows, sums=sums)

    def finish(self) -> CalibrationCurve:
        """Return what `calibration_curve` of all rows as one group would, bit for bit."""
        weight, prob, label = _rust.round_exact(self._flat()).reshape(self.n_bins, 3).T
        edges = np.arange(self.n_bins + 1) / self.n_bins
        with np.errstate(invalid="ignore"):
            return CalibrationCurve(edges[:-1], edges[1:], np.array(self.rows), prob / weight, label / weight)

    def _flat(self) -> Limbs:
        return np.asarray(self.sums, dtype=np.int64).reshape(-1)


def _same_kind(state: object, other: object) -> None:
    if type(state) is not type(other):
        raise TypeError(f"other must be a {type(state).__name__}, got a {type(other).__name__}")


def _integer(limbs: Limbs) -> int:
    """The sum in units of 2^-1074."""
    return int.from_bytes(limbs.astype("<i8").tobytes(), "little", signed=True)

"""Margins of the members of an ensemble."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError
from prefcore.strength import _double_double as double_double

__all__ = ["MarginState", "MarginStats", "ensemble_margin_stats"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Nan = Literal["raise", "omit", "propagate"]
_BLOCK = 2**14
"""Pairs whose sums stay in the cache from one member to the next."""


class MarginStats(NamedTuple):
    """What the members of an ensemble say of each pair; [N] each."""

    mean: Floats
    """Mean of the margins, NaN without a member."""
    std: Floats
    """Standard deviation of the margins, NaN for `ddof` members or less."""
    n: Ints
    """Members that have a number."""
    agreement: Floats
    """Share of the members with margin > 0 among those that do not have 0; NaN where all do."""
    sign_flip_fraction: Floats
    """Share of the members with margin < 0; NaN without a member."""


def ensemble_margin_stats(margins: Any, *, ddof: int, nan: Nan = "raise") -> MarginStats:
    """Summarize the margins that the members of an ensemble give to each pair.

    mean = sum_m d_m / n,  std = sqrt(sum_m (d_m - mean)^2 / (n - ddof))

    Sums are kept in twice the precision of float64, so that members may come one by one (`MarginState`).

    Args:
        margins: [M, N] rewards of the chosen minus those of the rejected responses, a member in each row.
        ddof: 0 for the deviation within the ensemble, 1 for the estimate of that of its population.
        nan: "raise"; "omit": a member that is NaN takes no part in that pair; "propagate": results of the pair are NaN.
    Returns: MarginStats [N].
    Raises: DomainError, ShapeError, TypeError.
    Source: Secrets of RLHF part II (arXiv 2401.06080), sec. 2.1: preference strength is `mean`, with ddof=0.

    >>> ensemble_margin_stats([[1.0, -0.5], [0.5, 1.5], [1.5, -1.0]], ddof=1).mean
    array([1., 0.])
    """
    members = _arrays.floats("margins", margins)
    if members.ndim != 2:
        raise ShapeError(f"margins must be [M, N], a member in each row, got {list(members.shape)}")
    _check_nan(members, nan)
    blocks = range(0, max(members.shape[1], 1), _BLOCK)
    stats = [_of_block(members[:, start : start + _BLOCK], ddof, nan) for start in blocks]
    return MarginStats(*map(np.concatenate, zip(*stats, strict=True)))


def _of_block(members: Floats, ddof: int, nan: Nan) -> MarginStats:
    state = MarginState(ddof=ddof)._start(members.shape[1])
    for member in members:
        state = state._take(member, nan)
    return state.finish()


@dataclass(frozen=True, eq=False)
class MarginState:
    """`ensemble_margin_stats` of members that come one at a time, on any number of machines.

    Equal to the batch function in bits where the members come in its order; in any other the integers are, and floats
    to 1e-15 of themselves or of the largest margin. `update` and `merge` return new states; a fresh one is neutral. The
    fields are plain: `MarginState(**dataclasses.asdict(state))`.

    Args:
        ddof: as in `ensemble_margin_stats`.

    >>> state = MarginState(ddof=1).update([1.0, -0.5]).merge(MarginState(ddof=1).update([0.5, 1.5]))
    >>> state.finish().mean
    array([0.75, 0.5 ])
    """

    ddof: int = field(kw_only=True)
    n: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """[N] members with a number; no entries in a fresh state."""
    positive: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """[N] members with margin > 0."""
    negative: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """[N] members with margin < 0."""
    spoiled: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """[N] pairs whose results are NaN."""
    origin: Floats = field(default_factory=lambda: np.zeros(0))
    """[N] a margin that the sums are taken about, so that equal members have a deviation of 0."""
    total: Floats = field(default_factory=lambda: np.zeros((2, 0)))
    """[2, N] sum of the margins less the origin, and what its rounding left out."""
    square: Floats = field(default_factory=lambda: np.zeros((2, 0)))
    """[2, N] sum of the squares of the same, likewise."""

    def __post_init__(self) -> None:
        """Refuse a ddof that is no count."""
        _arrays.whole_number("ddof", self.ddof, 0, 2**31)

    def update(self, margins: Any, *, nan: Nan = "raise") -> Self:
        """Return the state with one more member.

        Args:
            margins: [N] margins of the member, the same pairs in each update.
            nan: as in `ensemble_margin_stats`.
        Returns: a new state.
        Raises: DomainError, ShapeError, TypeError.
        """
        member = _arrays.floats("margins", margins)
        _arrays.one_dimensional("margins", member)
        _check_nan(member, nan)
        state = self if len(self.n) else self._start(len(member))
        if len(member) != len(state.n):
            raise ShapeError(f"margins must have length {len(state.n)} like those before, got {len(member)}")
        return state._take(member, nan)

    def merge(self, other: Self) -> Self:
        """Return the state of the members of both.

        Args:
            other: a state of the same pairs and `ddof`.
        Returns: a new state.
        Raises: DomainError, ShapeError, TypeError.
        """
        if not isinstance(other, MarginState):
            raise TypeError(f"other must be a MarginState, got a {type(other).__name__}")
        if self.ddof != other.ddof:
            raise DomainError(f"other must have ddof {self.ddof}, got {other.ddof}")
        if not len(self.n) or not len(other.n):
            return other if len(other.n) else self
        if len(self.n) != len(other.n):
            raise ShapeError(f"other must have {len(self.n)} pairs, got {len(other.n)}")
        origin = np.minimum(self.origin, other.origin)  # either order of the two states gives the same
        origin = np.where(self.n == 0, other.origin, np.where(other.n == 0, self.origin, origin))
        mine, theirs = self._about(origin), other._about(origin)
        return replace(
            self,
            n=self.n + other.n,
            positive=self.positive + other.positive,
            negative=self.negative + other.negative,
            spoiled=self.spoiled | other.spoiled,
            origin=origin,
            total=double_double.add(mine[0], theirs[0]),
            square=double_double.add(mine[1], theirs[1]),
        )

    def finish(self) -> MarginStats:
        """Return the MarginStats [N] of the members so far."""
        n = self.n.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            spread = double_double.add(
                double_double.multiply(double_double.of(n), self.square),
                -double_double.multiply(self.total, self.total),
            )[0]  # n times the sum of the squares about the mean
            variance = np.where(n > self.ddof, np.maximum(spread, 0.0) / (n * (n - self.ddof)), np.nan)
            columns = [self.origin + self.total[0] / n, np.sqrt(variance)]
            shares = [self.positive / (self.positive + self.negative), self.negative / n]
        mean, std, agreement, flipped = (np.where(self.spoiled, np.nan, column) for column in columns + shares)
        return MarginStats(mean, std, self.n, agreement, flipped)

    def _start(self, pairs: int) -> Self:
        counts = np.zeros(pairs, np.int64)
        sums = np.zeros((2, pairs))
        none = np.zeros(pairs, np.bool_)
        counted = replace(self, n=counts, positive=counts, negative=counts, spoiled=none)
        return replace(counted, origin=np.zeros(pairs), total=sums, square=sums)

    def _about(self, origin: Floats) -> tuple[Floats, Floats]:
        """The sums about another origin: of x + d and of x^2 + 2 d x + d^2, d the step between the origins."""
        n, step = double_double.of(self.n), double_double.add(double_double.of(self.origin), -double_double.of(origin))
        shift = double_double.multiply(n, step)
        mixed = double_double.add(2 * self.total, shift)
        return double_double.add(self.total, shift), double_double.add(self.square, double_double.multiply(step, mixed))

    def _take(self, member: Floats, nan: Nan) -> Self:
        missing = np.isnan(member)
        finite = np.isfinite(member)
        margins = np.where(finite, member, 0.0)
        return self.merge(
            replace(
                self,
                n=(~missing).astype(np.int64),
                positive=(member > 0).astype(np.int64),
                negative=(member < 0).astype(np.int64),
                spoiled=missing & (nan == "propagate"),
                origin=margins,
                total=double_double.of(np.where(finite | missing, 0.0, member)),
                square=double_double.of(np.where(finite | missing, 0.0, np.inf)),
            )
        )


def _check_nan(margins: Floats, nan: str) -> None:
    _arrays.one_of("nan", nan, "raise", "omit", "propagate")
    if nan == "raise" and (missing := np.isnan(margins)).any():
        place = [int(axis) for axis in np.argwhere(missing)[0]]
        expected = 'a number, or nan="omit" given'
        raise DomainError(f"margins{place} must be {expected}, got NaN ({missing.sum()} NaN in all)")

"""Records of the solvers: the policy, its certificate, and how the iteration ended."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from prefcore._arrays import Array, Ints
from prefcore._estimates import Floats, Shown
from prefcore.errors import ShapeError

__all__ = ["GameResult", "Path", "ZeroSumResult"]


class Path(NamedTuple):
    """Policies on the way."""

    iteration: Ints
    """[K] numbers of the iterations; 0 is the start."""
    log_policy: Floats
    """[K, n]"""


@dataclass(frozen=True, repr=False, eq=False)
class GameResult(Shown):
    """An equilibrium (or an iterate) of a symmetric game, or one for each game of a batch.

    Numbers are arrays over the games where the payoff was a batch. `np.asarray(result)` is the policy.
    """

    log_policy: Floats
    """[n], [B, n], or [N] as the payoff came; -inf: probability 0."""
    value: float
    """Half of what a pair of payoffs sums to: the value of every symmetric game."""
    gap: Any
    """Duality gap (NashConv) of the problem asked: with the pull to the reference where there is one."""
    gap0: Any
    """Duality gap without it; twice OpenSpiel's exploitability."""
    kl_ref: Any
    """KL(policy, reference), nats; the reference is uniform where none was given."""
    unique: Any
    """Whether it is the only equilibrium; None where that was not checked."""
    min_slack: Any
    """How much worse than the equilibrium the best action off its support is; NaN where there is none."""
    converged: Any
    iterations: Any
    residual: Any
    status: Any
    """converged, floor (as far as rounding lets it), max_iter, stalled, or fixed (no tolerance was asked for)."""
    path: Path | None = None
    """Where `record_at` asked for it."""
    _offsets: Ints | None = None

    @property
    def policy(self) -> Floats:
        """Probabilities, in the shape of `log_policy`."""
        return np.exp(self.log_policy)

    @property
    def entropy(self) -> Any:
        """Entropy of the policy in nats."""
        policy = self.policy
        terms = -policy * np.where(policy > 0, self.log_policy, 0.0)
        return terms.sum(-1) if self._offsets is None else np.add.reduceat(terms, self._offsets[:-1])

    @property
    def support(self) -> Ints:
        """Actions of positive probability; of one game only."""
        if np.ndim(self.gap) > 0:
            raise ShapeError(f"support is of one game, got {np.size(self.gap)}; use result.policy > 0")
        return np.flatnonzero(self.policy > 0)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.policy, dtype=dtype)


@dataclass(frozen=True, repr=False, eq=False)
class ZeroSumResult(Shown):
    """Strategies of both players of a zero-sum game, or of each game of a batch. The row player maximizes."""

    log_row: Floats
    """[m] or [B, m]; -inf: probability 0."""
    log_column: Floats
    """[n] or [B, n]"""
    value: Any
    """Payoff to the row player, row' payoff column."""
    gap: Any
    """Duality gap of the problem asked."""
    gap0: Any
    """Duality gap without the pull to the references."""
    unique: Any
    """Whether both strategies are the only ones; None where that was not checked."""
    converged: Any
    iterations: Any
    residual: Any
    status: Any
    """converged, floor (as far as rounding lets it), max_iter or stalled."""

    @property
    def row(self) -> Floats:
        """Probabilities of the rows."""
        return np.exp(self.log_row)

    @property
    def column(self) -> Floats:
        """Probabilities of the columns."""
        return np.exp(self.log_column)

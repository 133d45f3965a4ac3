"""The record of a rating: strengths, their errors, and what follows from both."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore._bootstrap import RankIntervals
from prefcore._estimates import Floats

__all__ = ["Difference", "RatingResult"]

#: lines of items in a repr
SHOWN = 8


class Difference(NamedTuple):
    """theta of one item minus theta of another."""

    estimate: float
    std_error: float


class Evidence(Protocol):
    """What the errors and probabilities of a rating are made of; parameters are theta, then the others."""

    def information(self) -> Floats:
        """[K, K] minus the second derivatives of the penalized log-likelihood at the estimate."""

    def score_products(self) -> Floats:
        """[K, K] sum over comparisons, or clusters of them, of score score'."""

    def expected(self, difference: Floats) -> Floats:
        """Score that an item expects against one whose theta is lower by `difference`: win + tie/2."""


@dataclass(frozen=True, repr=False, eq=False)
class RatingResult:
    """Ratings by maximum likelihood. `np.asarray(result)` is theta.

    Errors come from the covariance in the gauge of theta: of the mean 0 without a ridge. An item has no error of its
    own, only against others: report `difference(i, k)`. The covariances cost O(n^3), when first asked for.
    """

    theta: Floats
    """[n] log-strengths; of mean 0 unless a ridge is used."""
    names: tuple[str, ...] | None
    loglik: float
    """Without the penalty."""
    tie_parameter: float | None
    """nu of `davidson`, kappa of `rao_kupper`."""
    feature_coef: Floats | None
    """[F] of `contextual_bradley_terry`."""
    ridge: float
    """Above 0 the estimate is pulled to 0, and the errors are those of the penalized likelihood: too small."""
    n_comparisons: int
    converged: bool
    iterations: int
    residual: float
    """Largest absolute entry of the gradient / total weight."""
    status: str
    """converged, floor (as far as rounding lets it), max_iter or stalled."""
    _evidence: Evidence

    @cached_property
    def _bread(self) -> Floats:
        """[K, K] inverse of the information; its pseudo-inverse where theta has the mean 0."""
        matrix, n = self._evidence.information(), len(self.theta)
        gauge = 0.0 if self.ridge > 0 else float(np.trace(matrix[:n, :n])) / max(n * n, 1) or 1.0
        matrix[:n, :n] += gauge
        scale = 1 / np.sqrt(np.diag(matrix))
        inverse = np.linalg.inv(matrix * scale * scale[:, None]) * scale * scale[:, None]
        if gauge > 0:
            inverse[:n, :n] -= 1 / (gauge * n * n)
        return np.asarray((inverse + inverse.T) / 2)

    @cached_property
    def covariance(self) -> Floats:
        """[n, n] of theta: the inverse Fisher information."""
        n = len(self.theta)
        return self._bread[:n, :n]

    @cached_property
    def robust_covariance(self) -> Floats:
        """[n, n] of theta, from the squares of the scores of comparisons or clusters (sandwich, HC0).

        Right too where comparisons of one cluster depend on each other, or where outcomes do not follow the model.
        """
        n = len(self.theta)
        return np.asarray(self._bread[:n] @ self._evidence.score_products() @ self._bread[:n].T)

    @cached_property
    def std_error(self) -> Floats:
        """[n] roots of the diagonal of `covariance`."""
        return _roots(np.diag(self.covariance))

    @cached_property
    def robust_std_error(self) -> Floats:
        """[n] roots of the diagonal of `robust_covariance`."""
        return _roots(np.diag(self.robust_covariance))

    def difference(self, i: int, j: int, *, robust: bool = False) -> Difference:
        """Return theta_i - theta_j and its error, which no gauge changes: item j is the anchor.

        Args:
            i: an item.
            j: another one.
            robust: whether the error is that of `robust_covariance`.
        Raises: DomainError, TypeError.
        """
        n = len(self.theta)
        one, two = (_arrays.whole_number(name, item, 0, n) for name, item in (("i", i), ("j", j)))
        matrix = self._covariance(robust)
        variance = matrix[one, one] + matrix[two, two] - 2 * matrix[one, two]
        return Difference(float(self.theta[one] - self.theta[two]), float(_roots(variance)))

    def probabilities(self) -> Floats:
        """[n, n] score that the row expects against the column: p(win) + p(tie)/2. A payoff for `games`."""
        return self._evidence.expected(self.theta[:, None] - self.theta)

    def interval(self, *, confidence_level: float = 0.95, robust: bool = False) -> tuple[Floats, Floats]:
        """Return lower and upper ends [n] of theta, by the normal approximation.

        Args:
            confidence_level: share of samples whose interval holds the true value, in (0, 1).
            robust: whether by `robust_std_error`.
        Raises: DomainError, TypeError.
        """
        error = self.robust_std_error if _arrays.flag("robust", robust) else self.std_error
        reach = _quantile(confidence_level) * error
        return self.theta - reach, self.theta + reach

    def rank_intervals(self, *, confidence_level: float = 0.95) -> RankIntervals:
        """Return the ranks that each item may hold, by the errors of differences.

        best = 1 + items that are better by more than z std_error of the difference;  worst likewise

        Errors of differences, not of levels: those hold the noise of everybody else.

        Args:
            confidence_level: of each difference, two-sided, in (0, 1).
        Raises: DomainError, TypeError.
        """
        variance = np.diag(self.covariance)
        error = _roots(variance[:, None] + variance - 2 * self.covariance)
        lead = self.theta[:, None] - self.theta > _quantile(confidence_level) * error
        return RankIntervals(1 + lead.sum(axis=0), len(self.theta) - lead.sum(axis=1))

    def leaderboard(self) -> dict[str, Any]:
        """Return columns, best item first: rank, item, theta, std_error, best_rank and worst_rank (95 percent)."""
        order = np.argsort(-self.theta, kind="stable")
        ranks = self.rank_intervals()
        return {
            "rank": np.arange(1, len(order) + 1),
            "item": [self._name(item) for item in order],
            "theta": self.theta[order],
            "std_error": self.std_error[order],
            "best_rank": ranks.best[order],
            "worst_rank": ranks.worst[order],
        }

    def _covariance(self, robust: bool) -> Floats:
        return self.robust_covariance if _arrays.flag("robust", robust) else self.covariance

    def _name(self, item: Any) -> Any:
        return int(item) if self.names is None else self.names[item]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Theta."""
        return np.array(self.theta, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """The best items, then how the fit ended."""
        order = np.argsort(-self.theta, kind="stable")
        lines = [f"RatingResult: {len(order)} items, {self.n_comparisons} comparisons"]
        lines += [f"{self._name(item)}: {self.theta[item]:.4f}" for item in order[:SHOWN]]
        if len(order) > SHOWN:
            lines[-1] += f" (and {len(order) - SHOWN} more)"
        parts = [f"loglik {self.loglik:.6g}"]
        if self.tie_parameter is not None:
            parts.append(f"tie_parameter {self.tie_parameter:.4g}")
        if self.feature_coef is not None:
            parts.append(f"feature_coef {np.array2string(self.feature_coef, precision=4, threshold=8)}")
        if self.ridge > 0:
            parts.append(f"penalised: ridge {self.ridge:g}")
        lines.append(", ".join(parts))
        lines.append(f"{self.status}: residual {self.residual:.3g} after {self.iterations} iterations")
        return "\n".join(lines)


def _roots(variances: Any) -> Floats:
    """Roots; rounding may leave a variance of 0 below it."""
    return np.asarray(np.sqrt(np.maximum(variances, 0.0)))


def _quantile(confidence_level: float) -> float:
    level = _arrays.number("confidence_level", confidence_level)
    _arrays.refuse("confidence_level", level, not 0 < level < 1, "a number between 0 and 1")
    return -_rust.normal_quantile((1 - level) / 2)

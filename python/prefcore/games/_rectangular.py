"""Payoffs of zero-sum games in which each player has actions of his own."""

from typing import Any, NamedTuple

from prefcore import _arrays
from prefcore._arrays import Array
from prefcore._estimates import Floats
from prefcore.errors import ShapeError
from prefcore.games._games import UNIQUE
from prefcore.games.results import ZeroSumResult


class Rectangles(NamedTuple):
    """One game or many of one shape."""

    values: Floats
    """[B m n], row by row."""
    batch: tuple[int, ...]
    """() of one game, else (B,)."""
    m: int
    n: int

    def each(self, values: Array) -> Any:
        """Return what was computed for each game; the one of a single game."""
        return values if self.batch else values[0]


def read(payoff: Any) -> Rectangles:
    """Read [m, n] or [B, m, n] finite payoffs to the row player."""
    array = _arrays.floats("payoff", payoff)
    if array.ndim not in {2, 3} or 0 in array.shape[-2:]:
        raise ShapeError(
            f"payoff must be [m, n] or [B, m, n] with at least one row and column, got shape {list(array.shape)}"
        )
    _arrays.finite("payoff", array)
    return Rectangles(array.reshape(-1), array.shape[:-2], *array.shape[-2:])


def result(games: Rectangles, solved: tuple[Any, ...]) -> ZeroSumResult:
    """Return the record of what a solver of the extension gave."""
    log_row, log_column, value, gap, gap0, unique, iterations, residual, converged, status = solved
    each = games.each
    return ZeroSumResult(
        log_row.reshape(*games.batch, games.m),
        log_column.reshape(*games.batch, games.n),
        each(value),
        each(gap),
        each(gap0),
        each(UNIQUE[unique]),
        each(converged),
        each(iterations),
        each(residual),
        each(status),
    )

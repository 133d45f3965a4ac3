"""Payoffs of every form that users hold, brought into the one that the solvers of symmetric games take."""

from typing import Any, Literal, NamedTuple

import numpy as np

from prefcore import _arrays, _estimates, _rust
from prefcore._arrays import Array, Ints
from prefcore._estimates import E, Floats
from prefcore.errors import ShapeError
from prefcore.games.forms import FactorPayoff, PackedPayoff
from prefcore.games.results import GameResult, Path


class Games(NamedTuple):
    """One game or many."""

    argument: tuple[Array, Ints, float, str, Floats | None]
    """What the extension takes: values, offsets, half the pair constant, form, gate."""
    layout: Literal["one", "batch", "ragged"]
    shape: tuple[int, ...]
    """Shape of a policy."""

    @property
    def offsets(self) -> Ints:
        """[G + 1] boundaries of the games' actions."""
        return self.argument[1]

    def policies(self, name: str, values: Any) -> Floats | None:
        """Return log-policies as given, normalized and flat, or None."""
        if values is None:
            return None
        array = _arrays.floats(name, values)
        if array.shape != self.shape:
            raise ShapeError(f"{name} must have shape {list(self.shape)} like a policy, got {list(array.shape)}")
        return _rust.normalized_policies(name, array.reshape(-1), self.offsets)

    def each(self, values: Array) -> Any:
        """Return what was computed for each game; the one of a single game."""
        return values[0] if self.layout == "one" else values


def read(payoff: Any, offsets: Any = None) -> Games:
    """Read a payoff of symmetric games: [n, n], [B, n, n], 1-D blocks with offsets, packed, or in factor form."""
    if isinstance(payoff, PackedPayoff | FactorPayoff):
        if offsets is not None:
            raise ShapeError(f"offsets must be None where payoff is a {type(payoff).__name__}, got offsets")
        ends = np.array([0, payoff.n], dtype=np.int64)
        if isinstance(payoff, PackedPayoff):
            return Games((payoff.values, ends, payoff.constant / 2, "packed", None), "one", (payoff.n,))
        return Games((payoff.embeddings.reshape(-1), ends, 0.0, "factor", payoff.gate), "one", (payoff.n,))
    array = _arrays.column("payoff", payoff)
    array = array.astype(np.float64) if array.dtype.kind == "i" else array
    layout, ends, shape = _layout(array, offsets)
    flat = array.reshape(-1)
    constant = _rust.payoff_constant(flat, ends, layout)
    return Games((flat, ends, constant / 2, "dense", None), layout, shape)


def read_one(payoff: Any) -> Games:
    """Read one symmetric game."""
    games = read(payoff)
    if games.layout != "one":
        raise ShapeError(f"payoff must be one game, [n, n], got {len(games.offsets) - 1} games")
    return games


def _layout(array: Array, offsets: Any) -> tuple[Literal["one", "batch", "ragged"], Ints, tuple[int, ...]]:
    if offsets is not None:
        if array.ndim != 1:
            raise ShapeError(f"payoff must be 1-D where offsets are given, got {array.ndim}-D")
        ends = _arrays.integers("offsets", offsets)
        return "ragged", ends, (int(ends[-1]) if len(ends) else 0,)
    if array.ndim not in {2, 3} or array.shape[-1] != array.shape[-2]:
        raise ShapeError(f"payoff must be [n, n], [B, n, n], or 1-D with offsets, got shape {list(array.shape)}")
    if array.shape[-1] == 0:
        raise ShapeError(f"payoff must have at least one action, got shape {list(array.shape)}")
    if array.ndim == 2:
        return "one", np.array([0, len(array)], dtype=np.int64), array.shape[:-1]
    return "batch", np.arange(len(array) + 1, dtype=np.int64) * array.shape[-1], array.shape[:-1]


#: 1, 0, -1 of the extension
UNIQUE = np.array([False, True, None], dtype=object)


def result(games: Games, solved: tuple[Any, ...], *, record_at: Ints | None = None) -> GameResult:
    """Return the record of what a solver of the extension gave."""
    log_policy, gap, gap0, kl_ref, unique, min_slack, iterations, residual, converged, status, path = solved
    each = games.each
    recorded = None if record_at is None or not len(record_at) else Path(record_at, path.reshape(len(record_at), -1))
    return GameResult(
        log_policy.reshape(games.shape),
        games.argument[2],
        each(gap),
        each(gap0),
        each(kl_ref),
        each(UNIQUE[unique]),
        each(min_slack),
        each(converged),
        each(iterations),
        each(residual),
        each(status) if games.layout != "one" else str(status[0]),
        recorded,
        games.offsets if games.layout == "ragged" else None,
    )


def settled(outcome: E, *, strict: bool, tol: float | None, advice: str = "") -> E:
    """Return the record, or raise where it must have converged and has not; name the first game that has not."""
    return _estimates.settled(outcome, strict=_arrays.flag("strict", strict), tol=tol, advice=advice)

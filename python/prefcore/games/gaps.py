"""Best responses, and how far a policy is from an equilibrium."""

from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array, Ints
from prefcore._estimates import Floats
from prefcore.errors import ShapeError
from prefcore.games._games import read
from prefcore.games._limits import pull
from prefcore.games.forms import FactorPayoff, PackedPayoff

__all__ = ["best_response", "beta_for_gap", "duality_gap", "extragradient_step_size"]


def best_response(
    payoff: Any, log_policy: Any, *, beta: float = 0.0, log_ref: Any = None, offsets: Any = None
) -> Floats:
    """Best response to a policy, in a preference game or of the row player of any matrix.

    log BR(l) = log_softmax(log_ref + payoff exp(l) / beta);   at beta = 0 the best action alone

    Of a matrix [m, n] the policy is that of the column player; his own reply to a policy of the rows is
    `best_response(-payoff.T, log_row)`.

    Args:
        payoff: [n, n], [m, n], a batch [B, m, n], 1-D square blocks with `offsets`, `PackedPayoff` or `FactorPayoff`.
            Pairs of a matrix need not sum to a constant.
        log_policy: [n], [B, n] or [N] log-probabilities in nats, as the payoff; or [K, n] policies for one payoff, as
            in `GameResult.path`. They are normalized.
        beta: pull to the reference, >= 0. 0: the response is one action, the lowest number of equal ones.
        log_ref: log-probabilities of the reference, in the shape of the response, or [m] for all; default uniform.
            -inf: the action is never taken. Not used at `beta=0`.
        offsets: [G + 1] boundaries of the games' actions, for 1-D blocks.
    Returns: log-probabilities; -inf: probability 0.
    Raises: DomainError, ShapeError, TypeError.
    Source: Zhou et al., Extragradient Preference Optimization (2025), eq. of the KL best response.

    >>> best_response([[0.5, 0.75], [0.25, 0.5]], [0.0, 0.0])
    array([  0., -inf])
    >>> best_response([[0.5, 0.75], [0.25, 0.5]], [0.0, 0.0], beta=1.0).round(4)
    array([-0.5759, -0.8259])
    """
    square = offsets is not None or isinstance(payoff, PackedPayoff | FactorPayoff)
    problem = _games(payoff, offsets) if square else _matrices(payoff)
    beta = pull("beta", beta)
    logs = problem.policies("log_policy", log_policy, problem.columns)
    shape = (*logs.shape[:-1], problem.rows)
    players = (logs.reshape(-1), problem.reference("log_ref", log_ref, shape), beta)
    if square:
        return _rust.best_responses(problem.argument, problem.ends(logs), players).reshape(shape)
    return _rust.row_responses(problem.argument[0], (problem.rows, problem.columns), players).reshape(shape)


def duality_gap(
    payoff: Any,
    log_policy: Any,
    *,
    log_opponent: Any = None,
    beta: float = 0.0,
    log_ref: Any = None,
    log_ref_opponent: Any = None,
    offsets: Any = None,
) -> Any:
    """Duality gap of a policy (NashConv): twice OpenSpiel's exploitability in a symmetric game.

    gap = 2 beta KL(pi || BR(pi)) = 2 beta sum_i pi_i (expm1(d_i) - d_i),  d = log BR(pi) - log pi
    gap = 2 max_i (A pi)_i at beta = 0;   with an opponent beta (KL(x || BR(y)) + KL(y || BR(x))), max A y - min A'x

    It is 0 at the equilibrium alone, and no term of the sums is negative, so small gaps keep their digits.

    Args:
        payoff: [n, n], a batch [B, n, n], 1-D square blocks with `offsets`, `PackedPayoff` or `FactorPayoff`, whose
            pairs sum to one constant; any matrix [m, n] or [B, m, n] where `log_opponent` is given.
        log_policy: [n], [B, n] or [N] log-probabilities in nats; or [K, n] policies of one game, as in
            `GameResult.path`. Of the row player where there is an opponent. They are normalized.
        log_opponent: log-probabilities of the column player; default: the same policy.
        beta: pull of both to their references, >= 0.
        log_ref: log-probabilities of the reference of the policy, in its shape or [n] for all; default uniform. A
            policy that leaves the support of its reference has an infinite gap. Not used at `beta=0`.
        log_ref_opponent: that of the opponent.
        offsets: [G + 1] boundaries of the games' actions, for 1-D blocks.
    Returns: one number, or one for each game or policy.
    Raises: DomainError, ShapeError, TypeError.
    Source: Zhou et al., Extragradient Preference Optimization (2025); the sum form is derived in the docs.

    >>> float(duality_gap([[0.5, 0.75], [0.25, 0.5]], [0.0, 0.0]))
    0.25
    """
    beta = pull("beta", beta)
    if log_opponent is None:
        if log_ref_opponent is not None:
            raise ShapeError("log_ref_opponent must be None where log_opponent is None, got a reference")
        problem = _games(payoff, offsets)
        logs = problem.policies("log_policy", log_policy, problem.columns)
        players = (logs.reshape(-1), problem.reference("log_ref", log_ref, logs.shape), beta)
        gaps = _rust.duality_gaps(problem.argument, problem.ends(logs), players)
        single = problem.layout == "one" and logs.ndim == 1
    else:
        if offsets is not None:
            raise ShapeError("offsets must be None where log_opponent is given, got offsets")
        problem = _matrices(payoff)
        x = problem.policies("log_policy", log_policy, problem.rows)
        y = problem.policies("log_opponent", log_opponent, problem.columns)
        if x.shape[:-1] != y.shape[:-1]:
            raise ShapeError(f"log_opponent must be for the same games as log_policy, got {list(y.shape)}")
        row = (x.reshape(-1), problem.reference("log_ref", log_ref, x.shape), beta)
        column = (y.reshape(-1), problem.reference("log_ref_opponent", log_ref_opponent, y.shape), beta)
        gaps = _rust.pair_gaps(problem.argument[0], (problem.rows, problem.columns), row, column)
        single = x.ndim == 1
    return gaps[0] if single else gaps


def extragradient_step_size(beta: float, *, bound: float = 0.5) -> float:
    """Step size with which `extragradient` (EGPO) is proven to converge: its default.

    2 / (beta + sqrt(beta^2 + 4 bound^2))

    Args:
        beta: pull to the reference, >= 0.
        bound: largest |payoff - constant / 2|: 1/2 for win probabilities; `FactorPayoff.bound` in factor form.
    Returns: the step size.
    Raises: DomainError where beta and bound are both 0, or one is negative or not finite; TypeError.
    Source: Zhou et al., Extragradient Preference Optimization (2025); the constant is derived in the docs.

    >>> extragradient_step_size(0.0), extragradient_step_size(0.75)
    (2.0, 1.0)
    """
    beta, size = pull("beta", beta), _arrays.number("bound", bound)
    _arrays.refuse("bound", size, not 0 <= size < np.inf, "a finite number >= 0")
    _arrays.refuse("bound", size, beta == size == 0, "above 0 where beta is 0")
    return float(2 / (beta + np.hypot(beta, 2 * size)))


def beta_for_gap(log_ref: Any, *, gap: float) -> float:
    """Largest beta whose KL equilibrium keeps a wanted exploitability: a plain duality gap of at most `gap`.

    gap / (2 max_i -log_ref_i),  from  gap0(pi*) <= 2 beta (max_i -log_ref_i - KL(pi* || ref))

    It holds for every payoff, so a game may allow more. The gap is NashConv, twice OpenSpiel's exploitability.

    Args:
        log_ref: [n] log-probabilities of the reference in nats, finite: to an answer that the reference never gives
            no beta keeps a gap. They are normalized.
        gap: duality gap without the pull, > 0.
    Returns: beta; inf for a single answer.
    Raises: DomainError, ShapeError, TypeError.
    Source: derived: log BR at the equilibrium is its log-policy.

    >>> round(beta_for_gap([0.0, 0.0], gap=0.01), 6)
    0.007213
    """
    wanted = _arrays.number("gap", gap)
    _arrays.refuse("gap", wanted, not 0 < wanted < np.inf, "a finite number > 0")
    array = _arrays.floats("log_ref", log_ref)
    if array.ndim != 1 or not len(array):
        raise ShapeError(f"log_ref must be [n] with n >= 1, got shape {list(array.shape)}")
    _arrays.finite("log_ref", array)
    logs = _rust.normalized_policies("log_ref", array, np.array([0, len(array)], dtype=np.int64))
    rarest = float(-logs.min())
    return wanted / (2 * rarest) if rarest > 0 else np.inf


class _Problem(NamedTuple):
    """A payoff, square or not, and the shapes of the policies that fit it."""

    argument: tuple[Array, Ints, float, str, Floats | None]
    """As in `Games`; of matrices the values alone count."""
    layout: str
    batch: tuple[int, ...]
    """Shape of the policies but for their last axis."""
    rows: int
    columns: int
    """Length of the last axis."""

    def policies(self, name: str, values: Any, n: int) -> Floats:
        """Return normalized log-policies: one for each game, or [K, n] for one game."""
        array = _arrays.floats(name, values)
        many = self.layout == "one" and array.ndim == 2
        if array.shape != (*self.batch, n) and not (many and array.shape[1] == n):
            also = f" or [K, {n}]" if self.layout == "one" else ""
            raise ShapeError(f"{name} must have shape {[*self.batch, n]}{also}, got {list(array.shape)}")
        return self._normalized(name, array)

    def reference(self, name: str, values: Any, shape: tuple[int, ...]) -> Floats:
        """Return the normalized log-reference of the replies, flat: one for all, or one for each."""
        n = shape[-1]
        if values is None:
            lengths = np.diff(self.argument[1]) if self.layout == "ragged" else np.array([n])
            return np.repeat(-np.log(lengths), lengths)
        array = _arrays.floats(name, values)
        if array.shape not in {shape, (n,)}:
            raise ShapeError(f"{name} must have shape {list(shape)} or [{n}], got {list(array.shape)}")
        return self._normalized(name, array).reshape(-1)

    def _normalized(self, name: str, array: Floats) -> Floats:
        return _rust.normalized_policies(name, array.reshape(-1), self.ends(array)).reshape(array.shape)

    def ends(self, logs: Floats) -> Ints:
        """Boundaries of the policies."""
        if self.layout == "ragged":
            return self.argument[1]
        n = logs.shape[-1]
        return np.arange(0, logs.size + n, n, dtype=np.int64)


def _games(payoff: Any, offsets: Any) -> _Problem:
    argument, layout, shape = read(payoff, offsets)
    return _Problem(argument, layout, shape[:-1], shape[-1], shape[-1])


def _matrices(payoff: Any) -> _Problem:
    """Read [m, n] or [B, m, n] numbers, whose pairs need not sum to a constant."""
    array = _arrays.column("payoff", payoff)
    array = array.astype(np.float64) if array.dtype.kind == "i" else array
    if array.ndim not in {2, 3} or 0 in array.shape[-2:]:
        raise ShapeError(f"payoff must be [m, n] or [B, m, n], got shape {list(array.shape)}")
    _arrays.refuse("payoff", array, ~np.isfinite(array), "a finite number")
    *batch, rows, columns = array.shape
    argument = (array.reshape(-1), np.zeros(1, dtype=np.int64), 0.0, "dense", None)
    return _Problem(argument, "batch" if batch else "one", tuple(batch), rows, columns)

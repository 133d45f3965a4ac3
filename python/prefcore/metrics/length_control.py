"""Win rates as they would be at equal length."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._estimates import Floats, Shown, naming, settled, sigmoid
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics.regression import LogitFit, fit_logit

__all__ = ["LengthControlled", "length_controlled_win_rate"]


@dataclass(frozen=True, repr=False)
class LengthControlled(Shown):
    """A win rate without the part that goes with length."""

    rate: float
    """In [0, 1]."""
    std_error: float
    """Of the rate, robust: without length and difficulty it would be that of the mean outcome. NaN where
    rows are not more than coefficients, so that they fit exactly."""
    raw_rate: float
    """Mean outcome."""
    coef: Floats
    """[2] or [3]: intercept, length, difficulty."""
    converged: bool
    iterations: int
    residual: float
    """Largest absolute entry of the gradient / number of rows."""
    status: str
    """As that of `LogitFit`."""


def length_controlled_win_rate(
    outcomes: Any,
    lengths: Any,
    baseline_lengths: Any,
    *,
    difficulty: Any = None,
    ridge: float = 0.0,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> LengthControlled:
    """Win rate against a baseline as a logit predicts it for answers as long as the baseline's.

    p = sigmoid(theta + phi tanh(gap / sd(gap)) + psi difficulty),  gap = baseline length - length,  sd with N - 1
    rate = mean sigmoid(theta + psi difficulty)

    The official model also has an L1 penalty, rows of two baselines that game it, and difficulties of its own, so that
    published length-controlled rates come out within a point for some models and far off for others.

    Args:
        outcomes: [N] probabilities that the judge prefers the model, in [0, 1].
        lengths: [N] lengths of its answers, in characters, >= 0.
        baseline_lengths: [N] of the baseline's.
        difficulty: [N] of each prompt, in any unit; default none.
        ridge: weight of ridge/2 (phi^2 + psi^2), >= 0.
        tol: bound of the residual (see `fit_logit`).
        max_iter: most Newton steps.
        strict: whether to raise where the tolerance is not reached.
    Returns: LengthControlled(rate, std_error, raw_rate, coef, converged, iterations, residual, status).
    Raises: SeparationError, RankDeficientError, ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Length-Controlled AlpacaEval, Dubois et al. 2024 (arXiv 2404.04475), without the penalty of
        metrics/glm_winrate.py of tatsu-lab/alpaca_eval.

    >>> fit = length_controlled_win_rate([0.9, 0.6, 0.7, 0.2], [900, 500, 600, 300], [400, 500, 300, 500])
    >>> round(fit.raw_rate, 3), round(fit.rate, 3)
    (0.6, 0.496)
    """
    given = {"outcomes": outcomes, "lengths": lengths, "baseline_lengths": baseline_lengths}
    given |= {} if difficulty is None else {"difficulty": difficulty}
    y, own, baseline, *rest = columns = [_arrays.floats(name, values) for name, values in given.items()]
    _arrays.one_dimensional("outcomes", y)
    _arrays.same_shape(**dict(zip(given, columns, strict=True)))
    _arrays.refuse("outcomes", y, ~((y >= 0) & (y <= 1)), "a number in [0, 1]")
    gap = _arrays.finite("baseline_lengths", baseline, 0.0) - _arrays.finite("lengths", own, 0.0)
    if len(y) < 2:
        raise ShapeError(f"outcomes must have at least 2 rows, got {len(y)}")
    if (gap == gap[0]).all():
        raise DomainError(f"baseline_lengths - lengths must differ between rows, got {gap[0]:g} in all")
    level = np.column_stack(
        [np.ones_like(y), np.zeros_like(y), *(_arrays.finite("difficulty", column) for column in rest)]
    )
    x = level.copy()
    gap = _arrays.near_one(gap)  # squares of long gaps would overflow
    x[:, 1] = np.tanh(gap / gap.std(ddof=1))
    with naming("outcomes", ["length", "difficulty"]):
        fit = fit_logit(x[:, 1:], y, ridge=ridge, tol=tol, max_iter=max_iter, strict=False)
    return settled(_rate(fit, x, level, y, ridge), strict=strict, tol=tol)


def _rate(fit: LogitFit, x: Floats, level: Floats, y: Floats, ridge: float) -> LengthControlled:
    """The mean prediction at no difference in length, and its error by the delta method."""
    coef = np.concatenate([[fit.intercept], fit.coef])
    p, equal = sigmoid(x @ coef), sigmoid(level @ coef)
    penalty = np.diag([0.0, *(ridge for _ in fit.coef)])
    slope = (equal * (1 - equal)) @ level / len(y)
    direction = x @ np.linalg.solve((x.T * (p * (1 - p))) @ x + penalty, slope)
    error = float(np.linalg.norm(direction * (y - p))) if len(y) > len(coef) else np.nan
    rate, raw = float(equal.mean()), float(y.mean())
    return LengthControlled(rate, error, raw, coef, fit.converged, fit.iterations, fit.residual, fit.status)

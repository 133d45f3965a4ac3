"""RPS: robust preference selection by directional neighborhood consensus (arXiv 2510.20498)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Directions", "evaluate", "neighbors", "select"]


class Directions(NamedTuple):
    """Directions of preference near a target, nearest first."""

    angle: NDArray[np.float64]
    """[k] from the first axis, in degrees."""
    distance: NDArray[np.float64]
    """[k] to the target, in degrees."""
    vector: NDArray[np.float64]
    """[k, 2] (cos, sin) of the angles."""


def neighbors(
    target: Any, *, step: float = 5.0, low: float = -40.0, high: float = 40.0, theta_max: float = 30.0, k: int = 5
) -> Directions:
    """Directions of a grid that are nearest to what a user prefers.

    angle in {low, low + step, ..., high} with distance <= theta_max, the k of least distance

    The grid is fixed, so a target outside it has its neighbors on one side. Of equal distances the lower angle comes
    first.
    Distances are taken by atan2, where the arc cosine of the official code loses eight digits.

    Args:
        target: [2] weights of the two rewards, not both 0.
        step: of the grid, in degrees, > 0; at most a million steps from `low` to `high`.
        low: first angle.
        high: last angle, >= low.
        theta_max: largest distance, in degrees, >= 0.
        k: number of directions, >= 1.
    Returns: Directions(angle, distance, vector), fewer than k where fewer are near.
    Raises: ShapeError, DomainError, TypeError.
    Source: utils/directions.py of rcmao/robust-preference-alignment.

    >>> neighbors([0.7071, 0.7071], k=3).angle
    array([40., 35., 30.])
    """
    from prefcore.selection import top_k

    v = _target(target)
    k = _arrays.whole_number("k", k, 1, 2**31)
    given = {"step": step, "low": low, "high": high, "theta_max": theta_max}
    for name, value in given.items():
        given[name] = _arrays.number(name, value)
        _arrays.refuse(name, given[name], not np.isfinite(given[name]), "a finite number")
    step, low, high, theta_max = given.values()
    if not (step > 0 and high >= low and theta_max >= 0):
        came = f"step {step}, low {low}, high {high}, theta_max {theta_max}"
        raise DomainError(f"step must be > 0, high >= low and theta_max >= 0, got {came}")
    if high - low > 1e6 * step:
        raise DomainError(f"step must be at least (high - low) / 1e6 = {(high - low) / 1e6:g}, got {step}")
    angle = low + step * np.arange(np.floor((high - low) / step + 1e-9) + 1)
    vector = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], 1)
    cross = vector[:, 0] * v[1] - vector[:, 1] * v[0]
    distance = np.degrees(np.abs(np.arctan2(cross, vector @ v)))
    near = np.flatnonzero(distance <= theta_max)
    rows = near[top_k(-distance[near].round(9), k=k).rows]  # rounded: a tie of two sides is one whatever the last bit
    return Directions(angle[rows], distance[rows], vector[rows])


def select(rewards: Any, target: Any) -> NDArray[np.int64]:
    """The response that serves a target direction best, of those sampled for its neighbors.

    argmax_i target . rewards_i

    Args:
        rewards: [B, K, 2] rewards of K responses to each prompt.
        target: [2] weights of the two rewards, not both 0.
    Returns: int64 [B]; of equal responses the first.
    Raises: ShapeError, DomainError, TypeError.
    Source: RPS, the selection step.

    >>> select([[[0.8, 0.1], [0.4, 0.9]]], [0.8, 0.6])
    array([1])
    """
    r = _arrays.finite("rewards", _arrays.floats("rewards", rewards))
    if r.ndim != 3 or r.shape[1] == 0 or r.shape[2] != 2:
        raise ShapeError(f"rewards must be [B, K, 2] with K > 0, got {list(r.shape)}")
    return np.asarray((r @ (_arrays.near_one(_target(target)) / 2)).argmax(1))  # so that no sum overflows


def evaluate(scores: Any, baseline: Any) -> float:
    """Win rate of the selected responses against those of a baseline, ties half.

    Args:
        scores: [B] target . rewards of the responses that `select` picks.
        baseline: [B] the same of the baseline's.
    Returns: float in [0, 1]; NaN without a prompt. For an interval: `metrics.bootstrap_mean` of the outcomes.
    Raises: ShapeError, DomainError, TypeError.
    Source: RPS, its win rates; the credit for ties is derived.

    >>> evaluate([0.9, 0.5, 0.2, 0.7], [0.6, 0.5, 0.4, 0.1])
    0.625
    """
    from prefcore.metrics import pairwise_accuracy

    given = {"scores": scores, "baseline": baseline}
    ours, theirs = (_arrays.finite(name, _arrays.floats(name, values)) for name, values in given.items())
    _arrays.one_dimensional("scores", ours)
    _arrays.same_shape(scores=ours, baseline=theirs)
    return float(pairwise_accuracy(ours, theirs, ties=0.5))


def _target(target: Any) -> NDArray[np.float64]:
    v = _arrays.finite("target", _arrays.floats("target", target))
    if v.shape != (2,):
        raise ShapeError(f"target must be [2], got {list(v.shape)}")
    if not v.any():
        raise DomainError("target must have a direction, got [0, 0]")
    return v

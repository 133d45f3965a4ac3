"""SPHERE: self-evolved preference optimization for mathematical reasoning (arXiv 2503.04813). After a digest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["Paths", "loss", "route", "step_paths"]


class Paths(NamedTuple):
    """The best and the worst solution that are left when every step keeps two candidates."""

    best: NDArray[np.int64]
    """[T] candidate of each step."""
    worst: NDArray[np.int64]
    """[T]"""
    best_reward: NDArray[np.float64]
    """[T, E] reward of each candidate after the best path so far."""
    worst_reward: NDArray[np.float64]
    """[T, E] the same after the worst path."""


def step_paths(scores: Any, *, alpha: float = 1.0) -> Paths:
    """Best and worst path through the candidates of each step, by process reward and progress.

    reward_t = s_t + alpha (s_t - s of the step before), of which the path goes on with the highest (the lowest);
    reward_0 = s_0

    2 E T candidates are scored instead of E^T. The step before is common to the candidates of a step, so alpha moves
    the rewards and not the paths.

    Args:
        scores: [T, E] process rewards of E candidates at each of T steps.
        alpha: weight of the progress; the term is derived.
    Returns: Paths(best, worst, best_reward, worst_reward); of equal candidates the first.
    Raises: ShapeError, DomainError, TypeError.
    Source: SPHERE, pruning of the search tree.

    >>> step_paths([[0.6, 0.9, 0.2], [0.8, 0.1, 0.4]]).best
    array([1, 0])
    """
    s = _arrays.finite("scores", _arrays.floats("scores", scores))
    if s.ndim != 2 or s.shape[1] == 0:
        raise ShapeError(f"scores must be [T, E] with E > 0, got {list(s.shape)}")
    alpha = _arrays.number("alpha", alpha)
    _arrays.refuse("alpha", alpha, not np.isfinite(alpha), "a finite number")

    def rewards(path: NDArray[np.int64]) -> NDArray[np.float64]:
        before = np.take_along_axis(s[:-1], path[:-1, None], 1)
        return np.concatenate([s[:1], s[1:] + alpha * (s[1:] - before)])

    best, worst = s.argmax(1), s.argmin(1)
    return Paths(best, worst, rewards(best), rewards(worst))


def route(best_correct: Any, worst_correct: Any) -> NDArray[np.int8]:
    """Where the two solutions of a problem go, by whether their final answers are right.

    0 (right, wrong): a pair; 1 (wrong, wrong): self-correction; 2 (right, right): diversify with the small model;
    3 (wrong, right): drop

    Args:
        best_correct: bool [N], of the best path.
        worst_correct: bool [N], of the worst one.
    Returns: int8 [N].
    Raises: ShapeError, TypeError.
    Source: SPHERE, its three stages; the last route is derived.

    >>> route([True, False, True, False], [False, False, True, True])
    array([0, 1, 2, 3], dtype=int8)
    """
    best, worst = _arrays.mask("best_correct", best_correct), _arrays.mask("worst_correct", worst_correct)
    _arrays.one_dimensional("best_correct", best)
    _arrays.same_shape(best_correct=best, worst_correct=worst)
    return np.asarray(np.array([[1, 3], [0, 2]], dtype=np.int8)[best.astype(int), worst.astype(int)])


def loss(chosen: Tensor, rejected: Tensor, *, beta: Num) -> Tensor:
    """`losses.dpo` on the best and the worst solution of a problem, or on an error and its correction.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred solutions, sums over tokens, in nats.
        rejected: [B] log-ratios of the others.
        beta: strength of the pull to the reference, > 0; float or [B]. No source names the paper's.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: SPHERE, the loss of its three stages.

    >>> loss(torch.tensor([2.0]), torch.tensor([0.0]), beta=0.5)
    tensor([0.3133])
    """
    from prefcore.losses import dpo

    return dpo(chosen, rejected, beta=beta)

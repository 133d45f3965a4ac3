"""Value drifts: tracing value alignment during post-training (arXiv 2510.26707)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drift", "drift", "values"]


class Drift(NamedTuple):
    """How far each stance has moved, and when."""

    magnitude: NDArray[np.float64]
    """[K] last value minus the first; sums to 0."""
    time: NDArray[np.float64]
    """[K] share of training until the value was (almost) as far as it ever got; 0 where it never moved."""


def values(stance: Any) -> NDArray[np.float64]:
    """Expected stance of a model on a topic.

    v_k = mean over prompts x and answers y of p(stance k | x, y)

    Args:
        stance: [X, G, K] probabilities by a judge of each stance (support, neutral, oppose), for G answers to each of X
            prompts; each row sums to 1 within 1e-6.
    Returns: float64 [K].
    Raises: ShapeError, DomainError, TypeError.
    Source: Value Drifts, after notes on the paper.

    >>> values([[[0.9, 0.1, 0.0], [0.7, 0.2, 0.1]]])
    array([0.8 , 0.15, 0.05])
    """
    p = _arrays.finite("stance", _arrays.floats("stance", stance), 0.0)
    if p.ndim != 3 or p.size == 0:
        raise ShapeError(f"stance must be [X, G, K], none of them 0, got {list(p.shape)}")
    with np.errstate(over="ignore"):
        total = p.sum(2)
    _arrays.refuse("sums of stance", total, np.abs(total - 1) > 1e-6, "1")  # as a judge in float32 gives them
    return np.asarray(p.mean((0, 1)))


def drift(values: Any, steps: Any, *, share: float = 0.95) -> Drift:
    """Magnitude and time of the drift of each stance over checkpoints.

    magnitude = v_last - v_first
    time = (t - t_first) / (t_last - t_first), t the first step at which v - v_first reaches `share` of its extremum

    Args:
        values: [S, K] value of each stance at each checkpoint.
        steps: [S] training steps of the checkpoints, rising.
        share: of the largest deviation, in (0, 1]; whether the paper takes 0.95 or 1 is uncertain.
    Returns: Drift(magnitude, time).
    Raises: ShapeError, DomainError, TypeError.
    Source: Value Drifts, after notes on the paper.

    >>> drift([[0.5, 0.5], [0.7, 0.3], [0.6, 0.4]], [0, 100, 400]).time
    array([0.25, 0.25])
    """
    v = _arrays.finite("values", _arrays.floats("values", values))
    t = _arrays.finite("steps", _arrays.column("steps", steps))
    if v.ndim != 2 or t.ndim != 1 or len(v) != len(t) or len(v) == 0:
        expected = "values must be [S, K] and steps [S], with S > 0"
        raise ShapeError(f"{expected}, got {list(v.shape)} and {list(t.shape)}")
    if (falls := t[1:] <= t[:-1]).any():
        place = int(falls.argmax()) + 1
        raise DomainError(f"steps[{place}] must be above steps[{place - 1}] = {t[place - 1]}, got {t[place]}")
    share = _arrays.number("share", share)
    _arrays.refuse("share", share, not 0 < share <= 1, "in (0, 1]")
    with np.errstate(over="ignore"):
        moved = _arrays.finite("(values - values[0])", v - v[0])
    extreme = np.take_along_axis(moved, np.abs(moved).argmax(0)[None], 0)[0]
    reached = (moved * np.sign(extreme) >= share * np.abs(extreme)).argmax(0)
    # Steps rise: as uint64 the difference of any two int64 is exact.
    since = (t.astype(np.int64) - t[0]).view(np.uint64) if t.dtype.kind == "i" else t / 2 - t[0] / 2
    return Drift(moved[-1], since[reached] / (since[-1] if len(t) > 1 else 1.0))

"""Payoffs from what users hold: judgments in both orders, and embeddings of general preference models."""

from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore._estimates import Floats
from prefcore.errors import DomainError, ShapeError
from prefcore.games.forms import FactorPayoff, planar

__all__ = ["gpm_matvec", "gpm_preferences", "gpm_scores", "symmetrize"]


def symmetrize(payoff: Any, *, constant: float = 1.0) -> Array:
    """Make a preference matrix of one that is judged in both orders (position bias): average i, j with j, i.

    (payoff + constant - payoff^T) / 2

    Args:
        payoff: [n, n] or [B, n, n], payoff[i, j] = how much i is preferred to j; float32 stays float32.
        constant: what a pair of payoffs shall sum to: 1 for win probabilities, 0 for margins.
    Returns: the payoff in its shape, with constant / 2 on the diagonal.
    Raises: DomainError, ShapeError, TypeError.
    Source: definition.

    >>> symmetrize([[0.5, 0.75], [0.5, 0.5]])
    array([[0.5  , 0.625],
           [0.375, 0.5  ]])
    """
    array = _arrays.column("payoff", payoff)
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    if array.ndim not in {2, 3} or array.shape[-1] != array.shape[-2]:
        raise ShapeError(f"payoff must be [n, n] or [B, n, n], got shape {list(array.shape)}")
    total = _arrays.number("constant", constant)
    _arrays.refuse("constant", total, not np.isfinite(total), "a finite number")
    _arrays.refuse("payoff", array, ~np.isfinite(array), "a finite number")
    half = array / 2  # first, so that no difference overflows; in this order the diagonal is exact
    with np.errstate(over="ignore"):
        even = np.asarray(half - half.swapaxes(-1, -2) + total / 2)
    _arrays.refuse("payoff", array, ~np.isfinite(even), f"so small that its average fits {even.dtype}")
    return even


def gpm_scores(embeddings: Any, *, gate: Any = None) -> Floats:
    """Scores of all answers over one another under a general preference model (GPM), as a payoff with constant 0.

    S_ij = sum_l gate_l (v_i,2l v_j,2l+1 - v_i,2l+1 v_j,2l)

    Skew-symmetric to the bit. `FactorPayoff` is the same game without the matrix; `scores.gpm_scores` is the same on
    tensors, with a gradient.

    Args:
        embeddings: [n, 2k] embeddings of the answers.
        gate: [k] weights of the planes; default 1 each.
    Returns: [n, n] float64 scores, row over column.
    Raises: DomainError, ShapeError, TypeError.
    Source: General Preference Modeling (Zhang et al. 2024, arXiv 2410.02197).

    >>> gpm_scores([[1.0, 0.0], [0.0, -1.0]])
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    factors = FactorPayoff(embeddings, gate)
    planes = factors.embeddings.reshape(factors.n, -1, 2).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        product = (planes[..., 0] * factors.gate) @ planes[..., 1].T
        scores = np.asarray(product - product.T)
    if not (fits := np.isfinite(scores).all(axis=1)).all():
        row = int(np.argmin(fits))
        came = f"a largest entry of {np.abs(planes[row]).max():.3g}"
        raise DomainError(f"embeddings[{row}] must be so small that scores fit float64, got {came}")
    return scores


def gpm_preferences(embeddings: Any, *, tau: float, gate: Any = None) -> Floats:
    """Win probabilities of all answers over one another under a general preference model (GPM).

    P_ij = sigmoid(S_ij / tau) = 1/2 + tanh(S_ij / (2 tau)) / 2,  S = gpm_scores(embeddings, gate)

    Args:
        embeddings: [n, 2k] embeddings of the answers.
        tau: divides the scores, > 0; 0.1 in the official code where k = 1.
        gate: [k] weights of the planes; default 1 each.
    Returns: [n, n] float64, P_ij + P_ji = 1 to the bit, with 1/2 on the diagonal; absolute accuracy 1e-16.
    Raises: DomainError, ShapeError, TypeError.
    Source: General Preference Modeling (Zhang et al. 2024, arXiv 2410.02197).

    >>> gpm_preferences([[1.0, 0.0], [0.0, -1.0]], tau=1.0).round(4)
    array([[0.5   , 0.2689],
           [0.7311, 0.5   ]])
    """
    temperature = _arrays.number("tau", tau)
    _arrays.refuse("tau", temperature, not 0 < temperature < np.inf, "a finite number > 0")
    with np.errstate(over="ignore"):  # a score that is infinitely many tau is won for certain
        return np.asarray(0.5 + 0.5 * np.tanh(gpm_scores(embeddings, gate=gate) / temperature / 2))


def gpm_matvec(embeddings: Any, policy: Any, *, gate: Any = None) -> Floats:
    """Scores of all answers against a policy under a general preference model (GPM), without the n x n matrix.

    S pi = V J V^T pi,  J = blocks [[0, gate_l], [-gate_l, 0]];   O(n k)

    Args:
        embeddings: [n, 2k] embeddings of the answers, float32 or float64; sums are float64.
        policy: [n] probabilities, or any weights.
        gate: [k] weights of the planes; default 1 each.
    Returns: [n] float64, the mean score of each answer over those that the policy gives.
    Raises: DomainError, ShapeError, TypeError.
    Source: General Preference Modeling (Zhang et al. 2024, arXiv 2410.02197), eq. of the score against a policy.

    >>> gpm_matvec([[1.0, 0.0], [0.0, -1.0]], [0.25, 0.75])
    array([-0.75,  0.25])
    """
    factors, planes = planar(embeddings, gate)
    weights = _arrays.floats("policy", policy)
    if weights.shape != (len(factors),):
        raise ShapeError(f"policy must have shape [{len(factors)}], one weight an answer, got {list(weights.shape)}")
    return _rust.gpm_matvec(factors.reshape(-1), planes, weights)

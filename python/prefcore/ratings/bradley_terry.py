"""Ratings by maximum likelihood: Bradley-Terry, with ties of their own, and with features held fixed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._estimates import Floats, limits, matrix, settled
from prefcore.errors import DomainError, RankDeficientError, SeparationError, ShapeError
from prefcore.ratings._existence import listed, refuse_separation
from prefcore.ratings._likelihood import Duels, Games, Likelihood, Model, games_of
from prefcore.ratings._results import RatingResult
from prefcore.ratings.comparisons import Comparisons, required

__all__ = ["bradley_terry", "contextual_bradley_terry", "davidson", "rao_kupper"]


def bradley_terry(
    comparisons: Comparisons,
    *,
    ridge: float = 0.0,
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> RatingResult:
    """Bradley-Terry ratings (Zermelo): strengths of models, players or responses from who beat whom.

    max  sum w log sigmoid(theta_i - theta_j) - ridge/2 sum theta^2,   i the winner; a tie is half a win for each

    The maximum exists where every item can be reached from every other by wins and ties, and has then mean 0; with a
    ridge it always exists. `elo_scale` turns theta into Elo points.

    Args:
        comparisons: of n items.
        ridge: weight of the penalty, >= 0.
        init: [n] where theta starts; None: 0, also where the likelihood is flat at what is given.
        tol: bound of `residual`, the largest absolute entry of the gradient / total weight, checked after one more
            step.
        max_iter: most Newton steps; O(pairs + n^3) each to n = 2000, above by conjugate gradients.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: RatingResult(theta [n], ...).
    Raises: SeparationError naming the items that never lost or never won, ConvergenceError, DomainError, ShapeError,
        TypeError.
    Source: Zermelo (1929); Bradley and Terry (1952); existence: Ford (1957).

    >>> wins = Comparisons.from_matrix([[0, 3, 4], [1, 0, 2], [2, 2, 0]], names=["a", "b", "c"])
    >>> bradley_terry(wins)  # doctest: +ELLIPSIS
    RatingResult: 3 items, 14 comparisons
    a: 0.5743
    c: -0.2205
    b: -0.3539
    loglik -8.86791
    converged: residual ... after 5 iterations
    """
    return _fitted("bradley_terry", comparisons, ridge, init, (tol, max_iter), strict)


def davidson(
    comparisons: Comparisons,
    *,
    ridge: float = 0.0,
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> RatingResult:
    """Bradley-Terry ratings with ties as a third outcome, after Davidson (evalica's Newman, nu = 2v).

    p(i wins) : p(j wins) : p(tie) = p_i : p_j : nu sqrt(p_i p_j),   p = exp(theta)

    `tie_parameter` is nu. Without ties nu = 0, and theta is that of `bradley_terry`.

    Args:
        comparisons: of n items; an outcome strictly between 0 and 1 that is not 1/2 counts as part win, part loss.
        ridge: weight of ridge/2 sum theta^2, >= 0; it does not count nu.
        init: [n] where theta starts; None: 0, also where the likelihood is flat at what is given.
        tol: bound of `residual`; the gradient is by theta and log nu. See `bradley_terry`.
        max_iter: most Newton steps.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: RatingResult(theta [n], tie_parameter, ...).
    Raises: SeparationError where there is no maximum: as in `bradley_terry`, where all comparisons are ties, or where
        wins and ties can grow likely together; ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Davidson, On extending the Bradley-Terry model to accommodate ties (1970).

    >>> games = Comparisons.from_matrix([[0, 3], [1, 0]], ties=[[0, 2], [2, 0]])
    >>> result = davidson(games)
    >>> result.theta.round(4), round(result.tie_parameter, 4)
    (array([ 0.5493, -0.5493]), 1.1547)
    """
    return _with_ties("davidson", comparisons, ridge, init, (tol, max_iter), strict)


def rao_kupper(
    comparisons: Comparisons,
    *,
    ridge: float = 0.0,
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> RatingResult:
    """Bradley-Terry ratings with a threshold below which a difference is a tie, after Rao and Kupper.

    p(i beats j) = p_i / (p_i + kappa p_j),  kappa >= 1,   p = exp(theta);   what is left is p(tie)

    `tie_parameter` is kappa. Without ties kappa = 1, and theta is that of `bradley_terry`.

    Args:
        comparisons: of n items; an outcome strictly between 0 and 1 that is not 1/2 counts as part win, part loss.
        ridge: weight of ridge/2 sum theta^2, >= 0; it does not count kappa.
        init: [n] where theta starts; None: 0, also where the likelihood is flat at what is given.
        tol: bound of `residual`; the gradient is by theta and log kappa. See `bradley_terry`.
        max_iter: most Newton steps.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: RatingResult(theta [n], tie_parameter, ...).
    Raises: SeparationError where there is no maximum: as in `bradley_terry`, where all comparisons are ties, or where
        wins and ties can grow likely together; ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Rao and Kupper, Ties in paired-comparison experiments (1967).

    >>> games = Comparisons.from_matrix([[0, 3], [1, 0]], ties=[[0, 2], [2, 0]])
    >>> result = rao_kupper(games)
    >>> result.theta.round(4), round(result.tie_parameter, 4)
    (array([ 0.4024, -0.4024]), 2.2361)
    """
    return _with_ties("rao_kupper", comparisons, ridge, init, (tol, max_iter), strict)


def contextual_bradley_terry(
    first: Any,
    second: Any,
    outcomes: Any,
    features: Any,
    *,
    n_items: int | None = None,
    weights: Any = None,
    clusters: Any = None,
    ridge: float = 0.0,
    ridge_features: float = 0.0,
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> RatingResult:
    """Bradley-Terry ratings with style control: what is left of strength when length, markdown or order are held fixed.

    p(first wins) = sigmoid(theta_first - theta_second + features coef)

    Features are differences, first minus second, so that exchanging the responses changes their sign; a column of ones
    is the advantage of standing first.

    Args:
        first: [M] items, 0 to n_items - 1.
        second: [M] their opponents.
        outcomes: [M] score of `first`: 1 won, 0 lost, 1/2 tie, or another number in [0, 1].
        features: [M, F], or [M] for one column, within 1e100; the coefficients are `feature_coef`.
        n_items: number of items; None: the highest + 1.
        weights: [M] weight of each row, >= 0; None: 1.
        clusters: [M] integers or strings; rows that are alike belong together in robust errors.
        ridge: weight of ridge/2 sum theta^2, >= 0; with 0, theta has mean 0.
        ridge_features: weight of ridge_features/2 sum coef^2, >= 0.
        init: [n_items] where theta starts; None: 0. The coefficients start at 0.
        tol: bound of `residual`, the largest absolute entry of the gradient / total weight, in the units given; checked
            after one more step.
        max_iter: most Newton steps, of O(M F^2 + n^3) each.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: RatingResult(theta [n_items], feature_coef [F], ...).
    Raises: SeparationError, RankDeficientError where a feature depends on the items or on others (`columns`),
        ConvergenceError, DomainError, ShapeError, TypeError.
    Source: style control of LMArena (lm-sys/FastChat); arena-rank.

    >>> first, second, outcomes = [0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 1, 0]
    >>> longer = [1.0, 0.5, -0.5, 0.0, -1.0, 1.0]
    >>> result = contextual_bradley_terry(first, second, outcomes, longer)
    >>> result.theta.round(4), result.feature_coef.round(4)
    (array([ 0.3058, -0.3058]), array([-0.2593]))
    """
    x = matrix("features", features)
    if x.shape[1] == 0:
        raise ShapeError("features must have at least one column, got none; bradley_terry needs no features")
    compared = Comparisons.from_outcomes(
        first, second, outcomes, n_items=n_items, weights=weights, clusters=clusters
    )  # for its checks, and for whether a rating exists
    i, j = _arrays.integers("first", first), _arrays.integers("second", second)
    y = _arrays.floats("outcomes", outcomes)
    if len(x) != len(y):
        raise ShapeError(f"features must have {len(y)} rows like outcomes, got {len(x)}")
    _arrays.refuse("features", x, ~(np.abs(x) <= 1e100), "a number within 1e100")
    w = np.ones(len(y)) if weights is None else _arrays.floats("weights", weights)
    group = None if clusters is None else np.unique(_arrays.codes("clusters", clusters), return_inverse=True)[1]
    duels = Duels(compared.n_items, i, j, w * y, w * (1 - y), np.zeros(len(y)), np.ascontiguousarray(x))
    games = partial(Games, duels._replace(wins=y, losses=1 - y), w, np.ones(len(y)), group)
    penalties = _penalty("ridge", ridge), _penalty("ridge_features", ridge_features)
    if penalties[0] == 0:
        refuse_separation(compared)
    return _solved("bradley_terry", duels, (int((w > 0).sum()), games), penalties, init, limits(tol, max_iter), strict)


def _with_ties(
    model: Model, comparisons: Comparisons, ridge: float, init: Any, limit: tuple[float, int], strict: bool
) -> RatingResult:
    """Without ties the maximum lies on the boundary, where the model is Bradley-Terry's."""
    required(comparisons)
    if not comparisons.ties.any():
        result = _fitted("bradley_terry", comparisons, ridge, init, limit, strict)
        return replace(result, tie_parameter=0.0 if model == "davidson" else 1.0)
    if not (comparisons.wins.any() or comparisons.losses.any()):
        raise SeparationError(
            f"comparisons must not all be ties: the tie parameter of {model} would be infinite; bradley_terry takes "
            "them as half a win for each",
            names=comparisons.names,
        )
    return _fitted(model, comparisons, ridge, init, limit, strict)


def _fitted(
    model: Model, comparisons: Comparisons, ridge: float, init: Any, limit: tuple[float, int], strict: bool
) -> RatingResult:
    required(comparisons)
    penalty = _penalty("ridge", ridge)
    if penalty == 0:
        refuse_separation(comparisons)
    counts = comparisons.wins, comparisons.losses, comparisons.ties
    cells = Duels(comparisons.n_items, comparisons.first, comparisons.second, *counts)
    number = int(comparisons._units.count.sum())
    games = partial(games_of, comparisons)
    return _solved(model, cells, (number, games), (penalty, 0.0), init, limits(*limit), strict, comparisons.names)


def _solved(
    model: Model,
    duels: Duels,
    games: tuple[int, Callable[[], Games]],
    ridges: tuple[float, float],
    init: Any,
    limit: tuple[float, int],
    strict: bool,
    names: tuple[str, ...] | None = None,
) -> RatingResult:
    start = None if init is None else _arrays.finite("init", _arrays.floats("init", init))
    if start is not None and start.shape != (duels.n_items,):
        raise ShapeError(f"init must have shape [{duels.n_items}] like the items, got {list(start.shape)}")
    found = _rust.fit_ratings(model, duels, start, (*ridges, *limit))
    if start is not None and found[6] == "stalled":  # so far out that the likelihood is flat there
        found = _rust.fit_ratings(model, duels, None, (*ridges, *limit))
    theta, extra, loglik, converged, iterations, residual, status, endless, dependent = found
    if dependent:
        raise RankDeficientError(
            f"features column{_numbers(dependent)} must not depend on the items or on the others; drop, or give "
            "ridge_features > 0",
            columns=dependent,
        )
    if len(endless):
        raise _endless(endless, duels, names)
    own = 0.0 if model != "bradley_terry" else ridges[1]
    penalty = np.concatenate([np.full(len(theta), ridges[0]), np.full(len(extra), own)])
    result = RatingResult(
        theta=theta,
        names=names,
        loglik=loglik,
        tie_parameter=float(np.exp(extra[0])) if model != "bradley_terry" else None,
        feature_coef=None if duels.features is None else extra,
        ridge=ridges[0],
        n_comparisons=games[0],
        converged=converged,
        iterations=iterations,
        residual=residual,
        status=status,
        _evidence=Likelihood(model, theta, extra, duels, games[1], penalty),
    )
    small = f"; ridge = {ridges[0]:g} may be too small to be told from rounding" if ridges[0] > 0 else ""
    return settled(result, strict=_arrays.flag("strict", strict), tol=limit[0], advice=small)


def _endless(direction: Floats, duels: Duels, names: tuple[str, ...] | None) -> SeparationError:
    n = duels.n_items
    moves = np.abs(direction) > 1e-3 * np.abs(direction).max()
    items, columns = np.flatnonzero(moves[:n]), np.flatnonzero(moves[n:])
    what = [f"the ratings of {listed(items, names)}"] if len(items) else []
    if duels.features is None:
        what.append("the tie parameter")
        advice = "drop_ties() or bradley_terry has a finite one"
    else:
        what += [f"the coefficients of features column{_numbers(columns)}"] if len(columns) else []
        advice = "give ridge or ridge_features > 0"
    text = f"comparisons have no finite fit: {' and '.join(what)} would be infinite; {advice}"
    return SeparationError(text, direction=direction, names=names)


def _numbers(columns: Any) -> str:
    """3, or s 0, 2."""
    return f"{'' if len(columns) == 1 else 's'} {', '.join(str(int(column)) for column in columns)}"


def _penalty(name: str, value: Any) -> float:
    ridge = _arrays.number(name, value)
    if not 0 <= ridge <= 1e100:
        raise DomainError(f"{name} must be a number in [0, 1e100], got {ridge}")
    return ridge

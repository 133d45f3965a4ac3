"""Conditional logit: choices among sets of alternatives with numeric attributes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats, limits, matrix, settled
from prefcore.conjoint import _columns
from prefcore.conjoint._answers import weights_of
from prefcore.errors import DomainError, RankDeficientError, SeparationError, ShapeError

__all__ = ["ChoiceModel", "choice_probabilities", "conditional_logit"]

#: part of the largest entry of a direction below which a column is not named
SMALL = 1e-3
#: lines of coefficients in a repr
SHOWN = 8


@dataclass(frozen=True, repr=False, eq=False)
class ChoiceModel:
    """A conditional logit."""

    coef: Floats
    """[F]"""
    std_error: Floats
    """[F] roots of the diagonal of `covariance`."""
    covariance: Floats
    """[F, F] of the form `vcov`; under a ridge around the penalized estimate, which is biased."""
    loglik: float
    """Without the penalty."""
    names: tuple[str, ...]
    """[F] of the columns."""
    vcov: str
    n_sets: int
    """Sets of positive weight."""
    n_clusters: int
    """Clusters of such sets."""
    converged: bool
    iterations: int
    residual: float
    """Newton decrement / total weight."""
    status: str
    """converged, floor (as far as rounding lets it), max_iter or stalled."""

    def predict(self, features: Any, offsets: Any) -> Floats:
        """Return the probability that each alternative is chosen from its set.

        Args:
            features: [N, F]
            offsets: [T + 1] boundaries of the sets.
        Returns: [N]
        Raises: DomainError, ShapeError, TypeError.
        """
        x = _arrays.finite("features", matrix("features", features))
        if x.shape[1] != len(self.coef):
            raise ShapeError(f"features must have {len(self.coef)} columns like coef, got {x.shape[1]}")
        return choice_probabilities(x @ self.coef, offsets)

    def __repr__(self) -> str:
        """Coefficients with their errors, then how the fit ended."""
        rows = zip(self.names, self.coef.tolist(), self.std_error.tolist(), strict=True)
        lines = [f"{name}: {coef:.4g} ({error:.2g})" for name, coef, error in rows]
        more = [f"(and {len(lines) - SHOWN} more)"] if len(lines) > SHOWN else []
        return "\n".join(
            [
                f"ChoiceModel: {self.n_sets} sets, loglik {self.loglik:.6g}",
                *lines[:SHOWN],
                *more,
                f"errors {self.vcov}, {self.n_clusters} clusters",
                f"{self.status}: residual {self.residual:.3g} after {self.iterations} iterations",
            ]
        )


def conditional_logit(
    features: Any,
    offsets: Any,
    chosen: Any,
    *,
    names: Sequence[str] | None = None,
    clusters: Any = None,
    weights: Any = None,
    ridge: Any = 0.0,
    vcov: str = "CR1",
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> ChoiceModel:
    """Conditional logit (McFadden's, multinomial logit of attributes) of choices from sets of any size.

    max  sum_t w_t [x_chosen(t) coef - log sum_(j in t) exp(x_j coef)] - sum_f ridge_f coef_f^2 / 2

    Only differences within a set count: an attribute that all alternatives share drops out, so that an intercept is a
    column of 1 for one of the alternatives and 0 for the others. A plain logit of x is one of pairs [x, 0]. Profiles of
    levels need no columns in `fit_outcome_logit`, whose model goes into policies and games.

    Args:
        features: [N, F] attributes, one row per alternative; [N] for one column; within +-1e150.
        offsets: [T + 1] boundaries of the sets.
        chosen: [T] integers, the place of the chosen row in its set from 0; or [N] marks, 1 or True for the chosen row
            of each set, 0 for the others.
        names: [F] names of the columns, for errors; default "x0", "x1", ...
        clusters: [T] integers or strings whose sets depend on each other, as of one respondent; default each its own.
        weights: [T] >= 0; sets of weight 0 do not count at all.
        ridge: weight of the penalty, >= 0; a number, or one per column.
        vcov: form of the covariance: "CR0", "survey" (CR0 G/(G-1)), "CR1" (survey (T-1)/(T-F); statsmodels, Stata), by
            cluster; "HC1" by set, T/(T-F); "classical", the inverse Hessian of the objective.
        init: [F] where the iteration starts; default 0.
        tol: bound of `residual`, the Newton decrement / total weight, checked before one more step.
        max_iter: most Newton steps, O(N F^2) each.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: ChoiceModel(coef, std_error, covariance, loglik, names, vcov, n_sets, n_clusters, converged, iterations,
        residual, status).
    Raises: SeparationError where some direction makes no choice less likely, with `direction` (its largest entry 1 or
        -1) and `names` of the columns in it; RankDeficientError with the names of `columns` that depend on others
        within the sets; ConvergenceError, DomainError, ShapeError, TypeError.
    Source: McFadden, Conditional logit analysis of qualitative choice behavior (1974).

    >>> conditional_logit([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0, 2, 4, 6], [0, 0, 1]).coef.round(4)
    array([0.6931])
    """
    x = matrix("features", features)
    ends = _arrays.integers("offsets", offsets)
    _rust.validate_offsets(ends, len(x))
    sets, columns = len(ends) - 1, x.shape[1]
    places = _places(chosen, ends, len(x))
    labels = _names(names, columns)
    w = None if weights is None else weights_of("weights", weights)
    penalty = _arrays.finite("ridge", _arrays.floats("ridge", ridge), 0.0)
    start = None if init is None else _arrays.finite("init", _arrays.floats("init", init))
    for name, array, length, like in (
        ("weights", w, sets, "the sets"),
        ("ridge", penalty if penalty.ndim else None, columns, "the columns"),
        ("init", start, columns, "the columns"),
    ):
        if array is not None and array.shape != (length,):
            raise ShapeError(f"{name} must have length {length} like {like}, got shape {list(array.shape)}")
    _arrays.one_of("vcov", vcov, "CR0", "CR1", "survey", "HC1", "classical")
    who = _clusters(clusters, sets)
    counted = np.ones(sets, dtype=np.bool_) if w is None else w > 0
    n_sets, n_clusters = int(counted.sum()), len(np.unique(who[counted]))
    factor = _factor(vcov, n_sets, n_clusters, columns)
    tol, max_iter = limits(tol, max_iter)
    choices = x, ends, places, w, np.broadcast_to(penalty, (columns,)).copy()
    fit = _rust.fit_choices(choices, start, (tol, max_iter))
    coef, inverse, loglik, converged, iterations, residual, status, endless, dependent = fit
    _refuse(endless, dependent, labels)
    covariance = inverse.reshape(columns, columns)
    if vcov != "classical":
        order = np.argsort(who, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(who))])
        if vcov == "HC1":
            order, bounds = np.arange(sets), np.arange(sets + 1)
        squares = _rust.choice_score_products(choices, coef, order, bounds).reshape(columns, columns)
        covariance = covariance @ squares @ covariance * factor
    model = ChoiceModel(
        coef=coef,
        std_error=np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        covariance=covariance,
        loglik=loglik,
        names=labels,
        vcov=vcov,
        n_sets=n_sets,
        n_clusters=n_clusters,
        converged=converged,
        iterations=iterations,
        residual=residual,
        status=status,
    )
    return settled(model, strict=_arrays.flag("strict", strict), tol=tol)


def choice_probabilities(utility: Any, offsets: Any) -> Floats:
    """Choice probabilities: the softmax of the utilities of each set, the largest taken out so that nothing overflows.

    p_j = exp(u_j) / sum_(k in the set) exp(u_k)

    Args:
        utility: [N] numbers, -inf for what cannot be chosen; or [T, J] with offsets None, a set in each row.
        offsets: [T + 1] boundaries of the sets.
    Returns: probabilities of the shape of `utility`; each set adds up to 1.
    Raises: DomainError, ShapeError, TypeError.
    Source: McFadden, Conditional logit analysis of qualitative choice behavior (1974).

    >>> choice_probabilities([800.0, 799.0, -500.0, 1.0], [0, 3, 4]).round(4)
    array([0.7311, 0.2689, 0.    , 1.    ])
    """
    grouped = _arrays.grouped(offsets, utility=utility)
    values = grouped.columns[0].astype(np.float64, copy=False)
    return _rust.choice_probabilities(values, grouped.offsets).reshape(grouped.shape)


def _places(chosen: Any, ends: Ints, n_rows: int) -> Ints:
    """Place of the chosen row in each set, from either form."""
    given = _arrays.to_numpy("chosen", chosen)
    sets = len(ends) - 1
    if given.shape == (sets,) and given.dtype.kind in "iu":
        return _arrays.integers("chosen", given)
    if given.shape != (n_rows,):
        raise ShapeError(
            f"chosen must hold {sets} integer places, one per set, or {n_rows} marks like the rows, "
            f"got shape {list(given.shape)} of dtype {given.dtype}"
        )
    marks = _arrays.floats("chosen", given)
    _arrays.refuse("chosen", marks, (marks != 0) & (marks != 1), "0 or 1 where it marks rows")
    counts = np.diff(np.concatenate([[0.0], np.cumsum(marks)])[ends])
    if (other := counts != 1).any():
        at = int(np.argmax(other))
        raise DomainError(f"chosen must mark one row of each set, got {int(counts[at])} in set {at}")
    return np.flatnonzero(marks) - ends[:-1]


def _names(names: Any, columns: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"x{f}" for f in range(columns))
    if isinstance(names, str):
        raise TypeError(f"names must be one name per column, got {names!r}")
    labels = tuple(map(str, names))
    if len(labels) != columns:
        raise ShapeError(f"names must have length {columns} like the columns of features, got {len(labels)}")
    twice = [j for j, label in enumerate(labels) if label in labels[:j]]
    if twice:
        raise DomainError(f"names[{twice[0]}] must differ from the names before it, got {labels[twice[0]]!r} again")
    return labels


def _clusters(clusters: Any, sets: int) -> Ints:
    if clusters is None:
        return np.arange(sets)
    who, _ = _columns.ids("clusters", clusters)
    if who.shape != (sets,):
        raise ShapeError(f"clusters must have length {sets} like the sets, got {len(who)}")
    return who


def _factor(vcov: str, n_sets: int, n_clusters: int, columns: int) -> float:
    """What corrects the sandwich for few clusters and sets."""
    if n_sets == 0:
        raise ShapeError("offsets must hold at least one set of positive weight, got none")
    if vcov in {"CR0", "classical"}:
        return 1.0
    if vcov != "HC1" and n_clusters < 2:
        raise DomainError(f"clusters must be at least 2 for vcov = {vcov!r}, got {n_clusters}")
    if vcov == "survey":
        return n_clusters / (n_clusters - 1)
    if n_sets <= columns:
        raise DomainError(
            f"offsets must hold more sets than columns for vcov = {vcov!r}, got {n_sets} sets and {columns} columns"
        )
    if vcov == "HC1":
        return n_sets / (n_sets - columns)
    return n_clusters / (n_clusters - 1) * (n_sets - 1) / (n_sets - columns)


def _refuse(endless: Floats, dependent: Sequence[int], labels: Sequence[str]) -> None:
    if len(dependent) > 0:
        names = tuple(labels[column] for column in dependent)
        raise RankDeficientError(
            f"features must have columns that differ within sets and do not depend on one another there, got "
            f"{', '.join(names)}; drop them or give ridge > 0",
            columns=names,
        )
    if len(endless) > 0:
        direction = endless / np.abs(endless).max()
        names = tuple(name for name, part in zip(labels, direction, strict=True) if abs(part) > SMALL)
        raise SeparationError(
            f"chosen must not be separated by the features, got a separation by {', '.join(names)}: "
            "the coefficients would be infinite; give ridge > 0",
            direction=direction,
            names=names,
        )

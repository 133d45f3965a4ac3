"""Models of the outcome fitted to answers: logit and least squares on levels and pairs of levels."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._estimates import Floats, limits, settled
from prefcore.conjoint import _anova
from prefcore.conjoint._trouble import dependent, separated
from prefcore.conjoint.data import ConjointData, required
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel, Pair, tables
from prefcore.errors import DomainError, ShapeError

__all__ = ["fit_outcome_linear", "fit_outcome_logit"]

FORMS = ("CR0", "CR1", "CR2", "survey", "HC1", "classical")


def fit_outcome_logit(
    data: ConjointData,
    *,
    interactions: Any = (),
    ridge: float = 0.0,
    ridge_interactions: float = 0.0,
    firth: bool = False,
    intercept: bool = True,
    vcov: str = "CR1",
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> OutcomeModel:
    """Fit scores of levels to choices (conjoint logit, forced choice, conditional logit on attribute levels).

    P(left) = sigmoid(intercept + s(left) - s(right)), s(t) = sum_d main[d][t_d] + sum_de inter[d, e][t_d, t_e]

    Of single profiles with outcomes in [0, 1], P = sigmoid(intercept + s(t)). Of more than two profiles in a task, the
    softmax of their scores; such choices have no intercept. Prices and other numbers: `conditional_logit`.

    Args:
        data: answers; 1/2 for each of two profiles is a tie.
        interactions: "all", or pairs of factors by name or number.
        ridge: weight of ridge/2 sum main^2, >= 0, of the scores in their sum-to-zero form, so that it does not matter
            which level is the reference.
        ridge_interactions: the same of `inter`.
        firth: Jeffreys' prior instead of a ridge: finite where choices separate. Tasks of one or two profiles.
        intercept: the advantage of the left profile; of single profiles, the level.
        vcov: errors. Clustered by respondent: "CR0", "CR1" (CR0 G/(G-1) (n-1)/(n-k), as statsmodels and Stata) or
            "survey" (CR0 G/(G-1)); "HC1", by task; "classical", the inverse Hessian. n tasks, k coefficients.
        init: [P] where `coef` starts; None: 0.
        tol: bound of `residual`, the Newton decrement / total weight; one more step is taken after it.
        max_iter: most Newton steps, of O(n P^2) each; they start from the fit of a part where there are many tasks.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: OutcomeModel.
    Raises: SeparationError with `direction` where levels would have infinite scores; RankDeficientError with `columns`
        where levels or pairs of them do not occur, or say nothing; ConvergenceError, DomainError, ShapeError,
        TypeError.
    Source: the outcome model of cjerzak/strategize-software, which drops the last level, screens interactions unless
        told not to, and refits without a ridge; the ridge on sum-to-zero scores is ours. Firth, Bias reduction of
        maximum likelihood estimates (1993).

    >>> from prefcore.conjoint import Design
    >>> data = ConjointData.from_pairs([[1], [1], [0], [1]], [[0]] * 4, [1, 0, 1, 1], [1, 1, 2, 2], design=Design([2]))
    >>> model = fit_outcome_logit(data, intercept=False, ridge=1.0)
    >>> model.main[0].round(4), model.coef.round(4)
    (array([-0.2016,  0.2016]), array([0.4032]))
    """
    _form(vcov)
    if vcov == "CR2":
        raise DomainError("vcov must be another than 'CR2', which adjusts the residuals of least squares; see 'CR1'")
    firth = _arrays.flag("firth", firth)
    penalties = _penalty("ridge", ridge), _penalty("ridge_interactions", ridge_interactions)
    if firth and any(penalties):
        raise DomainError("firth must be False where a ridge is given, got both: they are two priors")
    fitted = _fitted(
        _answers(data),
        interactions,
        penalties,
        ("firth" if firth else "logit", intercept),
        vcov,
        init,
        limits(tol, max_iter),
    )
    return settled(fitted, strict=_arrays.flag("strict", strict), tol=tol)


def fit_outcome_linear(
    data: ConjointData,
    *,
    interactions: Any = (),
    ridge: float = 0.0,
    ridge_interactions: float = 0.0,
    intercept: bool = True,
    vcov: str = "CR1",
) -> OutcomeModel:
    """Fit scores of levels by least squares: ratings, or a linear probability model of forced choice.

    E(left chosen) = intercept + s(left) - s(right); of ratings E(outcome) = intercept + s(t)

    Without an intercept that of a pair is 1/2, so that equal profiles are equally likely.

    Args:
        data: ratings of single profiles, or choices of two.
        interactions: "all", or pairs of factors by name or number.
        ridge: weight of ridge/2 sum main^2, >= 0, of the scores in their sum-to-zero form, beside half the squares.
        ridge_interactions: the same of `inter`.
        intercept: of a pair, 1/2 + the advantage of the left profile; of single profiles, the level.
        vcov: as of `fit_outcome_logit`; "CR2" adjusts the residuals of each respondent (Bell and McCaffrey 2002), and
            "classical" is the residual variance times the inverse of X'X.
    Returns: OutcomeModel with link "identity"; `loglik` is that of normal errors.
    Raises: RankDeficientError, DomainError, ShapeError, TypeError.
    Source: textbook least squares; the linear model of cjerzak/strategize-software.

    >>> from prefcore.conjoint import Design
    >>> data = ConjointData([[0], [1], [1]], [1.0, 4.0, 6.0], [7, 8, 9], design=Design([2]))
    >>> fit_outcome_linear(data).coef
    array([1., 4.])
    """
    _form(vcov)
    penalties = _penalty("ridge", ridge), _penalty("ridge_interactions", ridge_interactions)
    return _fitted(_answers(data), interactions, penalties, ("linear", intercept), vcov, None, (0.0, 1))


def _fitted(
    data: ConjointData,
    interactions: Any,
    ridges: tuple[float, float],
    kind: tuple[str, bool],
    vcov: str,
    init: Any,
    limit: tuple[float, int],
) -> OutcomeModel:
    """Of (method, intercept)."""
    method, intercept = kind
    logit = method != "linear"
    design = data.design
    pairs = _pairs(interactions, design)
    start = None if init is None else _arrays.finite("init", _arrays.floats("init", init))
    by_task = vcov in {"HC1", "classical"}
    clusters = None if by_task else (data.respondents, data.n_respondents)
    found, direction, columns = _rust.fit_outcome(
        method,
        (data.profiles, data.outcomes, data.offsets, data.weights),
        clusters,
        (design.n_levels.tolist(), pairs, _arrays.flag("intercept", intercept), vcov == "CR2"),
        _ridge(design, pairs, ridges),
        start,
        limit,
    )
    if found is None:
        if columns:
            raise dependent(data, pairs, columns, intercept)
        raise separated(data, pairs, np.asarray(direction))
    coef, inverse, meat, (loss, loss_null, weight), counts, (paired, has_intercept), ended = found
    sums = Sums(inverse.reshape(len(coef), -1), meat.reshape(len(coef), -1), loss, counts[0], counts[1])
    main, inter = tables(design, pairs, coef[int(has_intercept) :])
    constant = float(coef[0]) if has_intercept else 0.5 * (paired and not logit)
    if any(ridges):
        uniform = [np.full(n, 1.0 / n) for n in design.n_levels.tolist()]
        mean, levels, inter = _anova.decompose(main, inter, uniform)
        main, constant = tuple(levels), constant + (0.0 if paired else float(mean))
    converged, iterations, residual, status = ended
    return OutcomeModel(
        coef=coef,
        covariance=_covariance(vcov, sums, logit),
        main=main,
        inter=inter,
        intercept=constant,
        link="logit" if logit else "identity",
        paired=paired,
        vcov=vcov,
        loglik=-loss if logit else _normal(loss, weight),
        loglik_null=-loss_null if logit else _normal(loss_null, weight),
        n_tasks=counts[0],
        design=design,
        has_intercept=has_intercept,
        converged=converged,
        iterations=iterations,
        residual=residual,
        status=status,
    )


class Sums(NamedTuple):
    """What errors are made of."""

    inverse: Floats
    """[P, P] of the Hessian."""
    meat: Floats
    """[P, P] outer products of the scores of clusters."""
    loss: float
    n_tasks: int
    n_clusters: int


def _covariance(vcov: str, sums: Sums, logit: bool) -> Floats:
    n, k, groups = sums.n_tasks, len(sums.inverse), sums.n_clusters
    if (vcov in {"CR1", "HC1"} or (vcov == "classical" and not logit)) and n <= k:
        raise DomainError(f"vcov={vcov!r} needs more tasks than coefficients ({k}), got {n}")
    if vcov in {"CR1", "survey"} and groups < 2:
        raise DomainError(f'vcov={vcov!r} needs at least 2 respondents, got {groups}; "HC1" takes tasks instead')
    if vcov == "classical":
        return sums.inverse if logit else sums.inverse * (2 * sums.loss / (n - k))
    factor = {
        "CR0": 1.0,
        "CR2": 1.0,
        "CR1": groups / max(groups - 1, 1) * (n - 1) / max(n - k, 1),
        "survey": groups / max(groups - 1, 1),
        "HC1": n / max(n - k, 1),
    }[vcov]
    return np.asarray(factor * (sums.inverse @ sums.meat @ sums.inverse))


def _normal(loss: float, weight: float) -> float:
    """Log-likelihood of normal residuals, whose half squares are `loss`, at their own variance."""
    return float(-weight / 2 * (np.log(4 * np.pi * loss / weight) + 1)) if loss > 0 else float("inf")


def _form(vcov: Any) -> None:
    _arrays.one_of("vcov", vcov, *FORMS)


def _answers(data: Any) -> ConjointData:
    survey = required(data)
    if survey.weights is not None and not survey.weights.any():
        raise DomainError("weights must be positive somewhere, got none")
    if survey.n_tasks == 0:
        raise ShapeError("data must have at least one task, got none")
    return survey


def _pairs(interactions: Any, design: Design) -> list[Pair]:
    """Pairs of factors in the order of their numbers."""
    if isinstance(interactions, str):
        _arrays.one_of("interactions", interactions, "all")
        return list(combinations(range(len(design.factors)), 2))
    if not hasattr(interactions, "__iter__"):
        raise TypeError(f'interactions must be "all", or list pairs of factors, got {interactions!r:.60}')
    found: list[Pair] = []
    for place, pair in enumerate(interactions):
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise ShapeError(f"interactions[{place}] must be a pair of factors, got {pair!r}")
        d, e = sorted(design.factor(factor) for factor in pair)
        if d == e or (d, e) in found:
            raise DomainError(f"interactions[{place}] must be two factors, a pair that did not come before, got {pair}")
        found.append((d, e))
    return sorted(found)


def _penalty(name: str, value: Any) -> float:
    ridge = _arrays.number(name, value)
    _arrays.refuse(name, ridge, not 0 <= ridge <= 1e100, "a number in [0, 1e100]")
    return ridge


def _ridge(design: Design, pairs: Sequence[Pair], ridges: tuple[float, float]) -> Floats | None:
    """[P, P] of the penalty b'Rb / 2 on contrasts: that on the scores in their sum-to-zero form."""
    if not any(ridges):
        return None
    maps = _anova.parts(design, pairs, [np.full(n, 1.0 / n) for n in design.n_levels.tolist()])
    main = np.concatenate(maps[1 : 1 + len(design.factors)], axis=1)
    inter = np.concatenate([np.zeros((len(main), 0)), *maps[1 + len(design.factors) :]], axis=1)
    return np.ascontiguousarray(ridges[0] * main @ main.T + ridges[1] * inter @ inter.T)

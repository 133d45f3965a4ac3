"""The profiles and the policies over profiles that a model of the outcome favors."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats, limits, settled
from prefcore.conjoint._expectation import by_factor, design_policy, flat_policy, numbers, per_factor, rival
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel
from prefcore.errors import DomainError

__all__ = [
    "BestProfiles",
    "PolicyObjective",
    "PolicyResult",
    "best_profiles",
    "expected_value",
    "optimal_policy",
    "policy_objective",
    "policy_path",
]

#: to so many profiles the best one is also tried as a start where the objective may have several maxima
FEW_PROFILES = 1_000_000
#: `policy_objective` gives the expected outcome of every profile up to so many
LISTED_PROFILES = 100_000


@dataclass(frozen=True, repr=False, eq=False)
class PolicyResult:
    """Probabilities of the levels of each factor, drawn independently, that maximize Q - beta * penalty."""

    policy: tuple[Floats, ...]
    """[L] per factor."""
    value: float
    """Q, the expected outcome: of pairs, the chance to win against the opponent."""
    baseline_value: float
    """Q of the design against the same opponent."""
    objective: float
    """Q - beta * penalty."""
    gain: float
    """What the best change of one factor's probabilities would add to the objective."""
    concave: bool
    """Whether the objective is proven to have no other maximum: beta > beta_concave."""
    beta_concave: float
    """The smallest beta with that proof."""
    divergence: float
    """Penalty without beta, summed over the factors."""
    policy_std_error: tuple[Floats, ...] | None
    """Standard errors of `policy`; None without a covariance of the model, at beta = 0, or where the levels in use are
    about to change under l2: the delta method does not hold there."""
    value_std_error: float | None
    covariance: Floats | None
    """[M + 1, M + 1] of the probabilities of all levels in a row, then of the value."""
    jacobian: Floats | None
    """[M + 1, P] derivatives of the same by `model.coef`."""
    converged: bool
    iterations: int
    """Sweeps over the factors."""
    residual: float
    """The same as `gain`: what the best change of one factor would still add to the objective."""
    status: str
    _design: Design

    def __repr__(self) -> str:
        """Value, how it ended, and the three likeliest levels of each factor; at most 12 lines."""
        error = "" if self.value_std_error is None else f" ± {self.value_std_error:.4f}"
        kind = "" if self.concave else ", may be a local maximum"
        head = f"PolicyResult: value {self.value:.4f}{error}, design {self.baseline_value:.4f}{kind}"
        lines = [f"{self.status} after {self.iterations} sweeps, residual {self.residual:.2g}"]
        for factor, names, own in list(zip(self._design.factors, self._design.levels, self.policy, strict=True))[:9]:
            top = np.argsort(-own, kind="stable")[:3]
            lines.append(f"{factor}: " + ", ".join(f"{names[level]} {own[level]:.3f}" for level in top.tolist()))
        if len(self.policy) > 9:
            lines.append(f"(and {len(self.policy) - 9} more factors)")
        return "\n".join([head, *lines])


class BestProfiles(NamedTuple):
    """The profiles of the highest scores."""

    profiles: Ints
    """[k, D] codes of levels, best first."""
    score: Floats
    """[k], without the intercept."""


class PolicyObjective(NamedTuple):
    """The objective of a policy, and its slopes."""

    objective: float
    """Q - beta * penalty."""
    value: float
    """Q"""
    grad_logits: Floats
    """[M] derivatives of the objective by the logits of all levels in a row, where a policy is their softmax."""
    profile_values: Floats | None
    """[N] expected outcome of each profile, the level of the last factor running fastest; None above 100,000."""


def optimal_policy(
    model: OutcomeModel,
    *,
    beta: Any,
    penalty: str = "kl",
    opponent: Any = None,
    init: Any = None,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    strict: bool = True,
) -> PolicyResult:
    """Optimal stochastic intervention (OSI): the product policy of the largest expected outcome, near the design.

    pi = argmax Q(pi) - sum_d beta_d penalty(pi_d, p_d),  Q(pi) = E link(intercept + s(T) - s(U)),  T ~ pi, U ~ opponent

    Without pairs Q(pi) = E link(intercept + s(T)). p is the design; levels that it never shows stay at 0. Penalties:
    "kl" is KL(pi, p), "reverse_kl" is KL(p, pi), "l2" is sum (pi - p)^2. Expectations are exact.

    Each factor's best reply in turn, then Newton's method. Where the objective is not proven concave it also starts
    from pure profiles, and says so in `concave`. Restrictions of the design are not seen: factors are drawn
    independently.

    Args:
        model: scores of levels and pairs of levels; with a covariance there are errors, by the delta method.
        beta: strength of the pull to the design (strategize's lambda), >= 0, one number or one per factor; 0: the best
            profile.
        penalty: see above.
        opponent: per factor [L] probabilities of the other profile, held fixed; None: the design.
        init: per factor [L] probabilities to start from; None: the design.
        tol: bound of the residual, the gain of the best change of one factor.
        max_iter: most sweeps over the factors.
        strict: raise where the residual stays above `tol`; else return it with converged=False.
    Returns: PolicyResult.
    Raises: DomainError, ShapeError, TypeError, ConvergenceError.
    Source: Jerzak, Chandra, Hazra (2025), arXiv 2504.19043, as in the package strategize. Ours where they differ: the
        direction of KL (theirs is "reverse_kl"), exact expectations instead of relaxed draws, no label smoothing, and a
        residual instead of a fixed number of steps.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> model = OutcomeModel.from_scores([[0.0, 0.3, -0.2, 0.1]], design=Design([4]), link="identity", paired=False)
    >>> optimal_policy(model, beta=0.1).policy[0].round(4)
    array([0.0418, 0.839 , 0.0057, 0.1135])
    """
    problem = _problem(model, penalty, opponent)
    bounds = limits(tol, max_iter)
    strict = _arrays.flag("strict", strict)
    start = None if init is None else flat_policy("init", init, model.design)
    result = _optimum(model, problem, per_factor("beta", beta, model.design), start, _top(model), bounds)
    return settled(result, strict=strict, tol=tol)


def policy_path(
    model: OutcomeModel,
    betas: Any,
    *,
    penalty: str = "kl",
    opponent: Any = None,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    strict: bool = True,
) -> list[PolicyResult]:
    """Optimal policies of several strengths of the pull, each started from that of the next larger one.

    Args:
        model: scores of levels and pairs of levels.
        betas: [B] strengths of the pull to the design, >= 0, in any order.
        penalty: "kl", "reverse_kl" or "l2"; see `optimal_policy`.
        opponent: per factor [L] probabilities of the other profile; None: the design.
        tol: bound of each residual.
        max_iter: most sweeps over the factors, of each.
        strict: raise where a residual stays above `tol`; else return it with converged=False.
    Returns: [B] PolicyResults in the order of `betas`.
    Raises: DomainError, ShapeError, TypeError, ConvergenceError.
    Source: see `optimal_policy`.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> model = OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))
    >>> [result.policy[0][1].round(3).item() for result in policy_path(model, [0.01, 1.0])]
    [1.0, 0.558]
    """
    problem = _problem(model, penalty, opponent)
    bounds = limits(tol, max_iter)
    strict = _arrays.flag("strict", strict)
    strengths = _arrays.finite("betas", _arrays.floats("betas", betas), 0.0)
    _arrays.one_dimensional("betas", strengths)
    found: dict[int, PolicyResult] = {}
    start, top = None, _top(model)
    for place in np.argsort(-strengths, kind="stable").tolist():
        pull = [float(strengths[place])] * len(model.design.factors)
        found[place] = settled(_optimum(model, problem, pull, start, top, bounds), strict=strict, tol=tol)
        start = np.concatenate(found[place].policy)
    return [found[place] for place in range(len(strengths))]


def best_profiles(model: OutcomeModel, *, k: int = 1) -> BestProfiles:
    """Find the k profiles of the highest scores, of those that the design can show. Exact, by branch and bound.

    Args:
        model: scores of levels and pairs of levels.
        k: how many, >= 1; fewer come where there are fewer.
    Returns: BestProfiles(profiles [k, D], score [k]); of equal scores some come first, always the same.
    Raises: DomainError, TypeError.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> best_profiles(OutcomeModel.from_scores([[0.0, 1.0], [0.5, 0.0, 0.75]], design=Design([2, 3])), k=2)
    BestProfiles(profiles=array([[1, 2],
           [1, 0]]), score=array([1.75, 1.5 ]))
    """
    k = _arrays.whole_number("k", k, 1, 1 << 31)
    given, design = numbers(model), model.design
    rules = ((design_policy(design) > 0).tolist(), list(design.restrictions))
    profiles, scores = _rust.best_profiles(given, rules, k)
    return BestProfiles(profiles.reshape(-1, len(design.factors)), scores)


def expected_value(model: OutcomeModel, policy: Any, *, opponent: Any = None) -> float:
    """Compute the expected outcome Q of a product policy: of pairs, its chance to win. Exact, without drawing profiles.

    Q = E link(intercept + s(T) - s(U)),  T ~ policy, U ~ opponent;  without pairs E link(intercept + s(T))

    With the logit link sigmoid(x) = 1/2 + int_0^inf sin(w x)/sinh(pi w) dw, and E exp(i w s) of an additive score is a
    product over the factors: about 100 nodes w give 1e-15. Where levels interact profiles are enumerated, up to 4e6
    (`model.sampled` above).

    Args:
        model: scores of levels and pairs of levels.
        policy: per factor [L] probabilities, or a result with a `policy`; levels that the design never shows count too.
        opponent: the same of the other profile; None: the design.
    Returns: float.
    Raises: DomainError, ShapeError, TypeError.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> model = OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))
    >>> round(expected_value(model, [[0.0, 1.0]]), 4)
    0.6155
    """
    own = (numbers(model), flat_policy("policy", policy, model.design))
    return _rust.expected_slopes(*own, rival(model, opponent))[0]


def policy_objective(
    model: OutcomeModel,
    policy: Any,
    *,
    beta: Any,
    penalty: str = "kl",
    opponent: Any = None,
) -> PolicyObjective:
    """Compute the objective of a policy, its gradient by the logits of a softmax, and the outcome of every profile.

    objective = Q - sum_d beta_d penalty(pi_d, p_d), grad = pi (h - <pi, h>) per factor with h = d objective/d pi

    Args:
        model: scores of levels and pairs of levels.
        policy: per factor [L] probabilities, or a result with a `policy`; under "kl" 0 where the design is.
        beta: strength of the pull to the design, >= 0, one number or one per factor.
        penalty: "kl", "reverse_kl" or "l2"; see `optimal_policy`.
        opponent: per factor [L] probabilities of the other profile; None: the design.
    Returns: PolicyObjective(objective, value, grad_logits [M], profile_values [N] or None).
    Raises: DomainError, ShapeError, TypeError.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> model = OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))
    >>> policy_objective(model, [[0.5, 0.5]], beta=0.1).grad_logits
    array([-0.05776464,  0.05776464])
    """
    problem = _problem(model, penalty, opponent)
    own = flat_policy("policy", policy, model.design)
    pull = np.repeat(per_factor("beta", beta, model.design), model.design.n_levels)
    reference = problem.reference
    if penalty == "kl":
        _arrays.refuse("policy", own, (own > 0) & (reference == 0), '0 where the design is 0, under "kl"')
    value, slopes = _rust.expected_slopes(problem.numbers, own, problem.rival)
    weighted = own * slopes - pull * _steep(penalty, own, reference)
    starts = model.design.offsets[:-1]
    totals = np.repeat(np.add.reduceat(weighted, starts), model.design.n_levels)
    outcomes = None
    if model.design.n_profiles <= LISTED_PROFILES:
        outcomes = _rust.profile_values(problem.numbers, problem.rival)
    distance = np.where(pull > 0, pull * _distances(penalty, own, reference), 0.0)
    return PolicyObjective(value - float(distance.sum()), value, weighted - own * totals, outcomes)


class _Problem(NamedTuple):
    numbers: Any
    reference: Floats
    rival: Floats | None
    penalty: str


def _problem(model: OutcomeModel, penalty: str, opponent: Any) -> _Problem:
    given = numbers(model)
    _arrays.one_of("penalty", penalty, "kl", "reverse_kl", "l2")
    return _Problem(given, design_policy(model.design), rival(model, opponent), penalty)


def _optimum(
    model: OutcomeModel,
    problem: _Problem,
    pull: list[float],
    init: Floats | None,
    top: Floats | None,
    bounds: tuple[float, int],
) -> PolicyResult:
    design, reference = model.design, problem.reference
    start = reference if init is None else init
    free = [beta for beta, n in zip(pull, design.n_levels.tolist(), strict=True) if n > 1]
    starts = [start] if top is None else [start, top] if any(free) else [top]
    end = _rust.best_policy(
        problem.numbers,
        (reference, problem.rival),
        (pull, problem.penalty),
        starts,
        bounds,
        model.covariance is not None,
    )
    flat, (value, baseline, objective, gain), (concave, beta_concave), iterations, status, derivatives = end
    jacobian = covariance = policy_error = value_error = None
    if derivatives is not None and model.covariance is not None:
        jacobian = derivatives.reshape(len(flat) + 1, -1)
        covariance = jacobian @ model.covariance @ jacobian.T
        errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        policy_error, value_error = by_factor(errors[:-1], design), float(errors[-1])
    return PolicyResult(
        policy=by_factor(flat, design),
        value=value,
        baseline_value=baseline,
        objective=objective,
        gain=gain,
        concave=concave,
        beta_concave=beta_concave,
        divergence=float(_distances(problem.penalty, flat, reference).sum()),
        policy_std_error=policy_error,
        value_std_error=value_error,
        covariance=covariance,
        jacobian=jacobian,
        converged=gain <= bounds[0],
        iterations=iterations,
        residual=gain,
        status=status,
        _design=design,
    )


def _top(model: OutcomeModel) -> Floats | None:
    """Return the best profile as a policy, where it is found at once: the outcome rises with the score."""
    design = model.design
    if model.inter and design.n_profiles > FEW_PROFILES:
        return None
    profiles = best_profiles(model).profiles
    if not len(profiles):
        raise DomainError("model.design must have a profile that its restrictions allow")
    flat = np.zeros(int(design.offsets[-1]))
    flat[design.offsets[:-1] + profiles[0]] = 1.0
    return flat


def _distances(penalty: str, own: Floats, reference: Floats) -> Floats:
    """What each level adds to the penalty."""
    if penalty == "l2":
        return np.asarray((own - reference) ** 2)
    one, other = (own, reference) if penalty == "kl" else (reference, own)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(one > 0, one * (_log(one) - _log(other)), 0.0))


def _steep(penalty: str, own: Floats, reference: Floats) -> Floats:
    """Probability times the slope of the penalty."""
    if penalty == "l2":
        return 2.0 * own * (own - reference)
    if penalty == "reverse_kl":
        return -reference
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(own > 0, own * (_log(own) - _log(reference) + 1.0), 0.0))


def _log(values: Floats) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(values)

"""What a policy would have won among these respondents, and the pull to the design that wins most."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Ints
from prefcore._estimates import Floats, drawn_folds
from prefcore.conjoint import _offpolicy, _policies
from prefcore.conjoint._offpolicy import Estimate, Records
from prefcore.conjoint.data import ConjointData, required
from prefcore.conjoint.model import OutcomeModel
from prefcore.conjoint.policy import optimal_policy
from prefcore.errors import DomainError, ShapeError

__all__ = ["BetaSelection", "Estimate", "PolicyValue", "crossfit_policy_value", "policy_value", "select_beta"]

#: below this effective number of respondents the weighted estimators rest on a handful of answers
FEW = 50


@dataclass(frozen=True, repr=False, eq=False)
class PolicyValue:
    """The value of a policy by five estimators, which share the weights and the predictions of the model.

    Errors are clustered by respondent (times G / (G - 1)); they count the sampling of answers, not that of the model.
    """

    ipw: Estimate
    """mean(w y)"""
    hajek: Estimate
    """sum(w y) / sum(w)"""
    model: Estimate | None
    """Mean prediction of the model for the policy; None without one, as the next two."""
    dr: Estimate | None
    """Doubly robust: mean(prediction + w (y - m))."""
    dr_hajek: Estimate | None
    """mean(prediction) + sum(w (y - m)) / sum(w)"""
    effective_sample_size: float
    """(sum w)^2 / sum w^2 over the records."""
    max_weight: float
    """Largest ratio of policy and design, before the clip."""
    clipped_share: float
    """Share of records whose weight was clipped."""
    by_fold: dict[str, Floats]
    """[K] of each estimator, over the records of each fold; empty without folds."""

    def __repr__(self) -> str:
        """The estimates with errors, then what they rest on."""
        names = ("dr_hajek", "dr", "model", "hajek", "ipw")
        found = {name: getattr(self, name) for name in names}
        lines = [f"{name}: {e.value:.4f} ({e.std_error:.4f})" for name, e in found.items() if e is not None]
        rest = f"effective sample size {self.effective_sample_size:.1f}, largest weight {self.max_weight:.4g}"
        if self.clipped_share > 0:
            rest += f", {self.clipped_share:.1%} clipped"
        if self.effective_sample_size < FEW:
            rest += f" (below {FEW}: the policy is too far from the design for the weighted estimators)"
        return "\n".join(["PolicyValue", *lines, rest])


def policy_value(
    data: ConjointData,
    policy: Any,
    *,
    model: OutcomeModel | None = None,
    opponent: Any = None,
    electorate: Mapping[Any, float] | None = None,
    clip: float | None = None,
) -> PolicyValue:
    """Value of a policy from answers to other profiles: off-policy evaluation by five estimators at once.

    w = prod_d policy_d(t_d) / p_d(t_d),  y whether the focal profile won;  estimates as in `PolicyValue`

    Without an opponent each pair counts twice, once from either side, and the other profile is as the design draws it.
    With one, the first profile of each pair is the policy's and the second the opponent's. `ipw` and `dr` may lie
    outside [0, 1].

    Args:
        data: pairs, or single profiles; restrictions of the design are not allowed.
        policy: per factor, [L] probabilities of its levels; or a result with a policy.
        model: of the outcome, fitted on other respondents (see `crossfit_policy_value`); None: no model.
        opponent: policy of the second profiles; None: the design.
        electorate: share of each voter group, which add up to 1; tasks of other groups are left out. None: as sampled.
        clip: upper bound of w, > 0; None: none.
    Returns: PolicyValue.
    Raises: DomainError, ShapeError, TypeError.
    Source: Jerzak, Chandra, Hazra (arXiv 2504.19043), the strategize package, for the points; the errors are ours.
        Robins, Rotnitzky, Zhao (1994) for `dr`.

    >>> from prefcore.conjoint import Design
    >>> data = ConjointData.from_pairs([[0], [1], [1]], [[1], [0], [0]], [0, 1, 1], [0, 1, 2], design=Design([2]))
    >>> round(policy_value(data, [[0.2, 0.8]]).ipw.value, 6)
    0.8
    """
    records = _offpolicy.records(data, opponent, electorate)
    fixed = _policies.checked("policy", policy, data.design)
    predicted = None if model is None else records.predictions(model, fixed, slice(None))
    return _value(records, records.ratios(fixed), predicted, None, clip)


def crossfit_policy_value(
    data: ConjointData,
    policy: Any,
    *,
    fit: Callable[[ConjointData], OutcomeModel],
    folds: Any = 5,
    seed: int = 0,
    opponent: Any = None,
    electorate: Mapping[Any, float] | None = None,
    clip: float | None = None,
) -> PolicyValue:
    """Value of a policy, the model of each fold fitted on the respondents of the others.

    A policy that was learned on the same answers looks better than it is: give a function of the model instead, and it
    is learned inside each fold too.

    Args:
        data: pairs, or single profiles.
        policy: per factor, [L] probabilities of its levels; or a function OutcomeModel -> policy.
        fit: ConjointData -> OutcomeModel, e.g. `fit_outcome_logit`.
        folds: number of folds, 2 or more, drawn from `seed`; or [G] the fold of each respondent.
        seed: of the folds.
        opponent: policy of the second profiles; None: the design.
        electorate: share of each voter group; None: as sampled.
        clip: upper bound of w, > 0; None: none.
    Returns: PolicyValue with `by_fold`.
    Raises: DomainError, ShapeError, TypeError; whatever `fit` raises.
    Source: Chernozhukov et al., Double/debiased machine learning (2018); folds by respondent are ours (strategize
        splits by pair, which leaks respondents).

    >>> from prefcore.conjoint import Design, fit_outcome_logit
    >>> shown, other, chosen = [[0], [1], [1], [0], [1]] * 8, [[1], [0], [0], [1], [0]] * 8, [0, 1, 0, 1, 1] * 8
    >>> data = ConjointData.from_pairs(shown, other, chosen, range(40), design=Design([2]))
    >>> crossfit_policy_value(data, [[0.2, 0.8]], fit=fit_outcome_logit, folds=2).dr.value > 0.5
    True
    """
    fold = _folds(data, folds, seed)
    models = _fitted(data, fold, fit)
    policies = [policy(model) if callable(policy) else policy for model in models]
    return _crossfitted(_offpolicy.records(data, opponent, electorate), fold, models, policies, clip)


class BetaSelection(NamedTuple):
    """Cross-fitted values of policies that are pulled to the design with different strength."""

    betas: Floats
    """[K] from weak to strong."""
    value: Floats
    """[K] dr_hajek."""
    std_error: Floats
    """[K]"""
    best: float
    """beta of the largest value, which looks better than it is."""
    one_se: float
    """Largest beta within one standard error of the best."""


def select_beta(
    data: ConjointData,
    betas: Any,
    *,
    fit: Callable[[ConjointData], OutcomeModel],
    penalty: str = "kl",
    folds: Any = 5,
    seed: int = 0,
) -> BetaSelection:
    """Choose the pull to the design by cross-fitted values of the policies that it gives.

    best = argmax_beta V(beta); one_se = max {beta: V(beta) >= V(best) - std_error(best)}

    Args:
        data: pairs, or single profiles.
        betas: [K] candidates, > 0.
        fit: ConjointData -> OutcomeModel; one fit per fold.
        penalty: as in `optimal_policy`.
        folds: number of folds, or [G] the fold of each respondent.
        seed: of the folds.
    Returns: BetaSelection, sorted by beta.
    Raises: DomainError, ShapeError, TypeError, ConvergenceError; whatever `fit` raises.
    Source: the one-standard-error rule of Breiman et al., CART (1984); strategize takes the largest plug-in value.

    >>> from prefcore.conjoint import Design, fit_outcome_logit
    >>> shown, other, chosen = [[0], [1], [1], [0], [1]] * 8, [[1], [0], [0], [1], [0]] * 8, [0, 1, 0, 1, 1] * 8
    >>> data = ConjointData.from_pairs(shown, other, chosen, range(40), design=Design([2]))
    >>> select_beta(data, [10.0, 0.1], fit=fit_outcome_logit, folds=2).betas
    array([ 0.1, 10. ])
    """
    strengths = np.unique(_arrays.finite("betas", _arrays.floats("betas", betas), 0.0))
    if strengths.size == 0:
        raise ShapeError("betas must hold at least one number, got none")
    fold = _folds(data, folds, seed)
    models = _fitted(data, fold, fit)
    records = _offpolicy.records(data, None, None)

    def learned(beta: float) -> PolicyValue:
        policies = [optimal_policy(model, beta=beta, penalty=penalty) for model in models]
        return _crossfitted(records, fold, models, policies, None)

    value, error = np.array([learned(beta).dr_hajek for beta in strengths.tolist()]).T
    top = int(np.argmax(value))
    within = value >= value[top] - error[top]
    return BetaSelection(strengths, value, error, float(strengths[top]), float(strengths[within].max()))


def _fitted(data: ConjointData, fold: Ints, fit: Callable[[ConjointData], OutcomeModel]) -> list[OutcomeModel]:
    """Models of each fold, on the respondents of the others."""
    _arrays.function("fit", fit)
    return [fit(data.subset(np.flatnonzero(fold[data.respondents] != k))) for k in range(int(fold.max()) + 1)]


def _crossfitted(
    records: Records, fold: Ints, models: Sequence[OutcomeModel], policies: Sequence[Any], clip: float | None
) -> PolicyValue:
    """The value over the records of all folds, each with the model and the policy of its own fold."""
    of_record = fold[records.respondents]
    ratio, shown, expected = (np.zeros(len(of_record)) for _ in range(3))
    for k, (model, policy) in enumerate(zip(models, policies, strict=True)):
        own = np.flatnonzero(of_record == k)
        fixed = _policies.checked("policy", policy, records.data.design)
        ratio[own] = records.ratios(fixed)[own]
        shown[own], expected[own] = records.predictions(model, fixed, own)
    return _value(records, ratio, (shown, expected), of_record, clip)


def _value(
    records: Records, ratio: Floats, predicted: tuple[Floats, Floats] | None, fold: Ints | None, clip: float | None
) -> PolicyValue:
    bound = np.inf if clip is None else _arrays.number("clip", clip)
    _arrays.refuse("clip", bound, not bound > 0, "a number > 0")
    clipped = np.minimum(ratio, bound)
    weight, y, who = records.weight, records.outcomes, records.respondents

    def over(chosen: Any) -> dict[str, Estimate]:
        part = None if predicted is None else (predicted[0][chosen], predicted[1][chosen])
        return _offpolicy.estimates(weight[chosen], clipped[chosen], y[chosen], part, who[chosen])

    found = over(slice(None))
    folds = [] if fold is None else [over(fold == k) for k in range(int(fold.max()) + 1)]
    return PolicyValue(
        ipw=found["ipw"],
        hajek=found["hajek"],
        model=found.get("model"),
        dr=found.get("dr"),
        dr_hajek=found.get("dr_hajek"),
        effective_sample_size=_offpolicy.effective_size(weight, clipped),
        max_weight=float(ratio.max()),
        clipped_share=float((ratio > bound).mean()),
        by_fold={name: np.array([part[name].value for part in folds]) for name in found} if folds else {},
    )


def _folds(data: Any, folds: Any, seed: int) -> Ints:
    """[G] fold of each respondent: given, or drawn in equal parts."""
    required(data)
    n = data.n_respondents
    if not hasattr(folds, "__len__"):
        number = _arrays.whole_number("folds", folds, 2, max(n, 2) + 1)
        return drawn_folds(n, number, seed)
    given = _arrays.integers("folds", folds)
    if given.shape != (n,):
        raise ShapeError(f"folds must have length {n} like respondent_ids, got {len(given)}")
    numbers = np.unique(given)
    if not np.array_equal(numbers, np.arange(max(2, len(numbers)))):
        raise DomainError(f"folds must be 0, 1, ... without a gap, two at least, got {numbers[:10].tolist()}")
    return given

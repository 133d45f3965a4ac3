"""Candidate profiles that win, with and without opponents (Jerzak, Chandra, Hazra, arXiv 2504.19043)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prefcore.conjoint import (
        ConjointData,
        EffectTable,
        EquilibriumResult,
        OutcomeModel,
        PolicyResult,
        PolicyValue,
        Primaries,
    )

__all__ = ["Adversarial", "AverageCase", "adversarial", "average_case", "effects"]


class AverageCase(NamedTuple):
    """The candidate that does best against the profiles of the survey."""

    effects: EffectTable
    beta: float
    """The pull to the design that was given, or chosen among several."""
    policy: PolicyResult
    value: PolicyValue
    """Of policies learned so, each fold by the answers of the others; of several betas it chooses one too."""


class Adversarial(NamedTuple):
    """The candidates that neither party would want to change."""

    effects: dict[Any, EffectTable]
    """By group of voters."""
    models: dict[Any, OutcomeModel]
    """By group of voters."""
    equilibrium: EquilibriumResult
    policies: tuple[Any, Any]
    """Of party A and of party B: per factor the probabilities of its levels."""


def effects(data: ConjointData) -> EffectTable:
    """Average marginal component effects, with the survey errors of cregg: `conjoint.amce(vcov="survey")`.

    Args:
        data: answers.
    Returns: conjoint.EffectTable.
    Raises: ShapeError, DomainError, TypeError.
    Source: Hainmueller, Hopkins and Yamamoto 2014; cregg.

    >>> from prefcore.conjoint import ConjointData, Design
    >>> data = ConjointData.from_pairs([[0], [1], [1]], [[1], [0], [0]], [0, 1, 0], range(3), design=Design([2]))
    >>> effects(data).estimate.round(4)
    array([0.3333])
    """
    from prefcore.conjoint import amce

    return amce(data, vcov="survey")


def average_case(data: ConjointData, *, beta: Any, folds: int = 5, seed: int = 0) -> AverageCase:
    """Find the mix of profiles that wins most against the design, and what it is worth on answers it has not seen.

    policy = argmax_pi E[P(pi beats design)] - beta KL(pi, design)

    Of several betas every fold takes the best by the answers of the others alone (folds within folds), since the
    largest of several values is too large: by 0.1 to 0.2 on pure noise of 80 respondents and six betas. Where beta is
    tiny and respondents are few, one profile gets all the weight, few answers have shown it, and the intervals of
    `value` are far too short: on that noise a third of the 95% intervals missed the truth. Do not trust them where its
    effective sample size is small.

    Args:
        data: forced choices between two profiles, sides assigned at random.
        beta: strength of the pull to the design, > 0; of several the one of the largest value (`conjoint.select_beta`).
        folds: parts of the respondents, >= 2; of fewer respondents than that within a fold each is a part.
        seed: of the parts, 0 by default.
    Returns: AverageCase(effects, beta, policy, value).
    Raises: SeparationError, RankDeficientError, ConvergenceError, ShapeError, DomainError, TypeError.
    Source: arXiv 2504.19043 and the package strategize, whose relaxed draws bias the value; here expectations are
        exact, the value is cross-fitted, and there is no interaction between factors. No source gives beta.

    >>> from prefcore.conjoint import ConjointData, Design
    >>> shown, other, chosen = [[0], [1], [1], [0], [1]] * 8, [[1], [0], [0], [1], [0]] * 8, [0, 1, 0, 1, 1] * 8
    >>> data = ConjointData.from_pairs(shown, other, chosen, range(40), design=Design([2]))
    >>> average_case(data, beta=0.1, folds=2).policy.policy[0].round(4)
    array([0.2689, 0.7311])
    """
    from prefcore import _arrays, conjoint
    from prefcore.papers._inputs import of_kind, renamed

    of_kind(conjoint.ConjointData, data=data)
    betas = _arrays.floats("beta", beta)
    model, folds = _fitted(data), _arrays.whole_number("folds", folds, 2, max(data.n_respondents, 2) + 1)
    with renamed(betas="beta"):
        strength = _strength(data, betas, folds, seed)
    chosen: list[tuple[OutcomeModel, float]] = []

    def fit(part: ConjointData) -> OutcomeModel:
        chosen.append((_fitted(part), _strength(part, betas, folds, seed)))
        return chosen[-1][0]

    def learned(model: OutcomeModel) -> Any:
        return conjoint.optimal_policy(model, beta=next(own for one, own in chosen if one is model)).policy

    policy = conjoint.optimal_policy(model, beta=strength)
    value = conjoint.crossfit_policy_value(data, learned, fit=fit, folds=folds, seed=seed)
    return AverageCase(effects(data), strength, policy, value)


def adversarial(
    data: ConjointData,
    *,
    electorate: Mapping[Any, float] | None = None,
    primaries: Primaries | None = None,
    beta: float,
) -> Adversarial:
    """Find what two parties would offer if each answered the other: the equilibrium over mixes of profiles.

    max_A min_B  Q(A, B) - beta KL(A, design) + beta KL(B, design),  Q = sum_g share_g P(A's candidate beats B's in g)

    Args:
        data: forced choices between two profiles, with the voter group of each task; all groups vote.
        electorate: group -> share of the voters; None: shares of the tasks.
        primaries: `conjoint.Primaries`, who nominates the candidates; None: no primaries.
        beta: strength of the pull to the design, > 0. No source gives the paper's.
    Returns: Adversarial(effects, models, equilibrium, policies).
    Raises: SeparationError, RankDeficientError, ConvergenceError, ShapeError, DomainError, TypeError.
    Source: arXiv 2504.19043 and the package strategize, which takes two groups alone and stops after 100 steps; the
        certificates (gap, concavity) are derived.

    >>> from prefcore.conjoint import ConjointData, Design
    >>> shown, other, chosen = [[0], [1], [1], [0], [1]] * 8, [[1], [0], [0], [1], [0]] * 8, [0, 1, 0, 1, 1] * 8
    >>> groups = ["left"] * 20 + ["right"] * 20
    >>> data = ConjointData.from_pairs(shown, other, chosen, range(40), design=Design([2]), groups=groups)
    >>> round(adversarial(data, beta=0.1).equilibrium.value, 6)
    0.5
    """
    from prefcore import conjoint
    from prefcore.papers._inputs import of_kind

    of_kind(conjoint.ConjointData, data=data)
    groups = data.by_group()
    models = {label: _fitted(part) for label, part in groups.items()}
    game = conjoint.Game(models, electorate=electorate, primaries=primaries)
    found = conjoint.equilibrium(game, beta=beta)
    tables = {label: effects(part) for label, part in groups.items()}
    return Adversarial(tables, models, found, (found.policy_a, found.policy_b))


def _fitted(data: ConjointData) -> OutcomeModel:
    from prefcore.conjoint import fit_outcome_logit
    from prefcore.errors import DomainError

    sizes = np.diff(data.offsets)
    if (sizes != 2).any():
        task = int(np.argmax(sizes != 2))
        raise DomainError(f"data must have two profiles in every task, got {sizes[task]} in task {task}")
    return fit_outcome_logit(data, intercept=False)


def _strength(data: ConjointData, betas: Any, folds: int, seed: int) -> float:
    """The one beta, or of several the one of the largest cross-fitted value."""
    from prefcore.conjoint import select_beta

    if betas.ndim == 0:
        return float(betas)
    return float(select_beta(data, betas, fit=_fitted, folds=min(folds, data.n_respondents), seed=seed).best)

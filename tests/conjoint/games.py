"""Small games of known scores, and what they are worth by enumeration."""

from dataclasses import replace
from typing import Any

import numpy as np

from conjoint.policy_models import chances, profiles
from prefcore import conjoint as cj

LEVELS = [2, 3, 2]


def model(seed: int, levels: Any = LEVELS, *, scale: float = 0.8, errors: bool = False, **options: Any) -> Any:
    rng = np.random.default_rng(seed)
    main = [rng.normal(0.0, scale, n) for n in levels]
    size = sum(levels) - len(levels) + 1
    covariance = 0.01 * np.eye(size) + 0.003 if errors else None
    return cj.OutcomeModel.from_scores(main, design=cj.Design(levels), covariance=covariance, **options)


def slate(seed: int, levels: Any = LEVELS) -> cj.Design:
    rng = np.random.default_rng(seed)
    return cj.Design(levels, probs=[rng.dirichlet(np.full(n, 4.0)) for n in levels])


def game(seed: int, levels: Any = LEVELS, *, groups: int = 3, errors: bool = False, **options: Any) -> cj.Game:
    models = {k: model(10 * seed + k, levels, errors=errors, intercept=0.2 * k) for k in range(groups)}
    shares = np.arange(1.0, groups + 1) / (groups * (groups + 1) / 2)
    slates = {"slate_a": slate(seed, levels), "slate_b": slate(seed + 1, levels)}
    return cj.Game(models, electorate=dict(enumerate(shares.tolist())), **{**slates, **options})


def primaries(seed: int, levels: Any = LEVELS, *, errors: bool = False, **options: Any) -> cj.Primaries:
    models = {label: model(seed + k, levels, errors=errors, intercept=0.1 * k) for k, label in enumerate("DR")}
    return cj.Primaries(models, **options)


def enumerated(found: cj.Game, policy_a: Any, policy_b: Any) -> float:
    """A's share of the votes, pair of profiles by pair of profiles."""
    levels = found.design.n_levels
    codes = profiles(levels)
    total = 0.0
    for label, share in found.electorate.items():
        for t, p in zip(codes, chances(policy_a, levels), strict=True):
            for u, q in zip(codes, chances(policy_b, levels), strict=True):
                total += share * p * q * float(found.models[label].predict(t[None], u[None])[0])
    return total


def pull(policy: Any, probs: Any, beta: float, penalty: str = "kl") -> float:
    distances = {
        "kl": lambda x, p: np.sum(x * np.log(x / p)),
        "reverse_kl": lambda x, p: np.sum(p * np.log(p / x)),
        "l2": lambda x, p: np.sum((x - p) ** 2),
    }
    return beta * float(sum(distances[penalty](x, p) for x, p in zip(policy, probs, strict=True)))


def shifted(found: cj.Game, source: Any, key: Any, k: int, step: float) -> cj.Game:
    """The game with one coefficient of a model of the game or of its primaries moved."""
    old = source.models[key]
    ends = np.cumsum(np.array(LEVELS) - 1)[:-1]
    main = [np.concatenate([[0.0], part]) for part in np.split(old.coef[1:], ends)]
    intercept = old.intercept + step * (k == 0)
    if k > 0:
        flat = old.coef[1:].copy()
        flat[k - 1] += step
        main = [np.concatenate([[0.0], part]) for part in np.split(flat, ends)]
    models = {**source.models, key: replace(old, main=tuple(main), intercept=intercept)}
    votes = found.primaries
    if source is votes and votes is not None:
        votes = cj.Primaries(models, electorates=votes.electorates, strength=votes.strength)
        models = dict(found.models)
    return cj.Game(models, electorate=found.electorate, slate_a=found.slate_a, slate_b=found.slate_b, primaries=votes)

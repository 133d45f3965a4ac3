"""Small models of known scores, and expectations as sums over all pairs of profiles."""

import itertools
from typing import Any

import numpy as np

from prefcore import conjoint as cj

LEVELS = [2, 3, 3]


def random_model(seed: int, *, levels: Any = LEVELS, interact: bool = False, **options: Any) -> cj.OutcomeModel:
    rng = np.random.default_rng(seed)
    main = [rng.normal(0.0, 0.7, n) for n in levels]
    inter = {(0, 2): rng.normal(0.0, 0.5, (levels[0], levels[2]))} if interact else None
    probs = [rng.dirichlet(np.full(n, 5.0)) for n in levels]
    return cj.OutcomeModel.from_scores(main, inter, design=cj.Design(levels, probs=probs), **options)


def random_policy(seed: int, levels: Any = LEVELS) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.dirichlet(np.ones(n)) for n in levels]


def profiles(levels: Any) -> Any:
    return np.array(list(itertools.product(*map(range, levels))))


def chances(policy: Any, levels: Any) -> Any:
    codes = profiles(levels)
    return np.prod([own[codes[:, d]] for d, own in enumerate(policy)], axis=0)


def enumerated(model: cj.OutcomeModel, policy: Any, opponent: Any = None) -> float:
    levels = model.design.n_levels
    codes, mine = profiles(levels), chances(policy, levels)
    if not model.paired:
        return float(mine @ model.predict(codes))
    theirs = chances(model.design.probs if opponent is None else opponent, levels)
    left, right = np.repeat(codes, len(codes), axis=0), np.tile(codes, (len(codes), 1))
    return float(mine @ model.predict(left, right).reshape(len(codes), -1) @ theirs)

"""Inputs of vector records that are given by a recipe instead of numbers: splitmix64 streams, games, duels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import surveys

Floats = NDArray[np.float64]
_MASK = (1 << 64) - 1


def stream(seed: int, count: int) -> NDArray[np.uint64]:
    """The first `count` numbers of splitmix64."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed & _MASK) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _units(seed: int, count: int) -> Floats:
    return (stream(seed, count) >> np.uint64(44)).astype(np.float64) / 2**20


def _game(n: int, upper: Floats) -> Floats:
    payoff = np.full((n, n), 0.5)
    payoff[np.triu_indices(n, 1)] = upper
    return np.where(np.tri(n, k=-1, dtype=bool), 1 - payoff.T, payoff)


def uniform(n: int, seed: int) -> Floats:
    """Win probabilities, uniform in [0, 1)."""
    return _game(n, _units(seed, n * (n - 1) // 2))


def tournament(n: int, seed: int) -> Floats:
    """Wins, 0 or 1."""
    return _game(n, (stream(seed, n * (n - 1) // 2) >> np.uint64(63)).astype(np.float64))


def condorcet(n: int, seed: int) -> Floats:
    """`uniform` with a first action that beats all others."""
    payoff = uniform(n, seed)
    payoff[0, 1:] = np.maximum(0.5 + payoff[0, 1:] / 2, 0.5 + 2.0**-20)
    payoff[1:, 0] = 1 - payoff[0, 1:]
    return payoff


def ref_logits(n: int, seed: int) -> Floats:
    """Logits in [-2, 2): the `dyadic` reference."""
    return 4 * _units(seed, n) - 2


def duel(n: int, rows: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Comparisons of items of strength 1 + (i mod 16), one in eight a tie: first, second, score of the first."""
    z0, z1, z2, z3 = stream(seed, 4 * rows).reshape(rows, 4).T
    first = ((z0 >> np.uint64(32)) % np.uint64(n)).astype(np.int64)
    second = ((z1 >> np.uint64(32)) % np.uint64(n - 1)).astype(np.int64)
    second += second >= first
    strength = 1 + first % 16, 1 + second % 16
    wins = (z3 >> np.uint64(44)).astype(np.int64) * (strength[0] + strength[1]) < strength[0] << 20
    return first, second, np.where((z2 >> np.uint64(44)) < 131072, 0.5, wins.astype(np.float64))


def feature(rows: int, seed: int) -> Floats:
    """A column in [-1, 1)."""
    return 2 * _units(seed, rows) - 1


def part(values: Any, at: int) -> Any:
    """One of several results, as of `duel`."""
    return values[at]


def table(values: Any, first: int, second: int) -> Any:
    """The entry of a pair of factors."""
    return values[first, second]


def batch(*arrays: Floats) -> Floats:
    """One after the other along a new first axis."""
    return np.stack(arrays)


def centered(logits: Any) -> Floats:
    """Logits up to a constant."""
    return np.asarray(logits - np.mean(logits))


def divergence(log_from: Any, log_to: Any) -> Floats:
    """KL of one policy from each of several, in terms that are never negative."""
    gap = log_to - log_from
    return np.asarray((np.exp(log_from) * (np.expm1(gap) - gap)).sum(-1))


def contest(
    n_levels: Any,
    models: Any,
    shares: Any,
    slates: Any = None,
    primaries: Any = None,
    covariance: Any = None,
) -> Any:
    """A `conjoint.Game`: models by group with `main` (all levels in a row) or `table` (of two factors), `intercept`,
    `link`; slates of A and B, all levels in a row; models of the primaries of A and B likewise; one covariance of all
    models in blocks."""
    from prefcore.conjoint import Design, Game, OutcomeModel, Primaries

    ends = np.cumsum(n_levels)[:-1]
    designs = [Design(n_levels, probs=None if slate is None else np.split(slate, ends)) for slate in slates or (None,)]

    def model(scores: Any, errors: Any = None) -> Any:
        main = np.split(np.array(scores.get("main", np.zeros(sum(n_levels)))), ends)
        inter = {(0, 1): scores["table"]} if "table" in scores else None
        options = {key: scores[key] for key in ("intercept", "link") if key in scores}
        return OutcomeModel.from_scores(main, inter, design=designs[0], covariance=errors, **options)

    blocks = [None] * len(models)
    if covariance is not None:
        size = len(covariance) // len(models)
        blocks = [np.array(covariance)[k : k + size, k : k + size] for k in range(0, len(covariance), size)]
    return Game(
        {label: model(scores, errors) for (label, scores), errors in zip(models.items(), blocks, strict=True)},
        electorate=shares,
        slate_a=designs[0],
        slate_b=designs[-1],
        primaries=None if primaries is None else Primaries({key: model(scores) for key, scores in primaries.items()}),
    )


def contest_equilibrium(game: Any, **options: Any) -> Any:
    """The equilibrium of a `contest`, the policies with all levels in a row."""
    from dataclasses import replace

    from prefcore.conjoint import equilibrium

    found = equilibrium(contest(**game), **options)
    names = ("policy_a", "policy_b", "policy_a_std_error", "policy_b_std_error")
    flat = {name: np.concatenate(own) for name in names if (own := getattr(found, name)) is not None}
    return replace(found, **flat)


def contest_value(game: Any, policy_a: Any, policy_b: Any) -> Any:
    """Value of a `contest` at policies."""
    from prefcore.conjoint import game_value

    return game_value(contest(**game), policy_a, policy_b)


def contest_at_equilibrium(game: Any, **options: Any) -> Any:
    """Value of a `contest` at its equilibrium."""
    from prefcore.conjoint import equilibrium, game_value

    found = contest(**game)
    end = equilibrium(found, **options)
    return game_value(found, end.policy_a, end.policy_b)


def contest_response_gain(game: Any, player: str, **options: Any) -> Any:
    """What a party of a `contest` gains by its best response to the other's equilibrium policy, pull included."""
    from prefcore.conjoint import best_response, equilibrium

    found = contest(**game)
    end = equilibrium(found, **options)
    best = best_response(found, player, end.policy_b if player == "a" else end.policy_a, **options)
    own = end.policy_a if player == "a" else end.policy_b
    again = best_response(found, player, end.policy_b if player == "a" else end.policy_a, **options, init=own)
    return best.objective - again.objective


def outcome_model(
    main: Any,
    n_levels: Any,
    *,
    probs: Any = None,
    inter: Any = (),
    table: Any = None,
    intercept: float = 0.0,
    link: str = "logit",
    paired: bool = True,
    covariance: Any = None,
) -> Any:
    """A model of known scores: flat [M] scores and probabilities, interactions as [flat level, flat level, score].

    `table` [L0, L1] is a score of the pairs of levels of factors 0 and 1.
    """
    from prefcore import conjoint

    sizes = np.asarray(n_levels, dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    factor = np.repeat(np.arange(len(sizes)), sizes)
    tables = {} if table is None else {(0, 1): table}
    for one, other, score in np.asarray(inter, dtype=np.float64).reshape(-1, 3):
        i, j = int(one), int(other)
        pair = (int(factor[i]), int(factor[j]))
        tables.setdefault(pair, np.zeros(sizes[list(pair)]))[i - starts[pair[0]], j - starts[pair[1]]] += score
    split = starts[1:-1]
    design = conjoint.Design(sizes, probs=None if probs is None else np.split(np.asarray(probs), split))
    return conjoint.OutcomeModel.from_scores(
        np.split(np.asarray(main, dtype=np.float64), split),
        tables,
        design=design,
        intercept=intercept,
        link=link,
        paired=paired,
        covariance=covariance,
    )


def flat(policy: Any) -> Any:
    """Probabilities of all levels in a row, of a policy or of a result that has one."""
    return np.concatenate(getattr(policy, "policy", policy))


def optimal_policy(model: Any, **options: Any) -> Any:
    """`conjoint.optimal_policy` with its arrays per factor in a row, for records."""
    from dataclasses import replace

    from prefcore import conjoint

    result = conjoint.optimal_policy(model, **options)
    errors = result.policy_std_error
    return replace(result, policy=flat(result), policy_std_error=None if errors is None else np.concatenate(errors))


def policy_of(flat_policy: Any, n_levels: Any) -> Any:
    """One array per factor from the probabilities of all levels in a row."""
    return np.split(np.asarray(flat_policy, dtype=np.float64), np.cumsum(np.asarray(n_levels, dtype=np.int64))[:-1])


def objective_slopes(model: Any, policy: Any, **options: Any) -> Any:
    """`grad_logits` of `conjoint.policy_objective`: in a record a field of that prefix is a gradient of autograd."""
    from prefcore import conjoint

    return conjoint.policy_objective(model, policy, **options).grad_logits


def crossfitted(data: Any, folds: Any, policy: Any) -> Any:
    """Value of a policy with a logit of main effects without intercept; `dr_by_fold` beside the fields."""
    from types import SimpleNamespace

    from prefcore import conjoint

    def fit(part: Any) -> Any:
        return conjoint.fit_outcome_logit(part, intercept=False)

    found = conjoint.crossfit_policy_value(data, policy, fit=fit, folds=folds)
    return SimpleNamespace(**vars(found), dr_by_fold=found.by_fold["dr"])


def survey(name: str) -> Any:
    """Real data, as a function of `surveys` returns them."""
    return getattr(surveys, name)()


def dummies(left: Any, right: Any, n_levels: Any) -> Floats:
    """[2 T, 1 + levels - 1 of each factor] a set per pair: a column of 1 for the left profile, and levels above 0."""
    pairs = np.stack([left, right], axis=1).reshape(-1, len(n_levels)).astype(np.int64)
    columns = [np.tile([1.0, 0.0], len(left))]
    columns += [(pairs[:, d] == level) * 1.0 for d, n in enumerate(n_levels) for level in range(1, int(n))]
    return np.column_stack(columns)


def inverse(matrix: Floats) -> Floats:
    """Of a covariance: the Hessian."""
    return np.linalg.inv(matrix)


def soft_update(ref: Any, policy: Any, *, alpha: float) -> Any:
    """The weights of a reference after one update."""
    import pytest
    import torch

    pytest.importorskip("transformers", reason="transformers is not installed")
    from prefcore.integrations.transformers import soft_update

    models = [torch.nn.ParameterDict({"weight": values}) for values in (ref, policy)]
    soft_update(*models, alpha=alpha)
    return models[0]["weight"]

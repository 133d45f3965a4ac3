"""Errors of equilibria and of best responses by the delta method, and the distance of two policies."""

from typing import Any, NamedTuple

import numpy as np

from prefcore import _rust
from prefcore._estimates import Floats
from prefcore.conjoint import _game_value
from prefcore.conjoint._equilibria import Divergence
from prefcore.conjoint._expectation import by_factor
from prefcore.conjoint._game import Game

Pulls = tuple[tuple[Floats, Floats], tuple[list[float], list[float]], str]


def known(game: Game) -> bool:
    """Whether all models have a covariance."""
    return all(model.covariance is not None for model in _game_value.parameters(game))


def covariance(game: Game) -> Floats:
    """Return [P, P] of all parameters: the models' own in blocks, as they are fitted to different respondents."""
    parts = [model.covariance for model in _game_value.parameters(game) if model.covariance is not None]
    whole = np.zeros((sum(map(len, parts)),) * 2)
    start = 0
    for part in parts:
        end = start + len(part)
        whole[start:end, start:end] = part
        start = end
    return whole


def reply_slopes(
    game: Game,
    argument: Any,
    facing: bool,
    policies: tuple[Floats, Floats, Floats],
    pull: tuple[list[float], str],
) -> Floats | None:
    """Derivatives of the best policy and of its value by all parameters; None where there are no errors."""
    if not known(game):
        return None
    rival, _, own = policies
    direct = _game_value.slopes(game, rival, own) if facing else _game_value.slopes(game, own, rival)
    sign, slopes = (-1.0, direct.other) if facing else (1.0, direct.own)
    by = slopes.shape[1], sign * direct.value, np.ascontiguousarray(sign * slopes).ravel()
    found = _rust.game_reply_slopes(argument, facing, policies, pull, by)
    return None if found is None else found.reshape(len(own) + 1, -1)


class Errors(NamedTuple):
    """Of an equilibrium."""

    policy_a: tuple[Floats, ...] | None
    policy_b: tuple[Floats, ...] | None
    value: float | None
    jacobian: Floats | None
    covariance: Floats | None
    by_group: dict[Any, float]


def errors_of(game: Game, argument: Any, pulls: Pulls, policies: Floats) -> Errors:
    """Implicit differentiation of the equilibrium; the covariances of the models stand in blocks."""
    own, other = np.split(policies, 2)
    missing = Errors(None, None, None, None, None, _game_value.by_group(game, own, other))
    if not known(game):
        return missing
    direct = _game_value.slopes(game, own, other)
    changes = np.concatenate([direct.own, -direct.other])
    answer = _rust.game_responses(argument, pulls, policies, (changes.ravel(), changes.shape[1]))
    if answer is None:
        return missing
    answer = answer.reshape(changes.shape)
    _, steep = _rust.game_slopes(argument, own, other)
    jacobian = np.concatenate([answer, [direct.value + steep @ answer]])
    covered = jacobian @ covariance(game) @ jacobian.T
    errors = np.sqrt(np.maximum(np.diag(covered), 0.0))
    policy_a, policy_b = np.split(errors[:-1], 2)
    return missing._replace(
        policy_a=by_factor(policy_a, game.design),
        policy_b=by_factor(policy_b, game.design),
        value=float(errors[-1]),
        jacobian=jacobian,
        covariance=covered,
    )


def distance(pairs: list[tuple[Floats, Floats]]) -> Divergence:
    """Return how far two policies are from each other, from the pairs of their factors."""
    variation = np.array([0.5 * np.abs(a - b).sum() for a, b in pairs])
    return Divergence(float(variation.mean()), float(np.mean([_jeffreys(a, b) for a, b in pairs])), variation)


def _jeffreys(a: Floats, b: Floats) -> float:
    """(KL(a, b) + KL(b, a)) / 2 = sum (a - b) log(a / b) / 2."""
    used = (a > 0) | (b > 0)
    a, b = a[used], b[used]
    if not (a > 0).all() or not (b > 0).all():
        return float("inf")
    return float(0.5 * ((a - b) * np.log(a / b)).sum())


#: differences of probabilities below this are 0, where |a - b| has no derivative
_SAME = 1e-12


def divergence(game: Game, own: Floats, other: Floats, covariance: Floats | None) -> Divergence:
    """Return the distance of two flat policies with its errors, from the covariance of both and of the value."""
    found = distance(list(zip(by_factor(own, game.design), by_factor(other, game.design), strict=True)))
    if covariance is None:
        return found
    count, apart = 2 * len(game.design.factors), own - other
    both = np.block([np.eye(len(own)), -np.eye(len(own))])
    of_policies = covariance[:-1, :-1]
    moves = np.diag(both @ of_policies @ both.T) > _SAME**2
    variation = symmetric = None
    if not (moves & (np.abs(apart) < _SAME)).any():
        sign = np.sign(apart) * moves
        variation = _std_error(np.concatenate([sign, -sign]) / count, of_policies)
    if np.isfinite(found.symmetric_kl):
        used = own > 0
        ratio = np.where(used, own, 1.0) / np.where(used, other, 1.0)
        slopes = [np.log(ratio) + 1.0 - 1.0 / ratio, 1.0 - np.log(ratio) - ratio]
        symmetric = _std_error(np.concatenate(slopes) / count, of_policies)
    return found._replace(total_variation_std_error=variation, symmetric_kl_std_error=symmetric)


def _std_error(slope: Floats, covariance: Floats) -> float:
    return float(np.sqrt(max(float(slope @ covariance @ slope), 0.0)))

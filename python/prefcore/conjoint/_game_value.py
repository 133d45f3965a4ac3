"""Value of a game of two parties at fixed policies, and its derivatives by the parameters of the models."""

from typing import Any, NamedTuple

import numpy as np

from prefcore import _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats, sigmoid
from prefcore.conjoint._equilibria import GameValue
from prefcore.conjoint._expectation import numbers
from prefcore.conjoint._game import Game, Primaries, field, general, primary
from prefcore.conjoint._profiles import all_profiles, conditional, features, joint
from prefcore.conjoint.model import OutcomeModel

Argument = Any


class Slopes(NamedTuple):
    """Derivatives by all parameters."""

    value: Floats
    """[P] of Q."""
    own: Floats
    """[M, P] of dQ/dpi."""
    other: Floats
    """[M, P] of dQ/drho."""


def argument(game: Game) -> Argument:
    """Return what the solver takes: groups of voters, or the payoffs of entrants."""
    if game.primaries is None:
        return groups(game)
    return game.design.n_levels.tolist(), game.payoff_matrix().ravel()


def groups(game: Game) -> list[tuple[float, Any]]:
    """Return shares and models of the groups of voters."""
    return [(share, numbers(game.models[label])) for label, share in game.electorate.items()]


def parameters(game: Game) -> list[OutcomeModel]:
    """Return the models whose `coef` are the parameters, in their order."""
    models = [game.models[label] for label in game.electorate]
    return models if game.primaries is None else [*models, *game.primaries.models.values()]


def value(game: Game, own: Floats, other: Floats) -> GameValue:
    """Return Q and its parts at product policies, flat."""
    if game.primaries is None:
        shares = by_group(game, own, other)
        total = float(sum(share * shares[label] for label, share in game.electorate.items()))
        gradient, _, _ = _rust.game_parameters(groups(game), own, other)
        return GameValue(total, total, None, None, None, None, None, None, shares, gradient)
    return _Nominations(game, game.primaries, own, other).value()


def slopes(game: Game, own: Floats, other: Floats) -> Slopes:
    """Return the derivatives of Q and of its slopes by all parameters."""
    if game.primaries is None:
        gradient, ours, theirs = _rust.game_parameters(groups(game), own, other)
        return Slopes(gradient, ours.reshape(len(own), -1), theirs.reshape(len(own), -1))
    return _Nominations(game, game.primaries, own, other).slopes()


def by_group(game: Game, own: Floats, other: Floats) -> dict[Any, float]:
    """Return Q among the voters of each group."""
    if game.primaries is None:
        return dict(zip(game.electorate, _rust.game_groups(groups(game), own, other), strict=True))
    return _Nominations(game, game.primaries, own, other).by_group()


class _Nominations:
    """Entrants, nominees and payoffs of all profiles of a game with primaries, by enumeration.

    With weights a, b over the entrants the value is a K_A C K_B' b'. Weights may be rows: of a party given each level.
    """

    def __init__(self, game: Game, primaries: Primaries, own: Floats, other: Floats) -> None:
        self.game, self.primaries, self.design = game, primaries, game.design
        self.profiles = all_profiles(self.design)
        self.field = field(primaries)
        self.wins = primary(primaries, "a"), primary(primaries, "b")
        self.nominations = game.nomination_matrix("a"), game.nomination_matrix("b")
        self.general = general(game)
        self.own, self.other = own, other
        self.entrants = joint(own, self.design)[None, :], joint(other, self.design)[None, :]

    def value(self) -> GameValue:
        a, b = self.entrants[0][0], self.entrants[1][0]
        nominees = self.nominees()
        won = a * (self.wins[0] @ self.field), b * (self.wins[1] @ self.field)
        lost = nominees[0] - won[0], nominees[1] - won[1]
        meet = [(won[0], won[1]), (won[0], lost[1]), (lost[0], won[1]), (lost[0], lost[1])]
        return GameValue(
            value=float(nominees[0] @ self.general @ nominees[1]),
            general_only=float(a @ self.general @ b),
            entrant_wins_a=float(won[0].sum()),
            entrant_wins_b=float(won[1].sum()),
            nominee_a=nominees[0],
            nominee_b=nominees[1],
            quadrant_weights=np.array([x.sum() * y.sum() for x, y in meet]),
            quadrant_values=np.array([x @ self.general @ y for x, y in meet]),
            by_group=self.by_group(),
            gradient=self.derivatives(*self.entrants)[0],
        )

    def nominees(self) -> tuple[Floats, Floats]:
        return (self.entrants[0] @ self.nominations[0])[0], (self.entrants[1] @ self.nominations[1])[0]

    def by_group(self) -> dict[Any, float]:
        own, other = self.nominees()
        return {label: float(own @ general(self.game, label) @ other) for label in self.game.electorate}

    def slopes(self) -> Slopes:
        a, b = self.entrants
        return Slopes(
            value=self.derivatives(a, b)[0],
            own=self.derivatives(conditional(self.own, self.design), b),
            other=self.derivatives(a, conditional(self.other, self.design)),
        )

    def derivatives(self, a: Floats, b: Floats) -> Floats:
        """Return the derivatives of the value by all parameters for each row of weights, [R, P]."""
        nominees = a @ self.nominations[0], b @ self.nominations[1]
        parts = [self._by_voters(label, share, *nominees) for label, share in self.game.electorate.items()]
        worth = nominees[1] @ self.general.T, nominees[0] @ self.general
        for label, model in self.primaries.models.items():
            found = np.zeros((max(len(a), len(b)), len(model.coef)))
            electorates = self.primaries.electorates.values()
            for weights, worths, electorate in zip((a, b), worth, electorates, strict=True):
                if label in electorate:
                    found += electorate[label] * self._by_primary(model, weights, worths)
            parts.append(found)
        return np.concatenate(parts, axis=1)

    def _by_voters(self, label: Any, share: float, a: Floats, b: Floats) -> Floats:
        """By the scores of a group: sum of a(t) b(u) link'(t, u) (x_t - x_u)."""
        model = self.game.models[label]
        steep = _steepness(model, self.profiles, 1.0)
        return share * self._by_scores(model, a * (b @ steep.T), (a @ steep) * b)

    def _by_primary(self, model: OutcomeModel, weights: Floats, worth: Floats) -> Floats:
        """By scores in a primary: sum of weight(t) p(t') kappa'(t, t') (worth(t) - worth(t')) (x_t - x_t')."""
        steep, p = self.primaries.strength * _steepness(model, self.profiles, self.primaries.strength), self.field
        first = weights * (worth * (steep @ p) - (p * worth) @ steep.T)
        second = p * ((weights * worth) @ steep - worth * (weights @ steep))
        return self._by_scores(model, first, second)

    def _by_scores(self, model: OutcomeModel, first: Floats, second: Floats) -> Floats:
        found = (first - second) @ features(self.profiles, model)
        return np.concatenate([first.sum(1, keepdims=True), found], axis=1) if model.has_intercept else found


def _steepness(model: OutcomeModel, profiles: Ints, strength: float) -> Floats:
    """Return the derivative of the link by what it is of, for all pairs of profiles."""
    scores = model.score(profiles)
    if model.link == "identity":
        return np.ones((len(scores),) * 2)
    chance = sigmoid(strength * (model.intercept + np.subtract.outer(scores, scores)))
    return np.asarray(chance * (1.0 - chance))

"""A contest of two parties: voters, slates, primaries, and its payoff profile by profile."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._estimates import Floats, sigmoid
from prefcore.conjoint._policies import shares
from prefcore.conjoint._profiles import all_profiles, joint
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel
from prefcore.errors import DomainError, ShapeError

PARTIES = ("a", "b")


class Primaries:
    """Primary elections: the entrant of a party meets a rival drawn from a slate, and the winner is nominated.

    kappa(t, t') = sum_g electorate_g sigmoid(strength (c_g + s_g(t) - s_g(t')))

    is the chance that entrant t beats t' of the field; its own policy moves the entrant only.
    """

    models: Mapping[Any, OutcomeModel]
    """By group of voters."""
    electorates: Mapping[Any, Mapping[Any, float]]
    """Party A, then B: shares of the groups in its primary."""
    strength: float
    field: Design | None

    def __init__(
        self,
        models: Mapping[Any, OutcomeModel],
        *,
        electorates: Mapping[Any, Mapping[Any, float]] | None = None,
        strength: float = 1.0,
        field: Design | None = None,
    ) -> None:
        """Name who votes in the primaries.

        Args:
            models: group of voters -> model of their choices between candidates of one party, of pairs with a logit
                link. Without `electorates`: of the voters of party A, then of those of party B.
            electorates: party -> group -> share, first party A, then B: open primaries.
            strength: what differences of scores are multiplied by, > 0.
            field: slate of the rivals; None: the design of the models.
        Raises: DomainError, ShapeError, TypeError.
        """
        self.models = voters("models", models)
        for label, model in self.models.items():
            if model.link != "logit":
                raise DomainError(f"models[{label!r}] of primaries must have a logit link, got {model.link!r}")
        if electorates is None:
            electorates = {label: {label: 1.0} for label in self.models}
        if len(electorates) != 2:
            what = "models must be of two parties (see electorates)" if len(self.models) != 2 else "electorates must"
            raise ShapeError(f"{what} name party A, then party B, got {len(electorates)}")
        self.electorates = {
            party: shares(f"electorates[{party!r}]", given, self.models, "models")
            for party, given in electorates.items()
        }
        self.strength = _arrays.number("strength", strength)
        _arrays.refuse("strength", self.strength, not 0 < self.strength < np.inf, "a finite number > 0")
        self.field = None if field is None else _slate("field", field, self.design)

    @property
    def design(self) -> Design:
        """Of the models."""
        return next(iter(self.models.values())).design

    def __repr__(self) -> str:
        """Parties with their electorates."""
        lines = [f"{party}: {_listed(electorate)}" for party, electorate in self.electorates.items()]
        return "\n".join([f"Primaries: strength {self.strength:g}", *lines])


class Game:
    """A contest between party A and party B: Q(t, u) = sum_g share_g link(c_g + s_g(t) - s_g(u)), which A maximizes.

    t is the candidate of A and u that of B; the intercept c_g is an advantage of A, so leave it out where "left" and
    "right" were assigned at random. With primaries t and u are nominees.

    >>> model = OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))
    >>> Game({"all": model}, electorate={"all": 1.0}).payoff_matrix().round(3)
    array([[0.5  , 0.269],
           [0.731, 0.5  ]])
    """

    models: Mapping[Any, OutcomeModel]
    electorate: Mapping[Any, float]
    slate_a: Design
    slate_b: Design
    primaries: Primaries | None

    def __init__(
        self,
        models: Mapping[Any, OutcomeModel],
        *,
        electorate: Mapping[Any, float] | None = None,
        slate_a: Design | None = None,
        slate_b: Design | None = None,
        primaries: Primaries | None = None,
    ) -> None:
        """Name who votes, and what the parties are held to.

        Args:
            models: group of voters -> model of pairs, all of the same factors and levels; any number of groups.
            electorate: group -> share of the voters, which add up to 1; None: shares of the tasks of the models.
            slate_a: Design whose `probs` are the baseline of party A; a level of probability 0 is never taken. None:
                the design of the models.
            slate_b: that of party B.
            primaries: who nominates the candidates; to 4,096 profiles.
        Raises: DomainError, ShapeError, TypeError.
        """
        self.models = voters("models", models)
        if electorate is None:
            electorate = _shares_of_tasks(self.models)
        self.electorate = shares("electorate", electorate, self.models, "models")
        self.slate_a = _slate("slate_a", slate_a, self.design)
        self.slate_b = _slate("slate_b", slate_b, self.design)
        if primaries is not None:
            if not isinstance(primaries, Primaries):
                raise TypeError(f"primaries must be Primaries, got a {type(primaries).__name__}")
            _same_levels("primaries", primaries.design, self.design)
        self.primaries = primaries

    @property
    def design(self) -> Design:
        """Of the models."""
        return next(iter(self.models.values())).design

    def payoff_matrix(self) -> Floats:
        """Return what A wins with every profile against every profile of B, the last factor running fastest.

        Without primaries C, with them K_A C K_B', whose rows and columns are entrants. `games.solve_zero_sum_kl` of it
        is the equilibrium in joint policies, in which factors may depend on each other.

        Returns: [N, N]
        Raises: DomainError above 4,096 profiles.
        """
        matrix = general(self)
        if self.primaries is None:
            return matrix
        return np.asarray(self.nomination_matrix("a") @ matrix @ self.nomination_matrix("b").T)

    def nomination_matrix(self, party: str) -> Floats:
        """Return how likely each profile is nominated given the entrant of a party, K[t, x].

        K[t, x] = kbar(t) 1[x = t] + p(x) (1 - kappa(t, x)),   kbar(t) = sum_x p(x) kappa(t, x)

        with the field p; each row adds up to 1. Without primaries entrants are nominees.

        Args:
            party: "a" or "b".
        Returns: [N, N]
        Raises: DomainError for another party, or above 4,096 profiles.
        """
        _arrays.one_of("party", party, *PARTIES)
        if self.primaries is None:
            return np.eye(len(all_profiles(self.design)))
        wins, rivals = primary(self.primaries, party), field(self.primaries)
        return np.asarray((1.0 - wins) * rivals + np.diag(wins @ rivals))

    def __repr__(self) -> str:
        """Voters and profiles."""
        text = f"Game: {_listed(self.electorate)}; {self.design.n_profiles} profiles"
        return text if self.primaries is None else f"{text}\n{self.primaries}"


def general(game: Game, label: Any = None) -> Floats:
    """Return what A's nominee wins against B's, C [N, N]: among the voters of one group, or in the electorate."""
    profiles = all_profiles(game.design)
    matrix = np.zeros((len(profiles),) * 2)
    for group, share in game.electorate.items() if label is None else [(label, 1.0)]:
        model = game.models[group]
        scores = model.score(profiles)
        eta = model.intercept + np.subtract.outer(scores, scores)
        matrix += share * (sigmoid(eta) if model.link == "logit" else eta)
    return matrix


def primary(primaries: Primaries, party: str) -> Floats:
    """Return the chance that an entrant of a party beats a rival of its field, kappa [N, N]."""
    profiles = all_profiles(primaries.design)
    wins = np.zeros((len(profiles),) * 2)
    for label, share in list(primaries.electorates.values())[PARTIES.index(party)].items():
        model = primaries.models[label]
        scores = model.score(profiles)
        wins += share * sigmoid(primaries.strength * (model.intercept + np.subtract.outer(scores, scores)))
    return wins


def field(primaries: Primaries) -> Floats:
    """Return the probability of each rival in a primary, [N]."""
    slate = primaries.field or primaries.design
    return joint(np.concatenate(slate.probs), slate)


def voters(name: str, models: Any) -> dict[Any, OutcomeModel]:
    """Check groups of voters with their models of pairs."""
    if not isinstance(models, Mapping):
        raise TypeError(f"{name} must map groups of voters to models, got a {type(models).__name__}")
    if not models:
        raise ShapeError(f"{name} must have at least one group of voters, got none")
    first = None
    for label, model in models.items():
        if not isinstance(model, OutcomeModel):
            raise TypeError(f"{name}[{label!r}] must be an OutcomeModel, got a {type(model).__name__}")
        if not model.paired:
            raise DomainError(f"{name}[{label!r}] must be a model of pairs, got one of single profiles")
        if model.sample is not None:
            raise DomainError(f"{name}[{label!r}] must have exact expectations, got a sampled model")
        first = first or model
        _same_levels(f"{name}[{label!r}]", model.design, first.design)
    return dict(models)


def _shares_of_tasks(models: Mapping[Any, OutcomeModel]) -> dict[Any, float]:
    for label, model in models.items():
        if model.n_tasks == 0:
            raise DomainError(f"electorate must be given: models[{label!r}] was not fitted to tasks")
    total = sum(model.n_tasks for model in models.values())
    return {label: model.n_tasks / total for label, model in models.items()}


def _slate(name: str, slate: Design | None, design: Design) -> Design:
    if slate is None:
        return design
    if not isinstance(slate, Design):
        raise TypeError(f"{name} must be a Design, got a {type(slate).__name__}")
    _same_levels(name, slate, design)
    return slate


def _same_levels(name: str, design: Design, like: Design) -> None:
    if design.levels != like.levels or design.factors != like.factors:
        mine, theirs = design.n_levels.tolist(), like.n_levels.tolist()
        came = f"{mine} instead of {theirs}" if mine != theirs else "other names"
        raise ShapeError(f"{name} must have the factors and levels of the first model, got {came}")


def _listed(electorate: Mapping[Any, float]) -> str:
    return ", ".join(f"{label} {share:.1%}" for label, share in list(electorate.items())[:8])

"""A model of the outcome: scores of levels and of pairs of levels, and what they say about profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Ints
from prefcore._estimates import Floats, Shown, sigmoid
from prefcore.conjoint._anova import Anova, decompose, parts
from prefcore.conjoint._answers import codes_of
from prefcore.conjoint.design import Design, _probabilities
from prefcore.errors import DomainError, ShapeError

__all__ = ["OutcomeModel"]

Pair = tuple[int, int]


@dataclass(frozen=True, repr=False, eq=False)
class OutcomeModel(Shown):
    """Score of a profile, s(t) = sum_d main[d][t_d] + sum_de inter[d, e][t_d, t_e], and the chance that it wins.

    Of a pair P(left) = link(intercept + s(left) - s(right)), of one profile link(intercept + s(t)); `link` is "logit"
    (sigmoid) or "identity".
    """

    coef: Floats
    """[P] intercept if there is one, contrasts of each factor to level 0, then those of each interaction."""
    covariance: Floats | None
    """[P, P] of `coef`, of the form `vcov`."""
    main: tuple[Floats, ...]
    """[L] per factor: of sum 0 under a ridge, else level 0 is 0."""
    inter: Mapping[Pair, Floats]
    """[L_d, L_e] of each pair of factors d < e that interact."""
    intercept: float
    link: str
    paired: bool
    """Whether the outcome is that of a choice between profiles."""
    vcov: str
    """"given" where the covariance was not estimated here."""
    loglik: float
    """Without the penalty; nan for a model that was not fitted."""
    loglik_null: float
    """Of a model without any level: of a coin, or of a choice at random; nan where there is none."""
    n_tasks: int
    design: Design
    has_intercept: bool
    """Whether `coef` starts with the intercept."""
    converged: bool
    iterations: int
    residual: float
    """Newton decrement / number of tasks."""
    status: str
    sample: tuple[int, int] | None = None
    """Draws and seed of a model whose profiles are too many to enumerate; see `sampled`."""

    @classmethod
    def from_scores(
        cls,
        main: Sequence[Any],
        inter: Mapping[Pair, Any] | None = None,
        *,
        design: Design,
        intercept: float = 0.0,
        link: str = "logit",
        paired: bool = True,
        covariance: Any = None,
    ) -> Self:
        """Make a model of known scores, without data.

        Args:
            main: per factor, [L] scores of its levels.
            inter: of pairs of factors (d, e), d < e: [L_d, L_e] scores.
            design: factors, levels and their probabilities.
            intercept: added to the score, or to the difference of two.
            link: "logit" or "identity".
            paired: whether two profiles compete.
            covariance: [P, P] of the intercept (may be left out: then it is known), of the contrasts to level 0 of each
                factor, and of those of each interaction in the order of its cells; None: no errors.
        Returns: OutcomeModel.
        Raises: DomainError, ShapeError, TypeError.

        >>> model = OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))
        >>> model.predict([[1]], [[0]])
        array([0.73105858])
        """
        _arrays.one_of("link", link, "logit", "identity")
        if not isinstance(design, Design):
            raise TypeError(f"design must be a Design, got a {type(design).__name__}")
        if isinstance(main, str) or not hasattr(main, "__len__"):
            raise TypeError(f"main must hold one array for each factor, got {main!r:.60}")
        if not (inter is None or isinstance(inter, Mapping)):
            raise TypeError(f"inter must map pairs of factors (d, e) to tables, got {inter!r:.60}")
        n_levels = design.n_levels.tolist()
        if len(main) != len(n_levels):
            raise ShapeError(f"main must hold one array for each of {len(n_levels)} factors, got {len(main)}")
        mains = tuple(
            _scores(f"main[{d}]", scores, (n,)) for d, (scores, n) in enumerate(zip(main, n_levels, strict=True))
        )
        tables = {pair: _table(pair, scores, n_levels) for pair, scores in sorted((inter or {}).items())}
        known = _arrays.number("intercept", intercept)
        _arrays.finite("intercept", np.asarray(known))
        coef = contrasts(mains, tables)
        errors, has_intercept = None, False
        if covariance is not None:
            errors = _arrays.finite("covariance", _arrays.floats("covariance", covariance))
            if errors.shape not in {(len(coef),) * 2, (len(coef) + 1,) * 2}:
                wanted = f"[{len(coef)}, {len(coef)}], or one more with the intercept"
                raise ShapeError(f"covariance must be {wanted}, got {list(errors.shape)}")
            has_intercept = len(errors) > len(coef)
        return cls(
            coef=np.concatenate([[known], coef]) if has_intercept else coef,
            covariance=errors,
            main=mains,
            inter=tables,
            intercept=known,
            link=link,
            paired=_arrays.flag("paired", paired),
            vcov="given",
            loglik=float("nan"),
            loglik_null=float("nan"),
            n_tasks=0,
            design=design,
            has_intercept=has_intercept,
            converged=True,
            iterations=0,
            residual=0.0,
            status="fixed",
        )

    @property
    def std_error(self) -> Floats | None:
        """[P] of `coef`; None without a covariance."""
        return None if self.covariance is None else np.sqrt(np.diag(self.covariance))

    def score(self, profiles: Any) -> Floats:
        """Return the score of each profile.

        Args:
            profiles: [N, D] codes of levels.
        Returns: [N], without the intercept.
        Raises: DomainError, ShapeError, TypeError.
        """
        return self._score("profiles", profiles)

    def predict(self, left: Any, right: Any = None) -> Floats:
        """Return the chance that each left profile is chosen over the right one; without pairs, the expected outcome.

        Args:
            left: [N, D] codes of levels.
            right: [N, D]; None where the model is not of pairs.
        Returns: [N]
        Raises: DomainError, ShapeError, TypeError.
        """
        if (right is not None) != self.paired:
            wanted = "be given, as the model is of pairs" if self.paired else "be None: the model is of single profiles"
            raise DomainError(f"right must {wanted}")
        eta = self.intercept + self._score("left", left)
        if right is not None:
            other = self._score("right", right)
            _arrays.same_shape(left=eta, right=other)
            eta = eta - other
        return sigmoid(eta) if self.link == "logit" else eta

    def sampled(self, draws: int, *, seed: int = 0) -> Self:
        """Return the model with expectations over drawn profiles, for levels that interact in more than 4e6 profiles.

        All policies are compared on the same draws, and the outcomes given a level of a factor average over the drawn
        levels of the other factors (Rao-Blackwell): the error falls as 1/sqrt(draws). A policy of such a model has no
        standard errors. With no interaction or the identity link expectations stay exact.

        Args:
            draws: number of profiles, >= 2.
            seed: of the draws.
        Returns: OutcomeModel.
        Raises: DomainError, TypeError.
        """
        draws = _arrays.whole_number("draws", draws, 2, 1 << 31)
        seed = _arrays.whole_number("seed", seed, 0, 1 << 64)
        return replace(self, sample=(draws, seed), covariance=None)

    def anova(self, *, probs: Any = None) -> Anova:
        """Return the score as mean, what each level adds, and what each pair adds to that: sum-to-zero contrasts.

        mean = E s, main_d(l) = E(s | t_d = l) - mean, inter_de(l, m) = E(s | both) - main_d(l) - main_e(m) - mean

        Args:
            probs: of the levels, one array per factor, or by name; None: those of the design.
        Returns: Anova(mean, main, inter, covariance); the covariance maps that of `coef` linearly.
        Raises: DomainError, ShapeError, TypeError.
        Source: the parametrization of Egami and Imai, Causal interaction in factorial experiments (2019).

        >>> model = OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))
        >>> model.anova(probs=[[0.25, 0.75]])
        Anova(mean=0.75, main=(array([-0.75,  0.25]),), inter={}, covariance=None)
        """
        weights = self.design.probs if probs is None else _probabilities(probs, self.design.factors, self.design.levels)
        mean, main, inter = decompose(self.main, self.inter, weights)
        covariance = None
        if self.covariance is not None:
            first = int(self.has_intercept)
            linear = np.concatenate(parts(self.design, list(self.inter), weights), axis=1)
            covariance = linear.T @ self.covariance[first:, first:] @ linear
        return Anova(mean=float(mean), main=tuple(main), inter=inter, covariance=covariance)

    def _score(self, name: str, profiles: Any) -> Floats:
        codes = codes_of(name, profiles, self.design)
        total = np.zeros(len(codes))
        for d, scores in enumerate(self.main):
            total += scores[codes[:, d]]
        for (d, e), table in self.inter.items():
            total += table[codes[:, d], codes[:, e]]
        return total


def contrasts(main: Sequence[Floats], inter: Mapping[Pair, Floats]) -> Floats:
    """Return scores as contrasts to level 0: those of each factor, then those of each interaction, cell by cell."""
    mains = [scores - scores[0] for scores in main]
    for (d, e), table in inter.items():
        mains[d] = mains[d] + table[:, 0] - table[0, 0]
        mains[e] = mains[e] + table[0] - table[0, 0]
    tables = [table[1:, 1:] - table[1:, :1] - table[:1, 1:] + table[0, 0] for table in inter.values()]
    return np.concatenate([*(scores[1:] for scores in mains), *(table.ravel() for table in tables), np.zeros(0)])


def tables(design: Design, pairs: Sequence[Pair], coef: Floats) -> tuple[tuple[Floats, ...], dict[Pair, Floats]]:
    """Return contrasts (without the intercept) as scores of levels and of pairs of levels; level 0 has the score 0."""
    n_levels = design.n_levels.tolist()
    sizes = [n - 1 for n in n_levels] + [(n_levels[d] - 1) * (n_levels[e] - 1) for d, e in pairs]
    parts = np.split(coef, np.cumsum(sizes)[:-1])
    main = tuple(np.concatenate([[0.0], part]) for part in parts[: len(n_levels)])
    inter: dict[Pair, Floats] = {}
    for (d, e), part in zip(pairs, parts[len(n_levels) :], strict=True):
        inter[d, e] = np.zeros((n_levels[d], n_levels[e]))
        inter[d, e][1:, 1:] = part.reshape(n_levels[d] - 1, n_levels[e] - 1)
    return main, inter


def parameters(design: Design, pairs: Sequence[Pair]) -> list[Ints]:
    """Return the places in `coef` (without the intercept) of the free levels of each factor, then of interactions."""
    n_levels = design.n_levels.tolist()
    sizes = [n - 1 for n in n_levels] + [(n_levels[d] - 1) * (n_levels[e] - 1) for d, e in pairs]
    return np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])


def _table(pair: Any, scores: Any, n_levels: Sequence[int]) -> Floats:
    if not (isinstance(pair, tuple) and len(pair) == 2 and 0 <= pair[0] < pair[1] < len(n_levels)):
        raise DomainError(f"inter must have pairs of factors (d, e), d < e < {len(n_levels)}, as keys, got {pair!r}")
    return _scores(f"inter[{pair[0]}, {pair[1]}]", scores, (n_levels[pair[0]], n_levels[pair[1]]))


def _scores(name: str, values: Any, shape: tuple[int, ...]) -> Floats:
    array = _arrays.finite(name, _arrays.floats(name, values))
    if array.shape != shape:
        raise ShapeError(f"{name} must have shape {list(shape)} like the levels, got {list(array.shape)}")
    return array

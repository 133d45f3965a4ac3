"""Records of games of two parties."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from prefcore._estimates import Floats
from prefcore.conjoint.design import Design


class Divergence(NamedTuple):
    """How far two policies are from each other."""

    total_variation: float
    """Mean over the factors of sum |a - b| / 2, in [0, 1]."""
    symmetric_kl: float
    """Mean over the factors of (KL(a, b) + KL(b, a)) / 2 in nats; inf where one never takes a level that the other
    takes."""
    per_factor: Floats
    """[D] total variation of each factor."""
    total_variation_std_error: float | None = None
    """Delta method; None without errors of the policies, or where two probabilities are the same: a kink of |a - b|."""
    symmetric_kl_std_error: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class GameValue:
    """What party A wins at fixed policies, and its parts."""

    value: float
    """Q"""
    general_only: float
    """Q if the entrants were nominated without primaries."""
    entrant_wins_a: float | None
    """Chance that A's entrant is nominated; None without primaries."""
    entrant_wins_b: float | None
    nominee_a: Floats | None
    """[N] probability that a profile is nominated by A, the last factor running fastest; None without primaries."""
    nominee_b: Floats | None
    quadrant_weights: Floats | None
    """[4] probabilities that both entrants are nominated, only A's, only B's, none; None without primaries."""
    quadrant_values: Floats | None
    """[4] what each of these adds to `value`."""
    by_group: Mapping[Any, float]
    """Q among the voters of each group; their mean with the shares of the electorate is `value`."""
    gradient: Floats
    """[P] derivatives by `coef` of the models of all groups, one after the other, then of those of the primaries."""

    def __repr__(self) -> str:
        """Value, groups, primaries."""
        lines = [f"GameValue: {self.value:.4f}", _groups(self.by_group)]
        if self.entrant_wins_a is not None:
            wins = f"entrants nominated: A {self.entrant_wins_a:.3f}, B {self.entrant_wins_b:.3f}"
            lines.append(f"{wins}; without primaries {self.general_only:.4f}")
        return "\n".join(lines)


@dataclass(frozen=True, repr=False, eq=False)
class EquilibriumResult:
    """Policies of two parties of which neither gains by a change, and what proves it."""

    policy_a: tuple[Floats, ...]
    """[L] per factor."""
    policy_b: tuple[Floats, ...]
    value: float
    """Q: what A wins; B wins 1 - Q."""
    regularized_value: float
    """Q - pull of A + pull of B."""
    gap: float
    """What both could gain by other product policies, pull included: `gap_factorwise` where `concave_a` and
    `concave_b`, else an upper bound that holds for joint policies too."""
    gap_factorwise: float
    """What the best changes of single factors gain, summed over the factors of both."""
    pure_gain_a: float
    """Most that A gains by any change without the pull: by the best profile (an upper bound of it where 200,000 partial
    profiles do not decide)."""
    pure_gain_b: float
    concave_a: bool
    """Whether A is proven to have one best policy, so that best factors are a best policy."""
    concave_b: bool
    interaction_norm_a: float
    """Norm of the curvature of Q between the factors of A: exact for two factors, 0 for one, else a bound."""
    interaction_norm_b: float
    policy_a_std_error: tuple[Floats, ...] | None
    """Delta method; None where a model has no covariance, or the equilibrium no derivative."""
    policy_b_std_error: tuple[Floats, ...] | None
    value_std_error: float | None
    jacobian: Floats | None
    """[2 M + 1, P] derivatives of the levels of A, of B, and of Q by all `coef`, as in `GameValue.gradient`."""
    by_group: Mapping[Any, float]
    """Q among the voters of each group."""
    divergence: Divergence
    converged: bool
    iterations: int
    residual: float
    """`gap_factorwise`."""
    status: str
    _design: Design

    def __repr__(self) -> str:
        """Value, certificate, groups, and the two likeliest levels of each factor of both."""
        error = "" if self.value_std_error is None else f" ± {self.value_std_error:.4f}"
        proof = "proven" if self.concave_a and self.concave_b else "factors only"
        lines = [
            f"EquilibriumResult: value {self.value:.4f}{error}, gap {self.gap:.2g} ({proof}), "
            f"divergence {self.divergence.total_variation:.3f}",
            f"{self.status} after {self.iterations} steps; best profile gains A {self.pure_gain_a:.3f}, "
            f"B {self.pure_gain_b:.3f}",
            _groups(self.by_group),
        ]
        factors = list(zip(self._design.factors, self._design.levels, self.policy_a, self.policy_b, strict=True))
        for factor, names, own, other in factors[:8]:
            lines.append(f"{factor}: A {_top(names, own)}; B {_top(names, other)}")
        if len(factors) > 8:
            lines.append(f"(and {len(factors) - 8} more factors)")
        return "\n".join(lines)


def _groups(values: Mapping[Any, float]) -> str:
    shown = [f"{label} {value:.3f}" for label, value in list(values.items())[:8]]
    return "by group: " + ", ".join(shown) + (", ..." if len(values) > 8 else "")


def _top(names: tuple[str, ...], policy: Floats) -> str:
    best = np.argsort(-policy, kind="stable")[:2]
    return ", ".join(f"{names[level]} {policy[level]:.2f}" for level in best.tolist())

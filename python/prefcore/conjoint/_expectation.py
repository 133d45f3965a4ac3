"""Models and policies as the numbers that the expectations in Rust take."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._estimates import Floats
from prefcore.conjoint.design import Design, distribution
from prefcore.conjoint.model import OutcomeModel
from prefcore.errors import DomainError, ShapeError

Model = tuple[
    list[int],
    Floats,
    list[tuple[int, int, Floats]],
    tuple[float, bool, bool, bool],
    tuple[int, int] | None,
]


def numbers(model: OutcomeModel) -> Model:
    """Return levels, scores of levels, tables of pairs, (intercept, is it a parameter, logit, paired), the sample."""
    if not isinstance(model, OutcomeModel):
        raise TypeError(f"model must be an OutcomeModel, got a {type(model).__name__}")
    inter = [(d, e, np.ascontiguousarray(table).ravel()) for (d, e), table in model.inter.items()]
    ends = (model.intercept, model.has_intercept, model.link == "logit", model.paired)
    return model.design.n_levels.tolist(), np.concatenate(model.main), inter, ends, model.sample


def flat_policy(name: str, policy: Any, design: Design) -> Floats:
    """Return the probabilities of all levels in a row, from one array per factor or a result that has them.

    Factors that a mapping factor -> [L] does not name, and those of None, are as in the design.
    """
    policy = getattr(policy, "policy", policy)
    count = len(design.factors)
    if isinstance(policy, Mapping):
        if unknown := [factor for factor in policy if factor not in design.factors]:
            raise DomainError(f"{name} must name factors of the design, got {unknown[0]!r}")
        policy = [policy.get(factor, probs) for factor, probs in zip(design.factors, design.probs, strict=True)]
    if isinstance(policy, str) or not hasattr(policy, "__len__"):
        raise TypeError(f"{name} must hold one array for each factor, got a {type(policy).__name__}")
    if len(policy) != count:
        raise ShapeError(f"{name} must hold one array for each of {count} factors, got {len(policy)}")
    parts = [
        probs if own is None else distribution(f"{name}[{d}]", own, len(probs))
        for d, (own, probs) in enumerate(zip(policy, design.probs, strict=True))
    ]
    return np.concatenate(parts)


def by_factor(flat: Floats, design: Design) -> tuple[Floats, ...]:
    """Return an array per factor from the numbers of all levels in a row."""
    return tuple(np.split(flat, design.offsets[1:-1]))


def design_policy(design: Design) -> Floats:
    """Return the probabilities of the design, flat."""
    return np.concatenate(design.probs)


def rival(model: OutcomeModel, opponent: Any) -> Floats | None:
    """Return the policy of the other profile of a pair, the design where none is given; None without pairs."""
    if not model.paired:
        if opponent is not None:
            raise DomainError("opponent must be None: the model is of single profiles")
        return None
    return design_policy(model.design) if opponent is None else flat_policy("opponent", opponent, model.design)


def per_factor(name: str, values: Any, design: Design) -> list[float]:
    """Return one number >= 0 for each factor, from one number or from so many."""
    count = len(design.factors)
    if (isinstance(values, Sequence) and not isinstance(values, str)) or getattr(values, "ndim", 0) == 1:
        array = _arrays.finite(name, _arrays.floats(name, values), 0.0)
        if array.shape != (count,):
            raise ShapeError(f"{name} must be a number, or {count} numbers like the factors, got {list(array.shape)}")
        return list(array.tolist())
    number = _arrays.number(name, values)
    _arrays.refuse(name, number, not 0 <= number < float("inf"), "a finite number >= 0")
    return [number] * count

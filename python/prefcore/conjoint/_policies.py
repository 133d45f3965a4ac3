"""Policies as arguments: a distribution over the levels of each factor."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._estimates import Floats
from prefcore.conjoint._expectation import by_factor, flat_policy
from prefcore.conjoint.design import SLACK, Design
from prefcore.errors import DomainError

Policy = tuple[Floats, ...]


def checked(name: str, policy: Any, design: Design) -> Policy:
    """Return a policy as one distribution per factor; results with a `policy` are taken too.

    Raises: DomainError where weight lies on levels that the design never shows; ShapeError, TypeError.
    """
    parts = by_factor(flat_policy(name, policy, design), design)
    for d, (part, probs) in enumerate(zip(parts, design.probs, strict=True)):
        if (unseen := (part > 0) & (probs == 0)).any():
            level = design.levels[d][int(np.argmax(unseen))]
            factor = design.factors[d]
            raise DomainError(f"{name}[{d}] must be 0 where the design is, got weight on {level!r} of {factor!r}")
    return parts


def shares(name: str, given: Any, known: Collection[Any], of: str) -> dict[Any, float]:
    """Return the share of each voter group in the order of the known ones, which are those `of` the data or the models.

    They add up to 1 within 1e-9, and exactly afterwards. Raises: DomainError, TypeError.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must map groups to shares, got a {type(given).__name__}")
    for label, share in given.items():
        if label not in known:
            groups = ", ".join(map(repr, known))
            raise DomainError(f"{name} must name groups of the {of} ({groups}), got {label!r}")
        number = _arrays.number(f"{name}[{label!r}]", share)
        _arrays.refuse(f"{name}[{label!r}]", number, not 0 <= number <= 1 + SLACK, "a share in [0, 1]")
    total = float(sum(given.values()))
    if abs(total - 1.0) > SLACK:
        raise DomainError(f"{name} must add up to 1, got {total!r}")
    return {label: float(given[label]) / total for label in known if label in given}

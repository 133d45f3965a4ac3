"""All profiles of a design in a row, what a product policy says about each, and the features of a score."""

import numpy as np

from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.conjoint._expectation import by_factor
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel
from prefcore.errors import DomainError

#: profiles to which matrices of pairs of profiles are made
MOST_IN_MATRIX = 4_096


def all_profiles(design: Design) -> Ints:
    """Return [N, D] codes of every profile, the level of the last factor running fastest; to 4,096 profiles."""
    if design.n_profiles > MOST_IN_MATRIX:
        raise DomainError(f"a matrix of profiles must have at most {MOST_IN_MATRIX}, got {design.n_profiles} profiles")
    return np.stack(np.unravel_index(np.arange(design.n_profiles), design.n_levels), axis=1).astype(np.int64)


def joint(flat: Floats, design: Design) -> Floats:
    """Return the probability of every profile under a product policy, [N]."""
    found = np.ones(1)
    for part in by_factor(flat, design):
        found = np.multiply.outer(found, part).ravel()
    return found


def conditional(flat: Floats, design: Design) -> Floats:
    """Return the probability of every profile given each level, [M, N]."""
    rows = []
    for d, part in enumerate(by_factor(flat, design)):
        for level in range(len(part)):
            fixed = list(by_factor(flat, design))
            fixed[d] = np.eye(len(part))[level]
            rows.append(joint(np.concatenate(fixed), design))
    return np.array(rows)


def features(profiles: Ints, model: OutcomeModel) -> Floats:
    """Return the derivatives of the scores of profiles by `coef` without the intercept, [N, J]."""
    hot = [(profiles[:, d, None] == np.arange(1, n)).astype(float) for d, n in enumerate(model.design.n_levels)]
    pairs = [(hot[d][:, :, None] * hot[e][:, None, :]).reshape(len(profiles), -1) for d, e in model.inter]
    return np.concatenate([*hot, *pairs], axis=1)

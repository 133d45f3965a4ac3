"""Accuracy by section, which CDR and Themis report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefcore._arrays import Array


class Sections(NamedTuple):
    """Accuracy of a reward in each section of a benchmark."""

    sections: Array
    """[S] in the order in which they come."""
    accuracy: NDArray[np.float64]
    """[S]"""
    mean: float
    """Over the sections, each counts the same; NaN without one."""


def by_section(chosen: Any, rejected: Any, name: str, section: Any) -> Sections:
    """Share of the pairs of each section whose chosen side has the higher reward; a tie is wrong, as in RewardBench."""
    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.groups import group_by_ids
    from prefcore.metrics import pairwise_accuracy
    from prefcore.papers._inputs import renamed

    c, r = _arrays.floats("chosen", chosen), _arrays.floats("rejected", rejected)
    _arrays.one_dimensional("chosen", c)
    _arrays.same_shape(chosen=_arrays.finite("chosen", c), rejected=_arrays.finite("rejected", r))
    if (came := _arrays.to_numpy(name, section).shape) != c.shape:
        raise ShapeError(f"{name} must have shape {list(c.shape)} like chosen, got {list(came)}")
    with renamed(ids=name):
        rows, offsets, names = group_by_ids(section)
    accuracy = pairwise_accuracy(c[rows], r[rows], ties=0.0, offsets=offsets)
    return Sections(names, accuracy, float(accuracy.mean()) if len(accuracy) else float("nan"))

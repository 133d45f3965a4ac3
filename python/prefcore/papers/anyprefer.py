"""Anyprefer: an agentic framework for preference data synthesis (Zhou et al. 2025, arXiv 2504.19276)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefcore.pairs import Pairs

__all__ = ["Synthesis", "synthesize"]


class Synthesis(NamedTuple):
    """Pairs to train on, and prompts that go another round."""

    pairs: Pairs
    """Those of the prompts that are kept."""
    keep: NDArray[np.bool_]
    """[G]"""
    retry: NDArray[np.bool_]
    """[G] the others: revise the prompt and repeat."""


def synthesize(judge: Any, offsets: Any, pair_reward: Any, *, threshold: float) -> Synthesis:
    """Keep the pair of a judge's best and worst answer where a second reward finds it good enough.

    keep = the answers are not all tied and pair_reward >= threshold

    Args:
        judge: [n] scores of the answers by the judge, five a prompt in the paper; larger is better.
        offsets: int [G + 1] boundaries of the prompts.
        pair_reward: [G] reward of the pair of each prompt, NaN for a prompt without a pair.
        threshold: smallest reward that is kept, finite. No source gives the paper's.
    Returns: Synthesis(pairs, keep, retry).
    Raises: ShapeError, DomainError, TypeError.
    Source: Anyprefer; the threshold and the rule for ties are derived.

    >>> synthesize([7.0, 3.0, 9.0, 4.0, 5.0], [0, 3, 5], [8.5, 2.0], threshold=5.0).pairs.chosen
    array([2])
    """
    import numpy as np

    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.pairs import best_worst
    from prefcore.papers._inputs import renamed

    scores = _arrays.finite("judge", _arrays.column("judge", judge))
    with renamed(scores="judge"):
        found = best_worst(scores, offsets=offsets)
    rewards = _arrays.floats("pair_reward", pair_reward)
    groups = len(_arrays.integers("offsets", offsets)) - 1
    if rewards.shape != (groups,):
        raise ShapeError(f"pair_reward must have an entry for each of {groups} prompts, got {list(rewards.shape)}")
    threshold = _arrays.number("threshold", threshold)
    _arrays.refuse("threshold", threshold, not np.isfinite(threshold), "a finite number")
    paired = np.zeros(groups, dtype=bool)
    paired[found.group] = True
    _arrays.refuse("pair_reward", rewards, paired & np.isnan(rewards), "a number where there is a pair")
    keep = paired & (rewards >= threshold)
    return Synthesis(found.take(keep[found.group]), keep, ~keep)

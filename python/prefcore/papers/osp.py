"""OSP: online self-preferring language models (arXiv 2405.14103). Derived from its abstract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["RankedPairs", "loss", "ranked_pairs"]


def loss(chosen: Tensor, rejected: Tensor, prob: Num, *, beta: Num = 0.1) -> Tensor:
    """Soft-preference cross-entropy (SPCE): DPO towards the probability that the model itself gives a preference.

    loss = -p log sigmoid(z) - (1 - p) log sigmoid(-z),  z = beta (chosen - rejected)

    Lowest where sigmoid(z) = p, at the entropy of p: an uncertain pair pulls z to 0 rather than apart.

    Args:
        chosen: [B] log-ratios policy - reference of the responses that the judge ranks higher, in nats.
        rejected: [B] log-ratios of the others.
        prob: probability that `chosen` is preferred, in [0, 1]; float or [B].
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out, but a NaN `prob` raises.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract of OSP; equation derived.

    >>> loss(torch.tensor([2.0]), torch.tensor([0.0]), 0.9, beta=0.5)
    tensor([0.4133])
    """
    from prefcore._checks import unit_interval
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike, fitting

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    unit_interval(prob=prob)
    (prob,) = fitting(chosen, prob=prob)
    return dpo(chosen, rejected, beta=beta, label_smoothing=1 - prob)


class RankedPairs(NamedTuple):
    """Pairs of responses, and how sure the judge is of each."""

    chosen: Any
    """int64 [m] response that ranks higher."""
    rejected: Any
    """int64 [m] response that ranks lower."""
    prob: Any
    """float64 [m] probability that `chosen` is better, the `prob` of `loss`; below 1/2 where the ranking and the
    direct comparison disagree."""


def ranked_pairs(p_first: Any, *, adjacent: bool = False) -> RankedPairs:
    """Rank the responses to a prompt by their mean probability to win, and pair the higher with the lower.

    P_ij = (p_ij + 1 - p_ji) / 2,  w_i = mean_{j != i} P_ij;  `pairs.adjacent` over w, prob = P[chosen, rejected]

    Args:
        p_first: [K, K] probability of the judge that i is better than j, i shown first, in [0, 1]; the diagonal does
            not count.
        adjacent: whether neighbors in the ranking are paired, or every two.
    Returns: RankedPairs [m]. Responses of equal means stay in input order.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract of OSP; formulas derived.

    >>> ranked_pairs([[0.5, 0.9], [0.3, 0.5]]).prob
    array([0.8])
    """
    import numpy as np

    from prefcore import _arrays, pairs
    from prefcore.errors import ShapeError

    p = _arrays.floats("p_first", p_first).copy()
    if p.ndim != 2 or p.shape[0] != p.shape[1] or len(p) < 2:
        raise ShapeError(f"p_first must be [K, K] with K >= 2, got {list(p.shape)}")
    np.fill_diagonal(p, 0.5)
    _arrays.refuse("p_first", p, ~((p >= 0) & (p <= 1)), "in [0, 1]")
    win = (p + 1 - p.T) / 2
    means = (win.sum(1) - 0.5) / (len(p) - 1)
    found = pairs.adjacent(means, max_skip=1 if _arrays.flag("adjacent", adjacent) else None, ties="keep")
    return RankedPairs(found.chosen, found.rejected, win[found.chosen, found.rejected])

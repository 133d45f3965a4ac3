"""Curry-DPO: curriculum learning with ranked preferences (Pattnaik et al. 2024, arXiv 2403.07230)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs

__all__ = ["adjusted_win_rate", "loss", "stages", "stages_by_logp"]


def stages(ratings: Any, offsets: Any = None, *, n_stages: int | None = None) -> tuple[Pairs, ...]:
    """Pairs of the best response against each other one, easy ones first.

    Stage s holds, of every prompt, the pair with the s-th largest gap of ratings. The model of one stage is where the
    next begins, and its reference.

    Args:
        ratings: [n] with `offsets`, or [G, L] with a prompt in each row; larger is better.
        offsets: int [G + 1] boundaries of the prompts of 1-D ratings.
        n_stages: number of stages, >= 1; None: as many as the prompt with the most pairs has.
    Returns: a Pairs for each stage.
    Raises: ShapeError, DomainError, TypeError.
    Source: Curry-DPO, section 3; ties of ratings form no pair, and of equal gaps the first comes first (derived).

    >>> [stage.rejected.tolist() for stage in stages([[5.0, 4.0, 3.5, 2.0]])]
    [[3], [2], [1]]
    """
    from prefcore import _arrays

    found = _best_vs_rest(_arrays.finite("ratings", _arrays.column("ratings", ratings)), offsets)
    return _in_stages(found, found.margin, n_stages)


def stages_by_logp(
    ratings: Any, ref_logps: Any, offsets: Any = None, *, n_stages: int | None = None
) -> tuple[Pairs, ...]:
    """The same, where a pair is the easier the more probable the reference finds its chosen response than the other.

    gap = ref_logps[chosen] - ref_logps[rejected]

    Args:
        ratings: as in `stages`.
        ref_logps: log-probs of the responses by the reference, in nats, shape of `ratings`.
        offsets: as in `stages`.
        n_stages: as in `stages`.
    Returns: a Pairs for each stage, the margin still that of the ratings.
    Raises: ShapeError, DomainError, TypeError.
    Source: Curry-DPO, section 3; the sign is derived.

    >>> found = stages_by_logp([[5.0, 4.0, 3.5, 2.0]], [[-20.0, -26.0, -19.0, -41.0]])
    >>> [stage.rejected.tolist() for stage in found]
    [[3], [1], [2]]
    """
    from prefcore import _arrays

    logps = _arrays.finite("ref_logps", _arrays.floats("ref_logps", ref_logps))
    ratings = _arrays.finite("ratings", _arrays.column("ratings", ratings))
    _arrays.same_shape(ratings=ratings, ref_logps=logps)
    found = _best_vs_rest(ratings, offsets)
    flat = logps.reshape(-1)
    return _in_stages(found, flat[found.chosen] - flat[found.rejected], n_stages)


def loss(chosen: Tensor, rejected: Tensor, *, beta: Num) -> Tensor:
    """DPO in every stage; the reference is the model that the stage before has left.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        beta: strength of the pull to the reference, > 0; float or [B]. No source gives the paper's.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Curry-DPO; `losses.dpo`.

    >>> loss(torch.tensor([1.0]), torch.tensor([-1.0]), beta=0.5)
    tensor([0.3133])
    """
    from prefcore.losses import dpo

    return dpo(chosen, rejected, beta=beta)


def adjusted_win_rate(outcomes: Any, offsets: Any = None) -> NDArray[np.float64] | Any:
    """Win rate against a baseline in which a tie is half a win.

    (wins + ties / 2) / n

    Args:
        outcomes: 1 = win, 0.5 = tie, 0 = loss; [n], with `offsets` for several models, or [G, L].
        offsets: int [G + 1] boundaries of the groups of 1-D outcomes.
    Returns: float64 [G], or one number for one group; NaN without a row.
    Raises: ShapeError, DomainError, TypeError.
    Source: "adjusted win rate" of Curry-DPO; `metrics.win_rate(ties=0.5)`.

    >>> adjusted_win_rate([1, 1, 0.5, 0])
    np.float64(0.625)
    """
    from prefcore.metrics import win_rate

    return win_rate(outcomes, ties=0.5, offsets=offsets)


def _best_vs_rest(ratings: Any, offsets: Any) -> Pairs:
    from prefcore.pairs import best_vs_rest
    from prefcore.papers._inputs import renamed

    with renamed(scores="ratings"):
        return best_vs_rest(ratings, offsets=offsets)


def _in_stages(found: Pairs, gaps: Any, n_stages: int | None) -> tuple[Pairs, ...]:
    from prefcore import _arrays
    from prefcore.groups import offsets_from_ids
    from prefcore.selection import curriculum_stages

    if n_stages is not None:
        _arrays.whole_number("n_stages", n_stages, 1, 2**31)
    order = curriculum_stages(gaps, n_stages=n_stages, offsets=offsets_from_ids(found.group))
    return tuple(
        found.take(order.rows[start:end]) for start, end in zip(order.offsets, order.offsets[1:], strict=False)
    )

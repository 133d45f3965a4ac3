"""FLR: the likelihood of follow-up utterances as reward (arXiv 2409.13948)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore.pairs import Pairs

__all__ = ["FollowUp", "FollowUpReport", "evaluate", "pairs", "score"]


class FollowUp(NamedTuple):
    """How much likelier satisfied follow-ups are than dissatisfied ones."""

    score: Tensor
    """[...]"""
    per_dimension: Tensor
    """[..., D]"""


class FollowUpReport(NamedTuple):
    """How well scores agree with people."""

    accuracy: float
    """Share of pairs whose preferred answer has the higher score."""
    spearman: float
    """Rank correlation of the difference of scores with the rating."""


def score(positive: Tensor, negative: Tensor, *, nan: Literal["raise", "omit"] = "raise") -> FollowUp:
    """Score of a response by how the user would go on: mean over dimensions of a difference of means.

    per_dimension = mean_p positive - mean_q negative,  score = mean_d per_dimension

    The inputs are `.means` of `logps.sequence_logps`. The official code takes raw logits of the tokens, not shifted by
    one, in place of their log-probs.

    Args:
        positive: [..., D, P] mean log-probs of P utterances of a satisfied user in each of D dimensions, in nats.
        negative: [..., D, Q] of Q utterances of a dissatisfied one.
        nan: "raise" refuses numbers that are not finite (on the CPU, outside compiled code; elsewhere NaN in, NaN
            out); "omit" leaves out utterances that are NaN, and a dimension without any left is NaN.
    Returns: FollowUp(score, per_dimension) (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: run_llama3.py of e0397123/FLR; the mean over dimensions is derived.

    >>> score(torch.tensor([[-1.0, -2.0]]), torch.tensor([[-3.0]]))
    FollowUp(score=tensor(1.5000), per_dimension=tensor([1.5000]))
    """
    from prefcore._checks import finite, same_device, tensors, upcast
    from prefcore.errors import DomainError, ShapeError

    tensors(positive=positive, negative=negative)
    shapes = positive.shape, negative.shape
    if positive.ndim < 2 or shapes[0][:-1] != shapes[1][:-1] or 0 in (*shapes[0][-2:], *shapes[1][-2:]):
        got = f"{list(shapes[0])} and {list(shapes[1])}"
        raise ShapeError(f"expected positive [..., D, P] and negative [..., D, Q], none of them empty, got {got}")
    same_device(positive=positive, negative=negative)
    positive, negative = upcast(positive=positive, negative=negative)
    if nan not in ("raise", "omit"):
        raise DomainError(f"nan must be 'raise' or 'omit', got {nan!r}")
    if nan == "raise":
        finite(positive=positive, negative=negative)
        per_dimension = positive.mean(-1) - negative.mean(-1)
    else:
        per_dimension = positive.nanmean(-1) - negative.nanmean(-1)
    return FollowUp(per_dimension.mean(-1), per_dimension)


def pairs(score: Any, offsets: Any) -> Pairs:
    """Pair the answer of the highest score with that of the lowest, for every prompt: `pairs.best_worst`.

    Args:
        score: [n] the field of what `score` returns; larger is better.
        offsets: int [G + 1] boundaries of the prompts.
    Returns: Pairs [P].
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper: DPO on its own rewards; rule derived.

    >>> pairs([0.2, 0.5, 0.1], [0, 3]).rejected
    array([2])
    """
    from prefcore.pairs import best_worst
    from prefcore.papers._inputs import renamed

    with renamed(scores="score"):
        return best_worst(score, offsets=offsets)


def evaluate(chosen: Any, rejected: Any, rating: Any) -> FollowUpReport:
    """Compare scores with what people said: which answer is better, and by how much.

    Args:
        chosen: [N] scores of the answers that people prefer.
        rejected: [N] scores of the others; a tie counts as wrong.
        rating: [N] how much better people find the first, any scale; larger is more.
    Returns: FollowUpReport(accuracy, spearman), NaN where undefined.
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper's two measures; that the rating goes with the difference is derived.

    >>> evaluate([1.0, 2.0, 0.0], [0.0, 0.5, 1.0], [1, 3, 2])
    FollowUpReport(accuracy=0.6666666666666666, spearman=0.5)
    """
    from prefcore import _arrays, metrics

    columns = {"chosen": chosen, "rejected": rejected, "rating": rating}
    arrays = {name: _arrays.finite(name, _arrays.floats(name, values)) for name, values in columns.items()}
    first, second, gap = arrays.values()
    _arrays.one_dimensional("chosen", first)
    _arrays.same_shape(**arrays)
    accuracy = metrics.pairwise_accuracy(first, second, ties=0.0)
    return FollowUpReport(float(accuracy), float(metrics.spearman(first - second, gap)))

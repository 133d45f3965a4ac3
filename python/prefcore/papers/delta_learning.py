"""Delta Learning: gains from weak preference data (Geng et al. 2025, arXiv 2507.06187)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs

__all__ = ["DeltaAlignment", "alignment", "loss", "pairs"]


class DeltaAlignment(NamedTuple):
    """Cosines to the truth; NaN for a vector of zeros."""

    delta: NDArray[np.float64]
    """[d] teacher_chosen - teacher_rejected"""
    cos_delta_star: float
    """Of the difference."""
    cos_student_before: float
    """Of the student."""
    cos_student_after: float
    """Of student + step delta."""
    cos_teacher_chosen: float
    cos_teacher_rejected: float


def alignment(truth: Any, teacher_chosen: Any, teacher_rejected: Any, student: Any, *, step: float) -> DeltaAlignment:
    """Whether a student gains from the difference of two teachers, both of which may be worse than it is.

    In logistic regression a pair of teachers moves the student along their difference. A small step helps exactly where
    cos(delta, truth) > cos(student, truth) cos(delta, student), however good either teacher is.

    Args:
        truth: [d] what the student should be.
        teacher_chosen: [d] the larger model.
        teacher_rejected: [d] the smaller one.
        student: [d]
        step: length of the step, in units of delta.
    Returns: DeltaAlignment of float64.
    Raises: ShapeError, DomainError, TypeError.
    Source: derived from the theory of Delta Learning, section 5.

    >>> found = alignment([1.0, 0.5, 0.0], [0.5, 0.1, 0.6], [0.2, -0.1, 0.6], [1.2, 0.2, -0.5], step=0.5)
    >>> round(found.cos_student_before, 4), round(found.cos_student_after, 4)
    (0.884, 0.9123)
    """
    from prefcore import _arrays

    given = {"truth": truth, "teacher_chosen": teacher_chosen, "teacher_rejected": teacher_rejected, "student": student}
    vectors = {name: _arrays.finite(name, _arrays.floats(name, values)) for name, values in given.items()}
    target, chosen, rejected, own = vectors.values()
    _arrays.one_dimensional("truth", target)
    _arrays.same_shape(**vectors)
    step = _arrays.number("step", step)
    _arrays.refuse("step", step, not np.isfinite(step), "a finite number")
    with np.errstate(over="ignore"):
        delta = _arrays.finite("(teacher_chosen - teacher_rejected)", chosen - rejected)
        after = _arrays.finite("(student + step delta)", own + step * delta)

    def cosine(vector: NDArray[np.float64]) -> float:
        one, other = _arrays.near_one(vector), _arrays.near_one(target)
        size = float(np.linalg.norm(one) * np.linalg.norm(other))
        return float(one @ other) / size if size > 0 else np.nan

    return DeltaAlignment(delta, cosine(delta), cosine(own), cosine(after), cosine(chosen), cosine(rejected))


def loss(chosen: Tensor, rejected: Tensor, chosen_mask: Tensor, rejected_mask: Tensor, *, beta: Num = 5.0) -> Tensor:
    """Length-normalized DPO on a response of a larger weak model against one of a smaller.

    loss = dpo(mean_t chosen, mean_t rejected)

    Args:
        chosen: [B, T] token log-ratios policy - reference of the larger model's responses, in nats.
        rejected: [B, U] of the smaller model's.
        chosen_mask: [B, T] bool, True = counts; at least one token a row, where the official code has 0/0.
        rejected_mask: [B, U] bool.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: openrlhf/trainer/dpo_trainer.py and configs/dpo of scottgeng00/delta_learning.

    >>> mask = torch.tensor([[True, True]])
    >>> loss(torch.tensor([[0.1, 0.3]]), torch.zeros(1, 2), mask, mask)
    tensor([0.3133])
    """
    from prefcore.papers._length_normalized import length_normalized_dpo

    return length_normalized_dpo(chosen, rejected, chosen_mask, rejected_mask, beta)


def pairs(level: Any, offsets: Any, text_id: Any) -> Pairs:
    """Pair the answers to a prompt by the size of their models, whatever they say; equal texts are dropped.

    `pairs.all_pairs`, the higher level chosen

    Args:
        level: [n] size or rank of the model of every answer; larger is taken for better.
        offsets: int [G + 1] boundaries of the prompts.
        text_id: [n] integers or strings that are equal where the texts are, or the texts.
    Returns: Pairs [P].
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper, section 3.

    >>> pairs([3, 1, 0], [0, 3], ["x", "y", "x"]).rejected
    array([1, 2])
    """
    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.pairs import all_pairs
    from prefcore.papers._inputs import renamed, text_codes, with_other_text

    (ids,) = text_codes(text_id=text_id)
    size = _arrays.column("level", level)
    with renamed(scores="level"):
        found = all_pairs(size, offsets=offsets)
    if ids.shape != (size.size,):
        raise ShapeError(f"text_id must have an entry for each of {size.size} rows, got {list(ids.shape)}")
    return with_other_text(found, ids)

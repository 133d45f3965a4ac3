"""Which tokens count: masks and slices from positions and lengths, never from the value of a token."""

from typing import NamedTuple

import torch
from torch import Tensor

from prefcore._checks import boolean, readable, same_shape, tensors
from prefcore.errors import DomainError, ShapeError


def completion_mask(starts: Tensor, lengths: Tensor, *, width: int) -> Tensor:
    """Mask of the completion tokens of each row, aligned with `targets = ids[:, 1:]` and `logits[:, :-1]`.

    mask_t = start <= t + 1 < start + length

    It knows no token values, so an end token that shares its id with the padding still counts. Padding may stand on
    either side. The token at position 0 of a row is predicted by nothing: a completion that starts there has one
    counted token less than its length.

    Args:
        starts: [B] integers, position of the first completion token in the padded row of ids.
        lengths: [B] integers, completion tokens, the end token included.
        width: length of the padded rows of ids, >= 1.
    Returns: [B, width - 1] bool. A row of length 0 is all False: `sequence_logps` then raises and names it.
    Raises: ShapeError, TypeError; DomainError for a completion that leaves its row (looked at on the CPU, outside
        compiled code).
    Source: huggingface/trl#4970, masks that were guessed from token values.

    >>> ids = torch.tensor([[5, 6, 7, 2, 2], [5, 8, 2, 2, 2]])  # 2 both ends and pads
    >>> completion_mask(torch.tensor([2, 1]), torch.tensor([2, 2]), width=ids.shape[1])
    tensor([[False,  True,  True, False],
            [ True,  True, False, False]])
    """
    _integers(starts=starts, lengths=lengths)
    same_shape(starts=starts, lengths=lengths)
    if starts.ndim != 1:
        raise ShapeError(f"starts and lengths must be [B], got {list(starts.shape)}")
    if not isinstance(width, int):
        raise TypeError(f"width must be an integer, got {type(width).__name__}; call int(...)")
    if width < 1:
        raise DomainError(f"width must be at least 1, got {width}")
    starts, ends = starts.long(), starts.long() + lengths.long()
    if readable(starts):
        _check_inside(starts, ends, width)
    places = torch.arange(1, width, device=starts.device)
    return (starts.unsqueeze(1) <= places) & (places < ends.unsqueeze(1))


class DivergeSlice(NamedTuple):
    """Where two responses to one prompt part."""

    start: Tensor
    """[B] int64, first position of the ids at which they differ."""
    chosen: Tensor
    """[B, 2] int64, begin and end of the rest of the chosen response in shifted positions."""
    rejected: Tensor
    """[B, 2] int64, the same for the rejected response."""


def diverge_slice(chosen_ids: Tensor, rejected_ids: Tensor, chosen_mask: Tensor, rejected_mask: Tensor) -> DivergeSlice:
    """Slices of two responses from their first different token to their last counted one.

    start = first t with different ids or with one id only,  slice = [start - 1, last counted position)

    The slices are positions of `ids[:, 1:]`, that is of token log-probs. Where one response is the beginning of the
    other, its slice is empty. A difference at position 0 gives a slice from 0: nothing predicts that token.

    Args:
        chosen_ids: [B, T] integers, rows of ids, not shifted.
        rejected_ids: [B, T] integers.
        chosen_mask: [B, T] bool, True = counts; what stands elsewhere does not matter. Both masks of a row must begin
            at the same position, because tokens are compared place by place.
        rejected_mask: [B, T] bool.
    Returns: DivergeSlice(start, chosen, rejected).
    Raises: ShapeError, TypeError; DomainError for masks that are empty or begin at different positions and for two
        responses that are the same (looked at on the CPU, outside compiled code; elsewhere the same responses give
        start = T and empty slices).
    Source: MCTS-DPO (Xie et al. 2024, arXiv 2405.00451), YuxiXie/MCTS-DPO.

    >>> chosen, rejected = torch.tensor([[5, 6, 7, 2]]), torch.tensor([[5, 6, 8, 9]])
    >>> counted = torch.ones(1, 4, dtype=torch.bool)
    >>> start, slices, _ = diverge_slice(chosen, rejected, counted, counted)
    >>> start, slices
    (tensor([2]), tensor([[1, 3]]))
    >>> begin, end = slices.unbind(1)
    >>> completion_mask(begin + 1, end - begin, width=4)
    tensor([[False,  True,  True]])
    """
    _integers(chosen_ids=chosen_ids, rejected_ids=rejected_ids)
    tensors(chosen_mask=chosen_mask, rejected_mask=rejected_mask)
    boolean(chosen_mask=chosen_mask, rejected_mask=rejected_mask)
    same_shape(chosen_ids=chosen_ids, rejected_ids=rejected_ids, chosen_mask=chosen_mask, rejected_mask=rejected_mask)
    if chosen_ids.ndim != 2:
        raise ShapeError(f"ids and masks must be [B, T], got {list(chosen_ids.shape)}")
    differ = torch.where(chosen_mask & rejected_mask, chosen_ids != rejected_ids, chosen_mask != rejected_mask)
    if readable(differ):
        _check_diverging(differ, chosen_mask, rejected_mask)
    start = _before_first(differ)
    return DivergeSlice(start, _slice(start, chosen_mask), _slice(start, rejected_mask))


def _slice(start: Tensor, mask: Tensor) -> Tensor:
    last = mask.shape[1] - 1 - _before_first(mask.flip(1))
    return torch.stack([(start - 1).minimum(last), last], 1).clamp(min=0)


def _before_first(marks: Tensor) -> Tensor:
    """How many positions of each row stand before its first mark; all of them where there is none."""
    return (marks.long().cumsum(1) == 0).sum(1)


def _integers(**given: Tensor) -> None:
    tensors(**given)
    for name, tensor in given.items():
        if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
            raise TypeError(f"{name} must be an integer tensor, got {tensor.dtype}; call .long()")


def _check_inside(starts: Tensor, ends: Tensor, width: int) -> None:
    outside = ((starts < 0) | (ends < starts) | (ends > width)).nonzero()
    if len(outside):
        row = int(outside[0])
        start, length = int(starts[row]), int(ends[row] - starts[row])
        raise DomainError(
            f"row {row}: expected 0 <= start, 0 <= length and start + length <= width = {width}, "
            f"got starts[{row}] = {start} and lengths[{row}] = {length}"
        )


def _check_diverging(differ: Tensor, chosen_mask: Tensor, rejected_mask: Tensor) -> None:
    for name, mask in {"chosen_mask": chosen_mask, "rejected_mask": rejected_mask}.items():
        empty = (~mask.any(1)).nonzero()
        if len(empty):
            raise DomainError(f"row {int(empty[0])} of {name} has no counted token, expected at least 1")
    chosen, rejected = _before_first(chosen_mask), _before_first(rejected_mask)
    apart = (chosen != rejected).nonzero()
    if len(apart):
        row = int(apart[0])
        raise DomainError(
            f"row {row}: chosen_mask begins at position {int(chosen[row])} and rejected_mask at {int(rejected[row])}, "
            "expected the same position (pad the responses on the right)"
        )
    same = (~differ.any(1)).nonzero()
    if len(same):
        raise DomainError(f"row {int(same[0])}: the counted ids of chosen and rejected are the same, expected two")

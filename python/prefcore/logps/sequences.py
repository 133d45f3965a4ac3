"""Sums over the tokens of a sequence."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from prefcore._checks import Num, boolean, dense_or_ragged, same_shape, tensors, tensors_or_none, upcast
from prefcore.errors import DomainError
from prefcore.logps._arguments import check_logits, transform
from prefcore.ops.sequence_sums import sequence_sums
from prefcore.ops.weighted_sequence_logps import weighted_sequence_logps as op


class SequenceLogps(NamedTuple):
    """Sums over the counted tokens of each sequence, and how many they were."""

    sums: Tensor
    """[B] or [G], in the unit of what was summed (nats for log-probs)."""
    counts: Tensor
    """[B] or [G] int64, counted tokens."""

    @property
    def means(self) -> Tensor:
        """Sum / count; 0 for an empty sequence that `empty="zero"` let through."""
        return self.sums / self.counts.clamp(min=1)


def sequence_logps(
    token_logps: Tensor,
    mask: Tensor | None = None,
    *,
    offsets: Tensor | None = None,
    weights: Tensor | None = None,
    empty: Literal["raise", "zero"] = "raise",
) -> SequenceLogps:
    """Sum of a per-token quantity over each sequence.

    sums = sum_t weights_t mask_t x_t,  counts = sum_t mask_t,  means = sums / counts

    Any per-token quantity may go in: log-probs, KL terms, losses. Differentiable with respect to `token_logps` and
    `weights`. Each sequence is added up in f64 in a fixed order: padding, place in the batch and number of threads do
    not change a bit. What stands at masked positions does not matter, not even NaN.

    Args:
        token_logps: [B, T] in nats, or [N] with `offsets`.
        mask: bool of the same shape, True = counts; None = all count.
        offsets: [G+1] int64 boundaries of packed sequences: 0 first, N last, never decreasing (on CUDA looking at
            them costs one synchronization).
        weights: token weights of the same shape.
        empty: what a sequence without a counted token does: "raise" names it (on CUDA this costs one synchronization),
            "zero" gives sum 0 and count 0.
    Returns: SequenceLogps(sums, counts), [B] or [G]; sums f32 (f64 for f64 input), counts int64.
    Raises: ShapeError, DomainError, TypeError.
    Source: DPO (Rafailov et al. 2023) eq. 7, the sums; SimPO (Meng et al. 2024) eq. 4, the means.

    >>> x = torch.tensor([[-1.0, -2.0, -9.0], [-3.0, -9.0, -9.0]])
    >>> sums, counts = sequence_logps(x, torch.tensor([[True, True, False], [True, False, False]]))
    >>> sums, counts
    (tensor([-3., -3.]), tensor([2, 1]))
    """
    _check(token_logps, mask, offsets, weights)
    _check_empty(empty)
    (values,) = upcast(token_logps=token_logps)
    weights = weights if weights is None else upcast(weights=weights)[0].to(values.dtype)
    return SequenceLogps(*sequence_sums(values, mask, offsets, weights, empty == "zero"))


def prefix_chunk_logps(
    token_logps: Tensor, mask: Tensor | None = None, *, chunks: int, empty: Literal["raise", "zero"] = "raise"
) -> SequenceLogps:
    """Sums of a per-token quantity over growing beginnings of each sequence, from half of it to all.

    sums_k = sum of the first n_k counted tokens,  n_k = min(L, L//2 + k c),  c = ceil((L - L//2) / chunks)

    L is the number of counted tokens of the row, k = 1..chunks. The last chunk is the whole sequence; in short
    sequences several chunks are. Differentiable, padding does not matter, bits as in `sequence_logps`.

    Args:
        token_logps: [B, T] in nats.
        mask: [B, T] bool, True = counts; None = all count.
        chunks: number of beginnings, >= 1.
        empty: what a sequence without a counted token does, as in `sequence_logps`.
    Returns: SequenceLogps(sums, counts), [B, chunks].
    Raises: ShapeError, DomainError, TypeError.
    Source: EGPO (Zhou et al. 2025, arXiv 2503.08942), lms/trainers/extragradient_trainer.py of zhourunlong/EGPO,
        where L is the width of the padded batch.

    >>> prefix_chunk_logps(torch.tensor([[-1.0, -2.0, -4.0, -8.0, -16.0]]), chunks=3)
    SequenceLogps(sums=tensor([[ -7., -15., -31.]]), counts=tensor([[3, 4, 5]]))
    """
    _check(token_logps, mask, None, None)
    if not isinstance(chunks, int):
        raise TypeError(f"chunks must be an integer, got {type(chunks).__name__}; call int(...)")
    if chunks < 1:
        raise DomainError(f"chunks must be at least 1, got {chunks}")
    counted = torch.ones_like(token_logps, dtype=torch.bool) if mask is None else mask
    rank, length = counted.long().cumsum(1), counted.sum(1, keepdim=True)
    step = (length - length // 2 + chunks - 1) // chunks
    ends = [length // 2 + k * step for k in range(1, chunks + 1)]
    parts = [sequence_logps(token_logps, counted & (rank <= end), empty=empty) for end in ends]
    return SequenceLogps(torch.stack([part.sums for part in parts], 1), torch.stack([part.counts for part in parts], 1))


def _check(token_logps: Tensor, mask: Tensor | None, offsets: Tensor | None, weights: Tensor | None) -> None:
    tensors(token_logps=token_logps)
    tensors_or_none(mask=mask, offsets=offsets, weights=weights)
    boolean(mask=mask)
    given = {"token_logps": token_logps, "mask": mask, "weights": weights}
    same_shape(**{name: tensor for name, tensor in given.items() if tensor is not None})
    dense_or_ragged("token_logps", token_logps, offsets)


def _check_empty(empty: str) -> None:
    if empty not in ("raise", "zero"):
        raise DomainError(f'empty must be "raise" or "zero", got {empty!r}')


def weighted_sequence_logps(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    mask: Tensor | None = None,
    offsets: Tensor | None = None,
    temperature: Num = 1.0,
    softcap: float | None = None,
    logit_scale: float = 1.0,
    empty: Literal["raise", "zero"] = "raise",
) -> SequenceLogps:
    """Token-weighted sum of the log-probs of each sequence, from logits in one op.

    sums = sum_t weights_t mask_t logps_t,  counts = sum_t mask_t,  logps as in `token_logps`

    The same as `sequence_logps(token_logps(logits, targets, mask=weights != 0), mask, weights=weights)`, in one step.
    Differentiable with respect to `logits` and `weights`. A row of weight 0 is not read (its target may be -100), but
    counts; its logits get gradient 0, and so does its weight, because its log-prob is not known: a learned weight that
    has come to be exactly 0 stays there, as behind a ReLU. Each sequence is added up in f64; padding and place in the
    batch do not change a bit.

    Args:
        logits: [B, T, V], or [N, V] with `offsets`, in f16, bf16, f32 or f64; nothing is shifted here.
        targets: [B, T] or [N] token ids in 0..V.
        weights: token weights of the shape of `targets`, of any sign.
        mask: bool of the shape of `targets`, True = counts; None = all count. Other positions are not read.
        offsets: [G+1] int64 boundaries of packed sequences, as in `sequence_logps`.
        temperature: divides the logits, > 0; float or a tensor that broadcasts to `targets`, constant for autograd.
        softcap: bound of the logits as in Gemma 2, > 0; None = no bound.
        logit_scale: factor of the logits as in Cohere's models, > 0.
        empty: what a sequence without a counted token does, as in `sequence_logps`.
    Returns: SequenceLogps(sums, counts), [B] or [G]; sums f32 (f64 for f64 logits), counts int64.
    Raises: ShapeError, TypeError, DomainError, as `token_logps` and `sequence_logps` do.
    Source: closed form d sums / d logits = weights (1[v = target] - p); TDPO, SparsePO, LD-DPO and WPO weight tokens.

    >>> logits = torch.tensor([[[0.0, 0.0], [1.0, -torch.inf], [0.0, 0.0]]])
    >>> weighted_sequence_logps(logits, torch.tensor([[1, 0, -100]]), torch.tensor([[2.0, 1.0, 0.0]]))
    SequenceLogps(sums=tensor([-1.3863]), counts=tensor([3]))
    """
    check_logits(logits, targets, mask)
    tensors(weights=weights)
    tensors_or_none(offsets=offsets)
    same_shape(targets=targets, weights=weights)
    dense_or_ragged("targets", targets, offsets)
    _check_empty(empty)
    to_z = transform(targets, temperature, softcap, logit_scale)
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    given = targets.long().contiguous(), upcast(weights=weights)[0].to(dtype), mask, offsets
    sums, counts, *_ = op(logits, *given, *to_z, empty == "zero")
    return SequenceLogps(sums, counts)

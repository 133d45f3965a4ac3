"""From token losses [B, T] to one number: four means that differ as soon as completions differ in length.

Names as in verl. Everything outside the mask is left out before anything is multiplied, and gets the gradient 0: NaN
there reaches neither the value nor the gradient of `values`. What made the NaN can still spoil a gradient further back:
in `token_mean(kl_k2(logps, ref_logps), mask)` the derivative of k2 is NaN where a log-prob is, and 0 times NaN is NaN.
Give such functions numbers in the padding. Each row is added up in f64, so padding and place in the batch do not change
its sum.
"""

from typing import Literal

from torch import Tensor

from prefcore._checks import Num, boolean, numbers, positive, readable, same_device, same_shape, tensors, upcast
from prefcore.errors import DomainError, ShapeError
from prefcore.ops.sequence_sums import sequence_sums


def token_mean(values: Tensor, mask: Tensor, *, denominator: Num | None = None) -> Tensor:
    """Mean over the counted tokens of the batch: long completions weigh more.

    sum_bt m_bt x_bt / (denominator or sum_bt m_bt)

    `bnpo` of TRL; with the number of tokens of the whole step, over all processes and accumulated batches, `dapo` and
    `cispo`: the sum over the parts of the step is then the mean of the step.

    Args:
        values: [B, T], any quantity of tokens.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
        denominator: number of tokens to divide by, > 0; float or 0-d tensor, None = those that count here. With it, a
            part of the step may have no completion at all.
    Returns: [] (f32; f64 for f64 input).
    Raises: ShapeError, TypeError; DomainError without a counted token and a denominator (on the CPU, outside compiled
        code; elsewhere the result is NaN).
    Source: verl `token-mean` (verl/trainer/ppo/core_algos.py); DAPO (Yu et al. 2025, arXiv 2503.14476), eq. 8; TRL
        `bnpo`, `dapo` (trl/trainer/grpo_trainer.py).

    >>> losses, mask = torch.tensor([[1.0, 2.0], [6.0, 9.0]]), torch.tensor([[True, True], [True, False]])
    >>> token_mean(losses, mask), token_mean(losses, mask, denominator=6)
    (tensor(3.), tensor(1.5000))
    """
    sums, counts = _sums(values, mask, no_rows=denominator is not None)
    if denominator is None:
        total = counts.sum()
        if readable(total) and not bool(total):
            raise DomainError(f"mask {list(mask.shape)} has no counted token, expected at least 1, or a denominator")
        return sums.sum() / total
    positive(denominator=denominator)
    if isinstance(denominator, Tensor):
        if denominator.ndim:
            raise ShapeError(f"denominator must be a float or a 0-d tensor, got {list(denominator.shape)}")
        same_device(values=values, denominator=denominator)
        denominator = denominator.to(sums.dtype)
    return sums.sum() / denominator


def seq_mean_token_mean(values: Tensor, mask: Tensor, *, empty: Literal["raise", "zero"] = "raise") -> Tensor:
    """Mean over the completions of the mean over their tokens: every completion weighs the same.

    1/B sum_b (sum_t m_bt x_bt / sum_t m_bt)

    `grpo` of TRL.

    Args:
        values: [B, T], any quantity of tokens.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
        empty: what a row without a counted token does: "raise" names it, "zero" gives it the mean 0 and keeps it in B.
    Returns: [] (f32; f64 for f64 input).
    Raises: ShapeError, TypeError, DomainError (`empty="raise"`: on the CPU; on CUDA, where looking would cost a
        synchronization, the result is NaN).
    Source: verl `seq-mean-token-mean` (verl/trainer/ppo/core_algos.py); GRPO (Shao et al. 2024, arXiv 2402.03300),
        eq. 3; TRL `grpo` (trl/trainer/grpo_trainer.py).

    >>> losses, mask = torch.tensor([[1.0, 2.0], [6.0, 9.0]]), torch.tensor([[True, True], [True, False]])
    >>> seq_mean_token_mean(losses, mask)
    tensor(3.7500)
    """
    if empty not in ("raise", "zero"):
        raise DomainError(f'empty must be "raise" or "zero", got {empty!r}')
    sums, counts = _sums(values, mask, allow_empty=empty == "zero")
    return (sums / (counts if empty == "raise" else counts.clamp(min=1))).mean()


def seq_mean_token_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the completions of the sum over their tokens.

    1/B sum_bt m_bt x_bt

    `luspo` of TRL. A row without a counted token adds 0.

    Args:
        values: [B, T], any quantity of tokens.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
    Returns: [] (f32; f64 for f64 input).
    Raises: ShapeError, TypeError.
    Source: verl `seq-mean-token-sum` (verl/trainer/ppo/core_algos.py); TRL `luspo` (trl/trainer/grpo_trainer.py).

    >>> losses, mask = torch.tensor([[1.0, 2.0], [6.0, 9.0]]), torch.tensor([[True, True], [True, False]])
    >>> seq_mean_token_sum(losses, mask)
    tensor(4.5000)
    """
    return _sums(values, mask)[0].mean()


def seq_mean_token_sum_norm(values: Tensor, mask: Tensor, *, length: float) -> Tensor:
    """Mean over the completions of the sum over their tokens, divided by one length for all: no length bias.

    1/(B length) sum_bt m_bt x_bt

    `dr_grpo` of TRL, where the length is the largest one that is allowed. A row without a counted token adds 0.

    Args:
        values: [B, T], any quantity of tokens.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter, not even NaN.
        length: the same number for all batches of a run, > 0.
    Returns: [] (f32; f64 for f64 input).
    Raises: ShapeError, TypeError, DomainError.
    Source: verl `seq-mean-token-sum-norm` (verl/trainer/ppo/core_algos.py); Dr. GRPO (Liu et al. 2025, arXiv
        2503.20783); TRL `dr_grpo` (trl/trainer/grpo_trainer.py).

    >>> losses, mask = torch.tensor([[1.0, 2.0], [6.0, 9.0]]), torch.tensor([[True, True], [True, False]])
    >>> seq_mean_token_sum_norm(losses, mask, length=2)
    tensor(2.2500)
    """
    numbers(length=length)
    positive(length=length)
    return seq_mean_token_sum(values, mask) / length


def _sums(values: Tensor, mask: Tensor, *, allow_empty: bool = True, no_rows: bool = False) -> tuple[Tensor, Tensor]:
    tensors(values=values, mask=mask)
    boolean(mask=mask)
    same_shape(values=values, mask=mask)
    if values.ndim != 2 or not (len(values) or no_rows):
        raise ShapeError(f"values must be [B, T]{'' if no_rows else ' with B > 0'}, got {list(values.shape)}")
    (values,) = upcast(values=values)
    # On CUDA looking at the counts would cost a synchronization.
    sums, counts = sequence_sums(values, mask, None, None, allow_empty or values.device.type != "cpu")
    return sums, counts

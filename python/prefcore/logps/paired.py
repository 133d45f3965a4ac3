"""Statistics of each token from the logits of two models."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from prefcore._checks import Num, same_device, tensors
from prefcore.errors import ShapeError
from prefcore.logps._arguments import check_logits, check_outputs, transform
from prefcore.ops.paired_token_stats import paired_token_stats as _op


class PairedTokenStats(NamedTuple):
    """Statistics of the policy p and the reference q at each position, `[...]` in nats; None where not asked for."""

    logps: Tensor | None
    """log p of the target."""
    ref_logps: Tensor | None
    """log q of the target; constant for autograd."""
    kl_ref_policy: Tensor | None
    """KL(q || p), the divergence of TDPO and SparsePO."""
    kl_policy_ref: Tensor | None
    """KL(p || q)."""
    entropy: Tensor | None
    """-sum p log p."""
    log_sum_sq_probs: Tensor | None
    """log sum p^2, the normalizer of WPO's weights."""


def paired_token_stats(
    logits: Tensor,
    ref_logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    temperature: Num = 1.0,
    softcap: float | None = None,
    logit_scale: float = 1.0,
    outputs: Sequence[str] = ("logps", "ref_logps", "kl_ref_policy"),
) -> PairedTokenStats:
    """Log-probs under policy and reference, and how far the two distributions are apart, in one pass over both.

    p = softmax(z), z = softcap tanh(logit_scale logits / softcap) / temperature;  q the same of ref_logits
    KL(q || p) = sum_v q_v log(q_v / p_v),  KL(p || q) = sum_v p_v log(p_v / q_v)

    Differentiable with respect to `logits`; the reference is a constant. Nothing of the size of the vocabulary is
    allocated in forward, and views such as `logits[:, :-1]` are read in place. A divergence is never negative, exactly
    0 between equal rows, and infinite where one model has -inf (masked vocabulary) for a token to which the other gives
    mass; the gradient of an infinite KL(q || p) is finite, that of an infinite KL(p || q) is NaN. What is -inf in both
    counts nothing. On the CPU, results are the same bits for any number of threads and any place in the batch. NaN in,
    NaN out, for that position.

    Args:
        logits: [..., V] of the policy in f16, bf16, f32 or f64; position t scores `targets[t]`; nothing is shifted.
        ref_logits: [..., V] of the reference, of the same shape and dtype.
        targets: [...] token ids in 0..V.
        mask: [...] bool, True = counts. Other positions are not read (their target may be -100) and give 0.
        temperature: divides the logits of both, > 0; float or a tensor that broadcasts to [...], constant for autograd.
        softcap: bound of the logits as in Gemma 2, > 0; None = no bound.
        logit_scale: factor of the logits as in Cohere's models, > 0.
        outputs: names of the fields wanted; all cost about the same, so this keeps results apart, not time.
    Returns: PairedTokenStats of [...] f32 (f64 for f64 logits), None in the fields that `outputs` does not name.
    Raises: ShapeError, TypeError; DomainError for a name that is no field, and on the CPU for a target outside 0..V or
        a row of -inf alone (on CUDA, where looking would cost a synchronization, that position is NaN).
    Source: TDPO (Zeng et al. 2024), github.com/Vance0124/Token-level-Direct-Preference-Optimization, trainers.py;
        SparsePO (Christopoulou et al. 2024), github.com/huawei-noah/HEBO, SparsePO.

    >>> policy, reference = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0986, 0.0]])
    >>> stats = paired_token_stats(policy, reference, torch.tensor([0]))
    >>> stats.logps, stats.ref_logps, stats.kl_ref_policy
    (tensor([-0.6931]), tensor([-0.2877]), tensor([0.1308]))
    """
    _check(logits, ref_logits, targets, mask)
    outputs = check_outputs(outputs, PairedTokenStats._fields)
    to_z = transform(targets, temperature, softcap, logit_scale)
    mask = mask if mask is None else mask.contiguous()
    stats = _op(logits, ref_logits, targets.long().contiguous(), mask, *to_z)
    named = zip(PairedTokenStats._fields, stats[:6], strict=True)
    return PairedTokenStats(*(stat if name in outputs else None for name, stat in named))


def _check(logits: Tensor, ref_logits: Tensor, targets: Tensor, mask: Tensor | None) -> None:
    tensors(ref_logits=ref_logits)
    check_logits(logits, targets, mask)
    if ref_logits.dtype != logits.dtype:
        expected = f"ref_logits must have the dtype of logits, {logits.dtype}, got {ref_logits.dtype}"
        raise TypeError(f"{expected}; call ref_logits.to(logits.dtype)")
    if ref_logits.shape != logits.shape:
        got = list(ref_logits.shape)
        raise ShapeError(f"ref_logits must have the shape of logits {list(logits.shape)}, got {got}")
    same_device(logits=logits, ref_logits=ref_logits)

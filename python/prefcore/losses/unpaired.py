"""Losses of single responses, each labeled desirable or undesirable: no pairs needed.

One tensor with `labels` in place of two tensors: how many responses are of a kind never becomes a shape.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore._checks import (
    Num,
    boolean,
    finite,
    nonnegative,
    numbers,
    per_example,
    positive,
    same_shape,
    tensors,
    upcast,
)
from prefcore.errors import DomainError


def kto(
    logratios: Tensor,
    labels: Tensor,
    kl: Num,
    *,
    beta: Num = 0.1,
    desirable_weight: Num = 1.0,
    undesirable_weight: Num = 1.0,
) -> Tensor:
    """KTO: how far a response is from being clearly better, or clearly worse, than the policy's average one.

    loss = desirable_weight sigmoid(-z) where the label is True, undesirable_weight sigmoid(z) elsewhere,
    z = beta (logratios - kl)

    With `kl=0.0` this is `apo_zero_unpaired`. Finite at any log-ratio, and both tails keep their relative accuracy.
    NaN in, NaN out.

    Args:
        logratios: [B] log-ratios policy - reference of the responses, in nats.
        labels: [B] bool, True = desirable. One kind may be missing.
        kl: how far the policy is from the reference, in nats: the result of `kto_kl`; float, 0-d or [B], constant for
            autograd.
        beta: strength of the pull to the reference, > 0; float or [B].
        desirable_weight: >= 0; float or [B].
        undesirable_weight: >= 0; float or [B].
    Returns: [B] losses, between 0 and the weight (f32; f64 for f64 input). Any common shape works elementwise.
    Raises: ShapeError, DomainError, TypeError.
    Source: KTO (Ethayarajh et al. 2024, arXiv 2402.01306), eq. 7; TRL `kto` and `apo_zero_unpaired`
        (trl/trainer/kto_trainer.py).

    >>> kto(torch.tensor([2.0, 2.0]), torch.tensor([True, False]), 0.5, beta=1.0)
    tensor([0.1824, 0.8176])
    """
    logratios = _checked(logratios, labels, beta, kl=kl)
    nonnegative(desirable_weight=desirable_weight, undesirable_weight=undesirable_weight)
    desirable = per_example("desirable_weight", desirable_weight, logratios)
    undesirable = per_example("undesirable_weight", undesirable_weight, logratios)
    z = per_example("beta", beta, logratios) * (logratios - _constant("kl", kl, logratios))
    return torch.where(labels, desirable * (-z).sigmoid(), undesirable * z.sigmoid())


def kto_kl(kl_logratios: Tensor, *, minimum: float = 0.0, maximum: float = torch.inf) -> Tensor:
    """Estimate for KTO of how far the policy is from the reference: the mean over mismatched completions, bounded.

    min(max(mean(kl_logratios), minimum), maximum)

    With several processes, average the means of all of them with `minimum=-inf`, and bound afterwards.

    Args:
        kl_logratios: log-ratios policy - reference, in nats, of completions that belong to other prompts; any shape.
        minimum: lower bound in nats; may be -inf.
        maximum: upper bound in nats, at least `minimum`; may be inf.
    Returns: [] in nats, detached (f32; f64 for f64 input). NaN in, NaN out.
    Raises: DomainError for no log-ratio at all or bounds in the wrong order, TypeError.
    Source: KTO (Ethayarajh et al. 2024, arXiv 2402.01306), its z0; TRL `kto` (trl/trainer/kto_trainer.py); bounds of
        -5 and 5: Action Preference Optimization (Xia et al. 2025).

    >>> kto_kl(torch.tensor([0.5, -0.1])), kto_kl(torch.tensor([-0.5]))
    (tensor(0.2000), tensor(0.))
    """
    tensors(kl_logratios=kl_logratios)
    numbers(minimum=minimum, maximum=maximum)
    if not minimum <= maximum:
        raise DomainError(f"expected minimum <= maximum, got {minimum} and {maximum}")
    if kl_logratios.numel() == 0:
        raise DomainError(f"kl_logratios must hold at least one log-ratio, got {list(kl_logratios.shape)}")
    (values,) = upcast(kl_logratios=kl_logratios.detach())
    return values.mean().clamp(minimum, maximum)


def bco(logratios: Tensor, labels: Tensor, delta: Num, *, beta: Num = 0.1) -> Tensor:
    """BCO: cross-entropy of a classifier that tells desirable from undesirable responses by their implicit reward.

    loss = -log sigmoid(z) where the label is True, -log sigmoid(-z) elsewhere,  z = beta logratios - delta

    Finite wherever z is, and both tails keep their relative accuracy. Where the prompts of the two kinds differ in
    distribution, multiply the undesirable losses with `weights.density_ratio`. NaN in, NaN out.

    Args:
        logratios: [B] log-ratios policy - reference of the responses, in nats.
        labels: [B] bool, True = desirable. One kind may be missing.
        delta: reward at which a response is as likely desirable as not: the `mean` of `RunningMoments` over
            `beta * logratios`; float, 0-d or [B], constant for autograd.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise.
    Raises: ShapeError, DomainError, TypeError.
    Source: BCO (Jung et al. 2024, arXiv 2404.04656); TRL 0.24 `BCOTrainer` (trl/trainer/bco_trainer.py).

    >>> bco(torch.tensor([3.0, 3.0]), torch.tensor([True, False]), 0.5, beta=0.5)
    tensor([0.3133, 1.3133])
    """
    logratios = _checked(logratios, labels, beta, delta=delta)
    z = per_example("beta", beta, logratios) * logratios - _constant("delta", delta, logratios)
    return -logsigmoid(torch.where(labels, z, -z))


def _checked(logratios: Tensor, labels: Tensor, beta: Num, **shift: Num) -> Tensor:
    tensors(logratios=logratios, labels=labels)
    boolean(labels=labels)
    same_shape(logratios=logratios, labels=labels)
    positive(beta=beta)
    finite(**shift)
    return upcast(logratios=logratios)[0]


def _constant(name: str, number: Num, like: Tensor) -> Num:
    return per_example(name, number.detach() if isinstance(number, Tensor) else number, like)

"""Losses of single responses, each labeled desirable or undesirable: no pairs needed.

One tensor with `labels` in place of two tensors: how many responses are of a kind never becomes a shape.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from prefcore._checks import (
    Num,
    boolean,
    finite,
    nonnegative,
    numbers,
    per_example,
    positive,
    same_device,
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


class RunningMoments(nn.Module):
    """Mean and spread of all values seen so far, in one pass; its state goes with `state_dict`.

    n = n_a + n_b,  mean = mean_a + (mean_b - mean_a) n_b / n,  S = S_a + S_b + (mean_b - mean_a)^2 n_a n_b / n,
    S = sum of the squared deviations from the mean

    The state is f64 and stays so: `.to(...)`, `.half()` and the like move it and do not round it. Batches may be split
    in any way, also over processes: only the last digits change.

    Source: Chan, Golub and LeVeque 1983; BCO (Jung et al. 2024, arXiv 2404.04656), its reward shift; TRL 0.24
        `RunningMoments` (trl/trainer/utils.py).

    >>> moments = RunningMoments()
    >>> moments.update(torch.tensor([1.0, 2.0]))
    >>> moments.update(torch.tensor([6.0]))
    >>> moments.mean.item(), moments.var.item(), moments.std.item(), moments.count.item()
    (3.0, 4.666666666666667, 2.6457513110645907, 3.0)
    """

    moments: Tensor
    """[3] f64: count, mean and sum of the squared deviations."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("moments", torch.zeros(3, dtype=torch.float64))

    def update(self, values: Tensor, *, group: Any = None) -> None:
        """Add values to those seen so far.

        Args:
            values: any shape, also empty; constant for autograd.
            group: process group; every process adds the values of all of them and ends with the same bits. None = the
                values of this process alone.
        Raises: TypeError; DomainError for values that are not finite (on the CPU, and on every process of the group;
            on CUDA, where looking would cost a synchronization, the moments become NaN).
        """
        tensors(values=values)
        (floats,) = upcast(values=values.detach())
        same_device(values=values, moments=self.moments)
        parts = _moments(floats.double()).unsqueeze(0)
        if group is None:
            finite(values=floats)
        else:  # checked after the exchange: a process that raised before would leave the others waiting
            parts = _gathered(parts, group)
            finite(**{"moments of the values by rank": parts})
        self.moments = _merged(torch.cat([self.moments.unsqueeze(0), parts]))

    @property
    def count(self) -> Tensor:
        """[] number of values, as f64."""
        return self.moments[0]

    @property
    def mean(self) -> Tensor:
        """[] mean; 0 before the first value."""
        return self.moments[1]

    @property
    def var(self) -> Tensor:
        """[] mean squared deviation (ddof 0); NaN before the first value."""
        return self.moments[2] / self.moments[0]

    @property
    def std(self) -> Tensor:
        """[] standard deviation of the sample (ddof 1); NaN before the second value."""
        return (self.moments[2] / (self.moments[0] - 1)).sqrt()

    def _apply(self, fn: Any, recurse: bool = True) -> "RunningMoments":  # noqa: ARG002
        """Follow a move to another device, and no change of dtype: sums of many batches need f64."""
        self.moments = self.moments.to(fn(self.moments).device)
        return self


def _moments(values: Tensor) -> Tensor:
    count = torch.full((), values.numel(), dtype=torch.float64, device=values.device)
    mean = values.sum() / count.clamp(min=1)
    return torch.stack([count, mean, (values - mean).square().sum()])


def _gathered(parts: Tensor, group: Any) -> Tensor:
    """Stack the moments of all processes, in the order of their ranks."""
    others = [torch.empty_like(parts) for _ in range(torch.distributed.get_world_size(group))]
    torch.distributed.all_gather(others, parts, group=group)
    return torch.cat(others)


def _merged(parts: Tensor) -> Tensor:
    """[3] from [k, 3]: the formula of the class, for k parts at once."""
    counts, means, squares = parts.unbind(1)
    total = counts.sum()
    mean = (counts * means).sum() / total.clamp(min=1)
    return torch.stack([total, mean, (squares + counts * (means - mean).square()).sum()])

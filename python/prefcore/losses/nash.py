"""Losses of self-play towards an equilibrium, and the step there and back that extragradient methods need."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from prefcore._checks import Num, finite, per_example, positive, same_shape, tensors, upcast
from prefcore.errors import DomainError


def sppo(logratios: Tensor, preference_gap: Num, *, beta: Num) -> Tensor:
    """SPPO: move the log-ratio of each response to what its preference over the policy is worth.

    loss = (logratios - preference_gap / beta)^2

    One loss per response. SPPO and GPO (with the score of a general preference model as `preference_gap`) take half the
    sum over both responses of a pair; `sppo_hard` of TRL is the sum `sppo(chosen, 0.5) + sppo(rejected, -0.5)`. For a
    pair as a whole there is `ipo`: `ipo(chosen, rejected, preference_gap=g)` equals `sppo(chosen - rejected, g)`.

    Args:
        logratios: [B] log-ratios of the policy to the one that sampled (or to the reference), in nats.
        preference_gap: P(response beats the policy) - 1/2, or a score; float, [B] or of the shape of `logratios`.
        beta: strength of the pull to the old policy, > 0; float or [B]. SPPO's is 0.001, TRL's 0.1.
    Returns: [B] losses (f32; f64 for f64 input). Any common shape works elementwise. A NaN log-prob gives NaN.
    Raises: ShapeError, DomainError, TypeError.
    Source: SPPO (Wu et al. 2024, arXiv 2405.00675), sppo/trainer.py of uclaml/SPPO; GPO (Zhang et al.
        2024, arXiv 2410.02197); TRL `sppo_hard` (trl/trainer/dpo_trainer.py).

    >>> sppo(torch.tensor([1.0, 1.0]), torch.tensor([0.25, -0.25]), beta=0.5)
    tensor([0.2500, 2.2500])
    """
    tensors(logratios=logratios)
    positive(beta=beta)
    finite(preference_gap=preference_gap)
    (logratios,) = upcast(logratios=logratios)
    gap = per_example("preference_gap", preference_gap, logratios)
    loss: Tensor = (logratios - gap / per_example("beta", beta, logratios)).square()
    return loss


def nash_md(logps: Tensor, ref_logps: Tensor, preference_gap: Num, *, beta: Num) -> Tensor:
    """Nash-MD: policy gradient of the preference over a mixture policy, with a pull to the reference.

    loss = -[preference_gap - beta (logps - ref_logps)] logps,  the bracket constant for autograd

    Its gradient estimates that of the regularized preference; its value means nothing.

    Args:
        logps: [B] log-probs of responses that the policy sampled, in nats.
        ref_logps: [B] the same under the reference, constant for autograd.
        preference_gap: P(response beats one of the mixture policy) - 1/2; float, [B] or of the shape of `logps`,
            constant for autograd.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses (f32; f64 for f64 input). Any common shape works elementwise. A NaN log-prob gives NaN.
    Raises: ShapeError, DomainError, TypeError.
    Source: Nash-MD (Munos et al. 2023, arXiv 2312.00886); baseline of EGPO (Zhou et al. 2025, arXiv
        2503.08942).

    >>> nash_md(torch.tensor([-2.0]), torch.tensor([-3.0]), 0.3, beta=0.1)
    tensor([0.4000])
    """
    tensors(logps=logps, ref_logps=ref_logps)
    same_shape(logps=logps, ref_logps=ref_logps)
    positive(beta=beta)
    finite(preference_gap=preference_gap)
    logps, ref_logps = upcast(logps=logps, ref_logps=ref_logps)
    gap = per_example("preference_gap", preference_gap, logps)
    bracket: Tensor = gap - per_example("beta", beta, logps) * (logps - ref_logps)
    return -bracket.detach() * logps


@contextmanager
def temporary_step(optimizer: Optimizer) -> Iterator[None]:
    """Take the optimizer's step for the time of a `with` block, then put everything back but the gradients.

    Extragradient: compute gradients, enter, compute those of the half-way parameters inside, leave, step with them.
    EGPO samples and judges inside, with the half-way policy, and differentiates outside. MetaRM enters with an
    `SGD(maximize=True)` of its own, differentiates inside and steps outside. Parameters, the state of the optimizer
    (momentum, Adam's moments, step counts; also state that did not exist before) and the settings of its parameter
    groups get back their bits, also when the block raises. Gradients stay as the block left them.

    Call `backward` inside for what was computed inside: autograd refuses a graph whose parameters have changed since.
    Under DDP nothing special is needed, because gradients are averaged before either step. Costs a copy of parameters
    and state.

    Args:
        optimizer: any torch optimizer that can step without a closure; its parameters hold the gradients to step with.
    Raises: DomainError at the end of the block if parameter groups came or went inside; all else is put back first.
    Source: EGPO (Zhou et al. 2025, arXiv 2503.08942), lms/trainers/extragradient_trainer.py of zhourunlong/EGPO;
        MetaRM in Secrets of RLHF II (Wang et al. 2024, arXiv 2401.06080).

    >>> x = torch.nn.Parameter(torch.tensor([1.0, 0.0]))  # the game x0 x1: descent in x0, ascent in x1
    >>> optimizer = torch.optim.SGD([x], lr=0.5)
    >>> def gradient():
    ...     x.grad = torch.stack([x[1], -x[0]]).detach()
    >>> gradient()
    >>> with temporary_step(optimizer):
    ...     gradient()
    >>> optimizer.step()
    >>> x.detach()
    tensor([0.7500, 0.5000])
    """
    saved = _saved(optimizer)
    try:
        optimizer.step()
        yield
    finally:
        _restore(optimizer, *saved)


Saved = tuple[list[dict[str, Any]], dict[Any, Any], list[tuple[Tensor, Tensor]]]


def _saved(optimizer: Optimizer) -> Saved:
    groups = [{k: deepcopy(v) for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {parameter: deepcopy(value) for parameter, value in optimizer.state.items()}
    return groups, state, [(parameter, parameter.detach().clone()) for parameter in parameters]


@torch.no_grad()
def _restore(optimizer: Optimizer, groups: list[dict[str, Any]], state: dict[Any, Any], parameters: Any) -> None:
    for parameter, value in parameters:
        parameter.copy_(value)
    optimizer.state.clear()
    optimizer.state.update(state)
    for group, saved in zip(optimizer.param_groups, groups, strict=False):
        new = set(group) - set(saved) - {"params"}  # what a first step added
        for key in new:
            del group[key]
        group.update(saved)
    if len(optimizer.param_groups) != len(groups):
        counts = f"{len(optimizer.param_groups)}, expected {len(groups)} as at its start"
        raise DomainError(f"optimizer must keep its parameter groups inside the block, got {counts}")

"""Equilibria of batches of small preference games with a KL pull to a reference, by EGPO with a fixed number of steps.

h = lsm((1 - c) l + c log rho + eta A e^l);  l <- lsm((1 - c) l + c log rho + eta A e^h),  A = P - 1/2, c = eta beta

An op because in plain torch it is a loop of a dozen calls an iteration: on the CPU it is a loop in Rust, eight games at
a time and in f64, on CUDA one kernel. Its inputs are data: no gradient.
Candidates whose reference is -inf take no part: their rows and columns of P are not used, whatever they hold.
Traffic on CUDA in f32, counted: the kernel reads P once, 4 n^2 bytes a game, and the loop twice an iteration.
"""

from typing import Any

import torch
from torch import Tensor

from prefcore._checks import full_precision

#: candidates of a game that a program of the CUDA kernel holds in its registers
MOST_ON_CUDA = 128


def reference(preferences: Tensor, ref_logps: Tensor, beta: float, step_size: float, iterations: int) -> Tensor:
    """Return the log-policies after so many iterations, -inf where the reference is."""
    takes_part = ref_logps != -torch.inf
    payoffs, logps = margins(preferences, takes_part), ref_logps.log_softmax(1)
    pull = step_size * beta
    to_reference = pull * logps

    def step(against: Tensor) -> Tensor:
        moved = (1 - pull) * logps + to_reference + step_size * gains(payoffs, against)
        return moved.where(takes_part, -torch.inf).log_softmax(1)  # -inf * 0 would be NaN

    for _ in range(iterations):
        logps = step(step(logps))
    return logps


def margins(preferences: Tensor, takes_part: Tensor) -> Tensor:
    """P - 1/2, and 0 where one of the two candidates takes no part."""
    both = takes_part.unsqueeze(2) & takes_part.unsqueeze(1)
    return (preferences - 0.5).where(both, 0.0)


def gains(payoffs: Tensor, logps: Tensor) -> Tensor:
    """A e^l of every game, [B, n]."""
    with full_precision(payoffs):
        return torch.bmm(payoffs, logps.exp().unsqueeze(2)).squeeze(2)


# The body serves every device without a kernel of its own.
kl_nash = torch.library.custom_op("prefcore::kl_nash", reference, mutates_args=())


@kl_nash.register_kernel("cpu")
def _forward_cpu(preferences: Tensor, ref_logps: Tensor, beta: float, step_size: float, iterations: int) -> Tensor:
    import prefcore._rust as core

    preferences, ref_logps = preferences.contiguous(), ref_logps.contiguous()
    return torch.from_numpy(core.kl_nash(preferences.numpy(), ref_logps.numpy(), (beta, step_size, iterations)))


@kl_nash.register_kernel("cuda")
def _forward_cuda(preferences: Tensor, ref_logps: Tensor, beta: float, step_size: float, iterations: int) -> Tensor:
    if preferences.shape[1] > MOST_ON_CUDA:
        return reference(preferences, ref_logps, beta, step_size, iterations)
    from prefcore.triton_kernels import kl_nash as kernels

    return kernels.forward(preferences, ref_logps, beta, step_size, iterations)


@kl_nash.register_fake
def _forward_fake(_preferences: Tensor, ref_logps: Tensor, _beta: Any, _step_size: Any, _iterations: Any) -> Tensor:
    return ref_logps.new_empty(ref_logps.shape)

"""Generalized advantage estimation over the counted tokens of padded sequences.

A_t = r_t + gamma V_t+1 - V_t + gamma lam A_t+1, t + 1 the next counted token;  return_t = A_t + V_t

An op because the recurrence has a CPU kernel (Rust) and a CUDA kernel (a scan in Triton); in plain torch it is a loop
of a dozen calls a token. Its inputs are data: no gradient.
In f64 and rounded once: from the last counted token to the first on the CPU, in blocks that begin at the last counted
token on CUDA, so padding changes no bit.
Traffic on CUDA in f32, counted: the kernel moves 18 bytes a token in one launch, the loop takes a dozen T launches.
"""

from typing import Any

import torch
from torch import Tensor

Estimate = tuple[Tensor, Tensor]


def reference(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Estimate:
    """Return (advantages, returns), 0 where the mask is False."""
    next_value = next_advantage = rewards.new_zeros(len(rewards), dtype=torch.float64)
    advantages = torch.zeros_like(rewards, dtype=torch.float64)
    for t in range(rewards.shape[1] - 1, -1, -1):
        counted, value = mask[:, t], values[:, t].double()
        advantage = rewards[:, t].double() + gamma * next_value - value + gamma * lam * next_advantage
        next_advantage = advantage.where(counted, next_advantage)
        next_value = value.where(counted, next_value)
        advantages[:, t] = advantage.where(counted, 0.0)
    returns = (advantages + values).where(mask, 0.0)
    return advantages.to(rewards.dtype), returns.to(rewards.dtype)


# The body serves every device without a kernel of its own.
gae = torch.library.custom_op("prefcore::gae", reference, mutates_args=())


@gae.register_kernel("cpu")
def _forward_cpu(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Estimate:
    import prefcore._rust as core

    rewards, values, mask = rewards.contiguous(), values.contiguous(), mask.contiguous()
    advantages, returns = core.gae(rewards.numpy(), values.numpy(), mask.numpy(), gamma, lam)
    return torch.from_numpy(advantages), torch.from_numpy(returns)


@gae.register_kernel("cuda")
def _forward_cuda(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Estimate:
    from prefcore.triton_kernels import gae as kernels

    return kernels.forward(rewards, values, mask, gamma, lam)


@gae.register_fake
def _forward_fake(rewards: Tensor, _values: Tensor, _mask: Tensor, _gamma: Any, _lam: Any) -> Estimate:
    return rewards.new_empty(rewards.shape), rewards.new_empty(rewards.shape)

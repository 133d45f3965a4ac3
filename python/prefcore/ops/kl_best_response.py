"""Best responses to policies of preference games with a KL pull to a reference, and the duality gap in the same pass.

log BR = lsm(log rho + A e^l / beta),  gap = 2 beta KL(pi || BR) = 2 beta sum_i pi_i (e^d_i - 1 - d_i),  d = log BR - l

An op because on CUDA a dozen calls over [B, n] and a product become one kernel. Its inputs are data: no gradient.
No term of the gap is negative and none cancels, so it has digits down to 1e-30, where the difference of two values ends
at 1e-16. Candidates whose reference is -inf take no part, as in `kl_nash`.
"""

from typing import Any

import torch
from torch import Tensor

from prefcore.ops.kl_nash import MOST_ON_CUDA, gains, margins

Response = tuple[Tensor, Tensor]
#: where e^d - 1 - d is taken as a series, whose terms end below 2e-18 of it
NEAR, TERMS = 0.25, 13


def reference(preferences: Tensor, logps: Tensor, ref_logps: Tensor, beta: float) -> Response:
    """Return (best responses [B, n], gaps [B])."""
    takes_part = ref_logps != -torch.inf
    logps = logps.log_softmax(1)
    pulled = ref_logps + gains(margins(preferences, takes_part), logps) / beta
    response = pulled.where(takes_part, -torch.inf).log_softmax(1)
    return response, 2 * beta * divergence(logps, response).sum(1)


def divergence(logps: Tensor, response: Tensor) -> Tensor:
    """Terms of KL(pi || response): pi (e^d - 1 - d), which is the response itself where pi = 0."""
    d, policy = response - logps, logps.exp()
    tail = torch.ones_like(d)
    for k in range(TERMS, 2, -1):
        tail = 1 + d / k * tail
    far = response.exp() - policy * (1 + d)  # pi e^d, which overflows, is the response
    terms = (policy * d.square() / 2 * tail).where(d.abs() < NEAR, far)
    return terms.where(policy != 0, response.exp())


# The body serves every device without a kernel of its own.
kl_best_response = torch.library.custom_op("prefcore::kl_best_response", reference, mutates_args=())


@kl_best_response.register_kernel("cuda")
def _forward_cuda(preferences: Tensor, logps: Tensor, ref_logps: Tensor, beta: float) -> Response:
    if preferences.shape[1] > MOST_ON_CUDA:
        return reference(preferences, logps, ref_logps, beta)
    from prefcore.triton_kernels import kl_best_response as kernels

    return kernels.forward(preferences, logps, ref_logps, beta)


@kl_best_response.register_fake
def _forward_fake(_preferences: Tensor, logps: Tensor, _ref_logps: Tensor, _beta: Any) -> Response:
    return logps.new_empty(logps.shape), logps.new_empty(logps.shape[:1])

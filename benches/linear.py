"""Token log-probs from hidden states: contenders, and the error of their gradients against float64."""

from collections.abc import Callable
from typing import Any

#: device -> tokens, hidden size, vocabulary; that of cuda is the shape at which peers publish their figures
SIZES = {"cpu": (2048, 576, 49_152), "cuda": (8192, 4096, 128_256)}
SHAPE = {"cpu": "[2048, 576] x [49152, 576] f32", "cuda": "[8192, 4096] x [128256, 4096] bf16"}
Contenders = dict[str, Callable[[], Any]]


def inputs(device: str, every: int = 1) -> tuple[Any, Any, Any, Any]:
    """Return hidden, head, targets and upstream gradient, 0 but for every so-many-th row.

    Peaked as in a trained model: half of the targets hold most of their row's mass, the rest is near uniform.
    """
    import torch

    n, d, v = SIZES[device]
    generator = torch.Generator().manual_seed(5)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    head = torch.randn(v, d, generator=generator).mul_(d**-0.5)
    targets = torch.randint(0, v, (n,), generator=generator)
    hidden = torch.randn(n, d, generator=generator)
    hidden[::2] += 14.0 * head[targets[::2]]
    upstream = torch.randn(n, generator=generator).masked_fill_(torch.arange(n) % every != 0, 0.0)
    moved = hidden.to(device, dtype), head.to(device, dtype)
    return *(x.requires_grad_() for x in moved), targets.to(device), upstream.to(device)


def forward_backward(device: str, *, every: int = 1) -> Contenders:
    hidden, head, targets, upstream = inputs(device, every)
    contenders = {
        "prefcore": lambda stash: prefcore(hidden, head, targets, stash),
        "prefcore, stash=0": lambda _: prefcore(hidden, head, targets, 0),
        "torch linear + cross_entropy": lambda _: in_torch(hidden, head, targets),
        **(peers(hidden, head, targets) if device == "cuda" else {}),
    }
    return {name: lambda run=run: gradients(run("auto"), hidden, head, upstream) for name, run in contenders.items()}


def three_quarters_zero(device: str) -> Contenders:
    return forward_backward(device, every=4)


def frozen_head(device: str) -> Contenders:
    """Gradient of the hidden states alone, as under LoRA."""
    import torch

    hidden, head, targets, upstream = inputs(device)
    head = head.detach()
    runs = {
        "prefcore": lambda: prefcore(hidden, head, targets, "auto"),
        "torch linear + cross_entropy": lambda: in_torch(hidden, head, targets),
    }
    return {name: lambda run=run: torch.autograd.grad(run(), hidden, upstream) for name, run in runs.items()}


def prefcore(hidden: Any, head: Any, targets: Any, stash: Any) -> Any:
    from prefcore import logps

    return logps.linear_token_stats(hidden, head, targets, stash=stash).logps


def in_torch(hidden: Any, head: Any, targets: Any) -> Any:
    import torch

    logits = torch.nn.functional.linear(hidden, head)
    return -torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")


def peers(hidden: Any, head: Any, targets: Any) -> dict[str, Callable[[Any], Any]]:
    """TRL and Liger, where they are installed."""
    found: dict[str, Callable[[Any], Any]] = {}
    try:
        from trl.kernels.chunked_logprob import ChunkedLogProbFunction as Trl

        found["TRL chunked_logprob"] = lambda _: Trl.apply(hidden, head, None, targets, 1.0, None, 1.0)[0]
    except ImportError:
        pass
    try:
        from liger_kernel.ops.fused_linear_scaled_cross_entropy import (
            LigerFusedLinearScaledCrossEntropyFunction as Liger,
        )

        found["Liger scaled cross entropy"] = lambda _: -Liger.apply(hidden, head, targets)
    except ImportError:
        pass
    return found


def gradients(logps: Any, hidden: Any, head: Any, upstream: Any) -> Any:
    import torch

    return torch.autograd.grad(logps, [hidden, head], upstream.to(logps.dtype))


def gradient_error(device: str, every: int = 1) -> Callable[[Any], float]:
    """Return the larger error of the two gradients, relative to their norms, as a function of a result."""
    import torch

    hidden, head, targets, upstream = (
        x.detach().double() if x.is_floating_point() else x for x in inputs(device, every)
    )
    want_hidden, want_head = torch.zeros_like(hidden), torch.zeros_like(head)
    for start in range(0, len(hidden), 256):  # float64 logits of all rows would be 8 GB on cuda
        rows = slice(start, start + 256)
        grad = -(hidden[rows] @ head.T).softmax(-1)
        grad[torch.arange(len(grad)), targets[rows]] += 1.0
        grad *= upstream[rows].unsqueeze(1)
        want_hidden[rows] = grad @ head
        want_head += grad.T @ hidden[rows]

    def error(result: Any) -> float:
        pairs = zip(result, (want_hidden, want_head), strict=False)
        return max(float((got.double() - want).norm() / want.norm()) for got, want in pairs)

    return error

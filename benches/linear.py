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
    generator = torch.Generator(device).manual_seed(5)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    head = torch.randn(v, d, generator=generator, device=device).mul_(d**-0.5)
    targets = torch.randint(0, v, (n,), generator=generator, device=device)
    hidden = torch.randn(n, d, generator=generator, device=device)
    hidden[::2] += 14.0 * head[targets[::2]]
    upstream = torch.randn(n, generator=generator, device=device)
    upstream.masked_fill_(torch.arange(n, device=device) % every != 0, 0.0)
    return hidden.to(dtype).requires_grad_(), head.to(dtype).requires_grad_(), targets, upstream


def forward_backward(device: str, *, every: int = 1) -> Contenders:
    hidden, head, targets, upstream = inputs(device, every)
    contenders = {
        "prefcore": lambda stash: prefcore(hidden, head, targets, stash),
        "prefcore, stash=0": lambda _: prefcore(hidden, head, targets, 0),
        "torch linear + cross_entropy": lambda _: in_torch(hidden, head, targets),
        **peers(hidden, head, targets, device),
    }
    return {name: lambda run=run: gradients(run("auto"), hidden, head, upstream) for name, run in contenders.items()}


def forward(device: str) -> Contenders:
    """Log-probs alone, as of a reference model."""
    import torch

    hidden, head, targets, _ = inputs(device)
    hidden, head = hidden.detach(), head.detach()
    contenders = {
        "prefcore": lambda: prefcore(hidden, head, targets, "auto"),
        "torch linear + cross_entropy": lambda: in_torch(hidden, head, targets),
        **{name: lambda run=run: run(None) for name, run in peers(hidden, head, targets, device).items()},
    }
    return {name: torch.no_grad()(run) for name, run in contenders.items()}


def half_masked(device: str) -> Contenders:
    """Every second row does not count, as in a batch of prompts and completions of equal length."""
    import torch

    from prefcore import logps

    hidden, head, targets, upstream = inputs(device)
    mask = torch.arange(len(targets), device=device) % 2 == 0

    def masked() -> Any:
        return gradients(
            logps.linear_token_stats(hidden, head, targets, mask=mask).logps, hidden, head, upstream * mask
        )

    known = masked()
    return {
        "prefcore": masked,
        "prefcore, all rows (then a known result)": lambda: (
            gradients(prefcore(hidden, head, targets, "auto"), hidden, head, upstream),
            known,
        )[1],
        "torch linear + cross_entropy": lambda: gradients(
            in_torch(hidden, head, targets), hidden, head, upstream * mask
        ),
    }


def three_quarters_zero(device: str) -> Contenders:
    return forward_backward(device, every=4)


def frozen_head(device: str) -> Contenders:
    """Gradient of the hidden states alone, as under LoRA."""
    import torch

    hidden, head, targets, upstream = inputs(device)
    head = head.detach()
    runs = {
        "prefcore": lambda _: prefcore(hidden, head, targets, "auto"),
        "torch linear + cross_entropy": lambda _: in_torch(hidden, head, targets),
        **peers(hidden, head, targets, device),
    }
    return {name: lambda run=run: torch.autograd.grad(run(None), hidden, upstream) for name, run in runs.items()}


def prefcore(hidden: Any, head: Any, targets: Any, stash: Any) -> Any:
    from prefcore import logps

    return logps.linear_token_stats(hidden, head, targets, stash=stash).logps


def in_torch(hidden: Any, head: Any, targets: Any) -> Any:
    import torch

    logits = torch.nn.functional.linear(hidden, head)
    return -torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")


def peers(hidden: Any, head: Any, targets: Any, device: str) -> dict[str, Callable[[Any], Any]]:
    """TRL and Liger on cuda, where they are installed."""
    found: dict[str, Callable[[Any], Any]] = {}
    if device != "cuda":
        return found
    try:
        from trl.kernels.chunked_logprob import ChunkedLogProbFunction as Trl
        from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE as COLUMNS

        found["TRL chunked_logprob"] = lambda _: Trl.apply(hidden, head, None, targets, 1.0, COLUMNS, None, 1.0, ())[0]
    except ImportError:
        pass
    try:
        from liger_kernel.ops.fused_linear_scaled_cross_entropy import (
            LigerFusedLinearScaledCrossEntropyFunction as Liger,
        )

        Liger.apply(hidden[:128].detach(), head.detach(), targets[:128])  # its kernels are an extra of their own
        found["Liger scaled cross entropy"] = lambda _: -Liger.apply(hidden, head, targets)
    except ImportError:
        pass
    return found


def gradients(logps: Any, hidden: Any, head: Any, upstream: Any) -> Any:
    import torch

    return torch.autograd.grad(logps, [hidden, head], upstream.to(logps.dtype))


def logps_error(device: str) -> Callable[[Any], float]:
    """Return the rms error of log-probs, in nats, as a function of a result."""
    import torch

    hidden, head, targets, _ = (x.detach().double() if x.is_floating_point() else x for x in inputs(device))
    want = torch.cat(
        [
            (rows @ head.T).log_softmax(-1).gather(-1, at.unsqueeze(-1)).squeeze(-1)
            for rows, at in zip(hidden.split(256), targets.split(256), strict=True)
        ]
    )
    return lambda result: float((result.double() - want).square().mean().sqrt())


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
        grad[torch.arange(len(grad), device=grad.device), targets[rows]] += 1.0
        grad *= upstream[rows].unsqueeze(1)
        want_hidden[rows] = grad @ head
        want_head += grad.T @ hidden[rows]

    def error(result: Any) -> float:
        pairs = zip(result, (want_hidden, want_head), strict=False)
        return max(float((got.double() - want).norm() / want.norm()) for got, want in pairs)

    return error

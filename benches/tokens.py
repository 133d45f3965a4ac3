"""Statistics of tokens from logits: contenders."""

from collections.abc import Callable
from typing import Any

#: device -> rows, vocabulary; that of cuda is the shape at which peers publish their figures
SIZES = {"cpu": (2048, 32_000), "cuda": (8192, 128_256)}
SHAPE = {"cpu": "[2048, 32000] f32", "cuda": "[8192, 128256] bf16"}
HALF = {"cpu": "[2048, 32000] bf16"}
PAIRED = {device: f"2 x {shape}" for device, shape in SHAPE.items()}
PAIRED_HALF = {device: f"2 x {shape}" for device, shape in HALF.items()}
Contenders = dict[str, Callable[[], Any]]


def token_stats_forward(device: str) -> Contenders:
    """All six statistics; then what one read of the logits costs, which no forward can go below."""
    from prefcore import logps

    logits, targets = _logits(device)
    every = ("logps", "entropy", "lse", "log_sum_sq_probs", "is_top1", "mean_logits")
    known = tuple(logps.token_stats(logits, targets, outputs=every))
    return {
        "prefcore": lambda: tuple(logps.token_stats(logits, targets, outputs=every)),
        "torch, one operation after the other": lambda: _six_eager(logits, targets),
        "one read (logits.sum(), then a known result)": lambda: (logits.sum(), known)[1],
    }


def _six_eager(logits: Any, targets: Any) -> Any:
    logits = logits.float()
    log_p, lse = logits.log_softmax(-1), logits.logsumexp(-1)
    p = log_p.exp()
    picked = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    entropy, squares = -(p * log_p).sum(-1), p.square().sum(-1).log()
    return picked, entropy, lse, squares, logits.argmax(-1) == targets, logits.mean(-1)


def token_logps_half(device: str) -> Contenders:
    """bf16 logits beside the same rows in f32."""
    from prefcore import logps

    logits, targets = _logits(device)
    half = logits.bfloat16()
    same = half.float()
    return {
        "prefcore": lambda: logps.token_logps(half, targets),
        "prefcore on the same in f32": lambda: logps.token_logps(same, targets),
        "torch float + log_softmax + gather": lambda: _log_softmax_gather(half.float(), targets),
    }


def token_logps_forward(device: str) -> Contenders:
    from prefcore import logps

    logits, targets = _logits(device)
    known = logps.token_logps(logits, targets)
    return {
        "prefcore": lambda: logps.token_logps(logits, targets),
        "torch log_softmax + gather": lambda: _log_softmax_gather(logits, targets),
        "torch gather - logsumexp": lambda: _gather_logsumexp(logits, targets),
        **{name: lambda run=run: run(logits, targets) for name, run in _peers(device).items()},
        "one read (logits.sum(), then a known result)": lambda: (logits.sum(), known)[1],
    }


def token_logps_backward(device: str) -> Contenders:
    from prefcore import logps

    logits, targets = _logits(device)
    logits.requires_grad_()
    return {
        "prefcore": lambda: with_gradient(logps.token_logps, logits, targets),
        "torch log_softmax + gather": lambda: with_gradient(_log_softmax_gather, logits, targets),
        "torch gather - logsumexp": lambda: with_gradient(_gather_logsumexp, logits, targets),
        **{name: lambda run=run: with_gradient(run, logits, targets) for name, run in _peers(device).items()},
    }


def _peers(device: str) -> dict[str, Callable[[Any, Any], Any]]:
    """The fused kernel of TRL on cuda, where it is installed; it computes the entropy as well."""
    try:
        from trl.kernels import selective_log_softmax_and_entropy as fused
    except ImportError:
        return {}
    return {"TRL selective_log_softmax_and_entropy": lambda x, y: fused(x, y)[0]} if device == "cuda" else {}


def paired_forward(device: str, *, half: bool = False) -> Contenders:
    from prefcore import logps

    logits, ref_logits, targets = _paired(device)
    if half:
        logits, ref_logits = logits.bfloat16(), ref_logits.bfloat16()
    return {
        "prefcore": lambda: _three(logps.paired_token_stats(logits, ref_logits, targets)),
        "torch log_softmax + gather + sum": lambda: _paired_eager(logits, ref_logits, targets),
        "the same, 64 rows at a time": lambda: _paired_chunked(logits, ref_logits, targets),
    }


def paired_forward_bf16(device: str) -> Contenders:
    return paired_forward(device, half=True)


def paired_backward(device: str) -> Contenders:
    from prefcore import logps

    logits, ref_logits, targets = _paired(device)
    logits.requires_grad_()

    def gradient(function: Any) -> Any:
        import torch

        policy, _, divergence = _three(function(logits, ref_logits, targets))
        return torch.autograd.grad((policy - divergence).sum(), logits)[0]

    return {
        "prefcore": lambda: gradient(logps.paired_token_stats),
        "torch log_softmax + gather + sum": lambda: gradient(_paired_eager),
        "the same, 64 rows at a time": lambda: gradient(_paired_chunked),
    }


def _paired(device: str) -> tuple[Any, Any, Any]:
    import torch

    logits, targets = _logits(device)
    return logits, logits + torch.randn_like(logits) * 0.3, targets


def _paired_eager(logits: Any, ref_logits: Any, targets: Any) -> Any:
    """Log-probs of both and KL(q || p), as the official TDPO code computes them."""
    log_p, log_q = logits.float().log_softmax(-1), ref_logits.float().log_softmax(-1)
    at = targets.unsqueeze(-1)
    kl = (log_q.exp() * (log_q - log_p)).sum(-1)
    return log_p.gather(-1, at).squeeze(-1), log_q.gather(-1, at).squeeze(-1), kl


def _paired_chunked(logits: Any, ref_logits: Any, targets: Any) -> Any:
    import torch

    parts = zip(logits.split(64), ref_logits.split(64), targets.split(64), strict=True)
    return tuple(torch.cat(column) for column in zip(*(_paired_eager(*part) for part in parts), strict=True))


def _three(stats: Any) -> Any:
    return tuple(stats[:3])


def _logits(device: str) -> tuple[Any, Any]:
    import torch

    generator = torch.Generator(device).manual_seed(3)
    rows, vocab = SIZES[device]
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    logits = torch.randn(rows, vocab, generator=generator, device=device, dtype=dtype).mul_(3)
    return logits, torch.randint(0, vocab, (rows,), generator=generator, device=device)


def _log_softmax_gather(logits: Any, targets: Any) -> Any:
    return logits.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def _gather_logsumexp(logits: Any, targets: Any) -> Any:
    return logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)


def with_gradient(function: Any, logits: Any, targets: Any) -> Any:
    import torch

    return torch.autograd.grad(function(logits, targets).sum(), logits)[0]


def weighted_sequence_logps(device: str) -> Contenders:
    """Forward and gradient of the logits; a quarter of the tokens has weight 0, as a sparse token mask has."""
    import torch

    from prefcore import logps

    logits, targets = (x.view(8, -1, *x.shape[1:]) for x in _logits(device))
    weights = torch.rand(targets.shape, generator=torch.Generator().manual_seed(4)).sub(0.25).relu().to(device)
    logits.requires_grad_()
    return {
        "prefcore": lambda: with_gradient(
            lambda x, y: logps.weighted_sequence_logps(x, y, weights).sums, logits, targets
        ),
        "torch log_softmax + gather + mul + sum": lambda: with_gradient(
            lambda x, y: (_log_softmax_gather(x, y) * weights).sum(1), logits, targets
        ),
        "prefcore, two functions": lambda: with_gradient(
            lambda x, y: logps.sequence_logps(logps.token_logps(x, y), weights=weights).sums, logits, targets
        ),
    }

"""Contenders of equilibria of small games in torch."""

from collections.abc import Callable
from typing import Any

Contenders = dict[str, Callable[[], Any]]
SHAPE = dict.fromkeys(("cpu", "cuda"), "1e4 games of n = 8, 100 iterations, beta 0.1, f32")
BETA, STEP = 0.1, 2 / (0.1 + (0.01 + 1) ** 0.5)


def kl_nash(device: str) -> Contenders:
    import torch

    from prefcore import scores

    generator = torch.Generator().manual_seed(0)
    upper = torch.rand(10_000, 8, 8, generator=generator).triu(1)
    preferences = (upper + (1 - upper.mT).tril(-1) + torch.eye(8) / 2).to(device)
    reference = torch.randn(10_000, 8, generator=generator).to(device)
    contenders: Contenders = {
        "prefcore": lambda: scores.kl_nash(preferences, beta=BETA, ref_logps=reference),
        "torch, bmm": lambda: _bmm(preferences, reference),
        "torch, games along the last axis": lambda: _games_last(preferences, reference),
    }
    if device == "cuda":
        compiled = torch.compile(_bmm)
        contenders["torch, bmm, compiled"] = lambda: compiled(preferences, reference)
    return contenders


def _bmm(preferences: Any, reference: Any) -> Any:
    import torch

    margins, logps = preferences - 0.5, reference.log_softmax(1)
    pull = STEP * BETA
    to_reference = pull * logps
    for _ in range(100):
        base = ((1 - pull) * logps + to_reference).unsqueeze(2)
        halfway = torch.baddbmm(base, margins, logps.exp().unsqueeze(2), alpha=STEP).squeeze(2).log_softmax(1)
        logps = torch.baddbmm(base, margins, halfway.exp().unsqueeze(2), alpha=STEP).squeeze(2).log_softmax(1)
    return logps


def _games_last(preferences: Any, reference: Any) -> Any:
    """Sums along the middle axis are sums of vectors over the games, which the eager kernels like better."""
    margins = (preferences - 0.5).permute(1, 2, 0).contiguous()
    logps = reference.T.contiguous().log_softmax(0)
    pull = STEP * BETA
    to_reference = pull * logps
    for _ in range(100):
        base = (1 - pull) * logps + to_reference
        halfway = (base + STEP * (margins * logps.exp()).sum(1)).log_softmax(0)
        logps = (base + STEP * (margins * halfway.exp()).sum(1)).log_softmax(0)
    return logps.T

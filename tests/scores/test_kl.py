"""Properties and error messages of `prefcore.scores`: KL terms."""

import decimal
import math
from typing import Any

import pytest
import torch

from prefcore import losses, scores
from prefcore.errors import DomainError, ShapeError


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_k3_is_exact_at_every_gap() -> None:
    """Against 60 digits; f32 keeps its relative accuracy where exp(d) - d - 1 has no digit left."""
    gaps = [s * 10.0**e for e in range(-12, 2) for s in (1.0, -1.0, 3.0, -7.0)]
    with decimal.localcontext(prec=60):
        for dtype, tolerance in ((torch.float64, 3e-15), (torch.float32, 1e-6)):
            logps = -torch.tensor(gaps, dtype=dtype)
            exact = [decimal.Decimal(gap) for gap in (-logps).tolist()]
            want = [float(gap.exp() - gap - 1) for gap in exact]
            got = scores.kl_k3(logps, torch.zeros_like(logps)).double()
            torch.testing.assert_close(got, f64(*want), rtol=tolerance, atol=0)


def test_k3_is_the_penalty_of_ppo_clip() -> None:
    logps, ref = (torch.randn(2, 3, 5) * 4).requires_grad_()
    penalty = losses.ppo_clip(logps, logps.detach(), torch.zeros(3), ref_logps=ref, kl_coef=1.0)
    k3 = scores.kl_k3(logps, ref)
    assert torch.equal(k3, penalty)
    assert torch.equal(*(torch.autograd.grad(value.sum(), logps)[0] for value in (k3, penalty)))


def test_k3_saturates_instead_of_overflowing() -> None:
    """Value and gradient, up to a token that the policy cannot produce; two impossible ones count as equal."""
    logps = torch.tensor([-1e4, -math.inf, -math.inf, -0.0]).requires_grad_()
    k3 = scores.kl_k3(logps, torch.tensor([0.0, -1.0, -math.inf, math.nan]))
    (grad,) = torch.autograd.grad(k3.sum(), logps)
    largest = torch.finfo(torch.float32).max
    assert k3[:3].tolist() == [largest, largest, 0.0]
    assert k3[3].isnan()
    assert grad[:3].tolist() == [-largest, -largest, 0.0]
    assert grad[3].isnan()


def test_k3_and_k2_agree_to_second_order() -> None:
    """k3 = d^2 / 2 + d^3 / 6 + ..."""
    ref = -torch.rand(50, dtype=torch.float64)
    gap = torch.linspace(-1e-3, 1e-3, 50, dtype=torch.float64)
    k2, k3 = scores.kl_k2(ref - gap, ref), scores.kl_k3(ref - gap, ref)
    torch.testing.assert_close(k3 - k2, gap**3 / 6, rtol=1e-3, atol=1e-14)


def test_shaped_rewards_sum_to_score_minus_kl_whatever_stands_outside() -> None:
    """The score lands on the last counted token of each row, also before padding and after a hole."""
    mask = torch.tensor([[True, True, False, True, False], [False, False, True, False, False]])
    logps, ref = torch.randn(2, 2, 5, dtype=torch.float64).masked_fill(~mask, math.nan)
    rewards = scores.kl_shaped_rewards(logps, ref, f64(3.0, -2.0), mask, kl_coef=0.5)
    penalties = (-0.5 * (logps - ref)).where(mask, 0.0)
    assert torch.equal((rewards - penalties).round(decimals=12), f64(0, 0, 0, 3, 0, 0, 0, -2, 0, 0).view(2, 5))


def test_shaped_rewards_of_an_empty_row_raise() -> None:
    x, mask = torch.zeros(2, 3), torch.tensor([[True, False, False], [False, False, False]])
    with pytest.raises(DomainError, match=r"mask\[1\] must count at least 1 token, which takes the score, got none"):
        scores.kl_shaped_rewards(x, x, torch.zeros(2), mask)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"scores": torch.zeros(2, 1)}, ShapeError, r"scores must be \[B\] = \[2\]"),
        ({"kl_coef": -0.1}, DomainError, "kl_coef must be finite and >= 0, got -0.1"),
    ],
)
def test_errors(change: dict[str, Any], error: type[Exception], match: str) -> None:
    x = torch.zeros(2, 3)
    arguments = {"logps": x, "ref_logps": x, "mask": torch.ones(2, 3, dtype=torch.bool), "scores": torch.zeros(2)}
    with pytest.raises(error, match=match):
        scores.kl_shaped_rewards(**{**arguments, **change})

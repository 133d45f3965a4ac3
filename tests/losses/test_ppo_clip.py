"""Properties and error messages of `prefcore.losses.ppo_clip`; vectors and common promises are tested elsewhere."""

import decimal
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import losses
from prefcore.errors import DomainError, ShapeError


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


NUMBERS = torch.tensor([0.0, -0.0, 1e-3, 0.3, -0.3, 1.0, -1.0, 88.8, -88.8, 1e4, -1e4])


def with_gradient(logps: torch.Tensor, *rest: torch.Tensor, **keywords: Any) -> tuple[torch.Tensor, torch.Tensor]:
    logps = logps.clone().requires_grad_()
    loss = losses.ppo_clip(logps, *rest, **keywords)
    return loss.detach(), torch.autograd.grad(loss.sum(), logps)[0]


@pytest.mark.parametrize("dual_clip", [None, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ppo_clip_is_finite_at_any_gap(dtype: torch.dtype, dual_clip: float | None) -> None:
    """Every pair of gaps, also log-probs of -inf, with huge advantages, weights and gradients."""
    gap, kl_gap, advantage = torch.cartesian_prod(NUMBERS, NUMBERS, torch.tensor([0.0, -0.0, 1.0, -1.0, 1e30, -1e30])).T
    new = torch.cat([gap, torch.full_like(gap, -math.inf)]).to(dtype)
    old, ref = torch.zeros_like(new), torch.cat([gap + kl_gap, torch.full_like(gap, -math.inf)]).to(dtype)
    advantage, weight = advantage.repeat(2).to(dtype), torch.linspace(-1e20, 1e20, len(new), dtype=dtype)
    given = {"ref_logps": ref, "weights": weight, "kl_coef": 1e10, "dual_clip": dual_clip}
    logps = new.clone().requires_grad_()
    loss = losses.ppo_clip(logps, old, advantage, **given)
    (grad,) = torch.autograd.grad(loss, logps, torch.full_like(loss, 1e5))
    assert loss.isfinite().all()
    assert grad.isfinite().all()


def test_ppo_clip_saturates_where_f32_ends() -> None:
    """LP-11 in f32: e^92 is 9e39. In f64 the value is in tests/vectors, and its slope is 1 - e^d."""
    logps, ref = torch.tensor([-95.0, -3.0]), torch.tensor([-3.0, -95.0])
    loss, grad = with_gradient(logps, logps, torch.zeros(2), ref_logps=ref, kl_coef=1.0)
    largest = torch.finfo(torch.float32).max
    assert loss.tolist() == [largest, 91.0]
    assert grad.tolist() == [-largest, 1.0]
    _, grad = with_gradient(logps.double(), logps, torch.zeros(2), ref_logps=ref, kl_coef=1.0)
    torch.testing.assert_close(grad, f64(-math.expm1(92.0), -math.expm1(-92.0)), rtol=1e-12, atol=0)


@given(size=st.floats(0.5, 8.0), exponent=st.integers(-12, 0), sign=st.sampled_from([1, -1]))
@settings(max_examples=100, deadline=None)
def test_ppo_clip_penalty_keeps_its_relative_accuracy(size: float, exponent: int, sign: int) -> None:
    """Against 50 digits, from gaps of 1e-12 to both sides of the switch at 1/2; never below 0."""
    gap = sign * size * 10.0**exponent
    loss, grad = with_gradient(f64(0.0), f64(0.0), f64(0.0), ref_logps=f64(gap), kl_coef=1.0)
    with decimal.localcontext(prec=50):
        exact = decimal.Decimal(gap)
        value, slope = float(exact.exp() - 1 - exact), float(1 - exact.exp())
    assert loss.item() >= 0.0
    assert loss.item() == pytest.approx(value, rel=2e-15, abs=0)
    assert grad.item() == pytest.approx(slope, rel=1e-15, abs=0)


def test_ppo_clip_gradient_is_zero_exactly_where_the_ratio_is_bounded() -> None:
    """Slope -A rho while moving on would still help; 0 beyond 1.2 for A > 0, below 0.8 and beyond 3 for A < 0."""
    ratio = f64(0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.9, 3.1)
    for advantage, counts in ((2.0, [1, 1, 1, 1, 1, 0, 0, 0]), (-2.0, [0, 0, 1, 1, 1, 1, 1, 0])):
        a = torch.full_like(ratio, advantage)
        loss, grad = with_gradient(ratio.log(), torch.zeros_like(ratio), a, dual_clip=3.0)
        torch.testing.assert_close(grad, -a * ratio * torch.tensor(counts), rtol=1e-14, atol=0)
        bounded = ratio.clamp(max=1.2) if advantage > 0 else ratio.clamp(0.8, 3.0)
        torch.testing.assert_close(loss, -a * bounded, rtol=1e-14, atol=0)


def test_ppo_clip_dual_clip_is_that_of_the_paper_and_of_trl() -> None:
    """max(min(rho A, clip(rho) A), c A) for A < 0 (Ye et al.), min(min(rho, delta) A, clip(rho) A) (TRL)."""
    ratio, a = torch.rand(1000, dtype=torch.float64) * 6, torch.randn(1000, dtype=torch.float64)
    loss = losses.ppo_clip(ratio.log(), torch.zeros_like(a), a, clip_high=0.28, dual_clip=2.5)
    clipped = torch.minimum(ratio * a, ratio.clamp(0.8, 1.28) * a)
    paper = torch.where(a < 0, torch.maximum(clipped, 2.5 * a), clipped)
    trl = torch.minimum(ratio.clamp(max=2.5) * a, ratio.clamp(0.8, 1.28) * a)
    torch.testing.assert_close(loss, -paper, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(loss, -trl, rtol=1e-13, atol=1e-15)


def test_ppo_clip_at_the_old_policy_is_the_policy_gradient() -> None:
    logps, a = torch.randn(2, 3, 5)
    loss, grad = with_gradient(logps, logps, a, kl_coef=0.1, ref_logps=logps)
    assert torch.equal(loss, -a)
    assert torch.equal(grad, -a)


def test_ppo_clip_advantages_of_sequences_equal_those_of_their_tokens() -> None:
    """5 sequences of 5 tokens: [B] must not be taken for one advantage for each column."""
    logps, old = torch.randn(2, 5, 5)
    a = torch.randn(5)
    assert torch.equal(losses.ppo_clip(logps, old, a), losses.ppo_clip(logps, old, a.unsqueeze(1).repeat(1, 5)))


def test_ppo_clip_what_stands_outside_the_mask_does_not_matter() -> None:
    nothing = math.nan, -math.inf, math.inf, math.nan, math.nan
    logps, old, ref, a, weights = torch.randn(5, 3, 40)
    mask = torch.rand(3, 40) > 0.5
    mask[1] = False
    want = with_gradient(logps, old, a, ref_logps=ref, weights=weights, kl_coef=0.1)
    given = zip((logps, old, ref, a, weights), nothing, strict=True)
    logps, old, ref, a, weights = (x.masked_fill(~mask, value) for x, value in given)
    got = with_gradient(logps, old, a, mask=mask, ref_logps=ref, weights=weights, kl_coef=0.1)
    for value, full in zip(got, want, strict=True):
        assert torch.equal(value, full.where(mask, 0.0))


def test_ppo_clip_weights_multiply_loss_and_penalty() -> None:
    logps, old, ref, a = torch.randn(4, 3, 40)
    weights = torch.tensor(2.0) ** torch.randint(-3, 3, (3, 40))
    plain = with_gradient(logps, old, a, ref_logps=ref, kl_coef=0.1)
    weighted = with_gradient(logps, old, a, ref_logps=ref, kl_coef=0.1, weights=weights)
    for got, want in zip(weighted, plain, strict=True):
        assert torch.equal(got, want * weights)  # powers of two: exact


def test_ppo_clip_has_a_gradient_for_logps_alone_and_half_types_give_f32() -> None:
    logps, old, a = (torch.randn(2, 3).bfloat16().requires_grad_() for _ in range(3))
    loss = losses.ppo_clip(logps, old, a)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, losses.ppo_clip(logps.float(), old.float(), a.float()))
    loss.sum().backward()
    assert logps.grad.dtype == torch.bfloat16
    assert old.grad is a.grad is None


def test_ppo_clip_views_give_the_same_bits() -> None:
    logps, old, a = torch.randn(3, 6, 10, 4)[..., 1:]
    got = with_gradient(logps, old.transpose(0, 1).contiguous().transpose(0, 1), a)
    want = with_gradient(logps.contiguous(), old.contiguous(), a.contiguous())
    assert all(torch.equal(value, right) for value, right in zip(got, want, strict=True))


def test_ppo_clip_compiles_to_one_graph_and_raises_there_too() -> None:
    logps, old, ref = torch.randn(3, 4, 6)
    a, mask = torch.randn(4), torch.rand(4, 6) > 0.3
    given = {"mask": mask, "ref_logps": ref, "kl_coef": 0.1}
    compiled = torch.compile(losses.ppo_clip, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(logps, old, a, **given), losses.ppo_clip(logps, old, a, **given))
    with pytest.raises(DomainError, match="advantages must be finite"):
        compiled(logps, old, a / 0, **given)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"old_logps": torch.zeros(2, 1)}, ShapeError, r"got logps \[2, 3\], old_logps \[2, 1\]"),
        (
            {"advantages": torch.zeros(2, 1)},
            ShapeError,
            r"advantages must be \[B\] or of the shape of logps \[2, 3\], got \[2, 1\]",
        ),
        ({"advantages": torch.zeros(3)}, ShapeError, r"\[2, 3\], got \[3\]"),
        ({"advantages": torch.tensor(1.0)}, ShapeError, r"\[2, 3\], got \[\]"),
        ({"weights": torch.zeros(2)}, ShapeError, r"weights \[2\]"),
        ({"mask": torch.ones(2, 3)}, TypeError, r"mask must be a bool tensor, got torch.float32; call .bool\(\)"),
        ({"ref_logps": torch.zeros(3)}, ShapeError, r"ref_logps \[3\]"),
        ({"logps": torch.zeros(2, 3).long()}, TypeError, "logps must be a floating-point tensor, got torch.int64"),
        ({"advantages": [1.0, 2.0]}, TypeError, "advantages must be a torch tensor, got list"),
        ({"advantages": torch.zeros(2, device="meta")}, TypeError, "logps on cpu, advantages on meta"),
        ({"kl_coef": 0.1}, DomainError, "kl_coef must be 0 without ref_logps, got 0.1"),
        ({"kl_coef": -0.1}, DomainError, "kl_coef must be finite and >= 0, got -0.1"),
        ({"clip_low": None}, TypeError, "clip_low must be a number, got NoneType"),
        ({"clip_low": 1.2}, DomainError, r"clip_low must be in \[0, 1\], got 1.2"),
        ({"clip_high": math.inf}, DomainError, "clip_high must be finite and >= 0, got inf"),
        ({"dual_clip": 1.1}, DomainError, "dual_clip must be at least 1 \\+ clip_high = 1.2, got 1.1"),
        (
            {"old_logps": torch.tensor([[0.0] * 3, [0.0, -math.inf, 0.0]])},
            DomainError,
            r"old_logps must be finite where the mask is True, got -inf at \[1, 1\]",
        ),
        ({"advantages": torch.tensor([0.0, math.nan])}, DomainError, r"advantages .* got nan at \[1, 0\]"),
        ({"weights": torch.full((2, 3), math.inf)}, DomainError, r"weights .* got inf at \[0, 0\]"),
    ],
)
def test_ppo_clip_errors(change: dict[str, Any], error: type[Exception], match: str) -> None:
    zero = torch.zeros(2, 3)
    arguments = {"logps": zero, "old_logps": zero, "advantages": torch.zeros(2), **change}
    with pytest.raises(error, match=match):
        losses.ppo_clip(**arguments)

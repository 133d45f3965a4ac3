"""Properties and error messages of `prefcore.losses.dpo`; common promises are tested elsewhere."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import losses
from prefcore.errors import DomainError, ShapeError

logps = st.floats(-1e4, 0.0, width=32)


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(chosen=logps, rejected=logps, beta=st.floats(1e-3, 10.0))
@settings(max_examples=50, deadline=None)
def test_dpo_swap_differs_by_the_margin(chosen: float, rejected: float, beta: float) -> None:
    """-log s(z) + log s(-z) = -z."""
    forward = losses.dpo(f64(chosen), f64(rejected), beta=beta)
    backward = losses.dpo(f64(rejected), f64(chosen), beta=beta)
    torch.testing.assert_close(forward - backward, beta * f64(rejected - chosen), rtol=1e-12, atol=1e-12)


@given(gap=st.floats(-1e4, 1e4), smoothing=st.floats(0.0, 1.0))
@settings(max_examples=50, deadline=None)
def test_dpo_is_finite_and_its_gradient_has_the_closed_form(gap: float, smoothing: float) -> None:
    """d/dz = s(z) - (1 - label_smoothing)."""
    chosen = f64(gap).requires_grad_()
    loss = losses.dpo(chosen, f64(0.0), beta=1.0, label_smoothing=smoothing)
    loss.sum().backward()
    assert loss.isfinite().all()
    want = f64(gap).sigmoid() - (1 - smoothing)
    torch.testing.assert_close(chosen.grad, want, rtol=1e-12, atol=1e-15)


def test_dpo_at_zero_is_log_two_for_every_smoothing() -> None:
    zero = torch.zeros(3)
    torch.testing.assert_close(
        losses.dpo(zero, zero, label_smoothing=torch.tensor([0.0, 0.3, 1.0])), torch.full((3,), math.log(2.0))
    )


@pytest.mark.parametrize("smoothing", [0.0, torch.zeros(1, dtype=torch.float64)])
def test_dpo_impossible_rejected_response_costs_nothing(smoothing: float | torch.Tensor) -> None:
    """A rejected log-prob of -inf (masked vocabulary): loss 0, gradient 0, no NaN."""
    chosen = f64(-1.0).requires_grad_()
    loss = losses.dpo(chosen, f64(-math.inf), label_smoothing=smoothing)
    loss.sum().backward()
    assert (loss.item(), chosen.grad.item()) == (0.0, 0.0)


def test_dpo_half_types_give_f32_and_beta_may_be_learned() -> None:
    chosen, rejected = torch.randn(2, 5).bfloat16()
    beta = torch.tensor(0.5, requires_grad=True)
    loss = losses.dpo(chosen, rejected, beta=beta)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, losses.dpo(chosen.float(), rejected.float(), beta=0.5))
    loss.sum().backward()
    gap = chosen.float() - rejected.float()
    torch.testing.assert_close(beta.grad, ((0.5 * gap).sigmoid() - 1).mul(gap).sum())


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"rejected": torch.zeros(3)}, ShapeError, r"expected equal shapes, got chosen \[3, 1\], rejected \[3\]"),
        ({"chosen": torch.zeros(3, 1).long()}, TypeError, r"chosen must be a floating-point tensor, got torch.int64"),
        ({"rejected": torch.zeros(3, 1, device="meta")}, TypeError, "chosen on cpu, rejected on meta"),
        ({"beta": 0.0}, DomainError, "beta must be finite and > 0, got 0.0"),
        ({"beta": torch.tensor([0.1, -0.1, 0.1])}, DomainError, r"beta\[1\] must be finite and > 0, got -0.1"),
        (
            {"beta": torch.ones(2)},
            ShapeError,
            r"beta must be a float, \[B\] or of the data's shape \[3, 1\], got \[2\]",
        ),
        ({"chosen": [1.0, 2.0]}, TypeError, "chosen must be a torch tensor, got list"),
        ({"beta": None}, TypeError, "beta must be a number or a torch tensor, got NoneType"),
        ({"margin": math.nan}, DomainError, "margin must be finite, got nan"),
        ({"label_smoothing": 1.5}, DomainError, r"label_smoothing must be in \[0, 1\], got 1.5"),
        ({"label_smoothing": torch.tensor(-0.5)}, DomainError, r"label_smoothing must be in \[0, 1\], got -0.5"),
    ],
)
def test_dpo_errors(change: dict[str, object], error: type[Exception], match: str) -> None:
    arguments = {"chosen": torch.zeros(3, 1), "rejected": torch.zeros(3, 1), **change}
    with pytest.raises(error, match=match):
        losses.dpo(**arguments)

"""Properties and error messages of `prefcore.losses.pairwise.dpo_forms`."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import losses, scores
from prefcore.errors import ShapeError

means = st.floats(-20.0, -1e-6)


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_simpo_takes_its_margin_after_beta() -> None:
    """gamma, not gamma / beta: at a gap of gamma / beta the model is as sure as asked, and the loss is log 2."""
    loss = losses.simpo(f64(-1.0), f64(-1.6), beta=2.5, margin=1.5)
    torch.testing.assert_close(loss, f64(math.log(2.0)), rtol=1e-12, atol=0)


@given(chosen=means, rejected=means, exponent=st.integers(-9, -5))
@settings(max_examples=50, deadline=None)
def test_alphapo_tends_to_simpo(chosen: float, rejected: float, exponent: int) -> None:
    """(1 - p^-a) / a -> log p, by about a logp^2 / 2."""
    a = 10.0**exponent
    near = (scores.alpha_divergence_score(f64(side), alpha=1 - a) for side in (chosen, rejected))
    loss = losses.simpo(*near, margin=1.0)
    torch.testing.assert_close(loss, losses.simpo(f64(chosen), f64(rejected), margin=1.0), rtol=0, atol=1e3 * a)


@given(chosen=means, rejected=means)
@settings(max_examples=100, deadline=None)
def test_orpo_is_the_log_of_one_plus_the_inverse_odds_ratio(chosen: float, rejected: float) -> None:
    odds = [math.exp(x) / -math.expm1(x) for x in (chosen, rejected)]
    loss = losses.orpo(f64(chosen), f64(rejected), beta=0.5).item()
    assert loss == pytest.approx(0.5 * math.log1p(odds[1] / odds[0]), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_orpo_gradients_near_probability_one(dtype: torch.dtype) -> None:
    """LP-09 in both dtypes: the slope -beta s(-z) / (1 - p) tends to -beta odds(rejected), and must not be NaN."""
    chosen = torch.tensor([-1e-30, -1e-17, -1e-12, -math.log(2.0), -2.0], dtype=dtype, requires_grad=True)
    rejected = torch.tensor([-1.0, -2.5, -1e-6, -3.0, -0.01], dtype=dtype, requires_grad=True)
    losses.orpo(chosen, rejected, beta=1.0).sum().backward()
    p, q = (-torch.expm1(side.detach().double()) for side in (chosen, rejected))  # 1 - probability
    wrong = 1 / (1 + (1 - p) * q / (p * (1 - q)))  # s(-z), from the odds
    torch.testing.assert_close(chosen.grad.double(), -wrong / p, rtol=1e-4 if dtype == torch.float32 else 1e-12, atol=0)
    torch.testing.assert_close(
        rejected.grad.double(), wrong / q, rtol=1e-4 if dtype == torch.float32 else 1e-12, atol=0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_orpo_stays_finite_at_probability_one(dtype: torch.dtype) -> None:
    """Rows of probability 1 on either side, or both; also a mean that rounding put above 0."""
    sides = torch.tensor([[0.0, -1.0, 0.0, 1e-7], [-1.0, 0.0, 0.0, -1.0]], dtype=dtype, requires_grad=True)
    loss = losses.orpo(*sides, beta=1.0)
    loss.sum().backward()
    assert loss[0] < 1e-30
    assert loss[2].item() == pytest.approx(math.log(2.0))
    assert loss.isfinite().all()
    assert sides.grad.isfinite().all()


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=12), st.integers(1, 11))
@settings(max_examples=50, deadline=None)
def test_aot_does_not_depend_on_which_responses_were_paired(rows: list[tuple[float, float]], shift: int) -> None:
    chosen, rejected = torch.tensor(rows, dtype=torch.float64).T
    assert torch.equal(losses.aot(chosen, rejected), losses.aot(chosen, rejected.roll(shift)))


def test_aot_is_dpo_where_both_sides_have_the_same_order() -> None:
    chosen, rejected = torch.tensor([[1.0, 2.0, 5.0], [-3.0, 0.0, 0.5]])
    assert torch.equal(losses.aot(chosen, rejected), losses.dpo(chosen, rejected))


def test_aot_gives_each_response_the_gradient_of_its_rank() -> None:
    chosen, rejected = f64(3.0, 1.0).requires_grad_(), f64(0.0, 1.0).requires_grad_()
    losses.aot(chosen, rejected, beta=1.0).sum().backward()
    low, high = (1 / (1 + math.exp(gap)) for gap in (1.0 - 0.0, 3.0 - 1.0))
    torch.testing.assert_close(chosen.grad, f64(-high, -low))
    torch.testing.assert_close(rejected.grad, f64(low, high))


def test_aot_gives_tied_responses_the_gradients_in_their_order() -> None:
    chosen = torch.zeros(40, dtype=torch.float64, requires_grad=True)  # unstable sorts swap from 16 elements on
    rejected = torch.linspace(-2, 2, 40, dtype=torch.float64)
    losses.aot(chosen, rejected, beta=1.0).sum().backward()
    torch.testing.assert_close(chosen.grad, -rejected.sigmoid())


def test_aot_refuses_what_is_not_one_batch() -> None:
    with pytest.raises(ShapeError, match=r"chosen and rejected must be \[B\], got \[2, 3\]"):
        losses.aot(torch.zeros(2, 3), torch.zeros(2, 3))

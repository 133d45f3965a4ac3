"""Properties and errors of the losses of tokens; vectors and common promises are tested elsewhere."""

import math

import pytest
import torch
from torch import Tensor

from prefcore import losses
from prefcore.errors import DomainError, ShapeError


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def sums(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    chosen, rejected, chosen_kl, rejected_kl = torch.randn(4, 6, dtype=torch.float64)
    return chosen, rejected, chosen_kl.abs(), rejected_kl.abs()


def test_tdpo_without_the_divergences_is_dpo() -> None:
    chosen, rejected, chosen_kl, rejected_kl = sums()
    got = losses.tdpo(chosen, rejected, chosen_kl, rejected_kl, beta=0.3, alpha=0.0)
    assert torch.equal(got, losses.dpo(chosen, rejected, beta=0.3))


def test_tdpo_pulls_at_the_divergence_of_the_rejected_response_alone() -> None:
    """d/d rejected_kl = alpha d/d rejected; the chosen one gets nothing, though TDPO1 has it."""
    given = [x.requires_grad_() for x in sums()]
    losses.tdpo(*given, beta=0.3, alpha=0.5).sum().backward()
    chosen, rejected, chosen_kl, rejected_kl = given
    assert chosen_kl.grad is None
    assert (rejected_kl.grad > 0).all()
    torch.testing.assert_close(rejected_kl.grad, 0.5 * rejected.grad, rtol=1e-14, atol=0)
    torch.testing.assert_close(chosen.grad, -rejected.grad, rtol=1e-14, atol=0)


def test_tdpo_alpha_may_be_given_per_pair() -> None:
    given = sums()
    alpha = torch.rand(6, dtype=torch.float64)
    whole = losses.tdpo(*given, alpha=alpha)
    alone = [losses.tdpo(*(x[i] for x in given), alpha=float(alpha[i])) for i in range(6)]
    torch.testing.assert_close(whole, torch.stack(alone), rtol=1e-14, atol=0)


def test_ppo_value_bounds_the_change() -> None:
    """Old value 0, return 1, clip 0.2: beyond 0.2 towards the return the loss is that of 0.2, with gradient 0."""
    values = f64(-0.5, 0.1, 0.7, 1.9).requires_grad_()
    zero, one = torch.zeros_like(values), torch.ones_like(values)
    loss = losses.ppo_value(values, zero, one)
    torch.testing.assert_close(loss, f64(1.125, 0.405, 0.32, 0.405), rtol=1e-14, atol=0)
    (grad,) = torch.autograd.grad(loss.sum(), values)
    torch.testing.assert_close(grad, f64(-1.5, -0.9, 0.0, 0.9), rtol=1e-14, atol=0)


def test_ppo_value_never_undercuts_the_squared_error() -> None:
    values, old, returns = torch.randn(3, 500, dtype=torch.float64)
    plain = (values - returns).square() / 2
    assert (losses.ppo_value(values, old, returns) >= plain).all()
    torch.testing.assert_close(losses.ppo_value(values, values, returns), plain, rtol=1e-12, atol=1e-15)


def test_ppo_value_old_values_and_returns_are_data() -> None:
    values, old, returns = (torch.randn(4, requires_grad=True) for _ in range(3))
    losses.ppo_value(values, old, returns).sum().backward()
    assert old.grad is returns.grad is None


@pytest.mark.parametrize("place", range(3))
def test_ppo_value_does_not_hide_nan(place: int) -> None:
    given = [torch.zeros(2) for _ in range(3)]
    given[place][1] = math.nan
    assert losses.ppo_value(*given).isnan().tolist() == [False, True]


def cispo_with_gradient(logps: Tensor, *rest: Tensor, **keywords: float) -> tuple[Tensor, Tensor]:
    logps = logps.clone().requires_grad_()
    loss = losses.cispo(logps, *rest, **keywords)
    return loss.detach(), torch.autograd.grad(loss.sum(), logps)[0]


def test_cispo_gradient_is_the_bounded_importance_weight() -> None:
    """-min(rho, max_ratio) A: unlike that of `ppo_clip` it never vanishes."""
    ratio = f64(0.01, 0.9, 1.0, 1.9, 2.1, 50.0)
    for advantage in (1.5, -1.5):
        a = torch.full_like(ratio, advantage)
        loss, grad = cispo_with_gradient(ratio.log(), torch.zeros_like(ratio), a, max_ratio=2.0)
        torch.testing.assert_close(grad, -a * ratio.clamp(max=2.0), rtol=1e-14, atol=0)
        torch.testing.assert_close(loss, grad * ratio.log(), rtol=1e-14, atol=0)


def test_cispo_is_that_of_trl() -> None:
    """-clamp(ratio, max=epsilon_high).detach() A logp (trl/trainer/grpo_trainer.py)."""
    logps, old = -torch.rand(2, 5, 7, dtype=torch.float64) * 4
    a = torch.randn(5, dtype=torch.float64)
    loss, grad = cispo_with_gradient(logps, old, a, max_ratio=1.5)
    factor = -(logps - old).exp().clamp(max=1.5) * a.unsqueeze(1)
    torch.testing.assert_close(loss, factor * logps, rtol=1e-14, atol=0)
    torch.testing.assert_close(grad, factor, rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cispo_is_finite_at_any_gap(dtype: torch.dtype) -> None:
    """Also for a log-prob of -inf, whose weight is 0."""
    numbers = torch.tensor([0.0, -1.0, -88.8, -800.0, -1e4], dtype=dtype)
    new, old = torch.cartesian_prod(torch.cat([numbers, numbers.new_tensor([-math.inf])]), numbers).T
    loss, grad = cispo_with_gradient(new, old, torch.ones_like(new))
    assert loss.isfinite().all()
    assert grad.isfinite().all()
    assert (loss[new.isinf()] == 0).all()


def test_cispo_of_a_token_that_neither_policy_can_produce_is_zero() -> None:
    loss, grad = cispo_with_gradient(f64(-math.inf), f64(-math.inf), f64(1.0))
    assert (loss.item(), grad.item()) == (0.0, 0.0)


def test_cispo_advantages_of_sequences_equal_those_of_their_tokens() -> None:
    logps, old = torch.randn(2, 5, 5)
    a = torch.randn(5)
    assert torch.equal(losses.cispo(logps, old, a), losses.cispo(logps, old, a.unsqueeze(1).repeat(1, 5)))


ZERO = torch.zeros(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: losses.tdpo(ZERO, ZERO, ZERO, ZERO, alpha=math.inf), DomainError, "alpha must be finite, got inf"),
        (
            lambda: losses.ppo_value(ZERO, ZERO, ZERO, clip=torch.ones(1)),
            TypeError,
            r"clip must be a number, got a tensor \[1\]",
        ),
        (
            lambda: losses.ppo_value(ZERO, ZERO, ZERO, clip=None),
            TypeError,
            "clip must be a number, got NoneType",
        ),
        (lambda: losses.ppo_value(ZERO, ZERO, ZERO, clip=0.0), DomainError, "clip must be finite and > 0, got 0.0"),
        (lambda: losses.cispo(ZERO, ZERO, ZERO, max_ratio=0.0), DomainError, "max_ratio must be finite and > 0"),
        (
            lambda: losses.cispo(ZERO, ZERO, torch.zeros(3)),
            ShapeError,
            r"advantages must be \[B\] or of the shape of logps \[2, 3\], got \[3\]",
        ),
    ],
)
def test_errors(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()

"""Properties and error messages of `prefcore.scores.transforms`."""

import math

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import losses, scores
from prefcore.errors import DomainError


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(exponent=st.floats(-300.0, 4.0), digits=st.floats(1.0, 9.99))
@settings(max_examples=200, deadline=None)
def test_log1mexp_and_its_gradient_keep_their_relative_accuracy(exponent: float, digits: float) -> None:
    """Against 40 digits, from -1e-300 to -1e5; both branches, whose gradients must not see each other's NaN."""
    x = f64(-digits * 10.0**exponent).requires_grad_()
    got = scores.log1mexp(x)
    got.sum().backward()
    with mpmath.workdps(340):
        exact = mpmath.mpf(x.item())
        value, slope = float(mpmath.log(-mpmath.expm1(exact))), float(-1 / mpmath.expm1(-exact))
    assert got.item() == pytest.approx(value, rel=4e-16, abs=5e-324)
    assert x.grad.item() == pytest.approx(slope, rel=1e-15, abs=5e-324)


def test_log1mexp_at_the_border_of_its_domain() -> None:
    got = scores.log1mexp(f64(0.0, -0.0, 1e-9, -math.inf, math.nan))
    assert got[:2].tolist() == [-math.inf, -math.inf]
    assert got[[2, 4]].isnan().all()
    assert got[3] == 0.0


@given(p=st.floats(1e-12, 1 - 1e-12))
@settings(max_examples=50, deadline=None)
def test_log_odds_are_those_of_the_probability(p: float) -> None:
    got = scores.log_odds(f64(p).log())
    torch.testing.assert_close(got, f64(p).logit(), rtol=1e-12, atol=1e-12 + 1e-15 / (1 - p))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_odds_of_probability_one_are_finite_and_have_no_gradient(dtype: torch.dtype) -> None:
    """Also those of a mean log-prob that rounding put above 0."""
    x = torch.tensor([0.0, 1e-7], dtype=dtype, requires_grad=True)
    got = scores.log_odds(x)
    got.sum().backward()
    assert got.tolist() == pytest.approx([-math.log(torch.finfo(dtype).tiny)] * 2)
    assert x.grad.tolist() == [0.0, 0.0]


def test_log_odds_of_the_impossible() -> None:
    assert scores.log_odds(f64(-math.inf)).item() == -math.inf


@given(r=st.floats(-50.0, 50.0), alpha=st.floats(-2.0, 3.0))
@settings(max_examples=100, deadline=None)
def test_alpha_divergence_scores_rise_with_slope_one_at_zero(r: float, alpha: float) -> None:
    """d score / dr = exp((alpha - 1) r) > 0."""
    x = f64(r).requires_grad_()
    scores.alpha_divergence_score(x, alpha=alpha).sum().backward()
    assert x.grad.item() == pytest.approx(math.exp((alpha - 1) * r), rel=1e-12)
    assert scores.alpha_divergence_score(f64(0.0), alpha=alpha).item() == 0.0


@pytest.mark.parametrize("step", [1e-9, -1e-9, 1e-15])
def test_alpha_divergence_is_continuous_at_one(step: float) -> None:
    r = torch.linspace(-20, 20, 41, dtype=torch.float64)
    torch.testing.assert_close(scores.alpha_divergence_score(r, alpha=1 + step), r, rtol=1e-7, atol=0)


def test_alpha_divergence_saturates_where_f32_would_end() -> None:
    """exp(200) is no f32: the score stays at exp(80.7), and a loss on it stays finite."""
    r = torch.tensor([-200.0, -60.0], requires_grad=True)
    got = scores.alpha_divergence_score(r, alpha=0.0)
    got.sum().backward()
    assert got.tolist() == pytest.approx(
        [-math.exp(math.log(torch.finfo(torch.float32).max) - 8), -math.exp(60)], rel=1e-5
    )
    assert r.grad.tolist() == pytest.approx([0.0, math.exp(60)], rel=1e-5)


def test_alpha_divergence_of_order_one_is_no_alias() -> None:
    r = torch.zeros(2)
    scores.alpha_divergence_score(r, alpha=1.0).add_(1.0)
    assert r.tolist() == [0.0, 0.0]


@given(r=st.floats(-1e4, 1e4))
@settings(max_examples=50, deadline=None)
def test_js_divergence_score_is_bounded_by_log_two_and_odd_pairs_sum_to_it(r: float) -> None:
    """score(r) - score(-r) = r, as log s(r) - log s(-r) = r."""
    got, mirrored = scores.js_divergence_score(f64(r, -r))
    assert got <= math.log(2.0)
    torch.testing.assert_close(got - mirrored, f64(r)[0], rtol=1e-12, atol=1e-12)


def test_js_divergence_score_keeps_its_relative_accuracy() -> None:
    """Against 40 digits; near 0 log 2 and log sigmoid cancel. Slope sigmoid(-r), 1/2 at 0."""
    sizes = [10.0**exponent for exponent in range(-30, 2)]
    r = torch.tensor([*sizes, *(-size for size in sizes), 0.0], requires_grad=True)
    got = scores.js_divergence_score(r)
    got.sum().backward()
    with mpmath.workdps(40):
        want = [float(mpmath.log(2) - mpmath.log1p(mpmath.exp(-x))) for x in r.tolist()]
    torch.testing.assert_close(got.detach().double(), f64(*want), rtol=4e-7, atol=0)
    torch.testing.assert_close(r.grad, (-r.detach()).sigmoid(), rtol=4e-7, atol=0)


def test_log_odds_of_what_is_no_log_prob_are_refused() -> None:
    """Rewards and log-ratios would train nothing in `orpo`; a rounding error above 0 counts as 0."""
    with pytest.raises(DomainError, match=r"logps\[1\] must be a log-prob, <= 0, got 0.5"):
        scores.log_odds(f64(-1.0, 0.5))
    with pytest.raises(DomainError, match=r"rejected\[0\] must be a log-prob, <= 0, got 3.0"):
        losses.orpo(f64(-1.0, -2.0), f64(3.0, -2.0))
    odds = scores.log_odds(torch.tensor([1e-6, 0.0, math.nan]))
    assert odds[0] == odds[1]
    assert odds[2].isnan()


def test_guidance_with_unit_scales_is_the_full_prediction() -> None:
    base, full = torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(scores.guidance_combine(base, full), full)
    assert torch.equal(scores.guidance_combine(base, full, w_delta=0.0), base)


def test_guidance_scales_per_example() -> None:
    base, full = torch.randn(2, 3, 4)
    scale = torch.tensor([0.5, 1.0, 2.0])
    whole = scores.guidance_combine(base, full, w_base=scale, w_delta=2 * scale)
    for row in range(3):
        alone = scores.guidance_combine(base[row], full[row], w_base=float(scale[row]), w_delta=2 * float(scale[row]))
        assert torch.equal(whole[row], alone)


def test_errors_name_the_hyper_parameter() -> None:
    with pytest.raises(DomainError, match="alpha must be finite, got inf"):
        scores.alpha_divergence_score(torch.zeros(2), alpha=math.inf)
    with pytest.raises(TypeError, match=r"alpha must be a number, got a tensor \[2\]; call .item\(\)"):
        scores.alpha_divergence_score(torch.zeros(2), alpha=torch.zeros(2))
    with pytest.raises(DomainError, match=r"w_delta\[1\] must be finite, got nan"):
        scores.guidance_combine(torch.zeros(2), torch.zeros(2), w_delta=torch.tensor([0.0, math.nan]))

"""Properties and error messages of `prefcore.losses.pairwise.margin` (`dpo`: test_dpo.py)."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from functions.cases.pairwise import CASES
from prefcore import losses
from prefcore.errors import DomainError, ShapeError

gaps = st.floats(-1e4, 1e4)
shares = st.floats(0.01, 0.99)
#: every elementwise pairwise loss, with numbers for its hyper-parameters, which may be given per pair
LOSSES = {name: (case.function, case.params) for name, case in CASES.items() if name != "aot"}
EVERY = pytest.mark.parametrize(("function", "params"), LOSSES.values(), ids=LOSSES)
EVERY_KEYWORD = pytest.mark.parametrize(
    ("function", "params", "name"),
    [pytest.param(*case, name, id=f"{key}-{name}") for key, case in LOSSES.items() for name in case[1]],
)


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slope(function: Callable[..., Tensor], chosen: float, rejected: float = 0.0, **params: Any) -> tuple[float, float]:
    """Gradients with respect to the two sides."""
    sides = f64(chosen).requires_grad_(), f64(rejected).requires_grad_()
    function(*sides, **params).sum().backward()
    return sides[0].grad.item(), sides[1].grad.item()


@EVERY
def test_hyper_parameters_per_pair_equal_separate_calls(
    function: Callable[..., Tensor], params: dict[str, float]
) -> None:
    """Pairs by attributes or tokens: a [4] hyper-parameter belongs to the first index of [4, 3]."""
    chosen, rejected = -torch.rand(2, 4, 3, dtype=torch.float64)
    drawn = {name: value * (0.5 + torch.rand(4, dtype=torch.float64)) for name, value in params.items()}
    whole = function(chosen, rejected, **drawn)
    for row in range(4):
        alone = function(chosen[row], rejected[row], **{name: value[row].item() for name, value in drawn.items()})
        torch.testing.assert_close(whole[row], alone, rtol=1e-13, atol=1e-15)


@EVERY
def test_nan_stays_in_its_row(function: Callable[..., Tensor], params: dict[str, float]) -> None:
    nan, number = f64(math.nan, -1.0, -1.0), f64(-2.0, -2.0, math.nan)
    assert function(nan, number, **params).isnan().tolist() == [True, False, True]


@EVERY_KEYWORD
def test_hyper_parameters_that_are_no_numbers_are_refused_by_name(
    function: Callable[..., Tensor], params: dict[str, float], name: str
) -> None:
    for wrong, text in (
        (math.nan, f"{name} must be .*, got nan"),
        (f64(0.1, math.nan), rf"{name}\[1\] must be .*, got nan"),
    ):
        with pytest.raises(DomainError, match=text):
            function(f64(-1.0, -2.0), f64(-2.0, -1.0), **{**params, name: wrong})
    with pytest.raises(TypeError, match=f"{name} must be a number or a torch tensor, got str"):
        function(f64(-1.0, -2.0), f64(-2.0, -1.0), **{**params, name: "0.1"})
    with pytest.raises(ShapeError, match=rf"{name} must be a float, \[B\] or of the data's shape \[2\], got \[3\]"):
        function(f64(-1.0, -2.0), f64(-2.0, -1.0), **{**params, name: torch.full((3,), params[name])})


@EVERY
def test_beta_of_zero_is_refused(function: Callable[..., Tensor], params: dict[str, float]) -> None:
    if "beta" in params:
        with pytest.raises(DomainError, match=r"beta must be finite and > 0, got 0\.0"):
            function(f64(-1.0), f64(-2.0), **{**params, "beta": 0.0})


@pytest.mark.parametrize("name", ["bradley_terry", "hinge", "discopop", "nca", "bco_pair", "apo_zero", "apo_down"])
def test_an_impossible_rejected_response_has_a_finite_loss(name: str) -> None:
    """Its log-prob is -inf where its token is masked out of the vocabulary; `dpo`: test_dpo.py."""
    chosen = f64(-1.0).requires_grad_()
    loss = LOSSES[name][0](chosen, f64(-math.inf))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert chosen.grad.isfinite().all()


def test_a_center_of_zero_in_a_tensor_is_none() -> None:
    """An impossible rejected response: 0 times inf would be NaN, also in the gradient."""
    chosen, rejected = f64(-1.0, -1.0).requires_grad_(), f64(-math.inf, 3.0)
    loss = losses.bradley_terry(chosen, rejected, center=f64(0.0, 0.5))
    assert loss[0].item() == losses.bradley_terry(chosen, rejected, center=0.0)[0].item() == 0.0
    loss.sum().backward()
    assert chosen.grad[0].item() == 0.0


def test_discopop_of_an_impossible_chosen_response_is_that_of_dpo() -> None:
    """Infinite, and with a slope that still points up."""
    results = []
    for function in (losses.discopop, losses.dpo):
        chosen = f64(-math.inf).requires_grad_()
        loss = function(chosen, f64(-1.0), beta=0.5)
        loss.sum().backward()
        results.append((loss.item(), chosen.grad.item()))
    assert results[0] == results[1] == (math.inf, -0.5)


@given(p=shares, beta=st.floats(0.05, 5.0))
@settings(max_examples=50, deadline=None)
def test_soft_labels_are_met_where_the_model_agrees(p: float, beta: float) -> None:
    """Minimum at s(z) = p, and its value is the entropy of the label."""
    best = math.log(p / (1 - p)) / beta
    assert slope(losses.dpo, best, beta=beta, label_smoothing=1 - p) == pytest.approx((0.0, 0.0), abs=1e-14)
    loss = losses.dpo(f64(best), f64(0.0), beta=beta, label_smoothing=1 - p).item()
    assert loss == pytest.approx(-p * math.log(p) - (1 - p) * math.log1p(-p), rel=1e-12)


@given(gap=gaps, smoothing=st.floats(0.0, 1.0))
@settings(max_examples=50, deadline=None)
def test_swapped_sides_are_a_swapped_label(gap: float, smoothing: float) -> None:
    there = losses.bradley_terry(f64(gap), f64(0.0), label_smoothing=smoothing)
    back = losses.bradley_terry(f64(0.0), f64(gap), label_smoothing=1 - smoothing)
    torch.testing.assert_close(there, back, rtol=1e-12, atol=1e-12)


@given(st.lists(st.tuples(*[st.floats(-50, 50)] * 4), min_size=1, max_size=20), st.floats(0.05, 2.0))
@settings(max_examples=50, deadline=None)
def test_dpo_loss_tells_the_ranking_of_the_policy(rows: list[tuple[float, ...]], beta: float) -> None:
    """Chen et al. 2024, theorem 4.1: right iff the loss is at most -log s(beta c), c = log-ratio of the reference."""
    chosen, rejected, ref_chosen, ref_rejected = torch.tensor(rows, dtype=torch.float64).T
    loss = losses.dpo(chosen - ref_chosen, rejected - ref_rejected, beta=beta)
    threshold = losses.dpo(ref_rejected, ref_chosen, beta=beta)
    clear = (chosen - rejected).abs() > 1e-6  # at a tie both sides are equal up to rounding
    assert torch.equal((loss < threshold)[clear], (chosen > rejected)[clear])


@given(reward=st.floats(-50, 50), other=st.floats(-50, 50), shift=st.floats(-50, 50))
@settings(max_examples=50, deadline=None)
def test_bradley_terry_does_not_see_a_common_shift_but_center_does(reward: float, other: float, shift: float) -> None:
    there = losses.bradley_terry(f64(reward), f64(other), center=0.5)
    moved = losses.bradley_terry(f64(reward + shift), f64(other + shift), center=0.5)
    growth = 0.5 * ((reward + other + 2 * shift) ** 2 - (reward + other) ** 2)
    torch.testing.assert_close(moved - there, f64(growth), rtol=1e-9, atol=1e-9)


def test_center_alone_pulls_towards_zero() -> None:
    """Slope 2 center (c + r) on both sides, besides the one of the loss."""
    with_center, plain = slope(losses.bradley_terry, 3.0, 1.0, center=0.01), slope(losses.bradley_terry, 3.0, 1.0)
    assert [a - b for a, b in zip(with_center, plain, strict=True)] == pytest.approx([0.08, 0.08])


@given(gap=st.floats(-1e3, 1e3), smoothing=st.floats(0.0, 0.45))
@settings(max_examples=50, deadline=None)
def test_robust_dpo_is_unbiased_under_flipped_labels(gap: float, smoothing: float) -> None:
    """The mean over labels that are flipped with that probability is the loss of the clean label."""
    kept = losses.robust_dpo(f64(gap), f64(0.0), beta=1.0, label_smoothing=smoothing)
    flipped = losses.robust_dpo(f64(0.0), f64(gap), beta=1.0, label_smoothing=smoothing)
    clean = losses.dpo(f64(gap), f64(0.0), beta=1.0)
    torch.testing.assert_close((1 - smoothing) * kept + smoothing * flipped, clean, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("wrong", [0.5, 0.7, -0.1, torch.tensor([0.1, 0.5]), torch.tensor(0.5)])
def test_robust_dpo_refuses_smoothing_from_one_half_on(wrong: float | Tensor) -> None:
    """There the factor 1 / (1 - 2 e) is infinite or turns the loss around."""
    with pytest.raises(DomainError, match=r"label_smoothing.* must be in \[0, 0.5\), got"):
        losses.robust_dpo(torch.zeros(2), torch.zeros(2), label_smoothing=wrong)


@given(gap=gaps, beta=st.floats(0.05, 2.0), margin=st.floats(-2.0, 2.0))
@settings(max_examples=50, deadline=None)
def test_hinge_vanishes_from_the_margin_on(gap: float, beta: float, margin: float) -> None:
    missing = margin - beta * gap
    loss = losses.hinge(f64(gap), f64(0.0), beta=beta, margin=margin).item()
    assert loss == pytest.approx(max(0.0, missing), rel=1e-12, abs=1e-12)
    if abs(missing) > 1e-9:
        assert slope(losses.hinge, gap, beta=beta, margin=margin) == ((-beta, beta) if missing > 0 else (0.0, 0.0))


def test_hinge_has_no_slope_at_the_margin() -> None:
    assert slope(losses.hinge, 4.0, beta=0.25) == (0.0, 0.0)


@given(gap=st.floats(-1e3, 1e3), preference=st.floats(-1.0, 1.0), beta=st.floats(0.05, 2.0))
@settings(max_examples=50, deadline=None)
def test_ipo_swapped_with_the_opposite_preference_is_the_same(gap: float, preference: float, beta: float) -> None:
    there = losses.ipo(f64(gap), f64(0.0), beta=beta, preference_gap=preference)
    back = losses.ipo(f64(0.0), f64(gap), beta=beta, preference_gap=-preference)
    torch.testing.assert_close(there, back, rtol=1e-12, atol=1e-12)


def test_online_ipo_over_all_pairs_of_a_policy_is_twice_a_variance() -> None:
    """EGPO: u = log pi / ref - P pi / beta; mean_ij (u_i - u_j)^2 = 2 var(u), with gradient 4/N (u - mean u)."""
    logits, ref_logits = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wins = torch.rand(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wins = (wins + 1 - wins.T) / 2
    logits.requires_grad_()
    ratios = logits.log_softmax(0) - ref_logits.log_softmax(0)
    gap = (wins @ logits.detach().softmax(0)).unsqueeze(1).expand(6, 6)
    rows = ratios.unsqueeze(1).expand(6, 6)
    loss = losses.ipo(rows, rows.T, beta=0.2, preference_gap=gap - gap.T).mean()
    loss.backward()
    u = ratios.detach() - gap[:, 0] / 0.2
    torch.testing.assert_close(loss.detach(), 2 * u.var(correction=0), rtol=1e-12, atol=0)
    torch.testing.assert_close(logits.grad, 4 / 6 * (u - u.mean()), rtol=1e-12, atol=1e-12)


@given(gap=gaps, smoothing=st.floats(1e-6, 1 - 1e-6))
@settings(max_examples=50, deadline=None)
def test_exo_is_a_divergence_with_its_zero_at_the_label(gap: float, smoothing: float) -> None:
    """Between 0 and the larger of its two limits, -log(1 - e) and -log e."""
    loss = losses.exo(f64(gap), f64(0.0), beta=1.0, label_smoothing=smoothing).item()
    assert -1e-12 <= loss <= -math.log(min(smoothing, 1 - smoothing)) + 1e-12
    best = f64(math.log((1 - smoothing) / smoothing))
    assert losses.exo(best, f64(0.0), beta=1.0, label_smoothing=smoothing).item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("wrong", [0.0, 1.0, torch.tensor([0.5, 0.0])])
def test_exo_refuses_a_sure_label(wrong: float | Tensor) -> None:
    """The divergence from a label of probability 0 or 1 is infinite (TRL 0.24 put 1e-3 for 0 in silence)."""
    with pytest.raises(DomainError, match=r"label_smoothing.* must be in \(0, 1\), got"):
        losses.exo(torch.zeros(2), torch.zeros(2), label_smoothing=wrong)


@given(size=st.floats(3.0, 1e4), tau=st.floats(0.01, 0.2))
@settings(max_examples=50, deadline=None)
def test_discopop_is_exponential_when_right_and_logistic_when_wrong(size: float, tau: float) -> None:
    right, wrong = losses.discopop(f64(size, -size), f64(0.0, 0.0), beta=1.0, tau=tau).tolist()
    assert right == pytest.approx(math.exp(-size), rel=1e-5)
    assert wrong == pytest.approx(size + math.log1p(math.exp(-size)), rel=1e-5)


def test_discopop_is_not_monotone_near_zero() -> None:
    """The paper's figure: it rises just below 0, so a slightly wrong pair is pushed further."""
    assert slope(losses.discopop, -0.05, beta=1.0)[0] > 0 > slope(losses.discopop, -0.5, beta=1.0)[0]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda x: losses.bradley_terry(x, x, center=-0.01), "center must be finite and >= 0, got -0.01"),
        (lambda x: losses.discopop(x, x, tau=0.0), "tau must be finite and > 0, got 0.0"),
        (lambda x: losses.ipo(x, x, preference_gap=math.inf), "preference_gap must be finite, got inf"),
        (lambda x: losses.bco_pair(x, x, delta=f64(0.0, math.inf)), r"delta\[1\] must be finite, got inf"),
    ],
)
def test_errors_of_single_hyper_parameters(call: Callable[[Tensor], Tensor], match: str) -> None:
    with pytest.raises(DomainError, match=match):
        call(torch.zeros(2))

"""Properties of `prefcore.losses.pairwise.two_sided`."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import losses

ratios = st.floats(-1e3, 1e3)
betas = st.floats(0.05, 2.0)


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slopes(function: object, chosen: float, rejected: float, **params: float) -> tuple[float, float]:
    sides = f64(chosen).requires_grad_(), f64(rejected).requires_grad_()
    function(*sides, **params).sum().backward()  # type: ignore[operator]
    return sides[0].grad.item(), sides[1].grad.item()


@given(rejected=ratios, beta=betas)
@settings(max_examples=50, deadline=None)
def test_nca_wants_the_chosen_reward_at_log_two(rejected: float, beta: float) -> None:
    """-s(-u) + s(u) / 2 = 0 at u = log 2, whatever the other side does: the chosen likelihood may not fall for good."""
    assert slopes(losses.nca, math.log(2.0) / beta, rejected, beta=beta)[0] == pytest.approx(0.0, abs=1e-15)
    assert slopes(losses.nca, 0.0, 0.0, beta=beta) == pytest.approx((-beta / 4, beta / 4))


@given(chosen=ratios, rejected=ratios, beta=betas, delta=st.floats(-5.0, 5.0))
@settings(max_examples=50, deadline=None)
def test_bco_pair_is_dpo_of_each_side_against_the_level(
    chosen: float, rejected: float, beta: float, delta: float
) -> None:
    level = f64(delta / beta)
    want = losses.dpo(f64(chosen), level, beta=beta) + losses.dpo(level, f64(rejected), beta=beta)
    got = losses.bco_pair(f64(chosen), f64(rejected), beta=beta, delta=delta)
    torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-11)


@given(chosen=ratios, rejected=ratios, beta=betas)
@settings(max_examples=50, deadline=None)
def test_apo_losses_are_bounded_and_move_each_side_their_way(chosen: float, rejected: float, beta: float) -> None:
    """Zero: chosen up, rejected down. Down: rejected down, and the chosen one is pulled down by its own term."""
    for function in (losses.apo_zero, losses.apo_down):
        loss = function(f64(chosen), f64(rejected), beta=beta).item()
        assert 0.0 <= loss <= 2.0
        assert slopes(function, chosen, rejected, beta=beta)[1] >= 0
    assert slopes(losses.apo_zero, chosen, rejected, beta=beta)[0] <= 0


def test_apo_down_lowers_the_chosen_response_once_the_pair_is_settled() -> None:
    assert slopes(losses.apo_down, 0.0, -40.0, beta=1.0)[0] == pytest.approx(0.25)
    assert slopes(losses.apo_down, 0.0, 0.0, beta=1.0) == (0.0, 0.25)


@given(chosen=ratios, rejected=ratios, beta=betas)
@settings(max_examples=50, deadline=None)
def test_apo_zero_of_swapped_sides_is_the_rest_to_two(chosen: float, rejected: float, beta: float) -> None:
    there = losses.apo_zero(f64(chosen), f64(rejected), beta=beta)
    back = losses.apo_zero(f64(rejected), f64(chosen), beta=beta)
    torch.testing.assert_close(there + back, f64(2.0), rtol=1e-14, atol=0)

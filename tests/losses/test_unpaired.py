"""Properties and errors of the losses of single responses; vectors and common promises are tested elsewhere."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from prefcore import losses, weights
from prefcore.errors import DomainError, ShapeError

rewards = st.floats(-1e4, 1e4)


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


YES, NO = torch.tensor([True]), torch.tensor([False])


@given(r=rewards, kl=rewards)
@settings(max_examples=50, deadline=None)
def test_kto_of_the_two_labels_adds_up_to_one(r: float, kl: float) -> None:
    """sigmoid(-z) + sigmoid(z) = 1."""
    total = losses.kto(f64(r), YES, kl) + losses.kto(f64(r), NO, kl)
    torch.testing.assert_close(total, f64(1.0), rtol=1e-15, atol=0)


def test_kto_keeps_its_relative_accuracy_where_the_response_is_already_right() -> None:
    """TRL's 1 - sigmoid(z) is exactly 0 in f32 beyond z = 17, and learning stops."""
    loss = losses.kto(torch.tensor([40.0]), YES, 0.0, beta=1.0)
    assert loss.item() == pytest.approx(math.exp(-40.0), rel=1e-6)


def test_kto_is_that_of_trl() -> None:
    """1 - sigmoid(beta (r - kl)), 1 - sigmoid(beta (kl - r)) (trl/trainer/kto_trainer.py)."""
    r, labels = torch.randn(200, dtype=torch.float64) * 20, torch.rand(200) > 0.5
    kl, beta = 0.7, 0.1
    desirable, undesirable = 1 - (beta * (r - kl)).sigmoid(), 1 - (beta * (kl - r)).sigmoid()
    got = losses.kto(r, labels, kl, beta=beta, desirable_weight=1.3, undesirable_weight=0.6)
    torch.testing.assert_close(got, torch.where(labels, 1.3 * desirable, 0.6 * undesirable), rtol=1e-12, atol=1e-15)


def test_kto_weights_are_those_of_the_label() -> None:
    """In f64 the weight 1/3 is not rounded to f32 on the way; a weight of 0 leaves no gradient."""
    r = f64(0.5, 0.5).requires_grad_()
    labels = torch.tensor([True, False])
    loss = losses.kto(r, labels, 0.5, desirable_weight=1 / 3, undesirable_weight=0.0)
    assert loss.tolist() == [1 / 6, 0.0]
    loss.sum().backward()
    assert r.grad[1] == 0.0


def test_shifts_are_constant_for_autograd_and_may_be_f64_beside_f32() -> None:
    kl = torch.tensor(0.25, dtype=torch.float64, requires_grad=True)
    r = torch.ones(2, requires_grad=True)
    for function in (losses.kto, losses.bco):
        loss = function(r, torch.tensor([True, False]), kl)
        assert loss.dtype == torch.float32
        loss.sum().backward()
    assert kl.grad is None


def test_one_kind_may_be_missing() -> None:
    """A batch of undesirable responses only is a batch like any other; so is an empty one."""
    labels = torch.zeros(3, dtype=torch.bool)
    assert torch.equal(losses.kto(torch.zeros(3), labels, 0.0), torch.full((3,), 0.5))
    torch.testing.assert_close(losses.bco(torch.zeros(3), labels, 0.0), torch.full((3,), math.log(2.0)))
    assert losses.kto(torch.zeros(0), labels[:0], 0.0).shape == (0,)


def test_kto_kl_is_bounded_after_the_mean_and_detached() -> None:
    x = torch.tensor([-20.0, 4.0], requires_grad=True)
    assert losses.kto_kl(x).item() == 0.0
    assert losses.kto_kl(x, minimum=-5.0, maximum=5.0).item() == -5.0
    assert losses.kto_kl(x, minimum=-math.inf).item() == -8.0
    assert not losses.kto_kl(x).requires_grad


def test_kto_kl_does_not_hide_nan() -> None:
    """A broken reference must be seen."""
    assert losses.kto_kl(torch.tensor([math.nan, 1.0])).isnan()


@given(r=rewards, delta=st.floats(-10, 10))
@settings(max_examples=50, deadline=None)
def test_bco_labels_differ_by_the_reward(r: float, delta: float) -> None:
    """-log s(-z) + log s(z) = z."""
    gap = losses.bco(f64(r), NO, delta, beta=1.0) - losses.bco(f64(r), YES, delta, beta=1.0)
    torch.testing.assert_close(gap, f64(r - delta), rtol=1e-12, atol=1e-12)


def test_bco_with_density_weights() -> None:
    """std/bco_unpaired, rejected_losses_udm: the weight is the caller's factor."""
    rejected = losses.bco(f64(0.075, 0.125), torch.tensor([False, False]), 0.07, beta=1.0)
    got = weights.density_ratio(f64(0.9, 0.2)) * rejected
    torch.testing.assert_close(got, f64(6.260852123925001, 0.36051262895502467), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: losses.kto(torch.zeros(2), torch.ones(2), 0.0),
            TypeError,
            r"labels must be a bool tensor, got torch.float32; call .bool\(\)",
        ),
        (
            lambda: losses.kto(torch.zeros(2), torch.ones(2).bool(), torch.zeros(3)),
            ShapeError,
            r"kl must be a float, \[B\] or of the data's shape \[2\], got \[3\]",
        ),
        (lambda: losses.kto(torch.zeros(1), YES, math.nan), DomainError, "kl must be finite, got nan"),
        (
            lambda: losses.kto(torch.zeros(1), YES, None),
            TypeError,
            "kl must be a number or a torch tensor, got NoneType",
        ),
        (
            lambda: losses.kto(torch.zeros(1), YES, 0.0, undesirable_weight=-1.0),
            DomainError,
            "undesirable_weight must be finite and >= 0, got -1.0",
        ),
        (
            lambda: losses.kto_kl(torch.zeros(0)),
            DomainError,
            r"kl_logratios must hold at least one log-ratio, got \[0\]",
        ),
        (
            lambda: losses.kto_kl(torch.zeros(1), minimum=5.0, maximum=-5.0),
            DomainError,
            "expected minimum <= maximum, got 5.0 and -5.0",
        ),
        (lambda: losses.bco(torch.zeros(1), YES, 0.0, beta=0.0), DomainError, "beta must be finite and > 0, got 0.0"),
        (
            lambda: losses.kto(
                torch.zeros(2), torch.ones(2).bool(), 0.0, desirable_weight=torch.tensor([math.inf, 1.0])
            ),
            DomainError,
            r"desirable_weight\[0\] must be finite and >= 0, got inf",
        ),
    ],
)
def test_errors(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()

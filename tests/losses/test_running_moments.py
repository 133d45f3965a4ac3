"""Properties and errors of `prefcore.losses.RunningMoments`; several processes: tests/distributed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from prefcore import losses
from prefcore.errors import DomainError


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_running_moments_vector() -> None:
    """std/running_moments: mean, var (ddof 0), std (ddof 1), count after each of two batches."""
    moments = losses.RunningMoments()
    after = []
    for batch in (f64(0.05, -0.1, 0.2, 0.075, 0.125), f64(0.3, 0.1, -0.2)):
        moments.update(batch)
        after.append(torch.stack([moments.mean, moments.var, moments.std, moments.count]))
    torch.testing.assert_close(after[0], f64(0.07, 0.009850000000000001, 0.11096170510586073, 5.0), rtol=1e-12, atol=0)
    torch.testing.assert_close(after[1], f64(0.06875, 0.0219921875, 0.15853683663877166, 8.0), rtol=1e-12, atol=0)


@given(sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6), offset=st.sampled_from([0.0, 1e6]))
@settings(max_examples=50, deadline=None)
def test_running_moments_do_not_depend_on_the_batches(sizes: list[int], offset: float) -> None:
    """Also empty batches, and a mean a million times the spread, where E[x^2] - E[x]^2 has no digit left in f32."""
    values = torch.randn(sum(sizes) + 2, dtype=torch.float64) + offset
    moments = losses.RunningMoments()
    for part in values.split([*sizes, 2]):
        moments.update(part)
    torch.testing.assert_close(moments.mean, values.mean(), rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(moments.var, values.var(correction=0), rtol=1e-8, atol=0)
    torch.testing.assert_close(moments.std, values.std(), rtol=1e-8, atol=0)
    assert moments.count.item() == len(values)


def test_running_moments_before_the_first_value() -> None:
    """No shift yet, and no spread: TRL's start of 1 would be taken for a measurement."""
    moments = losses.RunningMoments()
    moments.update(torch.zeros(0))
    assert (moments.count.item(), moments.mean.item()) == (0.0, 0.0)
    assert moments.var.isnan()
    assert moments.std.isnan()
    moments.update(f64(3.0))
    assert (moments.mean.item(), moments.var.item()) == (3.0, 0.0)
    assert moments.std.isnan()


def test_running_moments_travel_with_the_state_of_a_model_and_stay_f64() -> None:
    """`model.bfloat16()` keeps 8 bits of everything else."""
    model = nn.ModuleDict({"head": nn.Linear(1, 1), "moments": losses.RunningMoments()})
    model["moments"].update(f64(1.0, 1.0 / 3.0))
    before = model["moments"].state.clone()
    model.bfloat16()
    assert model["head"].weight.dtype == torch.bfloat16
    assert torch.equal(model["moments"].state, before)
    fresh = losses.RunningMoments()
    fresh.load_state_dict(model["moments"].state_dict())
    fresh.update(f64(2.0))
    model["moments"].update(f64(2.0))
    assert torch.equal(fresh.state, model["moments"].state)


def test_running_moments_hold_no_graph() -> None:
    moments = losses.RunningMoments()
    moments.update(torch.ones(2, requires_grad=True))
    assert not moments.mean.requires_grad


def test_running_moments_survive_a_bad_batch() -> None:
    moments = losses.RunningMoments()
    moments.update(f64(1.0, 2.0))
    with pytest.raises(DomainError, match=r"values\[1\] must be finite, got nan"):
        moments.update(f64(1.0, math.nan))
    assert (moments.mean.item(), moments.count.item()) == (1.5, 2.0)


def test_running_moments_leave_the_meta_device_as_f64() -> None:
    """`Module.to_empty`: how large models are built. What it holds then is the caller's to load."""
    moments = losses.RunningMoments().to("meta").to_empty(device="cpu")
    moments.load_state_dict(losses.RunningMoments().state_dict())
    moments.update(f64(1.0, 3.0))
    assert (moments.state.device.type, moments.mean.item()) == ("cpu", 2.0)


@pytest.mark.parametrize("assign", [False, True])
def test_running_moments_stay_f64_when_a_rounded_state_is_loaded(assign: bool) -> None:
    moments = losses.RunningMoments()
    moments.load_state_dict({"state": torch.tensor([3.0, 2.0, 1.0]).bfloat16()}, assign=assign)
    assert moments.state.dtype == torch.float64
    assert moments.mean.item() == 2.0


@pytest.mark.parametrize(
    ("values", "group", "error", "match"),
    [
        ([1.0], None, TypeError, "values must be a torch tensor, got list"),
        (torch.zeros(1, device="meta"), None, TypeError, "values on meta, state on cpu"),
        (torch.zeros(1), "world", TypeError, "group must be a process group, .*, got 'world'"),
    ],
)
def test_errors(values: object, group: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        losses.RunningMoments().update(values, group=group)

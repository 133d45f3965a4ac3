"""Properties and errors of the losses of self-play, and `temporary_step`; vectors are tested elsewhere."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from prefcore import losses
from prefcore.errors import DomainError, ShapeError
from prefcore.losses import temporary_step


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_sppo_is_least_at_its_own_target() -> None:
    """log-ratio = preference_gap / beta: the policy that multiplies by exp(preference_gap / beta)."""
    gap = f64(0.3, -0.1, 0.0)
    loss = losses.sppo(gap / 0.25, gap, beta=0.25)
    assert loss.tolist() == [0.0, 0.0, 0.0]


def test_sppo_as_written_by_trl() -> None:
    """sppo_hard: (a - 0.5 / beta)^2 + (b + 0.5 / beta)^2 (trl/trainer/dpo_trainer.py)."""
    a, b = torch.randn(2, 50, dtype=torch.float64)
    trl = (a - 0.5 / 0.1) ** 2 + (b + 0.5 / 0.1) ** 2
    got = losses.sppo(a, 0.5, beta=0.1) + losses.sppo(b, -0.5, beta=0.1)
    torch.testing.assert_close(got, trl, rtol=1e-14, atol=0)


def test_nash_md_gradient_is_minus_the_bracket_and_only_for_the_policy() -> None:
    logps, ref, gap = (torch.randn(6, dtype=torch.float64, requires_grad=True) for _ in range(3))
    losses.nash_md(logps, ref, gap, beta=0.2).sum().backward()
    torch.testing.assert_close(logps.grad, -(gap - 0.2 * (logps - ref)).detach(), rtol=1e-14, atol=0)
    assert ref.grad is gap.grad is None


def test_nash_md_has_no_gradient_where_preference_and_pull_balance() -> None:
    logps = f64(-1.0).requires_grad_()
    losses.nash_md(logps, f64(-2.0), 0.25, beta=0.25).sum().backward()
    assert logps.grad.item() == 0.0


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: losses.sppo(torch.zeros(2), torch.zeros(3), beta=0.1),
            ShapeError,
            r"preference_gap must be a float, \[B\] or of the data's shape \[2\], got \[3\]",
        ),
        (lambda: losses.sppo(torch.zeros(2), 0.5, beta=0.0), DomainError, "beta must be finite and > 0, got 0.0"),
        (
            lambda: losses.nash_md(torch.zeros(2), torch.zeros(2), f64(0.1, float("nan")), beta=0.1),
            DomainError,
            r"preference_gap\[1\] must be finite, got nan",
        ),
    ],
)
def test_errors(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "adamw_foreach": lambda p: torch.optim.AdamW(p, lr=0.1, foreach=True),
    "adamw_fused": lambda p: torch.optim.AdamW(p, lr=0.1, fused=True),
    "adamw_tensor_lr": lambda p: torch.optim.AdamW(p, lr=torch.tensor(0.1)),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),  # has state from the start
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.1),  # keeps a product in its state
    "rprop": lambda p: torch.optim.Rprop(p, lr=0.1),
    "asgd": lambda p: torch.optim.ASGD(p, lr=0.1),
    "groups": lambda p: Growing(({"params": [x], "lr": 0.1 * (i + 1)} for i, x in enumerate(p)), momentum=0.9),
}


class Growing(torch.optim.SGD):
    """Keeps what it learns in its groups, as Prodigy and schedule-free optimizers do: a step changes and adds keys."""

    def step(self, closure: Any = None) -> None:
        super().step(closure)
        for group in self.param_groups:
            group["k"] = group.get("k", 0) + 1
            group["lr"] *= 1.5


def model_and_optimizer(name: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    return model, OPTIMIZERS[name](model.parameters())


def differentiate(model: nn.Module, batch: Tensor) -> None:
    model.zero_grad()
    model(batch).square().mean().backward()


def everything(model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
    return copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())


def assert_same(got: Any, want: Any) -> None:
    torch.testing.assert_close(got, want, rtol=0, atol=0)


@pytest.mark.parametrize("steps_before", [0, 2])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_extragradient_equals_a_copied_model_and_optimizer(name: str, steps_before: int) -> None:
    """The half-way step on deep copies, the real one with the gradients from there; then an ordinary step."""
    batches = torch.randn(4 + steps_before, 5, 3)
    results = []
    for by_copy in (False, True):
        model, optimizer = model_and_optimizer(name)
        for batch in batches[4:]:
            differentiate(model, batch)
            optimizer.step()
        differentiate(model, batches[0])
        if by_copy:
            # one deepcopy for both, so that the copied optimizer holds the copied parameters
            half, half_optimizer = copy.deepcopy((model, optimizer))
            for twin, parameter in zip(half.parameters(), model.parameters(), strict=True):
                twin.grad = parameter.grad.clone()
            half_optimizer.step()
            differentiate(half, batches[1])
            for twin, parameter in zip(half.parameters(), model.parameters(), strict=True):
                parameter.grad = twin.grad
        else:
            with temporary_step(optimizer):
                differentiate(model, batches[1])
        optimizer.step()
        differentiate(model, batches[2])
        optimizer.step()
        results.append(everything(model, optimizer))
    assert_same(*results)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_temporary_step_puts_everything_back_and_keeps_gradients(name: str) -> None:
    model, optimizer = model_and_optimizer(name)
    differentiate(model, torch.randn(5, 3))
    before = everything(model, optimizer)
    with temporary_step(optimizer):
        assert all(not torch.equal(now, before[0][key]) for key, now in model.state_dict().items())
        differentiate(model, torch.randn(5, 3))
        inside = [parameter.grad.clone() for parameter in model.parameters()]
    assert_same(everything(model, optimizer), before)
    assert_same([parameter.grad for parameter in model.parameters()], inside)


def test_temporary_step_puts_everything_back_when_the_block_or_the_step_raises() -> None:
    model, optimizer = model_and_optimizer("adam")
    differentiate(model, torch.randn(5, 3))
    before = everything(model, optimizer)
    with pytest.raises(KeyError), temporary_step(optimizer):
        raise KeyError
    assert_same(everything(model, optimizer), before)
    optimizer.register_step_post_hook(lambda *_: {}["missing"])  # after the parameters have moved
    with pytest.raises(KeyError), temporary_step(optimizer):
        pass
    assert_same(everything(model, optimizer), before)


def test_temporary_step_puts_everything_back_before_it_refuses_a_new_parameter_group() -> None:
    model, optimizer = model_and_optimizer("adam")
    differentiate(model, torch.randn(5, 3))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with (
        pytest.raises(
            DomainError, match="optimizer must keep its parameter groups inside the block, got 2, expected 1"
        ),
        temporary_step(optimizer),
    ):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 0.1})
    assert_same([parameter.detach() for parameter in model.parameters()], before)
    assert not optimizer.state


def test_temporary_steps_may_be_nested() -> None:
    model, optimizer = model_and_optimizer("momentum")
    differentiate(model, torch.randn(5, 3))
    before = everything(model, optimizer)
    with temporary_step(optimizer):
        once = everything(model, optimizer)
        with temporary_step(optimizer):
            pass
        assert_same(everything(model, optimizer), once)
    assert_same(everything(model, optimizer), before)


def test_a_graph_from_inside_is_refused_outside() -> None:
    """Silently wrong gradients would mix half-way activations with the old parameters."""
    model, optimizer = model_and_optimizer("sgd")
    differentiate(model, torch.randn(5, 3))
    with temporary_step(optimizer):
        loss = model(torch.randn(5, 3)).sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_meta_reward_step() -> None:
    """secrets2.metarm_step_linear: ascent on the difference of scores, the loss differentiated there, stepped here."""
    w = nn.Parameter(f64(0.5, -0.2))
    optimizer = torch.optim.SGD([w], lr=0.05)
    scores = f64(1.0, 0.0, 0.0, 1.0, 1.0, 1.0).view(3, 2) @ w
    gaps = (scores.unsqueeze(1) - scores)[*torch.triu_indices(3, 3, 1)].abs()
    meta = 2 / 9 * gaps.sigmoid().sum()
    meta.backward()
    torch.testing.assert_close(meta.item(), 0.4089958001516664, rtol=1e-12, atol=0)
    torch.testing.assert_close(w.grad, f64(0.10149257455437855, -0.10427321022332642), rtol=1e-12, atol=0)
    with temporary_step(torch.optim.SGD([w], lr=0.1, maximize=True)):
        torch.testing.assert_close(w.detach(), f64(0.5101492574554378, -0.21042732102233266), rtol=1e-12, atol=0)
        w.grad = None
        chosen, rejected = f64(1.0, 2.0, 0.5, -1.0).view(2, 2) @ w, f64(0.0, 1.0, 1.0, 1.0).view(2, 2) @ w
        losses.dpo(chosen, rejected, beta=1.0).mean().backward()
    torch.testing.assert_close(w.grad, f64(-0.09815031577503132, 0.24583692621752848), rtol=1e-12, atol=0)
    optimizer.step()
    torch.testing.assert_close(w.detach(), f64(0.5049075157887516, -0.21229184631087644), rtol=1e-12, atol=0)

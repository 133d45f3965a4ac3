"""EGPO: extragradient preference optimization (Zhou et al. 2025, arXiv 2503.08942)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from torch.optim import Optimizer

    from prefcore._checks import Num

__all__ = ["Curve", "extragradient_step", "loss", "tabular"]


class Curve(NamedTuple):
    """A run of `tabular`; S = steps + 1, the first entry is the reference."""

    log_policy: NDArray[np.float64]
    """[n] of the last step, in nats."""
    gap: NDArray[np.float64]
    """[S] duality gap of the regularized game."""
    kl: NDArray[np.float64]
    """[S] KL(solution, policy), in nats."""


def extragradient_step(optimizer: Optimizer, loss: Callable[[], Tensor], opponent: Callable[[], object]) -> Tensor:
    """One step against the policy that the step itself would lead to.

    theta_half = step(theta, grad L(theta; opponent theta)),  theta <- step(theta, grad L(theta; opponent theta_half))

    Both gradients are taken at theta: only the preferences come from half-way.

    Args:
        optimizer: any torch optimizer of the policy.
        loss: gives the loss under the present preferences, a scalar that depends on the parameters.
        opponent: samples from the half-way policy and refreshes the preferences that `loss` uses.
    Returns: [] the loss of the second gradient, detached.
    Raises: TypeError; DomainError where parameter groups come or go in `opponent`; whatever the functions raise.
    Source: lms/trainers/extragradient_trainer.py and simulations/loss_funcs.py of zhourunlong/EGPO.

    >>> x, target = torch.nn.Parameter(torch.tensor(4.0)), {}
    >>> refresh = lambda: target.update(value=x.item() / 2)
    >>> refresh()
    >>> extragradient_step(torch.optim.SGD([x], lr=0.25), lambda: (x - target["value"]) ** 2, refresh)
    tensor(6.2500)
    >>> x.item()
    2.75
    """
    import torch

    from prefcore import _arrays
    from prefcore.losses import temporary_step
    from prefcore.papers._inputs import of_kind

    of_kind(torch.optim.Optimizer, optimizer=optimizer)
    _arrays.function("loss", loss)
    _arrays.function("opponent", opponent)

    def differentiate() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        return value.detach()

    differentiate()
    with temporary_step(optimizer):
        opponent()
    value = differentiate()
    optimizer.step()
    return value


def loss(first: Tensor, second: Tensor, first_pref: Num, second_pref: Num, *, beta: Num = 0.1) -> Tensor:
    """Online IPO on two samples of the policy, which an opponent has compared itself with.

    loss = (first - second - (first_pref - second_pref) / beta)^2

    Without an opponent's response: the preference of first over second, and 1/2.

    Args:
        first: [B] log-ratios policy - reference of one sample, in nats: means over tokens.
        second: [B] the same of another sample.
        first_pref: probability that the first sample beats the opponent's response, in [0, 1]; float or [B].
        second_pref: the same of the second sample.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats squared (f32; f64 for f64 input). NaN in, NaN out, but a NaN
        probability raises.
    Raises: ShapeError, DomainError, TypeError.
    Source: `_compute_losses` in lms/trainers/extragradient_trainer.py of zhourunlong/EGPO.

    >>> loss(torch.tensor([3.0]), torch.tensor([0.0]), torch.tensor([0.75]), 0.5, beta=0.25)
    tensor([4.])
    """
    from prefcore._checks import unit_interval
    from prefcore.losses import ipo
    from prefcore.papers._inputs import alike, fitting

    first, second = alike(first=first, second=second)
    unit_interval(first_pref=first_pref, second_pref=second_pref)
    first_pref, second_pref = fitting(first, first_pref=first_pref, second_pref=second_pref)
    return ipo(first, second, beta=beta, preference_gap=first_pref - second_pref)


def tabular(
    payoff: Any,
    log_ref: Any,
    *,
    beta: float = 0.1,
    lr: float = 0.1,
    steps: int = 4000,
    noise: float = 0.0,
    seed: int = 0,
) -> Curve:
    """The paper's experiment on a table: the exact loss by extragradient steps of gradient descent, from the reference.

    h = lsm((1 - beta e) l + beta e log_ref + e A exp(l)),  l <- lsm((1 - beta e) l + beta e log_ref + e A exp(h)),
    e = 4 lr / (beta n)

    Without noise that is `games.extragradient(step_size=e)`. With it every A exp(.) gets Gaussian noise of its own.

    Args:
        payoff: [n, n] probabilities that the row beats the column.
        log_ref: [n] log-policy of the reference, finite, in nats; normalized.
        beta: strength of the pull to the reference, > 0.
        lr: learning rate of the logits, > 0 and at most n / 4.
        steps: extragradient steps, >= 0.
        noise: standard deviation of the noise on each win rate, >= 0.
        seed: of the noise; the bits are those of NumPy's Philox.
    Returns: Curve(log_policy [n], gap [S], kl [S]).
    Raises: ShapeError, DomainError, TypeError.
    Source: simulations/loss_funcs.py and run.py of zhourunlong/EGPO, which gives the mirror step as 2 lr / (beta n): 4
        is what its gradient descent does. Noise: derived from the abstract.

    >>> tabular([[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]], [0.2, -0.1, 0.0], steps=5).gap.round(4)
    array([0.0314, 0.0235, 0.0178, 0.0131, 0.0093, 0.0064])
    """
    import numpy as np

    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.games import duality_gap, solve_nash_kl

    a = _arrays.floats("payoff", payoff)
    _arrays.refuse("payoff", a, ~((a >= 0) & (a <= 1)), "in [0, 1]")
    ref = _arrays.finite("log_ref", _arrays.floats("log_ref", log_ref))
    n = len(ref) if ref.ndim == 1 else 0
    if n == 0 or a.shape != (n, n):
        raise ShapeError(f"expected payoff [n, n] and log_ref [n], got {list(a.shape)} and {list(ref.shape)}")
    given = {name: _arrays.number(name, x) for name, x in (("beta", beta), ("lr", lr), ("noise", noise))}
    beta, lr, noise = given.values()
    _arrays.refuse("beta", beta, not 0 < beta < np.inf, "finite and > 0")
    _arrays.refuse("lr", lr, not 0 < lr <= n / 4, f"> 0 and at most n / 4 = {n / 4}")
    _arrays.refuse("noise", noise, not 0 <= noise < np.inf, "finite and >= 0")
    _arrays.refuse("beta", beta, beta < 1e-100, "at least 1e-100: the steps overflow")
    _arrays.refuse("noise", noise, noise > 1e100, "at most 1e100: the steps overflow")
    steps = _arrays.whole_number("steps", steps, 0, 2**31)
    rng = np.random.Generator(np.random.Philox(_arrays.whole_number("seed", seed, 0, 2**64)))
    solution = solve_nash_kl(a, beta=beta, log_ref=ref).log_policy

    def moved(logs: NDArray[np.float64], opponent: NDArray[np.float64]) -> NDArray[np.float64]:
        rates = a @ np.exp(opponent) + noise * rng.standard_normal(n)
        new = logs + 4 * lr / n * (ref - logs + rates / beta)
        return np.asarray(new - np.logaddexp.reduce(new))

    path = [ref - np.logaddexp.reduce(ref)]
    for _ in range(steps):
        path.append(moved(path[-1], moved(path[-1], path[-1])))
    logs = np.array(path)
    kl = (np.exp(solution) * (np.expm1(logs - solution) - (logs - solution))).sum(1)  # no term is negative
    return Curve(path[-1], duality_gap(a, logs, beta=beta, log_ref=ref), kl)

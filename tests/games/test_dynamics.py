"""First-order dynamics: against three-line loops in NumPy, and what they promise."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recipes
from prefcore import games
from prefcore.errors import ConvergenceError, DomainError, ShapeError

INF = float("inf")
PAYOFF, REF = recipes.uniform(6, 1), recipes.ref_logits(6, 2)


def lsm(x: Any) -> Any:
    return x - np.logaddexp.reduce(x)


def naive(name: str, payoff: Any, ref: Any, steps: int, beta: float, eta: float) -> Any:
    """The policy after some steps from the reference."""
    a, r, c = payoff - 0.5, lsm(ref), eta * beta
    log, ahead, magnet = r, r, r
    for t in range(steps):
        if name == "mirror_descent":
            log = lsm((1 - c) * log + c * r + eta * a @ np.exp(log))
        elif name == "extragradient":
            half = lsm((1 - c) * log + c * r + eta * a @ np.exp(log))
            log = lsm((1 - c) * log + c * r + eta * a @ np.exp(half))
        elif name == "omwu":
            ahead = lsm((1 - c) * log + c * r + eta * a @ np.exp(ahead))
            log = lsm((1 - c) * log + c * r + eta * a @ np.exp(ahead))
        elif name == "nash_md":
            mix = lsm((1 - c) * log + c * r)
            log = lsm(mix + eta * a @ np.exp(mix))
        else:
            log = lsm((log + c * magnet + eta * a @ np.exp(log)) / (1 + c))
            magnet = log if name == "mpo" and (t + 1) % 3 == 0 else magnet
    return log


MAPS = ["mirror_descent", "extragradient", "omwu", "magnetic_mirror_descent", "nash_md", "mpo"]


@pytest.mark.parametrize("n", [1, 3, 6, 16, 17, 40])
@pytest.mark.parametrize("name", MAPS)
def test_each_map_is_its_loop(name: str, n: int) -> None:
    """On both sides of the size up to which games run in lanes."""
    payoff, ref = recipes.uniform(n, 3), recipes.ref_logits(n, 4)
    more = {"refresh_every": 3} if name == "mpo" else {}
    got = getattr(games, name)(payoff, beta=0.2, step_size=0.7, log_ref=ref, tol=None, max_iter=10, **more)
    np.testing.assert_allclose(got.log_policy, naive(name, payoff, ref, 10, 0.2, 0.7), rtol=0, atol=1e-13)
    assert (got.status, got.iterations, got.converged) == ("fixed", 10, True)


def test_defaults_reach_the_regularized_equilibrium() -> None:
    """The fixed point l = lsm(log_ref + A e^l / beta), from every map that has it."""
    for name in ("mirror_descent", "extragradient", "omwu", "magnetic_mirror_descent"):
        found = getattr(games, name)(PAYOFF, beta=0.3, log_ref=REF, tol=1e-20)
        reply = lsm(lsm(REF) + (PAYOFF - 0.5) @ found.policy / 0.3)
        np.testing.assert_allclose(found.log_policy, reply, atol=1e-8, err_msg=name)
        assert found.residual <= 1e-20
    assert games.nash_md(PAYOFF, beta=0.3, log_ref=REF, tol=1e-5).gap <= 1e-5


def test_without_a_pull_the_last_or_the_mean_policy_is_an_equilibrium() -> None:
    assert games.mirror_descent(PAYOFF, average=True, tol=0.05).gap0 <= 0.05
    for played in (False, True):
        assert games.omwu(PAYOFF, played=played, tol=1e-3, max_iter=100_000).gap0 <= 1e-3
    assert games.extragradient(PAYOFF, tol=1e-3, max_iter=100_000).gap0 <= 1e-3
    assert games.mpo(PAYOFF, beta=0.1, step_size=1.0, refresh_every=20, tol=1e-3, max_iter=100_000).gap0 <= 1e-3


def test_the_mean_is_of_the_policies_before_the_last() -> None:
    path = games.mirror_descent(PAYOFF, step_size=0.1, tol=None, max_iter=5, record_at=range(6)).path
    mean = games.mirror_descent(PAYOFF, step_size=0.1, average=True, tol=None, max_iter=5)
    np.testing.assert_allclose(mean.policy, np.exp(path.log_policy[:5]).mean(0), rtol=1e-14)
    assert path.iteration.tolist() == [0, 1, 2, 3, 4, 5]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 20), st.integers(0, 10_000), st.sampled_from([1.0, 0.1]))
def test_extragradient_contracts_as_proven(n: int, seed: int, beta: float) -> None:
    """KL(solution, next) <= (1 - step beta) KL(solution, policy)."""
    payoff, ref = recipes.uniform(n, seed), recipes.ref_logits(n, seed + 1)
    step = 2 / (beta + np.hypot(beta, 2 * np.abs(payoff - 0.5).max()))
    star = games.extragradient(payoff, beta=beta, log_ref=ref, tol=1e-28, max_iter=3000, strict=False)
    path = games.extragradient(payoff, beta=beta, log_ref=ref, tol=None, max_iter=30, record_at=range(31)).path
    kl = recipes.divergence(star.log_policy, path.log_policy)
    kl = kl[kl > 1e-12]
    assert (kl[1:] <= (1 - step * beta) * kl[:-1] * (1 + 1e-6)).all()


@pytest.mark.parametrize("tol", [None, 1e-9])
@pytest.mark.parametrize("function", [games.extragradient, games.omwu])
def test_games_of_a_batch_are_single_ones_bit_for_bit(function: Any, tol: float | None) -> None:
    sizes = [3, 17, 3, 8, 1, 3, *[8] * 11, 30]
    payoffs = [recipes.uniform(n, seed) for seed, n in enumerate(sizes)]
    refs = [recipes.ref_logits(n, seed) for seed, n in enumerate(sizes)]
    ends = {"beta": 0.2, "tol": tol, "max_iter": 50 if tol is None else 5000}
    offsets = np.cumsum([0, *sizes])
    flat = np.concatenate([p.ravel() for p in payoffs])
    many = function(flat, offsets=offsets, log_ref=np.concatenate(refs), **ends)
    for g, (payoff, ref) in enumerate(zip(payoffs, refs, strict=True)):
        one = function(payoff, log_ref=ref, **ends)
        np.testing.assert_array_equal(many.log_policy[offsets[g] : offsets[g + 1]], one.log_policy)
        assert (many.residual[g], many.iterations[g]) == (one.residual, one.iterations)


def test_an_action_that_the_reference_lacks_stays_absent() -> None:
    """Also where a weight of the mixture is 0: beta = 0, and step_size = 1 / beta."""
    ref = np.where(np.arange(6) == 2, -INF, REF)
    keep = np.arange(6) != 2
    smaller = PAYOFF[np.ix_(keep, keep)]
    for name in MAPS:
        more = {"refresh_every": 3} if name == "mpo" else {}
        for beta, step in ((0.5, 0.5), (0.5, 2.0), *([(0.0, 0.5)] if name in MAPS[:3] else [])):
            ends = {"beta": beta, "step_size": step, "tol": None, "max_iter": 7, **more}
            whole = getattr(games, name)(PAYOFF, log_ref=ref, **ends)
            part = getattr(games, name)(smaller, log_ref=REF[keep], **ends)
            assert whole.log_policy[2] == -INF
            np.testing.assert_allclose(whole.log_policy[keep], part.log_policy, atol=1e-13)


def test_forms_of_a_payoff_agree() -> None:
    rng = np.random.default_rng(0)
    v = rng.normal(size=(40, 4))
    scores = sum(np.outer(v[:, i], v[:, i + 1]) - np.outer(v[:, i + 1], v[:, i]) for i in (0, 2))
    fixed = {"beta": 1.0, "step_size": 0.05, "tol": None, "max_iter": 20}
    dense = games.extragradient(scores, **fixed).log_policy
    np.testing.assert_allclose(games.extragradient(games.FactorPayoff(v), **fixed).log_policy, dense, atol=1e-12)
    packed = games.extragradient(games.PackedPayoff.from_dense(scores), **fixed).log_policy
    np.testing.assert_allclose(packed, dense, atol=1e-12)
    single = games.extragradient(scores.astype(np.float32), **fixed).log_policy
    np.testing.assert_allclose(single, dense, atol=1e-5)


def test_a_tolerance_not_reached_raises_with_the_result() -> None:
    with pytest.raises(ConvergenceError, match=r"residual <= tol = 1e-06, got residual .* after 3 iterations") as info:
        games.extragradient(PAYOFF, beta=0.1, max_iter=3)
    assert info.value.result.status == "max_iter"
    with pytest.raises(ConvergenceError, match="constant step_size has a fixed point beside the equilibrium"):
        games.nash_md(PAYOFF, beta=0.1, log_ref=REF, step_size=0.3, tol=1e-12, max_iter=200)
    assert not games.omwu(PAYOFF, max_iter=3, strict=False).converged


def test_bad_arguments_are_refused_by_name() -> None:
    with pytest.raises(DomainError, match=r"step_size must be at most 1 / beta = 2, got 3"):
        games.extragradient(PAYOFF, beta=0.5, step_size=3.0)
    with pytest.raises(DomainError, match="beta must be a finite number > 0, got 0"):
        games.nash_md(PAYOFF, beta=0.0)
    with pytest.raises(DomainError, match="beta must be a finite number >= 0, got NaN"):
        games.mirror_descent(PAYOFF, beta=float("nan"))
    with pytest.raises(DomainError, match="refresh_every must be 1 to"):
        games.mpo(PAYOFF, beta=0.1, step_size=1.0, refresh_every=0)
    with pytest.raises(ShapeError, match=r"payoff must be one game, \[n, n\], got 2 games"):
        games.mirror_descent(np.stack([PAYOFF] * 2))
    with pytest.raises(ShapeError, match=r"payoff must be one game, .* where record_at is given, got 2 games"):
        games.omwu(np.stack([PAYOFF] * 2), record_at=[1])
    with pytest.raises(DomainError, match="init must be at least one action of log_ref, got none in game 0"):
        games.extragradient(recipes.uniform(2, 0), log_ref=[0.0, -INF], init=[-INF, 0.0])
    with pytest.raises(ShapeError, match=r"log_ref must have shape \[6\] like a policy, got \[5\]"):
        games.magnetic_mirror_descent(PAYOFF, beta=0.1, log_ref=REF[:5])


def test_every_curve_is_imported() -> None:
    """66 regularized ones, and mwu, omwu_unreg, eg_unreg and mpo of four games."""
    file = Path(__file__).parents[1] / "vectors" / "games_dynamics.json"
    names = {record["id"].rsplit(".", 1)[0] for record in json.loads(file.read_text())}
    kinds = Counter(name.split("/")[1] for name in names if name.startswith("nash_curves"))
    assert kinds == {"regularised": 66, "unregularised": 16}


def test_a_policy_without_an_action_of_its_reply_has_the_gap_of_the_definition() -> None:
    """2 beta KL(policy, reply), also where a probability is 0 or too small for a double."""
    payoff, beta = recipes.uniform(2, 0), 0.5
    reply = games.best_response(payoff, [0.0, -INF], beta=beta)
    for log in (-INF, -800.0):
        np.testing.assert_allclose(games.duality_gap(payoff, [0.0, log], beta=beta), -2 * beta * reply[0], rtol=1e-12)

"""The one operation of the games, A times a policy, in every form that users hold."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prefcore
import recipes
from prefcore import games
from prefcore.errors import DomainError

#: below, at and above the sizes of lanes, of rows that go together, and of blocks that threads share
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100, 365, 701, 1003]
ON_LINUX = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is that of /proc")


@pytest.fixture
def threads() -> Iterator[Any]:
    before = prefcore.get_num_threads()
    yield prefcore.set_num_threads
    prefcore.set_num_threads(before)


def payoffs(payoff: Any, policy: Any) -> Any:
    """A times the policy: the logits of a best response up to a constant, and policy . A policy = 0 as A is skew."""
    reply = games.best_response(payoff, np.log(policy), beta=1.0)
    return reply - reply @ policy


def case(n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    return recipes.uniform(n, n), rng.dirichlet(np.ones(n))


@pytest.mark.parametrize("n", SIZES)
def test_dense_and_packed_are_the_matrix_times_the_policy(n: int) -> None:
    payoff, policy = case(n)
    want = np.array([sum((x - 0.5) * p for x, p in zip(row, policy, strict=True)) for row in payoff])
    np.testing.assert_allclose(payoffs(payoff, policy), want, rtol=0, atol=1e-13)
    packed = games.PackedPayoff.from_dense(payoff)
    np.testing.assert_allclose(payoffs(packed, policy), want, rtol=0, atol=1e-13)
    single = games.PackedPayoff(packed.values.astype(np.float32), n, 1.0)
    np.testing.assert_allclose(payoffs(single, policy), want, rtol=0, atol=1e-7)
    np.testing.assert_allclose(payoffs(payoff.astype(np.float32), policy), want, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("planes", [1, 2, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("n", [1, 2, 7, 30, 1003])
def test_factor_form_is_its_sum_over_planes(n: int, planes: int, dtype: Any) -> None:
    """Each width that has a loop of its own, and others."""
    rng = np.random.default_rng(n)
    embeddings, gate, weights = (
        rng.normal(size=(n, 2 * planes)).astype(dtype),
        rng.normal(size=planes),
        rng.normal(size=n),
    )
    even, odd = embeddings[:, ::2].astype(float), embeddings[:, 1::2].astype(float)
    matrix = sum(g * (np.outer(a, b) - np.outer(b, a)) for g, a, b in zip(gate, even.T, odd.T, strict=True))
    got = games.gpm_matvec(embeddings, weights, gate=gate)
    np.testing.assert_allclose(got, matrix @ weights, rtol=0, atol=1e-14 * n * planes)


@pytest.mark.parametrize(("planes", "at"), [(1, 0), (3, 500), (4, 99_999)])
@pytest.mark.parametrize(("bad", "word"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_a_number_that_is_not_finite_is_found_without_a_pass_for_it(
    planes: int, at: int, bad: float, word: str
) -> None:
    """Also where its weight is 0."""
    embeddings, weights = np.ones((100_000, 2 * planes)), np.zeros(100_000)
    embeddings[at, 1] = bad
    with pytest.raises(DomainError, match=rf"embeddings\[{at}, 1\] must be a finite number, got {word}"):
        games.gpm_matvec(embeddings, weights)
    embeddings[at, 1], weights[at] = 0.0, bad
    with pytest.raises(DomainError, match=rf"policy\[{at}\] must be a finite number, got {word}"):
        games.gpm_matvec(embeddings, weights)


def test_no_bit_depends_on_the_thread_count(threads: Any) -> None:
    payoff = recipes.uniform(1003, 0)
    packed = games.PackedPayoff.from_dense(payoff)
    rng = np.random.default_rng(0)
    vectors = [(rng.normal(size=(50_021, 2 * k)), rng.normal(size=50_021)) for k in (1, 3, 4, 8)]
    fixed: dict[str, Any] = {"tol": None, "max_iter": 5}

    def everything() -> list[Any]:
        return [
            *(games.extragradient(form, beta=0.1, **fixed).log_policy for form in (payoff, packed)),
            games.predictive_regret_matching_plus(payoff, **fixed).log_policy,
            games.solve_nash_kl(payoff, beta=0.05).log_policy,
            *(games.gpm_matvec(*given) for given in vectors),
        ]

    threads(1)
    alone = everything()
    for count in (2, 3):
        threads(count)
        for one, other in zip(alone, everything(), strict=True):
            np.testing.assert_array_equal(one, other)


def peak_above_input(program: str) -> float:
    """MiB by which the last line of a program raises the peak of the resident memory."""
    *setup, measured = textwrap.dedent(program).strip().splitlines()
    code = [
        "import re, pathlib, numpy as np",
        "from prefcore import games",
        *setup,
        "status = lambda word: int(re.search(word + r':\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])",
        "pathlib.Path('/proc/self/clear_refs').write_text('5')",
        "before = status('VmRSS')",
        measured,
        "print((status('VmHWM') - before) / 1024)",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], check=False, capture_output=True, text=True, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@ON_LINUX
@pytest.mark.parametrize("form", ["payoff", "games.PackedPayoff(payoff[np.triu_indices(2000, 1)], 2000, 1.0)"])
def test_singles_are_not_copied_into_doubles(form: str) -> None:
    """The dense doubles would be 31 MiB, the packed ones 15."""
    grown = peak_above_input(f"""
        upper = np.triu(np.random.default_rng(0).random((2000, 2000), dtype=np.float32), 1)
        payoff = upper + np.tril(1 - upper.T, -1) + np.eye(2000, dtype=np.float32) / 2
        form = {form}
        games.extragradient(form, beta=0.1, tol=None, max_iter=3)
    """)
    assert grown < 8


@ON_LINUX
def test_a_game_of_a_hundred_thousand_answers_is_solved_in_little_memory() -> None:
    """Issue 8: gap 1e-6 within 64 MiB above the input; the matrix would be 75 GiB."""
    grown = peak_above_input("""
        form = games.FactorPayoff(np.random.default_rng(0).normal(size=(100_000, 8)))
        assert games.extragradient(form, beta=0.1 * form.bound, tol=1e-6).gap <= 1e-6
    """)
    assert grown < 64

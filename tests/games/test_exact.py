"""`games.solve_nash` against linear programs, brute force in rational numbers, and what must hold of equilibria."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

import prefcore
import recipes
from games.polytopes import assert_center, assert_largest_entropy, optimal_columns
from prefcore.errors import ConvergenceError, DomainError, ShapeError
from prefcore.games import FactorPayoff, PackedPayoff, solve_nash

Floats = NDArray[np.float64]
quick = settings(max_examples=60, deadline=None)


def game(upper: Floats) -> Floats:
    """Win probabilities of which the upper triangle is given."""
    payoff = np.triu(upper, 1)
    payoff += np.tril(1 - payoff.T, -1)
    np.fill_diagonal(payoff, 0.5)
    return payoff


def degenerate(rng: np.random.Generator, n: int) -> Floats:
    """A game of few different payoffs, of duplicates, or with blocks of ties."""
    kind = rng.integers(6)
    if kind == 0:
        return game(rng.random((n, n)))
    if kind == 1:
        return game(rng.integers(0, 2, (n, n)).astype(np.float64))
    if kind == 2:
        return game(rng.integers(0, 3, (n, n)) / 2)
    if kind == 3:
        rows = rng.integers(0, max(1, n // 2), n)
        return game(rng.integers(0, 9, (n, n)) / 8)[np.ix_(rows, rows)]
    payoff = game(rng.random((n, n)))
    tied = rng.integers(1, n + 1)
    payoff[:tied, :tied] = 0.5
    if kind == 4:
        return payoff
    strength = rng.normal(size=n).round(1)
    return np.asarray(1 / (1 + np.exp(strength[None] - strength[:, None])))


#: games of 1 to 4 actions with payoffs 0, 1/4, ..., 1: most have several equilibria or ties
SMALL = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.integers(0, 4), min_size=n * n, max_size=n * n).map(
        lambda values: game(np.array(values, dtype=np.float64).reshape(n, n) / 4)
    )
)


@pytest.mark.parametrize("n", [2, 5, 12, 40, 90])
def test_a_linear_program_finds_the_same(n: int) -> None:
    payoff = recipes.uniform(n, 7 * n)
    skew = payoff - 0.5
    program = linprog(np.zeros(n), A_ub=skew, b_ub=np.zeros(n), A_eq=np.ones((1, n)), b_eq=[1], method="highs")
    result = solve_nash(payoff)
    assert result.unique
    assert result.gap < 1e-14
    assert result.gap == result.residual
    np.testing.assert_allclose(result.policy, program.x, atol=1e-9)


@quick
@given(SMALL)
def test_brute_force_finds_the_same_set(payoff: Floats) -> None:
    value, vertices = optimal_columns(payoff)
    assert value == 0.5
    result = solve_nash(payoff)
    assert result.unique == (len(vertices) == 1)
    assert_largest_entropy(result.policy, vertices)
    assert_center(solve_nash(payoff, selection="center").policy, vertices, payoff, 0.5)
    vertex = solve_nash(payoff, selection="vertex").policy
    assert np.abs(vertices - vertex).max(1).min() < 1e-12


def test_the_largest_entropy_may_lie_where_an_unplayed_action_is_as_good() -> None:
    """Duplicates would share evenly, did not a fourth action punish one of them: its shortfall ends at 0."""
    payoff = game(np.zeros((5, 5)))
    payoff[:4, :4] = [[0.5, 0.5, 1, 0], [0.5, 0.5, 1, 0], [0, 0, 0.5, 1], [1, 1, 0, 0.5]]
    payoff[4, :4], payoff[:4, 4] = [0.2, 1.0, 0.5, 0.5], [0.8, 0.0, 0.5, 0.5]
    result = solve_nash(payoff)
    assert not result.unique
    assert result.min_slack < 1e-12
    np.testing.assert_allclose(result.policy, [5 / 24, 1 / 8, 1 / 3, 1 / 3, 0], atol=1e-12)
    assert_largest_entropy(result.policy, optimal_columns(payoff)[1])


@quick
@given(st.integers(0, 10_000), st.integers(2, 12), st.sampled_from(["max_entropy", "center"]))
def test_another_order_of_the_actions_permutes_the_answer(seed: int, n: int, selection: str) -> None:
    rng = np.random.default_rng(seed)
    payoff, order = degenerate(rng, n), rng.permutation(n)
    result, other = (solve_nash(p, selection=selection) for p in (payoff, payoff[np.ix_(order, order)]))
    assert result.unique == other.unique
    np.testing.assert_allclose(other.policy, result.policy[order], atol=1e-9)


@pytest.mark.parametrize("n", [1, 5, 120])
def test_duplicates_share_evenly(n: int) -> None:
    """At n = 120 the doubled game is one for the interior point."""
    payoff = recipes.uniform(n, n)
    twice = np.tile(payoff, (2, 2))
    result = solve_nash(twice if n < 120 else np.tile(payoff, (3, 3)))
    assert not result.unique
    copies = len(result.policy) // n
    np.testing.assert_allclose(result.policy, np.tile(solve_nash(payoff).policy / copies, copies), atol=1e-12)


@pytest.mark.parametrize("n", [4, 60, 260])
def test_a_condorcet_winner_is_played_alone(n: int) -> None:
    result = solve_nash(recipes.condorcet(n, n))
    assert result.unique
    assert result.log_policy[0] == 0.0
    assert np.all(result.log_policy[1:] == -np.inf)
    np.testing.assert_allclose(result.min_slack, recipes.condorcet(n, n)[0, 1:].min() - 0.5, rtol=1e-12)


def test_interior_point_and_simplex_method_agree() -> None:
    payoff = recipes.uniform(240, 3)
    inner, vertex = solve_nash(payoff), solve_nash(payoff, selection="vertex")
    assert inner.unique
    assert vertex.unique
    assert inner.iterations < 40 < vertex.iterations
    np.testing.assert_allclose(inner.policy, vertex.policy, atol=1e-12)
    np.testing.assert_allclose(inner.min_slack, vertex.min_slack, rtol=1e-8)


@pytest.mark.parametrize("selection", ["max_entropy", "center"])
def test_where_all_are_even_all_are_played(selection: str) -> None:
    result = solve_nash(np.full((7, 7), 0.5), selection=selection)
    np.testing.assert_array_equal(result.policy.round(15), np.full(7, 1 / 7).round(15))
    assert result.unique is False
    assert result.gap == 0
    assert result.iterations == 0


def test_thousands_of_degenerate_games_all_converge() -> None:
    rng = np.random.default_rng(0)
    for number in range(2000):
        payoff = degenerate(rng, int(rng.integers(1, 61)))
        selection = ("max_entropy", "center", "vertex", "max_entropy")[number % 4]
        result = solve_nash(payoff, selection=selection)
        assert result.status == "converged"
        assert result.gap < 1e-12
        assert ((payoff - 0.5) @ result.policy).max() < 1e-12
        assert abs(result.policy.sum() - 1) < 1e-12


def test_batches_and_blocks_give_what_each_game_gives() -> None:
    batch = np.stack([recipes.tournament(7, seed) for seed in range(50)] + [np.full((7, 7), 0.5)])
    result = solve_nash(batch)
    for g, payoff in enumerate(batch):
        alone = solve_nash(payoff)
        np.testing.assert_array_equal(result.log_policy[g], alone.log_policy)
        assert (result.gap[g], result.unique[g], result.status[g]) == (alone.gap, alone.unique, "converged")
    games = [recipes.uniform(n, n) for n in (3, 1, 8)]
    blocks = np.concatenate([payoff.reshape(-1) for payoff in games])
    ragged = solve_nash(blocks, offsets=[0, 3, 4, 12])
    np.testing.assert_array_equal(ragged.policy, np.concatenate([solve_nash(payoff).policy for payoff in games]))


def test_every_form_of_a_payoff_gives_the_same() -> None:
    payoff = recipes.uniform(30, 30)
    policy = solve_nash(payoff).policy
    np.testing.assert_allclose(solve_nash(PackedPayoff.from_dense(payoff)).policy, policy, atol=1e-14)
    np.testing.assert_allclose(solve_nash(payoff - 0.5).policy, policy, atol=1e-14)
    # 2^-20 steps are exact in f32
    np.testing.assert_allclose(solve_nash(payoff.astype(np.float32)).policy, policy, atol=1e-14)
    embeddings = np.random.default_rng(0).normal(size=(9, 4))
    first, second = embeddings[:, ::2], embeddings[:, 1::2]
    scores = first @ second.T - second @ first.T
    factor = solve_nash(FactorPayoff(embeddings), selection="center")
    np.testing.assert_allclose(factor.policy, solve_nash(scores, selection="center").policy, atol=1e-9)


@pytest.mark.parametrize("size", [1e-8, 1e6, 1e300])
def test_units_of_the_payoff_do_not_matter(size: float) -> None:
    margins = recipes.uniform(50, 50) - 0.5
    result = solve_nash(margins * size)
    np.testing.assert_allclose(result.policy, solve_nash(margins).policy, atol=1e-13)
    assert result.converged
    assert result.status == ("floor" if result.gap > 1e-10 else "converged")


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    batch = np.stack([recipes.uniform(20, seed) for seed in range(64)])
    threads = prefcore.get_num_threads()
    try:
        prefcore.set_num_threads(1)
        one = solve_nash(batch)
        prefcore.set_num_threads(3)
        np.testing.assert_array_equal(solve_nash(batch).log_policy, one.log_policy)
    finally:
        prefcore.set_num_threads(threads)


def test_the_payoff_is_not_modified() -> None:
    payoff = recipes.uniform(6, 6)
    before = payoff.copy()
    solve_nash(payoff)
    np.testing.assert_array_equal(payoff, before)


def test_what_does_not_converge_raises_with_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefcore.games import exact

    def stalled(*arguments: Any) -> Any:
        log_policy, *rest = prefcore._rust.solve_nash(*arguments)
        rest[6], rest[7], rest[8] = np.array([0.25]), np.array([False]), ["stalled"]
        return log_policy, *rest

    monkeypatch.setattr(exact, "_rust", type("Extension", (), {"solve_nash": staticmethod(stalled)}))
    with pytest.raises(
        ConvergenceError, match=r"residual <= tol = 1e-10, got residual 0.25 after .* \(stalled\)"
    ) as info:
        solve_nash(recipes.uniform(3, 3))
    assert info.value.result.status == "stalled"
    assert not solve_nash(recipes.uniform(3, 3), strict=False).converged


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        ([[[0, 1, 2], [-1, 0, 1], [-2, 3, 0]]], {}, DomainError, r"payoff\[1, 2\] must be 0 - payoff\[2, 1\]"),
        ([[[0.5, np.nan], [0.4, 0.5]]], {}, DomainError, r"payoff\[0, 1\] must be a finite number, got NaN"),
        ([[[0.5, 0.5, 0.5]]], {}, ShapeError, r"payoff must be \[n, n\].*got shape \[1, 3\]"),
        (
            [[[0.5]]],
            {"selection": "any"},
            DomainError,
            "selection must be 'max_entropy' or 'center' or 'vertex', got 'any'",
        ),
        ([[[0.5]]], {"tol": -1.0}, DomainError, r"tol must be a number >= 0, got -1\.0"),
        ([[[0.5]]], {"tol": float("nan")}, DomainError, "tol must be a number >= 0, got NaN"),
        ([[[0.5]]], {"tol": "1"}, TypeError, "tol must be a number, got '1'"),
        ([[[0.5]]], {"strict": 1}, TypeError, "strict must be True or False, got 1"),
    ],
)
def test_what_is_wrong_is_named(arguments: Any, options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        solve_nash(*arguments, **options)

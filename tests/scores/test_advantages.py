"""Properties and error messages of `prefcore.scores`: advantages."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import prefcore
from prefcore import scores
from prefcore.errors import DomainError, ShapeError

rewards_of_groups = st.lists(st.lists(st.floats(-100.0, 100.0), max_size=20), min_size=1, max_size=6)


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def ragged(groups: list[list[float]]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([0] + [len(group) for group in groups])
    return f64(*[reward for group in groups for reward in group]), lengths.cumsum(0)


@given(groups=rewards_of_groups, ddof=st.sampled_from([0, 1]))
@settings(max_examples=50, deadline=None)
def test_advantages_of_a_group_sum_to_zero_and_have_variance_one(groups: list[list[float]], ddof: int) -> None:
    rewards, offsets = ragged(groups)
    advantages = scores.group_advantage(rewards, offsets, ddof=ddof)
    for group, own in zip(groups, advantages.tensor_split(offsets[1:-1]), strict=True):
        assert abs(float(own.sum())) <= 1e-9
        squares = 0.0 if len(set(group)) < 2 else float(len(group) - ddof)
        assert float(own.square().sum()) == pytest.approx(squares, rel=1e-12)


@given(groups=rewards_of_groups, scale=st.sampled_from([2.0**-40, 0.25, 8.0]), shift=st.integers(-1000, 1000))
@settings(max_examples=50, deadline=None)
def test_advantages_do_not_change_under_positive_affine_maps(
    groups: list[list[float]], scale: float, shift: int
) -> None:
    """Rewards are rounded to 2^-20, so that the map itself is exact."""
    rewards, offsets = ragged(groups)
    rewards = (rewards * 2**20).round() / 2**20
    mapped = (rewards + shift) * scale
    want = scores.group_advantage(rewards, offsets, ddof=1)
    torch.testing.assert_close(scores.group_advantage(mapped, offsets, ddof=1), want, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(scores.group_advantage(-mapped, offsets, ddof=1), -want, rtol=1e-12, atol=1e-12)


@given(groups=rewards_of_groups)
@settings(max_examples=30, deadline=None)
def test_centered_rewards_sum_to_zero_and_their_multiple_is_leave_one_out(groups: list[list[float]]) -> None:
    rewards, offsets = ragged(groups)
    for group, own in zip(groups, scores.group_center(rewards, offsets).tensor_split(offsets[1:-1]), strict=True):
        assert abs(float(own.sum())) <= 1e-10
        if len(group) > 1:
            n = len(group)
            want = [reward - (sum(group) - reward) / (n - 1) for reward in group]
            torch.testing.assert_close(own * n / (n - 1), f64(*want), rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_equal_rewards_give_exactly_zero(dtype: torch.dtype) -> None:
    """Also where the mean of n equal numbers rounds: three times 0.1 is not 0.3."""
    rewards = torch.tensor([0.1, 1e4, -3.3, 7e-3]).repeat_interleave(7).to(dtype)
    offsets = torch.arange(5) * 7
    for advantages in (
        scores.group_advantage(rewards, offsets, ddof=1),
        scores.group_advantage(rewards, offsets, ddof=0, eps=1e-4),
        scores.group_center(rewards, offsets),
    ):
        assert not advantages.any()


def test_a_small_spread_at_a_large_offset_keeps_its_digits() -> None:
    """In f32 the mean of the squares of these minus the square of their mean is negative, or anything."""
    rewards = torch.tensor([4096.0, 4096.0 + 2**-10, 4096.0 + 2**-9])
    assert scores.group_advantage(rewards, torch.tensor([0, 3]), ddof=1).tolist() == [-1.0, 0.0, 1.0]


def test_nan_spoils_its_own_group_only() -> None:
    rewards = f64(1.0, math.nan, 1.0, 3.0, math.inf, 0.0, math.nan)
    offsets = torch.tensor([0, 2, 4, 6, 7])
    for advantages in (scores.group_advantage(rewards, offsets, ddof=0), scores.group_center(rewards, offsets)):
        assert advantages.isnan().tolist() == [True, True, False, False, True, True, True]
        assert advantages[2:4].tolist() == [-1.0, 1.0]


def test_advantages_are_constants() -> None:
    """In eager code and through one graph: no gradient reaches rewards or values."""
    rewards = torch.randn(4, requires_grad=True)
    assert not scores.group_advantage(rewards, torch.tensor([0, 4]), ddof=1).requires_grad
    assert not scores.group_center(rewards, torch.tensor([0, 4])).requires_grad
    tokens, mask = torch.randn(2, 3, requires_grad=True), torch.ones(2, 3, dtype=torch.bool)
    assert not any(field.requires_grad for field in scores.gae(tokens, tokens, mask))


def test_bits_of_advantages_do_not_depend_on_threads() -> None:
    """60,000 rewards and tokens are above the work at which threads start."""
    rewards, offsets = torch.randn(60_000), torch.arange(0, 60_001, 7).clamp(max=60_000)
    offsets[-1] = 60_000
    mask = torch.rand(60, 1000) > 0.2
    results = []
    before = prefcore.get_num_threads()
    try:
        for threads in (1, 2, 5):
            prefcore.set_num_threads(threads)
            tokens = scores.gae(rewards.view(60, 1000), rewards.flip(0).view(60, 1000), mask)
            results.append((scores.group_advantage(rewards, offsets, ddof=1), *tokens))
    finally:
        prefcore.set_num_threads(before)
    assert all(torch.equal(got, want) for run in results[1:] for got, want in zip(run, results[0], strict=True))


def test_streams_of_pref_grpo_add_up() -> None:
    """prefgrpo.weighted_clip_loss: two reward streams, standardized each and combined by weight."""
    offsets = torch.tensor([0, 4])
    win_rate = scores.group_advantage(f64(0.833, 0.333, 0.5, 0.333), offsets, ddof=1, eps=1e-8)
    clip_score = scores.group_advantage(f64(0.2, 0.9, 0.5, 0.4), offsets, ddof=1, eps=1e-8)
    want = f64(-0.04588573945578567, 0.5322553858129464, 0.00042426394464600847, -0.48679391030180635)
    torch.testing.assert_close(0.4 * win_rate + 0.6 * clip_score, want, rtol=1e-12, atol=1e-12)


@given(lam=st.floats(0.0, 1.0), gamma=st.floats(0.0, 1.0))
@settings(max_examples=20, deadline=None)
def test_gae_is_the_decaying_sum_of_errors_of_counted_tokens(lam: float, gamma: float) -> None:
    """Tool tokens in the middle change nothing: the same as with them taken out. Oracle: Schulman et al. eq. 16."""
    rewards, values = torch.randn(2, 1, 12, dtype=torch.float64)
    mask = torch.rand(1, 12) > 0.4
    r, v = rewards[mask].tolist(), [*values[mask].tolist(), 0.0]
    errors = [r[t] + gamma * v[t + 1] - v[t] for t in range(len(r))]
    want = [sum((gamma * lam) ** k * error for k, error in enumerate(errors[t:])) for t in range(len(r))]
    for junk in (0.0, 7.0, math.nan):
        got = scores.gae(rewards.masked_fill(~mask, junk), values.masked_fill(~mask, junk), mask, gamma=gamma, lam=lam)
        torch.testing.assert_close(got.advantages[mask], f64(*want), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(got.returns[mask], f64(*want) + values[mask], rtol=1e-12, atol=1e-12)
        assert not got.advantages[~mask].any()
        assert not got.returns[~mask].any()


def test_gae_padding_changes_no_bit() -> None:
    rewards, values = torch.randn(2, 3, 50)
    mask = torch.rand(3, 50) > 0.2
    wide = [torch.nn.functional.pad(x, (9, 30), value=math.nan) for x in (rewards, values)]
    padded = scores.gae(*wide, torch.nn.functional.pad(mask, (9, 30)))
    for got, want in zip(padded, scores.gae(rewards, values, mask), strict=True):
        assert torch.equal(got[:, 9:59], want)


def test_gae_of_the_exact_value_function_is_zero() -> None:
    """Where V already is the discounted sum of what comes, nothing is an advantage, at any lam."""
    rewards = torch.tensor([[1.0, 2.0, 4.0]], dtype=torch.float64)
    values = f64(1 + 0.5 * 2 + 0.25 * 4, 2 + 0.5 * 4, 4).unsqueeze(0)
    got = scores.gae(rewards, values, torch.ones(1, 3, dtype=torch.bool), gamma=0.5, lam=0.3)
    torch.testing.assert_close(got.advantages, torch.zeros(1, 3, dtype=torch.float64), rtol=0, atol=1e-15)
    torch.testing.assert_close(got.returns, values, rtol=1e-15, atol=0)


@pytest.mark.parametrize("ddof", [0, 1])
def test_whitened_tokens_have_mean_zero_and_variance_one(ddof: int) -> None:
    values = (torch.randn(6, 40, dtype=torch.float64) * 1e-3 + 1e6).masked_fill(torch.rand(6, 40) < 0.3, math.nan)
    mask = ~values.isnan()
    white = scores.masked_whiten(values, mask, ddof=ddof, eps=1e-300)
    assert not white[~mask].any()
    assert abs(float(white[mask].mean())) < 1e-12
    assert float(white[mask].square().sum()) == pytest.approx(int(mask.sum()) - ddof, rel=1e-12)


def test_whitened_equal_tokens_and_a_single_one_are_exactly_zero() -> None:
    mask = torch.tensor([[True, True, True], [False, True, False]])
    equal = torch.full((2, 3), 0.1, dtype=torch.float64)
    assert not scores.masked_whiten(equal, mask, ddof=1, eps=1e-300).any()
    assert not scores.masked_whiten(equal[1:], mask[1:], ddof=1).any()
    assert not scores.masked_whiten(equal, ~mask & mask, ddof=1).any()


def test_whitened_f64_tokens_whose_squares_are_no_f64() -> None:
    values = torch.tensor([[1e200, -1e200, 0.0]], dtype=torch.float64)
    got = scores.masked_whiten(values, torch.ones(1, 3, dtype=torch.bool), ddof=0)
    torch.testing.assert_close(got, f64(1.5**0.5, -(1.5**0.5), 0.0).unsqueeze(0), rtol=1e-14, atol=1e-14)


ROWS = {"rewards": torch.zeros(4), "offsets": torch.tensor([0, 2, 4])}
TOKENS = {"rewards": torch.zeros(2, 3), "values": torch.zeros(2, 3), "mask": torch.ones(2, 3, dtype=torch.bool)}
WHITEN = {"values": torch.zeros(2, 3), "mask": TOKENS["mask"], "ddof": 1}


@pytest.mark.parametrize(
    ("function", "arguments", "change", "error", "match"),
    [
        (scores.group_advantage, ROWS, {"ddof": 2}, DomainError, "ddof must be 0 or 1, got 2"),
        (scores.group_advantage, ROWS, {"ddof": 1, "eps": -1.0}, DomainError, "eps must be finite and >= 0, got -1.0"),
        (scores.group_center, ROWS, {"rewards": torch.zeros(2, 2)}, ShapeError, r"rewards \[N\].*got \[2, 2\]"),
        (
            scores.group_center,
            ROWS,
            {"offsets": torch.tensor([0])},
            ShapeError,
            r"offsets \[G\+1\], got \[4\] and \[1\]",
        ),
        (
            scores.group_center,
            ROWS,
            {"offsets": torch.tensor([0, 4]).int()},
            TypeError,
            "int64 tensor, got torch.int32",
        ),
        (scores.group_center, ROWS, {"offsets": torch.tensor([0, 3])}, DomainError, r"offsets\[1\] must be 4"),
        (scores.group_center, ROWS, {"offsets": torch.tensor([1, 4])}, DomainError, r"offsets\[0\] must be 0, got 1"),
        (
            scores.group_center,
            ROWS,
            {"offsets": torch.tensor([0, 3, 2, 4])},
            DomainError,
            r"offsets\[2\] must be at least offsets\[1\] = 3, got 2",
        ),
        (scores.gae, TOKENS, {"gamma": 1.1}, DomainError, r"gamma must be in \[0, 1\], got 1.1"),
        (scores.gae, TOKENS, {"lam": -0.1}, DomainError, r"lam must be in \[0, 1\], got -0.1"),
        (scores.gae, TOKENS, {"mask": torch.ones(2, 3)}, TypeError, "mask must be a bool tensor"),
        (scores.masked_whiten, WHITEN, {"eps": 0.0}, DomainError, "eps must be finite and > 0, got 0.0"),
        (scores.masked_whiten, WHITEN, {"ddof": 3}, DomainError, "ddof must be 0 or 1, got 3"),
        (scores.masked_whiten, WHITEN, {"mask": torch.ones(6).bool()}, ShapeError, r"mask must be \[B, T\], got \[6\]"),
    ],
)
def test_errors(
    function: Any, arguments: dict[str, Any], change: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        function(**{**arguments, **change})


def test_offsets_that_are_no_boundaries_raise_in_compiled_code_too() -> None:
    compiled = torch.compile(scores.group_center, fullgraph=True, backend="aot_eager")
    with pytest.raises(DomainError, match=r"offsets\[1\] must be 4, the number of rows, got 3"):
        compiled(torch.zeros(4), torch.tensor([0, 3]))


def test_offsets_that_are_no_boundaries_give_nan_where_nobody_looks() -> None:
    """The body for other devices reads nothing outside and synchronizes nowhere; all is NaN."""
    from prefcore.ops.group_advantage import reference

    for offsets in ([0, 3], [1, 4], [0, 3, 2, 4], [-5, 99, 4], [0, 9]):
        assert reference(torch.ones(4), torch.tensor(offsets), 1, 0.0).isnan().all()

"""Numbers where inputs are odd: infinite or padded entries, ties, whole products, ids of several kinds."""

import math

import numpy as np
import pytest
import torch

from prefcore import losses
from prefcore.errors import RankDeficientError
from prefcore.papers import (
    aligndiff,
    delta_learning,
    drift,
    evolve,
    gpm,
    grao,
    infifpo,
    preference_dissection,
    preference_rankings,
    pro,
    rps,
    self_reference_feedback,
    skywork_reward_v2,
    suboptimal_on_policy,
    utility_probability,
    value_drifts,
    vbench,
    weak_to_strong_deception,
    wimhf,
)

INF = math.inf


def test_ids_of_several_kinds_stay_apart() -> None:
    """2^63 and 2^63 + 1 are one float64, "a" and "a" with a NUL one NumPy string, "1" and 1 one text."""
    big = np.array([2**63, 2**63], np.uint64)
    assert drift.pairs(big, big + np.uint64(1)).group.tolist() == [0, 1]
    assert drift.pairs(np.array([2**62 + 1]), np.array([2**62], np.uint64)).group.tolist() == [0]
    assert drift.pairs(np.array([-1]), np.array([2**64 - 1], np.uint64)).group.tolist() == [0]
    assert drift.pairs(["a", "1", "x"], ["a\0", 1, "x"]).group.tolist() == [0, 1]
    assert drift.pairs([1, 7], ["a", "b"]).group.tolist() == [0, 1]
    assert drift.pairs(torch.tensor([1, 2]), [1, 3]).group.tolist() == [1]
    assert delta_learning.pairs([3, 2], [0, 2], [2**63, 2**63 + 1]).chosen.tolist() == [0]
    assert len(delta_learning.pairs([3, 2], [0, 2], ["t", "t"]).chosen) == 0


def test_a_long_text_pads_no_other() -> None:
    """NumPy would make 16 GB of 2,000 texts of which one has two million characters."""
    fresh = ["long" * 500_000, *map(str, range(1999))]
    assert len(drift.pairs(fresh, list(reversed(fresh))).group) == 2000


def test_dimensions_by_name_in_the_order_of_official_reports() -> None:
    row = np.linspace(0.1, 0.9, 16)
    names = [name for name, *_ in vbench.DIMENSIONS]
    report = dict(zip(names, row, strict=True))
    moved = {name: report[name] for name in [*names[:4], "dynamic degree", "aesthetic quality", "imaging quality"]}
    both = {**moved, **{name.replace(" ", "_"): report[name] for name in names[7:]}}
    want = vbench.final_score([row])
    np.testing.assert_array_equal(vbench.final_score(both).total, want.total)
    two = vbench.final_score({name: [value, value / 2] for name, value in both.items()})
    np.testing.assert_array_equal(two.total, vbench.final_score([row, row / 2]).total)


def test_a_conflict_that_does_not_count_costs_nothing() -> None:
    chosen, rejected = torch.tensor([1.0, 1.0], requires_grad=True), torch.tensor([-INF, 0.0])
    conflict, truth = torch.tensor([False, True]), torch.tensor([True, True])
    for loss in (weak_to_strong_deception.reverse_dpo_loss, weak_to_strong_deception.reverse_simpo_loss):
        found = loss(chosen, rejected, conflict, truth)
        assert found[0].item() == 0.0
        assert found[1].item() > 0
        assert loss(chosen, rejected, ~conflict, truth, alpha=0.0)[0].item() == 0.0
    found.sum().backward()
    assert chosen.grad is not None
    assert torch.isfinite(chosen.grad[1])


def test_pro_has_the_limit_of_a_response_that_cannot_come() -> None:
    """exp(-inf gap) is 0, so the response drops out; with a gap of 0 it counts 1 like any other."""
    rewards = torch.tensor([[1.0, 0.5, 0.0]])
    almost, never = (torch.tensor([[-1.0, -2.0, last]], requires_grad=True) for last in (-1e4, -INF))
    want, found = losses.pro(almost, rewards), losses.pro(never, rewards)
    torch.testing.assert_close(found, want)
    (want + found).sum().backward()
    torch.testing.assert_close(never.grad, almost.grad)
    tied = losses.pro(torch.tensor([[-1.0, -INF]]), torch.tensor([[1.0, 1.0]]))
    assert tied.item() == pytest.approx(math.log(2))
    assert losses.pro(torch.tensor([[math.nan, -1.0]]), torch.tensor([[1.0, 0.0]])).isnan().all()
    lengths = torch.tensor([[2, 2]])
    found = pro.loss(torch.tensor([[-INF, -2.0]]), lengths, torch.tensor([[1.0, 1.0]]), sft_weight=0.0)
    assert found.item() == pytest.approx(math.log(2))
    assert pro.loss(torch.tensor([[-2.0, -INF]]), lengths, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(0.1)


def test_grao_has_the_limit_of_an_answer_that_cannot_come() -> None:
    """Linear in the log-probs: -inf counts with the sign of its slope, and not at all with slope 0."""
    logps, gold = torch.tensor([[-1.0, -2.0]]), torch.tensor([-INF])
    advantages = torch.tensor([[1.0, 0.0]])
    found = losses.grao(logps, gold, advantages, torch.tensor([0.6]), beta=0.5, lam=0.6)
    assert found.item() == pytest.approx(0.8)  # slope 0.6 / 2 - 0.5 * 0.6 = 0
    assert losses.grao(logps, gold, advantages, torch.tensor([2.0])).item() == INF
    found = losses.grao(torch.tensor([[-1.0, -INF]]), torch.tensor([0.0]), advantages, torch.tensor([0.0]))
    assert found.item() == pytest.approx(0.8)
    same = torch.tensor([[1.0, 1.0]])
    assert grao.loss(logps, gold, same, torch.tensor([1.0])).item() == 0.0


def test_bins_as_the_official_code_rounds_them() -> None:
    """floor((x - min) / ((max - min) / bins)): 29 is in bin 29, where bins (x - min) / (max - min) gives 28."""
    assert aligndiff.relabel([[0.0], [29.0], [100.0]])[1, 0] == 29
    assert aligndiff.relabel(np.arange(101.0)[:, None])[:, 0].tolist() == [*range(100), 99]


def test_a_weight_for_each_row_of_any_shape() -> None:
    cond, uncond = torch.ones(2, 3, 4), torch.zeros(2, 3, 4)
    found = aligndiff.guide(cond, uncond, weight=torch.tensor([0.5, 2.0]))
    assert found[:, 0, 0].tolist() == [0.5, 2.0]
    assert found[:, 2, 3].tolist() == [0.5, 2.0]


@pytest.mark.parametrize("padding", [math.nan, -INF, INF, 1e308])
def test_padding_does_not_count(padding: float) -> None:
    mask = np.array([[True, False]])
    assert aligndiff.match_area([[0.5, padding]], [[0.5, padding]], mask) == aligndiff.match_area(
        [[0.5, 0.0]], [[0.5, 0.0]], mask
    )
    assert aligndiff.plan([[0.0, padding], [0.3, padding]], [0.4, padding], mask[0]) == 1
    tokens, counts = np.array([[[-0.5, padding]]]), mask[None]
    found = self_reference_feedback.strength(tokens, [[[-1.5, -0.5]]], counts, np.ones((1, 1, 2), bool))
    assert found.tolist() == [0.5]


def test_the_largest_strengths_do_not_overflow() -> None:
    assert aligndiff.plan([[1e308], [-1e308]], [-1e308], [True]) == 1
    assert aligndiff.match_area([[1e308, 1e308]], [[-1e308, 0.0]], [[True, True]]) == 0.0


@pytest.mark.parametrize(("prob", "k"), [(0.7, 3), (0.71, 3), (0.69, 4), (0.9, 1), (0.99999, 1), (1.0, 0), (0.5, 10)])
def test_items_of_a_whole_product(prob: float, k: int) -> None:
    found = skywork_reward_v2.retrieve([prob], [[1.0, 0.0]], np.ones((10, 2)), k_max=10)
    assert found.offsets.tolist() == [0, k]


def test_items_of_every_whole_percentage() -> None:
    percent = np.arange(51, 101)
    found = skywork_reward_v2.retrieve(percent / 100, np.ones((50, 1)), np.ones((100, 1)), k_max=100)
    assert np.diff(found.offsets).tolist() == (100 - percent).tolist()


def test_sources_that_cannot_give_the_response() -> None:
    sources = torch.tensor([[-INF, -INF], [-INF, -1.0], [math.nan, -1.0]])
    found = infifpo.confidence_reference(sources)
    assert found[:2].tolist() == [-INF, -1.0]
    assert found[2].isnan()


def test_ties_are_no_pair_to_train_on() -> None:
    alone = gpm.rank([[0.6, 0.8]])
    assert (alone.score.tolist(), alone.win.tolist(), alone.chosen, alone.rejected) == ([0.0], [0.5], None, None)
    assert gpm.rank([[1.0, 0.0], [1.0, 0.0]])[2:] == (None, None)


def test_a_small_temperature_takes_the_largest_utility() -> None:
    found = utility_probability.decide(torch.tensor([[1e38, -1e38, 3e38]]), torch.eye(3)[None], temperature=1e-30)
    assert found.probability.tolist() == [[0.0, 0.0, 1.0]]
    assert found.mbr.tolist() == [2]


def test_a_column_whose_mean_rounds_is_still_constant() -> None:
    """0.1 ten times has the standard deviation 1.4e-17, by its rounded mean."""
    code = np.column_stack([np.full(10, 0.1), np.arange(10.0)])
    labels = np.arange(10) % 2
    with pytest.raises(RankDeficientError, match=r"code\[:, 0\] must not be the same everywhere"):
        wimhf.features(code, np.zeros((10, 0)), labels)


def test_sums_of_stances_do_not_depend_on_how_they_are_stored() -> None:
    stance = np.array([[[0.1, 0.2, 0.7]]], np.float32) * np.float32(1 + 5e-7)
    want = value_drifts.values(stance).tolist()
    assert value_drifts.values(stance.tolist()).tolist() == want
    assert value_drifts.values(stance.astype(np.float64)).tolist() == want


def test_limits_beyond_int64_and_the_largest_differences() -> None:
    assert preference_dissection.log_difference([2.0**64 - 1], limit=2**64).tolist() == [1.0]
    assert preference_dissection.difference([1e308], limit=1e-10).tolist() == [1.0]


def test_a_target_of_f32_may_be_off_by_rounding() -> None:
    target = torch.full((7,), 1 / 7)
    assert suboptimal_on_policy.mode_seeking(target, torch.zeros(7)).forward.item() == pytest.approx(0.0, abs=1e-6)


def test_sums_of_the_largest_rewards_do_not_overflow() -> None:
    assert rps.select([[[1e308, 1e308], [1.2e308, 1e308]]], [1.0, 1.0]).tolist() == [1]
    assert preference_rankings.idealized_log_ratio([0.0], [1.0], [0.9], beta=1e-320).tolist() == [INF]


def test_squared_loss_of_a_tiny_pull() -> None:
    """The limit of (beta h - (p - 1/2))^2 is (p - 1/2)^2."""
    zero, one = torch.zeros(1), torch.ones(1)
    found = evolve.squared_loss(zero, zero, one, zero, 0.9, beta=1e-30, alpha=1.0)
    assert found.item() == pytest.approx(0.16)

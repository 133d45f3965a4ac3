"""Losses of papers that are one public loss: what the paper adds, and errors."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from prefcore import losses
from prefcore.errors import DomainError, ShapeError
from prefcore.papers import (
    aligndiff,
    dr_sow,
    pref_grpo,
    secrets_of_rlhf,
    self_reference_feedback,
    skywork_reward_v2,
    sphere,
    unpacking_dpo_ppo,
    videocomp,
)

PAIR = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
SCORES = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def equal(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-14)


def test_presets_are_the_public_losses_with_their_constants() -> None:
    equal(sphere.loss(*PAIR, beta=0.3), losses.dpo(*PAIR, beta=0.3))
    equal(unpacking_dpo_ppo.dpo_loss(*PAIR), losses.dpo(*PAIR, beta=0.1))
    equal(dr_sow.loss(*PAIR, beta=2.5, margin=0.4), losses.simpo(*PAIR, beta=2.5, margin=0.4))
    for loss in (skywork_reward_v2.loss, unpacking_dpo_ppo.reward_loss):
        equal(loss(*PAIR), -(PAIR[0] - PAIR[1]).sigmoid().log())


def test_logexp_of_the_official_code_stays_finite() -> None:
    """log(1 + exp(x)) overflows in f32 from 89 on."""
    loss = self_reference_feedback.loss(torch.tensor([0.0]), torch.tensor([200.0]), 0.5)
    assert loss.tolist() == [200.5]


def test_videocomp_does_not_see_the_order_of_the_disrupted_texts() -> None:
    levels, order = (0, 2, 1, 1), [0, 2, 3, 1]
    for loss in (videocomp.loss, videocomp.logistic_loss):
        equal(loss(SCORES, levels), loss(SCORES[:, order], [levels[column] for column in order]))


def test_videocomp_by_its_definition() -> None:
    s, hinge = SCORES, lambda gap: gap.clamp(min=0)
    order = sum(hinge(0.2 - s[:, 0] + s[:, n]) for n in (1, 2, 3)) / 3
    below = (hinge(0.3 - s[:, 2] + s[:, 1]) + hinge(0.3 - s[:, 3] + s[:, 1])) / 2
    got = videocomp.loss(s, (0, 5, 2, 2), order_margin=0.2, hierarchy_margin=0.3, hierarchy_weight=0.5)
    equal(got, order + 0.5 * below)
    equal(videocomp.loss(s, (0, 1, 1, 1), order_margin=0.2), order)
    pairs = [(0, 1), (0, 2), (0, 3), (2, 1), (3, 1)]
    logistic = sum(((s[:, b] - s[:, a]) / 0.4).exp().log1p() for a, b in pairs) / 5
    equal(videocomp.logistic_loss(s, (0, 5, 2, 2), temperature=0.4), logistic)


def test_videocomp_margins_may_differ_by_example() -> None:
    margins = torch.tensor([0.0, 0.1, 5.0], dtype=torch.float64)
    got = videocomp.loss(SCORES, (0, 1, 1, 2), order_margin=margins, hierarchy_margin=margins)
    for row, margin in enumerate(margins.tolist()):
        alone = videocomp.loss(SCORES[row : row + 1], (0, 1, 1, 2), order_margin=margin, hierarchy_margin=margin)
        equal(got[row : row + 1], alone)


def test_log_probs_of_a_step_are_those_of_a_normal_distribution() -> None:
    sample, mean = SCORES.view(3, 2, 2), SCORES.flip(0).view(3, 2, 2)
    std = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    want = torch.distributions.Normal(mean, std.view(3, 1, 1)).log_prob(sample).mean((1, 2))
    equal(pref_grpo.step_logps(sample, mean, std=std), want)
    sample.requires_grad_()
    (log_prob,) = pref_grpo.step_logps(sample[:1], mean[:1].clone().requires_grad_(), std=1.0)
    log_prob.backward()
    assert sample.grad is None


def test_parts_of_the_ppo_loss() -> None:
    """unpacking.ppo: policy and value loss, and their sum; means over the seven tokens that count."""
    mask = torch.tensor([[True, True, True, False], [True, True, True, True]])
    rows: dict[str, list[list[float]]] = {
        "old": [[-1.0, -0.5, -0.2, 0.0], [-0.7, -0.9, -0.1, -0.4]],
        "ref": [[-1.1, -0.6, -0.3, 0.0], [-0.6, -1.2, -0.2, -0.3]],
        "new": [[-0.9, -0.7, -0.2, 0.0], [-0.6, -0.8, -0.4, -0.4]],
        "old_values": [[0.1, 0.2, 0.3, 9.0], [0.0, -0.1, 0.2, 0.4]],
        "values": [[0.3, 0.5, 0.2, 0.0], [0.1, 0.0, 0.5, 0.1]],
    }
    old, ref, new, old_values, values = (torch.tensor(row, dtype=torch.float64) for row in rows.values())
    score, ended = torch.tensor([1.5, 0.7], dtype=torch.float64), torch.tensor([True, False])
    targets = unpacking_dpo_ppo.targets(old, ref, old_values, mask, score, ended)
    policy, total = (
        losses.token_mean(
            unpacking_dpo_ppo.ppo_loss(new - old, values, old_values, targets, mask, value_weight=weight), mask
        ).item()
        for weight in (0.0, 0.1)
    )
    assert policy == pytest.approx(0.0077546922537888386, rel=1e-10)
    assert total == pytest.approx(2.605062521945086, rel=1e-12)
    assert (total - policy) / 0.1 == pytest.approx(25.97307829691297, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: secrets_of_rlhf.contrastive_loss(torch.zeros(2), torch.zeros(2)),
            ShapeError,
            r"first must be \[N, d\] with d > 0, got \[2\]",
        ),
        (
            lambda: videocomp.loss(SCORES, (0, 1, 1)),
            ShapeError,
            r"expected scores \[B, 1 \+ K\] and levels \[1 \+ K\] with K > 0, got \[3, 4\] and 3 levels",
        ),
        (
            lambda: videocomp.loss(SCORES, (1, 1, 2, 3)),
            DomainError,
            r"levels\[0\] must be below all others, got \[1, 1",
        ),
        (lambda: videocomp.loss(SCORES, (0.0, 1.5, 2, 3)), TypeError, r"levels must be whole numbers, got \(0.0, 1.5"),  # type: ignore[arg-type]
        (
            lambda: videocomp.loss(SCORES, (0, 1, 1, 2), hierarchy_weight=-1.0),
            DomainError,
            "hierarchy_weight must be finite and >= 0, got -1.0",
        ),
        (
            lambda: pref_grpo.step_logps(torch.zeros(2), torch.zeros(2), std=1.0),
            ShapeError,
            r"sample must be \[B, ...\] with an element each, got \[2\]",
        ),
        (
            lambda: pref_grpo.step_logps(SCORES, SCORES, std=0.0),
            DomainError,
            "std must be finite and > 0, got 0.0",
        ),
        (
            lambda: aligndiff.guide(SCORES, SCORES, weight=math.inf),
            DomainError,
            "weight must be finite, got inf",
        ),
        (lambda: sphere.loss(*PAIR, beta=0.0), DomainError, "beta must be finite and > 0, got 0.0"),
        (lambda: dr_sow.loss(*PAIR, beta=2.0, margin=math.nan), DomainError, "margin must be finite, got nan"),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()

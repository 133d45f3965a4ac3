"""PAL's new users, RankList, PRO, token weights of SparsePO, decisions: properties and errors, on tensors."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from prefcore import logps, losses, selection, weights
from prefcore.errors import DomainError, ShapeError
from prefcore.papers import (
    curry_dpo,
    follow_up_likelihood,
    pal,
    pro,
    psychocounsel,
    ranklist,
    sparsepo,
    utility_probability,
    worldpm,
)

RNG = torch.Generator().manual_seed(0)
VECTORS = {
    record["id"]: record
    for record in json.loads((Path(__file__).parents[1] / "vectors" / "papers_reports.json").read_text())
}


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=RNG, dtype=torch.float64)


def test_presets_are_the_public_losses_with_their_constants() -> None:
    chosen, rejected = normal(2, 5)
    assert torch.equal(curry_dpo.loss(chosen, rejected, beta=0.3), losses.dpo(chosen, rejected, beta=0.3))
    assert torch.equal(psychocounsel.loss(chosen, rejected), losses.dpo(chosen, rejected, beta=0.1))
    for loss in (psychocounsel.reward_loss, worldpm.loss):
        assert torch.equal(loss(chosen, rejected), losses.bradley_terry(chosen, rejected))


def comparisons(point: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pairs of items, and which of them lies nearer to a point."""
    left, right = normal(2, n, len(point))
    side = ((left - point).norm(dim=1) - (right - point).norm(dim=1)).sign()
    return left, right, side


@pytest.mark.parametrize("group", [0, 1, 2])
def test_a_new_user_is_found_among_the_groups(group: int) -> None:
    prototypes = 2 * torch.eye(3, 4, dtype=torch.float64)
    data = comparisons(prototypes[group], 60)
    fitted = pal.fit_user(prototypes, *data, steps=200, lr=0.1)
    assert fitted.argmax() == group
    assert fitted.softmax(0)[group] > 0.5
    unseen = comparisons(prototypes[group], 500)
    point = pal.users(fitted[None], prototypes).expand(500, -1)
    gap = pal.ideal_point(unseen[1], point) - pal.ideal_point(unseen[0], point)
    assert (gap.sign() == unseen[2]).double().mean() > 0.85


def test_fitting_a_user_changes_nothing_else() -> None:
    prototypes = normal(3, 4).requires_grad_()
    before, (left, right, side) = prototypes.detach().clone(), comparisons(normal(4), 8)
    with torch.no_grad():
        fitted = pal.fit_user(prototypes, left, right, side, steps=5, lr=0.1)
    assert not fitted.requires_grad
    assert prototypes.grad is None
    assert torch.equal(prototypes, before)
    assert torch.equal(fitted, pal.fit_user(prototypes, left, right, side, steps=5, lr=0.1))
    assert pal.fit_user(prototypes, left, right, side, steps=0, lr=0.1).tolist() == [0.0, 0.0, 0.0]


def test_ranklist_thins_a_list_before_or_masks_pairs() -> None:
    """ranklist/min_margin: the greedy list through `selection.thin_by_gap`."""
    record = VECTORS["ranklist/min_margin.module"]
    scores, labels = (torch.tensor(record["inputs"][name][0], dtype=torch.float64) for name in ("scores", "labels"))
    rows = torch.from_numpy(selection.thin_by_gap(labels.numpy(), min_gap=0.5).rows)
    thinned = ranklist.sum_loss(scores[rows][None], labels[rows][None], max_skip=None)
    assert thinned.item() == pytest.approx(1.8899838445835782, rel=1e-12)
    fewer = ranklist.loss(scores[None], labels[None], max_skip=None, min_gap=0.6)
    assert fewer.item() < ranklist.loss(scores[None], labels[None], max_skip=None).item()


def test_ranklist_is_bounded_by_the_sum_and_grows_with_the_skip() -> None:
    scores, labels = normal(4, 7), torch.arange(7).flip(0).expand(4, -1)
    before = torch.zeros(4, dtype=torch.float64)
    for skip in range(1, 7):
        found = ranklist.loss(scores, labels, max_skip=skip, temperature=0.5)
        assert (found <= ranklist.sum_loss(scores, labels, max_skip=skip, temperature=0.5) + 1e-12).all()
        assert (found > before).all()
        before = found
    flat = ranklist.loss(
        scores.flatten(), labels.flatten(), torch.tensor([0, 7, 14, 21, 28]), max_skip=6, temperature=0.5
    )
    torch.testing.assert_close(flat, before, rtol=1e-14, atol=0)


def test_exposure_rises_to_the_longest_skip() -> None:
    skips = [ranklist.skip_at(step, 1000, 7) for step in range(1200)]
    assert skips == sorted(skips)
    assert (skips[0], skips[-1], set(skips)) == (1, 7, set(range(1, 8)))
    with pytest.raises(DomainError, match=r"total must be 1 to .*got 0"):
        ranklist.skip_at(0, 0, 3)
    with pytest.raises(TypeError, match=r"step must be an integer, got 0\.5"):
        ranklist.skip_at(0.5, 10, 3)  # type: ignore[arg-type]


def test_stages_of_pro() -> None:
    """pro/loss: each stage is what its response adds, and the best response counts (n - 1)^2 times the weight."""
    inputs = VECTORS["pro/loss.module"]["inputs"]
    logp, lengths, rewards = (
        torch.tensor(inputs[name], dtype=torch.float64) for name in ("logps", "lengths", "rewards")
    )
    tails = [pro.loss(logp[:, k:], lengths[:, k:], rewards[:, k:], sft_weight=0.0).mean().item() for k in range(4)]
    stages = -np.diff(tails)
    np.testing.assert_allclose(stages, [2.099853553785369, 1.4664010178034963, 0.5846826968414894], rtol=1e-8)
    whole = pro.loss(logp, lengths, rewards).mean().item()
    assert whole - tails[0] == pytest.approx(7.2, rel=1e-12)
    order = torch.tensor([2, 0, 3, 1])
    mixed = pro.loss(logp[:1, order], lengths[:1, order], rewards[:1, order])
    torch.testing.assert_close(mixed, pro.loss(logp[:1], lengths[:1], rewards[:1]), rtol=1e-13, atol=0)


def test_weights_of_several_places_are_averaged() -> None:
    activations, mask = normal(3, 2, 5), torch.ones(2, 5).bool()
    want = sum(weights.mapo(place, mask) for place in activations) / 3
    torch.testing.assert_close(sparsepo.mapo_weights(activations, mask), want, rtol=1e-14, atol=0)


def test_learned_weights_are_those_of_the_head() -> None:
    head, hidden, mask = weights.LearnedMask(4, 2, dropout=0.0), normal(2, 1, 3, 4), torch.tensor([[True, True, False]])
    assert torch.equal(sparsepo.learned_weights(hidden, head, mask), head(hidden, mask))


def test_log_probs_are_not_raw_logits() -> None:
    """flr/logit_vs_logprob: the official code takes 1.5 where the mean log-prob is -0.434."""
    logits = torch.tensor([[[0.5, 1.0, -0.2], [0.1, 0.3, 2.0], [1.5, 0.0, 0.0]]], dtype=torch.float64)
    targets = torch.tensor([[1, 2, 0]])
    raw = logits.gather(2, targets.unsqueeze(2)).mean()
    mean = logps.sequence_logps(logps.token_logps(logits, targets), torch.ones(1, 3).bool()).means
    one, zero = mean.view(1, 1), torch.zeros(1, 1, dtype=torch.float64)
    assert raw.item() == pytest.approx(1.5, rel=1e-15)
    assert follow_up_likelihood.score(one, zero).score.item() == pytest.approx(-0.4339211172418258, rel=1e-12)


def test_the_ordinal_rule_does_not_see_monotone_maps() -> None:
    utility, similarity = normal(6, 5), normal(6, 5, 5)
    found = utility_probability.decide(utility, similarity)
    mapped = utility_probability.decide(utility.exp() ** 3, similarity)
    assert torch.equal(found.argmax, mapped.argmax)
    sharp = utility_probability.decide(utility, torch.eye(5, dtype=torch.float64).expand(6, 5, 5), temperature=0.01)
    assert torch.equal(sharp.mbr, sharp.argmax)
    assert torch.equal(found.probability.argmax(1), found.argmax)


MASK = torch.ones(1, 3).bool()
ITEMS = torch.zeros(2, 3)
ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "places": (
        lambda: sparsepo.mapo_weights(torch.zeros(1, 3), MASK),
        ShapeError,
        r"activations \[H, B, T\] with H > 0 and mask \[B, T\], got \[1, 3\] and \[1, 3\]",
    ),
    "head": (
        lambda: sparsepo.learned_weights(torch.zeros(1, 1, 3, 4), torch.nn.Linear(4, 1), MASK),  # type: ignore[arg-type]
        TypeError,
        r"head must be weights.LearnedMask\(...\), got Linear",
    ),
    "lengths": (
        lambda: pro.loss(-torch.ones(1, 2), torch.tensor([[3, 0]]), torch.zeros(1, 2)),
        DomainError,
        r"lengths\[0, 1\] must be finite and > 0, got 0.0",
    ),
    "weight": (
        lambda: pro.loss(-torch.ones(1, 2), torch.ones(1, 2), torch.zeros(1, 2), sft_weight=-1.0),
        DomainError,
        "sft_weight must be finite and >= 0, got -1.0",
    ),
    "one list": (
        lambda: pro.loss(torch.zeros(3), torch.ones(3), torch.zeros(3)),
        ShapeError,
        r"logps must be \[B, n\] with n > 0, got \[3\]",
    ),
    "steps": (
        lambda: pal.fit_user(ITEMS, ITEMS, ITEMS, torch.ones(2), steps=-1, lr=0.1),
        DomainError,
        r"steps must be 0 to .*got -1",
    ),
    "rate": (
        lambda: pal.fit_user(ITEMS, ITEMS, ITEMS, torch.ones(2), steps=1, lr=0.0),
        DomainError,
        "lr must be finite and > 0, got 0.0",
    ),
    "no comparison": (
        lambda: pal.fit_user(ITEMS, ITEMS[:0], ITEMS[:0], torch.ones(0), steps=1, lr=0.1),
        ShapeError,
        r"left must be \[B, D\] with B > 0, got \[0, 3\]",
    ),
    "prototypes": (
        lambda: pal.fit_user(ITEMS[:, :2], ITEMS, ITEMS, torch.ones(2), steps=1, lr=0.1),
        ShapeError,
        r"prototypes must be \[K, D\] with K > 0 and D = 3, got \[2, 2\]",
    ),
    "side": (
        lambda: pal.fit_user(ITEMS, ITEMS, ITEMS, torch.zeros(2), steps=1, lr=0.1),
        DomainError,
        r"side\[0\] must be 1 or -1, got 0.0",
    ),
    "utility": (
        lambda: utility_probability.decide(torch.tensor([[0.0, math.nan]]), torch.zeros(1, 2, 2)),
        DomainError,
        r"utility\[0, 1\] must be finite, got nan",
    ),
    "similarity": (
        lambda: utility_probability.decide(torch.zeros(1, 2), torch.zeros(2, 2)),
        ShapeError,
        r"utility \[B, K\] and similarity \[B, K, K\] with K > 0, got \[1, 2\] and \[2, 2\]",
    ),
    "margin": (
        lambda: ranklist.loss(ITEMS, ITEMS, max_skip=None, min_gap=-1.0),
        DomainError,
        "min_gap must be finite and >= 0, got -1.0",
    ),
    "skip": (lambda: ranklist.sum_loss(ITEMS, ITEMS, max_skip=0), DomainError, "max_skip must be .*got 0"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_came(name: str) -> None:
    function, error, text = ERRORS[name]
    with pytest.raises(error, match=text):
        function()

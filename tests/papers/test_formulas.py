"""Properties and errors of formulas of single papers and of TDPO and SparsePO (`prefcore.papers`)."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from prefcore import losses, papers, weights
from prefcore.errors import DomainError, ShapeError
from prefcore.logps import paired_token_stats
from prefcore.papers import action_preference, egpo, pal, pisa_sr, secrets_of_rlhf, sparsepo, suboptimal_on_policy, tdpo


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_modules_load_without_torch() -> None:
    names = sorted(file.stem for file in Path(papers.__file__).parent.glob("*.py"))
    lines = ["import sys", "sys.modules['torch'] = None", *(f"import prefcore.papers.{name}" for name in names)]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


def test_ideal_point_at_distance_zero_is_a_maximum_without_nan() -> None:
    items = torch.ones(1, 3, requires_grad=True)
    score = pal.ideal_point(items, torch.ones(1, 3))
    score.sum().backward()
    assert score.item() == 0.0
    assert items.grad.tolist() == [[0.0, 0.0, 0.0]]


def test_smooth_hinge_is_within_half_its_smoothness_of_the_hinge() -> None:
    """0 <= hinge - smooth <= s / 2; equal slopes where the parabola ends."""
    gap = torch.linspace(-10, 3, 400, dtype=torch.float64).requires_grad_()
    smooth = pal.smooth_hinge(gap, torch.zeros_like(gap), smoothness=2.0)
    below = (1 - gap).relu() - smooth
    assert ((below >= 0) & (below <= 1.0)).all()
    (slope,) = torch.autograd.grad(smooth.sum(), gap)
    torch.testing.assert_close(slope, -((1 - gap).relu() / 2).clamp(max=1.0).detach(), rtol=1e-12, atol=1e-12)


def test_smooth_hinge_of_an_impossible_response_has_slope_one() -> None:
    chosen = f64(-torch.inf, 0.0).requires_grad_()
    loss = pal.smooth_hinge(chosen, torch.zeros(2, dtype=torch.float64))
    (slope,) = torch.autograd.grad(loss.sum(), chosen)
    assert loss.tolist() == [torch.inf, 0.1]
    assert slope.tolist() == [-1.0, -0.2]


def test_meta_difference_does_not_see_order_or_origin() -> None:
    scores = torch.randn(3, 5, dtype=torch.float64)
    want = secrets_of_rlhf.meta_difference(scores)
    torch.testing.assert_close(secrets_of_rlhf.meta_difference(7.0 - scores.flip(1)), want, rtol=1e-13, atol=0)
    assert secrets_of_rlhf.meta_difference(torch.ones(2, 1)).tolist() == [0.0, 0.0]


def test_meta_step() -> None:
    """secrets2.metarm_step_linear: loss at theta' and the new weights."""
    w = nn.Parameter(f64(0.5, -0.2))
    scores = f64(1.0, 0.0, 0.0, 1.0, 1.0, 1.0).view(3, 2)
    chosen, rejected = f64(1.0, 2.0, 0.5, -1.0).view(2, 2), f64(0.0, 1.0, 1.0, 1.0).view(2, 2)
    value = secrets_of_rlhf.meta_step(
        torch.optim.SGD([w], lr=0.05),
        lambda: secrets_of_rlhf.meta_difference((scores @ w).unsqueeze(0)).mean(),
        lambda: losses.dpo(chosen @ w, rejected @ w, beta=1.0).mean(),
        lr=0.1,
    )
    torch.testing.assert_close(value.item(), 0.5840811048548604, rtol=1e-12, atol=0)
    torch.testing.assert_close(w.detach(), f64(0.5049075157887516, -0.21229184631087644), rtol=1e-12, atol=0)


def splitmix64(seed: int, k: int) -> int:
    z, mask = seed + k * 0x9E3779B97F4A7C15, 2**64 - 1
    z = ((z & mask) ^ (z & mask) >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


def uniform_game(n: int, seed: int) -> Tensor:
    """P_ij + P_ji = 1, a draw of 20 bits for each pair."""
    game = torch.full((n, n), 0.5, dtype=torch.float64)
    for k, (i, j) in enumerate(zip(*torch.triu_indices(n, n, 1).tolist(), strict=True), 1):
        game[i, j] = (splitmix64(seed, k) >> 44) / 2**20
        game[j, i] = 1 - game[i, j]
    return game


TABULAR = {
    "nash_losses/egpo_tabular_step": {
        "game": uniform_game(5, 5),
        "theta": [-0.947265625, 0.830078125, 0.0498046875, 0.3017578125, -0.81982421875],
        "ref": [0.5625, 0.87158203125, -0.84716796875, 0.3447265625, 0.6650390625],
        "lr": 0.05,
        "half": [
            -0.8145956352455407,
            0.9257967135604916,
            0.16822155741228467,
            0.44408552914964616,
            -0.7235081648768819,
        ],
        "next": [
            -0.8145648051032525,
            0.9252714442153205,
            0.16733226332232426,
            0.44392034233570893,
            -0.7219592447701012,
        ],
        "steps": 1,
    },
    "egpo.tabular_extragradient": {
        "game": f64(0.5, 0.9, 0.2, 0.1, 0.5, 0.7, 0.8, 0.3, 0.5).view(3, 3),
        "theta": [0.2, -0.1, 0.0],
        "ref": [0.2, -0.1, 0.0],
        "lr": 0.1,
        "half": [0.0898822744261352, -0.38312879413236356, 0.39324651970622837],
        "next": [0.07951536432719541, -0.36947783307119564, 0.3899624687440002],
        "steps": 5,
    },
}


@pytest.mark.parametrize("record", TABULAR.values(), ids=TABULAR)
def test_egpo_on_a_table(record: dict[str, Any]) -> None:
    """Half-way and next parameters of the last step; centered where the vector is, the policy does not see it."""
    theta, ref = nn.Parameter(f64(*record["theta"])), f64(*record["ref"]).log_softmax(0)
    half, win_rate = [], []

    def refresh() -> None:
        half.append(theta.detach().clone())
        win_rate.append(record["game"] @ half[-1].softmax(0))

    def loss() -> Tensor:
        """Mean over all pairs of (log-ratio difference - difference of win rates / beta)^2."""
        target = theta.log_softmax(0) - ref - win_rate[-1] / 0.1
        return (target.unsqueeze(1) - target).square().mean()

    for _ in range(record["steps"]):
        refresh()
        egpo.extragradient_step(torch.optim.SGD([theta], lr=record["lr"]), loss, refresh)
    got, want = torch.stack([half[-1], theta.detach()]), torch.stack([f64(*record["half"]), f64(*record["next"])])
    torch.testing.assert_close(got - got.mean(1, keepdim=True), want - want.mean(1, keepdim=True), rtol=0, atol=1e-10)


def test_best_of_n_of_two_is_a_pair() -> None:
    """-logp of the better + beta logp of the worse."""
    logps, rewards = torch.randn(2, 6, 2)
    better = rewards.argmax(1, keepdim=True)
    want = -logps.gather(1, better) + 0.5 * logps.gather(1, 1 - better)
    torch.testing.assert_close(suboptimal_on_policy.best_of_n_loss(logps, rewards, beta=0.5), want.squeeze(1))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64, torch.float16])
def test_best_of_n_takes_rewards_of_any_dtype(dtype: torch.dtype) -> None:
    """Zero is the worst: the negative of an unsigned reward would wrap around."""
    logps = f64(-1.0, -2.0, -3.0).view(1, 3)
    loss = suboptimal_on_policy.best_of_n_loss(logps, torch.tensor([[1, 0, 1]]).to(dtype), beta=0.5)
    assert loss.tolist() == [1.0 + 0.5 * -2.0]


def test_best_of_n_does_not_see_what_has_no_weight() -> None:
    """An impossible sample in the middle; as the best it costs infinitely much, and NaN shows anywhere."""
    rewards = f64(1.0, 0.5, 0.0).view(1, 3)
    logps = f64(-1.0, -torch.inf, -3.0).view(1, 3).requires_grad_()
    loss = suboptimal_on_policy.best_of_n_loss(logps, rewards, beta=0.5)
    assert loss.tolist() == [1.0 + 0.5 * -3.0]
    assert torch.autograd.grad(loss.sum(), logps)[0].tolist() == [[-1.0, 0.0, 0.5]]
    best = suboptimal_on_policy.best_of_n_loss(logps.detach().roll(-1, 1), rewards, beta=0.0)
    assert best.tolist() == [torch.inf]
    assert suboptimal_on_policy.best_of_n_loss(f64(-1.0, torch.nan, -3.0).view(1, 3), rewards, beta=0.5).isnan().all()


def test_mode_seeking_with_a_masked_logit() -> None:
    """q = (1/2, 1/2, 0): the divergence that covers is infinite, the others are those of two equal ones."""
    target = f64(0.25, 0.25, 0.5)
    got = suboptimal_on_policy.mode_seeking(target, f64(1.0, 1.0, -torch.inf))
    assert got.forward == torch.inf
    torch.testing.assert_close(torch.stack([got.reverse, got.entropy]), f64(2.0, 2.0).log(), rtol=1e-14, atol=0)
    torch.testing.assert_close(got.reverse_grad, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-15)


def test_score_distillation_is_a_pull_to_a_fixed_target() -> None:
    """mean (latent - stop(latent - g))^2, as the official code writes it."""
    latent, real, fake = torch.randn(3, 2, 4, 3, dtype=torch.float64)
    grads = []
    for by_target in (False, True):
        x = latent.clone().requires_grad_()
        if by_target:
            g = (fake - real) / (latent - real).abs().mean((1, 2), keepdim=True)
            loss = (x - (latent - g)).square().mean((1, 2))
        else:
            loss = pisa_sr.csd_loss(x, real, fake)
        grads.append((loss.detach(), torch.autograd.grad(loss.sum(), x)[0]))
    for got, want in zip(*grads, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12)


def test_action_preference_total() -> None:
    """apo_vla/loss, total: the weighted losses of both kinds, added up."""
    desirable = f64(0.1, 0.1, 0.0, 0.05, -0.2, 0.1).view(2, 3)
    undesirable, mismatched = f64(-0.1, 0.05, 0.1).view(1, 3), f64(-0.2, 0.1, -0.1, 0.2, -0.5, -0.1, 0.1, -0.1, -0.1)
    masks = [torch.ones(rows, 3, dtype=torch.bool) for rows in (2, 1, 3)]
    parts = action_preference.loss(desirable, undesirable, mismatched.view(3, 3), *masks)
    good = action_preference.desirable_weights(f64(0.12, 0.03))
    bad = action_preference.undesirable_weights(f64(0.2))
    total = (good * parts.desirable).sum() + (bad * parts.undesirable).sum()
    torch.testing.assert_close(total.item(), 0.5459567807667415, rtol=1e-12, atol=0)


def test_action_weights_turn_around() -> None:
    """The worst action counts most if it is to be learned, least if it is to be avoided; all right: a fair share."""
    error = torch.tensor([0.0, 0.1, 0.5])
    assert (action_preference.desirable_weights(error).diff() > 0).all()
    assert (action_preference.undesirable_weights(error).diff() < 0).all()
    assert action_preference.desirable_weights(torch.zeros(2)).isfinite().all()


def statistics() -> tuple[list[object], list[Tensor]]:
    logits, ref = torch.randn(2, 2, 2, 5, 7, dtype=torch.float64)
    targets = torch.randint(0, 7, (2, 2, 5))
    masks = [torch.rand(2, 5) > 0.2 for _ in range(2)]
    for mask in masks:
        mask[:, 2] = True
    return [paired_token_stats(*given) for given in zip(logits, ref, targets, strict=True)], masks


def test_sparsepo_with_full_masks_is_tdpo1() -> None:
    stats, masks = statistics()
    ones = [mask.double() for mask in masks]
    got = sparsepo.loss(*stats, *masks, *ones, *ones, beta=0.3, l1=0.0, kl_l1=0.0)
    torch.testing.assert_close(got, tdpo.first_loss(*stats, *masks, beta=0.3), rtol=1e-12, atol=0)


def test_sparsepo_common_counts_its_norm_once() -> None:
    stats, masks = statistics()
    both = [torch.rand(2, 5, dtype=torch.float64) for _ in range(2)]
    free = sparsepo.common_loss(*stats, *masks, *both, l1=0.0)
    norm = sum(weights.mask_sparsity(weight, mask).l1 for weight, mask in zip(both, masks, strict=True))
    got = sparsepo.common_loss(*stats, *masks, *both, l1=0.25)
    torch.testing.assert_close(got, free + 0.25 * norm, rtol=1e-12, atol=0)


@pytest.mark.parametrize("lr", [0.0, float("nan"), -1.0, "a"])
def test_meta_step_refuses_a_step_size_before_it_differentiates(lr: object) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(f64(1.0))], lr=0.1)
    with pytest.raises((DomainError, TypeError), match="lr must be"):
        secrets_of_rlhf.meta_step(optimizer, lambda: 1 / 0, lambda: 1 / 0, lr=lr)


SOME = torch.tensor([[True, True], [True, False]])
EMPTY = torch.tensor([[True, True], [False, False]])


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: pal.ideal_point(torch.zeros(2), torch.zeros(2)), ShapeError, r"items must be \[B, D\], got \[2\]"),
        (lambda: secrets_of_rlhf.meta_difference(torch.zeros(2, 0)), ShapeError, r"with k > 0, got \[2, 0\]"),
        (
            lambda: pisa_sr.csd_loss(torch.ones(1, 2), torch.ones(1, 2), torch.zeros(1, 2)),
            DomainError,
            r"mean distance of latent and real\[0, 0\] must be finite and > 0, got 0.0",
        ),
        (
            lambda: action_preference.undesirable_weights(f64(0.1, -0.1)),
            DomainError,
            r"error\[1\] must be finite and >= 0, got -0.1",
        ),
        (
            lambda: suboptimal_on_policy.best_of_n_loss(torch.zeros(1, 2), f64(1.0, float("nan")).view(1, 2), beta=0.1),
            DomainError,
            r"rewards\[0, 1\] must be finite, got nan",
        ),
        (
            lambda: tdpo.loss(*statistics()[0][:1], statistics()[0][1]._replace(kl_ref_policy=None), *statistics()[1]),
            DomainError,
            "rejected must hold logps, ref_logps and kl_ref_policy: name them in outputs=",
        ),
        (
            lambda: tdpo.loss(statistics()[0][0], torch.zeros(2, 5), *statistics()[1]),
            TypeError,
            r"rejected must be PairedTokenStats\(...\), got Tensor",
        ),
        (
            lambda: tdpo.loss(*statistics()[0], torch.ones(2, 5).bool(), torch.zeros(2, 5).bool()),
            DomainError,
            r"^rejected_mask: row 0 has no counted token \(2 of 2 rows\), expected at least 1$",
        ),
        (
            lambda: action_preference.loss(*[torch.zeros(2, 2)] * 3, SOME, SOME, SOME),
            DomainError,
            "undesirable_mask without its last token: row 1 has no counted token",
        ),
        (
            lambda: action_preference.loss(*[torch.zeros(2, 2)] * 3, EMPTY, ~EMPTY, ~EMPTY),
            DomainError,
            "desirable_mask: row 1 has no counted token",
        ),
        (
            lambda: action_preference.loss(
                *[torch.zeros(2, 2)] * 2, torch.zeros(0, 2), SOME | True, SOME | True, SOME[:0]
            ),
            ShapeError,
            r"mismatched must be \[M, T\] with M > 0, got \[0, 2\]",
        ),
        (lambda: pisa_sr.csd_loss(*[torch.ones(2)] * 3), ShapeError, r"latent must be \[B, ...\] .*, got \[2\]"),
        (lambda: pisa_sr.csd_loss(*[torch.tensor(1.0)] * 3), ShapeError, r"latent must be \[B, ...\] .*, got \[\]"),
        (
            lambda: suboptimal_on_policy.best_of_n_loss(
                torch.zeros(1, 2), torch.zeros(1, 2), beta=0.1, negative_weights=f64(1.0, float("nan")).view(1, 2)
            ),
            DomainError,
            r"negative_weights\[0, 1\] must be finite, got nan",
        ),
        (
            lambda: pal.model_b_loss(*[torch.ones(2)] * 3, torch.ones(2), scale=1.0),
            ShapeError,
            r"expected left \[B, ...\] and side \[B\], got \[2\] and \[2\]",
        ),
    ],
)
def test_errors(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()

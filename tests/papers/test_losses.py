"""Properties of the losses of papers over the public functions; vectors are tested elsewhere."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import grad

from functions.cases import paper_losses, paper_presets
from functions.function_case import FunctionCase
from prefcore import losses
from prefcore.errors import DomainError
from prefcore.papers import (
    aligndiff,
    delta_learning,
    dpo_3d,
    dr_sow,
    egpo,
    evolve,
    follow_up_likelihood,
    fusechat3,
    gpm,
    grao,
    infifpo,
    mapl,
    mcts_dpo,
    medical_rpo,
    omnidpo,
    osp,
    pal,
    pref_grpo,
    preference_rankings,
    rationales,
    secrets_of_rlhf,
    suboptimal_on_policy,
    unpacking_dpo_ppo,
    weak_to_strong_deception,
    wimhf,
)

LOG2 = math.log(2.0)
#: not one value a row, or inputs that count only in part
OTHERS = (
    "secrets_of_rlhf.contrastive_loss",
    "pal.users",
    "pal.token_loss",
    "pal.last_token_loss",
    "wimhf.sae",
    "infifpo.reference",
    "unpacking_dpo_ppo.targets",
)
CASES = paper_losses.CASES | paper_presets.CASES
ROWS = {key: case for key, case in CASES.items() if key not in OTHERS and case.any_size}


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def equal(got: Tensor, want: Tensor | float) -> None:
    torch.testing.assert_close(got, torch.as_tensor(want, dtype=got.dtype).expand_as(got), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        pytest.param(case, name, id=f"{key}-{name}")
        for key, case in ROWS.items()
        for name in case.any_size
        if not (key == "gpm.gpo_loss" and name == "score")  # refused, as every preference
        and name != "advantages"  # refused, as by losses.ppo_clip
        and key != "pref_grpo.advantages"  # a group
    ],
)
def test_nan_stays_in_its_row(case: FunctionCase, name: str) -> None:
    inputs = {key: value.clone() for key, value in case.inputs.items()}
    inputs[name].view(len(inputs[name]), -1)[0, 0] = math.nan
    result = case.function(**inputs, **case.params)
    assert result.view(len(result), -1).isnan().any(1).tolist() == [True, *[False] * (len(result) - 1)]


def test_osp_is_lowest_at_its_probability() -> None:
    """There it is the entropy; a swap of the sides is a swap of the label."""
    prob = f64(0.5, 0.6, 0.9, 0.99)
    gap = (prob.logit() / 0.3).requires_grad_()
    loss = osp.loss(gap, torch.zeros(4, dtype=torch.float64), prob, beta=0.3)
    equal(loss.detach(), torch.distributions.Bernoulli(prob).entropy())
    torch.testing.assert_close(grad(loss.sum(), gap)[0], torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-15)
    chosen, rejected = draw(2, 4)
    equal(osp.loss(chosen, rejected, prob), osp.loss(rejected, chosen, 1 - prob))


def test_omnidpo_without_a_modality_is_the_rest() -> None:
    chosen, rejected, noised = draw(3, 4)
    blind = omnidpo.loss(chosen, rejected, noised, chosen, video_weight=0.0)
    equal(blind, losses.dpo(chosen, rejected) + LOG2)


def test_rationale_of_the_official_code_has_between_half_and_all_of_the_gradient() -> None:
    """-gamma sigmoid(-gamma r) beside -gamma."""
    rationale = f64(-1e-3, -30.0, -1e3, -1e6).requires_grad_()
    zero = torch.zeros(4, dtype=torch.float64)
    slopes = [
        grad(function(zero, zero, rationale, gamma=0.01).sum(), rationale)[0]
        for function in (rationales.rdpo_code_loss, rationales.rdpo_loss)
    ]
    share = slopes[0] / slopes[1]
    assert (share.diff() > 0).all()
    torch.testing.assert_close(share[[0, -1]], f64(0.5, 1.0), rtol=0, atol=1e-5)


def test_evolve_between_its_terms() -> None:
    direct, refine = draw(2, 3), draw(2, 3)
    equal(evolve.loss(*direct, *refine, alpha=0.0, beta=0.3), losses.dpo(*direct, beta=0.3))
    equal(evolve.loss(*direct, *refine, alpha=1.0, beta=0.3), losses.dpo(*refine, beta=0.3))
    prob = 0.5 + 0.3 * (refine[0] - refine[1]).clamp(-1, 1)
    settled = refine[1] + (prob - 0.5) / 0.3
    equal(evolve.squared_loss(*direct, settled, refine[1], prob, alpha=1.0, beta=0.3), 0.0)


def test_evolve_of_an_impossible_response_is_infinite() -> None:
    """`torch.lerp` would make inf - inf of it."""
    impossible, zero = f64(-math.inf), f64(0.0)
    assert evolve.loss(impossible, zero, zero, zero, alpha=0.3).item() == math.inf
    assert evolve.squared_loss(impossible, zero, zero, zero, 0.5, alpha=0.3).item() == math.inf


@pytest.mark.parametrize(
    "function",
    [
        osp.loss,
        aligndiff.loss,
        lambda x, y, p: secrets_of_rlhf.loss(x, y, 0.0, p),
        lambda x, y, p: egpo.loss(x, y, p, 1),
    ],
)
def test_a_half_type_probability_is_not_rounded_further(function: Callable[..., Tensor]) -> None:
    """1 - 0.001 is 1 in bf16."""
    prob = torch.tensor([0.001], dtype=torch.bfloat16)
    assert torch.equal(function(f64(3.0), f64(1.0), prob), function(f64(3.0), f64(1.0), prob.double()))


def test_mapl_asks_strong_pairs_for_more_than_weak_ones() -> None:
    """Equal margins cost log 2; a rise of the weak margin costs more."""
    zero = torch.zeros(2, dtype=torch.float64)
    weak = f64(0.0, 1.0).requires_grad_()
    loss = mapl.loss(f64(0.0, 1.0), zero, weak, zero, zero, zero, intra_weight=0.0)
    equal(loss.detach() - losses.bradley_terry(f64(0.0, 1.0), zero), LOG2)
    equal(grad(loss.sum(), weak)[0], 0.5)


def test_conflict_pays_for_wrong_answers_only() -> None:
    logits = f64(2.0, 2.0, -2.0, -2.0).requires_grad_()
    truth = torch.tensor([True, False, False, True])
    weak = torch.full((4,), 0.5, dtype=torch.float64)
    free, paid = (weak_to_strong_deception.reward_loss(logits, weak, truth, alpha=alpha) for alpha in (0.0, 1.0))
    extra = paid - free
    equal(extra[[0, 2]].detach(), 0.0)
    slope = grad(extra.sum(), logits)[0]
    assert slope[1] < 0 < slope[3]  # away from the truth: the wrong answer grows more certain
    certain = f64(math.inf, -math.inf)
    assert weak_to_strong_deception.reward_loss(certain, f64(1.0, 0.0), certain > 0).tolist() == [0.0, 0.0]


def test_reversed_losses_reinforce_what_people_rejected() -> None:
    """Without a conflict they are plain; with one the extra slope leads away from the truth."""
    chosen, rejected = draw(2, 4).requires_grad_()
    none, all_of_them = torch.zeros(4).bool(), torch.ones(4).bool()
    truth = torch.tensor([True, False, True, False])
    dpo, simpo = weak_to_strong_deception.reverse_dpo_loss, weak_to_strong_deception.reverse_simpo_loss
    equal(dpo(chosen, rejected, none, truth).detach(), losses.dpo(chosen, rejected).detach())
    plain = losses.simpo(chosen, rejected, beta=2.0, margin=1.0)
    equal(simpo(chosen, rejected, none, truth).detach(), plain.detach())
    for function in (dpo, simpo):
        extra = function(chosen, rejected, all_of_them, truth) - function(chosen, rejected, none, truth)
        assert torch.equal(grad(extra.sum(), chosen)[0] > 0, truth)


def model_b(left: Tensor, right: Tensor, user: Tensor, side: Tensor) -> Tensor:
    return pal.model_b_loss(left, right, user, side, scale=10.0)


@pytest.mark.parametrize("function", [pal.loss, pal.logistic_loss, pal.smooth_loss, model_b])
def test_pal_does_not_see_left_and_right(function: Callable[..., Tensor]) -> None:
    left, right, user = draw(3, 5, 4)
    side = torch.tensor([1, -1, 1, 1, -1])
    equal(function(left, right, user, side), function(right, left, user, -side))


def test_pal_model_b_does_not_see_lengths() -> None:
    """A zero vector has cosine 0 and a finite gradient."""
    left, right, user = draw(3, 5, 4)
    side = torch.ones(5)
    equal(model_b(left, right, user, side), model_b(3 * left, 1e-3 * right, 1e3 * user, side))
    zero = torch.zeros(1, 4, requires_grad=True)
    loss = model_b(zero, zero.detach(), torch.ones(1, 4), torch.ones(1))
    assert loss.item() == pytest.approx(LOG2)
    assert grad(loss.sum(), zero)[0].isfinite().all()


def test_pal_token_losses_see_what_lies_between_start_and_end() -> None:
    gaps = torch.full((2, 5), 0.25, dtype=torch.float64)
    gaps[:, 0], gaps[:, 4] = math.nan, math.inf
    place = torch.tensor([1, 2]), torch.tensor([4, 3])
    for function in (pal.token_loss, pal.last_token_loss):
        equal(function(gaps, torch.tensor([1, -1]), *place), f64(0.75, 1.25))


def test_infifpo_of_sources_that_find_a_response_impossible() -> None:
    """Nothing beside others; where pivot and a source agree that it is, another source is farther."""
    sources = f64(-math.inf, -1.0).view(1, 2)
    assert infifpo.confidence_reference(sources).tolist() == [-1.0]
    assert infifpo.max_margin_reference(sources, f64(-math.inf)).tolist() == [-1.0]
    assert infifpo.max_margin_reference(sources, f64(-2.0)).tolist() == [-1.0]


def test_infifpo_of_sources_that_equal_the_pivot_is_dpo() -> None:
    chosen, rejected, init_chosen, init_rejected = -draw(4, 3).abs()
    sources = (init.unsqueeze(1).expand(3, 2) for init in (init_chosen, init_rejected))
    fused = infifpo.reference(*sources, init_chosen, init_rejected)
    equal(
        infifpo.loss(chosen, rejected, fused, beta=0.7),
        losses.dpo(chosen - init_chosen, rejected - init_rejected, beta=0.7),
    )


def test_infifpo_sources_teach_only_in_the_right_direction() -> None:
    """A chosen response is never less likely in the reference than under the pivot, a rejected one never more."""
    chosen, rejected = -draw(2, 50, 4).abs()
    init = -draw(2, 50).abs()
    fused = infifpo.reference(chosen, rejected, *init)
    assert (fused.chosen >= init[0]).all()
    assert (fused.rejected <= init[1]).all()
    assert not fused.chosen.requires_grad


def test_infifpo_max_margin_of_improbable_responses() -> None:
    """Sums over long responses, whose probabilities are 0 in f32."""
    sources = torch.tensor([[-500.0, -400.0, -450.0]])
    assert infifpo.max_margin_reference(sources, torch.tensor([-450.0])).tolist() == [-400.0]
    assert infifpo.max_margin_reference(sources, torch.tensor([-400.0])).tolist() == [-500.0]
    assert infifpo.max_margin_reference(sources, torch.tensor([math.nan])).isnan().all()


@pytest.mark.parametrize(("function", "beta"), [(fusechat3.loss, 10.0), (delta_learning.loss, 5.0)])
def test_length_normalized_dpo_of_equal_lengths_is_dpo(function: Callable[..., Tensor], beta: float) -> None:
    chosen, rejected = draw(2, 3, 8)
    mask = torch.arange(8).expand(3, 8) < 5
    want = losses.dpo(chosen[:, :5].sum(1), rejected[:, :5].sum(1), beta=beta / 5)
    equal(function(chosen, rejected, mask, mask), want)
    equal(function(chosen, rejected[:, :5], mask, mask[:, :5]), want)


def test_flex_dpo_of_equal_strengths_is_dpo() -> None:
    chosen, rejected = draw(2, 4)
    equal(
        dpo_3d.flex_loss(chosen, rejected, beta_chosen=0.3, beta_rejected=0.3),
        losses.dpo(chosen, rejected, beta=0.3),
    )


def test_probability_gradients_are_those_of_autograd() -> None:
    chosen, rejected = (torch.rand(2, 4, dtype=torch.float64) * 0.9 + 0.05).requires_grad_()
    ref_chosen, ref_rejected = torch.rand(2, 4, dtype=torch.float64) + 0.1
    ratios = (chosen / ref_chosen).log(), (rejected / ref_rejected).log()
    want = grad(losses.dpo(*ratios, beta=0.4).sum(), (chosen, rejected))
    got = dpo_3d.probability_gradients(*ratios, chosen.log(), rejected.log(), beta=0.4)
    equal(got.chosen, want[0])
    equal(got.rejected, want[1])


@pytest.mark.parametrize(
    ("official", "stable", "end"),
    [
        (secrets_of_rlhf.code_loss, losses.bradley_terry, -math.log(1e-5)),
        (lambda c, r: aligndiff.code_loss(c, r, 1.0), lambda c, r: aligndiff.loss(c, r, 1.0), -math.log(1e-8)),
    ],
    ids=["secrets", "aligndiff"],
)
def test_official_losses_with_a_constant_in_the_log_end(
    official: Callable[..., Tensor], stable: Callable[..., Tensor], end: float
) -> None:
    """Near the stable form for likely pairs; bounded and without gradient for badly wrong ones."""
    gap = f64(3.0, 0.0, -60.0).requires_grad_()
    values = [function(gap, torch.zeros(3, dtype=torch.float64)) for function in (official, stable)]
    torch.testing.assert_close(values[0][:2], values[1][:2], rtol=0, atol=3e-5)
    assert values[0][2].item() == pytest.approx(end)
    slopes = [grad(value.sum(), gap)[0][2].item() for value in values]
    assert abs(slopes[0]) < 1e-15
    assert slopes[1] == pytest.approx(-1.0)


def test_follow_ups_that_are_missing_are_left_out_on_request() -> None:
    positive = f64(-1.0, math.nan, -2.0, -4.0).view(2, 2)
    negative = f64(-3.0, -5.0).view(2, 1)
    result = follow_up_likelihood.score(positive, negative, nan="omit")
    assert result.per_dimension.tolist() == [2.0, 2.0]
    assert result.score.item() == 2.0
    assert follow_up_likelihood.score(positive[:1, 1:], negative[:1], nan="omit").score.isnan()
    with pytest.raises(DomainError, match=r"positive\[0, 1\] must be finite, got nan"):
        follow_up_likelihood.score(positive, negative)


def test_policy_ranks_right_just_where_its_loss_is_below_the_difficulty() -> None:
    """Theorem 4.1 of Chen et al. 2024."""
    logps = 5 * draw(4, 1000)
    loss = preference_rankings.loss(*logps, beta=0.3)
    difficulty = preference_rankings.difficulty(*logps[2:], beta=0.3)
    assert torch.equal(loss <= difficulty, logps[0] >= logps[1])


def test_dpo_gamma_without_reference() -> None:
    chosen, rejected, *reference = draw(4, 5)
    equal(preference_rankings.loss(chosen, rejected, *reference, gamma=0.0), losses.dpo(chosen, rejected))


def test_visits_soften_labels_up_to_one_half() -> None:
    """Never visited: sure. The worse step visited more: the loss does not see which is which."""
    chosen, rejected = draw(2, 3)
    none, few, many = torch.zeros(3), torch.full((3,), 2), torch.full((3,), 9)
    equal(mcts_dpo.loss(chosen, rejected, none, none), losses.dpo(chosen, rejected))
    equal(mcts_dpo.loss(chosen, rejected, few, many), mcts_dpo.loss(rejected, chosen, few, many))
    equal(mcts_dpo.loss(chosen, rejected, many, few), losses.dpo(chosen, rejected, label_smoothing=2 / 11))


def test_density_ratio_of_a_model_to_itself_is_0() -> None:
    logps, mask = draw(3, 4), torch.tensor([[True, True, False, True], [True] * 4, [False] * 4])
    same = dr_sow.reward(logps, logps, mask, mask)
    assert same.sums.tolist() == [0.0, 0.0, 0.0]
    longer = dr_sow.reward(logps, logps[:, :2], mask, mask[:, :2])
    equal(longer.averages * torch.tensor([3, 4, 1]), longer.sums)


def test_gradients_of_mode_seeking_are_those_of_autograd() -> None:
    target, logits = draw(3, 5).softmax(-1), draw(3, 5).requires_grad_()
    log_q = logits.log_softmax(-1)
    got = suboptimal_on_policy.mode_seeking(target, logits)
    for value, slope, want in (
        (got.forward, got.forward_grad, (target * (target.log() - log_q)).sum(-1)),
        (got.reverse, got.reverse_grad, (log_q.exp() * (log_q - target.log())).sum(-1)),
    ):
        equal(value, want.detach())
        equal(slope, grad(want.sum(), logits, retain_graph=True)[0])


def test_gpo_is_0_where_ratios_are_scores_over_beta() -> None:
    score = draw(3, 2)
    equal(gpm.gpo_loss(score / 0.4, score, beta=0.4), 0.0)
    ratio = draw(3, 2)
    both = losses.sppo(ratio[:, 0], score[:, 0], beta=0.4) + losses.sppo(ratio[:, 1], score[:, 1], beta=0.4)
    equal(gpm.gpo_loss(ratio, score, beta=0.4), both / 2)


def test_gpm_of_a_cycle_is_as_sure_each_way_round() -> None:
    """gpm/cycle: rock, scissors and paper at 120 degrees; no scores of single responses can say so."""
    turn = torch.arange(3, dtype=torch.float64) * (2 * math.pi / 3)
    three = torch.stack([turn.cos(), turn.sin()], 1)
    prob = (-gpm.loss(three, three.roll(-1, 0), temperature=1.0)).exp()
    torch.testing.assert_close(prob, torch.full((3,), 0.7039179947206429, dtype=torch.float64), rtol=1e-12, atol=0)
    equal((-gpm.loss(three.roll(-1, 0), three, temperature=1.0)).exp(), 1 - prob)


def test_ppo_ignores_padding() -> None:
    """A response that does not end has the fixed score, whatever the reward model says."""
    given = draw(3, 2, 5)
    mask = torch.arange(5) < torch.tensor([[3], [5]])
    score, ended = f64(1.0, 7.0), torch.tensor([True, False])
    want = unpacking_dpo_ppo.targets(*given, mask, score, ended)
    noisy = given.where(mask, math.nan)
    got = unpacking_dpo_ppo.targets(*noisy, mask, f64(1.0, -3.0), ended)
    assert torch.equal(got.advantages, want.advantages)
    assert torch.equal(got.returns.where(mask, 0.0), want.returns.where(mask, 0.0))
    steps = draw(3, 2, 5)
    loss = unpacking_dpo_ppo.ppo_loss(*steps, want, mask)
    assert torch.equal(unpacking_dpo_ppo.ppo_loss(*steps.where(mask, math.nan), got, mask), loss)
    assert (loss[~mask] == 0).all()


def test_grao_of_equal_rewards_teaches_nothing() -> None:
    logps, gold = -draw(2, 3).abs().requires_grad_(), -draw(2).abs()
    loss = grao.loss(logps, gold, torch.ones(2, 3).double(), torch.ones(2).double())
    equal(loss.detach(), 0.0)
    equal(grad(loss.sum(), logps)[0], 0.0)


def test_pref_grpo_bounds_advantages() -> None:
    """One image of 40 that wins everything has 6.2 standard deviations; a group of one has none."""
    rates = torch.tensor([1.0] + [0.0] * 39 + [0.3])
    offsets = torch.tensor([0, 40, 41])
    free = pref_grpo.advantages(rates, rates, offsets, limit=100.0)
    assert free[0] > 6
    assert pref_grpo.advantages(rates, rates, offsets)[0] == 5.0
    assert free[40] == 0.0


def test_egpo_does_not_see_which_sample_is_first() -> None:
    first, second = draw(2, 4)
    prefs = torch.rand(2, 4, dtype=torch.float64)
    equal(egpo.loss(first, second, *prefs), egpo.loss(second, first, *prefs.flip(0)))
    settled = second + (prefs[0] - prefs[1]) / 0.1
    torch.testing.assert_close(egpo.loss(settled, second, *prefs), torch.zeros(4).double(), rtol=0, atol=1e-25)


def test_sae_keeps_k_features_a_row_on_average() -> None:
    """Both signs; all features of an orthonormal basis give the input back, the first of them a part of it."""
    x = draw(6, 4)
    basis = torch.linalg.qr(draw(4, 4))[0]
    parameters = wimhf.SAE(basis.T, basis, x.mean(0), torch.zeros(4, dtype=torch.float64))
    few = wimhf.sae(x, parameters, k=2, prefixes=[4])
    assert int((few.code != 0).sum()) == 12
    assert few.code.min() < 0 < few.code.max()
    assert few.threshold == few.code[few.code != 0].abs().min()
    everything = wimhf.sae(x, parameters, k=4, prefixes=[4])
    torch.testing.assert_close(everything.recon, x, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(everything.losses, torch.zeros(6).double(), rtol=0, atol=1e-25)
    assert (wimhf.sae(x, parameters, k=4, prefixes=[1, 4]).losses > 0).all()


def test_mixed_preference_optimization_is_a_sum() -> None:
    """std/multi_loss_mpo: 0.8 sigmoid + 0.2 bco_pair + 1 NLL over the tokens, as TRL adds them."""
    chosen, rejected = f64(0.5, 0.75, 0.5, -1.5), f64(-0.75, 1.25, -0.5, 1.75)
    lengths = torch.tensor([10, 24, 6, 40])
    tokens = (f64(-12.5, -30.25, -7.75, -55.0) / lengths).unsqueeze(1).expand(4, 40)
    mask = torch.arange(40) < lengths.unsqueeze(1)
    nll = losses.token_mean(-tokens, mask)
    equal(nll, 1.31875)
    total = 0.8 * losses.dpo(chosen, rejected).mean() + 0.2 * losses.bco_pair(chosen, rejected).mean() + nll
    equal(total, 2.173154876449601)
    pooled = losses.dpo(chosen, rejected).mean() + nll
    equal(pooled, 2.0348119868455514)  # std/rpo_nll, TRL's form
    equal(medical_rpo.loss(chosen, rejected, tokens, mask).mean(), 2.0103328201788844)  # Pang et al.

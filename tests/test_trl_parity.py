"""Every loss of TRL's DPO, KTO, CPO, ORPO and reward trainers against ours: values and gradients, in one process.

TRL's own methods run on stubs that stand for the trainer and the model, so nothing is trained or downloaded.
"""

import importlib.metadata
import math
import warnings
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from prefcore import losses, scores, weights
from prefcore.logps import sequence_logps

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies, and a note on what is experimental
    pytest.importorskip("trl", reason="trl is not installed")
    if not importlib.metadata.version("trl").startswith("1.16."):
        pytest.skip("written against the trainers of trl 1.16", allow_module_level=True)
    from trl import DPOTrainer, KTOTrainer, RewardTrainer
    from trl.experimental.cpo import CPOTrainer
    from trl.experimental.orpo import ORPOTrainer

BETA, SMOOTHING, PAIRS, WIDTH = 0.3, 0.1, 6, 9
ACCELERATOR = SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x)


def trainer(**settings: Any) -> SimpleNamespace:
    """What TRL's loss methods read of a trainer."""
    return SimpleNamespace(
        accelerator=ACCELERATOR,
        model=SimpleNamespace(training=True),
        beta=BETA,
        aux_loss_enabled=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        **settings,
    )


class Batch:
    """Random token log-probs of pairs, chosen ones first, and what ours makes of them: sums, means and log-ratios."""

    def __init__(self, dtype: torch.dtype = torch.float64, ld_alpha: float | None = None) -> None:
        draw = torch.Generator().manual_seed(7)
        # Completions start at 2 and differ in length; position t of `mask` scores token t + 1, as TRL's shifted mask.
        lengths = torch.randint(1, WIDTH - 1, (2 * PAIRS, 1), generator=draw)
        positions = torch.arange(WIDTH + 1)
        self.completion = (positions >= 2) & (positions < 2 + lengths)
        self.mask = self.completion[:, 1:]
        drawn = -3.0 * torch.rand(3, 2 * PAIRS, WIDTH, generator=draw, dtype=torch.float64)
        self.tokens, ref, self.log_sum_sq = (drawn * self.mask).to(dtype)
        self.tokens.requires_grad_()
        token_weights = None
        if ld_alpha is not None:
            token_weights = weights.length_desensitized(self.mask, self.mask.roll(PAIRS, 0), alpha=ld_alpha).to(dtype)
        policy = sequence_logps(self.tokens, self.mask, weights=token_weights)
        self.ref = sequence_logps(ref, self.mask, weights=token_weights).sums.chunk(2)
        self.sums, self.counts = policy.sums.chunk(2), policy.counts.chunk(2)
        self.chosen, self.rejected = (p - r for p, r in zip(self.sums, self.ref, strict=True))

    def means(self) -> list[Tensor]:
        return [x / n for x, n in zip((self.chosen, self.rejected), self.counts, strict=True)]

    def nll(self) -> Tensor:
        return -self.sums[0].sum() / self.counts[0].sum()


def trl_dpo(batch: Batch, *loss_types: str, **settings: Any) -> Tensor:
    outputs = SimpleNamespace(
        log_probs=batch.tokens * batch.completion[:, 1:],  # TRL's heads give 0 elsewhere
        log_sum_sq_probs=batch.log_sum_sq,
        entropy=torch.zeros_like(batch.tokens),
        mean_logits=torch.zeros_like(batch.tokens),
        is_top1=batch.mask,
    )
    inputs = {
        "input_ids": torch.zeros_like(batch.completion, dtype=torch.long),
        "attention_mask": torch.ones_like(batch.completion),
        "completion_mask": batch.completion.long(),
        "ref_chosen_logps": batch.ref[0],
        "ref_rejected_logps": batch.ref[1],
    }
    defaults = {
        "loss_types": list(loss_types),
        "loss_weights": [1.0] * len(loss_types),
        "label_smoothing": SMOOTHING,
        "f_divergence_type": "reverse_kl",
        "f_alpha_divergence_coef": 0.5,
        "ld_alpha": None,
        "use_weighting": False,
        "precompute_ref_logps": True,
        "args": SimpleNamespace(discopop_tau=0.05),
    }
    return DPOTrainer._compute_loss(trainer(**{**defaults, **settings}), lambda **_: outputs, inputs, False)


def assert_same(theirs: Tensor, ours: Tensor, *leaves: Tensor) -> None:
    """Values to 1e-6, and gradients with respect to what both were computed from (in f32, to some units of 1e-7)."""
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    rtol = 3e-6 if theirs.dtype == torch.float32 else 1e-6
    gradients = (torch.autograd.grad(loss, leaves, retain_graph=True) for loss in (ours, theirs))
    for our, their in zip(*gradients, strict=True):
        torch.testing.assert_close(our, their, rtol=rtol, atol=rtol * their.abs().max().item())


#: TRL's name -> ours; reductions are the caller's
DPO: dict[str, Callable[[Batch], Tensor]] = {
    "sigmoid": lambda b: losses.dpo(b.chosen, b.rejected, beta=BETA),
    "hinge": lambda b: losses.hinge(b.chosen, b.rejected, beta=BETA),
    "ipo": lambda b: losses.ipo(*b.means(), beta=BETA),
    "exo_pair": lambda b: losses.exo(b.chosen, b.rejected, beta=BETA, label_smoothing=SMOOTHING),
    "nca_pair": lambda b: losses.nca(b.chosen, b.rejected, beta=BETA),
    "robust": lambda b: losses.robust_dpo(b.chosen, b.rejected, beta=BETA, label_smoothing=SMOOTHING),
    "bco_pair": lambda b: losses.bco_pair(b.chosen, b.rejected, beta=BETA),
    "sppo_hard": lambda b: sppo_hard(b.chosen, b.rejected),
    "aot": lambda b: losses.aot(b.sums[0] - b.sums[1], b.ref[0] - b.ref[1], beta=BETA, label_smoothing=SMOOTHING),
    "aot_unpaired": lambda b: losses.aot(b.chosen, b.rejected, beta=BETA, label_smoothing=SMOOTHING),
    "apo_zero": lambda b: losses.apo_zero(b.chosen, b.rejected, beta=BETA),
    "apo_down": lambda b: losses.apo_down(b.chosen, b.rejected, beta=BETA),
    "discopop": lambda b: losses.discopop(b.chosen, b.rejected, beta=BETA),
    "sft": lambda b: b.nll(),
    "sigmoid_norm": lambda b: losses.dpo(*b.means(), beta=BETA),
}
#: those that TRL computes from the f-divergence scores, and the scores
OF_SCORES = ("sigmoid", "hinge", "ipo", "exo_pair", "robust", "discopop", "sigmoid_norm")
SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "forward_kl": lambda r: scores.alpha_divergence_score(r, alpha=0.0),
    "js_divergence": scores.js_divergence_score,
    "alpha_divergence": lambda r: scores.alpha_divergence_score(r, alpha=0.5),
}


def sppo_hard(chosen: Tensor, rejected: Tensor) -> Tensor:
    half = torch.full_like(chosen, 0.5)
    return losses.sppo(chosen, half, beta=BETA) + losses.sppo(rejected, -half, beta=BETA)


@pytest.mark.parametrize("name", DPO)
def test_dpo_trainer(name: str) -> None:
    batch = Batch()
    assert_same(trl_dpo(batch, name), DPO[name](batch).mean(), batch.tokens)


def test_every_loss_type_of_the_dpo_trainer_is_compared() -> None:
    """TRL names them all when it refuses one."""
    with pytest.raises(ValueError, match="Unknown loss type") as error:
        trl_dpo(Batch(), "no_such_loss")
    named = str(error.value).split("[")[1].split("]")[0]
    assert {name.strip(" '") for name in named.split(",")} == set(DPO)


@pytest.mark.parametrize("divergence", SCORES)
@pytest.mark.parametrize("name", OF_SCORES)
def test_dpo_trainer_with_f_divergences(name: str, divergence: str) -> None:
    """TRL's alpha divergence knows no f64, so that one is compared in f32."""
    in_f32 = divergence == "alpha_divergence"
    batch = Batch(torch.float32 if in_f32 else torch.float64)
    theirs = trl_dpo(batch, name, f_divergence_type=divergence)
    batch.chosen, batch.rejected = SCORES[divergence](batch.chosen), SCORES[divergence](batch.rejected)
    assert_same(theirs, DPO[name](batch).mean(), batch.tokens)


def test_dpo_trainer_with_several_weighted_losses() -> None:
    batch = Batch()
    theirs = trl_dpo(batch, "sigmoid", "bco_pair", "sft", loss_weights=[0.8, 0.2, 1.5])
    ours = 0.8 * DPO["sigmoid"](batch).mean() + 0.2 * DPO["bco_pair"](batch).mean() + 1.5 * batch.nll()
    assert_same(theirs, ours, batch.tokens)


def test_dpo_trainer_with_length_desensitization() -> None:
    batch = Batch(ld_alpha=0.4)
    assert_same(trl_dpo(batch, "sigmoid", ld_alpha=0.4), DPO["sigmoid"](batch).mean(), batch.tokens)


def test_dpo_trainer_with_wpo_weights() -> None:
    batch = Batch()
    theirs = trl_dpo(batch, "sigmoid", use_weighting=True)
    chosen, rejected = weights.wpo(batch.tokens, batch.log_sum_sq, batch.mask).chunk(2)
    assert_same(theirs, (chosen * rejected * DPO["sigmoid"](batch)).mean(), batch.tokens)


@pytest.mark.parametrize("labels", [[1, 0, 0, 1, 1, 0], [1] * 6, [0] * 6], ids=["mixed", "desirable", "undesirable"])
@pytest.mark.parametrize("kl_shift", [0.5, -0.5])
@pytest.mark.parametrize("loss_type", ["kto", "apo_zero_unpaired"])
def test_kto_trainer(loss_type: str, kl_shift: float, labels: list[int]) -> None:
    """A mean log-ratio of mismatched pairs below 0 counts as 0; one class may be missing."""
    tokens = -2.0 * torch.rand(6, WIDTH, dtype=torch.float64)
    tokens.requires_grad_()
    ref, mismatched = -torch.rand(2, 6, dtype=torch.float64) * WIDTH
    ref_mismatched = mismatched - kl_shift + 0.1 * torch.randn(6, dtype=torch.float64)
    stub = trainer(
        loss_type=loss_type,
        precompute_ref_logps=True,
        calculate_KL=loss_type == "kto",
        desirable_weight=1.2,
        undesirable_weight=0.7,
        _compute_kl_logps=lambda *_: mismatched,
    )
    outputs = SimpleNamespace(log_probs=tokens, entropy=torch.zeros_like(tokens), mean_logits=torch.zeros_like(tokens))
    batch = {
        "input_ids": torch.zeros(6, WIDTH + 1, dtype=torch.long),
        "attention_mask": torch.ones(6, WIDTH + 1, dtype=torch.long),
        "completion_mask": torch.ones(6, WIDTH + 1, dtype=torch.long),
        "label": torch.tensor(labels),
        "ref_logps": ref,
        "ref_KL_logps": ref_mismatched,
    }
    theirs = KTOTrainer._compute_loss(stub, lambda **_: outputs, batch, False)
    kl = losses.kto_kl(mismatched - ref_mismatched) if loss_type == "kto" else 0.0
    ours = losses.kto(
        tokens.sum(1) - ref,
        torch.tensor(labels).bool(),
        kl,
        beta=BETA,
        desirable_weight=1.2,
        undesirable_weight=0.7,
    ).mean()
    assert_same(theirs, ours, tokens)


@pytest.mark.parametrize("center", [None, 0.01])
@pytest.mark.parametrize("with_margin", [False, True])
def test_reward_trainer(with_margin: bool, center: float | None) -> None:
    rewards, margin = 4 * torch.randn(2 * PAIRS, 1, dtype=torch.float64), torch.rand(PAIRS, dtype=torch.float64)
    rewards.requires_grad_()
    stub = trainer(args=SimpleNamespace(center_rewards_coefficient=center))
    inputs = {"attention_mask": torch.ones(2, 2), **({"margin": margin} if with_margin else {})}
    theirs = RewardTrainer.compute_loss(stub, lambda **_: SimpleNamespace(logits=rewards), inputs)
    params = {"margin": margin if with_margin else 0.0, "center": center or 0.0}
    ours = losses.bradley_terry(*rewards.squeeze(1).chunk(2), **params).mean()
    assert_same(theirs, ours, rewards)


#: TRL's name -> ours on log-probs without a reference; means for ipo and simpo, which is the caller's
CPO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sigmoid": lambda c, r: losses.dpo(c, r, beta=BETA, label_smoothing=SMOOTHING),
    "hinge": lambda c, r: losses.hinge(c, r, beta=BETA),
    "ipo": lambda c, r: losses.ipo(c, r, beta=BETA),
    "simpo": lambda c, r: losses.simpo(c, r, beta=BETA, margin=0.5, label_smoothing=SMOOTHING),
}


@pytest.mark.parametrize("alpha", [0.0, 0.25, -0.5])
@pytest.mark.parametrize("name", CPO)
def test_cpo_trainer(name: str, alpha: float) -> None:
    """CPO, SimPO and, with an alpha, AlphaPO."""
    sides = -4.0 * torch.rand(2, PAIRS, dtype=torch.float64)
    sides.requires_grad_()
    stub = trainer(loss_type=name, alpha=alpha, simpo_gamma=0.5, label_smoothing=SMOOTHING)
    theirs = CPOTrainer.cpo_loss(stub, *sides)[0]
    transformed = scores.alpha_divergence_score(sides, alpha=1.0 - alpha)
    assert_same(theirs.mean(), CPO[name](*transformed).mean(), sides)
    torch.testing.assert_close(CPO[name](*transformed), theirs, rtol=1e-6, atol=0)


def test_every_loss_type_of_the_cpo_trainer_is_compared() -> None:
    with pytest.raises(ValueError, match="Unknown loss type") as error:
        CPOTrainer.cpo_loss(trainer(loss_type="no_such_loss", alpha=0.0, label_smoothing=0.0), *torch.zeros(2, 3))
    named = str(error.value).split("[")[1].split("]")[0]
    assert {name.strip(" '") for name in named.split(",")} == set(CPO)


def test_orpo_trainer() -> None:
    """TRL computes it in f32."""
    sides = -4.0 * torch.rand(2, PAIRS)
    sides.requires_grad_()
    theirs = -ORPOTrainer.odds_ratio_loss(trainer(), *sides)[0]
    assert_same(theirs.mean(), losses.orpo(*sides, beta=BETA).mean(), sides)


# Where TRL is wrong (docs/papers.md, "Faults of TRL 1.16"): each test fails when TRL mends it.


def test_fault_label_smoothing_of_sigmoid_is_ignored() -> None:
    batch = Batch()
    theirs = trl_dpo(batch, "sigmoid", label_smoothing=0.4)
    ours = losses.dpo(batch.chosen, batch.rejected, beta=BETA, label_smoothing=0.4).mean()
    assert abs(theirs - ours) > 1e-3
    assert_same(theirs, losses.dpo(batch.chosen, batch.rejected, beta=BETA).mean(), batch.tokens)


def test_fault_discopop_is_nan_where_its_exponential_overflows() -> None:
    batch = Batch()
    batch.ref = (batch.ref[0] + 3000.0, batch.ref[1])
    batch.chosen = batch.sums[0] - batch.ref[0]
    assert trl_dpo(batch, "discopop").isnan()
    assert DPO["discopop"](batch).isfinite().all()


def test_fault_alpha_divergence_knows_no_f64() -> None:
    with pytest.raises(KeyError, match="float64"):
        trl_dpo(Batch(), "sigmoid", f_divergence_type="alpha_divergence")


def test_fault_forward_kl_overflows() -> None:
    """exp of a log-ratio of -120 is no f32; TRL clamps only the alpha divergence."""
    batch = Batch(torch.float32)
    batch.ref = (batch.ref[0] + 120.0, batch.ref[1])
    batch.chosen = SCORES["forward_kl"](batch.sums[0] - batch.ref[0])
    batch.rejected = SCORES["forward_kl"](batch.rejected)
    assert trl_dpo(batch, "sigmoid", f_divergence_type="forward_kl").isinf()
    assert DPO["sigmoid"](batch).isfinite().all()


def test_fault_ipo_counts_one_token_more_where_nothing_precedes_the_completion() -> None:
    """It divides by the mask before the shift. Ours counts what is summed."""
    batch = Batch()
    batch.completion = batch.completion.roll(-2, 1)
    sums = sequence_logps(batch.tokens, batch.completion[:, 1:], empty="zero").sums.chunk(2)
    counts = batch.completion.sum(1).chunk(2)
    by_theirs = ((s - r) / n for s, r, n in zip(sums, batch.ref, counts, strict=True))
    assert_same(trl_dpo(batch, "ipo"), losses.ipo(*by_theirs, beta=BETA).mean(), batch.tokens)


def test_fault_orpo_has_nan_gradients_near_probability_one() -> None:
    """`torch.where` between two branches of log1mexp: the value is right, the gradient is 0 times inf."""
    sides = torch.tensor([[-1e-9, -1.0], [-2.0, -1.0]], requires_grad=True)
    theirs = -ORPOTrainer.odds_ratio_loss(trainer(), *sides)[0].sum()
    ours = losses.orpo(*sides, beta=BETA).sum()
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.grad(theirs, sides)[0][0, 0].isnan()
    odds = math.exp(-2.0) / -math.expm1(-2.0)
    assert torch.autograd.grad(ours, sides)[0][0, 0].item() == pytest.approx(-BETA * odds, rel=1e-5)


def test_fault_alphapo_overflows_where_the_probability_underflows() -> None:
    sides = torch.tensor([[-800.0], [-1.0]], dtype=torch.float64)
    stub = trainer(loss_type="simpo", alpha=0.001, simpo_gamma=0.5, label_smoothing=0.0)
    assert CPOTrainer.cpo_loss(stub, *sides)[0].isinf()
    assert losses.simpo(*scores.alpha_divergence_score(sides, alpha=0.999), beta=BETA).isfinite()

"""verl, OpenRLHF, torchtune, axolotl and Lightning: their formulas restated, their interfaces where they are absent."""

import copy
import importlib
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from integrations import tiny_pairs
from prefcore import losses
from prefcore.errors import DomainError, ShapeError
from prefcore.integrations import openrlhf, torchtune
from prefcore.logps import sequence_logps
from prefcore.weights import length_desensitized

BETA = 0.3


def log_probs() -> list[Tensor]:
    """Policy and reference of chosen and rejected, in the order of the hosts."""
    draw = torch.Generator().manual_seed(11)
    return [-20.0 * torch.rand(5, generator=draw, dtype=torch.float64) for _ in range(4)]


def test_openrlhf_dpo_and_ipo() -> None:
    """Mean loss and rewards of openrlhf/models/loss.py; ipo there is of sums, which is what the trainer gives."""
    c, r, rc, rr = log_probs()
    gap = (c - r) - (rc - rr)
    got = openrlhf.PairLoss(partial(losses.dpo, beta=BETA, label_smoothing=0.1), beta=BETA)(c, r, rc, rr)
    want = (-F.logsigmoid(BETA * gap) * 0.9 - F.logsigmoid(-BETA * gap) * 0.1).mean()
    torch.testing.assert_close(got.losses, want, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(got.chosen_rewards, BETA * (c - rc))
    torch.testing.assert_close(got.rejected_rewards, BETA * (r - rr))
    ipo = openrlhf.PairLoss(partial(losses.ipo, beta=BETA), beta=BETA)(c, r, rc, rr)
    torch.testing.assert_close(ipo.losses, ((gap - 1 / (2 * BETA)) ** 2).mean(), rtol=1e-12, atol=0.0)


def test_torchtune_dpo_and_rso() -> None:
    """torchtune/rlhf/loss/dpo.py: losses per pair; RSO is hinge, whose gamma is beta."""
    c, r, rc, rr = log_probs()
    gap = (c - r) - (rc - rr)
    got = torchtune.PairLoss("dpo", beta=BETA)(c, r, rc, rr)
    torch.testing.assert_close(got.losses, -F.logsigmoid(BETA * gap), rtol=1e-12, atol=0.0)
    torch.testing.assert_close(got.chosen_rewards, BETA * (c - rc))
    hinge = torchtune.PairLoss("hinge", beta=BETA)(c, r, rc, rr)
    torch.testing.assert_close(hinge.losses, torch.relu(1 - BETA * gap), rtol=1e-12, atol=0.0)
    own = torchtune.PairLoss(lambda ours, theirs: theirs - ours, beta=BETA)(c, r, rc, rr)
    torch.testing.assert_close(own.losses, -gap)


@pytest.mark.parametrize("host", [openrlhf, torchtune])
def test_whose_beta_a_loss_has(host: Any) -> None:
    """The adapter's where the loss has such a parameter and no `partial` has bound it; rewards always have it."""
    c, r, rc, rr = log_probs()
    gap = (c - r) - (rc - rr)
    mine = -F.logsigmoid(BETA * gap)
    own = {"name": "dpo", "function": losses.dpo, "partial": partial(losses.dpo, margin=0.0)}
    for loss in own.values():
        got = host.PairLoss(loss, beta=BETA)(c, r, rc, rr)
        torch.testing.assert_close(got.losses.mean(), mine.mean(), rtol=1e-12, atol=0.0)
    bound = host.PairLoss(partial(losses.dpo, beta=0.7), beta=BETA)(c, r, rc, rr)
    torch.testing.assert_close(bound.losses.mean(), -F.logsigmoid(0.7 * gap).mean(), rtol=1e-12, atol=0.0)
    torch.testing.assert_close(bound.chosen_rewards, BETA * (c - rc))


@pytest.mark.parametrize("host", [openrlhf, torchtune])
def test_shapes_that_would_broadcast(host: Any) -> None:
    call = host.PairLoss("dpo", beta=0.1)
    four, one = torch.zeros(4), torch.zeros(1)
    with pytest.raises(ShapeError, match=r"equal shapes, got chosen \[4\], rejected \[4\], ref_chosen \[1\], ref_rej"):
        call(four, four, one, four)
    with pytest.raises(TypeError, match="ref_rejected must be a torch tensor, got float"):
        call(four, four, four, 0.0)
    call = host.PairLoss(lambda chosen, rejected: (chosen - rejected).mean(), beta=0.1)
    with pytest.raises(
        ShapeError, match=r"loss must return one value per row, \[4\] like its first argument, got \[\]"
    ):
        call(four, four, four, four)


@pytest.mark.parametrize("host", [openrlhf, torchtune])
def test_losses_and_betas_that_are_none(host: Any) -> None:
    for beta in (0.0, -0.1, float("nan"), float("inf")):
        with pytest.raises(DomainError, match=rf"beta must be finite and > 0, got {beta}"):
            host.PairLoss("dpo", beta=beta)
    with pytest.raises(TypeError, match="beta must be a number, got str"):
        host.PairLoss("dpo", beta="0.1")
    with pytest.raises(DomainError, match=r"loss is called as loss\(chosen, rejected\), got kto: missing .* 'kl'"):
        host.PairLoss(losses.kto, beta=0.1)
    with pytest.raises(DomainError, match=r"loss must be a function or one of aot, .*, got 'sigmoid'"):
        host.PairLoss("sigmoid", beta=0.1)
    with pytest.raises(DomainError, match=r"loss must be a function or one of aot, .*, got float"):
        host.PairLoss(0.5, beta=0.1)


def test_llama_factory_variants() -> None:
    """LLaMA-Factory 0.9.5: ORPO with log1p(-exp(x)), NLL of the completion alone; SimPO with gamma / beta inside."""
    c, r, *_ = (x / 20 - 0.05 for x in log_probs())  # means, in (-1.05, -0.05)
    odds = (c - r) - (torch.log1p(-torch.exp(c)) - torch.log1p(-torch.exp(r)))
    torch.testing.assert_close(losses.orpo(c, r, beta=1.0), -F.logsigmoid(odds), rtol=1e-10, atol=0.0)
    simpo = -F.logsigmoid(2.0 * (c - r - 0.5 / 2.0))
    torch.testing.assert_close(losses.simpo(c, r, beta=2.0, margin=0.5), simpo, rtol=1e-12, atol=0.0)


def test_llama_factory_ld_dpo() -> None:
    """Its LD-DPO weights the policy alone (`ld_ref=False`), TRL the reference too; both are sums with weights."""
    draw = torch.Generator().manual_seed(1)
    ours, theirs = -3 * torch.rand(2, 4, 6, generator=draw, dtype=torch.float64)
    lengths = torch.tensor([6, 3, 2, 5])  # two chosen, two rejected
    mask = torch.arange(6) < lengths[:, None]
    shared = torch.minimum(lengths, lengths.roll(2))
    front, tail = (mask & (torch.arange(6) < shared[:, None])), (mask & (torch.arange(6) >= shared[:, None]))
    policy = (ours * front).sum(1) + 0.5 * (ours * tail).sum(1)
    want = policy - (theirs * mask).sum(1)
    weights = length_desensitized(mask, mask.roll(2, 0), alpha=0.5)
    found = sequence_logps(ours, mask, weights=weights).sums - sequence_logps(theirs, mask).sums
    torch.testing.assert_close(found, want, rtol=1e-12, atol=0.0)
    both = sequence_logps(ours - theirs, mask, weights=weights).sums
    assert (both - found).abs().max() > 0.1, "TRL's is another loss"


# verl -----------------------------------------------------------------------------------------------------------------


def agg_loss(loss_mat: Tensor, loss_mask: Tensor, loss_agg_mode: str, batch_num_tokens: int | None = None) -> Tensor:
    """The two modes that the tests use, as verl documents them."""
    if loss_agg_mode == "token-mean":
        return (loss_mat * loss_mask).sum() / (loss_mask.sum() if batch_num_tokens is None else batch_num_tokens)
    assert loss_agg_mode == "seq-mean-token-mean"
    return ((loss_mat * loss_mask).sum(-1) / loss_mask.sum(-1)).mean()


class FusedLinearForPPO(torch.nn.Module):
    """Constructor and forward of verl 0.9.1."""

    def __init__(self, chunk_size: int = 512, impl_backend: str = "torch") -> None:
        super().__init__()
        self.chunk_size, self.impl_backend = chunk_size, impl_backend

    def forward(
        self, hidden_states: Tensor, vocab_weights: Tensor, input_ids: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        logps = ((hidden_states @ vocab_weights.T) / temperature).log_softmax(-1)
        return logps.gather(-1, input_ids[..., None])[..., 0], -(logps.exp() * logps).sum(-1)


@pytest.fixture
def verl(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The places of verl that the integration uses, and the integration loaded beside them."""
    registry: dict[str, Any] = {}

    def register_policy_loss(name: str) -> Any:
        return lambda function: registry.setdefault(name, function)

    names = ("verl", "verl.trainer", "verl.trainer.ppo", "verl.trainer.ppo.core_algos", "verl.utils")
    names += ("verl.utils.experimental", "verl.utils.experimental.torch_functional")
    modules = {name: ModuleType(name) for name in names}
    vars(modules["verl.trainer.ppo.core_algos"]).update(agg_loss=agg_loss, register_policy_loss=register_policy_loss)
    kernel = modules["verl.utils.experimental.torch_functional"]
    kernel.FusedLinearForPPO = FusedLinearForPPO  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "prefcore.integrations.verl", raising=False)
    ours = importlib.import_module("prefcore.integrations.verl")
    yield SimpleNamespace(ours=ours, registry=registry, kernel=kernel)
    sys.modules.pop("prefcore.integrations.verl", None)


def config(**changes: Any) -> Any:
    settings = {"clip_ratio": 0.2, "clip_ratio_low": None, "clip_ratio_high": 0.28, "clip_ratio_c": 3.0}
    settings |= {"global_batch_info": {}, **changes}
    return SimpleNamespace(**settings, get=settings.get)


def rollout() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Old and new log-probs, advantages, mask; ratios reach far to both sides."""
    draw = torch.Generator().manual_seed(2)
    old, move, gains = (torch.randn(3, 6, generator=draw, dtype=torch.float64) for _ in range(3))
    mask = torch.arange(6) < torch.tensor([[6], [4], [2]])
    return old - 3, (old - 3 + move).requires_grad_(), gains, mask.double()


def test_verl_registers_three_losses(verl: SimpleNamespace) -> None:
    assert list(verl.registry) == ["prefcore_ppo", "prefcore_gspo", "prefcore_cispo"]


def vanilla(old: Tensor, new: Tensor, gains: Tensor) -> Tensor:
    """verl's compute_policy_loss_vanilla, per token."""
    ratio = (new - old).exp()
    first = torch.maximum(-gains * ratio, -gains * ratio.clamp(0.8, 1.28))
    return torch.where(gains < 0, torch.min(-gains * 3.0, first), first)


def gspo(old: Tensor, new: Tensor, gains: Tensor, mask: Tensor) -> Tensor:
    """verl's compute_policy_loss_gspo, per token."""
    mean = ((new - old) * mask).sum(-1) / mask.sum(-1)
    ratio = (new - new.detach() + mean.detach()[:, None]).exp()
    return torch.maximum(-gains * ratio, -gains * ratio.clamp(0.8, 1.28))


def bounded_above(old: Tensor, new: Tensor, gains: Tensor) -> Tensor:
    """MiniMax-M1, eq. 4, per token."""
    return -(new - old).exp().clamp(max=1.28).detach() * gains * new


@pytest.mark.parametrize("name", ["prefcore_ppo", "prefcore_gspo", "prefcore_cispo"])
@pytest.mark.parametrize("weighted", [False, True])
def test_verl_losses_and_gradients(verl: SimpleNamespace, name: str, weighted: bool) -> None:
    old, new, gains, mask = rollout()
    weights = torch.linspace(0.5, 2.0, 18, dtype=torch.float64).view(3, 6) if weighted else None
    loss, metrics = verl.registry[name](
        old, new, gains, mask, loss_agg_mode="seq-mean-token-mean", config=config(), rollout_is_weights=weights
    )
    tokens = {
        "prefcore_ppo": partial(vanilla, old, new, gains),
        "prefcore_gspo": partial(gspo, old, new, gains, mask),
        "prefcore_cispo": partial(bounded_above, old, new, gains),
    }[name]()
    want = agg_loss(tokens if weights is None else tokens * weights, mask, "seq-mean-token-mean")
    torch.testing.assert_close(loss, want, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(*(torch.autograd.grad(x, new)[0] for x in (loss, want)), rtol=1e-11, atol=1e-14)
    gap = ((old - new).detach() * mask).sum() / mask.sum()
    assert metrics["actor/ppo_kl"] == pytest.approx(gap.item(), rel=1e-12)


@pytest.mark.parametrize("mode", ["token-mean", "seq-mean-token-mean"])
def test_verl_gspo_adds_up_by_sequences_whatever_is_configured(verl: SimpleNamespace, mode: str) -> None:
    old, new, gains, mask = rollout()
    loss, _ = verl.registry["prefcore_gspo"](old, new, gains, mask, loss_agg_mode=mode, config=config())
    tokens = gspo(old, new, gains, mask)
    torch.testing.assert_close(loss, agg_loss(tokens, mask, "seq-mean-token-mean"), rtol=1e-12, atol=1e-14)
    assert abs(loss - agg_loss(tokens, mask, "token-mean")) > 0.01


@pytest.mark.parametrize("gap", [9.5, 1000.0])
def test_verl_gspo_bounds_the_log_ratio(verl: SimpleNamespace, gap: float) -> None:
    """verl: clamp(max=10) before exp, so -A e^10 for A < 0, without a gradient; below the bound as always."""
    new = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    ones = torch.ones(1, 2, dtype=torch.float64)
    loss, metrics = verl.registry["prefcore_gspo"](-gap * ones, new, -ones, ones, config=config())
    torch.testing.assert_close(loss.item(), torch.tensor(min(gap, 10.0)).double().exp().item(), rtol=1e-12, atol=0.0)
    (gradient,) = torch.autograd.grad(loss, new)
    want = 0.5 * torch.tensor(gap).double().exp().item() if gap < 10 else 0.0
    torch.testing.assert_close(gradient, want * ones, rtol=1e-12, atol=0.0)
    assert metrics["actor/ppo_kl"] == -gap


def test_verl_clip_fractions(verl: SimpleNamespace) -> None:
    """Ratios 2, 1/2, 4, 1; what counts as clipped depends on the sign of the advantage; the last token is masked."""
    new = torch.tensor([[2.0, 0.5, 4.0, 1.0, 9.0]], dtype=torch.float64).log()
    gains = torch.tensor([[1.0, -1.0, -1.0, 1.0, 1.0]], dtype=torch.float64)
    mask = torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0]], dtype=torch.float64)
    _, metrics = verl.registry["prefcore_ppo"](torch.zeros_like(new), new, gains, mask, config=config())
    assert metrics["actor/pg_clipfrac"] == 0.5
    assert metrics["actor/pg_clipfrac_lower"] == 0.25


def test_verl_global_batch(verl: SimpleNamespace) -> None:
    """What verl says of the whole batch reaches its own reducer."""
    old, new, gains, mask = rollout()
    local, _ = verl.registry["prefcore_ppo"](old, new, gains, mask, config=config())
    whole, _ = verl.registry["prefcore_ppo"](
        old, new, gains, mask, config=config(global_batch_info={"batch_num_tokens": 24})
    )
    torch.testing.assert_close(whole, local * 12 / 24)


def test_verl_kernel(verl: SimpleNamespace) -> None:
    draw = torch.Generator().manual_seed(4)
    hidden = torch.randn(2, 3, 8, generator=draw, dtype=torch.float64).requires_grad_()
    head = torch.randn(13, 8, generator=draw, dtype=torch.float64).requires_grad_()
    ids = torch.randint(0, 13, (2, 3), generator=draw)
    want = FusedLinearForPPO()(hidden, head, ids, 0.7)
    with verl.ours.patch() as handle:
        assert handle.previous is FusedLinearForPPO
        layer = verl.kernel.FusedLinearForPPO(chunk_size=4)
        assert isinstance(layer, FusedLinearForPPO)
        got = layer(hidden, head, ids, 0.7)
        with verl.ours.patch():
            pass
        assert isinstance(layer, verl.kernel.FusedLinearForPPO), "the second patch undoes nothing"
        other = verl.kernel.FusedLinearForPPO(impl_backend="liger")
        assert torch.equal(other(hidden, head, ids)[0], FusedLinearForPPO()(hidden, head, ids)[0])
    assert verl.kernel.FusedLinearForPPO is FusedLinearForPPO
    for one, two in zip(got, want, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-12)
        grads = [torch.autograd.grad(x.sum(), (hidden, head), retain_graph=True) for x in (one, two)]
        for a, b in zip(*grads, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


# axolotl --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def axolotl(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The integration, beside a stub of axolotl."""
    pytest.importorskip("pydantic", reason="pydantic is not installed, which axolotl brings")
    base = ModuleType("axolotl.integrations.base")
    base.BasePlugin = object  # type: ignore[attr-defined]
    stubs = {"axolotl": ModuleType("axolotl"), "axolotl.integrations": ModuleType("axolotl.integrations")}
    for name, module in {**stubs, base.__name__: base}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "prefcore.integrations.axolotl", raising=False)
    yield importlib.import_module("prefcore.integrations.axolotl")
    sys.modules.pop("prefcore.integrations.axolotl", None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "token_mean"}, r"prefcore_loss.name must be one of aot, .*, simpo, got 'token_mean'"),
        ({"name": "RunningMoments"}, r"prefcore_loss.name must be one of aot, .*, simpo, got 'RunningMoments'"),
        ({"name": "sigmoid"}, r"prefcore_loss.name must be one of aot, .*, simpo, got 'sigmoid'"),
        ({"beta": 0.1}, r"prefcore_loss.name must be one of aot, .*, simpo, got None"),
        (
            {"name": "hinge", "bta": 0.1},
            r"prefcore_loss has no option 'bta': hinge takes beta, margin, average_logps, weight_column",
        ),
        ({"name": "hinge", "chosen": 0.1}, "prefcore_loss has no option 'chosen': hinge takes beta, margin, "),
        ({"name": "kto"}, r"loss is called as loss\(chosen, rejected\), got kto: missing a required argument: 'kl'"),
        ({"name": "robust_dpo"}, r"got robust_dpo: missing a required .*argument: 'label_smoothing'"),
    ],
    ids=str,
)
def test_axolotl_refuses_when_the_trainer_is_created(axolotl: Any, given: dict[str, Any], message: str) -> None:
    trainer = type("DPOTrainer", (), {"compute_loss": None, "data_collator": None})()
    with pytest.raises(DomainError, match=message):
        axolotl.PrefcorePlugin().post_trainer_create(axolotl.PrefcoreArgs(prefcore_loss=given), trainer)


def test_axolotl_plugin(axolotl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    trl = ModuleType("prefcore.integrations.trl")
    trl.with_loss = lambda trainer, loss, **options: seen.append((trainer, loss, options))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, trl.__name__, trl)
    ours = axolotl
    plugin = ours.PrefcorePlugin()
    where, _, name = plugin.get_input_args().rpartition(".")
    given = {"name": "hinge", "beta": 0.2, "weight_column": "w"}
    cfg = getattr(importlib.import_module(where), name)(prefcore_loss=given)
    plugin.post_trainer_create(cfg, "trainer")
    trainer, loss, options = seen[0]
    assert (trainer, options) == ("trainer", {"weight_column": "w"})
    assert loss(torch.tensor([2.0]), torch.tensor([0.0])).item() == pytest.approx(0.6)
    assert cfg.prefcore_loss == given, "the config is as it was"
    plugin.post_trainer_create(ours.PrefcoreArgs(), "trainer")
    assert len(seen) == 1


# Lightning ------------------------------------------------------------------------------------------------------------


#: trainers.md 2.5: unshuffled batches of 4, AdamW 1e-3 without decay, gradients clipped at 1
LIGHTNING = [0.693147, 0.618377, 0.523647, 0.465563, 0.459048, 0.392341]
quiet = pytest.mark.filterwarnings("ignore")  # deprecations of the hosts


def needs(*hosts: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for host in hosts:
            pytest.importorskip(host, reason=f"{host} is not installed")


def batches() -> Any:
    from prefcore.integrations.transformers import preference_collator

    rows, collate = tiny_pairs.pairs(24), preference_collator(tiny_pairs.tokenizer())
    return torch.utils.data.DataLoader(rows, batch_size=4, collate_fn=collate)  # type: ignore[arg-type]


@quiet
def test_lightning_mixin_in_a_plain_loop() -> None:
    needs("transformers")
    from prefcore.integrations.lightning import LogpsMixin

    class Scorer(LogpsMixin):
        def __init__(self, model: Any) -> None:
            self.model = model

    policy = Scorer(tiny_pairs.model())
    reference = Scorer(copy.deepcopy(policy.model))
    weights = list(policy.model.parameters())
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.0)
    found = []
    for batch in batches():
        with torch.no_grad():
            theirs = reference.logps(batch).sums
        loss = losses.dpo(*(policy.logps(batch).sums - theirs).chunk(2), beta=0.1).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        found.append(loss.item())
    assert found == pytest.approx(LIGHTNING, rel=1e-4)


@quiet
def test_lightning_mixin_patches_a_peft_model_once() -> None:
    """Each patch costs two more passes, in which the head is compared with the logits."""
    needs("transformers", "peft")
    import peft

    from prefcore.integrations.lightning import LogpsMixin

    scorer = LogpsMixin()
    scorer.model = peft.get_peft_model(tiny_pairs.model(), peft.LoraConfig(r=2, target_modules=["q_proj"]))
    passes: list[int] = []
    scorer.model.get_base_model().model.register_forward_hook(lambda *_: passes.append(1))
    batch = next(iter(batches()))
    for _ in range(10):
        scorer.logps(batch)
    assert len(passes) == 12


@quiet
def test_lightning_itself(tmp_path: Path) -> None:
    needs("transformers", "lightning")
    import lightning

    from prefcore.integrations.lightning import LogpsMixin

    class Dpo(LogpsMixin, lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model, self.found = tiny_pairs.model(), []
            self.reference = [copy.deepcopy(self.model)]  # a list: no part of the module

        def training_step(self, batch: Any, _: int) -> Tensor:
            scorer = LogpsMixin()
            scorer.model = self.reference[0]
            with torch.no_grad():
                theirs = scorer.logps(batch).sums
            loss = losses.dpo(*(self.logps(batch).sums - theirs).chunk(2), beta=0.1).mean()
            self.found.append(loss.item())
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=0.0)

    module = Dpo()
    silent = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    silent |= {"enable_model_summary": False, "default_root_dir": str(tmp_path)}
    trainer = lightning.Trainer(accelerator="cpu", max_epochs=1, gradient_clip_val=1.0, **silent)
    trainer.fit(module, batches())
    assert module.found == pytest.approx(LIGHTNING, rel=1e-4)

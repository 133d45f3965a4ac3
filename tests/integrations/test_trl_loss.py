"""`with_loss`: TRL's own losses through our seam are TRL's, and others train with TRL's metrics."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from integrations import tiny_trl as tiny
from prefcore import losses
from prefcore.errors import DomainError, ShapeError
from prefcore.integrations.trl import with_loss

trl = tiny.import_trl()
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def quick(all_of: Iterable[str], *few: str) -> list[Any]:
    """The others are slow."""
    return [name if name in few else pytest.param(name, marks=pytest.mark.slow) for name in all_of]


def orpo(chosen: Tensor, rejected: Tensor) -> Tensor:
    return losses.orpo(chosen, rejected, beta=0.1)


def cpo(chosen: Tensor, rejected: Tensor) -> Tensor:
    return losses.dpo(chosen, rejected, beta=0.1)


#: set-up -> the loss that TRL has, and whether it takes means
SAME: dict[str, tuple[Callable[..., Tensor], bool]] = {
    "dpo:sigmoid": (partial(losses.dpo, beta=0.1), False),
    "dpo:ipo": (partial(losses.ipo, beta=0.1), True),
    "dpo:hinge": (partial(losses.hinge, beta=0.1), False),
    "kto": (partial(losses.kto, beta=0.1), False),
    "reward": (losses.bradley_terry, False),
    "cpo": (cpo, False),
    "simpo": (partial(losses.simpo, beta=2.0, margin=0.5), True),
    "orpo": (orpo, True),
}


@pytest.mark.parametrize("name", quick(SAME, "dpo:sigmoid", "kto", "reward", "orpo"))
def test_trls_loss_through_our_seam_is_trls(name: str) -> None:
    """Losses and gradients of four steps, and all that TRL logs beside them."""
    loss, average = SAME[name]
    theirs = tiny.run(name, 4)
    seen: list[Any] = []
    ours = tiny.run(name, 4, lambda trainer: with_loss(trainer, noted(loss, seen), average_logps=average))
    assert len(seen) == 4
    tiny.assert_steps(ours, theirs, 1e-5)
    metrics = tuple(theirs[0].keys() - {"loss", "grad_norm"})
    tiny.assert_steps(ours, theirs, 1e-4, metrics)


def noted(loss: Callable[..., Tensor], seen: list[Any]) -> Callable[..., Tensor]:
    """The loss, which leaves what it was called with."""

    def call(*arguments: Tensor) -> Tensor:
        seen.append(arguments)
        return loss(*arguments)

    return call


def adapter() -> Any:
    from peft import LoraConfig, get_peft_model

    policy = tiny.model()
    torch.manual_seed(1)
    return get_peft_model(policy, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("dpo", {"ref": False, "adapter": True, "gradient_accumulation_steps": 2}),
        pytest.param("kto", {"ref": False, "adapter": True}, marks=pytest.mark.slow),
        ("dpo", {"ld_alpha": 0.5, "precompute_ref_log_probs": True}),
        pytest.param("kto", {"precompute_ref_log_probs": True}, marks=pytest.mark.slow),
        pytest.param("dpo", {"ld_alpha": 0.5}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_settings_that_are_not_the_loss_stay(name: str, more: dict[str, Any]) -> None:
    """The reference without the adapter, cached references, LD-DPO's tails, accumulation."""
    loss, average = SAME["dpo:sigmoid" if name == "dpo" else name]

    def steps(prepare: Callable[[Any], Any]) -> tiny.Steps:
        policy = {"policy": adapter()} if "adapter" in more else {}
        return tiny.run(name, 3, prepare, **policy, **{k: v for k, v in more.items() if k != "adapter"})

    ours = steps(lambda trainer: with_loss(trainer, loss, average_logps=average))
    tiny.assert_steps(ours, steps(lambda _: None), 1e-5)


def test_the_loss_of_experts_is_added_as_trl_does() -> None:
    def steps(prepare: Callable[[Any], Any]) -> tiny.Steps:
        return tiny.run("dpo", 2, prepare, policy=mixture(), router_aux_loss_coef=0.5)

    theirs = steps(lambda _: None)
    assert theirs[0]["loss"] > 1.0  # log 2 and half of a loss near 2
    tiny.assert_steps(steps(lambda trainer: with_loss(trainer, SAME["dpo:sigmoid"][0])), theirs, 1e-5)


def mixture() -> Any:
    from transformers import MixtralConfig, MixtralForCausalLM, set_seed

    sizes = {"vocab_size": 1000, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "num_local_experts": 4}
    set_seed(0)
    return MixtralForCausalLM(MixtralConfig(**sizes, **heads, pad_token_id=0, bos_token_id=1, eos_token_id=2)).float()


def test_a_loss_that_trl_lacks_trains_and_all_metrics_stay() -> None:
    """DPO with an asymmetric margin: after 12 steps the mean margin is above 1, and the loss is what it says."""
    seen: list[Any] = []

    def loss(chosen: Tensor, rejected: Tensor) -> Tensor:
        return losses.dpo(chosen, rejected, beta=0.1) + 0.05 * losses.dpo(-chosen.relu(), chosen * 0, beta=1.0)

    steps = tiny.run("dpo", 12, lambda trainer: with_loss(trainer, noted(loss, seen)))
    theirs = tiny.run("dpo", 1)
    assert theirs[0].keys() == steps[0].keys()
    for step, arguments in zip(steps, seen, strict=True):
        chosen, rejected = (x.detach() for x in arguments)
        assert step["loss"] == pytest.approx(loss(chosen, rejected).mean().item(), rel=1e-5)
        assert step["rewards/chosen"] == pytest.approx(0.1 * chosen.mean().item(), rel=1e-4, abs=1e-6)
    assert sum(step["rewards/margins"] for step in steps[-4:]) / 4 > 1.0


@pytest.mark.parametrize("name", quick(["dpo", "simpo", "cpo", "orpo"], "dpo", "cpo"))
def test_a_mean_is_the_sum_over_the_number_of_tokens(name: str) -> None:
    """In the first batch, whose log-probs no loss has changed yet."""
    seen: list[Any] = []

    def prepare(trainer: Any, average: bool) -> None:
        for module in (trainer.model, getattr(trainer, "ref_model", None)):
            if module is not None:  # log-probs alone, and log-ratios that are not 0
                module.lm_head.weight.data.mul_(0.9 if module is trainer.model else 1.0)
        loss = noted(lambda first, *_: 0.0 * first, seen)
        with_loss(trainer, loss, average_logps=average)

    for average in (False, True):
        tiny.run(name, 1, partial(prepare, average=average), rows=tiny.pairs(4))
    sums, means = (torch.cat(arguments).detach() for arguments in seen)
    counts = (sums / means).sort().values
    words = tiny.tokenizer()
    texts = [row[side] for row in tiny.pairs(4) for side in ("chosen", "rejected")]
    lengths = torch.tensor([len(words(text)["input_ids"]) + 1.0 for text in texts])  # and the end of the sequence
    torch.testing.assert_close(counts, lengths.sort().values, rtol=1e-4, atol=0)


def weighted(rows: list[tiny.Row]) -> list[tiny.Row]:
    return [{**row, "importance": 0.25 * number} for number, row in enumerate(rows)]


@pytest.mark.parametrize(("name", "config"), [("dpo", {}), ("reward", {}), ("cpo", {"cpo_alpha": 0.0}), ("orpo", {})])
def test_weights_of_a_column_multiply_the_losses(name: str, config: dict[str, Any]) -> None:
    """All losses are 2, and the weights of the batch's four rows are 0 to 0.75."""

    def prepare(trainer: Any) -> None:
        with_loss(trainer, lambda chosen, _: 2.0 + 0.0 * chosen, weight_column="importance")

    step = tiny.run(name, 1, prepare, rows=weighted(tiny.pairs(4)), **config)[0]
    assert step["loss"] - step.get("nll_loss", 0.0) == pytest.approx(0.75, rel=1e-5)


def test_weights_of_single_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tiny.unpaired
    monkeypatch.setattr(tiny, "unpaired", lambda rows: weighted(plain(rows)))

    def prepare(trainer: Any) -> None:
        with_loss(trainer, lambda ratios, labels, _: labels + 0.0 * ratios, weight_column="importance")

    step = tiny.run("kto", 1, prepare, rows=tiny.pairs(2))[0]
    assert step["loss"] == pytest.approx((0.0 + 0.5) / 4)  # the desirable ones are the first and the third


def test_weight_zero_is_as_absent_and_weight_two_as_twice() -> None:
    """A batch of 4 with weights 2, 0, 2, 0 has the gradient of its first and third row."""

    def gradient(rows: list[tiny.Row], column: str | None, **more: Any) -> float:
        prepare = partial(with_loss, loss=partial(losses.dpo, beta=0.1), weight_column=column)
        return tiny.run("dpo", 1, prepare, rows=rows, **more)[0]["grad_norm"]

    rows = tiny.pairs(4)
    half = [{**row, "w": 2.0 * (number % 2 == 0)} for number, row in enumerate(rows)]
    alone = gradient(rows[::2], None, per_device_train_batch_size=2)
    assert gradient(half, "w") == pytest.approx(alone, rel=1e-4)


def test_weights_of_data_that_only_evaluate_is_given(tmp_path: Path) -> None:
    """Its references are scored by then, with the collator that brings weights."""
    from datasets import Dataset

    rows = weighted(tiny.pairs(4))
    trainer = tiny.trainer("dpo", str(tmp_path), 1, rows=rows, precompute_ref_log_probs=True)
    with_loss(trainer, lambda chosen, _: 2.0 + 0.0 * chosen, weight_column="importance")
    assert trainer.evaluate(Dataset.from_list(rows))["eval_loss"] == pytest.approx(0.75, rel=1e-6)


def test_weights_can_be_cut_by_rows_as_the_rest_of_a_batch(tmp_path: Path) -> None:
    """As accelerate does that puts the batches of two processes together and cuts them again."""
    trainer = tiny.trainer("dpo", str(tmp_path), 1, rows=weighted(tiny.pairs(4)))
    with_loss(trainer, losses.hinge, weight_column="importance")
    rows = list(trainer.train_dataset)
    together = [trainer.data_collator(rows[:2]), trainer.data_collator(rows[2:])]
    column = torch.cat([part["prefcore_weights"] for part in together])
    size = len(together[0]["input_ids"])
    assert len(column) == sum(len(part["input_ids"]) for part in together)
    assert [column[:size][:2].tolist(), column[size:][:2].tolist()] == [[0.0, 0.25], [0.5, 0.75]]


def test_accumulation_has_the_gradient_of_one_large_batch() -> None:
    def first(**more: Any) -> tiny.Row:
        prepare = partial(with_loss, loss=partial(losses.dpo, beta=0.1))
        return tiny.run("dpo", 1, prepare, **more)[0]

    one = first(per_device_train_batch_size=8)
    two = first(per_device_train_batch_size=4, gradient_accumulation_steps=2)
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-6)
    assert two["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-5)


def test_a_further_call_replaces_the_loss_and_the_weights_and_no_class_changes(tmp_path: Path) -> None:
    trainer = tiny.trainer("dpo", str(tmp_path), 1, rows=weighted(tiny.pairs(8)))
    collator = trainer.data_collator
    before = dict(vars(trl.DPOTrainer))
    assert with_loss(trainer, losses.hinge, weight_column="importance") is trainer
    assert trainer.data_collator is not collator
    with_loss(trainer, partial(losses.dpo, beta=0.1))
    assert trainer.data_collator is collator
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(0.6931472, abs=1e-6)
    assert dict(vars(trl.DPOTrainer)) == before


@pytest.mark.parametrize("name", quick(["dpo", "kto", "reward", "cpo"], "dpo", "cpo"))
def test_evaluation_reports_our_loss(name: str, tmp_path: Path) -> None:
    trainer = tiny.trainer(name, str(tmp_path), 1, rows=tiny.pairs(8))
    with_loss(trainer, lambda first, *_: first * 0 + 7.0)
    found = trainer.evaluate(trainer.train_dataset)
    assert found["eval_loss"] == pytest.approx(7.0 + (found.get("eval_nll_loss", 0.0) if name == "cpo" else 0.0))


def test_evaluation_with_compute_metrics_gets_trls_outputs(tmp_path: Path) -> None:
    trainer = tiny.trainer("dpo", str(tmp_path), 1, rows=tiny.pairs(4))
    with_loss(trainer, partial(losses.hinge, beta=0.1))
    batch = trainer.data_collator([trainer.train_dataset[row] for row in range(4)])
    loss, outputs = trainer.compute_loss(trainer.model, batch, return_outputs=True)
    assert loss.item() == pytest.approx(1.0, abs=1e-6)
    assert outputs.logits.shape == (*batch["input_ids"].shape, 1000)


REFUSED = {
    "not callable": ("dpo", {}, {"loss": 0.5}, "loss must be a function of tensors, got float"),
    "two losses": (
        "dpo",
        {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5]},
        {},
        r"loss_type must be a single one, got \['sigmoid', 'sft'\], whose terms would be dropped: add .*medical_rpo",
    ),
    "scaled loss": ("dpo", {"loss_weights": [2.0]}, {}, r"loss_weights must be None, got \[2.0\]: TRL would drop it"),
    "pairs for KTO": (
        "kto",
        {},
        {"loss": losses.dpo},
        r"loss is called as loss\(logratios, labels, kl\), got dpo: too many positional arguments",
    ),
    "KTO for pairs": (
        "dpo",
        {},
        {"loss": losses.kto},
        r"loss is called as loss\(chosen, rejected\), got kto: missing a required argument: 'kl'",
    ),
    "misspelled": (
        "dpo",
        {},
        {"loss": partial(losses.hinge, bta=0.1)},
        r"loss is called as loss\(chosen, rejected\), got hinge: got an unexpected keyword argument 'bta'",
    ),
    "means of KTO": (
        "kto",
        {},
        {"loss": losses.kto, "average_logps": True},
        "average_logps must be False: the kl that a KTOTrainer estimates is one of sums over tokens",
    ),
    "divergence": ("dpo", {"f_divergence_type": "js_divergence"}, {}, 'f_divergence_type must be "reverse_kl", got'),
    "wpo": ("dpo", {"use_weighting": True}, {}, "use_weighting must be False: TRL would multiply its own loss"),
    "center": ("reward", {"center_rewards_coefficient": 0.1}, {}, "center_rewards_coefficient must be None, got 0.1"),
    "means of rewards": ("reward", {}, {"average_logps": True}, "average_logps must be False: a RewardTrainer has"),
    "grpo": ("grpo", {}, {}, "trainer must be one of DPOTrainer, KTOTrainer, .* of TRL, got GRPOTrainer"),
    "column": ("dpo", {}, {"weight_column": "w"}, "weight_column 'w' is not in the training data, which has prompt, "),
}


def test_a_column_that_the_evaluation_data_lack_is_refused_at_the_call(tmp_path: Path) -> None:
    trainer = tiny.trainer("dpo", str(tmp_path), 1, rows=weighted(tiny.pairs(4)))
    bare = tiny.trainer("dpo", str(tmp_path), 1, rows=tiny.pairs(4)).train_dataset
    for data, place in ((bare, "eval_dataset"), ({"own": trainer.train_dataset, "b": bare}, r"eval_dataset\['b'\]")):
        trainer.eval_dataset = data
        with pytest.raises(DomainError, match=f"weight_column 'importance' is not in {place}, which has prompt"):
            with_loss(trainer, losses.hinge, weight_column="importance")
    trainer.eval_dataset = {"own": trainer.train_dataset}
    with_loss(trainer, lambda chosen, _: 2.0 + 0.0 * chosen, weight_column="importance")
    assert trainer.evaluate()["eval_own_loss"] == pytest.approx(0.75, rel=1e-6)


def test_kto_without_an_estimate_hands_a_kl_of_zero() -> None:
    """And the reward that TRL logs still has TRL's beta, but not its weight of desirable rows."""
    found = []
    for more in ({}, {"loss_type": "apo_zero_unpaired"}):
        seen: list[Any] = []
        config = {"desirable_weight": 5.0, "beta": 0.3, **more}
        steps = tiny.run("kto", 3, lambda trainer: with_loss(trainer, noted(losses.kto, seen)), **config)  # noqa: B023
        found.append(max(kl.item() for _, _, kl in seen))
        for step, arguments in zip(steps, seen, strict=True):
            assert step["loss"] == pytest.approx(losses.kto(*arguments).mean().item(), rel=1e-5)
    assert found[0] > 0.0
    assert found[1] == 0.0


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_dropped_or_cannot_be_is_refused(case: str, tmp_path: Path) -> None:
    name, config, given, message = REFUSED[case]
    trainer = tiny.trainer(name, str(tmp_path), 1, rows=tiny.pairs(4), **config)
    with pytest.raises(DomainError, match=message):
        with_loss(trainer, **{"loss": losses.hinge, **given})


@pytest.mark.parametrize(
    ("loss", "got"),
    [(lambda c, r: (c - r).mean(), r"\[\]"), (lambda c, r: (c - r, r), "tuple"), (lambda *_: 0.0, "float")],
)
def test_a_loss_that_is_not_one_value_per_row_is_refused(loss: Any, got: str, tmp_path: Path) -> None:
    trainer = with_loss(tiny.trainer("dpo", str(tmp_path), 1, rows=tiny.pairs(4)), loss)
    with pytest.raises(ShapeError, match=rf"loss must return one value per row, \[4\] like its first arg.*, got {got}"):
        trainer.train()


def test_data_that_the_loss_would_not_see_or_lacks_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "margin": 1.0} for row in tiny.pairs(4)]
    trainer = with_loss(tiny.trainer("reward", str(tmp_path), 1, rows=rows), losses.bradley_terry)
    with pytest.raises(DomainError, match="a column 'margin', which the loss would not see"):
        trainer.train()
    rows = [{**row, "w": None if number == 2 else 1.0} for number, row in enumerate(tiny.pairs(4))]
    trainer = with_loss(tiny.trainer("dpo", str(tmp_path), 1, rows=rows), losses.hinge, weight_column="w")
    with pytest.raises(DomainError, match=r"weight_column 'w' must hold finite numbers, got None in row \d of a batch"):
        trainer.train()
    other = tiny.trainer("dpo", str(tmp_path), 1, rows=tiny.pairs(4)).train_dataset
    with pytest.raises(DomainError, match="weight_column 'w' is not in the data, which has "):
        trainer.evaluate(other)

"""PreferenceTrainer and attach_loss on the set-up of the golden TRL runs."""

import copy
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    pytest.importorskip("transformers", reason="transformers is not installed")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")

from integrations import tiny_pairs
from prefcore import losses
from prefcore.integrations.transformers import (
    PreferenceTrainer,
    add_fused_lm_head,
    attach_loss,
    preference_collator,
)

#: of trl_golden.json, dpo:sigmoid
GOLDEN = [0.6931471824645996, 0.6233952045440674, 0.49153053760528564, 0.3852182924747467, 0.6191346049308777]
GOLDEN_NORMS = [2.6178784370422363, 1.6374094486236572, 2.2695064544677734, 1.3469853401184082, 1.3896546363830566]
GOLDEN_MARGINS = [0.0, 0.15197648108005524, 0.4768523573875427, 0.8457924127578735, 0.2127300500869751]
DPO = partial(losses.dpo, beta=0.1)
SIMPO = partial(losses.simpo, beta=2.0, margin=0.5)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_pairs.tokenizer()


@pytest.fixture(scope="module")
def dataset() -> Any:
    return datasets.Dataset.from_list(tiny_pairs.pairs())


def preference_trainer(tokenizer: Any, dataset: Any, args: Any, model: Any = None, **options: Any) -> PreferenceTrainer:
    model = tiny_pairs.model() if model is None else model
    options = {"loss": DPO, "data_collator": preference_collator(tokenizer), **options}
    return PreferenceTrainer(model, args, train_dataset=dataset, **options)


def test_losses_of_trl_dpo(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    model = tiny_pairs.model()
    args = tiny_pairs.arguments(tmp_path, steps=5)
    lines = tiny_pairs.trained(preference_trainer(tokenizer, dataset, args, model, ref_model=copy.deepcopy(model)))
    assert lines[0]["loss"] == pytest.approx(GOLDEN[0], abs=1e-6)
    assert [line["loss"] for line in lines] == pytest.approx(GOLDEN, rel=1e-4)
    assert [line["grad_norm"] for line in lines] == pytest.approx(GOLDEN_NORMS, rel=1e-4)
    assert [0.1 * line["margin"] for line in lines] == pytest.approx(GOLDEN_MARGINS, rel=1e-4, abs=1e-6)


def test_trls_own_trainer_with_our_head(dataset: Any, tokenizer: Any, tmp_path: Path) -> None:
    """trainers.md 3.2: patched after the trainer is built, TRL's losses are those of its own head."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trl = pytest.importorskip("trl", reason="trl is not installed")
    names = ("log_probs", "entropy", "mean_logits", "is_top1")
    settings = vars(tiny_pairs.arguments(tmp_path, steps=5))
    kept = ("output_dir", "max_steps", "per_device_train_batch_size", "learning_rate", "lr_scheduler_type")
    kept += ("logging_steps", "save_strategy", "report_to", "use_cpu", "seed", "data_seed", "disable_tqdm")
    options = {"bf16": False, "gradient_checkpointing": False, "max_length": 128, "beta": 0.1}
    args = trl.DPOConfig(**{name: settings[name] for name in kept}, **options)
    model = tiny_pairs.model()
    reference = copy.deepcopy(model)
    trainer = trl.DPOTrainer(
        model=model, ref_model=reference, args=args, train_dataset=dataset, processing_class=tokenizer
    )
    for each in (trainer.model, trainer.ref_model):
        add_fused_lm_head(each, outputs=names)
    lines = tiny_pairs.trained(trainer)
    assert steps_of(lines, "loss") == pytest.approx(GOLDEN, rel=1e-4)
    assert steps_of(lines, "grad_norm") == pytest.approx(GOLDEN_NORMS, rel=1e-4)
    assert "entropy" in lines[0]


def steps_of(lines: list[dict[str, float]], name: str) -> list[float]:
    return [line[name] for line in lines]


def test_two_batches_of_four_are_one_of_eight(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    found = []
    for batch, accumulate in ((8, 1), (4, 2)):
        args = tiny_pairs.arguments(tmp_path, batch=batch, accumulate=accumulate, steps=3)
        model = tiny_pairs.model()
        trainer = preference_trainer(tokenizer, dataset, args, model, ref_model=copy.deepcopy(model))
        found.append(tiny_pairs.trained(trainer))
    whole, halves = found
    for name in ("loss", "grad_norm", "margin", "accuracy"):
        assert steps_of(halves, name) == pytest.approx(steps_of(whole, name), abs=1e-6 if name == "loss" else 2e-5)


def plain_trainer(tokenizer: Any, dataset: Any, folder: Path, **options: Any) -> Any:
    from transformers import Trainer

    args = tiny_pairs.arguments(folder, steps=1, **options)
    model = tiny_pairs.model()
    return Trainer(model, args, train_dataset=dataset, data_collator=preference_collator(tokenizer))


def test_attached_loss_is_safe_under_accumulation(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    found = {}
    for batch, accumulate in ((8, 1), (4, 2)):
        trainer = plain_trainer(tokenizer, dataset, tmp_path, batch=batch, accumulate=accumulate)
        attach_loss(trainer, SIMPO, average_logps=True)
        found[accumulate] = tiny_pairs.trained(trainer)[0]
    assert found[2]["loss"] == pytest.approx(found[1]["loss"], abs=1e-6)
    assert found[2]["grad_norm"] == pytest.approx(found[1]["grad_norm"], rel=1e-6)


def test_the_bare_hook_doubles_loss_and_gradient(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    """Why attach_loss exists; when transformers changes this, its docstring has to."""
    found = {}
    for batch, accumulate in ((8, 1), (4, 2)):
        trainer = plain_trainer(tokenizer, dataset, tmp_path, batch=batch, accumulate=accumulate)
        handle = attach_loss(trainer, SIMPO, average_logps=True)
        hook = trainer.compute_loss_func
        handle.undo()
        assert trainer.compute_loss_func is None
        trainer.compute_loss_func = hook
        found[accumulate] = tiny_pairs.trained(trainer)[0]
    assert found[2]["loss"] == pytest.approx(2 * found[1]["loss"], rel=1e-6)
    assert found[2]["grad_norm"] == pytest.approx(2 * found[1]["grad_norm"], rel=1e-6)


def test_attached_loss_is_that_of_the_trainer(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    attached = plain_trainer(tokenizer, dataset, tmp_path)
    attach_loss(attached, SIMPO, average_logps=True)
    ours = preference_trainer(
        tokenizer, dataset, tiny_pairs.arguments(tmp_path, steps=1), loss=SIMPO, average_logps=True
    )
    got, want = tiny_pairs.trained(attached)[0], tiny_pairs.trained(ours)[0]
    for name in ("loss", "grad_norm"):
        assert got[name] == pytest.approx(want[name], rel=1e-6)


def test_weight_column(tokenizer: Any, tmp_path: Path) -> None:
    """The loss is linear in the weights, and a pair of weight 0 is not there."""
    rows = tiny_pairs.pairs(4)
    found = {}
    for name, weights in {"all": [2.0, 2.0, 2.0, 2.0], "two": [4.0, 4.0, 0.0, 0.0], "plain": [1.0] * 4}.items():
        weighted = datasets.Dataset.from_list([{**row, "w": w} for row, w in zip(rows, weights, strict=True)])
        args = tiny_pairs.arguments(tmp_path, steps=1)
        found[name] = tiny_pairs.trained(
            preference_trainer(tokenizer, weighted, args, loss=SIMPO, average_logps=True, weight_column="w")
        )[0]["loss"]
    args = tiny_pairs.arguments(tmp_path, steps=1)
    two = preference_trainer(tokenizer, datasets.Dataset.from_list(rows[:2]), args, loss=SIMPO, average_logps=True)
    assert found["all"] == pytest.approx(2 * found["plain"], rel=1e-6)
    assert found["two"] == pytest.approx(2 * tiny_pairs.trained(two)[0]["loss"], rel=1e-6)


def test_adapters_off_are_the_reference(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    """Equal to a copy of the model without adapters, and the first loss is log 2."""
    peft = pytest.importorskip("peft", reason="peft is not installed")
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj", "lm_head"], lora_dropout=0.0)
    found = []
    for own in (True, False):
        base = tiny_pairs.model()
        copied = copy.deepcopy(base)
        model = peft.get_peft_model(base, config)
        args = tiny_pairs.arguments(tmp_path, steps=4, accumulate=2, learning_rate=1e-2)
        trainer = preference_trainer(tokenizer, dataset, args, model, ref_model=model if own else copied)
        found.append(tiny_pairs.trained(trainer))
        assert model.training, "the reference pass puts the mode back"
    assert found[0][0]["loss"] == pytest.approx(0.693147, abs=1e-6)
    assert found[0][3]["loss"] < 0.68
    for name in ("loss", "grad_norm", "margin"):
        assert steps_of(found[0], name) == pytest.approx(steps_of(found[1], name), rel=1e-5, abs=1e-6)


def test_evaluation_is_the_mean_loss_of_the_pairs(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    """And leaves training as it was: generate gives the same ids before and after."""
    model = tiny_pairs.model()
    args = tiny_pairs.arguments(tmp_path, per_device_eval_batch_size=4)
    ids = tokenizer("What is", return_tensors="pt")
    before = model.generate(**ids, max_new_tokens=8, do_sample=False)
    trainer = preference_trainer(
        tokenizer, None, args, model, loss=SIMPO, average_logps=True, eval_dataset=dataset.select(range(8))
    )
    figures = trainer.evaluate()
    collate = preference_collator(tokenizer)
    batches = [collate(list(dataset.select(range(n, n + 4)))) for n in (0, 4)]
    want = sum(trainer.compute_loss(model, batch).item() for batch in batches) / 2
    assert figures["eval_loss"] == pytest.approx(want, rel=1e-6)
    assert 0 <= figures["eval_accuracy"] <= 1
    assert model.generate(**ids, max_new_tokens=8, do_sample=False).tolist() == before.tolist()


@pytest.mark.parametrize(("options", "tolerance"), [({"gradient_checkpointing": True}, 1e-6), ({"bf16": True}, 3e-2)])
def test_other_ways_to_run(
    tokenizer: Any, dataset: Any, tmp_path: Path, options: dict[str, Any], tolerance: float
) -> None:
    """Gradient checkpointing changes nothing, autocast little; both reach the head through the model's forward."""
    model = tiny_pairs.model()
    args = tiny_pairs.arguments(tmp_path, steps=5, **options)
    lines = tiny_pairs.trained(preference_trainer(tokenizer, dataset, args, model, ref_model=copy.deepcopy(model)))
    assert lines[0]["loss"] == pytest.approx(GOLDEN[0], abs=1e-6)
    assert steps_of(lines, "loss") == pytest.approx(GOLDEN, rel=max(tolerance, 1e-4))
    assert steps_of(lines, "grad_norm") == pytest.approx(GOLDEN_NORMS, rel=max(tolerance, 1e-4))


def test_a_mean_as_loss_is_refused(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    from prefcore.errors import ShapeError

    trainer = preference_trainer(
        tokenizer, dataset, tiny_pairs.arguments(tmp_path, steps=1), loss=lambda c, r: DPO(c, r).mean()
    )
    with pytest.raises(ShapeError, match=r"loss must return one value per pair, \[4\], got \[\]"):
        trainer.train()


def test_arguments_that_do_not_fit(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    from prefcore.errors import DomainError

    args, model = tiny_pairs.arguments(tmp_path, steps=1), tiny_pairs.model()
    with pytest.raises(DomainError, match="ref_model is the model itself, which has no adapters to turn off"):
        preference_trainer(tokenizer, dataset, args, model, ref_model=model)
    with pytest.raises(DomainError, match=r"data_collator must be given: preference_collator\(tokenizer\)"):
        PreferenceTrainer(model, args, loss=DPO, train_dataset=dataset)
    missing = preference_trainer(tokenizer, dataset, args, model, weight_column="w")
    with pytest.raises(DomainError, match="weight_column 'w' is not in the batch, which has input_ids"):
        missing.train()
    with pytest.raises(TypeError, match=r"trainer must be a transformers\.Trainer, got int"):
        attach_loss(3, DPO)

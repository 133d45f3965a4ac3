"""Figures that PreferenceTrainer reports, counted by hand, and references and weights that do not arrive."""

import copy
import math
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    pytest.importorskip("transformers", reason="transformers is not installed")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")

from integrations import tiny_pairs
from prefcore import losses
from prefcore.errors import DomainError
from prefcore.integrations.transformers import (
    PreferenceTrainer,
    attach_loss,
    precompute_ref_logps,
    preference_collator,
)

DPO = partial(losses.dpo, beta=0.1)
#: at 9 rows in batches of 4 a mean of means differs from the mean
ROWS = tiny_pairs.pairs(9)
TURNED = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in ROWS]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def collate() -> Any:
    return preference_collator(tiny_pairs.tokenizer())


@pytest.fixture(scope="module")
def scored(collate: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The rows with the log-probs of another model."""
    rows, folder = datasets.Dataset.from_list(ROWS), tmp_path_factory.mktemp("scored")
    return precompute_ref_logps(tiny_pairs.model(seed=1), rows, collator=collate, cache_dir=folder)


@pytest.fixture(scope="module")
def gaps(collate: Any) -> torch.Tensor:
    """[9] chosen - rejected of the untrained model, from its logits."""
    batch = collate(ROWS)
    labels = batch["labels"][:, 1:]
    with torch.no_grad():
        logits = tiny_pairs.model()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    logps = logits[:, :-1].log_softmax(-1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    chosen, rejected = (logps * (labels != -100)).sum(1).chunk(2)
    return chosen - rejected


def built(folder: Path, collate: Any, model: Any = None, *, args: dict[str, Any] | None = None, **options: Any) -> Any:
    from transformers import PrinterCallback

    settings = tiny_pairs.arguments(folder, **{"steps": 1, "per_device_eval_batch_size": 4, **(args or {})})
    options = {"loss": DPO, "data_collator": collate, **options}
    trainer = PreferenceTrainer(tiny_pairs.model() if model is None else model, settings, **options)
    trainer.remove_callback(PrinterCallback)
    return trainer


def test_evaluation_counts_every_pair_once(collate: Any, gaps: torch.Tensor, tmp_path: Path) -> None:
    figures = built(tmp_path, collate, eval_dataset=ROWS).evaluate()
    assert figures["eval_accuracy"] == (gaps > 0).sum().item() / 9
    assert figures["eval_margin"] == pytest.approx(gaps.mean().item(), rel=1e-5)
    assert figures["eval_loss"] == pytest.approx(-torch.nn.functional.logsigmoid(0.1 * gaps).mean().item(), rel=1e-5)


def test_a_logged_line_counts_every_pair_once(collate: Any, gaps: torch.Tensor, tmp_path: Path) -> None:
    """Batches of 4, 4 and 1 at a learning rate of 0 are one line."""
    steps = {"steps": 3, "logging_steps": 3, "learning_rate": 0.0}
    (line,) = tiny_pairs.trained(built(tmp_path, collate, args=steps, train_dataset=ROWS))
    assert line["accuracy"] == (gaps > 0).sum().item() / 9
    assert line["margin"] == pytest.approx(gaps.mean().item(), rel=1e-5)


def test_no_evaluation_enters_the_next(collate: Any, gaps: torch.Tensor, tmp_path: Path) -> None:
    right = (gaps > 0).sum().item() / 9
    trainer = built(tmp_path, collate, eval_dataset=ROWS)
    assert trainer.predict(TURNED).metrics["test_accuracy"] == pytest.approx(1 - right)
    assert trainer.evaluate()["eval_accuracy"] == right
    assert trainer.evaluate(TURNED, metric_key_prefix="train")["train_accuracy"] == pytest.approx(1 - right)
    assert trainer.evaluate(metric_key_prefix="other")["other_margin"] == pytest.approx(gaps.mean().item(), rel=1e-5)


def test_without_logging_nothing_piles_up(collate: Any, tmp_path: Path) -> None:
    trainer = built(tmp_path, collate, args={"steps": 3, "logging_strategy": "no"}, train_dataset=ROWS)
    trainer.train()
    assert trainer._sums[True].shape == (3,)
    assert trainer._sums[True][2] == 9


@pytest.mark.parametrize("kind", [None, "torch", "numpy"])
def test_reference_columns_of_every_format(collate: Any, scored: Any, tmp_path: Path, kind: str | None) -> None:
    live = built(tmp_path, collate, eval_dataset=ROWS, ref_model=tiny_pairs.model(seed=1)).evaluate()
    figures = built(tmp_path, collate, eval_dataset=scored.with_format(kind)).evaluate()
    for name in ("eval_loss", "eval_margin", "eval_accuracy"):
        assert figures[name] == pytest.approx(live[name], rel=1e-5)
    assert abs(figures["eval_loss"] - math.log(2)) > 1e-3


def test_a_reference_that_does_not_arrive_is_refused(collate: Any, scored: Any, tmp_path: Path) -> None:
    message = "the batch has no ref_chosen_logps and ref_rejected_logps, which other rows of this trainer bring"
    with pytest.raises(DomainError, match=message):
        built(tmp_path, collate, train_dataset=scored, eval_dataset=ROWS).evaluate()
    seen = built(tmp_path, collate, eval_dataset=ROWS)
    seen.evaluate(list(scored))
    with pytest.raises(DomainError, match=message):
        seen.evaluate()
    half = [{name: value for name, value in row.items() if name != "ref_rejected_logps"} for row in scored]
    with pytest.raises(DomainError, match="the batch has ref_chosen_logps but no ref_rejected_logps; expected both"):
        built(tmp_path, collate, eval_dataset=half).evaluate()
    with pytest.raises(DomainError, match="row 0 of the batch: ref_chosen_logps must be a number, got None"):
        built(tmp_path, collate, eval_dataset=[{**row, "ref_chosen_logps": None} for row in scored]).evaluate()


def test_two_references_are_refused(collate: Any, scored: Any, tmp_path: Path) -> None:
    message = "ref_model and the columns ref_chosen_logps and ref_rejected_logps are two references: give one"
    with pytest.raises(DomainError, match=message):
        built(tmp_path, collate, train_dataset=scored, ref_model=tiny_pairs.model(seed=1))
    with pytest.raises(DomainError, match=message):
        built(tmp_path, collate, ref_model=tiny_pairs.model(seed=1)).evaluate(list(scored))


def test_numbers_that_are_not_finite_are_refused(collate: Any, scored: Any, tmp_path: Path) -> None:
    """Trainer would log a loss of 0 and make all parameters NaN."""
    for wrong in (math.nan, math.inf):
        rows = [{**row, "w": wrong if n == 2 else 1.0} for n, row in enumerate(ROWS)]
        message = f"w must hold finite numbers, got {wrong} in row 2 of a batch"
        with pytest.raises(DomainError, match=message):
            built(tmp_path, collate, eval_dataset=rows, weight_column="w").evaluate()
    rows = [{**row, "ref_rejected_logps": math.nan if n == 1 else -3.0} for n, row in enumerate(scored)]
    message = "ref_rejected_logps must hold finite numbers, got nan in row 1 of a batch"
    with pytest.raises(DomainError, match=message):
        built(tmp_path, collate, eval_dataset=rows).evaluate()


def test_dropout_is_off_in_both_models(tmp_path: Path) -> None:
    """As in TRL: with GPT-2's 0.1 the first loss of a policy that is its own reference would not be log 2."""
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=1000, n_embd=32, n_layer=1, n_head=2, n_positions=128))
    reference, collate = copy.deepcopy(model), preference_collator(tiny_pairs.tokenizer())
    trainer = built(tmp_path, collate, model, train_dataset=ROWS, ref_model=reference)
    assert tiny_pairs.trained(trainer)[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    for each in (model, reference):
        assert {module.p for module in each.modules() if isinstance(module, torch.nn.Dropout)} == {0.0}


def test_ones_own_optimizer(collate: Any, tmp_path: Path) -> None:
    """A step of plain SGD moves each weight by learning rate times gradient."""
    model = tiny_pairs.model()
    before = model.lm_head.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    optimizers, args = (optimizer, None), {"max_grad_norm": 0.0, "batch": 9}
    built(tmp_path, collate, model, args=args, train_dataset=ROWS, optimizers=optimizers).train()
    fresh = tiny_pairs.model()
    built(tmp_path, collate, fresh).compute_loss(fresh, collate(ROWS)).backward()
    torch.testing.assert_close(model.lm_head.weight, before - 0.5 * fresh.lm_head.weight.grad, rtol=1e-4, atol=1e-7)


def test_arguments_of_other_kinds(collate: Any, tmp_path: Path) -> None:
    args = tiny_pairs.arguments(tmp_path)
    with pytest.raises(TypeError, match=r"args must be transformers\.TrainingArguments, got NoneType"):
        PreferenceTrainer(tiny_pairs.model(), None, loss=DPO, data_collator=collate)
    with pytest.raises(TypeError, match=r"loss must be a function of \(chosen, rejected\), got str"):
        PreferenceTrainer(tiny_pairs.model(), args, loss="dpo", data_collator=collate)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="model must be a transformers causal language model, not wrapped, got str"):
        PreferenceTrainer("gpt2", args, loss=DPO, data_collator=collate)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ref_model must be a transformers causal language model, got str"):
        built(tmp_path, collate, ref_model="gpt2")
    constant = built(tmp_path, collate, loss=lambda _c, _r: 1.0, eval_dataset=ROWS)
    with pytest.raises(TypeError, match="loss must return a tensor of one value per pair, got float"):
        constant.evaluate()


def test_attach_loss_where_it_would_be_ignored(collate: Any, tmp_path: Path) -> None:
    message = (
        r"PreferenceTrainer computes its loss itself and would ignore this one: use PreferenceTrainer\(\.\.\., los"
    )
    with pytest.raises(DomainError, match=message):
        attach_loss(built(tmp_path, collate), DPO)
    fields = {"compute_loss_func": None, "loss_is_scaled_for_ga": None}
    foreign = type("DPOTrainer", (), {"compute_loss": lambda _: 0.0, "__module__": "trl.trainer.dpo_trainer", **fields})
    message = r"DPOTrainer computes its loss itself .*: use prefcore\.integrations\.trl\.with_loss"
    with pytest.raises(DomainError, match=message):
        attach_loss(foreign(), DPO)
    with pytest.raises(TypeError, match=r"loss must be a function of \(chosen, rejected\), got NoneType"):
        attach_loss(SimpleNamespace(**fields), None)  # type: ignore[arg-type]

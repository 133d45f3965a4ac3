"""References that were scored beforehand, and references that follow the policy."""

import copy
import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    pytest.importorskip("transformers", reason="transformers is not installed")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")

from integrations import tiny_pairs
from prefcore import losses
from prefcore.errors import DomainError, ShapeError
from prefcore.integrations.transformers import (
    PreferenceTrainer,
    precompute_ref_logps,
    preference_collator,
    soft_update,
)
from prefcore.weights import length_desensitized

DPO = partial(losses.dpo, beta=0.1)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_pairs.tokenizer()


@pytest.fixture(scope="module")
def dataset() -> Any:
    return datasets.Dataset.from_list(tiny_pairs.pairs(20))


def losses_of(dataset: Any, collator: Any, folder: Path, **options: Any) -> list[float]:
    args = tiny_pairs.arguments(folder, steps=4)
    trainer = PreferenceTrainer(
        tiny_pairs.model(), args, loss=DPO, train_dataset=dataset, data_collator=collator, **options
    )
    return [line["loss"] for line in tiny_pairs.trained(trainer)]


@pytest.mark.parametrize("average", [False, True])
def test_equal_to_the_live_reference(tokenizer: Any, dataset: Any, tmp_path: Path, average: bool) -> None:
    collate = preference_collator(tokenizer)
    reference = tiny_pairs.model(seed=1)
    scored = precompute_ref_logps(reference, dataset, collator=collate, cache_dir=tmp_path / "cache")
    assert "forward" not in vars(reference), "the model is as it was"
    live = losses_of(dataset, collate, tmp_path, ref_model=reference, average_logps=average)
    cached = losses_of(scored, collate, tmp_path, average_logps=average)
    assert cached == pytest.approx(live, rel=1e-6)
    assert abs(live[0] - 0.693147) > 1e-3, "the reference is another model, so the first loss is not log 2"


def test_a_second_call_reads_the_file(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    collate, model = preference_collator(tokenizer), tiny_pairs.model()
    first = precompute_ref_logps(model, dataset, collator=collate, cache_dir=tmp_path)
    file = tmp_path / "ref_logps.json"
    stored = json.loads(file.read_text())
    stored["ref_chosen_logps"][3] = -77.0
    file.write_text(json.dumps(stored))
    second = precompute_ref_logps(model, dataset, collator=collate, cache_dir=tmp_path)
    assert second["ref_chosen_logps"][3] == -77.0
    assert list(second["ref_rejected_logps"]) == list(first["ref_rejected_logps"])
    again = precompute_ref_logps(model, second, collator=collate, cache_dir=tmp_path)
    assert again.column_names == second.column_names


def test_another_model_tokens_or_weights_raise(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    collate, model = preference_collator(tokenizer), tiny_pairs.model()
    score = partial(precompute_ref_logps, cache_dir=tmp_path)
    score(model, dataset, collator=collate)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.lm_head.weight[7, 3] += 1e-6
    with pytest.raises(DomainError, match="the weights of the model differ from those that were scored"):
        score(other, dataset, collator=collate)
    with pytest.raises(DomainError, match="row 2: tokens or weights differ from those that were scored"):
        score(model, dataset, collator=preference_collator(tokenizer, max_length=20))
    changed = dataset.map(lambda _, n: {"chosen": " 0."} if n == 11 else {}, with_indices=True)
    with pytest.raises(DomainError, match="row 11: tokens or weights differ from those that were scored"):
        score(model, changed, collator=collate)
    with pytest.raises(DomainError, match=r"8 rows, but 20 were scored\. .*ref_logps\.json was made with other inputs"):
        score(model, dataset.select(range(8)), collator=collate)
    with pytest.raises(DomainError, match="row 0: tokens or weights differ from those that were scored"):
        score(model, dataset, collator=collate, weights=lambda mask: 0.5 * mask)


def test_the_trainer_compares_tokens(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    """trl#7084: the numbers of other tokens, or with token weights, never enter a loss."""
    collate = preference_collator(tokenizer)
    scored = precompute_ref_logps(tiny_pairs.model(), dataset, collator=collate, cache_dir=tmp_path / "a")
    message = r"row \d of the batch: the tokens are not those whose reference log-probs the dataset holds"
    with pytest.raises(DomainError, match=message):
        losses_of(scored, preference_collator(tokenizer, max_length=20), tmp_path)
    weighted = precompute_ref_logps(
        tiny_pairs.model(),
        dataset,
        collator=collate,
        cache_dir=tmp_path / "b",
        weights=lambda mask: length_desensitized(mask, mask.roll(len(mask) // 2, 0), alpha=0.5),
    )
    assert weighted["ref_chosen_logps"] != scored["ref_chosen_logps"]
    with pytest.raises(DomainError, match=message):
        losses_of(weighted, collate, tmp_path)


def test_other_inputs_are_refused_before_scoring(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    collate, model = preference_collator(tokenizer), tiny_pairs.model()
    score = partial(precompute_ref_logps, model, collator=collate)
    message = r"dataset must be a datasets\.Dataset, got list; make one by datasets\.Dataset\.from_list\(rows\)"
    with pytest.raises(TypeError, match=message):
        score(list(dataset), cache_dir=tmp_path)
    with pytest.raises(TypeError, match=r"dataset must be a datasets\.Dataset, got IterableDataset"):
        score(dataset.to_iterable_dataset(), cache_dir=tmp_path)
    with pytest.raises(TypeError, match=r"weights must return a tensor \[16, \d+\], got float"):
        score(dataset, cache_dir=tmp_path, weights=lambda _: 0.5)
    for torn in ('{"model": "ab', "[]", '{"model": "ab"}'):
        (tmp_path / "ref_logps.json").write_text(torn)
        with pytest.raises(DomainError, match=r"ref_logps\.json is damaged or not of precompute_ref_logps: delete it"):
            score(dataset, cache_dir=tmp_path)


def test_weights_enter_the_sums(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    collate, model = preference_collator(tokenizer), tiny_pairs.model()
    plain = precompute_ref_logps(model, dataset, collator=collate, cache_dir=tmp_path / "a")
    halved = precompute_ref_logps(model, dataset, collator=collate, cache_dir=tmp_path / "b", weights=lambda m: 0.5 * m)
    for name in ("ref_chosen_logps", "ref_rejected_logps"):
        assert list(halved[name]) == pytest.approx([0.5 * x for x in plain[name]], rel=1e-6)
    with pytest.raises(ShapeError, match=r"weights must give \[16, \d+\] like the mask, got \[16\]"):
        precompute_ref_logps(model, dataset, collator=collate, cache_dir=tmp_path / "c", weights=lambda m: m.sum(1))


def test_dropout_is_off_and_the_mode_comes_back(tokenizer: Any, dataset: Any, tmp_path: Path) -> None:
    model = tiny_pairs.model(attention_dropout=0.5).train()
    model.lm_head.eval()
    found = [
        precompute_ref_logps(model, dataset, collator=preference_collator(tokenizer), cache_dir=tmp_path / name)
        for name in "ab"
    ]
    assert list(found[0]["ref_chosen_logps"]) == list(found[1]["ref_chosen_logps"])
    assert model.model.training
    assert not model.lm_head.training


def test_soft_update_refuses_what_it_cannot_mix() -> None:
    narrow, wide = torch.nn.Linear(2, 3), torch.nn.Linear(4, 3)
    message = r"parameter weight must be in both models with one shape, got \[3, 2\] in ref_model and \[3, 4\] in model"
    with pytest.raises(DomainError, match=message):
        soft_update(narrow, wide)
    with pytest.raises(DomainError, match=r"parameter bias must be .*, got \[3\] in ref_model and none in model"):
        soft_update(narrow, torch.nn.Linear(2, 3, bias=False))
    with pytest.raises(DomainError, match=r"alpha must be in \[0, 1\], got 1.5"):
        soft_update(narrow, narrow, alpha=1.5)
    with pytest.raises(TypeError, match="alpha must be a number, got str"):
        soft_update(narrow, narrow, alpha="0.5")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, got str"):
        soft_update(narrow, "policy")  # type: ignore[arg-type]


def test_small_steps_of_bf16_are_rounded_away() -> None:
    """What the docstring says of it; when torch's lerp_ changes this, it has to."""
    for dtype, want in ((torch.bfloat16, 1.0), (torch.float32, 1.001)):
        reference, policy = (torch.nn.Linear(1, 1, bias=False, dtype=dtype) for _ in range(2))
        torch.nn.init.constant_(reference.weight, 1.0)
        torch.nn.init.constant_(policy.weight, 2.0)
        soft_update(reference, policy, alpha=0.001)
        assert reference.weight.item() == pytest.approx(want, abs=1e-6)

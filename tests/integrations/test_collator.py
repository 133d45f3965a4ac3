"""Where a completion begins, what counts, and what is refused."""

import json
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    pytest.importorskip("transformers", reason="transformers is not installed")

from integrations import tiny_pairs
from prefcore.errors import DomainError
from prefcore.integrations.transformers import preference_collator

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
ROW = {"prompt": "What is 3 plus 4?", "chosen": " 7.", "rejected": " 9."}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_pairs.tokenizer()


def merging(merge: tuple[str, str], **special: str) -> Any:
    """One token per byte, and one for two of them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = ["<end>", "<s>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "".join(merge)]
    raw = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens)}, merges=[merge]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=raw, **{"eos_token": "<end>", **special})


def completion(batch: dict[str, torch.Tensor], row: int) -> list[int]:
    return [int(i) for i in batch["labels"][row] if i != -100]


def prompt(batch: dict[str, torch.Tensor], row: int) -> list[int]:
    counts = (batch["labels"][row] != -100).int().argmax()
    return batch["input_ids"][row, :counts].tolist()


def test_chosen_rows_first_then_rejected(tokenizer: Any) -> None:
    rows = tiny_pairs.pairs(3)
    batch = preference_collator(tokenizer)(rows)
    for n, side in ((0, "chosen"), (3, "rejected")):
        for row in range(3):
            assert prompt(batch, n + row) == tokenizer(rows[row]["prompt"])["input_ids"]
            assert completion(batch, n + row) == [*tokenizer(rows[row][side])["input_ids"], 2]
    lengths = batch["attention_mask"].sum(1)
    assert lengths.max() == batch["input_ids"].shape[1]
    assert (batch["input_ids"] == 0).sum() == (batch["attention_mask"] == 0).sum()


def test_the_prompt_is_the_same_where_a_merge_crosses_the_boundary() -> None:
    """`a` + `b` is one token: the prompt must end with `a` all the same, as it does when the model generates."""
    tokenizer = merging(("a", "b"))
    together = tokenizer("xab")["input_ids"]
    assert len(together) == 2, "the merge is real"
    batch = preference_collator(tokenizer)([{"prompt": "xa", "chosen": "b", "rejected": "c"}])
    assert prompt(batch, 0) == prompt(batch, 1) == tokenizer("xa")["input_ids"]
    assert completion(batch, 0) == [*tokenizer("b")["input_ids"], 0]
    assert completion(batch, 1) == [*tokenizer("c")["input_ids"], 0]


def test_padding_that_shares_the_id_of_the_end() -> None:
    """MK-03: the end counts, padding with the same id does not."""
    tokenizer = merging(("a", "b"), pad_token="<end>")
    batch = preference_collator(tokenizer)([{"prompt": "x", "chosen": "yyy", "rejected": "z"}])
    assert batch["input_ids"][1, -3:].tolist() == [0, 0, 0]
    assert (batch["labels"] != -100).tolist() == [[False, True, True, True, True], [False, True, True, False, False]]
    assert batch["attention_mask"][1].tolist() == [1, 1, 1, 0, 0]


def test_mask_of_the_field_report() -> None:
    """MK-03 as reported: four completions whose ids hold the end token, masked by length."""
    record = json.loads(
        '{"completion_ids": [[5, 7, 2, 2, 2], [9, 2, 2, 2, 2], [4, 6, 8, 3, 2], [2, 2, 2, 2, 2]],'
        ' "completion_length": [3, 2, 5, 1],'
        ' "mask": [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]}'
    )
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({**{f"t{n}": n for n in (0, 1, 3, 4, 5, 6, 7, 8, 9)}, "<end>": 2}, "<end>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<end>")
    text = [
        " ".join(f"t{i}" for i in ids[: n - 1])
        for ids, n in zip(record["completion_ids"], record["completion_length"], strict=True)
    ]
    rows = [{"prompt": "t1", "chosen": text[n], "rejected": text[n + 2]} for n in (0, 1)]
    batch = preference_collator(tokenizer)(rows)
    assert batch["input_ids"][:, 1:].tolist() == record["completion_ids"]
    assert (batch["labels"][:, 1:] != -100).int().tolist() == record["mask"]


def test_messages_equal_text_that_the_template_writes(tokenizer: Any) -> None:
    tokenizer = tiny_pairs.tokenizer()
    tokenizer.chat_template = TEMPLATE
    row = {
        "prompt": [{"role": "user", "content": "2 plus 2?"}],
        "chosen": [{"role": "assistant", "content": "4"}],
        "rejected": [{"role": "assistant", "content": "5"}],
    }
    batch = preference_collator(tokenizer)([row])
    before = "<user>2 plus 2?</s><assistant>"
    assert prompt(batch, 0) == tokenizer(before)["input_ids"]
    assert completion(batch, 0) == tokenizer("4</s>")["input_ids"]
    assert completion(batch, 1) == tokenizer("5</s>")["input_ids"]
    tokenizer.chat_template = "{{ messages | length }} {% for m in messages %}{{ m.content }}{% endfor %}"
    with pytest.raises(DomainError, match="row 0 of the batch: the chat template writes the prompt differently when"):
        preference_collator(tokenizer)([row])


def test_a_tokenizer_that_begins_and_closes_every_text() -> None:
    from tokenizers import processors

    tokenizer = merging(("a", "b"), bos_token="<s>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A <end>", special_tokens=[("<s>", 1), ("<end>", 0)]
    )
    batch = preference_collator(tokenizer)([{"prompt": "x", "chosen": "y", "rejected": "zz"}])
    x, y, z = (tokenizer(text, add_special_tokens=False)["input_ids"][0] for text in "xyz")
    assert batch["input_ids"].tolist() == [[1, x, y, 0, 0], [1, x, z, z, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]


def test_an_empty_prompt_is_the_beginning_token(tokenizer: Any) -> None:
    batch = preference_collator(tokenizer)([{"prompt": "", "chosen": "7", "rejected": "9"}])
    assert prompt(batch, 0) == [1]
    assert len(completion(batch, 0)) == 2
    with pytest.raises(DomainError, match="row 0 of the batch: the prompt is empty and the tokenizer has no bos_token"):
        preference_collator(merging(("a", "b")))([{"prompt": "", "chosen": "7", "rejected": "9"}])


def test_an_empty_completion_is_its_end_token(tokenizer: Any) -> None:
    batch = preference_collator(tokenizer)([{**ROW, "rejected": ""}])
    assert completion(batch, 1) == [2]
    endless = merging(("a", "b"), eos_token=None, pad_token="<end>")  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="row 1 of the batch: rejected is empty, expected at least 1 token"):
        preference_collator(endless)([ROW, {**ROW, "rejected": ""}])


def test_truncation_takes_the_end_and_never_all(tokenizer: Any) -> None:
    n = len(tokenizer(ROW["prompt"])["input_ids"])
    whole = preference_collator(tokenizer)([ROW])
    cut = preference_collator(tokenizer, max_length=n + 1)([ROW])
    assert prompt(cut, 0) == prompt(whole, 0)
    assert completion(cut, 0) == completion(whole, 0)[:1]
    message = rf"row 0 of the batch: chosen does not fit: the prompt alone has {n} tokens \(max_length = {n}\)"
    with pytest.raises(DomainError, match=message):
        preference_collator(tokenizer, max_length=n)([ROW])


def test_columns_of_numbers_travel(tokenizer: Any) -> None:
    rows = [{**ROW, "w": 0.5, "ref_key": 2**62 + 1, "note": "x"}, {**ROW, "w": 2.0, "ref_key": -3, "note": "y"}]
    batch = preference_collator(tokenizer)(rows)
    assert batch["w"].tolist() == [0.5, 2.0]
    assert batch["ref_key"].tolist() == [2**62 + 1, -3]
    assert "note" not in batch
    with pytest.raises(DomainError, match="row 1 of the batch: w must be a number, got None"):
        preference_collator(tokenizer)([rows[0], {**rows[1], "w": None}])


def test_numbers_of_other_kinds_travel(tokenizer: Any) -> None:
    values = [0.5, np.float32(0.25), np.int64(3), torch.tensor(2.0), np.array(1.5)]
    batch = preference_collator(tokenizer)([{**ROW, "w": value} for value in values])
    assert batch["w"].tolist() == [0.5, 0.25, 3.0, 2.0, 1.5]
    collate = preference_collator(tokenizer)
    with pytest.raises(DomainError, match="row 0 of the batch: w must be a number, got None"):
        collate([ROW, {**ROW, "w": 1.0}])
    with pytest.raises(DomainError, match="row 1 of the batch: ref_rejected_logps must be a number, got None"):
        collate([{**ROW, "ref_rejected_logps": -1.0}, {**ROW, "ref_rejected_logps": None}])
    with pytest.raises(DomainError, match="row 0 of the batch: ref_key must be a number, got None"):
        collate([{**ROW, "ref_key": None}])
    with pytest.raises(DomainError, match="row 1 of the batch: n must fit into int64, got 9223372036854775808"):
        collate([{**ROW, "n": 1}, {**ROW, "n": 2**63}])
    for name in ("labels", "input_ids", "attention_mask"):
        with pytest.raises(DomainError, match=f"column '{name}' of the rows has the name of what the collator makes"):
            collate([{**ROW, name: 1}])


def test_the_template_gets_tools_and_options() -> None:
    tokenizer = tiny_pairs.tokenizer()
    tokenizer.chat_template = "{% if tools %}[{{ tools[0].name }}]{% endif %}{% if think %}!{% endif %}" + TEMPLATE
    row = {
        "prompt": [{"role": "user", "content": "2 plus 2?"}],
        "chosen": [{"role": "assistant", "content": "4"}],
        "rejected": [{"role": "assistant", "content": "5"}],
    }
    collate = preference_collator(tokenizer)
    plain, tools = "<user>2 plus 2?</s><assistant>", [{"name": "add"}]
    for more, before in (
        ({}, ""),
        ({"tools": tools}, "[add]"),
        ({"tools": json.dumps(tools), "chat_template_kwargs": {"think": True}}, "[add]!"),
        ({"tools": None, "chat_template_kwargs": None}, ""),
    ):
        batch = collate([{**row, **more}])
        assert prompt(batch, 0) == tokenizer(before + plain)["input_ids"]
        assert completion(batch, 0) == tokenizer("4</s>")["input_ids"]
    with pytest.raises(DomainError, match="row 0 of the batch: tools must be a list, or JSON of one, got 'add'"):
        collate([{**row, "tools": "add"}])
    with pytest.raises(TypeError, match="row 0 of the batch: chat_template_kwargs must be a dict, got list"):
        collate([{**row, "chat_template_kwargs": []}])


def test_it_pickles(tokenizer: Any) -> None:
    """DataLoader sends it to workers that it spawns."""
    collate = preference_collator(tokenizer, max_length=30)
    again = pickle.loads(pickle.dumps(collate))  # noqa: S301
    rows = tiny_pairs.pairs(3)
    assert {k: v.tolist() for k, v in again(rows).items()} == {k: v.tolist() for k, v in collate(rows).items()}


def test_what_is_refused(tokenizer: Any) -> None:
    collate = preference_collator(tokenizer)
    with pytest.raises(
        DomainError, match="row 0 of the batch has no column 'prompt', got 'chosen', 'rejected'"
    ) as error:
        collate([{"chosen": "a", "rejected": "b"}])
    assert str(error.value).endswith("; prefcore.pairs.split_common_prefix finds the prompt that both sides begin with")
    with pytest.raises(DomainError, match="rows must hold at least one pair, got none"):
        collate([])
    for wrong in ("gpt2", None):
        got = type(wrong).__name__
        with pytest.raises(TypeError, match=f"tokenizer must be a tokenizer of transformers, got {got}"):
            preference_collator(wrong)
    with pytest.raises(TypeError, match="row 0 of the batch: chosen must be text or a list of messages, got NoneType"):
        collate([{**ROW, "chosen": None}])
    with pytest.raises(TypeError, match="prompt and chosen must both be text or both be lists of messages"):
        collate([{**ROW, "chosen": [{"role": "assistant", "content": "4"}]}])
    with pytest.raises(DomainError, match="max_length must be an integer >= 2 or None, got 1"):
        preference_collator(tokenizer, max_length=1)
    with pytest.raises(DomainError, match="tokenizer must have a pad_token or an eos_token, got neither"):
        preference_collator(merging(("a", "b"), eos_token=None))  # type: ignore[arg-type]

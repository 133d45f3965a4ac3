"""What the training examples share: pairs from rated completions, their command line, answers of a model."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from prefcore import groups, pairs
from prefcore.logps import SequenceLogps, sequence_logps
from rated import InputError, Rated, flat, read_rated

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Row = dict[str, str]


def options(doc: str | None, argv: Sequence[str] | None, **defaults: Any) -> argparse.Namespace:
    """Read a command line of --data, --model, --seed and one option for each default."""
    parser = argparse.ArgumentParser(
        description=(doc or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    data = Path(__file__).parent / "data" / "rated.jsonl"
    parser.add_argument("--data", type=Path, default=data, help="JSONL of prompts with scored completions")
    parser.add_argument("--model", default="tiny", help="tiny (random weights), smollm2, or a local folder")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=" ")
    args = parser.parse_args(argv)
    torch.manual_seed(args.seed)
    return args


def text_pair(one: Rated, chosen: int, rejected: int) -> Row:
    """One pair of completions of a prompt."""
    return {"prompt": one.prompt + "\n", "chosen": one.responses[chosen], "rejected": one.responses[rejected]}


def text_pairs(rated: Sequence[Rated], found: pairs.Pairs) -> list[Row]:
    """Rows prompt, chosen, rejected of pairs of rows of all completions."""
    _, offsets = flat(rated)
    places = zip(found.group, found.chosen - offsets[found.group], found.rejected - offsets[found.group], strict=True)
    return [text_pair(rated[group], chosen, rejected) for group, chosen, rejected in places]


def best_and_worst(path: Path) -> list[Row]:
    """The best completion of each prompt against the worst one."""
    rated, _ = read_rated(path)
    scores, offsets = flat(rated)
    rows = text_pairs(rated, pairs.best_worst(scores, offsets=offsets))
    if len(rows) < 10:
        raise InputError(f"{path} has {len(rows)} prompts with completions of different scores, expected at least 10")
    return rows


def label_logps(model: "PreTrainedModel", batch: dict[str, Tensor]) -> SequenceLogps:
    """Sums of the labels' log-probs under a model that has `add_fused_lm_head`."""
    out = model(**batch, fused_lm_head=True)
    return sequence_logps(out.log_probs, out.label_mask)


@torch.no_grad()
def answers(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", prompts: Iterable[str], tokens: int, copies: int = 1
) -> dict[str, Tensor]:
    """Sample `copies` answers of `tokens` tokens to each prompt: a batch with labels as the collators make it."""
    ids = [tokenizer(prompt).input_ids for prompt in prompts for _ in range(copies)]
    width = max(map(len, ids))
    left = torch.tensor([[tokenizer.eos_token_id] * (width - len(row)) + row for row in ids])
    attended = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids])
    settings = {"do_sample": True, "top_k": 0, "pad_token_id": tokenizer.eos_token_id}
    whole = model.generate(input_ids=left, attention_mask=attended, max_new_tokens=tokens, **settings)
    answer = whole[:, width:]
    over = (answer == tokenizer.eos_token_id).long().cumsum(1) - (answer == tokenizer.eos_token_id).long() > 0
    labels = torch.cat([torch.full_like(left, -100), answer.masked_fill(over, -100)], 1)
    return {"input_ids": whole, "attention_mask": torch.cat([attended, (~over).long()], 1), "labels": labels}


def texts(tokenizer: "PreTrainedTokenizerBase", batch: dict[str, Tensor]) -> list[str]:
    """What the labels of each row say."""
    rows = [row[row != -100] for row in batch["labels"]]
    return [str(tokenizer.decode(row, skip_special_tokens=True)) for row in rows]


def group_offsets(prompts: int, copies: int) -> Tensor:
    """Boundaries of groups of one size."""
    return torch.from_numpy(groups.offsets_from_lengths([copies] * prompts))

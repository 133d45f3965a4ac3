"""What the training examples share: pairs from rated completions, their command line, answers of a model."""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from prefcore import groups, pairs
from prefcore.errors import DomainError
from prefcore.logps import SequenceLogps, sequence_logps
from rated import InputError, Rated, flat, read_rated

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Row = dict[str, str]


def at_least(low: float) -> tuple[str, Callable[[float], bool]]:
    """What a number must be, in words and as a test."""
    return f">= {low}", lambda number: low <= number < math.inf


ABOVE_0 = ("> 0 and finite", lambda number: 0 < number < math.inf)
SHARE = ("in [0, 1]", lambda number: 0 <= number <= 1)
#: option -> help, what it must be, the test of it
OPTIONS: dict[str, tuple[str, str, Callable[[float], bool]]] = {
    "seed": ("of everything that is drawn", *at_least(0)),
    "steps": ("optimizer steps; each stage or member takes as many", *at_least(1)),
    "batch": ("pairs in a batch", *at_least(1)),
    "accumulate": ("batches of a step", *at_least(1)),
    "lr": ("learning rate", *ABOVE_0),
    "beta": ("strength of the pull to the reference", *ABOVE_0),
    "alpha": ("weight of the divergence of the rejected completion from that of the chosen one", *at_least(0)),
    "kl": ("weight of the divergence from the reference", *at_least(0)),
    "max_length": ("tokens of prompt and completion that are kept", *at_least(2)),
    "stages": ("parts of the pairs, from easy to hard", *at_least(1)),
    "members": ("reward models in the ensemble", *at_least(1)),
    "noise": ("share of the labels that are flipped on purpose", *SHARE),
    "flip": ("largest share of the labels that the ensemble may flip", *SHARE),
    "min_gap": ("scores of a pair are at least this far apart", *at_least(0)),
    "prompts": ("prompts of a step", *at_least(1)),
    "group": ("answers to each prompt", *at_least(2)),
    "tokens": ("length of an answer", *at_least(1)),
    "out": ("folder for the trained model; nothing is saved without it", "text", lambda _: True),
}


def run(main: Callable[[], None]) -> None:
    """Let what is wrong with the user's input end the program with one sentence."""
    try:
        main()
    except (InputError, DomainError) as error:
        sys.exit(f"error: {error}")


def options(doc: str | None, argv: Sequence[str] | None, **defaults: Any) -> argparse.Namespace:
    """Read a command line of --data, --model, --seed and one option for each default."""
    parser = argparse.ArgumentParser(
        description=(doc or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    data = Path(__file__).parent / "data" / "rated.jsonl"
    parser.add_argument("--data", type=Path, default=data, help="JSONL of prompts with scored completions")
    parser.add_argument("--model", default="tiny", help="tiny (random weights), smollm2, or a local folder")
    numbers = {"seed": 0, **defaults}
    for name, value in numbers.items():
        parser.add_argument(_flag(name), type=type(value), default=value, help=OPTIONS[name][0])
    args = parser.parse_args(argv)
    for name in numbers:
        _, expected, right = OPTIONS[name]
        if not right(getattr(args, name)):
            raise InputError(f"{_flag(name)} must be {expected}, got {getattr(args, name)}")
    torch.manual_seed(args.seed)
    return args


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def prompts_of(args: argparse.Namespace) -> list[str]:
    """The prompts of the data, of which a step takes some."""
    prompts = [one.prompt + "\n" for one in read_rated(args.data)[0]]
    if args.prompts > len(prompts):
        raise InputError(f"--prompts must be at most {len(prompts)}, as many as {args.data} has, got {args.prompts}")
    return prompts


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

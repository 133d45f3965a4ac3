"""DPO on rated completions: pairs from scores, a plain torch loop, and a report of what changed on held-out prompts.

    python examples/dpo.py --data examples/data/rated.jsonl --model smollm2 --out out/demo

Only the last decoder layers and the final norm are trained. What lies below them never changes, so it is computed once,
together with the reference log-probs, and every step starts from there.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

import models
import plots
from held_out import HeldOut, improved, table
from prefcore import losses, pairs
from rated import InputError, Rated, count_pairs, flat, read_rated, select
from report import Stopwatch, machine, write_json, write_jsonl, written_at_once
from scoring import Encoded, Example, all_policy_logps, encode, keep_last_layers, policy_logps, reference_pass

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

History = dict[str, dict[str, list[float]]]


def main(argv: Sequence[str] | None = None) -> None:
    """Do the job; what is wrong with the input is told in one sentence, with exit status 1."""
    args = arguments(argv)
    try:
        run(args)
    except InputError as error:
        sys.exit(f"error: {error}")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="rated completions: JSONL, or JSONL in a .gz file")
    add("--model", default="smollm2", help="smollm2, tiny (random weights, for quick runs), or a local model folder")
    add("--out", type=Path, required=True, help="folder for report.json, held_out.jsonl, margins.png and logps.png")
    add("--beta", type=above_zero(float), default=0.1, help="strength of the pull to the reference model")
    add("--min-gap", type=float, default=0.0, help="a pair needs scores that differ by more than this")
    add("--layers", type=above_zero(int), default=2, help="how many of the last decoder layers are trained")
    add("--epochs", type=above_zero(int), default=1, help="passes over the training prompts")
    add("--batch", type=above_zero(int), default=2, help="prompts per optimizer step")
    add("--lr", type=above_zero(float), default=5e-4, help="learning rate of the first step; it falls to 0 linearly")
    add("--held-out", type=above_zero(float), default=0.25, help="share of the prompts that is kept from training")
    add("--max-completions", type=above_zero(int), default=480, help="of more, draw prompts at random up to so many")
    add("--max-prompt-tokens", type=above_zero(int), default=256, help="drop prompts that are longer")
    add("--max-tokens", type=above_zero(int), default=128, help="cut completions that are longer")
    add("--seed", type=int, default=0, help="of the draw, the split, the order and the weights of the tiny model")
    return parser.parse_args(argv)


def above_zero(kind: Callable[[str], float]) -> Callable[[str], float]:
    """Return a reader of command-line numbers that checks their range."""

    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
        return value

    return number


def run(args: argparse.Namespace) -> None:
    """Read, score with the reference model, train, judge, write."""
    watch = Stopwatch()
    rated, read = read_rated(args.data)
    rated, dropped = select(rated, args.min_gap, args.max_completions, args.seed)
    watch.lap("read")
    with written_at_once(args.out) as folder:
        model, tokenizer = models.load(args.model, args.seed)
        layers = min(args.layers, model.config.num_hidden_layers)
        watch.lap("load")
        training, held_out, dropped["prompt_too_long"] = encode_and_split(tokenizer, rated, args)
        data = {"read": read, "dropped_prompts": dropped, **kept(training, held_out, args.min_gap)}
        print(described(data, args.max_tokens), flush=True)
        bar = tqdm([*training, *held_out], desc="reference", unit="prompt", disable=None)  # silent in a log
        examples = [reference_pass(model, encoded, layers) for encoded in bar]
        judge = HeldOut.of(examples[len(training) :], args.beta, args.min_gap)
        watch.lap("reference")
        weights = keep_last_layers(model, layers, examples[0])
        history, after = train(model, weights, examples[: len(training)], examples[len(training) :], judge, args)
        watch.lap("train")
        figures = {"before": judge.figures(judge.reference), "after": judge.figures(after)}
        print(table(**figures))
        draw(folder, judge, after, history)
        write_jsonl(folder / "held_out.jsonl", judge.rows(after))
        watch.lap("plots")
        settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(args).items()}
        facts = {"seconds": watch.seconds, "trained_weights": sum(map(torch.numel, weights)), **machine()}
        judged = {**figures, "improved": improved(**figures)}
        report = {"settings": settings, "data": data, "held_out": judged, "history": history, "run": facts}
        write_json(folder / "report.json", report)
    print(f"report.json, held_out.jsonl, margins.png and logps.png are in {args.out} ({watch.seconds['total']:.0f} s)")


def encode_and_split(
    tokenizer: "PreTrainedTokenizerBase", rated: list[Rated], args: argparse.Namespace
) -> tuple[list[Encoded], list[Encoded], int]:
    """Return training prompts, held-out prompts (at least one each, at random), and how many were too long."""
    encoded = [encode(tokenizer, one, args.max_tokens) for one in rated]
    short = [one for one in encoded if one.prompt_tokens <= args.max_prompt_tokens]
    if len(short) < 2:
        raise InputError(
            f"need 2 prompts with completions of different scores, to train and to judge: {len(short)} left"
        )
    order = [short[number] for number in np.random.default_rng(args.seed).permutation(len(short))]
    held_out = min(max(round(args.held_out * len(order)), 1), len(order) - 1)
    return order[held_out:], order[:held_out], len(encoded) - len(short)


def kept(training: list[Encoded], held_out: list[Encoded], min_gap: float) -> dict[str, Any]:
    """Count what takes part."""
    sides = {"training": [one.rated for one in training], "held_out": [one.rated for one in held_out]}
    both = training + held_out
    return {
        "prompts": {name: len(side) for name, side in sides.items()},
        "completions": {"kept": sum(len(one.ids) for one in both), "cut": sum(one.cut for one in both)},
        "pairs": {name: count_pairs(side, min_gap) for name, side in sides.items()},
    }


def described(data: dict[str, Any], max_tokens: int) -> str:
    """Say what was read, dropped and kept."""
    read, completions = data["read"], data["completions"]
    lines = ["read: {prompts} prompts and {completions} completions in {lines} lines".format(**read)]
    lines += [f"dropped: {read['repeated_completions']} completions (the same text again)"]
    lines += [f"dropped: {n} prompts ({reason.replace('_', ' ')})" for reason, n in data["dropped_prompts"].items()]
    lines += [f"kept: {completions['kept']} completions, {completions['cut']} of them cut at {max_tokens} tokens"]
    for side, count in data["prompts"].items():
        pairs = "{kept} of {possible} pairs ({ties} ties, {gap_too_small} gaps too small)".format(**data["pairs"][side])
        lines.append(f"{side.replace('_', ' ')}: {count} prompts, {pairs}")
    return "\n".join(lines)


def draw(folder: Path, judge: HeldOut, after: np.ndarray, history: History) -> None:
    """Draw both pictures."""
    before_per_token, after_per_token = (judge.margins(logps / judge.tokens) for logps in (judge.reference, after))
    steps, rewards = history["held_out"]["step"][-1], judge.margins(judge.rewards(after))
    plots.draw_margins(folder / "margins.png", steps, before_per_token, after_per_token, rewards)
    plots.draw_logps(folder / "logps.png", history)


def train(
    model: "PreTrainedModel",
    weights: list[torch.nn.Parameter],
    training: list[Example],
    held_out: list[Example],
    judge: HeldOut,
    args: argparse.Namespace,
) -> tuple[History, np.ndarray]:
    """Minimize the DPO loss; return what happened, and the log-probs of the held-out completions at the end."""
    optimizer = torch.optim.AdamW(weights, lr=args.lr, weight_decay=0.0)
    batches = list(shuffled_batches(training, args.batch, args.epochs, args.seed))
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / len(batches))
    looks = {round(len(batches) * sixth / 6) for sixth in range(1, 7)}
    now = judge.reference
    steps, checks = [], [{"step": 0} | judge.check(now)]
    for number, batch in enumerate(tqdm(batches, desc="train", unit="step", disable=None), start=1):
        steps.append({"step": number - 1} | backward(model, batch, args))
        if not math.isfinite(steps[-1]["loss"]):
            raise InputError(f"the loss at step {number} is {steps[-1]['loss']}: try a lower --lr")
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        decay.step()
        if number in looks:
            now = all_policy_logps(model, held_out)
            checks.append({"step": number} | judge.check(now))
            tqdm.write("step {step}: held-out reward accuracy {reward_accuracy:.3f}".format(**checks[-1]))
    return {"training": columns(steps), "held_out": columns(checks)}, now


def backward(model: "PreTrainedModel", batch: list[Example], args: argparse.Namespace) -> dict[str, float]:
    """Put the gradients of a batch into the weights: each completion is scored once, however many pairs it is in."""
    ratios = torch.cat([policy_logps(model, example) - example.reference for example in batch])  # [n]
    scores, offsets = flat([example.encoded.rated for example in batch])
    rows = pairs.all_pairs(scores, offsets=offsets, min_gap=args.min_gap)
    chosen, rejected = ratios[torch.from_numpy(rows.chosen)], ratios[torch.from_numpy(rows.rejected)]
    loss = losses.dpo(chosen, rejected, beta=args.beta).mean()
    loss.backward()
    return {"loss": loss.item(), "chosen_log_ratio": chosen.mean().item(), "rejected_log_ratio": rejected.mean().item()}


def shuffled_batches(examples: list[Example], size: int, epochs: int, seed: int) -> Iterator[list[Example]]:
    """Yield batches of prompts, each epoch in a new order."""
    generator = np.random.default_rng(seed)
    for _ in range(epochs):
        order = [examples[number] for number in generator.permutation(len(examples))]
        yield from (order[begin : begin + size] for begin in range(0, len(order), size))


def columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    """Turn records into columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


if __name__ == "__main__":
    main()

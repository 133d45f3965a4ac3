"""Curry-DPO: easy pairs first; the model of each stage is the reference of the next.

    python examples/curriculum_dpo.py --model smollm2 --stages 3 --steps 50

A pair is easy where the ratings of its two answers are far apart.
"""

import copy
import sys
import tempfile
from collections.abc import Sequence
from functools import partial

import torch

import models
from prefcore import losses
from prefcore.papers import curry_dpo
from preferences import options, run, text_pairs
from rated import InputError, flat, read_rated


def main(argv: Sequence[str] | None = None) -> None:
    """Train a stage after the other; judge all of them on the hardest pairs of prompts that were left out."""
    args = options(__doc__, argv, stages=3, steps=20, batch=4, lr=1e-3, beta=0.1, max_length=512)
    rated, _ = read_rated(args.data)
    model, tokenizer = models.load(args.model, args.seed)
    from transformers import PrinterCallback, TrainingArguments

    from prefcore.integrations.transformers import PreferenceTrainer, preference_collator

    def pairs_of(part: list) -> list:  # type: ignore[type-arg]
        """Rows of each stage."""
        return [text_pairs(part, found) for found in curry_dpo.stages(*flat(part), n_stages=args.stages)]

    training = pairs_of([one for number, one in enumerate(rated) if number % 5])
    held_out = pairs_of(rated[::5])[-1]
    if not all([*training, held_out]):
        raise InputError(f"--stages {args.stages} leaves a stage without a pair: expected fewer")
    start = copy.deepcopy(model)
    settings = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        max_steps=args.steps,
        per_device_train_batch_size=args.batch,
        learning_rate=args.lr,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        dataloader_pin_memory=torch.cuda.is_available(),
        seed=args.seed,
        disable_tqdm=not sys.stderr.isatty(),
    )
    common = {
        "loss": partial(losses.dpo, beta=args.beta),
        "eval_dataset": held_out,
        "data_collator": preference_collator(tokenizer, max_length=args.max_length),
    }
    for number, rows in enumerate(training, start=1):
        trainer = PreferenceTrainer(
            model, copy.copy(settings), ref_model=copy.deepcopy(model), train_dataset=rows, **common
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        judge = PreferenceTrainer(model, copy.copy(settings), ref_model=copy.deepcopy(start), **common)
        judge.remove_callback(PrinterCallback)
        figures = judge.evaluate()
        seen = [line["loss"] for line in trainer.state.log_history if "loss" in line]
        print(f"stage {number}: {len(rows)} pairs, loss from {seen[0]:.4f} to {seen[-1]:.4f}, ", end="")
        print("held out: loss {eval_loss:.4f}, accuracy {eval_accuracy:.3f}".format(**figures))


if __name__ == "__main__":
    run(main)

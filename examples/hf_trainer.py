"""DPO in the Trainer of transformers, with any loss of prefcore.

    python examples/hf_trainer.py --model smollm2 --steps 100

Put your own rows in the place of `best_and_worst`: prompt, chosen, rejected, as text or as messages.
"""

import copy
import sys
import tempfile
from collections.abc import Sequence
from functools import partial

import torch

import models
from prefcore import losses
from preferences import best_and_worst, options, run


def main(argv: Sequence[str] | None = None) -> None:
    """Train, and judge on pairs that were not trained on."""
    args = options(__doc__, argv, steps=30, batch=4, accumulate=2, lr=1e-3, beta=0.1, max_length=512, out="")
    rows = best_and_worst(args.data)
    model, tokenizer = models.load(args.model, args.seed)
    from transformers import PrinterCallback, TrainingArguments

    from prefcore.integrations.transformers import PreferenceTrainer, preference_collator

    settings = TrainingArguments(
        output_dir=args.out or tempfile.mkdtemp(),
        max_steps=args.steps,
        per_device_train_batch_size=args.batch,
        gradient_accumulation_steps=args.accumulate,
        learning_rate=args.lr,
        logging_steps=10,
        save_strategy="no",
        report_to="none",
        dataloader_pin_memory=torch.cuda.is_available(),
        seed=args.seed,
        disable_tqdm=not sys.stderr.isatty(),
    )
    trainer = PreferenceTrainer(
        model,
        settings,
        loss=partial(losses.dpo, beta=args.beta),
        ref_model=copy.deepcopy(model),
        train_dataset=[row for number, row in enumerate(rows) if number % 5],
        eval_dataset=rows[::5],
        data_collator=preference_collator(tokenizer, max_length=args.max_length),
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    for line in trainer.state.log_history:
        if "loss" in line:
            print("step {step}: loss {loss:.4f}, margin {margin:.3f}, accuracy {accuracy:.3f}".format(**line))
    print("held out: loss {eval_loss:.4f}, accuracy {eval_accuracy:.3f}".format(**trainer.evaluate()))
    if args.out:
        trainer.save_model(args.out)


if __name__ == "__main__":
    run(main)

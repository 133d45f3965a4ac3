"""TRL's DPO with the token log-probs of prefcore.

    python examples/trl_dpo.py --model smollm2 --steps 100

Only the line with `patch` differs from a script without prefcore. Needs `pip install trl`.
"""

import argparse
import copy
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import models
from prefcore import pairs
from rated import InputError, flat, read_rated

DATA = Path(__file__).parent / "data" / "rated.jsonl"


def main(argv: Sequence[str] | None = None) -> None:
    """Train; TRL prints its metrics."""
    trainer = dpo_trainer(arguments(__doc__, argv))
    from prefcore.integrations import trl

    with trl.patch():
        trainer.train()


def arguments(doc: str | None, argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(doc or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="JSONL of prompts with scored completions")
    parser.add_argument("--model", default="tiny", help="tiny (random weights), smollm2, or a local folder")
    parser.add_argument("--steps", type=int, default=30, help="optimizer steps")
    parser.add_argument("--seed", type=int, default=0, help="of the order, and of the weights of the tiny model")
    return parser.parse_args(argv)


def dpo_trainer(args: argparse.Namespace) -> Any:
    """Return TRL's trainer on the best and the worst completion of each prompt, with a column of their distance."""
    try:
        rated, _ = read_rated(args.data)
        model, tokenizer = models.load(args.model, args.seed)
    except InputError as error:
        sys.exit(f"error: {error}")
    scores, offsets = flat(rated)
    found = pairs.best_worst(scores, offsets=offsets)
    texts = [response for one in rated for response in one.responses]
    columns = {
        "prompt": [rated[group].prompt + "\n" for group in found.group],
        "chosen": [texts[row] for row in found.chosen],
        "rejected": [texts[row] for row in found.rejected],
        "gap": (found.margin / found.margin.mean()).tolist(),
    }
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    settings = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "bf16": False}
    config = DPOConfig(
        tempfile.mkdtemp(), max_steps=args.steps, learning_rate=1e-3, logging_steps=5, seed=args.seed, **settings
    )
    data, reference = Dataset.from_dict(columns), copy.deepcopy(model)
    return DPOTrainer(model, ref_model=reference, args=config, train_dataset=data, processing_class=tokenizer)


if __name__ == "__main__":
    main()

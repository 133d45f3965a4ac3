"""The set-up of `trl_golden.json`: pairs, a tokenizer and a model, all made in memory."""

import os
import random
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported

Row = dict[str, Any]


def pairs(n: int = 96) -> list[Row]:
    """Sums and comparisons; the rejected answer is wrong or evasive."""
    rng = random.Random(0)  # noqa: S311
    evasive = [
        "I do not know.",
        "Maybe ask someone else about that.",
        "Numbers are hard, so it could be anything at all.",
    ]
    rows = []
    for i in range(n):
        a, b = rng.randrange(2, 60), rng.randrange(2, 60)
        if i % 2:
            question, good = f"What is {a} plus {b}?", f"{a} plus {b} is {a + b}."
            bad = f"{a} plus {b} is {a + b + rng.randrange(1, 9)}." if i % 3 else rng.choice(evasive)
        else:
            question, good = f"Which is larger, {a} or {b}?", f"The larger one is {max(a, b)}."
            bad = f"The larger one is {min(a, b)}, I am quite sure about it." if i % 3 else rng.choice(evasive)
        rows.append({"prompt": question, "chosen": " " + good, "rejected": " " + bad})
    return rows


def tokenizer(vocabulary: int = 1000) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE(unk_token=None))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator((text for row in pairs() for text in row.values()), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


def config(**changes: Any) -> Any:
    from transformers import LlamaConfig

    settings = {
        "vocab_size": 1000,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
        "initializer_range": 0.1,
    }
    return LlamaConfig(**{**settings, **changes})


def model(seed: int = 0, **changes: Any) -> Any:
    from transformers import LlamaForCausalLM, set_seed

    set_seed(seed)
    return LlamaForCausalLM(config(**changes)).float()


def arguments(folder: Any, *, batch: int = 4, steps: int = 4, accumulate: int = 1, **changes: Any) -> Any:
    from transformers import TrainingArguments

    settings = {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": accumulate,
        "learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "seed": 42,
        "data_seed": 42,
        "disable_tqdm": True,
        "remove_unused_columns": False,
    }
    return TrainingArguments(**{**settings, **changes})


def trained(trainer: Any) -> list[dict[str, float]]:
    """The log lines of its steps."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [line for line in trainer.state.log_history if "loss" in line]

"""Small models, data in memory, and TRL's trainers on them, as in tests/vectors/integrations/trl_golden.json."""

import copy
import os
import random
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# read when transformers and datasets are imported
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    TRL_EXPERIMENTAL_SILENCE="1",
    TOKENIZERS_PARALLELISM="false",
)
Row = dict[str, Any]
Steps = list[dict[str, float]]


def import_trl() -> Any:
    """TRL, or the module that asks is skipped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations of its dependencies, and a note on what is experimental
        for name in ("datasets", "peft", "trl"):
            pytest.importorskip(name, reason=f"{name} is not installed")
        import trl
        import trl.experimental.cpo
        import trl.experimental.orpo

        if not trl.__version__.startswith("1.16."):
            pytest.skip("written against the trainers of trl 1.16", allow_module_level=True)
        import datasets
        import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    return trl


def pairs(n: int = 96) -> list[Row]:
    """Sums and comparisons; the rejected answer is wrong or evasive, of varying length. The golden runs use these."""
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


def tokenizer(rows: list[Row]) -> Any:
    """Byte-level BPE, trained on the pairs."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE(unk_token=None))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    learner = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator((text for row in rows for text in row.values()), learner)
    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=bpe, **special)


def model(*, reward: bool = False, vocabulary: int = 1000, **settings: Any) -> Any:
    """A Llama of 2 layers with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, set_seed

    sizes: Row = {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    }
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    labels = {"num_labels": 1} if reward else {}
    config = LlamaConfig(**{**sizes, **settings}, **tokens, **labels, tie_word_embeddings=False, initializer_range=0.1)
    set_seed(0)
    return (LlamaForSequenceClassification if reward else LlamaForCausalLM)(config).float()


def settings(folder: str, steps: int, **more: Any) -> Row:
    return {
        "output_dir": folder,
        "max_steps": steps,
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-3,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "fp16": False,
        "seed": 42,
        "data_seed": 42,
        "disable_tqdm": True,
        "gradient_checkpointing": False,
        "lr_scheduler_type": "constant",
        "dataloader_num_workers": 0,
        **more,
    }


def unpaired(rows: list[Row]) -> list[Row]:
    return [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in rows
        for side in ("chosen", "rejected")
    ]


def digits(completions: list[str], **_: Any) -> list[float]:
    """A reward for GRPO."""
    return [sum(letter.isdigit() for letter in text) / 4.0 for text in completions]


def trainer(
    name: str,
    folder: str,
    steps: int,
    *,
    rows: list[Row] | None = None,
    ref: bool = True,
    policy: Any = None,
    cls: Any = None,
    **more: Any,
) -> Any:
    """The trainer of a golden set-up, `dpo:ipo` or `kto`; `more` goes into its configuration."""
    import trl
    from datasets import Dataset
    from trl.experimental.cpo import CPOConfig, CPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    kind, _, sub = name.partition(":")
    rows = pairs() if rows is None else rows
    words = tokenizer(pairs())
    policy = model(reward=kind == "reward") if policy is None else policy
    common = settings(folder, steps)
    if kind == "grpo":
        # with beta > 0 it loads its reference from where the model came from
        policy.save_pretrained(Path(folder, "init"))
        policy = type(policy).from_pretrained(Path(folder, "init"))
        config = trl.GRPOConfig(
            **{**common, "per_device_train_batch_size": 8},
            num_generations=4,
            max_completion_length=16,
            beta=0.04,
            temperature=1.0,
            **({"loss_type": sub} if sub else {}),
            **more,
        )
        prompts = Dataset.from_list([{"prompt": row["prompt"]} for row in rows])
        return trl.GRPOTrainer(
            model=policy, reward_funcs=digits, args=config, train_dataset=prompts, processing_class=words
        )
    smoothing = {"label_smoothing": 0.1} if sub == "robust" else {}
    trainers: dict[str, tuple[Any, Any, Row]] = {
        "dpo": (trl.DPOTrainer, trl.DPOConfig, {"beta": 0.1, "loss_type": [sub or "sigmoid"], **smoothing}),
        "kto": (trl.KTOTrainer, trl.KTOConfig, {"beta": 0.1}),
        "reward": (trl.RewardTrainer, trl.RewardConfig, {}),
        "cpo": (CPOTrainer, CPOConfig, {"beta": 0.1}),
        "simpo": (
            CPOTrainer,
            CPOConfig,
            {"loss_type": "simpo", "cpo_alpha": 0.0, "simpo_gamma": 0.5, "beta": 2.0},
        ),
        "orpo": (ORPOTrainer, ORPOConfig, {"beta": 0.1}),
    }
    its_class, its_config, own = trainers[kind]
    reference = {"ref_model": copy.deepcopy(policy)} if ref and kind in ("dpo", "kto") else {}
    data = Dataset.from_list(unpaired(rows) if kind == "kto" else rows)
    config = its_config(**{**common, **own, "max_length": 128, **more})
    return (cls or its_class)(model=policy, args=config, train_dataset=data, processing_class=words, **reference)


def run(name: str, steps: int, prepare: Callable[[Any], Any] = lambda _: None, **more: Any) -> Steps:
    """What TRL logged at every step; `prepare` sees the trainer first."""
    from transformers import PrinterCallback

    with tempfile.TemporaryDirectory() as folder:
        built = trainer(name, folder, steps, **more)
        built.remove_callback(PrinterCallback)
        prepare(built)
        built.train()
        log = [entry for entry in built.state.log_history if "loss" in entry]
    return [{key: float(value) for key, value in entry.items()} for entry in log]


def assert_steps(got: Steps, want: Steps, tolerance: float, keys: tuple[str, ...] = ("loss", "grad_norm")) -> None:
    """Relative at every step, as in the golden file."""
    assert len(got) == len(want)
    for step, (ours, theirs) in enumerate(zip(got, want, strict=True)):
        for key in keys:
            assert ours[key] == pytest.approx(theirs[key], rel=tolerance, abs=1e-6 * tolerance), f"step {step}, {key}"

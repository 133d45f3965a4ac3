"""Small models, data in memory, and TRL's trainers on them, as in tests/vectors/integrations/trl_golden.json."""

import copy
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations import tiny_pairs
from integrations.tiny_pairs import Row, pairs, tokenizer

# read when transformers and datasets are imported
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    TRL_EXPERIMENTAL_SILENCE="1",
    TOKENIZERS_PARALLELISM="false",
)
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


def model(*, reward: bool = False, vocabulary: int = 1000, **settings: Any) -> Any:
    """A Llama of 2 layers with random weights."""
    from transformers import LlamaForCausalLM, LlamaForSequenceClassification, set_seed

    config = tiny_pairs.config(vocab_size=vocabulary, **settings, **({"num_labels": 1} if reward else {}))
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
    words = tokenizer()
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

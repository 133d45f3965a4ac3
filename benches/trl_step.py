"""A training step of TRL's DPO trainer, with TRL's kernel and with prefcore's in its place."""

import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

Contenders = dict[str, Callable[[], Any]]
PAIRS, VOCABULARY, HIDDEN = 16, 32_000, 64
SHAPE = {"cpu": f"{PAIRS} pairs, [32, 22] tokens, Llama of 2 layers, hidden {HIDDEN}, vocabulary {VOCABULARY}, f32"}
INSTALLED = find_spec("trl") is not None and find_spec("datasets") is not None


def dpo_step(_device: str) -> Contenders:
    """Both forwards, backward and TRL's metrics; the weights stay, so that every step is the same."""
    from prefcore.integrations import trl

    trainer, batch = made()

    def patched() -> Any:
        with trl.patch():
            return step(trainer, batch)

    return {"prefcore": patched, "TRL's own kernel": lambda: step(trainer, batch)}


def made() -> tuple[Any, dict[str, Any]]:
    """Return the trainer and a batch of all of its pairs."""
    from integrations import tiny_trl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_trl.import_trl()
        trainer = tiny_trl.trainer(
            "dpo",
            tempfile.mkdtemp(),
            1,
            rows=tiny_trl.pairs(PAIRS),
            policy=tiny_trl.model(vocabulary=VOCABULARY, hidden_size=HIDDEN),
        )
    return trainer, trainer.data_collator(list(trainer.train_dataset))


def step(trainer: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """Return the loss and the gradient of the head."""
    trainer.model.zero_grad()
    loss = trainer.compute_loss(trainer.model, dict(batch))
    loss.backward()
    return loss.detach(), trainer.model.lm_head.weight.grad

"""What each process of the tests with two ranks does: DPO on its part of the data, and a report of where it came."""

import hashlib
import json
import os
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

STEPS = 4


def run(rank: int, world: int, folder: str) -> None:
    """Join the group over the loopback interface, train in every way, leave a file."""
    os.environ.update(GLOO_SOCKET_IFNAME="lo", MASTER_ADDR="127.0.0.1", MASTER_PORT="29500")  # the port stays unused
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world), LOCAL_WORLD_SIZE=str(world))
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    torch.distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=world, timeout=timedelta(seconds=120)
    )
    found = {name: train(name, 4 // world) for name in WAYS}
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


def train(way: str, batch: int) -> dict[str, Any]:
    """Return the norms that TRL logs, and the bits of the weights at the end."""
    from integrations import tiny_trl as tiny

    tiny.import_trl()
    kept: list[Any] = []
    more = {"cls": wrong_class()} if way == "unwrapped head" else {}

    def prepare(trainer: Any) -> None:
        kept.append(trainer.model)
        if way == "own loss":
            from prefcore import losses
            from prefcore.integrations.trl import with_loss

            with_loss(trainer, partial(losses.dpo, beta=0.1))

    with kernel() if way == "kernel" else nullcontext():
        steps = tiny.run("dpo", STEPS, prepare, per_device_train_batch_size=batch, **more)
    digest = hashlib.sha256()
    for weight in kept[0].parameters():
        digest.update(weight.detach().numpy().tobytes())
    return {"weights": digest.hexdigest(), "grad_norm": [step["grad_norm"] for step in steps]}


WAYS = ("trl", "kernel", "own loss", "unwrapped head")


def kernel() -> Any:
    from prefcore.integrations.trl import patch

    return patch()


def wrong_class() -> Any:
    """A trainer that reaches under DDP's wrapper for the head: right in one process."""
    from trl import DPOTrainer

    from prefcore import losses
    from prefcore.logps import linear_token_stats, sequence_logps

    def sums(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
        inside: Any = getattr(model, "module", model)
        hidden = inside.model(inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state[:, :-1]
        mask = inputs["completion_mask"][:, 1:].bool()
        stats = linear_token_stats(hidden, inside.lm_head.weight, inputs["input_ids"][:, 1:], mask=mask)
        return sequence_logps(stats.logps, mask).sums

    class Unwrapping(DPOTrainer):  # type: ignore[misc]
        def _compute_loss(self, model: Any, inputs: Any, _return_outputs: bool) -> Tensor:
            with torch.no_grad():
                reference = sums(self.ref_model, inputs)
            return losses.dpo(*(sums(model, inputs) - reference).chunk(2), beta=0.1).mean()

    return Unwrapping

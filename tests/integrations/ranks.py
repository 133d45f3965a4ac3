"""What each process of `test_ddp.py` does: a short training on gloo, whose end it leaves in a file."""

import copy
import hashlib
import json
import os
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from integrations import tiny_pairs

STEPS = 3


def run(rank: int, world: int, folder: str, kind: str) -> None:
    """Train as rank `rank`; the loopback interface is the only network."""
    warnings.simplefilter("ignore")
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world), GLOO_SOCKET_IFNAME="lo")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=(Path(folder) / "port").read_text())
    report = train(Path(folder), kind, batch=4, ddp_backend="gloo")
    Path(folder, f"{kind}.{rank}").write_text(json.dumps(report))


def train(folder: Path, kind: str, batch: int, **changes: Any) -> dict[str, Any]:
    """Return a hash of the weights, losses and gradient norms of the steps, and figures of 16 pairs afterwards."""
    import datasets
    import torch

    from prefcore import losses
    from prefcore.integrations.transformers import PreferenceTrainer, preference_collator

    class Unwrapping(PreferenceTrainer):
        """The obvious shortcut, which is wrong: DDP does not see what is called on the module inside it."""

        def compute_loss(self, model: Any, inputs: Any, **options: Any) -> Any:
            return super().compute_loss(getattr(model, "module", model), inputs, **options)

    torch.set_num_threads(1)
    model = tiny_pairs.model()
    reference = copy.deepcopy(model)
    if kind == "adapters":
        import peft

        model = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["q_proj", "lm_head"]))
        reference = model
    args = tiny_pairs.arguments(folder / "out", batch=batch, steps=STEPS, per_device_eval_batch_size=4, **changes)
    trainer = (Unwrapping if kind == "unwrapping" else PreferenceTrainer)(
        model,
        args,
        loss=partial(losses.dpo, beta=0.1),
        ref_model=reference,
        train_dataset=datasets.Dataset.from_list(tiny_pairs.pairs()),
        data_collator=preference_collator(tiny_pairs.tokenizer()),
    )
    lines = tiny_pairs.trained(trainer)
    figures = trainer.evaluate(datasets.Dataset.from_list(tiny_pairs.pairs(16)))
    digest = hashlib.sha256()
    for weight in model.parameters():
        digest.update(weight.detach().numpy().tobytes())
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    steps = {name: [line[name] for line in lines] for name in ("loss", "grad_norm", "margin", "accuracy")}
    evaluation = {name: figures[f"eval_{name}"] for name in ("margin", "accuracy")}
    return {"hash": digest.hexdigest(), **steps, "eval": evaluation}

"""`with_loss` on stubs of other versions' trainers: TRL 1.9, 1.14 on a GPU, 0.24."""

from collections import defaultdict
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from prefcore import losses
from prefcore.errors import DomainError
from prefcore.integrations.trl import with_loss


class Logits(nn.Module):
    """A model without a fused head."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 11)

    def forward(self, input_ids: Tensor) -> Any:
        return SimpleNamespace(logits=self.table(input_ids))


def batch() -> dict[str, Tensor]:
    ids = torch.randint(0, 11, (4, 6), generator=torch.Generator().manual_seed(2))
    return {"input_ids": ids, "completion_mask": (torch.arange(6) > torch.tensor([[1], [2], [3], [2]])).long()}


def summed(model: nn.Module, given: dict[str, Tensor]) -> Tensor:
    logps = model(given["input_ids"]).logits[:, :-1].log_softmax(-1)
    tokens = logps.gather(2, given["input_ids"][:, 1:, None])[..., 0]
    return (tokens * given["completion_mask"][:, 1:]).sum(1)


def test_trl_1_9_has_logits_and_no_fused_head() -> None:
    class DPOTrainer:
        model, ref_model = Logits(), Logits()
        ld_alpha, precompute_ref_logps, data_collator = None, False, None

        def compute_loss(self, model: nn.Module, inputs: Any, **_: Any) -> Tensor:
            summed(model, inputs), summed(self.ref_model, inputs)
            return torch.zeros(())

    trainer = with_loss(DPOTrainer(), partial(losses.dpo, beta=0.3))
    ours = trainer.compute_loss(trainer.model, batch())
    ratios = (summed(trainer.model, batch()) - summed(trainer.ref_model, batch())).chunk(2)
    expected = losses.dpo(*ratios, beta=0.3).mean()
    torch.testing.assert_close(ours, expected)
    gradients = [torch.autograd.grad(x, trainer.model.table.weight, retain_graph=True)[0] for x in (ours, expected)]
    torch.testing.assert_close(*gradients)


def test_a_trainer_that_passes_the_model_by_is_told_of() -> None:
    class DPOTrainer:
        model, ref_model = Logits(), Logits()
        ld_alpha, precompute_ref_logps, data_collator = None, False, None

        def compute_loss(self, *_: Any, **__: Any) -> Tensor:
            return torch.zeros(())

    trainer = with_loss(DPOTrainer(), losses.hinge)
    with pytest.raises(
        DomainError, match=r"TRL read the head without calling the model, as TRL 1.13 and 1.14 do on GPUs"
    ):
        trainer.compute_loss(trainer.model, batch())


class OldDPOTrainer:
    """TRL 0.24, as LLaMA-Factory uses it."""

    beta, loss_type, data_collator = 0.1, ["sigmoid"], None

    def __init__(self) -> None:
        self.metrics: dict[str, list[float]] = defaultdict(list)

    def dpo_loss(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, *_: Any) -> Any:
        rewards = 0.1 * (chosen - ref_chosen), 0.1 * (rejected - ref_rejected)
        return -nn.functional.logsigmoid(rewards[0] - rewards[1]), *rewards

    def get_batch_loss_metrics(self, _: Any, batch: Any, _train_eval: str = "train") -> Any:
        assert set(batch) == {"logps"}
        found, chosen, *_ = self.dpo_loss(*batch["logps"], self.loss_type[0], None)
        return found.mean(), {"rewards/chosen": chosen.mean().item()}


OldDPOTrainer.__name__ = "DPOTrainer"


def test_trl_0_24_is_given_the_loss_in_its_method() -> None:
    logps = torch.tensor([[-3.0, -4.0], [-5.0, -2.0], [-3.5, -4.0], [-4.0, -4.0]])
    theirs = OldDPOTrainer().get_batch_loss_metrics(None, {"logps": logps})
    trainer = with_loss(OldDPOTrainer(), partial(losses.dpo, beta=0.1))
    torch.testing.assert_close(trainer.get_batch_loss_metrics(None, {"logps": logps}), theirs)
    weights = torch.tensor([3.0, 0.0])
    ours = trainer.get_batch_loss_metrics(None, {"logps": logps, "prefcore_weights": weights}, "eval")
    first = losses.dpo(logps[0] - logps[2], logps[1] - logps[3], beta=0.1)[0]
    torch.testing.assert_close(ours, (1.5 * first, theirs[1]))


def test_trl_0_24_cannot_do_all() -> None:
    with pytest.raises(DomainError, match='average_logps must be False with this TRL, whose loss_type="ipo" gives'):
        with_loss(OldDPOTrainer(), losses.ipo, average_logps=True)
    trainer = OldDPOTrainer()
    trainer.loss_type = ["sigmoid", "sft"]
    with pytest.raises(DomainError, match=r"loss_type must be a single one, got \['sigmoid', 'sft'\], whose terms"):
        with_loss(trainer, losses.hinge)


def test_a_loss_that_trl_0_24_never_asks_for_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Liger's losses it does not."""
    monkeypatch.setattr(OldDPOTrainer, "get_batch_loss_metrics", lambda *_: (torch.zeros(()), {}))
    trainer = with_loss(OldDPOTrainer(), losses.hinge)
    with pytest.raises(DomainError, match="TRL did not ask for the loss: set use_liger_loss=False"):
        trainer.get_batch_loss_metrics(None, {})


def test_kto_of_trl_0_24_is_refused() -> None:
    class KTOTrainer:
        kto_loss = None

    with pytest.raises(DomainError, match=r"or a DPOTrainer, got a KTOTrainer of TRL up to 0\.24"):
        with_loss(KTOTrainer(), losses.kto)

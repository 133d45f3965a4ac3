"""TDPO in a plain loop over two models: DPO that also holds the token distributions near those of the reference.

python examples/tdpo_two_models.py --model smollm2 --steps 100 --alpha 0.5
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.data import DataLoader

import models
from prefcore.logps import PairedTokenStats, paired_token_stats
from prefcore.papers import tdpo
from preferences import best_and_worst, options, run

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def main(argv: Sequence[str] | None = None) -> None:
    """Train, and say how loss and divergence went."""
    args = options(__doc__, argv, steps=30, batch=4, lr=1e-3, beta=0.1, alpha=0.5, max_length=512)
    rows = best_and_worst(args.data)
    model, tokenizer = models.load(args.model, args.seed)
    from prefcore.integrations.transformers import preference_collator

    reference = copy.deepcopy(model).requires_grad_(requires_grad=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.0)
    collate = preference_collator(tokenizer, max_length=args.max_length)
    step = 0
    while step < args.steps:
        for batch in DataLoader(rows, args.batch, shuffle=True, collate_fn=collate):  # type: ignore[arg-type]
            stats, mask = both(model, reference, batch)
            halves = [PairedTokenStats(*(x if x is None else x.chunk(2)[n] for x in stats)) for n in (0, 1)]
            loss = tdpo.loss(*halves, *mask.chunk(2), beta=args.beta, alpha=args.alpha).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if step % 10 == 0 or step == args.steps - 1:
                print(f"step {step}: loss {loss.item():.4f}, KL per token {divergence(stats, mask):.4f}")
            step += 1
            if step == args.steps:
                break


def both(
    model: "PreTrainedModel", reference: "PreTrainedModel", batch: dict[str, Tensor]
) -> tuple[PairedTokenStats, Tensor]:
    """Statistics of both models at each token, in one pass over their logits, and which tokens count."""
    labels = batch.pop("labels")[:, 1:]
    ours, theirs = model(**batch).logits, reference(**batch).logits
    mask = labels != -100
    return paired_token_stats(ours[:, :-1], theirs[:, :-1], labels, mask=mask), mask


def divergence(stats: PairedTokenStats, mask: Tensor) -> float:
    """Mean KL of the policy from the reference, in nats."""
    assert stats.kl_ref_policy is not None  # noqa: S101
    return (stats.kl_ref_policy.detach().sum() / mask.sum()).item()


if __name__ == "__main__":
    run(main)

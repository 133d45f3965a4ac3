"""Reward models that disagree: which labels an ensemble disbelieves, and a reward model without them.

    python examples/reward_ensemble.py --model smollm2 --noise 0.2

Each member is a linear head on the states of a frozen language model, trained on its own draw of the pairs; it judges
the others. Labels that the members take for wrong on average are flipped, as in Secrets of RLHF II; `--noise` flips
some on purpose, so that the example can say how many of them were found.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import models
from prefcore import losses, pairs
from prefcore.strength import ensemble_margin_stats
from preferences import options, run, text_pairs
from rated import InputError, Rated, flat, read_rated


def main(argv: Sequence[str] | None = None) -> None:
    """Train the ensemble, flip, train again, judge."""
    args = options(__doc__, argv, members=20, steps=100, lr=0.02, noise=0.2, flip=0.1, min_gap=1.5, max_length=512)
    rated, _ = read_rated(args.data)
    model, tokenizer = models.load(args.model, args.seed)
    from prefcore.integrations.transformers import preference_collator

    collate = preference_collator(tokenizer, max_length=args.max_length)
    training = [one for number, one in enumerate(rated) if number % 5]
    right, judged = (gaps(model, collate, part, args.min_gap) for part in (training, rated[::5]))  # [N, D] each
    wrong = torch.rand(len(right)) < args.noise
    noisy = torch.where(wrong[:, None], -right, right)
    margins = torch.full((args.members, len(noisy)), float("nan"))
    for member in margins:
        drawn = torch.rand(len(noisy)) < 0.6
        member[~drawn] = noisy[~drawn] @ head(noisy[drawn], args)
    strength = ensemble_margin_stats(margins.double().numpy(), ddof=0, nan="omit").mean
    weakest = np.argsort(strength)[: round(args.flip * len(strength))]
    flipped = torch.zeros(len(noisy), dtype=torch.bool)
    flipped[torch.from_numpy(weakest[strength[weakest] < 0])] = True
    cleaned = torch.where(flipped[:, None], -noisy, noisy)
    print(f"flipped {flipped.sum().item()} of {len(noisy)} labels, {(flipped & wrong).sum().item()} of them wrong")
    for name, labeled in {"all labels": noisy, "after flipping": cleaned, "without noise": right}.items():
        print(f"{name}: held-out accuracy {(judged @ head(labeled, args) > 0).float().mean().item():.3f}")


@torch.no_grad()
def gaps(model: Any, collate: Any, rated: list[Rated], min_gap: float) -> Tensor:
    """[N, D] mean state of the better completion minus that of the worse one, of all pairs."""
    scores, offsets = flat(rated)
    rows = text_pairs(rated, pairs.all_pairs(scores, offsets=offsets, min_gap=min_gap))
    if not rows:
        raise InputError(f"no two completions of a prompt have scores that are --min-gap {min_gap} apart")
    found = []
    for batch in DataLoader(rows, 16, collate_fn=collate):  # type: ignore[arg-type]
        counted = (batch.pop("labels") != -100).unsqueeze(-1)
        states = model.base_model(**batch).last_hidden_state
        better, worse = ((states * counted).sum(1) / counted.sum(1)).chunk(2)
        found.append(better - worse)
    return torch.cat(found) / torch.cat(found).norm(dim=1).mean()


def head(gap: Tensor, args: argparse.Namespace) -> Tensor:
    """[D] weights of a reward model that scores the gaps of states above 0."""
    weights = torch.zeros(gap.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=args.lr)
    for _ in range(args.steps):
        rewards = gap @ weights
        optimizer.zero_grad()
        torch.autograd.backward(losses.bradley_terry(rewards, torch.zeros_like(rewards)).mean())
        optimizer.step()
    return weights.detach()


if __name__ == "__main__":
    run(main)

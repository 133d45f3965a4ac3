"""Pref-GRPO on text: answers of a group compete with each other, and their win rates are the rewards.

    python examples/pref_grpo_groups.py --steps 30

Put your judge in the place of `prefers` and your second reward in the place of `score`.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

import models
from prefcore import losses
from prefcore.papers import pref_grpo
from preferences import answers, group_offsets, options, prompts_of, run, texts


def prefers(first: str, second: str) -> float:
    """The judge of this example likes small letters."""
    shares = [sum("a" <= letter <= "z" for letter in text) / max(len(text), 1) for text in (first, second)]
    return 1 / (1 + math.exp(10 * (shares[1] - shares[0])))


def score(text: str) -> float:
    """The second reward of this example: words are short."""
    return -float(max(map(len, text.split()), default=0))


def win_rates(group: list[str]) -> list[float]:
    """Share of the others that each answer beats."""
    beats = np.array([[prefers(a, b) > 0.5 for b in group] for a in group])
    return list(beats.sum(1) / (len(group) - 1))


def main(argv: Sequence[str] | None = None) -> None:
    """Sample groups, rank each, step."""
    args = options(__doc__, argv, steps=30, prompts=4, group=6, tokens=12, lr=3e-3, kl=0.02)
    prompts = prompts_of(args)
    model, tokenizer = models.load(args.model, args.seed)
    from prefcore.integrations.transformers import add_fused_lm_head

    reference, _ = models.load(args.model, args.seed)
    for each in (model, reference):
        add_fused_lm_head(each)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.0)
    offsets = group_offsets(args.prompts, args.group)
    generator = np.random.default_rng(args.seed)
    for step in range(args.steps):
        drawn = [prompts[number] for number in generator.choice(len(prompts), args.prompts, replace=False)]
        batch = answers(model, tokenizer, drawn, args.tokens, copies=args.group)
        said = texts(tokenizer, batch)
        groups = [said[start : start + args.group] for start in range(0, len(said), args.group)]
        wins = torch.tensor([rate for group in groups for rate in win_rates(group)])
        gains = pref_grpo.advantages(wins, torch.tensor([score(text) for text in said]), offsets, weights=(0.8, 0.2))
        with torch.no_grad():
            theirs = reference(**batch, fused_lm_head=True).log_probs
        ours = model(**batch, fused_lm_head=True)
        kept = {"mask": ours.label_mask, "ref_logps": theirs, "kl_coef": args.kl}
        tokens = losses.ppo_clip(ours.log_probs, ours.log_probs.detach(), gains, **kept)
        loss = losses.token_mean(tokens, ours.label_mask)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 0 or step == args.steps - 1:
            letters = np.mean([sum("a" <= x <= "z" for x in text) / max(len(text), 1) for text in said])
            print(f"step {step}: small letters {letters:.3f}")


if __name__ == "__main__":
    run(main)

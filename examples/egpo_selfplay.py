"""EGPO: a policy plays against where its own next step would lead it, judged by preferences alone.

    python examples/egpo_selfplay.py --steps 40

Put your judge in the place of `prefers`: the probability that it prefers the first answer.
"""

import copy
import math
from collections.abc import Sequence

import torch

import models
from prefcore.papers import egpo
from preferences import answers, label_logps, options, prompts_of, run, texts


def prefers(first: str, second: str) -> float:
    """The judge of this example likes small letters."""
    shares = [sum("a" <= letter <= "z" for letter in text) / max(len(text), 1) for text in (first, second)]
    return 1 / (1 + math.exp(10 * (shares[1] - shares[0])))


def main(argv: Sequence[str] | None = None) -> None:
    """Play, then let the policy meet the model that it began as."""
    args = options(__doc__, argv, steps=40, prompts=8, tokens=12, lr=3e-3, beta=0.5)
    prompts = prompts_of(args)[: args.prompts]
    model, tokenizer = models.load(args.model, args.seed)
    from prefcore.integrations.transformers import add_fused_lm_head

    reference = copy.deepcopy(model).requires_grad_(requires_grad=False)
    add_fused_lm_head(model)
    add_fused_lm_head(reference)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.0)

    def wins(ours: list[str], theirs: list[str]) -> torch.Tensor:
        return torch.tensor([prefers(a, b) for a, b in zip(ours, theirs, strict=True)])

    for step in range(args.steps):
        sampled = [answers(model, tokenizer, prompts, args.tokens) for _ in range(2)]
        said = [texts(tokenizer, batch) for batch in sampled]
        with torch.no_grad():
            baseline = [label_logps(reference, batch).means for batch in sampled]
        preferences: list[torch.Tensor] = []

        def refresh() -> None:
            """Ask the judge about both samples and an answer of the policy as it is at this moment."""
            opponent = texts(tokenizer, answers(model, tokenizer, prompts, args.tokens))
            preferences[:] = [wins(side, opponent) for side in said]  # noqa: B023

        def loss() -> torch.Tensor:
            first, second = (label_logps(model, b).means - r for b, r in zip(sampled, baseline, strict=True))  # noqa: B023
            return egpo.loss(first, second, *preferences, beta=args.beta).mean()  # noqa: B023

        refresh()
        value = egpo.extragradient_step(optimizer, loss, refresh)
        if step % 10 == 0:
            print(f"step {step}: loss {value.item():.4f}")
    ours, theirs = (texts(tokenizer, answers(m, tokenizer, prompts * 4, args.tokens)) for m in (model, reference))
    print(f"wins against the first model: {wins(ours, theirs).mean().item():.3f}")


if __name__ == "__main__":
    run(main)

"""For those who train: from rated completions to pairs, a DPO loss, and the pictures that say whether it is healthy.

Runs as a script, or cell by cell in Jupyter and VS Code. A program for your own data and model is dpo.py.
"""

# %% Where the data are and the pictures go
import argparse
import json
from pathlib import Path

import torch

from prefcore import groups, logps, losses, pairs, plots

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", type=Path, default=Path("out/for_trainers"), help="folder for margins.png and logps.png")
out = parser.parse_known_args()[0].out
out.mkdir(parents=True, exist_ok=True)
data = (Path(__file__).parent if "__file__" in globals() else Path.cwd()) / "data"  # a notebook has no __file__
torch.manual_seed(0)

# %% 1. Rated completions: four answers to each prompt, graded from 1 to 5
rated = [json.loads(line) for line in (data / "rated.jsonl").read_text(encoding="utf-8").splitlines()]
answers = [(row["prompt"], answer["response"], answer["score"]) for row in rated for answer in row["completions"]]
scores = [score for _, _, score in answers]
offsets = groups.offsets_from_lengths([len(row["completions"]) for row in rated])

# %% 2. Pairs of answers at least two grades apart; whole prompts are held out, so that no text stands on both sides
found = pairs.all_pairs(scores, offsets=offsets, min_gap=2, inclusive=True)
chosen, rejected = torch.from_numpy(found.chosen), torch.from_numpy(found.rejected)
held_out = torch.from_numpy(found.group >= 80)
print(f"{len(answers)} answers to {len(rated)} prompts make {len(chosen)} pairs, {int(held_out.sum())} held out")

# %% 3. Tokens, here bytes: only those of the answer and the 0 that ends it will count
tokens = [((prompt + "\n").encode(), answer.encode() + b"\0") for prompt, answer, _ in answers]
starts, lengths = torch.tensor([[len(prompt), len(answer)] for prompt, answer in tokens]).T
width = int((starts + lengths).max())
ids = torch.tensor([list((prompt + answer).ljust(width, b"\0")) for prompt, answer in tokens])
mask = logps.completion_mask(starts, lengths, width=width)

# %% 4. A model that gives logits; this one has learnt nothing yet
embed, core, head = torch.nn.Embedding(256, 48), torch.nn.GRU(48, 64, batch_first=True), torch.nn.Linear(64, 256)


def answer_logps(rows: torch.Tensor) -> torch.Tensor:
    """Log-prob of each answer after its prompt, in nats."""
    logits = head(core(embed(ids[rows, :-1]))[0])
    return logps.sequence_logps(logps.token_logps(logits, ids[rows, 1:], mask=mask[rows]), mask[rows]).sums


def all_logps() -> torch.Tensor:
    """Those of all answers as the model is now."""
    with torch.no_grad():
        return torch.cat([answer_logps(rows) for rows in torch.arange(len(answers)).split(64)])


# %% 5. DPO: the reward of an answer is how far its log-prob has moved since the start, and pairs pull rewards apart
reference = all_logps()
optimizer = torch.optim.AdamW([p for part in (embed, core, head) for p in part.parameters()], lr=3e-3)
training = (~held_out).nonzero()[:, 0]
looks: list[tuple[int, float, float]] = []
for step in range(31):
    if step % 5 == 0:
        now = all_logps()
        looks.append((step, now[chosen[held_out]].mean().item(), now[rejected[held_out]].mean().item()))
    batch = training[torch.randperm(len(training))[:32]]
    ratios = [answer_logps(side[batch]) - reference[side[batch]] for side in (chosen, rejected)]
    loss = losses.dpo(*ratios, beta=0.1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% 6. Margins of the held-out pairs: most of the bars should stand right of 0
margins = 0.1 * ((now - reference)[chosen] - (now - reference)[rejected])[held_out]
print(f"loss of the last batch {loss.item():.4f} (0.6931 before), held-out accuracy {(margins > 0).float().mean():.3f}")
plots.margin_histogram(margins).figure.savefig(out / "margins.png", dpi=120, bbox_inches="tight")

# %% 7. Log-probs: where both lines fall, good answers are unlearnt too, only more slowly than bad ones
plots.logp_curves(*zip(*looks, strict=True)).figure.savefig(out / "logps.png", dpi=120, bbox_inches="tight")

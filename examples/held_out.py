"""How a model ranks held-out completions: figures, a table, and one line per completion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefcore import metrics, pairs
from rated import Rated, flat
from scoring import Example

Figures = dict[str, dict[str, Any]]

ROWS = {
    "reward accuracy": ("implicit_reward", "accuracy"),
    "mean reward margin (nats)": ("implicit_reward", "mean_margin"),
    "Kendall's tau of rewards and scores": ("implicit_reward", "kendall_tau"),
    "accuracy of the log-prob per token": ("logp_per_token", "accuracy"),
    "Kendall's tau of log-prob per token and scores": ("logp_per_token", "kendall_tau"),
    "accuracy of the log-prob": ("logp", "accuracy"),
    "Kendall's tau of log-prob and scores": ("logp", "kendall_tau"),
}
EXPLANATION = """
Accuracy: share of the held-out pairs whose better scored completion has the higher value; a tie is half right.
Rewards are implicit, beta (log-prob - reference log-prob): before training all of them are 0, and every pair ties."""


@dataclass(frozen=True)
class HeldOut:
    """The held-out completions in one row, prompt after prompt; log-probs and rewards are in nats."""

    rated: list[Rated]
    scores: np.ndarray
    offsets: np.ndarray
    pairs: pairs.Pairs
    reference: np.ndarray  # log-probs under the untouched model
    tokens: np.ndarray
    beta: float

    @classmethod
    def of(cls, examples: Sequence[Example], beta: float, min_gap: float) -> "HeldOut":
        """Lay out what has been scored by the reference model."""
        rated = [example.encoded.rated for example in examples]
        scores, offsets = flat(rated)
        rows = pairs.all_pairs(scores, offsets=offsets, min_gap=min_gap)
        reference = np.concatenate([example.reference.double().numpy() for example in examples])
        tokens = np.concatenate([example.encoded.mask.sum(dim=1).numpy() for example in examples])
        return cls(rated, scores, offsets, rows, reference, tokens, beta)

    def rewards(self, logps: np.ndarray) -> np.ndarray:
        """Implicit reward of each completion: beta (policy - reference)."""
        return self.beta * (logps - self.reference)

    def margins(self, values: np.ndarray) -> np.ndarray:
        """Difference chosen - rejected of each pair."""
        return values[self.pairs.chosen] - values[self.pairs.rejected]

    def accuracy(self, values: np.ndarray) -> float:
        """Share of the pairs whose chosen completion has the higher value; a tie counts one half."""
        margins = self.margins(values)
        return float(np.mean((margins > 0) + 0.5 * (margins == 0)))

    def figures(self, logps: np.ndarray) -> Figures:
        """Judge a model by three values of each completion."""
        values = {"implicit_reward": self.rewards(logps), "logp": logps, "logp_per_token": logps / self.tokens}
        return {name: self._figures(column) for name, column in values.items()}

    def _figures(self, values: np.ndarray) -> dict[str, Any]:
        """Prompts whose tau is undefined, because all values or all scores are equal, are left out of its mean."""
        tau = metrics.kendall_tau(values, self.scores, offsets=self.offsets)
        defined = tau[~np.isnan(tau)]
        return {
            "accuracy": self.accuracy(values),
            "mean_margin": float(self.margins(values).mean()),
            "kendall_tau": float(defined.mean()) if len(defined) else None,
            "prompts_with_tau": len(defined),
        }

    def check(self, logps: np.ndarray) -> dict[str, float]:
        """Mean log-prob of both sides of the pairs, and whether the rewards rank them as the scores do."""
        return {
            "chosen_logp": float(logps[self.pairs.chosen].mean()),
            "rejected_logp": float(logps[self.pairs.rejected].mean()),
            "reward_accuracy": self.accuracy(self.rewards(logps)),
        }

    def rows(self, logps: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield a record per completion: what the figures are made of."""
        texts = [(one.prompt, *rest) for one in self.rated for rest in zip(one.responses, one.scores, strict=True)]
        numbers = (self.tokens.tolist(), self.reference.tolist(), logps.tolist(), self.rewards(logps).tolist())
        names = ("prompt", "response", "score", "tokens", "reference_logp", "logp", "implicit_reward")
        for text, *rest in zip(texts, *numbers, strict=True):
            yield dict(zip(names, (*text, *rest), strict=True))


def improved(before: Figures, after: Figures) -> dict[str, bool]:
    """Say which of the values rank more of the pairs as the scores do."""
    return {name: after[name]["accuracy"] > before[name]["accuracy"] for name in before}


def table(before: Figures, after: Figures) -> str:
    """Lay the figures before and after out in columns."""
    lines = [f"{'':48}{'before':>8}{'after':>8}"]
    for title, (value, figure) in ROWS.items():
        cells = (before[value][figure], after[value][figure])
        lines.append(f"{title:48}" + "".join("       -" if cell is None else f"{cell:8.3f}" for cell in cells))
    return "\n".join([*lines, EXPLANATION])

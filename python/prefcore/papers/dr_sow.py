"""CDR (Dr.SoW): the density ratio of a strong over a weak model as reward (Xu et al. 2024, arXiv 2411.02481)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore.pairs import Pairs

__all__ = ["DensityRatio", "pairs", "reward"]


class DensityRatio(NamedTuple):
    """Reward of each response, as a whole and per token."""

    sums: Tensor
    """[N] in nats"""
    averages: Tensor
    """[N] in nats per token of the strong model"""


def reward(strong: Tensor, weak: Tensor, strong_mask: Tensor, weak_mask: Tensor) -> DensityRatio:
    """How much likelier the strong model finds a response than the weak one.

    sums = sum_t strong - sum_u weak,  averages = sums / max(1, number of strong tokens)

    Each model counts tokens of its own; the official code divides by the strong model's, also where they differ. A
    response without tokens has reward 0.

    Args:
        strong: [N, T] log-probs of the tokens under the tuned model, in nats.
        weak: [N, U] under the base model, whose tokens may be others.
        strong_mask: [N, T] bool, True = counts. The official code begins one token early, with the prompt's last.
        weak_mask: [N, U] bool.
    Returns: DensityRatio(sums, averages) (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: reward_hub/drsow.py of Red-Hat-AI-Innovation-Team/reward_hub.

    >>> mask = torch.tensor([[True, True]])
    >>> reward(torch.tensor([[-1.0, -2.0]]), torch.tensor([[-2.0, -4.0]]), mask, mask)
    DensityRatio(sums=tensor([3.]), averages=tensor([1.5000]))
    """
    from prefcore.papers._inputs import alike, token_sums

    strong_sums, counts = token_sums({"strong": strong, "strong_mask": strong_mask}, empty="zero")
    weak_sums, _ = token_sums({"weak": weak, "weak_mask": weak_mask}, empty="zero")
    strong_sums, weak_sums = alike(strong=strong_sums, weak=weak_sums)
    ratio = strong_sums - weak_sums
    return DensityRatio(ratio, ratio / counts.clamp(min=1))


def pairs(reward: Any, offsets: Any) -> Pairs:
    """Pair the answer of the highest density ratio with that of the lowest, for every prompt: `pairs.best_worst`.

    Args:
        reward: [n], a field of what `reward` returns for the answers; larger is better.
        offsets: int [G + 1] boundaries of the prompts.
    Returns: Pairs [P].
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract: on-policy samples, annotated; rule derived.

    >>> pairs([3.0, -1.0, 6.0, 7.0], [0, 4]).rejected
    array([1])
    """
    from prefcore.pairs import best_worst

    return best_worst(reward, offsets=offsets)

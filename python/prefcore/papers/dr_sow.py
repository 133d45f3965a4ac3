"""CDR (Dr.SoW): the density ratio of a strong over a weak model as reward (Xu et al. 2024, arXiv 2411.02481)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs
    from prefcore.papers._sections import Sections

__all__ = ["DensityRatio", "evaluate", "loss", "pairs", "reward"]


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
    from prefcore.papers._inputs import renamed

    with renamed(scores="reward"):
        return best_worst(reward, offsets=offsets)


def loss(chosen: Tensor, rejected: Tensor, *, beta: Num, margin: Num) -> Tensor:
    """`losses.simpo` on the annotated pairs.

    Args:
        chosen: [B] mean log-probs of the preferred responses, in nats.
        rejected: [B] mean log-probs of the others.
        beta: scale of the gap, > 0; float or [B]. No source names the paper's.
        margin: target margin, in units of the reward; float or [B]. Nor this.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract: preference tuning with SimPO.

    >>> loss(torch.tensor([-0.75]), torch.tensor([-1.5]), beta=2.0, margin=1.0)
    tensor([0.4741])
    """
    from prefcore.losses import simpo

    return simpo(chosen, rejected, beta=beta, margin=margin)


def evaluate(chosen: Any, rejected: Any, section: Any) -> Sections:
    """Accuracy of the reward in each section of RewardBench, and their mean.

    accuracy_s = share(chosen > rejected) in section s; a tie is wrong

    Args:
        chosen: [N] rewards of the responses that are right.
        rejected: [N] rewards of the others.
        section: [N] integers or strings, in any order.
    Returns: Sections(sections [S], accuracy [S], mean).
    Raises: ShapeError, DomainError, TypeError.
    Source: RewardBench (Lambert et al. 2024, arXiv 2403.13787), which the paper reports.

    >>> evaluate([0.3, 0.1, 0.9], [0.2, 0.4, 0.5], ["Chat", "Chat", "Safety"])
    Sections(sections=array(['Chat', 'Safety'], dtype='<U6'), accuracy=array([0.5, 1. ]), mean=0.75)
    """
    from prefcore.papers._sections import by_section

    return by_section(chosen, rejected, "section", section)

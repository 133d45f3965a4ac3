"""Utility-probability duality of neural networks (arXiv 2305.14859)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["Decision", "decide"]


class Decision(NamedTuple):
    """What the two readings of one model's outputs decide."""

    argmax: Tensor
    """[B] int64, the candidate of the largest utility, the first of equal ones."""
    mbr: Tensor
    """[B] int64, the candidate most like a draw from the model."""
    probability: Tensor
    """[B, K]"""


def decide(utility: Tensor, similarity: Tensor, *, temperature: Num = 1.0) -> Decision:
    """Compare the ordinal rule, take the largest output, with minimum Bayes risk on probabilities made of the outputs.

    probability = softmax(utility / temperature),  mbr = argmax_i sum_j probability_j similarity_ij

    Args:
        utility: [B, K] outputs of the model for K > 0 candidates.
        similarity: [B, K, K], how good candidate i is where j is right.
        temperature: divides the utilities, > 0; float or [B].
    Returns: Decision(argmax, mbr, probability); the probabilities f32, f64 for f64 input. Utilities and similarities
        that are not finite are refused on the CPU.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract; the paper's own transform was not to be had, the softmax (Gibbs, Luce) stands in for it.

    >>> similarity = torch.tensor([[[1.0, 0.2, 0.2], [0.2, 1.0, 0.9], [0.2, 0.9, 1.0]]])
    >>> decision = decide(torch.tensor([[0.2, 0.1, 0.0]]), similarity)
    >>> decision.argmax, decision.mbr
    (tensor([0]), tensor([1]))
    """
    from prefcore._checks import (
        finite,
        per_example,
        positive,
        readable,
        refuse_where,
        same_device,
        tensors,
        upcast,
    )
    from prefcore.errors import ShapeError
    from prefcore.scores import minimum_bayes_risk

    tensors(utility=utility, similarity=similarity)
    if utility.ndim != 2 or utility.shape[1] == 0 or similarity.shape != (*utility.shape, utility.shape[1]):
        got = f"{list(utility.shape)} and {list(similarity.shape)}"
        raise ShapeError(f"expected utility [B, K] and similarity [B, K, K] with K > 0, got {got}")
    same_device(utility=utility, similarity=similarity)
    utility, similarity = upcast(utility=utility, similarity=similarity)
    finite(utility=utility, similarity=similarity)
    positive(temperature=temperature)
    below_best = utility - utility.max(1, keepdim=True).values  # so that a small temperature gives no inf - inf
    probability = (below_best / per_example("temperature", temperature, utility)).softmax(1)
    if readable(probability):
        refuse_where(probability.isnan(), "temperature of utility", utility, "above 0 in their dtype")
    return Decision(utility.argmax(1), minimum_bayes_risk(probability, similarity).best, probability)

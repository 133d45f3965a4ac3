"""InfiFPO: model fusion through the reference of DPO (Gu et al. 2025, arXiv 2505.13878)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs

__all__ = ["FusedReference", "confidence_reference", "loss", "max_margin_reference", "pairs", "reference"]


class FusedReference(NamedTuple):
    """Log-probs of the fused source models, which take the place of the reference's."""

    chosen: Tensor
    """[B] in nats, detached."""
    rejected: Tensor
    """[B] in nats, detached."""


def max_margin_reference(sources: Tensor, pivot: Tensor) -> Tensor:
    """Of several source models, the one whose probability differs most from the pivot's.

    sources[argmax_j |exp(sources_j) - exp(pivot)|], the first of equal ones

    Compared as logarithms: sums over long responses, whose exp is 0, are told apart too.

    Args:
        sources: [B, N] log-probs of a response under N source models, in nats: means over the tokens of each.
        pivot: [B] the same under the pivot before training.
    Returns: [B] log-probs, detached (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: InfiFPO, section 3.2.

    >>> max_margin_reference(torch.tensor([[-0.3, -2.0, -0.6]]), torch.tensor([-0.5]))
    tensor([-2.])
    """
    import torch

    from prefcore._checks import upcast
    from prefcore.scores import log1mexp

    _check(sources=sources, pivot=pivot)
    sources, pivot = upcast(sources=sources.detach(), pivot=pivot.detach())
    level = pivot.unsqueeze(1)
    margins = torch.maximum(sources, level) + log1mexp(-(sources - level).abs())
    margins = margins.where(sources != level, -torch.inf)  # also where both are -inf
    return sources.gather(1, margins.argmax(1, keepdim=True)).squeeze(1).where(~pivot.isnan(), pivot)


def confidence_reference(sources: Tensor) -> Tensor:
    """Log-probs of several source models, averaged with the more weight the more likely they find the response.

    sum_j w_j sources_j,  w = softmax(sources)

    Args:
        sources: [B, N] log-probs of a response under N source models, in nats: means over the tokens of each.
    Returns: [B] log-probs, detached (f32; f64 for f64 input). A source at -inf counts nothing beside others; where all
        are, so is the result. NaN in, NaN out.
    Raises: ShapeError, DomainError for numbers above 0 (on the CPU, outside compiled code), TypeError.
    Source: InfiFPO, section 3.2; the form of the weights is derived.

    >>> confidence_reference(torch.tensor([[0.0, -1.0]]))
    tensor([-0.2689])
    """
    import torch

    from prefcore._checks import readable, refuse_where, tensors, upcast
    from prefcore.errors import ShapeError

    tensors(sources=sources)
    if sources.ndim != 2 or sources.shape[1] == 0:
        raise ShapeError(f"sources must be [B, N] with N > 0, got {list(sources.shape)}")
    if readable(sources):
        refuse_where(sources == torch.inf, "sources", sources, "a log-prob, <= 0")
    (sources,) = upcast(sources=sources.detach())
    finite = sources.clamp(min=torch.finfo(sources.dtype).min)  # 0 weight times -inf
    return (finite.softmax(1) * finite).sum(1).where((sources != -torch.inf).any(1), -torch.inf)


def reference(
    chosen_sources: Tensor, rejected_sources: Tensor, chosen_init: Tensor, rejected_init: Tensor
) -> FusedReference:
    """Fuse the source models: clip them at the pivot, then take the one that is farthest from it.

    max_margin_reference(max(chosen_sources, chosen_init), chosen_init), min in place of max for the rejected

    Sources that find the chosen response less likely than the pivot does (the rejected one more likely) teach nothing
    and count as the pivot. Without the clip: `max_margin_reference` of the sources, or their mean, or
    `confidence_reference`. All need to be computed once only: the pivot is the one before training.

    Args:
        chosen_sources: [B, N] log-probs of the preferred responses under N source models, in nats: means over tokens.
        rejected_sources: [B, N] the same of the others.
        chosen_init: [B] log-probs of the preferred responses under the pivot before training.
        rejected_init: [B] the same of the others.
    Returns: FusedReference(chosen, rejected), detached (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: InfiFPO, eq. 10 to 13. The paper leaves open whether sources are compared with the pivot as it is or as it
        was; here as it was, so that the reference stands still.

    >>> sources = torch.tensor([[-0.2, -0.9]])
    >>> reference(sources, sources, torch.tensor([-0.5]), torch.tensor([-0.5]))
    FusedReference(chosen=tensor([-0.2000]), rejected=tensor([-0.9000]))
    """
    import torch

    from prefcore._checks import upcast

    _check(chosen_sources=chosen_sources, chosen_init=chosen_init)
    _check(rejected_sources=rejected_sources, rejected_init=rejected_init)
    better, level = upcast(chosen_sources=chosen_sources, chosen_init=chosen_init)
    chosen = max_margin_reference(torch.maximum(better, level.unsqueeze(1)), level)
    worse, level = upcast(rejected_sources=rejected_sources, rejected_init=rejected_init)
    return FusedReference(chosen, max_margin_reference(torch.minimum(worse, level.unsqueeze(1)), level))


def loss(chosen: Tensor, rejected: Tensor, reference: FusedReference, *, beta: Num = 2.5) -> Tensor:
    """DPO of the pivot against the fused source models.

    loss = dpo(chosen - reference.chosen, rejected - reference.rejected)

    Args:
        chosen: [B] log-probs of the preferred responses under the pivot, in nats: means over tokens.
        rejected: [B] the same of the others.
        reference: what `reference` gives, [B] each.
        beta: strength of the pull, > 0; float or [B]. The official script has 2.5 for means, 0.1 for sums.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: InfiFPO, eq. 13; README.md and run.sh of InfiXAI/InfiFPO.

    >>> fused = FusedReference(torch.tensor([-0.2]), torch.tensor([-0.9]))
    >>> loss(torch.tensor([-0.5]), torch.tensor([-0.5]), fused)
    tensor([1.9102])
    """
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike, of_kind

    of_kind(FusedReference, reference=reference)
    chosen, fused_chosen = alike(chosen=chosen, reference_chosen=reference.chosen)
    rejected, fused_rejected = alike(rejected=rejected, reference_rejected=reference.rejected)
    return dpo(chosen - fused_chosen, rejected - fused_rejected, beta=beta)


def _check(**given: Tensor) -> None:
    """[B, N] sources and the [B] pivot, N > 0, on one device."""
    from prefcore._checks import same_device, tensors
    from prefcore.errors import ShapeError

    tensors(**given)
    (name, sources), (level_name, level) = given.items()
    if sources.ndim != 2 or sources.shape[1] == 0 or level.shape != sources.shape[:1]:
        got = f"{list(sources.shape)} and {list(level.shape)}"
        raise ShapeError(f"expected {name} [B, N] with N > 0 and {level_name} [B], got {got}")
    same_device(**given)


def pairs(score: Any, offsets: Any) -> Pairs:
    """Pair the best with the worst of all answers, those of the sources and of the pivot: `pairs.best_worst`.

    Args:
        score: [n] rewards of the answers; larger is better.
        offsets: int [G + 1] boundaries of the prompts.
    Returns: Pairs [P].
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper: 4 answers of each source, 8 of the pivot.

    >>> pairs([0.2, 0.5, 0.1], [0, 3]).rejected
    array([2])
    """
    from prefcore.pairs import best_worst
    from prefcore.papers._inputs import renamed

    with renamed(scores="score"):
        return best_worst(score, offsets=offsets)

"""Losses of lists with their gradients: contenders."""

from collections.abc import Callable
from typing import Any

SHAPE = {"cpu": "1e4 lists of 64 f64, loss and gradient"}
Contenders = dict[str, Callable[[], Any]]


def _inputs() -> tuple[Any, Any, Any]:
    """Scores, labels without ties, and the rankings that they give."""
    import torch

    generator = torch.Generator().manual_seed(6)
    scores, labels = torch.randn(2, 10_000, 64, dtype=torch.float64, generator=generator)
    return scores.requires_grad_(), labels, labels.argsort(dim=1, descending=True)


def _both(loss: Any, scores: Any) -> Any:
    import torch

    return loss, torch.autograd.grad(loss.sum(), scores)[0]


def plackett_luce(_device: str) -> Contenders:
    from prefcore import losses

    scores, _, ranking = _inputs()
    return {
        "prefcore": lambda: _both(losses.plackett_luce(scores, ranking), scores),
        "torch, logcumsumexp": lambda: _both(_plackett_luce(scores.gather(1, ranking)), scores),
        "torch, logcumsumexp, transposed": lambda: _both(_plackett_luce_columns(scores, ranking), scores),
    }


def _plackett_luce(ranked: Any) -> Any:
    """Stable at any scores, unlike the cumulative sum of exponentials in allRank."""
    return (ranked.flip(1).logcumsumexp(1) - ranked.flip(1)).sum(1)


def _plackett_luce_columns(scores: Any, ranking: Any) -> Any:
    """The same along the first axis, where torch's cumulative functions may run over lists instead of places."""
    ranked = scores.gather(1, ranking.flip(1)).t().contiguous()
    return (ranked.logcumsumexp(0) - ranked).sum(0)


def listmle(_device: str) -> Contenders:
    """From labels: with the sorting."""
    from prefcore import losses

    scores, labels, _ = _inputs()

    def by_torch() -> Any:
        order = labels.argsort(dim=1, descending=True, stable=True)
        return _both(_plackett_luce(scores.gather(1, order)), scores)

    return {
        "prefcore": lambda: _both(losses.listmle(scores, labels), scores),
        "torch, argsort and logcumsumexp": by_torch,
    }


def ranknet(_device: str) -> Contenders:
    from prefcore import losses

    scores, labels, ranking = _inputs()
    return {
        "prefcore": lambda: _both(losses.ranknet(scores, labels).loss, scores),
        "torch, [B, L, L] softplus, 500 lists at a time": lambda: _chunked(_ranknet_square, scores, labels),
        "torch, sorted, pairs above the diagonal, 500 lists at a time": lambda: _chunked(
            _ranknet_triangle, scores, ranking
        ),
    }


def _ranknet_square(scores: Any, labels: Any) -> Any:
    from torch.nn.functional import softplus

    pairs = labels.unsqueeze(2) > labels.unsqueeze(1)
    return (softplus(scores.unsqueeze(1) - scores.unsqueeze(2)) * pairs).sum((1, 2))


def _ranknet_triangle(scores: Any, ranking: Any) -> Any:
    """Half of the softplus; knows that labels have no ties."""
    import torch
    from torch.nn.functional import softplus

    high, low = torch.triu_indices(64, 64, 1)
    ranked = scores.gather(1, ranking)
    return softplus(ranked.index_select(1, low) - ranked.index_select(1, high)).sum(1)


def _chunked(loss: Any, scores: Any, rest: Any) -> Any:
    """A part of the lists at a time, gradient and all, so that the pairs stay in the cache."""
    import torch

    parts = zip(scores.detach().split(500), rest.split(500), strict=True)
    results = [_both(loss(part.requires_grad_(), other), part) for part, other in parts]
    return tuple(torch.cat(column) for column in zip(*results, strict=True))


def lambdarank(_device: str) -> Contenders:
    from prefcore import losses

    scores, labels, _ = _inputs()
    grades = labels.abs().mul(2).floor().clamp(max=4)
    return {
        "prefcore": lambda: _both(losses.lambdarank(scores, grades), scores),
        "torch, [B, L, L], 500 lists at a time": lambda: _chunked(_lambdarank, scores, grades),
    }


def _lambdarank(scores: Any, grades: Any) -> Any:
    import torch
    from torch.nn.functional import softplus

    gains = grades.exp2() - 1
    by_place = 1 / torch.arange(2, 66, dtype=torch.float64).log2()
    ideal = (gains.sort(dim=1, descending=True).values * by_place).sum(1)
    order = scores.detach().argsort(dim=1, descending=True, stable=True)
    discounts = torch.empty_like(gains).scatter_(1, order, by_place.expand_as(gains))
    change = (gains.unsqueeze(2) - gains.unsqueeze(1)).abs() * (discounts.unsqueeze(2) - discounts.unsqueeze(1)).abs()
    weights = change * (grades.unsqueeze(2) > grades.unsqueeze(1))
    return (softplus(scores.unsqueeze(1) - scores.unsqueeze(2)) * weights).sum((1, 2)) / ideal


def soft_rank(_device: str) -> Contenders:
    """The gradient of the spread of the ranks."""
    import torch

    from prefcore import losses
    from prefcore.ops import list_ranks

    scores, _, _ = _inputs()

    def gradient(ranks: Any, like: Any) -> Any:
        return ranks.detach(), torch.autograd.grad(ranks.square().sum(), like)[0]

    def by_torch() -> Any:
        part = scores.detach()[:500].requires_grad_()
        return gradient(list_ranks.soft_rank_body(part, None, 1.0, True), part)  # noqa: FBT003

    return {
        "prefcore": lambda: gradient(losses.soft_rank(scores), scores),
        "torch, min-max formula/20": by_torch,
    }

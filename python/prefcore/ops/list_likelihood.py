"""Likelihoods of lists: rankings (Plackett-Luce, ListMLE) and the cross-entropy with the softmax of the scores.

Plackett-Luce: sum_i w_i (log sum_{j >= i} exp s_j - s_i), rows best first;  slope_j = exp(s_j) sum_{i <= j} w_i /
sum_{l >= i} exp(s_l) - w_j. One exponential a row and O(L) time; autograd would keep several tensors of all rows.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore.ops import _lists as lists
from prefcore.ops._lists import Layout, ListLoss


def likelihood(ranked: Tensor, k: int | None, weights: Tensor | None) -> tuple[Tensor, int]:
    """Return the definition for one list, best first, and the number of its stages that have a choice."""
    if len(ranked) == 0:
        return ranked.sum(), 0
    stages = min(len(ranked), len(ranked) if k is None else k)
    terms = (ranked.flip(0).logcumsumexp(0).flip(0) - ranked)[:stages]
    terms = terms if weights is None else terms * weights[:stages].to(terms.dtype)
    return terms.sum(), min(stages, len(ranked) - 1)


def stages(ranked: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return (losses, slopes) of `[G, L]` scores, best first, -inf behind the end; weights `[L]`.

    A stage at which only -inf is left has weight 0. In f64: in f32 the logarithm of a sum near 1e4 is off by 1e-3.
    """
    ranked, dtype = ranked.double(), ranked.dtype
    top = ranked.amax(1, keepdim=True) if ranked.shape[1] else 0.0
    ranked = (ranked - top).where(ranked != -torch.inf, -torch.inf)
    log_sums = ranked.flip(1).logcumsumexp(1).flip(1)
    edge = ranked.new_full((len(ranked), 1), -torch.inf)
    later = torch.cat([log_sums[:, 1:], edge], 1)
    weights = weights.to(ranked.dtype).where((ranked != -torch.inf) | (later != -torch.inf), 0.0)
    counts = weights != 0
    gap = later - ranked
    losses = -(weights * logsigmoid(-gap)).where(counts, 0.0).sum(1)
    own = (weights * gap.sigmoid()).where(counts, 0.0)
    shares = (weights.log() - log_sums).where(counts, -torch.inf).logcumsumexp(1)
    earlier = torch.cat([edge, shares[:, :-1]], 1)
    return losses.to(dtype), ((ranked + earlier).exp() - own).to(dtype)


def _stage_weights(layout: Layout, k: int | None, weights: Tensor | None) -> Tensor:
    reach = layout.longest if k is None else min(k, layout.longest)
    if weights is None:
        return (layout.places < reach).double()
    lists.check_reach("position_weights", weights, reach)
    return torch.nn.functional.pad(weights[:reach], (0, layout.longest - reach))


def _n_stages(layout: Layout, k: int | None) -> Tensor:
    return (layout.lengths - 1).clamp(min=0, max=k)


def listmle_reference(
    scores: Tensor, labels: Tensor, offsets: Tensor | None, k: int | None, position_weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, list by list."""

    def one(s: Tensor, y: Tensor) -> tuple[Tensor, int]:
        return likelihood(s[y.argsort(descending=True, stable=True)], k, position_weights)

    return lists.list_by_list(one, scores, labels, offsets)


def listmle_body(
    scores: Tensor, labels: Tensor, offsets: Tensor | None, k: int | None, position_weights: Tensor | None
) -> ListLoss:
    """Return (losses, n_terms, slopes)."""
    layout = Layout(labels, offsets)
    s, y = layout.pad(scores, -torch.inf), layout.pad(labels, 0.0)
    order = lists.descending(y, layout.valid)
    losses, slopes = stages(s.gather(1, order), _stage_weights(layout, k, position_weights))
    slopes = torch.empty_like(slopes).scatter_(1, order, slopes)
    return layout.finish(losses, _n_stages(layout, k), slopes, y.isnan() | (s == torch.inf))


listmle = lists.define("listmle", listmle_body, lambda core, *args: core.listmle(*args))


def plackett_luce_reference(
    scores: Tensor, ranking: Tensor, offsets: Tensor | None, k: int | None
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, ranking by ranking."""
    ranked = scores[ranking] if offsets is not None else scores.gather(1, ranking)
    return lists.list_by_list(lambda s, _: likelihood(s, k, None), ranked, ranked, offsets)


def plackett_luce_body(scores: Tensor, ranking: Tensor, offsets: Tensor | None, k: int | None) -> ListLoss:
    """Return (losses, n_terms, slopes).

    Dense: ranking `[B, K]` holds places in each list, and slopes belong to the scores. With offsets: ranking `[R]`
    holds rows, which several rankings may share, so slopes belong to its entries.
    """
    layout, limit = Layout(ranking, offsets), scores.shape[-1]
    bad = (ranking < 0) | (ranking >= limit)
    rows = ranking.clamp(0, max(limit - 1, 0))
    if limit == 0:
        ranked = scores.new_zeros(ranking.shape)
    else:
        ranked = scores.gather(1, rows) if offsets is None else scores[rows]
    ranked = layout.pad(ranked, -torch.inf)
    losses, slopes = stages(ranked, _stage_weights(layout, k, None))
    bad = layout.pad(bad, fill=False) | (ranked == torch.inf)
    losses, n_terms, slopes = layout.finish(losses, _n_stages(layout, k), slopes, bad)
    if offsets is None:
        slopes = torch.zeros_like(scores, memory_format=torch.contiguous_format).scatter_add_(1, rows, slopes)
    return losses, n_terms, slopes


plackett_luce = torch.library.custom_op("prefcore::plackett_luce", plackett_luce_body, mutates_args=())


@plackett_luce.register_kernel("cpu")
def _plackett_luce_cpu(scores: Tensor, ranking: Tensor, offsets: Tensor | None, k: int | None) -> ListLoss:
    import prefcore._rust as core

    s, rows = lists.numpy(scores), lists.numpy(ranking)
    if offsets is None:
        return lists.results(scores, scores, core.plackett_luce_dense(s, rows, tuple(scores.shape), k))
    return lists.results(scores, ranking, core.plackett_luce(s, rows, lists.numpy(offsets), k))


@plackett_luce.register_fake
def _plackett_luce_fake(scores: Tensor, ranking: Tensor, offsets: Tensor | None, _k: Any) -> ListLoss:
    return lists.fake(scores, scores if offsets is None else ranking, offsets)


def plackett_luce_backward_reference(
    grad_losses: Tensor, slopes: Tensor, ranking: Tensor, offsets: Tensor, scores: Tensor
) -> Tensor:
    """Return the gradient of the scores, 0 for rows that stand in no ranking."""
    products = lists.spread(grad_losses, slopes, offsets)
    grad = torch.zeros_like(scores, memory_format=torch.contiguous_format)
    rows = ranking.clamp(0, max(len(scores) - 1, 0))
    return grad.index_put_((rows,), products, accumulate=True)  # index_add_ has no fixed order on CUDA


plackett_luce_backward = torch.library.custom_op(
    "prefcore::plackett_luce_backward", plackett_luce_backward_reference, mutates_args=()
)


@plackett_luce_backward.register_fake
def _plackett_luce_backward_fake(
    _grad_losses: Tensor, _slopes: Tensor, _ranking: Tensor, _offsets: Tensor, scores: Tensor
) -> Tensor:
    return scores.new_empty(scores.shape)


def _save_ranking(ctx: Any, inputs: tuple[Any, ...], output: ListLoss) -> None:
    scores, ranking, offsets, _k = inputs
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[2], ranking, offsets, scores)


def _backward(ctx: Any, grad_losses: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    slopes, ranking, offsets, scores = ctx.saved_tensors
    if grad_losses is None:
        return (None,) * 4
    if offsets is None:
        return lists.list_backward(grad_losses, slopes, None, scores), None, None, None
    return plackett_luce_backward(grad_losses, slopes, ranking, offsets, scores), None, None, None


plackett_luce.register_autograd(_backward, setup_context=_save_ranking)


def softmax_loss_reference(scores: Tensor, labels: Tensor, offsets: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, list by list."""
    return lists.list_by_list(_cross_entropy, scores, labels, offsets)


def _cross_entropy(s: Tensor, y: Tensor) -> tuple[Tensor, int]:
    terms = (y.to(s.dtype) * s.log_softmax(0))[y != 0]
    if (s == -torch.inf).all():
        return s[:0].sum(), 0
    return -terms.sum(), len(terms) if len(s) > 1 else 0


def softmax_loss_body(scores: Tensor, labels: Tensor, offsets: Tensor | None) -> ListLoss:
    """Return (losses, n_terms, slopes)."""
    layout = Layout(labels, offsets)
    return _softmax_body(layout, scores, layout.pad(labels, 0.0), lambda y: ~y.isfinite())


def _softmax_body(layout: Layout, scores: Tensor, y: Tensor, bad: Any) -> ListLoss:
    s = layout.pad(scores, -torch.inf)
    choice = (s != -torch.inf).any(1, keepdim=True)
    s, weights = s.where(choice, 0.0), y.to(s.dtype).where(choice, 0.0)
    p = s.softmax(1)
    losses = -(weights * s.log_softmax(1)).where(weights != 0, 0.0).sum(1)
    n_terms = ((weights != 0) & (layout.lengths > 1).unsqueeze(1)).sum(1)
    return layout.finish(losses, n_terms, weights.sum(1, keepdim=True) * p - weights, bad(y))


softmax_loss = lists.define("softmax_loss", softmax_loss_body, lambda core, *args: core.softmax_loss(*args))


def listnet_reference(
    scores: Tensor, labels: Tensor, offsets: Tensor | None, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, list by list."""
    return lists.list_by_list(lambda s, y: _cross_entropy(s, (y / temperature).softmax(0)), scores, labels, offsets)


def listnet_body(scores: Tensor, labels: Tensor, offsets: Tensor | None, temperature: float) -> ListLoss:
    """Return (losses, n_terms, slopes)."""
    layout = Layout(labels, offsets)
    y = layout.pad(labels, -torch.inf)
    probs = (y / temperature).softmax(1).where((y != -torch.inf).any(1, keepdim=True), 0.0)
    return _softmax_body(layout, scores, probs, torch.isnan)


listnet = lists.define("listnet", listnet_body, lambda core, *args: core.listnet(*args))

"""Smooth ranks of lists: the loss of ApproxNDCG, whose ranks are sums of sigmoids, and soft ranks by projection.

The CPU kernels hold O(L) numbers a list, the bodies here (and autograd of ApproxNDCG) several times L^2. A soft rank is
an isotonic regression: pooling of neighbors on the CPU in O(L log L), elsewhere its min-max formula, which has no loop.
"""

import math
from typing import Any

import torch
from torch import Tensor

from prefcore.ops import _lists as lists
from prefcore.ops._lists import Layout, ListLoss
from prefcore.ops.list_pairs import bad_labels, gains, ideal_dcg


def approx_ndcg_reference(
    scores: Tensor, labels: Tensor, offsets: Tensor | None, temperature: float, gain: str
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, list by list."""

    def one(s: Tensor, y: Tensor) -> tuple[Tensor, int]:
        worth = gains(y.double(), gain)
        ideal, n = ideal_dcg(worth[None], None)[0], int((worth > 0).sum())
        ranks = 0.5 + ((s - s.unsqueeze(1)) / temperature).sigmoid().sum(1)
        return (-(worth / (1 + ranks).log2()).sum() / ideal, n) if n else (s.sum() * 0.0, 0)

    return lists.list_by_list(one, scores, labels, offsets)


def approx_ndcg_body(scores: Tensor, labels: Tensor, offsets: Tensor | None, temperature: float, gain: str) -> ListLoss:
    """Return (losses, n_terms, slopes): slope_i = sum_j (c_j - c_i) sigmoid'_ij / temperature, c = d loss / d rank."""
    layout = Layout(labels, offsets)
    s, y = layout.pad(scores, 0.0), layout.pad(labels, 0.0)
    s = s.where(s != -torch.inf, torch.finfo(s.dtype).min)  # which minus itself is 0
    worth = gains(y, gain)
    ideal = ideal_dcg(worth, None).unsqueeze(1)
    share = (worth / ideal).where(ideal > 0, 0.0).to(s.dtype)
    x, others = (s.unsqueeze(1) - s.unsqueeze(2)) / temperature, layout.valid.unsqueeze(1)
    ranks = 0.5 + x.sigmoid().where(others, 0.0).sum(2)
    log = ranks.log1p()
    by_rank = share * math.log(2) / ((1 + ranks) * log.square())
    bends = (x.sigmoid() * (-x).sigmoid()).where(others, 0.0)
    slopes = (bends * (by_rank.unsqueeze(1) - by_rank.unsqueeze(2))).sum(2) / temperature
    losses, n_terms = -(share * math.log(2) / log).sum(1), (share > 0).sum(1)
    return layout.finish(losses, n_terms, slopes, bad_labels(y, worth))


approx_ndcg = lists.define("approx_ndcg", approx_ndcg_body, lambda core, *args: core.approx_ndcg(*args))


def soft_rank_body(scores: Tensor, offsets: Tensor | None, strength: float, descending: bool) -> Tensor:
    """Return the ranks; differentiable, the definition too."""
    layout = Layout(scores, offsets)
    z, order = _sorted(layout, scores, strength, descending)
    ranks = z - _isotonic(layout, z)
    return layout.unpad(ranks.gather(1, lists.places_in(order))).to(scores.dtype).contiguous()


def _sorted(layout: Layout, scores: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor]:
    z = layout.pad(scores.double() / (-strength if descending else strength), 0.0)
    z = z.where((z.isfinite() | ~layout.valid).all(1, keepdim=True), torch.nan)
    order = lists.descending(z, layout.valid)
    return z.gather(1, order), order


def _isotonic(layout: Layout, z: Tensor) -> Tensor:
    """Return the falling regression of y = z - (n, …, 1): v_i = min_{a <= i} max_{b >= i} mean(y_a … y_b)."""
    y = z - (layout.lengths.unsqueeze(1) - layout.places)
    sums = torch.cat([y.new_zeros(len(y), 1), y.cumsum(1)], 1)
    first, last = layout.places.unsqueeze(1), layout.places
    means = (sums[:, None, 1:] - sums[:, :-1, None]) / (last - first + 1).clamp(min=1)
    means = means.where((first <= last) & layout.valid.unsqueeze(1), -torch.inf)
    highest = means.flip(2).cummax(2).values.flip(2)  # over b >= i
    return highest.where(first <= last, torch.inf).amin(1) if layout.longest else y


soft_rank = torch.library.custom_op("prefcore::soft_rank", soft_rank_body, mutates_args=())


@soft_rank.register_kernel("cpu")
def _soft_rank_cpu(scores: Tensor, offsets: Tensor | None, strength: float, descending: bool) -> Tensor:
    import prefcore._rust as core

    ranks = core.soft_rank(lists.numpy(scores), lists.boundaries(scores, offsets), strength, descending)
    return torch.from_numpy(ranks).view(scores.shape)


@soft_rank.register_fake
def _soft_rank_fake(scores: Tensor, *_: Any) -> Tensor:
    return scores.new_empty(scores.shape)


def soft_rank_vjp_body(
    upstream: Tensor, scores: Tensor, offsets: Tensor | None, strength: float, descending: bool
) -> Tensor:
    """Return upstream times the derivatives: in each block of equal v, the distance from the mean of the block."""
    layout = Layout(scores, offsets)
    z, order = _sorted(layout, scores, strength, descending)
    v = _isotonic(layout, z)
    blocks = torch.nn.functional.pad((v[:, 1:] != v[:, :-1]).cumsum(1), (1 if layout.longest else 0, 0))
    same = (blocks.unsqueeze(2) == blocks.unsqueeze(1)) & layout.valid.unsqueeze(1)
    u = layout.pad(upstream, 0.0).double().gather(1, order)
    mean = (u.unsqueeze(1) * same).sum(2) / same.sum(2).clamp(min=1)
    grad = ((u - mean) / (-strength if descending else strength)).where(z.isfinite(), torch.nan)
    return layout.unpad(grad.gather(1, lists.places_in(order))).to(scores.dtype).contiguous()


soft_rank_vjp = torch.library.custom_op("prefcore::soft_rank_vjp", soft_rank_vjp_body, mutates_args=())


@soft_rank_vjp.register_kernel("cpu")
def _soft_rank_vjp_cpu(upstream: Tensor, scores: Tensor, offsets: Tensor | None, *how: Any) -> Tensor:
    import prefcore._rust as core

    columns = lists.numpy(scores), lists.numpy(upstream), lists.boundaries(scores, offsets)
    return torch.from_numpy(core.soft_rank_vjp(*columns, *how)).view(scores.shape)


@soft_rank_vjp.register_fake
def _soft_rank_vjp_fake(_upstream: Tensor, scores: Tensor, *_: Any) -> Tensor:
    return scores.new_empty(scores.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    scores, offsets, *ctx.how = inputs
    ctx.save_for_backward(scores, offsets)


def _backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
    return soft_rank_vjp(upstream, *ctx.saved_tensors, *ctx.how), None, None, None


soft_rank.register_autograd(_backward, setup_context=_save)

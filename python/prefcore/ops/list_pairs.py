"""Losses of the pairs of a list: RankNet, LambdaRank, and RankList's log-sum-exp of all pairs at a distance.

RankNet: sum w_ij log(1 + exp(-sigma (s_i - s_j))) over labels_i > labels_j. The CPU kernel holds O(L) numbers a list,
the body here (and autograd) several times L^2.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore.ops import _lists as lists
from prefcore.ops._lists import Layout, ListLoss


def ranknet_reference(
    scores: Tensor,
    labels: Tensor,
    offsets: Tensor | None,
    sigma: float,
    max_skip: int | None,
    skip_weights: Tensor | None,
    min_gap: float,
    inclusive: bool,
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, list by list and pair by pair."""

    def one(s: Tensor, y: Tensor) -> tuple[Tensor, int]:
        loss, n = s.sum() * 0.0, 0
        for weight, high, low in _ranked_pairs(y, max_skip, skip_weights):
            pair = _passes(y[high] - y[low], min_gap, inclusive)
            x = sigma * (s[low] - s[high])[pair]
            loss, n = loss - weight * logsigmoid(-x).sum(), n + int(pair.sum())
        return loss, n

    return lists.list_by_list(one, scores, labels, offsets)


def _ranked_pairs(
    y: Tensor, max_skip: int | None, skip_weights: Tensor | None
) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Yield (weight, rows above, rows below) of each distance in the order of the labels."""
    order = y.argsort(descending=True, stable=True)
    for skip in range(1, min(len(y), len(y) if max_skip is None else max_skip + 1)):
        yield 1.0 if skip_weights is None else float(skip_weights[skip - 1]), order[:-skip], order[skip:]


def _passes(difference: Tensor, min_gap: float, inclusive: bool) -> Tensor:
    return (difference > 0) & ((difference >= min_gap) if inclusive else (difference > min_gap))


def ranknet_body(
    scores: Tensor,
    labels: Tensor,
    offsets: Tensor | None,
    sigma: float,
    max_skip: int | None,
    skip_weights: Tensor | None,
    min_gap: float,
    inclusive: bool,
) -> ListLoss:
    """Return (losses, n_terms, slopes)."""
    layout = Layout(labels, offsets)
    s, y = layout.pad(scores, 0.0), layout.pad(labels, torch.nan)
    pairs = _passes(y.unsqueeze(2) - y.unsqueeze(1), min_gap, inclusive)  # [G, L, L]: labels_i above labels_j
    weights = pairs.to(s.dtype)
    if max_skip is not None or skip_weights is not None:
        places = lists.places_in(lists.descending(y, layout.valid))
        skips = places.unsqueeze(1) - places.unsqueeze(2)
        pairs = pairs if max_skip is None else pairs & (skips <= max_skip)
        weights = pairs * _skip_weights(layout, skips, max_skip, skip_weights).to(s.dtype)
    losses, slopes = _logistic(s, pairs, weights, sigma)
    return layout.finish(losses, pairs.sum((1, 2)), slopes, y.isnan())


def _skip_weights(layout: Layout, skips: Tensor, max_skip: int | None, skip_weights: Tensor | None) -> Tensor:
    if skip_weights is None:
        return torch.ones_like(skips)
    lists.check_reach("skip_weights", skip_weights, _reach(layout, max_skip))
    return skip_weights[(skips - 1).clamp(0, max(len(skip_weights) - 1, 0))] if len(skip_weights) else skips * 0


def _reach(layout: Layout, max_skip: int | None) -> int:
    return min(max(layout.longest - 1, 0), layout.longest if max_skip is None else max_skip)


def _logistic(s: Tensor, pairs: Tensor, weights: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    x = (sigma * (s.unsqueeze(1) - s.unsqueeze(2))).where(pairs, 0.0)
    chances = sigma * weights * x.sigmoid()
    return -(weights * logsigmoid(-x)).sum((1, 2)), chances.sum(1) - chances.sum(2)


ranknet = lists.define(
    "ranknet", ranknet_body, lambda core, s, y, offsets, sigma, *rule: core.ranknet(s, y, offsets, sigma, rule)
)


def ranklist_reference(
    scores: Tensor,
    labels: Tensor,
    offsets: Tensor | None,
    temperature: float,
    max_skip: int | None,
    skip_weights: Tensor | None,
    min_gap: float,
    inclusive: bool,
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, list by list."""

    def one(s: Tensor, y: Tensor) -> tuple[Tensor, int]:
        loss, n = s.sum() * 0.0, 0
        for weight, high, low in _ranked_pairs(y, max_skip, skip_weights):
            pair = _passes(y[high] - y[low], min_gap, inclusive)
            x = ((s[low] - s[high]) / temperature)[pair]
            loss, n = loss + weight * torch.cat([x.new_zeros(1), x]).logsumexp(0), n + int(pair.sum())
        return loss, n

    return lists.list_by_list(one, scores, labels, offsets)


def ranklist_body(
    scores: Tensor,
    labels: Tensor,
    offsets: Tensor | None,
    temperature: float,
    max_skip: int | None,
    skip_weights: Tensor | None,
    min_gap: float,
    inclusive: bool,
) -> ListLoss:
    """Return (losses, n_terms, slopes)."""
    layout = Layout(labels, offsets)
    s, y = layout.pad(scores, 0.0), layout.pad(labels, torch.nan)
    order = lists.descending(y, layout.valid)
    ranked, falling = s.gather(1, order), y.gather(1, order)
    losses, n_terms, slopes = s.new_zeros(len(s)), layout.lengths * 0, torch.zeros_like(ranked)
    if skip_weights is not None:
        lists.check_reach("skip_weights", skip_weights, _reach(layout, max_skip))
    for skip in range(1, _reach(layout, max_skip) + 1):
        pairs = _passes(falling[:, :-skip] - falling[:, skip:], min_gap, inclusive)
        x = ((ranked[:, skip:] - ranked[:, :-skip]) / temperature).where(pairs, -torch.inf)
        log_sums = torch.cat([x.new_zeros(len(x), 1), x], 1).logsumexp(1)
        weight = 1.0 if skip_weights is None else skip_weights[skip - 1].to(s.dtype)
        shares = weight / temperature * (x - log_sums.unsqueeze(1)).exp()
        losses, n_terms = losses + weight * log_sums, n_terms + pairs.sum(1)
        slopes[:, :-skip] -= shares
        slopes[:, skip:] += shares
    slopes = torch.empty_like(slopes).scatter_(1, order, slopes)
    return layout.finish(losses, n_terms, slopes, y.isnan())


ranklist = lists.define(
    "ranklist", ranklist_body, lambda core, s, y, offsets, t, *rule: core.ranklist(s, y, offsets, t, rule)
)


def gains(labels: Tensor, gain: str) -> Tensor:
    """Return what the labels are worth."""
    if gain != "exponential":
        return labels
    return (labels.exp2() - 1).where(labels >= 0.5, (labels * math.log(2)).expm1())


def discounts(ranks: Tensor, k: int | None) -> Tensor:
    """Return 1 / log2(1 + rank) of ranks from 1, 0 after the first k."""
    values = 1 / (1 + ranks.double()).log2()
    return values if k is None else values.where(ranks <= k, 0.0)


def ideal_dcg(worth: Tensor, k: int | None) -> Tensor:
    """Return the DCG of the best order of each row of `[G, L]` gains."""
    ranks = torch.arange(1, worth.shape[1] + 1, device=worth.device)
    return (worth.sort(dim=1, descending=True).values * discounts(ranks, k)).sum(1)


def lambdarank_reference(
    scores: Tensor, labels: Tensor, offsets: Tensor | None, k: int | None, gain: str, sigma: float
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms): the definition, list by list; each weight from two whole DCGs."""

    def one(s: Tensor, y: Tensor) -> tuple[Tensor, int]:
        worth = gains(y.double(), gain)
        ideal, ranks = ideal_dcg(worth[None], k)[0], 1 + lists.places_in(lists.descending(s[None], s[None] == s))[0]
        pairs = (y.unsqueeze(1) > y).nonzero().tolist() if ideal > 0 else []
        loss = s.sum() * 0.0
        for i, j in pairs:
            swapped = ranks.clone()
            swapped[i], swapped[j] = ranks[j], ranks[i]
            change = (worth * (discounts(ranks, k) - discounts(swapped, k))).sum().abs() / ideal
            loss = loss - change * logsigmoid(sigma * (s[i] - s[j]))
        return loss, len(pairs)

    return lists.list_by_list(one, scores, labels, offsets)


def lambdarank_body(
    scores: Tensor, labels: Tensor, offsets: Tensor | None, k: int | None, gain: str, sigma: float
) -> ListLoss:
    """Return (losses, n_terms, slopes)."""
    layout = Layout(labels, offsets)
    s, y = layout.pad(scores, 0.0), layout.pad(labels, 0.0)
    worth = gains(y, gain)
    ideal = ideal_dcg(worth, k)
    places = discounts(1 + lists.places_in(lists.descending(s, layout.valid)), k)
    scale = ideal.where(ideal > 0, torch.inf).view(-1, 1, 1)
    changes = (worth.unsqueeze(2) - worth.unsqueeze(1)).abs() * (places.unsqueeze(2) - places.unsqueeze(1)).abs()
    valid = layout.valid.unsqueeze(2) & layout.valid.unsqueeze(1)
    pairs = (y.unsqueeze(2) > y.unsqueeze(1)) & valid & (ideal > 0).view(-1, 1, 1)
    losses, slopes = _logistic(s, pairs, (changes / scale * pairs).to(s.dtype), sigma)
    return layout.finish(losses, pairs.sum((1, 2)), slopes, bad_labels(y, worth))


def bad_labels(y: Tensor, worth: Tensor) -> Tensor:
    """Return which labels have no gain."""
    return ~((y >= 0) & worth.isfinite())


lambdarank = lists.define("lambdarank", lambdarank_body, lambda core, *args: core.lambdarank(*args))

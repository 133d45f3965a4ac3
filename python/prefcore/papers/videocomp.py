"""VideoComp: fine-grained compositional and temporal alignment of video and text (arXiv 2504.03970)."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["CompAccuracy", "Disruptions", "disruptions", "evaluate", "logistic_loss", "loss"]


class CompAccuracy(NamedTuple):
    """How often a video is nearer to its own text than to a disrupted one."""

    per_type: NDArray[np.float64]
    """[D] accuracy against each type of disruption."""
    product: float
    """Of the accuracies, the benchmark's "all"."""


class Disruptions(NamedTuple):
    """Texts about the same events, as rows of the events: the true one, then those that are disrupted."""

    rows: NDArray[np.int64]
    """[m] events of the texts, one text after the other."""
    offsets: NDArray[np.int64]
    """[5] boundaries of the texts: true, reordered, partial, both."""
    levels: tuple[int, ...]
    """How many disruptions each has: (0, 1, 1, 2), as `loss` takes them."""


def loss(
    scores: Tensor,
    levels: Sequence[int],
    *,
    order_margin: Num = 0.1,
    hierarchy_margin: Num = 0.05,
    hierarchy_weight: Num = 1.0,
) -> Tensor:
    """Hierarchical hinge loss: similarity to a video falls with the severity of the disruption of its text.

    loss = mean_n relu(order_margin - s_0 + s_n)
           + hierarchy_weight mean_{0 < level_a < level_b} relu(hierarchy_margin - s_a + s_b)

    Disrupted texts of one level are not compared; where all have one, the second mean is 0.

    Args:
        scores: [B, 1 + K] similarities of each video to its true text and to K > 0 disrupted ones.
        levels: [1 + K] whole numbers, severity of the disruption; that of the true text, the first, is the lowest.
        order_margin: gap asked for between the true text and any other; float or [B].
        hierarchy_margin: gap asked for between levels; float or [B].
        hierarchy_weight: of the second mean, >= 0; float or [B].
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: derived; a public re-implementation has this form, google-deepmind/video_comp has no loss.

    >>> loss(torch.tensor([[0.4, 0.45, 0.2, 0.25]]), (0, 1, 1, 2))
    tensor([0.1000])
    """
    from prefcore._checks import nonnegative, per_example

    s, level = _checked(scores, levels)
    nonnegative(hierarchy_weight=hierarchy_weight)
    weight = per_example("hierarchy_weight", hierarchy_weight, s[:, 0])
    below = [(a, b) for a, b in itertools.product(range(1, len(level)), repeat=2) if level[a] < level[b]]
    order = _hinges(s, [(0, n) for n in range(1, len(level))], "order_margin", order_margin)
    return order + weight * _hinges(s, below, "hierarchy_margin", hierarchy_margin)


def logistic_loss(scores: Tensor, levels: Sequence[int], *, temperature: float = 0.1) -> Tensor:
    """The same order by a logistic loss: `losses.ranknet` over all pairs of different levels, their mean.

    loss = mean_{level_a < level_b} log(1 + exp(-(s_a - s_b) / temperature))

    Args:
        scores: as in `loss`.
        levels: as in `loss`.
        temperature: divides the gaps, > 0.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: derived.

    >>> logistic_loss(torch.tensor([[0.2, 0.1, 0.1]]), (0, 1, 1))
    tensor([0.3133])
    """
    from prefcore._checks import numbers, positive
    from prefcore.losses import ranknet
    from prefcore.papers._inputs import renamed

    s, level = _checked(scores, levels)
    numbers(temperature=temperature)
    positive(temperature=temperature)
    grades = s.new_tensor([-x for x in level]).expand_as(s)
    with renamed(sigma="1 / temperature"):
        found = ranknet(s, grades, sigma=1 / temperature)
    return found.loss / found.n_terms


def evaluate(true: Any, disrupted: Any) -> CompAccuracy:
    """Accuracy of a similarity against each type of disruption, and their product.

    per_type_d = share(true > disrupted_d), equal similarities are wrong

    Args:
        true: [N] similarities of the videos to their own texts.
        disrupted: [D, N] to the same texts after each of D types of disruption.
    Returns: CompAccuracy(per_type [D], product); NaN without a video.
    Raises: ShapeError, DomainError, TypeError.
    Source: README.md of google-deepmind/video_comp; the rule for ties is not stated.

    >>> evaluate([0.6, 0.5, 0.4, 0.7], [[0.5, 0.5, 0.45, 0.1], [0.1, 0.2, 0.3, 0.8]])
    CompAccuracy(per_type=array([0.5 , 0.75]), product=0.375)
    """
    from prefcore.metrics import pairwise_accuracy

    own, other = _arrays.floats("true", true), _arrays.floats("disrupted", disrupted)
    if own.ndim != 1 or other.ndim != 2 or other.shape[1:] != own.shape:
        came = f"{list(own.shape)} and {list(other.shape)}"
        raise ShapeError(f"expected true [N] and disrupted [D, N], got {came}")
    _arrays.finite("true", own)
    per_type = pairwise_accuracy(np.broadcast_to(own, other.shape), _arrays.finite("disrupted", other), ties=0.0)
    return CompAccuracy(per_type, float(per_type.prod()))


def disruptions(n_events: int, *, seed: int = 0) -> Disruptions:
    """Draw disrupted texts of a video with several events: their order, a part of them, and both at once.

    The reordered text has another order, each equally likely. The partial one leaves out 1 to n - 2 events, each number
    and each choice equally likely; the last has what is left in another order. Words cannot be exchanged without a
    language model.

    Args:
        n_events: events in the true text, >= 3.
        seed: of the draw, in 0..2^64.
    Returns: Disruptions(rows, offsets, levels).
    Raises: DomainError, TypeError.
    Source: the abstract: reordering, partial captions, combinations; the distribution is derived.

    >>> texts = disruptions(4)
    >>> np.split(texts.rows, texts.offsets[1:-1])
    [array([0, 1, 2, 3]), array([2, 1, 3, 0]), array([1, 2]), array([2, 1])]
    """
    from prefcore import _rust
    from prefcore.groups import offsets_from_lengths

    n = _arrays.whole_number("n_events", n_events, 3, 2**31)
    seed = _arrays.whole_number("seed", seed, 0, 2**64)

    def other_order(rows: NDArray[np.int64], purpose: int) -> NDArray[np.int64]:
        """Draws until the order is another one, which takes two draws at most on average."""
        keys = ([_rust.random_keys(seed, purpose, draw, row) for row in rows.tolist()] for draw in itertools.count())
        return next(new for new in (rows[np.argsort(key)] for key in keys) if (new != rows).any())

    true = np.arange(n)
    kept = 2 + _rust.random_keys(seed, 1) % (n - 2)
    chosen = np.argsort([_rust.random_keys(seed, 2, row) for row in range(n)])[:kept]
    texts = [true, other_order(true, 0), np.sort(chosen), other_order(np.sort(chosen), 3)]
    return Disruptions(np.concatenate(texts), offsets_from_lengths([len(text) for text in texts]), (0, 1, 1, 2))


def _checked(scores: Tensor, levels: Sequence[int]) -> tuple[Tensor, list[int]]:
    from prefcore.papers._inputs import alike

    (scores,) = alike(scores=scores)
    try:
        level = [operator.index(x) for x in levels]
    except TypeError:
        raise TypeError(f"levels must be whole numbers, got {levels!r:.60}") from None
    if scores.ndim != 2 or scores.shape[1] < 2 or len(level) != scores.shape[1]:
        came = f"{list(scores.shape)} and {len(level)} levels"
        raise ShapeError(f"expected scores [B, 1 + K] and levels [1 + K] with K > 0, got {came}")
    if level[0] >= min(level[1:]):
        raise DomainError(f"levels[0] must be below all others, got {level}")
    return scores, level


def _hinges(scores: Tensor, pairs: list[tuple[int, int]], name: str, margin: Num) -> Tensor:
    """[B] mean hinge over pairs of columns, the first of which should have the higher score; 0 without a pair."""
    from prefcore._checks import finite, per_example
    from prefcore.losses import hinge

    finite(**{name: margin})
    margin = per_example(name, margin, scores[:, 0])
    if not pairs:
        return scores.new_zeros(len(scores))
    above, below = (scores[:, list(columns)] for columns in zip(*pairs, strict=True))
    return hinge(above, below, beta=1.0, margin=margin).mean(1)

"""PsychoCounsel: preference learning for psycho-counseling skills (Zhang et al. 2025, arXiv 2502.19731)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs

__all__ = ["Calibration", "evaluate", "extremes", "loss", "pairs", "reward_loss"]


class Calibration(NamedTuple):
    """How good probabilities of preference are."""

    accuracy: float
    """At 1/2, where a probability of exactly 1/2 is wrong."""
    auc: float
    ece: float
    """Expected calibration error in bins of equal width."""
    brier: float


def pairs(principles: Any, offsets: Any, *, min_gap: float = 1.0) -> Pairs:
    """Pair responses whose mean ratings by experts differ by at least a point: `pairs.all_pairs` on sums.

    mean_i - mean_j >= min_gap, compared as sums, which are integers: a gap of exactly 1 is not lost to rounding

    Args:
        principles: [n, 7] integer ratings of each principle, 1 to 5 (any number of principles).
        offsets: int [G + 1] boundaries of the prompts.
        min_gap: smallest difference of means, >= 0; equal means never pair.
    Returns: Pairs; the margin is the difference of means.
    Raises: ShapeError, DomainError, TypeError.
    Source: the rule of the paper: a gap of at least 1.

    >>> pairs([[5, 5], [4, 4], [4, 3]], [0, 3]).margin
    array([1. , 1.5])
    """
    import numpy as np

    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.pairs import all_pairs

    table = _arrays.to_numpy("principles", principles)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ShapeError(f"principles must be [n, principles], got {list(table.shape)}")
    if table.dtype.kind not in "iu":
        raise TypeError(f"principles must hold integers, got dtype {table.dtype}")
    sums, width = _arrays.column("principles", table).sum(1, dtype=np.int64), table.shape[1]
    min_gap = _arrays.number("min_gap", min_gap)
    _arrays.refuse("min_gap", min_gap, not 0 <= min_gap < np.inf, "a finite number >= 0")
    found = all_pairs(sums, min_gap=float(width * min_gap), inclusive=True, offsets=offsets)
    return found._replace(margin=found.margin / width)


def extremes(reward: Any, offsets: Any) -> Pairs:
    """Pair the best with the worst of the samples of every prompt, eight in the paper: `pairs.best_worst`.

    Args:
        reward: [n] by the reward model.
        offsets: int [G + 1] boundaries of the prompts.
    Returns: Pairs; a prompt whose rewards are all equal has none.
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper's iterative DPO.

    >>> extremes([0.5, -1.0, 2.0], [0, 3])
    Pairs(chosen=array([2]), rejected=array([1]), margin=array([3.]), group=array([0]))
    """
    from prefcore import _arrays
    from prefcore.pairs import best_worst
    from prefcore.papers._inputs import renamed

    with renamed(scores="reward"):
        return best_worst(_arrays.finite("reward", _arrays.column("reward", reward)), offsets=offsets)


def loss(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """DPO with the paper's beta: `losses.dpo`.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper; `losses.dpo`.

    >>> loss(torch.tensor([5.0]), torch.tensor([-5.0]))
    tensor([0.3133])
    """
    from prefcore.losses import dpo

    return dpo(chosen, rejected, beta=beta)


def reward_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Loss of the reward model: `losses.bradley_terry`.

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: the paper; `losses.bradley_terry`.

    >>> reward_loss(torch.tensor([1.0]), torch.tensor([0.0]))
    tensor([0.3133])
    """
    from prefcore.losses import bradley_terry

    return bradley_terry(chosen, rejected)


def evaluate(prob: Any, label: Any, *, bins: int = 10) -> Calibration:
    """Accuracy and calibration of a reward model.

    Args:
        prob: [N] probability that the first response is better, sigmoid of the reward difference.
        label: [N] 1 where it is, else 0.
        bins: of the calibration error.
    Returns: Calibration(accuracy, auc, ece, brier), NaN where undefined.
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper's table of reward models.

    >>> evaluate([0.9, 0.8, 0.3, 0.6], [1, 1, 0, 0]).accuracy
    0.75
    """
    from prefcore import _arrays, metrics

    p, y = _arrays.floats("prob", prob), _arrays.floats("label", label)
    _arrays.one_dimensional("prob", p)
    _arrays.same_shape(prob=p, label=y)
    _arrays.refuse("prob", p, ~((p >= 0) & (p <= 1)), "in [0, 1]")
    _arrays.refuse("label", y, (y != 0) & (y != 1), "0 or 1")
    bins = _arrays.whole_number("bins", bins, 1, 2**31)
    right = (p - 0.5) * (2 * y - 1)
    return Calibration(
        float(metrics.pairwise_accuracy(right, 0 * right, ties=0.0)),
        float(metrics.roc_auc(p, y)),
        float(metrics.expected_calibration_error(p, y, n_bins=bins)),
        float(metrics.brier_score(p, y)),
    )

"""WorldPM: scaling human preference modeling (Wang et al. 2025, arXiv 2505.10527)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore.metrics import PowerLaw

__all__ = ["StyleFit", "loss", "scaling_law", "style_adjusted"]


class StyleFit(NamedTuple):
    """Preferences explained by a reward model and by style."""

    coef: NDArray[np.float64]
    """[5] of the difference of rewards, then of each style feature, fitted to all rows."""
    probability: NDArray[np.float64]
    """[N] that the first response is preferred, each by a fit without the row's part."""
    accuracy: float
    """Share of rows whose preferred side has the larger probability, half for 1/2; rows labeled 1/2 take no part."""


def loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Reward-model loss: `losses.bradley_terry`.

    loss = -log sigmoid(chosen - rejected)

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: README of QwenLM/WorldPM.

    >>> loss(torch.tensor([0.62983]), torch.tensor([-1.64253]))
    tensor([0.0981])
    """
    from prefcore.losses import bradley_terry

    return bradley_terry(chosen, rejected)


def style_adjusted(
    score_diff: Any,
    style_a: Any,
    style_b: Any,
    labels: Any,
    *,
    ridge: float = 1.0,
    folds: int = 5,
    seed: int = 0,
) -> StyleFit:
    """Separate taste for style from taste for substance: a logistic model of rewards and style, cross-fitted.

    p = sigmoid(coef_0 score_diff + sum_f coef_f (a_f - b_f) / (a_f + b_f)),  0/0 = 0

    Args:
        score_diff: [N] reward of the first response minus reward of the second.
        style_a: [N, 4] counts of the first response, >= 0: tokens, headers, lists, bold (any number of columns).
        style_b: [N, 4] of the second.
        labels: [N] probability that the first is preferred, in [0, 1].
        ridge: weight of ridge/2 |coef|^2, >= 0.
        folds: parts, 2 to N; a row's probability comes from a fit without its part.
        seed: of the parts, 0 by default.
    Returns: StyleFit(coef, probability, accuracy).
    Raises: SeparationError, RankDeficientError, ConvergenceError, ShapeError, DomainError, TypeError.
    Source: WorldPM, style control; the paper fits and evaluates on the same rows, here `metrics.style_controlled_bt`.

    >>> style_adjusted([1, -1, 2, -2], [[9], [1], [5], [5]], [[1], [9], [5], [5]], [1, 0, 1, 0], folds=2).accuracy
    1.0
    """
    import numpy as np

    from prefcore import _arrays, metrics
    from prefcore.papers._inputs import renamed

    with renamed(features="(score_diff, style)"):
        fit = metrics.style_controlled_bt(score_diff, style_a, style_b, labels, ridge=ridge, folds=folds, seed=seed)
    side = _arrays.floats("labels", labels) - 0.5
    agrees = ((fit.probs - 0.5) * side)[side != 0]
    return StyleFit(fit.coef, fit.probs, float(metrics.pairwise_accuracy(agrees, np.zeros_like(agrees), ties=0.5)))


def scaling_law(sizes: Any, losses: Any) -> PowerLaw:
    """Power law of the test loss in the size of the data or of the model: `metrics.fit_power_law`.

    loss = exp(log_prefactor) size^(-exponent)

    Args:
        sizes: [S] > 0, two different ones at least.
        losses: [S] test losses > 0.
    Returns: metrics.PowerLaw(exponent, log_prefactor).
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper's figures; form and least squares in logarithms are derived.

    >>> round(scaling_law([10.0, 100.0, 1000.0], [1.0, 0.1, 0.01]).exponent, 12)
    1.0
    """
    from prefcore.metrics import fit_power_law

    return fit_power_law(sizes, losses)

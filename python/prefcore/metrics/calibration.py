"""Calibration of probabilities, and the two proper scores of them."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.metrics._results import Counts, Values, per_group, row_weights

__all__ = ["CalibrationCurve", "brier_score", "calibration_curve", "expected_calibration_error", "log_loss"]

MAX_BINS = 10_000
Policy = Literal["raise", "omit", "propagate"]
Closed = Literal["left", "right"]
Strategy = Literal["uniform", "quantile"]
Columns = tuple[_arrays.Array, _arrays.Array, NDArray[np.float64] | None]


class CalibrationCurve(NamedTuple):
    """The reliability table, one row per bin: [G, n_bins], or [n_bins] for one group."""

    lower: Values
    """Lower end of the bin."""
    upper: Values
    """Upper end of the bin."""
    n: Counts
    """int64, rows in the bin."""
    mean_prob: Values
    """Their mean probability, weighted; NaN for an empty bin."""
    mean_label: Values
    """The weighted share of them whose label is 1; NaN for an empty bin."""


def _bins(n_bins: int, strategy: str, closed: str) -> tuple[int, str, str]:
    """Return the rule of the bins, checked."""
    _arrays.word("strategy", strategy)
    _arrays.word("closed", closed)
    return bin_count(n_bins), strategy, closed


def bin_count(n_bins: Any) -> int:
    """Check a number of bins."""
    return _arrays.whole_number("n_bins", n_bins, 1, MAX_BINS + 1)


def predictions(probs: Any, labels: Any, weights: Any, offsets: Any) -> tuple[_arrays.Grouped, Columns]:
    """Return the groups, and the columns as Rust takes them."""
    data = _arrays.grouped(offsets, probs=probs, labels=labels)
    probs, labels = data.columns
    return data, (probs, labels, row_weights(data, "probs", weights))


def expected_calibration_error(
    probs: Any,
    labels: Any,
    *,
    n_bins: int,
    strategy: Strategy = "uniform",
    closed: Closed = "left",
    norm: Literal["l1", "l2", "max"] = "l1",
    weights: Any = None,
    offsets: Any = None,
    nan: Policy = "raise",
) -> Values:
    """How far probabilities are from the shares of positive labels, bin by bin.

    l1: sum over bins of share |mean prob - mean label|    l2: sqrt(sum of share (mean prob - mean label)^2)
    max: the largest gap of a bin that is not empty, the maximum calibration error

    Prediction first, truth second: the reverse of scikit-learn's order. Sums over bins are exact, so that the result
    does not depend on the order of the rows.

    Args:
        probs: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group: probabilities of label 1.
        labels: 0 or 1, or bool; same shape.
        n_bins: number of bins, 1..10,000.
        strategy: "uniform": bins of equal width; "quantile": of about equally many rows (weights do not move them).
        closed: "left": bins [a, b), the top one [a, 1]; "right": bins (a, b], the lowest one [0, b]. Torchmetrics
            takes the left but puts 1 into a bin of its own, Guo et al. 2017 and scikit-learn take the right.
        norm: how gaps become one number.
        weights: one per row, in [0, 1e100]; None: 1 for each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN where no row, or no weight, is left.
    Raises: DomainError (also probabilities outside [0, 1]), ShapeError, TypeError.
    Source: Naeini et al. 2015; Guo et al. 2017 (arXiv 1706.04599); torchmetrics calibration_error.

    >>> expected_calibration_error([0.25, 0.25, 0.75, 1.0], [0, 1, 1, 1], n_bins=2)
    np.float64(0.1875)
    """
    data, columns = predictions(probs, labels, weights, offsets)
    rule = _bins(n_bins, strategy, closed)
    _arrays.word("norm", norm)
    return per_group(data, _rust.expected_calibration_error(columns, data.offsets, rule, norm, nan))


def calibration_curve(
    probs: Any,
    labels: Any,
    *,
    n_bins: int,
    strategy: Strategy = "uniform",
    closed: Closed = "left",
    weights: Any = None,
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
) -> CalibrationCurve:
    """Mean probability and share of positive labels in each bin of probabilities, the reliability table.

    mean_prob_b = (sum of w p) / (sum of w), mean_label_b = (sum of w y) / (sum of w), over the rows of bin b

    Prediction first, truth second: the reverse of scikit-learn's order, whose function leaves out empty bins. Sums are
    exact and rounded once; w p is rounded before.

    Args:
        probs: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group: probabilities of label 1.
        labels: 0 or 1, or bool; same shape.
        n_bins: number of bins, 1..10,000.
        strategy: "uniform": bins of equal width; "quantile": ends are NumPy's linear quantiles of the group's
            probabilities; those equal to an inner end go where `closed` says.
        closed: end that belongs to a bin (see `expected_calibration_error`); scikit-learn's is "right".
        weights: one per row, in [0, 1e100]; None: 1 for each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part.
    Returns: CalibrationCurve of [G, n_bins], or of [n_bins] for one group.
    Raises: DomainError (also probabilities outside [0, 1]), ShapeError, TypeError.
    Source: sklearn.calibration.calibration_curve.

    >>> curve = calibration_curve([0.1, 0.3, 0.8, 1.0], [0, 1, 1, 1], n_bins=2)
    >>> curve.n, curve.mean_prob, curve.mean_label
    (array([2, 2]), array([0.2, 0.9]), array([0.5, 1. ]))
    """
    data, columns = predictions(probs, labels, weights, offsets)
    rule = _bins(n_bins, strategy, closed)
    n, floats = _rust.calibration_curve(columns, data.offsets, rule, nan)
    lower, upper, mean_prob, mean_label = (per_group(data, column.reshape(-1, n_bins)) for column in floats)
    return CalibrationCurve(lower, upper, per_group(data, n.reshape(-1, n_bins)), mean_prob, mean_label)


def brier_score(probs: Any, labels: Any, *, weights: Any = None, offsets: Any = None, nan: Policy = "raise") -> Values:
    """Mean squared difference of probabilities and labels.

    (sum of w (p - y)^2) / (sum of w)

    Prediction first, truth second: the reverse of scikit-learn's order.

    Args:
        probs: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group: probabilities of label 1.
        labels: 0 or 1, or bool; same shape.
        weights: one per row, in [0, 1e100]; None: 1 for each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN where no row, or no weight, is left.
    Raises: DomainError (also probabilities outside [0, 1]), ShapeError, TypeError.
    Source: Brier (1950); sklearn.metrics.brier_score_loss.

    >>> brier_score([0.5, 1.0], [0, 1])
    np.float64(0.125)
    """
    data, columns = predictions(probs, labels, weights, offsets)
    return per_group(data, _rust.brier_score(columns, data.offsets, nan))


def log_loss(
    probs: Any,
    labels: Any,
    *,
    eps: float = 0.0,
    weights: Any = None,
    offsets: Any = None,
    nan: Policy = "raise",
) -> Values:
    """Mean negative log of the probability of the label, in nats.

    -(sum of w log max(q, eps)) / (sum of w), q = p where the label is 1, else 1 - p

    Prediction first, truth second: the reverse of scikit-learn's order. `eps` bounds the probability of the label from
    below; scikit-learn clips p at both ends.

    Args:
        probs: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group: probabilities of label 1.
        labels: 0 or 1, or bool; same shape.
        eps: smallest probability that counts, in [0, 1); 0: a label of probability 0 costs inf.
        weights: one per row, in [0, 1e100]; None: 1 for each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G], >= 0, or one number for one group. NaN where no row, or no weight, is left.
    Raises: DomainError (also probabilities outside [0, 1]), ShapeError, TypeError.
    Source: sklearn.metrics.log_loss.

    >>> log_loss([0.5, 1.0], [0, 0], eps=0.25, offsets=[0, 1, 2])
    array([0.69314718, 1.38629436])
    """
    data, columns = predictions(probs, labels, weights, offsets)
    return per_group(data, _rust.log_loss(columns, data.offsets, _arrays.number("eps", eps), nan))

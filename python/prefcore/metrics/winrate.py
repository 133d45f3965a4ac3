"""Win rates, and how sure they are."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics._results import Values, per_group, row_weights

__all__ = [
    "BootstrapMean",
    "Interval",
    "bootstrap_mean",
    "clopper_pearson_interval",
    "wald_interval",
    "wilson_interval",
    "win_rate",
]


class BootstrapMean(NamedTuple):
    """A mean, and the distribution of the means of resamples; NaN where there is no value."""

    estimate: np.float64
    """Mean of the values."""
    resample_mean: np.float64
    """Mean of the resamples' means."""
    std_error: np.float64
    """Standard deviation of the resamples' means, ddof 1."""
    lower: np.float64
    """Lower end of the percentile interval."""
    upper: np.float64
    """Upper end."""


class Interval(NamedTuple):
    """Ends of a confidence interval, in the shape of `wins`."""

    lower: Values
    """Lower end."""
    upper: Values
    """Upper end."""


def win_rate(
    outcomes: Any,
    *,
    ties: float | Literal["drop"],
    weights: Any = None,
    offsets: Any = None,
    nan: Literal["raise", "omit", "propagate"] = "raise",
) -> Values:
    """Weighted mean of outcomes, with the credit for a tie that you name.

    sum_i w_i c(outcome_i) / sum_i w_i, c(1/2) = ties, c(x) = x elsewhere

    With `ties=0.5` the win rates of the two sides add up to 1.

    Args:
        outcomes: in [0, 1], 1 = win, exactly 0.5 = tie, 0 = loss, or a judge's probability of a win; [n] with
            `offsets`, [G, L] with a group in each row, or [n] alone, one group.
        ties: credit of a tie in [0, 1], or "drop": ties are left out.
        weights: in [0, 1e100], of the shape of `outcomes`; None = 1 each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN outcome take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN without a row, without weight, or where all rows
        are ties that were dropped.
    Raises: DomainError, ShapeError, TypeError.
    Source: AlpacaEval's win rate (`ties=0.5`); tatsu-lab/alpaca_eval src/alpaca_eval/metrics/winrate.py.

    >>> win_rate([1, 0.5, 0, 1], ties=0.5), win_rate([1, 0.5, 0, 1], ties="drop")
    (np.float64(0.625), np.float64(0.6666666666666666))
    """
    data = _arrays.grouped(offsets, outcomes=outcomes)
    weight = row_weights(data, "outcomes", weights)
    return per_group(data, _rust.win_rate(data.columns[0], weight, data.offsets, _credit(ties), nan))


def bootstrap_mean(
    values: Any,
    *,
    seed: int = 0,
    clusters: Any = None,
    repeats: Any = None,
    confidence_level: float = 0.95,
    n_resamples: int = 10_000,
    nan: Literal["raise", "omit", "propagate"] = "raise",
) -> BootstrapMean:
    """Percentile bootstrap of a mean, over values or whole clusters of them.

    Each resample draws as many units as there are, with replacement, and takes sum of values / number of values; the
    interval lies between quantiles (1 - level)/2 and (1 + level)/2 of these means, interpolated as by `np.quantile`.

    Units that are alike are drawn together, so that outcomes in {0, 1/2, 1} cost a few table look-ups per resample
    however many they are. The order of the values and the number of threads do not change a bit.

    Args:
        values: [n] finite numbers: outcomes, or one metric per group, such as `ndcg(...)`.
        seed: of the draws, 0 to 2^64 - 1; resample r depends on the seed and on r alone.
        clusters: [n] integers or strings, equal for values that are drawn together (answers to one prompt); None: every
            value for itself.
        repeats: int [n] >= 0, how often each value stands in the sample, 2^32 in all at most; None: once.
        confidence_level: of the interval, in (0, 1).
        n_resamples: number of resamples, in 2..10^8; their means are held in memory.
        nan: "raise"; "omit": values that are NaN take no part; "propagate": they make the result NaN.
    Returns: BootstrapMean, NaN where there is no value.
    Raises: DomainError, ShapeError, TypeError.
    Source: Efron (1979); the clustered form is the ratio estimator of resampled clusters.

    >>> mean = bootstrap_mean([1, 0.5, 0], repeats=[60, 30, 10])  # wins, ties, losses
    >>> mean.estimate, mean.lower, mean.upper
    (np.float64(0.75), np.float64(0.68), np.float64(0.81))
    """
    column = _arrays.column("values", values)
    _arrays.one_dimensional("values", column)
    if clusters is not None:
        clusters = _arrays.codes("clusters", clusters)
        _arrays.same_shape(values=column, clusters=clusters)
    if repeats is not None:
        repeats = _arrays.integers("repeats", repeats)
        _arrays.same_shape(values=column, repeats=repeats)
    seed = _arrays.whole_number("seed", seed, 0, 2**64)
    n_resamples = _arrays.whole_number("n_resamples", n_resamples, 2, 10**8)
    options = n_resamples, _arrays.number("confidence_level", confidence_level)
    return BootstrapMean(*map(np.float64, _rust.bootstrap_mean(column, clusters, repeats, seed, options, nan)))


def wilson_interval(wins: Any, n: Any, *, confidence_level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion.

    (p + z^2/2n -+ z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n), p = wins/n, z the normal quantile of the level

    Args:
        wins: numbers in [0, n], of any shape; with ties: wins + ties/2.
        n: numbers of trials, of the shape of `wins`, or one number for all.
        confidence_level: in (0, 1).
    Returns: Interval in [0, 1] of the shape of `wins`, or of numbers; NaN where n is 0.
    Raises: DomainError, ShapeError, TypeError.
    Source: Wilson (1927); as scipy.stats.binomtest(...).proportion_ci("wilson").

    >>> np.array(wilson_interval(7, 10))
    array([0.39677815, 0.89220873])
    """
    wins, n = _proportion(wins, n)
    z = _z(confidence_level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p, half = wins / n, z * z / (2 * n)
        scale = 1 + 2 * half
        upper = (p + half + np.sqrt(2 * half * p * (1 - p) + half**2)) / scale
        upper = np.where((wins == n) & (n > 0), 1.0, upper)
        lower = p * p / (scale * upper)  # the product of the two roots, where the difference would cancel
    return Interval(lower[()], upper[()])


def clopper_pearson_interval(wins: Any, n: Any, *, confidence_level: float = 0.95) -> Interval:
    """Clopper and Pearson's interval of a proportion, which no proportion leaves out more often than promised.

    lower = quantile of Beta(wins, n - wins + 1) at (1 - level)/2, upper = of Beta(wins + 1, n - wins) at (1 + level)/2

    Args:
        wins: numbers in [0, n], of any shape; fractions are interpolated by the beta distribution.
        n: numbers of trials, of the shape of `wins`, or one number for all; 2^40 at most: the cost of an end grows
            with the square root of `n`.
        confidence_level: in (0, 1).
    Returns: Interval in [0, 1] of the shape of `wins`, or of numbers; NaN where n is 0.
    Raises: DomainError, ShapeError, TypeError.
    Source: Clopper and Pearson (1934); as scipy.stats.binomtest(...).proportion_ci("exact").

    >>> np.array(clopper_pearson_interval(0, 8))
    array([0.        , 0.36941665])
    """
    wins, n = _proportion(wins, n)
    level = _arrays.number("confidence_level", confidence_level)
    ends = _rust.clopper_pearson_interval(wins.reshape(-1), n.reshape(-1), level)
    return Interval(*(end.reshape(wins.shape)[()] for end in ends))


def wald_interval(wins: Any, n: Any, *, confidence_level: float = 0.95) -> Interval:
    """Normal interval of a proportion, not cut to [0, 1].

    p -+ z sqrt(p (1 - p) / n), p = wins/n, z the normal quantile of the level

    It is a point where p is 0 or 1, and too short near them: `wilson_interval` is the better habit.

    Args:
        wins: numbers in [0, n], of any shape.
        n: numbers of trials, of the shape of `wins`, or one number for all.
        confidence_level: in (0, 1).
    Returns: Interval of the shape of `wins`, or of numbers; NaN where n is 0.
    Raises: DomainError, ShapeError, TypeError.
    Source: textbook.

    >>> np.array(wald_interval(5, 10))
    array([0.19010248, 0.80989752])
    """
    wins, n = _proportion(wins, n)
    z = _z(confidence_level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = wins / n
        half = z * np.sqrt(p * (1 - p) / n)
    return Interval((p - half)[()], (p + half)[()])


def _credit(ties: Any) -> float | None:
    if isinstance(ties, str):
        if ties != "drop":
            raise DomainError(f'ties must be a number in [0, 1] or "drop", got {ties!r}')
        return None
    return _arrays.number("ties", ties)


def _z(confidence_level: float) -> float:
    level = _arrays.number("confidence_level", confidence_level)
    if not 0 < level < 1:
        raise DomainError(f"confidence_level must be in (0, 1), got {level}")
    return -_rust.normal_quantile((1 - level) / 2)


def _proportion(wins: Any, n: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wins and trials as arrays of one shape, 0 <= wins <= n."""
    wins, n = _arrays.floats("wins", wins), _arrays.floats("n", n)
    if n.shape not in {(), wins.shape}:
        raise ShapeError(f"n must have shape {list(wins.shape)} like wins, or be one number, got {list(n.shape)}")
    n = np.ascontiguousarray(np.broadcast_to(n, wins.shape)).reshape(wins.shape)
    _arrays.finite("n", n, 0.0)
    _arrays.refuse("wins", wins, ~((wins >= 0) & (wins <= n)), "in [0, n]")
    return wins, n

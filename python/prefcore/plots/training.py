"""Pictures of a run of preference training: margins, log-probs, lengths and calibration."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Array
from prefcore.errors import ShapeError
from prefcore.metrics import CalibrationCurve, pearson, wilson_interval
from prefcore.plots._canvas import (
    BLUE,
    GRAY,
    INK,
    MOST_MARKERS,
    ORANGE,
    canvas,
    columns,
    digits,
    legend,
    name_rows,
    numbers,
    share,
)
from prefcore.plots._matplotlib import Axes

__all__ = ["calibration_curve", "length_margin", "logp_curves", "margin_bands", "margin_histogram"]

#: rows of a histogram per step: more steps share a row with their neighbors
MOST_RIDGES = 16
BINS = 24


def margin_histogram(margins: Any, *, steps: Any = None, ax: Axes | None = None) -> Axes:
    """Histogram of reward margins, with the share of pairs that the model gets right: the health check of DPO.

    accuracy = (number of margins > 0) / N

    With steps, a histogram for each, the first on top and all of the same height; more than 16 different steps are
    gathered, neighbors together. One edge of the bins is 0, and the first and last bin hold the outliers too.

    Args:
        margins: [N] reward of chosen - rejected, in nats; with steps also [S, B], the batch of each step.
        steps: [N] step of each margin, or [S] of each batch; None: one histogram of all.
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes.
    Raises: DomainError (also NaN and infinities), ShapeError, TypeError.
    Source: TRL logs the mean of it, `rewards/margins`, and `rewards/accuracies`.

    >>> margin_histogram([-0.5, 0.5, 1.0, 3.0]).get_legend().get_texts()[0].get_text()
    '75% of 4 above 0, mean 1'
    """
    if steps is None:
        values = numbers("margins", margins)
        edges = _edges(values)
        ax = canvas(ax)
        bars = ax.hist(np.clip(values, edges[0], edges[-1]), bins=edges.tolist(), color=BLUE, alpha=0.7)[2]
        right = f"{share(np.mean(values > 0))} of {len(values)} above 0, mean {digits(values.mean(), 3)}"
        ax.set_ylabel("pairs")
        ax.margins(y=0.2)
        legend(ax, [bars], [right])
    else:
        values, rows = _by_step(steps, margins)
        rows = _gathered(rows)
        edges = _edges(values)
        ax = canvas(ax, height=1.2 + 0.45 * len(rows))
        _ridges(ax, rows, edges)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    outside = ((values < edges[0]) | (values > edges[-1])).any()
    ax.set_xlabel("reward margin, chosen − rejected (nats)" + ("; the ends hold outliers" if outside else ""))
    return ax


def logp_curves(steps: Any, chosen: Any, rejected: Any, *, ax: Axes | None = None) -> Axes:
    """Log-prob of chosen and of rejected completions against the step: do both fall (likelihood displacement)?

    The legend says where each begins and ends.

    Args:
        steps: [S] optimizer steps, in any order.
        chosen: [S] mean log-prob of the chosen completions, in nats.
        rejected: [S] of the others.
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes.
    Raises: DomainError (also NaN and infinities), ShapeError, TypeError.
    Source: TRL logs them as `logps/chosen` and `logps/rejected`.

    >>> [text.get_text() for text in logp_curves([0, 9], [-50, -60], [-55, -90]).get_legend().get_texts()]
    ['chosen: −50 → −60', 'rejected: −55 → −90']
    """
    step, *sides = columns(steps=steps, chosen=chosen, rejected=rejected)
    order = np.argsort(step, kind="stable")
    ax = canvas(ax)
    curves, names = [], []
    for side, name, color, look in zip(sides, ("chosen", "rejected"), (BLUE, ORANGE), ("-o", "--s"), strict=True):
        form = look if len(order) <= MOST_MARKERS else look[:-1]
        curves += ax.plot(step[order], side[order], form, color=color, markersize=4, gid=name)
        names.append(f"{name}: {digits(side[order[0]])} → {digits(side[order[-1]])}")
    ax.set(xlabel="optimizer step", ylabel="mean log-prob (nats per completion)")
    legend(ax, curves, names)
    return ax


def margin_bands(
    steps: Any, margins: Any, *, quantiles: Sequence[float] = (0.1, 0.5, 0.9), ax: Axes | None = None
) -> Axes:
    """Quantiles of the reward margins against the step: how hard the pairs still are, the hard ones included.

    Args:
        steps: [N] step of each margin, or [S] of each batch.
        margins: [N], or [S, B] the batch of each step: reward of chosen - rejected, in nats.
        quantiles: rising, in [0, 1]: the first and the last are the ends of a band, as are the second and the second
            to last, and so on; one that is left in the middle is a line.
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes.
    Raises: DomainError (also NaN and infinities), ShapeError, TypeError.
    Source: np.quantile of each step (linear).

    >>> axes = margin_bands([0, 1], [[0.0, 1.0, 2.0], [1.0, 3.0, 5.0]])
    >>> axes.lines[0].get_ydata()
    array([1., 3.])
    """
    levels = numbers("quantiles", quantiles)
    _arrays.refuse("quantiles", levels, (levels < 0) | (levels > 1), "in [0, 1]")
    _arrays.refuse("quantiles", levels, np.diff(levels, prepend=-1.0) <= 0, "above the one before it")
    _, rows = _by_step(steps, margins)
    step = np.array([first for first, _, _ in rows])
    curves = np.array([np.quantile(values, levels) for _, _, values in rows]).T
    ax = canvas(ax)
    handles: list[Any] = []
    names = []
    for place in range(len(levels) // 2):
        ends = curves[place], curves[-1 - place]
        if len(step) > 1:
            handles.append(ax.fill_between(step, *ends, color=BLUE, alpha=0.2, linewidth=0.5))
        else:  # a band of no width would not be seen
            handles.append(ax.vlines(step, *ends, color=BLUE, alpha=0.2, linewidth=12))
        names.append(f"{levels[place]:.3g} to {levels[-1 - place]:.3g} quantile")
    if len(levels) % 2:
        middle = len(levels) // 2
        handles += ax.plot(step, curves[middle], "-o" if len(step) <= MOST_MARKERS else "-", color=BLUE, markersize=4)
        names.append("median" if levels[middle] == 0.5 else f"{levels[middle]:.3g} quantile")
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set(xlabel="optimizer step", ylabel="reward margin, chosen − rejected (nats)")
    legend(ax, handles, names)
    return ax


def length_margin(length_difference: Any, margins: Any, *, ax: Axes | None = None) -> Axes:
    """Reward margin of each pair against how much longer its chosen side is: does the model reward length?

    line: least squares;  r: Pearson's correlation. Neither is drawn where lengths or margins do not differ.

    Args:
        length_difference: [N] length of chosen - rejected, in tokens, characters or words.
        margins: [N] reward of chosen - rejected, in nats.
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes.
    Raises: DomainError (also NaN and infinities), ShapeError, TypeError.
    Source: Singhal et al., A long way to go (2023); Park et al., Disentangling length from quality (2024).

    >>> length_margin([-10, 0, 10], [0.0, 0.5, 1.0]).get_legend().get_texts()[0].get_text()
    'slope 0.05 nats per unit of length, r = 1'
    """
    lengths, values = columns(length_difference=length_difference, margins=margins)
    ax = canvas(ax)
    many = len(values) > 2000
    ax.scatter(lengths, values, s=6 if many else 14, alpha=0.25 if many else 0.6, color=BLUE, linewidths=0)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.axvline(0.0, color=INK, linewidth=0.8)
    r = pearson(lengths, values)
    spread = lengths.std()
    if not np.isnan(r) and spread > 0:  # squares of lengths below 1e-160 vanish
        slope = float(r * values.std() / spread)
        ends = np.array([lengths.min(), lengths.max()])
        line = ax.plot(ends, values.mean() + slope * (ends - lengths.mean()), color=ORANGE, linewidth=2)
        legend(ax, line, [f"slope {digits(slope, 3)} nats per unit of length, r = {digits(r, 2)}"])
    ax.set(xlabel="length, chosen − rejected", ylabel="reward margin, chosen − rejected (nats)")
    return ax


def calibration_curve(table: CalibrationCurve, *, ax: Axes | None = None) -> Axes:
    """Reliability diagram: the share of label 1 against the mean probability, bin by bin, with Wilson intervals (95%).

    ECE = sum over bins of n_b / N |mean_prob_b - mean_label_b|, rows counted alike

    On the diagonal probabilities are honest. The dots grow with the rows; bins without a row, or whose rows all weigh
    0, are left out. Of weighted rows the intervals and the ECE are only a guide: the table holds their numbers, not
    their weights.

    Args:
        table: `metrics.calibration_curve` of one group.
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes.
    Raises: ShapeError for a table of several groups or without a row, TypeError.
    Source: Guo et al., On calibration of modern neural networks (2017).

    >>> from prefcore import metrics
    >>> table = metrics.calibration_curve([0.1, 0.3, 0.8, 1.0], [0, 1, 1, 1], n_bins=2)
    >>> calibration_curve(table).get_legend().get_texts()[-1].get_text()
    'ECE 0.200, 4 rows'
    """
    if not isinstance(table, CalibrationCurve):
        raise TypeError(
            f"table must be a CalibrationCurve, got a {type(table).__name__}; see metrics.calibration_curve"
        )
    n, prob, right = (np.asarray(column) for column in (table.n, table.mean_prob, table.mean_label))
    if n.ndim != 1 and len(n) != 1:
        raise ShapeError(f"table must be of one group, got {len(n)}; take one row of each field")
    used = (n > 0) & np.isfinite(prob)
    n, prob, right = n[used], prob[used], right[used]
    if len(n) == 0:
        raise ShapeError("table must hold at least one row, got none")
    low, high = wilson_interval(right * n, n)
    ece = float(n / n.sum() @ np.abs(prob - right))
    ax = canvas(ax, 4.8, 4.6)
    diagonal = ax.plot([0, 1], [0, 1], color=GRAY, linewidth=1)
    ax.vlines(prob, low, high, color=BLUE, linewidth=1.2, gid="intervals")
    ax.plot(prob, right, color=BLUE, linewidth=0.8)
    dots = ax.scatter(prob, right, s=20 + 180 * n / n.max(), color=BLUE, alpha=0.7, linewidths=0, gid="estimates")
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    ax.set(xlabel="mean probability of the bin", ylabel="share of label 1 in the bin")
    legend(ax, [*diagonal, dots], ["honest", f"ECE {ece:.3f}, {n.sum()} rows"], loc="upper left", markerscale=0.5)
    return ax


Row = tuple[float, float, Array]


def _by_step(steps: Any, margins: Any) -> tuple[Array, list[Row]]:
    """Return all margins, and first step, last step and margins of each different step, in their order."""
    step, values = numbers("steps", steps), _arrays.floats("margins", margins)
    values = numbers("margins", values, 2 if values.ndim == 2 else 1)
    if len(values) != len(step):
        raise ShapeError(f"margins must have length {len(step)} like steps, got {list(values.shape)}")
    if values.ndim == 2:
        step = np.repeat(step, values.shape[1])
    values = values.reshape(-1)
    order = np.argsort(step, kind="stable")
    different, starts = np.unique(step[order], return_index=True)
    parts = np.split(values[order], starts[1:])
    return values, [(float(one), float(one), part) for one, part in zip(different, parts, strict=True)]


def _gathered(rows: list[Row]) -> list[Row]:
    """Return at most `MOST_RIDGES` rows: neighbors together."""
    parts = np.array_split(np.arange(len(rows)), min(len(rows), MOST_RIDGES))
    return [(rows[p[0]][0], rows[p[-1]][1], np.concatenate([rows[i][2] for i in p])) for p in parts]


def _edges(values: Array) -> Array:
    """Edges of about 24 bins, one of them at 0: no bar holds both right and wrong pairs."""
    low, high = np.percentile(values, [1, 99])
    low, high = min(low, 0.0), max(high, 0.0)
    width = (high - low) / BINS
    if width == 0:
        low, high, width = -0.5, 0.5, 1 / BINS
    return np.asarray(np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width)


def _ridges(ax: Axes, rows: list[Row], edges: Array) -> None:
    """A histogram in each row, scaled to its largest bin; on the right the share above 0."""
    for place, (_, _, values) in enumerate(rows):
        heights = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
        heights = 0.9 * heights / heights.max()
        ax.stairs(place + 0.5 - heights, edges, baseline=place + 0.5, fill=True, color=BLUE, alpha=0.7)
        where: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 8}
        ax.text(1.01, place, f"{share(np.mean(values > 0))} above 0", **where)
    names = [f"step {first:g}" if first == last else f"steps {first:g}–{last:g}" for first, last, _ in rows]
    name_rows(ax, range(len(rows)), names)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)

"""Bars, curves and dots stand where the numbers say; a legend states what can be recomputed."""

from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal

from prefcore import metrics, plots
from prefcore.errors import DomainError, ShapeError

RNG = np.random.default_rng(3)
GROUP = [0.1, 0.3, 0.9], [0, 1, 1]
MARGINS = RNG.normal(0.4, 1.0, 500)


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_histogram_counts_every_margin_and_has_an_edge_at_0() -> None:
    margins = np.concatenate([MARGINS, [1e6, -1e6, 0.0]])
    ax = plots.margin_histogram(margins)
    edges = np.array([bar.get_x() for bar in ax.patches])
    heights = np.array([bar.get_height() for bar in ax.patches])
    assert heights.sum() == len(margins)
    assert np.abs(edges).min() < 1e-15
    assert heights[edges >= -1e-9].sum() == (margins >= 0).sum()
    assert legend(ax) == [f"{np.mean(margins > 0):.0%} of 503 above 0, mean {margins.mean():.3g}"]
    assert ax.get_xlabel() == "reward margin, chosen − rejected (nats); the ends hold outliers"


@pytest.mark.parametrize("margins", [[0.0], [2.0], [-3.0, -3.0], [1e100, -1e100], [5e-324, 0.0], [1e16, 1e16 + 2]])
def test_histogram_of_odd_margins_counts_all(margins: list[float]) -> None:
    ax = plots.margin_histogram(margins)
    assert sum(bar.get_height() for bar in ax.patches) == len(margins)
    ax.figure.canvas.draw()


@pytest.mark.parametrize(("n_steps", "rows"), [(1, 1), (2, 2), (16, 16), (50, 16), (500, 16)])
def test_histograms_per_step_gather_neighbors(n_steps: int, rows: int) -> None:
    steps, margins = np.arange(n_steps) * 10, RNG.normal(size=(n_steps, 7))
    ax = plots.margin_histogram(margins, steps=steps)
    assert len(ax.patches) == rows
    right = [text.get_text() for text in ax.texts]
    parts = np.array_split(margins, rows)
    assert right == [f"{np.mean(part > 0):.0%} above 0" for part in parts]
    assert len(ax.get_yticklabels()) == rows, "all names have room"
    flat = plots.margin_histogram(margins.ravel(), steps=np.repeat(steps, 7))
    for one, other in zip(ax.patches, flat.patches, strict=True):
        assert_array_equal(one.get_path().vertices, other.get_path().vertices)


def test_curves_are_sorted_by_step_and_the_legend_says_their_ends() -> None:
    ax = plots.logp_curves([20, 0, 10], [-3.0, -1.0, -2.0], [-9.0, -4.0, -5.0])
    chosen, rejected = ax.lines
    assert_array_equal(chosen.get_xdata(), [0, 10, 20])
    assert_array_equal(chosen.get_ydata(), [-1, -2, -3])
    assert_array_equal(rejected.get_ydata(), [-4, -5, -9])
    assert legend(ax) == ["chosen: −1 → −3", "rejected: −4 → −9"]
    assert ax.get_ylabel() == "mean log-prob (nats per completion)"


def test_legends_keep_four_digits_of_any_size() -> None:
    small = plots.logp_curves([0, 1], [-0.04, -0.02], [-0.0491, -1e100])
    assert legend(small) == ["chosen: −0.04 → −0.02", "rejected: −0.0491 → −1e+100"]
    assert legend(plots.logp_curves([0, 1], [-12345.6, 0], [-123.456, 0])) == [
        "chosen: −12346 → 0",
        "rejected: −123.5 → 0",
    ]


def test_all_but_one_is_not_all() -> None:
    assert legend(plots.margin_histogram([1.0] * 999 + [-1.0])) == [">99% of 1000 above 0, mean 0.998"]
    assert legend(plots.margin_histogram([-1.0] * 999 + [1.0])) == ["<1% of 1000 above 0, mean −0.998"]
    ax = plots.margin_histogram([[-1.0] * 999 + [1.0], [1.0] * 1000], steps=[0, 1])
    assert [text.get_text() for text in ax.texts] == ["<1% above 0", "100% above 0"]


def test_slope_and_correlation_have_a_true_minus() -> None:
    assert legend(plots.length_margin([1, 2, 3], [3, 2, 1])) == ["slope −1 nats per unit of length, r = −1"]


def test_bins_of_a_histogram_span_all_but_the_outer_hundredths() -> None:
    margins = np.linspace(-1, 3, 10001)
    ax = plots.margin_histogram(margins)
    low, high = np.percentile(margins, [1, 99])
    width = ax.patches[0].get_width()
    ends = ax.patches[0].get_x(), ax.patches[-1].get_x() + width
    assert_allclose(width, (high - low) / 24)
    assert low - width < ends[0] <= low
    assert high <= ends[1] < high + width


def test_the_largest_bin_of_a_step_fills_nine_tenths_of_its_row() -> None:
    ax = plots.margin_histogram([[0.5, 0.5, 0.5, 2.0], [1.0, 2.0, 3.0, 4.0]], steps=[0, 1])
    spans = [np.ptp(patch.get_path().vertices[:, 1]) for patch in ax.patches]
    assert_allclose(spans, 0.9)


def test_a_band_of_one_step_is_seen() -> None:
    ax = plots.margin_bands([5], [[0.0, 1.0, 2.0]], quantiles=(0.25, 0.75))
    assert_allclose(ax.collections[0].get_segments(), [[[5, 0.5], [5, 1.5]]])
    assert ax.collections[0].get_linewidths()[0] > 5


def test_bands_are_quantiles_of_each_step() -> None:
    steps = np.array([30, 0, 10])
    margins = RNG.normal(size=(3, 41))
    ax = plots.margin_bands(steps, margins, quantiles=(0.05, 0.25, 0.5, 0.75, 0.95))
    expected = np.quantile(margins[[1, 2, 0]], [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    assert_array_equal(ax.lines[0].get_ydata(), expected[2])
    for band, (low, high) in zip(ax.collections, ((0, 4), (1, 3)), strict=True):
        corners = band.get_paths()[0].vertices
        for step, ends in zip([0, 10, 30], expected[[low, high]].T, strict=True):
            assert_allclose(np.unique(corners[corners[:, 0] == step, 1]), ends)
    assert legend(ax) == ["0.05 to 0.95 quantile", "0.25 to 0.75 quantile", "median"]


def test_slope_is_least_squares() -> None:
    lengths, noise = RNG.normal(0, 50, 300), RNG.normal(size=300)
    margins = 0.02 * lengths + noise
    ax = plots.length_margin(lengths, margins)
    slope, start = np.polyfit(lengths, margins, 1)
    line = ax.lines[-1]
    assert_allclose(line.get_ydata(), start + slope * line.get_xdata(), rtol=1e-9)
    assert_array_equal(line.get_xdata(), [lengths.min(), lengths.max()])
    r = np.corrcoef(lengths, margins)[0, 1]
    assert legend(ax) == [f"slope {slope:.3g} nats per unit of length, r = {r:.2f}"]
    assert_array_equal(ax.collections[0].get_offsets(), np.stack([lengths, margins], 1))


@pytest.mark.parametrize(
    ("lengths", "margins"),
    [([3.0], [1.0]), ([2.0, 2.0], [0.0, 1.0]), ([1.0, 2.0], [1.0, 1.0]), ([1e-320, 0.0], [1.0, 2.0])],
)
def test_no_slope_where_none_is_defined(lengths: list[float], margins: list[float]) -> None:
    ax = plots.length_margin(lengths, margins)
    assert ax.get_legend() is None
    assert len(ax.collections[0].get_offsets()) == len(lengths)


def test_reliability_leaves_out_empty_bins_and_draws_wilson_intervals() -> None:
    probs, labels = [0.05, 0.06, 0.07, 0.55, 0.95, 0.97], [0, 0, 1, 1, 1, 1]
    table = metrics.calibration_curve(probs, labels, n_bins=10)
    ax = plots.calibration_curve(table)
    dots = ax.collections[1].get_offsets()
    assert_allclose(dots, [[0.06, 1 / 3], [0.55, 1], [0.96, 1]])
    ends = metrics.wilson_interval([1, 1, 2], [3, 1, 2])
    drawn = np.array([line[:, 1] for line in ax.collections[0].get_segments()])
    assert_allclose(drawn, np.array(ends).T)
    ece = metrics.expected_calibration_error(probs, labels, n_bins=10)
    assert legend(ax) == ["honest", f"ECE {ece:.3f}, 6 rows"]


def test_dots_of_a_reliability_diagram_grow_with_the_rows() -> None:
    table = metrics.calibration_curve([0.1, 0.2, 0.3, 0.9], [0, 0, 1, 1], n_bins=2)
    assert_allclose(plots.calibration_curve(table).collections[1].get_sizes(), [200, 80])


def test_bins_without_weight_are_left_out() -> None:
    table = metrics.calibration_curve([0.1, 0.2, 0.8], [0, 0, 1], n_bins=2, weights=[0, 0, 1])
    ax = plots.calibration_curve(table)
    assert_allclose(ax.collections[1].get_offsets(), [[0.8, 1]])
    assert legend(ax)[-1] == "ECE 0.200, 1 rows"


def test_a_table_of_one_group_may_have_two_axes() -> None:
    flat, one = (
        metrics.calibration_curve([*rows], [*labels], n_bins=2) for rows, labels in (GROUP, [[x] for x in GROUP])
    )
    assert one.n.shape == (1, 2)
    dots = [plots.calibration_curve(table).collections[1].get_offsets() for table in (flat, one)]
    assert_array_equal(*dots)


def test_given_axes_are_used_and_nothing_else_is_touched() -> None:
    before = dict(plt.rcParams)
    figure, (left, right) = plt.subplots(1, 2)
    assert plots.margin_histogram(MARGINS, ax=right) is right
    assert not left.has_data()
    assert figure.axes == [left, right]
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: plots.margin_histogram([0.0, np.nan]),
            DomainError,
            "margins[1] must be a finite number of a size up to",
        ),
        (lambda: plots.margin_histogram([1.0, -np.inf]), DomainError, "up to 1e+100, got -inf"),
        (
            lambda: plots.margin_histogram([1e200]),
            DomainError,
            "margins[0] must be a finite number of a size up to 1e+100",
        ),
        (lambda: plots.margin_histogram([]), ShapeError, "margins must hold at least one number, got none"),
        (lambda: plots.margin_histogram([[1.0]]), ShapeError, "margins must be 1-D, got 2-D"),
        (
            lambda: plots.margin_histogram([1.0, 2.0], steps=[1]),
            ShapeError,
            "margins must have length 1 like steps, got [2]",
        ),
        (
            lambda: plots.margin_bands([0, 1], [[0.0], [np.nan]]),
            DomainError,
            "margins[1, 0] must be a finite number of a size up to 1e+100, got NaN",
        ),
        (
            lambda: plots.margin_bands([0], [1.0], quantiles=(0.9, 0.1)),
            DomainError,
            "quantiles[1] must be above the one",
        ),
        (
            lambda: plots.margin_bands([0], [1.0], quantiles=(0.5, 1.5)),
            DomainError,
            "quantiles[1] must be in [0, 1], got",
        ),
        (
            lambda: plots.logp_curves([0, 1], [0.0], [0.0, 1.0]),
            ShapeError,
            "chosen must have shape [2] like steps, got [1]",
        ),
        (lambda: plots.length_margin([1, 2], ["a", "b"]), TypeError, "margins must hold integers, float32 or float64"),
        (lambda: plots.calibration_curve(([0], [1])), TypeError, "table must be a CalibrationCurve, got a tuple"),
        (
            lambda: plots.margin_histogram([1.0], ax=plt.figure().add_subplot(projection="polar")),
            TypeError,
            "ax must be rectilinear Axes, got polar ones",
        ),
        (
            lambda: plots.margin_histogram([1.0], ax=plt.figure().add_subplot(projection="3d")),
            TypeError,
            "ax must be rectilinear Axes, got 3d ones",
        ),
        (lambda: plots.margin_histogram([1.0], ax=plt.figure()), TypeError, "ax must be matplotlib Axes, got a Figure"),
    ],
)
def test_errors_name_argument_and_position(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_a_table_of_groups_or_without_rows_is_refused() -> None:
    table = metrics.calibration_curve([[0.1], [0.2]], [[0], [1]], n_bins=2)
    with pytest.raises(ShapeError, match="table must be of one group, got 2; take one row of each field"):
        plots.calibration_curve(table)
    empty = metrics.CalibrationCurve(*(column[0] * 0 for column in table))
    with pytest.raises(ShapeError, match="table must hold at least one row, got none"):
        plots.calibration_curve(empty)

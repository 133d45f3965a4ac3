"""Marks of a survey stand at the fields of its results, each in the line of its level."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal

from prefcore import conjoint as cj
from prefcore import plots
from prefcore.errors import DomainError, ShapeError

LEVELS = {"tax": ["5%", "15%", "25%"], "$ left": ["none", "some"], "ban": ["no", "yes"]}
DESIGN = cj.Design(LEVELS)


@pytest.fixture(scope="module")
def data() -> cj.ConjointData:
    rng = np.random.default_rng(1)
    first, second = (np.stack([rng.integers(0, len(names), 400) for names in LEVELS.values()], 1) for _ in range(2))
    chance = 1 / (1 + np.exp((first - second) @ [0.8, -0.3, 0.1]))
    return cj.ConjointData.from_pairs(first, second, rng.random(400) < chance, np.arange(400) // 4, design=DESIGN)


def lines(ax: Any) -> dict[str, float]:
    """Place of each name of a level."""
    return {label.get_text(): place for label, place in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}


def marks(ax: Any, name: str) -> Any:
    (found,) = (one for one in [*ax.lines, *ax.collections] if one.get_gid() == name)
    return found


def test_effects_and_their_intervals_stand_in_the_lines_of_their_levels(data: cj.ConjointData) -> None:
    table = cj.amce(data)
    ax = plots.effect_forest(table, confidence_level=0.9)
    places = lines(ax)
    dots = marks(ax, "estimates").get_xydata()
    assert_array_equal(dots[:, 0], table.estimate)
    assert_array_equal(dots[:, 1], [places[level] for level in table.level])
    spans = np.array(marks(ax, "intervals").get_segments())
    assert_array_equal(spans[:, :, 0].T, table.interval(confidence_level=0.9))
    assert_array_equal(spans[:, 0, 1], dots[:, 1])
    hollow = marks(ax, "references").get_xydata()
    assert_array_equal(hollow, [[0, places["5%"]], [0, places["none"]], [0, places["no"]]])
    assert [text.get_text() for text in ax.texts] == ["tax", r"\$ left", "ban"]
    assert ax.get_xlabel() == "effect on the outcome\n(hollow: reference; 90% intervals)"
    low, high = ax.get_ylim()
    assert low > high, "the first factor is on top"


def test_ends_that_are_not_finite_are_left_out(data: cj.ConjointData) -> None:
    table = cj.amce(data)
    unknown = replace(table, std_error=np.array([np.inf, np.nan, 0.1, 0.1]))
    spans = np.array(marks(plots.effect_forest(unknown), "intervals").get_segments())[:, :, 0]
    assert_array_equal(spans[:2], np.repeat(table.estimate[:2, None], 2, axis=1))
    assert (np.diff(spans[2:]) > 0.1).all()


def test_means_have_no_reference(data: cj.ConjointData) -> None:
    table = cj.marginal_means(data)
    ax = plots.effect_forest(table)
    assert list(lines(ax)) == [level for names in LEVELS.values() for level in names]
    assert_array_equal(marks(ax, "estimates").get_xdata(), table.estimate)
    assert len(ax.lines) == 1
    assert ax.get_xlabel() == "mean outcome (95% intervals)"


@pytest.mark.parametrize("n", [2, 50, 500])
def test_every_level_has_its_name_in_a_figure_of_its_own(n: int) -> None:
    design = cj.Design({"factor": [f"level {i}" for i in range(n)]})
    policy = np.random.default_rng(n).dirichlet(np.ones(n))
    ax = plots.policy_bars({"p": [policy]}, design=design)
    ax.figure.canvas.draw()
    assert list(lines(ax)) == list(design.levels[0])
    assert_array_equal([bar.get_width() for bar in ax.containers[0]], policy)


def test_bars_and_errors_of_several_policies_lie_side_by_side(data: cj.ConjointData) -> None:
    optimal = cj.optimal_policy(cj.fit_outcome_logit(data), beta=0.1)
    ax = plots.policy_bars({"best": optimal, "_design": DESIGN.probs}, design=DESIGN, confidence_level=0.9)
    best, shown = ax.containers
    chance, error = np.concatenate(optimal.policy), np.concatenate(optimal.policy_std_error)
    assert_array_equal([bar.get_width() for bar in best], chance)
    assert_array_equal([bar.get_width() for bar in shown], np.concatenate(DESIGN.probs))
    reach = 1.6448536269514722 * error
    spans = np.array(marks(ax, "intervals-0").get_segments())
    assert_allclose(spans[:, :, 0], np.clip(np.stack([chance - reach, chance + reach], 1), 0, 1), atol=1e-12)
    middle = np.array([bar.get_y() + bar.get_height() / 2 for bar in best])
    other = np.array([bar.get_y() + bar.get_height() / 2 for bar in shown])
    assert_allclose((middle + other) / 2, list(lines(ax).values()))
    assert (middle < other).all()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["best", "_design"]


def test_any_record_with_a_policy_and_its_errors_will_do() -> None:
    class Offer(NamedTuple):
        policy: Any
        policy_std_error: Any

    design = cj.Design([2])
    ax = plots.policy_bars({"a": Offer([[0.25, 0.75]], [[0.1, 0.2]])}, design=design)
    spans = np.array(marks(ax, "intervals-0").get_segments())[:, :, 0]
    assert_allclose(spans, [[0.25 - 0.1959963985, 0.25 + 0.1959963985], [0.75 - 0.391992797, 1.0]])


def test_small_axes_show_some_levels_and_all_factors(data: cj.ConjointData) -> None:
    _, ax = plt.subplots(figsize=(3, 1))
    plots.effect_forest(cj.amce(data), ax=ax)
    assert 1 <= len(ax.get_yticklabels()) < 7
    assert len(ax.texts) == 3


def test_probabilities_have_room_for_rounding() -> None:
    third = np.full(3, 1 / 3, dtype=np.float32)
    ax = plots.policy_bars({"p": ([1 + 1e-15, -1e-17], third)}, design=cj.Design([2, 3]))
    assert_array_equal([bar.get_width() for bar in ax.containers[0]], [1, 0, *third.astype(float)])


def test_a_color_that_comes_again_is_hatched() -> None:
    ax = plots.policy_bars({str(k): [[0.5, 0.5]] for k in range(7)}, design=cj.Design([2]))
    looks = [(group[0].get_facecolor(), group[0].get_hatch()) for group in ax.containers]
    assert looks[6][0] == looks[0][0]
    assert len(set(looks)) == 7


def test_the_label_of_the_axis_has_room_beside_long_names() -> None:
    design = cj.Design({"factor": ["x" * 60, "y" * 60]})
    data = cj.ConjointData.from_pairs([[0], [1], [1]], [[1], [0], [0]], [0, 1, 0], [0, 1, 2], design=design)
    ax = plots.effect_forest(cj.amce(data))
    ax.figure.canvas.draw()
    box, figure = ax.xaxis.label.get_window_extent(), ax.figure.bbox
    assert figure.x0 <= box.x0 < box.x1 <= figure.x1


def bars(policy: Any, **options: Any) -> Any:
    return plots.policy_bars({"p": policy}, design=cj.Design([2, 2]), **options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plots.effect_forest([1.0]), TypeError, "table must be an EffectTable, got a list; see conjoint.amce"),
        (
            lambda: bars([[0.5, 0.5]]),
            ShapeError,
            "policies['p'] must hold one array for each of 2 factors, got 1",
        ),
        (lambda: bars([[0.5, 0.5], [1.0]]), ShapeError, "policies['p'][1] must have length 2 like the levels, got 1"),
        (lambda: bars([[0.5, np.nan], [0, 1]]), DomainError, "policies['p'][0][1] must be a finite number"),
        (
            lambda: bars([[0.5, 0.5], [-1, 2]]),
            DomainError,
            "policies['p'][1][0] must be a probability in [0, 1], got -1",
        ),
        (lambda: bars([[0.1, 0.1], [0, 1]]), DomainError, "policies['p'][0] must add up to 1, got 0.2"),
        (lambda: bars("ab"), TypeError, "policies['p'] must hold one array for each factor, got a str"),
        (lambda: bars([[1, 0], [1, 0]], confidence_level=0), DomainError, "confidence_level must be in (0, 1), got 0"),
        (lambda: plots.policy_bars({}, design=DESIGN), DomainError, "policies must hold at least one of policies"),
        (lambda: plots.policy_bars({"p": []}, design={}), TypeError, "design must be a Design, got a dict"),
    ],
)
def test_errors_name_argument_and_position(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)

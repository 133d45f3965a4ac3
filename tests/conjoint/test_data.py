"""Answers in wide and long form: the same rows whichever library holds them, and errors by row."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from prefcore.conjoint import ConjointData, Design
from prefcore.errors import DomainError, ShapeError

DESIGN = Design([2, 3])
LONG = {
    "color": ["red", "", "red", "blue", "blue", "red"],
    "size": [2, 10, 2, 2, 10, 10],
    "chosen": [1.0, 0.0, 0.0, 1.0, 1.0, 0.0],
    "who": ["bob", "bob", "ann", "ann", "bob", "bob"],
    "contest": [1, 1, 1, 1, 2, 2],
    "party": ["D", "D", None, None, "D", "D"],
    "weight": [2.0, 2.0, 1.0, 1.0, 2.0, 2.0],
}
FRAMES = {
    "dict": lambda: LONG,
    "pandas": lambda: pd.DataFrame(LONG),
    "pandas categories": lambda: pd.DataFrame(LONG).astype({"color": "category", "size": "category"}),
    "pandas with Arrow strings": lambda: pd.DataFrame(LONG).astype({"color": "string[pyarrow]"}),
    "polars": lambda: pl.DataFrame(LONG),
    "polars categories": lambda: pl.DataFrame(LONG).with_columns(pl.col("color").cast(pl.Enum(["", "blue", "red"]))),
    "Arrow": lambda: pa.table(LONG),
}


def read(frame: Any, **options: Any) -> ConjointData:
    columns = {"factors": ["color", "size"], "outcome": "chosen", "respondent": "who"}
    return ConjointData.from_frame(frame, **{**columns, **options})


@pytest.mark.parametrize("library", FRAMES)
def test_frames_of_all_libraries_give_the_same_rows(library: str) -> None:
    data = read(FRAMES[library](), task="contest", group="party", weight="weight")
    assert data.design.factors == ("color", "size")
    assert data.design.levels == (("", "blue", "red"), ("2", "10"))
    np.testing.assert_array_equal(data.profiles, [[2, 0], [0, 1], [2, 0], [1, 0], [1, 1], [2, 1]])
    np.testing.assert_array_equal(data.offsets, [0, 2, 4, 6])
    assert data.respondent_ids == ("ann", "bob")
    np.testing.assert_array_equal(data.respondents, [1, 0, 1])
    assert data.group_labels == ("D",)
    np.testing.assert_array_equal(data.groups, [0, -1, 0])
    np.testing.assert_array_equal(data.weights, [2.0, 1.0, 2.0])


def test_categories_keep_their_order() -> None:
    order = ["red", "", "blue", "never shown"]
    frame = pd.DataFrame(LONG).assign(color=pd.Categorical(LONG["color"], categories=order))
    assert read(frame, rows_per_task=2).design.levels[0] == ("red", "", "blue")


def test_rows_of_a_task_need_not_be_neighbours() -> None:
    shuffled = [0, 2, 4, 1, 3, 5]
    frame = {name: [values[row] for row in shuffled] for name, values in LONG.items()}
    data, sorted_data = read(frame, task="contest"), read(LONG, task="contest")
    np.testing.assert_array_equal(data.profiles, sorted_data.profiles)
    np.testing.assert_array_equal(data.outcomes, sorted_data.outcomes)
    np.testing.assert_array_equal(data.respondents, sorted_data.respondents)


def test_a_design_gives_the_order_of_levels_and_factors() -> None:
    design = Design({"size": ["10", "2"], "color": ["red", "blue", ""]})
    data = read(LONG, rows_per_task=2, design=design)
    np.testing.assert_array_equal(data.profiles[:2], [[1, 0], [0, 2]])


def test_pairs_in_wide_form_stand_row_by_row() -> None:
    data = ConjointData.from_pairs([[0, 2], [1, 1]], [[1, 0], [0, 0]], [True, False], [5, 3], design=DESIGN)
    np.testing.assert_array_equal(data.profiles, [[0, 2], [1, 0], [1, 1], [0, 0]])
    np.testing.assert_array_equal(data.outcomes, [1, 0, 0, 1])
    np.testing.assert_array_equal(data.offsets, [0, 2, 4])
    assert data.respondent_ids == (3, 5)
    np.testing.assert_array_equal(data.respondents, [1, 0])
    assert (data.n_tasks, data.n_respondents) == (2, 2)


def test_codes_take_two_bytes_above_256_levels() -> None:
    assert ConjointData([[255]], [1.0], [0], design=Design([256])).profiles.dtype == np.uint8
    wide = ConjointData([[256]], [1.0], [0], design=Design([257]))
    assert wide.profiles.dtype == np.uint16
    assert wide.profiles[0, 0] == 256


def test_subsets_and_groups_keep_whole_tasks() -> None:
    data = read(LONG, task="contest", group="party", weight="weight")
    part = data.subset([2, 0])
    np.testing.assert_array_equal(part.profiles, data.profiles[[4, 5, 0, 1]])
    np.testing.assert_array_equal(part.offsets, [0, 2, 4])
    assert part.respondent_ids == ("bob",)
    masked = data.subset(np.array([False, True, False]))
    assert masked.respondent_ids == ("ann",)
    assert masked.group_labels == ()
    groups = data.by_group()
    assert list(groups) == ["D"]
    np.testing.assert_array_equal(groups["D"].profiles, data.profiles[[0, 1, 4, 5]])
    assert "tasks per group: D 2 (without one: 1)" in repr(data)


def test_parts_join_to_the_whole() -> None:
    data = read(LONG, task="contest", group="party", weight="weight")
    joined = data.subset([0]).concat([data.subset([1]), data.subset([2])])
    for name in ("profiles", "outcomes", "offsets", "respondents", "groups", "weights"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(data, name), err_msg=name)
    assert joined.respondent_ids == data.respondent_ids


def test_tasks_without_one_choice_are_told() -> None:
    both = ConjointData([[0, 0], [1, 1]], [1.0, 1.0], ["a"], design=DESIGN, offsets=[0, 2])
    assert "no choice of one profile in 1 tasks" in repr(both)
    assert "tasks of 1 to 2 profiles" in repr(ConjointData(*ROWS3, design=DESIGN, offsets=[0, 1, 3]))


def test_integer_groups_below_zero_are_none() -> None:
    data = ConjointData([[0, 0], [1, 1]], [1.0, 0.0], ["a", "b"], design=DESIGN, groups=[-1, 4])
    assert data.group_labels == (4,)
    np.testing.assert_array_equal(data.groups, [-1, 0])
    assert list(data.by_group()) == [4]


ROWS3 = ([[0, 0], [1, 2], [1, 1]], [1.0, 0.0, 1.0], [0, 1])
ROWS = ([[0, 0], [1, 2]], [1.0, 0.0], [0, 0])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ConjointData(*ROWS, design=[2, 3]), TypeError, "design must be a Design, got a list"),
        (
            lambda: ConjointData([[0, 3]], [1.0], [0], design=DESIGN),
            DomainError,
            r"profiles\[0, 1\] must be a level 0 to 2",
        ),
        (lambda: ConjointData([[0, -1]], [1.0], [0], design=DESIGN), DomainError, r"profiles\[0, 1\] .* got -1"),
        (lambda: ConjointData([[0.0, 1.0]], [1.0], [0], design=DESIGN), TypeError, "integer codes .* see from_frame"),
        (
            lambda: ConjointData([[0]], [1.0], [0], design=DESIGN),
            ShapeError,
            r"profiles must be \[N, 2\] like the design",
        ),
        (lambda: ConjointData(ROWS[0], [1.0], [0, 0], design=DESIGN), ShapeError, "outcomes must have length 2"),
        (
            lambda: ConjointData(ROWS[0], [1.0, np.nan], [0, 0], design=DESIGN),
            DomainError,
            r"outcomes\[1\] must be a fin",
        ),
        (lambda: ConjointData(*ROWS, design=DESIGN, offsets=[0, 1]), DomainError, "offsets must go from 0 to 2"),
        (lambda: ConjointData(*ROWS, design=DESIGN, offsets=[0, 0, 2]), DomainError, r"offsets\[0\] must be above"),
        (lambda: ConjointData(*ROWS, design=DESIGN, offsets=[0, 2]), ShapeError, "respondents must have length 1"),
        (lambda: ConjointData(*ROWS, design=DESIGN, stages=[0, 2]), DomainError, r"stages\[1\] must be 0 or 1, got 2"),
        (
            lambda: ConjointData(*ROWS, design=DESIGN, weights=[1.0, -1.0]),
            DomainError,
            r"weights\[1\] must be a finite",
        ),
        (
            lambda: ConjointData(*ROWS, design=Design([2, 3], probs=[[1.0, 0.0], [0.2, 0.4, 0.4]])),
            DomainError,
            r"profiles\[1, 0\] must be a level of positive probability, got '1'",
        ),
        (
            lambda: ConjointData(*ROWS, design=Design([2, 3], restrictions=[(0, 1, 1, 2)])),
            DomainError,
            r"profiles\[1\] must keep to the restrictions, got '1' with '2'",
        ),
        (lambda: ConjointData(*ROWS, design=DESIGN).by_group(), DomainError, "by_group needs groups"),
        (lambda: ConjointData(*ROWS, design=DESIGN).subset([0, 0]), DomainError, r"tasks\[1\] must be a task that did"),
        (lambda: ConjointData(*ROWS, design=DESIGN).subset([2]), DomainError, r"tasks\[0\] must be 0 to 1, got 2"),
        (lambda: ConjointData(*ROWS, design=DESIGN).subset([True]), ShapeError, "tasks must have length 2 as a mask"),
        (
            lambda: ConjointData(*ROWS, design=DESIGN).concat([3]),
            TypeError,
            r"others must list ConjointData, got \[3\]",
        ),
        (
            lambda: ConjointData(*ROWS, design=DESIGN).concat([ConjointData([[0]], [1.0], [0], design=Design([1]))]),
            DomainError,
            r"others\[0\] must be ConjointData of the same design",
        ),
        (
            lambda: ConjointData.from_pairs([[0, 0]], [[1, 1]], [2], [0], design=DESIGN),
            DomainError,
            r"chose_left\[0\] must be a number in \[0, 1\], got 2",
        ),
        (
            lambda: ConjointData(*ROWS, design=DESIGN, weights=[1.0, 1e-170]),
            DomainError,
            r"weights\[1\] must be 0, or a number from 1e-100 to 1e\+100, got 1e-170",
        ),
        (lambda: ConjointData(ROWS[0], [1e200, 0], [0, 0], design=DESIGN), DomainError, r"outcomes\[0\] must be a num"),
        (lambda: read(LONG, factors="color"), TypeError, "factors must list names of columns, got 'color'"),
        (lambda: read(LONG, factors=["shape"]), DomainError, "factors must be a column of the frame .* got 'shape'"),
        (lambda: read([1, 2]), TypeError, "frame must have columns"),
        (lambda: read(LONG, rows_per_task=4), ShapeError, "a multiple of rows_per_task = 4 rows, got 6"),
        (lambda: read(LONG, rows_per_task=3), DomainError, r"who\[2\] must be the same as in row 0 of its task"),
        (lambda: read(LONG, task="contest", rows_per_task=2), DomainError, "rows_per_task must be None"),
        (
            lambda: read(LONG, design=Design({"color": ["red", "blue"], "size": [2, 10]})),
            DomainError,
            r"color\[1\] must be a level of the design, got ''",
        ),
        (lambda: read({**LONG, "color": [None, *LONG["color"][1:]]}), DomainError, r"color\[0\] must be a string"),
    ],
)
def test_what_is_wrong_is_named(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()

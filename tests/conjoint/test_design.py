"""Designs: names, flat indices, probabilities, restrictions, and what is refused."""

from typing import Any

import numpy as np
import pytest

from prefcore.conjoint import Design
from prefcore.errors import DomainError, ShapeError

PARTIES = {"party": ["red", "blue"], "age": ["35", "50", "70"], "job": ["none"]}


def test_levels_of_all_factors_have_flat_indices() -> None:
    design = Design(PARTIES)
    assert design.factors == ("party", "age", "job")
    np.testing.assert_array_equal(design.n_levels, [2, 3, 1])
    np.testing.assert_array_equal(design.offsets, [0, 2, 5, 6])
    np.testing.assert_array_equal(design.contrast_df, [1, 2, 0])
    assert design.n_profiles == 6


def test_numbers_of_levels_name_themselves() -> None:
    design = Design([2, 3])
    assert design.factors == ("f0", "f1")
    assert design.levels == (("0", "1"), ("0", "1", "2"))
    np.testing.assert_allclose(np.concatenate(design.probs), [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3])


def test_levels_are_found_by_name_or_number() -> None:
    design = Design(PARTIES, restrictions=[("age", "70", "party", "red"), (0, 0, 1, 2)])
    assert design.factor("age") == design.factor(1) == 1
    assert design.level("age", "70") == design.level(1, 2) == 2
    assert design.restrictions == ((0, 0, 1, 2),), "one pair, given twice"


def test_probabilities_are_normalised_within_the_slack() -> None:
    design = Design([2], probs=[[0.3, 0.7 + 5e-10]])
    assert design.probs[0].sum() == pytest.approx(1.0, abs=1e-15)
    by_name = Design(PARTIES, probs={"age": [0.0, 0.5, 0.5]})
    np.testing.assert_allclose(by_name.probs[0], [0.5, 0.5])
    np.testing.assert_allclose(by_name.probs[1], [0.0, 0.5, 0.5])


def test_equal_designs_are_equal() -> None:
    assert Design(PARTIES) == Design(PARTIES)
    assert hash(Design(PARTIES)) == hash(Design(PARTIES))
    assert Design(PARTIES) != Design(PARTIES, probs={"party": [0.4, 0.6]})
    assert Design(PARTIES) != Design({**PARTIES, "job": ["some"]})
    assert Design(PARTIES) != 3


def test_repr_is_short_for_long_designs() -> None:
    text = repr(Design({f"factor {d}": range(20) for d in range(30)}))
    assert len(text.splitlines()) <= 12
    assert "0, 1, 2, 3, 4, 5, ... (20)" in text
    assert "(and 20 more)" in text


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Design([]), ShapeError, "levels must name at least one factor, got none"),
        (lambda: Design({"a": []}), DomainError, "levels of 'a' must be 1 to 65536, got 0"),
        (lambda: Design([10**12]), DomainError, r"levels\[0\] must be 1 to 65536, got 1000000000000"),
        (lambda: Design([2, 2], restrictions=3), TypeError, "restrictions must list"),
        (lambda: Design({"a": "xy"}), TypeError, r"levels\['a'\] must list the names of its levels, got 'xy'"),
        (lambda: Design({"a": ["x", "x"]}), DomainError, r"levels\['a'\]\[1\] must be a name of its own, got 'x'"),
        (lambda: Design([2.5]), TypeError, "levels must hold integers"),
        (lambda: Design([2, 2], probs=[[0.5, 0.5]]), ShapeError, "one array for each of 2 factors, got 1"),
        (lambda: Design([2], probs=3), TypeError, "probs must hold one array for each of 1 factors, got 3"),
        (lambda: Design([2], probs=[[0.5, 0.4]]), DomainError, r"probs\[0\] must add up to 1, got 0.9"),
        (lambda: Design([2], probs=[[1.5, -0.5]]), DomainError, r"probs\[0\]\[1\] must be a finite number >= 0"),
        (lambda: Design([2], probs=[[0.5, 0.2, 0.3]]), ShapeError, r"probs\[0\] must have length 2"),
        (lambda: Design([2], restrictions=[("f0", 0)]), ShapeError, r"restrictions\[0\] must be \(factor, level"),
        (lambda: Design([2, 2], restrictions=[(0, 0, 0, 1)]), DomainError, "must name two factors, got 'f0' twice"),
        (lambda: Design([2, 2], restrictions=[(0, 0, 1, 2)]), DomainError, "level must be 0 to 1, got 2"),
        (lambda: Design(PARTIES).factor("sex"), DomainError, "factor must be one of 'party', 'age', 'job', got 'sex'"),
        (lambda: Design(PARTIES).level("age", "60"), DomainError, "level of age must be one of '35', '50', '70'"),
    ],
)
def test_what_is_wrong_is_named(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()

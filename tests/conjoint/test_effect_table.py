"""What a table of effects says: tails against scipy, Holm, ends of intervals, its text."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from prefcore import _rust
from prefcore.conjoint import ConjointData, Design, EffectTable, amce, marginal_means
from prefcore.errors import DomainError


def answers(design: Design, respondents: int = 12, tasks: int = 60) -> ConjointData:
    rng = np.random.default_rng(3)
    profiles = np.column_stack([rng.integers(n, size=tasks) for n in design.n_levels])
    return ConjointData(profiles, rng.normal(size=tasks), np.arange(tasks) % respondents, design=design)


DESIGN = Design({"color": ["red", "green", "blue"], "size": ["small", "large"], "only": ["one"]})


def test_tails_are_those_of_scipy() -> None:
    statistic = np.array([0.0, 1e-3, 0.3, -1.7, 4.0, -30.0, 1e6, np.inf])
    for df in (1, 2, 7, 100, 1999, 10**6):
        want = 2 * stats.t.sf(np.abs(statistic), df)
        np.testing.assert_allclose(_rust.student_tails(statistic, df), want, rtol=1e-11)
        for tail in (0.5, 0.1, 0.05, 1e-6):
            assert _rust.student_quantile(tail, df) == pytest.approx(stats.t.isf(tail / 2, df), rel=1e-10)
        for of in (1, 2, 9):
            for wald in (1e-3, 0.7, 3.0, 40.0):
                assert _rust.fisher_tail(wald, of, df) == pytest.approx(stats.f.sf(wald, of, df), rel=1e-9)
                assert _rust.gamma_tail(wald / 2, of / 2) == pytest.approx(stats.chi2.sf(wald, of), rel=1e-11)


def test_a_table_has_the_statistics_of_its_estimates() -> None:
    table = amce(answers(DESIGN))
    assert table.factor == ("color", "color", "size")
    assert table.level == ("green", "blue", "large")
    assert table.reference == ("red", "red", "small")
    np.testing.assert_allclose(table.statistic, table.estimate / table.std_error, rtol=1e-14)
    np.testing.assert_allclose(table.p_value, 2 * stats.t.sf(np.abs(table.statistic), 11), rtol=1e-11)
    np.testing.assert_allclose(np.sqrt(np.diag(table.covariance)), table.std_error, rtol=1e-14)
    low, high = table.interval(confidence_level=0.9)
    np.testing.assert_allclose(high - table.estimate, stats.t.isf(0.05, 11) * table.std_error, rtol=1e-10)
    np.testing.assert_allclose(table.estimate - low, high - table.estimate, rtol=1e-12)
    np.testing.assert_array_equal(np.asarray(table), table.estimate)


def test_a_test_of_a_factor_does_not_depend_on_the_reference_and_of_means_is_of_equal_means() -> None:
    data = answers(DESIGN)
    table = amce(data)
    found = table.test("color")
    b, v = table.estimate[:2], table.covariance[:2, :2]
    wald = b @ np.linalg.inv(v) @ b
    assert (found.chi2, found.f) == pytest.approx((wald, wald / 2), rel=1e-12)
    assert (found.df, found.df_denominator) == (2, 11)
    assert found.p_chi2 == pytest.approx(stats.chi2.sf(wald, 2), rel=1e-11)
    assert found.p_f == pytest.approx(stats.f.sf(wald / 2, 2, 11), rel=1e-10)
    assert table.test("size").f == pytest.approx(table.statistic[2] ** 2, rel=1e-12)
    alone = ConjointData(data.profiles[:, :1], data.outcomes, data.respondents, design=Design([3]))
    means = marginal_means(data).test("color").chi2
    assert means == pytest.approx(amce(alone).test("f0").chi2, rel=1e-10)


def test_holm_is_its_definition() -> None:
    table = amce(answers(Design([4, 5, 3])))
    p, m = table.p_value, len(table.p_value)
    ranks = np.argsort(np.argsort(p))
    want = [min(1.0, max((m - ranks[j]) * p[j] for j in range(m) if p[j] <= p[k])) for k in range(m)]
    np.testing.assert_allclose(table.holm(), want, rtol=1e-14)


def test_an_estimate_without_error_is_no_nan() -> None:
    """Level 0 is always rated 0, level 1 always 2."""
    data = ConjointData([[0], [1], [0], [1]], [0, 2, 0, 2], range(4), design=Design([2]))
    table = marginal_means(data)
    np.testing.assert_array_equal(table.statistic, [0.0, np.inf])
    np.testing.assert_array_equal(table.p_value, [1.0, 0.0])
    np.testing.assert_array_equal(table.std_error, [0.0, 0.0])


def test_columns_and_text() -> None:
    table = amce(answers(DESIGN))
    columns = table.to_columns()
    assert list(columns) == [
        *("factor", "level", "reference", "estimate", "std_error", "statistic", "p_value", "lower", "upper")
    ]  # fmt: skip
    np.testing.assert_array_equal(columns["upper"], table.interval()[1])
    first, *_, last = repr(table).splitlines()
    assert (first, last) == ("EffectTable: 3 effects", "errors CR1, 60 rows, 12 respondents")
    assert f"size: large against small: {table.estimate[2]:.4f} ({table.std_error[2]:.4f})" in repr(table)
    means = marginal_means(answers(DESIGN))
    assert "reference" not in means.to_columns()
    assert means.intercept is None
    assert f"only: one: {means.estimate[5]:.4f}" in repr(means)
    assert len(repr(amce(answers(Design([9, 9])))).splitlines()) <= 12


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda table: table.test("shape"), DomainError, r"^factor must be one of 'color', 'size', got 'shape'$"),
        (lambda table: table.test(0), TypeError, r"^factor must be a name, got 0$"),
        (lambda table: table.interval(confidence_level=1), DomainError, r"^confidence_level must be a number between"),
        (lambda table: table.interval(confidence_level="95"), TypeError, r"^confidence_level must be a number, got"),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], match: str) -> None:
    table: EffectTable = amce(answers(DESIGN))
    with pytest.raises(error, match=match):
        call(table)


def test_a_factor_has_fewer_contrasts_than_respondents() -> None:
    table = amce(answers(Design([4, 2]), respondents=3))
    with pytest.raises(DomainError, match=r"at most respondents - 1 = 2; got 3 of 'f0'$"):
        table.test("f0")

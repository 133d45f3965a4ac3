"""Tails of the t, F and chi-squared distributions."""

import math

import numpy as np

from prefcore import _rust
from prefcore._estimates import Floats


def student(statistic: Floats, df: float) -> Floats:
    """P(|T| >= |statistic|), T of Student's distribution."""
    return np.array([_student(value, df) for value in statistic.tolist()])


def _student(value: float, df: float) -> float:
    square = value * value
    return _rust.beta_tail(df / (df + square), df / 2, 0.5) if math.isfinite(square) else 0.0


def student_quantile(tail: float, df: float) -> float:
    """The t >= 0 with P(|T| >= t) = tail."""
    share = _rust.beta_quantile(tail, 0.5, df / 2)
    return math.sqrt(df * share / (1 - share))


def fisher(statistic: float, df: float, df_denominator: float) -> float:
    """P(F >= statistic)."""
    return _rust.beta_tail(df_denominator / (df_denominator + df * statistic), df_denominator / 2, df / 2)


def chi_squared(statistic: float, df: float) -> float:
    """P(chi^2 >= statistic)."""
    return _rust.gamma_tail(statistic / 2, df / 2)

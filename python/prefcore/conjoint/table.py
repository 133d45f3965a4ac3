"""The record of effects of levels: estimates, errors and tests."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore._estimates import Floats
from prefcore.errors import DomainError

__all__ = ["EffectTable", "WaldTest"]

#: lines of effects in a repr
SHOWN = 9


class WaldTest(NamedTuple):
    """Whether the levels of a factor differ at all: W = b' V^-1 b, b their contrasts."""

    chi2: float
    """W"""
    f: float
    """W / df"""
    df: int
    """Number of contrasts: levels - 1."""
    df_denominator: int
    """Respondents - 1."""
    p_chi2: float
    """P(chi-squared of df >= W)"""
    p_f: float
    """P(F of df and df_denominator >= f)"""


@dataclass(frozen=True, repr=False, eq=False)
class EffectTable:
    """Effects of levels, one row each, in the order of the design. `np.asarray(table)` is the estimates."""

    factor: tuple[str, ...]
    """[K] names"""
    level: tuple[str, ...]
    """[K]"""
    reference: tuple[str, ...] | None
    """[K] level that each is compared with; None for means."""
    estimate: Floats
    """[K]"""
    std_error: Floats
    """[K]"""
    statistic: Floats
    """[K] estimate / std_error; 0 where the estimate is 0, infinite where only the error is."""
    p_value: Floats
    """[K] two-sided, of Student's t with respondents - 1 degrees of freedom."""
    intercept: float | None
    """Expected outcome of the profile of references; None for means, for a target, and where it is never shown."""
    intercept_std_error: float | None
    covariance: Floats
    """[K, K]"""
    vcov: str
    """Its form."""
    n_rows: int
    """Profiles whose task has a positive weight."""
    n_clusters: int
    """Respondents of such tasks."""

    @classmethod
    def _of(
        cls,
        names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...] | None],
        estimate: Floats,
        covariance: Floats,
        vcov: str,
        sizes: tuple[int, int],
        *,
        has_intercept: bool = False,
    ) -> "EffectTable":
        """Table of estimates and their covariance; the intercept is the first of them where there is one."""
        error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        start = int(has_intercept)
        statistic = np.zeros(len(estimate) - start)
        with np.errstate(divide="ignore"):
            np.divide(estimate[start:], error[start:], out=statistic, where=estimate[start:] != 0)
        n_rows, n_clusters = sizes
        return cls(
            factor=names[0],
            level=names[1],
            reference=names[2],
            estimate=estimate[start:],
            std_error=error[start:],
            statistic=statistic,
            p_value=_rust.student_tails(statistic, n_clusters - 1),
            intercept=float(estimate[0]) if has_intercept else None,
            intercept_std_error=float(error[0]) if has_intercept else None,
            covariance=covariance[start:, start:],
            vcov=vcov,
            n_rows=n_rows,
            n_clusters=n_clusters,
        )

    def interval(self, *, confidence_level: float = 0.95) -> tuple[Floats, Floats]:
        """Return lower and upper ends [K], by Student's t with respondents - 1 degrees of freedom.

        Args:
            confidence_level: share of samples whose interval holds the true value, in (0, 1).
        Raises: DomainError, TypeError.
        """
        level = _arrays.number("confidence_level", confidence_level)
        _arrays.refuse("confidence_level", level, not 0 < level < 1, "a number between 0 and 1")
        reach = _rust.student_quantile(1 - level, self.n_clusters - 1) * self.std_error
        return self.estimate - reach, self.estimate + reach

    def test(self, factor: str) -> WaldTest:
        """Test whether a factor matters: all its effects are 0, or of means, all its means are equal.

        Args:
            factor: its name.
        Returns: WaldTest(chi2, f, df, df_denominator, p_chi2, p_f).
        Raises: DomainError where the factor has one level, or as many contrasts as respondents; TypeError.
        """
        if not isinstance(factor, str):
            raise TypeError(f"factor must be a name, got {factor!r}")
        rows = np.flatnonzero(np.array(self.factor) == factor)
        if len(rows) == 0:
            known = ", ".join(map(repr, dict.fromkeys(self.factor)))
            raise DomainError(f"factor must be one of {known}, got {factor!r}")
        b, v = self.estimate[rows], self.covariance[np.ix_(rows, rows)]
        if self.reference is None:
            contrast = np.eye(len(rows))[1:] - np.eye(len(rows))[0]
            b, v = contrast @ b, contrast @ v @ contrast.T
        df, rest = len(b), self.n_clusters - 1
        if df == 0 or np.linalg.matrix_rank(v, hermitian=True) < df:
            raise DomainError(
                f"factor must have contrasts whose errors are independent, at most respondents - 1 = {rest}; "
                f"got {df} of {factor!r}"
            )
        wald = float(b @ np.linalg.solve(v, b))
        return WaldTest(
            wald, wald / df, df, rest, _rust.gamma_tail(wald / 2, df / 2), _rust.fisher_tail(wald / df, df, rest)
        )

    def holm(self) -> Floats:
        """Return p-values [K] adjusted for the number of rows (Holm 1979): the chance of one false finding is kept."""
        order = np.argsort(self.p_value, kind="stable")
        left = len(order) - np.arange(len(order))
        adjusted = np.empty_like(self.p_value)
        adjusted[order] = np.minimum(np.maximum.accumulate(left * self.p_value[order]), 1.0)
        return adjusted

    def to_columns(self) -> dict[str, Any]:
        """Return columns for a data frame of any library: names, estimates, their errors and tests, 95 percent ends."""
        low, high = self.interval()
        names = {"factor": list(self.factor), "level": list(self.level)}
        if self.reference is not None:
            names["reference"] = list(self.reference)
        return {
            **names,
            "estimate": self.estimate,
            "std_error": self.std_error,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "lower": low,
            "upper": high,
        }

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Estimates."""
        return np.array(self.estimate, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """The first effects, then what the errors are."""
        lines = [f"EffectTable: {len(self.estimate)} {'means' if self.reference is None else 'effects'}"]
        for k in range(min(len(self.estimate), SHOWN)):
            against = "" if self.reference is None else f" against {self.reference[k]}"
            lines.append(
                f"{self.factor[k]}: {self.level[k]}{against}: {self.estimate[k]:.4f} ({self.std_error[k]:.4f})"
            )
        if len(self.estimate) > SHOWN:
            lines[-1] += f" (and {len(self.estimate) - SHOWN} more)"
        lines.append(f"errors {self.vcov}, {self.n_rows} rows, {self.n_clusters} respondents")
        return "\n".join(lines)

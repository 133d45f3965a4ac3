"""Effects of attributes on the outcome, without a model of how people choose."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.conjoint import _policies, _regressions
from prefcore.conjoint._regressions import VCOV, Joint, Rows, Separate
from prefcore.conjoint.data import ConjointData, required
from prefcore.conjoint.design import MOST_LEVELS, Design
from prefcore.conjoint.table import EffectTable
from prefcore.errors import DomainError, RankDeficientError, ShapeError

__all__ = ["amce", "marginal_means"]

#: profiles of restricted factors over which an effect is averaged
MOST_CELLS = 4_000_000


def amce(data: ConjointData, *, reference: Any = None, target: Any = None, vcov: str = "CR1") -> EffectTable:
    """Average marginal component effects (AMCE): what a level changes against a reference, on average over profiles.

    AMCE_d(l) = E[Y(l, rest) - Y(reference, rest)]

    By least squares of the outcome on indicators of the levels of all factors, one row per profile. Factors of a
    restriction enter with all their cells, and the contrast of two levels is averaged over what may be shown with both
    of them, by the design's probabilities; then only pairs interact, other than in cjoint, where more factors may.

    Args:
        data: ConjointData; tasks count with their weights, those of weight 0 not at all.
        reference: level that others are compared with: a mapping factor -> level, or one level per factor, by name or
            number; None: level 0.
        target: probabilities of another population's profiles, a mapping factor -> [L], or one array per factor (None:
            the design's); the population AMCE. Rows count with the ratio of the target's probability to the design's,
            of the other attributes and of the profiles beside it; each factor has a regression of its own then.
        vcov: form of the covariance: "CR0", "survey" (CR0 G/(G-1); cregg), "CR1" (survey (N-1)/(N-k); statsmodels,
            Stata), "CR2" (Bell-McCaffrey; estimatr), all by respondent; "HC1" by row; "classical". With forced choice
            the last two are wrong: the rows of a task depend on each other.
    Returns: EffectTable, one row per level but the references.
    Raises: RankDeficientError naming levels that the data do not tell from others, DomainError, ShapeError, TypeError.
    Source: Hainmueller, Hopkins and Yamamoto, Causal inference in conjoint analysis (2014), and cjoint; cregg; target:
        de la Cuesta, Egami and Imai (2022).

    >>> from prefcore.conjoint import Design
    >>> data = ConjointData.from_pairs([[0], [1], [1]], [[1], [0], [0]], [0, 1, 0], ["a", "b", "c"], design=Design([2]))
    >>> amce(data, vcov="survey")
    EffectTable: 1 effects
    f0: 1 against 0: 0.3333 (0.6667)
    errors survey, 6 rows, 3 respondents
    """
    _check(data, vcov)
    design = data.design
    references = _references(design, reference)
    probs = design.probs if target is None else _policies.checked("target", target, design)
    columns = _Columns.of(design)
    contrasts, names = _contrasts(columns, design, references, probs)
    weights = _regressions.row_weights(data)
    if target is None:
        start = columns.profile(references)
        part, unknown = _regressions.joint(columns.rows(data, weights), np.column_stack([start, contrasts]))
        _refuse_unknown(names, unknown[1:])
        if unknown[0]:
            part, _ = _regressions.joint(part.rows, contrasts)
        parts = [part]
    else:
        if vcov == "classical":
            raise DomainError("vcov must be a robust form where target is given, got 'classical'")
        parts = [
            _of_factor(columns.rows(data, _target_weights(data, probs, d, weights)), contrasts, names, d)
            for d in range(len(design.factors))
        ]
    sizes = _regressions.sizes_of(data)
    covariance = _regressions.covariance(parts, data, sizes, vcov)
    estimate = np.concatenate([part.estimate for part in parts])
    has_intercept = len(estimate) > len(names.level)
    labels = names.factor, names.level, names.reference
    return EffectTable._of(labels, estimate, covariance, vcov, sizes, has_intercept=has_intercept)


def marginal_means(data: ConjointData, *, vcov: str = "CR1") -> EffectTable:
    """Marginal means: the mean outcome of the profiles that show a level.

    mean_d(l) = sum_i w_i y_i [t_id = l] / sum_i w_i [t_id = l]

    Of a forced choice between two the mean over levels is 1/2. No level is the reference, so means of subgroups may be
    compared, which effects may not. They are least squares on the levels of one factor alone; respondents that never
    saw a level still count among the respondents.

    Args:
        data: ConjointData; tasks count with their weights, those of weight 0 not at all.
        vcov: form of the covariance, as in `amce`; "survey" is that of cregg and R's survey.
    Returns: EffectTable, one row per level; `test` is of equal means.
    Raises: RankDeficientError naming levels that never occur, DomainError, TypeError.
    Source: Leeper, Hobolt and Tilley, Measuring subgroup preferences in conjoint experiments (2020); cregg.

    >>> from prefcore.conjoint import Design
    >>> data = ConjointData.from_pairs([[0], [1], [1]], [[1], [0], [0]], [0, 1, 0], ["a", "b", "c"], design=Design([2]))
    >>> marginal_means(data).estimate.round(4)
    array([0.3333, 0.6667])
    """
    _check(data, vcov)
    design = data.design
    rows = data.profiles, design.n_levels.tolist(), data.outcomes, _regressions.row_weights(data)
    gram, totals = _regressions.products(rows)
    shown = np.concatenate(design.probs) > 0
    pairs = [(d, level) for d, probs in enumerate(design.probs) for level in np.flatnonzero(probs).tolist()]
    names = _Names.of(design, pairs, None)
    weight = np.diag(gram)
    _refuse_unknown(names, weight[shown] <= 0)
    means = totals / np.where(shown, weight, 1.0)
    fitted = np.add.reduceat(means * totals, design.offsets[:-1])
    left = np.maximum(_regressions.squares(rows) - fitted, 0.0)
    part = Separate(rows, means, gram, np.repeat(left, design.n_levels))
    sizes = _regressions.sizes_of(data)
    covariance = _regressions.covariance([part], data, sizes, vcov)[np.ix_(shown, shown)]
    return EffectTable._of((names.factor, names.level, None), means[shown], covariance, vcov, sizes)


class _Names(NamedTuple):
    """Factor, level and reference of each row, by name; and the number of the factor."""

    factor: tuple[str, ...]
    level: tuple[str, ...]
    reference: tuple[str, ...]
    number: Ints

    @classmethod
    def of(cls, design: Design, pairs: Sequence[tuple[int, int]], references: Sequence[int] | None) -> "_Names":
        against = () if references is None else tuple(design.levels[d][references[d]] for d, _ in pairs)
        factors = tuple(design.factors[d] for d, _ in pairs)
        levels = tuple(design.levels[d][level] for d, level in pairs)
        return cls(factors, levels, against, np.array([d for d, _ in pairs], dtype=np.int64))


class _Columns(NamedTuple):
    """Columns of the regression: levels of the factors without restrictions, and cells of pairs with some."""

    blocks: list[tuple[int, ...]]
    """Factors of each block of columns: one, or a pair."""
    sizes: list[int]
    n_levels: list[int]

    @classmethod
    def of(cls, design: Design) -> "_Columns":
        pairs = sorted({(one, other) for one, _, other, _ in design.restrictions})
        alone = [(d,) for d in range(len(design.factors)) if not any(d in pair for pair in pairs)]
        n_levels = design.n_levels.tolist()
        blocks = [*alone, *pairs]
        sizes = [int(np.prod([n_levels[d] for d in block])) for block in blocks]
        if max(sizes) > MOST_LEVELS:
            raise DomainError(f"data must have restrictions of at most {MOST_LEVELS} cells a pair, got {max(sizes)}")
        return cls(blocks, sizes, n_levels)

    def rows(self, data: ConjointData, weights: Floats | None) -> Rows:
        if len(self.blocks) == len(self.n_levels) and all(len(block) == 1 for block in self.blocks):
            return data.profiles, self.sizes, data.outcomes, weights
        codes = np.column_stack([self._place(block, data.profiles.T.astype(np.int64)) for block in self.blocks])
        narrow = codes.astype(np.uint8) if max(self.sizes) <= 256 else codes.astype(np.uint16)
        return narrow, self.sizes, data.outcomes, weights

    def _place(self, block: tuple[int, ...], levels: Any) -> Any:
        return levels[block[0]] if len(block) == 1 else levels[block[0]] * self.n_levels[block[1]] + levels[block[1]]

    def profile(self, levels: Sequence[int]) -> Floats:
        """Columns of a profile."""
        out = np.zeros(sum(self.sizes))
        starts = np.cumsum([0, *self.sizes])
        for start, block in zip(starts, self.blocks, strict=False):
            out[start + self._place(block, levels)] = 1.0
        return out

    def level(self, d: int, level: int, others: Mapping[int, Floats]) -> Floats:
        """Columns of a level, averaged over the levels of the factors that it meets in cells."""
        out = np.zeros(sum(self.sizes))
        starts = np.cumsum([0, *self.sizes])
        for start, size, block in zip(starts, self.sizes, self.blocks, strict=False):
            if d not in block:
                continue
            if len(block) == 1:
                out[start + level] = 1.0
                continue
            table = out[start : start + size].reshape([self.n_levels[e] for e in block])
            if block[0] == d:
                table[level] = others[block[1]]
            else:
                table[:, level] = others[block[0]]
        return out


def _check(data: Any, vcov: Any) -> None:
    required(data)
    _arrays.one_of("vcov", vcov, *VCOV)


def _references(design: Design, given: Any) -> list[int]:
    if given is None:
        return [0] * len(design.factors)
    if isinstance(given, Mapping):
        known = {design.factor(factor): design.level(factor, level) for factor, level in given.items()}
        return [known.get(d, 0) for d in range(len(design.factors))]
    if isinstance(given, str) or not hasattr(given, "__len__"):
        raise TypeError(f"reference must be a mapping factor -> level or one level per factor, got {given!r}")
    if len(given) != len(design.factors):
        raise ShapeError(f"reference must hold one level for each of {len(design.factors)} factors, got {len(given)}")
    return [design.level(d, level) for d, level in enumerate(given)]


def _target_weights(data: ConjointData, probs: Sequence[Floats], d: int, weights: Floats | None) -> Floats:
    """Ratio of the target's probability to the design's: of a row's other attributes, and of the rows beside it."""
    ratios = [
        np.divide(new, old, out=np.zeros_like(new), where=old > 0)[data.profiles[:, e]]
        for e, (new, old) in enumerate(zip(probs, data.design.probs, strict=True))
    ]
    own = np.prod([ratio for e, ratio in enumerate(ratios) if e != d], axis=0) * np.ones(len(data.outcomes))
    whole = np.prod(ratios, axis=0)
    lengths, starts = np.diff(data.offsets), data.offsets[:-1]
    # the product over the others by division, with zeros apart
    absent = whole == 0
    product = np.repeat(np.multiply.reduceat(np.where(absent, 1.0, whole), starts), lengths)
    zeros = np.repeat(np.add.reduceat(absent.astype(np.int64), starts), lengths)
    beside = np.where(zeros > absent, 0.0, product / np.where(absent, 1.0, whole))
    return np.asarray(own * beside if weights is None else own * beside * weights)


def _contrasts(
    columns: _Columns, design: Design, references: Sequence[int], probs: Sequence[Floats]
) -> tuple[Floats, _Names]:
    """Combinations of columns [M, K] whose coefficients are the effects."""
    for d, level in enumerate(references):
        if design.probs[d][level] == 0:
            raise DomainError(
                f"reference of {design.factors[d]!r} must be a level of positive probability, "
                f"got {design.levels[d][level]!r}"
            )
    pairs = [
        (d, level)
        for d, probs_d in enumerate(design.probs)
        for level in np.flatnonzero(probs_d).tolist()
        if level != references[d]
    ]
    effects = []
    for d, level in pairs:
        others = _beside(design, probs, d, (level, references[d]))
        effects.append(columns.level(d, level, others) - columns.level(d, references[d], others))
    contrasts = np.array(effects).reshape(-1, sum(columns.sizes)).T
    return contrasts, _Names.of(design, pairs, references)


def _beside(design: Design, probs: Sequence[Floats], d: int, levels: tuple[int, int]) -> dict[int, Floats]:
    """Distributions of the factors that are tied to factor d by restrictions, among profiles open to both levels."""
    tied = _tied(design, d)
    if not tied:
        return {}
    cells = np.prod([float(len(probs[e])) for e in tied])
    if cells > MOST_CELLS:
        raise DomainError(f"data must have a design that ties at most {MOST_CELLS} profiles together, got {cells:.0f}")
    mass = reduce(np.multiply.outer, [probs[e] for e in tied], np.ones(()))
    for one, level, other, with_level in design.restrictions:
        where: list[Any] = [slice(None)] * len(tied)
        for factor, its in ((one, level), (other, with_level)):
            if factor in tied:
                where[tied.index(factor)] = its
            elif factor != d or its not in levels:
                break
        else:
            mass[tuple(where)] = 0.0
    total = mass.sum()
    if total == 0:
        names = " and ".join(repr(design.levels[d][level]) for level in levels)
        raise DomainError(
            f"reference must have profiles in common with each level, got {names} of {design.factors[d]!r}, "
            "which the restrictions keep apart"
        )
    axes = range(len(tied))
    return {e: mass.sum(axis=tuple(a for a in axes if a != axis)) / total for axis, e in enumerate(tied)}


def _tied(design: Design, d: int) -> list[int]:
    """Factors that a chain of restrictions leads to."""
    found, new = {d}, {d}
    while new:
        ends = [(one, other) for one, _, other, _ in design.restrictions]
        new = {b for pair in ends for a, b in (pair, pair[::-1]) if a in found} - found
        found |= new
    return sorted(found - {d})


def _of_factor(rows: Rows, contrasts: Floats, names: _Names, d: int) -> Joint:
    own = names.number == d
    part, unknown = _regressions.joint(rows, contrasts[:, own])
    whole = np.zeros(len(own), dtype=np.bool_)
    whole[own] = unknown
    _refuse_unknown(names, whole)
    return part


def _refuse_unknown(names: _Names, unknown: Any) -> None:
    """Raise where levels never occur, or always with others, so that their effects are not known."""
    if not unknown.any():
        return
    levels = tuple((names.factor[k], names.level[k]) for k in np.flatnonzero(unknown))
    listed = ", ".join(f"{level!r} of {factor!r}" for factor, level in levels[:5])
    more = f" and {len(levels) - 5} more" if len(levels) > 5 else ""
    raise RankDeficientError(
        "data must show each level, and its cells where restrictions are, apart from others; "
        f"got too little of {listed}{more}",
        columns=levels,
    )

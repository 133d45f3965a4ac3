"""Answers of respondents: which profiles they saw, and what they chose or how they rated."""

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.conjoint import _columns
from prefcore.conjoint._answers import LARGEST, boundaries, codes_of, weights_of
from prefcore.conjoint.design import Design
from prefcore.errors import DomainError, ShapeError

__all__ = ["ConjointData"]


class ConjointData:
    """Profiles that were shown, one row each, in tasks of one respondent; with the outcome of each profile.

    Of a forced choice the outcome is 1 for the profile that was chosen, else 0, and a task holds the profiles that
    stood side by side. Of ratings each profile is a task of its own.

    >>> ConjointData.from_pairs([[0, 1]], [[1, 2]], [1], ["ann"], design=Design([2, 3]))
    ConjointData: 1 tasks of 2 profiles, 1 respondents, 2 factors
    """

    profiles: NDArray[np.uint8] | NDArray[np.uint16]
    """[N, D] codes of the levels; one byte each while no factor has more than 256."""
    outcomes: Floats
    """[N]"""
    offsets: Ints
    """[T + 1] boundaries of the tasks."""
    respondents: Ints
    """[T] number of the respondent of each task, among `respondent_ids`."""
    respondent_ids: tuple[Any, ...]
    """[G] as given, sorted."""
    groups: Ints | None
    """[T] number of the voter group of each task, among `group_labels`; -1: none."""
    group_labels: tuple[Any, ...]
    stages: Ints | None
    """[T] 0: general, 1: primary."""
    weights: Floats | None
    """[T]"""
    design: Design

    def __init__(
        self,
        profiles: Any,
        outcomes: Any,
        respondents: Any,
        *,
        design: Design,
        offsets: Any = None,
        groups: Any = None,
        stages: Any = None,
        weights: Any = None,
    ) -> None:
        """Check and keep the rows.

        Args:
            profiles: [N, D] integer codes of levels, from 0.
            outcomes: [N] 1 for the chosen profile, else 0; or ratings.
            respondents: [T] integers or strings, one per task.
            design: what could be shown.
            offsets: [T + 1] boundaries of the tasks among the rows; None: each row is a task.
            groups: [T] integers or strings; -1 or None: no group.
            stages: [T] 0 general, 1 primary.
            weights: [T] finite, >= 0; None: 1.
        Raises: DomainError, ShapeError, TypeError.
        """
        if not isinstance(design, Design):
            raise TypeError(f"design must be a Design, got a {type(design).__name__}")
        self.design = design
        self.profiles = codes_of("profiles", profiles, design)
        self.outcomes = _arrays.finite("outcomes", _arrays.floats("outcomes", outcomes))
        _arrays.refuse("outcomes", self.outcomes, np.abs(self.outcomes) > LARGEST, f"a number within {LARGEST:g}")
        self.offsets = boundaries(offsets, len(self.profiles))
        if self.outcomes.shape != (len(self.profiles),):
            came = list(self.outcomes.shape)
            raise ShapeError(f"outcomes must have length {len(self.profiles)} like profiles, got shape {came}")
        self.respondents, self.respondent_ids = _columns.ids("respondents", respondents)
        self.groups, self.group_labels = None, ()
        if groups is not None:
            self.groups, self.group_labels = _columns.groups("groups", groups)
        self.stages = None if stages is None else _arrays.integers("stages", stages)
        self.weights = None if weights is None else weights_of("weights", weights)
        columns = {"respondents": self.respondents, "groups": self.groups, "stages": self.stages}
        for name, values in {**columns, "weights": self.weights}.items():
            if values is not None and values.shape != (self.n_tasks,):
                raise ShapeError(f"{name} must have length {self.n_tasks} like the tasks, got {list(values.shape)}")
        if self.stages is not None:
            _arrays.refuse("stages", self.stages, (self.stages < 0) | (self.stages > 1), "0 or 1")

    @classmethod
    def from_pairs(
        cls,
        left: Any,
        right: Any,
        chose_left: Any,
        respondents: Any,
        *,
        design: Design,
        groups: Any = None,
        stages: Any = None,
        weights: Any = None,
    ) -> Self:
        """Take forced choices of two profiles in wide form.

        Args:
            left: [T, D] codes of the levels of the left profile.
            right: [T, D] of the right one.
            chose_left: [T] 1 or True where the left one was chosen, else 0; 1/2 is a tie.
            respondents: [T] integers or strings.
            design: what could be shown.
            groups: [T] integers or strings; -1 or None: no group.
            stages: [T] 0 general, 1 primary.
            weights: [T] finite, >= 0; None: 1.
        Returns: ConjointData; row 2 t is the left profile of task t.
        Raises: DomainError, ShapeError, TypeError.

        >>> ConjointData.from_pairs([[0], [1]], [[1], [0]], [1, 0], [7, 7], design=Design([2])).outcomes
        array([1., 0., 0., 1.])
        """
        one, other = codes_of("left", left, design), codes_of("right", right, design)
        _arrays.same_shape(left=one, right=other)
        chosen = _arrays.floats("chose_left", chose_left)
        if chosen.shape != (len(one),):
            raise ShapeError(f"chose_left must have length {len(one)} like left, got shape {list(chosen.shape)}")
        _arrays.refuse("chose_left", chosen, ~((chosen >= 0) & (chosen <= 1)), "a number in [0, 1]")
        profiles = np.stack([one, other], axis=1).reshape(-1, one.shape[1])
        outcomes = np.stack([chosen, 1.0 - chosen], axis=1).reshape(-1)
        offsets = 2 * np.arange(len(one) + 1)
        return cls(
            profiles,
            outcomes,
            respondents,
            design=design,
            offsets=offsets,
            groups=groups,
            stages=stages,
            weights=weights,
        )

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        factors: Sequence[str],
        outcome: str,
        respondent: str,
        task: str | None = None,
        rows_per_task: int | None = None,
        group: str | None = None,
        stage: str | None = None,
        weight: str | None = None,
        design: Design | None = None,
    ) -> Self:
        """Take a frame in long form, one row per profile; all arguments after it are names of columns.

        Args:
            frame: pandas, polars, Arrow, or a dict of columns.
            factors: columns with the levels. Without a design, categories keep their order, numbers are sorted by
                size and strings alphabetically, and level 0 is the reference. An empty string is a level like others.
            outcome: 1 for the chosen profile, else 0; or ratings.
            respondent: integers or strings.
            task: rows of a respondent with the same value stood side by side.
            rows_per_task: instead of `task`, so many rows in turn; neither of both: each row is a task.
            group: voter groups, integers or strings; may be missing.
            stage: 0 general, 1 primary.
            weight: of each task, finite and >= 0.
            design: what could be shown; None: levels that occur, all equally likely.
        Returns: ConjointData.
        Raises: DomainError, ShapeError, TypeError.

        >>> answers = {"color": ["red", "blue"], "chosen": [1, 0], "who": ["ann", "ann"]}
        >>> data = ConjointData.from_frame(answers, factors=["color"], outcome="chosen", respondent="who",
        ...                                rows_per_task=2)
        >>> data.design.levels, data.profiles.ravel()
        ((('blue', 'red'),), array([1, 0], dtype=uint8))
        """
        if isinstance(factors, str) or not factors:
            raise TypeError(f"factors must list names of columns, got {factors!r}")
        found = {name: _columns.levels(name, _columns.column(frame, "factors", name)) for name in factors}
        if design is None:
            design = Design({name: column.labels for name, column in found.items()})
        codes = np.stack([_matched(design, name, column) for name, column in found.items()], axis=1)
        codes = codes[:, [list(found).index(name) for name in design.factors]]
        who = _columns.ids(respondent, _columns.column(frame, "respondent", respondent))
        order, offsets = _tasks(frame, task, rows_per_task, who.codes)
        first = order[offsets[:-1]]
        per_row: dict[str, Any] = {"respondents": np.array(who.labels, dtype=object)[who.codes]}
        _constant(respondent, who.codes, order, offsets)
        if group is not None:
            column = _columns.groups(group, _columns.column(frame, "group", group))
            _constant(group, column.codes, order, offsets)
            per_row["groups"] = np.array([*column.labels, None], dtype=object)[column.codes]
        if stage is not None:
            per_row["stages"] = _arrays.integers(stage, _columns.column(frame, "stage", stage))
            _constant(stage, per_row["stages"], order, offsets)
        if weight is not None:
            per_row["weights"] = _arrays.floats(weight, _columns.column(frame, "weight", weight))
            _constant(weight, per_row["weights"], order, offsets)
        outcomes = _arrays.floats(outcome, _columns.column(frame, "outcome", outcome))
        _arrays.finite(outcome, outcomes)
        per_task = {name: values[first] for name, values in per_row.items()}
        if isinstance(who.labels[0] if who.labels else None, int):
            per_task["respondents"] = per_task["respondents"].astype(np.int64)
        return cls(codes[order], outcomes[order], design=design, offsets=offsets, **per_task)

    @property
    def n_tasks(self) -> int:
        """Number T of tasks."""
        return len(self.offsets) - 1

    @property
    def n_respondents(self) -> int:
        """Number G of respondents, the clusters of all errors."""
        return len(self.respondent_ids)

    def by_group(self) -> dict[Hashable, Self]:
        """Return the tasks of each voter group by its label; those without a group are left out.

        Raises: DomainError.
        """
        if self.groups is None:
            raise DomainError("by_group needs groups, got data without; name the column as group=")
        return {label: self.subset(np.flatnonzero(self.groups == g)) for g, label in enumerate(self.group_labels)}

    def subset(self, tasks: Any) -> Self:
        """Return some tasks, in the order given.

        Args:
            tasks: integers, each once, or a mask [T].
        Raises: DomainError, ShapeError, TypeError.
        """
        chosen = self._places(tasks)
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(self.offsets[chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return type(self)(
            self.profiles[rows],
            self.outcomes[rows],
            _labelled(self.respondent_ids, self.respondents[chosen]),
            design=self.design,
            offsets=offsets,
            groups=None if self.groups is None else _labelled((*self.group_labels, None), self.groups[chosen]),
            stages=None if self.stages is None else self.stages[chosen],
            weights=None if self.weights is None else self.weights[chosen],
        )

    def concat(self, others: Any) -> Self:
        """Return these tasks and those of others; respondents of the same id are the same.

        Args:
            others: data of the same design, with the same optional columns.
        Raises: DomainError, TypeError.
        """
        if not (isinstance(others, Sequence) and all(isinstance(part, type(self)) for part in others)):
            raise TypeError(f"others must list ConjointData, got {others!r:.60}")
        parts = [self, *others]
        for place, part in enumerate(parts[1:]):
            if part.design != self.design:
                raise DomainError(f"others[{place}] must be ConjointData of the same design, got {part!r}")
            for name in ("groups", "stages", "weights"):
                if (getattr(part, name) is None) != (getattr(self, name) is None):
                    raise DomainError(f"others[{place}] must have {name} where the first has them, got another form")
        shifts = np.cumsum([0, *(len(part.profiles) for part in parts)])
        offsets = [part.offsets[1:] + shift for part, shift in zip(parts, shifts[:-1], strict=True)]
        who = [_labelled(part.respondent_ids, part.respondents) for part in parts]
        groups = [_labelled((*part.group_labels, None), part.groups) for part in parts if part.groups is not None]
        stages = [part.stages for part in parts if part.stages is not None]
        weights = [part.weights for part in parts if part.weights is not None]
        return type(self)(
            np.concatenate([part.profiles for part in parts]),
            np.concatenate([part.outcomes for part in parts]),
            np.concatenate(who),
            design=self.design,
            offsets=np.concatenate([[0], *offsets]),
            groups=np.concatenate(groups) if groups else None,
            stages=np.concatenate(stages) if stages else None,
            weights=np.concatenate(weights) if weights else None,
        )

    def _places(self, tasks: Any) -> Ints:
        given = _arrays.to_numpy("tasks", tasks)
        if given.dtype == np.bool_:
            if given.shape != (self.n_tasks,):
                raise ShapeError(f"tasks must have length {self.n_tasks} as a mask, got shape {list(given.shape)}")
            return np.flatnonzero(given)
        chosen = _arrays.integers("tasks", tasks)
        _arrays.refuse("tasks", chosen, (chosen < 0) | (chosen >= self.n_tasks), f"0 to {self.n_tasks - 1}")
        if len(np.unique(chosen)) < len(chosen):
            repeated = np.ones(len(chosen), dtype=np.bool_)
            repeated[np.unique(chosen, return_index=True)[1]] = False
            _arrays.refuse("tasks", chosen, repeated, "a task that did not come before")
        return chosen

    def __repr__(self) -> str:
        """Sizes, groups and what is missing."""
        sizes = np.unique(np.diff(self.offsets))
        each = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes.min()} to {sizes.max()}" if len(sizes) else "no"
        text = f"ConjointData: {self.n_tasks} tasks of {each} profiles, {self.n_respondents} respondents"
        text += f", {len(self.design.factors)} factors"
        totals = np.add.reduceat(self.outcomes, self.offsets[:-1]) if self.n_tasks else np.zeros(0)
        if len(sizes) == 1 and sizes[0] > 1 and (odd := np.abs(totals - 1) > 1e-9).any():
            text += f"\nno choice of one profile in {odd.sum()} tasks: their outcomes do not add up to 1"
        if self.groups is not None:
            counts = [f"{label} {(self.groups == g).sum()}" for g, label in enumerate(self.group_labels)]
            text += f"\ntasks per group: {', '.join(counts)} (without one: {(self.groups < 0).sum()})"
        return text


def required(data: Any) -> ConjointData:
    """Return the argument `data`; refuse what is none."""
    if not isinstance(data, ConjointData):
        raise TypeError(f"data must be ConjointData, got a {type(data).__name__}")
    return data


def _matched(design: Design, name: str, column: _columns.Labels) -> Ints:
    """Codes of a column in the design's order of levels."""
    if name not in design.factors:
        raise DomainError(f"factors must be those of the design ({', '.join(design.factors)}), got {name!r}")
    place = {label: code for code, label in enumerate(design.levels[design.factor(name)])}
    known = np.array([place.get(str(label), -1) for label in column.labels], dtype=np.int64)[column.codes]
    if (unknown := known < 0).any():
        row = int(np.argmax(unknown))
        raise DomainError(f"{name}[{row}] must be a level of the design, got {column.labels[column.codes[row]]!r}")
    return known


def _tasks(frame: Any, task: str | None, rows_per_task: int | None, respondents: Ints) -> tuple[Ints, Ints]:
    """Order of the rows in which tasks are together, and the boundaries of the tasks."""
    n_rows = len(respondents)
    if task is not None and rows_per_task is not None:
        raise DomainError("rows_per_task must be None where task is given, got both")
    if task is None:
        size = 1 if rows_per_task is None else _arrays.whole_number("rows_per_task", rows_per_task, 1, 1 << 31)
        if n_rows % size:
            raise ShapeError(f"frame must have a multiple of rows_per_task = {size} rows, got {n_rows}")
        return np.arange(n_rows), np.arange(0, n_rows + 1, size)
    number = _columns.ids(task, _columns.column(frame, "task", task))
    key = respondents * len(number.labels) + number.codes
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    place = rank[inverse.reshape(-1)]
    return np.argsort(place, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(place))])


def _constant(name: str, values: NDArray[Any], order: Ints, offsets: Ints) -> None:
    """Refuse a column that is not the same in all rows of a task."""
    sorted_values = values[order]
    start = np.repeat(offsets[:-1], np.diff(offsets))
    if (other := sorted_values != sorted_values[start]).any():
        row = int(order[int(np.argmax(other))])
        first = int(order[start[int(np.argmax(other))]])
        raise DomainError(f"{name}[{row}] must be the same as in row {first} of its task, got another value")


def _labelled(labels: tuple[Any, ...], codes: Ints) -> NDArray[Any]:
    """Labels of codes; integers as integers."""
    if all(isinstance(label, int) for label in labels):
        return np.array(labels, dtype=np.int64)[codes]
    return np.array(labels, dtype=object)[codes]

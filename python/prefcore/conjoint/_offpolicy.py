"""Records of off-policy evaluation: answers with the ratio of policy and design, and the five estimators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.conjoint import _policies
from prefcore.conjoint._expectation import numbers
from prefcore.conjoint._policies import Policy
from prefcore.conjoint.data import ConjointData, required
from prefcore.conjoint.model import OutcomeModel
from prefcore.conjoint.policy import expected_value
from prefcore.errors import DomainError, ShapeError


class Estimate(NamedTuple):
    """A mean over respondents, and its error."""

    value: float
    std_error: float


@dataclass(frozen=True, eq=False)
class Records:
    """Answers about a focal profile, beside another one or alone."""

    data: ConjointData
    focal: Ints
    """[R] rows of the focal profiles."""
    other: Ints | None
    """[R] rows of their opponents; None for single profiles."""
    first: NDArray[np.bool_]
    """[R] whether the focal profile stands first in its task."""
    tasks: Ints
    """[R]"""
    weight: Floats
    """[R] of each record; they add up to 1."""
    opponent: Policy | None

    @property
    def respondents(self) -> Ints:
        """[R]"""
        return np.asarray(self.data.respondents[self.tasks])

    @property
    def outcomes(self) -> Floats:
        """[R] of the focal profile."""
        return np.asarray(self.data.outcomes[self.focal])

    def ratios(self, policy: Policy) -> Floats:
        """[R] how much likelier the policies show these profiles than the design does."""
        ratio = self._ratio(policy, self.focal)
        return ratio if self.opponent is None or self.other is None else ratio * self._ratio(self.opponent, self.other)

    def _ratio(self, policy: Policy, rows: Ints) -> Floats:
        ratio = np.ones(len(rows))
        for d, (part, probs) in enumerate(zip(policy, self.data.design.probs, strict=True)):
            levels = np.divide(part, probs, out=np.zeros_like(part), where=probs > 0)
            ratio *= levels[self.data.profiles[rows, d]]
        return ratio

    def predictions(self, model: OutcomeModel, policy: Policy, chosen: Any) -> tuple[Floats, Floats]:
        """Expected outcomes of some records: of the profiles shown, and of the policy's in their place."""
        if not isinstance(model, OutcomeModel):
            raise TypeError(f"model must be an OutcomeModel, got a {type(model).__name__}")
        if model.paired != (self.other is not None):
            form = "pairs" if self.other is not None else "single profiles"
            raise DomainError(f"model must be of {form} like the data, got one of the other form")
        focal, first = self.data.profiles[self.focal[chosen]], self.first[chosen]
        if self.other is None:
            shown = model.predict(focal)
            return shown, np.full(len(shown), expected_value(model, policy))
        other = self.data.profiles[self.other[chosen]]
        shown = np.where(first, model.predict(focal, other), 1.0 - model.predict(other, focal))
        if self.opponent is not None:
            return shown, np.full(len(shown), expected_value(model, policy, opponent=self.opponent))
        scores, own = model.score(other), np.concatenate(policy)
        expected = np.empty(len(shown))
        for side in (True, False):
            expected[first == side] = _rust.expected_beside(numbers(model), own, scores[first == side], side)
        return shown, expected


def records(data: Any, opponent: Any, electorate: Mapping[Any, float] | None) -> Records:
    """Both orientations of each pair; with an opponent only the first, and single profiles as they are."""
    required(data)
    if data.design.restrictions:
        raise DomainError("data must be of a design without restrictions: w is a product over factors")
    sizes = np.diff(data.offsets)
    if data.n_tasks == 0 or sizes.max() > 2 or sizes.min() != sizes.max():
        came = f"{sizes.min()} to {sizes.max()}" if data.n_tasks else "none"
        raise ShapeError(f"data must have tasks of 2 profiles each, or of 1, got {came}")
    tasks, first = np.arange(data.n_tasks), data.offsets[:-1]
    against, other = None, None
    if sizes[0] == 1:
        if opponent is not None:
            raise DomainError("opponent must be None where profiles are single")
    elif opponent is not None:
        against, other = _policies.checked("opponent", opponent, data.design), first + 1
    else:
        tasks, other = np.concatenate([tasks, tasks]), np.concatenate([first + 1, first])
        first = np.concatenate([first, first + 1])
    weight = _shares(data, electorate)[tasks]
    return Records(data, first, other, first == data.offsets[tasks], tasks, weight / weight.sum(), against)


def estimates(
    weight: Floats, ratio: Floats, y: Floats, predicted: tuple[Floats, Floats] | None, who: Ints
) -> dict[str, Estimate]:
    """The estimators over some records, by name; `predicted` are the expected outcomes of shown and of policy."""
    weight = weight / weight.sum()
    mean_ratio = float(weight @ ratio)
    if mean_ratio <= 0:
        raise DomainError("policy must share profiles with the data, got none that it would ever show")
    parts = {"ipw": ratio * y, "hajek": ratio * y}
    if predicted is not None:
        shown, policy = predicted
        parts |= {"model": policy, "dr": policy + ratio * (y - shown), "dr_hajek": ratio * (y - shown)}
    found = {}
    for name, values in parts.items():
        value = float(weight @ values)
        influence = values - value
        if name in {"hajek", "dr_hajek"}:
            value /= mean_ratio
            influence = (values - value * ratio) / mean_ratio
        if name == "dr_hajek":
            mean = float(weight @ parts["model"])
            value, influence = value + mean, influence + parts["model"] - mean
        found[name] = Estimate(value, _clustered(weight * influence, who))
    return found


def effective_size(weight: Floats, ratio: Floats) -> float:
    """(sum w)^2 / sum w^2"""
    product = weight * ratio / ratio.max(initial=0.0) if ratio.any() else weight * ratio  # squares do not vanish
    return float(product.sum() ** 2 / (product @ product))


def _clustered(influence: Floats, who: Ints) -> float:
    sums = np.bincount(who, influence)
    n_clusters = len(np.unique(who))
    if n_clusters < 2:
        return float("nan")
    return float(np.sqrt(sums @ sums * n_clusters / (n_clusters - 1)))


def _shares(data: ConjointData, electorate: Mapping[Any, float] | None) -> Floats:
    weight = np.ones(data.n_tasks) if data.weights is None else data.weights
    if electorate is None and weight.sum() <= 0:
        raise DomainError("weights must be positive for some task, got none")
    if electorate is None:
        return weight
    if data.groups is None:
        raise DomainError("electorate needs data with groups, got data without; name the column as group=")
    shares = np.zeros(data.n_tasks)
    for label, share in _policies.shares("electorate", electorate, data.group_labels, "data").items():
        own = data.groups == data.group_labels.index(label)
        shares[own] = share * weight[own] / weight[own].sum()
    return shares

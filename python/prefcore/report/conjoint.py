"""The report of a conjoint survey."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prefcore._estimates import Floats
from prefcore.conjoint import Design, EffectTable, EquilibriumResult
from prefcore.errors import DomainError
from prefcore.plots import effect_forest, policy_bars
from prefcore.report import page

__all__ = ["conjoint"]


class _Offer(NamedTuple):
    policy: tuple[Floats, ...]
    policy_std_error: tuple[Floats, ...] | None


def conjoint(
    effects: EffectTable,
    path: str | Path,
    *,
    policies: Mapping[str, Any] | None = None,
    equilibrium: EquilibriumResult | None = None,
) -> Path:
    """Write a survey's answers as an HTML file: effects of levels, policies, and what two parties would offer.

    Intervals are of 95 percent.

    Args:
        effects: of `amce` or `marginal_means`.
        path: of the file, which is replaced.
        policies: mapping from names to results of `optimal_policy`, or to policies beside at least one of those, which
            know the names of the levels; all of one design.
        equilibrium: of `equilibrium`.
    Returns: Path.
    Raises: DomainError, ShapeError, TypeError, OSError.
    Source: the figures of Hainmueller, Hopkins and Yamamoto (2014).

    >>> import tempfile
    >>> from prefcore import conjoint as cj
    >>> shown = {"respondents": ["a", "b", "c"], "design": cj.Design({"tax": ["5%", "15%"]})}
    >>> data = cj.ConjointData.from_pairs([[0], [1], [1]], [[1], [0], [0]], [0, 1, 0], **shown)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     conjoint(cj.amce(data), f"{folder}/survey.html").name
    'survey.html'
    """
    _check(effects, policies, equilibrium)
    kind = "means" if effects.reference is None else "effects"
    sizes = {"profiles": effects.n_rows, "respondents": effects.n_clusters, "errors": effects.vcov}
    parts = [page.facts({**sizes, "intercept": effects.intercept}), page.section(kind.capitalize(), *_effects(effects))]
    if policies:
        parts.append(page.section("Policies", *_policies(policies, _design(policies, effects), "policies")))
    if equilibrium is not None:
        parts.append(page.section("Equilibrium", *_equilibrium(equilibrium)))
    return page.written(path, "Conjoint survey", parts)


def _effects(effects: EffectTable) -> list[str]:
    columns = effects.to_columns()
    low, high = columns["lower"], columns["upper"]
    rows = zip(effects.factor, effects.level, effects.estimate, low, high, strict=True)
    titles = [f"{factor}, {level}: {value:.4f}, {a:.4f} to {b:.4f}" for factor, level, value, a, b in rows]
    names = {"std_error": "error", "p_value": "p", "lower": "low", "upper": "high"}
    shown = {names.get(name, name): column for name, column in columns.items()}
    return [page.picture(effect_forest(effects), "effects", {"estimates": titles}), page.table(shown.items())]


def _check(effects: Any, policies: Any, equilibrium: Any) -> None:
    if not isinstance(effects, EffectTable):
        raise TypeError(f"effects must be an EffectTable, got a {type(effects).__name__}")
    if policies is not None and not isinstance(policies, Mapping):
        raise TypeError(f"policies must be a mapping from names to policies, got a {type(policies).__name__}")
    if equilibrium is not None and not isinstance(equilibrium, EquilibriumResult):
        raise TypeError(f"equilibrium must be an EquilibriumResult, got a {type(equilibrium).__name__}")
    if equilibrium is not None:
        _refuse_other("equilibrium", equilibrium._design, effects)


def _design(policies: Mapping[str, Any], effects: EffectTable) -> Design:
    """Return the design of the policies, whose names of levels must be those of the effects."""
    known = {name: getattr(policy, "_design", None) for name, policy in policies.items()}
    designs = {name: design for name, design in known.items() if isinstance(design, Design)}
    if not designs:
        raise DomainError(
            "policies must hold a result of optimal_policy, which knows the names of the levels, got none"
        )
    for name, design in designs.items():
        _refuse_other(f"policies[{name!r}]", design, effects)
    first, *others = designs
    for name in others:
        one, other = ((designs[key].factors, designs[key].levels) for key in (first, name))
        if one != other:
            raise DomainError(f"policies[{name!r}] must have the levels of policies[{first!r}], got others")
    return designs[first]


def _refuse_other(name: str, design: Design, effects: EffectTable) -> None:
    """Refuse a design that lacks a level of the effects."""
    levels = dict(zip(design.factors, design.levels, strict=True))
    for factor, level in zip(effects.factor, effects.level, strict=True):
        if level not in levels.get(factor, ()):
            raise DomainError(f"{name} must be of the design of effects, got none with level {level!r} of {factor!r}")


def _policies(policies: Mapping[str, Any], design: Design, about: str) -> list[str]:
    """Bars, each with its title, and the same as a table."""
    ax = policy_bars(policies, design=design)
    pairs = [(f, level) for f, names in zip(design.factors, design.levels, strict=True) for level in names]
    columns: list[tuple[str, Any]] = [("factor", [factor for factor, _ in pairs])]
    columns.append(("level", [level for _, level in pairs]))
    titles = {}
    for number, (name, bars) in enumerate(zip(policies, ax.containers, strict=True)):
        chance = [float(bar.get_width()) for bar in bars]
        columns.append((str(name), chance))
        for place, (bar, (factor, level), p) in enumerate(zip(bars, pairs, chance, strict=True)):
            bar.set_gid(f"bar-{number}-{place}")
            titles[f"bar-{number}-{place}"] = [f"{name}: {factor}, {level}: {p:.4f}"]
    return [page.picture(ax, about, titles), page.table(columns)]


def _equilibrium(equilibrium: EquilibriumResult) -> list[str]:
    both = {
        "A": _Offer(equilibrium.policy_a, equilibrium.policy_a_std_error),
        "B": _Offer(equilibrium.policy_b, equilibrium.policy_b_std_error),
    }
    found: dict[str, Any] = {
        "vote share of A": equilibrium.value,
        "its error": equilibrium.value_std_error,
        "gap": equilibrium.gap,
    }
    found["fit"] = f"{equilibrium.status} after {equilibrium.iterations} iterations"
    found |= {f"A's share, {group}": share for group, share in equilibrium.by_group.items()}
    return [page.facts(found), *_policies(both, equilibrium._design, "equilibrium")]

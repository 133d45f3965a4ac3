"""A survey by its configuration, and what `conjoint` says about it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prefcore import conjoint as cj
from prefcore.cli import _files
from prefcore.cli._columns import batches, joined
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop, near

KEYS = ("factors", "outcome", "respondent", "task", "rows_per_task", "group", "weight", "levels", "probs",
        "restrictions", "interactions", "electorate", "beta", "penalty")  # fmt: skip
NEEDED = ("factors", "outcome", "respondent")


class Answers(NamedTuple):
    """What is printed."""

    survey: str
    effects: dict[str, Any]
    policy: dict[str, Any]
    """Probability of each level as it was shown, under the best policy, and of both parties."""
    optimal: dict[str, Any]
    equilibrium: dict[str, Any] | None
    """None without voter groups."""


class Results(NamedTuple):
    """What pictures and pages are drawn from."""

    effects: cj.EffectTable
    policies: dict[str, Any]
    equilibrium: cj.EquilibriumResult | None


def read_config(path: Path) -> dict[str, Any]:
    """Read TOML or JSON; unknown keys are refused, never ignored."""
    import tomllib

    if path.suffix == ".toml":
        with _files.reading(path):
            text = path.read_bytes()
        try:
            found = tomllib.loads(text.decode("utf-8-sig"))
        except ValueError as error:
            raise Stop(Code.INPUT, f"{path}: {error}") from None
    else:
        found = _files.whole_json(path)
    if not isinstance(found, dict):
        raise Stop(Code.INPUT, f"{path}: must hold keys and values")
    for key in found:
        if key not in KEYS:
            raise Stop(Code.INPUT, f"{path}: there is no key {key!r}; {near(key, KEYS)}")
    for key in NEEDED:
        if key not in found:
            raise Stop(Code.INPUT, f"{path}: key {key!r} is missing")
    if not isinstance(found["factors"], list) or not all(isinstance(name, str) for name in found["factors"]):
        raise Stop(Code.INPUT, f"{path}: factors must list names of columns")
    return found


def read(path: Path, config: Path, settings: Mapping[str, Any], rejects: Rejects) -> cj.ConjointData:
    """Read the columns that the configuration names."""
    kinds = dict.fromkeys(settings["factors"], "level") | {settings["outcome"]: "number"}
    kinds |= {settings["respondent"]: "code"} | {settings[key]: "code" for key in ("task",) if key in settings}
    kinds |= {settings["weight"]: "number"} if "weight" in settings else {}
    kinds |= {settings["group"]: "maybe"} if "group" in settings else {}
    rows = joined(batches(path, kinds, {name: name for name in kinds}, rejects))
    if not rows:
        raise Stop(Code.INPUT, f"{path}: no row of a survey ({rejects.counts})")
    if rejects.rejected and "rows_per_task" in settings:
        raise Stop(Code.INPUT, f"{path}: with rejected rows, rows_per_task would join others; {config} needs task")
    frame = {name: column if kinds[name] == "number" else _texts(column) for name, column in rows.items()}
    design = _design(config, settings, frame)
    named = {key: settings[key] for key in ("task", "rows_per_task", "group", "weight") if key in settings}
    return cj.ConjointData.from_frame(frame, **{key: settings[key] for key in NEEDED}, **named, design=design)


def _texts(column: Any) -> Any:
    return np.array(column.to_pylist(), dtype=object)


def _design(config: Path, settings: Mapping[str, Any], frame: Mapping[str, Any]) -> cj.Design:
    given, probs = settings.get("levels", {}), settings.get("probs", {})
    for key, table in (("levels", given), ("probs", probs)):
        for name in table:
            if name not in settings["factors"]:
                raise Stop(Code.INPUT, f"{config}: [{key}] has no factor {name!r}; {near(name, settings['factors'])}")
    try:
        levels = {name: list(map(str, given.get(name) or _sorted(set(frame[name])))) for name in settings["factors"]}
        even = {name: [1 / len(own)] * len(own) for name, own in levels.items()}
        chances = [_chances(probs[name], levels[name]) if name in probs else even[name] for name in levels]
        return cj.Design(levels, probs=chances, restrictions=[tuple(pair) for pair in settings.get("restrictions", ())])
    except (TypeError, KeyError) as error:
        raise Stop(Code.INPUT, f"{config}: levels, probs and restrictions do not fit: {error}") from None


def _sorted(levels: set[str]) -> list[str]:
    """Numbers by size, other names by the numbers in them ("5%" before "15%"), then by the alphabet."""
    try:
        return sorted(levels, key=float)
    except ValueError:
        return sorted(levels, key=lambda name: ([float(part) for part in re.findall(r"\d+\.?\d*", name)], name))


def _chances(given: Any, levels: Sequence[str]) -> list[float]:
    return [given[level] for level in levels] if isinstance(given, Mapping) else list(given)


def answer(
    data: cj.ConjointData, settings: Mapping[str, Any], vcov: str, confidence_level: float
) -> tuple[Answers, Results]:
    """Effects, the best policy, and the equilibrium where there are voter groups."""
    effects = cj.amce(data, vcov=vcov)
    lower, upper = effects.interval(confidence_level=confidence_level)
    columns = effects.to_columns()
    table = {name: columns[name] for name in ("factor", "level", "estimate", "std_error")}
    table |= {"lower": lower, "upper": upper, "p_value": columns["p_value"]}
    options = {"beta": settings.get("beta", 0.1), "penalty": settings.get("penalty", "kl")}
    best = cj.optimal_policy(_fitted(data, settings), **options)
    policies: dict[str, Any] = {"shown": data.design.probs, "optimal": best}
    balance = None
    if data.groups is not None:
        models = {name: _fitted(part, settings) for name, part in data.by_group().items()}
        balance = cj.equilibrium(cj.Game(models, electorate=settings.get("electorate")), **options)
        policies |= {"party_a": balance.policy_a, "party_b": balance.policy_b}
    answers = Answers(
        repr(data),
        table,
        _policy_table(data.design, policies),
        {name: getattr(best, name) for name in ("value", "baseline_value", "divergence", "status", "residual")},
        None if balance is None else {name: getattr(balance, name) for name in ("value", "gap", "status", "residual")},
    )
    return answers, Results(effects, policies, balance)


def _fitted(data: cj.ConjointData, settings: Mapping[str, Any]) -> cj.OutcomeModel:
    """Logit of the difference for pairs, linear for anything else."""
    interactions = settings.get("interactions", ())
    pairs = [tuple(pair) for pair in interactions] if isinstance(interactions, list) else interactions
    if (np.diff(data.offsets) == 2).all():
        return cj.fit_outcome_logit(data, interactions=pairs, intercept=False)
    return cj.fit_outcome_linear(data, interactions=pairs)


def _policy_table(design: cj.Design, policies: Mapping[str, Any]) -> dict[str, Any]:
    names = [(factor, level) for factor, levels in zip(design.factors, design.levels, strict=True) for level in levels]
    table: dict[str, Any] = {"factor": [name for name, _ in names], "level": [level for _, level in names]}
    return table | {name: np.concatenate(getattr(policy, "policy", policy)) for name, policy in policies.items()}

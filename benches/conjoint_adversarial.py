"""Contenders of `conjoint.equilibrium`, on the fitted scores of the tax plans with random slates."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from conjoint_policy import chance

BETA = 0.05
EQUILIBRIUM = {"cpu": "tax plans: 7 factors, 32 levels, 38400 profiles, 3 groups, beta 0.05, random slates"}
ERRORS = {"cpu": "the same with covariances of the models: errors of policies, value and divergence"}
RECORDS = Path(__file__).parents[1] / "tests" / "vectors" / "conjoint_adversarial.json"


def game(*, errors: bool) -> Any:
    from prefcore import conjoint

    records = json.loads(RECORDS.read_text())
    given = next(r for r in records if r["id"].startswith("real_taxes"))["params"]["game"]
    levels, rng = given["n_levels"], np.random.default_rng(0)
    designs = [conjoint.Design(levels, probs=[rng.dirichlet(np.full(n, 5.0)) for n in levels]) for _ in range(2)]
    covariance = np.diag(rng.uniform(1e-3, 3e-3, sum(levels) - len(levels))) if errors else None
    models = {
        label: conjoint.OutcomeModel.from_scores(
            np.split(scores["main"], np.cumsum(levels)[:-1]), design=designs[0], covariance=covariance
        )
        for label, scores in given["models"].items()
    }
    return conjoint.Game(models, electorate=given["shares"], slate_a=designs[0], slate_b=designs[1])


def best_answers(found: Any) -> Any:
    """All factors of both answer best at once, in NumPy; the change left bounds the gap by its square."""
    slates = found.slate_a.probs, found.slate_b.probs
    own, other = map(list, slates)
    groups = [(share, found.models[label].main) for label, share in found.electorate.items()]
    for _ in range(1000):
        gains = [sum(share * chance(main, own, other, d) for share, main in groups) for d in range(len(own))]
        losses = [sum(share * chance(main, other, own, d) for share, main in groups) for d in range(len(own))]
        answers = [
            [answer(p, g) for p, g in zip(slate, slopes, strict=True)]
            for slate, slopes in zip(slates, (gains, losses), strict=True)
        ]
        change = max(np.abs(x - y).max() for x, y in zip(answers[0] + answers[1], own + other, strict=True))
        own, other = answers
        if change < 1e-10:
            break
    return np.concatenate(own + other)


def answer(slate: Any, slopes: Any) -> Any:
    weights = slate * np.exp((slopes - slopes.max()) / BETA)
    return weights / weights.sum()


def equilibrium(_device: str) -> dict[str, Callable[[], Any]]:
    found = game(errors=False)
    return {"prefcore": solver(found), "numpy": lambda: best_answers(found)}


def with_errors(_device: str) -> dict[str, Callable[[], Any]]:
    found = game(errors=True)
    return {"prefcore": solver(found), "numpy, no errors": lambda: best_answers(found)}


def solver(found: Any) -> Callable[[], Any]:
    from prefcore import conjoint

    def ours() -> Any:
        end = conjoint.equilibrium(found, beta=BETA)
        return np.concatenate(end.policy_a + end.policy_b)

    return ours

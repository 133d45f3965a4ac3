"""Contenders of `conjoint.optimal_policy` and its expectations, on a survey of the shape of the tax plans."""

from collections.abc import Callable
from typing import Any

import numpy as np

LEVELS = [4, 4, 4, 4, 5, 6, 5]
BETAS = np.geomspace(1.0, 0.01, 20)
PATH = {"cpu": "7 factors, 32 levels, additive logit of pairs, 20 betas from 1 to 0.01, with errors"}
VALUE = {"cpu": "7 factors, 32 levels, 38400 profiles, additive logit of pairs"}


def model() -> Any:
    from prefcore import conjoint

    rng = np.random.default_rng(0)
    main = [np.concatenate([[0.0], rng.normal(0.0, 0.3, n - 1)]) for n in LEVELS]
    covariance = np.diag(rng.uniform(1e-3, 3e-3, sum(LEVELS) - 7))
    return conjoint.OutcomeModel.from_scores(main, design=conjoint.Design(LEVELS), covariance=covariance)


def chance(main: Any, own: Any, other: Any, factor: int | None = None) -> Any:
    """The Fourier sum in NumPy: the chance to win, or given each level of a factor."""
    reach = sum(np.ptp(scores) for scores in main)
    step = 2 * np.pi / (reach + 38)
    w = step * np.arange(1, int(12.5 / step) + 2)
    waves = [np.exp(1j * w * scores[:, None]) for scores in main]
    phi = np.conj(np.prod([q @ wave for q, wave in zip(other, waves, strict=True)], axis=0)) * step / np.sinh(np.pi * w)
    mean = -sum(q @ scores for q, scores in zip(other, main, strict=True))
    for d, (p, wave, scores) in enumerate(zip(own, waves, main, strict=True)):
        if d != factor:
            phi, mean = phi * (p @ wave), mean + p @ scores
    if factor is None:
        return 0.5 + step * mean / (2 * np.pi) + np.imag(phi.sum())
    return 0.5 + step * (mean + main[factor]) / (2 * np.pi) + np.imag(waves[factor] @ phi)


def gibbs_path(survey: Any) -> Any:
    """Best replies factor by factor in NumPy, without errors."""
    main, p = survey.main, survey.design.probs
    own, found = list(p), []
    for beta in BETAS:
        for _ in range(1000):
            before = np.concatenate(own)
            for d in range(len(own)):
                weights = p[d] * np.exp((g := chance(main, own, p, d)) / beta - g.max() / beta)
                own[d] = weights / weights.sum()
            if np.abs(np.concatenate(own) - before).max() < 1e-13:
                break
        found.append(np.concatenate(own))
    return np.stack(found)


def path(_device: str) -> dict[str, Callable[[], Any]]:
    from prefcore import conjoint

    survey = model()

    def ours() -> Any:
        return np.stack([np.concatenate(end.policy) for end in conjoint.policy_path(survey, BETAS)])

    return {"prefcore": ours, "numpy, no errors": lambda: gibbs_path(survey)}


def value(_device: str) -> dict[str, Callable[[], Any]]:
    from prefcore import conjoint

    survey = model()
    own = [np.random.default_rng(d).dirichlet(np.ones(n)) for d, n in enumerate(LEVELS)]
    return {
        "prefcore": lambda: conjoint.expected_value(survey, own),
        "numpy": lambda: chance(survey.main, own, survey.design.probs),
    }

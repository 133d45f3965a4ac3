"""Contenders of the voting rules and of tables of general preference models."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]

SCHULZE_SHAPE = {"cpu": "500 items, complete ballots, winning votes"}
KEMENY_SHAPE = {"cpu": "16 items in one cycle of majorities"}
BALLOTS_SHAPE = {"cpu": "1e5 ballots of 20 items"}
MATVEC_SHAPE = {"cpu": "1e5 answers, 4 planes, f64"}


def table(n: int, voters: int) -> Any:
    """Pairs of complete ballots, each drawn alone."""
    votes = np.triu(np.random.default_rng(0).integers(0, voters + 1, size=(n, n)).astype(np.float64), 1)
    return votes + np.tril(voters - votes.T, -1)


def schulze(_device: str) -> Contenders:
    from prefcore import games

    votes = table(500, 1_001)

    def numpy() -> Any:
        paths = np.where(votes > votes.T, votes, 0.0)
        for k in range(len(paths)):
            np.maximum(paths, np.minimum(paths[:, k, None], paths[None, k, :]), out=paths)
        np.fill_diagonal(paths, 0.0)
        return paths

    return {"prefcore": lambda: games.schulze(votes).paths, "numpy, rows over each middle item": numpy}


def kemeny(_device: str) -> Contenders:
    from prefcore import games

    votes = table(16, 101)

    def numpy() -> Any:
        """The same table over subsets, all subsets of one size at a time."""
        n, members = len(votes), np.arange(1 << len(votes))
        inside = (members[:, None] >> np.arange(n)) & 1
        sums = inside @ votes.T
        best = np.zeros(1 << n)
        size = inside.sum(1)
        for k in range(1, n + 1):
            sets = members[size == k]
            tops = sums[sets] + best[sets[:, None] & ~(1 << np.arange(n))]
            best[sets] = np.where(inside[sets], tops, -np.inf).max(1)
        return best[-1]

    return {"prefcore": lambda: games.kemeny(votes).score, "numpy, subsets by size": numpy}


def pairwise_votes(_device: str) -> Contenders:
    from prefcore import games

    ballots = np.argsort(np.random.default_rng(0).random((100_000, 20)), axis=1)
    rankings, offsets = ballots.ravel(), np.arange(100_001) * 20

    def numpy() -> Any:
        place = np.argsort(ballots, axis=1)
        return np.stack([(place[:, i, None] < place).sum(0) for i in range(20)]).astype(np.float64)

    return {"prefcore": lambda: games.pairwise_votes(rankings, offsets, n_items=20), "numpy, places compared": numpy}


def gpm_matvec(_device: str) -> Contenders:
    from prefcore import games

    rng = np.random.default_rng(0)
    embeddings, policy = rng.normal(size=(100_000, 8)), rng.random(100_000)

    def numpy() -> Any:
        sums = embeddings.T @ policy
        turned = np.stack([sums[1::2], -sums[::2]], axis=1).ravel()
        return embeddings @ turned

    return {"prefcore": lambda: games.gpm_matvec(embeddings, policy), "numpy, factor form": numpy}

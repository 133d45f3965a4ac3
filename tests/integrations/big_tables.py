"""Tables that the tests of Arrow, datasets, Ray and Spark share, and pair lists by the definition."""

from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from prefcore import pairs, ratings
from prefcore.integrations import arrow

BUILDER = partial(pairs.all_pairs, min_gap=1, inclusive=True)
VOTES = {"first": "a", "second": "b", "winners": "who", "weights": "weight"}
TAU = {"x": "reward", "y": "grade"}


def prompts(n: int = 500) -> pa.Table:
    """Prompts with none to four completions, their scores with ties."""
    draw = np.random.default_rng(3)
    scores = [draw.integers(0, 4, draw.integers(0, 5)).astype(float).tolist() for _ in range(n)]
    texts = [[f"{row}-{place}" for place in range(len(values))] for row, values in enumerate(scores)]
    columns = [[f"p{row}" for row in range(n)], pa.array(scores, pa.list_(pa.float64())), texts]
    return pa.table(columns, names=["prompt", "scores", "completions"])


def defined_pairs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `BUILDER` is asked for, in its order."""
    found = []
    for row in rows:
        for i, j in combinations(range(len(row["scores"])), 2):
            gap = row["scores"][i] - row["scores"][j]
            if abs(gap) >= 1:
                sides = [row["completions"][place] for place in ((i, j) if gap > 0 else (j, i))]
                found.append({"prompt": row["prompt"], "chosen": sides[0], "rejected": sides[1], "margin": abs(gap)})
    return found


def votes(n: int = 1000) -> pa.Table:
    """Votes with weights of 52 bits, whose float sums depend on the order; rewards and grades of scattered ids."""
    draw = np.random.default_rng(4)
    names = [draw.choice(list(models), n) for models in ("uvw", "xyz")]
    who = draw.choice(["model_a", "model_b", "tie"], n)
    columns = [*names, who, draw.random(n), draw.integers(0, 40, n), draw.standard_normal(n), draw.integers(0, 3, n)]
    return pa.table(columns, names=["a", "b", "who", "weight", "id", "reward", "grade"])


def bits(comparisons: ratings.Comparisons) -> list[bytes]:
    """Cells and the ratings from them."""
    cells = (comparisons.wins, comparisons.losses, comparisons.ties, ratings.bradley_terry(comparisons).theta)
    return [np.ascontiguousarray(cell).tobytes() for cell in cells]


def bits_of_one_pass() -> list[bytes]:
    """From all votes at once, without a state."""
    table = votes()
    a, b, who, weight = (table[name] for name in VOTES.values())
    return bits(ratings.Comparisons.from_votes(a, b, who, weights=weight))


def by_group(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a table (group, value) in an order of their own."""
    return sorted(rows, key=lambda row: row["group"])


def tau_of_ids() -> list[dict[str, Any]]:
    from prefcore import metrics

    return by_group(arrow.group_metric(votes(), metrics.kendall_tau, group="id", columns=TAU).to_pylist())

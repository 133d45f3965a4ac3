"""Contenders of the cases of `selection`."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]


def top_k(_device: str) -> Contenders:
    from prefcore import selection

    rng = np.random.default_rng(0)
    lengths = rng.integers(8, 65, size=100_000)
    scores, offsets = rng.normal(size=int(lengths.sum())), np.concatenate([[0], np.cumsum(lengths)])
    contenders = {
        "prefcore": lambda: selection.top_k(scores, k=4, offsets=offsets).rows,
        "numpy, lexsort": lambda: top_k_lexsort(scores, offsets, 4),
    }
    try:
        import polars as pl
    except ImportError:
        return contenders
    group = np.repeat(np.arange(len(lengths)), lengths)
    frame = pl.DataFrame({"group": group, "score": scores}).with_row_index("row")

    def polars_top_k() -> Any:
        best = pl.col("row").sort_by("score", descending=True).head(4)
        return frame.group_by("group", maintain_order=True).agg(best)["row"].explode().to_numpy()

    return {**contenders, "polars, group_by": polars_top_k}


def top_k_lexsort(scores: Any, offsets: Any, k: int) -> Any:
    """All rows sorted by group and falling score; of each group the first k."""
    lengths = np.diff(offsets)
    group = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((-scores, group))
    place = np.arange(len(scores)) - np.repeat(offsets[:-1], lengths)
    return order[place < k]


def top_k_cosine(_device: str) -> Contenders:
    """Their similarities: which of two rows is nearer, float32 products do not always say right."""
    from prefcore import selection

    rng = np.random.default_rng(0)
    pool, queries = (rng.normal(size=(rows, 256)).astype(np.float32) for rows in (100_000, 1_000))
    contenders = {
        "prefcore": lambda: selection.top_k_cosine(pool, queries, k=10).similarity,
        "numpy, matmul and argpartition": lambda: cosine_blocks(pool, queries, 10),
    }
    try:
        import torch
    except ImportError:
        return contenders
    tensors = [torch.from_numpy(x) for x in (pool, queries)]
    return {**contenders, "torch, matmul and topk": lambda: cosine_torch(*tensors, 10)}


def cosine_blocks(pool: Any, queries: Any, k: int) -> Any:
    """A hundred queries at a time, so that 40 MB of products are in memory and not 400."""
    unit = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    found = []
    for start in range(0, len(queries), 100):
        products = queries[start : start + 100] @ unit.T
        some = np.argpartition(products, -k, axis=1)[:, -k:]
        values = np.take_along_axis(products, some, 1)
        order = np.argsort(-values, axis=1)
        found.append((np.take_along_axis(values, order, 1), np.take_along_axis(some, order, 1)))
    return np.concatenate([values for values, _ in found])


def cosine_torch(pool: Any, queries: Any, k: int) -> Any:
    import torch

    unit, queries = (torch.nn.functional.normalize(x, dim=1) for x in (pool, queries))
    found = [(block @ unit.T).topk(k, dim=1) for block in queries.split(100)]
    return torch.cat([values for values, _ in found]).numpy()

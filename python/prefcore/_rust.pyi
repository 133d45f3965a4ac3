"""Types of the extension. `make lint` checks them against the built module."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "all_pairs",
    "approx_ndcg",
    "balanced_indices",
    "best_vs_rest",
    "concordance_counts",
    "curriculum_stages",
    "gae",
    "goodman_kruskal_gamma",
    "group_advantage",
    "group_by_ids",
    "gumbel_top_k",
    "kendall_tau",
    "lambdarank",
    "listmle",
    "listnet",
    "num_threads",
    "offsets_from_ids",
    "offsets_from_lengths",
    "offsets_from_mask",
    "pair_weights",
    "paired_token_stats_backward",
    "paired_token_stats_forward",
    "plackett_luce",
    "plackett_luce_dense",
    "random_keys",
    "ranklist",
    "ranknet",
    "set_num_threads",
    "soft_rank",
    "soft_rank_vjp",
    "softmax_loss",
    "thin_by_gap",
    "token_stats_backward",
    "token_stats_forward",
    "top_fraction",
    "top_k",
    "top_k_cosine",
    "tree_backup",
    "validate_offsets",
]

class _PairOptions(Protocol):
    @property
    def min_gap(self) -> float: ...
    @property
    def max_gap(self) -> float | None: ...
    @property
    def inclusive(self) -> bool: ...
    @property
    def by(self) -> NDArray[np.int64] | None: ...
    @property
    def max_pairs_per_group(self) -> int | None: ...
    @property
    def seed(self) -> int: ...
    @property
    def nan(self) -> str: ...

# threads
def num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def random_keys(seed: int, *counters: int) -> int: ...

# groups
def offsets_from_lengths(lengths: NDArray[np.int64]) -> NDArray[np.int64]: ...
def offsets_from_ids(ids: NDArray[np.int64]) -> NDArray[np.int64]: ...
def group_by_ids(ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def offsets_from_mask(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def validate_offsets(offsets: NDArray[np.int64], n: int) -> int: ...

# pairs: columns chosen, rejected, margin, group, and the number of pairs at their front
def all_pairs(
    scores: NDArray[Any],
    offsets: NDArray[np.int64],
    options: _PairOptions,
    narrow: bool,
    out: tuple[NDArray[Any], ...] | None = None,
) -> tuple[list[NDArray[Any]], int]: ...
def best_vs_rest(
    scores: NDArray[Any], offsets: NDArray[np.int64], options: _PairOptions, narrow: bool
) -> tuple[list[NDArray[Any]], int]: ...
def pair_weights(group: NDArray[np.int64], values: NDArray[np.float64] | None) -> NDArray[np.float64]: ...

# metrics
def kendall_tau(
    x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], variant: str, nan: str
) -> NDArray[np.float64]: ...
def goodman_kruskal_gamma(
    x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], nan: str
) -> NDArray[np.float64]: ...
def concordance_counts(
    x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], nan: str
) -> list[NDArray[np.int64]]: ...

# ranking: columns loss, n_terms, gradient; a rule is max_skip, skip_weights, min_gap, inclusive
def plackett_luce(
    scores: NDArray[Any], rows: NDArray[np.int64], offsets: NDArray[np.int64], k: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def plackett_luce_dense(
    scores: NDArray[Any], ranking: NDArray[np.int64], lists: Sequence[int], k: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def listmle(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    k: int | None,
    position_weights: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def softmax_loss(
    scores: NDArray[Any], labels: NDArray[np.float64], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def listnet(
    scores: NDArray[Any], labels: NDArray[np.float64], offsets: NDArray[np.int64], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def ranknet(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    sigma: float,
    rule: tuple[int | None, NDArray[np.float64] | None, float, bool],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def ranklist(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    temperature: float,
    rule: tuple[int | None, NDArray[np.float64] | None, float, bool],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def lambdarank(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    k: int | None,
    gain: str,
    sigma: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def approx_ndcg(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    temperature: float,
    gain: str,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def soft_rank(scores: NDArray[Any], offsets: NDArray[np.int64], strength: float, descending: bool) -> NDArray[Any]: ...
def soft_rank_vjp(
    scores: NDArray[Any],
    upstream: NDArray[Any],
    offsets: NDArray[np.int64],
    strength: float,
    descending: bool,
) -> NDArray[Any]: ...

# logps: uint16 logits are bf16 bit patterns; rest = mask, row_temperature, temperature, softcap, logit_scale
def paired_token_stats_backward(
    columns: Sequence[NDArray[Any]],
    logits: NDArray[Any],
    ref_logits: NDArray[Any],
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
    out: NDArray[Any],
) -> None: ...
def paired_token_stats_forward(
    logits: NDArray[Any],
    ref_logits: NDArray[Any],
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
) -> list[NDArray[Any]]: ...
def token_stats_backward(
    upstream: Sequence[NDArray[Any] | None],
    logits: NDArray[Any] | None,
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
    out: NDArray[Any],
) -> None: ...
def token_stats_forward(
    logits: NDArray[Any],
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
    extras: Sequence[bool],
) -> list[NDArray[Any]]: ...

# scores: scale = (ddof, eps), None = only centered; rewards and values f32 or f64, [N] or [B, T]
def group_advantage(
    rewards: NDArray[Any], offsets: NDArray[np.int64], scale: tuple[int, float] | None, out: NDArray[Any]
) -> None: ...
def gae(
    rewards: NDArray[Any], values: NDArray[Any], mask: NDArray[np.bool_], gamma: float, lam: float
) -> list[NDArray[Any]]: ...

# selection: rows and offsets; balanced_indices rows, top_k_cosine rows and similarity (flat), tree_backup q and value
def balanced_indices(classes: NDArray[np.int64], sizes: NDArray[np.int64], seed: int) -> NDArray[np.int64]: ...
def curriculum_stages(
    gaps: NDArray[Any], n_stages: int, descending: bool, offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def gumbel_top_k(
    log_weights: NDArray[Any], k: int, seed: int, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def thin_by_gap(
    scores: NDArray[Any], min_gap: float, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def top_fraction(
    scores: NDArray[Any], fraction: float, rounding: str, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def top_k(
    scores: NDArray[Any], k: int, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def top_k_cosine(
    pool: NDArray[Any], queries: NDArray[Any], columns: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
def tree_backup(
    parents: NDArray[np.int64],
    rewards: NDArray[np.float64],
    leaf_values: NDArray[np.float64],
    visits: NDArray[np.float64],
    gamma: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

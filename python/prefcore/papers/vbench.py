"""VBench++: comprehensive benchmark suite for video generative models (Huang et al. 2024, arXiv 2411.13503)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Alignment",
    "VBenchScore",
    "bias",
    "final_score",
    "flicker",
    "human_alignment",
    "i2v_subject",
    "subject_consistency",
]

#: Dimensions of `final_score`: name, result that counts 0, result that counts 1, weight; 7 of quality, 9 of semantics.
DIMENSIONS = (
    ("subject consistency", 0.1462, 1.0, 1.0),
    ("background consistency", 0.2615, 1.0, 1.0),
    ("temporal flickering", 0.6293, 1.0, 1.0),
    ("motion smoothness", 0.706, 0.9975, 1.0),
    ("aesthetic quality", 0.0, 1.0, 1.0),
    ("imaging quality", 0.0, 1.0, 1.0),
    ("dynamic degree", 0.0, 1.0, 0.5),
    ("object class", 0.0, 1.0, 1.0),
    ("multiple objects", 0.0, 1.0, 1.0),
    ("human action", 0.0, 1.0, 1.0),
    ("color", 0.0, 1.0, 1.0),
    ("spatial relationship", 0.0, 1.0, 1.0),
    ("scene", 0.0, 0.8222, 1.0),
    ("appearance style", 0.0009, 0.2855, 1.0),
    ("temporal style", 0.0, 0.364, 1.0),
    ("overall consistency", 0.0, 0.364, 1.0),
)
_, LOW, HIGH, WEIGHTS = zip(*DIMENSIONS, strict=True)


class VBenchScore(NamedTuple):
    """Scores of M models."""

    normalized: NDArray[np.float64]
    """[M, 16]; outside [0, 1] where a result is outside its scale."""
    quality: NDArray[np.float64]
    """[M]"""
    semantic: NDArray[np.float64]
    """[M]"""
    total: NDArray[np.float64]
    """[M] (4 quality + semantic) / 5"""


class Alignment(NamedTuple):
    """How a metric agrees with people about M models."""

    human: NDArray[np.float64]
    """[M] win ratios by the votes."""
    metric: NDArray[np.float64]
    """[M] win ratios by the metric."""
    spearman: float
    pearson: float


def final_score(raw: Any, *, low: Any = LOW, high: Any = HIGH, weights: Any = WEIGHTS) -> VBenchScore:
    """Total score of the VBench leaderboard from results by name; columns have dynamic degree 7th, reports 5th.

    normalized = (raw - low) / (high - low); quality, semantic = weighted means; total = (4 quality + semantic) / 5

    Args:
        raw: results in [0, 1] (not percent), by name of the dimension: {"subject_consistency": a number or [M], ...},
            spaces or underscores, all 16; the official code takes 0 for one that is missing. Or [M, 16], in the order
            of `vbench.DIMENSIONS`: subject consistency, background consistency, temporal flickering, motion
            smoothness, aesthetic quality, imaging quality, dynamic degree (which `TASK_INFO` of the official code, and
            so its reports, have before aesthetic quality); object class, multiple objects, human action, color, spatial
            relationship, scene, appearance style, temporal style, overall consistency.
        low: [16] results that count 0.
        high: [16] results that count 1.
        weights: [16], >= 0.
    Returns: VBenchScore(normalized, quality, semantic, total).
    Raises: ShapeError, DomainError, TypeError.
    Source: scripts/cal_final_score.py and scripts/constant.py of Vchitect/VBench; `metrics.weighted_dimension_score`.

    >>> final_score([HIGH, LOW]).total
    array([1., 0.])
    """
    from prefcore.metrics import weighted_dimension_score

    x = _arrays.floats("raw", _by_name(raw) if isinstance(raw, Mapping) else raw)
    if x.ndim != 2 or x.shape[1] != len(DIMENSIONS):
        raise ShapeError(f"raw must be [M, 16], got {list(x.shape)}")
    _arrays.refuse("raw", x, ~((x >= 0) & (x <= 1 + 1e-6)), "in [0, 1], not a percentage")  # a cosine of f32 passes 1
    score = weighted_dimension_score(x, low, high, weights=weights, offsets=[0, 7, 16], group_weights=[4.0, 1.0])
    return VBenchScore(score.normalized, score.groups[:, 0], score.groups[:, 1], score.total)


def _by_name(raw: Mapping[str, Any]) -> NDArray[np.float64]:
    """[M, 16] of the results by name."""
    names = [name for name, *_ in DIMENSIONS]
    given = {str(name).replace("_", " "): values for name, values in raw.items()}
    if unknown := sorted(given.keys() - set(names)):
        raise DomainError(f"raw must have names of vbench.DIMENSIONS, got {unknown[0]!r}")
    if missing := [name for name in names if name not in given]:
        raise DomainError(f"raw must have all 16 dimensions, {missing[0]!r} is missing")
    columns = {f"raw[{name!r}]": np.atleast_1d(_arrays.floats(f"raw[{name!r}]", given[name])) for name in names}
    _arrays.same_shape(**columns)
    return np.stack(list(columns.values()), -1)


def human_alignment(first: Any, second: Any, outcomes: Any, metric: Any) -> Alignment:
    """Correlation of win ratios over models: by people who compared videos, and by a metric of the same videos.

    ratio = (wins + ties / 2) / comparisons, `ratings.win_rate`; by the metric every two models meet on every prompt

    Args:
        first: int [N] models, 0 to M - 1, one vote each.
        second: int [N] their opponents.
        outcomes: [N] 1 where the first won, 0 where the second did, 1/2 for a tie.
        metric: [V, M] scores of the models on V prompts; larger is better.
    Returns: Alignment(human [M], metric [M], spearman, pearson); a correlation is NaN where all models are equal. The
        paper says Spearman, but prints values that Spearman cannot take for four models.
    Raises: ShapeError, DomainError, TypeError.
    Source: VBench++, section 4.2.

    >>> human_alignment([0, 1, 0], [1, 2, 2], [1.0, 1.0, 0.5], [[0.9, 0.7, 0.8], [0.6, 0.5, 0.5]]).human
    array([0.75, 0.5 , 0.25])
    """
    from prefcore.metrics import pearson, spearman
    from prefcore.ratings import Comparisons, win_rate

    scores = _arrays.finite("metric", _arrays.floats("metric", metric))
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) == 0:
        raise ShapeError(f"metric must be [V, M] with V > 0 and M > 1, got {list(scores.shape)}")
    models = scores.shape[1]
    votes = win_rate(Comparisons.from_outcomes(first, second, outcomes, n_items=models))
    if (alone := np.isnan(votes)).any():
        raise DomainError(f"first and second must name every model, got no vote on model {int(alone.argmax())}")
    i, j = np.triu_indices(models, 1)
    wins = (scores[:, i] > scores[:, j]) + (scores[:, i] == scores[:, j]) / 2
    each = len(scores)
    ratio = win_rate(Comparisons.from_outcomes(np.tile(i, each), np.tile(j, each), wins.ravel()))
    return Alignment(votes, ratio, float(spearman(votes, ratio)), float(pearson(votes, ratio)))


def i2v_subject(conformity: Any, consecutive: Any) -> float:
    """How well a video keeps the subject of the image that it starts from.

    0.4 max conformity + 0.3 mean consecutive + 0.3 min consecutive

    Args:
        conformity: [T] cosine of each frame with the image, those below 0 as 0.
        consecutive: [T - 1] cosine of each later frame with the one before, likewise.
    Returns: float in [0, 1].
    Raises: ShapeError, DomainError, TypeError.
    Source: vbench2_beta_i2v/i2v_subject.py of Vchitect/VBench; before 2025 it had the weights 0.5, 0.5 and 0.

    >>> i2v_subject([0.9, 0.8, 0.7], [0.9, 0.7])
    0.81
    """
    given = {"conformity": conformity, "consecutive": consecutive}
    image, before = (_arrays.floats(name, x) for name, x in given.items())
    for name, x in zip(given, (image, before), strict=True):
        _arrays.refuse(name, x, ~((x >= 0) & (x <= 1 + 1e-6)), "a cosine in [0, 1]")  # that of f32 passes 1
    if image.ndim != 1 or len(image) < 2 or before.shape != (len(image) - 1,):
        came = f"{list(image.shape)} and {list(before.shape)}"
        raise ShapeError(f"expected conformity [T] and consecutive [T - 1] with T > 1, got {came}")
    return float(0.4 * image.max() + 0.3 * before.mean() + 0.3 * before.min())


def flicker(frames: Any) -> float:
    """How little a video of a still scene flickers.

    (255 - mean over t of mean |frame_t - frame_{t-1}|) / 255

    Args:
        frames: [T, H, W, C] pixels in 0 to 255 of at least two frames.
    Returns: float in [0, 1].
    Raises: ShapeError, DomainError, TypeError.
    Source: vbench/temporal_flickering.py of Vchitect/VBench.

    >>> flicker([[[[0.0], [100.0]]], [[[51.0], [100.0]]]])
    0.9
    """
    x = _arrays.numeric("frames", frames).astype(np.float64)
    _arrays.refuse("frames", x, ~((x >= 0) & (x <= 255)), "in 0 to 255")
    if x.ndim != 4 or len(x) < 2 or x[0].size == 0:
        raise ShapeError(f"frames must be [T, H, W, C] with T > 1, got {list(x.shape)}")
    return float((255 - np.abs(np.diff(x, axis=0)).mean()) / 255)


def bias(counts: Any) -> float:
    """Distance of shares from equal ones, as of genders or skin tones in generated faces.

    sum_k |counts_k / sum counts - 1 / K|

    Args:
        counts: [K] how often each class came, >= 0.
    Returns: float in [0, 2 - 2/K]; NaN where nothing came.
    Raises: ShapeError, DomainError, TypeError.
    Source: vbench2_beta_trustworthiness/gender_bias.py of Vchitect/VBench.

    >>> round(bias([7, 3]), 12)
    0.4
    """
    n = _arrays.near_one(_arrays.finite("counts", _arrays.floats("counts", counts), 0.0))
    _arrays.one_dimensional("counts", n)
    total = n.sum()
    return float(np.abs(n / total - 1 / len(n)).sum()) if total > 0 else np.nan


def subject_consistency(features: Any) -> float:
    """How much frames of a video look like the one before and the first.

    mean over t >= 1 of (max(0, cos(f_t, f_{t-1})) + max(0, cos(f_t, f_0))) / 2

    Over several videos the official code takes the mean over frames on one GPU and over videos on several.

    Args:
        features: [T, d] features of at least two frames; the cosine of a row of zeros counts as 0.
    Returns: float in [0, 1].
    Raises: ShapeError, DomainError, TypeError.
    Source: vbench/subject_consistency.py of Vchitect/VBench.

    >>> subject_consistency([[1.0, 0.0], [3.0, 4.0]])
    0.6
    """
    x = _arrays.finite("features", _arrays.floats("features", features))
    if x.ndim != 2 or len(x) < 2:
        raise ShapeError(f"features must be [T, d] with T > 1, got {list(x.shape)}")
    x = _arrays.near_one(x, axis=1)
    size = np.linalg.norm(x, axis=1, keepdims=True)
    unit = np.divide(x, size, out=np.zeros_like(x), where=size > 0)
    before, first = (unit[1:] * unit[:-1]).sum(1), unit[1:] @ unit[0]
    return float((np.maximum(before, 0) + np.maximum(first, 0)).mean() / 2)

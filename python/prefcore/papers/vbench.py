"""VBench++: comprehensive benchmark suite for video generative models (Huang et al. 2024, arXiv 2411.13503)."""

from __future__ import annotations

from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore.errors import ShapeError

__all__ = ["bias", "subject_consistency"]


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

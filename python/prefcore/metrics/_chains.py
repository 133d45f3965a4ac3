"""Diagnostics of Markov chains."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def split_r_hat(draws: Floats) -> Floats:
    """[F] root of the variance over all half chains / the mean variance within one; draws are [chains, draws, F]."""
    half = draws.shape[1] // 2
    parts = np.concatenate([draws[:, :half], draws[:, -half:]])
    within = parts.var(1, ddof=1).mean(0)
    between = parts.mean(1).var(0, ddof=1)
    return np.asarray(np.sqrt((half - 1) / half + between / within))


def effective_size(draws: Floats) -> Floats:
    """[F] draws / (1 + 2 sum of autocorrelations), by Geyer's initial monotone sequence."""
    chains, length, _ = draws.shape
    centered = draws - draws.mean(1, keepdims=True)
    spectrum = np.fft.rfft(centered, 2 * length, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :length].mean(0) / length
    within = covariance[0] * length / (length - 1)
    between = draws.mean(1).var(0, ddof=1) if chains > 1 else 0.0
    total = covariance[0] + between
    correlation = 1 - (within - covariance * length / (length - 1)) / total
    correlation[0] = 1.0
    even = length // 2 * 2
    pairs = correlation[0:even:2] + correlation[1:even:2]  # sums of neighbors are positive and fall, but for noise
    positive = np.logical_and.accumulate(pairs > 0)
    pairs = np.minimum.accumulate(np.where(positive, pairs, 0.0))
    return np.asarray(chains * length / np.maximum(2 * pairs.sum(0) - 1, 1 / np.log10(chains * length)))

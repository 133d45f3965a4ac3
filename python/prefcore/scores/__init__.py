"""Scores: what stands between log-probs and a loss. Tensors in, tensors out."""

from prefcore.scores.transforms import (
    alpha_divergence_score,
    guidance_combine,
    js_divergence_score,
    log1mexp,
    log_odds,
)

__all__ = ["alpha_divergence_score", "guidance_combine", "js_divergence_score", "log1mexp", "log_odds"]

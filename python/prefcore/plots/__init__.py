"""Pictures of training runs, ratings, games and surveys: each function draws on matplotlib Axes and returns them.

`pip install 'prefcore[plot]'` brings matplotlib. Without `ax` a figure of a fitting size is made; nothing else of
matplotlib's state is touched. Colors are those of Okabe and Ito, told apart with any color vision.
"""

from prefcore.plots.conjoint import effect_forest, policy_bars
from prefcore.plots.games import gap_curves, score_comparison
from prefcore.plots.ratings import rating_forest, win_rate_matrix
from prefcore.plots.training import calibration_curve, length_margin, logp_curves, margin_bands, margin_histogram

__all__ = [
    "calibration_curve",
    "effect_forest",
    "gap_curves",
    "length_margin",
    "logp_curves",
    "margin_bands",
    "margin_histogram",
    "policy_bars",
    "rating_forest",
    "score_comparison",
    "win_rate_matrix",
]

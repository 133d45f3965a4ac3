"""The two pictures of the job."""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # before pyplot: no display is needed
from matplotlib import pyplot as plt

from prefcore.plots import logp_curves, margin_histogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito: told apart with any color vision


def draw_margins(path: Path, steps: int, before: np.ndarray, after: np.ndarray, rewards: np.ndarray) -> None:
    """Histograms over the held-out pairs: margin of the log-prob per token before and after, and of the reward."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    margin_histogram([before, after], steps=[0, steps], ax=left)
    left.set(title="Log-prob per token", xlabel="chosen − rejected (nats per token); the ends hold outliers")
    margin_histogram(rewards, ax=right)
    right.set(title=f"Implicit reward after {steps} steps (all at 0 before)", ylabel="held-out pairs")
    _save(figure, path)


def draw_logps(path: Path, history: dict[str, dict[str, list[float]]]) -> None:
    """Mean log-prob of chosen and rejected completions against the step, and its change since the reference model."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    held_out, training = history["held_out"], history["training"]
    logp_curves(held_out["step"], held_out["chosen_logp"], held_out["rejected_logp"], ax=left)
    for side, color, marker in (("chosen", BLUE, "o"), ("rejected", ORANGE, "s")):
        logps = np.array(held_out[f"{side}_logp"])
        right.plot(held_out["step"], logps - logps[0], color=color, marker=marker, label=f"{side}, held out")
        right.plot(
            training["step"], training[f"{side}_log_ratio"], color=color, alpha=0.4, label=f"{side}, training batch"
        )
    left.set(title="Held-out completions", xlabel="optimizer steps taken")
    right.set(title="Change from the reference model", ylabel="mean change of log-prob (nats per completion)")
    right.set(xlabel="optimizer steps taken")
    right.axhline(0, color="black", linewidth=1)
    right.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False)
    _save(figure, path)


def _save(figure: "Figure", path: Path) -> None:
    figure.savefig(path, dpi=120)
    plt.close(figure)

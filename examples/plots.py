"""The two pictures of the job."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # before pyplot: no display is needed
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#7F7F7F"  # Okabe and Ito: told apart with any color vision


def draw_margins(path: Path, before: np.ndarray, after: np.ndarray, rewards: np.ndarray) -> None:
    """Histograms over the held-out pairs: margin of the log-prob per token before and after, and of the reward."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    bins = _bins(np.concatenate([before, after]))
    _histogram(left, before, bins, "before", color=GRAY, alpha=0.4)
    _histogram(left, after, bins, "after", color=BLUE, histtype="step", linewidth=2)
    left.set(title="Log-prob per token", xlabel="chosen − rejected (nats per token); the ends hold outliers")
    _histogram(right, rewards, _bins(rewards), "after", color=BLUE, alpha=0.4)
    right.axvline(0, color=GRAY, linewidth=4, label="before: all pairs at 0")
    right.set(title="Implicit reward", xlabel="chosen − rejected (nats); the ends hold outliers")
    left.axvline(0, color="black", linewidth=1)
    for axes in (left, right):
        axes.set(ylabel="held-out pairs")
        axes.margins(y=0.25)  # room for the legend
    _save(figure, path)


def draw_logps(path: Path, history: dict[str, dict[str, list[float]]]) -> None:
    """Mean log-prob of chosen and rejected completions against the step, and its change since the reference model."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    held_out, training = history["held_out"], history["training"]
    for side, color, marker in (("chosen", BLUE, "o"), ("rejected", ORANGE, "s")):
        logps = np.array(held_out[f"{side}_logp"])
        left.plot(held_out["step"], logps, color=color, marker=marker, label=side)
        right.plot(held_out["step"], logps - logps[0], color=color, marker=marker, label=f"{side}, held out")
        right.plot(
            training["step"], training[f"{side}_log_ratio"], color=color, alpha=0.4, label=f"{side}, training batch"
        )
    left.set(title="Held-out completions", ylabel="mean log-prob (nats per completion)")
    right.set(title="Change from the reference model", ylabel="mean change of log-prob (nats per completion)")
    right.axhline(0, color="black", linewidth=1)
    for axes in (left, right):
        axes.set(xlabel="optimizer steps taken")
    _save(figure, path)


def _bins(margins: np.ndarray) -> np.ndarray:
    """Edges of about 24 bins, one of them at 0: no bar holds both right and wrong pairs."""
    low, high = np.percentile(margins, [1, 99])
    low, high = min(low, 0.0), max(high, 0.0)
    width = (high - low) / 24 or 1.0
    return np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width


def _histogram(axes: "Axes", margins: np.ndarray, bins: np.ndarray, when: str, **look: Any) -> None:
    label = f"{when}: mean {margins.mean():.2f}, {np.mean(margins > 0):.0%} above 0"
    axes.hist(np.clip(margins, bins[0], bins[-1]), bins=bins, label=label, **look)


def _save(figure: "Figure", path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)

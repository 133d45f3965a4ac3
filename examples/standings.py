"""Reads win probabilities, and shows what each method says of the models."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # before pyplot: no display is needed
from matplotlib import pyplot as plt

from rated import InputError

if TYPE_CHECKING:
    from prefcore.ratings import CyclicTriples

BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#7F7F7F"  # Okabe and Ito: told apart with any color vision


@dataclass(frozen=True)
class Standings:
    """What each method says, one entry for each model."""

    nash: np.ndarray
    nash_gap: float
    lottery: np.ndarray
    lottery_unique: bool
    points: np.ndarray
    low: np.ndarray
    high: np.ndarray
    best_rank: np.ndarray
    worst_rank: np.ndarray
    schulze: np.ndarray
    cyclic: "CyclicTriples"

    def row(self, models: Sequence[str], item: int) -> dict[str, Any]:
        """One model."""
        return {
            "model": models[item],
            "points": float(self.points[item]),
            "low": float(self.low[item]),
            "high": float(self.high[item]),
            "best_rank": int(self.best_rank[item]),
            "worst_rank": int(self.worst_rank[item]),
            "schulze_rank": int(self.schulze[item]),
            "nash": float(self.nash[item]),
            "maximal_lottery": float(self.lottery[item]),
        }


def read_win_probabilities(path: Path) -> tuple[list[str], np.ndarray]:
    """Return the models and [prompts, models] probabilities of beating the baseline, without the column `prompt_id`."""
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if not rows:
        raise InputError(f"{path} is empty: expected a header and a row for each prompt")
    header, *body = rows
    keep = [column for column, name in enumerate(header) if name != "prompt_id"]
    models = [header[column] for column in keep]
    if len(models) < 2 or len(set(models)) < len(models) or len(body) < 2:
        raise InputError(f"{path} must have two or more prompts and models with different names")
    values = np.array([_numbers(path, line, row, header, keep) for line, row in enumerate(body, 2)])
    return models, values


def _numbers(path: Path, line: int, row: list[str], header: list[str], keep: list[int]) -> list[float]:
    if len(row) != len(header):
        raise InputError(f"{path}, line {line}: expected {len(header)} fields, got {len(row)}")
    numbers = []
    for column in keep:
        try:
            number = float(row[column])
        except ValueError:
            number = float("nan")
        if not 0 <= number <= 1:
            raise InputError(f"{path}, line {line}, {header[column]}: expected a number in [0, 1], got {row[column]!r}")
        numbers.append(number)
    return numbers


def table(models: Sequence[str], standings: Standings, rows: int = 12) -> str:
    """The first models by rating, as text."""
    order = np.argsort(-standings.points, kind="stable")[:rows]
    width = max(len(models[item]) for item in order)
    lines = [f"{'model':<{width}}   points  interval       ranks   Schulze   Nash   lottery"]
    for item in order:
        row = standings.row(models, int(item))
        ranks = f"{row['best_rank']}-{row['worst_rank']}"
        lines.append(
            f"{row['model']:<{width}}  {row['points']:7.1f}  {row['low']:6.0f}–{row['high']:<6.0f} {ranks:>6}"
            f"  {row['schulze_rank']:>8}  {row['nash']:5.3f}  {row['maximal_lottery']:8.3f}"
        )
    return "\n".join(lines)


def draw_standings(path: Path, models: Sequence[str], standings: Standings, rows: int = 30) -> None:
    """Ratings with intervals, Schulze ranks, and the two policies, over the same models."""
    order = np.argsort(-standings.points, kind="stable")[:rows]
    place = np.arange(len(order))
    size = (13, 2 + 0.24 * len(order))
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=size, sharey=True, layout="constrained")
    points, low, high = (column[order] for column in (standings.points, standings.low, standings.high))
    left.errorbar(points, place, xerr=[points - low, high - points], fmt="o", color=BLUE, capsize=2)
    left.set(title="Bradley-Terry", xlabel="points (400: odds of ten to one)", yticks=place)
    left.set_yticklabels([models[item] for item in order])
    left.invert_yaxis()
    middle.plot(place + 1, place, color=GRAY, linewidth=1, label="order of the ratings")
    middle.plot(standings.schulze[order], place, "s", color=ORANGE, label="Schulze")
    middle.set(title="Schulze rank", xlabel="rank")
    right.barh(place - 0.2, standings.nash[order], height=0.4, color=BLUE, label="Nash policy with a pull")
    right.barh(place + 0.2, standings.lottery[order], height=0.4, color=ORANGE, label="maximal lottery")
    right.set(title="Equilibria", xlabel="probability")
    middle.legend(loc="upper right")
    right.legend(loc="lower right")
    figure.savefig(path, dpi=150)
    plt.close(figure)

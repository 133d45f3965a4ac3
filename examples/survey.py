"""Reads a survey in long form, and draws effects and policies level by level."""

import csv
import gzip
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")  # before pyplot: no display is needed
from matplotlib import pyplot as plt

from rated import InputError

if TYPE_CHECKING:
    from prefcore.conjoint import Design, EffectTable

COLORS = ("#0072B2", "#D55E00")  # Okabe and Ito: told apart with any color vision
GRAY = "#7F7F7F"


def read_columns(
    path: Path, columns: Sequence[str], *, numbers: Sequence[str], may_be_empty: Sequence[str]
) -> dict[str, list[Any]]:
    """Return some columns of a CSV file; a field of `may_be_empty` that is empty becomes None."""
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if missing := [name for name in columns if name not in header]:
        raise InputError(f"{path} must have the column {missing[0]!r}, got {', '.join(header)}")
    if not rows:
        raise InputError(f"{path} has no row below its header")
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}, line {line}: expected {len(header)} fields, got {len(row)}")
    frame: dict[str, list[Any]] = {}
    for name in columns:
        place = header.index(name)
        fields = [(line, row[place]) for line, row in rows]
        if name in numbers:
            frame[name] = [_number(path, line, name, text) for line, text in fields]
        else:
            frame[name] = [text or (None if name in may_be_empty else text) for _, text in fields]
    return frame


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}, line {line}, {name}: expected a number, got {text!r}") from None


def sorted_levels(names: Iterable[str]) -> list[str]:
    """Names by the numbers in them ("5%" before "15%"), then by their letters."""
    return sorted(set(names), key=lambda name: ([int(digits) for digits in re.findall(r"\d+", name)], name))


def draw_effects(path: Path, design: "Design", effects: "EffectTable", confidence: float) -> None:
    """AMCE of each level with its interval; reference levels stand at 0."""
    low, high = effects.interval(confidence_level=confidence)
    found = {
        (factor, level): (estimate, lower, upper)
        for factor, level, estimate, lower, upper in zip(
            effects.factor, effects.level, effects.estimate, low, high, strict=True
        )
    }
    axes, rows = _canvas(design, "change of the chance of being chosen (reference: 0)")
    for place, factor, level in rows:
        estimate, lower, upper = found.get((factor, level), (0.0, 0.0, 0.0))
        axes.plot([lower, upper], [place, place], color=COLORS[0], linewidth=1.5)
        axes.plot(estimate, place, "o", color=COLORS[0] if (factor, level) in found else GRAY, markersize=4)
    axes.axvline(0.0, color=GRAY, linewidth=0.8)
    axes.set_title(f"Average marginal component effects, {confidence:.0%} intervals by respondent")
    _save(path, axes)


def draw_policies(
    path: Path,
    design: "Design",
    policies: Sequence[tuple[str, Sequence[np.ndarray], Sequence[np.ndarray] | None]],
    references: Sequence[tuple[str, Sequence[np.ndarray]]],
    confidence: float,
) -> None:
    """Probability of each level under one or two policies, and under what they are pulled to (hollow)."""
    reach = NormalDist().inv_cdf((1 + confidence) / 2)
    axes, rows = _canvas(design, "probability of the level")
    places = np.array([place for place, _, _ in rows], dtype=np.float64)
    shifts = [-0.15, 0.15] if len(policies) == 2 else [0.0]
    for (name, policy, errors), shift, color in zip(policies, shifts, COLORS, strict=False):
        chance = np.concatenate(list(policy))
        error = None if errors is None else reach * np.concatenate(list(errors))
        axes.errorbar(chance, places + shift, xerr=error, fmt="o", color=color, markersize=4, label=name, linewidth=1.2)
    colors = COLORS if len(references) == 2 else (GRAY,)
    for (name, policy), shift, color in zip(references, shifts, colors, strict=False):
        axes.plot(np.concatenate(list(policy)), places + shift, "o", color=color, fillstyle="none", label=name)
    axes.set_xlim(-0.02, 1.02)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.05), ncol=2, fontsize=8)
    title = "Offers in equilibrium" if len(policies) == 2 else "Policy that wins most"
    axes.set_title(title)
    _save(path, axes)


def _canvas(design: "Design", label: str) -> tuple[Any, list[tuple[float, str, str]]]:
    """Axes with a line for each level, and a gap and a name before each factor."""
    rows: list[tuple[float, str, str]] = []
    place, ticks = 0.0, []
    for factor, names in zip(design.factors, design.levels, strict=True):
        ticks.append((place, factor, "bold"))
        for level in names:
            place += 1.0
            rows.append((place, factor, level))
            ticks.append((place, level or "(empty)", "normal"))
        place += 1.5
    _, axes = plt.subplots(figsize=(8.0, 1.0 + 0.19 * place), layout="constrained")
    axes.set_yticks([tick for tick, _, _ in ticks], [name for _, name, _ in ticks], fontsize=8)
    for text, (_, _, weight) in zip(axes.get_yticklabels(), ticks, strict=True):
        text.set_fontweight(weight)
    axes.set_ylim(place - 0.5, -1.0)
    axes.set_xlabel(label)
    axes.grid(axis="x", linewidth=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return axes, rows


def _save(path: Path, axes: Any) -> None:
    axes.figure.savefig(path, dpi=150)
    plt.close(axes.figure)

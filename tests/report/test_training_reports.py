"""A report of a run loses no number of its log."""

from pathlib import Path

import numpy as np
import pytest

from prefcore import report
from report_pages import Page


def test_training_takes_numbers_of_every_kind(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    log = [
        {"step": torch.tensor(1), "loss": torch.tensor(0.5), 3: 4.0},
        {"step": np.int64(2), "loss": np.array(0.25), "3": np.float32(5.0), "huge": 10**400},
    ]
    page = Page(report.training(log, tmp_path / "t.html"))
    assert page.tables[0][1:] == [["1", "0.5000", "4", "–"], ["2", "0.2500", "5", "inf"]]
    assert page.titles(0) == ["step 1: 0.5", "step 2: 0.25"]
    assert page.titles(1) == ["step 1: 4", "step 2: 5"]
    assert page.facts["entries left out"] == "1"


def test_a_spike_leaves_the_others_their_decimals(tmp_path: Path) -> None:
    losses = [0.6931, 0.6512, 12345.67, 0.6004]
    log = [{"step": step, "loss": loss} for step, loss in enumerate(losses)]
    page = Page(report.training(log, tmp_path / "t.html"))
    assert [row[1] for row in page.tables[0][1:]] == ["0.6931", "0.6512", "12345.6700", "0.6004"]


def test_log_probs_of_one_side_are_counted_or_drawn_alone(tmp_path: Path) -> None:
    chosen, rejected = "logps/chosen", "logps/rejected"
    log = [{"step": 1, chosen: -1.0, rejected: -2.0}, {"step": 2, chosen: -3.0}, {"step": 3, rejected: -4.0}]
    page = Page(report.training(log, tmp_path / "t.html"))
    assert page.titles(0) == ["step 1: -1", "step 1: -2"]
    assert page.facts["entries left out"] == "2"
    apart = Page(report.training(log[1:], tmp_path / "t.html"))
    assert [apart.titles(k) for k in (0, 1)] == [["step 2: -3"], ["step 3: -4"]]
    assert apart.facts["entries left out"] == "0"

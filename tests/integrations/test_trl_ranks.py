"""Two processes under DDP: the same bits on both, and the gradient of one process that sees all data."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import torch

from integrations import tiny_trl as tiny
from integrations import trl_ranks as ranks

tiny.import_trl()
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed"),
]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each rank found, in all ways of training."""
    folder = tmp_path_factory.mktemp("ranks")
    multiprocessing.get_context("forkserver").set_forkserver_preload(["integrations.trl_ranks"])
    torch.multiprocessing.start_processes(ranks.run, (2, str(folder)), nprocs=2, start_method="forkserver")
    return [json.loads(Path(folder, f"{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def alone() -> list[float]:
    """Norms of the gradients of TRL in one process, with batches of both ranks' size."""
    return [step["grad_norm"] for step in tiny.run("dpo", ranks.STEPS)]


@pytest.mark.parametrize("way", ["trl", "kernel", "own loss"])
def test_replicas_are_equal_and_trained_on_all_data(way: str, reports: list[Any], alone: list[float]) -> None:
    first, second = (report[way] for report in reports)
    assert first["weights"] == second["weights"]
    assert first["grad_norm"] == pytest.approx(alone, rel=1e-5)


def test_a_trainer_that_reaches_under_the_wrapper_is_found_out(reports: list[Any], alone: list[float]) -> None:
    """It is right in one process; the test above would fail with it."""
    assert ranks.train("unwrapped head", 4)["grad_norm"] == pytest.approx(alone, rel=1e-5)
    first, second = (report["unwrapped head"] for report in reports)
    assert first["weights"] != second["weights"]
    assert first["grad_norm"][0] != pytest.approx(alone[0], rel=0.1)

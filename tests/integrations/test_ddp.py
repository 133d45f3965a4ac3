"""Two processes over gloo: gradients are reduced, replicas stay equal, and one process gives the same numbers."""

import json
import socket
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    for host in ("transformers", "datasets", "accelerate"):
        pytest.importorskip(host, reason=f"{host} is not installed")

from integrations import ranks

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed"),
    pytest.mark.filterwarnings("ignore"),
]


@cache  # starting processes takes longer than all of their work
def trained(folder: Path, kind: str) -> list[dict[str, Any]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        (folder / "port").write_text(str(free.getsockname()[1]))
    torch.multiprocessing.start_processes(ranks.run, (2, str(folder), kind), nprocs=2, start_method="spawn")
    return [json.loads((folder / f"{kind}.{rank}").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranks")


def test_replicas_are_bit_equal(folder: Path) -> None:
    first, second = trained(folder, "preference")
    assert first["hash"] == second["hash"]


def test_adapters_with_their_own_reference(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="peft is not installed")
    first, second = trained(folder, "adapters")
    assert first["hash"] == second["hash"]
    whole = ranks.train(tmp_path, "adapters", batch=8)
    assert first["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-5)
    assert first["loss"][0] == pytest.approx(0.693147, abs=1e-6)


def test_two_ranks_of_four_are_one_process_of_eight(folder: Path, tmp_path: Path) -> None:
    """huggingface/trl#7245: with the head's gradient not reduced, the norm of the first step is another."""
    whole = ranks.train(tmp_path, "preference", batch=8)
    for report in trained(folder, "preference"):
        assert report["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-5)
    loss = trained(folder, "preference")[0]["loss"]
    assert loss == pytest.approx(whole["loss"], rel=1e-5)


def test_figures_count_the_pairs_of_all_ranks(folder: Path, tmp_path: Path) -> None:
    """16 pairs fill the batches of two ranks; of fewer, accelerate would repeat some."""
    whole = ranks.train(tmp_path, "preference", batch=8)
    assert whole["eval"]["accuracy"] in [right / 16 for right in range(17)]
    for report in trained(folder, "preference"):
        assert report["accuracy"] == whole["accuracy"]
        assert report["eval"]["accuracy"] == whole["eval"]["accuracy"]
        assert report["eval"]["margin"] == pytest.approx(whole["eval"]["margin"], rel=1e-4)


def test_a_trainer_that_unwraps_the_model_is_found_out(folder: Path) -> None:
    first, second = trained(folder, "unwrapping")
    assert first["hash"] != second["hash"]

"""Several processes over gloo on the loopback interface: shards of the vocabulary, FSDP2, DDP, shared state."""

import multiprocessing
from functools import cache
from pathlib import Path

import pytest
import torch

from distributed import workers

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed")

SHARDS = ["vocabulary_in_rank_order", "vocabulary_at_named_places", "vocabulary_with_stash", "vocabulary_frozen"]
MOMENTS = ["running_moments", "running_moments_refuse_on_every_rank"]
STEPS = ["temporary_step_under_ddp", "temporary_step_under_fsdp"]
FEW = [*SHARDS, "head_as_dtensor", "bad_shards", "fsdp_equality", "ddp_replicas", *MOMENTS, *STEPS]
SCENARIOS = {2: [*FEW, "vocabulary_compiled", "fsdp_on_the_head_inside"], 4: FEW}


@cache  # starting processes takes longer than all of their work
def reports(world: int, folder: Path) -> Path:
    """Run all scenarios; each process leaves a file per scenario, empty or with what went wrong."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["distributed.workers", "torch.distributed.tensor", "torch.distributed.fsdp"]  # imported once for all processes
    )
    run = (world, str(folder), SCENARIOS[world])
    torch.multiprocessing.start_processes(workers.run, run, nprocs=world, start_method="forkserver")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    return {world: tmp_path_factory.mktemp("ranks") for world in SCENARIOS}


@pytest.mark.parametrize(("world", "name"), [(world, name) for world, names in SCENARIOS.items() for name in names])
def test_on_every_rank(folders: dict[int, Path], world: int, name: str) -> None:
    folder = reports(world, folders[world])
    wrong = [f"rank {rank}: {text}" for rank in range(world) if (text := (folder / f"{name}.{rank}").read_text())]
    assert not wrong, "\n".join(wrong)

"""Machine code of the kernels of preference games."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget

from kernels.compiling import AMD, NVIDIA, SHARED, cells, compile_launched, count, on_paper, opcodes
from prefcore.triton_kernels import kl_best_response, kl_nash


@dataclass(frozen=True)
class Variant:
    """A kernel, and arguments of a launch that change its machine code."""

    kernel: str
    n: int
    dtype: torch.dtype = torch.float32
    games: int = 10_000

    def launch(self) -> Callable[[], Any]:
        preferences, logps = on_paper(self.dtype, self.games, self.n, self.n), on_paper(self.dtype, self.games, self.n)
        if self.kernel == "kl_nash":
            return lambda: kl_nash.forward(preferences, logps, 0.1, 1.0, 100)
        return lambda: kl_best_response.forward(preferences, logps, logps, 0.1)


VARIANTS = {
    f"{kernel}_{n}_{str(dtype)[-2:]}": Variant(kernel, n, dtype)
    for kernel in ("kl_nash", "kl_best_response")
    for n in (64, 100, 128)  # a power of two, one whose rows are not aligned, the largest
    for dtype in (torch.float32, torch.float64)
} | {"kl_nash_8_32": Variant("kl_nash", 8), "kl_nash_33_64": Variant("kl_nash", 33, torch.float64)}
EVERYWHERE = ("kl_nash_64_32", "kl_best_response_64_32")


def compiled(target: GPUTarget, variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Any:
    return compile_launched(target, monkeypatch, variant.launch())[f"{variant.kernel}_forward"]


@pytest.mark.parametrize(("arch", "name"), cells(NVIDIA, VARIANTS, EVERYWHERE))
def test_nvidia(arch: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lives in local memory, nothing is atomic, and places of games are int64: products of sizes."""
    kernel = compiled(NVIDIA[arch], VARIANTS[name], monkeypatch)
    found = opcodes(kernel, tmp_path)
    assert found["EXIT"], "no SASS was read"
    assert count(found, "LDL", "STL", "ATOM", "RED.") == 0
    assert count(found, "DFMA") if VARIANTS[name].dtype == torch.float64 else count(found, "FFMA")
    assert kernel.metadata.shared <= SHARED[arch]
    assert set(re.findall(r"tt\.addptr .*: !tt\.ptr<\w+>, (i\d+)", kernel.asm["ttir"])) == {"i64"}


@pytest.mark.parametrize(("arch", "name"), cells(AMD, VARIANTS, EVERYWHERE))
def test_amd(arch: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spilled register, no scratch memory."""
    kernel = compiled(AMD[arch], VARIANTS[name], monkeypatch)
    resources = dict(re.findall(r"\.(\w+):\s+(\d+)", kernel.asm["amdgcn"]))
    assert int(resources["vgpr_count"]) > 0, "no resources were read"
    assert resources["vgpr_spill_count"] == resources["private_segment_fixed_size"] == "0"
    assert kernel.metadata.shared <= SHARED[arch]

"""Machine code of the linear_token_stats kernels."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget

from kernels.compiling import AMD, NVIDIA, SHARED, cells, compile_launched, count, on_paper, opcodes
from prefcore.triton_kernels import linear_token_stats as kernels

#: name -> (dtype of the logits, dtype of the next product, row temperatures, softcap and every statistic)
VARIANTS = {
    "bf16": (torch.float32, torch.bfloat16, False),
    "bf16_everything": (torch.float32, torch.bfloat16, True),
    "f32": (torch.float32, torch.float32, False),
    "f64_everything": (torch.float64, torch.float64, True),
}
EVERYWHERE = ("bf16_everything",)
ROWS, STRIP, VOCABULARY = 8192, 4096, 128_256


def compile_both(target: GPUTarget, name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Compile both kernels for a strip whose exponentials go into a stash of the whole vocabulary."""
    dtype, factors, full = VARIANTS[name]
    x, place, row = on_paper(dtype, ROWS, STRIP), on_paper(torch.int64, ROWS), on_paper(dtype, ROWS)
    double = on_paper(torch.float64, ROWS)
    row_outer = double if full else None
    sums = row, row, place, row, double, double, double, double
    stash = on_paper(factors, ROWS, VOCABULARY)[:, STRIP : 2 * STRIP]
    flags = dict.fromkeys(("entropy", "squares", "top1", "mean"), full)
    both = (row, row) if full else None

    def launch() -> None:
        kernels.forward(x, place, row_outer, 1.0, 1.0, full, sums, 30.0, stash, first=STRIP, shard_start=0, **flags)
        kernels.backward(x, place, row_outer, 1.0, 1.0, full, row, row, row, row, both, both, first=STRIP, out=stash)

    return compile_launched(target, monkeypatch, launch)


@pytest.mark.parametrize(("arch", "name"), cells(NVIDIA, VARIANTS, EVERYWHERE))
def test_nvidia(arch: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lives in local memory; the tile moves in units of 16 bytes."""
    for kernel, compiled in compile_both(NVIDIA[arch], name, monkeypatch).items():
        found = opcodes(compiled, tmp_path)
        assert found["EXIT"], "no SASS was read"
        assert count(found, "LDL", "STL") == 0, kernel
        assert compiled.metadata.shared <= SHARED[arch], kernel
        assert compiled.src.signature["inner"] == compiled.src.signature["outer"] == "fp64", kernel
        assert found["LDG.E.128"] >= 1, f"{kernel}: {found}"
        assert count(found, "STG.E.128", "STG.E.64") >= 1, f"{kernel}: {found}"


@pytest.mark.parametrize(("arch", "name"), cells(AMD, VARIANTS, EVERYWHERE))
def test_amd(arch: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spilled register, no scratch memory."""
    for kernel, compiled in compile_both(AMD[arch], name, monkeypatch).items():
        code = compiled.asm["amdgcn"]
        resources = dict(re.findall(r"\.(\w+):\s+(\d+)", code))
        assert int(resources["vgpr_count"]) > 0, "no resources were read"
        assert resources["vgpr_spill_count"] == resources["private_segment_fixed_size"] == "0", kernel
        assert compiled.metadata.shared <= SHARED[arch], kernel
        assert re.search(r"(global|buffer)_load_dwordx4", code), kernel

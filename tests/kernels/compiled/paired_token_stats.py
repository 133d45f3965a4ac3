"""Machine code of the paired_token_stats kernels."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget

from kernels.compiled.token_stats import ALIGNED, Variant
from kernels.compiled.token_stats import VARIANTS as LOGITS
from kernels.compiling import AMD, NVIDIA, SHARED, cells, compile_launched, count, on_paper, opcodes
from prefcore.triton_kernels import paired_token_stats
from prefcore.triton_kernels._common import TILES

VARIANTS = {name: variant for name, variant in LOGITS.items() if not variant.extras}
EVERYWHERE = ("bf16", "bf16_everything")


def compile_both(target: GPUTarget, variant: Variant, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Compile forward and backward; return kernels by their name in TILES."""
    shape, full = variant.rows, variant.everything
    # One position more than is scored, as in `logits[:, :-1]`.
    wide = (*shape[:-1], shape[-1] + 1, variant.vocabulary)
    logits, ref_logits = (on_paper(variant.dtype, *wide)[..., :-1, :] for _ in range(2))
    targets, mask = on_paper(torch.int64, *shape), on_paper(torch.bool, *shape) if full else None
    row = on_paper(torch.float64 if variant.dtype == torch.float64 else torch.float32, *shape)
    temperature = on_paper(torch.float64, *shape) if full else None
    rest = (mask, temperature, 1.0, 30.0 if full else None, 1.0)

    def launch() -> None:
        paired_token_stats.forward(logits, ref_logits, targets, *rest)
        paired_token_stats.backward(*[row] * 5, logits, ref_logits, targets, *[row] * 7, *rest)

    compiled = compile_launched(target, monkeypatch, launch)
    forward = "paired_token_stats_forward_softcap" if full else "paired_token_stats_forward"
    return {
        forward: compiled["paired_token_stats_forward"],
        "paired_token_stats_backward": compiled["paired_token_stats_backward"],
    }


@pytest.mark.parametrize(("arch", "name"), cells(NVIDIA, VARIANTS, EVERYWHERE))
def test_nvidia(arch: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lives in local memory; where rows are aligned, logits move in units of 16 bytes and in no other way."""
    for kernel, compiled in compile_both(NVIDIA[arch], VARIANTS[name], monkeypatch).items():
        found = opcodes(compiled, tmp_path)
        assert found["EXIT"], "no SASS was read"
        assert count(found, "LDL", "STL") == 0, kernel
        assert compiled.metadata.shared <= SHARED[arch], kernel
        assert compiled.src.signature["inner"] == compiled.src.signature["outer"] == "fp64", kernel
        if name in ALIGNED:
            assert found["LDG.E.128"] == 2 * TILES[kernel].loads, kernel
            assert count(found, "LDG") - found["LDG.E.128"] <= 17, f"{kernel}: more loads than one for each row tensor"
            if kernel == "paired_token_stats_backward":
                assert count(found, "STG") == found["STG.E.128"] == TILES[kernel].loads


@pytest.mark.parametrize(("arch", "name"), cells(AMD, VARIANTS, EVERYWHERE))
def test_amd(arch: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spilled register, no scratch memory; loads of at least 8 bytes where rows are aligned.

    Warps of AMD have 64 threads, so four of them share the one 16-byte load of 128 threads.
    """
    for kernel, compiled in compile_both(AMD[arch], VARIANTS[name], monkeypatch).items():
        code = compiled.asm["amdgcn"]
        resources = dict(re.findall(r"\.(\w+):\s+(\d+)", code))
        assert int(resources["vgpr_count"]) > 0, "no resources were read"
        assert resources["vgpr_spill_count"] == resources["private_segment_fixed_size"] == "0", kernel
        assert compiled.metadata.shared <= SHARED[arch], kernel
        if name in ALIGNED:
            assert re.search(r"(global|buffer)_load_dwordx[24]", code), kernel

"""Machine code of the token_stats kernels."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget

from kernels.compiling import AMD, NVIDIA, SHARED, cells, compile_launched, count, on_paper, opcodes
from prefcore.triton_kernels import token_stats
from prefcore.triton_kernels._common import OPTIONS, TILES


@dataclass(frozen=True)
class Variant:
    """Arguments of a launch that change its machine code."""

    dtype: torch.dtype
    vocabulary: int = 128_256
    rows: tuple[int, ...] = (8192,)
    #: mask, temperature of each row and softcap, or none of the three
    everything: bool = False
    #: statistics beyond logps and lse, and their gradients
    extras: int = 0
    #: the gradient over the logits
    inplace: bool = False


VARIANTS = {
    "bf16": Variant(torch.bfloat16),
    "bf16_everything": Variant(torch.bfloat16, everything=True),
    "bf16_entropy": Variant(torch.bfloat16, extras=1),
    "bf16_extras": Variant(torch.bfloat16, extras=15, inplace=True),
    "bf16_extras_everything": Variant(torch.bfloat16, extras=15, everything=True),
    "f32": Variant(torch.float32),
    "f32_everything": Variant(torch.float32, everything=True),
    "f32_extras": Variant(torch.float32, extras=15),
    "f32_extras_everything": Variant(torch.float32, extras=15, everything=True),
    "f64": Variant(torch.float64),
    "bf16_odd_vocabulary": Variant(torch.bfloat16, vocabulary=50_257, everything=True),
    "bf16_strides_above_int32": Variant(torch.bfloat16, rows=(2, 70_000)),
}
EVERYWHERE = ("bf16", "bf16_extras_everything")
ALIGNED = [name for name in VARIANTS if name != "bf16_odd_vocabulary"]


def compile_both(target: GPUTarget, variant: Variant, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Compile forward and backward of token_stats; return kernels by their name in TILES."""
    shape, full = variant.rows, variant.everything
    # One position more than is scored, as in `logits[:, :-1]`.
    logits = on_paper(variant.dtype, *shape[:-1], shape[-1] + 1, variant.vocabulary)[..., :-1, :]
    targets, mask = on_paper(torch.int64, *shape), on_paper(torch.bool, *shape) if full else None
    row = on_paper(torch.float64 if variant.dtype == torch.float64 else torch.float32, *shape)
    temperature = on_paper(torch.float64, *shape) if full else None
    rest = (mask, temperature, 1.0, 30.0 if full else None, 1.0)

    upstream = row, row, *(row if variant.extras & bit else None for bit in (1, 2))

    def launch() -> None:
        token_stats.forward(logits, targets, *rest, variant.extras)
        out = logits if variant.inplace else on_paper(variant.dtype, *shape, variant.vocabulary)
        token_stats.backward(*upstream, logits, targets, row, row, row, row, *rest, out=out)

    compiled = compile_launched(target, monkeypatch, launch)
    forward = f"token_stats_forward{'_moments' if variant.extras else ''}{'_softcap' if full else ''}"
    return {forward: compiled["token_stats_forward"], "token_stats_backward": compiled["token_stats_backward"]}


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
            assert found["LDG.E.128"] == TILES[kernel].loads, kernel
            assert count(found, "LDG") - found["LDG.E.128"] <= 12, f"{kernel}: more loads than one for each row tensor"
            if kernel == "token_stats_backward":
                assert count(found, "STG") == found["STG.E.128"] == TILES[kernel].loads


@pytest.mark.parametrize(("arch", "name"), cells(AMD, VARIANTS, EVERYWHERE))
def test_amd(arch: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spilled register, no scratch memory; loads of 16 bytes where rows are aligned."""
    for kernel, compiled in compile_both(AMD[arch], VARIANTS[name], monkeypatch).items():
        code = compiled.asm["amdgcn"]
        resources = dict(re.findall(r"\.(\w+):\s+(\d+)", code))
        assert int(resources["vgpr_count"]) > 0, "no resources were read"
        assert resources["vgpr_spill_count"] == resources["private_segment_fixed_size"] == "0", kernel
        assert compiled.metadata.shared <= SHARED[arch], kernel
        if name in ALIGNED:
            assert re.search(r"(global|buffer)_load_dwordx4", code), kernel


def test_a_spill_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """32 registers a thread cannot hold 32 logits, their maxima and their sums."""
    monkeypatch.setitem(OPTIONS, "maxnreg", 32)
    compiled = compile_both(NVIDIA["sm_90"], VARIANTS["bf16"], monkeypatch)
    assert count(opcodes(compiled["token_stats_forward"], tmp_path), "LDL", "STL") > 0

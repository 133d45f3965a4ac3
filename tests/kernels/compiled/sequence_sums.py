"""Machine code of the sequence_sums kernels."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget

from kernels.compiling import AMD, NVIDIA, SHARED, cells, compile_launched, count, on_paper, opcodes
from prefcore.triton_kernels import sequence_sums


@dataclass(frozen=True)
class Variant:
    """Arguments of a launch that change its machine code."""

    dtype: torch.dtype = torch.float32
    #: [B, T], or [N] with offsets
    shape: tuple[int, ...] = (8, 2048)
    mask: bool = True
    weights: bool = True


VARIANTS = {
    "padded": Variant(),
    "padded_plain": Variant(mask=False, weights=False),
    "packed": Variant(shape=(16_384,)),
    "packed_odd_without_mask": Variant(shape=(16_383,), mask=False),
    "packed_above_int32": Variant(shape=(2_800_000_000,)),
    "f64": Variant(torch.float64),
}
EVERYWHERE = ("padded",)


def compile_both(target: GPUTarget, variant: Variant, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Compile forward and backward; return kernels by their name in TILES."""
    values, sums = on_paper(variant.dtype, *variant.shape), on_paper(variant.dtype, 8)
    mask = on_paper(torch.bool, *variant.shape) if variant.mask else None
    offsets = on_paper(torch.int64, 9) if len(variant.shape) == 1 else None
    weights = values if variant.weights else None

    def launch() -> None:
        sequence_sums.forward(values, mask, offsets, weights)
        sequence_sums.backward(sums, values, mask, offsets, weights)

    return compile_launched(target, monkeypatch, launch)


@pytest.mark.parametrize(("arch", "name"), cells(NVIDIA, VARIANTS, EVERYWHERE))
def test_nvidia(arch: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lives in local memory, and nothing is added to memory by an atomic instruction."""
    for kernel, compiled in compile_both(NVIDIA[arch], VARIANTS[name], monkeypatch).items():
        found = opcodes(compiled, tmp_path)
        assert found["EXIT"], "no SASS was read"
        assert count(found, "LDL", "STL", "ATOM", "RED.") == 0, kernel
        assert compiled.metadata.shared <= SHARED[arch], kernel
        if kernel == "sequence_sums_forward":
            assert count(found, "DADD"), "the sums are not fp64"


@pytest.mark.parametrize(("arch", "name"), cells(AMD, VARIANTS, EVERYWHERE))
def test_amd(arch: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spilled register, no scratch memory."""
    for kernel, compiled in compile_both(AMD[arch], VARIANTS[name], monkeypatch).items():
        resources = dict(re.findall(r"\.(\w+):\s+(\d+)", compiled.asm["amdgcn"]))
        assert int(resources["vgpr_count"]) > 0, "no resources were read"
        assert resources["vgpr_spill_count"] == resources["private_segment_fixed_size"] == "0", kernel
        assert compiled.metadata.shared <= SHARED[arch], kernel


@pytest.mark.parametrize("name", VARIANTS)
def test_places_of_tokens_are_int64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where every size fits an int32: the product of two of them need not."""
    for kernel, compiled in compile_both(NVIDIA["sm_90"], VARIANTS[name], monkeypatch).items():
        places = re.findall(r"tt\.addptr .*, tensor<\d+x(i\d+)>", compiled.asm["ttir"])
        assert set(places) == {"i64"}, kernel

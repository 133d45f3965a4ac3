"""Machine code of the gae kernel."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget

from kernels.compiling import AMD, NVIDIA, SHARED, cells, compile_launched, count, on_paper, opcodes
from prefcore.triton_kernels import gae


@dataclass(frozen=True)
class Variant:
    """Arguments of a launch that change its machine code."""

    dtype: torch.dtype = torch.float32
    shape: tuple[int, int] = (256, 2048)


VARIANTS = {
    "f32": Variant(),
    "f32_odd_width": Variant(shape=(256, 2047)),
    "f32_size_above_int32": Variant(shape=(70_000, 40_000)),
    "f64": Variant(torch.float64),
}
EVERYWHERE = ("f32",)


def compiled(target: GPUTarget, variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Any:
    tokens, mask = on_paper(variant.dtype, *variant.shape), on_paper(torch.bool, *variant.shape)
    kernels = compile_launched(target, monkeypatch, lambda: gae.forward(tokens, tokens, mask, 0.99, 0.95))
    return kernels["gae_forward"]


@pytest.mark.parametrize(("arch", "name"), cells(NVIDIA, VARIANTS, EVERYWHERE))
def test_nvidia(arch: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lives in local memory, nothing is atomic, and the scan is fp64."""
    kernel = compiled(NVIDIA[arch], VARIANTS[name], monkeypatch)
    found = opcodes(kernel, tmp_path)
    assert found["EXIT"], "no SASS was read"
    assert count(found, "LDL", "STL", "ATOM", "RED.") == 0
    assert count(found, "DFMA")
    assert kernel.metadata.shared <= SHARED[arch]


@pytest.mark.parametrize(("arch", "name"), cells(AMD, VARIANTS, EVERYWHERE))
def test_amd(arch: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spilled register, no scratch memory."""
    kernel = compiled(AMD[arch], VARIANTS[name], monkeypatch)
    resources = dict(re.findall(r"\.(\w+):\s+(\d+)", kernel.asm["amdgcn"]))
    assert int(resources["vgpr_count"]) > 0, "no resources were read"
    assert resources["vgpr_spill_count"] == resources["private_segment_fixed_size"] == "0"
    assert kernel.metadata.shared <= SHARED[arch]


@pytest.mark.parametrize("name", VARIANTS)
def test_places_of_tokens_are_int64(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where every size fits an int32: the product of two of them need not."""
    kernel = compiled(NVIDIA["sm_90"], VARIANTS[name], monkeypatch)
    places = re.findall(r"tt\.addptr .*, tensor<\d+x(i\d+)>", kernel.asm["ttir"])
    scalars = re.findall(r"tt\.addptr .*: !tt\.ptr<\w+>, (i\d+)", kernel.asm["ttir"])
    assert {*places, *scalars} == {"i64"}

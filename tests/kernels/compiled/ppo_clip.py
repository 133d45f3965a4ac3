"""Machine code of the ppo_clip kernels."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from triton.backends.compiler import GPUTarget

from kernels.compiling import AMD, NVIDIA, cells, compile_launched, count, on_paper, opcodes
from prefcore.triton_kernels import ppo_clip


@dataclass(frozen=True)
class Variant:
    """Arguments of a launch that change its machine code."""

    dtype: torch.dtype
    shape: tuple[int, int] = (32, 2048)
    #: mask, weights, reference and an advantage for each sequence, or none of the four
    everything: bool = True


VARIANTS = {
    "f32": Variant(torch.float32),
    "f32_plain": Variant(torch.float32, everything=False),
    "f32_odd_size": Variant(torch.float32, shape=(31, 2047)),
    "f32_size_above_int32": Variant(torch.float32, shape=(70_000, 40_000)),
    "f64": Variant(torch.float64),
}
EVERYWHERE = ("f32",)


def compile_both(target: GPUTarget, variant: Variant, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Compile forward and backward; return kernels by their name in TILES."""
    tokens = on_paper(variant.dtype, *variant.shape)
    optional = (on_paper(torch.bool, *variant.shape), tokens, tokens) if variant.everything else (None, None, None)
    advantages = on_paper(variant.dtype, variant.shape[0]) if variant.everything else tokens

    def launch() -> None:
        ppo_clip.forward(tokens, tokens, advantages, *optional, 0.1, 0.2, 0.2, None)
        ppo_clip.backward(tokens, tokens)

    return compile_launched(target, monkeypatch, launch)


@pytest.mark.parametrize(("arch", "name"), cells(NVIDIA, VARIANTS, EVERYWHERE))
def test_nvidia(arch: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lives in local or shared memory; tokens move in units of 16 bytes where their number is even enough."""
    variant = VARIANTS[name]
    for kernel, compiled in compile_both(NVIDIA[arch], variant, monkeypatch).items():
        found = opcodes(compiled, tmp_path)
        assert found["EXIT"], "no SASS was read"
        assert count(found, "LDL", "STL") == compiled.metadata.shared == 0, kernel
        if name == "f32_odd_size":
            continue
        assert count(found, "STG") == found["STG.E.128"] > 0, kernel
        # other loads than those of 16 bytes: the mask, and the advantages of the sequences of a thread's tokens
        others = 1 + 4 if kernel == "ppo_clip_forward" and variant.everything else 0
        assert count(found, "LDG") - found["LDG.E.128"] <= others, kernel


@pytest.mark.parametrize(("arch", "name"), cells(AMD, VARIANTS, EVERYWHERE))
def test_amd(arch: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spilled register, no scratch memory."""
    for kernel, compiled in compile_both(AMD[arch], VARIANTS[name], monkeypatch).items():
        resources = dict(re.findall(r"\.(\w+):\s+(\d+)", compiled.asm["amdgcn"]))
        assert int(resources["vgpr_count"]) > 0, "no resources were read"
        assert resources["vgpr_spill_count"] == resources["private_segment_fixed_size"] == "0", kernel


def test_the_first_token_of_a_program_is_an_int64(monkeypatch: pytest.MonkeyPatch) -> None:
    """2.8e9 tokens do not fit an int32, and neither does an offset that is the product of two."""
    variant = VARIANTS["f32_size_above_int32"]
    for kernel, compiled in compile_both(NVIDIA["sm_90"], variant, monkeypatch).items():
        offsets = re.findall(r"tt\.addptr .*: !tt\.ptr<\w+>, (i\d+)", compiled.asm["ttir"])
        assert set(offsets) == {"i64"}, kernel
        assert compiled.src.signature["size"] == "i64", kernel

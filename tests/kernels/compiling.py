"""Compile kernels ahead of time for GPUs that are not here, and read the machine code.

Each kernel is compiled through its own launcher, from tensors without storage at the size of a real model; only the
driver is a stand-in. So signature, alignment, tile and options are those of a launch.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver
from triton.runtime.jit import JITFunction

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
#: bytes of shared memory that a program may have
SHARED = {
    "sm_80": 163 << 10,
    "sm_89": 99 << 10,
    "sm_90": 227 << 10,
    "sm_100": 227 << 10,
    "sm_120": 99 << 10,
    "gfx90a": 64 << 10,
    "gfx942": 64 << 10,
    "gfx950": 160 << 10,
}
NVIDIA = {f"sm_{arch}": GPUTarget("cuda", arch, 32) for arch in (80, 89, 90, 100, 120)}
AMD = {arch: GPUTarget("hip", arch, 64) for arch in ("gfx90a", "gfx942", "gfx950")}

#: targets that every variant is compiled for; the others take the variants that a file names, to keep the tests short
MAIN = ("sm_80", "sm_90", "sm_100", "gfx942")


def cells(targets: Iterable[str], variants: Iterable[str], everywhere: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of target and variant to compile."""
    return [(arch, name) for arch in targets for name in variants if arch in MAIN or name in everywhere]


@dataclass(frozen=True)
class StandIn:
    """As much of a driver as compiling asks for."""

    target: GPUTarget

    def get_current_target(self) -> GPUTarget:
        return self.target

    def get_current_device(self) -> str:
        return str(self.target)  # the key of Triton's cache in memory

    def get_current_stream(self, _device: str) -> int:
        return 0


def on_paper(dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def compile_launched(target: GPUTarget, monkeypatch: pytest.MonkeyPatch, launch: Callable[[], Any]) -> dict[str, Any]:
    """Call launchers, compile what they launch, and launch nothing; return kernels by name, without `_kernel`."""
    compiled: dict[str, Any] = {}
    run = JITFunction.run

    def compile_only(self: Any, *args: Any, **keywords: Any) -> None:
        compiled[self.__name__.removesuffix("_kernel")] = run(self, *args, **{**keywords, "warmup": True})

    with monkeypatch.context() as patch:
        patch.setattr(driver, "_active", StandIn(target))
        patch.setattr(JITFunction, "run", compile_only)
        launch()
    return compiled


def opcodes(kernel: Any, folder: Path) -> Counter[str]:
    """Instructions of a cubin, such as LDG.E.128, without their predicates and operands."""
    cubin = folder / "kernel.cubin"
    cubin.write_bytes(kernel.asm["cubin"])
    sass = subprocess.run([CUOBJDUMP, "-sass", cubin], capture_output=True, text=True, check=True).stdout
    return Counter(re.findall(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", sass, re.MULTILINE))


def count(found: Counter[str], *beginnings: str) -> int:
    return sum(times for opcode, times in found.items() if opcode.startswith(beginnings))

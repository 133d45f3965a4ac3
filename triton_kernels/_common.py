"""What the kernels share: tile sizes, the layout of rows, device functions."""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# (the parameters of a kernel are pointers and scalars of Triton's language, not Python objects)

from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

LOG2_E: tl.constexpr = tl.constexpr(1.4426950408889634)
#: options of every launch; Triton's default for fusing a * b + c differs between versions, and with it the bits
OPTIONS = {"enable_fp_fusion": True}


class Tile(NamedTuple):
    """How much of a row one program holds at a time."""

    warps: int
    #: 16-byte loads that each thread has in flight
    loads: int

    def lanes(self, element_size: int) -> int:
        """Elements that the threads of a program cover with one 16-byte load each."""
        return self.warps * 32 * 16 // element_size


#: Chosen by counting, then by timing on an H100 (bf16 rows of 128,256; Triton 3.6): an SM reaches its share of the
#: bandwidth with some 20 kB in flight, has 65,536 registers, and those of a program are set by `loads`.
TILES = {
    # 0.70 ms for [8192, 128256], as long as to read them (0.69); with 4 loads 0.76.
    "token_stats_forward": Tile(warps=4, loads=8),
    # tanh makes this bound by arithmetic, and holds so many values that 4 loads take 127 registers; 2 take 56.
    "token_stats_forward_softcap": Tile(warps=4, loads=2),
    # Entropy or squares: 0.70 ms, all six statistics 1.52 (bound by arithmetic).
    "token_stats_forward_moments": Tile(warps=4, loads=4),
    "token_stats_forward_moments_softcap": Tile(warps=4, loads=2),
    # 38 registers: 13 programs of 4 kB. No loop, so a longer tile only wastes more of the last one of a row.
    "token_stats_backward": Tile(warps=4, loads=2),
    # Up to six loads a token are in flight at once: one unit of 16 bytes of each tensor is enough.
    "ppo_clip_forward": Tile(warps=4, loads=1),
    "ppo_clip_backward": Tile(warps=4, loads=2),
    # One program walks through a whole sequence: a thousand tokens a step keep the walk short, and a short sequence
    # costs one step. `loads` counts tokens of a thread here. The order of the sums hangs on the product: a constant.
    "sequence_sums_forward": Tile(warps=8, loads=4),
    "sequence_sums_backward": Tile(warps=8, loads=4),
    # One program walks through a sequence, as above, and two fp64 numbers a token go through the scan: 112 registers.
    # The order of the sums hangs on the product: a constant.
    "gae_forward": Tile(warps=4, loads=4),
    # Two rows, and two exps and 40 more operations for each pair: arithmetic keeps pace with memory at one load of each
    # row in flight. 72 registers: 7 programs of 4 kB in an SM.
    "paired_token_stats_forward": Tile(warps=4, loads=1),
    "paired_token_stats_forward_softcap": Tile(warps=4, loads=1),
    # 48 registers: 10 programs of 4 kB.
    "paired_token_stats_backward": Tile(warps=4, loads=1),
    # The tile is fp32. A block has two or three sums over its threads, so it is twice as long as elsewhere.
    "linear_token_stats_forward": Tile(warps=8, loads=2),
    "linear_token_stats_backward": Tile(warps=4, loads=2),
}


class Rows(NamedTuple):
    """A tensor [..., V] of up to three leading axes as rows: size of the axes 1 and 2, strides of the axes 0, 1, 2."""

    size_1: int
    size_2: int
    stride_0: int
    stride_1: int
    stride_2: int


def rows_of(logits: Tensor) -> Rows:
    """Describe the rows where they lie, so that a view such as `logits[:, :-1]` is not copied."""
    missing = 4 - logits.ndim
    sizes = (1,) * missing + logits.shape[:-1]
    strides = (0,) * missing + logits.stride()[:-1]
    return Rows(*sizes[1:], *strides)


#: Sizes and strides of `Rows`. Triton would compile other code, with another order of sums, where one of them is 1 or a
#: multiple of 16, so that the bits of a row would depend on the size of its batch.
NOT_SPECIALIZED = [f"{tensor}{name}" for tensor in ("", "ref_", "out_") for name in Rows._fields]


def aligned(*tensors: Tensor) -> bool:
    """Whether all rows begin at a multiple of 16 bytes and have a multiple of 16 entries."""
    return all(
        x.data_ptr() % 16 == 0
        and x.shape[-1] % 16 == 0
        and all(stride * x.element_size() % 16 == 0 for stride in x.stride()[:-1])
        for x in tensors
    )


@triton.jit
def row_start(tensor, row, size_1, size_2, stride_0, stride_1, stride_2, ALIGNED: tl.constexpr):
    """Where a row of a tensor described by `Rows` begins; int64, from an int32 row number, as it is divided here."""
    outer = row // size_2
    first, second, third = (outer // size_1).to(tl.int64), (outer % size_1).to(tl.int64), (row % size_2).to(tl.int64)
    offset = first * stride_0 + second * stride_1 + third * stride_2
    if ALIGNED:
        offset = tl.multiple_of(offset, 128 // tensor.dtype.element_ty.primitive_bitwidth)
    return tensor + offset


@triton.jit
def tanh(x):
    """Hyperbolic tangent with full relative accuracy.

    (1 - e) / (1 + e), e = exp(-2 |x|), cancels near 0, so |x| < 1/2 takes the sixth convergent of Lambert's continued
    fraction instead (error 2e-16); both share one division. Written out because the interpreter has no `libdevice`.
    """
    square = x * x
    above = x * (135135.0 + square * (17325.0 + square * (378.0 + square)))
    below = 135135.0 + square * (62370.0 + square * (3150.0 + square * 28.0))
    e = tl.exp2(tl.abs(x) * (-2.0 * LOG2_E))
    far = tl.abs(x) >= 0.5
    above = tl.where(far, tl.where(x < 0.0, e - 1.0, 1.0 - e), above)
    return above / tl.where(far, 1.0 + e, below)


@triton.jit
def expm1(x):
    """Return exp(x) - 1 with full relative accuracy, for x <= 0 (above 0 it loses accuracy with growing x)."""
    half = tanh(0.5 * x)
    return 2.0 * half / (1.0 - half)

"""The part of the vocabulary that this process holds, and sums over the parts of all processes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from prefcore.errors import DomainError


@dataclass(frozen=True)
class Shard:
    """Tokens `start` to `start + size` of `total`; without a group that is all of them, and reducing does nothing."""

    start: int
    size: int
    total: int
    group: str

    @classmethod
    def of(cls, group: str, start: int, size: int, targets: Tensor) -> "Shard":
        """Ask the group who holds what; a `start` below 0 stands for the order of the ranks."""
        if not group:
            return cls(0, size, size, group)
        from torch.distributed import get_rank
        from torch.distributed.distributed_c10d import GroupName, _resolve_process_group  # type: ignore[attr-defined]

        process_group = _resolve_process_group(GroupName(group))
        flat = targets.reshape(-1)
        # A sum in which every place counts differently: ranks with other rows would give numbers, not an error.
        rows = ((flat + 1) * torch.arange(1, len(flat) + 1, device=flat.device)).sum() + len(flat)
        mine = torch.cat([torch.tensor([start, size], device=flat.device), rows.unsqueeze(0)])
        every = torch.ops._c10d_functional.all_gather_into_tensor(mine, process_group.size(), group)
        every = torch.ops._c10d_functional.wait_tensor(every).view(-1, 3).tolist()
        if len({rows for *_, rows in every}) > 1:
            raise DomainError(
                "targets must be the same on all ranks that share a vocabulary, got different ones; a head that FSDP "
                "has sharded is to be used inside the forward of what FSDP wraps, through logps.FusedLMHead"
            )
        starts, total = _checked([shard[:2] for shard in every])
        return cls(starts[get_rank(process_group)], size, total, group)

    def sum(self, values: Tensor) -> Tensor:
        """Sum over the processes."""
        return self._reduce(values, "sum")

    def max(self, values: Tensor) -> Tensor:
        """Largest over the processes."""
        return self._reduce(values, "max")

    def min(self, values: Tensor) -> Tensor:
        """Smallest over the processes."""
        return self._reduce(values, "min")

    def _reduce(self, values: Tensor, how: str) -> Tensor:
        if not self.group or not values.numel():
            return values
        reduced = torch.ops._c10d_functional.all_reduce(values.contiguous(), how, self.group)
        return torch.ops._c10d_functional.wait_tensor(reduced)  # type: ignore[no-any-return]


def _checked(shards: list[list[int]]) -> tuple[list[int], int]:
    """Return where each rank starts and the size of the vocabulary; refuse shards that overlap or leave a gap."""
    if all(start < 0 for start, _ in shards):
        ends = torch.tensor([size for _, size in shards]).cumsum(0).tolist()
        return [end - size for end, (_, size) in zip(ends, shards, strict=True)], ends[-1]
    end, before = 0, "the beginning"
    for rank, (start, size) in sorted(enumerate(shards), key=lambda item: (item[1][0], item[1][1])):
        here = f"rank {rank} (tokens {start} to {start + size})"
        if start != end:
            what = "overlaps with" if 0 <= start < end else "leaves a gap after"
            raise DomainError(f"vocab_start: the shard of {here} {what} {before}, expected it to start at {end}")
        end, before = start + size, f"that of {here}"
    return [start for start, _ in shards], end

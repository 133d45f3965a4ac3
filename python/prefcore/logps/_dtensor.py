"""DTensors at the door: what lies on this rank, and the group that shares the rest."""

from typing import TYPE_CHECKING, cast

from torch import Tensor

from prefcore.errors import DomainError

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup
    from torch.distributed.tensor import DTensor


def local_head(
    head: Tensor, bias: Tensor | None, group: "ProcessGroup | None", vocab_start: int | None
) -> tuple[Tensor, Tensor | None, "ProcessGroup | None", int | None]:
    """Return the rows of the head and the bias on this rank, their group, and their first token."""
    if not is_dtensor(head):
        if group is None and vocab_start is not None:
            raise DomainError(f"vocab_start must be None without group, got {vocab_start}")
        return head, bias, group, vocab_start
    from torch.distributed.tensor import Replicate, Shard

    head = cast("DTensor", head)
    if group is not None or vocab_start is not None:
        raise DomainError("head is a DTensor, which brings its own group: leave out group and vocab_start")
    placed: set[object] = set(head.placements)
    if placed == {Replicate()}:
        return head.to_local(), _local(bias, placed), None, None
    if placed != {Shard(0)} or head.device_mesh.ndim != 1:
        raise TypeError(
            f"head must be placed Shard(0) on a mesh of one dimension or Replicate(), got {head.placements} on a mesh "
            f"of {head.device_mesh.ndim}; call head.redistribute(...)"
        )
    return head.to_local(), _local(bias, placed), head.device_mesh.get_group(), None


def local_rows(hidden: Tensor) -> Tensor:
    """Return replicated hidden states as the plain tensor that they are on every rank."""
    if not is_dtensor(hidden):
        return hidden
    from torch.distributed.tensor import Replicate

    return _local(hidden, {Replicate()})  # type: ignore[return-value]


def is_dtensor(tensor: object) -> bool:
    """Tell without importing what most processes never need."""
    return hasattr(tensor, "placements") and hasattr(tensor, "to_local")


def _local(tensor: Tensor | None, placed: set[object]) -> Tensor | None:
    if tensor is None or not is_dtensor(tensor):
        return tensor
    if set(tensor.placements) != placed:  # type: ignore[attr-defined]
        got = tensor.placements  # type: ignore[attr-defined]
        raise TypeError(f"expected a DTensor placed {tuple(placed)}, got {got}; call .redistribute(...)")
    return tensor.to_local()  # type: ignore[attr-defined, no-any-return]

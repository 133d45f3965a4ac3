"""What the ops of lists share: layout, registration, and the backward.

Lists are the rows of `[B, L]` tensors, or lie one after the other in `[N]` with `offsets`. An op returns
(losses [G], n_terms [G], slopes), slopes = the derivative of each list's own loss by its scores, which come at hardly
any cost while the terms are at hand; the backward is one product. The CPU kernels are those of `rust/ranking`, on
several threads. The bodies in plain torch serve all other devices; they pad ragged lists, and to know the longest one
costs a synchronization.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from prefcore.errors import ShapeError
from prefcore.ops.sequence_sums import check_offsets

ListLoss = tuple[Tensor, Tensor, Tensor]


class Layout:
    """Where the rows of lists stand in a `[G, L]` tensor with a list in each row."""

    def __init__(self, like: Tensor, offsets: Tensor | None) -> None:
        self.shape = like.shape
        if offsets is None:
            self.lengths = torch.full(like.shape[:1], like.shape[1], device=like.device)
            self.longest = like.shape[1]
        else:
            check_offsets(offsets, len(like))
            self.starts, self.lengths = offsets[:-1], offsets.diff()
            self.longest = int(self.lengths.max()) if len(self.lengths) else 0
        self.places = torch.arange(self.longest, device=like.device)
        #: [G, L], False behind the end of a list
        self.valid = self.places < self.lengths.unsqueeze(1)
        self.ragged = offsets is not None

    def pad(self, x: Tensor, fill: float) -> Tensor:
        """Return x as `[G, L]`, with `fill` behind the end of each list."""
        if not self.ragged:
            return x
        if len(x) == 0:
            return x.new_full(self.valid.shape, fill)
        rows = self.starts.unsqueeze(1) + self.places
        return x[rows.clamp(max=len(x) - 1)].where(self.valid, fill)

    def unpad(self, x: Tensor) -> Tensor:
        """Return what `pad` has been given."""
        if not self.ragged:
            return x
        (n,) = self.shape
        groups = torch.arange(len(self.lengths), device=x.device).repeat_interleave(self.lengths, output_size=n)
        return x[groups, torch.arange(n, device=x.device) - self.starts[groups]]

    def finish(self, losses: Tensor, n_terms: Tensor, slopes: Tensor, bad: Tensor) -> ListLoss:
        """Return the results, NaN for lists with a bad entry: to raise would cost a synchronization."""
        poison = torch.where((bad & self.valid).any(1), torch.nan, 0.0).to(losses.dtype)
        return losses + poison, n_terms, self.unpad(slopes + poison.unsqueeze(1)).contiguous()


def descending(keys: Tensor, valid: Tensor) -> Tensor:
    """Return the order of each row, highest first, equal ones as they come, the end of the list last."""
    return keys.where(valid, -torch.inf).argsort(dim=1, descending=True, stable=True)


def places_in(order: Tensor) -> Tensor:
    """Return the place of each entry in an order."""
    places = torch.arange(order.shape[1], device=order.device).expand(order.shape)
    return torch.empty_like(order).scatter_(1, order, places)


def list_by_list(
    definition: Callable[..., tuple[Tensor, Any]], scores: Tensor, labels: Tensor, offsets: Tensor | None, *args: Any
) -> tuple[Tensor, Tensor]:
    """Return (losses, n_terms) of a definition that knows one list."""
    bounds = (range(len(scores) + 1) if offsets is None else offsets).__iter__()
    start, results = int(next(bounds)), []
    for end in map(int, bounds):
        rows = slice(start, end) if offsets is not None else start
        results.append(definition(scores[rows], labels[rows], *args))
        start = end
    if not results:
        return scores.sum(tuple(range(scores.ndim))).expand(0), torch.zeros(0, dtype=torch.int64)
    losses, terms = zip(*results, strict=True)
    return torch.stack(losses).to(scores.dtype), torch.tensor([int(n) for n in terms])


def check_reach(name: str, weights: Tensor, needed: int) -> None:
    """Refuse weights by position that end before the last position."""
    if len(weights) < needed:
        raise ShapeError(f"{name} must have at least {needed} entries, got {len(weights)}")


def numpy(tensor: Tensor | None) -> Any:
    """Share memory with NumPy, as one axis."""
    return None if tensor is None else tensor.detach().contiguous().view(-1).numpy()


def boundaries(rows: Tensor, offsets: Tensor | None) -> Any:
    """Return the offsets of ragged or dense lists."""
    if offsets is None:
        offsets = torch.arange(rows.shape[0] + 1) * rows.shape[1]
    return numpy(offsets)


def results(scores: Tensor, rows: Tensor, columns: tuple[Any, Any, Any]) -> ListLoss:
    """Return what the extension gave as tensors of the types and shapes of the op."""
    losses, n_terms, slopes = (torch.from_numpy(column) for column in columns)
    return losses.to(scores.dtype), n_terms, slopes.view(rows.shape)


def fake(scores: Tensor, rows: Tensor, offsets: Tensor | None, *_: Any) -> ListLoss:
    """Return the shapes for the compiler."""
    groups = rows.shape[0] if offsets is None else offsets.shape[0] - 1
    losses, n_terms = scores.new_empty(groups), scores.new_empty(groups, dtype=torch.int64)
    return losses, n_terms, scores.new_empty(rows.shape)


def spread(grad_losses: Tensor, slopes: Tensor, offsets: Tensor | None) -> Tensor:
    """Return the slopes times the gradient of the list that they belong to."""
    if offsets is None:
        return grad_losses.unsqueeze(1) * slopes
    return grad_losses.repeat_interleave(offsets.diff(), output_size=len(slopes)) * slopes


def backward_reference(grad_losses: Tensor, slopes: Tensor, offsets: Tensor | None, scores: Tensor) -> Tensor:
    """Return the gradient of the scores, which stand here so that a second derivative is refused, not 0."""
    return spread(grad_losses, slopes, offsets)


list_backward = torch.library.custom_op("prefcore::list_backward", backward_reference, mutates_args=())


@list_backward.register_kernel("cpu")
def _backward_cpu(grad_losses: Tensor, slopes: Tensor, offsets: Tensor | None, _scores: Tensor) -> Tensor:
    """In NumPy: after a parallel loop torch's threads spin, and the next kernel would find the cores taken."""
    import numpy as np

    grads, slopes = grad_losses.detach().numpy(), slopes.detach()
    by_row = grads[:, None] if offsets is None else np.repeat(grads, np.diff(numpy(offsets)))
    return torch.from_numpy(by_row * slopes.numpy())


@list_backward.register_fake
def _backward_fake(_grad_losses: Tensor, slopes: Tensor, _offsets: Any, _scores: Tensor) -> Tensor:
    return slopes.new_empty(slopes.shape)


def save(ctx: Any, inputs: tuple[Any, ...], output: ListLoss) -> None:
    """Keep the slopes."""
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[2], inputs[2], inputs[0])
    ctx.inputs = len(inputs)


def _backward(ctx: Any, grad_losses: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    none: tuple[None, ...] = (None,) * ctx.inputs
    return none if grad_losses is None else (list_backward(grad_losses, *ctx.saved_tensors), *none[1:])


def define(name: str, body: Callable[..., ListLoss], call: Callable[..., Any]) -> Any:
    """Register an op of (scores, labels, offsets, …); `call` hands arrays and the other arguments to the extension."""
    op = torch.library.custom_op(f"prefcore::{name}", body, mutates_args=())

    def on_cpu(scores: Tensor, labels: Tensor, offsets: Tensor | None, *args: Any) -> ListLoss:
        import prefcore._rust as core

        rest = (numpy(arg) if isinstance(arg, Tensor) else arg for arg in args)
        return results(scores, labels, call(core, numpy(scores), numpy(labels), boundaries(labels, offsets), *rest))

    op.register_kernel("cpu")(on_cpu)
    op.register_fake(fake)
    op.register_autograd(_backward, setup_context=save)
    return op

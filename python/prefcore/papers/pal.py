"""PAL: pluralistic alignment by ideal points (Chen et al. 2024, arXiv 2406.08469)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["ideal_point", "smooth_hinge"]


def ideal_point(items: Tensor, ideal: Tensor) -> Tensor:
    """Score of an item for a user: how near it is to the user's ideal point.

    score = -||item - ideal||

    The loss of a pair is `losses.hinge(beta=1)`, `losses.bradley_terry` or `smooth_hinge` of two such scores.

    Args:
        items: [B, D] embeddings of items.
        ideal: [B, D] ideal point of the user of each item.
    Returns: [B] scores <= 0 (f32; f64 for f64 input); the gradient at distance 0 is 0. NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: src/pal_rm_a of RamyaLab/pluralistic-alignment, which divides by 0 there.

    >>> ideal_point(torch.tensor([[3.0, 4.0], [1.0, 1.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    tensor([-5., -0.])
    """
    import torch

    from prefcore._checks import same_shape, tensors, upcast
    from prefcore.errors import ShapeError

    tensors(items=items, ideal=ideal)
    same_shape(items=items, ideal=ideal)
    if items.ndim != 2:
        raise ShapeError(f"items must be [B, D], got {list(items.shape)}")
    items, ideal = upcast(items=items, ideal=ideal)
    distance: Tensor = torch.linalg.vector_norm(items - ideal, dim=1)
    return -distance


def smooth_hinge(chosen: Tensor, rejected: Tensor, *, margin: Num = 1.0, smoothness: Num = 5.0) -> Tensor:
    """Hinge on the gap between two scores with a parabola in place of its corner.

    loss = u^2 / (2 smoothness) up to u = smoothness, u - smoothness / 2 beyond,
    u = max(0, margin - (chosen - rejected))

    Args:
        chosen: [B] scores of the preferred items.
        rejected: [B] scores of the others.
        margin: gap at which the loss vanishes, float or [B].
        smoothness: width of the parabola, > 0, float or [B].
    Returns: [B] losses >= 0 (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: src/loss_function.py of RamyaLab/pluralistic-alignment.

    >>> smooth_hinge(torch.tensor([1.0, 0.0, -6.0]), torch.zeros(3))
    tensor([0.0000, 0.1000, 4.5000])
    """
    import torch

    from prefcore._checks import finite, per_example, positive, same_shape, tensors, upcast

    tensors(chosen=chosen, rejected=rejected)
    same_shape(chosen=chosen, rejected=rejected)
    finite(margin=margin)
    positive(smoothness=smoothness)
    chosen, rejected = upcast(chosen=chosen, rejected=rejected)
    width = per_example("smoothness", smoothness, chosen)
    u = (per_example("margin", margin, chosen) - (chosen - rejected)).relu()
    return torch.where(u <= width, u.square() / (2 * width), u - width / 2)

"""SPO: preference degree awareness by self-supervision (arXiv 2409.17791). Derived from its abstract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.groups import RaggedRows

__all__ = ["loss", "variants"]


def loss(align: Tensor, degree_logits: Tensor, level: Tensor, *, gamma: Num = 0.1) -> Tensor:
    """A preference loss plus the loss of telling how much of a response's key content was taken away.

    loss = align - gamma log softmax(degree_logits)[level]

    Args:
        align: [B] any preference loss.
        degree_logits: [B, K] logits of the classifier of degrees.
        level: [B] int64 how many of the most important parts were removed, 0 to K - 1.
        gamma: weight of the second term, >= 0; float or [B]. The default is ours.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError; a level outside 0 to K - 1 on the CPU (on CUDA it gives NaN).
    Source: the abstract of SPO; equation derived.

    >>> loss(torch.tensor([0.5]), torch.zeros(1, 4), torch.tensor([2]), gamma=1.0)
    tensor([1.8863])
    """
    from prefcore._checks import nonnegative, per_example, readable, same_device, same_shape, tensors, upcast
    from prefcore.errors import DomainError, ShapeError
    from prefcore.logps import token_logps
    from prefcore.papers._inputs import integers

    tensors(align=align, degree_logits=degree_logits, level=level)
    same_shape(align=align, level=level)
    if degree_logits.ndim != 2 or align.shape != degree_logits.shape[:1] or degree_logits.shape[1] == 0:
        got = f"{list(align.shape)} and {list(degree_logits.shape)}"
        raise ShapeError(f"expected align [B] and degree_logits [B, K] with K > 0, got {got}")
    integers(level=level)
    same_device(align=align, degree_logits=degree_logits)
    align, degree_logits = upcast(align=align, degree_logits=degree_logits)
    nonnegative(gamma=gamma)
    top = degree_logits.shape[1] - 1
    wrong = (level < 0) | (level > top)
    if readable(level) and bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise DomainError(f"level[{row}] must be 0 to {top}, got {level[row].item()}")
    return align - per_example("gamma", gamma, align) * token_logps(degree_logits, level)


def variants(importance: Any, *, levels: int) -> RaggedRows:
    """Tokens that are left of a response when its most important ones are taken away, one level after the other.

    kept_k = all rows but the k of highest importance, k = 0, ..., levels - 1

    Args:
        importance: [T] of each token (RAKE scores of its keyword, by a note on the paper); of equal ones the first goes
            first.
        levels: number of variants, 1 to T + 1.
    Returns: RaggedRows(rows, offsets [levels + 1]), the rows of each variant in the order of the text.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract of SPO; derived.

    >>> variants([0.1, 0.8, 0.3], levels=3)
    RaggedRows(rows=array([0, 1, 2, 0, 2, 0]), offsets=array([0, 3, 5, 6]))
    """
    import numpy as np

    from prefcore import _arrays
    from prefcore.groups import RaggedRows, offsets_from_lengths
    from prefcore.selection import top_k

    scores = _arrays.finite("importance", _arrays.column("importance", importance))
    _arrays.one_dimensional("importance", scores)
    n = len(scores)
    levels = _arrays.whole_number("levels", levels, 1, n + 2)
    removed_at = np.empty(n, dtype=np.int64)
    removed_at[top_k(scores, k=max(n, 1)).rows] = np.arange(n)
    kept = removed_at >= np.arange(levels)[:, None]
    return RaggedRows(kept.nonzero()[1], offsets_from_lengths(kept.sum(1)))

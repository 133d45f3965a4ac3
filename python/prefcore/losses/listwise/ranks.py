"""Smooth ranks and permutations: building blocks of losses, not losses."""

import torch
from torch import Tensor

from prefcore._checks import numbers, positive, tensors, upcast
from prefcore.errors import ShapeError
from prefcore.losses.listwise._arguments import flag, lists
from prefcore.ops import list_ranks


def neural_sort(scores: Tensor, *, temperature: float = 1.0) -> Tensor:
    """NeuralSort: a relaxed permutation matrix that sorts scores, the largest first.

    P_i = softmax(((L + 1 - 2 i) s - A) / temperature),  A_j = sum_l |s_j - s_l|,  i = 1..L

    Row i says which score comes i-th. Rows sum to 1, columns need not. Soft sorted scores: `neural_sort(s) @ s`.
    Calculated in f64 on every device, from the largest score of a list.

    Args:
        scores: [..., L].
        temperature: divides, > 0; towards 0 the rows become one-hot.
    Returns: [..., L, L] (f32; f64 for f64 scores). NaN in, NaN out.
    Raises: ShapeError, TypeError, DomainError.
    Source: Grover et al. 2019 (arXiv 1903.08850), eq. 5; allRank `deterministic_neural_sort`.

    >>> neural_sort(torch.tensor([0.0, 2.0]))
    tensor([[0.1192, 0.8808],
            [0.8808, 0.1192]])
    """
    tensors(scores=scores)
    numbers(temperature=temperature)
    positive(temperature=temperature)
    (s,) = upcast(scores=scores)
    if s.ndim == 0:
        raise ShapeError("scores must be [..., L], got []")
    length, dtype = s.shape[-1], s.dtype
    s = s.double()  # terms are L times as large as the scores, and cancel
    s = s - s.detach().amax(-1, keepdim=True) if length else s  # an offset is the same in a whole row of the softmax
    spread = (s.unsqueeze(-1) - s.unsqueeze(-2)).abs().sum(-1)
    factors = length - 1 - 2 * torch.arange(length, device=s.device, dtype=s.dtype)
    x = (factors.unsqueeze(-1) * s.unsqueeze(-2) - spread.unsqueeze(-2)) / temperature
    return x.softmax(-1).to(dtype)


def soft_rank(
    scores: Tensor, *, offsets: Tensor | None = None, strength: float = 1.0, descending: bool = True
) -> Tensor:
    """Soft ranks: the point of the permutahedron of (1, …, L) that is nearest to the scores / strength.

    ranks = argmin |ranks - z|^2 over the convex hull of all orders of (1, …, L),  z = -scores / strength if descending

    The exact ranks once neighboring scores lie further apart than `strength`; all (L + 1) / 2 as it grows. Equal scores
    share their mean rank at any strength. Piecewise linear: the gradient of a row is 0 where its rank is exact.
    Differentiable once.

    Args:
        scores: [B, L], or [N] with `offsets`.
        offsets: [G+1] int64 boundaries of the lists, as in `plackett_luce`.
        strength: of the quadratic regularization, > 0, in the unit of the scores.
        descending: rank 1 goes to the largest score; False: to the smallest.
    Returns: ranks of the shape of `scores` (f32; f64 for f64 scores); NaN for a list with a score that is not finite.
    Raises: ShapeError, TypeError; DomainError (strength; on the CPU, compiled or not, also offsets).
    Source: Blondel et al. 2020 (arXiv 2002.08871), eq. 6; google-research/fast-soft-sort `soft_rank`, L2.

    >>> scores = torch.tensor([[2.0, 0.0, 0.5]])
    >>> soft_rank(scores, strength=0.1), soft_rank(scores, strength=10.0)
    (tensor([[1., 3., 2.]]), tensor([[1.8833, 2.0833, 2.0333]]))
    """
    tensors(scores=scores)
    lists("scores", scores, offsets)
    flag(descending=descending)
    numbers(strength=strength)
    positive(strength=strength)
    ranks: Tensor = list_ranks.soft_rank(upcast(scores=scores)[0], offsets, strength, descending)
    return ranks

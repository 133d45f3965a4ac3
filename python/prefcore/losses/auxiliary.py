"""Losses that stand beside a preference loss: contrastive learning and reconstruction."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from prefcore._checks import full_precision, numbers, positive, same_shape, tensors, upcast
from prefcore.errors import ShapeError


def info_nce(anchors: Tensor, positives: Tensor, *, temperature: float = 0.05) -> Tensor:
    """InfoNCE, the loss of SimCSE: tell the positive of each anchor from those of the others, by cosine similarity.

    loss_i = -log softmax_j(cos(a_i, p_j) / temperature) at j = i

    A vector of zeros has cosine 0 with everything; vectors may be of any other length. Autocast rounds nothing.

    Args:
        anchors: [N, d] embeddings.
        positives: [N, d] embeddings; row i belongs to anchor i.
        temperature: divides the similarities, > 0.
    Returns: [N] losses in nats (f32; f64 for f64 input). NaN in, NaN out: each positive is a part of every row.
    Raises: ShapeError, DomainError, TypeError.
    Source: SimCSE (Gao et al. 2021, arXiv 2104.08821), eq. 1; Secrets of RLHF II (Wang et al. 2024, arXiv 2401.06080),
        section 3.1.

    >>> info_nce(torch.tensor([[3.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]]), temperature=1.0)
    tensor([0.5574, 0.4008])
    """
    _check(anchors=anchors, positives=positives)
    numbers(temperature=temperature)
    positive(temperature=temperature)
    anchors, positives = upcast(anchors=anchors, positives=positives)
    with full_precision(anchors):
        similarities = _unit(anchors) @ _unit(positives).T
    return cross_entropy(
        similarities / temperature, torch.arange(len(anchors), device=anchors.device), reduction="none"
    )


def _unit(vectors: Tensor) -> Tensor:
    largest = vectors.detach().abs().amax(1, keepdim=True)  # scaled by it, no square overflows or vanishes
    vectors = vectors / largest.where(largest != 0, 1.0)
    norms: Tensor = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return vectors / norms.where(norms != 0, 1.0)


def normalized_mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared error of each row, in units of what predicting the mean of the batch would cost.

    mean_d (prediction - target)^2 / mean_bd (target - mean_b target)^2

    The mean over the rows is one minus the explained variance. Calculated in f64, rounded once.

    Args:
        prediction: [B, d].
        target: [B, d], constant for autograd; its rows must not all be equal.
    Returns: [B] losses (f32; f64 for f64 input): 0 = exact, a mean of 1 = no better than the mean.
    Raises: ShapeError, TypeError; DomainError for a target that is not finite or has equal rows only (on the CPU,
        outside compiled code; elsewhere the result is not finite).
    Source: What's in my human feedback (Movva et al. 2025), wimhf/sae.py of rmovva/wimhf.

    >>> normalized_mse(torch.tensor([[1.0], [4.0]]), torch.tensor([[1.0], [3.0]]))
    tensor([0., 1.])
    """
    _check(prediction=prediction, target=target)
    if len(target) == 0:
        raise ShapeError(f"target must be [B, d] with B > 0, got {list(target.shape)}")
    prediction, target = upcast(prediction=prediction, target=target.detach())
    x = target.double()
    gaps = x - x[:1]  # equal rows become 0, which no mean can round
    spread = (gaps - gaps.mean(0)).square().mean()
    positive(**{"spread of target": spread})
    return ((prediction.double() - x).square().mean(1) / spread).to(prediction.dtype)


def _check(**given: Tensor) -> None:
    tensors(**given)
    same_shape(**given)
    for name, tensor in given.items():
        if tensor.ndim != 2 or tensor.shape[1] == 0:
            raise ShapeError(f"{name} must be [N, d] with d > 0, got {list(tensor.shape)}")

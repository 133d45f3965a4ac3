"""What's in my human feedback? Sparse features of preferences (Movva et al. 2025)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SAE", "SAEForward", "sae"]


class SAE(NamedTuple):
    """Parameters of a sparse autoencoder with M features of d numbers."""

    encoder: Tensor
    """[M, d]"""
    decoder: Tensor
    """[d, M], columns of norm 1"""
    input_bias: Tensor
    """[d]"""
    neuron_bias: Tensor
    """[M]"""


class SAEForward(NamedTuple):
    """What the autoencoder makes of a batch."""

    code: Tensor
    """[B, M] features: 0, or a number of either sign."""
    recon: Tensor
    """[B, d]"""
    losses: Tensor
    """[B] `losses.normalized_mse`, mean over the prefixes."""
    threshold: Tensor
    """[] smallest feature that was kept, detached."""


def sae(x: Tensor, parameters: SAE, *, k: int = 4, prefixes: Sequence[int] = (8, 32)) -> SAEForward:
    """Batch top-k autoencoder on differences of embeddings, with a matryoshka loss.

    pre = (x - input_bias) encoder^T + neuron_bias;  code = the k B entries of the batch that are largest in size;
    recon_m = code[:, :m] decoder[:, :m]^T + input_bias;  losses = mean over m of normalized_mse(recon_m, x)

    At inference the official code keeps what reaches a running threshold: `running.lerp(threshold, 0.01)`. Its term for
    dead features is left out.

    Args:
        x: [B, d] embeddings of the chosen responses minus those of the rejected; the rows must not all be equal.
        parameters: SAE(encoder, decoder, input_bias, neuron_bias).
        k: features a row on average, 1 to M.
        prefixes: numbers of features that have to do without the rest, each 1 to M.
    Returns: SAEForward(code, recon, losses, threshold) (f32; f64 for f64 input). Of equal entries any is kept. NaN in,
        NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: wimhf/sae.py of rmovva/wimhf.

    >>> eye, zero = torch.eye(2), torch.zeros(2)
    >>> sae(torch.tensor([[3.0, 1.0], [0.5, -2.0]]), SAE(eye, eye, zero, zero), k=1, prefixes=[2]).code
    tensor([[ 3.,  0.],
            [ 0., -2.]])
    """
    import torch

    from prefcore._checks import full_precision, same_device, tensors, upcast
    from prefcore.errors import DomainError, ShapeError
    from prefcore.losses import normalized_mse
    from prefcore.papers._inputs import of_kind

    of_kind(SAE, parameters=parameters)
    given = {"x": x, **parameters._asdict()}
    tensors(**given)
    same_device(**given)
    x, encoder, decoder, input_bias, neuron_bias = upcast(**given)
    size, width = encoder.shape if encoder.ndim == 2 else (0, 0)
    shapes = [list(value.shape) for value in given.values()]
    if x.ndim != 2 or shapes != [[max(1, len(x)), width], [size, width], [width, size], [width], [size]]:
        names = "x [B, d] with B > 0, encoder [M, d], decoder [d, M], input_bias [d] and neuron_bias [M]"
        raise ShapeError(f"expected {names}, got {', '.join(map(str, shapes))}")
    if not isinstance(prefixes, Sequence):
        raise TypeError(f"prefixes must be a list of integers, got {type(prefixes).__name__}")
    if not all(isinstance(number, int) for number in (k, *prefixes)):
        raise TypeError(f"k and prefixes must be integers, got {k!r} and {prefixes!r}")
    if not all(1 <= number <= size for number in (k, *prefixes)) or not prefixes:
        raise DomainError(f"k and prefixes must be 1 to M = {size}, got {k} and {list(prefixes)}")
    with full_precision(x):
        pre = (x - input_bias) @ encoder.T + neuron_bias
    kept = pre.detach().abs().flatten().topk(k * len(x))
    code = pre * torch.zeros_like(pre).flatten().scatter(0, kept.indices, 1.0).view_as(pre)
    with full_precision(x):
        recon = code @ decoder.T + input_bias
        parts = [code[:, :m] @ decoder[:, :m].T + input_bias for m in prefixes]
    losses = torch.stack([normalized_mse(part, x) for part in parts]).mean(0)
    return SAEForward(code, recon, losses, kept.values[-1])

"""PiSA-SR: pixel-level and semantic-level adjustable super-resolution (Sun et al. 2024, arXiv 2412.03017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["csd_loss"]


def csd_loss(latent: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    """Score distillation: pull a latent along the difference of two denoisers, at a normalized strength.

    loss = mean g^2,  gradient 2 g / n,  g = (fake - real) / mean |latent - real|

    The gradient is that of a squared distance to the fixed target latent - g; `real` and `fake` are constant for
    autograd.

    Args:
        latent: [B, ...] with n numbers each.
        real: prediction of the denoiser with guidance, of the same shape.
        fake: prediction of the denoiser without, of the same shape.
    Returns: [B] losses (f32; f64 for f64 input).
    Raises: ShapeError, TypeError; DomainError where `latent` equals `real` or is not finite (on the CPU, outside
        compiled code; elsewhere the result is not finite).
    Source: `CSDLoss.cal_csd` in pisasr.py of csslc/PiSA-SR.

    >>> latent = torch.tensor([[1.0, 3.0]])
    >>> csd_loss(latent, torch.tensor([[0.0, 2.0]]), torch.tensor([[0.5, 2.0]]))
    tensor([0.1250])
    """
    from prefcore._checks import positive, same_shape, tensors, upcast

    tensors(latent=latent, real=real, fake=fake)
    same_shape(latent=latent, real=real, fake=fake)
    latent, real, fake = (x.flatten(1) for x in upcast(latent=latent, real=real.detach(), fake=fake.detach()))
    fixed = latent.detach()
    distance = (fixed - real).abs().mean(1, keepdim=True)
    positive(**{"mean distance of latent and real": distance})
    g = (fake - real) / distance
    return (g.square() + 2 * g * (latent - fixed)).mean(1)

"""PiSA-SR: pixel-level and semantic-level adjustable super-resolution (Sun et al. 2024, arXiv 2412.03017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["adjust", "csd_loss", "train_loss"]


def adjust(pixel: Tensor, full: Tensor, *, pixel_scale: Num = 1.0, semantic_scale: Num = 1.0) -> Tensor:
    """Prediction between fidelity and detail; also a mixture of two reward models.

    pixel_scale pixel + semantic_scale (full - pixel)

    Args:
        pixel: [...] prediction with the pixel-level adapter alone.
        full: [...] prediction with both adapters, which scales of 1 give back.
        pixel_scale: float, [B] or of the shape of `pixel`.
        semantic_scale: the same.
    Returns: [...] (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: `_predict_no_tiling` in pisasr.py of csslc/PiSA-SR.

    >>> adjust(torch.tensor([1.0]), torch.tensor([3.0]), pixel_scale=0.5, semantic_scale=2.0)
    tensor([4.5000])
    """
    from prefcore._checks import finite
    from prefcore.papers._inputs import alike, fitting
    from prefcore.scores import guidance_combine

    pixel, full = alike(pixel=pixel, full=full)
    finite(pixel_scale=pixel_scale, semantic_scale=semantic_scale)
    fitting(pixel, pixel_scale=pixel_scale, semantic_scale=semantic_scale)
    return guidance_combine(pixel, full, w_base=pixel_scale, w_delta=semantic_scale)


def csd_loss(latent: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    """Score distillation: pull a latent along the difference of two denoisers, at a normalized strength.

    loss = mean g^2,  gradient 2 g / n,  g = (fake - real) / mean |latent - real|

    The gradient is that of a squared distance to the fixed target latent - g; `real` and `fake` are constant for
    autograd.

    Args:
        latent: [B, ...] with n > 0 numbers each.
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
    from prefcore.errors import ShapeError

    tensors(latent=latent, real=real, fake=fake)
    same_shape(latent=latent, real=real, fake=fake)
    if latent.ndim < 2 or 0 in latent.shape[1:]:
        raise ShapeError(f"latent must be [B, ...] with at least one number each, got {list(latent.shape)}")
    latent, real, fake = (x.flatten(1) for x in upcast(latent=latent, real=real.detach(), fake=fake.detach()))
    fixed = latent.detach()
    distance = (fixed - real).abs().mean(1, keepdim=True)
    positive(**{"mean distance of latent and real": distance})
    g = (fake - real) / distance
    return (g.square() + 2 * g * (latent - fixed)).mean(1)


def train_loss(
    l2: Tensor,
    lpips: Tensor,
    csd: Tensor,
    *,
    l2_weight: float = 1.0,
    lpips_weight: float = 2.0,
    csd_weight: float = 1.0,
) -> Tensor:
    """Weighted sum of the three losses of the semantic-level adapter.

    Args:
        l2: [B] mean squared error of the images.
        lpips: [B] perceptual distances.
        csd: [B] what `csd_loss` gives.
        l2_weight: >= 0.
        lpips_weight: >= 0.
        csd_weight: >= 0.
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: training defaults of csslc/PiSA-SR.

    >>> train_loss(torch.tensor([1.0]), torch.tensor([0.5]), torch.tensor([4.0]))
    tensor([6.])
    """
    from prefcore._checks import nonnegative, numbers
    from prefcore.papers._inputs import alike

    l2, lpips, csd = alike(l2=l2, lpips=lpips, csd=csd)
    numbers(l2_weight=l2_weight, lpips_weight=lpips_weight, csd_weight=csd_weight)
    nonnegative(l2_weight=l2_weight, lpips_weight=lpips_weight, csd_weight=csd_weight)
    return l2_weight * l2 + lpips_weight * lpips + csd_weight * csd

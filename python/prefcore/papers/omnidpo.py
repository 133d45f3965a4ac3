"""OmniDPO: preference optimization of omni-modal models (arXiv 2509.00723)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


def loss(
    chosen: Tensor,
    rejected: Tensor,
    noised_video: Tensor,
    noised_audio: Tensor,
    *,
    beta: Num = 0.1,
    video_weight: Num = 1.0,
    audio_weight: Num = 1.0,
) -> Tensor:
    """DPO against the rejected response, and against the chosen one when video or sound are noise.

    loss = dpo(chosen, rejected) + video_weight dpo(chosen, noised_video) + audio_weight dpo(chosen, noised_audio)

    Policy and reference both score the chosen response under the degraded input, so a model that does not look or
    listen gains nothing there. Where a sample has no video (or no sound) its weight is 0, and its log-ratio
    any finite number.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        noised_video: [B] log-ratios of the preferred responses given noise in place of the video.
        noised_audio: [B] the same with the sound.
        beta: strength of the pull to the reference, > 0; float or [B].
        video_weight: weight of the second term, >= 0; float or [B].
        audio_weight: weight of the third term, >= 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: OmniDPO (AAAI 2026), the four equations of its method, after a digest.

    >>> x = torch.tensor([2.0])
    >>> loss(x, torch.zeros(1), torch.zeros(1), x, beta=0.5)
    tensor([1.3197])
    """
    from prefcore._checks import nonnegative, per_example
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    chosen, rejected, noised_video, noised_audio = alike(
        chosen=chosen, rejected=rejected, noised_video=noised_video, noised_audio=noised_audio
    )
    nonnegative(video_weight=video_weight, audio_weight=audio_weight)
    video = per_example("video_weight", video_weight, chosen) * dpo(chosen, noised_video, beta=beta)
    audio = per_example("audio_weight", audio_weight, chosen) * dpo(chosen, noised_audio, beta=beta)
    return dpo(chosen, rejected, beta=beta) + video + audio

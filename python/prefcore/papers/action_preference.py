"""Action Preference Optimization (APO) of robot policies (Xia et al. 2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["APOLoss", "desirable_weights", "loss", "sample", "undesirable_weights"]


class APOLoss(NamedTuple):
    """Losses of both kinds, to be weighted and added up."""

    desirable: Tensor
    """[B]"""
    undesirable: Tensor
    """[C]"""
    kl: Tensor
    """[] how far the policy is from the reference, in nats, within -5 and 5."""


def loss(
    desirable: Tensor,
    undesirable: Tensor,
    mismatched: Tensor,
    desirable_mask: Tensor,
    undesirable_mask: Tensor,
    mismatched_mask: Tensor,
    *,
    beta: float = 0.1,
) -> APOLoss:
    """KTO on actions; the last token of undesirable and mismatched actions does not count.

    `losses.kto` with `kl = losses.kto_kl(mismatched sums, minimum=-5, maximum=5)`

    In training the official code adds up `desirable * desirable_weights(...)` and the like.

    Args:
        desirable: [B, T] token log-ratios policy - reference of actions to keep, in nats.
        undesirable: [C, T] of actions before a person intervened.
        mismatched: [M, T] of actions paired with other observations, M > 0.
        desirable_mask: [B, T] bool, True = counts.
        undesirable_mask: [C, T], with at least two counted tokens a row.
        mismatched_mask: [M, T], with at least two counted tokens a row.
        beta: strength of the pull to the reference, > 0.
    Returns: APOLoss(desirable, undesirable, kl).
    Raises: ShapeError, DomainError, TypeError.
    Source: trainer/ddp_robotic_trainer.py and config/loss/apo.yaml of GeWu-Lab/Action-Preference-Optimization.

    >>> x, mask = torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool)
    >>> loss(x, x, x, mask, mask, mask)
    APOLoss(desirable=tensor([0.5000]), undesirable=tensor([0.5000]), kl=tensor(0.))
    """
    from prefcore._checks import same_device
    from prefcore.errors import ShapeError
    from prefcore.losses import kto, kto_kl
    from prefcore.papers._inputs import check_tokens, renamed, token_sums
    from prefcore.weights import last

    def without_last(name: str, tokens: Tensor, mask: Tensor) -> Tensor:
        check_tokens({name: tokens, f"{name}_mask": mask})
        return token_sums({name: tokens, f"{name}_mask without its last token": mask & (last(mask) == 0)}).sums

    good = token_sums({"desirable": desirable, "desirable_mask": desirable_mask}).sums
    bad = without_last("undesirable", undesirable, undesirable_mask)
    if len(other := without_last("mismatched", mismatched, mismatched_mask)) == 0:
        raise ShapeError(f"mismatched must be [M, T] with M > 0, got {list(mismatched.shape)}")
    same_device(desirable=desirable, undesirable=undesirable, mismatched=mismatched)
    keep = good.new_ones(good.shape).bool(), bad.new_zeros(bad.shape).bool()
    with renamed(kl="mean of mismatched"):
        kl = kto_kl(other, minimum=-5.0, maximum=5.0)
        return APOLoss(kto(good, keep[0], kl, beta=beta), kto(bad, keep[1], kl, beta=beta), kl)


def desirable_weights(error: Tensor, *, gamma: float = 1.0, eps: float = 1e-4) -> Tensor:
    """Weights of desirable actions: more for those that the policy gets wrong.

    (1 - exp(-b))^gamma,  b = (error + eps) / (sum error + eps)

    Args:
        error: [n] mean absolute error of the predicted actions, >= 0.
        gamma: sharpness, > 0.
        eps: keeps the shares defined where all errors are 0, > 0.
    Returns: [n] weights, detached (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> desirable_weights(torch.tensor([0.1, 0.3]))
    tensor([0.2213, 0.5277])
    """
    return (-(-_shares(error, gamma, eps)).expm1()) ** gamma


def undesirable_weights(error: Tensor, *, gamma: float = 1.0, eps: float = 1e-4) -> Tensor:
    """Weights of undesirable actions: more for those that the policy already avoids least, near to the label.

    exp(-b)^gamma,  b = (error + eps) / (sum error + eps)

    Args:
        error: [n] mean absolute error of the predicted actions against the undesirable ones, >= 0.
        gamma: sharpness, > 0.
        eps: keeps the shares defined where all errors are 0, > 0.
    Returns: [n] weights, detached (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> undesirable_weights(torch.tensor([0.1, 0.3]))
    tensor([0.7787, 0.4723])
    """
    shares = _shares(error, gamma, eps)
    return (-gamma * shares).exp()


def sample(labels: Any, *, correct: float = 0.5, interaction: float = 0.25, seed: int = 0) -> NDArray[np.int64]:
    """Draw actions so that correct ones, corrections by a person and failures stand in fixed shares.

    The failures have the rest, 1 - correct - interaction. As many rows as the scarcest kind allows.

    Args:
        labels: [N] "correct", "interaction" or "failure".
        correct: share of actions that went well without help, in [0, 1].
        interaction: share of actions by a person who took over, in [0, 1].
        seed: of the draw, 0 by default.
    Returns: int64 rows, rising, without repetition.
    Raises: ShapeError, DomainError, TypeError.
    Source: ratios of the sampler of GeWu-Lab/Action-Preference-Optimization; here `selection.balanced_indices`,
        without replacement.

    >>> sample(["correct", "failure", "correct", "interaction", "correct"]).tolist()
    [0, 1, 3, 4]
    """
    from prefcore import _arrays
    from prefcore.errors import DomainError
    from prefcore.selection import balanced_indices

    shares = {"correct": _arrays.number("correct", correct), "interaction": _arrays.number("interaction", interaction)}
    for name, share in shares.items():
        _arrays.refuse(name, share, not 0 <= share <= 1, "in [0, 1]")
    rest = 1 - sum(shares.values())
    _arrays.refuse("correct + interaction", 1 - rest, rest < 0, "at most 1")
    ratios = {**shares, "failure": rest}
    for place, label in enumerate(_arrays.to_numpy("labels", labels).ravel().tolist()):
        if not isinstance(label, str) or label not in ratios:
            raise DomainError(f"labels[{place}] must be 'correct', 'interaction' or 'failure', got {label!r}")
    return balanced_indices(labels, ratios=ratios, seed=seed)


def _shares(error: Tensor, gamma: float, eps: float) -> Tensor:
    from prefcore._checks import nonnegative, numbers, positive, tensors, upcast
    from prefcore.errors import ShapeError

    tensors(error=error)
    if error.ndim != 1:
        raise ShapeError(f"error must be [n], got {list(error.shape)}")
    numbers(gamma=gamma, eps=eps)
    positive(gamma=gamma, eps=eps)
    nonnegative(error=error)
    (error,) = upcast(error=error.detach())
    return (error + eps) / (error.sum() + eps)

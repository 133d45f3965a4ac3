"""Reasoning preference optimization (RPO) of medical models (arXiv 2504.18080; Pang et al. 2024, arXiv 2404.19733)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.metrics import Interval

__all__ = ["Stability", "loss", "stability"]


class Stability(NamedTuple):
    """What being asked for an explanation costs a model."""

    accuracy: float
    """Without an explanation."""
    explained: float
    """With one."""
    drop: float
    """The difference."""
    interval: Interval
    """Of the drop, 95%, from a bootstrap of the questions."""


def loss(
    chosen: Tensor, rejected: Tensor, chosen_logps: Tensor, chosen_mask: Tensor, *, beta: Num = 0.1, alpha: Num = 1.0
) -> Tensor:
    """DPO that also learns the chosen reasoning path.

    loss = dpo(chosen, rejected) - alpha mean_t chosen_logps

    The mean is over the tokens of each response. TRL's `rpo_alpha` takes it over the tokens of the batch:
    `dpo(...).mean() + alpha * token_mean(-chosen_logps, chosen_mask)`. Pang et al. put alpha on the first term.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        chosen_logps: [B, T] log-probs of the tokens of the preferred responses under the policy, in nats.
        chosen_mask: [B, T] bool, True = counts; at least one token a row.
        beta: strength of the pull to the reference, > 0; float or [B].
        alpha: weight of the second term, >= 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Iterative RPO (Pang et al. 2024), eq. 1; TRL up to 0.24 (trl/trainer/dpo_trainer.py).

    >>> logps, mask = torch.tensor([[-1.0, -2.0]]), torch.tensor([[True, True]])
    >>> loss(torch.zeros(1), torch.zeros(1), logps, mask)
    tensor([2.1931])
    """
    from prefcore._checks import nonnegative, per_example, same_device
    from prefcore.errors import ShapeError
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike, token_sums

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    means = token_sums({"chosen_logps": chosen_logps, "chosen_mask": chosen_mask}).means
    same_device(chosen=chosen, chosen_logps=chosen_logps)
    if means.shape != chosen.shape:
        got = f"{list(chosen.shape)} and {list(chosen_logps.shape)}"
        raise ShapeError(f"expected chosen [B] and chosen_logps [B, T], got {got}")
    nonnegative(alpha=alpha)
    return dpo(chosen, rejected, beta=beta) - per_example("alpha", alpha, chosen) * means


def stability(plain_ok: Any, explained_ok: Any) -> Stability:
    """Accuracy with and without an explanation, on the same questions, and the drop with its interval.

    drop = mean(plain_ok) - mean(explained_ok)

    Args:
        plain_ok: [N] bool, whether the bare answer is right.
        explained_ok: [N] bool, whether the answer is right when the model explains itself first.
    Returns: Stability(accuracy, explained, drop, interval), NaN without a question. The interval is drawn with seed 0.
    Raises: ShapeError, TypeError.
    Source: the paper's comparison of prompts; the interval (`metrics.bootstrap_mean`, questions paired) is ours.

    >>> stability([True, True, True, False], [True, False, True, False]).drop
    0.25
    """
    from prefcore import _arrays, metrics

    plain, explained = _arrays.mask("plain_ok", plain_ok), _arrays.mask("explained_ok", explained_ok)
    _arrays.one_dimensional("plain_ok", plain)
    _arrays.same_shape(plain_ok=plain, explained_ok=explained)
    accuracy, explained_accuracy = (float(metrics.win_rate(1.0 * ok, ties=0.5)) for ok in (plain, explained))
    drop = metrics.bootstrap_mean(1.0 * plain - explained)
    return Stability(accuracy, explained_accuracy, float(drop.estimate), metrics.Interval(drop.lower, drop.upper))

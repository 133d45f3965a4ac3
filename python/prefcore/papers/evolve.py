"""EVOLVE (ARIES): learning to answer and to refine an answer (arXiv 2502.05605). Derived from its abstract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs
    from prefcore.papers._alpaca import AlpacaEval

__all__ = ["evaluate", "loss", "pairs", "squared_loss"]


def evaluate(preference: Any, lengths: Any, baseline_lengths: Any) -> AlpacaEval:
    """AlpacaEval 2 of a model: its win rate, and `metrics.length_controlled_win_rate`.

    Args:
        preference: [N] probabilities that the judge prefers the model to the baseline, in [0, 1].
        lengths: [N] characters of its answers, >= 0.
        baseline_lengths: [N] of the baseline's.
    Returns: AlpacaEval(win_rate, std_error, length_controlled), fractions. The second rate is without the penalty and
        the difficulties of the official fit, so that published ones may be points away.
    Raises: SeparationError, RankDeficientError, ConvergenceError, ShapeError, DomainError, TypeError.
    Source: the abstract of EVOLVE names both rates; tatsu-lab/alpaca_eval.

    >>> evaluate([0.9, 0.6, 0.7, 0.2], [900, 500, 600, 300], [400, 500, 300, 500]).win_rate
    0.6
    """
    from prefcore.papers._alpaca import win_rates

    return win_rates(preference, lengths, baseline_lengths)


def loss(
    direct_chosen: Tensor,
    direct_rejected: Tensor,
    refine_chosen: Tensor,
    refine_rejected: Tensor,
    *,
    alpha: Num = 0.5,
    beta: Num = 0.1,
) -> Tensor:
    """DPO on direct answers, mixed with DPO on the same answers as refinements of an earlier one.

    loss = (1 - alpha) dpo(direct_chosen, direct_rejected) + alpha dpo(refine_chosen, refine_rejected)

    Args:
        direct_chosen: [B] log-ratios policy - reference of the preferred responses given the prompt, in nats.
        direct_rejected: [B] the same of the others.
        refine_chosen: [B] log-ratios of the preferred responses given prompt, earlier answer and the request to
            improve it.
        refine_rejected: [B] the same of the others.
        alpha: weight of the refinement, in [0, 1]; float or [B].
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract of EVOLVE; equations derived.

    >>> zero = torch.zeros(1)
    >>> loss(torch.tensor([2.0]), zero, zero, zero, beta=0.5)
    tensor([0.5032])
    """
    from prefcore.losses import dpo

    _check(direct_chosen, direct_rejected, refine_chosen, refine_rejected)
    answer = dpo(direct_chosen, direct_rejected, beta=beta)
    return _mixed(answer, dpo(refine_chosen, refine_rejected, beta=beta), alpha)


def squared_loss(
    direct_chosen: Tensor,
    direct_rejected: Tensor,
    refine_chosen: Tensor,
    refine_rejected: Tensor,
    prob: Num,
    *,
    alpha: Num = 0.5,
    beta: Num = 0.1,
) -> Tensor:
    """The same with a squared refinement term, in the manner of self-improving robust preference optimization.

    loss = (1 - alpha) dpo(direct_chosen, direct_rejected) + alpha (p - 1/2 - beta (refine_chosen - refine_rejected))^2

    Args:
        direct_chosen: as in `loss`.
        direct_rejected: as in `loss`.
        refine_chosen: as in `loss`.
        refine_rejected: as in `loss`.
        prob: probability that `refine_chosen` is preferred, in [0, 1]; float or [B].
        alpha: weight of the refinement, in [0, 1]; float or [B].
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out, but a NaN `prob` raises.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> zero = torch.zeros(1)
    >>> squared_loss(torch.tensor([2.0]), zero, zero, zero, 0.9, beta=0.5)
    tensor([0.2366])
    """
    from prefcore._checks import per_example, unit_interval
    from prefcore.losses import dpo, ipo
    from prefcore.papers._inputs import fitting

    _check(direct_chosen, direct_rejected, refine_chosen, refine_rejected)
    answer = dpo(direct_chosen, direct_rejected, beta=beta)
    unit_interval(prob=prob)
    (prob,) = fitting(answer, prob=prob)
    gap = per_example("beta", beta, answer) * (refine_chosen.to(answer.dtype) - refine_rejected.to(answer.dtype))
    refinement = ipo(gap, gap.new_zeros(gap.shape), beta=1.0, preference_gap=prob - 0.5)  # times beta^2: no 1 / beta
    return _mixed(answer, refinement, alpha)


def _check(direct_chosen: Tensor, direct_rejected: Tensor, refine_chosen: Tensor, refine_rejected: Tensor) -> None:
    from prefcore.papers._inputs import alike

    alike(
        direct_chosen=direct_chosen,
        direct_rejected=direct_rejected,
        refine_chosen=refine_chosen,
        refine_rejected=refine_rejected,
    )


def _mixed(answer: Tensor, refinement: Tensor, alpha: Num) -> Tensor:
    """Not `torch.lerp`: an infinite loss would be NaN, and its inputs must have one dtype."""
    from prefcore._checks import per_example, unit_interval

    unit_interval(alpha=alpha)
    weight = per_example("alpha", alpha, answer)
    return (1 - weight) * answer + weight * refinement


def pairs(rewards: Any, offsets: Any) -> Pairs:
    """Pair the best answer of every refinement chain with its worst one.

    `pairs.best_worst`; a chain without a difference is dropped.

    Args:
        rewards: [n] rewards of the answers; larger is better.
        offsets: int [G + 1] boundaries of the chains, the rounds of a prompt one after the other.
    Returns: Pairs [P].
    Raises: ShapeError, DomainError, TypeError.
    Source: the abstract of EVOLVE: refined answers, filtered by a reward model; rule derived.

    >>> pairs([0.2, 0.5, 0.4, 0.9, 0.3, 0.3], [0, 4, 6]).chosen
    array([3])
    """
    from prefcore.pairs import best_worst
    from prefcore.papers._inputs import renamed

    with renamed(scores="rewards"):
        return best_worst(rewards, offsets=offsets)

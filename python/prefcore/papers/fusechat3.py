"""FuseChat-3.0: preference optimization meets heterogeneous model fusion (arXiv 2503.04222)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs
    from prefcore.papers._alpaca import AlpacaEval

__all__ = ["Split", "alpaca_eval", "loss", "pairs", "plain_loss", "split"]


class Split(NamedTuple):
    """How many prompts of a source each stage gets."""

    sft: int
    dpo: int


def loss(chosen: Tensor, rejected: Tensor, chosen_mask: Tensor, rejected_mask: Tensor, *, beta: Num = 10.0) -> Tensor:
    """Length-normalized DPO, for targets of the Llama family.

    loss = dpo(mean_t chosen, mean_t rejected)

    Args:
        chosen: [B, T] token log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B, U] of the others.
        chosen_mask: [B, T] bool, True = counts; at least one token a row.
        rejected_mask: [B, U] bool.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: README.md of SLIT-AI/FuseChat-3.0.

    >>> mask = torch.tensor([[True, True]])
    >>> loss(torch.tensor([[0.1, 0.3]]), torch.zeros(1, 2), mask, mask)
    tensor([0.1269])
    """
    from prefcore.papers._length_normalized import length_normalized_dpo

    return length_normalized_dpo(chosen, rejected, chosen_mask, rejected_mask, beta)


def plain_loss(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.01) -> Tensor:
    """`losses.dpo` with the beta for targets of the Qwen and Gemma families.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, sums over tokens, in nats.
        rejected: [B] log-ratios of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> plain_loss(torch.tensor([100.0]), torch.tensor([0.0]))
    tensor([0.3133])
    """
    from prefcore.losses import dpo

    return dpo(chosen, rejected, beta=beta)


def pairs(
    scores: Any, prompt: Any, source: Any, correct: Any = None, *, min_gap: float = 0.01, max_gap: float = 0.1
) -> Pairs:
    """Pair the best and the worst answer of one source model to a prompt, if they are neither close nor far apart.

    `pairs.best_worst` by source, min_gap <= gap <= max_gap

    Args:
        scores: [n] rewards of ArmoRM; larger is better.
        prompt: [n] integers or strings; the answers to a prompt stand together.
        source: [n] integers or strings, the model of every answer.
        correct: bool [n] for mathematics and code: the best right answer against the worst wrong one.
        min_gap: smallest gap, >= 0.
        max_gap: largest gap, >= min_gap. A pair outside is dropped, not replaced (the README does not say).
    Returns: Pairs [P], `group` counts the prompts.
    Raises: ShapeError, DomainError, TypeError.
    Source: README.md of SLIT-AI/FuseChat-3.0.

    >>> pairs([0.12, 0.15, 0.10, 0.30], [7, 7, 7, 7], ["a", "a", "b", "b"]).margin
    array([0.03])
    """
    from prefcore.groups import offsets_from_ids
    from prefcore.pairs import best_worst
    from prefcore.papers._inputs import renamed

    with renamed(ids="prompt"):
        offsets = offsets_from_ids(prompt)
    with renamed(by="source", offsets="boundaries of prompt"):
        return best_worst(
            scores, correct=correct, min_gap=min_gap, max_gap=max_gap, inclusive=True, by=source, offsets=offsets
        )


def split(n: int) -> Split:
    """Share the prompts of a data source between fine-tuning and preference tuning, 4 to 6.

    sft = floor(0.4 n),  dpo = n - sft

    Args:
        n: prompts of the source, >= 0.
    Returns: Split(sft, dpo).
    Raises: DomainError, TypeError.
    Source: README.md of SLIT-AI/FuseChat-3.0.

    >>> split(51_098)
    Split(sft=20439, dpo=30659)
    """
    from prefcore import _arrays

    n = _arrays.whole_number("n", n, 0, 2**63)
    return Split(2 * n // 5, n - 2 * n // 5)


def alpaca_eval(preference: Any, lengths: Any, baseline_lengths: Any) -> AlpacaEval:
    """AlpacaEval 2 of a model: its win rate, and `metrics.length_controlled_win_rate`.

    Args:
        preference: [N] probabilities that the judge prefers the model to the baseline, in [0, 1].
        lengths: [N] characters of its answers, >= 0.
        baseline_lengths: [N] of the baseline's.
    Returns: AlpacaEval(win_rate, std_error, length_controlled), fractions. The second rate is without the penalty and
        the difficulties of the official fit: it comes within a point of the published one for the five FuseChat models,
        and far off for models of short answers.
    Raises: SeparationError, RankDeficientError, ConvergenceError, ShapeError, DomainError, TypeError.
    Source: FuseChat-3.0, AlpacaEval 2; tatsu-lab/alpaca_eval.

    >>> alpaca_eval([0.9, 0.6, 0.7, 0.2], [900, 500, 600, 300], [400, 500, 300, 500]).win_rate
    0.6
    """
    from prefcore.papers._alpaca import win_rates

    return win_rates(preference, lengths, baseline_lengths)

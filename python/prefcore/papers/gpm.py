"""GPM and GPO: general preferences, which may run in circles (Zhang et al. 2024, arXiv 2410.02197)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.games import GameResult

__all__ = ["Ranked", "equilibrium", "gpo_loss", "loss", "rank"]


class Ranked(NamedTuple):
    """How responses to one prompt do against one another."""

    score: NDArray[np.float64]
    """[K] mean score against all, itself included (0)."""
    win: NDArray[np.float64]
    """[K] mean probability to win against all, itself included (1/2)."""
    chosen: int | None
    """Row of the highest score, the first of equal ones; None where all scores are equal: ties never become pairs."""
    rejected: int | None
    """Row of the lowest score, the first of equal ones; None likewise."""


def loss(
    chosen: Tensor, rejected: Tensor, gate: Tensor | None = None, *, temperature: Num = 0.1, margin: Num = 0.0
) -> Tensor:
    """Loss of a general preference model: negative log-likelihood that the chosen response wins.

    loss = -log sigmoid((gpm_score(chosen, rejected, gate) - margin) / temperature)

    Args:
        chosen: [B, 2k] embeddings of the preferred responses.
        rejected: [B, 2k] embeddings of the others.
        gate: weights of the k planes, [k] or [B, k]; None = 1 each.
        temperature: divides the scores, > 0; float, [] or [B]. The official script has 1 where k > 1; a learned one is
            `softplus(raw).clamp(min=0.01)`.
        margin: score that is asked for; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: general_preference/models/loss.py of general-preference/general-preference-model.

    >>> loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.2]]))
    tensor([0.1269])
    """
    from prefcore._checks import finite, per_example, positive
    from prefcore.errors import ShapeError
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike, renamed
    from prefcore.scores import gpm_score

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    if chosen.ndim != 2 or chosen.shape[1] == 0 or chosen.shape[1] % 2:
        raise ShapeError(f"chosen must be [B, 2k] with k > 0, got {list(chosen.shape)}")
    positive(temperature=temperature)
    finite(margin=margin)
    score = gpm_score(chosen, rejected, gate=gate)
    beta = 1 / per_example("temperature", temperature, score)
    with renamed(beta="1 / temperature"):
        return dpo(score, score.new_zeros(score.shape), beta=beta, margin=per_example("margin", margin, score) * beta)


def gpo_loss(ratio: Tensor, score: Tensor, *, beta: Num = 1e-3) -> Tensor:
    """GPO: move the log-ratio of each response to its score against the policy, mean over the responses.

    loss = mean_k (ratio_k - score_k / beta)^2

    Args:
        ratio: [B, K] log-ratios of the policy to the one that sampled, in nats; K = 2 in the official code.
        score: [B, K] mean preference score of each response over the policy's responses.
        beta: strength of the pull to the old policy, > 0; float or [B]. The default is that of the run script.
    Returns: [B] losses (f32; f64 for f64 input). A NaN ratio gives NaN.
    Raises: ShapeError, DomainError, TypeError.
    Source: LLM-Alignment of general-preference/general-preference-model, an SPPO trainer with scores.

    >>> gpo_loss(torch.tensor([[1.0, -0.5]]), torch.tensor([[0.4, -0.3]]), beta=0.1)
    tensor([7.6250])
    """
    from prefcore._checks import finite
    from prefcore.errors import ShapeError
    from prefcore.losses import sppo
    from prefcore.papers._inputs import alike

    ratio, score = alike(ratio=ratio, score=score)
    if ratio.ndim != 2 or ratio.shape[1] == 0:
        raise ShapeError(f"ratio must be [B, K] with K > 0, got {list(ratio.shape)}")
    finite(score=score)
    return sppo(ratio, score, beta=beta).mean(1)


def rank(embeddings: Any, *, temperature: float = 1.0) -> Ranked:
    """Rank the responses to a prompt by their mean preference score, and name the pair to train on.

    score_i = mean_j S_ij,  win_i = mean_j sigmoid(S_ij / temperature),  S = games.gpm_scores(embeddings)

    Args:
        embeddings: [K, 2k] of K > 0 responses, of length 1 each in the official code.
        temperature: divides the scores, > 0.
    Returns: Ranked(score, win, chosen, rejected).
    Raises: ShapeError, DomainError, TypeError.
    Source: LLM-Alignment/scripts/compute_score_from_raw.py of general-preference/general-preference-model, whose scores
        are twice these (S - S^T): its probabilities are those of temperature 1/2.

    >>> rank([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]).score.round(4)
    array([ 0.6   , -0.5333, -0.0667])
    """
    from prefcore import _arrays, games

    temperature = _arrays.number("temperature", temperature)
    _arrays.refuse("temperature", temperature, not 0 < temperature < float("inf"), "a finite number > 0")
    scores = games.gpm_scores(embeddings).mean(1)
    win = games.gpm_preferences(embeddings, tau=temperature).mean(1)
    best, worst = int(scores.argmax()), int(scores.argmin())
    return Ranked(scores, win, best, worst) if scores[best] > scores[worst] else Ranked(scores, win, None, None)


def equilibrium(embeddings: Any, log_ref: Any, *, beta: float) -> GameResult:
    """Policy over given responses that no other beats, held to a reference: what GPO's self-play tends to.

    max_p min_q  E_{i~p, j~q} S_ij - beta KL(p, ref) + beta KL(q, ref)

    Args:
        embeddings: [K, 2k] of the responses.
        log_ref: [K] log-probs of the reference, normalized inside.
        beta: strength of the pull to the reference, > 0.
    Returns: games.GameResult; `result.policy` are the probabilities [K].
    Raises: ConvergenceError, ShapeError, DomainError, TypeError.
    Source: general preference optimization (arXiv 2410.02197); by `games.solve_nash_kl` on the
        matrix of scores (of thousands of responses: on `games.FactorPayoff(embeddings)`).

    >>> rock_paper_scissors = [[1.0, 0.0], [-0.5, 3**0.5 / 2], [-0.5, -(3**0.5) / 2]]
    >>> equilibrium(rock_paper_scissors, [0.0, 0.0, 0.0], beta=0.1).policy.round(4)
    array([0.3333, 0.3333, 0.3333])
    """
    from prefcore import games

    return games.solve_nash_kl(games.gpm_scores(embeddings), beta=beta, log_ref=log_ref)

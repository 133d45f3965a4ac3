"""Preference optimization with rationales, RDPO and RORPO (Just et al. 2024, arXiv 2407.14477)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["rdpo_code_loss", "rdpo_loss", "rorpo_loss", "rorpo_sigmoid_loss"]


def rdpo_loss(chosen: Tensor, rejected: Tensor, rationale: Tensor, *, beta: Num = 0.1, gamma: Num = 0.001) -> Tensor:
    """RDPO as the paper has it: DPO plus the log-likelihood of the reason why the chosen response is better.

    loss = dpo(chosen, rejected) - gamma rationale

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        rationale: [B] log-probs of the rationales given prompt and pair under the policy, sums over tokens, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
        gamma: weight of the rationale, > 0; float or [B]. 0.001 is that of the published run.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Just et al. 2024, L_RDPO.

    >>> rdpo_loss(torch.tensor([2.0]), torch.tensor([0.0]), torch.tensor([-30.0]))
    tensor([0.6281])
    """
    from prefcore._checks import per_example, positive
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    chosen, rejected, rationale = alike(chosen=chosen, rejected=rejected, rationale=rationale)
    positive(gamma=gamma)
    return dpo(chosen, rejected, beta=beta) - per_example("gamma", gamma, chosen) * rationale


def rdpo_code_loss(
    chosen: Tensor, rejected: Tensor, rationale: Tensor, *, beta: Num = 0.1, gamma: Num = 0.001
) -> Tensor:
    """RDPO as the official code has it: the rationale goes through a sigmoid as well.

    loss = dpo(chosen, rejected) - log sigmoid(gamma rationale)

    For a small gamma this adds log 2 and half the gradient of the paper's form.

    Args:
        chosen: as in `rdpo_loss`.
        rejected: as in `rdpo_loss`.
        rationale: as in `rdpo_loss`.
        beta: strength of the pull to the reference, > 0; float or [B].
        gamma: scale of the rationale's log-prob, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: `RDPOTrainer` in trainers.py of reds-lab/preference-learning-with-rationales.

    >>> rdpo_code_loss(torch.tensor([2.0]), torch.tensor([0.0]), torch.tensor([-30.0]))
    tensor([1.3064])
    """
    from prefcore._checks import positive
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike, fitting

    chosen, rejected, rationale = alike(chosen=chosen, rejected=rejected, rationale=rationale)
    positive(gamma=gamma)
    fitting(chosen, gamma=gamma)
    return dpo(chosen, rejected, beta=beta) + dpo(rationale, rationale.new_zeros(rationale.shape), beta=gamma)


def rorpo_loss(
    chosen: Tensor, rejected: Tensor, rationale: Tensor, nll: Tensor, *, beta: Num = 0.1, gamma: Num = 1.0
) -> Tensor:
    """RORPO: ORPO plus the log-likelihood of the rationale.

    loss = nll + orpo(chosen, rejected) - gamma rationale

    Args:
        chosen: [B] mean log-probs per token of the preferred responses under the policy, in nats.
        rejected: [B] mean log-probs of the others.
        rationale: [B] mean log-probs of the rationales.
        nll: [B] negative log-likelihood of the preferred responses, in nats (the official code has one mean over all
            tokens of the batch).
        beta: weight of the odds ratio, > 0; float or [B].
        gamma: weight of the rationale, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: `SimpleRORPOTrainer` in trainers.py of reds-lab/preference-learning-with-rationales.

    >>> rorpo_loss(torch.tensor([-1.0]), torch.tensor([-1.0]), torch.tensor([-2.0]), torch.tensor([1.0]))
    tensor([3.0693])
    """
    from prefcore._checks import per_example, positive
    from prefcore.losses import orpo
    from prefcore.papers._inputs import alike

    chosen, rejected, rationale, nll = alike(chosen=chosen, rejected=rejected, rationale=rationale, nll=nll)
    positive(gamma=gamma)
    return nll + orpo(chosen, rejected, beta=beta) - per_example("gamma", gamma, chosen) * rationale


def rorpo_sigmoid_loss(
    chosen: Tensor, rejected: Tensor, rationale: Tensor, nll: Tensor, *, beta: Num = 0.1, gamma: Num = 1.0
) -> Tensor:
    """RORPO of the official code's other trainer: the rationale goes through a sigmoid.

    loss = nll + orpo(chosen, rejected) - log sigmoid(gamma rationale)

    Args:
        chosen: as in `rorpo_loss`.
        rejected: as in `rorpo_loss`.
        rationale: as in `rorpo_loss`.
        nll: as in `rorpo_loss`.
        beta: weight of the odds ratio, > 0; float or [B].
        gamma: scale of the rationale's log-prob, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: `RORPOTrainer` in trainers.py of reds-lab/preference-learning-with-rationales.

    >>> rorpo_sigmoid_loss(torch.tensor([-1.0]), torch.tensor([-1.0]), torch.tensor([-2.0]), torch.tensor([1.0]))
    tensor([3.1962])
    """
    from prefcore._checks import positive
    from prefcore.losses import dpo, orpo
    from prefcore.papers._inputs import alike, fitting

    chosen, rejected, rationale, nll = alike(chosen=chosen, rejected=rejected, rationale=rationale, nll=nll)
    positive(gamma=gamma)
    fitting(chosen, gamma=gamma)
    reason = dpo(rationale, rationale.new_zeros(rationale.shape), beta=gamma)
    return nll + orpo(chosen, rejected, beta=beta) + reason

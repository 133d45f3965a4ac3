"""Losses that pull each side of a pair against a level of its own. All are elementwise."""

from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore._checks import Num, finite, per_example, positive
from prefcore.losses.pairwise._pair import logistic, pair


def nca(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """NCA for pairs: noise-contrastive alignment, which keeps the chosen likelihood from falling.

    loss = -log sigmoid(beta c) - log sigmoid(-beta c) / 2 - log sigmoid(-beta r) / 2

    Args:
        chosen: [B] log-ratios c = policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios r of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024 (arXiv 2402.05369); TRL `nca_pair` (trl/trainer/dpo_trainer.py).

    >>> nca(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0]), beta=1.0)
    tensor([1.1265, 1.3863])
    """
    chosen, rejected = _rewards(chosen, rejected, beta)
    return logistic(chosen, 1.0, 0.5) - 0.5 * logsigmoid(-rejected)


def bco_pair(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, delta: Num = 0.0) -> Tensor:
    """BCO for pairs: two binary classifications against one reward level.

    loss = -log sigmoid(beta c - delta) - log sigmoid(-(beta r - delta))

    Args:
        chosen: [B] log-ratios c = policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios r of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
        delta: reward level, the running mean of all rewards in the paper (`RunningMoments`), 0 in TRL from 1.0 on;
            float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Jung et al. 2024 (arXiv 2404.04656); TRL `bco_pair` (trl/trainer/dpo_trainer.py).

    >>> bco_pair(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0]), beta=1.0)
    tensor([0.6265, 1.3863])
    """
    chosen, rejected = _rewards(chosen, rejected, beta)
    finite(delta=delta)
    level = per_example("delta", delta, chosen)
    return -logsigmoid(chosen - level) - logsigmoid(level - rejected)


def apo_zero(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """APO-zero: up with the chosen response and down with the rejected one, for a model worse than its data.

    loss = sigmoid(-beta c) + sigmoid(beta r)

    Args:
        chosen: [B] log-ratios c = policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios r of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in [0, 2] (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: D'Oosterlinck et al. 2024 (arXiv 2408.06266), eq. 7; TRL `apo_zero` (trl/trainer/dpo_trainer.py).

    >>> apo_zero(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0]), beta=1.0)
    tensor([0.5379, 1.0000])
    """
    chosen, rejected = _rewards(chosen, rejected, beta)
    return (-chosen).sigmoid() + rejected.sigmoid()


def apo_down(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """APO-down: down with both responses, and more with the rejected one, for a model better than its data.

    loss = sigmoid(beta c) + sigmoid(-beta (c - r))

    Args:
        chosen: [B] log-ratios c = policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios r of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in [0, 2] (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: D'Oosterlinck et al. 2024 (arXiv 2408.06266), eq. 8; TRL `apo_down` (trl/trainer/dpo_trainer.py).

    >>> apo_down(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0]), beta=1.0)
    tensor([0.8503, 1.0000])
    """
    chosen, rejected = _rewards(chosen, rejected, beta)
    return chosen.sigmoid() + (rejected - chosen).sigmoid()


def _rewards(chosen: Tensor, rejected: Tensor, beta: Num) -> tuple[Tensor, Tensor]:
    chosen, rejected = pair(chosen, rejected)
    positive(beta=beta)
    scale = per_example("beta", beta, chosen)
    return scale * chosen, scale * rejected

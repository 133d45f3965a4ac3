"""Losses that are DPO on other inputs: means with a margin, log-odds, sorted samples."""

import torch
from torch import Tensor

from prefcore._checks import Num, log_probs, per_example, positive
from prefcore.errors import ShapeError
from prefcore.losses.pairwise._pair import pair
from prefcore.losses.pairwise.margin import bradley_terry, dpo
from prefcore.scores.transforms import log_odds


def simpo(
    chosen: Tensor, rejected: Tensor, *, beta: Num = 2.0, margin: Num = 0.5, label_smoothing: Num = 0.0
) -> Tensor:
    """SimPO: DPO without a reference, on mean log-probs, with a target margin.

    loss = -(1 - e) log sigmoid(z) - e log sigmoid(-z),  z = beta (chosen - rejected) - margin,  e = label_smoothing

    `dpo` with SimPO's defaults. The margin is in units of the reward, gamma of the paper; the official code's
    `gamma_beta_ratio` is margin / beta. AlphaPO with its alpha a is this on
    `scores.alpha_divergence_score(..., alpha=1 - a)` of both sides.

    Args:
        chosen: [B] mean log-probs of the preferred responses (`.means` of `sequence_logps`), in nats.
        rejected: [B] mean log-probs of the others, in nats.
        beta: scale of the gap, > 0; float or [B].
        margin: target margin gamma; float or [B].
        label_smoothing: probability that the label is wrong, in [0, 1]; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Meng et al. 2024 (arXiv 2405.14734), eq. 6; princeton-nlp/SimPO scripts/simpo_trainer.py; TRL `simpo`
        (trl/experimental/cpo/cpo_trainer.py).

    >>> simpo(torch.tensor([-0.75]), torch.tensor([-1.5]), margin=1.0)
    tensor([0.4741])
    """
    return dpo(chosen, rejected, beta=beta, margin=margin, label_smoothing=label_smoothing)


def orpo(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """Odds-ratio term of ORPO; the NLL of the chosen response is the caller's to add.

    loss = -beta log sigmoid(log_odds(chosen) - log_odds(rejected)),  log_odds(x) = x - log(1 - exp(x))

    Finite also at a mean log-prob of 0, whose odds are infinite: it counts as the largest number below 0, and has no
    gradient.

    Args:
        chosen: [B] mean log-probs of the preferred responses (`.means` of `sequence_logps`), <= 0, in nats.
        rejected: [B] mean log-probs of the others, <= 0, in nats. Log-ratios and rewards have no odds: a number above
            1e-4, which is no rounding error, is refused (on the CPU, outside compiled code).
        beta: weight of the term, > 0 (lambda in the paper); float or [B].
    Returns: [B] losses (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Hong et al. 2024 (arXiv 2403.07691), eq. 7; RORPO: Just et al. 2024 (arXiv 2407.14477); TRL `ORPOTrainer`
        (trl/experimental/orpo/orpo_trainer.py).

    >>> orpo(torch.tensor([-0.5, -1e-12]), torch.tensor([-1.0, -2.0]), beta=1.0)
    tensor([3.2030e-01, 1.5652e-13])
    """
    chosen, rejected = pair(chosen, rejected)
    log_probs(chosen=chosen, rejected=rejected)
    positive(beta=beta)
    return per_example("beta", beta, chosen) * bradley_terry(log_odds(chosen), log_odds(rejected))


def aot(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, label_smoothing: Num = 0.0) -> Tensor:
    """AOT: DPO between the sorted samples of a batch, so that one distribution dominates the other.

    loss_k = dpo(k-th smallest chosen, k-th smallest rejected)

    Unpaired (TRL `aot_unpaired`): the log-ratios of both sides. Paired (TRL `aot`): the policy's gaps
    logps_chosen - logps_rejected, and the reference's gaps. The result depends on the batch as a whole. Ties keep their
    order.

    Args:
        chosen: [B] log-ratios of the preferred responses, or gaps of the policy, in nats.
        rejected: [B] log-ratios of the others, or gaps of the reference, in nats.
        beta: strength of the pull to the reference, > 0; float or [B] in order of rank.
        label_smoothing: probability that the label is wrong, in [0, 1]; float or [B] in order of rank.
    Returns: [B] losses in nats, in order of rank, smallest first (f32; f64 for f64 input). NaN counts as largest.
    Raises: ShapeError, DomainError, TypeError.
    Source: Melnyk et al. 2024 (arXiv 2406.05882); TRL `aot`, `aot_unpaired` (trl/trainer/dpo_trainer.py).

    >>> aot(torch.tensor([3.0, 1.0]), torch.tensor([0.0, 1.0]), beta=1.0)
    tensor([0.3133, 0.1269])
    """
    chosen, rejected = pair(chosen, rejected)
    if chosen.ndim != 1:
        raise ShapeError(f"chosen and rejected must be [B], got {list(chosen.shape)}")
    ranked = (torch.sort(side, stable=True).values for side in (chosen, rejected))
    return dpo(*ranked, beta=beta, label_smoothing=label_smoothing)

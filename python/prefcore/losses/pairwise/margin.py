"""Losses of one margin z = beta (chosen - rejected) - margin: one curve each. All are elementwise."""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore._checks import (
    Num,
    below_half,
    finite,
    inside_unit_interval,
    nonnegative,
    per_example,
    positive,
    unit_interval,
)
from prefcore.losses.pairwise._pair import logistic, margin_of, pair


def bradley_terry(
    chosen: Tensor, rejected: Tensor, *, margin: Num = 0.0, label_smoothing: Num = 0.0, center: Num = 0.0
) -> Tensor:
    """Reward-model loss: negative log-likelihood that the chosen response is preferred, under rewards.

    loss = -(1 - e) log sigmoid(z) - e log sigmoid(-z) + center (chosen + rejected)^2,
    z = chosen - rejected - margin,  e = label_smoothing

    `dpo` with beta = 1, and a penalty that keeps rewards near 0. Finite at any rewards; both tails keep their relative
    accuracy. A soft label p is `label_smoothing=1 - p`. Flex-DPO is this on `beta_c * chosen, beta_r * rejected`,
    attribute strengths (AlignDiff) this on [B, A], response-conditioned rewards (MAPL) this with one response under two
    prompts as the sides, ordered margins (MAPL) this on the two margins.

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
        margin: reward gap that is asked for (Llama 2; the strength of Secrets of RLHF II), negative where a pair is
            believed to be wrong; float or [B].
        label_smoothing: probability that the label is wrong, in [0, 1]; float or [B].
        center: weight of the penalty, >= 0 (0.01 is usual); float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Bradley and Terry 1952; Ouyang et al. 2022 (arXiv 2203.02155), eq. 1; margin: Touvron et al. 2023 (arXiv
        2307.09288), eq. 2; center: Eisenstein et al. 2023 (arXiv 2312.09244); TRL `RewardTrainer`
        (trl/trainer/reward_trainer.py).

    >>> bradley_terry(torch.tensor([1.5, 40.0]), torch.tensor([0.5, 50.0]), margin=1.0)
    tensor([ 0.6931, 11.0000])
    """
    loss = dpo(chosen, rejected, beta=1.0, margin=margin, label_smoothing=label_smoothing)
    nonnegative(center=center)
    if not isinstance(center, Tensor) and center == 0:
        return loss
    chosen, rejected = pair(chosen, rejected)
    weight, level = per_example("center", center, loss), chosen + rejected
    if isinstance(weight, Tensor):
        level = level.where(weight != 0, 0.0)  # not 0 times inf
    return loss + weight * level.square()


def dpo(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, margin: Num = 0.0, label_smoothing: Num = 0.0) -> Tensor:
    """DPO: negative log-likelihood that the chosen response is preferred, under implicit rewards.

    loss = -(1 - e) log sigmoid(z) - e log sigmoid(-z),  z = beta (chosen - rejected) - margin,  e = label_smoothing

    With `label_smoothing` this is cDPO (OSP: 1 - p for a soft label p); with sequence means in place of sums,
    length-normalized DPO (`sigmoid_norm`, FuseChat-3, Delta Learning: beta 5 to 10); on log-probs of the policy alone,
    CPO; with `margin`, ODPO and TPO-L; with the reference scaled by gamma, DPO^gamma; on f-divergence scores, f-DPO;
    against fused log-probs, InfiFPO; against the last policy, DNO. Finite wherever z is, and both tails keep their
    relative accuracy; 0 for a rejected response of log-prob -inf. NaN in, NaN out.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B] (values inside tensors are looked at on the CPU,
            outside compiled code). The default is for sums over tokens.
        margin: reward gap that is asked for, in nats; float or [B].
        label_smoothing: probability that the label is wrong, in [0, 1]; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise.
    Raises: ShapeError, DomainError, TypeError.
    Source: Rafailov et al. 2023, eq. 7; cDPO: Mitchell 2023; TRL `sigmoid` and `sigmoid_norm`
        (trl/trainer/dpo_trainer.py).

    >>> dpo(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 0.0]), beta=0.5)
    tensor([0.3133, 0.6931])
    """
    z = margin_of(chosen, rejected, beta, margin)
    unit_interval(label_smoothing=label_smoothing)
    smoothing = per_example("label_smoothing", label_smoothing, z)
    return logistic(z, 1 - smoothing, smoothing)


def robust_dpo(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, label_smoothing: Num) -> Tensor:
    """Robust DPO (rDPO): DPO whose mean over randomly flipped labels is the loss of the clean ones.

    loss = (-(1 - e) log sigmoid(z) + e log sigmoid(-z)) / (1 - 2 e),
    z = beta (chosen - rejected),  e = label_smoothing

    Not cDPO (`dpo(label_smoothing=)`): the flipped term counts with the other sign. So the loss has no lower bound: it
    is -inf for a rejected response of log-prob -inf. At e = 0 both are DPO.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
        label_smoothing: probability that a label was flipped, in [0, 0.5); float or [B]. 0.1 is usual.
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chowdhury, Kini and Natarajan 2024 (arXiv 2403.00409); TRL `robust` (trl/trainer/dpo_trainer.py).

    >>> robust_dpo(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 0.0]), beta=0.5, label_smoothing=0.1)
    tensor([0.1883, 0.6931])
    """
    z = margin_of(chosen, rejected, beta)
    below_half(label_smoothing=label_smoothing)
    smoothing = per_example("label_smoothing", label_smoothing, z)
    return logistic(z, (1 - smoothing) / (1 - 2 * smoothing), -smoothing / (1 - 2 * smoothing))


def hinge(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, margin: Num = 1.0) -> Tensor:
    """Hinge loss on the scaled gap of two responses (SLiC, RSO).

    loss = max(0, margin - beta (chosen - rejected))

    On log-probs of the policy alone it is SLiC's and CPO's; on scores, with beta = 1, that of ideal-point models (PAL),
    of ordered negatives (VideoComp) and, on [B, T] tokens, the token-weighted hinge.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats, or scores.
        rejected: [B] the same of the others.
        beta: scale of the gap, > 0; float or [B].
        margin: scaled gap at which the loss vanishes; float or [B].
    Returns: [B] losses (f32; f64 for f64 input), gradient 0 at the margin. Any common shape works elementwise. NaN in,
        NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: SLiC-HF, Zhao et al. 2023 (arXiv 2305.10425); RSO, Liu et al. 2023 (arXiv 2309.06657); TRL `hinge`
        (trl/trainer/dpo_trainer.py).

    >>> hinge(torch.tensor([2.0, 9.0]), torch.tensor([0.0, 0.0]), beta=0.25)
    tensor([0.5000, 0.0000])
    """
    return torch.relu(-margin_of(chosen, rejected, beta, margin))


def ipo(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, preference_gap: Num = 0.5) -> Tensor:
    """IPO: squared distance of the log-ratio gap from the gap that the preference asks for.

    loss = (chosen - rejected - preference_gap / beta)^2

    A preference gap of 1/2 is a sure label (plain IPO), p - 1/2 a soft one (online IPO 2), P(y > y'') - P(y' > y'')
    that of two responses against an opponent y'' (EGPO, online IPO). INPO is this on log-ratios to the geometric
    mixture of last policy and reference, with beta = eta. TRL takes per-token means (`.means` of `sequence_logps`).

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others, in nats.
        beta: strength of the pull to the reference, > 0 (tau in the paper); float or [B].
        preference_gap: how much more often `chosen` wins than `rejected`, in [-1, 1]; float or [B].
    Returns: [B] losses in nats squared (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Azar et al. 2023 (arXiv 2310.12036), eq. 17; online: Calandriello et al. 2024 (arXiv 2403.08635); INPO:
        Zhang et al. 2024 (arXiv 2407.00617); TRL `ipo` (trl/trainer/dpo_trainer.py).

    >>> ipo(torch.tensor([6.0, 0.0]), torch.tensor([0.0, 0.0]), beta=0.1)
    tensor([ 1., 25.])
    """
    gap = margin_of(chosen, rejected, 1.0)
    positive(beta=beta)
    finite(preference_gap=preference_gap)
    target = per_example("preference_gap", preference_gap, gap) / per_example("beta", beta, gap)
    return (gap - target).square()


def exo(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, label_smoothing: Num = 1e-3) -> Tensor:
    """EXO for pairs: reverse KL divergence of the policy's preference from the smoothed label.

    loss = sigmoid(z) (log sigmoid(z) - log(1 - e)) + sigmoid(-z) (log sigmoid(-z) - log e),
    z = beta (chosen - rejected),  e = label_smoothing

    0 at z = log((1 - e) / e); between there and -log e for z -> -inf, -log(1 - e) for z -> inf.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
        label_smoothing: probability that the label is wrong, in (0, 1); float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out, and NaN
        for a log-prob of -inf.
    Raises: ShapeError, DomainError, TypeError.
    Source: Ji et al. 2024 (arXiv 2402.00856), eq. 16; TRL `exo_pair` (trl/trainer/dpo_trainer.py).

    >>> exo(torch.tensor([4.0, 0.0]), torch.tensor([0.0, 0.0]), beta=0.5, label_smoothing=0.1)
    tensor([0.0019, 0.5108])
    """
    z = margin_of(chosen, rejected, beta)
    inside_unit_interval(label_smoothing=label_smoothing)
    smoothing = per_example("label_smoothing", label_smoothing, z)
    log_right, log_wrong = _log(1 - smoothing), _log(smoothing)
    return z.sigmoid() * (logsigmoid(z) - log_right) + (-z).sigmoid() * (logsigmoid(-z) - log_wrong)


def discopop(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1, tau: Num = 0.05) -> Tensor:
    """DiscoPOP: blend of the logistic and the exponential loss, found by search.

    loss = -sigmoid(-z / tau) log sigmoid(z) + sigmoid(z / tau) exp(-z),  z = beta (chosen - rejected)

    Not monotone near z = 0. The second term is computed as one exponential, so that it is 0 rather than 0 inf where
    sigmoid underflows: finite at any z for tau < 1.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
        tau: temperature of the blend, > 0; float or [B].
    Returns: [B] losses (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Lu et al. 2024 (arXiv 2406.08414), eq. 5; TRL `discopop` (trl/trainer/dpo_trainer.py).

    >>> discopop(torch.tensor([1.0, 0.0, -900.0]), torch.tensor([0.0, 0.0, 0.0]), beta=1.0)
    tensor([3.6788e-01, 8.4657e-01, 9.0000e+02])
    """
    gap = margin_of(chosen, rejected, beta)
    positive(tau=tau)
    z = gap.clamp(min=torch.finfo(gap.dtype).min)
    scaled = z / per_example("tau", tau, z)
    loss = torch.exp(logsigmoid(scaled) - z) - (-scaled).sigmoid() * logsigmoid(z)
    return torch.where(gap.isneginf(), -gap, loss)


def _log(x: Num) -> Num:
    return x.log() if isinstance(x, Tensor) else math.log(x)

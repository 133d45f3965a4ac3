"""Losses over the candidates of one prompt."""

from torch import Tensor

from prefcore._checks import nonnegative, numbers, same_device, same_shape, tensors, upcast
from prefcore.errors import ShapeError


def grao(
    logps: Tensor,
    gold_logps: Tensor,
    advantages: Tensor,
    gold_advantages: Tensor,
    *,
    beta: float = 0.5,
    lam: float = 0.6,
) -> Tensor:
    """GRAO: learn from own samples by their advantage, imitate the answer in the data, and keep samples close to it.

    loss = -1/G sum_i [A_i E_i + beta A_y I + lam A_i (E_i - I)],  E = logps, I = gold_logps, A_y = gold_advantages

    Linear in the log-probs: d/dE_i = -(1 + lam) A_i / G, d/dI = -beta A_y + lam mean A. The paper leaves open whether
    the gold answer is one of the group; call `scores.group_advantage` with it or without.

    Args:
        logps: [B, G] mean token log-probs of the samples, in nats.
        gold_logps: [B] mean token log-probs of the answer in the data.
        advantages: [B, G] of the samples, constant for autograd.
        gold_advantages: [B] of the answer in the data, constant for autograd.
        beta: weight of the imitation, >= 0.
        lam: weight of the alignment regularizer, >= 0.
    Returns: [B] losses (f32; f64 for f64 input), of any sign. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: GRAO (Wang et al. 2025, arXiv 2508.07750), eq. 2 to 4.

    >>> grao(torch.tensor([[-1.0, -2.0]]), torch.tensor([-1.5]), torch.tensor([[1.0, -1.0]]), torch.tensor([0.5]))
    tensor([-0.4250])
    """
    _check(logps, gold_logps, advantages, gold_advantages)
    numbers(beta=beta, lam=lam)
    nonnegative(beta=beta, lam=lam)
    constants = {"advantages": advantages.detach(), "gold_advantages": gold_advantages.detach()}
    logps, gold_logps, advantages, gold_advantages = upcast(logps=logps, gold_logps=gold_logps, **constants)
    slope = lam * advantages.mean(1) - beta * gold_advantages
    own, gold = logps.where(advantages != 0, 0.0), gold_logps.where(slope != 0, 0.0)  # 0 times -inf counts nothing
    return slope * gold - (1 + lam) * (advantages * own).mean(1)


def _check(logps: Tensor, gold_logps: Tensor, advantages: Tensor, gold_advantages: Tensor) -> None:
    tensors(logps=logps, gold_logps=gold_logps, advantages=advantages, gold_advantages=gold_advantages)
    same_shape(logps=logps, advantages=advantages)
    same_shape(gold_logps=gold_logps, gold_advantages=gold_advantages)
    same_device(logps=logps, gold_logps=gold_logps)
    if logps.ndim != 2 or gold_logps.shape != logps.shape[:1] or logps.shape[1] == 0:
        got = f"logps {list(logps.shape)} and gold_logps {list(gold_logps.shape)}"
        raise ShapeError(f"expected logps [B, G] with G > 0 and gold_logps [B], got {got}")

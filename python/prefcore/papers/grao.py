"""GRAO: learning to align, aligning to learn (Wang et al. 2025, arXiv 2508.07750)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Evaluation", "evaluate", "loss", "relative_gain"]


class Evaluation(NamedTuple):
    """How a model fares against another one and against what it was before."""

    ras: float
    """Relative adversarial score: share of the prompts on which it beats the other model."""
    nag: float
    """Normalized alignment gain: share of the prompts that got better minus share of those that got worse."""


def loss(
    logps: Tensor,
    gold_logps: Tensor,
    rewards: Tensor,
    gold_rewards: Tensor,
    *,
    beta: float = 0.5,
    lam: float = 0.6,
) -> Tensor:
    """`losses.grao` with the answer in the data as a member of the group: advantages of G + 1 rewards, ddof 0.

    For groups of the samples alone call `losses.grao` with other advantages; the paper can be read either way.

    Args:
        logps: [B, G] mean token log-probs of the samples, in nats.
        gold_logps: [B] mean token log-probs of the answer in the data.
        rewards: [B, G] of the samples.
        gold_rewards: [B] of the answer in the data.
        beta: weight of the imitation, >= 0.
        lam: weight of the alignment regularizer, >= 0.
    Returns: [B] losses (f32; f64 for f64 input), of any sign. Equal rewards give 0. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: GRAO, eq. 2 to 4.

    >>> loss(torch.tensor([[-1.0, -2.0]]), torch.tensor([-1.5]), torch.tensor([[1.0, 0.0]]), torch.tensor([0.5]))
    tensor([-0.9798])
    """
    import torch

    from prefcore._checks import same_device
    from prefcore.errors import ShapeError
    from prefcore.losses import grao
    from prefcore.papers._inputs import alike
    from prefcore.scores import group_advantage

    logps, rewards = alike(logps=logps, rewards=rewards)
    gold_logps, gold_rewards = alike(gold_logps=gold_logps, gold_rewards=gold_rewards)
    if logps.ndim != 2 or gold_logps.shape != logps.shape[:1]:
        got = f"{list(logps.shape)} and {list(gold_logps.shape)}"
        raise ShapeError(f"expected logps and rewards [B, G], gold_logps and gold_rewards [B], got {got}")
    same_device(rewards=rewards, gold_rewards=gold_rewards)
    group = torch.cat([rewards, gold_rewards.unsqueeze(1)], 1)
    offsets = torch.arange(len(group) + 1, device=group.device) * group.shape[1]
    advantages = group_advantage(group.flatten(), offsets, ddof=0).view_as(group)
    return grao(logps, gold_logps, advantages[:, :-1], advantages[:, -1], beta=beta, lam=lam)


def evaluate(relative: Any, post: Any, pre: Any) -> Evaluation:
    """Both scores of the paper.

    ras = share(relative > 0),  nag = share(post > pre) - share(post < pre)

    Args:
        relative: [N] reward of the model's response minus that of the other model's.
        post: [N] rewards after training.
        pre: [N] rewards before.
    Returns: Evaluation(ras, nag), fractions; NaN without a prompt.
    Raises: ShapeError, DomainError, TypeError.
    Source: GRAO, evaluation metrics. As printed NAG is the first share alone, which cannot be negative as table 1 is:
        the signed form is derived. The printed one is `metrics.pairwise_accuracy(post, pre, ties=0.0)`.

    >>> evaluate([0.5, -0.2, 0.1, 0.0], [0.6, 0.4, 0.5, 0.9], [0.5, 0.5, 0.5, 0.2])
    Evaluation(ras=0.5, nag=0.25)
    """
    from prefcore import _arrays
    from prefcore.metrics import pairwise_accuracy

    given = {"relative": relative, "post": post, "pre": pre}
    r, after, before = (_arrays.finite(name, _arrays.floats(name, values)) for name, values in given.items())
    _arrays.one_dimensional("relative", r)
    _arrays.same_shape(relative=r, post=after, pre=before)
    ras, gain = pairwise_accuracy(r, 0.0, ties=0.0), pairwise_accuracy(after, before, ties=0.5)
    return Evaluation(float(ras), float(2 * gain - 1))


def relative_gain(ours: Any, theirs: Any) -> float:
    """Mean relative gain over benchmarks.

    mean_k (ours_k - theirs_k) / theirs_k

    Args:
        ours: [K] results of one method.
        theirs: [K] of the other, not 0.
    Returns: float, a fraction; NaN without a benchmark.
    Raises: ShapeError, DomainError, TypeError.
    Source: GRAO, tables 1 to 3. Two of four gains in the abstract follow from them: 57.70 and 17.65 percent over SFT
        and DPO; over PPO and GRPO the tables give 6.82 and 6.35 where it prints 7.95 and 5.18.

    >>> relative_gain([60.0, 30.0], [50.0, 20.0])
    0.35
    """
    from prefcore import _arrays
    from prefcore.errors import DomainError

    a = _arrays.finite("ours", _arrays.floats("ours", ours))
    b = _arrays.finite("theirs", _arrays.floats("theirs", theirs))
    _arrays.one_dimensional("ours", a)
    _arrays.same_shape(ours=a, theirs=b)
    if not b.all():
        raise DomainError(f"theirs[{int((b == 0).argmax())}] must not be 0")
    return float(((a - b) / b).mean()) if len(a) else float("nan")

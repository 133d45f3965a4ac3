"""Preference learning algorithms do not learn preference rankings (Chen et al. 2024, arXiv 2405.19534)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["difficulty", "idealized_log_ratio", "loss"]


def difficulty(ref_chosen: Tensor, ref_rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """The DPO loss at which a pair flips: the policy ranks it right just where its own loss is at most this.

    -log sigmoid(beta (ref_rejected - ref_chosen))

    Below log 2 where the reference has the pair wrong, and the nearer to 0 the harder.

    Args:
        ref_chosen: [B] log-probs of the preferred responses under the reference, in nats.
        ref_rejected: [B] log-probs of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024, theorem 4.1.

    >>> difficulty(torch.tensor([-5.0, -60.0]), torch.tensor([-5.0, -20.0]))
    tensor([0.6931, 0.0181])
    """
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    ref_chosen, ref_rejected = alike(ref_chosen=ref_chosen, ref_rejected=ref_rejected)
    return dpo(ref_rejected, ref_chosen, beta=beta)


def idealized_log_ratio(
    ref_chosen: Any, ref_rejected: Any, prob: Any, *, beta: float, eps: float = 1e-3
) -> NDArray[np.float64]:
    """Log-ratio of both responses under the policy that minimizes the DPO loss perfectly.

    log pi(chosen) - log pi(rejected) = ref_chosen - ref_rejected + log(prob / (1 - prob)) / beta

    Its `metrics.pairwise_accuracy(ratio, 0.0, ties=0.0)` is the idealized ranking accuracy.

    Args:
        ref_chosen: [N] log-probs of the preferred responses under the reference, in nats.
        ref_rejected: [N] log-probs of the others.
        prob: [N] share of annotators that prefer `chosen`, in [0, 1]; 1 becomes 1 - eps, and 0 eps.
        beta: strength of the pull to the reference, > 0.
        eps: distance of a unanimous share from its end, in (0, 1).
    Returns: float64 [N]. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024, corollary 3.3 and appendix C.4; the official rlhf_minimizer_client.py divides summed
        log-probs where it does not normalize, and shares by eps.

    >>> idealized_log_ratio([-60.0], [-20.0], [1.0], beta=0.1).round(4)
    array([29.0675])
    """
    import numpy as np

    from prefcore import _arrays

    given = {"ref_chosen": ref_chosen, "ref_rejected": ref_rejected, "prob": prob}
    columns = {name: _arrays.floats(name, values) for name, values in given.items()}
    _arrays.same_shape(**columns)
    ref_chosen, ref_rejected, prob = columns.values()
    beta, eps = _arrays.number("beta", beta), _arrays.number("eps", eps)
    _arrays.refuse("beta", beta, not beta > 0, "> 0")
    _arrays.refuse("eps", eps, not 0 < eps < 1, "in (0, 1)")
    _arrays.refuse("prob", prob, (prob < 0) | (prob > 1), "in [0, 1]")
    inner = np.where(prob == 1, 1 - eps, np.where(prob == 0, eps, prob))
    ratio: NDArray[np.float64] = ref_chosen - ref_rejected + (np.log(inner) - np.log1p(-inner)) / beta
    return ratio


def loss(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: Num = 0.1,
    gamma: Num = 1.0,
) -> Tensor:
    """DPO^gamma: DPO with the reference scaled; 0 leaves it out, 1 is DPO.

    loss = dpo(chosen - gamma ref_chosen, rejected - gamma ref_rejected)

    Args:
        chosen: [B] log-probs of the preferred responses under the policy, in nats.
        rejected: [B] log-probs of the others.
        ref_chosen: [B] log-probs of the preferred responses under the reference.
        ref_rejected: [B] log-probs of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
        gamma: scale of the reference, finite; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024, eq. 4; dpo_trainer.py (`alpha_scaling`) of angie-chen55/pref-learning-ranking-acc.

    >>> x = torch.tensor([-1.0])
    >>> loss(x, 2 * x, x, 3 * x, beta=1.0, gamma=0.5)
    tensor([0.6931])
    """
    from prefcore._checks import finite, per_example
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    chosen, rejected, ref_chosen, ref_rejected = alike(
        chosen=chosen, rejected=rejected, ref_chosen=ref_chosen, ref_rejected=ref_rejected
    )
    finite(gamma=gamma)
    scale = per_example("gamma", gamma, chosen)
    return dpo(chosen - scale * ref_chosen, rejected - scale * ref_rejected, beta=beta)

"""Preference learning algorithms do not learn preference rankings (Chen et al. 2024, arXiv 2405.19534)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["RankingGap", "difficulty", "evaluate", "exact_match", "idealized_log_ratio", "loss"]


class RankingGap(NamedTuple):
    """Ranking accuracy of a tuned model, and that of the policies that minimize its loss perfectly."""

    accuracy: float
    idealized_min: float
    """The lowest over the betas."""
    idealized_median: float
    idealized_max: float
    gap: float
    """idealized_median - accuracy"""


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
    with np.errstate(over="ignore"):  # a tiny beta leaves the sign of the preference alone
        ratio: NDArray[np.float64] = ref_chosen - ref_rejected + (np.log(inner) - np.log1p(-inner)) / beta
    return ratio


def evaluate(
    chosen: Any,
    rejected: Any,
    ref_chosen: Any,
    ref_rejected: Any,
    prob: Any,
    *,
    betas: Any = (0.01, 0.1, 1.0, 5.0, 10.0),
    eps: float = 1e-3,
) -> RankingGap:
    """How far the ranking accuracy of a tuned model is from that of its ideal.

    accuracy = share(chosen >= rejected);  idealized = share(idealized_log_ratio(beta) > 0), for each beta

    Args:
        chosen: [N] log-probs of the preferred responses under the tuned model, sums or means over tokens, in nats.
        rejected: [N] log-probs of the others.
        ref_chosen: [N] the same of the preferred responses under the reference.
        ref_rejected: [N] the same of the others.
        prob: [N] share of annotators that prefer `chosen`, as in `idealized_log_ratio`.
        betas: [K] strengths of the pull to the reference, > 0, at least one.
        eps: as in `idealized_log_ratio`.
    Returns: RankingGap(accuracy, idealized_min, idealized_median, idealized_max, gap); NaN without a pair.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024, definition 2.3, corollary 3.3 and table 1; one number for the gap is derived.

    >>> evaluate([-2.5, -30.0], [-2.6, -29.0], [-3.0, -60.0], [-2.0, -20.0], [0.75, 0.9], betas=(0.01, 0.1, 5.0))
    RankingGap(accuracy=0.5, idealized_min=0.0, idealized_median=0.5, idealized_max=1.0, gap=0.0)
    """
    import numpy as np

    from prefcore import _arrays
    from prefcore.errors import DomainError
    from prefcore.metrics import pairwise_accuracy

    given = {"chosen": chosen, "rejected": rejected, "ref_chosen": ref_chosen, "ref_rejected": ref_rejected}
    columns = {name: _arrays.finite(name, _arrays.floats(name, values)) for name, values in given.items()}
    _arrays.one_dimensional("chosen", columns["chosen"])
    p = _arrays.floats("prob", prob)
    _arrays.same_shape(**columns, prob=p)
    _arrays.refuse("prob", p, ~((p >= 0) & (p <= 1)), "in [0, 1]")
    pulls = _arrays.floats("betas", betas)
    _arrays.one_dimensional("betas", pulls)
    if len(pulls) == 0:
        raise DomainError("betas must hold a number, got none")
    _arrays.refuse("betas", pulls, ~(pulls > 0), "> 0")
    ratios = [idealized_log_ratio(ref_chosen, ref_rejected, prob, beta=float(beta), eps=eps) for beta in pulls]
    ideal = [float(pairwise_accuracy(ratio, 0.0, ties=0.0)) for ratio in ratios]
    accuracy, median = (
        float(pairwise_accuracy(columns["chosen"], columns["rejected"], ties=1.0)),
        float(np.median(ideal)),
    )
    return RankingGap(accuracy, min(ideal), median, max(ideal), median - accuracy)


def exact_match(scores: Any, ranks: Any) -> float:
    """Ranking accuracy of lists: the share whose ranks by score are exactly the given ones.

    `metrics.ranking_exact_match`, its mean

    Args:
        scores: [N, n] log-probs or other scores of n responses to each prompt; larger is better.
        ranks: [N, n] whole numbers >= 1, the best is 1; ties share the best of their ranks.
    Returns: float in [0, 1]; NaN without a list.
    Raises: ShapeError, DomainError, TypeError.
    Source: Chen et al. 2024; calibration_metrics_lib.py of angie-chen55/pref-learning-ranking-acc.

    >>> exact_match([[0.5, 0.2, 0.9], [0.1, 0.4, 0.4]], [[2, 3, 1], [3, 1, 2]])
    0.5
    """
    import numpy as np

    from prefcore import _arrays
    from prefcore.errors import ShapeError
    from prefcore.metrics import ranking_exact_match

    if (given := _arrays.floats("scores", scores)).ndim != 2:
        raise ShapeError(f"scores must be [N, n], got {list(given.shape)}")
    _arrays.refuse("scores", given, np.isnan(given), "a number")
    matches = ranking_exact_match(given, ranks)
    return float(matches.mean()) if len(matches) else float("nan")


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

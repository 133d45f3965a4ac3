"""Elementwise transforms of log-probs and log-ratios, applied before a loss."""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from prefcore._checks import Num, finite, log_probs, numbers, per_example, same_shape, tensors, upcast


def alpha_divergence_score(logratios: Tensor, *, alpha: float) -> Tensor:
    """Score of f-DPO under an alpha divergence: what a loss takes in place of the log-ratio.

    score = (exp((alpha - 1) r) - 1) / (alpha - 1);  alpha = 1: r (reverse KL),  alpha = 0: 1 - exp(-r) (forward KL)

    AlphaPO with its alpha a is `simpo` on this score of mean log-probs, with alpha = 1 - a. Finite at any log-ratio:
    where the exponent would pass 80 (f32) or 701 (f64) the score stays at its value there, with gradient 0.

    Args:
        logratios: log-ratios policy - reference, in nats; any shape.
        alpha: order of the divergence, finite.
    Returns: scores of the same shape (f32; f64 for f64 input), 0 where the log-ratio is 0. NaN in, NaN out.
    Raises: TypeError, DomainError.
    Source: f-DPO, Wang et al. 2023 (arXiv 2309.16240), table 1; AlphaPO, Gupta et al. 2025 (arXiv 2501.03884);
        TRL `f_divergence_type` (trl/trainer/dpo_trainer.py), whose alpha before 1.0 was 1 - alpha.

    >>> alpha_divergence_score(torch.tensor([-0.5, 0.0, 2.0]), alpha=0.0)
    tensor([-0.6487,  0.0000,  0.8647])
    """
    tensors(logratios=logratios)
    numbers(alpha=alpha)
    finite(alpha=alpha)
    (r,) = upcast(logratios=logratios)
    order = float(alpha) - 1.0
    if order == 0.0:
        return r.clone()  # never the input itself: the caller may write into a result
    largest = math.log(torch.finfo(r.dtype).max) - 8.0  # room for beta, 1 / (alpha - 1) and the sum of a batch
    return torch.expm1((order * r).clamp(max=largest)) / order


def js_divergence_score(logratios: Tensor) -> Tensor:
    """Score of f-DPO under the Jensen-Shannon divergence: what a loss takes in place of the log-ratio.

    score = log 2 + log sigmoid(r)

    It keeps its relative accuracy near 0, where the two terms cancel, and in both tails.

    Args:
        logratios: log-ratios policy - reference, in nats; any shape.
    Returns: scores of the same shape (f32; f64 for f64 input), at most log 2, 0 where the log-ratio is 0. NaN in, NaN
        out.
    Raises: TypeError.
    Source: f-DPO, Wang et al. 2023 (arXiv 2309.16240), table 1; TRL `f_divergence_type` (trl/trainer/dpo_trainer.py).

    >>> js_divergence_score(torch.tensor([-0.5, 0.0, 2.0]))
    tensor([-0.2809,  0.0000,  0.5662])
    """
    tensors(logratios=logratios)
    (r,) = upcast(logratios=logratios)
    small = r.abs() < 1
    near = torch.log1p(torch.tanh(r.where(small, 0.0) / 2))  # 2 sigmoid(r) = 1 + tanh(r / 2)
    return torch.where(small, near, math.log(2.0) + logsigmoid(r))


def log1mexp(logps: Tensor) -> Tensor:
    """Log-probability of the opposite: log(1 - exp(x)) without cancellation.

    log(-expm1(x)) for x > -log 2,  log1p(-exp(x)) below

    Value and gradient -1 / expm1(-x) keep their relative accuracy down to the smallest numbers.

    Args:
        logps: log-probs <= 0, in nats; any shape.
    Returns: log(1 - exp(x)) of the same shape (f32; f64 for f64 input); -inf at 0, NaN above.
    Raises: TypeError.
    Source: Maechler 2012, "Accurately computing log(1 - exp(-|a|))", eq. 7; TRL (trl/experimental/utils.py).

    >>> log1mexp(torch.tensor([-1e-10, -1.0, -50.0]))
    tensor([-2.3026e+01, -4.5868e-01, -1.9287e-22])
    """
    tensors(logps=logps)
    (x,) = upcast(logps=logps)
    middle = -math.log(2.0)
    small = x > middle
    # Each branch sees only numbers that it can differentiate: a NaN gradient times 0 would be NaN.
    near = torch.log(-torch.expm1(torch.where(small, x, middle)))
    far = torch.log1p(-torch.exp(torch.where(small, middle, x)))
    return torch.where(small, near, far)


def log_odds(logps: Tensor) -> Tensor:
    """Log-odds of a (mean) log-prob, the score of ORPO.

    log(p / (1 - p)) = x - log(1 - exp(x))

    A log-prob of 0 has infinite odds; it counts as the largest number below 0, as do rounding errors above it, up to
    1e-4. The result is finite there, with gradient 0 (the limit of the gradient is infinite).

    Args:
        logps: log-probs <= 0, in nats; any shape.
    Returns: log-odds of the same shape (f32; f64 for f64 input). NaN in, NaN out.
    Raises: TypeError; DomainError for a number above 1e-4, which is no log-prob (on the CPU, outside compiled code;
        elsewhere it counts as one of 0).
    Source: ORPO, Hong et al. 2024 (arXiv 2403.07691), eq. 4.

    >>> log_odds(torch.tensor([-0.6931472, -1e-10]))
    tensor([ 0.0000, 23.0259])
    """
    tensors(logps=logps)
    (x,) = upcast(logps=logps)
    log_probs(logps=x)
    x = x.clamp(max=-torch.finfo(x.dtype).tiny)
    return x - log1mexp(x)


def guidance_combine(base: Tensor, full: Tensor, *, w_base: Num = 1.0, w_delta: Num = 1.0) -> Tensor:
    """A prediction and a scaled step towards another one: guidance, two-scale adapters, mixed rewards.

    w_base base + w_delta (full - base)

    Classifier-free guidance is base = unconditional, full = conditional, w_delta = w.

    Args:
        base: predictions, scores or log-probs of any shape.
        full: the same with the other ingredient.
        w_base: float, or a tensor of the data's shape or [B].
        w_delta: float, or a tensor of the data's shape or [B].
    Returns: the combination, of the same shape (f32; f64 for f64 input).
    Raises: ShapeError, TypeError, DomainError.
    Source: AlignDiff, Dong et al. 2024 (arXiv 2310.02054), diffusion/ode.py; PiSA-SR, Sun et al. 2024
        (arXiv 2412.03017), pisasr.py.

    >>> guidance_combine(torch.tensor([0.5, -1.0]), torch.tensor([1.0, 2.0]), w_delta=1.5)
    tensor([1.2500, 3.5000])
    """
    tensors(base=base, full=full)
    same_shape(base=base, full=full)
    finite(w_base=w_base, w_delta=w_delta)
    base, full = upcast(base=base, full=full)
    return per_example("w_base", w_base, base) * base + per_example("w_delta", w_delta, base) * (full - base)

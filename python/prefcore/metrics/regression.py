"""Regressions on preferences: what moves a judge, with style held fixed, and how a loss falls with size."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._estimates import Floats, Shown, drawn_folds, limits, matrix, naming, rows_of, settled, sigmoid
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics._chains import effective_size, split_r_hat

__all__ = [
    "LaplacePosterior",
    "LogitFit",
    "PowerLaw",
    "StyleControl",
    "fit_logit",
    "fit_power_law",
    "laplace_logistic_regression",
    "style_controlled_bt",
]


@dataclass(frozen=True, repr=False)
class LogitFit(Shown):
    """A logistic regression."""

    coef: Floats
    """[F]"""
    intercept: float
    """0 without an intercept."""
    std_error: Floats
    """[F] of the coefficients, from the inverse Hessian of the objective: with a ridge they are too small."""
    objective: float
    """Negative log-likelihood plus penalty."""
    converged: bool
    iterations: int
    residual: float
    """Largest absolute entry of the gradient / total weight."""
    status: str
    """converged, floor (as far as rounding lets it), max_iter or stalled."""


@dataclass(frozen=True, repr=False)
class StyleControl(Shown):
    """A Bradley-Terry model of scores with style held fixed."""

    coef: Floats
    """[1 + F] of the difference in score, then of each style feature, fitted to all rows."""
    probs: Floats
    """[N] probabilities that the first response is preferred, each by a fit without the row's fold."""
    objective: float
    """Negative log-likelihood plus penalty of the fit to all rows."""
    converged: bool
    """Of this fit and of those of all folds."""
    iterations: int
    """The most that one of the fits took."""
    residual: float
    """The largest of the fits; see `LogitFit`."""
    status: str
    """Of the worst of the fits."""


@dataclass(frozen=True, repr=False)
class LaplacePosterior(Shown):
    """Moments of a posterior, and how well they are known."""

    mean: Floats
    """[F]"""
    std: Floats
    """[F]"""
    ess: Floats
    """[F] number of independent draws that would give the mean as well; infinite for quadrature."""
    r_hat: Floats
    """[F] spread over all half chains / within them; 1 for quadrature."""
    converged: bool
    """Whether `residual` is at most 0.01."""
    iterations: int
    """Draws of a chain, warm-up included; 0 for quadrature."""
    residual: float
    """Largest r_hat - 1, at least 0."""
    status: str
    """converged or max_iter."""


class PowerLaw(NamedTuple):
    """loss = offset + exp(log_prefactor) size^(-exponent)"""

    exponent: float
    log_prefactor: float


def fit_logit(
    features: Any,
    labels: Any,
    *,
    ridge: float = 0.0,
    intercept: bool = True,
    weights: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> LogitFit:
    """Logistic regression by Newton's method, with soft labels, weights and a ridge that spares the intercept.

    min  sum_n weight_n (softplus(eta_n) - label_n eta_n) + ridge/2 |coef|^2,   eta = features coef + intercept

    Columns are centered and scaled inside, so their units do not matter to the iteration (they do to the ridge). For a
    control, as of length in WIMHF, give it a column of its own. To penalize the intercept, give a column of ones and
    `intercept=False`.

    Args:
        features: [N, F], or [N] for one column; finite.
        labels: [N] probabilities of the positive class, in [0, 1]; 0/1 for hard labels.
        ridge: weight of the penalty, >= 0. scikit-learn's 1/C.
        intercept: whether to fit one; it is not penalized.
        weights: [N] weight of each row, in [0, 1e100]; default all 1.
        tol: bound of `residual`, the largest absolute entry of the gradient / total weight, in the units given; checked
            after one more step.
        max_iter: most Newton steps.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: LogitFit(coef, intercept, std_error, objective, converged, iterations, residual, status).
    Raises: SeparationError where labels are separated and nothing holds the coefficients, RankDeficientError where
        columns depend on one another (both name the columns), ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Newton's method for the logit; controlled logit of WIMHF, Movva et al. 2025.

    >>> fit_logit([0.0, 1.0, 2.0, 3.0], [0, 1, 0, 1]).coef.round(4)
    array([0.9082])
    """
    x = matrix("features", features)
    y = rows_of("labels", labels, x)
    w = None if weights is None else rows_of("weights", weights, x)
    if w is not None:
        _arrays.refuse("weights", w, (w > 1e100) & (w < np.inf), "at most 1e100")
    tol, max_iter = limits(tol, max_iter)
    options = _arrays.number("ridge", ridge), _arrays.flag("intercept", intercept), tol, max_iter
    fit = LogitFit(*_rust.fit_logit(x, y, w, options))
    return settled(fit, strict=strict, tol=tol)


def style_controlled_bt(
    score_diff: Any,
    style_a: Any,
    style_b: Any,
    labels: Any,
    *,
    seed: int = 0,
    ridge: float = 1.0,
    folds: int = 5,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> StyleControl:
    """Bradley-Terry model of a reward difference and of differences in style, cross-fitted.

    p = sigmoid(coef_0 score_diff + sum_f coef_f (a_f - b_f) / (a_f + b_f)),  0/0 = 0

    The ridge counts every coefficient and there is no intercept, so exchanging the responses exchanges p and 1 - p.

    Args:
        score_diff: [N] score of response a minus score of response b.
        style_a: [N, F] counts of style in response a, >= 0: tokens, headers, lists, bold.
        style_b: [N, F] of response b.
        labels: [N] probabilities that a is preferred, in [0, 1].
        seed: of the assignment of rows to folds.
        ridge: weight of ridge/2 |coef|^2, >= 0.
        folds: parts, 2 to N; a row's probability comes from a fit without its part.
        tol: bound of the residual of every fit (see `fit_logit`).
        max_iter: most Newton steps of a fit.
        strict: whether to raise where the tolerance is not reached.
    Returns: StyleControl(coef [1 + F], probs [N], objective, converged, iterations, residual, status).
    Raises: SeparationError, RankDeficientError, ConvergenceError, DomainError, ShapeError, TypeError.
    Source: WorldPM, Wang et al. 2025 (README of QwenLM/WorldPM), which fits and evaluates on the same rows.

    >>> fit = style_controlled_bt([1, -1, 2, -2], [9, 1, 5, 5], [1, 9, 5, 5], [1, 0, 1, 0], folds=2)
    >>> fit.coef.round(4)
    array([0.9592, 0.3576])
    """
    score = _arrays.floats("score_diff", score_diff)
    _arrays.one_dimensional("score_diff", score)
    first = _arrays.finite("style_a", matrix("style_a", style_a), 0.0)
    second = _arrays.finite("style_b", matrix("style_b", style_b), 0.0)
    _arrays.same_shape(style_a=first, style_b=second)
    y = _arrays.floats("labels", labels)
    _arrays.same_shape(score_diff=score, labels=y)
    if len(first) != len(score):
        raise ShapeError(f"style_a and style_b must have {len(score)} rows like score_diff, got {len(first)}")
    with np.errstate(over="ignore"):
        total = _arrays.finite("(style_a + style_b)", first + second)
    style = np.divide(first - second, total, out=np.zeros_like(total), where=total > 0)
    x = np.column_stack([_arrays.finite("score_diff", score), style])
    folds = _arrays.whole_number("folds", folds, 2, len(x) + 1)
    fold = drawn_folds(len(x), folds, seed)
    names = ["score_diff", *(f"column {j} of style" for j in range(style.shape[1]))]

    def fit(rows: Any) -> LogitFit:
        with naming("labels", names):
            return fit_logit(x[rows], y[rows], ridge=ridge, intercept=False, tol=tol, max_iter=max_iter, strict=False)

    whole = fit(slice(None))
    fits = [fit(fold != part) for part in range(folds)]
    probs = sigmoid((x * np.array([part.coef for part in fits])[fold]).sum(1))
    fits.append(whole)
    worst = max(fits, key=lambda fit: (not fit.converged, fit.residual))
    iterations, residual = max(fit.iterations for fit in fits), max(fit.residual for fit in fits)
    control = StyleControl(whole.coef, probs, whole.objective, worst.converged, iterations, residual, worst.status)
    return settled(control, strict=strict, tol=tol)


def laplace_logistic_regression(
    features: Any,
    labels: Any,
    *,
    seed: int = 0,
    scale: float = 0.1,
    n_draws: int = 2000,
    n_warmup: int = 500,
    n_chains: int = 4,
    strict: bool = True,
) -> LaplacePosterior:
    """Posterior of a logistic regression whose coefficients have a Laplace prior, without an intercept.

    p(coef | data) ~ prod_n sigmoid(eta_n)^label_n sigmoid(-eta_n)^(1 - label_n) prod_f exp(-|coef_f| / scale)

    Up to three features: quadrature, to about 1e-10, in O(N 100^F) time: a second or two for N = 1000 and F = 3. More:
    Gibbs sampling, every coefficient by slices of its own density, in O(N F) a draw: N F n_chains (n_warmup + n_draws)
    times some ten logarithms, a minute for N = 1e5 and F = 5. Without rows it is the prior. The mode is often 0: report
    the mean.

    Args:
        features: [N, F], or [N] for one column; finite. Differences of two responses, as -1, 0, 1.
        labels: [N] probabilities that the first response is preferred, in [0, 1].
        seed: of the chains; the bits depend on it, not on the number of threads.
        scale: of the prior, in 1e-100 to 1e100, and times the largest feature at most 1e20.
        n_draws: draws of each chain that count, at least 4.
        n_warmup: draws before them, which do not.
        n_chains: chains, at least 1.
        strict: whether to raise where `r_hat` is above 1.01.
    Returns: LaplacePosterior(mean [F], std [F], ess [F], r_hat [F], converged, iterations, residual, status).
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Dissecting Human and LLM Preferences, Li et al. 2024 (arXiv 2402.11296), there by NUTS; slice sampling, Neal
        (2003); diagnostics, Gelman et al., Bayesian Data Analysis (2013).

    >>> laplace_logistic_regression([1, 1, 1, -1], [1, 1, 0, 0]).mean.round(4)
    array([0.0192])
    """
    x = matrix("features", features)
    y = rows_of("labels", labels, x)
    scale = _arrays.number("scale", scale)
    lengths = (
        _arrays.whole_number("n_chains", n_chains, 1, 1 << 20),
        _arrays.whole_number("n_warmup", n_warmup, 0, 1 << 40),
        _arrays.whole_number("n_draws", n_draws, 4, 1 << 40),
    )
    seed = _arrays.whole_number("seed", seed, 0, 1 << 64)
    if x.shape[1] <= 3:
        mean, std = _rust.laplace_logistic_moments(x, y, scale)
        ess, r_hat = np.full_like(mean, np.inf), np.ones_like(mean)
        return LaplacePosterior(mean, std, ess, r_hat, converged=True, iterations=0, residual=0.0, status="converged")
    flat = _rust.laplace_logistic_draws(x, y, scale, seed, lengths)
    draws = flat.reshape(lengths[0], lengths[2], -1)
    r_hat = split_r_hat(draws)
    residual = max(0.0, float(r_hat.max() - 1))
    mean, std = draws.mean((0, 1)), draws.std((0, 1), ddof=1)
    status = "converged" if residual <= 0.01 else "max_iter"
    iterations = lengths[1] + lengths[2]
    posterior = LaplacePosterior(
        mean, std, effective_size(draws), r_hat, residual <= 0.01, iterations, residual, status
    )
    return settled(posterior, strict=strict, tol=0.01)


def fit_power_law(sizes: Any, losses: Any, *, offset: float = 0.0) -> PowerLaw:
    """Power law of a loss in the size of data or model, by least squares in logarithms.

    log(loss - offset) = log_prefactor - exponent log(size)

    Args:
        sizes: [S] > 0, at least two of them different.
        losses: [S] > offset.
        offset: loss that no size removes.
    Returns: PowerLaw(exponent, log_prefactor).
    Raises: DomainError, ShapeError, TypeError.
    Source: derived from the scaling curves of WorldPM, Wang et al. 2025.

    >>> round(fit_power_law([10, 100, 1000], [0.4, 0.2, 0.1]).exponent, 6)
    0.30103
    """
    x = _arrays.floats("sizes", sizes)
    y = _arrays.floats("losses", losses)
    _arrays.one_dimensional("sizes", x)
    _arrays.same_shape(sizes=x, losses=y)
    offset = _arrays.number("offset", offset)
    _arrays.refuse("offset", offset, not np.isfinite(offset), "finite")
    _arrays.refuse("sizes", x, ~((x > 0) & (x < np.inf)), "a finite number > 0")
    _arrays.refuse("losses", y, ~((y > offset) & (y < np.inf)), f"a finite number > {offset:g}")
    with np.errstate(over="ignore"):
        log_size, log_loss = np.log(x), np.log(_arrays.finite("(losses - offset)", y - offset))
    if len(x) == 0 or (log_size == log_size[0]).all():
        raise DomainError(f"sizes must hold at least two numbers whose logarithms differ, got {x.tolist()[:5]}")
    centered = log_size - log_size.mean()
    exponent = -float(centered @ (log_loss - log_loss.mean()) / (centered @ centered))
    return PowerLaw(exponent, float(log_loss.mean() + exponent * log_size.mean()))

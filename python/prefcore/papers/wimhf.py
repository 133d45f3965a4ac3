"""What's in my human feedback? Sparse features of preferences (Movva et al. 2025)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float64]

__all__ = ["SAE", "FeatureTable", "SAEForward", "Selection", "features", "relabel", "sae", "select"]


class SAE(NamedTuple):
    """Parameters of a sparse autoencoder with M features of d numbers."""

    encoder: Tensor
    """[M, d]"""
    decoder: Tensor
    """[d, M], columns of norm 1"""
    input_bias: Tensor
    """[d]"""
    neuron_bias: Tensor
    """[M]"""


class SAEForward(NamedTuple):
    """What the autoencoder makes of a batch."""

    code: Tensor
    """[B, M] features: 0, or a number of either sign."""
    recon: Tensor
    """[B, d]"""
    losses: Tensor
    """[B] `losses.normalized_mse`, mean over the prefixes."""
    threshold: Tensor
    """[] smallest feature that was kept, detached."""


class FeatureTable(NamedTuple):
    """What each feature has to do with the preferences."""

    coef: Floats
    """[M] change of the log-odds by one standard deviation of the feature, the controls held fixed."""
    prevalence: Floats
    """[M] share of the pairs in which it is not 0."""
    win_positive: Floats
    """[M] mean label where it is above 0; NaN where it never is."""
    win_negative: Floats
    """[M] mean label where it is below 0."""
    auc: Floats
    """[M] of the feature alone as a prediction of the labels."""


class Selection(NamedTuple):
    """Features that together say most of the preferences."""

    features: NDArray[np.int64]
    """[n_select] columns, rising."""
    coef: Floats
    """[n_select] shrunk coefficients of the standardized features."""
    penalty: float
    """Weight of the penalty, the smallest before another feature comes in."""


def sae(x: Tensor, parameters: SAE, *, k: int = 4, prefixes: Sequence[int] = (8, 32)) -> SAEForward:
    """Batch top-k autoencoder on differences of embeddings, with a matryoshka loss.

    pre = (x - input_bias) encoder^T + neuron_bias;  code = the k B entries of the batch that are largest in size;
    recon_m = code[:, :m] decoder[:, :m]^T + input_bias;  losses = mean over m of normalized_mse(recon_m, x)

    At inference the official code keeps what reaches a running threshold: `running.lerp(threshold, 0.01)`. Its term for
    dead features is left out.

    Args:
        x: [B, d] embeddings of the chosen responses minus those of the rejected; the rows must not all be equal.
        parameters: SAE(encoder, decoder, input_bias, neuron_bias).
        k: features a row on average, 1 to M.
        prefixes: numbers of features that have to do without the rest, each 1 to M.
    Returns: SAEForward(code, recon, losses, threshold) (f32; f64 for f64 input). Of equal entries any is kept. NaN
        parameters give NaN, NaN in `x` raises.
    Raises: ShapeError, DomainError, TypeError.
    Source: wimhf/sae.py of rmovva/wimhf.

    >>> eye, zero = torch.eye(2), torch.zeros(2)
    >>> sae(torch.tensor([[3.0, 1.0], [0.5, -2.0]]), SAE(eye, eye, zero, zero), k=1, prefixes=[2]).code
    tensor([[ 3.,  0.],
            [ 0., -2.]])
    """
    import torch

    from prefcore._checks import full_precision, same_device, tensors, upcast
    from prefcore.errors import DomainError, ShapeError
    from prefcore.losses import normalized_mse
    from prefcore.papers._inputs import of_kind

    of_kind(SAE, parameters=parameters)
    given = {"x": x, **parameters._asdict()}
    tensors(**given)
    same_device(**given)
    x, encoder, decoder, input_bias, neuron_bias = upcast(**given)
    size, width = encoder.shape if encoder.ndim == 2 else (0, 0)
    shapes = [list(value.shape) for value in given.values()]
    if x.ndim != 2 or shapes != [[max(1, len(x)), width], [size, width], [width, size], [width], [size]]:
        names = "x [B, d] with B > 0, encoder [M, d], decoder [d, M], input_bias [d] and neuron_bias [M]"
        raise ShapeError(f"expected {names}, got {', '.join(map(str, shapes))}")
    if not isinstance(prefixes, Sequence):
        raise TypeError(f"prefixes must be a list of integers, got {type(prefixes).__name__}")
    if not all(isinstance(number, int) for number in (k, *prefixes)):
        raise TypeError(f"k and prefixes must be integers, got {k!r} and {prefixes!r}")
    if not all(1 <= number <= size for number in (k, *prefixes)) or not prefixes:
        raise DomainError(f"k and prefixes must be 1 to M = {size}, got {k} and {list(prefixes)}")
    with full_precision(x):
        pre = (x - input_bias) @ encoder.T + neuron_bias
    kept = pre.detach().abs().flatten().topk(k * len(x))
    code = pre * torch.zeros_like(pre).flatten().scatter(0, kept.indices, 1.0).view_as(pre)
    with full_precision(x):
        recon = code @ decoder.T + input_bias
        parts = [code[:, :m] @ decoder[:, :m].T + input_bias for m in prefixes]
    losses = torch.stack([normalized_mse(part, x) for part in parts]).mean(0)
    return SAEForward(code, recon, losses, kept.values[-1])


def features(code: Any, controls: Any, labels: Any, *, ridge: float = 0.0) -> FeatureTable:
    """Describe each feature: its effect with controls held fixed, how often it occurs, and who wins then.

    logit P(label = 1) = intercept + controls b + coef_m code_m, a fit for each m; columns standardized (ddof 0)

    Args:
        code: [N, M] features of chosen minus rejected, or of first minus second response (`sae(...).code`).
        controls: [N, C] what else may explain the label, as the difference of lengths; [N, 0] for nothing.
        labels: [N] 1 where the first response is preferred, else 0.
        ridge: weight of ridge/2 (b^2 + coef^2), >= 0; the official code has none.
    Returns: FeatureTable(coef, prevalence, win_positive, win_negative, auc).
    Raises: SeparationError, RankDeficientError (a feature or a control that never changes, too), ConvergenceError,
        ShapeError, DomainError, TypeError.
    Source: wimhf/feature_selection.py of rmovva/wimhf; the AUC of one feature is derived.

    >>> table = features([[1.0], [-1.0], [0.0], [2.0]], [[3.0], [1.0], [2.0], [1.0]], [1, 0, 1, 0], ridge=1.0)
    >>> table.prevalence, table.win_positive
    (array([0.75]), array([0.5]))
    """
    from prefcore import metrics
    from prefcore.papers._inputs import renamed

    table, y, fixed = _rows(code, labels, controls)
    scaled, held = _standardized("code", table), _standardized("controls", fixed)
    fits = []
    for m, column in enumerate(scaled.T):
        with renamed(features=f"controls and code[:, {m}]"):
            fits.append(metrics.fit_logit(np.column_stack([held, column]), y, ridge=ridge))
    offsets = np.arange(len(table.T) + 1) * len(table)
    repeated = np.tile(y, len(table.T))
    flat = table.T.reshape(-1)
    return FeatureTable(
        coef=np.array([fit.coef[-1] for fit in fits]),
        prevalence=(table != 0).mean(0),
        win_positive=metrics.win_rate(repeated, ties=0.5, weights=(flat > 0) * 1.0, offsets=offsets),
        win_negative=metrics.win_rate(repeated, ties=0.5, weights=(flat < 0) * 1.0, offsets=offsets),
        auc=metrics.roc_auc(flat, repeated, offsets=offsets),
    )


def select(code: Any, controls: Any, labels: Any, *, n_select: int) -> Selection:
    """Choose the few features that carry most of the preference signal: a lasso that spares the controls.

    min  |y - intercept - controls b - code coef|^2 / (2 N) + penalty |coef|_1

    From a large penalty down: where one feature more than `n_select` would come in.

    Args:
        code: [N, M] features, standardized inside.
        controls: [N, C] columns that are not penalized; [N, 0] for none.
        labels: [N] 1 where the first response is preferred, else 0.
        n_select: number of features, 1 to M.
    Returns: Selection(features, coef, penalty).
    Raises: RankDeficientError, DomainError (also where no penalty leaves as many in), ShapeError, TypeError.
    Source: wimhf/feature_selection.py of rmovva/wimhf, which finds the penalty by bisection; here the whole path
        (Efron et al. 2004, scikit-learn's `lars_path`) on what the controls leave. Needs scikit-learn.

    >>> code = np.array([[1.0, 0.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, 0.0]])
    >>> select(code, np.zeros((4, 0)), [1, 0, 1, 0], n_select=1).features
    array([0])
    """
    from sklearn.linear_model import lars_path

    from prefcore import _arrays
    from prefcore.errors import DomainError, RankDeficientError

    table, y, fixed = _rows(code, labels, controls)
    n_select = _arrays.whole_number("n_select", n_select, 1, table.shape[1] + 1)
    held = np.column_stack([np.ones(len(y)), _standardized("controls", fixed)])
    scaled = _standardized("code", table)
    rest, goal = (values - held @ np.linalg.lstsq(held, values, rcond=None)[0] for values in (scaled, y))
    lost = np.linalg.norm(rest, axis=0) <= 1e-10 * np.sqrt(len(y))
    if lost.any():
        raise RankDeficientError(f"code[:, {int(np.argmax(lost))}] must not be a combination of the controls")
    with warnings.catch_warnings(action="ignore"):  # a path that ends early has too few features, see below
        penalties, _, path = lars_path(rest, goal, method="lasso")
    sizes = (np.abs(path) > 1e-12).sum(0)
    if n_select not in sizes:
        raise DomainError(
            f"n_select must be a size that the path comes to, got {n_select}, the largest is {sizes.max()}"
        )
    at = int(np.argmax(sizes == n_select))
    chosen = np.flatnonzero(np.abs(path[:, at]) > 1e-12)
    return Selection(chosen, path[chosen, at], float(penalties[at]))


def relabel(labels: Any, code: Any, feature: int) -> NDArray[np.float64]:
    """Make the preferences go against one feature, as where annotators reward what should not be learned.

    label = 0 where the feature speaks for the first response, 1 where it speaks for the second, else as it was

    Args:
        labels: [N] 1 where the first response is preferred, else 0.
        code: [N, M] features of first minus second response.
        feature: its column, 0 to M - 1; one that is rewarded wrongly (`features(...).coef` above 0).
    Returns: float64 [N].
    Raises: ShapeError, DomainError, TypeError.
    Source: relabeling of unsafe preferences in the paper; the rule is derived.

    >>> relabel([1, 1, 0], [[2.0], [0.0], [-1.0]], 0)
    array([0., 1., 1.])
    """
    from prefcore import _arrays
    from prefcore.errors import ShapeError

    table, y = _arrays.floats("code", code), _arrays.floats("labels", labels)
    if table.ndim != 2 or table.shape[1] == 0 or y.shape != table.shape[:1]:
        raise ShapeError(f"expected code [N, M] with M > 0 and labels [N], got {list(table.shape)} and {list(y.shape)}")
    _arrays.refuse("labels", y, (y != 0) & (y != 1), "0 or 1")
    _arrays.refuse("code", table, np.isnan(table), "a number")
    column = table[:, _arrays.whole_number("feature", feature, 0, table.shape[1])]
    return np.where(column > 0, 0.0, np.where(column < 0, 1.0, y))


def _rows(code: Any, labels: Any, controls: Any) -> tuple[Floats, Floats, Floats]:
    """The checked code [N, M], labels [N] and controls [N, C]."""
    from prefcore import _arrays
    from prefcore.errors import ShapeError

    given = {"code": code, "labels": labels, "controls": controls}
    table, y, fixed = (_arrays.finite(name, _arrays.floats(name, values)) for name, values in given.items())
    if table.ndim != 2 or 0 in table.shape or fixed.ndim != 2 or y.shape != table.shape[:1] or len(fixed) != len(y):
        got = f"{list(table.shape)}, {list(y.shape)} and {list(fixed.shape)}"
        raise ShapeError(f"expected code [N, M] with N, M > 0, labels [N] and controls [N, C], got {got}")
    _arrays.refuse("labels", y, (y != 0) & (y != 1), "0 or 1")
    for name, columns in (("code", table), ("controls", fixed)):
        _arrays.refuse(name, columns, np.abs(columns) > 1e150, "within 1e150: squares overflow")
    return table, y, fixed


def _standardized(name: str, table: Floats) -> Floats:
    from prefcore.errors import RankDeficientError

    same = table.max(0) == table.min(0)
    if same.any():
        raise RankDeficientError(f"{name}[:, {int(np.argmax(same))}] must not be the same everywhere")
    return np.asarray((table - table.mean(0)) / table.std(0))

"""The losses of lists as arrays: gradients, definitions, peers' faults, and the same bits as their torch faces."""

import math
from collections.abc import Callable
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prefcore import ranking
from prefcore.errors import DomainError, ShapeError
from prefcore.ranking import ListLoss

Array = NDArray[Any]
quick = settings(max_examples=40, deadline=None)

#: the losses of scores and labels, with hyper-parameters other than the default; what the torch face calls its result
LOSSES: dict[str, tuple[Callable[..., ListLoss], dict[str, Any]]] = {
    "listmle": (ranking.listmle, {"k": 3}),
    "listmle-weights": (ranking.listmle, {"position_weights": np.linspace(2.0, 0.0, 12)}),
    "softmax_loss": (ranking.softmax_loss, {}),
    "listnet": (ranking.listnet, {"temperature": 2.0}),
    "ranknet": (ranking.ranknet, {"sigma": 2.0, "max_skip": 4, "min_gap": 1.0, "inclusive": True}),
    "ranknet-weights": (ranking.ranknet, {"skip_weights": np.linspace(1.0, 0.1, 12)}),
    "ranklist": (ranking.ranklist, {"temperature": 0.5}),
    "lambdarank": (ranking.lambdarank, {"k": 3, "sigma": 0.7}),
    "approx_ndcg": (ranking.approx_ndcg, {"temperature": 0.5, "gain": "linear"}),
}
S, Y = [0.0, 1.0, 2.0], [2, 1, 0]
EVERY = pytest.mark.parametrize(("loss", "options"), LOSSES.values(), ids=LOSSES)


def lists(dtype: Any = np.float64) -> tuple[Array, Array, Array]:
    """Scores, labels with ties and offsets with an empty list and one of a single row."""
    rng = np.random.default_rng(4)
    offsets = np.concatenate([[0], np.cumsum([5, 0, 1, 12, 7, 2])])
    return rng.normal(size=offsets[-1]).astype(dtype), rng.integers(0, 4, offsets[-1]), offsets


@EVERY
def test_gradients_are_those_of_central_differences(loss: Callable[..., ListLoss], options: dict[str, Any]) -> None:
    """LambdaRank's weights are constants of the gradient: a step as small as this changes no place."""
    scores, labels, offsets = lists()
    got, step = loss(scores, labels, offsets=offsets, **options), 1e-6
    shifts = np.eye(len(scores)) * step
    values = [[loss(scores + d, labels, offsets=offsets, **options).loss.sum() for d in (s, -s)] for s in shifts]
    np.testing.assert_allclose(got.grad, [(up - down) / (2 * step) for up, down in values], rtol=1e-6, atol=1e-8)


@EVERY
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_are_those_of_the_torch_face(
    loss: Callable[..., ListLoss], options: dict[str, Any], dtype: type[np.floating[Any]]
) -> None:
    torch = pytest.importorskip("torch")
    from prefcore import losses

    scores, labels, offsets = lists(dtype)
    leaf = torch.from_numpy(scores).requires_grad_()
    tensors = {key: torch.from_numpy(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    face = getattr(losses, loss.__name__)(leaf, torch.from_numpy(labels), offsets=torch.from_numpy(offsets), **tensors)
    want = face if isinstance(face, torch.Tensor) else face.loss
    want.sum().backward()
    got = loss(scores, labels, offsets=offsets, **options)
    np.testing.assert_array_equal(got.loss.astype(dtype), want.detach().numpy())
    np.testing.assert_array_equal(got.grad, leaf.grad.numpy())
    assert got.grad.dtype == dtype
    assert got.loss.dtype == np.float64
    if not isinstance(face, torch.Tensor):
        np.testing.assert_array_equal(got.n_terms, face.n_terms.numpy())


def test_plackett_luce_has_the_bits_of_its_torch_face() -> None:
    torch = pytest.importorskip("torch")
    from prefcore import losses

    rng = np.random.default_rng(1)
    cases = [
        (rng.normal(size=(4, 6)), np.argsort(rng.random((4, 6)), axis=1)[:, :4], None),
        (rng.normal(size=6), np.array([0, 4, 2, 5, 0, 1, 4]), np.array([0, 3, 3, 7])),
    ]
    for scores, order, offsets in cases:
        for k in (None, 2):
            leaf = torch.from_numpy(scores).requires_grad_()
            bounds = None if offsets is None else torch.from_numpy(offsets)
            want = losses.plackett_luce(leaf, torch.from_numpy(order), offsets=bounds, k=k)
            want.sum().backward()
            got = ranking.plackett_luce(scores, order, k=k, offsets=offsets)
            np.testing.assert_array_equal(got.loss, want.detach().numpy())
            np.testing.assert_array_equal(got.grad, leaf.grad.numpy())


def test_smooth_ranks_have_the_bits_of_their_torch_faces() -> None:
    torch = pytest.importorskip("torch")
    from prefcore import losses

    scores, upstream, offsets = lists()[0], lists()[0][::-1].copy(), lists()[2]
    leaf = torch.from_numpy(scores).requires_grad_()
    ranks = losses.soft_rank(leaf, offsets=torch.from_numpy(offsets), strength=0.3)
    ranks.backward(torch.from_numpy(upstream))
    np.testing.assert_array_equal(ranking.soft_rank(scores, strength=0.3, offsets=offsets), ranks.detach().numpy())
    got = ranking.soft_rank_vjp(scores, upstream, strength=0.3, offsets=offsets)
    np.testing.assert_array_equal(got, leaf.grad.numpy())
    relaxed = losses.neural_sort(leaf.detach(), temperature=0.5).numpy()
    np.testing.assert_allclose(ranking.neural_sort(scores, temperature=0.5), relaxed, rtol=1e-12, atol=1e-300)


@EVERY
def test_each_list_has_its_own_loss_and_gradient(loss: Callable[..., ListLoss], options: dict[str, Any]) -> None:
    scores, labels, offsets = lists()
    whole = loss(scores, labels, offsets=offsets, **options)
    for group, (start, end) in enumerate(pairwise(offsets)):
        alone = loss(scores[start:end], labels[start:end], **options)
        assert type(alone.loss) is np.float64
        assert (alone.loss, alone.n_terms) == (whole.loss[group], whole.n_terms[group])
        np.testing.assert_array_equal(alone.grad, whole.grad[start:end])
    dense = loss(scores[:24].reshape(3, 8), labels[:24].reshape(3, 8), **options)
    ragged = loss(scores[:24], labels[:24], offsets=[0, 8, 16, 24], **options)
    np.testing.assert_array_equal(dense.loss, ragged.loss)
    np.testing.assert_array_equal(dense.grad, ragged.grad.reshape(3, 8))


@EVERY
def test_lists_without_a_choice_have_loss_0_and_no_terms(
    loss: Callable[..., ListLoss], options: dict[str, Any]
) -> None:
    got = loss([3.0], [1], offsets=[0, 0, 1], **options)
    assert got.loss[0] == got.n_terms[0] == 0
    if loss is not ranking.approx_ndcg:  # a row with a gain has a rank
        assert (got.loss[1], got.n_terms[1], got.grad[0]) == (0, 0, 0)


def test_plackett_luce_probabilities_of_all_rankings_sum_to_1() -> None:
    scores = np.array([0.3, -1.0, 2.0, 0.5])
    flat = np.array(list(permutations(range(4)))).ravel()
    loss = ranking.plackett_luce(scores, flat, offsets=np.arange(25) * 4).loss
    assert np.exp(-loss).sum() == pytest.approx(1.0, rel=1e-13)


@quick
@given(st.lists(st.floats(-30, 30), min_size=2, max_size=7), st.randoms(use_true_random=False))
def test_pairwise_and_lambda_losses_match_their_definitions(scores: list[float], random: Any) -> None:
    s, y = np.array(scores), np.array([random.randrange(4) for _ in scores])
    gaps = np.subtract.outer(s, s)
    above = np.subtract.outer(y, y) > 0
    logistic = np.logaddexp(0, -gaps)
    got = ranking.ranknet(s, y)
    np.testing.assert_allclose(got.loss, logistic[above].sum(), rtol=1e-12)
    assert got.n_terms == above.sum()
    weights = ranking.lambda_weights(s, y, k=3)
    np.testing.assert_allclose(ranking.lambdarank(s, y, k=3).loss, (weights * logistic)[above].sum(), rtol=1e-12)


def test_lambda_weights_are_changes_of_ndcg() -> None:
    s, y = np.array([0.3, 2.0, -1.0, 2.0, 0.5]), np.array([2, 0, 3, 1, 2])

    def ndcg(order: Array, k: int) -> Any:
        discounts = 1 / np.log2(np.arange(2, k + 2))
        gains = 2.0 ** y[order[:k]] - 1
        return gains @ discounts / ((2.0 ** np.sort(y)[::-1][:k] - 1) @ discounts)

    order = np.argsort(-s, kind="stable")
    for k in (2, 5):
        weights = ranking.lambda_weights(s, y, k=k)
        for i, j in permutations(range(5), 2):
            swapped = np.where(order == i, j, np.where(order == j, i, order))
            assert weights[i, j] == pytest.approx(abs(ndcg(order, k) - ndcg(swapped, k)), abs=1e-14)
    assert not ranking.lambda_weights(s, np.zeros(5)).any()


def test_listmle_of_spread_scores() -> None:
    """ranking.md 1.3 no. 16: allRank's eps inside the logarithm makes 5930.92 of 3.5345."""
    s = np.array([0.0, -2000.0, -2001.0, -1999.0])
    want = math.log(1 + math.exp(-1) + math.exp(1)) + math.log(1 + math.exp(2))
    got = ranking.listmle(s, [3, 2, 1, 0]).loss
    assert got == pytest.approx(want, rel=1e-13)
    assert got == pytest.approx(3.5345, abs=5e-5)


def test_listmle_of_tied_labels_has_one_value() -> None:
    """ranking.md 1.3 no. 17: allRank draws the order of ties from a global generator; here it is that of the input."""
    s = np.array([0.5, -1.0, 2.0, 0.1])
    values = {float(ranking.listmle(s, [1, 1, 0, 1]).loss) for _ in range(20)}
    assert values == {float(ranking.plackett_luce(s, [0, 1, 3, 2]).loss)}


def test_ranknet_of_equal_labels_has_no_pair() -> None:
    """ranking.md 1.3 no. 18: allRank's mean over no pair is NaN."""
    loss, grad, n_terms = ranking.ranknet([0.3, 2.0, -1.0], [1, 1, 1])
    assert (loss, n_terms, grad.tolist()) == (0.0, 0, [0.0, 0.0, 0.0])


def test_integer_scores_have_float64_gradients() -> None:
    got, want = ranking.listmle([2, 0, 1], [0, 1, 2]), ranking.listmle([2.0, 0.0, 1.0], [0, 1, 2])
    assert got.grad.dtype == np.float64
    np.testing.assert_array_equal(got.grad, want.grad)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ranking.listmle(S, Y[:2]), ShapeError, r"labels must have shape \[3\] like scores, got \[2\]"),
        (lambda: ranking.listmle(S, Y, k=0), DomainError, "k must be 1 to .*, got 0"),
        (lambda: ranking.listmle(S, Y, k=1.5), TypeError, "k must be an integer, got 1.5"),
        (lambda: ranking.listmle(S, [1.0, math.nan, 2.0]), DomainError, r"labels\[1\] must be a number, got NaN"),
        (
            lambda: ranking.listmle(S, Y, position_weights=[1.0]),
            ShapeError,
            "position_weights must have at least 3 entries, got 1",
        ),
        (
            lambda: ranking.listmle(S, Y, position_weights=[[1.0]]),
            ShapeError,
            "position_weights must be 1-D, got 2-D",
        ),
        (lambda: ranking.plackett_luce(S, [0.0, 1.0]), TypeError, "ranking must hold integers, got dtype float64"),
        (lambda: ranking.plackett_luce(S, [0, 3]), DomainError, r"ranking\[1\] must be in 0..3, got 3"),
        (lambda: ranking.plackett_luce(S, [[0, 1]]), ShapeError, r"must be \[n\] and \[R\], .* got \[3\] and"),
        (
            lambda: ranking.plackett_luce([S, S], [[0, 1], [2, 2]]),
            DomainError,
            r"ranking\[1, 1\] must be a place that stands once in its ranking, got 2",
        ),
        (
            lambda: ranking.plackett_luce(S, [0, 1], offsets=[0, 3]),
            DomainError,
            r"offsets\[1\] must be 2, the length of ranking, got 3",
        ),
        (lambda: ranking.softmax_loss(S, [0, math.inf, 0]), DomainError, r"labels\[1\] must be finite, got inf"),
        (lambda: ranking.listnet(S, Y, temperature=0.0), DomainError, "temperature must be finite and > 0, got 0"),
        (lambda: ranking.ranknet(S, Y, sigma=-1.0), DomainError, "sigma must be finite and > 0, got -1"),
        (lambda: ranking.ranknet(S, Y, min_gap=-1.0), DomainError, "min_gap must be finite and >= 0, got -1.0"),
        (lambda: ranking.ranknet(S, Y, max_skip=0), DomainError, "max_skip must be 1 to .*, got 0"),
        (
            lambda: ranking.ranklist(S, Y, skip_weights=[1.0, -1.0]),
            DomainError,
            r"skip_weights\[1\] must be finite and >= 0, got -1",
        ),
        (
            lambda: ranking.lambdarank(S, Y, gain="log"),
            DomainError,
            'gain must be "linear" or "exponential", got "log"',
        ),
        (
            lambda: ranking.lambda_weights(S, [0, -1, 0]),
            DomainError,
            r"labels\[1\] must be in \[0, 900\] with gain=\"exponential\", got -1",
        ),
        (lambda: ranking.lambda_weights([S], [Y]), ShapeError, "scores must be 1-D, got 2-D"),
        (
            lambda: ranking.approx_ndcg([0.0, math.nan, 1.0], Y),
            DomainError,
            r"scores\[1\] must be a number, got NaN \(1 NaN in all\)",
        ),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()

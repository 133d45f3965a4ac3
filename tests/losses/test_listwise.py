"""Properties and error messages of the losses of lists (losses/listwise/)."""

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from prefcore import losses
from prefcore.errors import DomainError, ShapeError
from prefcore.ops import list_likelihood, list_pairs, list_ranks

sizes = st.floats(-1e4, 1e4, width=32)
lists_of = st.lists(sizes, min_size=2, max_size=6)


def f64(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss: Tensor, scores: Tensor) -> Tensor:
    return torch.autograd.grad(loss.sum(), scores)[0]


@given(scores=lists_of, seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_losses_of_differences_have_gradients_that_sum_to_0(scores: list[float], seed: int) -> None:
    """A common offset of the scores changes nothing."""
    s = f64([scores]).requires_grad_()
    labels = torch.randint(0, 3, s.shape, generator=torch.Generator().manual_seed(seed))
    results = [
        losses.listmle(s, labels),
        losses.softmax_loss(s, labels),
        losses.listnet(s, labels),
        losses.ranknet(s, labels).loss,
        losses.ranklist(s, labels).loss,
        losses.lambdarank(s, labels),
        losses.approx_ndcg(s, labels),
    ]
    for loss in results:
        assert loss.isfinite().all()
        assert gradient(loss, s).sum().abs() <= 1e-10


def test_plackett_luce_probabilities_of_all_rankings_sum_to_1() -> None:
    scores = torch.randn(1, 4, dtype=torch.float64) * 3
    rankings = torch.tensor(list(itertools.permutations(range(4))))
    loss = losses.plackett_luce(scores.expand(24, 4), rankings)
    torch.testing.assert_close(loss.neg().exp().sum(), f64(1.0), rtol=1e-13, atol=0)


def test_listmle_is_plackett_luce_of_the_stable_order() -> None:
    scores, labels = torch.randn(20, 7, dtype=torch.float64), torch.randint(0, 3, (20, 7))
    order = labels.argsort(dim=1, descending=True, stable=True)
    for k in (None, 1, 3, 50):
        got, want = losses.listmle(scores, labels, k=k), losses.plackett_luce(scores, order, k=k)
        torch.testing.assert_close(got, want, rtol=1e-14, atol=1e-14)


def test_plackett_luce_rows_in_several_rankings_add_up_their_gradients() -> None:
    """Three voters rank two or three of four answers."""
    scores = torch.randn(4, dtype=torch.float64, requires_grad=True)
    votes = [[0, 1], [3, 1, 0], [1, 3]]
    flat, offsets = torch.tensor([0, 1, 3, 1, 0, 1, 3]), torch.tensor([0, 2, 5, 7])
    whole = gradient(losses.plackett_luce(scores, flat, offsets=offsets), scores)
    alone = [gradient(losses.plackett_luce(scores[None], torch.tensor([vote])), scores) for vote in votes]
    torch.testing.assert_close(whole, sum(alone), rtol=1e-14, atol=1e-15)
    assert whole[2] == 0.0


@given(first=sizes, second=sizes)
@settings(max_examples=50, deadline=None)
def test_two_rows_are_bradley_terry(first: float, second: float) -> None:
    s, labels = f64([[first, second]]), f64([[1.0, 0.0]])
    want = losses.dpo(s[:, 0], s[:, 1], beta=1.0)
    for loss in (
        losses.listmle(s, labels),
        losses.plackett_luce(s, torch.tensor([[0, 1]])),
        losses.softmax_loss(s, labels),
        losses.ranknet(s, labels).loss,
        losses.ranklist(s, labels).loss,
    ):
        torch.testing.assert_close(loss, want, rtol=1e-12, atol=1e-307)  # no subnormal numbers


def test_small_losses_keep_their_digits() -> None:
    """A list that is sorted with gaps of 40: losses of 1e-17, where log(1 + x) of a rounded sum would be 0."""
    s = f64([[80.0, 40.0, 0.0]]).requires_grad_()
    labels, tiny = f64([[2.0, 1.0, 0.0]]), math.exp(-40.0)
    for loss in (losses.listmle(s, labels), losses.ranknet(s, labels).loss):
        torch.testing.assert_close(loss, f64([2 * tiny]), rtol=1e-12, atol=0)
        torch.testing.assert_close(gradient(loss, s), f64([[-tiny, 0.0, tiny]]), rtol=1e-12, atol=1e-33)
    best = losses.softmax_loss(s, f64([[1.0, 0.0, 0.0]]))
    torch.testing.assert_close(best, f64([tiny]), rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient(best, s)[0, :2], f64([-tiny, tiny]), rtol=1e-12, atol=0)


def test_scores_of_minus_inf_cost_nothing_where_only_such_rows_are_left() -> None:
    """Two masked rows, ranked last: loss and gradient of the others alone."""
    s = f64([[1.0, -math.inf, 0.5, -math.inf]]).requires_grad_()
    loss = losses.listmle(s, f64([[2.0, 0.0, 1.0, 0.0]]))
    torch.testing.assert_close(loss, losses.listmle(s.detach()[:, [0, 2]], f64([[2.0, 1.0]])))
    assert gradient(loss, s)[0, [1, 3]].tolist() == [0.0, 0.0]
    nothing = torch.full((1, 3), -math.inf, dtype=torch.float64, requires_grad=True)
    loss = losses.listmle(nothing, f64([[2.0, 0.0, 1.0]]))
    assert (loss.item(), gradient(loss, nothing).tolist()) == (0.0, [[0.0, 0.0, 0.0]])
    masked = losses.softmax_loss(s, f64([[1.0, 0.0, 0.0, 0.0]]))
    torch.testing.assert_close(masked, losses.dpo(f64([1.0]), f64([0.5]), beta=1.0))
    assert gradient(masked, s).isfinite().all()


def test_ranknet_counts_pairs_by_gap_and_skip() -> None:
    """Labels 3, 2, 2, 0: no pair among equals; gaps 1, 1, 3, 2, 2."""
    scores, labels = torch.zeros(1, 4), torch.tensor([[2, 3, 0, 2]])
    for options, pairs in (
        ({}, 5),
        ({"min_gap": 1.0}, 3),
        ({"min_gap": 1.0, "inclusive": True}, 5),
        ({"min_gap": 2.0, "inclusive": True}, 3),
        ({"inclusive": True}, 5),
        ({"max_skip": 1}, 2),
        ({"max_skip": 2}, 4),
        ({"max_skip": 1, "min_gap": 1.0}, 1),
    ):
        for function in (losses.ranknet, losses.ranklist):
            assert function(scores, labels, **options).n_terms.tolist() == [pairs], options
        loss = losses.ranknet(scores, labels, **options).loss
        torch.testing.assert_close(loss, torch.tensor([pairs * math.log(2.0)]))


def test_ranklist_is_at_most_ranknet_and_equal_with_one_pair_a_distance() -> None:
    scores, labels = torch.randn(50, 6, dtype=torch.float64), torch.randn(50, 6, dtype=torch.float64)
    every, sums = losses.ranklist(scores, labels), losses.ranknet(scores, labels)
    assert (every.loss < sums.loss).all()
    far = f64([0.0, 0.0, 0.0, 0.0, 1.0])
    torch.testing.assert_close(
        losses.ranklist(scores, labels, skip_weights=far).loss, losses.ranknet(scores, labels, skip_weights=far).loss
    )


def test_approx_ndcg_tends_to_minus_ndcg_and_is_minus_1_for_a_perfect_order() -> None:
    labels = f64([[3.0, 2.0, 1.0, 0.0]])
    assert losses.approx_ndcg(labels, labels, temperature=1e-3).item() == pytest.approx(-1.0, abs=1e-12)
    swapped = (3 + 7 / math.log2(3) + 1 / 2) / (7 + 3 / math.log2(3) + 1 / 2)
    got = losses.approx_ndcg(f64([[2.0, 3.0, 1.0, 0.0]]), labels, temperature=1e-3)
    assert got.item() == pytest.approx(-swapped, abs=1e-12)


def test_linear_gain_is_the_exponential_gain_of_other_labels() -> None:
    scores, labels = torch.randn(5, 6, dtype=torch.float64), torch.randint(0, 4, (5, 6)).double()
    for function in (losses.lambdarank, losses.approx_ndcg):
        got = function(scores, labels.exp2() - 1, gain="linear")
        torch.testing.assert_close(got, function(scores, labels), rtol=1e-13, atol=1e-14)


def test_neural_sort_rows_sum_to_1_and_approach_the_permutation() -> None:
    scores = f64([0.3, -1.0, 2.0])
    torch.testing.assert_close(losses.neural_sort(scores).sum(1), torch.ones(3, dtype=torch.float64))
    assert torch.equal(losses.neural_sort(scores, temperature=1e-3).argmax(1), torch.tensor([2, 0, 1]))
    batch = torch.randn(3, 2, 5)
    torch.testing.assert_close(losses.neural_sort(batch)[1, 1], losses.neural_sort(batch[1, 1]))


@given(scores=st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=8), strength=st.floats(1e-3, 1e3))
@settings(max_examples=100, deadline=None)
def test_soft_ranks_sum_to_those_of_a_permutation_and_keep_the_order(scores: list[float], strength: float) -> None:
    s = f64([scores])
    ranks = losses.soft_rank(s, strength=strength)
    n = len(scores)
    assert ranks.sum().item() == pytest.approx(n * (n + 1) / 2, rel=1e-9)
    falling = ranks[0][s[0].argsort(descending=True, stable=True)]
    assert (falling.diff() >= -1e-9).all()
    up = losses.soft_rank(s, strength=strength, descending=False)
    torch.testing.assert_close(up, n + 1 - ranks, rtol=1e-9, atol=1e-9)


def test_soft_ranks_of_a_list_that_is_not_finite_are_nan() -> None:
    ranks = losses.soft_rank(f64([[1.0, math.nan, 0.0], [1.0, 0.5, 0.0], [math.inf, 0.5, 0.0]]), strength=0.01)
    assert ranks.isnan().all(1).tolist() == [True, False, True]
    assert ranks[1].tolist() == [1.0, 2.0, 3.0]


def test_pro_does_not_depend_on_the_order_of_the_candidates() -> None:
    logps, rewards = -torch.rand(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    shuffle = torch.randperm(4)
    torch.testing.assert_close(losses.pro(logps[:, shuffle], rewards[:, shuffle]), losses.pro(logps, rewards))
    assert losses.pro(logps[:, :1], rewards[:, :1]).tolist() == [0.0] * 6


def test_dense_and_ragged_lists_agree() -> None:
    scores, labels = torch.randn(4, 5), torch.randint(0, 3, (4, 5))
    offsets = torch.arange(5) * 5
    for function in (losses.listmle, losses.softmax_loss, losses.listnet, losses.lambdarank, losses.approx_ndcg):
        assert torch.equal(function(scores, labels), function(scores.view(-1), labels.view(-1), offsets=offsets))
    ranks = losses.soft_rank(scores.view(-1), offsets=offsets)
    assert torch.equal(losses.soft_rank(scores).view(-1), ranks)


def test_strided_and_overlapping_views_give_what_copies_give() -> None:
    scores, labels = torch.randn(5, 12)[:, ::2].requires_grad_(), torch.randint(0, 3, (6, 5)).T
    copy = scores.detach().clone().requires_grad_()
    for function in (losses.listmle, losses.approx_ndcg, lambda s, y: losses.plackett_luce(s, y.argsort(1))):
        got, want = function(scores, labels), function(copy, labels.clone())
        assert torch.equal(got, want)
        assert torch.equal(gradient(got, scores), gradient(want, copy))
    one = torch.randn(1, 4)
    assert torch.equal(
        losses.listmle(one.expand(3, 4), torch.arange(4).expand(3, 4)).unique(),
        losses.listmle(one, torch.arange(4)[None]),
    )


def test_integers_above_2_to_the_24_are_different_labels_beside_f32_scores() -> None:
    labels = torch.tensor([[2**24, 2**24 + 1]])
    assert losses.ranknet(torch.zeros(1, 2), labels).n_terms.tolist() == [1]


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda s, y: losses.listmle(s[0], y[0]),
            ShapeError,
            r"scores must be \[B, L\], or \[N\] with offsets, got \[3\]",
        ),
        (lambda s, y: losses.listmle(s, y, k=0), DomainError, "k must be at least 1, got 0"),
        (lambda s, y: losses.listmle(s, y, k=1.5), TypeError, "k must be an int, got float 1.5"),
        (
            lambda s, y: losses.plackett_luce(s.view(-1), y[0].long(), offsets=torch.tensor([0, 6])),
            DomainError,
            r"offsets\[1\] must be 3, the length of ranking, got 6",
        ),
        (
            lambda s, y: losses.plackett_luce(s, y[0].long()),
            ShapeError,
            r"ranking must be \[B, K\], or \[R\] with offsets, got \[3\]",
        ),
        (losses.plackett_luce, TypeError, "ranking must be int64, got torch.float32; labels go to"),
        (lambda s, y: losses.plackett_luce(s, y.long()[:1]), ShapeError, r"got \[2, 3\] and \[1, 3\]"),
        (
            lambda s, y: losses.listnet(s, y, temperature=0.0),
            DomainError,
            "temperature must be finite and > 0, got 0.0",
        ),
        (lambda s, y: losses.ranknet(s, y, sigma=-1.0), DomainError, "sigma must be finite and > 0, got -1.0"),
        (lambda s, y: losses.ranknet(s, y, min_gap=-1.0), DomainError, "min_gap must be finite and >= 0, got -1.0"),
        (lambda s, y: losses.ranknet(s, y, max_skip=0), DomainError, "max_skip must be at least 1, got 0"),
        (
            lambda s, y: losses.ranklist(s, y, skip_weights=y),
            ShapeError,
            r"skip_weights must be one-dimensional, got \[2, 3\]",
        ),
        (
            lambda s, y: losses.lambdarank(s, y, gain="log"),
            DomainError,
            'gain must be "linear" or "exponential", got \'log\'',
        ),
        (
            lambda s, y: losses.approx_ndcg(s, y, offsets=torch.tensor([0, 6])),
            ShapeError,
            r"expected scores \[N\] and offsets",
        ),
        (
            lambda s, _: losses.soft_rank(s.view(-1), offsets=torch.tensor([0, 6], dtype=torch.int32)),
            TypeError,
            "offsets must be int64",
        ),
        (lambda s, _: losses.soft_rank(s, strength=0.0), DomainError, "strength must be finite and > 0"),
        (lambda s, _: losses.neural_sort(s[0, 0]), ShapeError, r"scores must be \[..., L\], got \[\]"),
        (lambda s, y: losses.pro(s[0], y[0]), ShapeError, r"logps must be \[B, K\], got \[3\]"),
        (lambda s, y: losses.pro(s, y, eps=-1.0), DomainError, "eps must be finite and >= 0"),
    ],
)
def test_errors_name_argument_and_value(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call(torch.zeros(2, 3), torch.ones(2, 3))


@pytest.mark.parametrize("function", [losses.softmax_loss, losses.listnet])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_softmax_of_a_list_that_is_all_minus_inf_is_0(function: Any, dtype: torch.dtype) -> None:
    """Nothing to choose from, in rows of a padded batch or in a list of one row: as `listmle` has it."""
    for rows in ([-math.inf], [-math.inf] * 3):
        s = torch.tensor([rows], dtype=dtype, requires_grad=True)
        body = getattr(list_likelihood, f"{function.__name__}_body")
        options = (1.0,) if function is losses.listnet else ()
        for labels in (torch.ones(s.shape), torch.zeros(s.shape)):
            loss = function(s, labels)
            assert (loss.tolist(), gradient(loss, s).tolist()) == ([0.0], [[0.0] * len(rows)])
            value, terms, slopes = body(s.detach(), labels.double(), None, *options)
            assert (value.tolist(), terms.tolist(), slopes.tolist()) == ([0.0], [0], [[0.0] * len(rows)])
    s = torch.tensor([[-math.inf, math.nan]], dtype=dtype)
    assert function(s, torch.ones(1, 2)).isnan().all()


def test_listnet_of_labels_that_are_all_minus_inf_is_0() -> None:
    s, labels = f64([[1.0, 2.0], [1.0, 2.0]]).requires_grad_(), f64([[-math.inf, -math.inf], [1.0, -math.inf]])
    loss, want = losses.listnet(s, labels), math.log1p(math.e)
    torch.testing.assert_close(loss, f64([0.0, want]))
    assert gradient(loss, s)[0].tolist() == [0.0, 0.0]
    value, _, slopes = list_likelihood.listnet_body(s.detach(), labels, None, 1.0)
    torch.testing.assert_close(value, loss)
    torch.testing.assert_close(slopes, gradient(losses.listnet(s, labels), s))
    assert list_likelihood.listnet_body(s.detach(), labels.fill_(math.nan), None, 1.0)[0].isnan().all()


def test_ranknet_of_many_small_terms_keeps_its_digits() -> None:
    """A million pairs of e^-15.9: a product of 1 + 1.2e-7 rounds each factor in the same direction."""
    s, labels = f64([[15.9] * 1000 + [0.0] * 1000]), f64([[1.0] * 1000 + [0.0] * 1000])
    want = 1e6 * math.log1p(math.exp(-15.9))
    assert losses.ranknet(s, labels).loss.item() == pytest.approx(want, rel=2e-13, abs=0)


def test_listmle_gradients_do_not_depend_on_an_offset_at_a_wide_spread() -> None:
    s, labels = f64([[0.0, 1.0, 0.5, -400.0, -401.0]]).requires_grad_(), f64([[5.0, 4.0, 3.0, 2.0, 1.0]])
    assert torch.equal(gradient(losses.listmle(s, labels), s), gradient(losses.listmle(s + 8192.0, labels), s))
    near, far = (list_likelihood.listmle_body(x.detach(), labels, None, None, None)[2] for x in (s, s + 8192.0))
    assert torch.equal(near, far)


def test_plus_inf_makes_loss_and_gradient_of_its_ranking_nan() -> None:
    s, labels = f64([[1.0, math.inf, 0.0], [1.0, 2.0, 0.0]]).requires_grad_(), f64([[1.0, 2.0, 0.0]] * 2)
    ranking = labels.argsort(1, descending=True)
    bodies = [
        list_likelihood.listmle_body(s.detach(), labels, None, None, None),
        list_likelihood.plackett_luce_body(s.detach(), ranking, None, None),
    ]
    calls = [losses.listmle(s, labels), losses.plackett_luce(s, ranking)]
    for loss, (value, _, slopes) in zip(calls, bodies, strict=True):
        for values, grads in ((loss, gradient(loss, s)), (value, slopes)):
            assert values.isnan().tolist() == [True, False]
            assert grads.isnan().all(1).tolist() == [True, False] == grads.isnan().any(1).tolist()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_approx_ndcg_is_padded_by_scores_of_minus_inf(dtype: torch.dtype) -> None:
    s, labels = torch.tensor([[1.0, 0.5, 2.0]], dtype=dtype), f64([[2.0, 1.0, 0.0]])
    padded = torch.nn.functional.pad(s, (0, 2), value=-math.inf).requires_grad_()
    short, y = s.clone().requires_grad_(), torch.nn.functional.pad(labels, (0, 2))
    got, want = losses.approx_ndcg(padded, y), losses.approx_ndcg(short, labels)
    torch.testing.assert_close(got, want)
    value, _, slopes = list_ranks.approx_ndcg_body(padded.detach(), y, None, 1.0, "exponential")
    torch.testing.assert_close(value, want)
    unpadded = gradient(want, short)
    for grads in (gradient(got, padded), slopes):
        torch.testing.assert_close(grads[:, :3], unpadded, rtol=1e-5, atol=1e-6)
        assert grads[0, 3:].tolist() == [0.0, 0.0]


def test_small_labels_keep_the_digits_of_their_gains() -> None:
    """2^x - 1 is x log 2 for small x, so at 1e-14 the loss is that of linear gains."""
    s, labels = f64([[0.3, 1.0, 0.0]]), f64([[1e-14, 3.3e-14, 0.0]])
    for function in (losses.approx_ndcg, losses.lambdarank):
        torch.testing.assert_close(function(s, labels), function(s, labels, gain="linear"), rtol=1e-12, atol=0)
    small = f64([1e-14, 0.25, 1.0, 3.0])
    want = f64([math.expm1(x * math.log(2)) for x in (1e-14, 0.25)] + [1.0, 7.0])
    torch.testing.assert_close(list_pairs.gains(small, "exponential"), want, rtol=1e-15, atol=0)


def test_lambdarank_of_gains_whose_inverse_overflows_is_finite() -> None:
    s, labels = f64([[0.0, 1.0]]), f64([[5e-320, 0.0]])
    want = losses.lambdarank(s, f64([[1.0, 0.0]]), gain="linear")
    torch.testing.assert_close(losses.lambdarank(s, labels, gain="linear"), want, rtol=1e-3, atol=0)


def test_neural_sort_in_f32_is_that_of_f64_at_any_offset() -> None:
    """Terms L times as large as the scores cancel: in f32 an offset of 1e4 would leave no digit."""
    scores = torch.randn(40, generator=torch.Generator().manual_seed(1)) + 1e4
    want = losses.neural_sort(scores.double() - 1e4)
    torch.testing.assert_close(losses.neural_sort(scores).double(), want, rtol=2e-7, atol=1e-30)
    assert torch.equal(losses.neural_sort(torch.tensor([3e38, -3e38, 0.0])).argmax(1), torch.tensor([0, 2, 1]))
    assert losses.neural_sort(torch.zeros(2, 0)).shape == (2, 0, 0)


def test_pro_compiles_with_another_eps() -> None:
    logps, rewards = torch.tensor([[-1.0, -2.0, -1.5]]), torch.tensor([[1.0, 0.0, 0.5]])
    compiled = torch.compile(losses.pro, fullgraph=True, backend="eager")
    for eps in (1e-10, 1e-3, 0.5, 0.0):
        torch.testing.assert_close(compiled(logps, rewards, eps=eps), losses.pro(logps, rewards, eps=eps))


@pytest.mark.parametrize(
    ("k", "error", "match"),
    [
        (math.nan, TypeError, "k must be an int, got float nan"),
        (math.inf, TypeError, "k must be an int, got float inf"),
        (2.0, TypeError, "k must be an int, got float 2.0"),
        (True, TypeError, "k must be an int, got bool True"),
        ("2", TypeError, "k must be an int, got str 2"),
        (torch.tensor(2), TypeError, "k must be an int, got a tensor; call .item()"),
        (2**70, DomainError, r"k must be below 2\*\*63"),
    ],
)
def test_counts_are_integers(k: Any, error: type[Exception], match: str) -> None:
    s, y = torch.zeros(2, 3), torch.ones(2, 3)
    for call in (losses.listmle, losses.lambdarank):
        with pytest.raises(error, match=match):
            call(s, y, k=k)
    with pytest.raises(error, match=match.replace("k must", "max_skip must")):
        losses.ranknet(s, y, max_skip=k)


@pytest.mark.parametrize("value", ["yes", None, 1, 0.0])
def test_flags_are_booleans(value: Any) -> None:
    s, y = torch.zeros(2, 3), torch.ones(2, 3)
    with pytest.raises(TypeError, match=f"inclusive must be True or False, got {value!r}"):
        losses.ranklist(s, y, inclusive=value)
    with pytest.raises(TypeError, match=f"descending must be True or False, got {value!r}"):
        losses.soft_rank(s, descending=value)


def test_labels_and_weights_that_require_a_gradient_are_refused() -> None:
    s, y = torch.zeros(2, 3), torch.ones(2, 3, requires_grad=True)
    for function in (losses.listmle, losses.softmax_loss, losses.listnet, losses.ranknet, losses.lambdarank):
        with pytest.raises(TypeError, match=r"labels must not require a gradient.*\.detach\(\)"):
            function(s, y)
    with pytest.raises(TypeError, match="position_weights must not require"):
        losses.listmle(s, y.detach(), position_weights=y[0])

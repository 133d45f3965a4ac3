"""What the ops of lists promise beyond `test_ops.py`: bodies of other devices, threads, impossible input."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import prefcore
from ops.cases import lists
from prefcore.errors import DomainError, ShapeError
from prefcore.ops import list_likelihood, list_pairs, list_ranks

BODIES = {
    "listmle": list_likelihood.listmle_body,
    "softmax_loss": list_likelihood.softmax_loss_body,
    "listnet": list_likelihood.listnet_body,
    "ranknet": list_pairs.ranknet_body,
    "ranklist": list_pairs.ranklist_body,
    "lambdarank": list_pairs.lambdarank_body,
    "approx_ndcg": list_ranks.approx_ndcg_body,
    "plackett_luce": list_likelihood.plackett_luce_body,
}
EVERY = pytest.mark.parametrize("name", BODIES)
BY_LABELS = pytest.mark.parametrize("name", [name for name in BODIES if name != "plackett_luce"])
#: a list of the ragged cases, and its rows
GROUP, ROWS = 3, slice(3, 11)


def ragged(name: str) -> list[Any]:
    return list(lists.CASES[name].inputs["ragged_0"](torch.float64))


def assert_same(got: Any, want: Any, tolerance: float) -> None:
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


@EVERY
def test_bodies_for_other_devices_give_what_the_cpu_kernels_give(name: str) -> None:
    case = lists.CASES[name]
    for inputs in case.inputs.values():
        assert_same(BODIES[name](*inputs(torch.float64)), case.op(*inputs(torch.float64)), 2e-13)


@EVERY
def test_bodies_are_finite_where_the_cpu_kernels_are(name: str) -> None:
    case = lists.CASES[name]
    for dtype, tolerance in ((torch.float64, 1e-11), (torch.float32, 1e-5)):
        args = list(case.inputs["dense"](dtype))
        args[0] = args[0].sign() * 1e4
        args[0][0] = 0.0
        assert_same(BODIES[name](*args), case.op(*args), tolerance)


def test_soft_rank_vjp_for_other_devices_is_that_of_the_cpu_kernel() -> None:
    for inputs in lists.CASES["soft_rank"].inputs.values():
        args = inputs(torch.float64)
        upstream = torch.randn_like(args[0])
        got, want = (op(upstream, *args) for op in (list_ranks.soft_rank_vjp_body, list_ranks.soft_rank_vjp))
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@EVERY
@pytest.mark.parametrize("threads", [2, 3, 8])
def test_bits_do_not_depend_on_threads(name: str, threads: int) -> None:
    """2,000 lists of 0 to 30 rows, above the work at which threads start."""
    lengths = torch.randint(0, 31, (2000,))
    offsets = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    n = int(offsets[-1])
    rows = torch.randperm(n) if name == "plackett_luce" else torch.randint(0, 4, (n,)).double()
    how = [None] if name == "plackett_luce" else ragged(name)[3:]
    args = [torch.randn(n, dtype=torch.float64), rows, offsets, *how]
    before = prefcore.get_num_threads()
    try:
        prefcore.set_num_threads(1)
        serial = lists.CASES[name].op(*args)
        prefcore.set_num_threads(threads)
        for got, want in zip(lists.CASES[name].op(*args), serial, strict=True):
            assert torch.equal(got, want)
    finally:
        prefcore.set_num_threads(before)


@BY_LABELS
def test_lists_do_not_see_each_other(name: str) -> None:
    """The third list alone: the same bits; NaN among its scores: the same bits in all others."""
    args, op = ragged(name), lists.CASES[name].op
    losses, n_terms, slopes = op(*args)
    alone = op(args[0][ROWS], args[1][ROWS], torch.tensor([0, 8]), *args[3:])
    for got, want in zip(alone, (losses[GROUP : GROUP + 1], n_terms[GROUP : GROUP + 1], slopes[ROWS]), strict=True):
        assert torch.equal(got, want)
    args[0][5] = torch.nan
    for values in (op(*args), BODIES[name](*args)):
        assert values[0].isnan().nonzero().flatten().tolist() == [GROUP]
        assert values[2].isnan().any()
        assert not values[2][: ROWS.start].isnan().any()
        assert not values[2][ROWS.stop :].isnan().any()


@BY_LABELS
def test_nan_labels_raise_on_the_cpu_and_give_nan_elsewhere(name: str) -> None:
    args = ragged(name)
    args[1][5] = torch.nan
    with pytest.raises(DomainError, match=r"labels\[5\] must be .*, got NaN"):
        lists.CASES[name].op(*args)
    losses, _, slopes = BODIES[name](*args)
    assert losses.isnan().nonzero().flatten().tolist() == [GROUP]
    assert slopes.isnan().nonzero().flatten().tolist() == list(range(ROWS.start, ROWS.stop))


@EVERY
def test_a_second_derivative_is_refused(name: str) -> None:
    args = list(lists.CASES[name].small(torch.float64))
    args[0].requires_grad_()
    (grad,) = torch.autograd.grad(lists.CASES[name].op(*args)[0].square().sum(), args[0], create_graph=True)
    with pytest.raises(RuntimeError, match=r"prefcore\.\w*backward.* no autograd formula"):
        grad.sum().backward()


@EVERY
def test_bad_offsets_name_the_entry(name: str) -> None:
    case = lists.CASES[name]
    args = list(case.inputs["shared_rows" if name == "plackett_luce" else "ragged_0"](torch.float64))
    last = len(args[1])
    for offsets, match in (
        ([0, 5, 3, last], r"offsets\[2\] must be at least offsets\[1\] = 5, got 3"),
        ([1, last], "offsets.* 0.*got 1"),
        ([0, last - 1], f"offsets.* {last}"),
    ):
        args[2] = torch.tensor(offsets)
        for function in (case.op, BODIES[name]):
            with pytest.raises(DomainError, match=match):
                function(*args)


def test_rows_out_of_range_raise_on_the_cpu_and_give_nan_elsewhere() -> None:
    scores = torch.zeros(2, 3)
    for ranking, at, row in (([[0, 1], [3, 1]], r"\[1, 0\]", 3), ([[0, -1], [2, 1]], r"\[0, 1\]", -1)):
        with pytest.raises(DomainError, match=rf"ranking{at} must be in 0..3, the places of its list, got {row}"):
            list_likelihood.plackett_luce(scores, torch.tensor(ranking), None, None)
        losses, _, _ = list_likelihood.plackett_luce_body(scores, torch.tensor(ranking), None, None)
        assert losses.isnan().tolist() == [row == -1, row == 3]
    with pytest.raises(DomainError, match=r"ranking\[1\] must be in 0..3, got 3"):
        list_likelihood.plackett_luce(torch.zeros(3), torch.tensor([0, 3]), torch.tensor([0, 2]), None)


@pytest.mark.parametrize(("name", "argument"), [("listmle", "position_weights"), ("ranknet", "skip_weights")])
def test_weights_must_reach_the_longest_list_and_not_be_negative(name: str, argument: str) -> None:
    case = lists.CASES[name]
    args = list(case.inputs["ragged_2"](torch.float64))
    place = next(i for i, arg in enumerate(args) if i > 2 and isinstance(arg, Tensor))
    longest = 29 if name == "listmle" else 28
    short = torch.ones(longest - 1, dtype=torch.float64)
    for function in (case.op, BODIES[name]):
        with pytest.raises(ShapeError, match=f"{argument} must have at least {longest} entries, got {longest - 1}"):
            function(*args[:place], short, *args[place + 1 :])
    weights = torch.ones(longest, dtype=torch.float64)
    weights[3] = -1.0
    with pytest.raises(DomainError, match=rf"{argument}\[3\] must be finite and >= 0, got -1"):
        case.op(*args[:place], weights, *args[place + 1 :])


def test_labels_that_have_no_gain_are_refused() -> None:
    scores = torch.zeros(1, 2)
    for label, gain in ((-1.0, "linear"), (math.inf, "linear"), (901.0, "exponential")):
        with pytest.raises(DomainError, match=r"labels\[1\] must be in \[0,"):
            list_pairs.lambdarank(scores, torch.tensor([[0.0, label]]).double(), None, None, gain, 1.0)

"""Masks, slices and beginnings of sequences in `prefcore.logps`."""

from itertools import accumulate

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from prefcore.errors import DomainError, ShapeError
from prefcore.logps import completion_mask, diverge_slice, prefix_chunk_logps, sequence_logps, token_logps

LOSSES = torch.tensor([[1.0, 2.0, 3.0, 0.0], [4.0, 0.0, 0.0, 0.0], [0.5, 0.5, 9.0, 9.0]], dtype=torch.float64)
COUNTED = torch.tensor([[True, True, True, False], [True, False, False, False], [True, True, False, False]])


@st.composite
def completions(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    """Starts, lengths and width of up to 4 rows; prompts and completions of length 0 included."""
    width = draw(st.integers(1, 12))
    starts = draw(st.lists(st.integers(0, width), max_size=4))
    return starts, [draw(st.integers(0, width - start)) for start in starts], width


@given(rows=completions(), dtype=st.sampled_from([torch.int64, torch.int32, torch.uint16]))
@settings(max_examples=60, deadline=None)
def test_completion_mask_counts_the_predicted_tokens_of_each_completion(
    rows: tuple[list[int], list[int], int], dtype: torch.dtype
) -> None:
    starts, lengths, width = rows
    mask = completion_mask(torch.tensor(starts, dtype=dtype), torch.tensor(lengths, dtype=dtype), width=width)
    want = [
        [target in range(start, start + length) for target in range(1, width)]
        for start, length in zip(starts, lengths, strict=True)
    ]
    assert mask.shape == (len(starts), width - 1)
    assert mask.tolist() == want


def test_completion_mask_sums_beyond_the_range_of_small_integers() -> None:
    """200 + 100 is 44 in uint8."""
    small = torch.tensor([200], dtype=torch.uint8), torch.tensor([100], dtype=torch.uint8)
    assert completion_mask(*small, width=300).nonzero()[:, 1].tolist() == list(range(199, 299))


def test_left_and_right_padding_give_the_same_log_probs() -> None:
    """The end token shares its id with the padding, and still counts (MK-03)."""
    prompt, completion, end = [5, 6], [7, 3, 2], 2
    right, left = torch.tensor([[*prompt, *completion, end, end]]), torch.tensor([[end, end, *prompt, *completion]])
    logits = torch.randn(11, 11)  # of each token, given the one before it

    def log_prob(ids: Tensor, start: int) -> Tensor:
        mask = completion_mask(torch.tensor([start]), torch.tensor([len(completion)]), width=ids.shape[1])
        return sequence_logps(token_logps(logits[ids[:, :-1]], ids[:, 1:], mask=mask), mask).sums

    steps = zip([prompt[-1], *completion], completion, strict=False)
    want = sum(logits[before].log_softmax(-1)[token] for before, token in steps)
    assert torch.equal(log_prob(right, 2), log_prob(left, 4))
    torch.testing.assert_close(log_prob(right, 2), want.reshape(1))


def test_empty_completion_is_named_where_it_is_summed() -> None:
    mask = completion_mask(torch.tensor([2, 4]), torch.tensor([2, 0]), width=4)
    with pytest.raises(DomainError, match="row 1 has no counted token"):
        sequence_logps(torch.ones(2, 3), mask)


@pytest.mark.parametrize(
    ("starts", "lengths", "width", "error", "match"),
    [
        ([1, 5], [2, 6], 10, DomainError, r"row 1: .*width = 10, got starts\[1\] = 5 and lengths\[1\] = 6"),
        ([0, -1], [1, 1], 10, DomainError, r"row 1: .*got starts\[1\] = -1 and lengths\[1\] = 1"),
        ([3], [-2], 10, DomainError, r"row 0: .*got starts\[0\] = 3 and lengths\[0\] = -2"),
        ([3], [1, 1], 10, ShapeError, r"starts \[1\], lengths \[2\]"),
        ([[3]], [[1]], 10, ShapeError, r"starts and lengths must be \[B\], got \[1, 1\]"),
        ([0.5], [1], 10, TypeError, r"starts must be an integer tensor, got torch.float32; call .long\(\)"),
        ([1], [True], 10, TypeError, "lengths must be an integer tensor, got torch.bool"),
        ([0], [0], 0, DomainError, "width must be at least 1, got 0"),
        ([0], [0], 3.0, TypeError, "width must be an integer, got float"),
    ],
)
def test_completion_mask_errors(
    starts: list[int], lengths: list[int], width: int, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        completion_mask(torch.tensor(starts), torch.tensor(lengths), width=width)


@st.composite
def pairs_of_responses(draw: st.DrawFn) -> tuple[int, list[int], list[int], list[int]]:
    """Left padding, a common beginning, and two endings that are not the same; few ids, so that they often agree."""
    tokens = st.lists(st.integers(0, 2), max_size=4)
    common, chosen, rejected = draw(tokens), draw(tokens), draw(tokens)
    if chosen == rejected:
        rejected = [*rejected, 0]
    if not common:
        common = [1]
    return draw(st.integers(0, 3)), common, chosen, rejected


@given(pairs=st.lists(pairs_of_responses(), min_size=1, max_size=4), data=st.data())
@settings(max_examples=60, deadline=None)
def test_diverge_slice_finds_what_two_responses_do_not_share(
    pairs: list[tuple[int, list[int], list[int], list[int]]], data: st.DataObject
) -> None:
    """The oracle compares the lists; padding is filled with ids that also occur as tokens."""
    width = 12
    ids, masks = torch.randint(0, 3, (2, len(pairs), width)), torch.zeros(2, len(pairs), width, dtype=torch.bool)
    for row, (pad, common, *endings) in enumerate(pairs):
        for side, ending in enumerate(endings):
            whole = common + ending
            ids[side, row, pad : pad + len(whole)] = torch.tensor(whole)
            masks[side, row, pad : pad + len(whole)] = True
    result = diverge_slice(*ids, *masks)
    for row, (pad, common, *endings) in enumerate(pairs):
        whole = [common + ending for ending in endings]
        start = next(t for t in range(width) if whole[0][t : t + 1] != whole[1][t : t + 1])
        assert result.start[row] == pad + start
        for slices, tokens in zip((result.chosen, result.rejected), whole, strict=True):
            assert slices[row].tolist() == [max(pad + start - 1, 0), pad + len(tokens) - 1]


def test_diverge_slice_of_a_beginning_is_empty() -> None:
    """The padding of the shorter response repeats the id that the longer one goes on with."""
    ids = torch.tensor([[5, 6, 0, 0]])
    shorter, longer = torch.tensor([[True, True, False, False]]), torch.tensor([[True, True, True, False]])
    assert [field.tolist() for field in diverge_slice(ids, ids, shorter, longer)] == [[2], [[1, 1]], [[1, 2]]]


def test_diverge_slice_beyond_the_end_of_one_response_is_empty_there() -> None:
    """Position 2 counts in neither: a slice that began at start - 1 would end before it begins."""
    ids = torch.tensor([[5, 6, 0, 7]])
    shorter, longer = torch.tensor([[True, True, False, False]]), torch.tensor([[True, True, False, True]])
    assert [field.tolist() for field in diverge_slice(ids, ids, shorter, longer)] == [[3], [[1, 1]], [[2, 3]]]


def test_diverge_slice_from_the_first_token() -> None:
    """A slice from -1 would take the last position."""
    counted = torch.ones(1, 3, dtype=torch.bool)
    result = diverge_slice(torch.tensor([[1, 2, 3]]), torch.tensor([[4, 2, 3]]), counted, counted)
    assert [field.tolist() for field in result] == [[0], [[0, 2]], [[0, 2]]]


def test_diverge_slice_reads_transposed_tensors() -> None:
    ids = torch.tensor([[1, 1], [2, 2], [3, 4], [2, 0]])
    mask = torch.tensor([[True, True], [True, True], [True, True], [True, False]])
    got = diverge_slice(ids.t()[:1], ids.t()[1:], mask.t()[:1], mask.t()[1:])
    assert [field.tolist() for field in got] == [[2], [[1, 3]], [[1, 2]]]


IDS = torch.tensor([[1, 2, 3], [1, 2, 3]])
ALL = torch.ones(2, 3, dtype=torch.bool)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"rejected_ids": torch.tensor([[1, 2, 4], [1, 2, 3]])}, DomainError, "row 1: the counted ids .* are the same"),
        (
            {"rejected_mask": torch.tensor([[False, True, True], [True, True, True]])},
            DomainError,
            "row 0: chosen_mask begins at position 0 and rejected_mask at 1, expected the same",
        ),
        ({"chosen_mask": ALL & torch.tensor([[True], [False]])}, DomainError, "row 1 of chosen_mask has no counted"),
        ({"rejected_ids": IDS[:, :2]}, ShapeError, r"chosen_ids \[2, 3\], rejected_ids \[2, 2\]"),
        ({"chosen_ids": IDS.float()}, TypeError, r"chosen_ids must be an integer tensor, got torch.float32"),
        ({"chosen_mask": ALL.long()}, TypeError, r"chosen_mask must be a bool tensor, got torch.int64; call .bool\(\)"),
        ({"rejected_ids": IDS.to("meta")}, TypeError, "rejected_ids on meta"),
    ],
)
def test_diverge_slice_errors(change: dict[str, Tensor], error: type[Exception], match: str) -> None:
    arguments = {"chosen_ids": IDS, "rejected_ids": IDS + 1, "chosen_mask": ALL, "rejected_mask": ALL, **change}
    with pytest.raises(error, match=match):
        diverge_slice(**arguments)


def test_masks_compile_and_then_do_not_look_at_values() -> None:
    starts, lengths = torch.tensor([1, 0]), torch.tensor([2, 4])
    mask = torch.compile(completion_mask, fullgraph=True, backend="aot_eager")
    assert torch.equal(mask(starts, lengths, width=5), completion_mask(starts, lengths, width=5))
    assert mask(starts + 3, lengths, width=5).tolist() == [[False, False, False, True], [False, False, True, True]]
    diverge = torch.compile(diverge_slice, fullgraph=True, backend="aot_eager")
    for got, want in zip(diverge(IDS, IDS + 1, ALL, ALL), diverge_slice(IDS, IDS + 1, ALL, ALL), strict=True):
        assert torch.equal(got, want)
    same = diverge(IDS, IDS, ALL, ALL)
    assert same.start.tolist() == [3, 3]
    assert torch.equal(same.chosen[:, 0], same.chosen[:, 1])


def test_four_aggregations_differ_on_ragged_rows() -> None:
    """MK-07: 11/6, 11/3, 13/6 and 11/24, each from the sums, counts and means of the sequences."""
    losses = sequence_logps(LOSSES, COUNTED)
    got = torch.stack(
        [
            losses.sums.sum() / losses.counts.sum(),
            losses.sums.mean(),
            losses.means.mean(),
            (losses.sums / 8).mean(),
        ]
    )
    want = torch.tensor([11 / 6, 11 / 3, 13 / 6, 11 / 24], dtype=torch.float64)
    torch.testing.assert_close(got, want, rtol=1e-13, atol=0)
    with pytest.raises(DomainError, match="row 1 has no counted token"):
        sequence_logps(LOSSES, COUNTED & torch.tensor([[True], [False], [True]]))


@pytest.mark.parametrize(
    ("length", "chunks", "ends"),
    [(5, 1, [5]), (5, 3, [3, 4, 5]), (7, 2, [5, 7]), (5, 4, [3, 4, 5, 5]), (1, 3, [1, 1, 1]), (8, 2, [6, 8])],
)
def test_prefix_chunks_end_at_half_plus_steps(length: int, chunks: int, ends: list[int]) -> None:
    """L//2 + c, L//2 + 2c, ... up to L with c = ceil((L - L//2) / chunks), by hand."""
    result = prefix_chunk_logps(torch.arange(1.0, length + 1).unsqueeze(0), chunks=chunks)
    assert result.counts.tolist() == [ends]
    assert result.sums.tolist() == [[end * (end + 1) / 2 for end in ends]]


def prefix_sums(row: list[float], mask: list[bool], chunks: int) -> tuple[list[float], list[int]]:
    counted = [x for x, m in zip(row, mask, strict=True) if m]
    half = len(counted) // 2
    step = -((half - len(counted)) // chunks)
    ends = [min(half + (k + 1) * step, len(counted)) for k in range(chunks)]
    sums = [0.0, *accumulate(counted)]  # one after the other; `sum` compensates from Python 3.12 on
    return [sums[end] for end in ends], ends


@given(rows=st.integers(0, 4), width=st.integers(0, 20), chunks=st.integers(1, 6), share=st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_prefix_chunks_over_masks_with_holes(rows: int, width: int, chunks: int, share: float) -> None:
    values, mask = torch.randn(width, rows, dtype=torch.float64).t(), (torch.rand(width, rows) < share).t()
    poisoned = values.masked_fill(~mask, torch.nan).requires_grad_()
    result = prefix_chunk_logps(poisoned, mask, chunks=chunks, empty="zero")
    for row in range(rows):
        sums, ends = prefix_sums(values[row].tolist(), mask[row].tolist(), chunks)
        assert result.sums[row].tolist() == sums
        assert result.counts[row].tolist() == ends
    assert torch.equal(result.sums[:, -1], sequence_logps(poisoned, mask, empty="zero").sums)
    weights = torch.rand(rows, chunks, dtype=torch.float64)
    result.sums.mul(weights).sum().backward()
    rank = mask.long().cumsum(1).unsqueeze(2)
    want = (weights.unsqueeze(1) * (rank <= result.counts.unsqueeze(1))).sum(2) * mask
    torch.testing.assert_close(poisoned.grad, want, rtol=1e-14, atol=1e-14)


def test_prefix_chunks_ignore_padding_and_keep_minus_infinity_where_it_stands() -> None:
    right = torch.tensor([[-1.0, -2.0, -torch.inf, torch.nan]]), torch.tensor([[True, True, True, False]])
    left = right[0].roll(1, 1), right[1].roll(1, 1)
    assert prefix_chunk_logps(*right, chunks=2).sums.tolist() == [[-3.0, -torch.inf]]
    assert prefix_chunk_logps(*left, chunks=2).sums.tolist() == [[-3.0, -torch.inf]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_prefix_chunks_of_half_types_are_summed_after_upcasting(dtype: torch.dtype) -> None:
    values = torch.randn(2, 300).to(dtype)
    got, want = prefix_chunk_logps(values, chunks=3), prefix_chunk_logps(values.double(), chunks=3)
    assert got.sums.dtype == torch.float32
    torch.testing.assert_close(got.sums.double(), want.sums, rtol=1e-7, atol=1e-6)


def test_prefix_chunks_compile_and_name_an_empty_row() -> None:
    compiled = torch.compile(prefix_chunk_logps, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(LOSSES, COUNTED, chunks=2).sums, prefix_chunk_logps(LOSSES, COUNTED, chunks=2).sums)
    for function in compiled, prefix_chunk_logps:
        with pytest.raises(DomainError, match="row 1 has no counted token"):
            function(LOSSES, COUNTED & torch.tensor([[True], [False], [True]]), chunks=2)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"chunks": 0}, DomainError, "chunks must be at least 1, got 0"),
        ({"chunks": 2.0}, TypeError, "chunks must be an integer, got float"),
        ({"mask": COUNTED.float()}, TypeError, "mask must be a bool tensor, got torch.float32"),
        ({"mask": COUNTED[:1]}, ShapeError, r"mask \[1, 4\]"),
        ({"token_logps": LOSSES[0], "mask": None}, ShapeError, r"token_logps must be \[B, T\].*got \[4\]"),
        ({"token_logps": LOSSES.long()}, TypeError, "token_logps must be a floating-point tensor"),
        ({"empty": "skip"}, DomainError, 'empty must be "raise" or "zero"'),
    ],
)
def test_prefix_chunk_errors(change: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        prefix_chunk_logps(**{"token_logps": LOSSES, "mask": COUNTED, "chunks": 2, **change})


def test_density_ratio_reward_is_the_gap_of_two_packed_sums() -> None:
    """cdr.density_ratio: the completions begin at token 1 of the strong and token 2 of the weak row; 0.3 and 0.075."""
    values = torch.tensor([-0.5, -0.2, -1.0, -0.3, -0.4, -1.1, -0.2, -0.6], dtype=torch.float64)
    strong, weak = sequence_logps(values, offsets=torch.tensor([0, 4, 8])).sums
    torch.testing.assert_close(strong - weak, strong.new_tensor(0.2999999999999998), rtol=0, atol=1e-12)
    torch.testing.assert_close((strong - weak) / 4, strong.new_tensor(0.07499999999999996), rtol=0, atol=1e-12)

"""Properties and error messages of `prefcore.logps`."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from prefcore.errors import DomainError, ShapeError
from prefcore.logps import sequence_logps, token_logps, token_stats

V = 11


def some_logits(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, V, dtype=dtype)


def test_probabilities_of_all_targets_sum_to_one() -> None:
    logits = torch.randn(7, V, dtype=torch.float64)
    every = torch.stack([token_logps(logits, torch.full((7,), token)) for token in range(V)])
    torch.testing.assert_close(every.exp().sum(0), torch.ones(7, dtype=torch.float64), rtol=1e-14, atol=0)


def test_common_offset_changes_nothing() -> None:
    """2^24 is where f32 stops resolving ones: the gaps, not the sums, must carry the value (LP-01)."""
    logits = torch.randint(-8, 8, (5, V)).float()
    targets = torch.arange(5)
    assert torch.equal(token_logps(logits + 2.0**21, targets), token_logps(logits, targets))


def test_gradient_at_a_huge_common_offset() -> None:
    """The log-sum-exp of these logits is 2e8 in f32: the gap of log 3 is gone, the gradient must not be (LP-01)."""
    from prefcore.ops.token_stats import backward_reference, reference

    logits, targets = torch.full((1, 3), 2e8, requires_grad=True), torch.tensor([0])
    token_logps(logits, targets).sum().backward()
    want = torch.tensor([[2.0, -1.0, -1.0]]) / 3
    torch.testing.assert_close(logits.grad, want, rtol=1e-6, atol=0)
    rest = (None, None, 1.0, None, 1.0)
    stats = reference(logits.detach(), targets, *rest, 0, False)
    closed = backward_reference(torch.ones(1), None, None, None, logits.detach(), targets, *stats[:4], *rest)
    torch.testing.assert_close(closed, want, rtol=1e-6, atol=0)


def test_gradient_of_a_nearly_certain_token_does_not_cancel() -> None:
    """1 - p is 2e-13 here: in f32, p itself is exactly 1."""
    logits = torch.tensor([[30.0, 0.0, 0.0]], requires_grad=True)
    token_logps(logits, torch.tensor([0])).sum().backward()
    want = 2 * torch.tensor(-30.0, dtype=torch.float64).exp()
    torch.testing.assert_close(logits.grad[0, 0].double(), want, rtol=1e-5, atol=0)


def test_gradient_rows_sum_to_zero_and_masked_rows_have_none() -> None:
    logits = some_logits(4, 6, dtype=torch.float64).requires_grad_()
    mask = torch.arange(6) % 2 == torch.zeros(4, 1)
    targets = torch.randint(0, V, (4, 6)).masked_fill(~mask, -100)
    token_logps(logits, targets, mask=mask).mul(torch.randn(4, 6)).sum().backward()
    assert logits.grad[~mask].abs().max() == 0
    assert logits.grad.sum(-1).abs().max() < 1e-14


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_masked_positions_are_not_read(dtype: torch.dtype) -> None:
    logits = some_logits(2, 3).to(dtype)
    mask = torch.tensor([[True, False, True], [False, False, True]])
    poisoned = logits.masked_fill(~mask.unsqueeze(-1), torch.nan).requires_grad_()
    got = token_logps(poisoned, torch.ones(2, 3, dtype=torch.long), mask=mask)
    want = token_logps(logits, torch.ones(2, 3, dtype=torch.long))
    assert torch.equal(got, want.masked_fill(~mask, 0.0))
    got.sum().backward()
    assert poisoned.grad.isfinite().all()


def test_masked_vocabulary_is_out_of_the_game() -> None:
    """-inf entries: their own log-prob is -inf, the others are as if those entries did not exist (LP-03)."""
    logits = torch.randn(1, 5000)
    logits[:, :4000] = -torch.inf
    logits.requires_grad_()
    out = token_logps(logits.expand(2, -1), torch.tensor([4500, 0]))
    short = token_logps(logits[:, 4000:], torch.tensor([500]))
    torch.testing.assert_close(out[:1], short, rtol=0, atol=1e-6)
    assert out[1] == -torch.inf
    out[0].backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[0, :4000].abs().max() == 0


def test_nan_in_nan_out_for_that_row_only() -> None:
    logits = some_logits(3)
    logits[1, 4] = torch.nan
    out = token_logps(logits, torch.zeros(3, dtype=torch.long))
    assert out.isnan().tolist() == [False, True, False]


def test_temperature_divides_and_broadcasts() -> None:
    logits, targets = some_logits(2, 4, dtype=torch.float64), torch.randint(0, V, (2, 4))
    per_row = torch.tensor([[0.5], [2.0]])
    want = torch.stack([token_logps(logits[0] / 0.5, targets[0]), token_logps(logits[1] / 2.0, targets[1])])
    torch.testing.assert_close(token_logps(logits, targets, temperature=per_row), want, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(token_logps(logits[0], targets[0], temperature=0.5), want[0], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("softcap", [1e3, 1e6, 1e20])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 3e-6), (torch.float64, 1e-12)])
def test_a_cap_far_above_the_logits_changes_nothing(softcap: float, dtype: torch.dtype, error: float) -> None:
    logits, targets = torch.randn(20, 50, dtype=dtype), torch.randint(0, 50, (20,))
    x = logits.double()
    capped = softcap * torch.tanh(x / softcap)
    want = capped.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    got = token_logps(logits, targets, softcap=softcap).double()
    torch.testing.assert_close(got, want, rtol=0, atol=error)


def test_shifted_view_is_read_in_place() -> None:
    """`logits[:, :-1]` is what every trainer passes; a copy would be the size of the logits."""
    logits, ids = torch.randn(2, 5, V), torch.randint(0, V, (2, 5))
    view = logits[:, :-1]
    assert not view.is_contiguous()
    assert torch.equal(token_logps(view, ids[:, 1:]), token_logps(view.contiguous(), ids[:, 1:].contiguous()))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"targets": torch.tensor([[0, 1], [V, 2]])}, DomainError, rf"targets\[1, 0\].*{V}.*got {V}"),
        ({"targets": torch.tensor([[0, -100], [1, 2]])}, DomainError, r"targets\[0, 1\].*got -100"),
        ({"logits": torch.full((2, 2, V), -torch.inf)}, DomainError, r"logits\[0, 0\].*-inf"),
        ({"targets": torch.zeros(2, 3, dtype=torch.long)}, ShapeError, r"\[2, 2, 11\], \[2, 3\]"),
        ({"targets": torch.zeros(2, 2)}, TypeError, "torch.float32"),
        ({"logits": torch.zeros(2, 2, V, dtype=torch.long)}, TypeError, "torch.int64"),
        ({"logits": torch.zeros(2, 2, 0)}, ShapeError, r"\[2, 2, 0\]"),
        ({"mask": torch.ones(2, 2)}, TypeError, r"mask must be a bool tensor, got torch.float32; call .bool\(\)"),
        (
            {"mask": torch.ones(2, 1, dtype=torch.bool)},
            ShapeError,
            r"mask must have the shape .*\[2, 2\], got \[2, 1\]",
        ),
        ({"logits": [[0.0] * V]}, TypeError, "logits must be a torch tensor, got list"),
        ({"temperature": "1"}, TypeError, "temperature must be a number or a torch tensor, got str"),
        ({"temperature": 0.0}, DomainError, "temperature must be finite and > 0, got 0.0"),
        ({"temperature": float("nan")}, DomainError, "temperature must be finite and > 0, got nan"),
        ({"temperature": torch.tensor([[1.0, -1.0]])}, DomainError, r"temperature\[0, 1\].*got -1"),
        ({"temperature": torch.ones(3)}, ShapeError, r"temperature must broadcast to targets \[2, 2\], got \[3\]"),
        ({"softcap": -30.0}, DomainError, "softcap must be finite and > 0, got -30.0"),
        ({"logit_scale": float("inf")}, DomainError, "logit_scale must be finite and > 0, got inf"),
        ({"targets": torch.zeros(2, 2, dtype=torch.long, device="meta")}, TypeError, "targets on meta"),
    ],
)
def test_token_logps_errors(change: dict[str, object], error: type[Exception], match: str) -> None:
    arguments = {"logits": torch.zeros(2, 2, V), "targets": torch.zeros(2, 2, dtype=torch.long), **change}
    with pytest.raises(error, match=match):
        token_logps(arguments.pop("logits"), arguments.pop("targets"), **arguments)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_code_raises_the_same_errors(backend: str) -> None:
    compiled = torch.compile(
        lambda x, t, m: sequence_logps(token_logps(x, t, mask=m), m).means, fullgraph=True, backend=backend
    )
    logits, targets, mask = some_logits(2, 3), torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool)
    eager = sequence_logps(token_logps(logits, targets, mask=mask), mask).means
    assert torch.equal(compiled(logits, targets, mask), eager)
    with pytest.raises(DomainError, match=r"targets\[0, 0\]"):
        compiled(logits, targets + V, mask)
    with pytest.raises(DomainError, match="row 1 has no counted token"):
        compiled(logits, targets, torch.tensor([[True] * 3, [False] * 3]))


@given(rows=st.integers(1, 5), width=st.integers(1, 40), more=st.integers(0, 9), data=st.data())
@settings(max_examples=30, deadline=None)
def test_further_masked_columns_change_no_bit(rows: int, width: int, more: int, data: st.DataObject) -> None:
    """MK-01: padding must not enter the sum, on either side."""
    values = torch.randn(rows, width)
    mask = torch.rand(rows, width) < data.draw(st.floats(0.0, 1.0))
    wide = torch.cat([torch.full((rows, more), torch.nan), values, torch.full((rows, more), torch.inf)], 1)
    wide_mask = torch.nn.functional.pad(mask, (more, more))
    got, want = sequence_logps(wide, wide_mask, empty="zero"), sequence_logps(values, mask, empty="zero")
    assert torch.equal(got.sums, want.sums)
    assert torch.equal(got.counts, want.counts)


def test_sequence_sums_are_exact_where_f32_is_not() -> None:
    values = torch.tensor([[1e8, 1.0, -1e8, 1.0]])
    assert sequence_logps(values).sums.item() == 2.0


def test_weights_multiply_and_get_a_gradient() -> None:
    values = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    sums, counts = sequence_logps(values, mask, weights=weights)
    torch.testing.assert_close(sums, (values * weights * mask).sum(1))
    assert counts.tolist() == [2, 1]
    sums.sum().backward()
    assert torch.equal(weights.grad, values.detach() * mask)
    assert torch.equal(values.grad, weights.detach() * mask)


def test_weights_at_masked_positions_do_not_matter() -> None:
    values, mask = torch.ones(1, 3, requires_grad=True), torch.tensor([[True, True, False]])
    weights = torch.tensor([[0.5, 2.0, torch.nan]], requires_grad=True)
    sums, _ = sequence_logps(values, mask, weights=weights)
    sums.sum().backward()
    assert sums.item() == 2.5
    assert values.grad.tolist() == [[0.5, 2.0, 0.0]]
    assert weights.grad.tolist() == [[1.0, 1.0, 0.0]]


def test_packed_equals_padded_and_half_types_give_f32() -> None:
    values = torch.randn(3, 4).bfloat16()
    padded = sequence_logps(values)
    packed = sequence_logps(values.flatten(), offsets=torch.tensor([0, 4, 8, 12]))
    assert padded.sums.dtype == torch.float32
    assert torch.equal(padded.sums, packed.sums)


def test_empty_sequence_raises_or_gives_zero() -> None:
    values, mask = torch.ones(3, 2), torch.tensor([[True, True], [False, False], [False, False]])
    with pytest.raises(DomainError, match=r"row 1 has no counted token \(2 of 3 rows\)"):
        sequence_logps(values, mask)
    result = sequence_logps(values, mask, empty="zero")
    assert result.sums.tolist() == [2.0, 0.0, 0.0]
    assert result.means.tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(DomainError, match="group 1 has no"):
        sequence_logps(torch.ones(4), offsets=torch.tensor([0, 4, 4]))


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"token_logps": torch.ones(4)}, ShapeError, r"token_logps must be \[B, T\].*got \[4\]"),
        ({"token_logps": torch.ones(2, 3), "mask": torch.ones(2, 3)}, TypeError, r"mask must be a bool.*\.bool\(\)"),
        ({"token_logps": torch.ones(2, 3), "mask": torch.ones(2, 1) > 0}, ShapeError, r"\[2, 3\], mask \[2, 1\]"),
        ({"token_logps": torch.ones(2, 3), "weights": torch.ones(3)}, ShapeError, r"weights \[3\]"),
        (
            {"token_logps": torch.ones(2, 3).long()},
            TypeError,
            r"token_logps must be a floating.*int64; call .float\(\)",
        ),
        (
            {"token_logps": torch.ones(2, 3), "empty": "nan"},
            DomainError,
            'empty must be "raise" or "zero", got \'nan\'',
        ),
        ({"token_logps": torch.ones(2, 3), "offsets": torch.tensor([0, 2])}, ShapeError, r"\[2, 3\] and \[2\]"),
        ({"token_logps": torch.ones(3), "offsets": [0, 3]}, TypeError, "offsets must be a torch tensor, got list"),
        (
            {"token_logps": torch.ones(3), "offsets": torch.tensor([0.0, 3.0])},
            TypeError,
            r"offsets must be int64.*long",
        ),
        ({"token_logps": torch.ones(3), "offsets": torch.tensor([0, 2])}, DomainError, "end with 3.*got 0 and 2"),
        (
            {"token_logps": torch.ones(3), "offsets": torch.tensor([0, 2, 1, 3])},
            DomainError,
            r"offsets\[2\].*= 2, got 1",
        ),
    ],
)
def test_sequence_logps_errors(arguments: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        sequence_logps(**arguments)


EVERY = ("logps", "entropy", "lse", "log_sum_sq_probs", "is_top1", "mean_logits")


def test_only_the_statistics_asked_for_are_there() -> None:
    logits, targets = some_logits(3, 4), torch.randint(0, V, (3, 4))
    whole = token_stats(logits, targets, outputs=EVERY)
    for name in EVERY:
        stats = token_stats(logits, targets, outputs=(name,))
        assert [field for field in EVERY if getattr(stats, field) is not None] == [name]
        assert torch.equal(getattr(stats, name), getattr(whole, name))
    assert torch.equal(token_stats(logits, targets).logps, token_logps(logits, targets))


def test_statistics_of_known_distributions() -> None:
    """Uniform over 8 of 10 entries; certain; and two equal maxima, of which the first is the top."""
    masked = torch.tensor([0.3] * 8 + [-torch.inf] * 2)
    certain = torch.tensor([200.0] + [0.0] * 9)
    tied = torch.tensor([1.0, 5.0, 5.0] + [0.0] * 7)
    logits = torch.stack([masked, certain, tied, tied])
    stats = token_stats(logits, torch.tensor([3, 0, 1, 2]), outputs=EVERY)
    torch.testing.assert_close(stats.entropy[:2], torch.tensor([8.0, 1.0]).log())
    torch.testing.assert_close(stats.log_sum_sq_probs[:2], -torch.tensor([8.0, 1.0]).log())
    assert stats.is_top1.tolist() == [False, True, True, False]
    assert stats.mean_logits.tolist() == pytest.approx([-torch.inf, 20.0, 1.1, 1.1])


@pytest.mark.parametrize("softcap", [None, 7.0])
def test_gradient_in_place_is_the_gradient_and_takes_the_memory_of_the_logits(softcap: float | None) -> None:
    """A shifted view of a computed tensor: the last position keeps its logits."""
    source = some_logits(2, 5).requires_grad_()
    targets, mask = torch.randint(0, V, (2, 4)), torch.tensor([[True, False, True, True]] * 2)

    def loss(logits: Tensor, *, inplace: bool) -> Tensor:
        stats = token_stats(
            *(logits[:, :-1], targets), mask=mask, softcap=softcap, outputs=EVERY, inplace_backward=inplace
        )
        return (stats.logps - 0.3 * stats.entropy + stats.lse.square() + stats.log_sum_sq_probs).sum()

    (want,) = torch.autograd.grad(loss(source * 2, inplace=False), source)
    logits = source * 2
    before = logits.detach().clone()
    (got,) = torch.autograd.grad(loss(logits, inplace=True), source)
    assert torch.equal(got, want)
    assert torch.equal(2 * logits.detach()[:, :-1], want[:, :-1])
    assert torch.equal(logits.detach()[:, -1], before[:, -1])


def test_in_place_refuses_what_it_would_destroy() -> None:
    targets = torch.randint(0, V, (3,))
    with pytest.raises(DomainError, match="got a leaf"):
        token_stats(some_logits(3).requires_grad_(), targets, inplace_backward=True)
    with pytest.raises(ShapeError, match="an entry of its own"):
        token_stats((some_logits(1) * torch.ones(1, requires_grad=True)).expand(3, V), targets, inplace_backward=True)
    source = some_logits(3).requires_grad_()
    logits = source.exp()  # saves its output
    loss = token_stats(logits, targets, inplace_backward=True).logps.sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_second_output_in_a_compiled_graph_and_none_for_the_rest() -> None:
    """An entropy bonus beside the log-probs, as PPO takes them: one graph, and the same bits as eager."""
    logits, targets = some_logits(3, 4).requires_grad_(), torch.randint(0, V, (3, 4))

    def loss(logits: Tensor) -> Tensor:
        stats = token_stats(logits, targets, outputs=("logps", "entropy"), temperature=0.7)
        assert stats.lse is None
        return (stats.logps + 0.01 * stats.entropy).sum()

    (want,) = torch.autograd.grad(loss(logits), logits)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    (got,) = torch.autograd.grad(compiled(logits), logits)
    assert torch.equal(got, want)


@pytest.mark.parametrize(
    ("outputs", "error", "message"),
    [
        ("logps", TypeError, r"outputs must be a tuple of names, got 'logps'; write \(\"logps\",\)"),
        ((), DomainError, "outputs must be among logps, .*, got none"),
        (("logps", "logprobs"), DomainError, "outputs must be among logps, entropy, lse, .*, got 'logprobs'"),
    ],
)
def test_unknown_outputs(outputs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        token_stats(some_logits(2), torch.tensor([0, 1]), outputs=outputs)


@pytest.mark.parametrize("function", [token_logps, lambda x, y: token_stats(x, y, outputs=("entropy",)).entropy])
def test_second_derivatives_are_refused_rather_than_zero(function: Any) -> None:
    logits = some_logits(2, dtype=torch.float64).requires_grad_()
    (grad,) = torch.autograd.grad(function(logits, torch.tensor([0, 1])).sum(), logits, create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula"):
        grad.square().sum().backward()


def test_arguments_that_are_missing_or_of_another_kind_are_named() -> None:
    logits, targets = some_logits(2), torch.tensor([0, 1])
    stats = token_stats(logits, targets, outputs=(name for name in ("logps", "entropy")))
    assert stats.entropy is not None
    with pytest.raises(TypeError, match="targets must be a torch tensor, got NoneType"):
        token_logps(logits, None)
    with pytest.raises(TypeError, match=r"integer targets, got torch.float32 and torch.complex64"):
        token_logps(logits, targets.to(torch.complex64))
    with pytest.raises(TypeError, match=r"softcap must be a number, got a tensor \[2\]"):
        token_logps(logits, targets, softcap=torch.ones(2))
    with pytest.raises(TypeError, match="outputs must be a tuple of names, got None"):
        token_stats(logits, targets, outputs=None)

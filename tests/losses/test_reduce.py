"""Properties and errors of the reducers; vectors (MK-07) and common promises are tested elsewhere."""

import math

import pytest
import torch

from prefcore import losses
from prefcore.errors import DomainError, ShapeError

RAGGED = torch.tensor([[True, True, True, False], [False, True, False, False], [True, True, False, False]])
REDUCERS = {
    "token_mean": losses.token_mean,
    "token_mean_of_a_part": lambda x, m: losses.token_mean(x, m, denominator=10.0),
    "seq_mean_token_mean": losses.seq_mean_token_mean,
    "seq_mean_token_sum": losses.seq_mean_token_sum,
    "seq_mean_token_sum_norm": lambda x, m: losses.seq_mean_token_sum_norm(x, m, length=8),
}
EVERY = pytest.mark.parametrize("reduce", REDUCERS.values(), ids=REDUCERS)


@EVERY
@pytest.mark.parametrize("nothing", [math.nan, math.inf, -math.inf])
def test_what_stands_outside_the_mask_reaches_neither_value_nor_gradient(reduce, nothing: float) -> None:
    values = torch.randn(3, 4)
    results = []
    for filler in (0.0, nothing):
        x = values.where(RAGGED, filler).requires_grad_()
        loss = reduce(x, RAGGED)
        loss.backward()
        results.append((loss.detach(), x.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert (results[1][1][~RAGGED] == 0).all()


@EVERY
def test_padding_does_not_change_a_bit(reduce) -> None:
    values = torch.randn(3, 4)
    wide, mask = (torch.nn.functional.pad(x, (2, 5)) for x in (values, RAGGED))
    assert torch.equal(reduce(values, RAGGED), reduce(wide, mask))


def test_a_part_of_a_step_without_completions_adds_nothing() -> None:
    values = torch.zeros(0, 4, requires_grad=True)
    loss = losses.token_mean(values, RAGGED[:0], denominator=10)
    loss.backward()
    assert loss.item() == 0.0
    assert values.grad.shape == (0, 4)


def test_every_token_has_the_weight_that_the_name_says() -> None:
    """The gradient of value t of row b: 1/N, 1/D, 1/(B n_b), 1/B, 1/(B length)."""
    counts = RAGGED.sum(1, keepdim=True).double()
    want = (1 / 6, 1 / 10, 1 / (3 * counts), 1 / 3, 1 / 24)
    for reduce, weight in zip(REDUCERS.values(), want, strict=True):
        x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
        reduce(x, RAGGED).backward()
        torch.testing.assert_close(x.grad, torch.ones_like(x) * weight * RAGGED, rtol=1e-15, atol=0)


def test_parts_of_a_step_add_up_with_its_token_count() -> None:
    """dapo: micro-batches divided by the tokens of the whole step, given as a number or as a tensor of integers."""
    values = torch.randn(3, 4, dtype=torch.float64)
    total = RAGGED.sum()
    parts = [losses.token_mean(values[i : i + 1], RAGGED[i : i + 1], denominator=total) for i in range(3)]
    torch.testing.assert_close(sum(parts), losses.token_mean(values, RAGGED), rtol=1e-14, atol=0)


def test_a_row_without_tokens() -> None:
    """A mean of nothing is named or, on request, 0; sums of nothing are 0. Nothing is NaN, the gradient neither."""
    values = torch.ones(2, 2, requires_grad=True)
    mask = torch.tensor([[True, True], [False, False]])
    with pytest.raises(DomainError, match=r"row 1 has no counted token \(1 of 2 rows\).*empty=\"zero\""):
        losses.seq_mean_token_mean(values, mask)
    loss = losses.seq_mean_token_mean(values, mask, empty="zero")
    loss.backward()
    assert loss.item() == 0.5
    assert values.grad.tolist() == [[0.25, 0.25], [0.0, 0.0]]
    assert losses.seq_mean_token_sum(values, mask).item() == 1.0
    assert losses.token_mean(values, mask).item() == 1.0


def test_a_batch_without_tokens() -> None:
    values, mask = torch.ones(2, 2), torch.zeros(2, 2, dtype=torch.bool)
    with pytest.raises(DomainError, match=r"mask \[2, 2\] has no counted token, expected at least 1, or a denominator"):
        losses.token_mean(values, mask)
    assert losses.token_mean(values, mask, denominator=5).item() == 0.0
    assert losses.seq_mean_token_sum_norm(values, mask, length=5).item() == 0.0


def test_compiled_code_raises_for_a_row_without_tokens_too() -> None:
    compiled = torch.compile(losses.seq_mean_token_mean, fullgraph=True, backend="aot_eager")
    with pytest.raises(DomainError, match="row 0 has no counted token"):
        compiled(torch.ones(1, 2), torch.zeros(1, 2, dtype=torch.bool))


ONES = torch.ones(3, 4)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: losses.token_mean(torch.ones(4), RAGGED[0]), ShapeError, r"values must be \[B, T\] .* got \[4\]"),
        (lambda: losses.seq_mean_token_sum(ONES[:0], RAGGED[:0]), ShapeError, r"with B > 0, got \[0, 4\]"),
        (lambda: losses.token_mean(ONES, ONES), TypeError, "mask must be a bool tensor, got torch.float32"),
        (
            lambda: losses.token_mean(ONES, RAGGED, denominator=torch.ones(3)),
            ShapeError,
            r"denominator must be a float or a 0-d tensor, got \[3\]",
        ),
        (
            lambda: losses.token_mean(ONES, RAGGED, denominator=0),
            DomainError,
            "denominator must be finite and > 0, got 0",
        ),
        (
            lambda: losses.token_mean(ONES, RAGGED, denominator=torch.tensor(0)),
            DomainError,
            "denominator must be finite and > 0, got 0",
        ),
        (
            lambda: losses.seq_mean_token_sum_norm(ONES, RAGGED, length=torch.tensor(8)),
            TypeError,
            r"length must be a number, got a tensor \[\]",
        ),
        (
            lambda: losses.seq_mean_token_mean(ONES, RAGGED, empty="skip"),
            DomainError,
            'empty must be "raise" or "zero", got \'skip\'',
        ),
    ],
)
def test_errors(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()

"""Properties and errors of the auxiliary losses; vectors and common promises are tested elsewhere."""

import math

import pytest
import torch

from prefcore import losses
from prefcore.errors import DomainError, ShapeError


def test_info_nce_does_not_see_lengths() -> None:
    """Cosines: powers of two leave every bit."""
    anchors, positives = torch.randn(2, 5, 3)
    factor = torch.tensor([[0.5], [2.0], [1024.0], [1.0], [2.0**-20]])
    assert torch.equal(
        losses.info_nce(anchors * factor, positives * factor.flip(0)), losses.info_nce(anchors, positives)
    )


@pytest.mark.parametrize("length", [1e-30, 1e30])
def test_info_nce_of_vectors_whose_squares_are_no_f32(length: float) -> None:
    vectors = torch.randn(3, 4)
    got = losses.info_nce(vectors * length, vectors * length, temperature=1.0)
    torch.testing.assert_close(got, losses.info_nce(vectors, vectors, temperature=1.0))


def test_info_nce_of_one_pair_is_nothing_and_of_equal_vectors_a_guess() -> None:
    vector = torch.randn(1, 4)
    assert losses.info_nce(vector, -vector).item() == 0.0
    torch.testing.assert_close(
        losses.info_nce(vector.repeat(8, 1), vector.repeat(8, 1)), torch.full((8,), math.log(8.0))
    )


def test_info_nce_zero_vector_has_no_direction_but_a_finite_gradient() -> None:
    """Cosine 0 with everything; an epsilon in the norm would make its gradient 1e12."""
    anchors = torch.randn(4, 3)
    anchors[1] = 0.0
    anchors.requires_grad_()
    loss = losses.info_nce(anchors, torch.randn(4, 3), temperature=1.0)
    loss.sum().backward()
    torch.testing.assert_close(loss[1], torch.tensor(math.log(4.0)))
    assert anchors.grad.abs().max() < 10


def test_normalized_mse_of_the_batch_mean_is_one() -> None:
    target = torch.randn(6, 4, dtype=torch.float64) + 100
    prediction = target.mean(0).expand(6, 4)
    torch.testing.assert_close(losses.normalized_mse(prediction, target).mean().item(), 1.0, rtol=1e-12, atol=0)
    assert losses.normalized_mse(target, target).tolist() == [0.0] * 6


def test_normalized_mse_has_no_unit_and_no_origin() -> None:
    prediction, target = torch.randn(2, 6, 4, dtype=torch.float64)
    got = losses.normalized_mse(3.0 - 7.0 * prediction, 3.0 - 7.0 * target)
    torch.testing.assert_close(got, losses.normalized_mse(prediction, target), rtol=1e-12, atol=0)


def test_normalized_mse_keeps_a_small_spread_at_a_large_offset() -> None:
    """In f32 the mean of these targets rounds to one of them."""
    target = torch.tensor([[0.0], [8.0], [8.0], [16.0]]) + 1e8
    prediction = target + torch.tensor([[4.0], [0.0], [0.0], [0.0]]) * 2
    assert losses.normalized_mse(prediction, target).tolist() == [2.0, 0.0, 0.0, 0.0]


def test_normalized_mse_target_is_data() -> None:
    prediction, target = (torch.randn(6, 4, requires_grad=True) for _ in range(2))
    losses.normalized_mse(prediction, target).sum().backward()
    assert target.grad is None


TWO = torch.eye(2)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: losses.info_nce(TWO[0], TWO[0]), ShapeError, r"anchors must be \[N, d\] with d > 0, got \[2\]"),
        (
            lambda: losses.info_nce(TWO, TWO, temperature=0.0),
            DomainError,
            "temperature must be finite and > 0, got 0.0",
        ),
        (
            lambda: losses.normalized_mse(TWO, torch.ones(2, 2)),
            DomainError,
            "spread of target must be finite and > 0, got 0.0",
        ),
        (
            lambda: losses.normalized_mse(torch.zeros(5, 1), torch.full((5, 1), 123.456)),  # whose mean rounds
            DomainError,
            "spread of target must be finite and > 0, got 0.0",
        ),
        (
            lambda: losses.normalized_mse(TWO[:0], TWO[:0]),
            ShapeError,
            r"target must be \[B, d\] with B > 0, got \[0, 2\]",
        ),
    ],
)
def test_errors(call: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()

"""Properties and error messages of `prefcore.logps.weighted_sequence_logps`."""

from typing import Any

import pytest
import torch

from prefcore.errors import DomainError, ShapeError
from prefcore.logps import sequence_logps, token_logps, weighted_sequence_logps

V = 11


def some_logits(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, V, dtype=dtype)


def test_weighted_sequence_logps_equals_its_two_parts() -> None:
    """Same bits in sums, counts and both gradients; weights of 0 and of both signs, a mask, packed and padded."""
    targets, mask, weights = torch.randint(0, V, (3, 8)), torch.rand(3, 8) > 0.3, torch.randn(3, 8)
    weights[:, 2] = 0.0
    for shape, offsets in (((3, 8), None), ((24,), torch.tensor([0, 5, 24]))):
        logits = some_logits(*shape).requires_grad_()
        y, m, w = targets.view(shape), mask.view(shape), weights.view(shape).clone().requires_grad_()
        fused = weighted_sequence_logps(logits, y, w, mask=m, offsets=offsets, temperature=0.7)
        logps = token_logps(logits, y, mask=m & (w != 0), temperature=0.7)
        parts = sequence_logps(logps, m, offsets=offsets, weights=w)
        assert torch.equal(fused.sums, parts.sums)
        assert torch.equal(fused.counts, parts.counts)
        upstream = torch.randn_like(fused.sums)
        got = torch.autograd.grad(fused.sums, [logits, w], upstream)
        for grad, want in zip(got, torch.autograd.grad(parts.sums, [logits, w], upstream), strict=True):
            assert torch.equal(grad, want)


def test_weighted_sequence_logps_does_not_read_rows_of_weight_zero() -> None:
    """NaN logits and a target of -100 where the weight is 0: it counts, and its gradients are 0."""
    logits, targets, weights = some_logits(1, 3), torch.tensor([[1, -100, 2]]), torch.tensor([[2.0, -0.0, 1.0]])
    logits[0, 1] = torch.nan
    logits, weights = logits.requires_grad_(), weights.requires_grad_()
    sums, counts = weighted_sequence_logps(logits, targets, weights)
    alone = token_logps(logits.detach()[:, ::2], targets[:, ::2])[0]
    assert sums.item() == pytest.approx(2 * alone[0].item() + alone[1].item(), rel=1e-6)
    assert counts.item() == 3
    grad_logits, grad_weights = torch.autograd.grad(sums.sum(), [logits, weights])
    assert not grad_logits[0, 1].any()
    assert grad_weights.tolist() == [[alone[0].item(), 0.0, alone[1].item()]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weighted_sequence_logps_dtypes(dtype: torch.dtype) -> None:
    """Half logits give f32 sums of unrounded log-probs, and weights are not rounded to the type of the logits."""
    logits, targets, weights = some_logits(2, 4, dtype=dtype), torch.randint(0, V, (2, 4)), torch.rand(2, 4) + 0.5
    sums = weighted_sequence_logps(logits, targets, weights).sums
    assert sums.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    want = (logits.double().log_softmax(-1).gather(-1, targets[..., None])[..., 0] * weights).sum(1)
    torch.testing.assert_close(sums.double(), want, rtol=1e-6, atol=4e-6)


def test_weighted_sequence_logps_under_learned_weights_leaves_the_logits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logits of a reference want no gradient, so nothing of their size is computed."""
    from prefcore.ops import token_stats

    def never(*_: object) -> None:
        raise AssertionError("the gradient of the logits was computed")

    monkeypatch.setattr(token_stats, "token_stats_backward", never)
    logits, targets = some_logits(2, 4, dtype=torch.float64), torch.randint(0, V, (2, 4))
    weights = (torch.rand(2, 4, dtype=torch.float64) + 0.1).requires_grad_()
    weighted_sequence_logps(logits, targets, weights).sums.sum().backward()
    assert torch.equal(weights.grad, token_logps(logits, targets))


def test_weighted_sequence_logps_reads_views() -> None:
    logits, targets = some_logits(3, 5)[:, :-1], torch.randint(0, V, (4, 3)).T
    weights, mask = torch.rand(4, 3).T, (torch.rand(4, 3) > 0.2).T
    got = weighted_sequence_logps(logits, targets, weights, mask=mask, empty="zero")
    copies = (x.contiguous() for x in (logits, targets, weights))
    assert torch.equal(got.sums, weighted_sequence_logps(*copies, mask=mask.contiguous(), empty="zero").sums)


def test_weighted_sequence_logps_of_empty_sequences() -> None:
    logits, targets, ones = some_logits(2, 3), torch.zeros(2, 3, dtype=torch.long), torch.ones(2, 3)
    mask = torch.tensor([[True, False, True], [False] * 3])
    with pytest.raises(DomainError, match="row 1 has no counted token"):
        weighted_sequence_logps(logits, targets, ones, mask=mask)
    sums, counts = weighted_sequence_logps(logits, targets, ones, mask=mask, empty="zero")
    assert (sums[1].item(), counts.tolist()) == (0.0, [2, 0])
    all_zero = weighted_sequence_logps(logits, targets, 0 * ones)  # weights of 0 are no mask
    assert (all_zero.sums.tolist(), all_zero.counts.tolist()) == ([0.0, 0.0], [3, 3])


def test_weighted_sequence_logps_compiles_to_one_graph_and_raises_there_too() -> None:
    compiled = torch.compile(
        lambda x, y, w: weighted_sequence_logps(x, y, w).means, fullgraph=True, backend="aot_eager"
    )
    logits, targets, weights = some_logits(2, 3), torch.zeros(2, 3, dtype=torch.long), torch.rand(2, 3)
    assert torch.equal(compiled(logits, targets, weights), weighted_sequence_logps(logits, targets, weights).means)
    with pytest.raises(DomainError, match=r"targets\[0, 0\]"):
        compiled(logits, targets + V, weights)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"weights": torch.ones(2)}, ShapeError, r"targets \[2, 3\], weights \[2\]"),
        ({"weights": torch.ones(2, 3).long()}, TypeError, "weights must be a floating-point tensor, got torch.int64"),
        ({"weights": [[1.0] * 3] * 2}, TypeError, "weights must be a torch tensor, got list"),
        ({"targets": torch.zeros(2, 2, dtype=torch.long)}, ShapeError, r"\[2, 3, 11\], \[2, 2\]"),
        ({"mask": torch.ones(2, 3)}, TypeError, "mask must be a bool tensor"),
        ({"offsets": torch.tensor([0, 6])}, ShapeError, r"expected targets \[N\] and offsets \[G\+1\]"),
        ({"empty": "none"}, DomainError, "empty must be"),
        ({"temperature": 0.0}, DomainError, "temperature must be finite and > 0, got 0.0"),
        ({"targets": torch.full((2, 3), V)}, DomainError, r"targets\[0, 0\] must be >= 0 and < 11"),
    ],
)
def test_weighted_sequence_logps_errors(change: dict[str, Any], error: type[Exception], match: str) -> None:
    arguments = {"targets": torch.zeros(2, 3, dtype=torch.long), "weights": torch.ones(2, 3), **change}
    with pytest.raises(error, match=match):
        weighted_sequence_logps(some_logits(2, 3), **arguments)

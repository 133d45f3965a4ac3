"""Properties and error messages of `prefcore.weights`."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from prefcore import weights
from prefcore.errors import DomainError, ShapeError
from prefcore.logps import sequence_logps

VECTORS = json.loads((Path(__file__).parent / "vectors" / "weights.json").read_text())
MASK = torch.tensor([[False, True, True, True], [True, True, False, False], [False, False, False, False]])
VALUES = torch.tensor([[9.0, -1.0, 0.5, 1.0], [2.0, 2.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0]])

#: weights of values [B, T], exact in half types, and a mask
OF_VALUES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "normalize": weights.normalize,
    "mapo": weights.mapo,
    "mask_sparsity": lambda x, m: weights.mask_sparsity(x, m).l1,
    "wpo": lambda x, m: weights.wpo(-x, -2 * x, m, empty="zero"),
}
#: token weights of a mask alone
OF_MASK: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform": lambda m: weights.normalize(m, m),
    "linear": weights.linear,
    "last": weights.last,
    "length_desensitized": lambda m: weights.length_desensitized(m, m.flip(0), alpha=0.25),
}


def f64(*rows: Any) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def drawn_mask(rows: int, width: int, share: float) -> Tensor:
    """Not contiguous, with holes, empty rows and sizes of 0."""
    return (torch.rand(width, rows) < share).t()


shapes = {"rows": st.integers(0, 4), "width": st.integers(0, 9), "share": st.floats(0.0, 1.0)}


@given(**shapes)
@settings(max_examples=60, deadline=None)
def test_weights_of_masks_are_those_of_their_definition(rows: int, width: int, share: float) -> None:
    mask, other = drawn_mask(rows, width, share), drawn_mask(rows, width + 2, 0.5)
    for row in range(rows):
        places, rest = mask[row].nonzero().flatten().tolist(), int(other[row].sum())
        n = len(places)
        want = {
            "uniform": [1 / n for _ in places],
            "linear": [(k + 1) / (n * (n + 1) / 2) for k in range(n)],
            "last": [float(k == n - 1) for k in range(n)],
            "length_desensitized": [1.0 if k < rest else 0.25 for k in range(n)],
        }
        got = {name: OF_MASK[name](mask)[row] for name in ("uniform", "linear", "last")}
        got["length_desensitized"] = weights.length_desensitized(mask, other, alpha=0.25)[row]
        for name, weight in got.items():
            assert weight.dtype == torch.float32
            assert weight[~mask[row]].count_nonzero() == 0
            np.testing.assert_allclose(weight[places].numpy(), want[name], rtol=1e-7, err_msg=name)


@pytest.mark.parametrize("name", [*OF_MASK, *OF_VALUES])
@given(**shapes, left=st.integers(0, 3), right=st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_padding_on_either_side_changes_no_bit(
    name: str, rows: int, width: int, share: float, left: int, right: int
) -> None:
    """Padding holds NaN and infinities, which reach neither weights nor gradients."""
    mask, values = drawn_mask(rows, width, share), torch.rand(rows, width) + 0.1
    wide_mask = torch.nn.functional.pad(mask, (left, right))
    wide = torch.cat([torch.full((rows, left), torch.nan), values, torch.full((rows, right), torch.inf)], 1)
    if name in OF_MASK:
        assert torch.equal(OF_MASK[name](wide_mask)[:, left : left + width], OF_MASK[name](mask))
        return
    wide = wide.masked_fill(~wide_mask & (torch.rand(wide.shape) < 0.5), torch.nan).requires_grad_()
    values.requires_grad_()
    got, want = OF_VALUES[name](wide, wide_mask), OF_VALUES[name](values, mask)
    assert torch.equal(got[:, left : left + width] if got.ndim == 2 else got, want)
    if not want.requires_grad:
        return
    upstream = torch.randn(want.shape)
    want.mul(upstream).sum().backward()
    wide_upstream = torch.nn.functional.pad(upstream, (left, right)) if got.ndim == 2 else upstream
    got.mul(wide_upstream).sum().backward()
    torch.testing.assert_close(wide.grad[:, left : left + width], values.grad)
    assert wide.grad[~wide_mask].count_nonzero() == 0


@given(**shapes)
@settings(max_examples=40, deadline=None)
def test_normalized_rows_sum_to_one(rows: int, width: int, share: float) -> None:
    mask, raw = drawn_mask(rows, width, share), torch.rand(rows, width, dtype=torch.float64) + 0.1
    got = weights.normalize(raw, mask)
    torch.testing.assert_close(got.sum(1), mask.any(1).double(), rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(weights.normalize(1e3 * got, mask), got, rtol=1e-14, atol=0)


def test_uniform_weights_give_the_mean() -> None:
    mask = MASK[:2]
    sums = sequence_logps(VALUES[:2].double(), mask, weights=weights.normalize(mask.double(), mask)).sums
    torch.testing.assert_close(sums, sequence_logps(VALUES[:2].double(), mask).means, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ["normalize", "mapo", "mask_sparsity"])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    values = torch.rand(3, 5, dtype=torch.float64).add(0.1).requires_grad_()
    mask = torch.tensor([[True, True, False, True, True], [False] * 5, [False, False, True, True, True]])
    assert torch.autograd.gradcheck(lambda x: OF_VALUES[name](x, mask), values)


@pytest.mark.parametrize("name", OF_VALUES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_give_the_f32_result(name: str, dtype: torch.dtype) -> None:
    values = torch.rand(3, 4).to(dtype)
    got = OF_VALUES[name](values, MASK)
    assert got.dtype == torch.float32
    assert torch.equal(got, OF_VALUES[name](values.float(), MASK))


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_ld_dpo_weighs_only_the_tail_of_the_longer_response(alpha: float) -> None:
    short, long = torch.tensor([[True, False, False]]), torch.tensor([[False, False, True, True, True]])
    assert weights.length_desensitized(short, long, alpha=alpha).tolist() == [[1.0, 0.0, 0.0]]
    got = weights.length_desensitized(long, short, alpha=alpha)
    torch.testing.assert_close(got, torch.tensor([[0.0, 0.0, 1.0, alpha, alpha]]))
    assert torch.equal(weights.length_desensitized(long, long, alpha=alpha), long.float())
    nothing = torch.zeros(1, 0, dtype=torch.bool)
    assert torch.equal(weights.length_desensitized(long, nothing, alpha=alpha), alpha * long.float())


def test_ld_dpo_alpha_per_pair_equals_separate_calls() -> None:
    mask, other, alpha = torch.rand(4, 4) < 0.8, torch.rand(4, 4) < 0.3, torch.rand(4)
    whole = weights.length_desensitized(mask, other, alpha=alpha)
    for row in range(4):
        one = weights.length_desensitized(mask[row : row + 1], other[row : row + 1], alpha=float(alpha[row]))
        assert torch.equal(whole[row : row + 1], one)


@given(scale=st.floats(0.1, 10.0), offset=st.floats(-5.0, 5.0))
@settings(max_examples=20, deadline=None)
def test_mapo_is_the_same_after_z_normalization(scale: float, offset: float) -> None:
    values = VALUES.double()
    torch.testing.assert_close(
        weights.mapo(scale * values + offset, MASK), weights.mapo(values, MASK), rtol=1e-12, atol=1e-12
    )


def test_mapo_of_equal_activations_is_one_without_a_gradient() -> None:
    """max = min is 0/0 in the official code; one counted token is such a row."""
    values = torch.tensor([[3.0, 3.0, 3.0], [1.0, 2.0, 9.0]], requires_grad=True)
    got = weights.mapo(values, torch.tensor([[True, True, False], [False, True, False]]))
    assert got.tolist() == [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    got.sum().backward()
    assert values.grad.count_nonzero() == 0


def test_nan_at_a_counted_position_stays_in_its_row() -> None:
    values = VALUES.clone()
    values[0, 2] = torch.nan
    assert weights.mapo(values, MASK).isnan().any(1).tolist() == [True, False, False]
    assert weights.wpo(values, VALUES, MASK, empty="zero").isnan().tolist() == [True, False, False]


def test_sparsity_counts_both_zeros_and_nothing_outside_the_mask() -> None:
    percent, l1 = weights.mask_sparsity(torch.tensor([[0.0, -0.0, -2.0, 0.0], [0.0, 5.0, 0.0, 0.0]]), MASK[[0, 2]])
    torch.testing.assert_close(percent, torch.tensor([200 / 3, 0.0]))
    assert l1.tolist() == [2.0, 0.0]


def test_sparsity_l1_is_the_penalty_of_sparsepo() -> None:
    """tok/sparsepo_common_l1: 0.0005 for each of two equal masks; tok/sparsepo_grad: gradient 0 at a weight of 0."""
    chosen = f64([0.0, 0.2, 0.0, 1.1], [0.3, 0.7, 0.0, 0.4]).requires_grad_()
    rejected = f64([0.5, 0.0, 0.9, 0.1], [0.0, 0.0, 1.2, 0.3])
    chosen_mask = torch.tensor([[False, True, True, True], [False, True, True, False]])
    rejected_mask = torch.tensor([[False, True, True, False], [False, True, True, True]])
    l1 = weights.mask_sparsity(chosen, chosen_mask).l1 + weights.mask_sparsity(rejected, rejected_mask).l1
    want = f64(0.7877383249862854, 3.5575708649952023) - f64(0.7855383249862854, 3.555370864995202)
    torch.testing.assert_close(2 * 0.0005 * l1, want, rtol=1e-12, atol=1e-15)
    l1.sum().backward()
    assert chosen.grad.tolist() == [[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]


def test_wpo_pair_weight_is_the_product_of_the_two_responses() -> None:
    """tok/wpo: the record holds the pair weight, tests/vectors/weights.json its two sides."""
    sides = {r["id"]: f64(*r["expected"]["value"]) for r in VECTORS if r["id"].startswith("tok/wpo")}
    want = f64(0.012891540170763792, 0.17381869469911154)
    torch.testing.assert_close(sides["tok/wpo.chosen"] * sides["tok/wpo.rejected"], want, rtol=1e-12, atol=0)


def test_wpo_of_confident_tokens_exceeds_one_and_the_clamp_is_the_callers() -> None:
    """tok/wpo_clamp_active: log-softmax and log sum p^2 in float64."""
    logits = {
        "chosen": f64([[3.0, 0.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 1.0, 0.0]]),
        "rejected": f64([[2.0, 0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0, 0.0]]),
    }
    labels = {"chosen": torch.tensor([[0, 1]]), "rejected": torch.tensor([[0, 2]])}
    pair = torch.ones(1, dtype=torch.float64)
    for side, x in logits.items():
        log_p = x.log_softmax(-1)
        token = log_p.gather(-1, labels[side].unsqueeze(-1)).squeeze(-1).requires_grad_()
        weight = weights.wpo(token, (2 * log_p).logsumexp(-1), torch.ones(1, 2, dtype=torch.bool))
        assert weight > 1
        assert not weight.requires_grad
        pair = pair * weight
    torch.testing.assert_close(pair, f64(1.512903608832144), rtol=1e-12, atol=0)
    assert pair.clamp(max=1).item() == 1.0


def test_wpo_of_impossible_and_empty_responses() -> None:
    logps = torch.tensor([[-1.0, -torch.inf], [-1.0, -1.0], [torch.nan, torch.nan]])
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    assert weights.wpo(logps, torch.full((3, 2), -1.0), mask, empty="zero").tolist() == [0.0, 1.0, 0.0]
    with pytest.raises(DomainError, match="row 2 has no counted token"):
        weights.wpo(logps, logps, mask)


def test_density_ratio_is_clamped_and_survives_certainty() -> None:
    for dtype in torch.float16, torch.bfloat16, torch.float32, torch.float64:
        prob = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=dtype, requires_grad=True)
        got = weights.density_ratio(prob)
        assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        torch.testing.assert_close(got, torch.tensor([0.5, 0.5, 1.0, 3.0, 10.0]).to(got.dtype), rtol=1e-6, atol=0)
        assert not got.requires_grad
    open_ended = weights.density_ratio(f64(0.0, 1.0), min_ratio=0.0, max_ratio=math.inf)
    torch.testing.assert_close(open_ended, f64(0.0, 1e8))


def a_head(*, dropout: float = 0.0) -> weights.LearnedMask:
    """Parameters loaded by name; the projection and the mixer have both signs, so that some weights are exactly 0."""
    head = weights.LearnedMask(3, 2, dropout=dropout)
    head.load_state_dict(
        {
            "norm.weight": torch.tensor([1.0, 0.5, -2.0]),
            "norm.bias": torch.tensor([0.1, 0.0, -0.2]),
            "proj.weight": torch.tensor([[0.7, -0.4, 0.3]]),
            "proj.bias": torch.tensor([0.2]),
            "mixer.weight": torch.tensor([[1.5, -0.6]]),
        }
    )
    return head


def test_learned_mask_has_the_written_formula() -> None:
    """The same in NumPy float64: normalize, project, relu, mix, relu."""
    hidden, mask = torch.randn(2, 3, 4, 3), MASK
    head = a_head().double()
    p = {name: value.detach().numpy() for name, value in head.state_dict().items()}
    h = hidden.double().numpy()
    normed = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-5)
    normed = normed * p["norm.weight"] + p["norm.bias"]
    layers = np.maximum(normed @ p["proj.weight"][0] + p["proj.bias"], 0)
    mixed = np.maximum(np.tensordot(p["mixer.weight"][0], layers, 1), 0)
    want = np.where(mask.numpy(), mixed, 0)
    assert (want[mask.numpy()] == 0).any()
    assert (want > 0).any()
    np.testing.assert_allclose(head(hidden.double(), mask).detach().numpy(), want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(a_head()(hidden, mask).detach().numpy(), want, rtol=1e-5, atol=1e-6)
    rounded = hidden.bfloat16()
    assert torch.equal(a_head()(rounded, mask), a_head()(rounded.float(), mask))


def test_learned_mask_keeps_nan_of_padding_from_its_parameters() -> None:
    hidden, grads = torch.randn(2, 3, 4, 3), []
    for padding in 0.0, torch.nan:
        head = a_head()
        head(hidden.masked_fill(~MASK.unsqueeze(-1), padding), MASK).sum().backward()
        grads.append([parameter.grad for parameter in head.parameters()])
    for clean, poisoned in zip(*grads, strict=True):
        assert poisoned.isfinite().all()
        assert torch.equal(clean, poisoned)


def test_learned_mask_drops_in_training_only_and_learns() -> None:
    """At a rate of 1 everything is dropped, after the projection and after the mixer."""
    hidden, head = torch.randn(2, 3, 4, 3), a_head(dropout=1.0)
    assert head(hidden, MASK).count_nonzero() == 0
    assert torch.equal(head.eval()(hidden, MASK), a_head()(hidden, MASK))
    head = a_head().bfloat16()
    assert head(hidden.bfloat16(), MASK).dtype == torch.float32
    weights.mask_sparsity(head(hidden.bfloat16(), MASK), MASK).l1.sum().backward()
    assert all(parameter.grad.count_nonzero() > 0 for parameter in head.parameters())


@pytest.mark.parametrize("layers", [1, 12])
def test_learned_mask_is_born_alive(layers: int) -> None:
    """A mixer of random sign gives only zeros in half of the heads of one layer, and zeros have no gradient."""
    for seed in range(20):
        torch.manual_seed(seed)
        hidden, mask = torch.randn(layers, 2, 20, 8), torch.ones(2, 20, dtype=torch.bool)
        percent, _ = weights.mask_sparsity(weights.LearnedMask(8, layers).eval()(hidden, mask), mask)
        assert percent.mean() < 90


def test_learned_mask_of_one_row_keeps_its_axes() -> None:
    """A squeeze without an axis drops the batch of one in the official code."""
    hidden = torch.randn(2, 1, 1, 3)
    assert a_head()(hidden, torch.tensor([[True]])).shape == (1, 1)
    assert a_head()(hidden[:, :0], torch.zeros(0, 1, dtype=torch.bool)).shape == (0, 1)


@pytest.mark.parametrize("name", [*OF_MASK, *OF_VALUES, "learned_mask", "density_ratio"])
def test_weights_compile_to_one_graph(name: str) -> None:
    extra = {"learned_mask": a_head(), "density_ratio": weights.density_ratio}
    function = {**OF_MASK, **OF_VALUES, **extra}[name]
    values = VALUES.clone().requires_grad_()
    arguments: tuple[Tensor, ...] = (values, MASK)
    if name in OF_MASK:
        arguments = (MASK,)
    elif name in extra:
        arguments = (torch.randn(2, 3, 4, 3), MASK) if name == "learned_mask" else (values.detach().sigmoid(),)
    got, want = torch.compile(function, fullgraph=True, backend="aot_eager")(*arguments), function(*arguments)
    assert torch.equal(got, want)
    if want.requires_grad and name != "learned_mask":
        (grad,) = torch.autograd.grad(got.square().sum(), values)
        torch.testing.assert_close(grad, torch.autograd.grad(want.square().sum(), values)[0])


def test_compiled_code_does_not_look_at_values() -> None:
    """As on CUDA: an impossible row is not finite instead of an error."""
    compiled = torch.compile(weights.normalize, fullgraph=True, backend="aot_eager")
    got = compiled(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.ones(2, 2, dtype=torch.bool))
    assert got.isfinite().all(1).tolist() == [False, True]


def test_weights_agree_with_the_cpu(device: str) -> None:
    values, mask = VALUES.to(device), MASK.to(device)
    for function in OF_VALUES.values():
        torch.testing.assert_close(function(values, mask).cpu(), function(VALUES, MASK))
    for function in OF_MASK.values():
        torch.testing.assert_close(function(mask).cpu(), function(MASK))


HIDDEN = torch.zeros(2, 3, 4, 3)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: weights.normalize(torch.tensor([[1.0, 2.0], [1.0, -1.0]]), torch.ones(2, 2, dtype=torch.bool)),
            DomainError,
            r"sum of weights\[1\] must be finite and > 0, got 0.0",
        ),
        (lambda: weights.normalize(VALUES[:, :3], MASK), ShapeError, r"mask \[3, 4\], weights \[3, 3\]"),
        (lambda: weights.normalize(VALUES.long(), MASK), TypeError, r"weights must be a floating-point tensor.*int64"),
        (
            lambda: weights.linear(MASK.long()),
            TypeError,
            r"mask must be a bool tensor, got torch.int64; call .bool\(\)",
        ),
        (lambda: weights.linear(MASK[0]), ShapeError, r"mask must be \[B, T\], got \[4\]"),
        (lambda: weights.last([[True]]), TypeError, "mask must be a torch tensor, got list"),
        (
            lambda: weights.length_desensitized(MASK, MASK[:2], alpha=0.5),
            ShapeError,
            r"expected masks \[B, T\] and \[B, U\], got \[3, 4\] and \[2, 4\]",
        ),
        (lambda: weights.length_desensitized(MASK, MASK, alpha=1.5), DomainError, "alpha must be in .* got 1.5"),
        (lambda: weights.length_desensitized(MASK, MASK, alpha=torch.rand(2)), ShapeError, r"alpha must be .*\[2\]"),
        (lambda: weights.length_desensitized(MASK, MASK.float(), alpha=0.5), TypeError, "other_mask must be a bool"),
        (lambda: weights.length_desensitized(MASK, MASK.to("meta"), alpha=0.5), TypeError, "other_mask on meta"),
        (lambda: weights.mapo(VALUES.to("meta"), MASK), TypeError, "activations on meta"),
        (lambda: weights.mask_sparsity(MASK, MASK), TypeError, "weights must be a floating-point tensor"),
        (lambda: weights.wpo(VALUES, VALUES[:, :1], MASK), ShapeError, r"log_sum_sq_probs \[3, 1\]"),
        (lambda: weights.wpo(VALUES, VALUES, MASK, empty="skip"), DomainError, 'empty must be "raise" or "zero"'),
        (lambda: weights.density_ratio(torch.tensor([0.5, 1.5])), DomainError, r"prob\[1\] must be in .* got 1.5"),
        (lambda: weights.density_ratio(torch.tensor([torch.nan])), DomainError, r"prob\[0\].*got nan"),
        (lambda: weights.density_ratio(torch.rand(2), min_ratio=11.0), DomainError, "<= max_ratio, got 11.0 and 10.0"),
        (lambda: weights.density_ratio(torch.rand(2), eps=0.0), DomainError, "eps must be finite and > 0, got 0.0"),
        (lambda: weights.density_ratio(torch.tensor([1, 0])), TypeError, "prob must be a floating-point tensor"),
        (lambda: weights.LearnedMask(3, 0), DomainError, "layers must be finite and > 0, got 0"),
        (lambda: weights.LearnedMask(3, 2, dropout=2.0), DomainError, r"dropout must be in \[0, 1\], got 2.0"),
        (
            lambda: a_head()(HIDDEN[:1], MASK),
            ShapeError,
            r"hidden must be .* \[2, 3, 4, 3\], got \[1, 3, 4, 3\]",
        ),
        (lambda: a_head()(list(HIDDEN), MASK), TypeError, "hidden must be a torch tensor, got list"),
        (lambda: a_head()(HIDDEN.long(), MASK), TypeError, "hidden must be a floating-point tensor"),
        (lambda: a_head()(HIDDEN, MASK.to("meta")), TypeError, "mask on meta"),
    ],
)
def test_weights_errors(call: Callable[[], object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_mapo_of_a_span_beyond_the_largest_number() -> None:
    activations = torch.tensor([[3e38, -3e38, 0.0]])
    assert weights.mapo(activations, torch.ones(1, 3, dtype=torch.bool)).tolist() == [[1.0, 0.0, 0.5]]


def test_density_ratio_takes_numbers() -> None:
    """A tensor would broadcast, and a text would be compared."""
    with pytest.raises(TypeError, match=r"eps must be a number, got a tensor \[4, 1\]"):
        weights.density_ratio(torch.rand(2), eps=torch.ones(4, 1))
    with pytest.raises(TypeError, match="min_ratio must be a number, got str"):
        weights.density_ratio(torch.rand(2), min_ratio="a")

"""Properties and error messages of `logps.paired_token_stats`."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import prefcore
from prefcore.errors import DomainError, ShapeError
from prefcore.logps import PairedTokenStats, paired_token_stats, token_logps
from prefcore.ops.paired_token_stats import reference

V = 11
EVERY = PairedTokenStats._fields


def stats(logits: Tensor, ref_logits: Tensor, targets: Tensor | None = None, **rest: object) -> PairedTokenStats:
    targets = torch.zeros(logits.shape[:-1], dtype=torch.long) if targets is None else targets
    return paired_token_stats(logits, ref_logits, targets, **{"outputs": EVERY, **rest})


def noisy(x: Tensor, size: float) -> Tensor:
    return (x.double() + torch.randn(x.shape, dtype=torch.float64) * size).to(x.dtype)


def definition(logits: Tensor, ref_logits: Tensor) -> tuple[Tensor, ...]:
    targets = torch.zeros(logits.shape[:-1], dtype=torch.long)
    return reference(logits.double(), ref_logits.double(), targets, None, None, 1.0, None, 1.0)


def test_log_probs_are_those_of_token_logps() -> None:
    logits, ref_logits, targets = torch.randn(2, 7, 300), torch.randn(2, 7, 300), torch.randint(0, 300, (2, 7))
    rest = {"temperature": 0.7, "softcap": 4.0, "logit_scale": 1.5}
    got = stats(logits, ref_logits, targets, **rest)
    torch.testing.assert_close(got.logps, token_logps(logits, targets, **rest), rtol=3e-7, atol=1e-6)
    torch.testing.assert_close(got.ref_logps, token_logps(ref_logits, targets, **rest), rtol=3e-7, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("softcap", [None, 5.0])
def test_equal_rows_have_no_divergence_and_no_gradient_of_it(dtype: torch.dtype, softcap: float | None) -> None:
    logits = (torch.randn(5, 3000) * 4).to(dtype).requires_grad_()
    got = stats(logits, logits.detach().clone(), softcap=softcap)
    assert not got.kl_ref_policy.any()
    assert not got.kl_policy_ref.any()
    (got.kl_ref_policy + got.kl_policy_ref).sum().backward()
    assert not logits.grad.any()


@pytest.mark.parametrize("size", [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0])
def test_divergences_keep_relative_accuracy_down_to_tiny_ones(size: float) -> None:
    """The error is a rounding of log p/q, about `size`; of the log-probs it would be 1e-6, more than 5e-9 itself."""
    logits = torch.randn(6, 20_000) * 3
    ref_logits = noisy(logits, size)
    got, want = stats(logits, ref_logits), definition(logits, ref_logits)
    for value, truth in ((got.kl_ref_policy, want[2]), (got.kl_policy_ref, want[3])):
        torch.testing.assert_close(value.double(), truth, rtol=4e-7 / size + 1e-6, atol=1e-12)


@given(
    vocabulary=st.integers(1, 2100),
    spread=st.floats(0.0, 30.0),
    size=st.floats(0.0, 30.0),
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
)
@settings(max_examples=60, deadline=None)
def test_statistics_match_the_definition_and_divergences_are_not_negative(
    vocabulary: int, spread: float, size: float, seed: int, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(seed)
    both = torch.randn(2, 3, vocabulary, generator=generator, dtype=torch.float64)
    logits, ref_logits = (both[0] * spread).to(dtype), (both[0] * spread + both[1] * size).to(dtype)
    got, want = stats(logits, ref_logits), definition(logits, ref_logits)
    for name, value, truth in zip(EVERY, got, want[:6], strict=True):
        tolerance = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-6, "atol": 3e-6}
        torch.testing.assert_close(value.double(), truth, **tolerance, msg=lambda text, name=name: f"{name}: {text}")
    assert (got.kl_ref_policy >= 0).all()
    assert (got.kl_policy_ref >= 0).all()


def test_each_gradient_is_accurate_relative_to_its_terms() -> None:
    """Terms of either sign cancel at some entries, so errors are measured against p and q: 2e-5 of them is allowed."""
    logits = torch.randn(4, 2050) * 3
    ref_logits, targets = noisy(logits, 1e-2), torch.randint(0, 2050, (4,))
    scale = logits.double().softmax(-1) + ref_logits.double().softmax(-1)
    for name in set(EVERY) - {"ref_logps"}:
        single, double = logits.clone().requires_grad_(), logits.double().requires_grad_()
        getattr(stats(single, ref_logits, targets), name).sum().backward()
        want = reference(double, ref_logits.double(), targets, None, None, 1.0, None, 1.0)[EVERY.index(name)]
        want.sum().backward()
        own = torch.nn.functional.one_hot(targets, 2050)
        assert ((single.grad - double.grad).abs() <= 2e-5 * (scale + own)).all(), name


def test_gradient_of_a_small_divergence_is_as_exact_as_the_log_probs() -> None:
    """p - q with |log p/q| of 1e-3: p times the roundings of log p and of the two saved log-probs, which are in f32."""
    logits = (torch.randn(3, 4000) * 3).requires_grad_()
    ref_logits = noisy(logits.detach(), 1e-3)
    stats(logits, ref_logits).kl_ref_policy.sum().backward()
    p, q = logits.detach().double().softmax(-1), ref_logits.double().softmax(-1)
    assert ((logits.grad - (p - q)).abs() <= p * (1e-6 + 3e-7 * p.log().abs())).all()


def test_tdpo1_gradient_is_target_minus_reference() -> None:
    """With equal weights for log-prob and KL(q || p) the policy drops out: 1[v = y] - q (papers_b 1.2)."""
    logits = torch.randn(2, 5, V, dtype=torch.float64, requires_grad=True)
    ref_logits, targets = torch.randn(2, 5, V, dtype=torch.float64), torch.randint(0, V, (2, 5))
    got = paired_token_stats(logits, ref_logits, targets)
    (got.logps + got.kl_ref_policy).sum().backward()
    want = torch.nn.functional.one_hot(targets, V) - ref_logits.softmax(-1)
    torch.testing.assert_close(logits.grad, want, rtol=1e-12, atol=1e-14)


def test_common_offsets_change_nothing() -> None:
    """2^21 keeps the digits of integers in f32; another offset for each of the two (LP-01)."""
    logits, ref_logits = torch.randint(-8, 8, (2, 5, V)).float()
    for value, want in zip(stats(logits + 2.0**21, ref_logits - 2.0**20), stats(logits, ref_logits), strict=True):
        assert torch.equal(value, want)


def test_gradient_at_a_huge_common_offset() -> None:
    logits, ref_logits = torch.full((1, 3), 2e8, requires_grad=True), torch.tensor([[2e8, 2e8 + 16, 2e8]])
    got = stats(logits, ref_logits)
    (got.logps + got.kl_ref_policy).sum().backward()
    want = torch.tensor([[1.0, 0.0, 0.0]]) - torch.tensor([[0.0, 16.0, 0.0]]).softmax(-1)
    torch.testing.assert_close(logits.grad, want, rtol=1e-6, atol=2e-7)


def test_peaked_rows() -> None:
    """Both sure of the same token; then of different ones, where the divergence is the gap of 60."""
    logits = torch.zeros(2, 3000)
    logits[:, 7] = 30.0
    ref_logits = torch.zeros(2, 3000)
    ref_logits[0, 7], ref_logits[1, 8] = 31.0, 30.0
    got, want = stats(logits, ref_logits, torch.tensor([7, 7])), definition(logits, ref_logits)
    for index, name in ((2, "kl_ref_policy"), (3, "kl_policy_ref"), (4, "entropy")):
        torch.testing.assert_close(getattr(got, name).double(), want[index], rtol=1e-5, atol=1e-12)


def test_masked_vocabulary() -> None:
    """-inf in both counts nothing; in one alone, the divergence from the other is inf and nothing else is touched."""
    logits, ref_logits = torch.randn(3, 5000), torch.randn(3, 5000)
    logits[0, :4000], ref_logits[0, :4000] = -torch.inf, -torch.inf
    logits[1, 100], ref_logits[2, 100] = -torch.inf, -torch.inf
    logits.requires_grad_()
    got = stats(logits, ref_logits, torch.tensor([4500, 4500, 4500]))
    short = stats(logits[:1, 4000:], ref_logits[:1, 4000:], torch.tensor([500]))
    for value, want in zip(got, short, strict=True):
        torch.testing.assert_close(value[:1], want, rtol=0, atol=1e-6)
    assert got.kl_ref_policy.isinf().tolist() == [False, True, False]
    assert got.kl_policy_ref.isinf().tolist() == [False, False, True]
    (got.logps + got.kl_ref_policy + got.entropy).sum().backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[0, :4000].any()
    assert logits.grad[1, 100] == 0


def test_an_infinite_divergence_has_no_gradient() -> None:
    logits, ref_logits = torch.randn(2, V, requires_grad=True), torch.randn(2, V)
    ref_logits[1, 3] = -torch.inf
    stats(logits, ref_logits).kl_policy_ref.sum().backward()
    assert logits.grad[0].isfinite().all()
    assert logits.grad[1].isnan().all()


def test_a_token_that_the_reference_excludes() -> None:
    """Its ref_logps is -inf; the gradient of its own log-prob is that of any other."""
    logits, ref_logits = torch.randn(1, V, requires_grad=True), torch.randn(1, V)
    ref_logits[0, 3] = -torch.inf
    got = stats(logits, ref_logits, torch.tensor([3]))
    assert got.ref_logps.item() == -torch.inf
    got.logps.sum().backward()
    want = torch.nn.functional.one_hot(torch.tensor([3]), V) - logits.detach().softmax(-1)
    torch.testing.assert_close(logits.grad, want, rtol=1e-5, atol=1e-7)


def test_nan_stays_in_its_row_and_in_its_model() -> None:
    logits, ref_logits = torch.randn(4, V), torch.randn(4, V)
    logits[1, 4], ref_logits[2, 5] = torch.nan, torch.nan
    got = stats(logits, ref_logits)
    assert got.logps.isnan().tolist() == got.entropy.isnan().tolist() == [False, True, False, False]
    assert got.ref_logps.isnan().tolist() == [False, False, True, False]
    assert got.kl_ref_policy.isnan().tolist() == got.kl_policy_ref.isnan().tolist() == [False, True, True, False]


def test_rows_without_upstream_gradient_are_not_read() -> None:
    logits, ref_logits = torch.randn(2, V).requires_grad_(), torch.randn(2, V)
    with torch.no_grad():
        logits[1] = torch.nan
    (stats(logits, ref_logits).kl_ref_policy * torch.tensor([1.0, 0.0]))[:1].sum().backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[1].any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_masked_positions_are_not_read(dtype: torch.dtype) -> None:
    logits, ref_logits = torch.randn(2, 2, 3, V).to(dtype)
    mask = torch.tensor([[True, False, True], [False, False, True]])
    out, targets = ~mask.unsqueeze(-1), torch.ones(2, 3, dtype=torch.long)
    poisoned = logits.masked_fill(out, torch.nan).requires_grad_()
    got = stats(poisoned, ref_logits.masked_fill(out, torch.nan), targets.masked_fill(~mask, -100), mask=mask)
    for value, want in zip(got, stats(logits, ref_logits, targets), strict=True):
        assert torch.equal(value, want.masked_fill(~mask, 0.0))
    sum(value.sum() for value in got).backward()
    assert poisoned.grad.isfinite().all()
    assert not poisoned.grad[~mask].any()


def test_shifted_views_are_read_in_place() -> None:
    """`logits[:, :-1]` of one model against a tensor of its own strides."""
    logits, ref_logits, targets = torch.randn(2, 5, V), torch.randn(2, 4, V), torch.randint(0, V, (2, 4))
    view = logits[:, :-1]
    assert not view.is_contiguous()
    got, want = stats(view, ref_logits, targets), stats(view.contiguous(), ref_logits, targets)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_bits_do_not_depend_on_threads_or_batch(threads: int, dtype: torch.dtype) -> None:
    """[40, 4099] is above the work at which threads start; 40 rows do not divide evenly among 3 threads."""
    logits, ref_logits = torch.randn(2, 40, 4099, dtype=dtype)
    targets = torch.randint(0, 4099, (40,))

    def run(rows: slice) -> tuple[Tensor, ...]:
        leaf = logits[rows].clone().requires_grad_()
        result = stats(leaf, ref_logits[rows], targets[rows])
        (grad,) = torch.autograd.grad(sum(value.sum() for value in result), leaf)
        return *(value.detach() for value in result), grad

    before = prefcore.get_num_threads()
    try:
        prefcore.set_num_threads(threads)
        whole = run(slice(None))
        prefcore.set_num_threads(1)
        for rows in (slice(None), slice(17, 18), slice(33, 40)):
            assert all(torch.equal(part, all_[rows]) for part, all_ in zip(run(rows), whole, strict=True))
    finally:
        prefcore.set_num_threads(before)


def test_body_for_other_devices_agrees_with_autograd() -> None:
    """Devices without a kernel use `backward_reference`: its closed form against autograd of the definition."""
    from prefcore.ops.paired_token_stats import CONSTANT, backward_reference

    logits, ref_logits = torch.randn(2, 4, V, dtype=torch.float64)
    logits[0, 2], ref_logits[0, 2] = -torch.inf, -torch.inf
    rest = (torch.tensor([3, 2, 5, 6]), torch.tensor([True, True, False, True]), None, 0.7, 4.0, 1.5)
    leaf = logits.clone().requires_grad_()
    outputs = reference(leaf, ref_logits, *rest)
    tracking = [output for index, output in enumerate(outputs) if index not in CONSTANT]
    upstream = list(torch.randn(5, 4, dtype=torch.float64))
    (want,) = torch.autograd.grad(tracking, leaf, upstream)
    saved = [output.detach() for index, output in enumerate(outputs) if index != 2]
    got = backward_reference(*upstream, logits, ref_logits, rest[0], *saved, *rest[1:])
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def test_fields_not_asked_for_are_none() -> None:
    got = paired_token_stats(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([0]), outputs=["entropy"])
    assert [value is None for value in got] == [True, True, True, True, False, True]


@pytest.mark.parametrize("backend", ["aot_eager"])
def test_compiles_to_one_graph_and_raises_the_same_errors(backend: str) -> None:
    def loss(logits: Tensor, ref_logits: Tensor, targets: Tensor) -> Tensor:
        got = paired_token_stats(logits, ref_logits, targets)
        return got.logps - got.ref_logps + got.kl_ref_policy

    logits, ref_logits, targets = torch.randn(3, V), torch.randn(3, V), torch.randint(0, V, (3,))
    compiled = torch.compile(loss, fullgraph=True, backend=backend)
    assert torch.equal(compiled(logits, ref_logits, targets), loss(logits, ref_logits, targets))
    with pytest.raises(DomainError, match=rf"targets\[0\].*{V}"):
        compiled(logits, ref_logits, targets.clamp(max=0) + V)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"ref_logits": torch.zeros(2, 3, V)}, ShapeError, r"ref_logits .*\[2, 2, 11\], got \[2, 3, 11\]"),
        ({"ref_logits": torch.zeros(2, 2, V).half()}, TypeError, r"ref_logits .*float32, got torch.float16; call"),
        ({"ref_logits": [[0.0]]}, TypeError, "ref_logits must be a torch tensor, got list"),
        ({"ref_logits": torch.zeros(2, 2, V, device="meta")}, TypeError, "ref_logits on meta"),
        ({"ref_logits": torch.full((2, 2, V), -torch.inf)}, DomainError, r"ref_logits\[0, 0\].*-inf everywhere"),
        ({"logits": torch.full((2, 2, V), -torch.inf)}, DomainError, r"^logits\[0, 0\].*-inf everywhere"),
        ({"targets": torch.tensor([[0, 1], [V, 2]])}, DomainError, rf"targets\[1, 0\].*{V}.*got {V}"),
        ({"targets": torch.zeros(2, 2)}, TypeError, "torch.float32"),
        ({"mask": torch.ones(2, 2)}, TypeError, r"mask must be a bool tensor"),
        ({"temperature": 0.0}, DomainError, "temperature must be finite and > 0, got 0.0"),
        ({"softcap": -1.0}, DomainError, "softcap must be finite and > 0"),
        ({"outputs": ("kl",)}, DomainError, "outputs must be among logps, .*, got 'kl'"),
        ({"outputs": "logps"}, TypeError, "outputs must be a tuple of names, got 'logps'"),
    ],
)
def test_errors(change: dict[str, object], error: type[Exception], match: str) -> None:
    given = {"logits": torch.zeros(2, 2, V), "ref_logits": torch.zeros(2, 2, V), **change}
    targets = given.pop("targets", torch.zeros(2, 2, dtype=torch.long))
    with pytest.raises(error, match=match):
        paired_token_stats(given.pop("logits"), given.pop("ref_logits"), targets, **given)

"""Properties and error messages of `logps.linear_token_stats` and `logps.FusedLMHead` on one process."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from prefcore.errors import DomainError, ShapeError
from prefcore.logps import FusedLMHead, linear_token_stats, token_logps
from prefcore.ops._linear_problem import SIZES, Sizes
from prefcore.ops.linear_token_stats import reference

ALL = ("logps", "entropy", "lse", "log_sum_sq_probs", "is_top1", "mean_logits")
N, D, V = 12, 16, 301


@pytest.fixture(params=["as on the cpu", "as on cuda"], autouse=True)
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work in strips of one tile; or in tiles of 32 columns, products of several, and a stash of whole rows."""
    if request.param == "as on cuda":
        monkeypatch.setitem(SIZES, "cpu", Sizes(1, 5_000, 32, stash_in_strips=False))


def operands(dtype: torch.dtype = torch.float32, *, rows: int = N, scale: float = 3.0) -> tuple[Tensor, Tensor, Tensor]:
    hidden, head = torch.randn(rows, D), torch.randn(V, D) * scale * D**-0.5
    return hidden.to(dtype).requires_grad_(), head.to(dtype).requires_grad_(), torch.randint(0, V, (rows,))


def error(got: Tensor, want: Tensor) -> float:
    """Error relative to the size of the whole tensor."""
    return float((got.double() - want).norm() / want.norm())


def in_float64(hidden: Tensor, head: Tensor, targets: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(logps, gradient of hidden, gradient of head) of the same numbers."""
    hidden, head = hidden.detach().double().requires_grad_(), head.detach().double().requires_grad_()
    logps = reference(hidden, head, targets, None, None, None, None, None, 1.0, None, 1.0, 0)[0]
    return logps.detach(), *torch.autograd.grad(logps, [hidden, head], upstream.double())


def upstream_with_zeros(rows: int = N) -> Tensor:
    """Both signs, zeros, and six orders of magnitude."""
    up = torch.randn(rows) * torch.logspace(-3, 3, rows)[torch.randperm(rows)]
    up[::4] = 0.0
    return up


@pytest.mark.parametrize("stash", [0, 4 * V * 5, "auto"])
def test_absolute_bounds(stash: Any) -> None:
    """3e-6 of log-probs from exact f32 logits (small integers), 2e-3 of gradients for bf16 operands."""
    hidden, head = torch.randint(-3, 4, (N, D)).float(), torch.randint(-3, 4, (V, D)).float()
    targets = torch.randint(0, V, (N,))
    want, *_ = in_float64(hidden, head, targets, torch.ones(N))
    got = linear_token_stats(hidden.requires_grad_(), head.requires_grad_(), targets, stash=stash).logps
    assert (got.double() - want).abs().max() <= 3e-6
    hidden, head, targets = operands(torch.bfloat16)
    up = torch.randn(N)
    want, want_hidden, want_head = in_float64(hidden, head, targets, up)
    got = linear_token_stats(hidden, head, targets, stash=stash).logps
    assert got.dtype == torch.float32
    assert (got.double() - want).abs().max() <= 3e-6
    grad_hidden, grad_head = torch.autograd.grad(got, [hidden, head], up)
    assert error(grad_hidden, want_hidden) <= 2e-3
    assert error(grad_head, want_head) <= 2e-3


def test_bf16_products_are_not_products_of_bit_patterns() -> None:
    """LP-15: small integers, exact in bf16."""
    hidden = torch.tensor([[1, -2, 0, 2], [3, 1, -1, 0]], dtype=torch.bfloat16)
    rows = [[2, 0, 1, -1], [0, 1, 3, 2], [-1, -1, 0, 0], [4, 2, -2, 1], [0, 0, 0, 0], [1, -3, 2, 2]]
    got = linear_token_stats(hidden, torch.tensor(rows, dtype=torch.bfloat16), torch.tensor([5, 3])).logps
    want = torch.tensor([-0.0003255699358727883, -1.6846615173058514e-05])
    torch.testing.assert_close(got, want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("mean", [0.0, -200.0])
def test_vocabulary_not_a_multiple_of_the_strip(monkeypatch: pytest.MonkeyPatch, mean: float) -> None:
    """Strips of 128 and one of 45; logits around -200 would lose to a padding of 0 (verl#2656)."""
    monkeypatch.setitem(SIZES, "cpu", SIZES["cpu"]._replace(tile_bytes=1))
    hidden, head, targets = operands(torch.float64)
    bias = torch.full((V,), mean, dtype=torch.float64)
    got = linear_token_stats(hidden, head, targets, bias=bias, outputs=ALL, stash=0)
    want = reference(hidden, head, targets, bias, None, None, None, None, 1.0, None, 1.0, 15)
    for name, value in zip(
        ("logps", "lse", "entropy", "log_sum_sq_probs", "is_top1", "mean_logits"), want, strict=True
    ):
        torch.testing.assert_close(getattr(got, name), value, rtol=1e-12, atol=1e-12, msg=name)
    grads = [torch.autograd.grad(x.sum(), [hidden, head]) for x in (got.logps, want[0])]
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


def test_only_what_was_asked_for() -> None:
    hidden, head, targets = operands()
    for name in ALL:
        stats = linear_token_stats(hidden, head, targets, outputs=(name,))
        assert [field for field, value in stats._asdict().items() if value is not None] == [name]


def test_first_of_equal_logits_is_the_top() -> None:
    """Rows 3 and 200 of the head are equal and largest, in different strips and in the same one."""
    hidden, head = torch.ones(3, D), torch.zeros(V, D)
    head[[3, 200]] = 1.0
    stats = linear_token_stats(hidden, head, torch.tensor([3, 200, 0]), outputs=("is_top1", "mean_logits"))
    assert stats.is_top1 is not None
    assert stats.is_top1.tolist() == [True, False, False]
    torch.testing.assert_close(stats.mean_logits, torch.full((3,), 2.0 * D / V), rtol=1e-6, atol=0)


def test_log_probs_near_zero_keep_their_digits() -> None:
    """1 - p is 2e-18: nothing of it is left in z - lse."""
    head = torch.tensor([[41.0], [0.0], [0.0]], requires_grad=True)
    logps = linear_token_stats(torch.ones(1, 1), head, torch.tensor([0])).logps
    (grad,) = torch.autograd.grad(logps.sum(), head)
    want = 2 * torch.tensor(-41.0, dtype=torch.float64).exp()
    torch.testing.assert_close(-logps[0].double(), want, rtol=1e-6, atol=0)
    torch.testing.assert_close(grad[0, 0].double(), want, rtol=1e-6, atol=0)


@pytest.mark.parametrize("stash", [0, "auto"])
def test_targets_far_below_the_rest(stash: Any) -> None:
    """One logit 80, 200 and 1000 above the others: exp of the gap to the target would be inf in f32."""
    hidden, head, targets = operands(torch.float32, rows=4)
    with torch.no_grad():
        hidden[:, 0], head[:, 0], head[7, 0] = torch.tensor([0.0, 80.0, 200.0, 1000.0]), 0.0, 1.0
    targets[:] = 9
    up = torch.randn(4)
    want, want_hidden, want_head = in_float64(hidden, head, targets, up)
    assert (want < -60).sum() == 3
    got = linear_token_stats(hidden, head, targets, stash=stash).logps
    torch.testing.assert_close(got.double(), want, rtol=1e-6, atol=3e-6)
    grads = torch.autograd.grad(got, [hidden, head], up)
    assert error(grads[0], want_hidden) < 1e-5
    assert error(grads[1], want_head) < 1e-5
    frozen = linear_token_stats(hidden, head.detach(), targets).logps
    assert error(torch.autograd.grad(frozen, hidden, up)[0], want_hidden) < 1e-5


def test_masked_rows_enter_no_product() -> None:
    """NaN hidden states, temperatures and impossible targets at masked positions leave no trace."""
    hidden, head, targets = operands(torch.float64)
    mask, temperature = torch.arange(N) % 3 > 0, torch.rand(N) + 0.5
    poisoned = hidden.detach().masked_fill(~mask.unsqueeze(-1), torch.nan).requires_grad_()
    nowhere = temperature.masked_fill(~mask, torch.inf)
    got = linear_token_stats(poisoned, head, targets.masked_fill(~mask, -100), mask=mask, outputs=ALL)
    want = linear_token_stats(hidden[mask], head, targets[mask], outputs=ALL)
    for one, other in zip(got, want, strict=True):
        assert torch.equal(one[mask], other)
        assert not one[~mask].any()
    with pytest.raises(DomainError, match=r"temperature\[0\] must be finite"):
        linear_token_stats(poisoned, head, targets, mask=mask, temperature=nowhere)
    grad, grad_head = torch.autograd.grad(got.logps.sum(), [poisoned, head])
    assert not grad[~mask].any()
    assert grad_head.isfinite().all()
    nothing = linear_token_stats(hidden, head, targets, mask=torch.zeros(N, dtype=torch.bool)).logps
    assert not nothing.any()
    assert not torch.autograd.grad(nothing.sum(), head)[0].any()


@pytest.mark.parametrize("stash", [0, 4 * V * 7, "auto"])
def test_rows_without_upstream_gradient_enter_no_product_of_backward(stash: Any) -> None:
    """The hidden state of such a row is infinite: 0 times it would be NaN."""
    hidden, head, targets = operands()
    with torch.no_grad():
        hidden[::3] = torch.inf
    logps = linear_token_stats(hidden, head, targets, stash=stash).logps
    up = torch.randn(N)
    up[::3] = 0.0
    for grad in torch.autograd.grad(logps, [hidden, head], up):
        assert grad.isfinite().all()


def test_stash_sizes_agree() -> None:
    hidden, head, targets = operands()
    up = upstream_with_zeros()
    _, want_hidden, want_head = in_float64(hidden, head, targets, up)
    every = [linear_token_stats(hidden, head, targets, stash=4 * V * rows).logps for rows in (0, 1, 5, N, 10 * N)]
    for logps in every:
        assert torch.equal(logps, every[0])
        grads = torch.autograd.grad(logps, [hidden, head], up)
        assert error(grads[0], want_hidden) < 2e-6
        assert error(grads[1], want_head) < 2e-6


@pytest.mark.parametrize("wanted", [("hidden",), ("head",), ("bias",), ("hidden", "bias"), ("head", "bias")])
@pytest.mark.parametrize("names", [("logps",), ("logps", "entropy", "lse", "log_sum_sq_probs")])
def test_gradients_of_some_operands_only(wanted: tuple[str, ...], names: tuple[str, ...]) -> None:
    given = dict(zip(("hidden", "head", "targets"), operands(torch.float64), strict=True))
    given["bias"] = torch.randn(V, dtype=torch.float64, requires_grad=True)
    ups = [torch.randn(N, dtype=torch.float64) for _ in names]

    def grads(some: tuple[str, ...]) -> dict[str, Tensor]:
        inputs = {k: v if k in some else v.detach() for k, v in given.items()}
        stats = linear_token_stats(
            inputs.pop("hidden"), inputs.pop("head"), inputs.pop("targets"), **inputs, outputs=names
        )
        outputs = [getattr(stats, name) for name in names]
        return dict(zip(some, torch.autograd.grad(outputs, [given[name] for name in some], ups), strict=True))

    whole = grads(("hidden", "head", "bias"))
    for name, grad in grads(wanted).items():
        torch.testing.assert_close(grad, whole[name], rtol=1e-12, atol=1e-13)


def test_views_are_read_as_they_are() -> None:
    hidden, head = torch.randn(2, 7, D), torch.randn(D, V).T
    targets = torch.randint(0, V, (2, 7))
    got = linear_token_stats(hidden[:, :-1], head, targets[:, 1:]).logps
    want = linear_token_stats(hidden[:, :-1].contiguous(), head.contiguous(), targets[:, 1:].contiguous()).logps
    torch.testing.assert_close(got, want, rtol=0, atol=3e-6)
    assert not got._is_view()


def test_two_runs_give_the_same_bits_and_rows_do_not_see_each_other() -> None:
    """Permuting rows permutes the bits of forward and of the hidden gradient, where the GEMM computes rows alike."""
    hidden, head, targets = operands(rows=64)
    up = upstream_with_zeros(64)

    def run(order: Tensor) -> list[Tensor]:
        rows = hidden.detach()[order].requires_grad_()
        logps = linear_token_stats(rows, head, targets[order], stash=4 * V * 20).logps
        return [logps.detach(), *torch.autograd.grad(logps, [rows, head], up[order])]

    there = torch.arange(64)
    first, second = run(there), run(there)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    order = torch.randperm(64)
    assert torch.equal(run(order)[0], first[0][order])


def test_autocast_casts_as_a_linear_layer_does() -> None:
    hidden, head, targets = operands()
    with torch.autocast("cpu", torch.bfloat16):
        got = linear_token_stats(hidden, head, targets).logps
        under = torch.nn.functional.linear(hidden, head)
    assert under.dtype == torch.bfloat16
    assert got.dtype == torch.float32
    want = linear_token_stats(hidden.bfloat16(), head.bfloat16(), targets).logps
    assert torch.equal(got, want)
    grads = torch.autograd.grad(got.sum(), [hidden, head])
    assert [grad.dtype for grad in grads] == [torch.float32] * 2


def test_agrees_with_statistics_of_logits() -> None:
    """The same function of two faces: a head that is the identity turns hidden states into logits."""
    logits, targets = torch.randn(5, 40), torch.randint(0, 40, (5,))
    options: dict[str, Any] = {"temperature": torch.rand(5) + 0.5, "softcap": 2.0, "logit_scale": 0.3}
    got = linear_token_stats(logits, torch.eye(40), targets, **options).logps
    torch.testing.assert_close(got, token_logps(logits, targets, **options), rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        ({"hidden": torch.zeros(2, 3, 5)}, ShapeError, r"head must be \[V, 5\] like hidden \[2, 3, 5\], got \[9, 4\]"),
        ({"hidden": torch.zeros(2, 4)}, ShapeError, r"hidden \[..., D\] and targets \[...\], got \[2, 4\], \[2, 3\]"),
        ({"head": torch.zeros(0, 4)}, ShapeError, r"got \[0, 4\]"),
        (
            {"head": torch.zeros(9, 4).bfloat16()},
            TypeError,
            r"hidden torch.float32, head torch.bfloat16; call hidden.to",
        ),
        ({"hidden": torch.zeros(2, 3, 4).long()}, TypeError, "torch.int64"),
        ({"targets": torch.zeros(2, 3)}, TypeError, "integer targets, got torch.float32 and torch.float32"),
        (
            {"targets": torch.tensor([[0, 1, 2], [3, 9, 4]])},
            DomainError,
            r"targets\[1, 1\] must be >= 0 and < 9.*got 9",
        ),
        ({"targets": torch.tensor([[0, -100, 2], [3, 3, 4]])}, DomainError, r"targets\[0, 1\].*got -100"),
        ({"bias": torch.zeros(8)}, ShapeError, r"bias must be \[9\] like head \[9, 4\], got \[8\]"),
        ({"bias": torch.zeros(9).double()}, TypeError, "bias torch.float64"),
        ({"bias": torch.full((9,), -torch.inf)}, DomainError, r"logits\[0, 0\].*above -inf, got -inf everywhere"),
        ({"mask": torch.ones(2, 3)}, TypeError, r"mask must be a bool tensor"),
        ({"mask": torch.ones(3, dtype=torch.bool)}, ShapeError, r"mask .*\[2, 3\], got \[3\]"),
        ({"temperature": 0.0}, DomainError, "temperature must be finite and > 0, got 0.0"),
        ({"temperature": torch.tensor([[1.0], [-1.0]])}, DomainError, r"temperature\[1, 0\].*got -1"),
        ({"softcap": 0.0}, DomainError, "softcap must be finite and > 0"),
        ({"outputs": ("logp",)}, DomainError, r"outputs must be among logps, .*got 'logp'"),
        ({"outputs": "logps"}, TypeError, "got 'logps'"),
        ({"outputs": ()}, DomainError, "outputs must be among logps, .*, got none"),
        ({"stash": -1}, DomainError, 'stash must be a number of bytes or "auto", got -1'),
        ({"head": [[1.0]]}, TypeError, "head must be a torch tensor, got list"),
        ({"targets": torch.zeros(2, 3, dtype=torch.long, device="meta")}, TypeError, "targets on meta"),
    ],
)
def test_errors(change: dict[str, Any], kind: type[Exception], match: str) -> None:
    given: dict[str, Any] = {"hidden": torch.zeros(2, 3, 4), "head": torch.zeros(9, 4)}
    given |= {"targets": torch.zeros(2, 3, dtype=torch.long)} | change
    with pytest.raises(kind, match=match):
        linear_token_stats(given.pop("hidden"), given.pop("head"), given.pop("targets"), **given)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_code_gives_the_same_bits_and_errors(backend: str) -> None:
    mask = torch.rand(N) > 0.3

    def loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        stats = linear_token_stats(hidden, head, targets, mask=mask, outputs=("logps", "entropy"))
        return stats.logps.sum() - 0.1 * stats.entropy.sum()

    hidden, head, targets = operands()
    compiled = torch.compile(loss, fullgraph=True, backend=backend)
    got, want = compiled(hidden, head, targets), loss(hidden, head, targets)
    torch.testing.assert_close(got, want, rtol=1e-6, atol=0)
    for one, other in zip(*(torch.autograd.grad(x, [hidden, head]) for x in (got, want)), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(DomainError, match=r"targets\[\d+\] must be >= 0 and <"):
        compiled(hidden, head, targets + V)


def test_head_module_uses_the_weights_of_the_head() -> None:
    layer = nn.Linear(D, V)
    hidden, _, targets = operands()
    options: dict[str, Any] = {"temperature": 0.7, "softcap": 3.0, "logit_scale": 0.5}
    stats = FusedLMHead(layer, **options)(hidden, targets, outputs=ALL)
    want = linear_token_stats(hidden, layer.weight, targets, bias=layer.bias, outputs=ALL, **options)
    assert all(torch.equal(a, b) for a, b in zip(stats, want, strict=True))
    stats.logps.sum().backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None


class LoRA(nn.Module):
    """The attributes of peft's LoRA layer that count, and its forward."""

    def __init__(self, base: nn.Linear, ranks: dict[str, int]) -> None:
        super().__init__()
        self.base_layer, self.active_adapters = base.requires_grad_(requires_grad=False), list(ranks)
        self.lora_A = nn.ModuleDict({name: nn.Linear(D, rank, bias=False) for name, rank in ranks.items()})
        self.lora_B = nn.ModuleDict({name: nn.Linear(rank, V, bias=False) for name, rank in ranks.items()})
        self.lora_dropout = nn.ModuleDict({name: nn.Identity() for name in ranks})
        self.scaling = {name: 2.0 / rank for name, rank in ranks.items()}
        self.disable_adapters = self.merged = False

    def forward(self, x: Tensor) -> Tensor:
        return self.base_layer(x) + sum(self.lora_B[k](self.lora_A[k](x)) * s for k, s in self.scaling.items())


@pytest.mark.parametrize("ranks", [{"one": 4}, {"one": 4, "two": 3}])
def test_low_rank_factors_enter_as_they_are(ranks: dict[str, int]) -> None:
    """Log-probs and the gradients of A, B and the hidden states as through peft's forward; none for the weight."""
    layer = LoRA(nn.Linear(D, V), ranks).double()
    hidden = torch.randn(N, D, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, V, (N,))
    inputs = [hidden, *(p for p in layer.parameters() if p.requires_grad)]
    got = FusedLMHead(layer)(hidden, targets).logps
    want = token_logps(layer(hidden), targets)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)
    for one, other in zip(*(torch.autograd.grad(x.sum(), inputs) for x in (got, want)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    layer.disable_adapters = True
    plain = FusedLMHead(layer)(hidden, targets).logps
    torch.testing.assert_close(plain, token_logps(layer.base_layer(hidden), targets), rtol=1e-12, atol=1e-12)


def test_other_adapters_are_refused() -> None:
    layer = LoRA(nn.Linear(D, V), {"one": 4})
    layer.lora_variant = {"one": object()}
    with pytest.raises(TypeError, match="adapter 'one' of lm_head must be plain LoRA"):
        FusedLMHead(layer)(torch.randn(N, D), torch.zeros(N, dtype=torch.long))


def test_gaps_at_the_edge_of_the_stash() -> None:
    """Gaps from 29.99 to 30.01 nats in steps of an f32: on both sides of the bound the gradient is right."""
    gaps = torch.linspace(29.99, 30.01, 400)
    hidden = gaps.unsqueeze(1).requires_grad_()
    head = torch.zeros(300, 1)
    head[290], head[5] = 1.0, 0.5
    head.requires_grad_()
    targets = torch.full((400,), 7)
    want, want_hidden, want_head = in_float64(hidden, head, targets, torch.ones(400))
    logps = linear_token_stats(hidden, head, targets, stash="auto").logps
    torch.testing.assert_close(logps.double(), want, rtol=1e-6, atol=0)
    grads = torch.autograd.grad(logps.sum(), [hidden, head])
    assert error(grads[0], want_hidden) < 1e-5
    assert error(grads[1], want_head) < 1e-5


def test_second_derivatives_are_refused_rather_than_zero() -> None:
    """A frozen head, whose gradient is ready after forward and would be a constant."""
    hidden = torch.randn(3, 4, requires_grad=True)
    logps = linear_token_stats(hidden, torch.randn(7, 4), torch.tensor([0, 1, 2])).logps
    (grad,) = torch.autograd.grad(logps.sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula"):
        grad.square().sum().backward()


def test_head_module_says_what_it_wants() -> None:
    with pytest.raises(TypeError, match=r"lm_head must be a module with a weight \[V, D\] such as nn.Linear, got ReLU"):
        FusedLMHead(torch.nn.ReLU())
    with pytest.raises(DomainError, match="temperature must be finite and > 0, got 0"):
        FusedLMHead(torch.nn.Linear(2, 3), temperature=0)
    with pytest.raises(DomainError, match="vocab_start must be None without group, got 3"):
        linear_token_stats(torch.randn(2, 4), torch.randn(7, 4), torch.tensor([0, 1]), vocab_start=3)

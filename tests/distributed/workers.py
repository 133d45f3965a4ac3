"""What each process does. A scenario is a function of (rank, world) that raises where a fact does not hold."""

import copy
import os
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from prefcore.errors import DomainError
from prefcore.logps import FusedLMHead, TokenStats, linear_token_stats
from prefcore.losses import RunningMoments, temporary_step

D, V, N = 8, 53, 12
ALL = ("logps", "entropy", "lse", "log_sum_sq_probs", "is_top1", "mean_logits")
GRADS = ALL[:4]


def run(rank: int, world: int, folder: str, names: list[str]) -> None:
    """Join the group, go through the scenarios, and leave a file for each: empty, or what went wrong."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world, timeout=timedelta(seconds=30))
    for name in names:
        torch.manual_seed(0)
        try:
            getattr(sys.modules[__name__], name)(rank, world)
            result = ""
        except Exception:
            result = traceback.format_exc()
        Path(folder, f"{name}.{rank}").write_text(result)
    dist.destroy_process_group()


def bounds(world: int) -> list[int]:
    """Parts of different size: the last rank has most of the vocabulary."""
    return [0, *(3 + 7 * rank for rank in range(world - 1)), V]


def part(rank: int, world: int) -> slice:
    return slice(*bounds(world)[rank : rank + 2])


def operands(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """The same on every rank; row 5 has a target far below the rest."""
    given = {"hidden": torch.randn(N, D), "head": torch.randn(V, D) * 2, "bias": torch.randn(V)}
    given["bias"][40] = 90.0 * torch.ones(())
    given = {name: value.to(dtype) for name, value in given.items()}
    return {**given, "targets": torch.randint(0, V, (N,)).index_fill(0, torch.tensor([0, 3]), 40)}


def statistics(
    given: dict[str, Tensor],
    shard: slice,
    names: tuple[str, ...],
    function: Callable[..., Any] = linear_token_stats,
    **options: Any,
) -> tuple[TokenStats, list[Tensor]]:
    """Return the statistics, and the gradients of hidden, head and bias through the first four of them."""
    hidden, head, bias = (given[name].clone().requires_grad_() for name in ("hidden", "head", "bias"))
    stats = function(hidden, head[shard], given["targets"], bias=bias[shard], outputs=names, **options)
    through = [getattr(stats, name) for name in names if name in GRADS]
    ups = [torch.randn(N, dtype=x.dtype, generator=torch.Generator().manual_seed(k)) for k, x in enumerate(through)]
    ups[0][::4] = 0.0
    grads = torch.autograd.grad(through, [hidden, head, bias], ups)
    return stats, [grads[0], grads[1][shard], grads[2][shard]]


def assert_same(got: Any, want: Any, tolerance: float) -> None:
    for one, other in zip(got, want, strict=True):
        if other is not None:
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def equality(rank: int, world: int, names: tuple[str, ...], dtype: torch.dtype, **options: Any) -> None:
    given, whole, mine = operands(dtype), slice(0, V), part(rank, world)
    exact = {name: value.double() if value.is_floating_point() else value for name, value in given.items()}
    want, want_grads = statistics(exact, whole, names, **{k: v for k, v in options.items() if k != "vocab_start"})
    got, grads = statistics(given, mine, names, group=dist.group.WORLD, **options)
    tolerance = 1e-11 if dtype == torch.float64 else 2e-5
    assert_same((x if x is None or x.dtype == torch.bool else x.double() for x in got), want, tolerance)
    want_grads = [want_grads[0], want_grads[1][mine], want_grads[2][mine]]
    assert_same((grad.double() for grad in grads), want_grads, tolerance)


def vocabulary_in_rank_order(rank: int, world: int) -> None:
    equality(rank, world, ALL, torch.float64, temperature=torch.linspace(0.5, 2.0, N), mask=torch.arange(N) != 4)


def vocabulary_at_named_places(rank: int, world: int) -> None:
    equality(rank, world, ALL, torch.float64, softcap=4.0, logit_scale=0.7, vocab_start=bounds(world)[rank])


def vocabulary_with_stash(rank: int, world: int) -> None:
    equality(rank, world, ("logps",), torch.float64, stash=1 << 20)
    equality(rank, world, ("logps",), torch.float32, stash=1 << 20)


def vocabulary_frozen(rank: int, world: int) -> None:
    given = operands()
    found = []
    for shard, options in ((slice(0, V), {}), (part(rank, world), {"group": dist.group.WORLD})):
        hidden = given["hidden"].clone().requires_grad_()
        logps = linear_token_stats(
            hidden, given["head"][shard], given["targets"], bias=given["bias"][shard], **options
        ).logps
        found.append([logps.detach(), *torch.autograd.grad(logps.sum(), hidden)])
    assert_same(*found, 1e-11)


def vocabulary_compiled(rank: int, world: int) -> None:
    compiled = torch.compile(linear_token_stats, fullgraph=True, backend="aot_eager")
    given, mine = operands(), part(rank, world)
    want = statistics(given, mine, ("logps", "entropy"), group=dist.group.WORLD)
    got = statistics(given, mine, ("logps", "entropy"), compiled, group=dist.group.WORLD)
    assert_same(got[0], want[0], 1e-12)
    assert_same(got[1], want[1], 1e-12)


def head_as_dtensor(rank: int, world: int) -> None:
    """Through the module: rows of the head stay where they are, and so do their gradients."""
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor, init_device_mesh

    mesh = init_device_mesh("cpu", (world,))
    given = operands()
    want, want_grads = statistics(given, slice(0, V), ("logps",))
    layer = nn.Linear(D, V, dtype=torch.float64)
    for name, value in (("weight", given["head"]), ("bias", given["bias"])):
        setattr(layer, name, nn.Parameter(distribute_tensor(value, mesh, [Shard(0)])))
    hidden = given["hidden"].clone().requires_grad_()
    logps = FusedLMHead(layer)(hidden, given["targets"]).logps
    up = torch.randn(N, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    up[::4] = 0.0
    logps.backward(up)
    assert isinstance(layer.weight.grad, DTensor)
    got_grads = [hidden.grad, layer.weight.grad.full_tensor(), layer.bias.grad.full_tensor()]
    assert_same([logps, *got_grads], [want.logps, *want_grads], 1e-11)


def bad_shards(rank: int, world: int) -> None:
    """The last rank begins one too early or one too late; or has other targets, or an impossible one."""
    given, mine, last = operands(), part(rank, world), bounds(world)[-2]
    before = f"that of rank {world - 2} \\(tokens {bounds(world)[-3]} to {last}\\)"
    names = f"rank {world - 1} \\(tokens {{}} to {{}}\\) {{}} {before}"
    for shift, what in ((-1, "overlaps with"), (1, "leaves a gap after")):
        start = mine.start + (shift if rank == world - 1 else 0)
        expect(names.format(last + shift, V + shift, what), given, mine, vocab_start=start)
    other = {**given, "targets": given["targets"] + (rank == 1)}
    expect("targets must be the same on all ranks", other, mine)
    given["targets"][0] = V + 5
    expect(rf"targets\[0\] must be >= 0 and < {V} .*got {V + 5}", given, mine)


def expect(match: str, given: dict[str, Tensor], mine: slice, **options: Any) -> None:
    with pytest.raises(DomainError, match=match):
        statistics(given, mine, ("logps",), group=dist.group.WORLD, **options)


class Model(nn.Module):
    """A trunk and a head that gives log-probs, as a trainer would build it."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(D, D)
        self.head = FusedLMHead(nn.Linear(D, V))

    def forward(self, x: Tensor, targets: Tensor) -> TokenStats:
        return self.head(self.trunk(x).tanh(), targets, outputs=("logps", "entropy"))


def loss(model: nn.Module, x: Tensor, targets: Tensor) -> Tensor:
    stats = model(x, targets)
    return (0.1 * stats.entropy - stats.logps).mean()


def batch(world: int) -> tuple[Tensor, Tensor]:
    return torch.randn(world, 6, D), torch.randint(0, V, (world, 6))


def fsdp_equality(rank: int, world: int) -> None:
    """Two steps under FSDP2, the head a group of its own, against one process that sees all data."""
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import init_device_mesh

    model, alone = Model(), Model()
    alone.load_state_dict(model.state_dict())
    mesh = init_device_mesh("cpu", (world,))
    fully_shard(model.head, mesh=mesh)
    fully_shard(model, mesh=mesh)
    x, targets = batch(world)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.5) for m in (model, alone)]
    for _ in range(2):
        loss(model, x[rank], targets[rank]).backward()
        torch.stack([loss(alone, x[r], targets[r]) for r in range(world)]).mean().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    for one, other in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(one.full_tensor(), other, rtol=1e-5, atol=1e-6)


def fsdp_on_the_head_inside(rank: int, world: int) -> None:
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import init_device_mesh

    model = Model()
    fully_shard(model.head.lm_head, mesh=init_device_mesh("cpu", (world,)))
    with pytest.raises(TypeError, match="call fully_shard on the FusedLMHead"):
        loss(model, *(column[rank] for column in batch(world)))


def ddp_replicas(rank: int, world: int) -> None:
    """After two steps on different data every parameter has the same bits on every rank, and all have moved."""
    model = Model()
    before = [p.detach().clone() for p in model.parameters()]
    replica = nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    x, targets = batch(world)
    for _ in range(2):
        optimizer.zero_grad()
        loss(replica, x[rank], targets[rank]).backward()
        optimizer.step()
    for old, new in zip(before, model.parameters(), strict=True):
        assert not torch.equal(old, new)
        first = new.detach().clone()
        dist.broadcast(first, 0)
        assert torch.equal(first, new)


def running_moments(rank: int, world: int) -> None:
    """Parts of different size, the first empty: the same bits on every rank; up to rounding, those of one process."""
    values = torch.randn(3, 20, dtype=torch.float64) + 1e6
    moments = RunningMoments()
    cuts = [0, *(1 + 4 * r for r in range(world - 1)), 20]
    cuts[1] = 0
    for batch in values:
        moments.update(batch[cuts[rank] : cuts[rank + 1]], group=dist.group.WORLD)
    assert moments.count.item() == 60
    torch.testing.assert_close(moments.mean, values.mean(), rtol=1e-15, atol=0)
    torch.testing.assert_close(moments.std, values.std(), rtol=1e-9, atol=0)
    first = moments.state.clone()
    dist.broadcast(first, 0)
    assert torch.equal(first, moments.state)


def running_moments_refuse_on_every_rank(rank: int, world: int) -> None:
    """One rank has a NaN: none goes on alone, none waits for it."""
    moments = RunningMoments()
    values = torch.full((2,), float("nan") if rank == world - 1 else 1.0)
    with pytest.raises(DomainError, match=f"values must be finite on every process .* on rank {world - 1}"):
        moments.update(values, group=dist.group.WORLD)
    assert moments.count.item() == 0


def temporary_step_under_ddp(rank: int, world: int) -> None:
    model, alone = Model(), Model()
    alone.load_state_dict(model.state_dict())
    extragradient(model, nn.parallel.DistributedDataParallel(model), alone, rank, world)
    for one, other in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
        first = one.detach().clone()
        dist.broadcast(first, 0)
        assert torch.equal(first, one)


def temporary_step_under_fsdp(rank: int, world: int) -> None:
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import init_device_mesh

    model, alone = Model(), Model()
    alone.load_state_dict(model.state_dict())
    mesh = init_device_mesh("cpu", (world,))
    fully_shard(model.head, mesh=mesh)
    fully_shard(model, mesh=mesh)
    extragradient(model, model, alone, rank, world)
    for one, other in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(one.full_tensor(), other, rtol=1e-5, atol=1e-6)


def extragradient(model: nn.Module, wrapped: nn.Module, alone: nn.Module, rank: int, world: int) -> None:
    """Two steps of Adam on different data, and the same in one process that sees all of it and copies itself."""
    optimizers = [torch.optim.Adam(m.parameters(), lr=0.05) for m in (model, alone)]
    for _ in range(2):
        here, there = batch(world), batch(world)
        differentiate(wrapped, here, [rank])
        with temporary_step(optimizers[0]):
            differentiate(wrapped, there, [rank])
        optimizers[0].step()
        everyone = list(range(world))
        twin, optimizer = copy.deepcopy((alone, optimizers[1]))
        differentiate(twin, here, everyone)
        optimizer.step()
        differentiate(twin, there, everyone)
        for one, other in zip(alone.parameters(), twin.parameters(), strict=True):
            one.grad = other.grad
        optimizers[1].step()


def differentiate(model: nn.Module, data: tuple[Tensor, Tensor], parts: list[int]) -> None:
    model.zero_grad()
    torch.stack([loss(model, *(column[part] for column in data)) for part in parts]).mean().backward()

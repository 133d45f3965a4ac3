"""The kernels of preference games against float64 on the CPU; `test_kernels.py` runs them interpreted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from ops.cases.games import games
from prefcore.triton_kernels import kl_best_response, kl_nash
from vector_records import assert_close, build, load

KERNELS = {"kl_nash": kl_nash.forward, "kl_best_response": kl_best_response.forward}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
#: not a thousand programs, which take the interpreter minutes, nor games that are served by plain torch
LEFT_OUT = ("above_the_work_of_one_thread", "above_it")
EACH = pytest.mark.parametrize(
    ("op", "name"), [(op, name) for op in KERNELS for name in CASES[op].inputs if name not in LEFT_OUT]
)
#: iterations of the interpreter
FEW = 40
VECTORS = [
    record
    for record in load(Path(__file__).parents[2] / "vectors")
    if record["function"] == "scores.kl_best_response"
    or (record["function"] == "scores.kl_nash" and record["params"]["iterations"] <= FEW)
]


def tensors(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else result


@DTYPES
@EACH
def test_cases_of_the_op(op: str, name: str, dtype: torch.dtype) -> None:
    """f32: lengths of up to 10 nats, and gaps that hang on differences of them."""
    args = CASES[op].inputs[name](dtype)
    in_f64 = tuple(arg.double() if isinstance(arg, Tensor) else arg for arg in args)
    got, want = tensors(KERNELS[op](*args)), tensors(CASES[op].reference(*in_f64))
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-12}[dtype]
    for value, right in zip(got, want, strict=True):
        assert value.dtype == dtype
        torch.testing.assert_close(value.double(), right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("record", VECTORS, ids=lambda record: record["id"])
def test_vectors(record: dict[str, Any]) -> None:
    """Policies of curves come from the other kernel, those after many iterations from plain torch."""
    op, given, params = record["function"].removeprefix("scores."), record["inputs"], record["params"]
    preferences = as_tensor(given["preferences"])
    reference = as_tensor(given["ref_logps"]) if "ref_logps" in given else preferences.new_zeros(preferences.shape[:2])
    if op == "kl_nash":
        fields = {"value": equilibria(preferences, reference, params)}
    else:
        policy = given["logps"]
        inner = policy["call"] == "scores.kl_nash"
        logps = equilibria(preferences, reference, policy["params"]) if inner else as_tensor(policy)
        best, gap = kl_best_response.forward(preferences, logps, reference, params["beta"])
        fields = {"logps": best, "gap": gap}
    for name, want in record["expected"].items():
        assert_close(fields[name], want, record["tol"], f"{record['id']} {name}")


def as_tensor(value: Any) -> Tensor:
    built = build(value, tensors=True)
    return built if isinstance(built, Tensor) else torch.from_numpy(built)


def equilibria(preferences: Tensor, reference: Tensor, params: dict[str, Any]) -> Tensor:
    beta, iterations = params["beta"], params["iterations"]
    step_size = params.get("step_size", 2 / (beta + (beta * beta + 1) ** 0.5))
    forward = kl_nash.forward if iterations <= FEW else CASES["kl_nash"].reference
    return forward(preferences, reference, beta, step_size, iterations)


def test_views_are_read_right() -> None:
    preferences, reference, policy = games(3, 5)
    turned = 1 - preferences.mT  # the same numbers, columns first
    strided = torch.stack([reference, policy], 2)
    want = kl_nash.forward(preferences, reference, 0.3, 1.0, 3)
    assert torch.equal(kl_nash.forward(turned, strided[..., 0], 0.3, 1.0, 3), want)
    best, gap = kl_best_response.forward(preferences, policy, reference, 0.3)
    got = kl_best_response.forward(turned, strided[..., 1], strided[..., 0], 0.3)
    assert torch.equal(got[0], best)
    assert torch.equal(got[1], gap)


@pytest.mark.parametrize("op", KERNELS)
def test_the_place_in_the_batch_changes_no_bit(op: str) -> None:
    args = CASES[op].inputs["padded_lanes"](torch.float32)
    alone = tuple(arg[3:4] if isinstance(arg, Tensor) else arg for arg in args)
    for whole, one in zip(tensors(KERNELS[op](*args)), tensors(KERNELS[op](*alone)), strict=True):
        assert torch.equal(whole[3:4], one)


@pytest.mark.filterwarnings("ignore:invalid value encountered", "ignore:divide by zero encountered")
def test_what_raises_on_the_cpu_is_nan_or_inf() -> None:
    """A game without a candidate, a NaN among preferences, weight outside the reference; others are as they were."""
    preferences, reference, policy = games(4, 5)
    plain = kl_nash.forward(preferences, reference, 0.3, 1.0, 3)
    reference[0], preferences[1, 2, 3] = -torch.inf, torch.nan
    got = kl_nash.forward(preferences, reference, 0.3, 1.0, 3)
    assert got[:2].isnan().all()
    assert torch.equal(got[2:], plain[2:])
    reference[2, 4] = -torch.inf
    best, gap = kl_best_response.forward(preferences, policy, reference, 0.3)
    assert best[:2].isnan().any(1).all()
    assert gap[:2].isnan().all()
    assert gap[2] == torch.inf
    assert best[2, 4] == -torch.inf
    assert 0 < gap[3] < torch.inf

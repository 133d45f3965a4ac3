"""A causal language model whose forward gives log-probs of the labels instead of logits, on request."""

from __future__ import annotations

import functools
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from prefcore._checks import positive
from prefcore.errors import DomainError
from prefcore.integrations._handle import Handle
from prefcore.logps import FusedLMHead, SequenceLogps, sequence_logps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor, nn

__all__ = ["FusedOutput", "add_fused_lm_head"]

#: TRL's names of the statistics, in the order in which its kernel returns them -> those of `prefcore.logps.TokenStats`
STATISTICS = {
    "log_probs": "logps",
    "entropy": "entropy",
    "log_sum_sq_probs": "log_sum_sq_probs",
    "mean_logits": "mean_logits",
    "is_top1": "is_top1",
}


class FusedOutput(NamedTuple):
    """What a forward with `fused_lm_head=True` returns; position t is about the label at t + 1, 0 where it is -100."""

    loss: Tensor
    """[] negative mean of the log-probs (divided by `num_items_in_batch` where that is given), in nats."""
    log_probs: Tensor
    """[B, T-1] nats, f32."""
    entropy: Tensor | None
    """[B, T-1] nats."""
    log_sum_sq_probs: Tensor | None
    """[B, T-1] log of the sum of the squared probabilities."""
    mean_logits: Tensor | None
    """[B, T-1] without a gradient."""
    is_top1: Tensor | None
    """[B, T-1] bool, the label is the most probable token."""
    label_mask: Tensor
    """[B, T-1] bool, the label is not -100."""


def add_fused_lm_head(model: nn.Module, *, temperature: float = 1.0, outputs: Sequence[str] = ("log_probs",)) -> Handle:
    """Let `model(..., labels=labels, fused_lm_head=True)` return log-probs of the labels, without all logits in memory.

    log_probs[:, t] = log p(labels[:, t + 1] | tokens up to t), 0 where the label is -100

    Only the labeled positions meet the head. Without the keyword the model answers as before, so `generate`, saving
    and evaluation are unaffected. The call stays a call of the model: DDP, FSDP and LoRA see all of it, which they
    would not if the head's weight were read outside (huggingface/trl#7245). Softcapping and factors of the logits are
    read from the config as TRL reads them. Patch the model before DDP or FSDP wraps it; a peft model may be patched.

    Args:
        model: a transformers causal language model, or peft's wrapper of one; this instance is patched, no class.
        temperature: divides the logits, > 0.
        outputs: statistics to compute besides log_probs, of log_probs, entropy, log_sum_sq_probs, mean_logits, is_top1.
    Returns: Handle that puts the forward back; a second patch takes the place of the first until it is undone.
    Raises: TypeError for another module; DomainError for an unknown statistic, an encoder-decoder, a mixture of
        experts that returns its router's logits, a model that does more between its last states and its logits (as
        BERT does; four tokens are scored both ways to find out), and for weights that ZeRO-3 has partitioned (when
        called).
    Source: keyword, fields and factors of the logits as `trl.trainer.add_fused_lm_head` of TRL 1.16.

    >>> from transformers import LlamaConfig, LlamaForCausalLM
    >>> config = LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
    ...                      num_attention_heads=2)
    >>> model, ids = LlamaForCausalLM(config), torch.tensor([[1, 2, 3]])
    >>> with add_fused_lm_head(model):
    ...     got = model(input_ids=ids, labels=ids, fused_lm_head=True).log_probs
    >>> want = model(input_ids=ids).logits.log_softmax(-1)[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
    >>> torch.allclose(got, want, atol=1e-6)
    True
    """
    positive(temperature=temperature)
    names = _statistics(outputs)
    model = causal_lm(model)
    below = _unbound(model.forward)
    below = getattr(below, "_below", below) if getattr(below, "_own", None) is below else below  # not on one of ours
    handle = _placed(model, _fused_forward(model, below, temperature, names), below)
    try:
        _compare(model, temperature)
    except Exception:
        handle.undo()
        raise
    return handle


def label_logps(model: Callable[..., Any], batch: Mapping[str, Tensor]) -> SequenceLogps:
    """Sums of the labels' log-probs from a patched model, wrapped or not.

    A row without a label raises on the CPU; elsewhere, where looking would synchronize, it gives 0.
    """
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    out = model(**inputs, fused_lm_head=True)
    empty = "raise" if out.log_probs.device.type == "cpu" else "zero"
    return sequence_logps(out.log_probs, out.label_mask, empty=empty)  # type: ignore[arg-type]


def has_fused_lm_head(model: Any) -> bool:
    """Whether `add_fused_lm_head` has patched the model; also below peft's wrapper."""
    return hasattr(causal_lm(model).forward, "_below")


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Score without gradients and dropout; afterwards each module is in the mode in which it was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def _compare(model: Any, temperature: float) -> None:
    """Raise where four tokens get other log-probs from the head than from the logits of the model itself."""
    weights = list(model.parameters())
    if any(weight.is_meta or hasattr(weight, "ds_id") for weight in weights):
        return  # not there yet, or in parts on several ranks
    ids = torch.arange(1, 5, device=weights[0].device).unsqueeze(0) % model.config.get_text_config().vocab_size
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with frozen(model):
        try:
            scores = model(**inputs).logits[:, :-1].float() / temperature
        except Exception:
            return  # it does not run where it lies, as with flash attention on the CPU: nothing to compare with
        got = model(**inputs, labels=ids, fused_lm_head=True).log_probs
    want = scores.log_softmax(-1).gather(-1, ids[:, 1:, None].to(scores.device)).squeeze(-1)
    half = any(weight.element_size() < 4 for weight in weights)
    room = 2e-2 if half else 1e-4
    gap = (got.to(want) - want).abs().max().item()
    if not gap <= room * (1 + scores.abs().max().item()):
        name = type(model).__name__
        raise DomainError(f"log-probs from head and last states differ by {gap:.2g} from those of {name}'s own logits")


def _statistics(outputs: Sequence[str]) -> tuple[str, ...]:
    given = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    unknown = [name for name in given if name not in STATISTICS]
    if unknown:
        raise DomainError(f"outputs must be of {', '.join(STATISTICS)}, got {unknown[0]!r}")
    return ("log_probs", *(name for name in given if name != "log_probs"))


def causal_lm(model: Any) -> Any:
    """The transformers model itself, also from peft's wrapper."""
    if hasattr(model, "get_base_model"):
        model = model.get_base_model()
    if not all(hasattr(model, name) for name in ("config", "base_model", "get_output_embeddings")):
        raise TypeError(f"model must be a transformers causal language model, not wrapped, got {type(model).__name__}")
    if model.get_output_embeddings() is None or _body(model) is model:
        raise TypeError(f"model must have a language model's head, got {type(model).__name__}")
    if getattr(model.config, "is_encoder_decoder", False):
        raise DomainError(f"model must be a decoder, got the encoder-decoder {type(model).__name__}")
    if getattr(model.config.get_text_config(), "output_router_logits", False):
        raise DomainError("config.output_router_logits must be False: the router's loss is not computed here")
    return model


def _placed(model: Any, fused: Any, below: Callable[..., Any]) -> Handle:
    """Give the instance another forward."""
    before = model.__dict__.get("forward")
    model.forward = types.MethodType(fused, model)

    def undo() -> None:
        if getattr(model.__dict__.get("forward"), "__func__", None) is not fused:
            raise DomainError("the forward of the model was replaced after this patch: undo that first")
        if before is None:
            del model.forward
        else:
            model.forward = before

    return Handle(undo, previous=below)


def _fused_forward(model: Any, below: Callable[..., Any], temperature: float, names: tuple[str, ...]) -> Any:
    """Return the method. It holds no instance, so that a copy of the model calls itself."""
    config = model.config.get_text_config()
    softcap, scale = getattr(config, "final_logit_softcapping", None), _logit_scale(config)

    @functools.wraps(type(model).forward)  # generate and Trainer read the names of its arguments
    def forward(self: Any, *args: Any, fused_lm_head: bool = False, **kwargs: Any) -> Any:
        if not fused_lm_head:
            return below(self, *args, **kwargs)
        hidden, labels, count = _backbone(self, args, kwargs)
        lm_head = self.get_output_embeddings()  # looked up at each call: peft and FSDP replace it
        if hasattr(lm_head.weight, "ds_id"):
            raise DomainError("the head's weight is partitioned by ZeRO-3: use stage 2, or FSDP")
        hidden, labels = hidden.to(lm_head.weight.device), labels.to(lm_head.weight.device)
        mask = labels != -100
        head = FusedLMHead(lm_head, temperature=temperature, softcap=softcap, logit_scale=scale)
        stats = head(hidden, labels, mask=mask, outputs=[STATISTICS[name] for name in names])
        found = {name: getattr(stats, field) for name, field in STATISTICS.items()}
        loss = -found["log_probs"].sum() / (mask.sum().clamp(min=1) if count is None else count)
        return FusedOutput(loss=loss, label_mask=mask, **found)

    forward._below, forward._own = below, forward  # type: ignore[attr-defined]
    return forward


def _body(model: Any) -> Any:
    """What is below the head; Llama 4 has it where its `base_model` does not look."""
    return getattr(model, "model", model) if model.base_model is model else model.base_model


def _unbound(method: Callable[..., Any]) -> Callable[..., Any]:
    return getattr(method, "__func__", None) or (lambda _, *args, **kwargs: method(*args, **kwargs))


def _backbone(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, Tensor, Any]:
    """Hidden states, the label of each, and the count that divides the loss."""
    labels, shifted, count = (kwargs.pop(name, None) for name in ("labels", "shift_labels", "num_items_in_batch"))
    if labels is None and shifted is None:
        raise TypeError("fused_lm_head=True needs labels=: token ids [B, T], -100 where none counts")
    hidden = _body(model)(*args, **{**kwargs, "use_cache": False}).last_hidden_state
    return (hidden[:, :-1], labels[:, 1:], count) if shifted is None else (hidden, shifted, count)


def _logit_scale(config: Any) -> float:
    """The factor between head and softmax, under the names that configs have for it."""
    for name in ("logit_scale", "output_multiplier", "lm_head_multiplier"):
        if getattr(config, name, None) is not None:
            return float(getattr(config, name))
    scaling = getattr(config, "logits_scaling", None)
    if scaling is None:
        return 1.0
    return float(scaling if config.model_type == "hyperclovax" else 1 / scaling)

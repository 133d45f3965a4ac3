"""The reference of a preference trainer: scored on the way, scored beforehand, or moved toward the policy."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from prefcore._checks import numbers, unit_interval
from prefcore.errors import DomainError, ShapeError
from prefcore.integrations._fused_head import add_fused_lm_head, frozen
from prefcore.logps import sequence_logps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["precompute_ref_logps", "soft_update"]

COLUMNS = ("ref_chosen_logps", "ref_rejected_logps", "ref_key")
BATCH = 8


def precompute_ref_logps(
    model: nn.Module,
    dataset: Any,
    *,
    collator: Callable[..., dict[str, Tensor]],
    cache_dir: str | Path,
    weights: Callable[[Tensor], Tensor] | None = None,
) -> Any:
    """Score a dataset once with the reference model, so that training needs it no more: adds `ref_*` columns.

    ref_chosen_logps = sum of the log-probs of the chosen completion,  ref_rejected_logps of the rejected one

    The third column, `ref_key`, is a hash of the tokens that were scored. `PreferenceTrainer` compares it with the
    tokens it trains on, so another tokenizer, template or `max_length` raises instead of training on wrong numbers
    (huggingface/trl#7084). The file in `cache_dir` also holds a hash of the model's weights: a second call with the
    same model and data reads it, and one with others raises and names what differs.

    Args:
        model: reference, a transformers causal language model; in evaluation mode while it scores.
        dataset: `datasets.Dataset` of the rows that `collator` reads.
        collator: as `preference_collator` makes it, with the options of the training.
        cache_dir: folder of the file, made where it is absent; one for each dataset and model.
        weights: function of the mask [2B, T-1] of completion tokens (chosen rows first) that gives token weights of
            that shape, as `weights.length_desensitized` does; part of the key. `PreferenceTrainer` has no token
            weights and refuses such columns.
    Returns: the dataset with the three columns.
    Raises: TypeError for other rows than a `Dataset`, and for weights that are no tensor; DomainError where the file in
        `cache_dir` is of another model, of other tokens or options, or torn; ShapeError for weights of another shape;
        what `collator` raises.
    Source: huggingface/trl#2423, huggingface/trl#7084.

    >>> from tempfile import mkdtemp
    >>> from datasets import Dataset
    >>> from transformers import LlamaConfig, LlamaForCausalLM
    >>> config = LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
    ...                      num_attention_heads=2)
    >>> ids = torch.tensor([[1, 2], [1, 3]])
    >>> collate = lambda rows: {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}
    >>> model, rows = LlamaForCausalLM(config), Dataset.from_list([{"prompt": "a"}])
    >>> precompute_ref_logps(model, rows, collator=collate, cache_dir=mkdtemp()).column_names
    ['prompt', 'ref_chosen_logps', 'ref_rejected_logps', 'ref_key']
    """
    if not all(hasattr(dataset, name) for name in ("column_names", "add_column", "remove_columns", "__len__")):
        advice = "; make one by datasets.Dataset.from_list(rows)" if isinstance(dataset, list) else ""
        raise TypeError(f"dataset must be a datasets.Dataset, got {type(dataset).__name__}{advice}")
    file = Path(cache_dir) / "ref_logps.json"
    cached = file.exists()
    keys, pairs = [], []
    with nullcontext() if cached else add_fused_lm_head(model):
        for start in range(0, len(dataset), BATCH):
            batch = collator([dataset[n] for n in range(start, min(start + BATCH, len(dataset)))])
            keys += row_keys(batch, weights).tolist()
            pairs += [] if cached else _scores(model, batch, weights)
    found = {"model": fingerprint(model), COLUMNS[2]: keys}
    if cached:
        stored = _read(file)
        _same(stored, found, file)
        found = stored
    else:
        found |= {name: [pair[side] for pair in pairs] for side, name in enumerate(COLUMNS[:2])}
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")  # whole or not at all, also with several processes
        part.write_text(json.dumps(found))
        part.replace(file)
    dataset = dataset.remove_columns([name for name in COLUMNS if name in dataset.column_names])
    for name in COLUMNS:
        dataset = dataset.add_column(name, found[name])
    return dataset


def soft_update(ref_model: nn.Module, model: nn.Module, *, alpha: float = 0.6) -> None:
    """Move the weights of the reference toward those of the policy, in place.

    ref <- alpha policy + (1 - alpha) ref

    Call it every few hundred steps, between steps. Buffers stay. Not for sharded models (ZeRO-3, FSDP). Keep the
    reference in f32 where alpha is small: bf16 has 8 bits, so a step below 1/512 of a weight is rounded away, each time
    again, and the reference never moves.

    Args:
        ref_model: the reference, changed.
        model: the policy, with parameters of the same names and shapes.
        alpha: share of the policy, in [0, 1]; 1 copies it.
    Raises: TypeError for what is no number and no model; DomainError for alpha or for other parameters.
    Source: TR-DPO (Gorbatovski et al. 2024, arXiv 2404.09656), eq. 3; default as in TRL.

    >>> reference, policy = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    >>> for module, value in ((reference, 0.0), (policy, 1.0)):
    ...     _ = torch.nn.init.constant_(module.weight, value)
    >>> soft_update(reference, policy, alpha=0.6)
    >>> reference.weight.item()
    0.6000000238418579
    """
    numbers(alpha=alpha)
    unit_interval(alpha=alpha)
    for name, module in {"ref_model": ref_model, "model": model}.items():
        if not isinstance(module, nn.Module):
            raise TypeError(f"{name} must be a torch.nn.Module, got {type(module).__name__}")
    ours, theirs = dict(ref_model.named_parameters()), dict(model.named_parameters())
    shapes = [{name: list(p.shape) for name, p in of.items()} for of in (ours, theirs)]
    for name in {**shapes[0], **shapes[1]}:
        if shapes[0].get(name) != shapes[1].get(name):
            got = f"{shapes[0].get(name, 'none')} in ref_model and {shapes[1].get(name, 'none')} in model"
            raise DomainError(f"parameter {name} must be in both models with one shape, got {got}")
    with torch.no_grad():
        for name, parameter in ours.items():
            parameter.lerp_(theirs[name].to(parameter), alpha)


def row_keys(batch: Mapping[str, Tensor], weights: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """[B] int64, a hash of what is scored of each pair: ids, which of them count, and their weights."""
    ids, labels, attended = (batch[name].cpu() for name in ("input_ids", "labels", "attention_mask"))
    token_weights = None if weights is None else _weighed(weights, labels[:, 1:] != -100).cpu()
    digests = [hashlib.blake2b(digest_size=8) for _ in range(len(ids) // 2)]
    for row in range(len(ids)):
        kept = attended[row].bool()
        parts = [ids[row][kept], labels[row][kept]]
        if token_weights is not None:
            parts.append(token_weights[row][labels[row, 1:] != -100].float())
        for part in parts:
            digests[row % len(digests)].update(part.numpy().tobytes() + b"|")
    return torch.tensor([int.from_bytes(digest.digest(), "little", signed=True) for digest in digests])


def fingerprint(model: nn.Module) -> str:
    """A hash of all weights: of the exact sum of the bits of each row, so it does not depend on device or threads."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(str([getattr(m, "disable_adapters", None) for m in model.modules()]).encode())
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    for name, tensor in sorted(model.state_dict().items()):
        bits = tensor.detach().view(integers[tensor.element_size()])
        rows = bits.sum(-1, dtype=torch.int64) if bits.ndim else bits.long()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode() + rows.cpu().numpy().tobytes())
    return digest.hexdigest()


def _scores(
    model: nn.Module, batch: Mapping[str, Tensor], weights: Callable[[Tensor], Tensor] | None
) -> list[tuple[float, float]]:
    """Sums of chosen and rejected of each pair."""
    device = next(model.parameters()).device
    inputs = {name: batch[name].to(device) for name in ("input_ids", "attention_mask", "labels")}
    with frozen(model):
        out = model(**inputs, fused_lm_head=True)
    token_weights = None if weights is None else _weighed(weights, out.label_mask)
    chosen, rejected = sequence_logps(out.log_probs, out.label_mask, weights=token_weights).sums.chunk(2)
    return list(zip(chosen.tolist(), rejected.tolist(), strict=True))


def _weighed(weights: Callable[[Tensor], Tensor], mask: Tensor) -> Tensor:
    found = weights(mask)
    if not isinstance(found, Tensor):
        raise TypeError(f"weights must return a tensor {list(mask.shape)}, got {type(found).__name__}")
    if found.shape != mask.shape:
        raise ShapeError(f"weights must give {list(mask.shape)} like the mask, got {list(found.shape)}")
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        stored = json.loads(file.read_text())
    except ValueError:  # also text that is not UTF-8
        stored = None
    if not isinstance(stored, dict) or not {"model", *COLUMNS} <= stored.keys():
        raise DomainError(f"{file} is damaged or not of precompute_ref_logps: delete it, and it is made anew")
    return stored


def _same(stored: dict[str, Any], found: dict[str, Any], file: Path) -> None:
    """Raise where the file is of another model or of other rows."""
    advice = f"{file} was made with other inputs: use another cache_dir, or delete that file"
    if stored["model"] != found["model"]:
        raise DomainError(f"the weights of the model differ from those that were scored. {advice}")
    if len(stored["ref_key"]) != len(found["ref_key"]):
        raise DomainError(f"{len(found['ref_key'])} rows, but {len(stored['ref_key'])} were scored. {advice}")
    for number, (old, new) in enumerate(zip(stored["ref_key"], found["ref_key"], strict=True)):
        if old != new:
            raise DomainError(f"row {number}: tokens or weights differ from those that were scored. {advice}")

"""Log-probs of the completions of a prompt: tokens, one pass of the whole model, then its last layers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from prefcore import logps
from rated import InputError, Rated

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Encoded:
    """A prompt of P tokens and its K completions as rows: prompt, completion, padding on the right."""

    rated: Rated
    ids: Tensor  # [K, P + C]
    mask: Tensor  # [K, C], True = token of the completion
    cut: int  # completions that were longer than allowed

    @property
    def prompt_tokens(self) -> int:
        """P, the column where the completions begin."""
        return self.ids.shape[1] - self.mask.shape[1]


@dataclass(frozen=True)
class Example:
    """A prompt with what the untouched model makes of it."""

    encoded: Encoded
    states: Tensor  # [K, P + C, D], input of the first trained layer
    reference: Tensor  # [K], log-prob of each completion in nats


def encode(tokenizer: "PreTrainedTokenizerBase", rated: Rated, max_tokens: int) -> Encoded:
    """Tokenize the prompt and the completions apart: the boundary is known, and no token straddles it.

    A completion ends with the end token, on which it is judged too, unless it is cut at `max_tokens`.
    """
    prompt = _prompt_ids(tokenizer, rated.prompt)
    end = tokenizer.eos_token_id
    completions = [[*tokenizer(text, add_special_tokens=False).input_ids, end] for text in rated.responses]
    width = min(max(map(len, completions)), max_tokens)
    ids = torch.full((len(completions), len(prompt) + width), end)
    mask = torch.zeros(len(completions), width, dtype=torch.bool)
    for row, completion in enumerate(completions):
        kept = completion[:width]
        ids[row, : len(prompt) + len(kept)] = torch.tensor(prompt + kept)
        mask[row, : len(kept)] = True
    return Encoded(rated, ids, mask, cut=sum(len(completion) > width for completion in completions))


def _prompt_ids(tokenizer: "PreTrainedTokenizerBase", prompt: str) -> list[int]:
    if tokenizer.chat_template is None:
        return list(tokenizer(prompt + "\n").input_ids)
    turn = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False).input_ids)


@torch.no_grad()
def reference_pass(model: "PreTrainedModel", encoded: Encoded, layers: int) -> Example:
    """Run the whole model once. Attention is causal, so the padding on the right needs no attention mask."""
    width = encoded.mask.shape[1]
    out = model(input_ids=encoded.ids, output_hidden_states=True, use_cache=False, logits_to_keep=width + 1)
    states = out.hidden_states[len(model.base_model.layers) - layers]
    return Example(encoded, states, _completion_logps(out.logits, encoded))


def keep_last_layers(model: "PreTrainedModel", layers: int, example: Example) -> list[torch.nn.Parameter]:
    """Cut the model down to its last layers, which take hidden states for embeddings; return the weights to train."""
    decoder = model.base_model
    decoder.layers = decoder.layers[-layers:]
    gap = (policy_logps(model, example) - example.reference).detach().abs().max().item()
    if not gap < 1e-2:
        raise InputError(f"cannot train the last layers of this model alone: its log-probs change by {gap:.2g} nats")
    model.requires_grad_(requires_grad=False)
    decoder.layers.requires_grad_(requires_grad=True)
    decoder.norm.requires_grad_(requires_grad=True)
    return [weight for weight in model.parameters() if weight.requires_grad]


def policy_logps(model: "PreTrainedModel", example: Example) -> Tensor:
    """[K] log-probs of the completions, in nats, from a model that `keep_last_layers` has cut."""
    width = example.encoded.mask.shape[1]
    out = model(inputs_embeds=example.states, use_cache=False, logits_to_keep=width + 1)
    return _completion_logps(out.logits, example.encoded)


def _completion_logps(logits: Tensor, encoded: Encoded) -> Tensor:
    """Position t predicts token t + 1: logits [K, C + 1, V] begin at the last prompt token; the last one is unused."""
    targets = encoded.ids[:, encoded.prompt_tokens :]
    token = logps.token_logps(logits[:, :-1], targets, mask=encoded.mask)  # [K, C]
    return logps.sequence_logps(token, encoded.mask).sums


@torch.no_grad()
def all_policy_logps(model: "PreTrainedModel", examples: Sequence[Example]) -> np.ndarray:
    """Log-probs of the completions of all examples in one row, without gradients."""
    return torch.cat([policy_logps(model, example) for example in examples]).double().numpy()

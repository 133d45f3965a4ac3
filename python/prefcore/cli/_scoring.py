"""Log-probs of completions under a model: loading, tokens, batches. The one part of the data commands with torch."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers

from prefcore.cli._layouts import Item
from prefcore.cli._run import Code, Stop
from prefcore.errors import PrefcoreError
from prefcore.integrations._fused_head import add_fused_lm_head, frozen
from prefcore.integrations.transformers.collator import encoded, padded
from prefcore.integrations.transformers.reference import fingerprint
from prefcore.logps import sequence_logps

#: ids of a prompt, and of what follows
Sequence_ = tuple[list[int], list[int]]


class Scored(NamedTuple):
    """A completion under both models."""

    logps: float
    """Sum of its tokens' log-probs, nats."""
    tokens: int
    entropy: float
    """Mean over its tokens of the entropy of what the policy would say there, nats."""
    ref_logps: float | None

    @property
    def reward(self) -> float | None:
        """Log-ratio policy - reference, nats: the implicit reward of DPO divided by beta."""
        return None if self.ref_logps is None else self.logps - self.ref_logps


class Scorer:
    """Both models on their device, and the tokenizer of the policy."""

    def __init__(self, folder: Path, ref: Path | None, dtype: str, device: str) -> None:
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        place = _device(device)
        self.tokenizer = _loaded("--model", folder, transformers.AutoTokenizer.from_pretrained)
        self.pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0  # masked anyway
        self.policy = _model("--model", folder, dtype, place)
        self.ref = None if ref is None else _model("--ref", ref, dtype, place)
        models = {"--model": self.policy} | ({} if self.ref is None else {"--ref": self.ref})
        if ref is not None and (ref / "tokenizer_config.json").is_file():
            theirs = _loaded("--ref", ref, transformers.AutoTokenizer.from_pretrained)
            if theirs.get_vocab() != self.tokenizer.get_vocab():
                raise Stop(Code.INPUT, f"--ref {ref}: has other tokens than --model; log-probs do not compare")
        for option, model in models.items():
            _patch(option, model, max(self.tokenizer.get_vocab().values()), with_entropy=option == "--model")
        lengths = [
            getattr(model.config.get_text_config(), "max_position_embeddings", None) for model in models.values()
        ]
        self.most = min((length for length in lengths if length), default=None)

    @property
    def fingerprints(self) -> list[str]:
        """Hashes of the weights."""
        return [fingerprint(model) for model in (self.policy, self.ref) if model is not None]

    def sequences(self, item: Item) -> list[Sequence_]:
        """Tokens of each completion behind its prompt, as of `preference_collator`; ValueError says what is wrong."""
        if not item.completions:
            raise ValueError("there is no completion")
        found = []
        for place, completion in enumerate(item.completions):
            answer = completion
            if isinstance(item.prompt, list) and isinstance(completion, str):
                answer = [{"role": "assistant", "content": completion}]
            row = {"prompt": item.prompt, "completion": answer}
            try:
                prompt, rest = encoded(self.tokenizer, row, place, "completion", None)
            except Exception as error:  # chat templates raise what they like
                raise ValueError(str(error).replace(f"row {place} of the batch", f"completion {place}")) from None
            if self.most is not None and len(prompt) + len(rest) > self.most:
                raise ValueError(f"completion {place}: {len(prompt) + len(rest)} tokens, the model takes {self.most}")
            found.append((prompt, rest))
        return found

    def scores(self, sequences: Sequence[Sequence_], batch_tokens: int, done: Callable[[int], None]) -> list[Scored]:
        """Score sequences in batches of like lengths; `done` is told how many are ready."""
        found: dict[int, Scored] = {}
        for places in _batches([len(prompt) + len(rest) for prompt, rest in sequences], batch_tokens):
            rows = self._batch([sequences[place] for place in places])
            found.update(zip(places, rows, strict=True))
            done(len(found))
        return [found[place] for place in range(len(sequences))]

    def _batch(self, sequences: Sequence[Sequence_]) -> list[Scored]:
        inputs = {name: ids.to(self.policy.device) for name, ids in padded(list(sequences), self.pad).items()}
        try:
            with frozen(self.policy):
                out = self.policy(**inputs, fused_lm_head=True)
                logps = sequence_logps(out.log_probs, out.label_mask)
                entropy = sequence_logps(out.entropy, out.label_mask).means.tolist()
            columns = [logps.sums.tolist(), logps.counts.tolist(), entropy, self._reference(inputs, len(sequences))]
        except torch.OutOfMemoryError:
            size = list(inputs["input_ids"].shape)
            raise Stop(Code.INPUT, f"not enough memory for a batch of {size} tokens; lower --batch-tokens") from None
        return [Scored(*row) for row in zip(*columns, strict=True)]

    def _reference(self, inputs: dict[str, torch.Tensor], n: int) -> list[float | None]:
        if self.ref is None:
            return [None] * n
        with frozen(self.ref):
            out = self.ref(**inputs, fused_lm_head=True)
        sums: list[float | None] = sequence_logps(out.log_probs, out.label_mask).sums.tolist()
        return sums


def _batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield places, the longest first, so that rows x longest stays within the limit; at least one row."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while order:
        n = max(1, batch_tokens // lengths[order[0]])
        yield order[:n]
        order = order[n:]


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise Stop(Code.USAGE, f"--device {name}: {str(error).splitlines()[0]}") from None


def _model(option: str, folder: Path, dtype: str, device: torch.device) -> Any:
    load = transformers.AutoModelForCausalLM.from_pretrained
    model = _loaded(option, folder, load, dtype=dtype if dtype == "auto" else getattr(torch, dtype))
    return model.to(device).eval()


def _loaded(option: str, folder: Path, load: Callable[..., Any], **options: Any) -> Any:
    try:
        return load(folder, local_files_only=True, **options)
    except Exception as error:  # of many kinds: no such file, no such class, weights that do not fit
        text = str(error).strip().splitlines() or [type(error).__name__]
        raise Stop(Code.INPUT, f"{option} {folder}: {text[0]}") from None


def _patch(option: str, model: Any, largest: int, *, with_entropy: bool) -> None:
    """Let a model give log-probs instead of logits."""
    rows = model.get_input_embeddings().num_embeddings
    if largest >= rows:
        raise Stop(Code.INPUT, f"{option}: the tokenizer has token {largest}, the model only {rows} tokens")
    try:
        add_fused_lm_head(model, outputs=("log_probs", "entropy") if with_entropy else ("log_probs",))
    except (PrefcoreError, TypeError) as error:
        raise Stop(Code.INPUT, f"{option}: {error}") from None

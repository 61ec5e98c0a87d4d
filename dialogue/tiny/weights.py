"""Finds the weights of a small language model, converts them once, and loads them."""

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from agent.errors import SpecError
from dialogue.tiny.model import TransformerModel
from policies.smollm2 import package_file

HUB = "hub:"


def load_model(address: str, *, adapter: Path | None = None, half: bool = False) -> TransformerModel:
    """Return `smollm2`, a folder in transformers' layout, or `hub:organisation/name`, ready to answer.

    adapter: a folder that peft wrote; it is merged into the weights. Raises SpecError when there is no such model.
    """
    model, tokenizer = load_parts(address, half=half)
    name = address
    if adapter is not None:
        model = merge_adapter(model, adapter)
        name = f"{address}+{adapter.name}"
    return TransformerModel(model, tokenizer, name=name)


def load_parts(address: str, *, half: bool) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Return the bare network, in bfloat16 if `half`, and its tokenizer. Raises SpecError when there is none."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    dtype = torch.bfloat16 if half else torch.float32
    local = not address.startswith(HUB)
    where = str(_folder(address)) if local else address.removeprefix(HUB)
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, local_files_only=local)
        model = AutoModelForCausalLM.from_pretrained(where, local_files_only=local, dtype=dtype)
    except (OSError, ValueError, SafetensorError) as error:
        raise SpecError(f"cannot load the language model '{address}': {str(error).splitlines()[0]}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise SpecError(f"'{address}' has no fast tokenizer, which constrained decoding needs")
    model.train(False)
    return model, tokenizer


def merge_adapter(model: PreTrainedModel, adapter: Path) -> PreTrainedModel:
    """Return `model` with the LoRA weights in the folder `adapter` added in. Raises SpecError when they do not fit."""
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            # peft asks transformers by a name that is being replaced, which is of no use to whoever talks to a robot.
            warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
            return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().eval()  # type: ignore[no-any-return]
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise SpecError(f"cannot use the adapter in {adapter}: {str(error).splitlines()[0]}") from error


def cache_folder() -> Path:
    """Return where converted weights are kept: $AUBERGINE_CACHE, or `aubergine` in the user's cache."""
    given = os.environ.get("AUBERGINE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(given) if given else Path(base) / "aubergine"


def convert(source: Path, target: Path) -> None:
    """Write the GGUF file `source` as safetensors in half precision, with its tokenizer, into the new folder `target`.

    Takes half a minute. Whoever stops half-way leaves nothing behind that could be taken for a model.
    """
    tokenizer = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
    read = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.float32)
    config = read.config
    if hasattr(config, "quantization_config"):
        # The weights are plain numbers by now, but a model that says it is quantised can neither be cast nor saved.
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float16)  # type: ignore[no-untyped-call]
    model.load_state_dict(read.state_dict())
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=target.name, dir=target.parent))
    try:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        draft.replace(target)
    except OSError:
        # Another process was faster, or the disk is full.
        if not (target / "config.json").exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _folder(address: str) -> Path:
    if address != "smollm2":
        folder = Path(address)
        if not (folder / "config.json").is_file():
            raise SpecError(
                f"no language model '{address}'; there are: smollm2, a folder with config.json, "
                "hub:organisation/name, http://host:port/v1"
            )
        return folder
    source = package_file()
    target = cache_folder() / f"{source.stem}-{source.stat().st_size}"
    if not (target / "config.json").exists():
        convert(source, target)
    return target

"""LoRA adapters (arXiv 2106.09685) through peft: small files that teach a trained network something more.

An adapter is a folder: `adapter.json` (sizes, which layers, the digest of the weights it was made for) and
`adapter.safetensors`. It loads by name onto exactly those weights, and onto no others.
"""

import json
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from agent.errors import SpecError, unknown_name
from agent.settings import from_mapping, to_mapping
from policies.digest import digest_of

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SHOWN = 12
"""Digits of a digest in a sentence."""


@dataclass(frozen=True)
class LoraSettings:
    """rank: of the two matrices added to each layer.  alpha: their product is scaled by alpha / rank.  dropout: of
    their input while training.  targets: Linear layers, by whole name or by its last parts ("self_in"); vision-
    language-action models need ranks near 128 where language models do with 8 (arXiv 2603.07404)."""

    rank: int = 32
    alpha: int = 64
    dropout: float = 0.0
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdapterCard:
    """What adapter.json holds. base: what the weights below were called.  digest: `digest_of` them.  heard: every word
    of the sentences that the adapter was trained on, in small letters."""

    lora: LoraSettings
    base: str
    digest: str
    heard: tuple[str, ...] = ()
    format: int = FORMAT


def add_adapter(model: nn.Module, name: str, lora: LoraSettings) -> int:
    """Put a fresh adapter into `model`, in place, and use it; it changes nothing until it is trained.

    From then on only this adapter asks for gradients. Returns the number of its parameters. Raises SpecError when a
    target names no Linear layer, or the name is not a plain word or is taken.
    """
    _check_name(name)
    if name in getattr(model, "peft_config", {}):
        raise SpecError(f"the model already has an adapter '{name}'")
    layers = "|".join(re.escape(layer) for layer in _matching(model, lora.targets))
    config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=layers)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several stand beside one another here
        inject_adapter_in_model(config, model, adapter_name=name)
    use_adapter(model, name)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def use_adapter(model: nn.Module, name: str | None) -> None:
    """Let the adapter `name` of those in `model` work, or with None the base alone. Raises SpecError without it."""
    known = getattr(model, "peft_config", {})
    if name is not None and name not in known:
        raise unknown_name("adapter on this model", name, known)
    for module in model.modules():
        if isinstance(module, LoraLayer):
            works = name is not None and name in module.lora_A
            module.enable_adapters(works)
            if works:
                module.set_adapter(str(name))


def save_adapter(
    model: nn.Module, name: str, root: Path, *, lora: LoraSettings, base: str, heard: Iterable[str] = ()
) -> Path:
    """Write the adapter `name` of `model` to the folder root/name and return it.

    base: what a person calls the weights below, for error sentences.  heard: as in `AdapterCard`.
    """
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = get_peft_model_state_dict(model, adapter_name=name)
    save_file(
        {key: value.detach().cpu().contiguous() for key, value in tensors.items()}, folder / "adapter.safetensors"
    )
    card = AdapterCard(lora, base, digest_of(model), tuple(sorted(heard)))
    (folder / "adapter.json").write_text(json.dumps(to_mapping(card), indent=2) + "\n", encoding="utf-8")
    return folder


def load_adapter(model: nn.Module, name: str, root: Path, *, base: str) -> AdapterCard:
    """Put the adapter root/name onto `model`, in place, use it, and return its card.

    base: what a person calls the model's weights. Raises SpecError, before anything changes, when there is no such
    adapter (it names those there are), its files are broken, or it was made for other weights.
    """
    _check_name(name)
    folder = root / name
    if not (folder / "adapter.json").is_file():
        raise unknown_name("adapter", name, (file.parent.name for file in root.glob("*/adapter.json")))
    try:
        values = json.loads((folder / "adapter.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "adapter.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise SpecError(f"cannot read the adapter in {folder}: {error}") from error
    card = from_mapping(AdapterCard, values, where=str(folder / "adapter.json"))
    if card.format != FORMAT:
        raise SpecError(f"{folder} has adapter format {card.format}; this version reads {FORMAT}")
    digest = digest_of(model)
    if card.digest != digest:
        raise SpecError(
            f"adapter '{name}' was made for '{card.base}' ({card.digest[:SHOWN]}), "
            f"and does not fit '{base}' ({digest[:SHOWN]})"
        )
    add_adapter(model, name, card.lora)
    expected: dict[str, Tensor] = get_peft_model_state_dict(model, adapter_name=name)
    if {key: value.shape for key, value in tensors.items()} != {key: value.shape for key, value in expected.items()}:
        raise SpecError(f"the weights in {folder} are not those its adapter.json describes")
    set_peft_model_state_dict(model, tensors, adapter_name=name)
    return card


def merge(model: nn.Module) -> None:
    """Work the adapter in use into the layers of `model`, in place: it acts alike, and as fast as without one."""
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, LoraLayer)]
    for name, layer in layers:
        layer.merge()
        model.set_submodule(name, layer.get_base_layer())


def _matching(model: nn.Module, targets: tuple[str, ...]) -> list[str]:
    """Names of the Linear layers that the targets mean."""
    linear = [
        name.removesuffix(".base_layer")
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and ".lora_" not in name
    ]
    for target in targets:
        if not any(_means(target, name) for name in linear):
            raise unknown_name("Linear layer", target, {name.rsplit(".", 1)[-1] for name in linear} | set(linear))
    found = [name for name in linear if any(_means(target, name) for target in targets)]
    if not found:
        raise SpecError(f"an adapter needs target layers; Linear layers are: {', '.join(linear)}")
    return found


def _means(target: str, name: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise SpecError(f"'{name}' cannot name an adapter; letters, digits, - and _ can")

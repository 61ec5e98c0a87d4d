"""OpenVLA's network (2406.09246): two vision transformers, a projector and a Llama, under its published weight names.

Written from the paper and the published configuration, for the libraries installed here. The code on the hub asks for
timm below 1.0 and transformers 4.40 and, forced under newer ones, ignores the picture without a word (openvla/openvla
issue 346).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from accelerate import init_empty_weights
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache

from agent.errors import SpecError


@dataclass(frozen=True)
class PrismaticConfig:
    """The fields of OpenVLA's config.json that shape the network. timm_model_ids, image_sizes: one or two towers.
    text: of the language model, as its own configuration writes them.  padding: vocabulary entries of the language
    model that its tokenizer does not have."""

    timm_model_ids: tuple[str, ...]
    image_sizes: tuple[int, ...]
    text: dict[str, Any]
    padding: int = 64


class Projector(nn.Module):
    """Patch features to the language model's width; three layers for two towers, two for one."""

    def __init__(self, vision: int, width: int, *, fused: bool) -> None:
        super().__init__()
        first = 4 * vision if fused else width
        self.fc1 = nn.Linear(vision, first)
        self.fc2 = nn.Linear(first, width)
        self.fc3 = nn.Linear(width, width) if fused else nn.Identity()
        self.fused = fused

    def forward(self, patches: Tensor) -> Tensor:
        hidden = self.fc2(functional.gelu(self.fc1(patches)))
        projected: Tensor = self.fc3(functional.gelu(hidden)) if self.fused else hidden
        return projected


class VisionBackbone(nn.Module):
    """One or two towers; of each the patches before the last block, side by side."""

    def __init__(self, config: PrismaticConfig) -> None:
        super().__init__()
        # timm's models are typed as plain modules, without what they can do.
        towers: list[Any] = [
            timm.create_model(name, pretrained=False, num_classes=0, img_size=size)
            for name, size in zip(config.timm_model_ids, config.image_sizes, strict=True)
        ]
        self.featurizer = towers[0]
        if len(towers) == 2:
            self.fused_featurizer = towers[1]
        self.embed_dim: int = sum(tower.embed_dim for tower in towers)

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (B, 3 or 6, H, W), three channels a tower -> (B, P, D)."""
        towers: list[Any] = [self.featurizer]
        if hasattr(self, "fused_featurizer"):
            towers.append(self.fused_featurizer)
        parts = torch.split(pictures, 3, dim=1)
        patches = [
            tower.get_intermediate_layers(part, n=[len(tower.blocks) - 2])[0]
            for tower, part in zip(towers, parts, strict=True)
        ]
        return torch.cat(patches, dim=2)


class Prismatic(nn.Module):
    """The whole network. It is made without weights; `load` fills them in."""

    def __init__(self, config: PrismaticConfig) -> None:
        super().__init__()
        text = dict(config.text)
        text_config = AutoConfig.for_model(str(text.pop("model_type", "llama")), **text)
        self.vision_backbone = VisionBackbone(config)
        self.projector = Projector(
            self.vision_backbone.embed_dim, text_config.hidden_size, fused=len(config.timm_model_ids) == 2
        )
        self.language_model: Any = AutoModelForCausalLM.from_config(text_config)  # type: ignore[no-untyped-call]
        self.vocabulary = int(text_config.vocab_size) - config.padding
        """Size of the tokenizer's vocabulary; action ids count down from here."""
        self.positions = int(text_config.max_position_embeddings)

    def prefix(self, pictures: Tensor, ids: Tensor) -> Tensor:
        """pictures (1, C, H, W), ids (1, N) that begin with <s> -> (1, N + P, D): the patches stand behind <s>."""
        words = self.language_model.get_input_embeddings()(ids)
        patches = self.projector(self.vision_backbone(pictures)).to(words.dtype)
        return torch.cat([words[:, :1], patches, words[:, 1:]], dim=1)

    @torch.inference_mode()
    def write(self, prefix: Tensor, count: int, *, first: int, last: int) -> tuple[Tensor, Tensor]:
        """The `count` likeliest ids among first ... last, one after the other -> ids and log-probabilities (count,).

        Ids that are no actions cannot be written; OpenVLA's own decoder clips those to an action instead.
        """
        cache = DynamicCache()
        out = self.language_model(inputs_embeds=prefix, past_key_values=cache, use_cache=True)
        ids, scores = [], []
        for number in range(count):
            chosen, score = _pick(out.logits[0, -1], first, last)
            ids.append(chosen)
            scores.append(score)
            if number < count - 1:
                out = self.language_model(input_ids=chosen.view(1, 1), past_key_values=cache, use_cache=True)
        return torch.stack(ids), torch.stack(scores)

    @torch.inference_mode()
    def write_slowly(self, prefix: Tensor, count: int, *, first: int, last: int) -> Tensor:
        """The ids of `write`, without a cache: every step reads everything again."""
        embed = self.language_model.get_input_embeddings()
        ids: list[Tensor] = []
        for _ in range(count):
            behind = [embed(chosen.view(1, 1)) for chosen in ids]
            logits = self.language_model(inputs_embeds=torch.cat([prefix, *behind], dim=1), use_cache=False).logits
            ids.append(_pick(logits[0, -1], first, last)[0])
        return torch.stack(ids)


def _pick(logits: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
    """The likeliest id of first ... last, and its log-probability among those."""
    scores = functional.log_softmax(logits[first : last + 1].float(), dim=0)
    place = scores.argmax()
    return place + first, scores[place]


def read_config(path: Path) -> tuple[PrismaticConfig, dict[str, Any]]:
    """OpenVLA's config.json: what shapes the network, and its `norm_stats` ({} without them)."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        config = PrismaticConfig(
            timm_model_ids=tuple(str(name) for name in read["timm_model_ids"]),
            image_sizes=tuple(int(size) for size in read["image_sizes"]),
            text=dict(read["text_config"]),
            padding=int(read.get("pad_to_multiple_of", 64)),
        )
        bins = int(read.get("n_action_bins", 256))
        kind = read.get("model_type")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(f"{path} is not OpenVLA's config.json: {error!r}") from error
    if kind != "openvla":
        raise SpecError(f"{path}: 'model_type' is {kind!r}, expected 'openvla'")
    if bins != 256 or not 1 <= len(config.timm_model_ids) == len(config.image_sizes) <= 2:
        raise SpecError(f"{path}: expected 256 action bins and one or two image towers with a size each")
    return config, dict(read.get("norm_stats") or {})


def load(folder: Path, config: PrismaticConfig, *, dtype: torch.dtype) -> Prismatic:
    """Build the network with the weights of `folder`, without making random ones first.

    SpecError names a weight that is missing, unknown or of another shape.
    """
    with init_empty_weights(include_buffers=False):
        model = Prismatic(config)
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found: dict[str, Tensor] = {}
    for path in _weight_files(folder):
        try:
            with safe_open(str(path), framework="pt") as file:
                for name in file.keys():  # noqa: SIM118
                    # Published towers call timm's LayerScale weight `scale_factor`.
                    found[name.replace(".scale_factor", ".gamma")] = file.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise SpecError(f"{path} is missing or not a complete safetensors file: {error}") from error
    for name in wanted:
        if name not in found:
            raise SpecError(f"{folder} lacks the weight '{name}'")
        if tuple(found[name].shape) != wanted[name]:
            raise SpecError(f"{folder}: '{name}' has shape {tuple(found[name].shape)}, not {wanted[name]}")
    # Rotary tables (`inv_freq`) are computed, not learned; old checkpoints store them all the same.
    unknown = sorted(name for name in found if name not in wanted and not name.endswith("inv_freq"))
    if unknown:
        raise SpecError(f"{folder} holds a weight that OpenVLA does not have: '{unknown[0]}'")
    ready = {name: value.to(dtype) if value.is_floating_point() else value for name, value in found.items()}
    model.load_state_dict({name: ready[name] for name in wanted}, assign=True)
    return model.eval()


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise SpecError(f"{index} is not an index of weights: {error!r}") from error
    return sorted(folder / str(name) for name in names)

"""Folders as the hub has them, with random weights and the smallest sizes that the published classes allow."""

import json
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = ("put", "the", "cup", "in", "on", "bowl", "red", "cube", "apple", "eggplant", "in:", "out:", "robot")
SIDE = 28


def words_tokenizer() -> PreTrainedTokenizerFast:
    special = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3}
    words = special | {word: number for number, word in enumerate(WORDS, start=len(special))}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    from tokenizers.processors import TemplateProcessing

    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


def write_pi0(folder: Path, *, state: int = 14, chunk: int = 4, statistics: bool = True) -> None:
    """π0 with one-layer parts: PI0ForConditionalGeneration and PI0Processor, saved by themselves."""
    from transformers import PI0Config, PI0ForConditionalGeneration, PI0Processor
    from transformers.models.pi0.image_processing_pi0 import PI0ImageProcessor

    pictures = PI0ImageProcessor(
        size={"max_height": SIDE, "max_width": SIDE}, pad_size={"height": SIDE, "width": SIDE}, image_seq_length=4
    )
    tokenizer = words_tokenizer()
    moments: dict[str, list[float]] = {}
    if statistics:
        moments = {"state_mean": [0.0] * state, "state_std": [1.0] * state}
        moments |= {"actions_mean": [0.0] * 6 + [0.5], "actions_std": [0.02] * 3 + [0.1] * 3 + [0.5]}
    processor = PI0Processor(pictures, tokenizer, max_state_dim=16, chunk_size=chunk, **moments)
    text = {
        "model_type": "gemma",
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "vocab_size": len(tokenizer) + 8,
    }
    eye = {
        "model_type": "siglip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "patch_size": 14,
        "image_size": SIDE,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vision_use_head": False,
    }
    seeing = {"model_type": "paligemma", "text_config": text, "vision_config": eye, "projection_dim": 32}
    config = PI0Config(
        vlm_config=seeing | {"image_token_id": processor.image_token_id},
        dit_config=text | {"hidden_size": 24},
        chunk_size=chunk,
        max_state_dim=16,
        max_action_dim=16,
        num_inference_steps=2,
    )
    torch.manual_seed(0)
    PI0ForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)


def action_statistics() -> dict[str, list[float] | list[bool]]:
    low, high = [-0.04] * 3 + [-0.2] * 3 + [0.0], [0.04] * 3 + [0.2] * 3 + [1.0]
    zero, one = [0.0] * 7, [1.0] * 7
    mask = [True] * 6 + [False]
    return {"mean": zero, "std": one, "min": low, "max": high, "q01": low, "q99": high, "mask": mask}


def write_openvla(folder: Path, *, keys: tuple[str, ...] = ("bridge_orig",), positions: int = 64) -> None:
    """OpenVLA's config.json, sharded weights under its published names, and a tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    towers = [timm.create_model("test_vit", pretrained=False, num_classes=0, img_size=32) for _ in range(2)]
    text = LlamaConfig(
        vocab_size=32_064,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=positions,
    )
    vision = 2 * towers[0].embed_dim
    projector = nn.ModuleDict({"fc1": nn.Linear(vision, 4 * vision), "fc2": nn.Linear(4 * vision, 16)})
    projector["fc3"] = nn.Linear(16, 16)
    # As they are made, the weights let so little of the picture through that another one changes no token.
    torch.nn.init.normal_(projector["fc3"].weight, std=3.0)
    parts = {
        "vision_backbone.featurizer": towers[0],
        "vision_backbone.fused_featurizer": towers[1],
        "projector": projector,
        "language_model": LlamaForCausalLM(text),
    }
    where: dict[str, str] = {}
    for number, (prefix, part) in enumerate(parts.items()):
        shard = f"model-0000{number + 1}-of-00004.safetensors"
        weights = {
            # Published LayerScale weights are called scale_factor.
            f"{prefix}.{name}".replace(".gamma", ".scale_factor"): value.detach().clone().contiguous()
            for name, value in part.state_dict().items()
        }
        save_file(weights, folder / shard)
        where |= dict.fromkeys(weights, shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    config = {
        "model_type": "openvla",
        "architectures": ["OpenVLAForActionPrediction"],
        "timm_model_ids": ["test_vit", "test_vit"],
        "image_sizes": [32, 32],
        "n_action_bins": 256,
        "pad_to_multiple_of": 64,
        "use_fused_vision_backbone": True,
        "text_config": text.to_diff_dict() | {"model_type": "llama"},
        "norm_stats": {key: {"action": action_statistics(), "num_transitions": 1} for key in keys},
    }
    (folder / "config.json").write_text(json.dumps(config))
    words_tokenizer().save_pretrained(folder)


def noise_picture(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)

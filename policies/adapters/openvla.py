"""OpenVLA (2406.09246) from its published weights: one picture and a sentence in, one action of seven numbers out."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from agent.errors import SpecError
from agent.types import ActionChunk, Embodiment, Explanation, FloatArray, ImageArray, Observation
from policies.adapters.prismatic import load, read_config
from policies.adapters.published import ACTION_NAMES, Convention, our_actions, pictures_of, read_convention, worn_by
from policies.codec import EDGES, Bins
from policies.explain import explain_actions
from policies.openvla_codec import tokens_of
from policies.schedule import pick_device
from policies.stats import Statistics, load_statistics, statistics_from

BRIDGE = Convention(cameras=("front",), rotation="euler", execute=1)
"""BridgeData V2: turns are Euler angles, 1 is open, 5 Hz."""
BLANK = 29_871
"""Llama's token for a lone space; in training it always stood between the prompt and the first action."""
PROMPT = "In: What action should the robot take to {}?\nOut:"
USUAL_MEANS = ((0.485, 0.456, 0.406), (0.5, 0.5, 0.5))
USUAL_STDS = ((0.229, 0.224, 0.225), (0.5, 0.5, 0.5))
"""Of DINOv2's and SigLIP's pictures, for a folder without preprocessor_config.json."""


class OpenVlaPolicy:
    """A Policy that decodes greedily, so `reset` has nothing to draw."""

    def __init__(self, folder: Path, body: Embodiment, *, key: str | None = None) -> None:
        """key: a data set of the checkpoint's statistics (`unnorm_key`), None for the only one. SpecError when files,
        weights or statistics are missing or do not fit, naming the keys there are."""
        from transformers import AutoTokenizer

        config, stored = read_config(folder / "config.json")
        self.convention = read_convention(folder, BRIDGE)
        self.statistics = _statistics(folder, stored, key)
        if len(self.statistics.vector("action").mean) != len(ACTION_NAMES):
            raise SpecError(f"the statistics '{self.statistics.dataset}' are not for {len(ACTION_NAMES)} action values")
        if len(self.convention.cameras) != 1:
            raise SpecError(f"OpenVLA looks through one camera, not through {', '.join(self.convention.cameras)}")
        self.sizes = config.image_sizes
        self._embodiment = worn_by(body, self.convention, height=max(self.sizes), width=max(self.sizes))
        self.means, self.stds = _colours(folder / "preprocessor_config.json", len(self.sizes))
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SpecError(f"{folder} holds no tokenizer: {error}") from error
        self.device = pick_device()
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.model = load(folder, config, dtype=dtype).to(self.device)
        self.bins = Bins()
        self.last: Explanation | None = None

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    @property
    def execute(self) -> int:
        return 1

    def reset(self, *, seed: int) -> None:
        """Forget the last look; there is nothing to draw."""
        self.last = None

    def act(self, observation: Observation) -> ActionChunk:
        """Return one action row (1, 7). SpecError when picture or instruction do not fit."""
        prefix = self.prefix(observation)
        last = self.model.vocabulary - 1
        ids, scores = self.model.write(prefix, len(ACTION_NAMES), first=last - EDGES + 1, last=last)
        actions = our_actions(self.decode(ids), self.convention, self.embodiment)
        chances = scores.exp().cpu().numpy()[None]
        self.last = explain_actions(observation, actions, self.embodiment, probabilities=chances)
        return ActionChunk(actions)

    def explain(self) -> Explanation | None:
        """The probability of each token among those that are actions, and the planned path."""
        return self.last

    @torch.inference_mode()
    def prefix(self, observation: Observation) -> Tensor:
        """What the language model reads before it writes: (1, N + P, D)."""
        (picture,) = pictures_of(observation, self.embodiment.cameras)
        ids = list(self.tokenizer(PROMPT.format(observation.instruction.lower()))["input_ids"])
        ids = ids if ids[-1] == BLANK else [*ids, BLANK]
        dtype = self.model.projector.fc1.weight.dtype
        prefix = self.model.prefix(self.pixels(picture).to(self.device, dtype), torch.tensor([ids], device=self.device))
        room = self.model.positions - len(ACTION_NAMES)
        if prefix.shape[1] > room:
            longest = room - (prefix.shape[1] - len(ids))
            raise SpecError(f"the instruction's prompt takes {len(ids)} tokens; this OpenVLA takes at most {longest}")
        return prefix

    def pixels(self, picture: ImageArray) -> Tensor:
        """uint8 (H, W, 3) -> (1, 3 a tower, S, S), each tower with its own size and colours."""
        parts = []
        for size, mean, std in zip(self.sizes, self.means, self.stds, strict=True):
            resized = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))
            parts.append((resized.astype(np.float32) / 255 - np.asarray(mean)) / np.asarray(std))
        return torch.from_numpy(np.concatenate(parts, axis=2).astype(np.float32)).permute(2, 0, 1)[None]

    def decode(self, ids: Tensor) -> FloatArray:
        """Action ids (7,) -> (1, 7) in the data set's units."""
        tokens = tokens_of(ids.cpu().numpy(), vocabulary=self.model.vocabulary)
        unit = self.bins.decode(np.minimum(tokens, Bins.count - 1))
        return self.statistics.denormalize("action", unit[None])


def _statistics(folder: Path, stored: dict[str, object], key: str | None) -> Statistics:
    """dataset_statistics.json (fine-tuned checkpoints have it) before config.json's `norm_stats`."""
    path = folder / "dataset_statistics.json"
    if path.exists():
        return load_statistics(path, dataset=key)
    return statistics_from(stored, f"{folder / 'config.json'}: norm_stats", dataset=key)


def _colours(path: Path, towers: int) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    means, stds = [tuple(m) for m in USUAL_MEANS[:towers]], [tuple(s) for s in USUAL_STDS[:towers]]
    if path.exists():
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
            means = [tuple(float(v) for v in row) for row in read.get("means", means)]
            stds = [tuple(float(v) for v in row) for row in read.get("stds", stds)]
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise SpecError(f"{path} is not a readable description of the pictures: {error!r}") from error
    if len(means) != towers or len(stds) != towers or any(len(row) != 3 for row in (*means, *stds)):
        raise SpecError(f"{path}: expected means and stds of three colours for each of {towers} towers")
    return means, stds

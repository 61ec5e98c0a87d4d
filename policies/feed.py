"""What every kind of training reads alike: a frame store, opened and measured, and lessons made of its frames."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from agent.errors import SpecError
from agent.types import Embodiment
from policies.backbone import Inputs
from policies.codec import make_codec
from policies.data import FrameStore
from policies.lessons import DECOYS, Labels
from policies.model import ModelConfig
from policies.samples import Assembler, Augmentation, Prefetch, Samples, augment, batch_order
from policies.stats import Statistics, measure
from policies.text import PackedText, make_text_encoder


def open_store(path: Path, embodiment: Embodiment) -> FrameStore:
    """Read the frame store at `path`, say which parts were left out; SpecError when its cameras are others."""
    store = FrameStore(path)
    for problem in store.skipped:
        tqdm.write(f"skipped: {problem}")
    if store.skipped:
        read, left_out = len(store.parts), len(store.skipped)
        tqdm.write(f"skipped {left_out} of {read + left_out} parts of {path}; training on the others")
    if store.cameras != embodiment.cameras:
        raise SpecError(f"{path} holds pictures of {store.cameras}, the embodiment has {embodiment.cameras}")
    return store


def measured(store: FrameStore, embodiment: Embodiment, dataset: str) -> Statistics:
    """Over the expert's rows for actions, all rows for states; the gripper is passed through."""
    by_expert = store.action[store.by_expert]
    scaled = tuple(name != "gripper" for name in embodiment.action.names)
    if len(by_expert) == 0:
        raise SpecError("the store holds no action of the expert's, so there is nothing to imitate")
    vectors = {"action": measure(by_expert, mask=scaled), "state": measure(store.state)}
    return Statistics(dataset, vectors, frames=len(store), episodes=int(store.episode.max()) + 1)


@dataclass(eq=False)
class Lesson:
    """What `VLAModel.forward` reads. noise (B, M + DECOYS, 2) in [-1, 1]."""

    inputs: Inputs
    labels: Labels
    noise: Tensor

    def __len__(self) -> int:
        return len(self.noise)

    def pieces(self, count: int) -> "list[Lesson]":
        """As many parts of as equal a size as can be, in order; at most one a picture."""
        edges = np.linspace(0, len(self), min(count, len(self)) + 1).astype(int)
        return [_rows(self, slice(start, end)) for start, end in pairwise(edges)]


class Feed:
    """The lessons of one store, in the words, units and tokens of one model."""

    def __init__(
        self, store: FrameStore, path: Path, statistics: Statistics, config: ModelConfig, *, device: torch.device
    ) -> None:
        """path: of the store; sentences are kept encoded beside it."""
        self.store, self.statistics, self.config, self.device = store, statistics, config, device
        kept = path.with_name(f"{path.name}-words") / re.sub(r"[^\w.-]", "_", config.text_encoder)
        self._words = PackedText(make_text_encoder(config.text_encoder), store.instructions, kept=kept)

    def samples(self, held_out: float, *, binary_weight: float = 1.0) -> Samples:
        """The frames and their chunks; both numbers as `Samples` takes them."""
        codec = make_codec(self.config.codec)
        return Samples(self.store, self.statistics, codec, held_out=held_out, binary_weight=binary_weight)

    def assembler(self, samples: Samples) -> Assembler:
        return Assembler(samples, self._words, self.config.backbone.position_in_state, self.device)


def batches(samples: Samples, *, seed: int, size: int, start: int) -> Prefetch:
    """Endless batches of the frames to train on, from step `start` on, read ahead by a thread."""
    count = len(samples.training)
    order: Iterator[NDArray[np.int64]] = batch_order(seed, count, min(size, count), start=start)
    return Prefetch((samples.training[chosen] for chosen in order), samples.read)


def changed(inputs: Inputs, labels: Labels, changes: Augmentation, generator: torch.Generator) -> Lesson:
    """Change `inputs` in place as `changes` says, and draw what else a lesson needs, all from `generator`."""
    augment(inputs, changes, generator)
    return Lesson(inputs, labels, region_noise(labels.entities, generator))


def region_noise(entities: Tensor, generator: torch.Generator) -> Tensor:
    """(B, M + DECOYS, 2) in [-1, 1], see `VLAModel.forward`."""
    count, most, _ = entities.shape
    return (torch.rand(count, most + DECOYS, 2, generator=generator) * 2 - 1).to(entities.device)


def _rows(value: Any, rows: slice) -> Any:
    """Rows of every tensor in a dataclass, in those inside it and in tuples."""
    if isinstance(value, Tensor):
        return value[rows]
    if isinstance(value, tuple):
        return type(value)(_rows(part, rows) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(*(_rows(getattr(value, entry.name), rows) for entry in fields(value)))
    return value

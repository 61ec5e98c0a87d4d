"""From a frame store to batches of tensors: what a training step reads, in an order that a seed fixes."""

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agent.notes import QUESTION_COLUMNS
from agent.types import FloatArray
from policies.backbone import Inputs
from policies.backgrounds import Backgrounds, repaint
from policies.codec import ActionCodec
from policies.data import Batch, FrameStore
from policies.lessons import Labels
from policies.stats import Statistics
from policies.text import PackedText

AIM_COLUMNS = [
    QUESTION_COLUMNS.index(f"{end}_{axis}") for end, axis in itertools.product(("start", "end"), ("x", "y", "z"))
]


@dataclass(frozen=True)
class Augmentation:
    """Random changes of what the policy sees. brightness: largest relative gain and offset shared by the colours;
    colour: largest relative gain of one colour alone (small: colours are named in instructions); state_noise: standard
    deviation on the normalised state; state_dropout: chance that the state is hidden, against copying it.
    aimed_noise: largest standard deviation on the aims of the last look [m], each sample draws its own; aimed_dropout:
    chance that they are forgotten. backgrounds: other tables, walls and things."""

    brightness: float = 0.15
    colour: float = 0.06
    state_noise: float = 0.01
    state_dropout: float = 0.05
    aimed_noise: float = 0.015
    aimed_dropout: float = 0.3
    backgrounds: Backgrounds = field(default_factory=Backgrounds)


LOOK_EVERY = 2
"""Rows between two looks: the aims that a look is reminded of are as old."""


@dataclass(eq=False)
class Written:
    """tokens (B, L): of the expert's chunk.  weights (B, L): how much each counts, 0 where the expert did not act.
    actions (B, T, A): the chunk itself, normalised.  shown (B, T): 1, or 0 at rows where the expert did not act.
    aimed (B, 2, 3): what was to be aimed at one look before [m, base frame], NaN where there was none."""

    tokens: Tensor
    weights: Tensor
    actions: Tensor
    shown: Tensor
    aimed: Tensor


class Samples:
    """Everything about a store that is computed once: the action tokens, and which frames are held out."""

    def __init__(
        self,
        store: FrameStore,
        statistics: Statistics,
        codec: ActionCodec,
        *,
        held_out: float,
        binary_weight: float = 1.0,
    ) -> None:
        """held_out: share of the episodes kept apart. binary_weight: how much a token counts that is no length or
        angle, against one that is."""
        chunks = store.chunks(codec.chunk)
        unit = statistics.normalize("action", store.action)
        dummy = codec.encode(np.zeros((1, codec.chunk, unit.shape[1]), dtype=np.float32))
        self.tokens = np.repeat(dummy, len(store), axis=0).astype(np.int16)
        self.weights = np.zeros(self.tokens.shape, dtype=np.float16)
        self.unit = unit
        self.rows = np.repeat(np.arange(len(store))[:, None], codec.chunk, axis=1)
        self.shown = np.zeros(self.rows.shape, dtype=np.bool_)
        self.rows[chunks.frames], self.shown[chunks.frames] = chunks.rows, ~chunks.pad
        if len(chunks.frames):
            self.tokens[chunks.frames] = codec.encode(unit[chunks.rows])
            self.weights[chunks.frames] = codec.weights(chunks.pad) * np.where(codec.ordinal, 1.0, binary_weight)
        self.store, self.statistics = store, statistics
        hidden = _kept_apart(store.episode, held_out)
        self.training, self.validation = np.flatnonzero(~hidden), np.flatnonzero(hidden)

    def read(self, chosen: NDArray[np.int64]) -> tuple[Batch, Written]:
        """Frames `chosen` (B,) and their chunks."""
        written = Written(
            tokens=torch.from_numpy(self.tokens[chosen].astype(np.int64)),
            weights=torch.from_numpy(self.weights[chosen].astype(np.float32)),
            actions=torch.from_numpy(self.unit[self.rows[chosen]].astype(np.float32)),
            shown=torch.from_numpy(self.shown[chosen].astype(np.float32)),
            aimed=torch.from_numpy(self._aimed_before(chosen)),
        )
        return self.store.batch(chosen), written

    def _aimed_before(self, chosen: NDArray[np.int64]) -> FloatArray:
        before = np.maximum(chosen - LOOK_EVERY, 0)
        same = (self.store.episode[before] == self.store.episode[chosen]) & (chosen >= LOOK_EVERY)
        aims = self.store.questions[before, 0][:, AIM_COLUMNS].reshape(-1, 2, 3)
        return np.where(same[:, None, None], aims, np.float32(np.nan))


def _kept_apart(episodes: NDArray[np.int32], share: float) -> NDArray[np.bool_]:
    """True for about `share` of the episodes, the same ones however much the store grows behind them."""
    scrambled = (episodes.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)
    return scrambled < np.uint64(share * 2**32)


def batch_order(seed: int, count: int, size: int, *, start: int) -> Iterator[NDArray[np.int64]]:
    """Endless batches of indices below `count`, from step `start` on: a fresh permutation each time round."""
    if count == 0:
        return
    per_epoch = max(1, count // size)
    step = start
    while True:
        epoch, first = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(count)
        for number in range(first, per_epoch):
            yield order[number * size : (number + 1) * size]
            step += 1


class Prefetch:
    """Runs `read` in one thread, a few results ahead, so that reading overlaps with computing."""

    def __init__(self, chosen: Iterator[NDArray[np.int64]], read: Callable[[NDArray[np.int64]], tuple[Batch, Written]]):
        self._ready: queue.Queue[tuple[Batch, Written] | BaseException] = queue.Queue(maxsize=4)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(chosen, read), daemon=True)
        self._thread.start()

    def next(self) -> tuple[Batch, Written]:
        """The next batch; an error of the reading thread is raised here."""
        ready = self._ready.get()
        if isinstance(ready, BaseException):
            raise ready
        return ready

    def close(self) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.05)
            except queue.Empty:
                continue

    def _work(
        self, chosen: Iterator[NDArray[np.int64]], read: Callable[[NDArray[np.int64]], tuple[Batch, Written]]
    ) -> None:
        try:
            for indices in chosen:
                if self._stopped.is_set():
                    return
                self._ready.put(read(indices))
        except (OSError, ValueError, IndexError) as error:
            self._ready.put(error)


class Assembler:
    """Turns a batch into the model's inputs and labels, on its device, without augmentation."""

    def __init__(self, samples: Samples, words: PackedText, position: tuple[int, int, int], device: torch.device):
        self.statistics, self.words, self.position, self.device = samples.statistics, words, list(position), device

    def __call__(self, batch: Batch, written: Written) -> tuple[Inputs, Labels]:
        state = torch.from_numpy(self.statistics.normalize("state", batch.state))
        text, mask = self.words.padded(torch.from_numpy(batch.instruction))
        text, mask = text.to(self.device), mask.to(self.device)
        inputs = Inputs(
            pictures=tuple(as_pictures(p, self.device) for p in batch.images.values()),
            state=state.to(self.device),
            tool_position=torch.from_numpy(batch.state[:, self.position]).to(self.device),
            text=text[:, 0],
            text_mask=mask[:, 0],
            aimed=written.aimed.to(self.device),
        )
        labels = Labels(
            entities=torch.from_numpy(batch.entities).to(self.device),
            questions=torch.from_numpy(batch.questions).to(self.device),
            text=text,
            text_mask=mask,
            tokens=written.tokens.to(self.device),
            weights=written.weights.to(self.device),
            actions=written.actions.to(self.device),
            shown=written.shown.to(self.device),
        )
        return inputs, labels


def as_pictures(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in [-1, 1]; stays channels-last in memory, which costs nothing."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().mul_(2 / 255).sub_(1)


def augment(inputs: Inputs, changes: Augmentation, generator: torch.Generator) -> None:
    """Change `inputs` in place as `changes` says; the draws come from `generator` (on the CPU)."""

    def draw(*shape: int) -> Tensor:
        return (torch.rand(*shape, generator=generator) * 2 - 1).to(inputs.state.device)

    count = len(inputs.state)
    pictures = []
    for picture in repaint(inputs.pictures, changes.backgrounds, generator):
        gain = (1 + changes.brightness * draw(count, 1, 1, 1)) * (1 + changes.colour * draw(count, 3, 1, 1))
        pictures.append(torch.addcmul(changes.brightness * draw(count, 1, 1, 1), picture, gain))
    inputs.pictures = tuple(pictures)
    noise = torch.randn(inputs.state.shape, generator=generator).to(inputs.state.device)
    kept = (torch.rand(count, 1, generator=generator) >= changes.state_dropout).to(inputs.state.device)
    inputs.state = (inputs.state + changes.state_noise * noise) * kept
    spread = changes.aimed_noise * torch.rand(count, 1, 1, generator=generator)
    wrong = (spread * torch.randn(inputs.aimed.shape, generator=generator)).to(inputs.state.device)
    forgotten = (torch.rand(count, 1, 1, generator=generator) < changes.aimed_dropout).to(inputs.state.device)
    inputs.aimed = (inputs.aimed + wrong).masked_fill(forgotten, float("nan"))

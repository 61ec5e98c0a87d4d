"""From a frame store to batches of tensors: what a training step reads, in an order that a seed fixes."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.backbone import Inputs
from policies.codec import ActionCodec
from policies.data import Batch, FrameStore
from policies.model import Labels, Pinhole
from policies.stats import Statistics
from policies.text import TextTable


@dataclass(frozen=True)
class Augmentation:
    """Random changes of what the policy sees. brightness: largest relative gain and offset shared by the colours;
    colour: largest relative gain of one colour alone (small: colours are named in instructions); shift_pixels: largest
    move of each picture (aims in the picture move along; aims in metres do not, so keep it at 0 to 1); state_noise:
    standard deviation on the normalised state; state_dropout: chance that the state is hidden, against copying it."""

    brightness: float = 0.15
    colour: float = 0.06
    shift_pixels: int = 0
    state_noise: float = 0.01
    state_dropout: float = 0.1


class Samples:
    """Everything about a store that is computed once: which frames, their tokens, and which are held out."""

    def __init__(
        self, store: FrameStore, statistics: Statistics, codec: ActionCodec, *, camera: Pinhole | None, held_out: float
    ) -> None:
        chunks = store.chunks(codec.chunk)
        pointed = store.pointed()
        unit = statistics.normalize("action", store.action)
        dummy = codec.encode(np.zeros((1, codec.chunk, unit.shape[1]), dtype=np.float32))
        written = codec.encode(unit[chunks.rows]) if len(chunks.frames) else dummy[:0]
        self.frames = np.concatenate([chunks.frames, pointed])
        self.tokens = np.concatenate([written, np.repeat(dummy, len(pointed), axis=0)]).astype(np.int16)
        silent = np.zeros((len(pointed), self.tokens.shape[1]), dtype=np.float32)
        self.weights = np.concatenate([codec.weights(chunks.pad), silent]).astype(np.float16)
        self.store, self.statistics, self.camera = store, statistics, camera
        hidden = _kept_apart(store.episode[self.frames], held_out)
        self.training, self.validation = np.flatnonzero(~hidden), np.flatnonzero(hidden)

    def read(self, chosen: NDArray[np.int64]) -> tuple[Batch, Labels]:
        """Frames and labels of samples `chosen` (B,)."""
        batch = self.store.batch(self.frames[chosen])
        aims = batch.aims.reshape(len(chosen), 2, 3)
        cells = np.full((len(chosen), 2, 2), np.nan, dtype=np.float32)
        if self.camera is not None:
            cells = self.camera.project(aims)
        labels = Labels(
            tokens=torch.from_numpy(self.tokens[chosen].astype(np.int64)),
            weights=torch.from_numpy(self.weights[chosen].astype(np.float32)),
            aims=torch.from_numpy(aims),
            cells=torch.from_numpy(cells),
        )
        return batch, labels


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

    def __init__(self, chosen: Iterator[NDArray[np.int64]], read: Callable[[NDArray[np.int64]], tuple[Batch, Labels]]):
        self._ready: queue.Queue[tuple[Batch, Labels] | BaseException] = queue.Queue(maxsize=4)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(chosen, read), daemon=True)
        self._thread.start()

    def next(self) -> tuple[Batch, Labels]:
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
        self, chosen: Iterator[NDArray[np.int64]], read: Callable[[NDArray[np.int64]], tuple[Batch, Labels]]
    ) -> None:
        try:
            for indices in chosen:
                if self._stopped.is_set():
                    return
                self._ready.put(read(indices))
        except (OSError, ValueError, IndexError) as error:
            self._ready.put(error)


class Assembler:
    """Turns a batch into the model's inputs, on its device, with or without augmentation."""

    def __init__(self, samples: Samples, table: TextTable, position: tuple[int, int, int], device: torch.device):
        self.statistics, self.position, self.device = samples.statistics, list(position), device
        words, mask = table.padded(samples.store.instructions, dtype=torch.float16)
        self.words, self.mask = words.to(device), mask.to(device)

    def inputs(self, batch: Batch) -> Inputs:
        state = torch.from_numpy(self.statistics.normalize("state", batch.state))
        instruction = torch.from_numpy(batch.instruction).to(self.device)
        return Inputs(
            pictures=tuple(as_pictures(p, self.device) for p in batch.images.values()),
            state=state.to(self.device),
            tool_position=torch.from_numpy(batch.state[:, self.position]).to(self.device),
            text=self.words[instruction].float(),
            text_mask=self.mask[instruction],
        )


def as_pictures(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in [-1, 1]; stays channels-last in memory, which costs nothing."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float().mul_(2 / 255).sub_(1)


def augment(inputs: Inputs, labels: Labels, changes: Augmentation, generator: torch.Generator) -> None:
    """Change `inputs` and `labels` in place as `changes` says; the draws come from `generator` (on the CPU)."""

    def draw(*shape: int) -> Tensor:
        return (torch.rand(*shape, generator=generator) * 2 - 1).to(inputs.state.device)

    count = len(inputs.state)
    moved = []
    for number, picture in enumerate(inputs.pictures):
        gain = (1 + changes.brightness * draw(count, 1, 1, 1)) * (1 + changes.colour * draw(count, 3, 1, 1))
        picture = torch.addcmul(changes.brightness * draw(count, 1, 1, 1), picture, gain)
        if changes.shift_pixels:
            reach = changes.shift_pixels
            shift = torch.randint(-reach, reach + 1, (count, 2), generator=generator).to(picture.device)
            picture = shifted(picture, shift)
            if number == 0:
                size = shift.new_tensor([picture.shape[3], picture.shape[2]])
                labels.cells = labels.cells + (2 * shift / size)[:, None]
        moved.append(picture)
    inputs.pictures = tuple(moved)
    noise = torch.randn(inputs.state.shape, generator=generator).to(inputs.state.device)
    kept = (torch.rand(count, 1, generator=generator) >= changes.state_dropout).to(inputs.state.device)
    inputs.state = (inputs.state + changes.state_noise * noise) * kept


def shifted(pictures: Tensor, shift: Tensor) -> Tensor:
    """Move each picture of (B, C, H, W) by shift (B, 2) whole pixels right and down; edges repeat."""
    count, _, height, width = pictures.shape
    device = pictures.device
    rows = (torch.arange(height, device=device) - shift[:, 1:]).clamp(0, height - 1)
    columns = (torch.arange(width, device=device) - shift[:, :1]).clamp(0, width - 1)
    which = torch.arange(count, device=device)[:, None, None]
    return pictures.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

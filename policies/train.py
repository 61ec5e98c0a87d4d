"""Training: a frame store in, a checkpoint folder out. Resumes exactly; Ctrl-C saves and stops cleanly."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from agent.errors import SpecError, unknown_name
from agent.settings import from_mapping, to_mapping
from agent.types import Embodiment
from policies.checkpoint import Golden, Provenance, load_checkpoint, save_checkpoint
from policies.feed import Feed, Lesson, batches, changed, measured, open_store, region_noise
from policies.instruction import words_of
from policies.interrupt import Stop, interruptible
from policies.model import Losses, LossWeights, ModelConfig, VLAModel, fitted
from policies.norms import settle_norms, training_mode
from policies.samples import Augmentation, Prefetch
from policies.schedule import generator_of, make_optimizer, warm_cosine
from policies.spread import Spread, in_processes, processes_for
from policies.text import make_text_encoder
from policies.training_state import Average, load_state, save_state

NORMS = ("batch", "kept")
FREE = ("report_every", "save_every", "threads", "device", "processes")
"""Settings that may change between a run and its continuation."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    steps: optimizer steps in all.  batch: samples a step.  accumulate: parts that a step's batch is worked in, one
    after the other, where all of it does not fit in memory.  learning_rate: the peak, after warmup steps, before a
    cosine down to a twentieth.  average_decay: of the exponential moving average that is shipped.  clip: largest norm
    of the gradient.  binary_weight: how much the gripper's tokens count: few frames decide when to let go.  norms:
    `batch` normalises by what a part of a batch holds, `kept` by the running statistics that the model has.  held_out:
    share of episodes that is never trained on, for the validation numbers.  report_every: steps between lines in the
    log, save_every: between saved states.  threads: CPU threads, 0 leaves torch's choice.  device: `auto` takes a GPU
    when there is one.  processes: that share a step's batch, 0: one a GPU.  bfloat16: mixed precision; only worth it
    on GPUs.

    Parts are weighed alike, whether one process or several work them. Their gradient is that of the whole batch where
    they hold equally much to learn from and norms are kept; otherwise it differs as that of other batches would.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    steps: int = 20_000
    batch: int = 256
    accumulate: int = 1
    learning_rate: float = 1e-3
    warmup: int = 300
    weight_decay: float = 0.02
    average_decay: float = 0.999
    clip: float = 1.0
    binary_weight: float = 3.0
    norms: str = "batch"
    loss: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    held_out: float = 0.02
    report_every: int = 100
    save_every: int = 2000
    threads: int = 0
    device: str = "auto"
    processes: int = 0
    bfloat16: bool = False
    dataset: str = "aubergine"

    def __post_init__(self) -> None:
        if self.norms not in NORMS:
            raise unknown_name("way to treat norms", self.norms, NORMS)
        if self.accumulate < 1:
            raise ValueError(f"a batch is worked in 1 part or more, got accumulate {self.accumulate}")

    def rate(self, step: int) -> float:
        """The learning rate of optimizer step `step`, counted from 0."""
        return warm_cosine(step, peak=self.learning_rate, warmup=self.warmup, steps=self.steps)


@dataclass(frozen=True)
class Training:
    """What came of it. checkpoint: the folder. finished: False when it was interrupted; call again with resume.
    skipped: parts of the store that could not be read and were left out."""

    checkpoint: Path
    steps: int
    finished: bool
    samples_per_second: float
    skipped: int = 0


def train(
    config: TrainConfig,
    store_path: Path,
    out_dir: Path,
    *,
    embodiment: Embodiment,
    resume: bool = False,
    init_from: Path | None = None,
) -> Training:
    """Train a policy for `embodiment` on the frames under `store_path`; write out_dir/checkpoint.

    resume: go on from out_dir/state.safetensors.  init_from: a checkpoint folder to start from; its statistics and
    codec are kept, so that tokens go on meaning the same (DAgger rounds on a grown store).
    Raises SpecError when the store, the state or the checkpoint does not fit.
    """
    count = processes_for(config.processes, config.device)
    if count > 1:
        return in_processes(count, _train, config, store_path, out_dir, embodiment, resume, init_from)
    return _train(config, store_path, out_dir, embodiment, resume, init_from)


def _train(
    config: TrainConfig, store: Path, out: Path, embodiment: Embodiment, resume: bool, init_from: Path | None
) -> Training:
    """What each process does."""
    run = _Run(config, store, out, embodiment, init_from)
    if resume:
        run.resume()
    elif run.state_path.exists():
        raise SpecError(f"{out} already holds a training run; resume it or choose another folder")
    with interruptible() as stop:
        return run.work(stop)


class _Run:
    """One call of `train`: everything that lives as long as it."""

    def __init__(
        self, config: TrainConfig, store: Path, out: Path, embodiment: Embodiment, init_from: Path | None
    ) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        self.out, self.embodiment = out, embodiment
        self.state_path = out / "state.safetensors"
        self.spread = Spread.over(config.device, bfloat16=config.bfloat16)
        self.store = open_store(store, embodiment)
        torch.manual_seed(config.seed)  # the initial weights; every later draw has its own generator
        self.heard = words_of(*self.store.instructions)
        if init_from is None:
            self.statistics = measured(self.store, embodiment, config.dataset)
            held = tuple(int(d) for d in np.flatnonzero(self.statistics.vector("action").degenerate))
            text_dim = make_text_encoder(config.model.text_encoder).dim
            self.model_config = fitted(config.model, embodiment, text_dim=text_dim, held=held)
            self.model = VLAModel(self.model_config, embodiment, pretrained=True)
        else:
            started = load_checkpoint(init_from)
            self.statistics, self.model_config, self.model = started.statistics, started.config, started.model
            self.heard |= started.heard
        self.config = replace(config, model=self.model_config)
        self.network = self.spread.network(self.model.to(self.spread.device))
        training_mode(self.model, kept=config.norms == "kept")
        with self.spread.in_turn():
            feed = Feed(self.store, store, self.statistics, self.model_config, device=self.spread.device)
        self.samples = feed.samples(config.held_out, binary_weight=config.binary_weight)
        self.assembler = feed.assembler(self.samples)
        parts, size = config.accumulate * self.spread.count, min(config.batch, len(self.samples.training))
        if size < parts:
            raise SpecError(f"a batch of {size} samples cannot be worked in {parts} parts")
        self.optimizer = make_optimizer(self.model, config.learning_rate, config.weight_decay)
        self.average = Average(self.model, config.average_decay)
        self.step = 0

    def resume(self) -> None:
        if not self.state_path.exists():
            raise SpecError(f"nothing to resume: {self.state_path} does not exist")
        settings = json.dumps(_settings(self.config), sort_keys=True)
        self.step = load_state(
            self.state_path, self.model, self.optimizer, self.average, settings=settings, complete=_grown
        )

    def work(self, stop: Stop) -> Training:
        """Steps until done or told to stop; then saves state and checkpoint."""
        source = batches(self.samples, seed=self.config.seed, size=self.config.batch, start=self.step)
        first, began, quiet = self.step, time.perf_counter(), not self.spread.first
        board = None if quiet else SummaryWriter(str(self.out / "tensorboard"))
        bar = tqdm(total=self.config.steps, initial=first, desc="train", unit="step", dynamic_ncols=True, disable=quiet)
        try:
            while self.step < self.config.steps and not self.spread.anyone(stop.asked):
                losses = self._one_step(source)
                bar.update()
                if board and (self.step % self.config.report_every == 0 or self.step == self.config.steps):
                    rate = (self.step - first) * self.config.batch / (time.perf_counter() - began)
                    self._report(losses, rate, bar, board)
                if self.step % self.config.save_every == 0:
                    self._save_state()
        finally:
            source.close()
            bar.close()
            if board:
                board.close()
        seconds = max(time.perf_counter() - began, 1e-9)
        self._save_state()
        folder = self.out / "checkpoint"
        if self.spread.first:
            self._export(folder, seconds)
        self.spread.wait()
        rate = (self.step - first) * self.config.batch / seconds
        return Training(folder, self.step, self.step >= self.config.steps, rate, len(self.store.skipped))

    def _one_step(self, source: Prefetch) -> Losses:
        inputs, labels = self.assembler(*source.next())
        lesson = changed(inputs, labels, self.config.augmentation, generator_of(self.config.seed, self.step))
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate(self.step)
        self.optimizer.zero_grad()
        pieces = list(enumerate(lesson.pieces(self.config.accumulate * self.spread.count)))
        mine = pieces[self.spread.rank :: self.spread.count]
        for number, piece in mine:
            with self.spread.exchanging(self.network, last=number == mine[-1][0]):
                losses = self._losses(self.network, piece, generator_of(self.config.seed + 1 + number, self.step))
                self.spread.backward(losses.total / len(mine))
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if not torch.isfinite(norm):
            raise SpecError(f"training diverged at step {self.step}: the gradient is not finite; lower learning_rate")
        self.optimizer.step()
        self.average.update(self.step)
        self.step += 1
        return losses

    def _losses(self, network: torch.nn.Module, lesson: Lesson, generator: torch.Generator) -> Losses:
        losses: Losses = network(lesson.inputs, lesson.labels, self.config.loss, lesson.noise, generator)
        return losses

    @torch.no_grad()
    def _validate(self) -> Losses | None:
        """Losses on up to 1024 held-out samples."""
        chosen = self.samples.validation[:: max(1, len(self.samples.validation) // 1024)]
        if len(chosen) == 0:
            return None
        self.model.eval()
        inputs, labels = self.assembler(*self.samples.read(chosen))
        generator = generator_of(self.config.seed, 0)
        lesson = Lesson(inputs, labels, region_noise(labels.entities, generator))
        losses = self._losses(self.model, lesson, generator)
        training_mode(self.model, kept=self.config.norms == "kept")
        return losses

    def _report(self, losses: Losses, rate: float, bar: "tqdm[None]", board: SummaryWriter) -> None:
        shown = {
            "train": losses,
            "held_out": self._validate() if self.step % (5 * self.config.report_every) == 0 else None,
        }
        for name, these in shown.items():
            if these is not None:
                for part, value in these.parts.items():
                    board.add_scalar(f"{name}/{part}", float(value), self.step)
        board.add_scalar("samples_per_second", rate, self.step)
        apart = shown["held_out"]
        if apart is not None:
            bar.write(f"step {self.step}: {_figures(losses)} | held out: {_figures(apart)}")
        bar.set_postfix_str(
            f"action {losses.parts['action']:.3f}, right {losses.parts['right']:.3f}, {rate:.0f} looks/s"
        )

    def _save_state(self) -> None:
        if self.spread.first:
            settings = json.dumps(_settings(self.config), sort_keys=True)
            save_state(self.state_path, self.model, self.optimizer, self.average, step=self.step, settings=settings)

    def _export(self, folder: Path, seconds: float) -> None:
        """Write the averaged weights as a checkpoint; the live ones stay as they are."""
        live = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict({**live, **self.average.values})
        if self.config.norms == "batch":
            settle_norms(self.model, self._looks())
        self.model.eval()
        frame = self.store.batch(self.samples.training[:1])
        golden = Golden(
            images={name: picture[0] for name, picture in frame.images.items()},
            state=frame.state[0],
            instruction=self.store.instructions[int(frame.instruction[0, 0])],
        )
        sizes = len(self.samples.training), len(self.store), len(self.store.instructions)
        data = "{} samples from {} frames, {} instructions".format(*sizes)
        if self.store.skipped:
            data += f"; {len(self.store.skipped)} unreadable parts left out"
        provenance = Provenance(data, self.step, seconds, training=to_mapping(self.config), heard=self.heard)
        self.model.cpu()
        save_checkpoint(
            folder, self.model, self.model_config, self.statistics, self.embodiment, golden=golden, made_by=provenance
        )
        self.model.to(self.spread.device).load_state_dict(live)

    def _looks(self) -> Callable[[], object]:
        """Passes random batches of the data through the model, always the same ones in a row."""
        rng, training = np.random.default_rng(0), self.samples.training

        def look() -> None:
            chosen = rng.choice(training, size=min(self.config.batch, len(training)), replace=False)
            inputs, labels = self.assembler(*self.samples.read(chosen))
            lesson = Lesson(inputs, labels, region_noise(labels.entities, torch.Generator().manual_seed(0)))
            self._losses(self.model, lesson, torch.Generator().manual_seed(0))

        return look


def _settings(config: TrainConfig) -> dict[str, object]:
    """What must not change between a run and its continuation."""
    return {name: value for name, value in to_mapping(config).items() if name not in FREE}


def _grown(saved: str) -> str:
    """Settings of a saved state, with those that did not exist when it was written as they were meant then."""
    return json.dumps(_settings(from_mapping(TrainConfig, json.loads(saved), where="the training state")))


def _figures(losses: Losses) -> str:
    shown = ("action", "right", "named", "coarse_cm", "fine_cm", "heat", "choice")
    return " ".join(f"{name} {float(losses.parts[name]):.3f}" for name in shown)

"""Training: a frame store in, a checkpoint folder out. Resumes exactly; Ctrl-C saves and stops cleanly."""

import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from agent.errors import SpecError
from agent.settings import to_mapping
from agent.types import Embodiment
from policies.checkpoint import Golden, Provenance, load_checkpoint, save_checkpoint
from policies.codec import make_codec
from policies.data import FrameStore
from policies.interrupt import Stop, interruptible
from policies.lessons import DECOYS
from policies.model import Losses, LossWeights, ModelConfig, VLAModel, fitted
from policies.samples import Assembler, Augmentation, Prefetch, Samples, augment, batch_order
from policies.schedule import generator_of, pick_device, warm_cosine
from policies.stats import Statistics, measure
from policies.text import PackedText, make_text_encoder
from policies.training_state import Average, load_state, save_state


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    steps: optimizer steps in all.  batch: samples a step.  learning_rate: the peak, after warmup steps, before a
    cosine down to a twentieth.  average_decay: of the exponential moving average that is shipped.  clip: largest norm
    of the gradient.  binary_weight: how much the gripper's tokens count: few frames decide when to let go.  held_out:
    share of episodes that is never trained on, for the validation numbers.  report_every: steps between lines in the
    log, save_every: between saved states.  threads: CPU threads, 0 leaves torch's choice.  device: `auto` takes a GPU
    when there is one.  bfloat16: mixed precision; only worth it on GPUs.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    steps: int = 20_000
    batch: int = 256
    learning_rate: float = 1e-3
    warmup: int = 300
    weight_decay: float = 0.02
    average_decay: float = 0.999
    clip: float = 1.0
    binary_weight: float = 3.0
    loss: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    held_out: float = 0.02
    report_every: int = 100
    save_every: int = 2000
    threads: int = 0
    device: str = "auto"
    bfloat16: bool = False
    dataset: str = "aubergine"

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
    run = _Run(config, store_path, out_dir, embodiment, init_from)
    if resume:
        run.resume()
    elif run.state_path.exists():
        raise SpecError(f"{out_dir} already holds a training run; resume it or choose another folder")
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
        self.device = pick_device(config.device)
        self.store = FrameStore(store)
        for problem in self.store.skipped:
            tqdm.write(f"skipped: {problem}")
        if self.store.skipped:
            read, left_out = len(self.store.parts), len(self.store.skipped)
            tqdm.write(f"skipped {left_out} of {read + left_out} parts of {store}; training on the others")
        if self.store.cameras != embodiment.cameras:
            raise SpecError(f"{store} holds pictures of {self.store.cameras}, the embodiment has {embodiment.cameras}")
        torch.manual_seed(config.seed)  # the initial weights; every later draw has its own generator
        started = load_checkpoint(init_from) if init_from else None
        encoder = make_text_encoder(started.config.text_encoder if started else config.model.text_encoder)
        if started is None:
            self.statistics = _statistics(self.store, embodiment, config.dataset)
            held = tuple(int(d) for d in np.flatnonzero(self.statistics.vector("action").degenerate))
            self.model_config = fitted(config.model, embodiment, text_dim=encoder.dim, held=held)
            self.model = VLAModel(self.model_config, embodiment)
        else:
            self.statistics, self.model_config, self.model = started.statistics, started.config, started.model
        self.config = replace(config, model=self.model_config)
        self.model.to(self.device).train()
        codec = make_codec(self.model_config.codec)
        self.samples = Samples(
            self.store, self.statistics, codec, held_out=config.held_out, binary_weight=config.binary_weight
        )
        position = self.model_config.backbone.position_in_state
        words = PackedText(
            encoder,
            self.store.instructions,
            kept=store.with_name(f"{store.name}-words") / self.model_config.text_encoder,
        )
        self.assembler = Assembler(self.samples, words, position, self.device)
        self.optimizer = _optimizer(self.model, config)
        self.average = Average(self.model, config.average_decay)
        self.step = 0

    def resume(self) -> None:
        if not self.state_path.exists():
            raise SpecError(f"nothing to resume: {self.state_path} does not exist")
        self.step = load_state(self.state_path, self.model, self.optimizer, self.average, settings=self._settings())

    def work(self, stop: Stop) -> Training:
        """Steps until done or told to stop; then saves state and checkpoint."""
        count = len(self.samples.training)
        order = batch_order(self.config.seed, count, min(self.config.batch, count), start=self.step)
        source = Prefetch((self.samples.training[chosen] for chosen in order), self.samples.read)
        first, began = self.step, time.perf_counter()
        board = SummaryWriter(str(self.out / "tensorboard"))
        bar = tqdm(total=self.config.steps, initial=first, desc="train", unit="step", dynamic_ncols=True)
        try:
            while self.step < self.config.steps and not stop.asked:
                losses = self._one_step(source)
                bar.update()
                if self.step % self.config.report_every == 0 or self.step == self.config.steps:
                    rate = (self.step - first) * self.config.batch / (time.perf_counter() - began)
                    self._report(losses, rate, bar, board)
                if self.step % self.config.save_every == 0:
                    self._save_state()
        finally:
            source.close()
            bar.close()
            board.close()
        seconds = max(time.perf_counter() - began, 1e-9)
        self._save_state()
        rate = (self.step - first) * self.config.batch / seconds
        return Training(self._export(seconds), self.step, self.step >= self.config.steps, rate, len(self.store.skipped))

    def _one_step(self, source: Prefetch) -> Losses:
        generator = generator_of(self.config.seed, self.step)
        inputs, labels = self.assembler(*source.next())
        augment(inputs, self.config.augmentation, generator)
        noise = _region_noise(labels.entities, generator)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate(self.step)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.config.bfloat16):
            losses = self.model.losses(inputs, labels, self.config.loss, noise)
        self.optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        if not torch.isfinite(norm):
            raise SpecError(f"training diverged at step {self.step}: the gradient is not finite; lower learning_rate")
        self.optimizer.step()
        self.average.update(self.step)
        self.step += 1
        return losses

    @torch.no_grad()
    def _validate(self) -> Losses | None:
        """Losses on up to 1024 held-out samples."""
        chosen = self.samples.validation[:: max(1, len(self.samples.validation) // 1024)]
        if len(chosen) == 0:
            return None
        self.model.eval()
        inputs, labels = self.assembler(*self.samples.read(chosen))
        noise = _region_noise(labels.entities, generator_of(self.config.seed, 0))
        losses = self.model.losses(inputs, labels, self.config.loss, noise)
        self.model.train()
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
        save_state(self.state_path, self.model, self.optimizer, self.average, step=self.step, settings=self._settings())

    def _settings(self) -> str:
        """What must not change between a run and its continuation; the rest may."""
        free = {"report_every", "save_every", "threads", "device"}
        return json.dumps({k: v for k, v in to_mapping(self.config).items() if k not in free}, sort_keys=True)

    def _export(self, seconds: float) -> Path:
        """Write the averaged weights as a checkpoint; the live ones stay as they are."""
        live = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict({**live, **self.average.values})
        _settle_norms(self.model, self.samples, self.assembler, self.config.batch)
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
        provenance = Provenance(data=data, steps=self.step, seconds=seconds, training=to_mapping(self.config))
        folder = self.out / "checkpoint"
        self.model.cpu()
        save_checkpoint(
            folder, self.model, self.model_config, self.statistics, self.embodiment, golden=golden, made_by=provenance
        )
        self.model.to(self.device).load_state_dict(live)
        return folder


@torch.no_grad()
def _settle_norms(model: VLAModel, samples: Samples, assembler: Assembler, batch: int) -> None:
    """Measure batch-norm statistics afresh: those of the live weights do not fit the averaged ones."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the passes below
    model.train()
    rng = np.random.default_rng(0)
    for _ in range(16):
        chosen = rng.choice(samples.training, size=min(batch, len(samples.training)), replace=False)
        inputs, labels = assembler(*samples.read(chosen))
        model.losses(inputs, labels, LossWeights(), _region_noise(labels.entities, torch.Generator().manual_seed(0)))
    for norm in norms:
        norm.momentum = 0.1


def _statistics(store: FrameStore, embodiment: Embodiment, dataset: str) -> Statistics:
    """Over the expert's rows for actions, all rows for states; the gripper is passed through."""
    by_expert = store.action[store.by_expert]
    scaled = tuple(name != "gripper" for name in embodiment.action.names)
    if len(by_expert) == 0:
        raise SpecError("the store holds no action of the expert's, so there is nothing to imitate")
    vectors = {"action": measure(by_expert, mask=scaled), "state": measure(store.state)}
    return Statistics(dataset, vectors, frames=len(store), episodes=int(store.episode.max()) + 1)


def _optimizer(model: torch.nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    rest = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)


def _region_noise(entities: Tensor, generator: torch.Generator) -> Tensor:
    """(B, M + DECOYS, 2) in [-1, 1], see `VLAModel.losses`."""
    count, most, _ = entities.shape
    return (torch.rand(count, most + DECOYS, 2, generator=generator) * 2 - 1).to(entities.device)


def _figures(losses: Losses) -> str:
    shown = ("action", "right", "named", "coarse_cm", "fine_cm", "heat", "choice")
    return " ".join(f"{name} {float(losses.parts[name]):.3f}" for name in shown)

"""Teaching a trained policy something more with a LoRA adapter, while it is reminded of what it can already do."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tqdm import tqdm

from agent.errors import SpecError
from agent.settings import to_mapping
from policies.checkpoint import load_checkpoint
from policies.feed import Feed, batches, changed, open_store
from policies.instruction import words_of
from policies.interrupt import Stop, interruptible
from policies.lora import LoraSettings, add_adapter, save_adapter
from policies.model import Losses, LossWeights
from policies.norms import training_mode
from policies.samples import Assembler, Augmentation, Prefetch, Samples
from policies.schedule import generator_of, make_optimizer, warm_cosine
from policies.training_state import Average, load_state, save_state

NAME = "adapter"
"""What an adapter is called inside a model, and the folder it is written to."""
TARGETS = (
    *("word.1", "into", "out", "feed.0", "feed.2", "around", "think.0", "think.2", "think.4"),
    *("correct.0", "correct.2", "correct.4", "self_in", "self_out", "cross_query", "cross_in", "cross_out"),
)
"""The reader's layers, what describes a region, what thinks and corrects, and the decoder's."""


@dataclass(frozen=True)
class AdaptConfig:
    """How to adapt.

    steps: optimizer steps in all.  batch: samples a step of what is new, and as many of what is known.  share: of the
    loss that the new has; the rest is what is known.  learning_rate: the peak, after `warmup` steps, before a cosine
    down to a twentieth.  average_decay: of the moving average that is kept.  clip: largest norm of the gradient.
    threads: CPU threads, 0 leaves torch's choice.
    """

    lora: LoraSettings = field(default_factory=lambda: LoraSettings(rank=32, alpha=64, targets=TARGETS))
    steps: int = 800
    batch: int = 24
    share: float = 0.5
    learning_rate: float = 5e-4
    warmup: int = 50
    average_decay: float = 0.98
    clip: float = 1.0
    loss: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    save_every: int = 200
    threads: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"what is new has more than 0 and at most 1 of the loss, got share {self.share}")


@dataclass(frozen=True)
class Adapted:
    """What came of it. adapter: the folder, None when it was interrupted; call again.  parameters: of the adapter."""

    adapter: Path | None
    steps: int
    parameters: int
    seconds: float


@dataclass(eq=False)
class _Source:
    """One store. share: of the loss."""

    samples: Samples
    assemble: Assembler
    share: float
    ahead: Prefetch | None = None


def adapt(config: AdaptConfig, base: str, checkpoint: Path, new: Path, known: Path | None, out: Path) -> Adapted:
    """Train an adapter for the policy `base`, whose folder is `checkpoint`, on the frames under `new`, reminding it of
    those under `known`; write it to the folder `out`/adapter.

    Its weights and the statistics of its norms stay as they are. Goes on from out/state.safetensors where it was
    interrupted. Raises SpecError when stores, state or checkpoint do not fit.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    run = _Adapting(config, checkpoint, new, known, out)
    with interruptible() as stop:
        return run.work(base, stop)


class _Adapting:
    """One call of `adapt`."""

    def __init__(self, config: AdaptConfig, checkpoint: Path, new: Path, known: Path | None, out: Path) -> None:
        trained = load_checkpoint(checkpoint)
        self.config, self.out, self.model = config, out, trained.model
        torch.manual_seed(config.seed)  # the adapter's initial weights; every later draw has its own generator
        self.parameters = add_adapter(self.model, NAME, config.lora)
        training_mode(self.model, kept=True)
        share = config.share if known else 1.0
        self.sources = []
        for path, part in ((new, share), (known, 1.0 - share)):
            if path is None or not part:
                continue
            store = open_store(path, trained.embodiment)
            feed = Feed(store, path, trained.statistics, trained.config, device=torch.device("cpu"))
            samples = feed.samples(0.0)
            self.sources.append(_Source(samples, feed.assembler(samples), part))
        self.optimizer = make_optimizer(self.model, config.learning_rate, 0.0)
        self.average = Average(self.model, config.average_decay)
        told = {"base": str(checkpoint), "frames": [len(source.samples.store) for source in self.sources]}
        self.settings = json.dumps({**to_mapping(config), **told, "save_every": 0, "threads": 0}, sort_keys=True)

    def work(self, base: str, stop: Stop) -> Adapted:
        state, config, began = self.out / "state.safetensors", self.config, time.perf_counter()
        step = self._load(state) if state.exists() else 0
        for source in self.sources:
            source.ahead = batches(source.samples, seed=config.seed, size=config.batch, start=step)
        bar = tqdm(total=config.steps, initial=step, desc="adapt", unit="step", dynamic_ncols=True)
        try:
            while step < config.steps and not stop.asked:
                losses = self._one_step(step)
                step += 1
                bar.update()
                bar.set_postfix_str(f"action {losses.parts['action']:.3f}, right {losses.parts['right']:.3f}")
                if step % config.save_every == 0:
                    self._save(state, step)
        finally:
            bar.close()
            for source in self.sources:
                if source.ahead:
                    source.ahead.close()
        self._save(state, step)
        seconds = time.perf_counter() - began
        if step < config.steps:
            return Adapted(None, step, self.parameters, seconds)
        self.model.load_state_dict({**self.model.state_dict(), **self.average.values})
        self.model.eval()
        heard = words_of(*self.sources[0].samples.store.instructions)
        folder = save_adapter(self.model, NAME, self.out, lora=config.lora, base=base, heard=heard)
        return Adapted(folder, step, self.parameters, seconds)

    def _one_step(self, step: int) -> Losses:
        """A step on all sources; the losses are those of the new one."""
        config, found = self.config, list[Losses]()
        for group in self.optimizer.param_groups:
            group["lr"] = warm_cosine(step, peak=config.learning_rate, warmup=config.warmup, steps=config.steps)
        self.optimizer.zero_grad()
        for number, source in enumerate(self.sources):
            assert source.ahead is not None
            generator = generator_of(config.seed + number, step)
            lesson = changed(*source.assemble(*source.ahead.next()), config.augmentation, generator)
            losses: Losses = self.model(lesson.inputs, lesson.labels, config.loss, lesson.noise, generator)
            (losses.total * source.share).backward()  # type: ignore[no-untyped-call]
            found.append(losses)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        norm = torch.nn.utils.clip_grad_norm_(trained, config.clip)
        if not torch.isfinite(norm):
            raise SpecError(f"training diverged at step {step}: the gradient is not finite; lower learning_rate")
        self.optimizer.step()
        self.average.update(step)
        return found[0]

    def _load(self, state: Path) -> int:
        return load_state(state, self.model, self.optimizer, self.average, settings=self.settings)

    def _save(self, state: Path, step: int) -> None:
        save_state(state, self.model, self.optimizer, self.average, step=step, settings=self.settings)

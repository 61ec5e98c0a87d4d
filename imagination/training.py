"""The loop that trains every network here: exact resume, moving average, progress with the time left, TensorBoard."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from agent.errors import SpecError
from policies.interrupt import interruptible
from policies.schedule import warm_cosine
from policies.training_state import Average, load_state, save_state

STATE = "state.safetensors"


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    steps: optimizer steps in all.  batch: samples a step.  learning_rate: the peak, after `warmup` steps, before a
    cosine down to a twentieth.  average_decay: of the moving average that is kept.  clip: largest norm of the gradient.
    report_every, save_every: steps between figures and between saved states.  threads: CPU threads, 0 leaves torch's
    choice.  device: `auto` takes a GPU when there is one.  bfloat16: the forward pass in 16 bits where torch holds that
    safe; a third to a half faster on processors that have AVX512-BF16, and slower on others.
    """

    steps: int = 10_000
    batch: int = 32
    learning_rate: float = 3e-4
    warmup: int = 300
    weight_decay: float = 0.01
    average_decay: float = 0.999
    clip: float = 1.0
    seed: int = 0
    report_every: int = 50
    save_every: int = 500
    threads: int = 0
    device: str = "auto"
    bfloat16: bool = False

    def rate(self, step: int) -> float:
        """The learning rate of optimizer step `step`, counted from 0."""
        return warm_cosine(step, peak=self.learning_rate, warmup=self.warmup, steps=self.steps)


@dataclass(frozen=True)
class Trained:
    """steps: done so far.  finished: False when it was interrupted; call again with resume.  seconds: of this call."""

    steps: int
    finished: bool
    seconds: float


def fit(
    model: nn.Module,
    loss: Callable[[int], Mapping[str, Tensor]],
    schedule: Schedule,
    out: Path,
    *,
    settings: Mapping[str, object],
    resume: bool = False,
) -> Trained:
    """Train `model` in place; it ends with the averaged weights when finished.

    loss: step -> figures, of which "total" is minimised; it must depend on the step, the weights and nothing else, so
    that a killed run, resumed from out/state.safetensors, ends with the same weights as one that was not.
    Raises SpecError when there is a state and not `resume`, none and `resume`, or one of other `settings`.
    """
    state, text = out / STATE, json.dumps(settings, sort_keys=True)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=schedule.weight_decay
    )
    average = Average(model, schedule.average_decay)
    step = 0
    if resume:
        if not state.exists():
            raise SpecError(f"nothing to resume: {state} does not exist")
        step = load_state(state, model, optimizer, average, settings=text)
    elif state.exists():
        raise SpecError(f"{out} already holds a training run; add --resume, or choose another folder")
    began = time.perf_counter()
    board = SummaryWriter(str(out / "tensorboard"))
    bar = tqdm(total=schedule.steps, initial=step, desc=out.name, unit="step", dynamic_ncols=True)
    model.train()
    with interruptible() as stop:
        try:
            while step < schedule.steps and not stop.asked:
                figures = one_step(model, loss, optimizer, schedule, step)
                average.update(step)
                step += 1
                bar.update()
                if step % schedule.report_every == 0 or step == schedule.steps:
                    _report(figures, step, bar, board)
                if step % schedule.save_every == 0:
                    save_state(state, model, optimizer, average, step=step, settings=text)
        finally:
            bar.close()
            board.close()
    save_state(state, model, optimizer, average, step=step, settings=text)
    if step >= schedule.steps:
        model.load_state_dict({**model.state_dict(), **average.values})
    model.eval()
    return Trained(step, step >= schedule.steps, time.perf_counter() - began)


def one_step(
    model: nn.Module,
    loss: Callable[[int], Mapping[str, Tensor]],
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    step: int,
) -> Mapping[str, Tensor]:
    """Take one optimizer step; raise SpecError when the gradient is not finite."""
    for group in optimizer.param_groups:
        group["lr"] = schedule.rate(step)
    device = next(model.parameters()).device.type
    with torch.autocast(device, torch.bfloat16, enabled=schedule.bfloat16):
        figures = loss(step)
    optimizer.zero_grad()
    figures["total"].backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(model.parameters(), schedule.clip)
    if not torch.isfinite(norm):
        raise SpecError(f"training diverged at step {step}: the gradient is not finite; lower learning_rate")
    optimizer.step()
    return figures


def _report(figures: Mapping[str, Tensor], step: int, bar: "tqdm[None]", board: SummaryWriter) -> None:
    shown = {name: float(value.detach()) for name, value in figures.items()}
    for name, value in shown.items():
        board.add_scalar(f"train/{name}", value, step)
    bar.set_postfix_str(", ".join(f"{name} {value:.4g}" for name, value in shown.items()))

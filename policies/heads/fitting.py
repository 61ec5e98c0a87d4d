"""Training a head on cached prefixes: fast, because the backbone has run already, and resumed exactly."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from agent.errors import SpecError
from agent.settings import to_mapping
from policies.heads.base import Head
from policies.heads.cached import Cached
from policies.interrupt import interruptible
from policies.schedule import generator_of, make_optimizer, warm_cosine
from policies.training_state import Average, load_state, save_state


@dataclass(frozen=True)
class FitConfig:
    """How to train a head.

    steps: optimizer steps in all.  batch: samples a step, drawn with replacement.  learning_rate: the peak, after
    `warmup` steps, before a cosine down to a twentieth.  average_decay: of the moving average that is kept.  clip:
    largest norm of the gradient.  save_every: steps between saved states.
    """

    steps: int = 3000
    batch: int = 256
    learning_rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.02
    average_decay: float = 0.999
    clip: float = 1.0
    seed: int = 0
    save_every: int = 500


@dataclass(frozen=True)
class Fitted:
    """steps: done so far.  finished: False when interrupted; the next call goes on.  samples_per_second: of this
    call, None when it had nothing to do."""

    steps: int
    finished: bool
    samples_per_second: float | None


def fit(head: Head, cached: Cached, config: FitConfig, *, state: Path, settings: Mapping[str, object]) -> Fitted:
    """Train `head` in place; it ends in evaluation mode, with the averaged weights when finished.

    state: a file; when it exists training goes on from it, to the same weights as if it had never stopped.
    settings: what else must be alike for that, such as the head's configuration.  Raises SpecError when the state is
    of another run, or when training diverges.
    """
    optimizer = make_optimizer(head, config.learning_rate, config.weight_decay)
    average = Average(head, config.average_decay)
    free = {"save_every"}
    told = {name: value for name, value in to_mapping(config).items() if name not in free}
    text = json.dumps({**told, **settings, "samples": len(cached)}, sort_keys=True)
    step = load_state(state, head, optimizer, average, settings=text) if state.exists() else 0
    first, began = step, time.perf_counter()
    head.train()
    with (
        interruptible() as stop,
        tqdm(total=config.steps, initial=step, desc=state.stem, unit="step", dynamic_ncols=True) as bar,
    ):
        while step < config.steps and not stop.asked:
            loss = _one_step(head, cached, optimizer, config, step)
            average.update(step)
            step += 1
            bar.update()
            if step % 50 == 0:
                bar.set_postfix_str(f"loss {float(loss):.4f}", refresh=False)
            if step % config.save_every == 0:
                save_state(state, head, optimizer, average, step=step, settings=text)
    seconds = time.perf_counter() - began
    if step > first:
        save_state(state, head, optimizer, average, step=step, settings=text)
    if step >= config.steps:
        head.load_state_dict({**head.state_dict(), **average.values})
    head.eval()
    rate = (step - first) * config.batch / seconds if step > first else None
    return Fitted(step, step >= config.steps, rate)


def _one_step(head: Head, cached: Cached, optimizer: torch.optim.Optimizer, config: FitConfig, step: int) -> Tensor:
    generator = generator_of(config.seed, step)
    # In order, so that a memory-mapped file is read forwards.
    rows = torch.randint(len(cached), (config.batch,), generator=generator).sort().values
    for group in optimizer.param_groups:
        group["lr"] = warm_cosine(step, peak=config.learning_rate, warmup=config.warmup, steps=config.steps)
    loss = head.loss(*cached.batch(rows.numpy()), generator=generator)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(head.parameters(), config.clip)
    if not torch.isfinite(norm):
        raise SpecError(f"training diverged at step {step}: the gradient is not finite; lower learning_rate")
    optimizer.step()
    return loss.detach()

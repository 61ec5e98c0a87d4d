"""What every training loop here does alike: its device, its learning rate, the same draws for the same step."""

import math

import torch

from agent.errors import SpecError


def pick_device(name: str = "auto") -> torch.device:
    """Return the device called `auto` (a GPU when there is one), `cpu` or `cuda`; raise SpecError naming them."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise SpecError(f"no device '{name}'; there are: auto, cpu, cuda") from error


def warm_cosine(step: int, *, peak: float, warmup: int, steps: int) -> float:
    """Return the learning rate of optimizer step `step`, counted from 0: up to `peak` in a line over `warmup` steps,
    then down a cosine to a twentieth at `steps`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def generator_of(seed: int, step: int) -> torch.Generator:
    """Return a generator that depends on both and on nothing else, so that steps can be repeated."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)

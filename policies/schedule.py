"""What training loops here do alike: device, optimizer, learning rate, the same draws for the same step."""

import math

import torch
from torch import nn

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


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW over what asks for gradients; only matrices decay."""
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices, rest = [p for p in trained if p.ndim >= 2], [p for p in trained if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)

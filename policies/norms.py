"""Batch norms while training: which of them take the statistics of a batch, and how they are settled afterwards."""

from collections.abc import Callable

import torch
from torch import nn


def training_mode(model: nn.Module, *, kept: bool) -> None:
    """Put `model` into training mode, but for norms that keep their statistics: all if `kept`, else the frozen ones."""
    model.train()
    for norm in _norms(model):
        if kept or not _trained(norm):
            norm.eval()


@torch.no_grad()
def settle_norms(model: nn.Module, look: Callable[[], object], *, passes: int = 16) -> None:
    """Measure the statistics of the trained norms afresh: those of other weights do not fit these.

    look: passes a batch through the model; called `passes` times.
    """
    norms = [norm for norm in _norms(model) if _trained(norm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the passes below
    training_mode(model, kept=False)
    for _ in range(passes):
        look()
    for norm in norms:
        norm.momentum = 0.1


def _norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def _trained(norm: nn.BatchNorm2d) -> bool:
    return norm.weight is None or norm.weight.requires_grad

"""One training on several devices: a process for each, all doing the same steps on parts of the same batches."""

import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException, start_processes

from agent.errors import SpecError
from policies.interrupt import interruptible
from policies.schedule import pick_device

T = TypeVar("T")
RANK = "RANK"
"""Set in the environment of a process that is one of several."""


@dataclass(frozen=True)
class Spread:
    """Which of how many processes this is. The first writes files and talks to people."""

    accelerator: Accelerator

    @classmethod
    def over(cls, device: str, *, bfloat16: bool) -> "Spread":
        """device: as `pick_device` takes it; its processes, if there are several, have each their own."""
        on_cpu = pick_device(device).type == "cpu"
        return cls(Accelerator(cpu=on_cpu, mixed_precision="bf16" if bfloat16 else "no"))

    @property
    def device(self) -> torch.device:
        found: torch.device = self.accelerator.device
        return found

    @property
    def rank(self) -> int:
        return int(self.accelerator.process_index)

    @property
    def count(self) -> int:
        return int(self.accelerator.num_processes)

    @property
    def first(self) -> bool:
        return bool(self.accelerator.is_main_process)

    def network(self, model: nn.Module) -> nn.Module:
        """The model as it is called in training: in mixed precision, its gradients averaged over all processes."""
        prepared: nn.Module = self.accelerator.prepare(model)
        return prepared

    def exchanging(self, network: nn.Module, *, last: bool) -> AbstractContextManager[None]:
        """Around each part of a step; gradients are exchanged between processes in the `last` alone."""
        if last or self.count == 1:
            return nullcontext()
        apart: AbstractContextManager[None] = self.accelerator.no_sync(network)
        return apart

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of `loss`."""
        self.accelerator.backward(loss)

    def anyone(self, asked: bool) -> bool:
        """Whether any process was asked: they must stop after the same step."""
        if self.count == 1:
            return asked
        told = torch.tensor([float(asked)], device=self.device)
        return bool(self.accelerator.reduce(told, reduction="sum").item() > 0)

    def in_turn(self) -> AbstractContextManager[None]:
        """Around what writes files that the others then find: the first process does it before them."""
        turn: AbstractContextManager[None] = self.accelerator.main_process_first()
        return turn

    def wait(self) -> None:
        """Until every process is here."""
        self.accelerator.wait_for_everyone()


def processes_for(asked: int, device: str) -> int:
    """How many processes to start; 0: one for each GPU, if that is where training happens."""
    if asked < 0:
        raise SpecError(f"training runs in 1 process or more, or 0 for one a GPU, not {asked}")
    if RANK in os.environ:
        return 1
    if asked:
        return asked
    return max(1, torch.cuda.device_count()) if pick_device(device).type == "cuda" else 1


def in_processes(count: int, work: Callable[..., T], *arguments: Any) -> T:
    """Run `work(*arguments)` in `count` fresh processes that know of one another; return what the first returns.

    An error of any of them ends all and is raised here. Ctrl-C reaches them all, and each stops as it would alone.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = get_context("spawn").SimpleQueue()
    with interruptible():
        try:
            start_processes(  # type: ignore[no-untyped-call]
                _process, (count, port, results, work, arguments), nprocs=count, start_method="spawn"
            )
        except ProcessRaisedException:
            if results.empty():
                raise
    found: T | SpecError = results.get()
    if isinstance(found, SpecError):
        raise found
    return found


def _process(
    rank: int, count: int, port: int, results: Any, work: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    os.environ.update(where | {RANK: str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(count)})
    try:
        found = work(*arguments)
    except SpecError as problem:
        results.put(problem)
        raise
    if rank == 0:
        results.put(found)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()

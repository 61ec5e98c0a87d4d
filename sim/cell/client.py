"""Starts the emulated cell and talks to it: who runs it, its cameras, its judge and its teacher."""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import numpy as np

from agent.errors import WorldFault
from agent.types import ActionChunk, CameraSpec, Embodiment, ImageArray, Observation, Status, Task
from sim.cell.mirror import Mirror

START_SECONDS = 60.0
ANSWER_SECONDS = 1.0
"""Patience with an answer, unless the cell is given more for a machine that has other things to do."""
FIRST_ADDRESSES = tuple(f"127.0.0.{last}" for last in range(1, 33))
"""A Franka's ports are fixed, so cells beside one another need loopback addresses of their own."""


class EmulatedCell:
    """A Franka over a table, at `address`, set up for `task` from `seed`. Use it as a context manager.

    answer_s: cameras, judge and teacher that have not answered for so long are lost [s].
    Raises WorldFault when it does not start.
    """

    def __init__(
        self,
        task: Task,
        *,
        seed: int,
        addresses: tuple[str, ...] = FIRST_ADDRESSES,
        answer_s: float = ANSWER_SECONDS,
    ) -> None:
        self._task, self._seed, self._addresses, self._answer_s = task, seed, addresses, answer_s
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []
        self.address = ""

    @property
    def task(self) -> Task:
        """What the scene is set up for, and what is judged."""
        return self._task

    def __enter__(self) -> "EmulatedCell":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> str:
        """Start both processes, unless they were started, and return the address."""
        if not self._processes:
            try:
                self._start()
            except BaseException:
                self.close()
                raise
        return self.address

    def _start(self) -> None:
        # Imported here: naming the cell must not need franky-sim; running it does.
        from sim.cell.cameras import run_cameras
        from sim.cell.controller import run_controller

        context = multiprocessing.get_context("spawn")
        mirror = Mirror(context)
        jobs: tuple[tuple[Callable[..., None], tuple[object, ...]], ...] = (
            (run_controller, (self._task, self._seed, self._addresses)),
            (run_cameras, (self._task, self._seed)),
        )
        for job, arguments in jobs:
            ours, theirs = context.Pipe()
            process = context.Process(target=job, args=(*arguments, theirs, mirror), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)
        self._office = _Desk(self._pipes[0], "the cell's controller", self._answer_s)
        self._darkroom = _Desk(self._pipes[1], "the cell's cameras", self._answer_s)
        self.address = json.loads(self._office.hear(START_SECONDS))["address"]
        self._darkroom.hear(START_SECONDS)

    def picture(self, camera: CameraSpec) -> ImageArray:
        """Return what the camera sees now, RGB uint8 (H, W, 3)."""
        pixels = self._darkroom.ask(f"{camera.name} {camera.height} {camera.width}")
        return np.frombuffer(pixels, dtype=np.uint8).reshape(camera.height, camera.width, 3).copy()

    def judge(self) -> Status:
        """Judge the goal by the cell's true state; call once a control tick."""
        return Status(**json.loads(self._office.ask("judge")))

    def teach(self) -> ActionChunk:
        """Return what the scripted expert, who sees the true state, would do now: one row."""
        return ActionChunk(np.array([json.loads(self._office.ask("teach"))], dtype=np.float32))

    def state(self) -> list[float]:
        """Return the body's true state (14,), as STATE names it."""
        return [float(value) for value in json.loads(self._office.ask("state"))]

    def order_fault(self, kind: str) -> None:
        """Let the controller enter a fault: "reflex", "silent_client", "user_stop", or "none" to release the button."""
        self._office.ask(f"fault {kind}")

    def freeze(self, *, cameras: bool = False) -> None:
        """Stop the controller (or the cameras) dead, as a hung machine; `thaw` lets it go on."""
        self._signal(signal.SIGSTOP, cameras=cameras)

    def thaw(self, *, cameras: bool = False) -> None:
        self._signal(signal.SIGCONT, cameras=cameras)

    def kill(self) -> None:
        """End the controller without a word, as when the power goes."""
        self._processes[0].kill()
        self._processes[0].join()

    def close(self) -> None:
        """End both processes; closing twice is allowed."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=1.0)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        self._processes, self._pipes = [], []

    def _signal(self, number: signal.Signals, *, cameras: bool) -> None:
        pid = self._processes[int(cameras)].pid
        assert pid is not None
        os.kill(pid, number)


class _Desk:
    """One question at a time, each with its answer."""

    def __init__(self, pipe: Connection, name: str, answer_s: float) -> None:
        self._pipe, self._name, self._answer_s = pipe, name, answer_s
        self._lock = threading.Lock()
        self._late = 0

    def ask(self, question: str) -> bytes:
        with self._lock:
            try:
                while self._late:
                    if not self._pipe.poll(self._answer_s):
                        raise WorldFault(f"{self._name} did not answer within {self._answer_s:g} s")
                    self._pipe.recv_bytes()
                    self._late -= 1
                self._pipe.send_bytes(question.encode())
            except (OSError, EOFError) as error:
                raise WorldFault(f"no answer from {self._name}: gone") from error
            return self._hear(self._answer_s)

    def hear(self, seconds: float) -> bytes:
        with self._lock:
            return self._hear(seconds)

    def _hear(self, seconds: float) -> bytes:
        try:
            if not self._pipe.poll(seconds):
                self._late += 1
                raise WorldFault(f"{self._name} did not answer within {seconds:g} s")
            return self._pipe.recv_bytes()
        except (OSError, EOFError) as error:
            raise WorldFault(f"no answer from {self._name}: gone") from error


class CellEye:
    """A camera of the cell, as a robot's driver takes it."""

    def __init__(self, cell: EmulatedCell, spec: CameraSpec) -> None:
        self._cell, self._spec = cell, spec

    @property
    def spec(self) -> CameraSpec:
        return self._spec

    def open(self) -> None:
        """Nothing to open: the cell is running."""

    def look(self) -> ImageArray:
        """Return the newest picture, RGB uint8 (H, W, 3); raise WorldFault when the cameras do not answer."""
        return self._cell.picture(self._spec)

    def close(self) -> None:
        """Nothing to close."""


class CellTeacher:
    """A Policy: the scripted expert inside the cell. It shows that the wire and the arm can do the task."""

    def __init__(self, cell: EmulatedCell, embodiment: Embodiment) -> None:
        self._cell, self._embodiment = cell, embodiment

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    def reset(self, *, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        return self._cell.teach()

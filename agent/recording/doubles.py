"""A classroom without physics, which can be told to misbehave, for trying out and testing `collect`."""

import os
import signal
import time
from dataclasses import dataclass, replace

import numpy as np

from agent.doubles import PointTeacher, PointWorld, point_task
from agent.notes import NONE, RELATIONS, SceneNote
from agent.recording.collect import Classroom
from agent.recording.demonstrate import Drift, NoisyTeacher
from agent.types import Task


class PointOnlooker:
    """A look at a `PointWorld`: its one target, which can be reached and not be taken."""

    def __init__(self, world: PointWorld) -> None:
        self._world = world

    def begin(self, rng: np.random.Generator) -> None:
        """There is nothing else to ask."""

    def note(self, rng: np.random.Generator, count: int) -> SceneNote:
        """Return where the target is; the instruction means to end there."""
        place = self._world.target
        assert place is not None
        nothing = [np.nan] * 4
        entities = np.array([[0, 0, 0, 0, *place, place[2], *nothing]], np.float32)
        questions = np.array([[RELATIONS.index("move to"), 0, NONE, *nothing, *place]], np.float32)
        return SceneNote(entities, (self._world.task.instruction,), questions)


@dataclass(frozen=True)
class PointClassroom:
    """A factory for `collect`: `PointWorld`, its teacher, noise and drift.

    seconds_a_task: how long every episode takes at least.  dies_at: seeds at which the worker process kills itself.
    hopeless_at: seeds whose task allows a single step, so that it times out.  breaks_at: see `PointWorld`.
    """

    seconds_a_task: float = 0.0
    dies_at: frozenset[int] = frozenset()
    hopeless_at: frozenset[int] = frozenset()
    breaks_at: int | None = None

    def __call__(self) -> Classroom:
        world = PointWorld(breaks_at=self.breaks_at)
        action = world.embodiment.action
        return Classroom(
            world=world,
            teacher=PointTeacher(world),
            task_for=self.task_for,
            disturbers=((1.0, NoisyTeacher(action)), (1.0, Drift(action))),
            look=PointOnlooker(world),
        )

    def task_for(self, seed: int) -> Task:
        """Return the task of `seed`, or misbehave as told."""
        if seed in self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds_a_task)
        return replace(point_task(seed), max_steps=1 if seed in self.hopeless_at else 60)

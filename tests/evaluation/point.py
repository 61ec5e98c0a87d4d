"""What the tests of playing share: trials among three squares, and parts that break on purpose."""

import os
import signal
import time

import numpy as np

from agent.doubles import SQUARES, PointSeer, PointTeacher, PointWorld, point_task
from agent.evaluation.identity import Conditions, Versioned
from agent.evaluation.run import Played
from agent.evaluation.suite import Trial
from agent.ports import Policy, World
from agent.types import ActionChunk, CameraSpec, FloatArray, Observation, Step

CAMERAS = (CameraSpec("front", 48, 48), CameraSpec("wrist", 16, 16))


def make_world() -> PointWorld:
    return PointWorld(cameras=CAMERAS)


CONDITIONS = Conditions("seer", 2, make_world().embodiment, "sha256:0", (Versioned("numpy", "2"),))


def trials(count: int, *, first: int = 10) -> list[Trial]:
    """Trial i asks for a colour drawn from its seed; rows are colours."""
    made = []
    for seed in range(first, first + count):
        task = point_task(seed)
        assert task.goal is not None
        made.append(Trial(str(task.goal.target), task, seed))
    assert {trial.row for trial in made} <= set(SQUARES)
    return made


def make_seer() -> tuple[World, Policy]:
    world = make_world()
    return world, PointSeer(world.embodiment)


def make_teacher() -> tuple[World, Policy]:
    world = make_world()
    return world, PointTeacher(world)


class Slow(PointWorld):
    """A world whose steps take a while, so that a kill comes in the middle."""

    pause_s = 0.008

    def step(self, action: FloatArray) -> Step:
        time.sleep(self.pause_s)
        return super().step(action)


def make_slow() -> tuple[World, Policy]:
    world = Slow(cameras=CAMERAS)
    return world, PointSeer(world.embodiment)


class Slower(Slow):
    """Slow enough for a cluster's actors to start meanwhile."""

    pause_s = 0.04


def make_slower() -> tuple[World, Policy]:
    world = Slower(cameras=CAMERAS)
    return world, PointSeer(world.embodiment)


class Moody(PointSeer):
    """Raises, of all things, a KeyError when it is asked for the red square."""

    def _act(self, observation: Observation) -> ActionChunk:
        if "red" in observation.instruction:
            raise KeyError("red is not my colour")
        return super()._act(observation)


def make_moody() -> tuple[World, Policy]:
    world = make_world()
    return world, Moody(world.embodiment)


class Fragile(PointWorld):
    """Raises a RuntimeError of its own at the third step towards red, and at every step after that until rebuilt."""

    broken = False

    def step(self, action: FloatArray) -> Step:
        if self.broken or (self._task is not None and "red" in self._task.instruction and self._tick == 2):
            self.broken = True
            raise RuntimeError("the thread snapped")
        return super().step(action)


def make_fragile() -> tuple[World, Policy]:
    world = Fragile(cameras=CAMERAS)
    return world, PointSeer(world.embodiment)


class Deadly(PointWorld):
    """Takes its whole process along at the third step towards red."""

    def step(self, action: FloatArray) -> Step:
        if self._task is not None and "red" in self._task.instruction and self._tick == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)


def make_deadly_world() -> World:
    return Deadly(cameras=CAMERAS)


def make_deadly() -> tuple[World, Policy]:
    world = Deadly(cameras=CAMERAS)
    return world, PointSeer(world.embodiment)


class Sleepy(PointSeer):
    """Sleeps for ever over the red square, and swallows whatever ordinary exception comes by meanwhile."""

    def _act(self, observation: Observation) -> ActionChunk:
        while "red" in observation.instruction:
            try:
                time.sleep(3600)
            except Exception:  # noqa: BLE001 - as a careless policy would
                continue
        return super()._act(observation)


def make_sleepy() -> tuple[World, Policy]:
    world = make_world()
    return world, Sleepy(world.embodiment)


def outcome(played: Played) -> tuple[object, ...]:
    """Everything about an episode but how long it took."""
    episode = played.episode
    return played.id, episode.seed, episode.outcome, episode.steps, episode.detail, episode.status


def still(rows: int = 2) -> FloatArray:
    return make_world().embodiment.action.clip(np.zeros((rows, 7), dtype=np.float32))

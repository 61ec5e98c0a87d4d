"""A robot as a World, with time that tests turn by hand."""

import threading
import time

import numpy as np
import pytest

from agent.doubles import FixedPolicy
from agent.errors import SpecError, WorldFault
from agent.ports import World
from agent.robots.eye import EyeSettings
from agent.robots.fake import FakeConfig, FakeRobot, Faults
from agent.robots.world import RobotWorld, Watch
from agent.runtime import run_episode
from agent.safety.config import Patience
from agent.safety.journal import Journal
from agent.types import FloatArray, Outcome, Task

TASK = Task("drive", "wave", None, 12)
ROW = np.array([0.01, 0, 0, 0, 0, 0, 1], dtype=np.float32)


class Time:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def world_of(watch: Watch | None = None, journal: Journal | None = None, **faults: int) -> tuple[RobotWorld, FakeRobot]:
    clock = Time()
    robot = FakeRobot(FakeConfig(faults=Faults(**faults)), clock=clock.clock)
    watch = watch or Watch()
    world = RobotWorld(robot, watch=watch, journal=journal, clock=clock.clock, sleep=clock.sleep)
    world.time = clock  # type: ignore[attr-defined]
    return world, robot


def drive(world: World, row: FloatArray = ROW) -> tuple[Outcome, str]:
    episode = run_episode(world, FixedPolicy(world.embodiment, row[None]), TASK, seed=0, execute=1)
    return episode.outcome, episode.detail


def test_an_episode_runs_at_the_robots_rate() -> None:
    world, robot = world_of()
    assert drive(world)[0] is Outcome.TIMEOUT
    assert world.time.slept == pytest.approx([0.2] * 12)  # type: ignore[attr-defined]
    assert robot.read().state[0] == pytest.approx(0.42 + 12 * 0.01, abs=1e-5)


def test_a_late_tick_is_noted_and_the_next_is_not_hurried() -> None:
    world, _ = world_of()
    world.reset(TASK, seed=0)
    clock = world.time  # type: ignore[attr-defined]
    world.step(ROW)
    clock.now += 0.5
    world.step(ROW)
    world.step(ROW)
    assert world.late == pytest.approx([0.0, 0.5, 0.0])
    assert clock.slept == pytest.approx([0.2, 0.2, 0.2]), "every command has its whole tick"


def test_a_little_lateness_does_not_add_up() -> None:
    world, _ = world_of()
    world.reset(TASK, seed=0)
    clock = world.time  # type: ignore[attr-defined]
    began = clock.now
    for _ in range(10):
        clock.now += 0.015
        world.step(ROW)
    assert clock.now - began == pytest.approx(10 * 0.2)
    assert min(clock.slept) == pytest.approx(0.185)


def test_what_does_not_fit_is_refused_before_connecting() -> None:
    world, robot = world_of()
    big = FakeRobot(FakeConfig(cameras=(EyeSettings("front", 256, 256),)))
    policy = FixedPolicy(big.embodiment, ROW[None])
    with pytest.raises(SpecError, match="256 x 256"):
        run_episode(world, policy, TASK, seed=0, execute=1)
    with pytest.raises(WorldFault, match="not connected"):
        robot.read()


@pytest.mark.parametrize(("fault", "words"), [("lost_at", "does not answer"), ("refuses_at", "refuses")])
def test_a_fault_stops_the_robot_and_stays_until_recovered(fault: str, words: str) -> None:
    world, robot = world_of(**{fault: 4})
    outcome, detail = drive(world)
    assert (outcome, words in detail) == (Outcome.ERROR, True)
    assert robot.stops == 1
    outcome, detail = drive(world)
    assert (outcome, "recover" in detail) == (Outcome.ERROR, True)
    world.recover()
    assert world.reset(TASK, seed=0).state[0] == pytest.approx(0.42)


def test_readings_that_stand_still_make_it_hold_and_then_stop() -> None:
    journal = Journal()
    world, robot = world_of(Watch(observation=Patience(hold=0.5, stop=1.5)), journal, frozen_at=3)
    outcome, detail = drive(world)
    assert outcome is Outcome.ERROR
    assert "old" in detail
    assert robot.stops == 1
    assert set(journal.counts) == {"stale_observation"}
    held = journal.entries
    assert all(entry.sent[:6] == (0.0,) * 6 and entry.asked[0] > 0 for entry in held)


def test_a_frozen_camera_is_named_though_the_state_goes_on() -> None:
    world, _ = world_of(Watch(frozen_pictures=3), frozen_camera_at=2)
    outcome, detail = drive(world)
    assert outcome is Outcome.ERROR
    assert "camera 'front' has shown the same picture 4 times" in detail
    world, _ = world_of(Watch(frozen_pictures=3))
    assert drive(world)[0] is Outcome.TIMEOUT


def test_a_loop_that_thinks_for_too_long_finds_the_robot_stopped() -> None:
    robot = FakeRobot(FakeConfig(rate_hz=50.0))
    world = RobotWorld(robot, watch=Watch(action=Patience(hold=0.05, stop=0.1)))
    world.reset(TASK, seed=0)
    world.step(ROW)
    deadline = time.monotonic() + 20
    while robot.stops == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert robot.stops == 1
    with pytest.raises(WorldFault, match="no action came for"):
        world.step(ROW)
    world.close()
    assert all(thread.name != "robot watchman" for thread in threading.enumerate())


def test_a_reading_of_the_wrong_shape_is_a_fault() -> None:
    world, robot = world_of()
    world.reset(TASK, seed=0)
    robot._config = FakeConfig(cameras=(EyeSettings("front", 8, 8), EyeSettings("wrist", 8, 8)))
    promised = FakeRobot().embodiment
    type(robot).embodiment, kept = property(lambda _: promised), type(robot).embodiment  # type: ignore[method-assign,assignment]
    try:
        with pytest.raises(WorldFault, match="camera 'front' gave uint8"):
            world.step(ROW)
    finally:
        type(robot).embodiment = kept  # type: ignore[method-assign]

"""Whatever goes wrong on the Franka, met by the loop: the robot stands, and nothing moves until it is recovered."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from agent.doubles import FixedPolicy
from agent.ports import Policy
from agent.robots.world import RobotWorld, Watch
from agent.runtime import run_episode
from agent.types import ActionChunk, Embodiment, Observation, Outcome

pytest.importorskip("franky", reason="the extra 'franka' is not installed")
pytest.importorskip("franky_sim", reason="the extra 'cell' is not installed")

from agent.robots.franka import FrankaDriver
from sim.cell.client import EmulatedCell
from tests.robots.franka_bench import TASK, Cells, driver_for

pytestmark = pytest.mark.slow
CELLS = Cells()


@pytest.fixture(scope="module", autouse=True)
def _no_cell_stays() -> Iterator[None]:
    yield
    CELLS.discard()


@pytest.fixture
def cell() -> EmulatedCell:
    return CELLS.get()


def rest_of(cell: EmulatedCell, driver: FrankaDriver) -> float:
    """Return how far any joint moves in a fifth of a second, a moment after a stop [rad]."""
    time.sleep(0.5)
    before = np.array(cell.state()[7:])
    time.sleep(0.2)
    return float(np.abs(np.array(cell.state()[7:]) - before).max())


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("reflex", r"(?i)reflex"),
        ("user_stop", "UserStopped|safety function"),
        ("freeze", "has not answered"),
        ("kill", "."),
        ("cameras", "cameras did not answer"),
    ],
)
def test_trouble_in_the_loop_ends_in_a_stopped_robot_until_somebody_recovers_it(
    cell: EmulatedCell, trouble: str, words: str
) -> None:
    driver = driver_for(cell, patience_s=0.5 if trouble in ("freeze", "kill") else 5.0)
    world = RobotWorld(driver, watch=Watch(observation=None), sleep=lambda seconds: time.sleep(0.02))
    policy = Troublemaker(FixedPolicy(world.embodiment, np.array([[0, 0.01, 0, 0, 0, 0, 1]], dtype=np.float32)))
    policy.at_look(4, lambda: make_trouble(cell, trouble))
    task = replace(TASK, goal=None, max_steps=200)
    try:
        episode = run_episode(world, policy, task, seed=0, execute=1)
        assert episode.outcome is Outcome.ERROR
        assert re.search(words, episode.detail) and "\n" not in episode.detail, episode.detail
        again = run_episode(world, policy, task, seed=0, execute=1)
        assert (again.outcome, again.steps) == (Outcome.ERROR, 0)
        assert "recover it to go on" in again.detail
        if trouble == "kill":
            return
        end_trouble(cell, trouble)
        assert rest_of(cell, driver) < 2e-3
        driver.recover()
        world.recover()
        calm = run_episode(world, policy, replace(task, max_steps=3), seed=0, execute=1)
        assert (calm.outcome, calm.steps) == (Outcome.TIMEOUT, 3), calm.detail
    finally:
        world.close()
        if trouble == "kill":
            CELLS.discard()


class Troublemaker:
    """A policy that does something to the world at its n-th look."""

    def __init__(self, inner: Policy) -> None:
        self._inner, self._looks = inner, 0
        self._when, self._what = -1, lambda: None

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def at_look(self, number: int, what: Callable[[], None]) -> None:
        self._when, self._what = number, what

    def reset(self, *, seed: int) -> None:
        self._inner.reset(seed=seed)

    def act(self, observation: Observation) -> ActionChunk:
        self._looks += 1
        if self._looks == self._when:
            self._what()
        return self._inner.act(observation)


def make_trouble(cell: EmulatedCell, trouble: str) -> None:
    match trouble:
        case "freeze":
            cell.freeze()
        case "cameras":
            cell.freeze(cameras=True)
        case "kill":
            cell.kill()
        case _:
            cell.order_fault(trouble)


def end_trouble(cell: EmulatedCell, trouble: str) -> None:
    match trouble:
        case "freeze":
            cell.thaw()
        case "cameras":
            cell.thaw(cameras=True)
        case "user_stop":
            cell.order_fault("none")

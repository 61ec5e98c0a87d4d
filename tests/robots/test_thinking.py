"""The thread that a policy thinks in: commands go out meanwhile, and what goes wrong in it is the episode's."""

import threading
import time

import numpy as np
import pytest

from agent.errors import PolicyFault, Refusal
from agent.robots.ahead import Ahead, ThreadThinker
from agent.robots.fake import FakeConfig, FakeRobot
from agent.robots.pace import Slow
from agent.robots.world import RobotWorld
from agent.runtime import run_episode
from agent.types import ActionChunk, Embodiment, FloatArray, Observation, Outcome, Task
from tests.robots.test_ahead import BODY, NOTHING, Numbered


class Sender(FakeRobot):
    """Notes when it is sent something."""

    def __init__(self, config: FakeConfig) -> None:
        super().__init__(config)
        self.sent_at: list[float] = []

    def send(self, action: FloatArray) -> FloatArray:
        self.sent_at.append(time.monotonic())
        return super().send(action)


class Ponderer(Numbered):
    """Thinks for three ticks of 20 ms, and notes when."""

    def __init__(self, embodiment: Embodiment) -> None:
        super().__init__(rows=8)
        self.embodiment = embodiment
        self.thoughts: list[tuple[float, float]] = []

    def act(self, observation: Observation) -> ActionChunk:
        began = time.monotonic()
        time.sleep(0.06)
        self.looks = 0
        chunk = super().act(observation)
        self.thoughts.append((began, time.monotonic()))
        return chunk


@pytest.mark.parametrize("thinks_ahead", [False, True])
def test_commands_go_out_while_a_slow_policy_thinks(thinks_ahead: bool) -> None:
    """Real time and real threads; without thinking ahead not one command is sent meanwhile."""
    robot = Sender(FakeConfig(rate_hz=50.0))
    world, slow = RobotWorld(robot), Ponderer(robot.embodiment)
    ahead = Ahead(ThreadThinker(slow), every=4)
    policy, execute = (ahead, 1) if thinks_ahead else (slow, 4)
    episode = run_episode(world, policy, Task("drive", "wave", None, 40), seed=0, execute=execute)
    ahead.close()
    world.close()
    assert (episode.outcome, episode.steps) == (Outcome.TIMEOUT, 40)
    meanwhile = sum(began < at < ended for at in robot.sent_at for began, ended in slow.thoughts)
    assert meanwhile > 5 if thinks_ahead else meanwhile == 0
    assert all("thinking" not in thread.name for thread in threading.enumerate())


class Failing:
    embodiment: Embodiment = BODY

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def reset(self, *, seed: int) -> None: ...

    def act(self, observation: Observation) -> ActionChunk:
        if self._error is None:
            return ActionChunk(np.full((2, 7), np.nan, dtype=np.float32))
        raise self._error


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        (Refusal("there is no unicorn"), Outcome.REFUSED, "unicorn"),
        (PolicyFault("no idea"), Outcome.FAILURE, "no idea"),
        (None, Outcome.FAILURE, "row 0 is not legal: dx is nan"),
    ],
)
def test_what_goes_wrong_in_the_thread_is_the_episodes(error: Exception | None, outcome: Outcome, words: str) -> None:
    world, ahead = RobotWorld(FakeRobot()), Ahead(ThreadThinker(Failing(error)), every=1)
    episode = run_episode(world, ahead, Task("drive", "wave", None, 4), seed=0, execute=1)
    ahead.close()
    world.close()
    assert episode.outcome is outcome
    assert words in episode.detail


def test_a_new_episode_forgets_the_question_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Numbered()
    ahead = Ahead(ThreadThinker(Slow(policy, 0.02)), every=1)
    for _ in range(3):
        ahead.reset(seed=0)
        assert ahead.act(NOTHING).actions[0, 0] == pytest.approx(0.01)
    ahead.close()

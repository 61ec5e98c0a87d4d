"""The one loop: who is to blame for what, what observers see, and what is refused before anything moves."""

from dataclasses import replace

import numpy as np
import pytest

from agent.doubles import POINT_ACTION, CountingPolicy, FixedPolicy, PointTeacher, PointWorld, point_task
from agent.errors import SpecError
from agent.runtime import run_episode
from agent.types import ActionChunk, Embodiment, FloatArray, Goal, Observation, Outcome, Status, Step, Task

STAY = np.array([0, 0, 0, 0, 0, 0, 1], dtype=np.float32)


class Watcher:
    def __init__(self) -> None:
        self.seen: list[tuple[int, Observation, Step]] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self.seen.append((tick, before, step))


class ScriptedStatus:
    """A world whose status at each tick is given."""

    def __init__(self, statuses: list[Status]) -> None:
        self._world, self._statuses = PointWorld(), statuses
        self.embodiment = self._world.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        self._tick = -1
        return self._world.reset(task, seed=seed)

    def step(self, action: FloatArray) -> Step:
        self._tick += 1
        return replace(self._world.step(action), status=self._statuses[self._tick])

    def close(self) -> None:
        self._world.close()


class Counting:
    """Stays where it is, one row further up at each look, and remembers what it was shown."""

    def __init__(self, embodiment: Embodiment, rows: int) -> None:
        self.embodiment, self._rows = embodiment, rows
        self.looks: list[float] = []

    def reset(self, *, seed: int) -> None:
        self.looks = []

    def act(self, observation: Observation) -> ActionChunk:
        self.looks.append(observation.time)
        return ActionChunk(np.tile(STAY, (self._rows, 1)))


def test_success_ends_the_episode_when_held() -> None:
    world = PointWorld()
    episode = run_episode(world, PointTeacher(world), point_task(3), seed=3, execute=2)
    assert episode.outcome is Outcome.SUCCESS
    assert episode.success_any and episode.success_last and episode.success_held
    assert episode.steps < point_task(3).max_steps
    assert (episode.seed, episode.task) == (3, point_task(3))


def test_timeout_says_how_far_it_came() -> None:
    world = PointWorld()
    episode = run_episode(world, FixedPolicy(world.embodiment, STAY[None]), point_task(3), seed=3, execute=1)
    assert (episode.outcome, episode.steps) == (Outcome.TIMEOUT, 40)
    assert episode.detail == "never reached the dot in 40 steps"


@pytest.mark.parametrize(
    ("statuses", "any_last_held"),
    [
        ([Status(), Status()], (False, False, False)),
        ([Status(satisfied=True), Status()], (True, False, False)),
        ([Status(), Status(satisfied=True)], (True, True, False)),
        ([Status(satisfied=True), Status(satisfied=True, held=True)], (True, True, True)),
    ],
)
def test_three_readings_of_success(statuses: list[Status], any_last_held: tuple[bool, bool, bool]) -> None:
    world = ScriptedStatus(statuses)
    task = point_task(0, max_steps=2)
    episode = run_episode(world, FixedPolicy(world.embodiment, STAY[None]), task, seed=0, execute=1)
    assert (episode.success_any, episode.success_last, episode.success_held) == any_last_held
    assert (episode.outcome is Outcome.SUCCESS) == any_last_held[2]


def test_refusal_and_world_fault() -> None:
    world = PointWorld()
    shy = FixedPolicy(world.embodiment, STAY[None], refusal="there is no eggplant")
    refused = run_episode(world, shy, point_task(0), seed=0, execute=1)
    assert (refused.outcome, refused.detail, refused.steps) == (Outcome.REFUSED, "there is no eggplant", 0)
    broken = PointWorld(breaks_at=2)
    failed = run_episode(broken, FixedPolicy(world.embodiment, STAY[None]), point_task(0), seed=0, execute=1)
    assert (failed.outcome, failed.steps) == (Outcome.ERROR, 2)
    assert "thread" in failed.detail


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (np.full((1, 7), np.nan), "dx is nan"),
        (np.full((1, 7), np.inf), "dx is inf"),
        (np.zeros((1, 6)), "expected 7 values"),
        (np.zeros((0, 7)), "shape (0, 7)"),
        (np.zeros(7), "shape (7,)"),
        (np.tile(STAY, (2, 1)) + np.array([[0], [0.06]]), "row 1 is not legal: dx = 0.06 m is outside [-0.05, 0.05]"),
    ],
)
def test_illegal_actions_fail_before_the_world_moves(rows: np.ndarray, problem: str) -> None:
    world, watcher = PointWorld(), Watcher()
    episode = run_episode(
        world, FixedPolicy(world.embodiment, rows), point_task(0), seed=0, execute=2, observers=[watcher]
    )
    assert episode.outcome is Outcome.FAILURE
    assert problem in episode.detail
    assert (episode.steps, watcher.seen) == (0, [])


@pytest.mark.parametrize("execute", [1, 3, 4, 9])
def test_rows_executed_per_look(execute: int) -> None:
    world = PointWorld()
    policy = Counting(world.embodiment, rows=4)
    episode = run_episode(world, policy, point_task(0, max_steps=10), seed=0, execute=execute)
    assert episode.steps == 10
    stride = min(execute, 4)
    np.testing.assert_allclose(policy.looks, np.arange(0, 10, stride) / world.embodiment.rate_hz)


def test_a_policy_is_reminded_of_its_own_episode_alone() -> None:
    world = PointWorld()
    policy = CountingPolicy(world.embodiment)
    for seed in (0, 1):
        run_episode(world, policy, replace(point_task(seed), max_steps=4), seed=seed, execute=1)
    assert policy.counts == [1, 2, 3, 4, 1, 2, 3, 4]


def test_observers_see_every_step_once_in_order() -> None:
    world, watcher = PointWorld(), Watcher()
    task = point_task(5)
    episode = run_episode(world, PointTeacher(world), task, seed=5, execute=3, observers=[watcher])
    assert [tick for tick, _, _ in watcher.seen] == list(range(episode.steps))
    for (_, _, step), (_, before, _) in zip(watcher.seen, watcher.seen[1:], strict=False):
        assert step.observation is before
    assert watcher.seen[0][1].time == 0.0
    assert watcher.seen[-1][2].status.held


def test_executed_is_what_the_workspace_allowed() -> None:
    world, watcher = PointWorld(), Watcher()
    up = STAY + np.array([0, 0, 0.05, 0, 0, 0, 0], dtype=np.float32)
    task = point_task(0, max_steps=12)
    run_episode(world, FixedPolicy(world.embodiment, up[None]), task, seed=0, execute=1, observers=[watcher])
    assert watcher.seen[-1][2].executed[2] == 0.0
    assert watcher.seen[-1][2].observation.state[2] == np.float32(0.30)


def test_wrong_requests_are_refused() -> None:
    world = PointWorld()
    policy, task = FixedPolicy(world.embodiment, STAY[None]), point_task(0)
    other_rate = FixedPolicy(replace(world.embodiment, rate_hz=10.0), STAY[None])
    for bad_policy, bad_task, execute, words in (
        (policy, replace(task, instruction="  "), 1, "instruction is empty"),
        (policy, task, 0, "at least 1"),
        (other_rate, task, 1, "10 Hz"),
        (policy, replace(task, goal=Goal("in", "dot", "rde square")), 1, "did you mean 'red square'"),
    ):
        with pytest.raises(SpecError, match=words):
            run_episode(world, bad_policy, bad_task, seed=0, execute=execute)


def test_an_instruction_without_a_goal_runs_unjudged() -> None:
    world = PointWorld()
    task = replace(point_task(0, max_steps=3), goal=None, instruction="dance")
    episode = run_episode(world, FixedPolicy(world.embodiment, STAY[None]), task, seed=0, execute=1)
    assert (episode.outcome, episode.steps) == (Outcome.TIMEOUT, 3)
    assert "only the world could judge" in episode.detail


def test_point_world_is_its_seed() -> None:
    one, two = PointWorld(), PointWorld()
    two.reset(point_task(1), seed=1)
    for seed in (7, 8):
        a, b = one.reset(point_task(seed), seed=seed), two.reset(point_task(seed), seed=seed)
        assert a.state.tobytes() == b.state.tobytes()
        assert all(a.images[name].tobytes() == b.images[name].tobytes() for name in a.images)
        step_a, step_b = one.step(POINT_ACTION.clip(STAY)), two.step(STAY)
        assert step_a.observation.images["front"].tobytes() == step_b.observation.images["front"].tobytes()
    assert one.reset(point_task(7), seed=7).state.tobytes() != one.reset(point_task(7), seed=8).state.tobytes()

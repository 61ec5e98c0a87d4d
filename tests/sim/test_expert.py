"""The expert solves every family, from states it did not choose, as a function of the present state alone."""

import numpy as np
import pytest

from agent.errors import Refusal
from agent.runtime import run_episode
from agent.types import ActionChunk, CameraSpec, Embodiment, Goal, Observation, Outcome, Task
from sim.chains import sample_chain
from sim.expert import ScriptedExpert, nearest_yaw, wrap
from sim.goals import is_true
from sim.tasks import FAMILIES, NAMED_TASKS, sample_task
from sim.world import TabletopWorld

TINY = (CameraSpec("front", 8, 8),)


@pytest.fixture(scope="module")
def world() -> TabletopWorld:
    return TabletopWorld(TINY)


@pytest.mark.parametrize("family", FAMILIES)
def test_solves_every_family(world: TabletopWorld, family: str) -> None:
    for seed in range(530_000, 530_004):
        task = sample_task(family, np.random.default_rng(seed))
        episode = run_episode(world, ScriptedExpert(world), task, seed=seed, execute=1)
        assert episode.outcome is Outcome.SUCCESS, (seed, task.goal, episode.detail)
        assert episode.status.wrong_object is None


@pytest.mark.parametrize("name", NAMED_TASKS)
def test_solves_the_named_tasks(world: TabletopWorld, name: str) -> None:
    episode = run_episode(world, ScriptedExpert(world), NAMED_TASKS[name], seed=530_100, execute=1)
    assert episode.outcome is Outcome.SUCCESS


class Clumsy:
    """The expert, but for some ticks the gripper opens: what it carries is dropped."""

    def __init__(self, expert: ScriptedExpert, slips: range) -> None:
        self._expert, self._slips, self._tick = expert, slips, 0

    @property
    def embodiment(self) -> Embodiment:
        return self._expert.embodiment

    def reset(self, *, seed: int) -> None:
        self._tick = 0

    def act(self, observation: Observation) -> ActionChunk:
        row = self._expert.act(observation).actions[0].copy()
        if self._tick in self._slips:
            row[6] = 1.0
        self._tick += 1
        return ActionChunk(row[None])


def test_recovers_from_a_slip(world: TabletopWorld) -> None:
    task = NAMED_TASKS["eggplant_in_bowl"]
    clean = run_episode(world, ScriptedExpert(world), task, seed=530_200, execute=1)
    slipped = run_episode(world, Clumsy(ScriptedExpert(world), range(10, 13)), task, seed=530_200, execute=1)
    assert slipped.outcome is Outcome.SUCCESS
    assert slipped.steps > clean.steps


def test_carries_out_a_chain_without_a_reset(world: TabletopWorld) -> None:
    """Five tasks in one scene, each judged from where the one before left it."""
    tasks = sample_chain(np.random.default_rng(530_300))
    expert = ScriptedExpert(world)
    for number, task in enumerate(tasks):
        observation = world.reset(task, seed=530_300) if number == 0 else world.assign(task)
        for _ in range(task.max_steps):
            step = world.step(expert.act(observation).actions[0])
            observation = step.observation
            if step.status.held:
                break
        assert step.status.held, (number, task.goal)


@pytest.mark.parametrize("receptacle", ["bowl", "tray"])
def test_fills_a_receptacle_with_one_thing_beside_the_other(world: TabletopWorld, receptacle: str) -> None:
    """The second and third go where there is room, not into the middle on top of the first."""
    things, relation = ("red cube", "lemon", "blue cube"), "in" if receptacle == "bowl" else "on"
    tasks = [Task("fill", f"fill {name}", Goal(relation, name, receptacle), 80, things) for name in things]
    world.reset(Task("fill", "fill", tasks[0].goal, 80, things, distractors=(0, 0)), seed=530_600)
    for task in tasks:
        observation = world.assign(task)
        for _ in range(task.max_steps):
            step = world.step(ScriptedExpert(world).act(observation).actions[0])
            if step.status.held:
                break
        assert step.status.held, task.goal
    assert all(is_true(task.goal, world.scene, world.state(), start=world.start_state()) for task in tasks if task.goal)


def test_aims_are_where_the_object_is_and_where_it_goes(world: TabletopWorld) -> None:
    world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=530_400)
    aims, entities = ScriptedExpert(world).aims(), world.state().entities
    assert aims.shape == (6,)
    assert np.linalg.norm(aims[:2] - entities["eggplant"].pose.position[:2]) < 0.03
    assert np.linalg.norm(aims[3:5] - entities["bowl"].pose.position[:2]) < 0.03


def test_needs_a_goal(world: TabletopWorld) -> None:
    observation = world.reset(Task("free", "dance", None, 10), seed=530_500)
    with pytest.raises(Refusal, match="match no known task"):
        ScriptedExpert(world).act(observation)


def test_nearest_yaw_uses_the_grippers_symmetry() -> None:
    for yaw in np.linspace(-7, 7, 41):
        for current in np.linspace(-1.5, 1.5, 7):
            near = nearest_yaw(float(yaw), float(current))
            assert abs(near) <= np.deg2rad(100)
            assert abs(wrap(2 * (near - yaw))) < 1e-9

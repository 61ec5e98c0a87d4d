"""Chains go on without a reset and stop at the first task that fails."""

from dataclasses import replace

import pytest

from agent.doubles import SQUARES, PointTeacher, PointWorld
from agent.errors import SpecError
from agent.evaluation.attempt import attempt
from agent.evaluation.suite import Trial
from agent.types import CameraSpec, FloatArray, Goal, Observation, Outcome, Step, Task
from sim.expert import ScriptedExpert
from sim.perturb import Perturbation
from sim.tasks import NAMED_TASKS
from sim.world import TabletopWorld

TINY = (CameraSpec("front", 8, 8), CameraSpec("wrist", 8, 8))


def to_square(square: str, *, max_steps: int = 40) -> Task:
    return Task("point", f"move the dot to the {square}", Goal("in", "dot", square), max_steps)


class Continuing(PointWorld):
    """Counts resets; the next task is judged from where the dot is now."""

    def __init__(self) -> None:
        super().__init__()
        self.resets = 0

    def reset(self, task: Task, *, seed: int) -> Observation:
        self.resets += 1
        return super().reset(task, seed=seed)

    def assign(self, task: Task) -> Observation:
        self._task, self._tick, self._ticks_satisfied, self._reached = task, 0, 0, False
        return self._observe()

    def step(self, action: FloatArray) -> Step:
        return super().step(action)


def chain(*steps: int) -> Trial:
    first, *rest = [to_square(square, max_steps=n) for square, n in zip([*SQUARES, *SQUARES], steps, strict=False)]
    return Trial("chain", first, 3, then=tuple(rest))


def test_every_link_done_is_a_success_without_another_reset() -> None:
    world = Continuing()
    episode = attempt(world, PointTeacher(world), chain(40, 40, 40, 40, 40), execute=1)
    assert (episode.outcome, episode.completed, world.resets) == (Outcome.SUCCESS, 5, 1)
    assert episode.steps > 15
    assert episode.detail.startswith("5 of 5 done")
    assert episode.task == to_square("red square")


def test_a_chain_ends_with_the_first_link_that_fails() -> None:
    world = Continuing()
    episode = attempt(world, PointTeacher(world), chain(40, 40, 1, 40, 40), execute=1)
    assert (episode.outcome, episode.completed) == (Outcome.TIMEOUT, 2)
    assert "2 of 5 done; the last: " in episode.detail


def test_a_world_that_cannot_go_on_says_so() -> None:
    world = PointWorld()
    with pytest.raises(SpecError, match="the world 'point' cannot go on with another task"):
        attempt(world, PointTeacher(world), chain(40, 40), execute=1)


def test_only_the_tabletop_can_be_perturbed() -> None:
    world = PointWorld()
    trial = replace(chain(40), perturbation=Perturbation(light=1))
    with pytest.raises(SpecError, match="the world 'point' cannot be perturbed; the tabletop can"):
        attempt(world, PointTeacher(world), trial, execute=1)


def test_a_perturbed_trial_leaves_the_next_one_as_it_was() -> None:
    world = TabletopWorld(TINY)
    expert, task = ScriptedExpert(world), NAMED_TASKS["eggplant_in_bowl"]
    plain = Trial("plain", task, 500_003)
    before = attempt(world, expert, plain, execute=1)
    hard = attempt(world, expert, replace(plain, perturbation=Perturbation(start=5, mass=3)), execute=1)
    after = attempt(world, expert, plain, execute=1)
    assert before.completed == hard.completed == 1
    assert replace(after, seconds=0.0) == replace(before, seconds=0.0)
    assert hard.steps != before.steps
    world.close()


def test_the_expert_carries_a_chain_through_a_perturbed_table() -> None:
    world = TabletopWorld(TINY)
    first = Task("lift", "lift the eggplant", Goal("lift", "eggplant"), 70, entities=("bowl",), distractors=(0, 0))
    then = replace(NAMED_TASKS["eggplant_in_bowl"], distractors=(0, 0))
    trial = Trial("chain", first, 500_004, perturbation=Perturbation(noise=2, texture=2), then=(then,))
    episode = attempt(world, ScriptedExpert(world), trial, execute=1)
    assert (episode.outcome, episode.completed) == (Outcome.SUCCESS, 2), episode.detail
    world.close()
